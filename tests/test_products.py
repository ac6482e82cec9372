"""Products of all numbers, of rows with rows, and of vectors in space."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ShapeError

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("dim", [None, 0, 1, 2, (0, 1), (0, 2), (1, 2)])
@pytest.mark.parametrize("shape", [(2, 3, 4), (33, 2, 17), (0, 2, 3), (1, 300, 1)])
def test_prod_is_numpys(shape, dim):
    x = RNG.uniform(0.8, 1.2, shape)
    for array in (x, x.transpose(2, 1, 0).copy().transpose(2, 1, 0)):
        np.testing.assert_allclose(mg.prod(mg.tensor(array), dim).numpy(), np.prod(array, dim), rtol=1e-12)
        np.testing.assert_allclose(mg.prod(mg.tensor(array), dim, keepdim=True).numpy(), np.prod(array, dim, keepdims=True), rtol=1e-12)


def test_prod_of_special_numbers():
    nan, inf = float("nan"), float("inf")
    assert mg.prod(mg.tensor([])).item() == 1
    assert mg.prod(mg.tensor([inf, -2.0])).item() == -inf
    assert np.isnan(mg.prod(mg.tensor([inf, 0.0])).item())
    assert np.isnan(mg.prod(mg.tensor([1.0] * 40 + [nan])).item())
    assert mg.prod(mg.tensor([2, 3])).item() == 6


def test_the_slope_where_the_product_underflows():
    """Its slopes are 0 as well; that no factor is 0 is found without a table of all pairs."""
    x = mg.full((70_000,), 0.5, requires_grad=True)
    x.prod().backward()
    assert not x.grad.numpy().any()


@pytest.mark.parametrize("n", [0, 1, 7, 64, 1000, 200_000])
def test_dots_of_vectors(n):
    x, y = RNG.standard_normal((2, n)).astype(np.float32)
    exact = float(np.dot(x.astype(np.float64), y))
    scale = float(np.abs(x.astype(np.float64) * y).sum()) + 1e-30
    for got in (mg.dot(mg.tensor(x), mg.tensor(y)), mg.einsum("i,i->", mg.tensor(x), mg.tensor(y))):
        assert abs(got.item() - exact) <= 32 * np.finfo(np.float32).eps * scale


@pytest.mark.parametrize("equation", ["ij,ij->i", "ij,ij->j", "ij,ij->", "ij,ij->ij", "ij,ij->ji", "...i,...i->..."])
def test_einsum_of_alike_operands(equation):
    x, y = RNG.standard_normal((2, 4, 5))
    a, b = (mg.tensor(v, requires_grad=True) for v in (x, y))
    out = mg.einsum(equation, a, b)
    np.testing.assert_allclose(out.detach().numpy(), np.einsum(equation, x, y), rtol=1e-13, atol=1e-14)
    g = RNG.standard_normal(out.shape)
    out.backward(mg.tensor(g))
    spread = g[:, None] if equation in ("ij,ij->i", "...i,...i->...") else g.T if equation == "ij,ij->ji" else g
    np.testing.assert_allclose(a.grad.numpy(), spread * y, rtol=1e-13)
    np.testing.assert_allclose(b.grad.numpy(), spread * x, rtol=1e-13)


def test_vectors_of_different_lengths():
    with pytest.raises(ShapeError):
        mg.dot(mg.ones(3), mg.ones(4))
    assert mg.dot(mg.tensor([1, 2]), mg.tensor([3, 4])).item() == 11


@pytest.mark.parametrize(("x", "y", "dim"), [((5, 3), (5, 3), -1), ((3, 5), (3, 5), 0), ((5, 3), (3,), -1), ((2, 3, 4), (2, 3, 1), 1), ((0, 3), (0, 3), 1)])
def test_cross_is_numpys(x, y, dim):
    a, b = RNG.standard_normal(x), RNG.standard_normal(y)
    full = np.broadcast_shapes(x, y)
    expected = np.cross(np.broadcast_to(a, full), np.broadcast_to(b, full), axis=dim)
    np.testing.assert_allclose(mg.cross(mg.tensor(a), mg.tensor(b), dim).numpy(), expected, rtol=1e-13, atol=1e-15)
    u, v = (mg.tensor(w, requires_grad=True) for w in (a, b))
    mg.cross(u, v, dim).sum().backward()
    assert u.grad.shape == x
    assert v.grad.shape == y
