"""Optimizers that adapt: options, what each of them is for, and PyTorch's signatures. Golden values: test_golden.py."""

import math

import numpy as np
import pytest
from optim_steps import parameter, step
from signatures import plain_signature

import minigrad as mg
from minigrad import nn, optim

DECAYS = {"lr": 0.5, "eps": 2.0, "weight_decay": 0.5, "maximize": True}
CHANGES = {
    "Adam": {**DECAYS, "betas": [0.5, 0.25], "amsgrad": True, "decoupled_weight_decay": True},
    "RMSprop": {**DECAYS, "alpha": 0.5, "momentum": 0.5, "centered": True},
    "Adagrad": {**DECAYS, "lr_decay": 0.5, "initial_accumulator_value": 2.0},
    "Adadelta": {**DECAYS, "rho": 0.5},
    "Adamax": {**DECAYS, "betas": [0.5, 0.25]},
    "NAdam": {**DECAYS, "betas": [0.5, 0.25], "momentum_decay": 1.0, "decoupled_weight_decay": True},
    "RAdam": {**DECAYS, "betas": [0.5, 0.9], "decoupled_weight_decay": True},
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_option_is_read_by_the_next_step_and_makes_a_difference(name, backend):
    kind, changes, ends = getattr(optim, name), CHANGES[name], []
    gradients = [[1.0, -3.0], [0.5, 1.0]] * 5  # RAdam becomes adaptive at its sixth step
    assert changes.keys() == kind([parameter()]).defaults.keys()
    for count in range(len(changes) + 1):
        p, q = parameter(1.0, 2.0, dtype=mg.float64), parameter(1.0, 2.0, dtype=mg.float64)
        options = {option: changes[option] for option in list(changes)[:count]}
        late, at_once = kind([p]), kind([q], **options)
        late.param_groups[0].update(options)
        ends.append(step(late, p, *gradients))
        assert ends[-1] == step(at_once, q, *gradients)
    assert len({tuple(end) for end in ends}) == len(ends)
    assert late.param_groups[0].get("betas") == (tuple(changes["betas"]) if "betas" in changes else None)


# -- one by one --------------------------------------------------------------------------------------------------------


def test_rmsprop_divides_by_the_size_of_gradients(backend):
    p = parameter(0.0, 0.0, dtype=mg.float64)
    steps = step(optim.RMSprop([p], lr=0.1, alpha=0.75, eps=0), p, [1e-3, -1e3])
    np.testing.assert_allclose(steps, [-0.2, 0.2], rtol=1e-12)  # 0.1 / sqrt(1 - 0.75)


def test_a_variance_that_rounding_makes_negative_is_zero(backend):
    """With gradients that are always alike, the mean of squares and the square of the mean come to differ by rounding."""
    p = nn.Parameter(mg.zeros(1000))
    optimizer, gradient = optim.RMSprop([p], lr=1e-12, alpha=0.5, centered=True), mg.linspace(0.1, 3.0, 1000)
    for _ in range(60):
        p.grad = gradient
        optimizer.step()
    square, mean = (optimizer.state[p][name].numpy().astype("f8") for name in ("square_avg", "grad_avg"))
    assert (square < mean * mean).any()
    assert np.isfinite(p.tolist()).all()


def test_states_of_rmsprop_come_with_the_options_that_use_them(backend):
    p = parameter(0.0, dtype=mg.float64)
    optimizer = optim.RMSprop([p], lr=1.0, alpha=0.0, eps=0)
    step(optimizer, p, [2.0])
    assert sorted(optimizer.state[p]) == ["square_avg", "step"]
    optimizer.param_groups[0]["momentum"] = 0.5
    assert step(optimizer, p, [2.0], [2.0]) == [-1.0 - 1.0 - 1.5]
    optimizer.param_groups[0].update(centered=True, alpha=0.5)
    step(optimizer, p, [2.0])
    assert sorted(optimizer.state[p]) == ["grad_avg", "momentum_buffer", "square_avg", "step"]


def test_adagrad_remembers_all_squares(backend):
    p = parameter(0.0, dtype=mg.float64)
    optimizer = optim.Adagrad([p], lr=1.0, lr_decay=1.0, initial_accumulator_value=7.0, eps=0)
    assert step(optimizer, p, [3.0]) == [-3.0 / 4]
    assert step(optimizer, p, [3.0]) == [-3.0 / 4 - 3.0 / 5 / 2]
    assert optimizer.state[p]["sum"].tolist() == [25.0]


def test_groups_of_adagrad_start_from_accumulators_of_their_own(backend):
    p, q = parameter(0.0, grad=[1.0]), parameter(0.0, grad=[1.0])
    optimizer = optim.Adagrad([{"params": [p]}, {"params": [q], "initial_accumulator_value": 3.0}], lr=1.0)
    optimizer.step()
    assert (p.item(), q.item()) == (-1.0, -0.5)


def test_adadelta_needs_no_learning_rate(backend):
    """The first step is sqrt(eps / ((1 - rho) g^2 + eps)) g, whatever the unit of the loss."""
    p = parameter(0.0, 0.0, dtype=mg.float64)
    steps = step(optim.Adadelta([p], rho=0.75, eps=1e-6), p, [1e3, -1e6])
    np.testing.assert_allclose(steps, [-2e-3, 2e-3], rtol=1e-9)


def test_adamax_holds_the_largest_gradient(backend):
    p = parameter(0.0, dtype=mg.float64)
    optimizer = optim.Adamax([p], lr=1.0, betas=(0.0, 0.5), eps=0)
    assert step(optimizer, p, [8.0]) == [-1.0]
    assert step(optimizer, p, [1.0]) == [-1.25]  # u is 4 now
    assert optimizer.state[p]["exp_inf"].tolist() == [4.0]


def test_nadam_counts_the_momentum_of_each_parameter(backend):
    p, q = parameter(0.0, grad=[1.0]), parameter(0.0)
    optimizer = optim.NAdam([p, q], betas=(0.5, 0.9), momentum_decay=1.0)
    mus = [0.5 * (1 - 0.5 * 0.96**t) for t in (1, 2)]
    optimizer.step()
    q.grad = mg.ones(1)
    optimizer.step()
    found = [optimizer.state[x]["mu_product"] for x in (p, q)]
    assert [x.dtype for x in found] == [mg.float64] * 2
    np.testing.assert_allclose([x.item() for x in found], [mus[0] * mus[1], mus[0]], rtol=1e-15)


def test_nadam_takes_products_from_pytorchs_files(backend):
    p, q = parameter(1.0, 2.0), parameter(1.0, 2.0)
    optimizer, other = optim.NAdam([p]), optim.NAdam([q])
    step(optimizer, p, [1.0, 2.0], [2.0, 1.0])
    saved = optimizer.state_dict()
    saved["state"][0]["mu_product"] = mg.tensor(saved["state"][0]["mu_product"].item())
    saved["state"][0]["step"] = mg.tensor(2.0)
    assert saved["state"][0]["mu_product"].dtype == mg.float32
    q.data = p.detach().clone()
    other.load_state_dict(saved)
    np.testing.assert_allclose(step(optimizer, p, [1.0, 1.0]), step(other, q, [1.0, 1.0]), rtol=1e-6)


def test_radam_trusts_no_few_squares(backend):
    """With beta2 = 0.999, rho is above 5 from the sixth step on; until then the step is momentum alone."""
    p = parameter(0.0, dtype=mg.float64)
    optimizer = optim.RAdam([p], lr=1.0, betas=(0.0, 0.999))
    assert step(optimizer, p, *[[64.0]] * 5) == [-5 * 64.0]
    assert -5 * 64.0 - 1 < step(optimizer, p, [64.0])[0] < -5 * 64.0
    q = parameter(0.0, dtype=mg.float64)
    assert step(optim.RAdam([q], lr=1.0, betas=(0.0, 0.5)), q, *[[64.0]] * 20) == [-20 * 64.0]  # rho stays below 3


# -- what is refused ---------------------------------------------------------------------------------------------------

NEGATIVE = {
    "RMSprop": ("lr", "eps", "weight_decay", "momentum", "alpha"),
    "Adagrad": ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"),
    "Adadelta": ("lr", "rho", "eps", "weight_decay"),
    "Adamax": ("lr", "eps", "weight_decay"),
    "NAdam": ("lr", "eps", "weight_decay", "momentum_decay"),
    "RAdam": ("lr", "eps", "weight_decay"),
}
WRONG = [
    *[
        (name, {option: value}, error, f"{name}: argument {option}: got {got}, expected a number of at least 0")
        for name, options in NEGATIVE.items()
        for option in options
        for value, error, got in ((-0.5, ValueError, "-0.5"), (math.nan, ValueError, "nan"), ("1", TypeError, "a str"))
    ],
    *[(name, {"maximize": 1}, TypeError, f"{name}: argument maximize: got 1, expected True or False") for name in NEGATIVE],
    *[
        (name, {"betas": betas}, ValueError, rf"{name}: argument betas.*: got .*, expected .*\[0, 1\)")
        for name in ("Adamax", "NAdam", "RAdam")
        for betas in ((0.9,), (1.0, 0.9), (0.9, 1.0))
    ],
    ("RMSprop", {"alpha": 1.5}, ValueError, r"RMSprop: argument alpha: got 1.5, expected a number in \[0, 1\]"),
    ("RMSprop", {"centered": "yes"}, TypeError, "RMSprop: argument centered: got 'yes', expected True or False"),
    ("Adadelta", {"rho": 1.5}, ValueError, r"Adadelta: argument rho: got 1.5, expected a number in \[0, 1\]"),
    ("NAdam", {"decoupled_weight_decay": 1}, TypeError, "NAdam: argument decoupled_weight_decay: got 1"),
    ("RAdam", {"decoupled_weight_decay": 1}, TypeError, "RAdam: argument decoupled_weight_decay: got 1"),
]


@pytest.mark.parametrize(("name", "options", "error", "message"), WRONG)
def test_bad_options_change_nothing(name, options, error, message):
    kind, p, q = getattr(optim, name), parameter(), parameter()
    with pytest.raises(error, match=message):
        kind([p], **options)
    optimizer = kind([p])
    group = optimizer.param_groups[0]
    before = dict(group)
    with pytest.raises(error, match=message):
        group.update(options)
    assert dict(group) == before
    assert step(optimizer, p, [1.0, 1.0]) == step(kind([q]), q, [1.0, 1.0])


@pytest.mark.parametrize("name", NEGATIVE)
def test_updates_that_can_be_differentiated_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}: argument differentiable: got True, expected its default"):
        getattr(optim, name)([parameter()], differentiable=True)
    getattr(optim, name)([parameter()], foreach=True)


