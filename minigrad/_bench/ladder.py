"""`minigrad bench ladder`: the rungs of csrc/kernels/ladder.inc, timed side by side. docs/ladder.md is the lesson."""

from __future__ import annotations

import argparse
import json
import sys
from math import ceil
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from minigrad import _kernels
from minigrad._bench import file
from minigrad._kernels import ffi, lib

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    Numbers = np.ndarray[Any, np.dtype[Any]]
    Kernel = Callable[[], object]

#: A rung that would need longer than this for one call, in seconds, is left out.
PATIENCE = 1.0
EXTRA = "pip install 'minigrad-c[plot]'"


class Rung(NamedTuple):
    """A kernel by the name that the tables give it, how many threads it may use, and the rung it is compared with."""

    name: str
    kernel: str
    threads: int
    before: str | None


class Problem(NamedTuple):
    """Of one size: each rung as a call without arguments, where they leave their result, how far apart results may be,
    and the work of a call, in billions of operations or of elements."""

    calls: dict[str, Kernel]
    out: Numbers
    tolerance: float
    work: float


class Ladder(NamedTuple):
    """What is climbed: `make(size, rungs)` gives the problem; the figure is work per second, or its inverse."""

    title: str
    axis: str
    unit: str
    inverse: bool
    sizes: Sequence[int]
    rungs: Sequence[Rung]
    make: Callable[[int, Sequence[Rung]], Problem]


#: Figures by rung, one for each size; None where the rung was left out.
Figures = dict[str, list["float | None"]]


# -- problems ----------------------------------------------------------------------------------------------------------


def _aligned(*shape: int) -> Numbers:
    """float32 from the beginning of a page on, as the library's large arrays are."""
    size = int(np.prod(shape)) * 4
    block = np.zeros(size + 4096, np.uint8)
    first = -block.__array_interface__["data"][0] % 4096
    return block[first : first + size].view(np.float32).reshape(shape)


def _memory(array: Numbers) -> Any:
    """The array as C takes it; keeps it alive."""
    return ffi.from_buffer("float[]", array, require_writable=True)


def _kernel(name: str) -> Any:
    return getattr(lib, f"mg_{name}_f32")


def _matmul(size: int, rungs: Sequence[Rung]) -> Problem:
    """A square product, 2 size^3 operations. Sums of `size` terms up to 1, in whatever order, are less than size^2 u off
    (Higham 2002, section 3.1)."""
    rng, out = np.random.default_rng(size), _aligned(size, size)
    x, y = _aligned(size, size), _aligned(size, size)
    x[...], y[...] = rng.uniform(-1, 1, x.shape), rng.uniform(-1, 1, y.shape)
    product = ffi.new("mg_product *", (size, size, size, size, 1, size, 1, ffi.NULL))
    work = _memory(_aligned(max(1, lib.mg_matmul_work(product))))
    operands = _memory(out), _memory(x), _memory(y)

    def call(kernel: str) -> Kernel:
        run = _kernel(kernel)
        if kernel == "matmul":
            return lambda: run(*operands, ffi.NULL, work, product)
        return lambda: run(*operands, size, size, size)

    return Problem({r.name: call(r.kernel) for r in rungs}, out, 2 * size**2 * 2.0**-24, 2e-9 * size**3)


