"""How a record becomes the function that users call.

A generic call, which loops over inputs and builds dicts, costs more than the arithmetic of a small network. So every
record is written out as the Python function that one would write by hand for it, and compiled when it is first called.
`print(minigrad.exp.op.source)` shows it.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING

from minigrad import _shapes as shapes
from minigrad._array import Array, alias, float32, float64
from minigrad._mode import threads
from minigrad._promote import slow
from minigrad._tape import Node

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minigrad._op import Op


def source(op: Op) -> str:
    """The function of one record, which checks the inputs, runs the forward, and records a node."""
    given, indent = ", ".join(op.inputs), "    "
    named = ", ".join(f"{n}=None" if n in _left_out(op) else n for n in op.inputs)
    passed = "".join(f", {k}={k}" for k in op.keywords)
    results = ", ".join(("result", *op.aux))
    lines = [f"def {op.name}({named}{', *, ' if op.keywords else ''}{', '.join(op.keywords)}):"]
    if op.planned:
        lines += ["    try:", f"        plan = {op.planned}", "    except (AttributeError, KeyError):"]
        indent *= 2
    lines += [indent + line for line in (*_checks(op, passed), f"{results} = op.run({given}{passed})")]
    if op.planned:
        lines += ["    else:", f"        {results} = op.run_planned({', '.join(('plan', *op.inputs, *op.keywords))})"]
    return "\n".join([*lines, *_recording(op), "    return result", ""])


def _left_out(op: Op) -> tuple[str, ...]:
    """The last inputs, as far as they are optional: a call may leave them out."""
    needed = max((i for i, n in enumerate(op.inputs) if n not in op.optional), default=-1)
    return op.inputs[needed + 1 :]


def _checks(op: Op, passed: str) -> list[str]:
    """The lines that ensure that the inputs have one type and fitting shapes."""
    first, *others = [n for n in op.inputs if n not in op.integer]
    lines = [f"if not ({_ready(op, first, others)}):", f"    return slow(op, ({', '.join(op.inputs)},), dict({passed[2:]}))"]
    if op.shape is shapes.same:
        return lines
    quick = op.quick
    if op.shape is shapes.broadcast and len(op.inputs) == 2:
        quick = f"{op.inputs[0]}.shape == {op.inputs[1]}.shape"
    given = ", ".join(f"None if {n} is None else {n}.shape" if n in op.optional else f"{n}.shape" for n in op.inputs)
    unusual = [f"answer = op.unusual({', '.join(op.inputs)})", "if answer is not None:", "    return answer"]
    rule = [*(unusual if op.unusual else ()), f"op.shape({op.name!r}, {given}{passed})"]
    return [*lines, f"if not ({quick}):", *["    " + line for line in rule]] if quick else [*lines, *rule]


def _ready(op: Op, first: str, others: list[str]) -> str:
    """The test that the inputs are Arrays of one float type."""
    if not any(n in op.optional for n in others):
        arrays = " and ".join(f"isinstance({n}, Array)" for n in (first, *others))
        types = (" is ".join([f"{first}.dtype is {dtype}", *[f"{n}.dtype" for n in others]]) for dtype in _FLOAT_NAMES)
        return f"{arrays} and ({' or '.join(types)})"
    same = [f"isinstance({n}, Array) and {n}.dtype is {first}.dtype" for n in others]
    tests = [f"({n} is None or {t})" if n in op.optional else t for n, t in zip(others, same, strict=True)]
    types = (f"{first}.dtype is {dtype}" for dtype in _FLOAT_NAMES)
    return " and ".join([f"isinstance({first}, Array)", *tests, f"({' or '.join(types)})"])


_FLOAT_NAMES = ("float32", "float64")


def _recording(op: Op) -> list[str]:
    """The lines that record a node if an input wants a gradient. A value is kept if the formula of such an input names it.
    The output is kept without its history, since a reference from the node back to itself would be a cycle."""
    wanting = [i for i, rule in enumerate(op.rules) if rule is not None]
    if not wanting:
        return []
    wants = {i: f"{op.inputs[i]}.wants_grad" for i in wanting}
    for i in wanting:
        if op.inputs[i] in op.optional:
            wants[i] = f"({op.inputs[i]} is not None and {wants[i]})"
    parents = ["None"] * len(op.inputs)
    for i in wanting:
        parents[i] = f"{op.inputs[i]}.node or {op.inputs[i]}" + (
            f" if {wants[i]} else None" if len(wanting) > 1 else ""
        )
    saved = []
    for at, value in enumerate(op.values):
        needed = [i for i in wanting if at in op.needs[i]]
        sized = at >= len(op.values) - len(op.sized)
        name = "alias(result)" if at == op.out_at else value.removesuffix("_shape") + ".shape" if sized else value
        condition = "" if len(needed) == len(wanting) else f" if {' or '.join(wants[i] for i in needed)} else None"
        saved.append(f"{name}{condition}" if needed else "None")
    return [
        f"    if ({' or '.join(wants.values())}) and threads.mode.on:",
        "        result.wants_grad = True",
        f"        result.node = Node().record(op, ({', '.join(parents)},), ({', '.join(saved)},), result)",
    ]


def _first_call(*inputs: Any, **keywords: Any) -> Any:
    """Stands in for an op's function until that is compiled; `op` and `compile_op` are among its globals."""
    return compile_op(op)(*inputs, **keywords)  # type: ignore[name-defined]  # noqa: F821


def function_of(op: Op) -> Callable[..., Any]:
    """A function that turns into the compiled one at its first call, in place, so that every reference to it benefits."""
    names = {
        "Array": Array,
        "Node": Node,
        "alias": alias,
        "float32": float32,
        "float64": float64,
        "threads": threads,
        "op": op,
        "slow": slow,
        "compile_op": compile_op,
    }
    call = FunctionType(_first_call.__code__, names, argdefs=(None,) * len(_left_out(op)))
    call.__name__ = call.__qualname__ = op.name
    call.__doc__ = op.doc
    call.op = op  # type: ignore[attr-defined]
    return call


def compile_op(op: Op) -> Callable[..., Any]:
    """Writes out the function of a record, which has its signature from then on."""
    names: dict[str, Any] = {}
    exec(compile(source(op), f"<op {op.name}>", "exec"), names)
    op.call.__code__ = names[op.name].__code__
    return op.call
