"""What programs ask before they choose a device, whatever its maker: there is none but the CPU.

>>> minigrad.accelerator.current_accelerator().type if minigrad.accelerator.is_available() else "cpu"
'cpu'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._absent import missing

if TYPE_CHECKING:
    from minigrad._device import device


def is_available() -> bool:
    """False: minigrad computes on the CPU."""
    return False


def current_accelerator(check_available: bool = False) -> device | None:
    """None: there is none."""
    return None


def device_count() -> int:
    """How many accelerators are used: 0."""
    return 0


if not TYPE_CHECKING:  # a checker knows the names that there are
    __getattr__ = missing(globals())
