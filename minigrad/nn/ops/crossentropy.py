"""Classification losses: cross-entropy from logits, against labels or probabilities, and the negative log-likelihood.

With p = softmax(x) the gradient of -log p_y towards x is p - onehot(y): one pass over the logits, no division. Weights,
label smoothing and ignored rows turn onehot(y) into a row of constants b, and the loss of a row into
-sum_j b_j log p_j; `_constants` computes b, and everything here can be read off it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import Array, from_array, int64
from minigrad._kernels import crossentropy as kernels
from minigrad._mistakes import SUSPECT, normalized_before, warn
from minigrad._op import defop, public
from minigrad._samples import Draw, Sample
from minigrad.errors import DTypeError, LabelError, ShapeError, message
from minigrad.nn.ops.losses import REDUCTIONS, check_finite, check_reduction, check_tensors, reduced, reduced_reference
from minigrad.ops.elementwise import add, div, equals, logical_and, mul, neg, not_equal, sub, to_dtype
from minigrad.ops.layout import permute_op, reshape_op
from minigrad.ops.reduce import sum_op
from minigrad.ops.softmax import log_softmax_op, softmax_op

if TYPE_CHECKING:
    from typing import Any


def _rows(name: str, x: tuple[int, ...], target: tuple[int, ...], *_: Any, **__: Any) -> None:
    if len(x) != 2 or target not in (x, x[:1]):
        expected = f"{x[:1]} labels, or probabilities of the input's shape {x}"
        raise ShapeError(message(name, "target", f"shape {target}", expected))


def _constants(x: Any, target: Any, weight: Any, ignore_index: int, label_smoothing: float) -> tuple[Any, Any]:
    """The constants b (rows x cols), and the sum of the weights of the rows that count."""
    rows, cols = x.shape
    w = np.ones(cols, x.dtype) if weight is None else weight
    counts = target != ignore_index
    label = np.where(counts, target, 0)
    own = np.where(counts, w[label], 0).astype(x.dtype)
    b = np.where(counts[:, None], label_smoothing / cols * w, 0).astype(x.dtype)
    b[np.arange(rows), label] += (1 - label_smoothing) * own
    return b, own.sum(dtype=x.dtype) or x.dtype.type(np.nan)  # of nothing there is no mean


def _shifted(x: Any) -> tuple[Any, Any]:
    """Logits minus the largest of their row, and log_sum, the logarithm of the sum of their exponentials: log p is the
    difference of the two. Kept apart, both are exact to all digits for logits of any size."""
    shifted = x - np.max(x, axis=1, keepdims=True)
    return shifted, np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))


def _per_row(g: Any, total: Any, reduction: str) -> Any:
    """The cotangent of every row's loss, as a column or a scalar."""
    if reduction == "none":
        return reshape_op(g, shape=(g.shape[0], 1))
    return div(g, total) if reduction == "mean" else g


def _per_row_reference(g: Any, total: Any, reduction: str) -> Any:
    return g[:, None] if reduction == "none" else g / total if reduction == "mean" else g


# -- against labels ----------------------------------------------------------------------------------------------------


def _numbers(x: Any) -> Any:
    return None if x is None else x.array


def _cross_entropy_composed(
    x: Any, target: Any, weight: Any, *, reduction: str, ignore_index: int, label_smoothing: float
) -> Any:
    b, total = _constants(x.array, target.array, _numbers(weight), ignore_index, label_smoothing)
    each = neg(sum_op(mul(log_softmax_op(x, dim=1), from_array(b)), dim=(1,), keepdim=False))
    return div(reduced(each, "sum"), float(total)) if reduction == "mean" else reduced(each, reduction)


def _cross_entropy_reference(
    x: Any, target: Any, weight: Any, *, reduction: str, ignore_index: int, label_smoothing: float
) -> Any:
    b, total = _constants(x, target, weight, ignore_index, label_smoothing)
    shifted, log_sum = _shifted(x)
    each = -np.sum(np.where(b == 0, 0, b * (shifted - log_sum)), 1)
    with np.errstate(invalid="ignore"):
        out = np.sum(each) / total if reduction == "mean" else reduced_reference(each, reduction)
    return out, log_sum[:, 0], total


