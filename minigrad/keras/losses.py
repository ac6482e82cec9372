"""Losses under Keras's names: `loss(y_true, y_pred)`, the truth first.

A function gives a number per sample; a class adds the weights of samples and the reduction to one number. (N,) against
(N, 1) is one column, as in Keras; any other two shapes that differ are an error. Probabilities are kept from 0 and 1 by
1e-7 before their logarithms are taken; `from_logits=True` needs no such thing and is more exact.

Everything is computed by kernels, so `mg.jit` captures a step with these losses, if what it is given are tensors of the
right types: `Loss.prepare` converts targets once, before training, and looks for NaN in them.
"""

from __future__ import annotations

from math import log, prod
from typing import TYPE_CHECKING

import numpy as np

import minigrad as mg
from minigrad._tensor import Tensor
from minigrad.errors import LabelError, ShapeError, message
from minigrad.keras._get import lookup, made, options_of, snake
from minigrad.nn import functional as F  # noqa: N812 - the field's name for it
from minigrad.nn.ops.crossentropy import soft_cross_entropy_op
from minigrad.nn.ops.losses import bce_logits_op, bce_op, huber_op, l1_op, mse_op

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    def __getattr__(name: str) -> Any: ...


EPSILON = 1e-7
REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)
#: No label has this number.
_NO_CLASS = -(2**63)

# -- what is compared --------------------------------------------------------------------------------------------------


def floats(x: Any, dtype: Any = None) -> Any:
    """A tensor of floats: of `dtype`, or of x's own type, or float32 where that is no float."""
    x = x if isinstance(x, Tensor) else mg.as_tensor(np.asarray(x))
    wanted = dtype or (x.dtype if x.dtype.kind == "f" else mg.float32)
    return x if x.dtype is wanted else x.to(wanted)


def labels(op: str, y: Any) -> Any:
    """Class numbers as int64; LabelError for numbers that are not whole."""
    if isinstance(y, Tensor) and y.dtype is mg.int64:
        return y
    array = np.asarray(y)
    if len(bad := array[array != np.floor(array)]):
        raise LabelError(message(op, "y_true", bad[0], "class numbers 0, 1, 2, ..."))
    return mg.as_tensor(array.astype(np.int64))


def same_rank(a: Any, b: Any) -> tuple[Any, Any]:
    """Two arrays of which one has a last axis of length 1 more: a vector gets it too, from more axes it is taken."""
    if len(a.shape) < len(b.shape):
        return same_rank(b, a)[::-1]
    if len(a.shape) == len(b.shape) + 1 and a.shape[-1] == 1:
        return (a, b.reshape(*b.shape, 1)) if len(b.shape) == 1 else (a.reshape(*a.shape[:-1]), b)
    return a, b


def _pair(op: str, y_true: Any, y_pred: Any, axis: int) -> tuple[Any, Any]:
    """Truth and prediction as tensors of one type and shape."""
    p = floats(y_pred)
    t, p = same_rank(floats(y_true, p.dtype), p)
    if t.shape != p.shape:
        remedy = f"The last layer's units must equal the targets' columns, here {t.shape[-1] if t.shape else 1}."
        if op == "categorical_crossentropy":
            remedy = "Class numbers go to sparse_categorical_crossentropy, one-hot rows here."
        raise ShapeError(message(op, "y_true", f"shape {t.shape}", f"y_pred's shape {p.shape}", remedy))
    return t, p


def _labelled(op: str, y_true: Any, y_pred: Any, axis: int) -> tuple[Any, Any]:
    """Class numbers, without a last axis of length 1, and the predictions that they belong to."""
    p, y = floats(y_pred), labels(op, y_true)
    y = y.reshape(*y.shape[:-1]) if len(y.shape) == len(p.shape) and y.shape[-1:] == (1,) else y
    if y.shape != (expected := _without(p.shape, axis)):
        remedy = "One-hot rows go to categorical_crossentropy." if y.shape == p.shape else ""
        wanted = f"shape {expected} for predictions {p.shape}"
        raise ShapeError(message(op, "y_true", f"shape {y.shape}", wanted, remedy))
    return y, p


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[: axis % len(shape)] + shape[axis % len(shape) + 1 :] if shape else ()


