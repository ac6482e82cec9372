"""What Keras's fit and evaluate give on small data without shuffling: writes keras_fit_golden.npz.

    KERAS_BACKEND=jax JAX_ENABLE_X64=1 python tests/data/make_keras_fit_golden.py

The weights that each model begins with are stored, with its history, its weights afterwards, what evaluate says and what
predict says. Models compute in float64, but Keras hands them data that it has rounded to float32, and keeps the learning
rate so: both are numbers that float32 holds. Needs keras and jax; the tests need neither.
"""

import json
from pathlib import Path

import keras
import numpy as np
from keras import layers

CASES = {
    "regression": {"out": (1, None), "compile": {"loss": "mse", "metrics": ["mae"]}},
    "tail": {"out": (1, None), "compile": {"loss": "mae"}, "fit": {"validation_split": 0.3, "batch_size": 8}},
    "binary": {"out": (1, "sigmoid"), "compile": {"loss": "binary_crossentropy", "metrics": ["accuracy"]}},
    "classes": {"out": (3, "softmax"), "compile": {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}},
    "one_hot": {"out": (3, "softmax"), "compile": {"loss": "categorical_crossentropy", "metrics": ["acc"]}},
    "regularized": {"out": (1, None), "compile": {"loss": "mse"}, "l2": 0.05},
    "sample_weight": {
        "out": (1, None), "compile": {"loss": "mse", "metrics": ["mae"], "weighted_metrics": ["mse"]}, "weights": True,
    },
    "class_weight": {
        "out": (3, "softmax"), "compile": {"loss": "sparse_categorical_crossentropy"}, "fit": {"class_weight": {0: 1.0, 2: 3.0}},
    },
    "steps": {"out": (1, None), "compile": {"loss": "mse"}, "fit": {"batch_size": 16, "steps_per_epoch": 2}},
    "normalized": {"out": (1, None), "compile": {"loss": "mse"}, "norm": ["BatchNormalization", "LayerNormalization"]},
}  # fmt: skip


def single(array):
    return array.astype(np.float32).astype(np.float64)


def data(name):
    rng = np.random.default_rng(5)
    x = single(rng.normal(size=(50, 4)))
    labels = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0.3)
    targets = {"binary": labels > 0, "classes": labels, "class_weight": labels, "one_hot": np.eye(3)[labels]}
    return x, targets.get(name, single(x @ [1.0, -2.0, 0.5, 0.0] + 0.3)), single(rng.uniform(0.5, 2, size=50))


def model(case):
    penalty = keras.regularizers.L2(case["l2"]) if "l2" in case else None
    norms = [getattr(layers, kind)() for kind in case.get("norm", ())]
    hidden = layers.Dense(6, activation="tanh", kernel_regularizer=penalty)
    units, activation = case["out"]
    net = keras.Sequential([layers.Input((4,)), hidden, *norms, layers.Dense(units, activation=activation)])
    net.compile(keras.optimizers.SGD(learning_rate=1 / 64, momentum=0.5), **case["compile"])
    return net


def main():
    keras.config.set_floatx("float64")
    arrays = {"cases": np.array(json.dumps(CASES))}
    for name, case in CASES.items():
        keras.utils.set_random_seed(1)
        x, y, weight = data(name)
        net = model(case)
        start = net.get_weights()
        history = net.fit(x, y, epochs=3, shuffle=False, verbose=0, sample_weight=weight if case.get("weights") else None, **case.get("fit", {}))
        arrays |= {f"{name}/history/{key}": np.array(values) for key, values in history.history.items()}
        arrays |= {f"{name}/start/{i}": w for i, w in enumerate(start)}
        arrays |= {f"{name}/end/{i}": w for i, w in enumerate(net.get_weights())}
        judged = net.evaluate(x, y, verbose=0, sample_weight=weight if case.get("weights") else None)
        arrays[f"{name}/evaluate"], arrays[f"{name}/predict"] = np.array(judged), net.predict(x, verbose=0)
        arrays |= {f"{name}/x": x, f"{name}/y": np.asarray(y), f"{name}/weight": weight}
    np.savez_compressed(Path(__file__).with_name("keras_fit_golden.npz"), **arrays)
    print(len(CASES), "cases of Keras", keras.__version__)


if __name__ == "__main__":
    main()
