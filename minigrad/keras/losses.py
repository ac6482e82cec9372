"""Losses under Keras's names: `loss(y_true, y_pred)`, the truth first.

A function gives a number per sample; a class adds the weights of samples and the reduction to one number. (N,) against
(N, 1) is one column, as in Keras; any other two shapes that differ are an error. All is computed by kernels, so `mg.jit`
captures it, of tensors of the right types: `Loss.prepare` converts targets once, before training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import minigrad as mg
from minigrad._tensor import Tensor
from minigrad.errors import LabelError, ShapeError, message
from minigrad.keras._get import Configured, lookup, made, snake
from minigrad.nn import functional as F  # noqa: N812 - the field's name for it
from minigrad.nn.ops.crossentropy import soft_cross_entropy_op
from minigrad.nn.ops.losses import bce_logits_op, bce_op, huber_op, l1_op, mse_op

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar

#: Probabilities are kept from 0 and 1 by so much before their logarithms are taken.
EPSILON = 1e-7
MEANS = ("sum_over_batch_size", "mean")


def numbers(x: Any) -> Any:
    """The array of a tensor, or of what NumPy takes for one."""
    return x.array if isinstance(x, Tensor) else np.asarray(x)


def floats(x: Any, dtype: Any = None) -> Any:
    """A tensor of floats: of `dtype`, or of x's own type, or float32 where that is no float."""
    x = x if isinstance(x, Tensor) else mg.as_tensor(np.asarray(x))
    wanted = dtype or (x.dtype if x.dtype.kind == "f" else mg.float32)
    return x if x.dtype is wanted else x.to(wanted)


def same_rank(a: Any, b: Any) -> tuple[Any, Any]:
    """Two arrays of which one has a last axis of length 1 more: a vector gets it too, from more axes it is taken."""
    if len(a.shape) < len(b.shape):
        return same_rank(b, a)[::-1]
    if len(a.shape) == len(b.shape) + 1 and a.shape[-1] == 1:
        return (a, b.reshape(*b.shape, 1)) if len(b.shape) == 1 else (a.reshape(*a.shape[:-1]), b)
    return a, b


def leading(op: str, weight: Any, values: Any) -> Any:
    """Weights with as many axes as the values: one number per sample weighs all that the sample has."""
    weight = same_rank(weight, values)[0] if len(weight.shape) > len(values.shape) else weight
    if len(weight.shape) > len(values.shape) or any(a not in (1, b) for a, b in zip(weight.shape, values.shape)):
        raise ShapeError(message(op, "sample_weight", f"shape {weight.shape}", f"a number per value, {values.shape}"))
    return weight.reshape(*weight.shape, *[1] * (len(values.shape) - len(weight.shape)))


def check_pair(op: str, t: Any, p: Any, labels: bool = False) -> None:
    """A ShapeError where truth and prediction do not fit: class numbers for rows of scores, else two of one shape."""
    if t.shape == (expected := p.shape[:-1] if labels else p.shape):
        return
    columns = t.shape[-1] if t.shape else 1
    remedy = f"The last layer's units must equal the targets' columns, here {columns}; class numbers are 'sparse_'."
    remedy = "One-hot rows go to the categorical function of the same name." if labels else remedy
    wanted = f"shape {expected} for predictions of {p.shape}"
    raise ShapeError(message(op, "y_true", f"shape {t.shape}", wanted, remedy))


def compared(op: str, y_true: Any, y_pred: Any, labels: bool) -> tuple[Any, Any]:
    """Truth and prediction as tensors that fit."""
    p = floats(y_pred)
    if labels:
        t = y_true if isinstance(y_true, Tensor) and y_true.dtype is mg.int64 else mg.as_tensor(_class_numbers(op, y_true))
        t = t.reshape(*t.shape[:-1]) if t.shape == (*p.shape[:-1], 1) else t
    else:
        t, p = same_rank(floats(y_true, p.dtype), p)
    check_pair(op, t, p, labels)
    return t, p


def _class_numbers(op: str, y: Any) -> Any:
    """int64; LabelError for numbers that are not whole."""
    array = numbers(y)
    if len(bad := array[array != np.floor(array)]):
        raise LabelError(message(op, "y_true", bad[0], "class numbers 0, 1, 2, ..."))
    return array.astype(np.int64)


