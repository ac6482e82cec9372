"""Sequences and dicts of modules and parameters: Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict.

Each keeps its items as attributes, under the names that state_dict shows: "0", "1", ..., or the keys. A plain list or dict
of modules in an attribute is found, too; the containers also check what they are given, and print as PyTorch's do.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING

from minigrad._array import Array
from minigrad.errors import message
from minigrad.nn._module import Module, Parameter

if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterable, Iterator, KeysView, ValuesView
    from typing import Any, ClassVar


def _module(op: str, name: str, value: Any) -> Any:
    if isinstance(value, Module):
        return value
    remedies = {
        "Sequential": "Pass the modules one by one: Sequential(*list).",
        "ModuleList": "Lists of lists are ModuleLists of ModuleLists.",
    }
    remedy = remedies.get(op, "") if isinstance(value, (list, tuple)) else "Functions have module forms: nn.ReLU()."
    raise TypeError(message(op, name, f"a {type(value).__name__}", "a Module", remedy))


def _parameter(op: str, name: str, value: Any) -> Any:
    if isinstance(value, Array):
        return value if isinstance(value, Parameter) else Parameter(value)
    remedy = "Wrap it: minigrad.tensor(...)."
    raise TypeError(message(op, name, f"a {type(value).__name__}", "a Parameter, or a tensor to become one", remedy))


class _Container(Module):
    """What all of them share. `_holds` is the kind of their items, which `_checked` admits."""

    _holds: ClassVar[type] = Module

    def _named(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if isinstance(value, self._holds)}

    def _checked(self, name: Any, value: Any) -> Any:
        """The item for a value; an error if the value or its name cannot be in this container."""
        admit = _module if self._holds is Module else _parameter
        item = admit(type(self).__name__, str(name), value)
        self._check_name(type(self).__name__, name, self._holds)
        return item

    def _put(self, named: Mapping[Any, Any]) -> None:
        """Sets items by name: all of them, or none if one cannot be in this container."""
        for name, item in {name: self._checked(name, value) for name, value in named.items()}.items():
            setattr(self, name, item)

    def _remove(self, names: Iterable[str]) -> None:
        for name in list(names):
            delattr(self, name)

    def __len__(self) -> int:
        return len(self._named())

    def forward(self, *args: Any, **keywords: Any) -> Any:
        """Nothing that could be called: each item is, by the module that has the container."""
        name = type(self).__name__
        raise NotImplementedError(f"{name} has no forward(): it holds items, as a list or a dict does. Call each of them.")


# -- in a row ----------------------------------------------------------------------------------------------------------


class _Row(_Container):
    """Items by number. Inserting and deleting renumbers them."""

    def _renumber(self, values: Iterable[Any]) -> None:
        items = [self._checked(str(i), value) for i, value in enumerate(values)]
        self._remove(self._named())
        self._put({str(i): item for i, item in enumerate(items)})

    def _name_at(self, index: Any) -> str:
        names: list[str] = list(self._named())
        op = type(self).__name__
        if not hasattr(index, "__index__"):
            raise TypeError(message(op, "index", f"a {type(index).__name__}", "an int or a slice"))
        if not -len(names) <= index < len(names):
            expected = f"an int from {-len(names)} to {len(names) - 1}" if names else "none, as it is empty"
            raise IndexError(message(op, "index", index, expected))
        name: str = names[index]
        return name

    def _made_of(self, items: list[tuple[str, Any]]) -> Any:
        """The container that a slice returns: one of the same kind, renumbered."""
        return type(self)([value for _, value in items])

    def __iter__(self) -> Iterator[Any]:
        return iter(self._named().values())

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self._made_of(list(self._named().items())[index])
        return getattr(self, self._name_at(index))

    def __setitem__(self, index: int, value: Any) -> None:
        name = self._name_at(index)
        setattr(self, name, self._checked(name, value))

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._named())
        going = set(names[index] if isinstance(index, slice) else [self._name_at(index)])
        self._renumber([getattr(self, name) for name in names if name not in going])

    def append(self, value: Any) -> Any:
        """Adds an item at the end, under the next free number. Returns the container."""
        number = len(self)
        while hasattr(self, str(number)):
            number += 1
        self._put({str(number): value})
        return self

    def extend(self, values: Iterable[Any]) -> Any:
        """Adds items at the end: all of them, or none if one cannot be in this container. Returns the container."""
        if isinstance(values, Array) or not hasattr(values, "__iter__"):
            op = f"{type(self).__name__}.extend"
            raise TypeError(message(op, "values", f"a {type(values).__name__}", "a list, or another container"))
        for value in [self._checked("0", value) for value in values]:
            self.append(value)
        return self

    def insert(self, index: int, value: Any) -> Any:
        """Inserts an item before the one at an index, as in a list. Returns the container."""
        items = list(self)
        items.insert(index, value)
        self._renumber(items)
        return self

    def pop(self, index: int = -1) -> Any:
        """Takes an item away and returns it."""
        item = self[index]
        del self[index]
        return item

    def __iadd__(self, other: Iterable[Any]) -> Any:
        return self.extend(other)

    def __add__(self, other: Iterable[Any]) -> Any:
        return self._made_of(list(enumerate(self))).extend(other)  # type: ignore[arg-type]


class Sequential(_Row):
    """Each module's output is the next one's input: Sequential(Linear(4, 16), ReLU(), Linear(16, 3)).

    A dict gives the modules names; else they are numbered, and so are their parameters: "0.weight". A slice keeps the
    names, `insert` and `del` number all anew. `net * 2` is the same modules, one after the other, twice.
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        named = {str(i): m for i, m in enumerate(modules)}
        if len(modules) == 1 and isinstance(modules[0], dict):
            named = modules[0]
        self._put(named)

    def _made_of(self, items: list[tuple[str, Any]]) -> Sequential:
        return Sequential({str(name): module for name, module in items})

    def forward(self, x: Any) -> Any:
        """The last module's output."""
        for module in self.__dict__.values():
            if isinstance(module, Module):
                x = module.__call__(x)  # the type's way, slot and all, would cost 0.1 us more
        return x

    def __mul__(self, times: int) -> Sequential:
        if not hasattr(times, "__index__") or times < 1:
            raise ValueError(message("Sequential * n", "n", repr(times), "an int of at least 1"))
        return Sequential(*list(self) * times)

    __rmul__ = __mul__

    def __imul__(self, times: int) -> Sequential:
        return self.extend(list(self * times)[len(self) :])  # type: ignore[no-any-return]


