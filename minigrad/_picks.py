"""Indices by which kernels pick: tensors, arrays and lists of integers, along dimensions that are neighbours."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, from_array, int64
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
    """An index as an int64 tensor; None where it is none of integers."""
    if isinstance(index, Array):
        return contiguous(index) if index.dtype is int64 else None
    array = rectangular(index, op)
    return from_array(np.array(array, np.int64)) if array.dtype.kind in "iu" else None


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
    parts = list(index) if isinstance(index, tuple) else [index]
    if any(part is Ellipsis for part in parts):
        at = next(i for i, part in enumerate(parts) if part is Ellipsis)
        parts[at : at + 1] = [_WHOLE] * (len(x.shape) - len(parts) + 1)
    chosen = [i for i, part in enumerate(parts) if not isinstance(part, slice)]
    if any(part is None or part is Ellipsis for part in parts) or len(parts) > len(x.shape) or chosen[-1] - chosen[0] >= len(chosen):
        return None
    numbers = _numbers([parts[i] for i in chosen], [x.shape[i] for i in chosen])
    if numbers is None:
        return None
    sliced = tuple(part if isinstance(part, slice) else _WHOLE for part in parts)
    return sliced if any(part != _WHOLE for part in sliced) else (), Picks(numbers, chosen[0], chosen[-1] + 1)


def _numbers(parts: list[Any], sizes: list[int]) -> Any:
    """The positions, in dimensions taken together, that indices into each of them name, broadcast."""
    whole = [whole_numbers(part) for part in parts]
    if any(at is None for at in whole) or not any(at.shape for at in whole):
        return None  # single numbers, too: they give a view
    found = [places(at, size) for at, size in zip(whole, sizes, strict=True)]
    if any(at is None for at in found) or not prod(sizes):
        return None
    if any(at.shape != found[0].shape for at in found):
        try:
            broadcast("getitem", *[at.shape for at in found])
        except ShapeError:
            return None  # NumPy says it in its words
    total, add, mul = found[0], integers.by_name["add"], integers.by_name["mul"]
    for at, size in zip(found[1:], sizes[1:], strict=True):
        total = add(mul(total, integers.number(size)), at)
    return total
