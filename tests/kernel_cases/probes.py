"""The yardsticks of `minigrad bench`: their numbers are exact, so that no digit hides a chain that was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kernel_cases.calls import Problem, Want

if TYPE_CHECKING:
    from collections.abc import Iterator

PROBES = ("fma_peak", "probe_read", "probe_write")


def probe_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    if name == "fma_peak":
        for rounds in (0, 1, 3):
            chains = np.arange(12.0)
            for _ in range(rounds):
                chains = chains * 0.5 + 1.0
            given = {"factors": np.array([0.5, 1.0], dtype), "rounds": rounds, "n": size}
            yield Problem(given, {"out": Want(np.full(size, chains.sum()))})
    elif name == "probe_read":
        for wide in (1, 3, 131):
            x = rng.standard_normal((size, wide)).astype(dtype)
            yield Problem({"x": x, "size": wide, "n": size}, {"out": Want(x.max(1).astype(np.float64))})
    else:
        yield Problem({"value": dtype.type(1.5), "n": size}, {"out": Want(np.full(size, 1.5))})
