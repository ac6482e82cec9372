"""Euclidean distances of the rows of two matrices, batch by batch, and their gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kernel_cases.calls import Problem, Want
from kernel_cases.maps import total

if TYPE_CHECKING:
    from collections.abc import Iterator

    Numbers = np.ndarray[Any, np.dtype[Any]]

#: distance.inc adds 32 terms, or 64 of a gradient, one after the other, and then up to 32 such sums.
CHAIN = 104


def distance_problem(x: Numbers, y: Numbers) -> Problem:
    """The distances of the rows of x (batches, rows, cols) to those of y."""
    with np.errstate(all="ignore"):
        gaps = x.astype(np.float64)[:, :, None] - y.astype(np.float64)[:, None]
        want = Want(np.sqrt(total(gaps * gaps, -1)), CHAIN)
    (batches, rows, cols), others = x.shape, y.shape[1]
    return Problem({"x": x, "y": y, "batches": batches, "rows": rows, "others": others, "cols": cols}, {"out": want})


def gradient_problem(x: Numbers, y: Numbers, dout: Numbers, out: Numbers, transposed: int) -> Problem:
    """The gradient towards x; out and dout are (batches, rows, others), or the other way round."""
    w = np.where(out == 0, 0, dout.astype(np.float64) / np.where(out == 0, 1, out))
    moves = (np.swapaxes(w, 1, 2) if transposed else w)[..., None] * (x.astype(np.float64)[:, :, None] - y.astype(np.float64)[:, None])
    (batches, rows, cols), others = x.shape, y.shape[1]
    given = {"dout": dout, "x": x, "y": y, "out": out, "transposed": transposed, "batches": batches, "rows": rows, "others": others, "cols": cols}
    return Problem(given, {"dx": Want(total(moves, 2), CHAIN, total(np.abs(moves), 2))})


def distance_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    """`size` as the number of rows, of those that they are compared to, and of columns."""
    for batches, rows, others, cols in ((1, size, 3, 2), (2, 3, size, 5), (2, 3, 5, size)):
        x, y = rng.uniform(-2, 2, (batches, rows, cols)).astype(dtype), rng.uniform(-2, 2, (batches, others, cols)).astype(dtype)
        if name == "cdist":
            yield distance_problem(x, y)
            continue
        for transposed in (0, 1):
            shape = (batches, others, rows) if transposed else (batches, rows, others)
            out = rng.uniform(0.5, 3, shape).astype(dtype) * (rng.random(shape) < 0.9)
            yield gradient_problem(x, y, rng.uniform(-2, 2, shape).astype(dtype), out, transposed)
