"""What schedules share: the count of epochs, setting the groups' learning rates, saving, and the order of calls.

Most schedules compute the next rate from the present one (`group["lr"]`), not from the epoch alone. So several schedules of
one optimizer multiply their factors, and a rate set by hand is where they continue from.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _writes
from minigrad.errors import message
from minigrad.optim._optimizer import Optimizer, check_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, ClassVar


class LRScheduler:
    """The base of all schedules. Your own schedule returns the rates at `self.last_epoch` from get_lr().

    base_lrs    the rates that the groups began with (`initial_lr` in the group)
    last_epoch  the epoch that the present rates are for, from 0. As an argument, the epoch to continue after: the groups
                must have their `initial_lr`, and schedules that compute from the present rate leave it as it is
    """

    #: What state_dict leaves out.
    _unsaved: ClassVar[tuple[str, ...]] = ("optimizer", "_made_at")
    #: Whether the rate at epoch 0 is computed from base_lrs when a SequentialLR comes to this schedule, else from the rate
    #: that it finds.
    _from_base: ClassVar[bool] = False

    base_lrs: list[float]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        name = type(self).__name__
        check_optimizer(name, optimizer)
        check_count(name, "last_epoch", last_epoch, low=-1)
        groups = optimizer.param_groups
        if last_epoch >= 0:
            for i, group in enumerate(groups):
                if "initial_lr" not in group:
                    remedy = "Load the state_dict of the optimizer that was scheduled, first."
                    got = f"a group without initial_lr at last_epoch={last_epoch}"
                    raise KeyError(message(name, f"optimizer.param_groups[{i}]", got, "one that was scheduled", remedy))
        self.optimizer, self.last_epoch, self._step_count = optimizer, last_epoch, 0
        with all_or_none(groups):
            for group in groups:
                if "initial_lr" not in group:
                    group["initial_lr"] = group["lr"]
            if "base_lrs" not in vars(self):
                self.base_lrs = [group["initial_lr"] for group in groups]
            self._begin()
        # These tell whether the optimizer has made a step since.
        self._made_at = (optimizer._calls, _writes.log.latest)

    def _begin(self) -> None:
        """Sets the rates of the first epoch."""
        self._is_initial = True
        try:
            self._move(self.last_epoch + 1)
        finally:
            self._is_initial = False

    def _restart(self, first: bool = True) -> None:
        """Sets the rates of epoch 0, in the middle of a SequentialLR; if not the first of a chain, from the present ones."""
        self._check_groups(self.base_lrs)
        with all_or_none(self.optimizer.param_groups):
            if first and self._from_base:
                for group, lr in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
                    group["lr"] = lr
            self._move(0)

    def _move(self, epoch: int) -> None:
        groups = self.optimizer.param_groups
        self._check_groups(self.base_lrs)
        before, self.last_epoch = self.last_epoch, epoch
        try:
            with all_or_none(groups):
                for group, entries in zip(groups, self._entries(), strict=True):
                    group.update(entries)
        except BaseException:
            self.last_epoch = before
            raise
        self._step_count += 1
        self._last_lr = self._rates()

    def _check_groups(self, rates: list[float]) -> None:
        """A ValueError unless each group has one of the rates."""
        groups = self.optimizer.param_groups
        if len(groups) != len(rates):
            got, wanted = f"{len(groups)} groups", f"the {len(rates)} that it was made for"
            remedy = "Make the schedule after the last add_param_group()."
            raise ValueError(message(f"{type(self).__name__}.step", "optimizer.param_groups", got, wanted, remedy))

    def _rates(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _entries(self) -> list[dict[str, Any]]:
        """The new entries of each group."""
        return [{"lr": lr} for lr in self.get_lr()]

    def get_lr(self) -> list[float]:
        """The rates at self.last_epoch, one for each group: what step() sets. See get_last_lr for those that are set."""
        raise NotImplementedError(f"{type(self).__name__}: a schedule must say in get_lr() what its rates are.")

    def get_last_lr(self) -> list[float]:
        """The rates that were set last, one for each group."""
        return list(self._last_lr)

    def step(self) -> None:
        """Advances to the next epoch, and sets its rates. If one of them is refused, nothing has changed."""
        if self._step_count == 1:
            self._check_order()
        self._move(self.last_epoch + 1)

    def _check_order(self) -> None:
        """Warns if the optimizer has made no step, eager or captured, since the schedule was created."""
        calls, at = self._made_at
        optimizer = self.optimizer
        if optimizer._calls == calls and not any(
            _writes.since(at, p) for group in optimizer.param_groups for p in group["params"]
        ):
            warnings.warn(
                f"{type(self).__name__}.step() comes before optimizer.step(): so the first learning rate of the schedule is never "
                "used. Call optimizer.step() first, then scheduler.step().",
                stacklevel=3,
            )

    def state_dict(self) -> dict[str, Any]:
        """All that the schedule knows, as numbers, strings and lists of them; functions that it was given are not saved."""
        return {name: copied(value) for name, value in vars(self).items() if name not in self._unsaved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continues from a state_dict of such a schedule. The rates themselves come with the optimizer's state_dict."""
        self._check_state(state_dict)
        vars(self).update({name: copied(value) for name, value in state_dict.items() if name not in self._unsaved})

    def _check_state(self, state_dict: dict[str, Any]) -> None:
        """A ValueError for anything that is not the state of such a schedule."""
        name = f"{type(self).__name__}.load_state_dict"
        own = self.state_dict()
        if not isinstance(state_dict, dict) or state_dict.keys() != own.keys():
            got = f"{', '.join(state_dict)}" if isinstance(state_dict, dict) else f"a {type(state_dict).__name__}"
            raise ValueError(message(name, "state_dict", got, f"a dict of {', '.join(own)}"))
        for key, value in own.items():
            given = state_dict[key]
            if isinstance(value, list) and (not isinstance(given, (list, tuple)) or len(given) != len(value)):
                raise ValueError(message(name, key, repr(given), f"a list of {len(value)}, one for each"))


