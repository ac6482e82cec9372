"""Datasets made of datasets, and streams: what comes out, in whole batches and one by one."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import (
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    TransformDataset,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

X = np.arange(20, dtype=np.float32).reshape(10, 2)
Y = np.arange(10)


def part(start: int, stop: int) -> TensorDataset:
    return TensorDataset(X[start:stop], Y[start:stop])


class Listed(Dataset[tuple[Any, ...]]):
    """A dataset that must be asked for every sample."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        sample: tuple[Any, ...] = self.dataset[index]
        return sample

    def __len__(self) -> int:
        return len(self.dataset)


class Counted(IterableDataset[int]):
    """A stream without a length."""

    def __init__(self, start: int, stop: int) -> None:
        self.start, self.stop = start, stop

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.stop))


class Sized(Counted):
    def __len__(self) -> int:
        return self.stop - self.start


def batches_of(loader: DataLoader) -> list[list[list[Any]]]:
    return [[xb.tolist(), yb.tolist()] for xb, yb in loader]


# -- ConcatDataset -----------------------------------------------------------------------------------------------------


def test_concat_is_one_dataset_after_the_other() -> None:
    whole = ConcatDataset([part(0, 3), part(3, 3), part(3, 10)])
    assert (len(whole), whole.cumulative_sizes) == (10, [3, 3, 10])
    assert [y.item() for _, y in whole] == list(range(10))
    assert [whole[i][1].item() for i in (-1, -10, np.int64(4))] == [9, 0, 4]
    assert [y.item() for _, y in whole.__getitems__([9, 0, -7, 3])] == [9, 0, 3, 3]


def test_plus_makes_one() -> None:
    whole = part(0, 4) + part(4, 6) + Listed(part(6, 10))
    assert isinstance(whole, ConcatDataset)
    assert [y.item() for _, y in whole] == list(range(10))


@pytest.mark.parametrize("cuts", [[0, 10], [0, 3, 7, 10], [0, 0, 1, 10, 10]])
@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_of_a_concat_are_those_of_the_whole(cuts: list[int], shuffle: bool) -> None:
    parts = [part(start, stop) for start, stop in pairwise(cuts)]
    for made in (
        ConcatDataset(parts),
        ConcatDataset([Listed(p) for p in parts]),
        Subset(ConcatDataset(parts), range(10)),
    ):
        loaders = [
            DataLoader(dataset, batch_size=4, shuffle=shuffle, generator=mg.Generator().manual_seed(1))
            for dataset in (made, part(0, 10))
        ]
        assert batches_of(loaders[0]) == batches_of(loaders[1])


def test_a_concat_of_arrays_and_of_stacks_is_cut_whole() -> None:
    rows = DataLoader(ConcatDataset([X[:3], mg.tensor(X[3:])]), batch_size=4)
    np.testing.assert_array_equal(np.concatenate([xb.numpy() for xb in rows]), X)
    stacks = ConcatDataset([StackDataset(x=X[:3], y=Y[:3]), StackDataset(x=X[3:], y=Y[3:])])
    (first, *_) = DataLoader(stacks, batch_sampler=[[9, 0, 4]])
    assert first["y"].tolist() == [9, 0, 4]
    np.testing.assert_array_equal(first["x"].numpy(), X[[9, 0, 4]])


def test_an_empty_batch_of_a_concat() -> None:
    (batch,) = DataLoader(ConcatDataset([part(0, 3), part(3, 10)]), batch_sampler=[[]])
    assert [tensor.shape for tensor in batch] == [(0, 2), (0,)]


def test_a_batch_of_a_concat_is_a_copy() -> None:
    x = X.copy()
    for xb, _ in DataLoader(ConcatDataset([TensorDataset(x[:5], Y[:5]), TensorDataset(x[5:], Y[5:])]), batch_size=5):
        assert not np.shares_memory(xb.numpy(), x)


