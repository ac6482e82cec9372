"""Arithmetic and functions of one or two operands: a table of derivatives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, alias, bool_, canonical, float32, float64, from_array
from minigrad._kernels import elementwise as kernels
from minigrad._kernels import integers
from minigrad._op import defop, public
from minigrad._promote import number
from minigrad._samples import Draw, Sample, binary, unary
from minigrad.errors import DTypeError, message

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minigrad._op import Function

# -- identity and change of type --------------------------------------------------------------------------------------------

identity: Function = defop(
    "identity", "x",
    forward=alias,
    vjp={"x": lambda g: g},
    reference=np.asarray,
    samples=unary(),
    doc="x itself, with a node of its own on the tape.",
)  # fmt: skip

clone: Function = defop(
    "clone", "x",
    forward=kernels.copy,
    vjp={"x": lambda g: g},
    reference=np.array,
    samples=unary(),
    names="clone",
    doc="A copy of x, contiguous, with x's history.",
)  # fmt: skip

_DIFFERENTIABLE = (float32, float64)

cast: Function = defop(
    "cast", "x | dtype",
    forward=kernels.cast,
    vjp={"x": lambda g: g},
    reference=lambda x, *, dtype: x.astype(dtype),
    samples=lambda: [Sample(Draw((3, 4)), dtype=d) for d in _DIFFERENTIABLE],
    doc="x in another floating type. Backward casts every gradient to the type of its tensor.",
)  # fmt: skip

# -- arithmetic ----------------------------------------------------------------------------------------------------------------

add: Function = defop(
    "add", "x, y",
    forward=kernels.add,
    vjp={"x": lambda g: g, "y": lambda g: g},
    reference=np.add,
    samples=binary(),
    names="add",
    doc="Elementwise sum, broadcast. Each operand receives the gradient unchanged.",
)  # fmt: skip

sub: Function = defop(
    "sub", "x, y",
    forward=kernels.sub,
    vjp={"x": lambda g: g, "y": lambda g: neg(g)},
    reference=lambda x, y: np.subtract(x, y) if x.dtype != bool else np.logical_xor(x, y),
    samples=binary(),
    names="sub subtract",
    doc="Elementwise difference, broadcast.",
)  # fmt: skip

mul: Function = defop(
    "mul", "x, y",
    forward=kernels.mul,
    vjp={"x": lambda g, y: mul(g, y), "y": lambda g, x: mul(g, x)},
    reference=np.multiply,
    samples=binary(),
    names="mul multiply",
    doc="Elementwise product, broadcast. Backward reads both operands, so both stay alive until then.",
)  # fmt: skip

div: Function = defop(
    "div", "x, y",
    forward=kernels.div,
    vjp={"x": lambda g, y: div(g, y), "y": lambda g, y, out: neg(div(mul(g, out), y))},
    reference=np.divide,
    samples=binary(y_low=-2, away=(0.0,)),
    kind="float",
    doc="Elementwise quotient, broadcast. d(x/y)/dy = -x/y^2 = -out/y, so out is kept and x is not.",
)  # fmt: skip


def _power_rule_x(g: Any, x: Any, y: Any) -> Any:
    """y x^(y-1), and 0 where y is 0: there x^0 is constant, and 0 * 0^(-1) would be NaN."""
    return mul(g, where(equals(y, 0.0), 0.0, mul(y, pow(x, sub(y, 1.0)))))


def _power_rule_y(g: Any, x: Any, y: Any, out: Any) -> Any:
    """x^y log x, and 0 where x is 0 and y is not negative, as 0^y is constant there."""
    flat = logical_and(equals(x, 0.0), greater_equal(y, 0.0))
    return mul(g, where(flat, 0.0, mul(out, log(where(flat, 1.0, x)))))


pow: Function = defop(
    "pow", "x, y",
    forward=kernels.pow,
    vjp={"x": _power_rule_x, "y": _power_rule_y},
    reference=lambda x, y: np.power(x, y),
    samples=binary(low=0.2, high=2.0, y_low=-2.0, y_high=2.0, away=(0.0,)),
    doc="x to the power y, elementwise, broadcast; C99's special cases.",
)  # fmt: skip

neg: Function = defop(
    "neg", "x",
    forward=kernels.neg,
    vjp={"x": lambda g: neg(g)},
    reference=np.negative,
    samples=unary(),
    names="neg negative",
    doc="-x.",
)  # fmt: skip

square: Function = defop(
    "square", "x",
    forward=kernels.square,
    vjp={"x": lambda g, x: square_bwd(g, x)},
    reference=np.square,
    samples=unary(),
    names="square",
    doc="x times x.",
)  # fmt: skip

square_bwd: Function = defop(
    "square_bwd", "g, x",
    forward=kernels.square_bwd,
    vjp={"g": lambda h, x: square_bwd(h, x), "x": lambda h, g: square_bwd(h, g)},
    reference=lambda g, x: 2 * (g * x),
    samples=binary(),
    doc="2 x g, of which each of the two is the derivative by the other, but for its own factor.",
)  # fmt: skip

abs: Function = defop(
    "abs", "x",
    forward=kernels.abs,
    vjp={"x": lambda g, x: mul(g, sign(x))},
    reference=np.abs,
    samples=unary(away=(0.0,)),
    names="abs absolute",
    doc="|x|. The subgradient at 0 is 0.",
)  # fmt: skip

sign: Function = defop(
    "sign", "x",
    forward=kernels.sign,
    vjp={"x": lambda g: mul(g, 0.0)},
    reference=np.sign,
    samples=unary(away=(0.0,)),
    names="sign sgn",
    doc="-1, 0 or 1. Constant except for its jump, so its derivative is 0.",
)  # fmt: skip

maximum: Function = defop(
    "maximum", "x, y",
    forward=kernels.maximum,
    vjp={"x": lambda g, x, y: mul(g, larger(x, y)), "y": lambda g, x, y: mul(g, larger(y, x))},
    reference=np.maximum,
    samples=binary(),
    names="maximum",
    doc="The larger of both, elementwise; NaN wins. Equal operands get half the gradient each; if one is NaN, both get all.",
)  # fmt: skip

minimum: Function = defop(
    "minimum", "x, y",
    forward=kernels.minimum,
    vjp={"x": lambda g, x, y: mul(g, larger(y, x)), "y": lambda g, x, y: mul(g, larger(x, y))},
    reference=np.minimum,
    samples=binary(),
    names="minimum",
    doc="The smaller of both, elementwise; NaN wins. Equal operands get half the gradient each; if one is NaN, both get all.",
)  # fmt: skip


larger: Function = defop(
    "larger", "x, y",
    forward=kernels.larger,
    nondiff="x y",
    reference=lambda x, y: (1.0 - np.less(x, y) - np.multiply(0.5, np.equal(x, y))).astype(x.dtype),
    samples=binary(),
    doc="0 where x < y, 1/2 where they are equal, else (also at a NaN) 1; a constant as far as derivatives are concerned.",
)  # fmt: skip


where_op: Function = defop(
    "where", "condition, x, y",
    forward=kernels.where,
    vjp={"x": lambda g, condition: where_op(condition, g, zero_like(g)), "y": lambda g, condition: where_op(condition, zero_like(g), g)},
    nondiff="condition",
    integer="condition",
    reference=np.where,
    samples=lambda: [
        Sample(Draw(c, kind="bool"), Draw(x), Draw(y))
        for c, x, y in (((), (), ()), ((5,), (5,), (5,)), ((3,), (2, 3), (2, 1)), ((2, 1), (3,), ()), ((0,), (0,), (1,)), ((33,), (33,), (33,)))
    ],
    doc="x where condition holds, else y; broadcast. Backward selects as well: an element that was not taken gets exactly 0, "
    "even where its own derivative is NaN or infinite.",
)  # fmt: skip


@public("where")
def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """x where condition holds, else y; broadcast. With only a condition: the indices where it holds, one tensor for each
    dimension."""
    array = condition if isinstance(condition, Array) else from_array(np.asarray(condition))
    if x is None and y is None:
        return tuple(map(from_array, np.nonzero(np.atleast_1d(array.array))))
    if x is None or y is None:
        raise TypeError("where: got one of x and y, expected both, or the condition alone.")
    if array.dtype is not bool_:
        raise DTypeError(message("where", "condition", f"dtype {array.dtype}", "bool", "Write a comparison, such as x > 0."))
    return where_op(array, x, y)


def zero_like(x: Array) -> Any:
    """A 0 of x's type, which broadcasts against it."""
    return number(0, x.dtype)


