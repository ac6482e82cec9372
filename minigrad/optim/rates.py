"""Learning rates as functions of the step, the first step having number 0: what a scheduler, or a loop, asks for a number.

    scheduler = optim.lr_scheduler.LambdaLR(optimizer, lambda step: rates.inverse_time_decay(step, 1.0, 1000, 0.5))

`LambdaLR` multiplies the optimizer's own rate by the number, so there the initial one is 1; in place of a scheduler a loop
may write `optimizer.param_groups[0]["lr"] = rates.exponential_decay(step, 0.1, 1000, 0.96)`. Names and formulas are those of
Keras, whose schedules (`minigrad.keras.optimizers.schedules`) are these with the options kept.
"""

from __future__ import annotations

from bisect import bisect_left
from math import ceil, cos, floor, log, pi
from typing import TYPE_CHECKING

from minigrad.errors import message

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "cosine_decay", "cosine_decay_restarts", "exponential_decay", "inverse_time_decay", "piecewise_constant_decay",
    "polynomial_decay",
]  # fmt: skip


def exponential_decay(
    step: int, initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False
) -> float:
    """initial_learning_rate * decay_rate^(step / decay_steps); staircase: the exponent rounded down, so that the rate stays
    for decay_steps."""
    return float(initial_learning_rate * decay_rate ** _done("exponential_decay", step, decay_steps, staircase))


def inverse_time_decay(
    step: int, initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False
) -> float:
    """initial_learning_rate / (1 + decay_rate step / decay_steps); staircase as in exponential_decay."""
    return initial_learning_rate / (1 + decay_rate * _done("inverse_time_decay", step, decay_steps, staircase))


def piecewise_constant_decay(step: int, boundaries: Sequence[float], values: Sequence[float]) -> float:
    """values[0] up to step boundaries[0], values[1] up to step boundaries[1], and so on."""
    if len(values) != len(boundaries) + 1 or list(boundaries) != sorted(boundaries):
        got, expected = f"{list(boundaries)} and {len(values)} values", "rising boundaries, and a value more"
        raise ValueError(message("piecewise_constant_decay", "boundaries, values", got, expected))
    return float(values[bisect_left(boundaries, step)])


def polynomial_decay(
    step: int, initial_learning_rate: float, decay_steps: float, end_learning_rate: float = 0.0001, power: float = 1.0,
    cycle: bool = False,
) -> float:  # fmt: skip
    """From initial_learning_rate to end_learning_rate by (1 - step / decay_steps)^power; there it stays, or (cycle)
    decay_steps is taken as often as the step needs."""
    rounds = _done("polynomial_decay", step, decay_steps, False)
    steps = decay_steps * (max(1, ceil(rounds)) if cycle else 1)
    left = 1 - min(step, steps) / steps
    return float((initial_learning_rate - end_learning_rate) * left**power + end_learning_rate)


def cosine_decay(
    step: int, initial_learning_rate: float, decay_steps: float, alpha: float = 0.0, warmup_target: float | None = None,
    warmup_steps: int = 0,
) -> float:  # fmt: skip
    """From initial_learning_rate to alpha times it along half a cosine (Loshchilov and Hutter 2017); before that, in
    warmup_steps, straight from it to warmup_target, from which it then decays."""
    start, gone = initial_learning_rate, step if warmup_target is None else step - warmup_steps
    share = min(_done("cosine_decay", gone, decay_steps, False), 1)
    if warmup_target is not None:
        if step < warmup_steps:
            return start + (warmup_target - start) * step / warmup_steps
        start = warmup_target
    return start * ((1 - alpha) * 0.5 * (1 + cos(pi * share)) + alpha)


def cosine_decay_restarts(
    step: int, initial_learning_rate: float, first_decay_steps: float, t_mul: float = 2.0, m_mul: float = 1.0,
    alpha: float = 0.0,
) -> float:  # fmt: skip
    """Half a cosine over first_decay_steps, then again and again: each t_mul times as long and m_mul times as high as the
    one before (Loshchilov and Hutter 2017)."""
    share = _done("cosine_decay_restarts", step, first_decay_steps, False, "first_decay_steps")
    # The first i waves take 1 + t + ... + t^(i - 1) = (1 - t^i) / (1 - t) times the first.
    i = floor(share) if t_mul == 1 else floor(log(1 - share * (1 - t_mul)) / log(t_mul))
    share = share - i if t_mul == 1 else (share - (1 - t_mul**i) / (1 - t_mul)) / t_mul**i
    wave = 0.5 * m_mul**i * (1 + cos(pi * share))
    return float(initial_learning_rate * ((1 - alpha) * wave + alpha))


def _done(op: str, step: int, steps: float, staircase: bool, argument: str = "decay_steps") -> float:
    """How many times the steps have gone by."""
    if not steps > 0:
        raise ValueError(message(op, argument, steps, "a number above 0"))
    return floor(step / steps) if staircase else step / steps
