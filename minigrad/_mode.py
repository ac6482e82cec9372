"""Whether ops are recorded: a switch for each thread, and the contexts that flip it."""

from __future__ import annotations

from functools import wraps
from threading import local
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


#: The flag of code that yields: inspect.CO_GENERATOR, without the cost of importing inspect.
_GENERATOR = 0x20


class _Mode:
    """Whether ops are recorded (`on`), and what the enclosing contexts will restore (`left`)."""

    __slots__ = ("left", "on")

    def __init__(self) -> None:
        self.on = True
        self.left: list[bool] = []


class _Threads(local):
    """A mode for each thread."""

    def __init__(self) -> None:
        self.mode = _Mode()


threads = _Threads()


class _GradMode:
    """A context and a decorator: `with no_grad(): ...`, `@no_grad()` or `@no_grad`. A single object serves all uses, since
    what to restore is on a stack of the thread. A context may enclose a single op, and must cost less than that."""

    def __init__(self, name: str, value: bool, doc: str) -> None:
        self.__name__, self._value, self.__doc__ = name, value, doc

    def __repr__(self) -> str:
        return f"<{self.__name__}>"

    def __enter__(self) -> None:
        mode = threads.mode
        mode.left.append(mode.on)
        mode.on = self._value

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        mode = threads.mode
        mode.on = mode.left.pop()

    def __call__(self, function: Callable[..., Any] | None = None) -> Any:
        if function is None:
            return self
        code = getattr(function, "__code__", None)
        if code is not None and code.co_flags & _GENERATOR:
            return self._stepping(function)

        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            mode = threads.mode
            before, mode.on = mode.on, self._value
            try:
                return function(*args, **kwargs)
            finally:
                mode.on = before

        return wrapped

    def _stepping(self, function: Callable[..., Any]) -> Any:
        """A generator function whose own steps run in the mode; its caller keeps another between them."""

        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            step, given = generator.send, None
            while True:
                mode = threads.mode
                before, mode.on = mode.on, self._value
                try:
                    value = step(given)
                except StopIteration as end:
                    return end.value
                finally:
                    mode.on, given = before, None  # an error thrown in must not be kept alive by its own frame
                try:
                    step, given = generator.send, (yield value)
                except BaseException as error:  # thrown in, or GeneratorExit: for the generator to handle
                    step, given = generator.throw, error

        return wrapped


class _Switch(_GradMode):
    """set_grad_enabled: switches at once; as a context it switches back at the end, as a decorator immediately."""

    def __init__(self, mode: bool) -> None:
        super().__init__("set_grad_enabled", bool(mode), "")
        self._before, threads.mode.on = threads.mode.on, self._value

    def __enter__(self) -> None:
        threads.mode.left.append(self._before)
        threads.mode.on = self._value

    def __call__(self, function: Callable[..., Any] | None = None) -> Any:
        threads.mode.on = self._before
        return super().__call__(function)


no_grad = _GradMode("no_grad", False, "Inside, nothing is recorded and results do not require gradients.")
enable_grad = _GradMode("enable_grad", True, "Inside, ops are recorded even within no_grad.")


def inference_mode(mode: Any = True) -> Any:
    """PyTorch's name for a stricter no_grad; here the two are the same. As there, mode=False has no effect."""
    if callable(mode):
        return no_grad(mode)
    return no_grad if mode else set_grad_enabled(is_grad_enabled())


def set_grad_enabled(mode: bool) -> _GradMode:
    """Switches recording on or off at once; as a context it switches back at the end, as a decorator immediately."""
    return _Switch(mode)


def is_grad_enabled() -> bool:
    """Whether ops are recorded in this thread."""
    return threads.mode.on
