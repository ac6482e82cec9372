"""Builds the extension minigrad._C: cffi declarations from minigrad.h and kernels.def, compiled with every C file.

setup.py names `ffi` of this module; nothing here runs after installation.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
# -fno-trapping-math: nothing here reads floating-point exceptions, and gcc vectorises selects only without them.
FLAGS = ["-std=c11", "-O3", "-ffp-contract=off", "-fno-trapping-math", "-fvisibility=hidden", "-g0"]
KERNEL = re.compile(r"^(KERNEL|RANGE)\((\w+), \((.*?)\), (\(.*?\), .*)\)$", re.MULTILINE)


def prototypes() -> str:
    """A declaration of mg_NAME_f32 and mg_NAME_f64 for every line of kernels.def."""
    lines = []
    for kind, name, parameters, _ in KERNEL.findall((HERE / "kernels.def").read_text()):
        if kind == "RANGE":
            parameters += ", int64_t n"
        for suffix, real in (("f32", "float"), ("f64", "double")):
            typed = re.sub(r"\bT\b", real, parameters)
            lines.append(f"void mg_{name}_{suffix}({typed});")
    return "\n".join(lines)


def thunks() -> str:
    """What program.h declares: for every kernel functions that take its arguments out of slots, and the tables of them."""
    functions, whole, parts, costs = [], [], [], []
    for kind, name, parameters, rest in KERNEL.findall((HERE / "kernels.def").read_text()):
        given = parameters.split(", ")
        fields = ["p" if "*" in p else "d" if p.startswith("T ") else "i" for p in given]
        unpacked = [f"s[{i}].{field}" for i, field in enumerate(fields)]
        cost = rest.rpartition("), ")[2] if kind == "RANGE" else ""
        costs.append(cost if cost.isdigit() else "0")
        assert len(given) + (kind == "RANGE") <= 12, f"{name}: MG_SLOTS are too few"
        for suffix in ("f32", "f64"):
            function, all_of_it = f"{name}_{suffix}", unpacked + ([f"s[{len(given)}].i"] if kind == "RANGE" else [])
            functions.append(f"static void replay_{function}(const mg_slot *s) {{ mg_{function}({', '.join(all_of_it)}); }}")
            whole.append(f"replay_{function}")
            parts.append(f"part_{function}" if cost.isdigit() else "0")
            if cost.isdigit():
                functions.append(
                    f"static void part_{function}(const mg_slot *s, int is_short, int64_t lo, int64_t hi) "
                    f"{{ mg_active_{suffix}(is_short)->{name}({', '.join(unpacked)}, lo, hi); }}"
                )
    return "\n".join([
        *functions,
        f"void (*const mg_thunks[])(const mg_slot *) = {{{', '.join(whole)}}};",
        f"void (*const mg_parts[])(const mg_slot *, int, int64_t, int64_t) = {{{', '.join(parts)}}};",
        f"const int64_t mg_costs[] = {{{', '.join(costs)}}};",
    ])  # fmt: skip


def public_api() -> str:
    """The marked region of minigrad.h."""
    text = (HERE / "minigrad.h").read_text()
    return text.split("/* cffi begins */")[1].split("/* cffi ends */")[0]


def compiler() -> list[str]:
    """The C compiler that setuptools will call; one sentence where there is none."""
    command = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if shutil.which(command[0]) is None:
        sys.exit(
            f"minigrad builds its kernels with a C compiler, and {command[0]!r} is not installed: install gcc or clang "
            "(Debian and Ubuntu: apt-get install gcc; Fedora: dnf install gcc; macOS: xcode-select --install)."
        )
    return command


def openmp_flags(command: list[str]) -> list[str]:
    """-fopenmp where a program with it compiles and links; nothing else, and the kernels use one thread."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "probe.c"
        source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
        probe = [*command, "-fopenmp", str(source), "-o", str(Path(folder) / "probe")]
        found = subprocess.run(probe, capture_output=True, check=False).returncode == 0
    return ["-fopenmp"] if found else []


def make_ffi() -> FFI:
    """The cffi builder that setuptools runs."""
    openmp = openmp_flags(compiler())
    declarations = public_api() + prototypes()
    sources = sorted(p for p in HERE.rglob("*.c"))
    builder = FFI()
    builder.cdef(declarations)
    builder.set_source(
        "minigrad._C",
        '#include "program.h"\n#include "table.h"\n' + prototypes() + "\n" + thunks(),
        # Relative paths: setuptools puts the objects below its build folder, and an sdist builds anywhere.
        sources=[str(p.relative_to(HERE.parent)) for p in sources],
        depends=[str(p.relative_to(HERE.parent)) for p in sorted(HERE.rglob("*")) if p.suffix in (".h", ".inc", ".def", ".py")],
        include_dirs=["csrc"],
        extra_compile_args=[*FLAGS, *openmp, *shlex.split(os.environ.get("MINIGRAD_CFLAGS", ""))],
        extra_link_args=openmp,
    )
    return builder


ffi = make_ffi()
