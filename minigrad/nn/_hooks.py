"""Hooks of a module: functions that see, and may replace, what goes into it and comes out, forward and backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._array import Array
from minigrad._function import Function
from minigrad._hooks import Handle
from minigrad.errors import GradError, message

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minigrad._hooks import Hooks


class ModuleHooks:
    """The hooks of one module, by the moment at which they are called."""

    def __init__(self) -> None:
        self.before: Hooks = {}
        self.after: Hooks = {}
        self.always: Hooks = {}
        self.backward_before: Hooks = {}
        self.backward: Hooks = {}


def register(module: Any, moment: str, hook: Any, prepend: bool = False, keywords: bool = False, always: bool = False) -> Handle:
    """Keeps a hook for a module; `keywords`: it takes those of the call, too."""
    if not callable(hook):
        raise TypeError(message(f"{type(module).__name__}: register a hook", "hook", f"a {type(hook).__name__}", "a function"))
    if "_hooks" not in module.__dict__:
        object.__setattr__(module, "_hooks", ModuleHooks())
    called = hook if keywords else _without_keywords(hook) if moment in ("before", "after") else hook
    return Handle(getattr(module._hooks, "always" if always else moment), called, prepend)


def _without_keywords(hook: Callable[..., Any]) -> Callable[..., Any]:
    return lambda module, args, keywords, *output: hook(module, args, *output)


def call(module: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """module.forward, with the hooks around it."""
    hooks = module._hooks
    for hook in tuple(hooks.before.values()):
        args, keywords = _given(module, hook(module, args, keywords), args, keywords)
    watch = _Watch(module, hooks) if hooks.backward or hooks.backward_before else None
    if watch:
        args = watch.gate_inputs(args)
    finished, result = False, None
    try:
        result = module.forward(*args, **keywords)
        for hook in tuple(hooks.after.values()):
            replaced = hook(module, args, keywords, result)
            result = result if replaced is None else replaced
        finished = True
    finally:
        for hook in tuple(hooks.always.values()):
            replaced = hook(module, args, keywords, result)
            result = replaced if finished and replaced is not None else result
    return watch.gate_outputs(result) if watch else result


def _given(module: Any, replaced: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call after a hook: (args, keywords), args alone, or one argument."""
    if replaced is None:
        return args, keywords
    if isinstance(replaced, tuple) and len(replaced) == 2 and isinstance(replaced[1], dict) and isinstance(replaced[0], tuple):
        return replaced
    return replaced if isinstance(replaced, tuple) else (replaced,), keywords


class _Watch:
    """One call of a module whose gradients are looked at: gates around it, which backward passes through."""

    def __init__(self, module: Any, hooks: ModuleHooks) -> None:
        self.module, self.hooks = module, hooks
        self.inputs = 0
        self.watched = False
        self.grad_output: tuple[Any, ...] = ()

    def gate_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments; tensors among them behind a gate, where any wants a gradient."""
        tensors = [x for x in args if isinstance(x, Array)]
        self.inputs = len(tensors)
        self.watched = any(x.requires_grad for x in tensors)
        if not self.watched:
            return args
        gated = iter(_Gate.apply(self.at_inputs, *tensors))
        return tuple(next(gated) if isinstance(x, Array) else x for x in args)

    def gate_outputs(self, result: Any) -> Any:
        """The results behind a gate: a tensor, or a tuple of tensors."""
        several = isinstance(result, tuple)
        if not all(isinstance(x, Array) for x in (result if several else (result,))):
            got, expected = f"a {type(result).__name__} as output", "a tensor or a tuple of them"
            raise GradError(message(f"{type(self.module).__name__}: backward hook", "", got, expected))
        gated = _Gate.apply(self.at_outputs, *(result if several else (result,)))
        return gated if several else gated[0]

    def at_outputs(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """Backward comes to the module: grad_output is known."""
        for hook in tuple(self.hooks.backward_before.values()):
            gradients = self._replaced(gradients, hook(self.module, gradients), "grad_output")
        self.grad_output = gradients
        if not self.watched:
            self.at_inputs((None,) * self.inputs)
        return gradients

    def at_inputs(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """Backward has passed the module: grad_input is known, too."""
        for hook in tuple(self.hooks.backward.values()):
            gradients = self._replaced(gradients, hook(self.module, gradients, self.grad_output), "grad_input")
        return gradients

    def _replaced(self, gradients: tuple[Any, ...], replaced: Any, what: str) -> tuple[Any, ...]:
        if replaced is None:
            return gradients
        several = replaced if isinstance(replaced, tuple) else (replaced,)
        if len(several) != len(gradients):
            got, expected = f"{len(several)} gradients", f"{len(gradients)}, as {what} has, or None"
            raise GradError(message(f"{type(self.module).__name__}: backward hook", "", got, expected))
        return several


class _Gate(Function):
    """Tensors as they are; their gradients, all at once, by a function."""

    @staticmethod
    def forward(ctx: Any, passing: Callable[..., Any], *tensors: Any) -> Any:
        """The tensors."""
        ctx.passing = passing
        return tensors

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """What the function makes of the gradients; None for those that are not wanted."""
        wanted = ctx.needs_input_grad[1:]
        passed = ctx.passing(tuple(g if w else None for g, w in zip(gradients, wanted, strict=True)))
        return (None, *passed)
