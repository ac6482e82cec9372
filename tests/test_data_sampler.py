"""Samplers: which indices come, in which order, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)
from minigrad.data.sampler import OrderedSampler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

X = np.arange(20, dtype=np.float32).reshape(10, 2)
Y = np.arange(10)


def seeded(seed: int) -> mg.Generator:
    return mg.Generator().manual_seed(seed)


class Backwards(Sampler[int]):
    """A sampler of one's own."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.size - 1, -1, -1))

    def __len__(self) -> int:
        return self.size


MAKERS: dict[str, Callable[[Any], Sampler[int]]] = {
    "random": lambda g: RandomSampler(Y, generator=g),
    "random with replacement": lambda g: RandomSampler(Y, replacement=True, generator=g),
    "random, more than there are": lambda g: RandomSampler(Y, num_samples=25, generator=g),
    "subset": lambda g: SubsetRandomSampler(range(0, 10, 2), generator=g),
    "weighted": lambda g: WeightedRandomSampler(np.arange(10.0), 30, generator=g),
    "weighted without replacement": lambda g: WeightedRandomSampler(np.arange(1, 11), 10, False, generator=g),
}


def test_sequential_sampler() -> None:
    assert list(SequentialSampler(Y)) == list(range(10))
    assert len(SequentialSampler(Y)) == 10
    assert list(SequentialSampler([])) == []


@pytest.mark.parametrize("name", MAKERS)
def test_random_orders_are_seeded_and_differ_between_passes(name: str) -> None:
    sampler = MAKERS[name](seeded(1))
    first, second = list(sampler), list(sampler)
    assert len(first) == len(sampler)  # type: ignore[arg-type]
    assert first != second
    assert list(MAKERS[name](seeded(1))) == first
    assert all(type(index) is int for index in first)
    mg.manual_seed(4)
    with_global = list(MAKERS[name](None))
    mg.manual_seed(4)
    assert list(MAKERS[name](None)) == with_global


def test_random_sampler_without_replacement_is_a_permutation() -> None:
    assert sorted(RandomSampler(Y)) == list(range(10))
    assert len(set(RandomSampler(Y, num_samples=4))) == 4


def test_random_sampler_goes_round_before_it_repeats() -> None:
    assert len(list(RandomSampler(Y, num_samples=15))) == 15
    order = list(RandomSampler(Y, num_samples=25))
    assert len(order) == 25
    assert sorted(order[:10]) == sorted(order[10:20]) == list(range(10))
    assert len(set(order[20:])) == 5


def test_random_sampler_with_replacement_repeats() -> None:
    order = np.array(list(RandomSampler(range(5), replacement=True, num_samples=5000)))
    # 1000 of each are expected, with a standard deviation of 28.
    assert np.abs(np.bincount(order, minlength=5) - 1000).max() < 150


def test_random_sampler_of_an_empty_dataset() -> None:
    assert list(RandomSampler([])) == []
    assert list(RandomSampler([], replacement=True)) == []
    with pytest.raises(ValueError, match="RandomSampler: argument data_source: got an empty data_source for 3 samples"):
        list(RandomSampler([], num_samples=3))


def test_random_sampler_sees_a_dataset_that_grows() -> None:
    source = [1, 2]
    sampler = RandomSampler(source)
    source.append(3)
    assert (len(sampler), sorted(sampler)) == (3, [0, 1, 2])


def test_subset_random_sampler_keeps_its_own_indices() -> None:
    indices = np.array([7, 3, 3])
    sampler = SubsetRandomSampler(indices)
    indices[:] = 0
    assert sorted(sampler) == [3, 3, 7]
    assert list(SubsetRandomSampler([])) == []


def test_weighted_sampler_draws_in_proportion() -> None:
    counts = np.bincount(list(WeightedRandomSampler([0.0, 1.0, 3.0], 4000)), minlength=3)
    # 3000 of 4000 are expected, with a standard deviation of 27.
    assert counts[0] == 0
    assert abs(counts[2] - 3000) < 150


