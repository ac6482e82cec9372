"""Recording, backward, and what lives how long. The garbage collector is off where lifetimes are counted: what is not
freed by reference counts alone fails."""

import gc
import threading
import weakref

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn
from minigrad import _op, autograd
from minigrad._tape import Node
from minigrad.errors import GradError
from minigrad.testing import materialize


def leaf(*numbers, dtype=mg.float64):
    return mg.tensor(numbers[0] if len(numbers) == 1 else numbers, dtype=dtype, requires_grad=True)


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def live_nodes():
    return sum(type(o) is Node for o in gc.get_objects())


# -- accumulation ------------------------------------------------------------------------------------------------------


def test_a_tensor_used_twice_receives_both_gradients(backend):
    """b = a + a, c = b + b: dc/da = 4, although b is no leaf and is used twice."""
    a = leaf(3.0)
    b = a + a
    c = b + b
    c.backward()
    assert a.grad.item() == 4.0
    for computed in (b, c):
        with pytest.warns(UserWarning, match="computed, and backward.. leaves gradients on leaves only.*retain_grad"):
            assert computed.grad is None


def test_gradients_of_a_diamond_and_of_broadcasting(backend):
    """f = sum((x y) x + x) with x a column and y a row: df/dx = 2 x sum(y) + 3 and df/dy = sum(x^2), by hand."""
    x, y = leaf([[1.0], [2.0]]), leaf([[3.0, 4.0, 5.0]])
    ((x * y) * x + x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[2 * 1 * 12 + 3], [2 * 2 * 12 + 3]])
    np.testing.assert_array_equal(y.grad.numpy(), [[5, 5, 5]])


def test_backward_twice_adds_exactly():
    x = leaf([0.1, 0.2, 0.7])
    loss = (x * x.exp()).sum()
    loss.backward(retain_graph=True)
    first = x.grad.numpy().copy()
    loss.backward()
    np.testing.assert_array_equal(x.grad.numpy(), first + first)


def test_second_backward_over_a_freed_graph_says_why():
    x = leaf(2.0)
    y = x * x
    loss = y * 3.0
    loss.backward()
    with pytest.raises(GradError, match=r"freed by an earlier backward.*retain_graph=True.*before the loop.*detach"):
        loss.backward()
    with pytest.raises(GradError, match="the graph behind mul has been freed"):
        (y + 1.0).backward()
    assert x.grad.item() == 12.0


def test_retaining_is_what_create_graph_does():
    x = leaf(2.0)
    y = x * x
    y.backward(create_graph=True)
    y.backward()
    assert x.grad.item() == 8.0
    z = x * x
    z.backward(retain_graph=False, create_graph=True)
    with pytest.raises(GradError, match="freed"):
        z.backward()


def test_gradient_is_the_cotangent():
    x = leaf([1.0, 2.0])
    (x * x).backward(mg.tensor([10.0, 0.5]))  # float32, cast
    np.testing.assert_array_equal(x.grad.numpy(), [20.0, 2.0])
    (x * x).backward([1.0, 1.0])
    np.testing.assert_array_equal(x.grad.numpy(), [22.0, 6.0])
    x = leaf([[3.0]])
    (x * x).backward()  # of one element it is 1
    assert x.grad.tolist() == [[6.0]]


def test_backward_from_a_leaf():
    x = leaf(3.0)
    x.backward()
    x.backward()
    assert x.grad.item() == 2.0


def test_inputs_restrict_who_receives():
    a, b = leaf(2.0), leaf(5.0)
    c = a * b
    (c * c).backward(inputs=[b, c])
    assert (a.grad, b.grad.item(), c.grad.item()) == (None, 40.0, 20.0)


def test_inputs_that_nothing_leads_to_receive_nothing_and_others_neither():
    a, b = leaf(2.0), leaf(5.0)
    a.backward(inputs=[b])
    (a * 3.0).backward(inputs=[b])
    assert (a.grad, b.grad) == (None, None)
    with pytest.raises(ValueError, match="inputs: got none"):
        (a * a).backward(inputs=[])
    with pytest.raises(GradError, match="inputs"):
        (a * a).backward(inputs=[a.detach()])


# -- lifetimes ---------------------------------------------------------------------------------------------------------


def test_a_hundred_thousand_ops_go_back_and_are_freed():
    """A chain this long, walked or freed by recursion, would overflow the stack."""
    x, half = leaf(0.5), mg.tensor(0.5, dtype=mg.float64)

    def chain():
        y = x
        for _ in range(25_000):
            y = (y * x + half).tanh() - half
        return y

    y = chain()
    last = weakref.ref(y.node)
    y.backward()
    assert np.isfinite(x.grad.item())
    del y
    assert last() is None
    y = chain()
    last = weakref.ref(y.node)
    del y  # the way of a graph that no backward has taken apart
    assert last() is None


def test_live_nodes_stay_constant_over_a_thousand_steps(no_collector):
    x, w = mg.randn(4, 3), mg.randn(3, 2, requires_grad=True)
    counts = set()
    for step in range(1000):
        loss = ((x @ w).relu() ** 2).mean()
        loss.backward()
        with mg.no_grad():
            w -= 0.01 * w.grad
        w.grad = None
        if step % 100 == 99:
            counts.add(live_nodes())
    assert len(counts) == 1


