"""What all modules here share: finding a kernel, strides in elements, and walks over broadcast operands."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _array
from minigrad._array import Array, Pool, address, alias, bool_, empty, float32, int64, pool_of, take, view
from minigrad._C import ffi, lib
from minigrad._indices import taken
from minigrad._shapes import broadcast
from minigrad.errors import OutOfMemory, ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    #: The shape of joined arrays and, for each, where its part begins and the walk over both.
    Joined = tuple[tuple[int, ...], list[tuple[int, Any]]]

NULL = ffi.NULL
#: The length of mg_walk's arrays.
MOST_AXES = 16


#: {line of kernels.def: its float32 and its float64 function}. All calls go through these lists, so replacing what is in
#: them intercepts every call, as `_capture` does.
doorway: dict[str, list[Any]] = {}


def pair(name: str) -> list[Any]:
    """The float32 and the float64 function of a line of kernels.def."""
    if name not in doorway:
        doorway[name] = [getattr(lib, f"mg_{name}_f32"), getattr(lib, f"mg_{name}_f64")]
    return doorway[name]


def strides(x: Array) -> tuple[int, ...]:
    """Elements (not bytes) from one position to the next, by dimension."""
    itemsize = x.dtype.itemsize
    return tuple([s // itemsize for s in x.array.strides])


_copy, _put, _move, _fill = pair("copy"), pair("put"), pair("move"), pair("fill")


def copy(x: Array) -> Array:
    """A contiguous copy."""
    out = empty(x.shape, x.dtype)
    if x.dtype.kind == "f":
        _copy[x.dtype is not float32](out.ptr, x.ptr, NULL if x.flat else walk_over(x)[1], out.array.size)
    else:
        _move[0](out.ptr, x.ptr, NULL if x.flat else walk_over(out, x)[1], x.dtype.itemsize, out.array.size)
    return out  # type: ignore[no-any-return]


def _put_walking(out: Any, x: Array, places: Any, count: int) -> None:
    """What a walk over both brings from x to `count` places from out on."""
    if x.dtype.kind == "f":
        _put[x.dtype is not float32](out, x.ptr, places, count)
    else:
        _move[0](out, x.ptr, places, x.dtype.itemsize, count)


def put(out: Array, index: Any, x: Array) -> None:
    """out[index] = x, broadcast, for an index of integers and slices."""
    places = part(out, index)
    if places.array.size:
        _put_walking(places.ptr, x, walk_over(places, x)[1], places.array.size)


def part(x: Array, index: Any) -> Array:
    """The view x[index], for an index of integers and slices."""
    out = alias(x)
    if type(index) is int and x.flat and x.shape and 0 <= index < x.shape[0]:
        out.array = array = x.array[index, ...]
        out.shape, out.ptr = x.shape[1:], x.ptr + index * array.size
    else:
        out.array = array = taken(x.array, index)
        out.shape, out.flat = array.shape, array.flags.c_contiguous
        # Of memory with gaps C is told the address by way of its first number, which takes a third of the time.
        out.ptr = address(array if out.flat else array[(0,) * array.ndim + (Ellipsis,)], x.dtype)
    out.pool = None
    return out  # type: ignore[no-any-return]


def _cuts(x: Array, arrays: Iterable[Any], starts: Iterable[int]) -> list[Array]:
    """The views of contiguous memory that these arrays are, each as so many rows behind the first; in half the time of `part`."""
    found, row = [], x.array.size // max(1, x.shape[0])
    for array, start in zip(arrays, starts):
        out = alias(x)
        out.array, out.shape, out.ptr, out.pool = array, array.shape, x.ptr + start * row, None
        found.append(out)
    return found


def rows(x: Array) -> list[Array]:
    """The views x[0], x[1], ... of contiguous memory with at least 2 dimensions."""
    return _cuts(x, x.array, range(x.shape[0]))


def pieces(x: Array, starts: list[int], ends: list[int]) -> list[Array]:
    """The views x[start:end] of contiguous memory."""
    return _cuts(x, [x.array[a:b] for a, b in zip(starts, ends)], starts)


def turned(x: Array, dims: tuple[int, ...]) -> Array:
    """A view with the dimensions in another order."""
    out = alias(x)
    out.array = array = x.array.transpose(dims)
    out.shape, out.flat, out.pool = array.shape, array.flags.c_contiguous, None
    return out  # type: ignore[no-any-return]


def expanded(x: Array, shape: tuple[int, ...]) -> Array:
    """A view of x broadcast to a shape, which must not be written into, as its elements share memory."""
    out = alias(x)
    try:
        if x.flat and x.array.size:  # in a sixth of the time of broadcast_to
            array = np.ndarray(shape, x.dtype, x.array, 0, _repeating(x.shape, shape, x.dtype.itemsize))
            array.flags.writeable = False
        else:
            array = np.broadcast_to(x.array, shape)
    except ValueError as error:  # the shape fits, so it must have more bytes than NumPy can count
        raise OutOfMemory(message("expand", "shape", shape, "fewer elements than addresses")) from error
    out.array, out.shape, out.flat, out.pool = array, shape, array.flags.c_contiguous, None
    return out  # type: ignore[no-any-return]


@lru_cache(maxsize=4096)
def _repeating(shape: tuple[int, ...], full: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """The strides, in bytes, of contiguous memory of a shape that is broadcast to another."""
    extra = len(full) - len(shape)
    return (0,) * extra + tuple([0 if n == 1 else itemsize * prod(shape[d + 1 :]) for d, n in enumerate(shape)])


#: What integers and bools are filled with most often.
_COMMON: dict[tuple[Any, float], Any] = {
    (dtype, value): _array.from_array(np.asarray(value, dtype)) for dtype in (int64, bool_) for value in (0, 1)
}


def fill(out: Array, value: float) -> None:
    """One number everywhere in contiguous memory."""
    if out.dtype.kind == "f":
        _fill[out.dtype is not float32](out.ptr, value, out.array.size)
    elif out.array.size:
        number = _COMMON.get((out.dtype, value)) or _array.from_array(np.asarray(value, out.dtype))
        _put_walking(out.ptr, number, walk_over(out, number)[1], out.array.size)


def spread(x: Array, shape: tuple[int, ...]) -> Array:
    """x broadcast to a shape, in memory of its own; x itself if it has it."""
    if x.shape == shape:
        return x
    out = empty(shape, x.dtype)
    if out.array.size:
        _put_walking(out.ptr, x, walk_over(out, x)[1], out.array.size)
    return out  # type: ignore[no-any-return]


def overwrite(out: Array, index: Any, x: Array) -> None:
    """out[index] = x, broadcast, into memory that others refer to; for one type, and an index of integers and slices, or
    Ellipsis."""
    rewrites(out)
    if np.may_share_memory(out.array, x.array):
        x = copy(x)  # otherwise numbers might be overwritten before they are read
    if index is Ellipsis and out.flat and x.flat and out.shape == x.shape and x.dtype.kind == "f":
        _copy[x.dtype is not float32](out.ptr, x.ptr, NULL, x.array.size)
    else:
        put(out, index, x)


def putitem(g: Array, *, index: Any, shape: tuple[int, ...]) -> Array:
    """Zeros with g at an index of integers and slices."""
    out = empty(shape, g.dtype)
    fill(out, 0.0)
    put(out, index, g)
    return out  # type: ignore[no-any-return]


def setitem(x: Array, value: Array, index: Any) -> Array:
    """x with value at an index of integers and slices."""
    out = copy(x)
    put(out, index, value)
    return out


def cat(*xs: Array, dim: int, ends: tuple[int, ...]) -> Array:
    """Arrays joined along a dimension, in which array i begins at ends[i]."""
    key = (dim, *[x.shape if x.flat else (x.shape, strides(x)) for x in xs])
    return _join("cat", dim, xs, _joins.get(key) or _joined(key, [(x.shape, strides(x)) for x in xs], dim, ends))


def stack(*xs: Array, dim: int) -> Array:
    """Arrays of one shape joined along a new dimension."""
    key = (~dim, *[x.shape if x.flat else (x.shape, strides(x)) for x in xs])
    found = _joins.get(key)
    if found is None:
        wider = [tuple([(*of[:dim], new, *of[dim:]) for of, new in ((x.shape, 1), (strides(x), 0))]) for x in xs]
        found = _joined(key, wider, dim, range(len(xs) + 1))
    return _join("stack", dim, xs, found)


def _join(name: str, dim: int, xs: tuple[Array, ...], joined: Joined) -> Array:
    """Joins arrays, and remembers the plan with the first's pool if all come from pools."""
    shape, parts = joined
    plan = pool_of(shape, xs[0].dtype), [(first, places, x.array.size) for x, (first, places) in zip(xs, parts)]
    pools = [x.pool for x in xs]
    if pools[0] is not None and None not in pools and len(pools[0].plans) < _MANY_JOINS:
        pools[0].plans[(name, dim, *pools)] = plan
    return join_planned(plan, *xs)


