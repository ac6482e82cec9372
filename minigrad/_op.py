"""The record: everything there is to know about an op, in one declaration.

`defop` declares a primitive: a kernel, or a movement of data by NumPy, and its derivative. `composed` registers a function
made of other ops, which needs no derivative of its own. Both are checked at import. Tests, benchmarks and docs walk
`registry`, so an op cannot exist without a reference, samples and documentation. What users call is in `surface`, from
which the namespace `minigrad`, the methods of Tensor and the functions of submodules are filled.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, TypeVar

from minigrad import _backend, _compile, _mistakes
from minigrad import _shapes as shapes
from minigrad._rules import joint_rule, needs, parameters, rule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    #: What defop returns: the inputs positional, the keywords by name.
    Function = Callable[..., Any]

F = TypeVar("F", bound="Function")

registry: dict[str, Op | Composition] = {}
#: {space: {name: function}}; a space is a place where users find it: "minigrad", "Tensor", "nn.functional", "linalg".
surface: dict[str, dict[str, Function]] = {}
#: Where most ops are found.
EVERYWHERE = "minigrad Tensor"


class Op:
    """One record. Most fields are arguments of `defop`; these are derived from them:

    values   what a formula may name, in order: inputs, out, auxiliary outputs, keywords, and INPUT_shape for formulas that
             need only the shape of an input
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
        return _compile.source(self)

    def __repr__(self) -> str:
        return f"<op {self.name}({', '.join(self.inputs + self.keywords)})>"


def defop(
    name: str,
    signature: str,
    *,
    reference: Callable[..., Any],
    samples: Callable[[], Sequence[Any]],
    doc: str,
    forward: Callable[..., Any] | None = None,
    shape: Callable[..., Any] | None = None,
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
    names: str = "",
    spaces: str = EVERYWHERE,
    listed: bool = True,
) -> Callable[..., Any]:
    """Declares an op and returns the function that calls it.

    signature    "x, y | dim, keepdim": inputs before the bar, keywords after it
    forward      takes arrays and keywords, returns an array, or a tuple with the auxiliary outputs. Without one, the op is
                 computed by its NumPy reference.
    shape        rule(name, *shapes, **keywords), which raises where shapes do not fit; by default several inputs broadcast,
                 and a single one may have any shape
    vjp          the derivative for each input: a function whose first parameter is g, the cotangent of the output, and
                 whose other parameters name what it needs; nothing else is kept
    composition  the same op in terms of others; provides the derivative of inputs that vjp leaves out
    joint        all gradients at once, by a kernel: a function of g, of the inputs' parents on the tape (None where no
                 gradient is needed), and of what it names (None for what was not kept); used unless the backward pass is
                 itself recorded
    nondiff      inputs that have no derivative: integers, or inputs of step functions
    integer      inputs that are indices or conditions, and keep their type
    optional     inputs that may be None
    quick        an expression in the inputs; where it holds, the shapes fit, and the shape rule is not called
    planned      an expression in the inputs and a kernel. The expression looks up what `forward` remembered of operands like
                 these (AttributeError or KeyError if it has seen none); the kernel takes that, the inputs and the
                 keywords by position, and neither checks nor works out shapes. Elementwise kernels bring their own.
    unusual      asked first where quick does not hold: a function of the inputs that computes the result by other ops, or
                 returns None
    kind         the type of the result: "same" as the inputs', "float" (integers become float32), "bool", "int"; or "moved",
                 if `forward` moves elements of any type and computes nothing
    names        the names under which users find the op in the `spaces` of the surface; none for internal ops
    listed       whether it goes into the registry; not if a family with any number of inputs is represented there already
    """
    op = Op()
    inputs, _, keywords = (tuple(n.strip() for n in part.split(",") if n.strip()) for part in signature.partition("|"))
    op.name, op.inputs, op.keywords = name, inputs, keywords
    op.aux, op.nondiff = tuple(aux.split()), tuple(nondiff.split())
    op.integer, op.optional, op.quick, op.unusual = tuple(integer.split()), tuple(optional.split()), quick, unusual
    op.forward = forward or _backend.by_reference(op)
    op.planned, op.planned_kernel = planned or _alike(op, op.forward)
    op.shape = shape or (shapes.same if len(inputs) == 1 else shapes.broadcast)
    op.reference, op.samples, op.doc, op.kind = reference, samples, doc, kind
    op.vjp, op.composition = vjp or {}, composition
    op.values = (*inputs, "out", *op.aux, *keywords)
    named = {p for formula in op.vjp.values() for p in parameters(formula)}
    op.sized = tuple(i for i, n in enumerate(inputs) if f"{n}_shape" in named)
    op.values += tuple(f"{inputs[i]}_shape" for i in op.sized)
    op.out_at = len(inputs)
    if listed:
        _check(op)
    op.needs = tuple(needs(op, i) for i in inputs)
    op.rules = tuple(rule(op, i) for i in inputs)
    op.joint_kernel = joint_rule(op, joint) if joint else None
    op.keeps_out = any(op.out_at in need for need in op.needs)
    op.call = _compile.function_of(op)
    offered = public(names, spaces)(op.call) if names else op.call
    if listed:
        registry[name] = op
    _backend.enter(op)
    return offered


