"""Losses without noise, and what LBFGS does to them: of minigrad, or of PyTorch, whose names and arguments are the same."""

import numpy as np

#: Options of LBFGS, by problem: from runs that still depend on every number, and have not yet gone their own ways by rounding.
RUNS = [
    ("network", {"lr": 0.1}, 3),
    ("network", {"lr": 0.5, "max_iter": 5}, 6),
    ("network", {"line_search_fn": "strong_wolfe"}, 2),
    ("network", {"line_search_fn": "strong_wolfe", "max_iter": 4, "history_size": 3}, 6),
    ("network", {"lr": 0.05, "history_size": 2, "max_iter": 30, "max_eval": 8}, 4),
    ("network", {"lr": 0.3, "line_search_fn": "strong_wolfe", "tolerance_change": 1e-4}, 5),
    ("network", {"lr": 0.1, "tolerance_grad": 1e-2}, 8),
    ("valley", {"lr": 0.001, "max_iter": 5}, 8),
    ("valley", {"line_search_fn": "strong_wolfe"}, 8),
    ("valley", {"line_search_fn": "strong_wolfe", "max_iter": 3, "history_size": 1}, 8),
    ("valley", {"lr": 20.0, "line_search_fn": "strong_wolfe", "max_iter": 6}, 8),
    ("valley", {"lr": 1e-5, "line_search_fn": "strong_wolfe", "max_iter": 6}, 5),
    ("ripples", {"line_search_fn": "strong_wolfe", "max_iter": 7}, 4),
    ("ripples", {"lr": 3.0, "line_search_fn": "strong_wolfe", "max_iter": 2}, 6),
]


def problem(name, tensor, parameter):
    """Parameters, and the loss as a function of nothing. tensor and parameter make these of float64 arrays."""
    rng = np.random.default_rng(0)
    if name == "network":
        x, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 1))
        weights = [parameter(0.5 * rng.normal(size=(4, 6))), parameter(np.zeros(6)), parameter(0.5 * rng.normal(size=(6, 1)))]
        x, y = tensor(x), tensor(np.sin(y))
        return weights, lambda: (((x @ weights[0] + weights[1]).tanh() @ weights[2] - y) ** 2).mean()
    p = parameter(np.array([-1.2, 1.0, -0.5, 0.8]))
    if name == "valley":  # Rosenbrock's
        return [p], lambda: (100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2).sum()
    return [p], lambda: (0.1 * p**2 + (3 * p).sin()).sum() + p[0] * p[1]  # waves, which step over many minima


def descent(optim, tensor, parameter, name, options, steps):
    """After each call of step: the loss that it returned, how often the closure was called so far, and all parameters."""
    params, loss_of = problem(name, tensor, parameter)
    optimizer, calls = optim.LBFGS(params, **options), []

    def closure():
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        calls.append(loss)
        return loss

    rows = []
    for _ in range(steps):
        loss = optimizer.step(closure)
        rows.append([loss.item(), len(calls), *np.concatenate([p.detach().numpy().ravel() for p in params])])
    return np.array(rows)
