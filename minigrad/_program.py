"""A captured step: the kernel calls of one run, with what must be put in place before they are made again."""

from __future__ import annotations

from operator import is_
from sys import getrefcount
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _hooks, _writes
from minigrad._array import pool_of, take
from minigrad._C import ffi, lib
from minigrad.nn import _module

if TYPE_CHECKING:
    from typing import Any

    from minigrad._capture import Call, Extents


class Program:
    """What `mg.jit` has made of a step for arguments of one kind. `print(program)` lists its calls.

    arguments   where each tensor among the arguments is copied: (address, bytes)
    result      where the results are: a tensor, a nest of them, or what else was returned
    outside     tensors whose memory is read or written where it lies, with the arrays and the wish for gradients that they
                had: others make the program void
    """

    def __init__(self, calls: list[Call], names: Extents) -> None:
        self.steps, self.names = calls, names
        self.count = len(calls)
        self.calls = ffi.new("mg_call[]", max(self.count, 1))
        for at, call in enumerate(calls):
            c = self.calls[at]
            c.kernel = 2 * call.kernel.number + call.wide
            for i, (kind, value) in enumerate(zip(call.kernel.kinds, call.arguments, strict=True)):
                if kind == "p":
                    c.slot[i].p = ffi.cast("void *", value)
                elif kind == "d":
                    c.slot[i].d = value
                else:
                    c.slot[i].i = value if value < 1 << 63 else value - (1 << 64)
        self.lock = Lock()
        self.arguments: list[tuple[Any, int, Any]] = []
        self.result: Any = None
        self.outside: list[tuple[Any, Any, bool]] = []
        self.modules: list[Any] = []
        self.seen: list[Any] = []
        self.changes = -1
        self.memories: list[tuple[Any, int, Any, Any]] = []
        self.checks: list[tuple[Any, ...]] = []
        self.copies: list[tuple[Any, Any]] = []
        self.incoming: list[tuple[Any, Any]] = []
        self.fresh: list[Any] = []
        self.grads: list[tuple[Any, Any]] = []  # leaves, and their gradients after the step
        self.lent: list[tuple[Any, Any, Any]] = []  # of these, those in the program's memory: leaf, gradient, and its array
        self.randoms: list[tuple[Any, Any, Any, int]] = []
        self.advance: list[tuple[Any, int]] = []
        self.bytes = 0
        self.held: Any = None  # memory, structs and whatever else the addresses need to stay what they are

    def fits(self) -> bool:
        """Whether everything outside is as it was when the step was captured."""
        for x, array, wants in self.outside:
            if x.array is not array or x.requires_grad is not wants:
                return False
        if self.changes != _module.changes + _hooks.changes:
            changes, now = _module.changes + _hooks.changes, self.read_by_python()
            if len(now) != len(self.seen) or not all(map(is_, now, self.seen)):
                return False
            self.changes = changes
        for group, count, dtype, memory in self.memories:
            if group.memory.get(dtype) is not memory or len(group["params"]) != count:
                return False
        for leaf, place in self.incoming:
            g = leaf.grad
            if g is None or g.shape != place.shape or g.dtype is not place.dtype:
                return False
        if self.lends():
            return False
        return not any(leaf.grad is not None for leaf in self.fresh) if self.fresh else True

    def lend(self, willing: bool) -> None:
        """Decides, after the capture, what the leaves get as their gradients: where it is willing those in the program's
        memory, else copies; copies too of what lies elsewhere, as arguments do, and zeros that NumPy made."""
        blocks = {id(block) for block in self.held[1]}
        for leaf, g in self.grads:
            block: Any = None if g is None else g.array.base
            if willing and id(block) in blocks and g.flat:
                # In an array of its own, whose references are those to this gradient and to views of it.
                offset = int(ffi.cast("intptr_t", g.ptr)) - block.__array_interface__["data"][0]
                g.array = np.ndarray(g.shape, g.dtype, block, offset)
                self.lent.append((leaf, g, g.array))
        lent = {id(g) for _, g, _ in self.lent}
        self.copies = [(leaf, g) for leaf, g in self.grads if g is not None and id(g) not in lent]
        self.grads = [(leaf, g) for leaf, g in self.grads if g is None or id(g) in lent]
        self.give()

    def give(self) -> None:
        """Sets the gradients of all leaves."""
        for leaf, g in self.grads:
            leaf.grad = g
        for leaf, g in self.copies:
            leaf.grad = copied(g)

    def lends(self) -> bool:
        """Whether somebody but its leaf still has a gradient that lies in the program's memory, or a view of it: the numbers
        must stay, as of any tensor, and so the program must not run."""
        for leaf, g, array in self.lent:
            if getrefcount(array) > _ALONE:
                return True
            others = getrefcount(g) - _ALONE
            if others > 0 and (others > 1 or leaf.grad is not g):
                return True
        return False

    def read_by_python(self) -> list[Any]:
        """What the step went by besides memory: attributes of the modules that it called, and hooks, of leaves, too."""
        found: list[Any] = []
        for module in self.modules:
            own = vars(module)
            found += [*own, *own.values()]
            if "_hooks" in own:
                found += [hook for moment in vars(module._hooks).values() for hook in moment.values()]
        for leaf, _, _ in self.outside if _hooks.of_leaves else ():
            known = _hooks.of_leaves.get(id(leaf))
            found += known.hooks.values() if known is not None else ()
        return found

    def run(self, tensors: list[Any]) -> bool:
        """Makes all calls for new arguments. False, before anything has changed, where a label is none."""
        for (address, size, array), x in zip(self.arguments, tensors, strict=True):
            if array is None:
                continue  # a leaf that wants its gradient is itself outside
            if x.__class__ is not np.ndarray and x.flat:
                ffi.memmove(address, x.ptr, size)
            else:
                array[...] = x.array if x.__class__ is not np.ndarray else x
        for check in self.checks:
            if lib.mg_first_bad_label(*check) >= 0:
                return False
        for leaf, place in self.incoming:
            place.array[...] = leaf.grad.array
        for seed, offset, generator, since in self.randoms:
            seed.i = _signed(generator._seed)
            offset.i = _signed(generator.offset + since)
        lib.mg_replay(self.calls, self.count)
        for generator, blocks in self.advance:
            generator.take(blocks)
        for _, _, _, memory in self.memories:
            _writes.note_all(memory.marks, memory.write)
        self.give()
        return True

    # -- the listing -------------------------------------------------------------------------------------------------------

    def _label(self, parameter: str, value: Any) -> str:
        """An argument as one reads it: a name for memory, a number as such, nothing for what describes shapes."""
        if "*" not in parameter:
            return f"{parameter.split()[-1]}={value:g}" if isinstance(value, float) else ""
        if "**" in parameter or "mg_" in parameter:
            return ""
        if not value:
            return "-"
        return str(self.names.find(value))

    def rows(self) -> list[list[str]]:
        """Number, op, kernel, what it writes and reads, and the line of each call."""
        found = []
        for i, call in enumerate(self.steps):
            outs: list[str] = []
            ins: list[str] = []
            for parameter, value in zip(call.kernel.parameters, call.arguments, strict=True):
                label = self._label(parameter, value)
                if label:
                    (outs if "*" in parameter and not parameter.startswith("const") else ins).append(label)
            suffix = "f64" if call.wide else "f32"
            found.append([str(i), call.op, f"{call.kernel.name}_{suffix}", ", ".join(outs), ", ".join(ins), str(call.line or "")])
        return found

    def __repr__(self) -> str:
        return _table(["#", "op", "kernel", "writes", "reads", "line"], self.rows(), f"{self.count} calls, {self.bytes} bytes of memory")

    def __len__(self) -> int:
        return self.count

    def profile(self, rounds: int = 100) -> str:
        """Microseconds of each call, the mean over so many replays of the last arguments. What the program changes
        (parameters, optimizer state) is changed by them, too."""
        seconds = ffi.new("double[]", max(self.count, 1))
        with self.lock:
            for _ in range(rounds):
                lib.mg_replay_timed(self.calls, self.count, seconds)
        total = sum(seconds[i] for i in range(self.count)) or 1.0
        rows = [
            [*row[:3], f"{seconds[i] / rounds * 1e6:.2f}", f"{seconds[i] / total:.0%}", row[5]] for i, row in enumerate(self.rows())
        ]
        return _table(["#", "op", "kernel", "us", "share", "line"], rows, f"{total / rounds * 1e6:.2f} us")


def _alone() -> int:
    """What getrefcount says in `lends` of what two others refer to, a program's lists of gradients or one and the gradient;
    measured, since it depends on the interpreter."""
    one = np.empty(1)
    lent, grads = [(None, one)], [(None, one)]
    del one
    for _, g in lent:
        return getrefcount(g) + len(grads) - 1
    raise AssertionError


_ALONE = _alone()


def _table(head: list[str], rows: list[list[str]], foot: str) -> str:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]]
    return "\n".join([*lines, foot])


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value if value < 1 << 63 else value - (1 << 64)


def copied(x: Any) -> Any:
    """A result, out of the program's memory."""
    out = take(x.pool or pool_of(x.shape, x.dtype))
    if x.flat:
        ffi.memmove(out.ptr, x.ptr, x.size * x.dtype.itemsize)
    else:
        out.array[...] = x.array
    return out
