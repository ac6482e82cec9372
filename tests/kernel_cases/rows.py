"""Reductions of the middle axis of [outer, size, inner], and softmax along rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kernel_cases.calls import Problem, Want
from kernel_cases.maps import MATH, SUM, as_numbers, total

if TYPE_CHECKING:
    from collections.abc import Iterator

    Numbers = np.ndarray[Any, np.dtype[Any]]

# -- reductions of the middle axis -----------------------------------------------------------------------------------------


def reduce_shapes(size: int) -> list[tuple[int, int, int]]:
    """[outer, size, inner]: `size` as a row, as a narrow column, as the number of columns, and as that of rows."""
    return [(2, size, 1), (1, size, 3), (2, 5, size), (size, 3, 1)]


def reduce_problem(name: str, x: Numbers, divisor: float = 1.0) -> Problem:
    outer, size, inner = x.shape
    given: dict[str, Any] = {"x": x, "outer": outer, "size": size, "inner": inner}
    wide = x.astype(np.float64)
    if name == "sum":
        with np.errstate(all="ignore"):
            want = Want(total(wide, 1) / divisor, SUM + 1, total(np.abs(wide), 1) / abs(divisor))
        given["divisor"] = divisor
    else:
        want = Want(getattr(wide, name)(1))
    return Problem(given, {"out": want})


def reduce_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    for shape in reduce_shapes(size):
        if name != "sum" and shape[1] == 0:
            continue
        x = rng.uniform(-1, 3, shape)
        yield reduce_problem(name, x.astype(dtype), 1.0)
        if name == "sum":
            yield reduce_problem(name, x.astype(dtype), as_numbers(1.7, dtype))
        else:  # few values: every extremum stands in many places, and the first one counts
            yield reduce_problem(name, np.floor(x).astype(dtype))


def square_problem(x: Numbers) -> Problem:
    squares = np.square(x.astype(np.float64))
    return Problem({"x": x, "rows": x.shape[0], "size": x.shape[1]}, {"out": Want(total(squares, 1), SUM + 2, total(squares, 1))})


def square_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    for shape in ((1, size), (3, size), (size, 3), (size, 17)):
        yield square_problem(rng.uniform(-2, 2, shape).astype(dtype))


# -- rows --------------------------------------------------------------------------------------------------------------------


class Rows(NamedTuple):
    """What all row formulas need, in float64: gap = x - max, log_sum = log sum exp gap, p = softmax(x), and how far a
    relative error of the gaps moves log_sum."""

    top: Numbers
    gap: Numbers
    log_sum: Numbers
    p: Numbers
    spread: Numbers


def rows_of(x: Numbers) -> Rows:
    wide = x.astype(np.float64)
    with np.errstate(all="ignore"):
        top = wide.max(1, keepdims=True) if x.shape[1] else np.full((len(x), 1), -np.inf)
        gap = wide - top
        e = np.exp(gap)
        mass = total(e, 1)[:, None]
        p = e / mass
        spread = 1 + total(np.where(p > 0, p * np.abs(gap), 0), 1)[:, None]
        return Rows(top, gap, np.log(mass), p, spread)


def softmax_problem(name: str, x: Numbers, dout: Numbers | None = None) -> Problem:
    """The forward kernel on logits x; with dout the backward one, on the forward's result rounded to the type."""
    r, dtype = rows_of(x), x.dtype
    with np.errstate(all="ignore"):
        y, scale = {
            "softmax": (r.p, r.p * (np.abs(r.gap) + r.spread)),
            "log_softmax": (r.gap - r.log_sum, np.abs(r.gap) + np.abs(r.log_sum) + r.spread),
            "logsumexp": (_logsumexp(r), np.abs(np.nan_to_num(r.top)) + np.abs(r.log_sum) + r.spread),
        }[name.removesuffix("_bwd")]
    if dout is None:
        flat = {"value": y[:, 0], "scale": scale[:, 0]} if name == "logsumexp" else {"value": y, "scale": scale}
        return Problem({"x": x, "cols": x.shape[1], "n": len(x)}, {"out": Want(roundings=SUM + 2 * MATH + 4, **flat)})
    out = y.astype(dtype)
    g, y = dout.astype(np.float64), out.astype(np.float64)
    if name == "softmax_bwd":
        dx = y * (g - total(g * y, 1)[:, None])
        size = y * (np.abs(g) + total(np.abs(g * y), 1)[:, None])
    else:
        dx = g - np.exp(y) * total(g, 1)[:, None]
        size = np.abs(g) + np.exp(y) * total(np.abs(g), 1)[:, None]
    given = {"dout": dout, "out": out, "cols": x.shape[1], "n": len(x)}
    return Problem(given, {"dx": Want(dx, SUM + MATH + 4, size)})


def _logsumexp(r: Rows) -> Numbers:
    return np.where(np.isinf(r.top), r.top, r.top + r.log_sum)


def softmax_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    for rows, cols in ((3, size), (size, 3), (size, 17)):
        x = rng.uniform(-8, 8, (rows, cols)).astype(dtype)
        yield softmax_problem(name, x, rng.uniform(-2, 2, x.shape).astype(dtype) if name.endswith("_bwd") else None)
