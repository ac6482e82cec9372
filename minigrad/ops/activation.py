"""Activations, each above its derivative. A derivative that is a kernel is also a record, with a derivative of its own: by
formula if that is short, otherwise through the composition that the kernel must equal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from minigrad._kernels import elementwise as kernels
from minigrad._op import composed, defop, public
from minigrad._samples import SHAPES, Draw, Sample, binary, unary
from minigrad.errors import ShapeError, message
from minigrad.ops.elementwise import (
    add,
    div,
    erf,
    erf_reference,
    exp,
    expm1,
    greater,
    less,
    less_equal,
    log,
    log1p,
    mul,
    neg,
    square,
    sub,
    where,
    zero_like,
)
from minigrad.ops.layout import reshape_op

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minigrad._op import Function


def _with_cotangent(
    away: tuple[float, ...] = (), low: float = -2.0, high: float = 2.0, **keywords: Any
) -> Callable[[], list[Sample]]:
    """Samples of a backward kernel: the cotangent, and the x or out that it reads."""
    return lambda: [Sample(Draw(s), Draw(s, low, high, away=away), **keywords) for s in SHAPES]


# -- relu and its relatives --------------------------------------------------------------------------------------------

relu: Function = defop(
    "relu", "x",
    forward=kernels.relu,
    vjp={"x": lambda g, out: relu_bwd(g, out)},
    reference=lambda x: np.maximum(x, np.zeros_like(x)),
    samples=unary(away=(0.0,)),
    names="relu",
    doc="max(x, 0). The subgradient at 0 is 0. Only the output is kept: it is positive where x was.",
)  # fmt: skip

relu_bwd: Function = defop(
    "relu_bwd", "g, out",
    forward=kernels.relu_bwd,
    vjp={"g": lambda g, out: relu_bwd(g, out)},
    nondiff="out",
    composition=lambda g, out: where(less_equal(out, 0.0), 0.0, g),
    reference=lambda g, out: np.where(out <= 0, np.zeros_like(g), g),
    samples=_with_cotangent(away=(0.0,)),
    doc="0 where out <= 0, else g; so the gradient passes at a NaN.",
)  # fmt: skip

leaky_relu_op: Function = defop(
    "leaky_relu", "x | negative_slope",
    forward=kernels.leaky_relu,
    vjp={"x": lambda g, x, negative_slope: leaky_relu_bwd(g, x, negative_slope=negative_slope)},
    composition=lambda x, *, negative_slope: where(greater(x, 0.0), x, mul(x, negative_slope)),
    reference=lambda x, *, negative_slope: np.where(x > 0, x, x * x.dtype.type(negative_slope)),
    samples=unary(away=(0.0,), negative_slope=0.1),
    doc="x where x > 0, else negative_slope x. At 0 the slope is negative_slope.",
)  # fmt: skip

leaky_relu_bwd: Function = defop(
    "leaky_relu_bwd", "g, x | negative_slope",
    forward=kernels.leaky_relu_bwd,
    vjp={"g": lambda g, x, negative_slope: leaky_relu_bwd(g, x, negative_slope=negative_slope)},
    nondiff="x",
    composition=lambda g, x, *, negative_slope: where(greater(x, 0.0), g, mul(g, negative_slope)),
    reference=lambda g, x, *, negative_slope: np.where(x > 0, g, g * g.dtype.type(negative_slope)),
    samples=_with_cotangent(away=(0.0,), negative_slope=0.1),
    doc="g where x > 0, else negative_slope g.",
)  # fmt: skip

elu_op: Function = defop(
    "elu", "x | alpha",
    forward=kernels.elu,
    vjp={"x": lambda g, x, alpha: elu_bwd(g, x, alpha=alpha)},
    composition=lambda x, *, alpha: where(greater(x, 0.0), x, mul(expm1(x), alpha)),
    reference=lambda x, *, alpha: np.where(x > 0, x, x.dtype.type(alpha) * np.expm1(np.minimum(x, 0))),
    samples=unary(away=(0.0,), alpha=1.5),
    kind="float",
    doc="x where x > 0, else alpha (exp(x) - 1) (Clevert, Unterthiner and Hochreiter 2016).",
)  # fmt: skip

elu_bwd: Function = defop(
    "elu_bwd", "g, x | alpha",
    forward=kernels.elu_bwd,
    vjp={"g": lambda g, x, alpha: elu_bwd(g, x, alpha=alpha)},
    composition=lambda g, x, *, alpha: where(greater(x, 0.0), g, mul(mul(g, alpha), exp(x))),
    reference=lambda g, x, *, alpha: np.where(x > 0, g, g * g.dtype.type(alpha) * np.exp(np.minimum(x, 0))),
    samples=_with_cotangent(away=(0.0,), alpha=1.5),
    doc="g where x > 0, else g alpha exp(x).",
)  # fmt: skip

# -- sigmoid and its relatives -----------------------------------------------------------------------------------------


def sigmoid_reference(x: Any) -> Any:
    """1 / (1 + exp(-x)), without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e)).astype(x.dtype if x.dtype.kind == "f" else np.float32)


