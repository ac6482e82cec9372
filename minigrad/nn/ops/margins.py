"""Losses with a margin, for labels -1 and 1, pairs, triplets and classes; likelihoods of counts and of normal variates; and
deviations that are relative, of logarithms, or of one distribution from another. Two of scores and labels are kernels, like
those of `losses`; the others are compositions: each function computes the losses one by one, and `_reduced` their mean or
sum."""

from __future__ import annotations

import math
from functools import wraps
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import Array, from_array, int64
from minigrad._kernels import losses as kernels
from minigrad._op import F, composed, public
from minigrad._samples import Draw, Sample
from minigrad.errors import DTypeError, LabelError, ShapeError, message
from minigrad.linalg.distance import at_least, check_floats, pairwise_distance
from minigrad.nn.ops import losses
from minigrad.ops.activation import relu, sigmoid, sigmoid_reference, softplus_op
from minigrad.ops.elementwise import (
    abs,
    add,
    div,
    equals,
    exp,
    greater,
    greater_equal,
    log,
    minimum,
    mul,
    neg,
    sqrt,
    square,
    sub,
    to_dtype,
    where,
)
from minigrad.ops.functions import clip
from minigrad.ops.layout import expand, getitem_op, putitem_op, reshape_op, unsqueeze
from minigrad.ops.reduce import amin_op, mean_op, sum_op, sum_squares

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from minigrad._op import Function


def check_loss(op: str, reduction: str = "mean", size_average: None = None, reduce: None = None) -> None:
    """A ValueError for an unknown reduction, and for the two older arguments by which PyTorch says the same."""
    if size_average is not None or reduce is not None:
        raise ValueError(message(op, "size_average or reduce", "a value", "None", "Write reduction='mean', 'sum' or 'none'."))
    losses.check_reduction(op, reduction)


def _reduced(function: F) -> F:
    """Adds the reduction, with which its signature ends, to a function that returns single losses."""
    op, names = function.__name__, function.__code__.co_varnames

    @wraps(function)
    def loss(*args: Any, **given: Any) -> Any:
        bound = {**dict(zip(names, args)), **given}
        reduction = bound.get("reduction", "mean")
        check_loss(op, reduction, bound.get("size_average"), bound.get("reduce"))
        out = losses.reduced(function(*args, **given), reduction)
        return losses.check_finite(op, out, bound["target"], reduction) if "target" in bound else out

    return loss  # type: ignore[return-value]


def _tested(each: Function, drawn: Sequence[tuple[Draw, ...]], *options: dict[str, Any]) -> tuple[Function, Function]:
    """The reference of a loss whose single losses are `each`, and its samples: all draws with all options."""
    return (
        lambda *xs, reduction, **given: losses.reduced_reference(each(*xs, **given), reduction),
        lambda: [Sample(*xs, reduction=r, **o) for xs in drawn for o in options or ({},) for r in losses.REDUCTIONS],
    )


# -- what the inputs and targets may be -----------------------------------------------------------------------------------


def _alike(op: str, **inputs: Any) -> Any:
    """The one shape of several tensors of floats."""
    check_floats(op, **inputs)
    (first, x), *others = inputs.items()
    for argument, y in others:
        if y.shape != x.shape:
            raise ShapeError(message(op, argument, f"shape {y.shape}", f"{first}'s shape {x.shape}"))
    return x.shape


def _at(bad: Any, array: Any) -> str:
    """The first number that is marked as bad, and its index."""
    index = [int(i) for i in np.argwhere(bad)[0]]
    return f"{array[tuple(index)]} at index {index}"


def _check_labels(op: str, target: Any, shape: tuple[int, ...]) -> None:
    """An error for labels other than 1 and -1. A length of 1 is one label for the whole dimension."""
    losses.check_tensors(op, target=target)
    if len(target.shape) != len(shape) or any(n not in (1, m) for n, m in zip(target.shape, shape)):
        remedy = f"Write target.reshape{shape}." if target.size == math.prod(shape) else ""
        raise ShapeError(message(op, "target", f"shape {target.shape}", f"labels of shape {shape}", remedy))
    bad = np.abs(target.array) != 1
    if bad.any():
        remedy = "Of labels y in {0, 1} pass 2 * y - 1." if np.isin(target.array, (0, 1)).all() else ""
        raise LabelError(message(op, "target", _at(bad, target.array), "-1 or 1", remedy))


