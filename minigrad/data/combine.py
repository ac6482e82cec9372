"""Datasets made of other datasets: end to end, side by side, and with their samples transformed.

Where the parts live in arrays, whole batches are still cut from these: each class here says how in ``cutter``.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from minigrad._array import from_array
from minigrad._tensor import Tensor
from minigrad.data.dataset import Dataset, IterableDataset, as_int_rows, batch_cutter, copy_rows, samples_at
from minigrad.errors import ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy.typing as npt

    from minigrad.data.dataset import Cutter, Rows

    IntArray = npt.NDArray[np.int64]

Sample = TypeVar("Sample")


class ConcatDataset(Dataset[Sample]):
    """The samples of several datasets, one dataset after the other; ``a + b`` makes one of two.

    The attributes are ``datasets``, a list, and ``cumulative_sizes``, the index behind the last sample of each.

    Errors: ValueError for no datasets; TypeError for something without indices and a length, such as an
    ``IterableDataset``; IndexError for an index outside of the dataset.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError(message("ConcatDataset", "datasets", "no datasets", "at least one"))
        _check_indexed("ConcatDataset", dict(enumerate(self.datasets)))
        sizes = np.array([len(dataset) for dataset in self.datasets], np.int64)
        self._ends = np.cumsum(sizes)
        self._starts = self._ends - sizes
        self.cumulative_sizes: list[int] = self._ends.tolist()

    def __getitem__(self, index: Any) -> Sample:
        part, row = self._places(as_int_rows([_as_key(index, self)], "ConcatDataset", "index"))
        sample: Sample = self.datasets[part[0]][int(row[0])]
        return sample

    def __getitems__(self, indices: Sequence[int]) -> list[Sample]:
        parts, rows = self._places(as_int_rows(indices, "ConcatDataset", "indices"))
        samples: list[Any] = [None] * len(rows)
        for part in np.unique(parts).tolist():
            places = np.flatnonzero(parts == part)
            for place, sample in zip(places, samples_at(self.datasets[part], rows[places].tolist()), strict=True):
                samples[place] = sample
        return samples

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def _places(self, indices: IntArray) -> tuple[IntArray, IntArray]:
        """For each index the number of the dataset, and the row within it."""
        size = len(self)
        outside = (indices < -size) | (indices >= size)
        if outside.any():
            raise IndexError(f"ConcatDataset of {size} samples: index {indices[outside][0]} is out of bounds")
        rows = np.where(indices < 0, indices + size, indices)
        parts = np.searchsorted(self._ends, rows, side="right")
        return parts, rows - self._starts[parts]

    def cutter(self) -> Cutter | None:
        """What ``batch_cutter`` gives for this dataset."""
        cuts: list[Any] = [batch_cutter(dataset) for dataset in self.datasets]
        if None in cuts:
            return None

        def cut(rows: Rows) -> Any:
            whole = np.arange(rows.start, rows.stop, rows.step) if isinstance(rows, slice) else rows
            parts, local = self._places(whole)
            order = np.argsort(parts, kind="stable")
            present = np.flatnonzero(np.bincount(parts)).tolist() or [0]
            pieces = [cuts[part](local[parts == part]) for part in present]
            if len(pieces) == 1:
                return pieces[0]
            # The pieces lie end to end as `order` has their rows; the inverse permutation is the way back.
            places = np.empty_like(order)
            places[order] = np.arange(len(order))
            return _merged(pieces, places)

        return cut


def _merged(pieces: list[Any], places: IntArray) -> Any:
    """One batch from the pieces of several datasets, which must be of one structure: row i of it is row places[i] of
    the pieces laid end to end."""
    first = pieces[0]
    if isinstance(first, Tensor):
        _check_alike([p.shape[1:] if isinstance(p, Tensor) else f"{len(p)} parts" for p in pieces])
        return copy_rows(from_array(np.concatenate([piece.array for piece in pieces])).array, places)
    _check_alike(
        [list(p) if isinstance(p, dict) else f"{len(p)} parts" if isinstance(p, list) else "1" for p in pieces]
    )
    if isinstance(first, dict):
        return {key: _merged([piece[key] for piece in pieces], places) for key in first}
    return [_merged(list(column), places) for column in zip(*pieces, strict=True)]


def _check_alike(kinds: list[Any]) -> None:
    for kind in kinds:
        if kind != kinds[0]:
            got = f"datasets with samples of {kinds[0]} and of {kind}"
            expected = "the same shape and structure in all, since their samples share batches"
            raise ShapeError(message("ConcatDataset", "datasets", got, expected, "Pass a collate_fn of your own."))


