"""Euclidean distances of rows."""

from __future__ import annotations

from math import prod

from minigrad._array import Array, empty, float32
from minigrad._kernels.layout import contiguous, pair

_cdist, _cdist_bwd = pair("cdist"), pair("cdist_bwd")


def cdist(x: Array, y: Array) -> Array:
    """The distances of the rows of x (..., rows, n) to those of y (..., others, n), batches being equal."""
    x, y = contiguous(x), contiguous(y)
    *batch, rows, cols = x.shape
    others = y.shape[-2]
    out = empty((*batch, rows, others), x.dtype)
    _cdist[x.dtype is not float32](out.ptr, x.ptr, y.ptr, prod(batch), rows, others, cols)
    return out  # type: ignore[no-any-return]


def cdist_bwd(dout: Array, x: Array, y: Array, out: Array, *, transposed: bool) -> Array:
    """The gradient towards x of the distances out of x to y, or, transposed, of y to x."""
    dout, x, y, out = contiguous(dout), contiguous(x), contiguous(y), contiguous(out)
    *batch, rows, cols = x.shape
    dx = empty(x.shape, x.dtype)
    wide = x.dtype is not float32
    _cdist_bwd[wide](dx.ptr, dout.ptr, x.ptr, y.ptr, out.ptr, transposed, prod(batch), rows, y.shape[-2], cols)
    return dx  # type: ignore[no-any-return]
