"""Computing ops against NumPy on drawn calls: any shape, memory layout, type and dimension, legal or not."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from strategies import DTYPES, FLOATS, LENGTHS, agree, broadcastable, cotangent, gradient, tensors

import minigrad as mg
from minigrad.errors import MinigradError

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
    """The numbers are NumPy's. In the type of the result, kind counts before width, and arrays before scalars."""
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
    """Sums over the dimensions that broadcasting expanded."""
    array = array.sum(tuple(range(array.ndim - len(shape))))
    return array.sum(tuple(d for d, n in enumerate(shape) if n == 1), keepdims=True).reshape(shape)


# -- reductions --------------------------------------------------------------------------------------------------------

REDUCTIONS = {
    "sum": np.sum, "amax": np.max, "amin": np.min, "mean": np.mean, "prod": np.prod, "all": np.all, "any": np.any,
    "count_nonzero": np.count_nonzero,
}  # fmt: skip


@st.composite
def reductions(draw, dtype=FLOATS):
    """A tensor, some of its dimensions (now and then ones that it does not have), and whether they are kept."""
    x = draw(tensors(st.lists(LENGTHS, min_size=1, max_size=4).map(tuple), dtype))
    one = st.integers(-x.ndim, x.ndim - 1) if draw(st.integers(0, 9)) else st.integers(-9, 9)
    several = st.lists(one, max_size=x.ndim, unique_by=lambda d: d % x.ndim).map(tuple)
    return x, draw(st.one_of(st.none(), one, several)), draw(st.booleans())


@given(st.sampled_from(sorted(REDUCTIONS)), reductions(DTYPES), st.sampled_from(["NumPy", "PyTorch"]))
def test_reductions(name, call, spelled):
    x, dim, keepdim = call
    if name == "mean" and (x.dtype.kind != "f" or not x.size):
        return  # of integers an error; of nothing NaN, with a warning by NumPy
    if name == "prod" and x.dtype.kind != "b":
        x = x.sign()  # keeps the product small, and so exact
    given = {"axis": dim, "keepdims": keepdim} if spelled == "NumPy" else {"dim": dim, "keepdim": keepdim}
    agree(lambda x: getattr(mg, name)(x, **given), lambda x: REDUCTIONS[name](x, axis=dim, keepdims=keepdim), x)


#: The share of each element in the gradient of the element that it was reduced to.
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


# -- products ----------------------------------------------------------------------------------------------------------


def slopes(call, reference, operands):
    """For a function that is linear in each operand: the gradient is its value at one unit element at a time."""
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
    """Operands of a matrix product, now and then with different inner lengths."""
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
    """An equation for einsum, with letters that repeat, are summed or missing, and operands that seldom do not fit it."""
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
