"""Gradients as one vector: pointers to all of them; its norm is an array, they are changed in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._array import Array, empty, float32
from minigrad._C import ffi
from minigrad._kernels.layout import pair

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_norm, _scale, _bound = pair("grads_norm"), pair("grads_scale"), pair("grads_bound")


def _pointers(arrays: Sequence[Array]) -> tuple[bool, Any, Any, int]:
    """Whether these contiguous arrays, all of one type, are float64; their addresses, their sizes, and how many they are."""
    wide = arrays[0].dtype is not float32
    pointers = ffi.new("double *[]" if wide else "float *[]", [x.ptr for x in arrays])
    return wide, pointers, ffi.new("int64_t[]", [x.array.size for x in arrays]), len(arrays)


def norm(arrays: Sequence[Array], p: float) -> Array:
    """(sum |x|^p)^(1/p) over the numbers of all arrays."""
    wide, pointers, sizes, count = _pointers(arrays)
    out = empty((), arrays[0].dtype)
    _norm[wide](out.ptr, pointers, sizes, count, p)
    return out  # type: ignore[no-any-return]


def scale(arrays: Sequence[Array], total: Array, most: float) -> None:
    """Multiplies all arrays by min(1, most / (total + 1e-6)); total has their type."""
    wide, pointers, sizes, count = _pointers(arrays)
    _scale[wide](pointers, total.ptr, sizes, count, most)


def bound(arrays: Sequence[Array], most: float) -> None:
    """Moves every number into [-most, most]."""
    wide, pointers, sizes, count = _pointers(arrays)
    _bound[wide](pointers, sizes, count, most)
