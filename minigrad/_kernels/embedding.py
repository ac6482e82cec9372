"""Rows of a table by number."""

from __future__ import annotations

from minigrad._array import Array, empty, float32
from minigrad._kernels.layout import contiguous, pair

_embedding, _embedding_bwd = pair("embedding"), pair("embedding_bwd")


def embedding(weight: Array, index: Array, *, padding_idx: int) -> Array:
    """The rows of weight that index names."""
    weight, index = contiguous(weight), contiguous(index)
    out = empty((*index.shape, *weight.shape[1:]), weight.dtype)
    _embedding[weight.dtype is not float32](out.ptr, weight.ptr, index.ptr, weight.shape[1], index.array.size)
    return out  # type: ignore[no-any-return]


def embedding_bwd(dout: Array, index: Array, *, padding_idx: int, rows: int) -> Array:
    """What arrives at each row of a table; nothing at the row padding_idx."""
    dout, index = contiguous(dout), contiguous(index)
    cols = dout.shape[-1]
    out = empty((rows, cols), dout.dtype)
    _embedding_bwd[dout.dtype is not float32](out.ptr, dout.ptr, index.ptr, padding_idx, index.array.size, rows, cols)
    return out  # type: ignore[no-any-return]
