"""What NaN, infinities and bounds make of elementwise ops and their gradients."""

import numpy as np

import minigrad as mg
from minigrad.nn import functional as F

NAN, INF = float("nan"), float("inf")


def test_the_number_wins_over_a_nan_and_takes_the_gradient():
    nan = float("nan")
    x, y = mg.tensor([1.0, nan, 2.0, nan, 3.0], requires_grad=True), mg.tensor([nan, 4.0, 2.0, nan, 5.0], requires_grad=True)
    out = mg.fmax(x, y)
    np.testing.assert_array_equal(out.detach().numpy(), [1, 4, 2, nan, 5])
    out.backward(mg.ones(5))
    assert x.grad.tolist() == [1, 0, 0.5, 0, 0]
    assert y.grad.tolist() == [0, 1, 0.5, 1, 1]
    assert mg.fmin(mg.tensor([1, 5]), mg.tensor([2, 3])).tolist() == [1, 3]


def test_nan_to_num_stops_gradients():
    x = mg.tensor([1.0, float("nan"), float("inf"), -float("inf")], requires_grad=True)
    out = mg.nan_to_num(x, nan=7.0, neginf=-1.0)
    assert out.tolist() == [1, 7, float(np.finfo(np.float32).max), -1]
    out.backward(mg.ones(4))
    assert x.grad.tolist() == [1, 0, 0, 0]


def test_a_gradient_passes_where_a_shrunken_number_is_nan():
    for function in (F.hardshrink, F.softshrink, F.hardsigmoid, F.hardswish, lambda x: F.threshold(x, 0.1, 2.0)):
        x = mg.tensor([NAN, 1.0], requires_grad=True)
        out = function(x)
        assert np.isnan(out.detach().numpy()[0])
        out.backward(mg.ones(2))
        assert x.grad.tolist()[0] != 0


def test_bounds_and_infinities():
    x = mg.tensor([-INF, -3.0, -0.5, -0.0, 0.5, 3.0, INF], requires_grad=True)
    ends = {
        F.hardswish: ([0, 0, -0.5 * 2.5 / 6, 0, 0.5 * 3.5 / 6, 3, INF], [0, 0, -0.5 / 3 + 0.5, 0.5, 0.5 / 3 + 0.5, 1, 1]),
        F.hardsigmoid: ([0, 0, 2.5 / 6, 0.5, 3.5 / 6, 1, 1], [0, 0, 1 / 6, 1 / 6, 1 / 6, 0, 0]),
        F.hardshrink: ([-INF, -3, 0, 0, 0, 3, INF], [1, 1, 0, 0, 0, 1, 1]),
        F.softshrink: ([-INF, -2.5, 0, 0, 0, 2.5, INF], [1, 1, 0, 0, 0, 1, 1]),
    }
    for function, (values, slopes) in ends.items():
        x.grad = None
        out = function(x)
        np.testing.assert_allclose(out.detach().numpy(), values, rtol=1e-6)
        out.backward(mg.ones(7))
        np.testing.assert_allclose(x.grad.numpy(), slopes, rtol=1e-6)


def test_prelu_takes_no_gradient_where_its_weight_is_not_used():
    x, weight = mg.tensor([[INF, -2.0], [1.0, -3.0]], requires_grad=True), mg.tensor([0.25, 0.5], requires_grad=True)
    out = F.prelu(x, weight)
    assert out.tolist() == [[INF, -1], [1, -1.5]]
    out.backward(mg.ones(2, 2))
    assert x.grad.tolist() == [[1, 0.5], [1, 0.5]]
    assert weight.grad.tolist() == [0, -5]
