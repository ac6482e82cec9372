"""Every kernel of csrc/kernels.def, called below the ops: on every instruction set, in both element types, at sizes round
the vector width, at misaligned addresses, between guards, on special values and on strided operands.

The list is read from csrc/kernels.def: a kernel without an entry in kernel_cases fails here.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kernel_cases
import numpy as np
import pytest
from kernel_cases import maps, problems
from kernel_cases.calls import (
    DEFINITIONS,
    DTYPES,
    KERNELS,
    WALKING,
    Guarded,
    Problem,
    Want,
    assert_right,
    assert_same_bits,
    call,
    lanes,
    run,
)
from kernel_cases.entropy import MEAN, NONE, Options, entropy_gradient, entropy_problem
from kernel_cases.products import LAYOUTS, SHAPES, product_problem, shaped_product
from kernel_cases.rows import reduce_problem, softmax_problem
from kernel_cases.updates import UPDATES, update_problem
from minigrad._C import ffi, lib

import minigrad as mg
from minigrad import _kernels

if TYPE_CHECKING:
    Numbers = np.ndarray[Any, np.dtype[Any]]

every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)
every_kernel = pytest.mark.parametrize("name", KERNELS)


pytestmark = pytest.mark.usefixtures("one_thread")


# -- the list --------------------------------------------------------------------------------------------------------------


def test_every_kernel_has_an_entry() -> None:
    lines = [line for line in DEFINITIONS.splitlines() if line.startswith(("KERNEL(", "RANGE("))]
    assert len(KERNELS) == len(lines), "a line of kernels.def is not understood"
    assert set(kernel_cases.PROBLEMS) == set(KERNELS)
    assert set(maps.WALKS) == set(WALKING)


@pytest.mark.parametrize("suffix", ["f32", "f64"])
def test_the_extension_has_the_kernels_of_the_list(suffix: str) -> None:
    built = {name.removeprefix("mg_").removesuffix(f"_{suffix}") for name in dir(lib) if name.endswith(f"_{suffix}")}
    assert built == set(KERNELS)


# -- sizes, addresses, guards -------------------------------------------------------------------------------------------------


def sizes(isa: str, dtype: np.dtype[Any]) -> list[int]:
    w = lanes(isa, dtype)
    return sorted({0, 1, w - 1, w, w + 1, 2 * w - 1, 4 * w + 3, 1031})


@every_dtype
@every_kernel
def test_sizes(name: str, dtype: np.dtype[Any], isa: str) -> None:
    """Right at every size, with the same bits at misaligned addresses; nothing beyond the arrays is read into a result,
    or written."""
    for size in sizes(isa, dtype):
        for i, problem in enumerate(problems(name, dtype, size)):
            what = f"{name}, size {size}, problem {i}"
            aligned = run(name, dtype, problem)
            assert_right(aligned, problem, dtype, what)
            assert_same_bits(run(name, dtype, problem, shift=1, stagger=1), aligned, f"{what}, misaligned")


@every_dtype
@every_kernel
def test_every_alignment(name: str, dtype: np.dtype[Any], isa: str) -> None:
    problem = problems(name, dtype, 4 * lanes(isa, dtype) + 3)[-1]
    aligned = run(name, dtype, problem)
    for shift, stagger in product(range(1, 64 // dtype.itemsize), (0, 3)):
        assert_same_bits(
            run(name, dtype, problem, shift, stagger), aligned, f"{name}, shift {shift}, stagger {stagger}"
        )


# In a process of its own, as one access beyond a fence ends it: the last line printed says where.
FENCES = """
import sys
sys.path.insert(0, {tests!r})
from kernel_cases import problems
from kernel_cases.calls import DTYPES, KERNELS, Fenced, lanes, run
from minigrad import _kernels
_kernels.set_num_threads(1)
with _kernels.use_isa({isa!r}):
    for name in KERNELS:
        for dtype in DTYPES:
            w = lanes({isa!r}, dtype)
            for size in {{1, w + 1, 4 * w + 3}}:
                print(name, dtype, size, flush=True)
                for problem in problems(name, dtype, size):
                    for end in (0, 1):
                        run(name, dtype, problem, shift=end, memory=Fenced)
