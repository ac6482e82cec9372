"""Backward by hand: one op at a time, forth and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from minigrad import _tape, _writes
from minigrad._listing import Step, tape
from minigrad._mode import no_grad
from minigrad.study._formulas import formula, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Share(NamedTuple):
    """What an op adds to the gradient of one of its inputs: by which formula, how much, and what the sum is then."""

    to: str
    formula: str
    value: Any
    total: Any


class Move(NamedTuple):
    """One op of backward: g is the gradient of its result, complete, and shares are what it passes on."""

    step: Step
    g: Any
    shares: tuple[Share, ...]

    def __repr__(self) -> str:
        place = f"  {self.step.line}" if self.step.line else ""
        head = f"#{self.step.number} {self.step.op}({', '.join(self.step.inputs)}){place}\n    g = {shown(self.g)}"
        return "\n".join([head, *[_line(share) for share in self.shares]])


def _line(share: Share) -> str:
    first = share.total is share.value
    end = "" if first else f"\n{' ' * (len(share.to) + 7)}= {shown(share.total)} with what was there"
    return f"    d {share.to} += {share.formula} = {shown(share.value)}{end}"


class Walk:
    """A backward pass that waits after each op.

    `step()` makes the next move, `back()` takes the last one back, `until("weight")` walks until that leaf, or op "#3", has
    been given something, `run()` to the end. `gradients` are those of the leaves so far; `moves` are what has been done.
    Nothing is freed and no .grad is written: backward() can be called all the same.
    """

    def __init__(self, result: Any, gradient: Any = None, names: Any = None) -> None:
        self.tape = tape(result, names=names)
        with no_grad():
            self._totals: dict[str, Any] = {f"#{len(self.tape) - 1}": _tape.seed(result, gradient, "debug")}
        self.moves: list[Move] = []
        self._before: list[dict[str, Any]] = []

    @property
    def gradients(self) -> dict[str, Any]:
        """The gradients of the leaves, as far as they have come together."""
        return {label: g for label, g in self._totals.items() if not label.startswith("#")}

    @property
    def next(self) -> Step | None:
        """The op whose turn it is; None at the end."""
        at = self.moves[-1].step.number if self.moves else len(self.tape)
        return next((step for step in self.tape.steps[:at][::-1] if f"#{step.number}" in self._totals), None)

    def step(self) -> Move:
        """Makes the next move. LookupError at the end."""
        step = self.next
        if step is None:
            raise LookupError("debug: the walk has reached all leaves; back() takes moves back.")
        if step.node.index < _writes.log.latest:
            _writes.check(step.node)
        totals, shares = dict(self._totals), []
        with no_grad():
            g = totals[f"#{step.number}"]
            if step.node.hooks:
                g = _tape._hooked(step.node.hooks, g, f"the result of {step.op}")
            for i, (parent, dx) in enumerate(zip(step.node.parents, _tape.gradients(step.node, g, False))):
                if dx is None:
                    continue
                dx = dx if dx.shape == parent.shape else _tape.tools.sum_to(dx, parent.shape)
                dx = dx if dx.dtype is parent.dtype else _tape.tools.cast(dx, parent.dtype)
                label = step.inputs[i]
                totals[label] = _tape.tools.add(totals[label], dx) if label in totals else dx
                shares.append(Share(label, formula(step, i), dx, totals[label]))
        self._before.append(self._totals)
        self._totals = totals
        self.moves.append(Move(step, g, tuple(shares)))
        return self.moves[-1]

    def back(self) -> Move:
        """Takes the last move back, and returns it. LookupError at the beginning."""
        if not self.moves:
            raise LookupError("debug: the walk is at its beginning; step() makes the first move.")
        self._totals = self._before.pop()
        return self.moves.pop()

    def until(self, label: str) -> Move:
        """Walks until something has been added to the gradient of a leaf, by name, or of an op, as "#3". LookupError where
        that does not happen any more; then nothing has moved."""
        made = len(self.moves)
        while self.next is not None:
            move = self.step()
            if any(share.to == label for share in move.shares):
                return move
        reached = sorted({share.to for move in self.moves for share in move.shares})
        while len(self.moves) > made:
            self.back()
        raise LookupError(f"debug: nothing more is added to {label!r}. Gradients go to {', '.join(reached)}.")

    def run(self) -> Walk:
        """Walks to the end."""
        for _ in self:
            continue
        return self

    def __iter__(self) -> Iterator[Move]:
        while self.next is not None:
            yield self.step()

    def __repr__(self) -> str:
        step = self.next
        after = f"next is #{step.number} {step.op}" if step else "all leaves are reached"
        lines = [f"{len(self.moves)} of {len(self.tape)} ops walked back; {after}"]
        return "\n".join([*lines, *[f"    d {label} = {shown(g)}" for label, g in self.gradients.items()]])


def debug(result: Any, gradient: Any = None, *, names: Any = None) -> Walk:
    """A backward pass from a result that is walked op by op: see Walk.

    gradient: of a result that is no scalar, as for backward. names: what leaves are called, as a dict {name: tensor} or a
    module. GradError for a result without history, or whose graph backward has freed.
    """
    return Walk(result, gradient, names)
