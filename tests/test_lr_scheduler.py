"""Schedules of learning rates: their numbers against PyTorch's, saving, the order of calls, programs, and errors."""

import copy
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import schedules
from jit_steps import batches, bits, network

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import CaptureError
from minigrad.optim import lr_scheduler
from minigrad.optim.lr_scheduler import LRScheduler

GOLDEN = np.load(Path(__file__).parent / "data" / "scheduler_golden.npz")
CASES = [pytest.param(i, case, id=f"{i}-{case['schedule']}") for i, case in enumerate(schedules.cases())]


def parameter():
    return nn.Parameter(mg.ones(2))


def sgd(lr=0.1, momentum=0.9, groups=1):
    return optim.SGD([{"params": [parameter()]} for _ in range(groups)], lr=lr, momentum=momentum)


def rates(optimizer, scheduler, count):
    """The rates at the next `count` epochs, the present one first."""
    found = []
    for _ in range(count):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


# -- PyTorch's numbers ---------------------------------------------------------------------------------------------------


def test_the_golden_cases_are_these():
    assert json.loads(str(GOLDEN["cases"])) == json.loads(json.dumps(schedules.cases()))


@pytest.mark.parametrize(("i", "case"), CASES)
def test_a_hundred_epochs(i, case):
    got = schedules.course(case, optim, parameter)
    np.testing.assert_allclose(got, GOLDEN[f"course.{i}"], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("i", "case"), [c for c in CASES if c.values[1]["resumed"]])
def test_made_anew_with_last_epoch(i, case):
    for at, want in zip(case["resumed"], GOLDEN[f"resumed.{i}"], strict=True):
        np.testing.assert_allclose(schedules.resumed(case, optim, parameter, at), want, rtol=0, atol=1e-12, err_msg=str(at))


@pytest.mark.parametrize(("i", "case"), CASES)
def test_beside_pytorch(i, case):
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SequentialLR warns of calls of its own
        want = schedules.course(case, torch.optim, lambda: torch.nn.Parameter(torch.ones(2)))
    np.testing.assert_allclose(schedules.course(case, optim, parameter), want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("epochs", [[0, 0.5, 1, 3.75, 4, 10.25, None, None], [2, None, 7.5, None, 30]])
@pytest.mark.parametrize("growth", [1, 2, 3])
def test_warm_restarts_at_fractions_of_an_epoch(epochs, growth):
    torch = pytest.importorskip("torch")
    found = []
    for module, p in ((torch.optim, torch.nn.Parameter(torch.ones(1))), (optim, parameter())):
        optimizer = module.SGD([p], lr=0.1)
        scheduler = module.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 3, growth, 0.01)
        course = []
        for epoch in epochs:
            optimizer.step()
            scheduler.step(epoch)
            course.append([scheduler.get_last_lr()[0], scheduler.last_epoch])
        found.append(course)
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-12)


def test_a_chain_within_a_sequence_begins_at_its_first_epoch():
    optimizer = sgd()
    warm, fall = lr_scheduler.LinearLR(optimizer, 0.5, total_iters=2), lr_scheduler.ExponentialLR(optimizer, 0.5)
    chain = lr_scheduler.ChainedScheduler([warm, fall])
    within = lr_scheduler.SequentialLR(optimizer, [chain, lr_scheduler.ConstantLR(optimizer, 0.1, 2)], [3])
    whole = lr_scheduler.SequentialLR(optimizer, [within, lr_scheduler.StepLR(optimizer, 1, 0.5)], [5])
    np.testing.assert_allclose(rates(optimizer, whole, 8), [0.05, 0.0375, 0.025, 0.01, 0.01, 0.1, 0.05, 0.025], rtol=1e-14)
    assert [one.last_epoch for one in (whole, within, chain, warm, fall)] == [8, 4, 2, 2, 2]


