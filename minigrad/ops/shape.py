"""Joining, splitting, reordering, repeating and padding tensors: compositions of the ops in `layout`."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _shapes as shapes
from minigrad._array import Array, from_array
from minigrad._indices import Picks
from minigrad._kernels import layout as kernels
from minigrad._mode import threads
from minigrad._op import composed, defop, public
from minigrad._samples import Draw, Sample
from minigrad._views import all_related
from minigrad.errors import AxisError, ShapeError, message
from minigrad.ops.elementwise import add, where, zero_like
from minigrad.ops.layout import expand, getitem_op, permute, putitem_op, reshape_op, transpose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Dims = int | Sequence[int] | None

ALONE = "minigrad"


def _cases(*pairs: tuple[tuple[int, ...], dict[str, Any]]) -> Callable[[], list[Sample]]:
    """Samples of one tensor: its shape, and the keywords."""
    return lambda: [Sample(Draw(shape), **keywords) for shape, keywords in pairs]


def _axis(op: str, x: Any, dim: Any) -> int:
    return shapes.axis_of(op, x.shape, dim)


def _at(dim: int, index: Any) -> Any:
    """An index for one dimension."""
    return (slice(None),) * dim + (index,) if dim else index


# -- joining: one op for each number of tensors, made when first needed ------------------------------------------------


def _joining(name: str, count: int, keywords: str, slice_of: Callable[[int], Any], **rest: Any) -> Callable[..., Any]:
    """The record of an op that joins `count` tensors, whose gradients are slices of the output's."""
    names = [f"x{i}" for i in range(count)]
    vjp = {name: slice_of(i) for i, name in enumerate(names)}
    signature, listed = f"{', '.join(names)} | {keywords}", count in (1, 2, 3)
    plan = f"x0.pool.plans[({name!r}, dim, {', '.join(f'{x}.pool' for x in names)})]", kernels.join_planned
    return defop(f"{name}{count}", signature, kind="moved", shape=shapes.same, vjp=vjp, listed=listed, planned=plan, **rest)


