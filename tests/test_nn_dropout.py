"""AlphaDropout and Dropout1d."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import DTypeError, ShapeError
from minigrad.nn import functional as F

FLOOR = -1.0507009873554805 * 1.6732632423543772  # -scale alpha of SELU


@pytest.mark.parametrize("p", [0.05, 0.2, 0.5, 0.9])
def test_alpha_dropout_is_its_formula(p):
    """Of each number the result is one of two, a x + b and a c + b, the latter with probability p."""
    x = np.random.default_rng(0).normal(size=20_000)
    leaf = mg.tensor(x, requires_grad=True)
    out = F.alpha_dropout(leaf, p, training=True)
    out.sum().backward()
    q = 1 - p
    a = (q + FLOOR**2 * q * p) ** -0.5
    kept, dropped = a * x - a * p * FLOOR, a * FLOOR - a * p * FLOOR
    held = leaf.grad.array != 0
    np.testing.assert_allclose(out.array, np.where(held, kept, dropped), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(leaf.grad.array[held], a, rtol=1e-12)
    assert abs(held.mean() - q) < 5 * np.sqrt(p * q / len(x))


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(p):
    x = np.random.default_rng(1).normal(size=200_000).astype("f4")
    out = nn.AlphaDropout(p)(mg.tensor(x)).array
    assert abs(out.mean()) < 0.02
    assert abs(out.std() - 1) < 0.02


def test_dropout1d_drops_whole_channels():
    x = mg.full((50, 40, 6), 3.0, requires_grad=True)
    out = nn.Dropout1d(0.25)(x)
    out.sum().backward()
    assert (out.array == out.array[..., :1]).all()
    assert sorted(set(out.array.ravel().tolist())) == [0.0, 4.0]
    assert abs((out.array[..., 0] == 0).mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / 2000)
    np.testing.assert_allclose(x.grad.array, out.array / 3, rtol=1e-6)
    assert F.dropout1d(mg.ones(40, 6)).shape == (40, 6)


@pytest.mark.parametrize("module", [nn.AlphaDropout, nn.Dropout1d])
def test_modes_and_edges(module):
    x = mg.randn(3, 4, 5)
    drop = module(0.5)
    mg.manual_seed(3)
    first = drop(x).array.tobytes()
    mg.manual_seed(3)
    assert drop(x).array.tobytes() == first != drop(x).array.tobytes()
    assert drop.eval()(x) is x
    assert module(0.0)(x).tolist() == x.tolist()
    assert not module(1.0)(x).array.any()
    assert module()(mg.zeros(0, 3)).shape == (0, 3)


def test_functions_have_pytorchs_defaults():
    x = mg.ones(30, 30)
    assert F.alpha_dropout(x).tolist() == x.tolist()  # training=False
    assert F.dropout1d(x).tolist() != x.tolist()  # training=True
    source = mg.Generator()
    source.manual_seed(5)
    ours = F.alpha_dropout(x, 0.5, True, generator=source).tolist()
    source.manual_seed(5)
    assert F.alpha_dropout(x, 0.5, True, generator=source).tolist() == ours


def test_errors_say_what_to_do():
    for call in (nn.AlphaDropout, nn.Dropout1d, lambda p: F.alpha_dropout(mg.ones(2), p), lambda p: F.dropout1d(mg.ones(2, 2), p)):
        for p in (-0.1, 1.1, float("nan")):
            with pytest.raises(ValueError, match=f"argument p: got {p}, .* has to be between 0 and 1, but got {p}"):
                call(p)
    with pytest.raises(DTypeError, match="alpha_dropout: argument input: got dtype int64"):
        nn.AlphaDropout()(mg.tensor([1, 2]))
    with pytest.raises(ShapeError, match=r"dropout1d: argument input: got shape \(2,\), expected \(N, C, L\) or \(C, L\)"):
        nn.Dropout1d()(mg.ones(2))
