"""Datasets and the loader: what comes out, in which order, and what is refused."""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import DataLoader, Dataset, RandomSampler, Subset, TensorDataset, default_collate

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        xb.fill_(-1.0)
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
    value = [float(dataset[i][-1]) for i in range(10)]
    loader = DataLoader(dataset, batch_size=2, sampler=[9, 0, 3])
    assert len(loader) == 2
    assert labels_of(loader) == [[value[9], value[0]], [value[3]]]
    assert labels_of(DataLoader(dataset, batch_size=2, sampler=[9, 0, 3], drop_last=True)) == [[value[9], value[0]]]
    loader = DataLoader(dataset, batch_sampler=[[1, 1, 1], [2]])
    assert (len(loader), loader.batch_size) == (2, None)
    assert labels_of(loader) == [[value[1]] * 3, [value[2]]]


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
        ("timeout", 5, "no worker processes"),
        ("worker_init_fn", print, "no worker processes"),
        ("multiprocessing_context", "spawn", "no worker processes"),
        ("pin_memory_device", "cuda", "ordinary memory"),
        ("in_order", False, "always in order"),
    ],
)
def test_loader_refuses_arguments_without_meaning_here(name: str, value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"DataLoader: argument {name}: got .*, expected the default: .*{reason}"):
        DataLoader(TensorDataset(X, Y), **{name: value})


def test_loader_takes_what_only_makes_others_faster() -> None:
    faster = {"num_workers": 2, "pin_memory": True, "persistent_workers": True, "prefetch_factor": 4}
    plain, hinted = (list(DataLoader(TensorDataset(X, Y), batch_size=3, **given)) for given in ({}, faster))
    assert [[part.tolist() for part in batch] for batch in hinted] == [[part.tolist() for part in batch] for batch in plain]


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


@pytest.mark.parametrize("rows", [3, 70, 5000])
@pytest.mark.parametrize("width", [1, 4000])
@pytest.mark.parametrize("drop_last", [False, True])
def test_rows_that_are_gathered_together_are_those_of_the_order(rows: int, width: int, drop_last: bool) -> None:
    x = np.arange(rows * width).reshape(rows, width) if rows * width < 300_000 else np.arange(rows)[:, None] * np.ones((1, 9))
    data = TensorDataset(x, np.arange(rows))
    order = mg.Generator()
    order.manual_seed(3)
    expected = RandomSampler(data, generator=order).order()
    order.manual_seed(3)
    loader = DataLoader(data, 7, shuffle=True, generator=order, drop_last=drop_last)
    batches = list(loader)
    assert [len(y) for _, y in batches] == [7] * (rows // 7) + ([] if drop_last or not rows % 7 else [rows % 7])
    found = np.concatenate([y.numpy() for _, y in batches] or [np.empty(0)])
    np.testing.assert_array_equal(found, expected[: len(found)])
    for xb, yb in batches:
        np.testing.assert_array_equal(xb.numpy(), data.tensors[0].numpy()[yb.numpy()])
    in_order = [i for _, y in DataLoader(data, 7, drop_last=drop_last) for i in y.tolist()]
    assert in_order == list(range(rows - rows % 7 if drop_last else rows))