SWITCHES = "maximize=False, capturable=False, differentiable=False"
SIGNATURES = {
    "RMSprop": (
        "params, lr=0.01, alpha=0.99, eps=1e-08, weight_decay=0, momentum=0, centered=False, capturable=False, "
        "foreach=None, maximize=False, differentiable=False"
    ),
    "Adagrad": (
        "params, lr=0.01, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10, foreach=None, *, "
        "maximize=False, differentiable=False, fused=None"
    ),
    "Adadelta": (
        "params, lr=1.0, rho=0.9, eps=1e-06, weight_decay=0, foreach=None, *, capturable=False, maximize=False, "
        "differentiable=False"
    ),
    "Adamax": (
        "params, lr=0.002, betas=(0.9, 0.999), eps=1e-08, weight_decay=0, foreach=None, *, maximize=False, "
        "differentiable=False, capturable=False"
    ),
    "NAdam": (
        "params, lr=0.002, betas=(0.9, 0.999), eps=1e-08, weight_decay=0, momentum_decay=0.004, "
        f"decoupled_weight_decay=False, *, foreach=None, {SWITCHES}"
    ),
    "RAdam": (
        "params, lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0, decoupled_weight_decay=False, *, "
        f"foreach=None, {SWITCHES}"
    ),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_and_defaults_are_pytorchs(name):
    assert plain_signature(getattr(optim, name)) == f"({SIGNATURES[name]})"
