"""The record: everything there is to know about an op, in one declaration.

`defop` checks the record at import and returns the function that users call. Tests, benchmarks and docs walk
`registry`, so an op cannot exist without a reference, samples, a derivative (or the word that it has none) and prose.
"""

from __future__ import annotations

from contextlib import contextmanager
from math import copysign
from threading import Lock
from types import FunctionType
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import Array, alias, bool_, float32, float64, from_array, int64
from minigrad._tape import Node, mode, propagate
from minigrad.errors import DTypeError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    #: What defop returns: the inputs positional, the keywords by name.
    Function = Callable[..., Any]

registry: dict[str, Op] = {}
backend_name = "c"


class Op:
    """One record. The fields below `defop`'s arguments are derived from them.

    values   what a formula may name, in order: inputs, out, auxiliary outputs, keywords, and INPUT_shape for those
             formulas that need an input's shape alone
    rules    for each input, its formula as f(g, saved), or None
    needs    for each input, the positions in `values` that its formula names
    """

    __slots__ = (
        "aux", "call", "composition", "doc", "forward", "inputs", "integer", "joint", "joint_kernel", "keeps_out", "keywords", "kind", "name",
        "needs", "nondiff", "optional", "out_at", "planned", "planned_kernel", "quick", "reference", "rules", "run", "run_planned",
        "samples", "shape", "sized", "unusual", "values", "vjp",
    )  # fmt: skip

    name: str
    inputs: tuple[str, ...]
    keywords: tuple[str, ...]
    aux: tuple[str, ...]
    integer: tuple[str, ...]
    optional: tuple[str, ...]
    quick: str
    planned: str
    planned_kernel: Callable[..., Any] | None
    run_planned: Callable[..., Any]
    unusual: Callable[..., Any] | None
    nondiff: tuple[str, ...]
    kind: str
    forward: Callable[..., Any]
    run: Callable[..., Any]
    shape: Callable[..., Any]
    vjp: dict[str, Callable[..., Any]]
    composition: Callable[..., Any] | None
    call: Callable[..., Any]
    reference: Callable[..., Any]
    samples: Callable[[], Sequence[Any]]
    doc: str
    values: tuple[str, ...]
    sized: tuple[int, ...]
    rules: tuple[Callable[[Any, tuple[Any, ...]], Any] | None, ...]
    joint: Callable[[Any, tuple[Any, ...], tuple[Any, ...]], tuple[Any, ...]] | None
    joint_kernel: Callable[[Any, tuple[Any, ...], tuple[Any, ...]], tuple[Any, ...]] | None
    needs: tuple[tuple[int, ...], ...]
    keeps_out: bool
    out_at: int

    @property
    def source(self) -> str:
        """The Python function that this record is compiled to."""
        return _source(self)

    def __repr__(self) -> str:
        return f"<op {self.name}({', '.join(self.inputs + self.keywords)})>"


