"""Products of matrices.

x y, x y^T and x^T y are one kernel with other strides. Together they are closed under derivatives: whatever is
differentiated, however often, no operand is ever transposed in memory.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import Array
from minigrad._compile import compile_op
from minigrad._kernels import linalg as kernels
from minigrad._op import defop
from minigrad._promote import strict
from minigrad._samples import Draw, Sample
from minigrad.errors import DTypeError, message
from minigrad.ops.layout import reshape_op, squeeze, unsqueeze
from minigrad.ops.reduce import sum_op

if TYPE_CHECKING:
    from typing import Any

    from minigrad._op import Function

_PRODUCTS = (
    ((2, 3), (3, 4)), ((1, 1), (1, 1)), ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((17, 5), (5, 19)), ((2, 3, 4), (4, 2)),
    ((2, 1, 3, 2), (5, 2, 3)), ((1, 33), (33, 1)),
)  # fmt: skip


def _with_vectors(x: Any, y: Any) -> Any:
    """The product where an operand has one dimension: it becomes a row or a column, and that dimension is dropped again."""
    left, right = len(x.shape) == 1, len(y.shape) == 1
    if not (left or right):
        return None
    shapes.matmul("matmul", x.shape, y.shape)
    out = matmul(unsqueeze(x, 0) if left else x, unsqueeze(y, 1) if right else y)
    out = squeeze(out, -1) if right else out
    return squeeze(out, -1 if right else -2) if left else out


matmul: Function = defop(
    "matmul", "x, y",
    forward=kernels.matmul,
    shape=shapes.matmul,
    quick="len(a := x.shape) == 2 == len(b := y.shape) and a[1] == b[0]",
    planned=("x.pool.products[y.pool]", kernels.matmul_planned),
    unusual=_with_vectors,
    vjp={"x": lambda g, y: matmul_nt(g, y), "y": lambda g, x: matmul_tn(x, g)},
    reference=np.matmul,
    samples=lambda: [Sample(Draw(x), Draw(y)) for x, y in _PRODUCTS],
    names="matmul",
    doc="(..., m, k) @ (..., k, n); a vector counts as a row on the left and as a column on the right. For out = x y: "
    "dx = dout y^T and dy = x^T dout, summed over broadcast batches.",
)  # fmt: skip

matmul_nt: Function = defop(
    "matmul_nt", "x, y",
    forward=kernels.matmul_nt,
    shape=lambda name, x, y: shapes.matmul(name, x, shapes.transposed(y)),
    vjp={"x": lambda g, y: matmul(g, y), "y": lambda g, x: matmul_tn(g, x)},
    reference=lambda x, y: np.matmul(x, np.swapaxes(y, -1, -2)),
    samples=lambda: [Sample(Draw(x), Draw(shapes.transposed(y))) for x, y in _PRODUCTS],
    doc="x y^T: the right operand is read by columns. For out = x y^T: dx = dout y and dy = dout^T x.",
)  # fmt: skip

matmul_tn: Function = defop(
    "matmul_tn", "x, y",
    forward=kernels.matmul_tn,
    shape=lambda name, x, y: shapes.matmul(name, shapes.transposed(x), y),
    vjp={"x": lambda g, y: matmul_nt(y, g), "y": lambda g, x: matmul(x, g)},
    reference=lambda x, y: np.matmul(np.swapaxes(x, -1, -2), y),
    samples=lambda: [Sample(Draw(shapes.transposed(x)), Draw(y)) for x, y in _PRODUCTS],
    doc="x^T y: the left operand is read by columns. For out = x^T y: dx = y dout^T and dy = x dout.",
)  # fmt: skip


def _rows(x: Any) -> Any:
    """x with all dimensions but the last merged into one."""
    return x if len(x.shape) == 2 else reshape_op(x, shape=(prod(x.shape[:-1]), x.shape[-1]))


def _only_of_one_type(x: Any, weight: Any, bias: Any) -> None:
    """Raises for operands of linear that would have to be converted."""
    for name, given in (("input", x), ("weight", weight), ("bias", bias)):
        if given is not None and not isinstance(given, Array):
            remedy = f"Wrap it: minigrad.tensor(data, dtype=minigrad.{getattr(weight, 'dtype', 'float32')})."
            raise DTypeError(message("linear", name, f"a {type(given).__name__}", "a tensor", remedy))
        if given is not None and given.dtype is not weight.dtype:
            remedy = f"Convert the input: x.to(weight.dtype), or create it with dtype={weight.dtype}."
            raise DTypeError(message("linear", name, f"dtype {given.dtype}", f"weight's dtype {weight.dtype}", remedy))


strict["linear"] = _only_of_one_type

linear: Function = defop(
    "linear", "x, weight, bias",
    forward=kernels.linear,
    shape=shapes.linear,
    planned=("x.pool.plans[weight.pool, None if bias is None else bias.pool]", kernels.linear_planned),
    quick="len(weight.shape) == 2 and x.shape[-1:] == weight.shape[1:] and (bias is None or bias.shape == weight.shape[:1])",
    vjp={
        "x": lambda g, weight: matmul(g, weight) if len(g.shape) > 1 else squeeze(matmul(unsqueeze(g, 0), weight), 0),
        "weight": lambda g, x: matmul_tn(_rows(g), _rows(x)),
        "bias": lambda g: sum_op(_rows(g), dim=(0,), keepdim=False),
    },
    joint=kernels.linear_bwd,
    optional="bias",
    reference=lambda x, weight, bias: x @ weight.T if bias is None else x @ weight.T + bias,
    samples=lambda: [
        Sample(Draw((*batch, k)), Draw((n, k)), Draw((n,)) if bias else None)
        for batch, k, n in (((2,), 3, 4), ((1,), 1, 1), ((0,), 3, 2), ((17,), 19, 5), ((2, 3), 4, 2), ((), 3, 2)) for bias in (True, False)
    ],
    names="linear",
    spaces="nn.functional",
    doc="x W^T + b in one pass over the output: x (..., in), weight (out, in), bias (out,) or None -> (..., out). "
    "dx = dout W, dW = dout^T x, db = the sum of dout over the batch.",
)  # fmt: skip

# At once, as most programs call it, and some ask for its signature before.
compile_op(linear.op)  # type: ignore[attr-defined]
