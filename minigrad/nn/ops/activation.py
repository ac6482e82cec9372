"""Activations composed of other ops, and one with bounds that several share. Their parameter `inplace` has no effect, as in
minigrad.nn.functional."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._kernels import elementwise as kernels
from minigrad._op import composed, defop, public
from minigrad._samples import SHAPES, Draw, Sample, unary
from minigrad.errors import ShapeError, message
from minigrad.ops.activation import ACTIVATIONS, elu_op, sigmoid, sigmoid_reference, softplus_op, tanh
from minigrad.ops.elementwise import (
    abs,
    add,
    div,
    greater,
    greater_equal,
    less_equal,
    mul,
    neg,
    sub,
    where,
)
from minigrad.ops.layout import getitem_op

if TYPE_CHECKING:
    from typing import Any

    from minigrad._op import Function

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805
_BOUNDS = {"low": -0.5, "high": 1.0}

limited: Function = defop(
    "limited", "x | low, high",
    forward=kernels.clip,
    vjp={"x": lambda g, x, low, high: limited_bwd(g, x, low=low, high=high)},
    reference=lambda x, *, low, high: np.clip(x, low, high),
    samples=lambda: [Sample(Draw(s, away=(-0.5, 1.0)), **_BOUNDS) for s in SHAPES],
    kind="float",
    doc="x limited to [low, high]; at these bounds the slope is 0, unlike that of clip.",
)  # fmt: skip

limited_bwd: Function = defop(
    "limited_bwd", "g, x | low, high",
    forward=kernels.hardtanh_bwd,
    vjp={"g": lambda g, x, low, high: limited_bwd(g, x, low=low, high=high)},
    nondiff="x",
    reference=lambda g, x, *, low, high: np.where((x <= low) | (x >= high), np.zeros_like(g), g),
    samples=lambda: [Sample(Draw(s), Draw(s, away=(-0.5, 1.0)), **_BOUNDS) for s in SHAPES],
    doc="0 where x <= low or x >= high, else g; so the gradient passes at a NaN.",
)  # fmt: skip


fill_between: Function = defop(
    "fill_between", "y, x | low, high, value",
    forward=kernels.fill_between,
    vjp={"y": lambda g, x, low, high: fill_between(g, x, low=low, high=high, value=0.0)},
    nondiff="x",
    reference=lambda y, x, *, low, high, value: np.where((x >= low) & (x <= high), y.dtype.type(value), y),
    samples=lambda: [Sample(Draw(s), Draw(s, away=(-0.5, 1.0)), value=v, **_BOUNDS) for s in SHAPES for v in (0.0, 3.0)],
    doc="value where low <= x <= high, else y, so that y passes where x is NaN.",
)  # fmt: skip


def _hard_sigmoid(x: Any) -> Any:
    return np.clip(x / 6 + 0.5, 0, 1)


_wide = unary(-5.0, 5.0, away=(-3.0, 3.0))


def _wide_with_cotangent() -> list[Sample]:
    return [Sample(Draw(s), Draw(s, -5.0, 5.0, away=(-3.0, 3.0))) for s in SHAPES]


hardsigmoid_op: Function = defop(
    "hardsigmoid", "x",
    forward=kernels.hardsigmoid,
    vjp={"x": lambda g, x: hardsigmoid_bwd(g, x)},
    reference=_hard_sigmoid,
    samples=_wide,
    kind="float",
    doc="x / 6 + 1 / 2 between 0 and 1. Its slope is 1 / 6 between -3 and 3, else 0.",
)  # fmt: skip

hardsigmoid_bwd: Function = defop(
    "hardsigmoid_bwd", "g, x",
    forward=kernels.hardsigmoid_bwd,
    vjp={"g": lambda g, x: hardsigmoid_bwd(g, x)},
    nondiff="x",
    reference=lambda g, x: np.where(np.abs(x) >= 3, np.zeros_like(g), g / 6),
    samples=_wide_with_cotangent,
    doc="0 where |x| >= 3, else g / 6.",
)  # fmt: skip

hardswish_op: Function = defop(
    "hardswish", "x",
    forward=kernels.hardswish,
    vjp={"x": lambda g, x: hardswish_bwd(g, x)},
    reference=lambda x: np.maximum(x, -3) * _hard_sigmoid(x),
    samples=_wide,
    kind="float",
    doc="x hardsigmoid(x) (Howard et al. 2019): 0 up to -3, with slope 0 there, and x from 3 on, with slope 1.",
)  # fmt: skip

hardswish_bwd: Function = defop(
    "hardswish_bwd", "g, x",
    forward=kernels.hardswish_bwd,
    vjp={"g": lambda g, x: hardswish_bwd(g, x)},
    composition=lambda g, x: where(less_equal(x, -3.0), 0.0, where(greater_equal(x, 3.0), g, mul(g, add(div(x, 3.0), 0.5)))),
    reference=lambda g, x: np.where(x <= -3, np.zeros_like(g), np.where(x >= 3, g, g * (x / 3 + 0.5))),
    samples=_wide_with_cotangent,
    doc="0 where x <= -3, g where x >= 3, g (x / 3 + 1 / 2) between.",
)  # fmt: skip

softshrink_op: Function = defop(
    "softshrink", "x | lambd",
    forward=kernels.softshrink,
    vjp={"x": lambda g, x, lambd: fill_between(g, x, low=-lambd, high=lambd, value=0.0)},
    reference=lambda x, *, lambd: x - np.clip(x, -lambd, lambd),
    samples=unary(away=(-0.5, 0.5), lambd=0.5),
    kind="float",
    doc="x moved towards 0 by lambd, and 0 where |x| <= lambd.",
)  # fmt: skip


@composed(lambda x: np.clip(x, 0, 6), unary(-4.0, 8.0, away=(0.0, 6.0)), spaces=ACTIVATIONS)
def relu6(x: Any, inplace: bool = False) -> Any:
    """min(max(x, 0), 6) (Howard et al. 2017)."""
    return limited(x, low=0.0, high=6.0)


@composed(
    lambda x, *, min_val, max_val: np.clip(x, min_val, max_val), unary(away=(-0.5, 1.0), min_val=-0.5, max_val=1.0), spaces=ACTIVATIONS
)
def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """x limited to [min_val, max_val]; at these bounds the slope is 0."""
    return limited(x, low=float(min_val), high=float(max_val))


@public("hardsigmoid", ACTIVATIONS)
def hardsigmoid(x: Any, inplace: bool = False) -> Any:
    """x / 6 + 1 / 2 between 0 and 1."""
    return hardsigmoid_op(x)


@public("hardswish", ACTIVATIONS)
def hardswish(x: Any, inplace: bool = False) -> Any:
    """x hardsigmoid(x) (Howard et al. 2019): 0 up to -3, with slope 0 there, and x from 3 on, with slope 1."""
    return hardswish_op(x)


@composed(
    lambda x: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0))), unary(away=(0.0,)), spaces=ACTIVATIONS
)
def selu(x: Any, inplace: bool = False) -> Any:
    """elu with the alpha and scale that keep mean 0 and variance 1 (Klambauer et al. 2017)."""
    return mul(elu_op(x, alpha=_SELU_ALPHA), _SELU_SCALE)


@composed(
    lambda x, *, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha)), unary(away=(0.0,), alpha=1.5), spaces=ACTIVATIONS
)
def celu(x: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """x where x > 0, else alpha (exp(x / alpha) - 1) (Barron 2017): its slope has no jump."""
    return elu_op(x, alpha=1.0) if alpha == 1 else where(greater(x, 0.0), x, mul(elu_op(div(x, alpha), alpha=1.0), alpha))


@composed(lambda x: -np.logaddexp(0, -x), unary(), spaces=ACTIVATIONS)
def logsigmoid(x: Any) -> Any:
    """log(sigmoid(x)), without overflow."""
    return neg(softplus_op(neg(x), beta=1.0, threshold=40.0))


@composed(lambda x: x * np.tanh(np.logaddexp(0, x)), unary(), spaces=ACTIVATIONS)
def mish(x: Any, inplace: bool = False) -> Any:
    """x tanh(softplus(x)) (Misra 2019)."""
    return mul(x, tanh(softplus_op(x, beta=1.0, threshold=40.0)))


@composed(lambda x: x / (1 + np.abs(x)), unary(away=(0.0,)), spaces=ACTIVATIONS)
def softsign(x: Any) -> Any:
    """x / (1 + |x|)."""
    return div(x, add(abs(x), 1.0))


@composed(lambda x: x - np.tanh(x), unary(), spaces=ACTIVATIONS)
def tanhshrink(x: Any) -> Any:
    """x - tanh(x)."""
    return sub(x, tanh(x))


@public("softshrink", ACTIVATIONS)
def softshrink(x: Any, lambd: float = 0.5) -> Any:
    """x moved towards 0 by lambd, and 0 where |x| <= lambd."""
    return softshrink_op(x, lambd=float(lambd))


@composed(lambda x, *, lambd: np.where(np.abs(x) > lambd, x, 0), unary(away=(-0.5, 0.5), lambd=0.5), spaces=ACTIVATIONS)
def hardshrink(x: Any, lambd: float = 0.5) -> Any:
    """x where |x| > lambd, else 0."""
    return fill_between(x, x, low=-float(lambd), high=float(lambd), value=0.0)


@composed(
    lambda x, *, threshold, value: np.where(x > threshold, x, value), unary(away=(0.1,), threshold=0.1, value=20.0), spaces=ACTIVATIONS
)
def threshold(x: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """x where it is above the threshold, else value; a NaN passes."""
    return fill_between(x, x, low=-math.inf, high=float(threshold), value=float(value))


@composed(
    lambda x, *, dim: np.split(x, 2, dim)[0] * sigmoid_reference(np.split(x, 2, dim)[1]),
    lambda: [Sample(Draw(s), dim=d) for s, d in (((6,), -1), ((3, 4), 1), ((4, 3), 0), ((0, 2), -1))],
    spaces=ACTIVATIONS,
)
def glu(input: Any, dim: int = -1) -> Any:
    """The first half of a dimension times the sigmoid of the second (Dauphin et al. 2017)."""
    axis = shapes.one_axis("glu", dim, len(input.shape))
    if not input.shape or input.shape[axis] % 2:
        raise ShapeError(message("glu", "input", f"shape {input.shape}", f"an even length in dimension {dim}, to be halved"))
    half = input.shape[axis] // 2
    value, gate = (getitem_op(input, index=(slice(None),) * axis + (s,)) for s in (slice(half), slice(half, None)))
    return mul(value, sigmoid(gate))
