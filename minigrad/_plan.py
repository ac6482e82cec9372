"""What is done to the calls of a captured step before they are replayed: neighbours are fused where the bits stay the
same, and memory is planned over the whole step.

Each rule is a function from calls to calls. Memory is spoken of in values: what a step takes from a pool is a value from
then on, until the same memory is taken again.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import _LARGE, _LINE, _PAGE, _aligned
from minigrad._C import ffi, lib

if TYPE_CHECKING:
    from typing import Any

    from minigrad._capture import Call, Recorder

#: A chain of fewer items stays in the first cache anyway; and of more calls, each is compared with all others.
_LONG, _MOST = 1 << 14, 64
_RELU = int(lib.MG_RELU)
#: Of element types that are not the kernel's own.
_BYTES = {"int64_t": 8, "uint8_t": 1, "float": 4, "double": 8}


class Value:
    """Numbers of the step's own: where they were, the calls that read or write them, and their place in the arena. Those that
    are `pinned` stay where they were. `home`: another value that had the same memory before, and has the same place.
    `result`: the number of the result that it is, or -1."""

    __slots__ = ("home", "pinned", "place", "result", "size", "start", "uses")

    def __init__(self, start: int, size: int) -> None:
        self.start, self.size, self.pinned, self.place, self.result = start, size, False, -1, -1
        self.uses: list[int] = []
        self.home: Value | None = None

    def joined(self) -> Value:
        """The value whose place this one has."""
        value = self
        while value.home is not None:
            value = value.home
        return value

    def join(self, other: Value) -> None:
        """Takes the place of another one for both."""
        if other is not self:
            self.home = other
            other.uses += self.uses
            other.pinned |= self.pinned
            other.result = max(other.result, self.result)


class Values:
    """All values of a recorded step."""

    def __init__(self, seen: Recorder) -> None:
        blocks: dict[int, list[tuple[int, Value]]] = {}
        for at, start, size in seen.takes:
            blocks.setdefault(start, []).append((at, Value(start, size)))
        self.starts = sorted(blocks)
        self.blocks = [blocks[start] for start in self.starts]
        self.all = [value for block in self.blocks for _, value in block]
        for i, call in enumerate(seen.calls):
            numbers = [is_numbers(p) for p in call.kernel.parameters]
            call.values = [self.find(a, i) if n else None for a, n in zip(call.arguments, numbers, strict=True)]
            for parameter, value in zip(call.kernel.parameters, call.values, strict=True):
                if value is not None:
                    value.pinned |= parameter.startswith("const") and not value.uses  # what no call has put there
                    value.uses.append(i)
            for address in pointers(call):
                self.pin(address, i)

    def find(self, address: int, at: int) -> Value | None:
        """The value that an address belongs to, at the time of a call."""
        i = bisect_right(self.starts, address) - 1
        if i < 0 or address >= self.starts[i] + max(self.blocks[i][0][1].size, 1):
            return None
        return next((value for taken, value in reversed(self.blocks[i]) if taken <= at), None)

    def want(self, i: int, x: Any, at: int) -> Value | None:
        """The value that result i lies in, which is wanted when all calls are made."""
        address = int(ffi.cast("intptr_t", x.ptr))
        value = self.find(address, at)
        if value is not None:
            value.uses.append(at)
            if value.result < 0 and (address, x.count * x.dtype.itemsize) == (value.start, value.size):
                value.result = i
        return value

    def pin(self, address: int, at: int) -> None:
        """Says that somebody besides the calls knows where a value is: it stays there."""
        value = self.find(address, at)
        if value is not None:
            value.pinned = True


def is_numbers(parameter: str) -> bool:
    """Whether a kernel's parameter is the address of numbers."""
    return "*" in parameter and "**" not in parameter and "mg_" not in parameter


def pointers(call: Call) -> list[int]:
    """The addresses in the arrays of pointers that a call is given."""
    found: list[int] = []
    for parameter, value in zip(call.kernel.parameters, call.arguments, strict=True):
        if "**" in parameter and value:
            count = call.arguments[call.kernel.at("count")]
            found += [int(ffi.cast("intptr_t", p)) for p in ffi.unpack(ffi.cast("void **", value), count)]
    return found


# -- fusing --------------------------------------------------------------------------------------------------------------


def fuse(calls: list[Call]) -> list[list[Call]]:
    """The calls in groups: alone, or those of a chain."""
    return chains(activations(list(enumerate(calls))))


def activations(calls: list[tuple[int, Call]]) -> list[tuple[int, Call]]:
    """A product, and relu of it that nobody else reads: relu is taken of each number as the product writes it. (Other
    activations may be computed by other instructions in a call of their own, with another last bit.)"""
    found: list[tuple[int, Call]] = []
    for i, call in calls:
        if call.kernel.name == "relu" and found and found[-1][0] == i - 1 and _with_relu(found[-1][1], call, i):
            found[-1] = i, found[-1][1]
        else:
            found.append((i, call))
    return found


def _with_relu(first: Call, relu: Call, at: int) -> bool:
    """Makes relu a part of the product before it; False where they are not made for each other."""
    out, x, walk, n = relu.arguments
    if first.kernel.name != "matmul" or first.arguments[0] != x or walk or first.wide != relu.wide:
        return False
    product = ffi.cast("mg_product *", first.arguments[-1])[0]
    written, between = relu.values[0], first.values[0]
    if product.batch or product.activation or product.m * product.n != n or written is None:
        return False
    if between is None or between.pinned or between.uses != [at - 1, at]:
        return False
    if any(value is not None and value.start == written.start for value in first.values):
        return False  # memory that was free for the result of relu only then
    between.uses.clear()
    written.uses.insert(0, at - 1)
    struct = ffi.new("mg_product *", product)
    struct.activation = lib.MG_RELU
    first.kept = first.kept, struct
    first.arguments[0], first.arguments[-1] = out, int(ffi.cast("intptr_t", struct))
    first.values[0], first.fused = written, "with relu"
    return True


