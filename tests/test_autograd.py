"""autograd.grad, derivatives of derivatives, hooks, the modes of recording, and the backends."""

import threading

import numpy as np
import pytest

import minigrad as mg
from minigrad import _backend, _hooks, _op, autograd
from minigrad.errors import GradError, ShapeError


def leaf(numbers, dtype=mg.float64):
    return mg.tensor(numbers, dtype=dtype, requires_grad=True)


@pytest.fixture(autouse=True)
def _alone():
    """A test that fails between two switches must not fail the next ones."""
    yield
    mg.set_grad_enabled(True)


# -- grad --------------------------------------------------------------------------------------------------------------


def test_grad_returns_and_leaves_grad_alone(backend):
    x, y = leaf([1.0, 2.0]), leaf(3.0)
    gx, gy = autograd.grad((x * x * y).sum(), (x, y))
    np.testing.assert_array_equal(gx.numpy(), [6.0, 12.0])
    assert gy.item() == 5.0
    assert x.grad is None
    assert y.grad is None


def test_grad_of_several_outputs_is_that_of_their_sum():
    x = leaf([1.0, 2.0])
    y = x * x
    (g,) = autograd.grad([y, x.sum(), y * 2.0], x, [mg.tensor([1.0, 0.0]), None, mg.ones(2)])
    np.testing.assert_array_equal(g.numpy(), [2 + 1 + 4, 0 + 1 + 8])


def test_grad_towards_what_was_computed():
    x = leaf(3.0)
    y = x * x
    z = y * x
    gy, gx = autograd.grad(z, (y, x))
    assert (gy.item(), gx.item()) == (3.0, 27.0)
    with pytest.raises(GradError, match="has been freed"):
        autograd.grad(z, x)


def test_grad_leaves_what_lies_behind_its_inputs_alone():
    """A chain taken apart in two: the part behind h is walked, and freed, by the second call alone."""
    x, w = leaf(3.0), leaf(5.0)
    for inputs in (lambda h: [h], lambda h: [h, w]):
        h = x * x
        dh = autograd.grad(h * w * h, inputs(h))[0]
        h.backward(dh)
        assert x.grad.item() == 2 * 9 * 5 * 2 * 3
        x.grad = None


def test_what_grad_returns_is_the_callers_own():
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    seed = mg.ones(2, dtype=mg.float64)
    ga, gb = autograd.grad(a + b, (a, b), seed)
    ga[0] = gb[1] = 9.0
    assert (ga.tolist(), gb.tolist(), seed.tolist()) == ([9.0, 1.0], [1.0, 9.0], [1.0, 1.0])
    x = leaf(2.0)
    (one,) = autograd.grad(x, x)
    one += 5.0
    assert autograd.grad(x * 1.0, x)[0].item() == 1.0


def test_unused_inputs():
    x, other = leaf(2.0), leaf([1.0, 1.0])
    y = x * x
    with pytest.raises(GradError, match=r"^grad: argument inputs\[1\].*do not depend.*allow_unused=True"):
        autograd.grad(y, (x, other))
    assert autograd.grad(y, (x, other), allow_unused=True, retain_graph=True)[1] is None  # the error freed nothing
    assert autograd.grad(y, (x, other), materialize_grads=True)[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "text"),
    [
        (("y", "plain"), {}, GradError, r"inputs\[0\]: got a tensor without requires_grad.*requires_grad=True"),
        (("y", []), {}, TypeError, "inputs: got nothing"),
        (("y", [1.0]), {}, TypeError, "inputs: got float"),
        ((2.0, "x"), {}, TypeError, "^grad: argument outputs: got a float, expected a tensor, or a list of at least one"),
        (("y", 3), {}, TypeError, "^grad: argument inputs: got a int, expected a tensor"),
        (("y", None), {}, TypeError, "^grad: argument inputs: got a NoneType, expected a tensor"),
        (("y", "x", [{"v": 1}]), {}, TypeError, r"^grad: argument grad_outputs\[0\]: got a dict, expected a tensor of the output's shape"),
        (("v", "x", 3), {}, ShapeError, r"gradient: got shape \(\)"),
        (("plain", "x"), {}, GradError, "does not require a gradient"),
        (("v", "x"), {}, GradError, r"a tensor of shape \(2,\), expected a scalar"),
        (("y", "x", ["one", "one"]), {}, ValueError, "grad_outputs: got 2"),
        (("v", "x", "one"), {}, ShapeError, r"gradient: got shape \(\)"),
        (("y", "x"), {"is_grads_batched": True}, ValueError, "is_grads_batched"),
        (("y", "x"), {"only_inputs": False}, ValueError, "only_inputs"),
    ],
)
def test_grad_refuses_and_frees_nothing(arguments, keywords, error, text):
    x = leaf(2.0)
    y = x * x
    named = {"x": x, "y": y, "v": y * mg.ones(2), "plain": mg.ones(1), "one": mg.tensor(1.0)}

    def resolved(argument):
        if isinstance(argument, list):
            return [resolved(a) for a in argument]
        return named[argument] if isinstance(argument, str) else argument

    with pytest.raises(error, match=text):
        autograd.grad(*map(resolved, arguments), **keywords)
    assert autograd.grad(y, x)[0].item() == 4.0


