"""Gradients as values, under PyTorch's names: `autograd.grad` returns what `backward` would put into .grad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _tape
from minigrad._array import Array, from_array
from minigrad._tape import enable_grad, inference_mode, no_grad, set_grad_enabled
from minigrad.errors import GradError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["enable_grad", "grad", "inference_mode", "no_grad", "set_grad_enabled"]


def grad(
    outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    only_inputs: bool = True, allow_unused: bool | None = None, is_grads_batched: bool = False, materialize_grads: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    """The gradients of the (sum of the) outputs towards each input, as a tuple; .grad stays as it is.

    grad_outputs: a cotangent for each output; scalars need none. allow_unused: None instead of an error for an input
    that the outputs do not depend on; materialize_grads: zeros instead. GradError where nothing was recorded.
    """
    if not only_inputs or is_grads_batched:
        raise ValueError("grad: only_inputs=False and is_grads_batched=True are not offered; call grad once per cotangent.")
    outs: Sequence[Any] = (outputs,) if isinstance(outputs, Array) else tuple(outputs)
    ins: Sequence[Any] = (inputs,) if isinstance(inputs, Array) else tuple(inputs)
    given: Sequence[Any] = (grad_outputs,) if grad_outputs is None or isinstance(grad_outputs, Array) else tuple(grad_outputs)
    if len(given) != len(outs) and grad_outputs is not None:
        raise ValueError(f"grad: argument grad_outputs: got {len(given)}, expected one for each of the {len(outs)} outputs.")
    for i, x in enumerate(ins):
        if not x.requires_grad:
            raise GradError(f"grad: argument inputs[{i}] does not require a gradient. Create it with requires_grad=True.")
    retain = create_graph if retain_graph is None else retain_graph
    total: dict[int, Any] = {}
    for i, out in enumerate(outs):
        g = _tape.seed(out, given[i] if grad_outputs is not None else None, "grad")
        keep = retain or i < len(outs) - 1
        ends = _tape.propagate(out, g, retain_graph=keep, create_graph=create_graph, targets=[x.node or x for x in ins])
        with set_grad_enabled(create_graph):
            for key, (_, dx, _fresh) in ends.items():
                total[key] = total[key] + dx if key in total else dx
    return tuple(_found(total, x, i, allow_unused, materialize_grads) for i, x in enumerate(ins))


def _found(total: dict[int, Any], x: Any, position: int, allow_unused: bool | None, materialize: bool) -> Any:
    g = total.get(id(x.node or x))
    if g is not None:
        return g
    if materialize:
        return from_array(np.zeros(x.shape, x.dtype))
    if not allow_unused:
        raise GradError(f"grad: the outputs do not depend on inputs[{position}]. Pass allow_unused=True to get None for it, or leave it out.")
    return None
