"""Layers, optimizers and whole training steps, beside NumPy by hand, and PyTorch, JAX and autograd where they are installed.

Each engine's result is checked against NumPy's before it is timed: the output of a layer, the parameters after an update,
the loss of a step.
"""

from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad._bench import steps

TORCH = import_module("torch") if find_spec("torch") else None
if TORCH is not None:
    TORCH.set_num_threads(mg.get_num_threads())
ENGINES = ["minigrad", "numpy", *(["torch"] if TORCH is not None else [])]


def timed(benchmark, group, run, engine):
    benchmark.group = group
    benchmark.name = engine
    benchmark.pedantic(run, rounds=15, iterations=5, warmup_rounds=2)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("f4")


# -- layers -----------------------------------------------------------------------------------------------------------


def normal(x, axis):
    centered = x - x.mean(axis, keepdims=True)
    return centered / np.sqrt((centered * centered).mean(axis, keepdims=True) + 1e-5)


LAYERS = {
    "Linear": (lambda t: t.Linear(128, 64), lambda x, w, b: x @ w.T + b),
    "ReLU": (lambda t: t.ReLU(), lambda x: np.maximum(x, 0)),
    "Tanh": (lambda t: t.Tanh(), np.tanh),
    "Sigmoid": (lambda t: t.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
    "Dropout in eval": (lambda t: t.Dropout(0.5).eval(), lambda x: x),
    "LayerNorm": (lambda t: t.LayerNorm(128), lambda x, w, b: normal(x, -1) * w + b),
    "RMSNorm": (lambda t: t.RMSNorm(128, eps=1e-5), lambda x, w: x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * w),
    "BatchNorm1d": (lambda t: t.BatchNorm1d(128), lambda x, w, b: normal(x, 0) * w + b),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rows", [8, 512])
@pytest.mark.parametrize("name", LAYERS)
def test_layer(name, rows, engine, benchmark):
    make, by_hand = LAYERS[name]
    x = numbers(rows, 128)
    ours = make(nn)
    weights = [p.detach().numpy() for p in ours.parameters()]
    run = lambda: by_hand(x, *weights)
    want = run()
    if engine == "minigrad":
        tensor = mg.tensor(x)
        run = lambda: ours(tensor)
        np.testing.assert_allclose(run().detach().numpy(), want, rtol=1e-4, atol=1e-5)
    elif engine == "torch":
        theirs = make(TORCH.nn)
        with TORCH.no_grad():
            for p, w in zip(theirs.parameters(), weights):
                p.copy_(TORCH.tensor(w))
        tensor = TORCH.tensor(x)
        run = lambda: theirs(tensor)
        np.testing.assert_allclose(run().detach().numpy(), want, rtol=1e-4, atol=1e-5)
    timed(benchmark, f"{name}, {rows} rows of 128", run, engine)


# -- optimizers -------------------------------------------------------------------------------------------------------


def numpy_sgd(p, g, m, v, t):
    m *= 0.9
    m += g
    p -= 1e-3 * m


def averages(g, m, v):
    """The means of Adam's family."""
    m *= 0.9
    m += 0.1 * g
    v *= 0.999
    v += 0.001 * g * g


def numpy_adam(p, g, m, v, t):
    averages(g, m, v)
    p -= 1e-3 / (1 - 0.9**t) * m / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


def numpy_rmsprop(p, g, m, v, t):
    v *= 0.99
    v += 0.01 * g * g
    p -= 1e-3 * g / (np.sqrt(v) + 1e-8)


def numpy_adagrad(p, g, m, v, t):
    v += g * g
    p -= 1e-3 * g / (np.sqrt(v) + 1e-10)


def numpy_adadelta(p, g, m, v, t):
    v *= 0.9
    v += 0.1 * g * g
    x = np.sqrt(m + 1e-6) / np.sqrt(v + 1e-6) * g
    m *= 0.9
    m += 0.1 * x * x
    p -= 1e-3 * x


def numpy_adamax(p, g, m, v, t):
    m *= 0.9
    m += 0.1 * g
    np.maximum(0.999 * v, np.abs(g) + 1e-8, out=v)
    p -= 1e-3 / (1 - 0.9**t) * m / v


def numpy_nadam(p, g, m, v, t):
    averages(g, m, v)
    mu = [0.9 * (1 - 0.5 * 0.96 ** (0.004 * i)) for i in range(1, t + 2)]
    product = np.prod(mu[:-1])
    x = (1 - mu[-2]) / (1 - product) * g + mu[-1] / (1 - product * mu[-1]) * m
    p -= 1e-3 * x / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


def numpy_radam(p, g, m, v, t):
    averages(g, m, v)
    power, limit = 0.999**t, 2 / (1 - 0.999) - 1
    rho = limit - 2 * t * power / (1 - power)
    x = m / (1 - 0.9**t)
    if rho > 5:
        r = np.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
        x = x * r * np.sqrt(1 - power) / (np.sqrt(v) + 1e-8)
    p -= 1e-3 * x


OPTIMIZERS = {
    "SGD": (lambda o, p: o.SGD(p, lr=1e-3, momentum=0.9), numpy_sgd),
    "Adam": (lambda o, p: o.Adam(p, lr=1e-3), numpy_adam),
    "RMSprop": (lambda o, p: o.RMSprop(p, lr=1e-3), numpy_rmsprop),
    "Adagrad": (lambda o, p: o.Adagrad(p, lr=1e-3), numpy_adagrad),
    "Adadelta": (lambda o, p: o.Adadelta(p, lr=1e-3), numpy_adadelta),
    "Adamax": (lambda o, p: o.Adamax(p, lr=1e-3), numpy_adamax),
    "NAdam": (lambda o, p: o.NAdam(p, lr=1e-3), numpy_nadam),
    "RAdam": (lambda o, p: o.RAdam(p, lr=1e-3), numpy_radam),
}
CHECKED = 8  # steps that are compared: RAdam's first five do not adapt


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [1024, 65536, 1 << 22])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name, size, engine, benchmark):
    make, by_hand = OPTIMIZERS[name]
    start, g = numbers(size), 0.1 * numbers(size, seed=1)
    want, m, v = start.copy(), np.zeros_like(g), np.zeros_like(g)
    for t in range(1, CHECKED + 1):
        by_hand(want, g, m, v, t)
    run = lambda: by_hand(want, g, m, v, CHECKED)
    if engine != "numpy":
        library, package = (mg, optim) if engine == "minigrad" else (TORCH, TORCH.optim)
        p = library.tensor(start.copy(), requires_grad=True)
        p.grad = library.tensor(g)
        optimizer = make(package, [p])
        for _ in range(CHECKED):
            optimizer.step()
        np.testing.assert_allclose(p.detach().numpy(), want, rtol=1e-4, atol=1e-5)
        run = optimizer.step
    timed(benchmark, f"{name}, {size} numbers", run, engine)


# -- a training step: zero_grad, forward, cross-entropy, backward, SGD ------------------------------------------------


@pytest.mark.parametrize("engine", steps.engines())
@pytest.mark.parametrize("net", steps.NETS)
def test_training_step(net, engine, benchmark):
    step, by_hand = steps.step(engine, net), steps.step("numpy", net)
    losses = [step() for _ in range(3)]
    np.testing.assert_allclose([float(loss.detach() if hasattr(loss, "detach") else loss) for loss in losses], [by_hand() for _ in range(3)], rtol=1e-4)
    timed(benchmark, f"training step of {net}", step, engine)
