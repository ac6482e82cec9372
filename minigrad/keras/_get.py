"""What the strings mean that stand for losses, metrics, layers' functions and optimizers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.errors import message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, ClassVar


def lookup(kind: str, identifier: Any, table: Mapping[str, Any]) -> Any:
    """What a string stands for in a table; a class is called, and anything else that can be called is itself.

    ValueError for a name that is not there, with those that resemble it; TypeError for what is neither.
    """
    op = f"{kind}.get"
    if isinstance(identifier, str):
        if identifier not in table:
            from difflib import get_close_matches

            near = get_close_matches(identifier.lower(), list(table), 4, 0.5) or sorted(table)
            remedy = f"There are {', '.join(near)}."
            raise ValueError(message(op, "identifier", repr(identifier), f"a name among the {kind}", remedy))
        identifier = table[identifier]
    found = identifier() if isinstance(identifier, type) else identifier
    if not callable(found) and not isinstance(found, Configured):
        raise TypeError(message(op, "identifier", f"a {type(found).__name__}", "a name, a class or what it makes"))
    return found


def options_of(op: str, names: Iterable[str], args: tuple[Any, ...], given: dict[str, Any]) -> dict[str, Any]:
    """Options given by position or by name, by name. TypeError for what is none of them, or comes twice."""
    names = list(names)
    found = {**dict(zip(names, args)), **given}
    if len(found) < len(args) + len(given) or not found.keys() <= set(names):
        got = ", ".join([*map(repr, args), *(f"{k}={v!r}" for k, v in given.items())])
        raise TypeError(message(op, "options", got, f"each once of {', '.join(names) or 'none'}"))
    return found


def made(base: type[Any], name: str, doc: str, **members: Any) -> Any:
    """A class of few words."""
    return type(name, (base,), {"__doc__": doc, "__module__": base.__module__, **members})


def snake(name: str) -> str:
    """`SparseTopK` as `sparse_top_k`."""
    last = len(name) - 1
    starts = [i for i in range(1, last) if name[i].isupper() and (name[i - 1].islower() or name[i + 1].islower())]
    return "".join(("_" if i in starts else "") + c.lower() for i, c in enumerate(name))


class Configured:
    """An object that is what its options say. `_options`: their names and defaults in order, `...` for those that must
    be given; `_settle` checks them and prepares what follows from them."""

    _options: ClassVar[dict[str, Any]] = {}

    def __init__(self, *args: Any, **given: Any) -> None:
        name = type(self).__name__
        self._given = {**self._options, **options_of(name, self._options, args, given)}
        if missing := [option for option, value in self._given.items() if value is ...]:
            raise TypeError(message(name, missing[0], "nothing", f"all of {', '.join(missing)}"))
        vars(self).update(self._given)
        self._settle()

    def _settle(self) -> None:
        """Nothing is to be checked or prepared, unless a subclass says so."""

    def get_config(self) -> dict[str, Any]:
        """The options: `cls(**config)` makes the same again."""
        return dict(self._given)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The object of these options."""
        return cls(**config)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