# -- the formulas ------------------------------------------------------------------------------------------------------


class LossFunction:
    """One loss: `function(y_true, y_pred, **options)` gives a number per sample.

    terms(t, p, how, **options) are tensors; a kernel that has a reduction may do the one that `how` names. They are per
    element, and averaged over the last axis, or per sample as they come.
    """

    def __init__(
        self, name: str, doc: str, terms: Callable[..., Any], averaged: bool = True,
        pair: Callable[..., tuple[Any, Any]] = _pair, **options: Any,
    ) -> None:  # fmt: skip
        self.__name__, self.__doc__, self.terms, self.averaged = name, doc, terms, averaged
        self.pair, self.options, self.labels = pair, options, pair is _labelled

    def _terms(self, y_true: Any, y_pred: Any, how: str, options: dict[str, Any]) -> tuple[Any, int]:
        options = {**self.options, **options}
        axis = options.get("axis", -1)
        t, p = self.pair(self.__name__, y_true, y_pred, axis)
        if self.averaged:
            options.pop("axis", None)
        return self.terms(t, p, how, **options), axis

    def __call__(self, y_true: Any, y_pred: Any, *args: Any, **options: Any) -> Any:
        """The losses per sample."""
        found, axis = self._terms(y_true, y_pred, "none", options_of(self.__name__, self.options, args, options))
        return found.mean(axis) if self.averaged and found.shape else found

    def mean(self, y_true: Any, y_pred: Any, **options: Any) -> Any:
        """Their mean, from as few kernels as possible."""
        found, _ = self._terms(y_true, y_pred, "mean", options)
        return found.mean() if found.shape else found


def _signs(t: Any) -> Any:
    """Labels that are all 0 or 1 as -1 and 1; others stay. |t - 1/2| = 1/2 holds of 0 and 1 alone."""
    binary = mg.where((t - 0.5).abs() == 0.5, 1.0, t * 0).amin()
    return t + binary * (t - 1)


def cosine(t: Any, p: Any, axis: int = -1) -> Any:
    """The cosine of the angle between two tensors along an axis; 0 where one of them is 0."""
    a, b = (x.square().sum(axis).clip(min=1e-12).sqrt() for x in (t, p))
    return (t * p).sum(axis) / (a * b)


def _inside(p: Any) -> Any:
    return p.clip(EPSILON, 1 - EPSILON)


def _smoothed(t: Any, label_smoothing: float, classes: int) -> Any:
    return t * (1 - label_smoothing) + label_smoothing / classes if label_smoothing else t


def _binary(t: Any, p: Any, how: str, from_logits: bool, label_smoothing: float) -> Any:
    t = _smoothed(t, label_smoothing, 2)
    return bce_logits_op(p, t, reduction=how) if from_logits else bce_op(_inside(p), t, reduction=how)


def _focal(
    t: Any, p: Any, how: str, apply_class_balancing: bool, alpha: float, gamma: float, from_logits: bool,
    label_smoothing: float,
) -> Any:  # fmt: skip
    t, p = _smoothed(t, label_smoothing, 2), p.sigmoid() if from_logits else p
    found = bce_op(_inside(p), t, reduction="none") * (1 - (t * p + (1 - t) * (1 - p))).pow(gamma)
    return found * (t * alpha + (1 - t) * (1 - alpha)) if apply_class_balancing else found


def _rows(x: Any, axis: int) -> Any:
    """Classes last, as rows of a matrix."""
    x = x if axis in (-1, len(x.shape) - 1) else x.movedim(axis, -1)
    return x if len(x.shape) == 2 else x.reshape(prod(x.shape[:-1]), x.shape[-1])


def _log(rows: Any) -> Any:
    """The logarithms of rows of probabilities, which are first made to add up to 1."""
    return _inside(rows / rows.sum(-1, keepdim=True)).log()


