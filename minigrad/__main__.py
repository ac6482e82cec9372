"""The `minigrad` command: `minigrad demo`, `minigrad bench`, `minigrad info`."""

from __future__ import annotations

import argparse
import platform
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def _processor() -> str:
    """The processor's own name where the system tells it."""
    try:
        with open("/proc/cpuinfo") as text:
            for line in text:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        return platform.processor() or platform.machine()
    return platform.processor() or platform.machine()


def info() -> int:
    """Prints what this build runs on."""
    import numpy as np

    import minigrad as mg
    from minigrad import _kernels
    from minigrad._C import ffi, lib

    rows = {
        "minigrad": mg.__version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "processor": _processor(),
        "instruction sets": f"{_kernels.active_isa()} active, {_kernels.active_isa(short=True)} for short work; "
        f"{', '.join(_kernels.available_isas())} available",
        "threads": f"{mg.get_num_threads()} of {_kernels.usable_processors()} processors",
        "compiler": ffi.string(lib.mg_compiler()).decode(),
        "OpenMP": "yes" if lib.mg_has_openmp() else "no: kernels use one thread",
    }
    for name, value in rows.items():
        print(f"{name:<18}{value}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="minigrad", description="Tape-based automatic differentiation over its own C kernels."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    demo = verbs.add_parser("demo", help="train a network that reads handwritten digits, and draw its learning curve")
    demo.add_argument("--epochs", type=int, default=60, help="passes over the training data (default 60)")
    demo.add_argument("--seed", type=int, default=0, help="seed of every random number (default 0)")
    demo.add_argument(
        "--out", default="minigrad-demo.png", metavar="FILE", help="where the picture goes (default minigrad-demo.png)"
    )
    verbs.add_parser("info", help="version, processor, instruction sets, threads, compiler, NumPy")
    verbs.add_parser("bench", help="measure the machine's limits, and how near the ops come", add_help=False)
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == ["bench"]:
        from minigrad._bench import main as bench

        return bench(words[1:])
    given = parser.parse_args(words)
    if given.verb == "info":
        return info()
    if given.epochs < 1:
        parser.error(f"--epochs: got {given.epochs}, expected at least 1")
    from minigrad._demo import run

    return run(given.epochs, given.seed, given.out)


if __name__ == "__main__":
    sys.exit(main())
