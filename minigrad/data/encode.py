"""Numbers for classes: one-hot rows of labels and of table columns, and weights that make up for rare classes, per class and
per sample."""

from __future__ import annotations

# ruff: noqa: N803 (X is the argument's name in scikit-learn)
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad._array import from_array
from minigrad._tensor import Tensor
from minigrad.data.dataset import as_array
from minigrad.data.scale import NotFittedError
from minigrad.errors import DTypeError, LabelError, ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Float32Array = npt.NDArray[np.float32]
    Float64Array = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]


def to_categorical(labels: Any, num_classes: int | None = None) -> Any:
    """One-hot rows: 1 at the place of the label, 0 elsewhere.

    ``labels``: classes 0 .. K-1 of shape (N,), (N, 1) or any other, as a NumPy array, a Tensor or a list; floats that are
    whole numbers are taken too. ``num_classes``: K, by default one more than the largest label. The result has the
    labels' shape, without a last dimension of 1, and then K; float32, as layers hold (Keras makes float64); a Tensor for
    a Tensor, otherwise an array. ``argmax(-1)`` is the way back.

    Errors: LabelError (an IndexError and a ValueError) for a label below 0 or not below ``num_classes``, and for one that
    is no whole number, with its place (Keras counts a negative label from the end); ValueError for no labels without
    ``num_classes``; DTypeError (a TypeError) for labels that are text.
    """
    given = as_array(labels, "to_categorical", "labels") if isinstance(labels, Tensor) else np.asarray(labels)
    classes = _whole_numbers(given)
    if num_classes is not None and (not hasattr(num_classes, "__index__") or num_classes < 1):
        raise ValueError(message("to_categorical", "num_classes", repr(num_classes), "an int of at least 1, or None"))
    if num_classes is None and not classes.size:
        remedy = "Pass num_classes."
        raise ValueError(message("to_categorical", "labels", "no labels", "at least one to count classes by", remedy))
    count = int(classes.max()) + 1 if num_classes is None else int(num_classes)
    outside = (classes < 0) | (classes >= count)
    if outside.any():
        place = tuple(np.argwhere(outside)[0].tolist())
        got = f"the label {classes[place]} at {place[0] if len(place) == 1 else place}"
        expected = (
            "labels of at least 0" if num_classes is None else f"labels from 0 to {count - 1}, for {count} classes"
        )
        raise LabelError(message("to_categorical", "labels", got, expected))
    shape = classes.shape[:-1] if classes.ndim > 1 and classes.shape[-1] == 1 else classes.shape
    rows = np.zeros((classes.size, count), np.float32)
    rows[np.arange(classes.size), classes.reshape(-1)] = 1
    result = rows.reshape(*shape, count)
    return from_array(result, "to_categorical") if isinstance(labels, Tensor) else result


def _whole_numbers(labels: Array) -> IntArray:
    if labels.dtype.kind == "f":
        broken = ~(np.isfinite(labels) & (labels == np.floor(labels)))
        if broken.any():
            expected = "whole numbers: the number of the class"
            remedy = "If these are probabilities, take argmax(-1) first."
            raise LabelError(message("to_categorical", "labels", f"the label {labels[broken][0]}", expected, remedy))
    elif labels.dtype.kind not in "iub":
        remedy = "numpy.unique(labels, return_inverse=True)[1] numbers them."
        raise DTypeError(message("to_categorical", "labels", f"dtype {labels.dtype}", "whole numbers", remedy))
    return labels.astype(np.int64)


