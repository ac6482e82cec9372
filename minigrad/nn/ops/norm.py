"""Normalisation: layer_norm and rms_norm over the last dimensions, batch_norm over the batch.

Each is one kernel, and so are its gradients (csrc/kernels/norm.inc has the formulas). The tape keeps what the backward pass
needs of the forward pass, the mean and deviation of each row or channel, beside the input. The gradient of the input is a
record of its own, which takes them as `statistics`; without them it computes them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _backend, _writes
from minigrad._array import Array
from minigrad._kernels import norm as kernels
from minigrad._op import defop, public
from minigrad._samples import Draw, Sample
from minigrad._shapes import lengths
from minigrad.errors import DTypeError, ShapeError, message
from minigrad.linalg.distance import check_floats
from minigrad.ops.elementwise import add, div, mul, sqrt, square, sub
from minigrad.ops.layout import reshape_op
from minigrad.ops.reduce import mean_op, sum_op

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from minigrad._op import Function

Shape = tuple[int, ...]

# -- over the last dimensions ------------------------------------------------------------------------------------------


def _last(shape: Shape, dims: int) -> Shape:
    return tuple(range(len(shape) - dims, len(shape)))


def _fits_rows(op: str, x: Shape, *others: Shape | None, dims: int, **_: Any) -> None:
    for name, given in zip(("weight", "bias"), others):
        if given is not None and given != x[len(x) - dims :]:
            raise ShapeError(message(op, name, f"shape {given}", f"the normalised shape {x[len(x) - dims :]}"))


def _fits_gradient(op: str, g: Shape, x: Shape, weight: Shape | None, **given: Any) -> None:
    if g != x:
        raise ShapeError(message(op, "g", f"shape {g}", f"the input's shape {x}"))


def _over_batch(g: Any, dims: int) -> Any:
    """Summed over all but the last `dims` dimensions."""
    return sum_op(g, dim=tuple(range(len(g.shape) - dims)), keepdim=False)


def _deviation(x: Any, axes: Shape, eps: float) -> Any:
    """sqrt(mean x^2 + eps) along axes, which are kept."""
    return sqrt(add(mean_op(square(x), dim=axes, keepdim=True), eps))


def _centred(x: Any, axes: Shape) -> Any:
    return sub(x, mean_op(x, dim=axes, keepdim=True))


def _affine(x: Any, weight: Any, bias: Any) -> Any:
    x = x if weight is None else mul(x, weight)
    return x if bias is None else add(x, bias)


def _normalised_reference(x: Any, axes: Shape, eps: float, centred: bool) -> tuple[Any, Any, Any]:
    """xhat, mean and rstd; reduced dimensions are kept."""
    mean = np.mean(x, axes, keepdims=True) if centred else np.zeros((), x.dtype)
    rstd = 1 / np.sqrt(np.mean((x - mean) ** 2, axes, keepdims=True) + x.dtype.type(eps))
    return (x - mean) * rstd, mean, rstd


def _scaled_reference(x: Any, weight: Any, bias: Any) -> Any:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def _projected_reference(g: Any, xhat: Any, rstd: Any, axes: Shape, centred: bool) -> Any:
    """The gradient towards x, of g towards xhat."""
    level = np.mean(g, axes, keepdims=True) if centred else 0
    return rstd * (g - level - xhat * np.mean(g * xhat, axes, keepdims=True))


def _layer_norm_reference(x: Any, weight: Any, bias: Any, *, dims: int, eps: float) -> Any:
    xhat, mean, rstd = _normalised_reference(x, _last(x.shape, dims), eps, True)
    return _scaled_reference(xhat, weight, bias), mean.ravel(), rstd.ravel()


def _layer_norm_bwd_reference(g: Any, x: Any, weight: Any, *, dims: int, eps: float, statistics: Any) -> Any:
    axes = _last(x.shape, dims)
    xhat, _, rstd = _normalised_reference(x, axes, eps, True)
    return _projected_reference(_scaled_reference(g, weight, None), xhat, rstd, axes, True)


def _rms_norm_reference(x: Any, weight: Any, *, dims: int, eps: float) -> Any:
    xhat, _, rstd = _normalised_reference(x, _last(x.shape, dims), eps, False)
    return _scaled_reference(xhat, weight, None), rstd.ravel()


def _rms_norm_bwd_reference(g: Any, x: Any, weight: Any, *, dims: int, eps: float, statistics: Any) -> Any:
    axes = _last(x.shape, dims)
    xhat, _, rstd = _normalised_reference(x, axes, eps, False)
    return _projected_reference(_scaled_reference(g, weight, None), xhat, rstd, axes, False)


def _projected(g: Any, xhat: Any, deviation: Any, axes: Shape, centred: bool) -> Any:
    along = mul(xhat, mean_op(mul(g, xhat), dim=axes, keepdim=True))
    return div(sub(_centred(g, axes) if centred else g, along), deviation)


def _layer_norm_composed(x: Any, weight: Any, bias: Any, *, dims: int, eps: float) -> Any:
    gap = _centred(x, _last(x.shape, dims))
    return _affine(div(gap, _deviation(gap, _last(x.shape, dims), eps)), weight, bias)


def _layer_norm_bwd_composed(g: Any, x: Any, weight: Any, *, dims: int, eps: float, statistics: Any) -> Any:
    axes = _last(x.shape, dims)
    gap = _centred(x, axes)
    deviation = _deviation(gap, axes, eps)
    return _projected(_affine(g, weight, None), div(gap, deviation), deviation, axes, True)


def _rms_norm_composed(x: Any, weight: Any, *, dims: int, eps: float) -> Any:
    return _affine(div(x, _deviation(x, _last(x.shape, dims), eps)), weight, None)


def _rms_norm_bwd_composed(g: Any, x: Any, weight: Any, *, dims: int, eps: float, statistics: Any) -> Any:
    axes = _last(x.shape, dims)
    deviation = _deviation(x, axes, eps)
    return _projected(_affine(g, weight, None), div(x, deviation), deviation, axes, False)


_ROWS: tuple[tuple[Shape, int], ...] = (((2, 3), 1), ((7,), 1), ((4, 2, 3), 2), ((0, 3), 1), ((3, 33), 1))


def _row_samples(before: int, after: int, **more: Any) -> list[Sample]:
    """Each shape, with `before` inputs of it and `after` that are weights: all of them, and none."""
    return [
        Sample(*[Draw(s)] * before, *[Draw(s[len(s) - dims :]) if there else None] * after, dims=dims, eps=0.01, **more)
        for s, dims in _ROWS for there in (True, False)
    ]  # fmt: skip


layer_norm_bwd: Function = defop(
    "layer_norm_bwd", "g, input, weight | dims, eps, statistics",
    forward=kernels.layer_norm_bwd,
    shape=_fits_gradient,
    composition=_layer_norm_bwd_composed,
    optional="weight",
    reference=_layer_norm_bwd_reference,
    samples=lambda: _row_samples(2, 1, statistics=None),
    doc="The gradient of layer_norm towards its input: rstd (g w - mean(g w) - xhat mean(g w xhat)).",
)  # fmt: skip

layer_norm_op: Function = defop(
    "layer_norm", "input, weight, bias | dims, eps",
    forward=kernels.layer_norm,
    shape=_fits_rows,
    vjp={
        "input": lambda g, input, weight, mean, rstd, dims, eps: layer_norm_bwd(
            g, input, weight, dims=dims, eps=eps, statistics=(mean, rstd)
        ),
        "weight": lambda g, input, dims, eps: _over_batch(mul(g, layer_norm_op(input, None, None, dims=dims, eps=eps)), dims),
        "bias": lambda g, dims: _over_batch(g, dims),
    },
    joint=lambda g, parents, input, weight, mean, rstd, dims, eps: (
        (None, None, _over_batch(g, dims)) if input is None  # it was not kept, for the bias's sake alone
        else kernels.layer_norm_gradients(g, parents, input, weight, None if mean is None else (mean, rstd), dims, eps)
    ),
    composition=_layer_norm_composed,
    aux="mean rstd",
    optional="weight bias",
    reference=_layer_norm_reference,
    samples=lambda: _row_samples(1, 2),
    doc="xhat weight + bias with xhat = (x - mean) / sqrt(var + eps), mean and variance taken over the last `dims` dimensions "
    "(Ba, Kiros and Hinton 2016).",
)  # fmt: skip

rms_norm_bwd: Function = defop(
    "rms_norm_bwd", "g, input, weight | dims, eps, statistics",
    forward=kernels.rms_norm_bwd,
    shape=_fits_gradient,
    composition=_rms_norm_bwd_composed,
    optional="weight",
    reference=_rms_norm_bwd_reference,
    samples=lambda: _row_samples(2, 1, statistics=None),
    doc="The gradient of rms_norm towards its input: rstd (g w - xhat mean(g w xhat)).",
)  # fmt: skip

rms_norm_op: Function = defop(
    "rms_norm", "input, weight | dims, eps",
    forward=kernels.rms_norm,
    shape=_fits_rows,
    vjp={
        "input": lambda g, input, weight, rstd, dims, eps: rms_norm_bwd(g, input, weight, dims=dims, eps=eps, statistics=rstd),
        "weight": lambda g, input, dims, eps: _over_batch(mul(g, rms_norm_op(input, None, dims=dims, eps=eps)), dims),
    },
    joint=lambda g, parents, input, weight, rstd, dims, eps: kernels.rms_norm_gradients(
        g, parents, input, weight, rstd, dims, eps
    ),
    composition=_rms_norm_composed,
    aux="rstd",
    optional="weight",
    reference=_rms_norm_reference,
    samples=lambda: _row_samples(1, 1),
    doc="x weight / sqrt(mean x^2 + eps) over the last `dims` dimensions (Zhang and Sennrich 2019).",
)  # fmt: skip


# -- over the batch ----------------------------------------------------------------------------------------------------


def _others(shape: Shape) -> Shape:
    """All dimensions except that of the channels."""
    return (0, *range(2, len(shape)))


def _column(per_channel: Any, shape: Shape) -> Any:
    """One number per channel, placed along the second dimension."""
    given = (-1,) + (1,) * (len(shape) - 2)
    if isinstance(per_channel, Array):
        return reshape_op(per_channel, shape=(per_channel.count, *given[1:]))
    return None if per_channel is None else per_channel.reshape(given)


def _fits_channels(op: str, x: Shape, *others: Shape | None, **_: Any) -> None:
    names = ("mean", "var", "weight", "bias")
    for name, given in zip(names[len(names) - len(others) :], others):
        if given is not None and given != x[1:2]:
            raise ShapeError(message(op, name, f"shape {given}", f"{x[1:2]}, one number for each channel of the input {x}"))


def _batch_norm_reference(x: Any, weight: Any, bias: Any, *, eps: float, statistics: Any) -> Any:
    axes = _others(x.shape)
    xhat = _normalised_reference(x, axes, eps, True)[0]
    return _scaled_reference(xhat, _column(weight, x.shape), _column(bias, x.shape)), np.mean(x, axes), np.var(x, axes)


def _batch_norm_bwd_reference(g: Any, x: Any, weight: Any, *, eps: float, statistics: Any) -> Any:
    axes = _others(x.shape)
    xhat, _, rstd = _normalised_reference(x, axes, eps, True)
    return _projected_reference(_scaled_reference(g, _column(weight, x.shape), None), xhat, rstd, axes, True)


def _batch_norm_eval_reference(x: Any, mean: Any, var: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    xhat = (x - _column(mean, x.shape)) / np.sqrt(_column(var, x.shape) + x.dtype.type(eps))
    return _scaled_reference(xhat, _column(weight, x.shape), _column(bias, x.shape))


def _batch_norm_composed(x: Any, weight: Any, bias: Any, *, eps: float, statistics: Any) -> Any:
    gap = _centred(x, _others(x.shape))
    return _affine(div(gap, _deviation(gap, _others(x.shape), eps)), _column(weight, x.shape), _column(bias, x.shape))


def _batch_norm_bwd_composed(g: Any, x: Any, weight: Any, *, eps: float, statistics: Any) -> Any:
    axes = _others(x.shape)
    gap = _centred(x, axes)
    deviation = _deviation(gap, axes, eps)
    return _projected(_affine(g, _column(weight, x.shape), None), div(gap, deviation), deviation, axes, True)


def _batch_norm_eval_composed(x: Any, mean: Any, var: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    xhat = div(sub(x, _column(mean, x.shape)), sqrt(add(_column(var, x.shape), eps)))
    return _affine(xhat, _column(weight, x.shape), _column(bias, x.shape))


def _per_channel(g: Any) -> Any:
    return sum_op(g, dim=_others(g.shape), keepdim=False)


_BATCHES: tuple[Shape, ...] = ((5, 3), (4, 2, 3), (1, 3, 4), (6, 17))


def _batch_samples(before: int, after: int, **more: Any) -> list[Sample]:
    return [
        Sample(*[Draw(s)] * before, *[Draw(s[1:2]) if there else None] * after, eps=0.1, **more)
        for s in _BATCHES for there in (True, False)
    ]  # fmt: skip


batch_norm_bwd: Function = defop(
    "batch_norm_bwd", "g, input, weight | eps, statistics",
    forward=kernels.batch_norm_bwd,
    shape=_fits_gradient,
    composition=_batch_norm_bwd_composed,
    optional="weight",
    reference=_batch_norm_bwd_reference,
    samples=lambda: _batch_samples(2, 1, statistics=None),
    doc="The gradient of batch_norm towards its input: rstd w (g - mean g - xhat mean(g xhat)), means over the batch.",
)  # fmt: skip

batch_norm_op: Function = defop(
    "batch_norm", "input, weight, bias | eps, statistics",
    forward=kernels.batch_norm,
    shape=_fits_channels,
    vjp={
        "input": lambda g, input, weight, mean, var, eps: batch_norm_bwd(g, input, weight, eps=eps, statistics=(mean, var)),
        "weight": lambda g, input, mean, var, eps: _per_channel(
            mul(g, batch_norm_op(input, None, None, eps=eps, statistics=(mean, var)))
        ),
        "bias": lambda g: _per_channel(g),
    },
    composition=_batch_norm_composed,
    joint=lambda g, parents, input, weight, mean, var, eps: (
        (None, None, _per_channel(g)) if input is None
        else kernels.batch_norm_gradients(g, parents, input, weight, mean, var, eps)
    ),
    aux="mean var",
    optional="weight bias",
    reference=_batch_norm_reference,
    samples=lambda: _batch_samples(1, 2, statistics=None),
    doc="xhat weight + bias with xhat = (x - mean) / sqrt(var + eps), mean and variance those of each channel, the second "
    "dimension, over the whole batch (Ioffe and Szegedy 2015).",
)  # fmt: skip

batch_norm_eval_op: Function = defop(
    "batch_norm_eval", "input, mean, var, weight, bias | eps",
    forward=kernels.batch_norm_eval,
    shape=_fits_channels,
    composition=_batch_norm_eval_composed,
    nondiff="mean var",
    optional="weight bias",
    reference=_batch_norm_eval_reference,
    samples=lambda: [
        Sample(Draw(s), Draw(s[1:2]), Draw(s[1:2], 0.5, 2.0), *[Draw(s[1:2]) if there else None] * 2, eps=0.1)
        for s in (*_BATCHES, (0, 3)) for there in (True, False)
    ],
    doc="batch_norm by a mean and variance of before: constants, so each element goes its own way.",
)  # fmt: skip


# -- as users call them ------------------------------------------------------------------------------------------------


def _check_same_type(op: str, x: Any, **given: Any) -> None:
    """A DTypeError for anything but tensors of the input's floating type."""
    check_floats(op, input=x)
    for name, other in given.items():
        if other is None:
            continue
        if not isinstance(other, Array) or other.dtype is not x.dtype:
            got = f"dtype {other.dtype}" if isinstance(other, Array) else f"a {type(other).__name__}"
            remedy = f"Convert the input, x.to({name}.dtype), or the module: .to(x.dtype)."
            raise DTypeError(message(op, name, got, f"a tensor of the input's dtype {x.dtype}", remedy))


