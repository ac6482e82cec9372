"""Metrics under Keras's names, by NumPy from numbers, outside of the step that trains; summed in float64."""

# ruff: noqa: D102 - Metric says what update_state, result and reset_state are

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._mode import no_grad
from minigrad._tensor import Tensor
from minigrad.errors import message
from minigrad.keras._get import Configured, by_names, lookup, made, snake
from minigrad.keras.losses import KINDS, LogCosh, Loss, compared, leading

if TYPE_CHECKING:
    from typing import Any, ClassVar

    def __getattr__(name: str) -> Any: ...


def _arrays(y_true: Any, y_pred: Any, labels: bool = False) -> Any:
    return (x.detach().array for x in compared("metric", y_true, y_pred, labels))


def _weights(weight: Any, values: Any) -> Any:
    """Weights of samples, as those of all values that belong to them; 1 without any."""
    weight = weight.array if isinstance(weight, Tensor) else np.asarray(1.0 if weight is None else weight)
    return np.broadcast_to(leading("metric", weight.astype(np.float64), values), values.shape)


def _ratio(a: Any, b: Any) -> Any:
    """a / b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.shape(b)), where=np.asarray(b) != 0)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """How many of the last axis are on the right side of the threshold."""
    t, p = _arrays(y_true, y_pred)
    return np.mean(t == (p > threshold), -1)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Whether the largest score, the first of equal ones, is that of the class that y_true names."""
    y, p = _arrays(y_true, y_pred, labels=True)
    return (y == p.argmax(-1)).astype(np.float64)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """The same, of one-hot rows."""
    return sparse_categorical_accuracy(next(_arrays(y_true, y_pred)).argmax(-1), y_pred)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Whether fewer than k scores are larger than that of the class that y_true names."""
    y, p = _arrays(y_true, y_pred, labels=True)
    return ((p > np.take_along_axis(p, y[..., None], -1)).sum(-1) < k).astype(np.float64)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """The same, of one-hot rows."""
    return sparse_top_k_categorical_accuracy(next(_arrays(y_true, y_pred)).argmax(-1), y_pred, k)


class Metric(Configured):
    """What is measured: `update_state(y_true, y_pred, sample_weight=None)` takes a batch in, `result()` is the metric
    of all so far; after `reset_state()`, which the constructor calls, there are none. A subclass writes these three.
    The metrics here add up the numbers _terms(y_true, y_pred, sample_weight), from which _final(sums) follows."""

    _options: ClassVar[dict[str, Any]] = {"name": None}

    def _settle(self) -> None:
        self.name = self._given["name"] or snake(type(self).__name__)
        self.reset_state()

    def reset_state(self) -> None:
        self.sums: Any = np.zeros((2, 1))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.sums = self.sums + self._terms(y_true, y_pred, sample_weight)

    def result(self) -> Any:
        return float(self._final(self.sums))

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
            values = self.fn(y_true, y_pred, **{option: self._given[option] for option in self.own})
        values = values.array if isinstance(values, Tensor) else np.asarray(values)
        weight = _weights(sample_weight, values)
        return np.array([[(values * weight).sum()], [weight.sum()]])

    def _final(self, sums: Any) -> Any:
        return _ratio(*sums[:, 0])


class _Counts(Metric):
    """The weights of the positives whose score is above each of `limits`, and of the negatives. The first limit is
    -inf, which all are above."""

    _options: ClassVar[dict[str, Any]] = {"thresholds": 0.5, "name": None}
    limits: Any = property(lambda self: np.array([-np.inf, self.thresholds]))

    def _terms(self, y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
        t, p = _arrays(y_true, y_pred)
        weight = _weights(sample_weight, p)
        return np.stack([weight * (t != 0), weight * (t == 0)]).reshape(2, -1) @ (p.reshape(-1, 1) > self.limits)


Precision = made(
    _Counts, "Precision", "The share of positives in what is above the threshold; 0 where nothing is.",
    _final=lambda self, sums: _ratio(sums[0, -1], sums[:, -1].sum()),
)  # fmt: skip
Recall = made(
    _Counts, "Recall", "The share of the positives that is above the threshold; 0 where there are none.",
    _final=lambda self, sums: _ratio(sums[0, -1], sums[0, 0]),
)  # fmt: skip


class AUC(_Counts):
    """The area under the curve of recall over the rate of false alarms, by trapezes between as many thresholds."""

    _options: ClassVar[dict[str, Any]] = {"num_thresholds": 200, "name": None}
    limits = property(lambda self: np.array([-np.inf, *np.linspace(0, 1, self.num_thresholds)[1:-1], np.inf]))

    def _settle(self) -> None:
        if self.num_thresholds < 2:
            raise ValueError(message("AUC", "num_thresholds", self.num_thresholds, "at least 2"))
        super()._settle()

    def _terms(self, y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
        _, p = _arrays(y_true, y_pred)
        if p.size and not (p.min() >= 0 and p.max() <= 1):
            got, remedy = f"numbers from {p.min()} to {p.max()}", "Apply the sigmoid to logits."
            raise ValueError(message("AUC", "y_pred", got, "probabilities in [0, 1]", remedy))
        return super()._terms(y_true, p, sample_weight)

    def _final(self, sums: Any) -> Any:
        hits, alarms = sums
        return _ratio(((alarms[:-1] - alarms[1:]) * (hits[:-1] + hits[1:])).sum() / 2, hits[0] * alarms[0])


class R2Score(Metric):
    """1 - (squared errors) / (squared deviations from the mean), 0 of a constant column; the mean over columns."""

    def reset_state(self) -> None:
        self.sums = np.zeros((4, 1))

    def _terms(self, y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
        t, p = (np.asarray(x, np.float64).reshape(len(x), -1) for x in _arrays(y_true, y_pred))
        weight = _weights(sample_weight, t)
        return np.stack([weight, weight * t, weight * t * t, weight * (t - p) ** 2]).sum(1)

    def _final(self, sums: Any) -> Any:
        count, total, squares, errors = sums
        spread = squares - total * _ratio(total, count)
        return _ratio(spread - errors, spread).mean()


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
