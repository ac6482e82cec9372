"""Numbers by their positions, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, empty, float32, from_array, view
from minigrad._indices import Picks, added, replaced, walkable
from minigrad._kernels import layout
from minigrad._kernels.layout import contiguous, pair, strides, walk

if TYPE_CHECKING:
    from typing import Any

_gather, _scatter = pair("gather"), pair("scatter")
_walks: dict[Any, tuple[Any, int]] = {}


def _places(x: Array, picks: Picks) -> tuple[Any, int]:
    """The walk over x, where what is picked from is at its beginning, and over the positions; and the step from one
    position to the next. Remembered."""
    at, first, last = picks.at, picks.first, picks.last
    steps, own = strides(x), strides(at)
    key = x.shape, steps, at.shape, own, first, last, picks.each
    found = _walks.get(key)
    if found is None:
        if len(_walks) >= 4096:
            _walks.clear()
        if picks.each:
            of_x, of_at = [0 if d == first else step for d, step in enumerate(steps)], list(own)
        else:
            of_x = [*steps[:first], *[0] * len(own), *steps[last:]]
            of_at = [*[0] * first, *own, *[0] * (len(steps) - last)]
        step = steps[last - 1] if steps else 1
        found = _walks[key] = walk(picks.shape(x.shape), [of_x, of_at]), step
    return found


def gather(x: Array, picks: Picks) -> Array:
    """What is at the positions, of any type."""
    x = x if x.flat or picks.last - picks.first == 1 else contiguous(x)  # dimensions taken as one lie one after the other
    places, step = _places(x, picks)
    out = empty(picks.shape(x.shape), x.dtype)
    _gather[0](out.ptr, x.ptr, picks.at.ptr, places, step, x.dtype.itemsize, out.count)
    return out  # type: ignore[no-any-return]


def scatter(out: Array, picks: Picks, x: Array, adding: bool) -> None:
    """x to the positions of contiguous floats: added to what is there, or in its place, where of several the last stays."""
    x, (places, step) = contiguous(x), _places(out, picks)
    _scatter[x.dtype is not float32](out.ptr, x.ptr, picks.at.ptr, places, step, adding, x.count)


def putitem(g: Array, *, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of a shape with g added at an index; computed by a kernel for the indices that one supports."""
    if isinstance(index, Picks):
        out = empty(shape, g.dtype)
        layout.fill(out, 0.0)
        scatter(out, index, g, adding=True)
        return out
    if walkable(index):
        return layout.putitem(g, index=index, shape=shape)
    layout.by_host("putitem")
    return from_array(added(g.array, index, shape))


def setitem(x: Array, value: Array, *, index: Any) -> Any:
    """x with value at an index; computed by a kernel for the indices that one supports."""
    if isinstance(index, Picks) and x.dtype.kind == "f":
        out = layout.copy(x)
        scatter(out, index, view(np.broadcast_to(value.array, index.shape(x.shape)), value.ptr), adding=False)
        return out
    if walkable(index):
        return layout.setitem(x, value, index)
    layout.by_host("setitem")
    return from_array(replaced(x.array, value.array, index))
