"""AlphaDropout and Dropout1d; Dropout itself is next to Linear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.nn._module import Module
from minigrad.nn.ops import dropout as ops

if TYPE_CHECKING:
    from typing import Any


class _Chance(Module):
    """A layer that drops elements with probability p in training mode."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        ops.check_chance(type(self).__name__, p)
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return f"p={self.p}, inplace={self.inplace}"


class AlphaDropout(_Chance):
    """Dropout that preserves mean 0 and variance 1, for networks of SELU (Klambauer et al. 2017): in training each number
    becomes SELU's smallest value with probability p, and all are rescaled; in evaluation everything passes. inplace has no
    effect."""

    def forward(self, x: Any) -> Any:
        """Alpha dropout in training mode, else x."""
        return ops.alpha_dropout(x, self.p, True) if self.training else x


class Dropout1d(_Chance):
    """In training whole channels of (N, C, L) or (C, L) become 0 with probability p, and the rest is scaled by 1 / (1 - p); in
    evaluation everything passes (Tompson et al. 2015). inplace has no effect."""

    def forward(self, x: Any) -> Any:
        """Dropout of channels in training mode, else x."""
        return ops.dropout1d(x, self.p, True) if self.training else x
