"""Tables of vectors, and the lookup of their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, from_array, int64, reshaped, view
from minigrad._indices import Picks
from minigrad._kernels import embedding as kernels
from minigrad._kernels.crossentropy import first_bad_label
from minigrad._kernels.integers import identity
from minigrad._op import defop, public
from minigrad._picks import integers_of
from minigrad._questions import array_of
from minigrad._samples import Draw, Sample
from minigrad.errors import DTypeError, LabelError, ShapeError, message
from minigrad.linalg.distance import check_floats
from minigrad.ops.elementwise import equals, mul, to_dtype
from minigrad.ops.layout import getitem_op

if TYPE_CHECKING:
    from typing import Any

    from minigrad._op import Function


#: Up to how many classes one_hot picks rows of an identity matrix, which is kept: 128 KB of int64.
_FEW = 128


@public("one_hot", "nn.functional")
def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """A new last dimension with 1 at the label and 0 elsewhere; int64. num_classes=-1: the largest label + 1."""
    classes = int(array_of(tensor).max(initial=-1)) + 1 if num_classes == -1 else num_classes
    labels = integers_of("one_hot", tensor, classes, "tensor", lowest=0)
    if 0 <= classes <= _FEW:
        return getitem_op(identity(classes), index=Picks(labels, 0, 1))
    places = view(np.arange(classes), None)
    return to_dtype(equals(reshaped(labels, (*labels.shape, 1)), places), int64)


# -- embedding ---------------------------------------------------------------------------------------------------------

#: The padding_idx of a table that has none.
NO_PADDING = -1


def _scattered(g: Any, index: Any, *, padding_idx: int, rows: int) -> Any:
    out = np.zeros((rows, g.shape[-1]), g.dtype)
    counted = index != padding_idx
    np.add.at(out, index[counted], g[counted])
    return out


def _unpadded(g: Any, padding_idx: int) -> Any:
    """g with 0 in the row that gets no gradient."""
    if padding_idx == NO_PADDING:
        return g
    counts = np.ones((g.shape[0], 1), g.dtype)
    counts[padding_idx] = 0
    return mul(g, from_array(counts))


embedding_bwd: Function = defop(
    "embedding_bwd", "g, input | padding_idx, rows",
    forward=kernels.embedding_bwd,
    shape=lambda *_, **__: None,
    vjp={"g": lambda g, input, padding_idx: embedding_op(_unpadded(g, padding_idx), input, padding_idx=NO_PADDING)},
    nondiff="input",
    integer="input",
    reference=_scattered,
    samples=lambda: [
        Sample(Draw((*s, 3)), Draw(s, 0, 4, kind="int"), padding_idx=p, rows=4)
        for s, p in (((7,), NO_PADDING), ((2, 3), 1), ((0,), NO_PADDING), ((), 2))
    ],
    doc="The gradient of embedding towards its table: row r is the sum of g over the places where the index is r, in their "
    "order; the row padding_idx stays 0.",
)  # fmt: skip

embedding_op: Function = defop(
    "embedding", "weight, input | padding_idx",
    forward=kernels.embedding,
    shape=lambda *_, **__: None,
    vjp={
        "weight": lambda g, input, padding_idx, weight_shape: embedding_bwd(
            g, input, padding_idx=padding_idx, rows=weight_shape[0]
        )
    },
    nondiff="input",
    integer="input",
    reference=lambda weight, input, *, padding_idx: weight[input],
    samples=lambda: [
        Sample(Draw((4, 3)), Draw(s, 0, 4, kind="int"), padding_idx=NO_PADDING) for s in ((7,), (2, 3), (0,), ())
    ],
    doc="The rows of a table that an index names. A row that is named twice gets both gradients.",
)  # fmt: skip


def padding_row(op: str, padding_idx: int | None, rows: int) -> int:
    """The number of the row that gets no gradient, counted from the front; NO_PADDING for None."""
    if padding_idx is None:
        return NO_PADDING
    if isinstance(padding_idx, bool) or not hasattr(padding_idx, "__index__"):
        raise TypeError(message(op, "padding_idx", repr(padding_idx), "None or an int"))
    if not -rows <= padding_idx < rows:
        raise ValueError(message(op, "padding_idx", padding_idx, f"a row in [{-rows}, {rows - 1}]"))
    return int(padding_idx) % rows


def check_plain(op: str, max_norm: float | None, scale_grad_by_freq: bool, sparse: bool) -> None:
    """A ValueError for options of PyTorch that are not supported."""
    if max_norm is not None:
        remedy = "Scale the rows after the step: with no_grad(): weight.mul_(...)."
        raise ValueError(message(op, "max_norm", max_norm, "None: looking a row up does not change it", remedy))
    for argument, given in (("scale_grad_by_freq", scale_grad_by_freq), ("sparse", sparse)):
        if given:
            raise ValueError(message(op, argument, given, "False: gradients are dense, and sums over all places"))


def _indices(given: Any) -> Any:
    """An int64 tensor of tensors, arrays and lists of whole numbers."""
    if isinstance(given, Array):
        if given.dtype is int64:
            return given
    else:
        array = np.asarray(given, None if np.size(given) else np.int64)
        if array.dtype.kind in "iu":
            return from_array(np.asarray(array, np.int64, order="C"))
    kind = given.dtype if hasattr(given, "dtype") else np.asarray(given).dtype
    raise DTypeError(message("embedding", "input", f"dtype {kind}", "int64 indices", "Write input.long()."))


def _check_indices(index: Any, rows: int) -> None:
    """A LabelError for the first index that names no row. What a program checks again before each replay."""
    at = first_bad_label(index, 0, rows) if rows else 0 if index.count else -1  # 0 is a row, and so needs no exception
    if at >= 0:
        place = [int(i) for i in np.unravel_index(at, index.shape)] if index.shape else []
        got = f"index {int(index.array.ravel()[at])} at position {place}"
        expected = f"0 to {rows - 1} (weight has {rows} rows)" if rows else "no index, as weight has no rows"
        raise LabelError(message("embedding", "input", got, expected, "num_embeddings is the largest index plus 1."))


@public("embedding", "nn.functional")
def embedding(
    input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Any:  # fmt: skip
    """The rows of weight (num_embeddings, dim) that input (...) lists: (..., dim). The row padding_idx gets no gradient.
    max_norm must be None, and scale_grad_by_freq and sparse False; norm_type belongs to max_norm. LabelError (an
    IndexError) for an index that is not a row."""
    check_plain("embedding", max_norm, scale_grad_by_freq, sparse)
    check_floats("embedding", weight=weight)
    if len(weight.shape) != 2:
        raise ShapeError(message("embedding", "weight", f"shape {weight.shape}", "(num_embeddings, embedding_dim)"))
    index = _indices(input)
    _check_indices(index, weight.shape[0])
    return embedding_op(weight, index, padding_idx=padding_row("embedding", padding_idx, weight.shape[0]))
