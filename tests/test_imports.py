"""What `import minigrad` brings in, and that imports run one way through the package."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad as mg

PACKAGE = Path(mg.__file__).parent

# The layers of the package, lowest first: a module imports from its own layer and from those before it.
LAYERS = (
    {"_version", "_C", "errors"},
    {"_absent", "_indices", "_printing", "_shapes", "_samples", "_ulp"},
    {"_array", "_device", "_extents", "_kernels", "_machine", "_picks", "_settings"},
    {"_hooks", "_mode", "_views", "_writes", "_tape"},
    {"_generator", "_source", "_promote", "_backend", "_anomaly", "_listing", "_compile", "_rules", "_op", "_mistakes"},
    {"ops"},
    {"linalg", "_draw", "_questions", "_stacks", "_statistics"},
    {"_conversions", "_inplace", "_functions", "_methods", "_tensor"},
    {"_checkpoint", "_create", "_function", "_numpy", "autograd"},
    {"functional", "study"},
    {"nn", "optim", "data", "datasets", "io", "metrics", "plot", "progress", "testing", "cuda", "accelerator", "backends"},
    {"utils"},
    {"_capture", "_guards", "_plan", "_program_listing", "_program", "_refusals", "_jit"},
    {"__init__"},
    {"keras"},
    {"_bench", "_demo", "__main__"},
)
LAYER = {name: height for height, names in enumerate(LAYERS) for name in names}

#: What is imported when it is named.
SUBPACKAGES = ("nn", "optim", "data", "datasets", "io", "metrics", "plot", "progress", "study", "testing", "keras", "cuda", "accelerator", "backends", "utils")

# Within `ops`, from what moves and computes single numbers to what is made of these.
OPS = ("elementwise", "layout", "shape", "activation", "functions", "index", "reduce", "order", "softmax", "linalg", "contract", "random")

HEAVY = {
    "asyncio", "concurrent", "dataclasses", "email", "http", "importlib.metadata", "inspect", "logging", "matplotlib",
    "multiprocessing", "pandas", "rich", "safetensors", "scipy", "setuptools", "socket", "ssl", "torch", "unittest", "urllib",
}  # fmt: skip


def in_a_new_interpreter(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def newly_imported(statements, before="import numpy, _cffi_backend"):
    return set(
        in_a_new_interpreter(
            f"import sys, json\n{before}\nknown = set(sys.modules)\n{statements}\n"
            "print(json.dumps(sorted(set(sys.modules) - known)))"
        )
    )


def outside(modules):
    """Top-level packages that are neither minigrad nor of the standard library."""
    return {m.partition(".")[0] for m in modules} - {"minigrad", "_cffi_backend"} - set(sys.stdlib_module_names)


def test_import_brings_in_nothing_but_itself():
    modules = newly_imported("import minigrad")
    assert "minigrad._kernels" in modules
    assert not outside(modules)
    assert not {m for m in modules if m in HEAVY or m.partition(".")[0] in HEAVY}
    subpackages = {m.split(".")[1] for m in modules if m.count(".")}
    assert not subpackages & {*SUBPACKAGES}


def test_import_needs_numpy_and_cffi_alone():
    assert outside(newly_imported("import minigrad", before="")) == {"numpy"}


def test_what_is_imported_later_is_completed():
    assert {"nn", "optim", "keras", "jit", "save"} <= set(dir(mg))
    source = "import json, minigrad.optim as optim; print(json.dumps([n for n in optim.__all__ if n not in dir(optim)]))"
    assert in_a_new_interpreter(source) == []


def test_optim_brings_in_schedules_and_lbfgs_when_they_are_named():
    modules = newly_imported("import minigrad.optim as optim")
    assert not {"minigrad.optim.lr_scheduler", "minigrad.optim._lbfgs"} & modules
    modules = newly_imported("import minigrad.optim as optim; optim.lr_scheduler.StepLR; optim.LBFGS")
    assert {"minigrad.optim.lr_scheduler", "minigrad.optim._lbfgs"} <= modules
    with pytest.raises(AttributeError, match="no attribute 'Adm'"):
        mg.optim.Adm  # noqa: B018


@pytest.mark.parametrize("name", SUBPACKAGES)
def test_subpackages_are_imported_when_they_are_named(name):
    modules = newly_imported(f"import minigrad; assert minigrad.{name}.__name__ == 'minigrad.{name}'")
    assert f"minigrad.{name}" in modules
    assert not outside(modules)


def test_a_name_that_does_not_exist():
    with pytest.raises(AttributeError, match="module 'minigrad' has no attribute 'tensr'"):
        mg.tensr  # noqa: B018 - the access is what is tested


# -- one way -----------------------------------------------------------------------------------------------------------


def sources():
    return sorted(PACKAGE.rglob("*.py"))


def module_level_imports(path):
    """The minigrad modules that a file imports when it is imported itself: not those within functions, and not those
    for type checkers."""
    found = []
    pending = list(ast.parse(path.read_text()).body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            inside = node.module == "minigrad" or (PACKAGE.parent / node.module.replace(".", "/")).is_dir()
            found += [f"{node.module}.{a.name}" for a in node.names] if inside else [node.module]
        elif isinstance(node, ast.If):
            typing_only = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            pending += node.orelse if typing_only else [*node.body, *node.orelse]
        elif isinstance(node, ast.Try):
            pending += [*node.body, *node.orelse, *node.finalbody, *[s for h in node.handlers for s in h.body]]
        elif isinstance(node, (ast.With, ast.ClassDef)):
            pending += node.body
    return [name for name in found if name.partition(".")[0] == "minigrad"]


def test_every_module_stands_in_one_layer():
    assert sum(map(len, LAYERS)) == len(LAYER)
    assert {*LAYER} == {module_of(path)[0] for path in sources()} | {"_C"}


def module_of(path):
    """minigrad/ops/linalg.py -> ("ops", "linalg")"""
    return path.relative_to(PACKAGE).with_suffix("").parts


@pytest.mark.parametrize("path", sources(), ids=lambda p: "/".join(module_of(p)))
def test_imports_run_one_way(path):
    own = module_of(path)
    for name in module_level_imports(path):
        imported = name.split(".")[1:]
        target = imported[0] if imported and imported[0] in LAYER else "__init__"
        assert LAYER[target] <= LAYER[own[0]], f"{'/'.join(own)} imports {name}, which is above it"
        if own[0] == "ops" == target and len(own) > 1 and own[1] != "__init__":
            assert OPS.index(imported[1]) < OPS.index(own[1]), f"ops/{own[1]} imports ops/{imported[1]}, above it"


SAMPLE = """
from typing import TYPE_CHECKING
import minigrad.a
from minigrad import _tape as t
from minigrad.ops.linalg import matmul
from minigrad.ops import reduce
if TYPE_CHECKING:
    from minigrad import hidden
else:
    import minigrad.b
try:
    import minigrad.c
except ImportError:
    import minigrad.d
def f():
    import minigrad.later
"""


def test_the_parser_sees_what_it_must(tmp_path):
    file = tmp_path / "sample.py"
    file.write_text(SAMPLE)
    found = {name.removeprefix("minigrad.") for name in module_level_imports(file)}
    assert found == {"_tape", "a", "b", "c", "d", "ops.linalg", "ops.reduce"}


def test_the_extension_has_one_doorway():
    """Kernels are called in _kernels, and by programs; _array, the optimizers, the recorder and the plan know the extension
    for addresses."""
    users = {module_of(path)[0] for path in sources() if "minigrad._C" in " ".join(module_level_imports(path))}
    assert users == {"_array", "_capture", "_extents", "_kernels", "_plan", "_program", "_program_listing", "optim"}
