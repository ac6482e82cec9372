"""x[i] = v as part of the tape."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import GradError, ShapeError
from minigrad.testing import gradcheck, gradgradcheck


def leaf(*numbers):
    return mg.tensor(numbers, dtype=mg.float64, requires_grad=True)


INDICES = [
    1, -1, slice(0, 2), slice(None, None, -2), Ellipsis, np.array([0, 2]), np.array([True, False, True]), [2, 0], mg.tensor([1]),
    np.array([2, 0, 2]), ((1, 1),),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_gradients_of_what_stays_and_of_what_comes(index):
    def function(x, v):
        y = x * 2.0
        before = y.sum()
        y[index] = v
        return before + (y * mg.tensor([3.0, 5.0, 7.0], dtype=mg.float64)).sum() + y.exp().sum()

    for value in (leaf(0.5), mg.tensor(0.5, dtype=mg.float64, requires_grad=True)):
        gradcheck(function, [leaf(0.1, 0.2, 0.3), value])
        gradgradcheck(function, [leaf(0.1, 0.2, 0.3), value])


def test_of_several_for_one_place_the_last_stays():
    """However index and value lie in memory, by which NumPy goes."""
    index = np.zeros((2, 3), np.int64)
    for at in (index, index[::-1, ::-1]):
        for numbers in (np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3)[::-1, ::-1]):
            value = mg.from_numpy(numbers).requires_grad_()
            written = mg.zeros(1, dtype=mg.float64)
            written[at] = value
            for out in (written, mg.index_put(mg.zeros(1, dtype=mg.float64), (at,), value)):
                assert out.tolist() == [numbers[-1, -1]]
                (dvalue,) = mg.autograd.grad(out, [value], mg.ones(1, dtype=mg.float64))
                assert dvalue.tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def test_a_tensor_without_gradient_takes_one_in():
    rows, w = mg.zeros(3, 2), mg.tensor([1.0, 2.0], requires_grad=True)
    for i in range(3):
        rows[i] = w * float(i)
    assert rows.requires_grad
    (rows * rows).sum().backward()
    assert w.grad.tolist() == [10.0, 20.0]  # sum of 2 i^2 w


def test_augmented_assignment_to_an_element():
    x = mg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = x * 1.0
    y[0] += x[1]
    y[:, 1] *= 3.0
    y.sum().backward()
    assert y.tolist() == [[4.0, 18.0], [3.0, 12.0]]
    assert x.grad.tolist() == [[1.0, 3.0], [2.0, 6.0]]


def test_another_type_is_cast():
    x, v = mg.zeros(2), leaf(1.5)
    x[0] = v
    x.sum().backward()
    assert (x.dtype, v.grad.dtype, v.grad.tolist()) == (mg.float32, mg.float64, [1.0])


def test_what_needs_the_old_value_is_told():
    x = leaf(1.0, 2.0)
    y = x * 1.0
    z = y * y
    y[0] = 5.0
    with pytest.raises(GradError, match=r"mul reads its input . of shape \(2,\), which x\[\.\.\.\] = y has overwritten since"):
        z.sum().backward()


def test_what_cannot_be_recorded_is_refused_and_changes_nothing():
    x = leaf(1.0, 2.0)
    with pytest.raises(GradError, match=r"^setitem: got a leaf that requires a gradient.*no_grad.*clone"):
        x[0] = 3.0
    y = x * 1.0
    node = y.node
    with pytest.raises(ShapeError, match=r"^setitem: argument value: got shape \(3,\)"):
        y[:] = leaf(1.0, 2.0, 3.0)
    assert (x.tolist(), y.tolist(), y.node) == ([1.0, 2.0], [1.0, 2.0], node)
    with mg.no_grad():
        x[0] = 3.0
    assert x.tolist() == [3.0, 2.0]
    assert x.is_leaf


def test_a_single_number_is_a_view_as_any_part_is():
    x = mg.zeros(2, 3)
    x[0, 1].add_(5.0)
    x[-1][2].fill_(7.0)
    x[np.int64(1), 0].sub_(1.0)
    assert x.tolist() == [[0.0, 5.0, 0.0], [-1.0, 0.0, 7.0]]
    w = mg.tensor(2.0, requires_grad=True)
    x[0, 1].add_(w)
    x[0].sum().backward()
    assert (x[0, 1].item(), w.grad.item()) == (7.0, 1.0)


def test_a_part_of_integers_is_a_view_too():
    x = mg.zeros(2, 3).long()
    x[0, 1].fill_(5)
    x[1][2].add_(4)
    x.reshape(-1)[:1].fill_(9)
    x.T[0, 1].fill_(7)
    flags = x > 100
    flags[1, 1].fill_(True)
    assert (x.tolist(), flags.tolist()) == ([[9, 5, 0], [7, 0, 4]], [[False] * 3, [False, True, False]])


def test_an_element_that_is_updated_is_written_once():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = x * 1.0
    y[0] += w[1]
    (node,) = [p for p in y.node.parents if p is not None and p.op.name == "setitem"] or [None]
    assert (node, y.tolist()) == (None, [5.0, 2.0])
    y.sum().backward()
    assert (x.grad.tolist(), w.grad.tolist()) == ([1.0, 1.0], [0.0, 1.0])
