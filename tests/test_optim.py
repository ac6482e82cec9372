"""Optimizers: steps, groups, options, and what they refuse. Golden values are compared in test_golden.py."""

import math

import numpy as np
import pytest
from optim_steps import OPTIMIZERS, parameter, step
from signatures import plain_signature

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import DTypeError, ShapeError


@pytest.fixture(params=OPTIMIZERS.values(), ids=OPTIMIZERS)
def make(request):
    return request.param


# -- steps -------------------------------------------------------------------------------------------------------------


def test_sgd_takes_a_step_against_the_gradient(backend):
    p = parameter(1.0, 2.0, grad=[0.5, -1.0])
    optim.SGD([p], lr=0.5).step()
    assert p.tolist() == [0.75, 2.5]


def test_momentum_starts_with_the_gradient_itself(backend):
    p = parameter(0.0, dtype=mg.float64)
    optimizer = optim.SGD([p], lr=1.0, momentum=0.5, dampening=0.25)
    assert step(optimizer, p, [1.0]) == [-1.0]
    assert step(optimizer, p, [1.0]) == [-1.0 - (0.5 * 1.0 + 0.75 * 1.0)]


def test_momentum_that_is_switched_on_later_starts_as_if_new(backend):
    p = parameter(0.0, dtype=mg.float64)
    optimizer = optim.SGD([p], lr=1.0, dampening=0.25)
    step(optimizer, p, [1.0], [1.0])
    assert dict(optimizer.state) == {}
    optimizer.param_groups[0]["momentum"] = 0.5
    assert step(optimizer, p, [4.0]) == [-6.0]
    optimizer.param_groups[0]["momentum"] = 0
    assert step(optimizer, p, [1.0]) == [-7.0]
    optimizer.param_groups[0]["momentum"] = 0.5
    assert step(optimizer, p, [0.0]) == [-9.0]


def test_adam_first_steps_have_the_size_of_the_learning_rate(backend):
    p = parameter(0.0, 0.0, 0.0, dtype=mg.float64)
    optimizer = optim.Adam([p], lr=0.01)
    np.testing.assert_allclose(step(optimizer, p, [3.0, -1e-3, 0.0]), [-0.01, 0.01, 0.0], rtol=2e-5)


def test_adam_w_shrinks_before_it_steps(backend):
    p = parameter(2.0, dtype=mg.float64)
    assert step(optim.AdamW([p], lr=0.1, weight_decay=0.5), p, [0.0]) == [2.0 * (1 - 0.1 * 0.5)]
    q = parameter(2.0, dtype=mg.float64)
    optimizer = optim.AdamW([q], lr=0.1)
    assert optimizer.defaults["weight_decay"] == 0.01
    assert isinstance(optimizer, optim.Adam)


def test_infinite_parameters_meet_no_zero_decay(make, backend):
    p = parameter(math.inf, 1.0, grad=[1.0, 1.0])
    make([p], weight_decay=0).step()
    assert p.tolist()[0] == math.inf
    assert math.isfinite(p.tolist()[1])


def test_a_parameter_without_gradient_is_left_alone(make, backend):
    p, q = parameter(1.0, grad=[1.0]), parameter(1.0)
    optimizer = make([p, q])
    optimizer.step()
    assert q.tolist() == [1.0]
    assert q not in optimizer.state
    assert p.tolist() != [1.0]
    optimizer.zero_grad()
    before = p.tolist()
    optimizer.step()
    assert p.tolist() == before
    assert optimizer.state[p]["step"].item() == 1


def test_zero_dimensions_and_no_elements(make, backend):
    p, q = nn.Parameter(mg.tensor(1.0)), nn.Parameter(mg.zeros(0, 3))
    p.grad, q.grad = mg.tensor(1.0), mg.zeros(0, 3)
    make([p, q]).step()
    assert p.shape == ()
    assert p.item() < 1
    assert q.shape == (0, 3)


def test_float32_and_float64_in_one_group(make, backend):
    narrow, wide = parameter(1.0, 2.0, grad=[0.5, 0.5]), parameter(1.0, 2.0, grad=[0.5, 0.5], dtype=mg.float64)
    make([narrow, wide]).step()
    assert (narrow.dtype, wide.dtype) == (mg.float32, mg.float64)
    np.testing.assert_allclose(narrow.tolist(), wide.tolist(), rtol=1e-6)
    assert wide.tolist() != [1.0, 2.0]


