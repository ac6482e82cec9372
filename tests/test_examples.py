"""Each script of examples/, with few epochs and without a screen: it ends well, and what it promises is there."""

import inspect
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad as mg

FOLDER = Path(__file__).parent.parent / "examples"
SCRIPTS = sorted(FOLDER.glob("*.py"))

# Runs the script that its first argument names, where matplotlib cannot be imported.
WITHOUT_MATPLOTLIB = """
import runpy, sys
sys.modules["matplotlib"] = None
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the examples are not here")

every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)


def run(script, *arguments, code=None):
    """A script as a program of its own, on a matplotlib that has no screen."""
    environment = {**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": str(Path(mg.__file__).parent.parent)}
    program = [str(script)] if code is None else ["-c", code]
    return subprocess.run(
        [sys.executable, "-W", "error", *program, *arguments], capture_output=True, text=True, env=environment, check=False
    )


def headings(text):
    """The numbers of the parts that a lesson prints: 1. 2. 3. ..."""
    return [int(number) for number in re.findall(r"^(\d+)\. \S", text, re.MULTILINE)]


def promised(script):
    """The numbers of the parts in its source."""
    return [int(number) for number in re.findall(r"""["n](\d+)\. [A-Z{]""", script.read_text(encoding="utf-8"))]


@every_script
def test_is_a_lesson_that_fits_on_three_pages(script):
    text = script.read_text(encoding="utf-8")
    assert re.fullmatch(r"\d{3}_[a-z_]+", script.stem)
    assert len(text.splitlines()) < 150
    assert text.startswith('"""')


@every_script
def test_main_has_the_arguments_of_all(script):
    main = runpy.run_path(str(script), run_name=script.stem)["main"]
    epochs, plot, out = inspect.signature(main).parameters.values()
    assert (epochs.name, plot.name, out.name) == ("epochs", "plot", "out")
    assert epochs.default > 1
    assert plot.default is True
    assert out.default is None


@every_script
def test_prints_every_part_and_writes_its_pictures(script, tmp_path):
    pytest.importorskip("matplotlib")
    folder = tmp_path / "new"
    done = run(script, "--epochs", "2", "--save", str(folder))
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    parts = headings(done.stdout)
    assert parts
    assert parts == promised(script) == list(range(1, len(parts) + 1))
    pictures = list(folder.iterdir())
    assert pictures
    for picture in pictures:
        assert picture.name.startswith(script.stem)
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size > 5000


@every_script
def test_without_a_plot_prints_the_same_and_needs_no_matplotlib(script):
    """Twice, which also tells whether it is deterministic."""
    plain, bare = run(script, "--epochs", "2", "--no-plot"), run(script, str(script), "--epochs", "2", "--no-plot", code=WITHOUT_MATPLOTLIB)
    assert plain.returncode == bare.returncode == 0, plain.stderr + bare.stderr
    assert plain.stdout == bare.stdout


@every_script
def test_without_matplotlib_says_so_in_one_line(script):
    done = run(script, str(script), "--epochs", "1", code=WITHOUT_MATPLOTLIB)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "pip install 'minigrad-c[plot]'" in line
