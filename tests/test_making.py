"""Tensors made in the shape or of the type of others: values, types, and what is refused."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import DeviceError, DTypeError, OutOfMemory, ShapeError

FLOATS = pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)

# -- of a given content ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        ((0, 3, 4), [1, 10, 100, 1000]), ((-1, 1, 3), [0.1, 1, 10]), ((0, 4, 5, 2), [1, 2, 4, 8, 16]),
        ((2.0, 5.0, 1), [100]), ((0, 1, 0), []), ((3, 0, 4, 2.0), [8, 4, 2, 1]),
    ],
)  # fmt: skip
@FLOATS
def test_logspace(arguments, values, dtype):
    x = mg.logspace(*arguments, dtype=dtype, requires_grad=True)
    assert (x.dtype, x.shape, x.requires_grad) == (dtype, (len(values),), True)
    np.testing.assert_allclose(x.detach().numpy(), np.array(values, dtype), rtol=1e-15 if dtype == mg.float64 else 1e-7)
    assert mg.logspace(*arguments).dtype == mg.float32


LIKE = {
    "empty_like": mg.empty_like,
    "zeros_like": mg.zeros_like,
    "ones_like": mg.ones_like,
    "full_like": lambda x, **keywords: mg.full_like(x, 7, **keywords),
}
NEW = {
    "new_empty": lambda x, *size, **keywords: x.new_empty(*size, **keywords),
    "new_zeros": lambda x, *size, **keywords: x.new_zeros(*size, **keywords),
    "new_ones": lambda x, *size, **keywords: x.new_ones(*size, **keywords),
    "new_full": lambda x, *size, **keywords: x.new_full(size[0] if len(size) == 1 else size, 7, **keywords),
}
CONTENT = {"zeros": 0, "ones": 1, "full": 7}


@pytest.mark.parametrize("name", LIKE)
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
@FLOATS
def test_like_takes_shape_and_type(name, shape, dtype):
    other = mg.float32 if dtype == mg.float64 else mg.float64
    x = mg.zeros(shape, dtype=dtype, requires_grad=True)
    for made, real, wanted in (
        (LIKE[name](x), dtype, False), (LIKE[name](x, dtype=other), other, False),
        (LIKE[name](x, requires_grad=True, device="cpu"), dtype, True),
    ):  # fmt: skip
        assert (made.shape, made.dtype, made.requires_grad, made.is_leaf) == (shape, real, wanted, True)
        if (content := CONTENT.get(name.removesuffix("_like"))) is not None:
            np.testing.assert_array_equal(made.detach().numpy(), np.full(shape, content, real))


@pytest.mark.parametrize("name", LIKE)
def test_like_of_integers(name):
    x = mg.zeros(4, dtype=mg.int64)
    assert LIKE[name](x).dtype == mg.int64
    with pytest.raises(DTypeError, match=rf"^{name}: argument requires_grad: got True for dtype int64"):
        LIKE[name](x, requires_grad=True)


@pytest.mark.parametrize("name", LIKE)
def test_like_of_what_has_no_shape(name):
    with pytest.raises(TypeError, match=rf"^{name}: argument x: got a list, expected a tensor\. Where there is none"):
        LIKE[name]([1.0, 2.0])


@pytest.mark.parametrize("name", NEW)
def test_new_takes_the_type(name):
    for x in (mg.ones(1, dtype=mg.float64), mg.ones(1, dtype=mg.int64), mg.ones(1, dtype=mg.bool)):
        for made in (NEW[name](x, 2, 3), NEW[name](x, (2, 3))):
            assert (made.shape, made.dtype, made.requires_grad) == ((2, 3), x.dtype, False)
            if (content := CONTENT.get(name.removeprefix("new_"))) is not None:
                np.testing.assert_array_equal(made.numpy(), np.full((2, 3), content, x.dtype))
    made = NEW[name](x, 2, dtype=mg.float32, requires_grad=True, device="cpu")
    assert (made.shape, made.dtype, made.requires_grad) == ((2,), mg.float32, True)
    with pytest.raises(ShapeError, match=rf"^{name}: argument size: got \(-1,\)"):
        NEW[name](x, -1)
    with pytest.raises(DTypeError, match=rf"^{name}: argument requires_grad: got True for dtype bool"):
        NEW[name](x, 2, requires_grad=True)
    with pytest.raises(DeviceError, match=rf"^{name}: argument device: got 'cuda'"):
        NEW[name](x, 2, device="cuda")


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: mg.logspace(0, 1, -1), ShapeError, r"^logspace: argument size: got \(-1,\)"),
        (lambda: mg.logspace(0, 1, 2**60), OutOfMemory, "^logspace: argument steps"),
        (lambda: mg.logspace(0, float("inf"), 3), TypeError, "^logspace: argument end: got inf, expected a finite"),
        (lambda: mg.logspace("0", 1, 3), TypeError, "^logspace: argument start: got '0'"),
        (lambda: mg.logspace(0, 1, 3, -2.0), ValueError, "^logspace: argument base: got -2.0, expected a number above 0"),
        (lambda: mg.ones(1).new_full((2,), None), TypeError, "^new_full: argument fill_value: got None, expected one number"),
        (lambda: mg.logspace(0, 1, 2, device="cuda"), DeviceError, "^logspace: argument device"),
    ],
)  # fmt: skip
def test_arguments_that_make_no_tensor(make, error, text):
    with pytest.raises(error, match=text):
        make()
