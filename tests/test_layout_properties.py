"""Ops that move elements against NumPy on drawn calls: any shape, memory layout, type, dimension and index, legal or not."""

import math

import hypothesis.strategies as st
import numpy as np
from hypothesis import given
from strategies import DTYPES, FLOATS, LENGTHS, SHAPES, agree, cotangent, moves, tensors

import minigrad as mg

# -- indices -----------------------------------------------------------------------------------------------------------


def integers(length):
    """Indices, mostly within the length."""
    within = st.integers(-length, length - 1) if length else st.integers(-1, 0)
    return st.integers(0, 19).flatmap(lambda n: within if n else st.integers(-9, 9))


def slices(length):
    ends = st.one_of(st.none(), st.integers(-length - 2, length + 2))
    return st.builds(slice, ends, ends, st.sampled_from([None, 1, 2, -1, -2, 5]))


#: What no tensor takes as an index.
WRONG = [1.5, "a", 2**70, slice(None, None, 0), slice(0.5), [[0], [0, 1]], np.zeros(7, bool), mg.tensor([0.0]), np.array(["a"])]


@st.composite
def indices(draw, shape):
    """Ints, slices, Ellipsis, None, boolean masks, integer arrays, and what no tensor takes; alone or mixed."""
    parts, d = [], 0
    gathered = draw(st.sampled_from([(), (1,), (3,), (2, 1), (2, 3)]))
    while d < len(shape) and draw(st.integers(0, 5)):
        kind = draw(st.sampled_from(["int", "slice", "slice", "none", "mask", "array", "list", "ellipsis", "tensor"]))
        n = shape[d]
        if draw(st.integers(0, 29)) == 0:
            parts.append(draw(st.sampled_from(WRONG)))
        if kind == "mask":
            wide = draw(st.integers(1, len(shape) - d))
            mask = np.arange(math.prod(shape[d : d + wide])).reshape(shape[d : d + wide]) * draw(st.integers(1, 9)) % 3 != 0
            parts.append(draw(st.sampled_from([mask, mg.tensor(mask)])))
            d += wide
            continue
        if kind in ("array", "list", "tensor"):
            count = math.prod(gathered)
            array = np.array(draw(st.lists(integers(n), min_size=count, max_size=count)), np.int64).reshape(gathered)
            parts.append({"array": array, "list": array.tolist(), "tensor": mg.tensor(array)}[kind])
        elif kind == "ellipsis" and not any(p is Ellipsis for p in parts):
            parts.append(Ellipsis)
            d = max(d, len(shape) - draw(st.integers(0, len(shape))))
            continue
        else:
            parts.append(draw({"int": integers(n), "slice": slices(n)}.get(kind, st.none())))
        d += kind != "none"
    return parts[0] if len(parts) == 1 and draw(st.booleans()) else tuple(parts)


def plain(index):
    """The index as NumPy takes it."""
    if isinstance(index, tuple):
        return tuple(map(plain, index))
    return index.array if isinstance(index, mg.Tensor) else index


@st.composite
def indexed(draw, dtype=FLOATS):
    x = draw(tensors(st.lists(LENGTHS, max_size=4).map(tuple), dtype))
    return x, draw(indices(x.shape))


@given(indexed())
def test_indexing(call):
    x, index = call
    moves(lambda x: x[index], lambda x: x[plain(index)], x)


@given(indexed(DTYPES), st.data())
def test_index_assignment(call, data):
    x, index = call
    x = x.clone() if x.dtype.kind == "f" else mg.tensor(x)
    try:
        full = x.array[plain(index)].shape
    except Exception:
        full = ()
    shape = full[data.draw(st.integers(0, len(full))) :]
    shape = tuple(data.draw(st.sampled_from([n, n, n, 1])) for n in shape) if data.draw(st.integers(0, 9)) else (5,)
    value = data.draw(tensors(shape, st.just(x.dtype)))

    def assign(x, value):
        x[index] = value
        return x

    def replaced(x, value):
        x = x.copy()
        x[plain(index)] = value.copy()  # in memory order: of several values for one place NumPy keeps the last
        return x

    agree(assign, replaced, x, value)


