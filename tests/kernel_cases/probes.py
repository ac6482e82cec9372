"""The yardsticks of `minigrad bench`: their numbers are exact, so that no digit hides a chain that was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kernel_cases.calls import Problem, Want

if TYPE_CHECKING:
    from collections.abc import Iterator

PROBES = ("fma_peak", "probe_read", "probe_write", "probe_copy")


def probe_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    if name == "fma_peak":
        for rounds in (0, 1, 3):
            chains = np.arange(12.0)
            for _ in range(rounds):
                chains = chains * 0.5 + 1.0
            given = {"factors": np.array([0.5, 1.0], dtype), "rounds": rounds, "n": size}
            yield Problem(given, {"out": Want(np.full(size, chains.sum()))})
        return
    for wide, turns in ((1, 1), (3, 2), (131, 3)):
        x = rng.standard_normal((size, wide)).astype(dtype)
        given = {"size": wide, "turns": turns, "n": size}
        if name == "probe_read":
            yield Problem({"x": x, **given}, {"out": Want(x.max(1).astype(np.float64))})
        elif name == "probe_write":
            for past in (0, 1):
                yield Problem({"value": dtype.type(1.5), **given, "past": past}, {"out": Want(np.full(x.size, 1.5))})
        else:
            for past in (0, 1):
                yield Problem({"x": x, **given, "past": past}, {"out": Want(x.ravel().astype(np.float64))})
