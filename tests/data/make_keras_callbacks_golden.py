"""What Keras's callbacks decide on fixed sequences of a monitored value: writes keras_callbacks_golden.npz.

    KERAS_BACKEND=jax python tests/data/make_keras_callbacks_golden.py

Each case drives one callback through its hooks, without training: the weights are the number of the epoch, so what a
callback restores or saves says which epoch it chose. Needs keras and jax; the tests need neither.
"""

import json
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np

rng = np.random.default_rng(3)
WALKS = [
    [1.0, 0.9, 0.8, 0.85, 0.84, 0.83, 0.82, 0.81, 0.7, 0.71, 0.72, 0.73],
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    [0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
    [1.0, 0.99995, 0.9999, 0.99985, 0.9998, 0.9997, 0.9, 0.9, 0.9, 0.9],
    [0.3],
    *[np.round(1 + 0.2 * rng.normal(size=20).cumsum(), 3).tolist() for _ in range(4)],
]
STOPPING = [
    {"patience": 0},
    {"patience": 2},
    {"patience": 2, "restore_best_weights": True},
    {"patience": 3, "min_delta": 0.05, "restore_best_weights": True},
    {"patience": 2, "mode": "max"},
    {"patience": 1, "baseline": 0.75, "restore_best_weights": True},
    {"patience": 2, "start_from_epoch": 3, "restore_best_weights": True},
    {"patience": 2, "min_delta": -0.05, "mode": "min"},
]
PLATEAU = [
    {"patience": 1},
    {"patience": 2, "factor": 0.5},
    {"patience": 2, "factor": 0.5, "cooldown": 2},
    {"patience": 1, "factor": 0.3, "min_lr": 0.02},
    {"patience": 2, "mode": "max", "min_delta": 0.05},
    {"patience": 0},
]
CHECKPOINT = [{}, {"save_best_only": True}, {"save_best_only": True, "mode": "max"},
              {"save_best_only": True, "initial_value_threshold": 0.85}]  # fmt: skip


def model():
    made = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    made.compile(keras.optimizers.SGD(learning_rate=0.1), loss="mse")
    return made


def driven(callback, walk):
    """The learning rate after each epoch until the callback stops, and the weight in the end."""
    net = model()
    callback.set_model(net)
    callback.set_params({"epochs": len(walk), "steps": 1, "verbose": 0})
    callback.on_train_begin()
    rates = []
    for epoch, value in enumerate(walk):
        callback.on_epoch_begin(epoch)
        net.set_weights([np.full((1, 1), float(epoch))])
        callback.on_epoch_end(epoch, {"val_loss": value})
        rates.append(float(net.optimizer.learning_rate))
        if net.stop_training:
            break
    callback.on_train_end()
    return rates, float(net.get_weights()[0][0, 0])


def saved(options, walk):
    """The epochs, from 1, that were saved."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "{epoch:02d}.weights.h5"
        driven(keras.callbacks.ModelCheckpoint(path, save_weights_only=True, **options), walk)
        return sorted(int(file.name[:2]) for file in Path(folder).iterdir())


def main():
    warnings.simplefilter("ignore")
    cases = [("EarlyStopping", o, w, driven(keras.callbacks.EarlyStopping(**o), w)) for o in STOPPING for w in WALKS]
    cases += [("ReduceLROnPlateau", o, w, driven(keras.callbacks.ReduceLROnPlateau(**o), w)) for o in PLATEAU for w in WALKS]
    cases += [("ModelCheckpoint", o, w, saved(o, w)) for o in CHECKPOINT for w in WALKS]
    np.savez_compressed(Path(__file__).with_name("keras_callbacks_golden.npz"), cases=np.array(json.dumps(cases)))
    print(len(cases), "cases of Keras", keras.__version__)


if __name__ == "__main__":
    main()
