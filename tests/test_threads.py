"""Threads: the same bits for any number of them, sums that stay accurate, forked children, and what sets their number."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from kernel_cases import large_problems, maps
from kernel_cases.calls import (
    COSTS,
    DTYPES,
    GRAIN,
    KERNELS,
    WALKING,
    Guarded,
    assert_right,
    assert_same_bits,
    call,
    lanes,
    run,
)
from minigrad._C import ffi, lib

import minigrad as mg
from minigrad import _kernels

if TYPE_CHECKING:
    from collections.abc import Iterator

    Numbers = np.ndarray[Any, np.dtype[Any]]

every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)
needs_openmp = pytest.mark.skipif(not lib.mg_has_openmp(), reason="this build has one thread")


@pytest.fixture(autouse=True)
def _number_of_threads() -> Iterator[None]:
    before = mg.get_num_threads()
    yield
    mg.set_num_threads(before)


# -- the same bits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COSTS)
def test_large_problems_are_cut_into_blocks(name: str) -> None:
    """As parallel.h does: so the test below does not compare one thread with one thread."""
    blocks = 0
    for problem in large_problems(name, DTYPES[0]):
        block = max(1, GRAIN // max(1, eval(COSTS[name], {k: problem.given.get(k) for k in ("cols", "rounds", "size", "turns", "channels", "inner")})))
        blocks = max(blocks, -(-problem.given["n"] // block))
    assert blocks >= 2


@every_dtype
@pytest.mark.parametrize("name", KERNELS)
def test_any_number_of_threads_gives_the_same_bits(name: str, dtype: np.dtype[Any]) -> None:
    """At sizes that are cut into blocks, and at other addresses each time."""
    for (i, problem), isa in product(enumerate(large_problems(name, dtype)), _kernels.available_isas()):
        what = f"{name} on {isa}, problem {i}"
        with _kernels.use_isa(isa):
            mg.set_num_threads(1)
            alone = run(name, dtype, problem)
            assert_right(alone, problem, dtype, what)
            for threads in (2, 3, 8) if i == 0 else (3,):  # where the work is cut does not follow from the threads
                mg.set_num_threads(threads)
                got = run(name, dtype, problem, shift=threads, stagger=threads - 2)
                assert_same_bits(got, alone, f"{what}, {threads} threads")


@every_dtype
@pytest.mark.parametrize("name", WALKING)
def test_walks_are_shared_too(name: str, dtype: np.dtype[Any], isa: str) -> None:
    """A block may begin in the middle of any axis."""
    rng, shape = np.random.default_rng(0), (11, 97, 65)
    layouts = iter((
        ((65, 11, 97), lambda memory: memory.transpose(1, 2, 0)),
        ((97, 1), lambda memory: memory),
        ((11, 97, 130), lambda memory: memory[::-1, :, ::2]),
    ))  # fmt: skip
    views: list[Numbers] = []
    arguments: dict[str, Any] = {}
    for p in KERNELS[name]:
        if p.name in maps.MAPS[name].domains:
            own, seen = next(layouts)
            element = p.element(dtype)
            content = rng.integers(0, 2, own) if element.kind in "iu" else rng.uniform(0.01, 0.99, own)
            views.append(np.broadcast_to(seen(content.astype(element)), shape))
            arguments[p.name] = views[-1]
    arguments |= {k: maps.as_numbers(v, dtype) for k, v in maps.MAPS[name].scalars[0].items()}
    arguments["walk"] = ffi.new("mg_walk *", {"ndim": 3, "shape": shape})
    for i, view in enumerate(views):
        arguments["walk"].stride[i][0:3] = [s // view.itemsize for s in view.strides]
    results, element = {}, KERNELS[name][0].element(dtype)
    unwritten = np.nan if element == dtype else 255
    for threads in (1, 2, 3, 8):
        mg.set_num_threads(threads)
        out = Guarded(np.full(math.prod(shape), unwritten, element), threads)
        call(name, dtype, {**arguments, KERNELS[name][0].name: out.array, "n": math.prod(shape)})
        out.check(name)
        results[threads] = {"out": out.array}
        assert_same_bits(results[threads], results[1], f"{name}, {threads} threads")
    written = results[1]["out"]
    assert not (np.isnan(written) if element == dtype else written == unwritten).any()


def test_python_threads_compute_at_once(isa: str) -> None:
    """Calls leave the interpreter's lock, and each shares its work among threads of its own."""
    mg.set_num_threads(2)
    rng = np.random.default_rng(1)
    xs = [rng.uniform(-1, 1, (200, 300)).astype(np.float32) for _ in range(6)]
    expected = [(mg.tensor(x) @ mg.tensor(x).T).exp().sum(1).numpy().copy() for x in xs]
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(20):
            got = (mg.tensor(xs[i]) @ mg.tensor(xs[i]).T).exp().sum(1).numpy()
            if got.tobytes() != expected[i].tobytes():
                wrong.append(i)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(xs))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert not any(worker.is_alive() for worker in workers)
    assert wrong == []


