"""Builds docs/ops.md, the page of all ops, from their records: `make docs`, or `python docs/make_ops.py [page]`."""

from __future__ import annotations

import dis
import inspect
import re
import sys
from pathlib import Path
from textwrap import indent
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

import minigrad.nn  # noqa: F401 - the losses are declared when they are first asked for
from minigrad import _op
from minigrad.study._formulas import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

INTRODUCTION = """\
# Ops

Built from the records in [`minigrad/ops`](../minigrad/ops), [`linalg`](../minigrad/linalg) and
[`nn/ops`](../minigrad/nn/ops) by `make docs`: what users call, and the records behind it,
which are what the tape consists of. Of each: where it is found, what it computes, by what, and its derivative.

- **Names** are those of PyTorch and NumPy. What takes `dim` and `keepdim` takes `axis` and `keepdims` as well.
- **Kernel**: C functions, each of which exists as `_f32` and `_f64`; NumPy, where that computes the op; or the ops that
  the function is composed of, which carry its derivative.
- **Derivative**: for each input a formula for its gradient, of `g`, the gradient of the result, and of inputs, the result
  `out`, keywords, and `x_shape`, the shape of an input x. Formulas are made of ops, so they have derivatives themselves.
  What they call that is no op is shown above them; `sum_op` is the record sum, and so on; of other names a comment says what
  they are. An input without a formula has the derivative of the `composition`.
"""


#: Where records are declared.
HOMES = ("minigrad.ops.", "minigrad.linalg.", "minigrad.nn.ops.", "minigrad._draw", "minigrad._questions", "minigrad._stacks", "minigrad._statistics")


class Entry:
    """A function that users call, a record, or both in one."""

    def __init__(self, function: Callable[..., Any], record: _op.Op | _op.Composition | None = None) -> None:
        self.function, self.record = inspect.unwrap(function), record
        self.op = record if isinstance(record, _op.Op) else None
        self.doc = inspect.cleandoc(record.doc if record else function.__doc__ or "")
        self.places = [(space, n) for space, names in _op.surface.items() for n, f in names.items() if f is function]

    def family(self) -> str:
        """The module that it is declared in: that of the functions that were written there for it, or the one that has it."""
        written = [*self.op.vjp.values(), self.op.forward, self.op.reference, self.op.composition] if self.op else [self.function]
        homes = [f.__module__ for f in written if in_ops(f)]
        holders = (name for name, module in sys.modules.items() if name.startswith(HOMES) and self.function in vars(module).values())
        return homes[0] if homes else next(holders)

    def signature(self) -> str:
        """As one calls it, without types."""
        if self.op:
            return f"({', '.join([*self.op.inputs, *(['*', *self.op.keywords] if self.op.keywords else [])])})"
        typed = inspect.signature(self.function)
        plain = [p.replace(annotation=p.empty) for p in typed.parameters.values()]
        return str(typed.replace(parameters=plain, return_annotation=typed.empty))

    def computed(self) -> str:
        """What computes it."""
        if self.op:
            return ", ".join(f"`{n}`" for n in dict.fromkeys(kernels(self.op.forward, set()))) or "NumPy"
        found = sorted(set(ops(self.function, set())))
        return f"composition of {', '.join(f'[{n}](#op.{n})' for n in found)}" if found else "NumPy"


def in_ops(value: Any) -> bool:
    """Whether it is a function of the modules of ops."""
    return isinstance(value, FunctionType) and (value.__module__ or "").startswith(HOMES)