S = lr_scheduler
COMBINED = {
    "chain": lambda o: S.ChainedScheduler([S.ConstantLR(o, 0.5, 2), S.ExponentialLR(o, 0.5)]),
    "chain of steps": lambda o: S.ChainedScheduler([S.LinearLR(o, 0.25, total_iters=3), S.StepLR(o, 2), S.LambdaLR(o, lambda t: 0.9**t)]),
    "chain of cycles": lambda o: S.ChainedScheduler([S.CyclicLR(o, 0.1, 0.4, 2), S.MultiplicativeLR(o, lambda t: 0.5)]),
    "sequence": lambda o: S.SequentialLR(o, [S.ConstantLR(o, 0.5, 9), S.ExponentialLR(o, 0.5)], [2]),
    "chain of a sequence": lambda o: S.ChainedScheduler([S.SequentialLR(o, [S.LinearLR(o), S.StepLR(o, 1)], [3]), S.ExponentialLR(o, 0.5)]),
    "restarts": lambda o: S.CosineAnnealingWarmRestarts(o, 2, 2),
}


@pytest.mark.parametrize("name", COMBINED)
def test_what_begins_later_in_a_sequence_has_the_rates_that_it_has_alone(name):
    alone, optimizer = sgd(0.8), sgd(0.8)
    expected = rates(alone, COMBINED[name](alone), 8)
    sooner, later = S.ConstantLR(optimizer, 0.25, 9), COMBINED[name](optimizer)
    whole = S.SequentialLR(optimizer, [sooner, later], [3])
    np.testing.assert_allclose(rates(optimizer, whole, 11), [0.2] * 3 + expected, rtol=1e-14)
    assert (whole.last_epoch, later.last_epoch) == (11, 8)
    assert whole.get_last_lr() == later.get_last_lr() == [optimizer.param_groups[0]["lr"]]


def test_a_schedule_goes_on_from_a_rate_that_is_set_by_hand():
    optimizer = sgd(0.8)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    rates(optimizer, scheduler, 1)
    optimizer.param_groups[0]["lr"] = 0.1
    assert rates(optimizer, scheduler, 2) == [0.1, 0.05]
    assert scheduler.get_last_lr() == [0.025]
    assert scheduler.base_lrs == [0.8]


def test_a_constant_of_zero_ends_at_the_rate_itself():
    optimizer = sgd(0.1)
    assert rates(optimizer, lr_scheduler.ConstantLR(optimizer, 0, 2), 4) == [0, 0, 0.1, 0.1]


def test_a_schedule_of_ones_own():
    class Halving(LRScheduler):
        def get_lr(self):
            return [base / (self.last_epoch + 1) for base in self.base_lrs]

    optimizer = sgd(1.2)
    assert rates(optimizer, Halving(optimizer), 3) == [1.2, 0.6, 0.39999999999999997]
    with pytest.raises(NotImplementedError, match="must say in get_lr"):
        LRScheduler(sgd())


# -- plateaus ------------------------------------------------------------------------------------------------------------


def test_a_plateau_is_noticed_at_the_eleventh_bad_epoch():
    optimizer = sgd()
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer)
    for metric in [1.0, *[1.0] * 10]:
        scheduler.step(metric)
    assert scheduler.get_last_lr() == [0.1]
    scheduler.step(mg.tensor(1.0))
    assert scheduler.get_last_lr() == [0.1 * 0.1]
    assert (scheduler.last_epoch, scheduler.num_bad_epochs) == (12, 0)
    assert isinstance(scheduler, LRScheduler)


@pytest.mark.parametrize(
    ("mode", "threshold_mode", "edge"), [("min", "rel", 7.5), ("min", "abs", 9.75), ("max", "rel", 12.5), ("max", "abs", 10.25)]
)
def test_what_is_better_than_ten_by_a_threshold_of_a_quarter(mode, threshold_mode, edge):
    scheduler = lr_scheduler.ReduceLROnPlateau(sgd(), mode, threshold=0.25, threshold_mode=threshold_mode)
    better = [scheduler.is_better(edge + step, 10.0) for step in (-0.01, 0, 0.01)]
    assert better == ([True, False, False] if mode == "min" else [False, False, True])


@pytest.mark.parametrize("metric", [mg.tensor(0.5), mg.tensor([0.5]), np.float32(0.5), 0.5])
def test_metrics_of_all_kinds(metric):
    scheduler = lr_scheduler.ReduceLROnPlateau(sgd())
    scheduler.step(metric)
    assert scheduler.best == 0.5


def test_nan_is_no_better():
    scheduler = lr_scheduler.ReduceLROnPlateau(sgd(), patience=0)
    scheduler.step(float("nan"))
    assert scheduler.get_last_lr() == [0.1 * 0.1]


