"""minigrad against PyTorch's numbers, which are stored in tests/data with the scripts that made them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim

DATA = Path(__file__).with_name("data")
OPTIM = dict(np.load(DATA / "optim_golden.npz"))
NN = dict(np.load(DATA / "nn_golden.npz"))
NEURON = dict(np.load(DATA / "neuron_golden.npz"))

#: How far float32 and float64 may be from the golden numbers, relative to them, or to 1 where they are smaller.
TOLERANCE = {mg.float32: 1e-6, mg.float64: 1e-12}


@pytest.fixture(params=[mg.float32, mg.float64], ids=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> Any:
    return request.param


def assert_near(got: Any, golden: Any, dtype: Any) -> None:
    assert got.dtype == dtype
    np.testing.assert_allclose(got, golden, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


# -- layers and losses: forward and gradients, in float64 by PyTorch ---------------------------------------------------


def with_answers() -> list[Any]:
    """Every case with its output and gradients, cut from the one long row of numbers."""
    found, at = [], 0
    for case in json.loads(str(NN["cases"])):
        answers = []
        for name in (case["cotangent"], *[case["inputs"][i] for i in case["grads"]]):
            size = NN[name].size
            answers.append(NN["answers"][at : at + size].reshape(NN[name].shape))
            at += size
        options = ", ".join(f"{k}={v}" for k, v in case["options"].items())
        found.append(pytest.param(case, answers, id=f"{case['module']}({options})-{'-'.join(case['inputs'])}"))
    assert at == NN["answers"].size
    return found


def as_tensor(name: str, dtype: Any) -> mg.Tensor:
    array = NN[name]
    return mg.tensor(array.astype(dtype) if array.dtype.kind == "f" else array)


@pytest.mark.parametrize(("case", "answers"), with_answers())
def test_modules_and_their_gradients(case: Any, answers: list[Any], dtype: Any, backend: str) -> None:
    options = {
        k: as_tensor(v[1:], dtype) if isinstance(v, str) and v[0] == "@" else v for k, v in case["options"].items()
    }
    inputs = [as_tensor(name, dtype) for name in case["inputs"]]
    for i in case["grads"]:
        inputs[i].requires_grad_()
    out = getattr(nn, case["module"])(**options)(*inputs)
    out.backward(as_tensor(case["cotangent"], dtype))
    for got, golden in zip([out.detach(), *[inputs[i].grad for i in case["grads"]]], answers, strict=True):
        assert got.shape == golden.shape
        assert_near(got.numpy(), golden, dtype)


# -- optimizers: 50 steps along given gradients ------------------------------------------------------------------------

SHAPES, SNAPSHOTS = ((3, 6), (5,)), (1, 2, 3, 10, 50)


def split(numbers: Any, dtype: Any) -> list[mg.Tensor]:
    ends = np.cumsum([int(np.prod(s)) for s in SHAPES])[:-1]
    parts = np.split(numbers.astype(dtype), ends)
    return [mg.tensor(part.reshape(s)) for part, s in zip(parts, SHAPES, strict=True)]


def optimizer_cases() -> list[Any]:
    found = []
    for i, case in enumerate(json.loads(str(OPTIM["cases"]))):
        options = ", ".join(f"{k}={v}" for k, v in case["options"].items())
        extra = "".join(f"-{k}" for k in ("second", "absent", "new_lr") if case[k])
        found.append(pytest.param(i, case, id=f"{case['optimizer']}({options}){extra}"))
    return found


@pytest.mark.parametrize(("number", "case"), optimizer_cases())
def test_fifty_steps(number: int, case: Any, dtype: Any, backend: str) -> None:
    first, second = params = [nn.Parameter(x) for x in split(OPTIM["start"], dtype)]
    groups: Any = params if case["second"] is None else [{"params": [first]}, {"params": [second], **case["second"]}]
    optimizer = getattr(optim, case["optimizer"])(groups, **case["options"])
    golden = iter(OPTIM[f"{dtype.name}.{number}"])
    for step, gradients in enumerate(OPTIM["gradients"]):
        first.grad, second.grad = split(gradients, dtype)
        if any(low <= step < high for low, high in case["absent"]):
            second.grad = None
        if case["new_lr"] and step == case["new_lr"][0]:
            for group in optimizer.param_groups:
                group["lr"] = case["new_lr"][1]
        optimizer.step()
        if step + 1 in SNAPSHOTS:
            assert_near(np.concatenate([p.detach().numpy().ravel() for p in params]), next(golden), dtype)
    assert next(golden, None) is None


# -- a whole training: one neuron, 1000 epochs -------------------------------------------------------------------------


class Yield(nn.Module):
    """What a field brings in, as a weighted sum of what it got."""

    def __init__(self) -> None:
        super().__init__()
        self.neuron = nn.Linear(3, 1)

    def forward(self, features: mg.Tensor) -> Any:
        return self.neuron(features)


def test_a_neuron_follows_pytorch_for_1000_epochs(dtype: Any, backend: str) -> None:
    features, yields = (mg.tensor(NEURON[name].astype(dtype)) for name in ("features", "yields"))
    model = Yield().to(dtype)
    model.load_state_dict({f"neuron.{name}": mg.tensor(NEURON[name]) for name in ("weight", "bias")})
    criterion, optimizer = nn.MSELoss(), optim.SGD(model.parameters(), lr=0.05)
    losses = []
    for _ in range(1000):
        loss = criterion(model(features), yields)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    np.testing.assert_allclose(losses, NEURON[f"losses.{dtype.name}"], rtol=TOLERANCE[dtype], atol=0)
    for name, p in model.neuron.named_parameters():
        assert_near(p.detach().numpy(), NEURON[f"{name}.{dtype.name}"], dtype)
