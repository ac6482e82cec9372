"""The tensor: making one from data, its types, its operators, its memory, and changing it in place."""

import copy
import pickle

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import DTypeError, GradError, ShapeError

DTYPES = [mg.float32, mg.float64, mg.int64, mg.bool]


# -- making tensors ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype", "shape"),
    [
        (1.0, mg.float32, ()),
        (1, mg.int64, ()),
        (True, mg.bool, ()),
        ([1.0, 2], mg.float32, (2,)),
        ([[1, 2, 3]], mg.int64, (1, 3)),
        ([], mg.float32, (0,)),
        (np.float64(1.0), mg.float64, ()),
        (np.zeros((2, 0)), mg.float64, (2, 0)),
        (np.zeros(2, np.float16), mg.float32, (2,)),
        (np.zeros(2, np.uint8), mg.int64, (2,)),
        (np.zeros(2, ">f4"), mg.float32, (2,)),
        ([mg.tensor(1.0), 2.0], mg.float32, (2,)),
    ],
)
def test_types_of_data(data, dtype, shape):
    x = mg.tensor(data)
    assert (x.dtype, x.shape, x.ndim, x.numel()) == (dtype, shape, len(shape), np.prod(shape))
    assert not x.requires_grad
    assert x.is_leaf
    assert x.grad is None


def test_tensor_copies_and_as_tensor_does_not():
    array = np.arange(6.0).reshape(2, 3)
    copied, shared, strided = mg.tensor(array), mg.as_tensor(array), mg.from_numpy(array[:, ::-2])
    array[0, 2] = 9.0
    assert (copied[0, 2].item(), shared[0, 2].item(), strided[0, 0].item()) == (2.0, 9.0, 9.0)
    assert mg.as_tensor(shared) is shared
    assert np.shares_memory(shared.numpy(), array)
    assert not np.shares_memory(mg.tensor(shared).numpy(), array)


@pytest.mark.parametrize("order", [(mg.float32, mg.float64), (mg.float64, mg.float32)], ids=str)
def test_views_with_the_same_steps_in_bytes_are_read_by_their_own_type(order):
    """Steps of 16 bytes, as here along a column, are four float32, but two float64."""
    columns = {mg.float32: mg.arange(28.0).reshape(7, 4)[:, 0], mg.float64: mg.arange(14.0, dtype=mg.float64).reshape(7, 2)[:, 0]}
    for dtype in order:
        x = columns[dtype]
        assert x.numpy().strides == (16,)
        for read in (lambda x: x * 1.0, lambda x: x.exp().log(), lambda x: x.clone()):
            np.testing.assert_allclose(read(x).numpy(), x.numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 3)])
def test_numpy_is_the_same_memory(dtype, shape):
    x = mg.zeros(shape, dtype=dtype)
    array = x.numpy()
    assert (array.dtype, array.shape) == (dtype, shape)
    array[...] = 1
    assert x.tolist() == np.ones(shape, dtype).tolist()
    assert np.shares_memory(np.asarray(x), array) or not x.size
    array.setflags(write=False)  # the view is the caller's, the tensor stays as it is
    assert x.numpy().flags.writeable
    assert np.asarray(x, np.float64).dtype == np.float64


def test_numpy_of_a_tensor_with_gradient_is_refused():
    x = mg.ones(2, requires_grad=True)
    for read in (x.numpy, lambda: np.asarray(x), (x * 2.0).numpy):
        with pytest.raises(GradError, match=r"^numpy: .*tensor\.detach\(\)\.numpy\(\)"):
            read()
    assert np.shares_memory(x.detach().numpy(), x.data.numpy())
    assert not x.detach().requires_grad


def test_python_numbers():
    x = mg.tensor([[2.5]])
    assert (x.item(), float(x), int(x), bool(x), f"{x:.2f}", len(x)) == (2.5, 2.5, 2, True, "2.50", 1)
    assert [10, 20, 30][mg.tensor(1)] == 20
    assert [row.tolist() for row in mg.tensor([[1, 2], [3, 4]])] == [[1, 2], [3, 4]]
    assert not mg.tensor(0)
    for convert, error in ((mg.Tensor.item, ShapeError), (float, RuntimeError), (bool, ValueError)):
        with pytest.raises(error, match=r"shape \(2,\), expected one element"):
            convert(mg.ones(2))
    with pytest.raises(TypeError, match=r"len\(\) of a scalar"):
        len(mg.tensor(1.0))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: mg.tensor([1.0, 2.0]), "tensor([1., 2.])"),
        (lambda: mg.tensor([1.0], requires_grad=True), "tensor([1.], requires_grad=True)"),
        (lambda: mg.tensor([1.0], requires_grad=True) * 2.0, "tensor([2.], grad_fn=<mul>)"),
        (lambda: mg.zeros(1, dtype=mg.float64), "tensor([0.], dtype=float64)"),
        (lambda: mg.tensor([True, False]), "tensor([ True, False])"),
        (lambda: mg.tensor(3), "tensor(3)"),
        (lambda: mg.zeros(0), "tensor([])"),
        (lambda: mg.zeros(0, 2), "tensor([], size=(0, 2))"),
        (lambda: mg.zeros(0, dtype=mg.int64), "tensor([], dtype=int64)"),
        (lambda: mg.tensor([True]), "tensor([True])"),
        (lambda: mg.tensor([0.5, 2.0]), "tensor([0.5000, 2.0000])"),
        (lambda: mg.tensor([[1.5, -2.0], [3.0, 4.0]]), "tensor([[ 1.5000, -2.0000],\n        [ 3.0000,  4.0000]])"),
        (lambda: mg.tensor([1e-5, 1.0]), "tensor([1.0000e-05, 1.0000e+00])"),
        (lambda: mg.tensor([1.0, 1000.0]), "tensor([   1., 1000.])"),
        (lambda: mg.tensor([1.0, 2000.0]), "tensor([1.0000e+00, 2.0000e+03])"),
        (lambda: mg.tensor(12345678.0), "tensor(12345678.)"),
        (lambda: mg.tensor([np.nan, -np.inf, 0.0]), "tensor([nan, -inf, 0.])"),
        (lambda: mg.arange(2000), "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
        (lambda: mg.zeros(2, 1, 2), "tensor([[[0., 0.]],\n\n        [[0., 0.]]])"),
        (
            lambda: mg.full((18,), 0.25),
            "tensor([" + ", ".join(["0.2500"] * 9) + ",\n        " + ", ".join(["0.2500"] * 9) + "])",
        ),
        (
            lambda: mg.full((9,), 0.25).requires_grad_(),
            "tensor([" + ", ".join(["0.2500"] * 9) + "],\n       requires_grad=True)",
        ),
        (
            lambda: mg.arange(1600.0).reshape(40, 40) / 4 + 1,
            "tensor([[  1.0000,   1.2500,   1.5000,  ...,  10.2500,  10.5000,  10.7500],\n"
            "        [ 11.0000,  11.2500,  11.5000,  ...,  20.2500,  20.5000,  20.7500],\n"
            "        [ 21.0000,  21.2500,  21.5000,  ...,  30.2500,  30.5000,  30.7500],\n"
            "        ...,\n"
            "        [371.0000, 371.2500, 371.5000,  ..., 380.2500, 380.5000, 380.7500],\n"
            "        [381.0000, 381.2500, 381.5000,  ..., 390.2500, 390.5000, 390.7500],\n"
            "        [391.0000, 391.2500, 391.5000,  ..., 400.2500, 400.5000, 400.7500]])",
        ),
    ],
)
def test_repr(make, text):
    assert repr(make()) == text


@pytest.fixture
def print_options():
    yield mg.set_printoptions
    mg.set_printoptions(profile="default")


def test_print_options(print_options):
    x = mg.tensor([np.pi, 100.0])
    print_options(precision=2)
    assert repr(x) == "tensor([  3.14, 100.00])"
    print_options(sci_mode=True)
    assert repr(x) == "tensor([3.14e+00, 1.00e+02])"
    print_options(profile="short", threshold=4)
    assert repr(mg.arange(9)) == "tensor([0, 1,  ..., 7, 8])"
    print_options(profile="full", linewidth=20)
    assert repr(mg.arange(5)) == "tensor([0, 1, 2, 3,\n        4])"


