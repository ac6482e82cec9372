"""The third derivative of every record: what a formula is made of has formulas, too. And chains so long, and loops so many,
that neither recursion nor a leak would be forgiven."""

import gc
import resource
import time

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn  # the losses are declared when they are first asked for
from minigrad import _op, autograd, nn
from minigrad._array import Array
from minigrad._tape import Node
from minigrad.testing import gradgradcheck, materialize

SMALL = 8


def results(value):
    return [value] if isinstance(value, Array) else list(value) if isinstance(value, (list, tuple)) else []


def leaves(sample):
    """The sample's inputs in float64, those with a derivative marked; none where an input is large or empty."""
    inputs, keywords = materialize(sample, mg.float64)
    if any(x is not None and not 0 < x.size <= SMALL for x in inputs):
        return None, None
    for x in inputs:
        if x is not None and x.dtype.kind == "f":
            x.requires_grad_()
    return inputs, keywords


def cases():
    """For every record the first small sample whose gradient is not constant, as far as the tape knows."""
    for record in _op.registry.values():
        for sample in record.samples():
            inputs, keywords = leaves(sample)
            if inputs is None or getattr(record, "name", "") == "cast":
                continue
            outs = [o for o in results(record.call(*inputs, **keywords)) if isinstance(o, Array) and o.requires_grad]
            wanted = [x for x in inputs if x is not None and x.requires_grad]
            if outs and any(g.requires_grad for g in slopes(outs, wanted)):
                yield pytest.param(record, sample, id=f"{record.name}-{sample!r}")
                break


def slopes(outs, wanted):
    rng = np.random.default_rng(4)
    cotangents = [mg.tensor(np.asarray(rng.uniform(0.5, 1.5, o.shape))) for o in outs]
    return autograd.grad(outs, wanted, cotangents, create_graph=True, materialize_grads=True)


@pytest.mark.parametrize(("record", "sample"), list(cases()))
def test_third_derivative(record, sample):
    if "log_sum" in getattr(record, "inputs", ()):
        pytest.skip("log_sum counts as a constant of this kernel; its derivatives are those of the forward op's second one")
    inputs, keywords = leaves(sample)
    at = [i for i, x in enumerate(inputs) if x is not None and x.requires_grad]

    def slope(*values):
        outs = [o for o in results(record.call(*values, **keywords)) if isinstance(o, Array) and o.requires_grad]
        found = [g for g in slopes(outs, [values[i] for i in at]) if g.requires_grad]
        return found or [(values[at[0]] * 0.0).sum()]

    gradgradcheck(slope, inputs, atol=2e-5, rtol=1e-4)


# -- how long, how often -------------------------------------------------------------------------------------------------


def live_nodes():
    return sum(type(o) is Node for o in gc.get_objects())


def chain(length):
    """Seconds to record, to walk back and to free a chain of adds."""
    x = mg.tensor(1.0, requires_grad=True)
    times, y = [time.perf_counter()], x
    for _ in range(length):
        y = y + 1.0
    times.append(time.perf_counter())
    y.backward(retain_graph=True)
    times.append(time.perf_counter())
    assert x.grad.item() == 1.0
    del y
    times.append(time.perf_counter())
    return np.diff(times)


def test_a_million_nodes_take_linear_time_and_no_recursion():
    gc.collect()
    before = live_nodes()
    short, long = chain(50_000), chain(1_000_000)
    assert (long < 20 * 6 * np.maximum(short, 1e-3)).all()  # 20 times as long; a square law would be 400 times
    assert live_nodes() == before


def test_a_thousand_steps_leave_nodes_and_memory_constant(plain_allocator):
    net = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Dropout(0.1), nn.Linear(32, 3))
    optimizer = mg.optim.Adam(net.parameters(), lr=1e-3)
    x, y = mg.randn(64, 8), mg.randint(3, (64,))

    def steps(count):
        for _ in range(count):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()
        return live_nodes(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = live_nodes()
    steps(200)
    nodes, peak = steps(100)
    later_nodes, later_peak = steps(1000)
    assert later_nodes == nodes == before
    assert later_peak - peak < 1024  # kB