class ChainDataset(IterableDataset[Sample]):
    """The samples of several datasets, one after the other, read as a stream; ``a + b`` of two ``IterableDataset``.

    It has a length where all of them have one. Errors: TypeError for something that cannot be iterated.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        for i, dataset in enumerate(self.datasets):
            if not hasattr(dataset, "__iter__"):
                got, expected = type(dataset).__name__, "an IterableDataset, or another that can be iterated"
                raise TypeError(message("ChainDataset", f"datasets[{i}]", got, expected))

    def __iter__(self) -> Iterator[Sample]:
        return chain.from_iterable(self.datasets)

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)


class StackDataset(Dataset[Any]):
    """Datasets side by side: sample i is ``(a[i], b[i])`` of ``StackDataset(a, b)``, and ``{"x": a[i], "y": b[i]}`` of
    ``StackDataset(x=a, y=b)``.

    Errors: ValueError for no datasets, for both kinds of arguments and for datasets of different lengths; TypeError for
    something without indices and a length.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            got = "both kinds of arguments" if args else "no datasets"
            expected = "datasets one after the other, for tuples, or by name, for dicts"
            raise ValueError(message("StackDataset", "", got, expected))
        self.datasets: tuple[Any, ...] | dict[str, Any] = kwargs or args
        self._named: dict[Any, Any] = {**kwargs} or dict(enumerate(args))
        _check_indexed("StackDataset", self._named)
        sizes = [len(dataset) for dataset in self._named.values()]
        if len(set(sizes)) > 1:
            got = f"datasets of {', '.join(map(str, sizes))} samples"
            raise ShapeError(message("StackDataset", "", got, "the same number in all"))

    def __getitem__(self, index: Any) -> Any:
        key = _as_key(index, self)
        parts = {name: dataset[key] for name, dataset in self._named.items()}
        return parts if isinstance(self.datasets, dict) else tuple(parts.values())

    def __len__(self) -> int:
        return len(next(iter(self._named.values())))

    def cutter(self) -> Cutter | None:
        """What ``batch_cutter`` gives for this dataset."""
        cuts = {name: batch_cutter(dataset) for name, dataset in self._named.items()}
        if None in cuts.values():
            return None
        named = isinstance(self.datasets, dict)

        def cut(rows: Rows) -> Any:
            parts = {name: part(rows) for name, part in cuts.items()}  # type: ignore[misc]
            return parts if named else list(parts.values())

        return cut


class TransformDataset(Dataset[Any]):
    """The samples of `dataset` with ``transform`` applied to x and ``target_transform`` to y, anew whenever a sample is
    read: with a random transform every epoch sees other pictures.

    A sample is a tuple or a list ``(x, y, ...)``, of which the rest stays as it is, or x alone. Any function will do. The
    ones of ``data.transforms`` also have ``batch(xs)``; if both have it, or are None, and `dataset` lives in arrays, a
    loader transforms each batch at once.

        train = TransformDataset(TensorDataset(images, labels), RandomShift(0.1))

    Transform the training part alone: split first, then wrap.

    Errors: TypeError for something without indices and a length, for a transform that cannot be called, for samples that
    are mappings, and for a ``target_transform`` where samples have no y.
    """

    def __init__(
        self,
        dataset: Any,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        _check_indexed("TransformDataset", {"dataset": dataset})
        for name, function in (("transform", transform), ("target_transform", target_transform)):
            if function is not None and not callable(function):
                got, expected = type(function).__name__, "a function, a transform or None"
                raise TypeError(message("TransformDataset", name, got, expected))
        self.dataset = dataset
        self.transform = transform
        self.target_transform = target_transform

    def __getitem__(self, index: Any) -> Any:
        sample = self.dataset[_as_key(index, self)]
        parts = self._applied(sample, self.transform, self.target_transform)
        return tuple(parts) if isinstance(sample, tuple) else parts

    def __len__(self) -> int:
        return len(self.dataset)

    def _applied(self, sample: Any, transform: Any, target_transform: Any) -> Any:
        parts = list(sample) if isinstance(sample, (tuple, list)) else [sample]
        if isinstance(sample, dict) or (target_transform is not None and len(parts) < 2):
            got = "a mapping" if isinstance(sample, dict) else "a sample of x alone with a target_transform"
            expected = "samples (x, y, ...), or x alone and no target_transform"
            remedy = "Write a Dataset whose __getitem__ transforms what it must."
            raise TypeError(message("TransformDataset", "dataset", got, expected, remedy))
        for i, function in enumerate((transform, target_transform)):
            if function is not None:
                parts[i] = function(parts[i])
        return parts if isinstance(sample, (tuple, list)) else parts[0]

    def cutter(self) -> Cutter | None:
        """What ``batch_cutter`` gives for this dataset."""
        cut = batch_cutter(self.dataset)
        functions = (self.transform, self.target_transform)
        if cut is None or not all(function is None or hasattr(function, "batch") for function in functions):
            return None
        x, y = (getattr(function, "batch", None) for function in functions)
        return lambda rows: self._applied(cut(rows), x, y)


def _check_indexed(operation: str, datasets: dict[Any, Any]) -> None:
    for name, dataset in datasets.items():
        if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
            expected = "a dataset with __getitem__ and __len__"
            remedy = "ChainDataset joins streams." if isinstance(dataset, IterableDataset) else ""
            raise TypeError(message(operation, str(name), type(dataset).__name__, expected, remedy))


def _as_key(index: Any, dataset: object) -> int:
    if hasattr(index, "__index__") and not isinstance(index, (bool, Tensor)) and np.ndim(index) == 0:
        return int(index.__index__())
    expected = "an int; DataLoader makes batches, and Subset chooses samples"
    raise TypeError(message(f"{type(dataset).__name__}[...]", "index", repr(index), expected))