def test_weighted_sampler_without_replacement_leaves_out_weights_of_zero() -> None:
    assert sorted(WeightedRandomSampler(mg.tensor([1.0, 0.0, 1e-30, 5.0]), 3, replacement=False)) == [0, 2, 3]


def test_weighted_sampler_makes_classes_equally_frequent() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    weights = 1 / np.bincount(labels)[labels]
    drawn = labels[list(WeightedRandomSampler(weights, 2000))]
    # 1000 are expected, with a standard deviation of 22.
    assert abs(drawn.sum() - 1000) < 120


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", [1, 3, 10, 11])
@pytest.mark.parametrize("make", [SequentialSampler, lambda y: Backwards(len(y)), lambda y: list(range(len(y)))])
def test_batch_sampler(make: Any, size: int, drop_last: bool) -> None:
    keys = list(make(Y))
    batches = BatchSampler(make(Y), size, drop_last)
    whole = [keys[i : i + size] for i in range(0, 10, size)]
    expected = [batch for batch in whole if len(batch) == size or not drop_last]
    assert list(batches) == expected
    assert len(batches) == len(expected)


def test_batch_sampler_reads_a_foreign_sampler_no_further_than_the_batch() -> None:
    read: list[int] = []

    def keys() -> Iterator[int]:
        for key in range(10):
            read.append(key)
            yield key

    batches = BatchSampler(keys(), 3, False)
    assert next(iter(batches)) == [0, 1, 2]
    assert read == [0, 1, 2]
    with pytest.raises(
        TypeError, match=r"len\(BatchSampler\): argument sampler: got generator, expected one with a len"
    ):
        len(batches)


def test_rows_are_slices_or_arrays_where_the_order_is_known() -> None:
    assert list(BatchSampler(SequentialSampler(Y), 4, False).rows()) == [
        slice(0, 4, 1),
        slice(4, 8, 1),
        slice(8, 10, 1),
    ]
    assert all(isinstance(rows, np.ndarray) for rows in BatchSampler(RandomSampler(Y), 4, False).rows())
    assert list(BatchSampler(Backwards(3), 2, False).rows()) == [[2, 1], [0]]


def test_a_subclass_with_its_own_iter_is_iterated() -> None:
    class Evens(SequentialSampler):
        def __iter__(self) -> Iterator[int]:
            return iter(range(0, len(self.data_source), 2))

    assert list(BatchSampler(Evens(Y), 3, False)) == [[0, 2, 4], [6, 8]]

    class Pairs(BatchSampler):
        def __iter__(self) -> Iterator[list[int]]:
            return iter([[0, 9], [1, 8]])

    loader = DataLoader(TensorDataset(X, Y), batch_sampler=Pairs(SequentialSampler(Y), 2, False))
    assert [yb.tolist() for _, yb in loader] == [[0, 9], [1, 8]]


