"""Linear algebra under PyTorch's and NumPy's names; the functions come from their records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._op import surface

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    def __getattr__(name: str) -> Callable[..., Any]: ...


globals().update(surface["linalg"])

__all__ = sorted(surface["linalg"])
