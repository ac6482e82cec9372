"""The schedule that reacts when a metric stops improving."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from minigrad.errors import message
from minigrad.optim._optimizer import check_number
from minigrad.optim.lr_scheduler._scheduler import LRScheduler, all_or_none, check_choice, check_count, for_each_group

if TYPE_CHECKING:
    from typing import Any

    from minigrad.optim._optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """Multiplies the rate by factor when the metric has not improved for more than `patience` epochs.

        mode 'min'   better is a metric below best (1 - threshold), in threshold_mode 'abs' below best - threshold
        mode 'max'   better is one above best (1 + threshold), or best + threshold

    After a reduction `cooldown` epochs are not counted as bad. Rates do not fall below min_lr (a number, or a list of one
    for each group), and stay where they are if they would change by no more than eps. Reduces at the bad epoch patience + 1;
    Keras's schedule of this name does so at the bad epoch `patience`, and its threshold is absolute.
    """

    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10, threshold: float = 1e-4,
        threshold_mode: str = "rel", cooldown: int = 0, min_lr: float | list[float] = 0, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        self.min_lrs = for_each_group(name, "min_lr", min_lr, optimizer)
        check_choice(name, "mode", mode, ("min", "max"))
        check_choice(name, "threshold_mode", threshold_mode, ("rel", "abs"))
        check_number(name, "factor", factor, low=0)
        if factor >= 1:
            raise ValueError(message(name, "factor", factor, "a number below 1", "It multiplies the rate."))
        check_count(name, "patience", patience, low=0)
        check_count(name, "cooldown", cooldown, low=0)
        check_number(name, "threshold", threshold, low=0)
        check_number(name, "eps", eps, low=0)
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        self.last_epoch, self._last_lr = 0, self._rates()
        self._reset()

    def _reset(self) -> None:
        """Forgets the metrics so far."""
        self.best = inf if self.mode == "min" else -inf
        self.cooldown_counter = self.num_bad_epochs = 0

    @property
    def in_cooldown(self) -> bool:
        """Whether the last reduction is so recent that bad epochs are not counted."""
        return self.cooldown_counter > 0

    def is_better(self, a: float, best: float) -> bool:
        """Whether a is better than best, by more than the threshold."""
        sign = -1 if self.mode == "min" else 1
        edge = best * (1 + sign * self.threshold) if self.threshold_mode == "rel" else best + sign * self.threshold
        return a < edge if self.mode == "min" else a > edge

    def get_lr(self) -> list[float]:
        """The rates after a reduction."""
        lowered = [max(lr * self.factor, low) for lr, low in zip(self._rates(), self.min_lrs, strict=True)]
        return [new if lr - new > self.eps else lr for lr, new in zip(self._rates(), lowered, strict=True)]

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """Takes the metric of an epoch: a number, or a tensor of one element. NaN is never an improvement."""
        try:
            current = float(metrics)
        except (TypeError, ValueError) as error:
            got, remedy = f"a {type(metrics).__name__}", "As in scheduler.step(validation_loss)."
            raise TypeError(message(f"{type(self).__name__}.step", "metrics", got, "one number", remedy)) from error
        self._check_groups(self.min_lrs)
        better = self.is_better(current, self.best)
        bad = 0 if better or self.in_cooldown else self.num_bad_epochs + 1
        reduces = bad > self.patience
        if reduces:
            with all_or_none(self.optimizer.param_groups):
                for group, lr in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
                    group["lr"] = lr
        self.last_epoch += 1
        self.best = current if better else self.best
        self.num_bad_epochs = 0 if reduces else bad
        self.cooldown_counter = self.cooldown if reduces else max(self.cooldown_counter - 1, 0)
        self._last_lr = self._rates()