@given(indexed(), st.data())
def test_gradients_of_index_assignment(call, data):
    """Elements that stay keep their gradient; those that were replaced send it to the value. Of several values for one
    place, only the last was kept, and it alone receives the gradient."""
    x, index = call
    try:
        full = x.array[plain(index)].shape
    except Exception:
        return
    shape = full[data.draw(st.integers(0, len(full))) :]
    value = data.draw(tensors(shape, st.just(x.dtype))).requires_grad_()
    x = x.detach().requires_grad_()
    out = x.clone()
    out[index] = value
    g = cotangent(out)
    dx, dvalue = mg.autograd.grad(out, [x, value], g)
    came_from = np.full(x.shape, -1)
    came_from[plain(index)] = np.broadcast_to(np.arange(value.size).reshape(shape), full)
    np.testing.assert_array_equal(dx.array, np.where(came_from < 0, g.array, 0))
    want = np.bincount(came_from.ravel() + 1, g.array.ravel(), value.size + 1) if x.size else np.zeros(value.size + 1)
    np.testing.assert_array_equal(dvalue.array, want[1:].reshape(shape))


@st.composite
def scattered(draw):
    """A tensor, a dimension, indices along it, and the values to scatter there."""
    x = draw(tensors(st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple), st.sampled_from(["f4", "f8", "i8"])))
    dim = draw(st.integers(-x.ndim, x.ndim - 1))
    shape = tuple(draw(st.integers(0, n)) for n in x.shape)
    places = draw(st.lists(integers(x.shape[dim]), min_size=math.prod(shape), max_size=math.prod(shape)))
    return x, dim, np.array(places, np.int64).reshape(shape), draw(tensors(shape, st.just(x.dtype)))


@given(scattered(), st.booleans())
def test_scatter_reduce(call, include_self):
    x, dim, index, src = call
    grid = np.ogrid[tuple(slice(n) for n in index.shape)]
    at = tuple(index if d == dim % x.ndim else places for d, places in enumerate(grid))
    info = (np.finfo if x.dtype.kind == "f" else np.iinfo)(x.dtype)
    for name, function, neutral in (("sum", np.add, 0), ("amax", np.maximum, info.min), ("amin", np.minimum, info.max)):

        def reference(x, src, function=function, neutral=neutral):
            out = x.copy()
            if not include_self:
                out[at] = neutral
            function.at(out, at, src)
            return out

        agree(lambda x, src, name=name: mg.scatter_reduce(x, dim, index, src, name, include_self=include_self), reference, x, src)


# -- movements ---------------------------------------------------------------------------------------------------------


@st.composite
def dims_of(draw, x):
    """Some of the dimensions of x, or numbers that are none of them."""
    one = st.integers(-x.ndim, x.ndim - 1) if x.ndim and draw(st.integers(0, 9)) else st.integers(-5, 5)
    return draw(st.lists(one, max_size=max(1, x.ndim)).map(tuple))


@given(tensors(dtype=DTYPES), st.data())
def test_reshape(x, data):
    factors = [2] * (x.size % 2 == 0) + [3] * (x.size % 3 == 0) + [4] * (x.size % 4 == 0) + [1, -1, -1, x.size, 5]
    shape = tuple(data.draw(st.lists(st.sampled_from(factors), max_size=4)))
    moves(lambda x: x.reshape(shape), lambda x: x.reshape(shape), x)


@given(tensors(dtype=DTYPES), st.data())
def test_permute(x, data):
    dims = tuple(data.draw(st.permutations(range(x.ndim)))) if data.draw(st.integers(0, 4)) else data.draw(dims_of(x))
    moves(lambda x: x.permute(dims), lambda x: x.transpose(dims), x)


@given(tensors(dtype=DTYPES), st.data())
def test_flip(x, data):
    dims = data.draw(dims_of(x))
    if x.ndim:
        moves(lambda x: x.flip(dims), lambda x: np.flip(x, dims), x)


@given(tensors(dtype=DTYPES), st.data())
def test_roll(x, data):
    dims = data.draw(dims_of(x))
    shifts = tuple(data.draw(st.lists(st.integers(-5, 5), min_size=len(dims), max_size=len(dims))))
    if x.ndim:
        moves(lambda x: x.roll(shifts, dims), lambda x: np.roll(x, shifts, dims), x)


