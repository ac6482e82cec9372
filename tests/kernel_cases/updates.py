"""Optimizers: one call for a group of parameters, which changes them, their state and their counts of steps in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from minigrad._C import ffi

from kernel_cases.calls import Problem, Want

if TYPE_CHECKING:
    from collections.abc import Iterator

    Numbers = np.ndarray[Any, np.dtype[Any]]

#: More than the roundings on the longest way from a gradient to a parameter; the constants, too, are rounded.
ROUNDINGS = 32

SGD = (
    {"lr": 0.1},
    {"lr": 0.1, "weight_decay": 0.05, "maximize": 1},
    {"lr": 0.1, "momentum": 0.9, "dampening": 0.2},
    {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05, "nesterov": 1},
    {"lr": 0.1, "momentum": 0.9, "lr_in_velocity": 1},
    {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05, "nesterov": 1, "lr_in_velocity": 1, "decoupled": 1},
)
BETAS = {"lr": 0.01, "beta1": 0.9, "beta2": 0.99, "eps": 1e-3}
ADAM = (
    BETAS,
    {**BETAS, "weight_decay": 0.05, "amsgrad": 1},
    {**BETAS, "weight_decay": 0.05, "decoupled": 1, "maximize": 1},
    {**BETAS, "weight_decay": 0.05, "maximize": 1, "beta1": 0.0},
    {**BETAS, "weight_decay": 0.05, "decoupled": 1, "amsgrad": 1, "eps_hat": 1},
)


def _sgd(
    state: dict[str, float], p: Numbers, g: Numbers, momentum: Numbers, step: int
) -> dict[str, tuple[Numbers, Numbers]]:
    """Values and scales after the step that is number `step`, counted from 1."""
    mu, lr, decay = state.get("momentum", 0), state["lr"], state.get("weight_decay", 0)
    if state.get("decoupled"):
        p, decay = p * (1 - lr * decay), 0
    size = np.abs(g) + decay * np.abs(p)
    g = (-g if state.get("maximize") else g) + decay * p
    if mu:
        if state.get("lr_in_velocity"):
            g, size, lr = lr * g, lr * size, 1
        first, fresh = step == 1, 1 - state.get("dampening", 0)
        size = size if first else mu * np.abs(momentum) + fresh * size
        momentum = g if first else mu * momentum + fresh * g
        g, total = (g + mu * momentum, 2 * size) if state.get("nesterov") else (momentum, size)
        return {"params": (p - lr * g, np.abs(p) + lr * total), "momenta": (momentum, size)}
    return {"params": (p - lr * g, np.abs(p) + lr * size)}


def _adam(
    state: dict[str, float], p: Numbers, g: Numbers, m: Numbers, v: Numbers, largest: Numbers, step: int
) -> dict[str, Any]:
    lr, beta1, beta2, decay = state["lr"], state["beta1"], state["beta2"], state.get("weight_decay", 0)
    g = -g if state.get("maximize") else g
    size = np.abs(g) + decay * np.abs(p)
    if state.get("decoupled"):
        p = p * (1 - lr * decay)
    else:
        g = g + decay * p
    m, m_size = beta1 * m + (1 - beta1) * g, np.abs(m) + size
    v, v_size = beta2 * v + (1 - beta2) * g * g, v + size * size
    result: dict[str, Any] = {"m": (m, m_size), "v": (v, v_size)}
    root, root_size = np.sqrt(v / (1 - beta2**step)), np.sqrt(v_size / (1 - beta2**step))
    if state.get("amsgrad"):
        largest = np.maximum(largest, v)
        result["largest"] = largest, np.maximum(largest, v_size)
        root = np.sqrt(largest / (1 - beta2**step))
    eps = state["eps"] / (np.sqrt(1 - beta2**step) if state.get("eps_hat") else 1)
    change, below = lr / (1 - beta1**step) * m, root + eps
    off = lr / (1 - beta1**step) * m_size / below * (1 + root_size / below)
    result["params"] = p - change / below, np.abs(p) + off
    return result


def update_problem(
    name: str, dtype: np.dtype[Any], state: dict[str, float], sizes: tuple[int, ...], rng: np.random.Generator
) -> Problem:
    """Parameters of these sizes; every second one is at its first step."""
    momentum = name == "adam" or state.get("momentum", 0) != 0
    names = ("momenta",) if name == "sgd" else ("m", "v", "largest")
    given: dict[str, Any] = {"params": [], "grads": [], "steps": [], **{k: [] for k in names}}
    wants: dict[str, Any] = {"params": [], "steps": [], **{k: [] for k in names}}
    for i, size in enumerate(sizes):
        steps = 0 if i % 2 else 4
        p, g, *rest = (rng.uniform(-1, 1, size).astype(dtype) for _ in range(2 + len(names)))
        rest = [np.abs(x) + dtype.type(0.1) if k in ("v", "largest") else x for k, x in zip(names, rest, strict=True)]
        wide = [x.astype(np.float64) for x in (p, g, *rest)]
        after = (_sgd if name == "sgd" else _adam)(state, *wide, step=steps + 1)
        for key, x in zip(("params", "grads", *names), (p, g, *rest), strict=True):
            given[key].append(x)
            if key in after:
                wants[key].append(Want(after[key][0], ROUNDINGS, after[key][1]))
        given["steps"].append(np.array(steps))
        wants["steps"].append(Want(np.array(steps + 1 if momentum else steps)))
    unused = [k for k in names if not wants[k]]
    given |= dict.fromkeys(unused)
    if not momentum:
        given["steps"] = None
        unused.append("steps")
    for k in unused:
        del wants[k]
    given |= {"sizes": np.array(sizes, np.int64), "count": len(sizes), "state": ffi.new(f"mg_{name} *", state)}
    return Problem(given, wants)


def update_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    for state in SGD if name == "sgd" else ADAM:
        yield update_problem(name, dtype, state, (size, 3, 0, 5), rng)
