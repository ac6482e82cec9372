"""Keras's arithmetic as a choice of each optimizer's kernel, against 50 steps of Keras's own."""

import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim

DATA = Path(__file__).with_name("data")
GOLDEN = dict(np.load(DATA / "keras_optim_golden.npz"))
SAME = dict(np.load(DATA / "optim_golden.npz"))
SNAPSHOTS = (1, 2, 3, 10, 50)
TOLERANCE = {mg.float32: 1e-6, mg.float64: 1e-12}


class SGD(optim.SGD):
    _fixed: ClassVar = {"decoupled": 1, "lr_in_velocity": 1}


class Adam(optim.Adam):
    _fixed: ClassVar = {"eps_hat": 1}


class RMSprop(optim.RMSprop):
    _fixed: ClassVar = {"decoupled": 1, "eps_inside": 1, "lr_in_velocity": 1}


class Adagrad(optim.Adagrad):
    _fixed: ClassVar = {"decoupled": 1, "eps_inside": 1}


class Adadelta(optim.Adadelta):
    _fixed: ClassVar = {"decoupled": 1}


class Adamax(optim.Adamax):
    _fixed: ClassVar = {"decoupled": 1, "eps_outside": 1}


#: Kind, and what Keras's defaults are here.
ADAM = {"eps": 1e-7}
KINDS = {
    "SGD": (SGD, {}),
    "Adam": (Adam, {**ADAM, "decoupled_weight_decay": True}),
    "RMSprop": (RMSprop, {"alpha": 0.9, "eps": 1e-7}),
    "Adagrad": (Adagrad, {"initial_accumulator_value": 0.1, "eps": 1e-7}),
    "Adadelta": (Adadelta, {"rho": 0.95, "eps": 1e-7}),
    "Adamax": (Adamax, ADAM),
    "Nadam": (optim.NAdam, {**ADAM, "momentum_decay": 1.0, "decoupled_weight_decay": True}),
}
NAMES = {"learning_rate": "lr", "epsilon": "eps"}
CASES = [
    pytest.param(i, case, id=f"{case['optimizer']}({', '.join(f'{k}={v}' for k, v in case['options'].items())})")
    for i, case in enumerate(json.loads(str(GOLDEN["cases"])))
]


def parameters(dtype):
    start = SAME["start"].astype(dtype)
    return [nn.Parameter(mg.tensor(start[:18].reshape(3, 6))), nn.Parameter(mg.tensor(start[18:]))]


def translated(case):
    kind, defaults = KINDS[case["optimizer"]]
    given = dict(case["options"])
    if kind in (Adam, Adamax, optim.NAdam):
        defaults = {**defaults, "betas": (given.pop("beta_1", 0.9), given.pop("beta_2", 0.999))}
    renamed = {**NAMES, "rho": "alpha"} if kind is RMSprop else NAMES
    return kind, {**defaults, **{renamed.get(name, name): value for name, value in given.items()}}


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
@pytest.mark.parametrize(("number", "case"), CASES)
def test_fifty_steps(number, case, dtype, backend):
    params, (kind, options) = parameters(dtype), translated(case)
    optimizer = kind(params, **options)
    golden = iter(GOLDEN[f"after.{number}"])
    for step, gradient in enumerate(SAME["gradients"].astype(dtype)):
        params[0].grad, params[1].grad = mg.tensor(gradient[:18].reshape(3, 6)), mg.tensor(gradient[18:])
        if case["new_lr"] and step == case["new_lr"][0]:
            optimizer.param_groups[0]["lr"] = case["new_lr"][1]
        optimizer.step()
        if step + 1 in SNAPSHOTS:
            got = np.concatenate([p.detach().numpy().ravel() for p in params])
            np.testing.assert_allclose(got, next(golden), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    assert next(golden, None) is None


@pytest.mark.parametrize("kind", [SGD, Adam, RMSprop, Adagrad, Adamax])
def test_the_choice_makes_a_difference(kind, backend):
    options = ({"momentum": 0.5} if kind in (SGD, RMSprop) else {}) | ({"eps": 0.1} if kind is not SGD else {})
    ends = []
    for each in (kind, kind.__mro__[1]):
        p, _ = parameters(mg.float64)
        optimizer = each([p], lr=0.1, **options)
        for lr, gradient in ((0.1, 0.5), (0.2, 0.25)):
            optimizer.param_groups[0]["lr"] = lr
            p.grad = mg.full((3, 6), gradient, dtype=mg.float64)
            optimizer.step()
        ends.append(p.tolist())
    assert ends[0] != ends[1]