@given(tensors(dtype=DTYPES), st.data())
def test_expand(x, data):
    shape = data.draw(SHAPES)[:2] + tuple(data.draw(st.sampled_from([n, n, n, 3, 1])) for n in x.shape)
    moves(lambda x: x.expand(shape), lambda x: np.broadcast_to(x, shape), x)


@given(tensors(dtype=DTYPES), st.data())
def test_moveaxis_and_diagonal_and_tile(x, data):
    a, b, offset = data.draw(dims_of(x)), data.draw(dims_of(x)), data.draw(st.integers(-4, 4))
    if x.ndim:
        moves(lambda x: mg.moveaxis(x, a, b), lambda x: np.moveaxis(x, a, b), x)
        planes = (*a, 0)[0], (*b, 1)[0]
        moves(lambda x: x.diagonal(offset, *planes), lambda x: np.diagonal(x, offset, *planes), x)
    moves(lambda x: mg.tile(x, tuple(abs(n) for n in a)), lambda x: np.tile(x, tuple(abs(n) for n in a)), x)


# -- joining and cutting -----------------------------------------------------------------------------------------------


@st.composite
def alike(draw, count):
    """Tensors of one type whose shapes differ in one dimension, and seldom in others too."""
    shape, dtype = list(draw(st.lists(LENGTHS, min_size=1, max_size=3))), draw(DTYPES)
    dim, same = draw(st.integers(0, len(shape) - 1)), draw(st.booleans())
    made = []
    for _ in range(count):
        one = [n if d != dim or same else draw(LENGTHS) for d, n in enumerate(shape)]
        if draw(st.integers(0, 19)) == 0:
            one[draw(st.integers(0, len(shape) - 1))] = 5
        made.append(draw(tensors(tuple(one), st.just(dtype))))
    return made, dim - draw(st.sampled_from([0, len(shape)]))


@given(st.integers(1, 4).flatmap(alike))
def test_cat(call):
    xs, dim = call
    joined = [x for x in xs if x.shape != (0,)] or xs
    if agree(lambda *xs: mg.cat(xs, dim), lambda *xs: np.concatenate(xs, dim), *joined) is not None and xs[0].dtype.kind == "f":
        leaves = [x.detach().requires_grad_() for x in xs]
        out = mg.cat(leaves, dim)
        g = cotangent(out)
        ends = np.cumsum([x.shape[dim] for x in xs])[:-1]
        for dx, want in zip(mg.autograd.grad(out, leaves, g, materialize_grads=True), np.split(g.array, ends, dim), strict=True):
            np.testing.assert_array_equal(dx.array, want)


@given(st.integers(1, 4).flatmap(alike), st.integers(-4, 4))
def test_stack(call, dim):
    xs, _ = call
    if agree(lambda *xs: mg.stack(xs, dim), lambda *xs: np.stack(xs, dim), *xs) is not None and xs[0].dtype.kind == "f":
        leaves = [x.detach().requires_grad_() for x in xs]
        out = mg.stack(leaves, dim)
        g = cotangent(out)
        for dx, want in zip(mg.autograd.grad(out, leaves, g), np.moveaxis(g.array, dim, 0), strict=True):
            np.testing.assert_array_equal(dx.array, want)


@given(tensors(st.lists(LENGTHS, min_size=1, max_size=3).map(tuple)), st.data())
def test_split(x, data):
    dim = data.draw(st.integers(-x.ndim, x.ndim - 1)) if data.draw(st.integers(0, 9)) else 7
    n = x.shape[dim] if dim < x.ndim else 3
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=3)))
    lengths = np.diff([0, *cuts, n]).tolist()
    parts = data.draw(st.integers(0, 5))
    agree(lambda x: mg.split(x, lengths, dim), lambda x: np.split(x, cuts, dim), x)
    agree(lambda x: mg.tensor_split(x, parts, dim), lambda x: np.array_split(x, parts, dim), x)
    agree(lambda x: mg.tensor_split(x, cuts, dim), lambda x: np.split(x, cuts, dim), x)
    agree(lambda x: mg.split(x, parts, dim), lambda x: np.split(x, range(parts, n, parts), dim), x)
