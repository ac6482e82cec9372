"""Numbers by their positions, and the way back."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from minigrad._array import Array, empty, float32, from_array
from minigrad._indices import Picks, added, replaced, walkable
from minigrad._kernels import layout
from minigrad._kernels.layout import contiguous, pair, strides, walk

if TYPE_CHECKING:
    from typing import Any

    #: The shape of what is picked, the walk over what is picked from, where it is at its beginning, and over the positions;
    #: and the step from one position to the next.
    Plan = tuple[tuple[int, ...], Any, int]

_gather, _scatter = pair("gather"), pair("scatter")
_plans: dict[Any, Plan] = {}


def _planned(x: Array, picks: Picks) -> Plan:
    """How C goes through x and the positions. Remembered."""
    at = picks.at
    of_x, of_at = x.shape if x.flat else (x.shape, strides(x)), at.shape if at.flat else (at.shape, strides(at))
    key = of_x, of_at, picks.first, picks.last, picks.each
    found = _plans.get(key)
    if found is None:
        if len(_plans) >= 4096:
            _plans.clear()
        found = _plans[key] = _plan(x, picks)
    return found


def _plan(x: Array, picks: Picks) -> Plan:
    first, last, own, steps = picks.first, picks.last, _steps(picks.at), _steps(x)
    if picks.each:
        of_x, of_at = [0 if d == first else step for d, step in enumerate(steps)], list(own)
    else:
        of_x = [*steps[:first], *[0] * len(own), *steps[last:]]
        of_at = [*[0] * first, *own, *[0] * (len(steps) - last)]
    shape = picks.shape(x.shape)
    return shape, walk(shape, [of_x, of_at]), steps[last - 1] if steps else 1


def _steps(x: Array) -> tuple[int, ...]:
    """Its strides; of contiguous memory those of its shape, as NumPy's may be anything in a dimension of length 1."""
    return tuple([prod(x.shape[d + 1 :]) for d in range(len(x.shape))]) if x.flat else strides(x)


def gather(x: Array, picks: Picks) -> Array:
    """What is at the positions, of any type."""
    x = x if x.flat or picks.last - picks.first == 1 else contiguous(x)  # dimensions taken as one lie one after the other
    shape, places, step = _planned(x, picks)
    out = empty(shape, x.dtype)
    _gather[0](out.ptr, x.ptr, picks.at.ptr, places, step, x.dtype.itemsize, out.array.size)
    return out  # type: ignore[no-any-return]


def scatter(out: Array, picks: Picks, x: Array, adding: bool) -> None:
    """x to the positions of contiguous floats: added to what is there, or in its place, where of several the last stays."""
    x, (_, places, step) = contiguous(x), _planned(out, picks)
    _scatter[x.dtype is not float32](out.ptr, x.ptr, picks.at.ptr, places, step, adding, x.array.size)


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
        scatter(out, index, layout.spread(value, index.shape(x.shape)), adding=False)
        return out
    if walkable(index):
        return layout.setitem(x, value, index)
    layout.by_host("setitem")
    return from_array(replaced(x.array, value.array, index))
