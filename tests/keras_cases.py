"""Cases of which Keras is asked, and minigrad: which functions of Keras, with which options, of which numbers."""

from __future__ import annotations

import numpy as np

REDUCTIONS = ("sum_over_batch_size", "sum", "mean")


def function_name(name: str) -> str:
    """mean_squared_error of MeanSquaredError, kl_divergence of KLDivergence."""
    spaced = "".join("_" + c.lower() if c.isupper() else c for c in name).strip("_")
    return spaced.replace("k_l_", "kl_")


def _data() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(3)
    rows, classes = 12, 4
    one_hot = np.eye(classes)[random.integers(0, classes, rows)]
    scores = random.normal(size=(rows, classes)) * 2
    soft = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    probability = random.uniform(0.02, 0.98, (rows, 1))
    binary = (random.uniform(size=(rows, 1)) < probability).astype(float)
    tied = np.round(soft, 1)
    return {
        "real": (random.normal(size=(rows, 3)), random.normal(size=(rows, 3)) * 2),
        "positive": (random.poisson(3, (rows, 2)).astype(float), random.uniform(0.1, 5, (rows, 2))),
        "column": (random.normal(size=rows), random.normal(size=(rows, 1))),
        "signs": (np.sign(random.normal(size=(rows, 1))), random.normal(size=(rows, 1))),
        "binary": (binary, probability),
        "binary logits": (binary, np.log(probability / (1 - probability)) * 9),
        "many binary": (one_hot, random.uniform(0, 1, (rows, classes))),
        "certain": (np.eye(2)[[0, 1, 1, 0]], np.eye(2)[[0, 1, 0, 1]]),
        "one-hot": (one_hot, soft),
        "one-hot logits": (one_hot, scores * 3),
        "unnormalised": (one_hot, random.uniform(0.1, 2, (rows, classes))),
        "labels": (one_hot.argmax(1), soft),
        "label column": (one_hot.argmax(1)[:, None], soft),
        "label logits": (one_hot.argmax(1), scores * 3),
        "label images": (random.integers(0, classes, (rows, 5)), random.uniform(0.1, 1, (rows, 5, classes))),
        "tied": (one_hot, tied),
        "tied labels": (one_hot.argmax(1), tied),
    }


DATA = _data()
WEIGHTS = np.random.default_rng(4).uniform(0.1, 2, 12)

LOSSES = [
    ("MeanSquaredError", "real", {}),
    ("MeanSquaredError", "column", {}),
    ("MeanAbsoluteError", "real", {}),
    ("MeanAbsolutePercentageError", "real", {}),
    ("MeanAbsolutePercentageError", "positive", {}),
    ("MeanSquaredLogarithmicError", "positive", {}),
    ("Huber", "real", {}),
    ("Huber", "real", {"delta": 0.4}),
    ("LogCosh", "real", {}),
    ("Poisson", "positive", {}),
    ("Hinge", "signs", {}),
    ("Hinge", "binary", {}),
    ("KLDivergence", "one-hot", {}),
    ("BinaryCrossentropy", "binary", {}),
    ("BinaryCrossentropy", "many binary", {"label_smoothing": 0.2}),
    ("BinaryCrossentropy", "binary logits", {"from_logits": True}),
    ("BinaryCrossentropy", "binary logits", {"from_logits": True, "label_smoothing": 0.1}),
    ("BinaryCrossentropy", "certain", {}),
    ("CategoricalCrossentropy", "one-hot", {}),
    ("CategoricalCrossentropy", "one-hot", {"label_smoothing": 0.1}),
    ("CategoricalCrossentropy", "unnormalised", {}),
    ("CategoricalCrossentropy", "certain", {}),
    ("CategoricalCrossentropy", "one-hot logits", {"from_logits": True}),
    ("CategoricalCrossentropy", "one-hot logits", {"from_logits": True, "label_smoothing": 0.1}),
    ("SparseCategoricalCrossentropy", "labels", {}),
    ("SparseCategoricalCrossentropy", "label column", {}),
    ("SparseCategoricalCrossentropy", "label logits", {"from_logits": True}),
    ("SparseCategoricalCrossentropy", "labels", {"ignore_class": 1}),
    ("SparseCategoricalCrossentropy", "label logits", {"from_logits": True, "ignore_class": 2}),
]

METRICS = [
    *((name, "real", {}) for name in (
        "MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCoshError", "R2Score",
    )),
    ("MeanSquaredError", "column", {}),
    ("MeanSquaredLogarithmicError", "positive", {}),
    ("Poisson", "positive", {}),
    ("Hinge", "signs", {}),
    ("KLDivergence", "one-hot", {}),
    ("BinaryCrossentropy", "binary", {}),
    ("BinaryCrossentropy", "binary logits", {"from_logits": True}),
    ("CategoricalCrossentropy", "one-hot", {"label_smoothing": 0.1}),
    ("SparseCategoricalCrossentropy", "labels", {}),
    ("BinaryAccuracy", "binary", {}),
    ("BinaryAccuracy", "many binary", {"threshold": 0.7}),
    ("CategoricalAccuracy", "one-hot", {}),
    ("SparseCategoricalAccuracy", "labels", {}),
    ("SparseCategoricalAccuracy", "label column", {}),
    ("SparseCategoricalAccuracy", "label images", {}),
    ("TopKCategoricalAccuracy", "one-hot", {"k": 2}),
    ("TopKCategoricalAccuracy", "tied", {"k": 2}),
    ("SparseTopKCategoricalAccuracy", "tied labels", {"k": 3}),
    *((name, "many binary", options) for name in ("Precision", "Recall") for options in (
        {}, {"thresholds": 0.3},
    )),
    ("Precision", "binary", {}),
    ("Recall", "binary", {}),
    ("AUC", "binary", {}),
    ("AUC", "many binary", {}),
    ("AUC", "binary", {"num_thresholds": 7}),
]  # fmt: skip

