"""What optimizers share: groups of parameters, their state, and the memory that C reads.

`group["lr"] = 0.1` writes into a C struct, from which the next step, captured or not, reads it. State (momenta, step counts)
is kept in arrays, whose addresses are stored next to those of the parameters; a step fills in the addresses of the gradients
and makes one call.
"""

from __future__ import annotations

from collections import defaultdict
from copy import deepcopy
from functools import wraps
from operator import is_
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _backend, _hooks, _mistakes, _writes
from minigrad._array import Array, alias, empty, float32, float64, from_array, pool_of
from minigrad._C import ffi
from minigrad._mode import enable_grad
from minigrad.errors import DTypeError, ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, ClassVar, NoReturn


#: What learning rate schedules keep in groups, besides the options of the optimizer.
SCHEDULED = ("initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum")


class Group(dict):  # type: ignore[type-arg]
    """One entry of param_groups: {"params": [...], "lr": ..., ...}. The struct `c` mirrors the hyperparameters, so set
    them with group["lr"] = x or update(); both check what they are given."""

    def __init__(self, owner: type[Optimizer], params: list[Any], options: dict[str, Any]) -> None:
        super().__init__(params=params)
        self.owner, self.c = owner, ffi.new(f"{owner._struct} *", owner._fixed) if owner._struct else ffi.NULL
        self.memory: dict[Any, Memory] = {}
        self.update(options)

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def update(self, *args: Any, **values: Any) -> None:
        """Sets several entries: all of them, or none if they do not fit together."""
        new = dict(*args, **values)
        self.owner._check({**self, **new})
        for name, value in new.items():
            fields = self.owner._fields.get(name, ())
            if len(fields) > 1:
                value = tuple(value)  # an element assigned to a list would not reach the struct
            for field, number in zip(fields, value if len(fields) > 1 else (value,), strict=False):
                setattr(self.c, field, number)
            # An option that becomes 0, or was, may need other states, as momentum does; the rate, which may decay to 0, does not.
            if fields and name != "lr" and bool(self.get(name)) is not bool(value):
                self.memory.clear()
            super().__setitem__(name, value)

    def __ior__(self, other: Any) -> Group:  # type: ignore[misc]
        self.update(other)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Group, (self.owner, self["params"], {k: v for k, v in self.items() if k != "params"})


class ReadOnly(dict):  # type: ignore[type-arg]
    """What `optimizer.state` returns: made for the question, so a change of its entries would change nothing. A copy is a
    plain dict."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)

    def _refuse(self, *args: Any, **keywords: Any) -> NoReturn:
        remedy = "Write into a tensor, as in optimizer.state[p][name].zero_(), or replace all of it: optimizer.state = {...}."
        raise TypeError(message("optimizer.state", "", "a change of its entries", "none, as it is read-only", remedy))

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse


class Memory:
    """The arrays of pointers that one C call takes, for the parameters of a group whose gradients have one type.

    `used` are the names of the states among the optimizer's slots that the group's options ask for; the others are
    NULL, and so are the step counts where no state is used. C takes contiguous parameters: of any other a copy is
    updated and written back.
    """

    __slots__ = (
        "arrays", "copies", "count", "grads", "group", "marks", "moved", "operands", "owners", "pools", "states", "used", "wide",
        "write",
    )  # fmt: skip

    def __init__(
        self, writer: str, group: Group, params: list[Any], states: list[dict[str, Any]], slots: tuple[str, ...], used: tuple[str, ...]
    ) -> None:
        self.group, self.count, self.used, self.wide = group, len(params), used, params[0].dtype is not float32
        # Who owns the memory that is pointed to is kept here, so that it lives as long as the pointers.
        self.owners, self.states = params, states
        self.arrays = [p.array for p in params]
        self.pools = [pool_of(p.shape, p.dtype) for p in params]
        self.moved: list[Any] = []
        self.write = _writes.Write(_writes.NEVER, writer)
        self.marks = [_writes.mark(array) for array in self.arrays]
        self.copies = [(p, empty(p.shape, p.dtype)) for p in params if not p.flat]
        contiguous = {id(p): copy for p, copy in self.copies}
        updated = self._pointers([contiguous.get(id(p), p) for p in params])
        self.grads = ffi.new(ffi.typeof(updated), self.count)
        momenta = [self._pointers([s[n] for s in states]) if n in used else ffi.NULL for n in slots]
        steps = ffi.new("int64_t *[]", [s["step"].ptr for s in states]) if used else ffi.NULL
        sizes = ffi.new("int64_t[]", [p.count for p in params])
        self.operands = updated, self.grads, *momenta, steps, sizes, self.count, group.c

    @staticmethod
    def _pointers(tensors: list[Any]) -> Any:
        kind = "float *[]" if tensors[0].dtype is float32 else "double *[]"
        return ffi.new(kind, [x.ptr for x in tensors])

    def fits(self, params: list[Any], used: tuple[str, ...]) -> bool:
        """Whether the pointers were made for these parameters and their present arrays."""
        return (
            len(params) == self.count and used == self.used and all(map(is_, params, self.owners))
            and all(p.array is array for p, array in zip(params, self.arrays))
        )  # fmt: skip

    def takes(self, params: list[Any]) -> bool:
        """Whether this is the ordinary step, in which nothing has moved and every gradient comes from a pool of its
        parameter's shape and type; then the pointers to the gradients are set."""
        if len(params) != self.count:
            return False
        grads = self.grads
        for i, (p, owner, array, pool) in enumerate(zip(params, self.owners, self.arrays, self.pools)):
            if p is not owner or p.array is not array:
                return False
            g = p.received
            if g is None or g.pool is not pool:
                return False
            grads[i] = g.ptr
        return True

    def point(self) -> None:
        """Sets the pointers to the gradients, of which C takes contiguous ones; `moved` keeps the copies of the others."""
        grads = [p.grad if p.grad.flat else p.grad.clone() for p in self.owners]
        self.grads[0 : self.count] = [g.ptr for g in grads]
        self.moved = [g for p, g in zip(self.owners, grads, strict=True) if p.grad is not g]


