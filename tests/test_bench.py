"""`minigrad bench`: the arithmetic of limits, the probes, the refusal of noise, and what it prints."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import _kernels
from minigrad import _machine as machine
from minigrad._bench import cases, main, measure, report, steps

MACHINE = machine.Machine(
    "a processor", "avx2", 1, {4: 100e9, 8: 50e9},
    (machine.Level("L1", 1e4, 200e9, 100e9, 150e9), machine.Level("memory", float("inf"), 10e9, 8e9, 9e9)), 1e-6,
)  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    before = mg.get_num_threads()
    mg.set_num_threads(1)
    yield
    mg.set_num_threads(before)


@pytest.mark.parametrize(
    ("flops", "traffic", "seconds", "word"),
    [(8, 64, 1e-6, "overhead"), (1e3, 1e6, 1e-4, "bandwidth"), (1e9, 1e6, 1e-2, "arithmetic"), (1e3, 1e4, 1e-6, "overhead")],
)
def test_the_largest_cost_is_the_limit(flops, traffic, seconds, word):
    assert MACHINE.limit(flops, traffic) == (pytest.approx(seconds), word)


def test_float64_has_a_peak_of_its_own():
    assert MACHINE.limit(1e9, 1e6, itemsize=8)[0] == pytest.approx(2e-2)


def test_probes_are_plausible():
    near, far = machine.level("L1", 32768, 16384, rounds=3), machine.level("memory", 1e9, 1 << 26, rounds=3)
    assert all(1e8 < rate < 1e13 for rate in (*near[2:], *far[2:]))
    assert near.best > far.best
    assert 1e-8 < machine.call_cost(3) < 1e-4


def test_the_peak_grows_with_the_lanes():
    """Twice as many float32 fit into a vector as float64. Generous, as the test may share its processor."""
    peaks = {}
    for isa in _kernels.available_isas():
        with _kernels.use_isa(isa):
            peaks[isa] = {itemsize: machine.peak(itemsize, rounds=5) for itemsize in (4, 8)}
        assert 1e8 < peaks[isa][8] < peaks[isa][4] * 0.8 < 1e13
    assert max(peaks, key=lambda isa: peaks[isa][4]) != "portable" or len(peaks) == 1


def test_rounds_count_a_fake_clock():
    ticks = iter(np.arange(1000.0))
    assert machine.rounds_of(lambda: None, 4, 0.5, lambda: next(ticks)) == [1.0] * 4


def test_spread_is_the_distance_of_the_quartiles():
    assert machine.spread_of([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(2 / 3)


def test_noise_of_a_fake_clock_is_refused():
    state = np.random.default_rng(0)
    now = [0.0]

    def clock():
        now[0] += state.uniform(1, 3)
        return now[0]

    with pytest.raises(measure.NoiseError, match="too noisy.*--force"):
        measure.require_quiet(lambda: machine.noise(clock=clock))


def test_a_processor_that_is_shared_is_noisy():
    """A loop that is interrupted once in twenty rounds, for as long as twenty take, has quartiles as if it were alone."""
    readings, now = 0, 0.0

    def clock():
        nonlocal readings, now
        readings += 1
        now += 21.0 if readings % 40 == 0 else 1.0
        return now

    assert machine.noise(clock=clock) == pytest.approx(1.0, abs=0.05)


def test_quiet_in_the_third_try_is_quiet():
    found = iter([0.5, 0.5, 0.01])
    assert measure.require_quiet(lambda: next(found)) == 0.01


def test_products_count_two_operations_a_term():
    case = cases.case("matmul", 1024)
    assert case.shapes == "32x32, 32x32"
    assert case.flops == 2 * 32**3
    assert case.traffic == 4 * 3 * 32**2
    assert cases.case("linear", 8).flops == 2 * 8**3 + 64
    assert cases.case("matmul", cases.SIZES[-1]) is None


def test_a_view_takes_nothing_but_the_call():
    view, copy = cases.case("identity", 1024), cases.case("clone", 1024)
    assert (view.flops, view.traffic) == (0, 0)
    assert MACHINE.limit(view.flops, view.traffic) == (MACHINE.call, "overhead")
    assert copy.traffic == 2 * 4 * 1024


def test_what_grows_faster_than_its_operands_is_left_out():
    assert cases.case("outer", 8).size == 8
    assert cases.case("outer", 65536) is None
    assert cases.case("reshape", 65536) is None  # whose keyword says what its extents are


@pytest.mark.parametrize("name", sorted(cases.AS_WRITTEN))
def test_what_users_of_numpy_write_computes_the_same(name):
    case = cases.case(name, 1024)
    np.testing.assert_allclose(case.ours().numpy(), case.numpy(), rtol=1e-4, atol=1e-5)


def test_a_wrong_result_is_not_timed():
    with pytest.raises(cases.CheckError, match="is not NumPy's"):
        cases.check("add", 2, lambda: mg.ones(2), lambda: np.zeros(2))
    with pytest.raises(cases.CheckError, match=r"the shape is \(2,\), NumPy's is \(1,\)"):
        cases.check("add", 2, lambda: mg.ones(2), lambda: np.ones(1))


def test_all_ops_are_those_that_users_call():
    names = cases.every_name()
    assert {*cases.DEFAULT, "var"} <= {*names}
    assert not [name for name in names if name.endswith("_bwd")]


def test_caches_grow_with_their_distance():
    sizes = [size for _, size in machine.cache_sizes()]
    assert sizes == sorted(sizes)
    assert 1 << 12 <= sizes[0] < 1 << 20


def test_every_default_op_has_a_case():
    for name in cases.DEFAULT:
        assert cases.case(name, 1024).size > 1


def rows():
    return [measure.time_case(cases.case("add", 64), MACHINE, rounds=3)]


def test_table_json_and_markdown_say_the_same():
    found = rows()
    text = report.markdown(MACHINE, found)
    assert "a processor" in text
    assert tuple(text.splitlines()[-3].strip("| ").split(" | ")) == report.HEAD
    assert all(cell in report.plain([report.cells(found[0])]) for cell in report.cells(found[0]))
    data = json.loads(report.as_json(MACHINE, found))
    assert data["machine"]["levels"][-1]["size"] is None
    assert data["rows"][0]["bound"] == "overhead"


def test_plot_draws(tmp_path):
    pytest.importorskip("matplotlib")
    report.plot(MACHINE, rows(), tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_measures_and_writes(capsys, monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(machine, "measure", lambda processor, rounds: MACHINE._replace(processor=processor))
    monkeypatch.setattr(measure.require_quiet, "__defaults__", (lambda: 0.0,))
    figures, picture = tmp_path / "figures.json", tmp_path / "picture.png"
    assert main(["neg", "matmul", "--quick", "--markdown", "--json", str(figures), "--plot", str(picture)]) == 0
    table = [line.split(" | ")[:2] for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert table == [["| op", "size"], ["| neg", "1024"], ["| neg", "65536"], ["| matmul", "32x32, 32x32"], ["| matmul", "256x256, 256x256"]]
    assert [row["name"] for row in json.loads(figures.read_text())["rows"]] == ["neg"] * 2 + ["matmul"] * 2
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("option", ["--json", "--plot"])
def test_a_file_in_no_folder_is_refused_before_anything_is_measured(option, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["add", "--force", option, "nowhere/x"])
    assert stopped.value.code == 2
    assert f"argument {option}: got nowhere/x, expected a file in a folder that exists" in capsys.readouterr().err


def test_unknown_names_noise_and_wrong_results_end_in_a_sentence(capsys, monkeypatch):
    assert main(["nonsense", "--force"]) == 2
    assert "expected the name of an op" in capsys.readouterr().err
    monkeypatch.setattr(measure.require_quiet, "__defaults__", (lambda: 1.0,))
    assert main(["add"]) == 1
    assert "--force" in capsys.readouterr().err
    monkeypatch.setattr(machine, "measure", lambda processor, rounds: MACHINE)
    monkeypatch.setitem(cases.AS_WRITTEN, "neg", lambda x: x)
    assert main(["neg", "--quick", "--force"]) == 1
    assert "neg at 1024: the result is not NumPy's within" in capsys.readouterr().err


def test_without_matplotlib_the_extra_is_named(capsys, monkeypatch):
    monkeypatch.setattr("minigrad._bench.find_spec", lambda name: None)
    assert main(["--plot", "x.png"]) == 1
    assert capsys.readouterr().err.strip().endswith("pip install 'minigrad-c[bench]'")


def test_with_rich_the_table_has_the_same_cells(capsys):
    pytest.importorskip("rich")
    found = rows()
    report.show(MACHINE, found)
    text = " ".join(capsys.readouterr().out.split())
    assert all(cell in text for cell in (*report.HEAD, *report.cells(found[0])))


def test_without_rich_the_table_is_plain(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    report.show(MACHINE, rows())
    assert "share of limit" in capsys.readouterr().out


def test_help():
    done = subprocess.run([sys.executable, "-m", "minigrad", "bench", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    for option in ("--json", "--plot", "--markdown", "--quick", "--force", "--threads", "ladder", "train"):
        assert option in done.stdout


@pytest.mark.parametrize("net", ["4-16-3", "64-32-10"])
def test_all_engines_make_the_same_steps(net):
    losses = {}
    for engine in steps.engines():
        run = steps.step(engine, net)
        losses[engine] = [run().item() if engine == "torch" else float(run()) for _ in range(5)]
    assert losses["minigrad"] == losses["minigrad jit"]
    for engine, found in losses.items():
        np.testing.assert_allclose(found, losses["numpy"], rtol=1e-5, err_msg=engine)


def test_the_race_of_steps(capsys, monkeypatch):
    monkeypatch.setattr(steps, "engines", lambda: ["minigrad", "minigrad jit", "numpy"])
    assert main(["train", "4-16-3", "--rounds", "1"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == "4-16-3, batch 32, 1 thread"
    assert [line[:14].strip() for line in lines] == ["minigrad", "minigrad jit", "numpy"]
    assert "1.00 x" in lines[1]
    assert main(["train", "4-16-3", "--rounds", "1", "--markdown"]) == 0
    head, _, line = capsys.readouterr().out.splitlines()
    assert head == "| net | batch | minigrad | minigrad jit | numpy |"
    assert re.fullmatch(r"\| 4-16-3 \| 32 \| [\d.]+ \([\d.]+x\) \| [\d.]+ \| [\d.]+ \([\d.]+x\) \|", line)
    with pytest.raises(SystemExit):
        main(["train", "5-5"])
    assert "expected nets of 4-16-3" in capsys.readouterr().err
