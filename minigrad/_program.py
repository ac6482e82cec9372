"""A captured step: the kernel calls of one run, with what must be put in place before they are made again."""

from __future__ import annotations

from collections import OrderedDict
from operator import is_
from sys import getrefcount
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _hooks, _writes
from minigrad._array import Array, pool_of, take
from minigrad._C import ffi, lib
from minigrad._capture import plain
from minigrad._plan import Arena, Value, Values, fuse, is_numbers
from minigrad._refusals import refusal
from minigrad.errors import message
from minigrad.nn import _module

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minigrad._capture import Call, Recorder
    from minigrad._extents import Extents


class Program:
    """What `mg.jit` has made of a step for arguments of one kind. `print(program)` lists its calls.

    arguments   the tensors that the arguments are copied to; None for a leaf that is itself outside
    results     the results that Python copies out, being views with gaps; None for those that C copies
    outside     tensors whose memory is read or written where it lies, with the arrays and the wish for gradients that they
                had: others make the program void
    """

    def __init__(self, seen: Recorder, names: Extents, arguments: list[Any], result: Any) -> None:
        self.names, self.arguments = names, arguments
        self.inside = [place for place in arguments if place is not None]
        self.direct = len(self.inside) == len(arguments)
        self.outside: list[tuple[Any, Any, bool]] = []
        self.reads: list[tuple[Any, list[Any], list[Any]]] = []  # variables of Python
        self.modules: list[tuple[Any, set[str]]] = []
        self.seen: list[Any] = []
        self.changes = -1
        self.memories: list[tuple[Any, int, Any, Any]] = []
        self.rewritten: list[_writes.Mark] = []  # of memory outside that kernels write into, but for optimizers'
        self.rewriting = _writes.Write(_writes.NEVER, "a captured step")
        self.incoming: list[tuple[Any, Any]] = []
        self.fresh: list[Any] = []
        self.copies: list[tuple[Any, Any]] = []
        self.grads: list[tuple[Any, Any]] = []  # leaves, and their gradients after the step
        self.lent: list[tuple[Any, Any, Any]] = []  # of these, those in the program's memory: leaf, gradient, and its array
        self.randoms: list[tuple[Any, Any, Any, int]] = []
        self.advance: list[tuple[Any, int]] = []
        self.held: Any = None  # memory, structs and whatever else the addresses need to stay what they are
        self.bytes_eager = 0  # what the step took when it was recorded
        self.lock = Lock()
        self.results: list[Any] = []
        self.nest = mapped(result, self._result)
        self.pools = [pool_of(x.shape, x.dtype) if x.pool is None else x.pool for x in self.results]
        self.single = self.pools[0] if isinstance(result, Array) and result.flat else None
        values, end = Values(seen), len(seen.calls)
        held = [x for x in self.results if not x.flat]  # what Python reads, and so must find where it was
        held += [leaf.received for leaf, _ in seen.grads.values() if leaf.received is not None]
        for x in held:
            values.pin(_number(x.ptr), end)
        wanted = [values.want(i, x, end) for i, x in enumerate(self.results)]
        groups = fuse(seen.calls)
        self.steps = [call for group in groups for call in group]
        self.arena = Arena(values)
        _check_nothing_is_written_before_checks(self.steps)
        self._encode(groups, seen.checks, Patches(self.inside, self.results, wanted, self.arena, held))

    def _result(self, x: Any) -> Any:
        self.results.append(plain(x))
        return _HOLE

    def first_result(self) -> Any:
        """What the recorded run returned, once; from then on the results have other memory."""
        out = [copied(x) for x in self.results]
        self.results = [None if x.flat else x for x in self.results]
        return self._nested(out)

    def _encode(self, groups: list[list[Call]], checks: list[tuple[Any, ...]], patches: Patches) -> None:
        """All that C must know, in C's memory."""
        heads = sum(len(group) > 1 for group in groups)
        calls = ffi.new("mg_call[]", max(len(self.steps) + heads, 1))
        self.places: list[int] = []  # of the calls in it, or of the chains that they are in
        at = 0
        for group in groups:
            if len(group) > 1:
                calls[at].kernel = lib.MG_CHAIN
                calls[at].slot[0].i, calls[at].slot[1].i = len(group), group[0].arguments[-1]
            self.places += [at] * len(group)
            for i, call in enumerate(group, start=at + (len(group) > 1)):
                _fill(calls[i], call, patches)
            at += len(group) + (len(group) > 1)
        labels = ffi.new("mg_labels[]", checks or 1)
        for i, (target, *_) in enumerate(checks):
            patches.put(ffi.addressof(labels[i], "target"), _number(target), None)
        before, after = patches.moves()
        known = ffi.new("mg_patch[]", patches.found or 1)
        self.given, self.taken = patches.given, patches.taken
        self.structs = calls, labels, before, after, known
        self.c = ffi.new(
            "mg_program *",
            (calls, at, known, len(patches.found), labels, len(checks), before, after, len(before), len(after)),
        )

    def fits(self) -> bool:
        """Whether everything outside is as it was when the step was captured."""
        for x, array, wants in self.outside:
            if x.array is not array or x.wants_grad is not wants:
                return False
        if self.changes != _module.changes + _hooks.changes:
            changes, now = _module.changes + _hooks.changes, self.read_by_python()
            if len(now) != len(self.seen) or not all(map(is_, now, self.seen)):
                return False
            self.changes = changes
        try:
            for read, keys, values in self.reads:
                if not all(map(is_, map(read, keys), values)):
                    return False
        except ValueError:  # a variable has been deleted
            return False
        for group, count, dtype, memory in self.memories:
            if group.memory.get(dtype) is not memory or len(group["params"]) != count:
                return False
        for leaf, place in self.incoming:
            g = leaf.received
            if g is None or g.shape != place.shape or g.dtype is not place.dtype:
                return False
        if self.lends():
            return False
        return not any(leaf.received is not None for leaf in self.fresh) if self.fresh else True

    def lend(self, willing: bool) -> None:
        """Decides, after the capture, what the leaves get as their gradients: where it is willing those in the program's
        memory, else copies; copies too of what lies elsewhere, as arguments do, and zeros that NumPy made."""
        blocks = {id(block) for block in self.held[0]}
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
            leaf.received = g
        for leaf, g in self.copies:
            leaf.received = copied(g)

    def lends(self) -> bool:
        """Whether somebody but its leaf still has a gradient that lies in the program's memory, or a view of it: the numbers
        must stay, as of any tensor, and so the program must not run."""
        for leaf, g, array in self.lent:
            if getrefcount(array) > _ALONE or getrefcount(g) > _ALONE + (leaf.received is g):
                return True
        return False

    def read_by_python(self) -> list[Any]:
        """What the step went by besides memory: the attributes of modules that it looked at, and hooks, of leaves, too."""
        found: list[Any] = []
        for module, names in self.modules:
            own = vars(module)
            found += [*own, *own.values()] if "__dict__" in names else [own.get(name) for name in names]
            if "_hooks" in own:
                found += [hook for moment in vars(module._hooks).values() for hook in moment.values()]
        for leaf, _, _ in self.outside if _hooks.of_leaves else ():
            known = _hooks.of_leaves.get(id(leaf))
            found += known.hooks.values() if known is not None else ()
        return found

    def run(self, tensors: list[Any]) -> Any:
        """Makes all calls for new arguments, and returns the result. NOT_RUN, before anything has changed, where a label is
        none."""
        given, i = self.given, 0  # plain loops: they are run at every step, and zip(..., strict=True) alone takes 150 ns
        for x in tensors if self.direct else self._outside_left_out(tensors):
            given[i] = x.ptr if x.flat is True else self._put(i, x)
            i += 1  # noqa: SIM113 - enumerate is slower
        for leaf, place in self.incoming:
            place.array[...] = leaf.received.array
        for seed, offset, generator, since in self.randoms:
            seed.i = signed(generator._seed)
            offset.i = signed(generator.offset + since)
        if self.single is not None:
            result = take(self.single)
            self.taken[0] = result.ptr
        else:
            result = [take(pool) for pool in self.pools]
            for i, made in enumerate(result):
                self.taken[i] = made.ptr  # which C does not look at where Python copies
        if not lib.mg_run(self.c):
            return NOT_RUN
        for generator, blocks in self.advance:
            generator.take(blocks)
        for _, _, _, memory in self.memories:
            _writes.note_all(memory.marks, memory.write)
        if self.rewritten:
            _writes.note_all(self.rewritten, self.rewriting)
        self.give()
        return result if self.single is not None else self._nested(result)

    def _outside_left_out(self, tensors: list[Any]) -> list[Any]:
        """Leaves that want their gradients are themselves outside, and are not copied."""
        return [x for x, place in zip(tensors, self.arguments, strict=True) if place is not None]

    def _put(self, i: int, x: Any) -> Any:
        """The address of an array; of what C cannot read, being of another kind or with gaps, a copy is made."""
        array, place = x if x.__class__ is np.ndarray else x.array, self.inside[i]
        if array.dtype is place.dtype and array.flags.carray:
            return ffi.from_buffer(array)
        place.array[...] = array
        return place.ptr

    def _nested(self, out: list[Any]) -> Any:
        """The results as the step returns them."""
        for made, x in zip(out, self.results, strict=True):
            if x is not None:  # one with gaps
                made.array[...] = x.array
        results = iter(out)
        return mapped(self.nest, lambda _: next(results))

    @property
    def bytes(self) -> int:
        """The memory for results, gradients, and all that is computed between them."""
        return int(self.arena.size + sum(self.arena.pinned.values()))

    @property
    def bytes_given(self) -> int:
        """The memory that arguments are copied to which C cannot read where they lie."""
        return int(sum(x.count * x.dtype.itemsize for x in self.inside))

    def __repr__(self) -> str:
        from minigrad import _program_listing

        return _program_listing.listing(self)

    def __len__(self) -> int:
        return len(self.steps)

    def profile(self, rounds: int = 100) -> str:
        """Microseconds of each call, the mean over so many replays, and the share that the machine's limit has in them: the
        time for the arithmetic, or for the bytes, at the rates that `minigrad bench` measures. What the program changes
        (parameters, optimizer state) is changed by them, too.

        Its arguments are those that it was captured with, or later ones that had to be copied; its results go to memory of
        their own. RuntimeError where labels among them are none, or where somebody keeps a gradient that it would change.
        """
        seconds = ffi.new("double[]", max(self.c.count, 1))
        with self.lock:
            if self.lends():
                raise RuntimeError(message("profile", "", "gradients that are kept", "none", "Run the step, and profile its new program."))
            results = [take(pool) for pool in self.pools]
            for i, x in enumerate(self.inside):
                self.given[i] = x.ptr
            for i, x in enumerate(results):
                self.taken[i] = x.ptr
            for _ in range(rounds):
                if not lib.mg_run_timed(self.c, seconds):
                    raise RuntimeError(message("profile", "", "labels that are none", "classes", "Run the step on others first."))
        from minigrad import _program_listing

        return _program_listing.profile(self, [seconds[at] / rounds for at in self.places])


