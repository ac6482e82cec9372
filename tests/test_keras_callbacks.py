"""Callbacks: the decisions of Keras's on fixed sequences, hooks, files and messages."""

import csv
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.keras import callbacks
from minigrad.keras.callbacks import Callback, EarlyStopping, History, LambdaCallback, ModelCheckpoint
from minigrad.keras.layers import Dense
from minigrad.keras.models import Sequential
from minigrad.keras.optimizers import SGD

GOLDEN = json.loads(str(np.load(Path(__file__).parent / "data/keras_callbacks_golden.npz")["cases"]))

X, Y = np.linspace(-1, 1, 70, dtype=np.float32)[:, None], np.linspace(1, 3, 70, dtype=np.float32)


def model():
    made = Sequential([Dense(1, use_bias=False, input_shape=(1,))])
    made.compile(SGD(learning_rate=0.1), loss="mse")
    return made


def driven(callback, walk, net=None):
    """The learning rate after each epoch until the callback stops, and the weight in the end, which is an epoch's number."""
    net = net or model()
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


def named(kind):
    return [pytest.param(o, w, result, id=f"{i}") for i, (k, o, w, result) in enumerate(GOLDEN) if k == kind]


@pytest.mark.parametrize(("options", "walk", "expected"), named("EarlyStopping"))
def test_early_stopping_decides_as_keras(options, walk, expected):
    rates, weight = driven(EarlyStopping(**options), walk)
    assert [len(rates), weight] == [len(expected[0]), expected[1]]


@pytest.mark.parametrize(("options", "walk", "expected"), named("ReduceLROnPlateau"))
def test_reduce_lr_on_plateau_decides_as_keras(options, walk, expected):
    rates, _ = driven(callbacks.ReduceLROnPlateau(**options), walk)
    np.testing.assert_allclose(rates, expected[0], rtol=1e-6)  # Keras holds the rate as float32


@pytest.mark.parametrize(("options", "walk", "expected"), named("ModelCheckpoint"))
def test_model_checkpoint_decides_as_keras(options, walk, expected, tmp_path):
    driven(ModelCheckpoint(tmp_path / "{epoch:02d}.npz", **options), walk)
    assert sorted(int(file.name[:2]) for file in tmp_path.iterdir()) == expected


def test_a_checkpoint_every_few_batches(tmp_path):
    """Batches are counted through all epochs: 3 to an epoch here."""
    net = model()
    net.fit(X, Y, epochs=2, callbacks=[ModelCheckpoint(tmp_path / "{epoch}-{loss:.6f}.npz", save_freq=2)], verbose=0)
    assert sorted(file.name[0] for file in tmp_path.iterdir()) == ["1", "2", "2"]
    for wrong in (0, True, "batch"):
        with pytest.raises(ValueError, match=f"ModelCheckpoint: argument save_freq: got {wrong!r}, expected 'epoch' or a number"):
            ModelCheckpoint(tmp_path / "x.npz", save_freq=wrong)


def test_what_is_done_is_told(tmp_path, capsys):
    path = tmp_path / "best.npz"
    driven(EarlyStopping(patience=1, restore_best_weights=True, verbose=1), [0.5, 0.6])
    driven(callbacks.ReduceLROnPlateau(factor=0.5, patience=1, verbose=1), [0.5, 0.6])
    driven(ModelCheckpoint(path, save_best_only=True, verbose=1), [0.5, 0.6, 0.25])
    driven(ModelCheckpoint(path, verbose=1), [0.5])
    assert [line for line in capsys.readouterr().out.splitlines() if line] == [
        "Epoch 2: early stopping",
        "Restoring model weights from the end of the best epoch: 1.",
        "Epoch 2: ReduceLROnPlateau reducing learning rate to 0.05.",
        f"Epoch 1: val_loss improved from inf to 0.50000, saving model to {path}",
        f"Epoch 3: val_loss improved from 0.50000 to 0.25000, saving model to {path}",
        f"Epoch 1: saving model to {path}",
    ]


def test_by_default_nothing_is_told(tmp_path, capsys):
    driven(EarlyStopping(patience=1, restore_best_weights=True), [0.5, 0.6])
    driven(callbacks.ReduceLROnPlateau(factor=0.5, patience=1), [0.5, 0.6])
    driven(ModelCheckpoint(tmp_path / "best.npz"), [0.5])
    assert capsys.readouterr().out == ""


def test_a_history_in_a_line():
    history = History()
    for epoch, loss in enumerate((0.5, 0.25)):
        history.on_epoch_end(epoch, {"loss": loss})
    assert repr(history) == "History of 2 epochs, at last loss: 0.2500"
    assert repr(History()) == "History of 0 epochs"


def test_what_a_checkpoint_holds(tmp_path):
    driven(ModelCheckpoint(tmp_path / "at-{epoch}-{val_loss:.1f}.npz"), [0.5, 0.4])
    net = model()
    net.load_weights(tmp_path / "at-2-0.4.npz")
    assert net.get_weights()[0][0, 0] == 1.0


# -- hooks -------------------------------------------------------------------------------------------------------------

