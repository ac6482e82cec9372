"""Metrics under Keras's names, by NumPy from numbers, outside of the step that trains; summed in float64."""

# ruff: noqa: D102 - Metric says what update_state, result and reset_state are

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._mode import no_grad
from minigrad._tensor import Tensor
from minigrad.errors import ShapeError, message
from minigrad.keras._get import lookup, made, options_of, snake
from minigrad.keras.losses import _DEFINED, Loss, LossFunction, cosine, floats, same_rank
from minigrad.nn.functional import sigmoid

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    def __getattr__(name: str) -> Any: ...


def _numbers(x: Any) -> Any:
    return x.array if isinstance(x, Tensor) else np.asarray(x)


def _ratio(a: Any, b: Any) -> Any:
    """a / b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b))), where=np.asarray(b) != 0)


def _spread(weight: Any, shape: tuple[int, ...]) -> Any:
    """Weights of samples as those of all that belongs to them."""
    weight = np.asarray(_numbers(weight), np.float64)
    return np.broadcast_to(weight.reshape(weight.shape + (1,) * (len(shape) - weight.ndim)), shape)


# -- hits and misses ---------------------------------------------------------------------------------------------------


def _same(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    t, p = same_rank(_numbers(y_true), _numbers(y_pred))
    if t.shape != p.shape:
        raise ShapeError(message("metric", "y_true", f"shape {t.shape}", f"y_pred's shape {p.shape}"))
    return t, p


def _classes(y_true: Any, p: Any) -> Any:
    """Class numbers, without a last axis of length 1."""
    y = _numbers(y_true)
    y = y[..., 0] if y.ndim == p.ndim and y.shape[-1] == 1 else y
    if y.shape != p.shape[:-1]:
        remedy = "One-hot rows go to the categorical metric of the same name." if y.shape == p.shape else ""
        expected = f"class numbers of shape {p.shape[:-1]}"
        raise ShapeError(message("metric", "y_true", f"shape {y.shape}", expected, remedy))
    return y.astype(np.int64)


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """How many of the last axis are equal."""
    return np.mean(np.equal(*_same(y_true, y_pred)), -1)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """How many of the last axis are on the right side of the threshold."""
    t, p = _same(y_true, y_pred)
    return np.mean(t == (p > threshold), -1)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Whether the largest score is that of the one-hot row's class."""
    t, p = _same(y_true, y_pred)
    return (t.argmax(-1) == p.argmax(-1)).astype(np.float64)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Whether the largest score is that of the class that y_true names."""
    p = _numbers(y_pred)
    return (_classes(y_true, p) == p.argmax(-1)).astype(np.float64)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Whether fewer than k scores are larger than that of the class that y_true names."""
    p = _numbers(y_pred)
    own = np.take_along_axis(p, _classes(y_true, p)[..., None], -1)
    return ((p > own).sum(-1) < k).astype(np.float64)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """The same, of one-hot rows."""
    return sparse_top_k_categorical_accuracy(_same(y_true, y_pred)[0].argmax(-1), y_pred, k)


# -- means over batches ------------------------------------------------------------------------------------------------


