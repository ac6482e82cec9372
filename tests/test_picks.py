"""x[index], by whatever way an index takes: as a view, by a kernel, or by NumPy."""

from itertools import product

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import LabelError, ShapeError
from minigrad.nn import functional as F

ROWS, COLS = np.array([3, 0, -1, 3]), np.array([1, -3, 0, 1])

VIEWS = [
    0, -1, (2, 1), (-1, -1), slice(1, 3), slice(None, None, -2), slice(2, 2), (slice(None), 0), (slice(None), slice(1, 3)),
    (slice(1, 9), -1), Ellipsis, None, (Ellipsis, None), (None, 1), (1, None), (slice(None, None, -1), slice(2, None, -1)), (),
    (Ellipsis, 1), (slice(0, 0), 1),
]  # fmt: skip
PICKS = [
    ROWS, ROWS.astype(np.int32), ROWS.astype(np.uint8) % 4, ROWS.tolist(), ROWS.reshape(2, 2), ROWS[::-1],
    np.zeros(0, np.int64), [], (ROWS,), (ROWS, COLS), (ROWS[:, None], COLS), (ROWS, 1),
    (-1, COLS), (slice(None), COLS), (slice(1, 3), COLS),
    (ROWS, slice(None, None, -1)), (Ellipsis, COLS), (ROWS, Ellipsis), (ROWS, None), (None, ROWS),
    (np.int64(1), COLS), (np.zeros(0, np.int64), 1),
]  # fmt: skip
MASKS = [
    np.array([True, False, True, False]), (slice(None), np.array([True, False, True])), np.arange(12).reshape(4, 3) % 2 == 0,
    True, np.zeros(4, bool),
]  # fmt: skip
OUTSIDE = [
    4, -5, (0, 3), ROWS + 1, (ROWS, COLS + 2), (0, COLS - 1), (slice(None), COLS + 2), (ROWS, 3), 10**30, (10**30, ROWS),
]  # fmt: skip
NONE = [(ROWS, COLS[:3]), (Ellipsis, ROWS, Ellipsis), (ROWS, 0, 0), 1.5, np.array([1.0]), np.ones(3, bool)]


def given(dtype):
    """Matrices of 4 x 3 that lie in memory in different ways."""
    x = np.arange(12.0).reshape(4, 3)
    kinds = [x, x.T.copy().T, np.stack([x, x], -1)[..., 0], x[::-1, ::-1], np.repeat(x[:1], 4, 0)]
    return [kind % 2 == 0 if dtype is bool else kind.astype(dtype) for kind in kinds]


