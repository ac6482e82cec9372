"""The doorway to C: one function per kernel, arrays in, arrays out. Nothing else calls the extension.

A function here allocates the result, chooses float32 or float64, describes broadcasts and strides, and makes one C
call. It checks nothing: the op's record has done so. Arrays are positional, metadata is keyword-only.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, empty, float32, int64, view
from minigrad._C import ffi, lib
from minigrad._shapes import broadcast, reduced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Kernel = Callable[..., Any]

NULL = ffi.NULL


def _pair(name: str) -> tuple[Any, Any]:
    """The float32 and the float64 function of a line of kernels.def."""
    return getattr(lib, f"mg_{name}_f32"), getattr(lib, f"mg_{name}_f64")


# -- which body runs, and in how many threads ----------------------------------------------------------------------------

ISAS = ("portable", "avx2", "avx512")


def available_isas() -> tuple[str, ...]:
    """The instruction sets that this processor has and this build holds code for, slowest first."""
    return tuple(name for i, name in enumerate(ISAS) if lib.mg_isa_available(i))


def active_isa() -> str:
    """The instruction set that kernels use now."""
    return ISAS[lib.mg_isa_active()]


def select_isa(name: str) -> None:
    """Makes all kernels use one instruction set. ValueError where it is unknown or this processor lacks it."""
    if name not in available_isas():
        raise ValueError(f"MINIGRAD_ISA: got {name!r}, expected one of {', '.join(available_isas())}, which this processor has.")
    lib.mg_isa_select(ISAS.index(name))


@contextmanager
def use_isa(name: str) -> Iterator[None]:
    """Inside the block kernels use one instruction set: `with use_isa("portable"): ...`."""
    before = active_isa()
    select_isa(name)
    try:
        yield
    finally:
        select_isa(before)


def get_num_threads() -> int:
    """How many threads a kernel may use; small work takes one."""
    return int(lib.mg_threads())


def set_num_threads(threads: int) -> None:
    """Sets how many threads a kernel may use, at least 1. Results have the same bits for any number."""
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise ValueError(f"set_num_threads: argument threads: got {threads!r}, expected an int of at least 1.")
    lib.mg_set_threads(threads)


def _initial_threads() -> int:
    """MINIGRAD_NUM_THREADS, or OMP_NUM_THREADS, or every processor that this process may run on."""
    for name in ("MINIGRAD_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "").split(",")[0].strip()
        if value.isdigit() and int(value) > 0:
            return int(value)
    return usable_processors()


def usable_processors() -> int:
    """How many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


set_num_threads(_initial_threads())
select_isa(os.environ.get("MINIGRAD_ISA") or available_isas()[-1])


# -- layout: strides in elements, and walks over broadcast operands ---------------------------------------------------------


