"""Ops that move elements and compute nothing; views wherever NumPy gives views. Their derivatives move gradients back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import Array, from_array
from minigrad._indices import Picks, added, plain, taken, walkable
from minigrad._kernels import layout as kernels
from minigrad._kernels.gather import gather, putitem
from minigrad._op import defop, public
from minigrad._picks import picked, rectangular
from minigrad._samples import Draw, Sample
from minigrad._views import related
from minigrad.errors import AxisError, MinigradError, ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

reshape_op: Callable[..., Any] = defop(
    "reshape", "x | shape",
    kind="moved",
    forward=lambda x, *, shape: related(x, kernels.reshaped(x, shape=shape)),
    shape=shapes.same,  # the caller has worked out the shape
    vjp={"x": lambda g, x_shape: reshape_op(g, shape=x_shape)},
    reference=lambda x, *, shape: x.reshape(shape),
    samples=lambda: [
        Sample(Draw(s), shape=t)
        for s, t in (((2, 3), (6,)), ((6,), (3, 2)), ((), (1,)), ((0, 4), (4, 0)), ((2, 3, 4), (6, 4)))
    ],
    doc="The same numbers in another shape; a view where memory allows it.",
)  # fmt: skip

permute_op: Callable[..., Any] = defop(
    "permute", "x | dims",
    kind="moved",
    forward=lambda x, *, dims: related(x, kernels.turned(x, dims)),
    vjp={"x": lambda g, dims: permute_op(g, dims=shapes.inverse(dims))},
    reference=lambda x, *, dims: x.transpose(dims),
    samples=lambda: [
        Sample(Draw(s), dims=d) for s, d in (((2, 3), (1, 0)), ((2, 3, 4), (2, 0, 1)), ((0, 3), (1, 0)))
    ],
    doc="A view with the dimensions in another order. Backward undoes the permutation.",
)  # fmt: skip

expand_op = defop(
    "expand", "x | shape",
    kind="moved",
    forward=lambda x, *, shape: related(x, kernels.expanded(x, shape)),
    shape=shapes.same,  # the caller has worked out the shape
    vjp={"x": lambda g, x_shape: sum_to(g, x_shape)},
    reference=lambda x, *, shape: np.broadcast_to(x, shape),
    samples=lambda: [
        Sample(Draw(s), shape=t)
        for s, t in (((), (3,)), ((1, 3), (2, 3)), ((3,), (4, 2, 3)), ((2, 1), (2, 0)))
    ],
    doc="A view of x broadcast to a shape; repeated elements share memory. Backward sums over them.",
)  # fmt: skip

def _item(x: Array, *, index: Any) -> Any:
    if type(index) is Picks:
        return gather(x, index)
    if walkable(index):
        return related(x, kernels.part(x, index))
    kernels.taking(index)
    return related(x, from_array(taken(x.array, index)))


getitem_op = defop(
    "getitem", "x | index",
    kind="moved",
    forward=_item,
    vjp={"x": lambda g, index, x_shape: putitem_op(g, index=index, shape=x_shape)},
    reference=lambda x, *, index: x[plain(index, x.shape)],
    samples=lambda: [
        Sample(Draw((5,)), index=2),
        Sample(Draw((5, 3)), index=slice(4, None, -2)),
        Sample(Draw((2, 3)), index=(Ellipsis, None, 1)),
        Sample(Draw((4, 3)), index=np.array([0, 2, 2])),
        Sample(Draw((2, 3)), index=(np.array([0, 1, 0]), np.array([2, 2, 2]))),
        Sample(Draw((3,)), index=np.array([True, False, True])),
        Sample(Draw((0, 3)), index=slice(0, 2)),
    ],
    doc="x[index] by NumPy's rules: a view for slices, a copy for index arrays.",
)  # fmt: skip

putitem_op: Callable[..., Any] = defop(
    "putitem", "g | index, shape",
    forward=putitem,
    vjp={"g": lambda g, index: getitem_op(g, index=index)},
    reference=lambda g, *, index, shape: added(g, index, shape),
    samples=lambda: [
        Sample(Draw((3,)), index=np.array([0, 2, 2]), shape=(4,)),
        Sample(Draw((2, 3)), index=slice(1, 3), shape=(4, 3)),
    ],
    doc="Zeros with g added at an index: the derivative of x[index]. An element indexed twice receives both gradients.",
)  # fmt: skip


# -- as users call them ------------------------------------------------------------------------------------------------


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sums over the dimensions that broadcasting expanded, back to `shape`: the derivative of a broadcast."""
    from minigrad.ops.reduce import sum_op

    extra = len(x.shape) - len(shape)
    dims = tuple(range(extra)) + tuple(d + extra for d, n in enumerate(shape) if n == 1 and x.shape[d + extra] != 1)
    if dims:
        x = sum_op(x, dim=dims, keepdim=True)
    return x if x.shape == shape else reshape_op(x, shape=shape)