def same(made, expected):
    """In what NumPy sees, and in what C reads by the address."""
    assert (made.dtype, made.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(made.numpy(), expected)
    np.testing.assert_array_equal(made.clone().numpy(), expected)


def as_tensors(index):
    """The index with tensors in the place of arrays."""
    if isinstance(index, tuple):
        return tuple(map(as_tensors, index))
    return mg.tensor(index) if isinstance(index, np.ndarray) else index


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", bool])
@pytest.mark.parametrize("index", [*VIEWS, *PICKS, *MASKS], ids=str)
def test_what_is_at_an_index(index, dtype):
    for array in given(dtype):
        for at in (index, as_tensors(index)):
            same(mg.from_numpy(array)[at], array[index])


@pytest.mark.parametrize("index", [*VIEWS, *PICKS, *MASKS], ids=str)
def test_the_gradient_goes_back_to_where_it_was(index):
    for array in given("f8"):
        x, expected = mg.from_numpy(array).requires_grad_(), np.zeros((4, 3))
        g = np.arange(1.0, array[index].size + 1).reshape(array[index].shape)
        x[as_tensors(index)].backward(mg.tensor(g))
        np.add.at(expected, index, g)
        np.testing.assert_array_equal(x.grad.numpy(), expected)


@pytest.mark.parametrize("index", VIEWS, ids=str)
def test_a_view_is_written_into_by_its_address(index):
    for array in given("f4")[:4]:
        x = mg.from_numpy(array.copy("K"))
        part = x[index]
        part.fill_(-1.0)
        expected = array.copy()
        expected[index] = -1.0
        np.testing.assert_array_equal(x.numpy(), expected)


def test_dimensions_of_length_1_have_no_stride_of_their_own():
    """NumPy's new dimensions have stride 0, although such memory is contiguous."""
    x = mg.tensor([10.0, 11.0, 12.0], requires_grad=True)
    for column in (x[:, None], x[None, :, None][0], x.reshape(3, 1)):
        found = column[mg.tensor([2, 1, 2]), mg.tensor([0, 0, -1])]
        assert found.tolist() == [12.0, 11.0, 12.0]
    found.sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("index", OUTSIDE, ids=str)
def test_what_is_out_of_range(index):
    x = mg.zeros(4, 3)
    for at in (index, as_tensors(index)):
        with pytest.raises(IndexError, match=r"^getitem: argument index: got .* an index into shape \(4, 3\)"):
            x[at]


@pytest.mark.parametrize("index", NONE, ids=str)
def test_what_is_no_index(index):
    x = mg.zeros(4, 3)
    for at in (index, as_tensors(index)):
        with pytest.raises(IndexError, match=r"^getitem: argument index: got "):
            x[at]


def test_nothing_is_picked_from_nothing():
    x = mg.zeros(0, 3)
    same(x[mg.zeros(0, dtype=mg.int64)], np.zeros((0, 3), "f4"))
    same(x[:, mg.tensor([2, 0])], np.zeros((0, 2), "f4"))
    with pytest.raises(IndexError, match="getitem"):
        x[mg.tensor([0])]


def test_three_dimensions_taken_together():
    array = np.arange(60).reshape(3, 4, 5)
    i, j, k = np.array([2, 0]), np.array([[1], [-1]]), np.array([4, -5])
    several = [(i, j, k), (i, j), (slice(None), j, k), (1, j, k), (i, -1, k), (i, slice(None), k)]
    for x, numbers in product((array, array.T.copy().T), several):
        same(mg.from_numpy(x)[as_tensors(numbers)], x[numbers])


def test_along_a_dimension():
    x, at = np.arange(12.0).reshape(4, 3), np.array([[2], [0], [-1], [1]])
    for array in (x, x.T.copy().T):
        made = mg.from_numpy(array)
        same(made.gather(1, mg.tensor(at)), np.take_along_axis(x, at, 1))
        same(made.take_along_dim(mg.tensor(at[:1]), 1), np.take_along_axis(x, np.repeat(at[:1], 4, 0), 1))
        same(mg.take(made, mg.tensor(at)), np.take(x, at))
        same(mg.index_select(made, 1, mg.tensor([-1, 0])), x[:, [-1, 0]])
        put = x.copy()
        np.put_along_axis(put, at, 7.0, 1)
        same(made.scatter(1, mg.tensor(at), 7.0), put)
        same(made.scatter(1, mg.tensor(at), mg.full((4, 1), 7.0, dtype=mg.float64)), put)
    for wrong in (3, -4):
        with pytest.raises(LabelError, match=rf"gather: argument index: got {wrong}, expected numbers in \[-3, 2\]"):
            mg.from_numpy(x).gather(1, mg.tensor(at * 0 + wrong))


def test_along_no_dimension_the_whole_is_a_row():
    x = mg.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert mg.take_along_dim(x, mg.tensor([3, 0])).tolist() == mg.take(x, mg.tensor([3, 0])).tolist() == [4.0, 1.0]


@pytest.mark.parametrize("classes", [3, 6000])
def test_one_hot_of_few_and_of_many_classes(classes):
    labels = mg.tensor([[classes - 1, 0], [1, 1]])
    for given in (classes, -1):
        rows = F.one_hot(labels, given)
        assert (rows.dtype, rows.shape) == (mg.int64, (2, 2, classes))
        np.testing.assert_array_equal(rows.numpy(), labels.numpy()[..., None] == np.arange(classes))


def test_what_is_expanded_shares_memory_and_is_not_written():
    numbers = np.arange(6.0)
    for array in (numbers, numbers[::2], np.zeros((0, 1)), numbers[:, None], numbers.reshape(2, 3).T, np.array(2.0)):
        x = mg.from_numpy(array)
        for full in ((2, *array.shape), array.shape):
            made = x.expand(full)
            same(made, np.broadcast_to(x.numpy(), full))
            with pytest.raises(ShapeError, match="a view whose elements share memory"):
                made.fill_(1.0)
    same(mg.ones(2, 1).expand(3, -1, 4), np.ones((3, 2, 4), "f4"))
    for wrong in ((3,), (2, 3, 3), (-1, 2, 3), (1, 4), (-2, 3)):
        with pytest.raises(ShapeError, match="expand: argument shape"):
            mg.ones(2, 3).expand(*wrong)
