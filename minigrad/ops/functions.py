"""Functions of one or two operands that are computed by NumPy, or made of others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, float64, from_array
from minigrad._kernels import elementwise as kernels
from minigrad._op import composed, defop, public
from minigrad._samples import Draw, Sample, binary, unary
from minigrad.errors import message
from minigrad.ops.activation import sigmoid
from minigrad.ops.elementwise import (
    add,
    clone,
    cos,
    div,
    equals,
    exp,
    function,
    greater,
    greater_equal,
    larger,
    less,
    less_equal,
    log,
    logical_and,
    mul,
    neg,
    pow,
    sqrt,
    square,
    sub,
    to_dtype,
    where,
    zero_like,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minigrad._op import Function

# -- functions with a derivative of their own -------------------------------------------------------------------------------


def _root(x: Any, constant: float, sign: float) -> Any:
    """The square root of constant + sign x^2."""
    return pow(add(mul(square(x), sign), constant), 0.5)


_LN2, _LN10 = math.log(2.0), math.log(10.0)

exp2 = function("exp2", np.exp2, lambda g, out: mul(g, mul(out, _LN2)), "2 to the power x.")
log2 = function("log2", np.log2, lambda g, x: div(g, mul(x, _LN2)), "The logarithm to base 2.", 0.1, 4.0)
log10 = function("log10", np.log10, lambda g, x: div(g, mul(x, _LN10)), "The logarithm to base 10.", 0.1, 4.0)
tan = function("tan", np.tan, lambda g, out: mul(g, add(square(out), 1.0)), "sin(x) / cos(x), whose slope is 1 + tan^2.", -1.3, 1.3)
arcsin = function("arcsin asin", np.arcsin, lambda g, x: div(g, _root(x, 1.0, -1.0)), "The angle in [-pi/2, pi/2] whose sine is x.", -0.9, 0.9)
arccos = function("arccos acos", np.arccos, lambda g, x: neg(div(g, _root(x, 1.0, -1.0))), "The angle in [0, pi] whose cosine is x.", -0.9, 0.9)
arctan = function("arctan atan", np.arctan, lambda g, x: div(g, add(square(x), 1.0)), "The angle in (-pi/2, pi/2) whose tangent is x.")
sinh: Function = function("sinh", np.sinh, lambda g, x: mul(g, cosh(x)), "(exp(x) - exp(-x)) / 2.")
cosh: Function = function("cosh", np.cosh, lambda g, x: mul(g, sinh(x)), "(exp(x) + exp(-x)) / 2.")
arcsinh: Function = function("arcsinh asinh", np.arcsinh, lambda g, x: div(g, _root(x, 1.0, 1.0)), "log(x + sqrt(x^2 + 1)), the inverse of sinh.")
arccosh: Function = function("arccosh acosh", np.arccosh, lambda g, x: div(g, _root(x, -1.0, 1.0)), "log(x + sqrt(x^2 - 1)), the inverse of cosh.", 1.2, 4.0)
arctanh = function("arctanh atanh", np.arctanh, lambda g, x: div(g, sub(1.0, square(x))), "log((1 + x) / (1 - x)) / 2, the inverse of tanh.", -0.9, 0.9)


def _erfc_reference(x: Any) -> Any:
    """erfc by Python's math module, number by number."""
    return np.vectorize(math.erfc, otypes=[np.float64])(x).astype(np.result_type(x, np.float32)) if np.size(x) else np.asarray(x)


erfc = function(
    "erfc", _erfc_reference, lambda g, x: mul(mul(g, exp(neg(square(x)))), -2.0 / math.sqrt(math.pi)),
    "1 - erf(x), with all digits where erf is near 1.", kernel=kernels.erfc,
)  # fmt: skip


def _sinc_slope(g: Any, x: Any, out: Any) -> Any:
    """(cos(pi x) - sinc x) / x, which at 0 is 0."""
    middle = equals(x, 0.0)
    return mul(g, where(middle, 0.0, div(sub(cos(mul(x, math.pi)), out), where(middle, 1.0, x))))