# -- derivatives of derivatives ----------------------------------------------------------------------------------------


def test_derivatives_of_a_power_to_the_last(backend):
    """x^4: 4x^3, 12x^2, 24x, 24, 0."""
    x = leaf(1.5)
    y = x * x * x * x
    for want in (4 * 1.5**3, 12 * 1.5**2, 24 * 1.5, 24.0):
        (y,) = autograd.grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(want, rel=1e-14)


def test_derivatives_of_sines_brother():
    """tanh''' = -2 (1 - 3 t^2) (1 - t^2), with t = tanh x; the op's backward is a kernel of its own."""
    x = leaf([0.3, -1.0])
    y = x.tanh()
    t = y.detach().numpy()
    for _ in range(3):
        (y,) = autograd.grad(y.sum(), x, create_graph=True)
    np.testing.assert_allclose(y.detach().numpy(), -2 * (1 - 3 * t**2) * (1 - t**2), rtol=1e-13)


def test_gradient_of_a_gradients_norm_reaches_the_weights():
    """For f = sum((w x)^2): df/dx = 2 w^2 x, and d|df/dx|^2 / dw = 16 w^3 x^2."""
    w, x = leaf([0.5, 2.0]), leaf([3.0, 1.0])
    (g,) = autograd.grad(((w * x) ** 2).sum(), x, create_graph=True)
    (g**2).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), 16 * np.array([0.5, 2.0]) ** 3 * np.array([3.0, 1.0]) ** 2)


def test_hessian_vector_products_agree_with_the_hessian(backend):
    weight = mg.tensor([[0.5, -1.0], [2.0, 0.25]], dtype=mg.float64)
    x = leaf([[0.3, -0.2]])
    (g,) = autograd.grad((x @ weight).sigmoid().sum(), x, create_graph=True)
    s = 1 / (1 + np.exp(-(x.detach().numpy() @ weight.numpy())))
    hessian = weight.numpy() @ np.diag((s * (1 - s) * (1 - 2 * s))[0]) @ weight.numpy().T
    v = np.array([[1.0, -2.0]])
    (product,) = autograd.grad(g, x, mg.tensor(v))
    np.testing.assert_allclose(product.numpy(), v @ hessian, rtol=1e-13)


# -- hooks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.0, 3.0])
def test_a_hook_replaces_the_gradient(factor):
    x = leaf([1.0, 2.0])
    y, seen = x * 2.0, []
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.register_hook(lambda g: g * factor)
    y.sum().backward()
    assert seen == [[1.0, 1.0]]
    np.testing.assert_array_equal(x.grad.numpy(), [2 * factor, 2 * factor])
    scalar = leaf(1.0)
    z = scalar * 2.0
    z.register_hook(lambda g: g * factor)
    z.backward()
    assert scalar.grad.item() == 2 * factor


def test_a_hook_that_writes_into_its_gradient_writes_into_nothing_else():
    a, b = leaf(1.0), leaf(1.0)
    c, d = a * 1.0, b * 1.0
    c.register_hook(lambda g: g.fill_(7.0))
    (c + d).backward()
    assert (a.grad.item(), b.grad.item()) == (7.0, 1.0)
    loss = a * 1.0
    loss.register_hook(lambda g: g.fill_(1.0 + g.item()))
    loss.backward()
    (b * 1.0).backward()
    assert (a.grad.item(), b.grad.item()) == (9.0, 2.0)