@pytest.mark.parametrize(
    ("datasets", "text"),
    [
        ([part(0, 5), TensorDataset(X[:, :1], Y)], r"samples of \(2,\) and of \(1,\)"),
        ([part(0, 5), TensorDataset(X)], "samples of 2 parts and of 1 parts"),
        ([part(0, 5), X], "samples of 2 parts and of 1, expected the same shape and structure"),
        ([X, part(0, 5)], r"samples of \(2,\) and of 2 parts"),
    ],
)
def test_datasets_that_do_not_fit_into_a_batch(datasets: list[Any], text: str) -> None:
    with pytest.raises(ValueError, match=rf"ConcatDataset: argument datasets: got datasets with {text}"):
        list(DataLoader(ConcatDataset(datasets), batch_size=15))


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: ConcatDataset([]), ValueError, "ConcatDataset: argument datasets: got no datasets"),
        (lambda: ConcatDataset([part(0, 3), Counted(0, 3)]), TypeError, "argument 1: got Counted.*ChainDataset joins"),
        (lambda: ConcatDataset([part(0, 3)])[3], IndexError, "ConcatDataset of 3 samples: index 3 is out of bounds"),
        (lambda: ConcatDataset([part(0, 3)])[-4], IndexError, "index -4 is out of bounds"),
        (lambda: ConcatDataset([part(0, 3)])[0:2], TypeError, r"ConcatDataset\[...\]: argument index: got slice"),
        (lambda: ConcatDataset([part(0, 3)])[True], TypeError, "got True, expected an int"),
        (lambda: part(0, 3) + 3, TypeError, "argument 1: got int, expected a dataset with __getitem__"),
    ],
)
def test_concat_refuses(make: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


# -- streams -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", [1, 3, 7, 8])
def test_a_stream_is_loaded_in_its_order(size: int, drop_last: bool) -> None:
    numbers = list(range(7))
    whole = [numbers[i : i + size] for i in range(0, 7, size)]
    expected = [batch for batch in whole if len(batch) == size or not drop_last]
    for stream in (Counted(0, 7), Sized(0, 7), ChainDataset([Sized(0, 2), Sized(2, 2), Sized(2, 7)])):
        loader = DataLoader(stream, batch_size=size, drop_last=drop_last)
        for _ in range(2):
            assert [batch.tolist() for batch in loader] == expected
    assert len(DataLoader(Sized(0, 7), batch_size=size, drop_last=drop_last)) == len(expected)


def test_a_stream_of_single_samples_and_with_a_collate_fn() -> None:
    assert list(DataLoader(Counted(0, 3), batch_size=None)) == [0, 1, 2]
    assert list(DataLoader(Counted(0, 3), batch_size=2, collate_fn=list)) == [[0, 1], [2]]
    assert len(DataLoader(Sized(0, 3), batch_size=None)) == 3


def test_a_stream_is_read_no_further_than_the_batch() -> None:
    class Endless(IterableDataset[int]):
        def __iter__(self) -> Iterator[int]:
            number = 0
            while True:
                yield number
                number += 1

    batches = iter(DataLoader(Endless(), batch_size=2))
    assert [next(batches).tolist() for _ in range(2)] == [[0, 1], [2, 3]]


def test_chain_and_plus_of_streams() -> None:
    chained = Counted(0, 2) + Counted(5, 7)
    assert isinstance(chained, ChainDataset)
    assert list(chained) == list(chained) == [0, 1, 5, 6]
    assert len(ChainDataset([Sized(0, 2), Sized(5, 8)])) == 5
    assert list(ChainDataset([])) == []
    with pytest.raises(TypeError, match=r"ChainDataset: argument datasets\[1\]: got int, expected an IterableDataset"):
        ChainDataset([Counted(0, 2), 3])


def test_what_a_stream_cannot_do() -> None:
    with pytest.raises(
        TypeError, match=r"len\(DataLoader\): argument dataset: got Counted, expected one with a length"
    ):
        len(DataLoader(Counted(0, 3)))
    for arguments in ({"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}):
        with pytest.raises(ValueError, match="shuffle, sampler or batch_sampler with the Counted.*Shuffle within"):
            DataLoader(Counted(0, 3), **arguments)  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match="IterableDataset has no __iter__: write one"):
        iter(IterableDataset())


# -- StackDataset ------------------------------------------------------------------------------------------------------


def test_stack_of_positions_and_of_names() -> None:
    pairs = StackDataset(part(0, 10), Y)
    assert len(pairs) == 10
    (x, y), label = pairs[3]
    assert (x.tolist(), y.item(), label) == ([6.0, 7.0], 3, 3)
    named = StackDataset(x=X, y=Y)
    assert named[-1]["y"] == 9
    np.testing.assert_array_equal(named[2]["x"], X[2])


@pytest.mark.parametrize("wrap", [lambda dataset: dataset, Listed])
def test_batches_of_a_stack_have_its_structure(wrap: Any) -> None:
    (xb, yb), labels = next(iter(DataLoader(StackDataset(wrap(part(0, 10)), Y), batch_size=3)))
    assert (xb.shape, yb.tolist(), labels.tolist()) == ((3, 2), [0, 1, 2], [0, 1, 2])
    batch = next(iter(DataLoader(StackDataset(x=wrap(part(0, 10)), y=Y), batch_size=3)))
    assert (batch["x"][0].shape, batch["y"].tolist()) == ((3, 2), [0, 1, 2])


def test_stack_refuses() -> None:
    with pytest.raises(ValueError, match="StackDataset: got datasets of 10, 9 samples, expected the same number"):
        StackDataset(X, Y[:9])
    with pytest.raises(ValueError, match="StackDataset: got no datasets"):
        StackDataset()
    with pytest.raises(ValueError, match="StackDataset: got both kinds of arguments"):
        StackDataset(X, y=Y)
    with pytest.raises(TypeError, match="StackDataset: argument y: got Counted"):
        StackDataset(x=X, y=Counted(0, 10))


# -- TransformDataset --------------------------------------------------------------------------------------------------


class Negated:
    """A transform that notes how it was called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __call__(self, x: Any) -> Any:
        self.calls.append("one")
        return mg.tensor(-x.numpy())

    def batch(self, x: Any) -> Any:
        self.calls.append("batch")
        return mg.tensor(-x.numpy())


def test_transforms_reach_x_and_y() -> None:
    dataset = TransformDataset(part(0, 10), lambda x: x.numpy() * 2, lambda y: y.item() + 100)
    x, y = dataset[3]
    assert (x.tolist(), y) == ([12.0, 14.0], 103)
    assert len(dataset) == 10
    assert isinstance(TransformDataset([[1, 2, 3]], abs)[0], list)
    assert TransformDataset([(-1, 2, 3)], abs, str)[0] == (1, "2", 3)
    assert TransformDataset([-4, 5], abs)[0] == 4
    xb, yb = next(iter(DataLoader(dataset, batch_size=2)))
    assert (xb.tolist(), yb.tolist()) == ([[0.0, 2.0], [4.0, 6.0]], [100, 101])


def test_batches_are_transformed_at_once_where_they_can_be() -> None:
    transform = Negated()
    batches = list(DataLoader(TransformDataset(part(0, 10), transform), batch_size=4))
    assert transform.calls == ["batch"] * 3
    np.testing.assert_array_equal(np.concatenate([xb.numpy() for xb, _ in batches]), -X)
    np.testing.assert_array_equal(np.concatenate([yb.numpy() for _, yb in batches]), Y)
    (only, *_) = DataLoader(TransformDataset(X, Negated()), batch_size=10)
    np.testing.assert_array_equal(only.numpy(), -X)


@pytest.mark.parametrize(("dataset", "target_transform"), [(Listed(part(0, 10)), None), (part(0, 10), lambda y: y)])
def test_otherwise_samples_are_transformed_one_by_one(dataset: Any, target_transform: Any) -> None:
    transform = Negated()
    batches = list(DataLoader(TransformDataset(dataset, transform, target_transform), batch_size=4))
    assert transform.calls == ["one"] * 10
    np.testing.assert_array_equal(np.concatenate([xb.numpy() for xb, _ in batches]), -X)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: TransformDataset(Counted(0, 3)), "TransformDataset: argument dataset: got Counted"),
        (lambda: TransformDataset(X, 3), "argument transform: got int, expected a function"),  # type: ignore[arg-type]
        (lambda: TransformDataset(X, None, str)[0], "got a sample of x alone with a target_transform"),
        (lambda: TransformDataset(StackDataset(x=X), abs)[0], "got a mapping.*Write a Dataset whose __getitem__"),
        (
            lambda: TransformDataset(X)[[1, 2]],
            r"TransformDataset\[...\]: argument index: got \[1, 2\], expected an int",
        ),
    ],
)
def test_transform_dataset_refuses(make: Callable[[], Any], text: str) -> None:
    with pytest.raises(TypeError, match=text):
        make()