def _positive(op: str, target: Any, shape: tuple[int, ...]) -> Any:
    """Where the label is 1."""
    _check_labels(op, target, shape)
    return greater(target, 0.0)


def _labels(op: str, target: Any, x: Any) -> Any:
    """The labels, as numbers of x's type and shape."""
    _check_labels(op, target, x.shape)
    target = to_dtype(target, x.dtype)
    return target if target.shape == x.shape else expand(target, x.shape)


def _goal(op: str, x: Any, target: Any) -> Any:
    """The target of a prediction, checked to have its shape and type; counts and bools are converted."""
    losses.check_tensors(op, input=x, target=target)
    target = to_dtype(target, x.dtype) if x.dtype.kind == "f" != target.dtype.kind else target
    losses.check_pair(op, x, target)
    return target


def _scores(op: str, x: Any, target: Any, lowest: int) -> tuple[Any, Any]:
    """Scores as rows (N, C), and the classes in the target, 0 to C - 1 or -1 for none, as NumPy has them."""
    check_floats(op, input=x)
    losses.check_tensors(op, target=target)
    if target.dtype is not int64:
        raise DTypeError(message(op, "target", f"dtype {target.dtype}", "int64 classes", "Write target.long()."))
    fitting, classes = x.shape if lowest else x.shape[:-1], x.shape[-1] if x.shape else 0
    if len(x.shape) not in (1, 2) or target.shape != fitting:
        raise ShapeError(message(op, "target", f"shape {target.shape} for input {x.shape}", f"shape {fitting} for scores (N, C) or (C,)"))
    bad = (target.array < lowest) | (target.array >= classes)
    if bad.any():
        expected = f"0 to {classes - 1} (the input has {classes} classes)" + (", or -1 behind the last" if lowest else "")
        raise LabelError(message(op, "target", f"class {_at(bad, target.array)}", expected))
    return (x if len(x.shape) == 2 else unsqueeze(x, 0)), (np.atleast_2d if lowest else np.atleast_1d)(target.array)


def _violations(x: Any, own: Any, exempt: Any, margin: float, p: int) -> Any:
    """The mean over the classes i (the columns of x) of max(0, margin - own + x[i])^p, with 0 for exempt ones."""
    over = relu(add(sub(x, unsqueeze(own, 1)), margin))
    return mean_op(where(from_array(exempt), 0.0, square(over) if p == 2 else over), dim=(1,), keepdim=False)


# -- margins --------------------------------------------------------------------------------------------------------------

_soft_margin_op, _ = losses.define(
    "soft_margin", "", (kernels.soft_margin_loss, kernels.soft_margin_loss_bwd),
    each=lambda x, t: softplus_op(neg(mul(t, x)), beta=1.0, threshold=40.0),
    slope=lambda x, t: neg(mul(t, sigmoid(neg(mul(t, x))))),
    each_reference=lambda x, t: np.logaddexp(np.zeros_like(x), -t * x),
    slope_reference=lambda x, t: -t * sigmoid_reference(-t * x),
    draws=lambda shape: (Draw(shape), Draw(shape, 0.8, 1.2)), antisymmetric=False,
    doc="log(1 + exp(-target input)) of scores and labels 1 or -1.",
)  # fmt: skip

_hinge_op, _ = losses.define(
    "hinge", ", margin", (kernels.hinge_loss, kernels.hinge_loss_bwd),
    each=lambda x, t, margin: clip(sub(margin, mul(t, x)), min=0.0),
    slope=lambda x, t, margin: where(greater_equal(sub(margin, mul(t, x)), 0.0), neg(t), 0.0),
    each_reference=lambda x, t, margin: np.maximum(0, margin - t * x),
    slope_reference=lambda x, t, margin: np.where(margin - t * x >= 0, -t, 0),
    draws=lambda shape: (Draw(shape, away=(1.0,), gap=0.3), Draw(shape, 0.9, 1.1)), antisymmetric=False,
    doc="max(0, margin - target input) of scores and labels 1 or -1; at the kink the slope is -target.",
    margin=1.0,
)  # fmt: skip