sigmoid: Function = defop(
    "sigmoid", "x",
    forward=kernels.sigmoid,
    vjp={"x": lambda g, out: sigmoid_bwd(g, out)},
    composition=lambda x: div(1.0, add(exp(neg(x)), 1.0)),
    reference=sigmoid_reference,
    samples=unary(),
    kind="float",
    names="sigmoid",
    spaces="minigrad Tensor nn.functional",
    doc="1 / (1 + exp(-x)). y' = y (1 - y), so only the output is kept.",
)  # fmt: skip

sigmoid_bwd: Function = defop(
    "sigmoid_bwd", "g, out",
    forward=kernels.sigmoid_bwd,
    vjp={"g": lambda g, out: sigmoid_bwd(g, out)},
    composition=lambda g, out: mul(g, mul(out, sub(1.0, out))),
    reference=lambda g, out: g * (out * (1 - out)),
    samples=_with_cotangent(low=0.05, high=0.95),
    doc="g out (1 - out).",
)  # fmt: skip

tanh: Function = defop(
    "tanh", "x",
    forward=kernels.tanh,
    vjp={"x": lambda g, out: tanh_bwd(g, out)},
    composition=lambda x: sub(mul(sigmoid(mul(x, 2.0)), 2.0), 1.0),
    reference=np.tanh,
    samples=unary(),
    kind="float",
    names="tanh",
    spaces="minigrad Tensor nn.functional",
    doc="The hyperbolic tangent. y' = 1 - y^2, so only the output is kept.",
)  # fmt: skip

tanh_bwd: Function = defop(
    "tanh_bwd", "g, out",
    forward=kernels.tanh_bwd,
    vjp={"g": lambda g, out: tanh_bwd(g, out)},
    composition=lambda g, out: mul(g, sub(1.0, square(out))),
    reference=lambda g, out: g * (1 - out * out),
    samples=_with_cotangent(low=-0.95, high=0.95),
    doc="g (1 - out^2).",
)  # fmt: skip

softplus_op: Function = defop(
    "softplus", "x | beta, threshold",
    forward=kernels.softplus,
    vjp={"x": lambda g, x, beta, threshold: softplus_bwd(g, x, beta=beta, threshold=threshold)},
    composition=lambda x, *, beta, threshold: where(greater(mul(x, beta), threshold), x, div(log1p(exp(mul(x, beta))), beta)),
    reference=lambda x, *, beta, threshold: np.where(
        x * beta > threshold, x, np.log1p(np.exp(np.minimum(x * beta, threshold))) / beta
    ),
    samples=lambda: [Sample(Draw(s, away=(0.5,)), beta=2.0, threshold=1.0) for s in SHAPES] + [Sample(Draw((9,)), beta=1.0, threshold=20.0)],
    doc="log(1 + exp(beta x)) / beta, and x itself where beta x > threshold.",
)  # fmt: skip

softplus_bwd: Function = defop(
    "softplus_bwd", "g, x | beta, threshold",
    forward=kernels.softplus_bwd,
    vjp={"g": lambda g, x, beta, threshold: softplus_bwd(g, x, beta=beta, threshold=threshold)},
    composition=lambda g, x, *, beta, threshold: where(greater(mul(x, beta), threshold), g, mul(g, sigmoid(mul(x, beta)))),
    reference=lambda g, x, *, beta, threshold: np.where(x * beta > threshold, g, g * sigmoid_reference(x * x.dtype.type(beta))),
    samples=_with_cotangent(away=(0.5,), beta=2.0, threshold=1.0),
    doc="g sigmoid(beta x), and g itself where beta x > threshold.",
)  # fmt: skip

