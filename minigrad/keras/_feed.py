"""Batches for fit, evaluate and predict, from arrays or from whatever yields batches."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array
from minigrad._draw import randperm
from minigrad.data import DataLoader, Dataset
from minigrad.errors import ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

#: Batches whose rows are gathered at once.
_TOGETHER = 64


def is_array(x: Any) -> bool:
    """Whether data are held as a whole, and not yielded in batches."""
    return isinstance(x, (np.ndarray, list, tuple)) or hasattr(x, "__array__")


def columns(op: str, *parts: Any) -> list[Any]:
    """x, y and sample_weight, as far as there are, as arrays of as many rows; a DataFrame's, too."""
    found, sizes = [], {}
    for name, part in zip(("x", "y", "sample_weight"), parts):
        array = None if part is None else part.array if isinstance(part, Array) else np.asarray(part)
        found.append(array)
        if array is None:
            continue
        if array.dtype.kind not in "fiub":
            remedy = "Convert text to numbers first, and make all rows of one length."
            raise TypeError(message(op, name, f"dtype {array.dtype}", "numbers", remedy))
        if not array.shape:
            expected = "an array whose first dimension counts the samples"
            raise ShapeError(message(op, name, "a single number", expected))
        sizes[name] = len(array)
    if len(set(sizes.values())) > 1:
        got = ", ".join(f"{n} of {name}" for name, n in sizes.items())
        raise ShapeError(message(op, "", f"samples: {got}", "the same number in all"))
    return found


class Feed:
    """Batches (x, y, weight) of arrays, y and weight being None where there are none; `steps` of them a pass.

    x: an array with y beside it, or a Dataset, a DataLoader or any iterable of (x,), (x, y) or (x, y, weight). `ready`
    converts the three to the types that a model takes. With `steps` given a pass takes up where the last one ended.
    """

    def __init__(
        self, op: str, x: Any, y: Any, weight: Any, ready: Callable[..., list[Any]], size: int, shuffle: bool,
        steps: int | None,
    ) -> None:  # fmt: skip
        self.op, self.ready, self.size, self.shuffle, self.limit = op, ready, size, shuffle, steps
        self.held: Any = ready(*columns(op, x, y, weight)) if is_array(x) else None
        if self.held is None and not (y is None and weight is None):
            raise ValueError(message(op, "y", "targets beside an iterable of batches", "None: x yields (x, y)"))
        self.source = DataLoader(x, self.size, shuffle) if isinstance(x, Dataset) else x
        self.steps = steps
        self._open: Iterator[list[Any]] = iter(())
        if self.held is not None:
            self.steps = steps or -(-len(self.held[0]) // self.size)
        elif hasattr(self.source, "__len__"):
            self.steps = steps or len(self.source)

    def _batches(self) -> Iterator[list[Any]]:
        """One pass over the data."""
        if self.held is None:
            yield from map(self._converted, self.source)
            return
        n, many = len(self.held[0]), self.size * _TOGETHER
        order = randperm(n).array if self.shuffle else None
        for start in range(0, n, many):
            rows = slice(start, start + many)
            chosen = rows if order is None else order[rows]
            block = [None if a is None else a[chosen] for a in self.held]
            for at in range(0, min(many, n - start), self.size):
                yield [None if a is None else a[at : at + self.size] for a in block]

    def _converted(self, batch: Any) -> list[Any]:
        """One batch of an iterable."""
        parts = list(batch) if isinstance(batch, (tuple, list)) else [batch]
        if not 1 <= len(parts) <= 3:
            raise ValueError(message(self.op, "x", f"batches of {len(parts)} parts", "(x,), (x, y) or (x, y, weight)"))
        return self.ready(*columns(self.op, *[*parts, None, None][:3]))

    def __iter__(self) -> Iterator[list[Any]]:
        if self.limit is None:
            yield from self._batches()
            return
        for _ in range(self.limit):
            batch = next(self._open, None)
            if batch is None:  # from the beginning, where there is one
                self._open = self._batches()
                batch = next(self._open, None)
            if batch is None:
                warnings.warn(f"{self.op}: the data ended before {self.limit} steps.", stacklevel=2)
                return
            yield batch

    def shape(self) -> tuple[int, ...]:
        """Of the first batch of x, for a model that has no weights yet."""
        if self.held is None and iter(self.source) is self.source:
            got, remedy = "a generator, which can be read only once,", "Put an Input first, or call model.build(shape)."
            raise ValueError(message(self.op, "x", got, "a model with weights", remedy))
        found: tuple[int, ...] = next(self._batches())[0].shape
        return found


def split_tail(x: Any, y: Any, weight: Any, fraction: float) -> tuple[list[Any], list[Any]]:
    """The first samples for training and the last `fraction` of them for validation, before any shuffling."""
    if not is_array(x):
        got, remedy = "an iterable of batches in x", "Pass validation_data."
        raise ValueError(message("fit", "validation_split", got, "arrays", remedy))
    arrays = columns("fit", x, y, weight)
    total = len(arrays[0])
    at = int(np.floor(total * (1.0 - fraction)))
    if not 0 < at < total:
        got = f"{fraction}, which of {total} samples leaves {at} to train with"
        raise ValueError(message("fit", "validation_split", got, "a fraction that leaves samples on both sides"))
    return [a if a is None else a[:at] for a in arrays], [a if a is None else a[at:] for a in arrays]
