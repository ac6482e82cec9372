"""Quantiles, extrema, covariances and histograms. (Values and derivatives beside NumPy's: test_compositions.py.)"""

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import AxisError, DTypeError, ShapeError

X = mg.tensor([[3.0, 1.0, 2.0, 4.0], [8.0, 6.0, 5.0, 7.0]])


@pytest.mark.parametrize(
    ("interpolation", "wanted"),
    [("linear", [1.9, 5.9]), ("lower", [1.0, 5.0]), ("higher", [2.0, 6.0]), ("nearest", [2.0, 6.0]), ("midpoint", [1.5, 5.5])],
)
def test_a_quantile_between_two_elements(interpolation, wanted):
    np.testing.assert_allclose(X.quantile(0.3, dim=1, interpolation=interpolation).numpy(), wanted, rtol=1e-6)


def test_several_quantiles_come_first():
    assert mg.quantile(X, mg.tensor([0.0, 1.0]), dim=1).tolist() == [[1.0, 5.0], [4.0, 8.0]]
    assert mg.quantile(X, [0.0, 0.5, 1.0], dim=1, keepdim=True).shape == (3, 2, 1)
    assert mg.quantile(X, [0.5], keepdim=True).shape == (1, 1, 1)
    assert mg.quantile(X, 0.5).item() == 4.5


def test_a_quantile_of_what_has_a_nan_is_nan():
    found = mg.tensor([[1.0, np.nan, 2.0], [1.0, 3.0, 2.0]]).quantile(0.0, dim=1)
    np.testing.assert_array_equal(found.numpy(), [np.nan, 1.0])


def test_ranks_among_equals_and_nan():
    x = mg.tensor([[3.0, 1.0, 3.0, 2.0, 3.0], [np.nan, 5.0, np.inf, np.nan, 5.0]])
    for k, values, indices in ((1, [1, 5], [1, 1]), (2, [2, 5], [3, 1]), (4, [3, np.nan], [0, 0])):
        found = x.kthvalue(k, dim=1)
        np.testing.assert_array_equal(found.values.numpy(), values)
        assert found.indices.tolist() == indices
    np.testing.assert_array_equal(x.median(dim=1).values.numpy(), [3.0, np.nan])
    assert x.median(dim=1).indices.tolist() == [0, 0]
    assert mg.tensor([4, 1, 3, 2]).median().item() == 2


def test_the_gradient_goes_to_both_neighbours():
    x = X.clone().requires_grad_()
    x.quantile(0.3, dim=1).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [[0.0, 0.1, 0.9, 0.0], [0.0, 0.9, 0.1, 0.0]], rtol=1e-5)


def test_a_mean_of_integers_in_a_type_of_floats():
    assert mg.tensor([1, 2]).mean(dtype=mg.float64).item() == 1.5


@pytest.mark.parametrize("name", ["max", "min", "sort", "cummax", "cummin"])
def test_values_and_indices_of_a_scalar(name):
    x = mg.tensor(3.0, requires_grad=True)
    found = getattr(x, name)(0)
    assert (found.values.item(), found.indices.tolist()) == (3.0, 0)
    found.values.backward()
    assert x.grad.item() == 1.0


def test_correlations_of_lines_are_one():
    assert mg.corrcoef(mg.tensor([[1.0, 2.0, 3.0], [-2.0, -4.0, -6.0]])).tolist() == [[1.0, -1.0], [-1.0, 1.0]]
    assert mg.corrcoef(X[0]).item() == 1.0
    assert mg.cov(X[0]).item() == pytest.approx(5 / 3)


@pytest.mark.parametrize("right", [False, True])
def test_searching_in_rows_is_searching_in_each(right):
    rows, values = np.array([[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]), np.array([[3.0, 0.0], [6.0, 4.0]])
    side = "right" if right else "left"
    found = mg.searchsorted(mg.tensor(rows), mg.tensor(values), right=right)
    assert found.tolist() == [np.searchsorted(row, v, side).tolist() for row, v in zip(rows, values, strict=True)]
    assert mg.bucketize(mg.tensor(values), mg.tensor(rows[0]), right=right).tolist() == np.searchsorted(rows[0], values, side).tolist()


def test_histograms():
    x = mg.tensor([0.0, 0.1, 0.5, 0.9, 1.0, 7.0, np.nan])
    assert mg.histc(x, 2, 0, 1).tolist() == [2.0, 3.0]
    assert mg.histc(mg.tensor([1.0, 2.0, 5.0]), bins=4).tolist() == [1.0, 1.0, 0.0, 1.0]
    assert mg.histc(mg.tensor([1.0, 2.0]).double(), 3).dtype is mg.float64
    assert mg.histc(mg.zeros(0), 2).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: mg.quantile(X, 1.5), ValueError, r"quantile: argument q: got 1.5, expected a number in \[0, 1\]"),
        (lambda: mg.quantile(X, [[0.5]]), ValueError, r"quantile: argument q: got \[\[0.5\]\]"),
        (lambda: mg.quantile(X, 0.5, interpolation="cubic"), ValueError, "argument interpolation: got 'cubic', expected one of linear"),
        (lambda: mg.quantile(X, 0.5, dim=2), AxisError, "quantile: argument dim: got 2"),
        (lambda: mg.quantile(X.long(), 0.5), DTypeError, r"quantile: argument input: got dtype int64.* Write input.float\(\)"),
        (lambda: mg.quantile(mg.zeros(0), 0.5), ShapeError, "quantile"),
        (lambda: mg.cov(mg.ones(2, 2, 2)), ShapeError, r"cov: argument input: got shape \(2, 2, 2\)"),
        (lambda: mg.histc(X, 0), ValueError, "histc: argument bins: got 0"),
        (lambda: mg.histc(X, 2, 3, 1), ValueError, "histc: argument max: got 1, expected at least min, 3"),
        (lambda: mg.histc(mg.tensor([1.0, np.inf]), 2), ValueError, "histc: argument input: got elements from 1.0 to inf"),
    ],
)
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()
