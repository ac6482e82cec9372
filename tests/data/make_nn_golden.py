"""Writes nn_golden.npz: what PyTorch's activations and losses, and their gradients, are at given inputs, in float64.

Run by hand, with PyTorch installed: `python tests/data/make_nn_golden.py`. All inputs are float32 numbers, so that the
answers hold for both types.

cases    JSON: [{"module", "options", "inputs": names of arrays, "cotangent": name, "grads": [...]}, ...]; an option
         that begins with "@" names an array; "grads" are the positions of the inputs whose gradient follows
answers  all numbers of all cases, end to end: the output, then the gradients of (output * cotangent).sum()
NAME     an array of inputs
"""

from __future__ import annotations

import json
import warnings
from itertools import product
from pathlib import Path

import numpy as np
import torch

REDUCTIONS = ("mean", "sum", "none")


def arrays() -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (random.normal(size=shape) * scale).astype(np.float32)

    def probabilities(*shape: int) -> np.ndarray:
        p = random.dirichlet(np.ones(shape[1]), size=(shape[0], *shape[2:]))
        return np.ascontiguousarray(np.moveaxis(p, -1, 1), np.float32)

    special = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 10.0, -10.0, 20.0, 25.0, -25.0, 80.0, -80.0, 1e4, -1e4]
    found = {
        "values": np.concatenate([np.array(special, np.float32), normal(24, scale=2.0)]).reshape(5, 8),
        "cube": normal(3, 4, 5, scale=3.0),
        "reals": normal(6, 7, scale=2.0),
        "chances": random.uniform(0.02, 0.98, (6, 7)).astype(np.float32),
        "targets": random.uniform(0.0, 1.0, (6, 7)).astype(np.float32),
        "logits": normal(6, 7, scale=8.0),
        "columns": random.uniform(0.2, 2.0, 7).astype(np.float32),
        "each": random.uniform(0.2, 2.0, (6, 7)).astype(np.float32),
        "scores": normal(8, 5, scale=4.0),
        "labels": random.integers(0, 5, 8),
        "gaps": np.array([0, -100, 4, 2, -100, 1, 2, 3]),
        "rows": probabilities(8, 5),
        "classes": random.uniform(0.2, 2.0, 5).astype(np.float32),
        "maps": normal(2, 5, 2, 3, scale=4.0),
        "map labels": random.integers(0, 5, (2, 2, 3)),
        "map rows": probabilities(2, 5, 2, 3),
        "one": normal(5, scale=4.0),
        "one label": np.array(3),
    }
    # Differences of exactly 0 and of exactly the bend of Huber's loss and its like.
    found["wishes"] = normal(6, 7, scale=2.0)
    found["wishes"][0, :4] = found["reals"][0, :4] + np.array([0, 1, -1, 0.5], np.float32)
    # Certain and right; certain and wrong would have an infinite gradient.
    for name, shape in (("certain", (6, 7)), ("truths", (6, 7)), ("sure rows", (8, 5))):
        found[name] = np.eye(*shape, dtype=np.float32)
    found["sure rows"][5:] = found["rows"][5:]
    found["log rows"] = np.log(found["rows"] * np.float32(0.9) + np.float32(0.02))
    found["log wishes"] = np.log(probabilities(8, 5) * np.float32(0.9) + np.float32(0.02))
    found["log maps"] = np.log(probabilities(2, 5, 2, 3))
    return found


def case(module: str, inputs: str | tuple[str, ...], **options: object) -> dict:
    return {"module": module, "inputs": (inputs,) if isinstance(inputs, str) else inputs, "options": options}


def activations() -> list[dict]:
    names = ("ReLU", "Sigmoid", "Tanh", "SiLU", "GELU", "ELU", "LeakyReLU", "Softplus")
    plain = [case(name, "values") for name in names]
    dims = [case(name, "cube", dim=d) for name in ("Softmax", "LogSoftmax") for d in (0, 1, 2, -1)]
    return [
        *plain,
        *dims,
        case("GELU", "values", approximate="tanh"),
        case("ELU", "values", alpha=0.3),
        case("LeakyReLU", "values", negative_slope=0.25),
        case("Softplus", "values", beta=2.0, threshold=5.0),
        case("Softmax", "values", dim=1),
        case("LogSoftmax", "values", dim=1),
    ]


