"""The machine's limits, measured: peak of arithmetic, bandwidth of each level of memory, cost of a call.

A limit is the best that was seen: the fastest of several rounds, each long enough for the clock. The kernels are
csrc/kernels/probe.inc.
"""

from __future__ import annotations

from functools import partial
from itertools import repeat
from pathlib import Path
from statistics import fmean, median
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from minigrad import _kernels
from minigrad._kernels import ffi, lib

if TYPE_CHECKING:
    from collections.abc import Callable

#: Independent chains of FMAs in csrc/kernels/probe.inc.
CHAINS = 12
#: Bytes of a vector in these chains.
VECTOR = {"portable": 16, "avx2": 32, "avx512": 64}
#: What a loop of fixed length takes may vary by this much, relative to its median; see noise().
MOST_SPREAD = 0.05
#: Bytes that a bandwidth probe moves in one call, by going over a small block again and again.
MOVED = 1 << 22


class Level(NamedTuple):
    """A level of memory: its capacity in bytes for one core (the last has no end) and its bandwidths in bytes per second."""

    name: str
    size: float
    read: float
    write: float
    copy: float

    @property
    def best(self) -> float:
        """The limit that ops are measured against: the fastest of the three, lest a share exceed 1 for a kind of traffic."""
        return max(self.read, self.write, self.copy)


class Machine(NamedTuple):
    """What the limits are: `peak` by element size in floating-point operations per second, `call` in seconds."""

    processor: str
    isa: str
    threads: int
    peak: dict[int, float]
    levels: tuple[Level, ...]
    call: float

    def limit(self, flops: float, traffic: float, itemsize: int = 4) -> tuple[float, str]:
        """(seconds, word): the largest of the three costs, and its name.

        overhead    the cost of an empty call
        bandwidth   bytes / bandwidth of the smallest level that holds them
        arithmetic  flops / peak
        """
        return max((self.call, "overhead"), self.bound(flops, traffic, itemsize))

    def bound(self, flops: float, traffic: float, itemsize: int = 4) -> tuple[float, str]:
        """The same of a kernel that is called from C, where calls cost next to nothing."""
        return max((traffic / self.level(traffic).best, "bandwidth"), (flops / self.peak[itemsize], "arithmetic"))

    def level(self, traffic: float) -> Level:
        """The smallest level that holds so many bytes."""
        return next(level for level in self.levels if traffic <= level.size)


def repeats_for(run: Callable[[], object], least: float, clock: Callable[[], float] = perf_counter) -> int:
    """How often to run it in a row, so that the clock sees at least so many seconds."""
    repeats = 1
    while repeats < 1 << 20 and seconds_of(run, repeats, clock) * repeats < least:
        repeats *= 2
    return repeats


def seconds_of(run: Callable[[], object], repeats: int, clock: Callable[[], float] = perf_counter) -> float:
    """Seconds of one run: the mean of so many in a row."""
    turns = repeat(None, repeats)
    start = clock()
    for _ in turns:
        run()
    return (clock() - start) / repeats


def rounds_of(run: Callable[[], object], rounds: int = 9, least: float = 5e-4, clock: Callable[[], float] = perf_counter) -> list[float]:
    """Seconds of one run, for each of so many rounds; a round repeats it until `least` seconds are full."""
    repeats = repeats_for(run, least, clock)
    return [seconds_of(run, repeats, clock) for _ in range(rounds)]


def spread_of(times: list[float]) -> float:
    """The distance of the quartiles, relative to the median."""
    low, high = np.percentile(times, [25, 75])
    return float((high - low) / median(times))


