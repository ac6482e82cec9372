"""Runs the tests against a build under AddressSanitizer and UndefinedBehaviorSanitizer. Called by `make sanitize`.

The sanitized extension is built into a folder of its own, so that the installed one stays as it is. Python itself is
not instrumented: the sanitizer's library is preloaded, and leaks, which would be Python's own, are not looked for.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "sanitize"
SANITIZERS = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1 -g"


def build() -> None:
    """A copy of the tree with the extension built in place."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name in ("csrc", "docs", "minigrad", "tests"):
        shutil.copytree(ROOT / name, FOLDER / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in ("pyproject.toml", "setup.py", "stubs.py", "README.md"):
        shutil.copy(ROOT / name, FOLDER / name)
    flags = {"CFLAGS": SANITIZERS, "LDFLAGS": "-fsanitize=address,undefined", "MINIGRAD_CFLAGS": SANITIZERS}
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=FOLDER,
        env={**os.environ, **flags},
        check=True,
    )


def library(name: str) -> str:
    """Where the compiler keeps a library of its own."""
    found = subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def main() -> int:
    """Builds, then runs pytest with the arguments given; returns its exit status."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "setuptools>=77", "cffi"], check=True)
    build()
    # libstdc++ as well: the sanitizer looks for what throws C++ exceptions when it starts, before matplotlib brings it.
    libraries = " ".join(library(name) for name in ("libasan.so", "libstdc++.so"))
    env = {
        **os.environ,
        "LD_PRELOAD": libraries,
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",  # too large: NumPy raises MemoryError
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONPATH": str(FOLDER),
    }
    return subprocess.run([sys.executable, "-m", "pytest", *sys.argv[1:]], cwd=FOLDER, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
