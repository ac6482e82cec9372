"""What optimizers share: groups of parameters, their state, and the memory that C reads.

A group's hyperparameters stand in a C struct and nowhere else: `group["lr"] = 0.1` writes there, and the next step,
recorded or not, reads it. State (momenta, step counts) stands in arrays whose addresses are kept beside the
parameters'; a step fills in the gradients' addresses and makes one call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _op
from minigrad._array import Array, empty, from_array
from minigrad._C import ffi
from minigrad._tape import enable_grad
from minigrad.errors import DTypeError, ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any


class Group(dict):  # type: ignore[type-arg]
    """One entry of param_groups: {"params": [...], "lr": ..., ...}. Hyperparameters live in the C struct `c`."""

    def __init__(self, params: list[Any], values: dict[str, Any], struct: str, fields: dict[str, tuple[str, ...]], check: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self.c = ffi.new(f"{struct} *")
        self.fields, self.check = fields, check
        self.memory: dict[Any, Memory] = {}
        dict.__setitem__(self, "params", params)
        check(values)
        for name, value in values.items():
            self._write(name, value)

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self.fields:
            self.check({**self, name: value})
        self._write(name, value)

    def update(self, *args: Any, **values: Any) -> None:
        """Sets several entries, each checked."""
        for name, value in dict(*args, **values).items():
            self[name] = value

    def _write(self, name: str, value: Any) -> None:
        """Into the struct, and into the dict for reading; a tuple such as betas fills several fields."""
        targets = self.fields.get(name, ())
        for field, number in zip(targets, value if len(targets) > 1 else (value,), strict=True) if targets else ():
            setattr(self.c, field, number)
        dict.__setitem__(self, name, value)


class Memory:
    """The arrays of pointers that one C call takes, for the parameters of a group that have gradients. `used` are the
    names of the states among `slots` that the group's options ask for; the others are NULL."""

    __slots__ = ("addresses", "count", "grads", "owners", "params", "sizes", "slots", "steps", "used")

    def __init__(self, params: list[Any], states: list[dict[str, Any]], slots: tuple[str, ...], used: tuple[str, ...]) -> None:
        pointers = "float *[]" if params[0].dtype.itemsize == 4 else "double *[]"
        self.count, self.owners, self.used = len(params), params, used
        self.addresses = [p.ptr for p in params]
        self.params = ffi.new(pointers, self.addresses)
        self.grads = ffi.new(pointers, self.count)
        self.slots = [ffi.new(pointers, [s[n].ptr for s in states]) if n in used else ffi.NULL for n in slots]
        self.steps = ffi.new("int64_t *[]", [s["step"].ptr for s in states])
        self.sizes = ffi.new("int64_t[]", [p.size for p in params])

    def fits(self, params: list[Any], used: tuple[str, ...]) -> bool:
        """Whether these are the parameters, at the addresses, that the pointers were made for."""
        if len(params) != self.count or used != self.used:
            return False
        for p, owner, address in zip(params, self.owners, self.addresses):  # noqa: B905 - equal lengths, and every step comes here
            if p is not owner or p.ptr is not address:
                return False
        return True


