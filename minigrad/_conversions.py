"""What every array library offers besides mathematics: conversion, and new tensors of the same type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad import _device, _inplace
from minigrad._absent import OF_TENSORS, Elsewhere
from minigrad._array import Array, bool_, float32, float64, int64
from minigrad._device import require_cpu, wanted_dtype
from minigrad.ops import elementwise

if TYPE_CHECKING:
    from builtins import bool as Bool  # noqa: N812 - `bool` is a method here, and `int`
    from builtins import int as Int  # noqa: N812
    from typing import Any


class Conversions(Array):
    """The part of Tensor that needs no derivatives of its own."""

    __slots__ = ()

    # -- tensors of the same kind -----------------------------------------------------------------------------------------------

    def new_empty(
        self, *size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None
    ) -> Any:
        """Uninitialised numbers of this type, to be overwritten: new_empty(2, 3) or new_empty((2, 3))."""
        from minigrad._create import new

        return new("new_empty", self, size, None, dtype, requires_grad, device)

    def new_zeros(
        self, *size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None
    ) -> Any:
        """Zeros of this type: new_zeros(2, 3) or new_zeros((2, 3))."""
        from minigrad._create import new

        return new("new_zeros", self, size, 0, dtype, requires_grad, device)

    def new_ones(
        self, *size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None
    ) -> Any:
        """Ones of this type: new_ones(2, 3) or new_ones((2, 3))."""
        from minigrad._create import new

        return new("new_ones", self, size, 1, dtype, requires_grad, device)

    def new_full(
        self, size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None
    ) -> Any:
        """One value everywhere, of this type: new_full((2, 3), 1.5)."""
        from minigrad._create import new

        return new("new_full", self, (size,), fill_value, dtype, requires_grad, device)

    # -- drawn in place -----------------------------------------------------------------------------------------------------------

    def uniform_(self, from_: Any = 0.0, to: Any = 1.0, *, generator: Any = None) -> Any:
        """Sets every element to a number from [from_, to), uniformly."""
        return _inplace.uniform(self, from_, to, generator)

    def normal_(self, mean: Any = 0.0, std: Any = 1.0, *, generator: Any = None) -> Any:
        """Sets every element to a normally distributed number."""
        return _inplace.normal(self, mean, std, generator)

    def bernoulli_(self, p: Any = 0.5, *, generator: Any = None) -> Any:
        """Sets every element to 1 with probability p, a number or a tensor that broadcasts, else to 0."""
        return _inplace.bernoulli(self, p, generator)

    # -- other memory ----------------------------------------------------------------------------------------------------

    def contiguous(self) -> Any:
        """The tensor itself if its numbers lie in memory in the order of its indices, else a copy in which they do."""
        return self if self.flat else elementwise.clone(self)

    def is_contiguous(self) -> Bool:
        """Whether its numbers lie in memory in the order of its indices."""
        return self.flat

    # -- other types ---------------------------------------------------------------------------------------------------

    def to(self, *wanted: Any, dtype: Any = None, device: Any = None, non_blocking: Any = False) -> Any:
        """Converts to another element type, or to that of another tensor. A device may be named if it is the CPU, where
        non_blocking has no effect; DeviceError for any other."""
        dtype = wanted_dtype("to", wanted, dtype, device)
        return self if dtype is None else elementwise.to_dtype(self, dtype)

    def float(self) -> Any:
        """Converts to float32."""
        return elementwise.to_dtype(self, float32)

    def double(self) -> Any:
        """Converts to float64."""
        return elementwise.to_dtype(self, float64)

    def long(self) -> Any:
        """Converts to int64, truncating."""
        return elementwise.to_dtype(self, int64)

    def bool(self) -> Any:
        """Whether each element is not 0."""
        return elementwise.to_dtype(self, bool_)

    def int(self) -> Any:
        """Converts to int64, truncating; the same as long(), since there is one type of integers."""
        return elementwise.to_dtype(self, int64)

    def type(self, dtype: Any = None) -> Any:
        """Converts to another element type, the same as to(dtype). Without one, the name of its own: "float32"."""
        return str(self.dtype) if dtype is None else elementwise.to_dtype(self, dtype)

    def type_as(self, other: Any) -> Any:
        """Converts to the element type of another tensor."""
        return elementwise.to_dtype(self, other.dtype)

    def is_floating_point(self) -> Bool:
        """Whether it is float32 or float64."""
        return self.dtype.kind == "f"

    # -- where its numbers lie -----------------------------------------------------------------------------------------------------

    def element_size(self) -> Int:
        """Bytes of one element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> Int:
        """Bytes of all elements."""
        return self.count * self.dtype.itemsize

    def stride(self, dim: Int | None = None) -> Any:
        """How many elements lie between neighbours in memory, along each dimension or one."""
        steps = tuple(step // self.dtype.itemsize for step in self.array.strides)
        return steps if dim is None else steps[dim]

    def cpu(self) -> Any:
        """Returns the tensor itself: everything is on the CPU."""
        return self

    def cuda(self, device: Any = None, non_blocking: Any = False) -> Any:
        """DeviceError: everything is on the CPU."""
        require_cpu("cuda", "cuda" if device is None else device)
        return self

    @property
    def is_cuda(self) -> Bool:
        """False: everything is on the CPU."""
        return False

    @property
    def device(self) -> Any:
        """The device of the tensor: minigrad.device("cpu")."""
        return _device.CPU


for _name, _instead in OF_TENSORS.items():
    setattr(Conversions, _name, Elsewhere(_name, _instead))