class ModuleList(_Row):
    """A list of modules, whose parameters are "0.weight", "1.weight", ...: for layer in self.layers: x = layer(x)."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def __repr__(self) -> str:
        lines, first = [], 0
        for text, alike in groupby(map(repr, self)):
            last = first + len(list(alike)) - 1
            where = f"({first})" if first == last else f"({first}-{last}): {last - first + 1} x"
            lines.append(f"{where}{':' if first == last else ''} {text}".replace("\n", "\n  "))
            first = last + 1
        return "\n  ".join([f"{type(self).__name__}(", *lines]) + "\n)" if lines else f"{type(self).__name__}()"


class ParameterList(_Row):
    """A list of parameters, "0", "1", ...; tensors that are put into it become parameters on the same memory."""

    _holds = Parameter

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(() if values is None else values)

    def extra_repr(self) -> str:
        """One line for each, as PyTorch prints them."""
        return _lines(self._named())


# -- by name -----------------------------------------------------------------------------------------------------------


class _Named(_Container):
    """Items by key, in the order of insertion."""

    def __init__(self, items: Any = None) -> None:
        super().__init__()
        if items is not None:
            self.update(items)

    def __getitem__(self, key: str) -> Any:
        named = self._named()
        if key not in named:
            raise KeyError(message(type(self).__name__, "key", repr(key), f"one of {', '.join(named) or 'none'}"))
        return named[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._put({key: value})

    def __delitem__(self, key: str) -> None:
        self.pop(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._named())

    def __contains__(self, key: object) -> bool:
        return key in self._named()

    def keys(self) -> KeysView[str]:
        """The keys."""
        return self._named().keys()

    def values(self) -> ValuesView[Any]:
        """The items."""
        return self._named().values()

    def items(self) -> ItemsView[str, Any]:
        """Pairs of key and item."""
        return self._named().items()

    def clear(self) -> None:
        """Removes all items."""
        self._remove(self._named())

    def pop(self, key: str) -> Any:
        """Takes an item away and returns it; KeyError where there is none."""
        item = self[key]
        delattr(self, key)
        return item

    def update(self, items: Any) -> None:
        """Sets items from a dict, a container like this one, or pairs: all of them, or none if one cannot be in it."""
        if isinstance(items, Array) or not hasattr(items, "__iter__"):
            op = f"{type(self).__name__}.update"
            raise TypeError(message(op, "items", f"a {type(items).__name__}", "a dict, or pairs of key and item"))
        self._put(dict(items.items() if isinstance(items, (Mapping, _Named)) else items))


class ModuleDict(_Named):
    """A dict of modules, whose parameters are "key.weight", ...: self.heads["left"](x)."""


class ParameterDict(_Named):
    """A dict of parameters; tensors that are put into it become parameters on the same memory."""

    _holds = Parameter

    def get(self, key: str, default: Any = None) -> Any:
        """The parameter, or the default if there is none."""
        return self._named().get(key, default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The parameter; if there is none, the default is set and returned."""
        if key not in self:
            self[key] = default
        return self[key]

    def popitem(self) -> tuple[str, Any]:
        """Removes the last parameter and returns (key, parameter); KeyError if there is none."""
        if not len(self):
            raise KeyError(message("ParameterDict.popitem", "", "an empty ParameterDict", "at least one parameter"))
        key = list(self)[-1]
        return key, self.pop(key)

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A new ParameterDict with the default under each of the keys."""
        return ParameterDict(dict.fromkeys(keys, default))

    def copy(self) -> ParameterDict:
        """A new ParameterDict with the same parameters."""
        return ParameterDict(self)

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self))

    def __or__(self, other: Any) -> ParameterDict:
        made = self.copy()
        made.update(other)
        return made

    def __ror__(self, other: Any) -> ParameterDict:
        return ParameterDict(other) | self

    def __ior__(self, other: Any) -> ParameterDict:
        self.update(other)
        return self

    def extra_repr(self) -> str:
        """One line for each, as PyTorch prints them."""
        return _lines(self._named())


def _lines(named: Mapping[str, Any]) -> str:
    sizes = {name: "x".join(map(str, p.shape)) for name, p in named.items()}
    return "\n".join(f"  ({n}): Parameter containing: [{p.dtype} of size {sizes[n]}]" for n, p in named.items())