def _check_nothing_is_written_before_checks(steps: list[Call]) -> None:
    """Where labels that the step has computed are none, the run ends, and the step runs eagerly: what outlives it must not have
    been written by then."""
    writer = ""
    for call in steps:
        if call.kernel.number < 0 and writer:
            what = f"labels or positions are computed, after {writer} has written what outlives the step: where one was none, "
            raise refusal(f"{what}the step could not be undone", call.line)
        for parameter, address, value in zip(call.kernel.parameters, call.arguments, call.values, strict=True):
            lasting = is_numbers(parameter) and address and (value is None or value.joined().pinned)
            if not parameter.startswith("const") and (lasting or ("**" in parameter and address)):
                writer = call.op


def _fill(c: Any, call: Call, patches: Patches) -> None:
    """A call, as C takes it."""
    c.kernel, call.slots = 2 * call.kernel.number + call.wide, c.slot
    for slot, kind, argument, value in zip(c.slot, call.kernel.kinds, call.arguments, call.values, strict=False):
        if kind == "p":
            patches.put(ffi.addressof(slot), argument, value)
        elif kind == "d":
            slot.d = argument
        else:
            slot.i = signed(argument)


def _number(pointer: Any) -> int:
    return int(ffi.cast("intptr_t", pointer))


class Patches:
    """The addresses that calls are given: those in the arena; and those that are others at each run, as arguments are read
    where they lie, and results written to where they go. What Python looks at itself is copied to and fro."""

    def __init__(self, arguments: list[Any], results: list[Any], wanted: list[Any], arena: Arena, held: list[Any]) -> None:
        self.arena = arena
        self.found: list[tuple[Any, Any, int]] = []
        self.given, self.taken = ffi.new("void *[]", len(arguments) or 1), ffi.new("void *[]", len(results) or 1)
        # Those with gaps lie where Python copies them to, at each run.
        self.places = {i: (_number(x.ptr), x.count * x.dtype.itemsize) for i, x in enumerate(arguments) if x.flat}
        self.results, self.wanted = results, wanted
        looked_at = [_number(x.ptr) for x in held]
        self.copied = {
            i for i, (start, size) in self.places.items() if any(start <= at < start + max(size, 1) for at in looked_at)
        }

    def put(self, where: Any, address: int, value: Value | None) -> None:
        """Sets an address in C, and remembers it where it will be another at each run."""
        where = ffi.cast("void **", where)
        where[0] = ffi.cast("void *", self.arena.address(address, value))
        if value is not None and value.joined().result >= 0:
            base = ffi.cast("void **", self.taken) + value.joined().result
            self.found.append((where, base, address - value.start))
            return
        for i, (start, size) in self.places.items():
            if start <= address < start + max(size, 1) and i not in self.copied:
                self.found.append((where, ffi.cast("void **", self.given) + i, address - start))

    def moves(self) -> tuple[Any, Any]:
        """What is copied before the calls, and after them."""
        before, after = ffi.new("mg_move[]", len(self.copied)), []
        for move, i in zip(before, sorted(self.copied), strict=True):
            start, move.size = self.places[i]
            move.to = ffi.cast("void *", start)
            self.found.append((ffi.cast("void **", ffi.addressof(move, "from")), ffi.cast("void **", self.given) + i, 0))
        for i, (x, value) in enumerate(zip(self.results, self.wanted, strict=True)):
            if x.flat and (value is None or value.joined().result != i):
                after.append((i, x, value))
        moves = ffi.new("mg_move[]", len(after))
        for move, (i, x, value) in zip(moves, after, strict=True):
            move.size = x.count * x.dtype.itemsize
            self.put(ffi.addressof(move, "from"), _number(x.ptr), value)
            self.found.append((ffi.cast("void **", ffi.addressof(move, "to")), ffi.cast("void **", self.taken) + i, 0))
        return before, moves