def _gradient_composed(
    g: Any, x: Any, target: Any, weight: Any, log_sum: Any, total: Any, *,
    reduction: str, ignore_index: int, label_smoothing: float,
) -> Any:  # fmt: skip
    b = _label_rows(x, target, weight, ignore_index, label_smoothing)
    p = softmax_op(x, dim=1)
    return mul(_per_row(g, total, reduction), sub(mul(p, sum_op(b, dim=(1,), keepdim=True)), b))


def _label_rows(x: Any, target: Any, weight: Any, ignore_index: int, label_smoothing: float) -> Any:
    """The constants b of `_constants`, by ops."""
    labels = reshape_op(target, shape=(*target.shape, 1))
    counts = not_equal(labels, ignore_index)
    b = mul(to_dtype(logical_and(counts, equals(labels, from_array(np.arange(x.shape[1])))), x.dtype), 1 - label_smoothing)
    if label_smoothing:
        b = add(b, mul(to_dtype(counts, x.dtype), label_smoothing / x.shape[1]))
    return b if weight is None else mul(b, weight)


def _gradient_reference(
    g: Any, x: Any, target: Any, weight: Any, log_sum: Any, total: Any, *,
    reduction: str, ignore_index: int, label_smoothing: float,
) -> Any:  # fmt: skip
    b, _ = _constants(x, target, weight, ignore_index, label_smoothing)
    gradient = np.exp(_shifted(x)[0] - log_sum[:, None]) * b.sum(1, keepdims=True) - b
    return np.where(target[:, None] == ignore_index, 0, _per_row_reference(g, total, reduction) * gradient)


def _label_samples() -> list[Sample]:
    sizes = ((4, 3, False), (5, 3, True), (1, 10, False), (9, 33, True))
    options = ((-100, 0.0), (1, 0.0), (1, 0.1))
    return [
        Sample(
            Draw((rows, cols)), Draw((rows,), 0, cols, kind="int"), Draw((cols,), 0.5, 1.5) if weighted else None,
            reduction=r, ignore_index=ignored, label_smoothing=smoothing,
        )
        for rows, cols, weighted in sizes for r in REDUCTIONS for ignored, smoothing in options
    ]  # fmt: skip


def _gradient_samples() -> list[Sample]:
    found = []
    for sample in _label_samples():
        x, target, weight = sample.inputs
        assert x is not None
        g = Draw(x.shape[:1] if sample.keywords["reduction"] == "none" else ())
        log_sum, total = Draw(x.shape[:1], 2.0, 3.0), Draw((), 2.0, 4.0)
        found.append(Sample(g, x, target, weight, log_sum, total, **sample.keywords))
    return found


cross_entropy_bwd = defop(
    "cross_entropy_bwd", "g, input, target, weight, log_sum, total | reduction, ignore_index, label_smoothing",
    forward=kernels.cross_entropy_bwd,
    shape=shapes.same,  # its operands come from the forward pass
    composition=_gradient_composed,
    nondiff="target weight log_sum total",
    optional="weight",
    integer="target",
    reference=_gradient_reference,
    samples=_gradient_samples,
    doc="The gradient of cross_entropy towards the logits: (softmax sum_j b_j - b) times the cotangent of each row. "
    "log_sum and total come from the forward pass and follow from the input, so they count as constants.",
)  # fmt: skip


def _towards_logits(
    g: Any, input: Any, target: Any, weight: Any, log_sum: Any, total: Any,
    reduction: str, ignore_index: int, label_smoothing: float,
) -> Any:  # fmt: skip
    return cross_entropy_bwd(
        g, input, target, weight, log_sum, total,
        reduction=reduction, ignore_index=ignore_index, label_smoothing=label_smoothing,
    )  # fmt: skip


