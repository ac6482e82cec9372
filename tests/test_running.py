"""Running sums, products and extrema: values, digits, gradients, and what a captured step makes of them."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.testing import gradcheck

NAN = float("nan")


def test_a_long_sum_keeps_its_digits():
    x = np.full(1_000_000, 0.1, np.float32)
    got = mg.cumsum(mg.tensor(x), 0).numpy()
    exact = np.cumsum(x.astype(np.float64))
    np.testing.assert_allclose(got, exact, rtol=np.finfo(np.float32).eps / 2)


@pytest.mark.parametrize("shape", [(3, 5, 2), (9, 4), (17,), (2, 70), (2, 3, 65), (0, 3), (3, 0)])
def test_every_dimension_and_strided_memory(shape):
    x = np.random.default_rng(1).uniform(0.5, 1.5, shape)
    for dim in range(len(shape)):
        for array in (x, np.asfortranarray(x), x[..., ::-1]):
            np.testing.assert_allclose(mg.cumsum(mg.tensor(array), dim).numpy(), np.cumsum(array, dim), rtol=1e-13)
            np.testing.assert_allclose(mg.cumprod(mg.tensor(array), dim).numpy(), np.cumprod(array, dim), rtol=1e-13)
            if shape[dim]:
                values, at = mg.cummax(mg.tensor(array), dim)
                np.testing.assert_array_equal(values.numpy(), np.maximum.accumulate(array, dim))
                np.testing.assert_array_equal(np.take_along_axis(array, at.numpy(), dim), values.numpy())


def test_of_equal_extrema_the_last_counts_and_a_nan_stays():
    values, at = mg.cummax(mg.tensor([1.0, 3.0, 3.0, 2.0, NAN, 5.0, NAN, 1.0]), 0)
    assert at.tolist() == [0, 1, 2, 2, 4, 4, 6, 6]
    np.testing.assert_array_equal(values.numpy(), [1, 3, 3, 3, NAN, NAN, NAN, NAN])
    assert mg.cummin(mg.tensor([-0.0, 0.0, -float("inf"), 1.0]), 0).indices.tolist() == [0, 1, 2, 2]
    assert mg.cummax(mg.tensor([-float("inf"), -float("inf")]), 0).indices.tolist() == [0, 1]
    assert mg.cummax(mg.tensor([2, 5, 5, 1]), 0).indices.tolist() == [0, 1, 2, 2]


@pytest.mark.parametrize("zeros", [(), ((0, 1),), ((0, 1), (0, 3), (1, 0))])
def test_slopes_of_products_with_zeros(zeros):
    x = np.random.default_rng(2).uniform(0.5, 1.5, (2, 4))
    for place in zeros:
        x[place] = 0
    wanted = mg.tensor(x, requires_grad=True)
    for dim in (0, 1):
        assert gradcheck(lambda v, dim=dim: mg.cumprod(v, dim), wanted)
        assert gradcheck(lambda v, dim=dim: mg.prod(v, dim), wanted)
    assert gradcheck(mg.prod, wanted)


def test_a_scalar_and_an_integer():
    assert mg.cumsum(mg.tensor(3.0)).item() == 3
    assert mg.cumprod(mg.tensor([2, 3, 4])).tolist() == [2, 6, 24]
    assert mg.cumsum(mg.tensor([True, True])).tolist() == [1, 2]


def test_a_captured_step_runs_them():
    x = mg.tensor(np.arange(6.0, dtype=np.float32).reshape(2, 3), requires_grad=True)

    @mg.jit
    def step(v):
        x.grad = None
        values, at = mg.cummax(x * v, 1)
        loss = (mg.cumsum(values, 1) * mg.repeat_interleave(v, 1, 0)).sum() + at.float().sum()
        loss.backward()
        return loss, x.grad

    for sign in (1.0, -1.0, 2.0):
        v = mg.full((2, 3), sign)
        got, gradient = step(v)
        values, at = mg.cummax(x.detach() * v, 1)
        expected = (np.cumsum(values.numpy(), 1) * sign).sum() + at.numpy().sum()
        assert got.item() == pytest.approx(expected)
        weights = np.zeros((2, 3), np.float32)
        np.add.at(weights, (np.arange(2)[:, None], at.numpy()), np.array([3, 2, 1], np.float32) * sign * sign)
        np.testing.assert_allclose(gradient.numpy(), weights)