@pytest.mark.parametrize("name", MAKERS)
def test_a_loader_with_a_sampler_gives_its_order(name: str) -> None:
    order = list(MAKERS[name](seeded(2)))
    loader = DataLoader(TensorDataset(X, Y), batch_size=4, sampler=MAKERS[name](seeded(2)))
    assert len(loader) == -(-len(order) // 4)
    assert [label for _, yb in loader for label in yb.tolist()] == order
    batches = DataLoader(TensorDataset(X, Y), batch_sampler=BatchSampler(MAKERS[name](seeded(2)), 4, True))
    assert [label for _, yb in batches for label in yb.tolist()] == order[: len(order) // 4 * 4]
    single = DataLoader(TensorDataset(X, Y), batch_size=None, sampler=MAKERS[name](seeded(2)))
    assert [y.item() for _, y in single] == order


def test_the_samplers_of_a_loader_can_be_seen() -> None:
    plain = DataLoader(TensorDataset(X, Y), batch_size=4)
    assert isinstance(plain.sampler, SequentialSampler)
    assert isinstance(plain.batch_sampler, BatchSampler)
    generator = seeded(3)
    shuffled = DataLoader(TensorDataset(X, Y), 4, shuffle=True, drop_last=True, generator=generator)
    assert isinstance(shuffled.sampler, RandomSampler)
    assert shuffled.sampler.generator is generator
    assert (len(shuffled.batch_sampler), len(shuffled)) == (2, 2)  # type: ignore[arg-type]
    assert DataLoader(TensorDataset(X, Y), batch_size=None).batch_sampler is None


def test_a_sampler_that_leaves_the_dataset_is_named() -> None:
    loader = DataLoader(TensorDataset(X, Y), sampler=SubsetRandomSampler([12]))
    with pytest.raises(IndexError, match="DataLoader: the sampler left the dataset of 10 samples: index 12"):
        list(loader)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: RandomSampler(Y, 5), TypeError, "RandomSampler: argument replacement: got 5, expected True or False"),  # type: ignore[arg-type]
        (
            lambda: RandomSampler(Y, num_samples=0),
            ValueError,
            "RandomSampler: argument num_samples: got 0, expected an",
        ),
        (lambda: RandomSampler(Y, num_samples=2.0), ValueError, "num_samples: got 2.0, expected an int of at least 1"),  # type: ignore[arg-type]
        (lambda: RandomSampler(Y, generator=3), TypeError, "RandomSampler: argument generator: got a int"),  # type: ignore[arg-type]
        (lambda: SubsetRandomSampler([0.5]), TypeError, "SubsetRandomSampler: argument indices: got dtype float64"),  # type: ignore[list-item]
        (lambda: WeightedRandomSampler([1.0], True), ValueError, "num_samples: got True"),
        (lambda: WeightedRandomSampler([1.0], 1, 1), TypeError, "WeightedRandomSampler: argument replacement: got 1"),  # type: ignore[arg-type]
        (lambda: WeightedRandomSampler([1.0, -2.0], 1), ValueError, "weights: got -2.0 as weight 1, expected finite"),
        (lambda: WeightedRandomSampler([np.nan], 1), ValueError, "weights: got nan as weight 0"),
        (lambda: WeightedRandomSampler([0.0, 0.0], 1), ValueError, "weights: got only zeros"),
        (
            lambda: WeightedRandomSampler([], 1),
            ValueError,
            r"weights: got shape \(0,\), expected one weight per sample",
        ),
        (lambda: WeightedRandomSampler(X, 1), ValueError, r"weights: got shape \(10, 2\)"),
        (
            lambda: WeightedRandomSampler([0, 1], 2, False),
            ValueError,
            "got 2, expected at most 1, the number of weights",
        ),
        (lambda: BatchSampler(Y, 0, False), ValueError, "BatchSampler: argument batch_size: got 0"),
        (lambda: BatchSampler(Y, 2, 1), TypeError, "BatchSampler: argument drop_last: got 1, expected True or False"),  # type: ignore[arg-type]
        (lambda: list(Sampler()), NotImplementedError, "Sampler has no __iter__: write one"),
        (lambda: list(OrderedSampler()), NotImplementedError, "OrderedSampler has no order: write one that returns a range"),
    ],
)
def test_samplers_refuse(make: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_orders_agree_with_pytorch_in_kind() -> None:
    """Not the same random numbers, but the same lengths and the same multisets."""
    torch_data = pytest.importorskip("torch.utils.data")
    for count in (3, 10, 25):
        ours = sorted(RandomSampler(Y, num_samples=count))
        theirs = sorted(torch_data.RandomSampler(Y, num_samples=count))
        assert len(ours) == len(theirs)
        assert np.bincount(ours, minlength=10).min() == np.bincount(theirs, minlength=10).min() == count // 10
    for drop_last in (False, True):
        theirs = torch_data.BatchSampler(torch_data.SequentialSampler(Y), 4, drop_last)
        assert list(BatchSampler(SequentialSampler(Y), 4, drop_last)) == list(theirs)
