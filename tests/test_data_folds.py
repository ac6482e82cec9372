"""Folds: those of scikit-learn where nothing is shuffled, and sound ones where something is."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import data
from minigrad.data import KFold, StratifiedKFold, TensorDataset

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = np.load(Path(__file__).parent / "data" / "folds_golden.npz")
CASES = json.loads(str(GOLDEN["cases"]))

LABELS = np.array([0] * 12 + [1] * 6 + [2] * 3)


def folds_of(folds: Any, x: Any, y: Any = None) -> list[list[int]]:
    return [test.tolist() for _, test in folds.split(x, y)]


@pytest.mark.parametrize("number", range(len(CASES)))
@pytest.mark.filterwarnings("ignore:StratifiedKFold.split. the smallest class")
def test_unshuffled_folds_are_those_of_scikit_learn(number: int) -> None:
    case = CASES[number]
    folds = getattr(data, case["class"])(case["n_splits"])
    for fold, (train, test) in enumerate(folds.split(np.zeros(len(case["labels"])), case["labels"])):
        np.testing.assert_array_equal(test, np.flatnonzero(GOLDEN[f"case.{number}"] == fold))
        np.testing.assert_array_equal(train, np.flatnonzero(GOLDEN[f"case.{number}"] != fold))
        assert train.dtype == test.dtype == np.int64


def test_unshuffled_folds_against_scikit_learn_itself() -> None:
    theirs = pytest.importorskip("sklearn.model_selection")
    random = np.random.default_rng(1)
    for _ in range(20):
        y = random.integers(0, random.integers(1, 6), random.integers(30, 90))
        for name in ("KFold", "StratifiedKFold"):
            for n_splits in (2, 4):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    ours = folds_of(getattr(data, name)(n_splits), y, y)
                    assert ours == folds_of(getattr(theirs, name)(n_splits), y, y)


@pytest.mark.parametrize("size", [5, 10, 13])
@pytest.mark.parametrize("shuffle", [False, True])
def test_every_sample_is_tested_once(size: int, shuffle: bool) -> None:
    tested = []
    for train, test in KFold(5, shuffle=shuffle).split(np.zeros(size)):
        assert sorted([*train, *test]) == list(range(size))
        assert len(test) in (size // 5, -(-size // 5))
        assert (np.diff(train) > 0).all()
        assert (np.diff(test) > 0).all()
        tested += test.tolist()
    assert sorted(tested) == list(range(size))


@pytest.mark.parametrize("shuffle", [False, True])
def test_stratified_folds_hold_the_proportions(shuffle: bool) -> None:
    for _, test in StratifiedKFold(3, shuffle=shuffle).split(LABELS, LABELS):
        assert np.bincount(LABELS[test]).tolist() == [4, 2, 1]


@pytest.mark.parametrize("make", [KFold, StratifiedKFold])
def test_random_state_decides_the_folds(make: Any) -> None:
    folds = make(3, shuffle=True, random_state=4)
    first = folds_of(folds, LABELS, LABELS)
    assert folds_of(folds, LABELS, LABELS) == first
    assert folds_of(make(3, shuffle=True, random_state=5), LABELS, LABELS) != first
    drawn = make(3, shuffle=True, random_state=mg.Generator().manual_seed(4))
    assert folds_of(drawn, LABELS, LABELS) == first
    assert folds_of(drawn, LABELS, LABELS) != first
    mg.manual_seed(4)
    assert folds_of(make(3, shuffle=True), LABELS, LABELS) == first


@pytest.mark.parametrize(
    "y", [mg.tensor(LABELS), LABELS.tolist(), LABELS.astype(float), LABELS[:, None], np.array(["c", "a", "b"])[LABELS]]
)
def test_labels_of_every_kind(y: Any) -> None:
    assert folds_of(StratifiedKFold(3), LABELS, y) == folds_of(StratifiedKFold(3), LABELS, LABELS)


def test_only_the_length_of_x_is_read() -> None:
    for x in (mg.tensor(LABELS), list(LABELS), TensorDataset(LABELS), range(21)):
        assert folds_of(KFold(4), x) == folds_of(KFold(4), LABELS)
    assert KFold(4).get_n_splits(LABELS) == 4


def test_a_class_smaller_than_the_folds_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="the smallest class has 3 samples for 4 folds") as caught:
        StratifiedKFold(4).split(LABELS, LABELS)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: KFold(1), ValueError, "KFold: argument n_splits: got 1, expected an int of at least 2"),
        (lambda: KFold(2.5), ValueError, "argument n_splits: got 2.5"),  # type: ignore[arg-type]
        (lambda: KFold(3, shuffle=1), TypeError, "argument shuffle: got 1, expected True or False"),  # type: ignore[arg-type]
        (lambda: KFold(3, random_state=1), ValueError, "random_state: got 1 with shuffle=False, expected shuffle=True"),
        (lambda: KFold(3, shuffle=True, random_state="a"), TypeError, "KFold: argument random_state: got str"),  # type: ignore[arg-type]
        (lambda: KFold(4).split([1, 2, 3]), ValueError, "argument X: got n_splits=4 of 3 samples"),
        (lambda: KFold(2).split(3), TypeError, "KFold.split: argument X: got int, expected something with a length"),
        (lambda: KFold(2).split([1, 2], [1]), ValueError, "argument y: got 1 labels for 2 samples"),
        (lambda: KFold(2).split([1, 2], None, [1, 1]), ValueError, "argument groups"),  # type: ignore[arg-type]
        (lambda: StratifiedKFold(2).split(LABELS), ValueError, "StratifiedKFold.split: argument y: got None"),
        (lambda: StratifiedKFold(2).split([1, 2], [0.5, 1]), ValueError, "y: got the number 0.5.*Use KFold"),
        (lambda: StratifiedKFold(2).split([1, 2], np.eye(2)), ValueError, r"shape \(2, 2\).*take y.argmax\(1\)"),
        (
            lambda: StratifiedKFold(2).split([1, 2], [0, 1]),
            ValueError,
            "n_splits=2, and 1 samples of the largest class",
        ),
    ],
)
def test_folds_refuse(make: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()
