"""remainder, fmod and floor_divide: exact, on every instruction set, for quotients of every size."""

import numpy as np
import pytest

import minigrad as mg
from minigrad._kernels import available_isas, use_isa

FUNCTIONS = ("remainder", "fmod", "floor_divide")
SPECIAL = (0.0, 1.0, 2.0, 3.0, 0.5, 1e30, 1e-30, np.inf, np.nan)


def operands(dtype):
    """Quotients from 2^-60 to 2^60, whole ones among them; and all pairs of special numbers."""
    random, n = np.random.default_rng(31), 20_000
    x, y = (random.standard_normal((2, n)) * np.exp2(random.uniform(-30, 30, (2, n)))).astype(dtype)
    whole = (random.integers(-1000, 1000, n) * y).astype(dtype)
    info = np.finfo(dtype)
    ends = (info.max, info.tiny, info.smallest_subnormal)
    pairs = np.meshgrid(*[np.array([*SPECIAL, *ends, *(-v for v in (*SPECIAL, *ends))], dtype)] * 2)
    return np.concatenate([x, whole, pairs[0].ravel()]), np.concatenate([y, y, pairs[1].ravel()])


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_is_numpys_in_float64(name, dtype, isa):
    """float64 has room for the exact results of float32, so they are rounded once; signs of zero included."""
    x, y = operands(dtype)
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x.astype(np.float64), y.astype(np.float64)).astype(dtype)
    with use_isa(isa):
        got = getattr(mg, name)(mg.tensor(x), mg.tensor(y)).numpy()
    np.testing.assert_array_equal(got, expected)
    zero = expected == 0
    np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(expected[zero]))


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_special_neighbour_leaves_the_bits_alone(name, isa):
    """A vector with a lane of its own kind is left to the C library, and gives the others the same."""
    x, y = operands(np.float32)
    special = np.resize(np.array([np.inf, np.nan, 0.0, 1e30], np.float32), x.size)
    with use_isa(isa):
        alone = getattr(mg, name)(mg.tensor(x), mg.tensor(y)).numpy()
        mixed = getattr(mg, name)(mg.tensor(np.stack([special, x], 1)), mg.tensor(np.stack([y, y], 1))).numpy()
    np.testing.assert_array_equal(mixed[:, 1], alone)


def test_gradients_are_those_of_the_quotient_held_fixed():
    x, y = mg.tensor([7.5, -7.5], requires_grad=True), mg.tensor([2.0, 2.0], requires_grad=True)
    (x % y).backward(mg.ones(2))
    assert x.grad.tolist() == [1, 1]
    assert y.grad.tolist() == [-3, 4]
    y.grad = None
    mg.fmod(x.detach(), y).backward(mg.ones(2))
    assert y.grad.tolist() == [-3, 3]


def test_of_integers_and_mixed_types():
    assert (mg.tensor([7, -7]) % 3).tolist() == [1, 2]
    assert (mg.tensor([7, -7]) // mg.tensor(2.0)).tolist() == [3, -4]
    assert mg.div(mg.tensor([7.0, -7.0]), 2.0, rounding_mode="trunc").tolist() == [3, -3]
