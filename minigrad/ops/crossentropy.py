"""Classification losses: cross-entropy from logits, against labels or probabilities, and the negative log-likelihood.

With p = softmax(x) the gradient of -log p_y towards x is p - onehot(y): one pass over the logits, no division. Weights,
label smoothing and ignored rows turn onehot(y) into a row of constants b, and the loss of a row into -sum_j b_j log p_j;
`_constants` computes b, and everything here can be read off it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _kernels as kernels
from minigrad._array import Array, from_array, int64
from minigrad._op import defop
from minigrad._samples import Draw, Sample
from minigrad.errors import DTypeError, LabelError, ShapeError, message
from minigrad.ops.elementwise import add, div, mul, neg, sub
from minigrad.ops.layout import permute_op, reshape_op
from minigrad.ops.losses import check_finite, check_reduction, reduced, reduced_reference
from minigrad.ops.reduce import sum_op
from minigrad.ops.softmax import log_softmax_op, log_softmax_reference, softmax_op

if TYPE_CHECKING:
    from typing import Any


def _rows(name: str, x: tuple[int, ...], target: tuple[int, ...], *_: Any, **__: Any) -> None:
    if len(x) != 2 or target not in (x, x[:1]):
        raise ShapeError(message(name, "target", f"shape {target}", f"{x[:1]} labels, or probabilities of the input's shape {x}"))


def _constants(x: Any, target: Any, weight: Any, ignore_index: int, label_smoothing: float) -> tuple[Any, Any]:
    """b (rows x cols) and the sum of the weights of the rows that count."""
    rows, cols = x.shape
    w = np.ones(cols, x.dtype) if weight is None else weight
    counts = target != ignore_index
    label = np.where(counts, target, 0)
    own = np.where(counts, w[label], 0).astype(x.dtype)
    b = np.where(counts[:, None], label_smoothing / cols * w, 0).astype(x.dtype)
    b[np.arange(rows), label] += (1 - label_smoothing) * own
    return b, own.sum(dtype=x.dtype)


def _per_row(g: Any, total: Any, reduction: str) -> Any:
    """The cotangent of every row's loss, as a column or a scalar."""
    if reduction == "none":
        return reshape_op(g, shape=(g.shape[0], 1))
    return div(g, total) if reduction == "mean" else g


def _per_row_reference(g: Any, total: Any, reduction: str) -> Any:
    return g[:, None] if reduction == "none" else g / total if reduction == "mean" else g


# -- against labels ------------------------------------------------------------------------------------------------------------


def _cross_entropy_composed(x: Any, target: Any, weight: Any, *, reduction: str, ignore_index: int, label_smoothing: float) -> Any:
    b, total = _constants(x.array, target.array, None if weight is None else weight.array, ignore_index, label_smoothing)
    each = neg(sum_op(mul(log_softmax_op(x, dim=1), from_array(b)), dim=(1,), keepdim=False))
    return div(reduced(each, "sum"), float(total)) if reduction == "mean" else reduced(each, reduction)


def _cross_entropy_reference(x: Any, target: Any, weight: Any, *, reduction: str, ignore_index: int, label_smoothing: float) -> Any:
    b, total = _constants(x, target, weight, ignore_index, label_smoothing)
    logp = log_softmax_reference(x, dim=1)
    each = -np.sum(np.where(b == 0, 0, b * logp), 1)
    with np.errstate(invalid="ignore"):
        out = np.sum(each) / total if reduction == "mean" else reduced_reference(each, reduction)
    return out, (x[:, :1] - logp[:, :1])[:, 0], total


def _gradient_composed(g: Any, x: Any, target: Any, weight: Any, lse: Any, total: Any, *, reduction: str, ignore_index: int, label_smoothing: float) -> Any:
    b, _ = _constants(x.array, target.array, None if weight is None else weight.array, ignore_index, label_smoothing)
    p = softmax_op(x, dim=1)
    return mul(_per_row(g, total, reduction), sub(mul(p, from_array(b.sum(1, keepdims=True))), from_array(b)))


def _gradient_reference(g: Any, x: Any, target: Any, weight: Any, lse: Any, total: Any, *, reduction: str, ignore_index: int, label_smoothing: float) -> Any:
    b, _ = _constants(x, target, weight, ignore_index, label_smoothing)
    return _per_row_reference(g, total, reduction) * (np.exp(x - lse[:, None]) * b.sum(1, keepdims=True) - b)