def join_planned(plan: tuple[Pool, list[tuple[int, Any, int]]], *given: Any) -> Array:
    """Arrays joined as it was planned; behind them, `given` may have keywords."""
    pool, parts = plan
    out = take(pool)
    start, floats, put = out.ptr, pool.dtype.kind == "f", _put[pool.wide]
    for x, (first, places, count) in zip(given, parts):
        if not count:
            continue
        if floats:
            put(start + first, x.ptr, places, count)
        else:
            _move[0](start + first, x.ptr, places, pool.dtype.itemsize, count)
    return out  # type: ignore[no-any-return]


#: How many plans a pool remembers at most, beyond which joining no longer adds any.
_MANY_JOINS = 256
#: By dimension (of a new one the complement) and shapes.
_joins: dict[Any, Joined] = {}


def _joined(key: Any, given: list[Any], dim: int, ends: Sequence[int]) -> Joined:
    """The joined shape of arrays given by their shapes and strides and, for each, where its part begins and the walk over
    both. Remembered."""
    if len(_joins) >= 4096:
        _joins.clear()
    full = given[0][0]
    shape = (*full[:dim], ends[-1], *full[dim + 1 :])
    steps = [prod(shape[d + 1 :]) for d in range(len(shape))]
    parts = [(first * steps[dim], walk(own, [steps, list(by)])) for first, (own, by) in zip(ends, given)]
    found = _joins[key] = shape, parts
    return found


