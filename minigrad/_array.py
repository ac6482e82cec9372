"""Numbers where C can reach them: a NumPy array, its address, and the memory behind it.

`Array` is what kernels take and return. `Tensor` (in `_tensor.py`) is an Array with operators. The fields that the tape
uses are declared here, so that one object serves both purposes and a result costs one allocation.
"""

from __future__ import annotations

from math import prod
from sys import getrefcount
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from minigrad._C import ffi
from minigrad._shapes import one_axis
from minigrad.errors import AxisError, DTypeError, OutOfMemory, message

if TYPE_CHECKING:
    from typing import Any

    from minigrad._tape import Node

float32: np.dtype[Any] = np.dtype(np.float32)
float64: np.dtype[Any] = np.dtype(np.float64)
int64: np.dtype[Any] = np.dtype(np.int64)
bool_: np.dtype[Any] = np.dtype(np.bool_)

_POINTER: dict[np.dtype[Any], Any] = {
    float32: ffi.typeof("float *"),
    float64: ffi.typeof("double *"),
    int64: ffi.typeof("int64_t *"),
    bool_: ffi.typeof("uint8_t *"),
}
#: NumPy can hold several objects for one type; ours are these, so that `is` compares them.
_OURS = {dtype: dtype for dtype in _POINTER}
#: What other element types become, by kind: the smallest of ours that holds all their values.
_WIDER: dict[str, np.dtype[Any]] = {"i": int64, "u": int64, "f": float32, "b": bool_}


class Size(int):
    """A number of elements which, when called, returns the lengths of the dimensions."""

    shape: tuple[int, ...]

    def __new__(cls, count: int, shape: tuple[int, ...]) -> Size:
        """The number, and what it is the product of."""
        made = int.__new__(cls, count)
        made.shape = shape
        return made

    def __call__(self, dim: int | None = None) -> Any:
        """The shape, or the length of one dimension. AxisError for a dimension that does not exist."""
        if dim is None:
            return self.shape
        if not self.shape:
            raise AxisError(message("size", "dim", dim, "none: a tensor with 0 dimensions has no lengths"))
        return self.shape[one_axis("size", dim, len(self.shape))]


class Array:
    """A NumPy array with its address.

    flat      whether it is C-contiguous
    pool      where its memory came from (for a view in another shape: where such memory would come from); None for memory
              from elsewhere
    family    the tensors that are views of one another (`_views.py`)

    The other fields belong to the tape. `wants_grad` is what ops read, and `received` the gradient that has arrived; users
    see requires_grad and grad, properties of Tensor that check and explain. `family` and `received` are not set before they
    are needed, since a result is made at every op.
    """

    __slots__ = (
        "__weakref__", "array", "dtype", "family", "flat", "node", "pool", "ptr", "received", "shape", "wants_grad",
    )  # fmt: skip

    array: np.ndarray[Any, Any]
    ptr: Any
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    flat: bool
    pool: Pool | None
    family: Any
    wants_grad: bool
    requires_grad: bool
    node: Node | None
    received: Any

    @property
    def size(self) -> Size:
        """The number of elements, as in NumPy; when called, the lengths, as in PyTorch: x.size(), x.size(0)."""
        return Size(self.array.size, self.shape)

    @property
    def count(self) -> int:
        """The bare number of elements."""
        return self.array.size


_new = object.__new__
_class: Any = Array


def results_are(cls: type[Array]) -> None:
    """Makes every array from now on a `cls`; called once by `_tensor.py`, at import."""
    global _class
    _class = cls


def canonical(dtype: Any, op: str = "tensor") -> np.dtype[Any]:
    """One of our four element types, from any of its spellings. DTypeError, which names the four, for anything else."""
    try:
        found = _OURS.get(np.dtype(dtype))
    except TypeError:
        found = None
    if found is not None:
        return found
    raise DTypeError(message(op, "dtype", repr(dtype), "minigrad.float32, float64, int64 or bool"))


