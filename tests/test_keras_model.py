"""Layers and Sequential: shapes, names, weights, modes, files."""

import subprocess
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad.keras import layers as L
from minigrad.keras.models import Sequential
from minigrad.keras.utils import set_random_seed, to_categorical

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


@pytest.fixture(autouse=True)
def _names_begin_anew():
    L.clear_session()


def test_names_count_up_until_the_session_is_cleared():
    kinds = [L.Dense(1), L.Dense(1), L.BatchNormalization(), L.Activation("relu"), Sequential()]
    names = ["dense", "dense_1", "batch_normalization", "activation", "sequential"]
    assert [layer.name for layer in kinds] == names
    L.clear_session()
    assert L.Dense(1).name == "dense"
    assert L.Dense(1, name="head").name == "head"


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (L.Dense(5), (None, 4), (None, 5)),
        (L.Dense(5), (None, 2, 4), (None, 2, 5)),
        (L.Flatten(), (None, 2, 3), (None, 6)),
        (L.Dropout(0.5), (None, 4), (None, 4)),
        (L.Activation("tanh"), (None, 4), (None, 4)),
        (L.LayerNormalization(), (None, 4), (None, 4)),
        (L.BatchNormalization(), (None, 4), (None, 4)),
        (L.BatchNormalization(), (None, 3, 4), (None, 3, 4)),
        (L.Embedding(9, 3), (None, 5), (None, 5, 3)),
    ],
)
@pytest.mark.parametrize("training", [False, True])
def test_what_comes_out_has_the_shape_that_was_promised(layer, shape, expected, training):
    assert layer.compute_output_shape(shape) == expected
    x = np.ones((6, *shape[1:]), np.float32)
    assert layer(x, training=training).shape == (6, *expected[1:])
    assert not layer.training


def test_dense_is_the_activation_of_the_affine_map():
    layer = L.Dense(3, activation="tanh")
    out = layer(X).detach()
    kernel, bias = layer.get_weights()
    assert kernel.shape == (4, 3)
    assert not bias.any()
    assert np.abs(kernel).max() <= np.sqrt(6 / 7)  # Glorot and Bengio 2010
    np.testing.assert_allclose(out.numpy(), np.tanh(X @ kernel + bias), rtol=1e-5, atol=1e-6)


def test_layers_compute_what_they_say():
    np.testing.assert_array_equal(L.Activation("relu")(X).numpy(), X.clip(0))
    np.testing.assert_allclose(L.Activation("softmax")(X).numpy(), np.exp(X) / np.exp(X).sum(1, keepdims=True), rtol=1e-5)
    normal = L.LayerNormalization()(X).detach().numpy()
    np.testing.assert_allclose(normal, (X - X.mean(1, keepdims=True)) / np.sqrt(X.var(1, keepdims=True) + 1e-3), atol=1e-5)
    rows = L.Embedding(7, 2)
    labels = np.array([[0, 6], [3, 3]])
    found = rows(labels).detach().numpy()
    np.testing.assert_array_equal(found, rows.get_weights()[0][labels])


def test_batch_normalization_keeps_running_statistics(backend):
    layer = L.BatchNormalization(momentum=0.9)
    out = layer(X, training=True).detach().numpy()
    np.testing.assert_allclose(out, (X - X.mean(0)) / np.sqrt(X.var(0) + 1e-3), atol=1e-5)
    mean, variance = layer.get_weights()[2:]
    np.testing.assert_allclose(mean, 0.1 * X.mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * X.var(0), rtol=1e-5)  # counted with n, unlike PyTorch's
    np.testing.assert_allclose(layer(X).detach().numpy(), (X - mean) / np.sqrt(variance + 1e-3), rtol=1e-4, atol=1e-6)
    assert [len(layer.trainable_weights), len(layer.non_trainable_weights)] == [2, 2]
    layer.trainable = False
    before = layer.get_weights()
    layer(X, training=True)
    np.testing.assert_array_equal(before[2], layer.get_weights()[2])


def test_dropout_drops_in_training_alone():
    layer = L.Dropout(0.5, seed=3)
    ones = np.ones((1000, 4), np.float32)
    np.testing.assert_array_equal(layer(ones).numpy(), ones)
    dropped = layer(ones, training=True).numpy()
    assert set(np.unique(dropped)) == {0.0, 2.0}
    assert abs((dropped == 0).mean() - 0.5) < 0.05
    np.testing.assert_array_equal(L.Dropout(0.5, seed=3)(ones, training=True).numpy(), dropped)


# -- Sequential --------------------------------------------------------------------------------------------------------


