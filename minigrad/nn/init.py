"""Initial weights, written into a tensor in place. fan_in and fan_out are a weight's (out, in) lengths.

The aim of all of them is the same: that a signal neither dies nor explodes on its way through many layers.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _kernels as kernels
from minigrad._array import Array
from minigrad._tape import no_grad
from minigrad.errors import ShapeError, message
from minigrad.ops.random import Generator, blocks_for, default_generator

if TYPE_CHECKING:
    from typing import Any

_GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": sqrt(2.0), "selu": 0.75}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that makes up for what an activation takes from the variance: relu halves it, so sqrt(2)."""
    if nonlinearity == "leaky_relu":
        return sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(message("calculate_gain", "nonlinearity", f"{nonlinearity!r}", ", ".join([*_GAINS, "leaky_relu"])))
    return _GAINS[nonlinearity]


def _fill(tensor: Any, array: Any) -> Any:
    with no_grad():
        tensor.copy_(array)
    return tensor


def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Any:
    """Uniformly from [a, b)."""
    if not b >= a:
        raise ValueError(message("uniform_", "b", b, f"at least a, {a}"))
    seed, offset = (generator or default_generator).take(blocks_for(tensor.size, tensor.dtype))
    return _fill(tensor, kernels.uniform(tensor.shape, tensor.dtype, seed=seed, offset=offset, low=a, high=b))


def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Any:
    """Normally distributed."""
    if not std >= 0:
        raise ValueError(message("normal_", "std", std, "at least 0"))
    seed, offset = (generator or default_generator).take(blocks_for(tensor.size, tensor.dtype))
    return _fill(tensor, kernels.normal(tensor.shape, tensor.dtype, seed=seed, offset=offset, mean=mean, std=std))


def constant_(tensor: Any, val: float) -> Any:
    """One value everywhere."""
    with no_grad():
        return tensor.fill_(val)


def zeros_(tensor: Any) -> Any:
    """Zeros."""
    return constant_(tensor, 0.0)


def ones_(tensor: Any) -> Any:
    """Ones."""
    return constant_(tensor, 1.0)


def eye_(tensor: Any) -> Any:
    """The identity matrix."""
    _fans("eye_", tensor)
    return _fill(tensor, np.eye(*tensor.shape, dtype=tensor.dtype))


def _fans(op: str, tensor: Any) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (out, in)."""
    if not isinstance(tensor, Array) or len(tensor.shape) < 2:
        raise ShapeError(message(op, "tensor", f"shape {getattr(tensor, 'shape', None)}", "a weight of at least 2 dimensions", "Biases start at zeros_ or uniform_."))
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


def kaiming_uniform_(tensor: Any, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Generator | None = None) -> Any:
    """Uniformly in +- gain sqrt(3 / fan) (He et al. 2015); a is the slope of the leaky_relu behind the weight."""
    bound = calculate_gain(nonlinearity, a) * sqrt(3.0 / _chosen_fan("kaiming_uniform_", tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor: Any, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Generator | None = None) -> Any:
    """Normally with standard deviation gain / sqrt(fan) (He et al. 2015)."""
    std = calculate_gain(nonlinearity, a) / sqrt(_chosen_fan("kaiming_normal_", tensor, mode))
    return normal_(tensor, 0.0, std, generator)


def trunc_normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Generator | None = None) -> Any:
    """Normally, but only from [a, b]: what falls outside is drawn again."""
    if not (std > 0 and a < b) or b < mean - 4 * std or a > mean + 4 * std:
        raise ValueError(message("trunc_normal_", "a, b", f"[{a}, {b}]", "an interval that the normal distribution reaches, std > 0"))
    normal_(tensor, mean, std, generator)
    values = tensor.array.copy()
    while (outside := (values < a) | (values > b)).any():
        count = int(outside.sum())
        seed, offset = (generator or default_generator).take(blocks_for(count, tensor.dtype))
        values[outside] = kernels.normal((count,), tensor.dtype, seed=seed, offset=offset, mean=mean, std=std).array
    return _fill(tensor, values)


def orthogonal_(tensor: Any, gain: float = 1.0, generator: Generator | None = None) -> Any:
    """Rows (or columns, whichever are fewer) of length gain at right angles (Saxe, McClelland and Ganguli 2014)."""
    _fans("orthogonal_", tensor)
    rows, cols = tensor.shape[0], tensor.size // max(tensor.shape[0], 1)
    seed, offset = (generator or default_generator).take(blocks_for(rows * cols, np.dtype(np.float64)))
    a = kernels.normal((rows, cols), np.dtype(np.float64), seed=seed, offset=offset, mean=0.0, std=1.0).array
    q, r = np.linalg.qr(a.T if rows < cols else a)
    q = q * np.sign(np.diag(r))
    return _fill(tensor, (gain * (q.T if rows < cols else q)).reshape(tensor.shape).astype(tensor.dtype))
