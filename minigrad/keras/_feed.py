"""Batches for fit, evaluate and predict, from arrays or from whatever yields batches."""

from __future__ import annotations

import warnings
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import duplicate
from minigrad.data import DataLoader, Dataset, TensorDataset
from minigrad.errors import ShapeError, message
from minigrad.keras.losses import numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


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
        self.op, self.ready, self.limit, self.held = op, ready, steps, is_array(x)
        if not self.held and not (y is None and weight is None):
            raise ValueError(message(op, "y", "targets beside an iterable of batches", "None: x yields (x, y)"))
        data = TensorDataset(*ready(*columns(op, x, y, weight))) if self.held else x
        self.source = DataLoader(data, size, shuffle) if isinstance(data, Dataset) else data
        self.steps = steps or (len(self.source) if hasattr(self.source, "__len__") else None)
        self._passes = self._endless()

    def __iter__(self) -> Iterator[list[Any]]:
        return self._batches() if self.limit is None else islice(self._passes, self.limit)

    def _batches(self) -> Iterator[list[Any]]:
        """One pass over the data."""
        return iter(self.source) if self.held else map(self._converted, self.source)

    def _endless(self) -> Iterator[list[Any]]:
        """One pass after the other, as long as they give anything."""
        some = True
        while some:
            some = False
            for batch in self._batches():
                some = True
                yield batch
        warnings.warn(f"{self.op}: the data ended before {self.limit} steps.", stacklevel=2)

    def _converted(self, batch: Any) -> list[Any]:
        """One batch of an iterable."""
        parts = list(batch) if isinstance(batch, (tuple, list)) else [batch]
        if not 1 <= len(parts) <= 3:
            raise ValueError(message(self.op, "x", f"batches of {len(parts)} parts", "(x,), (x, y) or (x, y, weight)"))
        return [duplicate(a) for a in self.ready(*columns(self.op, *parts))]

    def shape(self) -> tuple[int, ...]:
        """Of the first batch of x, for a model that has no weights yet."""
        if iter(self.source) is self.source:
            got, remedy = "a generator, which can be read only once,", "Put an Input first, or call model.build(shape)."
            raise ValueError(message(self.op, "x", got, "a model with weights", remedy))
        found: tuple[int, ...] = next(self._batches())[0].shape
        return found