class Metric:
    """What is measured: `update_state(y_true, y_pred, sample_weight=None)` takes a batch in, `result()` is the metric
    of all so far; after `reset_state()`, which the constructor calls, there are none. A subclass writes these three."""

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        self.name, self.dtype = name or snake(type(self).__name__), dtype
        self.reset_state()

    def __call__(self, *args: Any, **given: Any) -> Any:
        """Takes a batch in, and gives the result so far."""
        self.update_state(*args, **given)
        return self.result()

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class Mean(Metric):
    """The weighted mean of all numbers so far; 0 of none."""

    def reset_state(self) -> None:
        self.total = self.count = 0.0

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Takes numbers in: (N,) or more, with weights (N,) or more."""
        values = _numbers(values)
        if sample_weight is None:
            self.total += float(values.sum(dtype=np.float64))
            self.count += values.size
        else:
            weight, _ = same_rank(_numbers(sample_weight), values)
            values = values.mean(tuple(range(weight.ndim, values.ndim))) if values.ndim > weight.ndim else values
            self.total += float((values * weight).sum(dtype=np.float64))
            self.count += float(np.broadcast_to(weight, values.shape).sum(dtype=np.float64))

    def result(self) -> Any:
        return self.total / self.count if self.count else 0.0


class Sum(Mean):
    """The weighted sum of all numbers so far."""

    def result(self) -> Any:
        return self.total


class MeanMetricWrapper(Mean):
    """The mean of a function (y_true, y_pred, **options) -> numbers per sample."""

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **options: Any) -> None:
        super().__init__(name or getattr(fn, "__name__", None), dtype)
        self.fn, self.options = fn, options

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        with no_grad():
            values = self.fn(y_true, y_pred, **self.options)
        super().update_state(values, sample_weight)


class RootMeanSquaredError(Mean):
    """The root of the mean of all (y_true - y_pred)^2."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        t, p = _same(y_true, y_pred)
        super().update_state((t - p) ** 2, sample_weight)

    def result(self) -> Any:
        return super().result() ** 0.5


# -- counts of true and false ------------------------------------------------------------------------------------------


