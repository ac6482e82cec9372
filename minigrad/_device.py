"""Devices: all tensors are on the CPU. Programs written for PyTorch name devices; the CPU is accepted, and anything else
raises an error that says what to delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._array import Array
from minigrad.errors import DeviceError, message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_CPU = ("cpu", "cpu:0")
_KINDS = {"cpu", "cuda", "gpu", "hip", "hpu", "meta", "mps", "mtia", "tpu", "vulkan", "xla", "xpu"}


class device:  # noqa: N801 - PyTorch's name
    """`minigrad.device("cpu")`, the only device. DeviceError for any other."""

    __slots__ = ()
    type = "cpu"
    index = None

    def __init__(self, type: Any) -> None:
        require_cpu("device", type, "type")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device)

    def __hash__(self) -> int:
        return hash(self.type)

    def __str__(self) -> str:
        return self.type

    def __repr__(self) -> str:
        return "device(type='cpu')"


def require_cpu(op: str, given: Any, argument: str = "device") -> None:
    """Raises DeviceError if a device other than the CPU was given."""
    if not (given is None or isinstance(given, device) or (isinstance(given, str) and given in _CPU)):
        remedy = (
            "minigrad computes on the CPU alone. Delete .cuda(), .to(...) and device=..., or choose with "
            '"cuda" if minigrad.cuda.is_available() else "cpu".'
        )
        raise DeviceError(message(op, argument, f"{given!r}", "'cpu'", remedy))


def wanted_dtype(op: str, wanted: Sequence[Any], dtype: Any, device: Any) -> Any:
    """What the arguments of .to() ask for: an element type, or None. They may be one, a tensor of one, or a device."""
    require_cpu(op, device)
    for one in wanted:
        if _names_a_device(one):
            require_cpu(op, one)
        else:
            dtype = one.dtype if isinstance(one, Array) else one
    return dtype


def _names_a_device(one: Any) -> bool:
    """Whether an argument of .to() means a device; a bare number is one of CUDA's."""
    return isinstance(one, (device, int)) or (isinstance(one, str) and one.partition(":")[0] in _KINDS)


#: Where every tensor is.
CPU = device("cpu")