@pytest.mark.parametrize("given", [{"precision": -1}, {"edgeitems": 0}, {"linewidth": "80"}, {"profile": "long"}])
def test_print_options_that_mean_nothing_change_nothing(print_options, given):
    (name,) = given
    with pytest.raises(ValueError, match=f"set_printoptions: argument {name}"):
        print_options(threshold=0, **given)
    assert repr(mg.tensor([1.0, 2.0])) == "tensor([1., 2.])"


def test_values_and_indices_are_shown_by_name():
    assert repr(mg.tensor([1.0, 3.0]).max(0)) == "(\nvalues=tensor(3.),\nindices=tensor(1))"


@pytest.mark.parametrize(("given", "remedy"), [(([1.0],), r"minigrad.tensor\(data"), ((2, 3), r"minigrad.empty\(2, 3\)")])
def test_tensors_are_made_by_functions(given, remedy):
    with pytest.raises(TypeError, match=f"write {remedy}"):
        mg.Tensor(*given)


def test_memory():
    x = mg.zeros(2, 3, dtype=mg.float64)
    assert (x.element_size(), x.nbytes, x.stride(), x.stride(1), x.T.stride()) == (8, 48, (3, 1), 1, (1, 3))
    assert (mg.tensor([1.7]).int().dtype, mg.tensor([-1.7]).int().tolist(), x.type()) == (mg.int64, [-1], "float64")


def test_numbers_and_types_by_name():
    assert (mg.pi, mg.inf, mg.newaxis) == (np.pi, np.inf, None)
    assert np.isnan(mg.nan)
    assert mg.finfo(mg.float32).eps == np.float32(2**-23)
    assert mg.iinfo(mg.int64).max == 2**63 - 1
    x = mg.zeros(2, 3)
    assert isinstance(x.shape, mg.Size)
    assert isinstance(x.dtype, mg.dtype)
    assert mg.Size([2, 3]) == x.shape
    assert mg.exp(mg.tensor(mg.e)).shape == ()


def test_a_tensor_of_another_type_is_made_of_a_tensor():
    x = mg.tensor([1.5, -2.0], requires_grad=True)
    y = mg.tensor(x.detach(), dtype=mg.float64)
    assert (y.dtype, y.tolist(), y.requires_grad) == (mg.float64, [1.5, -2.0], False)
    assert mg.tensor(y, dtype=mg.int64).tolist() == [1, -2]
    with pytest.raises(ValueError, match="^array: argument copy: got False for dtype float64, expected the tensor's dtype float32"):
        np.array(x.detach(), dtype=np.float64, copy=False)


def test_a_single_number_is_formatted_as_the_number_it_is():
    x = mg.tensor(0.5, requires_grad=True)
    assert f"{x} {x * 2} {x:.2f}" == "0.5 1.0 0.50"
    assert f"{mg.tensor([0.5]):.2f} {mg.tensor([0.5])}" == "0.50 tensor([0.5000])"


def test_copies_keep_the_role():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    x.grad = mg.ones(2)
    y = copy.deepcopy(x)
    assert (y.tolist(), y.requires_grad, y.grad.tolist()) == ([1.0, 2.0], True, [1.0, 1.0])
    assert not np.shares_memory(x.array, y.array)
    z = pickle.loads(pickle.dumps(x))
    assert (z.tolist(), z.requires_grad) == ([1.0, 2.0], True)
    with pytest.raises(GradError, match=r"^deepcopy"):
        copy.deepcopy(x * 2.0)


# -- types: who wins ---------------------------------------------------------------------------------------------------

F32, F64, INT, BOOL = (lambda d=d: mg.ones(2, dtype=d) for d in DTYPES)


