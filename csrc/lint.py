"""Compiles every C file with every compiler found, warnings being errors. Called by `make lint`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
FLAGS = ["-std=c11", "-O3", "-ffp-contract=off", "-fno-trapping-math"]


def check(job: tuple[str, Path]) -> str:
    """What one compiler says of one file; nothing where it is clean."""
    compiler, source = job
    command = [compiler, *FLAGS, *WARNINGS, "-I", str(HERE), "-c", str(source), "-o", os.devnull]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{compiler} {source.name}:\n{done.stderr}"


def main() -> int:
    """Runs all; the exit status is 1 where anything is not clean."""
    compilers = [name for name in ("gcc", "clang") if shutil.which(name)]
    if not compilers:
        sys.exit("lint: neither gcc nor clang is installed.")
    sources = sorted(HERE.rglob("*.c"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [text for text in pool.map(check, [(c, s) for c in compilers for s in sources]) if text]
    print("\n".join(found) or f"{len(sources)} C files clean under {' '.join(WARNINGS)} with {' and '.join(compilers)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
