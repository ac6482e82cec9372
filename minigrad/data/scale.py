"""``MinMaxScaler`` and ``StandardScaler``: learn a shift and a factor per column, then apply or undo them.

Fit a scaler on the training part only and transform both parts with it: statistics of the test part must not reach
training. All sums and results are computed in float64 and stored in the dtype of the input.
"""

from __future__ import annotations

# ruff: noqa: N803 (X is the argument's name in scikit-learn)
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from minigrad._array import from_array
from minigrad._tensor import Tensor
from minigrad.data.dataset import as_array
from minigrad.errors import DTypeError, ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Float64Array = npt.NDArray[np.float64]

_EPS = np.finfo(np.float64).eps

Self = TypeVar("Self", bound="_Scaler")


class NotFittedError(ValueError, AttributeError):
    """A scaler was asked to transform before it was fitted. (The two bases are those of scikit-learn's error.)"""


class _Scaler:
    """What both scalers share: checks, dtypes, and ``fit_transform``."""

    n_features_in_: int
    n_samples_seen_: int

    def fit(self: Self, X: Any) -> Self:
        """Learn the statistics of the columns of `X`, shape (samples, features), and return the scaler."""
        operation = f"{type(self).__name__}.fit"
        columns = _finite_matrix(X, operation)
        if len(columns) == 0:
            raise ShapeError(message(operation, "X", f"shape {columns.shape}", "at least one sample"))
        self._learn(columns)
        self.n_samples_seen_, self.n_features_in_ = columns.shape
        return self

    def transform(self, X: Any) -> Any:
        """`X` scaled with the statistics that ``fit`` learned; shape (samples, features), a new array or Tensor."""
        return self._convert(X, "transform", self._scaled)

    def inverse_transform(self, X: Any) -> Any:
        """The original values of scaled `X`, shape (samples, features), a new array or Tensor."""
        return self._convert(X, "inverse_transform", self._unscaled)

    def fit_transform(self, X: Any) -> Any:
        """``fit(X).transform(X)``: for the training part only."""
        return self.fit(X).transform(X)

    def _convert(self, X: Any, method: str, function: Callable[[Float64Array], Float64Array]) -> Any:
        operation = f"{type(self).__name__}.{method}"
        if not hasattr(self, "n_features_in_"):
            remedy = "Call fit(X_train) or fit_transform(X_train) first."
            raise NotFittedError(message(operation, "", "a scaler that was not fitted", "a fitted one", remedy))
        columns = _finite_matrix(X, operation)
        if columns.shape[1] != self.n_features_in_:
            expected = f"{self.n_features_in_} features, as in fit"
            raise ShapeError(message(operation, "X", f"shape {columns.shape}", expected))
        dtype = np.float32 if getattr(X, "dtype", None) == np.float32 else np.float64
        values = function(columns).astype(dtype, copy=False)
        return from_array(values, operation) if isinstance(X, Tensor) else values

    def _learn(self, columns: Float64Array) -> None:
        raise NotImplementedError

    def _scaled(self, columns: Float64Array) -> Float64Array:
        raise NotImplementedError

    def _unscaled(self, columns: Float64Array) -> Float64Array:
        raise NotImplementedError


class MinMaxScaler(_Scaler):
    """Maps each column linearly so that its smallest training value becomes `low` and its largest `high`:

        y = x scale_ + min_,   scale_ = (high - low) / (data_max_ - data_min_),   min_ = low - data_min_ scale_

    ``feature_range``: the pair (low, high). ``clip``: limit ``transform`` to that range; otherwise values outside of
    the training range land outside of it. A column that is constant in training maps to `low`.

    ``fit``, ``transform``, ``inverse_transform`` and ``fit_transform`` take a NumPy array, a Tensor or nested lists,
    shape (samples, features). float32 stays float32, other dtypes give float64; a Tensor gives a Tensor.

    After ``fit``: ``data_min_``, ``data_max_``, ``data_range_``, ``scale_``, ``min_`` (float64, one per column),
    ``n_features_in_``, ``n_samples_seen_``.

    Errors: ValueError for NaN or infinity (the place is named), for another number of features than in ``fit`` and for
    ``low >= high``; NotFittedError for ``transform`` before ``fit``.
    """

    def __init__(self, feature_range: tuple[float, float] = (0, 1), *, clip: bool = False) -> None:
        low, high = feature_range
        if not low < high:
            raise ValueError(message("MinMaxScaler", "feature_range", feature_range, "(low, high) with low < high"))
        self.feature_range = feature_range
        self.clip = clip

    def _learn(self, columns: Float64Array) -> None:
        low, high = self.feature_range
        self.data_min_ = columns.min(axis=0)
        self.data_max_ = columns.max(axis=0)
        self.data_range_ = self.data_max_ - self.data_min_
        # A range of a few rounding errors carries no information, and dividing by it would magnify them.
        constant = self.data_range_ < 10 * _EPS
        self.scale_ = (high - low) / np.where(constant, 1.0, self.data_range_)
        self.min_ = low - self.data_min_ * self.scale_

    def _scaled(self, columns: Float64Array) -> Float64Array:
        result: Float64Array = columns * self.scale_ + self.min_
        return np.clip(result, *self.feature_range) if self.clip else result

    def _unscaled(self, columns: Float64Array) -> Float64Array:
        result: Float64Array = (columns - self.min_) / self.scale_
        return result


