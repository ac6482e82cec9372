"""What the tape keeps for a record's formulas, and the formulas as backward calls them: with what was kept."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from minigrad._mode import threads
from minigrad._tape import propagate, tools

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minigrad._op import Op


def parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a function's positional parameters."""
    code = function.__code__
    return code.co_varnames[: code.co_argcount]


def needs(op: Op, name: str) -> tuple[int, ...]:
    """What the tape keeps for the sake of one input's gradient."""
    if name in op.vjp:
        return tuple(op.values.index(p) for p in parameters(op.vjp[name])[1:])
    if name in op.nondiff:
        return ()
    return tuple(i for i, v in enumerate(op.values) if v in op.inputs or v in op.keywords)


def rule(op: Op, name: str) -> Callable[[Any, tuple[Any, ...]], Any] | None:
    """One input's formula with its arguments picked out of what was saved."""
    if name in op.nondiff:
        return None
    if name not in op.vjp:
        return _through_composition(op, op.inputs.index(name))
    formula, at = op.vjp[name], needs(op, name)
    if not at:
        return lambda g, saved: formula(g)
    if len(at) == 1:
        i = at[0]
        return lambda g, saved: formula(g, saved[i])
    if len(at) == 2:
        i, j = at
        return lambda g, saved: formula(g, saved[i], saved[j])
    pick = itemgetter(*at)
    return lambda g, saved: formula(g, *pick(saved))


def joint_rule(op: Op, joint: Callable[..., Any]) -> Callable[[Any, tuple[Any, ...], tuple[Any, ...]], tuple[Any, ...]]:
    """A record's `joint` with its arguments picked out of what was saved."""
    picked = ", ".join(f"saved[{op.values.index(p)}]" for p in parameters(joint)[2:])
    # Written out, since a call with stars starts another loop of the interpreter.
    written = compile(f"lambda g, parents, saved: joint(g, parents, {picked})", f"<op {op.name}>", "eval")
    return eval(written, {"joint": joint})  # type: ignore[no-any-return]


def _through_composition(op: Op, position: int) -> Callable[[Any, tuple[Any, ...]], Any]:
    """The derivative of a fused op: recomputes it from simpler ops, and walks back over these."""

    def rule(g: Any, saved: tuple[Any, ...]) -> Any:
        mode = threads.mode
        create_graph = mode.on
        keywords = {k: saved[op.values.index(k)] for k in op.keywords}
        inputs = list(saved[: len(op.inputs)])
        mode.on = True
        try:
            # A recorded alias stands in for the input, so that of an input given twice only one occurrence counts here.
            inputs[position] = stand_in = tools.identity(inputs[position])
            out = op.composition(*inputs, **keywords)  # type: ignore[misc]
        finally:
            mode.on = create_graph
        if out.node is None:
            return None
        ends = propagate([(out, g)], retain_graph=create_graph, create_graph=create_graph, targets=[stand_in.node])
        found = ends.get(id(stand_in.node))
        return None if found is None else found[1]

    return rule
