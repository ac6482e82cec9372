"""The module: a function with parameters, which are found anywhere in its attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _array, _writes
from minigrad._array import Array, alias, canonical
from minigrad._device import require_cpu, wanted_dtype
from minigrad._tensor import Tensor
from minigrad.errors import DTypeError, MinigradError, message
from minigrad.nn import _hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from minigrad._hooks import Handle


class Parameter(Tensor):
    """A leaf that a module trains: `self.scale = nn.Parameter(mg.ones(3))`. It requires a gradient by default."""

    __slots__ = ()

    def __new__(cls, data: Any, requires_grad: bool = True) -> Parameter:
        """Wraps a tensor's numbers without copying them."""
        if not isinstance(data, Array):
            remedy = "Wrap it: minigrad.tensor(...)."
            raise DTypeError(message("Parameter", "data", f"a {type(data).__name__}", "a tensor", remedy))
        made = object.__new__(cls)
        same = alias(data)
        for slot in ("array", "dtype", "flat", "pool", "ptr", "shape"):
            setattr(made, slot, getattr(same, slot))
        made.node = made.received = None
        made.requires_grad = requires_grad
        return made

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        """All is done in __new__."""

    def _like(self, array: Any) -> Parameter:
        return Parameter(_array.from_array(array), self.requires_grad)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.array, self.requires_grad)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


def _restore(array: Any, requires_grad: bool) -> Parameter:
    return Parameter(_array.from_array(array), requires_grad)


class LoadError(MinigradError, RuntimeError, ValueError):
    """A state dict that does not fit the module."""


class _Keys(tuple):  # type: ignore[type-arg]
    """The names that load_state_dict did not find (missing) or did not know (unexpected)."""

    __slots__ = ()

    @property
    def missing_keys(self) -> list[str]:
        """Names of the module that the dict lacks."""
        return self[0]  # type: ignore[no-any-return]

    @property
    def unexpected_keys(self) -> list[str]:
        """Names of the dict that the module lacks."""
        return self[1]  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        if not self[0] and not self[1]:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self[0]}, unexpected_keys={self[1]})"


#: Where the classes are whose arguments are options. (Containers take what they contain, and what they say is theirs.)
_OPTIONED = {f"minigrad.nn._{name}" for name in ("activation", "dropout", "embedding", "linear", "loss", "margins", "norm", "piecewise")}

#: How often an attribute of a module has been set or deleted: programs look at this before they look at each module.
changes = 0


