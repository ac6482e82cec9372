"""Activations and losses as functions: what the modules of `minigrad.nn` call.

Some have a parameter `inplace`, as programs written for PyTorch pass it. It changes nothing: the tape may need the input
again, so the result is always a new tensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.ops import activation as ops
from minigrad.ops.activation import gelu, sigmoid, softplus, tanh
from minigrad.ops.crossentropy import cross_entropy, nll_loss
from minigrad.ops.linalg import linear
from minigrad.ops.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
)
from minigrad.ops.random import dropout
from minigrad.ops.softmax import log_softmax, softmax

if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "dropout", "elu", "gelu", "huber_loss",
    "kl_div", "l1_loss", "leaky_relu", "linear", "log_softmax", "mse_loss", "nll_loss", "relu", "sigmoid", "silu",
    "smooth_l1_loss", "softmax", "softplus", "tanh",
]  # fmt: skip


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