@pytest.mark.parametrize("metric", ["low", None, [1.0, 2.0], mg.ones(2)])
def test_what_is_no_metric(metric):
    scheduler = lr_scheduler.ReduceLROnPlateau(sgd())
    before = scheduler.state_dict()
    with pytest.raises(TypeError, match=r"ReduceLROnPlateau.step: argument metrics: got a \w+, expected one number"):
        scheduler.step(metric)
    assert scheduler.state_dict() == before


# -- saving --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("i", "case"), CASES)
def test_a_saved_schedule_goes_on(i, case):
    optimizer = schedules.optimizer_of(case, optim, parameter)
    scheduler = schedules.made(case, optimizer, lr_scheduler)
    schedules.rows(case, optimizer, scheduler, 0, 37)
    saved = json.loads(json.dumps(scheduler.state_dict()))
    other = schedules.optimizer_of(case, optim, parameter)
    again = schedules.made(case, other, lr_scheduler)
    other.load_state_dict(optimizer.state_dict())
    again.load_state_dict(saved)
    assert again.get_last_lr() == scheduler.get_last_lr()
    got = schedules.rows(case, other, again, 37, 100)
    np.testing.assert_array_equal(got, schedules.rows(case, optimizer, scheduler, 37, 100))
    np.testing.assert_allclose(got, GOLDEN[f"course.{i}"][37:], rtol=0, atol=1e-12)


def test_a_state_is_a_copy():
    optimizer = sgd()
    scheduler = lr_scheduler.MultiStepLR(optimizer, [1])
    state = scheduler.state_dict()
    state["milestones"].append(2)
    assert scheduler.milestones == [1]
    scheduler.get_last_lr().append(1.0)
    assert scheduler.get_last_lr() == [0.1]


def test_objects_that_are_functions_are_saved_by_their_attributes():
    class Power:
        def __init__(self, base):
            self.base = base

        def __call__(self, t):
            return self.base**t

    scheduler = lr_scheduler.LambdaLR(sgd(groups=2), [Power(0.5), lambda t: 1.0])
    state = scheduler.state_dict()
    assert state["lr_lambdas"] == [{"base": 0.5}, None]
    other = lr_scheduler.LambdaLR(sgd(groups=2), [Power(0.9), lambda t: 1.0])
    other.load_state_dict(state)
    assert other.lr_lambdas[0].base == 0.5


def test_a_foreign_state_changes_nothing():
    scheduler = lr_scheduler.StepLR(sgd(), 3)
    before = scheduler.state_dict()
    for state in ({}, {**before, "more": 1}, {**before, "base_lrs": [1.0, 2.0]}, lr_scheduler.ExponentialLR(sgd(), 1).state_dict(), 3):
        with pytest.raises(ValueError, match=r"StepLR.load_state_dict: argument (state_dict|base_lrs)"):
            scheduler.load_state_dict(state)
        assert scheduler.state_dict() == before
    optimizer = sgd()
    chain = lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(optimizer, 3), lr_scheduler.StepLR(optimizer, 4)])
    state = chain.state_dict()
    before = copy.deepcopy(state)
    state["_schedulers"][0]["gamma"] = 0.7
    state["_schedulers"][1].pop("gamma")
    with pytest.raises(ValueError, match="StepLR.load_state_dict"):
        chain.load_state_dict(state)
    assert chain.state_dict() == before


# -- groups --------------------------------------------------------------------------------------------------------------


def test_groups_keep_their_initial_rates():
    optimizer = sgd(groups=2)
    optimizer.param_groups[1]["lr"] = 0.4
    lr_scheduler.StepLR(optimizer, 3)
    assert [g["initial_lr"] for g in optimizer.param_groups] == [0.1, 0.4]
    again = optim.SGD([{"params": [parameter()], "initial_lr": 0.8}], lr=0.1)
    assert lr_scheduler.LambdaLR(again, lambda t: 0.5**t, last_epoch=1).get_last_lr() == [0.2]
    with pytest.raises(TypeError, match="unknown option 'initial_rate'"):
        optim.SGD([{"params": [parameter()], "initial_rate": 0.8}], lr=0.1)


LATER = {
    "StepLR": (lambda o: S.StepLR(o, 3), ()),
    "LinearLR": (lambda o: S.SequentialLR(o, [S.StepLR(o, 3), S.LinearLR(o)], [1]), ()),
    "ReduceLROnPlateau": (S.ReduceLROnPlateau, (1.0,)),
}


