"""Pieces of memory: where arrays lie, and whose an address is."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from minigrad._C import ffi

if TYPE_CHECKING:
    from typing import Any


class Extents:
    """Which pieces of memory there are, and in which an address lies."""

    def __init__(self, named: list[tuple[int, int, Any]]) -> None:
        self.pieces = sorted(named, key=lambda piece: piece[0])
        self.starts = [start for start, _, _ in self.pieces]

    def behind(self, pointer: Any) -> Any:
        """The owner of what a pointer points to, or None."""
        return self.find(int(ffi.cast("intptr_t", pointer)))

    def find(self, address: int) -> Any:
        """The owner of the piece that an address lies in, or None."""
        piece = self._piece(address)
        return None if piece is None else piece[2]

    def size(self, address: int) -> int:
        """The bytes of the piece that an address lies in."""
        piece = self._piece(address)
        return 0 if piece is None else piece[1]

    def _piece(self, address: int) -> tuple[int, int, Any] | None:
        i = bisect_right(self.starts, address) - 1
        found = self.pieces[i] if i >= 0 else None
        return found if found and address < found[0] + max(found[1], 1) else None


def extent(array: Any, owner: Any) -> tuple[int, int, Any]:
    """An array's piece of memory, from its first byte to behind its last: (address, bytes, whose it is)."""
    low = high = array.__array_interface__["data"][0]
    for length, step in zip(array.shape, array.strides, strict=True) if array.size else ():
        low, high = low + min(0, (length - 1) * step), high + max(0, (length - 1) * step)
    return low, high - low + array.itemsize if array.size else 0, owner
