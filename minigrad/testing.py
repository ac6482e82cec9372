"""Checks of derivatives and of accuracy: for minigrad's own tests, and for functions that you write.

>>> from minigrad.testing import gradcheck
>>> gradcheck(lambda x: (x * x).sum(), mg.randn(3, dtype=mg.float64, requires_grad=True))
True
"""

from __future__ import annotations

import warnings
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from minigrad import autograd
from minigrad._array import Array, float64, from_array
from minigrad._mode import set_grad_enabled
from minigrad._samples import Draw, Sample
from minigrad._ulp import ulp_distance
from minigrad.errors import MinigradError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

__all__ = ["Draw", "GradcheckError", "Sample", "gradcheck", "gradgradcheck", "materialize", "ulp_distance"]


class GradcheckError(MinigradError, RuntimeError, AssertionError):
    """The computed derivative differs from the measured one."""


def materialize(sample: Sample, dtype: Any = float64, seed: int = 0) -> tuple[list[Any], dict[str, Any]]:
    """The inputs that a record's sample describes, as tensors, and its keywords."""
    rng = np.random.default_rng(seed)
    return [None if d is None else from_array(_drawn(d, rng, dtype)) for d in sample.inputs], dict(sample.keywords)


def _drawn(draw: Draw, rng: np.random.Generator, dtype: Any) -> np.ndarray[Any, Any]:
    if draw.kind == "int":
        return np.asarray(rng.integers(int(draw.low), int(draw.high), draw.shape))
    if draw.kind == "bool":
        return np.asarray(rng.random(draw.shape) < 0.5)
    if draw.kind == "definite":
        x = rng.uniform(-1.0, 1.0, draw.shape)
        return np.asarray(x @ np.swapaxes(x, -1, -2) + 2 * np.eye(draw.shape[-1]), dtype)
    if draw.kind == "rows":
        rows = rng.uniform(0.1, 1.0, draw.shape)
        return np.asarray(rows / rows.sum(-1, keepdims=True), dtype)
    if draw.distinct:
        count = int(np.prod(draw.shape))
        return np.asarray((rng.permutation(count) * draw.gap + draw.low).reshape(draw.shape), dtype)
    x = np.asarray(rng.uniform(draw.low, draw.high, draw.shape))
    for kink in draw.away:
        x = np.where(np.abs(x - kink) < draw.gap, kink + np.copysign(draw.gap, x - kink), x)
    return np.asarray(x, dtype)


#: The largest number of elements that are moved one by one.
_FEW = 512


