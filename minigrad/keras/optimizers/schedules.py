"""Learning rates that depend on the number of steps done (not of epochs): `schedule(step)`."""

from __future__ import annotations

from bisect import bisect_left
from math import ceil, cos, floor, log, pi
from typing import TYPE_CHECKING

from minigrad.errors import message
from minigrad.keras._get import Configured, made

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class LearningRateSchedule(Configured):
    """What gives the rate of each step, the first having number 0: `__call__(step)`, which a subclass writes."""

    def _settle(self) -> None:
        if not (steps := self._given.get("decay_steps", 1)) > 0:
            raise ValueError(message(type(self).__name__, "decay_steps", steps, "a number above 0"))
        values, bounds = len(self._given.get("values", [0])), list(self._given.get("boundaries", []))
        if values != len(bounds) + 1 or bounds != sorted(bounds):
            got, expected = f"{bounds} and {values} values", "rising boundaries, and a value more"
            raise ValueError(message(type(self).__name__, "boundaries, values", got, expected))

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        raise NotImplementedError(f"{type(self).__name__} has no method __call__(self, step).")


def _schedule(name: str, doc: str, rate: Callable[[Any, int], Any], **options: Any) -> Any:
    """The class of a formula rate(schedule, step)."""
    return made(LearningRateSchedule, name, doc, _options=options, __call__=lambda s, step: float(rate(s, step)))


def _done(s: Any, step: int) -> Any:
    return floor(step / s.decay_steps) if s.staircase else step / s.decay_steps


def _polynomial(s: Any, step: int) -> Any:
    steps = s.decay_steps * (max(1, ceil(step / s.decay_steps)) if s.cycle else 1)
    left = 1 - min(step, steps) / steps
    return (s.initial_learning_rate - s.end_learning_rate) * left**s.power + s.end_learning_rate


def _cosine(s: Any, step: int) -> Any:
    start, top = s.initial_learning_rate, s.warmup_target
    if top is not None and step < s.warmup_steps:
        return start + (top - start) * step / s.warmup_steps
    top, step = (start, step) if top is None else (top, step - s.warmup_steps)
    return top * ((1 - s.alpha) * 0.5 * (1 + cos(pi * min(step / s.decay_steps, 1))) + s.alpha)


def _restarts(s: Any, step: int) -> Any:
    share, t = step / s.first_decay_steps, s.t_mul
    # The first i waves take 1 + t + ... + t^(i - 1) = (1 - t^i) / (1 - t) times the first.
    i = floor(share) if t == 1 else floor(log(1 - share * (1 - t)) / log(t))
    share = share - i if t == 1 else (share - (1 - t**i) / (1 - t)) / t**i
    wave = 0.5 * s.m_mul**i * (1 + cos(pi * share))
    return s.initial_learning_rate * ((1 - s.alpha) * wave + s.alpha)


_START: dict[str, Any] = {"initial_learning_rate": ..., "decay_steps": ...}
_RATE: dict[str, Any] = {**_START, "decay_rate": ..., "staircase": False}

# fmt: off
ExponentialDecay = _schedule(
    "ExponentialDecay", "initial_learning_rate * decay_rate^(step / decay_steps); staircase: in steps of decay_steps.",
    lambda s, step: s.initial_learning_rate * s.decay_rate ** _done(s, step), **_RATE)
InverseTimeDecay = _schedule(
    "InverseTimeDecay", "initial_learning_rate / (1 + decay_rate step / decay_steps); staircase as there.",
    lambda s, step: s.initial_learning_rate / (1 + s.decay_rate * _done(s, step)), **_RATE)
PiecewiseConstantDecay = _schedule(
    "PiecewiseConstantDecay", "values[0] up to step boundaries[0], values[1] up to step boundaries[1], and so on.",
    lambda s, step: s.values[bisect_left(s.boundaries, step)], boundaries=..., values=...)
PolynomialDecay = _schedule(
    "PolynomialDecay", "From initial_learning_rate to end_learning_rate by (1 - step / decay_steps)^power; there it "
    "stays, or (cycle) decay_steps is taken as often as the step needs.",
    _polynomial, **_START, end_learning_rate=0.0001, power=1.0, cycle=False)
CosineDecay = _schedule(
    "CosineDecay", "From initial_learning_rate to alpha times it along half a cosine (Loshchilov and Hutter 2017); "
    "before that, in warmup_steps, straight from it to warmup_target, from which it then decays.",
    _cosine, **_START, alpha=0.0, warmup_target=None, warmup_steps=0)
CosineDecayRestarts = _schedule(
    "CosineDecayRestarts", "Half a cosine over first_decay_steps, then again and again: each t_mul times as long and "
    "m_mul times as high as the one before (Loshchilov and Hutter 2017).",
    _restarts, initial_learning_rate=..., first_decay_steps=..., t_mul=2.0, m_mul=1.0, alpha=0.0)