def regression() -> list[dict]:
    pair = ("reals", "wishes")
    found = []
    for r in REDUCTIONS:
        found += [case(name, pair, reduction=r) for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")]
        found += [case("SmoothL1Loss", pair, reduction=r, beta=b) for b in (0.5, 0.0, 3.0)]
        found += [case("HuberLoss", pair, reduction=r, delta=d) for d in (0.5, 3.0)]
    return found


def binary() -> list[dict]:
    found = []
    for r, weight in product(REDUCTIONS, (None, "@columns", "@each")):
        found.append(case("BCELoss", ("chances", "targets"), reduction=r, weight=weight))
        found.append(case("BCELoss", ("certain", "truths"), reduction=r, weight=weight))
        for positive in (None, "@columns"):
            options = {"reduction": r, "weight": weight, "pos_weight": positive}
            found.append(case("BCEWithLogitsLoss", ("logits", "targets"), **options))
    return found


def multiclass() -> list[dict]:
    found = []
    for r, weight, smoothing in product(REDUCTIONS, (None, "@classes"), (0.0, 0.1)):
        options = {"reduction": r, "weight": weight, "label_smoothing": smoothing}
        for target in ("labels", "gaps", "rows", "sure rows"):
            found.append(case("CrossEntropyLoss", ("scores", target), **options))
        for target in ("map labels", "map rows"):
            found.append(case("CrossEntropyLoss", ("maps", target), **options))
        found.append(case("CrossEntropyLoss", ("scores", "labels"), ignore_index=2, **options))
        found.append(case("CrossEntropyLoss", ("one", "one label"), **options))
    for r, weight in product(REDUCTIONS, (None, "@classes")):
        options = {"reduction": r, "weight": weight}
        for pair in (("log rows", "labels"), ("log rows", "gaps"), ("log maps", "map labels"), ("one", "one label")):
            found.append(case("NLLLoss", pair, **options))
        found.append(case("NLLLoss", ("log rows", "labels"), ignore_index=2, **options))
    for r in (*REDUCTIONS, "batchmean"):
        found.append(case("KLDivLoss", ("log rows", "rows"), reduction=r))
        found.append(case("KLDivLoss", ("log rows", "sure rows"), reduction=r))
        found.append(case("KLDivLoss", ("log rows", "log wishes"), reduction=r, log_target=True))
    return found


def answer(one: dict, given: dict[str, np.ndarray]) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The module's output, and the inputs with their gradients."""
    tensors = {k: torch.tensor(v.astype(np.float64) if v.dtype.kind == "f" else v) for k, v in given.items()}
    options = {k: tensors[v[1:]] if isinstance(v, str) and v[0] == "@" else v for k, v in one["options"].items()}
    inputs = [tensors[name] for name in one["inputs"]]
    for x in inputs:
        x.requires_grad_(x.is_floating_point())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # reduction="mean" of KLDivLoss is not the divergence, says PyTorch
        out = getattr(torch.nn, one["module"])(**options)(*inputs)
    return out, inputs


def main() -> None:
    given = arrays()
    every = [*activations(), *regression(), *binary(), *multiclass()]
    random = np.random.default_rng(6)
    answers = []
    for one in every:
        out, inputs = answer(one, given)
        one["cotangent"] = f"g{list(out.shape)}"
        g = given.setdefault(one["cotangent"], random.normal(size=tuple(out.shape)).astype(np.float32))
        (out * torch.tensor(g.astype(np.float64))).sum().backward()
        # PyTorch's gradients towards targets that are exactly 0 or 1 can be infinite, where ours are cut off as the
        # losses are.
        one["grads"] = [i for i, x in enumerate(inputs) if x.grad is not None and x.grad.isfinite().all()]
        answers += [out.detach().numpy(), *[inputs[i].grad.numpy() for i in one["grads"]]]
    path = Path(__file__).with_name("nn_golden.npz")
    flat = np.concatenate([a.ravel() for a in answers])
    np.savez_compressed(path, cases=json.dumps(every), answers=flat, **given)


if __name__ == "__main__":
    main()
