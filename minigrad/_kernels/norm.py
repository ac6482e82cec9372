"""Normalisation: by rows (layer_norm, rms_norm) and by channels (batch_norm).

`statistics` are what a kernel would find first, where somebody has found them already: the mean and the reciprocal
deviation of each row (of rms_norm the latter alone), or the mean and the variance of each channel.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from minigrad._array import Array, empty, float32
from minigrad._kernels import layout
from minigrad._kernels.layout import NULL, contiguous, pair

if TYPE_CHECKING:
    from typing import Any

_layer_norm, _layer_norm_bwd = pair("layer_norm"), pair("layer_norm_bwd")
_rms_norm, _rms_norm_bwd = pair("rms_norm"), pair("rms_norm_bwd")
_batch_stats, _batch_norm, _batch_norm_bwd = pair("batch_stats"), pair("batch_norm"), pair("batch_norm_bwd")
_running_stats = pair("running_stats")


def _optional(x: Array | None) -> tuple[Array | None, Any]:
    """x, contiguous, and its address or NULL. The caller keeps the array: C reads a copy only while someone holds it."""
    if x is None:
        return None, NULL
    x = contiguous(x)
    return x, x.ptr


def _like(x: Array | None) -> tuple[Array | None, Any]:
    """Memory of x's shape, and its address; NULL for None."""
    if x is None:
        return None, NULL
    made = empty(x.shape, x.dtype)
    return made, made.ptr


def _rows(x: Array, dims: int) -> tuple[int, int]:
    """How many rows the last `dims` dimensions make, and how long they are."""
    at = len(x.shape) - dims
    return prod(x.shape[:at]), prod(x.shape[at:])


# -- rows --------------------------------------------------------------------------------------------------------------


def layer_norm(
    x: Array, weight: Array | None, bias: Array | None, *, dims: int, eps: float
) -> tuple[Array, Array, Array]:
    """(x - mean) rstd weight + bias over the last dims, with the mean and rstd of each row."""
    (weight, weight_ptr), (bias, bias_ptr) = _optional(weight), _optional(bias)
    x = contiguous(x)
    rows, cols = _rows(x, dims)
    out, mean, rstd = empty(x.shape, x.dtype), empty((rows,), x.dtype), empty((rows,), x.dtype)
    _layer_norm[x.dtype is not float32](out.ptr, mean.ptr, rstd.ptr, x.ptr, weight_ptr, bias_ptr, eps, cols, rows)
    return out, mean, rstd


def layer_norm_bwd(
    dout: Array, x: Array, weight: Array | None, *, dims: int, eps: float, statistics: tuple[Array, Array] | None
) -> Array:
    """The gradient of layer_norm towards x."""
    return layer_norm_gradients(dout, (x, None, None), x, weight, statistics, dims, eps)[0]  # type: ignore[no-any-return]