_X, _Y, _Z, _SIGNS = Draw((2, 3)), Draw((2, 3)), Draw((2, 3)), [Draw((2, 3), s, s + 1, kind="int") for s in (-1, 1)]


@composed(*_tested(lambda x, y, margin: np.where(y == 1, x, np.maximum(0, margin - x)), [(_X, s) for s in _SIGNS], {"margin": 0.7}), spaces="nn.functional")
@_reduced
def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, size_average: None = None, reduce: None = None, reduction: str = "mean") -> Any:
    """input, a distance, where the target is 1, and max(0, margin - input) where it is -1 (Hadsell, Chopra and LeCun
    2006)."""
    positive = _positive("hinge_embedding_loss", target, _alike("hinge_embedding_loss", input=input))
    return where(positive, input, clip(sub(margin, input), min=0.0))


def _hinge_reference(x: Any, t: Any) -> Any:
    return np.maximum(0, 1 - (2 * t - 1 if np.isin(t, (0, 1)).all() else t) * x)


@composed(*_tested(_hinge_reference, [(Draw((2, 3), away=(-1.0, 1.0)), Draw((2, 3), *bounds, kind="int")) for bounds in ((-1, 0), (1, 2), (0, 2))]), spaces="nn.functional")
def hinge_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """max(0, 1 - target input) of a score and the label -1 or 1, the loss of a support vector machine (Cortes and Vapnik
    1995). Labels that are all 0 or 1 count as -1 and 1."""
    check_loss("hinge_loss", reduction)
    t = _goal("hinge_loss", input, target)
    if t.count:  # t^2 = t holds of 0 and 1 alone: binary is 1 where all labels are of these, else 0
        binary = amin_op(to_dtype(equals(mul(t, t), t), t.dtype), dim=tuple(range(len(t.shape))), keepdim=False)
        t = sub(mul(t, add(binary, 1.0)), binary)
    return losses.check_finite("hinge_loss", _hinge_op(input, t, reduction=reduction, margin=1.0), target, reduction)


@composed(*_tested(lambda x, y: np.logaddexp(0, -y * x), [(_X, s) for s in _SIGNS]), spaces="nn.functional")
def soft_margin_loss(input: Any, target: Any, size_average: None = None, reduce: None = None, reduction: str = "mean") -> Any:
    """The logistic loss log(1 + exp(-target input)), without overflow."""
    check_loss("soft_margin_loss", reduction, size_average, reduce)
    check_floats("soft_margin_loss", input=input)
    return _soft_margin_op(input, _labels("soft_margin_loss", target, input), reduction=reduction)


@composed(*_tested(lambda a, b, y, margin: np.maximum(0, -y * (a - b) + margin), [(_X, _Y, s) for s in _SIGNS], {"margin": 0.5}), spaces="nn.functional")
def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0, size_average: None = None, reduce: None = None, reduction: str = "mean") -> Any:
    """max(0, -target (input1 - input2) + margin). target 1: input1 should be larger; -1: input2 should be."""
    check_loss("margin_ranking_loss", reduction, size_average, reduce)
    _alike("margin_ranking_loss", input1=input1, input2=input2)
    labels = _labels("margin_ranking_loss", target, input1)
    return _hinge_op(sub(input1, input2), labels, reduction=reduction, margin=float(margin))


def _cosine_reference(a: Any, b: Any, y: Any, margin: float) -> Any:
    cosine = np.sum(a * b, -1) / np.sqrt((np.sum(a * a, -1) + 1e-12) * (np.sum(b * b, -1) + 1e-12))
    return np.where(y == 1, 1 - cosine, np.maximum(0, cosine - margin))


