"""`minigrad bench`: the machine's limits, and how near to them the ops come."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def file(text: str) -> Path:
    """A file to be written, as an argument of the command: what takes minutes to measure must have a place to go."""
    path = Path(text).resolve()
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"got {text}, expected a file in a folder that exists")
    return path


def parser() -> argparse.ArgumentParser:
    """The verb's arguments."""
    made = argparse.ArgumentParser(
        prog="minigrad bench",
        description="Measures the machine, then the ops, each checked against NumPy first. `minigrad bench ladder` is a lesson in "
        "matmul, `minigrad bench train` a race of training steps, with arguments of their own.",
    )
    made.add_argument("names", nargs="*", metavar="NAME", help="ops to measure (default: a fixed list of common ones)")
    made.add_argument("--all", action="store_true", help="measure every op of the registry")
    made.add_argument("--threads", type=int, default=1, metavar="N", help="threads for minigrad and NumPy (default 1)")
    made.add_argument("--quick", action="store_true", help="two sizes and few rounds: seconds")
    made.add_argument("--force", action="store_true", help="measure although the machine is noisy")
    made.add_argument("--json", type=file, metavar="FILE", help="write the figures")
    made.add_argument("--plot", type=file, metavar="FILE.png", help="draw a roofline and a bar chart")
    made.add_argument("--markdown", action="store_true", help="print a table for a README")
    return made


def main(argv: Sequence[str]) -> int:
    """Runs the benchmark; returns its exit status."""
    if argv and argv[0] in ("ladder", "train"):
        from importlib import import_module

        return int(import_module(f"minigrad._bench.{'steps' if argv[0] == 'train' else 'ladder'}").main(list(argv[1:])))
    made = parser()
    given = made.parse_args(argv)
    if given.threads < 1:
        made.error(f"--threads: got {given.threads}, expected at least 1")
    if given.plot and find_spec("matplotlib") is None:
        print("bench: --plot needs matplotlib: pip install 'minigrad-c[bench]'", file=sys.stderr)
        return 1
    # NumPy's BLAS reads its thread budget when it is loaded, which it is by now: a new process has it from the start.
    budget = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(given.threads))
    if any(os.environ.get(name) != value for name, value in budget.items()):
        command = [sys.executable, "-m", "minigrad", "bench", *argv]
        return subprocess.run(command, env={**os.environ, **budget}, check=False).returncode
    return run(given)


def run(given: argparse.Namespace) -> int:
    """Measures and reports what the arguments ask for."""
    import minigrad as mg
    from minigrad import _machine as machine
    from minigrad.__main__ import _processor
    from minigrad._bench import cases, measure, report

    mg.set_num_threads(given.threads)
    rounds = 3 if given.quick else 9
    try:
        if not given.force:
            measure.require_quiet()
        names = cases.every_name() if given.all else list(cases.names(given.names))
        found = machine.measure(_processor(), rounds)
        rows = []
        for name in names:
            for size in cases.SIZES[1:3] if given.quick else cases.SIZES:
                case = cases.case(name, size)
                if case is not None:
                    rows.append(measure.time_case(case, found, rounds))
        if not given.force:
            measure.require_quiet()
    except KeyError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    except (measure.NoiseError, cases.CheckError) as error:
        print(error, file=sys.stderr)
        return 1
    if given.markdown:
        print(report.markdown(found, rows))
    else:
        report.show(found, rows)
    if given.json:
        given.json.write_text(report.as_json(found, rows) + "\n")
    if given.plot:
        report.plot(found, rows, given.plot)
    return 0
