"""Products of rows, and of vectors in space."""

from __future__ import annotations

from math import prod

from minigrad._array import Array, Pool, empty, float32, pool_of, take
from minigrad._kernels.layout import contiguous, pair

_row_dots, _cross = pair("row_dots"), pair("cross")
#: Where the result comes from, how many numbers it has, and how many are summed for each.
Plan = tuple[Pool, int, int]


def row_dots(x: Array, y: Array) -> Array:
    """Sums of products over the last dimension, of arrays of one shape."""
    *outer, cols = x.shape
    plan = pool_of(tuple(outer), x.dtype), prod(outer), cols
    if x.pool is not None and y.pool is not None:
        x.pool.plans["row_dots", y.pool] = plan
    return row_dots_planned(plan, contiguous(x), contiguous(y))


def row_dots_planned(plan: Plan, x: Array, y: Array) -> Array:
    """The sums that were planned."""
    pool, rows, cols = plan
    out = take(pool)
    _row_dots[pool.wide](out.ptr, x.ptr, y.ptr, cols, rows)
    return out  # type: ignore[no-any-return]


def cross(x: Array, y: Array, *, dim: int) -> Array:
    """The cross products of vectors along a dimension, of arrays of one shape."""
    out, x, y = empty(x.shape, x.dtype), contiguous(x), contiguous(y)
    _cross[x.dtype is not float32](out.ptr, x.ptr, y.ptr, prod(x.shape[dim + 1 :]), prod(x.shape[:dim]))
    return out  # type: ignore[no-any-return]