cross_entropy_op = defop(
    "cross_entropy", "input, target, weight | reduction, ignore_index, label_smoothing",
    forward=kernels.cross_entropy,
    shape=_rows,
    planned=("input.pool.plans['labels', target.pool]", kernels.cross_entropy_planned),
    aux="log_sum total",
    vjp={"input": _towards_logits},
    joint=lambda g, parents, input, target, weight, log_sum, total, reduction, ignore_index, label_smoothing: (
        kernels.cross_entropy_bwd(g, input, target, weight, log_sum, total, reduction, ignore_index, label_smoothing), None, None
    ),
    composition=_cross_entropy_composed,
    nondiff="target weight",
    optional="weight",
    integer="target",
    reference=_cross_entropy_reference,
    samples=_label_samples,
    doc="-log softmax(input)[label], with class weights, label smoothing and rows to ignore.",
)  # fmt: skip

# -- against probabilities ---------------------------------------------------------------------------------------------


def _smoothed(target: Any, label_smoothing: float, cols: int) -> Any:
    """(1 - s) t + s / C, in ops or in NumPy."""
    if isinstance(target, Array):
        return add(mul(target, 1 - label_smoothing), label_smoothing / cols)
    return target * (1 - label_smoothing) + label_smoothing / cols


def _soft_composed(x: Any, target: Any, weight: Any, *, reduction: str, label_smoothing: float) -> Any:
    b = _smoothed(target, label_smoothing, x.shape[1])
    b = b if weight is None else mul(b, weight)
    return reduced(neg(sum_op(mul(log_softmax_op(x, dim=1), b), dim=(1,), keepdim=False)), reduction)


def _soft_reference(x: Any, target: Any, weight: Any, *, reduction: str, label_smoothing: float) -> Any:
    b = _smoothed(target, label_smoothing, x.shape[1]) * (1 if weight is None else weight)
    shifted, log_sum = _shifted(x)
    each = -np.sum(np.where(b == 0, 0, b * (shifted - log_sum)), 1)
    return reduced_reference(each, reduction), log_sum[:, 0]


def _soft_gradient_composed(
    g: Any, x: Any, target: Any, weight: Any, log_sum: Any, *, reduction: str, label_smoothing: float
) -> Any:
    b = _smoothed(target, label_smoothing, x.shape[1])
    b = b if weight is None else mul(b, weight)
    gradient = sub(mul(softmax_op(x, dim=1), sum_op(b, dim=(1,), keepdim=True)), b)
    return mul(_per_row(g, float(x.shape[0]), reduction), gradient)


def _soft_gradient_reference(
    g: Any, x: Any, target: Any, weight: Any, log_sum: Any, *, reduction: str, label_smoothing: float
) -> Any:
    b = _smoothed(target, label_smoothing, x.shape[1]) * (1 if weight is None else weight)
    gradient = np.exp(_shifted(x)[0] - log_sum[:, None]) * b.sum(1, keepdims=True) - b
    return _per_row_reference(g, x.dtype.type(x.shape[0]), reduction) * gradient


def _soft_samples() -> list[Sample]:
    return [
        Sample(
            Draw(s), Draw(s, kind="rows"), Draw(s[1:], 0.5, 1.5) if weighted else None,
            reduction=r, label_smoothing=smoothing,
        )
        for s, weighted in (((4, 3), False), ((5, 10), True), ((9, 33), False))
        for r in REDUCTIONS for smoothing in (0.0, 0.1)
    ]  # fmt: skip


def _soft_gradient_samples() -> list[Sample]:
    found = []
    for sample in _soft_samples():
        x, target, weight = sample.inputs
        assert x is not None
        g = Draw(x.shape[:1] if sample.keywords["reduction"] == "none" else ())
        found.append(Sample(g, x, target, weight, Draw(x.shape[:1], 2.0, 3.0), **sample.keywords))
    return found


