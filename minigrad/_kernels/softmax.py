"""softmax and its kin, along rows: another dimension is moved to the end and back."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, empty, float32, view
from minigrad._kernels.layout import contiguous, pair
from minigrad._shapes import reduced

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Kernel = Callable[..., Any]

def _rows(x: Array, dim: int) -> Array:
    """x with `dim` last and contiguous."""
    return (
        contiguous(x)
        if dim == len(x.shape) - 1 or not x.shape
        else contiguous(view(np.moveaxis(x.array, dim, -1), x.ptr))
    )


def _along(name: str) -> Kernel:
    both = pair(name)

    def kernel(*operands: Array, dim: int) -> Array:
        rows = [_rows(x, dim) for x in operands]
        first = rows[0]
        out = empty(first.shape, first.dtype)
        cols = first.shape[-1] if first.shape else 1
        both[first.dtype is not float32](out.ptr, *[x.ptr for x in rows], cols, out.array.size // cols if cols else 0)
        return out if dim == len(first.shape) - 1 or not first.shape else view(np.moveaxis(out.array, -1, dim), out.ptr)  # type: ignore[no-any-return]

    return kernel


softmax, softmax_bwd = _along("softmax"), _along("softmax_bwd")
log_softmax, log_softmax_bwd = _along("log_softmax"), _along("log_softmax_bwd")
_logsumexp = pair("logsumexp")


def logsumexp(x: Array, *, dim: tuple[int, ...], keepdim: bool) -> Array:
    """Log of the sum of exp over the dimensions `dim`."""
    out = empty(reduced(x.shape, dim, keepdim), x.dtype)
    kept = [d for d in range(len(x.shape)) if d not in dim]
    source = contiguous(x if x.flat and kept == list(range(len(kept))) else view(x.array.transpose(*kept, *dim), x.ptr))
    _logsumexp[x.dtype is not float32](out.ptr, source.ptr, prod([x.shape[d] for d in dim]), out.array.size)
    return out  # type: ignore[no-any-return]
