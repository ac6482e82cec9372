"""Kernels whose output is larger than the caches: they store past them, with the same bits.

Stores past the caches take whole vectors at multiples of their size, so an output has a head and a tail that are stored
in the usual way. A kernel that is called on pieces below the limit (8 MB) does not stream, and says what is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from kernel_cases.calls import DTYPES, KERNELS, Guarded, assert_same_bits, call

if TYPE_CHECKING:
    from collections.abc import Callable

every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)

pytestmark = pytest.mark.usefixtures("one_thread")


def assert_streamed(
    name: str, dtype: np.dtype[Any], arrays: dict[str, Any], others: Callable[[int], dict[str, Any]]
) -> None:
    """One call that streams has the bits of many that do not. others(at): the arguments of the piece that begins at `at`."""
    n, piece, output = (8 << 20) // dtype.itemsize + 37, 300_000, KERNELS[name][0].name
    pieces = Guarded(np.full(n, np.nan, dtype), 0)
    for at in range(0, n, piece):
        parts = {k: v[at : at + piece] for k, v in arrays.items()}
        call(name, dtype, {**parts, **others(at), output: pieces.array[at : at + piece], "n": min(piece, n - at)})
    for shift in (0, 1, 5):
        out = Guarded(np.full(n, np.nan, dtype), shift)
        call(name, dtype, {**arrays, **others(0), output: out.array, "n": n})
        out.check(name)
        assert_same_bits({"out": out.array}, {"out": pieces.array}, f"{name}, {shift} elements behind a cache line")


def streamed_numbers(dtype: np.dtype[Any]) -> Any:
    return np.random.default_rng(11).uniform(-3, 3, (8 << 20) // dtype.itemsize + 37).astype(dtype)


@every_dtype
@pytest.mark.parametrize("name", ["copy", "exp", "add"])
def test_outputs_that_are_streamed_have_the_same_bits(name: str, dtype: np.dtype[Any], isa: str) -> None:
    x = streamed_numbers(dtype)
    arrays = {"x": x, "y": x[::-1].copy()} if name == "add" else {"x": x}
    assert_streamed(name, dtype, arrays, lambda at: {"walk": None})


@every_dtype
@pytest.mark.parametrize("name", ["huber", "huber_bwd"])
def test_losses_that_are_streamed_have_the_same_bits(name: str, dtype: np.dtype[Any], isa: str) -> None:
    x = streamed_numbers(dtype)
    arrays = {"x": x, "target": x[::-1].copy()}
    if name == "huber":
        assert_streamed(name, dtype, arrays, lambda at: {"delta": 0.7})
        return
    assert_streamed(name, dtype, {**arrays, "dout": x + 1}, lambda at: {"delta": 0.7, "dout_step": 1, "scale": 0.3})
    one = {"delta": 0.7, "dout": np.array([1.1], dtype), "dout_step": 0, "scale": 0.3}
    assert_streamed(name, dtype, arrays, lambda at: one)


@every_dtype
@pytest.mark.parametrize("name", ["uniform", "normal", "bernoulli", "dropout"])
def test_random_numbers_that_are_streamed_have_the_same_bits(name: str, dtype: np.dtype[Any], isa: str) -> None:
    """The block numbers include a carry into their high half."""
    scalars = {"uniform": {"low": -1.0, "high": 2.0}, "normal": {"mean": 0.5, "std": 2.0}, "dropout": {"p": 0.3}}
    arrays = {"bernoulli": "p", "dropout": "x"}
    per_block = 4 if name == "dropout" else 16 // dtype.itemsize
    assert_streamed(
        name,
        dtype,
        {arrays[name]: streamed_numbers(dtype)} if name in arrays else {},
        lambda at: {**scalars.get(name, {}), "seed": 7, "offset": 2**32 - 1001 + at // per_block},
    )
