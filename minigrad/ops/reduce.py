"""Reductions over any dimensions. What came in once goes back to every element that it was made of."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import from_array
from minigrad._kernels import reduce as kernels
from minigrad._kernels.softmax import logsumexp as logsumexp_kernel
from minigrad._op import defop, public
from minigrad._samples import Draw, Sample
from minigrad.errors import DTypeError, message
from minigrad.ops.elementwise import div, equals, exp, maximum, minimum, mul, sub, to_dtype
from minigrad.ops.layout import expand_op, getitem_op, reshape_op

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Dims = int | Sequence[int] | None


def _samples(*, empty: bool = True, distinct: bool = False) -> Any:
    cases = [((), ()), ((7,), (0,)), ((2, 3), (0,)), ((2, 3), (1,)), ((2, 3), (0, 1)), ((2, 3, 4), (0, 2))]
    cases += [((5, 33), (1,)), ((33, 5), (0,))]
    cases += [((0,), (0,)), ((0, 3), (0,))] if empty else []
    return lambda: [Sample(Draw(s, distinct=distinct), dim=d, keepdim=keep) for s, d in cases for keep in (False, True)]


def _rule(name: str, x: tuple[int, ...], *, dim: tuple[int, ...], keepdim: bool) -> None:
    shapes.nonempty(name, x, dim)


def _spread(g: Any, shape: tuple[int, ...], dim: tuple[int, ...]) -> Any:
    """The gradient of a reduced element, seen from every element that it was made of; a view."""
    return expand_op(reshape_op(g, shape=shapes.reduced(shape, dim, keepdim=True)), shape=shape)


#: Where the layout of a reduction is remembered; that of positions leads to integers.
_PLAN, _POSITION_PLAN = "x.pool.reductions[dim, keepdim, False]", "x.pool.reductions[dim, keepdim, True]"

sum_op = defop(
    "sum", "x | dim, keepdim",
    forward=kernels.sum,
    planned=(_PLAN, kernels.sum_planned),
    vjp={"x": lambda g, dim, x_shape: _spread(g, x_shape, dim)},
    reference=lambda x, *, dim, keepdim: np.sum(x, axis=dim, keepdims=keepdim),
    samples=_samples(),
    doc="The sum over the dimensions dim. Summed in blocks, so that ten million float32 terms keep their digits.",
)  # fmt: skip

mean_op = defop(
    "mean", "x | dim, keepdim",
    forward=kernels.mean,
    planned=(_PLAN, kernels.mean_planned),
    vjp={"x": lambda g, dim, x_shape: _spread(div(g, float(prod([x_shape[d] for d in dim]))), x_shape, dim)},
    reference=lambda x, *, dim, keepdim: _mean(x, dim, keepdim),
    samples=_samples(empty=False),
    doc="The mean over the dimensions dim: each element receives its share, 1/n, of the gradient.",
)  # fmt: skip


def _mean(x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    with np.errstate(invalid="ignore"):  # the mean of nothing is NaN
        return np.divide(np.sum(x, axis=dim, keepdims=keepdim), x.dtype.type(prod([x.shape[d] for d in dim])))


def _to_winners(g: Any, x: Any, out: Any, dim: tuple[int, ...]) -> Any:
    """The gradient goes to the extremum; elements that are equal share it."""
    won = to_dtype(equals(x, _spread(out, x.shape, dim)), x.dtype)
    return mul(won, _spread(div(g, sum_op(won, dim=dim, keepdim=len(g.shape) == len(x.shape))), x.shape, dim))


amax_op = defop(
    "amax", "x | dim, keepdim",
    forward=kernels.amax,
    planned=(_PLAN, kernels.amax_planned),
    shape=_rule,
    vjp={"x": lambda g, x, out, dim: _to_winners(g, x, out, dim)},
    reference=lambda x, *, dim, keepdim: np.max(x, axis=dim, keepdims=keepdim),
    samples=_samples(empty=False, distinct=True),
    doc="The largest element over the dimensions dim; NaN wins. Equal largest elements share the gradient.",
)  # fmt: skip

amin_op = defop(
    "amin", "x | dim, keepdim",
    forward=kernels.amin,
    planned=(_PLAN, kernels.amin_planned),
    shape=_rule,
    vjp={"x": lambda g, x, out, dim: _to_winners(g, x, out, dim)},
    reference=lambda x, *, dim, keepdim: np.min(x, axis=dim, keepdims=keepdim),
    samples=_samples(empty=False, distinct=True),
    doc="The smallest element over the dimensions dim; NaN wins. Equal smallest elements share the gradient.",
)  # fmt: skip


def _position(function: Any, x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    """NumPy's argmax over several axes at once: over the flattened ones, in order."""
    kept = [d for d in range(x.ndim) if d not in dim]
    rows = x.transpose(*kept, *dim).reshape([x.shape[d] for d in kept] + [-1])
    return function(rows, axis=-1).reshape(shapes.reduced(x.shape, dim, keepdim))


