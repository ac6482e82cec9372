"""Your own ops, written as in PyTorch: a class with a forward and a backward.

    class Cube(mg.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x ** 3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * x ** 2

    y = Cube.apply(x)

The shorter way is `mg.defop`, which declares the op as a record, with a reference and samples, so that tests, docs and
benchmarks find it.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING
from weakref import ref

import numpy as np

from minigrad._array import Array, alias, from_array, view
from minigrad._mode import no_grad, threads
from minigrad._op import Op
from minigrad._tape import Node, tools
from minigrad.errors import GradError, ShapeError, message
from minigrad.ops.layout import getitem, putitem_op, reshape_op

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class Context:
    """What forward leaves for backward: tensors by `save_for_backward`, and anything else as an attribute.

    needs_input_grad: for each argument of apply, whether its gradient is wanted.
    """

    def __init__(self, name: str, needs: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs
        self._name = name
        self._kept: tuple[Any, ...] = ()
        self._node: Callable[[], Node | None] = lambda: None
        self._results: dict[int, tuple[ref[Node], tuple[int, ...]]] = {}
        self._fixed: tuple[Any, ...] = ()
        self._materialize = True
        self._arrived: set[int] = set()  # the parts of the results that the running backward pass has reached

    def save_for_backward(self, *tensors: Any) -> None:
        """Keeps tensors, inputs or results, until backward has been: in-place writes into them are noticed."""
        for i, x in enumerate(tensors):
            if x is not None and not isinstance(x, Array):
                remedy = f"Keep it as an attribute: ctx.value = {type(x).__name__}(...)."
                got = f"a {type(x).__name__}"
                raise TypeError(message(f"{self._name}.save_for_backward", f"{i}", got, "a tensor or None", remedy))
        self._kept = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What save_for_backward kept."""
        return tuple(self._with_history(x) for x in self._kept)

    def _with_history(self, x: Any) -> Any:
        """A result is kept without its history, which would be a cycle; backward gets it back."""
        if id(x) not in self._results:
            return x
        known, place = self._results[id(x)]
        result = alias(x)
        # The part of a result that nobody has kept is gone.
        result.node, result.requires_grad = known() or Node().record(_PART, (self._node(),), place, x), True
        return result

    def relink(self, kept: tuple[Any, ...], originals: dict[int, Node]) -> None:
        """Replaces the context of the first forward by this one, of a forward that a checkpoint has recomputed."""

        def original(known: Callable[[], Node | None]) -> Any:
            found = originals.get(id(known()))
            return known if found is None else ref(found)

        self._node = original(self._node)
        renamed = {id(old): id(new) for old, new in zip(self._kept, kept, strict=True)}
        self._results = {renamed[at]: (original(known), place) for at, (known, place) in self._results.items()}
        self._kept = kept

    def mark_non_differentiable(self, *results: Any) -> None:
        """Declares results that have no gradient; integers have none anyway."""
        self._fixed = results

    def set_materialize_grads(self, value: bool) -> None:
        """Sets whether backward gets zeros (True, the default) or None for a result that received no gradient."""
        self._materialize = bool(value)

    def mark_dirty(self, *inputs: Any) -> None:
        """GradError: a forward that writes into its inputs is not supported."""
        raise GradError(f"{self._name}: mark_dirty is not offered. Return a new tensor instead of writing into an input.")


class Function:
    """An op by its forward and its backward: see the module's example. Call it by `apply`.

    forward(ctx, *args) gets the arguments of apply, and returns a tensor or a tuple of them; nothing in it is recorded.
    backward(ctx, *gradients) gets a gradient for each result, zeros where none came (see ctx.set_materialize_grads), and
    returns one for each argument of apply, or None. With create_graph it is recorded, so it can be differentiated again if
    it is made of ops. With setup_context(ctx, inputs, output), forward(*args) takes no ctx.
    """

    @staticmethod
    def forward(*args: Any) -> Any:
        """What the op computes; every subclass writes its own."""
        raise NotImplementedError("Function: define `@staticmethod def forward(ctx, x): ...` in the subclass.")

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
        """For a forward without ctx: saves what backward will need of the inputs and the output."""
        raise NotImplementedError("Function: define `@staticmethod def setup_context(ctx, inputs, output): ...`.")

    @staticmethod
    def backward(ctx: Context, *gradients: Any) -> Any:
        """The gradient towards each argument; every subclass writes its own."""
        raise NotImplementedError("Function: define `@staticmethod def backward(ctx, g): ...` in the subclass.")

    def __init__(self, *_: Any) -> None:
        raise TypeError(f"{type(self).__name__}: call it by {type(self).__name__}.apply(...), without making an instance.")

    @classmethod
    def apply(cls, *args: Any, **keywords: Any) -> Any:
        """Computes forward, and records it if a gradient is wanted."""
        if keywords:
            got, remedy = f"the keywords {', '.join(keywords)}", "backward returns a gradient for each, in their order."
            raise TypeError(message(f"{cls.__name__}.apply", "", got, "its arguments by position alone", remedy))
        ctx = Context(cls.__name__, tuple(isinstance(x, Array) and x.requires_grad for x in args))
        with no_grad:
            if cls.setup_context is Function.setup_context:
                given = cls.forward(ctx, *args)
            else:
                given = cls.forward(*args)
                cls.setup_context(ctx, args, given)
        results = given if isinstance(given, tuple) else (given,)
        if not (threads.mode.on and any(ctx.needs_input_grad)):
            return given
        results = _recorded(cls, ctx, args, results)
        return results if isinstance(given, tuple) else results[0]