@pytest.mark.parametrize(
    ("left", "right", "dtype"),
    [
        (F32, lambda: 2.0, mg.float32),
        (F32, lambda: 2, mg.float32),
        (F32, lambda: True, mg.float32),
        (F32, lambda: np.float64(2.0), mg.float32),
        (F32, F64, mg.float64),
        (F32, lambda: mg.tensor(2.0, dtype=mg.float64), mg.float32),  # a scalar tensor does not widen either
        (F32, INT, mg.float32),
        (F32, BOOL, mg.float32),
        (F64, lambda: 2.0, mg.float64),
        (F64, lambda: np.float32(2.0), mg.float64),
        (INT, lambda: 2.0, mg.float32),
        (INT, lambda: 2, mg.int64),
        (INT, lambda: mg.tensor(2.0, dtype=mg.float64), mg.float64),
        (INT, BOOL, mg.int64),
        (BOOL, lambda: 2, mg.int64),
        (F32, lambda: [2.0, 3.0], mg.float32),
        (F32, lambda: np.ones(2), mg.float64),
        (F32, lambda: np.ones(2, "f4"), mg.float32),
    ],
)
def test_promotion_is_symmetric(left, right, dtype):
    for x, y in ((left(), right()), (right(), left())):
        product = x * y
        assert isinstance(product, mg.Tensor)
        assert product.dtype == dtype


def test_division_of_ints_is_true_and_functions_of_ints_are_floats():
    assert (mg.tensor([1, 2]) / 2).tolist() == [0.5, 1.0]
    assert mg.tensor([1, 2]).exp().dtype == mg.float32
    assert (mg.tensor([1, 2]) ** 2).dtype == mg.int64
    assert mg.tensor([True, True]).sum().tolist() == 2


def test_mixed_types_differentiate_to_each_ones_own_type():
    x, y = mg.tensor([1.0, 2.0], requires_grad=True), mg.tensor([3.0, 4.0], dtype=mg.float64, requires_grad=True)
    (x * y).sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (mg.float32, mg.float64)
    assert (x.grad.tolist(), y.grad.tolist()) == ([3.0, 4.0], [1.0, 2.0])
    (x.double() * 0.5).sum().backward()
    assert x.grad.tolist() == [3.5, 4.5]


def test_conversions():
    x = mg.tensor([0.0, 1.7])
    kinds = (x.double(), x.long(), x.bool(), x.to(mg.float64), x.to(F64()), x.to("cpu"), x.long().float())
    assert [k.dtype for k in kinds] == [mg.float64, mg.int64, mg.bool, mg.float64, mg.float64, mg.float32, mg.float32]
    assert x.to(mg.float32) is x
    assert x.long().tolist() == [0, 1]


# -- operators ---------------------------------------------------------------------------------------------------------

