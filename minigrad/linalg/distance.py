"""Lengths of vectors and distances between them: compositions of norms and products."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import Array, from_array
from minigrad._op import composed
from minigrad._samples import Draw, Sample
from minigrad.errors import DTypeError, ShapeError, message
from minigrad.ops.elementwise import add, div, less, mul, sub, where
from minigrad.ops.functions import clip
from minigrad.ops.index import setitem_op
from minigrad.ops.layout import expand, getitem_op, matrix_transpose, unsqueeze
from minigrad.ops.linalg import matmul
from minigrad.ops.reduce import root, sum_op, sum_squares, vector_norm

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Where PyTorch has the distances too.
BOTH = "minigrad nn.functional"


def check_floats(op: str, **given: Any) -> None:
    """A DTypeError unless the argument is a tensor of floats."""
    for argument, x in given.items():
        if not isinstance(x, Array):
            raise DTypeError(message(op, argument, f"a {type(x).__name__}", "a tensor", "Wrap it: minigrad.tensor(...)."))
        if x.dtype.kind != "f":
            raise DTypeError(message(op, argument, f"dtype {x.dtype}", "floats", f"Write {argument}.float()."))


def at_least(x: Any, low: float) -> Any:
    """max(x, low) with a slope of 1 everywhere: a bound that derivatives do not see."""
    below = less(x, low)
    return where(below, add(sub(x, from_array(x.array)), low), x) if below.array.any() else x


def _norm_reference(x: Any, p: float, dim: Any, keepdim: bool = False) -> Any:
    size = np.abs(x)
    if p in (0, np.inf):
        return np.sum(size != 0, dim, keepdims=keepdim).astype(x.dtype) if p == 0 else np.max(size, dim, keepdims=keepdim)
    return np.sum(size**p, dim, keepdims=keepdim) ** (1 / p)


def _samples(*cases: tuple[tuple[tuple[int, ...], ...], dict[str, Any]]) -> Callable[[], list[Sample]]:
    return lambda: [Sample(*map(Draw, drawn), **keywords) for drawn, keywords in cases]


@composed(
    lambda x, *, p, dim: x / np.maximum(_norm_reference(x, p, dim, keepdim=True), 1e-12),
    _samples(*[(((3, 4),), {"p": p, "dim": d}) for p in (1.0, 2.0, 3.0, np.inf) for d in (0, 1)], (((5,),), {"p": 2.0, "dim": -1})),
    spaces="nn.functional",
)
def normalize(input: Any, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12) -> Any:
    """The input divided by its p-norm along dim: unit vectors. Norms below eps count as eps, so 0 stays 0."""
    check_floats("normalize", input=input)
    axes = shapes.axes("normalize", dim, len(input.shape))
    return div(input, clip(vector_norm(input, p, axes, keepdim=True), min=eps))


def _cosine_reference(x: Any, y: Any, *, dim: int) -> Any:
    return np.sum(x * y, dim) / np.sqrt(np.sum(x * x, dim) * np.sum(y * y, dim))


@composed(
    lambda x, y, *, dim: _cosine_reference(*np.broadcast_arrays(x, y), dim=dim),
    _samples((((3, 4), (3, 4)), {"dim": 1}), (((3, 4), (4,)), {"dim": 0}), (((5,), (5,)), {"dim": -1}), (((3, 1, 4), (5, 4)), {"dim": 2})),
    spaces=BOTH,
)
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between vectors along dim, a dimension of what x1 and x2 broadcast to. Lengths below eps
    count as eps, so the cosine with 0 is 0."""
    name = "cosine_similarity"
    check_floats(name, x1=x1, x2=x2)
    full = shapes.broadcast(name, x1.shape, x2.shape)
    axes = shapes.axes(name, shapes.one_axis(name, dim, len(full)), len(full))
    x1, x2 = expand(x1, full), expand(x2, full)
    lengths = [at_least(vector_norm(x, 2, axes), eps) for x in (x1, x2)]
    return div(div(sum_op(mul(x1, x2), dim=axes, keepdim=False), lengths[0]), lengths[1])


@composed(
    lambda x, y, *, p, keepdim: _norm_reference(x - y + 1e-6, p, -1, keepdim),
    _samples(*[(((3, 4), (3, 4)), {"p": p, "keepdim": k}) for p in (0.5, 1.0, 2.0, 3.0, np.inf) for k in (False, True)], (((5, 4), (4,)), {"p": 2.0, "keepdim": False})),
    spaces=BOTH,
)
def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """The p-norm of x1 - x2 + eps over the last dimension, row by row. cdist compares all pairs of rows."""
    check_floats("pairwise_distance", x1=x1, x2=x2)
    full = shapes.broadcast("pairwise_distance", x1.shape, x2.shape)
    return vector_norm(add(sub(x1, x2), eps), p, shapes.axes("pairwise_distance", -1, len(full)), keepdim)


