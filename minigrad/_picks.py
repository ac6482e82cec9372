"""Indices by which kernels pick: tensors, arrays and lists of integers, along dimensions that are neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, int64, view
from minigrad._indices import Picks
from minigrad._kernels import integers
from minigrad._kernels.crossentropy import first_bad_label
from minigrad._kernels.layout import contiguous
from minigrad._shapes import broadcast
from minigrad.errors import AxisError, DTypeError, LabelError, ShapeError, message

if TYPE_CHECKING:
    from typing import Any

_WHOLE = slice(None)


def rectangular(index: Any, op: str = "getitem") -> Any:
    """An index that is a list, or the like, as an array."""
    try:
        return np.asarray(index, None if np.size(index) else int64)
    except ValueError as error:
        got, expected = "nested lists of different lengths", "a rectangular list of ints or bools"
        raise AxisError(message(op, "index", got, expected)) from error


def whole_numbers(index: Any, op: str = "getitem") -> Any:
    """An index as a contiguous int64 tensor; None where it is none of integers."""
    if isinstance(index, Array):
        return None if index.dtype is not int64 else index if index.flat else contiguous(index)
    array = rectangular(index, op)
    return view(np.array(array, np.int64, order="C"), None) if array.dtype.kind in "iu" else None


def places(at: Any, size: int, lowest: int | None = None) -> Any:
    """Positions from 0 on along `size` elements, of numbers that may count from the end; None where one is no element, or
    below `lowest`. A captured step looks again, before each replay, whether the numbers are such that it need not count
    from the end."""
    if first_bad_label(at, 0, size) < 0 and (size or not at.count):
        return at
    if lowest is not None or not size or first_bad_label(at, 0, size, lowest=-size) >= 0:
        return None
    return integers.by_name["remainder"](at, integers.number(size))


def integers_of(op: str, index: Any, size: int, argument: str = "index", lowest: int | None = None) -> Any:
    """`places`, with an error for an index that is none."""
    at = whole_numbers(index, op)
    if at is None:
        dtype = index.dtype if hasattr(index, "dtype") else np.asarray(index).dtype
        if isinstance(index, Array) and dtype.kind == "f":
            remedy = "Convert: index.long()."
            raise AxisError(message(op, argument, f"a {dtype} tensor", "ints, bools or slices", remedy))
        raise DTypeError(message(op, argument, f"dtype {dtype}", "int64", "Convert: index.long()."))
    found = places(at, size, lowest)
    if found is None:
        least = -size if lowest is None else lowest
        bad = int(at.array.ravel()[first_bad_label(at, least, size, lowest=least)]) if size else int(at.array.ravel()[0])
        raise LabelError(message(op, argument, bad, f"numbers in [{least}, {size - 1}]"))
    return found


def picked(x: Any, index: Any) -> tuple[tuple[Any, ...], Picks] | None:
    """x[index] as a first index, of slices, and one by which kernels pick from what that gives; None where NumPy must do
    it: masks, new dimensions, and integers on both sides of a slice."""
    parts = index if isinstance(index, tuple) else (index,)
    chosen, cut = [], False
    for d, part in enumerate(parts):
        if type(part) is slice:
            cut = cut or part != _WHOLE
        elif part is Ellipsis:
            rest = parts[d + 1 :]
            whole = (_WHOLE,) * (len(x.shape) - len(parts) + 1)
            return None if any(part is Ellipsis for part in rest) else picked(x, (*parts[:d], *whole, *rest))
        elif part is None:
            return None
        else:
            chosen.append(d)
    first, last = chosen[0], chosen[-1] + 1
    if len(parts) > len(x.shape) or last - first > len(chosen):
        return None
    numbers = _numbers(parts[first:last], x.shape[first:last])
    if numbers is None:
        return None
    return tuple(part if type(part) is slice else _WHOLE for part in parts) if cut else (), Picks(numbers, first, last)


def _numbers(parts: tuple[Any, ...], sizes: tuple[int, ...]) -> Any:
    """The positions, in dimensions taken together, that indices into each of them name, broadcast. None for single numbers,
    which give a view, for what names no element, and where shapes do not broadcast: NumPy says it in its words."""
    total: Any = None
    for part, size in zip(parts, sizes):
        if type(part) is int:
            at = integers.number(part % size) if -size <= part < size else None
        else:
            at = whole_numbers(part)
            at = None if at is None or not size else places(at, size)
        if at is None:
            return None
        if total is not None and total.shape != at.shape and not _fit(total.shape, at.shape):
            return None
        total = at if total is None else integers.positions(total, at, size)
    return total if total.shape else None


def _fit(*given: tuple[int, ...]) -> bool:
    try:
        broadcast("getitem", *given)
    except ShapeError:
        return False
    return True