class Optimizer:
    """The base: `param_groups`, `state`, `zero_grad`, `state_dict`. A subclass here names its struct, states and update.

    One of your own passes (params, defaults) on, and defines step(); `self.state[p]` is a dict for it to fill:

        class Descent(optim.Optimizer):
            def __init__(self, params, lr=0.1):
                super().__init__(params, {"lr": lr})

            @minigrad.no_grad()
            def step(self, closure=None):
                for group in self.param_groups:
                    for p in group["params"]:
                        if p.grad is not None:
                            p -= group["lr"] * p.grad
    """

    _struct: ClassVar[str] = ""  # the C struct of hyperparameters; "" where no kernel reads them
    _fields: ClassVar[dict[str, tuple[str, ...]]] = {}  # option -> its fields there
    _fixed: ClassVar[dict[str, int]] = {}  # fields that no option sets: which arithmetic it is
    _slots: ClassVar[tuple[str, ...]] = ()  # states, in the order of the kernel's parameters
    _scalars: ClassVar[tuple[str, ...]] = ()  # of these, those that are one float64 for a whole parameter
    _kernel: ClassVar[Any] = None  # one for float32 and float64 each; None where step() is written in Python

    def __init_subclass__(cls) -> None:
        if cls._kernel is None and "step" in vars(cls):
            cls.step = _announced(cls.step)  # type: ignore[method-assign]

    def _own_step(self) -> None:
        """A step that is written in Python begins, which a captured step cannot hold: `minigrad.jit` looks for it here."""
        self._calls += 1

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[Group] = []
        self._states: dict[Any, dict[str, Any]] = {} if self._kernel else defaultdict(dict)
        self._calls = 0  # of step; replays of a program are not among them
        if isinstance(params, (Array, set, frozenset)) or not hasattr(params, "__iter__"):
            kind = "tensor" if isinstance(params, Array) else type(params).__name__
            remedy = "Write [tensor], or model.parameters()."
            wanted = "a list of tensors, or of groups"
            raise TypeError(message(type(self).__name__, "params", f"a {kind}", wanted, remedy))
        given = list(params)
        if not given:
            remedy = "Has the model layers, as attributes of it? Was the generator model.parameters() used up before?"
            raise ValueError(f"{type(self).__name__}: optimizer got an empty parameter list. {remedy}")
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds parameters with options of their own, such as {"params": head.parameters(), "lr": 1e-4}."""
        name = type(self).__name__
        if not isinstance(param_group, dict):
            got = f"a {type(param_group).__name__}"
            raise TypeError(message(name, "param_group", got, 'a dict such as {"params": [...], "lr": ...}'))
        chosen = self._chosen(param_group.get("params"))
        for option in param_group:
            if option not in ("params", *SCHEDULED) and option not in self.defaults:
                raise TypeError(f"{name}: unknown option {option!r} in a group; it takes {', '.join(self.defaults)}.")
        options = {**self.defaults, **{k: v for k, v in param_group.items() if k != "params"}}
        self.param_groups.append(Group(type(self), chosen, options))
        for group in self.param_groups:  # programs know by it that there is another
            group.memory.clear()

    def _chosen(self, params: Any) -> list[Any]:
        """The parameters of a new group, as a list; an error if one cannot be trained, or is in a group already."""
        name = type(self).__name__
        chosen = [params] if isinstance(params, Array) else [p[1] if isinstance(p, tuple) else p for p in params or ()]
        if not chosen:
            raise ValueError(f"{name}: optimizer got an empty parameter list in a group.")
        known = {id(p) for group in self.param_groups for p in group["params"]}
        for i, p in enumerate(chosen):
            if not isinstance(p, Array):
                got, remedy = f"a {type(p).__name__}", "Those of a module are module.parameters()."
                raise TypeError(message(name, f"params[{i}]", got, "a tensor", remedy))
            if p.dtype.kind != "f" or p.node is not None:
                got = f"dtype {p.dtype}" if p.node is None else f"the result of {p.node.op.name}"
                remedy = "" if p.node is None else "Ask for the gradient last: (minigrad.randn(3) * 0.1).requires_grad_()."
                raise ValueError(message(name, f"params[{i}]", got, "a leaf of floats, as nn.Parameter is", remedy))
            if id(p) in known:
                raise ValueError(f"{name}: params[{i}] appears twice; each parameter is updated once per step.")
            known.add(id(p))
        return chosen

    @classmethod
    def _check(cls, values: dict[str, Any]) -> None:
        """Raises for options that are invalid or do not fit together. (What your own optimizer's mean is not known here.)"""

    def _used(self, group: Group) -> tuple[str, ...]:
        """The states that the group's options ask for."""
        raise NotImplementedError(f"{type(self).__name__} has no step(): define `def step(self, closure=None): ...` in it.")

    def _kind(self, p: Any, name: str) -> tuple[tuple[int, ...], Any]:
        """Shape and type of a state of the parameter p."""
        return ((), float64) if name in self._scalars else (p.shape, p.dtype)

    def _initial(self, group: Group, name: str) -> float:
        """The initial value of a state."""
        return 0

    def _reference(self, group: Group, p: Any, g: Any, state: dict[str, Any]) -> None:
        """The step for one parameter in NumPy, in place; the C kernel must equal it."""
        raise NotImplementedError

    def _decayed(self, group: Group, p: Any, g: Any) -> Any:
        """For references: the gradient to descend along. Decoupled weight decay shrinks p itself, in place."""
        g = -g if group["maximize"] else g
        if group.get("decoupled_weight_decay", self._fixed.get("decoupled")):
            p *= 1 - group["lr"] * group["weight_decay"]
            return g
        return g + group["weight_decay"] * p if group["weight_decay"] else g

    @property
    def state(self) -> Mapping[Any, Mapping[str, Any]]:
        """{parameter: {name: tensor}}, what has been accumulated. The tensors share the optimizer's memory, so they can be
        written in place. Assignment replaces everything: `optimizer.state = {}` starts afresh. An optimizer of your own
        keeps here what it likes."""
        if self._kernel is None:
            return self._states
        return ReadOnly({p: ReadOnly({name: alias(x) for name, x in s.items()}) for p, s in self._states.items()})

    @state.setter
    def state(self, new: Mapping[Any, Mapping[str, Any]]) -> None:
        self._replace({p: self._loaded(f"{type(self).__name__}.state", state, p) for p, state in new.items()})

    def _replace(self, states: dict[Any, dict[str, Any]]) -> None:
        self._states = states if self._kernel else defaultdict(dict, states)
        for group in self.param_groups:
            group.memory.clear()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clears all gradients. Call it before each backward pass, or gradients accumulate."""
        for group in self.param_groups:
            if set_to_none:
                for p in group["params"]:
                    p.received = None
            else:
                for p in group["params"]:
                    p.grad = None if p.grad is None else from_array(np.zeros(p.shape, p.dtype))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates every parameter that has a gradient, and leaves the others unchanged. closure: recomputes the loss.

        Gradients of another shape or type than their parameter's are an error, before anything has changed.
        """
        self._calls += 1
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        groups = self.param_groups
        if self._calls < 3:
            self._watch()
        if _backend.backend_name == "numpy":
            ready = [(group, p) for group in groups for params in self._ready(group) for p in params]
            for group, p, state in [(group, p, self._state(group, p)) for group, p in ready]:
                self._reference(group, p.array, p.grad.array, state)
                _writes.note(p.array, self._writer())
        else:
            due: list[Memory] = []
            for group in groups:
                due += self._memories(group)
            for memory in due:
                self._update(memory)
        return loss

    def _watch(self) -> None:
        """Notes a gradient of the first step, and whether the second still has it in its own."""
        g = next((p.grad for group in self.param_groups for p in group["params"] if p.grad is not None), None)
        if self._calls == 1 and g is not None:
            _hooks.stepped[id(g)] = g
        elif self._calls == 2:
            _mistakes.second_step(type(self).__name__, g)

    def _ready(self, group: Group) -> list[list[Any]]:
        """The parameters of a group that have a gradient, float32 and float64 separately; all gradients are checked."""
        params = [p for p in group["params"] if p.grad is not None]
        if not params:
            return []
        first, mixed = params[0].dtype, False
        for p in params:
            g = p.grad
            if g.shape != p.shape or g.dtype is not p.dtype:
                self._reject(group, p)
            if p.dtype is not first:
                mixed = True
        return [[p for p in params if p.dtype is dtype] for dtype in (float32, float64)] if mixed else [params]

    def _reject(self, group: Group, p: Any) -> None:
        at, g = next(i for i, q in enumerate(group["params"]) if q is p), p.grad
        op, argument = f"{type(self).__name__}.step", f"params[{at}].grad"
        kind = ShapeError if g.shape != p.shape else DTypeError
        wanted = f"the parameter's shape {p.shape} of {p.dtype}"
        raise kind(message(op, argument, f"shape {g.shape} of {g.dtype}", wanted))

    def _memories(self, group: Group) -> list[Memory]:
        """The pointers for each C call that a group's step consists of, those to the gradients set."""
        for memory in group.memory.values():
            if memory.takes(group["params"]):
                return [memory]
        return [self._memory(group, params) for params in self._ready(group)]

    def _memory(self, group: Group, params: list[Any]) -> Memory:
        """The pointers to these parameters, their gradients and their states; renewed if something has moved."""
        used, dtype = self._used(group), params[0].dtype
        memory = group.memory.get(dtype)
        if memory is None or not memory.fits(params, used):
            states = [self._state(group, p) for p in params]
            memory = group.memory[dtype] = Memory(self._writer(), group, params, states, self._slots, used)
        memory.point()
        return memory

    def _writer(self) -> str:
        """Who has written into the parameters, for the error of a backward pass that needed the old numbers."""
        return f"{type(self).__name__}.step"

    def _update(self, memory: Memory) -> None:
        for p, copy in memory.copies:
            copy.array[...] = p.array
        self._kernel[memory.wide](*memory.operands)
        for p, copy in memory.copies:
            p.array[...] = copy.array
        _writes.note_all(memory.marks, memory.write)

    def _state(self, group: Group, p: Any) -> dict[str, Any]:
        """The state of one parameter, made when it is first updated, with a count of its steps. Empty if the group's options
        need none."""
        used = self._used(group)
        if not used:
            return {}
        state = self._states.setdefault(p, {})
        for name in used:
            shape, dtype = self._kind(p, name)
            if name not in state:
                state[name] = empty(shape, dtype)
                state[name].array[...] = self._initial(group, name)
            has = state[name]
            if has.shape != shape or has.dtype is not dtype:
                got, wanted = f"shape {has.shape} of {has.dtype}", f"the parameter's shape {p.shape} of {p.dtype}"
                remedy = "After changing a parameter's shape or type, make a new optimizer."
                raise ShapeError(message(f"{type(self).__name__}.step", name, got, wanted, remedy))
        if "step" not in state:
            state["step"] = from_array(np.zeros((), np.int64))
        return state

    # -- saving --------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Copies of all state, parameters numbered through all groups: {"state": {0: {...}}, "param_groups": [...]}."""
        every = [p for group in self.param_groups for p in group["params"]]
        state = {
            i: {name: _copied(value) for name, value in self._states[p].items()}
            for i, p in enumerate(every)
            if p in self._states
        }
        groups, number = [], 0
        for group in self.param_groups:
            count = len(group["params"])
            groups.append({**group, "params": list(range(number, number + count))})
            number += count
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continues from a state_dict of an optimizer with the same groups. What does not fit is an error, before
        anything has changed."""
        name = f"{type(self).__name__}.load_state_dict"
        try:
            groups, states = list(state_dict["param_groups"]), dict(state_dict["state"])
            sizes = [len(g["params"]) for g in groups]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(message(name, "state_dict", "something else", "what state_dict() returns")) from error
        wanted = [len(g["params"]) for g in self.param_groups]
        if sizes != wanted:
            raise ValueError(message(name, "param_groups", f"groups of {sizes} parameters", f"groups of {wanted}"))
        options = [{k: v for k, v in g.items() if k != "params"} for g in groups]
        for given in options:
            if missing := [k for k in self.defaults if k not in given]:
                got = f"a group without {', '.join(missing)}"
                raise ValueError(message(name, "param_groups", got, f"the options of {type(self).__name__}"))
            self._check(given)
        new: dict[Any, dict[str, Any]] = {}
        for mine, saved in zip(self.param_groups, groups, strict=True):
            for number, p in zip(saved["params"], mine["params"], strict=True):
                if states.get(number):
                    new[p] = self._loaded(f"{name}: state[{number}]", states[number], p)
        for mine, given in zip(self.param_groups, options, strict=True):
            mine.update(given)
        self._replace(new)

    def _loaded(self, op: str, saved: Mapping[str, Any], p: Any) -> dict[str, Any]:
        """Copies of one parameter's saved states, in its type; of an optimizer of your own, as they are."""
        if self._kernel is None:
            return {name: _copied(value) for name, value in saved.items()}
        found = {}
        for name, value in saved.items():
            if name != "step" and name not in self._slots:
                raise ValueError(message(op, "name", repr(name), f"one of {', '.join(self._slots)}, or step"))
            if value is not None:
                shape, dtype = ((), np.int64) if name == "step" else self._kind(p, name)
                array = np.array(value.array if isinstance(value, Array) else value, dtype)
                if array.shape != shape:
                    raise ShapeError(message(op, name, f"shape {array.shape}", f"shape {shape}"))
                found[name] = from_array(array)
        if found and "step" not in found:
            # PyTorch's SGD counts no steps: a momentum that was saved is past its first.
            found["step"] = from_array(np.ones((), np.int64))
        return found

    def __repr__(self) -> str:
        groups = []
        for i, group in enumerate(self.param_groups):
            options = [f"    {name}: {value}\n" for name, value in sorted(group.items()) if name != "params"]
            groups.append(f"Parameter Group {i}\n{''.join(options)}")
        return f"{type(self).__name__} (\n" + "\n".join(groups) + ")"


def _announced(step: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(step)
    def announced(optimizer: Optimizer, *args: Any, **options: Any) -> Any:
        optimizer._own_step()
        return step(optimizer, *args, **options)

    return announced


def _copied(value: Any) -> Any:
    return from_array(value.array.copy()) if isinstance(value, Array) else deepcopy(value)


# -- what options may be -----------------------------------------------------------------------------------------------


def check_number(op: str, option: str, value: Any, low: float | None = None) -> None:
    """A TypeError unless it is a number, a ValueError below `low`."""
    if not isinstance(value, (int, float, np.integer, np.floating)):
        expected = "a number" if low is None else f"a number of at least {low}"
        raise TypeError(message(op, option, f"a {type(value).__name__}", expected))
    if low is not None and not value >= low:
        raise ValueError(message(op, option, value, f"a number of at least {low}"))


def check_betas(op: str, betas: Any) -> None:
    """The weights of two running averages: an error unless both are in [0, 1)."""
    if not isinstance(betas, (tuple, list)) or len(betas) != 2:
        raise ValueError(message(op, "betas", betas, "two numbers in [0, 1)"))
    for i, beta in enumerate(betas):
        check_number(op, f"betas[{i}]", beta, low=0)
        if not beta < 1:
            raise ValueError(message(op, f"betas[{i}]", beta, "a number in [0, 1)"))


def check_weight(op: str, option: str, value: Any) -> None:
    """The weight of one running average: an error unless it is in [0, 1]."""
    check_number(op, option, value, low=0)
    if not value <= 1:
        raise ValueError(message(op, option, value, "a number in [0, 1]"))


def check_switch(op: str, option: str, value: Any) -> None:
    """A TypeError for anything but True and False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(message(op, option, repr(value), "True or False"))


def unsupported(op: str, **given: Any) -> None:
    """Refuses PyTorch's switches between implementations, except their defaults: there is only one here."""
    for option, value in given.items():
        if value not in (None, False) and not (option in ("fused", "foreach") and value is True):
            remedy = "Updates here are always fused, and are not differentiated."
            raise ValueError(message(op, option, value, "its default", remedy))