class Optimizer:
    """The base: `param_groups`, `zero_grad`, `state_dict`. A subclass names its struct, its state, and its update."""

    _struct: str                        # the C struct of hyperparameters
    _fields: dict[str, tuple[str, ...]]  # option -> its fields there
    _slots: tuple[str, ...]             # states, in the order of the kernel's parameters
    _kernel: tuple[Any, Any]            # for float32 and float64

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[Group] = []
        self.state: dict[Any, dict[str, Any]] = {}
        if isinstance(params, Array):
            raise TypeError(message(type(self).__name__, "params", "a tensor", "a list of tensors", "Write [tensor], or model.parameters()."))
        given = list(params)
        if not given:
            remedy = "Has the model layers, and are they attributes of it? Was the generator model.parameters() used up before?"
            raise ValueError(f"{type(self).__name__}: optimizer got an empty parameter list. {remedy}")
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds parameters with options of their own, such as {"params": head.parameters(), "lr": 1e-4}."""
        name = type(self).__name__
        params = param_group.get("params")
        chosen = [params] if isinstance(params, Array) else [p[1] if isinstance(p, tuple) else p for p in params or ()]
        if not chosen:
            raise ValueError(f"{name}: optimizer got an empty parameter list in a group.")
        known = {id(p) for group in self.param_groups for p in group["params"]}
        for i, p in enumerate(chosen):
            if not isinstance(p, Array):
                raise TypeError(message(name, f"params[{i}]", f"a {type(p).__name__}", "a tensor"))
            if p.dtype.kind != "f" or p.node is not None:
                raise ValueError(message(name, f"params[{i}]", f"a computed tensor or dtype {p.dtype}", "a leaf of floats, as nn.Parameter is"))
            if id(p) in known:
                raise ValueError(f"{name}: params[{i}] appears twice; each parameter is updated once per step.")
            known.add(id(p))
        for option in param_group:
            if option != "params" and option not in self.defaults:
                raise TypeError(f"{name}: unknown option {option!r} in a group; it takes {', '.join(self.defaults)}.")
        values = {**self.defaults, **{k: v for k, v in param_group.items() if k != "params"}}
        self.param_groups.append(Group(chosen, values, self._struct, self._fields, self._check))

    @staticmethod
    def _check(values: dict[str, Any]) -> None:
        raise NotImplementedError

    def _used(self, group: Group) -> tuple[str, ...]:
        """The states that the group's options ask for."""
        raise NotImplementedError

    def _reference(self, group: Group, p: Any, g: Any, state: dict[str, Any]) -> None:
        raise NotImplementedError

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets all gradients. Call it before each backward: gradients add up otherwise."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    p.grad = from_array(np.zeros(p.shape, p.dtype))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates every parameter that has a gradient; one without is left as it is. closure: recomputes the loss."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        work = [part for group in self.param_groups for part in self._ready(group)]
        for group, params, wide in work:
            self._update(group, params, wide)
        return loss

    def _ready(self, group: Group) -> Iterator[tuple[Group, list[Any], bool]]:
        """The parameters of a group that have a gradient, float32 and float64 apart; all gradients are checked."""
        params = [p for p in group["params"] if p.grad is not None]
        for p in params:
            if p.grad.shape != p.shape or p.grad.dtype is not p.dtype:
                self._reject(group, p)
        if params:
            first = params[0].dtype
            narrow, other = [p for p in params if p.dtype is first], [p for p in params if p.dtype is not first]
            yield group, narrow, first.itemsize == 8
            if other:
                yield group, other, first.itemsize == 4

    def _reject(self, group: Group, p: Any) -> None:
        at = next(i for i, q in enumerate(group["params"]) if q is p)
        kind = ShapeError if p.grad.shape != p.shape else DTypeError
        got, wanted = f"shape {p.grad.shape} of {p.grad.dtype}", f"the parameter's shape {p.shape} of {p.dtype}"
        raise kind(message(f"{type(self).__name__}.step", f"params[{at}].grad", got, wanted))

    def _update(self, group: Group, params: list[Any], wide: bool) -> None:
        if _op.backend_name == "numpy":
            for p in params:
                self._reference(group, p.array, p.grad.array, self._state(group, p))
            return
        used, memory = self._used(group), group.memory.get(wide)
        if memory is None or not memory.fits(params, used):
            memory = group.memory[wide] = self._remember(group, params, used)
        kept = []
        for i, p in enumerate(params):
            g = p.grad
            if not g.flat:
                kept.append(g := g.clone())
            memory.grads[i] = g.ptr
        self._kernel[wide](memory.params, memory.grads, *memory.slots, memory.steps, memory.sizes, memory.count, group.c)

    def _remember(self, group: Group, params: list[Any], used: tuple[str, ...]) -> Memory:
        for p in params:
            if not p.flat:
                p.data = from_array(np.ascontiguousarray(p.array))
        return Memory(params, [self._state(group, p) for p in params], self._slots, used)

    def _state(self, group: Group, p: Any) -> dict[str, Any]:
        """The state of one parameter, made when it is first updated: zeros, and a count of its steps."""
        state = self.state.setdefault(p, {})
        for name in self._used(group):
            if name not in state:
                state[name] = empty(p.shape, p.dtype)
                state[name].array[...] = 0
        if "step" not in state:
            state["step"] = from_array(np.zeros((), np.int64))
        return state

    # -- saving ------------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Copies of all state, parameters numbered through all groups: {"state": {0: {...}}, "param_groups": [...]}."""
        every = [p for group in self.param_groups for p in group["params"]]
        state = {i: {k: v.clone() if v.dtype.kind == "f" else from_array(v.array.copy()) for k, v in self.state[p].items()} for i, p in enumerate(every) if p in self.state}
        groups, number = [], 0
        for group in self.param_groups:
            count = len(group["params"])
            groups.append({**{k: v for k, v in group.items() if k != "params"}, "params": list(range(number, number + count))})
            number += count
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continues from a state_dict of an optimizer with the same groups. What does not fit is an error, before
        anything has changed."""
        name = f"{type(self).__name__}.load_state_dict"
        try:
            groups, states = state_dict["param_groups"], state_dict["state"]
        except (KeyError, TypeError) as error:
            raise ValueError(message(name, "state_dict", "something else", "what state_dict() returns")) from error
        if [len(g["params"]) for g in groups] != [len(g["params"]) for g in self.param_groups]:
            got, wanted = [len(g["params"]) for g in groups], [len(g["params"]) for g in self.param_groups]
            raise ValueError(message(name, "param_groups", f"groups of {got} parameters", f"groups of {wanted}"))
        new: dict[Any, dict[str, Any]] = {}
        for mine, saved in zip(self.param_groups, groups, strict=True):
            self._check({**mine, **{k: v for k, v in saved.items() if k != "params"}})
            for number, p in zip(saved["params"], mine["params"], strict=True):
                if number in states:
                    new[p] = {k: self._loaded(name, number, k, v, p) for k, v in states[number].items()}
        for mine, saved in zip(self.param_groups, groups, strict=True):
            mine.update({k: v for k, v in saved.items() if k != "params"})
            mine.memory.clear()
        self.state = new

    @staticmethod
    def _loaded(op: str, number: int, key: str, value: Any, p: Any) -> Any:
        array = np.array(value.array if isinstance(value, Array) else value, np.int64 if key == "step" else p.dtype)
        if array.shape != (() if key == "step" else p.shape):
            raise ShapeError(message(op, f"state[{number}][{key!r}]", f"shape {array.shape}", f"the parameter's shape {p.shape}"))
        return from_array(array)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [f"Parameter Group {i}"] + [f"    {k}: {v}" for k, v in group.items() if k != "params"]
        return "\n".join([*lines, ")"])


def check_options(op: str, **tests: tuple[Any, bool, str]) -> None:
    """A ValueError for the first option whose test fails: option=(value, holds, expected)."""
    for option, (value, holds, expected) in tests.items():
        if not holds:
            raise ValueError(message(op, option, value, expected))


def unsupported(op: str, **given: Any) -> None:
    """PyTorch's switches between implementations: there is one here, so only their defaults mean something."""
    for option, value in given.items():
        if value not in (None, False) and not (option in ("fused", "foreach") and value is True):
            raise ValueError(message(op, option, value, "its default", "Updates here are always fused, and are not differentiated."))