def address(array: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> Any:
    """A C pointer to the first element. from_buffer is faster, but takes only contiguous memory."""
    if array.flags.c_contiguous:
        return ffi.cast(_POINTER[dtype], ffi.from_buffer(array))
    return ffi.cast(_POINTER[dtype], array.__array_interface__["data"][0])


def from_array(array: np.ndarray[Any, Any], op: str = "tensor") -> Any:
    """Wraps a NumPy array, without copying it unless its elements have a type or layout that C cannot take."""
    if array.dtype in _OURS and array.flags.carray:
        return view(array, None)
    dtype = array.dtype.newbyteorder("=")
    if dtype not in _OURS:
        if dtype.kind not in _WIDER or dtype.itemsize > 8:
            raise DTypeError(
                message(op, "data", f"dtype {dtype}", "numbers or bools", "Convert first: array.astype(np.float32).")
            )
        if dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
            raise DTypeError(message(op, "data", "uint64 beyond the range of int64", "integers that int64 holds"))
        array = array.astype(_WIDER[dtype.kind])
    elif not (array.dtype.isnative and array.flags.aligned) or any(s % dtype.itemsize for s in array.strides):
        array = array.astype(dtype)
    return view(array, None)


def view(array: np.ndarray[Any, Any], ptr: Any) -> Any:
    """Wraps an array of one of our types. `ptr` is given where it is known: a transpose begins where its source does."""
    out = _new(_class)
    out.array = array
    out.dtype = dtype = _OURS[array.dtype]
    out.ptr = address(array, dtype) if ptr is None else ptr
    out.shape = array.shape
    out.flat = array.flags.c_contiguous
    out.pool = None
    out.wants_grad = False
    out.node = None
    return out


def reshaped(x: Array, shape: tuple[int, ...]) -> Any:
    """A view of contiguous memory in another shape of the same size."""
    out = alias(x)
    out.array = x.array.reshape(shape)
    out.shape = shape
    out.pool = None if x.pool is None else pool_of(shape, x.dtype)  # memory from there looks the same
    return out


def owns(x: Array) -> bool:
    """Whether x has memory of its own from a pool, and is not a view of another tensor's."""
    return type(x.array.base) is _Block


def alias(x: Array) -> Any:
    """A tensor on the same memory, without its history."""
    out = _new(_class)
    out.array = x.array
    out.dtype = x.dtype
    out.ptr = x.ptr
    out.shape = x.shape
    out.flat = x.flat
    out.pool = x.pool
    out.wants_grad = False
    out.node = None
    return out


# -- memory ------------------------------------------------------------------------------------------------------------
#
# A training step asks for the same shapes again and again. For a large array NumPy gets fresh pages from the system, each
# of which costs a page fault when it is first touched; and even for a small one, allocating (130 ns) and taking the
# address (170 ns) cost more than adding 64 numbers. So arrays are remembered by shape, with their addresses, and handed
# out again once nothing but this memory refers to them, which the reference count tells.

#: How many bytes are remembered at most. Beyond that everything is forgotten; arrays in use stay with their owners.
MEMORY_LIMIT = 256 << 20
#: The bytes that remembering an array costs besides its numbers: the objects around it.
_ENTRY = 256
#: How many arrays of one shape are remembered at most, and how many shapes.
_MANY, _MANY_SHAPES = 8, 4096


class Pool(list["tuple[Any, Any]"]):
    """Contiguous arrays of one type and shape, each with its address.

    There is one pool for each type and shape, so the pools of two operands tell all about their layout, and serve as keys
    for what was planned for them: `products` for this pool with another, `plans` for several operands, `reductions` for dimensions,
    `reshapes` for shapes as they were given, and `alike` (only for floats) for elementwise ops on this pool and another, or
    itself: the pool of the result, and the walk over the operands.

    `wide` says whether a kernel's second variant, that for float64, is meant, and `remembers` whether arrays may be added. (A
    pool that holds nothing just now is a false value, as any empty list: ask whether one `is None`.)
    """

    __slots__ = ("alike", "dtype", "plans", "products", "reductions", "remembers", "reshapes", "shape", "size", "wide")
    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape, self.dtype, self.size, self.remembers = shape, dtype, prod(shape), True
        self.wide = dtype is not float32
        self.alike: dict[Pool, tuple[Pool, Any]] = {self: (self, ffi.NULL)} if dtype.kind == "f" else {}
        self.products: dict[Any, Any] = {}
        self.plans: dict[Any, Any] = {}
        self.reductions: dict[Any, Any] = {}
        self.reshapes: dict[Any, Any] = {}


_pools: dict[np.dtype[Any], dict[tuple[int, ...], Pool]] = {d: {} for d in _POINTER}
_float32_pools = _pools[float32]
_held = 0
#: Held while an array is added to a pool, and while the capture of a step closes all pools, so that none is added later.
remembering = Lock()


def _unreferenced() -> int:
    """What getrefcount returns for an array in a loop over remembered ones if nothing else refers to it; measured, since it
    depends on the interpreter."""
    for array, _ in [(np.empty(1), None)]:
        return getrefcount(array)
    raise AssertionError


_FREE = _unreferenced()


def pool_of(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Pool:
    """The pool of arrays of this shape and type."""
    pools = _pools[dtype]
    pool = pools.get(shape)
    if pool is None:
        if len(pools) >= _MANY_SHAPES:
            _forget(pools)
        pool = pools[shape] = Pool(shape, dtype)
    return pool


def take(pool: Pool, op: str = "empty") -> Any:
    """An uninitialised array that nothing else refers to.

    Two threads never get the same one: the loop variable is itself a reference, so an array that both look at at the same
    moment is free for neither."""
    for array, ptr in pool:  # noqa: B007 - used after the loop
        if getrefcount(array) == _FREE:
            break
    else:
        array, ptr = _allocate(pool, op)
    out = _new(_class)
    out.array = array
    out.ptr = ptr
    out.shape = pool.shape
    out.dtype = pool.dtype
    out.flat = True
    out.pool = pool
    out.wants_grad = False
    out.node = None
    return out


def empty(shape: tuple[int, ...], dtype: np.dtype[Any], op: str = "empty") -> Any:
    """An uninitialised, contiguous array of one of our types."""
    return take((_float32_pools if dtype is float32 else _pools[dtype]).get(shape) or pool_of(shape, dtype), op)


def _allocate(pool: Pool, op: str) -> tuple[Any, Any]:
    """A new array, which is remembered unless it is very large or its pool is closed."""
    global _held
    shape, dtype = pool.shape, pool.dtype
    try:
        array = _aligned(shape, dtype)
    except (MemoryError, ValueError) as error:
        got, remedy = f"{shape} of {dtype}", "Create it in parts, or of a narrower dtype."
        raise OutOfMemory(message(op, "size", got, "a tensor that fits into memory", remedy)) from error
    found = array, ffi.cast(_POINTER[dtype], ffi.from_buffer(array))
    with remembering:
        if array.nbytes <= MEMORY_LIMIT // 4 and pool.remembers:
            if len(pool) == _MANY:
                pool.pop()  # the oldest, which is likely to stay in use for long, such as a parameter
            else:
                if _held + array.nbytes > MEMORY_LIMIT:
                    free_memory()
                _held += array.nbytes + _ENTRY
            pool.insert(0, found)  # the search begins with the newest arrays, which are short-lived
    return found


def remembered(array: Any) -> bool:
    """Whether an array is among those that will be handed out again."""
    pool = _pools[_OURS[array.dtype]].get(array.shape, ()) if array.dtype in _OURS else ()
    return any(known is array for known, _ in pool)


def duplicate(array: np.ndarray[Any, Any]) -> Any:
    """A contiguous copy of an array of one of our types."""
    out = empty(array.shape, _OURS[array.dtype])
    np.copyto(out.array, array)
    return out


#: The size of a cache line, and of the longest vector: in memory aligned to less, every load of one touches two lines.
_LINE = 64
#: Arrays of at least _LARGE bytes all begin at a page: a processor first compares the last 12 bits of addresses, and if
#: they agree takes a load to depend on an earlier store (4K aliasing). With x one line below its result in these bits, exp
#: of 4,194,304 numbers took 5.2 ms instead of 1.5.
_PAGE, _LARGE = 4096, 65536


class _Block(np.ndarray):
    """The bytes around an aligned array. They have a type of their own because NumPy makes a slice refer to the owner of
    the memory, skipping views of the same type; here it must refer to the aligned array, whose references are counted."""


def _aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """np.empty, aligned to a cache line or, if large, to a page. NumPy's arrays begin 16 bytes after a line, and with them
    a product of 32 x 784 by 784 x 128, all of it in the caches, took 109 us instead of 48."""
    size = prod(shape) * dtype.itemsize
    alignment = _PAGE if size >= _LARGE else _LINE
    block = _Block((size + alignment,), np.uint8)
    offset = -block.__array_interface__["data"][0] % alignment
    return np.ndarray(shape, dtype, block, offset)


def free_memory() -> None:
    """Returns remembered memory to the system. Tensors in use keep theirs."""
    global _held
    for pools in _pools.values():
        for pool in pools.values():
            pool.clear()
    _held = 0


def _forget(pools: dict[tuple[int, ...], Pool]) -> None:
    """Drops pools. They may live on in what was planned with them, but remember nothing any more."""
    free_memory()
    for pool in pools.values():
        pool.remembers = False
        pool.alike.clear()
        pool.products.clear()
        pool.plans.clear()
        pool.reductions.clear()
        pool.reshapes.clear()
    pools.clear()
