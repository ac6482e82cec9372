"""Creating tensors, from existing data or of a given shape and content."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _array, _mistakes
from minigrad._array import Array, bool_, canonical, float32, float64, from_array, int64
from minigrad._device import require_cpu
from minigrad._kernels import layout
from minigrad._shapes import lengths
from minigrad._tensor import Tensor, _may_require
from minigrad.errors import DeviceError, DTypeError, GradError, OutOfMemory, ShapeError, message
from minigrad.ops import elementwise

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_LARGEST = np.iinfo(np.int64).max


# -- of data -----------------------------------------------------------------------------------------------------------


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A new tensor with a copy of data: numbers, nested lists, a NumPy array, another tensor.

    Python floats become float32, ints int64, bools bool; an array keeps its type.
    """
    require_cpu("tensor", device)
    made = _copied(data, dtype) if isinstance(data, Array) else _read(data, dtype)
    _may_require(made.dtype, requires_grad, "tensor")
    made.requires_grad = bool(requires_grad)
    return made  # type: ignore[no-any-return]


def _copied(data: Array, dtype: Any) -> Any:
    """A tensor's numbers in memory of their own."""
    if dtype is not None and canonical(dtype) is not data.dtype:
        return elementwise.to_dtype(_array.alias(data), canonical(dtype))
    if data.dtype.kind == "f":
        return layout.copy(data)
    layout.by_host("tensor")
    return _array.duplicate(data.array)


def _read(data: Any, dtype: Any) -> Any:
    """Numbers from Python or NumPy as a new array."""
    if isinstance(data, (list, tuple)) and any(isinstance(x, Tensor) for x in data):
        if any(isinstance(x, Tensor) and x.requires_grad for x in data):
            _mistakes.warn(
                "tensor: argument data: got tensors that require gradients, of which the numbers alone are copied. "
                "minigrad.stack([x, y]) keeps their history; [x.item(), y.item()] says that numbers are meant."
            )
        data = [x.tolist() if isinstance(x, Tensor) else x for x in data]
    try:
        found = np.asarray(data)
    except ValueError as error:
        got, remedy = "nested lists of different lengths", "Make every row the same length."
        raise ShapeError(message("tensor", "data", got, "a rectangular shape", remedy)) from error
    if found.dtype.kind not in "fiub":
        got = f"a {type(data).__name__} of dtype {found.dtype}"
        raise DTypeError(message("tensor", "data", got, "numbers, lists of numbers, an array or a tensor"))
    if dtype is not None:
        found = found.astype(canonical(dtype))
    elif found.dtype == np.float64 and not isinstance(data, (np.ndarray, np.float64)):
        found = found.astype(np.float32)
    if isinstance(data, np.ndarray):
        layout.by_host("tensor")
    return layout.literal(from_array(found))


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor of data, which shares its memory if data is a tensor or an array of the right type."""
    require_cpu("as_tensor", device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    made = from_array(data) if isinstance(data, np.ndarray) else tensor(data)
    return made if dtype is None else elementwise.to_dtype(made, dtype)


def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """A tensor on the memory of a NumPy array."""
    if not isinstance(array, np.ndarray):
        remedy = "minigrad.tensor takes lists."
        raise DTypeError(message("from_numpy", "array", f"a {type(array).__name__}", "a NumPy array", remedy))
    return from_array(array)  # type: ignore[no-any-return]


#: What DLPack calls the CPU.
_CPU = 1


def from_dlpack(x: Any) -> Tensor:
    """A tensor on the memory of another library's array, for example PyTorch's, by the DLPack protocol.

    The array must be on the CPU, of one of our types, and writable; else DeviceError, DTypeError or ValueError say what to do.
    """
    if not (hasattr(x, "__dlpack__") and hasattr(x, "__dlpack_device__")):
        expected, remedy = "an array with __dlpack__, as PyTorch, JAX and NumPy have them", "minigrad.tensor takes lists."
        raise TypeError(message("from_dlpack", "x", f"a {type(x).__name__}", expected, remedy))
    if getattr(x, "requires_grad", False):
        got, expected = "a tensor that requires a gradient", "one without, as its history stays where it is"
        raise GradError(message("from_dlpack", "x", got, expected, "Write x.detach()."))
    kind = int(x.__dlpack_device__()[0])
    if kind != _CPU:
        remedy = "Copy it there first: x.cpu()."
        raise DeviceError(message("from_dlpack", "x", f"memory of DLPack's device type {kind}", "the CPU's, type 1", remedy))
    copied = "copy it: minigrad.tensor(np.asarray(x))."
    try:
        array = np.from_dlpack(x)
    except (BufferError, RuntimeError) as error:
        expected, remedy = "a dense array of a type that NumPy has", f"Convert it first, or {copied}"
        raise DTypeError(message("from_dlpack", "x", f"what is not passed on ({error})", expected, remedy)) from error
    if array.dtype not in (float32, float64, int64, bool_):
        expected, remedy = "float32, float64, int64 or bool, as memory is shared", f"Convert it first, or {copied}"
        raise DTypeError(message("from_dlpack", "x", f"dtype {array.dtype}", expected, remedy))
    if not array.flags.writeable:
        expected = "memory that may be written, as tensors are in place"
        older = " NumPy before 2.1 takes all memory for read-only." if np.lib.NumpyVersion(np.__version__) < "2.1.0" else ""
        raise ValueError(message("from_dlpack", "x", "read-only memory", expected, f"C{copied[1:]}{older}"))
    return from_array(array)  # type: ignore[no-any-return]


# -- of a shape --------------------------------------------------------------------------------------------------------


def _shape(op: str, *given: Any) -> tuple[int, ...]:
    """zeros(2, 3) and zeros((2, 3)) mean the same."""
    size = lengths(op, "size", given)
    if size and min(size) < 0:
        raise ShapeError(message(op, "size", size, "lengths of at least 0"))
    return size


def _made(op: str, shape: tuple[int, ...], dtype: Any, requires_grad: bool, device: Any) -> Any:
    """An uninitialised tensor."""
    if device is not None:
        require_cpu(op, device)
    if requires_grad:
        _may_require(dtype, True, op)
    made = _array.empty(shape, dtype, op)
    if requires_grad:
        made.requires_grad = True
    return made


def _filled(op: str, shape: tuple[int, ...], value: float, dtype: Any, requires_grad: bool, device: Any) -> Tensor:
    made = _made(op, shape, dtype, requires_grad, device)
    layout.fill(made, value)
    return made  # type: ignore[no-any-return]


def _dtype(op: str, given: Any, natural: Any = float32) -> Any:
    return natural if given is None else canonical(given, op)


def empty(*size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Uninitialised numbers, to be overwritten."""
    return _made("empty", _shape("empty", *size), _dtype("empty", dtype), requires_grad, device)  # type: ignore[no-any-return]