STEPS = (0, 1, 2, 5, 9, 10, 11, 15, 19, 20, 21, 37, 99, 100, 250)
_DECAY = {"initial_learning_rate": 0.1, "decay_steps": 10}
SCHEDULES = [
    ("ExponentialDecay", {**_DECAY, "decay_rate": 0.9}),
    ("ExponentialDecay", {**_DECAY, "decay_rate": 0.9, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [5, 20], "values": [0.1, 0.01, 0.001]}),
    ("PolynomialDecay", {**_DECAY}),
    ("PolynomialDecay", {**_DECAY, "end_learning_rate": 0.01, "power": 2.0}),
    ("PolynomialDecay", {**_DECAY, "power": 0.5, "cycle": True}),
    ("InverseTimeDecay", {**_DECAY, "decay_rate": 0.5}),
    ("InverseTimeDecay", {**_DECAY, "decay_rate": 0.5, "staircase": True}),
    ("CosineDecay", {**_DECAY}),
    ("CosineDecay", {**_DECAY, "alpha": 0.1}),
    ("CosineDecay", {**_DECAY, "alpha": 0.1, "warmup_target": 0.5, "warmup_steps": 9}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 10}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 10, "t_mul": 1.0, "m_mul": 0.8, "alpha": 0.1}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 7, "t_mul": 1.5, "m_mul": 0.9}),
]

SHAPES = ((3, 6), (5,))
SNAPSHOTS = (1, 2, 3, 10, 50)
_random = np.random.default_rng(11)
START = _random.uniform(-2, 2, 23)
GRADIENTS = _random.normal(size=(50, 23)) * np.exp2(_random.integers(-3, 3, 23))
GRADIENTS[:, ::7] = 0
GRADIENTS[:, 3::7] *= 1e-9


def split(flat: np.ndarray) -> list[np.ndarray]:
    ends = np.cumsum([int(np.prod(s)) for s in SHAPES])[:-1]
    return [part.reshape(s) for part, s in zip(np.split(flat, ends), SHAPES, strict=True)]


_ALL: list[dict] = [
    {},
    {"learning_rate": 0.02, "weight_decay": 0.1},
    {"learning_rate": 0.02, "clipnorm": 1.5},
    {"learning_rate": 0.02, "clipvalue": 0.4},
    {"learning_rate": 0.02, "global_clipnorm": 2.0, "weight_decay": 0.01},
    {"learning_rate": ("ExponentialDecay", {"initial_learning_rate": 0.05, "decay_steps": 4, "decay_rate": 0.8})},
]
_OWN: dict[str, list[dict]] = {
    "SGD": [
        {"learning_rate": 0.02, "momentum": 0.9},
        {"learning_rate": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        {"learning_rate": ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30}), "momentum": 0.8},
        {"learning_rate": ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30}), "momentum": 0.8, "nesterov": True},
    ],
    "Adam": [
        {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3},
        {"learning_rate": 0.02, "amsgrad": True, "beta_2": 0.9},
    ],
    "AdamW": [{"learning_rate": 0.02, "beta_1": 0.8, "amsgrad": True}],
    "RMSprop": [
        {"learning_rate": 0.02, "rho": 0.8, "epsilon": 1e-3},
        {"learning_rate": 0.02, "momentum": 0.9},
        {"learning_rate": 0.02, "centered": True},
        {"learning_rate": 0.02, "centered": True, "momentum": 0.7, "weight_decay": 0.1},
        {"learning_rate": ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30}), "momentum": 0.8},
    ],
    "Adagrad": [{"learning_rate": 0.5, "initial_accumulator_value": 0.0, "epsilon": 1e-3}],
    "Adadelta": [{"learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-4}],
    "Adamax": [{"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}],
    "Nadam": [{"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}],
}
OPTIMIZERS = [(name, options) for name, own in _OWN.items() for options in _ALL + own]

ACTIVATED = np.array([[-8.0, -3.2, -1.0, -0.7, -0.2, 0.0], [0.3, 0.5, 0.8, 2.0, 6.5, 9.0]])
ACTIVATIONS = [
    *((name, {}) for name in (
        "elu", "exponential", "gelu", "hard_sigmoid", "leaky_relu", "linear", "log_softmax", "relu", "selu", "sigmoid", "silu",
        "softmax", "softplus", "softsign", "tanh",
    )),
    ("gelu", {"approximate": True}),
    ("relu", {"negative_slope": 0.1, "max_value": 5.0}),
    ("relu", {"threshold": 0.6}),
    ("relu", {"threshold": 0.6, "negative_slope": 0.2, "max_value": 1.5}),
    ("leaky_relu", {"negative_slope": 0.05}),
    ("softmax", {"axis": 0}),
    ("elu", {"alpha": 0.5}),
]  # fmt: skip
