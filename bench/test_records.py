"""Every record, and its backward pass, beside NumPy: checked, then timed.

The NumPy side of a backward pass is the same tape on the NumPy references.
"""

import numpy as np
import pytest

import minigrad as mg
from minigrad import _op, autograd
from minigrad._bench import cases
from minigrad.testing import materialize

SIZES = (8, 65536)


def timed(benchmark, run):
    benchmark.pedantic(run, rounds=7, iterations=5, warmup_rounds=1)


@pytest.mark.parametrize("side", ["minigrad", "numpy"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", cases.every_name())
def test_forward(name, size, side, benchmark):
    case = cases.case(name, size)
    if case is None:
        pytest.skip("its samples have a size of their own")
    benchmark.group = f"{name} {case.shapes}"
    with np.errstate(all="ignore"):
        timed(benchmark, case.ours if side == "minigrad" else case.numpy)


DIFFERENTIABLE = [n for n in cases.every_name() if isinstance(_op.registry[n], _op.Op) and any(_op.registry[n].rules)]


@pytest.mark.parametrize("side", ["minigrad", "numpy"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_backward(name, size, side, benchmark):
    record = _op.registry[name]
    sample = cases.grown(record, size)
    if sample is None:
        pytest.skip("its samples have a size of their own")
    inputs, keywords = materialize(sample, mg.float32)
    chosen = [x.requires_grad_() for x, rule in zip(inputs, record.rules) if x is not None and rule is not None]

    def gradients():
        out = record.call(*inputs, **keywords)
        return autograd.grad(out, chosen, mg.ones_like(out), materialize_grads=True)

    with mg.backend("numpy"):
        want = gradients()
    for got, right in zip(gradients(), want):
        np.testing.assert_allclose(got.numpy(), right.numpy(), rtol=1e-3, atol=1e-3 * np.abs(right.numpy()).max(initial=1))
    benchmark.group = f"{name} forward and backward, {size}"
    with mg.backend("c" if side == "minigrad" else "numpy"), np.errstate(all="ignore"):
        timed(benchmark, gradients)