def test_many_parameters_have_the_same_bits_in_any_number_of_threads(make):
    shapes, before = [(300, 200), (7,), (1000, 100), (), (129,)], mg.get_num_threads()

    def trained(threads):
        mg.set_num_threads(threads)
        mg.manual_seed(1)
        params = [nn.Parameter(mg.randn(s)) for s in shapes]
        optimizer = make(params, weight_decay=0.01)
        for _ in range(3):
            for p in params:
                p.grad = mg.randn(p.shape)
            optimizer.step()
        return [p.tolist() for p in params]

    try:
        one = trained(1)
        assert trained(2) == one
    finally:
        mg.set_num_threads(before)
    with mg.backend("numpy"):
        for a, b in zip(trained(before), one, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_views_and_strided_gradients(make, backend):
    base = mg.arange(6.0).reshape(2, 3)
    p, plain = nn.Parameter(base.T), nn.Parameter(base.T.clone())
    gradient = mg.arange(6.0).reshape(2, 3)
    optimizer, other = make([p]), make([plain])
    for _ in range(3):
        p.grad, plain.grad = gradient.T, gradient.T.clone()
        optimizer.step()
        other.step()
    assert p.tolist() == plain.tolist()
    assert base.T.tolist() == p.tolist()  # the memory is still that of the tensor that it was made of
    assert base.tolist() != [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


def test_numbers_that_were_replaced_are_seen(make, backend):
    p = parameter(1.0, 2.0)
    optimizer = make([p], lr=0.5)
    step(optimizer, p, [1.0, 1.0])
    old = p.detach()
    p.data = mg.tensor([10.0, 20.0])
    before = old.tolist()
    step(optimizer, p, [1.0, 1.0])
    assert old.tolist() == before
    assert [x > 5 for x in p.tolist()] == [True, True]
    assert p.tolist() != [10.0, 20.0]


def test_a_parameter_that_has_outgrown_its_state_is_an_error(make, backend):
    p = parameter(1.0, 2.0)
    optimizer = make([p])
    step(optimizer, p, [1.0, 1.0])
    p.data = mg.zeros(100)
    p.grad = mg.ones(100)
    with pytest.raises(ShapeError, match=r"got shape \(2,\) of float32.*expected.*\(100,\).*make a new optimizer"):
        optimizer.step()
    p.data = mg.zeros(2, dtype=mg.float64)
    p.grad = mg.ones(2, dtype=mg.float64)
    with pytest.raises(ShapeError, match=r"of float32, expected the parameter's shape .* of float64"):
        optimizer.step()
    assert p.tolist() == [0.0, 0.0]
    plain = optim.SGD([p], lr=1.0)
    p.data, p.grad = mg.zeros(3), mg.ones(3)
    plain.step()
    assert p.tolist() == [-1.0] * 3


def test_a_closure_recomputes_the_loss(make, backend):
    p = parameter(3.0)
    optimizer = make([p])

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with mg.no_grad():
        assert optimizer.step(closure).item() == 9.0
    assert p.tolist() != [3.0]
    assert optimizer.step() is None


def test_zero_grad(make):
    p, q = parameter(1.0, grad=[2.0]), parameter(1.0)
    optimizer = make([p, q])
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0]
    assert q.grad is None
    optimizer.zero_grad()
    assert p.grad is None


# -- groups and options ------------------------------------------------------------------------------------------------


def test_groups_have_options_of_their_own(backend):
    p, q, r = (parameter(0.0, grad=[1.0]) for _ in range(3))
    optimizer = optim.SGD([{"params": [p]}, {"params": q, "lr": 0.5}], lr=0.25)
    optimizer.add_param_group({"params": iter([r]), "maximize": True})
    assert [g["lr"] for g in optimizer.param_groups] == [0.25, 0.5, 0.25]
    assert [[id(x) for x in g["params"]] for g in optimizer.param_groups] == [[id(p)], [id(q)], [id(r)]]
    optimizer.step()
    assert [x.item() for x in (p, q, r)] == [-0.25, -0.5, 0.25]


def test_named_parameters_are_taken(backend):
    layer = nn.Linear(2, 1)
    optimizer = optim.SGD(layer.named_parameters(), lr=1.0)
    assert [id(p) for p in optimizer.param_groups[0]["params"]] == [id(layer.weight), id(layer.bias)]


def test_the_next_step_reads_what_was_written(backend):
    p = parameter(0.0, dtype=mg.float64)
    optimizer = optim.SGD([p], lr=1.0)
    group = optimizer.param_groups[0]
    assert step(optimizer, p, [1.0]) == [-1.0]
    group["lr"] = 0.5
    assert step(optimizer, p, [1.0]) == [-1.5]
    group["lr"] *= 0.5
    assert step(optimizer, p, [1.0]) == [-1.75]
    group.update(lr=2, maximize=True)
    assert step(optimizer, p, [1.0]) == [0.25]
    group |= {"lr": np.float64(1.0), "weight_decay": np.float32(1.0)}
    assert step(optimizer, p, [1.0]) == [0.25 - (-1 + 0.25)]
    assert (group["lr"], group["maximize"], group["weight_decay"]) == (1.0, True, 1.0)


def test_hyperparameters_stand_in_memory_that_c_reads():
    p = parameter()
    group = optim.Adam([p], betas=(0.5, 0.75)).param_groups[0]
    group["lr"] = 0.125
    assert (group.c.lr, group.c.beta1, group.c.beta2, group.c.amsgrad) == (0.125, 0.5, 0.75, 0)
    optimizer = optim.Adam([p])
    step(optimizer, p, [1.0, 1.0], [1.0, 1.0])
    assert optimizer.state[p]["step"].item() == 2
    assert optimizer.state[p]["step"].dtype == mg.int64


def test_other_entries_may_be_kept_in_a_group():
    group = optim.SGD([parameter()], lr=0.1).param_groups[0]
    assert group.setdefault("initial_lr", group["lr"]) == 0.1
    group["note"] = "anything"
    assert group["note"] == "anything"


WRONG = [
    ("SGD", {"lr": -0.1}, ValueError, "SGD: argument lr: got -0.1, expected a number of at least 0"),
    ("SGD", {"lr": math.nan}, ValueError, "argument lr: got nan"),
    ("SGD", {"lr": "0.1"}, TypeError, "SGD: argument lr: got a str"),
    ("SGD", {"lr": None}, TypeError, "argument lr: got a NoneType"),
    ("SGD", {"momentum": -1}, ValueError, "argument momentum: got -1"),
    ("SGD", {"dampening": "x"}, TypeError, "argument dampening: got a str, expected a number"),
    ("SGD", {"weight_decay": -1e-3}, ValueError, "argument weight_decay: got -0.001"),
    ("SGD", {"nesterov": 1}, TypeError, "argument nesterov: got 1, expected True or False"),
    ("SGD", {"nesterov": True}, ValueError, "argument nesterov: got True, expected False, unless momentum > 0"),
    ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, ValueError, "and dampening = 0"),
    ("SGD", {"maximize": "yes"}, TypeError, "argument maximize: got 'yes'"),
    ("Adam", {"lr": -1}, ValueError, "Adam: argument lr: got -1"),
    ("Adam", {"betas": (1.0, 0.9)}, ValueError, r"Adam: argument betas\[0\]: got 1.0, expected a number in \[0, 1\)"),
    ("Adam", {"betas": (0.9, -0.1)}, ValueError, r"argument betas\[1\]: got -0.1"),
    ("Adam", {"betas": (0.9,)}, ValueError, r"argument betas: got \(0.9,\), expected two numbers"),
    ("Adam", {"betas": 0.9}, ValueError, "argument betas: got 0.9, expected two numbers"),
    ("Adam", {"betas": ("a", 0.9)}, TypeError, r"argument betas\[0\]: got a str"),
    ("Adam", {"eps": -1e-8}, ValueError, "argument eps: got -1e-08"),
    ("Adam", {"amsgrad": 0.5}, TypeError, "argument amsgrad: got 0.5"),
    ("AdamW", {"lr": -1}, ValueError, "AdamW: argument lr: got -1"),
    ("AdamW", {"weight_decay": -1}, ValueError, "AdamW: argument weight_decay: got -1"),
]