def defop(
    name: str,
    signature: str,
    *,
    forward: Callable[..., Any],
    shape: Callable[..., Any],
    reference: Callable[..., Any],
    samples: Callable[[], Sequence[Any]],
    doc: str,
    vjp: dict[str, Callable[..., Any]] | None = None,
    composition: Callable[..., Any] | None = None,
    nondiff: str = "",
    aux: str = "",
    joint: Callable[..., Any] | None = None,
    integer: str = "",
    optional: str = "",
    quick: str = "",
    planned: tuple[str, Callable[..., Any]] | None = None,
    unusual: Callable[..., Any] | None = None,
    kind: str = "same",
) -> Callable[..., Any]:
    """Declares an op and returns the function that calls it.

    signature    "x, y | dim, keepdim": inputs before the bar, keywords behind it
    forward      arrays in, array out (with the auxiliary outputs, a tuple); keywords as such
    shape        rule(name, *shapes, **keywords): raises where they do not fit
    vjp          for each input its derivative: a function whose first parameter is g, the cotangent of the output,
                 and whose other parameters name what it needs; those alone are kept
    composition  the same op in terms of others: it gives the derivative of inputs that vjp leaves out
    joint        all gradients at once, by a kernel: a function of g, of the inputs' parents on the tape (None where no
                 gradient is wanted), and of what it needs (None for what was not kept); used where the backward pass
                 is not recorded itself
    nondiff      inputs that have no derivative: integers, or steps
    integer      inputs that are indices or conditions, and keep their type
    optional     inputs that may be None
    quick        an expression in the inputs: where it holds, the shapes fit, and the shape rule need not be called
    planned      an expression in the inputs for what `forward` remembered of such operands, an AttributeError or KeyError
                 where it has seen none, and the kernel that takes it before the inputs: no checks, no shapes. An
                 elementwise kernel brings its own.
    unusual      asked first where quick does not hold: a function of the inputs that answers in the op's place, by other
                 ops, or gives None
    kind         of the result: "same" as the inputs', "float" (integers become float32), "bool", "int"
    """
    op = Op()
    inputs, _, keywords = (tuple(n.strip() for n in part.split(",") if n.strip()) for part in signature.partition("|"))
    op.name, op.inputs, op.keywords = name, inputs, keywords
    op.aux, op.nondiff = tuple(aux.split()), tuple(nondiff.split())
    op.integer, op.optional, op.quick, op.unusual = tuple(integer.split()), tuple(optional.split()), quick, unusual
    op.planned, op.planned_kernel = planned or _alike(op, forward)
    op.forward = forward
    op.shape, op.reference, op.samples, op.doc, op.kind = shape, reference, samples, doc, kind
    op.vjp, op.composition = vjp or {}, composition
    op.values = (*inputs, "out", *op.aux, *keywords)
    named = {p for formula in op.vjp.values() for p in _parameters(formula)}
    op.sized = tuple(i for i, n in enumerate(inputs) if f"{n}_shape" in named)
    op.values += tuple(f"{inputs[i]}_shape" for i in op.sized)
    op.out_at = len(inputs)
    _check(op)
    op.needs = tuple(_needs(op, i) for i in inputs)
    op.rules = tuple(_rule(op, i) for i in inputs)
    op.joint_kernel = _joint_rule(op, joint) if joint else None
    op.keeps_out = any(op.out_at in need for need in op.needs)
    registry[name] = op
    op.call = _make_call(op)
    _enter_backend(op)
    return op.call


def _alike(op: Op, forward: Callable[..., Any]) -> tuple[str, Callable[..., Any] | None]:
    """The way past the checks for an elementwise kernel, whose operands are from one pool."""
    kernel = getattr(forward, "planned", None)
    return (f"{op.inputs[0]}.pool.alike[{op.inputs[-1]}.pool]" if kernel else ""), kernel


def _check(op: Op) -> None:
    """Refuses an incomplete record."""
    if op.name in registry:
        raise TypeError(f"defop({op.name!r}): there is an op of this name already")
    if not op.doc or not callable(op.samples) or not callable(op.reference):
        raise TypeError(f"defop({op.name!r}): a record needs samples, a reference and a doc")
    for named in (*op.vjp, *op.nondiff, *op.integer):
        if named not in op.inputs:
            raise TypeError(f"defop({op.name!r}): {named!r} is not one of its inputs {op.inputs}")
    for one in op.inputs:
        ways = (one in op.vjp) + (one in op.nondiff)
        if ways > 1 or (ways == 0 and op.composition is None):
            raise TypeError(
                f"defop({op.name!r}): input {one!r} needs a formula in vjp, a composition, or nondiff; one of them"
            )
        for parameter in _parameters(op.vjp[one])[1:] if one in op.vjp else ():
            if parameter not in op.values:
                raise TypeError(
                    f"defop({op.name!r}): the formula of {one!r} names {parameter!r}, which is none of {op.values}"
                )


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    code = function.__code__
    return code.co_varnames[: code.co_argcount]


