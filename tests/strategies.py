"""What the property tests draw, and how a call is compared with NumPy's.

Numbers are small multiples of a quarter, so that sums and products of them are exact and results are compared for
equality, without tolerances. What NumPy refuses must be refused by an error of ours that leaves the operands as they were.
"""

import math
import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import minigrad as mg
from minigrad.errors import MinigradError

settings.register_profile(
    "properties", deadline=None, derandomize=True, database=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("properties")

# -- operands ----------------------------------------------------------------------------------------------------------

LENGTHS = st.sampled_from([0, 1, 1, 2, 3, 4])
SHAPES = st.lists(LENGTHS, max_size=4).map(tuple)
FLOATS = st.sampled_from(["f4", "f8"])
DTYPES = st.sampled_from(["f4", "f8", "i8", "?"])


def numbers(shape, dtype):
    """Distinct enough to tell elements apart, with some ties and some zeros."""
    quarters = np.arange(1, math.prod(shape) + 1) * 7 % 23 - 11
    return (quarters / 4 if np.dtype(dtype).kind == "f" else quarters).astype(dtype).reshape(shape)


@st.composite
def arrays(draw, shape=SHAPES, dtype=FLOATS):
    """NumPy arrays in any layout: dimensions in any order in memory, stepped, reversed, or repeating one element."""
    shape = draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    steps = [draw(st.sampled_from([1, 1, 2, -1, -3, 0])) for _ in shape]
    order = draw(st.permutations(range(len(shape))))
    memory = numbers([max(1, abs(steps[d])) * (shape[d] if steps[d] else 1) for d in order], draw(dtype))
    view = memory.transpose(np.argsort(order)) if shape else memory
    view = view[tuple(slice(None, None, step or 1) for step in steps)]
    return np.broadcast_to(view, shape)


@st.composite
def tensors(draw, *given, **named):
    """The same as tensors: on foreign memory, on our own, or a view of ours."""
    array, kind = draw(arrays(*given, **named)), draw(st.sampled_from(["foreign", "own", "view"]))
    if kind == "view":
        return mg.flip(mg.tensor(np.flip(array)))
    return mg.tensor(array) if kind == "own" else mg.from_numpy(array)


@st.composite
def broadcastable(draw, count, dtype=DTYPES):
    """`count` tensors whose shapes broadcast, except now and then."""
    full = draw(SHAPES)
    shapes = [tuple(draw(st.sampled_from([n, n, n, 1])) for n in full[draw(st.integers(0, len(full))) :]) for _ in range(count)]
    if draw(st.sampled_from([False, False, False, True])):
        shapes[-1] = (*shapes[-1][:-1], 5)
    return [draw(tensors(s, dtype)) for s in shapes]


# -- what is compared --------------------------------------------------------------------------------------------------


def ours(error):
    """Whether minigrad raised it on purpose: one of its own errors, or a built-in one whose message has its layout."""
    return isinstance(error, MinigradError) or re.match(r"[\w ]+: .*got .*, expected ", str(error)) is not None


def agree(call, reference, *operands):
    """call(*tensors) returns what reference(*arrays) does, or both refuse and the operands are unchanged."""
    before = [x.array.copy() for x in operands]
    try:
        with np.errstate(all="ignore"):
            want = reference(*[x.array for x in operands])
    except Exception:
        try:
            call(*operands)
        except Exception as error:
            if not ours(error):
                raise
        else:
            pytest.fail("NumPy refuses this, and minigrad does not")
        for x, old in zip(operands, before, strict=True):
            np.testing.assert_array_equal(x.array, old)
        return None
    got = call(*operands)
    several = isinstance(want, (list, tuple))
    for one, other in zip(got if several else [got], want if several else [want], strict=True):
        other = np.asarray(other)
        assert one.shape == other.shape
        assert one.dtype.kind == other.dtype.kind
        np.testing.assert_array_equal(one.array, other)
    return got


def cotangent(out):
    return mg.tensor(numbers(out.shape, out.dtype))


def gradient(call, x):
    """The cotangent that was sent back, and the gradient that arrived."""
    x = x.detach().requires_grad_()
    out = call(x)
    g = cotangent(out)
    (dx,) = mg.autograd.grad(out, [x], g, materialize_grads=True)
    assert (dx.shape, dx.dtype) == (x.shape, x.dtype)
    return g.array, dx.array


def moves(call, reference, x):
    """For an op that moves elements: NumPy says where each one comes from, and there its gradient must go."""
    got = agree(call, reference, x)
    if got is not None and x.dtype.kind == "f":
        g, dx = gradient(call, x)
        source = np.asarray(reference(np.arange(x.size).reshape(x.shape)))
        want = np.bincount(source.ravel(), g.ravel(), x.size) if x.size else np.zeros(0)
        np.testing.assert_array_equal(dx, want.reshape(x.shape))
