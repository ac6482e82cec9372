"""The tape: what was computed, newest last, and the walk back over it that is backpropagation.

Every recorded op leaves a `Node`. Indices count up, so an op's inputs always have smaller indices than its output, and
visiting nodes by decreasing index is a correct order for the chain rule, without recursion and without a sort. A node
hangs off the tensor that it made, as `tensor.node`, so whatever can no longer be reached is freed at once.

This module names no op and knows no formula: those are in the records (`_op.py` and `ops/`).
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _hooks, _writes
from minigrad._array import Array, Pool, alias, owns, pool_of
from minigrad._mode import threads
from minigrad._writes import next_index
from minigrad.errors import DTypeError, GradError, ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from minigrad._op import Op


class Node:
    """One recorded op. `parents` are the nodes of its inputs (the tensor itself for a leaf, None for an input that needs no
    gradient), `saved` are the values that its formulas name, `pool` is that of arrays like its output, and `line` is the line
    of source that recorded it, set only in debug mode."""

    __slots__ = ("__weakref__", "hooks", "index", "line", "op", "parents", "pool", "saved")

    op: Op
    parents: tuple[Any, ...]
    saved: Any  # None once backward has freed it; or a checkpoint, or what that has recomputed
    pool: Pool
    index: int
    hooks: dict[int, Callable[[Any], Any]] | None
    line: Any

    def record(self, op: Op, parents: tuple[Any, ...], saved: tuple[Any, ...], out: Array) -> Node:
        """Fills in a new node. (`__init__` would be called through C, where it costs another loop of the interpreter.)"""
        self.op = op
        self.parents = parents
        self.saved = saved
        pool = out.pool
        self.pool = pool_of(out.shape, out.dtype) if pool is None else pool
        self.index = next_index()
        self.hooks = None
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its output."""
        return self.pool.shape

    @property
    def dtype(self) -> Any:
        """The type of its output's numbers."""
        return self.pool.dtype

    def __repr__(self) -> str:
        return f"<#{self.index} {self.op.name} {self.shape}>"


def gradients(node: Node, g: Any, keep_history: bool) -> Sequence[Any]:
    """The chain rule at one node: the gradients of its inputs (None where none is needed), given g, that of its output."""
    saved, op = node.saved, node.op
    if type(saved) is not tuple:
        saved = _restored(node)
    if keep_history and op.keeps_out and saved[op.out_at] is not None:
        out = alias(saved[op.out_at])
        out.node, out.wants_grad = node, True
        saved = (*saved[: op.out_at], out, *saved[op.out_at + 1 :])
    if op.joint is not None and not (keep_history and op.rules):
        return op.joint(g, node.parents, saved)
    if len(op.rules) == 1:  # it would not be on the tape if its only input wanted no gradient
        return (op.rules[0](g, saved),)  # type: ignore[misc]
    return [None if p is None else rule(g, saved) for p, rule in zip(node.parents, op.rules)]  # type: ignore[misc]


def _restored(node: Node) -> Any:
    """The saved values of a node that does not hold them now: a checkpoint recomputes them."""
    while node.saved is not None and not isinstance(node.saved, tuple):
        node.saved.restore()
    if node.saved is None:
        raise GradError(
            f"backward: the graph behind {node.op.name}{_writes.recorded_at(node)} has been freed by an earlier backward(). "
            "Three usual causes: backward() is called twice on one loss (pass retain_graph=True to the first call); part of "
            "the forward pass was computed before the loop and is shared by all rounds (compute it inside the loop); a tensor "
            "kept from the last round is part of this one (detach() it)."
        )
    return node.saved


class _Toolbox:
    """The ops that the walk itself needs, and the 1 that it starts from. `_tensor` fills them in, since this module names
    no op. `identity` records only a new node."""

    add: Callable[[Any, Any], Any]
    sum_to: Callable[[Any, tuple[int, ...]], Any]
    cast: Callable[[Any, Any], Any]
    identity: Callable[[Any], Any]
    clone: Callable[[Any], Any]
    one: dict[Any, Any]


tools = _Toolbox()


def _hooked(hooks: dict[int, Callable[[Any], Any]], g: Any, of: str) -> Any:
    """The gradient after its hooks, each of which may replace it."""
    for hook in tuple(hooks.values()):
        replaced = hook(g.clone())  # a copy: g may also be the gradient of other nodes
        if replaced is None:
            continue
        if not isinstance(replaced, Array) or replaced.shape != g.shape or replaced.dtype is not g.dtype:
            raise _misfit(of, hook, replaced, g)
        g = replaced
    return g


