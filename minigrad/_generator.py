"""Random numbers from a counter, not from a shared state: Philox 4x32-7 (Salmon et al. 2011, who report that
seven rounds pass BigCrush).

Block number i of a stream is a pure function of (seed, i), so any element can be recomputed at any time, anywhere: the
backward pass of dropout recomputes its mask instead of keeping it, and the bits do not depend on the number of threads. A
`Generator` is a seed and the number of the next block.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from minigrad._array import float32
from minigrad._device import require_cpu
from minigrad.errors import message

if TYPE_CHECKING:
    from typing import Any

_MASK64 = (1 << 64) - 1


class Generator:
    """A stream of random numbers: `Generator().manual_seed(0)`, given to functions as generator=."""

    __slots__ = ("_seed", "offset")

    def __init__(self, device: Any = None) -> None:
        require_cpu("Generator", device)
        self._seed = int.from_bytes(os.urandom(8), "little")
        self.offset = 0

    def manual_seed(self, seed: int) -> Generator:
        """Starts the stream of this seed at its beginning."""
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            raise TypeError(message("manual_seed", "seed", f"{seed!r}", "an int"))
        self._seed, self.offset = int(seed) & _MASK64, 0
        return self

    def initial_seed(self) -> int:
        """The seed of the stream."""
        return self._seed

    def get_state(self) -> tuple[int, int]:
        """The seed and the number of the next block, with which set_state continues from here."""
        return self._seed, self.offset

    def set_state(self, state: tuple[int, int]) -> Generator:
        """Continues where get_state was called."""
        seed, offset = state
        self._seed, self.offset = int(seed) & _MASK64, int(offset) & _MASK64
        return self

    def take(self, blocks: int) -> tuple[int, int]:
        """(seed, first block) of the next `blocks` blocks, which are then used up."""
        start = self.offset
        self.offset = (start + blocks) & _MASK64
        return self._seed, start


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seeds every random number of minigrad: initial weights, shuffling, dropout, randn and the rest."""
    return default_generator.manual_seed(seed)


def blocks_for(elements: int, dtype: Any) -> int:
    """A block holds four 32-bit words: four float32 or two float64."""
    return -(-elements // (4 if dtype is float32 else 2))


def stream(op: str, generator: Any) -> Generator:
    """The generator given, or else the default one, which manual_seed seeds."""
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        remedy = "Write generator=minigrad.Generator().manual_seed(0)."
        raise TypeError(message(op, "generator", f"a {type(generator).__name__}", "a minigrad.Generator", remedy))
    return generator
