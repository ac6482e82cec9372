"""Optimizers: their state, copies of it, saving and loading."""

import copy
import pickle

import numpy as np
import pytest
from optim_steps import OPTIMIZERS, parameter, step

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import ShapeError

STATES = {
    "SGD": ["momentum_buffer"],
    "Adam": ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"],
    "AdamW": ["exp_avg", "exp_avg_sq"],
    "RMSprop": ["square_avg", "momentum_buffer", "grad_avg"],
    "Adagrad": ["sum"],
    "Adadelta": ["square_avg", "acc_delta"],
    "Adamax": ["exp_avg", "exp_inf"],
    "NAdam": ["exp_avg", "exp_avg_sq", "mu_product"],
    "RAdam": ["exp_avg", "exp_avg_sq"],
}


@pytest.fixture(params=OPTIMIZERS.values(), ids=OPTIMIZERS)
def make(request):
    return request.param


def test_state_is_the_optimizers_own_memory(make, backend):
    p, q = parameter(1.0, 2.0), parameter(1.0, 2.0)
    optimizer, fresh = make([p]), make([q])
    assert dict(optimizer.state) == {}
    step(optimizer, p, [1.0, -1.0])
    state = optimizer.state[p]
    assert sorted(state) == sorted([*STATES[type(optimizer).__name__], "step"])
    for name, tensor in state.items():
        tensor.fill_(1 if name == "mu_product" else 0)
    p.data = mg.tensor([1.0, 2.0])
    assert step(optimizer, p, [0.5, 0.5]) == step(fresh, q, [0.5, 0.5])


def test_entries_of_the_state_are_written_not_replaced(make):
    p = parameter(1.0, 2.0)
    optimizer = make([p])
    step(optimizer, p, [1.0, -1.0])
    before = repr(optimizer.state_dict())
    for change in (
        lambda: optimizer.state.__setitem__(p, {}), lambda: optimizer.state.pop(p), lambda: optimizer.state.clear(),
        lambda: optimizer.state.__delitem__(p), lambda: optimizer.state[p].__setitem__("step", mg.tensor(0)),
        lambda: optimizer.state[p].update(step=mg.tensor(0)),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=r"^optimizer\.state: got a change of its entries, .*optimizer\.state\[p\]\[name\]"):
            change()
    assert repr(optimizer.state_dict()) == before
    ((copied, state),) = copy.deepcopy(optimizer.state).items()
    state["step"] = 7
    assert copied is not p
    assert repr(optimizer.state_dict()) == before


def test_state_may_be_reset(make, backend):
    p, q = parameter(1.0, 2.0), parameter(1.0, 2.0)
    optimizer, fresh = make([p]), make([q])
    step(optimizer, p, [1.0, -1.0], [1.0, -1.0])
    optimizer.state = {}
    p.data = mg.tensor([1.0, 2.0])
    assert step(optimizer, p, [0.5, 0.5]) == step(fresh, q, [0.5, 0.5])


def test_a_saved_optimizer_goes_on_with_the_same_bits(make, backend):
    def walk(optimizer, params, seed):
        mg.manual_seed(seed)
        for _ in range(5):
            for p in params:
                p.grad = mg.randn(p.shape)
            optimizer.step()

    mg.manual_seed(9)
    params = [nn.Parameter(mg.randn(3, 5)), nn.Parameter(mg.randn(7)), parameter(1.0)]
    optimizer = make([{"params": params[:1]}, {"params": params[1:], "lr": 0.02}])
    walk(optimizer, params[:2], seed=1)
    saved, twins = optimizer.state_dict(), [copy.deepcopy(p) for p in params]
    assert [g["params"] for g in saved["param_groups"]] == [[0], [1, 2]]
    assert sorted(saved["state"]) == [0, 1]
    kept = repr(saved)
    walk(optimizer, params, seed=2)
    assert repr(saved) == kept  # copies, not the memory itself

    other = make([{"params": twins[:1]}, {"params": twins[1:]}], lr=0.5)
    other.load_state_dict(saved)
    walk(other, twins, seed=2)
    assert [p.tolist() for p in twins] == [p.tolist() for p in params]
    assert repr(saved) == kept
    assert repr(other.state_dict()) == repr(optimizer.state_dict())