def gradcheck(
    func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
    raise_exception: bool = True, nondet_tol: float = 0.0, fast_mode: bool = False,
) -> bool:  # fmt: skip
    """Compare the derivative by backpropagation with central differences, in every element of every input.

    func takes the inputs and returns a tensor, or several. Its output is contracted with random cotangents v, and
    d(v . f)/dx_i is compared with (v . f(x + eps e_i) - v . f(x - eps e_i)) / (2 eps). An error names the worst element
    of an input, both numbers and a verdict: a kink (the differences to both sides disagree), a lack of precision
    (float32), or a wrong derivative. Inputs should be float64: float32 leaves a difference no correct digits.

    Every input is moved along a random direction, and, if it has at most 512 elements, along each of them; with fast_mode
    along the random direction alone. nondet_tol: how much two runs of func may differ.
    """
    given, wanted = _wanted("gradcheck", inputs)
    for i in wanted:
        if given[i].dtype is not float64:
            warnings.warn(f"gradcheck: inputs[{i}] is {given[i].dtype}; finite differences need float64.", stacklevel=2)
    try:
        run = _Run(func, given)
        gradients = run.gradients([given[i] for i in wanted])
        if abs(run.value() - run.value()) > nondet_tol:
            raise GradcheckError("gradcheck: two runs of func differ. Seed its random numbers inside func.")
        rng = np.random.default_rng(0)
        for i, gradient in zip(wanted, gradients, strict=True):
            x = given[i].array
            directions = _random_direction(x, rng)
            if not fast_mode and x.size <= _FEW:
                directions = chain(_elements(x), directions)
            run.compare(f"inputs[{i}]", given[i], gradient.array, directions, eps, atol, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(func: Callable[..., Any], inputs: Any, **options: Any) -> bool:
    """Check func's second derivative: gradcheck of its gradient. Takes gradcheck's options."""
    given, wanted = _wanted("gradgradcheck", inputs)
    cotangents: list[Any] = []

    def gradient(*values: Any) -> Any:
        outs = _outputs(func(*values))
        if not cotangents:
            rng = np.random.default_rng(1)
            cotangents.extend(from_array(np.asarray(rng.uniform(0.5, 1.5, o.shape))) for o in outs)
        found = autograd.grad(outs, [values[i] for i in wanted], cotangents, create_graph=True, materialize_grads=True)
        # A gradient without a history claims to be constant. Adding 0 gives it one, so that the claim is checked, too.
        nothing = (values[wanted[0]] * 0.0).sum()
        return tuple(g if g.requires_grad else g + nothing for g in found)

    return gradcheck(gradient, given, **options)


def _wanted(op: str, inputs: Any) -> tuple[list[Any], list[int]]:
    """The inputs as a list, and the positions of those to differentiate by."""
    given = [inputs] if isinstance(inputs, Array) else list(inputs)
    wanted = [i for i, x in enumerate(given) if isinstance(x, Array) and x.requires_grad]
    if not wanted:
        raise ValueError(message(op, "inputs", "none that requires a gradient", "at least one"))
    for i in wanted:
        if not given[i].array.flags.writeable:
            remedy = "Pass x.clone(): the check moves the numbers where they are."
            raise ValueError(message(op, f"inputs[{i}]", "read-only memory", "memory of its own", remedy))
    return given, wanted


def _outputs(result: Any) -> list[Any]:
    outs = [result] if isinstance(result, Array) else list(result)
    return [o for o in outs if o.requires_grad]


def _elements(x: np.ndarray[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """(where, direction): every element in turn."""
    return ((index, 1.0) for index in np.ndindex(x.shape))


def _random_direction(x: np.ndarray[Any, Any], rng: np.random.Generator) -> Iterable[tuple[Any, Any]]:
    """(where, direction): all elements at once."""
    return [(Ellipsis, rng.standard_normal(x.shape))]


class _Run:
    """A function, its inputs, and the cotangents that its outputs are contracted with to a single number."""

    def __init__(self, func: Callable[..., Any], given: list[Any]) -> None:
        self.func, self.given = func, given
        self.outs = self.call()
        if not self.outs:
            raise GradcheckError("gradcheck: the result requires no gradient: func does not record what it computes.")
        rng = np.random.default_rng(0)
        self.cotangents = [np.asarray(rng.uniform(0.5, 1.5, o.shape), o.dtype) for o in self.outs]
        self.precise = all(o.dtype is float64 for o in self.outs)

    def call(self) -> list[Any]:
        with set_grad_enabled(True):
            return _outputs(self.func(*self.given))

    def value(self) -> float:
        pairs = zip(self.cotangents, self.call(), strict=True)
        return float(sum(np.sum(v * o.array.astype(np.float64)) for v, o in pairs))

    def gradients(self, inputs: list[Any]) -> tuple[Any, ...]:
        seeds = [from_array(v) for v in self.cotangents]
        # Retained, because an input may have a history of its own, which the caller still needs.
        return autograd.grad(self.outs, inputs, seeds, retain_graph=True, materialize_grads=True)

    def compare(
        self, name: str, x: Any, gradient: Any, directions: Iterable[tuple[Any, Any]],
        eps: float, atol: float, rtol: float,
    ) -> None:  # fmt: skip
        """Raises GradcheckError for the direction in which backward and differences deviate most, beyond the tolerance."""
        middle, worst, error = self.value(), 0.0, ""
        for at, direction in directions:
            above, below = self.moved(x.array, at, eps * direction), self.moved(x.array, at, -eps * direction)
            numeric, exact = (above - below) / (2 * eps), float(np.sum(gradient[at] * direction))
            excess = abs(numeric - exact) - (atol + rtol * abs(numeric))
            if not excess <= worst:
                slopes = (middle - below) / eps, (above - middle) / eps
                verdict = _verdict(self.precise and x.dtype is float64, *slopes, exact)
                place = "a random direction" if at is Ellipsis else list(at)
                error = f"{name} at {place}: backward gives {exact:.10g}, differences give {numeric:.10g}. {verdict}"
                worst = excess if excess == excess else np.inf  # a NaN cannot be outdone
        if error:
            raise GradcheckError(f"gradcheck: {error}")

    def moved(self, array: Any, at: Any, step: Any) -> float:
        """The value with the input moved; afterwards it is moved back."""
        before = array[at].copy()
        try:
            array[at] = before + step
            return self.value()
        finally:
            array[at] = before


def _verdict(precise: bool, left: float, right: float, exact: float) -> str:
    if not precise:
        return "Precision: float32 has too few digits for a difference; use float64."
    bent = abs(right - left) > 0.1 * max(abs(right), abs(left))
    if bent and min(left, right) - 1e-4 <= exact <= max(left, right) + 1e-4:
        return f"A kink: the slope is {left:.6g} to the left and {right:.6g} to the right; check at another point."
    return "The derivative is wrong."