def normalised_shape(op: str, given: Any) -> Shape:
    """normalized_shape, the last dimensions, as a tuple of ints."""
    shape = lengths(op, "normalized_shape", tuple(given) if isinstance(given, (tuple, list)) else (given,))
    if not shape or min(shape) < 1:
        raise ValueError(message(op, "normalized_shape", given, "a length, or a tuple of lengths, of at least 1"))
    return shape


def _dims(op: str, x: Any, given: Any) -> int:
    shape = given if given.__class__ is tuple else normalised_shape(op, given)
    dims = len(shape)
    if dims and x.shape[-dims:] == shape:
        return dims
    wanted = normalised_shape(op, given)
    ends = ", ".join(map(str, ("...", *wanted)))
    remedy = f"A layer for this input has normalized_shape={x.shape[-1]}." if x.shape else ""
    raise ShapeError(message(op, "input", f"shape {x.shape}", f"({ends}), as normalized_shape says", remedy))


@public("layer_norm", "nn.functional")
def layer_norm(
    input: Any, normalized_shape: int | Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """(input - mean) / sqrt(var + eps) weight + bias, mean and variance over the last dimensions, of normalized_shape;
    weight and bias have that shape too."""
    _check_same_type("layer_norm", input, weight=weight, bias=bias)
    return layer_norm_op(input, weight, bias, dims=_dims("layer_norm", input, normalized_shape), eps=float(eps))


@public("rms_norm", "nn.functional")
def rms_norm(
    input: Any, normalized_shape: int | Sequence[int], weight: Any = None, eps: float | None = None
) -> Any:
    """Input weight / sqrt(mean input^2 + eps) over the last dimensions, of normalized_shape. eps None: the smallest number
    that changes a 1 of the input's type."""
    _check_same_type("rms_norm", input, weight=weight)
    eps = float(np.finfo(input.dtype).eps) if eps is None else float(eps)
    return rms_norm_op(input, weight, dims=_dims("rms_norm", input, normalized_shape), eps=eps)


@public("batch_norm", "nn.functional")
def batch_norm(
    input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Each channel of input (N, C, ...) shifted and scaled to mean 0 and variance 1, then times weight plus bias.

    With training, mean and variance are those of this batch, and running_mean and running_var (C,), unless None, move towards
    them in place: running <- (1 - momentum) running + momentum batch, with the unbiased variance (divided by n - 1).
    Otherwise, running_mean and running_var are used.
    """
    return normalise_batch(input, running_mean, running_var, None, weight, bias, training, momentum, eps)


def normalise_batch(
    x: Any, running_mean: Any, running_var: Any, batches: Any, weight: Any, bias: Any, training: bool, momentum: float | None,
    eps: float,
) -> Any:  # fmt: skip
    """batch_norm with a count of the batches, by which momentum=None averages them all equally."""
    _check_same_type("batch_norm", x, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if len(x.shape) < 2:
        raise ShapeError(message("batch_norm", "input", f"shape {x.shape}", "(N, C) or (N, C, ...): a batch of channels"))
    if (running_mean is None) != (running_var is None) or not (training or running_mean is not None):
        got = "running_mean or running_var of None"
        raise ValueError(message("batch_norm", "", got, "both, or with training=True neither"))
    if not training:
        return batch_norm_eval_op(x, running_mean, running_var, weight, bias, eps=float(eps))
    n = x.count // x.shape[1] if x.shape[1] else 0
    if n < 2:
        remedy = "Feed larger batches (a DataLoader drops a last one of 1 with drop_last=True), or call .eval() first."
        expected = "more than 1 value per channel when training: a single one has no variance"
        raise ShapeError(message("batch_norm", "input", f"shape {x.shape}", expected, remedy))
    if running_mean is None:
        return batch_norm_op(x, weight, bias, eps=float(eps), statistics=None)
    _fits_channels("batch_norm", x.shape, *[None if y is None else y.shape for y in (running_mean, running_var, weight, bias)])
    statistics = move_statistics(x, running_mean, running_var, batches, momentum, n)
    return batch_norm_op(x, weight, bias, eps=float(eps), statistics=statistics)


def move_statistics(
    x: Any, running_mean: Any, running_var: Any, batches: Any, momentum: float | None, n: int
) -> Any:
    """Moves the running statistics towards the batch's, and returns the latter. The variance is corrected by n / (n - 1)
    for the n numbers that it was computed from, except for very large n."""
    if _backend.backend_name == "numpy":
        axes = _others(x.shape)
        if batches is not None:
            batches.array[...] += 1
        rate = 1 / int(batches.array) if momentum is None else momentum
        variance = np.var(x.array, axes) * (n / (n - 1))
        for running, found in ((running_mean, np.mean(x.array, axes)), (running_var, variance)):
            running.array[...] = (1 - rate) * running.array + rate * found
        statistics = None
    else:
        if not (running_mean.flat and running_var.flat):
            got, expected = "a running statistic that is not contiguous", "memory that is updated where it lies"
            raise ShapeError(message("batch_norm", "running_mean, running_var", got, expected, "Pass a clone()."))
        statistics = kernels.batch_stats(x)
        kernels.running_stats(running_mean, running_var, batches, *statistics, momentum=momentum, n=n)
    _writes.note_tensors("batch_norm", running_mean, running_var)
    return statistics
