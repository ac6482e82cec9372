"""What a dataset is: something with ``len(dataset)`` and ``dataset[index]``.

Datasets that live in arrays also answer for many rows at once, and that is what makes loading cheap: a batch of 32 rows
is one copy out of each array instead of 32 trips through Python. ``batch_cutter`` decides which datasets can do that.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from minigrad._array import canonical, duplicate, empty, from_array
from minigrad._tensor import Tensor
from minigrad.errors import ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from minigrad.data.combine import ChainDataset, ConcatDataset

    Array = npt.NDArray[Any]
    IntArray = npt.NDArray[np.int64]
    Rows = slice | IntArray
    Cutter = Callable[[Rows], Any]

Sample = TypeVar("Sample")


class Dataset(Generic[Sample]):
    """Base class of datasets: subclass it and write ``__getitem__(index)`` and ``__len__()``.

    A subclass may add ``__getitems__(indices)``, which returns the list of samples at a list of indices; ``DataLoader``
    then asks once per batch instead of once per sample.
    """

    def __getitem__(self, index: Any) -> Sample:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__: write one that returns sample `index`")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no __len__: write one that returns the number of samples")

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    def __add__(self, other: Dataset[Any]) -> ConcatDataset[Any]:
        from minigrad.data.combine import ConcatDataset

        return ConcatDataset([self, other])


class IterableDataset(Generic[Sample]):
    """Base class of datasets that are read from beginning to end, such as a file or a generator of samples: subclass it
    and write ``__iter__()``, which starts a new pass, and ``__len__()`` where the number of samples is known.

    It has no indices, so it is no ``Dataset``: a loader reads it in its own order, without shuffling.
    """

    def __iter__(self) -> Iterator[Sample]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__: write one that yields the samples of a pass")

    def __add__(self, other: IterableDataset[Any]) -> ChainDataset[Any]:
        from minigrad.data.combine import ChainDataset

        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Samples that are the rows of one or more arrays: sample i is ``(a[i], b[i], ...)``.

    ``tensors``: Tensors or NumPy arrays of any shape (N, ...) with the same N. Nothing is copied, unless an array has a
    dtype that tensors do not hold (small integers become int64, float16 becomes float32). The attribute ``tensors`` is
    the tuple of Tensors.

    An index is an int (one sample), or a slice, a list or an array of ints or of bools (the chosen rows of each array,
    as one Tensor each); an int and a slice give views of the arrays, as in NumPy.

    Errors: ShapeError (a ValueError) for different N; ValueError for no arrays, and for a Tensor that requires a
    gradient, since rows are read outside of the tape; TypeError for other objects and for dtypes such as complex.
    """

    def __init__(self, *tensors: Tensor | Array) -> None:
        if not tensors:
            raise ValueError(message("TensorDataset", "", "no arrays", "at least one, as in TensorDataset(X, y)"))
        held = tuple(
            from_array(as_array(value, "TensorDataset", i), f"TensorDataset: argument {i}")
            for i, value in enumerate(tensors)
        )
        shapes = [value.array.shape for value in held]
        if () in shapes:
            expected = "an array whose first dimension counts the samples"
            raise ShapeError(message("TensorDataset", str(shapes.index(())), "a single number, shape ()", expected))
        if len({shape[0] for shape in shapes}) > 1:
            sizes = ", ".join(str(shape[0]) for shape in shapes)
            got = f"arrays of {sizes} samples, shapes {', '.join(map(str, shapes))}"
            raise ShapeError(message("TensorDataset", "", got, "the same first dimension in all"))
        self.tensors = held

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        rows = as_index(index, self)
        try:
            return tuple(from_array(np.asarray(value.array[rows])) for value in self.tensors)
        except IndexError as error:
            raise IndexError(f"{type(self).__name__} of {len(self)} samples: {error}") from None

    def __len__(self) -> int:
        return len(self.tensors[0].array)

    def take(self, rows: Rows) -> list[Tensor]:
        """The given rows, one copy out of each array, so that a batch changed in place leaves the dataset alone."""
        return [copy_rows(value.array, rows) for value in self.tensors]

    def cutter(self) -> Cutter:
        """What ``batch_cutter`` gives for this dataset."""
        return self.take