@lru_cache(maxsize=256)
def cat_op(count: int) -> Callable[..., Any]:
    """The op that joins `count` tensors along dim; `ends` holds the offset at which each begins, and the total length."""
    return _joining(
        "cat", count, "dim, ends", lambda i: lambda g, dim, ends: getitem_op(g, index=_at(dim, slice(ends[i], ends[i + 1]))),
        forward=kernels.cat,
        reference=lambda *xs, dim, ends: np.concatenate(xs, dim),
        samples=lambda: [Sample(*[Draw((2, i + 1)) for i in range(count)], dim=1, ends=tuple(i * (i + 1) // 2 for i in range(count + 1)))],
        doc=f"Joins {count} tensors along a dimension.",
    )  # fmt: skip


@lru_cache(maxsize=256)
def stack_op(count: int) -> Callable[..., Any]:
    """The op that joins `count` tensors of one shape along a new dimension."""
    return _joining(
        "stack", count, "dim", lambda i: lambda g, dim: getitem_op(g, index=_at(dim, i)),
        forward=kernels.stack,
        reference=lambda *xs, dim: np.stack(xs, dim),
        samples=lambda: [Sample(*[Draw((2, 3))] * count, dim=dim) for dim in range(3)],
        doc=f"Joins {count} tensors along a new dimension.",
    )  # fmt: skip


for _count in (1, 2, 3):
    cat_op(_count)
    stack_op(_count)


@public("cat concat concatenate", ALONE)
def cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Joins tensors along dim; their lengths in all other dimensions must be equal. Tensors of shape (0,) are skipped."""
    given = _several("cat", tensors)
    lengths = [x.shape for x in given]
    if (0,) in lengths:
        given = [x for x in given if x.shape != (0,)] or given[:1]
        lengths = [x.shape for x in given]
    if not given[0].shape:
        raise ShapeError(message("cat", "tensors[0]", "a scalar", "at least one dimension", "Write stack(tensors)."))
    dim = dim if type(dim) is int else shapes.one_axis("cat", dim, len(given[0].shape))
    dim, ends = shapes.joined("cat", dim, *lengths)
    return cat_op(len(given))(*given, dim=dim, ends=ends)


def _several(op: str, tensors: Any) -> list[Any]:
    given = list(tensors) if isinstance(tensors, (list, tuple)) else []
    if not given or [x for x in given if not isinstance(x, Array)]:
        raise TypeError(message(op, "tensors", f"{type(tensors).__name__}", "a list of at least one tensor"))
    return given


@public("stack", ALONE)
def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Joins tensors of equal shape along a new dimension."""
    given = _several("stack", tensors)
    dim = dim if type(dim) is int else shapes.one_axis("stack", dim, len(given[0].shape) + 1)
    return stack_op(len(given))(*given, dim=shapes.stacked("stack", dim, *[x.shape for x in given]))


# -- cutting: views ------------------------------------------------------------------------------------------------------------


@composed(lambda x, *, dim, start, length: np.take(x, range(start, start + length), dim), _cases(((3, 4), {"dim": 1, "start": 1, "length": 2})))
def narrow(x: Any, dim: int, start: int, length: int) -> Any:
    """A view of `length` elements of a dimension, beginning at `start`."""
    axis = _axis("narrow", x, dim)
    start = start + x.shape[axis] if start < 0 else start
    if not 0 <= start <= start + length <= x.shape[axis]:
        fitting = f"0 <= start <= start + length <= {x.shape[axis]}"
        raise AxisError(message("narrow", "start and length", f"{start} and {length}", fitting))
    return getitem_op(x, index=_at(axis, slice(start, start + length)))


@composed(lambda x, *, dim, index: np.take(x, index, dim), _cases(((3, 4), {"dim": 1, "index": -1})))
def select(x: Any, dim: int, index: int) -> Any:
    """A view of one element of a dimension, without that dimension."""
    axis = _axis("select", x, dim)
    if not -x.shape[axis] <= index < x.shape[axis]:
        raise AxisError(message("select", "index", index, f"an index into dimension {axis} of shape {x.shape}"))
    return getitem_op(x, index=_at(axis, int(index)))


@composed(lambda x, *, dim: list(np.moveaxis(x, dim, 0)), _cases(((3, 2), {"dim": 0}), ((2, 3, 2), {"dim": -1})))
def unbind(x: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of the elements of a dimension, as a tuple."""
    axis = _axis("unbind", x, dim)
    if axis == 0 and x.flat and len(x.shape) > 1 and _unrecorded(x):
        return all_related(x, kernels.rows(x))
    return tuple([getitem_op(x, index=_at(axis, i)) for i in range(x.shape[axis])])


def _unrecorded(x: Any) -> bool:
    """Whether views of x need not be made one by one, as nothing records them, stands around them, or times them."""
    op = getitem_op.op  # type: ignore[attr-defined]
    return op.run is op.forward and not (x.wants_grad and threads.mode.on)


def _pieces(x: Any, axis: int, inner: Sequence[int]) -> tuple[Any, ...]:
    starts, ends = [0, *inner], [*inner, x.shape[axis]]
    if axis == 0 and x.flat and _unrecorded(x) and starts == sorted(starts) and starts[-1] <= ends[-1]:
        return all_related(x, kernels.pieces(x, starts, ends))
    return tuple([getitem_op(x, index=_at(axis, slice(a, b))) for a, b in zip(starts, ends)])


@composed(
    lambda x, *, split_size_or_sections, dim: np.split(x, [2, 4] if isinstance(split_size_or_sections, int) else [1], dim),
    _cases(((5, 2), {"split_size_or_sections": 2, "dim": 0}), ((2, 4), {"split_size_or_sections": (1, 3), "dim": 1})),
)
def split(x: Any, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """Views of x cut along dim, into pieces of equal length (the last may be shorter) or of the lengths listed."""
    axis, given = _axis("split", x, dim), split_size_or_sections
    if isinstance(given, (int, np.integer)):
        if given <= 0:
            raise ValueError(message("split", "split_size", given, "a length above 0"))
        return _pieces(x, axis, range(int(given), x.shape[axis], int(given)))
    if sum(given) != x.shape[axis] or min(given, default=0) < 0:
        got = f"{list(given)}, in sum {sum(given)}"
        raise ShapeError(message("split", "split_sections", got, f"lengths of at least 0 that sum to {x.shape[axis]}"))
    return _pieces(x, axis, [int(n) for n in np.cumsum(given)[:-1]])


@composed(lambda x, *, chunks, dim: np.split(x, [3, 6], dim), _cases(((7, 2), {"chunks": 3, "dim": 0})))
def chunk(x: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """Views of x cut along dim, into at most `chunks` pieces of equal length (the last may be shorter)."""
    if chunks <= 0:
        raise ValueError(message("chunk", "chunks", chunks, "a number above 0"))
    axis = _axis("chunk", x, dim)
    size = max(1, -(-x.shape[axis] // chunks))
    return _pieces(x, axis, range(size, x.shape[axis], size))


@composed(
    lambda x, *, indices_or_sections, dim: np.array_split(x, indices_or_sections, dim),
    _cases(((7, 2), {"indices_or_sections": 3, "dim": 0}), ((7,), {"indices_or_sections": (2, 5), "dim": 0})),
)
def tensor_split(x: Any, indices_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """Views of x cut along dim, into a number of pieces whose lengths differ by at most 1, or at the indices listed."""
    axis = _axis("tensor_split", x, dim)
    if isinstance(indices_or_sections, (int, np.integer)):
        if indices_or_sections <= 0:
            raise ValueError(message("tensor_split", "indices_or_sections", indices_or_sections, "a number above 0, or a list of indices"))
        size, more = divmod(x.shape[axis], indices_or_sections)
        indices_or_sections = [size * i + min(i, more) for i in range(1, indices_or_sections)]
    return _pieces(x, axis, list(indices_or_sections))


# -- order -------------------------------------------------------------------------------------------------------------


def _tuple(dims: Any) -> tuple[int, ...]:
    return tuple(dims) if isinstance(dims, (tuple, list)) else (dims,)


@composed(
    lambda x, *, source, destination: np.moveaxis(x, source, destination),
    _cases(((2, 3, 4), {"source": 0, "destination": -1}), ((2, 3, 4), {"source": (0, 1), "destination": (2, 0)})),
    also="movedim",
)
def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """A view with some dimensions moved to new positions; the others keep their order."""
    sources, places = ([shapes.one_axis("moveaxis", d, len(x.shape)) for d in _tuple(given)] for given in (source, destination))
    if len(sources) != len(places) or len(set(sources)) < len(sources) or len(set(places)) < len(places):
        raise AxisError(message("moveaxis", "source and destination", f"{source} and {destination}", "equally many dimensions, each once"))
    order = [d for d in range(len(x.shape)) if d not in sources]
    for place, moved in sorted(zip(places, sources)):
        order.insert(place, moved)
    return permute(x, *order)


@composed(lambda x, *, dims: np.flip(x, dims), _cases(((3,), {"dims": 0}), ((2, 3), {"dims": (0, 1)}), ((0, 3), {"dims": (0,)})))
def flip(x: Any, dims: Dims = None, *more: int) -> Any:
    """A view with the elements along dims in reverse order; without dims, along all of them."""
    turned = shapes.axes("flip", (*_tuple(dims), *more) if more else dims, len(x.shape))
    return getitem_op(x, index=tuple(slice(None, None, -1 if d in turned else 1) for d in range(len(x.shape))))


@composed(np.fliplr, _cases(((2, 3), {})))
def fliplr(x: Any) -> Any:
    """A view with the columns in reverse order."""
    return flip(x, 1)


@composed(np.flipud, _cases(((2, 3), {}), ((3,), {})))
def flipud(x: Any) -> Any:
    """A view with the rows in reverse order."""
    return flip(x, 0)


@composed(
    lambda x, *, shifts, dims: np.roll(x, shifts, dims),
    _cases(((5,), {"shifts": 2, "dims": 0}), ((2, 3), {"shifts": (1, -1), "dims": (0, 1)}), ((2, 3), {"shifts": 4, "dims": None}), ((0,), {"shifts": 1, "dims": 0})),
)
def roll(x: Any, shifts: int | Sequence[int], dims: Dims = None) -> Any:
    """Elements shifted along dims; those shifted past the end return at the beginning. Without dims the flattened tensor is
    rolled."""
    if dims is None:
        return reshape_op(roll(reshape_op(x, shape=(x.count,)), shifts, 0), shape=x.shape)
    moves, along = _tuple(shifts), _tuple(dims)
    if len(moves) != len(along):
        raise ShapeError(message("roll", "shifts", f"{len(moves)} of them", f"as many as dims, {len(along)}"))
    for shift, dim in zip(moves, along):
        axis = _axis("roll", x, dim)
        cut = -shift % x.shape[axis] if x.shape[axis] else 0
        if cut:
            x = cat([getitem_op(x, index=_at(axis, slice(cut, None))), getitem_op(x, index=_at(axis, slice(cut)))], axis)
    return x


@composed(lambda x, *, k, dims: np.rot90(x, k, dims), _cases(*(((2, 3), {"k": k, "dims": (0, 1)}) for k in range(-1, 4))))
def rot90(x: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Any:
    """A view rotated by k times 90 degrees, from the first of dims towards the second."""
    axes = [_axis("rot90", x, d) for d in dims]
    if len(axes) != 2 or axes[0] == axes[1]:
        raise AxisError(message("rot90", "dims", tuple(dims), "two different dimensions"))
    a, b = axes
    return (lambda: x, lambda: transpose(flip(x, b), a, b), lambda: flip(x, a, b), lambda: flip(transpose(x, a, b), b))[k % 4]()


# -- repeating ---------------------------------------------------------------------------------------------------------


@composed(lambda x, *, repeats: np.tile(x, repeats), _cases(((3,), {"repeats": (2,)}), ((2, 3), {"repeats": (2, 1, 2)}), ((), {"repeats": (3,)})))
def repeat(x: Any, repeats: Any, *more: int) -> Any:
    """x repeated along each dimension, as in PyTorch. NumPy's repeat is repeat_interleave."""
    times = shapes.lengths("repeat", "repeats", (repeats, *more))
    if len(times) < len(x.shape):
        raise ShapeError(message("repeat", "repeats", times, f"a number for each dimension of {x.shape}", "Or write tile."))
    full = (1,) * (len(times) - len(x.shape)) + x.shape
    spread = expand(reshape_op(x, shape=tuple(n for d in full for n in (1, d))), tuple(n for t, d in zip(times, full) for n in (t, d)))
    return reshape_op(spread, shape=tuple(t * d for t, d in zip(times, full)))


@composed(lambda x, *, dims: np.tile(x, dims), _cases(((2, 3), {"dims": (2,)}), ((3,), {"dims": (2, 2)})))
def tile(x: Any, dims: Any, *more: int) -> Any:
    """x repeated along each dimension; as in NumPy, fewer numbers than dimensions refer to the last ones."""
    times = shapes.lengths("tile", "dims", (dims, *more))
    return repeat(x, (1,) * (len(x.shape) - len(times)) + times)


@composed(
    lambda x, *, repeats, dim: np.repeat(x, repeats, dim),
    _cases(((3,), {"repeats": 2, "dim": None}), ((2, 3), {"repeats": 2, "dim": 1}), ((2, 2), {"repeats": (1, 3), "dim": 0})),
)
def repeat_interleave(x: Any, repeats: Any, dim: int | None = None) -> Any:
    """Each element repeated in place: NumPy's repeat. Without dim x is flattened first."""
    if dim is None:
        x, dim = reshape_op(x, shape=(x.count,)), 0
    axis = _axis("repeat_interleave", x, dim)
    count = repeats.array if isinstance(repeats, Array) else np.asarray(repeats)
    if count.size not in (1, x.shape[axis]) or count.ndim > 1 or count.min(initial=0) < 0:
        fitting = f"a number of at least 0, or one for each of the {x.shape[axis]} elements of dimension {axis}"
        raise ShapeError(message("repeat_interleave", "repeats", f"{count.tolist()}", fitting))
    return getitem_op(x, index=Picks(from_array(np.repeat(np.arange(x.shape[axis]), count)), axis, axis + 1))


# -- other shapes ------------------------------------------------------------------------------------------------------


@composed(lambda x, *, dim, sizes: x.reshape(2, 3, 2), _cases(((6, 2), {"dim": 0, "sizes": (2, -1)})))
def unflatten(x: Any, dim: int, sizes: Sequence[int]) -> Any:
    """Splits a dimension into several; one of their lengths may be -1. A view where memory allows it."""
    axis = _axis("unflatten", x, dim)
    inner = shapes.reshape("unflatten", (x.shape[axis],), tuple(sizes))
    return reshape_op(x, shape=(*x.shape[:axis], *inner, *x.shape[axis + 1 :]))


# -- diagonals and triangles -------------------------------------------------------------------------------------------


def _diagonal_slice(rows: int, cols: int, offset: int) -> slice:
    """Where a diagonal lies in the flattened matrix."""
    count = max(0, min(rows, cols - offset) if offset >= 0 else min(rows + offset, cols))
    first = offset if offset >= 0 else -offset * cols
    return slice(first, first + count * (cols + 1) if count else first, cols + 1)


@composed(
    lambda x, *, offset, dim1, dim2: np.diagonal(x, offset, dim1, dim2),
    _cases(*(((3, 4), {"offset": k, "dim1": 0, "dim2": 1}) for k in (-3, -1, 0, 2, 5)), ((2, 3, 3), {"offset": 1, "dim1": 0, "dim2": 2})),
)
def diagonal(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonal of two dimensions, as the last dimension of a view; offset > 0 counts above the main diagonal."""
    a, b = _axis("diagonal", x, dim1), _axis("diagonal", x, dim2)
    if a == b:
        raise AxisError(message("diagonal", "dim1 and dim2", f"{dim1} and {dim2}", "two different dimensions"))
    x = permute(x, *[d for d in range(len(x.shape)) if d not in (a, b)], a, b)
    *batch, rows, cols = x.shape
    flat = reshape_op(x, shape=(*batch, rows * cols))
    return getitem_op(flat, index=(Ellipsis, _diagonal_slice(rows, cols, offset)))


@composed(lambda x, *, offset: np.stack([np.diag(v, offset) for v in x]) if x.ndim == 2 else np.diag(x, offset), _cases(((3,), {"offset": 0}), ((2, 3), {"offset": -1})))
def diag_embed(x: Any, offset: int = 0) -> Any:
    """Matrices with the last dimension of x on a diagonal, and 0 elsewhere."""
    _axis("diag_embed", x, -1)
    *batch, n = x.shape
    size = n + abs(offset)
    flat = putitem_op(x, index=(Ellipsis, _diagonal_slice(size, size, offset)), shape=(*batch, size * size))
    return reshape_op(flat, shape=(*batch, size, size))


@composed(lambda x, *, diagonal: np.diag(x, diagonal), _cases(((3,), {"diagonal": 1}), ((3, 4), {"diagonal": -1})))
def diag(x: Any, diagonal: int = 0) -> Any:
    """The matrix that has the vector x on a diagonal, or a diagonal of the matrix x."""
    if len(x.shape) not in (1, 2):
        raise ShapeError(message("diag", "input", f"shape {x.shape}", "a vector or a matrix", "See diagonal and diag_embed."))
    return diag_embed(x, diagonal) if len(x.shape) == 1 else globals()["diagonal"](x, diagonal)


def _triangle(op: str, x: Any, diagonal: int, lower: bool) -> Any:
    if len(x.shape) < 2:
        raise ShapeError(message(op, "input", f"shape {x.shape}", "at least 2 dimensions"))
    kept = np.tri(x.shape[-2], x.shape[-1], diagonal if lower else diagonal - 1, bool)
    return where(from_array(kept if lower else ~kept), x, zero_like(x))


@composed(lambda x, *, diagonal: np.tril(x, diagonal), _cases(((3, 4), {"diagonal": 0}), ((2, 3, 3), {"diagonal": -1})))
def tril(x: Any, diagonal: int = 0) -> Any:
    """The lower triangle of the last two dimensions, up to and including a diagonal; 0 above it."""
    return _triangle("tril", x, diagonal, lower=True)


@composed(lambda x, *, diagonal: np.triu(x, diagonal), _cases(((3, 4), {"diagonal": 0}), ((2, 3, 3), {"diagonal": 1})))
def triu(x: Any, diagonal: int = 0) -> Any:
    """The upper triangle of the last two dimensions, from a diagonal upwards; 0 below it."""
    return _triangle("triu", x, diagonal, lower=False)


# -- padding and windows -----------------------------------------------------------------------------------------------

_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _pad_reference(x: Any, *, pad: Sequence[int], mode: str, value: float) -> Any:
    widths = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2]))[::-1]
    options: Any = {"constant_values": value} if mode == "constant" else {}
    return np.pad(x, widths, _MODES[mode], **options)  # type: ignore[call-overload]


@composed(
    _pad_reference,
    _cases(*(((3, 4), {"pad": (1, 2, 2, 0), "mode": m, "value": 0.5 if m == "constant" else 0.0}) for m in _MODES), ((0,), {"pad": (1, 1), "mode": "constant", "value": 1.0})),
    spaces="nn.functional",
)
def pad(x: Any, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Any:
    """x with borders. `pad` holds (before, after) for the last dimension, then for the one before it, and so on; negative
    widths crop. Modes: "constant" fills with value, "reflect" mirrors x without repeating its edge, "replicate" repeats the
    edge, "circular" continues from the opposite side."""
    if mode not in _MODES:
        raise ValueError(message("pad", "mode", f"{mode!r}", f"one of {', '.join(_MODES)}"))
    if len(pad) % 2 or len(pad) > 2 * len(x.shape):
        raise ShapeError(message("pad", "pad", f"{len(pad)} numbers", f"a pair for each of at most {len(x.shape)} dimensions"))
    for i in range(len(pad) // 2):
        axis, before, after = len(x.shape) - 1 - i, pad[2 * i], pad[2 * i + 1]
        n = x.shape[axis]
        if mode != "constant":
            most = {"reflect": max(n - 1, 0), "circular": n}.get(mode, max(before, after) if n else 0)
            if max(before, after) > most:
                raise ShapeError(message("pad", "pad", f"{(before, after)} of dimension {axis} of {x.shape}", f"at most {most} for mode {mode!r}"))
            where_from = np.pad(np.arange(n), (max(before, 0), max(after, 0)), _MODES[mode])  # type: ignore[call-overload]
            x = getitem_op(x, index=_at(axis, where_from[max(-before, 0) : len(where_from) - max(-after, 0)]))
            continue
        x = getitem_op(x, index=_at(axis, slice(max(-before, 0), n - max(-after, 0))))
        before, after, n = max(before, 0), max(after, 0), x.shape[axis]
        full = (*x.shape[:axis], before + n + after, *x.shape[axis + 1 :])
        inside = _at(axis, slice(before, before + n))
        x = putitem_op(x, index=inside, shape=full)
        if value:
            border = np.full(full, value, x.dtype)
            border[inside] = 0
            x = add(x, from_array(border))
    return x


@composed(
    lambda x, *, dimension, size, step: np.lib.stride_tricks.sliding_window_view(x, size, dimension)[(slice(None),) * dimension + (slice(None, None, step),)],
    _cases(((7,), {"dimension": 0, "size": 3, "step": 2}), ((4, 2), {"dimension": 0, "size": 2, "step": 1})),
    spaces="Tensor",
)
def unfold(x: Any, dimension: int, size: int, step: int) -> Any:
    """Windows of `size` elements along a dimension, `step` apart; each window's elements form a new last dimension."""
    axis = _axis("unfold", x, dimension)
    if size > x.shape[axis] or step < 1 or size < 0:
        raise ShapeError(message("unfold", "size and step", f"{size} and {step}", f"0 <= size <= {x.shape[axis]} and step >= 1"))
    starts = np.arange(0, x.shape[axis] - size + 1, step)
    windows = getitem_op(x, index=_at(axis, starts[:, None] + np.arange(size)))
    return moveaxis(windows, axis + 1, -1)
