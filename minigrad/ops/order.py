"""Sorting, and running sums, products, extrema and differences along a dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import from_array
from minigrad._op import composed, defop, public
from minigrad._samples import Draw, Sample
from minigrad.errors import AxisError, message
from minigrad.ops.elementwise import div, exp, identity, mul, sub, where, zero_like
from minigrad.ops.index import gather
from minigrad.ops.layout import expand_op, reshape_op
from minigrad.ops.reduce import Extrema, others, squeezed, sum_op
from minigrad.ops.shape import cat, flip, moveaxis, narrow

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minigrad._op import Function

# -- running sums and products: along the last dimension, to which any other is moved ---------------------------------------

_ROWS = ((3,), (2, 4), (0,), (2, 0), (2, 3, 1))


def _last(low: float = -2.0, high: float = 2.0) -> Callable[[], list[Sample]]:
    return lambda: [Sample(Draw(s, low, high)) for s in _ROWS]


def _from_behind(x: Any) -> Any:
    """Sums from each element to the end of the last dimension."""
    return flip(last_cumsum(flip(x, -1)), -1)


last_cumsum: Function = defop(
    "cumsum", "x",
    vjp={"x": lambda g: _from_behind(g)},
    reference=lambda x: np.cumsum(x, -1),
    samples=_last(),
    doc="Sums from the beginning to each element. An element is part of every later sum, so they all send it their gradients.",
)  # fmt: skip


def _cumprod_slope(g: Any, x: Any, out: Any) -> Any:
    """sum over k >= i of g_k times the product of the factors up to k but x_i; that is out_k / x_i where none is 0."""
    if x.array.all():
        return div(_from_behind(mul(g, out)), x)
    products = last_cumprod(others(x))
    later = from_array(np.triu(np.ones(products.shape[-2:], bool)))
    spread = expand_op(reshape_op(g, shape=(*g.shape[:-1], 1, g.shape[-1])), shape=products.shape)
    return sum_op(where(later, mul(spread, products), zero_like(g)), dim=(len(products.shape) - 1,), keepdim=False)


last_cumprod: Function = defop(
    "cumprod", "x",
    vjp={"x": _cumprod_slope},
    reference=lambda x: np.cumprod(x, -1),
    samples=_last(0.5, 2.0),
    doc="Products from the beginning to each element.",
)  # fmt: skip


def _logcumsumexp_slope(g: Any, x: Any, out: Any) -> Any:
    """exp(x_i) times the sum over k >= i of g_k exp(-out_k), both shifted by the largest x."""
    top = from_array(np.max(x.array, -1, keepdims=True, initial=np.finfo(x.dtype).min))
    return mul(exp(sub(x, top)), _from_behind(mul(g, exp(sub(top, out)))))


last_logcumsumexp: Function = defop(
    "logcumsumexp", "x",
    vjp={"x": _logcumsumexp_slope},
    reference=lambda x: np.logaddexp.accumulate(x, -1),
    samples=_last(),
    doc="The logarithm of the running sum of exp(x), without overflow.",
)  # fmt: skip


def _along(op: Function, name: str, x: Any, dim: int) -> Any:
    axis = shapes.one_axis(name, dim, len(x.shape))
    if len(x.shape) < 2:
        return op(x) if x.shape else reshape_op(op(reshape_op(x, shape=(1,))), shape=())
    return moveaxis(op(moveaxis(x, axis, -1)), -1, axis)


_ANY = lambda: [Sample(Draw(s, 0.5, 2.0), dim=d) for s, d in (((3,), 0), ((2, 3), 0), ((2, 3, 2), 1), ((), 0))]


def _axis_of(function: Function) -> Function:
    return lambda x, *, dim: function(x, dim) if x.ndim else x


@composed(_axis_of(np.cumsum), _ANY, spaces="")
def _cumsum(x: Any, dim: int = 0) -> Any:
    """Sums from the beginning of a dimension to each element."""
    return _along(last_cumsum, "cumsum", x, dim)


@composed(_axis_of(np.cumprod), _ANY, spaces="")
def _cumprod(x: Any, dim: int = 0) -> Any:
    """Products from the beginning of a dimension to each element."""
    return _along(last_cumprod, "cumprod", x, dim)


@composed(_axis_of(np.logaddexp.accumulate), _ANY, spaces="")
def _logcumsumexp(x: Any, dim: int = 0) -> Any:
    """The logarithm of the running sum of exp(x) along a dimension, without overflow."""
    return _along(last_logcumsumexp, "logcumsumexp", x, dim)


public("cumsum")(_cumsum)
public("cumprod")(_cumprod)
public("logcumsumexp")(_logcumsumexp)


def _cumulative(name: str, function: Any, doc: str) -> Any:
    def running(x: Any, dim: int = 0) -> Extrema:
        axis = shapes.one_axis(name, dim, len(x.shape))
        if not x.shape:
            return Extrema((identity(x), from_array(np.zeros((), np.int64))))
        best = function.accumulate(x.array, axis)
        places = np.arange(x.shape[axis]).reshape([-1 if d == axis else 1 for d in range(len(x.shape))])
        at = from_array(np.maximum.accumulate(np.where((x.array == best) | np.isnan(x.array), places, 0), axis))
        return Extrema((gather(x, axis, at), at))

    running.__name__, running.__doc__ = name, doc
    return composed(
        lambda x, *, dim: (function.accumulate(x, dim), _running_places(function, x, dim)),
        lambda: [Sample(Draw(s, distinct=True), dim=d) for s, d in (((5,), 0), ((3, 4), 1))],
    )(running)


def _running_places(function: Any, x: Any, dim: int) -> Any:
    """The position of the running extremum at each element."""
    best = np.moveaxis(function.accumulate(x, dim), dim, -1)
    rows, found = np.moveaxis(x, dim, -1), np.zeros(best.shape, np.int64)
    for place in np.ndindex(*best.shape):
        found[place] = np.flatnonzero(rows[place[:-1]] == best[place])[0]
    return np.moveaxis(found, -1, dim)


cummax = _cumulative("cummax", np.maximum, "(values, indices) of the largest element so far; of equal ones the last.")
cummin = _cumulative("cummin", np.minimum, "(values, indices) of the smallest element so far; of equal ones the last.")


@composed(
    lambda x, *, n, dim: np.diff(x, n, dim), lambda: [Sample(Draw((2, 5)), n=n, dim=d) for n in (0, 1, 2) for d in (0, 1)] + [Sample(Draw((1,)), n=1, dim=0)]
)
def diff(x: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Each element minus the one before, n times over."""
    if n < 0:
        raise ValueError(message("diff", "n", n, "a number of at least 0"))
    dim = shapes.axis_of("diff", x.shape, dim)
    joined = [y for y in (prepend, x, append) if y is not None]
    x = cat(joined, dim) if len(joined) > 1 else x
    for _ in range(n):
        length = max(0, x.shape[dim] - 1)
        x = sub(narrow(x, dim, min(1, x.shape[dim]), length), narrow(x, dim, 0, length))
    return x