def _softmax(total: int) -> Callable[[int, Sequence[Rung]], Problem]:
    """Rows of `size` numbers, about `total` in all: results up to 1, from sums whose roundings largely cancel."""

    def make(cols: int, rungs: Sequence[Rung]) -> Problem:
        rows = max(1, total // cols)
        x, out = _aligned(rows, cols), _aligned(rows, cols)
        x[...] = np.random.default_rng(cols).uniform(-8, 8, x.shape)
        to, work, given = _memory(out), _memory(_aligned(rows)), _memory(x)

        def call(kernel: str) -> Kernel:
            run = _kernel(kernel)
            if kernel == "softmax":
                return lambda: run(to, given, cols, rows)
            if kernel == "ladder_composed":
                return lambda: run(to, work, given, rows, cols)
            return lambda: run(to, given, rows, cols)

        return Problem({r.name: call(r.kernel) for r in rungs}, out, 1e-5, 1e-9 * rows * cols)

    return make


# -- the ladders -------------------------------------------------------------------------------------------------------


def _many(name: str, threads: int) -> str:
    return f"{name}, {threads} threads" if threads > 1 else name


def _ladders(threads: int, quick: bool) -> dict[str, Ladder]:
    steps = ("naive", "reordered", "blocked", "vectorised", "tiled", "packed")
    rungs = [Rung(name, f"ladder_{name}", 1, before) for name, before in zip(steps, (None, *steps))]
    shared = _many("threaded", threads)
    rungs += [Rung(shared, "ladder_threaded", threads, "packed"), Rung("library", "matmul", 1, "packed")]
    rows = [
        Rung("composed", "ladder_composed", 1, None),
        Rung("two-pass", "ladder_two_pass", 1, "composed"),
        Rung("fused", "ladder_fused", 1, "two-pass"),
        Rung("library", "softmax", 1, "fused"),
    ]
    if threads > 1:
        rungs.append(Rung(_many("library", threads), "matmul", threads, shared))
        rows.append(Rung(_many("library", threads), "softmax", threads, "library"))
    squares = (32, 64, 128, 256) if quick else (32, 64, 128, 256, 512, 1024, 2048)
    widths = (10, 100, 1000, 10_000) if quick else (10, 100, 1000, 10_000, 100_000, 1_000_000, 16_000_000)
    total = 1 << (18 if quick else 24)
    return {
        "matmul": Ladder("matmul, n x n by n x n", "n", "GFLOP/s", False, squares, rungs, _matmul),
        "softmax": Ladder("softmax of rows of n", "n", "ns/element", True, widths, rows, _softmax(total)),
    }


# -- measuring ---------------------------------------------------------------------------------------------------------


def _seconds(rung: Rung, call: Kernel, times: int) -> float:
    """Of one call, from `times` in a row."""
    lib.mg_set_threads(rung.threads)
    begin = perf_counter()
    for _ in range(times):
        call()
    return (perf_counter() - begin) / times


def _compare(rung: Rung, problem: Problem, expected: Numbers, size: int) -> None:
    """A fast wrong answer is no rung."""
    worst = float(np.abs(problem.out - expected).max())
    if not worst <= problem.tolerance:
        raise ArithmeticError(
            f"minigrad bench ladder: {rung.name} at n = {size} differs from the library's kernel by {worst:.2g}, "
            f"expected at most {problem.tolerance:.2g}."
        )


def _climb(problem: Problem, size: int, rungs: Sequence[Rung], rounds: int, slice_: float) -> dict[str, float]:
    """Seconds of a call of each rung: the median of rounds in which all take turns, each for `slice_` seconds or one
    call; rungs whose call is long are in the first rounds alone."""
    reference = next(r for r in rungs if not r.kernel.startswith("ladder_"))
    problem.calls[reference.name]()
    expected, times = problem.out.copy(), {}
    for rung in rungs:
        problem.out.fill(np.nan)
        first = _seconds(rung, problem.calls[rung.name], 1)
        _compare(rung, problem, expected, size)
        times[rung.name] = max(1, ceil(slice_ / max(first, 1e-7)))
    found: dict[str, list[float]] = {rung.name: [] for rung in rungs}
    for turn in range(rounds):
        for rung in rungs:
            if turn < 3 or sum(found[rung.name]) * times[rung.name] < PATIENCE:
                found[rung.name].append(_seconds(rung, problem.calls[rung.name], times[rung.name]))
    return {name: median(several) for name, several in found.items()}


def measure(ladder: Ladder, rounds: int, slice_: float) -> Figures:
    """Every rung at every size, but those that would take longer than PATIENCE, by what they did at the size before."""
    figures: Figures = {rung.name: [] for rung in ladder.rungs}
    small = min(64, *ladder.sizes)
    problem = ladder.make(small, ladder.rungs)
    speed = {name: problem.work / s for name, s in _climb(problem, small, ladder.rungs, 1, 1e-4).items()}
    for size in ladder.sizes:
        problem = ladder.make(size, ladder.rungs)
        rungs = [r for r in ladder.rungs if problem.work / speed[r.name] <= PATIENCE or not r.kernel.startswith("ladder_")]
        found = _climb(problem, size, rungs, rounds, slice_)
        speed |= {name: problem.work / seconds for name, seconds in found.items()}
        for rung in ladder.rungs:
            rate = speed[rung.name]
            figures[rung.name].append(None if rung not in rungs else 1 / rate if ladder.inverse else rate)
    return figures


# -- showing -----------------------------------------------------------------------------------------------------------


def _digits(figure: float) -> str:
    return f"{figure:.0f}" if figure >= 100 else f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}"


def _cell(ladder: Ladder, figures: Figures, rung: Rung, i: int) -> str:
    """The figure, and how many times as fast as the rung before that is."""
    figure = figures[rung.name][i]
    if figure is None:
        return "-"
    before = figures[rung.before][i] if rung.before else None
    if before is None:
        return _digits(figure)
    return f"{_digits(figure)} (x{_digits(before / figure if ladder.inverse else figure / before)})"


