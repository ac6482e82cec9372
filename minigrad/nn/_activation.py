"""Smooth activations, ReLU and its closest relatives as modules; the functions are in `minigrad.ops.activation` and
`softmax`.

`inplace=True` is accepted and shown but has no other effect, here and in `minigrad.nn.functional`: the tape may need the
input again, so the result is always a new tensor. The numbers are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.errors import message
from minigrad.nn._module import Module
from minigrad.nn.ops.activation import celu, glu, logsigmoid, mish, selu, softsign, tanhshrink
from minigrad.ops import activation as ops
from minigrad.ops import softmax as softmax_ops

if TYPE_CHECKING:
    from typing import Any


def _shown(inplace: bool) -> list[str]:
    """As PyTorch prints it: only if it is True."""
    return ["inplace=True"] if inplace else []


class ReLU(Module):
    """max(x, 0); inplace has no effect."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, x: Any) -> Any:
        """max(x, 0)."""
        return ops.relu(x)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return "".join(_shown(self.inplace))


class LeakyReLU(Module):
    """x where x > 0, else negative_slope x; inplace has no effect."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Any:
        """x, or negative_slope x."""
        return ops.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return ", ".join([f"negative_slope={self.negative_slope}", *_shown(self.inplace)])


class ELU(Module):
    """x where x > 0, else alpha (exp(x) - 1); inplace has no effect."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        """x, or alpha (exp(x) - 1)."""
        return ops.elu(x, self.alpha)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return ", ".join([f"alpha={self.alpha}", *_shown(self.inplace)])


class GELU(Module):
    """x P(X <= x) for a standard normal X; approximate="tanh" for the approximation by tanh."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        if approximate not in ("none", "tanh"):
            raise ValueError(message("GELU", "approximate", f"{approximate!r}", "'none' or 'tanh'"))
        self.approximate = approximate

    def forward(self, x: Any) -> Any:
        """The product of x and P(X <= x)."""
        return ops.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """x sigmoid(x); inplace has no effect."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, x: Any) -> Any:
        """The product x sigmoid(x)."""
        return ops.silu(x)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return "".join(_shown(self.inplace))


class Sigmoid(Module):
    """1 / (1 + exp(-x))."""

    def forward(self, x: Any) -> Any:
        """1 / (1 + exp(-x))."""
        return ops.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x: Any) -> Any:
        """The hyperbolic tangent of x."""
        return ops.tanh(x)


class Softplus(Module):
    """log(1 + exp(beta x)) / beta; x itself where beta x > threshold."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, x: Any) -> Any:
        """log(1 + exp(beta x)) / beta."""
        return ops.softplus(x, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return f"beta={self.beta}, threshold={self.threshold}"


class SELU(Module):
    """ELU with the alpha and scale that keep mean 0 and variance 1; inplace has no effect."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, x: Any) -> Any:
        """The scaled x, or exponential."""
        return selu(x)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return "".join(_shown(self.inplace))


class CELU(Module):
    """x where x > 0, else alpha (exp(x / alpha) - 1); inplace has no effect."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if alpha == 0:
            raise ValueError(message("CELU", "alpha", alpha, "a number other than 0"))
        self.inplace = inplace
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        """x, or alpha (exp(x / alpha) - 1)."""
        return celu(x, self.alpha)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return ", ".join([f"alpha={self.alpha}", *_shown(self.inplace)])


class Mish(Module):
    """x tanh(softplus(x)); inplace has no effect."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, x: Any) -> Any:
        """The product x tanh(softplus(x))."""
        return mish(x)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return "".join(_shown(self.inplace))


class LogSigmoid(Module):
    """log(sigmoid(x)), without overflow."""

    def forward(self, x: Any) -> Any:
        """The logarithm of the sigmoid."""
        return logsigmoid(x)


class Softsign(Module):
    """x / (1 + |x|)."""

    def forward(self, x: Any) -> Any:
        """x / (1 + |x|)."""
        return softsign(x)


class Tanhshrink(Module):
    """x - tanh(x)."""

    def forward(self, x: Any) -> Any:
        """x - tanh(x)."""
        return tanhshrink(x)


class Softmax(Module):
    """exp(x) normalised to sum 1 along dim. CrossEntropyLoss takes logits, so no softmax belongs before it."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Any) -> Any:
        """The softmax along dim."""
        return softmax_ops.softmax(x, self.dim)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """log(softmax(x)) along dim; NLLLoss takes it."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Any) -> Any:
        """The logarithm of the softmax along dim."""
        return softmax_ops.log_softmax(x, self.dim)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return f"dim={self.dim}"


class Softmin(Module):
    """exp(-x) normalised to sum 1 along dim."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Any) -> Any:
        """The softmin along dim."""
        return softmax_ops.softmin(x, self.dim)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return f"dim={self.dim}"


class GLU(Module):
    """The first half of a dimension times the sigmoid of the second."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Any) -> Any:
        """The gated half."""
        return glu(x, self.dim)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return f"dim={self.dim}"
