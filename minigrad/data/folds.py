"""k-fold cross-validation: ``KFold`` and ``StratifiedKFold``.

Every sample is tested once, by a model trained on the folds that it is not in; the k scores show how much a single
split would have been luck (M. Stone, Cross-Validatory Choice and Assessment of Statistical Predictions, 1974).
"""

from __future__ import annotations

# ruff: noqa: N803 (X is the argument's name in scikit-learn)
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad._draw import randperm
from minigrad._tensor import Tensor
from minigrad.data.split import as_generator
from minigrad.errors import ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from minigrad._generator import Generator

    Array = npt.NDArray[Any]
    IntArray = npt.NDArray[np.int64]


class _Folds:
    """What both classes share: a subclass says in which fold each sample is tested."""

    def __init__(
        self, n_splits: int = 5, *, shuffle: bool = False, random_state: int | Generator | None = None
    ) -> None:
        op = type(self).__name__
        if not isinstance(n_splits, (int, np.integer)) or isinstance(n_splits, bool) or n_splits < 2:
            expected = "an int of at least 2, since one fold is tested and the others train"
            raise ValueError(message(op, "n_splits", repr(n_splits), expected))
        if not isinstance(shuffle, bool):
            raise TypeError(message(op, "shuffle", repr(shuffle), "True or False"))
        if random_state is not None and not shuffle:
            got = f"{random_state!r} with shuffle=False"
            raise ValueError(message(op, "random_state", got, "shuffle=True, without which nothing is random"))
        as_generator(random_state, op)
        self.n_splits = int(n_splits)
        self.shuffle = shuffle
        self.random_state = random_state

    def split(self, X: Any, y: Any = None, groups: None = None) -> Iterator[tuple[IntArray, IntArray]]:
        """The k pairs ``(train, test)``: increasing int64 indices of the samples of `X`, an array, a Tensor, a list or a
        Dataset, of which only the length is read. ``y``: the labels, shape (N,)."""
        op = f"{type(self).__name__}.split"
        if groups is not None:
            raise ValueError(message(op, "groups", "groups", "None: samples are not kept together by groups here"))
        size = _samples(op, X, y)
        if self.n_splits > size:
            got = f"n_splits={self.n_splits} of {size} samples"
            raise ValueError(message(op, "X", got, "at least one sample in every fold"))
        return self._pairs(self._fold_of(op, size, y))

    def _pairs(self, fold_of: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
        for fold in range(self.n_splits):
            tested = fold_of == fold
            yield np.flatnonzero(~tested), np.flatnonzero(tested)

    def _fold_of(self, op: str, size: int, y: Any) -> IntArray:
        """The number of the fold in which each sample is tested."""
        raise NotImplementedError

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """The number of folds."""
        return self.n_splits


class KFold(_Folds):
    """Divides N samples into ``n_splits`` folds of neighbours; each is the test part once, the others train.

    The first N mod k folds have one sample more. ``shuffle``: folds of samples drawn at random instead. ``random_state``:
    an int gives the same folds in every call, a ``minigrad.Generator`` is drawn from, None draws from the one that
    ``minigrad.manual_seed`` seeds. Unshuffled folds are scikit-learn's; the random ones are minigrad's own.

        for train, test in KFold(5).split(X):
            model.fit(X[train], y[train])

    Errors: ValueError for less than two folds, more folds than samples, and a ``random_state`` without ``shuffle``.
    """

    def _fold_of(self, op: str, size: int, y: Any) -> IntArray:
        sizes = np.full(self.n_splits, size // self.n_splits)
        sizes[: size % self.n_splits] += 1
        folds = np.repeat(np.arange(self.n_splits), sizes)
        if not self.shuffle:
            return folds
        fold_of = np.empty(size, np.int64)
        fold_of[randperm(size, generator=as_generator(self.random_state, op)).array] = folds
        return fold_of


class StratifiedKFold(_Folds):
    """Folds as in ``KFold`` that each hold the classes in the proportions of the whole, to within one sample a class.

    ``split`` takes the labels as `y`: ints, bools, text or whole floats of shape (N,) or (N, 1). Where nothing is
    shuffled, the samples of a class go to the folds in their order, and the folds are scikit-learn's.

    Errors: as in ``KFold``; ValueError for `y` that is missing or no label (fractions, one-hot rows), and for more folds
    than the largest class has samples. A class with fewer samples than folds is warned of: some folds lack it.
    """

    def _fold_of(self, op: str, size: int, y: Any) -> IntArray:
        classes = _class_numbers(op, y)
        counts = np.bincount(classes)
        self._check_counts(op, counts)
        # Which folds a class is tested in: deal all samples, sorted by class, to the folds in turn, so that the sizes of
        # the folds differ by one at most even if the leftovers of all classes are added.
        dealt = np.repeat(np.arange(len(counts)), counts)
        share = np.stack(
            [np.bincount(dealt[fold :: self.n_splits], minlength=len(counts)) for fold in range(self.n_splits)]
        )
        fold_of = np.empty(size, np.int64)
        generator = as_generator(self.random_state, op)
        for number in range(len(counts)):
            folds = np.repeat(np.arange(self.n_splits), share[:, number])
            order = randperm(len(folds), generator=generator).array if self.shuffle else slice(None)
            fold_of[classes == number] = folds[order]
        return fold_of

    def _check_counts(self, op: str, counts: IntArray) -> None:
        if counts.max() < self.n_splits:
            got = f"n_splits={self.n_splits}, and {counts.max()} samples of the largest class"
            raise ValueError(message(op, "y", got, "a class with a sample for every fold"))
        if counts.min() < self.n_splits:
            text = f"{op}: the smallest class has {counts.min()} samples for {self.n_splits} folds; some test it never."
            warnings.warn(text, UserWarning, stacklevel=4)


def _samples(op: str, X: Any, y: Any) -> int:
    try:
        size = len(X)
    except TypeError:
        expected = "something with a length, such as an array or a Dataset"
        raise TypeError(message(op, "X", type(X).__name__, expected)) from None
    if y is not None and len(y) != size:
        raise ShapeError(message(op, "y", f"{len(y)} labels for {size} samples", "one for each"))
    return size


def _class_numbers(op: str, y: Any) -> IntArray:
    """The class number of each sample; classes are numbered as they first appear."""
    if y is None:
        raise ValueError(message(op, "y", "None", "the labels, which the folds must hold in proportion"))
    labels = y.array if isinstance(y, Tensor) else np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        remedy = "Of one-hot rows take y.argmax(1)."
        raise ShapeError(message(op, "y", f"shape {labels.shape}", "one label per sample, shape (N,)", remedy))
    if labels.dtype.kind == "f" and not (labels == np.floor(labels)).all():
        expected = "labels of classes"
        raise ValueError(
            message(op, "y", f"the number {labels[labels != np.floor(labels)][0]}", expected, "Use KFold.")
        )
    _, first, sorted_number = np.unique(labels, return_index=True, return_inverse=True)
    appearance = np.argsort(np.argsort(first))
    classes: IntArray = appearance[sorted_number]
    return classes
