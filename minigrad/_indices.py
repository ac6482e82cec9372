"""What an index means, and writing by it, in arrays of NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any


class Picks:
    """An index by which kernels pick (`_picks.py` makes it). `at`: an int64 tensor of positions in the dimensions from
    first to before last, taken together as one, each of which stands for all that is in the other dimensions; or, if
    `each`, where there is one such dimension and `at` has as many dimensions as what it picks from, for its own place
    there."""

    __slots__ = ("at", "each", "first", "last")

    def __init__(self, at: Any, first: int, last: int, each: bool = False) -> None:
        self.at, self.first, self.last, self.each = at, first, last, each

    def shape(self, given: tuple[int, ...]) -> tuple[int, ...]:
        """That of what is picked from a tensor of a shape."""
        return self.at.shape if self.each else given[: self.first] + self.at.shape + given[self.last :]  # type: ignore[no-any-return]

    def plain(self, shape: tuple[int, ...]) -> tuple[Any, ...]:
        """The index as NumPy takes it."""
        if not self.each:
            return (slice(None),) * self.first + np.unravel_index(self.at.array, shape[self.first : self.last])
        grid = np.ogrid[tuple(slice(n) for n in self.at.shape)] if shape else []
        return tuple(self.at.array if d == self.first else grid[d] for d in range(len(shape)))


def plain(index: Any, shape: tuple[int, ...]) -> Any:
    """An index into a shape as NumPy takes it."""
    return index.plain(shape) if isinstance(index, Picks) else index


#: Parts of an index that cannot name a place twice.
_ONCE = (int, slice, type(None), type(Ellipsis))


def _parts(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def taken(array: Any, index: Any) -> Any:
    """array[index] as an array, for an index as NumPy takes it; a view even for a single number."""
    found = array[index]
    return found if isinstance(found, np.ndarray) else array[(*_parts(index), Ellipsis)]


def names_once(index: Any) -> bool:
    """Whether an index cannot name a place twice."""
    return all(isinstance(i, _ONCE) for i in _parts(index))


#: What `_ONCE` has at its plainest.
_PLAIN = frozenset(_ONCE)


def walkable(index: Any) -> bool:
    """Whether an index consists of integers and slices, which kernels support. Bools are integers in Python, but masks in
    NumPy."""
    for i in index if isinstance(index, tuple) else (index,):
        if type(i) not in _PLAIN and (not isinstance(i, _ONCE) or isinstance(i, bool)):
            return False
    return True


def assign(out: Any, index: Any, value: Any) -> None:
    """out[index] = value. Of several numbers for one place the last is kept: NumPy goes through them in the order of memory,
    which may be reversed, so they are copied into order first."""
    out[index] = value if value.flags.c_contiguous or names_once(index) else value.copy()


def replaced(x: Any, value: Any, index: Any) -> Any:
    """x, with value at an index."""
    out = np.array(x)
    assign(out, plain(index, out.shape), value)
    return out


def added(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of a shape, with g added at an index; a place that is named twice receives both numbers."""
    out = np.zeros(shape, g.dtype)
    if names_once(index):
        out[index] = g  # 0 + g would have no -0
    else:
        np.add.at(out, plain(index, shape), g)
    return out
