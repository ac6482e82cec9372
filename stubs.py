"""Writes down, for editors and type checkers, what is filled in at run time: the functions of `minigrad` and the methods of
Tensor, which come from their records. setup.py runs it; the files are not kept in the repository.

The sources are read, not run: a build has neither NumPy nor the extension yet.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parent / "minigrad"
#: Where most ops are found; `minigrad._op` says so, too.
EVERYWHERE = "minigrad Tensor"
HEAD = '''"""Written by stubs.py from the records; changes here are lost."""

from collections.abc import Callable, Sequence
from typing import Any

from minigrad._array import float64
from minigrad._tensor import Tensor
from minigrad._generator import Generator
from minigrad.ops.reduce import Extrema

Array = Tensor
Dims = int | Sequence[int] | None
Function = Callable[..., Any]
'''


class Signature(NamedTuple):
    """The parameters as written, what is returned, and the first sentences of the doc."""

    parameters: str
    returns: str
    doc: str


class Reader:
    """The functions that a module of records declares, and the names under which it offers them."""

    def __init__(
        self, path: Path, known: dict[str, Signature], constants: dict[str, str], helpers: dict[str, Signature]
    ) -> None:
        self.known, self.constants, self.helpers = known, constants, helpers
        self.offered: list[tuple[str, str, Signature]] = []
        for node in ast.parse(path.read_text()).body:
            self.read(node)

    def read(self, node: ast.stmt) -> None:
        """One statement of the module."""
        if isinstance(node, ast.FunctionDef):
            self.define(node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            several = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
            for one, value in zip(target.elts, node.value.elts) if several else ((target, node.value),):
                if isinstance(one, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                    self.constants[one.id] = value.value
            if isinstance(target, ast.Name) and isinstance(node.value, ast.Call):
                self.assign(target.id, node.value)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Call):
            offer = node.value.func  # public("names", spaces)(function)
            if called(offer) == "public" and isinstance(node.value.args[0], ast.Name):
                self.offer(offer, self.known[node.value.args[0].id])

    def define(self, node: ast.FunctionDef) -> None:
        """A function, maybe decorated with public or composed; or a helper that declares ops of one kind."""
        signature = signature_of(node)
        self.known[node.name] = signature
        inner = [n for n in ast.walk(node) if isinstance(n, ast.FunctionDef) and n is not node]
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and called(call) == "defop" and any(k.arg == "names" for k in call.keywords):
                self.helpers[node.name] = of_record(self.text(call.args[1]), "")
            elif isinstance(call, ast.Call) and called(call) == "composed" and inner:
                self.helpers[node.name] = signature_of(inner[-1])
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and called(decorator) in ("public", "composed"):
                self.offer(decorator, signature, node.name if called(decorator) == "composed" else "")

    def assign(self, name: str, call: ast.Call) -> None:
        """name = defop(...), or a helper that calls defop with the names as its first argument."""
        given = {k.arg: k.value for k in call.keywords}
        helper = self.helpers.get(called(call))
        if called(call) == "defop":
            self.known[name] = of_record(*[self.text(text) if text else "" for text in (call.args[1], given.get("doc"), given.get("optional"))])
            if "names" in given:
                self.offered_as(self.text(given["names"]), self.spaces(given.get("spaces")), self.known[name])
        elif helper is not None:
            texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            self.known[name] = helper._replace(doc=max(texts[1:], key=len, default=""))
            self.offered_as(texts[0], EVERYWHERE, self.known[name])

    def offer(self, call: ast.Call, signature: Signature, name: str = "") -> None:
        """What a decorator says: public(names, spaces), or composed(..., also=, spaces=) under the function's own name."""
        given = {k.arg: k.value for k in call.keywords}
        if name:
            names, spaces = f"{name} {self.text(given.get('also'))}", self.spaces(given.get("spaces"))
        else:
            names, spaces = self.text(call.args[0]), self.spaces(call.args[1] if len(call.args) > 1 else given.get("spaces"))
        self.offered_as(names, spaces, signature)

    def offered_as(self, names: str, spaces: str, signature: Signature) -> None:
        """Notes every name in every space."""
        for space in spaces.split():
            self.offered += [(space, name, signature) for name in names.split()]

    def spaces(self, node: ast.expr | None) -> str:
        """Where something is offered: everywhere, unless it says so."""
        return EVERYWHERE if node is None else self.text(node)

    def text(self, node: ast.expr | None) -> str:
        """A string, or a constant that holds one."""
        if isinstance(node, ast.Name):
            return self.constants.get(node.id, "")
        if isinstance(node, ast.JoinedStr):
            return "".join(self.text(v.value if isinstance(v, ast.FormattedValue) else v) for v in node.values)
        return ast.literal_eval(node) if isinstance(node, ast.Constant) else ""


