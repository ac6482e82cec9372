"""Tensors of given shape and content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import bool_, canonical, empty as _empty, float32, from_array, int64
from minigrad._tensor import Tensor, _may_require
from minigrad.errors import OutOfMemory, ShapeError, message

if TYPE_CHECKING:
    from typing import Any


def _shape(op: str, given: tuple[Any, ...]) -> tuple[int, ...]:
    """zeros(2, 3) and zeros((2, 3)) mean the same."""
    size = tuple(given[0]) if len(given) == 1 and not hasattr(given[0], "__index__") else given
    if any(not hasattr(n, "__index__") or n < 0 for n in size):
        raise ShapeError(message(op, "size", size, "ints of at least 0"))
    return tuple(int(n) for n in size)


def _filled(op: str, shape: tuple[int, ...], value: Any, dtype: Any, requires_grad: bool) -> Tensor:
    _may_require(dtype, requires_grad, op)
    made = _empty(shape, dtype)
    made.array[...] = value
    made.requires_grad = bool(requires_grad)
    return made  # type: ignore[no-any-return]


def empty(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uninitialised numbers, to be overwritten."""
    real = float32 if dtype is None else canonical(dtype, "empty")
    _may_require(real, requires_grad, "empty")
    made = _empty(_shape("empty", size), real)
    made.requires_grad = bool(requires_grad)
    return made  # type: ignore[no-any-return]


def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros: zeros(2, 3) or zeros((2, 3)); float32 unless dtype says otherwise."""
    return _filled("zeros", _shape("zeros", size), 0, float32 if dtype is None else canonical(dtype, "zeros"), requires_grad)


def ones(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones: ones(2, 3) or ones((2, 3)); float32 unless dtype says otherwise."""
    return _filled("ones", _shape("ones", size), 1, float32 if dtype is None else canonical(dtype, "ones"), requires_grad)


def full(size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """One value everywhere; its kind (bool, int, float) decides the type unless dtype does."""
    natural = bool_ if isinstance(fill_value, bool) else int64 if isinstance(fill_value, int) else float32
    real = natural if dtype is None else canonical(dtype, "full")
    shape = _shape("full", (size,) if hasattr(size, "__index__") else tuple(size))
    return _filled("full", shape, fill_value, real, requires_grad)


def zeros_like(x: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of another tensor's shape and type."""
    return zeros(x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


def ones_like(x: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of another tensor's shape and type."""
    return ones(x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


def full_like(x: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """One value everywhere, in another tensor's shape and type."""
    return full(x.shape, fill_value, dtype=dtype or x.dtype, requires_grad=requires_grad)


def arange(start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """start, start + step, ... below end; arange(n) counts from 0. Ints give int64, floats float32."""
    if end is None:
        start, end = 0, start
    if step == 0 or (end - start) * step < 0:
        raise ValueError(message("arange", "step", step, f"a step that leads from {start} to {end}"))
    natural = float32 if any(isinstance(v, float) for v in (start, end, step)) else int64
    return _from_numpy("arange", lambda: np.arange(start, end, step), natural if dtype is None else canonical(dtype, "arange"), requires_grad)


def linspace(start: float, end: float, steps: int, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """`steps` numbers at equal distances from start to end, both included."""
    real = float32 if dtype is None else canonical(dtype, "linspace")
    return _from_numpy("linspace", lambda: np.linspace(start, end, steps), real, requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """The identity matrix, n x n or n x m."""
    return _from_numpy("eye", lambda: np.eye(n, m), float32 if dtype is None else canonical(dtype, "eye"), requires_grad)


def _from_numpy(op: str, make: Any, dtype: Any, requires_grad: bool) -> Tensor:
    _may_require(dtype, requires_grad, op)
    try:
        made = from_array(make().astype(dtype))
    except MemoryError as error:
        raise OutOfMemory(message(op, "", "more numbers than memory holds", "fewer")) from error
    made.requires_grad = bool(requires_grad)
    return made  # type: ignore[no-any-return]
