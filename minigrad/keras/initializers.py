"""Initial weights under Keras's names: `initializer(shape, dtype)` is a tensor, (in, units) its last axes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import minigrad as mg
from minigrad.keras._get import Configured, by_names, lookup, made
from minigrad.nn import init

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Initializer(Configured):
    """What fills a new tensor. seed: the same numbers at each call; without, they come from `minigrad.manual_seed`."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """A tensor of initial weights."""
        seed = self._given.get("seed")
        generator = None if seed is None else mg.Generator().manual_seed(seed)
        return self._filled(mg.empty(*shape, dtype=dtype or mg.float32), generator)

    def _filled(self, x: Any, generator: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no method __call__(self, shape, dtype=None).")


def _initializer(name: str, doc: str, fill: Callable[[Any, Any, Any], Any], **options: Any) -> Any:
    """The class of fill(initializer, tensor, generator)."""
    return made(Initializer, name, doc, _options=options, _filled=fill)


def _scaled(name: str, paper: str, scale: float, both: bool) -> list[Any]:
    """The uniform and the normal class of the variance scale / fan_in, or scale over the mean of fan_in and fan_out."""

    def fill(self: Any, x: Any, generator: Any) -> Any:
        fan_in = prod(x.shape[:-1]) if len(x.shape) > 1 else prod(x.shape)
        fan = (fan_in + prod(x.shape[:-2]) * prod(x.shape[-1:])) / 2 if both else fan_in
        return init.variance_scaling_(x, max(fan, 1), scale, self.distribution, generator)

    doc = f"of variance {scale:g} / {'(mean of fan_in and fan_out)' if both else 'fan_in'} ({paper})."
    return [
        made(Initializer, f"{name}{kind}", f"{what}, {doc}", _options={"seed": None}, _filled=fill, distribution=distribution)
        for kind, what, distribution in (
            ("Uniform", "Uniform", "uniform"), ("Normal", "Normal, cut off at two standard deviations", "truncated_normal")
        )
    ]  # fmt: skip


# fmt: off
GlorotUniform, GlorotNormal = _scaled("Glorot", "Glorot and Bengio 2010", 1.0, both=True)
HeUniform, HeNormal = _scaled("He", "He et al. 2015", 2.0, both=False)
LecunUniform, LecunNormal = _scaled("Lecun", "LeCun et al. 1998", 1.0, both=False)
Zeros = _initializer("Zeros", "Zeros.", lambda self, x, g: init.zeros_(x))
Ones = _initializer("Ones", "Ones.", lambda self, x, g: init.ones_(x))
Constant = _initializer("Constant", "One value.", lambda self, x, g: init.constant_(x, self.value), value=0.0)
RandomUniform = _initializer(
    "RandomUniform", "Uniformly from [minval, maxval).",
    lambda self, x, g: init.uniform_(x, self.minval, self.maxval, g), minval=-0.05, maxval=0.05, seed=None)
RandomNormal = _initializer(
    "RandomNormal", "Normally distributed.",
    lambda self, x, g: init.normal_(x, self.mean, self.stddev, g), mean=0.0, stddev=0.05, seed=None)
TruncatedNormal = _initializer(
    "TruncatedNormal", "Normally distributed, but within two stddev of the mean.",
    lambda self, x, g: init.trunc_normal_(x, m := self.mean, s := self.stddev, m - 2 * s, m + 2 * s, g), mean=0.0, stddev=0.05, seed=None)
_TABLE = by_names((
    GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal, Zeros, Ones, Constant, RandomUniform,
    RandomNormal, TruncatedNormal,
))
# fmt: on


def get(identifier: Any) -> Any:
    """An initializer by its name or class, or itself, which may be a function (shape, dtype)."""
    return lookup("initializers", identifier, _TABLE)