def strides(x: Array) -> tuple[int, ...]:
    """Elements (not bytes) from one position to the next, by dimension."""
    itemsize = x.dtype.itemsize
    return tuple([s // itemsize for s in x.array.strides])


def contiguous(x: Array) -> Array:
    """x itself where it is C-contiguous, else a copy that is."""
    return x if x.flat else copy(x)


_walks: dict[Any, tuple[tuple[int, ...], Any]] = {}


def _walk(*operands: Array) -> tuple[tuple[int, ...], Any]:
    """The broadcast shape, and how C visits the operands in it (NULL: all contiguous and of this shape). Remembered."""
    key = tuple([(x.shape, None if x.flat else x.array.strides) for x in operands])
    found = _walks.get(key)
    if found is None:
        if len(_walks) >= 4096:
            _walks.clear()
        found = _walks[key] = _plan(operands)
    return found


def _plan(operands: tuple[Array, ...]) -> tuple[tuple[int, ...], Any]:
    """Strides of every operand in the common shape; neighbouring axes that all operands cross evenly become one."""
    shape = broadcast("", *[x.shape for x in operands])
    steps = []
    for x in operands:
        missing = len(shape) - len(x.shape)
        own = (0,) * missing + strides(x)
        steps.append([0 if d < missing or x.shape[d - missing] == 1 else own[d] for d in range(len(shape))])
    axes: list[tuple[int, list[int]]] = []
    for d, length in enumerate(shape):
        step = [s[d] for s in steps]
        if length == 1:
            continue
        if axes and all(outer == inner * length for outer, inner in zip(axes[-1][1], step, strict=True)):
            axes[-1] = (axes[-1][0] * length, step)
        else:
            axes.append((length, step))
    if 0 in shape or not axes or (len(axes) == 1 and all(s == 1 for s in axes[0][1])):
        return shape, NULL
    walk = ffi.new("mg_walk *", {"ndim": len(axes)})
    for d, (length, step) in enumerate(axes):
        walk.shape[d] = length
        for i, s in enumerate(step):
            walk.stride[i][d] = s
    return shape, walk


# -- elementwise ------------------------------------------------------------------------------------------------------------


def _unary(name: str) -> Kernel:
    f32, f64 = _pair(name)

    def kernel(x: Array) -> Array:
        out = empty(x.shape, x.dtype)
        (f32 if x.dtype is float32 else f64)(out.ptr, x.ptr, NULL if x.flat else _walk(x)[1], out.size)
        return out  # type: ignore[no-any-return]

    return kernel


def _binary(name: str) -> Kernel:
    f32, f64 = _pair(name)

    def kernel(x: Array, y: Array) -> Array:
        if x.shape == y.shape and x.flat and y.flat:
            shape, walk = x.shape, NULL
        else:
            shape, walk = _walk(x, y)
        out = empty(shape, x.dtype)
        (f32 if x.dtype is float32 else f64)(out.ptr, x.ptr, y.ptr, walk, out.size)
        return out  # type: ignore[no-any-return]

    return kernel


def _unary_with(name: str, *scalars: str) -> Kernel:
    f32, f64 = _pair(name)

    def kernel(x: Array, **given: float) -> Array:
        out = empty(x.shape, x.dtype)
        values = [given[s] for s in scalars]
        (f32 if x.dtype is float32 else f64)(out.ptr, x.ptr, NULL if x.flat else _walk(x)[1], *values, out.size)
        return out  # type: ignore[no-any-return]

    return kernel


def _binary_with(name: str, *scalars: str) -> Kernel:
    f32, f64 = _pair(name)

    def kernel(x: Array, y: Array, **given: float) -> Array:
        shape, walk = _walk(x, y)
        out = empty(shape, x.dtype)
        values = [given[s] for s in scalars]
        (f32 if x.dtype is float32 else f64)(out.ptr, x.ptr, y.ptr, walk, *values, out.size)
        return out  # type: ignore[no-any-return]

    return kernel


add, sub, mul, div, pow = map(_binary, ("add", "sub", "mul", "div", "pow"))
maximum, minimum = map(_binary, ("maximum", "minimum"))
copy, neg, abs, sign, sqrt = map(_unary, ("copy", "neg", "abs", "sign", "sqrt"))
exp, expm1, log, log1p, erf = map(_unary, ("exp", "expm1", "log", "log1p", "erf"))

relu, sigmoid, tanh, silu = map(_unary, ("relu", "sigmoid", "tanh", "silu"))
gelu, gelu_tanh = map(_unary, ("gelu", "gelu_tanh"))
relu_bwd, sigmoid_bwd, tanh_bwd = map(_binary, ("relu_bwd", "sigmoid_bwd", "tanh_bwd"))
silu_bwd, gelu_bwd, gelu_tanh_bwd = map(_binary, ("silu_bwd", "gelu_bwd", "gelu_tanh_bwd"))
leaky_relu, leaky_relu_bwd = _unary_with("leaky_relu", "negative_slope"), _binary_with("leaky_relu_bwd", "negative_slope")
elu, elu_bwd = _unary_with("elu", "alpha"), _binary_with("elu_bwd", "alpha")
softplus, softplus_bwd = _unary_with("softplus", "beta", "threshold"), _binary_with("softplus_bwd", "beta", "threshold")

_where = _pair("where")


def where(condition: Array, x: Array, y: Array) -> Array:
    """out = condition ? x : y, broadcast."""
    shape, walk = _walk(x, y, condition)
    out = empty(shape, x.dtype)
    _where[x.dtype is not float32](out.ptr, x.ptr, y.ptr, condition.ptr, walk, out.size)
    return out  # type: ignore[no-any-return]


# -- reductions --------------------------------------------------------------------------------------------------------------


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


_sum = _pair("sum")


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
    pair = _pair(name)

    def kernel(x: Array, *, dim: tuple[int, ...], keepdim: bool) -> Array:
        source, middle = _grouped(x, dim)
        shape, outer, size, inner = _layout(source.shape, middle, keepdim)
        out = empty(shape if middle is dim else reduced(x.shape, dim, keepdim), int64 if index else x.dtype)
        pair[x.dtype is not float32](out.ptr, source.ptr, outer, size, inner)
        return out  # type: ignore[no-any-return]

    return kernel


amax, amin = _extremum("max", index=False), _extremum("min", index=False)
argmax, argmin = _extremum("argmax", index=True), _extremum("argmin", index=True)


# -- softmax: along rows; another dimension is moved to the end and back ---------------------------------------------------------


def _rows(x: Array, dim: int) -> Array:
    """x with `dim` last and contiguous."""
    return contiguous(x) if dim == len(x.shape) - 1 or not x.shape else contiguous(view(np.moveaxis(x.array, dim, -1), x.ptr))


def _along(name: str) -> Kernel:
    pair = _pair(name)

    def kernel(*operands: Array, dim: int) -> Array:
        rows = [_rows(x, dim) for x in operands]
        first = rows[0]
        out = empty(first.shape, first.dtype)
        cols = first.shape[-1] if first.shape else 1
        pair[first.dtype is not float32](out.ptr, *[x.ptr for x in rows], cols, out.size // cols if cols else 0)
        return out if dim == len(first.shape) - 1 or not first.shape else view(np.moveaxis(out.array, -1, dim), out.ptr)  # type: ignore[no-any-return]

    return kernel


softmax, softmax_bwd = _along("softmax"), _along("softmax_bwd")
log_softmax, log_softmax_bwd = _along("log_softmax"), _along("log_softmax_bwd")
_logsumexp = _pair("logsumexp")


def logsumexp(x: Array, *, dim: tuple[int, ...], keepdim: bool) -> Array:
    """log of the sum of exp over the dimensions `dim`."""
    out = empty(reduced(x.shape, dim, keepdim), x.dtype)
    kept = [d for d in range(len(x.shape)) if d not in dim]
    source = contiguous(x if x.flat and kept == list(range(len(kept))) else view(x.array.transpose(*kept, *dim), x.ptr))
    _logsumexp[x.dtype is not float32](out.ptr, source.ptr, prod([x.shape[d] for d in dim]), out.size)
    return out  # type: ignore[no-any-return]


# -- matmul --------------------------------------------------------------------------------------------------------------------

_matmul = _pair("matmul")
_work_sizes: dict[tuple[int, int, int, int], int] = {}


def _work(m: int, k: int, n: int, dtype: Any) -> Any:
    """Scratch memory for packed panels, or NULL for shapes that pack nothing."""
    key = (m, k, n, int(lib.mg_threads()) if m * k * n > 1 << 15 else 1)
    size = _work_sizes.get(key)
    if size is None:
        if len(_work_sizes) >= 4096:
            _work_sizes.clear()
        size = _work_sizes[key] = int(lib.mg_matmul_work(m, k, n))
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
        if len(x.shape) == 2 and len(y.shape) == 2:
            out, batch = empty((m, n), x.dtype), NULL
        else:
            shape, batch = _batches(x, y)
            out = empty((*shape, m, n), x.dtype)
        work = _work(m, k, n, x.dtype)
        _matmul[x.dtype is not float32](
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
    x = contiguous(x) if len(x.shape) > 2 else x
    n, k = weight.shape
    m = x.size // k if k else prod(x.shape[:-1])
    out = empty((*x.shape[:-1], n), x.dtype)
    x_row, x_col = (k, 1) if x.flat else (0, *strides(x))[-2:]
    w_row, w_col = (k, 1) if weight.flat else strides(weight)
    bias_ptr = NULL if bias is None else contiguous(bias).ptr
    work = _work(m, k, n, x.dtype)
    _matmul[x.dtype is not float32](
        out.ptr, x.ptr, weight.ptr, bias_ptr, NULL if work is None else work.ptr, NULL, m, k, n, x_row, x_col, w_col, w_row
    )
    return out  # type: ignore[no-any-return]


# -- losses -------------------------------------------------------------------------------------------------------------------------

REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}


def _pointwise(name: str, *scalars: str) -> tuple[Kernel, Kernel]:
    """A loss of each pair (x, target), reduced or not, and its gradient towards x."""
    each, total, backward = _pair(name), _pair(f"{name}_sum"), _pair(f"{name}_bwd")

    def forward(x: Array, target: Array, *, reduction: str, **given: float) -> Array:
        x, target, wide = contiguous(x), contiguous(target), x.dtype is not float32
        values = [given[s] for s in scalars]
        if reduction == "none":
            out = empty(x.shape, x.dtype)
            each[wide](out.ptr, x.ptr, target.ptr, *values, x.size)
        else:
            out = empty((), x.dtype)
            total[wide](out.ptr, x.ptr, target.ptr, *values, float(x.size) if reduction == "mean" else 1.0, x.size)
        return out  # type: ignore[no-any-return]

    def gradient(dout: Array, x: Array, target: Array, *, reduction: str, **given: float) -> Array:
        x, target, dout = contiguous(x), contiguous(target), contiguous(dout)
        out = empty(x.shape, x.dtype)
        scale = 1.0 / x.size if reduction == "mean" and x.size else 1.0
        values = [given[s] for s in scalars]
        step = 1 if reduction == "none" else 0
        backward[x.dtype is not float32](out.ptr, dout.ptr, x.ptr, target.ptr, *values, step, scale, x.size)
        return out  # type: ignore[no-any-return]

    return forward, gradient


mse_loss, mse_loss_bwd = _pointwise("mse")
l1_loss, l1_loss_bwd = _pointwise("l1")
smooth_l1_loss, smooth_l1_loss_bwd = _pointwise("smooth_l1", "beta")
huber_loss, huber_loss_bwd = _pointwise("huber", "delta")
binary_cross_entropy, binary_cross_entropy_bwd = _pointwise("bce")
binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_bwd = _pointwise("bce_logits")
kl_div, kl_div_bwd = _pointwise("kl_div")

_cross_entropy, _cross_entropy_bwd = _pair("cross_entropy"), _pair("cross_entropy_bwd")
_soft_cross_entropy, _soft_cross_entropy_bwd = _pair("soft_cross_entropy"), _pair("soft_cross_entropy_bwd")
_nll, _nll_bwd = _pair("nll"), _pair("nll_bwd")


def _ptr(x: Array | None) -> Any:
    return NULL if x is None else contiguous(x).ptr


def cross_entropy(
    x: Array, target: Array, weight: Array | None, *, reduction: str, ignore_index: int, label_smoothing: float
) -> tuple[Array, Array, Array]:
    """Loss, log-sum-exp of each row, and the sum of the weights that a mean divides by."""
    x, target = contiguous(x), contiguous(target)
    rows, cols = x.shape
    out = empty((rows,) if reduction == "none" else (), x.dtype)
    lse, total = empty((rows,), x.dtype), empty((), x.dtype)
    _cross_entropy[x.dtype is not float32](
        out.ptr, lse.ptr, total.ptr, x.ptr, target.ptr, _ptr(weight), ignore_index, label_smoothing,
        REDUCTIONS[reduction], rows, cols,
    )  # fmt: skip
    return out, lse, total


def cross_entropy_bwd(
    dout: Array, x: Array, target: Array, weight: Array | None, lse: Array, total: Array, *,
    reduction: str, ignore_index: int, label_smoothing: float,
) -> Array:  # fmt: skip
    """The gradient of cross_entropy towards the logits."""
    x, target, dout = contiguous(x), contiguous(target), contiguous(dout)
    out = empty(x.shape, x.dtype)
    _cross_entropy_bwd[x.dtype is not float32](
        out.ptr, dout.ptr, x.ptr, target.ptr, _ptr(weight), lse.ptr, total.ptr, ignore_index, label_smoothing,
        REDUCTIONS[reduction], x.shape[1], x.shape[0],
    )  # fmt: skip
    return out  # type: ignore[no-any-return]


def soft_cross_entropy(
    x: Array, target: Array, weight: Array | None, *, reduction: str, label_smoothing: float
) -> tuple[Array, Array]:
    """Cross-entropy against rows of probabilities, and log-sum-exp of each row."""
    x, target = contiguous(x), contiguous(target)
    rows, cols = x.shape
    out, lse = empty((rows,) if reduction == "none" else (), x.dtype), empty((rows,), x.dtype)
    _soft_cross_entropy[x.dtype is not float32](
        out.ptr, lse.ptr, x.ptr, target.ptr, _ptr(weight), label_smoothing, REDUCTIONS[reduction], rows, cols
    )
    return out, lse


def soft_cross_entropy_bwd(
    dout: Array, x: Array, target: Array, weight: Array | None, lse: Array, *, reduction: str, label_smoothing: float
) -> Array:
    """The gradient of soft_cross_entropy towards the logits."""
    x, target, dout = contiguous(x), contiguous(target), contiguous(dout)
    rows, cols = x.shape
    out = empty(x.shape, x.dtype)
    _soft_cross_entropy_bwd[x.dtype is not float32](
        out.ptr, dout.ptr, x.ptr, target.ptr, _ptr(weight), lse.ptr, label_smoothing, REDUCTIONS[reduction], rows, cols, rows
    )
    return out  # type: ignore[no-any-return]


def nll_loss(x: Array, target: Array, weight: Array | None, *, reduction: str, ignore_index: int) -> tuple[Array, Array]:
    """Minus the log-probability of each label, and the sum of the weights that a mean divides by."""
    x, target = contiguous(x), contiguous(target)
    rows, cols = x.shape
    out, total = empty((rows,) if reduction == "none" else (), x.dtype), empty((), x.dtype)
    _nll[x.dtype is not float32](
        out.ptr, total.ptr, x.ptr, target.ptr, _ptr(weight), ignore_index, REDUCTIONS[reduction], rows, cols
    )
    return out, total


def nll_loss_bwd(
    dout: Array, target: Array, weight: Array | None, total: Array, *, reduction: str, ignore_index: int, classes: int
) -> Array:
    """The gradient of nll_loss towards the log-probabilities: zero but at each label."""
    target, dout = contiguous(target), contiguous(dout)
    out = empty((target.size, classes), dout.dtype)
    _nll_bwd[dout.dtype is not float32](
        out.ptr, dout.ptr, target.ptr, _ptr(weight), total.ptr, ignore_index, REDUCTIONS[reduction], classes, target.size
    )
    return out  # type: ignore[no-any-return]


def first_bad_label(target: Array, ignore_index: int, classes: int) -> int:
    """The position of the first label that is no class, or -1."""
    return int(lib.mg_first_bad_label(contiguous(target).ptr, ignore_index, classes, target.size))


# -- random numbers -------------------------------------------------------------------------------------------------------------------

_uniform, _normal, _bernoulli, _dropout = map(_pair, ("uniform", "normal", "bernoulli", "dropout"))


def uniform(shape: tuple[int, ...], dtype: Any, *, seed: int, offset: int, low: float, high: float) -> Array:
    """Numbers from [low, high)."""
    out = empty(shape, dtype)
    _uniform[dtype is not float32](out.ptr, seed, offset, low, high, out.size)
    return out  # type: ignore[no-any-return]


def normal(shape: tuple[int, ...], dtype: Any, *, seed: int, offset: int, mean: float, std: float) -> Array:
    """Normally distributed numbers."""
    out = empty(shape, dtype)
    _normal[dtype is not float32](out.ptr, seed, offset, mean, std, out.size)
    return out  # type: ignore[no-any-return]


def bernoulli(p: Array, *, seed: int, offset: int) -> Array:
    """1 with probability p[i], else 0."""
    p = contiguous(p)
    out = empty(p.shape, p.dtype)
    _bernoulli[p.dtype is not float32](out.ptr, p.ptr, seed, offset, out.size)
    return out  # type: ignore[no-any-return]


def permutation(n: int, *, seed: int, offset: int) -> Array:
    """0 .. n-1 in random order."""
    out = empty((n,), int64)
    lib.mg_permutation(out.ptr, seed, offset, n)
    return out  # type: ignore[no-any-return]


def dropout(x: Array, *, p: float, seed: int, offset: int) -> Array:
    """x / (1 - p) where the counter says keep, else 0. The same (seed, offset) gives the same mask."""
    x = contiguous(x)
    out = empty(x.shape, x.dtype)
    _dropout[x.dtype is not float32](out.ptr, x.ptr, p, seed, offset, out.size)
    return out  # type: ignore[no-any-return]

# -- optimizers: pointers to all parameters of a group, their gradients and state; updated in place ---------------------------------------

sgd, adam = _pair("sgd"), _pair("adam")
