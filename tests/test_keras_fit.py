"""fit, evaluate and predict: Keras's numbers and rules, what they take as data, and what they warn of."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import DataLoader, TensorDataset
from minigrad.keras import layers as L
from minigrad.keras import losses, optimizers, regularizers
from minigrad.keras.callbacks import Callback, History
from minigrad.keras.models import Sequential

GOLDEN = np.load(Path(__file__).parent / "data/keras_fit_golden.npz")
CASES = json.loads(str(GOLDEN["cases"]))
#: Keras adds up losses and metrics, and takes its steps, in float32, whatever the model computes in: a few such roundings.
SUMS = 4 * 2.0**-24


def golden_model(case):
    double = {"dtype": "float64"}
    penalty = regularizers.L2(case["l2"]) if "l2" in case else None
    norms = [getattr(L, kind)(**double) for kind in case.get("norm", ())]
    hidden = L.Dense(6, activation="tanh", kernel_regularizer=penalty, **double)
    units, activation = case["out"]
    net = Sequential([L.Input((4,)), hidden, *norms, L.Dense(units, activation=activation, **double)])
    net.compile(optimizers.SGD(learning_rate=1 / 64, momentum=0.5), **case["compile"])
    return net


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_fit_gives_the_numbers_of_keras(name, eagerly):
    case = CASES[name]
    stored = {key.removeprefix(name + "/"): GOLDEN[key] for key in GOLDEN.files if key.startswith(name + "/")}
    net = golden_model(case)
    net.compile(net.optimizer, run_eagerly=eagerly, **case["compile"])
    net.set_weights([stored[f"start/{i}"] for i in range(len(net.weights))])
    x, y, weight = stored["x"], stored["y"], stored["weight"] if case.get("weights") else None
    options = dict(case.get("fit", {}))
    if "class_weight" in options:
        options["class_weight"] = {int(label): w for label, w in options["class_weight"].items()}
    history = net.fit(x, y, epochs=3, shuffle=False, verbose=0, sample_weight=weight, **options).history
    assert history.keys() == {key.removeprefix("history/") for key in stored if key.startswith("history/")}
    for key, values in history.items():
        np.testing.assert_allclose(values, stored[f"history/{key}"], rtol=SUMS, err_msg=key)
    for i, w in enumerate(net.get_weights()):
        np.testing.assert_allclose(w, stored[f"end/{i}"], rtol=SUMS, atol=SUMS)
    np.testing.assert_allclose(net.evaluate(x, y, verbose=0, sample_weight=weight), stored["evaluate"], rtol=SUMS)
    np.testing.assert_allclose(net.predict(x, verbose=0), stored["predict"], rtol=4 * SUMS, atol=4 * SUMS)


# -- small nets of our own ---------------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3)).astype(np.float32)
Y = X @ np.array([1.0, -2.0, 0.5], np.float32)
LABELS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def regressor(**compiled):
    net = Sequential([L.Input((3,)), L.Dense(8, activation="relu"), L.Dropout(0.1), L.Dense(1)])
    net.compile(**{"optimizer": optimizers.Adam(learning_rate=0.01), "loss": "mse", **compiled})
    return net


def classifier(**compiled):
    net = Sequential([L.Input((3,)), L.Dense(8, activation="relu"), L.Dense(3, activation="softmax")])
    net.compile(**{"optimizer": optimizers.Adam(learning_rate=0.03), "loss": "sparse_categorical_crossentropy", **compiled})
    return net


def test_eager_and_captured_steps_give_the_same_bits():
    found = []
    for eagerly in (False, True):
        mg.manual_seed(4)
        net = regressor(run_eagerly=eagerly, metrics=["mae"])
        history = net.fit(X, Y, epochs=8, validation_split=0.2, verbose=0)  # 24 steps of two sizes
        found.append((history.history, [w.tobytes() for w in net.get_weights()]))
    assert found[0] == found[1]


def test_a_captured_step_is_replayed():
    net = regressor()
    net.fit(X, Y, epochs=3, validation_split=0.2, verbose=0)
    net.fit(X, Y, epochs=3, validation_split=0.2, verbose=0)
    assert len(net._step("train").programs) == len({32, 72 % 32})
    assert len(net._step("test").programs) == 1


def test_predict_finds_its_weights_without_a_search_through_the_process(monkeypatch):
    net = classifier()
    monkeypatch.setattr("gc.get_referrers", lambda *kinds: pytest.fail("searched"))
    net.predict(X, verbose=0)
    net.evaluate(X, LABELS, verbose=0)
    net.set_weights([w * 0 for w in net.get_weights()])
    np.testing.assert_allclose(net.predict(X, verbose=0), 1 / 3, rtol=1e-6)
    net.layers[0].weight = mg.nn.Parameter(mg.ones(8, 3))
    net.layers[1].weight.data = mg.ones(3, 8) * mg.tensor([[0.0], [0.0], [1.0]])
    assert (net.predict(X[X.sum(1) > 1], verbose=0)[:, 2] > 0.9).all()
    assert len(net._step("train").programs) == 0


def test_metrics_of_many_batches_are_those_of_few():
    """Predictions are kept for some batches, and then measured together."""
    net = classifier(metrics=["accuracy", "sparse_categorical_crossentropy"])
    few, many = (net.evaluate(np.tile(X, (2, 1)), np.tile(LABELS, 2), batch_size=n, verbose=0) for n in (180, 1))
    np.testing.assert_allclose(many, few, rtol=1e-5)


def test_it_learns():
    net = classifier(metrics=["accuracy"])
    history = net.fit(X, LABELS, epochs=60, verbose=0)
    assert history.history["accuracy"][-1] > 0.95
    assert net.evaluate(X, LABELS, verbose=0, return_dict=True)["accuracy"] > 0.95
    assert (net.predict(X, verbose=0).argmax(1) == LABELS).mean() > 0.95


def test_epochs_is_the_number_of_the_last():
    net = regressor()
    assert net.fit(X, Y, epochs=5, initial_epoch=3, verbose=0).epoch == [3, 4]
    assert net.history.params == {"epochs": 5, "steps": 3, "verbose": 0}
    assert isinstance(net.history, History)


def test_modes_are_switched_and_restored():
    modes = []

    class Look(Callback):
        def on_train_batch_end(self, batch, logs=None):
            modes.append(self.model.layers[1].training)

        def on_test_batch_end(self, batch, logs=None):
            modes.append(self.model.layers[1].training)

    net = regressor()
    net.fit(X, Y, batch_size=90, validation_data=(X, Y), callbacks=[Look()], verbose=0)
    assert modes == [True, False]
    assert not net.layers[1].training
    with pytest.raises(ValueError, match="y_true"):
        net.fit(X, np.zeros((90, 7)), verbose=0)
    assert not net.layers[1].training


def test_every_kind_of_data():
    net = regressor()
    net.fit(X.tolist(), Y.tolist(), verbose=0)
    net.fit(mg.tensor(X), mg.tensor(Y), verbose=0)
    data = TensorDataset(mg.tensor(X), mg.tensor(Y))
    assert net.fit(data, batch_size=30, verbose=0).params["steps"] == 3
    assert net.fit(DataLoader(data, batch_size=45), validation_data=DataLoader(data, batch_size=90), verbose=0).params["steps"] == 2
    net.fit(((X[i : i + 10], Y[i : i + 10], np.ones(10)) for i in range(0, 90, 10)), verbose=0)
    assert net.predict(DataLoader(TensorDataset(X), batch_size=20), verbose=0).shape == (90, 1)
    lazy = Sequential([L.Dense(4), L.Dense(1)])
    lazy.compile("adam", "mse")
    lazy.fit(DataLoader(data, batch_size=45), verbose=0)
    assert lazy.input_shape == (None, 3)


def test_steps_go_on_where_the_last_epoch_ended():
    def endless():
        i = 0
        while True:
            yield np.full((4, 3), i, np.float32), np.full(4, i, np.float32)
            i += 1

    net = regressor()
    net.compile(optimizers.SGD(learning_rate=0.0), loss=lambda t, p: t + 0 * p)
    history = net.fit(endless(), steps_per_epoch=2, epochs=3, verbose=0).history
    assert history["loss"] == [0.5, 2.5, 4.5]
    with pytest.warns(UserWarning, match="the data ended before 9 steps"):
        net.fit(iter([(X, Y)]), steps_per_epoch=9, verbose=0)


def test_callers_arrays_are_left_alone():
    x, y = X.copy(), Y.copy()
    regressor().fit(x, y, verbose=0)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)


def test_single_batches():
    net = classifier(metrics=["accuracy"])
    loss, accuracy = net.test_on_batch(X, LABELS)
    assert net.train_on_batch(X, LABELS, return_dict=True) == {"accuracy": accuracy, "loss": loss}
    assert net.test_on_batch(X, LABELS)[0] < loss
    np.testing.assert_array_equal(net.predict_on_batch(X), net.predict(X, batch_size=90, verbose=0))
    plain = regressor()
    assert isinstance(plain.train_on_batch(X, Y), float)


def test_a_schedule_is_followed_per_step():
    from minigrad.keras.optimizers.schedules import ExponentialDecay

    net = regressor(optimizer=optimizers.SGD(learning_rate=ExponentialDecay(0.1, 1, 0.5)))
    net.fit(X, Y, batch_size=45, epochs=2, verbose=0)
    assert net.optimizer.iterations == 4
    assert net.optimizer.learning_rate == pytest.approx(0.1 * 0.5**4)


def test_ctrl_c_returns_the_history():
    class Interrupt(Callback):
        ended = False

        def on_train_batch_begin(self, batch, logs=None):
            if len(self.model.history.epoch) == 2 and batch == 1:
                raise KeyboardInterrupt

        def on_train_end(self, logs=None):
            self.ended = True

    net, interrupt = regressor(), Interrupt()
    with pytest.warns(UserWarning, match="interrupted after 2 complete epochs"):
        history = net.fit(X, Y, epochs=9, callbacks=[interrupt], verbose=0)
    assert len(history.history["loss"]) == 2
    assert interrupt.ended
    assert not net.training


# -- warnings and errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "loss", "problem"),
    [
        ({"units": 3, "activation": "softmax"}, losses.SparseCategoricalCrossentropy(from_logits=True), "applies once more"),
        ({"units": 3}, "sparse_categorical_crossentropy", "ends in linear.*activation='softmax'"),
        ({"units": 3, "activation": "sigmoid"}, "categorical_crossentropy", "ends in sigmoid"),
        ({"units": 1, "activation": "softmax"}, "binary_crossentropy", "always 1.*activation='sigmoid'"),
        ({"units": 1, "activation": "sigmoid"}, "sparse_categorical_crossentropy", "one unit per class"),
        ({"units": 1, "activation": "relu"}, "binary_crossentropy", "BinaryCrossentropy"),
        ({"units": 1, "activation": "sigmoid"}, losses.BinaryCrossentropy(from_logits=True), "from_logits=False"),
    ],
)
def test_compile_warns_of_endings_that_do_not_fit(ending, loss, problem):
    net = Sequential([L.Input((3,)), L.Dense(**ending)])
    with pytest.warns(UserWarning, match=problem):
        net.compile("adam", loss)


@pytest.mark.parametrize(
    ("ending", "loss"),
    [
        ([L.Dense(3), L.Activation("softmax")], "sparse_categorical_crossentropy"),
        ([L.Dense(3)], losses.SparseCategoricalCrossentropy(from_logits=True)),
        ([L.Dense(1, activation="sigmoid"), L.Dropout(0.1)], "binary_crossentropy"),
        ([L.Dense(2, activation="softmax")], "binary_crossentropy"),
        ([L.Dense(1, activation=lambda x: x)], "binary_crossentropy"),
        ([L.Dense(1, activation="relu")], "mse"),
    ],
)
def test_compile_is_silent_where_they_fit(ending, loss):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Sequential(ending).compile("adam", loss)


def test_a_tail_that_training_never_sees():
    order = np.argsort(LABELS)
    with pytest.warns(UserWarning, match="training has none of class 2.*Shuffle x and y"):
        classifier().fit(X[order], np.repeat([0, 1, 2], 30), validation_split=0.34, verbose=0)
    with pytest.warns(UserWarning, match="y is sorted"):
        regressor().fit(X, np.sort(Y), validation_split=0.3, verbose=0)
    one_hot = np.eye(3)[np.repeat([0, 1, 2], 30)]
    with pytest.warns(UserWarning, match="class 2"):
        classifier(loss="categorical_crossentropy").fit(X, one_hot, validation_split=0.34, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"y": Y[:5]}, ValueError, "90 of x, 5 of y"),
        ({"y": None}, ValueError, "expected targets for x"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"validation_split": 1.0}, ValueError, "leaves 0 to train with"),
        ({"class_weight": {0: 1.0}, "sample_weight": np.ones(90)}, ValueError, "class_weight: got sample_weight"),
        ({"x": np.array([["a"] * 3] * 90)}, TypeError, "Convert text to numbers"),
        ({"x": iter([])}, ValueError, "x yields"),
        ({"x": iter([(X, Y, Y, Y)]), "y": None}, ValueError, r"^fit: argument x: got batches of 4 parts, expected \(x,\), \(x, y\) or"),
        ({"x": iter([(X, Y)]), "y": None, "validation_split": 0.2}, ValueError, "validation_split: got an iterable of batches.*Pass validation_data"),
    ],
)
def test_errors_of_fit(arguments, error, match):
    with pytest.raises(error, match=match):
        regressor().fit(**{"x": X, "y": Y, "verbose": 0, **arguments})


def test_a_model_must_be_compiled():
    net = Sequential([L.Dense(1)])
    with pytest.raises(RuntimeError, match="Write model.compile"):
        net.fit(X, Y)
    assert net.predict(X, verbose=0).shape == (90, 1)
    other = Sequential([L.Dense(1)])
    other.compile("adam", "mse")
    with pytest.raises(ValueError, match="a generator, which can be read only once"):
        other.fit((pair for pair in [(X, Y)]), verbose=0)
