"""Quantiles, covariances and histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import from_array
from minigrad._op import composed, public
from minigrad._questions import array_of
from minigrad._samples import Draw, Sample
from minigrad.errors import ShapeError, message
from minigrad.linalg.distance import check_floats
from minigrad.ops.elementwise import add, div, mul, pow, sub, where
from minigrad.ops.functions import clip, isnan
from minigrad.ops.index import index_select
from minigrad.ops.layout import reshape_op, unsqueeze
from minigrad.ops.linalg import matmul_nt
from minigrad.ops.order import sort
from minigrad.ops.reduce import mean
from minigrad.ops.shape import diagonal, moveaxis

if TYPE_CHECKING:
    from typing import Any

_METHODS = ("linear", "lower", "higher", "nearest", "midpoint")


def _places(op: str, q: Any, length: int, interpolation: str) -> tuple[Any, Any, Any]:
    """Between which two of so many elements in order each quantile lies, and how far from the first to the second."""
    ranks = np.asarray(array_of(q), np.float64)
    if ranks.ndim > 1 or not ((ranks >= 0) & (ranks <= 1)).all():
        raise ValueError(message(op, "q", ranks.tolist(), "a number in [0, 1], or a vector of such"))
    if interpolation not in _METHODS:
        raise ValueError(message(op, "interpolation", repr(interpolation), f"one of {', '.join(_METHODS)}"))
    at = np.atleast_1d(ranks) * (length - 1)
    low, high = np.floor(at), np.ceil(at)
    chosen = {"lower": low, "higher": high, "nearest": np.rint(at)}
    if interpolation in chosen:
        low = high = chosen[interpolation]
    part = np.where(high > low, 0.5 if interpolation == "midpoint" else at - low, 0.0)
    return low.astype(np.int64), high.astype(np.int64), part


def _quantile_samples() -> list[Sample]:
    drawn = Draw((3, 5), distinct=True)
    given: tuple[dict[str, Any], ...] = (
        {"q": 0.3, "dim": 1, "keepdim": False}, {"q": 0.5, "dim": 0, "keepdim": True}, {"q": 0.25, "dim": None, "keepdim": False},
        {"q": np.array([0.0, 0.4, 1.0]), "dim": 0, "keepdim": True}, {"q": 0.9, "dim": None, "keepdim": True},
    )  # fmt: skip
    return [Sample(drawn, **keywords) for keywords in given]


@composed(lambda x, *, q, dim, keepdim: np.quantile(x, q, axis=dim, keepdims=keepdim), _quantile_samples)
def quantile(x: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
    """The number below which the share q of all elements lies, or of those along a dimension; a vector q of quantiles gives a
    new first dimension. Between two elements: by "linear" interpolation, or "lower", "higher", "nearest", "midpoint". NaN
    where there is one."""
    check_floats("quantile", input=x)
    axis = 0 if dim is None else shapes.one_axis("quantile", dim, len(x.shape))
    flat = reshape_op(x, shape=(x.count,)) if dim is None or not x.shape else x
    shapes.nonempty("quantile", flat.shape, (axis,))
    low, high, part = _places("quantile", q, flat.shape[axis], interpolation)
    ordered = moveaxis(sort(flat, axis).values, axis, 0)
    part = from_array(part.astype(x.dtype).reshape(-1, *(1,) * (len(ordered.shape) - 1)))
    below, above = index_select(ordered, 0, low), index_select(ordered, 0, high)
    last = index_select(ordered, 0, np.full(1, flat.shape[axis] - 1))  # which is where a NaN is
    found = where(isnan(last), last, add(below, mul(sub(above, below), part)))
    if keepdim:
        ones = (1,) * len(x.shape)
        found = reshape_op(found, shape=(found.shape[0], *ones)) if dim is None else unsqueeze(found, axis + 1)
    return found if np.ndim(array_of(q)) else reshape_op(found, shape=found.shape[1:])


def _rows(ones: tuple[tuple[int, ...], ...]) -> list[Sample]:
    return [Sample(Draw(shape)) for shape in ones]


@composed(lambda x, *, correction=1: np.cov(x, ddof=correction), lambda: [*_rows(((3, 5), (5,), (1, 2))), Sample(Draw((2, 4)), correction=0)])
def cov(x: Any, *, correction: int = 1) -> Any:
    """The covariances of the rows, each a variable of which the columns are observations: a matrix, of one row its variance.
    Sums are divided by the number of observations less `correction`."""
    check_floats("cov", input=x)
    if not 1 <= len(x.shape) <= 2:
        raise ShapeError(message("cov", "input", f"shape {x.shape}", "variables in rows, (variables, observations), or one row"))
    rows = x if len(x.shape) == 2 else unsqueeze(x, 0)
    centred = sub(rows, mean(rows, 1, keepdim=True))
    found = div(matmul_nt(centred, centred), float(max(rows.shape[1] - correction, 0)))
    return found if rows.shape[0] != 1 else reshape_op(found, shape=())


@composed(np.corrcoef, lambda: _rows(((3, 5), (2, 9))))
def corrcoef(x: Any) -> Any:
    """Pearson's correlations of the rows, each a variable of which the columns are observations: cov divided by both
    standard deviations, within [-1, 1]."""
    products = cov(x)
    if not products.shape:
        return div(products, products)
    deviations = pow(unsqueeze(diagonal(products), 1), 0.5)
    return clip(div(div(products, deviations), reshape_op(deviations, shape=(1, products.shape[0]))), -1.0, 1.0)


@public("histc")
def histc(x: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """How many elements are in each of so many intervals of one width from min to max, in the input's type; those beyond are
    not counted. Where min equals max, from the least element to the largest."""
    check_floats("histc", input=x)
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
        raise ValueError(message("histc", "bins", repr(bins), "an int of at least 1"))
    if not min <= max:
        raise ValueError(message("histc", "max", max, f"at least min, {min}"))
    ends = (float(x.array.min()), float(x.array.max())) if min == max and x.count else (min, max)
    if not np.isfinite(ends).all():
        raise ValueError(message("histc", "input", f"elements from {ends[0]} to {ends[1]}", "finite ones, or min and max"))
    return from_array(np.histogram(x.array, bins, ends)[0].astype(x.dtype))
