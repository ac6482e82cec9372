"""The `minigrad` command, as a user runs it."""

import os
import subprocess
import sys

import pytest

import minigrad as mg
from minigrad import _kernels
from minigrad.__main__ import main


def run(*arguments, code=None, **environment):
    command = [sys.executable, "-c", code, *arguments] if code else [sys.executable, "-m", "minigrad", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


def test_info_names_what_runs(capsys):
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    assert mg.__version__ in text
    for line in ("processor", "instruction sets", "threads", "compiler", "OpenMP", "NumPy"):
        assert line in text
    assert f"{_kernels.active_isa()} active" in text


def test_info_shows_a_forced_instruction_set():
    assert "portable active" in run("info", MINIGRAD_ISA="portable").stdout


def test_help_lists_the_verbs():
    lines = run("--help").stdout.splitlines()
    assert {"demo", "info", "bench"} <= {line.split()[0] for line in lines if line.strip()}


@pytest.mark.parametrize("arguments", [[], ["unknown"], ["demo", "--epochs", "0"]])
def test_wrong_use_exits_with_2(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert "usage" in done.stderr


def test_demo_trains_and_draws(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "curve.png"
    assert main(["demo", "--epochs", "8", "--out", str(picture)]) == 0
    text = capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture) in text.replace("\n", "")
    accuracy = float(text.split("test accuracy ")[1].split("%")[0])
    assert accuracy > 93
    assert "digits misread" in text
    assert "trained for 8 epochs" in text


def test_demo_refuses_a_folder_that_does_not_exist(tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path / "nowhere" / "x.png")]) == 2
    assert "--out" in capsys.readouterr().err


def test_demo_without_plots_names_the_extra():
    hidden = "import sys; sys.modules['matplotlib'] = None; from minigrad.__main__ import main; sys.exit(main(['demo']))"
    done = run(code=hidden)
    assert done.returncode == 1
    assert "pip install 'minigrad-c[plot]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
