"""The kernel ladder: every rung computes the same, and `minigrad bench ladder` shows how fast. (Alignments, guards and
fences are in test_kernels.py, as the rungs are kernels of the list.)"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from kernel_cases.calls import CSRC, DTYPES, KERNELS, assert_right, assert_same_bits, run
from kernel_cases.ladder import PRODUCTS, SOFTMAXES, rung_product, rung_softmax

import minigrad as mg
from minigrad import _kernels
from minigrad._bench import ladder

every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)


pytestmark = pytest.mark.usefixtures("one_thread")


# -- the kernels -------------------------------------------------------------------------------------------------------

#: (m, k, n): nothing, single numbers, primes, the edges of a tile, and more than a block of 64 x 1024 and a panel of 128.
PRODUCT_SHAPES = (
    (0, 3, 4), (3, 0, 4), (3, 4, 0), (0, 0, 0), (1, 1, 1), (1, 7, 1), (7, 1, 5), (1, 5, 67), (67, 5, 1),
    (5, 64, 63), (6, 65, 64), (7, 63, 65), (12, 128, 192), (13, 129, 191), (31, 257, 97), (3, 67, 1031), (2, 1031, 3),
)  # fmt: skip


@every_dtype
@pytest.mark.parametrize("shape", PRODUCT_SHAPES, ids=str)
def test_every_rung_of_matmul(shape: tuple[int, int, int], dtype: np.dtype[Any], isa: str) -> None:
    m, k, n = shape
    rng = np.random.default_rng(m + k + n)
    problem = rung_product(rng.uniform(-1, 1, (m, k)).astype(dtype), rng.uniform(-1, 1, (k, n)).astype(dtype))
    for name in PRODUCTS:
        assert_right(run(name, dtype, problem, shift=1, stagger=1), problem, dtype, f"{name} {shape}")


@every_dtype
def test_rungs_that_add_in_one_order_have_the_same_bits(dtype: np.dtype[Any], isa: str) -> None:
    """Exchanging the loops, cutting them into blocks, copying y and sharing strips change what waits for what, and not
    the order in which an element of out is summed."""
    rng = np.random.default_rng(0)
    problem = rung_product(rng.uniform(-1, 1, (13, 141)).astype(dtype), rng.uniform(-1, 1, (141, 1100)).astype(dtype))
    got = {name.removeprefix("ladder_"): run(name, dtype, problem) for name in PRODUCTS}
    for one, other in (("naive", "reordered"), ("naive", "blocked"), ("tiled", "packed"), ("packed", "threaded")):
        assert_same_bits(got[one], got[other], f"{one} and {other}")


@every_dtype
@pytest.mark.parametrize("shape", [(33, 129, 1031), (1024, 4, 257)], ids=str)
def test_threads_change_no_bit(shape: tuple[int, int, int], dtype: np.dtype[Any], isa: str) -> None:
    m, k, n = shape
    rng = np.random.default_rng(1)
    problem = rung_product(rng.uniform(-1, 1, (m, k)).astype(dtype), rng.uniform(-1, 1, (k, n)).astype(dtype))
    assert m * k * n >= 1 << 20, "one thread computes this"
    alone = run("ladder_packed", dtype, problem)
    for threads in (1, 2, 3):
        mg.set_num_threads(threads)
        assert_same_bits(run("ladder_threaded", dtype, problem), alone, f"{threads} threads")


@every_dtype
@pytest.mark.parametrize("name", SOFTMAXES)
def test_every_rung_of_softmax(name: str, dtype: np.dtype[Any], isa: str) -> None:
    rng = np.random.default_rng(2)
    for rows, cols in ((0, 5), (5, 0), (1, 1), (3, 2), (7, 15), (7, 16), (7, 17), (5, 31), (3, 67), (2, 1031), (1, 5003)):
        x = rng.uniform(-8, 8, (rows, cols)).astype(dtype)
        for what, content in (("any", x), ("rising", np.sort(x)), ("far from 0", x - dtype.type(1000))):
            problem = rung_softmax(name, content)
            assert_right(run(name, dtype, problem, shift=1), problem, dtype, f"{name}, {what}, {rows} x {cols}")


@every_dtype
@pytest.mark.parametrize("name", SOFTMAXES)
def test_softmax_of_infinities(name: str, dtype: np.dtype[Any], isa: str) -> None:
    """-inf has no probability, wherever it stands; a row of nothing else, of +inf or of NaN has no softmax."""
    for cols in (3, 17, 100, 300):
        x = np.random.default_rng(3).uniform(-3, 3, (8, cols)).astype(dtype)
        x[0, ::2] = x[1, 1:] = x[2, :-1] = -np.inf
        x[3] = -np.inf
        x[4, cols // 2] = np.inf
        x[5, -1] = x[6, 0] = np.nan
        x[7] = np.finfo(dtype).min
        problem = rung_softmax(name, x)
        assert_right(run(name, dtype, problem), problem, dtype, f"{name}, {cols} columns")


def test_the_lesson_names_every_rung() -> None:
    """In docs/ and above each function."""
    lesson, source = (CSRC.parent / "docs" / "ladder.md").read_text(), (CSRC / "kernels" / "ladder.inc").read_text()
    rungs = [name for name in KERNELS if name.startswith("ladder_")]
    assert set(rungs) == {*PRODUCTS, *SOFTMAXES}
    for name in rungs:
        assert f"`k_{name}`" in lesson
        body = re.search(rf"\*/\nstatic void k_{name}\(.*?\n}}\n", source, re.DOTALL)
        if name != "ladder_packed":  # whose comment is above the function that does the work
            assert body, f"k_{name} has no comment"
            assert body[0].count("\n") <= 42


# -- the command -------------------------------------------------------------------------------------------------------


def test_table_of_matmul(capsys: pytest.CaptureFixture[str]) -> None:
    assert ladder.main(["matmul", "--sizes", "24,8", "--quick", "--threads", "1"]) == 0
    text = capsys.readouterr().out
    for name in ("naive", "reordered", "blocked", "vectorised", "tiled", "packed", "threaded", "library", "GFLOP/s"):
        assert name in text
    assert f"{_kernels.active_isa()}, 1 thread" in text
    assert len(re.findall(r"\(x[\d.]+\)", text)) == 2 * 7  # all rungs but the first, at two sizes
    assert "left out" not in text


def test_table_of_softmax_and_json(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "figures.json"
    assert ladder.main(["softmax", "--sizes", "100,7", "--quick", "--threads", "1", "--json", str(path)]) == 0
    text = capsys.readouterr().out
    found = json.loads(path.read_text())
    assert found["isa"] == _kernels.active_isa()
    assert found["softmax"]["unit"] == "ns/element"
    assert found["softmax"]["sizes"] == [7, 100]
    assert list(found["softmax"]["rungs"]) == ["composed", "two-pass", "fused", "library"]
    for name, figures in found["softmax"]["rungs"].items():
        assert name in text
        assert all(0 < figure < 1e6 for figure in figures)


def test_threads_are_those_asked_for_and_given_back(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_kernels, "usable_processors", lambda: 2)
    assert ladder.main(["matmul", "--sizes", "16", "--quick", "--threads", "2"]) == 0
    text = capsys.readouterr().out
    assert "threaded, 2 threads" in text
    assert "library, 2 threads: beside threaded, 2 threads." in text
    assert mg.get_num_threads() == 1


def test_what_would_take_too_long_is_left_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(ladder, "PATIENCE", 1e-9)
    assert ladder.main(["matmul", "--sizes", "16", "--quick", "--threads", "1"]) == 0
    text = capsys.readouterr().out
    assert "-: left out, as one call would take longer than 1e-09 s." in text
    assert re.search(r"naive\W+-\W", text)
    assert re.search(r"library\W+\d", text)


def test_a_wrong_rung_is_an_error() -> None:
    rung = ladder.Rung("packed", "ladder_packed", 1, None)
    problem = ladder._matmul(8, [rung])
    problem.calls["packed"]()
    right = problem.out.copy()
    ladder._compare(rung, problem, right, 8)
    problem.out[3, 4] += 1
    with pytest.raises(ArithmeticError, match="packed at n = 8 differs"):
        ladder._compare(rung, problem, right, 8)
    problem.out[3, 4] = np.nan
    with pytest.raises(ArithmeticError, match="packed at n = 8 differs"):
        ladder._compare(rung, problem, right, 8)


def test_plot(tmp_path: Any) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "ladder.png"
    assert ladder.main(["matmul", "--sizes", "8,16", "--quick", "--threads", "1", "--plot", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def without(module: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.modules[{module!r}] = None; from minigrad._bench.ladder import main; sys.exit(main({arguments}))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_plot_without_matplotlib_names_the_extra() -> None:
    done = without("matplotlib", ["matmul", "--sizes", "8", "--quick", "--plot", "x.png"])
    assert done.returncode == 1
    assert "pip install 'minigrad-c[plot]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_table_needs_no_rich() -> None:
    done = without("rich", ["matmul", "--sizes", "8", "--quick", "--threads", "1"])
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"n = +8", lines[2])
    assert [line.split()[0] for line in lines[3:11]] == [
        "naive", "reordered", "blocked", "vectorised", "tiled", "packed", "threaded", "library",
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", [
    ["conv"], ["matmul", "--sizes", "0"], ["matmul", "--sizes", "a"], ["--sizes", "8"], ["--threads", "0"],
    ["--plot", "nowhere/x.png"], ["--json", "nowhere/x.json"],
], ids=" ".join)  # fmt: skip
def test_wrong_use_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        ladder.main(arguments)
    assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err
