"""Relatives of dropout, made of the op itself: for whole channels, and for SELU, with mean and variance preserved."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import from_array
from minigrad._op import public
from minigrad.errors import ShapeError, message
from minigrad.linalg.distance import check_floats
from minigrad.ops.elementwise import add, identity, mul, sub
from minigrad.ops.random import dropout

if TYPE_CHECKING:
    from typing import Any

    from minigrad._generator import Generator

#: What SELU tends to for -inf, -scale alpha (Klambauer et al. 2017): alpha dropout puts it where it drops.
SELU_FLOOR = -1.7580993408473766


def check_chance(op: str, p: Any) -> None:
    """A ValueError unless p is a probability; the message contains PyTorch's words, too."""
    if not 0.0 <= p <= 1.0:
        remedy = f"dropout probability has to be between 0 and 1, but got {p}"
        raise ValueError(message(op, "p", p, "a number in [0, 1]", remedy))


@public("alpha_dropout", "nn.functional")
def alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False, *, generator: Generator | None = None
) -> Any:
    """Dropout for SELU (Klambauer et al. 2017): with probability p a number becomes SELU's smallest value c = -1.758. All
    are then transformed by a x + b, which restores mean 0 and variance 1. With q = 1 - p and d in {0, 1}:

        out = a (x d + c (1 - d)) + b,   a = (q + c^2 q p)^(-1/2),   b = -a p c

    training=False: the input itself. inplace has no effect: the result is a new tensor.
    """
    check_chance("alpha_dropout", p)
    check_floats("alpha_dropout", input=input)
    if not training or p == 0.0:
        return identity(input)
    if p == 1.0:
        return mul(input, 0.0)
    q, c = 1.0 - p, SELU_FLOOR
    a = 1 / sqrt(q + c * c * q * p)
    kept = dropout(sub(input, c), p, True, generator=generator)  # d (x - c) / q
    return add(mul(kept, a * q), a * c - a * p * c)


@public("dropout1d", "nn.functional")
def dropout1d(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None
) -> Any:
    """Sets whole channels of (N, C, L) or (C, L) to 0 with probability p and scales the rest by 1 / (1 - p) (Tompson et al.
    2015): neighbours along L are strongly correlated, so dropping them one by one would hide little."""
    check_chance("dropout1d", p)
    check_floats("dropout1d", input=input)
    if len(input.shape) not in (2, 3):
        raise ShapeError(message("dropout1d", "input", f"shape {input.shape}", "(N, C, L) or (C, L)"))
    if not training or p == 0.0:
        return identity(input)
    whole = from_array(np.ones((*input.shape[:-1], 1), input.dtype))
    return mul(input, dropout(whole, p, True, generator=generator))
