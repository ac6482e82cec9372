"""Schedules that move the learning rate up and down, and the momentum the opposite way."""

from __future__ import annotations

from math import cos, floor, pi
from typing import TYPE_CHECKING

from minigrad.errors import message
from minigrad.optim._optimizer import check_number, check_switch
from minigrad.optim.lr_scheduler._scheduler import (
    LRScheduler,
    all_or_none,
    check_between,
    check_choice,
    check_count,
    for_each_group,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar

    from minigrad.optim._optimizer import Group, Optimizer


class CosineAnnealingWarmRestarts(LRScheduler):
    """Anneals to eta_min along half a cosine, then restarts at the initial rate (SGDR, Loshchilov and Hutter 2017):

        lr = eta_min + (lr_0 - eta_min) (1 + cos(pi T_cur / T_i)) / 2

    T_cur is the number of epochs since the last restart, T_i that between two restarts: T_0 at first, and each time T_mult
    times as many.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1  # noqa: N803 - PyTorch's names
    ) -> None:
        name = type(self).__name__
        check_count(name, "T_0", T_0)
        check_count(name, "T_mult", T_mult)
        check_number(name, "eta_min", eta_min, low=0)
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        self.T_cur: float = last_epoch
        self.T_i = T_0
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        wave = (1 + cos(pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * wave for base in self.base_lrs]

    def _restart(self, first: bool = True) -> None:
        self._at(0)

    def _begin(self) -> None:
        super()._begin()
        self._step_count = 0

    def _move(self, epoch: int) -> None:
        self._at(epoch if epoch == 0 else self.last_epoch + 1, self.T_cur + 1)

    def step(self, epoch: float | None = None) -> None:
        """Advances by one epoch, or to the epoch given, which may be fractional: `step(epoch + batch / batches)`."""
        if epoch is None:
            self._move(self.last_epoch + 1)
            return
        check_number(f"{type(self).__name__}.step", "epoch", epoch, low=0)
        self._at(epoch)

    def _at(self, epoch: float, since: float | None = None) -> None:
        """Sets the rates of an epoch; `since`: the epochs since the last restart, if that is known."""
        before = self.T_cur, self.T_i
        if since is not None:
            self.T_cur = since
        else:
            self.T_cur, self.T_i = epoch, self.T_0
        while self.T_cur >= self.T_i:
            self.T_cur, self.T_i = self.T_cur - self.T_i, self.T_i * self.T_mult
        try:
            super()._move(floor(epoch))
        except BaseException:
            self.T_cur, self.T_i = before
            raise


class _WithMomentum(LRScheduler):
    """Lowers the momentum (SGD's momentum, or Adam's beta1) while the rate rises, and raises it while the rate falls."""

    cycle_momentum: bool

    def _check_momentum(self, optimizer: Optimizer) -> None:
        check_switch(type(self).__name__, "cycle_momentum", self.cycle_momentum)
        self.use_beta1 = "momentum" not in optimizer.defaults
        if self.cycle_momentum and self.use_beta1 and "betas" not in optimizer.defaults:
            got, wanted = type(optimizer).__name__, "an optimizer with momentum or betas"
            raise ValueError(message(type(self).__name__, "optimizer", got, wanted, "Or write cycle_momentum=False."))

    def _momentum(self, group: Group, value: float) -> dict[str, Any]:
        """The entry of a group that holds the momentum."""
        return {"betas": (value, *group["betas"][1:])} if self.use_beta1 else {"momentum": value}


class OneCycleLR(_WithMomentum):
    """One rise from max_lr / div_factor to max_lr and one fall to far below the start (Smith and Topin 2018), with a step for
    each batch, while the momentum falls and rises:

        0 ... pct_start total_steps - 1     initial_lr -> max_lr          max_momentum -> base_momentum
        ... total_steps - 1                 max_lr -> min_lr              base_momentum -> max_momentum

    initial_lr = max_lr / div_factor, min_lr = initial_lr / final_div_factor. three_phase: the fall takes as long as the
    rise and ends at initial_lr, and the rest goes to min_lr. anneal_strategy: along a cosine ('cos') or a line ('linear').
    The length is total_steps, or epochs * steps_per_epoch; a step beyond it is a ValueError.
    """

    def __init__(
        self, optimizer: Optimizer, max_lr: float | list[float], total_steps: int | None = None, epochs: int | None = None,
        steps_per_epoch: int | None = None, pct_start: float = 0.3, anneal_strategy: str = "cos",
        cycle_momentum: bool = True, base_momentum: float | list[float] = 0.85, max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        highest = for_each_group(name, "max_lr", max_lr, optimizer)
        self.total_steps = _length(name, total_steps, epochs, steps_per_epoch)
        check_between(name, "pct_start", pct_start, 0, 1)
        check_choice(name, "anneal_strategy", anneal_strategy, ("cos", "linear"))
        for option, value in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
            check_number(name, option, value, low=0)
            if value == 0:
                raise ValueError(message(name, option, 0, "a number above 0"))
        check_switch(name, "three_phase", three_phase)
        self.pct_start, self.anneal_strategy, self.three_phase = pct_start, anneal_strategy, three_phase
        self.cycle_momentum = cycle_momentum
        self._check_momentum(optimizer)
        low = for_each_group(name, "base_momentum", base_momentum, optimizer)
        high = for_each_group(name, "max_momentum", max_momentum, optimizer)
        with all_or_none(optimizer.param_groups):
            for i, group in enumerate(optimizer.param_groups) if last_epoch == -1 else ():
                first = highest[i] / div_factor
                group.update(initial_lr=first, max_lr=highest[i], min_lr=first / final_div_factor)
                if cycle_momentum:
                    group.update(max_momentum=high[i], base_momentum=low[i])
            super().__init__(optimizer, last_epoch)

    def _phases(self) -> list[tuple[float, str, str, str, str]]:
        """For each phase its last step, and the initial and final rate and momentum."""
        up = "initial_lr", "max_lr", "max_momentum", "base_momentum"
        top, last = float(self.pct_start * self.total_steps) - 1, self.total_steps - 1
        if not self.three_phase:
            return [(top, *up), (last, "max_lr", "min_lr", "base_momentum", "max_momentum")]
        down = float(2 * self.pct_start * self.total_steps) - 2
        return [
            (top, *up),
            (down, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
            (last, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
        ]

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2.0 * (1 + cos(pi * share))

    def _phase(self) -> tuple[float, str, str, str, str]:
        """How much of the present phase is done, from 0 to 1, and its four end values."""
        t, start, phases = self.last_epoch, 0.0, self._phases()
        if t > self.total_steps - 1:
            got, remedy = f"step {t + 1}", "Make a new schedule to train on, or a longer one."
            raise ValueError(message(f"{type(self).__name__}.step", "", got, f"{self.total_steps} steps at most", remedy))
        while t > phases[0][0] and len(phases) > 1:
            start = phases.pop(0)[0]
        end, *ends = phases[0]
        a, b, c, d = ends
        return (t - start) / (end - start) if end != start else 1.0, a, b, c, d

    def get_lr(self) -> list[float]:
        share, start, end, *_ = self._phase()
        return [self._between(group[start], group[end], share) for group in self.optimizer.param_groups]

    def _entries(self) -> list[dict[str, Any]]:
        entries = super()._entries()
        if self.cycle_momentum:
            share, _, _, start, end = self._phase()
            for group, new in zip(self.optimizer.param_groups, entries, strict=True):
                new |= self._momentum(group, self._between(group[start], group[end], share))
        return entries


def _length(op: str, total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    if total_steps is not None:
        check_count(op, "total_steps", total_steps)
        return total_steps
    if epochs is None or steps_per_epoch is None:
        raise ValueError(message(op, "total_steps", "None", "a number of steps, or epochs and steps_per_epoch"))
    check_count(op, "epochs", epochs)
    check_count(op, "steps_per_epoch", steps_per_epoch)
    return epochs * steps_per_epoch


class CyclicLR(_WithMomentum):
    """Rises from base_lr to max_lr in step_size_up steps and falls back in step_size_down (Smith 2017), over and over, with a
    step for each batch, while the momentum falls and rises:

        lr = base_lr + (max_lr - base_lr) height scale,    momentum = max_momentum - (max_momentum - base_momentum) height scale

    height is that of the triangle, 0 to 1. The scale is 1 (mode 'triangular'), halved with each cycle ('triangular2'), gamma^step
    ('exp_range'), or scale_fn of the number of the cycle or of the step (scale_mode 'cycle' or 'iterations').
    """

    _unsaved: ClassVar[tuple[str, ...]] = (*LRScheduler._unsaved, "scale_fn")

    def __init__(
        self, optimizer: Optimizer, base_lr: float | list[float], max_lr: float | list[float], step_size_up: int = 2000,
        step_size_down: int | None = None, mode: str = "triangular", gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle", cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8, max_momentum: float | list[float] = 0.9, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        lowest = for_each_group(name, "base_lr", base_lr, optimizer)
        self.max_lrs = for_each_group(name, "max_lr", max_lr, optimizer)
        check_count(name, "step_size_up", step_size_up)
        down = step_size_up if step_size_down is None else step_size_down
        check_count(name, "step_size_down", down)
        self.total_size = step_size_up + down
        self.step_ratio = step_size_up / self.total_size
        if scale_fn is None:
            check_choice(name, "mode", mode, ("triangular", "triangular2", "exp_range"))
            scale_mode = "iterations" if mode == "exp_range" else "cycle"
        check_choice(name, "scale_mode", scale_mode, ("cycle", "iterations"))
        check_number(name, "gamma", gamma, low=0)
        self.mode, self.gamma, self.scale_fn, self.scale_mode = mode, gamma, scale_fn, scale_mode
        self.cycle_momentum = cycle_momentum
        self._check_momentum(optimizer)
        self.base_momentums = for_each_group(name, "base_momentum", base_momentum, optimizer)
        self.max_momentums = for_each_group(name, "max_momentum", max_momentum, optimizer)
        with all_or_none(optimizer.param_groups):
            for group, lr in zip(optimizer.param_groups, lowest, strict=True) if last_epoch == -1 else ():
                group["lr"] = lr
            self.base_lrs = lowest  # also where the groups began with other rates, of another schedule
            super().__init__(optimizer, last_epoch)

    def _height(self) -> float:
        """The height of the triangle at this step, times the scale."""
        cycle = floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        return height * self._scale(cycle if self.scale_mode == "cycle" else self.last_epoch)

    def _scale(self, x: int) -> float:
        if self.scale_fn is not None:
            return self.scale_fn(x)
        return {"triangular": 1.0, "triangular2": 0.5 ** (x - 1), "exp_range": self.gamma**x}[self.mode]

    def get_lr(self) -> list[float]:
        height = self._height()
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def _entries(self) -> list[dict[str, Any]]:
        entries = super()._entries()
        if self.cycle_momentum:
            height, groups = self._height(), self.optimizer.param_groups
            for new, group, low, high in zip(entries, groups, self.base_momentums, self.max_momentums, strict=True):
                new |= self._momentum(group, high - (high - low) * height)
        return entries
