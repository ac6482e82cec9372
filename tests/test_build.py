"""The build's own logic: declarations from one list, and a clear word where there is no compiler."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from minigrad._C import lib

CSRC = Path(__file__).parent.parent / "csrc"

pytestmark = pytest.mark.skipif(not CSRC.is_dir(), reason="the sources are not here")


def test_every_line_of_the_list_became_two_functions():
    names = re.findall(r"^(?:KERNEL|RANGE)\((\w+),", (CSRC / "kernels.def").read_text(), re.MULTILINE)
    assert len(names) > 60
    assert len(set(names)) == len(names)
    for name in names:
        assert callable(getattr(lib, f"mg_{name}_f32"))
        assert callable(getattr(lib, f"mg_{name}_f64"))


def test_missing_compiler_is_one_sentence():
    done = subprocess.run(
        [sys.executable, str(CSRC / "build.py")], capture_output=True, text=True, check=False,
        env={**os.environ, "CC": "no-such-compiler"},
    )  # fmt: skip
    assert done.returncode != 0
    assert "install gcc or clang" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_no_flag_ties_the_build_to_this_processor():
    text = (CSRC / "build.py").read_text()
    assert "march" not in text
    assert "-Ofast" not in text
    assert "fast-math" not in text