sinc = function("sinc", np.sinc, _sinc_slope, "sin(pi x) / (pi x), and 1 at 0.", 0.2, 2.0)

# -- step functions: constant between their jumps, so their derivative is 0 --------------------------------------------


def _step(names: str, function: Function, doc: str, kernel: Function) -> Callable[..., Any]:
    """A rounding that leaves integers unchanged."""
    return defop(
        names.split()[0], "x",
        forward=kernel,
        vjp={"x": lambda g: zeros_for(g)},
        reference=lambda x: function(x) if np.asarray(x).dtype.kind == "f" else x,
        samples=unary(away=tuple(i / 2 for i in range(-4, 5))),
        names=names,
        doc=doc,
    )  # fmt: skip


def zeros_for(g: Any) -> Any:
    """A gradient of 0: of g's shape, without its history."""
    return from_array(np.zeros(g.shape, g.dtype))


floor = _step("floor", np.floor, "The largest integer that is not above x.", kernels.floor)
ceil = _step("ceil", np.ceil, "The smallest integer that is not below x.", kernels.ceil)
trunc = _step("trunc fix", np.trunc, "x without what is behind the point.", kernels.trunc)
rint = _step("rint", np.rint, "The nearest integer; of two, the even one.", kernels.rint)


@public("round")
def round(x: Any, decimals: int = 0) -> Any:
    """x rounded to so many decimals (-1 for tens, and so on), ties to even. Its derivative is 0."""
    return rint(x) if decimals == 0 else div(rint(mul(x, 10.0**decimals)), 10.0**decimals)


@composed(lambda x: x - np.trunc(x), unary(away=(-1.0, 0.0, 1.0)))
def frac(x: Any) -> Any:
    """The fractional part of x, with the sign of x."""
    return sub(x, trunc(x))


# -- quotients ------------------------------------------------------------------------------------------------------------------


#: Quotients away from the integers, where these ops jump.
_quotients = binary(2.1, 2.9, y_low=0.7, y_high=1.0)


def _quotient(names: str, kernel: Function, reference: Function, doc: str, vjp: dict[str, Function]) -> Callable[..., Any]:
    return defop(
        names.split()[0], "x, y", forward=kernel, reference=reference, vjp=vjp, samples=_quotients, names=names, doc=doc
    )


def _divided(function: Function) -> Callable[[Any, Any], Any]:
    """Of integers the quotient is an integer; a division of floats by 0 is what IEEE 754 says, without a warning."""

    def quotient(x: Any, y: Any) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            return function(x, y)

    return quotient


