"""Where a NaN or an infinity comes from: finds the op that made it, as opposed to those that pass it on."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock, local
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _backend, _tape
from minigrad._array import Array
from minigrad._op import registry
from minigrad._source import calling_line, debug_mode
from minigrad.errors import AnomalyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from minigrad._op import Op
    from minigrad._tape import Node


@contextmanager
def detect_anomaly(
    check_nan: bool = True, *, forward: bool = True, backward: bool = True, inf: bool = True
) -> Iterator[None]:
    """Inside the block, the first NaN or infinity raises an AnomalyError that names the op, the index, the operands there and
    the line of the program.

    An op makes a NaN if no operand is NaN, and an infinity if all operands are finite; both are errors. A NaN that comes from
    data or a parameter is an error, too, at the first op that it reaches. An infinity from there is not, since masks contain
    -inf on purpose; inf=False also accepts infinities that ops make. forward and backward select which pass is searched;
    check_nan=False searches neither, but keeps the lines for other errors. Every result is searched, op by op and in all
    threads: use it to find a fault, not to train.
    """
    with debug_mode():
        if not check_nan:
            yield
            return
        def watcher(op: Op, run: Callable[..., Any]) -> Callable[..., Any]:
            def checked(*inputs: Any, **keywords: Any) -> Any:
                with np.errstate(all="ignore"):  # references warn about what is an error here
                    result = run(*inputs, **keywords)
                walk = _threads.walk
                if backward if walk else forward:
                    _check(op, inputs, result[0] if op.aux else result, walk[0] if walk else None, inf)
                return result

            return checked

        _follow(backward, 1)
        try:
            with _backend.watched(watcher):
                yield
        finally:
            _follow(backward, -1)


class _Threads(local):
    """For each thread the nodes whose gradients are being computed, the outermost first."""

    def __init__(self) -> None:
        self.walk: list[Node] = []


_threads = _Threads()
_plain = _tape.gradients
#: How many blocks are open, by whether they search the backward pass.
_open = {True: 0, False: 0}
_opening = Lock()


def _gradients(node: Node, g: Any, keep_history: bool) -> Sequence[Any]:
    _threads.walk.append(node)
    try:
        found = _plain(node, g, keep_history)
    finally:
        _threads.walk.pop()
    if node.op.name not in registry and _open[True]:  # a Function's backward may compute by other means than ops
        for dx in found:
            if dx is not None and np.isnan(dx.array).any():
                raise AnomalyError(_returned(node, dx.array))
    return found


def _follow(backward: bool, more: int) -> None:
    """Notes the nodes that backward walks past while any block is open, in whatever thread."""
    with _opening:
        _open[bool(backward)] += more
        _tape.gradients = _gradients if any(_open.values()) else _plain


def _check(op: Op, inputs: tuple[Any, ...], result: Any, node: Node | None, inf: bool) -> None:
    """Raises AnomalyError if a result has a NaN, or an infinity that no operand has."""
    out = result.array
    if out.dtype.kind != "f" or np.isfinite(out).all():
        return
    operands = {n: x.array for n, x in zip(op.inputs, inputs, strict=True) if isinstance(x, Array) and x.dtype.kind == "f"}
    for name, array in operands.items():
        if np.isnan(array).any():
            raise AnomalyError(_passed_on(op, name, array, node))
    if np.isnan(out).any():
        raise AnomalyError(_made(op, operands, out, np.isnan(out), node))
    if inf and all(np.isfinite(array).all() for array in operands.values()):
        raise AnomalyError(_made(op, operands, out, np.isinf(out), node))


def _made(op: Op, operands: dict[str, Any], out: Any, bad: Any, node: Node | None) -> str:
    at, count = _first(bad)
    there = [f"{name} = {_value_at(array, at, out.shape)}" for name, array in operands.items()]
    found = f"{op.name} made {out[at]} at index {list(at)} ({count} of {out.size} elements)"
    return f"{_where(node)}{found} from {', '.join(there) or 'nothing'}.{_advice(op.name, at, out, node is not None)}"


def _passed_on(op: Op, name: str, array: Any, node: Node | None) -> str:
    at, count = _first(np.isnan(array))
    return (
        f"{_where(node)}{op.name} met a nan in {name} at index {list(at)} ({count} of {array.size} elements), which no op has "
        "made since the search began: it is in the data, a parameter or the gradient that backward was given."
    )


def _returned(node: Node, array: Any) -> str:
    at, count = _first(np.isnan(array))
    return f"{_where(node)}the gradient that it returned is nan at index {list(at)} ({count} of {array.size} elements)."


def _first(bad: Any) -> tuple[tuple[int, ...], int]:
    """The index of the first bad element, and how many there are."""
    return tuple(int(i) for i in np.argwhere(bad)[0]), int(np.count_nonzero(bad))


def _value_at(array: Any, at: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """The operand's element that corresponds to an index of the result; its range, if the op is not elementwise."""
    try:
        return str(np.broadcast_to(array, shape)[at])
    except ValueError:
        with np.errstate(invalid="ignore"):
            return f"{array.min()} .. {array.max()} of shape {array.shape}" if array.size else f"nothing, shape {array.shape}"


def _where(node: Node | None) -> str:
    """In backward, the op whose gradient was being computed, with its line; else the line being executed."""
    if node is None:
        line = calling_line()
        return f"detect_anomaly, forward{f' at {line}' if line else ''}: "
    line = getattr(node, "line", None)
    return f"detect_anomaly, backward of {node.op.name}{f' recorded at {line}' if line else ''}: "


#: The usual cause, by the op that made the NaN or infinity.
_ADVICE = {
    "log": "log is -inf at 0 and nan below: use log(x + eps), x.clamp(min=eps), or a loss that takes logits.",
    "div": "The divisor is 0, or both are infinite: add an eps to it.",
    "sqrt": "sqrt is nan below 0, and its slope is infinite at 0: use sqrt(x + eps).",
    "exp": "exp overflows float32 above 88.7: subtract the maximum first, as softmax and logsumexp do.",
    "power": "A negative number to a fraction is nan, and 0 to a negative power infinite.",
}


def _advice(name: str, at: tuple[int, ...], out: Any, in_backward: bool) -> str:
    if np.isnan(out[at]) and (name == "mul" or (name == "div" and in_backward)):
        zero = "0 / 0" if name == "div" else "0 times infinity"
        return (
            f" {zero} is nan: where a branch is masked out in backward, its slope must be finite all the same; "
            "replace its operand before the op, as in where(mask, x, 1.0).log()."
        )
    return f" {_ADVICE[name]}" if name in _ADVICE else ""