class Loss(Configured):
    """What is minimised: `call(y_true, y_pred)` per sample, which a subclass gives, made into one number of a batch.
    reduction: "sum_over_batch_size" or "mean" divides the weighted sum by the number of samples, "sum" does not, and
    "none" or None gives the losses per sample."""

    labels = False  # whether y_true are class numbers
    _options: ClassVar[dict[str, Any]] = {"name": None, "reduction": MEANS[0]}

    def _settle(self) -> None:
        if self.reduction not in (known := (*MEANS, "sum", "none", None)):
            raise ValueError(message(type(self).__name__, "reduction", repr(self.reduction), f"one of {known}"))
        self.name = self._given["name"] or snake(type(self).__name__)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The losses per sample."""
        raise NotImplementedError(f"{type(self).__name__} has no method call(self, y_true, y_pred).")

    def prepare(self, y: Any, dtype: Any = mg.float32) -> Any:
        """Targets as the array that a captured step takes: class numbers as a vector, anything else in the predictions'
        dtype. LabelError for NaN and infinities."""
        if self.labels:
            array = _class_numbers(self.name, y)
            return array[:, 0] if len(array.shape) == 2 and array.shape[1] == 1 else array
        array = np.asarray(numbers(y), dtype)
        if len(bad := np.argwhere(~np.isfinite(array))):
            got, remedy = f"{array[tuple(bad[0])]} at index {bad[0].tolist()}", "Clean the targets, e.g. with np.isfinite."
            raise LabelError(message(self.name, "y_true", got, f"{array.size} finite numbers", remedy))
        return array

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of a batch."""
        p = floats(y_pred)
        t = y_true if self.labels else same_rank(floats(y_true, p.dtype), p)[0]
        if sample_weight is None and self.reduction in MEANS:
            found = self._each(t, p, "mean")
            return found.mean() if found.shape else found
        losses = self.call(t, p)
        if sample_weight is not None:
            losses = losses * leading(self.name, floats(sample_weight, losses.dtype), losses)
        if self.reduction in ("none", None):
            return losses
        return losses.sum() if self.reduction == "sum" else losses.sum() / self._count(t, p, losses)

    def _each(self, t: Any, p: Any, how: str) -> Any:
        return self.call(t, p)

    def _count(self, t: Any, p: Any, losses: Any) -> Any:
        """What a weighted mean divides by."""
        return max(losses.size, 1)


class _Formula(Loss):
    """terms(t, p, how, **own options) are numbers per element or per sample; where `how` is "mean", a kernel that can
    average them may have done so."""

    _terms: ClassVar[Callable[..., Any]]
    own: ClassVar[dict[str, Any]]

    def _each(self, t: Any, p: Any, how: str) -> Any:
        t, p = compared(self.fn.__name__, t, p, self.labels)
        found = self._terms(t, p, how, **{option: self._given[option] for option in self.own})
        return found.mean(-1) if how == "none" and found.shape and len(found.shape) == len(p.shape) else found

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self._each(y_true, y_pred, "none")

    def _count(self, t: Any, p: Any, losses: Any) -> Any:
        if (ignored := self._given.get("ignore_class")) is None:
            return super()._count(t, p, losses)
        # The loss of logarithms that are all -1 is 1 where a class counts, and 0 where it is ignored.
        y, p = compared(self.name, t, p, True)
        return F.nll_loss(_rows(p.detach()).clip(-1.0, -1.0), _flat(y), ignore_index=ignored, reduction="sum")


KINDS: list[Any] = []


def _loss(
    kind: str, short: str, doc: str, terms: Callable[..., Any], labels: bool = False, **own: Any
) -> tuple[Any, Any]:  # fmt: skip
    """The function of a formula, which gives losses per sample, and its class."""

    def function(y_true: Any, y_pred: Any, *args: Any, **given: Any) -> Any:
        return found(*args, **given, reduction=None)(y_true, y_pred)

    name = function.__name__ = snake(kind)
    function.__doc__, names = doc, {name, short or name, (short or kind).upper()}
    members = {"fn": staticmethod(function), "_terms": staticmethod(terms), "own": own, "labels": labels, "names": names}
    found = made(_Formula, kind, doc, **members, _options={**own, "reduction": MEANS[0], "name": None})
    KINDS.append(found)
    return function, found


