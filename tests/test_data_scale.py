"""Scalers: what comes out, what they undo, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import MinMaxScaler, NotFittedError, StandardScaler

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = np.array([[1.0, -2.0, 5.0], [3.0, 0.0, 5.0], [2.0, 4.0, 5.0], [6.0, 6.0, 5.0]])
UNSEEN = np.array([[0.0, 7.0, 6.0]])
SCALERS: tuple[Callable[[], Any], ...] = (MinMaxScaler, StandardScaler)


def test_min_max_scaler() -> None:
    scaler = MinMaxScaler((-1, 1))
    scaled = scaler.fit_transform(COLUMNS)
    np.testing.assert_allclose(scaled[:, 0], [-1, -0.2, -0.6, 1], atol=1e-15)
    np.testing.assert_allclose(scaled[:, 1], [-1, -0.5, 0.5, 1], atol=1e-15)
    np.testing.assert_array_equal(scaled[:, 2], -1)
    assert scaler.data_min_.tolist() == [1, -2, 5]
    assert scaler.data_max_.tolist() == [6, 6, 5]
    assert scaler.data_range_.tolist() == [5, 8, 0]
    assert scaler.scale_.tolist() == [0.4, 0.25, 2]
    np.testing.assert_allclose(scaler.min_, [-1.4, -0.5, -11], rtol=1e-15)
    assert (scaler.n_samples_seen_, scaler.n_features_in_) == (4, 3)


def test_min_max_scaler_clips_only_when_asked() -> None:
    np.testing.assert_allclose(MinMaxScaler().fit(COLUMNS).transform(UNSEEN), [[-0.2, 1.125, 1.0]])
    np.testing.assert_array_equal(MinMaxScaler(clip=True).fit(COLUMNS).transform(UNSEEN), [[0.0, 1.0, 1.0]])


def test_standard_scaler() -> None:
    scaler = StandardScaler()
    scaled = scaler.fit_transform(COLUMNS)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-15)
    np.testing.assert_allclose(scaled.std(axis=0), [1, 1, 0], rtol=1e-15)
    assert scaler.mean_.tolist() == [3, 2, 5]
    assert scaler.var_.tolist() == [3.5, 10, 0]
    np.testing.assert_allclose(scaler.scale_, [np.sqrt(3.5), np.sqrt(10), 1])
    np.testing.assert_allclose(scaler.transform(UNSEEN), [[-3 / np.sqrt(3.5), 5 / np.sqrt(10), 1]])


def test_standard_scaler_without_mean_or_std() -> None:
    no_mean = StandardScaler(with_mean=False).fit(COLUMNS)
    np.testing.assert_allclose(no_mean.transform(COLUMNS), COLUMNS / [np.sqrt(3.5), np.sqrt(10), 1])
    no_std = StandardScaler(with_std=False).fit(COLUMNS)
    np.testing.assert_array_equal(no_std.transform(COLUMNS), COLUMNS - [3, 2, 5])
    assert (no_std.var_, no_std.scale_) == (None, None)
    neither = StandardScaler(with_mean=False, with_std=False).fit(COLUMNS)
    np.testing.assert_array_equal(neither.transform(COLUMNS), COLUMNS)
    assert neither.mean_ is None
    for scaler in (no_mean, no_std, neither):
        np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(UNSEEN)), UNSEEN, rtol=1e-14)


def test_a_column_that_varies_by_rounding_errors_is_constant() -> None:
    # The mean of 0.1 over 1000 samples is not exactly 0.1, so the computed variance is not exactly 0.
    column = np.full((1000, 1), 0.1)
    assert column.var() > 0
    assert StandardScaler().fit(column).scale_.tolist() == [1.0]
    assert MinMaxScaler().fit(np.array([[0.1], [0.1 + 1e-16]])).scale_.tolist() == [1.0]


def test_a_column_that_varies_by_little_beside_its_mean_is_scaled() -> None:
    column = 1e6 + np.array([[-1e-5], [1e-5]])
    np.testing.assert_allclose(StandardScaler().fit_transform(column), [[-1], [1]], rtol=1e-4)


@pytest.mark.parametrize("make", SCALERS)
def test_inverse_transform_restores(make: Callable[[], Any]) -> None:
    scaler = make().fit(COLUMNS)
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(COLUMNS)), COLUMNS, rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(UNSEEN)), UNSEEN, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("make", SCALERS)
def test_scalers_keep_kind_and_float32(make: Callable[[], Any]) -> None:
    single = COLUMNS.astype(np.float32)
    assert make().fit_transform(single).dtype == np.float32
    assert make().fit_transform(COLUMNS.astype(int)).dtype == np.float64
    assert make().fit_transform(COLUMNS.tolist()).dtype == np.float64
    tensor = make().fit_transform(mg.tensor(single))
    assert isinstance(tensor, mg.Tensor)
    assert tensor.dtype == mg.float32
    np.testing.assert_array_equal(tensor.numpy(), make().fit_transform(COLUMNS).astype(np.float32))


@pytest.mark.parametrize("make", SCALERS)
def test_scalers_leave_their_input_alone(make: Callable[[], Any]) -> None:
    columns = COLUMNS.copy()
    scaler = make()
    scaled = scaler.fit_transform(columns)
    scaler.inverse_transform(scaled)
    np.testing.assert_array_equal(columns, COLUMNS)


@pytest.mark.parametrize("make", SCALERS)
@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_transform_before_fit(make: Callable[[], Any], method: str) -> None:
    scaler = make()
    with pytest.raises(NotFittedError, match=rf"{type(scaler).__name__}.{method}: .*Call fit\(X_train\)") as caught:
        getattr(scaler, method)(COLUMNS)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, AttributeError)


@pytest.mark.parametrize("make", SCALERS)
@pytest.mark.parametrize("method", ["fit", "transform", "inverse_transform", "fit_transform"])
@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (np.array([[1.0, 2.0, 3.0], [1.0, np.nan, np.inf]]), ValueError, r"got nan in X\[1, 1\], and 2 such values"),
        (np.array([1.0, 2.0, 3.0]), ValueError, r"got shape \(3,\), expected two dimensions.*reshape\(-1, 1\)"),
        (np.array([["a", "b", "c"]]), TypeError, "got dtype <U1, expected numbers"),
        (mg.tensor(COLUMNS, requires_grad=True), ValueError, r"requires a gradient.*Pass x.detach\(\)"),
    ],
)
def test_scalers_refuse(make: Callable[[], Any], method: str, wrong: Any, error: type[Exception], text: str) -> None:
    scaler = make().fit(COLUMNS)
    before = {name: np.copy(value) for name, value in vars(scaler).items()}
    name = f"{type(scaler).__name__}.{'fit' if method == 'fit_transform' else method}"
    with pytest.raises(error, match=rf"{name}: argument X: .*{text}"):
        getattr(scaler, method)(wrong)
    for key, value in before.items():
        np.testing.assert_array_equal(getattr(scaler, key), value)


@pytest.mark.parametrize("make", SCALERS)
def test_scalers_refuse_other_features_and_no_samples(make: Callable[[], Any]) -> None:
    scaler = make().fit(COLUMNS)
    with pytest.raises(ValueError, match=r"got shape \(4, 2\), expected 3 features, as in fit"):
        scaler.transform(COLUMNS[:, :2])
    with pytest.raises(ValueError, match=r"got shape \(0, 3\), expected at least one sample"):
        scaler.fit(COLUMNS[:0])
    assert scaler.transform(COLUMNS[:0]).shape == (0, 3)


def test_min_max_scaler_refuses_an_empty_range() -> None:
    with pytest.raises(ValueError, match=r"MinMaxScaler: argument feature_range: got \(1, 1\), expected \(low, high\)"):
        MinMaxScaler((1, 1))