@composed(*_tested(_cosine_reference, [(_X, _Y, Draw((2,), s, s + 1, kind="int")) for s in (-1, 1)], {"margin": -0.5}), spaces="nn.functional")
@_reduced
def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0, size_average: None = None, reduce: None = None, reduction: str = "mean") -> Any:
    """1 - cos where the target is 1, max(0, cos - margin) where it is -1, for vectors (N, D) or (D,) and labels (N,) or ().
    1e-12 is added to the squared lengths."""
    shape = _alike("cosine_embedding_loss", input1=input1, input2=input2)
    positive = _positive("cosine_embedding_loss", target, shape[:-1])
    axes = shapes.axes("cosine_embedding_loss", -1, len(shape))
    product, a, b = sum_op(mul(input1, input2), dim=axes, keepdim=False), *(sum_squares(x, dim=axes, keepdim=False) for x in (input1, input2))
    cosine = div(product, sqrt(mul(add(a, 1e-12), add(b, 1e-12))))
    return where(positive, sub(1.0, cosine), clip(sub(cosine, margin), min=0.0))


def _triplet_reference(a: Any, b: Any, c: Any, p: float, swap: bool) -> Any:
    far, near, other = (np.sum(np.abs(u - v + 1e-6) ** p, -1) ** (1 / p) for u, v in ((a, c), (a, b), (b, c)))
    return np.maximum(0, 1 + near - (np.minimum(far, other) if swap else far))


@composed(*_tested(_triplet_reference, [(_X, _Y, _Z)], {"p": 2.0, "swap": False}, {"p": 3.0, "swap": True}), spaces="nn.functional")
@_reduced
def triplet_margin_loss(anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2, eps: float = 1e-6, swap: bool = False, size_average: None = None, reduce: None = None, reduction: str = "mean") -> Any:
    """max(0, margin + d(anchor, positive) - d(anchor, negative)), d being pairwise_distance; with swap the smaller of the
    negative's distances to anchor and positive (Balntas et al. 2016)."""
    _alike("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
    if not margin > 0:
        raise ValueError(message("triplet_margin_loss", "margin", margin, "a number above 0"))
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    far = minimum(far, pairwise_distance(positive, negative, p, eps)) if swap else far
    return clip(add(sub(near, far), margin), min=0.0)


@public("triplet_margin_with_distance_loss", "nn.functional")
@_reduced
def triplet_margin_with_distance_loss(anchor: Any, positive: Any, negative: Any, *, distance_function: Any = None, margin: float = 1.0, swap: bool = False, reduction: str = "mean") -> Any:
    """triplet_margin_loss with any distance: a function of two tensors that returns one number per pair of vectors;
    pairwise_distance by default."""
    if not margin > 0:
        raise ValueError(message("triplet_margin_with_distance_loss", "margin", margin, "a number above 0"))
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    far = minimum(far, distance(positive, negative)) if swap else far
    return clip(add(sub(near, far), margin), min=0.0)


def _multi_reference(x: Any, t: Any, p: int, margin: float) -> Any:
    own = np.take_along_axis(x, t[:, None], 1)
    return np.mean(np.where(np.arange(x.shape[1]) == t[:, None], 0, np.maximum(0, margin - own + x) ** p), 1)


@composed(*_tested(_multi_reference, [(Draw((4, 3)), Draw((4,), 0, 3, kind="int"))], {"p": 1, "margin": 1.0}, {"p": 2, "margin": 0.5}), spaces="nn.functional")
@_reduced
def multi_margin_loss(input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, size_average: None = None, reduce: None = None, reduction: str = "mean") -> Any:
    """The sum over the other classes i of max(0, margin - x[target] + x[i])^p, divided by C and multiplied by the target
    class's weight: scores (N, C) or (C,), classes (N,) or () (Crammer and Singer 2001)."""
    if p not in (1, 2):
        raise ValueError(message("multi_margin_loss", "p", p, "1 or 2"))
    x, label = _scores("multi_margin_loss", input, target, 0)
    own = getitem_op(x, index=(np.arange(len(label)), label))
    each = _violations(x, own, np.arange(x.shape[1]) == label[:, None], margin, p)
    if weight is not None:
        losses.check_tensors("multi_margin_loss", weight=weight)
        if weight.shape != x.shape[1:]:
            raise ShapeError(message("multi_margin_loss", "weight", f"shape {weight.shape}", f"one number per class, {x.shape[1:]}"))
        each = mul(each, getitem_op(weight, index=label))
    return reshape_op(each, shape=target.shape)


def _multilabel_reference(x: Any, target: Any) -> Any:
    own = [t[: np.argmin([*(t >= 0), False])] for t in target]
    return np.array([sum(np.maximum(0, 1 - v[j] + np.delete(v, o)).sum() for j in o) / len(v) for v, o in zip(x, own)], x.dtype)


@composed(*_tested(_multilabel_reference, [(Draw((5, 4)), Draw((5, 4), -1, 4, kind="int"))]), spaces="nn.functional")
@_reduced
def multilabel_margin_loss(input: Any, target: Any, size_average: None = None, reduce: None = None, reduction: str = "mean") -> Any:
    """The sum over the example's classes j and the others i of max(0, 1 - x[j] + x[i]), divided by C: scores (N, C) or (C,).
    The target, of the same shape, lists the example's classes up to a -1; anything after it is ignored."""
    x, listed = _scores("multilabel_margin_loss", input, target, -1)
    row, at = np.nonzero(np.logical_and.accumulate(listed >= 0, 1))
    label, exempt = listed[row, at], np.zeros(x.shape, bool)
    exempt[row, label] = True
    each = _violations(getitem_op(x, index=row), getitem_op(x, index=(row, label)), exempt[row], 1.0, 1)
    return reshape_op(putitem_op(each, index=row, shape=x.shape[:1]), shape=input.shape[:-1])


@composed(*_tested(lambda x, t: np.mean(np.logaddexp(0, x) - t * x, -1), [(_X, Draw((2, 3), 0.05, 0.95))]), spaces="nn.functional")
@_reduced
def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, size_average: None = None, reduce: None = None, reduction: str = "mean") -> Any:
    """The mean of binary_cross_entropy_with_logits over the classes, each times its weight: (..., C) -> (...)."""
    each = losses.bce_logits_op(input, _goal("multilabel_soft_margin_loss", input, target), reduction="none")
    if not input.shape:
        raise ShapeError(message("multilabel_soft_margin_loss", "input", "a scalar", "logits (..., C), one per class"))
    if weight is not None:
        losses.check_factor("multilabel_soft_margin_loss", "weight", weight, input)
        each = mul(each, weight)
    return mean_op(each, dim=(len(input.shape) - 1,), keepdim=False)


