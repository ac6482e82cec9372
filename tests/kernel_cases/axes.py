"""Products and what runs along the middle axis of [outer, size, inner]; products of rows, and of vectors in space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kernel_cases.calls import Problem, Want
from kernel_cases.maps import SUM, total
from kernel_cases.rows import reduce_shapes

if TYPE_CHECKING:
    from collections.abc import Iterator

    Numbers = np.ndarray[Any, np.dtype[Any]]

RUNNING = ("running", "running_place")
ADDED, LARGEST, SMALLEST, MULTIPLIED = range(4)


def factors(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Numbers:
    """Numbers of both signs whose product, however many they are, is of moderate size."""
    size = np.exp(rng.uniform(-1, 1, shape) / np.sqrt(max(1, shape[1])))
    return (size * rng.choice([-1.0, 1.0], shape)).astype(dtype)


def product_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    for shape in reduce_shapes(size):
        lengths = dict(zip(("outer", "size", "inner"), shape, strict=True))
        x = factors(rng, shape, dtype)
        yield Problem({"x": x, **lengths}, {"out": Want(x.astype(np.float64).prod(1), 2 * shape[1])})


def dot_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    for rows, cols in ((1, size), (3, size), (size, 3), (size, 17)):
        x, y = rng.uniform(-2, 2, (2, rows, cols)).astype(dtype)
        products = x.astype(np.float64) * y
        want = Want(total(products, 1), SUM + 2, total(np.abs(products), 1))
        yield Problem({"x": x, "y": y, "cols": cols, "n": rows}, {"out": want})


def cross_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    for n, inner in ((size, 1), (2, size), (size, 3)):
        x, y = rng.uniform(-2, 2, (2, n, 3, inner)).astype(dtype)
        wide = x.astype(np.float64), y.astype(np.float64)
        value = np.cross(*wide, axis=1)
        scale = np.stack([np.abs(wide[0][:, (i + 1) % 3] * wide[1][:, (i + 2) % 3]) + np.abs(wide[0][:, (i + 2) % 3] * wide[1][:, (i + 1) % 3]) for i in range(3)], 1)
        yield Problem({"x": x, "y": y, "inner": inner, "n": n}, {"out": Want(value, 4, scale)})


def running_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    for outer, length, inner in [*reduce_shapes(size), (9, size, 1), (2, 3, 65)]:
        shape, given = (outer, length, inner), {"size": length, "inner": inner, "n": outer}
        if name == "running_place":
            x = np.floor(rng.uniform(-3, 3, shape)).astype(dtype)
            for op, function in ((LARGEST, np.maximum), (SMALLEST, np.minimum)):
                best = function.accumulate(x, 1)
                places = np.maximum.accumulate(np.where(x == best, np.arange(length)[:, None], 0), 1)
                yield Problem({"x": x, "op": op, **given}, {"out": Want(places)})
            continue
        for how, backwards in ((ADDED, 0), (ADDED, 1), (MULTIPLIED, 0), (MULTIPLIED, 1)):
            x = factors(rng, shape, dtype)
            ordered = (x[:, ::-1] if backwards else x).astype(np.longdouble)
            value = (np.cumsum if how == ADDED else np.cumprod)(ordered, 1)
            scale = np.cumsum(np.abs(ordered), 1) if how == ADDED else np.abs(value)
            turn = slice(None, None, -1 if backwards else 1)
            want = Want(value[:, turn].astype(np.float64), 2 * length + 2, scale[:, turn].astype(np.float64))
            yield Problem({"x": x, "how": how, "backwards": backwards, **given}, {"out": want})