@pytest.mark.parametrize(("name", "options", "error", "message"), WRONG)
def test_bad_options_are_refused_wherever_they_are_given(name, options, error, message):
    kind, p, q = getattr(optim, name), parameter(), parameter()
    with pytest.raises(error, match=message):
        kind([p], **options)
    with pytest.raises(error, match=message):
        kind([{"params": [p], **options}])
    optimizer = kind([p])
    with pytest.raises(error, match=message):
        optimizer.add_param_group({"params": [q], **options})
    group = optimizer.param_groups[0]
    before = dict(group)
    with pytest.raises(error, match=message):
        group.update(options)
    assert len(optimizer.param_groups) == 1
    assert dict(group) == before
    step(optimizer, p, [1.0, 1.0])
    assert p.tolist() == step(kind([q]), q, [1.0, 1.0])


def test_options_that_depend_on_each_other_change_together():
    group = optim.SGD([parameter()], momentum=0.9, nesterov=True).param_groups[0]
    with pytest.raises(ValueError, match="argument nesterov"):
        group["momentum"] = 0
    assert group["momentum"] == group.c.momentum == 0.9
    group.update(momentum=0, nesterov=False)
    assert (group.c.momentum, group.c.nesterov) == (0, 0)


def test_unknown_options():
    with pytest.raises(TypeError, match="learning_rate"):
        optim.SGD([parameter()], learning_rate=0.1)
    with pytest.raises(TypeError, match="Adam: unknown option 'learning_rate' in a group; it takes lr, betas, eps"):
        optim.Adam([{"params": [parameter()], "learning_rate": 0.1}])
    with pytest.raises(ValueError, match="SGD: argument differentiable: got True, expected its default"):
        optim.SGD([parameter()], differentiable=True)
    with pytest.raises(ValueError, match="AdamW: argument capturable"):
        optim.AdamW([parameter()], capturable=True)
    optim.Adam([parameter()], foreach=True, fused=True)
    optim.SGD([parameter()], foreach=False, fused=None)


