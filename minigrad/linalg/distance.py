"""Lengths of vectors and distances between them: compositions of norms and products, and a kernel for many distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import Array, from_array
from minigrad._kernels import distance as kernels
from minigrad._op import composed, defop
from minigrad._samples import Draw, Sample
from minigrad.errors import DTypeError, ShapeError, message
from minigrad.ops.elementwise import add, div, equals, less, mul, sub, where
from minigrad.ops.functions import clip
from minigrad.ops.layout import expand, matrix_transpose, unsqueeze
from minigrad.ops.linalg import matmul
from minigrad.ops.reduce import sum_op, vector_norm

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minigrad._op import Function

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
    x1, x2 = (x if x.shape == full else expand(x, full) for x in (x1, x2))
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

_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
_SETS = (((4, 3), (5, 3)), ((1, 1), (1, 1)), ((0, 3), (5, 3)), ((2, 0), (3, 0)), ((2, 6, 3), (2, 5, 3)), ((33, 17), (5, 17)))


def _apart(x: Any, y: Any) -> Any:
    """All differences of the rows of x and y, in NumPy: (..., rows of x, rows of y, n)."""
    return x[..., :, None, :] - y[..., None, :, :]


def _cdist_bwd_composed(g: Any, x: Any, y: Any, out: Any, *, transposed: bool) -> Any:
    nothing = equals(out, 0.0)
    w = where(nothing, 0.0, div(g, where(nothing, 1.0, out)))
    w = matrix_transpose(w) if transposed else w
    return sub(mul(x, sum_op(w, dim=(len(w.shape) - 1,), keepdim=True)), matmul(w, y))


def _cdist_bwd_reference(g: Any, x: Any, y: Any, out: Any, *, transposed: bool) -> Any:
    w = g / np.where(out == 0, np.inf, out)
    return np.sum((np.swapaxes(w, -1, -2) if transposed else w)[..., None] * _apart(x, y), -2)


def _cdist_bwd_samples() -> list[Sample]:
    cases = [(x, y, t, (*x[:-2], *((y[-2], x[-2]) if t else (x[-2], y[-2])))) for x, y in _SETS for t in (False, True)]
    return [Sample(Draw(g), Draw(x), Draw(y), Draw(g, 0.5, 2.0), transposed=t) for x, y, t, g in cases]


_cdist_bwd: Function = defop(
    "cdist_bwd", "g, x, y, out | transposed",
    forward=kernels.cdist_bwd,
    shape=lambda *_, **__: None,
    composition=_cdist_bwd_composed,
    reference=_cdist_bwd_reference,
    samples=_cdist_bwd_samples,
    doc="The sum over j of g_ij / out_ij (x_i - y_j), for every row i of x; 0 where out_ij is. transposed: out_ji, g_ji.",
)  # fmt: skip

_cdist: Function = defop(
    "euclidean_cdist", "x, y",
    forward=kernels.cdist,
    shape=lambda *_: None,
    vjp={
        "x": lambda g, x, y, out: _cdist_bwd(g, x, y, out, transposed=False),
        "y": lambda g, x, y, out: _cdist_bwd(g, y, x, out, transposed=True),
    },
    reference=lambda x, y: np.sqrt(np.sum(_apart(x, y) ** 2, -1)),
    samples=lambda: [Sample(Draw(x, -2.0, -0.5), Draw(y, 0.5, 2.0)) for x, y in _SETS if x[-1]],
    doc="The Euclidean distances of all rows of x and y, from their differences: none is stored, and near points keep their "
    "digits.",
)  # fmt: skip


def _pairs(op: str, x1: Any, x2: Any) -> tuple[int, ...]:
    """The shape of the batch; a ShapeError unless both are sets of points in one space."""
    for argument, x in (("x1", x1), ("x2", x2)):
        if len(x.shape) < 2:
            raise ShapeError(message(op, argument, f"shape {x.shape}", "points as rows, (..., points, coordinates)", f"Of one point write {argument}.unsqueeze(0)."))
    if x1.shape[-1] != x2.shape[-1]:
        raise ShapeError(message(op, "x2", f"shape {x2.shape}", f"points with {x1.shape[-1]} coordinates, as those of x1 {x1.shape}"))
    return shapes.broadcast(op, x1.shape[:-2], x2.shape[:-2])


@composed(
    lambda x, y, *, p, **_: _norm_reference(_apart(x, y), p, -1),
    _samples(
        *[(((4, 3), (5, 3)), {"p": p}) for p in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, np.inf)], (((2, 1, 4, 3), (3, 5, 3)), {"p": 2.0}),
        (((2, 6, 3), (5, 3)), {"p": 2.0, "compute_mode": _MODES[1]}), (((0, 3), (5, 3)), {"p": 2.0}),
    ),
    spaces=BOTH,
)  # fmt: skip
def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Any:
    """The p-norms of the differences of all rows of x1 (..., P, M) and x2 (..., R, M) -> (..., P, R). Where two points
    coincide, the slope is taken as 0. Euclidean distances do not store the differences. compute_mode changes nothing: the
    differences are always taken, as near points keep their digits by them. (In hundreds of dimensions PyTorch's product,
    |a|^2 + |b|^2 - 2 a b, is faster.)"""
    check_floats("cdist", x1=x1, x2=x2)
    if not p >= 0:
        raise ValueError(message("cdist", "p", p, "a number of at least 0, or inf"))
    if compute_mode not in _MODES:
        raise ValueError(message("cdist", "compute_mode", f"{compute_mode!r}", f"{', '.join(map(repr, _MODES[:2]))} or {_MODES[2]!r}"))
    batch = _pairs("cdist", x1, x2)
    if p == 2:
        return _cdist(*(x if x.shape[:-2] == batch else expand(x, (*batch, *x.shape[-2:])) for x in (x1, x2)))
    return vector_norm(sub(unsqueeze(x1, -2), unsqueeze(x2, -3)), p, -1)
