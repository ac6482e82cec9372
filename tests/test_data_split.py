"""Splits: who goes where, and what is refused."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import Dataset, TensorDataset, check_split, random_split, split_tail, train_test_split

if TYPE_CHECKING:
    from collections.abc import Callable

X = np.arange(20, dtype=np.float32).reshape(10, 2)
Y = np.arange(10)


class Squares(Dataset[int]):
    """A dataset that lives in no array."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __getitem__(self, index: Any) -> int:
        return int(index) ** 2

    def __len__(self) -> int:
        return self.size


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [
        ([7, 3], [7, 3]),
        ([10, 0], [10, 0]),
        ([0.8, 0.2], [8, 2]),
        ([1 / 3, 1 / 3, 1 / 3], [4, 3, 3]),
        ([0.45, 0.45, 0.1], [5, 4, 1]),
        ([0.7, 0.2, 0.1], [7, 2, 1]),
    ],
)
def test_random_split_sizes(lengths: list[float], sizes: list[int]) -> None:
    parts = random_split(TensorDataset(X, Y), lengths)
    assert [len(part) for part in parts] == sizes
    assert sorted(np.concatenate([part.indices for part in parts])) == list(range(10))


def test_random_split_is_seeded() -> None:
    def split(seed: int) -> list[list[int]]:
        generator = mg.Generator()
        generator.manual_seed(seed)
        return [part.indices.tolist() for part in random_split(TensorDataset(X, Y), [6, 4], generator)]

    assert split(1) == split(1) != split(2)
    mg.manual_seed(5)
    first = random_split(Squares(10), [6, 4])
    mg.manual_seed(5)
    assert [part.indices.tolist() for part in random_split(Squares(10), [6, 4])] == [p.indices.tolist() for p in first]


@pytest.mark.parametrize(
    ("lengths", "text"),
    [
        ([7, 4], r"got \[7, 4\], together 11, expected ints that add up to 10"),
        ([0.5, 0.4], r"got \[0.5, 0.4\], together 0.9, expected ints that add up to 10"),
        ([11, -1], r"got \[11, -1\], expected sizes or fractions of at least 0"),
        ([5.0, 5.0], r"got \[5.0, 5.0\], together 10.0, expected ints"),
        ([0.95, 0.05], r"got the fraction 0.05 of 10 samples"),
    ],
)
def test_random_split_refuses(lengths: list[float], text: str) -> None:
    with pytest.raises(ValueError, match=rf"random_split: argument lengths: {text}"):
        random_split(TensorDataset(X, Y), lengths)


@pytest.mark.parametrize(
    ("size", "arguments", "sizes"),
    [
        (10, {}, (7, 3)),
        (150, {"test_size": 0.2}, (120, 30)),
        (7, {"test_size": 0.2}, (5, 2)),
        (7, {"train_size": 0.5}, (3, 4)),
        (7, {"train_size": 2, "test_size": 0.3}, (2, 3)),
        (10, {"test_size": 3}, (7, 3)),
        (10, {"train_size": 4}, (4, 6)),
        (10, {"train_size": 0.5, "test_size": 0.25}, (5, 3)),
    ],
)
def test_train_test_split_sizes(size: int, arguments: dict[str, Any], sizes: tuple[int, int]) -> None:
    train, test = train_test_split(np.arange(size), **arguments)
    assert (len(train), len(test)) == sizes
    assert len(set(train) | set(test)) == sum(sizes)


def test_train_test_split_keeps_rows_together_and_kinds() -> None:
    x_train, x_test, y_train, y_test, z_train, z_test, l_train, l_test = train_test_split(
        X, Y, mg.tensor(X), [str(i) for i in range(10)], random_state=0
    )
    for x, y, z, names in ((x_train, y_train, z_train, l_train), (x_test, y_test, z_test, l_test)):
        assert (type(x), type(z), type(names)) == (np.ndarray, mg.Tensor, list)
        np.testing.assert_array_equal(x, X[y])
        np.testing.assert_array_equal(z.numpy(), x)
        assert names == [str(i) for i in y]
    assert type(train_test_split((1, 2, 3, 4))[0]) is tuple


def test_train_test_split_is_seeded() -> None:
    def split(**seed: Any) -> list[int]:
        rows: list[int] = train_test_split(Y, **seed)[0].tolist()
        return rows

    assert split(random_state=4) == split(random_state=4) == split(random_state=np.int64(4)) != split(random_state=5)
    generator = mg.Generator()
    generator.manual_seed(4)
    assert split(random_state=generator) == split(random_state=4)
    assert split(random_state=generator) != split(random_state=4)
    mg.manual_seed(9)
    first = split()
    mg.manual_seed(9)
    assert split(random_state=4) != first == split()


def test_train_test_split_in_order_copies() -> None:
    train, test = train_test_split(X, test_size=3, shuffle=False)
    np.testing.assert_array_equal(train, X[:7])
    np.testing.assert_array_equal(test, X[7:])
    assert not np.shares_memory(train, X)


@pytest.mark.parametrize("kind", [np.asarray, mg.tensor, list])
def test_train_test_split_stratified(kind: Callable[[Any], Any]) -> None:
    labels = np.repeat([3, 5, 8], [60, 30, 10])[np.random.default_rng(0).permutation(100)]
    train, test = train_test_split(np.arange(100), test_size=0.2, stratify=kind(labels), random_state=0)
    assert np.unique(labels[train], return_counts=True)[1].tolist() == [48, 24, 8]
    assert np.unique(labels[test], return_counts=True)[1].tolist() == [12, 6, 2]
    assert len(set(train) | set(test)) == 100
    assert np.any(np.diff(labels[test]) < 0), "classes are mixed, not sorted"