# -- comparisons: bools, which have no derivative -------------------------------------------------------------------------------------


def _compare(names: str, function: Any, doc: str, kernel: Any) -> Function:
    return defop(
        names.split()[0], "x, y",
        forward=kernel,
        nondiff="x y",
        reference=function,
        samples=binary(),
        kind="bool",
        names=names,
        doc=doc,
    )  # fmt: skip


equals = _compare("eq", np.equal, "Whether x == y, elementwise.", kernels.equal)
not_equal = _compare("ne not_equal", np.not_equal, "Whether x != y, elementwise.", kernels.not_equal)
less = _compare("lt less", np.less, "Whether x < y, elementwise.", kernels.less)
less_equal = _compare("le less_equal", np.less_equal, "Whether x <= y, elementwise.", kernels.less_equal)
greater = _compare("gt greater", np.greater, "Whether x > y, elementwise.", kernels.greater)
greater_equal = _compare("ge greater_equal", np.greater_equal, "Whether x >= y, elementwise.", kernels.greater_equal)
logical_and = _compare("logical_and", np.logical_and, "Whether both are true (not 0), elementwise.", integers.logical_and)
logical_or = _compare("logical_or", np.logical_or, "Whether one of both is true (not 0), elementwise.", integers.logical_or)
logical_xor = _compare("logical_xor", np.logical_xor, "Whether exactly one of both is true (not 0), elementwise.", integers.logical_xor)

