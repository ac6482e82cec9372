"""Hooks: functions that are called when a gradient is known or a module has computed, and the handles that remove them."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary, ref

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    #: In the order in which they are called.
    Hooks = dict[int, Callable[..., Any]]

_next_key = count().__next__
#: How often a hook was added or removed; spares those who watch for changes a look at each hook.
changes = 0


class Handle:
    """What registering a hook returns. `handle.remove()`, or leaving `with handle:`, removes the hook."""

    __slots__ = ("_hooks", "_key")

    def __init__(self, hooks: Hooks, hook: Callable[..., Any], prepend: bool = False) -> None:
        global changes
        changes += 1
        self._hooks, self._key = hooks, _next_key()
        later = dict(hooks) if prepend else {}
        if prepend:
            hooks.clear()
        hooks[self._key] = hook
        hooks.update(later)

    def remove(self) -> None:
        """Removes the hook; calling it again has no effect."""
        global changes
        changes += 1
        self._hooks.pop(self._key, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self.remove()


class Retained:
    """The hook of retain_grad: adds the gradient to .grad of a tensor, if that still exists."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: Any) -> None:
        self.tensor = ref(tensor)

    def __call__(self, g: Any) -> None:
        tensor = self.tensor()
        if tensor is not None:
            received = getattr(tensor, "received", None)
            tensor.received = g if received is None else received + g


def retain_last(hooks: Hooks) -> None:
    """Moves the hooks of retain_grad behind the others, whose result they keep."""
    for key in [key for key, hook in hooks.items() if isinstance(hook, Retained)]:
        hooks[key] = hooks.pop(key)


def rewrite(x: Any, node: Any) -> None:
    """Makes a node the history of a tensor that was written into. retain_grad follows the tensor, and keeps the gradient of
    its new value; other hooks stay at the node where they were registered."""
    old, x.node, x.requires_grad = x.node, node, True
    for key, hook in list(old.hooks.items()) if old is not None and old.hooks else ():
        if isinstance(hook, Retained) and hook.tensor() is x:
            node.hooks = node.hooks or {}
            node.hooks[key] = old.hooks.pop(key)


class _OfLeaf(ref):  # type: ignore[type-arg]
    """The hooks of a leaf, which has no node to keep them. They vanish with the leaf."""

    __slots__ = ("hooks", "key")

    key: int
    hooks: Hooks


#: {id of a leaf: its hooks}. Nearly always empty, and then backward passes look no further.
of_leaves: dict[int, _OfLeaf] = {}


def _gone(leaf: Any, known: dict[int, _OfLeaf] = of_leaves) -> None:
    del known[leaf.key]  # bound early: when the interpreter ends, the module may be empty before the last leaf goes


def hooks_of_leaf(leaf: Any) -> Hooks:
    """The dict that holds the hooks of a leaf."""
    found = of_leaves.get(id(leaf))
    if found is None:
        found = _OfLeaf(leaf, _gone)
        found.key, found.hooks = id(leaf), {}
        of_leaves[found.key] = found
    return found.hooks


#: {id: gradient}: those that an optimizer has made its first step by, and sums that have one of these in them: for
#: `_mistakes.second_step`. Nobody is kept alive.
stepped: WeakValueDictionary[int, Any] = WeakValueDictionary()
sums: WeakValueDictionary[int, Any] = WeakValueDictionary()


def added(g: Any, total: Any) -> None:
    """Notes that backward has added to g, which may be None, where an optimizer has made a step by it."""
    if id(g) in stepped and g.array.any():  # zeroed in place is as good as forgotten
        stepped[id(total)] = sums[id(total)] = total
