"""What the ops of a program cost, forward and backward, and what is left for Python and the tape."""

from __future__ import annotations

from contextlib import contextmanager
from threading import local
from time import perf_counter_ns
from typing import TYPE_CHECKING, NamedTuple

from minigrad import _backend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from minigrad._op import Op


class Row(NamedTuple):
    """One op: how often it ran in which direction, how long in all and how long as a rule (the median), in microseconds;
    and the bytes of what it returned."""

    op: str
    forward_calls: int
    forward: float
    forward_each: float
    backward_calls: int
    backward: float
    backward_each: float
    written: int


class Profile:
    """What was measured: print it. `rows` has an entry per op, the most expensive first, `wall` the microseconds of the
    whole block; what the ops do not account for went to
    Python, to the tape, and to what is no op, as an optimizer's kernel."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[list[int], list[int], list[int]]] = {}
        self._inside = _Inside()
        self.wall = 0.0

    @property
    def rows(self) -> list[Row]:
        """The ops, by the time that they took."""
        made = [
            Row(op, *_summary(forward), *_summary(backward), sum(written)) for op, (forward, backward, written) in self._found.items()
        ]
        return sorted(made, key=lambda row: -(row.forward + row.backward))

    def __repr__(self) -> str:
        whole, rows = self.wall or 1.0, self.rows
        body: list[tuple[str, ...]] = [
            (r.op, *_cells(r.forward_calls, r.forward, r.forward_each), *_cells(r.backward_calls, r.backward, r.backward_each),
             f"{(r.forward + r.backward) / whole:.0%}", f"{r.written / 1e6:.2f}")
            for r in rows
        ]  # fmt: skip
        forward, backward = sum(r.forward for r in rows), sum(r.backward for r in rows)
        share = (forward + backward) / whole
        body.append(("all ops", "", f"{forward:.1f}", "", "", f"{backward:.1f}", "", f"{share:.0%}", ""))
        body.append((_REST, *[""] * 6, f"{1 - share:.0%}", ""))
        table = [("op", "forward", "us", "each", "backward", "us", "each", "share", "MB"), *body]
        widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
        lines = ["  ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip() for row in table]
        return "\n".join([*lines, f"{self.wall:.1f} us in all"])

    def _timed(self, op: Op, run: Callable[..., Any], backward: bool) -> Callable[..., Any]:
        """run, measured; not what runs inside of what is measured already."""
        inside, at = self._inside, int(backward)

        def timed(*inputs: Any, **keywords: Any) -> Any:
            if inside.any:
                return run(*inputs, **keywords)
            inside.any = True
            begin = perf_counter_ns()
            try:
                result = run(*inputs, **keywords)
            finally:
                taken = perf_counter_ns() - begin
                inside.any = False
            found = self._found.setdefault(op.name, ([], [], []))
            found[at].append(taken)
            if not backward:
                found[2].append((result[0] if isinstance(result, tuple) else result).array.nbytes)
            return result

        timed.plain = run  # type: ignore[attr-defined]
        return timed


#: What is none of the ops.
_REST = "Python, tape, optimizer"


def _summary(taken: list[int]) -> tuple[int, float, float]:
    """How many, their sum and their median, in microseconds of nanoseconds."""
    return len(taken), sum(taken) / 1e3, sorted(taken)[len(taken) // 2] / 1e3 if taken else 0.0


def _cells(calls: int, whole: float, each: float) -> tuple[str, str, str]:
    return (f"{calls}", f"{whole:.1f}", f"{each:.1f}") if calls else ("", "", "")


class _Inside(local):
    """Whether something is being measured, in each thread."""

    any = False


@contextmanager
def profile() -> Iterator[Profile]:
    """Inside the block every op is timed: `with minigrad.profile() as p: step()`, then `print(p)`.

    forward is the kernel's call, backward the formulas of an op with all that they call; where gradients add up, that is an
    `add`. Timing costs about a microsecond
    an op, which shows as Python's. All threads are seen. What a captured step replays is not: it has
    `step.program(...).profile()`.
    """
    found = Profile()
    with _backend.timed(found._timed):
        begin = perf_counter_ns()
        try:
            yield found
        finally:
            found.wall = (perf_counter_ns() - begin) / 1e3
