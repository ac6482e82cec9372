"""Timing: rounds of ours and of NumPy's, one after the other, so that what slows the machine slows both."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from minigrad._machine import MOST_SPREAD, noise, repeats_for, seconds_of, spread_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from minigrad._bench.cases import Case
    from minigrad._machine import Machine

#: A case whose rounds spread more is repeated, this many times at most.
REPEATS = 3
#: Seconds of a round, at least, on either side.
LEAST = 2e-4


class NoiseError(Exception):
    """The machine is too noisy to measure on."""


class Row(NamedTuple):
    """One measured case: seconds, relative spread, and what they amount to."""

    name: str
    size: int
    shapes: str
    seconds: float
    spread: float
    numpy_seconds: float
    flops_per_second: float
    bytes_per_second: float
    share: float
    bound: str

    @property
    def times_numpy(self) -> float:
        """How many times as fast as NumPy."""
        return self.numpy_seconds / self.seconds


def require_quiet(probe: Callable[[], float] = noise) -> float:
    """The noise of a fixed loop, at most MOST_SPREAD in one of three tries; NoiseError where it is not."""
    found = []
    for _ in range(REPEATS):
        found.append(probe())
        if found[-1] <= MOST_SPREAD:
            return found[-1]
    raise NoiseError(
        f"bench: the machine is too noisy: what a fixed loop of FMAs takes varies by {min(found):.0%} at best, expected at most "
        f"{MOST_SPREAD:.0%}. Close other programs, or measure all the same with --force."
    )


def time_case(case: Case, machine: Machine, rounds: int = 9, clock: Callable[[], float] = perf_counter) -> Row:
    """The case's row. It is repeated while its rounds spread by more than a tenth; the calmest attempt counts."""
    best: tuple[float, float, float] | None = None
    for _ in range(REPEATS):
        ours, theirs = _interleaved(case, rounds, clock)
        attempt = spread_of(ours), median(ours), median(theirs)
        if best is None or attempt < best:
            best = attempt
        if best[0] <= 2 * MOST_SPREAD:
            break
    assert best is not None
    spread, seconds, numpy_seconds = best
    limit, word = machine.limit(case.flops, case.traffic)
    return Row(
        case.name, case.size, case.shapes, seconds, spread, numpy_seconds, case.flops / seconds, case.traffic / seconds,
        limit / seconds, word,
    )  # fmt: skip


def _interleaved(case: Case, rounds: int, clock: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Seconds of a run by round, ours and NumPy's. How often a round repeats either is found before."""
    ours, theirs = repeats_for(case.ours, LEAST, clock), repeats_for(case.numpy, LEAST, clock)
    found = [(seconds_of(case.ours, ours, clock), seconds_of(case.numpy, theirs, clock)) for _ in range(rounds)]
    return [a for a, _ in found], [b for _, b in found]