def _needs(op: Op, name: str) -> tuple[int, ...]:
    """What the tape keeps for the sake of one input's gradient."""
    if name in op.vjp:
        return tuple(op.values.index(p) for p in _parameters(op.vjp[name])[1:])
    if name in op.nondiff:
        return ()
    return tuple(i for i, v in enumerate(op.values) if v in op.inputs or v in op.keywords)


def _rule(op: Op, name: str) -> Callable[[Any, tuple[Any, ...]], Any] | None:
    """One input's formula with its arguments picked out of what was saved."""
    if name in op.nondiff:
        return None
    if name not in op.vjp:
        return _through_composition(op, op.inputs.index(name))
    formula, at = op.vjp[name], _needs(op, name)
    if len(at) == 0:
        return lambda g, saved: formula(g)
    if len(at) == 1:
        i = at[0]
        return lambda g, saved: formula(g, saved[i])
    if len(at) == 2:
        i, j = at
        return lambda g, saved: formula(g, saved[i], saved[j])
    return lambda g, saved: formula(g, *[saved[i] for i in at])


def _joint_rule(
    op: Op, joint: Callable[..., Any]
) -> Callable[[Any, tuple[Any, ...], tuple[Any, ...]], tuple[Any, ...]]:
    at = [op.values.index(p) for p in _parameters(joint)[2:]]
    return lambda g, parents, saved: joint(g, parents, *[saved[i] for i in at])


def _through_composition(op: Op, position: int) -> Callable[[Any, tuple[Any, ...]], Any]:
    """The derivative of a fused op: recompute it from simpler ones, and walk back over those."""

    def rule(g: Any, saved: tuple[Any, ...]) -> Any:
        create_graph = mode.on
        keywords = {k: saved[op.values.index(k)] for k in op.keywords}
        inputs = list(saved[: len(op.inputs)])
        mode.on = True
        try:
            # A recorded alias stands for the input, so that an input given twice is differentiated once at a time.
            inputs[position] = stand_in = registry["identity"].call(inputs[position])
            out = op.composition(*inputs, **keywords)  # type: ignore[misc]
        finally:
            mode.on = create_graph
        if out.node is None:
            return None
        ends = propagate(out, g, retain_graph=create_graph, create_graph=create_graph, targets=[stand_in.node])
        found = ends.get(id(stand_in.node))
        return None if found is None else found[1]

    return rule


# -- calling ---------------------------------------------------------------------------------------------------------------
#
# A generic call, which loops over inputs and builds dicts, costs more than the arithmetic of a small network. So every
# record is written out as the Python function that one would write by hand for it, and compiled when it is first
# called. `print(minigrad.ops.elementwise.mul.op.source)` shows it.


def _source(op: Op) -> str:
    """The function of one record: check, run the forward, record."""
    given, indent = ", ".join(op.inputs), "    "
    passed = "".join(f", {k}={k}" for k in op.keywords)
    results = ", ".join(("result", *op.aux))
    lines = [f"def {op.name}({given}{', *, ' if op.keywords else ''}{', '.join(op.keywords)}):"]
    if op.planned:
        lines += ["    try:", f"        plan = {op.planned}", "    except (AttributeError, KeyError):"]
        indent *= 2
    lines += [indent + line for line in (*_checks(op, passed), f"{results} = op.run({given}{passed})")]
    if op.planned:
        lines += ["    else:", f"        {results} = op.run_planned(plan, {given}{passed})"]
    return "\n".join([*lines, *_recording(op), "    return result", ""])


