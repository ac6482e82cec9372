"""Products of tensors under their many names; all of them end in `matmul`, or in a product and a sum."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._kernels import products as kernels
from minigrad._op import composed, defop, public
from minigrad._samples import Draw, Sample
from minigrad.errors import AxisError, ShapeError, message
from minigrad.ops.elementwise import add, mul
from minigrad.ops.layout import expand_op, permute, permute_op, reshape_op, unsqueeze
from minigrad.ops.linalg import linear, matmul
from minigrad.ops.reduce import sum_op
from minigrad.ops.shape import diagonal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from minigrad._op import Function


def _pairs(*shaped: tuple[tuple[int, ...], ...], **keywords: Any) -> Callable[[], list[Sample]]:
    return lambda: [Sample(*map(Draw, several), **keywords) for several in shaped]


def _ndim(op: str, argument: str, x: Any, ndim: int) -> None:
    if len(x.shape) != ndim:
        kind = ("a scalar", "a vector", "a matrix", "a batch of matrices")[ndim]
        raise ShapeError(message(op, argument, f"shape {x.shape}", f"{kind}, so ndim {ndim}", "matmul takes any."))


def _product(name: str, ndims: tuple[int, int], samples: Any, doc: str) -> Any:
    """matmul restricted to operands with these numbers of dimensions."""

    def product(x: Any, y: Any) -> Any:
        _ndim(name, "input", x, ndims[0])
        _ndim(name, "other", y, ndims[1])
        return matmul(x, y)

    product.__name__, product.__doc__ = name, doc
    return composed(np.matmul, samples)(product)


mm = _product("mm", (2, 2), _pairs(((2, 3), (3, 4)), ((0, 3), (3, 2))), "The product of two matrices.")
mv = _product("mv", (2, 1), _pairs(((2, 3), (3,))), "The product of a matrix and a vector.")
bmm = _product("bmm", (3, 3), _pairs(((5, 2, 3), (5, 3, 4))), "The products of two batches of matrices.")


row_dots: Function = defop(
    "row_dots", "x, y",
    forward=kernels.row_dots, planned=("x.pool.plans['row_dots', y.pool]", kernels.row_dots_planned),
    shape=lambda *_: None,  # the caller has seen to it
    vjp={"x": lambda g, y: mul(unsqueeze(g, -1), y), "y": lambda g, x: mul(unsqueeze(g, -1), x)},
    reference=lambda x, y: np.sum(x * y, -1),
    samples=_pairs(*[(s, s) for s in ((3,), (2, 4), (0,), (2, 0), (0, 2), (2, 3, 33))]),
    doc="Sums of products over the last dimension of two tensors of one shape; the products are not stored.",
)  # fmt: skip


@composed(np.dot, _pairs(((3,), (3,)), ((0,), (0,))), also="vdot")
def dot(x: Any, y: Any) -> Any:
    """The sum of the products of two vectors' elements."""
    _ndim("dot", "input", x, 1)
    _ndim("dot", "other", y, 1)
    return row_dots(x, y) if x.shape == y.shape and x.dtype.kind == "f" else matmul(x, y)


@composed(np.inner, _pairs(((3,), (3,)), ((2, 3), (4, 3)), ((), (3,))))
def inner(x: Any, y: Any) -> Any:
    """Sums of products over the last dimension of both."""
    return mul(x, y) if not x.shape or not y.shape else tensordot(x, y, ([-1], [-1]))


@composed(np.outer, _pairs(((3,), (2,)), ((0,), (2,))), also="ger")
def outer(x: Any, y: Any) -> Any:
    """All products of an element of one vector with an element of another: (m,), (n,) -> (m, n)."""
    return mul(reshape_op(x, shape=(x.count, 1)), reshape_op(y, shape=(1, y.count)))


@composed(lambda x, y, *, dim: np.sum(x * y, dim), _pairs(((2, 3), (2, 3)), ((4, 3), (3,)), dim=-1), spaces="linalg")
def vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    """Sums of products along a dimension of both."""
    if x.shape == y.shape and dim in (-1, len(x.shape) - 1) and x.shape:
        return row_dots(x, y)
    products = mul(x, y)
    return sum_op(products, dim=(shapes.axis_of("vecdot", products.shape, dim),), keepdim=False)


def _scaled(x: Any, factor: float) -> Any:
    return x if factor == 1 else mul(x, factor)


_THREE = {"beta": 0.5, "alpha": 2.0}


