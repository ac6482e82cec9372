"""Pure functions on shapes: they return the resulting shape, or raise an error that names the operation and what clashes."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING

from minigrad.errors import AxisError, ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Shape = tuple[int, ...]


def broadcast(op: str, *shapes: Shape, **_: Any) -> Shape:
    """NumPy's rule: align at the right; lengths must be equal, or one of them 1."""
    found = _aligned(*shapes)
    if isinstance(found, int):
        raise ShapeError(_clash(op, shapes, found))
    return found


@lru_cache(maxsize=4096)
def _aligned(*shapes: Shape) -> Shape | int:
    """The common shape, or the dimension, counted from the end, in which there is none. Remembered, as a step broadcasts the
    same shapes again and again."""
    ndim = max(map(len, shapes))
    out = [1] * ndim
    for shape in shapes:
        for d, length in enumerate(shape, ndim - len(shape)):
            if out[d] == 1:
                out[d] = length
            elif length not in (1, out[d]):
                return d - ndim
    return tuple(out)


def _clash(op: str, shapes: Sequence[Shape], axis: int) -> str:
    got = " and ".join(map(str, shapes))
    remedy = "Make them equal, or 1."
    if len(shapes) == 2 and sorted(map(len, shapes)) == [1, 2] and shapes[0][0] == shapes[1][0]:
        remedy = "To pair the vector with the rows, give it a second dimension: v.unsqueeze(1) has shape (n, 1)."
    clashing = " and ".join(str(s[axis]) for s in shapes if len(s) >= -axis)
    remedy = f"They clash in dimension {axis}: {clashing}. {remedy}"
    return message(op, "", f"shapes {got}", "shapes that broadcast", remedy)


def same(op: str, x: Shape, *_: Shape, **__: Any) -> Shape:
    """Shape in, shape out."""
    return x


