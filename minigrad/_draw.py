"""Tensors of random numbers. Memory is allocated first, so that if this fails the generator has not advanced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import Array, canonical, empty, float32, float64, from_array, int64, view
from minigrad._device import require_cpu
from minigrad._generator import Generator, blocks_for, stream
from minigrad._kernels import elementwise, integers
from minigrad._kernels import random as kernels
from minigrad._kernels.layout import contiguous
from minigrad._op import public
from minigrad._promote import number
from minigrad.errors import DTypeError, ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from minigrad._op import Function


def _empty(op: str, size: Sequence[Any], dtype: Any, device: Any) -> Any:
    """The memory, allocated before the generator advances."""
    real = float32 if dtype is None else canonical(dtype, op)
    if real.kind != "f":
        raise DTypeError(message(op, "dtype", real, "float32 or float64"))
    return _empty_of(op, size, real, device)


def _empty_of(op: str, size: Sequence[Any], dtype: Any, device: Any) -> Any:
    require_cpu(op, device)
    shape = shapes.lengths(op, "size", size)
    if shape and min(shape) < 0:
        raise ShapeError(message(op, "size", shape, "lengths of at least 0"))
    return empty(shape, dtype, op)


def _drawn(
    op: str, kernel: Function, size: Sequence[Any], generator: Any, dtype: Any, requires_grad: bool, device: Any,
    **parameters: float,
) -> Any:  # fmt: skip
    """A new tensor of what a kernel draws."""
    source = stream(op, generator)
    out = _empty(op, size, dtype, device)
    seed, offset = source.take(blocks_for(out.count, out.dtype))
    if requires_grad:
        out.requires_grad = True
    return kernel(out, seed=seed, offset=offset, **parameters)


def _model(op: str, input: Any) -> Any:
    """The tensor from which a ..._like function takes shape and type."""
    if not isinstance(input, Array):
        remedy = "Where there is none, give the shape to the function without _like."
        raise TypeError(message(op, "input", f"a {type(input).__name__}", "a tensor", remedy))
    return input


def rand(
    *size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Any:
    """Numbers from [0, 1), uniformly: rand(2, 3) or rand((2, 3))."""
    return _drawn("rand", kernels.uniform, size, generator, dtype, requires_grad, device, low=0.0, high=1.0)


def randn(
    *size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Any:
    """Normally distributed numbers, mean 0 and variance 1: randn(2, 3) or randn((2, 3))."""
    return _drawn("randn", kernels.normal, size, generator, dtype, requires_grad, device, mean=0.0, std=1.0)


def rand_like(
    input: Any, *, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Any:
    """Numbers from [0, 1), uniformly, in another tensor's shape and type; float32 or float64."""
    size, real = _model("rand_like", input).shape, input.dtype if dtype is None else dtype
    return _drawn("rand_like", kernels.uniform, (size,), generator, real, requires_grad, device, low=0.0, high=1.0)


