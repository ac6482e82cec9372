"""Writes in place between forward and backward: every way to write is noticed, and only where the tape reads it."""

import gc

import numpy as np
import pytest

import minigrad as mg
from minigrad import _writes, autograd, nn, optim
from minigrad._tape import Node
from minigrad.errors import GradError

MODIFIED = "modified by an inplace operation"


def leaf(*numbers):
    return mg.tensor(numbers, requires_grad=True)


def without_history(write):
    def run(x):
        with mg.no_grad():
            write(x)

    return run


def iadd(x):
    x += 1.0


def isub(x):
    x -= 1.0


def imul(x):
    x *= 2.0


def itruediv(x):
    x /= 2.0


def set_one(x):
    x[0] = 9.0


def rebind(x):
    x.data = mg.tensor([7.0, 8.0])


def module_of(x):
    module = nn.Module()
    module.weight = nn.Parameter(x)
    return module


WRITES = [
    (iadd, "+="), (isub, "-="), (imul, "*="), (itruediv, "/="), (set_one, "x[...] = y"),
    (lambda x: x.zero_(), "zero_"), (lambda x: x.fill_(4.0), "fill_"), (lambda x: x.copy_(mg.zeros(2)), "copy_"),
    (lambda x: x.detach().zero_(), "zero_"), (lambda x: x.data.zero_(), "zero_"),
    (lambda x: x.detach()[1:].fill_(0.0), "fill_"), (lambda x: x.detach().reshape(2, 1).T.zero_(), "zero_"),
    (nn.init.uniform_, "copy_"), (nn.init.normal_, "copy_"), (nn.init.ones_, "fill_"), (nn.init.trunc_normal_, "copy_"),
    (rebind, "assigning to .data"),
    (lambda x: module_of(x).load_state_dict({"weight": mg.zeros(2)}), "load_state_dict"),
]  # fmt: skip


@pytest.mark.parametrize(("write", "name"), WRITES)
def test_writing_into_what_backward_reads(write, name):
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    loss = (x * y).sum()
    without_history(write)(y)
    with pytest.raises(GradError, match=MODIFIED) as caught:
        loss.backward()
    assert f"backward: mul reads its input y of shape (2,), which {name} has overwritten since" in str(caught.value)
    assert "clone()" in str(caught.value)
    assert (x.grad, y.grad) == (None, None)
    (x * y).sum().backward()  # what is computed afterwards reads the new numbers
    assert x.grad.tolist() == y.tolist()


@pytest.mark.parametrize("assign", [False, True])
def test_loading_into_a_module_whose_graph_waits(assign):
    layer = nn.Linear(2, 1)
    loss = layer(leaf(1.0, 2.0)).sum()
    layer.load_state_dict({"weight": mg.zeros(1, 2), "bias": mg.zeros(1)}, assign=assign)
    with pytest.raises(GradError, match=MODIFIED):
        loss.backward()


def test_converting_a_module_whose_graph_waits():
    layer = nn.Linear(2, 1)
    loss = layer(leaf(1.0, 2.0)).sum()
    layer.double()
    with pytest.raises(GradError, match="linear reads its input weight"):
        loss.backward()


def test_writing_into_a_result():
    x = leaf(1.0, 2.0)
    y = x.exp()
    with mg.no_grad():
        y.zero_()
    with pytest.raises(GradError, match=r"exp reads its result of shape \(2,\), which zero_ has overwritten"):
        y.sum().backward()


def test_writing_into_an_index():
    x, index, table = leaf(1.0, 2.0, 3.0), mg.tensor([0, 1]), mg.ones(3, 3).requires_grad_()
    both, grid = table[index, index], table[:, None, index]  # of two, a position in the whole table is made
    for taken in (x[index], grid):
        index.fill_(2)
        with pytest.raises(GradError, match=r"getitem reads its index.*fill_ has overwritten"):
            taken.sum().backward()
    both.sum().backward()
    assert table.grad.tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("backend", ["c", "numpy"])
