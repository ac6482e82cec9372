"""Batches for fit, evaluate and predict, from arrays or from whatever yields batches."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import duplicate
from minigrad._draw import randperm
from minigrad.data import DataLoader, Dataset
from minigrad.errors import ShapeError, message
from minigrad.keras.losses import numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

#: Batches whose rows are gathered at once.
_TOGETHER = 64


def is_array(x: Any) -> bool:
    """Whether data are held as a whole, and not yielded in batches."""
    return isinstance(x, (np.ndarray, list, tuple)) or hasattr(x, "__array__")


def columns(op: str, x: Any, y: Any = None, weight: Any = None) -> list[Any]:
    """The three, as far as there are, as arrays of as many rows; a DataFrame's, too."""
    found = {name: numbers(part) for name, part in (("x", x), ("y", y), ("sample_weight", weight)) if part is not None}
    for name, array in found.items():
        if array.dtype.kind not in "fiub" or not array.shape:
            remedy = "Convert text to numbers first, and make all rows of one length."
            got, expected = f"dtype {array.dtype} of shape {array.shape}", "numbers, whose first dimension counts the samples"
            raise TypeError(message(op, name, got, expected, remedy))
    if len({len(array) for array in found.values()}) > 1:
        got = ", ".join(f"{len(array)} of {name}" for name, array in found.items())
        raise ShapeError(message(op, "", f"samples: {got}", "the same number in all"))
    return [found.get(name) for name in ("x", "y", "sample_weight")]


class Feed:
    """Batches of tensors, [x], [x, y] or [x, y, weight]; `steps` of them a pass.

    x: an array with y beside it, or a Dataset, a DataLoader or any iterable of (x,), (x, y) or (x, y, weight). `ready`
    makes of the three the arrays that a model takes. With `steps` given a pass takes up where the last one ended.
    """

    def __init__(
        self, op: str, x: Any, y: Any, weight: Any, ready: Callable[..., list[Any]], size: int, shuffle: bool,
        steps: int | None,
    ) -> None:  # fmt: skip
        self.op, self.ready, self.size, self.shuffle, self.limit = op, ready, size, shuffle, steps
        self.held = ready(*columns(op, x, y, weight)) if is_array(x) else None
        if self.held is None and not (y is None and weight is None):
            raise ValueError(message(op, "y", "targets beside an iterable of batches", "None: x yields (x, y)"))
        self.source = DataLoader(x, size, shuffle) if isinstance(x, Dataset) else x
        self._open: Iterator[list[Any]] = iter(())
        self.steps = steps
        if steps is None and self.held is not None:
            self.steps = -(-len(self.held[0]) // size)
        elif steps is None and hasattr(self.source, "__len__"):
            self.steps = len(self.source)

    def _batches(self) -> Iterator[list[Any]]:
        """One pass over the data."""
        if self.held is None:
            yield from map(self._converted, self.source)
            return
        n, many, size = len(self.held[0]), self.size * _TOGETHER, self.size
        order = randperm(n).array if self.shuffle else None
        for start in range(0, n, many):
            rows = slice(start, start + many)
            # take() gathers short rows five times as fast as an index does.
            block = [a[rows] if order is None else a.take(order[rows], 0) for a in self.held]
            for at in range(0, len(block[0]), size):
                yield [duplicate(a[at : at + size]) for a in block]

    def _converted(self, batch: Any) -> list[Any]:
        """One batch of an iterable."""
        parts = list(batch) if isinstance(batch, (tuple, list)) else [batch]
        if not 1 <= len(parts) <= 3:
            raise ValueError(message(self.op, "x", f"batches of {len(parts)} parts", "(x,), (x, y) or (x, y, weight)"))
        return [duplicate(a) for a in self.ready(*columns(self.op, *parts))]

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