def called(call: ast.Call) -> str:
    """The name of what is called."""
    return call.func.id if isinstance(call.func, ast.Name) else ""


def signature_of(node: ast.FunctionDef) -> Signature:
    """A function's own; what comes back as Any is a tensor."""
    returns = ast.unparse(node.returns) if node.returns else "Any"
    return Signature(ast.unparse(node.args), re.sub(r"\bAny\b", "Tensor", returns), ast.get_docstring(node) or "")


def of_record(signature: str, doc: str, optional: str = "") -> Signature:
    """The parameters of an op: inputs before the bar, keywords behind it; the optional inputs, which come last, may be left out."""
    inputs, _, keywords = (part.strip() for part in signature.partition("|"))
    given = [f"{name.strip()}: Any{' = None' * (name.strip() in optional.split())}" for name in inputs.split(",")]
    return Signature(", ".join([*given, *(["*", *(f"{k.strip()}: Any" for k in keywords.split(","))] if keywords else [])]), "Tensor", doc)


def offered() -> dict[str, dict[str, Signature]]:
    """{space: {name: signature}} of all records, in the order in which the modules build on each other."""
    known: dict[str, Signature] = {}
    constants = {"EVERYWHERE": EVERYWHERE}
    helpers: dict[str, Signature] = {}
    found: dict[str, dict[str, Signature]] = {}
    folders = ("ops", "linalg", "nn/ops")
    paths = [path for folder in folders for path in sorted((PACKAGE / folder).glob("*.py"))] + [PACKAGE / f"_{name}.py" for name in ("draw", "questions", "stacks", "statistics")]
    for _ in range(2):  # a module may offer what another defines: by the second round all is known
        for path in paths:
            for space, name, signature in Reader(path, known, constants, helpers).offered:
                found.setdefault(space, {})[name] = signature
    return found


def function(name: str, signature: Signature, indent: str = "") -> str:
    """A function of a stub file; in a class its first parameter becomes self."""
    parameters = signature.parameters
    if indent:
        parameters = re.sub(r"^\w+(: [^,]*)?", "self", parameters) or "self"
    doc = " ".join(signature.doc.split()).replace('"""', "").replace("\\", "\\\\")
    return f'{indent}def {name}({parameters}) -> {signature.returns}:\n{indent}    """{doc}"""\n'


def in_place() -> list[str]:
    """The names of the methods that also exist with an underscore."""
    for node in ast.parse((PACKAGE / "_inplace.py").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "METHODS":
            return str(ast.literal_eval(node.value)).split()
    raise LookupError("minigrad/_inplace.py has no METHODS")


def write() -> None:
    """The two stub files, beside the modules that they describe."""
    spaces = offered()
    functions = [function(name, s) for name, s in sorted(spaces["minigrad"].items())]
    of_tensor = spaces["Tensor"]
    of_tensor |= {f"{name}_": of_tensor[name]._replace(doc=f"{name}, written into the tensor itself.") for name in in_place()}
    methods = [function(name, s, "    ") for name, s in sorted(of_tensor.items())]
    names = f"\n__all__ = {sorted(spaces['minigrad'])}\n\n"
    (PACKAGE / "_functions.pyi").write_text(HEAD + names + "\n".join(functions))
    (PACKAGE / "_methods.pyi").write_text(HEAD + "\nclass Methods:\n    __slots__ = ()\n\n" + "\n".join(methods))


if __name__ == "__main__":
    write()
