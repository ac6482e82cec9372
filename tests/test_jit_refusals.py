"""What a captured step cannot hold is an error, and leaves everything as it was."""

import warnings

import numpy as np
import pytest
from jit_steps import batches, bits, network, trainer

import minigrad as mg
from minigrad import _capture, nn, optim
from minigrad.errors import CaptureError, LabelError


def test_numbers_of_the_outside_are_not_frozen():
    counts = mg.tensor([1, 2, 3])
    steps = {
        "scatter_reduce reads": lambda x, i: x.scatter_reduce(0, counts - 1, x, "amax"),
        "getitem is computed": lambda x, i: x[i],
        "tensor is computed by NumPy": lambda x, i: x + mg.tensor(np.ones(3)),
        "numbers of the program's text": lambda x, i: x + mg.tensor([1.0, 2.0, 3.0]).zero_(),
    }
    for text, step in steps.items():
        with pytest.raises(CaptureError, match=text):
            mg.jit(step)(mg.ones(3), mg.tensor(1))
    assert counts.tolist() == [1, 2, 3]


def test_tensors_of_an_earlier_capture_are_outside_of_the_next():
    made = []

    def leaves(x):
        made.append((x * 2.0).detach())

    mg.jit(leaves)(mg.ones(3))
    (w,) = made
    w.requires_grad_()

    @mg.jit
    def step(x):
        w.grad = None
        (w * x).sum().backward()

    for number in (1.0, 2.0, 3.0):
        step(mg.full((3,), number))
        assert w.grad.tolist() == [number] * 3
        w.grad = None


def test_another_name_of_the_same_memory_is_not_taken_for_a_parameter():
    for names in (lambda w: [w.detach()], lambda w: [w[1:]], lambda w: [w.detach(), w[:1].detach()]):
        w = nn.Parameter(mg.ones(3))
        others = names(w)
        run = mg.jit(lambda x: x * w)  # noqa: B023
        assert run(mg.ones(3)).tolist() == [1.0, 1.0, 1.0]
        w.data = mg.full((3,), 5.0)
        assert run(mg.ones(3)).tolist() == [5.0, 5.0, 5.0]
        del others


def failing():
    """Steps that a program cannot hold, with words of their error."""
    yield "item", lambda loss, x: loss.item(), "item reads a value"
    yield "if", lambda loss, x: 1 if loss > 1 else 2, "__bool__ reads a value"
    yield "bool", lambda loss, x: bool(loss), "__bool__ reads a value"
    yield "print", lambda loss, x: f"{loss}", "__format__ reads a value"
    yield "numpy", lambda loss, x: loss.detach().numpy(), "numpy reads a value"
    yield "asarray", lambda loss, x: np.asarray(x), "__array__ reads a value"
    yield "sort", lambda loss, x: x.sort(), "by NumPy|reads numbers"
    yield "index", lambda loss, x: x[:, None, [0, 1]], "getitem is computed by NumPy"
    yield "write", lambda loss, x: x.fill_(1.0), "an argument is written into"
    yield "mask", lambda loss, x: x[x > 0], "getitem is computed by NumPy"
    yield "array", lambda loss, x: x.array.sum(), "reads numbers"