soft_cross_entropy_bwd = defop(
    "soft_cross_entropy_bwd", "g, input, target, weight, log_sum | reduction, label_smoothing",
    forward=kernels.soft_cross_entropy_bwd,
    shape=shapes.same,  # its operands come from the forward pass
    composition=_soft_gradient_composed,
    nondiff="weight log_sum",
    optional="weight",
    reference=_soft_gradient_reference,
    samples=_soft_gradient_samples,
    doc="The gradient of soft_cross_entropy towards the logits.",
)  # fmt: skip


def _towards_soft_logits(
    g: Any, input: Any, target: Any, weight: Any, log_sum: Any, reduction: str, label_smoothing: float
) -> Any:
    return soft_cross_entropy_bwd(
        g, input, target, weight, log_sum, reduction=reduction, label_smoothing=label_smoothing
    )  # fmt: skip


soft_cross_entropy_op = defop(
    "soft_cross_entropy", "input, target, weight | reduction, label_smoothing",
    forward=kernels.soft_cross_entropy,
    shape=_rows,
    aux="log_sum",
    vjp={"input": _towards_soft_logits},
    composition=_soft_composed,
    nondiff="weight",
    optional="weight",
    reference=_soft_reference,
    samples=_soft_samples,
    doc="-sum_j w_j t_j log softmax(input)_j against rows t of probabilities.",
)  # fmt: skip

# -- from log-probabilities --------------------------------------------------------------------------------------------


def _nll_composed(x: Any, target: Any, weight: Any, *, reduction: str, ignore_index: int) -> Any:
    b, total = _constants(x.array, target.array, _numbers(weight), ignore_index, 0.0)
    each = neg(sum_op(mul(x, from_array(b)), dim=(1,), keepdim=False))
    return div(reduced(each, "sum"), float(total)) if reduction == "mean" else reduced(each, reduction)


def _nll_reference(x: Any, target: Any, weight: Any, *, reduction: str, ignore_index: int) -> Any:
    b, total = _constants(x, target, weight, ignore_index, 0.0)
    each = -np.sum(np.where(b == 0, 0, b * x), 1)
    with np.errstate(invalid="ignore"):
        return np.sum(each) / total if reduction == "mean" else reduced_reference(each, reduction), total


def _label_weights(target: Any, weight: Any, dtype: Any, ignore_index: int, classes: int) -> Any:
    """The constants b of nll_loss: the weight of each row's label, at the label."""
    return _constants(np.zeros((target.size, classes), dtype), target, weight, ignore_index, 0.0)[0]


def _nll_gradient_composed(
    g: Any, target: Any, weight: Any, total: Any, *, reduction: str, ignore_index: int, classes: int
) -> Any:
    b = _label_weights(target.array, _numbers(weight), g.dtype, ignore_index, classes)
    return neg(mul(_per_row(g, total, reduction), from_array(b)))


def _nll_gradient_reference(
    g: Any, target: Any, weight: Any, total: Any, *, reduction: str, ignore_index: int, classes: int
) -> Any:
    return -_per_row_reference(g, total, reduction) * _label_weights(target, weight, g.dtype, ignore_index, classes)


def _nll_gradient_samples() -> list[Sample]:
    return [
        Sample(
            Draw((5,) if r == "none" else ()), Draw((5,), 0, 3, kind="int"), Draw((3,), 0.5, 1.5) if weighted else None,
            Draw((), 2, 4), reduction=r, ignore_index=1, classes=3,
        )
        for r in REDUCTIONS for weighted in (False, True)
    ]  # fmt: skip


def _nll_samples() -> list[Sample]:
    plain = [s for s in _label_samples() if s.keywords["label_smoothing"] == 0]
    return [Sample(*s.inputs, **{k: s.keywords[k] for k in ("reduction", "ignore_index")}) for s in plain]


nll_loss_bwd = defop(
    "nll_loss_bwd", "g, target, weight, total | reduction, ignore_index, classes",
    forward=kernels.nll_loss_bwd,
    shape=shapes.same,  # its operands come from the forward pass
    composition=_nll_gradient_composed,
    nondiff="target weight total",
    optional="weight",
    integer="target",
    reference=_nll_gradient_reference,
    samples=_nll_gradient_samples,
    doc="The gradient of nll_loss: minus the cotangent at each label, 0 elsewhere.",
)  # fmt: skip