silu: Function = defop(
    "silu", "x",
    forward=kernels.silu,
    vjp={"x": lambda g, x: silu_bwd(g, x)},
    composition=lambda x: mul(x, sigmoid(x)),
    reference=lambda x: x * sigmoid_reference(x),
    samples=unary(),
    kind="float",
    doc="x sigmoid(x) (Elfwing, Uchibe and Doya 2018), also called swish.",
)  # fmt: skip


def _silu_bwd_composed(g: Any, x: Any) -> Any:
    p = sigmoid(x)
    return mul(mul(g, p), add(mul(x, sub(1.0, p)), 1.0))


silu_bwd: Function = defop(
    "silu_bwd", "g, x",
    forward=kernels.silu_bwd,
    vjp={"g": lambda g, x: silu_bwd(g, x)},
    composition=_silu_bwd_composed,
    reference=lambda g, x: g * sigmoid_reference(x) * (1 + x * (1 - sigmoid_reference(x))),
    samples=_with_cotangent(),
    doc="g p (1 + x (1 - p)) with p = sigmoid(x).",
)  # fmt: skip

# -- gelu --------------------------------------------------------------------------------------------------------------------------

_SQRT_HALF = math.sqrt(0.5)
_INV_SQRT_2PI = 1 / math.sqrt(2 * math.pi)

gelu_erf: Function = defop(
    "gelu", "x",
    forward=kernels.gelu,
    vjp={"x": lambda g, x: gelu_bwd(g, x)},
    composition=lambda x: mul(mul(x, 0.5), add(erf(mul(x, _SQRT_HALF)), 1.0)),
    reference=lambda x: x * 0.5 * (1 + erf_reference(x * x.dtype.type(_SQRT_HALF))),
    samples=unary(),
    kind="float",
    doc="x P(X <= x) for a standard normal X: x (1 + erf(x / sqrt 2)) / 2 (Hendrycks and Gimpel 2016).",
)  # fmt: skip


def _gelu_bwd_composed(g: Any, x: Any) -> Any:
    cdf = mul(add(erf(mul(x, _SQRT_HALF)), 1.0), 0.5)
    pdf = mul(exp(mul(square(x), -0.5)), _INV_SQRT_2PI)
    return mul(g, add(cdf, mul(x, pdf)))


gelu_bwd: Function = defop(
    "gelu_bwd", "g, x",
    forward=kernels.gelu_bwd,
    vjp={"g": lambda g, x: gelu_bwd(g, x)},
    composition=_gelu_bwd_composed,
    reference=lambda g, x: g * (0.5 * (1 + erf_reference(x * x.dtype.type(_SQRT_HALF))) + x * np.exp(-x * x / 2) * x.dtype.type(_INV_SQRT_2PI)),
    samples=_with_cotangent(),
    doc="g (P(X <= x) + x p(x)), p the standard normal density.",
)  # fmt: skip

_TWICE_SQRT_2_OVER_PI = 2 * math.sqrt(2 / math.pi)
_CUBIC = 0.044715


def _gelu_tanh_composed(x: Any) -> Any:
    return mul(x, sigmoid(mul(mul(x, _TWICE_SQRT_2_OVER_PI), add(mul(square(x), _CUBIC), 1.0))))


def _gelu_tanh_reference(x: Any) -> Any:
    return x * sigmoid_reference(x * x.dtype.type(_TWICE_SQRT_2_OVER_PI) * (1 + x.dtype.type(_CUBIC) * x * x))


gelu_tanh: Function = defop(
    "gelu_tanh", "x",
    forward=kernels.gelu_tanh,
    vjp={"x": lambda g, x: gelu_tanh_bwd(g, x)},
    composition=_gelu_tanh_composed,
    reference=_gelu_tanh_reference,
    samples=unary(),
    kind="float",
    doc="gelu with P(X <= x) approximated by (1 + tanh u) / 2 = sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3).",
)  # fmt: skip


