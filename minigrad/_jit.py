"""`mg.jit`: a step that runs in Python once, and then as a list of kernel calls in C.

    step = mg.jit(step)
    for x, y in loader:
        loss = step(x, y)

The first call with arguments of a new kind (shapes, types, the scalars themselves) runs as usual while a recorder notes
every kernel call (`_capture.py`); calls after it copy the arguments into place and make the same calls again, forward,
backward and optimizer alike, by one call of C (`_program.py`, csrc/program.c). They are the same kernels on the same
memory, so the bits are the same.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from functools import partial, update_wrapper
from typing import TYPE_CHECKING
from weakref import finalize, ref

import numpy as np

from minigrad import _array, _backend, _capture, _tape
from minigrad._array import Array
from minigrad._capture import Recorder, memory_like, plain
from minigrad._extents import Extents, extent
from minigrad._guards import ForeignRandom, Variables
from minigrad._kernels import runtime
from minigrad._mode import threads
from minigrad._program import NOT_RUN, Program, mapped
from minigrad._refusals import refusal
from minigrad.errors import CaptureError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

#: Kinds of arguments that a step keeps programs for, the oldest going first; and programs of one kind, for what lives
#: outside may look differently from call to call: gradients that are there, or not yet.
MOST_PROGRAMS, MOST_VARIANTS = 32, 4


def jit(function: Callable[..., Any] | None = None, *, fallback: bool = False) -> Any:
    """Makes a program of a step: `@mg.jit`, or `step = mg.jit(step)`; a module, too.

    Arguments may be tensors, NumPy arrays, numbers and strings, and lists, tuples and dicts of them. Of tensors the shape,
    the type and the strides, of all else the value is part of the program's kind: another makes another program
    (`step.programs` has them; at most 32 are kept). Results are tensors without history, in the same nesting as the
    function returns.

    Parameters, gradients, the state of optimizers, learning rates and the counter of random numbers live outside the
    program: what changes between calls is seen, and what the step changes is there afterwards. What cannot be captured
    (reading a value, ops that NumPy computes) is a CaptureError that leaves everything as it was; with fallback=True such
    a step runs eagerly, with one warning. Python's own side effects, as printing or appending to a list, happen in the
    first call alone.
    """
    if function is None:
        return lambda given: Step(given, fallback)
    return Step(function, fallback)


class Step:
    """A function and the programs that were made of it."""

    def __init__(self, function: Callable[..., Any], fallback: bool) -> None:
        if not callable(function):
            raise TypeError(message("jit", "function", f"a {type(function).__name__}", "a function or a module"))
        self.function, self.fallback = function, fallback
        self._programs: OrderedDict[Any, list[Program]] = OrderedDict()
        self._eager = False
        self._bound: dict[int, tuple[Any, Step]] = {}
        if hasattr(function, "__name__"):
            update_wrapper(self, function)

    @property
    def programs(self) -> list[Program]:
        """The programs made so far, the newest last."""
        return [program for kind in self._programs.values() for program in kind]

    def program(self, *args: Any, **keywords: Any) -> Program:
        """The program for such arguments: runs the step with them first, if there is none."""
        leaves: list[Any] = []
        key = self._key(args, keywords, leaves)
        if key not in self._programs:
            self(*args, **keywords)
        return self._programs[key][-1]

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        within = _capture._current is not None and _capture.recorder() is not None
        if self._eager or within or _backend.backend_name != "c" or _backend._watchers:
            return self._run_eagerly(args, keywords)
        leaves: list[Any] = []
        key = self._key(args, keywords, leaves)
        for program in self._programs.get(key, ()):
            if program.fits():
                with program.lock:
                    result = program.run(leaves)
                return self._run_eagerly(args, keywords) if result is NOT_RUN else result
        return self._captured(key, args, keywords, leaves)

    def _run_eagerly(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return self.function(*mapped(args, _tensor), **mapped(keywords, _tensor))

    def _key(self, args: tuple[Any, ...], keywords: dict[str, Any], leaves: list[Any]) -> Any:
        """The kind of a call: its nesting with the look of each tensor and the value of all else, and what the engine is
        set to. The tensors are collected on the way."""
        parts: list[Any] = [threads.mode.on, runtime.setting]
        for x in args:
            if isinstance(x, Array) and x.node is None and not x.wants_grad:
                leaves.append(x)
                parts.append(_layout(x) if x.pool is None else x.pool)
            else:
                parts.append(_look(x, leaves))
        if keywords:
            parts += ["keywords", _look(keywords, leaves)]  # marked: a dict by position is no keywords
        return tuple(parts)

    def _captured(self, key: Any, args: tuple[Any, ...], keywords: dict[str, Any], leaves: list[Any]) -> Any:
        """Runs the step under the recorder, and keeps the program."""
        try:
            program = _record(self.function, args, keywords, leaves)
        except CaptureError as error:
            if not self.fallback:
                raise
            warnings.warn(f"{error} It runs eagerly from now on.", stacklevel=3)
            self._eager = True
            return self._run_eagerly(args, keywords)
        result = program.first_result()  # before another thread may replay the program
        kept = self._programs.setdefault(key, [])
        program.lend(not any(other.lends() for other in kept))
        kept[:] = [*kept[-MOST_VARIANTS + 1 :], program]
        if len(self._programs) > MOST_PROGRAMS:
            self._programs.popitem(last=False)
        return result

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        """As a method of a class, a step of each object, for as long as that lives."""
        if owner is None:
            return self
        found = self._bound.get(id(owner))
        if found is None or found[0]() is not owner:
            alive, key = ref(owner), id(owner)
            finalize(owner, self._bound.pop, key, None)
            method = partial(_of_living, self.function, alive)
            found = self._bound[key] = alive, Step(update_wrapper(method, self.function), self.fallback)
        return found[1]


def _of_living(function: Callable[..., Any], owner: Any, *args: Any, **keywords: Any) -> Any:
    """A method of an object that is known weakly: its step must not keep it alive."""
    return function(owner(), *args, **keywords)


def _layout(x: Any) -> Any:
    """How a tensor or an array lies in memory: products, for one, add up in another order where it is not contiguous."""
    array = x.array if isinstance(x, Array) else x
    return (x.shape, x.dtype) if array.flags.c_contiguous else (x.shape, x.dtype, array.strides)


def _look(x: Any, leaves: list[Any]) -> Any:
    """What of an argument decides which program it takes; tensors are appended to leaves."""
    if isinstance(x, (Array, np.ndarray)):
        if isinstance(x, Array) and x.node is not None:
            got, remedy = "a tensor with a history", "Write x.detach(), or compute it inside the step."
            raise CaptureError(message("jit", "of the step", got, "data, or leaves", remedy))
        leaves.append(x)
        wants = isinstance(x, Array) and x.wants_grad
        return (x.pool if isinstance(x, Array) and x.pool is not None and not wants else _layout(x), id(x) if wants else 0)
    if isinstance(x, (list, tuple)):
        return (type(x), *[_look(one, leaves) for one in x])
    if isinstance(x, dict):
        return (dict, *[(name, _look(one, leaves)) for name, one in x.items()])
    try:
        hash(x)
    except TypeError as error:
        got = f"a {type(x).__name__}"
        raise CaptureError(message("jit", "of the step", got, "tensors, arrays, and what can be a key of a dict")) from error
    return type(x), x, str(x) if isinstance(x, (float, complex, np.inexact)) else ""  # 0.0 and -0.0 are equal, but not the same


def _tensor(x: Any) -> Any:
    return x if isinstance(x, Array) else _array.from_array(x)


def _record(function: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any], leaves: list[Any]) -> Program:
    """Runs the step once, and makes a program of what the recorder has seen."""
    places: list[Any] = []
    with Recorder() as seen:

        def place(x: Any) -> Any:
            if isinstance(x, Array) and x.requires_grad:
                places.append(None)
                return x  # a leaf that wants its gradient is itself outside
            made = memory_like(x) if isinstance(x, Array) else memory_like(_array.from_array(x))
            places.append(made)
            seen.places.append(extent(made.array, None))
            return _array.alias(made)  # which the step may keep

        given, named = mapped(args, place), mapped(keywords, place)
        foreign, variables = ForeignRandom(), Variables(function)
        seen.undo.append(foreign.drawn)
        result = function(*given, **named)
        drawn = foreign.drawn()
        if drawn:
            raise refusal(f"{drawn} is drawn from")
        _refuse_written(seen, leaves)
        program = _made(seen, places, result, function)
    for leaf, before in seen.grads.values():
        if leaf.received is None or leaf.received is not before:
            leaf.received = None if leaf.received is None else plain(leaf.received)
            program.grads.append((leaf, leaf.received))
    program.seen = program.read_by_python()
    variables.settle()
    program.reads = variables.reads
    del given, named, result
    _part(seen, program)
    return program


def _refuse_written(seen: Recorder, leaves: list[Any]) -> None:
    """An error for an argument that is another name of memory which the step writes into: the recorded run had a copy of it, and
    so has not seen the new numbers."""
    written = [x.array for _, memory in seen.updates for x in memory.owners] + [x.array for x in seen.rewritten.values()]
    for i, x in enumerate(leaves):
        array = x.array if isinstance(x, Array) else x
        if not (isinstance(x, Array) and x.requires_grad) and any(np.may_share_memory(array, one) for one in written):
            raise refusal(f"tensor {i} of the arguments shares memory with what the step writes, and would not change with it,")


def _part(seen: Recorder, program: Program) -> None:
    """Gives tensors of the step's own that Python has kept, in a list or as an attribute, memory of their own, where theirs is the
    program's: neither must change with what happens to the other."""
    own = [*program.inside, *[place for _, place in program.incoming]]
    if seen.living() <= len(own):
        return  # nearly always: the search among all that is alive takes tens of milliseconds
    known, shared = {id(x) for x in own}, [x.array for x in own] + program.held[0] + program.held[1]
    memory = Extents([extent(array, array) for array in shared])
    kept: list[Any] = [x for x in _alive(seen.traced) if type(x) is seen.traced and id(x) not in known]
    for x in kept:
        if hasattr(x, "ptr") and memory.behind(x.ptr) is not None:  # without, another thread is about to make it
            x.array, x.pool, x.flat = x.array.copy(), None, True
            x.ptr = _array.address(x.array, x.dtype)