def _misfit(of: str, hook: Any, got: Any, g: Any) -> Exception:
    """The error for a hook that returned something which cannot replace the gradient."""
    name = getattr(hook, "__qualname__", type(hook).__name__)
    kind: type[Exception] = DTypeError
    what = f"a {type(got).__name__}"
    if isinstance(got, Array):
        kind, what = ShapeError if got.shape != g.shape else DTypeError, f"shape {got.shape} of {got.dtype}"
    expected = f"None, or a tensor of the gradient's shape {g.shape} of {g.dtype}"
    return kind(message(f"backward: hook {name} on {of}", "", what, expected))


def _leading_to(starts: list[Node], targets: Sequence[Any], wanted: set[int]) -> set[int]:
    """The ids of the nodes from which a target can be reached. Nodes older than every target need no look."""
    oldest = min(t.index if isinstance(t, Node) else 0 for t in targets)
    found: dict[int, Node] = {}
    pending = starts
    while pending:
        node = pending.pop()
        if node.index not in found:
            found[node.index] = node
            pending += [p for p in node.parents if isinstance(p, Node) and p.index >= oldest]
    leading: set[int] = set()
    for _, node in sorted(found.items()):  # oldest first: a node's parents are decided before it
        if any(id(p) in wanted or id(p) in leading for p in node.parents):
            leading.add(id(node))
    return leading


def propagate(
    seeds: Sequence[tuple[Array, Any]], retain_graph: bool, create_graph: bool, targets: Sequence[Any] = ()
) -> dict[int, tuple[Any, Any, bool]]:
    """Walks back from all roots at once, each given with its cotangent. Returns {id: (leaf or target node, its gradient,
    fresh)}.

    With targets (nodes or leaves), only their gradients are returned, and only nodes that lead to one are visited and freed.
    `fresh` says that nothing else refers to the gradient's memory, so a leaf may keep it without a copy.
    """
    ends: dict[int, tuple[Any, Any, bool]] = {}
    pending: dict[int, tuple[Node, Any]] = {}  # by minus the index: the smallest is the newest
    wanted = set(map(id, targets))
    writes, mode = _writes.log, threads.mode
    before, mode.on = mode.on, create_graph
    try:
        for root, g in seeds:
            _start(root.node or root, g, pending, ends, wanted)
        leading = _leading_to([node for node, _ in pending.values()], targets, wanted) if wanted else None
        heap = sorted(pending)
        while heap:
            node, g = pending.pop(heappop(heap))
            if leading is not None and id(node) not in leading and id(node) not in wanted:
                continue  # before its hooks: its gradient need not be complete
            if node.hooks:
                g = _hooked(node.hooks, g, f"the result of {node.op.name}")
            if leading is not None:
                if id(node) in wanted:
                    ends[id(node)] = (node, g, False)
                if id(node) not in leading:
                    continue
            if node.index < writes.latest:
                _writes.check(node)
            for parent, dx in zip(node.parents, gradients(node, g, create_graph)):
                if dx is None:
                    continue
                if dx.pool is not parent.pool or dx.pool is None:  # arrays from one pool have one shape and type
                    dx = _fitted(dx, parent)
                if type(parent) is Node:
                    place = -parent.index
                    if place in pending:  # used more than once: gradients add up
                        dx = tools.add(pending[place][1], dx)
                    else:
                        heappush(heap, place)
                    pending[place] = parent, dx
                elif not wanted or id(parent) in wanted:
                    place = id(parent)
                    if place in ends:
                        ends[place] = parent, tools.add(ends[place][1], dx), True
                    else:
                        ends[place] = parent, dx, dx is not g and owns(dx)
            if not retain_graph:
                node.saved = None
        if _hooks.of_leaves:
            _hook_leaves(ends)
    finally:
        mode.on = before
    return ends


def _fitted(dx: Any, parent: Any) -> Any:
    """A gradient in the shape and type of the input that it belongs to."""
    if dx.shape != parent.shape:  # the input was broadcast: its gradient is the sum over the copies
        dx = tools.sum_to(dx, parent.shape)
    return dx if dx.dtype is parent.dtype else tools.cast(dx, parent.dtype)