def axes(op: str, axis: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Dimensions as a sorted tuple of non-negative ints; None stands for all of them."""
    if axis is None:
        return tuple(range(ndim))
    if axis.__class__ is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    given = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    found = {one_axis(op, a, ndim) for a in given}
    if len(found) != len(given):
        raise AxisError(message(op, "dim", given, "each dimension once"))
    return tuple(sorted(found)) if ndim else ()


def one_axis(op: str, axis: Any, ndim: int) -> int:
    """One dimension as a non-negative int; a scalar counts as having one, as in PyTorch."""
    size = ndim or 1
    if not hasattr(axis, "__index__"):
        raise TypeError(message(op, "dim", f"{axis!r}", "an int, or a tuple of ints where several are meant"))
    if not -size <= axis < size:
        raise AxisError(message(op, "dim", axis, f"a dimension in [{-size}, {size - 1}] of a tensor with {ndim}"))
    return int(axis) % size


def axis_of(op: str, shape: Shape, axis: Any) -> int:
    """One dimension as a non-negative int, for ops that select elements of a dimension, which a scalar does not have."""
    if not shape:
        raise AxisError(message(op, "input", "a scalar", "at least one dimension", "Write x.reshape(1)."))
    return one_axis(op, axis, len(shape))


def reduced(shape: Shape, axes: tuple[int, ...], keepdim: bool) -> Shape:
    """The shape after reducing `axes` (normalised)."""
    if keepdim:
        return tuple(1 if d in axes else n for d, n in enumerate(shape))
    return tuple(n for d, n in enumerate(shape) if d not in axes)


def nonempty(op: str, shape: Shape, axes: tuple[int, ...]) -> None:
    """Raises if nothing would be reduced: a maximum of nothing does not exist."""
    if any(shape[d] == 0 for d in axes if d < len(shape)):
        remedy = "An extremum of nothing is undefined."
        raise ShapeError(message(op, "input", f"shape {shape}", f"at least one element along dim {axes}", remedy))


@lru_cache(maxsize=1024)
def expanded(op: str, shape: Shape, wanted: Shape) -> Shape:
    """The shape that is wanted, with the lengths filled in that -1 keeps. Remembered."""
    extra = len(wanted) - len(shape)
    if extra < 0:
        raise ShapeError(message(op, "shape", wanted, f"at least the {len(shape)} dimensions of {shape}"))
    full = tuple([shape[d - extra] if n == -1 and d >= extra else n for d, n in enumerate(wanted)])
    fits = all(have in (n, 1) for n, have in zip(full[extra:], shape, strict=True))
    if not fits or any(n < 0 for n in full):
        raise ShapeError(message(op, "shape", wanted, f"a shape that {shape} broadcasts to"))
    return full


@lru_cache(maxsize=1024)
def along(op: str, shape: Shape, axis: int, index: Shape) -> None:
    """Raises if there cannot be an index, for each of its own places, along one dimension of a shape. Remembered."""
    if len(index) != len(shape) or any(n > m for d, (n, m) in enumerate(zip(index, shape)) if d != axis):
        expected = f"as many dimensions as the input's {shape}, none longer except in dimension {axis}"
        raise ShapeError(message(op, "index", f"shape {index}", expected))


@lru_cache(maxsize=1024)
def joined(op: str, axis: int, *shapes: Shape) -> tuple[int, tuple[int, ...]]:
    """The dimension along which tensors are joined, non-negative, where in it each begins, and where the last ends.
    Remembered."""
    first = shapes[0]
    axis = one_axis(op, axis, len(first))
    for i, shape in enumerate(shapes):
        if len(shape) != len(first) or (shape[:axis], shape[axis + 1 :]) != (first[:axis], first[axis + 1 :]):
            raise ShapeError(message(op, f"tensors[{i}]", f"shape {shape}", f"{first} except in dimension {axis}"))
    return axis, tuple(accumulate([shape[axis] for shape in shapes], initial=0))


@lru_cache(maxsize=1024)
def stacked(op: str, axis: int, *shapes: Shape) -> int:
    """The new dimension along which tensors of one shape are joined, non-negative. Remembered."""
    first = shapes[0]
    for i, shape in enumerate(shapes):
        if shape != first:
            raise ShapeError(message(op, f"tensors[{i}]", f"shape {shape}", f"that of the first, {first}"))
    return one_axis(op, axis, len(first) + 1)


@lru_cache(maxsize=1024)
def ordered(op: str, dims: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """All dimensions in the order given, as non-negative ints. Remembered."""
    order = tuple([one_axis(op, d, ndim) for d in dims])
    if sorted(order) != list(range(ndim)):
        raise AxisError(message(op, "dims", dims, f"each of the {ndim} dimensions once"))
    return order


@lru_cache(maxsize=1024)
def inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    """The order that undoes another. Remembered."""
    return tuple([order.index(d) for d in range(len(order))])


def matmul(op: str, x: Shape, y: Shape, **_: Any) -> Shape:
    """(..., m, k) @ (..., k, n) -> (..., m, n); a vector counts as a row on the left and a column on the right."""
    if len(x) == 2 and len(y) == 2 and x[1] == y[0]:
        return (x[0], y[1])
    if not x or not y:
        remedy = "To scale by a number write x * y."
        raise ShapeError(message(op, "", f"shapes {x} and {y}", "vectors or matrices", remedy))
    inner = y[-2] if len(y) > 1 else y[0]
    if x[-1] != inner:
        hint = ""
        if len(y) == 2 and x[-1] == y[-1]:
            hint = f" The second operand fits transposed: x @ y.T has shape {(*x[:-1], y[0])}."
        elif len(x) == 2 and len(y) > 1 and x[0] == y[-2]:
            hint = f" The first operand fits transposed: x.T @ y has shape {(x[1], y[-1])}."
        fitting = "as many columns on the left as rows on the right"
        raise ShapeError(message(op, "", f"shapes {x} and {y}", fitting, f"{x[-1]} is not {inner}.{hint}"))
    batch = broadcast(op, x[:-2], y[:-2]) if len(x) > 2 or len(y) > 2 else ()
    return batch + x[-2:-1] + (y[-1:] if len(y) > 1 else ())


def transposed(shape: Shape) -> Shape:
    """The last two dimensions exchanged."""
    return (*shape[:-2], *shape[:-3:-1])


def linear(op: str, x: Shape, weight: Shape, bias: Shape | None = None, **_: Any) -> Shape:
    """(..., in) with weight (out, in) and bias (out,) -> (..., out)."""
    if len(weight) == 2 and x[-1:] == weight[1:] and (bias is None or bias == weight[:1]):
        return (*x[:-1], weight[0])
    if len(weight) != 2:
        raise ShapeError(message(op, "weight", f"shape {weight}", "(out_features, in_features)"))
    out_features, in_features = weight
    if not x or x[-1] != in_features:
        hint = "A scalar has no features: x.reshape(1)."
        if x:
            hint = f"Linear(in_features={x[-1]}, ...) would take this input."
        if len(x) > 2 and prod(x[1:]) == in_features:
            hint = "Flatten the input first: x.flatten(1), or nn.Flatten() in front."
        fitting = f"(..., {in_features}), as weight has shape {weight}"
        raise ShapeError(message(op, "input", f"shape {x}", fitting, hint))
    if bias is not None and bias != (out_features,):
        fitting = f"({out_features},), one number per row of weight {weight}"
        raise ShapeError(message(op, "bias", f"shape {bias}", fitting))
    return (*x[:-1], out_features)


def equal(op: str, x: Shape, target: Shape, **_: Any) -> Shape:
    """The operands of a loss must have one shape: (N, 1) broadcast against (N,) would pair every row with every other."""
    if x != target:
        remedy = "Give both one shape: they are not broadcast, as that would pair every prediction with every target."
        if x == (*target, 1):
            remedy = "Write input.squeeze(-1), or target.unsqueeze(-1). " + remedy
        elif target == (*x, 1):
            remedy = "Write target.squeeze(-1), or input.unsqueeze(-1). " + remedy
        raise ShapeError(message(op, "target", f"shape {target}", f"the input's shape {x}", remedy))
    return x


def reshape(op: str, shape: Shape, wanted: Sequence[int]) -> Shape:
    """The new shape, with a -1 filled in."""
    new, size = tuple(wanted), prod(shape)
    if new and min(new) < 0:
        if new.count(-1) > 1 or min(new) < -1:
            raise ShapeError(message(op, "shape", new, "lengths of at least 0, and -1 at most once"))
        rest = -prod(new)
        if rest == 0 or size % rest:
            raise ShapeError(message(op, "shape", new, f"a shape that {size} elements of {shape} can fill"))
        new = tuple(size // rest if n == -1 else n for n in new)
    if prod(new) != size:
        got = f"{new}, which holds {prod(new)} elements"
        raise ShapeError(message(op, "shape", got, f"{size} elements, as in {shape}"))
    return new


def lengths(op: str, argument: str, given: Sequence[Any]) -> Shape:
    """The lengths of a shape as ints: given one by one, or as one sequence."""
    if len(given) == 1 and isinstance(given[0], (tuple, list)):
        given = given[0]
    try:
        return tuple([n.__index__() for n in given])
    except (AttributeError, TypeError) as error:
        raise TypeError(message(op, argument, f"{tuple(given)!r}", "ints, or one tuple of ints")) from error
