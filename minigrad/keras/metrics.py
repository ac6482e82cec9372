"""Metrics under Keras's names and in its order, (y_true, y_pred), added up over batches: `minigrad.metrics` computes them.

A function gives a number per sample; a class keeps sums in float64, and says what follows from them."""

# ruff: noqa: D102 - Metric says what update_state, result and reset_state are

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import metrics
from minigrad._mode import no_grad
from minigrad.keras._get import Configured, by_names, lookup, made, snake
from minigrad.keras.losses import KINDS, LogCosh, Loss, check_pair, leading, numbers, same_rank

if TYPE_CHECKING:
    from typing import Any, ClassVar

    def __getattr__(name: str) -> Any: ...


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """How many of the last axis are on the right side of the threshold."""
    p, t = _pair(y_true, y_pred)
    return metrics.binary_accuracy(p, t, threshold, "none").mean(-1)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Whether the largest score, the first of equal ones, is that of the class whose row is one-hot."""
    return metrics.accuracy(*_pair(y_true, y_pred), "none")


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """The same of class numbers."""
    return metrics.accuracy(*_pair(y_true, y_pred, True), "none")


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Whether fewer than k scores are larger than that of the class whose row is one-hot."""
    return metrics.top_k_accuracy(*_pair(y_true, y_pred), k, "none")


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """The same of class numbers."""
    return metrics.top_k_accuracy(*_pair(y_true, y_pred, True), k, "none")


def _pair(y_true: Any, y_pred: Any, labels: bool = False) -> tuple[Any, Any]:
    """Prediction and truth as arrays that fit, in the order of `minigrad.metrics`."""
    t, p = numbers(y_true), numbers(y_pred)
    t, p = (t.reshape(t.shape[:-1]) if t.shape == (*p.shape[:-1], 1) else t, p) if labels else same_rank(t, p)
    check_pair("metric", t, p, labels)
    return p, t


def _weights(weight: Any, values: Any) -> Any:
    """Weights with as many axes as the values; None without any."""
    return None if weight is None else leading("metric", np.asarray(numbers(weight), np.float64), values)


class Metric(Configured):
    """What is measured: `update_state(y_true, y_pred, sample_weight=None)` takes a batch in, `result()` is the metric
    of all so far; after `reset_state()`, which the constructor calls, there are none. A subclass writes these three.
    The metrics here add up the numbers _terms(y_true, y_pred, sample_weight), from which _final(sums) follows."""

    _options: ClassVar[dict[str, Any]] = {"name": None}

    def _settle(self) -> None:
        self.name = self._given["name"] or snake(type(self).__name__)
        self.reset_state()

    def reset_state(self) -> None:
        self.sums: Any = None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        terms = self._terms(y_true, y_pred, sample_weight)
        self.sums = terms if self.sums is None else self.sums + terms

    def result(self) -> Any:
        return 0.0 if self.sums is None else self._final(self.sums)

    def __call__(self, *args: Any, **given: Any) -> Any:
        """Takes a batch in, and gives the result so far."""
        self.update_state(*args, **given)
        return self.result()


