"""Optimizers: one call for a group of parameters, which changes them, their state and their counts of steps in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from minigrad._C import ffi

from kernel_cases.calls import Problem, Want

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
RMSPROP = (
    {"lr": 0.01, "alpha": 0.9, "eps": 1e-3},
    {"lr": 0.01, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.05, "maximize": 1, "momentum": 0.9},
    {"lr": 0.01, "alpha": 0.4, "eps": 1e-3, "centered": 1},
    {
        "lr": 0.01, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.05, "momentum": 0.9, "centered": 1, "decoupled": 1,
        "eps_inside": 1, "lr_in_velocity": 1,
    },
)  # fmt: skip
ADAGRAD = (
    {"lr": 0.1, "lr_decay": 0, "eps": 1e-3},
    {"lr": 0.1, "lr_decay": 0.1, "eps": 1e-3, "weight_decay": 0.05, "maximize": 1},
    {"lr": 0.1, "lr_decay": 0, "eps": 1e-3, "weight_decay": 0.05, "decoupled": 1, "eps_inside": 1},
)
ADADELTA = (
    {"lr": 1.0, "rho": 0.9, "eps": 1e-3},
    {"lr": 0.5, "rho": 0.5, "eps": 1e-3, "weight_decay": 0.05, "maximize": 1},
    {"lr": 1.0, "rho": 0.9, "eps": 1e-3, "weight_decay": 0.05, "decoupled": 1},
)
ADAMAX = (
    BETAS,
    {**BETAS, "weight_decay": 0.05, "maximize": 1},
    {**BETAS, "weight_decay": 0.05, "decoupled": 1, "eps_outside": 1, "beta1": 0.3},
)
NADAM = (
    {**BETAS, "momentum_decay": 0.004},
    {**BETAS, "momentum_decay": 1.0, "weight_decay": 0.05, "maximize": 1},
    {**BETAS, "momentum_decay": 0.004, "weight_decay": 0.05, "decoupled": 1},
)
RADAM = (
    BETAS,
    {**BETAS, "weight_decay": 0.05, "maximize": 1, "beta1": 0.0},
    {**BETAS, "weight_decay": 0.05, "decoupled": 1, "beta2": 0.5},
)


def _decayed(state: dict[str, float], p: Numbers, g: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """The parameter and the gradient after weight decay, and the size of what was added for the gradient."""
    decay, g = state.get("weight_decay", 0), -g if state.get("maximize") else g
    if state.get("decoupled"):
        return p * (1 - state["lr"] * decay), g, np.abs(g)
    return p, g + decay * p, np.abs(g) + decay * np.abs(p)


def _sgd(
    state: dict[str, float], p: Numbers, g: Numbers, momentum: Numbers, step: int
) -> dict[str, tuple[Numbers, Numbers]]:
    """Values and scales after the step that is number `step`, counted from 1."""
    (p, g, size), mu, lr = _decayed(state, p, g), state.get("momentum", 0), state["lr"]
    if mu:
        if state.get("lr_in_velocity"):
            g, size, lr = lr * g, lr * size, 1
        first, fresh = step == 1, 1 - state.get("dampening", 0)
        size = size if first else mu * np.abs(momentum) + fresh * size
        momentum = g if first else mu * momentum + fresh * g
        g, total = (g + mu * momentum, 2 * size) if state.get("nesterov") else (momentum, size)
        return {"params": (p - lr * g, np.abs(p) + lr * total), "momenta": (momentum, size)}
    return {"params": (p - lr * g, np.abs(p) + lr * size)}


def _moments(state: dict[str, float], g: Numbers, size: Numbers, m: Numbers, v: Numbers) -> tuple[Numbers, ...]:
    """The two running means after the gradient g, each before its scale."""
    beta1, beta2 = state["beta1"], state["beta2"]
    return beta1 * m + (1 - beta1) * g, np.abs(m) + size, beta2 * v + (1 - beta2) * g * g, v + size * size


def _adam(
    state: dict[str, float], p: Numbers, g: Numbers, m: Numbers, v: Numbers, largest: Numbers, step: int
) -> dict[str, Any]:
    (p, g, size), lr, beta1, beta2 = _decayed(state, p, g), state["lr"], state["beta1"], state["beta2"]
    m, m_size, v, v_size = _moments(state, g, size, m, v)
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


def _below(state: dict[str, float], squares: Numbers, size: Numbers) -> tuple[Numbers, Numbers]:
    """What a step is divided by, and by how many units its quotient is off, from the roundings of the squares."""
    eps, inside = state["eps"], state.get("eps_inside")
    below = np.sqrt(squares + eps) if inside else np.sqrt(squares) + eps
    return below, 1 + size / (np.sqrt(squares) * below)


def _rmsprop(
    state: dict[str, float], p: Numbers, g: Numbers, square_avg: Numbers, momenta: Numbers, grad_avg: Numbers, step: int
) -> dict[str, Any]:
    (p, g, size), alpha, lr = _decayed(state, p, g), state["alpha"], state["lr"]
    v, v_size = alpha * square_avg + (1 - alpha) * g * g, square_avg + size * size
    result: dict[str, Any] = {"square_avg": (v, v_size)}
    if state.get("centered"):
        mean, mean_size = alpha * grad_avg + (1 - alpha) * g, np.abs(grad_avg) + size
        result["grad_avg"] = mean, mean_size
        v, v_size = v - mean * mean, v_size + mean_size * mean_size
    below, units = _below(state, v, v_size)
    x, off = g / below, size / below * units
    if mu := state.get("momentum", 0):
        if state.get("lr_in_velocity"):
            x, off, lr = lr * x, lr * off, 1
        x, off = mu * momenta + x, mu * np.abs(momenta) + off
        result["momenta"] = x, off
    result["params"] = p - lr * x, np.abs(p) + lr * off
    return result


def _adagrad(state: dict[str, float], p: Numbers, g: Numbers, sum: Numbers, step: int) -> dict[str, Any]:
    p, g, size = _decayed(state, p, g)
    total, total_size, rate = sum + g * g, sum + size * size, state["lr"] / (1 + (step - 1) * state["lr_decay"])
    below, units = _below(state, total, total_size)
    return {"sum": (total, total_size), "params": (p - rate * g / below, np.abs(p) + rate * size / below * units)}


def _adadelta(
    state: dict[str, float], p: Numbers, g: Numbers, square_avg: Numbers, acc_delta: Numbers, step: int
) -> dict[str, Any]:
    (p, g, size), rho, eps = _decayed(state, p, g), state["rho"], state["eps"]
    v, v_size = rho * square_avg + (1 - rho) * g * g, square_avg + size * size
    factor = np.sqrt((acc_delta + eps) / (v + eps))
    x, off = factor * g, factor * size * (1 + v_size / v)
    return {
        "square_avg": (v, v_size),
        "acc_delta": (rho * acc_delta + (1 - rho) * x * x, acc_delta + off * off),
        "params": (p - state["lr"] * x, np.abs(p) + state["lr"] * off),
    }


def _adamax(state: dict[str, float], p: Numbers, g: Numbers, m: Numbers, u: Numbers, step: int) -> dict[str, Any]:
    (p, g, size), beta1, eps = _decayed(state, p, g), state["beta1"], state["eps"]
    outside = eps if state.get("eps_outside") else 0
    m, m_size = beta1 * m + (1 - beta1) * g, np.abs(m) + size
    u, u_size = np.maximum(state["beta2"] * u, np.abs(g) + eps - outside), u + size
    rate, below = state["lr"] / (1 - beta1**step), u + outside
    off = rate * m_size / below * (1 + u_size / below)
    return {"m": (m, m_size), "u": (u, u_size), "params": (p - rate * m / below, np.abs(p) + off)}


def _nadam(
    state: dict[str, float], p: Numbers, g: Numbers, m: Numbers, v: Numbers, mu_product: Numbers, step: int
) -> dict[str, Any]:
    (p, g, size), beta1, lr = _decayed(state, p, g), state["beta1"], state["lr"]
    m, m_size, v, v_size = _moments(state, g, size, m, v)
    mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (s * state["momentum_decay"])) for s in (step, step + 1))
    product, bias = mu_product * mu, 1 - state["beta2"] ** step
    now, then = (1 - mu) / (1 - product), ahead / (1 - product * ahead)
    below, units = _below(state, v / bias, v_size / bias)
    off = lr * (now * size + then * m_size) / below * units
    return {
        "m": (m, m_size), "v": (v, v_size), "mu_product": (product, product),
        "params": (p - lr * (now * g + then * m) / below, np.abs(p) + off),
    }  # fmt: skip


def _radam(state: dict[str, float], p: Numbers, g: Numbers, m: Numbers, v: Numbers, step: int) -> dict[str, Any]:
    (p, g, size), beta2 = _decayed(state, p, g), state["beta2"]
    m, m_size, v, v_size = _moments(state, g, size, m, v)
    rate, limit = state["lr"] / (1 - state["beta1"] ** step), 2 / (1 - beta2) - 1
    rho = limit - 2 * step * beta2**step / (1 - beta2**step)
    x, off = m, m_size
    if rho > 5:
        r = np.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho)) * np.sqrt(1 - beta2**step)
        below, units = _below(state, v, v_size)
        x, off = r * m / below, r * m_size / below * units
    return {"m": (m, m_size), "v": (v, v_size), "params": (p - rate * x, np.abs(p) + rate * off)}


#: Kernel: its states, the hyperparameters of its cases, and what it must give.
UPDATES: dict[str, tuple[tuple[str, ...], tuple[dict[str, float], ...], Callable[..., dict[str, Any]]]] = {
    "sgd": (("momenta",), SGD, _sgd),
    "adam": (("m", "v", "largest"), ADAM, _adam),
    "rmsprop": (("square_avg", "momenta", "grad_avg"), RMSPROP, _rmsprop),
    "adagrad": (("sum",), ADAGRAD, _adagrad),
    "adadelta": (("square_avg", "acc_delta"), ADADELTA, _adadelta),
    "adamax": (("m", "u"), ADAMAX, _adamax),
    "nadam": (("m", "v", "mu_product"), NADAM, _nadam),
    "radam": (("m", "v"), RADAM, _radam),
}


def _start(state: str, size: int, dtype: np.dtype[Any], rng: np.random.Generator) -> Numbers:
    """A state as it may stand before a step: squares are positive, and more than the square of the mean."""
    if state == "mu_product":
        return np.array(rng.uniform(0.1, 0.9))
    x = rng.uniform(-1, 1, size).astype(dtype)
    if state in ("m", "momenta"):
        return x
    return x / 4 if state == "grad_avg" else np.abs(x) + dtype.type(0.1)


def update_problem(
    name: str, dtype: np.dtype[Any], state: dict[str, float], sizes: tuple[int, ...], rng: np.random.Generator
) -> Problem:
    """Parameters of these sizes; every second one is at its first step."""
    counted = name != "sgd" or state.get("momentum", 0) != 0
    names, _, after_step = UPDATES[name]
    given: dict[str, Any] = {"params": [], "grads": [], "steps": [], **{k: [] for k in names}}
    wants: dict[str, Any] = {"params": [], "steps": [], **{k: [] for k in names}}
    for i, size in enumerate(sizes):
        steps = 0 if i % 2 else 8
        p, g = (rng.uniform(-1, 1, size).astype(dtype) for _ in range(2))
        rest = [_start(k, size, dtype, rng) for k in names]
        wide = [x.astype(np.float64) for x in (p, g, *rest)]
        after = after_step(state, *wide, step=steps + 1)
        for key, x in zip(("params", "grads", *names), (p, g, *rest), strict=True):
            given[key].append(x)
            if key in after:
                wants[key].append(Want(after[key][0], ROUNDINGS, after[key][1]))
        given["steps"].append(np.array(steps))
        wants["steps"].append(Want(np.array(steps + 1 if counted else steps)))
    unused = [k for k in names if not wants[k]]
    given |= dict.fromkeys(unused)
    if not counted:
        given["steps"] = None
        unused.append("steps")
    for k in unused:
        del wants[k]
    given |= {"sizes": np.array(sizes, np.int64), "count": len(sizes), "state": ffi.new(f"mg_{name} *", state)}
    return Problem(given, wants)


def update_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    for state in UPDATES[name][1]:
        yield update_problem(name, dtype, state, (size, 3, 0, 5), rng)
