"""Matrix products, out[b] = x[b] y[b] (+ bias), the operands by strides; and the gradients of a linear layer."""

from __future__ import annotations

from itertools import product as pairs_of
from typing import TYPE_CHECKING, Any

import numpy as np
from minigrad._C import ffi, lib

from kernel_cases.calls import Problem, Want
from kernel_cases.maps import SUM, total

if TYPE_CHECKING:
    from collections.abc import Iterator

    Numbers = np.ndarray[Any, np.dtype[Any]]

#: How a matrix lies in memory: rows contiguous; columns contiguous (a transpose); every second number of every row.
LAYOUTS = ("rows", "columns", "stepped")


def laid_out(matrices: Numbers, layout: str) -> tuple[Numbers, int, int]:
    """Contiguous memory that holds the last two axes in this layout, and the strides of rows and columns in it.

    What a stepped matrix leaves out is NaN, so that nothing of it may enter the result."""
    rows, cols = matrices.shape[-2:]
    if layout == "rows":
        return matrices, cols, 1
    if layout == "columns":
        return np.ascontiguousarray(matrices.swapaxes(-1, -2)), 1, rows
    memory = np.full((*matrices.shape[:-1], 2 * cols), np.nan, matrices.dtype)
    memory[..., ::2] = matrices
    return memory, 2 * cols, 2


def product_problem(
    x: Numbers, y: Numbers, bias: Numbers | None = None, layouts: tuple[str, str] = ("rows", "rows"),
    prior: Numbers | None = None, relu: bool = False,
) -> Problem:  # fmt: skip
    """x (..., m, k) times y (..., k, n), batches broadcast; bias (n,); prior: numbers to add to; relu: of the whole.

    An inner product of length k in any order is off by at most k u sum |x| |y| (Higham 2002, section 3.1): ours and the
    reference's, and the bias."""
    m, k = x.shape[-2:]
    n = y.shape[-1]
    (x_memory, x_row, x_col), (y_memory, y_row, y_col) = laid_out(x, layouts[0]), laid_out(y, layouts[1])
    wide_x, wide_y = x.astype(np.float64), y.astype(np.float64)
    with np.errstate(all="ignore"):
        value, scale = wide_x @ wide_y, np.abs(wide_x) @ np.abs(wide_y)
        if bias is not None:
            value, scale = value + bias.astype(np.float64), scale + np.abs(bias)
        if prior is not None:
            value, scale = value + prior.astype(np.float64), scale + np.abs(prior)
    batch = _batch(x_memory, y_memory)
    product = ffi.new("mg_product *", (m, k, n, x_row, x_col, y_row, y_col, batch, lib.MG_RELU if relu else 0, prior is not None))
    given = {
        "x": x_memory, "y": y_memory, "bias": bias, "work": _work(lib.mg_matmul_work(product), x.dtype),
        "product": product, "batch": batch,  # which the product points to, and must outlive the call
    }  # fmt: skip
    if prior is not None:
        given["out"] = prior
    return Problem(given, {"out": Want(np.maximum(value, 0) if relu else value, 2 * (k + 2), scale), "work": None})


def _work(size: int, dtype: np.dtype[Any]) -> Numbers | None:
    return np.full(size, np.nan, dtype) if size else None


def _batch(x: Numbers, y: Numbers) -> Any:
    """Where each pair of matrices begins; NULL for one pair."""
    shape = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    if not shape:
        return ffi.NULL
    walk = ffi.new("mg_walk *", {"ndim": len(shape), "shape": shape})
    for i, operand in enumerate((x, y)):
        matrices = np.broadcast_to(operand, (*shape, *operand.shape[-2:]))
        for d in range(len(shape)):
            walk.stride[i][d] = matrices.strides[d] // operand.itemsize
    return walk


def product_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    """`size` rows, `size` columns, and inner products of that length; a few of them, and many."""
    shapes = [(size, 5, 7), (3, size, 5), (3, 4, size), (33, 9, size)]
    for (m, k, n), layouts in pairs_of(shapes, pairs_of(LAYOUTS, LAYOUTS)):
        x, y = rng.uniform(-1, 1, (m, k)).astype(dtype), rng.uniform(-1, 1, (k, n)).astype(dtype)
        bias = rng.uniform(-1, 1, n).astype(dtype) if layouts[0] != "rows" else None
        yield product_problem(x, y, bias, layouts)


