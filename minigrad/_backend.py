"""Where ops run: on the C kernels, or on their NumPy references."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, from_array

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from minigrad._op import Op

backend_name = "c"
#: The ops that run on the chosen backend.
entered: set[Op] = set()


def by_reference(op: Op) -> Callable[..., Any]:
    """A forward that calls the NumPy reference on contiguous arrays, since NumPy has other loops for the rest, which differ in
    the last bits."""

    def run(*inputs: Array | None, **keywords: Any) -> Any:
        arrays = [None if x is None else x.array if x.flat and x.size > 1 else np.array(x.array) for x in inputs]
        with np.errstate(all="ignore"):  # an overflow is infinite and log(-1) NaN, as of the kernels, without a warning
            result = op.reference(*arrays, **keywords)
        first = next(x.dtype for n, x in zip(op.inputs, inputs, strict=True) if x is not None and n not in op.integer)
        dtype = keywords.get("dtype", first)

        def wrap(value: Any) -> Any:
            array = np.asarray(value)
            return from_array(array.astype(dtype) if array.dtype.kind == "f" and array.dtype != dtype else array)

        return tuple(map(wrap, result)) if op.aux else wrap(result)

    return run


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Inside the block, every op runs on its C kernel ("c") or on its NumPy reference ("numpy"): the same tape over code
    that is easy to read.

    The choice applies to the whole process, so to other threads as well. If blocks of several threads overlap, the one
    entered last decides; after the last of them, all is as before.
    """
    if name not in ("c", "numpy"):
        raise ValueError(f"backend: argument name: got {name!r}, expected 'c' or 'numpy'.")
    block = [name]
    with _switching:
        _blocks.append(block)
        _switch()
    try:
        yield
    finally:
        with _switching:
            _blocks[:] = [b for b in _blocks if b is not block]
            _switch()


#: The blocks that are open, in any thread, newest last. Each is a list, to distinguish it from others of the same name.
_blocks: list[list[str]] = []
_switching = Lock()


#: What stands around every op, the outermost last: each a function of an op and what runs it, which it may wrap.
_watchers: list[Callable[[Op, Callable[..., Any]], Callable[..., Any]]] = []


@contextmanager
def watched(watcher: Callable[[Op, Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """Inside the block, every op runs as watcher(op, run) instead of run, in all threads. Outside it costs nothing, because
    the functions of ops are replaced, and no flag is tested."""
    with _switching:
        _watchers.append(watcher)
        _switch()
    try:
        yield
    finally:
        with _switching:
            _watchers.remove(watcher)
            _switch()


#: What measures ops, forward and backward: functions of an op, of what runs, and of whether that is its backward.
_timers: list[Callable[[Op, Callable[..., Any], bool], Callable[..., Any]]] = []


@contextmanager
def timed(timer: Callable[[Op, Callable[..., Any], bool], Callable[..., Any]]) -> Iterator[None]:
    """Inside the block everything that an op runs is timer(op, run, backward) instead of run, in all threads. What runs stays
    what it is, plans and fused gradients too."""
    with _switching:
        _timers.append(timer)
        _switch()
    try:
        yield
    finally:
        with _switching:
            _timers.remove(timer)
            _switch()


def _time(op: Op) -> None:
    """Puts the timers around what runs, which `enter` has just set; formulas may still have those of before."""
    rules = [getattr(rule, "plain", rule) for rule in op.rules]
    for timer in _timers[-1:]:
        op.run = timer(op, op.run, False)
        if op.planned_kernel is not None:
            op.run_planned = timer(op, op.run_planned, False)
        if op.joint is not None:
            op.joint = timer(op, op.joint, True)
        rules = [rule and timer(op, rule, True) for rule in rules]
    op.rules = tuple(rules)


def _switch() -> None:
    global backend_name
    backend_name = _blocks[-1][0] if _blocks else "c"
    for op in entered:
        enter(op)


def _unplanned(op: Op) -> Callable[..., Any]:
    """What an op runs in the place of its planned kernel, which is given all arguments by position."""
    n = len(op.inputs)
    return lambda _, *given: op.run(*given[:n], **dict(zip(op.keywords, given[n:], strict=True)))


def enter(op: Op) -> None:
    """Lets an op run on the chosen backend, and be watched, including one that a late import declares meanwhile. Planned and
    joint kernels are bypassed then: the first skip the watcher, and the second are neither a reference nor a single op."""
    entered.add(op)
    plain = backend_name == "c" and not _watchers
    op.run = op.forward if backend_name == "c" else by_reference(op)
    for watcher in _watchers:
        op.run = watcher(op, op.run)
    if op.planned_kernel is not None:
        op.run_planned = op.planned_kernel if plain else _unplanned(op)
    op.joint = op.joint_kernel if plain else None
    if _timers or any(hasattr(rule, "plain") for rule in op.rules):
        _time(op)
