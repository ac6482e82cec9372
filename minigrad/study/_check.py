"""A gradient worked out by hand against the right one: whether it agrees, and if not, which slip would explain it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from minigrad._array import Array
from minigrad.errors import DTypeError, message

if TYPE_CHECKING:
    from typing import Any


class Verdict(NamedTuple):
    """What `check` found; true where the gradients agree. worst: the largest difference, nan where the shapes differ, and
    `at` its index. hint: the slip that would explain it. `_asdict()` is for programs that grade."""

    correct: bool
    exact: bool
    worst: float
    at: tuple[int, ...]
    hint: str

    def __bool__(self) -> bool:
        return self.correct

    def __repr__(self) -> str:
        if self.correct:
            return "Right, to the last bit." if self.exact else f"Right: the largest difference is {self.worst:.2g}, by rounding."
        where = f" The largest difference is {self.worst:.4g}, at index {list(self.at)}." if np.isfinite(self.worst) else ""
        return f"Not yet. {self.hint}{where}"


def check(mine: Any, right: Any) -> Verdict:
    """Compares a gradient that you have worked out with the right one, such as w.grad: print what comes back.

    Both may be tensors, arrays or lists. They agree where all differences are below 1e-4 of the largest number of `right`,
    or 1e-8 where both are float64. Otherwise the verdict names a slip that turns one into the other, if there is one: a sign,
    a factor such as the mean's 1/N, a transpose, a sum over the batch. DTypeError for what is no array of numbers.
    """
    given, wanted = _numbers("mine", mine), _numbers("right", right)
    precise = given.dtype == wanted.dtype == np.float64
    a, b = given.astype(np.float64), wanted.astype(np.float64)
    scale = float(np.max(np.abs(b), initial=0.0)) or 1.0
    tolerance = (1e-8 if precise else 1e-4) * scale
    if a.shape != b.shape:
        return Verdict(False, False, float("nan"), (), _other_shape(a, b, tolerance))
    difference = np.where(np.isnan(a) | np.isnan(b), np.inf, np.abs(a - b))
    at = tuple(int(i) for i in np.unravel_index(np.argmax(difference), b.shape)) if b.size else ()
    worst = float(difference[at]) if b.size else 0.0
    if worst <= tolerance:
        return Verdict(True, worst == 0.0, worst, at, "")
    return Verdict(False, False, worst, at, _same_shape(a, b, difference > tolerance, tolerance))


def _numbers(argument: str, given: Any) -> Any:
    if given is None:
        remedy = "A leaf's .grad is None until backward() has reached it."
        raise DTypeError(message("check", argument, "None", "a gradient", remedy))
    array = given.array if isinstance(given, Array) else np.asarray(given)
    if array.dtype.kind not in "fiub":
        raise DTypeError(message("check", argument, f"dtype {array.dtype}", "numbers"))
    return array


def _near(a: Any, b: Any, tolerance: float) -> bool:
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= tolerance))


def _other_shape(a: Any, b: Any, tolerance: float) -> str:
    """The slip behind a wrong shape."""
    start = f"Its shape is {a.shape}, that of the right one {b.shape}: "
    if _near(a.T, b, tolerance):
        return f"{start}it is the transpose. A gradient has the shape of what it is the gradient of."
    if a.size == b.size and _near(a.reshape(b.shape), b, tolerance):
        return f"{start}the numbers are right, reshape them."
    for axis in range(a.ndim):
        for keep in (False, True):
            for how, reduce in (("sum", np.sum), ("take the mean", np.mean)):
                if _near(reduce(a, axis=axis, keepdims=keep), b, tolerance):
                    return f"{start}{how} over axis {axis}. What was broadcast forward, as a bias over the batch, is summed backward."
    if a.ndim < b.ndim or a.size < b.size:
        return f"{start}something was summed or dropped. A gradient has the shape of what it is the gradient of."
    return f"{start}a gradient has the shape of what it is the gradient of."


def _same_shape(a: Any, b: Any, wrong: Any, tolerance: float) -> str:
    """The slip behind wrong numbers."""
    if _near(-a, b, tolerance):
        return "The sign is turned: is it prediction - target, and not the other way round?"
    if a.ndim == 2 and _near(a.T, b, tolerance):
        return "It is the transpose of the right one."
    if not a.any():
        return "It is 0 everywhere: does anything reach it?"
    factor = float(np.vdot(b, a) / (np.vdot(b, b) or 1.0))
    if factor and _near(a / factor, b, tolerance):
        return _factor(factor)
    if np.all(b[wrong] == 0.0):
        return f"It should be 0 at {int(wrong.sum())} of {b.size} elements, as behind a relu that is off, or a mask."
    if np.all(a[wrong] == 0.0):
        return f"It is 0 at {int(wrong.sum())} of {b.size} elements that should not be: is += needed where = stands?"
    return f"{int(wrong.sum())} of {b.size} elements are wrong."


def _factor(factor: float) -> str:
    """What a constant factor comes from."""
    times = f"It is {factor:.6g} times the right one"
    for count, slip in ((factor, "was the 1/N of a mean left out?"), (1 / factor, "was it divided by N once too often?")):
        if count > 1.5 and abs(count - round(count)) < 1e-3 * count:
            return f"{times}: {'what became of the 2 in d(x^2) = 2 x dx?' if round(count) == 2 else slip}"
    return f"{times}: a constant is missing."
