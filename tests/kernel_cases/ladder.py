"""The rungs of the kernel ladder: products of contiguous matrices, and softmax of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kernel_cases.calls import Problem, Want
from kernel_cases.maps import MATH
from kernel_cases.rows import softmax_problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    Numbers = np.ndarray[Any, np.dtype[Any]]

PRODUCTS = tuple(f"ladder_{rung}" for rung in ("naive", "reordered", "blocked", "vectorised", "tiled", "packed", "threaded"))
SOFTMAXES = tuple(f"ladder_{rung}" for rung in ("composed", "two_pass", "fused"))


def rung_product(x: Numbers, y: Numbers) -> Problem:
    """An inner product of length k in any order is off by at most k u sum |x| |y| (Higham 2002, section 3.1)."""
    (m, k), n = x.shape, y.shape[1]
    wide_x, wide_y = x.astype(np.float64), y.astype(np.float64)
    with np.errstate(all="ignore"):
        want = Want(wide_x @ wide_y, 2 * (k + 2), np.abs(wide_x) @ np.abs(wide_y))
    return Problem({"x": x, "y": y, "m": m, "k": k, "n": n}, {"out": want})


def rung_softmax(name: str, x: Numbers) -> Problem:
    """As for the library's, but sums are plain, of `cols` terms, and may be scaled down by an exponential at each."""
    problem = softmax_problem("softmax", x)
    want = problem.wants["out"]
    wants: dict[str, Any] = {"out": want._replace(roundings=(x.shape[1] + 2) * (MATH + 2))}
    if name == "ladder_composed":
        return Problem({**problem.given, "work": np.full(len(x), np.nan, x.dtype)}, {**wants, "work": None})
    return Problem(problem.given, wants)


def ladder_products(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    """`size` rows, inner products of that length, and `size` columns: a few of them, and many."""
    for m, k, n in ((size, 5, 7), (3, size, 5), (3, 4, size), (33, 9, size)):
        yield rung_product(rng.uniform(-1, 1, (m, k)).astype(dtype), rng.uniform(-1, 1, (k, n)).astype(dtype))


def ladder_softmaxes(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    for rows, cols in ((3, size), (size, 3), (size, 17)):
        yield rung_softmax(name, rng.uniform(-8, 8, (rows, cols)).astype(dtype))
