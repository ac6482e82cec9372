"""Losses of a prediction against a target of the same shape. Each is one kernel with its reduction; so is its gradient.

A loss record states three things in ops: the loss of one pair, its slope in the prediction, and the same in NumPy. From
them follow the fused op, the fused gradient, and what both must equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import Array
from minigrad._kernels import losses as kernels
from minigrad._mistakes import SUSPECT, normalized_before
from minigrad._op import defop, public
from minigrad._samples import Draw, Sample
from minigrad.errors import DTypeError, LabelError, ShapeError, message
from minigrad.ops.activation import relu, sigmoid, sigmoid_reference, softplus_op
from minigrad.ops.elementwise import (
    abs,
    add,
    div,
    equals,
    exp,
    less,
    less_equal,
    log,
    log1p,
    maximum,
    mul,
    neg,
    sign,
    square,
    sub,
    where,
)
from minigrad.ops.reduce import mean_op, sum_op

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

REDUCTIONS = ("none", "mean", "sum")
_SHAPES = ((), (1,), (7,), (2, 3), (33,))


def reduced(loss: Any, reduction: str) -> Any:
    """A tensor of losses by the rule named."""
    if reduction == "none":
        return loss
    every = tuple(range(len(loss.shape)))
    return (mean_op if reduction == "mean" else sum_op)(loss, dim=every, keepdim=False)


def reduced_reference(loss: Any, reduction: str) -> Any:
    """The same in NumPy."""
    if reduction == "none":
        return loss
    return np.mean(loss) if reduction == "mean" else np.sum(loss)


def _shape(name: str, *shaped: tuple[int, ...], **_: Any) -> None:
    shapes.equal(name, *shaped[-2:])


def define(
    name: str,
    scalars: str,
    kernel: tuple[Callable[..., Any], Callable[..., Any]],
    each: Callable[..., Any],
    slope: Callable[..., Any],
    each_reference: Callable[..., Any],
    slope_reference: Callable[..., Any],
    draws: Callable[[tuple[int, ...]], tuple[Draw, Draw]],
    antisymmetric: bool,
    doc: str,
    **values: float,
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The op and its gradient. `antisymmetric`: the loss depends on input - target alone, so dtarget = -dinput."""
    keywords = "reduction" + scalars

    def spread(g: Any, x: Any, reduction: str) -> Any:
        return div(g, float(x.count)) if reduction == "mean" else g

    def gradient_reference(g: Any, x: Any, target: Any, *, reduction: str, **given: float) -> Any:
        return (g / x.dtype.type(x.size) if reduction == "mean" else g) * slope_reference(x, target, **given)

    def samples() -> list[Sample]:
        return [Sample(*draws(s), reduction=r, **values) for s in _SHAPES for r in REDUCTIONS]

    def gradient_samples() -> list[Sample]:
        return [
            Sample(Draw(s if r == "none" else ()), *draws(s), reduction=r, **values)
            for s in _SHAPES for r in REDUCTIONS
        ]  # fmt: skip

    backward = defop(
        f"{name}_bwd", f"g, input, target | {keywords}",
        forward=kernel[1],
        shape=_shape,
        composition=lambda g, x, t, *, reduction, **given: mul(spread(g, x, reduction), slope(x, t, **given)),
        reference=gradient_reference,
        samples=gradient_samples,
        doc=f"The gradient of {name} towards its input.",
    )  # fmt: skip

    formula, mirrored = _formulas(backward, scalars)
    forward = defop(
        name, f"input, target | {keywords}",
        forward=kernel[0],
        shape=shapes.equal,
        vjp={"input": formula, "target": mirrored} if antisymmetric else {"input": formula},
        composition=lambda x, t, *, reduction, **given: reduced(each(x, t, **given), reduction),
        reference=lambda x, t, *, reduction, **given: reduced_reference(each_reference(x, t, **given), reduction),
        samples=samples,
        doc=doc,
    )  # fmt: skip
    return forward, backward


