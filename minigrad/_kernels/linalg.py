"""Products of matrices."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from minigrad._array import Array, empty, float32
from minigrad._C import ffi, lib
from minigrad._kernels.layout import NULL, contiguous, copy, pair, strides
from minigrad._shapes import broadcast

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Kernel = Callable[..., Any]

_matmul = _matmul_f32, _matmul_f64 = pair("matmul")

#: What C must know of a product, remembered by the looks of its operands: the shape of the result, mg_product, and the
#: shape of the scratch memory that it takes (None: none). The walk over the batch must live as long.
_Plan = tuple[tuple[int, ...], "Any", "tuple[int] | None", "Any"]


def _plan(shape: tuple[int, ...], sizes: tuple[int, ...], measure: Any = lib.mg_matmul_work, batch: Any = NULL) -> _Plan:
    product = ffi.new("mg_product *", (*sizes, batch))
    work = int(measure(product))
    return shape, product, (work,) if work else None, batch


def _remember(plans: dict[Any, _Plan], key: Any, plan: _Plan) -> _Plan:
    if len(plans) >= 4096:
        plans.clear()
    plans[key] = plan
    return plan


def _product(x_transposed: bool, y_transposed: bool) -> Kernel:
    """(..., m, k) @ (..., k, n), batch dimensions broadcast, any strides; a transposed operand is read by columns."""
    plans: dict[Any, _Plan] = {}

    def make(x: Array, y: Array) -> _Plan:
        (m, k), n = x.shape[-2:], y.shape[-1]
        (x_row, x_col), (y_row, y_col) = strides(x)[-2:], strides(y)[-2:]
        if x_transposed:
            m, k, x_row, x_col = k, m, x_col, x_row
        if y_transposed:
            n, y_row, y_col = y.shape[-2], y_col, y_row
        shape, batch = ((), NULL) if len(x.shape) == 2 == len(y.shape) else _batches(x, y)
        return _plan((*shape, m, n), (m, k, n, x_row, x_col, y_row, y_col), batch=batch)

    def kernel(x: Array, y: Array) -> Array:
        key = (x.shape, y.shape) if x.flat and y.flat else (x.shape, y.shape, x.array.strides, y.array.strides)
        shape, product, scratch, _ = plans.get(key) or _remember(plans, key, make(x, y))
        dtype = x.dtype
        out = empty(shape, dtype)
        work = NULL if scratch is None else empty(scratch, dtype).ptr
        (_matmul_f32 if dtype is float32 else _matmul_f64)(out.ptr, x.ptr, y.ptr, NULL, work, product)
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


_linears: dict[Any, _Plan] = {}


def _linear_plan(x: tuple[int, ...], weight: tuple[int, ...], x_steps: tuple[int, ...], w_steps: tuple[int, ...]) -> _Plan:
    """The plan of x W^T, whose second operand is W read by columns; good for its gradients, too. x_steps and w_steps:
    strides where they are not those of contiguous arrays."""
    key = x, weight, x_steps, w_steps
    return _linears.get(key) or _remember(_linears, key, _new_linear_plan(*key))


def _new_linear_plan(
    x: tuple[int, ...], weight: tuple[int, ...], x_steps: tuple[int, ...], w_steps: tuple[int, ...]
) -> _Plan:
    n, k = weight
    x_row, x_col = x_steps or (k, 1)
    w_row, w_col = w_steps or (k, 1)
    return _plan((*x[:-1], n), (prod(x[:-1]), k, n, x_row, x_col, w_col, w_row), _most_work)


def _most_work(product: Any) -> int:
    return max(int(lib.mg_matmul_work(product)), int(lib.mg_linear_bwd_work(product)))


def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    """x W^T + b in one pass; x (..., in), weight (out, in), bias (out,)."""
    x, x_steps = _as_rows(x)
    shape, product, scratch, _ = _linear_plan(x.shape, weight.shape, x_steps, () if weight.flat else strides(weight))
    dtype = x.dtype
    out = empty(shape, dtype)
    bias = bias if bias is None or bias.flat else contiguous(bias)
    work = NULL if scratch is None else empty(scratch, dtype).ptr
    bias_ptr = NULL if bias is None else bias.ptr
    (_matmul_f32 if dtype is float32 else _matmul_f64)(out.ptr, x.ptr, weight.ptr, bias_ptr, work, product)
    return out  # type: ignore[no-any-return]


def _as_rows(x: Array) -> tuple[Array, tuple[int, ...]]:
    """x (..., in) for a product that sees a matrix: itself and its strides, none where it is contiguous; a copy where
    its rows are not evenly apart."""
    if x.flat:
        return x, ()
    return (x, strides(x)) if len(x.shape) == 2 else (copy(x), ())


_linear_bwd_f32, _linear_bwd_f64 = pair("linear_bwd")


def linear_bwd(
    dout: Array, x: Array | None, weight: Array | None, wanted: tuple[object | None, ...]
) -> tuple[Array | None, Array | None, Array | None]:
    """The gradients of linear towards x, weight and bias, where `wanted` has no None, in one call. x is read for
    weight's alone, and weight for x's."""
    dout, dtype = dout if dout.flat else contiguous(dout), dout.dtype
    batch, n = dout.shape[:-1], dout.shape[-1]
    k = weight.shape[1] if weight is not None else x.shape[-1] if x is not None else 0
    dx = None if wanted[0] is None else empty((*batch, k), dtype)
    dweight = None if wanted[1] is None else empty((n, k), dtype)
    dbias = None if wanted[2] is None else empty((n,), dtype)
    x, x_steps = (None, ()) if x is None else _as_rows(x)
    w_steps = () if weight is None or weight.flat else strides(weight)
    _, product, scratch, _ = _linear_plan((*batch, k), (n, k), x_steps, w_steps)
    work = NULL if scratch is None else empty(scratch, dtype).ptr
    (_linear_bwd_f32 if dtype is float32 else _linear_bwd_f64)(
        NULL if dx is None else dx.ptr, NULL if dweight is None else dweight.ptr, NULL if dbias is None else dbias.ptr,
        dout.ptr, NULL if x is None else x.ptr, NULL if weight is None else weight.ptr, work, product,
    )  # fmt: skip
    return dx, dweight, dbias