# -- all with all -------------------------------------------------------------------------------------------------------

_IF_NECESSARY, _ALWAYS, _NEVER = "use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"
#: A product is necessary where the differences of all pairs would be more numbers than this.
_MANY = 1 << 20


def _squares(x1: Any, x2: Any, batch: tuple[int, ...]) -> Any:
    """Squared distances as |a|^2 + |b|^2 - 2 a b, which cancels where a and b are close: such pairs are subtracted instead.
    To have fewer of them, both sets are first shifted towards 0, which changes no distance."""
    with np.errstate(invalid="ignore", over="ignore"):
        middle = x1.array.mean(tuple(range(len(x1.shape) - 1))) if x1.size else np.zeros(())
    centre = from_array(np.where(np.isfinite(middle), middle, 0).astype(x1.dtype))
    a, b = sub(x1, centre), sub(x2, centre)
    both = add(_squared_lengths(a), matrix_transpose(_squared_lengths(b)))
    squares = sub(both, mul(matmul(a, matrix_transpose(b)), 2.0))
    near = np.nonzero(squares.array < 0.1 * both.array)
    if not near[0].size:
        return squares
    pairs = ((a, near[:-1]), (b, (*near[:-2], near[-1])))
    d = sub(*[getitem_op(expand(v, (*batch, *v.shape[-2:])), index=at) for v, at in pairs])
    return setitem_op(squares, sum_op(mul(d, d), dim=(1,), keepdim=False), index=near)


def _squared_lengths(x: Any) -> Any:
    """The squared lengths of the rows, as a column."""
    return sum_squares(x, dim=(len(x.shape) - 1,), keepdim=True)


def _pairs(op: str, x1: Any, x2: Any) -> tuple[int, ...]:
    """The shape of the batch; a ShapeError unless both are sets of points in one space."""
    for argument, x in (("x1", x1), ("x2", x2)):
        if len(x.shape) < 2:
            raise ShapeError(message(op, argument, f"shape {x.shape}", "points as rows, (..., points, coordinates)", f"Of one point write {argument}.unsqueeze(0)."))
    if x1.shape[-1] != x2.shape[-1]:
        raise ShapeError(message(op, "x2", f"shape {x2.shape}", f"points with {x1.shape[-1]} coordinates, as those of x1 {x1.shape}"))
    return shapes.broadcast(op, x1.shape[:-2], x2.shape[:-2])


@composed(
    lambda x, y, *, p, **_: _norm_reference(x[..., :, None, :] - y[..., None, :, :], p, -1),
    _samples(
        *[(((4, 3), (5, 3)), {"p": p}) for p in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, np.inf)], (((2, 1, 4, 3), (3, 5, 3)), {"p": 2.0}),
        (((2, 6, 3), (5, 3)), {"p": 2.0, "compute_mode": _ALWAYS}), (((0, 3), (5, 3)), {"p": 2.0}),
    ),
    spaces=BOTH,
)  # fmt: skip
def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Any:
    """The p-norms of the differences of all rows of x1 (..., P, M) and x2 (..., R, M) -> (..., P, R). Where two points
    coincide, the slope is taken as 0. compute_mode: whether Euclidean distances are computed by one matrix product instead
    of P R M differences; both ways are equally accurate."""
    check_floats("cdist", x1=x1, x2=x2)
    if not p >= 0:
        raise ValueError(message("cdist", "p", p, "a number of at least 0, or inf"))
    if compute_mode not in (_IF_NECESSARY, _ALWAYS, _NEVER):
        raise ValueError(message("cdist", "compute_mode", f"{compute_mode!r}", f"{_IF_NECESSARY!r}, {_ALWAYS!r} or {_NEVER!r}"))
    batch = _pairs("cdist", x1, x2)
    many = prod(batch) * x1.shape[-2] * x2.shape[-2] * x1.shape[-1] > _MANY
    if p == 2 and (compute_mode == _ALWAYS or (compute_mode == _IF_NECESSARY and many)):
        return root(_squares(x1, x2, batch))
    return vector_norm(sub(unsqueeze(x1, -2), unsqueeze(x2, -3)), p, -1)