class MeanMetricWrapper(Metric):
    """The weighted mean of a function (y_true, y_pred, **own options) -> numbers per sample."""

    _options: ClassVar[dict[str, Any]] = {"fn": ..., "name": None}
    own: ClassVar[dict[str, Any]] = {}

    def _terms(self, y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
        with no_grad():
            values = numbers(self.fn(y_true, y_pred, **{option: self._given[option] for option in self.own}))
        if sample_weight is None:
            return np.array([values.sum(dtype=np.float64), values.size])
        weight = np.broadcast_to(_weights(sample_weight, values), values.shape)
        return np.array([(values * weight).sum(), weight.sum()])

    def _final(self, sums: Any) -> float:
        return float(sums[0] / sums[1]) if sums[1] else 0.0


class _Columns(Metric):
    """Sums that a function of `minigrad.metrics` takes of whole arrays."""

    _sums: ClassVar[Any]
    _value: ClassVar[Any]

    def _terms(self, y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
        p, t = _pair(y_true, y_pred)
        return self._sums(p, t, weight=_weights(sample_weight, p))

    def _final(self, sums: Any) -> float:
        return float(type(self)._value(sums))


class Precision(_Columns):
    """The share of positives in what is above the threshold; 0 where nothing is."""

    _options: ClassVar[dict[str, Any]] = {"thresholds": 0.5, "name": None}
    _value = staticmethod(metrics.precision_of)

    def _sums(self, p: Any, t: Any, weight: Any) -> Any:
        return metrics.threshold_counts(p, t, [-np.inf, self.thresholds], weight)


class Recall(Precision):
    """The share of the positives that is above the threshold; 0 where there are none."""

    _value = staticmethod(metrics.recall_of)


class AUC(_Columns):
    """The area under the curve of recall over the rate of false alarms, by trapezes between as many thresholds."""

    _options: ClassVar[dict[str, Any]] = {"num_thresholds": 200, "name": None}
    _value = staticmethod(metrics.auc_of)

    def _settle(self) -> None:
        metrics.auc_counts([], [], self.num_thresholds)  # which raises where they are too few
        super()._settle()

    def _sums(self, p: Any, t: Any, weight: Any) -> Any:
        return metrics.auc_counts(p, t, self.num_thresholds, weight)


class R2Score(_Columns):
    """1 - (squared errors) / (squared deviations from the mean), 0 of a constant column; the mean over columns."""

    _sums, _value = staticmethod(metrics.r2_sums), staticmethod(metrics.r2_of)


#: class: its function, the function's options, other names.
_MEANS: dict[str, tuple[Any, dict[str, Any], Any]] = {
    "BinaryAccuracy": (binary_accuracy, {"threshold": 0.5}, ()),
    "CategoricalAccuracy": (categorical_accuracy, {}, ()),
    "SparseCategoricalAccuracy": (sparse_categorical_accuracy, {}, ()),
    "TopKCategoricalAccuracy": (top_k_categorical_accuracy, {"k": 5}, ()),
    "SparseTopKCategoricalAccuracy": (sparse_top_k_categorical_accuracy, {"k": 5}, ()),
    **{"LogCoshError" if kind is LogCosh else kind.__name__: (kind.fn, kind.own, kind.names) for kind in KINDS},
}
_TABLE = by_names((AUC, Precision, Recall, R2Score))
for _name, (_fn, _own, _names) in _MEANS.items():
    _members = {"fn": staticmethod(_fn), "own": _own, "_options": {**_own, "name": None}}
    _class = made(MeanMetricWrapper, _name, f"The mean: {_fn.__doc__}", **_members)
    globals().update({_fn.__name__: _fn, _name: _class})
    _TABLE |= by_names([_class]) | dict.fromkeys(_names, _class)
#: What a name means for one column of predictions, for class numbers, and for one-hot rows.
_CHOICES = {"accuracy": "Accuracy", "acc": "Accuracy", "crossentropy": "Crossentropy", "ce": "Crossentropy"}


def get(identifier: Any) -> Any:
    """A metric by its name or class, or itself."""
    return None if identifier is None else lookup("metrics", identifier, _TABLE)


def as_metric(identifier: Any, y_shape: tuple[int, ...], pred_shape: tuple[int, ...]) -> Any:
    """A metric as `compile` takes it, for targets and predictions of these shapes: a string names the result too, and a
    function (y_true, y_pred) is averaged."""
    if not isinstance(identifier, str):
        found = get(identifier)
        fn, name = (found.call, found.name) if isinstance(found, Loss) else (found, getattr(found, "__name__", None))
        return found if isinstance(found, Metric) else MeanMetricWrapper(fn, name)
    kind = "Categorical" if len(y_shape) == len(pred_shape) and y_shape[-1] > 1 else "SparseCategorical"
    kind = "Binary" if pred_shape[-1] == 1 else kind
    found = get(kind + _CHOICES[identifier] if identifier in _CHOICES else identifier)
    found.name = identifier
    return found
