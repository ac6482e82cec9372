"""What programs written for PyTorch set before they begin, and the numbers and types that they name. There is one choice of
each setting here; another is an error that says what to write instead."""

from __future__ import annotations

from math import e, inf, nan, pi
from typing import TYPE_CHECKING

import numpy as np
from numpy import finfo, iinfo

from minigrad._array import float32
from minigrad._device import require_cpu
from minigrad.errors import DTypeError, message

if TYPE_CHECKING:
    from typing import Any

#: x[:, newaxis] inserts a dimension.
newaxis = None
#: What the shape of a tensor is, and its element type.
Size, dtype = tuple, np.dtype

__all__ = [
    "Size", "dtype", "e", "finfo", "get_default_dtype", "iinfo", "inf", "nan", "newaxis", "pi", "set_default_device",
    "set_default_dtype", "use_deterministic_algorithms",
]  # fmt: skip


def get_default_dtype() -> np.dtype[Any]:
    """What Python's floats become: float32."""
    return float32


def set_default_dtype(d: Any) -> None:
    """Takes float32, which it is already. DTypeError for another type."""
    if d is not float32:
        remedy = "Write dtype=minigrad.float64 where tensors are made, and model.double()."
        raise DTypeError(message("set_default_dtype", "d", str(d), "float32", remedy))


def set_default_device(device: Any) -> None:
    """Takes the CPU, where everything is. DeviceError for another."""
    require_cpu("set_default_device", device)


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Changes nothing: every result is the same each time, for any number of threads, whatever the mode."""
