"""What all tests share: the backends, and a line that says which instruction sets ran."""

import os

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