def _label_samples() -> list[Sample]:
    options = [{"ignore_index": -100, "label_smoothing": 0.0}, {"ignore_index": 1, "label_smoothing": 0.0}, {"ignore_index": 1, "label_smoothing": 0.1}]
    return [
        Sample(Draw((rows, cols)), Draw((rows,), 0, cols, kind="int"), Draw((cols,), 0.5, 1.5) if weighted else None, reduction=r, **o)
        for rows, cols, weighted in ((4, 3, False), (5, 3, True), (1, 10, False), (9, 33, True)) for r in ("none", "mean", "sum") for o in options
    ]


def _gradient_samples() -> list[Sample]:
    found = []
    for sample in _label_samples():
        x, target, weight = sample.inputs
        assert x is not None
        g = Draw(x.shape[:1] if sample.keywords["reduction"] == "none" else ())
        found.append(Sample(g, x, target, weight, Draw(x.shape[:1], 2.0, 3.0), Draw((), 2.0, 4.0), **sample.keywords))
    return found


cross_entropy_bwd = defop(
    "cross_entropy_bwd", "g, input, target, weight, lse, total | reduction, ignore_index, label_smoothing",
    forward=kernels.cross_entropy_bwd,
    shape=lambda name, g, *rest, **_: _rows(name, *rest),
    composition=_gradient_composed,
    nondiff="target weight lse total",
    optional="weight",
    integer="target",
    reference=_gradient_reference,
    samples=_gradient_samples,
    doc="The gradient of cross_entropy towards the logits: (softmax sum_j b_j - b) times the cotangent of each row. "
    "lse and total come from the forward pass and follow from the input, so they count as constants.",
)  # fmt: skip

cross_entropy_op = defop(
    "cross_entropy", "input, target, weight | reduction, ignore_index, label_smoothing",
    forward=kernels.cross_entropy,
    shape=_rows,
    aux="lse total",
    vjp={
        "input": lambda g, input, target, weight, lse, total, reduction, ignore_index, label_smoothing: cross_entropy_bwd(
            g, input, target, weight, lse, total, reduction=reduction, ignore_index=ignore_index, label_smoothing=label_smoothing
        )
    },
    composition=_cross_entropy_composed,
    nondiff="target weight",
    optional="weight",
    integer="target",
    reference=_cross_entropy_reference,
    samples=_label_samples,
    doc="-log softmax(input)[label], with class weights, label smoothing and rows to ignore.",
)  # fmt: skip

# -- against probabilities -------------------------------------------------------------------------------------------------------


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
    logp = log_softmax_reference(x, dim=1)
    return reduced_reference(-np.sum(np.where(b == 0, 0, b * logp), 1), reduction), (x[:, :1] - logp[:, :1])[:, 0]


def _soft_gradient_composed(g: Any, x: Any, target: Any, weight: Any, lse: Any, *, reduction: str, label_smoothing: float) -> Any:
    b = _smoothed(target, label_smoothing, x.shape[1])
    b = b if weight is None else mul(b, weight)
    gradient = sub(mul(softmax_op(x, dim=1), sum_op(b, dim=(1,), keepdim=True)), b)
    return mul(_per_row(g, float(x.shape[0]), reduction), gradient)


def _soft_gradient_reference(g: Any, x: Any, target: Any, weight: Any, lse: Any, *, reduction: str, label_smoothing: float) -> Any:
    b = _smoothed(target, label_smoothing, x.shape[1]) * (1 if weight is None else weight)
    return _per_row_reference(g, x.dtype.type(x.shape[0]), reduction) * (np.exp(x - lse[:, None]) * b.sum(1, keepdims=True) - b)


def _soft_samples() -> list[Sample]:
    return [
        Sample(Draw(s), Draw(s, kind="rows"), Draw(s[1:], 0.5, 1.5) if weighted else None, reduction=r, label_smoothing=smoothing)
        for s, weighted in (((4, 3), False), ((5, 10), True), ((9, 33), False)) for r in ("none", "mean", "sum") for smoothing in (0.0, 0.1)
    ]


def _soft_gradient_samples() -> list[Sample]:
    found = []
    for sample in _soft_samples():
        x, target, weight = sample.inputs
        assert x is not None
        g = Draw(x.shape[:1] if sample.keywords["reduction"] == "none" else ())
        found.append(Sample(g, x, target, weight, Draw(x.shape[:1], 2.0, 3.0), **sample.keywords))
    return found