@contextmanager
def all_or_none(groups: Sequence[Any]) -> Iterator[None]:
    """A context in which groups may be set; if it ends in an error, all are as they were."""
    before = [dict(group) for group in groups]
    try:
        yield
    except BaseException:
        for group, old in zip(groups, before, strict=True):
            for name in group.keys() - old.keys():
                del group[name]
            group.update({name: value for name, value in old.items() if group[name] is not value})
        raise


def copied(value: Any) -> Any:
    """A copy of a state's value, so that neither side sees changes that the other makes to its lists."""
    if isinstance(value, (list, tuple)):
        return [copied(one) for one in value]
    return {name: copied(one) for name, one in value.items()} if isinstance(value, dict) else value


# -- what arguments may be ---------------------------------------------------------------------------------------------


def check_optimizer(op: str, optimizer: Any) -> None:
    """A TypeError unless it is an optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(message(op, "optimizer", f"a {type(optimizer).__name__}", "an optimizer of minigrad.optim"))


def check_count(op: str, option: str, value: Any, low: int = 1) -> None:
    """A TypeError unless it is a whole number, a ValueError below `low`."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise TypeError(message(op, option, repr(value), f"a whole number of at least {low}"))
    if value < low:
        raise ValueError(message(op, option, value, f"a whole number of at least {low}"))


def check_between(op: str, option: str, value: Any, low: float, high: float) -> None:
    """A TypeError unless it is a number, a ValueError outside [low, high]."""
    check_number(op, option, value)
    if not low <= value <= high:
        raise ValueError(message(op, option, value, f"a number from {low} to {high}"))


def check_choice(op: str, option: str, value: Any, choices: Sequence[str]) -> None:
    """A ValueError unless it is one of the names."""
    if value not in choices:
        raise ValueError(message(op, option, repr(value), " or ".join(map(repr, choices))))


def for_each_group(op: str, option: str, value: Any, optimizer: Any) -> list[float]:
    """A number for each group, from one for all or from a list."""
    check_optimizer(op, optimizer)
    count = len(optimizer.param_groups)
    given = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(given) != count:
        raise ValueError(message(op, option, f"{len(given)} numbers", f"one, or {count}, as there are groups"))
    for i, one in enumerate(given):
        check_number(op, f"{option}[{i}]" if isinstance(value, (list, tuple)) else option, one, low=0)
    return given