def test_a_hook_of_a_leaf_sees_the_whole_gradient_once():
    known = len(_hooks.of_leaves)
    x, seen = leaf([1.0, 2.0]), []
    handle = x.register_hook(lambda g: seen.append(g.tolist()) or g * 2.0)
    (x * x + 3.0 * x).sum().backward()
    assert (seen, x.grad.tolist()) == ([[5.0, 7.0]], [10.0, 14.0])
    assert autograd.grad((x * 3.0).sum(), x)[0].tolist() == [6.0, 6.0]
    x.backward(mg.ones(2))
    assert x.grad.tolist() == [12.0, 16.0]
    handle.remove()
    handle.remove()
    x.grad = None
    x.sum().backward()
    assert (len(seen), x.grad.tolist()) == (3, [1.0, 1.0])
    with pytest.raises(ShapeError, match=r"<lambda> on a leaf: got shape \(1,\)"), x.register_hook(lambda g: g[:1]):
        x.sum().backward()
    x.sum().backward()  # the context has taken the hook away
    assert x.grad.tolist() == [2.0, 2.0]
    del x
    assert len(_hooks.of_leaves) == known


def test_hooks_are_called_in_order_and_taken_away_one_by_one():
    x = leaf([1.0])
    y = x * 1.0
    handles = [y.register_hook(lambda g, f=f: g * 10 + f) for f in (1, 2, 3)]
    y.backward(retain_graph=True)
    handles[1].remove()
    y.backward(retain_graph=True)
    assert x.grad.tolist() == [1123.0 + 113.0]


def test_hooks_see_the_sum_over_several_outputs():
    seen = []
    x = leaf([5.0])
    y = x * 1.0
    for t in (x, y):
        t.register_hook(lambda g: seen.append(g.item()) or g.clip(max=1.5))
    assert mg.autograd.grad([y.sum(), (y * 1.0).sum()], x, retain_graph=True)[0].tolist() == [1.5]
    assert seen == [2.0, 1.5]
    assert mg.autograd.grad([x, y, x], x, [leaf([n]) for n in (1.0, 2.0, 3.0)])[0].tolist() == [1.5]


def test_hooks_beside_the_way_to_the_targets_are_not_called():
    seen, w, x = [], leaf([2.0]), leaf([5.0])
    beside = w * 2.0
    beside.retain_grad()
    beside.register_hook(seen.append)
    loss = (beside * x + beside * 3.0).sum()
    loss.backward(inputs=[x], retain_graph=True)
    assert (seen, beside.grad, x.grad.tolist()) == ([], None, [4.0])
    loss.backward()
    assert (seen[0].tolist(), beside.grad.tolist()) == ([8.0], [8.0])


def test_detach_in_place():
    x = leaf([1.0, 2.0])
    y = x * 2.0
    assert y.detach_() is y
    assert (y.is_leaf, y.requires_grad) == (True, False)
    (y.requires_grad_() * 3.0).sum().backward()
    assert (x.grad, y.grad.tolist()) == (None, [3.0, 3.0])


def test_retain_grad_keeps_a_gradient_of_its_own():
    x = leaf(2.0)
    y = x * 1.0
    z = y * 1.0
    for t in (x, y, z, z):  # twice is as good as once
        t.retain_grad()
    z.backward(retain_graph=True)
    z.backward()
    assert (x.grad.item(), y.grad.item(), z.grad.item()) == (2.0, 2.0, 2.0)
    y.grad += 5.0
    z.grad += 7.0
    assert (x.grad.item(), y.grad.item(), z.grad.item()) == (2.0, 7.0, 9.0)
    assert autograd.grad(x * 1.0, x)[0].item() == 1.0
    with pytest.raises(GradError, match=r"^retain_grad: got a tensor without requires_grad"):
        x.detach().retain_grad()


# -- modes -------------------------------------------------------------------------------------------------------------