def randn_like(
    input: Any, *, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Any:
    """Normally distributed numbers, mean 0 and variance 1, in another tensor's shape and type; float32 or float64."""
    size, real = _model("randn_like", input).shape, input.dtype if dtype is None else dtype
    return _drawn("randn_like", kernels.normal, (size,), generator, real, requires_grad, device, mean=0.0, std=1.0)


def randint(
    low: Any = 0, high: Any = None, size: Any = None, *, generator: Generator | None = None, dtype: Any = None,
    requires_grad: bool = False, device: Any = None,
) -> Any:  # fmt: skip
    """Integers from low to high - 1: randint(10, (3,)) or randint(0, 10, (3,)); int64 by default."""
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    shape = size if isinstance(size, (tuple, list)) else (size,)
    return _integers("randint", low, high, shape, generator, dtype, requires_grad, device)


def randint_like(
    input: Any, low: Any = 0, high: Any = None, *, generator: Generator | None = None, dtype: Any = None,
    requires_grad: bool = False, device: Any = None,
) -> Any:  # fmt: skip
    """Integers from low to high - 1, in another tensor's shape and type: randint_like(x, 10) or randint_like(x, 5, 10)."""
    if high is None:
        low, high = 0, low
    size, real = _model("randint_like", input).shape, input.dtype if dtype is None else dtype
    return _integers("randint_like", low, high, size, generator, real, requires_grad, device)


#: Up to here a type can represent every integer exactly.
_EXACT = {float32: 1 << 24, float64: 1 << 53, int64: 1 << 63}
#: The most integers that a float64 from [0, 1), of 53 bits, can choose among.
_CHOICES = 1 << 53


def _integers(
    op: str, low: Any, high: Any, size: Sequence[Any], generator: Any, dtype: Any, requires_grad: bool, device: Any
) -> Any:
    """low + floor(u (high - low)) for u from [0, 1); never high, as u (high - low) rounds to less than high - low."""
    if not all(hasattr(n, "__index__") for n in (low, high)) or not high > low:
        raise ValueError(message(op, "high", f"{high!r}", f"an int above low, {low!r}"))
    low, high = int(low), int(high)
    real = int64 if dtype is None else canonical(dtype, op)
    if real not in _EXACT:
        remedy = "For bools write .bool() behind it."
        raise DTypeError(message(op, "dtype", real, "int64, float32 or float64", remedy))
    if high - low > _CHOICES or low < -_EXACT[real] or high > _EXACT[real]:
        fitting = f"at most 2^53 integers, all of which {real} holds"
        raise ValueError(message(op, "high", f"{high} with low {low}", fitting))
    if requires_grad and real is int64:
        raise DTypeError(message(op, "requires_grad", "True for dtype int64", "floats", "Pass dtype=minigrad.float32."))
    source = stream(op, generator)
    draws = _empty_of(op, size, float64, device)
    seed, offset = source.take(blocks_for(draws.count, float64))
    u = kernels.uniform(draws, seed=seed, offset=offset, low=0.0, high=float(high - low))
    if real is int64:  # which cuts off what is behind the point; of large ones only the sum of ints is exact
        whole = integers.to(u, int64)
        return integers.by_name["add"](whole, integers.number(low)) if low else whole
    out: Any = elementwise.floor(u)
    if low:
        out = elementwise.add(out, number(low, float64))
    out = elementwise.cast(out, dtype=real)
    if requires_grad:
        out.requires_grad = True
    return out


def normal(
    mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, dtype: Any = None,
    requires_grad: bool = False, device: Any = None,
) -> Any:  # fmt: skip
    """Normally distributed numbers mean + std z: normal(2.0, 0.5, (3, 4)), or with a tensor for mean, std or both, which
    broadcast and determine the shape.

    The result has no history: for a gradient in mean and std, write mean + std * randn(size).
    """
    given = [(name, x) for name, x in (("mean", mean), ("std", std)) if isinstance(x, Array)]
    if given and size is not None:
        remedy = "Their shapes are the result's; else write mean + std * minigrad.randn(size)."
        raise TypeError(message("normal", "size", f"{size!r}", f"none beside a tensor for {given[0][0]}", remedy))
    if not given and size is None:
        remedy = "As in normal(0.0, 1.0, (2, 3))."
        raise TypeError(message("normal", "size", "None", "a shape where mean and std are numbers", remedy))
    for name, x in (("mean", mean), ("std", std)):
        if x.dtype.kind != "f" if isinstance(x, Array) else not isinstance(x, (int, float, np.number)):
            got = f"dtype {x.dtype}" if isinstance(x, Array) else f"{x!r}"
            raise DTypeError(message("normal", name, got, "a number or a tensor of floats"))
    if not np.all((std.array if isinstance(std, Array) else std) >= 0):
        raise ValueError(message("normal", "std", _text(std), "at least 0"))
    if not given:
        shape = size if isinstance(size, (tuple, list)) else (size,)
        parameters = {"mean": float(mean), "std": float(std)}
        return _drawn("normal", kernels.normal, shape, generator, dtype, requires_grad, device, **parameters)
    shape = shapes.broadcast("normal", *[x.shape for _, x in given])
    real = float64 if any(x.dtype is float64 for _, x in given) and dtype is None else dtype
    out = _drawn("normal", kernels.normal, shape, generator, real, requires_grad, device, mean=0.0, std=1.0)
    with np.errstate(all="ignore"):  # an overflow is infinite, as the kernel's
        for combine, x in ((np.multiply, std), (np.add, mean)):
            combine(out.array, x.array if isinstance(x, Array) else x, out=out.array, casting="same_kind")
    return out


def _text(x: Any) -> str:
    """A number as text; for a tensor its smallest element."""
    return f"a tensor with {x.array.min()}" if isinstance(x, Array) else f"{x!r}"


def check_probabilities(op: str, p: Any) -> None:
    """Refuses anything but probabilities: a number, or a tensor of floats."""
    if isinstance(p, Array):
        if p.dtype.kind != "f":
            raise DTypeError(message(op, "p", f"dtype {p.dtype}", "a tensor of floats", "Convert it: p.float()."))
        if not ((p.array >= 0) & (p.array <= 1)).all():
            raise ValueError(message(op, "p", f"numbers from {p.array.min()} to {p.array.max()}", "all in [0, 1]"))
    elif not isinstance(p, (int, float, np.number)):
        raise DTypeError(message(op, "p", f"a {type(p).__name__}", "a number or a tensor of floats"))
    elif not 0 <= p <= 1:
        raise ValueError(message(op, "p", p, "a number in [0, 1]"))


def check_interval(op: str, names: tuple[str, str], low: float, high: float, dtype: Any) -> None:
    """Refuses ends in the wrong order, and those that a type cannot hold, or not their distance: kernels multiply by it."""
    if not high >= low:
        raise ValueError(message(op, names[1], high, f"at least {names[0]}, {low}"))
    most = float(np.finfo(dtype).max)
    if not (-most <= low and high <= most and float(high) - float(low) <= most):
        expected = f"finite ones, at most {most:.4g} from 0 and from each other in {dtype}"
        raise ValueError(message(op, ", ".join(names), f"{low}, {high}", expected))


@public("bernoulli")
def bernoulli(input: Any, p: Any = None, *, generator: Generator | None = None) -> Any:
    """1 with probability input[i], else 0, in the type of input. With a number p, that is the probability, and input gives
    only shape and type. The result has no history, as steps have no derivative."""
    if not isinstance(input, Array) or input.dtype.kind != "f":
        kind = f"dtype {input.dtype}" if isinstance(input, Array) else f"a {type(input).__name__}"
        raise DTypeError(message("bernoulli", "input", kind, "a tensor of floats"))
    check_probabilities("bernoulli", input if p is None else p)
    if isinstance(p, Array):
        raise TypeError(message("bernoulli", "p", "a tensor", "a number", "Write minigrad.bernoulli(p)."))
    source = stream("bernoulli", generator)
    out = empty(input.shape, input.dtype, "bernoulli")
    chances = None if p is not None else contiguous(input)
    seed, offset = source.take(blocks_for(out.size, out.dtype))
    if chances is not None:
        return kernels.bernoulli(out, chances, seed=seed, offset=offset)
    u = kernels.uniform(out, seed=seed, offset=offset, low=0.0, high=1.0)
    return elementwise.cast(elementwise.less(u, from_array(np.asarray(p, u.dtype))), dtype=u.dtype)


@public("multinomial")
def multinomial(input: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Any:
    """Draws num_samples indices, each with a probability proportional to its weight; input (n) gives (num_samples), and
    (m, n) gives (m, num_samples), row by row; int64.

    With replacement, the distribution function is inverted at uniform numbers. Without, each index gets an exponentially
    distributed arrival time with its weight as the rate, and the first to arrive are drawn, in order: the same as drawing one
    by one from what is left (Efraimidis and Spirakis 2006).
    """
    weights = _weights(input)
    if isinstance(num_samples, bool) or not hasattr(num_samples, "__index__") or num_samples < 1:
        raise ValueError(message("multinomial", "num_samples", f"{num_samples!r}", "an int of at least 1"))
    most = int((weights > 0).sum(1).min()) if len(weights) else num_samples
    if not replacement and num_samples > most:
        got, remedy = f"{num_samples}", "Draw fewer, or with replacement=True."
        raise ValueError(message("multinomial", "num_samples", got, f"at most the {most} weights above 0", remedy))
    source = stream("multinomial", generator)
    out = empty((len(weights), int(num_samples)), int64, "multinomial")
    draws = empty(out.shape if replacement else weights.shape, float64, "multinomial")
    seed, offset = source.take(blocks_for(draws.size, float64))
    u = kernels.uniform(draws, seed=seed, offset=offset, low=0.0, high=1.0).array
    if replacement:
        below = np.cumsum(weights, 1)
        for row, numbers, found in zip(below, u, out.array, strict=True):
            found[...] = np.searchsorted(row, numbers * row[-1], side="right")
    else:
        times = np.full_like(u, np.inf)
        np.divide(-np.log1p(-u), weights, out=times, where=weights > 0)
        out.array[...] = np.argsort(times, 1, kind="stable")[:, :num_samples]
    return out if len(input.shape) == 2 else view(out.array[0], None)


def _weights(input: Any) -> Any:
    """The rows of weights in float64, scaled to a maximum of 1, so that no sum overflows."""
    if not isinstance(input, Array) or input.dtype.kind != "f":
        kind = f"dtype {input.dtype}" if isinstance(input, Array) else f"a {type(input).__name__}"
        raise DTypeError(message("multinomial", "input", kind, "a tensor of floats"))
    if len(input.shape) not in (1, 2) or not input.shape[-1]:
        expected = "(n,) or (m, n), with at least one weight in a row"
        raise ShapeError(message("multinomial", "input", f"shape {input.shape}", expected))
    rows = input.array.reshape(-1, input.shape[-1]).astype(np.float64)
    largest = rows.max(1, keepdims=True)
    if not (np.isfinite(rows).all() and (rows >= 0).all() and (largest > 0).all()):
        expected = "finite ones of at least 0, and not all 0 in a row"
        remedy = "Of logits take softmax(1) first."
        raise ValueError(message("multinomial", "input", "other weights", expected, remedy))
    return rows / largest


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Any:
    """0 .. n-1 in random order, as int64."""
    require_cpu("randperm", device)
    if isinstance(n, bool) or not hasattr(n, "__index__") or n < 0:
        raise ValueError(message("randperm", "n", f"{n!r}", "an int of at least 0"))
    if dtype is not None and canonical(dtype, "randperm") is not int64:
        raise DTypeError(message("randperm", "dtype", dtype, "int64"))
    source = stream("randperm", generator)
    out = empty((int(n),), int64, "randperm")
    seed, offset = source.take(1)
    return kernels.permutation(out, seed=seed, offset=offset)
