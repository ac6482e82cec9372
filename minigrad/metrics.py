"""What a model gets right, as numbers: accuracy, precision, recall, the area under the curve, r2.

    right = 0.0
    for x, y in loader:
        right += metrics.accuracy(net(x), y, reduction="sum")
    print(right / len(dataset))

As with losses the prediction `input` comes first and the truth `target` second; both are tensors or arrays. The numbers
are taken out of tensors, nothing is recorded, and all is summed in float64. (`minigrad.keras.metrics` has Keras's names
and order, and adds up over batches by itself.)

What is said of a whole data set is not the mean of what is said of its batches. Accuracies add up by reduction="sum".
The others are formulas of sums that do: `precision_of`, `recall_of`, `auc_of` and `r2_of` take what `threshold_counts`,
`auc_counts` and `r2_sums` give for each batch, added up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array
from minigrad.errors import LabelError, ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy.typing as npt

    Float64Array = npt.NDArray[np.float64]

__all__ = [
    "accuracy", "auc", "auc_counts", "auc_of", "binary_accuracy", "precision", "precision_of", "r2_of", "r2_score", "r2_sums",
    "recall", "recall_of", "threshold_counts", "top_k_accuracy",
]  # fmt: skip


# -- the share of right answers -------------------------------------------------------------------------------------------


def binary_accuracy(input: Any, target: Any, threshold: float = 0.5, reduction: str = "mean") -> Any:
    """The share of answers on the right side of the threshold: 1 is meant by what is above it, 0 by all else.

    input: probabilities, or with threshold 0 logits, of any shape; target: 0 and 1 in the same shape. reduction: "mean",
    "sum", or "none" for an array of 0 and 1.
    """
    p, t = _pair("binary_accuracy", input, target)
    return _reduced("binary_accuracy", t == (p > threshold), reduction)


def accuracy(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The share of samples whose largest score, the first of equal ones, is that of the right class.

    input: scores (..., C), which may be probabilities or logits; target: class numbers (...), or one-hot rows (..., C).
    Of two classes in a single column there is binary_accuracy. reduction as there.
    """
    scores, classes = _scores("accuracy", input, target)
    return _reduced("accuracy", scores.argmax(-1) == classes, reduction)


def top_k_accuracy(input: Any, target: Any, k: int = 5, reduction: str = "mean") -> Any:
    """The share of samples whose right class has one of the k largest scores: fewer than k are above its own.

    input, target and reduction as for accuracy; the target's classes must be below C. With k = 1 it differs from
    accuracy where scores are equal: this one counts them as right.
    """
    scores, classes = _scores("top_k_accuracy", input, target)
    bad = (classes < 0) | (classes >= scores.shape[-1])
    if bad.any():
        expected = f"classes 0 to {scores.shape[-1] - 1}"
        raise LabelError(message("top_k_accuracy", "target", f"the class {classes[bad][0]}", expected))
    own = np.take_along_axis(scores, classes.astype(np.int64)[..., None], -1)
    return _reduced("top_k_accuracy", (scores > own).sum(-1) < k, reduction)


# -- right and wrong alarms -----------------------------------------------------------------------------------------------


def threshold_counts(input: Any, target: Any, thresholds: Sequence[float], weight: Any = None) -> Float64Array:
    """How many positives, and how many negatives, have a score above each threshold: float64 (2, thresholds).

    target: 0 for a negative, anything else for a positive, in the input's shape. Row 0 are the hits, row 1 the false
    alarms; the threshold -inf counts all there are. weight: a number per sample, or per score, to count by. Counts of
    batches add up.
    """
    p, t = _pair("threshold_counts", input, target)
    weights = _weights("threshold_counts", weight, p)
    sides = np.stack([weights * (t != 0), weights * (t == 0)]).reshape(2, -1)
    above: Float64Array = sides @ (p.reshape(-1, 1) > np.asarray(thresholds, np.float64))
    return above


def precision(input: Any, target: Any, threshold: float = 0.5, weight: Any = None) -> float:
    """The share of positives in what is above the threshold: how far an alarm is to be believed. 0 without alarms."""
    return precision_of(threshold_counts(input, target, [threshold], weight))


def precision_of(counts: Float64Array) -> float:
    """precision at the last threshold of some threshold_counts."""
    return float(_ratio(counts[0, -1], counts[:, -1].sum()))


def recall(input: Any, target: Any, threshold: float = 0.5, weight: Any = None) -> float:
    """The share of the positives that is above the threshold: how many are not missed. 0 without positives."""
    return recall_of(threshold_counts(input, target, [-np.inf, threshold], weight))


def recall_of(counts: Float64Array) -> float:
    """recall at the last threshold of some threshold_counts, the first threshold being -inf."""
    return float(_ratio(counts[0, -1], counts[0, 0]))