def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Zeros of a shape, given as 2, 3 or as (2, 3); float32 by default."""
    return _filled("zeros", _shape("zeros", *size), 0, _dtype("zeros", dtype), requires_grad, device)


def ones(*size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Ones of a shape, given as 2, 3 or as (2, 3); float32 by default."""
    return _filled("ones", _shape("ones", *size), 1, _dtype("ones", dtype), requires_grad, device)


def full(size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """One value everywhere, of the type dtype or, by default, of the value's kind: bool, int64 or float32."""
    return _full("full", size, fill_value, dtype, requires_grad, device)


def _full(op: str, size: Any, fill_value: Any, dtype: Any, requires_grad: bool, device: Any) -> Tensor:
    value, natural = _number(op, fill_value)
    real = natural if dtype is None else canonical(dtype, op)
    if real.kind != "f" and not isfinite(value):
        remedy = "Pass dtype=minigrad.float32."
        raise ValueError(message(op, "fill_value", value, f"a number that {real} holds", remedy))
    return _filled(op, _shape(op, size), value, real, requires_grad, device)


def _number(op: str, given: Any) -> tuple[float, Any]:
    """A number, and the type that is of its kind."""
    if type(given) is float:
        return given, float32
    value = np.asarray(given)
    if value.shape or value.dtype.kind not in "fiub" or (value.dtype.kind == "u" and value > _LARGEST):
        raise TypeError(message(op, "fill_value", f"{given!r}", "one number that int64 or a float holds"))
    return value.item(), bool_ if value.dtype.kind == "b" else float32 if value.dtype.kind == "f" else int64


# -- in the shape of another -------------------------------------------------------------------------------------------


def _model(op: str, x: Any, dtype: Any) -> tuple[tuple[int, ...], Any]:
    """The shape of a tensor or NumPy array, and the type wanted: its own, unless dtype is given."""
    if not isinstance(x, (Array, np.ndarray)):
        remedy = f"Where there is none, write minigrad.{op.removesuffix('_like')}."
        raise TypeError(message(op, "x", f"a {type(x).__name__}", "a tensor", remedy))
    return x.shape, canonical(x.dtype if dtype is None else dtype, op)


def empty_like(x: Tensor, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Uninitialised numbers in another tensor's shape and type, to be overwritten."""
    shape, real = _model("empty_like", x, dtype)
    return _made("empty_like", shape, real, requires_grad, device)  # type: ignore[no-any-return]


def zeros_like(x: Tensor, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Zeros of another tensor's shape and type."""
    shape, real = _model("zeros_like", x, dtype)
    return _filled("zeros_like", shape, 0, real, requires_grad, device)


def ones_like(x: Tensor, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Ones of another tensor's shape and type."""
    shape, real = _model("ones_like", x, dtype)
    return _filled("ones_like", shape, 1, real, requires_grad, device)


def full_like(
    x: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """One value everywhere, in another tensor's shape and type."""
    shape, real = _model("full_like", x, dtype)
    return _full("full_like", shape, fill_value, real, requires_grad, device)


def new(
    op: str, x: Any, size: tuple[Any, ...], value: Any, dtype: Any, requires_grad: bool, device: Any
) -> Tensor:
    """What x.new_zeros(2, 3) and the like return: one value everywhere (except for new_empty), in x's type by default."""
    shape, real = _shape(op, *size), _dtype(op, dtype, x.dtype)
    if op == "new_empty":
        return _made(op, shape, real, requires_grad, device)  # type: ignore[no-any-return]
    make = _full if op == "new_full" else _filled
    return make(op, shape, value, real, requires_grad, device)


# -- in steps ----------------------------------------------------------------------------------------------------------


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """start, start + step, ... up to but not including end; from 0 if one number is given. Ints give int64, floats float32."""
    if end is None:
        start, end = 0, start
    natural = int64
    for name, value in (("start", start), ("end", end), ("step", step)):
        if type(value) is int:
            continue
        if not isinstance(value, (int, float, np.number)) or not isfinite(value):
            raise TypeError(message("arange", name, f"{value!r}", "a finite int or float"))
        if isinstance(value, (float, np.floating)):
            natural = float32
    if step == 0 or (end - start) * step < 0:
        raise ValueError(message("arange", "step", step, f"a step that leads from {start} to {end}"))
    real = _dtype("arange", dtype, natural)
    return _from_numpy("arange", "end", lambda: np.arange(start, end, step), real, requires_grad, device)


def linspace(
    start: float, end: float, steps: int, *, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """`steps` numbers at equal distances from start to end, both included."""
    (count,) = _shape("linspace", steps)
    real = _dtype("linspace", dtype)

    def made() -> Any:
        with np.errstate(over="ignore"):
            return np.linspace(start, end, count)

    return _from_numpy("linspace", "steps", made, real, requires_grad, device)


def logspace(
    start: float, end: float, steps: int, base: float = 10.0, *, dtype: Any = None, requires_grad: bool = False,
    device: Any = None,
) -> Tensor:  # fmt: skip
    """`steps` numbers at equal ratios from base^start to base^end, both included: base^linspace(start, end, steps)."""
    (count,) = _shape("logspace", steps)
    for name, value in (("start", start), ("end", end), ("base", base)):
        if not isinstance(value, (int, float, np.number)) or not isfinite(value):
            raise TypeError(message("logspace", name, f"{value!r}", "a finite int or float"))
    if base <= 0:
        raise ValueError(message("logspace", "base", base, "a number above 0, as others have no real powers"))
    real = _dtype("logspace", dtype)
    made = np.errstate(over="ignore")(lambda: np.logspace(start, end, count, base=base))
    return _from_numpy("logspace", "steps", made, real, requires_grad, device)


def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """The identity matrix, n x n or n x m."""
    rows, cols = _shape("eye", n, n if m is None else m)
    real = _dtype("eye", dtype)
    return _from_numpy("eye", "n", lambda: np.eye(rows, cols, dtype=real), real, requires_grad, device)


def _from_numpy(
    op: str, argument: str, make: Callable[[], Any], dtype: Any, requires_grad: bool, device: Any
) -> Tensor:
    """What NumPy makes of arguments that have been checked, so that it can fail only for want of memory."""
    if device is not None:
        require_cpu(op, device)
    if requires_grad:
        _may_require(dtype, True, op)
    try:
        array = make()
        if array.dtype != dtype:
            with np.errstate(over="ignore"):  # infinite
                array = array.astype(dtype)
    except (MemoryError, ValueError) as error:
        remedy = "Create it in parts."
        raise OutOfMemory(message(op, argument, "more numbers than memory holds", "fewer", remedy)) from error
    made = _array.view(array, None)
    if requires_grad:
        made.requires_grad = True
    return made  # type: ignore[no-any-return]
