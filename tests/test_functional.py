"""Derivatives of functions, as functions."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import functional
from minigrad.errors import DTypeError, GradError, ShapeError

X = np.array([0.3, -0.7, 1.1])


def t(numbers):
    return mg.tensor(np.array(numbers, dtype=float))


def cube(x):
    return (x * x * x).sum()


def test_grad_nests_to_any_order():
    first = mg.grad(cube)
    second = mg.grad(lambda x: first(x).sum())
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


def test_nested_arguments_have_nested_jacobians_and_hessians():
    params = {"w": np.array([1.0, -2.0]), "b": 0.5}

    def loss(p):
        return (p["w"] * p["w"]).sum() * p["b"]

    h = mg.hessian(loss)(params)
    assert h["w"]["w"].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert h["w"]["b"].tolist() == h["b"]["w"].tolist() == [2.0, -4.0]
    assert h["b"]["b"].item() == 0.0
    j = mg.jacobian(lambda p: [p["w"] * 3.0, p["b"] * p["b"]])(params)
    assert (j[0]["w"].tolist(), j[1]["b"].item()) == ([[3.0, 0.0], [0.0, 3.0]], 1.0)
    assert j[1]["w"].tolist() == [0.0, 0.0]
    product = mg.hvp(loss, params, {"w": [1.0, 1.0], "b": 2.0})
    assert (product["w"].tolist(), product["b"].item()) == ([5.0, -7.0], -2.0)


def test_results_are_numbers_alone_where_nobody_can_differentiate_them():
    value, slope = mg.value_and_grad(cube)(X)
    out, pullback = mg.vjp(np.tanh, X)
    primal, tangent = mg.jvp(np.tanh, (X,), (X,))
    found = [value, slope, out, *pullback(X), primal, tangent, mg.jacobian(np.tanh)(X), mg.hessian(cube)(X), mg.hvp(cube, X, X)]
    assert not any(x.requires_grad for x in found)
    np.testing.assert_allclose(slope, 3 * X**2)  # NumPy takes them as they are
    _, seen = mg.grad(lambda x: (cube(x), {"x": x, "y": x * 2.0}), has_aux=True)(X)
    assert not any(x.requires_grad for x in seen.values())


def test_descent_by_grad_grows_no_tape():
    x = t(X)
    for _ in range(3):
        x = x - 0.1 * mg.grad(cube)(x)
    assert x.node is None


def test_results_have_a_history_where_somebody_can_ask_for_it():
    weight = mg.tensor([2.0], dtype=mg.float64, requires_grad=True)
    slope = mg.grad(lambda x: (weight * x * x).sum())(t([3.0]))  # 2 w x
    slope.sum().backward()
    assert weight.grad.tolist() == [6.0]
    leaf = mg.tensor(X, requires_grad=True)
    for made in (mg.grad(cube)(leaf), mg.jvp(cube, (leaf,), (X,))[1], mg.vjp(cube, t(X))[1](leaf.sum())[0], mg.value_and_grad(cube)(leaf)[0]):
        assert made.requires_grad
    mg.hvp(cube, t(X), leaf).sum().backward()
    np.testing.assert_allclose(leaf.grad, 6 * X)


def test_numbers_keep_the_type_that_they_have():
    assert mg.grad(np.sin)(0.5).dtype == np.float32
    assert mg.grad(np.sin)(np.float64(0.5)).dtype == np.float64
    assert mg.grad(np.sin)(np.float32(0.5)).dtype == np.float32


def test_elementwise():
    np.testing.assert_allclose(mg.elementwise_grad(mg.tanh)(t(X)).detach().numpy(), 1 - np.tanh(X) ** 2)


def test_empty_results_and_arguments():
    assert mg.jacobian(lambda x: x * 2.0)(mg.zeros(0)).shape == (0, 0)
    assert mg.grad(lambda x: x.sum())(mg.zeros(0, 3)).shape == (0, 3)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: mg.grad(lambda x: x * 2.0)(t(X)), ShapeError, r"^grad: argument result of the function: got a tensor of shape \(3,\).*Reduce it"),
        (lambda: mg.grad(cube)(mg.tensor([1, 2])), DTypeError, r"^grad: argument args\[0\]: got dtype int64, expected floats.*1\.0 instead of 1"),
        (lambda: mg.grad(lambda x: (cube(x), x))(t(X)), ShapeError, r"got a tuple.*has_aux=True"),
        (lambda: mg.grad(lambda x: None)(t(X)), ShapeError, r"got None.*`return`"),
        (lambda: mg.grad(lambda x: math.sin(x))(0.5), ShapeError, r"got a float.*functions of `math`.*no derivative follows"),
        (lambda: mg.elementwise_grad(math.sin)(0.5), ShapeError, r"^elementwise_grad: .*got a float"),
        (lambda: mg.jacobian(lambda x: [x, 1.0])(t(X)), GradError, r"^jacobian: argument result of the function: got a float"),
        (lambda: mg.vjp(matrix_function, t(X))[1]([1.0]), ShapeError, r"^vjp: argument cotangent: got shape \(1,\), expected shape \(3,\)"),
        (lambda: mg.vjp(lambda x: (x, x), t(X))[1](X), ValueError, r"^vjp: argument cotangent: got a ndarray, expected a tuple of 2"),
        (lambda: mg.jvp(cube, t(X), t(X)), TypeError, r"^jvp: argument primals: got a Tensor.*jvp\(function, \(x,\), \(v,\)\)"),
        (lambda: mg.hvp(lambda p: p["w"].sum(), {"w": X}, {"v": X}), ValueError, r"^hvp: argument vector: got the keys \['v'\]"),
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