def test_deepcopy_and_pickle_of_a_net_with_its_optimizer(make):
    net = nn.Linear(3, 2)
    optimizer = make(net.parameters())

    def train(net, optimizer):
        optimizer.zero_grad()
        (net(mg.ones(4, 3)) ** 2).sum().backward()
        optimizer.step()
        return [p.tolist() for p in net.parameters()]

    train(net, optimizer)
    pairs = copy.deepcopy((net, optimizer)), pickle.loads(pickle.dumps((net, optimizer)))
    expected = train(net, optimizer)
    for twin, its_optimizer in pairs:
        assert its_optimizer.param_groups[0]["params"][0] is twin.weight
        assert train(twin, its_optimizer) == expected


def test_loading_takes_options_that_fit_only_together():
    p = parameter()
    optimizer = optim.SGD([p], momentum=0.9, nesterov=True)
    optimizer.load_state_dict(optim.SGD([p], lr=0.5).state_dict())
    assert (optimizer.param_groups[0]["momentum"], optimizer.param_groups[0].c.lr) == (0, 0.5)


def test_a_momentum_from_pytorch_is_past_its_first_step(backend):
    p = parameter(0.0, dtype=mg.float64)
    optimizer = optim.SGD([p], lr=1.0, momentum=0.5, dampening=0.5)
    saved = optimizer.state_dict()
    optimizer.load_state_dict({**saved, "state": {0: {"momentum_buffer": np.array([4.0])}}})
    assert step(optimizer, p, [1.0]) == [-(0.5 * 4.0 + 0.5 * 1.0)]
    optimizer.load_state_dict({**saved, "state": {0: {"momentum_buffer": None}}})
    assert step(optimizer, p, [1.0]) == [-3.5]


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda s: s.clear(), ValueError, r"argument state_dict: got something else, expected what state_dict\(\)"),
        (lambda s: s.update(param_groups=[{}]), ValueError, "got something else"),
        (lambda s: s["param_groups"].pop(), ValueError, r"got groups of \[1\] parameters, expected groups of \[1, 1\]"),
        (lambda s: s["param_groups"][1].update(params=[1, 2]), ValueError, r"got groups of \[1, 2\]"),
        (lambda s: s["param_groups"][1].pop("lr"), ValueError, "got a group without lr"),
        (lambda s: s["param_groups"][1].update(lr=-1.0), ValueError, "argument lr: got -1.0"),
        (lambda s: s["state"][1].update(step=mg.zeros(2)), ShapeError, r"state\[1\]: argument step: got shape \(2,\)"),
        (lambda s: s["state"][1].update(speed=mg.zeros(2)), ValueError, r"state\[1\]: argument name: got 'speed'"),
        (
            lambda s: s["state"][1].update({k: mg.zeros(3) for k in s["state"][1] if k != "step"}),
            ShapeError,
            r"got shape \(3,\), expected shape \(2,\)",
        ),
    ],
)
def test_a_state_dict_that_does_not_fit_changes_nothing(make, backend, spoil, error, message):
    p, q = parameter(1.0, 2.0), parameter(3.0, 4.0)
    optimizer = make([{"params": [p]}, {"params": [q]}])
    for x in (p, q):
        x.grad = mg.ones(2)
    optimizer.step()
    saved = optimizer.state_dict()
    for group in saved["param_groups"]:
        group["lr"] = 0.75
    saved["state"][0]["step"].fill_(100)
    before = repr(optimizer.state_dict())
    spoil(saved)
    with pytest.raises(error, match=message):
        optimizer.load_state_dict(saved)
    assert repr(optimizer.state_dict()) == before


def test_the_state_of_another_optimizer_does_not_fit():
    p = parameter()
    sgd = optim.SGD([p], momentum=0.9)
    step(sgd, p, [1.0, 1.0])
    with pytest.raises(ValueError, match=r"Adam.load_state_dict: argument param_groups: got a group without betas"):
        optim.Adam([p]).load_state_dict(sgd.state_dict())
