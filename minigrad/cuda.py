"""What programs ask before they choose a device: there is no CUDA here.

>>> minigrad.device("cuda" if minigrad.cuda.is_available() else "cpu")
device(type='cpu')
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._absent import missing


def is_available() -> bool:
    """False: minigrad computes on the CPU."""
    return False


def device_count() -> int:
    """How many CUDA devices are used: 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Changes nothing: there is no generator of a GPU. minigrad.manual_seed seeds the one that there is."""


def manual_seed_all(seed: int) -> None:
    """Changes nothing, as manual_seed."""


def empty_cache() -> None:
    """Changes nothing: no GPU's memory is kept. minigrad.free_memory() gives back what is kept of the CPU's."""


if not TYPE_CHECKING:  # a checker knows the names that there are
    __getattr__ = missing(globals())
