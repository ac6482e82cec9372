"""Writes in place within a captured step: into what lives outside, into the step's own, and those that are refused."""

import numpy as np
import pytest
from jit_steps import bits, same_eager_and_captured

import minigrad as mg
from minigrad import nn
from minigrad.errors import CaptureError, GradError

CALLS = [(np.random.default_rng(i).normal(size=(6, 4)).astype("f4"),) for i in range(6)]


def by_hand(update):
    def build():
        w, b = mg.randn(4, 3, requires_grad=True), mg.zeros(3, requires_grad=True)

        def step(x):
            loss = ((x @ w + b).tanh() ** 2).mean()
            loss.backward()
            update(w, b)
            return loss

        return step, lambda: [w, b, w.grad, b.grad]

    return build


def minus_assign(w, b):
    with mg.no_grad():
        for p in (w, b):
            p -= 0.1 * p.grad
            p.grad = None


def methods(w, b):
    with mg.no_grad():
        w.sub_(0.1 * w.grad)
        b.copy_(b - 0.1 * b.grad)
        w.grad.zero_()
        b.grad.zero_()


def through_data(w, b):
    w.data -= 0.1 * w.grad.data
    b.data[1:] -= 0.1 * b.grad.data[1:]
    w.grad.zero_()
    b.grad = None


@pytest.mark.parametrize("update", [minus_assign, methods, through_data])
def test_gradient_descent_by_hand(update):
    run = same_eager_and_captured(by_hand(update), CALLS)
    assert len(run.programs) <= 3  # without gradients, with some, and with some that the program before has lent


def test_memory_that_outlives_the_step():
    def build():
        mean, noise = mg.zeros(4, dtype=mg.float64), mg.empty(3, 4)

        def step(x):
            mean.mul_(0.9)
            mean[:2] += x.mean(dim=0)[:2].double()
            mean[3] = 7.0
            noise.normal_()
            noise[::2] = x[:2]
            return (noise * mean.float()).sum()

        return step, lambda: [mean, noise, mg.rand(2)]

    same_eager_and_captured(build, CALLS)


def test_writes_into_the_steps_own():
    def step(x):
        out = mg.zeros(6, 4)
        out[1:3] = x[3:5]
        out += x
        out[:, 0] = 5.0
        part = x * 1.0
        part[1:] = part[:-1]  # overlapping
        total = mg.full((4,), 2.0)
        total.add_(part.sum(dim=0))
        return out, part, total, mg.ones_like(total) - total

    same_eager_and_captured(lambda: (step, list), CALLS)


def test_writes_with_a_history():
    def build():
        w = mg.randn(4, requires_grad=True)

        def step(x):
            w.grad = None
            y = x * w
            y[1:3] = w * 2.0
            y.relu_()
            loss = (y * y).sum()
            loss.backward()
            return loss

        return step, lambda: w.grad

    same_eager_and_captured(build, CALLS)


def test_what_is_refused_leaves_everything_as_it_was():
    outside, numbers = mg.ones(3), mg.tensor([1, 2, 3])

    def argument(x):
        outside.add_(1.0)
        x.add_(1.0)

    def part_of_an_argument(x):
        outside.add_(1.0)
        x[:2] = 0.0

    def text(x):
        outside.add_(1.0)
        mg.tensor([1.0, 2.0, 3.0]).add_(x)

    def integers(x):
        outside.add_(1.0)
        numbers.bernoulli_(0.5)

    def drawn(x):
        outside.add_(1.0)
        outside.bernoulli_(0.5)

    words = {argument: "an argument is written", part_of_an_argument: "an argument is written", text: "text are written"}
    for step in (argument, part_of_an_argument, text, integers, drawn):
        x = mg.zeros(3)
        with pytest.raises(CaptureError, match=words.get(step, "by NumPy|reads numbers")):
            mg.jit(step)(x)
        assert (outside.tolist(), x.tolist(), numbers.tolist()) == ([1.0] * 3, [0.0] * 3, [1, 2, 3])


def test_a_write_that_a_replay_makes_is_known_to_backward():
    buffer = mg.ones(3)

    @mg.jit
    def step(x):
        buffer.add_(x)

    step(mg.ones(3))
    w = nn.Parameter(mg.ones(3))
    loss = (w * buffer).sum()
    step(mg.ones(3))
    with pytest.raises(GradError, match="overwritten"):
        loss.backward()


def test_tensors_that_are_made_in_the_step():
    weights = mg.tensor([1.0, 2.0, 3.0, 4.0])

    def step(x):
        noise = mg.randn(6, 4)
        return [
            x * mg.tensor([0.5, 1.0, 1.5, 2.0]),
            mg.tensor(weights) + mg.zeros(4),
            mg.ones(6, 4, dtype=mg.float64) * x.double(),
            mg.full_like(x, 3.0) - mg.linspace(0.0, 1.0, 4),
            x @ mg.eye(4),
            noise + x,
            mg.arange(4.0) * x,
        ]

    same_eager_and_captured(lambda: (step, lambda: mg.rand(1)), CALLS)


def test_a_reshape_that_must_copy():
    w = mg.randn(3, 4, requires_grad=True)

    def step(x):
        w.grad = None
        flat = w.T.reshape(-1)
        loss = (flat * x).sum()
        loss.backward()
        return loss, flat.detach() * 1.0

    run = mg.jit(step)
    for i in range(3):
        x = mg.full((12,), float(i + 1))
        assert bits(run(x)) == bits(step(x))
        with mg.no_grad():
            w.mul_(2.0)
    assert len(run.programs) == 1
