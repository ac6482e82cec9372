"""Losses with their gradients, beside NumPy by hand, and PyTorch where it is installed. Checked, then timed."""

from functools import partial

import numpy as np
import pytest
from engines import ENGINES, TORCH, numbers, tensor_of, timed

import minigrad.nn as nn

COLUMNS = 64


def signs(*shape):
    return np.where(numbers(*shape, seed=3) > 0, np.float32(1), np.float32(-1))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# Each returns the loss and its gradients towards the inputs; the mean, but for KLDivLoss, whose sum is divided by the rows.


def numpy_mse(x, y):
    gap = x - y
    return np.mean(gap * gap), [2 / x.size * gap]


def numpy_huber(x, y):
    gap = x - y
    size = np.abs(gap)
    return np.mean(np.where(size <= 1, 0.5 * gap * gap, size - 0.5)), [np.clip(gap, -1, 1) / x.size]


def numpy_bce_with_logits(x, y):
    return np.mean(np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x)))), [(sigmoid(x) - y) / x.size]


def numpy_kl_div(x, y):
    return np.sum(y * (np.log(y) - x)) / len(x), [-y / len(x)]


def numpy_soft_margin(x, y):
    return np.mean(np.log1p(np.exp(-y * x))), [-y * sigmoid(-y * x) / x.size]


def numpy_hinge_embedding(x, y):
    each, slope = np.where(y > 0, x, np.maximum(0, 1 - x)), np.where(y > 0, 1, -(x < 1).astype(x.dtype))
    return np.mean(each), [slope / x.size]


def numpy_margin_ranking(x1, x2, y):
    each = np.maximum(0, -y * (x1 - x2))
    slope = -y * (each > 0) / x1.size
    return np.mean(each), [slope, -slope]


def numpy_poisson_nll(x, y):
    rate = np.exp(x)
    return np.mean(rate - y * x), [(rate - y) / x.size]


def numpy_gaussian_nll(x, y, var):
    gap = x - y
    return 0.5 * np.mean(np.log(var) + gap * gap / var), [gap / var / x.size]


def numpy_triplet_margin(a, p, n):
    near, far = a - p + np.float32(1e-6), a - n + np.float32(1e-6)
    d_near, d_far = np.linalg.norm(near, axis=1, keepdims=True), np.linalg.norm(far, axis=1, keepdims=True)
    each = np.maximum(0, 1 + d_near - d_far)
    near, far = near / d_near * (each > 0) / len(a), far / d_far * (each > 0) / len(a)
    return np.mean(each), [near - far, -near, far]


def inputs(*shape, count=1):
    return [numbers(*shape, seed=i) for i in range(count)]


def positive(*shape, seed=3):
    return np.abs(numbers(*shape, seed=seed)) + np.float32(0.1)


#: By name: the module, inputs that get a gradient and targets that get none, by shape, and NumPy's side.
LOSSES = {
    "MSELoss": (lambda t: t.MSELoss(), inputs, lambda *s: [numbers(*s, seed=3)], numpy_mse),
    "HuberLoss": (lambda t: t.HuberLoss(), inputs, lambda *s: [numbers(*s, seed=3)], numpy_huber),
    "BCEWithLogitsLoss": (lambda t: t.BCEWithLogitsLoss(), inputs, lambda *s: [(signs(*s) + 1) / 2], numpy_bce_with_logits),
    "KLDivLoss": (lambda t: t.KLDivLoss(reduction="batchmean"), inputs, lambda *s: [positive(*s)], numpy_kl_div),
    "SoftMarginLoss": (lambda t: t.SoftMarginLoss(), inputs, lambda *s: [signs(*s)], numpy_soft_margin),
    "HingeEmbeddingLoss": (lambda t: t.HingeEmbeddingLoss(), inputs, lambda *s: [signs(*s)], numpy_hinge_embedding),
    "MarginRankingLoss": (lambda t: t.MarginRankingLoss(), partial(inputs, count=2), lambda *s: [signs(*s)], numpy_margin_ranking),
    "PoissonNLLLoss": (lambda t: t.PoissonNLLLoss(), inputs, lambda *s: [positive(*s)], numpy_poisson_nll),
    "GaussianNLLLoss": (lambda t: t.GaussianNLLLoss(), inputs, lambda *s: [numbers(*s, seed=3), positive(*s, seed=4)], numpy_gaussian_nll),
    "TripletMarginLoss": (lambda t: t.TripletMarginLoss(), partial(inputs, count=3), lambda *s: [], numpy_triplet_margin),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rows", [8, 1024])
@pytest.mark.parametrize("name", LOSSES)
def test_loss_and_gradient(name, rows, engine, benchmark):
    make, inputs_of, targets_of, by_hand = LOSSES[name]
    arrays, targets = inputs_of(rows, COLUMNS), targets_of(rows, COLUMNS)
    run = lambda: by_hand(*arrays, *targets)
    if engine != "numpy":
        want, gradients = run()
        tensor, criterion = tensor_of(engine), make(nn if engine == "minigrad" else TORCH.nn)
        leaves, others = [tensor(x).requires_grad_() for x in arrays], [tensor(y) for y in targets]

        def run():
            for leaf in leaves:
                leaf.grad = None
            loss = criterion(*leaves, *others)
            loss.backward()
            return loss

        np.testing.assert_allclose(run().item(), want, rtol=1e-4)
        for leaf, gradient in zip(leaves, gradients, strict=True):
            np.testing.assert_allclose(leaf.grad.numpy(), gradient, rtol=1e-3, atol=1e-6)
    timed(benchmark, f"{name} and gradient, {rows} x {COLUMNS}", run, engine)