def _categorical(t: Any, p: Any, how: str, from_logits: bool, label_smoothing: float, axis: int) -> Any:
    goals, rows = _rows(t, axis), _rows(p, axis)
    if from_logits:
        each = soft_cross_entropy_op(rows, goals, None, reduction=how, label_smoothing=float(label_smoothing))
    else:
        each = -(_smoothed(goals, label_smoothing, rows.shape[1]) * _log(rows)).sum(-1)
    return each if how == "mean" else each.reshape(_without(p.shape, axis))


def _flat(y: Any) -> Any:
    return y if len(y.shape) == 1 else y.reshape(y.size)


def _sparse(y: Any, p: Any, how: str, from_logits: bool, ignore_class: int | None, axis: int) -> Any:
    none, rows = _NO_CLASS if ignore_class is None else ignore_class, _rows(p, axis)
    if from_logits:
        each = F.cross_entropy(rows, _flat(y), ignore_index=none, reduction=how)
    else:
        each = F.nll_loss(_log(rows), _flat(y), ignore_index=none, reduction=how)
    return each if how == "mean" or each.shape == y.shape else each.reshape(y.shape)


_LOGITS: dict[str, Any] = {"from_logits": False, "label_smoothing": 0.0, "axis": -1}
#: class and short names: the function.
_DEFINED = {
    "MeanSquaredError mse": LossFunction(
        "mean_squared_error", "(y_true - y_pred)^2.", lambda t, p, how: mse_op(p, t, reduction=how)
    ),
    "MeanAbsoluteError mae": LossFunction(
        "mean_absolute_error", "|y_true - y_pred|.", lambda t, p, how: l1_op(p, t, reduction=how)
    ),
    "MeanAbsolutePercentageError mape": LossFunction(
        "mean_absolute_percentage_error", "100 |y_true - y_pred| / max(|y_true|, 1e-7).",
        lambda t, p, how: 100 * ((t - p).abs() / t.abs().clip(min=EPSILON)),
    ),
    "MeanSquaredLogarithmicError msle": LossFunction(
        "mean_squared_logarithmic_error", "(log(1 + y_true) - log(1 + y_pred))^2, both cut off at 1e-7 from below.",
        lambda t, p, how: ((t.clip(min=EPSILON) + 1).log() - (p.clip(min=EPSILON) + 1).log()).square(),
    ),
    "Huber": LossFunction(
        "huber", "e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2) (Huber 1964).",
        lambda t, p, how, delta: huber_op(p, t, reduction=how, delta=float(delta)), delta=1.0,
    ),
    "LogCosh logcosh": LossFunction(
        "log_cosh", "log(cosh(e)): e^2 / 2 of small errors, |e| - log 2 of large ones.",
        lambda t, p, how: (p - t) + F.softplus(-2 * (p - t), threshold=40.0) - log(2),
    ),
    "Poisson": LossFunction(
        "poisson", "y_pred - y_true log(y_pred + 1e-7): of rates and counts.",
        lambda t, p, how: p - t * (p + EPSILON).log(),
    ),
    "CosineSimilarity": LossFunction(
        "cosine_similarity", "Minus the cosine of the angle between the two, along an axis: -1 where they agree.",
        lambda t, p, how, axis: -cosine(t, p, axis), False, axis=-1,
    ),
    "Hinge": LossFunction(
        "hinge", "max(0, 1 - y_true y_pred) of labels -1 and 1; 0 and 1 are made into these.",
        lambda t, p, how: (1 - _signs(t) * p).clip(min=0.0),
    ),
    "SquaredHinge": LossFunction(
        "squared_hinge", "max(0, 1 - y_true y_pred)^2 of labels -1 and 1; 0 and 1 are made into these.",
        lambda t, p, how: (1 - _signs(t) * p).clip(min=0.0).square(),
    ),
    "CategoricalHinge": LossFunction(
        "categorical_hinge", "max(0, 1 + the largest score of another class - that of the true one), of one-hot rows.",
        lambda t, p, how: (((1 - t) * p).amax(-1) - (t * p).sum(-1) + 1).clip(min=0.0), False,
    ),
    "KLDivergence kld": LossFunction(
        "kl_divergence", "The sum of t log(t / p), both kept within [1e-7, 1] (Kullback and Leibler 1951).",
        lambda t, p, how: (t.clip(EPSILON, 1.0) * (t.clip(EPSILON, 1.0) / p.clip(EPSILON, 1.0)).log()).sum(-1), False,
    ),
    "BinaryCrossentropy bce": LossFunction(
        "binary_crossentropy", "-(t log p + (1 - t) log(1 - p)). label_smoothing s: t becomes (1 - s) t + s / 2.",
        _binary, **_LOGITS,
    ),
    "BinaryFocalCrossentropy": LossFunction(
        "binary_focal_crossentropy", "The cross-entropy times (1 - q)^gamma, q being the probability given the truth; "
        "apply_class_balancing: times alpha for ones, 1 - alpha for zeros (Lin et al. 2017).",
        _focal, apply_class_balancing=False, alpha=0.25, gamma=2.0, **_LOGITS,
    ),
    "CategoricalCrossentropy": LossFunction(
        "categorical_crossentropy", "-sum t log p of one-hot rows or probabilities t. label_smoothing s: t becomes "
        "(1 - s) t + s / classes.", _categorical, False, **_LOGITS,
    ),
    "SparseCategoricalCrossentropy": LossFunction(
        "sparse_categorical_crossentropy", "-log p of the class that y_true names; 0 where that is ignore_class, which "
        "then counts in no mean either.", _sparse, False, _labelled, from_logits=False, ignore_class=None, axis=-1,
    ),
}  # fmt: skip

