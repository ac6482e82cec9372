"""Sorting, and running sums, products, extrema and differences along a dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import from_array
from minigrad._indices import Picks
from minigrad._kernels import running as kernels
from minigrad._op import composed, defop, public
from minigrad._samples import Draw, Sample
from minigrad.errors import AxisError, message
from minigrad.ops.elementwise import div, exp, identity, mul, sub, where, zero_like
from minigrad.ops.index import gather
from minigrad.ops.layout import expand_op, getitem_op, reshape_op
from minigrad.ops.reduce import Extrema, others, prod_op, squeezed, sum_op
from minigrad.ops.shape import cat, moveaxis, narrow

if TYPE_CHECKING:
    from typing import Any

    from minigrad._op import Function

# -- running sums and products: along the last dimension, to which any other is moved ---------------------------------------

_RUNS = (((3,), 0), ((2, 4), 1), ((4, 2), 0), ((2, 3, 2), 1), ((0,), 0), ((2, 0), 1), ((9, 5), 1), ((3, 66), 0))


cumsum_op: Function = defop(
    "cumsum", "x | dim, backwards",
    forward=kernels.cumsum,
    vjp={"x": lambda g, dim, backwards: cumsum_op(g, dim=dim, backwards=not backwards)},
    reference=lambda x, *, dim, backwards: np.flip(np.cumsum(np.flip(x, dim), dim), dim) if backwards else np.cumsum(x, dim),
    samples=lambda: [Sample(Draw(s), dim=d, backwards=b) for s, d in _RUNS for b in (False, True)],
    doc="Sums from the beginning of a dimension to each element, or from each to the end. An element is part of every later "
    "sum, so they all send it their gradients.",
)  # fmt: skip


def _cumprod_slope(g: Any, x: Any, out: Any, dim: int) -> Any:
    """sum over k >= i of g_k times the product of the factors up to k but x_i; that is out_k / x_i where none is 0."""
    if out.array.all() or x.array.all():
        return div(cumsum_op(mul(g, out), dim=dim, backwards=True), x)
    g, x = moveaxis(g, dim, -1), moveaxis(x, dim, -1)
    products = cumprod_op(others(x), dim=len(x.shape))
    later = from_array(np.triu(np.ones(products.shape[-2:], bool)))
    spread = expand_op(reshape_op(g, shape=(*g.shape[:-1], 1, g.shape[-1])), shape=products.shape)
    slopes = sum_op(where(later, mul(spread, products), zero_like(g)), dim=(len(products.shape) - 1,), keepdim=False)
    return moveaxis(slopes, -1, dim)


cumprod_op: Function = defop(
    "cumprod", "x | dim",
    forward=kernels.cumprod, vjp={"x": _cumprod_slope},
    reference=lambda x, *, dim: np.cumprod(x, dim),
    samples=lambda: [Sample(Draw(s, 0.5, 2.0), dim=d) for s, d in _RUNS],
    doc="Products from the beginning of a dimension to each element.",
)  # fmt: skip


def _logcumsumexp_slope(g: Any, x: Any, out: Any) -> Any:
    """exp(x_i) times the sum over k >= i of g_k exp(-out_k), both shifted by the largest x."""
    top = from_array(np.max(x.array, -1, keepdims=True, initial=np.finfo(x.dtype).min))
    return mul(exp(sub(x, top)), cumsum_op(mul(g, exp(sub(top, out))), dim=len(x.shape) - 1, backwards=True))


last_logcumsumexp: Function = defop(
    "last_logcumsumexp", "x",
    vjp={"x": _logcumsumexp_slope},
    reference=lambda x: np.logaddexp.accumulate(x, -1),
    samples=lambda: [Sample(Draw(s)) for s in ((3,), (2, 4), (0,), (2, 0), (2, 3, 1))],
    doc="The logarithm of the running sum of exp(x) along the last dimension, without overflow.",
)  # fmt: skip


@public("cumsum")
def cumsum(x: Any, dim: int = 0) -> Any:
    """Sums from the beginning of a dimension to each element."""
    axis = shapes.one_axis("cumsum", dim, len(x.shape))
    return cumsum_op(x, dim=axis, backwards=False) if x.shape else sum_op(x, dim=(), keepdim=False)


@public("cumprod")
def cumprod(x: Any, dim: int = 0) -> Any:
    """Products from the beginning of a dimension to each element."""
    axis = shapes.one_axis("cumprod", dim, len(x.shape))
    return cumprod_op(x, dim=axis) if x.shape else prod_op(x, dim=(), keepdim=False)


@composed(
    lambda x, *, dim: np.logaddexp.accumulate(x, dim) if x.ndim else x,
    lambda: [Sample(Draw(s, 0.5, 2.0), dim=d) for s, d in (((3,), 0), ((2, 3), 0), ((2, 3, 2), 1), ((), 0))],
)
def logcumsumexp(x: Any, dim: int = 0) -> Any:
    """The logarithm of the running sum of exp(x) along a dimension, without overflow."""
    axis = shapes.one_axis("logcumsumexp", dim, len(x.shape))
    return moveaxis(last_logcumsumexp(moveaxis(x, axis, -1)), -1, axis) if x.shape else identity(x)


def _running_places(x: Any, *, dim: int, largest: bool) -> Any:
    """The position of the running extremum at each element."""
    best = (np.maximum if largest else np.minimum).accumulate(x, dim)
    places = np.arange(x.shape[dim]).reshape([-1 if d == dim else 1 for d in range(x.ndim)])
    return np.maximum.accumulate(np.where((x == best) | np.isnan(x), places, 0), dim)


running_place: Function = defop(
    "running_place", "x | dim, largest",
    forward=kernels.running_place, nondiff="x", kind="int",
    reference=_running_places,
    samples=lambda: [Sample(Draw(s, distinct=True), dim=d, largest=largest) for s, d in _RUNS for largest in (True, False)],
    doc="Where the largest or smallest element so far stands: of equal ones the last, and NaN counts as largest and smallest.",
)  # fmt: skip


def _cumulative(name: str, function: Any, largest: bool, doc: str) -> Any:
    def running(x: Any, dim: int = 0) -> Extrema:
        axis = shapes.one_axis(name, dim, len(x.shape))
        if not x.shape:
            return Extrema((identity(x), from_array(np.zeros((), np.int64))))
        at = running_place(x, dim=axis, largest=largest)
        return Extrema((getitem_op(x, index=Picks(at, axis, axis + 1, each=True)), at))

    running.__name__, running.__doc__ = name, doc
    return composed(
        lambda x, *, dim: (function.accumulate(x, dim), _running_places(x, dim=dim, largest=largest)),
        lambda: [Sample(Draw(s, distinct=True), dim=d) for s, d in (((5,), 0), ((3, 4), 1))],
    )(running)


cummax = _cumulative("cummax", np.maximum, True, "(values, indices) of the largest element so far; of equal ones the last.")
cummin = _cumulative("cummin", np.minimum, False, "(values, indices) of the smallest element so far; of equal ones the last.")


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
