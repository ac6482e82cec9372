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


def same_eager_and_captured(build, calls):
    """Asserts that a step has the same bits eagerly and captured, over several calls. build() returns the step and a function
    that returns what else to compare. Returns the captured step."""
    found = []
    for compiled in (False, True):
        mg.manual_seed(1)
        step, watched = build()
        run = mg.jit(step) if compiled else step
        outs = [run(*[mg.tensor(x) if isinstance(x, np.ndarray) else x for x in call]) for call in calls]
        found.append(bits([outs, watched()]))
    assert found[0] == found[1]
    return run


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