#: What Program.run returns where it has not run.
NOT_RUN = object()
#: Where a tensor goes in the nesting of the results.
_HOLE = np.empty(0)


def _alone() -> int:
    """What getrefcount says in `lends` of what two others refer to: of an array, a program's `lent` and the gradient; of a
    gradient, `lent` and `grads`. Measured, since it depends on the interpreter."""
    one = np.empty(1)
    lent, grads = [(None, one)], [(None, one)]
    del one
    for _, g in lent:
        return getrefcount(g) + len(grads) - 1
    raise AssertionError


_ALONE = _alone()


def signed(value: int) -> int:
    """A number of 64 bits as C's int64_t takes it."""
    value &= (1 << 64) - 1
    return value if value < 1 << 63 else value - (1 << 64)


def mapped(tree: Any, one: Callable[[Any], Any]) -> Any:
    """The same nesting with one(x) for every tensor or array."""
    if isinstance(tree, (Array, np.ndarray)):
        return one(tree)
    if isinstance(tree, (list, tuple)):
        made = [mapped(x, one) for x in tree]
        return made if isinstance(tree, list) else type(tree)(*made) if hasattr(tree, "_fields") else type(tree)(made)
    if not isinstance(tree, dict):
        return tree
    named = {name: mapped(x, one) for name, x in tree.items()}
    return type(tree)(named) if isinstance(tree, OrderedDict) else named


def copied(x: Any) -> Any:
    """A tensor out of the program's memory."""
    out = take(pool_of(x.shape, x.dtype) if x.pool is None else x.pool)
    if x.flat:
        ffi.memmove(out.ptr, x.ptr, x.count * x.dtype.itemsize)
    else:
        out.array[...] = x.array
    return out
