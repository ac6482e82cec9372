"""Learning rates that depend on the number of steps done (not of epochs): `schedule(step)`."""

from __future__ import annotations

from bisect import bisect_left
from math import ceil, cos, floor, log, pi
from typing import TYPE_CHECKING

from minigrad.errors import message
from minigrad.keras._get import Configured

if TYPE_CHECKING:
    from typing import Any, ClassVar


class LearningRateSchedule(Configured):
    """What gives the rate of each step: `__call__(step)`, which a subclass may write."""

    def __call__(self, step: int) -> float:
        """The rate of a step; the first has number 0."""
        return float(self._rate(step))

    def _rate(self, step: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no method __call__(self, step).")


class _Decay(LearningRateSchedule):
    """Begins at initial_learning_rate; what it does takes decay_steps."""

    def _settle(self) -> None:
        if not self.decay_steps > 0:
            raise ValueError(message(type(self).__name__, "decay_steps", self.decay_steps, "a number above 0"))

    def _done(self, step: int) -> Any:
        """The share of decay_steps that is done, with `staircase` in whole numbers."""
        share = step / self.decay_steps
        return floor(share) if self.staircase else share


_START: dict[str, Any] = {"initial_learning_rate": ..., "decay_steps": ...}


class ExponentialDecay(_Decay):
    """initial_learning_rate * decay_rate^(step / decay_steps); staircase: in steps of decay_steps."""

    _options: ClassVar[dict[str, Any]] = {**_START, "decay_rate": ..., "staircase": False, "name": "ExponentialDecay"}

    def _rate(self, step: int) -> Any:
        return self.initial_learning_rate * self.decay_rate ** self._done(step)


class InverseTimeDecay(_Decay):
    """initial_learning_rate / (1 + decay_rate step / decay_steps); staircase: in steps of decay_steps."""

    _options: ClassVar[dict[str, Any]] = {**_START, "decay_rate": ..., "staircase": False, "name": "InverseTimeDecay"}

    def _rate(self, step: int) -> Any:
        return self.initial_learning_rate / (1 + self.decay_rate * self._done(step))


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] up to step boundaries[0], values[1] up to step boundaries[1], and so on; one value more at the end."""

    _options: ClassVar[dict[str, Any]] = {"boundaries": ..., "values": ..., "name": "PiecewiseConstant"}

    def _settle(self) -> None:
        if len(self.values) != len(self.boundaries) + 1 or list(self.boundaries) != sorted(self.boundaries):
            got = f"boundaries {self.boundaries} and {len(self.values)} values"
            expected = "rising boundaries, and a value more"
            raise ValueError(message("PiecewiseConstantDecay", "boundaries, values", got, expected))

    def _rate(self, step: int) -> Any:
        return self.values[bisect_left(self.boundaries, step)]


class PolynomialDecay(_Decay):
    """From initial_learning_rate to end_learning_rate by (1 - step / decay_steps)^power; there it stays, or (cycle)
    decay_steps is taken as often as the step needs."""

    _options: ClassVar[dict[str, Any]] = {
        **_START, "end_learning_rate": 0.0001, "power": 1.0, "cycle": False, "name": "PolynomialDecay",
    }  # fmt: skip

    def _rate(self, step: int) -> Any:
        times = max(1, ceil(step / self.decay_steps)) if self.cycle else 1
        left = 1 - min(step, self.decay_steps * times) / (self.decay_steps * times)
        return (self.initial_learning_rate - self.end_learning_rate) * left**self.power + self.end_learning_rate


class CosineDecay(_Decay):
    """From initial_learning_rate to alpha times it along half a cosine (Loshchilov and Hutter 2017); before that, in
    warmup_steps, straight from initial_learning_rate to warmup_target, from which it then decays."""

    _options: ClassVar[dict[str, Any]] = {
        **_START, "alpha": 0.0, "name": "CosineDecay", "warmup_target": None, "warmup_steps": 0,
    }  # fmt: skip

    def _rate(self, step: int) -> Any:
        start = top = self.initial_learning_rate
        if self.warmup_target is not None:
            top = self.warmup_target
            if step < self.warmup_steps:
                return start + (top - start) * step / self.warmup_steps
            step -= self.warmup_steps
        share = min(step, self.decay_steps) / self.decay_steps
        return top * ((1 - self.alpha) * 0.5 * (1 + cos(pi * share)) + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine over first_decay_steps, then again and again: each is t_mul times as long and begins m_mul times as
    high as the one before (Loshchilov and Hutter 2017)."""

    _options: ClassVar[dict[str, Any]] = {
        "initial_learning_rate": ..., "first_decay_steps": ..., "t_mul": 2.0, "m_mul": 1.0, "alpha": 0.0,
        "name": "SGDRDecay",
    }  # fmt: skip

    def _rate(self, step: int) -> Any:
        share, t = step / self.first_decay_steps, self.t_mul
        # The first i waves take 1 + t + ... + t^(i - 1) = (1 - t^i) / (1 - t) times the first.
        i = floor(share) if t == 1 else floor(log(1 - share * (1 - t)) / log(t))
        share = share - i if t == 1 else (share - (1 - t**i) / (1 - t)) / t**i
        wave = 0.5 * self.m_mul**i * (1 + cos(pi * share))
        return self.initial_learning_rate * ((1 - self.alpha) * wave + self.alpha)
