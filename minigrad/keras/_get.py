"""What the strings mean that stand for losses, metrics, layers' functions and optimizers."""

from __future__ import annotations

import re
from inspect import Parameter, Signature
from typing import TYPE_CHECKING

from minigrad.errors import message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, ClassVar


def lookup(kind: str, identifier: Any, table: Mapping[str, Any]) -> Any:
    """What a string stands for in a table; a class is called, and anything else that can be called is itself.
    ValueError for a name that is not there, with those that resemble it; TypeError for what is neither."""
    if isinstance(identifier, str):
        if identifier not in table:
            from difflib import get_close_matches

            near = get_close_matches(identifier.lower(), list(table), 4, 0.5) or sorted(table)
            expected, remedy = f"a name among the {kind}", f"There are {', '.join(near)}."
            raise ValueError(message(f"{kind}.get", "identifier", repr(identifier), expected, remedy))
        identifier = table[identifier]
    if not callable(identifier) and not isinstance(identifier, Configured):
        got = f"a {type(identifier).__name__}"
        raise TypeError(message(f"{kind}.get", "identifier", got, "a name, a class or what it makes"))
    return identifier() if isinstance(identifier, type) else identifier


def by_names(classes: Iterable[Any]) -> dict[str, Any]:
    """A table for `lookup`: HeNormal as "HeNormal", "he_normal" and "henormal"."""
    return {name: c for c in classes for name in (c.__name__, snake(c.__name__), c.__name__.lower())}


def snake(name: str) -> str:
    """SparseTopK as sparse_top_k."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def made(base: type[Any], name: str, doc: str, **members: Any) -> Any:
    """A class of few words."""
    return type(name, (base,), {"__doc__": doc, "__module__": base.__module__, **members})


class Configured:
    """An object that is what its options say. `_options`: their names and defaults in order, `...` for those that must
    be given; `_settle` checks them and prepares what follows from them."""

    _options: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:  # what help() and editors show
        either, none = Parameter.POSITIONAL_OR_KEYWORD, Parameter.empty
        parameters = [Parameter(name, either, default=none if v is ... else v) for name, v in cls._options.items()]
        cls.__signature__ = Signature(parameters)  # type: ignore[attr-defined]

    def __init__(self, *args: Any, **given: Any) -> None:
        op, named = type(self).__name__, {**dict(zip(self._options, args)), **given}
        if len(named) < len(args) + len(given) or not named.keys() <= self._options.keys():
            got = ", ".join([*map(repr, args), *(f"{k}={v!r}" for k, v in given.items())])
            raise TypeError(message(op, "options", got, f"each once of {', '.join(self._options) or 'none'}"))
        self._given = {**self._options, **named}
        if missing := [option for option, value in self._given.items() if value is ...]:
            raise TypeError(message(op, missing[0], "nothing", f"all of {', '.join(missing)}"))
        vars(self).update(self._given)
        self._settle()

    def _settle(self) -> None:
        """Nothing is to be checked or prepared, unless a subclass says so."""

    def get_config(self) -> dict[str, Any]:
        """The options: `cls(**config)` makes the same again."""
        return dict(self._given)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