soft_cross_entropy_bwd = defop(
    "soft_cross_entropy_bwd", "g, input, target, weight, lse | reduction, label_smoothing",
    forward=kernels.soft_cross_entropy_bwd,
    shape=lambda name, g, *rest, **_: _rows(name, *rest),
    composition=_soft_gradient_composed,
    nondiff="weight lse",
    optional="weight",
    reference=_soft_gradient_reference,
    samples=_soft_gradient_samples,
    doc="The gradient of soft_cross_entropy towards the logits.",
)  # fmt: skip

soft_cross_entropy_op = defop(
    "soft_cross_entropy", "input, target, weight | reduction, label_smoothing",
    forward=kernels.soft_cross_entropy,
    shape=_rows,
    aux="lse",
    vjp={
        "input": lambda g, input, target, weight, lse, reduction, label_smoothing: soft_cross_entropy_bwd(
            g, input, target, weight, lse, reduction=reduction, label_smoothing=label_smoothing
        )
    },
    composition=_soft_composed,
    nondiff="weight",
    optional="weight",
    reference=_soft_reference,
    samples=_soft_samples,
    doc="-sum_j w_j t_j log softmax(input)_j against rows t of probabilities.",
)  # fmt: skip

# -- from log-probabilities -----------------------------------------------------------------------------------------------------------


def _nll_composed(x: Any, target: Any, weight: Any, *, reduction: str, ignore_index: int) -> Any:
    b, total = _constants(x.array, target.array, None if weight is None else weight.array, ignore_index, 0.0)
    each = neg(sum_op(mul(x, from_array(b)), dim=(1,), keepdim=False))
    return div(reduced(each, "sum"), float(total)) if reduction == "mean" else reduced(each, reduction)


def _nll_reference(x: Any, target: Any, weight: Any, *, reduction: str, ignore_index: int) -> Any:
    b, total = _constants(x, target, weight, ignore_index, 0.0)
    each = -np.sum(np.where(b == 0, 0, b * x), 1)
    with np.errstate(invalid="ignore"):
        return np.sum(each) / total if reduction == "mean" else reduced_reference(each, reduction), total


def _nll_gradient(g: Any, target: Any, weight: Any, total: Any, reduction: str, ignore_index: int, classes: int) -> Any:
    b, _ = _constants(np.zeros((target.size, classes), g.dtype), target, weight, ignore_index, 0.0)
    return b


nll_loss_bwd = defop(
    "nll_loss_bwd", "g, target, weight, total | reduction, ignore_index, classes",
    forward=kernels.nll_loss_bwd,
    shape=lambda name, *shapes, **_: shapes[0],
    composition=lambda g, target, weight, total, *, reduction, ignore_index, classes: neg(mul(
        _per_row(g, total, reduction),
        from_array(_nll_gradient(g.array, target.array, None if weight is None else weight.array, total.array, reduction, ignore_index, classes)),
    )),
    nondiff="target weight total",
    optional="weight",
    integer="target",
    reference=lambda g, target, weight, total, *, reduction, ignore_index, classes: -_per_row_reference(g, total, reduction)
    * _nll_gradient(g, target, weight, total, reduction, ignore_index, classes),
    samples=lambda: [
        Sample(Draw((5,) if r == "none" else ()), Draw((5,), 0, 3, kind="int"), Draw((3,), 0.5, 1.5) if w else None, Draw((), 2, 4), reduction=r, ignore_index=1, classes=3)
        for r in ("none", "mean", "sum") for w in (False, True)
    ],
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
    samples=lambda: [Sample(*s.inputs, reduction=s.keywords["reduction"], ignore_index=s.keywords["ignore_index"]) for s in _label_samples() if not s.keywords["label_smoothing"]],
    doc="Minus the log-probability of each label.",
)  # fmt: skip

# -- as users call them: any number of dimensions, classes in the second ----------------------------------------------------------------