def _added(name: str, product: Any, reference: Any, samples: Any, doc: str) -> Any:
    """beta input + alpha product(x, y)."""

    def op(input: Any, x: Any, y: Any, *, beta: float = 1.0, alpha: float = 1.0) -> Any:
        result = _scaled(product(x, y), alpha)
        return add(_scaled(input, beta), result) if beta else result

    op.__name__, op.__doc__ = name, doc
    return composed(lambda i, x, y, *, beta, alpha: beta * i + alpha * reference(x, y), samples)(op)


def _batch_sum(x: Any, y: Any) -> Any:
    return sum_op(bmm(x, y), dim=(0,), keepdim=False)


addmm = _added("addmm", mm, np.matmul, _pairs(((2, 4), (2, 3), (3, 4)), ((4,), (2, 3), (3, 4)), **_THREE), "beta input + alpha x @ y, of matrices.")
addmv = _added("addmv", mv, np.matmul, _pairs(((2,), (2, 3), (3,)), **_THREE), "beta input + alpha x @ y, of a matrix and a vector.")
addr = _added("addr", outer, np.outer, _pairs(((2, 3), (2,), (3,)), **_THREE), "beta input + alpha outer(x, y).")
baddbmm = _added("baddbmm", bmm, np.matmul, _pairs(((5, 2, 4), (5, 2, 3), (5, 3, 4)), **_THREE), "beta input + alpha x @ y, of batches of matrices.")
addbmm = _added("addbmm", _batch_sum, lambda x, y: np.matmul(x, y).sum(0), _pairs(((2, 4), (5, 2, 3), (5, 3, 4)), **_THREE), "beta input + alpha times the sum of the batch's products.")


@composed(lambda x, y: np.kron(x, y), _pairs(((2, 3), (2, 2)), ((3,), (2,))))
def kron(x: Any, y: Any) -> Any:
    """The Kronecker product: every element of x times all of y, side by side."""
    ndim = max(len(x.shape), len(y.shape))
    a, b = ((1,) * (ndim - len(v.shape)) + v.shape for v in (x, y))
    spread = mul(reshape_op(x, shape=tuple(n for m in a for n in (m, 1))), reshape_op(y, shape=tuple(n for m in b for n in (1, m))))
    return reshape_op(spread, shape=tuple(m * n for m, n in zip(a, b)))


cross_op: Function = defop(
    "cross", "x, y | dim",
    forward=kernels.cross, shape=shapes.same,  # the caller has seen to it
    vjp={"x": lambda g, y, dim: cross_op(y, g, dim=dim), "y": lambda g, x, dim: cross_op(g, x, dim=dim)},
    reference=lambda x, y, *, dim: np.cross(x, y, axis=dim),
    samples=lambda: [Sample(Draw(s), Draw(s), dim=d) for s, d in (((3,), 0), ((5, 3), 1), ((3, 5), 0), ((2, 3, 2), 1), ((0, 3), 1))],
    doc="The cross product of vectors of length 3 along a dimension, of two tensors of one shape.",
)  # fmt: skip


@public("cross", "minigrad Tensor linalg")
def cross(x: Any, y: Any, dim: int = -1) -> Any:
    """The cross product of vectors of length 3 along a dimension."""
    if x.shape[shapes.axis_of("cross", x.shape, dim)] != 3 or y.shape[shapes.axis_of("cross", y.shape, dim)] != 3:
        raise ShapeError(message("cross", "", f"shapes {x.shape} and {y.shape}", f"length 3 in dimension {dim}"))
    full = shapes.broadcast("cross", x.shape, y.shape)
    x, y = (v if v.shape == full else expand_op(v, shape=full) for v in (x, y))
    return cross_op(x, y, dim=shapes.axis_of("cross", full, dim))


@composed(np.trace, _pairs(((3, 3),), ((2, 4),)))
def trace(x: Any) -> Any:
    """The sum of a matrix's diagonal."""
    _ndim("trace", "input", x, 2)
    return sum_op(diagonal(x), dim=(0,), keepdim=False)


