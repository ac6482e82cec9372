"""Cross entropy of rows of logits, with labels, with probabilities, and of log-probabilities (nll); and the gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kernel_cases.calls import Problem, Want
from kernel_cases.maps import MATH, SUM, as_numbers, total
from kernel_cases.rows import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    Numbers = np.ndarray[Any, np.dtype[Any]]

NONE, MEAN, SUMMED = range(3)
#: Sums of exponentials, of the weighted gaps, of the weights, and of the losses of rows.
ROUNDINGS = 4 * SUM + 2 * MATH + 12


class Options(NamedTuple):
    """How losses of rows become one, and what counts."""

    reduction: int
    weighted: bool = False
    smoothing: float = 0.0
    ignore_index: int = -100


OPTIONS = (
    Options(NONE),
    Options(MEAN),
    Options(SUMMED, smoothing=0.25),
    Options(NONE, weighted=True, smoothing=0.1),
    Options(MEAN, weighted=True, smoothing=0.1, ignore_index=1),
    Options(SUMMED, weighted=True),
)


class Losses(NamedTuple):
    """Losses of rows, the sizes of what is rounded in them, and the weight of each row in the mean."""

    loss: Numbers
    scale: Numbers
    mass: Numbers


def _labelled(x: Numbers, target: Numbers, weight: Numbers, o: Options) -> Losses:
    """loss = (1 - s) w_y (lse - x_y) + s / C sum_j w_j (lse - x_j); classes of weight 0 add 0."""
    r, kept, s = rows_of(x), target != o.ignore_index, o.smoothing
    at = np.arange(len(x)), np.where(kept, target, 0)
    far, size = r.log_sum - r.gap, np.abs(r.log_sum) + np.abs(r.gap) + r.spread
    mass = np.where(kept, weight[at[1]], 0)
    spread = s / x.shape[1] * np.where(weight == 0, 0, weight * far) if s else np.zeros_like(far)
    spread_size = s / x.shape[1] * np.where(weight == 0, 0, weight * size) if s else np.zeros_like(far)
    loss = np.where(kept, (1 - s) * mass * far[at] + total(spread, 1), 0)
    return Losses(loss, np.where(kept, (1 - s) * mass * size[at] + total(spread_size, 1), 0), mass)


def _soft(x: Numbers, q: Numbers) -> Losses:
    """loss = sum_j q_j (lse - x_j); classes of probability 0 add 0."""
    r = rows_of(x)
    far, size = r.log_sum - r.gap, np.abs(r.log_sum) + np.abs(r.gap) + r.spread
    return Losses(total(np.where(q == 0, 0, q * far), 1), total(np.where(q == 0, 0, q * size), 1), np.ones(len(x)))


def _log_probability(x: Numbers, target: Numbers, weight: Numbers, o: Options) -> Losses:
    kept = target != o.ignore_index
    mass = np.where(kept, weight[np.where(kept, target, 0)], 0)
    loss = np.where(kept, -mass * x.astype(np.float64)[np.arange(len(x)), np.where(kept, target, 0)], 0)
    return Losses(loss, np.abs(loss), mass)


def _reduced(rows: Losses, reduction: int) -> tuple[Want, Want]:
    """The loss, and what a mean divides by."""
    divisor = total(rows.mass) if reduction == MEAN else np.asarray(1.0)
    divisor = np.where(divisor == 0, np.nan, divisor)  # of nothing there is no mean
    if reduction == NONE:
        return Want(rows.loss, ROUNDINGS, rows.scale), Want(divisor)
    value, scale = total(rows.loss) / divisor, total(rows.scale) / divisor
    return Want(value, ROUNDINGS, scale), Want(divisor, SUM)


def soft_target(target: Numbers, weight: Numbers, smoothing: float) -> Numbers:
    """q_j = w_j ((1 - s) t_j + s / C)"""
    return weight * ((1 - smoothing) * target.astype(np.float64) + smoothing / target.shape[1])


def entropy_problem(name: str, x: Numbers, target: Numbers, weight: Numbers | None, o: Options) -> Problem:
    """A forward kernel. target: labels, or rows of probabilities."""
    w = np.ones(x.shape[1]) if weight is None else weight.astype(np.float64)
    o = o._replace(smoothing=as_numbers(o.smoothing, x.dtype))
    with np.errstate(all="ignore"):
        if name == "cross_entropy":
            rows = _labelled(x, target, w, o)
        elif name == "soft_cross_entropy":
            rows = _soft(x, soft_target(target, w, o.smoothing))
        else:
            rows = _log_probability(x, target, w, o)
        out, divisor = _reduced(rows, o.reduction)
        r = rows_of(x)
    wants = {"out": out}
    if name != "soft_cross_entropy":
        wants["total"] = divisor
    if name != "nll":
        wants["log_sum"] = Want(r.log_sum[:, 0], SUM + 2 * MATH, np.abs(r.log_sum[:, 0]) + r.spread[:, 0])
    given = {"x": x, "target": target, "weight": weight, "rows": len(x), "cols": x.shape[1], **o._asdict()}
    return Problem(given, wants)


def entropy_gradient(
    name: str, x: Numbers, target: Numbers, weight: Numbers | None, dout: Numbers, o: Options
) -> Problem:
    """A backward kernel, given log_sum and total as a forward one of this type leaves them.

    dloss/dx = g (p sum_j q_j - q), where labels stand for q = (1 - s) w_y [j == y] + s / C w_j."""
    dtype, (rows, cols), s = x.dtype, x.shape, as_numbers(o.smoothing, x.dtype)
    o, w = o._replace(smoothing=s), np.ones(cols) if weight is None else weight.astype(np.float64)
    soft, label = target.ndim == 2, target if target.ndim == 1 else np.zeros(rows, np.int64)
    kept = np.full(rows, True) if soft else label != o.ignore_index
    with np.errstate(all="ignore"):
        r = rows_of(x)
        mass = np.ones(rows) if soft else np.where(kept, w[np.where(kept, label, 0)], 0)
        divisor, log_sum = np.asarray(total(mass), dtype), r.log_sum[:, 0].astype(dtype)
        hit = np.zeros((rows, cols))
        hit[np.arange(rows), np.where(kept, label, 0)] = mass
        if name == "nll_bwd":
            q, p = hit, np.zeros((rows, cols))
        else:
            q = soft_target(target, w, s) if soft else (1 - s) * hit + s / cols * w
            p = np.exp(r.gap - log_sum.astype(np.float64)[:, None])
        g = dout.astype(np.float64) / (float(divisor) if o.reduction == MEAN else 1)
        g = np.where(kept, g, 0)[:, None]
        dx = np.where(kept[:, None], g * (p * total(q, 1)[:, None] - q), 0)
        size = np.abs(g) * (p * (1 + np.abs(r.gap) + np.abs(r.log_sum)) * total(q, 1)[:, None] + q)
    given = {
        "dout": dout, "x": x, "target": target, "weight": weight, "log_sum": log_sum, "total": divisor,
        "rows": rows, "cols": cols, "n": rows, **o._asdict(),
    }  # fmt: skip
    return Problem(given, {"dx": Want(dx, ROUNDINGS, size)})


def entropy_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    forward = name.removesuffix("_bwd")
    for (rows, cols), options in (((5, max(size, 1)), OPTIONS), ((size, 5), OPTIONS), ((size, 17), OPTIONS[-2:])):
        for o in options:
            x = rng.uniform(-6, 6, (rows, cols))
            if forward == "nll":
                x = -np.abs(x)
                o = o._replace(smoothing=0.0)
            target = rng.integers(0, cols, rows)
            target[1::4] = o.ignore_index if o.ignore_index < cols else 0
            if forward == "soft_cross_entropy":
                target = rng.dirichlet(np.ones(cols), rows).reshape(rows, cols).astype(dtype)
            weight = rng.uniform(0.5, 2, cols).astype(dtype) if o.weighted else None
            if name == forward:
                yield entropy_problem(name, x.astype(dtype), target, weight, o)
            else:
                dout = rng.uniform(-2, 2, rows if o.reduction == NONE else 1).astype(dtype)
                yield entropy_gradient(name, x.astype(dtype), target, weight, dout, o)