def _gelu_tanh_bwd_composed(g: Any, x: Any) -> Any:
    p = sigmoid(mul(mul(x, _TWICE_SQRT_2_OVER_PI), add(mul(square(x), _CUBIC), 1.0)))
    slope = mul(add(mul(square(x), 3 * _CUBIC), 1.0), _TWICE_SQRT_2_OVER_PI)
    return mul(g, add(p, mul(mul(mul(x, p), sub(1.0, p)), slope)))


def _gelu_tanh_bwd_reference(g: Any, x: Any) -> Any:
    real = x.dtype.type
    p = sigmoid_reference(x * real(_TWICE_SQRT_2_OVER_PI) * (1 + real(_CUBIC) * x * x))
    return g * (p + x * p * (1 - p) * real(_TWICE_SQRT_2_OVER_PI) * (1 + real(3 * _CUBIC) * x * x))


gelu_tanh_bwd: Function = defop(
    "gelu_tanh_bwd", "g, x",
    forward=kernels.gelu_tanh_bwd,
    vjp={"g": lambda g, x: gelu_tanh_bwd(g, x)},
    composition=_gelu_tanh_bwd_composed,
    reference=_gelu_tanh_bwd_reference,
    samples=_with_cotangent(),
    doc="g (p + x p (1 - p) 2u') with p = sigmoid(2u).",
)  # fmt: skip

# -- as users call them ------------------------------------------------------------------------------------------------------------------

ACTIVATIONS = "nn.functional"
BOTH = "minigrad Tensor nn.functional"


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """x where x > 0, else negative_slope x. At 0 the slope is negative_slope."""
    return leaky_relu_op(x, negative_slope=float(negative_slope))


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where x > 0, else alpha (exp(x) - 1) (Clevert, Unterthiner and Hochreiter 2016)."""
    return elu_op(x, alpha=float(alpha))


@public("softplus", ACTIVATIONS)
def softplus(x: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + exp(beta x)) / beta, a smooth relu; x itself where beta x > threshold, as the difference vanishes there."""
    return softplus_op(x, beta=float(beta), threshold=float(threshold))


@public("gelu", ACTIVATIONS)
def gelu(x: Any, approximate: str = "none") -> Any:
    """x P(X <= x) for a standard normal X; approximate="tanh" for the older approximation of it."""
    if approximate not in ("none", "tanh"):
        raise ValueError(message("gelu", "approximate", f"{approximate!r}", "'none' or 'tanh'"))
    return gelu_erf(x) if approximate == "none" else gelu_tanh(x)


# -- compositions ------------------------------------------------------------------------------------------------------


@composed(
    lambda x, *, eps: np.log(np.clip(x, eps, 1 - eps) / (1 - np.clip(x, eps, 1 - eps))), unary(0.1, 0.9, eps=0.01), spaces=BOTH
)
def logit(x: Any, eps: float | None = None) -> Any:
    """log(x / (1 - x)), the inverse of sigmoid. eps limits x to [eps, 1 - eps]."""
    if eps is not None:
        x = where(less(x, eps), eps, where(greater(x, 1 - eps), 1 - eps, x))
    return sub(log(x), log1p(neg(x)))


prelu_op: Function = defop(
    "prelu", "x, weight",
    forward=kernels.prelu,
    vjp={
        "x": lambda g, x, weight: where(greater(x, 0.0), g, mul(g, weight)),
        "weight": lambda g, x: where(greater(x, 0.0), zero_like(g), mul(g, x)),
    },
    reference=lambda x, weight: np.where(x > 0, x, weight * x),
    samples=binary(x_away=(0.0,)),
    doc="x where x > 0, else weight x (He et al. 2015), broadcast.",
)  # fmt: skip


@public("prelu", BOTH)
def prelu(x: Any, weight: Any) -> Any:
    """x where x > 0, else weight x (He et al. 2015). weight: one number, or one for each channel, the second dimension."""
    if weight.count != 1 and len(x.shape) > 1 and weight.count == x.shape[1]:
        weight = reshape_op(weight, shape=(weight.count, *(1,) * (len(x.shape) - 2)))
    elif weight.count != 1:
        expected = "one number, or as many as the input has channels (its second dimension)"
        raise ShapeError(message("prelu", "weight", f"shape {weight.shape} for input {x.shape}", expected))
    return prelu_op(x, weight)
