"""Checkpoints: a part of the forward pass keeps only its inputs, and is recomputed when backward reaches it. This costs
the part's forward time once more, and saves the memory of everything that its ops would keep (Chen et al. 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

from minigrad import _writes
from minigrad._array import Array, alias
from minigrad._function import Context
from minigrad._generator import default_generator
from minigrad._mode import enable_grad, threads
from minigrad._writes import next_index
from minigrad.errors import GradError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from minigrad._tape import Node


def checkpoint(
    function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None, preserve_rng_state: bool = True, **keywords: Any
) -> Any:
    """Returns function(*args, **keywords), of which the tape keeps only the arguments until backward recomputes it.

    Gradients of any order are bit for bit those without the checkpoint. Dropout repeats its mask, since the default
    generator is set back for the recomputation (unless preserve_rng_state is False) and restored afterwards.

    The function must compute the same thing twice. It is a GradError if the second run records other ops, or if an argument
    was overwritten in between. The same is checked for what the function finds outside: leaves, and tensors without a
    gradient that an op reads directly; but not for views that the function itself takes of such a tensor (`mask[0]`).
    Pass such tensors as arguments. use_reentrant, which PyTorch asks for, has no effect here.
    """
    if not callable(function):
        raise TypeError(message("checkpoint", "function", f"a {type(function).__name__}", "a function of the arguments"))
    if not threads.mode.on:
        return function(*args, **keywords)
    segment = _Segment(function, args, keywords, preserve_rng_state)
    result = function(*args, **keywords)
    segment.take_over(result)
    return result


def checkpoint_sequential(functions: Sequence[Callable[[Any], Any]], segments: int, input: Any, **keywords: Any) -> Any:
    """Passes input through all functions (or the layers of an nn.Sequential) in turn, in so many segments of equal length.
    Each is a checkpoint but the last, since backward begins there."""
    layers = list(functions)
    if not 1 <= segments <= max(len(layers), 1):
        raise ValueError(message("checkpoint_sequential", "segments", segments, f"1 to {len(layers)}, the number of functions"))

    def through(first: int, end: int, x: Any) -> Any:
        for layer in layers[first:end]:
            x = layer(x)
        return x

    size = len(layers) // segments
    for at in range(segments - 1):
        input = checkpoint(through, at * size, (at + 1) * size, input, **keywords)
    return through((segments - 1) * size, len(layers), input)


class _Again(tuple):  # type: ignore[type-arg]
    """What a node keeps of the recomputation, which took place at `made_at`. Only writes since then matter."""

    made_at: int


class _Segment:
    """Stands in for the values that the nodes of a checkpoint would keep. It refers to its nodes weakly, since they refer
    to it."""

    __slots__ = ("args", "first", "function", "kept", "keywords", "nodes", "state")

    def __init__(self, function: Callable[..., Any], args: Sequence[Any], keywords: dict[str, Any], randoms: bool) -> None:
        self.function, self.args, self.keywords = function, args, keywords
        self.state = default_generator.get_state() if randoms else None
        self.first = next_index()
        self.nodes: list[ref[Node]] = []
        self.kept: list[list[Any]] = []

    def take_over(self, result: Any) -> None:
        """Takes over from the nodes behind the result, and drops the values that they keep."""
        found = _recorded_since(self.first, result)
        self.nodes = [ref(node) for node in found]
        for node in found:
            values = node.saved if isinstance(node.saved, tuple) else ()
            self.kept.append([ref(x) if isinstance(x, Array) else None for x in values])
            node.saved = self

    def restore(self) -> None:
        """Recomputes the segment, and gives its nodes the values that they would have kept."""
        for i, x in enumerate(self.args):
            self._check(x, f"args[{i}]")
        for name, x in self.keywords.items():
            self._check(x, name)
        first, now = next_index(), default_generator.get_state()
        try:
            if self.state is not None:
                default_generator.set_state(self.state)
            with enable_grad:
                result = self.function(*self.args, **self.keywords)
        finally:
            default_generator.set_state(now)
        old, new = [node() for node in self.nodes], _recorded_since(first, result)
        if len(old) != len(new) or any(o is not None and o.op.name != n.op.name for o, n in zip(old, new, strict=True)):
            raise GradError(
                f"checkpoint: the function recorded {len(old)} ops in the forward pass, and {len(new)} or others when it was "
                "called again in backward. Let it depend on its arguments alone; what is drawn at random by other means than "
                "minigrad's default generator is drawn anew."
            )
        self._check_others(old, new)
        originals = {id(n): o for o, n in zip(old, new, strict=True) if o is not None}
        for inner in {id(n.saved): n.saved for n in new if isinstance(n.saved, _Segment)}.values():
            inner.args = _linked(tuple(inner.args), originals)
            inner.nodes = [ref(originals.get(id(n), n)) for n in (node() for node in inner.nodes) if n is not None]
        for again in new:
            node = originals.get(id(again))
            if node is not None:
                node.saved = _linked(again.saved, originals)
                if isinstance(node.saved, tuple):
                    node.saved = _Again(node.saved)
                    node.saved.made_at = again.index
                    _relink(node.saved, originals)
                _writes.check(node)

    def _check(self, tree: Any, argument: str) -> None:
        """Raises GradError if a tensor, or one in a nest of them, was overwritten since the forward pass."""
        for x in _tensors(tree):
            write = _writes.since(self.first, x)
            if write is not None:
                got, expected = f"a tensor that {write.by} has overwritten since", "the numbers of the forward pass"
                raise GradError(message("checkpoint", argument, got, expected, "Pass a clone()."))

    def _check_others(self, old: list[Any], new: list[Node]) -> None:
        """The same for tensors that the function found outside: those that both computations keep, and all leaves."""
        for node, kept, again in zip(old, self.kept, new, strict=True):
            values = again.saved if isinstance(again.saved, tuple) else ()
            for known, x in zip(kept, values):
                if known is not None and known() is x:
                    self._check(x, f"function: what {again.op.name} reads, of shape {x.shape}")
            for x in node.parents if node is not None else ():
                self._check(x, f"function: a leaf that {again.op.name} reads")


def _relink(saved: tuple[Any, ...], originals: dict[int, Any]) -> None:
    """Relinks the tensors that a Function's context holds itself."""
    if saved and isinstance(saved[0], Context):
        saved[0].relink(saved[1], originals)


def _recorded_since(first: int, result: Any) -> list[Node]:
    """The nodes behind a result (a tensor or a nest of them) that are newer than an index, in order."""
    found: dict[int, Node] = {}
    pending = [x.node for x in _tensors(result) if x.node is not None]
    while pending:
        node = pending.pop()
        if node.index > first and node.index not in found:
            found[node.index] = node
            pending += [p for p in node.parents if p.__class__ is node.__class__]
    return [node for _, node in sorted(found.items())]


def _tensors(tree: Any) -> Iterator[Any]:
    if isinstance(tree, Array):
        yield tree
    elif isinstance(tree, (list, tuple, dict)):
        for branch in tree.values() if isinstance(tree, dict) else tree:
            yield from _tensors(branch)


def _linked(value: Any, originals: dict[int, Any]) -> Any:
    """A value that the recomputation keeps, with the history of the first computation."""
    if isinstance(value, Array) and id(value.node) in originals:
        linked = alias(value)
        linked.node, linked.requires_grad = originals[id(value.node)], True
        return linked
    if isinstance(value, tuple):
        return tuple(_linked(one, originals) for one in value)
    return value
