"""The slow path of an op, for inputs that are not tensors of one float type: numbers, lists, mixed types, integers."""

from __future__ import annotations

from math import copysign
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _backend
from minigrad import _shapes as shapes
from minigrad._array import Array, bool_, float32, float64, from_array, int64, pool_of
from minigrad._kernels.integers import by_name
from minigrad._tape import tools
from minigrad.errors import DTypeError, message

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minigrad._op import Op

_RANK = {bool_: 0, int64: 1, float32: 2, float64: 3}
_FLOATS, _NUMBERS = (float32, float64), (float, int)
#: Ops that convert nothing, by name, and what raises where the inputs differ in type.
strict: dict[str, Callable[..., None]] = {}


def slow(op: Op, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Converts the inputs to one element type and calls the op. Integers, which have no gradient, go to kernels of their own,
    or to the reference."""
    if len(inputs) == 2 and not op.integer:  # first what is frequent: x * 2 and 1 - x, of floats
        x, y = inputs
        if type(y) in _NUMBERS and isinstance(x, Array) and x.dtype.kind == "f":
            return op.call(x, number(y, x.dtype), **keywords)
        if type(x) in _NUMBERS and isinstance(y, Array) and y.dtype.kind == "f":
            return op.call(number(x, y.dtype), y, **keywords)
    if op.name in strict:
        strict[op.name](*inputs)
    dtype = None
    if len(inputs) == 1:
        dtype = inputs[0].dtype if isinstance(inputs[0], Array) else None
    elif op.inputs[:-2] == op.integer and (len(inputs) == 2 or isinstance(inputs[0], Array)):
        x, y, dtype = _alike(*inputs[-2:])
        inputs = (*inputs[:-2], x, y)
    if dtype is None or (op.kind == "float" and dtype.kind != "f"):
        inputs, dtype = _converted(op, inputs)
    if dtype.kind == "f":
        return op.call(*inputs, **keywords)
    return _of_integers(op, inputs, dtype, keywords)


#: The numbers that a tensor of some type takes to its own.
_TAKEN = {float32: (float, int), float64: (float, int), int64: (int,), bool_: (bool,)}


def _alike(x: Any, y: Any) -> tuple[Any, Any, Any]:
    """Two operands and their type, if both are Arrays of one type, or one is and the other is a number that takes its type,
    of which this makes an array; else with None."""
    if isinstance(x, Array):
        if isinstance(y, Array):
            return x, y, x.dtype if x.dtype is y.dtype else None
        if type(y) in _TAKEN[x.dtype]:
            return x, number(y, x.dtype), x.dtype
    elif isinstance(y, Array) and type(x) in _TAKEN[y.dtype]:
        return number(x, y.dtype), y, y.dtype
    return x, y, None


def _converted(op: Op, inputs: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
    """The inputs as Arrays of one type, except for those that keep their own; and that type."""
    if len(inputs) != len(op.inputs):
        raise TypeError(f"{op.name}() takes {len(op.inputs)} inputs ({', '.join(op.inputs)}), got {len(inputs)}.")
    ready = [_accept(op, name, x) for name, x in zip(op.inputs, inputs, strict=True)]
    real = [i for i, name in enumerate(op.inputs) if name not in op.integer and ready[i] is not None]
    dtype = _common(op, [ready[i] for i in real])
    for i in real:
        ready[i] = _as(ready[i], dtype)
    return tuple(ready), dtype


def _of_integers(op: Op, inputs: tuple[Any, ...], dtype: Any, keywords: dict[str, Any]) -> Any:
    """The op, of integers or bools."""
    if op.shape is shapes.broadcast and len(inputs) == 2:
        x, y = inputs[0].shape, inputs[1].shape
        if x and y and x != y:
            op.shape(op.name, x, y)
    elif op.shape is not shapes.same:
        op.shape(op.name, *[None if x is None else x.shape for x in inputs], **keywords)
    if op.kind == "moved":
        return op.run(*inputs, **keywords)
    kernel = by_name.get(op.name) if _backend.backend_name == "c" else None
    try:
        if kernel is not None:
            return kernel(*inputs, **keywords)
        return from_array(np.asarray(op.reference(*[None if x is None else x.array for x in inputs], **keywords)))
    except (TypeError, ValueError) as error:
        if keywords:  # an index or a shape may be to blame: the caller knows
            raise
        remedy = f"NumPy says: {error} Convert: x.float()."
        raise DTypeError(message(op.name, "", f"dtype {dtype}", "numbers that it is defined for", remedy)) from error


def _accept(op: Op, name: str, x: Any) -> Any:
    """Arrays and lists become Arrays; plain numbers stay, because they must not decide the type."""
    if (x is None and name in op.optional) or isinstance(x, (Array, bool, int, float)):
        return from_array(np.asarray(x)) if name in op.integer and x is not None and not isinstance(x, Array) else x
    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, np.ndarray):
        return from_array(x, op.name)
    if isinstance(x, (list, tuple)):
        array = np.asarray(x)
        return from_array(array.astype(np.float32) if array.dtype == np.float64 else array, op.name)
    raise DTypeError(message(op.name, name, f"a {type(x).__name__}", "a tensor, an array or a number"))


def _common(op: Op, operands: list[Any]) -> Any:
    """PyTorch's promotion: the kind of number decides (bool, int, float), then arrays before scalars, then the width."""
    best = (-1, False, 0)
    for x in operands:
        if isinstance(x, Array):
            best = max(best, (min(_RANK[x.dtype], 2), bool(x.shape), _RANK[x.dtype]))
        else:
            best = max(best, (0 if isinstance(x, bool) else 1 if isinstance(x, int) else 2, False, 0))
    if best[0] == 2 or op.kind == "float":
        return float64 if best[2] == 3 else float32
    return int64 if best[0] == 1 else bool_


def _as(x: Any, dtype: Any) -> Any:
    """x as an array of this type; recorded where both types have gradients."""
    if not isinstance(x, Array):
        return number(x, dtype)
    if x.dtype is dtype:
        return x
    return tools.cast(x, dtype)


#: Numbers that were combined with a tensor, as arrays: x * 2.0 in a loop converts 2.0 only once.
_numbers: dict[tuple[Any, float, float], Any] = {}


def number(value: Any, dtype: Any) -> Any:
    """A number as an array of this type, of which there is one for each of a few."""
    try:
        key = (dtype, value, copysign(1.0, value))  # 0.0 and -0.0 are equal, but not the same
        found = _numbers.get(key)
        if found is None:
            if len(_numbers) >= 256:
                _numbers.clear()
            array = np.asarray(value, dtype)
            array.flags.writeable = False  # it is everyone's
            found = _numbers[key] = from_array(array)
            found.pool = pool_of((), dtype)  # as memory from there looks the same, plans for it serve
    except OverflowError as error:
        remedy = "Convert the tensor first: x.double() goes up to 1.8e308."
        raise DTypeError(message("arithmetic", "number", value, f"one that {dtype} holds", remedy)) from error
    return found
