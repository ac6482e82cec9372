"""``DataLoader``: walks over a dataset in batches; ``default_collate``: samples to one batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad._array import duplicate, from_array
from minigrad._generator import Generator
from minigrad._tensor import Tensor
from minigrad.data.dataset import IterableDataset, TensorDataset, as_array, as_int_rows, batch_cutter, samples_at
from minigrad.data.sampler import BatchSampler, RandomSampler, SequentialSampler, key_list, length_of
from minigrad.errors import ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

# PyTorch's arguments that worker processes or a GPU would obey: name, the only value that has a meaning here, and why. (What
# merely makes these faster, num_workers, prefetch_factor, persistent_workers and pin_memory, is taken: the batches are the same.)
_WITHOUT_MEANING = (
    ("timeout", 0, "there are no worker processes to wait for"),
    ("worker_init_fn", None, "there are no worker processes to initialise"),
    ("multiprocessing_context", None, "there are no worker processes to start"),
    ("pin_memory_device", "", "tensors live in ordinary memory and no device needs a pinned copy"),
    ("in_order", True, "one process makes the batches, so they are always in order"),
)


#: Batches whose rows are gathered at once, and their bytes at the most: beyond the cache, a second copy costs more than it saves.
_TOGETHER, _GATHERED = 64, 1 << 18


class DataLoader:
    """Iterates over `dataset` in batches, with PyTorch's arguments and rules.

    - ``dataset``: anything with ``len()`` and ``dataset[i]``. A ``TensorDataset``, ``MNIST``, an array, a Tensor and what
      ``Subset``, ``ConcatDataset`` or ``StackDataset`` make of them are cut a whole batch at a time; others are asked
      sample by sample, or with their ``__getitems__``. An ``IterableDataset`` is read in its own order.
    - ``batch_size``: samples per batch, 1 by default; None yields single samples instead of batches.
    - ``shuffle``: a new order in every pass, drawn from ``generator``, or from the global one that
      ``minigrad.manual_seed`` seeds; the same seed gives the same orders.
    - ``sampler``: an iterable of indices to use instead, read lazily; ``batch_sampler``: an iterable of lists of
      indices, one per batch. The attributes of these names hold what is in use: a ``SequentialSampler`` or
      ``RandomSampler`` and a ``BatchSampler`` where none was given.
    - ``drop_last``: leave out a last batch that is smaller than ``batch_size``.
    - ``collate_fn``: makes a batch from a list of samples, ``default_collate`` by default. With a function of your own
      the samples are read one by one.
    - ``num_workers``, ``prefetch_factor``, ``persistent_workers``, ``pin_memory``: taken, and without effect. Batches are
      cut from arrays in this process, to which worker processes and pinned copies would only add copies.

    A batch of tuple samples is a list, so ``for xb, yb in loader`` reads as usual; its Tensors are fresh copies.
    ``len`` is the number of batches: ceil(samples / batch_size), or the floor of it with ``drop_last``; an
    ``IterableDataset`` without a length gives a loader without one.

    Errors: ValueError for arguments that exclude each other and for ``worker_init_fn`` and the others that only worker
    processes or a GPU would obey; TypeError for a dataset that cannot be indexed.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Sequence[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        given = locals()
        for name, only_value, reason in _WITHOUT_MEANING:
            if given[name] != only_value:
                raise ValueError(message("DataLoader", name, repr(given[name]), f"the default: {reason}"))
        _check_order(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        _check_dataset(dataset, bool(shuffle) or sampler is not None or batch_sampler is not None)
        if generator is not None and not isinstance(generator, Generator):
            expected = "a minigrad.Generator, or None for the global one"
            raise TypeError(message("DataLoader", "generator", type(generator).__name__, expected))
        self.dataset = dataset
        self.batch_size = None if batch_sampler is not None else batch_size
        self.shuffle = bool(shuffle)
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self.generator = generator
        if sampler is None and batch_sampler is None and not isinstance(dataset, IterableDataset):
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if sampler is not None and batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.sampler = sampler
        self.batch_sampler = batch_sampler

    def __iter__(self) -> Iterator[Any]:
        if self.batch_sampler is not None:
            if self.collate_fn is None and type(self.dataset) is TensorDataset and _is_over(self.batch_sampler, self.dataset):
                return self._gathered(self.dataset, self.batch_sampler)
            return map(self._reader(), _batches(self.batch_sampler))
        convert = self.collate_fn or _as_tensor
        if self.sampler is not None:
            return (convert(self.dataset[key]) for key in self.sampler)
        samples = iter(self.dataset)
        if self.batch_size is None:
            return map(convert, samples)
        return map(self.collate_fn or default_collate, BatchSampler(samples, self.batch_size, self.drop_last))

    def __len__(self) -> int:
        if self.batch_sampler is not None and self.batch_size is None:
            return length_of(self.batch_sampler, "DataLoader", "batch_sampler")
        source, argument = (self.dataset, "dataset") if self.sampler is None else (self.sampler, "sampler")
        samples = length_of(source, "DataLoader", argument)
        if self.batch_size is None:
            return samples
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)

    def _gathered(self, dataset: TensorDataset, batches: Any) -> Iterator[list[Tensor]]:
        """The batches of arrays in an order that is known. Of short rows those of many batches are gathered at once, as one
        call of NumPy costs as much as another; long ones are copied but once."""
        arrays, size, order = [value.array for value in dataset.tensors], batches.batch_size, batches.sampler.order()
        stop = len(order) - len(order) % size if batches.drop_last else len(order)
        width = sum(array.nbytes for array in arrays) // max(len(dataset), 1)
        many = size * max(1, min(_TOGETHER, _GATHERED // max(size * width, 1)))
        for start in range(0, stop, many):
            rows = order[start : min(start + many, stop)]
            if many == size and not isinstance(rows, range):
                yield dataset.take(rows)
                continue
            block = [a[rows.start : rows.stop] if isinstance(rows, range) else a.take(rows, 0) for a in arrays]
            for at in range(0, len(rows), size):
                yield [duplicate(a[at : at + size]) for a in block]

    def _reader(self) -> Callable[[Any], Any]:
        """The function from the indices of a batch to the batch."""
        cut = batch_cutter(self.dataset) if self.collate_fn is None else None
        if cut is None:
            collate = self.collate_fn or default_collate
            return lambda rows: collate(samples_at(self.dataset, key_list(rows)))
        return lambda rows: cut(rows) if isinstance(rows, slice) else _cut_sampled(cut, rows, len(self.dataset))


def _is_over(batches: Any, dataset: Any) -> bool:
    """Whether the batches are those of our own classes, of an order of just this dataset's samples."""
    sampler = getattr(batches, "sampler", None)
    ours = type(batches) is BatchSampler and type(sampler) in (SequentialSampler, RandomSampler)
    return ours and sampler.data_source is dataset  # type: ignore[union-attr]


def _check_dataset(dataset: Any, ordered: bool) -> None:
    """A dataset has indices, or else nothing may ask for them."""
    if isinstance(dataset, IterableDataset):
        if ordered:
            got = f"shuffle, sampler or batch_sampler with the {type(dataset).__name__}"
            expected = "none of them: an IterableDataset gives its samples in its own order"
            remedy = "Shuffle within its __iter__, or read it into a list first."
            raise ValueError(message("DataLoader", "", got, expected, remedy))
    elif not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        expected = "something with __getitem__ and __len__, such as TensorDataset(X, y) or a list of samples"
        remedy = "For a stream of samples, subclass IterableDataset."
        raise TypeError(message("DataLoader", "dataset", type(dataset).__name__, expected, remedy))


def _check_order(batch_size: object, shuffle: bool, sampler: object, batch_sampler: object, drop_last: bool) -> None:
    """The arguments that say which samples come in which batch must not contradict each other."""
    if sampler is not None and shuffle:
        raise ValueError(message("DataLoader", "", "sampler and shuffle=True", "one of them: both set the order"))
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            got = f"batch_sampler with {batch_size=}, {shuffle=}, {drop_last=} or a sampler"
            expected = "batch_sampler alone: it already says which samples form each batch"
            raise ValueError(message("DataLoader", "", got, expected))
    elif batch_size is None:
        if drop_last:
            got = "batch_size=None and drop_last=True"
            raise ValueError(
                message("DataLoader", "", got, "one of them: without batches there is no last one to drop")
            )
    elif not isinstance(batch_size, (int, np.integer)) or isinstance(batch_size, bool) or batch_size < 1:
        expected = "an int of at least 1, or None for single samples"
        raise ValueError(message("DataLoader", "batch_size", repr(batch_size), expected))


def _batches(batch_sampler: Iterable[Any]) -> Iterable[Any]:
    """The keys of each batch, in the cheapest form that the batch sampler has."""
    whole = isinstance(batch_sampler, BatchSampler) and type(batch_sampler).__iter__ is BatchSampler.__iter__
    return batch_sampler.rows() if whole else batch_sampler  # type: ignore[attr-defined]


def _cut_sampled(cut: Callable[[Any], Any], indices: Any, size: int) -> Any:
    rows = as_int_rows(indices, "DataLoader", "sampler")
    try:
        return cut(rows)
    except IndexError as error:
        raise IndexError(f"DataLoader: the sampler left the dataset of {size} samples: {error}") from None


def _as_tensor(sample: Any) -> Any:
    """A sample as it is, with the arrays in it made Tensors."""
    if isinstance(sample, (np.ndarray, np.generic)) and sample.dtype.kind in "fiub":
        return from_array(np.asarray(sample), "DataLoader")
    if isinstance(sample, Mapping):
        return {key: _as_tensor(value) for key, value in sample.items()}
    if isinstance(sample, (tuple, list)):
        return [_as_tensor(value) for value in sample]
    return sample


def default_collate(samples: Sequence[Any]) -> Any:
    """One batch from a list of samples of the same structure; the structure of the first one decides.

    Tensors, arrays and NumPy scalars of shape S become one Tensor (N, *S); Python numbers become a Tensor (N,): bool,
    int64, or float32 (PyTorch makes float64 of Python floats; float32 is what layers hold). Tuples and lists become a
    list of batches, named tuples and mappings keep their names, text stays a list.

    Errors: ShapeError (a ValueError) for samples of different shapes or lengths, which are named; ValueError for an
    empty list; TypeError for samples of another type.
    """
    if not samples:
        raise ValueError(message("default_collate", "samples", "an empty list", "at least one sample"))
    first = samples[0]
    if isinstance(first, (Tensor, np.ndarray, np.generic)):
        return _stack(samples)
    if isinstance(first, (bool, int, float)):
        numbers = np.asarray(samples)
        numbers = numbers.astype(np.float32) if numbers.dtype == np.float64 else numbers
        return from_array(numbers, "default_collate")
    if isinstance(first, (str, bytes)):
        return list(samples)
    if isinstance(first, Mapping):
        return {key: default_collate([sample[key] for sample in samples]) for key in first}
    if isinstance(first, (tuple, list)):
        _check_alike([len(sample) for sample in samples], "parts", "Pass a collate_fn of your own.")
        columns = [default_collate(column) for column in zip(*samples, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else columns
    expected = "Tensors, arrays, numbers, text, or tuples, lists and mappings of these"
    got = f"samples of type {type(first).__name__}"
    raise TypeError(message("default_collate", "samples", got, expected, "Pass a collate_fn of your own."))


def _stack(samples: Sequence[Any]) -> Tensor:
    rows = [as_array(s if isinstance(s, Tensor) else np.asarray(s), "default_collate", "samples") for s in samples]
    _check_alike([row.shape for row in rows], "shape", "Pass a collate_fn that pads them.")
    stacked: Tensor = from_array(np.stack(rows), "default_collate")
    return stacked


def _check_alike(values: list[Any], what: str, remedy: str) -> None:
    """All samples of a batch must agree in `values`; the first that differs from sample 0 is named."""
    for i, value in enumerate(values):
        if value != values[0]:
            got = f"{what} {values[0]} in sample 0 of the batch and {value} in sample {i}"
            raise ShapeError(message("default_collate", "samples", got, "the same in all", remedy))