def _truncated(x: Any, y: Any) -> Any:
    return np.trunc(x / y) if np.result_type(x, y).kind == "f" else (np.sign(x) * np.sign(y) * (np.abs(x) // np.abs(y)))


_FLAT: dict[str, Function] = {"x": lambda g: zeros_for(g), "y": lambda g: zeros_for(g)}

trunc_divide = defop(
    "trunc_divide", "x, y",
    forward=kernels.trunc_divide, reference=_divided(_truncated), vjp=_FLAT, samples=_quotients,
    doc="x / y rounded towards 0; its derivative is 0.",
)  # fmt: skip
floor_divide = _quotient(
    "floor_divide", kernels.floor_divide, _divided(np.floor_divide), "The largest integer that is not above x / y; its derivative is 0.", _FLAT
)
remainder = _quotient(
    "remainder mod", kernels.remainder, _divided(np.remainder), "x - y floor(x / y), with the sign of y, as Python's %.",
    {"x": lambda g: g, "y": lambda g, x, y: neg(mul(g, floor_divide(x, y)))},
)  # fmt: skip
fmod = _quotient(
    "fmod", kernels.fmod, _divided(np.fmod), "x - y trunc(x / y), with the sign of x, as C's fmod.",
    {"x": lambda g: g, "y": lambda g, x, y: neg(mul(g, trunc_divide(x, y)))},
)  # fmt: skip


@public("div divide true_divide")
def divide(x: Any, y: Any, *, rounding_mode: str | None = None) -> Any:
    """x / y; rounding_mode "floor" rounds down, "trunc" towards 0."""
    if rounding_mode is None:
        return div(x, y)
    if rounding_mode not in ("floor", "trunc"):
        raise ValueError(message("div", "rounding_mode", f"{rounding_mode!r}", "None, 'floor' or 'trunc'"))
    return floor_divide(x, y) if rounding_mode == "floor" else trunc_divide(x, y)


# -- two operands ------------------------------------------------------------------------------------------------------------------


def _safe(out: Any) -> Any:
    """out as a divisor: 1 where it is 0."""
    return where(equals(out, 0.0), 1.0, out)


hypot = defop(
    "hypot", "x, y",
    reference=np.hypot,
    vjp={"x": lambda g, x, out: mul(g, div(x, _safe(out))), "y": lambda g, y, out: mul(g, div(y, _safe(out)))},
    samples=binary(0.5, 2.0),
    kind="float",
    names="hypot",
    doc="sqrt(x^2 + y^2) without overflow. At the origin, where it has no derivative, 0 is taken.",
)  # fmt: skip

arctan2 = defop(
    "arctan2", "y, x",
    reference=np.arctan2,
    vjp={
        "y": lambda g, y, x: mul(g, div(x, add(square(x), square(y)))),
        "x": lambda g, y, x: neg(mul(g, div(y, add(square(x), square(y))))),
    },
    samples=binary(0.3, 2.0),
    kind="float",
    names="arctan2 atan2",
    doc="The angle of the point (x, y) in (-pi, pi].",
)  # fmt: skip

logaddexp = defop(
    "logaddexp", "x, y",
    forward=kernels.logaddexp,
    reference=np.logaddexp,
    vjp={"x": lambda g, x, y: mul(g, sigmoid(sub(x, y))), "y": lambda g, x, y: mul(g, sigmoid(sub(y, x)))},
    samples=binary(),
    kind="float",
    names="logaddexp",
    doc="log(exp(x) + exp(y)) without overflow.",
)  # fmt: skip

copysign = defop(
    "copysign", "x, y",
    reference=np.copysign,
    vjp={"x": lambda g, x, out: where(equals(x, 0.0), 0.0, mul(g, div(out, _safe(x))))},
    nondiff="y",
    samples=binary(0.5, 2.0),
    kind="float",
    names="copysign",
    doc="The magnitude of x with the sign of y.",
)  # fmt: skip


def _xlogy_slope(g: Any, x: Any, y: Any) -> Any:
    nothing = logical_and(equals(x, 0.0), less_equal(y, 0.0))
    return mul(g, where(nothing, 0.0, log(where(nothing, 1.0, y))))


def _xlogy_reference(x: Any, y: Any) -> Any:
    nothing = (x == 0) & ~np.isnan(y)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(nothing, 0.0, x * np.log(np.where(nothing, 1, y))).astype(np.result_type(x, y, np.float32))


xlogy = defop(
    "xlogy", "x, y",
    reference=_xlogy_reference,
    vjp={"x": _xlogy_slope, "y": lambda g, x, y: mul(g, where(equals(x, 0.0), 0.0, div(x, where(equals(x, 0.0), 1.0, y))))},
    samples=binary(0.2, 2.0),
    kind="float",
    names="xlogy",
    doc="x log y, and 0 where x is 0.",
)  # fmt: skip


@composed(np.logaddexp2, binary())
def logaddexp2(x: Any, y: Any) -> Any:
    """log2(2^x + 2^y) without overflow."""
    return div(logaddexp(mul(x, _LN2), mul(y, _LN2)), _LN2)


def _number_wins(name: str, reference: Function, kernel: Function, share: Function, doc: str) -> Callable[..., Any]:
    """fmax or fmin, whose gradient is that of maximum or minimum, but none goes to a NaN where there is a number."""
    return defop(
        name, "x, y",
        forward=kernel,
        vjp={
            "x": lambda g, x, y: where(isnan(x), zero_like(g), mul(g, share(x, y))),
            "y": lambda g, x, y: where(isnan(x), g, where(isnan(y), zero_like(g), mul(g, share(y, x)))),
        },
        reference=reference,
        samples=binary(),
        names=name,
        doc=doc,
    )  # fmt: skip


fmax = _number_wins("fmax", np.fmax, kernels.fmax, lambda x, y: larger(x, y), "The larger of both, elementwise; a number wins over a NaN.")
fmin = _number_wins("fmin", np.fmin, kernels.fmin, lambda x, y: larger(y, x), "The smaller of both, elementwise; a number wins over a NaN.")


@composed(np.heaviside, binary())
def heaviside(x: Any, values: Any) -> Any:
    """The Heaviside step function: 0 below 0, 1 above, and values at 0."""
    return where(equals(x, 0.0), values, to_dtype(greater_equal(x, 0.0), x.dtype))


@composed(lambda x, y, *, dtype: np.float_power(x, y), lambda: [Sample(Draw((3,), 0.5, 2.0), Draw((3,)), dtype=float64)])
def float_power(x: Any, y: Any, *, dtype: Any = float64) -> Any:
    """x to the power y, computed in float64."""
    return pow(*(to_dtype(v, dtype) if isinstance(v, Array) else v for v in (x, y)))


# -- compositions ------------------------------------------------------------------------------------------------------


@composed(lambda x: 1 / np.sqrt(x), unary(0.2, 4.0))
def rsqrt(x: Any) -> Any:
    """1 / sqrt(x)."""
    return div(1.0, sqrt(x))


@composed(np.reciprocal, unary(0.2, 4.0))
def reciprocal(x: Any) -> Any:
    """1 / x."""
    return div(1.0, x)


@composed(np.deg2rad, unary(), also="radians")
def deg2rad(x: Any) -> Any:
    """Converts degrees to radians."""
    return mul(x, math.pi / 180)


@composed(np.rad2deg, unary(), also="degrees")
def rad2deg(x: Any) -> Any:
    """Converts radians to degrees."""
    return mul(x, 180 / math.pi)


def _three(**keywords: Any) -> Callable[[], list[Sample]]:
    shapes = (((3,), (3,), (3,)), ((2, 3), (3,), ()), ((), (), ()), ((0, 2), (2,), (0, 1)))
    return lambda: [Sample(*[Draw(s, 0.5, 2.0) for s in three], **keywords) for three in shapes]


@composed(lambda x, y, z, *, value: x + value * y * z, _three(value=0.5))
def addcmul(x: Any, tensor1: Any, tensor2: Any, *, value: float = 1.0) -> Any:
    """x + value * tensor1 * tensor2."""
    product = mul(tensor1, tensor2)
    return add(x, product if value == 1 else mul(product, value))


@composed(lambda x, y, z, *, value: x + value * y / z, _three(value=0.5))
def addcdiv(x: Any, tensor1: Any, tensor2: Any, *, value: float = 1.0) -> Any:
    """x + value * tensor1 / tensor2."""
    quotient = div(tensor1, tensor2)
    return add(x, quotient if value == 1 else mul(quotient, value))


@composed(lambda x, end, weight: x + weight * (end - x), _three())
def lerp(x: Any, end: Any, weight: Any) -> Any:
    """Linear interpolation x + weight (end - x): x where weight is 0, end where it is 1."""
    return add(x, mul(weight, sub(end, x)))


def _bounds() -> list[Sample]:
    return [Sample(Draw(s, away=(-0.5, 1.0)), low=a, high=b) for s in ((), (7,), (2, 3), (0,), (33,)) for a, b in ((-0.5, 1.0), (-math.inf, 1.0))]


clip_op: Function = defop(
    "clip_between", "x | low, high",
    forward=kernels.clip,
    vjp={"x": lambda g, x, low, high: clip_bwd(g, x, low=low, high=high)},
    reference=lambda x, *, low, high: np.clip(x, low, high),
    samples=_bounds,
    doc="x limited to [low, high]; at these bounds the slope is 1.",
)  # fmt: skip

clip_bwd: Function = defop(
    "clip_bwd", "g, x | low, high",
    forward=kernels.clip_bwd,
    vjp={"g": lambda g, x, low, high: clip_bwd(g, x, low=low, high=high)},
    nondiff="x",
    reference=lambda g, x, *, low, high: np.where((x >= low) & (x <= high), g, np.zeros_like(g)),
    samples=lambda: [Sample(Draw(x.shape), x, **s.keywords) for s in _bounds() for x in s.inputs if x],
    doc="g where low <= x <= high, else 0.",
)  # fmt: skip


def _clip_reference(x: Any, *, min: Any, max: Any) -> Any:
    return np.clip(x, min, max)


@composed(
    _clip_reference,
    lambda: [Sample(Draw(s, away=(-0.5, 1.0)), min=a, max=b) for s in ((), (7,), (2, 3), (0,)) for a, b in ((-0.5, 1.0), (None, 1.0), (-0.5, None))],
    also="clamp",
)  # fmt: skip
def clip(x: Any, min: Any = None, max: Any = None) -> Any:
    """x limited to [min, max]; either may be a tensor, or None for no bound. At a bound the slope is 1. Where min is above max,
    the result is max."""
    if min is None and max is None:
        raise ValueError(message("clip", "min and max", "None for both", "at least one bound"))
    if isinstance(x, Array) and x.dtype.kind == "f" and all(b is None or isinstance(b, (int, float)) for b in (min, max)):
        return clip_op(x, low=-math.inf if min is None else float(min), high=math.inf if max is None else float(max))
    lower = x if min is None else where(less(x, min), min, x)
    return lower if max is None else where(greater(lower, max), max, lower)


nan_to_num_op: Function = defop(
    "nan_to_num", "x | nan, posinf, neginf",
    forward=kernels.nan_to_num,
    vjp={"x": lambda g, x: where(isfinite(x), g, zero_like(g))},
    reference=lambda x, **numbers: np.nan_to_num(x, **numbers),
    samples=unary(nan=0.5, posinf=2.0, neginf=-2.0),
    doc="x with numbers in the place of NaN, inf and -inf. No gradient goes there.",
)  # fmt: skip


@public("nan_to_num")
def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """x with NaN and infinities replaced, by default by 0 and by the largest finite numbers of its type."""
    if x.dtype.kind != "f":
        return clone(x)
    most = float(np.finfo(x.dtype).max)
    return nan_to_num_op(x, nan=float(nan), posinf=most if posinf is None else float(posinf), neginf=-most if neginf is None else float(neginf))


# -- questions: bools, which have no derivative --------------------------------------------------------------------------------------


def _question(name: str, function: Function, doc: str, kernel: Function) -> Callable[..., Any]:
    return defop(name, "x", forward=kernel, reference=function, nondiff="x", samples=unary(), kind="bool", names=name, doc=doc)


isnan: Function = _question("isnan", np.isnan, "Whether x is NaN.", kernels.isnan)
isinf = _question("isinf", np.isinf, "Whether x is infinite.", kernels.isinf)
isfinite: Function = _question("isfinite", np.isfinite, "Whether x is neither infinite nor NaN.", kernels.isfinite)
isposinf = _question("isposinf", np.isposinf, "Whether x is inf.", kernels.isposinf)
isneginf = _question("isneginf", np.isneginf, "Whether x is -inf.", kernels.isneginf)
signbit = _question("signbit", np.signbit, "Whether x is negative, -0.0 included.", lambda x: from_array(np.signbit(x.array)))
