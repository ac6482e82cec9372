"""What programs ask before they choose a device: there is no CUDA here.

>>> minigrad.device("cuda" if minigrad.cuda.is_available() else "cpu")
device(type='cpu')
"""

from __future__ import annotations


def is_available() -> bool:
    """False: minigrad computes on the CPU."""
    return False


def device_count() -> int:
    """How many CUDA devices are used: 0."""
    return 0
