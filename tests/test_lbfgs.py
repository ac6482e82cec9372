"""LBFGS: where it goes beside PyTorch's, its state, what it does when a closure fails, and what it refuses."""

import json
from pathlib import Path

import descents
import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import CaptureError, DTypeError, GradError, ShapeError

GOLDEN = np.load(Path(__file__).parent / "data" / "lbfgs_golden.npz")
RUNS = [pytest.param(i, run, id=f"{i}-{run[0]}") for i, run in enumerate(descents.RUNS)]


def parameter(array):
    return nn.Parameter(mg.tensor(array))


def fitting(steps=0, **options):
    """An optimizer after so many steps on the network, and its closure."""
    params, loss_of = descents.problem("network", mg.tensor, parameter)
    optimizer = optim.LBFGS(params, **{"lr": 0.3, "max_iter": 3, **options})

    def closure():
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return optimizer, closure


def numbers(optimizer):
    return np.concatenate([p.detach().numpy().ravel() for p in optimizer.param_groups[0]["params"]])


def plain(state):
    """A state in lists and numbers, to be compared."""
    if isinstance(state, dict):
        return {k: plain(v) for k, v in state.items() if k != "params"}
    return [plain(x) for x in state] if isinstance(state, list) else state.tolist() if hasattr(state, "tolist") else state


# -- beside PyTorch ------------------------------------------------------------------------------------------------------


def test_the_golden_runs_are_these():
    assert json.loads(str(GOLDEN["runs"])) == json.loads(json.dumps(descents.RUNS))


@pytest.mark.parametrize(("i", "run"), RUNS)
def test_a_descent(i, run, backend):
    got = descents.descent(optim, mg.tensor, parameter, *run)
    want = GOLDEN[f"run.{i}"]
    np.testing.assert_array_equal(got[:, 1], want[:, 1])
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-8)


@pytest.mark.parametrize(("i", "run"), RUNS)
def test_a_descent_beside_pytorch(i, run):
    torch = pytest.importorskip("torch")
    want = descents.descent(torch.optim, torch.tensor, lambda a: torch.nn.Parameter(torch.tensor(a)), *run)
    np.testing.assert_allclose(descents.descent(optim, mg.tensor, parameter, *run), want, rtol=0, atol=1e-8)


