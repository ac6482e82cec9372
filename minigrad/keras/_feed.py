"""Batches for fit, evaluate and predict, from arrays or from whatever yields batches."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, from_array
from minigrad.data import DataLoader, Dataset, TensorDataset
from minigrad.errors import ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


def as_numbers(op: str, argument: str, data: Any) -> np.ndarray[Any, Any]:
    """Whatever holds numbers in rows, a DataFrame too, as an array."""
    array = data.array if isinstance(data, Array) else np.asarray(data)
    if array.dtype.kind not in "fiub":
        remedy = "Convert text to numbers first, and make all rows of one length."
        raise TypeError(message(op, argument, f"dtype {array.dtype}", "numbers", remedy))
    if not array.shape:
        raise ShapeError(message(op, argument, "a single number", "an array whose first dimension counts the samples"))
    return array


def is_array(x: Any) -> bool:
    """Whether data are held as a whole, and not yielded in batches."""
    return isinstance(x, (Array, np.ndarray, list, tuple)) or hasattr(x, "__array__")


def columns(op: str, **arrays: Any) -> list[Any]:
    """Arrays of as many samples each; None stays."""
    found = {name: None if a is None else as_numbers(op, name, a) for name, a in arrays.items()}
    sizes = {name: len(a) for name, a in found.items() if a is not None}
    if len(set(sizes.values())) > 1:
        got = ", ".join(f"{n} of {name}" for name, n in sizes.items())
        raise ShapeError(message(op, "", f"samples: {got}", "the same number in all"))
    return list(found.values())


def weighed(op: str, y: Any, weight: Any, class_weight: dict[Any, float] | None) -> Any:
    """Weights of samples: those given, or by the class of each, 1 where class_weight has none."""
    if class_weight is None:
        return weight
    if weight is not None:
        raise ValueError(message(op, "class_weight", "sample_weight besides", "one of them"))
    labels = y.argmax(-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(len(y))
    table = {int(label): float(w) for label, w in class_weight.items()}
    return np.array([table.get(int(label), 1.0) for label in labels], np.float32)


class Feed:
    """Batches (x, y, weight) of tensors, y and weight being None where there are none; `steps` of them a pass.

    x: an array with y beside it, or a Dataset, a DataLoader or any iterable of (x,), (x, y) or (x, y, weight). `ready`
    converts the three to the types that a model takes. With `steps` given a pass takes up where the last one ended.
    """

    def __init__(
        self, op: str, x: Any, y: Any, weight: Any, ready: Callable[..., list[Any]], size: int | None, shuffle: bool,
        steps: int | None, class_weight: dict[Any, float] | None = None,
    ) -> None:  # fmt: skip
        self.op, self.steps, self.limit, self.samples = op, steps, steps, None
        self._open: Iterator[Any] | None = None
        if is_array(x):
            x, y, weight = columns(op, x=x, y=y, sample_weight=weight)
            parts = ready(x, y, weighed(op, y, weight, class_weight))
            self.kept = [part is not None for part in parts]
            self.samples = len(x)
            held = TensorDataset(*[part for part in parts if part is not None])
            self.source: Any = DataLoader(held, batch_size=size or 32, shuffle=shuffle)
            self._convert: Callable[[Any], list[Any]] = self._spread
        else:
            if y is not None or weight is not None:
                raise ValueError(message(op, "y", "targets beside an iterable of batches", "None: x yields (x, y)"))
            self.source = DataLoader(x, size or 32, shuffle) if isinstance(x, Dataset) else x
            self._convert = lambda batch: self._converted(batch, ready, class_weight)
        if self.steps is None and hasattr(self.source, "__len__"):
            self.steps = len(self.source)

    def _spread(self, batch: list[Any]) -> list[Any]:
        parts = iter(batch)
        return [next(parts) if kept else None for kept in self.kept]

    def _converted(self, batch: Any, ready: Callable[..., list[Any]], class_weight: dict[Any, float] | None) -> list[Any]:
        """One batch of an iterable."""
        parts = list(batch) if isinstance(batch, (tuple, list)) else [batch]
        if not 1 <= len(parts) <= 3:
            raise ValueError(message(self.op, "x", f"batches of {len(parts)} parts", "(x,), (x, y) or (x, y, weight)"))
        x, y, weight = columns(self.op, **dict(zip(("x", "y", "sample_weight"), [*parts, None, None])))
        return [None if a is None else from_array(a) for a in ready(x, y, weighed(self.op, y, weight, class_weight))]

    def __iter__(self) -> Iterator[list[Any]]:
        if self.limit is None:
            yield from map(self._convert, self.source)
            return
        for _ in range(self.limit):
            if self._open is None:
                self._open = iter(self.source)
            batch = next(self._open, None)
            if batch is None:  # from the beginning, where there is one
                self._open = iter(self.source)
                batch = next(self._open, None)
            if batch is None:
                warnings.warn(f"{self.op}: the data ended before {self.limit} steps.", stacklevel=2)
                return
            yield self._convert(batch)

    def first(self) -> Any:
        """The shape of the first batch of x, for a model that has no weights yet."""
        if self.samples is not None:
            return self.source.dataset.tensors[0].shape
        if iter(self.source) is self.source:
            remedy = "Put an Input first, or call model.build(input_shape)."
            raise ValueError(message(self.op, "x", "a generator, which can be read only once,", "a model with weights", remedy))
        return self._convert(next(iter(self.source)))[0].shape


def split_tail(x: Any, y: Any, weight: Any, fraction: float) -> tuple[list[Any], list[Any]]:
    """The first samples for training and the last `fraction` of them for validation, before any shuffling."""
    if not is_array(x):
        raise ValueError(message("fit", "validation_split", "an iterable of batches in x", "arrays", "Pass validation_data."))
    arrays = columns("fit", x=x, y=y, sample_weight=weight)
    total = len(arrays[0])
    at = int(np.floor(total * (1.0 - fraction)))
    if not 0 < at < total:
        got = f"{fraction}, which of {total} samples leaves {at} to train with"
        raise ValueError(message("fit", "validation_split", got, "a fraction that leaves samples on both sides"))
    return [a if a is None else a[:at] for a in arrays], [a if a is None else a[at:] for a in arrays]


def warn_of_tail(train: Any, tail: Any, classes: bool) -> None:
    """Says so where the tail cannot stand for the whole: y sorted, or classes in it that training never sees."""
    if classes and train.ndim > 1 and train.shape[1] > 1:
        train, tail = train.argmax(1), tail.argmax(1)
    if train.size != len(train):
        return
    remedy = "Shuffle x and y together first: i = np.random.permutation(len(x)); x, y = x[i], y[i]."
    unseen = np.setdiff1d(tail, train) if classes else ()
    if len(unseen):
        labels = ", ".join(str(label) for label in unseen[:5])
        warnings.warn(f"fit: validation_split takes the last samples, and training has none of class {labels}. {remedy}", stacklevel=4)
        return
    whole = np.concatenate([train.ravel(), tail.ravel()])
    rises = np.diff(whole.astype(np.float64))
    if len(whole) > 9 and whole[0] != whole[-1] and (np.all(rises >= 0) or np.all(rises <= 0)):
        warnings.warn(f"fit: validation_split takes the last samples, and y is sorted: they are not like the rest. {remedy}", stacklevel=4)