@pytest.mark.parametrize("name", LATER)
def test_a_group_that_came_later(name):
    make, metrics = LATER[name]
    optimizer = sgd()
    scheduler = make(optimizer)
    optimizer.add_param_group({"params": [parameter()]})
    optimizer.step()
    wanted = f"{name}.step: argument optimizer.param_groups: got 2 groups, expected the 1 that it was made for"
    with pytest.raises(ValueError, match=wanted):
        scheduler.step(*metrics)
    assert scheduler.last_epoch == 0
    assert scheduler.get_last_lr() == [0.1]


def test_a_refused_step_leaves_warm_restarts_where_they_were():
    optimizer = sgd()
    scheduler = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 3)
    optimizer.step()
    scheduler.step(1.5)
    optimizer.add_param_group({"params": [parameter()]})
    before = scheduler.state_dict()
    for epoch in (None, 4.25):
        with pytest.raises(ValueError, match="got 2 groups, expected the 1"):
            scheduler.step(epoch)
        assert scheduler.state_dict() == before


@pytest.mark.parametrize("make", [optim.SGD, optim.Adam])
def test_momentum_falls_where_the_rate_rises(make):
    optimizer = make([parameter()], lr=0.1)
    lr_scheduler.OneCycleLR(optimizer, 0.5, 10)
    group = optimizer.param_groups[0]
    assert (group["momentum"] if make is optim.SGD else group["betas"][0]) == 0.95
    if make is optim.Adam:
        assert group["betas"][1] == 0.999
        assert group.c.beta1 == 0.95
    lr_scheduler.CyclicLR(optimizer, 0.1, 0.5, cycle_momentum=False)
    assert (group["momentum"] if make is optim.SGD else group["betas"][0]) == 0.95


# -- what fails changes nothing ------------------------------------------------------------------------------------------


def entries(optimizer):
    return [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]


def test_a_function_that_fails():
    def fails(t):
        if t in (0, 2):
            raise KeyError("no rate")
        return 0.5

    optimizer = sgd(groups=2)
    before = entries(optimizer)
    with pytest.raises(KeyError, match="no rate"):
        lr_scheduler.LambdaLR(optimizer, fails)
    assert entries(optimizer) == before
    chain = lr_scheduler.ChainedScheduler(
        [lr_scheduler.ExponentialLR(optimizer, 0.5), lr_scheduler.MultiplicativeLR(optimizer, [lambda t: 1, fails])]
    )
    optimizer.step()
    chain.step()
    before, state = entries(optimizer), chain.state_dict()
    with pytest.raises(KeyError, match="no rate"):
        chain.step()
    assert entries(optimizer) == before
    assert chain.state_dict() == state


def test_a_rate_that_the_optimizer_refuses():
    optimizer = sgd(groups=2)
    scheduler = lr_scheduler.LambdaLR(optimizer, [lambda t: 1 - t / 4, lambda t: 1 - t])
    optimizer.step()
    scheduler.step()
    before, state = entries(optimizer), scheduler.state_dict()
    with pytest.raises(ValueError, match="SGD: argument lr: got -0.1"):
        scheduler.step()
    assert entries(optimizer) == before
    assert scheduler.state_dict() == state


def test_one_cycle_ends():
    optimizer = sgd()
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.5, 3)
    rates(optimizer, scheduler, 2)
    with pytest.raises(ValueError, match="OneCycleLR.step: got step 4, expected 3 steps at most"):
        scheduler.step()
    assert scheduler.last_epoch == 2


