"""One-hot rows and class weights: what comes out, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.data import NotFittedError, OneHotEncoder, compute_class_weight, compute_sample_weight, to_categorical

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = [["red", 3], ["blue", 1], ["red", 2]]

# -- to_categorical ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        [0, 2, 1],
        np.array([0, 2, 1], np.uint8),
        np.array([[0], [2], [1]]),
        np.array([0.0, 2.0, 1.0], np.float32),
        mg.tensor([0, 2, 1]),
        mg.tensor([[0.0], [2.0], [1.0]]),
    ],
)
def test_one_hot_rows(labels: Any) -> None:
    rows = to_categorical(labels)
    assert isinstance(rows, mg.Tensor) is isinstance(labels, mg.Tensor)
    assert rows.dtype == np.float32
    assert rows.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]


def test_one_hot_shapes() -> None:
    assert to_categorical([1, 0], num_classes=4).shape == (2, 4)
    assert to_categorical([], num_classes=3).shape == (0, 3)
    assert to_categorical(2).tolist() == [0, 0, 1]
    assert to_categorical([True, False]).tolist() == [[0, 1], [1, 0]]
    pixels = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(to_categorical(pixels).argmax(-1), pixels)


@pytest.mark.parametrize(
    ("labels", "num_classes", "error", "text"),
    [
        ([0, -1], None, IndexError, "labels: got the label -1 at 1, expected labels of at least 0"),
        ([0, 3], 3, ValueError, "labels: got the label 3 at 1, expected labels from 0 to 2, for 3 classes"),
        ([[0, 3], [1, 1]], 3, ValueError, r"got the label 3 at \(0, 1\)"),
        ([0.25, 0.75], None, ValueError, r"got the label 0.25, expected whole numbers.*argmax"),
        ([0.0, np.nan], None, ValueError, "got the label nan"),
        ([], None, ValueError, "got no labels, .*Pass num_classes"),
        ([1], 0, ValueError, "argument num_classes: got 0"),
        ([1], 2.0, ValueError, "argument num_classes: got 2.0"),
        (["a", "b"], None, TypeError, "got dtype <U1, expected whole numbers. numpy.unique"),
    ],
)
def test_to_categorical_refuses(labels: Any, num_classes: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"to_categorical: .*{text}"):
        to_categorical(labels, num_classes)


# -- OneHotEncoder -----------------------------------------------------------------------------------------------------


def test_encoder_makes_a_column_of_each_category() -> None:
    encoder = OneHotEncoder().fit(TABLE)
    assert [c.tolist() for c in encoder.categories_] == [["blue", "red"], [1, 2, 3]]
    assert encoder.n_features_in_ == 2
    rows = encoder.transform(TABLE)
    assert rows.dtype == np.float32
    assert rows.tolist() == [[0, 1, 0, 0, 1], [1, 0, 1, 0, 0], [0, 1, 0, 1, 0]]
    assert encoder.inverse_transform(rows).tolist() == TABLE
    assert encoder.transform(np.array(TABLE, object)).tolist() == rows.tolist()
    assert encoder.transform(TABLE[1:2]).tolist() == [[1, 0, 1, 0, 0]]


def test_encoder_of_numbers_and_tensors() -> None:
    table = np.array([[5, 0], [7, 0], [5, 1]])
    rows = OneHotEncoder().fit_transform(mg.tensor(table))
    assert isinstance(rows, mg.Tensor)
    assert rows.tolist() == [[1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]]
    encoder = OneHotEncoder().fit(table)
    decoded = encoder.inverse_transform(rows)
    assert decoded.dtype == table.dtype
    np.testing.assert_array_equal(decoded, table)
    assert encoder.inverse_transform([[0.2, 0.8, 0.6, 0.4]]).tolist() == [[7, 0]]
    assert encoder.transform(table[:0]).shape == (0, 4)


def test_unknown_categories() -> None:
    unknown = [["green", 1], ["red", 9]]
    with pytest.raises(
        ValueError, match="the unknown category 'green' in feature 0, expected one of 2.*such as 'blue'"
    ):
        OneHotEncoder().fit(TABLE).transform(unknown)
    encoder = OneHotEncoder(handle_unknown="ignore").fit(TABLE)
    rows = encoder.transform(unknown)
    assert rows.tolist() == [[0, 0, 1, 0, 0], [0, 1, 0, 0, 0]]
    assert encoder.inverse_transform(rows).tolist() == [[None, 1], ["red", None]]
    assert encoder.transform([[3, 1]]).tolist() == [[0, 0, 1, 0, 0]]


def test_encoder_agrees_with_scikit_learn() -> None:
    theirs = pytest.importorskip("sklearn.preprocessing").OneHotEncoder(sparse_output=False).fit(TABLE)
    ours = OneHotEncoder().fit(TABLE)
    np.testing.assert_array_equal(ours.transform(TABLE), theirs.transform(TABLE))
    assert (
        ours.inverse_transform(ours.transform(TABLE)).tolist()
        == theirs.inverse_transform(ours.transform(TABLE)).tolist()
    )


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: OneHotEncoder(handle_unknown="skip"), ValueError, "handle_unknown: got 'skip', expected 'error' or"),
        (lambda: OneHotEncoder().transform(TABLE), NotFittedError, "an encoder that was not fitted"),
        (lambda: OneHotEncoder().inverse_transform([[1]]), NotFittedError, r"Call fit\(X_train\)"),
        (
            lambda: OneHotEncoder().fit(["a", "b"]),
            ValueError,
            r"a list of other things.*For one feature: \[\[a\], \[b\]\]",
        ),
        (lambda: OneHotEncoder().fit([["a"], ["b", "c"]]), ValueError, "expected rows of the same number of features"),
        (lambda: OneHotEncoder().fit([]), ValueError, "a list of other things"),
        (lambda: OneHotEncoder().fit(np.zeros((0, 2))), ValueError, "got no samples, expected at least one"),
        (lambda: OneHotEncoder().fit(np.arange(3)), ValueError, r"got shape \(3,\), .*X.reshape\(-1, 1\)"),
        (lambda: OneHotEncoder().fit([["a"], [1]]), TypeError, "got feature 0 of text and other things"),
        (lambda: OneHotEncoder().fit([[None], [1]]), TypeError, "got feature 0 of dtype object"),
        (lambda: OneHotEncoder().fit([[1.0], [np.nan]]), ValueError, "got NaN in feature 0, row 1.*Fill missing"),
        (lambda: OneHotEncoder().fit(TABLE).transform([["red"]]), ValueError, "got 1 features, expected 2 features"),
        (lambda: OneHotEncoder().fit(TABLE).inverse_transform([[1, 0]]), ValueError, r"expected \(samples, 5\)"),
        (lambda: OneHotEncoder().fit(TABLE).inverse_transform(np.eye(5)), ValueError, "zeros for feature 1 in row 0"),
    ],
)
def test_encoder_refuses(make: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"OneHotEncoder.*{text}"):
        make()


# -- compute_class_weight ----------------------------------------------------------------------------------------------


def test_balanced_weights_are_n_over_k_n_k() -> None:
    y = np.array([0, 0, 0, 1, 1, 2])
    weights = compute_class_weight("balanced", classes=np.unique(y), y=y)
    np.testing.assert_allclose(weights, [6 / 9, 6 / 6, 6 / 3], rtol=1e-15)
    np.testing.assert_allclose(weights[y].sum(), len(y), rtol=1e-15)
    assert compute_class_weight("balanced", classes=["b", "a"], y=["a", "b", "b"]).tolist() == [0.75, 1.5]
    assert compute_class_weight("balanced", classes=mg.tensor([0, 1]), y=mg.tensor([0, 1])).tolist() == [1, 1]


def test_given_weights() -> None:
    assert compute_class_weight({1: 3.0}, classes=[0, 1, 2], y=[0, 1]).tolist() == [1, 3, 1]
    assert compute_class_weight(None, classes=[0, 1], y=[0, 1]).tolist() == [1, 1]


def test_balanced_weights_balance_a_loss() -> None:
    """The gradient of the shift of the logits is 0 where all classes are equally likely, however rare they are."""
    y = np.array([0] * 9 + [1])
    weights = mg.tensor(compute_class_weight("balanced", classes=[0, 1], y=y))
    logits = mg.zeros((10, 2), dtype=mg.float64, requires_grad=True)
    nn.CrossEntropyLoss(weight=weights)(logits, mg.tensor(y)).backward()
    np.testing.assert_allclose(logits.grad.numpy().sum(0), 0, atol=1e-16)


def test_class_weights_agree_with_scikit_learn() -> None:
    theirs = pytest.importorskip("sklearn.utils.class_weight").compute_class_weight
    y = np.random.default_rng(0).integers(0, 5, 200)
    classes = np.array([3, 0, 4, 1, 2])
    ours = compute_class_weight("balanced", classes=classes, y=y)
    np.testing.assert_allclose(ours, theirs("balanced", classes=classes, y=y), rtol=1e-15)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("balanced", [0, 1], [0, 2]), "classes: got none for the label 2 in y"),
        (("balanced", [0, 1, 3], [0, 1]), "classes: got the class 3 without a sample"),
        (("balanced", [0, 1, 1], [0, 1]), "classes: got a class twice"),
        (("balanced", [0, 1], [[0, 1]]), r"y: got shape \(1, 2\)"),
        (("balanced", [0, 1], []), r"y: got shape \(0,\)"),
        (("even", [0, 1], [0, 1]), "class_weight: got 'even', expected 'balanced'"),
        (({5: 1.0}, [0, 1], [0, 1]), r"class_weight: got weights of \[5\]"),
    ],
)
def test_class_weight_refuses(arguments: Any, text: str) -> None:
    class_weight, classes, y = arguments
    with pytest.raises(ValueError, match=f"compute_class_weight: argument {text}"):
        compute_class_weight(class_weight, classes=classes, y=y)


@pytest.mark.parametrize("kind", [lambda y: y, lambda y: y[:, None], lambda y: np.eye(3)[y], mg.tensor, lambda y: y.astype(float)])
def test_weights_of_samples_are_those_of_their_classes(kind: Callable[[Any], Any]) -> None:
    y = np.array([2, 0, 0, 1, 0])
    assert compute_sample_weight({0: 0.5, 2: 3.0, 7: 9.0}, kind(y)).tolist() == [3.0, 0.5, 0.5, 1.0, 0.5]
    np.testing.assert_allclose(compute_sample_weight("balanced", kind(y)), np.array([1, 1 / 3, 1 / 3, 1, 1 / 3]) * 5 / 3, rtol=1e-15)
    assert compute_sample_weight(None, kind(y)).tolist() == [1.0] * 5
    assert compute_sample_weight("balanced", kind(y[:0])).shape == (0,)


def test_sample_weights_agree_with_scikit_learn() -> None:
    theirs = pytest.importorskip("sklearn.utils.class_weight").compute_sample_weight
    y = np.random.default_rng(0).integers(0, 5, 200)
    np.testing.assert_allclose(compute_sample_weight("balanced", y), theirs("balanced", y), rtol=1e-15)


def test_sample_weight_refuses() -> None:
    with pytest.raises(ValueError, match=r"compute_sample_weight: argument y: got shape \(\)"):
        compute_sample_weight(None, 3)
    with pytest.raises(ValueError, match="class_weight: got 'even', expected 'balanced'"):
        compute_sample_weight("even", [0, 1])
