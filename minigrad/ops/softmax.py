"""softmax and log_softmax, each a single pass over rows that stay in cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._kernels import softmax as kernels
from minigrad._op import EVERYWHERE, composed, defop, public
from minigrad._samples import Draw, Sample
from minigrad.errors import message
from minigrad.ops.elementwise import exp, mul, neg, sub, to_dtype
from minigrad.ops.reduce import sum_op

if TYPE_CHECKING:
    from typing import Any

    from minigrad._op import Function

_CASES = (
    ((), 0),
    ((1,), 0),
    ((7,), 0),
    ((2, 3), 1),
    ((2, 3), 0),
    ((0, 3), 1),
    ((3, 0), 1),
    ((2, 3, 4), 1),
    ((5, 33), 1),
)


def _dims(x: tuple[int, ...], dim: int) -> tuple[int, ...]:
    return (dim,) if x else ()


def softmax_reference(x: Any, *, dim: int) -> Any:
    """exp(x - max) over its sum."""
    if not x.size:
        return x
    axis = dim if x.ndim else None
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax_reference(x: Any, *, dim: int) -> Any:
    """x - max - log sum exp(x - max)."""
    if not x.size:
        return x
    axis = dim if x.ndim else None
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


softmax_op: Function = defop(
    "softmax", "x | dim",
    forward=kernels.softmax,
    vjp={"x": lambda g, out, dim: softmax_bwd(g, out, dim=dim)},
    reference=softmax_reference,
    samples=lambda: [Sample(Draw(s), dim=d) for s, d in _CASES],
    kind="float",
    doc="exp(x_i) / sum_j exp(x_j) along dim. The largest x is subtracted first: exp cannot overflow, y is unchanged.",
)  # fmt: skip

softmax_bwd: Function = defop(
    "softmax_bwd", "g, out | dim",
    forward=kernels.softmax_bwd,
    shape=shapes.same,
    composition=lambda g, out, *, dim: mul(out, sub(g, sum_op(mul(g, out), dim=_dims(out.shape, dim), keepdim=True))),
    reference=lambda g, out, *, dim: out * (g - np.sum(g * out, axis=dim if out.ndim else None, keepdims=True)),
    samples=lambda: [Sample(Draw(s), Draw(s), dim=d) for s, d in _CASES],
    doc="The Jacobian diag(y) - y y^T of softmax, applied to g: y_i (g_i - sum_j g_j y_j).",
)  # fmt: skip

log_softmax_op: Function = defop(
    "log_softmax", "x | dim",
    forward=kernels.log_softmax,
    vjp={"x": lambda g, out, dim: log_softmax_bwd(g, out, dim=dim)},
    reference=log_softmax_reference,
    samples=lambda: [Sample(Draw(s), dim=d) for s, d in _CASES],
    kind="float",
    doc="x_i - log sum_j exp(x_j) along dim, exact where softmax has underflowed to 0.",
)  # fmt: skip

log_softmax_bwd: Function = defop(
    "log_softmax_bwd", "g, out | dim",
    forward=kernels.log_softmax_bwd,
    shape=shapes.same,
    composition=lambda g, out, *, dim: sub(g, mul(exp(out), sum_op(g, dim=_dims(out.shape, dim), keepdim=True))),
    reference=lambda g, out, *, dim: g - np.exp(out) * np.sum(g, axis=dim if out.ndim else None, keepdims=True),
    samples=lambda: [Sample(Draw(s), Draw(s), dim=d) for s, d in _CASES],
    doc="g_i - softmax_i sum_j g_j.",
)  # fmt: skip


def _dim(op: str, x: Any, dim: Any) -> int:
    if dim is None:
        remedy = f"For class scores in the last dimension write {op}(x, -1)."
        raise TypeError(message(op, "dim", "nothing", "the dimension along which the results sum to 1", remedy))
    return shapes.one_axis(op, dim, len(x.shape))


@public("softmax", f"{EVERYWHERE} nn.functional")
def softmax(x: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
    """exp(x) normalised to sum 1 along dim. (cross_entropy takes the logits themselves, without this.)"""
    x = x if dtype is None else to_dtype(x, dtype)
    return softmax_op(x, dim=_dim("softmax", x, dim))


@public("log_softmax", f"{EVERYWHERE} nn.functional")
def log_softmax(x: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
    """log(softmax(x)) along dim, without the loss of digits that taking the logarithm afterwards would cost."""
    x = x if dtype is None else to_dtype(x, dtype)
    return log_softmax_op(x, dim=_dim("log_softmax", x, dim))


@composed(
    lambda x, *, dim: softmax_reference(-x, dim=dim), lambda: [Sample(Draw(s), dim=d) for s, d in _CASES], spaces="nn.functional"
)
def softmin(input: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
    """softmax(-input): the smallest number gets the largest share."""
    x = input if dtype is None else to_dtype(input, dtype)
    return softmax_op(neg(x), dim=_dim("softmin", x, dim))