# -- sums of ten million terms ------------------------------------------------------------------------------------------------

MANY = 10_000_000


class Terms(NamedTuple):
    """float32 numbers, their sum, and the sum of their sizes."""

    x: Numbers
    exact: float
    size: float


@pytest.fixture(scope="module")
def terms() -> dict[str, Terms]:
    """Uniform ones; the same with alternating signs; those whose additions all round the same way; one that is larger
    than all the others together can show."""
    rng = np.random.default_rng(2)
    uniform = rng.random(MANY, np.float32)
    adverse = np.full(MANY, 1 + 2.0**-23, np.float32)
    adverse[::3] = 1 + 3 * 2.0**-23
    cancelling, one_large = uniform.copy(), uniform.copy()
    cancelling[::2] *= -1
    one_large[0] = 2.0**24
    kinds = {"uniform": uniform, "cancelling": cancelling, "adverse": adverse, "one large": one_large}
    return {
        k: Terms(x, float(x.sum(dtype=np.longdouble)), float(np.abs(x).sum(dtype=np.float64))) for k, x in kinds.items()
    }


@pytest.mark.parametrize("kind", ["uniform", "cancelling", "adverse", "one large"])
def test_a_sum_of_ten_million_terms(kind: str, terms: dict[str, Terms], isa: str) -> None:
    """What rounding can do at the worst, from the way in which reduce.inc adds, u = 2^-24.

    A term is rounded 3 times in the tree of its 8 vectors; the running sum of the trees keeps its rounding errors, up
    to second order, and is closed with 1; its lanes are joined with log2 W; blocks are added in double; the result is
    rounded once. So |got - exact| <= (3 + 1 + log2 W + 1) u sum |x|, and u more for what is of second order.
    """
    x, exact, size = terms[kind]
    bound = (6 + math.log2(lanes(isa, x.dtype))) * 2.0**-24 * size
    assert abs(float(mg.from_numpy(x).sum()) - exact) <= bound


def test_a_sum_of_ten_million_random_terms_has_every_digit(terms: dict[str, Terms], isa: str) -> None:
    """Where rounding errors are as often up as down they hardly add: what is left is the last rounding, u of the sum,
    and as much of the lanes. Adding one after the other is wrong by a hundred times that."""
    x, exact, _ = terms["uniform"]
    assert abs(float(mg.from_numpy(x).sum()) - exact) <= 1e-7 * exact
    assert abs(float(mg.from_numpy(x).mean()) - exact / MANY) <= 1e-7 * exact / MANY
    assert abs(float(np.cumsum(x)[-1]) - exact) > 1e-5 * exact


# -- forked children ------------------------------------------------------------------------------------------------------------

FORK = """
import os, sys, warnings
import numpy as np
import minigrad as mg

warnings.simplefilter("ignore", DeprecationWarning)     # Python 3.12 warns of every fork while there are threads
mg.set_num_threads(4)
x = mg.tensor(np.random.default_rng(0).random((400, 400), np.float32))
long = mg.tensor(np.random.default_rng(1).random(1_000_000, np.float32))

def compute():
    return (x @ x).exp().numpy().tobytes() + long.sum().numpy().tobytes()

def child(connection=None):
    same = compute() == expected
    mg.set_num_threads(3)
    same = same and compute() == expected
    if connection is None:
        os._exit(7 if same else 1)
    connection.send(same)

expected = compute()
"""
RAW = """
for generation in range(2):
    pid = os.fork()
    if pid == 0:
        child()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert compute() == expected
print("done")
"""
NESTED = """
pid = os.fork()
if pid == 0:
    inner = os.fork()
    if inner == 0:
        child()
    os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]))
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
print("done")
"""
MULTIPROCESSING = """
import multiprocessing
context = multiprocessing.get_context("fork")
here, there = context.Pipe()
workers = [context.Process(target=child, args=(there,)) for _ in range(3)]
for worker in workers:
    worker.start()
assert all([here.recv() for _ in workers])
for worker in workers:
    worker.join()
    assert worker.exitcode == 0
assert compute() == expected
print("done")
"""


