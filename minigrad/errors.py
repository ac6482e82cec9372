"""The kinds of errors, which `except` clauses written for PyTorch and NumPy catch, too.

Every message names the operation, the argument, what it got, what it expected and, if there is one, the remedy; `message`
lays these out the same way everywhere.
"""

from __future__ import annotations


class MinigradError(Exception):
    """The base of all errors that minigrad raises on purpose."""


class ShapeError(MinigradError, RuntimeError, ValueError):
    """Shapes that do not fit each other, or the operation."""


class DTypeError(MinigradError, RuntimeError, TypeError):
    """An element type that the operation does not take."""


class DeviceError(MinigradError, RuntimeError, ValueError):
    """A device other than the CPU."""


class GradError(MinigradError, RuntimeError):
    """A gradient that cannot be computed: nothing was recorded, or it is gone."""


class CaptureError(MinigradError, RuntimeError):
    """A step that jit cannot capture as a program."""


class AnomalyError(MinigradError, RuntimeError):
    """A NaN or an infinity that detect_anomaly has found."""


class AxisError(MinigradError, IndexError, ValueError):
    """A dimension that the tensor does not have."""


class LabelError(MinigradError, IndexError, ValueError):
    """A target that is not a class, or that is NaN or infinite."""


class LinAlgError(MinigradError, RuntimeError, ValueError):
    """A matrix that has no inverse, or no factors of the kind wanted."""


class OutOfMemory(MinigradError, MemoryError, RuntimeError):  # noqa: N818 - what everybody calls it
    """An array larger than the memory that the system provides."""


def message(op: str, argument: str, got: object, expected: object, remedy: str = "") -> str:
    """`add: argument y: got shape (3,), expected ... . Write ...`: one layout for every error."""
    where = f"{op}: argument {argument}" if argument else op
    return f"{where}: got {got}, expected {expected}." + (f" {remedy}" if remedy else "")
