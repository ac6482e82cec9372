"""What the tests of captured steps share: a network, its batches, a step that trains it, and bits to compare."""

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad._array import Array


def bits(x):
    if isinstance(x, (list, tuple)):
        return [bits(one) for one in x]
    if isinstance(x, dict):
        return {name: bits(one) for name, one in x.items()}
    return x.array.tobytes() if isinstance(x, Array) else x


def network(dropout=0.2):
    mg.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 9), nn.GELU(), nn.Linear(9, 3))


def batches(count, rows=20):
    rng = np.random.default_rng(0)
    return [(rng.normal(size=(rows, 5)).astype("f4"), rng.integers(0, 3, rows)) for _ in range(count)]


def trainer(net, optimizer):
    """A captured step that trains a network to classify."""

    @mg.jit
    def step(x, y):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()

    return step
