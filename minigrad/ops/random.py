"""Random numbers from a counter, not from a shared state: Philox 4x32-7 (Salmon et al. 2011, who report that
seven rounds pass BigCrush).

Block number i of a stream is a pure function of (seed, i), so any element can be made again at any time by anyone: the
backward of dropout makes its mask anew instead of keeping it, and the bits do not depend on the number of threads. A
`Generator` is a seed and the number of the next block.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import Array, canonical, empty, float32, int64, view
from minigrad._device import require_cpu
from minigrad._kernels import random as kernels
from minigrad._op import defop
from minigrad._samples import Draw, Sample
from minigrad.errors import DTypeError, ShapeError, message
from minigrad.ops.elementwise import identity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from minigrad._op import Function

_MASK64 = (1 << 64) - 1


class Generator:
    """A stream of random numbers: `Generator().manual_seed(0)`, given to functions as generator=."""

    __slots__ = ("_seed", "offset")

    def __init__(self, device: Any = None) -> None:
        require_cpu("Generator", device)
        self._seed = int.from_bytes(os.urandom(8), "little")
        self.offset = 0

    def manual_seed(self, seed: int) -> Generator:
        """Starts the stream that belongs to this seed, from its beginning."""
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            raise TypeError(message("manual_seed", "seed", f"{seed!r}", "an int"))
        self._seed, self.offset = int(seed) & _MASK64, 0
        return self

    def initial_seed(self) -> int:
        """The seed of the stream."""
        return self._seed

    def get_state(self) -> tuple[int, int]:
        """What set_state takes to continue from here: the seed and the number of the next block."""
        return self._seed, self.offset

    def set_state(self, state: tuple[int, int]) -> Generator:
        """Continues where get_state was called."""
        seed, offset = state
        self._seed, self.offset = int(seed) & _MASK64, int(offset) & _MASK64
        return self

    def take(self, blocks: int) -> tuple[int, int]:
        """(seed, first block) of the next `blocks` blocks, which are then used up."""
        start = self.offset
        self.offset = (start + blocks) & _MASK64
        return self._seed, start


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seeds every random number of minigrad: initial weights, shuffling, dropout, randn and the rest."""
    return default_generator.manual_seed(seed)


def blocks_for(elements: int, dtype: Any) -> int:
    """A block holds four 32-bit words: four float32 or two float64."""
    return -(-elements // (4 if dtype is float32 else 2))


# -- dropout ------------------------------------------------------------------------------------------------------------------


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

    Note the default training=True: a function cannot know the mode of a module. nn.Dropout does. inplace changes nothing:
    the result is a new tensor.
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(
            message(
                "dropout", "p", p, "a number in [0, 1]", f"dropout probability has to be between 0 and 1, but got {p}"
            )
        )
    if not training or p == 0.0:
        return identity(input)
    if not isinstance(input, Array) or input.dtype.kind != "f":
        kind = input.dtype if isinstance(input, Array) else type(input).__name__
        raise DTypeError(message("dropout", "input", kind, "a tensor of floats"))
    seed, offset = (generator or default_generator).take(blocks_for(input.size, float32))
    return dropout_op(input, p=float(p), seed=seed, offset=offset)


# -- tensors of random numbers ------------------------------------------------------------------------------------------------------


def _empty(op: str, size: Sequence[Any], dtype: Any, device: Any) -> Any:
    """The memory first: where it fails, the generator has not moved."""
    require_cpu(op, device)
    shape = shapes.lengths(op, "size", size)
    if any(n < 0 for n in shape):
        raise ShapeError(message(op, "size", shape, "lengths of at least 0"))
    real = float32 if dtype is None else canonical(dtype, op)
    if real.kind != "f":
        raise DTypeError(message(op, "dtype", real, "float32 or float64"))
    return empty(shape, real, op)


def rand(
    *size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Any:
    """Numbers from [0, 1), uniformly: rand(2, 3) or rand((2, 3))."""
    out = _empty("rand", size, dtype, device)
    seed, offset = (generator or default_generator).take(blocks_for(out.size, out.dtype))
    out.requires_grad = bool(requires_grad)
    return kernels.uniform(out, seed=seed, offset=offset, low=0.0, high=1.0)


def randn(
    *size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Any:
    """Normally distributed numbers, mean 0 and variance 1: randn(2, 3) or randn((2, 3))."""
    out = _empty("randn", size, dtype, device)
    seed, offset = (generator or default_generator).take(blocks_for(out.size, out.dtype))
    out.requires_grad = bool(requires_grad)
    return kernels.normal(out, seed=seed, offset=offset, mean=0.0, std=1.0)


def randint(
    low: int, high: Any = None, size: Any = None, *, generator: Generator | None = None, device: Any = None
) -> Any:
    """Integers from low to high - 1: randint(10, (3,)) or randint(0, 10, (3,))."""
    if size is None:
        low, high, size = 0, low, high
    if not all(hasattr(n, "__index__") for n in (low, high)) or not high > low:
        raise ValueError(message("randint", "high", f"{high!r}", f"an int above low, {low!r}"))
    out = _empty("randint", size if isinstance(size, (tuple, list)) else (size,), np.float64, device)
    seed, offset = (generator or default_generator).take(blocks_for(out.size, out.dtype))
    kernels.uniform(out, seed=seed, offset=offset, low=0.0, high=1.0)
    return view(np.asarray(out.array * (high - low)).astype(np.int64) + low, None)


def bernoulli(p: Any, *, generator: Generator | None = None) -> Any:
    """1 with probability p[i], else 0."""
    if not isinstance(p, Array) or p.dtype.kind != "f" or ((p.array < 0) | (p.array > 1) | np.isnan(p.array)).any():
        raise ValueError(message("bernoulli", "p", "something else", "a tensor of probabilities in [0, 1]"))
    seed, offset = (generator or default_generator).take(blocks_for(p.size, p.dtype))
    return kernels.bernoulli(p, seed=seed, offset=offset)


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Any:
    """0 .. n-1 in random order, as int64."""
    require_cpu("randperm", device)
    if isinstance(n, bool) or not hasattr(n, "__index__") or n < 0:
        raise ValueError(message("randperm", "n", f"{n!r}", "an int of at least 0"))
    if dtype is not None and canonical(dtype, "randperm") is not int64:
        raise DTypeError(message("randperm", "dtype", dtype, "int64"))
    seed, offset = (generator or default_generator).take(1)
    return kernels.permutation(int(n), seed=seed, offset=offset)
