"""Hooks of a module: functions that see, and may replace, what goes into it and comes out, forward and backward."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from minigrad._array import Array
from minigrad._function import Function
from minigrad._hooks import Handle
from minigrad.errors import GradError, ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from minigrad._hooks import Hooks


class ModuleHooks:
    """The hooks of one module, by the point at which they are called."""

    def __init__(self) -> None:
        self.before: Hooks = {}
        self.after: Hooks = {}
        self.backward_before: Hooks = {}
        self.backward: Hooks = {}


class _Forward:
    """A hook around forward. `keywords`: it also takes the call's keywords; `always`: it is called even if forward raised."""

    def __init__(self, hook: Callable[..., Any], keywords: bool, always: bool) -> None:
        self.hook, self.keywords, self.always = hook, keywords, always

    def __call__(self, module: Any, args: tuple[Any, ...], keywords: dict[str, Any], *output: Any) -> Any:
        given = (args, keywords) if self.keywords else (args,)
        return self.hook(module, *given, *output)


def register(module: Any, moment: str, hook: Any, prepend: bool = False, keywords: bool = False, always: bool = False) -> Handle:
    """Keeps a hook for a module."""
    if not callable(hook):
        raise TypeError(message(f"{type(module).__name__}: register a hook", "hook", f"a {type(hook).__name__}", "a function"))
    if "_hooks" not in module.__dict__:
        object.__setattr__(module, "_hooks", ModuleHooks())
    called = _Forward(hook, keywords, always) if moment in ("before", "after") else hook
    return Handle(getattr(module._hooks, moment), called, prepend)


def call(module: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """module.forward, with the hooks around it."""
    hooks = module._hooks
    for hook in tuple(hooks.before.values()):
        args, keywords = _given(module, hook, args, keywords)
    watch = _Watch(module, hooks) if hooks.backward or hooks.backward_before else None
    if watch:
        args = watch.gate_inputs(args)
    pending, result = list(hooks.after.values()), None
    try:
        result = module.forward(*args, **keywords)
        while pending:
            replaced = pending.pop(0)(module, args, keywords, result)
            result = result if replaced is None else replaced
    finally:
        for hook in pending:  # something has raised
            if hook.always:
                hook(module, args, keywords, result)
    return watch.gate_outputs(result) if watch else result


def _given(module: Any, hook: _Forward, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call after a hook: (args, keywords) from one that takes both, otherwise args or one argument."""
    replaced = hook(module, args, keywords)
    if replaced is None:
        return args, keywords
    if not hook.keywords:
        return replaced if isinstance(replaced, tuple) else (replaced,), keywords
    if isinstance(replaced, tuple) and len(replaced) == 2 and isinstance(replaced[0], tuple) and isinstance(replaced[1], dict):
        return replaced
    got = f"a tuple of {len(replaced)}" if isinstance(replaced, tuple) else f"a {type(replaced).__name__}"
    where = f"{type(module).__name__}: forward pre-hook"
    raise TypeError(message(where, "", got, "None, or (args, keywords), a tuple and a dict, as it was registered with_kwargs"))


class _Watch:
    """One call of a module whose gradients are watched: it has gates around it, through which backward passes. Hooks see a
    gradient for each argument, and for each result of a tuple: None for what is not a tensor."""

    def __init__(self, module: Any, hooks: ModuleHooks) -> None:
        self.module, self.hooks = module, hooks
        self.count = 0
        self.places: list[int] = []  # of tensors among the arguments
        self.watched = False
        self.grad_output: tuple[Any, ...] | None = None

    def gate_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, with tensors behind a gate if any of them wants a gradient."""
        self.count, self.places = len(args), [i for i, x in enumerate(args) if isinstance(x, Array)]
        self.watched = any(args[i].requires_grad for i in self.places)
        if not self.watched:
            return args
        return _exchanged(args, self.places, ModuleGate.apply(self._at_gate, True, *[args[i] for i in self.places]))

    def gate_outputs(self, result: Any) -> Any:
        """The results (a tensor, or those of a tuple) behind a gate."""
        if isinstance(result, Array):
            return ModuleGate.apply(self.at_outputs, False, result)[0]
        if not isinstance(result, tuple):
            got, name = f"a {type(result).__name__}", type(self.module).__name__
            expected = "a tensor or a tuple as the result: the hook is not called"
            warnings.warn(message(f"{name}: backward hook", "", got, expected), stacklevel=4)
            return result
        places = [i for i, x in enumerate(result) if isinstance(x, Array)]
        if not places:
            return result

        def at_outputs(gradients: tuple[Any, ...]) -> tuple[Any, ...]:
            given = self.at_outputs(_exchanged((None,) * len(result), places, gradients))
            return tuple(given[i] for i in places)

        gated = _exchanged(result, places, ModuleGate.apply(at_outputs, False, *[result[i] for i in places]))
        return type(result)(*gated) if hasattr(result, "_fields") else gated  # a named tuple keeps its names

    def at_outputs(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """Called when backward reaches the module: grad_output is known."""
        for hook in tuple(self.hooks.backward_before.values()):
            gradients = self._replaced(gradients, hook(self.module, gradients), "grad_output")
        self.grad_output = gradients
        if not self.watched:
            self.at_inputs((None,) * self.count)
        return gradients

    def _at_gate(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        given = self.at_inputs(_exchanged((None,) * self.count, self.places, gradients))
        return tuple(given[i] for i in self.places)

    def at_inputs(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """Called when backward has passed the module: grad_input is known, too."""
        grad_output, self.grad_output = self.grad_output, None
        if grad_output is None:
            return gradients  # of what backward has computed itself, and not of a result: a second derivative
        for hook in tuple(self.hooks.backward.values()):
            gradients = self._replaced(gradients, hook(self.module, gradients, grad_output), "grad_input")
        return gradients

    def _replaced(self, gradients: tuple[Any, ...], replaced: Any, what: str) -> tuple[Any, ...]:
        if replaced is None:
            return gradients
        several = tuple(replaced) if isinstance(replaced, (tuple, list)) else (replaced,)
        where = f"{type(self.module).__name__}: backward hook"
        if len(several) != len(gradients):
            got, expected = f"{len(several)} gradients", f"{len(gradients)}, as {what} has, or None"
            raise GradError(message(where, "", got, expected))
        for i, (g, new) in enumerate(zip(gradients, several, strict=True)):
            if new is not None and not isinstance(new, Array):
                raise TypeError(message(where, f"{what}[{i}]", f"a {type(new).__name__}", "a tensor or None"))
            if new is not None and g is not None and new.shape != g.shape:
                raise ShapeError(message(where, f"{what}[{i}]", f"shape {new.shape}", f"the gradient's shape {g.shape}"))
        return several


def _exchanged(values: tuple[Any, ...], places: list[int], others: Iterable[Any]) -> tuple[Any, ...]:
    """A tuple with some of its elements exchanged."""
    new = dict(zip(places, others))
    return tuple(new.get(i, x) for i, x in enumerate(values))


class ModuleGate(Function):
    """Passes tensors unchanged, and their gradients, all at once, through a function. materialize: zeros instead of None
    for tensors that receive no gradient."""

    @staticmethod
    def forward(ctx: Any, passing: Callable[..., Any], materialize: bool, *tensors: Any) -> Any:
        """The tensors."""
        ctx.passing = passing
        ctx.set_materialize_grads(materialize)
        ctx.mark_non_differentiable(*[x for x in tensors if not x.requires_grad])
        return tensors

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The gradients that the function returns."""
        return (None, None, *ctx.passing(gradients))
