"""Elementwise kernels and activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, Pool, bool_, empty, float32, float64, from_array, int64, take
from minigrad._kernels.integers import to
from minigrad._kernels.layout import NULL, pair, walk_over
from minigrad._kernels.layout import copy as copy

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Kernel = Callable[..., Any]

#: Each kernel has a variant, `planned`, for operands from pools of floats that have met before, whose plan is where the result
#: comes from, and the walk over the operands: NULL for those from one pool, which are contiguous and alike.


def _unary(name: str) -> Kernel:
    both = pair(name)

    def kernel(x: Array) -> Array:
        out = empty(x.shape, x.dtype)
        both[x.dtype is not float32](out.ptr, x.ptr, NULL if x.flat else walk_over(x)[1], out.array.size)
        return out  # type: ignore[no-any-return]

    def planned(plan: tuple[Pool, Any], x: Array) -> Array:
        pool, walk = plan
        out = take(pool)
        both[pool.wide](out.ptr, x.ptr, walk, pool.size)
        return out  # type: ignore[no-any-return]

    kernel.planned = planned  # type: ignore[attr-defined]
    return kernel


def _binary(name: str) -> Kernel:
    both = pair(name)

    def kernel(x: Array, y: Array) -> Array:
        shape, walk = walk_over(x, y)
        out = empty(shape, x.dtype)
        both[x.dtype is not float32](out.ptr, x.ptr, y.ptr, walk, out.array.size)
        if x.pool is not None and y.pool is not None and len(x.pool.alike) < _MANY:
            x.pool.alike[y.pool] = out.pool, walk
        return out  # type: ignore[no-any-return]

    def planned(plan: tuple[Pool, Any], x: Array, y: Array) -> Array:
        pool, walk = plan
        out = take(pool)
        both[pool.wide](out.ptr, x.ptr, y.ptr, walk, pool.size)
        return out  # type: ignore[no-any-return]

    kernel.planned = planned  # type: ignore[attr-defined]
    return kernel


#: For how many others a pool remembers what they broadcast to.
_MANY = 64


def _unary_with(name: str, *scalars: str) -> Kernel:
    both = pair(name)

    def kernel(x: Array, **given: float) -> Array:
        out = empty(x.shape, x.dtype)
        values = [given[s] for s in scalars]
        both[x.dtype is not float32](out.ptr, x.ptr, NULL if x.flat else walk_over(x)[1], *values, out.array.size)
        return out  # type: ignore[no-any-return]

    return kernel


def _binary_with(name: str, *scalars: str) -> Kernel:
    both = pair(name)

    def kernel(x: Array, y: Array, **given: float) -> Array:
        shape, walk = walk_over(x, y)
        out = empty(shape, x.dtype)
        values = [given[s] for s in scalars]
        both[x.dtype is not float32](out.ptr, x.ptr, y.ptr, walk, *values, out.array.size)
        return out  # type: ignore[no-any-return]

    return kernel


add, sub, mul, div, pow = map(_binary, ("add", "sub", "mul", "div", "pow"))
maximum, minimum, larger, logaddexp = map(_binary, ("maximum", "minimum", "larger", "logaddexp"))
neg, abs, sign, sqrt, square = map(_unary, ("neg", "abs", "sign", "sqrt", "square"))
square_bwd = _binary("square_bwd")
fmax, fmin = map(_binary, ("fmax", "fmin"))
fmod, remainder, floor_divide = map(_binary, ("fmod", "remainder", "floor_divide"))
exp, expm1, log, log1p, erf, erfc = map(_unary, ("exp", "expm1", "log", "log1p", "erf", "erfc"))
sin, cos = map(_unary, ("sin", "cos"))

relu, sigmoid, tanh, silu = map(_unary, ("relu", "sigmoid", "tanh", "silu"))
gelu, gelu_tanh = map(_unary, ("gelu", "gelu_tanh"))
relu_bwd, sigmoid_bwd, tanh_bwd = map(_binary, ("relu_bwd", "sigmoid_bwd", "tanh_bwd"))
silu_bwd, gelu_bwd, gelu_tanh_bwd = map(_binary, ("silu_bwd", "gelu_bwd", "gelu_tanh_bwd"))
leaky_relu, leaky_relu_bwd = (
    _unary_with("leaky_relu", "negative_slope"),
    _binary_with("leaky_relu_bwd", "negative_slope"),
)
prelu, fill_between = _binary("prelu"), _binary_with("fill_between", "low", "high", "value")
softshrink, nan_to_num = _unary_with("softshrink", "lambd"), _unary_with("nan_to_num", "nan", "posinf", "neginf")
hardsigmoid, hardswish = map(_unary, ("hardsigmoid", "hardswish"))
hardsigmoid_bwd, hardswish_bwd = map(_binary, ("hardsigmoid_bwd", "hardswish_bwd"))
elu, elu_bwd = _unary_with("elu", "alpha"), _binary_with("elu_bwd", "alpha")
softplus, softplus_bwd = _unary_with("softplus", "beta", "threshold"), _binary_with("softplus_bwd", "beta", "threshold")


def _comparison(name: str, swapped: bool = False) -> Kernel:
    """A comparison of x with y, as bools; `swapped` compares y with x, as x > y is y < x."""
    both = pair(name)

    def kernel(x: Array, y: Array) -> Array:
        x, y = (y, x) if swapped else (x, y)
        shape, walk = walk_over(x, y)
        out = empty(shape, bool_)
        both[x.dtype is not float32](out.ptr, x.ptr, y.ptr, walk, out.array.size)
        return out  # type: ignore[no-any-return]

    return kernel


equal, not_equal, less, less_equal = map(_comparison, ("equal", "not_equal", "less", "less_equal"))
greater, greater_equal = _comparison("less", swapped=True), _comparison("less_equal", swapped=True)


def _beside(comparison: Kernel, value: float, function: Kernel | None = None) -> Kernel:
    """How x, or a function of it, compares to one number."""
    return lambda x: comparison(function(x) if function else x, from_array(np.asarray(value, x.dtype)))


isinf, isfinite = _beside(equal, np.inf, abs), _beside(less, np.inf, abs)
isposinf, isneginf = _beside(equal, np.inf), _beside(equal, -np.inf)


def isnan(x: Array) -> Array:
    """Whether x is not equal to itself."""
    return not_equal(x, x)  # type: ignore[no-any-return]


clip, clip_bwd = _unary_with("clip", "low", "high"), _binary_with("clip_bwd", "low", "high")
hardtanh_bwd = _binary_with("hardtanh_bwd", "low", "high")

_rounded = pair("rounded")


def _whole(how: int) -> Kernel:
    """Floats to whole ones; the numbers are those of csrc/kernels/integers.inc."""

    def kernel(x: Array) -> Array:
        out = empty(x.shape, x.dtype)
        _rounded[x.dtype is not float32](out.ptr, x.ptr, NULL if x.flat else walk_over(x)[1], how, out.array.size)
        return out  # type: ignore[no-any-return]

    return kernel


floor, ceil, trunc, rint = map(_whole, range(4))


def trunc_divide(x: Array, y: Array) -> Array:
    """x / y towards 0."""
    return trunc(div(x, y))  # type: ignore[no-any-return]


_where = pair("where")


def where(condition: Array, x: Array, y: Array) -> Array:
    """out = condition ? x : y, broadcast."""
    shape, walk = walk_over(x, y, condition)
    out = empty(shape, x.dtype)
    _where[x.dtype is not float32](out.ptr, x.ptr, y.ptr, condition.ptr, walk, out.array.size)
    return out  # type: ignore[no-any-return]


_from = {float32: pair("from_float"), float64: pair("from_double"), int64: pair("from_int64"), bool_: pair("from_bool")}


def cast(x: Array, *, dtype: Any) -> Array:
    """Converts numbers of any of our types to another."""
    if dtype.kind != "f":
        return to(x, dtype)
    out = empty(x.shape, dtype)
    _from[x.dtype][dtype is not float32](out.ptr, x.ptr, NULL if x.flat else walk_over(x)[1], out.array.size)
    return out  # type: ignore[no-any-return]
