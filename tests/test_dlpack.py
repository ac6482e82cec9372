"""DLPack: memory shared with NumPy, PyTorch and JAX, in both directions, and what is refused."""

import gc

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import DeviceError, DTypeError, GradError

DTYPES = pytest.mark.parametrize("dtype", [mg.float32, mg.float64, mg.int64, mg.bool], ids=str)
WRITABLE = pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="NumPy takes all memory for read-only")
SHAPES = pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def jax():
    found = pytest.importorskip("jax")
    with found.enable_x64(True):
        yield found


def counted(shape, dtype):
    return mg.tensor(np.arange(np.prod(shape, dtype=int)).reshape(shape) % 5, dtype=dtype)


# -- to others ---------------------------------------------------------------------------------------------------------


@WRITABLE
@DTYPES
@SHAPES
def test_numpy_shares_the_memory(shape, dtype):
    x = counted(shape, dtype)
    array = np.from_dlpack(x)
    assert (array.shape, array.dtype) == (shape, dtype)
    assert array.ctypes.data == x.numpy().ctypes.data
    array[...] = 1
    assert x.tolist() == np.ones(shape, dtype).tolist()


@DTYPES
@SHAPES
def test_pytorch_shares_the_memory(torch, shape, dtype):
    x = counted(shape, dtype)
    theirs = torch.from_dlpack(x)
    assert (tuple(theirs.shape), str(theirs.dtype)) == (shape, f"torch.{dtype}")
    assert theirs.tolist() == x.tolist()
    theirs.fill_(1)
    assert x.tolist() == np.ones(shape, dtype).tolist()
    x.zero_()
    assert theirs.tolist() == np.zeros(shape, dtype).tolist()


@DTYPES
@SHAPES
def test_jax_takes_the_numbers(jax, shape, dtype):
    x = counted(shape, dtype)
    theirs = jax.numpy.from_dlpack(x)
    assert (theirs.shape, theirs.dtype) == (shape, dtype)
    assert theirs.tolist() == x.tolist()


def test_jax_shares_the_memory(jax):
    """Our memory begins where JAX wants it, so nothing is copied."""
    x = mg.rand(1000)
    assert jax.numpy.from_dlpack(x).unsafe_buffer_pointer() == x.numpy().ctypes.data


def test_strides_go_along(torch):
    x = mg.arange(12).reshape(3, 4)
    for seen in (x.T, x[::2, 1:], x[1]):
        assert torch.from_dlpack(seen).tolist() == np.from_dlpack(seen).tolist() == seen.tolist()
    torch.from_dlpack(x.T)[0, 1] = 100
    assert x[1, 0].item() == 100


def test_memory_that_another_holds_is_not_handed_out_again(torch):
    held = [(i, torch.from_dlpack(mg.full((333,), float(i)))) for i in range(50)]
    gc.collect()
    assert all((theirs == i).all() for i, theirs in held)


def test_the_device_is_the_cpu():
    assert mg.ones(1).__dlpack_device__() == (1, 0)
    assert mg.ones(1, requires_grad=True).__dlpack_device__() == (1, 0)


def test_a_tensor_with_gradient_is_refused(torch, jax):
    leaf = mg.ones(2, requires_grad=True)
    for take in (np.from_dlpack, torch.from_dlpack, jax.numpy.from_dlpack):
        for x in (leaf, leaf * 2.0):
            with pytest.raises(GradError, match=r"^__dlpack__: got a tensor that requires a gradient.*tensor\.detach\(\)\.$"):
                take(x)
        assert take(leaf.detach()).tolist() == [1.0, 1.0]


def test_a_view_whose_elements_share_memory():
    """It must not be written, which only newer versions of the protocol can say."""
    shared = mg.ones(1).expand(3)
    with pytest.raises(BufferError, match=r"^__dlpack__: got a view whose elements share memory.*clone\(\)"):
        shared.__dlpack__()
    if np.lib.NumpyVersion(np.__version__) >= "2.1.0":
        assert not np.from_dlpack(shared).flags.writeable


# -- from others -------------------------------------------------------------------------------------------------------


