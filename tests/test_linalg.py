"""minigrad.linalg: what the records' samples do not reach."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import linalg
from minigrad.errors import LinAlgError, ShapeError
from minigrad.testing import gradcheck, gradgradcheck


def leaf(numbers):
    return mg.tensor(np.array(numbers, dtype=float), requires_grad=True)


SINGULAR = [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]]


@pytest.mark.parametrize("matrix", [SINGULAR, np.zeros((3, 3)), np.zeros((1, 1)), [SINGULAR, np.eye(3)]])
def test_a_determinant_of_0_has_a_slope(matrix):
    gradcheck(mg.det, leaf(matrix), atol=1e-7)
    gradgradcheck(mg.det, leaf(matrix), atol=1e-6)


@pytest.mark.parametrize("function", [linalg.inv, lambda x: linalg.solve(x, mg.ones(3, dtype=mg.float64))])
def test_a_singular_matrix_is_named(function):
    with pytest.raises(LinAlgError, match=r"^(inv|solve): singular matrix\. A matrix without full rank"):
        function(mg.tensor(SINGULAR, dtype=mg.float64))


def test_an_indefinite_matrix_has_no_root():
    with pytest.raises(LinAlgError, match=r"^cholesky: .*small multiple of the identity"):
        linalg.cholesky(mg.tensor([[1.0, 2.0], [2.0, 1.0]]))


@pytest.mark.parametrize("name", ["inv", "det", "slogdet", "cholesky"])
def test_only_square_matrices(name):
    with pytest.raises(ShapeError, match=rf"^{name}: argument input: got shape \(2, 3\), expected square"):
        getattr(linalg, name)(mg.ones(2, 3))


@pytest.mark.parametrize(("batch", "shape"), [((), (2,)), ((), (2, 3)), ((4,), (4, 2)), ((4,), (4, 2, 3))])
def test_right_sides_of_solve(batch, shape):
    """Vectors, as many as there are matrices, or matrices."""
    a = np.broadcast_to([[3.0, 1.0], [1.0, 2.0]], (*batch, 2, 2))
    b = np.random.default_rng(0).normal(size=shape)
    found = linalg.solve(mg.tensor(a), mg.tensor(b)).numpy()
    assert found.shape == shape
    vectors = len(shape) == len(batch) + 1
    product = (a @ found[..., None])[..., 0] if vectors else a @ found
    np.testing.assert_allclose(product, b, rtol=1e-14)


def test_norms_at_the_origin_have_slope_0():
    x = mg.zeros(2, 2, requires_grad=True)
    (x.norm() + linalg.vector_norm(x, 3.0) + linalg.matrix_norm(x) + x.std()).backward()
    assert x.grad.tolist() == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("dim", [0, 1, 2, (0, 1), (1, 2), (0, 2), None])
def test_squares_are_summed_in_any_layout(dim):
    """Along rows in one pass, along columns of what is squared, and of a view."""
    x = np.random.default_rng(0).uniform(-2, 2, (3, 40, 5))
    for given, array in ((mg.tensor(x), x), (mg.tensor(x.transpose(2, 0, 1)).permute(1, 2, 0), x), (mg.tensor(x)[:, ::2], x[:, ::2])):
        np.testing.assert_allclose(mg.norm(given, dim=dim).numpy(), np.sqrt(np.sum(array**2, dim)), rtol=1e-14)
        np.testing.assert_allclose(given.var(dim, correction=0).numpy(), np.var(array, dim), rtol=1e-13)


def test_norms_of_infinite_vectors():
    x = mg.tensor([np.inf, 2.0, -np.inf])
    assert [linalg.vector_norm(x, p).item() for p in (2, 3.0, np.inf, -1.0)] == [np.inf, np.inf, np.inf, 2.0]
    assert linalg.vector_norm(x[::2], -1.0).item() == np.inf


@pytest.mark.parametrize("ord", [0.5, 1.5])
def test_a_zero_among_others_has_no_share_in_the_slope_of_a_norm(ord):
    """|x|^0.5 is infinitely steep at 0, and |x|^1.5 infinitely bent."""
    x = mg.tensor([0.0, 1.0, 4.0], dtype=mg.float64, requires_grad=True)
    (slope,) = mg.autograd.grad(linalg.vector_norm(x, ord), x, create_graph=True)
    size = (1 + 4.0**ord) ** (1 / ord)
    np.testing.assert_allclose(slope.detach().numpy(), [0.0, *(np.array([1.0, 4.0]) / size) ** (ord - 1)], rtol=1e-14)
    slope.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()
    assert x.grad[0] == 0


@pytest.mark.parametrize(("shapes", "order"), [
    (((100, 1), (1, 100), (100, 1)), [(1, 1), (100, 1)]),  # from the left, 100 x 100 would come first
    (((1, 100), (100, 1), (1, 50), (50, 2)), [(1, 1), (1, 2), (1, 2)]),
    (((2, 50), (50, 1), (1, 100), (100, 1)), [(2, 1), (1, 1), (2, 1)]),
])  # fmt: skip
def test_a_long_product_takes_the_order_of_the_least_work(shapes, order):
    rng = np.random.default_rng(0)
    chain = [rng.uniform(-1, 1, s) for s in shapes]
    found = linalg.multi_dot([mg.tensor(x, requires_grad=True) for x in chain])
    assert [step.shape for step in mg.tape(found)] == order
    np.testing.assert_allclose(found.detach().numpy(), np.linalg.multi_dot(chain))


def test_a_long_product_between_vectors_is_a_number():
    rng = np.random.default_rng(0)
    chain = [rng.uniform(-1, 1, s) for s in ((100,), (100, 3), (3, 50), (50,))]
    np.testing.assert_allclose(linalg.multi_dot([mg.tensor(x) for x in chain]).item(), np.linalg.multi_dot(chain))