# -- likelihoods ----------------------------------------------------------------------------------------------------------


def _poisson_reference(x: Any, t: Any, log_input: bool, full: bool) -> Any:
    stirling = np.where(t > 1, t * np.log(t) - t + np.log(2 * np.pi * t) / 2, 0) if full else 0
    return (np.exp(x) - t * x if log_input else x - t * np.log(x + 1e-8)) + stirling


@composed(*_tested(_poisson_reference, [(Draw((2, 3), 0.3, 2), Draw((2, 3), 0.2, 4, away=(1.0,)))], *[{"log_input": i, "full": f} for i in (True, False) for f in (True, False)]), spaces="nn.functional")
@_reduced
def poisson_nll_loss(input: Any, target: Any, log_input: bool = True, full: bool = False, size_average: None = None, eps: float = 1e-8, reduce: None = None, reduction: str = "mean") -> Any:
    """Minus the log-likelihood of counts t: exp(x) - t x if x is the logarithm of the rate, x - t log(x + eps) if it is the
    rate. full adds Stirling's approximation of log(t!), t log t - t + log(2 pi t) / 2, where t > 1."""
    t = _goal("poisson_nll_loss", input, target)
    if not log_input and (input.array < 0).any():
        raise ValueError(message("poisson_nll_loss", "input", _at(input.array < 0, input.array), "rates of at least 0", "Of log-rates keep log_input=True."))
    each = sub(exp(input), mul(t, input)) if log_input else sub(input, mul(t, log(add(input, eps))))
    if not full:
        return each
    n = clip(t, min=1.0)
    return add(each, where(greater(t, 1.0), add(sub(mul(n, log(n)), n), mul(log(mul(n, 2 * math.pi)), 0.5)), 0.0))