#: (m, k, n) that take every way through the kernel: y packed, with k in several blocks, with more panels than are
#: packed at once; inner products along rows and columns; a single column or row; a thin y; many short rows. The first
#: five are so large that threads share them.
SHAPES = (
    (120, 200, 150), (113, 20, 1030), (1100, 17, 129), (30, 270, 300), (300, 270, 30), (17, 1100, 131),
    (700, 300, 1), (1, 300, 700), (200, 130, 16), (64, 400, 10), (5, 2500, 40), (32, 784, 128), (513, 31, 33), (9, 2, 5003),
    (130, 45, 45), (130, 46, 45),
)  # fmt: skip


def shaped_product(
    dtype: np.dtype[Any], shape: tuple[int, int, int], layouts: tuple[str, str], accumulate: bool = False, relu: bool = False
) -> Problem:
    (m, k, n), rng = shape, np.random.default_rng(shape)
    x, y, bias, prior = (rng.uniform(-1, 1, s).astype(dtype) for s in ((m, k), (k, n), (n,), (m, n)))
    given = bias if layouts[1] != "rows" and not accumulate else None
    return product_problem(x, y, given, layouts, prior if accumulate else None, relu)


def large_products(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    """Those of the shapes that threads share, in layouts to be packed, to be read in place, and for inner products."""
    ways = (("columns", "stepped"), ("rows", "rows"), ("stepped", "rows"), ("rows", "columns"), ("rows", "columns"))
    for shape, layouts in zip(SHAPES, ways, strict=False):
        yield shaped_product(dtype, shape, layouts)


# -- a linear layer, backwards ---------------------------------------------------------------------------------------------


def linear_problem(dout: Numbers, x: Numbers, weight: Numbers, layout: str, wanted: tuple[str, ...]) -> Problem:
    """y = x W^T + b: dx = dout W, dW = dout^T x, db = sum of dout over the rows; those that are wanted."""
    (rows, out), (_, inputs) = dout.shape, x.shape
    memory, x_row, x_col = laid_out(x, layout)
    g, wide, w = (a.astype(np.float64) for a in (dout, x, weight))
    wants = {
        "dx": Want(g @ w, 2 * (out + 2), np.abs(g) @ np.abs(w)),
        "dweight": Want(g.T @ wide, 2 * (rows + 2), np.abs(g.T) @ np.abs(wide)),
        "dbias": Want(total(g, 0), SUM, total(np.abs(g), 0)),
    }
    product = ffi.new("mg_product *", (rows, inputs, out, x_row, x_col, 1, inputs, ffi.NULL))
    given = {
        "dout": dout, "x": memory, "weight": weight, "work": _work(lib.mg_linear_bwd_work(product), x.dtype),
        "product": product,
        **{name: None for name in wants if name not in wanted},
    }  # fmt: skip
    return Problem(given, {"work": None, **{name: wants[name] for name in wanted}})


def _linear(dtype: np.dtype[Any], shapes: Any, rng: np.random.Generator) -> Iterator[Problem]:
    wanted = (("dx", "dweight", "dbias"), ("dx",), ("dweight",), ("dbias",), ("dweight", "dbias"))
    for i, (rows, inputs, out) in enumerate(shapes):
        dout, x, weight = (rng.uniform(-1, 1, s).astype(dtype) for s in ((rows, out), (rows, inputs), (out, inputs)))
        for j, names in enumerate(wanted):
            yield linear_problem(dout, x, weight, LAYOUTS[(i + j) % 3], names)


def linear_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    """`size` rows, inputs and outputs."""
    yield from _linear(dtype, [(size, 5, 7), (3, size, 5), (3, 4, size), (33, size, 9)], rng)


def large_linears(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    yield from _linear(dtype, [(300, 200, 230), (4100, 5, 17)], rng)