@pytest.mark.parametrize("make", [optim.SGD, optim.Adam, optim.AdamW])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_step_between_two_losses(make, transposed, backend):
    """Both losses from one forward pass, and a step before the second's backward: the weights are no longer those that
    the second was computed with."""
    w = nn.Parameter(mg.tensor([[1.0, 2.0], [3.0, 4.0]]).T if transposed else mg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    optimizer = make([w], lr=0.1)
    with mg.backend(backend):
        hidden = mg.ones(1, 2).requires_grad_() @ w
        first, second = hidden.sum(), (hidden * hidden).sum()
        first.backward(retain_graph=True)
        optimizer.step()
        before = w.grad.tolist()
        with pytest.raises(GradError, match=rf"matmul reads its input y.*{make.__name__}\.step has.*before optimizer\.step"):
            second.backward()
        assert w.grad.tolist() == before


def test_every_group_and_type_of_an_optimizer_is_watched():
    params = [mg.ones(2, dtype=d).requires_grad_() for d in (mg.float32, mg.float64, mg.float32)]
    optimizer = optim.SGD([{"params": params[:2]}, {"params": params[2:]}], lr=0.1)
    sum((p * p).sum() for p in params).backward()
    waiting = [(p * p).sum() for p in params]
    optimizer.step()
    for loss in waiting:
        with pytest.raises(GradError, match=r"SGD\.step has overwritten"):
            loss.backward()


def test_the_first_write_of_all_may_be_a_step(monkeypatch):
    monkeypatch.setattr(_writes.log, "latest", _writes._Log().latest)
    w = leaf(1.0, 2.0)
    optimizer = optim.SGD([w], lr=0.1)
    w.grad = mg.ones(2)
    loss = (w * w).sum()
    optimizer.step()
    with pytest.raises(GradError, match=r"SGD\.step"):
        loss.backward()


def test_a_step_after_a_write_of_another_kind_and_of_a_second_optimizer():
    w = leaf(1.0, 2.0)
    optimizers = [optim.SGD([w], lr=0.1), optim.Adam([w], lr=0.1)]
    for _ in range(3):
        for optimizer in optimizers:
            w.grad = mg.ones(2)
            nn.init.ones_(w)
            loss = (w * w).sum()
            optimizer.step()
            with pytest.raises(GradError, match=rf"{type(optimizer).__name__}\.step"):
                loss.backward()


def test_the_usual_loop_and_what_is_not_read_pass():
    w, b = leaf(1.0, 2.0), leaf(0.5, 0.5)
    optimizer = optim.SGD([w, b], lr=0.5)
    total, history = mg.zeros(1), mg.zeros(3)
    for i in range(3):
        optimizer.zero_grad()
        loss = (w * 2.0 + b).sum()
        total += loss.detach()
        history[i] = loss.detach()
        loss.backward()
        optimizer.step()
    assert history.tolist() == [7.0, 7.0 - 5.0, 7.0 - 10.0]
    loss = (w + b).sum()  # the sum's derivative reads neither operand
    optimizer.step()
    loss.backward()
    assert w.grad.tolist() == [3.0, 3.0]


def test_two_networks_in_turns():
    """Each step writes one network while the other's graph waits: as adversarial training does."""
    one, two = nn.Linear(2, 2), nn.Linear(2, 2)
    steps = [optim.SGD(one.parameters(), lr=0.1), optim.SGD(two.parameters(), lr=0.1)]
    x = mg.randn(4, 2)
    for _ in range(3):
        (expected,) = autograd.grad((two(x) * two(x)).sum(), two.weight)
        one.zero_grad()
        two.zero_grad()
        waiting = (two(x) * two(x)).sum()
        (one(x) * one(x)).sum().backward()
        steps[0].step()
        waiting.backward()
        np.testing.assert_array_equal(two.weight.grad.numpy(), expected.numpy())
        steps[1].step()


def test_an_input_without_gradient_may_be_overwritten_where_none_reads_it():
    x, w = mg.ones(2), leaf(1.0, 2.0)
    loss = (w / x).sum()
    x.zero_()
    with pytest.raises(GradError, match="div reads its input y"):
        loss.backward()
    x = mg.ones(2)
    loss = (x - w).sum()
    x.zero_()
    loss.backward()
    assert w.grad.tolist() == [-1.0, -1.0]


def test_grad_and_second_derivatives_are_watched_too():
    x = leaf(1.0, 2.0)
    (g,) = autograd.grad((x * x * x).sum(), x, create_graph=True)
    with mg.no_grad():
        x += 1.0
    with pytest.raises(GradError, match=MODIFIED):
        autograd.grad(g.sum(), x)
    loss = (x * x).sum()
    with mg.no_grad():
        x += 1.0
    with pytest.raises(GradError, match=MODIFIED):
        autograd.grad(loss, x)


def test_a_hook_that_writes_on_the_way_is_noticed():
    x = leaf(1.0, 2.0)
    squares = x * x
    doubled = squares * 2.0
    doubled.register_hook(lambda g: without_history(iadd)(x))
    with pytest.raises(GradError, match=r"mul reads its input x.*\+= has"):
        doubled.sum().backward()


def test_a_freed_graph_is_still_reported_as_freed():
    x = leaf(1.0, 2.0)
    loss = (x * x).sum()
    loss.backward()
    without_history(iadd)(x)
    with pytest.raises(GradError, match="freed"):
        loss.backward()


def test_a_refused_write_leaves_no_mark():
    x = leaf(1.0, 2.0)
    loss = (x * x).sum()
    with mg.no_grad(), pytest.raises(ValueError, match="copy_"):
        x.copy_(mg.ones(5))
    with pytest.raises(GradError, match="zero_"):
        x.zero_()
    loss.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_marks_go_with_what_they_are_on():
    gc.collect()
    before = len(_writes.log.marks)
    for n in range(100):
        x = mg.from_numpy(np.zeros(n + 1))
        x[0] = 1.0
        x.data = mg.zeros(2)
        assert len(_writes.log.marks) <= before + 2
    del x
    assert len(_writes.log.marks) == before


def test_memory_in_its_second_use_is_not_mistaken():
    """Freed memory is handed out again with the mark of its first life."""
    for _ in range(20):
        x = mg.full((4, 5), 2.0)
        x.zero_()
        del x
        w = mg.full((4, 5), 3.0, requires_grad=True)
        y = w * w
        loss = (y * y).sum()
        mg.zeros(4, 5).fill_(1.0)
        loss.backward()
        assert w.grad.tolist() == np.full((4, 5), 4.0 * 27.0).tolist()


def test_a_training_loop_looks_for_no_mark(monkeypatch):
    """What the check costs a training loop is a comparison: no mark is looked for."""
    looked = []
    monkeypatch.setattr(_writes, "check", looked.append)
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    optimizer = optim.Adam(net.parameters())
    x = mg.randn(4, 2)
    for _ in range(3):
        optimizer.zero_grad()
        net(x).sum().backward()
        optimizer.step()
    assert looked == []
    waiting = net(x).sum()
    optimizer.step()
    waiting.backward()
    assert looked
    assert all(isinstance(node, Node) for node in looked)
