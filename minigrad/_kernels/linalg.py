"""Products of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._array import Array, empty, float32
from minigrad._C import ffi, lib
from minigrad._kernels.layout import NULL, contiguous, copy, pair, strides
from minigrad._kernels.runtime import thread_dependent
from minigrad._shapes import broadcast

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Kernel = Callable[..., Any]

_matmul = _matmul_f32, _matmul_f64 = pair("matmul")
_SMALL = lib.MG_MATMUL_SMALL


def _work(m: int, k: int, n: int, dtype: Any) -> Any:
    """Scratch memory for packed panels, or None for shapes that pack nothing."""
    size = thread_dependent.get((m, k, n))
    if size is None:
        if len(thread_dependent) >= 4096:
            thread_dependent.clear()
        size = thread_dependent[m, k, n] = int(lib.mg_matmul_work(m, k, n))
    return empty((size,), dtype) if size else None


def _product(x_transposed: bool, y_transposed: bool) -> Kernel:
    """(..., m, k) @ (..., k, n), batch dimensions broadcast, any strides; a transposed operand is read by columns."""

    def kernel(x: Array, y: Array) -> Array:
        m, k = x.shape[-2:]
        n = y.shape[-1]
        x_row, x_col = (k, 1) if x.flat else strides(x)[-2:]
        y_row, y_col = (n, 1) if y.flat else strides(y)[-2:]
        if x_transposed:
            m, k, x_row, x_col = k, m, x_col, x_row
        if y_transposed:
            n, y_row, y_col = y.shape[-2], y_col, y_row
        if len(x.shape) == 2 == len(y.shape):
            out, batch = empty((m, n), x.dtype), NULL
        else:
            shape, batch = _batches(x, y)
            out = empty((*shape, m, n), x.dtype)
        work = None if k * n <= _SMALL and n > 1 else _work(m, k, n, x.dtype)
        (_matmul_f32 if x.dtype is float32 else _matmul_f64)(
            out.ptr, x.ptr, y.ptr, NULL, NULL if work is None else work.ptr, batch, m, k, n, x_row, x_col, y_row, y_col
        )
        return out  # type: ignore[no-any-return]

    return kernel


matmul, matmul_nt, matmul_tn = _product(False, False), _product(False, True), _product(True, False)


def _batches(x: Array, y: Array) -> tuple[tuple[int, ...], Any]:
    """The broadcast batch shape, and the offsets of x's and y's matrices in it."""
    shape = broadcast("matmul", x.shape[:-2], y.shape[:-2])
    walk = ffi.new("mg_walk *", {"ndim": len(shape), "shape": shape})
    for i, operand in enumerate((x, y)):
        missing, own = len(shape) + 2 - len(operand.shape), strides(operand)
        for d in range(missing, len(shape)):
            walk.stride[i][d] = own[d - missing] if operand.shape[d - missing] > 1 else 0
    return shape, walk


def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    """x W^T + b in one pass; x (..., in), weight (out, in), bias (out,)."""
    n, k = weight.shape
    out = empty((*x.shape[:-1], n), x.dtype)
    m = out.size // n if n else 0
    x, x_row, x_col = _as_rows(x, k)
    w_row, w_col = (k, 1) if weight.flat else strides(weight)
    bias = bias if bias is None or bias.flat else contiguous(bias)
    work = _work(m, k, n, out.dtype)
    _matmul[out.dtype is not float32](
        out.ptr, x.ptr, weight.ptr, NULL if bias is None else bias.ptr, NULL if work is None else work.ptr, NULL,
        m, k, n, x_row, x_col, w_col, w_row,
    )  # fmt: skip
    return out  # type: ignore[no-any-return]


def _as_rows(x: Array, k: int) -> tuple[Array, int, int]:
    """x (..., k) for a product that sees a matrix: itself and its strides, or a contiguous copy."""
    if x.flat:
        return x, k, 1
    return (x, *strides(x)) if len(x.shape) == 2 else (copy(x), k, 1)  # type: ignore[return-value]


_linear_bwd = pair("linear_bwd")


def linear_bwd(
    dout: Array, x: Array | None, weight: Array | None, wanted: tuple[object | None, ...]
) -> tuple[Array | None, Array | None, Array | None]:
    """The gradients of linear towards x, weight and bias, where `wanted` has no None, in one call. x is read for
    weight's alone, and weight for x's."""
    dout, dtype = dout if dout.flat else contiguous(dout), dout.dtype
    n = dout.shape[-1]
    rows = dout.size // n if n else 0
    k = weight.shape[1] if weight is not None else x.shape[-1] if x is not None else 0
    dx = None if wanted[0] is None else empty((*dout.shape[:-1], k), dtype)
    dweight = None if wanted[1] is None else empty((n, k), dtype)
    dbias = None if wanted[2] is None else empty((n,), dtype)
    x_ptr, w_ptr, x_row, x_col = NULL, NULL, k, 1
    if x is not None:
        x, x_row, x_col = _as_rows(x, k)
        x_ptr = x.ptr
    if weight is not None:
        weight = weight if weight.flat else contiguous(weight)
        w_ptr = weight.ptr
    work = _work(rows, n, k, dtype) if dx is not None else None
    other = _work(n, rows, k, dtype) if dweight is not None else None
    work = other if work is None or (other is not None and other.size > work.size) else work
    _linear_bwd[dtype is not float32](
        NULL if dx is None else dx.ptr, NULL if dweight is None else dweight.ptr, NULL if dbias is None else dbias.ptr,
        dout.ptr, x_ptr, w_ptr, NULL if work is None else work.ptr, rows, k, n, x_row, x_col,
    )  # fmt: skip
    return dx, dweight, dbias
