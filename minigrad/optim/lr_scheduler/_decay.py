"""Schedules that decay, or follow a function of the epoch."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import cos, pi
from typing import TYPE_CHECKING

from minigrad.errors import message
from minigrad.optim._optimizer import check_number
from minigrad.optim.lr_scheduler._scheduler import LRScheduler, check_between, check_count, check_optimizer, copied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, ClassVar

    from minigrad.optim._optimizer import Optimizer


class StepLR(LRScheduler):
    """Multiplies the rate by gamma every step_size epochs: lr_t = lr_0 gamma^floor(t / step_size)."""

    _from_base = True

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        name = type(self).__name__
        check_count(name, "step_size", step_size)
        check_number(name, "gamma", gamma, low=0)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0 or self.last_epoch % self.step_size:
            return self._rates()
        return [lr * self.gamma for lr in self._rates()]


class MultiStepLR(LRScheduler):
    """Multiplies the rate by gamma at each of the milestones, which are epochs; twice at one that is listed twice."""

    _from_base = True

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1) -> None:
        name = type(self).__name__
        if not hasattr(milestones, "__iter__"):
            raise TypeError(message(name, "milestones", f"a {type(milestones).__name__}", "a list of epochs"))
        self.milestones = sorted(milestones)
        for i, milestone in enumerate(self.milestones):
            check_count(name, f"milestones[{i}]", milestone, low=0)
        check_number(name, "gamma", gamma, low=0)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        times = bisect_right(self.milestones, self.last_epoch) - bisect_left(self.milestones, self.last_epoch)
        return [lr * self.gamma**times for lr in self._rates()]


class ExponentialLR(LRScheduler):
    """Multiplies the rate by gamma every epoch: lr_t = lr_0 gamma^t."""

    _from_base = True

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        check_number(type(self).__name__, "gamma", gamma, low=0)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self._is_initial or self.last_epoch == 0:
            return self._rates()
        return [lr * self.gamma for lr in self._rates()]


class ConstantLR(LRScheduler):
    """Multiplies the rate by factor until epoch total_iters; from then on it is the initial rate."""

    _from_base = True

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        name = type(self).__name__
        check_between(name, "factor", factor, 0, 1)
        check_count(name, "total_iters", total_iters, low=0)
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return [lr * self.factor for lr in self._rates()]
        if self.last_epoch != self.total_iters:
            return self._rates()
        if self.factor == 0:  # what the rates were before cannot be told from 0
            return list(self.base_lrs)
        return [lr * (1.0 / self.factor) for lr in self._rates()]


class LinearLR(LRScheduler):
    """Multiplies the rate by a factor that goes linearly from start_factor to end_factor in total_iters epochs: a warm-up."""

    _from_base = True

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0, total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        check_between(name, "start_factor", start_factor, 0, 1)
        if start_factor == 0:
            raise ValueError(message(name, "start_factor", 0, "a number above 0", "Write a small one, as 1e-6."))
        check_between(name, "end_factor", end_factor, 0, 1)
        check_count(name, "total_iters", total_iters)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return [lr * self.start_factor for lr in self._rates()]
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._rates()
        # factor_t / factor_(t-1), both times total_iters, and so without a division of their own.
        rise = self.end_factor - self.start_factor
        change = 1.0 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise)
        return [lr * max(change, 0.0) for lr in self._rates()]  # an end at 0 may come out as -1e-17


class PolynomialLR(LRScheduler):
    """lr_t = lr_0 (1 - t / total_iters)^power, and 0 from epoch total_iters on."""

    _from_base = True

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        name = type(self).__name__
        check_count(name, "total_iters", total_iters)
        check_number(name, "power", power, low=0)
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        t, end = self.last_epoch, self.total_iters
        if self._is_initial or t == 0 or t > end:
            return self._rates()
        change = ((1.0 - t / end) / (1.0 - (t - 1) / end)) ** self.power
        return [lr * change for lr in self._rates()]


class CosineAnnealingLR(LRScheduler):
    """Anneals to eta_min along half a cosine in T_max epochs, and back (Loshchilov and Hutter 2017, without restarts):
    lr_t = eta_min + (lr_0 - eta_min) (1 + cos(pi t / T_max)) / 2, from the rate before as lr_(t-1) - eta_min times the
    quotient of the two cosine terms."""

    _from_base = True

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1  # noqa: N803 - PyTorch's name
    ) -> None:
        name = type(self).__name__
        check_count(name, "T_max", T_max)
        check_number(name, "eta_min", eta_min, low=0)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        t, low = self.last_epoch, self.eta_min
        if self._is_initial or t == 0:
            return self._rates()
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:  # from the bottom, where the quotient is 0 / 0
            climb = (1 - cos(pi / self.T_max)) / 2
            return [lr + (base - low) * climb for lr, base in zip(self._rates(), self.base_lrs, strict=True)]
        change = (1 + cos(pi * t / self.T_max)) / (1 + cos(pi * (t - 1) / self.T_max))
        return [change * (lr - low) + low for lr in self._rates()]


class _ByFunction(LRScheduler):
    """What LambdaLR and MultiplicativeLR share: a function of the epoch for each group."""

    _unsaved: ClassVar[tuple[str, ...]] = (*LRScheduler._unsaved, "lr_lambdas")

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]], last_epoch: int = -1
    ) -> None:
        name = type(self).__name__
        check_optimizer(name, optimizer)
        count = len(optimizer.param_groups)
        self.lr_lambdas: list[Any] = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * count
        if len(self.lr_lambdas) != count:
            raise ValueError(message(name, "lr_lambda", f"{len(self.lr_lambdas)} functions", f"one, or {count}, as there are groups"))
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(message(name, "lr_lambda", f"a {type(function).__name__}", "a function of the epoch"))
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """As in other schedules. For functions that are objects with attributes, these are saved; for others None."""
        states = [copied(vars(f)) if hasattr(f, "__dict__") and not _is_function(f) else None for f in self.lr_lambdas]
        return {**super().state_dict(), "lr_lambdas": states}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continues from a state_dict; the functions are those that this schedule was made with."""
        super().load_state_dict(state_dict)
        for function, state in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if state is not None:
                vars(function).update(copied(state))


def _is_function(f: Any) -> bool:
    return hasattr(f, "__code__") or isinstance(f, type)


class LambdaLR(_ByFunction):
    """lr_t = lr_0 lr_lambda(t), with one function of the epoch for all groups or a list of one for each."""

    def get_lr(self) -> list[float]:
        return [base * f(self.last_epoch) for base, f in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class MultiplicativeLR(_ByFunction):
    """lr_t = lr_(t-1) lr_lambda(t), with one function of the epoch for all groups or a list of one for each."""

    def get_lr(self) -> list[float]:
        if self._is_initial or self.last_epoch == 0:
            return self._rates()
        return [lr * f(self.last_epoch) for lr, f in zip(self._rates(), self.lr_lambdas, strict=True)]
