"""The kernels that clip gradients, beyond what test_kernels.py asks of every kernel: no gradients, NaN, and none that need it."""

import numpy as np
import pytest
from kernel_cases.calls import DTYPES, assert_right, run
from kernel_cases.clips import CLIPS, POWERS, clip_problem

pytestmark = pytest.mark.usefixtures("isa")
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)


@every_dtype
@pytest.mark.parametrize("sizes", [(), (0,), (0, 0)])
@pytest.mark.parametrize("name", CLIPS)
def test_clipping_nothing(name, sizes, dtype):
    problem = clip_problem(name, dtype, sizes, 2.0, np.random.default_rng(9))
    assert_right(run(name, dtype, problem), problem, dtype, name)


@every_dtype
@pytest.mark.parametrize("at", [0, 20, 40])
@pytest.mark.parametrize("p", POWERS)
def test_nan_in_a_gradient_is_in_its_norm(p, at, dtype):
    problem = clip_problem("grads_norm", dtype, (41, 3), p, np.random.default_rng(9))
    problem.given["grads"][0][at] = np.nan
    assert np.isnan(run("grads_norm", dtype, problem)["out"]).all()


@every_dtype
def test_a_norm_of_nan_or_infinity_shows_in_all_gradients(dtype):
    problem = clip_problem("grads_scale", dtype, (41, 3), 2.0, np.random.default_rng(9))
    problem.given["norm"][:] = np.nan
    assert all(np.isnan(g).all() for g in run("grads_scale", dtype, problem)["grads"])
    problem.given["norm"][:] = np.inf
    problem.given["grads"][0][7] = np.inf
    got, _ = run("grads_scale", dtype, problem)["grads"]
    assert np.argwhere(np.isnan(got)).tolist() == [[7]]
    assert not got[np.arange(41) != 7].any()


@every_dtype
@pytest.mark.parametrize("at", [0, 20, 40])
def test_a_bound_leaves_nan_where_it_is(at, dtype):
    problem = clip_problem("grads_bound", dtype, (41, 3), 0.5, np.random.default_rng(9))
    problem.given["grads"][0][at] = problem.wants["grads"][0].value[at] = np.nan
    assert_right(run("grads_bound", dtype, problem), problem, dtype)


@every_dtype
def test_short_gradients_are_not_touched(dtype):
    problem = clip_problem("grads_scale", dtype, (41, 3), 1.1, np.random.default_rng(9))
    got = run("grads_scale", dtype, problem)["grads"]
    assert [g.tobytes() for g in got] == [g.tobytes() for g in problem.given["grads"]]


@every_dtype
def test_the_sum_of_many_numbers_keeps_its_digits(dtype):
    """Twenty arrays of a million equal numbers: added one after the other, float32 would stop at 2^24 times their square."""
    grads = [np.full(1 << 20, 0.1, dtype) for _ in range(20)]
    problem = clip_problem("grads_norm", dtype, (), 2.0, np.random.default_rng(9))
    problem = problem._replace(given={**problem.given, "grads": grads, "sizes": np.full(20, 1 << 20), "count": 20})
    want = float(dtype.type(0.1)) * np.sqrt(20 * 2.0**20)
    assert abs(run("grads_norm", dtype, problem)["out"][0] / want - 1) < 2 * np.finfo(dtype).eps
