"""Learning rates that depend on the number of steps done (not of epochs): `schedule(step)`. The formulas, with their options
and defaults, are the functions of `minigrad.optim.rates`; a schedule keeps the options."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING

from minigrad.keras._get import Configured, made
from minigrad.optim import rates

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class LearningRateSchedule(Configured):
    """What gives the rate of each step, the first having number 0: `__call__(step)`, which a subclass writes."""

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        raise NotImplementedError(f"{type(self).__name__} has no method __call__(self, step).")


def _schedule(name: str, rate: Callable[..., float]) -> Any:
    """The class of a function (step, *options), which is asked once when the options are given: it refuses wrong ones."""
    options = {p.name: ... if p.default is p.empty else p.default for p in list(signature(rate).parameters.values())[1:]}
    members = {"__call__": lambda self, step: rate(step, **self._given), "_settle": lambda self: self(0)}
    return made(LearningRateSchedule, name, rate.__doc__ or "", _options=options, **members)


ExponentialDecay = _schedule("ExponentialDecay", rates.exponential_decay)
InverseTimeDecay = _schedule("InverseTimeDecay", rates.inverse_time_decay)
PiecewiseConstantDecay = _schedule("PiecewiseConstantDecay", rates.piecewise_constant_decay)
PolynomialDecay = _schedule("PolynomialDecay", rates.polynomial_decay)
CosineDecay = _schedule("CosineDecay", rates.cosine_decay)
CosineDecayRestarts = _schedule("CosineDecayRestarts", rates.cosine_decay_restarts)
