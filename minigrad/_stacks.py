"""Tensors brought to one number of dimensions, and joined or laid out side by side: functions made of `ops.shape`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import Array, from_array
from minigrad._op import public
from minigrad.errors import message
from minigrad.ops.layout import expand, reshape_op, transpose, unsqueeze
from minigrad.ops.shape import ALONE, cat

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def _at_least(x: Any, ndim: int) -> Any:
    """Adds dimensions by NumPy's rule: (n,) becomes (1, n) and then (1, n, 1); (m, n) becomes (m, n, 1)."""
    x = x if isinstance(x, Array) else from_array(np.asarray(x))
    while len(x.shape) < ndim:
        x = unsqueeze(x, 0 if len(x.shape) < 2 else 2)
    return x


@public("atleast_1d", ALONE)
def atleast_1d(x: Any) -> Any:
    """x with at least one dimension: a scalar becomes a vector of length 1."""
    return _at_least(x, 1)


@public("atleast_2d", ALONE)
def atleast_2d(x: Any) -> Any:
    """x with at least two dimensions: a vector becomes a row."""
    return _at_least(x, 2)


@public("atleast_3d", ALONE)
def atleast_3d(x: Any) -> Any:
    """x with at least three dimensions: (n,) becomes (1, n, 1), and (m, n) becomes (m, n, 1)."""
    return _at_least(x, 3)


@public("hstack", ALONE)
def hstack(tensors: Sequence[Any]) -> Any:
    """Joins tensors side by side: along the second dimension, or end to end if they are vectors."""
    given = [atleast_1d(x) for x in tensors]
    return cat(given, 0 if not given or len(given[0].shape) == 1 else 1)


@public("vstack row_stack", ALONE)
def vstack(tensors: Sequence[Any]) -> Any:
    """Joins tensors on top of each other, along the first dimension; vectors count as rows."""
    return cat([atleast_2d(x) for x in tensors], 0)


@public("dstack", ALONE)
def dstack(tensors: Sequence[Any]) -> Any:
    """Joins tensors in depth, along the third dimension."""
    return cat([atleast_3d(x) for x in tensors], 2)


@public("column_stack", ALONE)
def column_stack(tensors: Sequence[Any]) -> Any:
    """Joins tensors side by side; vectors count as columns."""
    return hstack([reshape_op(x, shape=(x.count, 1)) if len(x.shape) < 2 else x for x in tensors])


@public("broadcast_tensors", ALONE)
def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """Views of all tensors, expanded to the shape that they broadcast to together."""
    full = shapes.broadcast("broadcast_tensors", *[x.shape for x in tensors])
    return tuple(expand(x, full) for x in tensors)


@public("meshgrid", ALONE)
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """The coordinate grids of some axes, each given as a vector. indexing "ij": dimension i runs along the i-th vector; "xy"
    exchanges the first two, as is usual for images."""
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    if indexing not in ("ij", "xy"):
        raise ValueError(message("meshgrid", "indexing", f"{indexing!r}", "'ij' or 'xy'"))
    full = tuple(x.count for x in given)
    grids = [expand(reshape_op(x, shape=tuple(x.count if d == i else 1 for d in range(len(given)))), full) for i, x in enumerate(given)]
    return tuple(transpose(g, 0, 1) if indexing == "xy" and len(given) > 1 else g for g in grids)