def net():
    return Sequential([L.Input(shape=(4,)), L.Dense(5, activation="relu"), L.BatchNormalization(), L.Dense(2)])


def test_what_a_model_is():
    made = net()
    assert (made.input_shape, made.output_shape, made.name) == ((None, 4), (None, 2), "sequential")
    assert [layer.name for layer in made.layers] == ["dense", "batch_normalization", "dense_1"]
    assert [w.shape for w in made.weights] == [(4, 5), (5,), (5,), (5,), (5,), (5,), (5, 2), (2,)]
    assert len(made.trainable_weights) == 6
    assert made.count_params() == 25 + 20 + 12
    assert made.get_layer("dense_1") is made.layers[2] is made.get_layer(index=2)


@pytest.mark.parametrize("first", [{"input_shape": (4,)}, {"input_dim": 4}])
def test_the_input_may_stand_on_the_first_layer(first):
    made = Sequential([L.Dense(3, **first)])
    assert made.input_shape == (None, 4)
    assert made.built


def test_without_an_input_the_data_decide():
    made = Sequential([L.Dense(3), L.Dense(1)])
    assert not made.built
    assert made.weights == []
    with pytest.raises(AttributeError, match="no input shape yet"):
        made.input_shape  # noqa: B018 - the access is what is tested
    with pytest.raises(ValueError, match="has no weights yet"):
        made.count_params()
    assert made(X).shape == (6, 1)
    assert made.input_shape == (None, 4)


def test_add_and_pop():
    made = Sequential()
    made.add(L.Input(shape=(4,)))
    made.add(L.Dense(3))
    made.add(L.Dense(2))
    assert made.output_shape == (None, 2)
    assert made.pop().name == "dense_1"
    assert made.output_shape == (None, 3)
    made.add(L.Dense(7))
    assert made(X).shape == (6, 7)


def test_a_changed_model_makes_new_steps():
    made = net()
    made.compile("adam", "mse")
    made.fit(X, X[:, :2], verbose=0)
    made.add(L.Dense(1))
    made.compile("adam", "mse")
    made.fit(X, X[:, 0], verbose=0)
    assert made.predict(X, verbose=0).shape == (6, 1)


def test_weights_in_and_out():
    one, other = net(), net()
    other.set_weights(one.get_weights())
    np.testing.assert_array_equal(one.predict(X, verbose=0), other.predict(X, verbose=0))
    shared = one.weights[0]
    one.set_weights([w + 1 for w in one.get_weights()])
    np.testing.assert_array_equal(shared.numpy(), one.get_weights()[0])
    before = one.get_weights()
    with pytest.raises(ValueError, match="got 1 arrays, expected 8"):
        one.set_weights([1.0])
    with pytest.raises(ValueError, match=r"weights\[7\]: got shape \(3,\), expected \(2,\)"):
        one.set_weights([*[w * 0 for w in before[:-1]], np.zeros(3)])
    np.testing.assert_array_equal(one.get_weights()[0], before[0])


def test_a_frozen_layer_stays():
    made = net()
    made.layers[0].trainable = False
    made.compile("sgd", "mse")
    before = made.get_weights()
    made.fit(X, X[:, :2], epochs=2, verbose=0)
    np.testing.assert_array_equal(made.get_weights()[0], before[0])
    assert (made.get_weights()[6] != before[6]).any()
    made.trainable = False
    assert made.trainable_weights == []
    later = Sequential([L.Dense(2)])
    later.layers[0].trainable = False
    later(X)
    assert [len(later.weights), len(later.trainable_weights)] == [2, 0]


def test_layers_are_printed_with_their_names():
    made = Sequential([L.Dense(2, name="head")])
    assert repr(made.layers[0]) == "Dense(name=head, built=False)"
    made(X)
    assert repr(made.layers[0]) == "Dense(name=head, built=True)"


def test_models_within_models():
    inner = Sequential([L.Dense(3, activation="relu"), L.Dropout(0.2)])
    made = Sequential([L.Input((4,)), inner, L.Dense(1)])
    made.compile("adam", "mse")
    made.fit(X, X[:, 0], verbose=0)
    assert [w.shape for w in made.weights] == [(4, 3), (3,), (3, 1), (1,)]


