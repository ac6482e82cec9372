"""Which instruction set kernels use, and how many threads."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from minigrad._C import lib

if TYPE_CHECKING:
    from collections.abc import Iterator

ISAS = ("portable", "avx2", "avx512")


#: Counts changes of instruction set and threads, on which memory plans depend.
setting = 0


def _change() -> None:
    global setting
    setting += 1


def available_isas() -> tuple[str, ...]:
    """The instruction sets that this processor has and this build holds code for, slowest first."""
    return tuple(name for i, name in enumerate(ISAS) if lib.mg_isa_available(i))


def active_isa(short: bool = False) -> str:
    """The instruction set that kernels use now; for `short` work it may be another."""
    return ISAS[lib.mg_isa_active(short)]


def select_isa(name: str, short: str = "") -> None:
    """Makes all kernels use one instruction set, or another one for `short` work. ValueError if it is unknown or this
    processor lacks it."""
    for wanted in (name, short or name):
        if wanted not in available_isas():
            known = ", ".join(available_isas())
            raise ValueError(f"MINIGRAD_ISA: got {wanted!r}, expected one of {known}, which this processor has.")
    lib.mg_isa_select(ISAS.index(name), ISAS.index(short or name))
    _change()


@contextmanager
def use_isa(name: str) -> Iterator[None]:
    """Inside the block, all kernels use one instruction set."""
    before = active_isa(), active_isa(short=True)
    select_isa(name)
    try:
        yield
    finally:
        select_isa(*before)


def get_num_threads() -> int:
    """How many threads a kernel may use; small work takes one."""
    return int(lib.mg_threads())


#: More than any machine has today; OpenMP fails silently when the system refuses it so many.
MOST_THREADS = 1024


def set_num_threads(threads: int) -> None:
    """Sets how many threads a kernel may use, at least 1. Results have the same bits for any number."""
    if not isinstance(threads, int) or isinstance(threads, bool) or not 1 <= threads <= MOST_THREADS:
        raise ValueError(f"set_num_threads: argument threads: got {threads!r}, expected an int from 1 to {MOST_THREADS}.")
    lib.mg_set_threads(threads)
    _change()


def _initial_threads() -> int:
    """MINIGRAD_NUM_THREADS, or OMP_NUM_THREADS, or every processor that this process may run on.

    ValueError for an invalid MINIGRAD_NUM_THREADS. OMP_NUM_THREADS belongs to the OpenMP runtime, which ignores an invalid
    one (GNU's says so); it may list one number for each level of nesting.
    """
    ours = os.environ.get("MINIGRAD_NUM_THREADS", "").strip()
    if ours:
        if not ours.isdecimal() or not 1 <= int(ours) <= MOST_THREADS:
            raise ValueError(f"MINIGRAD_NUM_THREADS: got {ours!r}, expected an int from 1 to {MOST_THREADS}.")
        return int(ours)
    shared = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return min(int(shared), MOST_THREADS) if shared.isdecimal() and int(shared) > 0 else usable_processors()


def usable_processors() -> int:
    """How many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


set_num_threads(_initial_threads())
def automatic_isa() -> None:
    """Selects the fastest instruction set, and for short work the fastest without 512-bit vectors (csrc/dispatch.c)."""
    select_isa(available_isas()[-1], available_isas()[:2][-1])


if os.environ.get("MINIGRAD_ISA"):
    select_isa(os.environ["MINIGRAD_ISA"])
else:
    automatic_isa()
