"""Linear algebra under PyTorch's and NumPy's names: what LAPACK computes by way of NumPy, norms and distances.

The functions come from their records, as those of `minigrad.ops` do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
