"""Kernels below the ops: their list and signatures from csrc/kernels.def, memory with guards around it, and one call.

No test is in this folder: test_kernels.py and test_threads.py share it.
"""

from __future__ import annotations

import ctypes
import mmap
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from minigrad._C import ffi, lib

if TYPE_CHECKING:
    from collections.abc import Callable

    Numbers = np.ndarray[Any, np.dtype[Any]]

DTYPES = (np.dtype(np.float32), np.dtype(np.float64))

# -- the list ------------------------------------------------------------------------------------------------------------

CSRC = Path(__file__).parents[2] / "csrc"
DEFINITIONS = (CSRC / "kernels.def").read_text()
#: Work below this, in floats of `add`, is not shared among threads.
GRAIN = int(re.findall(r"#define MG_GRAIN (\d+)", (CSRC / "parallel.h").read_text())[0])


_ELEMENTS = {"float": np.dtype(np.float32), "double": np.dtype(np.float64), "int64_t": np.dtype(np.int64)}


class Parameter(NamedTuple):
    """`const T *x` is type "const T *", name "x"."""

    type: str
    name: str

    def element(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """What the memory holds that it points to."""
        name = self.type.replace("const ", "").strip(" *")
        return dtype if name == "T" else _ELEMENTS.get(name, np.dtype(np.uint8))

    def c_type(self, dtype: np.dtype[Any]) -> str:
        """The type as C declares it, for this element type."""
        return self.type.replace("const ", "").replace("T", "float" if dtype == np.float32 else "double")


def _parameters(text: str) -> tuple[Parameter, ...]:
    found = [re.fullmatch(r"(.*?[ *])(\w+)", part.strip()) for part in text.split(",")]
    return tuple(Parameter(m[1].strip(), m[2]) for m in found if m)


#: Parameters by kernel, the number of items `n` included that RANGE adds.
KERNELS: dict[str, tuple[Parameter, ...]] = {
    name: _parameters(parameters + (", int64_t n" if kind == "RANGE" else ""))
    for kind, name, parameters in re.findall(r"^(KERNEL|RANGE)\((\w+), \((.*?)\), \(", DEFINITIONS, re.MULTILINE)
}
#: What one item costs, for kernels whose items threads share.
COSTS: dict[str, str] = dict(re.findall(r"^RANGE\((\w+),.*, ([^,]*)\)$", DEFINITIONS, re.MULTILINE))
#: Kernels whose operands may have any strides.
WALKING = [name for name, parameters in KERNELS.items() if any(p.name == "walk" for p in parameters)]


def lanes(isa: str, dtype: np.dtype[Any]) -> int:
    """W: the elements of one vector."""
    return {"portable": dtype.itemsize, "avx2": 32, "avx512": 64}[isa] // dtype.itemsize


# -- memory --------------------------------------------------------------------------------------------------------------

GUARD = 128
EMPTY = 0xFF  # every byte of guards and of fresh memory: NaN as a float, -1 as an integer


class Guarded:
    """A copy of `content` that begins `shift` elements behind a cache line, with guard bytes at both ends."""

    def __init__(self, content: Numbers, shift: int) -> None:
        bytes_ = np.full(64 + 2 * GUARD + content.nbytes + shift * content.itemsize, EMPTY, np.uint8)
        first = -_address(bytes_) % 64 + GUARD + shift * content.itemsize
        self.array = bytes_[first : first + content.nbytes].view(content.dtype).reshape(content.shape)
        self.array[...] = content
        self._around = bytes_[:first], bytes_[first + content.nbytes :]

    def check(self, what: str) -> None:
        for side, guard in zip(("before", "behind"), self._around, strict=True):
            assert (guard == EMPTY).all(), f"{what}: bytes were written {side} the array"


class Fenced:
    """A copy of `content` that ends where a page begins that cannot be touched, or begins (`shift` odd) where one ends:
    a kernel that reads or writes beyond is stopped by the processor, and the process dies."""

    def __init__(self, content: Numbers, shift: int) -> None:
        page = mmap.PAGESIZE
        inner = -(-max(content.nbytes, 1) // page) * page
        memory = np.frombuffer(mmap.mmap(-1, inner + 2 * page), np.uint8)
        protect, nothing = ctypes.CDLL(None, use_errno=True).mprotect, 0
        for start in (0, page + inner):
            if protect(ctypes.c_void_p(_address(memory) + start), ctypes.c_size_t(page), nothing):
                raise OSError(ctypes.get_errno(), "mprotect")
        first = page if shift % 2 else page + inner - content.nbytes
        self.array = memory[first : first + content.nbytes].view(content.dtype).reshape(content.shape)
        self.array[...] = content

    def check(self, what: str) -> None:
        """The fence has checked already."""


def _address(array: Numbers) -> int:
    return int(array.__array_interface__["data"][0])


# -- one call ------------------------------------------------------------------------------------------------------------


class Want(NamedTuple):
    """What an output must hold: value, in float64 or exactly, up to roundings u scale; u is half the epsilon of the
    kernel's type, and scale the size of the numbers that were rounded on the way (None: that of the value)."""

    value: Numbers
    roundings: float = 0
    scale: Numbers | None = None


class Problem(NamedTuple):
    """One call: `given` are the arguments by name (an output is filled with NaN unless it is given), `wants` the
    outputs by name; None says that the memory is scratch, a list that the parameter points to several arrays."""

    given: dict[str, Any]
    wants: dict[str, Any]


def call(name: str, dtype: np.dtype[Any], arguments: dict[str, Any]) -> None:
    """Calls a kernel. Arrays are passed by the address of their first element, None is NULL."""
    passed = []
    for p in KERNELS[name]:
        value = arguments[p.name]
        if isinstance(value, list):
            pointers = [ffi.cast(p.c_type(dtype)[:-1], _address(x)) for x in value]
            value = ffi.new(p.c_type(dtype)[:-1] + "[]", pointers)
        elif isinstance(value, np.ndarray):
            value = ffi.cast(p.c_type(dtype), _address(value))
        passed.append(ffi.NULL if value is None else value)
    getattr(lib, f"mg_{name}_{'f32' if dtype == np.float32 else 'f64'}")(*passed)


def run(
    name: str,
    dtype: np.dtype[Any],
    problem: Problem,
    shift: int = 0,
    stagger: int = 0,
    memory: Callable[..., Any] = Guarded,
) -> dict[str, Any]:
    """Calls a kernel on memory of its own, parameter i `shift` + i `stagger` elements behind a cache line; checks the
    guards, and that what the kernel may only read is unchanged. Returns the outputs by name."""
    arguments, placed = {"walk": None, "places": None, **problem.given}, {}
    for position, p in enumerate(KERNELS[name]):
        content = problem.given.get(p.name)
        if content is None and problem.wants.get(p.name) is not None:
            content = _unwritten(problem.wants[p.name], p.element(dtype))
        if not isinstance(content, (np.ndarray, list)):
            continue
        several = content if isinstance(content, list) else [content]
        contents = [np.ascontiguousarray(x, p.element(dtype)).reshape(np.shape(x)) for x in several]
        placed[p] = [(x, memory(x, shift + position * stagger)) for x in contents]
        arrays = [m.array for _, m in placed[p]]
        arguments[p.name] = arrays if isinstance(content, list) else arrays[0]
    call(name, dtype, arguments)
    for p, pairs in placed.items():
        for before, after in pairs:
            after.check(f"{name}: {p.name}")
            if p.name not in problem.wants:
                assert before.tobytes() == after.array.tobytes(), f"{name}: {p.name} is an input, and was written"
    return {key: arguments[key] for key, want in problem.wants.items() if want is not None}


def _unwritten(want: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(want, list):
        return [_unwritten(w, dtype) for w in want]
    return np.frombuffer(bytes([EMPTY]) * (want.value.size * dtype.itemsize), dtype).reshape(want.value.shape)


# -- comparing -----------------------------------------------------------------------------------------------------------


def assert_right(got: dict[str, Any], problem: Problem, dtype: np.dtype[Any], what: str = "") -> None:
    """Every output is what the problem wants."""
    for key, want in problem.wants.items():
        pairs = zip(got[key], want, strict=True) if isinstance(want, list) else [(got[key], want)] if want else []
        for i, (array, one) in enumerate(pairs):
            _assert_close(array, one, dtype, f"{what} {key}[{i}]" if isinstance(want, list) else f"{what} {key}")


def _assert_close(got: Numbers, want: Want, dtype: np.dtype[Any], what: str) -> None:
    assert got.shape == want.value.shape, what
    with np.errstate(all="ignore"):
        nearest = want.value.astype(got.dtype)
        info = np.finfo(dtype)
        scale = np.abs(want.value) if want.scale is None else want.scale
        bound = want.roundings * (info.eps / 2 * scale + info.smallest_subnormal)
        error = np.abs(got.astype(want.value.dtype) - want.value)
        same = (got == nearest) | (np.isnan(got) & np.isnan(nearest)) if got.dtype.kind == "f" else got == nearest
        right = same | (np.isfinite(nearest) & np.isfinite(got) & (error <= bound))
    if not right.all():
        at = np.unravel_index(int(np.argmin(right)), right.shape)
        count = f"{(~right).sum()} of {right.size} are wrong"
        raise AssertionError(f"{what}{list(map(int, at))} = {got[at]!r}, expected {want.value[at]!r}; {count}")


def assert_same_bits(got: dict[str, Any], expected: dict[str, Any], what: str) -> None:
    """Bit for bit; any NaN is like any other."""
    for key, one in expected.items():
        for a, b in zip(got[key], one, strict=True) if isinstance(one, list) else [(got[key], one)]:
            different = a.view(f"u{a.itemsize}") != b.view(f"u{a.itemsize}")
            if a.dtype.kind == "f":
                different &= ~(np.isnan(a) & np.isnan(b))
            assert not different.any(), f"{what}: {key}: {different.sum()} of {a.size} elements have other bits"