@pytest.mark.parametrize("suffix", ["npz", "weights.safetensors"])
def test_weights_go_through_files(tmp_path, suffix):
    if suffix != "npz":
        pytest.importorskip("safetensors")
    one, other = net(), net()
    path = tmp_path / f"net.{suffix}"
    one.save_weights(path)
    other.load_weights(path)
    np.testing.assert_array_equal(one.predict(X, verbose=0), other.predict(X, verbose=0))
    with pytest.raises(FileExistsError, match="overwrite=True"):
        one.save_weights(path, overwrite=False)
    small = Sequential([L.Input((4,)), L.Dense(1)])
    with pytest.raises(RuntimeError, match="does not fit Sequential"):
        small.load_weights(path)
    with pytest.raises(ValueError, match="has no weights yet"):
        Sequential([L.Dense(1)]).load_weights(path)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: L.Input(shape=4), ValueError, r"Input: argument shape: got 4, expected a tuple of ints.*\(4,\)"),
        (lambda: L.Dense(0), ValueError, "units: got 0"),
        (lambda: L.Dense(2.5), ValueError, "units: got 2.5"),
        (lambda: L.Dense(2, activation="rellu"), ValueError, "relu"),
        (lambda: L.Dropout(1.5), ValueError, "rate: got 1.5"),
        (lambda: L.Dropout(0.5, noise_shape=(1,)), ValueError, "noise_shape"),
        (lambda: L.LayerNormalization(axis=0), ValueError, "axis: got 0"),
        (lambda: L.BatchNormalization(axis=0), ValueError, "axis: got 0"),
        (lambda: Sequential([3]), ValueError, "got a int, expected a layer of minigrad.keras"),
        (lambda: Sequential([mg.nn.Linear(2, 2)]), ValueError, "go into minigrad.nn.Sequential"),
        (lambda: Sequential([L.Dense(1, name="a"), L.Dense(1, name="a")]), ValueError, "a second layer named 'a'"),
        (lambda: Sequential([L.Dense(1), L.Input((3,))]), ValueError, "before all layers"),
        (lambda: Sequential().pop(), ValueError, "without layers"),
        (lambda: net().get_layer("head"), ValueError, "one of dense, batch_normalization, dense_1"),
        (lambda: net().compile("adam", "mse", loss_weights=0.5), ValueError, "one output"),
        (lambda: to_categorical([0, 3], 3), IndexError, "labels from 0 to 2"),
        (lambda: to_categorical([0.5]), ValueError, "0.5"),
        (lambda: mg.keras.Dence, AttributeError, "no attribute 'Dence'"),
    ],
)  # fmt: skip
def test_errors_name_what_came_and_what_to_do(make, error, match):
    with pytest.raises(error, match=match):
        make()


# -- utilities, imports ------------------------------------------------------------------------------------------------


def test_to_categorical():
    np.testing.assert_array_equal(to_categorical([0, 2, 1]), np.eye(3)[[0, 2, 1]])
    np.testing.assert_array_equal(to_categorical(np.array([[1], [0]]), 4), np.eye(4)[[1, 0]])


def test_a_seed_gives_the_same_bits():
    def trained():
        set_random_seed(7)
        made = Sequential([L.Input((4,)), L.Dense(3), L.Dropout(0.3), L.Dense(1)])
        made.compile("adam", "mse")
        made.fit(X, X[:, 0], batch_size=4, epochs=3, verbose=0)
        return [w.tobytes() for w in made.get_weights()], np.random.rand()

    assert trained() == trained()


def test_names_are_imported_from_one_place():
    from minigrad.keras import Adam, Dense, Input, clear_session, dl_history_plot

    assert (Dense, Input, clear_session) == (L.Dense, L.Input, L.clear_session)
    assert Adam is mg.keras.optimizers.Adam
    assert callable(dl_history_plot)
    assert {"Sequential", "layers"} <= set(mg.keras.__all__)
    assert all(hasattr(mg.keras, name) for name in mg.keras.__all__)


def test_modules_are_where_keras_has_them():
    code = """
from minigrad.keras.optimizers.schedules import ExponentialDecay
from minigrad.keras import layers, losses, optimizers, callbacks, metrics, regularizers, initializers, utils
from minigrad.keras.optimizers import schedules
import minigrad.keras as keras
from minigrad import keras as same
assert same is keras and keras.optimizers.schedules is schedules and schedules.ExponentialDecay is ExponentialDecay
print(keras.layers.Dense(2).units, keras.utils.to_categorical([1]).tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "2 [[0.0, 1.0]]\n"


def test_the_import_alone_is_cheap():
    code = "import sys, minigrad.keras; print(sorted(m for m in sys.modules if m.startswith('minigrad.keras') or m == 'minigrad.nn'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['minigrad.keras']"


def test_an_option_that_a_layer_does_not_have():
    with pytest.raises(TypeError, match=r"^Dense: argument options: got actvation, .* Did you mean activation\?$"):
        L.Dense(3, actvation="relu")
    with pytest.raises(TypeError, match=r"^Flatten: .* See help\(Flatten\)\.$"):
        L.Flatten(zzz=1)
