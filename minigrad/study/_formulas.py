"""The derivatives in the records as text: the lambdas themselves, with what stands for their parameters on a tape."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from pathlib import Path
from textwrap import dedent, indent
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minigrad._listing import Step


@cache
def lambdas(path: str) -> tuple[str, list[tuple[ast.Lambda, Any]]]:
    """A file, and its lambdas, each with the key that it has in a dict."""
    source = Path(path).read_text(encoding="utf-8")
    nodes = list(ast.walk(ast.parse(source)))
    keys = {v: getattr(k, "value", None) for node in nodes if isinstance(node, ast.Dict) for k, v in zip(node.keys, node.values)}
    return source, [(node, keys.get(node)) for node in nodes if isinstance(node, ast.Lambda)]


def text(function: Callable[..., Any], key: str | None = None) -> str:
    """The source of a function. Of several lambdas in a line it is the one with these parameters, under this key."""
    if function.__name__ != "<lambda>":
        return dedent(inspect.getsource(function)).replace("  # fmt: skip", "").rstrip()
    path, line, parameters = function.__code__.co_filename, function.__code__.co_firstlineno, [*inspect.signature(function).parameters]
    source, found = lambdas(path)
    texts = {
        ast.get_source_segment(source, node) or ""
        for node, name in found
        if node.lineno == line and name in (None, key) and [a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)] == parameters
    }
    if len(texts) != 1:
        raise LookupError(f"{path}:{line}: {len(texts)} lambdas could be the formula of {key}")
    first, *more = texts.pop().splitlines()
    return "\n".join([first, *indent(dedent("\n".join(more)), "    ").splitlines()])


def formula(step: Step, position: int) -> str:
    """The gradient towards one input of a step, in its labels: "mul(g, w)", where g is the gradient of the result."""
    op = step.node.op
    if not op.inputs:  # a Function
        return f"{op.name}.backward(g)"
    name = op.inputs[position]
    function = op.vjp.get(name)
    if function is None:
        return f"as of the ops that {op.name} is composed of"
    stand_ins = _stand_ins(step)
    parameters = list(inspect.signature(function).parameters)
    try:
        body = ast.parse(text(function, name), mode="eval").body if function.__name__ == "<lambda>" else None
    except (LookupError, OSError):  # declared where its source is not at hand
        body = None
    if not isinstance(body, ast.Lambda):
        return f"{function.__name__.strip('_<>')}({', '.join(stand_ins.get(p, p) for p in parameters)})"
    around = dict(zip(function.__code__.co_freevars, [cell.cell_contents for cell in function.__closure__ or ()]))
    known = {**{n: repr(v) for n, v in around.items() if isinstance(v, (int, float, str))}, **stand_ins}
    for node in ast.walk(body.body):
        if isinstance(node, ast.Name):
            node.id = known.get(node.id, node.id.removesuffix("_op").lstrip("_"))
    return re.sub(r"\s+", " ", ast.unparse(body.body))


def _stand_ins(step: Step) -> dict[str, str]:
    """What the parameters of a step's formulas are called there."""
    op, saved = step.node.op, step.node.saved
    names = {**dict(zip(op.inputs, step.inputs)), "out": f"#{step.number}"}
    for name, parent in zip(op.inputs, step.node.parents):
        if names[name] == "-":  # no gradient goes there, but its numbers are read
            read = saved[op.values.index(name)] if isinstance(saved, tuple) else None
            names[name] = f"{read.array.item():.6g}" if isinstance(read, Array) and read.count == 1 else name
        if parent is not None:
            names[f"{name}_shape"] = str(tuple(parent.shape))
    for name in op.keywords:
        if isinstance(saved, tuple) and name in op.values and saved[op.values.index(name)] is not None:
            names[name] = repr(saved[op.values.index(name)])
    return names


def shown(x: Any) -> str:
    """A tensor in a line: its numbers if they are few, else their size and length."""
    if x.count <= 6:
        return " ".join(np.array2string(x.array, precision=4, separator=", ").split())
    norm = float(np.sqrt(np.sum(np.square(x.array, dtype=np.float64))))
    return f"{x.shape}, norm {norm:.4g}"