# -- order: values are gathered by their indices, which also tell where gradients go -----------------------------------


def _order(x: Any, axis: int, descending: bool) -> Any:
    """The stable order of the elements of a dimension; NaN counts as largest."""
    if not descending:
        return np.argsort(x.array, axis, kind="stable")
    backwards = np.flip(x.array, axis)
    return x.shape[axis] - 1 - np.flip(np.argsort(backwards, axis, kind="stable"), axis)


def _ranked(x: Any, axis: int, rank: int) -> Any:
    """Where the element stands that has so many before it in order; of equal ones the first. NaN counts as largest."""
    found = np.take(np.partition(x, rank, axis), [rank], axis)
    return np.argmax((x == found) | (np.isnan(x) & np.isnan(found)), axis, keepdims=True)


def _sort_reference(x: Any, *, dim: int, descending: bool) -> Any:
    order = np.argsort(-x if descending else x, dim, kind="stable")
    return np.take_along_axis(x, order, dim), order


@composed(_sort_reference, lambda: [Sample(Draw(s, distinct=True), dim=d, descending=True) for s, d in (((5,), 0), ((3, 4), 1), ((3, 4), 0), ((0,), 0))])
def sort(x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Extrema:
    """(values, indices) in ascending or descending order along a dimension. The sort is stable, and NaN counts as largest."""
    axis = shapes.one_axis("sort", dim, len(x.shape))
    if not x.shape:
        return Extrema((identity(x), from_array(np.zeros((), np.int64))))
    at = from_array(_order(x, axis, descending))
    return Extrema((gather(x, axis, at), at))


@public("argsort")
def argsort(x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The indices that sort a dimension, in ascending or descending order; stable."""
    return sort(x, dim, descending).indices


@composed(
    lambda x, *, k, dim, largest: tuple(np.take(part, range(k), dim) for part in _sort_reference(x, dim=dim, descending=largest)),
    lambda: [Sample(Draw((3, 5), distinct=True), k=k, dim=1, largest=big) for k in (0, 2, 5) for big in (True, False)],
)  # fmt: skip
def topk(x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Extrema:
    """(values, indices) of the k largest (or smallest) elements along a dimension, in order."""
    axis = shapes.axis_of("topk", x.shape, dim)
    if not 0 <= k <= x.shape[axis]:
        raise AxisError(message("topk", "k", k, f"at most the {x.shape[axis]} elements of dimension {axis}"))
    at = from_array(np.take(_order(x, axis, largest), range(k), axis))
    return Extrema((gather(x, axis, at), at))


@composed(
    lambda x, *, k, dim, keepdim: tuple(np.take(part, k - 1, dim) for part in _sort_reference(x, dim=dim, descending=False)),
    lambda: [Sample(Draw((3, 5), distinct=True), k=2, dim=1, keepdim=False)],
)
def kthvalue(x: Any, k: int, dim: int = -1, keepdim: bool = False) -> Extrema:
    """(values, indices) of the k-th smallest element along a dimension, counted from 1."""
    axis = shapes.axis_of("kthvalue", x.shape, dim)
    if not 1 <= k <= x.shape[axis]:
        raise AxisError(message("kthvalue", "k", k, f"a number from 1 to the {x.shape[axis]} elements of dimension {axis}"))
    at = from_array(_ranked(x.array, axis, k - 1))
    return Extrema((squeezed(gather(x, axis, at), axis, keepdim), squeezed(at, axis, keepdim)))


@composed(lambda x: np.sort(x.ravel())[(x.size - 1) // 2], lambda: [Sample(Draw(s, distinct=True)) for s in ((5,), (2, 3), ())])
def median(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element, or the lower of the two in the middle (of which NumPy takes the mean); along a dimension (values,
    indices). NaN if there is any."""
    if dim is None:
        return median(reshape_op(x, shape=(x.count,)), 0)[0]
    axis = shapes.one_axis("median", dim, len(x.shape))
    shapes.nonempty("median", x.shape, (axis,))
    nan, middle = np.isnan(x.array), _ranked(x.array, axis, (x.shape[axis] - 1) // 2)
    at = from_array(np.where(nan.any(axis, keepdims=True), np.argmax(nan, axis, keepdims=True), middle))
    return Extrema((squeezed(gather(x, axis, at), axis, keepdim), squeezed(at, axis, keepdim)))