def named(function: Callable[..., Any]) -> dict[str, Any]:
    """What the names in a function's code stand for: variables around it, and globals."""
    codes = [function.__code__]
    for code in codes:
        codes += [c for c in code.co_consts if isinstance(c, CodeType)]
    names = [i.argval for code in codes for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_DEREF")]
    around = {n: cell.cell_contents for n, cell in zip(function.__code__.co_freevars, function.__closure__ or ())}
    known = {**function.__globals__, **around}
    return {n: known[n] for n in names if n in known}


def kernels(function: Callable[..., Any], seen: set[Any]) -> Iterator[str]:
    """The C functions that a forward calls, itself or by functions and classes of its module."""
    seen.add(function)
    for value in named(function).values():
        for one in value if isinstance(value, (tuple, list)) else (value,):
            if getattr(one, "__name__", "").startswith("mg_"):
                yield re.sub("_f(32|64)$", "", one.__name__)
            elif isinstance(one, (FunctionType, type)) and one.__module__ == function.__module__ and one not in seen:
                yield from kernels(one if isinstance(one, FunctionType) else vars(one)["__init__"], seen)


def ops(function: Callable[..., Any], seen: set[Any]) -> Iterator[str]:
    """The records that a function calls, itself or by others that are none."""
    seen.add(function)
    for value in map(inspect.unwrap, filter(callable, named(function).values())):
        if hasattr(value, "op"):
            yield value.op.name
        elif in_ops(value) and value not in seen:
            yield from ops(value, seen)


def define(function: Callable[..., Any], known: dict[str, str]) -> None:
    """Adds what a formula names and the page has nowhere else: numbers, and functions that are no ops."""
    for name, value in named(function).items():
        if hasattr(value, "op") and name.removesuffix("_op") != value.op.name:
            known.setdefault(name, f"# {name}: the record {value.op.name}")
        elif isinstance(value, (int, float)) and name not in function.__code__.co_freevars:
            known.setdefault(name, f"{name} = {value!r}")
        elif in_ops(value) and name not in known and not Entry(value).places:
            define(value, known)
            own = value.__name__
            known[name] = f"{name} = {text(value)}" if own == "<lambda>" else f"\n{text(value)}\n" + (f"{name} = {own}" if name != own else "")


def derivative(op: _op.Op) -> str:
    """The formulas as Python, with what they need in front."""
    formulas: dict[str, Any] = {**op.vjp}
    if set(op.inputs) - set(op.vjp) - set(op.nondiff):
        formulas["composition"] = op.composition
    known, shown = dict[str, str](), {}
    for name, function in formulas.items():
        define(function, known)
        given = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
        values = [f"{n} = {c.cell_contents}" for n, c in given.items() if isinstance(c.cell_contents, int)]
        shown[name] = text(function, name) + f",  # {', '.join(values)}" if values else text(function, name) + ","
        if function.__name__ != "<lambda>":
            known[function.__name__], shown[name] = f"\n{text(function)}\n", f"{function.__name__},"
    lines = [f"composition = {shown.pop('composition')[:-1]}"] if "composition" in shown else []
    if shown:
        lines += ["vjp = {", *[indent(f'"{n}": {formula}', "    ") for n, formula in shown.items()], "}"]
    return re.sub("\n{2,}", "\n\n", "\n".join([*sorted(known.values(), key=lambda t: t[0] != "#"), *lines])).strip()


def section(entry: Entry) -> Iterator[str]:
    """One entry; its anchors are all its names, and op.NAME of a record."""
    op, record = entry.op, entry.record.name if entry.record else ""
    names, places = list(dict.fromkeys(name for _, name in entry.places)), [f"{space}.{name}" for space, name in entry.places]
    yield "".join(f'<a id="{p}"></a>' for p in [*places, *([f"op.{record}"] if record else [])])
    yield f"### {', '.join(names) if names else f'{record} (record)'}\n"
    yield f"`{(names or [record])[0]}{entry.signature()}`" + (f", as {', '.join(places)}" if places else "") + "\n"
    yield re.sub(r"([*_<\[\]])", r"\\\1", entry.doc) + f"\n\nKernel: {entry.computed()}.\n"
    if op and op.nondiff:
        yield f"No derivative: {', '.join(op.nondiff)}.\n"
    if op and set(op.inputs) - set(op.nondiff):
        yield f"Derivative:\n\n```python\n{derivative(op)}\n```\n"


def page() -> Iterator[str]:
    """The page in parts: families in the order of their records, in each what users call before the rest."""
    records = {id(record.call): record for record in _op.registry.values()}
    functions = {id(f): f for names in _op.surface.values() for f in names.values()} | {i: r.call for i, r in records.items()}
    families: dict[str, list[Entry]] = {Entry(r.call, r).family(): [] for r in records.values()}
    for entry in (Entry(function, records.get(i)) for i, function in functions.items()):
        families.setdefault(entry.family(), []).append(entry)
    links = {name: f"[{name}](#{space}.{name})" for space, names in reversed(_op.surface.items()) for name in names}
    yield INTRODUCTION + "\n" + ", ".join(links[name] for name in sorted(links)) + ".\n"
    for family, members in families.items():
        yield f"## {family.rpartition('.')[2].strip('_')}\n\n{inspect.getdoc(sys.modules[family])}\n\n[Source](../{family.replace('.', '/')}.py)\n"
        for entry in sorted(members, key=lambda e: not e.places):
            yield from section(entry)


def main(arguments: Sequence[str]) -> None:
    """Writes the page where it is told to, or beside this file."""
    path = Path(arguments[0]) if arguments else Path(__file__).with_name("ops.md")
    path.write_text("\n".join(page()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
