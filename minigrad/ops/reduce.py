"""Reductions over any dimensions. In backward, the gradient of a result goes to every element that it was made of."""

from __future__ import annotations

import builtins
import math
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import from_array, reshaped
from minigrad._indices import Picks
from minigrad._kernels import reduce as kernels
from minigrad._kernels.elementwise import sqrt as sqrt_kernel
from minigrad._kernels.integers import every, some
from minigrad._kernels.softmax import logsumexp as logsumexp_kernel
from minigrad._op import composed, defop, public
from minigrad._promote import number
from minigrad._samples import Draw, Sample, reductions, unary
from minigrad.errors import DTypeError, message
from minigrad.ops.elementwise import (
    abs,
    add,
    div,
    equals,
    exp,
    identity,
    maximum,
    minimum,
    mul,
    not_equal,
    pow,
    square_bwd,
    sub,
    to_dtype,
    where,
    zero_like,
)
from minigrad.ops.functions import isnan
from minigrad.ops.layout import expand_op, getitem_op, permute_op, reshape_op

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from minigrad._op import Function

    Dims = int | Sequence[int] | None


def _rule(name: str, x: tuple[int, ...], *, dim: tuple[int, ...], keepdim: bool) -> None:
    shapes.nonempty(name, x, dim)


spread: Function = defop(
    "spread", "x | dim, shape",
    forward=kernels.spread, planned=("x.pool.plans[dim, shape]", kernels.spread_planned),
    vjp={"x": lambda g, dim, x_shape: reshape_op(sum_op(g, dim=dim, keepdim=False), shape=x_shape)},
    reference=lambda x, *, dim, shape: np.broadcast_to(x.reshape(shapes.reduced(shape, dim, keepdim=True)), shape),
    samples=lambda: [
        Sample(Draw(shapes.reduced(shape, dim, keep)), dim=dim, shape=shape)
        for shape, dim in (((), ()), ((7,), (0,)), ((2, 3, 4), (0, 2)), ((0, 3), (0,)), ((3, 0), (0,)), ((80, 70), (1,)))
        for keep in (False, True)
    ],
    doc="A number for each element that a reduction over the dimensions dim took it from: what the gradient of a sum is.",
)  # fmt: skip


#: Where the layout of a reduction is remembered, by its kind: not every kind has a kernel for every type.
_KINDS = "sum", "mean", "squares", "product", "extremum", "position"
_SUM, _MEAN, _SQUARES, _PRODUCT, _EXTREMUM, _POSITION = (f"x.pool.reductions[dim, keepdim, {kind!r}]" for kind in _KINDS)

sum_op: Function = defop(
    "sum", "x | dim, keepdim",
    forward=kernels.sum,
    planned=(_SUM, kernels.sum_planned),
    vjp={"x": lambda g, dim, x_shape: spread(g, dim=dim, shape=x_shape)},
    reference=lambda x, *, dim, keepdim: np.sum(x, axis=dim, keepdims=keepdim),
    samples=reductions(),
    doc="The sum over the dimensions dim. Summed in blocks, so that ten million float32 terms keep their digits.",
)  # fmt: skip

mean_op = defop(
    "mean", "x | dim, keepdim",
    forward=kernels.mean,
    planned=(_MEAN, kernels.mean_planned),
    vjp={"x": lambda g, dim, x_shape: spread(div(g, number(math.prod([x_shape[d] for d in dim]), g.dtype)), dim=dim, shape=x_shape)},
    reference=lambda x, *, dim, keepdim: _mean(x, dim, keepdim),
    samples=reductions(empty=False),
    doc="The mean over the dimensions dim: each element receives its share, 1/n, of the gradient.",
)  # fmt: skip


sum_squares = defop(
    "sum_squares", "x | dim, keepdim",
    forward=kernels.sum_squares, planned=(_SQUARES, kernels.sum_squares_planned),
    vjp={"x": lambda g, x, dim: square_bwd(spread(g, dim=dim, shape=x.shape), x)},
    reference=lambda x, *, dim, keepdim: np.sum(x * x, axis=dim, keepdims=keepdim),
    samples=reductions(),
    doc="The sum of the squares over the dimensions dim, which are not stored where these are the last.",
)  # fmt: skip


