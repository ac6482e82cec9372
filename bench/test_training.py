"""Layers, optimizers and whole training steps, beside NumPy by hand, and PyTorch, JAX and autograd where they are installed.

Each engine's result is checked against NumPy's before it is timed: the output of a layer, the parameters after an update,
the loss of a step.
"""

from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim

TORCH = import_module("torch") if find_spec("torch") else None
if TORCH is not None:
    TORCH.set_num_threads(mg.get_num_threads())
ENGINES = ["minigrad", "numpy", *(["torch"] if TORCH is not None else [])]
STEPPERS = [*ENGINES, *[name for name in ("jax", "autograd") if find_spec(name)]]


def timed(benchmark, group, run, engine):
    benchmark.group = group
    benchmark.name = engine
    benchmark.pedantic(run, rounds=15, iterations=5, warmup_rounds=2)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("f4")


# -- layers -----------------------------------------------------------------------------------------------------------

LAYERS = {
    "Linear": (lambda t: t.Linear(128, 64), lambda x, w, b: x @ w.T + b),
    "ReLU": (lambda t: t.ReLU(), lambda x: np.maximum(x, 0)),
    "Tanh": (lambda t: t.Tanh(), np.tanh),
    "Sigmoid": (lambda t: t.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
    "Dropout in eval": (lambda t: t.Dropout(0.5).eval(), lambda x: x),
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


def numpy_adam(p, g, m, v, t):
    t[0] += 1
    m *= 0.9
    m += 0.1 * g
    v *= 0.999
    v += 0.001 * g * g
    p -= 1e-3 / (1 - 0.9 ** t[0]) * m / (np.sqrt(v / (1 - 0.999 ** t[0])) + 1e-8)


def numpy_sgd(p, g, m, v, t):
    m *= 0.9
    m += g
    p -= 1e-3 * m


OPTIMIZERS = {
    "SGD": (lambda o, p: o.SGD(p, lr=1e-3, momentum=0.9), numpy_sgd),
    "Adam": (lambda o, p: o.Adam(p, lr=1e-3), numpy_adam),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [1024, 65536, 1 << 22])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name, size, engine, benchmark):
    make, by_hand = OPTIMIZERS[name]
    start, g = numbers(size), 0.1 * numbers(size, seed=1)
    want, m, v, t = start.copy(), np.zeros_like(g), np.zeros_like(g), [0]
    for _ in range(3):
        by_hand(want, g, m, v, t)
    run = lambda: by_hand(want, g, m, v, t)
    if engine != "numpy":
        library, package = (mg, optim) if engine == "minigrad" else (TORCH, TORCH.optim)
        p = library.tensor(start.copy(), requires_grad=True)
        p.grad = library.tensor(g)
        optimizer = make(package, [p])
        for _ in range(3):
            optimizer.step()
        np.testing.assert_allclose(p.detach().numpy(), want, rtol=1e-4, atol=1e-5)
        run = optimizer.step
    timed(benchmark, f"{name}, {size} numbers", run, engine)


# -- a training step: zero_grad, forward, cross-entropy, backward, SGD ------------------------------------------------

NETS = {"4-16-3": ([4, 16, 3], 32), "64-32-10": ([64, 32, 10], 32), "784-128-10": ([784, 128, 10], 32), "784-512-512-10": ([784, 512, 512, 10], 128)}


def start(sizes, batch):
    rng = np.random.default_rng(0)
    x, y = numbers(batch, sizes[0]), rng.integers(0, sizes[-1], batch)
    weights = [(rng.uniform(-1, 1, (o, i)) / np.sqrt(i)).astype("f4") for i, o in pairwise(sizes)]
    return x, y, weights, [np.zeros(o, "f4") for o in sizes[1:]]


def numpy_step(sizes, batch):
    x, y, weights, biases = start(sizes, batch)
    rows, last = np.arange(batch), len(weights) - 1

    def step():
        hidden = [x]
        for i, (w, b) in enumerate(zip(weights, biases)):
            h = hidden[-1] @ w.T + b
            hidden.append(np.maximum(h, 0) if i < last else h)
        e = np.exp(hidden[-1] - hidden[-1].max(1, keepdims=True))
        p = e / e.sum(1, keepdims=True)
        loss = -np.log(p[rows, y]).mean()
        p[rows, y] -= 1
        g = p / batch
        for i in range(last, -1, -1):
            gw, gb = g.T @ hidden[i], g.sum(0)
            g = (g @ weights[i]) * (hidden[i] > 0) if i else g
            weights[i] -= 0.01 * gw
            biases[i] -= 0.01 * gb
        return loss

    return step


def layered_step(library, layers, optimizers, sizes, batch):
    """PyTorch's vocabulary, which is ours too."""
    x, y, weights, biases = start(sizes, batch)
    made = [layers.Linear(i, o) for i, o in pairwise(sizes)]
    with library.no_grad():
        for layer, w, b in zip(made, weights, biases):
            layer.weight.copy_(library.tensor(w))
            layer.bias.copy_(library.tensor(b))
    net = layers.Sequential(*[m for layer in made for m in (layer, layers.ReLU())][:-1])
    optimizer, criterion = optimizers.SGD(net.parameters(), lr=0.01), layers.CrossEntropyLoss()
    x, y = library.tensor(x), library.tensor(y)

    def step():
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def functional_step(engine, sizes, batch):
    """JAX and autograd: the gradient of a function of the parameters; JAX compiles the whole step."""
    x, y, weights, biases = start(sizes, batch)
    library = import_module("jax.numpy" if engine == "jax" else "autograd.numpy")
    value_and_grad = import_module("jax" if engine == "jax" else "autograd.differential_operators").value_and_grad
    rows = np.arange(batch)

    def loss_of(params):
        h = x
        for i, (w, b) in enumerate(params):
            h = library.dot(h, w.T) + b
            h = library.maximum(h, 0) if i < len(params) - 1 else h
        shifted = h - h.max(1, keepdims=True) if engine == "jax" else h - library.max(h, 1, keepdims=True)
        return -library.mean((shifted - library.log(library.sum(library.exp(shifted), 1, keepdims=True)))[rows, y])

    def update(params):
        loss, grads = value_and_grad(loss_of)(params)
        return loss, [(w - 0.01 * gw, b - 0.01 * gb) for (w, b), (gw, gb) in zip(params, grads)]

    run = import_module("jax").jit(update) if engine == "jax" else update
    state = [list(zip(weights, biases))]

    def step():
        loss, state[0] = run(state[0])
        return float(loss)

    return step


@pytest.mark.parametrize("engine", STEPPERS)
@pytest.mark.parametrize("net", NETS)
def test_training_step(net, engine, benchmark):
    sizes, batch = NETS[net]
    if engine == "numpy":
        step = numpy_step(sizes, batch)
    elif engine in ("minigrad", "torch"):
        step = layered_step(*((mg, nn, optim) if engine == "minigrad" else (TORCH, TORCH.nn, TORCH.optim)), sizes, batch)
    else:
        step = functional_step(engine, sizes, batch)
    by_hand = numpy_step(sizes, batch)
    np.testing.assert_allclose([step() for _ in range(3)], [by_hand() for _ in range(3)], rtol=1e-4)
    timed(benchmark, f"training step of {net}, batch {batch}", step, engine)
