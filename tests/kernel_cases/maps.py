"""Kernels that take one element at a time: elementwise ops, activations, pointwise losses; and the losses' sums.

A bound counts the roundings on the longest way to a number, ours and those of
the float64 reference (which matter for float64 kernels only), each at most u = epsilon / 2 of the numbers rounded:
0 means the correctly rounded result, to the bit. A function of math.inc counts MATH: it is at most 1.5 ULP off
(test_accuracy.py), which is 3 u, and NumPy's is trusted with as much.
"""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from minigrad._C import ffi

from kernel_cases.calls import KERNELS, Problem, Want

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Numbers = np.ndarray[Any, np.dtype[Any]]

MATH = 6
#: reduce.inc: 3 roundings in a tree, 8 of the rest, 1 at the end, log2(16) across lanes; and as many again where the
#: sums of parts are summed. References are summed in long double.
SUM = 32

# -- one element at a time ---------------------------------------------------------------------------------------------


class Map(NamedTuple):
    """out[i] = value(operands[i], scalars): the value, or the value and the scale of its rounding errors."""

    value: Callable[..., Any]
    roundings: float
    domains: dict[str, tuple[float, float]]
    scalars: tuple[dict[str, float], ...] = ({},)


ANY = (-3.0, 3.0)
UNIT = (0.001, 0.999)
BOOL = (0, 2)
WHOLE = (-(2.0**52), 2.0**52)
FEW = (-3, 4)


def erf(x: Numbers) -> Numbers:
    return np.vectorize(math.erf, otypes=[np.float64])(x)


def erfc(x: Numbers) -> Numbers:
    return np.vectorize(math.erfc, otypes=[np.float64])(x)


def sigmoid(x: Numbers) -> Numbers:
    t = np.exp(-np.abs(x))
    return np.where(x < 0, t, np.where(np.isnan(x), x, 1)) / (1 + t)


def sign(x: Numbers) -> Numbers:
    return np.where(x == 0, x, np.sign(x))


def where(condition: Numbers, x: Any, y: Any) -> Numbers:
    return np.where(condition, x, y)


