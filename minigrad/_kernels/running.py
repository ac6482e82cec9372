"""Sums, products and extrema so far, along a dimension."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from minigrad._array import Array, empty, float32, int64
from minigrad._kernels.layout import contiguous, pair

if TYPE_CHECKING:
    from typing import Any

_running, _places = pair("running"), pair("running_place")
#: The numbers of the functions in csrc/kernels/reduce.inc.
_SUM, _MAX, _MIN, _PROD = range(4)


def _around(x: Array, dim: int) -> tuple[int, int, int]:
    """How long a dimension is, how many numbers lie between its neighbours, and how many times it comes."""
    return x.shape[dim], prod(x.shape[dim + 1 :]), prod(x.shape[:dim])


def _run(x: Array, how: int, dim: int, backwards: bool) -> Any:
    x, out = contiguous(x), empty(x.shape, x.dtype)
    _running[x.dtype is not float32](out.ptr, x.ptr, how, backwards, *_around(x, dim))
    return out


def cumsum(x: Array, *, dim: int, backwards: bool) -> Any:
    """Sums from the beginning to each number, or from each to the end."""
    return _run(x, _SUM, dim, backwards)


def cumprod(x: Array, *, dim: int) -> Any:
    """Products from the beginning to each number."""
    return _run(x, _PROD, dim, False)


def running_place(x: Array, *, dim: int, largest: bool) -> Any:
    """Where the largest or smallest number so far stands; of equal ones the last."""
    x, out = contiguous(x), empty(x.shape, int64)
    _places[x.dtype is not float32](out.ptr, x.ptr, _MAX if largest else _MIN, *_around(x, dim))
    return out