def _recorded(cls: type[Function], ctx: Context, args: Sequence[Any], results: tuple[Any, ...]) -> tuple[Any, ...]:
    """The results with a history: a single node, or, if several results have gradients, one for their concatenation, of which
    each is a part. The tape needs no other notion of ops with several results."""
    kept = {id(x) for x in ctx._kept}
    given = {id(x) for x in args}
    # A result that is an argument, or is kept, gets an object of its own for its history. An argument's is a view: what is
    # written into it would be missing from the history of the argument.
    made = [
        r if not isinstance(r, Array) else view(r.array.view(), r.ptr) if id(r) in given else alias(r) if id(r) in kept else r
        for r in results
    ]
    parts = [
        i for i, r in enumerate(results)
        if isinstance(r, Array) and r.dtype.kind == "f" and not any(r is x for x in ctx._fixed)
    ]  # fmt: skip
    if not parts:
        return tuple(made)
    shapes = [made[i].shape for i in parts]
    ends = np.cumsum([0] + [prod(s) for s in shapes]).tolist()
    parents = tuple((x.node or x) if needs else None for x, needs in zip(args, ctx.needs_input_grad, strict=True))
    widest = np.result_type(*[made[i].dtype for i in parts])
    whole = made[parts[0]] if len(parts) == 1 else from_array(np.broadcast_to(widest.type(0), (ends[-1],)))
    node = Node().record(_record(cls, results, parts, shapes, ends), parents, (ctx, ctx._kept), whole)
    for at, i in enumerate(parts):
        made[i].requires_grad = True
        place = (at, ends[at], ends[at + 1], ends[-1])
        made[i].node = own = node if len(parts) == 1 else Node().record(_PART, (node,), place, made[i])
        if id(results[i]) in kept and id(results[i]) not in given:
            ctx._results[id(results[i])] = ref(own), place
    ctx._node = ref(node)
    return tuple(made)


def _op(name: str, values: str, joint: Any) -> Op:
    """The part of a record that backward needs: all gradients at once, by a function that is made of ops."""
    op = Op()
    op.name, op.doc, op.inputs, op.values = name, "", (), tuple(values.split())
    op.rules, op.keeps_out, op.joint = (), False, joint
    return op


def _record(cls: type[Function], results: tuple[Any, ...], parts: list[int], shapes: list[Any], ends: list[int]) -> Op:
    absent = {i: (r.shape, r.dtype) for i, r in enumerate(results) if i not in parts and isinstance(r, Array)}
    dtypes, count = [results[i].dtype for i in parts], len(results)

    def joint(g: Any, parents: tuple[Any, ...], saved: tuple[Any, ...]) -> list[Any]:
        ctx = saved[0]
        arrived, ctx._arrived = ctx._arrived, set()
        found: list[Any] = [None] * count
        for i, (shape, dtype) in absent.items() if ctx._materialize else ():
            found[i] = from_array(np.zeros(shape, dtype))
        for at, i in enumerate(parts):
            if len(parts) > 1 and at not in arrived and not ctx._materialize:
                continue
            part = g if len(parts) == 1 else reshape_op(getitem(g, slice(ends[at], ends[at + 1])), shape=shapes[at])
            found[i] = part if part.dtype is dtypes[at] else tools.cast(part, dtypes[at])
            if part is tools.one.get(part.dtype):  # which is everyone's, while backward may write into what it is given
                found[i] = tools.clone(part)
        returned = cls.backward(ctx, *found)
        return _checked(cls.__name__, parents, returned if isinstance(returned, tuple) else (returned,))

    return _op(cls.__name__, "ctx saved_tensors", joint)


def _checked(name: str, parents: tuple[Any, ...], returned: tuple[Any, ...]) -> list[Any]:
    """A gradient, or None, for each parent; an error for anything that cannot be one."""
    if len(returned) < len(parents) or any(g is not None for g in returned[len(parents) :]):
        expected = f"one for each of the {len(parents)} arguments of apply"
        raise GradError(message(f"{name}.backward", "", f"{len(returned)} gradients", expected, "Return None where there is none."))
    for i, (parent, g) in enumerate(zip(parents, returned)):
        if parent is None or g is None:
            continue
        if not isinstance(g, Array):
            raise TypeError(message(f"{name}.backward", "", f"a {type(g).__name__} for argument {i}", "a tensor or None"))
        if g.shape != parent.shape and not _spreads(parent.shape, g.shape):
            got, expected = f"shape {g.shape} for argument {i}", f"the argument's shape {parent.shape}"
            raise ShapeError(message(f"{name}.backward", "", got, expected))
    return [None if p is None else g for p, g in zip(parents, returned)]


def _spreads(shape: tuple[int, ...], wider: tuple[int, ...]) -> bool:
    """Whether a shape broadcasts to a wider one, over whose copies the walk then sums."""
    try:
        return np.broadcast_shapes(shape, wider) == wider
    except ValueError:
        return False


def _embedded(g: Any, parents: tuple[Any, ...], saved: tuple[int, int, int, int]) -> list[Any]:
    """The gradient of a vector from that of a part: zeros around it."""
    at, first, end, total = saved
    (whole,) = parents
    if whole is not None and isinstance(whole.saved, tuple):
        whole.saved[0]._arrived.add(at)
    return [putitem_op(reshape_op(g, shape=(end - first,)), index=slice(first, end), shape=(total,))]


_PART = _op("part", "at first end total", _embedded)