def show(ladder: Ladder, figures: Figures) -> None:
    """A table, rung by size; by rich where it is installed."""
    head = [f"{ladder.axis} =", *map(str, ladder.sizes)]
    rows = [[r.name, *(_cell(ladder, figures, r, i) for i in range(len(ladder.sizes)))] for r in ladder.rungs]
    title = f"{ladder.title}, float32: {ladder.unit} (times as fast as the rung before)"
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        print(title)
        for row in (head, *rows):
            print(row[0].ljust(widths[0]), *(text.rjust(w) for text, w in zip(row[1:], widths[1:], strict=True)), sep="  ")
    else:
        table = Table(title=title, title_justify="left")
        for i, text in enumerate(head):
            table.add_column(text, justify="right" if i else "left", no_wrap=not i)
        for row in rows:
            table.add_row(*row)
        Console(width=None if sys.stdout.isatty() else 140).print(table)
    for rung in ladder.rungs:
        if rung.before and not rung.kernel.startswith("ladder_"):
            print(f"{rung.name}: beside {rung.before}.")
    if any(None in column for column in figures.values()):
        print(f"-: left out, as one call would take longer than {PATIENCE:g} s.")


def plot(path: Path, results: Sequence[tuple[Ladder, Figures]], caption: str) -> None:
    """Figures against size, a line for each rung, as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = Figure(figsize=(6.5 * len(results), 5), layout="constrained")
    FigureCanvasAgg(picture)
    picture.suptitle(caption, fontsize=10)
    for axis, (ladder, figures) in zip(picture.subplots(1, len(results), squeeze=False)[0], results, strict=True):
        for rung in ladder.rungs:
            points = [(n, f) for n, f in zip(ladder.sizes, figures[rung.name], strict=True) if f is not None]
            style = "o-" if rung.kernel.startswith("ladder_") else "k--" if rung.threads == 1 else "k:"
            axis.plot(*zip(*points, strict=True), style, markersize=3, label=rung.name)
        axis.set_xscale("log", base=10 if ladder.inverse else 2)
        axis.set(yscale="log", title=ladder.title, xlabel=ladder.axis, ylabel=ladder.unit)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, fontsize=8)
    picture.savefig(path, dpi=120)


# -- the command -------------------------------------------------------------------------------------------------------


def _sizes(text: str) -> list[int]:
    sizes = [int(part) for part in text.split(",")]
    if min(sizes) < 1:
        raise ValueError
    return sorted(set(sizes))


_sizes.__name__ = "list of sizes"  # argparse: "invalid list of sizes value"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="minigrad bench ladder", description="From naive loops to a fast kernel, rung by rung (docs/ladder.md)."
    )
    parser.add_argument("which", nargs="?", choices=("matmul", "softmax"), help="one ladder (default: both)")
    parser.add_argument("--sizes", type=_sizes, metavar="N,N,...", help="of the matrices, or of the rows of softmax")
    parser.add_argument("--plot", type=file, metavar="FILE.png", help="draw the figures against size")
    parser.add_argument("--json", type=file, metavar="FILE", help="write the figures")
    parser.add_argument("--threads", type=int, metavar="N", help="of the last rungs (default: as many as the kernels use)")
    parser.add_argument("--quick", action="store_true", help="small sizes and short timings: seconds, not a minute")
    return parser


def _has_matplotlib() -> bool:
    try:
        import matplotlib.figure  # noqa: F401 - drawing comes last, and must not fail then
    except ImportError:
        print(f"minigrad bench ladder: --plot draws with matplotlib, which is missing: {EXTRA}", file=sys.stderr)
        return False
    return True


def main(argv: list[str]) -> int:
    """Runs the command; returns its exit status."""
    from minigrad.__main__ import _processor

    parser = _parser()
    given = parser.parse_args(argv)
    before = _kernels.get_num_threads()
    threads = before if given.threads is None else given.threads
    if not 1 <= threads <= _kernels.usable_processors():
        parser.error(f"--threads: got {threads}, expected 1 to {_kernels.usable_processors()}, the processors here")
    if given.sizes and not given.which:
        parser.error("--sizes: the ladders' sizes differ, so name one of them: matmul or softmax")
    if given.plot and not _has_matplotlib():
        return 1
    caption = f"{_processor()}, {_kernels.active_isa()}, {threads} thread{'s' if threads > 1 else ''}"
    print(caption)
    results, rounds, slice_ = [], 3 if given.quick else 7, 2e-3 if given.quick else 2e-2
    try:
        for name, ladder in _ladders(threads, given.quick).items():
            if given.which in (None, name):
                climbed = ladder._replace(sizes=given.sizes or ladder.sizes)
                results.append((climbed, measure(climbed, rounds, slice_)))
                show(*results[-1])
    finally:
        _kernels.set_num_threads(before)
    if given.json:
        given.json.write_text(json.dumps(_as_json(results, threads, _processor()), indent=1) + "\n")
    if given.plot:
        plot(given.plot, results, caption)
    return 0


def _as_json(results: Sequence[tuple[Ladder, Figures]], threads: int, processor: str) -> dict[str, Any]:
    ladders = {
        ladder.title.partition(" ")[0].strip(","): {"unit": ladder.unit, "sizes": list(ladder.sizes), "rungs": figures}
        for ladder, figures in results
    }
    return {"processor": processor, "isa": _kernels.active_isa(), "threads": threads, "dtype": "float32", **ladders}
