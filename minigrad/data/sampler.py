"""Samplers: in which order the samples of a dataset come, and which of them share a batch.

A sampler is iterated once per pass and gives the index of each sample. The ones here know their whole order at once, as
an array, so that ``DataLoader`` cuts a batch with one copy of a piece of it; a sampler of your own is read lazily.
Random ones draw from ``generator``, or from the global one that ``minigrad.manual_seed`` seeds, anew in every pass.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from minigrad._array import from_array
from minigrad._draw import multinomial, randint, randperm
from minigrad._generator import stream
from minigrad._tensor import Tensor
from minigrad.data.dataset import as_array, as_int_rows
from minigrad.errors import ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence, Sized

    import numpy.typing as npt

    from minigrad._generator import Generator

    IntArray = npt.NDArray[np.int64]
    Rows = slice | IntArray | list[Any]

Key = TypeVar("Key")


class Sampler(Generic[Key]):
    """Base class of samplers: subclass it and write ``__iter__()``, which gives the keys of one pass, and ``__len__()``
    where their number is known."""

    def __iter__(self) -> Iterator[Key]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__: write one that yields the keys of one pass")


class OrderedSampler(Sampler[int]):
    """Base class of samplers that know the order of a pass at once: subclass it and write ``order()``."""

    def order(self) -> range | IntArray:
        """The index of every sample of one pass; a random sampler draws a new one in every call."""
        raise NotImplementedError(f"{type(self).__name__} has no order: write one that returns a range or an int array")

    def __iter__(self) -> Iterator[int]:
        order = self.order()
        return iter(order if isinstance(order, range) else order.tolist())


class SequentialSampler(OrderedSampler):
    """0, 1, 2 and so on, to the end of `data_source`, which is anything with ``len()``."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def order(self) -> range:
        """All indices, in order."""
        return range(len(self.data_source))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(OrderedSampler):
    """The samples of `data_source` in random order.

    ``num_samples``: how many indices a pass has, by default one per sample. Without ``replacement`` no sample comes a
    second time before all others have come once; with it, each index is drawn from all of them.

    Errors: ValueError for a ``num_samples`` below 1 and for an empty ``data_source`` to draw some from; TypeError for a
    ``replacement`` that is no bool (a number in its place is mostly meant as ``num_samples``).
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(message("RandomSampler", "replacement", repr(replacement), "True or False"))
        if num_samples is not None:
            _check_count("RandomSampler", "num_samples", num_samples)
        if generator is not None:
            stream("RandomSampler", generator)
        self.data_source = data_source
        self.replacement = replacement
        self.generator = generator
        self._num_samples = num_samples

    @property
    def num_samples(self) -> int:
        """The number of indices in a pass."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def order(self) -> IntArray:
        """The indices of a new pass."""
        size, count = len(self.data_source), self.num_samples
        if size == 0 and count:
            got = f"an empty data_source for {count} samples"
            raise ValueError(message("RandomSampler", "data_source", got, "at least one sample to draw from"))
        if self.replacement and count:
            return randint(size, (count,), generator=self.generator).array  # type: ignore[no-any-return]
        permutations = [self._permutation() for _ in range(-(-count // size) if size else 1)]
        return (permutations[0] if len(permutations) == 1 else np.concatenate(permutations))[:count]

    def _permutation(self) -> IntArray:
        return randperm(len(self.data_source), generator=self.generator).array  # type: ignore[no-any-return]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(OrderedSampler):
    """The given `indices` in random order, each once.

    Errors: TypeError for indices that are not integers.
    """

    def __init__(self, indices: Sequence[int] | IntArray, generator: Generator | None = None) -> None:
        if generator is not None:
            stream("SubsetRandomSampler", generator)
        self.indices = as_int_rows(indices, "SubsetRandomSampler", "indices").copy()
        self.generator = generator

    def order(self) -> IntArray:
        """The indices, permuted anew."""
        return self.indices[randperm(len(self.indices), generator=self.generator).array]  # type: ignore[no-any-return]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(OrderedSampler):
    """`num_samples` indices, index i with a probability in proportion to ``weights[i]``.

    One weight per sample, of 1 / (size of the sample's class), makes classes equally frequent that are not so in the
    data. The weights need not add up to 1. With ``replacement`` each index is drawn from all of them; without it, no
    index comes twice, and a sample of weight 0 never comes.

    Errors: ValueError for weights that are negative, infinite, NaN or all 0, and for more samples than there are weights
    above 0 where nothing is replaced; ShapeError (a ValueError) for weights that are not one-dimensional.
    """

    def __init__(
        self,
        weights: Sequence[float] | npt.NDArray[Any] | Tensor,
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        op = "WeightedRandomSampler"
        if not isinstance(replacement, bool):
            raise TypeError(message(op, "replacement", repr(replacement), "True or False"))
        if generator is not None:
            stream(op, generator)
        _check_count(op, "num_samples", num_samples)
        values = _checked_weights(as_array(weights, op, "weights") if isinstance(weights, Tensor) else weights)
        possible = np.count_nonzero(values)
        if not replacement and num_samples > possible:
            expected = f"at most {possible}, the number of weights above 0, or replacement=True"
            raise ValueError(message(op, "num_samples", num_samples, expected))
        self.weights: Tensor = from_array(values, op)
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def order(self) -> IntArray:
        """The indices of a new pass."""
        drawn = multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        return drawn.array  # type: ignore[no-any-return]

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[Any]]):
    """The keys of `sampler` in lists of `batch_size`, the last of which may be shorter unless it is dropped.

    Errors: ValueError for a ``batch_size`` below 1, TypeError for a ``drop_last`` that is no bool; ``len`` raises a
    TypeError where the sampler has no length.
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        _check_count("BatchSampler", "batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise TypeError(message("BatchSampler", "drop_last", repr(drop_last), "True or False"))
        self.sampler = sampler
        self.batch_size = int(batch_size)
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[Any]]:
        return map(key_list, self.rows())

    def rows(self) -> Iterator[Rows]:
        """The same batches in the form that costs least: slices where the order is a range, pieces of an array where it
        is one, and lists of what another sampler gives, read no further than the batch."""
        sampler, size = self.sampler, self.batch_size
        if not isinstance(sampler, OrderedSampler) or type(sampler).__iter__ is not OrderedSampler.__iter__:
            keys = iter(sampler)
            while (batch := list(islice(keys, size))) and not (self.drop_last and len(batch) < size):
                yield batch
            return
        order = sampler.order()
        stop = len(order) - len(order) % size if self.drop_last else len(order)
        for start in range(0, stop, size):
            piece = order[start : start + size]
            yield slice(piece.start, piece.stop, piece.step) if isinstance(piece, range) else piece

    def __len__(self) -> int:
        samples = length_of(self.sampler, "BatchSampler", "sampler")
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)


def key_list(rows: Rows) -> list[Any]:
    """The keys of a batch one by one, from what ``BatchSampler.rows`` gives."""
    if isinstance(rows, slice):
        return list(range(rows.start, rows.stop, rows.step))
    return rows.tolist() if isinstance(rows, np.ndarray) else list(rows)


def length_of(keys: Any, operation: str, argument: str) -> int:
    """``len(keys)``, or an error that says why it was needed."""
    try:
        return len(keys)
    except TypeError:
        expected = "one with a length, since the number of batches is not known before they have been read"
        raise TypeError(message(f"len({operation})", argument, type(keys).__name__, expected)) from None


def _check_count(operation: str, argument: str, value: Any) -> None:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise ValueError(message(operation, argument, repr(value), "an int of at least 1"))


def _checked_weights(weights: Any) -> npt.NDArray[np.float64]:
    values = np.array(weights, np.float64)
    if values.ndim != 1 or not values.size:
        expected = "one weight per sample, shape (N,), of at least one sample"
        raise ShapeError(message("WeightedRandomSampler", "weights", f"shape {values.shape}", expected))
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        got = f"{values[wrong][0]} as weight {np.flatnonzero(wrong)[0]}"
        raise ValueError(message("WeightedRandomSampler", "weights", got, "finite weights of at least 0"))
    if not values.any():
        raise ValueError(message("WeightedRandomSampler", "weights", "only zeros", "at least one weight above 0"))
    return values
