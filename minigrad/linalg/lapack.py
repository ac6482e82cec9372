"""Linear algebra that NumPy's LAPACK computes, with its derivatives (Giles, "An extended collection of matrix derivative
results for forward and reverse mode algorithmic differentiation", 2008)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import from_array
from minigrad._op import composed, defop, public
from minigrad._samples import Draw, Sample
from minigrad.errors import LinAlgError, ShapeError, message
from minigrad.ops.elementwise import abs, add, mul, neg
from minigrad.ops.layout import getitem_op, matrix_transpose, reshape_op, squeeze, unsqueeze
from minigrad.ops.linalg import matmul, matmul_nt, matmul_tn
from minigrad.ops.reduce import amax, amin, sum, vector_norm

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minigrad._op import Function

    Shape = tuple[int, ...]

LINALG, OLDER = "linalg", "minigrad Tensor linalg"


def _square(op: str, x: Shape, *_: Any) -> None:
    if len(x) < 2 or x[-1] != x[-2]:
        raise ShapeError(message(op, "input", f"shape {x}", "square matrices (..., n, n)"))


def _solvable(op: str, a: Shape, b: Shape) -> None:
    _square(op, a)
    if len(b) < 2 or b[-2] != a[-1]:
        raise ShapeError(message(op, "B", f"shape {b}", f"{a[-1]} rows, as A is {a}"))


def _lapack(op: str, function: Callable[..., Any], remedy: str) -> Callable[..., Any]:
    """The function, with errors that name the op and the remedy."""

    def call(*arrays: Any) -> Any:
        try:
            return function(*arrays)
        except np.linalg.LinAlgError as error:
            raise LinAlgError(f"{op}: {str(error)[:1].lower()}{str(error)[1:]}. {remedy}") from error

    return call


def _draws(*shapes_: Shape, **more: Any) -> Callable[[], list[Sample]]:
    return lambda: [Sample(Draw(s, kind="definite"), **more) for s in shapes_]


_SINGULAR = "A matrix without full rank has none: linalg.solve and inv want linearly independent rows."
_SQUARES = ((1, 1), (3, 3), (2, 3, 3), (0, 0))

inv: Function = defop(
    "inv", "x",
    shape=_square,
    vjp={"x": lambda g, out: neg(matmul_tn(out, matmul_nt(g, out)))},
    reference=_lapack("inv", np.linalg.inv, _SINGULAR),
    samples=_draws(*_SQUARES),
    names="inv",
    spaces=LINALG,
    doc="The inverse Y of square matrices; dX = -Y^T dY Y^T.",
)  # fmt: skip
public("inverse", "minigrad Tensor")(inv)

solve_op: Function = defop(
    "solve", "a, b",
    shape=_solvable,
    vjp={
        "a": lambda g, a, out: neg(matmul_nt(solve_op(matrix_transpose(a), g), out)),
        "b": lambda g, a: solve_op(matrix_transpose(a), g),
    },
    reference=_lapack("solve", np.linalg.solve, _SINGULAR),
    samples=lambda: [Sample(Draw(a, kind="definite"), Draw(b)) for a, b in (((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 1)), ((2, 3, 3), (3, 2)), ((0, 0), (0, 2)))],
    doc="X with A X = B: dB = A^-T dX and dA = -dB X^T.",
)  # fmt: skip


@public("solve", LINALG)
def solve(A: Any, B: Any) -> Any:  # noqa: N803 - the field's letters
    """The solution X of A X = B, for square A (..., n, n) and B (..., n, k), or a vector (n,), or one for each A, (..., n)."""
    if len(B.shape) == 1 or B.shape == A.shape[:-1]:
        return squeeze(solve_op(A, unsqueeze(B, -1)), -1)
    return solve_op(A, B)


def _minors(x: Any) -> Any:
    """The matrix of cofactors: for each element (-1)^(i+j) times the determinant without its row and column."""
    n = x.shape[-1]
    if n == 1:
        return from_array(np.ones(x.shape, x.dtype))
    rest = np.array([[k for k in range(n) if k != i] for i in range(n)])
    left = getitem_op(x, index=(Ellipsis, rest[:, None, :, None], rest[None, :, None, :]))
    signs = from_array((-1.0) ** np.add.outer(np.arange(n), np.arange(n)).astype(x.dtype))
    return mul(det(left), signs)


def _det_slope(g: Any, x: Any, out: Any) -> Any:
    """det X^-T; from the cofactors where an X has no inverse."""
    g = reshape_op(g, shape=(*g.shape, 1, 1))
    if x.array.size == 0 or not out.array.all():
        return mul(g, _minors(x)) if x.size else x
    return mul(mul(g, reshape_op(out, shape=(*out.shape, 1, 1))), matrix_transpose(inv(x)))


det: Function = defop(
    "det", "x",
    shape=_square,
    vjp={"x": _det_slope},
    reference=lambda x: np.linalg.det(x),
    samples=_draws(*_SQUARES),
    names="det",
    spaces=OLDER,
    doc="The determinant of square matrices; its slope is det X^-T, the matrix of cofactors.",
)  # fmt: skip

logabsdet: Function = defop(
    "logabsdet", "x",
    shape=_square,
    vjp={"x": lambda g, x: mul(reshape_op(g, shape=(*g.shape, 1, 1)), matrix_transpose(inv(x)))},
    reference=lambda x: np.linalg.slogdet(x)[1],
    samples=_draws(*_SQUARES),
    doc="log |det x|, without overflow.",
)  # fmt: skip


@composed(lambda x: tuple(np.linalg.slogdet(x)), _draws(*_SQUARES), spaces=OLDER)
def slogdet(x: Any) -> tuple[Any, Any]:
    """(sign, log |det|): the determinant in a form that does not overflow. The sign has no derivative."""
    _square("slogdet", x.shape)
    return from_array(np.asarray(np.linalg.slogdet(x.array)[0])), logabsdet(x)


def _cholesky_slope(g: Any, out: Any) -> Any:
    """L^-T P L^-1, symmetric, where P is the lower triangle of L^T dL with half its diagonal."""
    n = out.shape[-1]
    half = from_array((np.tri(n) - 0.5 * np.eye(n)).astype(out.dtype))
    turned = matrix_transpose(out)
    left = solve_op(turned, mul(matmul(turned, g), half))
    both = matrix_transpose(solve_op(turned, matrix_transpose(left)))
    return mul(add(both, matrix_transpose(both)), 0.5)


cholesky: Function = defop(
    "cholesky", "x",
    shape=_square,
    vjp={"x": _cholesky_slope},
    reference=_lapack("cholesky", lambda x: np.linalg.cholesky((x + np.swapaxes(x, -1, -2)) / 2), "Add a small multiple of the identity, or see whether it is symmetric."),
    samples=_draws(*_SQUARES),
    names="cholesky",
    spaces=LINALG,
    doc="The lower triangular L with L L^T = x, for symmetric positive definite x, of which the mean with its transpose is taken.",
)  # fmt: skip


@composed(
    lambda x, *, n: np.linalg.matrix_power(x, n), lambda: [Sample(Draw((3, 3), kind="definite"), n=n) for n in (-2, -1, 0, 1, 2, 5)], spaces=OLDER
)
def matrix_power(x: Any, n: int) -> Any:
    """x to the power n, by repeated squaring, for square matrices; negative n uses the inverse, and 0 gives the identity."""
    _square("matrix_power", x.shape)
    if n < 0:
        x, n = inv(x), -n
    out = add(from_array(np.eye(x.shape[-1], dtype=x.dtype)), mul(x, 0.0)) if n == 0 else None
    while n:
        if n & 1:
            out = x if out is None else matmul(out, x)
        n >>= 1
        x = matmul(x, x) if n else x
    return out


@composed(
    lambda x, *, ord, dim, keepdim: np.linalg.norm(x, ord, dim, keepdim),
    lambda: [Sample(Draw((3, 4), away=(0.0,), distinct=True), ord=o, dim=(-2, -1), keepdim=k) for o in ("fro", 1, -1, np.inf, -np.inf) for k in (False, True)],
    spaces=LINALG,
)  # fmt: skip
def matrix_norm(x: Any, ord: Any = "fro", dim: tuple[int, int] = (-2, -1), keepdim: bool = False) -> Any:
    """The norm of matrices: "fro" is the root of the sum of squares, 1 (-1) the largest (smallest) sum of |x| over a column,
    inf (-inf) over a row."""
    if ord == "fro":
        return vector_norm(x, 2, dim, keepdim)
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError(message("matrix_norm", "ord", f"{ord!r}", "'fro', 1, -1, inf or -inf"))
    rows, cols = (shapes.one_axis("matrix_norm", d, len(x.shape)) for d in dim)
    summed, kept = (rows, cols) if ord in (1, -1) else (cols, rows)
    out = (amax if ord > 0 else amin)(sum(abs(x), summed, True), kept, True)
    return out if keepdim else squeeze(out, (rows, cols))


@public("norm", LINALG)
def norm(x: Any, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
    """matrix_norm if ord is given for two dimensions, else vector_norm, by default over all elements."""
    two = isinstance(dim, (tuple, list)) and len(dim) == 2
    if ord is not None and (two or (dim is None and len(x.shape) == 2)):
        return matrix_norm(x, ord, tuple(dim) if two else (-2, -1), keepdim)
    return vector_norm(x, 2 if ord is None else ord, dim, keepdim)


public("matmul", LINALG)(matmul)
