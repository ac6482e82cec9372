"""Gradients as values, under PyTorch's names: `autograd.grad` returns what `backward` would put into .grad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _tape
from minigrad._absent import missing
from minigrad._anomaly import detect_anomaly
from minigrad._array import Array, from_array
from minigrad._function import Function
from minigrad._mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from minigrad._tape import Node
from minigrad.errors import GradError, message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Function", "detect_anomaly", "enable_grad", "grad", "inference_mode", "no_grad", "set_grad_enabled"]


def grad(
    outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    only_inputs: bool = True, allow_unused: bool | None = None, is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    """The gradients of the sum of the outputs with respect to each input, as a tuple; .grad is not changed.

    grad_outputs: a cotangent for each output; scalars need none. allow_unused: None instead of an error for an input
    that the outputs do not depend on; materialize_grads: zeros instead. The tensors returned share memory with nothing
    else. GradError if nothing was recorded.
    """
    if not only_inputs or is_grads_batched:
        raise ValueError("grad: only_inputs=False and is_grads_batched=True are not offered; call it per cotangent.")
    outs, ins = _tensors("outputs", outputs), _tensors("inputs", inputs)
    given = _cotangents(grad_outputs, len(outs))
    if len(given) != len(outs):
        raise ValueError(message("grad", "grad_outputs", f"{len(given)}", f"one for each of the {len(outs)} outputs"))
    for i, x in enumerate(ins):
        if not x.requires_grad:
            remedy = "Create it with requires_grad=True."
            raise GradError(message("grad", f"inputs[{i}]", "a tensor without requires_grad", "one with it", remedy))
    seeds = [_tape.seed(out, g, "grad") for out, g in zip(outs, given, strict=True)]
    ends = [x.node or x for x in ins]
    if not (allow_unused or materialize_grads):
        _check_reached(outs, ends)
    found = _gathered(outs, seeds, ends, create_graph if retain_graph is None else retain_graph, create_graph)
    if allow_unused and not materialize_grads:
        return tuple(found)
    # What was reached, but by no gradient, has a derivative that is 0 everywhere.
    return tuple(from_array(np.zeros(x.shape, x.dtype)) if g is None else g for x, g in zip(ins, found, strict=True))


def _tensors(argument: str, given: Any) -> tuple[Any, ...]:
    """One tensor or several, as a tuple."""
    several = (given,) if isinstance(given, Array) else tuple(given) if hasattr(given, "__iter__") else ()
    if not several or not all(isinstance(x, Array) for x in several):
        got = ", ".join(type(x).__name__ for x in several) or ("nothing" if hasattr(given, "__len__") else f"a {type(given).__name__}")
        raise TypeError(message("grad", argument, got, "a tensor, or a list of at least one tensor"))
    return several


def _cotangents(given: Any, count: int) -> tuple[Any, ...]:
    """The cotangents given for so many outputs, as a tuple; None where none was given."""
    if given is None:
        return (None,) * count
    several = (given,) if isinstance(given, Array) or not hasattr(given, "__iter__") else tuple(given)
    for i, g in enumerate(several):
        if g is not None and not isinstance(g, (Array, np.ndarray, np.generic, int, float, list, tuple)):
            raise TypeError(message("grad", f"grad_outputs[{i}]", f"a {type(g).__name__}", "a tensor of the output's shape, or None"))
    return several


def _check_reached(outs: Sequence[Any], ends: Sequence[Any]) -> None:
    """An error for an input that no output was computed from, while the graph is still whole."""
    seen: set[int] = set()
    pending = [out.node or out for out in outs]
    while pending:
        at = pending.pop()
        if id(at) not in seen:
            seen.add(id(at))
            if isinstance(at, Node):
                pending += [p for p in at.parents if p is not None]
    for i, end in enumerate(ends):
        if id(end) not in seen:
            got, expected = "a tensor that the outputs do not depend on", "one that they were computed from"
            remedy = "Pass allow_unused=True to get None for it, or leave it out."
            raise GradError(message("grad", f"inputs[{i}]", got, expected, remedy))


def _gathered(outs: Sequence[Any], seeds: Sequence[Any], ends: Sequence[Any], retain: bool, record: bool) -> list[Any]:
    """Walks back from all outputs, and returns what arrives at the ends; None where nothing does."""
    starts = list(zip(outs, seeds, strict=True))
    arrived = _tape.propagate(starts, retain_graph=retain, create_graph=record, targets=ends)
    with set_grad_enabled(record):
        found = {key: dx if fresh else dx.clone() for key, (_, dx, fresh) in arrived.items()}
    return [found.get(id(end)) for end in ends]


if not TYPE_CHECKING:  # a checker knows the names that there are
    _missing = missing(globals())

    def __getattr__(name: str) -> Any:
        if name in ("gradcheck", "gradgradcheck"):  # which few programs need
            from minigrad import testing

            return getattr(testing, name)
        return _missing(name)
