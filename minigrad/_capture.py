"""The recorder: stands in the doorway to C while a step runs once, and writes down every kernel call.

What it must see to it is that the calls, made again, compute the same again from new numbers. So memory that the step
takes comes from nowhere else and is kept; what lives outside (parameters, gradients, the state of optimizers, the counter
of the random numbers) is told apart from what does not; and whatever would freeze a number of this run into the program,
a value read by Python or an op computed by NumPy, is a CaptureError that names the line and the remedy.
"""

from __future__ import annotations

import sys
from sys import getrefcount
from threading import RLock, get_ident
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _array, _backend, _promote, _writes
from minigrad._array import Array, Pool, alias, from_array, view
from minigrad._C import ffi, lib
from minigrad._extents import extent
from minigrad._generator import Generator
from minigrad._guards import OfThreads
from minigrad._indices import walkable
from minigrad._kernels import integers, layout
from minigrad._refusals import called, refusal
from minigrad._source import calling_line
from minigrad._tensor import Tensor
from minigrad.nn._module import Module
from minigrad.optim._optimizer import Group, Optimizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: One step is captured at a time, in the whole process.
capturing = RLock()
_current: Recorder | None = None


def recorder() -> Recorder | None:
    """Who is recording in this thread."""
    return _current if _current is not None and _current.thread == get_ident() else None


class Kernel:
    """A line of kernels.def: its number, and the kind of each parameter: p(ointer), i(nteger) or d(ouble)."""

    __slots__ = ("kinds", "name", "number", "parameters")

    def __init__(self, number: int) -> None:
        self.number, self.name = number, ffi.string(lib.mg_kernel_name(number)).decode()
        self.parameters = ffi.string(lib.mg_kernel_parameters(number)).decode()[1:-1].split(", ")
        if len(ffi.typeof(getattr(lib, f"mg_{self.name}_f32")).args) > len(self.parameters):
            self.parameters.append("int64_t n")  # a range's length comes last, and is not in its line
        self.kinds = "".join("p" if "*" in p else "d" if p.startswith("T ") else "i" for p in self.parameters)

    def at(self, name: str) -> int:
        """The position of a parameter, or -1."""
        return next((i for i, p in enumerate(self.parameters) if p.split()[-1] == name), -1)


class _Check(Kernel):
    """What stands among the calls where labels are looked at that the step has computed: MG_CHECK of csrc/minigrad.h."""

    __slots__ = ()

    def __init__(self) -> None:
        self.number, self.name, self.kinds = int(lib.MG_CHECK) // 2, "check_labels", "piiii"
        self.parameters = ["const int64_t *target", *(f"int64_t {name}" for name in ("ignore_index", "lowest", "classes", "n"))]


_kernels: dict[str, Kernel] = {}


def kernels() -> dict[str, Kernel]:
    """All lines of kernels.def by name."""
    if not _kernels:
        _kernels.update({k.name: k for k in map(Kernel, range(lib.mg_kernels()))})
    return _kernels


class Call:
    """A kernel call: its arguments as they were passed (pointers as numbers), the op that it was part of, and the line.
    `kept`: what the arguments need to live. _plan.py fills in the `values` behind the arguments, and with what the call was
    `fused`; _program.py the `slots` in C."""

    __slots__ = ("arguments", "fused", "kept", "kernel", "line", "op", "slots", "values", "wide")

    def __init__(self, kernel: Kernel, wide: int, arguments: list[Any], op: str, line: Any, kept: Any) -> None:
        self.kernel, self.wide, self.arguments, self.op, self.line, self.kept = kernel, wide, arguments, op, line, kept
        self.fused = ""
        self.slots: Any = None
        self.values: list[Any] = []


class _Traced(Tensor):
    """What a tensor is while a step is captured. Each capture has a class of its own, derived from this, so that what is
    left of an earlier one, or was made by another thread, is what lives outside of the next."""

    __slots__ = ()


def _numbers(x: Any) -> Any:
    """`Tensor.array` while a step is captured: numbers can be computed with, not looked at, be they the step's own or those
    of a tensor outside, except by modules that pass them on to C or make a view of them."""
    if recorder() is not None:
        code = (frame := sys._getframe(1)).f_code
        if not frame.f_globals.get("__name__", "").startswith(_PASSING_ON) or code.co_name == "plain_index":
            op = frame.f_locals.get("op")  # a record, or the name of a write
            name = op if isinstance(op, str) else getattr(op, "name", "")
            raise refusal(f"{name} is computed by NumPy" if name else f"{called()} reads numbers")
    return _slot.__get__(x)