@pytest.mark.parametrize(("bad", "text"), [pytest.param(b, t, id=n) for n, b, t in failing()])
def test_a_step_that_cannot_be_captured_changes_nothing(bad, text):
    net = network()
    optimizer = optim.Adam(net.parameters())
    mg.manual_seed(7)

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        with mg.no_grad():
            return bad(loss, x)

    (x, y), *_ = batches(1)
    eager_before = bits(list(net.parameters()))
    for p in net.parameters():
        p.grad = mg.ones(*p.shape)
    with pytest.raises(CaptureError, match=rf"^jit: .*{text}.* at test_jit_refusals.py:\d+ `.*must not.*fallback=True"):
        mg.jit(step)(mg.tensor(x), mg.tensor(y))
    assert bits(list(net.parameters())) == eager_before
    assert all((p.grad.array == 1).all() for p in net.parameters())
    assert optimizer.state == {}
    assert mg.rand(1).tolist() == mg.rand(1, generator=mg.Generator().manual_seed(7)).tolist()
    run = mg.jit(step, fallback=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(mg.tensor(x), mg.tensor(y))
        run(mg.tensor(x), mg.tensor(y))
    assert [str(w.message).endswith("It runs eagerly from now on.") for w in caught] == [True]
    assert [int(s["step"]) for s in optimizer.state.values()] == [2] * len(list(net.parameters()))


def test_random_numbers_must_not_begin_within_a_step():
    generator = mg.Generator().manual_seed(1)
    state = generator.get_state()
    for step in (lambda: mg.manual_seed(1), lambda: generator.set_state(state), lambda: mg.Generator().manual_seed(1)):
        with pytest.raises(CaptureError, match="says where random numbers begin at"):
            mg.jit(step)()


def test_what_replays_would_not_do():
    w = nn.Parameter(mg.ones(2))
    optimizer = optim.SGD([w], lr=0.5)

    def schedules():
        optimizer.param_groups[0]["lr"] *= 0.5

    with pytest.raises(CaptureError, match="an optimizer's options are set"):
        mg.jit(schedules)()
    assert optimizer.param_groups[0]["lr"] == 0.5

    seen = mg.zeros(3)

    def labels_itself(x, y):
        seen.add_(y[0])
        return nn.functional.cross_entropy(x[:, :2].clone(), (y * 2.0).argmax(1))

    with pytest.raises(CaptureError, match="labels or positions are computed, after .* has written what outlives the step"):
        mg.jit(labels_itself)(mg.ones(2, 3), mg.ones(2, 3))
    assert seen.tolist() == [0.0, 0.0, 0.0]


def test_a_parameter_that_is_not_contiguous_is_updated_by_no_program():
    w = nn.Parameter(mg.from_numpy(np.ones((2, 3), "f4").T))
    optimizer = optim.SGD([w], lr=0.1)

    @mg.jit
    def step():
        (w * w).sum().backward()
        optimizer.step()

    with pytest.raises(CaptureError, match="an optimizer updates a parameter that is not contiguous at"):
        step()
    assert w.tolist() == [[1.0, 1.0]] * 3


def test_a_failed_capture_puts_back_the_state_of_an_optimizer_that_has_one():
    p = nn.Parameter(mg.ones(2))
    optimizer = optim.Adam([p])
    p.grad = mg.ones(2)
    optimizer.step()
    before = repr(optimizer.state_dict()), p.tolist()

    @mg.jit
    def step():
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()
        return p.sum().item()

    with pytest.raises(CaptureError, match="item reads a value"):
        step()
    assert (repr(optimizer.state_dict()), p.tolist()) == before


def test_results_that_hide_tensors():
    class Output:
        def __init__(self, loss):
            self.loss = loss

    for hiding in (Output, lambda x: np.ones(2), lambda x: [x, {"loss": Output(x)}]):
        with pytest.raises(CaptureError, match=r"jit: a \w+ is returned, not tensors"):
            mg.jit(hiding)(mg.ones(2))


def test_a_result_that_lives_outside():
    w = nn.Parameter(mg.ones(2))
    run = mg.jit(lambda x: (w, x, None, 1))
    assert run(mg.zeros(2))[0].tolist() == [1.0, 1.0]
    w.data = mg.full((2,), 5.0)
    assert run(mg.zeros(2))[0].tolist() == [5.0, 5.0]


def test_an_error_inside_is_the_steps_own():
    w = mg.ones(3).requires_grad_()

    @mg.jit
    def step(x):
        (w * x).sum().backward()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        step(mg.ones(3))
    assert w.grad is None
    assert _capture.recorder() is None
    assert mg.tensor(2.0).item() == 2.0


def test_a_bad_label_in_a_replay_is_an_error_as_ever():
    net = network()
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    step = trainer(net, optimizer)
    (x, y), *_ = batches(1)
    step(x, y)
    before = bits(list(net.parameters()))
    bad = y.copy()
    bad[4] = 3
    with pytest.raises(LabelError, match=r"label 3 at index \[4\]"):
        step(x, bad)
    assert bits(list(net.parameters())) == before
    step(x, y)
    assert bits(list(net.parameters())) != before


def test_arguments_that_cannot_be_a_kind():
    run = mg.jit(lambda *x: x)
    with pytest.raises(CaptureError, match="a tensor with a history"):
        run(mg.ones(2).requires_grad_() * 2.0)
    with pytest.raises(CaptureError, match="got a set, expected tensors, arrays"):
        run({1})
    with pytest.raises(TypeError, match="jit: argument function: got a float"):
        mg.jit(1.0)


def test_random_numbers_of_others():
    import random

    for draw in (lambda: np.random.rand(), lambda: random.random()):
        states = np.random.get_state()[1].copy(), random.getstate()
        run = mg.jit(lambda x: x * draw())  # noqa: B023
        with pytest.raises(CaptureError, match="random is drawn from"):
            run(mg.ones(2))
        assert np.array_equal(states[0], np.random.get_state()[1])
        assert states[1] == random.getstate()


def test_a_step_of_an_optimizer_that_is_written_in_python():
    class Descent(optim.Optimizer):
        @mg.no_grad()
        def step(self):
            for p in self.param_groups[0]["params"]:
                p -= self.param_groups[0]["lr"] * p.grad

    p = nn.Parameter(mg.tensor([1.0]))
    optimizer = Descent([p], {"lr": 0.25})

    def step():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        optimizer.step()
        return loss

    with pytest.raises(CaptureError, match="the step of an optimizer is written in Python"):
        mg.jit(step)()
    assert p.tolist() == [1.0]
    with pytest.warns(UserWarning, match="written in Python"):
        assert mg.jit(step, fallback=True)().item() == 1.0
    assert p.tolist() == [0.5]
