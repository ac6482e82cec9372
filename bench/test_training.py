"""Layers, optimizers and whole training steps, beside NumPy by hand, and PyTorch, JAX and autograd where they are installed.

Each engine's result is checked against NumPy's before it is timed: the output of a layer, the parameters after an update,
the clipped gradients, the loss of a step.
"""

import numpy as np
import pytest
from engines import ENGINES, TORCH, numbers, tensor_of, timed

import minigrad as mg
from minigrad import nn, optim
from minigrad._bench import steps

# -- layers -----------------------------------------------------------------------------------------------------------


def normal(x, axis):
    centered = x - x.mean(axis, keepdims=True)
    return centered / np.sqrt((centered * centered).mean(axis, keepdims=True) + 1e-5)


def rows_of(n):
    return (numbers(n, 128),)


def labels_of(n):
    return (np.random.default_rng(0).integers(0, 1000, n),)


def pairs_of(n):
    return numbers(n, 32), numbers(n, 32, seed=1)


LAYERS = {
    "Linear": (lambda t: t.Linear(128, 64), rows_of, lambda x, w, b: x @ w.T + b),
    "ReLU": (lambda t: t.ReLU(), rows_of, lambda x: np.maximum(x, 0)),
    "Tanh": (lambda t: t.Tanh(), rows_of, np.tanh),
    "Sigmoid": (lambda t: t.Sigmoid(), rows_of, lambda x: 1 / (1 + np.exp(-x))),
    "Dropout in eval": (lambda t: t.Dropout(0.5).eval(), rows_of, lambda x: x),
    "LayerNorm": (lambda t: t.LayerNorm(128), rows_of, lambda x, w, b: normal(x, -1) * w + b),
    "RMSNorm": (lambda t: t.RMSNorm(128, eps=1e-5), rows_of, lambda x, w: x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * w),
    "BatchNorm1d": (lambda t: t.BatchNorm1d(128), rows_of, lambda x, w, b: normal(x, 0) * w + b),
    "BatchNorm1d in eval": (lambda t: t.BatchNorm1d(128).eval(), rows_of, lambda x, w, b: x / np.sqrt(np.float32(1 + 1e-5)) * w + b),
    "Embedding": (lambda t: t.Embedding(1000, 128), labels_of, lambda x, w: w[x]),
    "Bilinear": (lambda t: t.Bilinear(32, 32, 16), pairs_of, lambda x, y, w, b: np.einsum("ni,oij,nj->no", x, w, y, optimize=True) + b),
    "CosineSimilarity": (lambda t: t.CosineSimilarity(), pairs_of, lambda x, y: (x * y).sum(1) / np.sqrt((x * x).sum(1) * (y * y).sum(1))),
    "PairwiseDistance": (lambda t: t.PairwiseDistance(), pairs_of, lambda x, y: np.linalg.norm(x - y + np.float32(1e-6), axis=1)),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rows", [8, 512])
@pytest.mark.parametrize("name", LAYERS)
def test_layer(name, rows, engine, benchmark):
    make, inputs_of, by_hand = LAYERS[name]
    inputs, ours = inputs_of(rows), make(nn)
    weights = [p.detach().numpy() for p in ours.parameters()]
    run = lambda: by_hand(*inputs, *weights)
    if engine != "numpy":
        want, layer = run(), ours
        if engine == "torch":
            layer = make(TORCH.nn)
            with TORCH.no_grad():
                for p, w in zip(layer.parameters(), weights):
                    p.copy_(TORCH.tensor(w))
        tensors = [tensor_of(engine)(x) for x in inputs]
        run = lambda: layer(*tensors)
        np.testing.assert_allclose(run().detach().numpy(), want, rtol=1e-4, atol=1e-5)
    timed(benchmark, f"{name}, {rows} rows", run, engine)


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


# -- LBFGS, which calls the loss itself: ten iterations of least squares ------------------------------------------------

LIBRARIES = [engine for engine in ENGINES if engine != "numpy"]


def least_squares(library, package, x, y):
    """A step of LBFGS from 0, and the parameter that it moves."""
    x, y = library.tensor(x), library.tensor(y)
    w = library.zeros(x.shape[1], requires_grad=True)

    def step():
        with library.no_grad():
            w.zero_()
        optimizer = package.LBFGS([w], max_iter=10, line_search_fn="strong_wolfe")

        def loss():
            optimizer.zero_grad()
            error = ((x @ w - y) ** 2).mean()
            error.backward()
            return error

        optimizer.step(loss)

    return step, w


@pytest.mark.parametrize("engine", LIBRARIES)
@pytest.mark.parametrize("features", [8, 256])
def test_lbfgs(features, engine, benchmark):
    x, y = numbers(4 * features, features), numbers(4 * features, seed=1)
    library, package = (mg, optim) if engine == "minigrad" else (TORCH, TORCH.optim)
    step, w = least_squares(library, package, x, y)
    step()
    nearest = np.linalg.lstsq(x, y, rcond=None)[0]
    np.testing.assert_allclose(w.detach().numpy(), nearest, atol=0.05 * np.abs(nearest).max())
    timed(benchmark, f"LBFGS, {features} features", step, engine)


# -- clipping: 12 gradients as one vector -------------------------------------------------------------------------------


def numpy_clip(gradients, limit):
    norm = np.sqrt(sum(float(np.vdot(g, g)) for g in gradients))
    for g in gradients:
        g *= limit / (norm + 1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [64, 65536])
def test_clip_grad_norm(size, engine, benchmark):
    arrays = [numbers(size, seed=i) for i in range(12)]
    limits = (0.99**i for i in range(1000))  # each below the last, so that every call has something to clip
    want = [g.copy() for g in arrays]
    numpy_clip(want, 1.0)
    run = lambda: numpy_clip(want, next(limits))
    if engine != "numpy":
        tensor, package = tensor_of(engine), nn if engine == "minigrad" else TORCH.nn
        params = [tensor(g).requires_grad_() for g in arrays]
        for p, g in zip(params, arrays):
            p.grad = tensor(g)
        run = lambda: package.utils.clip_grad_norm_(params, next(limits))
        run()
        for p, g in zip(params, want):
            np.testing.assert_allclose(p.grad.numpy(), g, rtol=1e-4, atol=1e-7)
    timed(benchmark, f"clip_grad_norm_, 12 gradients of {size}", run, engine)


# -- a training step: zero_grad, forward, cross-entropy, backward, SGD ------------------------------------------------


@pytest.mark.parametrize("engine", steps.engines())
@pytest.mark.parametrize("net", steps.NETS)
def test_training_step(net, engine, benchmark):
    step, by_hand = steps.step(engine, net), steps.step("numpy", net)
    losses = [step() for _ in range(3)]
    np.testing.assert_allclose([float(loss.detach() if hasattr(loss, "detach") else loss) for loss in losses], [by_hand() for _ in range(3)], rtol=1e-4)
    timed(benchmark, f"training step of {net}", step, engine)