logical_not: Function = defop(
    "logical_not", "x",
    forward=integers.logical_not,
    nondiff="x",
    reference=np.logical_not,
    samples=unary(),
    kind="bool",
    names="logical_not",
    doc="Whether x is 0 or False, elementwise.",
)  # fmt: skip

# -- functions ----------------------------------------------------------------------------------------------------------------------------

def function(
    names: str, reference: Function, vjp: Function, doc: str, low: float = -2.0, high: float = 2.0, kernel: Function | None = None
) -> Callable[..., Any]:
    """An op of one operand x, whose gradient is vjp(g, x) or vjp(g, out). The first of the names is the record's. Without a
    kernel it is computed by NumPy."""
    return defop(
        names.split()[0], "x", forward=kernel, reference=reference, vjp={"x": vjp}, samples=unary(low, high), kind="float",
        names=names, doc=doc,
    )  # fmt: skip


def erf_reference(x: Any) -> Any:
    """erf by Python's math module, number by number."""
    return np.vectorize(math.erf, otypes=[np.float64])(x).astype(np.result_type(x, np.float32)) if np.size(x) else np.asarray(x)


sqrt = function(
    "sqrt", np.sqrt, lambda g, out: div(g, mul(out, 2.0)), "The square root. d sqrt(x)/dx = 1 / (2 sqrt(x)), infinite at 0.",
    0.1, 4.0, kernels.sqrt,
)  # fmt: skip
exp = function("exp", np.exp, lambda g, out: mul(g, out), "e to the power x: its own derivative.", kernel=kernels.exp)
expm1 = function("expm1", np.expm1, lambda g, out: mul(g, add(out, 1.0)), "exp(x) - 1, with all digits near 0.", kernel=kernels.expm1)
log = function("log", np.log, lambda g, x: div(g, x), "The natural logarithm; -inf at 0, NaN below.", 0.1, 4.0, kernels.log)
log1p = function("log1p", np.log1p, lambda g, x: div(g, add(x, 1.0)), "log(1 + x), with all digits near 0.", -0.9, 4.0, kernels.log1p)
sin: Function = function("sin", np.sin, lambda g, x: mul(g, cos(x)), "The sine of x radians; NaN for an infinite x.", kernel=kernels.sin)
cos: Function = function("cos", np.cos, lambda g, x: neg(mul(g, sin(x))), "The cosine of x radians; NaN for an infinite x.", kernel=kernels.cos)
erf = function(
    "erf", erf_reference, lambda g, x: mul(g, mul(exp(neg(mul(x, x))), 2.0 / math.sqrt(math.pi))),
    "The error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.", kernel=kernels.erf,
)  # fmt: skip


@public("pow power")
def power(x: Any, y: Any) -> Any:
    """x to the power y. Squares, cubes, roots and reciprocals are fast: x**2 is a product, x**0.5 a square root."""
    if isinstance(y, (int, float)) and isinstance(x, Array) and x.dtype.kind == "f":
        if y in (2, 3):
            return square(x) if y == 2 else mul(square(x), x)
        if y in (0.5, -1):
            return sqrt(x) if y == 0.5 else div(1.0, x)
    return pow(x, y)


def to_dtype(x: Array, dtype: Any) -> Any:
    """x in another element type, or x itself if it has that type. Recorded between floating types."""
    wanted = canonical(dtype, "to")
    if x.dtype is wanted:
        return x
    if x.dtype in _DIFFERENTIABLE and wanted in _DIFFERENTIABLE:
        return cast(x, dtype=wanted)
    if x.requires_grad and x.dtype not in _DIFFERENTIABLE:
        got = f"dtype {x.dtype} with requires_grad"
        raise DTypeError(message("to", "input", got, "floats", "Integers have no gradient."))
    return cast.op.run(x, dtype=wanted)  # type: ignore[attr-defined]
