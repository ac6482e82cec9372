"""Kernels of integers and bools that are no maps, and those that move items by their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from minigrad._C import ffi

from kernel_cases.calls import Problem, Want
from kernel_cases.rows import reduce_shapes

if TYPE_CHECKING:
    from collections.abc import Iterator

    Numbers = np.ndarray[Any, np.dtype[Any]]

COUNTS = ("int64_reduce", "bool_count", "bool_extremum")
MOVES = ("gather", "scatter", "move")


def count_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    """Sums beyond 2^63, too, which are those modulo 2^64; of no numbers there is no largest."""
    for shape in reduce_shapes(size):
        lengths = dict(zip(("outer", "size", "inner"), shape, strict=True))
        if name == "bool_count":
            x = rng.integers(0, 2, shape).astype(np.uint8)
            yield Problem({"x": x, **lengths}, {"out": Want(x.sum(1, dtype=np.int64))})
            continue
        if name == "bool_extremum":
            for few in (rng.integers(0, 2, shape), rng.integers(0, 20, shape) > 0, rng.integers(0, 20, shape) == 0):
                x = few.astype(np.uint8)
                yield Problem({"x": x, "how": 1, **lengths}, {"out": Want(x.any(1).astype(np.int64))})
                yield Problem({"x": x, "how": 2, **lengths}, {"out": Want(x.all(1).astype(np.int64))})
            continue
        x = rng.integers(-(2**62), 2**62, shape)
        for how, function in enumerate((np.sum, np.max, np.min)):
            if how == 0 or shape[1]:
                yield Problem({"x": x, "how": how, **lengths}, {"out": Want(function(x, 1))})


def walk_of(shape: tuple[int, ...], steps: list[list[int]]) -> Any:
    """None over nothing: no walk is made of it."""
    return None if 0 in shape else ffi.new("mg_walk *", {"ndim": len(shape), "shape": shape, "stride": steps})


def move_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    """Rows and single numbers, side by side in memory or not; `size` of them, or of that length."""
    if name == "move":
        yield from _moved(size, rng)
        return
    for count, cols in ((size, 3), (5, size), (size, 1)):
        rows, index = 4, rng.integers(0, 4, count)
        x = rng.uniform(-2, 2, (rows, cols)).astype(dtype)
        # x[index], whole rows; and x[range, each], a number of each row.
        walk = walk_of((count, cols), [[0, 1], [1, 0]])
        yield from _picked(name, x, index, walk, cols, lambda a, i: (i, slice(None)), rng)
        each = rng.integers(0, cols, 4 if cols else 0)
        yield from _picked(name, x, each, walk_of((len(each),), [[cols], [1]]), 1, lambda a, i: (np.arange(len(i)), i), rng)


def _picked(name: str, x: Numbers, index: Numbers, walk: Any, step: int, plain: Any, rng: np.random.Generator) -> Iterator[Problem]:
    at = plain(x, index)
    picked = x[at]
    given = {"index": index, "places": walk, "step": step, "n": picked.size}
    if name == "gather":
        for element in (x.dtype, np.dtype(np.uint8)):
            whole = x.astype(element) if element == np.uint8 else x
            items = whole[at]
            yield Problem({**given, "x": whole.view(np.uint8), "bytes": element.itemsize}, {"out": Want(_bytes(items))})
        return
    g = rng.uniform(-2, 2, picked.shape).astype(x.dtype)
    replaced = x.copy()
    replaced[at] = g
    yield Problem({**given, "out": x, "x": g, "adding": 0}, {"out": Want(replaced.astype(np.float64))})
    added, sizes = x.astype(np.float64), np.abs(x).astype(np.float64)
    np.add.at(added, at, g)
    np.add.at(sizes, at, np.abs(g))
    most = int(np.bincount(index, minlength=1).max()) if index.size else 0
    yield Problem({**given, "out": x, "x": g, "adding": 1}, {"out": Want(added, 2 * most, sizes)})


def _bytes(x: Numbers) -> Numbers:
    return np.frombuffer(np.ascontiguousarray(x).tobytes(), np.uint8)


def _moved(size: int, rng: np.random.Generator) -> Iterator[Problem]:
    for element in (np.int64, np.uint8):
        x = rng.integers(0, 2, (3, size)).astype(element)
        bytes_ = x.itemsize
        yield Problem({"x": _bytes(x), "bytes": bytes_, "n": x.size}, {"out": Want(_bytes(x))})
        wide = rng.integers(0, 2, (3, 2 * size + 1)).astype(element)
        expected = wide.copy()
        expected[:, : 2 * size : 2] = x
        walk = walk_of((3, size), [[2 * size + 1, 2], [size, 1]])
        given = {"out": _bytes(wide), "x": _bytes(x), "places": walk, "bytes": bytes_, "n": x.size}
        if size:
            yield Problem(given, {"out": Want(_bytes(expected))})
