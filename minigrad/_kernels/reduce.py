"""Reductions over any dimensions."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from minigrad._array import Array, Pool, bool_, empty, float32, int64, pool_of, reshaped, take, view
from minigrad._kernels.layout import NULL, contiguous, expanded, pair, walk_over
from minigrad._shapes import reduced

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Kernel = Callable[..., Any]

_layouts: dict[Any, tuple[tuple[int, ...], int, int, int]] = {}


def layout_of(shape: tuple[int, ...], dim: tuple[int, ...], keepdim: bool) -> tuple[tuple[int, ...], int, int, int]:
    """The reduced shape, and the input as [outer, size, inner] with the reduced dimensions, which must be
    adjacent, in the middle. Remembered."""
    key = (shape, dim, keepdim)
    found = _layouts.get(key)
    if found is None:
        if len(_layouts) >= 4096:
            _layouts.clear()
        first, last = (dim[0], dim[-1] + 1) if dim else (len(shape), len(shape))
        found = reduced(shape, dim, keepdim), prod(shape[:first]), prod(shape[first:last]), prod(shape[last:])
        _layouts[key] = found
    return found


def grouped(x: Array, dim: tuple[int, ...]) -> tuple[Array, tuple[int, ...]]:
    """x, contiguous, with the reduced dimensions adjacent; if they are not, they are moved to the end."""
    if not dim or dim[-1] - dim[0] == len(dim) - 1:
        return contiguous(x), dim
    kept = [d for d in range(len(x.shape)) if d not in dim]
    moved = contiguous(view(x.array.transpose(*kept, *dim), x.ptr))
    return moved, tuple(range(len(kept), len(x.shape)))


#: What a reduction of contiguous memory needs besides the kernel: the pool of the result, and [outer, size, inner].
Plan = tuple[Pool, int, int, int]


def run(x: Array, dim: tuple[int, ...], keepdim: bool, kind: str, planned: Kernel) -> Array:
    """Runs a kernel over any dimensions, and remembers the plan if x has memory of our own, as one of a kind: "sum",
    "mean", "squares", "product", "extremum" or "position"."""
    source, middle = grouped(x, dim)
    shape, outer, size, inner = layout_of(source.shape, middle, keepdim)
    dtype = int64 if kind == "position" or x.dtype is bool_ else x.dtype
    out = pool_of(shape if middle is dim else reduced(x.shape, dim, keepdim), dtype)
    plan = out, outer, size, inner
    if x.pool is not None and source is x and x.array.size:  # nothing has a sum, but no maximum, so empty ones are not planned
        x.pool.reductions[dim, keepdim, kind] = plan
    return planned(plan, source)  # type: ignore[no-any-return]


_sum, _sum_squares, _mul, _copy = pair("sum"), pair("sum_squares"), pair("mul"), pair("copy")


def sum(x: Array, *, dim: tuple[int, ...], keepdim: bool) -> Array:
    """The sum over the dimensions `dim`."""
    return run(x, dim, keepdim, "sum", sum_planned)


def sum_planned(plan: Plan, x: Array, *_: Any) -> Array:
    """The sum that was planned; of bools, how many are true."""
    pool, outer, size, inner = plan
    if pool.dtype is not int64:
        out = take(pool)
        _sum[x.dtype is not float32](out.ptr, x.ptr, 1.0, outer, size, inner)
        return out  # type: ignore[no-any-return]
    return of_integers(plan, x, SUMS)


def mean(x: Array, *, dim: tuple[int, ...], keepdim: bool) -> Array:
    """The sum divided by the number of terms; 0 / 0 of an empty one is NaN, as in NumPy."""
    return run(x, dim, keepdim, "mean", mean_planned)


def mean_planned(plan: Plan, x: Array, *_: Any) -> Array:
    """The mean that was planned."""
    pool, outer, size, inner = plan
    out = take(pool)
    _sum[x.dtype is not float32](out.ptr, x.ptr, size, outer, size, inner)
    return out  # type: ignore[no-any-return]


def sum_squares(x: Array, *, dim: tuple[int, ...], keepdim: bool) -> Array:
    """The sum of squares over the dimensions `dim`."""
    return run(x, dim, keepdim, "squares", sum_squares_planned)


def sum_squares_planned(plan: Plan, x: Array, *_: Any) -> Array:
    """The sum of squares that was planned: in one pass along rows; along columns, of the squares."""
    pool, outer, size, inner = plan
    wide = x.dtype is not float32
    if inner != 1:
        squares = empty(x.shape, x.dtype)
        _mul[wide](squares.ptr, x.ptr, x.ptr, NULL, x.array.size)
        return sum_planned(plan, squares)
    out = take(pool)
    _sum_squares[wide](out.ptr, x.ptr, outer, size)
    return out  # type: ignore[no-any-return]


#: Up to how many numbers are spread in memory of their own: that takes less time than what a view costs those who read it.
_FEW = 4096


def spread(x: Array, *, dim: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """What a reduction over dim left, for all elements of that shape: a view if they are many."""
    lined = reshaped(contiguous(x), reduced(shape, dim, keepdim=True))
    if prod(shape) > _FEW:
        return expanded(lined, shape)
    plan = pool_of(shape, x.dtype), walk_over(lined, expanded(lined, shape))[1]
    if x.pool is not None:
        x.pool.plans[dim, shape] = plan
    return spread_planned(plan, lined)


def spread_planned(plan: tuple[Pool, Any], x: Array, *_: Any) -> Array:
    """What was planned."""
    pool, walk = plan
    out = take(pool)
    _copy[pool.wide](out.ptr, x.ptr, walk, pool.size)
    return out  # type: ignore[no-any-return]


_prod = pair("prod")


def prod_of(x: Array, *, dim: tuple[int, ...], keepdim: bool) -> Array:
    """The product over the dimensions `dim`."""
    return run(x, dim, keepdim, "product", prod_planned)


def prod_planned(plan: Plan, x: Array, *_: Any) -> Array:
    """The product that was planned."""
    pool, outer, size, inner = plan
    out = take(pool)
    _prod[x.dtype is not float32](out.ptr, x.ptr, outer, size, inner)
    return out  # type: ignore[no-any-return]


#: The numbers of the functions in csrc/kernels/integers.inc.
SUMS, LARGEST, SMALLEST = range(3)
_reduce, _count = pair("int64_reduce"), pair("bool_count")


def of_integers(plan: Plan, x: Array, how: int) -> Array:
    """A reduction of integers that was planned, or how many bools are true."""
    pool, outer, size, inner = plan
    out = take(pool)
    if x.dtype is bool_:
        _count[0](out.ptr, x.ptr, outer, size, inner)
    else:
        _reduce[0](out.ptr, x.ptr, how, outer, size, inner)
    return out  # type: ignore[no-any-return]


def _extremum(name: str, how: int) -> tuple[Kernel, Kernel]:
    both = pair(name)

    def planned(plan: Plan, x: Array, *_: Any) -> Array:
        if x.dtype is not int64:
            pool, outer, size, inner = plan
            out = take(pool)
            both[x.dtype is not float32](out.ptr, x.ptr, outer, size, inner)
            return out  # type: ignore[no-any-return]
        return of_integers(plan, x, how)

    return lambda x, *, dim, keepdim: run(x, dim, keepdim, "extremum", planned), planned


def _position(name: str) -> tuple[Kernel, Kernel]:
    both = pair(name)

    def planned(plan: Plan, x: Array, *_: Any) -> Array:
        pool, outer, size, inner = plan
        out = take(pool)
        both[x.dtype is not float32](out.ptr, x.ptr, outer, size, inner)
        return out  # type: ignore[no-any-return]

    return lambda x, *, dim, keepdim: run(x, dim, keepdim, "position", planned), planned


amax, amax_planned = _extremum("max", LARGEST)
amin, amin_planned = _extremum("min", SMALLEST)
argmax, argmax_planned = _position("argmax")
argmin, argmin_planned = _position("argmin")