def python(source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a program in a process of its own, in which minigrad finds this environment and no thread settings. After a
    minute it has failed, and its children end with it."""
    kept = {k: v for k, v in os.environ.items() if k not in ("MINIGRAD_ISA", "MINIGRAD_NUM_THREADS", "OMP_NUM_THREADS")}
    kept["PYTHONPATH"] = os.pathsep.join([os.path.dirname(os.path.dirname(mg.__file__)), kept.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", source], env=kept | environment, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        err += "stopped after a minute"
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("way", [RAW, NESTED, MULTIPROCESSING], ids=["fork", "child of a child", "multiprocessing"])
def test_a_forked_child_computes(way: str) -> None:
    """The parent's threads do not exist in the child, which would wait for them for ever: the time limit is the test."""
    done = python(FORK + way)
    assert done.stdout.strip() == "done", done.stderr


# -- how many ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [0, -1, 1.0, "2", None, True, [2], 2**31, 2**64], ids=repr)
def test_set_num_threads_refuses(threads: Any) -> None:
    mg.set_num_threads(2)
    with pytest.raises(ValueError, match=r"^set_num_threads: argument threads: got .*, expected an int"):
        mg.set_num_threads(threads)
    assert mg.get_num_threads() == 2


def test_set_num_threads() -> None:
    for threads in (1, 5, 2):
        mg.set_num_threads(threads)
        assert mg.get_num_threads() == threads


PRINT = "import minigrad; print(minigrad.get_num_threads())"


@pytest.mark.parametrize(("environment", "threads"), [
    ({"OMP_NUM_THREADS": "3"}, 3),
    ({"OMP_NUM_THREADS": "5,2"}, 5),
    ({"MINIGRAD_NUM_THREADS": "4"}, 4),
    ({"MINIGRAD_NUM_THREADS": "4", "OMP_NUM_THREADS": "3"}, 4),
], ids=str)  # fmt: skip
def test_environment_sets_the_number(environment: dict[str, str], threads: int) -> None:
    done = python(PRINT, **environment)
    assert done.stdout.strip() == str(threads), done.stderr


@pytest.mark.parametrize("value", ["abc", "0", "-1", "2.5", "4,2", "1025", "9" * 30])
def test_a_number_of_threads_that_is_none_is_one_clear_error(value: str) -> None:
    done = python("import minigrad", MINIGRAD_NUM_THREADS=value)
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith(f"ValueError: MINIGRAD_NUM_THREADS: got {value!r}, expected an int from 1 to 1024.")


@pytest.mark.parametrize("value", ["abc", "0", "-1", ""])
def test_an_invalid_setting_of_openmp_is_openmps_own_business(value: str) -> None:
    done = python(PRINT, OMP_NUM_THREADS=value)
    assert done.stdout.strip() == str(_kernels.usable_processors()), done.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_affinity_sets_the_number() -> None:
    """No more threads than processors that the process may run on."""
    allowed = sorted(os.sched_getaffinity(0))
    for few in (allowed[:1], allowed):
        done = python(f"import os; os.sched_setaffinity(0, {few}); {PRINT}")
        assert done.stdout.strip() == str(len(few)), done.stderr


@needs_openmp
@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads in /proc")
def test_as_many_threads_work_as_are_set() -> None:
    """Small work wakes none; large work has as many as set; one is one."""
    source = """
import os
import minigrad as mg
def started(): return len(os.listdir("/proc/self/task")) - before
mg.set_num_threads(1)
before = len(os.listdir("/proc/self/task"))
small, large = mg.zeros(1000), mg.zeros(1_000_000)
large + large
print(started())
mg.set_num_threads(3)
small + small
print(started())
large + large
print(started())
"""
    done = python(source)
    assert done.stdout.split() == ["0", "0", "2"], done.stderr


# -- which instruction set -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("isa", _kernels.available_isas())
def test_environment_chooses_the_instruction_set(isa: str) -> None:
    done = python("from minigrad import _kernels; print(_kernels.active_isa())", MINIGRAD_ISA=isa)
    assert done.stdout.strip() == isa, done.stderr


def test_the_best_instruction_set_is_the_default() -> None:
    done = python("from minigrad import _kernels; print(_kernels.active_isa())")
    assert done.stdout.strip() == _kernels.available_isas()[-1], done.stderr


@pytest.mark.parametrize("isa", ["sse9", "AVX2"])
def test_an_unknown_instruction_set_is_one_clear_error(isa: str) -> None:
    done = python("import minigrad", MINIGRAD_ISA=isa)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ValueError: MINIGRAD_ISA: got {isa!r}, expected one of portable"), done.stderr
    assert "During handling" not in done.stderr


def test_select_isa_refuses_and_changes_nothing() -> None:
    before = _kernels.active_isa()
    with pytest.raises(ValueError, match="MINIGRAD_ISA: got 'neon', expected one of portable"):
        _kernels.select_isa("neon")
    assert _kernels.active_isa() == before
