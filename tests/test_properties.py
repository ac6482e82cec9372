"""Drawn calls against NumPy: any shape, memory layout, type, dimension and index, legal or not.

Numbers are small multiples of a quarter, so that sums and products of them are exact and results are compared for
equality, without tolerances. What NumPy refuses must be refused by one of our errors, and leave the operands as they were.
"""

import math
import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import minigrad as mg
from minigrad.errors import MinigradError

settings.register_profile(
    "properties", deadline=None, derandomize=True, database=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("properties")

# -- operands ----------------------------------------------------------------------------------------------------------

LENGTHS = st.sampled_from([0, 1, 1, 2, 3, 4])
SHAPES = st.lists(LENGTHS, max_size=4).map(tuple)
FLOATS = st.sampled_from(["f4", "f8"])
DTYPES = st.sampled_from(["f4", "f8", "i8", "?"])


def numbers(shape, dtype):
    """Distinct enough that elements are told apart, some of them equal, some 0."""
    quarters = np.arange(1, math.prod(shape) + 1) * 7 % 23 - 11
    return (quarters / 4 if np.dtype(dtype).kind == "f" else quarters).astype(dtype).reshape(shape)


@st.composite
def arrays(draw, shape=SHAPES, dtype=FLOATS):
    """NumPy arrays in any layout: dimensions in any order in memory, with steps, backwards, or repeating one element."""
    shape = draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    steps = [draw(st.sampled_from([1, 1, 2, -1, -3, 0])) for _ in shape]
    order = draw(st.permutations(range(len(shape))))
    memory = numbers([max(1, abs(steps[d])) * (shape[d] if steps[d] else 1) for d in order], draw(dtype))
    view = memory.transpose(np.argsort(order)) if shape else memory
    view = view[tuple(slice(None, None, step or 1) for step in steps)]
    return np.broadcast_to(view, shape)


@st.composite
def tensors(draw, *given, **named):
    """The same as tensors: of memory elsewhere, of our own, or a view of that."""
    array, kind = draw(arrays(*given, **named)), draw(st.sampled_from(["foreign", "own", "view"]))
    if kind == "view":
        return mg.flip(mg.tensor(np.flip(array)))
    return mg.tensor(array) if kind == "own" else mg.from_numpy(array)


@st.composite
def broadcastable(draw, count, dtype=DTYPES):
    """So many tensors whose shapes broadcast, but for now and then."""
    full = draw(SHAPES)
    shapes = [tuple(draw(st.sampled_from([n, n, n, 1])) for n in full[draw(st.integers(0, len(full))) :]) for _ in range(count)]
    if draw(st.sampled_from([False, False, False, True])):
        shapes[-1] = (*shapes[-1][:-1], 5)
    return [draw(tensors(s, dtype)) for s in shapes]


# -- what is compared --------------------------------------------------------------------------------------------------


def ours(error):
    """Whether minigrad means it: an error of its own, or a built-in one with a message in its layout."""
    return isinstance(error, MinigradError) or re.match(r"[\w ]+: .*got .*, expected ", str(error)) is not None


def agree(call, reference, *operands):
    """call(*tensors) gives what reference(*arrays) does; or both refuse, and the operands are as before."""
    before = [x.array.copy() for x in operands]
    try:
        with np.errstate(all="ignore"):
            want = reference(*[x.array for x in operands])
    except Exception:
        try:
            call(*operands)
        except Exception as error:
            if not ours(error):
                raise
        else:
            pytest.fail("NumPy refuses this, and minigrad does not")
        for x, old in zip(operands, before, strict=True):
            np.testing.assert_array_equal(x.array, old)
        return None
    got = call(*operands)
    several = isinstance(want, (list, tuple))
    for one, other in zip(got if several else [got], want if several else [want], strict=True):
        other = np.asarray(other)
        assert one.shape == other.shape
        assert one.dtype.kind == other.dtype.kind
        np.testing.assert_array_equal(one.array, other)
    return got


def cotangent(out):
    return mg.tensor(numbers(out.shape, out.dtype))


def gradient(call, x):
    """The cotangent that was sent, and what came back."""
    x = x.detach().requires_grad_()
    out = call(x)
    g = cotangent(out)
    (dx,) = mg.autograd.grad(out, [x], g, materialize_grads=True)
    assert (dx.shape, dx.dtype) == (x.shape, x.dtype)
    return g.array, dx.array


def moves(call, reference, x):
    """An op that moves elements: where each comes from is asked of NumPy, and there its gradient goes."""
    got = agree(call, reference, x)
    if got is not None and x.dtype.kind == "f":
        g, dx = gradient(call, x)
        source = np.asarray(reference(np.arange(x.size).reshape(x.shape)))
        want = np.bincount(source.ravel(), g.ravel(), x.size) if x.size else np.zeros(0)
        np.testing.assert_array_equal(dx, want.reshape(x.shape))


# -- elementwise -------------------------------------------------------------------------------------------------------

BINARY = {
    "add": np.add, "mul": np.multiply, "maximum": np.maximum, "minimum": np.minimum, "eq": np.equal, "lt": np.less, "ge": np.greater_equal,
    "div": np.divide, "floor_divide": np.floor_divide, "remainder": np.remainder, "logical_xor": np.logical_xor, "fmax": np.fmax,
}  # fmt: skip
UNARY = {
    "neg": np.negative, "abs": np.abs, "sign": np.sign, "square": lambda x: x * x, "floor": np.floor, "logical_not": np.logical_not,
    "isnan": np.isnan, "clone": np.array, "relu": lambda x: np.maximum(x, x.dtype.type(0)),
}  # fmt: skip


@given(st.sampled_from(sorted(BINARY)), broadcastable(2, FLOATS))
def test_binary(name, operands):
    x, y = operands
    y = y if y.dtype == x.dtype else y.to(x.dtype)
    agree(getattr(mg, name), BINARY[name], x, y)


@given(st.sampled_from(["add", "mul", "maximum", "lt"]), broadcastable(2))
def test_binary_of_mixed_types(name, operands):
    """The numbers are NumPy's. Of the types, the kind decides before the width, and arrays before scalars."""
    x, y = operands
    wide = [z.array.astype("f8") if {x.dtype.kind, y.dtype.kind} != {"b"} else z.array for z in operands]
    try:
        want = BINARY[name](*wide)
    except ValueError:
        with pytest.raises(mg.errors.ShapeError):
            getattr(mg, name)(x, y)
        return
    got = getattr(mg, name)(x, y)
    np.testing.assert_array_equal(got.array, want)
    kinds = sorted(("bif".index(z.dtype.kind), z.ndim > 0, z.dtype.itemsize, str(z.dtype)) for z in operands)
    assert str(got.dtype) == ("bool" if name == "lt" else kinds[-1][-1])


@given(st.sampled_from(sorted(UNARY)), tensors(dtype=DTYPES))
def test_unary(name, x):
    agree(getattr(mg, name), UNARY[name], x)


@given(broadcastable(3, FLOATS))
def test_where_sends_the_gradient_to_what_was_taken(operands):
    c, x, y = operands
    y = y.to(x.dtype)
    if agree(lambda c, x, y: mg.where(c > 0, x, y), lambda c, x, y: np.where(c > 0, x, y), c, x, y) is None:
        return
    for chosen, call in ((c.array > 0, lambda z: mg.where(c > 0, z, y)), (c.array <= 0, lambda z: mg.where(c <= 0, z, y))):
        g, dx = gradient(call, x)
        np.testing.assert_array_equal(dx, summed_to(np.where(chosen, g, 0), x.shape))


def summed_to(array, shape):
    """Sums over what broadcasting repeated."""
    array = array.sum(tuple(range(array.ndim - len(shape))))
    return array.sum(tuple(d for d, n in enumerate(shape) if n == 1), keepdims=True).reshape(shape)


# -- reductions --------------------------------------------------------------------------------------------------------

REDUCTIONS = {
    "sum": np.sum, "amax": np.max, "amin": np.min, "mean": np.mean, "prod": np.prod, "all": np.all, "any": np.any,
    "count_nonzero": np.count_nonzero,
}  # fmt: skip


@st.composite
def reductions(draw, dtype=FLOATS):
    """A tensor of some dimensions, which of them (now and then such as it has not), and whether they stay."""
    x = draw(tensors(st.lists(LENGTHS, min_size=1, max_size=4).map(tuple), dtype))
    one = st.integers(-x.ndim, x.ndim - 1) if draw(st.integers(0, 9)) else st.integers(-9, 9)
    several = st.lists(one, max_size=x.ndim, unique_by=lambda d: d % x.ndim).map(tuple)
    return x, draw(st.one_of(st.none(), one, several)), draw(st.booleans())


@given(st.sampled_from(sorted(REDUCTIONS)), reductions(DTYPES), st.sampled_from(["NumPy", "PyTorch"]))
def test_reductions(name, call, spelled):
    x, dim, keepdim = call
    if name == "mean" and (x.dtype.kind != "f" or not x.size):
        return  # of integers an error, of nothing NaN, of which NumPy warns
    if name == "prod" and x.dtype.kind != "b":
        x = x.sign()  # which keeps the product small, and so exact
    given = {"axis": dim, "keepdims": keepdim} if spelled == "NumPy" else {"dim": dim, "keepdim": keepdim}
    agree(lambda x: getattr(mg, name)(x, **given), lambda x: REDUCTIONS[name](x, axis=dim, keepdims=keepdim), x)


#: What each element has of the gradient of the element that it was reduced to.
SHARES = {
    "sum": lambda x, out, dim: np.ones(x.shape),
    "mean": lambda x, out, dim: np.full(x.shape, out.size / max(1, x.size)),
    "amax": lambda x, out, dim: (x == out) / (x == out).sum(dim, keepdims=True),
    "amin": lambda x, out, dim: (x == out) / (x == out).sum(dim, keepdims=True),
}


@given(reductions())
def test_gradients_of_reductions(call):
    x, dim, keepdim = call
    for name, share in SHARES.items():
        try:
            out = getattr(mg, name)(x, dim, keepdim=True).array
        except MinigradError:
            continue
        g, dx = gradient(lambda x, name=name: getattr(mg, name)(x, dim, keepdim), x)
        np.testing.assert_allclose(dx, g.reshape(out.shape) * share(x.array, out, dim), rtol=1e-6)


RUNNING = {
    "argmax": np.argmax, "argmin": np.argmin, "cumsum": np.cumsum, "cumprod": np.cumprod, "diff": lambda x, dim: np.diff(x, axis=dim),
    "argsort": lambda x, dim: np.argsort(x, dim, kind="stable"),
    "sort": lambda x, dim: (np.sort(x, dim), np.argsort(x, dim, kind="stable")),
}  # fmt: skip


@given(st.sampled_from(sorted(RUNNING)), tensors(st.lists(LENGTHS, min_size=1, max_size=3).map(tuple), DTYPES), st.integers(-4, 3))
def test_along_one_dimension(name, x, dim):
    x = x.sign() if name == "cumprod" and x.dtype.kind != "b" else x
    agree(lambda x: getattr(mg, name)(x, dim=dim), lambda x: RUNNING[name](x, dim), x)


# -- indices -----------------------------------------------------------------------------------------------------------


def integers(length):
    """Mostly such as fit."""
    within = st.integers(-length, length - 1) if length else st.integers(-1, 0)
    return st.integers(0, 19).flatmap(lambda n: within if n else st.integers(-9, 9))


def slices(length):
    ends = st.one_of(st.none(), st.integers(-length - 2, length + 2))
    return st.builds(slice, ends, ends, st.sampled_from([None, 1, 2, -1, -2, 5]))


#: What no tensor takes for an index.
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
        x[plain(index)] = value.copy()  # in order of memory: of several for one place NumPy writes that last
        return x

    agree(assign, replaced, x, value)


@given(indexed(), st.data())
def test_gradients_of_index_assignment(call, data):
    """What stays keeps its gradient, the value gets what arrives; of several for one place only the last has arrived."""
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
    """A tensor, a dimension, for each of some of its elements a place there, and what is brought to it."""
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
    """Some of its dimensions, or what is none of them."""
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
    """Tensors of one type whose shapes differ in one dimension; seldom in others too."""
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


# -- products ----------------------------------------------------------------------------------------------------------


def slopes(call, reference, operands):
    """A function that is linear in each operand: its gradient there is what it makes of one element at a time."""
    got = agree(call, reference, *operands)
    if got is None or got.dtype.kind != "f":
        return
    leaves = [x.detach().requires_grad_() for x in operands]
    out = call(*leaves)
    g = cotangent(out)
    for i, dx in enumerate(mg.autograd.grad(out, leaves, g, materialize_grads=True)):
        given = [x.array for x in operands]
        want = np.zeros(given[i].shape)
        for place in np.ndindex(given[i].shape):
            given[i] = np.zeros(want.shape)
            given[i][place] = 1
            want[place] = np.sum(g.array * reference(*given))
        np.testing.assert_array_equal(dx.array, want)


@st.composite
def factors(draw):
    """Operands of a matrix product, seldom of different inner lengths."""
    m, k, n = (draw(LENGTHS) for _ in range(3))
    batch = draw(st.lists(st.sampled_from([0, 1, 2, 3]), max_size=2))
    shapes = [[*batch[draw(st.integers(0, len(batch))) :], *core] for core in ((m, k), (k, n))]
    shapes = [[1 if d < len(s) - 2 and draw(st.integers(0, 3)) == 0 else n for d, n in enumerate(s)] for s in shapes]
    left = [k] if draw(st.integers(0, 4)) == 0 else shapes[0]
    right = [k] if draw(st.integers(0, 4)) == 0 else shapes[1]
    if draw(st.integers(0, 9)) == 0:
        right[-1] = 7
    dtype = draw(DTYPES)
    return [draw(tensors(tuple(s), st.just(dtype))) for s in (left, right)]


@given(factors())
def test_matmul(operands):
    slopes(mg.matmul, np.matmul, operands)


@st.composite
def equations(draw):
    """An equation of einsum, with letters that repeat, are summed or missing, and operands for it; seldom not for it."""
    length = {c: draw(st.sampled_from([0, 1, 2, 2, 3])) for c in "ijkl"}
    terms = [draw(st.text("ijkl", max_size=3)) for _ in range(draw(st.integers(1, 3)))]
    shapes = [[length[c] for c in term] for term in terms]
    if draw(st.integers(0, 2)) == 0:
        batch = draw(st.lists(st.sampled_from([1, 2]), max_size=2))
        shapes = [[draw(st.sampled_from([1, n])) for n in batch[draw(st.integers(0, len(batch))) :]] + s for s in shapes]
        terms = ["..." + term for term in terms]
    used = sorted(set("".join(terms)) - {"."})
    kept = draw(st.lists(st.sampled_from(used), unique=True)) if used else []
    dots = "..." if terms[0].startswith(".") else ""
    right = draw(st.sampled_from(["", "->" + dots + "".join(kept), "->" + dots + "".join(kept)]))
    if draw(st.integers(0, 5)) == 5:
        right = draw(st.text("ij>-.,", min_size=1, max_size=4))
    return ",".join(terms) + right, [draw(tensors(tuple(s), st.just("f8"))) for s in shapes]


@given(equations())
def test_einsum(call):
    equation, operands = call
    slopes(lambda *xs: mg.einsum(equation, *xs), lambda *xs: np.einsum(equation, *xs), operands)
