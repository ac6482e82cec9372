"""Debug mode: every recorded op and every write in place remembers the line of the program that it comes from.

Finding the line takes a walk up the stack, which costs as much as a small op, so it is done only while the mode is on.
Switched off, it costs nothing, since the functions that would ask for the line are replaced.
"""

from __future__ import annotations

import sys
from os.path import basename, dirname, sep
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from minigrad import _writes
from minigrad._tape import Node

if TYPE_CHECKING:
    from typing import Any

#: Frames of minigrad itself are skipped; compiled ops have the file name "<op name>".
OURS = (dirname(__file__) + sep, "<op ")


class Line(NamedTuple):
    """A line of a program; str() gives its place and its text."""

    file: str
    number: int

    def __str__(self) -> str:
        from linecache import getline

        text = getline(self.file, self.number).strip()
        return f"{basename(self.file)}:{self.number}" + (f" `{text}`" if text else "")


def calling_line() -> Line | None:
    """The innermost line on the stack that is not minigrad's own."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(OURS):
        frame = frame.f_back  # type: ignore[assignment]
    return None if frame is None else Line(frame.f_code.co_filename, frame.f_lineno)


_plain_record: Any = Node.record


def _record_with_line(node: Node, *args: Any) -> Node:
    node.line = calling_line()
    return _plain_record(node, *args)  # type: ignore[no-any-return]


class debug_mode:  # noqa: N801 - called like a function
    """Switches debug mode on or off at once; as a context, it switches back at its end.

    In debug mode, errors of backward name the line that recorded an op and the line that overwrote what it needs, and
    `minigrad.tape` shows the line of each op. It applies to the whole process, and slows small ops down.
    """

    def __init__(self, enabled: bool = True) -> None:
        self.enabled, self.entered = bool(enabled), False
        with _switching:
            if len(_modes) > 1 and not (_modes[-1].entered or _modes[-2].entered):
                del _modes[-2]  # nothing goes back to it any more
            _modes.append(self)
            _switch()

    def __enter__(self) -> None:
        with _switching:
            self.entered = True
            if self not in _modes:
                _modes.append(self)
            _switch()

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        with _switching:
            at = _modes.index(self)  # what was switched since ends with the block; other threads' blocks do not
            _modes[at:] = [mode for mode in _modes[at + 1 :] if mode.entered]
            self.entered = False
            _switch()


#: The switches that have not been undone, in any thread; the newest decides, the others are what it reverts to.
_modes: list[debug_mode] = []
_switching = Lock()


def is_debug_mode() -> bool:
    """Whether lines are remembered."""
    return _writes.line is calling_line


def _switch() -> None:
    enabled = bool(_modes) and _modes[-1].enabled
    Node.record = _record_with_line if enabled else _plain_record  # type: ignore[method-assign, assignment]
    _writes.line = calling_line if enabled else _writes.no_line