def _made(seen: Recorder, places: list[Any], result: Any, function: Any) -> Program:
    """The program of what was recorded: names for its memory, and what is to be done around the calls."""
    pieces = [extent(place.array, f"x{i}") for i, place in enumerate(places) if place is not None]
    pieces += [extent(g.array, f"grad{i}") for i, (_, g) in enumerate(seen.incoming)]
    pieces += [extent(block, f"b{i}") for i, block in enumerate(seen.blocks)]
    pieces += [extent(array, f"c{i}") for i, array in enumerate(seen.constants)]
    outside: dict[int, Any] = {id(x): x for _, memory in seen.updates for x in memory.owners}
    outside |= {key: leaf for key, (leaf, _) in seen.grads.items()}
    outside |= seen.rewritten
    outside |= {id(x): x for x in _returned(result) if type(x) is not seen.traced}
    states = [x for _, memory in seen.updates for state in memory.states for x in state.values()]
    named = [*outside.values(), *states, *_tape.tools.one.values()]
    pieces += [extent(x.array, f"p{i}") for i, x in enumerate(named)]
    for letter, candidates in (("m", partial(_held, seen)), ("q", partial(_alive, Array))):
        missing = [address for address, _ in _unknown(seen, Extents(pieces))]
        for i, (x, array) in enumerate(_owners(missing, candidates(), seen.traced) if missing else ()):
            pieces.append(extent(array, f"{letter}{i}"))
            outside[id(x)] = x
            named.append(x)
    names = Extents(pieces)
    lost = _unknown(seen, names)
    if lost:
        raise refusal(f"{lost[0][1]} reads memory whose owner is not known")
    program = Program(seen, names, places, result)
    program.outside = [(x, x.array, x.requires_grad) for x in outside.values()]
    program.modules = [(module, names.copy()) for module, names in seen.modules.values()]
    program.memories = [(group, len(group["params"]), memory.owners[0].dtype, memory) for group, memory in seen.updates]
    program.rewritten = seen.marks
    program.incoming, program.fresh = seen.incoming, seen.fresh
    for at, generator, since in seen.randoms:
        kernel, slots = seen.calls[at].kernel, seen.calls[at].slots
        program.randoms.append((slots[kernel.at("seed")], slots[kernel.at("offset")], generator, since))
    program.advance = [(g, g.offset - first) for g, _, first in seen.generators.values() if g.offset != first]
    where = Extents([extent(block, block) for block in seen.blocks])
    pinned = {id(block): block for block in map(where.find, program.arena.pinned)}
    program.held = (list(pinned.values()), seen.constants, named, function)
    program.bytes_eager = sum(block.nbytes for block in seen.blocks)
    return program


