"""Datasets, loader, splits and scalers: what comes out, in which order, and what is refused."""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import (
    DataLoader,
    Dataset,
    MinMaxScaler,
    NotFittedError,
    StandardScaler,
    Subset,
    TensorDataset,
    default_collate,
    random_split,
    train_test_split,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

X = np.arange(20, dtype=np.float32).reshape(10, 2)
Y = np.arange(10)


class Squares(Dataset[tuple[int, float]]):
    """A dataset that lives in no array, and counts how often it is asked."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.asked = 0

    def __getitem__(self, index: Any) -> tuple[int, float]:
        self.asked += 1
        return index, index**2 / 2

    def __len__(self) -> int:
        return self.size


class Noted(TensorDataset):
    """A TensorDataset that changes its samples, as an augmentation does."""

    def __getitem__(self, index: Any) -> tuple[mg.Tensor, ...]:
        x, y = super().__getitem__(index)
        return mg.tensor(-x.numpy()), y


def flat(batches: list[list[Any]]) -> list[Any]:
    return [label for batch in batches for label in batch]


def labels_of(loader: Any) -> list[Any]:
    return [yb.tolist() for _, yb in loader]


# -- TensorDataset and Subset ------------------------------------------------------------------------------------------


def test_tensor_dataset_takes_tensors_and_arrays() -> None:
    dataset = TensorDataset(mg.tensor(X), Y)
    assert len(dataset) == 10
    x, y = dataset[3]
    assert (x.tolist(), y.item(), y.shape) == ([6.0, 7.0], 3, ())
    assert [t.dtype for t in dataset.tensors] == [mg.float32, mg.int64]
    assert np.shares_memory(dataset.tensors[0].numpy(), dataset[2:4][0].numpy())


@pytest.mark.parametrize(
    "index", [slice(2, 7, 2), [1, 1, -1], np.array([4, 0]), np.arange(10) % 2 == 0, [], slice(0, 0)]
)
def test_tensor_dataset_selects_rows_as_numpy_does(index: Any) -> None:
    x, y = TensorDataset(X, Y)[index]
    rows = np.zeros(0, int) if isinstance(index, list) and not index else index
    np.testing.assert_array_equal(x.numpy(), X[rows])
    np.testing.assert_array_equal(y.numpy(), Y[rows])


def test_tensor_dataset_accepts_a_tensor_as_index_and_can_be_iterated() -> None:
    dataset = TensorDataset(X, Y)
    assert dataset[mg.tensor(np.array([8, 2]))][1].tolist() == [8, 2]
    assert [y.item() for _, y in dataset] == list(range(10))


@pytest.mark.parametrize("index", [(1, 0), 1.5, "a", None, [0.5], [[1]], np.ones((2, 2), bool)])
def test_tensor_dataset_refuses_what_selects_no_samples(index: Any) -> None:
    with pytest.raises(TypeError, match=r"TensorDataset\[...\]: argument index: got .*, expected an int, a slice"):
        TensorDataset(X, Y)[index]


@pytest.mark.parametrize("index", [10, -11, [0, 10]])
def test_tensor_dataset_index_out_of_range(index: Any) -> None:
    with pytest.raises(IndexError, match=r"TensorDataset of 10 samples: index -?1[01] is out of bounds"):
        TensorDataset(X, Y)[index]


def test_tensor_dataset_widens_dtypes_that_tensors_do_not_hold() -> None:
    dataset = TensorDataset(Y.astype(np.uint8), X.astype(np.float16), X.astype(">f4"), Y > 4)
    assert [t.dtype for t in dataset.tensors] == [mg.int64, mg.float32, mg.float32, np.dtype(bool)]
    np.testing.assert_array_equal(dataset.tensors[2].numpy(), X)


@pytest.mark.parametrize(
    ("arrays", "error", "text"),
    [
        ((), ValueError, "got no arrays, expected at least one"),
        ((X, Y[:9]), ValueError, r"got arrays of 10, 9 samples, shapes \(10, 2\), \(9,\), expected the same first"),
        ((X, np.float32(1)), TypeError, "argument 1: got float32, expected a Tensor or a NumPy array"),
        ((np.array(1.0), X), ValueError, r"argument 0: got a single number, shape \(\)"),
        ((X, Y.tolist()), TypeError, r"argument 1: got list, expected a Tensor or a NumPy array.*asarray"),
        ((X.astype(complex),), TypeError, "argument 0: .*dtype complex128"),
        ((np.array(["a", "b"]),), TypeError, "argument 0: .*dtype <U1"),
    ],
)
def test_tensor_dataset_refuses(arrays: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=rf"TensorDataset: .*{text}"):
        TensorDataset(*arrays)


def test_tensor_dataset_refuses_tensors_with_gradients() -> None:
    with pytest.raises(ValueError, match=r"argument 0: got a Tensor that requires a gradient.*Pass x.detach\(\)"):
        TensorDataset(mg.tensor(X, requires_grad=True))


def test_subset_maps_its_indices() -> None:
    subset = Subset(TensorDataset(X, Y), [7, -1, 7])
    assert len(subset) == 3
    assert [y.item() for _, y in subset] == [7, 9, 7]
    assert subset[1:][1].tolist() == [9, 7]
    assert Subset(subset, [1])[0][1].item() == 9
    assert Subset(Squares(5), np.array([3]))[0] == (3, 4.5)
    assert subset.indices.dtype == np.int64


def test_subset_keeps_its_own_indices() -> None:
    indices = np.array([1, 2])
    subset = Subset(TensorDataset(X, Y), indices)
    indices[:] = 0
    assert [y.item() for _, y in subset] == [1, 2]


def test_subset_refuses_indices_outside_of_the_dataset() -> None:
    with pytest.raises(IndexError, match=r"Subset: argument indices: got 10, expected values from -10 to 9"):
        Subset(TensorDataset(X, Y), [0, 10])
    with pytest.raises(TypeError, match=r"Subset: argument indices: got dtype float64 and shape \(1,\)"):
        Subset(TensorDataset(X, Y), [0.5])  # type: ignore[list-item]
    with pytest.raises(IndexError, match="Subset of 1 samples: index 1 is out of bounds"):
        Subset(TensorDataset(X, Y), [5])[1]


def test_a_dataset_must_be_written_out() -> None:
    empty: Dataset[int] = Dataset()
    with pytest.raises(NotImplementedError, match="Dataset has no __len__: write one"):
        len(empty)
    with pytest.raises(NotImplementedError, match="Dataset has no __getitem__: write one"):
        empty[0]


# -- DataLoader --------------------------------------------------------------------------------------------------------


def test_batches_in_order_are_lists_of_tensors() -> None:
    loader = DataLoader(TensorDataset(X, Y), batch_size=4)
    batches = list(loader)
    assert all(isinstance(batch, list) and isinstance(batch[0], mg.Tensor) for batch in batches)
    assert [xb.shape for xb, _ in batches] == [(4, 2), (4, 2), (2, 2)]
    np.testing.assert_array_equal(np.concatenate([xb.numpy() for xb, _ in batches]), X)
    assert labels_of(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@pytest.mark.parametrize("size", [1, 3, 5, 9, 10, 11])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_length_is_the_number_of_batches(size: int, drop_last: bool, shuffle: bool) -> None:
    loader = DataLoader(TensorDataset(X, Y), size, shuffle, drop_last=drop_last)
    batches = labels_of(loader)
    assert len(loader) == len(batches) == (10 // size if drop_last else -(-10 // size))
    assert all(len(batch) == size for batch in batches[: 10 // size])
    assert len(set(flat(batches))) == (10 // size * size if drop_last else 10)


def test_an_empty_dataset_has_no_batches() -> None:
    loader = DataLoader(TensorDataset(X[:0], Y[:0]), batch_size=4)
    assert len(loader) == 0
    assert list(loader) == []


def test_shuffling_is_seeded_and_differs_between_passes() -> None:
    loader = DataLoader(TensorDataset(X, Y), batch_size=4, shuffle=True)
    mg.manual_seed(3)
    first, second = labels_of(loader), labels_of(loader)
    mg.manual_seed(3)
    assert labels_of(loader) == first
    assert first != second
    assert sorted(flat(first)) == list(range(10))


def test_shuffling_with_a_generator_ignores_the_global_seed() -> None:
    orders = []
    for global_seed in (0, 1):
        mg.manual_seed(global_seed)
        generator = mg.Generator()
        generator.manual_seed(7)
        orders.append(labels_of(DataLoader(TensorDataset(X, Y), batch_size=4, shuffle=True, generator=generator)))
    assert orders[0] == orders[1]


def test_samples_stay_together_when_shuffled() -> None:
    for xb, yb in DataLoader(TensorDataset(X, Y), batch_size=3, shuffle=True):
        np.testing.assert_array_equal(xb.numpy()[:, 0], 2 * yb.numpy())


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_batch_changed_in_place_leaves_the_dataset_alone(shuffle: bool) -> None:
    x = X.copy()
    for xb, _ in DataLoader(TensorDataset(x, Y), batch_size=4, shuffle=shuffle):
        assert not np.shares_memory(xb.numpy(), x)
    np.testing.assert_array_equal(x, X)


@pytest.mark.parametrize("shuffle", [False, True])
def test_whole_batches_are_cut_without_asking_for_samples(shuffle: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = TensorDataset(X, Y)

    def refuse(self: object, index: object) -> None:
        raise AssertionError("a sample was asked for")

    # Both classes keep "their own" method here, so batches must still be cut from the arrays.
    monkeypatch.setattr(TensorDataset, "__getitem__", refuse)
    monkeypatch.setattr(Subset, "__getitem__", refuse)
    for source in (dataset, Subset(dataset, range(5)), Subset(Subset(dataset, range(5)), [4, 2])):
        batches = labels_of(DataLoader(source, batch_size=3, shuffle=shuffle))
        assert len(flat(batches)) == len(source)


def test_a_subclass_with_its_own_getitem_is_asked_for_every_sample() -> None:
    noted = Noted(X, Y)
    for source in (noted, Subset(noted, range(10))):
        batches = list(DataLoader(source, batch_size=4))
        np.testing.assert_array_equal(np.concatenate([xb.numpy() for xb, _ in batches]), -X)


def test_arrays_and_tensors_are_datasets_of_single_values() -> None:
    for source in (X, mg.tensor(X)):
        batches = list(DataLoader(source, batch_size=4))
        assert isinstance(batches[0], mg.Tensor)
        np.testing.assert_array_equal(np.concatenate([xb.numpy() for xb in batches]), X)


def test_a_foreign_dataset_is_collated_from_samples() -> None:
    dataset = Squares(5)
    (x, y), (x2, _) = DataLoader(dataset, batch_size=3)
    assert dataset.asked == 5
    assert (x.tolist(), y.tolist(), x2.tolist()) == ([0, 1, 2], [0.0, 0.5, 2.0], [3, 4])
    assert (x.dtype, y.dtype) == (mg.int64, mg.float32)


def test_getitems_is_asked_once_per_batch() -> None:
    class Whole(Squares):
        def __getitems__(self, indices: list[int]) -> list[tuple[int, float]]:
            self.asked += 1
            return [(index, 0.0) for index in indices]

    dataset = Whole(5)
    assert [x.tolist() for x, _ in DataLoader(dataset, batch_size=3)] == [[0, 1, 2], [3, 4]]
    assert dataset.asked == 2
    assert [x.tolist() for x, _ in DataLoader(Subset(dataset, [4, 1, 0]), batch_size=2)] == [[4, 1], [0]]
    assert dataset.asked == 4


@pytest.mark.parametrize("dataset", [TensorDataset(X, Y), Subset(TensorDataset(X, Y), range(10)), Squares(10)])
def test_sampler_and_batch_sampler(dataset: Any) -> None:
    def first_of(loader: Any) -> list[Any]:
        return [batch[-1].tolist() if dataset is not loader else batch for batch in loader]

    value = {
        i: np.ravel(dataset[i][-1] if isinstance(dataset, Squares) else dataset[i][-1].numpy())[0] for i in range(10)
    }
    loader = DataLoader(dataset, batch_size=2, sampler=[9, 0, 3])
    assert len(loader) == 2
    assert first_of(loader) == [[value[9], value[0]], [value[3]]]
    assert first_of(DataLoader(dataset, batch_size=2, sampler=[9, 0, 3], drop_last=True)) == [[value[9], value[0]]]
    loader = DataLoader(dataset, batch_sampler=[[1, 1, 1], [2]])
    assert (len(loader), loader.batch_size) == (2, None)
    assert first_of(loader) == [[value[1]] * 3, [value[2]]]


def test_a_sampler_is_read_lazily() -> None:
    def forever() -> Iterator[int]:
        while True:
            yield from range(10)

    loader = DataLoader(TensorDataset(X, Y), batch_size=4, sampler=forever())
    batches = iter(loader)
    assert [next(batches)[1].tolist() for _ in range(3)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 1]]
    with pytest.raises(TypeError, match=r"len\(DataLoader\): argument sampler: got generator"):
        len(loader)


def test_a_sampler_that_leaves_the_dataset() -> None:
    with pytest.raises(IndexError, match="DataLoader: the sampler left the dataset of 10 samples: index 10"):
        list(DataLoader(TensorDataset(X, Y), sampler=[10]))
    with pytest.raises(TypeError, match="DataLoader: argument sampler: got dtype float64"):
        list(DataLoader(TensorDataset(X, Y), sampler=[0.5]))


def test_collate_fn_gets_the_list_of_samples() -> None:
    loader = DataLoader(TensorDataset(X, Y), batch_size=4, collate_fn=lambda samples: [y.item() for _, y in samples])
    assert list(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_batch_size_none_yields_single_samples() -> None:
    loader = DataLoader([(np.ones(2), 1), (np.zeros(2), 2)], batch_size=None)
    assert len(loader) == 2
    (x, y), _ = loader
    assert (type(x), x.shape, y) == (mg.Tensor, (2,), 1)
    named, _ = DataLoader([{"x": np.ones(2), "name": "a"}] * 2, batch_size=None, sampler=[0, 1])
    assert (type(named["x"]), named["name"]) == (mg.Tensor, "a")
    mg.manual_seed(0)
    shuffled = [y.item() for _, y in DataLoader(TensorDataset(X, Y), batch_size=None, shuffle=True)]
    assert sorted(shuffled) == list(range(10)) != shuffled


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("num_workers", 4, "cut from arrays in this process"),
        ("pin_memory", True, "ordinary memory"),
        ("timeout", 5, "no worker processes"),
        ("worker_init_fn", print, "no worker processes"),
        ("multiprocessing_context", "spawn", "no worker processes"),
        ("prefetch_factor", 2, "no worker processes"),
        ("persistent_workers", True, "no worker processes"),
        ("pin_memory_device", "cuda", "ordinary memory"),
        ("in_order", False, "always in order"),
    ],
)
def test_loader_refuses_arguments_without_meaning_here(name: str, value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"DataLoader: argument {name}: got .*, expected the default: .*{reason}"):
        DataLoader(TensorDataset(X, Y), **{name: value})


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"sampler": [1], "shuffle": True}, "got sampler and shuffle=True, expected one of them"),
        ({"batch_sampler": [[1]], "batch_size": 2}, "batch_sampler with batch_size=2"),
        ({"batch_sampler": [[1]], "shuffle": True}, "batch_sampler with .*shuffle=True"),
        ({"batch_sampler": [[1]], "sampler": [1]}, "batch_sampler with .*or a sampler"),
        ({"batch_sampler": [[1]], "drop_last": True}, "batch_sampler with .*drop_last=True"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None and drop_last=True"),
        ({"batch_size": 0}, "batch_size: got 0, expected an int of at least 1"),
        ({"batch_size": 2.0}, "batch_size: got 2.0, expected an int"),
        ({"batch_size": True}, "batch_size: got True, expected an int"),
    ],
)
def test_loader_refuses_arguments_that_contradict_each_other(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=rf"DataLoader: .*{text}"):
        DataLoader(TensorDataset(X, Y), **arguments)


def test_loader_refuses_what_is_no_dataset_or_generator() -> None:
    with pytest.raises(TypeError, match="argument dataset: got generator, expected something with __getitem__"):
        DataLoader(i for i in range(3))
    with pytest.raises(TypeError, match=r"argument generator: got int, expected a minigrad\.Generator"):
        DataLoader(TensorDataset(X, Y), shuffle=True, generator=3)  # type: ignore[arg-type]


# -- default_collate ---------------------------------------------------------------------------------------------------


def test_collate_keeps_structure_and_chooses_dtypes() -> None:
    Pair = namedtuple("Pair", ["a", "b"])
    batch = default_collate(
        [{"p": Pair(1, 0.5), "name": "x", "ok": True}, {"p": Pair(2, 1.5), "name": "y", "ok": False}]
    )
    assert type(batch["p"]) is Pair
    assert (batch["p"].a.dtype, batch["p"].a.tolist()) == (mg.int64, [1, 2])
    assert (batch["p"].b.dtype, batch["p"].b.tolist()) == (mg.float32, [0.5, 1.5])
    assert batch["name"] == ["x", "y"]
    assert batch["ok"].tolist() == [True, False]
    assert default_collate([np.float64(1), np.float64(2)]).dtype == mg.float64
    stacked = default_collate([mg.tensor(X), mg.tensor(X + 1)])
    np.testing.assert_array_equal(stacked.numpy(), np.stack([X, X + 1]))


@pytest.mark.parametrize(
    ("samples", "error", "text"),
    [
        ([], ValueError, "got an empty list"),
        ([X[0], X[:2]], ValueError, r"shape \(2,\) in sample 0 of the batch and \(2, 2\) in sample 1.*pads them"),
        ([(1, 2), (1,)], ValueError, "parts 2 in sample 0 of the batch and 1 in sample 1"),
        ([object()], TypeError, "got samples of type object"),
    ],
)
def test_collate_refuses(samples: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=rf"default_collate: argument samples: .*{text}"):
        default_collate(samples)


# -- splits ------------------------------------------------------------------------------------------------------------


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


# -- scalers -----------------------------------------------------------------------------------------------------------

COLUMNS = np.array([[1.0, -2.0, 5.0], [3.0, 0.0, 5.0], [2.0, 4.0, 5.0], [6.0, 6.0, 5.0]])
UNSEEN = np.array([[0.0, 7.0, 6.0]])
SCALERS: tuple[Callable[[], Any], ...] = (MinMaxScaler, StandardScaler)


def test_min_max_scaler() -> None:
    scaler = MinMaxScaler((-1, 1))
    scaled = scaler.fit_transform(COLUMNS)
    np.testing.assert_allclose(scaled[:, 0], [-1, -0.2, -0.6, 1], atol=1e-15)
    np.testing.assert_allclose(scaled[:, 1], [-1, -0.5, 0.5, 1], atol=1e-15)
    np.testing.assert_array_equal(scaled[:, 2], -1)
    assert scaler.data_min_.tolist() == [1, -2, 5]
    assert scaler.data_max_.tolist() == [6, 6, 5]
    assert scaler.data_range_.tolist() == [5, 8, 0]
    assert scaler.scale_.tolist() == [0.4, 0.25, 2]
    np.testing.assert_allclose(scaler.min_, [-1.4, -0.5, -11], rtol=1e-15)
    assert (scaler.n_samples_seen_, scaler.n_features_in_) == (4, 3)


def test_min_max_scaler_clips_only_when_asked() -> None:
    np.testing.assert_allclose(MinMaxScaler().fit(COLUMNS).transform(UNSEEN), [[-0.2, 1.125, 1.0]])
    np.testing.assert_array_equal(MinMaxScaler(clip=True).fit(COLUMNS).transform(UNSEEN), [[0.0, 1.0, 1.0]])


def test_standard_scaler() -> None:
    scaler = StandardScaler()
    scaled = scaler.fit_transform(COLUMNS)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-15)
    np.testing.assert_allclose(scaled.std(axis=0), [1, 1, 0], rtol=1e-15)
    assert scaler.mean_.tolist() == [3, 2, 5]
    assert scaler.var_.tolist() == [3.5, 10, 0]
    np.testing.assert_allclose(scaler.scale_, [np.sqrt(3.5), np.sqrt(10), 1])
    np.testing.assert_allclose(scaler.transform(UNSEEN), [[-3 / np.sqrt(3.5), 5 / np.sqrt(10), 1]])


def test_standard_scaler_without_mean_or_std() -> None:
    no_mean = StandardScaler(with_mean=False).fit(COLUMNS)
    np.testing.assert_allclose(no_mean.transform(COLUMNS), COLUMNS / [np.sqrt(3.5), np.sqrt(10), 1])
    no_std = StandardScaler(with_std=False).fit(COLUMNS)
    np.testing.assert_array_equal(no_std.transform(COLUMNS), COLUMNS - [3, 2, 5])
    assert (no_std.var_, no_std.scale_) == (None, None)
    neither = StandardScaler(with_mean=False, with_std=False).fit(COLUMNS)
    np.testing.assert_array_equal(neither.transform(COLUMNS), COLUMNS)
    assert neither.mean_ is None
    for scaler in (no_mean, no_std, neither):
        np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(UNSEEN)), UNSEEN, rtol=1e-14)


def test_a_column_that_varies_by_rounding_errors_is_constant() -> None:
    # The mean of 0.1 over 1000 samples is not exactly 0.1, so the computed variance is not exactly 0.
    column = np.full((1000, 1), 0.1)
    assert column.var() > 0
    assert StandardScaler().fit(column).scale_.tolist() == [1.0]
    assert MinMaxScaler().fit(np.array([[0.1], [0.1 + 1e-16]])).scale_.tolist() == [1.0]


@pytest.mark.parametrize("make", SCALERS)
def test_inverse_transform_restores(make: Callable[[], Any]) -> None:
    scaler = make().fit(COLUMNS)
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(COLUMNS)), COLUMNS, rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(UNSEEN)), UNSEEN, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("make", SCALERS)
def test_scalers_keep_kind_and_float32(make: Callable[[], Any]) -> None:
    single = COLUMNS.astype(np.float32)
    assert make().fit_transform(single).dtype == np.float32
    assert make().fit_transform(COLUMNS.astype(int)).dtype == np.float64
    assert make().fit_transform(COLUMNS.tolist()).dtype == np.float64
    tensor = make().fit_transform(mg.tensor(single))
    assert isinstance(tensor, mg.Tensor)
    assert tensor.dtype == mg.float32
    np.testing.assert_array_equal(tensor.numpy(), make().fit_transform(COLUMNS).astype(np.float32))


@pytest.mark.parametrize("make", SCALERS)
def test_scalers_leave_their_input_alone(make: Callable[[], Any]) -> None:
    columns = COLUMNS.copy()
    scaler = make()
    scaled = scaler.fit_transform(columns)
    scaler.inverse_transform(scaled)
    np.testing.assert_array_equal(columns, COLUMNS)


@pytest.mark.parametrize("make", SCALERS)
@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_transform_before_fit(make: Callable[[], Any], method: str) -> None:
    scaler = make()
    with pytest.raises(NotFittedError, match=rf"{type(scaler).__name__}.{method}: .*Call fit\(X_train\)") as caught:
        getattr(scaler, method)(COLUMNS)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, AttributeError)


@pytest.mark.parametrize("make", SCALERS)
@pytest.mark.parametrize("method", ["fit", "transform", "inverse_transform", "fit_transform"])
@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (np.array([[1.0, 2.0, 3.0], [1.0, np.nan, np.inf]]), ValueError, r"got nan in X\[1, 1\], and 2 such values"),
        (np.array([1.0, 2.0, 3.0]), ValueError, r"got shape \(3,\), expected two dimensions.*reshape\(-1, 1\)"),
        (np.array([["a", "b", "c"]]), TypeError, "got dtype <U1, expected numbers"),
        (mg.tensor(COLUMNS, requires_grad=True), ValueError, r"requires a gradient.*Pass x.detach\(\)"),
    ],
)
def test_scalers_refuse(make: Callable[[], Any], method: str, wrong: Any, error: type[Exception], text: str) -> None:
    scaler = make().fit(COLUMNS)
    before = {name: np.copy(value) for name, value in vars(scaler).items()}
    name = f"{type(scaler).__name__}.{'fit' if method == 'fit_transform' else method}"
    with pytest.raises(error, match=rf"{name}: argument X: .*{text}"):
        getattr(scaler, method)(wrong)
    for key, value in before.items():
        np.testing.assert_array_equal(getattr(scaler, key), value)


@pytest.mark.parametrize("make", SCALERS)
def test_scalers_refuse_other_features_and_no_samples(make: Callable[[], Any]) -> None:
    scaler = make().fit(COLUMNS)
    with pytest.raises(ValueError, match=r"got shape \(4, 2\), expected 3 features, as in fit"):
        scaler.transform(COLUMNS[:, :2])
    with pytest.raises(ValueError, match=r"got shape \(0, 3\), expected at least one sample"):
        scaler.fit(COLUMNS[:0])
    assert scaler.transform(COLUMNS[:0]).shape == (0, 3)


def test_min_max_scaler_refuses_an_empty_range() -> None:
    with pytest.raises(ValueError, match=r"MinMaxScaler: argument feature_range: got \(1, 1\), expected \(low, high\)"):
        MinMaxScaler((1, 1))
