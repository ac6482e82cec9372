"""Reductions over any dimensions."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from minigrad._array import Array, empty, float32, int64, view
from minigrad._kernels.layout import contiguous, pair
from minigrad._shapes import reduced

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Kernel = Callable[..., Any]

_layouts: dict[Any, tuple[tuple[int, ...], int, int, int]] = {}


def _layout(shape: tuple[int, ...], dim: tuple[int, ...], keepdim: bool) -> tuple[tuple[int, ...], int, int, int]:
    """The reduced shape, and the input as [outer, size, inner] with the reduced dimensions in the middle, for
    dimensions that are neighbours. Remembered."""
    key = (shape, dim, keepdim)
    found = _layouts.get(key)
    if found is None:
        if len(_layouts) >= 4096:
            _layouts.clear()
        first, last = (dim[0], dim[-1] + 1) if dim else (len(shape), len(shape))
        found = reduced(shape, dim, keepdim), prod(shape[:first]), prod(shape[first:last]), prod(shape[last:])
        _layouts[key] = found
    return found


def _grouped(x: Array, dim: tuple[int, ...]) -> tuple[Array, tuple[int, ...]]:
    """x, contiguous, with the reduced dimensions neighbours: where they are not they move to the end."""
    if not dim or dim[-1] - dim[0] == len(dim) - 1:
        return contiguous(x), dim
    kept = [d for d in range(len(x.shape)) if d not in dim]
    moved = contiguous(view(x.array.transpose(*kept, *dim), x.ptr))
    return moved, tuple(range(len(kept), len(x.shape)))


_sum = pair("sum")


def sum(x: Array, *, dim: tuple[int, ...], keepdim: bool) -> Array:
    """The sum over the dimensions `dim`."""
    return _summed(x, dim, keepdim, 1.0)


def mean(x: Array, *, dim: tuple[int, ...], keepdim: bool) -> Array:
    """The sum divided by the number of terms; 0 / 0 of an empty one is NaN, as in NumPy."""
    return _summed(x, dim, keepdim, float(prod([x.shape[d] for d in dim])))


def _summed(x: Array, dim: tuple[int, ...], keepdim: bool, divisor: float) -> Array:
    source, middle = _grouped(x, dim)
    shape, outer, size, inner = _layout(source.shape, middle, keepdim)
    out = empty(shape if middle is dim else reduced(x.shape, dim, keepdim), x.dtype)
    _sum[x.dtype is not float32](out.ptr, source.ptr, divisor, outer, size, inner)
    return out  # type: ignore[no-any-return]


def _extremum(name: str, index: bool) -> Kernel:
    both = pair(name)

    def kernel(x: Array, *, dim: tuple[int, ...], keepdim: bool) -> Array:
        source, middle = _grouped(x, dim)
        shape, outer, size, inner = _layout(source.shape, middle, keepdim)
        out = empty(shape if middle is dim else reduced(x.shape, dim, keepdim), int64 if index else x.dtype)
        both[x.dtype is not float32](out.ptr, source.ptr, outer, size, inner)
        return out  # type: ignore[no-any-return]

    return kernel


amax, amin = _extremum("max", index=False), _extremum("min", index=False)
argmax, argmin = _extremum("argmax", index=True), _extremum("argmin", index=True)