_slot: Any = Array.__dict__["array"]
_grad: Any = Array.__dict__["received"]
_PASSING_ON = (
    "minigrad._array", "minigrad._kernels", "minigrad.ops.layout", "minigrad._inplace", "minigrad._writes", "minigrad.optim",
    "minigrad._capture", "minigrad._jit", "minigrad._picks", "minigrad._program", "minigrad._views",
)  # fmt: skip
#: What reads a tensor's numbers.
_READING = (
    "item", "tolist", "numpy", "__array__", "__bool__", "__float__", "__int__", "__index__", "__repr__", "__format__",
)  # fmt: skip


class Recorder:
    """What one run of a step has done. See the fields in __init__."""

    def __init__(self) -> None:
        self.thread = get_ident()
        self.traced = type("Traced", (_Traced,), {"__slots__": ()})
        self._unused = getrefcount(self.traced)
        self.calls: list[Call] = []
        self.checks: list[tuple[Any, ...]] = []  # arguments of mg_first_bad_label, for before each replay
        self.randoms: list[tuple[int, Any, int]] = []  # (call, generator, blocks since the step began)
        self.generators: dict[int, tuple[Any, int, int]] = {}  # the generators, their seeds and where they stood
        self.taken: list[tuple[Any, int, int]] = []  # (generator, seed, first block)
        self.updates: list[tuple[Any, Any]] = []  # (group, memory) of each optimizer step
        self.places: list[tuple[int, int, Any]] = []  # the memory of the arguments
        self.rewritten: dict[int, Any] = {}  # tensors that live outside and that kernels write into, as running statistics
        self.marks: list[_writes.Mark] = []  # of such memory
        self.new: set[int] = set()  # states that the step has made, which a capture that fails takes away
        self.grads: dict[int, tuple[Any, Any]] = {}  # leaves, with the gradients that they had
        self.incoming: list[tuple[Any, Any]] = []  # leaves whose gradient is read, and where
        self.fresh: list[Any] = []  # leaves that are found to have none
        self.modules: dict[int, tuple[Module, set[str]]] = {}  # those that were looked into, and for which attributes
        self.blocks: list[Any] = []  # memory that the step took
        self.takes: list[tuple[int, int, int]] = []  # each time that some was handed out: calls before, address, bytes
        self.pools: dict[Pool, Pool] = {}  # where it takes it from, in the place of those that everybody uses
        self.constants: list[Any] = []  # arrays that the host made: numbers of the program's text
        self.owned: set[int] = set()  # their addresses, where they are arrays
        self.undo: list[Callable[[], object]] = []
        self._restore: list[Callable[[], None]] = []

    # -- in and out of the doorway ---------------------------------------------------------------------------------------

    def __enter__(self) -> Recorder:
        global _current
        capturing.acquire()
        _current = self
        for name, both in layout.doorway.items():
            self._exchange(both, [self._stand_in(name, wide, f) for wide, f in enumerate(both)])
        self._swap(_promote, "_numbers", OfThreads())
        self._swap(integers, "_numbers", OfThreads())
        self._swap(_array, "_allocate", self._allocate)
        with _array.remembering:  # another thread may be within the plain _allocate
            self._swap(_array, "_held", 0)  # what is counted from now on is the program's
            for pools in _array._pools.values():
                for pool in list(pools.values()):
                    self._close(pool)
        self._swap(_array, "address", self._address)
        self._swap(layout, "rewrites", self._rewrites)
        self._swap(layout, "by_host", self._by_host)
        self._swap(layout, "taking", lambda index: None if walkable(index) else self._by_host("getitem"))
        self._swap(layout, "literal", lambda x: x if recorder() is self else _literal(x))
        self._swap(_array, "_class", self.traced)
        self._swap(Tensor, "array", property(_numbers, _slot.__set__))
        self._swap(Tensor, "received", property(self._read_grad, self._write_grad))
        self._swap(Group, "update", self._setting(Group.update))
        for name in ("manual_seed", "set_state"):
            self._swap(Generator, name, self._seeding(name, getattr(Generator, name)))
        for owner, name in ((Generator, "take"), (Optimizer, "_update"), (Optimizer, "_state"), (Module, "__getattribute__")):
            self._swap(owner, name, getattr(self, f"_{name.strip('_')}")(getattr(owner, name)))
        for name in _READING:
            self._swap(Tensor, name, self._refusing(f"{name} reads a value", getattr(Tensor, name)))
        own = "the step of an optimizer is written in Python, and reads options and states there"
        self._swap(Optimizer, "_own_step", self._refusing(own, Optimizer._own_step))
        for op in list(_backend.entered):
            if op.forward.__module__ not in _LAWFUL and not op.forward.__module__.startswith("minigrad._kernels"):
                self._swap(op, "run", self._hosted(op, op.run))
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        global _current
        try:
            for restore in reversed(self._restore):
                restore()
            if error is not None:
                for undo in reversed(self.undo):
                    undo()
        finally:
            _current = None
            capturing.release()

    def living(self) -> int:
        """How many tensors of the step's own there are: each refers to its class."""
        return getrefcount(self.traced) - self._unused

    def _swap(self, owner: Any, name: str, new: Any) -> None:
        own, old = name in getattr(owner, "__dict__", {name: 0}), getattr(owner, name)
        self._restore.append(lambda: setattr(owner, name, old) if own else delattr(owner, name))
        setattr(owner, name, new)

    def _exchange(self, held: list[Any], new: list[Any]) -> None:
        old = list(held)
        held[:] = new
        self._restore.append(lambda: held.__setitem__(slice(None), old))

    def _close(self, pool: Pool) -> None:
        """Empties a pool that everybody uses, and lets nobody add to it for so long: the step would take what it finds."""
        if pool.remembers:
            pool.remembers = False
            self._restore.append(lambda: setattr(pool, "remembers", _array._pools[pool.dtype].get(pool.shape) is pool))
            self._exchange(pool, [])

    # -- kernel calls ------------------------------------------------------------------------------------------------------

    def _stand_in(self, name: str, wide: int, function: Any) -> Callable[..., Any]:
        if name in kernels():
            kernel = kernels()[name]

            def call(*arguments: Any) -> None:
                if get_ident() == self.thread:
                    self._note(kernel, wide, arguments)
                function(*arguments)

            return call

        def other(*arguments: Any) -> Any:
            if get_ident() == self.thread and name != "first_bad_label":
                raise refusal(f"{name} is computed outside of the kernels")
            found = function(*arguments)
            if get_ident() == self.thread and found < 0:
                self._check(arguments)
            return found

        return other

    def _check(self, arguments: tuple[Any, ...]) -> None:
        """Labels are all good: replays look again, before they begin, or, where the step has computed them, in their course."""
        address = int(ffi.cast("intptr_t", arguments[0]))

        def within(pieces: Any) -> bool:
            return any(low <= address < low + size for low, size, _ in pieces)

        if within(extent(array, None) for array in self.constants):
            return
        if within((low, size, at) for at, low, size in self.takes) or within(extent(x.array, None) for x in self.rewritten.values()):
            self.calls.append(Call(_Check(), 0, [address, *arguments[1:]], _running_op(), calling_line(), arguments))
        else:
            self.checks.append(arguments)

    def _note(self, kernel: Kernel, wide: int, arguments: tuple[Any, ...]) -> None:
        given = list(arguments)
        for i, parameter in enumerate(kernel.parameters):
            if "**" in parameter and given[i]:  # Python may write other pointers there later
                given[i] = ffi.new("void *[]", list(ffi.unpack(ffi.cast("void **", given[i]), given[kernel.at("count")])))
        self.owned |= {int(ffi.cast("intptr_t", a)) for a in given if isinstance(a, ffi.CData) and ffi.typeof(a).kind == "array"}
        addresses = [int(ffi.cast("intptr_t", a)) if k == "p" else a for a, k in zip(given, kernel.kinds, strict=True)]
        offset = kernel.at("offset")
        if offset >= 0:
            seed, first = given[kernel.at("seed")], given[offset]
            source = next((g for g, s, f in reversed(self.taken) if (s, f) == (seed, first)), None)
            if source is not None:  # else both are numbers of the program's text
                self.randoms.append((len(self.calls), source, first - self.generators[id(source)][2]))
        self.calls.append(Call(kernel, wide, addresses, _running_op(), calling_line(), given))

    # -- memory ------------------------------------------------------------------------------------------------------------

    def _allocate(self, pool: Any, op: str = "empty") -> Any:
        """Memory from pools of the step's own, which go with it: what a program writes at every replay must never be handed
        out to anybody else. Other threads are given, for so long, memory that is not remembered."""
        if recorder() is not self:
            passing = Pool(pool.shape, pool.dtype)
            passing.remembers = False
            return _allocate(passing, op)
        own = self.pools.get(pool)
        if own is None:
            own = self.pools[pool] = Pool(pool.shape, pool.dtype)
        for array, ptr in own:  # noqa: B007 - what the loop stops at is used below
            if getrefcount(array) == _array._FREE:
                break
        else:
            array, ptr = _allocate(own, op)
            self.blocks.append(array.base)
        self.takes.append((len(self.calls), int(ffi.cast("intptr_t", ptr)), array.nbytes))
        return array, ptr

    def _address(self, array: Any, dtype: Any) -> Any:
        if recorder() is self and array.base is None:
            frame: Any = sys._getframe(1)
            while frame is not None and frame.f_globals.get("__name__") in ("minigrad._array", "minigrad._capture"):
                frame = frame.f_back
            if frame is not None and frame.f_globals.get("__name__") == "minigrad.ops.layout":
                raise refusal(f"{_running_op()} is computed by NumPy")
            self.constants.append(array)
        return _address(array, dtype)

    # -- what lives outside ------------------------------------------------------------------------------------------------

    def _rewrites(self, *written: Array) -> None:
        """A kernel is about to write into these, which may live outside: a capture that fails later puts back what was there."""
        for x in written if recorder() is self else ():
            address = int(ffi.cast("intptr_t", x.ptr))
            if any(low <= address < low + size for low, size, _ in self.places):
                raise refusal("an argument is written into")
            if any(low <= address < low + size for low, size, _ in (extent(array, None) for array in self.constants)):
                raise refusal("numbers of the program's text are written into")
            if x.__class__ is not self.traced:
                self.rewritten[id(x)] = x
            elif any(low <= address < low + size for _, low, size in self.takes):
                continue  # the step's own
            self.undo.append(_rewriting(x.array))
            self.marks.append(_writes.mark(x.array))

    def _by_host(self, op: str) -> None:
        if recorder() is self:
            raise refusal(f"{op} is computed by NumPy")

    def _saw(self, leaf: Any) -> bool:
        """Remembers the gradient that a leaf of the outside had; says whether it is the first time."""
        if leaf.__class__ is self.traced or recorder() is not self or id(leaf) in self.grads:
            return False
        try:
            before = _grad.__get__(leaf)
        except AttributeError:  # it never wanted one
            before = None
        self.grads[id(leaf)] = leaf, before
        self.undo.append(lambda: _grad.__set__(leaf, before))
        return True

    def _read_grad(self, leaf: Any) -> Any:
        """A gradient of before the step that is read: its numbers are copied in before each replay."""
        if self._saw(leaf):
            before = _grad.__get__(leaf)
            if before is None:
                self.fresh.append(leaf)
            else:
                self.incoming.append((leaf, memory_like(before)))
                _grad.__set__(leaf, alias(self.incoming[-1][1]))
        return _grad.__get__(leaf)

    def _write_grad(self, leaf: Any, g: Any) -> None:
        self._saw(leaf)
        _grad.__set__(leaf, g)

    def _take(self, plain: Any) -> Any:
        def take(generator: Any, blocks: int) -> Any:
            if recorder() is self and id(generator) not in self.generators:
                state = generator.get_state()
                self.generators[id(generator)] = (generator, *state)
                self.undo.append(lambda: generator.set_state(state))
            seed, first = plain(generator, blocks)
            if recorder() is self:
                self.taken.append((generator, seed, first))
            return seed, first

        return take

    def _seeding(self, name: str, plain: Any) -> Any:
        """Replays count from where a generator stands before them. Checkpoints go back to where it stood within the step."""

        def seed(generator: Any, to: Any) -> Any:
            if recorder() is self and sys._getframe(1).f_globals.get("__name__") != "minigrad._checkpoint":
                raise refusal(f"{name} says where random numbers begin")
            return plain(generator, to)

        return seed

    def _setting(self, plain: Any) -> Any:
        def update(group: Any, *args: Any, **values: Any) -> None:
            if recorder() is self:
                raise refusal("an optimizer's options are set, which replays would not do,")
            plain(group, *args, **values)

        return update

    def _update(self, plain: Any) -> Any:
        def update(optimizer: Any, memory: Any) -> None:
            if recorder() is self:
                if memory.copies:
                    raise refusal("an optimizer updates a parameter that is not contiguous")
                states = [x for state in memory.states for x in state.values() if id(x) not in self.new]
                self.undo += [_rewriting(x.array) for x in [*memory.owners, *states]]
                self.updates.append((memory.group, memory))
            plain(optimizer, memory)

        return update

    def _state(self, plain: Any) -> Any:
        """State outlives the step, so it must not be memory that the step uses for anything else before."""

        def state(optimizer: Any, group: Any, p: Any) -> Any:
            if recorder() is self:
                self.undo.append(_forgetting(optimizer, p))
                known = optimizer._states.setdefault(p, {}) if optimizer._used(group) else {}
                for name in optimizer._used(group):
                    if name not in known:
                        shape, dtype = optimizer._kind(p, name)
                        known[name] = _lasting(np.full(shape, optimizer._initial(group, name), dtype))
                        self.new.add(id(known[name]))
                if known and "step" not in known:
                    known["step"] = _lasting(np.zeros((), np.int64))
            return plain(optimizer, group, p)

        return state

    def _getattribute(self, plain: Any) -> Any:
        """What a step looks up in a module, called or not, it may go by: `drop.forward(x)` by drop.training."""

        def look_up(module: Any, name: str) -> Any:
            if recorder() is self:
                self.modules.setdefault(id(module), (module, set()))[1].add(name)
            return plain(module, name)

        return look_up

    def _refusing(self, what: str, plain: Any) -> Any:
        def refused(owner: Any, *args: Any, **keywords: Any) -> Any:
            if recorder() is self:
                raise refusal(what)
            return plain(owner, *args, **keywords)

        return refused

    def _hosted(self, op: Any, plain: Any) -> Any:
        def run(*inputs: Any, **keywords: Any) -> Any:
            if recorder() is self:
                raise refusal(f"{op.name} is computed by NumPy")
            return plain(*inputs, **keywords)

        return run