def layer_norm_gradients(
    dout: Array, parents: tuple[Any, ...], x: Array, weight: Array | None, statistics: tuple[Array, Array] | None,
    dims: int, eps: float,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """The gradients of layer_norm towards x, weight and bias, those that are wanted."""
    dout, x, (weight, weight_ptr) = contiguous(dout), contiguous(x), _optional(weight)
    mean, rstd = statistics or layer_norm(x, None, None, dims=dims, eps=eps)[1:]
    (rows, cols), normalised = _rows(x, dims), x.shape[len(x.shape) - dims :]
    dx, dx_ptr = _like(x if parents[0] is not None else None)
    dweight = empty(normalised, x.dtype) if parents[1] is not None else None
    dbias = empty(normalised, x.dtype) if parents[2] is not None else None
    _layer_norm_bwd[x.dtype is not float32](
        dx_ptr, NULL if dweight is None else dweight.ptr, NULL if dbias is None else dbias.ptr,
        dout.ptr, x.ptr, weight_ptr, mean.ptr, rstd.ptr, rows, cols,
    )  # fmt: skip
    return dx, dweight, dbias


def rms_norm(
    x: Array, weight: Array | None, *, dims: int, eps: float
) -> tuple[Array, Array]:
    """X rstd weight over the last dims, with the rstd of each row."""
    x, (weight, weight_ptr) = contiguous(x), _optional(weight)
    rows, cols = _rows(x, dims)
    out, rstd = empty(x.shape, x.dtype), empty((rows,), x.dtype)
    _rms_norm[x.dtype is not float32](out.ptr, rstd.ptr, x.ptr, weight_ptr, eps, cols, rows)
    return out, rstd


def rms_norm_bwd(
    dout: Array, x: Array, weight: Array | None, *, dims: int, eps: float, statistics: Array | None
) -> Array:
    """The gradient of rms_norm towards x."""
    return rms_norm_gradients(dout, (x, None), x, weight, statistics, dims, eps)[0]  # type: ignore[no-any-return]


def rms_norm_gradients(
    dout: Array, parents: tuple[Any, ...], x: Array, weight: Array | None, statistics: Array | None, dims: int, eps: float
) -> tuple[Any, Any]:
    """The gradients of rms_norm towards x and weight, those that are wanted."""
    dout, x, (weight, weight_ptr) = contiguous(dout), contiguous(x), _optional(weight)
    rstd = rms_norm(x, None, dims=dims, eps=eps)[1] if statistics is None else statistics
    rows, cols = _rows(x, dims)
    dx, dx_ptr = _like(x if parents[0] is not None else None)
    dweight = empty(x.shape[len(x.shape) - dims :], x.dtype) if parents[1] is not None else None
    _rms_norm_bwd[x.dtype is not float32](
        dx_ptr, NULL if dweight is None else dweight.ptr, dout.ptr, x.ptr, weight_ptr, rstd.ptr, rows, cols
    )
    return dx, dweight


# -- channels ----------------------------------------------------------------------------------------------------------


def batch_stats(x: Array) -> tuple[Array, Array]:
    """The mean and the variance of each channel, the second dimension, over all others."""
    x = contiguous(x)
    outer, channels, inner = x.shape[0], x.shape[1], prod(x.shape[2:])
    mean, var = empty((channels,), x.dtype), empty((channels,), x.dtype)
    _batch_stats[x.dtype is not float32](mean.ptr, var.ptr, x.ptr, outer, channels, inner)
    return mean, var


def batch_norm(
    x: Array, weight: Array | None, bias: Array | None, *, eps: float, statistics: tuple[Array, Array] | None
) -> tuple[Array, Array, Array]:
    """(x - mean) / sqrt(var + eps) weight + bias of each channel, with its mean and var in this batch."""
    x = contiguous(x)
    mean, var = statistics or batch_stats(x)
    return batch_norm_eval(x, mean, var, weight, bias, eps=eps), mean, var


def batch_norm_eval(
    x: Array, mean: Array, var: Array, weight: Array | None, bias: Array | None, *, eps: float
) -> Array:
    """The same with a mean and var that come from elsewhere."""
    (weight, weight_ptr), (bias, bias_ptr) = _optional(weight), _optional(bias)
    x, mean, var = contiguous(x), contiguous(mean), contiguous(var)
    out = empty(x.shape, x.dtype)
    _batch_norm[x.dtype is not float32](
        out.ptr, x.ptr, weight_ptr, bias_ptr, mean.ptr, var.ptr, eps, x.shape[1], prod(x.shape[2:]), x.shape[0]
    )
    return out  # type: ignore[no-any-return]


def batch_norm_bwd(
    dout: Array, x: Array, weight: Array | None, *, eps: float, statistics: tuple[Array, Array] | None
) -> Array:
    """The gradient of batch_norm towards x."""
    mean, var = statistics or batch_stats(x)
    return batch_norm_gradients(dout, (x, None, None), x, weight, mean, var, eps)[0]  # type: ignore[no-any-return]


def batch_norm_gradients(
    dout: Array, parents: tuple[Any, ...], x: Array, weight: Array | None, mean: Array, var: Array, eps: float
) -> tuple[Any, Any, Any]:
    """The gradients of batch_norm towards x, weight and bias; the latter two are there anyway, as x's is made of them."""
    dout, x, (weight, weight_ptr) = contiguous(dout), contiguous(x), _optional(weight)
    dx, dx_ptr = _like(x if parents[0] is not None else None)
    dweight, dbias = empty(mean.shape, x.dtype), empty(mean.shape, x.dtype)
    _batch_norm_bwd[x.dtype is not float32](
        dx_ptr, dweight.ptr, dbias.ptr, dout.ptr, x.ptr, weight_ptr, mean.ptr, var.ptr, eps,
        x.shape[0], x.shape[1], prod(x.shape[2:]),
    )  # fmt: skip
    return dx, dweight if parents[1] is not None else None, dbias if parents[2] is not None else None


def running_stats(
    running_mean: Array, running_var: Array, batches: Array | None, mean: Array, var: Array, *, momentum: float | None, n: int
) -> None:
    """Moves running statistics towards those of a batch with n numbers a channel, and counts it. All are contiguous.
    momentum None: as far as makes them the averages over all batches counted."""
    layout.rewrites(running_mean, running_var, *(() if batches is None else (batches,)))
    _running_stats[running_mean.dtype is not float32](
        running_mean.ptr, running_var.ptr, NULL if batches is None else batches.ptr, mean.ptr, var.ptr,
        0.0 if momentum is None else momentum, momentum is None, n, mean.array.size,
    )  # fmt: skip