class Noting(Callback):
    """Has all hooks but those of the older names."""

    def __init__(self):
        self.seen = []
        for hook in callbacks._HOOKS:
            if not hook.startswith("on_batch"):
                setattr(self, hook, partial(self.note, hook.removeprefix("on_")))

    def note(self, hook, *args):
        assert isinstance(args[-1], dict)
        self.seen.append(hook)


def test_the_order_of_hooks():
    noting, net = Noting(), model()
    net.fit(X, Y, validation_data=(X[:3], Y[:3]), callbacks=[noting], verbose=0)
    train, test = ["train_batch_begin", "train_batch_end"], ["test_begin", "test_batch_begin", "test_batch_end", "test_end"]
    assert noting.seen == ["train_begin", "epoch_begin", *train, *train, *train, *test, "epoch_end", "train_end"]
    noting.seen.clear()
    net.predict(X, callbacks=[noting], verbose=0)
    assert noting.seen == ["predict_begin", *["predict_batch_begin", "predict_batch_end"] * 3, "predict_end"]


def test_older_names_of_batch_hooks():
    class Old(Callback):
        batches = 0

        def on_batch_end(self, batch, logs=None):
            self.batches += 1

    old = Old()
    model().fit(X, Y, callbacks=[old], verbose=0)
    assert old.batches == 3


def test_lambda_callback():
    losses = []
    model().fit(X, Y, epochs=2, verbose=0, callbacks=[LambdaCallback(on_epoch_end=lambda e, logs: losses.append((e, logs["loss"])))])
    assert [e for e, _ in losses] == [0, 1]
    with pytest.raises(TypeError, match="on_epoch_over"):
        LambdaCallback(on_epoch_over=print)


def test_stopping_from_a_hook_ends_the_epoch():
    class Stop(Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    history = model().fit(X, Y, epochs=5, callbacks=[Stop()], verbose=0)
    assert history.epoch == [0]


def test_callbacks_must_be_callbacks():
    with pytest.raises(TypeError, match="fit: argument callbacks: got a type"):
        model().fit(X, Y, callbacks=[History], verbose=0)


# -- learning rates, files, NaN ----------------------------------------------------------------------------------------


def test_learning_rate_scheduler(capsys):
    net = model()
    scheduler = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2, verbose=1)
    history = net.fit(X, Y, epochs=3, callbacks=[scheduler], verbose=0)
    np.testing.assert_allclose(history.history["learning_rate"], [0.05, 0.025, 0.0125], rtol=1e-6)
    assert "Epoch 3: LearningRateScheduler setting learning rate to 0.0125" in capsys.readouterr().out
    net.fit(X, Y, callbacks=[callbacks.LearningRateScheduler(lambda epoch: 0.3)], verbose=0)
    assert net.optimizer.learning_rate == pytest.approx(0.3)
    with pytest.raises(ValueError, match="got a str from it, expected a float"):
        net.fit(X, Y, callbacks=[callbacks.LearningRateScheduler(lambda epoch: "0.1")], verbose=0)


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    net = model()
    net.fit(X, Y, epochs=2, validation_data=(X, Y), validation_freq=2, callbacks=[callbacks.CSVLogger(path)], verbose=0)
    with path.open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["epoch", "loss"]
    history = net.fit(X, Y, epochs=4, initial_epoch=2, callbacks=[callbacks.CSVLogger(path, append=True)], verbose=0)
    with path.open() as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["epoch", "0", "1", "2", "3"]
    assert float(rows[-1][1]) == history.history["loss"][-1]
    net.fit(X, Y, epochs=1, callbacks=[callbacks.CSVLogger(path, separator=";")], verbose=0)
    assert path.read_text().splitlines()[0] == "epoch;loss"


def test_terminate_on_nan(capsys):
    net = model()
    bad = np.where(np.arange(70)[:, None] == 40, np.nan, X)
    history = net.fit(bad, Y, epochs=3, shuffle=False, callbacks=[callbacks.TerminateOnNaN()], verbose=0)
    assert history.epoch == [0]
    assert "Batch 1: Invalid loss" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="Lower the learning rate"):
        net.fit(bad, Y, callbacks=[callbacks.TerminateOnNaN(raise_error=True)], verbose=0)


def test_what_is_monitored_must_be_known():
    net = model()
    with pytest.warns(UserWarning, match="no 'val_loss' to monitor; there are loss"):
        net.fit(X, Y, callbacks=[EarlyStopping()], verbose=0)
    height = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(height=1.0))
    with pytest.raises(ValueError, match="Write mode='min' or mode='max'"):
        net.fit(X, Y, epochs=2, callbacks=[height, EarlyStopping("height", patience=1)], verbose=0)
    with pytest.raises(ValueError, match="'auto', 'min' or 'max'"):
        EarlyStopping(mode="down")
    with pytest.raises(ValueError, match="below 1"):
        callbacks.ReduceLROnPlateau(factor=1.0)
    with pytest.raises(ValueError, match="Whole models"):
        ModelCheckpoint("best.keras")
    assert mg.keras.callbacks is callbacks
