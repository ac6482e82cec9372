"""Activations and losses as functions: what the modules of `minigrad.nn` call."""

from minigrad.ops.activation import elu, gelu, leaky_relu, relu, sigmoid, silu, softplus, tanh
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

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "dropout", "elu", "gelu", "huber_loss",
    "kl_div", "l1_loss", "leaky_relu", "linear", "log_softmax", "mse_loss", "nll_loss", "relu", "sigmoid", "silu",
    "smooth_l1_loss", "softmax", "softplus", "tanh",
]  # fmt: skip
