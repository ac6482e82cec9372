"""Normalisation layers: LayerNorm, RMSNorm and BatchNorm1d."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import canonical, empty, float32, from_array
from minigrad._device import require_cpu
from minigrad.errors import DTypeError, ShapeError, message
from minigrad.nn import init
from minigrad.nn._module import Module, Parameter
from minigrad.nn.ops import norm as ops

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def _real(op: str, device: Any, dtype: Any) -> Any:
    """The element type of a layer's numbers."""
    require_cpu(op, device)
    real = float32 if dtype is None else canonical(dtype, op)
    if real.kind != "f":
        raise DTypeError(message(op, "dtype", real, "float32 or float64"))
    return real


class LayerNorm(Module):
    """Normalises each row to mean 0 and variance 1, then multiplies by weight and adds bias: (x - mean) / sqrt(var + eps) w +
    b, over the last dimensions, which have normalized_shape (Ba, Kiros and Hinton 2016). It does not depend on the batch.

    weight and bias, of normalized_shape, start as 1 and 0; elementwise_affine=False omits both, bias=False only the latter.
    x (..., *normalized_shape) of float32 or float64 -> the same shape.
    """

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        real = _real("LayerNorm", device, dtype)
        self.normalized_shape = ops.normalised_shape("LayerNorm", normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(empty(self.normalized_shape, real)) if elementwise_affine else None
        self.bias = Parameter(empty(self.normalized_shape, real)) if elementwise_affine and bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1 and bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, x: Any) -> Any:
        """The normalised rows."""
        return ops.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        bias = self.bias is not None
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, bias={bias}"


class RMSNorm(Module):
    """Divides each row by its root mean square, then multiplies by weight: x / sqrt(mean x^2 + eps) w, over the last
    dimensions, which have normalized_shape (Zhang and Sennrich 2019). eps=None: the machine epsilon of the input's type.

    weight, of normalized_shape, starts as 1; elementwise_affine=False omits it. x (..., *normalized_shape) -> the same shape.
    """

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None = None, elementwise_affine: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        real = _real("RMSNorm", device, dtype)
        self.normalized_shape = ops.normalised_shape("RMSNorm", normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(empty(self.normalized_shape, real)) if elementwise_affine else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, x: Any) -> Any:
        """The rows, of mean square 1."""
        return ops.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class BatchNorm1d(Module):
    """Normalises each channel to mean 0 and variance 1 over the batch, then multiplies by weight and adds bias (Ioffe and
    Szegedy 2015): x (N, num_features) or (N, num_features, L) -> the same shape.

    Training mode uses the mean and variance of the batch, and moves running_mean and running_var towards them: running <- (1 -
    momentum) running + momentum batch; with momentum=None they are the averages over all batches, which num_batches_tracked
    counts. Evaluation mode uses the running ones: without .eval(), a model's output for one example depends on the others in
    the batch. track_running_stats=False always uses the batch's own. affine=False omits weight and bias, bias=False only the
    latter. (Keras's momentum is 1 - momentum.)
    """

    running_mean: Any
    running_var: Any
    num_batches_tracked: Any

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if isinstance(num_features, bool) or not hasattr(num_features, "__index__"):
            raise TypeError(message("BatchNorm1d", "num_features", repr(num_features), "an int of at least 1"))
        if num_features < 1:
            raise ValueError(message("BatchNorm1d", "num_features", num_features, "an int of at least 1"))
        real, shape = _real("BatchNorm1d", device, dtype), (int(num_features),)
        self.num_features, self.eps, self.momentum = shape[0], eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = Parameter(empty(shape, real)) if affine else None
        self.bias = Parameter(empty(shape, real)) if affine and bias else None
        self.register_buffer("running_mean", from_array(np.zeros(shape, real)) if track_running_stats else None)
        self.register_buffer("running_var", from_array(np.ones(shape, real)) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", from_array(np.zeros((), np.int64)) if track_running_stats else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Mean 0, variance 1, and no batch seen."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, and the initial running statistics."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, x: Any) -> Any:
        """The normalised channels."""
        if len(x.shape) not in (2, 3) or x.shape[1] != self.num_features:
            expected = f"(N, {self.num_features}) or (N, {self.num_features}, L), as num_features says"
            raise ShapeError(message("BatchNorm1d", "input", f"shape {x.shape}", expected))
        mean, var = self.running_mean, self.running_var
        return ops.normalise_batch(
            x, mean, var, self.num_batches_tracked, self.weight, self.bias, self.training or mean is None, self.momentum, self.eps
        )

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )
