"""Linear algebra under PyTorch's and NumPy's names: functions that NumPy's LAPACK computes, norms and distances.

Like those of `minigrad.ops`, the functions come from their records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._absent import missing
from minigrad._op import surface
from minigrad.linalg import distance, lapack

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    def __getattr__(name: str) -> Callable[..., Any]: ...


#: What declares the functions.
_DECLARED = (distance, lapack)
globals().update(surface["linalg"])

__all__ = sorted(surface["linalg"])

if not TYPE_CHECKING:  # a checker knows the names that there are
    __getattr__ = missing(globals())