class StandardScaler(_Scaler):
    """Shifts and scales each column to mean 0 and variance 1 over the training samples:

        y = (x - mean_) / scale_,   scale_ = sqrt(var_),   var_ = sum_i (x_i - mean_)^2 / samples

    ``with_mean=False`` leaves out the shift, ``with_std=False`` the division. A column that is constant in training is
    only shifted (its scale_ is 1).

    ``fit``, ``transform``, ``inverse_transform`` and ``fit_transform`` take a NumPy array, a Tensor or nested lists,
    shape (samples, features). float32 stays float32, other dtypes give float64; a Tensor gives a Tensor.

    After ``fit``: ``mean_``, ``var_``, ``scale_`` (float64, one per column; ``var_`` and ``scale_`` are None without
    ``with_std``, ``mean_`` is None without both), ``n_features_in_``, ``n_samples_seen_``.

    Errors: ValueError for NaN or infinity (the place is named) and for another number of features than in ``fit``;
    NotFittedError for ``transform`` before ``fit``.
    """

    # float64 arrays, or None as the docstring says.
    mean_: Any
    var_: Any
    scale_: Any

    def __init__(self, *, with_mean: bool = True, with_std: bool = True) -> None:
        self.with_mean = with_mean
        self.with_std = with_std

    def _learn(self, columns: Float64Array) -> None:
        mean = columns.mean(axis=0)
        self.mean_ = mean if self.with_mean or self.with_std else None
        self.var_ = self.scale_ = None
        if self.with_std:
            self.var_ = columns.var(axis=0)
            # The two-pass variance of n equal numbers is rounding error of at most n eps var + (n eps mean)^2: such a
            # column is constant (Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance", 1983).
            samples = len(columns)
            constant = self.var_ <= samples * _EPS * self.var_ + (samples * _EPS * mean) ** 2
            self.scale_ = np.where(constant, 1.0, np.sqrt(self.var_))

    def _scaled(self, columns: Float64Array) -> Float64Array:
        if self.with_mean:
            columns = columns - self.mean_
        if self.scale_ is not None:
            columns = columns / self.scale_
        return columns

    def _unscaled(self, columns: Float64Array) -> Float64Array:
        if self.scale_ is not None:
            columns = columns * self.scale_
        if self.with_mean:
            columns = columns + self.mean_
        return columns


def _finite_matrix(X: Any, operation: str) -> Float64Array:
    """A float64 copy of `X`, checked to be a matrix of finite numbers."""
    values = as_array(X, operation, "X") if isinstance(X, Tensor) else np.asarray(X)
    if values.dtype.kind not in "fiub":
        raise DTypeError(message(operation, "X", f"dtype {values.dtype}", "numbers"))
    if values.ndim != 2:
        remedy = "X.reshape(-1, 1) makes a matrix of a single feature."
        raise ShapeError(message(operation, "X", f"shape {values.shape}", "two dimensions (samples, features)", remedy))
    columns = values.astype(np.float64)
    finite = np.isfinite(columns)
    if not finite.all():
        row, column = np.argwhere(~finite)[0].tolist()
        got = f"{columns[row, column]} in X[{row}, {column}], and {columns.size - np.count_nonzero(finite)} such values"
        raise ValueError(message(operation, "X", got, "finite numbers", "Remove or fill them first."))
    return columns