def _formulas(backward: Callable[..., Any], scalars: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The derivatives towards the input and, of an antisymmetric loss, the target. A formula's parameters name what the
    tape keeps, so a loss with a scalar of its own has formulas of its own."""
    if scalars == ", beta":
        return (
            lambda g, input, target, reduction, beta: backward(g, input, target, reduction=reduction, beta=beta),
            lambda g, input, target, reduction, beta: backward(neg(g), input, target, reduction=reduction, beta=beta),
        )
    if scalars == ", delta":
        return (
            lambda g, input, target, reduction, delta: backward(g, input, target, reduction=reduction, delta=delta),
            lambda g, input, target, reduction, delta: backward(
                neg(g), input, target, reduction=reduction, delta=delta
            ),
        )
    if scalars == ", margin":
        return (
            lambda g, input, target, reduction, margin: backward(g, input, target, reduction=reduction, margin=margin),
            lambda g, input, target, reduction, margin: backward(
                neg(g), input, target, reduction=reduction, margin=margin
            ),
        )
    return (
        lambda g, input, target, reduction: backward(g, input, target, reduction=reduction),
        lambda g, input, target, reduction: backward(neg(g), input, target, reduction=reduction),
    )


def _reals(shape: tuple[int, ...]) -> tuple[Draw, Draw]:
    return Draw(shape), Draw(shape, 2.2, 4.0)


def _spread_reals(shape: tuple[int, ...]) -> tuple[Draw, Draw]:
    """Differences on both sides of a kink at 1, and none near it: 0.1 .. 0.9, or 1.2 .. 3.9 below and above."""
    return Draw(shape, 0.0, 4.0, away=(1.0, 3.0), gap=0.1), Draw(shape, 2.0, 2.0)


def _probabilities(shape: tuple[int, ...]) -> tuple[Draw, Draw]:
    return Draw(shape, 0.05, 0.95), Draw(shape, 0.05, 0.95)


def _logits(shape: tuple[int, ...]) -> tuple[Draw, Draw]:
    return Draw(shape, -3.0, 3.0, away=(0.0,)), Draw(shape, 0.05, 0.95)


mse_op, _ = define(
    "mse_loss", "", (kernels.mse_loss, kernels.mse_loss_bwd),
    each=lambda x, t: square(sub(x, t)),
    slope=lambda x, t: mul(sub(x, t), 2.0),
    each_reference=lambda x, t: (x - t) ** 2,
    slope_reference=lambda x, t: 2 * (x - t),
    draws=_reals, antisymmetric=True,
    doc="(input - target)^2.",
)  # fmt: skip

l1_op, _ = define(
    "l1_loss", "", (kernels.l1_loss, kernels.l1_loss_bwd),
    each=lambda x, t: abs(sub(x, t)),
    slope=lambda x, t: sign(sub(x, t)),
    each_reference=lambda x, t: np.abs(x - t),
    slope_reference=lambda x, t: np.sign(x - t),
    draws=_reals, antisymmetric=True,
    doc="|input - target|; the subgradient at 0 is 0.",
)  # fmt: skip


def _smooth_l1(x: Any, t: Any, beta: float) -> Any:
    size = abs(sub(x, t))
    return size if beta == 0 else where(less(size, beta), mul(square(size), 0.5 / beta), sub(size, 0.5 * beta))


def _smooth_l1_reference(size: Any, beta: float) -> Any:
    return np.where(size < beta, size**2 / (2 * beta), size - beta / 2) if beta else size


def _smooth_l1_slope(x: Any, t: Any, beta: float) -> Any:
    d = sub(x, t)
    return sign(d) if beta == 0 else where(less(abs(d), beta), mul(d, 1 / beta), sign(d))


smooth_l1_op, _ = define(
    "smooth_l1_loss", ", beta", (kernels.smooth_l1_loss, kernels.smooth_l1_loss_bwd),
    each=_smooth_l1,
    slope=_smooth_l1_slope,
    each_reference=lambda x, t, beta: _smooth_l1_reference(np.abs(x - t), beta),
    slope_reference=lambda x, t, beta: np.clip((x - t) / beta, -1, 1) if beta else np.sign(x - t),
    draws=_spread_reals, antisymmetric=True,
    doc="d^2 / (2 beta) where |d| < beta, else |d| - beta / 2, with d = input - target (Girshick 2015).",
    beta=1.0,
)  # fmt: skip


def _huber(x: Any, t: Any, delta: float) -> Any:
    size = abs(sub(x, t))
    return where(less_equal(size, delta), mul(square(size), 0.5), mul(sub(size, 0.5 * delta), delta))


def _huber_reference(size: Any, delta: float) -> Any:
    return np.where(size <= delta, size**2 / 2, delta * (size - delta / 2))


def _huber_slope(x: Any, t: Any, delta: float) -> Any:
    d = sub(x, t)
    return where(less_equal(abs(d), delta), d, mul(sign(d), delta))


huber_op, _ = define(
    "huber_loss", ", delta", (kernels.huber_loss, kernels.huber_loss_bwd),
    each=_huber,
    slope=_huber_slope,
    each_reference=lambda x, t, delta: _huber_reference(np.abs(x - t), delta),
    slope_reference=lambda x, t, delta: np.where(np.abs(x - t) <= delta, x - t, delta * np.sign(x - t)),
    draws=_spread_reals, antisymmetric=True,
    doc="d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), with d = input - target (Huber 1964).",
    delta=1.0,
)  # fmt: skip


def _bce(x: Any, t: Any) -> Any:
    return neg(add(mul(t, maximum(log(x), -100.0)), mul(sub(1.0, t), maximum(log(sub(1.0, x)), -100.0))))


def _bce_reference(x: Any, t: Any) -> Any:
    with np.errstate(divide="ignore"):
        return -(t * np.maximum(np.log(x), -100) + (1 - t) * np.maximum(np.log1p(-x), -100))


bce_op, _ = define(
    "binary_cross_entropy", "", (kernels.binary_cross_entropy, kernels.binary_cross_entropy_bwd),
    each=_bce,
    slope=lambda x, t: div(sub(x, t), maximum(mul(x, sub(1.0, x)), 1e-12)),
    each_reference=_bce_reference,
    slope_reference=lambda x, t: (x - t) / np.maximum(x * (1 - x), 1e-12),
    draws=_probabilities, antisymmetric=False,
    doc="-(t log p + (1 - t) log(1 - p)) of probabilities p, the logarithms cut off at -100.",
)  # fmt: skip

bce_logits_op, _ = define(
    "binary_cross_entropy_with_logits", "",
    (kernels.binary_cross_entropy_with_logits, kernels.binary_cross_entropy_with_logits_bwd),
    each=lambda x, t: add(sub(relu(x), mul(x, t)), log1p(exp(neg(abs(x))))),
    slope=lambda x, t: sub(sigmoid(x), t),
    each_reference=lambda x, t: np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x))),
    slope_reference=lambda x, t: sigmoid_reference(x) - t,
    draws=_logits, antisymmetric=False,
    doc="binary_cross_entropy of sigmoid(x), computed from the logit x: max(x, 0) - x t + log(1 + exp(-|x|)). Its "
    "gradient is sigmoid(x) - t, which no rounding spoils.",
)  # fmt: skip


def _kl(x: Any, t: Any) -> Any:
    nothing = equals(t, 0.0)
    return where(nothing, 0.0, mul(t, sub(log(where(nothing, 1.0, t)), x)))


def _kl_reference(x: Any, t: Any) -> Any:
    return np.where(t == 0, 0, t * (np.log(np.where(t == 0, 1, t)) - x)).astype(x.dtype)


kl_div_op, _ = define(
    "kl_div", "", (kernels.kl_div, kernels.kl_div_bwd),
    each=_kl,
    slope=lambda x, t: neg(t),
    each_reference=_kl_reference,
    slope_reference=lambda x, t: -t,
    draws=_probabilities, antisymmetric=False,
    doc="t (log t - x) of a probability t and a log-probability x; 0 where t is 0 (Kullback and Leibler 1951).",
)  # fmt: skip

# -- as users call them ------------------------------------------------------------------------------------------------


def check_reduction(op: str, reduction: str, *more: str) -> None:
    """A ValueError, which lists the reductions, for an unknown one."""
    if reduction not in REDUCTIONS and reduction not in more:
        raise ValueError(message(op, "reduction", f"{reduction!r}", ", ".join(map(repr, REDUCTIONS + more))))


def check_finite(op: str, loss: Any, target: Any, reduction: str) -> Any:
    """The loss, or an error where a NaN or infinity in the target has spoilt it. The target is searched only then, so
    the check costs a finite loss nothing."""
    value = loss.ptr[0] if reduction != "none" and loss.count else None
    if value is not None and value - value == 0:
        return loss
    bad = kernels.not_finite(target)
    if bad:
        count, index, number = bad
        remedy = f"{count} of {target.size} are not: clean the labels, e.g. with np.isfinite."
        raise LabelError(message(op, "target", f"{number} at index {index}", "finite numbers", remedy))
    return loss


def check_tensors(op: str, **given: Any) -> None:
    """A DTypeError for an argument that is neither a tensor nor None."""
    for argument, x in given.items():
        if x is not None and not isinstance(x, Array):
            remedy = "Wrap it: minigrad.tensor(...)."
            raise DTypeError(message(op, argument, f"a {type(x).__name__}", "a tensor", remedy))


def check_pair(op: str, x: Any, target: Any) -> None:
    """Raises unless both are tensors of one float type and one shape."""
    tensors = isinstance(x, Array) and isinstance(target, Array)
    if tensors and x.dtype is target.dtype and x.dtype.kind == "f" and x.shape == target.shape:
        return
    check_tensors(op, input=x, target=target)
    if x.dtype.kind != "f":
        raise DTypeError(message(op, "input", f"dtype {x.dtype}", "floats", "Write input.float()."))
    if target.dtype is not x.dtype:
        remedy = f"Write target.to(input.dtype), or create it with dtype={x.dtype}."
        raise DTypeError(message(op, "target", f"dtype {target.dtype}", f"the input's dtype {x.dtype}", remedy))
    shapes.equal(op, x.shape, target.shape)


def check_factor(op: str, argument: str, given: Any, x: Any) -> None:
    """Raises unless a weight broadcasts to the input and has its type."""
    check_tensors(op, **{argument: given})
    if given.dtype is not x.dtype:
        remedy = f"Write {argument}.to(input.dtype)."
        raise DTypeError(message(op, argument, f"dtype {given.dtype}", f"the input's dtype {x.dtype}", remedy))
    ends = x.shape[len(x.shape) - len(given.shape) :]
    if len(ends) != len(given.shape) or not all(n in (1, have) for n, have in zip(given.shape, ends, strict=True)):
        expected = f"a shape that broadcasts to the input's {x.shape}"
        raise ShapeError(message(op, argument, f"shape {given.shape}", expected))


def _loss(name: str, call: Any, x: Any, target: Any, reduction: str, **scalars: float) -> Any:
    check_reduction(name, reduction)
    check_pair(name, x, target)
    return check_finite(name, call(x, target, reduction=reduction, **scalars), target, reduction)


@public("mse_loss", "nn.functional")
def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """(input - target)^2, for input and target of one shape; reduction "mean", "sum" or "none"."""
    return _loss("mse_loss", mse_op, input, target, reduction)


@public("l1_loss", "nn.functional")
def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """|input - target|, for input and target of one shape; reduction "mean", "sum" or "none"."""
    return _loss("l1_loss", l1_op, input, target, reduction)


@public("smooth_l1_loss", "nn.functional")
def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """Quadratic below beta, linear above: d^2 / (2 beta), or |d| - beta / 2."""
    if not beta >= 0:
        raise ValueError(message("smooth_l1_loss", "beta", beta, "a number of at least 0"))
    return _loss("smooth_l1_loss", smooth_l1_op, input, target, reduction, beta=float(beta))


@public("huber_loss", "nn.functional")
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """Quadratic up to delta, linear above: d^2 / 2, or delta (|d| - delta / 2)."""
    if not delta > 0:
        raise ValueError(message("huber_loss", "delta", delta, "a number above 0"))
    return _loss("huber_loss", huber_op, input, target, reduction, delta=float(delta))


@public("binary_cross_entropy", "nn.functional")
def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """-(t log p + (1 - t) log(1 - p)) of probabilities; logits go to binary_cross_entropy_with_logits."""
    name = "binary_cross_entropy"
    check_reduction(name, reduction)
    check_pair(name, input, target)
    outside = (input.array < 0) | (input.array > 1)
    if outside.any():
        remedy = "Put a sigmoid in front, or use binary_cross_entropy_with_logits."
        raise ValueError(message(name, "input", f"{input.array[outside][0]}", "probabilities in [0, 1]", remedy))
    if weight is None:
        loss = bce_op(input, target, reduction=reduction)
    else:
        check_factor(name, "weight", weight, input)
        loss = reduced(mul(bce_op(input, target, reduction="none"), weight), reduction)
    return check_finite(name, loss, target, reduction)


def _softplus(x: Any) -> Any:
    """log(1 + exp(x)), which differs from x by less than rounding beyond 40."""
    return softplus_op(x, beta=1.0, threshold=40.0)


@public("binary_cross_entropy_with_logits", "nn.functional")
def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    """binary_cross_entropy of sigmoid(input), without its rounding; pos_weight scales the terms of positive examples."""
    name = "binary_cross_entropy_with_logits"
    check_reduction(name, reduction)
    check_pair(name, input, target)
    if input.node is not None and input.node.op.name in SUSPECT:
        normalized_before(name, input, ("sigmoid", "softmax"), "Pass the scores that go into it, or use binary_cross_entropy.")
    for argument, factor in (("weight", weight), ("pos_weight", pos_weight)):
        if factor is not None:
            check_factor(name, argument, factor, input)
    if weight is None and pos_weight is None:
        return check_finite(name, bce_logits_op(input, target, reduction=reduction), target, reduction)
    if pos_weight is None:
        each = bce_logits_op(input, target, reduction="none")
    else:
        # -p t log s - (1 - t) log(1 - s), where log s = -softplus(-x) and log(1 - s) = -softplus(x)
        positive, negative = _softplus(neg(input)), _softplus(input)
        each = add(mul(mul(target, pos_weight), positive), mul(sub(1.0, target), negative))
    return check_finite(name, reduced(each if weight is None else mul(each, weight), reduction), target, reduction)


def _log_kl(x: Any, log_t: Any, reduction: str) -> Any:
    return reduced(mul(exp(log_t), sub(log_t, x)), reduction)


@public("kl_div", "nn.functional")
def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """The terms t (log t - x) of log-probabilities x = input and probabilities t = target (or their logarithms,
    log_target). "batchmean" divides the sum by the first dimension, as the definition of the divergence asks."""
    check_reduction("kl_div", reduction, "batchmean")
    check_pair("kl_div", input, target)
    how = "sum" if reduction == "batchmean" else reduction
    loss = _log_kl(input, target, how) if log_target else kl_div_op(input, target, reduction=how)
    if reduction == "batchmean" and input.shape:
        loss = div(loss, float(input.shape[0]))
    return check_finite("kl_div", loss, target, how)
