"""minigrad.metrics: by hand, against scikit-learn where that is installed, and added up over batches."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import metrics
from minigrad.errors import LabelError, ShapeError

RANDOM = np.random.default_rng(5)
SCORES = RANDOM.uniform(size=(60, 4))
CLASSES = RANDOM.integers(0, 4, 60)
RISK, ILL = RANDOM.uniform(size=60).round(2), RANDOM.integers(0, 2, 60)
WEIGHTS = RANDOM.uniform(0.1, 2, 60)
FOUND, TRUE = RANDOM.normal(size=(60, 3)), RANDOM.normal(size=(60, 3))


def given(kind):
    """Both kinds of numbers that metrics take; tensors that are recorded, too."""
    return lambda x: mg.tensor(x, requires_grad=x.dtype.kind == "f") if kind == "tensor" else x


@pytest.mark.parametrize("kind", ["tensor", "array"])
def test_accuracies_by_hand(kind):
    make = given(kind)
    scores = make(np.array([[0.1, 0.7, 0.2], [0.4, 0.4, 0.2], [0.0, 0.5, 0.5]]))
    assert metrics.accuracy(scores, make(np.array([1, 0, 2])), "none").tolist() == [1, 1, 0]
    assert metrics.accuracy(scores, make(np.array([1, 0, 2]))) == 2 / 3
    assert metrics.accuracy(scores, make(np.eye(3)[[1, 0, 2]]), reduction="sum") == 2
    assert metrics.top_k_accuracy(scores, make(np.array([2, 1, 0])), 2, "none").tolist() == [1, 1, 0]
    assert metrics.top_k_accuracy(scores, make(np.eye(3)[[1, 1, 2]]), k=1) == 1
    right = make(np.array([0.5, 0.51, 0.9])), make(np.array([0, 1, 0]))
    assert metrics.binary_accuracy(*right) == 2 / 3
    assert metrics.binary_accuracy(*right, threshold=0.95, reduction="none").tolist() == [1, 0, 1]


@pytest.mark.parametrize("weight", [None, WEIGHTS])
def test_agreement_with_scikit_learn(weight):
    theirs = pytest.importorskip("sklearn.metrics")
    w = {"sample_weight": weight}
    alarm = RISK > 0.3
    close = {"rel": 1e-12}
    assert metrics.precision(RISK, ILL, 0.3, weight) == pytest.approx(theirs.precision_score(ILL, alarm, **w), **close)
    assert metrics.recall(RISK, ILL, 0.3, weight) == pytest.approx(theirs.recall_score(ILL, alarm, **w), **close)
    # With as many thresholds as there are different scores, between them, the curve is the exact one.
    assert metrics.auc(RISK, ILL, 2001, weight) == pytest.approx(theirs.roc_auc_score(ILL, RISK, **w), **close)
    assert metrics.r2_score(FOUND, TRUE, weight) == pytest.approx(theirs.r2_score(TRUE, FOUND, **w), **close)
    assert metrics.accuracy(SCORES, CLASSES) == theirs.accuracy_score(CLASSES, SCORES.argmax(1))
    assert metrics.top_k_accuracy(SCORES, CLASSES, 2) == theirs.top_k_accuracy_score(CLASSES, SCORES, k=2)


@pytest.mark.parametrize("weight", [None, WEIGHTS])
def test_what_is_added_up_over_batches_is_that_of_all(weight):
    limits = [-math.inf, 0.4]
    counts, curve, sums, right = 0, 0, 0, 0
    for rows in (slice(0, 7), slice(7, 50), slice(50, 60)):
        w = None if weight is None else weight[rows]
        counts = counts + metrics.threshold_counts(RISK[rows], ILL[rows], limits, w)
        curve = curve + metrics.auc_counts(RISK[rows], ILL[rows], weight=w)
        sums = sums + metrics.r2_sums(FOUND[rows], TRUE[rows], w)
        right += metrics.accuracy(SCORES[rows], CLASSES[rows], "sum")
    assert metrics.precision_of(counts) == pytest.approx(metrics.precision(RISK, ILL, 0.4, weight), rel=1e-12)
    assert metrics.recall_of(counts) == pytest.approx(metrics.recall(RISK, ILL, 0.4, weight), rel=1e-12)
    assert metrics.auc_of(curve) == pytest.approx(metrics.auc(RISK, ILL, weight=weight), rel=1e-12)
    assert metrics.r2_of(sums) == pytest.approx(metrics.r2_score(FOUND, TRUE, weight), rel=1e-12)
    assert right / 60 == metrics.accuracy(SCORES, CLASSES)


def test_a_threshold_itself_is_no_alarm():
    for threshold, precision, recall in ((0.9, 0.0, 0.0), (0.5, 0.5, 0.5)):
        pair = np.array([0.5, 0.9, 0.95]), np.array([1, 1, 0])
        assert metrics.precision(*pair, threshold) == precision
        assert metrics.recall(*pair, threshold) == recall


def test_nothing_to_divide_by_gives_0():
    ones, none = np.ones(3), np.zeros(3)
    assert metrics.precision(none, ones) == metrics.recall(ones, none) == metrics.auc(ones, ones) == 0
    assert metrics.r2_score(ones, ones) == 0
    assert metrics.r2_score(np.array([[1.0, 0.0], [1.0, 2.0]]), np.array([[1.0, 0.0], [1.0, 2.0]])) == 0.5


def test_numbers_per_sample_weigh_all_of_the_sample():
    p, t = RISK.reshape(20, 3), ILL.reshape(20, 3)
    each = np.repeat(WEIGHTS[:20], 3)
    assert metrics.precision(p, t, weight=WEIGHTS[:20]) == pytest.approx(metrics.precision(RISK, ILL, weight=each), rel=1e-12)
    with pytest.raises(ShapeError, match=r"weight: got shape \(3,\), expected a number per sample \(20,\), or per value \(20, 3\)"):
        metrics.precision(p, t, weight=np.ones(3))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: metrics.binary_accuracy(np.ones((3, 1)), np.ones(3)), ShapeError, r"binary_accuracy: argument target: got shape \(3,\).*target.reshape\(3, 1\)"),
        (lambda: metrics.accuracy(np.ones((3, 2)), np.ones(2)), ShapeError, r"class numbers \(3,\) or one-hot rows \(3, 2\)"),
        (lambda: metrics.accuracy(np.float64(1), np.float64(1)), ShapeError, "accuracy: argument target"),
        (lambda: metrics.accuracy(SCORES, CLASSES, "average"), ValueError, "accuracy: argument reduction: got 'average', expected 'none', 'mean' or 'sum'"),
        (lambda: metrics.top_k_accuracy(SCORES, CLASSES + 1), LabelError, "got the class 4, expected classes 0 to 3"),
        (lambda: metrics.auc(np.array([-2.0, 3.0]), np.array([0, 1])), ValueError, "auc: argument input: got numbers from -2.0 to 3.0.*sigmoid"),
        (lambda: metrics.auc(RISK, ILL, 1), ValueError, "num_thresholds: got 1, expected at least 2"),
        (lambda: metrics.r2_score(FOUND, TRUE[:, :2]), ShapeError, r"r2_score: argument target: got shape \(60, 2\)"),
    ],
)
def test_errors_name_what_came_and_what_to_do(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_every_function_is_listed():
    public = {name for name, value in vars(metrics).items() if getattr(value, "__module__", "") == "minigrad.metrics" and name[0] != "_"}
    assert public == set(metrics.__all__)
    assert mg.metrics is metrics
