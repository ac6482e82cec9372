"""The tape as the chain rule: what each op computed, and what its backward adds to which gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad import _tape
from minigrad._array import Array
from minigrad._listing import Tape, tape
from minigrad._mode import no_grad
from minigrad._tape import Node
from minigrad.errors import GradError, message
from minigrad.study._formulas import formula, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: Paths that are listed at the most: their number doubles with every tensor that is used twice.
MANY = 64


class Explanation:
    """A tape with its derivatives, to print."""

    def __init__(self, steps: Tape) -> None:
        self.tape = steps

    def __repr__(self) -> str:
        lines = ["Forward from top to bottom. Backward from bottom to top, where g is the gradient of an op's result:"]
        for step in self.tape:
            place = f"  {step.line}" if step.line else ""
            lines.append(f"#{step.number} = {step.op}({', '.join(step.inputs)}), shape {step.shape}{place}")
            towards = [(label, formula(step, i)) for i, label in enumerate(step.inputs) if label != "-"]
            width = max((len(label) for label, _ in towards), default=0)
            lines += [f"      d {label.ljust(width)} += {text}" for label, text in towards]
        return "\n".join(lines)


class Paths:
    """The ways from a leaf to a result, as `ways`: pairs of what is passed, and what the chain rule gives along it. `total`
    is their sum, the gradient."""

    def __init__(self, name: str, ways: list[tuple[str, Any]]) -> None:
        self.name, self.ways = name, ways
        self.total = ways[0][1]
        with no_grad():
            for _, value in ways[1:]:
                self.total = _tape.tools.add(self.total, value)

    def __repr__(self) -> str:
        count = f"{len(self.ways)} paths lead" if len(self.ways) > 1 else "One path leads"
        rows = [(f"{i}. {way}", shown(value)) for i, (way, value) in enumerate(self.ways, 1)]
        rows.append(("sum", shown(self.total)))
        width = max(len(way) for way, _ in rows)
        head = f"{count} from {self.name} to the result; along each, the product of the derivatives:"
        return "\n".join([head, *[f"{way.ljust(width)}  {value}" for way, value in rows]])


def explain(result: Any, wrt: Any = None, *, gradient: Any = None, names: Any = None) -> Explanation | Paths:
    """The ops behind a result, each with the formula of its backward: print it.

    wrt: a leaf; then all paths from it to the result, with the product of the derivatives along each. That they add up to
    the gradient is why backward adds, and does not assign. gradient: of a result that is no scalar, as for backward.
    names: what leaves are called, as a dict {name: tensor} or a module. ValueError for more than 64 paths; GradError for
    a leaf that no path begins at, and where backward has freed what the derivatives need. Nothing of the tape is changed.
    """
    if wrt is None:
        return Explanation(tape(result, names=names))
    steps = tape(result, names=names)
    if not isinstance(wrt, Array) or wrt.node is not None:
        got = f"a {type(wrt).__name__}" if not isinstance(wrt, Array) else f"the result of {wrt.node.op.name}"  # type: ignore[union-attr]
        raise GradError(message("explain", "wrt", got, "a leaf, as a parameter is"))
    counts = _counts(steps, wrt)
    count = counts[id(result.node)]
    if not count or count > MANY:
        got = f"{count} paths" if count else "a leaf that the result does not depend on"
        raise (ValueError if count else GradError)(message("explain", "wrt", got, f"1 to {MANY} paths", "Explain a smaller part of it."))
    label = next(s.inputs[i] for s in steps for i, p in enumerate(s.node.parents) if p is wrt)
    with no_grad():
        called = {id(step.node): f"#{step.number} {step.op}" for step in steps}
        ways = list(_ways(result.node, _tape.seed(result, gradient, "explain"), wrt, counts, called))
    return Paths(label, [(label + way, value) for way, value in ways])


def _counts(steps: Tape, leaf: Any) -> dict[int, int]:
    """How many paths lead from the leaf to each op."""
    found: dict[int, int] = {}
    for step in steps:
        found[id(step.node)] = sum(1 if p is leaf else found.get(id(p), 0) for p in step.node.parents)
    return found


def _ways(root: Node, g: Any, leaf: Any, counts: dict[int, int], called: dict[int, str]) -> Iterator[tuple[str, Any]]:
    """(what is passed on the way to the result, the product of the derivatives), for each path to the leaf."""
    pending = [(root, g, "")]
    while pending:
        node, g, behind = pending.pop()
        for i, dx in enumerate(_tape.gradients(node, g, False)):
            parent = node.parents[i]
            if dx is None or not (parent is leaf or counts.get(id(parent))):
                continue
            twice = sum(p is parent for p in node.parents) > 1
            name = node.op.inputs[i] if node.op.inputs else f"argument {i}"
            way = f" -> {called[id(node)]}{f' as {name}' if twice else ''}{behind}"
            dx = dx if dx.shape == parent.shape else _tape.tools.sum_to(dx, parent.shape)
            dx = dx if dx.dtype is parent.dtype else _tape.tools.cast(dx, parent.dtype)
            if parent is leaf:
                yield way, dx
            else:
                pending.append((parent, dx, way))