argmax_op = defop(
    "argmax", "x | dim, keepdim",
    forward=kernels.argmax,
    planned=(_POSITION_PLAN, kernels.argmax_planned),
    shape=_rule,
    nondiff="x",
    reference=lambda x, *, dim, keepdim: _position(np.argmax, x, dim, keepdim),
    samples=_samples(empty=False, distinct=True),
    kind="int",
    doc="Where the largest element is: the first of equals, and NaN counts as largest.",
)  # fmt: skip

argmin_op = defop(
    "argmin", "x | dim, keepdim",
    forward=kernels.argmin,
    planned=(_POSITION_PLAN, kernels.argmin_planned),
    shape=_rule,
    nondiff="x",
    reference=lambda x, *, dim, keepdim: _position(np.argmin, x, dim, keepdim),
    samples=_samples(empty=False, distinct=True),
    kind="int",
    doc="Where the smallest element is: the first of equals, and NaN counts as smallest.",
)  # fmt: skip

logsumexp_op = defop(
    "logsumexp", "x | dim, keepdim",
    forward=logsumexp_kernel,
    shape=_rule,
    vjp={"x": lambda g, x, out, dim: mul(_spread(g, x.shape, dim), exp(sub(x, _spread(out, x.shape, dim))))},
    reference=lambda x, *, dim, keepdim: _logsumexp(x, dim, keepdim),
    samples=_samples(empty=False),
    kind="float",
    doc="log sum exp(x) over the dimensions dim, without overflow. Its gradient is the softmax.",
)  # fmt: skip


def _logsumexp(x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    top = np.max(x, axis=dim, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        out = np.log(np.sum(np.exp(x - top), axis=dim, keepdims=True)) + top
    return out.reshape(shapes.reduced(x.shape, dim, keepdim)).astype(x.dtype)


# -- as users call them: dim or axis, keepdim or keepdims --------------------------------------------------------------


@public("sum")
def sum(x: Any, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum over the dimensions dim (default: all)."""
    axes = shapes.axes("sum", dim, len(x.shape))
    if dtype is not None:
        x = to_dtype(x, dtype)
    return sum_op(x, dim=axes, keepdim=keepdim)


@public("mean")
def mean(x: Any, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean over the dimensions dim (default: all), of a tensor of floats."""
    if dtype is not None:
        x = to_dtype(x, dtype)
    _float("mean", x)
    return mean_op(x, dim=shapes.axes("mean", dim, len(x.shape)), keepdim=keepdim)


def _float(op: str, x: Any) -> None:
    if x.dtype.kind != "f":
        raise DTypeError(message(op, "input", f"dtype {x.dtype}", "floats", f"Write x.float().{op}(...)."))


@public("amax")
def amax(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    """The largest element over the dimensions dim (default: all); equal largest elements share the gradient."""
    return amax_op(x, dim=shapes.axes("amax", dim, len(x.shape)), keepdim=keepdim)


@public("amin")
def amin(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    """The smallest element over the dimensions dim (default: all); equal smallest elements share the gradient."""
    return amin_op(x, dim=shapes.axes("amin", dim, len(x.shape)), keepdim=keepdim)


@public("argmax")
def argmax(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The position of the largest element along dim, or in the flattened tensor, as int64."""
    return argmax_op(x, dim=shapes.axes("argmax", dim, len(x.shape)), keepdim=keepdim)


@public("argmin")
def argmin(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The position of the smallest element along dim, or in the flattened tensor, as int64."""
    return argmin_op(x, dim=shapes.axes("argmin", dim, len(x.shape)), keepdim=keepdim)


@public("logsumexp")
def logsumexp(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    """The logarithm of the sum of exp(x) over the dimensions dim, without overflow."""
    return logsumexp_op(x, dim=shapes.axes("logsumexp", dim, len(x.shape)), keepdim=keepdim)


class MinMax(tuple):  # type: ignore[type-arg]
    """(values, indices), by name too: what max and min along a dimension return."""

    __slots__ = ()

    @property
    def values(self) -> Any:
        """The extrema."""
        return self[0]

    @property
    def indices(self) -> Any:
        """Their positions, int64."""
        return self[1]


def _extremum(name: str, x: Any, dim: Any, keepdim: bool, position: Any, whole: Any, both: Any) -> Any:
    if hasattr(dim, "shape"):
        return both(x, dim)
    if dim is None:
        return whole(x, keepdim=keepdim)
    axis = shapes.one_axis(name, dim, len(x.shape))
    where = position(x, dim=(axis,) if x.shape else (), keepdim=True)
    picked = np.ix_(*map(np.arange, where.shape)) if where.shape else ()
    values = getitem_op(x, index=(*picked[:axis], where.array, *picked[axis + 1 :]) if x.shape else ())
    if not keepdim and x.shape:
        shape = shapes.reduced(x.shape, (axis,), keepdim=False)
        values, where = reshape_op(values, shape=shape), from_array(where.array.reshape(shape))
    return MinMax((values, where))


@public("max")
def max(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest element; along dim, (values, indices), where the gradient goes to the element at the index.
    max(x, other) is maximum(x, other)."""
    return _extremum("max", x, dim, keepdim, argmax_op, amax, maximum)


@public("min")
def min(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest element; along dim, (values, indices), where the gradient goes to the element at the index.
    min(x, other) is minimum(x, other)."""
    return _extremum("min", x, dim, keepdim, argmin_op, amin, minimum)
