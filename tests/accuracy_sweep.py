"""Measures the math functions against the C library: float32 on all 2^32 numbers, float64 on 10^7 and the special ones.

`make accuracy` runs it and prints the table of docs/accuracy.md; names of functions as arguments choose some of them.
It takes about an hour of one core, shared among the cores. The exit status is 1 where a bound is exceeded: 1.5 ULP
in float32, 2 ULP in float64, of the exact result, which the C library computes in double and long double.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cffi import FFI
from minigrad._C import ffi as kernel_ffi
from minigrad._C import lib

from minigrad._kernels import available_isas

FUNCTIONS = ("exp", "expm1", "log", "log1p", "tanh", "sigmoid", "erf", "erfc", "sin", "cos")
BOUND = {"f32": 1.5, "f64": 2.0}
POINTS = 10_000_000
# Where longer searches found the worst float64 results of log and log1p.
HARD = ("0x1.6988618da4a3cp-1", "0x1.c639eef3cf6ffp-2")
SOURCE = Path(__file__).with_suffix(".c")
DECLARATIONS = """
    typedef struct { double worst, at; int64_t wrong; double wrong_at; } verdict;
    void sweep32(const char *, void *, void *, const int *, int, uint32_t, uint32_t, verdict *);
    void sweep64(const char *, void *, void *, const int *, int, const double *, int64_t, double *, verdict *);
"""


class Verdict(NamedTuple):
    """The worst of a sweep: ULP, its argument, how many results are plainly wrong, and one of their arguments."""

    worst: float
    at: float
    wrong: int
    wrong_at: float


def compiled(folder: str) -> str:
    """The library made of accuracy_sweep.c."""
    target = str(Path(folder) / "accuracy_sweep.so")
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    subprocess.run([*compiler, "-std=c11", "-O2", "-shared", "-fPIC", str(SOURCE), "-o", target, "-lm"], check=True)
    return target


def special_points() -> np.ndarray[Any, np.dtype[np.float64]]:
    """0, inf, NaN, subnormal numbers, where results overflow or vanish, huge arguments, and known bad ones."""
    tiny, most = np.finfo(np.float64).smallest_normal, np.finfo(np.float64).max
    edges = [0.0, np.inf, np.nan, 5e-324, 1e-310, tiny, most, 1.0, 0.5, 2.0, 709.782712893384, 745.133219101941, 708.4]
    multiples = np.arange(1, 3000) * (np.pi / 2)
    nearest = 6381956970095103 * 2.0**797  # of all float64 numbers, to an odd multiple of pi / 2
    huge = [1e22, 2.0**30, 2.0**31, 2.0**52, 2.0**1000, nearest]
    points = np.concatenate([edges, multiples, huge, [float.fromhex(x) for x in HARD]])
    with np.errstate(over="ignore", under="ignore"):
        points = np.concatenate([points, np.nextafter(points, np.inf), np.nextafter(points, 0)])
    return np.concatenate([points, -points])


def float64_points(seed: int, count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Random numbers: of every size, of the sizes where the functions vary, and close to their delicate points."""
    random = np.random.default_rng(seed)
    part = count // 8
    sign = random.choice([-1.0, 1.0], (3, part))
    return np.concatenate(
        [
            random.integers(0, 2**64, part, np.uint64).view(np.float64),
            random.uniform(-750, 715, part),
            random.uniform(-40, 40, part),
            random.uniform(-1.5, 1.5, part),
            1 + np.exp2(random.uniform(-53, 0, part)) * sign[0],
            np.exp2(random.uniform(-1074, 0, part)) * sign[1],
            np.exp2(random.uniform(0, 60, part)) * sign[2],
            random.uniform(0, 4, part),
        ]
    )


def sweep(library: str, name: str, real: str, part: int, parts: int) -> list[Verdict]:
    """One part of a function's arguments; a verdict for each instruction set."""
    ffi = FFI()
    ffi.cdef(DECLARATIONS)
    check: Any = ffi.dlopen(library)

    def pointer(function: str) -> Any:
        return ffi.cast("void *", int(kernel_ffi.cast("intptr_t", kernel_ffi.addressof(lib, function))))

    isas = [("portable", "avx2", "avx512").index(isa) for isa in available_isas()]
    verdicts = ffi.new("verdict[]", len(isas))
    common = (name.encode(), pointer(f"mg_{name}_{real}"), pointer("mg_isa_select"), ffi.new("int[]", isas), len(isas))
    if real == "f32":
        size = 2**32 // parts
        check.sweep32(*common, part * size, part * size + size - 1, verdicts)
    else:
        x = float64_points(part, POINTS // parts)
        x = np.concatenate([special_points(), x]) if part == 0 else x
        got = np.empty_like(x)
        check.sweep64(*common, ffi.from_buffer("double[]", x), x.size, ffi.from_buffer("double[]", got), verdicts)
    return [Verdict(v.worst, v.at, v.wrong, v.wrong_at) for v in verdicts]


def merged(verdicts: list[Verdict]) -> Verdict:
    worst, wrong = max(verdicts), max(verdicts, key=lambda v: v.wrong)
    return worst._replace(wrong=sum(v.wrong for v in verdicts), wrong_at=wrong.wrong_at)


def hexadecimal(x: float) -> str:
    """As float.hex, without its trailing zeros."""
    digits, exponent = x.hex().split("p") if np.isfinite(x) else (str(x), "")
    return f"{digits.rstrip('0').rstrip('.')}p{exponent}" if exponent else digits


def row(pool: ProcessPoolExecutor, library: str, name: str, real: str, parts: int) -> list[Verdict]:
    """A function's verdicts, one for each instruction set, from its parts."""
    jobs = [pool.submit(sweep, library, name, real, part, parts) for part in range(parts)]
    return [merged(list(found)) for found in zip(*(job.result() for job in jobs), strict=True)]


def main() -> int:
    """Prints a line of the table for each function and element type."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("functions", nargs="*", default=FUNCTIONS, metavar="function", help=", ".join(FUNCTIONS))
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--only", choices=list(BOUND), help="one element type")
    given = parser.parse_args()
    unknown = set(given.functions) - set(FUNCTIONS)
    if unknown:
        parser.error(f"got {', '.join(sorted(unknown))}, expected some of {', '.join(FUNCTIONS)}")
    isas, failed = available_isas(), 0
    minutes = len(given.functions) * 6 // given.processes
    print(f"This takes about {max(minutes, 1)} minutes.", file=sys.stderr)
    print(f"| function | type | {' | '.join(isas)} | worst argument |\n|---|---|{'---|' * len(isas)}---|", flush=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(given.processes, get_context("spawn")) as pool,
    ):
        library = compiled(folder)
        for name in given.functions:
            for real in [given.only] if given.only else BOUND:
                found = row(pool, library, name, real, 16)
                worst = " | ".join(f"{v.worst:.3f}" + (f", {v.wrong} wrong" if v.wrong else "") for v in found)
                print(f"| {name} | float{real[1:]} | {worst} | {hexadecimal(max(found).at)} |", flush=True)
                for v in found:
                    failed += v.worst > BOUND[real] or v.wrong > 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
