"""Derivatives of functions, as functions."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import functional
from minigrad.errors import DTypeError, ShapeError

X = np.array([0.3, -0.7, 1.1])


def t(numbers):
    return mg.tensor(np.array(numbers, dtype=float))


def cube(x):
    return (x * x * x).sum()


def test_grad_nests_to_any_order():
    first, second, third = mg.grad(cube), mg.grad(lambda x: mg.grad(cube)(x).sum()), None
    third = mg.grad(lambda x: second(x).sum())
    np.testing.assert_allclose(first(t(X)).detach().numpy(), 3 * X**2)
    np.testing.assert_allclose(second(t(X)).detach().numpy(), 6 * X)
    np.testing.assert_allclose(third(t(X)).detach().numpy(), np.full(3, 6.0))
    assert mg.grad(mg.grad(mg.grad(lambda x: x**4.0)))(2.0).item() == pytest.approx(48.0)


def test_arguments_are_left_alone():
    x = t(X)
    mg.grad(cube)(x)
    assert not x.requires_grad
    leaf = mg.tensor(X, requires_grad=True)
    mg.grad(cube)(leaf)
    assert leaf.grad is None
    with mg.no_grad():
        assert mg.grad(cube)(x).tolist() == mg.grad(cube)(X).tolist()


def test_nested_arguments_several_of_them_and_more_results():
    params = {"w": [t([1.0, 2.0]), t([3.0])], "b": t(0.5)}

    def loss(p, x, scale=1.0):
        return (p["w"][0].sum() * p["w"][1].sum() + p["b"]) * x * scale, {"seen": x}

    (value, more), (dp, dx) = mg.value_and_grad(loss, argnums=(0, 1), has_aux=True)(params, t(2.0), scale=10.0)
    assert value.item() == pytest.approx((3.0 * 3.0 + 0.5) * 20.0)
    assert more["seen"].item() == 2.0
    assert [g.tolist() for g in dp["w"]] == [[60.0, 60.0], [60.0]]
    assert (dp["b"].item(), dx.item()) == (20.0, 95.0)
    gradient, more = mg.grad(loss, has_aux=True)(params, t(2.0))
    assert (gradient["b"].item(), more["seen"].item()) == (2.0, 2.0)


def test_what_does_not_depend_has_gradient_0():
    assert mg.grad(lambda x, y: y * 1.0)(t(1.0), t(2.0)).item() == 0.0
    assert mg.grad(lambda x: t(3.0))(t(1.0)).item() == 0.0


def matrix_function(x):
    return mg.stack([x[0] * x[1], x[1].sin(), x[0].exp() * x[2]])


def test_vjp_jvp_and_the_jacobian_agree():
    x, v = t(X), np.array([0.2, -0.4, 0.9])
    j = mg.jacobian(matrix_function)(x).detach().numpy()
    expected = np.array([[X[1], X[0], 0], [0, np.cos(X[1]), 0], [np.exp(X[0]) * X[2], 0, np.exp(X[0])]])
    np.testing.assert_allclose(j, expected)
    out, pullback = mg.vjp(matrix_function, x)
    np.testing.assert_allclose(out.detach().numpy(), matrix_function(x).numpy())
    for cotangent in (v, t(2 * v)):
        np.testing.assert_allclose(pullback(cotangent)[0].detach().numpy(), np.asarray(cotangent) @ j)
    out, tangent = mg.jvp(matrix_function, [x], [v])
    np.testing.assert_allclose(tangent.detach().numpy(), j @ v)


def test_hessian_and_its_product_with_a_vector():
    def function(x):
        return (x.exp() * x.roll(1, 0)).sum()

    h = mg.hessian(function)(t(X)).detach().numpy()
    np.testing.assert_allclose(h, h.T, atol=1e-14)
    np.testing.assert_allclose(np.diag(h), np.exp(X) * np.roll(X, 1))
    v = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(mg.hvp(function, t(X), v).detach().numpy(), h @ v)


def test_elementwise():
    np.testing.assert_allclose(mg.elementwise_grad(mg.tanh)(t(X)).detach().numpy(), 1 - np.tanh(X) ** 2)


def test_empty_results_and_arguments():
    assert mg.jacobian(lambda x: x * 2.0)(mg.zeros(0)).shape == (0, 0)
    assert mg.grad(lambda x: x.sum())(mg.zeros(0, 3)).shape == (0, 3)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: mg.grad(lambda x: x * 2.0)(t(X)), ShapeError, r"^value_and_grad: argument result of the function: got a tensor of shape \(3,\)"),
        (lambda: mg.grad(cube)(mg.tensor([1, 2])), DTypeError, r"got dtype int64, expected floats.*1\.0 instead of 1"),
        (lambda: mg.grad(cube, argnums=1)(t(X)), ValueError, r"argument argnums: got 1, expected positions of the 1 arguments"),
        (lambda: mg.jvp(cube, [t(X)], [t(1.0)]), ShapeError, r"^jvp: argument tangents\[0\]: got shape \(\)"),
        (lambda: mg.jvp(cube, [t(X)], []), ValueError, r"^jvp: argument tangents: got 0"),
        (lambda: mg.hvp(cube, t(X), [1.0]), ShapeError, r"^hvp: argument vector: got shape \(1,\)"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_the_names_of_the_module():
    for name in ("grad", "value_and_grad", "vjp", "jvp", "jacobian", "hessian", "hvp", "elementwise_grad"):
        assert getattr(mg, name) is getattr(functional, name)