BAD = [
    (lambda o: S.StepLR(3, 3), TypeError, "StepLR: argument optimizer: got a int"),
    (lambda o: S.StepLR(o, 0), ValueError, "step_size: got 0"),
    (lambda o: S.StepLR(o, 1.5), TypeError, "step_size: got 1.5"),
    (lambda o: S.StepLR(o, 3, -1), ValueError, "gamma: got -1"),
    (lambda o: S.StepLR(o, 3, last_epoch=-2), ValueError, "last_epoch: got -2"),
    (lambda o: S.StepLR(o, 3, last_epoch=2), KeyError, "without initial_lr at last_epoch=2"),
    (lambda o: S.MultiStepLR(o, 3), TypeError, "milestones: got a int"),
    (lambda o: S.MultiStepLR(o, [1, -3]), ValueError, r"milestones\[0\]: got -3"),
    (lambda o: S.ExponentialLR(o, "0.5"), TypeError, "gamma: got a str"),
    (lambda o: S.ConstantLR(o, 2), ValueError, "factor: got 2"),
    (lambda o: S.LinearLR(o, 0), ValueError, "start_factor: got 0"),
    (lambda o: S.LinearLR(o, 1, 2), ValueError, "end_factor: got 2"),
    (lambda o: S.LinearLR(o, total_iters=0), ValueError, "total_iters: got 0"),
    (lambda o: S.PolynomialLR(o, 0), ValueError, "total_iters: got 0"),
    (lambda o: S.CosineAnnealingLR(o, 0), ValueError, "T_max: got 0"),
    (lambda o: S.CosineAnnealingLR(o, 3, -1), ValueError, "eta_min: got -1"),
    (lambda o: S.CosineAnnealingWarmRestarts(o, 0), ValueError, "T_0: got 0"),
    (lambda o: S.CosineAnnealingWarmRestarts(o, 1, 0), ValueError, "T_mult: got 0"),
    (lambda o: S.CosineAnnealingWarmRestarts(o, 1).step(-1), ValueError, "epoch: got -1"),
    (lambda o: S.LambdaLR(o, [abs, abs]), ValueError, "lr_lambda: got 2 functions, expected one, or 1"),
    (lambda o: S.MultiplicativeLR(o, 0.5), TypeError, "MultiplicativeLR: argument lr_lambda: got a float"),
    (lambda o: S.OneCycleLR(o, 0.1), ValueError, "total_steps: got None"),
    (lambda o: S.OneCycleLR(o, 0.1, epochs=3), ValueError, "total_steps: got None, expected a number of steps, or epochs"),
    (lambda o: S.OneCycleLR(o, 0.1, epochs=3, steps_per_epoch=0), ValueError, "steps_per_epoch: got 0"),
    (lambda o: S.OneCycleLR(o, 0.1, 0), ValueError, "total_steps: got 0"),
    (lambda o: S.OneCycleLR(o, 0.1, 10, pct_start=2), ValueError, "pct_start: got 2"),
    (lambda o: S.OneCycleLR(o, 0.1, 10, anneal_strategy="sin"), ValueError, "anneal_strategy: got 'sin'"),
    (lambda o: S.OneCycleLR(o, 0.1, 10, div_factor=0), ValueError, "div_factor: got 0"),
    (lambda o: S.OneCycleLR(o, [0.1, 0.2], 10), ValueError, "max_lr: got 2 numbers, expected one, or 1"),
    (lambda o: S.OneCycleLR(o, 0.1, 10, cycle_momentum=1), TypeError, "cycle_momentum: got 1"),
    (lambda o: S.CyclicLR(o, 0.1, 0.3, mode="x"), ValueError, "mode: got 'x'"),
    (lambda o: S.CyclicLR(o, 0.1, 0.3, scale_fn=abs, scale_mode="x"), ValueError, "scale_mode: got 'x'"),
    (lambda o: S.CyclicLR(o, 0.1, 0.3, 0), ValueError, "step_size_up: got 0"),
    (lambda o: S.CyclicLR(optim.Adagrad([parameter()]), 0.1, 0.3), ValueError, "optimizer: got Adagrad, expected an optimizer with momentum.*cycle_momentum=False"),
    (lambda o: S.ReduceLROnPlateau(o, "less"), ValueError, "mode: got 'less'"),
    (lambda o: S.ReduceLROnPlateau(o, factor=1.0), ValueError, "factor: got 1.0"),
    (lambda o: S.ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "threshold_mode: got 'x'"),
    (lambda o: S.ReduceLROnPlateau(o, min_lr=[1, 2]), ValueError, "min_lr: got 2 numbers"),
    (lambda o: S.ReduceLROnPlateau(o, patience=-1), ValueError, "patience: got -1"),
    (lambda o: S.SequentialLR(o, [], []), ValueError, "schedulers: got none"),
    (lambda o: S.SequentialLR(o, [S.StepLR(o, 3)], [3]), ValueError, "milestones: got 1 for 1 schedules"),
    (lambda o: S.SequentialLR(o, [S.StepLR(o, 3)] * 3, [3, 3]), ValueError, "milestones: got .*, expected epochs that rise"),
    (lambda o: S.SequentialLR(o, [S.StepLR(sgd(), 3)], []), ValueError, r"schedulers\[0\]: got one of another optimizer"),
    (lambda o: S.ChainedScheduler([S.ReduceLROnPlateau(o)]), ValueError, r"schedulers\[0\]: got ReduceLROnPlateau"),
    (lambda o: S.ChainedScheduler([o]), TypeError, r"schedulers\[0\]: got a SGD"),
    (lambda o: S.ChainedScheduler([]), ValueError, "ChainedScheduler: argument schedulers: got none"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "kind", "text"), BAD)
