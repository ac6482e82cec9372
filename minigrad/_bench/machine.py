"""The machine's limits, measured: peak of arithmetic, bandwidth of each level of memory, cost of a call.

A probe is timed as everything here is: the median of rounds, each round long enough for the clock. The kernels are
csrc/kernels/probe.inc.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from minigrad import _kernels
from minigrad._kernels import ffi, lib

if TYPE_CHECKING:
    from collections.abc import Callable

#: Independent chains of FMAs in csrc/kernels/probe.inc.
CHAINS = 12
#: Bytes of a vector.
VECTOR = {"portable": 0, "avx2": 32, "avx512": 64}
#: The probe loop may differ by this much between its slower and faster quartile, relative to its median.
MOST_SPREAD = 0.05


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

    def limit(self, flops: float, traffic: float, itemsize: int = 4, call: float | None = None) -> tuple[float, str]:
        """(seconds, word): the largest of the three costs, and its name.

        overhead    the cost of a call
        bandwidth   bytes / bandwidth of the smallest level that holds them
        arithmetic  flops / peak
        """
        costs = {
            "overhead": self.call if call is None else call,
            "bandwidth": traffic / self.level(traffic).best,
            "arithmetic": flops / self.peak[itemsize],
        }
        word = max(costs, key=costs.__getitem__)
        return costs[word], word

    def level(self, traffic: float) -> Level:
        """The smallest level that holds so many bytes."""
        return next(level for level in self.levels if traffic <= level.size)


def rounds_of(run: Callable[[], object], rounds: int = 9, least: float = 5e-4, clock: Callable[[], float] = perf_counter) -> list[float]:
    """Seconds of one run, for each of so many rounds; a round repeats it until `least` seconds are full."""
    repeat = 1
    while True:
        start = clock()
        for _ in range(repeat):
            run()
        taken = clock() - start
        if taken >= least or repeat >= 1 << 20:
            break
        repeat *= 2
    found = []
    for _ in range(rounds):
        start = clock()
        for _ in range(repeat):
            run()
        found.append((clock() - start) / repeat)
    return found


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
    lanes = max(1, VECTOR[_kernels.active_isa()] // itemsize)
    items, steps = 4 * lib.mg_threads(), 65536
    factors, out = np.array([0.5, 1.0], dtype), np.zeros(items, dtype)
    x, y = ffi.from_buffer(f"{ctype}[]", factors), ffi.from_buffer(f"{ctype}[]", out)
    kernel = getattr(lib, f"mg_fma_peak_{suffix}")
    times = rounds_of(lambda: kernel(y, x, steps, items), rounds)
    return float(2.0 * CHAINS * lanes * steps * items / min(times))


def level(name: str, capacity: float, used: int, rounds: int = 9) -> Level:
    """The bandwidths of a working set of `used` bytes, by kernels that read it, write it, and copy one half to the other."""
    count = used // 4
    numbers = _aligned(count)
    x = ffi.from_buffer("float[]", numbers)
    block = 2048
    items = max(1, count // block)
    out = ffi.new("float[]", items)
    half = count // 2
    far = ffi.from_buffer("float[]", numbers[half // 16 * 16 :])
    # The call from Python takes as long as some tens of kilobytes: it has a figure of its own, and is taken off here.
    empty = min(rounds_of(lambda: lib.mg_probe_write_f32(x, 0.0, 0), rounds))
    read = min(rounds_of(lambda: lib.mg_probe_read_f32(out, x, min(block, count), items), rounds)) - empty
    write = min(rounds_of(lambda: lib.mg_probe_write_f32(x, 0.0, count), rounds)) - empty
    copy = min(rounds_of(lambda: lib.mg_copy_f32(far, x, ffi.NULL, half), rounds)) - empty
    return Level(name, capacity, 4.0 * items * min(block, count) / read, 4.0 * count / write, 8.0 * half / copy)


def levels(rounds: int = 9) -> tuple[Level, ...]:
    """Every cache at half its size, and memory at a quarter of a gigabyte or four times the last cache, the smaller."""
    caches = cache_sizes()
    found = [level(name, size, size // 2, rounds) for name, size in caches]
    return (*found, level("memory", float("inf"), min(1 << 28, 4 * caches[-1][1]), min(rounds, 5)))


def call_cost(rounds: int = 9) -> float:
    """Seconds of the smallest op: `add` of two tensors of one element, without a tape."""
    import minigrad as mg

    x, y = mg.ones(1), mg.ones(1)
    return median(rounds_of(lambda: x + y, rounds))


def noise(rounds: int = 21, clock: Callable[[], float] = perf_counter) -> float:
    """The spread of a fixed loop of FMAs, which touches no memory: what it varies by is not its own doing."""
    factors, out = ffi.new("float[]", [0.5, 1.0]), ffi.new("float[]", 1)
    return spread_of(rounds_of(lambda: lib.mg_fma_peak_f32(out, factors, 8192, 1), rounds, clock=clock))


def measure(processor: str, rounds: int = 9) -> Machine:
    """The limits of this machine for the threads and the instruction set that are active."""
    return Machine(
        processor, _kernels.active_isa(), lib.mg_threads(), {size: peak(size, rounds) for size in (4, 8)}, levels(rounds), call_cost(rounds),
    )  # fmt: skip
