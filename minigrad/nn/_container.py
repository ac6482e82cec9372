"""Modules one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.errors import message
from minigrad.nn._module import Module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Sequential(Module):
    """Each module's output is the next one's input: Sequential(Linear(4, 16), ReLU(), Linear(16, 3)).

    A dict gives the modules names; else they are numbered, and so are their parameters: "0.weight".
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        named = {str(i): m for i, m in enumerate(modules)}
        if len(modules) == 1 and isinstance(modules[0], dict):
            named = modules[0]
        for name, module in named.items():
            self._place(name, module)

    def _place(self, name: str, module: Any) -> None:
        if not isinstance(module, Module):
            one_by_one = "Pass the modules one by one: Sequential(*list)."
            remedy = one_by_one if isinstance(module, (list, tuple)) else "Functions have module forms: nn.ReLU()."
            raise TypeError(message("Sequential", name, f"a {type(module).__name__}", "a Module", remedy))
        self.add_module(name, module)

    def _modules(self) -> dict[str, Module]:
        return {name: m for name, m in self.__dict__.items() if isinstance(m, Module)}

    def forward(self, x: Any) -> Any:
        """The last module's output."""
        for module in self.__dict__.values():
            if isinstance(module, Module):
                x = module(x)
        return x

    def append(self, module: Module) -> Sequential:
        """Adds a module at the end, under the next number that is free."""
        number = len(self)
        while hasattr(self, str(number)):
            number += 1
        self._place(str(number), module)
        return self

    def __len__(self) -> int:
        return len(self._modules())

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules().values())

    def __getitem__(self, index: int | slice) -> Any:
        items = list(self._modules().items())
        if isinstance(index, slice):
            return Sequential(dict(items[index]))
        if not -len(items) <= index < len(items):
            raise IndexError(message("Sequential", "index", index, f"an int from {-len(items)} to {len(items) - 1}"))
        return items[index][1]
