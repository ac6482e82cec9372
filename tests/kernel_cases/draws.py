"""Random numbers: Philox 4x32-7 in NumPy, and what the kernels make of its words, to the bit where they say so."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from kernel_cases.calls import Problem, Want
from kernel_cases.maps import as_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    Numbers = np.ndarray[Any, np.dtype[Any]]

LOW_32 = np.uint64(0xFFFFFFFF)


def philox(counter: Numbers, key: tuple[int, int]) -> Numbers:
    """Seven rounds on blocks of four words (Salmon et al. 2011, section 3). counter: uint64 (blocks, 4), each below 2^32."""
    c0, c1, c2, c3 = counter.T.copy()
    for turn in range(7):
        k0, k1 = ((k + turn * step) & 0xFFFFFFFF for k, step in zip(key, (0x9E3779B9, 0xBB67AE85), strict=True))
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1 = (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0), p1 & LOW_32
        c2, c3 = (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1), p0 & LOW_32
    return np.stack([c0, c1, c2, c3], 1)


def words(seed: int, offset: int, count: int) -> Numbers:
    """The first `count` 32-bit words of the stream (seed, offset), as uint64."""
    number = np.uint64(offset) + np.arange(-(-count // 4), dtype=np.uint64)
    zero = np.zeros_like(number)
    blocks = philox(
        np.stack([number & LOW_32, number >> np.uint64(32), zero, zero], 1), (seed & 0xFFFFFFFF, seed >> 32)
    )
    return blocks.ravel()[:count]


def integers(seed: int, offset: int, count: int, dtype: np.dtype[Any]) -> Numbers:
    """What each element takes: a word, or two of them, low half first."""
    if dtype == np.float32:
        return words(seed, offset, count)
    pairs = words(seed, offset, 2 * count).reshape(count, 2)
    return pairs[:, 0] | pairs[:, 1] << np.uint64(32)


def units(seed: int, offset: int, count: int, dtype: np.dtype[Any]) -> Numbers:
    """[0, 1): the leading bits that the type holds."""
    bits, digits = 8 * dtype.itemsize, np.finfo(dtype).nmant + 1
    return ((integers(seed, offset, count, dtype) >> np.uint64(bits - digits)) * 2.0**-digits).astype(dtype)


def uniform(seed: int, offset: int, count: int, dtype: np.dtype[Any], low: float, high: float) -> Numbers:
    low_, high_ = dtype.type(low), dtype.type(high)
    x = low_ + units(seed, offset, count, dtype) * (high_ - low_)
    return np.where(x < high_, x, np.nextafter(high_, low_))


def normal(seed: int, offset: int, count: int, dtype: np.dtype[Any]) -> Numbers:
    """Standard normal pairs (Box and Muller 1958), z_2j = r cos a and z_2j+1 = r sin a, in float64 but for u, whose
    rounding is part of the definition."""
    bits, angle_bits = (32, 32) if dtype == np.float32 else (64, 52)
    taken = integers(seed, offset, count + count % 2, dtype)
    radius, x = taken[0::2], taken[1::2]
    top, shift = np.uint64(2 ** (bits - 1)), np.uint64(bits - 1)
    u = (top - (radius & (top - np.uint64(1)))).astype(dtype).astype(np.float64) / float(top)
    r = np.where(radius >> shift, -1.0, 1.0) * np.sqrt(-2 * np.log(u))
    signed = (x << np.uint64(64 - bits)).astype(np.int64) >> np.int64(64 - angle_bits)
    a = signed * (math.pi / 2 * 2.0**-angle_bits)
    reflected = x & np.uint64(1)
    cos, sin = np.where(reflected, np.sin(a), np.cos(a)), np.where(reflected, np.cos(a), np.sin(a))
    return (np.stack([cos, sin], 1) * r[:, None]).ravel()[:count]


#: Streams that begin anywhere, cross 2^32 blocks, and wrap round 2^64.
STREAMS = ((0, 0), (0x123456789ABCDEF0, 2**32 - 3), (2**64 - 1, 2**64 - 2))


def draw_problems(name: str, dtype: np.dtype[Any], size: int, rng: np.random.Generator) -> Iterator[Problem]:
    for seed, offset in STREAMS:
        given: dict[str, Any] = {"seed": seed, "offset": offset, "n": size}
        if name == "uniform":
            for low, high in ((0.0, 1.0), (-3.0, 0.1), (1.0, 1.0 + float(np.finfo(dtype).eps))):
                want = Want(uniform(seed, offset, size, dtype, low, high))
                yield Problem({**given, "low": as_numbers(low, dtype), "high": as_numbers(high, dtype)}, {"out": want})
        elif name == "normal":
            z, mean, std = normal(seed, offset, size, dtype), as_numbers(0.3, dtype), as_numbers(1.7, dtype)
            # 4 epsilon of z are random.inc's, 4 more the reference's; then times std, plus mean.
            want = Want(mean + std * z, 16 + 4, abs(mean) + std * np.abs(z))
            yield Problem({**given, "mean": mean, "std": std}, {"out": want})
        elif name == "bernoulli":
            p = rng.choice([0.0, 0.2, 0.5, 0.9, 1.0], size).astype(dtype)
            yield Problem({**given, "p": p}, {"out": Want((units(seed, offset, size, dtype) < p).astype(dtype))})
        else:
            for p in (0.0, 0.3, 1.0):
                x, rounded = rng.uniform(-2, 2, size).astype(dtype), as_numbers(p, dtype)
                keep = (words(seed, offset, size) & np.uint64(2**31 - 1)) >= math.floor(rounded * 2**31 + 0.5)
                scale = dtype.type(1 / (1 - rounded)) if rounded < 1 else dtype.type(0)
                yield Problem({**given, "x": x, "p": rounded}, {"out": Want(np.where(keep, x * scale, dtype.type(0)))})