def reshaped(x: Array, *, shape: tuple[int, ...]) -> Array:
    """The same numbers in another shape of that size: a view where memory allows it, else a copy."""
    if not x.flat:
        array = x.array.reshape(shape)
        if np.may_share_memory(array, x.array):
            return view(array, None)  # type: ignore[no-any-return]
        x = contiguous(x)
    return _array.reshaped(x, shape)  # type: ignore[no-any-return]


def contiguous(x: Array) -> Array:
    """x itself if it is C-contiguous, else a copy that is."""
    return x if x.flat else copy(x)


def literal(x: Array) -> Array:
    """Numbers that are literals in the program's text, copied to aligned memory. `_capture` replaces this, since a captured
    step keeps the original."""
    return _array.duplicate(x.array)  # type: ignore[no-any-return]


def rewrites(*kept: Array) -> None:
    """Called before a kernel writes into memory that outlives the step, such as a module's buffers; `_capture` listens."""


def taking(index: Any) -> None:
    """Called before NumPy takes x[index]: `_capture` refuses what is no view."""


def by_host(op: str) -> None:
    """Called before NumPy computes what a kernel might compute, or writes into a tensor, which `_capture` refuses."""


_walks: dict[Any, tuple[tuple[int, ...], Any]] = {}


def walk_over(*operands: Array) -> tuple[tuple[int, ...], Any]:
    """The broadcast shape, and how C visits the operands in it (NULL: all are contiguous and have this shape). Remembered."""
    key = tuple([x.shape if x.flat else (x.shape, x.array.strides, x.dtype.itemsize) for x in operands])
    found = _walks.get(key)
    if found is None:
        if len(_walks) >= 4096:
            _walks.clear()
        found = _walks[key] = _plan(operands)
    return found


def _plan(operands: tuple[Array, ...]) -> tuple[tuple[int, ...], Any]:
    """The common shape, and the walk over it; where an operand is broadcast, its stride is 0."""
    shape = broadcast("", *[x.shape for x in operands])
    steps = []
    for x in operands:
        missing = len(shape) - len(x.shape)
        own = (0,) * missing + strides(x)
        steps.append([0 if d < missing or x.shape[d - missing] == 1 else own[d] for d in range(len(shape))])
    return shape, walk(shape, steps)


def walk(shape: tuple[int, ...], steps: list[list[int]]) -> Any:
    """The mg_walk of operands by their strides in a shape; NULL if all are contiguous. Neighbouring axes are merged if
    every operand's strides allow it."""
    axes: list[tuple[int, list[int]]] = []
    for d, length in enumerate(shape):
        step = [s[d] for s in steps]
        if length == 1:
            continue
        if axes and all(outer == inner * length for outer, inner in zip(axes[-1][1], step, strict=True)):
            axes[-1] = (axes[-1][0] * length, step)
        else:
            axes.append((length, step))
    if 0 in shape or not axes or (len(axes) == 1 and all(s == 1 for s in axes[0][1])):
        return NULL
    if len(axes) > MOST_AXES:
        got = f"{len(axes)} dimensions that do not merge"
        raise ShapeError(message("broadcast", "", got, f"at most {MOST_AXES}", "Make the operands contiguous: x.clone()."))
    walk = ffi.new("mg_walk *", {"ndim": len(axes)})
    for d, (length, step) in enumerate(axes):
        walk.shape[d] = length
        for i, s in enumerate(step):
            walk.stride[i][d] = s
    return walk