def _logaddexp(x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
    gap = np.abs(x - y)
    return np.logaddexp(x, y), np.maximum(np.abs(x), np.abs(y)) + 1 + np.where(np.isfinite(gap), gap, 0)


def _elu(x: Numbers, alpha: float) -> Numbers:
    return where(x > 0, x, alpha * np.expm1(x))


def _softplus(x: Numbers, beta: float, threshold: float) -> tuple[Numbers, Numbers]:
    y = where(beta * x > threshold, x, np.log1p(np.exp(beta * x)) / beta)
    return y, np.abs(y) * (1 + np.abs(beta * x))  # exp turns a relative error of its argument into |argument| times it


def _softplus_bwd(dout: Numbers, x: Numbers, beta: float, threshold: float) -> tuple[Numbers, Numbers]:
    dx = dout * where(beta * x > threshold, 1, sigmoid(beta * x))
    return dx, np.abs(dx) * (1 + np.abs(beta * x))


def _gelu(x: Numbers) -> tuple[Numbers, Numbers]:
    return x * 0.5 * (1 + erf(x * math.sqrt(0.5))), np.abs(x)  # 1 + erf cancels for negative x


def _gelu_bwd(dout: Numbers, x: Numbers) -> tuple[Numbers, Numbers]:
    cdf, pdf = 0.5 * (1 + erf(x * math.sqrt(0.5))), np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return dout * (cdf + x * pdf), np.abs(dout) * (1 + np.abs(x) * pdf * (1 + x * x))


def _gelu_tanh_argument(x: Numbers) -> tuple[Numbers, Numbers]:
    """2 u and its derivative, u = sqrt(2 / pi) (x + 0.044715 x^3): (1 + tanh u) / 2 = sigmoid(2 u)."""
    c = 2 * math.sqrt(2 / math.pi)
    return c * x * (1 + 0.044715 * x * x), c * (1 + 3 * 0.044715 * x * x)


def _gelu_tanh(x: Numbers) -> tuple[Numbers, Numbers]:
    a, _ = _gelu_tanh_argument(x)
    return x * sigmoid(a), np.abs(x) * sigmoid(a) * (1 + np.abs(a))


def _gelu_tanh_bwd(dout: Numbers, x: Numbers) -> tuple[Numbers, Numbers]:
    x = np.clip(x, -50, 50)  # beyond, the derivative is 0 or 1; the formula comes to 0 inf in the end
    a, slope = _gelu_tanh_argument(x)
    p, bell = sigmoid(a), np.abs(x) * slope * sigmoid(a)
    return dout * (p + x * p * (1 - p) * slope), np.abs(dout) * (p + bell) * (1 + np.abs(a))


def _silu_bwd(dout: Numbers, x: Numbers) -> tuple[Numbers, Numbers]:
    p = sigmoid(x)
    return dout * p * (1 + x * (1 - p)), np.abs(dout) * p * (1 + np.abs(x))


def _hard_sigmoid(x: Numbers) -> tuple[Numbers, Numbers]:
    return np.clip(x / 6 + 0.5, 0, 1), np.clip(np.abs(x), 0, 6) / 6 + 0.5  # x / 6 + 1 / 2 cancels


def _hardswish(x: Numbers) -> tuple[Numbers, Numbers]:
    y, size = _hard_sigmoid(x)
    return np.maximum(x, -3) * y, np.abs(np.maximum(x, -3)) * size


def _hardswish_bwd(dout: Numbers, x: Numbers) -> tuple[Numbers, Numbers]:
    return where(x <= -3, 0, where(x >= 3, dout, dout * (x / 3 + 0.5))), np.abs(dout) * 2


#: What the numbers of functions mean in integers.inc.
_ARITHMETIC = (np.add, np.subtract, np.multiply, np.maximum, np.minimum, np.floor_divide, np.remainder)
_COMPARISONS = (np.equal, np.not_equal, np.less, np.less_equal)
_ROUNDINGS = (np.floor, np.ceil, np.trunc, np.rint)


def _whole(x: Numbers) -> Numbers:
    """Without what is behind the point; -2^63 where no int64 can be."""
    holds = (x >= -(2.0**63)) & (x < 2.0**63)
    return np.where(holds, np.where(holds, x, 0).astype(np.int64), np.iinfo(np.int64).min)


X, XY = {"x": ANY}, {"x": ANY, "y": ANY}
CLIPPED = tuple({"low": low, "high": high} for low, high in ((-0.5, 1.0), (1.0, -0.5), (math.nan, 1.0), (-0.5, math.nan)))
POSITIVE = {"x": (0.001, 30.0)}

WALKS = {
    "add": Map(lambda x, y: x + y, 0, XY),
    "sub": Map(lambda x, y: x - y, 0, XY),
    "mul": Map(lambda x, y: x * y, 0, XY),
    "div": Map(lambda x, y: x / y, 0, XY),
    "pow": Map(lambda x, y: np.power(x, y), MATH, {"x": (0.1, 4.0), "y": ANY}),
    "maximum": Map(lambda x, y: np.maximum(x, y), 0, XY),
    "minimum": Map(lambda x, y: np.minimum(x, y), 0, XY),
    "fmax": Map(lambda x, y: np.fmax(x, y), 0, XY),
    "fmin": Map(lambda x, y: np.fmin(x, y), 0, XY),
    "fmod": Map(lambda x, y: np.fmod(x, y), 0, XY),
    "remainder": Map(lambda x, y: np.remainder(x, y), 0, XY),
    "floor_divide": Map(lambda x, y: np.floor_divide(x, y), 0, XY),
    "logaddexp": Map(_logaddexp, MATH + 4, XY),
    "where": Map(lambda x, y, condition: where(condition != 0, x, y), 0, XY | {"condition": BOOL}),
    "equal": Map(lambda x, y: x == y, 0, XY),
    "not_equal": Map(lambda x, y: x != y, 0, XY),
    "less": Map(lambda x, y: x < y, 0, XY),
    "less_equal": Map(lambda x, y: x <= y, 0, XY),
    "larger": Map(lambda x, y: np.where(x < y, 0, np.where(x == y, 0.5, 1)), 0, XY),
    "int64_arithmetic": Map(lambda x, y, op: _ARITHMETIC[op](x, y), 0, {"x": WHOLE, "y": WHOLE}, tuple({"op": op} for op in range(7))),
    "int64_compare": Map(lambda x, y, how: _COMPARISONS[how](x, y), 0, {"x": FEW, "y": FEW}, tuple({"how": how} for how in range(4))),
    "positions": Map(lambda x, y, size: x * size + y, 0, {"x": FEW, "y": FEW}, ({"size": 1}, {"size": 10})),
    "int64_where": Map(lambda x, y, condition: where(condition != 0, x, y), 0, {"x": WHOLE, "y": WHOLE, "condition": BOOL}),
    "bool_logic": Map(
        lambda x, y, table: table >> (2 * x + y).astype(np.int64) & 1, 0, {"x": BOOL, "y": BOOL}, tuple({"table": t} for t in range(16))
    ),
    "to_int64": Map(lambda x: _whole(x), 0, X),
    "to_bool": Map(lambda x: x != 0, 0, {"x": (-1.0, 1.0)}),
    "int64_to_bool": Map(lambda x: x != 0, 0, {"x": FEW}),
    "bool_to_int64": Map(lambda x: x, 0, {"x": BOOL}),
    "rounded": Map(lambda x, how: _ROUNDINGS[how](x), 0, X, tuple({"how": how} for how in range(4))),
    "clip": Map(lambda x, low, high: np.minimum(np.maximum(x, low), high), 0, X, CLIPPED),
    "clip_bwd": Map(lambda dout, x, low, high: where((x >= low) & (x <= high), dout, 0), 0, {"dout": ANY, "x": ANY}, CLIPPED),
    "nan_to_num": Map(
        lambda x, nan, posinf, neginf: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf), 0, X, ({"nan": 0.5, "posinf": 2.0, "neginf": -3.0},)
    ),
    "fill_between": Map(
        lambda y, x, low, high, value: where((x >= low) & (x <= high), value, y), 0, {"y": ANY, "x": ANY},
        ({"low": -0.5, "high": 1.0, "value": 0.25}, {"low": -math.inf, "high": 0.1, "value": 0.0}),
    ),
    "copy": Map(lambda x: x, 0, X),
    "from_float": Map(lambda x: x, 0, X),
    "from_double": Map(lambda x: x, 0, X),
    "from_int64": Map(lambda x: x, 0, {"x": WHOLE}),
    "from_bool": Map(lambda x: x, 0, {"x": BOOL}),
    "neg": Map(lambda x: -x, 0, X),
    "abs": Map(lambda x: np.abs(x), 0, X),
    "sign": Map(lambda x: sign(x), 0, X),
    "sqrt": Map(lambda x: np.sqrt(x), 0, POSITIVE),
    "square": Map(lambda x: x * x, 0, X),
    "square_bwd": Map(lambda dout, x: 2 * (dout * x), 1, {"dout": ANY, "x": ANY}),
    "exp": Map(lambda x: np.exp(x), MATH, {"x": (-20.0, 20.0)}),
    "expm1": Map(lambda x: np.expm1(x), MATH, {"x": (-5.0, 20.0)}),
    "log": Map(lambda x: np.log(x), MATH, POSITIVE),
    "log1p": Map(lambda x: np.log1p(x), MATH, {"x": (-0.99, 10.0)}),
    "sin": Map(lambda x: np.sin(x), MATH, X),
    "cos": Map(lambda x: np.cos(x), MATH, X),
    "erf": Map(lambda x: erf(x), MATH, X),
    "erfc": Map(lambda x: erfc(x), 2 * MATH, {"x": (-3.0, 9.0)}),
    "relu": Map(lambda x: where(x < 0, 0, x), 0, X),
    "relu_bwd": Map(lambda dout, out: where(out <= 0, 0, dout), 0, {"dout": ANY, "out": ANY}),
    "leaky_relu": Map(lambda x, slope: where(x > 0, x, slope * x), 0, X, ({"slope": 0.01}, {"slope": -0.3})),
    "leaky_relu_bwd": Map(
        lambda dout, x, slope: where(x > 0, dout, slope * dout), 0, {"dout": ANY, "x": ANY}, ({"slope": 0.01},)
    ),
    "elu": Map(_elu, MATH + 2, X, ({"alpha": 1.0}, {"alpha": 0.7})),
    "elu_bwd": Map(
        lambda dout, x, alpha: where(x > 0, dout, dout * alpha * np.exp(x)), MATH + 4, {"dout": ANY, "x": ANY}, ({"alpha": 0.7},)
    ),
    "hardtanh_bwd": Map(
        lambda dout, x, low, high: where((x <= low) | (x >= high), 0, dout), 0, {"dout": ANY, "x": ANY}, ({"low": -0.5, "high": 1.0},)
    ),
    "prelu": Map(lambda x, weight: where(x > 0, x, weight * x), 0, {"x": ANY, "weight": ANY}),
    "softshrink": Map(lambda x, lambd: x - np.clip(x, -lambd, lambd), 0, X, ({"lambd": 0.5},)),
    "hardsigmoid": Map(_hard_sigmoid, 4, {"x": (-5.0, 5.0)}),
    "hardsigmoid_bwd": Map(lambda dout, x: where(np.abs(x) >= 3, 0, dout / 6), 0, {"dout": ANY, "x": (-5.0, 5.0)}),
    "hardswish": Map(_hardswish, 6, {"x": (-5.0, 5.0)}),
    "hardswish_bwd": Map(_hardswish_bwd, 8, {"dout": ANY, "x": (-5.0, 5.0)}),
    "sigmoid": Map(lambda x: sigmoid(x), MATH, {"x": (-15.0, 15.0)}),
    "sigmoid_bwd": Map(lambda dout, out: dout * (out * (1 - out)), 6, {"dout": ANY, "out": UNIT}),
    "tanh": Map(lambda x: np.tanh(x), MATH, {"x": (-5.0, 5.0)}),
    "tanh_bwd": Map(  # 1 - out^2 cancels
        lambda dout, out: (dout * (1 - out * out), np.abs(dout)), 6, {"dout": ANY, "out": (-0.999, 0.999)}
    ),
    "softplus": Map(_softplus, 2 * MATH + 4, {"x": (-25.0, 25.0)}, ({"beta": 1.0, "threshold": 20.0}, {"beta": 1.7, "threshold": 5.0})),
    "softplus_bwd": Map(
        _softplus_bwd, MATH + 4, {"dout": ANY, "x": (-25.0, 25.0)}, ({"beta": 1.0, "threshold": 20.0}, {"beta": 1.7, "threshold": 5.0})
    ),
    "gelu": Map(_gelu, MATH + 6, {"x": (-6.0, 6.0)}),
    "gelu_bwd": Map(_gelu_bwd, 2 * MATH + 8, {"dout": ANY, "x": (-6.0, 6.0)}),
    "gelu_tanh": Map(_gelu_tanh, MATH + 8, {"x": (-6.0, 6.0)}),
    "gelu_tanh_bwd": Map(_gelu_tanh_bwd, MATH + 16, {"dout": ANY, "x": (-6.0, 6.0)}),
    "silu": Map(lambda x: x * sigmoid(x), MATH + 2, {"x": (-9.0, 9.0)}),
    "silu_bwd": Map(_silu_bwd, MATH + 8, {"dout": ANY, "x": (-9.0, 9.0)}),
}  # fmt: skip


