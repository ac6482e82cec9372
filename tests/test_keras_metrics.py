"""minigrad.keras.metrics: what Keras computes, batch by batch."""

from pathlib import Path

import keras_cases as cases
import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.keras import losses, metrics

GOLDEN = np.load(Path(__file__).parent / "data" / "keras_golden.npz")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("i", "name", "data", "options"), [pytest.param(i, *c, id=f"{i}-{c[0]}-{c[1]}") for i, c in enumerate(cases.METRICS)])
def test_metrics_agree_with_keras_after_each_batch(i, name, data, options, weighted):
    t, p = cases.DATA[data]
    metric, half, weights = getattr(metrics, name)(**options), len(t) // 2, cases.WEIGHTS[: len(t)]
    for again in range(2):
        found = []
        for rows in (slice(half), slice(half, None)):
            metric.update_state(mg.tensor(t[rows]) if again else t[rows], p[rows], sample_weight=weights[rows] if weighted else None)
            found.append(metric.result())
        np.testing.assert_allclose(found, GOLDEN[f"metric.{i}{'.weighted' if weighted else ''}"], rtol=1e-11, atol=1e-13)
        metric.reset_state()


@pytest.mark.parametrize(
    ("y_shape", "pred_shape", "kind"),
    [
        ((8,), (8, 1), "Binary"), ((8, 1), (8, 1), "Binary"), ((8,), (8, 3), "SparseCategorical"),
        ((8, 1), (8, 3), "SparseCategorical"), ((8, 3), (8, 3), "Categorical"), ((8, 5), (8, 5, 3), "SparseCategorical"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("name", "what"), [("accuracy", "Accuracy"), ("acc", "Accuracy"), ("ce", "Crossentropy")])
def test_accuracy_is_chosen_by_the_shapes(y_shape, pred_shape, kind, name, what):
    metric = metrics.as_metric(name, y_shape, pred_shape)
    assert type(metric).__name__ == kind + what
    assert metric.name == name


def test_strings_functions_and_classes_name_metrics():
    for name, kind in (("mse", "MeanSquaredError"), ("MAE", "MeanAbsoluteError"), ("auc", "AUC"), ("AUC", "AUC"),
                       ("r2_score", "R2Score"), ("precision", "Precision"), ("Recall", "Recall"), ("bce", "BinaryCrossentropy"),
                       ("top_k_categorical_accuracy", "TopKCategoricalAccuracy"), ("log_cosh", "LogCoshError")):  # fmt: skip
        assert type(metrics.get(name)).__name__ == kind
    metric = metrics.AUC(name="area")
    assert metrics.as_metric(metric, (8,), (8, 1)) is metric
    assert metrics.as_metric("mae", (8,), (8, 1)).name == "mae"
    assert metrics.get(metrics.Precision).name == "precision"
    assert metrics.TopKCategoricalAccuracy(3).get_config() == {"k": 3, "name": None}

    def largest(y_true, y_pred):
        return np.abs(y_true - y_pred).max(-1)

    found = metrics.as_metric(largest, (2, 2), (2, 2))
    assert (found.name, found([[0, 0], [1, 1]], np.array([[1, 2], [1, 5]]))) == ("largest", 3.0)
    found = metrics.as_metric(losses.Huber(0.5), (2, 1), (2, 1))
    assert (found.name, found([[0.0], [0.0]], [[1.0], [0.0]])) == ("huber_loss", 0.1875)


def test_scores_equal_to_a_threshold_are_below_it():
    for threshold, precision, recall in ((0.9, 0.0, 0.0), (0.5, 0.5, 0.5)):
        given = [1, 1, 0], [0.5, 0.9, 0.95]
        assert metrics.Precision(threshold)(*given) == precision
        assert metrics.Recall(threshold)(*given) == recall


def test_nothing_measured_is_0():
    for metric in (metrics.Precision(), metrics.Recall(), metrics.AUC(), metrics.R2Score(), metrics.BinaryAccuracy()):
        assert metric.result() == 0
    assert metrics.AUC()([1, 1], [0.2, 0.4]) == 0
    assert metrics.R2Score()([[1.0, 0.0], [1.0, 2.0]], [[1.0, 0.0], [1.0, 2.0]]) == 0.5


def test_what_a_metric_cannot_take_is_refused():
    with pytest.raises(ValueError, match="metrics.get: .*'acuracy'.*accuracy"):
        metrics.get("acuracy")
    with pytest.raises(ValueError, match="auc: argument input: got numbers from -2.0 to 3.0.*Apply the sigmoid"):
        metrics.AUC()([0, 1], [-2.0, 3.0])
    with pytest.raises(ValueError, match="num_thresholds"):
        metrics.AUC(num_thresholds=1)
    with pytest.raises(ShapeError, match=r"got shape \(3,\), expected shape \(2,\)"):
        metrics.Precision()([1, 0, 1], [0.5, 0.5])
    with pytest.raises(ShapeError, match="One-hot rows go to"):
        metrics.SparseCategoricalAccuracy()(np.eye(2), np.eye(2))
    with pytest.raises(TypeError, match="BinaryAccuracy: .*limit=0.3, expected each once of threshold, name"):
        metrics.BinaryAccuracy(limit=0.3)
