"""Initial weights under Keras's names: `initializer(shape, dtype)` is a tensor, (in, units) its last axes."""

from __future__ import annotations

from math import prod, sqrt
from typing import TYPE_CHECKING

import minigrad as mg
from minigrad.errors import message
from minigrad.keras._get import Configured, lookup, made, snake
from minigrad.nn import init

if TYPE_CHECKING:
    from typing import Any, ClassVar


class Initializer(Configured):
    """What fills a new tensor. seed: the same numbers at each call; without, they come from `minigrad.manual_seed`."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """A tensor of initial weights."""
        seed = self._given.get("seed")
        generator = None if seed is None else mg.Generator().manual_seed(seed)
        return self._filled(mg.empty(*shape, dtype=dtype or mg.float32), generator)

    def _filled(self, tensor: Any, generator: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no method __call__(self, shape, dtype=None).")


class VarianceScaling(Initializer):
    """Random numbers of the variance scale / fan, fan being "fan_in", "fan_out" or their mean, "fan_avg"; "uniform",
    "untruncated_normal" or "truncated_normal": within two of a standard deviation that makes up for what is cut off."""

    _options: ClassVar[dict[str, Any]] = {
        "scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal", "seed": None
    }  # fmt: skip

    def _settle(self) -> None:
        for option, known in (
            ("mode", ("fan_in", "fan_out", "fan_avg")),
            ("distribution", ("truncated_normal", "untruncated_normal", "uniform")),
        ):
            if getattr(self, option) not in known:
                raise ValueError(message(type(self).__name__, option, repr(getattr(self, option)), f"one of {known}"))
        if not self.scale > 0:
            raise ValueError(message(type(self).__name__, "scale", self.scale, "a number above 0"))

    def _filled(self, tensor: Any, generator: Any) -> Any:
        window = prod(tensor.shape[:-2])
        ends = window * prod((tensor.shape[-2:] or (1,))[:1]), window * prod(tensor.shape[-1:])
        fan = {"fan_in": ends[0], "fan_out": ends[1], "fan_avg": sum(ends) / 2}[self.mode]
        std = sqrt(self.scale / max(fan, 1))
        if self.distribution == "uniform":
            return init.uniform_(tensor, -sqrt(3) * std, sqrt(3) * std, generator)
        if self.distribution == "untruncated_normal":
            return init.normal_(tensor, 0.0, std, generator)
        std /= 0.87962566103423978  # the standard deviation of a standard normal number that is within [-2, 2]
        return init.trunc_normal_(tensor, 0.0, std, -2 * std, 2 * std, generator)


def _scaled(name: str, doc: str, scale: float, mode: str, distribution: str) -> Any:
    def _settle(self: Any) -> None:
        vars(self).update(scale=scale, mode=mode, distribution=distribution)

    return made(VarianceScaling, name, doc, _options={"seed": None}, _settle=_settle)


_GLOROT, _HE, _LECUN = "(Glorot and Bengio 2010).", "(He et al. 2015).", "(LeCun et al. 1998)."
_NORMAL, _UNIFORM = "truncated_normal", "uniform"
GlorotUniform = _scaled("GlorotUniform", f"Within +-sqrt(6 / (fan_in + fan_out)) {_GLOROT}", 1.0, "fan_avg", _UNIFORM)
GlorotNormal = _scaled("GlorotNormal", f"Of variance 2 / (fan_in + fan_out) {_GLOROT}", 1.0, "fan_avg", _NORMAL)
HeUniform = _scaled("HeUniform", f"Within +-sqrt(6 / fan_in) {_HE}", 2.0, "fan_in", _UNIFORM)
HeNormal = _scaled("HeNormal", f"Of variance 2 / fan_in {_HE}", 2.0, "fan_in", _NORMAL)
LecunUniform = _scaled("LecunUniform", f"Within +-sqrt(3 / fan_in) {_LECUN}", 1.0, "fan_in", _UNIFORM)
LecunNormal = _scaled("LecunNormal", f"Of variance 1 / fan_in {_LECUN}", 1.0, "fan_in", _NORMAL)


def _plain(name: str, doc: str, fill: Any, **options: Any) -> Any:
    """The class of a function fill(self, tensor, generator)."""
    return made(Initializer, name, doc, _options=options, _filled=fill)


Zeros = _plain("Zeros", "Zeros.", lambda self, x, g: init.zeros_(x))
Ones = _plain("Ones", "Ones.", lambda self, x, g: init.ones_(x))
Constant = _plain("Constant", "One value everywhere.", lambda self, x, g: init.constant_(x, self.value), value=0.0)
Identity = _plain("Identity", "gain on the diagonal.", lambda self, x, g: x.copy_(self.gain * init.eye_(x)), gain=1.0)
RandomUniform = _plain(
    "RandomUniform", "Uniformly from [minval, maxval).",
    lambda self, x, g: init.uniform_(x, self.minval, self.maxval, g), minval=-0.05, maxval=0.05, seed=None,
)  # fmt: skip
RandomNormal = _plain(
    "RandomNormal", "Normally distributed.",
    lambda self, x, g: init.normal_(x, self.mean, self.stddev, g), mean=0.0, stddev=0.05, seed=None,
)  # fmt: skip
TruncatedNormal = _plain(
    "TruncatedNormal", "Normally distributed, but within two stddev of the mean.",
    lambda self, x, g: init.trunc_normal_(x, self.mean, s := self.stddev, self.mean - 2 * s, self.mean + 2 * s, g),
    mean=0.0, stddev=0.05, seed=None,
)  # fmt: skip
Orthogonal = _plain(
    "Orthogonal", "Rows or columns at right angles (Saxe, McClelland and Ganguli 2014).",
    lambda self, x, g: init.orthogonal_(x, self.gain, g), gain=1.0, seed=None,
)  # fmt: skip

_found = [c for c in globals().values() if isinstance(c, type) and issubclass(c, Initializer) and c is not Initializer]
_TABLE = {n: c for c in _found for n in (c.__name__, snake(c.__name__))}


def get(identifier: Any) -> Any:
    """An initializer by its name or class, or itself, which may be a function (shape, dtype)."""
    return lookup("initializers", identifier, _TABLE)