# -- losses of each pair: the loss, and its derivative --------------------------------------------------------------------


def _smooth_l1(x: Numbers, target: Numbers, beta: float) -> tuple[Numbers, Numbers]:
    d = np.abs(x - target)
    return where(d < beta, 0.5 * d * d / beta if beta else 0, d - 0.5 * beta), d + beta


def _smooth_l1_slope(x: Numbers, target: Numbers, beta: float) -> Numbers:
    d = x - target
    return where(np.abs(d) < beta, d / beta if beta else 0, sign(d))


def _huber(x: Numbers, target: Numbers, delta: float) -> tuple[Numbers, Numbers]:
    d = np.abs(x - target)
    return where(d <= delta, 0.5 * d * d, delta * (d - 0.5 * delta)), delta * (d + delta)


def _huber_slope(x: Numbers, target: Numbers, delta: float) -> Numbers:
    d = x - target
    return where(np.abs(d) <= delta, d, delta * sign(d))


def _bce(x: Numbers, target: Numbers) -> tuple[Numbers, Numbers]:
    of_0, of_1 = (target - 1) * np.maximum(np.log1p(-x), -100), target * np.maximum(np.log(x), -100)
    return of_0 - of_1, np.abs(of_0) + np.abs(of_1)


def _bce_logits(x: Numbers, target: Numbers) -> tuple[Numbers, Numbers]:
    log_1p = np.log1p(np.exp(-np.abs(x)))
    return np.maximum(x, 0) - x * target + log_1p, np.abs(x) + np.abs(x * target) + log_1p