nll_op = defop(
    "nll_loss", "input, target, weight | reduction, ignore_index",
    forward=kernels.nll_loss,
    shape=_rows,
    aux="total",
    vjp={
        "input": lambda g, target, weight, total, reduction, ignore_index, input_shape: nll_loss_bwd(
            g, target, weight, total, reduction=reduction, ignore_index=ignore_index, classes=input_shape[1]
        )
    },
    composition=_nll_composed,
    nondiff="target weight",
    optional="weight",
    integer="target",
    reference=_nll_reference,
    samples=_nll_samples,
    doc="Minus the log-probability of each label.",
)  # fmt: skip

# -- as users call them: any number of dimensions, classes in the second -----------------------------------------------


def _class_rows(name: str, x: Array) -> Any:
    """(C,), (N, C) or (N, C, d1, ...) as rows of C."""
    if len(x.shape) == 2:
        return x
    if not x.shape:
        raise ShapeError(message(name, "input", "a scalar", "scores of shape (N, C), one per class"))
    if len(x.shape) == 1:
        return reshape_op(x, shape=(1, x.shape[0]))
    order = (0, *range(2, len(x.shape)), 1)
    return reshape_op(permute_op(x, dims=order), shape=(x.count // x.shape[1] if x.shape[1] else 0, x.shape[1]))


def _check(name: str, x: Any, target: Any, weight: Any, reduction: str, ignore_index: int) -> bool:
    """Raises for operands that do not fit; returns whether the target holds labels."""
    check_reduction(name, reduction)
    if not (isinstance(x, Array) and isinstance(target, Array) and (weight is None or isinstance(weight, Array))):
        check_tensors(name, input=x, target=target, weight=weight)
    if x.dtype.kind != "f":
        remedy = "Are input and target exchanged?"
        raise DTypeError(message(name, "input", f"dtype {x.dtype}", "floats (logits)", remedy))
    classes = x.shape[1] if len(x.shape) > 1 else x.count
    if weight is not None and (weight.shape != (classes,) or weight.dtype is not x.dtype):
        expected = f"shape ({classes},) of {x.dtype}, a number per class"
        raise ShapeError(message(name, "weight", f"shape {weight.shape} of {weight.dtype}", expected))
    if target.shape == x.shape and target.dtype is x.dtype and len(x.shape) > 0:
        if ignore_index >= 0:
            remedy = "Give rows of probabilities that count for nothing the value 0."
            raise ValueError(message(name, "ignore_index", ignore_index, "none, as the target is no labels", remedy))
        return False
    _check_labels(name, x, target, ignore_index, classes)
    return True


def _check_labels(name: str, x: Any, target: Any, ignore_index: int, classes: int) -> None:
    """Raises unless the target holds a class, or ignore_index, for every row of the input."""
    wanted = x.shape[:1] + x.shape[2:] if len(x.shape) > 1 else ()
    if target.dtype is not int64:
        remedy = "Labels are integers: target.long()."
        if target.shape == x.shape:
            remedy = f"For probabilities write target.to(input.dtype), here {x.dtype}; for labels, target.argmax(1)."
        got = f"dtype {target.dtype} of shape {target.shape}"
        raise DTypeError(message(name, "target", got, f"int64 labels of shape {wanted}", remedy))
    if target.shape != wanted:
        remedy = "Write target.squeeze(-1)." if target.shape == (*wanted, 1) else ""
        if target.shape == x.shape:
            remedy = "For probabilities (one-hot rows), write target.to(input.dtype)."
        expected = f"labels of shape {wanted} for input {x.shape}, or probabilities of its shape"
        raise ShapeError(message(name, "target", f"shape {target.shape}", expected, remedy))
    at = kernels.first_bad_label(target, ignore_index, classes)
    if at >= 0:
        raise _misfit(name, target, at, ignore_index, classes)


def _misfit(name: str, target: Any, at: int, ignore_index: int, classes: int) -> Exception:
    """The error for a label that is neither a class nor ignore_index."""
    index = [int(i) for i in np.unravel_index(at, target.shape)] if target.shape else []
    label = int(target.array.ravel()[at])
    expected = f"0 to {classes - 1} (the input has {classes} classes) or ignore_index={ignore_index}"
    remedy = "Labels start at 0." if label == classes else "Set ignore_index to the label that means none."
    return LabelError(message(name, "target", f"label {label} at index {index}", expected, remedy))


def _unrowed(loss: Any, shape: tuple[int, ...], reduction: str) -> Any:
    return reshape_op(loss, shape=shape) if reduction == "none" and loss.shape != shape else loss


@public("cross_entropy", "nn.functional")
def cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: None = None, ignore_index: int = -100,
    reduce: None = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    """Cross-entropy of softmax(input) against the target. input holds LOGITS, (N, C) or (N, C, d1, ...), not
    probabilities.

    target: int64 labels (N,) or (N, d1, ...), where ignore_index marks rows that do not count; or probabilities of the
    input's shape. weight: a factor per class. label_smoothing: s spreads a part s of each row's probability evenly over
    the C classes (Szegedy et al. 2016). "mean" divides by the total weight of the labels that count, or, with
    probabilities, by the number of rows.
    """
    name = "cross_entropy"
    if size_average is not None or reduce is not None:
        remedy = "Write reduction='mean', 'sum' or 'none'."
        raise ValueError(message(name, "size_average or reduce", "a value", "nothing", remedy))
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(message(name, "label_smoothing", label_smoothing, "a number in [0, 1]"))
    try:
        known = ("labels", target.pool) in input.pool.plans and weight is None and reduction in REDUCTIONS
    except AttributeError:  # not both of them come from pools
        known = False
    labels = known or _check(name, input, target, weight, reduction, ignore_index)
    if input.node is not None and input.node.op.name in SUSPECT:
        remedy = "Pass the scores that go into it: probabilities in place of scores learn slowly, and wrongly."
        normalized_before(name, input, ("softmax", "sigmoid"), remedy)
    if known:  # scores (N, C) and labels (N,) of these types have been through the checks before, but other labels
        at = kernels.first_bad_label(target, ignore_index, input.shape[1])
        if at >= 0:
            raise _misfit(name, target, at, ignore_index, input.shape[1])
        return cross_entropy_op(
            input, target, weight, reduction=reduction, ignore_index=ignore_index, label_smoothing=label_smoothing
        )
    rows, smoothing = _class_rows(name, input), float(label_smoothing)
    if labels:
        flat = target if len(target.shape) == 1 else from_array(target.array.reshape(-1))
        loss = cross_entropy_op(
            rows, flat, weight, reduction=reduction, ignore_index=ignore_index, label_smoothing=smoothing
        )
        return _unrowed(loss, target.shape, reduction)
    goals = _class_rows(name, target)
    loss = soft_cross_entropy_op(rows, goals, weight, reduction=reduction, label_smoothing=smoothing)
    shape = input.shape[:1] + input.shape[2:] if len(input.shape) > 1 else ()
    return _unrowed(check_finite(name, loss, target, reduction), shape, reduction)


@public("nll_loss", "nn.functional")
def nll_loss(input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """Minus the log-probability of each label; cross_entropy is this after log_softmax."""
    name = "nll_loss"
    if not _check(name, input, target, weight, reduction, ignore_index):
        remedy = "cross_entropy and kl_div take probabilities."
        raise DTypeError(message(name, "target", "probabilities", "int64 labels", remedy))
    if input.node is not None and input.node.op.name == "softmax":
        warn("nll_loss: argument input: got the result of softmax, expected log-probabilities. Write log_softmax in its place.")
    flat = target if len(target.shape) == 1 else from_array(target.array.reshape(-1))
    loss = nll_op(_class_rows(name, input), flat, weight, reduction=reduction, ignore_index=ignore_index)
    return _unrowed(loss, target.shape, reduction)