@composed(*_tested(lambda x, t, v, full: (np.log((2 * np.pi if full else 1) * v) + (x - t) ** 2 / v) / 2, [(_X, _Y, Draw((2, n), 0.5, 2)) for n in (1, 3)], {"full": False}, {"full": True}), spaces="nn.functional")
@_reduced
def gaussian_nll_loss(input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> Any:
    """Minus the log-likelihood of the target under normal distributions of mean input and variance var,
    (log var + (input - target)^2 / var) / 2; full adds log(2 pi) / 2 (Nix and Weigend 1994). var is a number, or a tensor
    of the input's shape, or of that with a last dimension of 1 or none. Values below eps count as eps, but keep their
    gradient."""
    target = _goal("gaussian_nll_loss", input, target)
    var = var if isinstance(var, Array) else from_array(np.asarray(var, input.dtype))
    var = unsqueeze(var, -1) if var.shape and var.shape == input.shape[:-1] else var
    losses.check_factor("gaussian_nll_loss", "var", var, input)
    if (var.array < 0).any():
        raise ValueError(message("gaussian_nll_loss", "var", _at(var.array < 0, var.array), "variances of at least 0", "Let the model give log-variances, and pass their exp()."))
    v = at_least(var, eps)
    return mul(add(add(log(v), div(square(sub(input, target)), v)), math.log(2 * math.pi) if full else 0.0), 0.5)


# -- deviations -----------------------------------------------------------------------------------------------------------

_POSITIVE, _SHARES = Draw((2, 3), 0.1, 4.0), Draw((2, 3), 0.05, 0.95)


@composed(*_tested(lambda x, t: 100 * np.abs(x - t) / np.abs(t), [(_X, Draw((2, 3), 2.2, 4.0))]), spaces="nn.functional")
@_reduced
def mape_loss(input: Any, target: Any, eps: float = 1e-7, reduction: str = "mean") -> Any:
    """The absolute percentage error 100 |input - target| / max(|target|, eps): large targets may be missed by more."""
    t = _goal("mape_loss", input, target)
    return mul(div(abs(sub(t, input)), clip(abs(t), min=eps)), 100.0)


@composed(*_tested(lambda x, t: (np.log1p(x) - np.log1p(t)) ** 2, [(_POSITIVE, _POSITIVE)]), spaces="nn.functional")
@_reduced
def msle_loss(input: Any, target: Any, eps: float = 1e-7, reduction: str = "mean") -> Any:
    """The squared logarithmic error (log(1 + input) - log(1 + target))^2 of amounts, which counts ratios: twice too much
    weighs as much as half. What is below eps counts as eps, and has the slope 0."""
    t = _goal("msle_loss", input, target)
    return square(sub(log(add(clip(t, min=eps), 1.0)), log(add(clip(input, min=eps), 1.0))))


@composed(*_tested(lambda x, t: np.log(np.cosh(x - t)), [(_X, _Y)]), spaces="nn.functional")
@_reduced
def log_cosh_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """log(cosh(d)) of d = input - target, without overflow: d^2 / 2 of small errors, |d| - log 2 of large ones, and smooth
    in between, unlike huber_loss."""
    d = sub(input, _goal("log_cosh_loss", input, target))
    return sub(add(d, softplus_op(mul(d, -2.0), beta=1.0, threshold=40.0)), math.log(2.0))


@composed(*_tested(lambda x, t: np.sum(t * np.log(t / x), -1), [(_SHARES, _SHARES)]), spaces="nn.functional")
@_reduced
def kl_divergence(input: Any, target: Any, eps: float = 1e-7, reduction: str = "mean") -> Any:
    """The sum over the last dimension of t log(t / p), of probabilities p = input and t = target, both kept in [eps, 1]:
    how far the first distribution is from the second, (..., C) -> (...) (Kullback and Leibler 1951). Of logarithms of
    probabilities there is kl_div."""
    t = clip(_goal("kl_divergence", input, target), eps, 1.0)
    if not input.shape:
        raise ShapeError(message("kl_divergence", "input", "a scalar", "probabilities (..., C), one per class"))
    return sum_op(mul(t, log(div(t, clip(input, eps, 1.0)))), dim=(len(input.shape) - 1,), keepdim=False)