def _kl_div(x: Numbers, target: Numbers) -> tuple[Numbers, Numbers]:
    zero, log = target == 0, np.log(target)
    return where(zero, 0, target * (log - x)), where(zero, 0, np.abs(target) * (np.abs(log) + np.abs(x)))


def _soft_margin(x: Numbers, target: Numbers) -> tuple[Numbers, Numbers]:
    z = -target * x
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))), np.abs(z) + 1


def _soft_margin_slope(x: Numbers, target: Numbers) -> tuple[Numbers, Numbers]:
    # A sigmoid below the normal numbers has lost digits before the target multiplies it.
    slope, lost = -target * sigmoid(-target * x), np.abs(target) * np.finfo(np.float32).tiny
    return slope, np.abs(slope) * (1 + np.abs(target * x)) + lost


def _hinge(x: Numbers, target: Numbers, margin: float) -> tuple[Numbers, Numbers]:
    return np.maximum(margin - target * x, 0), margin + np.abs(target * x)


class Loss(NamedTuple):
    value: Callable[..., Any]
    slope: Callable[..., Any]
    roundings: float
    x: tuple[float, float] = ANY
    target: tuple[float, float] = ANY
    scalars: tuple[dict[str, float], ...] = ({},)


LOSSES = {
    "mse": Loss(lambda x, target: (x - target) ** 2, lambda x, target: 2 * (x - target), 6),
    "l1": Loss(lambda x, target: np.abs(x - target), lambda x, target: sign(x - target), 2),
    "smooth_l1": Loss(_smooth_l1, _smooth_l1_slope, 8, scalars=({"beta": 1.0}, {"beta": 0.3}, {"beta": 0.0})),
    "huber": Loss(_huber, _huber_slope, 8, scalars=({"delta": 1.0}, {"delta": 0.3})),
    "bce": Loss(_bce, lambda x, target: (x - target) / np.maximum(x * (1 - x), 1e-12), MATH + 4, UNIT, UNIT),
    "bce_logits": Loss(
        _bce_logits, lambda x, target: (sigmoid(x) - target, sigmoid(x) + np.abs(target)), MATH + 6, (-30.0, 30.0), UNIT
    ),
    "kl_div": Loss(_kl_div, lambda x, target: -target, MATH + 4, (-6.0, 0.0), UNIT),
    "soft_margin": Loss(_soft_margin, _soft_margin_slope, MATH + 6, (-30.0, 30.0)),
    "hinge": Loss(_hinge, lambda x, target, margin: where(margin - target * x >= 0, -target, 0), 4, scalars=({"margin": 1.0}, {"margin": 0.3})),
}


