"""Writes optim_golden.npz: where PyTorch's optimizers take two parameters in 50 steps along given gradients.

Run by hand, with PyTorch installed: `python tests/data/make_optim_golden.py`. The gradients do not depend on the
parameters, so what is compared is the optimizer alone. All numbers are float32 numbers, also where they are used in
float64.

cases      JSON: [{"optimizer", "options", "second": options of the second parameter's own group or null, "absent":
           [[from, to], ...] steps at which the second parameter has no gradient, "new_lr": [step, value] or []}, ...]
start      the parameters, laid end to end: SHAPES says where one ends
gradients  (50, numbers)
float32.I  where case I is after the steps in SNAPSHOTS, (steps, numbers); float64.I likewise
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

STEPS = 50
SNAPSHOTS = (1, 2, 3, 10, 50)
SHAPES = ((3, 6), (5,))


BETAS = ({"betas": (0.8, 0.95)}, {"betas": (0.0, 0.5)}, {"betas": (0.3, 0.0)})
#: The last options are tried with weight decay, and as those of a group. Of Adagrad, PyTorch looks at no group's
#: initial_accumulator_value; Adamax with a short memory (a small beta2) divides by gradients near 0, and magnifies
#: roundings: with maximize and 0.9, products that are not fused moved one number by 1.3e-6.
OTHERS = {
    "RMSprop": (
        {"alpha": 0.9}, {"alpha": 0.0}, {"momentum": 0.9}, {"centered": True}, {"momentum": 0.5, "centered": True},
    ),
    "Adagrad": (
        {"lr_decay": 0.1}, {"initial_accumulator_value": 0.5}, {"lr_decay": 0.5, "initial_accumulator_value": 2.0},
        {"lr_decay": 0.01},
    ),
    "Adadelta": ({"rho": 0.5}, {"rho": 0.95, "lr": 0.5}, {"rho": 0.0}),
    "Adamax": (*BETAS, {"betas": (0.5, 0.99)}),
    "NAdam": (*BETAS, {"momentum_decay": 0.5}, {"decoupled_weight_decay": True, "momentum_decay": 1.0}),
    "RAdam": (*BETAS, {"betas": (0.9, 0.99)}, {"decoupled_weight_decay": True, "betas": (0.5, 0.9)}),
}  # fmt: skip


def case(optimizer: str, second: dict | None = None, absent: tuple = (), new_lr: tuple = (), **options: object) -> dict:
    return {"optimizer": optimizer, "options": options, "second": second, "absent": absent, "new_lr": new_lr}


def cases() -> list[dict]:
    momentum = {"lr": 0.02, "momentum": 0.9}
    found = [
        case("SGD"),
        case("SGD", lr=0.1, weight_decay=0.01),
        case("SGD", lr=0.1, maximize=True, weight_decay=0.01),
        case("SGD", **momentum),
        case("SGD", **momentum, dampening=0.3),
        case("SGD", **momentum, nesterov=True),
        case("SGD", **momentum, nesterov=True, weight_decay=0.01, maximize=True),
        case("SGD", **momentum, dampening=0.3, weight_decay=0.01, maximize=True),
        case("SGD", new_lr=(25, 0.001), **momentum),
        case("SGD", {"lr": 0.05, "momentum": 0.5, "nesterov": True}, **momentum),
        case("SGD", None, ((0, 7), (20, 25)), **momentum, dampening=0.3),
    ]
    for name in ("Adam", "AdamW"):
        found += [
            case(name),
            case(name, lr=0.02, betas=(0.8, 0.95)),
            case(name, lr=0.02, betas=(0.0, 0.5)),
            case(name, lr=0.02, betas=(0.3, 0.0)),
            case(name, lr=0.02, eps=0.1),
            case(name, lr=0.02, weight_decay=0.0),
            case(name, lr=0.02, weight_decay=0.1),
            case(name, lr=0.02, maximize=True, weight_decay=0.1),
            case(name, lr=0.02, amsgrad=True),
            case(name, lr=0.02, amsgrad=True, weight_decay=0.1, maximize=True, betas=(0.8, 0.95), eps=1e-4),
            case(name, new_lr=(25, 0.01), weight_decay=0.1),
            case(name, {"lr": 0.005, "betas": (0.5, 0.9), "weight_decay": 0.2, "amsgrad": True}, lr=0.02),
            case(name, None, ((0, 7), (20, 25)), lr=0.02, weight_decay=0.1),
        ]
    found.append(case("Adam", lr=0.02, weight_decay=0.1, decoupled_weight_decay=True))
    for name, options in OTHERS.items():
        found += [case(name), *[case(name, **one) for one in options]]
        found += [
            case(name, lr=0.05, weight_decay=0.1),
            case(name, lr=0.05, weight_decay=0.1, maximize=True, **options[-1]),
            case(name, lr=0.05, eps=0.1),
            case(name, new_lr=(25, 0.03), weight_decay=0.1),
            case(name, {"lr": 0.02, "weight_decay": 0.2, **options[-1]}, lr=0.05),
            case(name, None, ((0, 7), (20, 25)), lr=0.05, **options[0]),
        ]
    return found


def numbers() -> tuple[np.ndarray, np.ndarray]:
    """Parameters and gradients; some gradients are always 0, some so small that eps decides."""
    random = np.random.default_rng(11)
    count = sum(int(np.prod(s)) for s in SHAPES)
    start = random.uniform(-2, 2, count).astype(np.float32)
    gradients = random.normal(size=(STEPS, count)) * np.exp2(random.integers(-3, 3, count))
    gradients[:, ::7] = 0
    gradients[:, 3::7] *= 1e-9
    return start, gradients.astype(np.float32)


def split(flat: np.ndarray) -> list[np.ndarray]:
    ends = np.cumsum([int(np.prod(s)) for s in SHAPES])[:-1]
    return [part.reshape(s) for part, s in zip(np.split(flat, ends), SHAPES, strict=True)]


def follow(one: dict, start: np.ndarray, gradients: np.ndarray, dtype: type) -> np.ndarray:
    torch.set_default_dtype(torch.float64 if dtype is np.float64 else torch.float32)  # that of NAdam's products
    first, second = [torch.nn.Parameter(torch.tensor(part.astype(dtype))) for part in split(start)]
    groups = [first, second] if one["second"] is None else [{"params": [first]}, {"params": [second], **one["second"]}]
    optimizer = getattr(torch.optim, one["optimizer"])(groups, **one["options"])
    found = []
    for step in range(STEPS):
        for parameter, gradient in zip((first, second), split(gradients[step]), strict=True):
            parameter.grad = torch.tensor(gradient.astype(dtype))
        if any(low <= step < high for low, high in one["absent"]):
            second.grad = None
        if one["new_lr"] and step == one["new_lr"][0]:
            for group in optimizer.param_groups:
                group["lr"] = one["new_lr"][1]
        optimizer.step()
        if step + 1 in SNAPSHOTS:
            found.append(torch.cat([first.detach().flatten(), second.detach().flatten()]).numpy())
    return np.stack(found)


def main() -> None:
    torch.set_num_threads(1)
    start, gradients = numbers()
    found = {
        f"{np.dtype(dtype).name}.{i}": follow(one, start, gradients, dtype)
        for i, one in enumerate(cases())
        for dtype in (np.float32, np.float64)
    }
    path = Path(__file__).with_name("optim_golden.npz")
    np.savez_compressed(path, cases=json.dumps(cases()), start=start, gradients=gradients, **found)


if __name__ == "__main__":
    main()