class OneHotEncoder:
    """One column of 0 and 1 for each category of each feature, in sorted order.

    ``handle_unknown``: what ``transform`` does with a category that ``fit`` has not seen: ``"error"``, or ``"ignore"``,
    which leaves its columns 0 (and ``inverse_transform`` gives None for it).

    ``fit``, ``transform`` and ``fit_transform`` take an array, a Tensor or nested lists, shape (samples, features), of
    numbers or text; the result is a dense float32 array (samples, categories), a Tensor for a Tensor. After ``fit``:
    ``categories_``, the list of each feature's sorted categories, and ``n_features_in_``.

    Errors: ValueError for unknown categories, for another number of features than in ``fit``, for NaN and for rows that
    encode nothing; TypeError for a feature that mixes text and numbers; NotFittedError before ``fit``.
    """

    categories_: list[Any]
    n_features_in_: int

    def __init__(self, *, handle_unknown: str = "error") -> None:
        if handle_unknown not in ("error", "ignore"):
            expected = "'error' or 'ignore'"
            raise ValueError(message("OneHotEncoder", "handle_unknown", repr(handle_unknown), expected))
        self.handle_unknown = handle_unknown

    def fit(self, X: Any) -> OneHotEncoder:
        """Learn the categories of each column of `X`, shape (samples, features), and return the encoder."""
        columns = _columns(X, "OneHotEncoder.fit")
        if not len(columns[0]):
            raise ShapeError(message("OneHotEncoder.fit", "X", "no samples", "at least one"))
        self.categories_ = [np.unique(column) for column in columns]
        self.n_features_in_ = len(columns)
        return self

    def transform(self, X: Any) -> Any:
        """`X`, shape (samples, features), as rows of 0 and 1, shape (samples, categories); float32."""
        op = "OneHotEncoder.transform"
        self._check_fitted(op)
        columns = _columns(X, op)
        if len(columns) != self.n_features_in_:
            expected = f"{self.n_features_in_} features, as in fit"
            raise ShapeError(message(op, "X", f"{len(columns)} features", expected))
        blocks = [self._block(j, column) for j, column in enumerate(columns)]
        encoded = np.concatenate(blocks, axis=1)
        return from_array(encoded, op) if isinstance(X, Tensor) else encoded

    def _block(self, feature: int, column: Array) -> Float32Array:
        categories = self.categories_[feature]
        if (column.dtype.kind in "US") != (categories.dtype.kind in "US"):
            known = np.zeros(len(column), bool)
            places = np.zeros(len(column), np.int64)
        else:
            places = np.minimum(np.searchsorted(categories, column), len(categories) - 1)
            known = categories[places] == column
        if self.handle_unknown == "error" and not known.all():
            got = f"the unknown category {column[~known].tolist()[0]!r} in feature {feature}"
            expected = f"one of {len(categories)} that fit has seen, such as {categories.tolist()[0]!r}"
            remedy = "handle_unknown='ignore' leaves its columns 0."
            raise ValueError(message("OneHotEncoder.transform", "X", got, expected, remedy))
        block = np.zeros((len(column), len(categories)), np.float32)
        block[np.flatnonzero(known), places[known]] = 1
        return block

    def fit_transform(self, X: Any) -> Any:
        """``fit(X).transform(X)``: for the training part only."""
        return self.fit(X).transform(X)

    def inverse_transform(self, X: Any) -> Array:
        """The categories of encoded rows `X`, shape (samples, categories): an array (samples, features).

        The largest entry decides, so that predicted probabilities may be given as well.
        """
        op = "OneHotEncoder.inverse_transform"
        self._check_fitted(op)
        encoded = as_array(X, op, "X") if isinstance(X, Tensor) else np.asarray(X)
        stops = np.cumsum([len(categories) for categories in self.categories_])
        if encoded.ndim != 2 or encoded.shape[1] != stops[-1]:
            raise ShapeError(message(op, "X", f"shape {encoded.shape}", f"(samples, {stops[-1]}), as transform gives"))
        blocks = np.split(encoded, stops[:-1], axis=1)
        columns = [c[block.argmax(axis=1)] for c, block in zip(self.categories_, blocks, strict=True)]
        nothing = np.stack([~block.any(axis=1) for block in blocks], axis=1)
        if nothing.any() and self.handle_unknown == "error":
            row, feature = np.argwhere(nothing)[0].tolist()
            raise ValueError(
                message(op, "X", f"only zeros for feature {feature} in row {row}", "a category in every row")
            )
        alike = len({column.dtype.kind for column in columns}) == 1 and not nothing.any()
        decoded = np.stack([column if alike else column.astype(object) for column in columns], axis=1)
        if nothing.any():
            decoded[nothing] = None
        return decoded

    def _check_fitted(self, operation: str) -> None:
        if not hasattr(self, "categories_"):
            remedy = "Call fit(X_train) or fit_transform(X_train) first."
            raise NotFittedError(message(operation, "", "an encoder that was not fitted", "a fitted one", remedy))


def _columns(X: Any, operation: str) -> list[Array]:
    """The columns of a matrix, each an array of numbers or of text."""
    if isinstance(X, (list, tuple)):
        widths = {len(row) if isinstance(row, (list, tuple, np.ndarray)) else -1 for row in X}
        if len(widths) != 1 or min(widths) < 1:
            expected = "rows of the same number of features, at least one"
            raise ShapeError(
                message(operation, "X", "a list of other things", expected, "For one feature: [[a], [b]].")
            )
        return [_column(list(column), j, operation) for j, column in enumerate(zip(*X, strict=True))]
    table = as_array(X, operation, "X")
    if table.ndim != 2 or not table.shape[1]:
        remedy = "X.reshape(-1, 1) makes a matrix of a single feature; for class numbers there is to_categorical."
        raise ShapeError(message(operation, "X", f"shape {table.shape}", "two dimensions (samples, features)", remedy))
    if table.dtype.kind != "O":
        return [_column(column, j, operation) for j, column in enumerate(table.T)]
    return [_column(column.tolist(), j, operation) for j, column in enumerate(table.T)]