def test_no_grad_as_context_and_decorator():
    x = leaf(2.0)

    @mg.no_grad()
    def called(y):
        return y * 2.0, mg.is_grad_enabled()

    @mg.no_grad
    def bare(y):
        """Kept."""
        return y * 2.0, mg.is_grad_enabled()

    with mg.no_grad():
        inside = x * 2.0
        with mg.enable_grad():
            assert (x * 2.0).requires_grad
        assert not mg.is_grad_enabled()
    for result, enabled in ((inside, False), called(x), bare(x)):
        assert not result.requires_grad
        assert result.is_leaf
        assert not enabled
    assert bare.__doc__ == "Kept."
    assert repr(mg.no_grad()) == "<no_grad>"
    assert (x * 2.0).requires_grad


def test_modes_end_with_their_block_whatever_happens():
    with pytest.raises(ZeroDivisionError), mg.no_grad():
        raise ZeroDivisionError
    assert mg.is_grad_enabled()
    with mg.set_grad_enabled(False):
        assert not mg.is_grad_enabled()
    assert mg.is_grad_enabled()
    mg.set_grad_enabled(False)
    assert not mg.is_grad_enabled()
    mg.set_grad_enabled(True)
    with mg.inference_mode():
        assert not (leaf(1.0) * 2.0).requires_grad


def test_one_mode_entered_twice():
    once = mg.no_grad()
    with once, once:
        assert not mg.is_grad_enabled()
    assert mg.is_grad_enabled()


def test_set_grad_enabled_decorates_without_switching():
    @mg.set_grad_enabled(False)
    def switched():
        return mg.is_grad_enabled()

    assert mg.is_grad_enabled()
    assert not switched()
    assert mg.is_grad_enabled()


def test_no_grad_decorates_the_steps_of_a_generator():
    seen = []

    @mg.no_grad()
    def steps(n):
        """Doc."""
        try:
            while True:
                try:
                    n = yield mg.is_grad_enabled(), n
                except ZeroDivisionError:
                    n = "caught"
                if n is None:
                    return "end"
        finally:
            seen.append("closed")

    run = steps(0)
    assert (next(run), run.send(1), run.throw(ZeroDivisionError())) == ((False, 0), (False, 1), (False, "caught"))
    assert mg.is_grad_enabled()
    with pytest.raises(StopIteration) as end:
        next(run)
    assert (end.value.value, mg.is_grad_enabled(), steps.__doc__, seen) == ("end", True, "Doc.", ["closed"])
    run = steps(0)
    next(run)
    run.close()
    assert seen == ["closed", "closed"]


def test_set_grad_enabled_takes_its_argument_by_name():
    with mg.set_grad_enabled(mode=False):
        assert not mg.is_grad_enabled()
    assert mg.is_grad_enabled()


# -- backends ----------------------------------------------------------------------------------------------------------


def test_the_numpy_backend_is_the_same_tape_over_the_references():
    calls = []
    reference = _op.registry["exp"].reference
    _op.registry["exp"].reference = lambda x: calls.append(x.shape) or reference(x)
    try:
        x = leaf([0.5, 1.0])
        x.exp()
        assert calls == []
        with mg.backend("numpy"):
            loss = x.exp().sum()
        assert calls == [(2,)]
        loss.backward()  # the tape does not remember which backend recorded it
    finally:
        _op.registry["exp"].reference = reference
    np.testing.assert_allclose(x.grad.numpy(), np.exp([0.5, 1.0]), rtol=1e-15)


def test_backends_of_two_threads_overlap_and_end_as_before():
    """The other thread's block is entered within this one's, and left after it."""
    inside, leave = threading.Event(), threading.Event()

    def other():
        with mg.backend("numpy"):
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with mg.backend("numpy"):
        thread.start()
        assert inside.wait(10)
        with mg.backend("c"):
            assert _backend.backend_name == "c"
    assert _backend.backend_name == "numpy"
    leave.set()
    thread.join()
    assert _backend.backend_name == "c"
    assert _op.registry["exp"].run is _op.registry["exp"].forward


def test_backends_nest_and_end_with_their_block():
    with mg.backend("numpy"):
        with mg.backend("c"):
            assert _backend.backend_name == "c"
        assert _backend.backend_name == "numpy"
        with pytest.raises(ZeroDivisionError), mg.backend("c"):
            raise ZeroDivisionError
        assert _backend.backend_name == "numpy"
    assert _backend.backend_name == "c"
    with pytest.raises(ValueError, match=r"^backend: argument name: got 'cuda', expected 'c' or 'numpy'"):
        mg.backend("cuda").__enter__()