def _mean(x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    with np.errstate(invalid="ignore"):  # the mean of nothing is NaN
        return np.divide(np.sum(x, axis=dim, keepdims=keepdim), x.dtype.type(math.prod([x.shape[d] for d in dim])))


def _to_winners(g: Any, x: Any, out: Any, dim: tuple[int, ...]) -> Any:
    """The gradient goes to the extremum; equal elements share it."""
    won = to_dtype(equals(x, spread(out, dim=dim, shape=x.shape)), x.dtype)
    return mul(won, spread(div(g, sum_op(won, dim=dim, keepdim=len(g.shape) == len(x.shape))), dim=dim, shape=x.shape))


amax_op, amin_op = [
    defop(
        name, "x | dim, keepdim",
        forward=forward, planned=(_EXTREMUM, planned),
        shape=_rule,
        vjp={"x": lambda g, x, out, dim: _to_winners(g, x, out, dim)},
        reference=lambda x, *, dim, keepdim, of=of: of(x, axis=dim, keepdims=keepdim),
        samples=reductions(empty=False, distinct=True),
        doc=f"The {name_of} element over the dimensions dim; NaN wins. Equal ones share the gradient.",
    )
    for name, forward, planned, of, name_of in (
        ("amax", kernels.amax, kernels.amax_planned, np.max, "largest"),
        ("amin", kernels.amin, kernels.amin_planned, np.min, "smallest"),
    )
]  # fmt: skip


def _position(function: Any, x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    """NumPy's argmax or argmin over several axes at once: over these axes flattened, in order."""
    kept = [d for d in range(x.ndim) if d not in dim]
    rows = x.transpose(*kept, *dim).reshape([*[x.shape[d] for d in kept], math.prod([x.shape[d] for d in dim])])
    return function(rows, axis=-1).reshape(shapes.reduced(x.shape, dim, keepdim))


argmax_op, argmin_op = [
    defop(
        name, "x | dim, keepdim",
        forward=forward, planned=(_POSITION, planned),
        shape=_rule,
        nondiff="x",
        reference=lambda x, *, dim, keepdim, of=of: _position(of, x, dim, keepdim),
        samples=reductions(empty=False, distinct=True),
        kind="int",
        doc=f"Where the {name_of} element is: the first of equals, and NaN wins.",
    )
    for name, forward, planned, of, name_of in (
        ("argmax", kernels.argmax, kernels.argmax_planned, np.argmax, "largest"),
        ("argmin", kernels.argmin, kernels.argmin_planned, np.argmin, "smallest"),
    )
]  # fmt: skip

logsumexp_op = defop(
    "logsumexp", "x | dim, keepdim",
    forward=logsumexp_kernel,
    shape=_rule,
    vjp={"x": lambda g, x, out, dim: mul(spread(g, dim=dim, shape=x.shape), exp(sub(x, spread(out, dim=dim, shape=x.shape))))},
    reference=lambda x, *, dim, keepdim: _logsumexp(x, dim, keepdim),
    samples=reductions(empty=False),
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


class Extrema(tuple):  # type: ignore[type-arg]
    """(values, indices), by name too: what max, sort and their like return along a dimension."""

    __slots__ = ()

    @property
    def values(self) -> Any:
        """The numbers."""
        return self[0]

    @property
    def indices(self) -> Any:
        """Their positions, int64."""
        return self[1]

    def __repr__(self) -> str:
        return f"(\nvalues={self[0]!r},\nindices={self[1]!r})"


def _extremum(name: str, x: Any, dim: Any, keepdim: bool, position: Any, whole: Any, both: Any) -> Any:
    if hasattr(dim, "shape"):
        return both(x, dim)
    if dim is None:
        return whole(x, dim=tuple(range(len(x.shape))), keepdim=keepdim)
    axis = shapes.one_axis(name, dim, len(x.shape))
    if not x.shape:
        return Extrema((identity(x), position(x, dim=(), keepdim=False)))
    if not x.wants_grad:  # the same numbers, by a kernel
        return Extrema((whole(x, dim=(axis,), keepdim=keepdim), position(x, dim=(axis,), keepdim=keepdim)))
    at = position(x, dim=(axis,), keepdim=True)
    found = getitem_op(x, index=Picks(at, axis, axis + 1, each=True))
    return Extrema((squeezed(found, axis, keepdim), squeezed(at, axis, keepdim)))


def squeezed(x: Any, axis: int, keepdim: bool) -> Any:
    """x without a dimension of length 1, unless keepdim."""
    if keepdim:
        return x
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    return reshaped(x, shape) if x.flat and not x.wants_grad else reshape_op(x, shape=shape)


@public("max")
def max(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest element; along dim, (values, indices), where the gradient goes to the element at the index.
    max(x, other) is maximum(x, other)."""
    return _extremum("max", x, dim, keepdim, argmax_op, amax_op, maximum)


@public("min")
def min(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest element; along dim, (values, indices), where the gradient goes to the element at the index.
    min(x, other) is minimum(x, other)."""
    return _extremum("min", x, dim, keepdim, argmin_op, amin_op, minimum)


# -- moments ------------------------------------------------------------------------------------------------------------


def _moments(**more: Any) -> Any:
    """Samples with every keyword, dims as tuples, None for all."""
    cases = (((7,), None), ((2, 3), (0,)), ((2, 3, 4), (0, 2)))
    return lambda: [Sample(Draw(s), dim=d, keepdim=keep, **more) for s, d in cases for keep in (False, True)]


@composed(lambda x, *, dim, keepdim, correction: np.var(x, axis=dim, keepdims=keepdim, ddof=correction), _moments(correction=1))
def var(x: Any, dim: Dims = None, keepdim: bool = False, *, correction: float = 1, unbiased: bool | None = None) -> Any:
    """The mean squared deviation from the mean; the sum is divided by n - correction, PyTorch's default being 1 and
    NumPy's 0. unbiased=False is correction 0."""
    _float("var", x)
    axes = shapes.axes("var", dim, len(x.shape))
    divisor = builtins.max(0.0, math.prod([x.shape[a] for a in axes]) - float(correction if unbiased is None else unbiased))
    return div(sum_squares(sub(x, mean_op(x, dim=axes, keepdim=True)), dim=axes, keepdim=keepdim), number(divisor, x.dtype))


@composed(lambda x, *, dim, keepdim, correction: np.std(x, axis=dim, keepdims=keepdim, ddof=correction), _moments(correction=0))
def std(x: Any, dim: Dims = None, keepdim: bool = False, *, correction: float = 1, unbiased: bool | None = None) -> Any:
    """The square root of var. Where all numbers are equal, its slope is taken as 0."""
    return root(var(x, dim, keepdim, correction=correction, unbiased=unbiased))


def _root_slope(g: Any, out: Any) -> Any:
    nothing = equals(out, zero_like(out))
    return where(nothing, zero_like(g), div(g, add(add(out, out), to_dtype(nothing, out.dtype))))


root: Function = defop(
    "root", "x", forward=sqrt_kernel, vjp={"x": _root_slope}, reference=np.sqrt, samples=unary(0.1, 4.0), kind="float",
    doc="The square root, with its slope at 0 taken as 0.",
)  # fmt: skip


def _and_mean(function: Any) -> Any:
    return lambda x, *, dim, keepdim, correction: (function(x, axis=dim, keepdims=keepdim, ddof=correction), np.mean(x, axis=dim, keepdims=keepdim))


@composed(_and_mean(np.var), _moments(correction=1))
def var_mean(x: Any, dim: Dims = None, keepdim: bool = False, *, correction: float = 1) -> tuple[Any, Any]:
    """(var, mean)."""
    return var(x, dim, keepdim, correction=correction), mean(x, dim, keepdim)


@composed(_and_mean(np.std), _moments(correction=1))
def std_mean(x: Any, dim: Dims = None, keepdim: bool = False, *, correction: float = 1) -> tuple[Any, Any]:
    """(std, mean)."""
    return std(x, dim, keepdim, correction=correction), mean(x, dim, keepdim)


@composed(lambda x, *, dim, keepdim: np.nansum(x, axis=dim, keepdims=keepdim), _moments())
def nansum(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    """The sum of the elements that are not NaN."""
    return sum(where(isnan(x), zero_like(x), x), dim, keepdim)


@composed(lambda x, *, dim, keepdim: np.nanmean(x, axis=dim, keepdims=keepdim), _moments())
def nanmean(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    """The mean of the elements that are not NaN."""
    return div(nansum(x, dim, keepdim), sum(to_dtype(equals(x, x), x.dtype), dim, keepdim))


@composed(lambda x, *, dim, keepdim: (np.min(x, axis=dim, keepdims=keepdim), np.max(x, axis=dim, keepdims=keepdim)), lambda: [Sample(Draw((3, 4), distinct=True), dim=1, keepdim=False)])
def aminmax(x: Any, *, dim: int | None = None, keepdim: bool = False) -> tuple[Any, Any]:
    """(amin, amax)."""
    return amin(x, dim, keepdim), amax(x, dim, keepdim)


# -- products and norms -------------------------------------------------------------------------------------------------


def others(x: Any) -> Any:
    """Row i is x with its element i replaced by 1, in a new second-to-last dimension. The slope of a product in factor i is
    the product of this row, also where a factor is 0."""
    n = x.shape[-1]
    rows = expand_op(reshape_op(x, shape=(*x.shape[:-1], 1, n)), shape=(*x.shape[:-1], n, n))
    return where(from_array(np.eye(n, dtype=bool)), 1.0, rows)


def _product_slope(g: Any, x: Any, out: Any, dim: tuple[int, ...]) -> Any:
    """g times the product of the other numbers: out / x, or, where one may be 0, each of these products by itself."""
    if out.array.all() or x.array.all():
        return div(spread(mul(g, out), dim=dim, shape=x.shape), x)
    kept = tuple(d for d in range(len(x.shape)) if d not in dim)
    rows = reshape_op(permute_op(x, dims=(*kept, *dim)), shape=(*[x.shape[d] for d in kept], math.prod([x.shape[d] for d in dim])))
    slopes = prod_op(others(rows), dim=(len(rows.shape),), keepdim=False)
    turned = permute_op(reshape_op(slopes, shape=tuple([x.shape[d] for d in (*kept, *dim)])), dims=shapes.inverse((*kept, *dim)))
    return mul(spread(g, dim=dim, shape=x.shape), turned)


prod_op: Function = defop(
    "prod", "x | dim, keepdim",
    forward=kernels.prod_of, planned=(_PRODUCT, kernels.prod_planned),
    vjp={"x": _product_slope},
    reference=lambda x, *, dim, keepdim: np.prod(x, axis=dim, keepdims=keepdim),
    samples=reductions(),
    doc="The product over the dimensions dim. Its slope in one factor is the product of the others, out / x where none is 0.",
)  # fmt: skip


@public("prod")
def prod(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    """The product over the dimensions dim (default: all)."""
    return prod_op(x, dim=shapes.axes("prod", dim, len(x.shape)), keepdim=keepdim)


def _norm_reference(x: Any, *, ord: float, dim: Any, keepdim: bool) -> Any:
    if ord in (np.inf, -np.inf):
        return (np.max if ord > 0 else np.min)(np.abs(x), axis=dim, keepdims=keepdim)
    if ord == 0:
        return np.sum(x != 0, axis=dim, keepdims=keepdim).astype(x.dtype)
    return np.sum(np.abs(x) ** ord, axis=dim, keepdims=keepdim) ** (1 / ord)


@composed(
    _norm_reference,
    lambda: [Sample(Draw((3, 4), away=(0.0,), distinct=True), ord=o, dim=d, keepdim=k) for o in (1, 2, 3.0, 0, np.inf, -np.inf) for d, k in (((1,), False), (None, True))],
    spaces="linalg",
)  # fmt: skip
def vector_norm(x: Any, ord: float = 2, dim: Dims = None, keepdim: bool = False) -> Any:
    """(sum |x|^ord)^(1/ord) over the dimensions dim; the largest |x| for inf, the smallest for -inf, the number of nonzero
    elements for 0. At the origin, where it has no derivative, 0 is taken."""
    if ord in (np.inf, -np.inf):
        return (amax if ord > 0 else amin)(abs(x), dim, keepdim)
    if ord == 0:
        return sum(to_dtype(not_equal(x, 0.0), x.dtype), dim, keepdim)
    if ord == 1:
        return sum(abs(x), dim, keepdim)
    if ord == 2:
        return root(sum_squares(x, dim=shapes.axes("norm", dim, len(x.shape)), keepdim=keepdim))
    return _power(sum(_power(abs(x), float(ord)), dim, keepdim), 1 / ord)


def _power(size: Any, ord: float) -> Any:
    """size^ord. For ord below 2 its first or second derivative is infinite at 0; 0 is taken there."""
    if not 0 < ord < 2:
        return pow(size, ord)
    nothing = equals(size, 0.0)
    return where(nothing, zero_like(size), pow(where(nothing, 1.0, size), ord))


@public("norm")
def norm(x: Any, p: Any = "fro", dim: Dims = None, keepdim: bool = False) -> Any:
    """vector_norm under its older name; p is a number, or "fro" for 2."""
    if p not in ("fro", None) and not isinstance(p, (int, float)):
        raise ValueError(message("norm", "p", f"{p!r}", "a number or 'fro'", "linalg.matrix_norm has others."))
    return vector_norm(x, 2 if p in ("fro", None) else p, dim, keepdim)


# -- questions ---------------------------------------------------------------------------------------------------------


def _answered(name: str, reference: Any, kernel: Any, doc: str) -> Any:
    """A question to the truth of numbers, over dimensions."""
    along = lambda x, *, dim, keepdim: reference(x, axis=dim, keepdims=keepdim)
    op = defop(f"{name}_true", "x | dim, keepdim", forward=kernel, nondiff="x", reference=along, samples=reductions(), kind="bool", doc=doc)

    def question(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
        return op(x, dim=shapes.axes(name, dim, len(x.shape)), keepdim=keepdim)

    question.__name__, question.__doc__ = name, doc
    return composed(along, lambda: [Sample(Draw((2, 3), 0, 2, kind="int"), dim=d, keepdim=k) for d, k in (((1,), False), (None, True))])(question)


all = _answered("all", np.all, every, "Whether none is 0 or False.")
any = _answered("any", np.any, some, "Whether one is not 0 or False.")