def _column(values: Any, feature: int, operation: str) -> Array:
    column = np.asarray(values)
    text = isinstance(values, list) and {isinstance(value, str) for value in values} == {True, False}
    if text or column.ndim != 1 or column.dtype.kind not in "iubfUS":
        got = f"feature {feature} of " + ("text and other things" if text else f"dtype {column.dtype}")
        raise DTypeError(message(operation, "X", got, "only numbers or only text in each feature"))
    if column.dtype.kind == "f" and np.isnan(column).any():
        got = f"NaN in feature {feature}, row {np.flatnonzero(np.isnan(column))[0]}"
        raise ValueError(message(operation, "X", got, "numbers", "Fill missing values first."))
    return column


def compute_class_weight(class_weight: str | Mapping[Any, float] | None, *, classes: Any, y: Any) -> Float64Array:
    """One weight per class, so that rare classes count as much in a loss as frequent ones.

    ``class_weight``: ``"balanced"`` for N / (K n_k), with N samples, K classes and n_k samples of class k: the weights of
    all samples then add up to N, and each class to N / K (G. King and L. Zeng, Logistic Regression in Rare Events Data,
    2001); a mapping from classes to weights, 1 where it has none; None for ones. ``classes``: the classes in the wanted
    order, as ``numpy.unique(y)`` gives them; ``y``: the label of each sample, shape (N,).

    The result, float64 of shape (K,), is what ``CrossEntropyLoss(weight=)`` takes as a Tensor (a float32 one for float32
    logits); ``dict(zip(classes, weights))`` is what ``fit(class_weight=)`` takes.

    Errors: ValueError for classes without samples (their weight would be infinite), for labels that are not among
    ``classes``, and for a mapping that names other classes; ShapeError for `y` that is not one-dimensional.
    """
    op = "compute_class_weight"
    wanted = (as_array(classes, op, "classes") if isinstance(classes, Tensor) else np.asarray(classes)).reshape(-1)
    labels = as_array(y, op, "y") if isinstance(y, Tensor) else np.asarray(y)
    if labels.ndim != 1 or not labels.size:
        raise ShapeError(message(op, "y", f"shape {labels.shape}", "one label per sample, shape (N,) of at least one"))
    found, counts = np.unique(labels, return_counts=True)
    _check_same_classes(wanted, found, counted=class_weight == "balanced")
    if class_weight is None:
        return np.ones(len(wanted))
    if class_weight == "balanced":
        weights: Float64Array = len(labels) / (len(found) * counts[np.searchsorted(found, wanted)])
        return weights
    if isinstance(class_weight, str):
        raise ValueError(message(op, "class_weight", repr(class_weight), "'balanced', a mapping or None"))
    other = set(class_weight) - set(wanted.tolist())
    if other:
        raise ValueError(message(op, "class_weight", f"weights of {sorted(other, key=str)}", "classes of `classes`"))
    return np.array([class_weight.get(key, 1.0) for key in wanted.tolist()], np.float64)


def compute_sample_weight(class_weight: str | Mapping[Any, float] | None, y: Any) -> Float64Array:
    """The weight of each sample by its class: what a loss or a sampler takes per sample.

    ``class_weight``: as in ``compute_class_weight``; a mapping may name classes that `y` lacks. ``y``: the label of each
    sample, shape (N,) or (N, 1), or one-hot rows (N, K), whose classes are 0 .. K-1. The result is float64 of shape (N,).

    Errors: ShapeError for other shapes; ValueError for a ``class_weight`` that is neither of these.
    """
    op = "compute_sample_weight"
    labels = as_array(y, op, "y") if isinstance(y, Tensor) else np.asarray(y)
    if labels.ndim not in (1, 2):
        raise ShapeError(message(op, "y", f"shape {labels.shape}", "labels (N,) or (N, 1), or one-hot rows (N, K)"))
    if labels.ndim == 2:
        labels = labels.argmax(1) if labels.shape[1] > 1 else labels[:, 0]
    classes, places = np.unique(labels, return_inverse=True)
    if isinstance(class_weight, str) or class_weight is None:
        each = compute_class_weight(class_weight, classes=classes, y=labels) if labels.size else np.empty(0)
    else:
        each = np.array([class_weight.get(key, 1.0) for key in classes.tolist()], np.float64)
    weights: Float64Array = each[places.reshape(-1)]
    return weights


def _check_same_classes(wanted: Array, found: Array, counted: bool) -> None:
    """Every label is among the classes; where they are counted, every class has samples."""
    op = "compute_class_weight"
    if len(np.unique(wanted)) != len(wanted):
        raise ValueError(message(op, "classes", "a class twice", "each class once, as numpy.unique(y) gives them"))
    missing = found[~np.isin(found, wanted)]
    if missing.size:
        raise ValueError(message(op, "classes", f"none for the label {missing.tolist()[0]!r} in y", "all labels of y"))
    without = wanted[~np.isin(wanted, found)]
    if without.size and counted:
        got = f"the class {without.tolist()[0]!r} without a sample"
        raise ValueError(message(op, "classes", got, "classes that are in y", "numpy.unique(y) gives them."))