def _start(
    start: Any, g: Any, pending: dict[int, tuple[Node, Any]], ends: dict[int, tuple[Any, Any, bool]], wanted: set[int]
) -> None:
    """Enters a root's cotangent where the walk begins; if the root is a leaf, it has already arrived."""
    if isinstance(start, Node):
        pending[-start.index] = start, tools.add(pending[-start.index][1], g) if -start.index in pending else g
    elif id(start) in ends:
        ends[id(start)] = start, tools.add(ends[id(start)][1], g), True
    elif not wanted or id(start) in wanted:
        ends[id(start)] = start, g, False


def _hook_leaves(ends: dict[int, tuple[Any, Any, bool]]) -> None:
    """Calls the hooks of the leaves that were reached, whose gradients are complete."""
    for key, (leaf, dx, _) in list(ends.items()):
        found = _hooks.of_leaves.get(key)
        if found is not None:
            ends[key] = leaf, _hooked(found.hooks, dx, "a leaf"), False


def backward(
    root: Any, gradient: Any, retain_graph: bool | None, create_graph: bool, inputs: Any = None
) -> None:
    """Adds the vector-Jacobian product of root with `gradient` to `.grad` of every leaf, or of `inputs`."""
    g = seed(root, gradient, "backward")
    retain = create_graph if retain_graph is None else retain_graph
    targets: Sequence[Any] = ()
    receivers: dict[int, Any] = {}
    if inputs is not None:
        targets, receivers = _check_inputs(inputs)
    ends = propagate([(root, g)], retain, create_graph, targets)
    arrived: Iterable[Any] = ends.values()
    if receivers:
        arrived = [(receivers[id(leaf)], dx, fresh) for leaf, dx, fresh in arrived]
    new = [
        (leaf, dx if fresh and leaf.received is None and not create_graph else _owned(leaf, dx, create_graph))
        for leaf, dx, fresh in arrived
        if leaf.wants_grad  # else it has been frozen or detached since the ops were recorded
    ]
    for leaf, dx in new:  # only now that nothing can fail do the leaves change
        leaf.received = dx


def _owned(leaf: Any, dx: Any, create_graph: bool) -> Any:
    """The new .grad of a leaf, in memory of its own: the sum with its present gradient, or a copy. (A gradient with a
    history may also be kept by the nodes that made it.)"""
    mode = threads.mode
    before, mode.on = mode.on, create_graph
    try:
        total = dx.clone() if leaf.received is None else tools.add(leaf.received, dx)
        if _hooks.stepped:
            _hooks.added(leaf.received, total)
        return total
    finally:
        mode.on = before


def _check_inputs(inputs: Any) -> tuple[list[Any], dict[int, Any]]:
    """The targets of the walk (the nodes or leaves of the inputs), and the tensor to which each belongs."""
    inputs = (inputs,) if isinstance(inputs, Array) else tuple(inputs)
    if not inputs:
        raise ValueError(message("backward", "inputs", "none", "at least one tensor"))
    for i, x in enumerate(inputs):
        if not isinstance(x, Array):
            raise TypeError(message("backward", f"inputs[{i}]", f"a {type(x).__name__}", "a tensor that wants a gradient"))
        if not x.requires_grad:
            got = "a tensor without requires_grad"
            raise GradError(message("backward", f"inputs[{i}]", got, "tensors that want gradients"))
        x.received = getattr(x, "received", None)
    return [x.node or x for x in inputs], {id(x.node or x): x for x in inputs}


def seed(root: Any, gradient: Any, op: str) -> Any:
    """The cotangent to start from: the one given, or 1 for a scalar."""
    if not root.wants_grad:
        raise GradError(
            f"{op}: the tensor does not require a gradient, so nothing was recorded. Create what you differentiate by with "
            "requires_grad=True; computing inside no_grad(), detach() and argmax-like ops cut the tape."
        )
    if gradient is None:
        if root.shape and root.count != 1:
            remedy = "Reduce it first (loss.sum() or loss.mean()), or pass gradient= of that shape."
            raise GradError(message(op, "", f"a tensor of shape {root.shape}", "a scalar", remedy))
        return root.new_tensor(np.ones(root.shape)) if root.shape else tools.one[root.dtype]
    if not isinstance(gradient, Array):
        gradient = root.new_tensor(gradient)
    if gradient.shape != root.shape:
        raise ShapeError(message(op, "gradient", f"shape {gradient.shape}", f"the tensor's shape {root.shape}"))
    return gradient if gradient.dtype is root.dtype else tools.cast(gradient, root.dtype)