class Subset(Dataset[Sample]):
    """The samples of `dataset` at `indices` (ints; repeated and negative ones are allowed), in that order.

    The attribute ``indices`` is an int64 array. Errors: IndexError for an index outside of the dataset, TypeError for
    indices that are not integers.
    """

    def __init__(self, dataset: Dataset[Sample], indices: Sequence[int] | npt.NDArray[np.integer[Any]]) -> None:
        chosen = as_int_rows(indices, "Subset", "indices").copy()
        size = len(dataset)
        outside = (chosen < -size) | (chosen >= size)
        if outside.any():
            expected = f"values from {-size} to {size - 1}, since the dataset has {size} samples"
            raise IndexError(message("Subset", "indices", chosen[outside][0], expected))
        self.dataset = dataset
        self.indices = chosen

    def __getitem__(self, index: Any) -> Sample:
        position = as_index(index, self)
        try:
            rows = self.indices[position]
        except IndexError as error:
            raise IndexError(f"{type(self).__name__} of {len(self)} samples: {error}") from None
        return self.dataset[rows if rows.ndim else int(rows)]

    def __getitems__(self, indices: Sequence[int]) -> list[Sample]:
        return samples_at(self.dataset, self.indices[as_int_rows(indices, "Subset", "indices")].tolist())

    def __len__(self) -> int:
        return len(self.indices)

    def cutter(self) -> Cutter | None:
        """What ``batch_cutter`` gives for this dataset."""
        cut, indices = batch_cutter(self.dataset), self.indices
        return None if cut is None else lambda rows: cut(indices[rows])


def samples_at(dataset: Any, keys: list[Any]) -> list[Any]:
    """The samples at `keys`, through the dataset's ``__getitems__`` if it has one, else one by one."""
    ask_for_all = getattr(dataset, "__getitems__", None)
    if ask_for_all is None:
        return [dataset[key] for key in keys]
    samples: list[Any] = ask_for_all(keys)
    return samples


def batch_cutter(dataset: Any) -> Cutter | None:
    """The function that cuts a whole batch from the dataset's arrays; None where samples must be asked for one by one.

    A class of dataset that can do it has a method ``cutter``. A subclass of it with a ``__getitem__`` of its own (an
    augmentation, say) decides what a sample is, so it is always asked.
    """
    if isinstance(dataset, (Tensor, np.ndarray)):
        array = from_array(as_array(dataset, "DataLoader", "dataset"), "DataLoader").array
        return lambda rows: copy_rows(array, rows)
    for base in type(dataset).__mro__:
        if "cutter" in vars(base):
            cut: Cutter | None = dataset.cutter() if _reads_like(dataset, base) else None
            return cut
    return None


def _reads_like(dataset: Any, base: type) -> bool:
    methods = ("__getitem__", "__getitems__")
    return all(getattr(type(dataset), name, None) is getattr(base, name, None) for name in methods)


def copy_rows(array: Array, rows: Rows) -> Tensor:
    """A new Tensor of the given rows of an array."""
    if isinstance(rows, slice):
        return duplicate(array[rows])  # type: ignore[no-any-return]
    # Measured on batches of 32 to 128 rows: take() is 1.2 to 4 times as fast as array[rows].
    chosen: Tensor = empty((*rows.shape, *array.shape[1:]), canonical(array.dtype))
    array.take(rows, axis=0, out=chosen.array)
    return chosen


def as_index(index: Any, dataset: object) -> int | slice | Array:
    """`index` if it selects samples: an int, a slice, or a one-dimensional list, array or Tensor of ints or bools."""
    if isinstance(index, slice):
        return index
    rows = index.array if isinstance(index, Tensor) else np.asarray(index) if isinstance(index, list) else index
    if isinstance(rows, np.ndarray):
        if rows.size == 0:
            return np.empty(0, np.int64)
        if rows.ndim <= 1 and rows.dtype.kind in "iub":
            return rows
    elif hasattr(index, "__index__"):
        return operator.index(index)
    got = f"dtype {rows.dtype} and shape {rows.shape}" if isinstance(rows, np.ndarray) else repr(index)
    expected = "an int, a slice, or a one-dimensional list or array of ints or bools"
    raise TypeError(message(f"{type(dataset).__name__}[...]", "index", got, expected))


def as_int_rows(indices: Any, operation: str, argument: str) -> IntArray:
    """`indices` as a one-dimensional int64 array."""
    rows = indices.array if isinstance(indices, Tensor) else np.asarray(indices)
    if rows.size == 0:
        return np.empty(0, np.int64)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        got = f"dtype {rows.dtype} and shape {rows.shape}"
        raise TypeError(message(operation, argument, got, "a one-dimensional sequence of ints"))
    return rows.astype(np.int64, copy=False)


def as_array(value: Any, operation: str, argument: object) -> Array:
    """The NumPy array behind a Tensor that needs no gradient, or `value` itself if it is an array."""
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, Tensor):
        expected = "a Tensor or a NumPy array"
        raise TypeError(
            message(operation, str(argument), type(value).__name__, expected, "numpy.asarray(x) makes one.")
        )
    if value.requires_grad:
        expected = "one that does not, since rows are read outside of the tape and no gradient would reach it"
        raise ValueError(
            message(operation, str(argument), "a Tensor that requires a gradient", expected, "Pass x.detach().")
        )
    return value.array
