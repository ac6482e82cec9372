"""Families of views of one memory. When a recorded write changes one of them, the numbers of the others change, and their
histories must follow, or backward would compute the gradient of numbers that are gone.

After such a write, a view of x becomes x.reshape(-1)[places], with the places that its elements have in x; and a write into a
view becomes one into the tensor that owns the memory, at those places. Families form wherever views are made, unless nothing
is recorded: a view made within no_grad(), like the result of detach(), sees the new numbers and stays without history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

import numpy as np

from minigrad._mode import threads

if TYPE_CHECKING:
    from typing import Any


class Family(list["ref[Any]"]):
    """Weak references to a tensor and the views of it that were made while ops were recorded. When `room` is used up,
    references to tensors that are gone are dropped."""

    __slots__ = ("room",)

    def __init__(self, x: Any) -> None:
        super().__init__((ref(x),))
        self.room = 16

    def members(self) -> list[Any]:
        """The members that still exist, oldest first."""
        return [x for x in (known() for known in self) if x is not None]

    def tidy(self) -> None:
        """Drops what is gone, at an expense that stays small beside that of the views."""
        self[:] = [known for known in self if known() is not None]
        self.room = 16 + 2 * len(self)


def related(x: Any, view: Any) -> Any:
    """The view, which has been made of x, in x's family."""
    if threads.mode.on:
        family = getattr(x, "family", None)
        if family is None:
            family = x.family = Family(x)
        elif len(family) >= family.room:
            family.tidy()
        view.family = family
        family.append(ref(view))
    return view


def all_related(x: Any, views: list[Any]) -> tuple[Any, ...]:
    """Several views that have been made of x, in x's family."""
    if threads.mode.on and views:
        family = related(x, views[0]).family
        for view in views[1:]:
            view.family = family
        family.extend(map(ref, views[1:]))
    return tuple(views)


def others(x: Any) -> list[Any]:
    """The rest of x's family."""
    family = getattr(x, "family", None)
    return [] if family is None else [y for y in family.members() if y is not x]


def relatives(x: Any) -> list[Any]:
    """The members of x's family that view its memory."""
    return [y for y in others(x) if np.may_share_memory(x.array, y.array)]


def covers(whole: Any) -> bool:
    """Whether whole has the elements of all its relatives."""
    return all(places(view, whole) is not None for view in relatives(whole))


def places(view: Any, whole: Any) -> Any:
    """The numbers of the view's elements in whole, counted row by row; None where whole does not have them all."""
    at = _offsets(view) + (_address(view) - _address(whole))
    if not at.size:
        return at
    if whole.flat:
        at = at // whole.dtype.itemsize
        return at if 0 <= at.min() <= at.max() < whole.size else None
    own = _offsets(whole).ravel()
    order = np.argsort(own)
    found = order[np.minimum(np.searchsorted(own, at, sorter=order), own.size - 1)]
    return found if (own[found] == at).all() else None


def _offsets(x: Any) -> Any:
    """How many bytes behind the first element every element lies."""
    at = np.zeros((), np.int64)
    for length, stride in zip(x.shape, x.array.strides):
        at = at[..., None] + np.arange(length) * stride
    return at


def _address(x: Any) -> int:
    return x.array.__array_interface__["data"][0]  # type: ignore[no-any-return]
