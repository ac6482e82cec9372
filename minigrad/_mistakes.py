"""What the tape and the arguments of a program show of common mistakes, and what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING
from warnings import warn_explicit

from minigrad import _hooks
from minigrad._array import Array
from minigrad._source import calling_line
from minigrad.errors import DTypeError, ShapeError, message

if TYPE_CHECKING:
    from typing import Any


def warn(text: str) -> None:
    """A UserWarning at the line of the program that called, wherever in minigrad the mistake was noticed."""
    line = calling_line()
    file, number = (line.file, line.number) if line else ("<program>", 1)
    warn_explicit(text, UserWarning, file, number, registry=_registry)


#: What was warned of, and where: once for each line, unless filters say otherwise.
_registry: dict[Any, Any] = {}


# -- losses ------------------------------------------------------------------------------------------------------------------

#: Ops that pass numbers on as they are.
_MOVING = frozenset(["clone", "expand", "flip", "getitem", "permute", "reshape"])
#: Those, and what they may hide: of the results of others no loss needs to ask.
SUSPECT = _MOVING | {"sigmoid", "softmax"}


def normalized_before(loss: str, x: Any, ops: tuple[str, ...], remedy: str) -> None:
    """Warns where the tape shows that what a loss is given was made by one of the ops, which the loss has in itself."""
    node = x.node
    while node is not None and node.op.name in _MOVING and type(node.parents[0]) is type(node):
        node = node.parents[0]
    if node is not None and node.op.name in ops:
        warn(f"{loss}: argument input: got the result of {node.op.name}, which the loss applies itself. {remedy}")


# -- what is no tensor -------------------------------------------------------------------------------------------------------


def no_tensor(op: str, args: tuple[Any, ...], error: Exception) -> Exception:
    """The error for an op whose first argument has not what tensors have; the one that came, where that is not why."""
    first = args[0] if args else None
    if hasattr(first, "shape"):
        return error
    several = isinstance(first, (list, tuple)) and any(isinstance(x, Array) for x in first)
    remedy = f"minigrad.stack makes one of several: minigrad.{op}(minigrad.stack(list))." if several else "Wrap it: minigrad.tensor(data)."
    return DTypeError(message(op, "input", f"a {type(first).__name__}", "a tensor", remedy))


# -- gradients that are read and set -----------------------------------------------------------------------------------------


def no_leaf() -> None:
    """Warns where .grad of a computed tensor is read, which backward() leaves empty."""
    warn(
        "grad: the tensor is computed, and backward() leaves gradients on leaves only, so this is None. Call retain_grad() on "
        "the tensor before backward(), or take minigrad.autograd.grad(loss, tensor)."
    )


def checked_gradient(x: Any, g: Any) -> Any:
    """What is assigned to .grad: None, or a tensor of x's shape and type; an error for anything else."""
    if g is None or (isinstance(g, Array) and g.shape == x.shape and g.dtype is x.dtype):
        return g
    wanted = f"None, or a tensor of the shape {x.shape} of {x.dtype}"
    if not isinstance(g, Array):
        raise DTypeError(message("grad", "value", f"a {type(g).__name__}", wanted, "Wrap it: minigrad.tensor(...)."))
    kind = ShapeError if g.shape != x.shape else DTypeError
    raise kind(message("grad", "value", f"shape {g.shape} of {g.dtype}", wanted))


# -- gradients that were forgotten -------------------------------------------------------------------------------------------


def second_step(optimizer: str, g: Any) -> None:
    """Warns where the gradient of an optimizer's second step still has that of the first in it."""
    if id(g) in _hooks.sums:
        warn(
            f"{optimizer}.step: the gradients still hold those of the step before, as backward() adds to .grad. Call "
            "optimizer.zero_grad() before each backward(); to add up over several batches, call it after each step."
        )
    _hooks.stepped.clear()
    _hooks.sums.clear()