def auc(input: Any, target: Any, num_thresholds: int = 200, weight: Any = None) -> float:
    """The area under the ROC curve, recall over the rate of false alarms: the probability that a positive has a higher
    score than a negative (Hanley and McNeil 1982). 0.5 is guessing, 1 perfect; 0 where one of the two is missing.

    input: probabilities; target: 0 and 1. By trapezes between num_thresholds points, at thresholds evenly in [0, 1].
    """
    return auc_of(auc_counts(input, target, num_thresholds, weight))


def auc_counts(input: Any, target: Any, num_thresholds: int = 200, weight: Any = None) -> Float64Array:
    """threshold_counts at -inf, inf and num_thresholds - 2 thresholds evenly between 0 and 1. ValueError for scores that
    are no probabilities."""
    if num_thresholds < 2:
        raise ValueError(message("auc", "num_thresholds", num_thresholds, "at least 2"))
    p = _numbers(input)
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        remedy = "Apply the sigmoid to logits."
        raise ValueError(message("auc", "input", f"numbers from {p.min()} to {p.max()}", "probabilities in [0, 1]", remedy))
    return threshold_counts(p, target, [-np.inf, *np.linspace(0, 1, num_thresholds)[1:-1], np.inf], weight)


def auc_of(counts: Float64Array) -> float:
    """auc of some threshold_counts, from the threshold that all are above to the one that none is."""
    hits, alarms = counts
    return float(_ratio(((alarms[:-1] - alarms[1:]) * (hits[:-1] + hits[1:])).sum() / 2, hits[0] * alarms[0]))


# -- the share of what is explained ---------------------------------------------------------------------------------------


def r2_score(input: Any, target: Any, weight: Any = None) -> float:
    """1 - (squared errors) / (squared deviations of the target from its mean), the coefficient of determination: 1 is
    perfect, 0 no better than the mean, below 0 worse. The mean over the columns; 0 of a column that is constant.

    input, target: (N,) or (N, ...) numbers of one shape; weight: a number per sample.
    """
    return r2_of(r2_sums(input, target, weight))


def r2_sums(input: Any, target: Any, weight: Any = None) -> Float64Array:
    """The sums over samples of w, w t, w t^2 and w (t - p)^2, of each column: float64 (4, columns). Those of batches add
    up."""
    p, t = (x.astype(np.float64).reshape(len(x), -1) for x in _pair("r2_score", input, target))
    weights = _weights("r2_score", weight, t)
    sums: Float64Array = np.stack([weights, weights * t, weights * t * t, weights * (t - p) ** 2]).sum(1)
    return sums


def r2_of(sums: Float64Array) -> float:
    """r2_score of some r2_sums."""
    count, total, squares, errors = sums
    spread = squares - total * _ratio(total, count)
    return float(_ratio(spread - errors, spread).mean())


# -- arguments ------------------------------------------------------------------------------------------------------------


def _numbers(x: Any) -> Any:
    return x.array if isinstance(x, Array) else np.asarray(x)


def _pair(op: str, input: Any, target: Any) -> tuple[Any, Any]:
    """Two arrays of one shape, for (N, 1) against (N,) would be compared each with all."""
    p, t = _numbers(input), _numbers(target)
    if p.shape != t.shape:
        remedy = f"Write target.reshape{p.shape}." if p.size == t.size else ""
        raise ShapeError(message(op, "target", f"shape {t.shape}", f"the input's shape {p.shape}", remedy))
    return p, t


def _scores(op: str, input: Any, target: Any) -> tuple[Any, Any]:
    """Scores (..., C) and class numbers (...)."""
    scores, t = _numbers(input), _numbers(target)
    if scores.shape and t.shape == scores.shape:
        return scores, t.argmax(-1)
    if not scores.shape or t.shape != scores.shape[:-1]:
        expected = f"class numbers {scores.shape[:-1]} or one-hot rows {scores.shape}, for scores {scores.shape}"
        raise ShapeError(message(op, "target", f"shape {t.shape}", expected))
    return scores, t


def _weights(op: str, weight: Any, values: Any) -> Any:
    """A weight for each value, 1 without any."""
    found = np.asarray(1.0 if weight is None else _numbers(weight), np.float64)
    found = found.reshape(*found.shape, *[1] * (values.ndim - found.ndim))
    if found.ndim > values.ndim or any(n not in (1, m) for n, m in zip(found.shape, values.shape)):
        expected = f"a number per sample ({values.shape[0]},), or per value {values.shape}"
        raise ShapeError(message(op, "weight", f"shape {_numbers(weight).shape}", expected))
    return np.broadcast_to(found, values.shape)


def _reduced(op: str, right: Any, reduction: str) -> Any:
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(message(op, "reduction", repr(reduction), "'none', 'mean' or 'sum'"))
    found = right.astype(np.float64)
    return found if reduction == "none" else float(found.mean() if reduction == "mean" else found.sum())


def _ratio(a: Any, b: Any) -> Any:
    """a / b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.shape(b)), where=np.asarray(b) != 0)