@pytest.mark.parametrize("name", ["exp", "tanh", "softmax", "mul", "div", "sigmoid"])
def test_dead_branches_are_freed_at_once(name, no_collector):
    """Also those of ops that keep their own output: it must not keep itself alive."""
    x = leaf([0.5, 1.0])
    arguments = {"softmax": (0,), "mul": (x,), "div": (x,)}.get(name, ())
    y = getattr(x * 1.0, name)(*arguments)
    z = y + 1.0
    nodes = [weakref.ref(t.node) for t in (y, z)]
    arrays = weakref.ref(y)
    del y, z
    assert arrays() is None
    assert [n() for n in nodes] == [None, None]


def test_gradients_survive_the_loss():
    x = leaf([1.0, 2.0])
    loss = (x * x).sum()
    loss.backward()
    del loss
    assert x.grad.tolist() == [2.0, 4.0]


def test_backward_releases_what_was_saved(no_collector):
    x = leaf([1.0, 2.0])
    y = x * 2.0
    loss = (y * y).sum()
    saved = weakref.ref(y)
    del y
    assert saved() is not None
    loss.backward()
    assert saved() is None


# -- the memory of gradients -------------------------------------------------------------------------------------------


def shares(*tensors):
    return any(
        np.shares_memory(a.array, b.array) for i, a in enumerate(tensors) for b in tensors[i + 1 :] if a.size and b.size
    )


def test_gradients_of_a_sum_share_no_memory():
    a, b, c = leaf([1.0, 2.0]), leaf([3.0, 4.0]), leaf([[5.0], [6.0]])
    seed = mg.ones(2, dtype=mg.float64)
    (a + b).backward(seed)
    (c.reshape(2) + 0.0).backward(seed)
    assert not shares(a, b, c, a.grad, b.grad, c.grad, seed)
    a.grad[0] = 99.0
    assert b.grad.tolist() == [1.0, 1.0]
    assert seed.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "function",
    [lambda a: a.sum(), lambda a: a.expand(3, 2).sum(), lambda a: a.T.reshape(2).sum(), lambda a: a.clone().mean()],
)
def test_leaf_gradients_are_whole_and_writable(function):
    a = leaf([1.0, 2.0])
    function(a).backward()
    assert a.grad.flat
    a.grad.zero_()
    a.grad[0] = 1.0


def test_gradient_with_a_history_is_no_memory_of_that_history():
    """d log(x)/dx = 1/x, whose own derivative reads 1/x: clearing .grad must not change it."""
    x = leaf([2.0, 4.0])
    x.log().sum().backward(create_graph=True)
    first = x.grad
    with mg.no_grad():
        kept = first * 1.0
        first.zero_()
    (second,) = autograd.grad(first.sum(), x)
    np.testing.assert_allclose(second.numpy(), -(kept.numpy() ** 2))


@pytest.mark.parametrize("name", sorted(name for name, op in _op.registry.items() if isinstance(op, _op.Op)))
def test_gradients_of_every_op_are_memory_of_their_own(name):
    """Of each other's and of the cotangent's; tests/test_ops.py compares them with what was saved."""
    op = _op.registry[name]
    for sample in op.samples():
        inputs, keywords = materialize(sample, mg.float64)
        wanted = [x for x, rule in zip(inputs, op.rules, strict=True) if x is not None and rule is not None]
        for x in wanted:
            x.requires_grad_()
        out = op.call(*inputs, **keywords)
        if out.requires_grad:
            seed = mg.ones(out.shape, dtype=out.dtype)
            out.backward(seed)
            assert not shares(seed, *[x.grad for x in wanted if x.grad is not None])


# -- threads -----------------------------------------------------------------------------------------------------------


def test_each_thread_has_its_own_mode():
    inside, found = threading.Barrier(2, timeout=10), {}

    def other():
        inside.wait()
        found["other"] = mg.is_grad_enabled()
        inside.wait()

    thread = threading.Thread(target=other)
    thread.start()
    with mg.no_grad():
        inside.wait()
        inside.wait()
        found["this"] = mg.is_grad_enabled()
    thread.join()
    assert found == {"other": True, "this": False}


def test_threads_train_side_by_side():
    """Each thread has its own tape and shares the memory that arrays are made of: the results are those of one."""

    def train(seed, results):
        rng = np.random.default_rng(seed)
        w, x = mg.tensor(rng.standard_normal((8, 8)), requires_grad=True), mg.tensor(rng.standard_normal((16, 8)))
        for _ in range(200):
            ((x @ w).tanh() ** 2).mean().backward()
            with mg.no_grad():
                w -= 0.1 * w.grad
            w.grad = None
        results[seed] = w.detach().numpy()

    alone, together = {}, {}
    for seed in range(4):
        train(seed, alone)
    threads = [threading.Thread(target=train, args=(seed, together)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in alone:
        np.testing.assert_array_equal(together[seed], alone[seed])


def test_inputs_may_be_one_tensor():
    x, y = mg.tensor([1.0, 2.0], requires_grad=True), mg.tensor([3.0, 4.0], requires_grad=True)
    (x * y).sum().backward(inputs=x)
    assert (x.grad.tolist(), y.grad) == ([3.0, 4.0], None)
    with pytest.raises(TypeError, match=r"backward: argument inputs\[1\]: got a float, expected a tensor"):
        (x * y).sum().backward(inputs=[x, 1.0])


def test_a_leaf_that_wants_no_gradient_any_more_receives_none():
    x, y = mg.tensor(2.0, requires_grad=True), mg.tensor(3.0, requires_grad=True)
    z = x * y
    x.requires_grad_(False)
    z.backward()
    assert (x.grad, y.grad.item()) == (None, 2.0)
