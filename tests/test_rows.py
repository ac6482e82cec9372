"""Softmax and its relatives take rows together, and ask of all of them at once whether their exponentials are normal
numbers. A row that is not leaves the bits of the others as they are, and has the values of the formula itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import autograd
from minigrad.nn import functional as F

pytestmark = pytest.mark.usefixtures("one_thread")

ROWS, AT = 70, 33
LABELS = mg.arange(ROWS) % 10

FUNCTIONS: dict[str, Any] = {
    "softmax": lambda x: F.softmax(x, 1),
    "log_softmax": lambda x: F.log_softmax(x, 1),
    "logsumexp": lambda x: mg.logsumexp(x, 1),
    "cross_entropy": lambda x: F.cross_entropy(x, LABELS, reduction="none"),
    "its gradient": lambda x: autograd.grad(F.cross_entropy(x.requires_grad_(), LABELS, reduction="sum"), x)[0],
    "the gradient of log_softmax": lambda x: autograd.grad(F.log_softmax(x.requires_grad_(), 1)[:, 0].sum(), x)[0],
}


def rows_with(value: float, cols: int, dtype: Any) -> np.ndarray[Any, Any]:
    x = np.random.default_rng(3).normal(size=(ROWS, cols)).astype(dtype)
    x[AT, cols // 2] = value
    return x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cols", [10, 16, 40, 64, 521])
@pytest.mark.parametrize("value", [-80.0, -95.0, -1e4, 95.0, 1e4, -np.inf, np.inf, np.nan])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_extreme_row_leaves_the_others_alone(name: str, value: float, cols: int, dtype: Any, isa: str) -> None:
    compute = FUNCTIONS[name]
    x, others = rows_with(value, cols, dtype), np.arange(ROWS) != AT
    got, plain = compute(mg.tensor(x)).numpy(), compute(mg.tensor(rows_with(0.0, cols, dtype))).numpy()
    np.testing.assert_array_equal(got[others], plain[others])
    with mg.backend("numpy"), np.errstate(invalid="ignore", over="ignore"):
        want = compute(mg.tensor(x.astype(np.float64))).numpy()
    np.testing.assert_allclose(got[AT], want[AT], rtol=64 * np.finfo(dtype).eps, atol=64 * np.finfo(dtype).tiny)


def test_every_kind_of_nan_is_seen(isa: str) -> None:
    """Also one whose low bits a shift would take for a sign."""
    x = rows_with(0.0, 40, np.float32)
    x.view(np.uint32)[AT, 20] = 0x7FC00001
    assert np.isnan(F.softmax(mg.tensor(x), 1).numpy()[AT]).all()
    assert np.isnan(F.cross_entropy(mg.tensor(x), LABELS, reduction="none").numpy()[AT])