@public("multi_dot chain_matmul", "linalg")
def multi_dot(tensors: Sequence[Any]) -> Any:
    """The product of several matrices (the first and last may be vectors), in the order that takes the fewest
    multiplications (Cormen et al., "Introduction to Algorithms", 15.2)."""
    n = len(tensors)
    if n < 2:
        raise ValueError(message("multi_dot", "tensors", f"{n}", "at least 2 matrices"))
    sizes = [tensors[0].shape[0] if len(tensors[0].shape) > 1 else 1, *[x.shape[-1] if len(x.shape) > 1 or i == 0 else 1 for i, x in enumerate(tensors)]]
    cost: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(n)}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i, j] = min((cost[i, k][0] + cost[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j))

    def product(i: int, j: int) -> Any:
        return tensors[i] if i == j else matmul(product(i, cost[i, j][1]), product(cost[i, j][1] + 1, j))

    return product(0, n - 1)


@composed(
    lambda x, y, *, dims: np.tensordot(x, y, dims),
    lambda: [Sample(Draw((2, 3, 4)), Draw((3, 4, 5)), dims=2), Sample(Draw((2, 3, 4)), Draw((4, 2)), dims=((0, 2), (1, 0))), Sample(Draw((2,)), Draw((3,)), dims=0)],
)
def tensordot(x: Any, y: Any, dims: Any = 2) -> Any:
    """Sums of products over dimensions of both: the last `dims` of x with the first of y, or those listed for each."""
    if isinstance(dims, int):
        dims = range(len(x.shape) - dims, len(x.shape)), range(dims)
    a, b = ([shapes.one_axis("tensordot", d, len(v.shape)) for d in (given if hasattr(given, "__iter__") else (given,))] for v, given in zip((x, y), dims))
    if len({*a}) < len(a) or len({*b}) < len(b):
        raise AxisError(message("tensordot", "dims", f"{a} and {b}", "each dimension once"))
    if [x.shape[d] for d in a] != [y.shape[d] for d in b]:
        raise ShapeError(message("tensordot", "dims", f"{a} of {x.shape} and {b} of {y.shape}", "dimensions of equal lengths"))
    left, right = ([d for d in range(len(v.shape)) if d not in dropped] for v, dropped in ((x, a), (y, b)))
    inner_size = prod([x.shape[d] for d in a])
    rows = reshape_op(permute_op(x, dims=(*left, *a)), shape=(prod([x.shape[d] for d in left]), inner_size))
    cols = reshape_op(permute_op(y, dims=(*b, *right)), shape=(inner_size, prod([y.shape[d] for d in right])))
    return reshape_op(matmul(rows, cols), shape=(*[x.shape[d] for d in left], *[y.shape[d] for d in right]))


# -- einsum ---------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _parse(equation: str, *given: tuple[int, ...]) -> tuple[list[str], str]:
    """The letters of operands of these shapes, and of the result; those of an ellipsis are capitals, counted from the right."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(given):
        raise ValueError(message("einsum", "equation", f"{len(terms)} operands in {equation!r}", f"the {len(given)} that were passed"))
    wide = [len(shape) - len(t.replace("...", "")) for t, shape in zip(terms, given)]
    rest = [f"{chr(0x100 + n)}" for n in range(max([0, *wide]))][::-1]
    full = []
    for i, (term, n) in enumerate(zip(terms, wide)):
        if n < 0 or (n > 0 and "..." not in term):
            raise ShapeError(message("einsum", f"operand {i}", f"shape {given[i]}", f"{len(term)} dimensions, as {term!r} has letters"))
        full.append(term.replace("...", "".join(rest[len(rest) - n :])))
    if not arrow:
        letters = "".join(full)
        right = "..." + "".join(sorted(c for c in set(letters) if letters.count(c) == 1 and c not in rest))
    out = right.replace("...", "".join(rest))
    unknown = set(out) - set("".join(full))
    if unknown or len(set(out)) < len(out):
        raise ValueError(message("einsum", "equation", f"{right!r} as the result", "letters of the operands, each once"))
    return full, out


def _once(x: Any, letters: str) -> tuple[Any, str]:
    """x with a diagonal taken wherever a letter occurs twice."""
    for c in dict.fromkeys(letters):
        while letters.count(c) > 1:
            a, b = letters.index(c), letters.rindex(c)
            if x.shape[a] != x.shape[b]:
                raise ShapeError(message("einsum", "operand", f"lengths {x.shape[a]} and {x.shape[b]} for {c!r}", "equal ones"))
            x, letters = diagonal(x, 0, a, b), "".join(d for i, d in enumerate(letters) if i not in (a, b)) + c
    return x, letters


def _shaped(op: Any, x: Any, shape: tuple[int, ...]) -> Any:
    return x if x.shape == shape else op(x, shape=shape)


def _summed(x: Any, letters: str, kept: set[str]) -> tuple[Any, str]:
    gone = tuple(i for i, c in enumerate(letters) if c not in kept)
    return (sum_op(x, dim=gone, keepdim=False), "".join(c for c in letters if c in kept)) if gone else (x, letters)


def _contracted(x: Any, a: str, y: Any, b: str, kept: set[str]) -> tuple[Any, str]:
    """Contracts two operands into one by matmul: letters that both have are batch dimensions if they are kept, and summed
    over if not."""
    x, a = _summed(x, a, kept | set(b))
    y, b = _summed(y, b, kept | set(a))
    batch = [c for c in a if c in b and c in kept]
    inner_letters = [c for c in a if c in b and c not in kept]
    left, right = [c for c in a if c not in b], [c for c in b if c not in a]
    length: dict[str, int] = {}
    for v, letters in ((x, a), (y, b)):
        for c, n in zip(letters, v.shape):
            if length.setdefault(c, n) != n and 1 not in (n, length[c]):
                raise ShapeError(message("einsum", "operands", f"lengths {length[c]} and {n} for {c!r}", "equal ones"))
            length[c] = max(length[c], n) if n != 0 else 0

    def grouped(v: Any, letters: str, *groups: list[str]) -> Any:
        order = [c for group in groups for c in group]
        v = v if order == [*letters] else permute(v, *[letters.index(c) for c in order])
        v = _shaped(expand_op, v, tuple([length[c] for c in order]))
        return _shaped(reshape_op, v, (*[length[c] for c in groups[0]], *[prod([length[c] for c in g]) for g in groups[1:]]))

    if a == b and x.shape == y.shape:  # no letter is one operand's alone, so there is no matrix
        return row_dots(grouped(x, a, batch, inner_letters), grouped(y, b, batch, inner_letters)), "".join(batch)
    out = matmul(grouped(x, a, batch, left, inner_letters), grouped(y, b, batch, inner_letters, right))
    letters = "".join([*batch, *left, *right])
    return _shaped(reshape_op, out, tuple([length[c] for c in letters])), letters


_EINSUM = (
    ("ij,jk->ik", ((2, 3), (3, 4))), ("bij,bjk->bik", ((5, 2, 3), (5, 3, 4))), ("ii->i", ((3, 3),)), ("ij->ji", ((2, 3),)), ("ij->", ((2, 3),)),
    ("i,j->ij", ((2,), (3,))), ("...ij,jk", ((5, 2, 3), (3, 4))), ("bi,bi->b", ((2, 3), (2, 3))), ("ij,jk,kl->il", ((2, 3), (3, 4), (4, 2))), ("bhqd,bhkd->bhqk", ((2, 3, 4, 5), (2, 3, 2, 5))),
)  # fmt: skip


@composed(lambda *xs, equation: np.einsum(equation, *xs), lambda: [Sample(*map(Draw, s), equation=e) for e, s in _EINSUM], spaces="")
def _einsum(*operands: Any, equation: str) -> Any:
    """Einstein summation: letters that the result lacks are summed over."""
    terms, out = _parse(equation, *[x.shape for x in operands])
    x, a = _once(operands[0], terms[0])
    for i in range(1, len(operands)):
        y, b = _once(operands[i], terms[i])
        x, a = _contracted(x, a, y, b, set(out).union(*terms[i + 1 :]))
    x, a = _summed(x, a, set(out))
    return permute(x, *[a.index(c) for c in out]) if a != out else x


@public("einsum", "minigrad")
def einsum(equation: str, *operands: Any) -> Any:
    """Products of tensors, summed over the letters that the result lacks: "ij,jk->ik" is a matrix product, "ii" a trace;
    "..." stands for the dimensions without a letter. Operands are contracted in pairs by matmul, from left to right."""
    given = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    if not isinstance(equation, str):
        remedy = 'Write einsum("ij,jk->ik", x, y).'
        raise TypeError(message("einsum", "equation", f"a {type(equation).__name__}", "a text", remedy))
    return _einsum(*given, equation=equation)


@composed(
    lambda x, y, w, b: np.einsum("bi,oij,bj->bo", x, w, y) + b, lambda: [Sample(Draw((5, 2)), Draw((5, 3)), Draw((4, 2, 3)), Draw((4,)))], spaces="minigrad nn.functional"
)
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """x W_o y for every output o: input1 (..., m), input2 (..., n), weight (out, m, n) -> (..., out)."""
    pairs, k = mul(unsqueeze(input1, -1), unsqueeze(input2, -2)), prod(weight.shape[1:])
    return linear(reshape_op(pairs, shape=(*pairs.shape[:-2], k)), reshape_op(weight, shape=(weight.shape[0], k)), bias)