def _checks(op: Op, passed: str) -> list[str]:
    """The lines that see to it that the inputs are of one type and fit."""
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
    """The lines that leave a node where an input wants a gradient. A value is kept for the formulas that name it, of
    the inputs that want one; the output is kept without its history, which would be a circle."""
    wanting = [i for i, rule in enumerate(op.rules) if rule is not None]
    if not wanting:
        return []
    wants = {i: f"{op.inputs[i]}.requires_grad" for i in wanting}
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
        f"    if ({' or '.join(wants.values())}) and mode.on:",
        "        result.requires_grad = True",
        f"        result.node = Node(op, ({', '.join(parents)},), ({', '.join(saved)},), result)",
    ]


def _first_call(*inputs: Any, **keywords: Any) -> Any:
    """Stands in for an op's function until it is compiled; `op` and `compile_op` are among that function's globals."""
    return compile_op(op)(*inputs, **keywords)  # type: ignore[name-defined]  # noqa: F821


def _make_call(op: Op) -> Callable[..., Any]:
    """A function that becomes the compiled one at its first call, in place, so that every reference to it gains."""
    names = {
        "Array": Array,
        "Node": Node,
        "alias": alias,
        "float32": float32,
        "float64": float64,
        "mode": mode,
        "op": op,
        "slow": _slow,
        "compile_op": _compile,
    }
    call = FunctionType(_first_call.__code__, names)
    call.__name__ = call.__qualname__ = op.name
    call.__doc__ = op.doc
    call.op = op  # type: ignore[attr-defined]
    return call


def _compile(op: Op) -> Callable[..., Any]:
    names: dict[str, Any] = {}
    exec(compile(op.source, f"<op {op.name}>", "exec"), names)
    op.call.__code__ = names[op.name].__code__
    return op.call


# -- the slow path: numbers, lists, mixed types, integers ----------------------------------------------------------------------

_RANK = {bool_: 0, int64: 1, float32: 2, float64: 3}
_FLOATS = (float32, float64)