def _rows(x: Any) -> Any:
    """A matrix, the classes being its columns."""
    return x if len(x.shape) == 2 else x.reshape(x.size // x.shape[-1], x.shape[-1])


def _flat(y: Any) -> Any:
    return y if len(y.shape) == 1 else y.reshape(y.size)


def _log(p: Any) -> Any:
    """The logarithms of probabilities, which are first made to add up to 1."""
    return (p / p.sum(-1, keepdim=True)).clip(EPSILON, 1 - EPSILON).log()


def _binary(t: Any, p: Any, how: str, from_logits: bool, label_smoothing: float) -> Any:
    t = t * (1 - label_smoothing) + label_smoothing / 2 if label_smoothing else t
    return bce_logits_op(p, t, reduction=how) if from_logits else bce_op(p.clip(EPSILON, 1 - EPSILON), t, reduction=how)


def _categorical(t: Any, p: Any, how: str, from_logits: bool, label_smoothing: float) -> Any:
    if from_logits:
        each = soft_cross_entropy_op(_rows(p), _rows(t), None, reduction=how, label_smoothing=float(label_smoothing))
        return each if how == "mean" else each.reshape(p.shape[:-1])
    t = t * (1 - label_smoothing) + label_smoothing / p.shape[-1] if label_smoothing else t
    return -(t * _log(p)).sum(-1)


def _sparse(y: Any, p: Any, how: str, from_logits: bool, ignore_class: int | None) -> Any:
    none = -(2**63) if ignore_class is None else ignore_class  # no label has this number
    of, rows = (F.cross_entropy, _rows(p)) if from_logits else (F.nll_loss, _log(_rows(p)))
    each = of(rows, _flat(y), ignore_index=none, reduction=how)
    return each if how == "mean" or len(y.shape) == 1 else each.reshape(y.shape)


# fmt: off
mean_squared_error, MeanSquaredError = _loss(
    "MeanSquaredError", "mse", "(y_true - y_pred)^2.", lambda t, p, how: mse_op(p, t, reduction=how))
mean_absolute_error, MeanAbsoluteError = _loss(
    "MeanAbsoluteError", "mae", "|y_true - y_pred|.", lambda t, p, how: l1_op(p, t, reduction=how))
mean_absolute_percentage_error, MeanAbsolutePercentageError = _loss(
    "MeanAbsolutePercentageError", "mape", "100 |y_true - y_pred| / max(|y_true|, 1e-7).",
    lambda t, p, how: F.mape_loss(p, t, EPSILON, how))
mean_squared_logarithmic_error, MeanSquaredLogarithmicError = _loss(
    "MeanSquaredLogarithmicError", "msle", "(log(1 + y_true) - log(1 + y_pred))^2, both cut off at 1e-7 from below.",
    lambda t, p, how: F.msle_loss(p, t, EPSILON, how))
huber, Huber = _loss(
    "Huber", "", "e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2) (Huber 1964).",
    lambda t, p, how, delta: huber_op(p, t, reduction=how, delta=float(delta)), delta=1.0)
log_cosh, LogCosh = _loss(
    "LogCosh", "logcosh", "log(cosh(e)): e^2 / 2 of small errors, |e| - log 2 of large ones.",
    lambda t, p, how: F.log_cosh_loss(p, t, how))
poisson, Poisson = _loss(
    "Poisson", "", "y_pred - y_true log(y_pred + 1e-7).", lambda t, p, how: p - t * (p + EPSILON).log())
hinge, Hinge = _loss(
    "Hinge", "", "max(0, 1 - y_true y_pred) of labels -1 and 1, which 0 and 1 are made into.",
    lambda t, p, how: F.hinge_loss(p, t, how))
kl_divergence, KLDivergence = _loss(
    "KLDivergence", "kld", "The sum of t log(t / p), both in [1e-7, 1] (Kullback and Leibler 1951).",
    lambda t, p, how: F.kl_divergence(p, t, EPSILON, how))
binary_crossentropy, BinaryCrossentropy = _loss(
    "BinaryCrossentropy", "bce", "-(t log p + (1 - t) log(1 - p)). label_smoothing s: t becomes (1 - s) t + s / 2.",
    _binary, from_logits=False, label_smoothing=0.0)
categorical_crossentropy, CategoricalCrossentropy = _loss(
    "CategoricalCrossentropy", "", "-sum t log p of one-hot rows t. label_smoothing s: t becomes (1 - s) t + s / classes.",
    _categorical, from_logits=False, label_smoothing=0.0)
sparse_categorical_crossentropy, SparseCategoricalCrossentropy = _loss(
    "SparseCategoricalCrossentropy", "", "-log p of the class that y_true names; ignore_class counts for nothing.",
    _sparse, labels=True, from_logits=False, ignore_class=None)
# fmt: on
Huber._options["name"] = "huber_loss"  # as Keras names what the class makes
_TABLE = {name: kind.fn for kind in KINDS for name in kind.names} | {kind.__name__: kind for kind in KINDS}


def get(identifier: Any) -> Any:
    """A loss by its name ("mse": the function, "MeanSquaredError": an instance), by its class, or itself."""
    return None if identifier is None else lookup("losses", identifier, _TABLE)


def as_loss(identifier: Any) -> Any:
    """The same, always as a Loss."""
    found = get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    own = made(Loss, "LossFunction", "Losses per sample by a function.", call=staticmethod(found))
    return next((kind for kind in KINDS if kind.fn is found), own)(name=getattr(found, "__name__", None))
