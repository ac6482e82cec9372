"""What a captured step goes by that no kernel call shows: variables of Python, random numbers of other libraries, and
what other threads do meanwhile."""

from __future__ import annotations

import random
from functools import partial
from operator import attrgetter
from threading import get_ident
from types import CellType, CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_contents = attrgetter("cell_contents")


class Variables:
    """The variables of the outside that a function reads, and what they are: globals and closures; also those of functions
    of the user's that it finds in them."""

    def __init__(self, function: Any) -> None:
        #: (how to read one, the cells or names, their values), the last two in step.
        self.reads: list[tuple[Callable[[Any], Any], list[Any], list[Any]]] = []
        seen: set[int] = set()
        pending = [function]
        while pending:
            for one in _functions(pending.pop()):
                if id(one) in seen or one.__globals__.get("__name__", "").partition(".")[0] == "minigrad":
                    continue
                seen.add(id(one))
                cells = [cell for cell in one.__closure__ or () if not _is_empty(cell)]
                names = sorted(_globals(one.__code__))  # also those of builtins, which a variable may hide later
                both: list[tuple[Any, list[Any]]] = [(_contents, cells), (one.__globals__.get, names)]
                for read, keys in both:
                    if keys:
                        self.reads.append((read, keys, [read(key) for key in keys]))
                        pending += self.reads[-1][2]
                pending += [*(one.__defaults__ or ()), *(one.__kwdefaults__ or {}).values()]

    def settle(self) -> None:
        """Forgets those that have changed by now: the function itself has bound them, as a counter of its calls."""
        for i, (read, keys, values) in enumerate(self.reads):
            same = [(key, value) for key, value in zip(keys, values, strict=True) if not _is_gone(key) and read(key) is value]
            self.reads[i] = read, [key for key, _ in same], [value for _, value in same]


def _functions(x: Any) -> Iterator[FunctionType]:
    """The functions of Python that stand behind something that may be called."""
    if isinstance(x, FunctionType):
        yield x
    elif isinstance(x, MethodType):
        yield from _functions(x.__func__)
    elif isinstance(x, partial):
        for one in (x.func, *x.args, *x.keywords.values()):
            yield from _functions(one)
    elif callable(getattr(x, "forward", None)) and not isinstance(x, type):
        yield from _functions(type(x).forward)


def _globals(code: CodeType) -> set[str]:
    """Names that a function, and those that it defines, look up outside of it."""
    from dis import get_instructions

    found = {i.argval for i in get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return found.union(*[_globals(one) for one in code.co_consts if isinstance(one, CodeType)])


def _is_gone(key: Any) -> bool:
    return isinstance(key, CellType) and _is_empty(key)


def _is_empty(cell: Any) -> bool:
    try:
        return cell.cell_contents is cell
    except ValueError:
        return True


class OfThreads(dict):  # type: ignore[type-arg]
    """Numbers as arrays, of each thread its own: those that another one makes during a capture are not the program's."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get((get_ident(), key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__((get_ident(), key), value)


class ForeignRandom:
    """The global generators of NumPy and of Python, as they stand."""

    def __init__(self) -> None:
        self.states: dict[str, Any] = {"np.random": np.random.get_state(), "random": random.getstate()}

    def drawn(self) -> str | None:
        """Which of them has been drawn from since; it is put back to where it stood."""
        now = ForeignRandom().states
        restoring: dict[str, Any] = {"np.random": np.random.set_state, "random": random.setstate}
        for name, restore in restoring.items():
            before = self.states[name]
            if not all(np.array_equal(a, b) for a, b in zip(before, now[name], strict=True)):
                restore(before)
                return name
        return None
