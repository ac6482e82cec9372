"""Initial weights, written into a tensor in place. fan_in and fan_out are a weight's (out, in) lengths.

All of them have the same aim: that a signal neither vanishes nor explodes on its way through many layers.
"""

from __future__ import annotations

from math import ceil, sqrt
from typing import TYPE_CHECKING

import numpy as np

from minigrad._absent import missing
from minigrad._array import Array, empty, float64, from_array
from minigrad._draw import check_interval
from minigrad._generator import blocks_for, stream
from minigrad._kernels import random as kernels
from minigrad._kernels.elementwise import erf
from minigrad._mode import no_grad
from minigrad.errors import DTypeError, ShapeError, message

if TYPE_CHECKING:
    from typing import Any

    from minigrad._generator import Generator

#: How often an interval of length 18 is halved until it is shorter than the gap between adjacent float64 numbers near 1.
_HALVINGS = 57
_LINEAR = ("linear", *(f"conv{way}{n}d" for way in ("", "_transpose") for n in (1, 2, 3)), "sigmoid")
_GAINS = {**dict.fromkeys(_LINEAR, 1.0), "tanh": 5.0 / 3.0, "relu": sqrt(2.0), "selu": 0.75}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that compensates for an activation's effect on the variance: relu halves it, so the gain is sqrt(2). param
    is the slope of leaky_relu, 0.01 by default; the others have none."""
    if nonlinearity == "leaky_relu":
        if isinstance(param, bool) or not isinstance(param, (int, float, np.number, type(None))):
            raise ValueError(message("calculate_gain", "param", repr(param), "a number, the slope, or None for 0.01"))
        return sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        known = ", ".join([*_GAINS, "leaky_relu"])
        raise ValueError(message("calculate_gain", "nonlinearity", repr(nonlinearity), f"one of {known}"))
    return _GAINS[nonlinearity]


def _drawn(op: str, generator: Any, kernel: Any, shape: tuple[int, ...], dtype: Any, **parameters: float) -> Any:
    """New random numbers. Memory is allocated first, so that if this fails the generator has not advanced."""
    source = stream(op, generator)
    out = empty(shape, dtype, op)
    seed, offset = source.take(blocks_for(out.count, dtype))
    return kernel(out, seed=seed, offset=offset, **parameters)


def _fill(tensor: Any, array: Any) -> Any:
    with no_grad():
        tensor.copy_(array)
    return tensor


def _reals(op: str, tensor: Any) -> None:
    """Refuses anything that random numbers cannot be written into."""
    if not isinstance(tensor, Array) or tensor.dtype.kind != "f":
        kind = f"dtype {tensor.dtype}" if isinstance(tensor, Array) else f"a {type(tensor).__name__}"
        raise DTypeError(message(op, "tensor", kind, "a tensor of floats"))


def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Any:
    """Uniformly from [a, b)."""
    _reals("uniform_", tensor)
    check_interval("uniform_", ("a", "b"), a, b, tensor.dtype)
    return _fill(tensor, _drawn("uniform_", generator, kernels.uniform, tensor.shape, tensor.dtype, low=a, high=b))


def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Any:
    """Normally distributed."""
    _reals("normal_", tensor)
    if not std >= 0:
        raise ValueError(message("normal_", "std", std, "at least 0"))
    return _fill(tensor, _drawn("normal_", generator, kernels.normal, tensor.shape, tensor.dtype, mean=mean, std=std))


def constant_(tensor: Any, val: float) -> Any:
    """One value everywhere."""
    with no_grad():
        return tensor.fill_(val)


def zeros_(tensor: Any) -> Any:
    """Zeros."""
    return constant_(tensor, 0)


def ones_(tensor: Any) -> Any:
    """Ones."""
    return constant_(tensor, 1)


def eye_(tensor: Any) -> Any:
    """The identity matrix."""
    if not isinstance(tensor, Array) or len(tensor.shape) != 2:
        raise ShapeError(message("eye_", "tensor", f"shape {getattr(tensor, 'shape', None)}", "a matrix"))
    return _fill(tensor, np.eye(*tensor.shape, dtype=tensor.dtype))


def dirac_(tensor: Any, groups: int = 1) -> Any:
    """Weights (out, in, ...) of a convolution, with 3 to 5 dimensions, that pass as many channels as possible unchanged: 1 in
    the middle of the window, else 0. groups divides the output channels into equal parts, each of which gets all inputs."""
    shape: tuple[int, ...] = getattr(tensor, "shape", ())
    if not isinstance(tensor, Array) or len(shape) not in (3, 4, 5):
        raise ShapeError(message("dirac_", "tensor", f"shape {shape}", "a weight of 3, 4 or 5 dimensions"))
    if groups < 1 or shape[0] % groups:
        raise ValueError(message("dirac_", "groups", groups, f"a divisor of the {shape[0]} output channels"))
    weights, part = np.zeros(shape, tensor.dtype), shape[0] // groups
    middle = tuple(n // 2 for n in shape[2:])
    if 0 not in shape:
        for group in range(groups):
            for channel in range(min(part, shape[1])):
                weights[(group * part + channel, channel, *middle)] = 1
    return _fill(tensor, weights)


def sparse_(tensor: Any, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Any:
    """A matrix, normally distributed, with a share of each column's elements, rounded up, set to 0 (Martens 2010)."""
    _reals("sparse_", tensor)
    if len(tensor.shape) != 2:
        raise ShapeError(message("sparse_", "tensor", f"shape {tensor.shape}", "a matrix"))
    if not 0 <= sparsity <= 1:
        raise ValueError(message("sparse_", "sparsity", sparsity, "a share in [0, 1]"))
    if not std >= 0:
        raise ValueError(message("sparse_", "std", std, "at least 0"))
    # One draw serves both, so that running out of memory changes nothing.
    rows, cols = tensor.shape
    normal, order = _drawn("sparse_", generator, kernels.normal, (2, rows, cols), float64, mean=0.0, std=1.0).array
    weights = (std * normal).astype(tensor.dtype)
    zeros = np.argsort(order, 0)[: ceil(sparsity * rows)]
    np.put_along_axis(weights, zeros, 0, 0)
    return _fill(tensor, weights)