def evaluate(value: Callable[..., Any], roundings: float, given: dict[str, Any]) -> Want:
    """value of the arguments, floats in float64; NaN and inf come out of the formula as they do in C."""
    wide = {k: v.astype(np.float64) if isinstance(v, np.ndarray) and v.dtype != np.int64 else v for k, v in given.items()}
    with np.errstate(all="ignore"):
        found = value(**wide)
    result, scale = found if isinstance(found, tuple) else (found, None)
    exact = np.asarray(result)
    return Want(exact if exact.dtype == np.int64 else np.asarray(result, np.float64), roundings, scale)


def _gradient(loss: Loss) -> Map:
    """dx = dout slope scale."""

    def value(dout: Numbers, x: Numbers, target: Numbers, dout_step: int, scale: float, **scalars: float) -> Any:
        found = loss.slope(x, target, **scalars)
        slope, size = found if isinstance(found, tuple) else (found, np.abs(found))
        return dout * scale * slope, np.abs(dout * scale) * size

    scalars = tuple(
        {**s, "dout_step": step, "scale": scale} for s in loss.scalars for step, scale in ((1, 1.0), (0, 1 / 7))
    )
    return Map(value, loss.roundings + 4, {"dout": ANY, "x": loss.x, "target": loss.target}, scalars)


