"""Checks of derivatives and of accuracy: for minigrad's own tests, and for functions that you write.

    >>> from minigrad.testing import gradcheck
    >>> gradcheck(lambda x: (x * x).sum(), mg.randn(3, dtype=mg.float64, requires_grad=True))
    True
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from minigrad import autograd
from minigrad._array import Array, float64, from_array
from minigrad._samples import Draw, Sample
from minigrad._tape import enable_grad
from minigrad._ulp import ulp_distance
from minigrad.errors import MinigradError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["Draw", "GradcheckError", "Sample", "gradcheck", "gradgradcheck", "materialize", "ulp_distance"]


class GradcheckError(MinigradError, RuntimeError, AssertionError):
    """The derivative that was computed is not the one that was measured."""


def materialize(sample: Sample, dtype: Any = float64, seed: int = 0) -> tuple[list[Any], dict[str, Any]]:
    """The inputs that a record's sample describes, as tensors, and its keywords."""
    rng = np.random.default_rng(seed)
    return [None if d is None else from_array(_drawn(d, rng, dtype)) for d in sample.inputs], dict(sample.keywords)


def _drawn(draw: Draw, rng: np.random.Generator, dtype: Any) -> np.ndarray[Any, Any]:
    if draw.kind == "int":
        return np.asarray(rng.integers(int(draw.low), int(draw.high), draw.shape))
    if draw.kind == "bool":
        return np.asarray(rng.random(draw.shape) < 0.5)
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


def gradcheck(
    func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
    raise_exception: bool = True, nondet_tol: float = 0.0, fast_mode: bool = False,
) -> bool:  # fmt: skip
    """Compares the derivative by backpropagation with central differences, in every element of every input.

    func takes the inputs and returns a tensor, or several. Its output is contracted with random cotangents v, and
    d(v . f)/dx_i is compared with (v . f(x + eps e_i) - v . f(x - eps e_i)) / (2 eps). An error names the worst element,
    both numbers and a verdict: a kink (the differences to both sides disagree), a lack of precision (float32), or a
    wrong derivative. Inputs should be float64: float32 leaves a difference no correct digits.

    fast_mode compares along one random direction of each input instead of element by element. nondet_tol: how much two
    runs of func may differ.
    """
    given = [inputs] if isinstance(inputs, Array) else list(inputs)
    wanted = [i for i, x in enumerate(given) if isinstance(x, Array) and x.requires_grad]
    if not wanted:
        raise ValueError("gradcheck: argument inputs: got none that requires a gradient, expected at least one.")
    for i in wanted:
        if given[i].dtype is not float64:
            warnings.warn(f"gradcheck: inputs[{i}] is {given[i].dtype}; finite differences need float64.", stacklevel=2)
    try:
        _compare(func, given, wanted, eps, atol, rtol, nondet_tol, fast_mode)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(func: Callable[..., Any], inputs: Any, **options: Any) -> bool:
    """gradcheck of func's gradient: the second derivative. Takes gradcheck's options."""
    given = [inputs] if isinstance(inputs, Array) else list(inputs)
    wanted = [i for i, x in enumerate(given) if isinstance(x, Array) and x.requires_grad]
    cotangents: list[Any] = []

    def gradient(*values: Any) -> Any:
        outs = _outputs(func(*values))
        if not cotangents:
            rng = np.random.default_rng(1)
            cotangents.extend(from_array(np.asarray(rng.uniform(0.5, 1.5, o.shape))) for o in outs)
        found = autograd.grad(outs, [values[i] for i in wanted], cotangents, create_graph=True, materialize_grads=True)
        return tuple(g for g in found if g.requires_grad) or (found[0] + values[wanted[0]] * 0.0,)

    return gradcheck(gradient, given, **options)


def _outputs(result: Any) -> list[Any]:
    outs = [result] if isinstance(result, Array) else list(result)
    return [o for o in outs if o.requires_grad]


def _compare(func: Any, given: list[Any], wanted: list[int], eps: float, atol: float, rtol: float, nondet: float, fast: bool) -> None:
    rng = np.random.default_rng(0)
    with enable_grad():
        outs = _outputs(func(*given))
        if not outs:
            raise GradcheckError("gradcheck: the result does not require a gradient: func does not record what it computes.")
        cotangents = [rng.uniform(0.5, 1.5, o.shape) for o in outs]
        analytic = autograd.grad(outs, [given[i] for i in wanted], [from_array(np.asarray(v, o.dtype)) for v, o in zip(cotangents, outs, strict=True)], materialize_grads=True)

    def value() -> float:
        with enable_grad():
            now = _outputs(func(*given))
        return float(sum(np.sum(v * o.array.astype(np.float64)) for v, o in zip(cotangents, now, strict=True)))

    if abs(value() - value()) > nondet:
        raise GradcheckError("gradcheck: two runs of func give different results. Seed its random numbers inside func.")
    for i, gradient in zip(wanted, analytic, strict=True):
        _compare_input(f"inputs[{i}]", given[i], gradient.array, value, eps, atol, rtol, fast, rng)


def _compare_input(name: str, x: Any, analytic: Any, value: Callable[[], float], eps: float, atol: float, rtol: float, fast: bool, rng: Any) -> None:
    """Every element in turn, or one random direction."""
    middle, array = value(), x.array
    if fast:
        directions = [rng.standard_normal(array.shape)] if array.size else []
    else:
        directions = [None] * array.size
    for k, direction in enumerate(directions):
        at = np.unravel_index(k, array.shape) if direction is None else Ellipsis
        before = array[at].copy()
        step = eps if direction is None else eps * direction
        try:
            array[at] = before + step
            above = value()
            array[at] = before - step
            below = value()
        finally:
            array[at] = before
        numeric, exact = (above - below) / (2 * eps), float(analytic[at] if direction is None else np.sum(analytic * direction))
        if not abs(numeric - exact) <= atol + rtol * abs(numeric):
            index = [int(n) for n in at] if direction is None else "a random direction"  # type: ignore[union-attr]
            verdict = _verdict(x, (above - middle) / eps, (middle - below) / eps, numeric, exact)
            raise GradcheckError(f"gradcheck: {name} at {index}: backward gives {exact:.10g}, differences give {numeric:.10g}. {verdict}")


def _verdict(x: Any, right: float, left: float, numeric: float, exact: float) -> str:
    if x.dtype is not float64:
        return "Precision: float32 has too few digits for a difference; use float64."
    if abs(right - left) > 0.1 * max(abs(right), abs(left)) and min(left, right) - 1e-4 <= exact <= max(left, right) + 1e-4:
        return f"A kink: the slope is {left:.6g} to the left and {right:.6g} to the right; check at another point."
    return "The derivative is wrong."