def chains(calls: list[tuple[int, Call]]) -> list[list[Call]]:
    """Neighbours that work on as many items, item by item, are made for a part of the items at a time, while that is in a
    cache."""
    groups: list[list[tuple[int, Call]]] = []
    for i, call in calls:
        if groups and len(groups[-1]) < _MOST and _continues([c for _, c in groups[-1]], call):
            groups[-1].append((i, call))
        else:
            groups.append([(i, call)])
    for group in groups:
        if len(group) > 1:
            _interleave(group)
    return [[call for _, call in group] for group in groups]


def _interleave(group: list[tuple[int, Call]]) -> None:
    """The parts of a chain interleave: what one call needs, it needs as long as the others last. Values that had the same
    memory, one after the other, may have it still, since `_continues` has looked: each has its own part of it in turn."""
    homes: dict[int, Value] = {}
    for _, call in group:
        call.fused = f"in a chain of {len(group)}"
        for value in filter(None, call.values):
            value.joined().join(homes.setdefault(value.start, value.joined()).joined())
    for value in homes.values():
        value.joined().uses += [group[0][0], group[-1][0]]


def _continues(chain: list[Call], call: Call) -> bool:
    """Whether a call can be made part by part together with those of a chain: what one of them writes, the others read and
    write in the same order, or not at all."""
    n, last = call.arguments[-1], chain[-1]
    if not (lib.mg_kernel_cost(last.kernel.number) and lib.mg_kernel_cost(call.kernel.number) and last.wide == call.wide):
        return False
    if last.arguments[-1] != n or n < _LONG:
        return False
    new = _spans(call)
    return all(a.meets(b) for other in chain for a in _spans(other) for b in new if a.written or b.written)


class _Span:
    """The memory that one operand of a call may lie in. `even`: item i is i steps of `item` bytes from its start."""

    __slots__ = ("end", "even", "item", "start", "written")

    def __init__(self, start: int, item: int, n: int, even: bool, written: bool) -> None:
        self.start, self.item, self.even, self.written = start, item, even, written
        self.end = start + item * n

    def meets(self, other: _Span) -> bool:
        """Whether the two are the same item by item, or have nothing in common."""
        alike = self.start == other.start and self.item == other.item and self.even and other.even
        return alike or self.end <= other.start or other.end <= self.start


def _spans(call: Call) -> list[_Span]:
    kernel, given = call.kernel, call.arguments
    n, walk, step = given[-1], kernel.at("*walk"), kernel.at("dout_step")
    found: list[_Span] = []
    operand = 0  # which of the walk's
    for parameter, value in zip(kernel.parameters, given, strict=True):
        if not is_numbers(parameter) or not value:
            continue
        written = not parameter.startswith("const")
        item = next((size for name, size in _BYTES.items() if name in parameter), 8 if call.wide else 4)
        if parameter.endswith("*dout") and step >= 0 and not given[step]:
            found.append(_Span(value, item, 1, False, written))
        elif walk >= 0 and given[walk] and not written:
            found.append(_reach(value, item, n, ffi.cast("mg_walk *", given[walk]), operand))
        else:
            found.append(_Span(value, item, n, True, written))
        operand += not written
    return found


def _reach(start: int, item: int, n: int, walk: Any, operand: int) -> _Span:
    """The memory that an operand of a walk reaches; even where it is contiguous."""
    steps, contiguous, low, high = 1, True, 0, 0
    for d in reversed(range(walk.ndim)):
        length, stride = walk.shape[d], walk.stride[operand][d]
        contiguous &= stride == steps
        steps *= length
        low, high = low + min(0, stride * (length - 1)), high + max(0, stride * (length - 1))
    return _Span(start + low * item, item, n if contiguous else high - low + 1, contiguous, False)


# -- memory --------------------------------------------------------------------------------------------------------------


class Arena:
    """One piece of memory for all values that only the calls know: a value has its place from the first call that uses it
    to the last, and others have it before and after. Memory in which a value must stay is kept for all that had it.
    `pinned`: where that is, and its bytes. What is a result has memory of its own at each run."""

    def __init__(self, values: Values) -> None:
        self.pinned = {v.start: v.size for v in values.all if v.joined().pinned}
        for value in values.all:
            if value.start in self.pinned:
                value.result = -1
        moved = [v for v in values.all if v.uses and v.home is None and v.result < 0 and v.start not in self.pinned]
        placed: list[tuple[int, int, Value]] = []  # (first use, last use, value)
        self.size = 0
        for value in sorted(moved, key=lambda v: -v.size):  # the large ones first: small ones fit between
            first, last, line = min(value.uses), max(value.uses), _PAGE if value.size >= _LARGE else _LINE
            at = 0
            for low, high in sorted([(v.place, v.place + v.size) for begin, end, v in placed if begin <= last and first <= end]):
                if at + value.size <= low:
                    break
                at = max(at, -(-high // line) * line)
            value.place = at
            placed.append((first, last, value))
            self.size = max(self.size, at + value.size)
        self.memory = _aligned((max(self.size, 1),), np.dtype(np.bool_))
        self.start = self.memory.__array_interface__["data"][0]

    def address(self, old: int, value: Value | None) -> int:
        """Where numbers are now that a call knows by their old address."""
        place = -1 if value is None else value.joined().place
        return old if value is None or place < 0 else int(self.start + place + old - value.start)