def _returned(result: Any) -> Iterator[Any]:
    """The tensors of a result; an error where it holds what may hide others, whose memory would change with each replay."""
    if isinstance(result, Array):
        yield result
    elif isinstance(result, (list, tuple, dict)):
        for one in result.values() if isinstance(result, dict) else result:
            yield from _returned(one)
    elif not isinstance(result, (str, bytes, int, float, complex, np.generic, type(None))):
        raise refusal(f"a {type(result).__name__} is returned, not tensors in lists, tuples and dicts,")


def _unknown(seen: Recorder, names: Extents) -> list[tuple[int, str]]:
    """Addresses of numbers, with the op that uses them, that lie in no known piece of memory."""
    found = {}
    for call in seen.calls:
        for parameter, value in zip(call.kernel.parameters, call.arguments, strict=True):
            numbers = "*" in parameter and "**" not in parameter and "mg_" not in parameter
            if numbers and value and value not in seen.owned and names.find(value) is None:
                found[value] = call.op
    return list(found.items())


def _held(seen: Recorder) -> list[Any]:
    """What the modules that the step looked into have as attributes: with these few steps need the search among all that is
    alive, which takes as long as there are objects in the process."""
    own = [object.__getattribute__(module, "__dict__") for module, _ in seen.modules.values()]
    return [x for attributes in own for x in attributes.values()]


def _alive(kind: type) -> list[Any]:
    """All objects of a kind: each refers to its class. (A list of everything there is would hold on to tuples that other
    threads are still filling, which Python answers with a SystemError there.)"""
    import gc

    kinds = [kind]
    for one in kinds:
        kinds += one.__subclasses__()
    return gc.get_referrers(*kinds)


def _owners(missing: list[int], candidates: Iterable[Any], traced: type) -> list[tuple[Any, Any]]:
    """The tensors, of those there were before the step, whose memory addresses lie in: every one of them, as the step may
    have read any, and only that one is sure to change when its numbers are exchanged for others."""
    tensors = [x for x in candidates if issubclass(type(x), Array) and type(x) is not traced]
    found = []
    for x in tensors:  # issubclass above, as isinstance would ask strangers for their class
        low, size, _ = extent(x.array, x) if hasattr(x, "array") else (0, 0, x)  # another thread may be about to make it
        if any(low <= address < low + max(size, 1) for address in missing):
            found.append((x, x.array))
    return found
