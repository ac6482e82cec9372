"""Tensors of given shape and content, and what is too large, too small or no number."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import DTypeError, OutOfMemory, ShapeError

FILLED = {"zeros": 0, "ones": 1}
SIZED = {
    "zeros": mg.zeros,
    "ones": mg.ones,
    "empty": mg.empty,
    "rand": mg.rand,
    "randn": mg.randn,
    "full": lambda *size, **keywords: mg.full(size[0] if len(size) == 1 else size, 1.0, **keywords),
}


@pytest.mark.parametrize("name", SIZED)
@pytest.mark.parametrize(
    ("size", "shape"),
    [((), ()), (((),), ()), ((3,), (3,)), ((2, 3), (2, 3)), (([2, 0],), (2, 0)), ((np.int64(2),), (2,))],
)
def test_sizes(name, size, shape):
    x = SIZED[name](*size)
    assert (x.shape, x.dtype, x.flat, x.requires_grad) == (shape, mg.float32, True, False)


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64, mg.int64, mg.bool], ids=str)
@pytest.mark.parametrize("name", FILLED)
def test_filled(name, dtype):
    x = SIZED[name](2, 3, dtype=dtype)
    assert x.dtype is dtype
    assert x.tolist() == np.full((2, 3), FILLED[name], dtype).tolist()
    like = getattr(mg, f"{name}_like")(x)
    assert (like.shape, like.dtype, like.tolist()) == (x.shape, x.dtype, x.tolist())


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.5, mg.float32), (3, mg.int64), (True, mg.bool), (np.float64(1.5), mg.float32), (np.int64(3), mg.int64),
        (np.bool_(True), mg.bool), (float("nan"), mg.float32),
    ],
)  # fmt: skip
def test_full_takes_the_kind_of_its_value(value, dtype):
    x = mg.full((2, 2), value)
    assert x.dtype == dtype
    np.testing.assert_array_equal(x.numpy(), np.full((2, 2), value, dtype))
    assert mg.full(2, value, dtype=mg.float64).dtype == mg.float64
    assert mg.full_like(mg.zeros(3), 2).tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("arguments", "values", "dtype"),
    [
        ((4,), [0, 1, 2, 3], mg.int64), ((2, 5), [2, 3, 4], mg.int64), ((5, 0, -2), [5, 3, 1], mg.int64),
        ((3.0,), [0, 1, 2], mg.float32), ((0, 1, 0.25), [0, 0.25, 0.5, 0.75], mg.float32), ((0,), [], mg.int64),
        ((np.float32(2),), [0, 1], mg.float32), ((3, 3), [], mg.int64),
    ],
)  # fmt: skip
def test_arange(arguments, values, dtype):
    x = mg.arange(*arguments)
    assert (x.dtype, x.tolist()) == (dtype, values)
    assert mg.arange(*arguments, dtype=mg.float64).dtype == mg.float64


def test_linspace_and_eye():
    assert mg.linspace(0, 1, 5).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert mg.linspace(2.0, 3.0, 1).tolist() == [2.0]
    assert mg.eye(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert mg.eye(2, dtype=mg.int64).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("name", SIZED)
def test_requires_grad(name):
    x = SIZED[name](2, requires_grad=True)
    assert x.requires_grad
    assert x.is_leaf
    (x * 3.0).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_random_numbers_follow_the_seed():
    mg.manual_seed(7)
    first = mg.randn(1000), mg.rand(1000, dtype=mg.float64)
    mg.manual_seed(7)
    again = mg.randn(1000), mg.rand(1000, dtype=mg.float64)
    other = mg.randn(1000)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert not np.array_equal(first[0].numpy(), other.numpy())
    assert abs(first[0].numpy().mean()) < 4 / np.sqrt(1000)  # four standard errors
    assert (first[1].numpy() >= 0).all()
    assert (first[1].numpy() < 1).all()


def test_what_is_visible_is_never_handed_out_again():
    """Arrays are recycled: not while a view, a memoryview or a NumPy array of theirs is there."""
    kept = []
    for i in range(100):
        x = mg.full((33,), float(i))
        kept.append((i, [x.numpy(), x[1:].numpy(), memoryview(x.numpy()), x.reshape(3, 11).T, x.detach()][i % 5]))
        del x
    for i, seen in kept:
        np.testing.assert_array_equal(np.asarray(seen), float(i))


# -- what is refused ---------------------------------------------------------------------------------------------------

COLUMN = mg.ones(1, 1).expand(2**25, 1)
TOO_LARGE = [(2**60,), (2**62,), (10**10, 10**10), (2**31, 2**31, 2**31)]


@pytest.mark.parametrize("size", TOO_LARGE)
@pytest.mark.parametrize("name", SIZED)
def test_too_large_for_memory(name, size):
    """These exceed the address space, so no system can promise them and find out later."""
    with pytest.raises(OutOfMemory, match=rf"^{name}: argument size: got \({size[0]},.*float32.*memory") as caught:
        SIZED[name](*size)
    assert isinstance(caught.value, MemoryError)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: mg.arange(2**60), "^arange: argument end"),
        (lambda: mg.arange(1e30), "^arange: argument end"),
        (lambda: mg.linspace(0, 1, 2**60), "^linspace: argument steps"),
        (lambda: mg.eye(2**40), "^eye: argument n"),
        (lambda: mg.ones(1).expand(2**40, 2**40), "^expand: argument shape"),
        (lambda: mg.ones(1).expand(2**50).clone(), r"size: got \(1125899906842624,\).*memory"),
        (lambda: mg.ones(1).expand(2**50) + 1.0, r"size: got \(1125899906842624,\).*memory"),
        (lambda: COLUMN @ COLUMN.T, r"size: got \(33554432, 33554432\).*memory"),
        (lambda: mg.randperm(2**60), "1152921504606846976.*memory"),
    ],
)
def test_other_ways_to_ask_for_too_much(make, text):
    with pytest.raises(OutOfMemory, match=text):
        make()


def test_a_stream_goes_on_after_a_size_that_failed():
    mg.manual_seed(3)
    want = mg.randn(5).tolist()
    for make in (mg.randn, mg.rand):
        for wrong in ((2**60,), (-1,)):
            mg.manual_seed(3)
            with pytest.raises(RuntimeError, match=rf"^{make.__name__}: argument size: got \({wrong[0]},\)"):
                make(*wrong)
            assert mg.randn(5).tolist() == want


@pytest.mark.parametrize("name", SIZED)
def test_sizes_that_are_none(name):
    with pytest.raises(ShapeError, match=rf"^{name}: argument size: got \(2, -3\), expected lengths of at least 0"):
        SIZED[name](2, -3)
    for wrong in (2.5, "ab", None):
        with pytest.raises(TypeError, match=rf"^{name}: argument size: .*expected ints"):
            SIZED[name](wrong)


@pytest.mark.parametrize("name", SIZED)
def test_types_that_are_none(name):
    for dtype in ("float33", np.float16, mg.Tensor):
        with pytest.raises(TypeError, match=rf"^{name}: argument dtype: got .*expected .*float32"):
            SIZED[name](2, dtype=dtype)
    if name.startswith("rand"):
        with pytest.raises(DTypeError, match=rf"^{name}: argument dtype: got int64, expected float32 or float64"):
            SIZED[name](2, dtype=mg.int64)
    else:
        with pytest.raises(DTypeError, match=rf"^{name}: argument requires_grad: got True for dtype int64.*float32"):
            SIZED[name](2, dtype=mg.int64, requires_grad=True)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: mg.arange(2, requires_grad=True), DTypeError, "requires_grad: got True for dtype int64"),
        (lambda: mg.arange(5, 2), ValueError, "step: got 1, expected a step that leads from 5 to 2"),
        (lambda: mg.arange(1, 5, 0), ValueError, "step: got 0"),
        (lambda: mg.arange("a"), TypeError, "end: got 'a'"),
        (lambda: mg.arange(0, float("nan")), TypeError, "end: got nan"),
        (lambda: mg.linspace(0, 1, -1), ShapeError, r"^linspace: .*\(-1,\)"),
        (lambda: mg.linspace(0, 1, 2.5), TypeError, "^linspace: .*2.5"),
        (lambda: mg.eye(-1), ShapeError, "^eye: .*-1"),
        (lambda: mg.full((2,), "x"), TypeError, "fill_value: got 'x'"),
        (lambda: mg.full((2,), 2**63), TypeError, "fill_value: got 9223372036854775808"),
        (lambda: mg.full((2,), [1.0, 2.0]), TypeError, "fill_value: got .*one number"),
        (lambda: mg.full((2,), float("nan"), dtype=mg.int64), ValueError, "fill_value: got nan.*int64"),
        (lambda: mg.randint(0, 10, -1), ShapeError, "^randint: argument size"),
        (lambda: mg.randint(5, 5, (2,)), ValueError, "^randint: argument high: got 5"),
        (lambda: mg.manual_seed(1.5), TypeError, "^manual_seed: argument seed: got 1.5"),
    ],
)
def test_arguments_that_make_no_tensor(make, error, text):
    with pytest.raises(error, match=text):
        make()