def _fans(op: str, tensor: Any) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (out, in)."""
    _reals(op, tensor)
    if len(tensor.shape) < 2:
        remedy = "Biases start at zeros_ or uniform_."
        raise ShapeError(message(op, "tensor", f"shape {tensor.shape}", "a weight of at least 2 dimensions", remedy))
    window = int(np.prod(tensor.shape[2:], dtype=np.int64))
    return tensor.shape[1] * window, tensor.shape[0] * window


def _chosen_fan(op: str, tensor: Any, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(message(op, "mode", f"{mode!r}", "'fan_in' or 'fan_out'"))
    return max(_fans(op, tensor)[mode == "fan_out"], 1)


def xavier_uniform_(tensor: Any, gain: float = 1.0, generator: Generator | None = None) -> Any:
    """Uniformly in +- gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""
    bound = gain * sqrt(6.0 / max(sum(_fans("xavier_uniform_", tensor)), 1))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Any, gain: float = 1.0, generator: Generator | None = None) -> Any:
    """Normally with standard deviation gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""
    return normal_(tensor, 0.0, gain * sqrt(2.0 / max(sum(_fans("xavier_normal_", tensor)), 1)), generator)


def kaiming_uniform_(
    tensor: Any, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Any:  # fmt: skip
    """Uniformly in +- gain sqrt(3 / fan) (He et al. 2015); a is the slope of the leaky_relu that follows."""
    bound = calculate_gain(nonlinearity, a) * sqrt(3.0 / _chosen_fan("kaiming_uniform_", tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Any, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Any:  # fmt: skip
    """Normally with standard deviation gain / sqrt(fan) (He et al. 2015)."""
    std = calculate_gain(nonlinearity, a) / sqrt(_chosen_fan("kaiming_normal_", tensor, mode))
    return normal_(tensor, 0.0, std, generator)


def _normal_cdf(z: Any) -> Any:
    return 0.5 + 0.5 * erf(from_array(np.asarray(z * sqrt(0.5), np.float64))).array


def trunc_normal_(
    tensor: Any, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
    generator: Generator | None = None,
) -> Any:  # fmt: skip
    """Normally distributed within [a, b]: the inverse of the distribution function, found by bisection, at uniform numbers.

    ValueError if the interval is empty, or so far out that its probability is 0 in float64 (8 std and more).
    """
    _reals("trunc_normal_", tensor)
    # z = (x - mean) / std. Less than 1e-18 of all lies beyond 9, and infinite bounds could not be bisected.
    low, high = (min(max((bound - mean) / std, -9.0), 9.0) if std > 0 else 0.0 for bound in (a, b))
    below, above = _normal_cdf(np.array([low, high]))
    if not (a < b and above > below):
        wanted = f"an interval that a normal distribution of mean {mean} and std {std} > 0 reaches"
        raise ValueError(message("trunc_normal_", "a, b", f"[{a}, {b}]", wanted))
    u = _drawn("trunc_normal_", generator, kernels.uniform, tensor.shape, float64, low=below, high=above).array
    left, right = np.full(u.shape, low), np.full(u.shape, high)
    for _ in range(_HALVINGS):
        middle = 0.5 * (left + right)
        less = _normal_cdf(middle) < u
        left, right = np.where(less, middle, left), np.where(less, right, middle)
    return _fill(tensor, np.clip((mean + std * left).astype(tensor.dtype), *np.array([a, b], tensor.dtype)))


#: What a standard normal variate's standard deviation becomes when it is cut off at two of them.
_CUT_STD = 0.87962566103423978


def variance_scaling_(
    tensor: Any, fan: float, scale: float = 1.0, distribution: str = "truncated_normal", generator: Generator | None = None
) -> Any:
    """Random numbers of mean 0 and variance scale / fan, whatever the tensor's layout: the family that the others here are
    of. With fan = fan_in a scale of 1 is LeCun's (1998) and one of 2 He's; with the mean of fan_in and fan_out 1 is Glorot's.

    distribution: "truncated_normal", cut off at two standard deviations of a normal one that is so much wider, "normal", or
    "uniform" in +- sqrt(3 scale / fan).
    """
    op = "variance_scaling_"
    if not fan > 0 or not scale > 0:
        raise ValueError(message(op, "fan, scale", f"{fan}, {scale}", "numbers above 0"))
    std = sqrt(scale / fan)
    if distribution == "uniform":
        return uniform_(tensor, -sqrt(3) * std, sqrt(3) * std, generator)
    if distribution == "normal":
        return normal_(tensor, 0.0, std, generator)
    if distribution != "truncated_normal":
        raise ValueError(message(op, "distribution", repr(distribution), "'truncated_normal', 'normal' or 'uniform'"))
    return trunc_normal_(tensor, 0.0, std / _CUT_STD, -2 * std / _CUT_STD, 2 * std / _CUT_STD, generator)


def orthogonal_(tensor: Any, gain: float = 1.0, generator: Generator | None = None) -> Any:
    """Orthogonal rows (or columns, whichever are fewer) of length gain (Saxe, McClelland and Ganguli 2014)."""
    _fans("orthogonal_", tensor)
    rows, cols = tensor.shape[0], tensor.size // max(tensor.shape[0], 1)
    a = _drawn("orthogonal_", generator, kernels.normal, (rows, cols), float64, mean=0.0, std=1.0).array
    q, r = np.linalg.qr(a.T if rows < cols else a)
    # The signs that make r's diagonal positive: q is then uniformly distributed among all orthogonal matrices.
    q = q * np.copysign(1.0, np.diag(r))
    return _fill(tensor, (gain * (q.T if rows < cols else q)).reshape(tensor.shape).astype(tensor.dtype))


if not TYPE_CHECKING:  # a checker knows the names that there are
    __getattr__ = missing(globals())