def _class_rows(name: str, x: Array) -> Any:
    """(C,), (N, C) or (N, C, d1, ...) as rows of C."""
    if len(x.shape) == 2:
        return x
    if not x.shape:
        raise ShapeError(message(name, "input", "a scalar", "scores of shape (N, C), one per class"))
    if len(x.shape) == 1:
        return reshape_op(x, shape=(1, x.shape[0]))
    order = (0, *range(2, len(x.shape)), 1)
    return reshape_op(permute_op(x, dims=order), shape=(x.size // x.shape[1] if x.shape[1] else 0, x.shape[1]))


def _check(name: str, x: Any, target: Any, weight: Any, reduction: str, ignore_index: int) -> bool:
    """Raises for what does not fit; says whether the target holds labels."""
    check_reduction(name, reduction)
    for argument, given in (("input", x), ("target", target)):
        if not isinstance(given, Array):
            raise DTypeError(message(name, argument, f"a {type(given).__name__}", "a tensor", "Wrap it: minigrad.tensor(...)."))
    if x.dtype.kind != "f":
        raise DTypeError(message(name, "input", f"dtype {x.dtype}", "floats (logits)", "Are input and target exchanged?"))
    classes = x.shape[1] if len(x.shape) > 1 else x.size
    if weight is not None and (weight.shape != (classes,) or weight.dtype is not x.dtype):
        raise ShapeError(message(name, "weight", f"shape {weight.shape} of {weight.dtype}", f"shape ({classes},) of {x.dtype}, a number per class"))
    if target.shape == x.shape and target.dtype is x.dtype and len(x.shape) > 0:
        return False
    wanted = x.shape[:1] + x.shape[2:] if len(x.shape) > 1 else ()
    if target.dtype is not int64:
        if target.shape == x.shape:
            remedy = f"For probabilities write target.to(input.dtype), which is {x.dtype}; for labels, target.argmax(1)."
        else:
            remedy = "Labels are integers: target.long()."
        raise DTypeError(message(name, "target", f"dtype {target.dtype} of shape {target.shape}", f"int64 labels of shape {wanted}", remedy))
    if target.shape != wanted:
        remedy = "Write target.squeeze(-1)." if target.shape == (*wanted, 1) else "For probabilities (one-hot rows), write target.float()." if target.shape == x.shape else ""
        raise ShapeError(message(name, "target", f"shape {target.shape}", f"labels of shape {wanted} for input {x.shape}, or probabilities of its shape", remedy))
    at = kernels.first_bad_label(target, ignore_index, classes)
    if at >= 0:
        index = [int(i) for i in np.unravel_index(at, target.shape)] if target.shape else []
        label = int(target.array.ravel()[at])
        remedy = "Labels start at 0." if label == classes else ""
        raise LabelError(message(name, "target", f"label {label} at index {index}", f"0 to {classes - 1} (the input has {classes} classes) or ignore_index={ignore_index}", remedy))
    return True


def _unrowed(loss: Any, shape: tuple[int, ...], reduction: str) -> Any:
    return reshape_op(loss, shape=shape) if reduction == "none" and loss.shape != shape else loss


def cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: None = None, ignore_index: int = -100, reduce: None = None,
    reduction: str = "mean", label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    """Cross-entropy of softmax(input) against the target. input holds LOGITS, (N, C) or (N, C, d1, ...): no softmax in front.

    target: int64 labels (N,) or (N, d1, ...), of which ignore_index counts for nothing; or probabilities of the input's
    shape. weight: a factor per class. label_smoothing: s gives every class s / C of each row's probability (Szegedy et
    al. 2016). "mean" divides by the sum of the weights of the labels that count, with probabilities by the rows.
    """
    if size_average is not None or reduce is not None:
        raise ValueError(message("cross_entropy", "size_average", "a value", "nothing", "Write reduction='mean', 'sum' or 'none'."))
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(message("cross_entropy", "label_smoothing", label_smoothing, "a number in [0, 1]"))
    labels = _check("cross_entropy", input, target, weight, reduction, ignore_index)
    rows, smoothing = _class_rows("cross_entropy", input), float(label_smoothing)
    if labels:
        flat = target if len(target.shape) == 1 else from_array(target.array.reshape(-1))
        loss = cross_entropy_op(rows, flat, weight, reduction=reduction, ignore_index=ignore_index, label_smoothing=smoothing)
        return _unrowed(loss, target.shape, reduction)
    soft = soft_cross_entropy_op(rows, _class_rows("cross_entropy", target), weight, reduction=reduction, label_smoothing=smoothing)
    shape = input.shape[:1] + input.shape[2:] if len(input.shape) > 1 else ()
    return _unrowed(check_finite("cross_entropy", soft, target, reduction), shape, reduction)


def nll_loss(input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """Minus the log-probability of each label: what cross_entropy is after log_softmax."""
    if not _check("nll_loss", input, target, weight, reduction, ignore_index):
        raise DTypeError(message("nll_loss", "target", "probabilities", "int64 labels", "cross_entropy and kl_div take probabilities."))
    flat = target if len(target.shape) == 1 else from_array(target.array.reshape(-1))
    return _unrowed(nll_op(_class_rows("nll_loss", input), flat, weight, reduction=reduction, ignore_index=ignore_index), target.shape, reduction)
