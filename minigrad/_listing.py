"""The tape as a listing: the ops behind a result, in the order in which they were recorded."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, NamedTuple, overload

import numpy as np

from minigrad import _writes
from minigrad._array import Array
from minigrad._tape import Node
from minigrad.errors import GradError, message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any


class Step(NamedTuple):
    """One op of a tape. inputs: "#3" is the result of step 3, a name or "leaf1" a leaf, "-" an input without a gradient.
    kept: the bytes that the op keeps for backward, each piece of memory counted at the first op that keeps it, and that of
    leaves not at all; None once backward has freed it. line: where it was called, in debug mode."""

    number: int
    op: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: Any
    kept: int | None
    line: Any
    node: Node

    def __repr__(self) -> str:
        return f"<step #{self.number} {self.op}({', '.join(self.inputs)}) {self.shape}>"


class Tape:
    """The recorded ops behind a result: `print(tape)`, `tape[3]`, `tape[-5:]`, `for step in tape`."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> Tape: ...
    def __getitem__(self, index: int | slice) -> Step | Tape:
        return Tape(self.steps[index]) if isinstance(index, slice) else self.steps[index]

    @property
    def kept(self) -> int:
        """Bytes that all steps keep for backward."""
        return sum(step.kept or 0 for step in self.steps)

    def __repr__(self) -> str:
        lines = any(step.line for step in self.steps)
        head = ["#", "op", "inputs", "shape", "dtype", "kept", *(["line"] if lines else [])]
        rows = [head, *[_cells(step, lines) for step in self.steps]]
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        right = {0, 5}
        texts = ["  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(r, widths))) for r in rows]
        total = f"{len(self)} {'op' if len(self) == 1 else 'ops'}, {_size(self.kept)} kept for backward"
        return "\n".join([*[text.rstrip() for text in texts], total])


def _cells(step: Step, lines: bool) -> list[str]:
    kept = "freed" if step.kept is None else _size(step.kept)
    cells = [str(step.number), step.op, ", ".join(step.inputs), str(step.shape), str(step.dtype), kept]
    return [*cells, str(step.line or "")] if lines else cells


def _size(count: int) -> str:
    return f"{count} B" if count < 10_000 else f"{count / 1e3:.1f} kB" if count < 10_000_000 else f"{count / 1e6:.1f} MB"


def tape(*results: Any, names: Any = None) -> Tape:
    """The ops that computed the results, oldest first; backward visits them newest first.

    names: names for leaves, as a dict {name: tensor} or a module, whose parameters have names. GradError for a result
    without a history.
    """
    if not results:
        raise TypeError(message("tape", "results", "nothing", "at least one tensor", "There is a tape for each: minigrad.tape(loss)."))
    nodes: dict[int, Node] = {}
    for i, x in enumerate(results):
        if not isinstance(x, Array) or x.node is None:
            got = f"a {type(x).__name__}" if not isinstance(x, Array) else "a leaf" if x.requires_grad else "a tensor without history"
            remedy = "Compute it from tensors with requires_grad=True, outside of no_grad()."
            raise GradError(message("tape", f"results[{i}]", got, "a tensor that was computed and recorded", remedy))
        pending = [x.node]
        while pending:
            node = pending.pop()
            if node.index not in nodes:
                nodes[node.index] = node
                pending += [p for p in node.parents if isinstance(p, Node)]
    return Tape(_steps([node for _, node in sorted(nodes.items())], _named(names)))


def _named(names: Any) -> dict[int, str]:
    if names is None:
        return {}
    given: Mapping[str, Any] = dict(names.named_parameters()) if hasattr(names, "named_parameters") else names
    if not hasattr(given, "items"):
        raise TypeError(message("tape", "names", f"a {type(names).__name__}", "a dict {name: tensor}, or a module"))
    return {id(x): name for name, x in given.items()}


def _steps(nodes: list[Node], names: dict[int, str]) -> list[Step]:
    numbers = {id(node): i for i, node in enumerate(nodes)}
    owners: set[int] = set()
    taken = set(names.values())
    free = (name for name in map("leaf{}".format, count()) if name not in taken)
    for node in nodes:
        for parent in node.parents:
            if isinstance(parent, Array):
                if id(parent) not in names:
                    names[id(parent)] = next(free)
                owners.add(id(_writes.owner(parent.array)))

    def label(parent: Any) -> str:
        return "-" if parent is None else f"#{numbers[id(parent)]}" if isinstance(parent, Node) else names[id(parent)]

    return [
        Step(
            i, node.op.name, tuple(map(label, node.parents)), node.shape, node.dtype, _kept(node.saved, owners),
            getattr(node, "line", None), node,
        )
        for i, node in enumerate(nodes)
    ]  # fmt: skip


def _kept(saved: Any, owners: set[int]) -> int | None:
    """The bytes that a node keeps in memory that is not among the owners yet; it is added to them."""
    if saved is None:
        return None
    count = 0
    for value in saved if isinstance(saved, tuple) else ():
        if isinstance(value, (tuple, list)):
            count += _kept(tuple(value), owners) or 0
        array = value.array if isinstance(value, Array) else value
        if isinstance(array, np.ndarray) and id(owner := _writes.owner(array)) not in owners:
            owners.add(id(owner))
            count += min(array.nbytes, owner.nbytes)  # an expanded view has more elements than memory
    return count