# -- with weights of samples, and a reduction --------------------------------------------------------------------------


class Loss:
    """What is minimised: `call(y_true, y_pred)` per sample, which a subclass gives, made into one number of a batch.

    reduction: "sum_over_batch_size" and "mean" divide the weighted sum by the samples, "mean_with_sample_weight" by
    their weights; "sum" does not, and None gives the losses per sample. dtype: the predictions are converted to it.
    """

    labels = False  # whether y_true are class numbers

    def __init__(self, name: str | None = None, reduction: str | None = REDUCTIONS[0], dtype: Any = None) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(message(type(self).__name__, "reduction", repr(reduction), f"one of {REDUCTIONS}"))
        self.name, self.reduction, self.dtype = name or snake(type(self).__name__), reduction, dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The losses per sample."""
        raise NotImplementedError(f"{type(self).__name__} has no method call(self, y_true, y_pred).")

    def prepare(self, y: Any, dtype: Any = mg.float32, rank: int = 2) -> Any:
        """Targets as the array that a captured step takes: class numbers without a last axis of length 1 for
        predictions of `rank` dimensions, anything else in the predictions' dtype. LabelError for NaN and infinities."""
        if not self.labels:
            array = np.asarray(y.array if isinstance(y, Tensor) else y, dtype)
            if len(bad := np.argwhere(~np.isfinite(array))):
                at = tuple(int(i) for i in bad[0])
                got, remedy = f"{array[at]} at index {list(at)}", "Clean the targets, e.g. with np.isfinite."
                raise LabelError(message(self.name, "y_true", got, f"{array.size} finite numbers", remedy))
            return array
        array = labels(self.name, y).array
        return array[..., 0] if len(array.shape) == rank and array.shape[-1] == 1 else array

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of a batch."""
        p = floats(y_pred, self.dtype)
        t = y_true if self.labels else same_rank(floats(y_true, p.dtype), p)[0]
        if sample_weight is None and self.reduction in REDUCTIONS[:3]:
            return self._mean(t, p)
        losses = self.call(t, p)
        weight = None if sample_weight is None else _leading(self.name, floats(sample_weight, losses.dtype), losses)
        weighted = losses if weight is None else losses * weight
        if self.reduction in ("none", None):
            return weighted
        return weighted.sum() if self.reduction == "sum" else weighted.sum() / self._count(t, p, weight, losses)

    def _mean(self, t: Any, p: Any) -> Any:
        return self.call(t, p).mean()

    def _count(self, t: Any, p: Any, weight: Any, losses: Any) -> Any:
        """What the weighted means divide by."""
        return weight.expand(losses.shape).sum() if self.reduction == "mean_with_sample_weight" else max(losses.size, 1)


def _leading(op: str, weight: Any, losses: Any) -> Any:
    """Weights with as many axes as the losses: one number per sample weighs all that the sample has."""
    weight, _ = same_rank(weight, losses) if len(weight.shape) > len(losses.shape) else (weight, losses)
    if len(weight.shape) > len(losses.shape) or any(a not in (1, b) for a, b in zip(weight.shape, losses.shape)):
        raise ShapeError(message(op, "sample_weight", f"shape {weight.shape}", f"a number per loss, {losses.shape}"))
    return weight.reshape(*weight.shape, *[1] * (len(losses.shape) - len(weight.shape))) if weight.shape else weight


class LossFunctionWrapper(Loss):
    """A function (y_true, y_pred, **options) -> losses per sample as a Loss. The options are attributes too."""

    def __init__(
        self, fn: Callable[..., Any], reduction: str | None = REDUCTIONS[0], name: str | None = None, dtype: Any = None,
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(name or getattr(fn, "__name__", snake(type(fn).__name__)), reduction, dtype)
        self.fn, self.options, self.labels = fn, options, getattr(fn, "labels", False)
        vars(self).update(getattr(fn, "options", {}) | options)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """What the function gives."""
        return self.fn(y_true, y_pred, **self.options)

    def _mean(self, t: Any, p: Any) -> Any:
        return self.fn.mean(t, p, **self.options) if isinstance(self.fn, LossFunction) else super()._mean(t, p)

    def _count(self, t: Any, p: Any, weight: Any, losses: Any) -> Any:
        if self.options.get("ignore_class") is None:
            return super()._count(t, p, weight, losses)
        # The loss of logarithms that are all -1 is 1 where a class counts, and 0 where it is ignored.
        y, p = _labelled(self.name, t, p, self.options["axis"])
        rows = _rows(p.detach(), self.options["axis"]).clip(-1.0, -1.0)
        counted = F.nll_loss(rows, _flat(y), ignore_index=self.options["ignore_class"], reduction="none")
        counted = counted if counted.shape == y.shape else counted.reshape(y.shape)
        return (counted * weight if self.reduction == "mean_with_sample_weight" else counted).sum()


def _as_class(name: str, fn: LossFunction) -> Any:
    """The class of a loss function: its options come first; reduction, name and dtype by keyword."""
    called = "huber_loss" if name == "Huber" else fn.__name__

    def __init__(self: Any, *args: Any, **given: Any) -> None:  # noqa: N807
        base = {"reduction": REDUCTIONS[0], "name": called, "dtype": None}
        found = base | fn.options | options_of(name, [*fn.options, *base], args, given)
        LossFunctionWrapper.__init__(self, fn, **found)

    return made(LossFunctionWrapper, name, f"`{fn.__name__}` as a Loss: {fn.__doc__}", __init__=__init__)


_TABLE: dict[str, Any] = {}
for _names, _function in _DEFINED.items():
    _class, *_short = _names.split()
    globals().update({_class: _as_class(_class, _function), _function.__name__: _function})
    _TABLE[_class] = globals()[_class]
    _TABLE |= dict.fromkeys([_function.__name__, *_short, *map(str.upper, _short)], _function)
__all__ = ["Loss", "LossFunctionWrapper", "as_loss", "get", *[n for n in globals() if n in _TABLE]]


def get(identifier: Any) -> Any:
    """A loss by its name ("mse", "mean_squared_error": the function; "MeanSquaredError": the class's instance), by its
    class, or itself."""
    return None if identifier is None else lookup("losses", identifier, _TABLE)


def as_loss(identifier: Any) -> Any:
    """The same, always as a Loss."""
    found = get(identifier)
    return found if found is None or isinstance(found, Loss) else LossFunctionWrapper(found)
