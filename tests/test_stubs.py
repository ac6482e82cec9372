"""The stub files say what is there at run time."""

import inspect
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn  # the losses are declared when they are first asked for
from minigrad import _op
from minigrad._array import Array
from minigrad.testing import materialize

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
import stubs  # noqa: E402 - it stands beside setup.py, in no package

OFFERED = stubs.offered()


@pytest.mark.parametrize("space", list(_op.surface))
def test_every_name_has_a_signature(space):
    assert set(OFFERED[space]) == set(_op.surface[space])


@pytest.mark.parametrize("name", sorted(OFFERED["minigrad"]))
def test_parameters_are_those_of_the_function(name):
    names: dict[str, object] = {"Sequence": list, "Callable": object, "Array": Array, "Generator": object, "float64": mg.float64, "Any": object}
    names |= {"Dims": object, "Function": object, "Tensor": mg.Tensor}
    exec(f"from __future__ import annotations\n{stubs.function('f', OFFERED['minigrad'][name])}", names)
    function = _op.surface["minigrad"][name]
    record = getattr(function, "op", None)
    written = list(inspect.signature(names["f"]).parameters)
    assert written == (list(record.inputs + record.keywords) if record else list(inspect.signature(function).parameters))


def kinds(returns):
    """The types that a written annotation allows."""
    found = [kind for word, kind in (("Tensor", Array), ("tuple", tuple), ("Extrema", tuple), ("list", list), ("bool", bool)) if word in returns]
    return tuple(found)


@pytest.mark.parametrize("record", list(_op.registry.values()), ids=lambda r: r.name)
def test_results_are_what_is_written(record):
    spaces = [s for s in OFFERED.values() if record.name in s]
    for sample in record.samples() if spaces else ():
        inputs, keywords = materialize(sample, np.float64)
        assert isinstance(record.call(*inputs, **keywords), kinds(spaces[0][record.name].returns)), spaces[0][record.name].returns


def test_a_program_with_types(tmp_path):
    """What an editor would underline, if the stubs were missing or wrong."""
    api = pytest.importorskip("mypy.api")
    program = tmp_path / "program.py"
    program.write_text(
        "import minigrad as mg\n"
        "x: mg.Tensor = mg.tensor([1.0], requires_grad=True).exp().sum(dim=0)\n"
        "y: mg.Tensor = mg.matmul(x, x).clamp_(min=0.0) + mg.where(x > 0, x, 0.0)\n"
        "values, indices = mg.randn(3).sort()\n"
        "y.backward()\n"
        "mg.expp(x)\n"
    )
    output, _, _ = api.run(["--strict", "--no-error-summary", "--cache-dir", str(tmp_path), str(program)])
    (line,) = output.splitlines()
    assert 'error: Module has no attribute "expp"' in line
