"""A record of in-place writes, by which backward notices that numbers it is about to read have changed since the forward
pass. Otherwise the gradient would be silently wrong.

The usual way is a version counter in every tensor, compared at every node. Ops are many and writes are few, so here the
writes do the work: ops and writes share one count, and memory that is written into gets a mark with the number of its
last write. A node newer than every write needs no check, and this comparison is all that an ordinary training loop pays,
as its steps write the parameters after backward. For an older node, the marks on what it has kept are looked up: a mark
newer than the node is an error. A node holds on to what it keeps, so memory with a newer mark was in that node's use when
it was written; the mark cannot stem from an earlier use of recycled memory.

Memory is identified by the array that owns it, so views are covered. Writes through NumPy itself are not noticed.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING
from weakref import ref

import numpy as np

from minigrad._array import Array
from minigrad._indices import Picks
from minigrad.errors import GradError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from minigrad._tape import Node


def no_line() -> Any:
    """The source line of a write: not looked up, except in debug mode."""


#: The function that finds the line; `_source` replaces it in debug mode.
line: Callable[[], Any] = no_line
#: The next number, for an op that is recorded or for a write.
next_index = count(1).__next__
#: The number of a write that has not happened: smaller than all others, and than that of the log before its first write.
NEVER = -1


class Write:
    """The last write of one writer: its number, the writer's name and, in debug mode, the line that it comes from."""

    __slots__ = ("at", "by", "line")

    def __init__(self, at: int, by: str) -> None:
        self.at, self.by, self.line = at, by, line()


class Mark(ref):  # type: ignore[type-arg]
    """A mark on something that was written into, most recently by `last`."""

    __slots__ = ("key", "last")

    key: int
    last: Write


class _Log:
    """`latest` is the number of the most recent write; `marks` are found by the id of the object that they are on, and
    vanish with it."""

    def __init__(self) -> None:
        self.latest = 0
        self.marks: dict[int, Mark] = {}


log = _Log()
_NOTHING = Write(NEVER, "")


def _gone(mark: Any, marks: dict[int, Mark] = log.marks) -> None:
    del marks[mark.key]  # bound early: when the interpreter ends, the module may be empty before the last array goes


def owner(written: Any) -> Any:
    """The array that owns an array's memory; a tensor itself."""
    while isinstance(written, np.ndarray) and isinstance(written.base, np.ndarray):
        written = written.base
    return written


def mark(written: Any) -> Mark:
    """The mark of an array's memory; or of a tensor, for writes that replace its array."""
    holder = owner(written)
    found = log.marks.get(id(holder))
    if found is None:
        new = Mark(holder, _gone)
        new.key, new.last = id(holder), _NOTHING
        found = log.marks.setdefault(new.key, new)  # that of another thread, if it was faster
    return found


def note(written: Any, by: str) -> None:
    """Notes that an operation of this name has just written into an array's memory."""
    log.latest = now = next_index()
    mark(written).last = Write(now, by)


def note_tensors(by: str, *written: Array) -> None:
    """The same for the memory of several tensors."""
    log.latest = now = next_index()
    write = Write(now, by)
    for x in written:
        mark(x.array).last = write


def note_all(marks: Iterable[Mark], write: Write) -> None:
    """Notes a write by a writer who writes often, and always to the same memory."""
    if log.latest != write.at:  # others have written since, so the marks may name them
        for one in marks:
            one.last = write
    log.latest = write.at = next_index()
    if line is not no_line:
        write.line = line()


def check(node: Node) -> None:
    """Raises GradError if something that a node has kept was written into after the node was made."""
    made_at = node.index
    if node.saved.__class__ is not tuple:
        made_at = getattr(node.saved, "made_at", NEVER)
        if made_at == NEVER:
            return  # freed, which has an error of its own; or not yet recomputed, and checked then
    for name, value in zip(node.op.values, node.saved, strict=True):
        write = since(made_at, value)
        if write is not None:
            raise GradError(_complaint(node, name, value, write))


def since(index: int, value: Any) -> Write | None:
    """The last write into a value, or into one of those it contains, if it is newer than an index."""
    for kept in _kept(value):
        found = log.marks.get(id(kept))
        if found is not None and found.last.at > index:
            return found.last
    return None


def _kept(value: Any) -> Iterator[Any]:
    """Whatever may have a mark in a saved value: a tensor, an index array, or several of them."""
    if isinstance(value, Picks):
        value = value.at
    if isinstance(value, Array):
        yield value
        value = value.array
    if isinstance(value, np.ndarray):
        yield owner(value)
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from _kept(one)


def recorded_at(node: Node) -> str:
    """", recorded at train.py:7 `y = x.exp()`," if debug mode has kept the line, else ""."""
    found = getattr(node, "line", None)
    return f", recorded at {found}," if found else ""


def _complaint(node: Node, name: str, value: Any, write: Write) -> str:
    what = "its result" if name == "out" else f"its input {name}" if name in node.op.inputs else f"its {name}"
    shape = f" of shape {value.shape}" if isinstance(value, (Array, np.ndarray)) else ""
    remedy = (
        "Call backward() before optimizer.step(), and compute the loss anew after it."
        if write.by.endswith(".step")
        else "Write after backward(), or into a clone(); or make a new tensor, as in x = x + 1."
    )
    at = f" at {write.line}" if write.line else ""
    more = "" if at else " Inside `with minigrad.debug_mode():` this error names both lines."
    return (
        f"backward: {node.op.name}{recorded_at(node)} reads {what}{shape}, which {write.by} has overwritten since{at}: one of "
        f"the variables needed for gradient computation has been modified by an inplace operation. {remedy}{more}"
    )
