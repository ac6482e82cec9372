"""What all tests share: the backends, and a line that says which instruction sets ran."""

import os

import numpy as np
import pytest

import minigrad as mg
from minigrad import _kernels


def pytest_report_header():
    return (
        f"minigrad {mg.__version__}: instruction sets here {', '.join(_kernels.available_isas())}; "
        f"active {_kernels.active_isa()} (MINIGRAD_ISA={os.environ.get('MINIGRAD_ISA', '')}); threads {mg.get_num_threads()}"
    )


@pytest.fixture(params=["c", "numpy"])
def backend(request):
    """The test runs on the C kernels, and again on the NumPy references."""
    with mg.backend(request.param):
        yield request.param


@pytest.fixture(params=_kernels.available_isas())
def isa(request):
    """The test runs once with every instruction set of this processor."""
    with _kernels.use_isa(request.param):
        yield request.param


@pytest.fixture(autouse=True)
def _seeded():
    mg.manual_seed(0)


@pytest.fixture
def plain_allocator():
    """For tests of how much memory stays resident: AddressSanitizer keeps freed memory aside."""
    if "asan" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("AddressSanitizer keeps freed memory aside")


@pytest.fixture
def one_thread():
    """For tests to which threads only cost time."""
    before = mg.get_num_threads()
    mg.set_num_threads(1)
    yield
    mg.set_num_threads(before)


@pytest.fixture
def spread():
    """A function that gives a tensor the same numbers in memory at every second place, backwards."""

    def strided(x):
        if x is None or not x.shape:
            return x
        wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.array.dtype)
        wide[..., ::-2] = x.array
        return mg.from_numpy(wide[..., ::-2])

    return strided