EMPTY = "optimizer got an empty parameter list"


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (lambda p: [], ValueError, EMPTY),
        (lambda p: nn.ReLU().parameters(), ValueError, EMPTY),
        (lambda p: [{"params": []}], ValueError, EMPTY),
        (lambda p: [{"lr": 0.1}], ValueError, EMPTY),
        (lambda p: p, TypeError, r"argument params: got a tensor, expected a list.*\[tensor\]"),
        (lambda p: {p}, TypeError, "argument params: got a set"),
        (lambda p: None, TypeError, "argument params: got a NoneType"),
        (lambda p: nn.Linear(1, 1), TypeError, r"got a Linear.*model.parameters\(\)"),
        (lambda p: nn.Sequential(nn.ReLU()), TypeError, r"params\[0\]: got a ReLU, expected a tensor"),
        (lambda p: [p, 1.0], TypeError, r"params\[1\]: got a float, expected a tensor"),
        (lambda p: [p, mg.tensor([1])], ValueError, r"params\[1\]: got dtype int64, expected a leaf of floats"),
        (lambda p: [p * 2], ValueError, r"params\[0\]: got the result of mul, expected a leaf.* \* 0.1\).requires_grad_\(\)"),
        (lambda p: [p, p], ValueError, r"params\[1\] appears twice"),
        (lambda p: [{"params": [p]}, {"params": [p]}], ValueError, r"params\[0\] appears twice"),
        (lambda p: [{"params": [p]}, p], TypeError, "argument param_group: got a Parameter, expected a dict"),
    ],
)
def test_parameters_that_are_refused(make, params, error, message):
    with pytest.raises(error, match=message):
        make(params(parameter()))


def test_a_generator_that_is_used_up_is_named_as_a_cause():
    given = nn.Linear(1, 1).parameters()
    optim.SGD(given)
    with pytest.raises(ValueError, match=r"empty parameter list.*used up"):
        optim.SGD(given)


@pytest.mark.parametrize(
    ("gradient", "error", "message"),
    [
        (mg.ones(3), ShapeError, r"step: argument params\[0\].grad: got shape \(3,\) of float32"),
        (mg.ones(1, 2), ShapeError, r"expected the parameter's shape \(2,\)"),
        (mg.ones(2, dtype=mg.float64), DTypeError, "of float64, expected the parameter's shape .* of float32"),
    ],
)
def test_a_gradient_that_does_not_fit_changes_nothing(make, backend, gradient, error, message):
    p, q = parameter(1.0, 2.0), parameter(3.0, 4.0)
    optimizer = make([{"params": [p]}, {"params": [q]}])
    for x in (p, q):
        x.grad = mg.ones(2)
    optimizer.step()
    values, states = (p.tolist(), q.tolist()), repr(optimizer.state_dict())
    kept, q.data = q.data, mg.zeros_like(gradient)
    q.grad, q.data = gradient, kept
    with pytest.raises(error, match=message):
        optimizer.step()
    assert (p.tolist(), q.tolist()) == values
    assert repr(optimizer.state_dict()) == states


