"""Random numbers and dropout."""

from __future__ import annotations

from minigrad._array import Array, empty, float32
from minigrad._C import lib
from minigrad._kernels.layout import contiguous, doorway, pair

_permutation = doorway["permutation"] = [lib.mg_permutation]
_uniform, _normal, _bernoulli, _dropout = map(pair, ("uniform", "normal", "bernoulli", "dropout"))


def uniform(out: Array, *, seed: int, offset: int, low: float, high: float) -> Array:
    """Fills a new array with numbers from [low, high)."""
    _uniform[out.dtype is not float32](out.ptr, seed, offset, low, high, out.array.size)
    return out


def normal(out: Array, *, seed: int, offset: int, mean: float, std: float) -> Array:
    """Fills a new array with normally distributed numbers."""
    _normal[out.dtype is not float32](out.ptr, seed, offset, mean, std, out.array.size)
    return out


def bernoulli(out: Array, p: Array, *, seed: int, offset: int) -> Array:
    """Fills a new array, of the contiguous p's shape and type, with 1 with probability p[i], else 0."""
    _bernoulli[p.dtype is not float32](out.ptr, p.ptr, seed, offset, out.array.size)
    return out


def permutation(out: Array, *, seed: int, offset: int) -> Array:
    """Fills a new array of int64 with 0 .. n-1 in random order."""
    _permutation[0](out.ptr, seed, offset, out.array.size)
    return out


def dropout(x: Array, *, p: float, seed: int, offset: int) -> Array:
    """x / (1 - p) where the counter says keep, else 0. The same (seed, offset) gives the same mask."""
    x = contiguous(x)
    out = empty(x.shape, x.dtype)
    _dropout[x.dtype is not float32](out.ptr, x.ptr, p, seed, offset, out.array.size)
    return out  # type: ignore[no-any-return]
