"""Normalisation of rows and of channels, with the gradients; running statistics; and rows of a table by number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kernel_cases.calls import Problem, Want
from kernel_cases.maps import SUM, as_numbers, total

if TYPE_CHECKING:
    from collections.abc import Iterator

    Numbers = np.ndarray[Any, np.dtype[Any]]

ROWS = ("layer_norm", "layer_norm_bwd", "rms_norm", "rms_norm_bwd")
CHANNELS = ("batch_stats", "batch_norm", "batch_norm_bwd")
TABLES = ("embedding", "embedding_bwd")
EPS = 0.125  # exact in either type, and large enough for rows that are all alike
#: Sums for the mean and the variance, and what is made of them.
ROUNDINGS = 2 * SUM + 12


def _mean(x: Numbers, axes: tuple[int, ...]) -> Numbers:
    """Along axes, which go; summed in long double."""
    count = int(np.prod([x.shape[a] for a in axes]))
    kept = [n for d, n in enumerate(x.shape) if d not in axes]
    return total(np.moveaxis(x, axes, range(-len(axes), 0)).reshape(*kept, count), -1) / count


class Statistics:
    """Of x along axes, with lengths of 1 there: mean, var and rstd; and `loss`, by how much more than xhat itself the roundings
    of what it is made of count."""

    def __init__(self, x: Numbers, axes: tuple[int, ...], centred: bool) -> None:
        shape = [1 if d in axes else n for d, n in enumerate(x.shape)]
        self.mean = _mean(x, axes).reshape(shape) if centred else np.zeros(shape)
        self.size = _mean(np.abs(x), axes).reshape(shape)
        self.gap = x - self.mean
        self.var = _mean(self.gap**2, axes).reshape(shape)
        self.rstd = 1 / np.sqrt(self.var + EPS)
        self.xhat = self.gap * self.rstd
        self.off = (np.abs(x) + self.size) * self.rstd * (1 + np.abs(self.xhat))


def _projected(g: Numbers, s: Statistics, axes: tuple[int, ...], centred: bool) -> tuple[Numbers, Numbers]:
    """dx, and the size of what was rounded."""
    shape, large = s.var.shape, np.abs(g)
    level = _mean(g, axes).reshape(shape) if centred else 0
    along = _mean(g * s.xhat, axes).reshape(shape)
    size = large + _mean(large, axes).reshape(shape) + 2 * s.off * _mean(large * (1 + s.off), axes).reshape(shape)
    return s.rstd * (g - level - s.xhat * along), s.rstd * size


def row_problem(name: str, x: Numbers, dout: Numbers, weight: Numbers | None, bias: Numbers | None) -> Problem:
    """Layer norm and rms norm; backward, given statistics as a forward kernel of this type leaves them."""
    centred, (rows, cols), dtype = name.startswith("layer"), x.shape, x.dtype
    s = Statistics(x.astype(np.float64), (1,), centred)
    w = np.ones(cols) if weight is None else weight.astype(np.float64)
    b = np.zeros(cols) if bias is None or not centred else bias.astype(np.float64)
    given: dict[str, Any] = {"x": x, "weight": weight, "cols": cols}
    if not name.endswith("_bwd"):
        wants = {"out": Want(s.xhat * w + b, ROUNDINGS, s.off * np.abs(w) + np.abs(b)), "rstd": Want(s.rstd[:, 0], ROUNDINGS, (s.rstd * (1 + s.size * s.rstd))[:, 0])}
        if centred:
            wants["mean"] = Want(s.mean[:, 0], ROUNDINGS, s.size[:, 0])
            given["bias"] = bias
        return Problem({**given, "eps": EPS, "n": rows}, wants)
    g = dout.astype(np.float64)
    dx, size = _projected(g * w, s, (1,), centred)
    wants = {
        "dx": Want(dx, ROUNDINGS, size),
        "dweight": Want(total(g * s.xhat, 0), ROUNDINGS, total(np.abs(g) * s.off, 0)),
    }
    given |= {"dout": dout, "rows": rows, "rstd": s.rstd[:, 0].astype(dtype)}
    if centred:
        given["mean"] = s.mean[:, 0].astype(dtype)
        wants["dbias"] = Want(total(g, 0), ROUNDINGS, total(np.abs(g), 0))
    return Problem(given, wants)


def row_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    for rows, cols in ((3, max(size, 1)), (size, 5), (size, 17)):
        x, dout = (rng.uniform(-2, 2, (rows, cols)).astype(dtype) for _ in range(2))
        weight, bias = (rng.uniform(-2, 2, cols).astype(dtype) for _ in range(2))
        yield row_problem(name, x + dtype.type(3), dout, weight, bias)
        problem = row_problem(name, x, dout, None, None)
        if name.endswith("_bwd"):  # some gradients are not wanted
            unwanted = ("dx",) if cols == 5 else ("dweight", "dbias")
            problem = Problem({**problem.given, **dict.fromkeys(unwanted)}, {k: w for k, w in problem.wants.items() if k not in unwanted})
        yield problem


def channel_problem(name: str, x: Numbers, dout: Numbers, weight: Numbers | None, bias: Numbers | None) -> Problem:
    """Batch norm over (outer, channels, inner), given statistics as batch_stats of this type leaves them."""
    (outer, channels, inner), dtype = x.shape, x.dtype
    s = Statistics(x.astype(np.float64), (0, 2), True)
    given: dict[str, Any] = {"x": x, "outer": outer, "channels": channels, "inner": inner, "n": outer}
    if name == "batch_stats":
        scale = _mean((np.abs(x.astype(np.float64)) + s.size) ** 2, (0, 2))
        return Problem(given, {"mean": Want(s.mean.ravel(), ROUNDINGS, s.size.ravel()), "var": Want(s.var.ravel(), ROUNDINGS, scale)})
    given |= {"mean": s.mean.ravel().astype(dtype), "var": s.var.ravel().astype(dtype), "weight": weight, "eps": EPS}
    w = np.ones((channels, 1)) if weight is None else weight.astype(np.float64)[:, None]
    b = np.zeros((channels, 1)) if bias is None else bias.astype(np.float64)[:, None]
    if name == "batch_norm":
        return Problem({**given, "bias": bias}, {"out": Want(s.xhat * w + b, ROUNDINGS, s.off * np.abs(w) + np.abs(b))})
    g = dout.astype(np.float64)
    dx, size = _projected(g * w, s, (0, 2), True)
    n = outer * inner
    wants = {
        "dx": Want(dx, ROUNDINGS, size),
        "dweight": Want(_mean(g * s.xhat, (0, 2)) * n, ROUNDINGS, _mean(np.abs(g) * s.off, (0, 2)) * n),
        "dbias": Want(_mean(g, (0, 2)) * n, ROUNDINGS, _mean(np.abs(g), (0, 2)) * n),
    }
    return Problem({**given, "dout": dout}, wants)


def channel_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    """`size` examples of a few channels, few examples of `size` channels, and of `size` numbers a channel."""
    size = max(size, 1)
    for shape in ((size, 3, 1), (3, size, 1), (2, 3, size), (size, 17, 5)):
        x, dout = (rng.uniform(-2, 2, shape).astype(dtype) for _ in range(2))
        weight, bias = (rng.uniform(-2, 2, shape[1]).astype(dtype) for _ in range(2))
        yield channel_problem(name, x + dtype.type(3), dout, weight, bias)
        problem = channel_problem(name, x, dout, None, None)
        if name == "batch_norm_bwd":
            problem = Problem({**problem.given, "dx": None}, {k: w for k, w in problem.wants.items() if k != "dx"})
        yield problem


def running_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    """The new statistics take the old ones' place; a count of the batches may be there, or not."""
    for momentum, batches, n in ((0.1, 4, 7), (0.75, None, 2), (None, 2, 1000)):
        old = {k: rng.uniform(0.5, 2, size).astype(dtype) for k in ("running_mean", "running_var", "mean", "var")}
        wide = {k: v.astype(np.float64) for k, v in old.items()}
        rate = 1 / (batches + 1) if momentum is None and batches is not None else as_numbers(momentum or 0.0, dtype)
        mean = (1 - rate) * wide["running_mean"] + rate * wide["mean"]
        var = (1 - rate) * wide["running_var"] + rate * wide["var"] * n / (n - 1)
        given = {**old, "momentum": as_numbers(momentum or 0.0, dtype), "cumulative": momentum is None, "n": n, "channels": size}
        wants = {"running_mean": Want(mean, 8), "running_var": Want(var, 8)}
        given["batches"] = None if batches is None else np.array(batches)
        if batches is not None:
            wants["batches"] = Want(np.array(batches + 1))
        yield Problem(given, wants)


def table_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    """Many places, wide rows, and many rows; the last with a row that gets nothing."""
    for count, rows, cols, padding in ((size, 5, 3, -1), (7, 4, size, -1), (9, max(size, 1), 17, 0)):
        index = rng.integers(0, rows, count)
        if name == "embedding":
            weight = rng.uniform(-2, 2, (rows, cols)).astype(dtype)
            yield Problem({"weight": weight, "index": index, "cols": cols, "n": count}, {"out": Want(weight[index].astype(np.float64))})
            continue
        dout = rng.uniform(-2, 2, (count, cols)).astype(dtype)
        sums, sizes, counted = np.zeros((rows, cols)), np.zeros((rows, cols)), index != padding
        np.add.at(sums, index[counted], dout[counted].astype(np.float64))
        np.add.at(sizes, index[counted], np.abs(dout[counted]).astype(np.float64))
        most = int(np.bincount(index, minlength=1).max()) if count else 0
        given = {"dout": dout, "index": index, "padding": padding, "count": count, "rows": rows, "cols": cols}
        yield Problem(given, {"dweight": Want(sums, 2 * max(most - 1, 0), sizes)})