def test_repr_lists_the_groups():
    optimizer = optim.SGD([{"params": [parameter()]}, {"params": [parameter()], "lr": 0.5}], lr=0.1, momentum=0.9)
    shared = "    momentum: 0.9\n    nesterov: False\n    weight_decay: 0\n"
    assert repr(optimizer) == (
        "SGD (\nParameter Group 0\n    dampening: 0\n    lr: 0.1\n    maximize: False\n" + shared
        + "\nParameter Group 1\n    dampening: 0\n    lr: 0.5\n    maximize: False\n" + shared + ")"
    )  # fmt: skip


SIGNATURES = {
    "SGD": (
        "params, lr=0.001, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, maximize=False, foreach=None, "
        "differentiable=False, fused=None"
    ),
    "Adam": (
        "params, lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0, amsgrad=False, *, foreach=None, "
        "maximize=False, capturable=False, differentiable=False, fused=None, decoupled_weight_decay=False"
    ),
    "AdamW": (
        "params, lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01, amsgrad=False, *, maximize=False, "
        "foreach=None, capturable=False, differentiable=False, fused=None"
    ),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_and_defaults_are_pytorchs(name):
    assert plain_signature(getattr(optim, name)) == f"({SIGNATURES[name]})"



# -- optimizers of one's own ---------------------------------------------------------------------------------------------


class HeavyBall(optim.Optimizer):
    """PyTorch's SGD with momentum, as programs write it."""

    def __init__(self, params, lr=0.01, momentum=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @mg.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with mg.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if len(state) == 0:
                    state["count"], state["buf"] = 0, mg.zeros_like(p)
                state["buf"].mul_(group["momentum"]).add_(p.grad)
                state["count"] += 1
                p.add_(state["buf"], alpha=-group["lr"])
        return loss


def descend(optimizer, p, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        (p * p * mg.tensor([1.0, 3.0])).sum().backward()
        optimizer.step()
    return p.tolist()


def test_an_optimizer_of_ones_own_with_groups_schedule_and_state():
    (a, b), options = (nn.Parameter(mg.tensor([1.0, 2.0])) for _ in range(2)), {"lr": 0.05, "momentum": 0.9}
    own, ours = HeavyBall([{"params": [a], "lr": 0.05}], momentum=0.9), optim.SGD([b], **options)
    schedules = [optim.lr_scheduler.StepLR(o, 1, 0.5) for o in (own, ours)]
    for _ in range(3):
        np.testing.assert_allclose(descend(own, a, 2), descend(ours, b, 2), rtol=1e-6)
        for schedule in schedules:
            schedule.step()
    assert own.param_groups[0]["lr"] == ours.param_groups[0]["lr"] == 0.05 / 8
    assert own.state[a]["count"] == 6
    assert repr(own) == "HeavyBall (\nParameter Group 0\n    initial_lr: 0.05\n    lr: 0.00625\n    momentum: 0.9\n)"


def test_the_state_of_an_optimizer_of_ones_own_is_saved_and_loaded():
    p = nn.Parameter(mg.tensor([1.0, 2.0]))
    own = HeavyBall([p], lr=0.05, momentum=0.9)
    descend(own, p, 2)
    saved, numbers = own.state_dict(), p.tolist()
    assert saved["state"][0]["count"] == 2
    wanted = descend(own, p, 2)
    assert saved["state"][0]["count"] == 2
    q = nn.Parameter(mg.tensor(numbers))
    other = HeavyBall([q])
    other.load_state_dict(saved)
    assert descend(other, q, 2) == wanted


def test_an_optimizer_of_ones_own_runs_a_closure_and_needs_a_step():
    p = nn.Parameter(mg.tensor([1.0]))
    own = HeavyBall([p], lr=0.25)

    def closure():
        own.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert (own.step(closure).item(), p.tolist()) == (1.0, [0.5])

    class Stepless(optim.Optimizer):
        pass

    with pytest.raises(NotImplementedError, match=r"Stepless has no step\(\): define"):
        Stepless([p], {"lr": 0.1}).step()
