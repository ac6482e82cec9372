"""Functions without a derivative, nearly all computed by NumPy: bit patterns, comparisons, positions and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import Array, bool_, from_array
from minigrad._op import composed, public
from minigrad._samples import Draw, Sample, binary
from minigrad.errors import DTypeError, ShapeError, message
from minigrad.ops.elementwise import logical_and, logical_not, logical_or, logical_xor, to_dtype
from minigrad.ops.layout import reshape_op
from minigrad.ops.reduce import sum_op

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minigrad._op import Function


def array_of(x: Any) -> Any:
    """A tensor's numbers, or what NumPy makes of numbers."""
    return x.array if isinstance(x, Array) else np.asarray(x)


# -- bits, and sameness ------------------------------------------------------------------------------------------------------


def _are_bools(x: Any) -> bool:
    return x.dtype is bool_ if isinstance(x, Array) else isinstance(x, bool)


def _bits(name: str, function: Function, doc: str) -> Callable[..., Any]:
    logical = {"bitwise_and": logical_and, "bitwise_or": logical_or, "bitwise_xor": logical_xor}[name]

    def bitwise(x: Any, y: Any) -> Any:
        if _are_bools(x) and _are_bools(y):
            return logical(x, y)
        arrays = [np.asarray(array_of(v)) for v in (x, y)]
        for argument, array in zip("xy", arrays):
            if array.dtype.kind not in "bi":
                remedy = "Convert: x.long(), or x.bool()."
                raise DTypeError(message(name, argument, f"dtype {array.dtype}", "ints or bools", remedy))
        shapes.broadcast(name, *[array.shape for array in arrays])
        return from_array(function(*arrays))

    bitwise.__name__, bitwise.__doc__ = name, doc
    draws = [Sample(Draw(s, -9, 9, kind="int"), Draw(t, -9, 9, kind="int")) for s, t in (((), ()), ((5,), (2, 1)), ((0,), ()))]
    return composed(function, lambda: draws)(bitwise)


bitwise_and = _bits("bitwise_and", np.bitwise_and, "Each bit 1 where both are; of bools, logical and.")
bitwise_or = _bits("bitwise_or", np.bitwise_or, "Each bit 1 where one is; of bools, logical or.")
bitwise_xor = _bits("bitwise_xor", np.bitwise_xor, "Each bit 1 where exactly one is; of bools, logical xor.")


@composed(np.bitwise_not, lambda: [Sample(Draw((5,), -9, 9, kind="int"))])
def bitwise_not(x: Any) -> Any:
    """Every bit inverted; for bools, logical not."""
    return logical_not(x) if x.dtype is bool_ else bitwise_xor(x, -1)


@composed(lambda x, y, **k: np.isclose(x, y, **k), binary(rtol=1e-5, atol=1e-8, equal_nan=False))
def isclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether |x - y| <= atol + rtol |y|, elementwise."""
    shapes.broadcast("isclose", np.shape(array_of(x)), np.shape(array_of(y)))
    return from_array(np.asarray(np.isclose(array_of(x), array_of(y), rtol, atol, equal_nan)))


@public("allclose")
def allclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether isclose holds everywhere."""
    return bool(np.all(isclose(x, y, rtol, atol, equal_nan).array))


@public("equal")
def equal(x: Any, y: Any) -> bool:
    """Whether both have one shape and the same numbers, as a bool. (eq compares elementwise.)"""
    return bool(np.array_equal(array_of(x), array_of(y)))


# -- positions and counts -----------------------------------------------------------------------------------------------------


@public("nonzero argwhere")
def nonzero(x: Any, *, as_tuple: bool = False) -> Any:
    """The indices of the nonzero elements, one per row; as_tuple: one tensor per dimension, as in NumPy."""
    array = array_of(x)
    return tuple(map(from_array, np.nonzero(np.atleast_1d(array)))) if as_tuple else from_array(np.argwhere(array))


@public("unique")
def unique(x: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
    """The sorted distinct elements, or slices of a dimension; optionally with the index of each element's among them, and
    with their counts."""
    options: Any = {"return_inverse": return_inverse, "return_counts": return_counts, "axis": dim}
    found = np.unique(array_of(x), **options)
    if not (return_inverse or return_counts):
        return from_array(found)
    parts = [from_array(np.asarray(part)) for part in found]
    if return_inverse and dim is None:
        parts[1] = reshape_op(parts[1], shape=np.shape(array_of(x)))
    return tuple(parts)


@public("isin", "minigrad")
def isin(elements: Any, test_elements: Any, *, invert: bool = False) -> Any:
    """Whether each element is one of the others."""
    return from_array(np.isin(array_of(elements), array_of(test_elements), invert=invert))


@public("searchsorted", "minigrad")
def searchsorted(sorted_sequence: Any, values: Any, *, right: bool = False) -> Any:
    """The index at which each value would be inserted to keep the order: before equal elements, or after them if right."""
    order, wanted = array_of(sorted_sequence), array_of(values)
    if order.ndim != 1 and (order.ndim == 0 or order.shape[:-1] != wanted.shape[:-1]):
        expected = f"one row, or a row for each of the values' {wanted.shape}"
        raise ShapeError(message("searchsorted", "sorted_sequence", f"shape {order.shape}", expected))
    if order.ndim == 1:
        return from_array(np.asarray(np.searchsorted(order, wanted, "right" if right else "left")))
    rows = zip(order.reshape(-1, order.shape[-1]), wanted.reshape(-1, wanted.shape[-1]))
    found = [np.searchsorted(a, v, "right" if right else "left") for a, v in rows]
    return from_array(np.reshape(found, wanted.shape))


@public("bucketize", "minigrad")
def bucketize(input: Any, boundaries: Any, *, right: bool = False) -> Any:
    """The interval in which each number lies. Intervals contain their right ends, or their left ends if right."""
    return searchsorted(boundaries, input, right=right)


@public("bincount")
def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each of 0, 1, ... occurs, or the sum of the weights there."""
    array = array_of(x)
    if array.dtype.kind not in "iu":
        raise DTypeError(message("bincount", "input", f"dtype {array.dtype}", "ints", "Convert: x.long()."))
    if array.ndim != 1 or array.min(initial=0) < 0:
        raise ShapeError(message("bincount", "input", f"shape {array.shape} from {array.min(initial=0)} on", "a vector of numbers of at least 0"))
    if weights is not None and array_of(weights).shape != array.shape:
        raise ShapeError(message("bincount", "weights", f"shape {array_of(weights).shape}", f"the input's shape {array.shape}"))
    return from_array(np.bincount(array, None if weights is None else array_of(weights), minlength))


@composed(
    lambda x, *, dim, keepdim: np.count_nonzero(x, axis=dim, keepdims=keepdim),
    lambda: [Sample(Draw((2, 3), 0, 2, kind="int"), dim=d, keepdim=k) for d, k in (((1,), False), (None, True))],
)
def count_nonzero(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """How many are not 0."""
    return sum_op(to_dtype(x, bool_), dim=shapes.axes("count_nonzero", dim, len(x.shape)), keepdim=keepdim)
