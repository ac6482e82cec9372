"""What an index means, and writing by it, in arrays of NumPy: pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

#: Parts of an index that name no place twice.
_ONCE = (int, slice, type(None), type(Ellipsis))


def _parts(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def taken(array: Any, index: Any) -> Any:
    """array[index] as an array: of a single number, too, a view."""
    found = array[index]
    return found if isinstance(found, np.ndarray) else array[(*_parts(index), Ellipsis)]


def names_once(index: Any) -> bool:
    """Whether no place can be named twice by an index."""
    return all(isinstance(i, _ONCE) for i in _parts(index))


def walkable(index: Any) -> bool:
    """Whether an index is made of integers and slices, by which a kernel finds its places. Bools are integers for Python,
    and masks for NumPy."""
    return all(isinstance(i, _ONCE) and not isinstance(i, bool) for i in _parts(index))


def assign(out: Any, index: Any, value: Any) -> None:
    """out[index] = value. Of several numbers for one place the last stays: NumPy goes through them as they lie in memory,
    which may be from behind, so they are brought into order first."""
    out[index] = value if value.flags.c_contiguous or names_once(index) else value.copy()


def replaced(x: Any, value: Any, index: Any) -> Any:
    """x, with value at an index."""
    out = np.array(x)
    assign(out, index, value)
    return out


def added(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of a shape, with g added at an index: a place that is named twice receives both."""
    out = np.zeros(shape, g.dtype)
    if names_once(index):
        out[index] = g  # 0 + g would have no -0
    else:
        np.add.at(out, index, g)
    return out