class Module:
    """A function with parameters. Subclass it, build layers in __init__, compute in forward.

    Parameters and modules are found in attributes, also within lists, tuples and dicts, by searching when they are asked
    for: nothing needs to be registered, and what you assign later is found, too.
    """

    training: bool = True
    #: The argument of a layer that is no tensor: the first, or what follows the weight of a loss.
    _first_option = 0

    if not TYPE_CHECKING:  # a checker reads __init__

        def __new__(cls, *args: Any, **keywords: Any) -> Any:
            """Refuses nn.ReLU(x) and nn.MSELoss(y, target), where nn.ReLU()(x) and nn.MSELoss()(y, target) are meant."""
            first = args[cls._first_option : cls._first_option + 1]
            if first and isinstance(first[0], Array) and cls.__module__ in _OPTIONED:
                call = f"nn.{cls.__name__}()({'input, target' if cls.__name__.endswith('Loss') else 'x'})"
                remedy = f"Make it first, with its options if it has any, then call it: {call}."
                raise TypeError(message(cls.__name__, "", "a tensor", "options", remedy))
            return super().__new__(cls)

    def __init__(self, *args: Any, **keywords: Any) -> None:
        if args or keywords:
            raise TypeError(f"{type(self).__name__}: Module.__init__ takes no arguments, got {(*args, *keywords)}.")

    def forward(self, *args: Any, **keywords: Any) -> Any:
        """What the module computes; every subclass writes its own."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(): define `def forward(self, x): ...` in it.")

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if "_hooks" in self.__dict__:
            return _hooks.call(self, args, keywords)
        if not keywords:  # a call with stars starts another loop of the interpreter, at the expense of a small layer
            if len(args) == 1:
                return self.forward(args[0])
            if len(args) == 2:
                return self.forward(args[0], args[1])
        return self.forward(*args, **keywords)

    # -- hooks ---------------------------------------------------------------------------------------------------------

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Calls hook(module, args) before forward; unless it returns None, its result replaces the arguments. with_kwargs:
        hook(module, args, keywords), which returns both. Returns a handle with remove()."""
        return _hooks.register(self, "before", hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> Handle:
        """Calls hook(module, args, output) after forward; unless it returns None, its result replaces the output.
        with_kwargs: hook(module, args, keywords, output). always_call: also if forward raised, with None as the output."""
        return _hooks.register(self, "after", hook, prepend, with_kwargs, always_call)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Calls hook(module, grad_output) when the gradients of the outputs, a tuple, are known. A tuple that it returns
        replaces them."""
        return _hooks.register(self, "backward_before", hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Calls hook(module, grad_input, grad_output) when the gradients of the positional inputs are known: tuples, with
        None where no gradient is needed. A tuple that it returns replaces grad_input."""
        return _hooks.register(self, "backward", hook, prepend)

    # -- finding parameters --------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        global changes
        changes += 1
        plain = isinstance(value, Array) and not isinstance(value, Parameter)
        if plain and isinstance(self.__dict__.get(name), Parameter):
            remedy = f"Write nn.Parameter(tensor), or copy the numbers: with no_grad(): module.{name}.copy_(tensor)."
            raise TypeError(message(type(self).__name__, name, "a plain tensor", "an nn.Parameter or None", remedy))
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        global changes
        changes += 1
        super().__delattr__(name)

    def _children(self) -> Iterator[tuple[str, Any]]:
        """Parameters, buffers and modules among the attributes, by dotted name."""
        buffers = self.__dict__.get("_buffers", ())
        pending = [(name, value) for name, value in self.__dict__.items() if name != "_buffers"]
        pending.reverse()
        while pending:
            name, value = pending.pop()
            if isinstance(value, (Module, Parameter)) or (isinstance(value, Array) and name in buffers):
                yield name, value
            elif isinstance(value, (list, tuple)):
                pending += reversed([(f"{name}.{i}", v) for i, v in enumerate(value)])
            elif isinstance(value, dict):
                pending += reversed([(f"{name}.{k}", v) for k, v in value.items()])

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Adds a tensor that is saved with the module (if persistent) but not trained; None reserves the name for one."""
        self._check_name("register_buffer", name, Array)
        if tensor is not None and not isinstance(tensor, Array):
            remedy = "Wrap it: minigrad.tensor(...)."
            raise TypeError(message("register_buffer", name, f"a {type(tensor).__name__}", "a tensor or None", remedy))
        self.__dict__.setdefault("_buffers", {})[name] = persistent
        setattr(self, name, tensor)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """The same as assigning the attribute, with the name and the kind checked."""
        self._check_name("register_parameter", name, Parameter)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(message("register_parameter", name, f"a {type(param).__name__}", "an nn.Parameter or None"))
        setattr(self, name, param)

    def add_module(self, name: str, module: Module | None) -> None:
        """The same as assigning the attribute, with the name and the kind checked."""
        self._check_name("add_module", name, Module)
        if module is not None and not isinstance(module, Module):
            raise TypeError(message("add_module", name, f"a {type(module).__name__}", "a Module or None"))
        setattr(self, name, module)

    def _check_name(self, op: str, name: Any, kind: type) -> None:
        """Refuses a name that cannot be an attribute's, or that means something else already."""
        if not isinstance(name, str) or not name or "." in name:
            raise TypeError(message(op, "name", repr(name), "a string without dots"))
        taken = getattr(self, name, None)
        if taken is not None and not isinstance(taken, kind):
            raise KeyError(message(op, "name", repr(name), f"a name that {type(self).__name__} has no other use for"))

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """(name, module) of this module and all within it, outermost first; a shared one once, or under each of its names."""
        seen: set[int] = set()
        pending: list[tuple[str, Module, tuple[int, ...]]] = [(prefix, self, ())]
        while pending:
            name, module, outer = pending.pop()
            if id(module) in (seen if remove_duplicate else outer):
                continue
            seen.add(id(module))
            yield name, module
            outer = (*outer, id(module))
            inner = [(f"{name}.{n}" if name else n, m, outer) for n, m in module._children() if isinstance(m, Module)]
            pending += reversed(inner)

    def modules(self) -> Iterator[Module]:
        """The module itself and all within it."""
        return (m for _, m in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly within this one; a shared one once."""
        seen: set[int] = set()
        for name, module in self._children():
            if isinstance(module, Module) and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules directly within this one; a shared one once."""
        return (m for _, m in self.named_children())

    def get_submodule(self, target: str) -> Module:
        """The module with a dotted name, as in named_modules: "encoder.0"; "" for this one. AttributeError if there is none."""
        return self._get("get_submodule", target, self.named_modules(remove_duplicate=False), "module")  # type: ignore[no-any-return]

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with a dotted name, as in named_parameters: "encoder.0.weight". AttributeError if there is none."""
        return self._get("get_parameter", target, self.named_parameters(remove_duplicate=False), "parameter")  # type: ignore[no-any-return]

    def get_buffer(self, target: str) -> Any:
        """The buffer with a dotted name, as in named_buffers: "norm.running_mean". AttributeError if there is none."""
        return self._get("get_buffer", target, self.named_buffers(remove_duplicate=False), "buffer")

    def _get(self, op: str, target: str, named: Iterator[tuple[str, Any]], kind: str) -> Any:
        found = dict(named)
        if target in found:
            return found[target]
        names = ", ".join(repr(name) for name in found if name) or "none"
        raise AttributeError(message(op, "target", repr(target), f"a {kind} of {type(self).__name__}: {names}"))

    def _tensors(
        self, prefix: str, recurse: bool, wanted: Callable[[Module, str, Any], bool], once: bool
    ) -> Iterator[tuple[str, Any]]:
        """(name, tensor) for those that are `wanted`, module by module; `once`: a shared one only under its first name."""
        seen: set[int] = set()
        for path, module in self.named_modules(prefix, once) if recurse else ((prefix, self),):
            for name, value in module._children():
                if isinstance(value, Array) and wanted(module, name, value) and not (once and id(value) in seen):
                    seen.add(id(value))
                    yield (f"{path}.{name}" if path else name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(name, parameter) of all parameters; a shared one once, or under each of its names."""
        return self._tensors(prefix, recurse, lambda m, n, v: isinstance(v, Parameter), remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters: what an optimizer takes."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """(name, tensor) of all buffers; a shared one once, or under each of its names."""
        return self._tensors(prefix, recurse, lambda m, n, v: not isinstance(v, Parameter), remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Any]:
        """All buffers."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    # -- modes ---------------------------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Module:
        """Sets this module and all within it to training mode, in which dropout is active."""
        if not isinstance(mode, bool):
            raise ValueError(message("train", "mode", f"{mode!r}", "True or False"))
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Sets this module and all within it to evaluation mode, in which dropout passes everything."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Makes all parameters trainable, or freezes them."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clears the gradients of all parameters."""
        for p in self.parameters():
            p.grad = None if set_to_none or p.grad is None else _array.from_array(np.zeros(p.shape, p.dtype))

    def apply(self, fn: Callable[[Module], Any]) -> Module:
        """Calls fn on every module within, then on this one: `net.apply(init_weights)`."""
        seen: set[int] = set()
        pending: list[tuple[Module, bool]] = [(self, False)]
        while pending:
            module, inner_done = pending.pop()
            if inner_done:
                fn(module)
            elif id(module) not in seen:
                seen.add(id(module))
                pending.append((module, True))
                pending += reversed([(m, False) for m in module.children()])
        return self

    def to(self, *wanted: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False) -> Module:
        """Converts all floating parameters and buffers to another element type. A device may be named if it is the CPU,
        where non_blocking has no effect; DeviceError for any other.

        A parameter stays the same object, with other memory; a buffer becomes another tensor. Do this before creating an
        optimizer, whose state has the type that the parameters had then.
        """
        dtype = wanted_dtype("Module.to", wanted, dtype, device)
        if dtype is not None:
            real = canonical(dtype, "Module.to")
            if real.kind != "f":
                raise DTypeError(message("Module.to", "dtype", real, "float32 or float64"))
            self._convert(real)
        return self

    def _convert(self, real: np.dtype[Any]) -> None:
        for p in self.parameters():
            if p.dtype.kind == "f" and p.dtype is not real:
                p.data = _array.duplicate(p.array.astype(real))
                p.grad = None if p.grad is None else p.grad.to(real)
        for module in self.modules():
            for name in module.__dict__.get("_buffers", ()):
                t = getattr(module, name)
                if t is not None and t.dtype.kind == "f":
                    setattr(module, name, t.to(real))

    def cpu(self) -> Module:
        """Returns the module itself: everything is on the CPU."""
        return self

    def cuda(self, device: Any = None) -> Module:
        """DeviceError: everything is on the CPU."""
        require_cpu("Module.cuda", "cuda" if device is None else device)
        return self

    def float(self) -> Module:
        """Converts all parameters to float32."""
        return self.to(_array.float32)

    def double(self) -> Module:
        """Converts all parameters to float64."""
        return self.to(_array.float64)

    # -- saving --------------------------------------------------------------------------------------------------------

    def _saved(self) -> Iterator[tuple[str, Any]]:
        """(name, tensor) of what is saved: the parameters of each module, then its buffers, in PyTorch's order."""
        for path, module in self.named_modules(remove_duplicate=False):
            persistent = module.__dict__.get("_buffers", {})
            own = [(n, v) for n, v in module._children() if isinstance(v, Parameter) or persistent.get(n)]
            for name, value in sorted(own, key=lambda pair: not isinstance(pair[1], Parameter)):
                yield (f"{path}.{name}" if path else name), value

    def state_dict(self) -> dict[str, Any]:
        """{name: tensor} of all parameters and buffers; the tensors share memory with the module's. minigrad.save writes it,
        with names and a layout that PyTorch modules of the same architecture can load."""
        return {name: t.detach() for name, t in self._saved()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> _Keys:
        """Copies numbers by name. Missing or unexpected names (if strict) and wrong shapes raise one error that lists all of
        them, before anything has changed. assign: takes over the arrays themselves, with their type, instead of copying."""
        if not hasattr(state_dict, "keys"):
            got = f"a {type(state_dict).__name__}"
            raise TypeError(message("load_state_dict", "state_dict", got, "a dict of tensors by name"))
        mine = dict(self._saved())
        missing, unexpected = [n for n in mine if n not in state_dict], [n for n in state_dict if n not in mine]
        problems = []
        if strict and missing:
            problems.append(f"Missing key(s): {', '.join(missing)}")
        if strict and unexpected:
            problems.append(f"Unexpected key(s): {', '.join(map(str, unexpected))}")
        found = {name: state_dict[name] for name in mine if name in state_dict}
        problems += [f"{name}: {why}" for name, value in found.items() if (why := _misfit(mine[name], value, assign))]
        if problems:
            hint = _hint(mine, state_dict)
            raise LoadError(f"load_state_dict: the dict does not fit {type(self).__name__}. {'; '.join(problems)}.{hint}")
        for name, value in found.items():
            array = _saved_array(value)
            if assign:
                mine[name].data = _array.from_array(array)
            else:
                np.copyto(mine[name].array, array, casting="same_kind")
                _writes.note(mine[name].array, "load_state_dict")
        return _Keys((missing, unexpected))

    # -- printing ------------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What repr shows between the parentheses, besides the modules within."""
        return ""

    def __repr__(self) -> str:
        name, extra = type(self).__name__, self.extra_repr()
        inner = [f"({n}): {m!r}" for n, m in self._children() if isinstance(m, Module)]
        if not inner and "\n" not in extra:
            return f"{name}({extra})"
        body = "\n".join([*([extra] if extra else []), *inner]).replace("\n", "\n  ")
        return f"{name}(\n  {body}\n)"


def _hint(mine: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """The remedy if the right dict is there, but nested or renamed; else ""."""
    for name, value in given.items():
        if hasattr(value, "keys") and set(value) == set(mine):
            return f" Its entry {name!r} does: pass state_dict[{name!r}]."
    prefix = next((name.partition(".")[0] + "." for name in given if isinstance(name, str) and "." in name), "")
    if prefix and {f"{prefix}{name}" for name in mine} == set(given):
        bare = f"{{name.removeprefix({prefix!r}): t for name, t in state_dict.items()}}"
        return f" All its names begin with {prefix!r}, as of a module around this one: pass {bare}."
    return ""


def _saved_array(value: Any) -> np.ndarray[Any, Any]:
    return value.array if isinstance(value, Array) else np.asarray(value)


def _misfit(mine: Array, value: Any, assign: bool) -> str:
    """Why a saved value cannot replace a tensor; "" if it can."""
    if not isinstance(value, Array) and not hasattr(value, "__array__"):
        return f"got a {type(value).__name__}, expected a tensor"
    array = _saved_array(value)
    if array.shape != mine.shape:
        return f"got shape {array.shape}, expected {mine.shape}"
    fits = array.dtype.kind == mine.dtype.kind if assign else np.can_cast(array.dtype, mine.dtype, "same_kind")
    return "" if fits else f"got dtype {array.dtype}, expected {mine.dtype}"
