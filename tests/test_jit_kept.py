"""What Python keeps of a captured step, and what a program is given, do not share memory unawares."""

import gc
from functools import partial
from threading import Thread

import numpy as np
import pytest
from jit_steps import bits

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import CaptureError


def test_keywords_are_no_dict_by_position():
    def step(x, scales=None, scale=None):
        return x + scales["scale"] if scales is not None else x * scale

    run, x, y = mg.jit(step), mg.ones(3), mg.full((3,), 5.0)
    for _ in range(2):
        assert run(x, {"scale": y}).tolist() == [6.0] * 3
        assert run(x, scale=y).tolist() == [5.0] * 3
    assert len(run.programs) == 2


@pytest.mark.parametrize(
    "keep",
    [
        pytest.param(lambda p, x: p.grad, id="gradient"),
        pytest.param(lambda p, x: p.grad.detach(), id="its alias"),
        pytest.param(lambda p, x: p.grad[1:], id="its part"),
        pytest.param(lambda p, x: x, id="argument"),
        pytest.param(lambda p, x: x.reshape(2, 2).T, id="argument turned"),
        pytest.param(lambda p, x: x * 2.0, id="computed"),
    ],
)
def test_what_the_first_run_has_kept_stays(keep):
    p, kept = nn.Parameter(mg.ones(4)), []

    @mg.jit
    def step(x):
        (p * x).sum().backward()
        kept.append(keep(p, x))
        return kept[-1].reshape(2, 2).T if kept[-1].size == 4 else kept[-1] * 1.0

    for number in (1.0, 2.0, 3.0):
        p.grad = mg.zeros(4)
        step(mg.tensor([number, 4.0 * number, 7.0, number]))
        if number == 1.0:
            before = kept[0].tolist()
    assert [one.tolist() for one in kept] == [before]


def test_a_gradient_that_is_added_to_and_kept():
    p, kept = nn.Parameter(mg.ones(2)), []
    p.grad = mg.full((2,), 5.0)

    @mg.jit
    def step(x):
        kept.append(p.grad)
        (p * x).sum().backward()

    for _ in range(3):
        step(mg.ones(2))
    assert kept[0].tolist() == [5.0, 5.0]
    assert p.grad.tolist() == [8.0, 8.0]


def test_numbers_of_the_text_stay_when_somebody_writes_into_what_was_kept():
    kept = []

    @mg.jit
    def step(x):
        kept.append(mg.eye(2))
        return x * kept[-1]

    step(mg.ones(2, 2))
    kept[0].zero_()
    assert step(mg.ones(2, 2)).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_profile_writes_into_no_tensor_of_others():
    run = mg.jit(lambda x: (x * 3.0, x.reshape(10, 10).T))
    x = mg.ones(100)
    program = run.program(x)
    kept = run(x)[0]
    run(mg.full((100,), 7.0))
    gc.collect()
    others = [mg.full((100,), 42.0) for _ in range(4)]
    program.profile(2)
    assert set(kept.tolist()) == {3.0}
    assert all(set(other.tolist()) == {42.0} for other in others)
    assert set(run(x)[0].tolist()) == {3.0}


def test_profile_changes_no_gradient_that_is_kept():
    p = nn.Parameter(mg.ones(2))

    @mg.jit
    def step(x):
        p.grad = None
        (p * x).sum().backward()

    step(mg.ones(2))
    step(mg.full((2,), 2.0))
    kept = p.grad
    with pytest.raises(RuntimeError, match=r"profile: got gradients that are kept, expected none\."):
        step.programs[0].profile(1)
    assert kept.tolist() == [2.0, 2.0]


def test_a_name_of_a_parameter_among_the_arguments():
    p = nn.Parameter(mg.ones(4))
    optimizer = optim.SGD([p], lr=1.0)

    def step(x):
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()
        return x * 1.0

    for one in (p.detach(), p.detach()[1:], p.detach().numpy()):
        with pytest.raises(CaptureError, match="tensor 0 of the arguments shares memory with what the step writes"):
            mg.jit(step)(one)
    assert p.tolist() == [1.0] * 4


def times_rate(x):
    return x * float(RATE)


RATE = 2.0


def test_functions_in_keywords_and_defaults_are_looked_into(monkeypatch):
    def by_default(x, scale=times_rate):
        return scale(x)

    def by_keyword(x, *, scale):
        return scale(x)

    runs = [mg.jit(by_default), mg.jit(partial(by_keyword, scale=times_rate))]
    assert [run(mg.ones(1)).item() for run in runs] == [2.0, 2.0]
    monkeypatch.setitem(globals(), "RATE", 5.0)
    assert [run(mg.ones(1)).item() for run in runs] == [5.0, 5.0]


def test_a_builtin_that_is_hidden_later(monkeypatch):
    run = mg.jit(times_rate)
    assert run(mg.ones(1)).item() == 2.0
    monkeypatch.setitem(globals(), "float", lambda x: -x)
    assert run(mg.ones(1)).item() == -2.0


def test_a_variable_that_is_deleted():
    factor = 2.0
    run = mg.jit(lambda x: x * factor)  # noqa: F821
    run(mg.ones(1))
    del factor
    with pytest.raises(NameError):
        run(mg.ones(1))


def test_a_failed_capture_puts_back_random_numbers_of_others_and_states_of_optimizers():
    p = nn.Parameter(mg.ones(2))
    optimizer = optim.Adam([p])

    @mg.jit
    def step(x):
        optimizer.zero_grad()
        (p * x * np.random.rand()).sum().backward()
        optimizer.step()
        return p.sum().item()

    before = np.random.get_state()
    with pytest.raises(CaptureError, match="item reads a value"):
        step(mg.ones(2))
    assert all(np.array_equal(a, b) for a, b in zip(before, np.random.get_state(), strict=True))
    assert (p.tolist(), p.grad, dict(optimizer.state)) == ([1.0, 1.0], None, {})
    (p * 3.0).sum().backward()
    optimizer.step()
    assert optimizer.state[p]["step"].item() == 1


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_arguments_keep_their_strides(dtype):
    rng = np.random.default_rng(0)
    w = mg.tensor(rng.normal(size=(100, 7)).astype(dtype))

    def step(x):
        return x @ w, x @ x[:20].T, x.T, x

    run = mg.jit(step)
    wide = rng.normal(size=(200, 100, 2)).astype(dtype)
    for given in (wide[..., 0], wide[::2, :, 1].repeat(2, 0), wide[..., 1].T.copy().T, wide[..., 1].copy()):
        for x in (given, given * 2.0, given[::-1].copy()):
            for one in (x, mg.from_numpy(x)):
                assert bits(run(one)) == bits(step(mg.from_numpy(x)))
    turned = mg.from_numpy(wide[::-1, ::-1, 0])
    assert bits(run(turned)) == bits(run(turned)) == bits(step(turned))
    assert len(run.programs) == len(run._programs)  # one of each kind


def test_numbers_that_another_thread_meets_first():
    def step(x):
        thread = Thread(target=lambda: mg.ones(3) * 7.25)
        thread.start()
        thread.join()
        return x * 7.25

    assert mg.jit(step)(mg.ones(2)).tolist() == [7.25, 7.25]


def test_a_tensor_that_another_thread_is_about_to_make():
    made = []

    def step(x):
        made.append(object.__new__(type(x)))
        return x * 2.0

    assert mg.jit(step)(mg.ones(2)).tolist() == [2.0, 2.0]
    assert not hasattr(made[0], "ptr")