print("done")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs mprotect")
@pytest.mark.parametrize("isa", _kernels.available_isas())
def test_nothing_beyond_the_arrays_is_touched(isa: str) -> None:
    """Every array begins or ends at a page that may not be read or written."""
    source = FENCES.format(tests=str(Path(__file__).parent), isa=isa)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=100, check=False)
    last = done.stdout.splitlines()[-1:]
    assert last == ["done"], f"exit status {done.returncode} at {last}\n{done.stderr}"


# -- operands with strides ------------------------------------------------------------------------------------------------------


def unit_numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Numbers:
    """Floats between 0 and 1, which lie in every map's domain; integers, and bytes that are 0 or 1."""
    whole = rng.integers(0, 2 if dtype == np.uint8 else 2**40, shape)
    return whole.astype(dtype) if dtype.kind in "iu" else rng.uniform(0.01, 0.99, shape).astype(dtype)


def strided(rng: np.random.Generator, layout: str, cols: int, dtype: np.dtype[Any]) -> Numbers:
    """A view that broadcasts to (3, 4, cols), on guarded memory; what it skips holds other numbers."""

    def memory(*shape: int) -> Numbers:
        return Guarded(unit_numbers(rng, shape, dtype), 1).array

    return {
        "contiguous": lambda: memory(3, 4, cols),
        "transposed": lambda: memory(cols, 4, 3).transpose(2, 1, 0),
        "stepped": lambda: memory(3, 4, 3 * cols)[..., 1::3],
        "reversed": lambda: memory(3, 4, cols)[::-1, :, ::-1],
        "row": lambda: memory(cols),
        "column": lambda: memory(4, 1),
        "scalar": lambda: memory(),
    }[layout]()


STRIDES = ("contiguous", "transposed", "stepped", "reversed", "row", "column", "scalar")


def walk_over(views: list[Numbers]) -> Any:
    """The mg_walk of views of one shape, axis by axis as they are."""
    walk = ffi.new("mg_walk *", {"ndim": views[0].ndim, "shape": views[0].shape})
    for i, view in enumerate(views):
        walk.stride[i][0 : view.ndim] = [s // view.itemsize for s in view.strides]
    return walk


def assert_walk_equals_contiguous(name: str, dtype: np.dtype[Any], views: list[Numbers], what: str) -> None:
    """A walk over views of one shape gives the bits that the same numbers give side by side."""
    entry = maps.MAPS[name]
    scalars = {k: maps.as_numbers(v, dtype) for k, v in entry.scalars[0].items()}
    out, operands = KERNELS[name][0].name, [p.name for p in KERNELS[name] if p.name in entry.domains]
    side_by_side = dict(zip(operands, (np.ascontiguousarray(v).ravel() for v in views), strict=True))
    want = Want(np.zeros(views[0].size))
    expected = run(name, dtype, Problem({**side_by_side, **scalars, "n": views[0].size}, {out: want}))
    element = KERNELS[name][0].element(dtype)
    got = Guarded(np.full(views[0].size, np.nan if element == dtype else 255, element), 1)
    walked = {**dict(zip(operands, views, strict=True)), **scalars, "walk": walk_over(views), "n": views[0].size}
    call(name, dtype, {**walked, out: got.array})
    got.check(f"{name}, {what}")
    assert_same_bits({out: got.array}, expected, f"{name}, {what}")


@every_dtype
@pytest.mark.parametrize("name", WALKING)
def test_walks(name: str, dtype: np.dtype[Any], isa: str) -> None:
    """All pairs of layouts, transposed, stepped, reversed and broadcast."""
    rng, w = np.random.default_rng(3), lanes(isa, dtype)
    types = list(maps.elements(name, dtype).values())
    pairs = product(STRIDES, STRIDES) if len(types) > 1 else [(layout, layout) for layout in STRIDES]
    for i, (first, second) in enumerate(pairs):
        cols = (w + 1, 2 * w - 1)[i % 2]
        layouts = (first, second, STRIDES[i % len(STRIDES)])
        views = [strided(rng, layout, cols, t) for layout, t in zip(layouts, types, strict=False)]
        full = [np.broadcast_to(view, (3, 4, cols)) for view in views]
        assert_walk_equals_contiguous(name, dtype, full, f"{layouts[: len(types)]}, {cols} columns")


@every_dtype
@pytest.mark.parametrize("name", WALKING)
def test_walks_of_16_axes(name: str, dtype: np.dtype[Any], isa: str) -> None:
    """As many axes as a walk can have."""
    rng = np.random.default_rng(4)
    shape = (2, 1, 3, 1, 1, 2, 1, 1, 2, 1, 1, 1, 2, 1, 1, 5)
    views = []
    for element in maps.elements(name, dtype).values():
        views.append(Guarded(unit_numbers(rng, shape, element).transpose(), 0).array.transpose())
    assert_walk_equals_contiguous(name, dtype, views, "16 axes")


# -- special values ---------------------------------------------------------------------------------------------------------------

# 10 and 1e5: exponentials of +-10 neither overflow nor vanish beside 1 in float32, those of 1e5 do so in float64 too.
SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 10.0, -10.0, 1e5, -1e5)