OPERATORS = {
    "+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: x * y, "/": lambda x, y: x / y,
    "**": lambda x, y: x**y, "==": lambda x, y: x == y, "!=": lambda x, y: x != y, "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y, ">": lambda x, y: x > y, ">=": lambda x, y: x >= y,
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_with_anything_on_either_side(name, backend):
    operator, a, b = OPERATORS[name], np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([2.0, 3.0])
    for x, y in ((mg.tensor(a), mg.tensor(b)), (mg.tensor(a), b), (a, mg.tensor(b))):
        out = operator(x, y)
        assert isinstance(out, mg.Tensor)
        np.testing.assert_allclose(out.numpy(), operator(a, b), rtol=1e-15)
    for x, y in ((mg.tensor(a), 2.0), (2.0, mg.tensor(a)), (np.float64(2.0), mg.tensor(a))):
        out = operator(x, y)
        assert isinstance(out, mg.Tensor)
        want = operator(*(v.numpy() if isinstance(v, mg.Tensor) else v for v in (x, y)))
        np.testing.assert_allclose(out.numpy(), want, rtol=1e-15)


def test_an_array_on_the_left_is_recorded():
    w = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (np.array([[1.0, 1.0, 1.0], [2.0, 0.0, 0.0]], "f4") @ w).sum().backward()
    (np.array([1.0, 0.0, 0.0], "f4") - w).sum().backward()
    assert w.grad.tolist() == [2.0, 0.0, 0.0]


def test_logic_of_bools_and_bits_of_ints():
    t, f = mg.tensor([True, True, False, False]), np.array([True, False, True, False])
    assert (t & f).tolist() == (f & t).tolist() == [True, False, False, False]
    assert (t | f).tolist() == (f | t).tolist() == [True, True, True, False]
    assert (~t).tolist() == [False, False, True, True]
    six = mg.tensor([6])
    assert [(six & 3).item(), (3 & six).item(), (six | 1).item(), (six ^ 3).item(), (~six).item()] == [2, 2, 7, 5, -7]
    for operator in (lambda x: x & t, lambda x: ~x, lambda x: t ^ x):
        with pytest.raises(DTypeError, match="got dtype float32, expected ints or bools"):
            operator(mg.ones(4))


def test_what_is_no_number_is_not_equal():
    x = mg.ones(2)
    assert (x == None, x != None, x == "a", x is x) == (False, True, False, True)  # noqa: E711
    assert x in [None, x]
    with pytest.raises(TypeError, match=r"^add: argument y: got a str"):
        x + "a"
    with pytest.raises(TypeError, match=r"^add: argument y: got .*None"):
        x + None


def test_shapes_and_views():
    x = mg.arange(6).float().reshape(2, 3)
    assert x.T.tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    for same in (x.T, x.reshape(3, -1), x.view(6), x[1:], x.expand(4, 2, 3), x.unsqueeze(0), x.permute(1, 0)):
        assert np.shares_memory(same.numpy(), x.numpy())
    assert x.mT.shape == x.t().shape == (3, 2)
    assert mg.tensor(1.0).T.shape == ()
    assert x.mean().item() == 2.5
    assert x.sum(dim=0).tolist() == x.sum(axis=0).tolist() == [3.0, 5.0, 7.0]
    assert x.sum(np.int64(1), keepdims=True).tolist() == [[3.0], [12.0]]
    assert x.max(keepdim=True).shape == (1, 1)
    assert x.max(1).indices.tolist() == [2, 2]


def test_shapes_of_others():
    x = mg.arange(4.0)
    assert (+x is x, x.dim(), x.view_as(mg.zeros(2, 2)).tolist()) == (True, 1, [[0.0, 1.0], [2.0, 3.0]])
    assert x[:1].expand_as(mg.zeros(2, 2)).shape == (2, 2)
    one, other = mg.broadcast_tensors(mg.ones(2, 1), mg.zeros(3))
    assert (one.tolist(), other.tolist()) == ([[1.0] * 3] * 2, [[0.0] * 3] * 2)
    with pytest.raises(ShapeError, match=r"^broadcast_tensors: got shapes \(2,\) and \(3,\)"):
        mg.broadcast_tensors(mg.ones(2), mg.zeros(3))


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin", "argmax", "argmin", "logsumexp"])
def test_reductions_of_a_scalar(name):
    for dim in (None, 0, -1):
        assert getattr(mg.tensor(3.0), name)(dim).item() == (0 if name.startswith("arg") else 3.0)


def test_nothing_in_nothing_out():
    empty = mg.zeros(0, 3, requires_grad=True)
    out = (empty * 2.0 + 1.0).relu() @ mg.ones(3, 4)
    assert out.shape == (0, 4)
    out.sum().backward()
    assert empty.grad.shape == (0, 3)
    assert empty.sum().item() == 0.0
    assert np.isnan(empty.mean().item())


# -- in place ----------------------------------------------------------------------------------------------------------


def test_updates_keep_identity_memory_and_role():
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    same, array = w, w.array
    with mg.no_grad():
        w += 1
        w -= mg.tensor([0.5, 0.5], dtype=mg.float64)
        w *= 4.0
        w /= [2.0, 1.0]
        w[0] = 10.0
    assert w is same
    assert w.array is array
    assert w.requires_grad
    assert w.is_leaf
    assert w.dtype == mg.float32
    assert w.tolist() == [10.0, 10.0]
    view = w.detach()[:1]
    assert view.fill_(3.0) is view
    assert view.copy_(mg.tensor(4.0, dtype=mg.float64)).zero_().tolist() == [0.0]
    assert w.tolist() == [0.0, 10.0]


def test_update_by_what_is_recorded_is_recorded():
    x, w = mg.ones(2), mg.tensor([3.0, 4.0], requires_grad=True)
    before = x
    x += w
    assert x is not before
    assert before.tolist() == [1.0, 1.0]
    x.sum().backward()
    assert w.grad.tolist() == [1.0, 1.0]


def test_data_is_replaced_without_history():
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    w.data = mg.zeros(3, dtype=mg.float64)
    assert (w.shape, w.dtype, w.requires_grad, w.is_leaf) == ((3,), mg.float64, True, True)


def test_questions_about_a_scalar():
    """As PyTorch answers; NumPy refuses."""
    three, nothing = mg.tensor(3.0), mg.tensor(0.0)
    assert (mg.nonzero(three).shape, mg.nonzero(nothing).shape) == ((1, 0), (0, 0))
    assert [i.tolist() for i in mg.nonzero(three, as_tuple=True)] == [[0]]
    assert [i.tolist() for i in mg.where(nothing > 1)] == [[]]


def test_integers_have_no_nan_to_replace():
    x = mg.tensor([1, 2])
    y = mg.nan_to_num(x)
    assert (y.tolist(), y.dtype) == ([1, 2], mg.int64)
    assert not np.shares_memory(x.array, y.array)


def test_contiguous():
    x = mg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert x.is_contiguous()
    assert x.contiguous() is x
    turned = x.T
    assert not turned.is_contiguous()
    straight = turned.contiguous()
    assert straight.is_contiguous()
    assert straight.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    (straight * mg.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert x.grad.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert not mg.arange(6)[::2].is_contiguous()
    assert mg.arange(6)[::2].contiguous().tolist() == [0, 2, 4]


@pytest.mark.parametrize("set_to", [lambda x, wanted: setattr(x, "requires_grad", wanted), lambda x, wanted: x.requires_grad_(wanted)])
def test_who_may_want_a_gradient(set_to):
    x = mg.tensor([1.0, 2.0])
    set_to(x, True)
    assert x.requires_grad is True
    y = x * 2.0
    with pytest.raises(GradError, match=r"^requires_grad_?: got False for a computed.*you can only change requires_grad flags of leaf.*detach\(\)"):
        set_to(y, False)
    set_to(y, True)
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
    set_to(x, False)
    assert (x * 2.0).requires_grad is False
    with pytest.raises(DTypeError, match=r"^requires_grad_?: argument requires_grad: got True for dtype int64"):
        set_to(mg.tensor([1]), True)


def test_a_view_keeps_its_history():
    for x in (mg.ones(2, 3, requires_grad=True) * 2.0, mg.ones(2, 3)):
        for view in (x[0], x.T, x.reshape(6)):
            with pytest.raises(GradError, match=r"^detach_: got a view.*x.detach\(\)"):
                view.detach_()
            assert view.requires_grad is x.requires_grad
        assert x.detach_() is x
        assert x.is_leaf


def test_size_is_a_number_and_tells_the_lengths() -> None:
    x = mg.zeros(4, 3)
    assert isinstance(x.size, int)
    assert (x.size, x.size(), x.size(0), x.size(-1)) == (12, (4, 3), 4, 3)
    assert x.view(x.size(0), -1).shape == (4, 3)
    assert x.reshape(x.size).shape == (12,)
    assert mg.tensor(1.0).size() == ()
    with pytest.raises(IndexError, match="size"):
        x.size(2)
    with pytest.raises(IndexError, match="0 dimensions"):
        mg.tensor(1.0).size(0)


def test_other_names_of_element_types() -> None:
    assert (mg.float, mg.double, mg.long) == (mg.float32, mg.float64, mg.int64)
    x = mg.tensor([1.5, -2.5])
    assert x.type(mg.long).tolist() == [1, -2]
    assert mg.tensor([1, 2]).type_as(x).dtype == mg.float32
    assert x.is_floating_point()
    assert not x.long().is_floating_point()
    with pytest.raises(DTypeError, match="float32, float64, int64 or bool"):
        x.type("torch.HalfTensor")


def test_questions_of_programs_written_for_pytorch() -> None:
    x = mg.zeros(2, 3)
    assert x.nelement() == 6
    assert x.is_cuda is False
    assert mg.is_tensor(x)
    assert not mg.is_tensor(x.numpy())