def test_bad_arguments(make, kind, text):
    optimizer = sgd()
    with pytest.raises(kind, match=text):
        make(optimizer)
    assert [g["lr"] for g in optimizer.param_groups] == [0.1]


# -- the order of calls --------------------------------------------------------------------------------------------------


def test_a_schedule_that_steps_first_is_warned_of_once():
    optimizer = sgd()
    optimizer.step()  # before the schedule was made, and so none of its steps
    scheduler = lr_scheduler.StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match=r"StepLR.step\(\) comes before optimizer.step\(\).*Call optimizer.step\(\) first"):
        scheduler.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [0.1 * 0.1 * 0.1]


@pytest.mark.parametrize(("i", "case"), CASES)
def test_the_right_order_is_silent(i, case):
    optimizer = schedules.optimizer_of(case, optim, parameter)
    schedules.rows(case, optimizer, schedules.made(case, optimizer, lr_scheduler), 0, 12)


# -- programs ------------------------------------------------------------------------------------------------------------


def train(compiled, make_optimizer, make_schedule):
    """Twenty steps, the schedule going on after each."""
    mg.manual_seed(3)
    net = network()
    optimizer, criterion = make_optimizer(net.parameters()), nn.CrossEntropyLoss()
    scheduler = make_schedule(optimizer)

    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    run = mg.jit(step) if compiled else step
    losses = []
    for x, y in batches(20):
        losses.append(run(mg.tensor(x), mg.tensor(y)))
        scheduler.step(*[losses[-1]] if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau) else [])
    return bits([losses, list(net.parameters())]), run


@pytest.mark.parametrize(
    "make_schedule",
    [
        lambda o: lr_scheduler.CosineAnnealingLR(o, 10),
        lambda o: lr_scheduler.LambdaLR(o, lambda t: min(1.0, t / 5)),
        lambda o: lr_scheduler.OneCycleLR(o, 0.2, 21),
        lambda o: lr_scheduler.CyclicLR(o, 0.0, 0.2, 4),
        lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0, factor=0.5),
    ],
    ids=["cosine", "warm-up from 0", "one cycle", "cyclic", "plateau"],
)
@pytest.mark.parametrize("make", [lambda p: optim.SGD(p, lr=0.1, momentum=0.9), optim.Adam], ids=["SGD", "Adam"])
def test_a_program_sees_the_rates(make, make_schedule):
    eager, _ = train(False, make, make_schedule)
    captured, step = train(True, make, make_schedule)
    assert captured == eager
    assert len(step.programs) == 1  # a rate of 0, too, is only another number
    constant, _ = train(False, make, lambda o: lr_scheduler.ConstantLR(o, 1.0))
    assert constant != eager


def test_steps_of_programs_are_steps():
    p = parameter()
    optimizer = optim.SGD([p], lr=0.1)

    @mg.jit
    def step():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        optimizer.step()
        return loss

    step()
    scheduler = lr_scheduler.StepLR(optimizer, 1)
    calls = optimizer._calls
    step()
    assert optimizer._calls == calls  # so it was a replay
    scheduler.step()
    assert scheduler.get_last_lr() == [0.1 * 0.1]


def test_a_schedule_within_a_program_is_refused():
    p = parameter()
    optimizer = optim.SGD([p], lr=0.1)
    scheduler = lr_scheduler.StepLR(optimizer, 1)

    @mg.jit
    def step():
        (p * p).sum().backward()
        optimizer.step()
        scheduler.step()

    with pytest.raises(CaptureError, match="an optimizer's options are set"):
        step()
    assert (scheduler.last_epoch, optimizer.param_groups[0]["lr"], p.tolist()) == (0, 0.1, [1.0, 1.0])