def special_values(roundings: float, dtype: np.dtype[Any]) -> Numbers:
    """The ends of the range, too, where nothing between argument and result can leave it."""
    if dtype.kind in "iu":
        return np.array([0, 1] if dtype == np.uint8 else [0, 1, -1, 2**24 + 1, 2**53, -(2**63), 2**63 - 1], dtype)
    info = np.finfo(dtype)
    ends = [info.max, info.tiny, info.smallest_subnormal] if roundings == 0 else []
    return np.array([*SPECIAL, *ends, *(-x for x in ends)], dtype)


@every_dtype
@pytest.mark.parametrize("name", maps.MAPS)
def test_special_values(name: str, dtype: np.dtype[Any], isa: str) -> None:
    """All combinations: NaN, infinities and signed zeros as the formula has them in IEEE arithmetic; and an element has
    the same bits wherever it stands."""
    entry = maps.MAPS[name]
    pools = [special_values(entry.roundings, maps.elements(name, dtype)[operand]) for operand in entry.domains]
    grid = [axis.ravel() for axis in np.meshgrid(*pools)]
    for scalars in entry.scalars:
        if scalars.get("dout_step") == 0:
            continue
        problem = maps.map_problem(name, dtype, dict(zip(entry.domains, grid, strict=True)), scalars)
        got = run(name, dtype, problem)
        assert_right(got, problem, dtype, name)
        [(out, want)], [array] = problem.wants.items(), got.values()
        zero = (want.value == 0) & (array == 0)
        np.testing.assert_array_equal(np.signbit(array[zero]), np.signbit(want.value[zero]))
        for turn in range(1, lanes(isa, dtype)):
            turned = {k: np.roll(v, turn) for k, v in zip(entry.domains, grid, strict=True)}
            again = run(name, dtype, Problem({**problem.given, **turned}, problem.wants))
            assert_same_bits({out: np.roll(again[out], -turn)}, got, f"{name}, turned by {turn}")


