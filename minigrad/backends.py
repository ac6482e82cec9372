"""What programs ask and set of the libraries of GPUs, of which none is used here.

>>> minigrad.backends.mps.is_available()
False
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._absent import missing


class _Backend:
    """One that is not used: what is set on it stays without effect. Every result is the same each time as it is."""

    enabled = False
    deterministic = True
    benchmark = False

    def is_available(self) -> bool:
        """False: minigrad computes on the CPU, by kernels of its own."""
        return False

    def is_built(self) -> bool:
        """False, as is_available."""
        return False


cuda, cudnn, mps = _Backend(), _Backend(), _Backend()

if not TYPE_CHECKING:  # a checker knows the names that there are
    __getattr__ = missing(globals())
