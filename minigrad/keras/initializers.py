"""Initial weights under Keras's names: `initializer(shape, dtype)` is a tensor, (in, units) its last axes."""

from __future__ import annotations

from math import prod, sqrt
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


def _truncated(x: Any, mean: float, std: float, generator: Any) -> Any:
    return init.trunc_normal_(x, mean, std, mean - 2 * std, mean + 2 * std, generator)


def _scaled(paper: str, scale: float, both: bool, uniform: bool) -> Any:
    """The class of random numbers whose variance is scale / fan_in, or scale over the mean of fan_in and fan_out."""

    def fill(self: Any, x: Any, generator: Any) -> Any:
        fan_in = prod(x.shape[:-1]) if len(x.shape) > 1 else prod(x.shape)
        fan_out = prod(x.shape[:-2]) * prod(x.shape[-1:])
        std = sqrt(scale / max((fan_in + fan_out) / 2 if both else fan_in, 1))
        if uniform:
            return init.uniform_(x, -sqrt(3) * std, sqrt(3) * std, generator)
        # What is cut off beyond two standard deviations makes a standard normal number's smaller, by this factor.
        return _truncated(x, 0.0, std / 0.87962566103423978, generator)

    name, fan = paper.split()[0].title() + ("Uniform" if uniform else "Normal"), "mean of fans" if both else "fan_in"
    doc = f"{'Uniform' if uniform else 'Truncated normal'}, of variance {scale:g} / ({fan}) ({paper})."
    return _initializer(name, doc, fill, seed=None)


# fmt: off
GlorotUniform, GlorotNormal = (_scaled("Glorot and Bengio 2010", 1.0, True, uniform) for uniform in (True, False))
HeUniform, HeNormal = (_scaled("He et al. 2015", 2.0, False, uniform) for uniform in (True, False))
LecunUniform, LecunNormal = (_scaled("LeCun et al. 1998", 1.0, False, uniform) for uniform in (True, False))
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
    lambda self, x, g: _truncated(x, self.mean, self.stddev, g), mean=0.0, stddev=0.05, seed=None)
_TABLE = by_names((
    GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal, Zeros, Ones, Constant, RandomUniform,
    RandomNormal, TruncatedNormal,
))
# fmt: on


def get(identifier: Any) -> Any:
    """An initializer by its name or class, or itself, which may be a function (shape, dtype)."""
    return lookup("initializers", identifier, _TABLE)