class Composition:
    """The record of a function made of other ops, which provide its derivative."""

    __slots__ = ("call", "doc", "name", "reference", "samples")

    def __init__(self, name: str, call: Function, reference: Function, samples: Callable[[], Sequence[Any]]) -> None:
        self.name, self.call, self.reference, self.samples = name, call, reference, samples
        self.doc = call.__doc__ or ""

    def __repr__(self) -> str:
        return f"<composition {self.name}>"


def composed(
    reference: Function, samples: Callable[[], Sequence[Any]], *, also: str = "", spaces: str = EVERYWHERE
) -> Callable[[F], F]:
    """Registers a function made of other ops, under its own name and those in `also`."""

    def register(function: F) -> F:
        name = function.__name__
        record = Composition(name, function, reference, samples)
        _check_complete(record)
        record.call = public(f"{name} {also}", spaces)(function)
        registry[name] = record
        return record.call

    return register


def public(names: str, spaces: str = EVERYWHERE) -> Callable[[F], F]:
    """Offers a function to users under these names. If it has parameters dim, dims or keepdim, it also takes NumPy's axis,
    axes and keepdims."""

    def offer(function: F) -> F:
        offered = _spelled(function)
        places = [(space, name) for space in spaces.split() for name in names.split()]
        for space, name in places:
            if surface.get(space, {}).get(name, offered) is not offered:
                raise TypeError(f"public({name!r}): there is a function of this name in {space} already")
        for space, name in places:
            surface.setdefault(space, {})[name] = offered
        return offered

    return offer


#: NumPy's names of arguments, and the PyTorch names that they may stand for.
_SPELLINGS = {"axis": ("dim", "dims"), "axes": ("dims",), "keepdims": ("keepdim",)}


def _spelled(function: F) -> F:
    """The function, accepting other spellings of its arguments."""
    code = function.__code__
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    spellings = {name: torch for name, choice in _SPELLINGS.items() for torch in choice if torch in known}
    if not spellings:
        return function
    numpy = {torch: name for name, torch in spellings.items()}

    @wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        try:
            if not given:
                return function(*args)
            for name in [n for n in given if n not in known]:
                torch = spellings.get(name)
                if torch is None:
                    taken = ", ".join(f"{n} (or {numpy[n]})" if n in numpy else n for n in known[1:])
                    raise TypeError(f"{function.__name__}() got an unexpected keyword argument {name!r}; it takes {taken}.")
                if torch in given or (torch in code.co_varnames[: len(args)]):
                    raise TypeError(f"{function.__name__}() got both {torch} and {name}, which are two names for one argument.")
                given[torch] = given.pop(name)
            return function(*args, **given)
        except AttributeError as error:
            raise _mistakes.no_tensor(function.__name__, args, error) from None

    return call  # type: ignore[return-value]


def _alike(op: Op, forward: Callable[..., Any]) -> tuple[str, Callable[..., Any] | None]:
    """The `planned` of an elementwise kernel, which needs no checks for operands from one pool."""
    kernel = getattr(forward, "planned", None)
    return (f"{op.inputs[0]}.pool.alike[{op.inputs[-1]}.pool]" if kernel else ""), kernel


def _check_complete(record: Op | Composition) -> None:
    """Refuses a record that could not be tested or explained, or that hides another."""
    if record.name in registry:
        raise TypeError(f"defop({record.name!r}): there is an op of this name already")
    if not record.doc or not callable(record.samples) or not callable(record.reference):
        raise TypeError(f"defop({record.name!r}): a record needs samples, a reference and a doc")


def _check(op: Op) -> None:
    """Refuses an op whose gradients are not all accounted for."""
    _check_complete(op)
    for named in (*op.vjp, *op.nondiff, *op.integer):
        if named not in op.inputs:
            raise TypeError(f"defop({op.name!r}): {named!r} is not one of its inputs {op.inputs}")
    for one in op.inputs:
        ways = (one in op.vjp) + (one in op.nondiff)
        if ways > 1 or (ways == 0 and op.composition is None):
            raise TypeError(
                f"defop({op.name!r}): input {one!r} needs exactly one of a formula in vjp, a composition, or nondiff"
            )
        for parameter in parameters(op.vjp[one])[1:] if one in op.vjp else ():
            if parameter not in op.values:
                raise TypeError(
                    f"defop({op.name!r}): the formula of {one!r} names {parameter!r}, which is none of {op.values}"
                )