# -- what it does --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
def test_it_finds_the_minimum(dtype):
    p = nn.Parameter(mg.tensor([[-1.2, 1.0]], dtype=dtype))
    unused = nn.Parameter(mg.ones(3, dtype=dtype))
    optimizer = optim.LBFGS([p, unused], max_iter=100, tolerance_change=0, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        x, y = p[0, 0], p[0, 1]
        loss = (1 - x) ** 2 + 100 * (y - x * x) ** 2
        loss.backward()
        return loss

    with mg.no_grad():  # which the closure does not notice
        first = optimizer.step(closure)
    assert first.item() == pytest.approx(24.2)
    np.testing.assert_allclose(p.tolist(), [[1.0, 1.0]], atol=1e-3 if dtype is mg.float32 else 1e-7)
    assert unused.tolist() == [1.0, 1.0, 1.0]
    assert unused.grad is None


def test_it_stops_where_the_gradient_is_small():
    p = parameter(np.array([2.0]))
    optimizer, calls = optim.LBFGS([p], lr=0.25, tolerance_grad=5.0), []

    def closure():
        optimizer.zero_grad()
        calls.append(p.item())
        loss = (p * p).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert calls == [2.0]  # the gradient is 4
    assert optimizer.state_dict()["state"] == {}
    optimizer.param_groups[0]["tolerance_grad"] = 3.5
    optimizer.step(closure)
    assert calls == [2.0, 2.0, 1.75]  # the first step is lr long at most, in all


def test_where_a_loss_is_nan_it_ends():
    p = parameter(np.array([1.0]))
    optimizer = optim.LBFGS([p], lr=1.0, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = (p - 2).sqrt().sum()
        loss.backward()
        return loss

    assert np.isnan(optimizer.step(closure).item())


def test_a_parameter_that_is_not_contiguous():
    base = np.array([[1.0, 2.0], [3.0, 4.0]])
    p = nn.Parameter(mg.from_numpy(base.T))
    optimizer = optim.LBFGS([p], lr=1.0)
    goal = mg.tensor([[5.0, 6.0], [7.0, 8.0]], dtype=mg.float64)

    def closure():
        optimizer.zero_grad()
        loss = ((p - goal) ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(base.T, goal.numpy(), atol=1e-6)


def test_its_writes_are_noticed():
    optimizer, closure = fitting()
    w = optimizer.param_groups[0]["params"][0]
    old = (w * w).sum()
    optimizer.step(closure)
    with pytest.raises(GradError, match=r"which LBFGS.step has overwritten"):
        old.backward()


def test_schedules_count_its_steps():
    optimizer, closure = fitting()
    scheduler = optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    optimizer.step(closure)
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == 0.15


# -- state ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_a_saved_run_goes_on_with_the_same_bits(search):
    optimizer, closure = fitting(3, line_search_fn=search)
    saved = optimizer.state_dict()
    other, closure_of_other = fitting(line_search_fn=search)
    for p, q in zip(other.param_groups[0]["params"], optimizer.param_groups[0]["params"], strict=True):
        with mg.no_grad():
            p.copy_(q)
    other.load_state_dict(saved)
    assert plain(other.state_dict()) == plain(saved)
    optimizer.step(closure)
    assert plain(other.state_dict()) == plain(saved)  # which is a copy
    other.step(closure_of_other)
    assert numbers(other).tobytes() == numbers(optimizer).tobytes()
    assert plain(other.state_dict()) == plain(optimizer.state_dict())


def test_a_state_has_pytorchs_names():
    optimizer, closure = fitting()
    assert dict(optimizer.state) == {}
    optimizer.step(closure)
    (state,) = optimizer.state.values()
    assert set(state) == {
        "func_evals", "n_iter", "d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss",
    }  # fmt: skip
    assert (state["n_iter"], state["func_evals"], len(state["old_dirs"])) == (2, 3, 1)  # max_eval is 3
    assert state["d"].shape == (36,)
    optimizer.state = {}
    assert optimizer.state_dict()["state"] == {}


def test_a_state_of_pytorch_is_taken():
    torch = pytest.importorskip("torch")
    run = ("network", {"lr": 0.3, "max_iter": 3}, 2)
    weights, loss_of = descents.problem("network", torch.tensor, lambda a: torch.nn.Parameter(torch.tensor(a)))
    theirs = torch.optim.LBFGS(weights, **run[1])

    def closure_of_theirs():
        theirs.zero_grad()
        loss = loss_of()
        loss.backward()
        return loss

    theirs.step(closure_of_theirs)
    ours, closure = fitting()
    nn.utils.vector_to_parameters(
        mg.tensor(torch.nn.utils.parameters_to_vector(weights).detach().numpy()), ours.param_groups[0]["params"]
    )
    state = theirs.state_dict()
    state["state"] = {0: {k: v.numpy() if hasattr(v, "numpy") else v for k, v in state["state"][0].items()}}
    state["state"][0] |= {k: [x.numpy() for x in state["state"][0][k]] for k in ("old_dirs", "old_stps", "ro")}
    ours.load_state_dict(state)
    theirs.step(closure_of_theirs)
    ours.step(closure)
    np.testing.assert_allclose(numbers(ours), torch.nn.utils.parameters_to_vector(weights).detach().numpy(), atol=1e-10)


def test_a_foreign_state_changes_nothing():
    optimizer, _ = fitting(2)
    before = plain(optimizer.state_dict())
    good = optimizer.state_dict()

    def spoiled(**changes):
        return {**good, "state": {0: {**good["state"][0], **changes}}}

    for state, kind, text in (
        (spoiled(d=mg.ones(3)), ShapeError, r"d: got shape \(3,\), expected \(36,\)"),
        (spoiled(old_dirs=[]), ValueError, "got 0, 3 and 3, expected equally many"),
        ({**good, "state": {0: {"d": mg.ones(36)}}}, ValueError, "a state without func_evals"),
        ({**good, "param_groups": []}, ValueError, "param_groups"),
        (3, ValueError, "what state_dict"),
    ):
        with pytest.raises(kind, match=text):
            optimizer.load_state_dict(state)
        assert plain(optimizer.state_dict()) == before


# -- errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fails_at", [1, 2, 4])
@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_a_closure_that_fails_leaves_everything(fails_at, search):
    optimizer, closure = fitting(2, line_search_fn=search, max_iter=8)
    before, state, calls = numbers(optimizer), plain(optimizer.state_dict()), []

    def failing():
        calls.append(1)
        if len(calls) == fails_at:
            raise KeyError("no data")
        return closure()

    with pytest.raises(KeyError, match="no data"):
        optimizer.step(failing)
    assert len(calls) == fails_at
    assert numbers(optimizer).tobytes() == before.tobytes()
    assert plain(optimizer.state_dict()) == state
    optimizer.step(closure)
    assert numbers(optimizer).tobytes() != before.tobytes()


BAD = [
    ({"lr": -1}, ValueError, "LBFGS: argument lr: got -1"),
    ({"max_iter": 0}, ValueError, "max_iter: got 0"),
    ({"max_iter": 2.5}, TypeError, "max_iter: got 2.5"),
    ({"max_eval": 0}, ValueError, "max_eval: got 0"),
    ({"history_size": 0}, ValueError, "history_size: got 0"),
    ({"tolerance_grad": "0"}, TypeError, "tolerance_grad: got a str"),
    ({"tolerance_change": -1e-9}, ValueError, "tolerance_change: got -1e-09"),
    ({"line_search_fn": "armijo"}, ValueError, "line_search_fn: got 'armijo', expected None or 'strong_wolfe'"),
]


@pytest.mark.parametrize(("options", "kind", "text"), BAD)
def test_bad_options(options, kind, text):
    with pytest.raises(kind, match=text):
        optim.LBFGS([parameter(np.ones(2))], **options)


def test_parameters_that_do_not_fit():
    a, b = parameter(np.ones(2)), parameter(np.ones(2, "f4"))
    with pytest.raises(ValueError, match="LBFGS: argument params: got several groups, expected one"):
        optim.LBFGS([{"params": [a]}, {"params": [b]}])
    with pytest.raises(DTypeError, match=r"params\[1\]: got dtype float32, expected float64, as params\[0\] has"):
        optim.LBFGS([a, b])
    optimizer = optim.LBFGS([a])
    for closure in (None, 3):
        with pytest.raises(TypeError, match="LBFGS.step: argument closure: got .*, expected a function"):
            optimizer.step(closure)


def test_it_is_no_part_of_a_program():
    optimizer, closure = fitting()
    before = numbers(optimizer)

    @mg.jit
    def step():
        return optimizer.step(closure)

    with pytest.raises(CaptureError, match="the step of an optimizer is written in Python"):
        step()
    assert numbers(optimizer).tobytes() == before.tobytes()
    assert optimizer.state_dict()["state"] == {}


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_any_number_of_threads_gives_the_same_bits(search):
    """300,000 numbers: inner products of several blocks, of the loss and its gradient too."""
    rng = np.random.default_rng(0)
    start, weights = rng.normal(size=300_000), mg.tensor(rng.uniform(1, 9, 300_000))
    before, results = mg.get_num_threads(), set()
    try:
        for threads in (1, 2, 3):
            mg.set_num_threads(threads)
            p = parameter(start)
            optimizer = optim.LBFGS([p], lr=0.1, max_iter=4, line_search_fn=search)

            def closure():
                optimizer.zero_grad()  # noqa: B023 - called within this turn of the loop
                loss = (weights * p * p).sum()  # noqa: B023
                loss.backward()
                return loss

            losses = [float(optimizer.step(closure)) for _ in range(3)]
            assert losses[-1] < losses[0]
            results.add((p.detach().numpy().tobytes(), *losses))
    finally:
        mg.set_num_threads(before)
    assert len(results) == 1