def cache_sizes() -> list[tuple[str, int]]:
    """[("L1", bytes), ...] of the data caches as Linux tells them; typical sizes elsewhere."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if (index / "type").read_text().strip() != "Instruction":
            size = (index / "size").read_text().strip()
            found["L" + (index / "level").read_text().strip()] = int(size[:-1]) * {"K": 1 << 10, "M": 1 << 20}[size[-1]]
    return sorted(found.items()) or [("L1", 32 << 10), ("L2", 1 << 20), ("L3", 16 << 20)]


def _aligned(elements: int, dtype: type = np.float32) -> np.ndarray:
    """Zeros that begin at a cache line, their pages present."""
    memory = np.zeros(elements * np.dtype(dtype).itemsize + 64, np.uint8)
    memory[:] = 0
    first = -memory.ctypes.data % 64
    return memory[first : first + elements * np.dtype(dtype).itemsize].view(dtype)


def peak(itemsize: int, rounds: int = 9) -> float:
    """Floating-point operations per second of chains of FMAs that stay in registers, in all threads."""
    suffix, ctype, dtype = ("f32", "float", np.float32) if itemsize == 4 else ("f64", "double", np.float64)
    lanes = VECTOR[_kernels.active_isa()] // itemsize
    items, steps = 4 * lib.mg_threads(), 65536
    factors, out = np.array([0.5, 1.0], dtype), np.zeros(items, dtype)
    x, y = ffi.from_buffer(f"{ctype}[]", factors), ffi.from_buffer(f"{ctype}[]", out)
    kernel = getattr(lib, f"mg_fma_peak_{suffix}")
    times = rounds_of(lambda: kernel(y, x, steps, items), rounds)
    return float(2.0 * CHAINS * lanes * steps * items / min(times))


def level(name: str, capacity: float, used: int, rounds: int = 9) -> Level:
    """The bandwidths of a working set of `used` bytes, by kernels that read it, write it, and copy one half to the other:
    a block for each thread, gone over so often that the call from Python does not count. Writing and copying have two
    ways, into the caches and past them; the faster counts."""
    threads = int(lib.mg_threads())
    block = used // (4 * threads) // 256 * 256
    numbers, out = _aligned(block * threads), ffi.new("float[]", threads)
    x, far = (ffi.from_buffer("float[]", numbers[first:]) for first in (0, block * threads // 2))
    turns = max(1, MOVED // (4 * block))

    def best(*ways: Callable[[], object]) -> float:
        return 4.0 * block * threads * turns / min(min(rounds_of(way, rounds)) for way in ways)

    return Level(
        name, capacity,
        best(partial(lib.mg_probe_read_f32, out, x, block, turns, threads)),
        best(*[partial(lib.mg_probe_write_f32, x, 0.0, block, turns, past, threads) for past in (0, 1)]),
        best(*[partial(lib.mg_probe_copy_f32, far, x, block // 2, turns, past, threads) for past in (0, 1)]),
    )  # fmt: skip


def levels(rounds: int = 9) -> tuple[Level, ...]:
    """Every cache at half its size, and memory at a quarter of a gigabyte or four times the last cache, the smaller."""
    caches = cache_sizes()
    found = [level(name, size, size // 2, rounds) for name, size in caches]
    return (*found, level("memory", float("inf"), min(1 << 28, 4 * caches[-1][1]), min(rounds, 5)))


def call_cost(rounds: int = 9) -> float:
    """Seconds of an empty call: the kernel of `add` for no elements, from Python and back."""
    x = ffi.new("float[]", 1)
    return min(rounds_of(partial(lib.mg_add_f32, x, x, x, ffi.NULL, 0), rounds))


def noise(rounds: int = 81, clock: Callable[[], float] = perf_counter) -> float:
    """What a loop of FMAs varies by, which is of fixed length and touches no memory, so that it is not its own doing. The
    larger of two figures, each relative to its median: the distance of its quartiles, which a changing clock rate
    widens; and how much longer it takes on average, as now and then the processor was given to others."""
    factors, out = ffi.new("float[]", [0.5, 1.0]), ffi.new("float[]", 1)
    times = rounds_of(partial(lib.mg_fma_peak_f32, out, factors, 8192, 1), rounds, clock=clock)
    return max(spread_of(times), fmean(times) / median(times) - 1)


def measure(processor: str, rounds: int = 9) -> Machine:
    """The limits of this machine for the threads and the instruction set that are active."""
    return Machine(
        processor, _kernels.active_isa(), lib.mg_threads(), {size: peak(size, rounds) for size in (4, 8)}, levels(rounds), call_cost(rounds),
    )  # fmt: skip