def _each(loss: Loss) -> Map:
    return Map(loss.value, loss.roundings, {"x": loss.x, "target": loss.target}, loss.scalars)


MAPS = (
    WALKS
    | {name: _each(loss) for name, loss in LOSSES.items()}
    | {f"{name}_bwd": _gradient(loss) for name, loss in LOSSES.items()}
)


def as_numbers(x: Any, dtype: np.dtype[Any]) -> Any:
    """A float as the kernel receives it: rounded to its type."""
    return float(dtype.type(x)) if isinstance(x, float) else x


def map_problem(name: str, dtype: np.dtype[Any], operands: dict[str, Numbers], scalars: dict[str, Any]) -> Problem:
    """The call of a map on these operands."""
    entry, out = MAPS[name], KERNELS[name][0].name
    given = {**operands, **{k: as_numbers(v, dtype) for k, v in scalars.items()}}
    n = max(operand.size for key, operand in operands.items() if key != "dout")
    return Problem({**given, "n": n}, {out: evaluate(entry.value, entry.roundings, given)})


def _draw(rng: np.random.Generator, domain: tuple[float, float], size: int, dtype: np.dtype[Any]) -> Numbers:
    if dtype.kind in "iu":
        return rng.integers(*map(int, domain), size).astype(dtype)
    return rng.uniform(*domain, size).astype(dtype)


def elements(name: str, dtype: np.dtype[Any]) -> dict[str, np.dtype[Any]]:
    """What the memory of each operand of a map holds, by its name, in the order of the parameters."""
    return {p.name: p.element(dtype) for p in KERNELS[name] if p.name in MAPS[name].domains}


def map_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    entry = MAPS[name]
    for scalars in entry.scalars:
        types = elements(name, dtype)
        operands = {k: _draw(rng, domain, size, types[k]) for k, domain in entry.domains.items()}
        if scalars.get("dout_step") == 0:
            operands["dout"] = operands["dout"][:1] if size else np.ones(1, dtype)
        yield map_problem(name, dtype, operands, scalars)


def loss_sum_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    loss = LOSSES[name.removesuffix("_sum")]
    for scalars, divisor in product(loss.scalars, (1.0, 3.0)):
        given = {"x": _draw(rng, loss.x, size, dtype), "target": _draw(rng, loss.target, size, dtype)}
        given |= {k: as_numbers(v, dtype) for k, v in scalars.items()}
        each = evaluate(loss.value, loss.roundings, given)
        scale = np.abs(each.value) if each.scale is None else each.scale
        want = Want(total(each.value) / divisor, loss.roundings + SUM + 1, total(scale) / divisor)
        yield Problem({**given, "divisor": divisor, "n": size}, {"out": want})


def place_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    """put: side by side, and into every second column of a part of out, whose other elements stay; fill: a number."""
    x = rng.uniform(*ANY, 3 * size).astype(dtype)
    if name == "fill":
        for value in (0.0, -0.0, math.nan, float(dtype.type(0.3))):
            yield Problem({"value": value, "n": x.size}, {"out": Want(np.full(x.size, value))})
        return
    yield Problem({"x": x, "n": x.size}, {"out": Want(x.astype(np.float64))})
    wide = rng.uniform(*ANY, (3, 2 * size + 1)).astype(dtype)
    for step, first in ((1, 0), (2, 1)):
        expected = wide.copy()
        expected[:, first : first + size * step : step] = x.reshape(3, size)
        walk = ffi.new("mg_walk *", {"ndim": 2, "shape": [3, size], "stride": [[2 * size + 1, step], [size, 1]]})
        if first == 0 and size:
            yield Problem({"out": wide, "x": x, "places": walk, "n": x.size}, {"out": Want(expected.astype(np.float64))})
        elif size:  # out is given from its second column on
            given, want = wide.ravel()[first:], expected.ravel()[first:]
            yield Problem({"out": given, "x": x, "places": walk, "n": x.size}, {"out": Want(want.astype(np.float64))})


def total(x: Numbers, axis: int | None = None) -> Numbers:
    return np.asarray(x.sum(axis, dtype=np.longdouble), np.float64)