@WRITABLE
@DTYPES
@SHAPES
def test_from_numpy_by_dlpack(shape, dtype):
    array = np.zeros(shape, dtype)
    x = mg.from_dlpack(array)
    assert isinstance(x, mg.Tensor)
    assert (x.shape, x.dtype, x.requires_grad, x.is_leaf) == (shape, dtype, False, True)
    array[...] = 1
    assert x.tolist() == array.tolist()
    x.zero_()
    assert not array.any()


@WRITABLE
@DTYPES
@SHAPES
def test_from_pytorch(torch, shape, dtype):
    theirs = torch.zeros(shape, dtype=getattr(torch, str(dtype)))
    x = mg.from_dlpack(theirs)
    assert (x.shape, x.dtype) == (shape, dtype)
    theirs.fill_(1)
    assert x.tolist() == theirs.tolist()
    x.zero_()
    assert not theirs.any()


@WRITABLE
def test_strides_come_along(torch):
    theirs = torch.arange(12.0).reshape(3, 4)
    x = mg.from_dlpack(theirs[::2].T)
    assert x.tolist() == theirs[::2].T.tolist()
    assert not x.flat
    assert (x @ x.T).tolist() == (theirs[::2].T @ theirs[::2]).tolist()


@WRITABLE
def test_it_can_be_a_parameter(torch):
    theirs = torch.ones(3)
    w = mg.from_dlpack(theirs).requires_grad_()
    (w * w).sum().backward()
    assert w.grad.tolist() == [2.0, 2.0, 2.0]
    with mg.no_grad():
        w -= w.grad
    assert theirs.tolist() == [-1.0, -1.0, -1.0]


@WRITABLE
def test_the_memory_lives_as_long_as_the_tensor(torch):
    x = mg.from_dlpack(torch.full((1000,), 3.0))
    gc.collect()
    torch.zeros(1000)
    assert (x.numpy() == 3).all()


@WRITABLE
def test_from_our_own():
    x = mg.ones(3)
    y = mg.from_dlpack(x)
    assert y is not x
    y.fill_(2.0)
    assert x.tolist() == [2.0, 2.0, 2.0]


def test_from_jax_whose_memory_is_never_written(jax):
    theirs = jax.numpy.arange(3.0)
    with pytest.raises(ValueError, match=r"^from_dlpack: argument x: got read-only memory.*minigrad\.tensor\(np\.asarray\(x\)\)"):
        mg.from_dlpack(theirs)
    assert mg.tensor(np.asarray(theirs)).tolist() == [0.0, 1.0, 2.0]


class Elsewhere:
    """An array of a graphics processor."""

    def __dlpack__(self, **how):
        raise AssertionError("it is not asked for")

    def __dlpack_device__(self):
        return (2, 0)


def read_only():
    array = np.ones(2)
    array.setflags(write=False)
    return array


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: [1.0], TypeError, r"got a list, expected an array with __dlpack__.*minigrad\.tensor takes lists"),
        (lambda: Elsewhere(), DeviceError, r"got memory of DLPack's device type 2, expected the CPU's.*x\.cpu\(\)"),
        (lambda: np.ones(2, np.float16), DTypeError, "got dtype float16, expected float32.*minigrad.tensor"),
        (lambda: np.ones(2, np.int32), DTypeError, "got dtype int32, expected float32"),
        (lambda: np.ones(2, np.complex128), DTypeError, "got dtype complex128, expected float32"),
        (read_only, (ValueError, DTypeError), "got (read-only memory|what is not passed on)"),
        (lambda: mg.ones(2, requires_grad=True), GradError, r"got a tensor that requires a gradient.*x\.detach\(\)"),
    ],
)
def test_what_is_refused(make, error, text):
    with pytest.raises(error, match=f"^from_dlpack: argument x: {text}"):
        mg.from_dlpack(make())


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda t: t.ones(2, requires_grad=True), GradError, r"got a tensor that requires a gradient.*x\.detach\(\)"),
        (lambda t: t.ones(2, dtype=t.bfloat16), DTypeError, "got what is not passed on"),
        (lambda t: t.ones(2, dtype=t.float16), DTypeError, "got dtype float16"),
        (lambda t: t.ones(2, 2).to_sparse(), DTypeError, "got what is not passed on .*strided.*expected a dense array"),
    ],
)
def test_what_is_refused_of_pytorch(torch, make, error, text):
    with pytest.raises(error, match=f"^from_dlpack: argument x: {text}"):
        mg.from_dlpack(make(torch))
