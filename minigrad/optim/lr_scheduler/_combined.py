"""Schedules made of others, which run one after the other or all at once."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from minigrad.errors import message
from minigrad.optim.lr_scheduler._plateau import ReduceLROnPlateau
from minigrad.optim.lr_scheduler._scheduler import LRScheduler, all_or_none, check_count, check_optimizer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, ClassVar

    from minigrad.optim._optimizer import Optimizer


class _Combined(LRScheduler):
    """What SequentialLR and ChainedScheduler share: the schedules that they are made of, and their states."""

    _unsaved: ClassVar[tuple[str, ...]] = (*LRScheduler._unsaved, "_schedulers")
    _schedulers: list[Any]

    def _take(self, schedulers: Sequence[Any], optimizer: Any) -> None:
        """Checks that there are schedules, all of the same optimizer."""
        name = type(self).__name__
        given: list[Any] = list(schedulers) if hasattr(schedulers, "__iter__") else [schedulers]
        if not given:
            raise ValueError(message(name, "schedulers", "none", "at least one"))
        for i, one in enumerate(given):
            argument = f"schedulers[{i}]"
            if not isinstance(one, LRScheduler):
                raise TypeError(message(name, argument, f"a {type(one).__name__}", "a schedule of learning rates"))
            if isinstance(one, ReduceLROnPlateau):
                remedy = "Step it by itself."
                raise ValueError(message(name, argument, "ReduceLROnPlateau", "a schedule that steps without a metric", remedy))
        self.optimizer = given[0].optimizer if optimizer is None else optimizer
        check_optimizer(name, self.optimizer)
        for i, one in enumerate(given):
            if one.optimizer is not self.optimizer:
                raise ValueError(message(name, f"schedulers[{i}]", "one of another optimizer", "one of the same optimizer"))
        self._schedulers = given

    def get_lr(self) -> list[float]:
        """The present rates; the schedules inside set them."""
        return self._rates()

    def state_dict(self) -> dict[str, Any]:
        """The state of this schedule, with the states of those inside as `_schedulers`."""
        return {**super().state_dict(), "_schedulers": [one.state_dict() for one in self._schedulers]}

    def _check_state(self, state_dict: dict[str, Any]) -> None:
        super()._check_state(state_dict)
        for one, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            one._check_state(state)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continues from a state_dict of the same schedules."""
        super().load_state_dict(state_dict)
        for one, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            one.load_state_dict(state)


class SequentialLR(_Combined):
    """One schedule after the other: schedulers[i] begins, at its epoch 0, at the epoch milestones[i - 1]. A warm-up:

        warmup = LinearLR(optimizer, 0.1, total_iters=5)
        scheduler = SequentialLR(optimizer, [warmup, CosineAnnealingLR(optimizer, 95)], milestones=[5])
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ) -> None:
        name = type(self).__name__
        check_optimizer(name, optimizer)
        self._take(schedulers, optimizer)
        self._milestones = list(milestones)
        if len(self._milestones) != len(self._schedulers) - 1:
            got, wanted = f"{len(self._milestones)} for {len(self._schedulers)} schedules", "one less than schedules"
            raise ValueError(message(name, "milestones", got, wanted))
        for i, milestone in enumerate(self._milestones):
            check_count(name, f"milestones[{i}]", milestone)
            if i and milestone <= self._milestones[i - 1]:
                raise ValueError(message(name, "milestones", self._milestones, "epochs that rise"))
        check_count(name, "last_epoch", last_epoch, low=-1)
        self.last_epoch = last_epoch + 1
        with all_or_none(optimizer.param_groups):
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"]
            for one in self._schedulers:  # each has set the rate of its first epoch when it was made
                _take_back(one)
            self._schedulers[0]._begin()
        self._last_lr = self._schedulers[0].get_last_lr()

    def step(self) -> None:
        """Advances to the next epoch, and sets its rates."""
        epoch = self.last_epoch + 1
        at = bisect_right(self._milestones, epoch)
        scheduler = self._schedulers[at]
        if at > 0 and self._milestones[at - 1] == epoch:
            scheduler._restart()
        else:
            scheduler.step()
        self.last_epoch, self._last_lr = epoch, scheduler.get_last_lr()

    def _begin(self) -> None:
        self._schedulers[0]._begin()
        self.last_epoch += 1
        self._last_lr = self._schedulers[0].get_last_lr()

    def _restart(self, first: bool = True) -> None:
        """Starts again, within another SequentialLR."""
        self._schedulers[0]._restart(first)
        self.last_epoch, self._last_lr = 0, self._schedulers[0].get_last_lr()


def _take_back(scheduler: Any) -> None:
    """Takes a schedule, and those inside it, back by one epoch."""
    scheduler.last_epoch -= 1
    for one in getattr(scheduler, "_schedulers", ()):
        _take_back(one)


class ChainedScheduler(_Combined):
    """All schedules at once. Their factors multiply, as each continues from the rate that the one before has set."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self._take(schedulers, optimizer)
        self.last_epoch = 0
        self._last_lr = self._schedulers[-1].get_last_lr()

    def step(self) -> None:
        """Advances each schedule to its next epoch, in order; if one of them fails, all are as they were."""
        before = [one.state_dict() for one in self._schedulers]
        try:
            with all_or_none(self.optimizer.param_groups):
                for one in self._schedulers:
                    one.step()
        except BaseException:
            for one, state in zip(self._schedulers, before, strict=True):
                one.load_state_dict(state)
            raise
        self.last_epoch, self._last_lr = self.last_epoch + 1, self._schedulers[-1].get_last_lr()

    def _begin(self) -> None:
        for one in self._schedulers:
            one._begin()
        self.last_epoch, self._last_lr = self.last_epoch + 1, self._schedulers[-1].get_last_lr()

    def _restart(self, first: bool = True) -> None:
        for i, one in enumerate(self._schedulers):
            one._restart(first and i == 0)
        self.last_epoch, self._last_lr = 0, self._schedulers[-1].get_last_lr()