def test_stratification_rounds_by_largest_remainders() -> None:
    labels = np.repeat(["a", "b", "c"], [5, 4, 2])
    # 6 of 11 in proportion 5 : 4 : 2 are 2.73, 2.18 and 1.09; then 4 of the 5 left, 2 : 2 : 1, are 1.6, 1.6 and 0.8.
    train, test = train_test_split(labels, train_size=6, test_size=4, stratify=labels)
    assert np.unique(train, return_counts=True)[1].tolist() == [3, 2, 1]
    assert np.unique(test, return_counts=True)[1].tolist() == [2, 1, 1]


@pytest.mark.parametrize(
    ("arrays", "arguments", "error", "text"),
    [
        ((), {}, ValueError, "got no arrays"),
        ((X, Y[:9]), {}, ValueError, "got arrays of 10, 9 samples"),
        ((X, Squares(10)), {}, TypeError, "argument 1: got Squares, .*for a Dataset, use random_split"),
        ((np.array(1),), {}, ValueError, "argument 0: got a single number"),
        ((X,), {"test_size": 1.0}, ValueError, "argument test_size: got 1.0, expected a fraction"),
        ((X,), {"test_size": 10}, ValueError, "argument test_size: got 10, expected .* from 1 to 9"),
        ((X,), {"test_size": 0}, ValueError, "argument test_size: got 0"),
        ((X,), {"train_size": True}, ValueError, "argument train_size: got True"),
        ((X,), {"train_size": "half"}, ValueError, "argument train_size: got 'half'"),
        ((X,), {"train_size": 0.8, "test_size": 0.4}, ValueError, "which is 4 to test and 8 to train"),
        ((X[:1],), {}, ValueError, "which is 1 to test and 0 to train"),
        ((X,), {"random_state": "7"}, TypeError, "argument random_state: got str, expected an int"),
        ((X,), {"shuffle": False, "stratify": Y}, ValueError, "argument shuffle: got False"),
        ((X,), {"stratify": Y[:9]}, ValueError, r"argument stratify: got shape \(9,\), .*shape \(10,\)"),
        ((X,), {"stratify": Y}, ValueError, "argument stratify: got 10 classes of 1 samples or more"),
        ((X,), {"stratify": Y // 2, "test_size": 3}, ValueError, "for 7 to train and 3 to test"),
    ],
)
def test_train_test_split_refuses(arrays: Any, arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=rf"train_test_split: .*{text}"):
        train_test_split(*arrays, **arguments)


@pytest.mark.parametrize("kind", [np.array, mg.tensor, list])
def test_the_tail_is_the_last_fraction(kind: Callable[[Any], Any]) -> None:
    x, y = kind([[1.0], [2.0], [3.0], [4.0], [5.0]]), kind([1, 2, 3, 4, 5])
    (a, b, none), (c, d, _) = split_tail(x, y, None, fraction=0.3)
    assert [np.asarray(part).ravel().tolist() for part in (a, b, c, d)] == [[1, 2, 3], [1, 2, 3], [4, 5], [4, 5]]
    assert none is None


def test_split_tail_refuses() -> None:
    for fraction in (0.0, 1.0, -0.5, 0.95):
        with pytest.raises(ValueError, match=f"split_tail: argument fraction: got {fraction}, which of 5 samples leaves"):
            split_tail(np.ones(5), fraction=fraction)
    with pytest.raises(ValueError, match="split_tail: got arrays of 3, 2 samples"):
        split_tail(np.ones(3), np.ones(2), fraction=0.5)


@pytest.mark.parametrize(
    ("train", "test", "classes", "problem"),
    [
        ([0, 0, 1, 1], [1, 2, 3], True, "training has none of class 2, 3"),
        (mg.tensor([[0], [1]]), mg.tensor([[5]]), True, "none of class 5"),
        (np.eye(3)[[0, 1, 0]], np.eye(3)[[2]], True, "none of class 2"),
        ([1, 2, 2, 3, 4, 5, 6, 7], [8, 9], False, "y is sorted"),
        (np.arange(9.0, 1.0, -1)[:, None], np.array([[1.0], [0.0]]), False, "y is sorted"),
        ([0] * 6 + [1] * 3, [1], True, "y is sorted"),
    ],
)
def test_a_tail_that_cannot_stand_for_the_whole(train: Any, test: Any, classes: bool, problem: str) -> None:
    with pytest.warns(UserWarning, match=f"^check_split: .*{problem}.*Shuffle x and y"):
        check_split(train, test, classes)


@pytest.mark.parametrize(
    ("train", "test", "classes"),
    [
        ([0, 1, 0], [1, 1], True),
        ([3, 1, 2, 4, 5, 6, 7, 8], [9, 10], False),  # not sorted
        ([1, 2, 3], [4], False),  # too few to tell
        ([1] * 9, [1] * 9, False),  # all the same
        (np.arange(20.0).reshape(10, 2), np.arange(4.0).reshape(2, 2), False),  # several columns
    ],
)
def test_a_tail_like_the_rest(train: Any, test: Any, classes: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_split(train, test, classes)
