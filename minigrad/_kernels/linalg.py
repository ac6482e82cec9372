"""Products of matrices."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from minigrad._array import Array, Pool, float32, pool_of, take
from minigrad._C import ffi, lib
from minigrad._kernels.layout import MOST_AXES, NULL, contiguous, copy, pair, strides
from minigrad._shapes import broadcast
from minigrad.errors import ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Kernel = Callable[..., Any]

_matmul = pair("matmul")

#: A product that is remembered by the layout of its operands: the pool of the result, the pool of scratch memory (None if it
#: needs none), the struct for C, whether it is float64, and the walk over the batch, which must live as long.
_Plan = tuple[Pool, "Pool | None", "Any", bool, "Any"]


def _scratch(size: int, dtype: Any) -> Pool | None:
    return pool_of((size,), dtype) if size else None


def _remember(plans: dict[Any, Any], key: Any, plan: Any) -> Any:
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
        product = ffi.new("mg_product *", (m, k, n, x_row, x_col, y_row, y_col, batch))
        scratch = _scratch(lib.mg_matmul_work(product), x.dtype)
        return pool_of((*shape, m, n), x.dtype), scratch, product, x.dtype is not float32, batch

    def kernel(x: Array, y: Array) -> Array:
        key = x.dtype, x.shape, y.shape, x.array.strides, y.array.strides
        plan = plans.get(key) or _remember(plans, key, make(x, y))
        if x.pool is not None and y.pool is not None and not (x_transposed or y_transposed):
            x.pool.products[y.pool] = plan
        return matmul_planned(plan, x, y)

    return kernel


def matmul_planned(plan: _Plan, x: Array, y: Array) -> Array:
    """The product that was planned."""
    pool, scratch, product, wide, _ = plan
    out, work = take(pool), None if scratch is None else take(scratch)
    _matmul[wide](out.ptr, x.ptr, y.ptr, NULL, NULL if work is None else work.ptr, product)
    return out  # type: ignore[no-any-return]


matmul, matmul_nt, matmul_tn = _product(False, False), _product(False, True), _product(True, False)


def _batches(x: Array, y: Array) -> tuple[tuple[int, ...], Any]:
    """The broadcast batch shape, and the offsets of x's and y's matrices in it."""
    shape = broadcast("matmul", x.shape[:-2], y.shape[:-2])
    if len(shape) > MOST_AXES:
        raise ShapeError(message("matmul", "", f"{len(shape)} batch dimensions", f"at most {MOST_AXES}", "Reshape them into one."))
    walk = ffi.new("mg_walk *", {"ndim": len(shape), "shape": shape})
    for i, operand in enumerate((x, y)):
        missing, own = len(shape) + 2 - len(operand.shape), strides(operand)
        for d in range(missing, len(shape)):
            walk.stride[i][d] = own[d - missing] if operand.shape[d - missing] > 1 else 0
    return shape, walk


_linear_bwd = pair("linear_bwd")


class _Linear:
    """x W^T, whose second operand is W read by columns, and its gradients: the struct for C, whether it is float64, and the
    pools of the results and of scratch memory (None if it needs none)."""

    __slots__ = ("dbias", "dweight", "dx", "out", "product", "scratch", "scratch_bwd", "wide")

    def __init__(self, dtype: Any, x: tuple[int, ...], weight: tuple[int, ...], x_steps: Any, w_steps: Any) -> None:
        n, k = weight
        (x_row, x_col), (w_row, w_col) = x_steps or (k, 1), w_steps or (k, 1)
        self.wide = dtype is not float32
        self.product = ffi.new("mg_product *", (prod(x[:-1]), k, n, x_row, x_col, w_col, w_row, NULL))
        self.scratch = _scratch(lib.mg_matmul_work(self.product), dtype)
        self.scratch_bwd = _scratch(lib.mg_linear_bwd_work(self.product), dtype)
        self.out, self.dx = pool_of((*x[:-1], n), dtype), pool_of(x, dtype)
        self.dweight, self.dbias = pool_of(weight, dtype), pool_of((n,), dtype)


_linears: dict[Any, _Linear] = {}


def _plan_linear(dtype: Any, x: tuple[int, ...], weight: tuple[int, ...], x_steps: Any, w_steps: Any) -> _Linear:
    """The plan for linear; the steps are strides, None for those of contiguous arrays."""
    key = dtype, x, weight, x_steps, w_steps
    return _linears.get(key) or _remember(_linears, key, _Linear(*key))


def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    """x W^T + b in one pass; x (..., in), weight (out, in), bias (out,)."""
    given = x.pool
    x, x_steps = (x, None) if x.flat else _as_rows(x)
    bias = bias if bias is None or bias.flat else contiguous(bias)
    plan = _plan_linear(x.dtype, x.shape, weight.shape, x_steps, None if weight.flat else strides(weight))
    if given is not None and weight.pool is not None:
        given.plans[weight.pool, None if bias is None else plan.dbias] = plan
    return linear_planned(plan, x, weight, bias)


def linear_planned(plan: _Linear, x: Array, weight: Array, bias: Array | None) -> Array:
    """The product that was planned."""
    out, work = take(plan.out), None if plan.scratch is None else take(plan.scratch)
    bias_ptr = NULL if bias is None else bias.ptr
    _matmul[plan.wide](out.ptr, x.ptr, weight.ptr, bias_ptr, NULL if work is None else work.ptr, plan.product)
    return out  # type: ignore[no-any-return]


def _as_rows(x: Array) -> tuple[Array, tuple[int, ...] | None]:
    """x (..., in), not contiguous, as the matrix that a product takes: a matrix with its strides, or a contiguous copy."""
    return (x, strides(x)) if len(x.shape) == 2 else (copy(x), None)


def linear_bwd(
    dout: Array, wanted: tuple[object | None, ...], x: Array | None, weight: Array | None
) -> tuple[Array | None, Array | None, Array | None]:
    """The gradients of linear for those of x, weight and bias that are not None in `wanted`, in one call. x is read only for
    the gradient of weight, and weight only for that of x."""
    try:
        plan = dout.pool.plans["backward", x is not None and x.pool, weight is not None and weight.pool]  # type: ignore[union-attr]
    except (AttributeError, KeyError):
        dout, x, plan = _plan_backward(dout, x, weight)
    to_x, to_weight, to_bias = wanted
    dx = None if to_x is None else take(plan.dx)
    dweight = None if to_weight is None else take(plan.dweight)
    dbias = None if to_bias is None else take(plan.dbias)
    work = None if plan.scratch_bwd is None else take(plan.scratch_bwd)
    _linear_bwd[plan.wide](
        NULL if dx is None else dx.ptr, NULL if dweight is None else dweight.ptr, NULL if dbias is None else dbias.ptr,
        dout.ptr, NULL if x is None else x.ptr, NULL if weight is None else weight.ptr,
        NULL if work is None else work.ptr, plan.product,
    )  # fmt: skip
    return dx, dweight, dbias


def _plan_backward(dout: Array, x: Array | None, weight: Array | None) -> tuple[Array, Array | None, _Linear]:
    """The operands as C takes them, and the plan, which is remembered by the pools of operands that have one."""
    pools = dout.pool, x is not None and x.pool, weight is not None and weight.pool
    dout = dout if dout.flat else contiguous(dout)
    x, x_steps = (x, None) if x is None or x.flat else _as_rows(x)
    w_steps = None if weight is None or weight.flat else strides(weight)
    k = weight.shape[1] if weight is not None else x.shape[-1] if x is not None else 0
    batch, n = dout.shape[:-1], dout.shape[-1]
    plan = _plan_linear(dout.dtype, (*batch, k), (n, k), x_steps, w_steps)
    if pools[0] is not None and None not in pools:
        pools[0].plans["backward", pools[1], pools[2]] = plan
    return dout, x, plan