_allocate, _address = _array._allocate, _array.address
_literal = layout.literal
#: Where forwards are that compute nothing, but make views.
_LAWFUL = ("minigrad._array", "minigrad.ops.layout")


def _lasting(array: Any) -> Any:
    made = from_array(array)
    made.__class__ = Tensor
    return made


def memory_like(x: Any) -> Any:
    """A copy of a tensor in memory that comes from no pool, with its strides."""
    given = _slot.__get__(x)
    if x.flat:
        array = _array._aligned(x.shape, x.dtype)
    else:
        low, size, _ = extent(given, None)
        around = _array._aligned((size // x.dtype.itemsize,), x.dtype)
        array = np.ndarray(x.shape, x.dtype, around, given.__array_interface__["data"][0] - low, given.strides)
    np.copyto(array, given)
    return view(array, None)


def _rewriting(array: Any) -> Callable[[], None]:
    before = array.copy()
    return lambda: np.copyto(array, before)


def _forgetting(optimizer: Any, p: Any) -> Callable[[], None]:
    """Puts back which states a parameter had, and that no pointers to others are remembered."""
    before = dict(optimizer._states.get(p, {}))

    def undo() -> None:
        if before:
            optimizer._states[p] = before
        else:
            optimizer._states.pop(p, None)
        for group in optimizer.param_groups:
            group.memory.clear()

    return undo


def _running_op() -> str:
    """The op whose function is on the stack, innermost; in backward with the op whose gradient it computes."""
    frame: Any = sys._getframe(1)
    op = ""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<op ") and not op:
            op = name[4:-1]
        if frame.f_code.co_name == "gradients" and "node" in frame.f_locals:
            return f"{op or frame.f_locals['node'].op.name}, of {frame.f_locals['node'].op.name}"
        if frame.f_code.co_name == "step" and isinstance(frame.f_locals.get("self"), Optimizer):
            return f"{type(frame.f_locals['self']).__name__}.step"
        frame = frame.f_back
    return op or "?"


def plain(x: Any) -> Any:
    """A tensor that was traced, as any other."""
    made = alias(x)
    made.__class__ = Tensor
    return made
