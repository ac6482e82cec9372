"""Activations and losses as functions: what the modules of `minigrad.nn` call. They come from their records.

Some take a parameter `inplace`, because programs written for PyTorch pass it. It has no effect: the tape may need the input
again, so the result is always a new tensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._absent import missing
from minigrad._draw import rand_like
from minigrad._op import surface
from minigrad.errors import message
from minigrad.nn import ops as records
from minigrad.ops import activation as ops
from minigrad.ops.elementwise import add, greater, mul, where
from minigrad.ops.random import dropout as dropout

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    def __getattr__(name: str) -> Callable[..., Any]: ...


#: What declares the losses and the rest, which are not there before nn is imported.
_DECLARED = records
globals().update(surface["nn.functional"])


def relu(input: Any, inplace: bool = False) -> Any:
    """max(input, 0). The derivative at 0 is 0."""
    return ops.relu(input)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """Input where it is above 0, else negative_slope times it. At 0 the slope is negative_slope."""
    return ops.leaky_relu(input, negative_slope)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """Input where it is above 0, else alpha (exp(input) - 1) (Clevert, Unterthiner and Hochreiter 2016)."""
    return ops.elu(input, alpha)


def silu(input: Any, inplace: bool = False) -> Any:
    """The product of input and sigmoid(input)."""
    return ops.silu(input)


def rrelu(
    input: Any, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False
) -> Any:
    """Input where it is above 0, else a slope times it, which is drawn from [lower, upper] for each element in training,
    and the middle of that otherwise (Xu et al. 2015)."""
    if not lower <= upper:
        raise ValueError(message("rrelu", "upper", upper, f"at least lower, {lower}"))
    if not training:
        return ops.leaky_relu(input, (lower + upper) / 2)
    slope = add(mul(rand_like(input), upper - lower), lower)
    return where(greater(input, 0.0), input, mul(input, slope))


__all__ = ["dropout", "elu", "leaky_relu", "relu", "rrelu", "silu", *surface["nn.functional"]]

if not TYPE_CHECKING:  # a checker knows the names that there are
    __getattr__ = missing(globals())
