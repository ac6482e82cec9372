"""Picking, replacing, gathering and scattering elements. All of it rests on two ops: x[index] and its adjoint, which adds
into zeros; and on `setitem` where elements are replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import Array, bool_, from_array
from minigrad._indices import Picks, names_once, plain, replaced
from minigrad._kernels.gather import setitem
from minigrad._kernels.layout import spread
from minigrad._op import composed, defop, public
from minigrad._picks import integers_of
from minigrad._promote import number
from minigrad._samples import Draw, Sample
from minigrad.errors import AxisError, DTypeError, ShapeError, message
from minigrad.ops.elementwise import add, div, mul, where, zero_like
from minigrad.ops.layout import expand, getitem_op, plain_index, putitem_op, reshape_op, sum_to

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from minigrad._op import Function

_ROWS = np.array([0, 2, 0])


def _arrived(g: Any, index: Any) -> Any:
    """The gradient of a value written at an index. Of several numbers for one place only the last is kept, so the others
    get 0."""
    found = getitem_op(g, index=index)
    if names_once(index):
        return found
    index = plain(index, g.shape)
    order = np.arange(found.size).reshape(found.shape)
    last = np.empty(g.shape, np.int64)
    last[index] = order
    stays = last[index] == order
    return found if stays.all() else where(from_array(stays), found, zero_like(found))


setitem_op: Function = defop(
    "setitem", "x, value | index",
    forward=setitem,
    shape=lambda *_, **__: None,
    vjp={
        "x": lambda g, index: setitem_op(g, zero_like(g), index=index),
        "value": lambda g, index, value_shape: sum_to(_arrived(g, index), value_shape),
    },
    reference=lambda x, value, *, index: replaced(x, value, index),
    samples=lambda: [
        Sample(Draw((5,)), Draw(()), index=2),
        Sample(Draw((4, 3)), Draw((3,)), index=slice(1, 3)),
        Sample(Draw((4, 3)), Draw((2, 3)), index=np.array([0, 2])),
        Sample(Draw((4,)), Draw((3,)), index=np.array([2, 0, 2])),
        Sample(Draw((2, 3)), Draw(()), index=np.array([[True, False, True], [False, False, True]])),
        Sample(Draw((0, 3)), Draw(()), index=slice(None)),
    ],
    doc="x with value at an index. The gradient of x is 0 there, and that of value is the output's gradient there. Of several "
    "numbers for one place the last is kept.",
)  # fmt: skip

# -- indices along one dimension ------------------------------------------------------------------------------------------------


def _gather_index(op: str, x: Any, dim: int, index: Any) -> Picks:
    axis = shapes.one_axis(op, dim, len(x.shape))
    at = integers_of(op, index, x.shape[axis] if x.shape else 1)
    shapes.along(op, x.shape, axis, at.shape)
    return Picks(at, axis, axis + 1, each=True)


_PAIRS = np.array([[0, 2], [1, 1], [2, 0]])


@composed(lambda x, *, dim, index: np.take_along_axis(x, index, dim), lambda: [Sample(Draw((3, 4)), dim=1, index=_PAIRS), Sample(Draw((3, 2)), dim=0, index=_PAIRS)])
def gather(x: Any, dim: int, index: Any) -> Any:
    """out[i, j] = x[i, index[i, j]] for dim 1, and so on."""
    return getitem_op(x, index=_gather_index("gather", x, dim, index))


@composed(
    lambda x, *, indices, dim: np.take_along_axis(x, indices, dim), lambda: [Sample(Draw((3, 4)), indices=_PAIRS[:1], dim=1)], also="take_along_axis"
)
def take_along_dim(x: Any, indices: Any, dim: int | None = None) -> Any:
    """gather with broadcasting, for example with the indices of argsort."""
    if dim is None:
        return take(x, indices)
    axis = shapes.axis_of("take_along_dim", x.shape, dim)
    at = integers_of("take_along_dim", indices, x.shape[axis], "indices")
    full = shapes.broadcast("take_along_dim", *((*s[:axis], 1, *s[axis + 1 :]) for s in (x.shape, at.shape)))
    wide = expand(at, (*full[:axis], at.shape[axis], *full[axis + 1 :]))
    x = expand(x, (*full[:axis], x.shape[axis], *full[axis + 1 :]))
    return getitem_op(x, index=Picks(wide, axis, axis + 1, each=True))


@composed(lambda x, *, index: np.take(x, index), lambda: [Sample(Draw((3, 4)), index=_PAIRS)])
def take(x: Any, index: Any) -> Any:
    """Elements of the flattened tensor, in the shape of the index."""
    return getitem_op(reshape_op(x, shape=(x.count,)), index=Picks(integers_of("take", index, x.count), 0, 1))


@composed(lambda x, *, dim, index: np.take(x, index, dim), lambda: [Sample(Draw((3, 4)), dim=0, index=_ROWS)])
def index_select(x: Any, dim: int, index: Any) -> Any:
    """The slices of a dimension that index lists."""
    axis = shapes.axis_of("index_select", x.shape, dim)
    return getitem_op(x, index=Picks(integers_of("index_select", index, x.shape[axis]), axis, axis + 1))


# -- scattering -----------------------------------------------------------------------------------------------------------------------


def _source(op: str, src: Any, index: Picks, dtype: Any) -> Any:
    """What is scattered, cropped to the shape of the index."""
    full = index.at.shape
    if not isinstance(src, Array):
        return spread(number(src, dtype), full) if type(src) in (bool, int, float) else from_array(np.full(full, src, dtype))
    if len(src.shape) != len(full) or any(n > m for n, m in zip(full, src.shape)):
        raise ShapeError(message(op, "src", f"shape {src.shape}", f"at least the index's shape {full}"))
    return getitem_op(src, index=tuple(slice(n) for n in full)) if src.shape != full else src


def _put_along(x: Any, dim: int, index: Any, src: Any) -> Any:
    out = np.array(x)
    np.put_along_axis(out, index, src, dim)
    return out


def _grid(index: Any, axis: int) -> tuple[Any, ...]:
    return Picks(from_array(index), axis, axis + 1, each=True).plain(index.shape)


def _add_along(x: Any, dim: int, index: Any, src: Any) -> Any:
    out = np.array(x)
    np.add.at(out, _grid(index, dim), src)
    return out


def _scattered(index: Any) -> Callable[[], list[Sample]]:
    return lambda: [Sample(Draw((3, 4)), Draw((3, 2)), dim=1, index=index)]


@composed(lambda x, src, *, dim, index: _put_along(x, dim, index, src), _scattered(np.array([[0, 2], [1, 3], [2, 0]])), spaces="")
def _scatter(x: Any, src: Any, *, dim: int, index: Any) -> Any:
    """x with src[i, j] at [i, index[i, j]] for dim 1; of several for one place the last is kept."""
    at = _gather_index("scatter", x, dim, index)
    return setitem_op(x, _source("scatter", src, at, x.dtype), index=at)


@composed(lambda x, src, *, dim, index: _add_along(x, dim, index, src), _scattered(_PAIRS), spaces="")
def _scatter_add(x: Any, src: Any, *, dim: int, index: Any) -> Any:
    """x with src[i, j] added at [i, index[i, j]] for dim 1."""
    at = _gather_index("scatter_add", x, dim, index)
    return add(x, putitem_op(_source("scatter_add", src, at, x.dtype), index=at, shape=x.shape))


@public("scatter")
def scatter(x: Any, dim: int, index: Any, src: Any, *, reduce: str | None = None) -> Any:
    """x with src[i, j], or the number src, at [i, index[i, j]] for dim 1, and so on; of several for one place the last is
    kept. reduce="add" is scatter_add."""
    if reduce not in (None, "add"):
        remedy = "scatter_reduce has 'mean', 'amax' and 'amin'."
        raise ValueError(message("scatter", "reduce", f"{reduce!r}", "None or 'add'", remedy))
    return (_scatter_add if reduce else _scatter)(x, src, dim=dim, index=index)


@public("scatter_add")
def scatter_add(x: Any, dim: int, index: Any, src: Any) -> Any:
    """x with src[i, j] added at [i, index[i, j]] for dim 1, and so on."""
    return _scatter_add(x, src, dim=dim, index=index)


def _extremum_at(x: Any, src: Any, index: Any, largest: bool) -> Any:
    out = np.array(x)
    with np.errstate(invalid="ignore"):  # NaN wins
        (np.maximum if largest else np.minimum).at(out, index, src)
    return out


def _shares(x: Any, src: Any, out: Any, index: Any) -> tuple[Any, Any]:
    """The shares of x and src in the gradient: equal ones for elements that are the extremum, 0 for the others."""
    own, theirs = x.array == out.array, src.array == out.array[index]
    count = own.astype(x.dtype)
    np.add.at(count, index, theirs)
    np.maximum(count, 1, out=count)  # a NaN is equal to nothing
    return from_array((own / count).astype(x.dtype)), from_array((theirs / count[index]).astype(x.dtype))


_PLACES = (np.array([[0], [1], [2]]), _PAIRS)

scatter_extremum: Function = defop(
    "scatter_extremum", "x, src | index, largest",
    shape=lambda *_, **__: None,
    vjp={
        "x": lambda g, x, src, out, index: mul(g, _shares(x, src, out, index)[0]),
        "src": lambda g, x, src, out, index: mul(getitem_op(g, index=index), _shares(x, src, out, index)[1]),
    },
    reference=lambda x, src, *, index, largest: _extremum_at(x, src, index, largest),
    samples=lambda: [
        Sample(Draw((3, 4), distinct=True), Draw((3, 2), 1.03, 2.03, distinct=True), index=_PLACES, largest=largest)
        for largest in (True, False)
    ],
    doc="x with the largest, or smallest, of itself and of what src holds for an index; NaN wins. Ties share the gradient.",
)  # fmt: skip


def _reduce_along(x: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool) -> Any:
    out, at = np.array(x), _grid(index, dim)
    if not include_self:
        out[at] = {"sum": 0, "mean": 0, "amax": -np.inf, "amin": np.inf}[reduce]
    {"sum": np.add, "mean": np.add, "amax": np.maximum, "amin": np.minimum}[reduce].at(out, at, src)
    if reduce == "mean":
        count = np.full(x.shape, int(include_self))
        np.add.at(count, at, 1)
        out = out / np.maximum(count, 1)
    return out


@composed(
    lambda x, src, *, dim, index, reduce, include_self: _reduce_along(x, dim, index, src, reduce, include_self),
    lambda: [Sample(Draw((3, 4), distinct=True), Draw((3, 2), 3.0, 4.0, distinct=True), dim=1, index=_PAIRS, reduce=r, include_self=own)
             for r in ("sum", "mean", "amax", "amin") for own in (True, False)],
    spaces="",
)  # fmt: skip
def _scatter_reduce(x: Any, src: Any, *, dim: int, index: Any, reduce: str, include_self: bool) -> Any:
    """x with the elements that fall on one place reduced; equal extrema share the gradient."""
    at = _gather_index("scatter_reduce", x, dim, index)
    src = _source("scatter_reduce", src, at, x.dtype)
    if not include_self:
        x = setitem_op(x, from_array(np.asarray(_worst(reduce, x.dtype), x.dtype)), index=at)

    def total(values: Any) -> Any:
        return putitem_op(values, index=at, shape=x.shape)

    ones = from_array(np.ones(src.shape, x.dtype))
    if reduce in ("sum", "mean"):
        out = add(x, total(src))
        counts = np.maximum(total(ones).array + include_self, 1)
        return out if reduce == "sum" else div(out, from_array(counts.astype(x.dtype)))
    return scatter_extremum(x, src, index=at.plain(x.shape), largest=reduce == "amax")


def _worst(reduce: str, dtype: Any) -> Any:
    """The neutral number: 0 for sums, otherwise the one that is never the extremum."""
    if reduce not in ("amax", "amin"):
        return 0
    if dtype.kind == "f":
        return -np.inf if reduce == "amax" else np.inf
    ends = (False, True) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return ends[reduce == "amin"]


@public("scatter_reduce")
def scatter_reduce(x: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Any:
    """The "sum", "mean", "amax" or "amin" (`reduce`) of x[i, index[i, j]] and all src[i, j] that fall there, for dim 1, and so
    on. include_self says whether x itself counts. Equal extrema share the gradient."""
    if reduce not in ("sum", "mean", "amax", "amin"):
        raise ValueError(message("scatter_reduce", "reduce", f"{reduce!r}", "'sum', 'mean', 'amax' or 'amin'"))
    return _scatter_reduce(x, src, dim=dim, index=index, reduce=reduce, include_self=include_self)


def _along(op: str, x: Any, dim: int, index: Any) -> Picks:
    axis = shapes.axis_of(op, x.shape, dim)
    return Picks(integers_of(op, index, x.shape[axis]), axis, axis + 1)


def _selected(op: str, x: Any, at: Any) -> tuple[int, ...]:
    """The shape of x[at]."""
    if isinstance(at, Picks):
        return at.shape(x.shape)
    try:
        return x.array[at].shape  # type: ignore[no-any-return]
    except IndexError as error:
        raise AxisError(message(op, "index", f"{at!r} ({error})", f"an index into shape {x.shape}")) from error


def _fitting(op: str, x: Any, value: Any, at: Any, argument: str) -> tuple[int, ...]:
    """The shape of x[at], to which the value must broadcast."""
    wanted = _selected(op, x, at)
    full = shapes.broadcast(op, value.shape if isinstance(value, Array) else np.shape(value), wanted)
    if full != wanted:
        raise ShapeError(message(op, argument, f"shape {full}", f"a shape that broadcasts to {wanted}"))
    return wanted


def _written(op: str, x: Any, value: Any, at: Any, argument: str) -> Any:
    """x with a value at an index, after checking that the two fit."""
    _fitting(op, x, value, at, argument)
    return setitem_op(x, value, index=at)


@public("index_add")
def index_add(x: Any, dim: int, index: Any, source: Any, *, alpha: float = 1.0) -> Any:
    """x with alpha * source added to the slices of a dimension that index lists."""
    at = _along("index_add", x, dim, index)
    wanted = _fitting("index_add", x, source, at, "source")
    source = source if alpha == 1 else mul(source, alpha)
    return add(x, putitem_op(source if source.shape == wanted else expand(source, wanted), index=at, shape=x.shape))


@public("index_copy")
def index_copy(x: Any, dim: int, index: Any, source: Any) -> Any:
    """x with source in place of the slices of a dimension that index lists."""
    return _written("index_copy", x, source, _along("index_copy", x, dim, index), "source")


@public("index_fill")
def index_fill(x: Any, dim: int, index: Any, value: Any) -> Any:
    """x with the slices of a dimension that index lists filled with a number."""
    return _written("index_fill", x, value, _along("index_fill", x, dim, index), "value")


@public("index_put")
def index_put(x: Any, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Any:
    """x with values at an index; with accumulate they are added to what is there."""
    at = tuple(plain_index(i, "index_put") for i in indices)
    if not accumulate:
        return _written("index_put", x, values, at, "values")
    values = values if isinstance(values, Array) else from_array(np.asarray(values, x.dtype))
    return add(x, putitem_op(expand(values, _fitting("index_put", x, values, at, "values")), index=at, shape=x.shape))


# -- masks ------------------------------------------------------------------------------------------------------------------------------


def _mask(op: str, mask: Any) -> Any:
    array = mask if isinstance(mask, Array) else from_array(np.asarray(mask))
    if array.dtype is not bool_:
        remedy = "Write a comparison, such as x > 0."
        raise DTypeError(message(op, "mask", f"dtype {array.dtype}", "bool", remedy))
    return array


_MASK = np.array([[True, False, True], [False, False, True]])


@composed(lambda x, *, mask, value: np.where(mask, value, x), lambda: [Sample(Draw((2, 3)), mask=_MASK, value=0.5)])
def masked_fill(x: Any, mask: Any, value: Any) -> Any:
    """x with value where the mask is True; the gradient of x is exactly 0 there."""
    return where(_mask("masked_fill", mask), value, x)


@composed(lambda x, *, mask: x[mask], lambda: [Sample(Draw((2, 3)), mask=_MASK)])
def masked_select(x: Any, mask: Any) -> Any:
    """The elements where the mask is True, in one dimension."""
    chosen = _mask("masked_select", mask)
    full = shapes.broadcast("masked_select", x.shape, chosen.shape)
    return getitem_op(expand(x, full), index=np.broadcast_to(chosen.array, full))
