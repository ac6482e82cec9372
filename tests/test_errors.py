"""Errors: their kinds, that they name the operation, the argument, what came, what was expected and the remedy, and
that a call which fails changes nothing."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import errors, nn, optim
from minigrad.errors import AxisError, DTypeError, GradError, LabelError, MinigradError, ShapeError, message


def leaf(*numbers):
    return mg.tensor(numbers, dtype=mg.float64, requires_grad=True)


# -- kinds -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "also"),
    [
        (ShapeError, (RuntimeError, ValueError)),
        (DTypeError, (RuntimeError, TypeError)),
        (errors.DeviceError, (RuntimeError, ValueError)),
        (GradError, (RuntimeError,)),
        (AxisError, (IndexError, ValueError)),
        (LabelError, (IndexError, ValueError)),
        (errors.OutOfMemory, (MemoryError, RuntimeError)),
    ],
)
def test_clauses_written_for_pytorch_and_numpy_catch_ours(kind, also):
    for other in (MinigradError, *also):
        assert issubclass(kind, other)


def test_layout_of_a_message():
    assert message("add", "y", "3", "4", "Write 4.") == "add: argument y: got 3, expected 4. Write 4."
    assert message("add", "", "3", "4") == "add: got 3, expected 4."


# -- shapes, dimensions and types --------------------------------------------------------------------------------------

A, V = mg.ones(2, 3), mg.ones(4)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: mg.sum([1.0, 2.0]), DTypeError, r"^sum: argument input: got a list, expected a tensor\. Wrap it: minigrad\.tensor"),
        (lambda: mg.mean([V, V], axis=0), DTypeError, r"^mean: argument input: got a list, .*minigrad\.mean\(minigrad\.stack\(list\)\)"),
        (lambda: mg.argmax(3.0), DTypeError, r"^argmax: argument input: got a float"),
        (lambda: A + V, ShapeError, r"^add: got shapes \(2, 3\) and \(4,\), expected .*dimension -1: 3 and 4"),
        (lambda: mg.ones(4, 3) * V, RuntimeError, r"^mul: got shapes .*v\.unsqueeze\(1\)"),
        (lambda: mg.where(A > 0, A, V), ShapeError, r"^where: got shapes"),
        (lambda: A @ A, ShapeError, r"^matmul: got shapes \(2, 3\) and \(2, 3\).*x @ y\.T has shape \(2, 2\)"),
        (lambda: mg.ones(3, 2) @ mg.ones(3, 4), ShapeError, r"x\.T @ y has shape \(2, 4\)"),
        (lambda: A @ mg.tensor(1.0), ShapeError, r"expected vectors or matrices.*x \* y"),
        (lambda: F.linear(A, mg.ones(5, 4)), ShapeError, r"^linear: argument input: .*in_features=3"),
        (lambda: F.linear(mg.ones(2, 2, 2), mg.ones(5, 4)), ShapeError, r"Flatten the input"),
        (lambda: F.linear(A, mg.ones(5, 3), mg.ones(4)), ShapeError, r"^linear: argument bias: got shape \(4,\)"),
        (lambda: F.linear(A, mg.ones(5, 3).double()), DTypeError, r"^linear: argument input: got dtype float32"),
        (lambda: A.reshape(4, -1), ShapeError, r"^reshape: argument shape: got \(4, -1\).*6 elements"),
        (lambda: A.reshape(-1, -1), ShapeError, r"-1 at most once"),
        (lambda: A.reshape(7), ShapeError, r"got \(7,\), which holds 7 elements, expected 6 elements, as in \(2, 3\)"),
        (lambda: A.reshape(2.5), TypeError, r"^reshape: argument shape: got \(2.5,\), expected ints"),
        (lambda: A.expand(2, 4), ShapeError, r"^expand: argument shape: got \(2, 4\).*\(2, 3\) broadcasts to"),
        (lambda: A.expand(-1, 2, 3), ShapeError, r"^expand: argument shape: got \(-1, 2, 3\)"),
        (lambda: A.expand(3), ShapeError, r"expected at least the 2 dimensions"),
        (lambda: A.sum(2), AxisError, r"^sum: argument dim: got 2, expected a dimension in \[-2, 1\]"),
        (lambda: A.sum((0, -2)), AxisError, r"^sum: argument dim: got \(0, -2\), expected each dimension once"),
        (lambda: A.mean(1.5), TypeError, r"^mean: argument dim: got 1.5, expected an int"),
        (lambda: A.sum(axis=0, dim=0), TypeError, r"both dim and axis"),
        (lambda: A.sum(dimension=0), TypeError, r"unexpected keyword argument 'dimension'.*dim \(or axis\)"),
        (lambda: A.permute(0, 0), IndexError, r"^permute: argument dims"),
        (lambda: A.flatten(1, 0), AxisError, r"^flatten: argument start_dim: got 1"),
        (lambda: V.mT, ShapeError, r"^mT: got shape \(4,\), expected at least 2 dimensions"),
        (lambda: mg.zeros(0, 3).amax(0), ShapeError, r"^amax: argument input: got shape \(0, 3\)"),
        (lambda: mg.zeros(0).max(), ShapeError, r"An extremum of nothing"),
        (lambda: A.softmax(), TypeError, r"^softmax: argument dim: got nothing.*softmax\(x, -1\)"),
        (lambda: A.softmax(2), IndexError, r"^softmax: argument dim: got 2"),
        (lambda: mg.ones(2, dtype=mg.int64).mean(), DTypeError, r"^mean: .*int64, expected floats.*float\(\)\.mean"),
        (lambda: mg.where(A, A, A), DTypeError, r"^where: argument condition: got dtype float32, expected bool"),
        (lambda: -(A > 0), DTypeError, r"^neg: got dtype bool, .*logical_not function.*x\.float\(\)"),
        (lambda: mg.tensor([2]) ** -1, DTypeError, r"^pow: got dtype int64, .*negative integer powers.*x\.float\(\)"),
        (lambda: mg.relu(None), TypeError, r"^relu: argument x: got .*None"),
        (lambda: A[2], IndexError, r"^getitem: argument index: got 2 .*\(2, 3\)"),
        (lambda: A[A], AxisError, r"^getitem: argument index: got a float32 tensor.*index\.long\(\)"),
        (lambda: mg.tensor(1.0).split(1), AxisError, r"^split: argument input: got a scalar.*x\.reshape\(1\)"),
        (lambda: mg.tensor(1.0).index_select(0, mg.tensor([0])), AxisError, r"^index_select: argument input: got a scalar"),
        (lambda: mg.isclose(A, V), ShapeError, r"^isclose: got shapes \(2, 3\) and \(4,\)"),
        (lambda: mg.allclose(A, V), ShapeError, r"^isclose: got shapes"),
        (lambda: A.long() & V.long(), ShapeError, r"^bitwise_and: got shapes \(2, 3\) and \(4,\)"),
        (lambda: mg.bincount(V), DTypeError, r"^bincount: argument input: got dtype float32.*x\.long\(\)"),
        (lambda: mg.bincount(A.long()), ShapeError, r"^bincount: argument input: got shape \(2, 3\)"),
        (lambda: mg.bincount(mg.tensor([1, -2])), ShapeError, r"^bincount: argument input: got shape \(2,\) from -2 on"),
        (lambda: mg.bincount(mg.tensor([1, 2]), V), ShapeError, r"^bincount: argument weights: got shape \(4,\)"),
        (lambda: mg.searchsorted(A, mg.ones(3, 3)), ShapeError, r"^searchsorted: argument sorted_sequence: got shape \(2, 3\)"),
        (lambda: mg.tensor(1.0).topk(1), AxisError, r"^topk: argument input: got a scalar"),
        (lambda: mg.zeros(0, 3).median(0), ShapeError, r"^median: argument input: got shape \(0, 3\)"),
        (lambda: mg.zeros(0).median(), ShapeError, r"^median: argument input: got shape \(0,\)"),
        (lambda: mg.tensor(1.0).cross(V), AxisError, r"^cross: argument input: got a scalar"),
        (lambda: mg.tensordot(V, A, 2), AxisError, r"^tensordot: argument dims"),
        (lambda: mg.einsum(A, "ij"), TypeError, r"^einsum: argument equation: got a Tensor"),
        (lambda: A.diff(dim=2), AxisError, r"^diff: argument dim: got 2, expected a dimension in \[-2, 1\]"),
        (lambda: A.split([-1, 3]), ShapeError, r"^split: argument split_sections: got \[-1, 3\].*at least 0 that sum to 2"),
        (lambda: A.tensor_split(0), ValueError, r"^tensor_split: argument indices_or_sections: got 0"),
        (lambda: mg.hstack([]), TypeError, r"^cat: argument tensors: got list, expected a list of at least one"),
        (lambda: A.rot90(1, (0, -2)), AxisError, r"^rot90: argument dims: got \(0, -2\), expected two different dimensions"),
        (lambda: A.rot90(1, (0,)), AxisError, r"^rot90: argument dims: got \(0,\)"),
        (lambda: A.repeat_interleave([1, 2, 3], 0), ShapeError, r"^repeat_interleave: argument repeats: got \[1, 2, 3\].*the 2 elements"),
        (lambda: A.repeat_interleave(-1), ShapeError, r"^repeat_interleave: argument repeats: got -1"),
        (lambda: mg.tensor(1.0).diag_embed(), AxisError, r"^diag_embed: argument input: got a scalar"),
        (lambda: A.take([[0], [1, 2]]), AxisError, r"^take: argument index: got nested lists of different lengths"),
        (lambda: A.index_add(0, mg.tensor([0]), V), ShapeError, r"^index_add: got shapes \(4,\) and \(1, 3\)"),
        (lambda: A.index_copy(0, mg.tensor([0]), V), ShapeError, r"^index_copy: got shapes \(4,\) and \(1, 3\)"),
        (lambda: A.index_fill(0, mg.tensor([0]), A), ShapeError, r"^index_fill: argument value: got shape \(2, 3\), .*\(1, 3\)"),
        (lambda: A.index_put((mg.tensor([2]),), 1.0), AxisError, r"^index_put: argument index: got .*\(2, 3\)"),
        (lambda: A.index_put((mg.tensor([2]),), 1.0, True), AxisError, r"^index_put: argument index: got .*\(2, 3\)"),
        (lambda: A[::0], AxisError, r"^getitem: argument index: got slice\(None, None, 0\).*\(2, 3\)"),
        (lambda: A[1.0:, "b"], AxisError, r"^getitem: argument index: got .*'b'"),
        (lambda: A[: 1.5], AxisError, r"^getitem: argument index: got slice\(None, 1\.5, None\)"),
        (lambda: A.long()[::0], AxisError, r"^getitem: argument index: got slice\(None, None, 0\)"),
        (lambda: A[[[0], [0, 1]]], AxisError, r"^getitem: argument index: got nested lists of different lengths"),
        (lambda: mg.tensor([[1.0], [1.0, 2.0]]), ShapeError, r"^tensor: argument data: .*same length"),
        (lambda: mg.tensor("a"), DTypeError, r"^tensor: argument data: got a str"),
        (lambda: mg.tensor(np.array(["1"]), mg.float32), TypeError, r"^tensor: argument data: .*expected numbers"),
        (lambda: mg.tensor(np.array([1j]), dtype=mg.float32), DTypeError, r"^tensor: argument data: .*complex128"),
        (lambda: mg.tensor(np.array([2**63], np.uint64)), DTypeError, r"uint64 beyond the range of int64"),
        (lambda: mg.from_numpy([1.0]), TypeError, r"^from_numpy: argument array: got a list.*minigrad\.tensor"),
        (lambda: mg.Tensor([1.0]), TypeError, r"minigrad\.tensor\(data"),
        (lambda: optim.SGD([], lr=0.1), ValueError, r"optimizer got an empty parameter list"),
        (lambda: optim.Adam(iter(())), ValueError, r"optimizer got an empty parameter list"),
        (lambda: F.dropout(A, 1.5), ValueError, r"^dropout: argument p: got 1.5.*between 0 and 1, but got 1.5"),
        (lambda: F.dropout(A, float("nan")), ValueError, r"^dropout: argument p: got nan"),
        (lambda: nn.Dropout(-0.1), ValueError, r"dropout probability has to be between 0 and 1, but got -0.1"),
    ],
)
def test_errors_name_what_came_and_what_helps(call, error, text):
    with pytest.raises(error, match=text):
        call()


X, Y, ONE = mg.zeros(2, 3), mg.tensor([0, 1]), mg.ones(1)
BCE_LOGITS = F.binary_cross_entropy_with_logits


@pytest.mark.parametrize(
    ("loss", "operands", "keywords", "error", "text"),
    [
        (F.cross_entropy, (X, mg.tensor([0, 3])), {}, LabelError, r"label 3 at index \[1\].*0 to 2.*start at 0"),
        (F.cross_entropy, (X, mg.tensor([-1, 0])), {}, IndexError, r"label -1 at index \[0\].*ignore_index"),
        (F.cross_entropy, (X, mg.tensor([[0], [1]])), {}, ShapeError, r"target: got shape \(2, 1\).*squeeze"),
        (F.cross_entropy, (X, mg.zeros(2, 3).long()), {}, ShapeError, r"target: got shape \(2, 3\).*one-hot rows.*to\(input\.dtype\)"),
        (F.cross_entropy, (X, mg.zeros(2)), {}, DTypeError, r"target: .*float32.*target\.long\(\)"),
        (F.cross_entropy, (Y, X), {}, DTypeError, "input: .*exchanged"),
        (F.cross_entropy, (mg.tensor(0.0), mg.tensor(0)), {}, ShapeError, "input: got a scalar"),
        (F.cross_entropy, (X, Y), {"weight": mg.ones(2)}, ShapeError, "weight: .*per class"),
        (F.cross_entropy, (X, Y), {"weight": [1, 1, 1]}, TypeError, "weight: got a list"),
        (F.cross_entropy, (X, X), {"ignore_index": 1}, ValueError, "ignore_index: got 1"),
        (F.cross_entropy, (X, Y), {"label_smoothing": 2}, ValueError, "label_smoothing: got 2"),
        (F.cross_entropy, (X, Y), {"size_average": True}, ValueError, "reduction='mean'"),
        (F.nll_loss, (mg.zeros(2, 3, 2), mg.tensor([[0, 0], [7, 0]])), {}, ValueError, r"label 7 at index \[1, 0\]"),
        (F.nll_loss, (X, X), {}, DTypeError, "target: got probabilities"),
        (F.smooth_l1_loss, (X, X), {"beta": -1.0}, ValueError, "beta: got -1.0"),
        (F.huber_loss, (X, X), {"delta": 0.0}, ValueError, "delta: got 0.0"),
        (F.mse_loss, (Y, Y), {}, DTypeError, r"input: got dtype int64.*\.float\(\)"),
        (F.binary_cross_entropy, (1.5 * ONE, ONE), {}, ValueError, "input: got 1.5.*sigmoid"),
        (F.binary_cross_entropy, (ONE, ONE), {"weight": mg.ones(3)}, ShapeError, "weight: got shape"),
        (BCE_LOGITS, (ONE, ONE), {"pos_weight": mg.ones(3)}, ShapeError, "pos_weight: got shape"),
        (BCE_LOGITS, (ONE, ONE), {"pos_weight": mg.ones(1, dtype=mg.float64)}, DTypeError, "pos_weight: got dtype"),
    ],
)
def test_errors_say_what_and_how(loss, operands, keywords, error, text):
    with pytest.raises(error, match=text):
        loss(*operands, **keywords)


# -- integers have no gradient -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [mg.int64, mg.bool], ids=str)
def test_integers_that_ask_for_a_gradient(dtype):
    for ask in (
        lambda: mg.tensor([1, 0], dtype=dtype, requires_grad=True),
        lambda: mg.ones(2, dtype=dtype).requires_grad_(),
        lambda: nn.Parameter(mg.ones(2, dtype=dtype)),
        lambda: setattr(mg.ones(2, dtype=dtype), "requires_grad", True),
    ):
        with pytest.raises(DTypeError, match=r"requires_grad: got True for dtype (int64|bool), expected floats.*1\.0"):
            ask()
    x = mg.ones(2, dtype=dtype)
    assert x.requires_grad_(False) is x


# -- in place ----------------------------------------------------------------------------------------------------------

W = leaf(1.0, 2.0)


@pytest.mark.parametrize(
    ("write", "error", "text"),
    [
        (lambda x: W.__iadd__(1.0), GradError, r"^\+=: got a leaf that requires a gradient.*no_grad\(\)"),
        (lambda x: W.__imul__(W), GradError, r"^\*=: got a leaf"),
        (lambda x: W.zero_(), GradError, r"^zero_: got a leaf that requires a gradient.*no_grad\(\)"),
        (lambda x: W.__setitem__(0, 9.0), GradError, r"^setitem: .*no_grad\(\)"),
        (lambda x: x.copy_(mg.ones(3)), ShapeError, r"^copy_: argument value: got shape \(3,\).*\(2,\)"),
        (lambda x: x.__iadd__(mg.ones(2, 2)), ShapeError, r"^\+=: argument value: got shape \(2, 2\)"),
        (lambda x: x.__setitem__(5, 1.0), AxisError, r"^setitem: argument index: got 5"),
        (lambda x: x.__setitem__(slice(None, None, 0), 1.0), AxisError, r"^setitem: argument index: got slice"),
        (lambda x: x.__setitem__(slice(1.0), 1.0), AxisError, r"^setitem: argument index: got slice"),
        (lambda x: x.__setitem__(slice(None), [1, 2, 3]), ShapeError, r"^setitem: argument value: got shape \(3,\).*\(2,\)"),
        (lambda x: x.__setitem__(0, "a"), DTypeError, r"^setitem: argument value: got dtype <U1"),
        (lambda x: (W * 1).__setitem__(0, "1.5"), DTypeError, r"^setitem: argument value: got dtype <U3"),
        (lambda x: (W * 1).__setitem__(0, None), DTypeError, r"^setitem: argument value: got dtype object"),
        (lambda x: (W * 1).__setitem__(0, 1j), DTypeError, r"^setitem: argument value: got dtype complex128"),
        (lambda x: x.__setitem__(0, [[1.0], [1.0, 2.0]]), ShapeError, r"^setitem: argument value: got nested lists"),
        (lambda x: x.fill_([[1.0], [1.0, 2.0]]), ShapeError, r"^fill_: argument value: got nested lists"),
        (lambda x: x.long().__iadd__(1.5), DTypeError, r"^\+=: argument value: got dtype float32, .*int64"),
        (lambda x: mg.tensor(1).fill_(1.5), DTypeError, r"^fill_: argument value: got dtype float64, .*int64"),
        (lambda x: mg.tensor(1.0).expand(3).fill_(1.0), ShapeError, r"^fill_: got a view .*share memory.*clone\(\)"),
        (lambda x: setattr(x, "data", [1.0]), TypeError, r"^data: argument value: got a list"),
    ],
)
def test_writing_that_is_refused_changes_nothing(write, error, text):
    x = mg.tensor([5.0, 6.0])
    with pytest.raises(error, match=text):
        write(x)
    assert (x.tolist(), W.tolist(), W.is_leaf, W.requires_grad, W.grad) == ([5.0, 6.0], [1.0, 2.0], True, True, None)


# -- backward ----------------------------------------------------------------------------------------------------------


def test_a_failed_backward_changes_nothing():
    x = leaf(1.0, 2.0)
    y = x * x
    with pytest.raises(GradError, match=r"^backward: got a tensor of shape \(2,\), expected a scalar.*sum\(\)"):
        y.backward()
    with pytest.raises(ShapeError, match=r"^backward: argument gradient: got shape \(3,\).*\(2,\)"):
        y.backward(mg.ones(3))
    assert x.grad is None
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 4.0])
    with pytest.raises(GradError, match=r"^backward: the tensor does not require a gradient.*requires_grad=True"):
        x.detach().sum().backward()


def test_all_leaves_change_or_none():
    """b has a gradient from when it was longer; a comes first, and must not have changed when that shows."""
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    short, b.data = b.data, mg.zeros(7, dtype=mg.float64)
    b.grad, b.data = mg.ones(7, dtype=mg.float64), short
    loss = (a * b).sum()
    with pytest.raises(ShapeError, match=r"^add: got shapes \(7,\) and \(2,\)"):
        loss.backward()
    assert a.grad is None


def test_a_hook_that_fails_leaves_recording_on():
    x = leaf(1.0)
    y = x * 2.0

    def failing(g):
        raise KeyError("mine")

    y.register_hook(failing)
    with pytest.raises(KeyError, match="mine"):
        y.backward()
    assert mg.is_grad_enabled()
    assert x.grad is None
    with pytest.raises(GradError, match=r"^register_hook: got a tensor without requires_grad"):
        x.detach().register_hook(failing)


@pytest.mark.parametrize(
    ("hook", "error", "text"),
    [
        (lambda g: g.sum(), ShapeError, r"got shape \(\) of float64"),
        (lambda g: g.expand(1, 2), ShapeError, r"got shape \(1, 2\) of float64"),
        (lambda g: g.float(), DTypeError, r"got shape \(2,\) of float32"),
        (lambda g: g.tolist(), DTypeError, r"got a list"),
        (lambda g: 2.0, DTypeError, r"got a float"),
    ],
)
def test_a_hook_that_returns_no_gradient(hook, error, text):
    x = leaf(1.0, 2.0)
    y = x * 2.0
    y.register_hook(hook)
    expected = r", expected None, or a tensor of the gradient's shape \(2,\) of float64"
    with pytest.raises(error, match=r"^backward: hook <lambda> on the result of mul: " + text + expected):
        (y * y).sum().backward()
    assert x.grad is None


def test_a_hook_without_a_name_is_called_by_its_class():
    class Halve:
        def __call__(self, g):
            return g[:1]

    y = leaf(1.0, 2.0) * 2.0
    y.register_hook(Halve())
    with pytest.raises(ShapeError, match="hook Halve on the result of mul"):
        y.sum().backward()
    with pytest.raises(TypeError, match=r"^register_hook: argument hook: got a float, expected a function"):
        y.register_hook(1.0)


# -- mistakes that are not errors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (lambda x: F.cross_entropy(x.softmax(1), mg.tensor([0, 1])), r"^cross_entropy: argument input: got the result of softmax.*Pass the scores"),
        (lambda x: nn.CrossEntropyLoss()(nn.Softmax(1)(x).reshape(2, 2, 1)[:, :, 0], mg.eye(2)), "got the result of softmax"),
        (lambda x: F.cross_entropy(mg.sigmoid(x), mg.tensor([0, 1])), "got the result of sigmoid"),
        (lambda x: F.nll_loss(x.softmax(1), mg.tensor([0, 1])), r"^nll_loss: .*Write log_softmax in its place"),
        (lambda x: nn.BCEWithLogitsLoss()(mg.sigmoid(x).T, mg.eye(2)), r"^binary_cross_entropy_with_logits: .*result of sigmoid"),
    ],
)
def test_a_loss_says_that_it_has_the_softmax_in_itself(loss, text):
    with pytest.warns(UserWarning, match=text) as caught:
        loss(mg.tensor([[1.0, 2.0], [0.5, 0.1]], requires_grad=True))
    assert caught[0].filename == __file__


def test_scores_and_log_probabilities_are_taken_without_a_word():
    x = mg.tensor([[1.0, 2.0], [0.5, 0.1]], requires_grad=True)
    F.cross_entropy(x * x.softmax(1), mg.tensor([0, 1])).backward()
    F.nll_loss(x.log_softmax(1), mg.tensor([0, 1])).backward()
    F.binary_cross_entropy(x.sigmoid(), mg.eye(2)).backward()


def test_tensors_in_a_list_lose_their_history_aloud():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.warns(UserWarning, match=r"^tensor: argument data: .*minigrad\.stack\(\[x, y\]\) keeps their history"):
        assert not mg.tensor([x[0] * x[1], x[1]]).requires_grad
    assert mg.tensor([x.detach()[0], 3.0]).tolist() == [1.0, 3.0]
    with pytest.raises(GradError, match=r"a list of tensors becomes one by minigrad\.stack"):
        np.array([x[0] * x[1], x[1]])


def descend(rounds, between, optimizer=None):
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    sgd = optim.SGD([w], lr=0.1) if optimizer is None else optimizer([w])
    for _ in range(rounds):
        (w * w).sum().backward()
        sgd.step()
        between(sgd, w)


def test_a_forgotten_zero_grad_is_noticed_at_the_second_step():
    with pytest.warns(UserWarning, match=r"^SGD\.step: .*still hold those of the step before.*zero_grad\(\)") as caught:
        descend(4, lambda sgd, w: None)
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "clear",
    [
        lambda sgd, w: sgd.zero_grad(),
        lambda sgd, w: sgd.zero_grad(set_to_none=False),
        lambda sgd, w: w.grad.zero_(),
        lambda sgd, w: setattr(w, "grad", None),
    ],
)
def test_every_way_to_clear_gradients_is_known(clear):
    descend(3, clear)


def test_adding_up_over_batches_and_two_optimizers_in_turn_are_no_mistakes():
    a, b = (mg.tensor([x], requires_grad=True) for x in (1.0, 2.0))
    first, second = optim.SGD([a], lr=0.1), optim.Adam([b])
    for _ in range(3):
        first.zero_grad()
        for _ in range(2):
            (a * b).sum().backward()
        first.step()
        second.zero_grad()
        (a * b).sum().backward()  # adds to a.grad, which nobody uses
        second.step()


@pytest.mark.parametrize(
    ("get", "text"),
    [
        (lambda: A.astype, r"'Tensor' object has no attribute 'astype'\. Write x\.to\(minigrad\.float64\)"),
        (lambda: A.copy(), r"no attribute 'copy'\. Write x\.clone\(\)"),
        (lambda: mg.qqq, r"no attribute 'qqq'$"),
        (lambda: mg.concatenat, r"Is concatenate or concat meant"),
    ],
)
def test_names_of_other_libraries_and_slips_of_the_pen(get, text):
    with pytest.raises(AttributeError, match=text):
        get()


def test_no_attribute_of_a_tensor_takes_a_detour():
    """With a __getattr__ in the class, CPython looks up each of them by a slower way."""
    assert not hasattr(mg.Tensor, "__getattr__")
    assert not hasattr(mg.ones(1), "astype")


@pytest.mark.parametrize(
    ("gradient", "error", "message"),
    [
        (mg.ones(3), ShapeError, r"^grad: argument value: got shape \(3,\) of float32, expected None, or a tensor of the shape \(2,\) of float64"),
        (mg.ones(2), DTypeError, r"^grad: argument value: got shape \(2,\) of float32"),
        (np.ones(2), DTypeError, r"^grad: argument value: got a ndarray.*Wrap it: minigrad.tensor"),
        (1.0, DTypeError, r"^grad: argument value: got a float"),
    ],
)
def test_a_gradient_that_is_assigned_must_fit(gradient, error, message):
    x = leaf(1.0, 2.0)
    x.grad = before = mg.ones_like(x)
    with pytest.raises(error, match=message):
        x.grad = gradient
    assert x.grad is before
    x.grad = None
    assert x.grad is None


def test_no_word_is_lost_where_a_computed_tensor_keeps_its_gradient():
    x = leaf(1.0, 2.0)
    kept, named = x * 2.0, x * 3.0
    kept.retain_grad()
    assert kept.grad is None
    (kept.sum() + named.sum()).backward(inputs=[named])
    assert (kept.grad, named.grad.tolist(), x.grad) == (None, [1.0, 1.0], None)
    assert mg.tensor([1, 2]).grad is None
