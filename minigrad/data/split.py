"""``random_split`` of a dataset, ``train_test_split`` of arrays, with or without stratification, ``split_tail`` of what has an
order, and ``check_split``, which warns of parts that are not alike."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad._draw import randperm
from minigrad._generator import Generator
from minigrad._tensor import Tensor
from minigrad.data.dataset import Dataset, Sample, Subset
from minigrad.errors import ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    IntArray = npt.NDArray[np.int64]


def random_split(
    dataset: Dataset[Sample], lengths: Sequence[int] | Sequence[float], generator: Generator | None = None
) -> list[Subset[Sample]]:
    """Divide `dataset` at random into Subsets that do not overlap.

    ``lengths``: the sizes of the parts, which add up to ``len(dataset)``, or their fractions, which add up to 1. A
    fraction f of n samples is floor(f n) samples; the samples left over go one each to the first parts. ``generator``:
    where the permutation comes from, by default the one that ``minigrad.manual_seed`` seeds.

    Errors: ValueError for lengths that are negative, that do not add up, or fractions so small that a part gets no
    sample.
    """
    size = len(dataset)
    if any(length < 0 for length in lengths):
        raise ValueError(message("random_split", "lengths", list(lengths), "sizes or fractions of at least 0"))
    sizes = _sizes_of_fractions(lengths, size) if math.isclose(sum(lengths), 1) else list(lengths)
    if any(not isinstance(part, (int, np.integer)) for part in sizes) or sum(sizes) != size:
        expected = f"ints that add up to {size}, the number of samples, or fractions that add up to 1"
        raise ValueError(message("random_split", "lengths", f"{list(lengths)}, together {sum(lengths)}", expected))
    order = randperm(size, generator=generator).array
    stops = np.cumsum([int(part) for part in sizes], dtype=np.int64)
    return [Subset(dataset, order[stop - part : stop]) for part, stop in zip(sizes, stops.tolist(), strict=True)]


def _sizes_of_fractions(fractions: Sequence[float], size: int) -> list[int]:
    sizes = [math.floor(fraction * size) for fraction in fractions]
    for i in range(size - sum(sizes)):
        sizes[i % len(sizes)] += 1
    for fraction, part in zip(fractions, sizes, strict=True):
        if fraction > 0 and part == 0:
            got = f"the fraction {fraction} of {size} samples"
            raise ValueError(message("random_split", "lengths", got, "a fraction that gives at least one sample"))
    return sizes


def train_test_split(
    *arrays: Any,
    test_size: float | int | None = None,
    train_size: float | int | None = None,
    random_state: int | Generator | None = None,
    shuffle: bool = True,
    stratify: Any = None,
) -> list[Any]:
    """Divide arrays of the same length into a training and a test part: ``[a_train, a_test, b_train, b_test, ...]``.

    - ``arrays``: NumPy arrays, Tensors, lists or tuples; each part is of the same kind, and a copy.
    - ``test_size``, ``train_size``: a number of samples (int) or a fraction between 0 and 1 (float; ceil for the test
      part, floor for the training part). One that is None is the complement of the other; both None is a test part of
      0.25.
    - ``random_state``: an int seeds this one split, a ``minigrad.Generator`` is drawn from, None draws from the
      generator that ``minigrad.manual_seed`` seeds. The permutation is minigrad's own, so the same int gives other rows
      than scikit-learn's function of this name.
    - ``shuffle=False``: the first samples train, the ones after them test.
    - ``stratify``: one class label per sample, shape (N,); each part then holds each class in proportion.

    Errors: ValueError for lengths that differ, sizes that do not fit (what was asked and what there is are named), and
    classes too small to stratify; TypeError for objects that are not arrays.
    """
    size = _common_length("train_test_split", arrays)
    n_train, n_test = _part_sizes(size, test_size, train_size)
    if shuffle:
        order = randperm(size, generator=as_generator(random_state, "train_test_split")).array
        if stratify is None:
            train, test = order[:n_train], order[n_train : n_train + n_test]
        else:
            train, test = _stratified(order, _classes(stratify, size), n_train, n_test)
    elif stratify is not None:
        expected = "shuffle=True with stratify, which draws the samples of each class at random"
        raise ValueError(message("train_test_split", "shuffle", False, expected))
    else:
        train, test = np.arange(n_train), np.arange(n_train, n_train + n_test)
    return [_select(array, rows) for array in arrays for rows in (train, test)]


def split_tail(*arrays: Any, fraction: float, operation: str = "split_tail") -> tuple[list[Any], list[Any]]:
    """Divide arrays of the same length, in the order that they have, into the first samples to train with and the last
    ``fraction`` of them to test with: ``(x, y), (x_test, y_test) = split_tail(x, y, fraction=0.2)``.

    So what changes with time is divided, for the future must not be trained with, and so Keras's ``validation_split``
    does: floor(N (1 - fraction)) samples train. The parts are views; None in place of an array is None in both.
    ``check_split`` warns where the last samples are not like the first. ``operation``: what errors begin with.

    Errors: ValueError for a fraction that leaves no samples on one side; ShapeError for lengths that differ.
    """
    given = [array for array in arrays if array is not None]
    size = _common_length(operation, given)
    at = math.floor(size * (1.0 - fraction))
    if not 0 < at < size:
        got = f"{fraction}, which of {size} samples leaves {at} to train with"
        raise ValueError(message(operation, "fraction", got, "a fraction that leaves samples on both sides"))
    return [a if a is None else a[:at] for a in arrays], [a if a is None else a[at:] for a in arrays]


def check_split(y_train: Any, y_test: Any, classes: bool, operation: str = "check_split") -> None:
    """Warn where the last samples, held back to test with, cannot stand for the whole: the test part has a class that
    training never sees, or the targets are sorted, so that the part is their upper or lower end.

    ``y_train``, ``y_test``: the targets (N,), (N, 1), or with ``classes`` one-hot rows (N, K), in the order that they had
    before; those of several columns are not looked at. ``classes``: whether they are labels. ``operation``: what the
    warning begins with.
    """
    train, test = (y.array if isinstance(y, Tensor) else np.asarray(y) for y in (y_train, y_test))
    if classes and train.ndim > 1 and train.shape[1] > 1:
        train, test = train.argmax(1), test.argmax(1)
    if train.size != len(train):
        return
    unseen = np.setdiff1d(test, train)[:5].tolist() if classes else []
    whole = np.concatenate([train.ravel(), test.ravel()])
    rises = np.diff(whole.astype(np.float64))
    if unseen:
        problem = f"training has none of class {', '.join(map(str, unseen))}"
    elif len(whole) > 9 and whole[0] != whole[-1] and (np.all(rises >= 0) or np.all(rises <= 0)):
        problem = "y is sorted: they are not like the rest"
    else:
        return
    remedy = "Shuffle x and y together first: i = np.random.permutation(len(x)); x, y = x[i], y[i]."
    warnings.warn(f"{operation}: the last samples are held back, and {problem}. {remedy}", stacklevel=3)


def _common_length(operation: str, arrays: Sequence[Any]) -> int:
    if not arrays:
        raise ValueError(message(operation, "", "no arrays", f"at least one, as in {operation}(X, y)"))
    for i, array in enumerate(arrays):
        if not isinstance(array, (np.ndarray, Tensor, list, tuple)):
            expected = "a NumPy array, a Tensor, a list or a tuple"
            remedy = "For a table, pass table.to_numpy(); for a Dataset, use random_split."
            raise TypeError(message(operation, str(i), type(array).__name__, expected, remedy))
        if not isinstance(array, (list, tuple)) and not array.shape:
            raise ShapeError(message(operation, str(i), "a single number, shape ()", "an array of samples"))
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) > 1:
        got = f"arrays of {', '.join(map(str, lengths))} samples"
        raise ShapeError(message(operation, "", got, "the same number in all"))
    return lengths[0]


def _part_sizes(size: int, test_size: float | int | None, train_size: float | int | None) -> tuple[int, int]:
    """The numbers of training and of test samples."""
    if test_size is None and train_size is None:
        test_size = 0.25
    if test_size is None:
        n_train = _part_size("train_size", train_size, size, math.floor)
        n_test = size - n_train
    else:
        n_test = _part_size("test_size", test_size, size, math.ceil)
        n_train = size - n_test if train_size is None else _part_size("train_size", train_size, size, math.floor)
    if n_train < 1 or n_test < 1 or n_train + n_test > size:
        got = f"{test_size=} and {train_size=} of {size} samples, which is {n_test} to test and {n_train} to train"
        raise ValueError(message("train_test_split", "", got, f"at least one in each part and at most {size} together"))
    return n_train, n_test


def _part_size(argument: str, value: Any, size: int, rounding: Callable[[float], int]) -> int:
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and 0 < value < size:
        return int(value)
    if isinstance(value, (float, np.floating)) and 0 < value < 1:
        return rounding(float(value) * size)
    expected = f"a fraction between 0.0 and 1.0, or an int from 1 to {size - 1}, since there are {size} samples"
    raise ValueError(message("train_test_split", argument, repr(value), expected))


def as_generator(random_state: int | Generator | None, operation: str) -> Generator | None:
    """Where random numbers come from: an int seeds a generator of its own, None is the global one."""
    if random_state is None or isinstance(random_state, Generator):
        return random_state
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool):
        generator = Generator()
        generator.manual_seed(int(random_state))
        return generator
    expected = "an int, a minigrad.Generator or None"
    raise TypeError(message(operation, "random_state", type(random_state).__name__, expected))


def _classes(stratify: Any, size: int) -> IntArray:
    """The class number 0..K-1 of each sample."""
    labels = stratify.array if isinstance(stratify, Tensor) else np.asarray(stratify)
    if labels.shape != (size,):
        expected = f"one label per sample, shape ({size},)"
        raise ShapeError(message("train_test_split", "stratify", f"shape {labels.shape}", expected))
    classes: IntArray = np.unique(labels, return_inverse=True)[1]
    return classes


def _stratified(order: IntArray, classes: IntArray, n_train: int, n_test: int) -> tuple[IntArray, IntArray]:
    """The first samples of each class, in the random `order`, train, and the ones after them test."""
    counts = np.bincount(classes)
    if counts.min() < 2 or n_train < len(counts) or n_test < len(counts):
        got = f"{len(counts)} classes of {counts.min()} samples or more, for {n_train} to train and {n_test} to test"
        expected = "at least 2 samples of each class, and room for one of each class in both parts"
        raise ValueError(message("train_test_split", "stratify", got, expected))
    train_of = _proportional(counts, n_train)
    test_of = _proportional(counts - train_of, n_test)
    shuffled = classes[order]
    # rank[i]: how many samples of its own class precede sample order[i].
    rank = np.empty(len(order), np.int64)
    rank[np.argsort(shuffled, kind="stable")] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    in_train = rank < train_of[shuffled]
    in_test = ~in_train & (rank < (train_of + test_of)[shuffled])
    return order[in_train], order[in_test]


def _proportional(counts: IntArray, n: int) -> IntArray:
    """`n` places divided among classes in proportion to `counts`, by the method of largest remainders, in exact
    integers.

    No class gets more than its count: the quota counts[k] n / sum(counts) is at most counts[k], and only a quota that
    is not a whole number is rounded up.
    """
    places, remainders = np.divmod(counts * n, counts.sum())
    most_owed = np.argsort(-remainders, kind="stable")[: n - places.sum()]
    places[most_owed] += 1
    return places


def _select(array: Any, rows: IntArray) -> Any:
    if isinstance(array, (list, tuple)):
        return type(array)([array[i] for i in rows.tolist()])
    return array[rows]
