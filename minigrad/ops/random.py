"""Dropout: the op whose backward draws its random numbers again instead of keeping them (`minigrad._generator`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, float32
from minigrad._generator import blocks_for, default_generator
from minigrad._kernels import random as kernels
from minigrad._op import defop
from minigrad._samples import Draw, Sample
from minigrad.errors import DTypeError, message
from minigrad.ops.elementwise import identity

if TYPE_CHECKING:
    from typing import Any

    from minigrad._generator import Generator
    from minigrad._op import Function


def philox_words(seed: int, offset: int, n: int) -> Any:
    """The first n 32-bit words of blocks offset, offset + 1, ...; Philox 4x32-7 in NumPy."""
    low = np.uint64(0xFFFFFFFF)
    number = np.arange(-(-n // 4), dtype=np.uint64) + np.uint64(offset)
    c0, c1, c2, c3 = number & low, number >> np.uint64(32), np.zeros_like(number), np.zeros_like(number)
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(7):
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0),
            p1 & low,
            (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1),
            p0 & low,
        )
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], 1).reshape(-1)[:n].astype(np.uint32)


def _dropout_reference(x: Any, *, p: float, seed: int, offset: int) -> Any:
    keep = (philox_words(seed, offset, x.size) & np.uint32(0x7FFFFFFF)) >= int(p * 2.0**31 + 0.5)
    scale = x.dtype.type(1 / (1 - p)) if p < 1 else x.dtype.type(0)
    return np.where(keep.reshape(x.shape), x * scale, x.dtype.type(0))


dropout_op: Function = defop(
    "dropout", "x | p, seed, offset",
    forward=kernels.dropout,
    vjp={"x": lambda g, p, seed, offset: dropout_op(g, p=p, seed=seed, offset=offset)},
    reference=_dropout_reference,
    samples=lambda: [Sample(Draw(s), p=p, seed=7, offset=3) for s, p in (((7,), 0.5), ((2, 3), 0.0), ((33,), 0.25), ((0,), 0.5), ((5,), 1.0), ((), 0.5))],
    doc="Each element kept with probability 1 - p and then divided by it, else 0 (Srivastava et al. 2014). Backward is the "
    "same op on the gradient: the same seed and offset make the same mask.",
)  # fmt: skip


def dropout(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None
) -> Any:
    """Sets elements to 0 with probability p and scales the rest by 1 / (1 - p). training=False: the input itself.

    Note the default training=True: a function cannot know the mode of a module. nn.Dropout does. inplace has no effect:
    the result is a new tensor.
    """
    if not 0.0 <= p <= 1.0:
        remedy = f"dropout probability has to be between 0 and 1, but got {p}"
        raise ValueError(message("dropout", "p", p, "a number in [0, 1]", remedy))
    if not training or p == 0.0:
        return identity(input)
    if not isinstance(input, Array) or input.dtype.kind != "f":
        kind = input.dtype if isinstance(input, Array) else type(input).__name__
        raise DTypeError(message("dropout", "input", kind, "a tensor of floats"))
    seed, offset = (generator or default_generator).take(blocks_for(input.count, float32))
    return dropout_op(input, p=float(p), seed=seed, offset=offset)
