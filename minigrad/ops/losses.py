"""Losses of a prediction against a target of the same shape. Each is one kernel with its reduction, and so is its gradient.

A loss record states three things in ops: the loss of one pair, its slope in the prediction, and the same in NumPy. From
them follow the fused op, the fused gradient, and what both must equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _kernels as kernels
from minigrad import _shapes as shapes
from minigrad._array import Array
from minigrad._op import defop
from minigrad._samples import Draw, Sample
from minigrad.errors import DTypeError, LabelError, message
from minigrad.ops.activation import relu, sigmoid, sigmoid_reference
from minigrad.ops.elementwise import abs, add, div, equals, exp, less, less_equal, log, log1p, maximum, mul, neg, sign, square, sub, where
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


def _define(
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
        return div(g, float(x.size)) if reduction == "mean" else g

    def gradient_reference(g: Any, x: Any, target: Any, *, reduction: str, **given: float) -> Any:
        return (g / x.dtype.type(x.size) if reduction == "mean" else g) * slope_reference(x, target, **given)

    def samples() -> list[Sample]:
        return [Sample(*draws(s), reduction=r, **values) for s in _SHAPES for r in REDUCTIONS]

    def gradient_samples() -> list[Sample]:
        return [Sample(Draw(s if r == "none" else ()), *draws(s), reduction=r, **values) for s in _SHAPES for r in REDUCTIONS]

    backward = defop(
        f"{name}_bwd", f"g, input, target | {keywords}",
        forward=kernel[1],
        shape=_shape,
        composition=lambda g, x, target, *, reduction, **given: mul(spread(g, x, reduction), slope(x, target, **given)),
        reference=gradient_reference,
        samples=gradient_samples,
        doc=f"The gradient of {name} towards its input.",
    )  # fmt: skip

    # A formula names what the tape keeps, so each loss with its own scalars has its own pair of formulas.
    formula: Callable[..., Any] = {
        "": lambda g, input, target, reduction: backward(g, input, target, reduction=reduction),
        ", beta": lambda g, input, target, reduction, beta: backward(g, input, target, reduction=reduction, beta=beta),
        ", delta": lambda g, input, target, reduction, delta: backward(g, input, target, reduction=reduction, delta=delta),
    }[scalars]
    mirrored: Callable[..., Any] = {
        "": lambda g, input, target, reduction: neg(formula(g, input, target, reduction)),
        ", beta": lambda g, input, target, reduction, beta: neg(formula(g, input, target, reduction, beta)),
        ", delta": lambda g, input, target, reduction, delta: neg(formula(g, input, target, reduction, delta)),
    }[scalars]
    forward = defop(
        name, f"input, target | {keywords}",
        forward=kernel[0],
        shape=shapes.equal,
        vjp={"input": formula, "target": mirrored} if antisymmetric else {"input": formula},
        composition=lambda x, target, *, reduction, **given: reduced(each(x, target, **given), reduction),
        reference=lambda x, target, *, reduction, **given: reduced_reference(each_reference(x, target, **given), reduction),
        samples=samples,
        doc=doc,
    )  # fmt: skip
    return forward, backward


def _reals(shape: tuple[int, ...]) -> tuple[Draw, Draw]:
    return Draw(shape), Draw(shape, 2.2, 4.0)


def _spread_reals(shape: tuple[int, ...]) -> tuple[Draw, Draw]:
    """Differences on both sides of a bend at 1, and none on it: 0.1 .. 0.9, or 1.2 .. 3.9 below and above."""
    return Draw(shape, 0.0, 4.0, away=(1.0, 3.0), gap=0.1), Draw(shape, 2.0, 2.0)


def _probabilities(shape: tuple[int, ...]) -> tuple[Draw, Draw]:
    return Draw(shape, 0.05, 0.95), Draw(shape, 0.05, 0.95)


def _logits(shape: tuple[int, ...]) -> tuple[Draw, Draw]:
    return Draw(shape, -3.0, 3.0, away=(0.0,)), Draw(shape, 0.05, 0.95)


mse_op, _ = _define(
    "mse_loss", "", (kernels.mse_loss, kernels.mse_loss_bwd),
    each=lambda x, t: square(sub(x, t)),
    slope=lambda x, t: mul(sub(x, t), 2.0),
    each_reference=lambda x, t: (x - t) ** 2,
    slope_reference=lambda x, t: 2 * (x - t),
    draws=_reals, antisymmetric=True,
    doc="(input - target)^2.",
)  # fmt: skip

l1_op, _ = _define(
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


def _smooth_l1_slope(x: Any, t: Any, beta: float) -> Any:
    d = sub(x, t)
    return sign(d) if beta == 0 else where(less(abs(d), beta), mul(d, 1 / beta), sign(d))


smooth_l1_op, _ = _define(
    "smooth_l1_loss", ", beta", (kernels.smooth_l1_loss, kernels.smooth_l1_loss_bwd),
    each=_smooth_l1,
    slope=_smooth_l1_slope,
    each_reference=lambda x, t, beta: np.where(np.abs(x - t) < beta, (x - t) ** 2 / (2 * beta), np.abs(x - t) - beta / 2),
    slope_reference=lambda x, t, beta: np.where(np.abs(x - t) < beta, (x - t) / beta, np.sign(x - t)),
    draws=_spread_reals, antisymmetric=True,
    doc="d^2 / (2 beta) where |d| < beta, else |d| - beta / 2, with d = input - target (Girshick 2015).",
    beta=1.0,
)  # fmt: skip


def _huber(x: Any, t: Any, delta: float) -> Any:
    size = abs(sub(x, t))
    return where(less_equal(size, delta), mul(square(size), 0.5), mul(sub(size, 0.5 * delta), delta))


def _huber_slope(x: Any, t: Any, delta: float) -> Any:
    d = sub(x, t)
    return where(less_equal(abs(d), delta), d, mul(sign(d), delta))


huber_op, _ = _define(
    "huber_loss", ", delta", (kernels.huber_loss, kernels.huber_loss_bwd),
    each=_huber,
    slope=_huber_slope,
    each_reference=lambda x, t, delta: np.where(np.abs(x - t) <= delta, 0.5 * (x - t) ** 2, delta * (np.abs(x - t) - delta / 2)),
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


bce_op, _ = _define(
    "binary_cross_entropy", "", (kernels.binary_cross_entropy, kernels.binary_cross_entropy_bwd),
    each=_bce,
    slope=lambda x, t: div(sub(x, t), maximum(mul(x, sub(1.0, x)), 1e-12)),
    each_reference=_bce_reference,
    slope_reference=lambda x, t: (x - t) / np.maximum(x * (1 - x), 1e-12),
    draws=_probabilities, antisymmetric=False,
    doc="-(t log p + (1 - t) log(1 - p)) of probabilities p, the logarithms cut off at -100.",
)  # fmt: skip

bce_logits_op, _ = _define(
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


kl_div_op, _ = _define(
    "kl_div", "", (kernels.kl_div, kernels.kl_div_bwd),
    each=_kl,
    slope=lambda x, t: neg(t),
    each_reference=_kl_reference,
    slope_reference=lambda x, t: -t,
    draws=_probabilities, antisymmetric=False,
    doc="t (log t - x) of a probability t and a log-probability x; 0 where t is 0 (Kullback and Leibler 1951).",
)  # fmt: skip

# -- as users call them ----------------------------------------------------------------------------------------------------------------


def check_reduction(op: str, reduction: str, *more: str) -> None:
    """A ValueError that lists the reductions there are."""
    if reduction not in REDUCTIONS and reduction not in more:
        raise ValueError(message(op, "reduction", f"{reduction!r}", ", ".join(map(repr, REDUCTIONS + more))))


def check_finite(op: str, loss: Any, target: Any, reduction: str) -> Any:
    """The loss, or an error where a NaN or infinity in the target has spoilt it. The target is searched only then, so
    the check costs a finite loss nothing."""
    value = loss.ptr[0] if reduction != "none" and loss.size else None
    if value is not None and value - value == 0:
        return loss
    bad = np.argwhere(~np.isfinite(target.array))
    if len(bad):
        at = tuple(int(i) for i in bad[0])
        raise LabelError(
            message(op, "target", f"{target.array[at]} at index {list(at)}", "finite numbers", f"{len(bad)} of {target.size} are not: clean the labels, e.g. with np.isfinite.")
        )
    return loss


def _pair(op: str, x: Any, target: Any) -> None:
    for name, given in (("input", x), ("target", target)):
        if not isinstance(given, Array):
            raise DTypeError(message(op, name, f"a {type(given).__name__}", "a tensor", "Wrap it: minigrad.tensor(...)."))
    if x.dtype.kind != "f":
        raise DTypeError(message(op, "input", f"dtype {x.dtype}", "floats", "Write input.float()."))
    if target.dtype is not x.dtype:
        remedy = f"Write target.to(input.dtype), or create it with dtype={x.dtype}."
        raise DTypeError(message(op, "target", f"dtype {target.dtype}", f"the input's dtype {x.dtype}", remedy))


def _loss(name: str, call: Any, x: Any, target: Any, reduction: str, **scalars: float) -> Any:
    check_reduction(name, reduction)
    _pair(name, x, target)
    return check_finite(name, call(x, target, reduction=reduction, **scalars), target, reduction)


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean (or sum, or each) of (input - target)^2; both of one shape."""
    return _loss("mse_loss", mse_op, input, target, reduction)


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean (or sum, or each) of |input - target|; both of one shape."""
    return _loss("l1_loss", l1_op, input, target, reduction)


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """Quadratic below beta, linear above: d^2 / (2 beta), or |d| - beta / 2."""
    if not beta >= 0:
        raise ValueError(message("smooth_l1_loss", "beta", beta, "a number of at least 0"))
    return _loss("smooth_l1_loss", smooth_l1_op, input, target, reduction, beta=float(beta))


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """Quadratic up to delta, linear above: d^2 / 2, or delta (|d| - delta / 2)."""
    if not delta > 0:
        raise ValueError(message("huber_loss", "delta", delta, "a number above 0"))
    return _loss("huber_loss", huber_op, input, target, reduction, delta=float(delta))


def _weighted(op: str, each: Any, weight: Any, reduction: str) -> Any:
    """Losses times a weight that broadcasts to them, then reduced."""
    if shapes.broadcast(op, each.shape, weight.shape) != each.shape:
        raise ValueError(message(op, "weight", f"shape {weight.shape}", f"a shape that broadcasts to the input's {each.shape}"))
    return reduced(mul(each, weight), reduction)


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """-(t log p + (1 - t) log(1 - p)) of probabilities; logits go to binary_cross_entropy_with_logits."""
    name = "binary_cross_entropy"
    check_reduction(name, reduction)
    _pair(name, input, target)
    each = weight is not None
    loss = bce_op(input, target, reduction="none" if each else reduction)
    outside = (input.array < 0) | (input.array > 1)
    if outside.any():
        remedy = "Put a sigmoid in front, or use binary_cross_entropy_with_logits."
        raise ValueError(message(name, "input", f"{input.array[outside][0]}", "probabilities in [0, 1]", remedy))
    loss = _weighted(name, loss, weight, reduction) if each else loss
    return check_finite(name, loss, target, reduction)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    """binary_cross_entropy of sigmoid(input), without its rounding; pos_weight scales the positive examples' part."""
    name = "binary_cross_entropy_with_logits"
    check_reduction(name, reduction)
    _pair(name, input, target)
    if weight is None and pos_weight is None:
        return check_finite(name, bce_logits_op(input, target, reduction=reduction), target, reduction)
    if pos_weight is None:
        each = bce_logits_op(input, target, reduction="none")
    else:
        shapes.equal(name, input.shape, target.shape)
        # -p t log s - (1 - t) log(1 - s), where log s = -softplus(-x) and log(1 - s) = -softplus(x)
        positive = add(relu(neg(input)), log1p(exp(neg(abs(input)))))
        each = add(mul(sub(1.0, target), add(input, positive)), mul(mul(target, pos_weight), positive))
    loss = _weighted(name, each, weight, reduction) if weight is not None else reduced(each, reduction)
    return check_finite(name, loss, target, reduction)


def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """t (log t - x) of log-probabilities x = input and probabilities t = target (or their logarithms, log_target).
    "batchmean" divides the sum by the first dimension, as the definition of the divergence asks."""
    check_reduction("kl_div", reduction, "batchmean")
    _pair("kl_div", input, target)
    how = "sum" if reduction == "batchmean" else reduction
    if log_target:
        shapes.equal("kl_div", input.shape, target.shape)
        loss = reduced(mul(exp(target), sub(target, input)), how)
    else:
        loss = kl_div_op(input, target, reduction=how)
    if reduction == "batchmean" and input.shape:
        loss = div(loss, float(input.shape[0]))
    return check_finite("kl_div", loss, target, how)