class _Counts(Metric):
    """How many of the positive and of the negative are above each threshold. From these all rates follow."""

    def __init__(
        self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None, name: str | None = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        default = 0.5 if top_k is None else -np.inf
        self.thresholds = np.atleast_1d(np.asarray(default if thresholds is None else thresholds, np.float64))
        self.top_k, self.class_id = top_k, class_id
        super().__init__(name, dtype)

    def reset_state(self) -> None:
        self.true_positives, self.false_positives = np.zeros((2, len(self.thresholds)))
        self.positives = self.negatives = 0.0

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes a batch in: labels 0 and 1, and scores."""
        t, p = _same(y_true, y_pred)
        weight = np.ones(p.shape) if sample_weight is None else _spread(sample_weight, p.shape)
        if self.top_k is not None:
            places = np.argsort(-p, -1, kind="stable")[..., self.top_k :]
            p = p.copy()
            np.put_along_axis(p, places, -np.inf, -1)
        if self.class_id is not None:
            t, p, weight = t[..., self.class_id], p[..., self.class_id], weight[..., self.class_id]
        # A score that exceeds n of the thresholds, in order, counts for each of these n.
        order = np.argsort(self.thresholds, kind="stable")
        exceeded, positive = np.searchsorted(self.thresholds[order], p.ravel(), "left"), t.ravel() != 0
        for total, share in ((self.true_positives, positive), (self.false_positives, ~positive)):
            counts = np.bincount(exceeded, weight.ravel() * share, len(order) + 1)
            total[order] += counts[:0:-1].cumsum()[::-1]
        self.positives += float((weight.ravel() * positive).sum())
        self.negatives += float((weight.ravel() * ~positive).sum())

    def _each(self, values: Any) -> Any:
        return float(values[0]) if len(self.thresholds) == 1 else np.array(values)


def _counting(name: str, doc: str, formula: Callable[[Any], Any]) -> Any:
    return made(_Counts, name, doc, result=lambda self: self._each(formula(self)))


TruePositives = _counting("TruePositives", "How many positives are above the threshold.", lambda c: c.true_positives)
FalsePositives = _counting("FalsePositives", "How many negatives are above the threshold.", lambda c: c.false_positives)
TrueNegatives = _counting("TrueNegatives", "How many negatives are not.", lambda c: c.negatives - c.false_positives)
FalseNegatives = _counting("FalseNegatives", "How many positives are not.", lambda c: c.positives - c.true_positives)
Precision = _counting(
    "Precision", "The share of positives in what is above the threshold.",
    lambda c: _ratio(c.true_positives, c.true_positives + c.false_positives),
)  # fmt: skip
Recall = _counting(
    "Recall", "The share of the positives that is above the threshold.", lambda c: _ratio(c.true_positives, c.positives)
)


class AUC(_Counts):
    """The area under the curve of recall over the rate of false alarms ("ROC"), or of precision over recall ("PR").

    The curve has a point per threshold: 200, evenly from 0 to 1, or those given besides 0 and 1. summation_method:
    "interpolation" (trapezes; of PR as in Davis and Goadrich 2006), "minoring" or "majoring".
    """

    def __init__(
        self, num_thresholds: int = 200, curve: str = "ROC", summation_method: str = "interpolation",
        name: str | None = None, dtype: Any = None, thresholds: Any = None, from_logits: bool = False,
    ) -> None:  # fmt: skip
        for option, value, known in (
            ("curve", curve, ("ROC", "PR")),
            ("summation_method", summation_method, ("interpolation", "minoring", "majoring")),
        ):
            if value not in known:
                raise ValueError(message("AUC", option, repr(value), f"one of {known}"))
        if thresholds is None and num_thresholds < 2:
            raise ValueError(message("AUC", "num_thresholds", num_thresholds, "at least 2"))
        inner = np.arange(1, num_thresholds - 1) / (num_thresholds - 1) if thresholds is None else np.sort(thresholds)
        self.curve, self.summation_method, self.from_logits = curve, summation_method, from_logits
        super().__init__([-1e-7, *inner, 1 + 1e-7], name=name, dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes a batch in: labels 0 and 1, and probabilities."""
        p = sigmoid(floats(y_pred).detach()).array if self.from_logits else _numbers(y_pred)
        if p.size and not (p.min() >= -1e-6 and p.max() <= 1 + 1e-6):
            got, remedy = f"numbers from {p.min()} to {p.max()}", "Of logits, write from_logits=True."
            raise ValueError(message("AUC", "y_pred", got, "probabilities in [0, 1]", remedy))
        super().update_state(y_true, p, sample_weight)

    def result(self) -> Any:
        tp, fp = self.true_positives, self.false_positives
        recall = _ratio(tp, self.positives)
        if self.curve == "PR" and self.summation_method == "interpolation":
            above = tp + fp
            slope = _ratio(tp[:-1] - tp[1:], above[:-1] - above[1:])
            shares = np.where((above[:-1] > 0) & (above[1:] > 0), _ratio(above[:-1], above[1:]), 1)
            areas = slope * (tp[:-1] - tp[1:] + (tp[1:] - slope * above[1:]) * np.log(np.where(shares > 0, shares, 1)))
            return float(_ratio(areas, self.positives).sum())
        x, y = (_ratio(fp, self.negatives), recall) if self.curve == "ROC" else (recall, _ratio(tp, tp + fp))
        pairs = y[:-1], y[1:]
        heights = {"interpolation": sum(pairs) / 2, "minoring": np.minimum(*pairs), "majoring": np.maximum(*pairs)}
        return float(((x[:-1] - x[1:]) * heights[self.summation_method]).sum())


class R2Score(Metric):
    """1 - (sum of squared errors) / (sum of squared deviations from the mean), per column; 0 of a constant column.

    class_aggregation: "uniform_average" of the columns, "variance_weighted_average", or None for all of them.
    num_regressors p: adjusted to 1 - (1 - R^2) (n - 1) / (n - p - 1), n being the numbers in all columns, as in Keras.
    """

    def __init__(
        self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0, name: str = "r2_score",
        dtype: Any = None,
    ) -> None:  # fmt: skip
        known = ("uniform_average", "variance_weighted_average", None)
        if class_aggregation not in known:
            raise ValueError(message("R2Score", "class_aggregation", repr(class_aggregation), f"one of {known}"))
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        super().__init__(name, dtype)

    def reset_state(self) -> None:
        self.samples, self.sums = 0, np.zeros((4, 1))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes a batch (N, columns) in."""
        t, p = (np.asarray(y, np.float64).reshape(len(y), -1) for y in _same(y_true, y_pred))
        weight = np.ones(t.shape) if sample_weight is None else _spread(sample_weight, t.shape)
        self.samples += t.size
        self.sums = self.sums + np.stack([(weight * x).sum(0) for x in (np.ones(t.shape), t, t * t, (t - p) ** 2)])

    def result(self) -> Any:
        if not self.samples:
            return 0.0
        count, total, squares, errors = self.sums
        deviations = squares - total * total / count
        scores = np.where(deviations == 0, 0.0, 1 - _ratio(errors, deviations))
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation:
            scores = (scores * deviations).sum() / deviations.sum()
        if self.num_regressors and self.samples > self.num_regressors + 1:
            scores = 1 - (1 - scores) * (self.samples - 1) / (self.samples - self.num_regressors - 1)
        return scores if self.class_aggregation is None else float(scores)


# -- by name -----------------------------------------------------------------------------------------------------------


def _mean_of(name: str, fn: Any, called: str = "", **options: Any) -> Any:
    """The class of a function's mean."""
    called = called or fn.__name__

    def __init__(self: Any, *args: Any, **given: Any) -> None:  # noqa: N807
        found = options_of(name, [*options, "name", "dtype"], args, given)
        MeanMetricWrapper.__init__(self, fn, **{"name": called, **options, **found})

    return made(MeanMetricWrapper, name, f"The mean of {called}: {fn.__doc__}", __init__=__init__)


Accuracy = _mean_of("Accuracy", accuracy)
BinaryAccuracy = _mean_of("BinaryAccuracy", binary_accuracy, threshold=0.5)
CategoricalAccuracy = _mean_of("CategoricalAccuracy", categorical_accuracy)
SparseCategoricalAccuracy = _mean_of("SparseCategoricalAccuracy", sparse_categorical_accuracy)
TopKCategoricalAccuracy = _mean_of("TopKCategoricalAccuracy", top_k_categorical_accuracy, k=5)
SparseTopKCategoricalAccuracy = _mean_of("SparseTopKCategoricalAccuracy", sparse_top_k_categorical_accuracy, k=5)
_COSINE = LossFunction(
    "cosine_similarity", "The cosine of the angle.", lambda t, p, how, axis: cosine(t, p, axis), False, axis=-1
)

_TABLE: dict[str, Any] = {}
for _names, _function in _DEFINED.items():
    _class, *_short = _names.split()
    _function = _COSINE if _class == "CosineSimilarity" else _function
    _class, _called = ("LogCoshError", "logcosh") if _class == "LogCosh" else (_class, _function.__name__)
    globals().update({_class: _mean_of(_class, _function, _called, **_function.options), _function.__name__: _function})
    _TABLE |= dict.fromkeys([*_short, *map(str.upper, _short), _function.__name__], globals()[_class])
_found = {c for c in globals().values() if isinstance(c, type) and issubclass(c, Metric)}
_TABLE |= {n: c for c in _found - {Metric, MeanMetricWrapper, _Counts} for n in (c.__name__, snake(c.__name__))}
#: What "accuracy" and "crossentropy" mean for one column of predictions, for class numbers, and for one-hot rows.
_CHOICES = {
    name: [kind + what for kind in ("Binary", "SparseCategorical", "Categorical")]
    for what, names in (("Accuracy", ("accuracy", "acc")), ("Crossentropy", ("crossentropy", "ce")))
    for name in names
}


def get(identifier: Any) -> Any:
    """A metric by its name or class, or itself."""
    return None if identifier is None else lookup("metrics", identifier, _TABLE)


def as_metric(identifier: Any, y_shape: tuple[int, ...], pred_shape: tuple[int, ...]) -> Any:
    """A metric as `compile` takes it, for targets and predictions of these shapes: a string names the result too, and a
    function (y_true, y_pred) is averaged."""
    if isinstance(identifier, str) and identifier in _CHOICES:
        sparse = len(y_shape) < len(pred_shape) or y_shape[-1] == 1
        found = _TABLE[_CHOICES[identifier][0 if pred_shape[-1] == 1 else 1 if sparse else 2]]()
    else:
        found = get(identifier)
    if isinstance(found, Loss):
        found = MeanMetricWrapper(found.call, found.name)
    found = found if isinstance(found, Metric) else MeanMetricWrapper(found)
    if isinstance(identifier, str):
        found.name = identifier
    return found