def _slow(op: Op, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Brings the inputs to one element type; integers then go to the reference, since they carry no gradient."""
    scaled = _with_number(inputs)
    if scaled is not None:
        return op.call(*scaled, **keywords)
    if len(inputs) != len(op.inputs):
        raise TypeError(f"{op.name}() takes {len(op.inputs)} inputs ({', '.join(op.inputs)}), got {len(inputs)}.")
    ready = [_accept(op, name, x) for name, x in zip(op.inputs, inputs, strict=True)]
    real = [i for i, name in enumerate(op.inputs) if name not in op.integer and ready[i] is not None]
    dtype = _common(op, [ready[i] for i in real])
    for i in real:
        ready[i] = _as(op.name, op.inputs[i], ready[i], dtype)
    if dtype in _FLOATS:
        return op.call(*ready, **keywords)
    op.shape(op.name, *[None if x is None else x.shape for x in ready], **keywords)
    return from_array(np.asarray(op.reference(*[None if x is None else x.array for x in ready], **keywords)))


def _accept(op: Op, name: str, x: Any) -> Any:
    """Arrays and lists become Arrays; plain numbers stay, because they must not decide the type."""
    if (x is None and name in op.optional) or isinstance(x, (Array, bool, int, float)):
        return from_array(np.asarray(x)) if name in op.integer and x is not None and not isinstance(x, Array) else x
    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, np.ndarray):
        return from_array(x, op.name)
    if isinstance(x, (list, tuple)):
        array = np.asarray(x)
        return from_array(array.astype(np.float32) if array.dtype == np.float64 else array, op.name)
    raise DTypeError(message(op.name, name, f"a {type(x).__name__}", "a tensor, an array or a number"))


def _common(op: Op, operands: list[Any]) -> Any:
    """PyTorch's promotion: the kind of number decides (bool, int, float), then arrays before scalars, then the width."""
    best = (-1, False, 0)
    for x in operands:
        if isinstance(x, Array):
            best = max(best, (min(_RANK[x.dtype], 2), bool(x.shape), _RANK[x.dtype]))
        else:
            best = max(best, (0 if isinstance(x, bool) else 1 if isinstance(x, int) else 2, False, 0))
    if best[0] == 2 or op.kind == "float":
        return float64 if best[2] == 3 else float32
    return int64 if best[0] == 1 else bool_


def _as(op: str, name: str, x: Any, dtype: Any) -> Any:
    """x as an array of this type; recorded where both types have gradients."""
    if not isinstance(x, Array):
        return from_array(np.asarray(x, dtype))
    if x.requires_grad and x.dtype not in _FLOATS:
        got, remedy = f"dtype {x.dtype} with requires_grad", "Integers have no gradient."
        raise DTypeError(message(op, name, got, "floats", remedy))
    if x.dtype is dtype:
        return x
    if x.dtype in _FLOATS and dtype in _FLOATS:
        return registry["cast"].call(x, dtype=dtype)
    return from_array(x.array.astype(dtype))


#: Numbers that have met a tensor, as arrays: x * 2.0 in a loop makes one only once.
_numbers: dict[tuple[Any, float, float], Any] = {}


def _with_number(inputs: tuple[Any, ...]) -> tuple[Any, Any] | None:
    """A tensor of floats and a number, in either order: the number as an array of the tensor's type. Else None."""
    if len(inputs) != 2:
        return None
    x, y = inputs
    tensor, number = (x, y) if isinstance(x, Array) else (y, x)
    if not isinstance(tensor, Array) or type(number) not in (float, int) or tensor.dtype not in _FLOATS:
        return None
    key = (tensor.dtype, number, copysign(1.0, number))  # 0.0 and -0.0 are equal, but not the same
    array = _numbers.get(key)
    if array is None:
        if len(_numbers) >= 256:
            _numbers.clear()
        array = _numbers[key] = from_array(np.asarray(number, tensor.dtype))
    return (x, array) if tensor is x else (array, y)


# -- backends ------------------------------------------------------------------------------------------------------------------------


def _by_reference(op: Op) -> Callable[..., Any]:
    """A forward that calls the NumPy reference."""

    def run(*inputs: Array | None, **keywords: Any) -> Any:
        result = op.reference(*[None if x is None else x.array for x in inputs], **keywords)
        first = next(x.dtype for n, x in zip(op.inputs, inputs, strict=True) if x is not None and n not in op.integer)
        dtype = keywords.get("dtype", first)

        def wrap(value: Any) -> Any:
            array = np.asarray(value)
            return from_array(array.astype(dtype) if array.dtype.kind == "f" and array.dtype != dtype else array)

        return tuple(map(wrap, result)) if op.aux else wrap(result)

    return run


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Inside the block every op runs on its C kernel ("c") or on its NumPy reference ("numpy"): the same tape over
    code that one can read.

    The choice is the whole process's: other threads compute so too, meanwhile. Where blocks of several threads overlap,
    the one that was entered last decides; after the last of them all is as before.
    """
    if name not in ("c", "numpy"):
        raise ValueError(f"backend: argument name: got {name!r}, expected 'c' or 'numpy'.")
    block = [name]
    with _switching:
        _blocks.append(block)
        _switch()
    try:
        yield
    finally:
        with _switching:
            _blocks[:] = [b for b in _blocks if b is not block]
            _switch()


#: The blocks that are open, in any thread, the newest last. Each is a list, to be told from others of the same name.
_blocks: list[list[str]] = []
_switching = Lock()


def _switch() -> None:
    global backend_name
    backend_name = _blocks[-1][0] if _blocks else "c"
    for op in registry.values():
        _enter_backend(op)


def _enter_backend(op: Op) -> None:
    """Lets an op run on the backend that is chosen; also one that is declared, by a late import, while it is."""
    op.run = op.forward if backend_name == "c" else _by_reference(op)
    if op.planned_kernel is not None:
        op.run_planned = op.planned_kernel if backend_name == "c" else lambda _, *inputs, **given: op.run(*inputs, **given)
    op.joint = op.joint_kernel if backend_name == "c" else None
