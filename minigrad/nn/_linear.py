"""Linear, Bilinear, Dropout, and the layers that compute nothing."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from minigrad._array import canonical, empty, float32
from minigrad._device import require_cpu
from minigrad._shapes import lengths
from minigrad.errors import DTypeError, ShapeError, message
from minigrad.nn import init
from minigrad.nn._module import Module, Parameter
from minigrad.ops.contract import bilinear
from minigrad.ops.layout import flatten
from minigrad.ops.linalg import linear
from minigrad.ops.random import dropout
from minigrad.ops.shape import unflatten

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def _checked(op: str, device: Any, dtype: Any, **features: Any) -> Any:
    """The element type of a layer's parameters; an error for sizes that are not numbers of features."""
    for name, n in features.items():
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise TypeError(message(op, name, repr(n), "an int of at least 0"))
        if n < 0:
            raise ValueError(message(op, name, n, "an int of at least 0"))
    require_cpu(op, device)
    real = float32 if dtype is None else canonical(dtype, op)
    if real.kind != "f":
        raise DTypeError(message(op, "dtype", real, "float32 or float64"))
    return real


class Linear(Module):
    """y = x W^T + b: x (..., in_features) -> (..., out_features).

    weight (out_features, in_features) and bias (out_features,) start uniformly in [-1/sqrt(in_features),
    1/sqrt(in_features)] (LeCun et al. 1998, "Efficient BackProp": outputs keep the scale of the inputs).
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        real = _checked("Linear", device, dtype, in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = int(in_features), int(out_features)
        self.weight = Parameter(empty((self.out_features, self.in_features), real))
        self.bias = Parameter(empty((self.out_features,), real)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws weight and bias anew."""
        bound = 1 / sqrt(self.in_features) if self.in_features else 0.0
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Any) -> Any:
        """The product x W^T plus b, in one pass."""
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """y_k = x1^T W_k x2 + b_k: x1 (..., in1_features), x2 (..., in2_features) -> (..., out_features).

    weight (out_features, in1_features, in2_features) and bias (out_features,) start uniformly in [-1/sqrt(in1_features),
    1/sqrt(in1_features)].
    """

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        features = {"in1_features": in1_features, "in2_features": in2_features, "out_features": out_features}
        real = _checked("Bilinear", device, dtype, **features)
        self.in1_features, self.in2_features, self.out_features = map(int, features.values())
        self.weight = Parameter(empty((self.out_features, self.in1_features, self.in2_features), real))
        self.bias = Parameter(empty((self.out_features,), real)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws weight and bias anew."""
        bound = 1 / sqrt(self.in1_features) if self.in1_features else 0.0
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x1: Any, x2: Any) -> Any:
        """The products x1^T W_k x2 plus b."""
        for name, x, n in (("x1", x1, self.in1_features), ("x2", x2, self.in2_features)):
            if x.shape[-1:] != (n,) or x.shape[:-1] != x1.shape[:-1]:
                raise ShapeError(message("Bilinear", name, f"shape {x.shape}", f"{(*x1.shape[:-1], n)}, as {name} has {n} features"))
        return bilinear(x1, x2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Dropout(Module):
    """In training each number becomes 0 with probability p, and the rest is scaled by 1 / (1 - p), which preserves the
    mean; in evaluation everything passes (Srivastava et al. 2014). inplace has no effect: the result is a new tensor."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            remedy = f"dropout probability has to be between 0 and 1, but got {p}"
            raise ValueError(message("Dropout", "p", p, "a number in [0, 1]", remedy))
        self.p, self.inplace = p, inplace

    def forward(self, x: Any) -> Any:
        """Dropout in training mode, else x."""
        return dropout(x, self.p, True) if self.training else x

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return f"p={self.p}, inplace={self.inplace}"


class Flatten(Module):
    """Merges dimensions start_dim to end_dim into one: (N, 8, 8) -> (N, 64)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Any) -> Any:
        """The flattened view."""
        return flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Splits dimension dim into several, of which one length may be -1: (N, 64) -> (N, 8, 8) for Unflatten(1, (8, 8)).
    ShapeError if the product of the lengths is not the length of dim."""

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim, self.unflattened_size = dim, lengths("Unflatten", "unflattened_size", unflattened_size)

    def forward(self, x: Any) -> Any:
        """The view with more dimensions."""
        return unflatten(x, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class Identity(Module):
    """Returns its input. It accepts and ignores any arguments, so that it can stand in for any layer."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        """The input."""
        return x
