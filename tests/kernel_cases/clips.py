"""Clipping of gradients: one call for many arrays, which it measures, scales or bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kernel_cases.calls import Problem, Want

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIPS = ("grads_norm", "grads_scale", "grads_bound")
POWERS = (2.0, 1.0, np.inf, 3.0, 0.5)


def clip_problem(name: str, dtype: np.dtype[Any], sizes: tuple[int, ...], value: float, rng: np.random.Generator) -> Problem:
    """value: the p of the norm; the share of its norm that a gradient is scaled to; the bound of single numbers."""
    grads = [rng.normal(size=n).astype(dtype) for n in sizes]
    given = {"grads": grads, "sizes": np.array(sizes, np.int64), "count": len(sizes)}
    wide = [g.astype(np.float64) for g in grads]
    every = np.concatenate([np.zeros(0), *map(np.abs, wide)])
    if name == "grads_norm":
        want = np.max(every, initial=0) if value == np.inf else np.sum(every**value) ** (1 / value)
        # Each power is wrong by a few u, and so is their sum; the root divides that by p, and rounds.
        return Problem({**given, "p": value}, {"out": Want(np.array([want]), 2 + 8 / value)})
    if name == "grads_bound":
        bound = float(dtype.type(value))
        return Problem({**given, "bound": bound}, {"grads": [Want(np.clip(g, -bound, bound)) for g in wide]})
    norm = np.array([np.sqrt(np.sum(every**2))], dtype)
    most = value * float(norm[0])
    factor = min(1.0, most / (float(norm[0]) + 1e-6))
    return Problem({**given, "norm": norm, "max_norm": most}, {"grads": [Want(g * factor, 4) for g in wide]})


def clip_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    for value in POWERS if name == "grads_norm" else (0.5, 2.0, 0.0):
        yield clip_problem(name, dtype, (size, 3, 0, 5), value, rng)
