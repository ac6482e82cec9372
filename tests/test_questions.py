"""Whether all, or any, of numbers are true."""

import numpy as np
import pytest

import minigrad as mg

RNG = np.random.default_rng(4)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_all_and_any(dtype):
    for density in (0.05, 0.5, 0.95):
        x = (RNG.random((5, 40, 3)) < density).astype(dtype)
        for dim in (None, 0, 1, 2, (0, 2)):
            np.testing.assert_array_equal(mg.tensor(x).all(dim).numpy(), x.all(dim))
            np.testing.assert_array_equal(mg.tensor(x).any(dim, keepdim=True).numpy(), x.any(dim, keepdims=True))
    assert mg.tensor(np.zeros((0, 2), dtype)).all(0).tolist() == [True, True]
    assert mg.tensor(np.zeros((0, 2), dtype)).any().item() is False