@every_dtype
@pytest.mark.parametrize("inner", [1, 3, 40])
def test_special_values_in_reductions(inner: int, dtype: np.dtype[Any], isa: str) -> None:
    """A NaN, an infinity or both in any place of a row or column; infinities do not become NaN by the correction that a
    compensated sum makes; and NumPy's positions: the first NaN, else the first extremum."""
    rng, w = np.random.default_rng(5), lanes(isa, dtype)
    for size in (1, w + 1, 9 * w + 2):
        plain = rng.integers(-2, 2, (1, size, inner)).astype(dtype)
        for at in {0, size // 2, size - 1}:
            for values in (
                (np.nan,),
                (np.inf,),
                (-np.inf,),
                (np.inf, -np.inf),
                (np.nan, np.inf),
                (-0.0,),
                (np.inf, np.inf),
            ):
                x = plain.copy()
                x[0, [at, (at + size // 3) % size][: len(values)], inner // 2] = values[: min(size, len(values))]
                for name in kernel_cases.REDUCTIONS:
                    problem = reduce_problem(name, x)
                    assert_right(run(name, dtype, problem), problem, dtype, f"{name}, {values} at {at} of {size}")
        for value in (np.nan, np.inf, -np.inf):
            for name in kernel_cases.REDUCTIONS:
                problem = reduce_problem(name, np.full((2, size, inner), value, dtype))
                assert_right(run(name, dtype, problem), problem, dtype, f"{name}, all {value}")


@every_dtype
@pytest.mark.parametrize("inner", [1, 3, 40])
def test_a_sum_that_overflows_is_infinite(inner: int, dtype: np.dtype[Any], isa: str) -> None:
    for size in (2, 100, 1000):
        x = np.full((1, size, inner), np.finfo(dtype).max, dtype)
        for value in (x, -x):
            problem = reduce_problem("sum", value)
            got = run("sum", dtype, problem)["out"]
            np.testing.assert_array_equal(got, np.full_like(got, np.inf * np.sign(value.flat[0])))


def special_rows(cols: int, dtype: np.dtype[Any]) -> Numbers:
    """Rows of logits: far from 0, with holes of -inf, and those that have no softmax."""
    rng = np.random.default_rng(6)
    x = rng.uniform(-3, 3, (9, cols))
    x[0] += 1e4
    x[1] -= 1e4
    x[2] = np.where(np.arange(cols) % 3 == 1, -np.inf, x[2])
    x[3] = -np.inf
    x[4, -1] = np.inf
    x[5, cols // 2] = np.nan
    x[6, 0] = -np.inf
    x[7] *= 1e3
    x[8] = 5.0
    return x.astype(dtype)


@every_dtype
@pytest.mark.parametrize("name", kernel_cases.SOFTMAXES)
def test_special_values_in_softmax(name: str, dtype: np.dtype[Any], isa: str) -> None:
    for cols in (1, 3, lanes(isa, dtype) + 1, 100):
        x = special_rows(cols, dtype)
        with np.errstate(all="ignore"):
            problem = softmax_problem(name, x, np.ones_like(x) if name.endswith("_bwd") else None)
        assert_right(run(name, dtype, problem), problem, dtype, f"{name}, {cols} columns")


@every_dtype
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", kernel_cases.ENTROPIES)
def test_special_values_in_cross_entropy(name: str, weighted: bool, dtype: np.dtype[Any], isa: str) -> None:
    """Logits of +-1e4, of -inf where no probability is, and of NaN; classes that count nothing; rows that are ignored,
    whatever they hold."""
    for cols in (4, lanes(isa, dtype) + 3, 100):
        x = special_rows(cols, dtype)
        label = np.array([0, 1, 0, 2, 0, 1, -100, 2, 3])
        weight = np.linspace(0, 2, cols).astype(dtype)[::-1].copy() if weighted else None
        target: Numbers = label
        if name.startswith("soft"):
            target = np.zeros((len(x), cols), dtype)
            target[np.arange(len(x)), np.maximum(label, 2)] = 0.75
            target[:, 0] = np.where(np.isinf(x[:, 0]), 0, 0.25)
        if name.startswith("nll"):
            x = -np.abs(x)
        with np.errstate(all="ignore"):
            if name.endswith("_bwd"):
                problem = entropy_gradient(name, x, target, weight, np.ones(len(x), dtype), Options(NONE))
            else:
                problem = entropy_problem(name, x, target, weight, Options(NONE))
        assert_right(run(name, dtype, problem), problem, dtype, f"{name}, {cols} columns")


@every_dtype
@pytest.mark.parametrize("name", ["cross_entropy", "nll"])
def test_the_mean_of_nothing_is_nan(name: str, dtype: np.dtype[Any], isa: str) -> None:
    x = np.zeros((3, 4), dtype)
    with np.errstate(all="ignore"):
        problem = entropy_problem(name, x, np.full(3, -100), None, Options(MEAN))
    got = run(name, dtype, problem)
    assert np.isnan(got["out"])
    assert np.isnan(got["total"])


@every_dtype
def test_special_values_in_matmul(dtype: np.dtype[Any], isa: str) -> None:
    """NaN and infinities spoil their own row and column, and those alone; 0 times inf is NaN, nothing is skipped."""
    rng = np.random.default_rng(7)
    for m, k, n in ((3, 5, 4), (37, 20, 70), (300, 230, 150)):
        x, y = rng.uniform(-1, 1, (m, k)).astype(dtype), rng.uniform(-1, 1, (k, n)).astype(dtype)
        x[0, 1], x[1, 0], x[2] = np.nan, np.inf, 0
        y[2, n - 1] = -np.inf
        problem = product_problem(x, y, np.ones(n, dtype))
        assert_right(run("matmul", dtype, problem), problem, dtype, f"matmul {m} {k} {n}")


# -- matrix products ------------------------------------------------------------------------------------------------------------------


@every_dtype
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matmul_shapes(shape: tuple[int, int, int], dtype: np.dtype[Any], isa: str) -> None:
    for layouts in product(LAYOUTS, LAYOUTS):
        problem = shaped_product(dtype, shape, layouts)
        got = run("matmul", dtype, problem, stagger=1)
        assert_right(got, problem, dtype, f"matmul {shape} of {layouts}")


@every_dtype
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matmul_epilogues(shape: tuple[int, int, int], dtype: np.dtype[Any], isa: str) -> None:
    """Added to what is there; and an activation at write-back, of the whole sum and not of a part of it."""
    for i, layouts in enumerate(product(LAYOUTS, LAYOUTS)):
        problem = shaped_product(dtype, shape, layouts, accumulate=i % 2 == 0, relu=True)
        assert_right(run("matmul", dtype, problem), problem, dtype, f"matmul {shape} of {layouts}")


@every_dtype
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh", "gelu", "gelu_tanh", "silu"])
def test_activation_at_write_back_has_the_bits_of_its_kernel(activation: str, dtype: np.dtype[Any], isa: str) -> None:
    for shape in ((33, 70, 67), (1, 40, 300), (40, 300, 1), (5, 300, 9), (150, 200, 130)):
        plain = shaped_product(dtype, shape, ("rows", "columns"))
        fused = shaped_product(dtype, shape, ("rows", "columns"))
        fused.given["product"].activation = getattr(lib, f"MG_{activation.upper()}")
        want = run("matmul", dtype, plain)["out"]
        call(activation, dtype, {"out": want, "x": want.copy(), "walk": None, "n": want.size})
        assert_same_bits(run("matmul", dtype, fused), {"out": want}, f"{activation} of {shape}")


@every_dtype
def test_matmul_of_any_shape(dtype: np.dtype[Any], isa: str) -> None:
    """The kernel chooses its way by sizes and strides, which may change: so here are some of everything."""
    rng = random.Random(0)
    for _ in range(250):
        m, k, n = (int(2 ** rng.uniform(0, 9)) for _ in range(3))
        if m * k * n < 1_000_000:
            batch = rng.choice([(), (), (3,), (1,)])
            x, y = (np.random.default_rng(m).uniform(-1, 1, s).astype(dtype) for s in ((*batch, m, k), (k, n)))
            bias = np.linspace(-1, 1, n).astype(dtype) if rng.random() < 0.5 else None
            layouts = rng.choice(LAYOUTS), rng.choice(LAYOUTS)
            problem = product_problem(x, y, bias, layouts)
            assert_right(run("matmul", dtype, problem), problem, dtype, f"matmul {x.shape} {y.shape} of {layouts}")


@every_dtype
@pytest.mark.parametrize("shapes", [
    ((4, 3, 5), (4, 5, 2)), ((4, 3, 5), (5, 2)), ((3, 5), (4, 5, 2)), ((2, 1, 3, 5), (1, 3, 5, 2)), ((0, 3, 5), (0, 5, 2)),
    ((2, 3, 1, 17), (17, 40)), ((2, 260, 255), (2, 255, 130)), ((4, 3, 5), (4, 5, 1)), ((3, 70, 300), (300, 1)),
    ((3, 1, 20), (1, 20, 1)),
], ids=str)  # fmt: skip
def test_matmul_batches(shapes: tuple[tuple[int, ...], tuple[int, ...]], dtype: np.dtype[Any], isa: str) -> None:
    rng = np.random.default_rng(8)
    x, y = (rng.uniform(-1, 1, shape).astype(dtype) for shape in shapes)
    for layouts in (("rows", "columns"), ("columns", "stepped")):
        problem = product_problem(x, y, np.ones(y.shape[-1], dtype), layouts)
        assert_right(run("matmul", dtype, problem), problem, dtype, f"matmul {shapes} {layouts}")


# -- optimizers -----------------------------------------------------------------------------------------------------------------------


@every_dtype
@pytest.mark.parametrize("name", UPDATES)
def test_no_parameters_are_no_work(name: str, dtype: np.dtype[Any], isa: str) -> None:
    state = UPDATES[name][1][-1]
    for sizes_ in ((), (0,), (0, 0)):
        problem = update_problem(name, dtype, state, sizes_, np.random.default_rng(9))
        assert_right(run(name, dtype, problem), problem, dtype, name)


@every_dtype
def test_sgd_without_weight_decay_leaves_infinite_parameters_infinite(dtype: np.dtype[Any], isa: str) -> None:
    """0 times inf would be NaN."""
    problem = update_problem("sgd", dtype, {"lr": 0.5}, (5,), np.random.default_rng(10))
    problem.given["params"][0][:] = np.inf
    got = run("sgd", dtype, problem)["params"][0]
    np.testing.assert_array_equal(got, np.full(5, np.inf, dtype))


# -- short work -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif("avx512" not in _kernels.available_isas(), reason="no processor that slows down for wide vectors")
@pytest.mark.parametrize("threads", [1, 3])
def test_short_work_runs_without_wide_vectors(threads: int) -> None:
    """Below 32768 floats of add, of which exp counts 4, in one block or in several threads' hands."""
    before, chosen = mg.get_num_threads(), (_kernels.active_isa(), _kernels.active_isa(short=True))
    mg.set_num_threads(threads)
    try:
        for n, expected in ((8191, "avx2"), (8192, "avx512"), (100_000, "avx512")):
            x = mg.linspace(-5, 5, n)
            _kernels.automatic_isa()
            found = x.exp().numpy()
            for isa in ("avx2", "avx512"):
                with _kernels.use_isa(isa):
                    same = np.array_equal(x.exp().numpy(), found)
                assert same == (isa == expected), f"{n} numbers, {isa}"
    finally:
        mg.set_num_threads(before)
        _kernels.select_isa(*chosen)


@pytest.mark.skipif("avx512" not in _kernels.available_isas(), reason="no processor that slows down for wide vectors")
def test_a_forced_instruction_set_is_for_all_work() -> None:
    code = "from minigrad import _kernels as k; print(k.active_isa(), k.active_isa(short=True))"
    for forced, expected in (("avx512", "avx512 avx512"), ("portable", "portable portable"), ("", "avx512 avx2")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "MINIGRAD_ISA": forced},
        )
        assert done.stdout.strip() == expected
