"""The tensor: an Array with operators. Every method is one call into `ops`: the mathematics is there, history in `_tape`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _array, _hooks, _inplace, _mistakes, _printing, _questions, _tape, _writes
from minigrad._array import Array, alias, bool_, float32, float64, from_array, int64
from minigrad._conversions import Conversions
from minigrad._methods import Methods
from minigrad._promote import number
from minigrad.errors import DTypeError, GradError, ShapeError, message
from minigrad.ops import elementwise, functions, layout, linalg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from minigrad._tape import Node


def _reflected(op: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """For a left operand that is not a tensor: __radd__(y, x) is add(x, y)."""
    return lambda y, x: op(x, y)


class Tensor(Methods, Conversions, Array):
    """An array of numbers of one type, which remembers how it was computed if a gradient is wanted.

    Make one with `minigrad.tensor(...)`. `array` is the NumPy array itself, `grad` the gradient (None until a backward
    pass brings one), `requires_grad` whether gradients are wanted.
    """

    __slots__ = ()

    def __init__(self, data: Any, *_: Any, **__: Any) -> None:
        remedy = "empty(2, 3), or zeros(2, 3)" if isinstance(data, int) else "tensor(data, dtype=..., requires_grad=...)"
        raise TypeError(f"Tensor({type(data).__name__}): write minigrad.{remedy}.")

    # -- what it is ----------------------------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        """How many dimensions."""
        return len(self.shape)

    def dim(self) -> int:
        """How many dimensions."""
        return len(self.shape)

    def numel(self) -> int:
        """How many elements."""
        return self.count

    def nelement(self) -> int:
        """How many elements: another name of numel."""
        return self.count

    @property
    def is_leaf(self) -> bool:
        """Whether it was created rather than computed: only leaves receive .grad."""
        return self.node is None

    @property
    def grad_fn(self) -> Node | None:
        """The tape's node that made it, None for a leaf."""
        return self.node

    @property
    def data(self) -> Tensor:
        """The same memory without history. Assignment replaces the numbers and keeps the history."""
        return alias(self)  # type: ignore[no-any-return]

    @data.setter
    def data(self, new: Tensor) -> None:
        if not isinstance(new, Array):
            remedy = "Wrap it: minigrad.tensor(...)."
            raise DTypeError(message("data", "value", f"a {type(new).__name__}", "a tensor", remedy))
        if new.ptr is self.ptr and new.shape == self.shape:
            return  # x.data += 1 has changed the numbers, and assigns the same memory
        self.array, self.ptr, self.dtype = new.array, new.ptr, new.dtype
        self.shape, self.flat, self.pool, self.family = new.shape, new.flat, new.pool, None
        _writes.note(self, "assigning to .data")

    def item(self) -> Any:
        """The number of a tensor that has one element."""
        if self.count != 1:
            remedy = "Use .tolist(), or reduce it first."
            raise ShapeError(message("item", "", f"a tensor of shape {self.shape}", "one element", remedy))
        return self.array.item()

    def tolist(self) -> Any:
        """Its numbers as nested lists."""
        return self.array.tolist()

    def numpy(self) -> np.ndarray[Any, Any]:
        """A NumPy array of the same memory, not a copy."""
        _without_gradient(self, "numpy", "NumPy", ".numpy(); a list of tensors becomes one by minigrad.stack")
        return self.array.view()  # whose shape and flags are the caller's to change

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        found = self.numpy()
        if dtype is not None and found.dtype != dtype:
            if copy is False:
                got = f"False for dtype {dtype}"
                raise ValueError(message("array", "copy", got, f"the tensor's dtype {self.dtype}"))
            return found.astype(dtype)
        return found.copy() if copy else found

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """np.exp(x), np.add(array, x), array * x: the op, recorded."""
        from minigrad import _numpy

        return _numpy.call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """np.sum(x, axis=0), np.stack([x, y]): the function of that name, recorded."""
        from minigrad import _numpy

        return _numpy.call_function(function, types, args, options)

    def __dlpack__(self, **how: Any) -> Any:
        """Exports the memory to other libraries, by the DLPack protocol (2022.12): torch.from_dlpack(x) calls this."""
        _without_gradient(self, "__dlpack__", "another library", "")
        if not (self.array.flags.writeable or how.get("max_version")):
            expected = "memory of its own, as older versions of the protocol know none that must not be written"
            raise BufferError(message("__dlpack__", "", "a view whose elements share memory", expected, "Pass a clone()."))
        return self.array.__dlpack__(**how)

    def __dlpack_device__(self) -> tuple[int, int]:
        """DLPack's name for the CPU."""
        return self.array.__dlpack_device__()

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a scalar tensor; it has no dimensions.")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.unbind() if len(self) else ())

    def __bool__(self) -> bool:
        if self.count != 1:
            remedy = "For `if`: (x > 0).all() or .any(). For `and`, `or`: (x > 0) & (x < 1), |. By element: minigrad.where."
            raise ValueError(message("bool", "", f"a tensor of shape {self.shape}", "one element", remedy))
        return bool(self.array.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.kind == "f":
            raise TypeError(message("index", "", f"a {self.dtype} tensor", "an integer tensor with one element"))
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if not self.shape or (self.count == 1 and spec) else repr(self)

    def __repr__(self) -> str:
        default = self.dtype is float32 or (self.count and self.dtype in (int64, bool_))
        notes = [] if default else [f"dtype={self.dtype}"]
        if self.node is not None:
            notes.append(f"grad_fn=<{self.node.op.name}>")
        elif self.requires_grad:
            notes.append("requires_grad=True")
        return _printing.text(self.array, notes)

    __hash__ = object.__hash__

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self.node is not None:
            raise GradError("deepcopy: only leaves are copied with their role; of a computed tensor copy x.detach().")
        copy = self._like(_array.duplicate(self.array).array)
        memo[id(self)] = copy
        copy.grad = None if self.grad is None else _array.duplicate(self.grad.array)
        return copy

    def _like(self, array: Any) -> Tensor:
        """A leaf of the same kind with other numbers."""
        made = from_array(array)
        made.requires_grad = self.requires_grad
        return made  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.array, self.requires_grad)

    # -- gradients -----------------------------------------------------------------------------------------------------

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
        inputs: Sequence[Tensor] | Tensor | None = None,
    ) -> None:  # fmt: skip
        """Adds the gradient of this tensor to .grad of every leaf that it was computed from.

        gradient: the cotangent, of this shape; a scalar's is 1. retain_graph: keep what backward needs, for another
        backward. create_graph: record the backward pass itself, so that gradients can be differentiated. inputs: only
        these receive .grad. Gradients add up over calls, since a leaf may be used by several losses: clear them with
        optimizer.zero_grad().
        """
        _tape.backward(self, gradient, retain_graph, create_graph, inputs)

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are wanted. It can be set, for leaves of floats."""
        return self.wants_grad

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self._want(wanted, "requires_grad")

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Sets whether gradients are wanted; for leaves of floats. Returns the tensor."""
        self._want(requires_grad, "requires_grad_")
        return self

    def _want(self, wanted: bool, op: str) -> None:
        _may_require(self.dtype, wanted, op)
        if self.node is not None and not wanted:
            got, remedy = "False for a computed tensor, which always has its history", "detach() gives one without."
            expected = "a leaf: you can only change requires_grad flags of leaf variables"
            raise GradError(message(op, "", got, expected, remedy))
        self.wants_grad, self.received = bool(wanted), getattr(self, "received", None)

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward() has left, None before; of leaves only, unless retain_grad() was called."""
        if self.node is not None and not hasattr(self, "received"):
            _mistakes.no_leaf()
        return getattr(self, "received", None)

    @grad.setter
    def grad(self, new: Tensor | None) -> None:
        self.received = _mistakes.checked_gradient(self, new)

    def detach(self) -> Tensor:
        """The same memory without history."""
        return alias(self)  # type: ignore[no-any-return]

    def detach_(self) -> Tensor:
        """Drops the history: from now on the tensor is a leaf that wants no gradient."""
        if _inplace.is_view(self):
            got, expected = "a view, whose numbers another tensor has, too", "a tensor with memory of its own"
            raise GradError(message("detach_", "", got, expected, "Write x = x.detach()."))
        self.node, self.requires_grad = None, False
        return self

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> _hooks.Handle:
        """Calls hook(gradient) when the gradient of this tensor is known. A tensor that it returns, of the same shape and
        type, replaces the gradient; None keeps it. Returns a handle with remove()."""
        if not callable(hook):
            raise TypeError(message("register_hook", "hook", f"a {type(hook).__name__}", "a function of the gradient"))
        if not self.requires_grad:
            remedy = "Create it with requires_grad=True."
            raise GradError(message("register_hook", "", "a tensor without requires_grad", "one that backward reaches", remedy))
        if self.node is None:
            return _hooks.Handle(_hooks.hooks_of_leaf(self), hook)
        if self.node.hooks is None:
            self.node.hooks = {}
        handle = _hooks.Handle(self.node.hooks, hook)
        _hooks.retain_last(self.node.hooks)
        return handle

    def retain_grad(self) -> None:
        """Keeps the gradient of a computed tensor in .grad, as for leaves: after its hooks, and after in-place writes that of
        the new value."""
        if not self.requires_grad:
            raise GradError(message("retain_grad", "", "a tensor without requires_grad", "one that backward reaches"))
        self.received = getattr(self, "received", None)
        hooks = {} if self.node is None else self.node.hooks or {}
        if self.node is not None and not any(isinstance(h, _hooks.Retained) and h.tensor() is self for h in hooks.values()):
            self.register_hook(_hooks.Retained(self))

    def new_tensor(self, data: Any) -> Tensor:
        """Data as a tensor of this type."""
        return from_array(np.array(data, self.dtype))  # type: ignore[no-any-return]

    # -- in place: see _inplace -----------------------------------------------------------------------------------------

    __iadd__, __isub__ = _inplace.updating("+=", elementwise.add), _inplace.updating("-=", elementwise.sub)
    __imul__, __itruediv__ = _inplace.updating("*=", elementwise.mul), _inplace.updating("/=", elementwise.div)

    def add_(self, y: Any, *, alpha: float = 1) -> Tensor:
        """add, written into the tensor itself: x + alpha y. `p.add_(p.grad, alpha=-lr)` is a step of gradient descent."""
        return super().add_(y if alpha == 1 else y * alpha)

    def sub_(self, y: Any, *, alpha: float = 1) -> Tensor:
        """sub, written into the tensor itself: x - alpha y."""
        return super().sub_(y if alpha == 1 else y * alpha)

    def zero_(self) -> Tensor:
        """Sets every element to 0."""
        return _inplace.assign_all(self, "zero_", False)  # type: ignore[no-any-return]

    def fill_(self, value: float) -> Tensor:
        """Sets every element to a value."""
        return _inplace.assign_all(self, "fill_", value)  # type: ignore[no-any-return]

    def copy_(self, source: Any) -> Tensor:
        """Copies another tensor's numbers into this one, broadcast; recorded, so the other receives this one's gradient."""
        return _inplace.assign_all(self, "copy_", source)  # type: ignore[no-any-return]

    def __setitem__(self, index: Any, value: Any) -> None:
        _inplace.put(self, index, value)

    # -- operators: most are the ops themselves, __add__(x, y) being add(x, y) --------------------------------------------

    __add__, __radd__ = elementwise.add, _reflected(elementwise.add)
    __sub__, __rsub__ = elementwise.sub, _reflected(elementwise.sub)
    __mul__, __rmul__ = elementwise.mul, _reflected(elementwise.mul)
    __truediv__, __rtruediv__ = elementwise.div, _reflected(elementwise.div)
    __floordiv__, __rfloordiv__ = functions.floor_divide, _reflected(functions.floor_divide)
    __mod__, __rmod__ = functions.remainder, _reflected(functions.remainder)
    __pow__, __rpow__ = elementwise.power, _reflected(elementwise.power)
    __matmul__, __rmatmul__ = linalg.matmul, _reflected(linalg.matmul)
    __neg__, __abs__ = elementwise.neg, elementwise.abs
    __lt__, __le__, __gt__, __ge__ = elementwise.less, elementwise.less_equal, elementwise.greater, elementwise.greater_equal
    __getitem__ = layout.getitem

    def __pos__(self) -> Tensor:
        return self

    def __eq__(self, other: object) -> Any:
        return elementwise.equals(self, other) if isinstance(other, _NUMBERS) else NotImplemented

    def __ne__(self, other: object) -> Any:
        return elementwise.not_equal(self, other) if isinstance(other, _NUMBERS) else NotImplemented

    __and__, __rand__ = _questions.bitwise_and, _questions.bitwise_and
    __or__, __ror__ = _questions.bitwise_or, _questions.bitwise_or
    __xor__, __rxor__ = _questions.bitwise_xor, _questions.bitwise_xor
    __invert__ = _questions.bitwise_not

    # -- shape ---------------------------------------------------------------------------------------------------------

    @property
    def T(self) -> Any:  # noqa: N802 - NumPy's name
        """A view with the dimensions in reverse order: the transpose of a matrix."""
        return layout.reverse_dims(self)

    @property
    def mT(self) -> Any:  # noqa: N802 - NumPy's name
        """A view with the last two dimensions exchanged."""
        return layout.matrix_transpose(self)

    def t(self) -> Any:
        """The transpose of a matrix."""
        return layout.reverse_dims(self)

    def view(self, *shape: Any) -> Any:
        """The same numbers in another shape; here the same as reshape."""
        return layout.reshape(self, *shape)


#: What == compares numbers with; anything else is simply not equal.
_NUMBERS = (Array, np.ndarray, np.generic, int, float, list, tuple)


def is_tensor(obj: Any) -> bool:
    """Whether obj is a tensor: the same as isinstance(obj, Tensor)."""
    return isinstance(obj, Tensor)


def _may_require(dtype: Any, requires_grad: bool, op: str) -> None:
    if requires_grad and dtype.kind != "f":
        remedy = "Integers have no infinitesimal neighbours: write 1.0 instead of 1, or dtype=minigrad.float32."
        raise DTypeError(message(op, "requires_grad", f"True for dtype {dtype}", "floats", remedy))


def _without_gradient(x: Tensor, op: str, who: str, call: str) -> None:
    """Refuses to hand the memory of a tensor that wants a gradient to a library that would not record what it does."""
    if x.requires_grad:
        got, expected = "a tensor that requires a gradient", f"one without, as {who} would not follow it"
        raise GradError(message(op, "", got, expected, f"Write tensor.detach(){call}."))


def _restore(array: Any, requires_grad: bool) -> Tensor:
    made = from_array(array)
    made.requires_grad = requires_grad
    return made  # type: ignore[no-any-return]


_array.results_are(Tensor)
_ONES = {d: number(1.0, d) for d in (float32, float64)}
_tape.tools.add, _tape.tools.sum_to, _tape.tools.cast = elementwise.add, layout.sum_to, elementwise.to_dtype
_tape.tools.identity, _tape.tools.clone, _tape.tools.one = elementwise.identity, elementwise.clone, _ONES