@public("reshape")
def reshape(x: Any, *shape: Any) -> Any:
    """x in another shape, given as 2, 3 or as (2, 3); one length may be -1. A view where memory allows it."""
    try:
        wanted = x.pool.reshapes[shape]
    except (AttributeError, KeyError, TypeError):  # foreign memory, a new shape, a list
        wanted = shapes.reshape("reshape", x.shape, shapes.lengths("reshape", "shape", shape))
        if x.pool is not None and len(x.pool.reshapes) < 64 and not any(isinstance(n, list) for n in shape):
            x.pool.reshapes[shape] = wanted
    return reshape_op(x, shape=wanted)


@public("view_as reshape_as", "Tensor")
def view_as(x: Any, other: Any) -> Any:
    """x in the shape of another tensor; a view where memory allows it."""
    return reshape_op(x, shape=shapes.reshape("view_as", x.shape, other.shape))


@public("ravel")
def ravel(x: Any) -> Any:
    """All elements in one dimension; a view where memory allows it."""
    return reshape_op(x, shape=(x.count,))


@public("flatten")
def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """x with dimensions start_dim to end_dim (inclusive) merged into one; a view where memory allows it."""
    first, last = shapes.one_axis("flatten", start_dim, len(x.shape)), shapes.one_axis("flatten", end_dim, len(x.shape))
    if first > last:
        raise AxisError(message("flatten", "start_dim", start_dim, f"a dimension not behind end_dim {end_dim}"))
    middle = 1
    for n in x.shape[first : last + 1]:
        middle *= n
    return reshape_op(x, shape=(*x.shape[:first], middle, *x.shape[last + 1 :]))


@public("permute")
def permute(x: Any, *dims: Any) -> Any:
    """A view with the dimensions in the order given."""
    return permute_op(x, dims=shapes.ordered("permute", shapes.lengths("permute", "dims", dims), len(x.shape)))


@public("transpose swapaxes swapdims")
def transpose(x: Any, dim0: int, dim1: int) -> Any:
    """A view with two dimensions exchanged."""
    ndim = len(x.shape)
    order, a, b = [*range(ndim)], shapes.one_axis("transpose", dim0, ndim), shapes.one_axis("transpose", dim1, ndim)
    if order:
        order[a], order[b] = order[b], order[a]
    return permute_op(x, dims=tuple(order))


def matrix_transpose(x: Any) -> Any:
    """A view with the last two dimensions exchanged."""
    if len(x.shape) < 2:
        raise ShapeError(message("mT", "", f"shape {x.shape}", "at least 2 dimensions"))
    return transpose(x, -2, -1)


def reverse_dims(x: Any) -> Any:
    """A view with all dimensions in reverse order, as NumPy's .T: the transpose of a matrix."""
    return x if len(x.shape) < 2 else permute_op(x, dims=tuple(range(len(x.shape) - 1, -1, -1)))


@public("unsqueeze")
def unsqueeze(x: Any, dim: int) -> Any:
    """A view with a new dimension of length 1 at position dim."""
    at = shapes.one_axis("unsqueeze", dim, len(x.shape) + 1)
    return reshape_op(x, shape=(*x.shape[:at], 1, *x.shape[at:]))


@public("squeeze")
def squeeze(x: Any, dim: int | Sequence[int] | None = None) -> Any:
    """A view without the dimensions of length 1, or without those of them that dim names."""
    wanted = shapes.axes("squeeze", dim, len(x.shape))
    return reshape_op(x, shape=tuple([n for d, n in enumerate(x.shape) if n != 1 or d not in wanted]))


@public("expand")
def expand(x: Any, *shape: Any) -> Any:
    """A view of x broadcast to a shape; -1 keeps a length. Repeated elements share memory."""
    return expand_op(x, shape=shapes.expanded("expand", x.shape, shapes.lengths("expand", "shape", shape)))


@public("expand_as", "Tensor")
def expand_as(x: Any, other: Any) -> Any:
    """A view of x broadcast to the shape of another tensor."""
    return expand(x, other.shape)


@public("broadcast_to")
def broadcast_to(x: Any, shape: int | Sequence[int]) -> Any:
    """NumPy's name for expand."""
    return expand(x, shapes.lengths("broadcast_to", "shape", (shape,)))


#: What NumPy raises for an index that it refuses; the last two for slices with step 0 or with non-integers.
INDEX_ERRORS = (IndexError, ValueError, TypeError)


def getitem(x: Any, index: Any) -> Any:
    """x[index] by NumPy's rules; tensors may be indices."""
    try:
        if walkable(index):
            return getitem_op(x, index=index)
        found = picked(x, index)
        if found is not None:
            return getitem_op(getitem_op(x, index=found[0]) if found[0] else x, index=found[1])
        return getitem_op(x, index=tuple(map(plain_index, index)) if isinstance(index, tuple) else plain_index(index))
    except INDEX_ERRORS as error:
        if isinstance(error, MinigradError):
            raise
        got = f"{index!r} ({error})"
        raise AxisError(message("getitem", "index", got, f"an index into shape {x.shape}")) from error


def plain_index(index: Any, op: str = "getitem") -> Any:
    """An index in the form that NumPy takes."""
    if isinstance(index, Array):
        if index.dtype.kind == "f":
            remedy = "Convert: index.long()."
            raise AxisError(message(op, "index", f"a {index.dtype} tensor", "ints, bools or slices", remedy))
        return index.array if index.shape or index.dtype.kind == "b" else int(index.array)
    return rectangular(index, op) if isinstance(index, list) else index
