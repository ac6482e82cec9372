"""minigrad.keras.losses: what Keras computes, under the same names, in steps that can be captured."""

from pathlib import Path

import keras_cases as cases
import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import LabelError, ShapeError
from minigrad.keras import losses

GOLDEN = np.load(Path(__file__).parent / "data" / "keras_golden.npz")
#: 1 - 1e-7 is another number in float32, and the bounds of the clipping bend the slope.
SMOOTH = [pytest.param(i, *case, id=f"{i}-{case[0]}-{case[1]}") for i, case in enumerate(cases.LOSSES) if case[1] != "certain"]
CASES = [pytest.param(i, *case, id=f"{i}-{case[0]}-{case[1]}") for i, case in enumerate(cases.LOSSES)]


def close(found, expected, rtol=1e-12, atol=1e-14):
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize(("i", "name", "data", "options"), CASES)
def test_functions_agree_with_keras_per_sample(i, name, data, options):
    close(getattr(losses, cases.function_name(name))(*cases.DATA[data], **options), GOLDEN[f"loss.{i}"])


@pytest.mark.parametrize(("i", "name", "data", "options"), CASES)
@pytest.mark.parametrize("reduction", cases.REDUCTIONS)
def test_classes_agree_with_keras(i, name, data, options, reduction):
    t, p = cases.DATA[data]
    loss = getattr(losses, name)(reduction=reduction, **options)
    close(loss(t, p), GOLDEN[f"loss.{i}.{reduction}"])
    close(loss(t, p, sample_weight=cases.WEIGHTS[: len(t)]), GOLDEN[f"loss.{i}.{reduction}.weighted"])


@pytest.mark.parametrize(("i", "name", "data", "options"), SMOOTH)
def test_losses_agree_with_keras_in_float32(i, name, data, options):
    t, p = cases.DATA[data]
    found = getattr(losses, name)(**options)(t, mg.tensor(p.astype("f4")))
    assert found.dtype is mg.float32
    close(found, GOLDEN[f"loss.{i}.sum_over_batch_size"], 2e-5, 1e-6)


@pytest.mark.parametrize(("i", "name", "data", "options"), SMOOTH)
def test_gradients_are_those_of_differences(i, name, data, options):
    t, p = cases.DATA[data]
    loss = getattr(losses, name)(**options)
    x = mg.tensor(p, requires_grad=True)
    loss(t, x).backward()
    for at in list(np.ndindex(p.shape))[:5]:
        h, values = 1e-4 * abs(p[at]), []
        for steps in (-2, -1, 1, 2):
            moved = p.copy()
            moved[at] += steps * h
            values.append(loss(t, moved).item())
        slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
        np.testing.assert_allclose(x.grad.numpy()[at], slope, rtol=1e-8, atol=1e-14 * abs(values[0]) / h)


@pytest.mark.parametrize(("i", "name", "data", "options"), CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_captured_losses_have_the_same_bits(i, name, data, options, weighted):
    t, p = cases.DATA[data]
    loss = getattr(losses, name)(**options)
    t, p = loss.prepare(t, np.float64), p.astype("f8")
    weights = cases.WEIGHTS[: len(t)]

    def step(x, y, w):
        return loss(y, x, sample_weight=w) if weighted else loss(y, x)

    captured = mg.jit(step)
    arguments = mg.tensor(p), mg.tensor(t), mg.tensor(weights)
    expected = step(*arguments).numpy().tobytes()
    for _ in range(3):
        assert captured(*arguments).numpy().tobytes() == expected


@pytest.mark.parametrize(
    ("name", "options", "outputs"),
    [
        ("SparseCategoricalCrossentropy", {}, nn.Softmax(dim=1)),
        ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 0}, nn.Identity()),
        ("CategoricalCrossentropy", {"label_smoothing": 0.1}, nn.Softmax(dim=1)),
        ("BinaryCrossentropy", {}, nn.Sigmoid()),
        ("KLDivergence", {}, nn.Softmax(dim=1)),
        ("Hinge", {}, nn.Identity()),
        ("LogCosh", {}, nn.Identity()),
    ],
)
def test_twenty_captured_steps_of_training_have_the_bits_of_eager_ones(name, options, outputs):
    random, loss = np.random.default_rng(0), getattr(losses, name)(**options)
    x = random.normal(size=(30, 5)).astype("f4")
    classes = random.integers(0, 3, 30)
    y = mg.tensor(loss.prepare(classes if loss.labels else np.eye(3)[classes]))
    weights = mg.tensor(random.uniform(0.5, 2, 30).astype("f4"))
    ends = []
    for captured in (False, True):
        mg.manual_seed(0)
        net = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3), outputs)
        optimizer = optim.Adam(net.parameters(), lr=0.01)

        def step(x, y, w, net=net, optimizer=optimizer):
            optimizer.zero_grad()
            value = loss(y, net(x), sample_weight=w)
            value.backward()
            optimizer.step()
            return value

        run = mg.jit(step) if captured else step
        values = [run(mg.tensor(x), y, weights).item() for _ in range(20)]
        assert values[-1] < values[0]
        ends.append((values, [p.detach().numpy().tobytes() for p in net.parameters()]))
    assert ends[0] == ends[1]


@pytest.mark.parametrize(
    ("y_true", "y_pred"), [([1.0, 2.0], [[1.0], [3.0]]), ([[1.0], [2.0]], [1.0, 3.0]), ([[1.0], [2.0]], [[1.0], [3.0]])]
)
def test_a_vector_and_a_column_are_compared_as_columns(y_true, y_pred):
    assert losses.mean_squared_error(y_true, y_pred).tolist() == [0.0, 1.0]


def test_two_vectors_are_one_sample():
    assert losses.mean_squared_error([1.0, 2.0], [1.0, 3.0]).item() == 0.5


def test_vectors_are_never_spread_to_matrices():
    with pytest.raises(ShapeError, match=r"mean_squared_error: argument y_true: got shape \(4,\), expected .*\(4, 3\).*units"):
        losses.mean_squared_error(np.ones(4), np.ones((4, 3)))
    with pytest.raises(ShapeError, match="class numbers are 'sparse_'"):
        losses.categorical_crossentropy([0, 1], [[0.5, 0.5], [0.5, 0.5]])
    with pytest.raises(ShapeError, match="One-hot rows go to the categorical function"):
        losses.sparse_categorical_crossentropy(np.eye(3, dtype=int), np.ones((3, 3)))
    with pytest.raises(ShapeError, match=r"sample_weight: got shape \(3,\)"):
        losses.MeanSquaredError()(np.ones((4, 2)), np.ones((4, 2)), sample_weight=np.ones(3))


def test_labels_are_whole_numbers_of_classes():
    probabilities = np.full((2, 3), 1 / 3)
    with pytest.raises(LabelError, match=r"0\.5"):
        losses.sparse_categorical_crossentropy([0.5, 1.0], probabilities)
    with pytest.raises(LabelError, match="label 3"):
        losses.sparse_categorical_crossentropy([0, 3], probabilities)
    with pytest.raises(LabelError, match="label -100"):
        losses.sparse_categorical_crossentropy([0, -100], probabilities)
    close(losses.sparse_categorical_crossentropy([0.0, 1.0], probabilities), np.log([3, 3]))


def test_weights_of_samples_count_all_that_a_sample_has():
    t, p = np.zeros((2, 3, 4)), np.ones((2, 3, 4))
    found = losses.MeanSquaredError(reduction="none")(t, p, sample_weight=[1.0, 5.0])
    assert found.tolist() == [[1.0] * 3, [5.0] * 3]


def test_strings_functions_and_classes_name_losses():
    assert losses.get("mse") is losses.get("MSE") is losses.get("mean_squared_error") is losses.mean_squared_error
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert isinstance(losses.get(losses.Huber), losses.Huber)
    assert losses.get(None) is losses.as_loss(None) is None
    loss = losses.Huber(0.5)
    assert losses.as_loss(loss) is loss
    assert (loss.name, loss.delta, loss.reduction) == ("huber_loss", 0.5, "sum_over_batch_size")
    assert losses.as_loss("sparse_categorical_crossentropy").labels
    assert losses.as_loss("bce").from_logits is False
    for short in ("mae", "mape", "msle", "kld", "bce", "poisson", "hinge", "log_cosh", "categorical_crossentropy"):
        assert isinstance(losses.as_loss(short), losses.Loss)


def test_a_function_and_a_class_of_ones_own_are_losses():
    def cubed(y_true, y_pred):
        return (y_pred - y_true).abs().pow(3.0).mean(-1)

    class Twice(losses.Loss):
        def call(self, y_true, y_pred):
            return 2 * (y_pred - y_true).abs().mean(-1)

    t, p = [[1.0], [2.0]], [[3.0], [3.0]]
    assert losses.as_loss(cubed).name == "cubed"
    assert losses.as_loss(cubed)(t, p).item() == 4.5
    assert Twice().name == "twice"
    assert Twice()(t, p, sample_weight=[1.0, 3.0]).item() == 5.0
    with pytest.raises(NotImplementedError, match="Loss has no method call"):
        losses.Loss()(t, p)


def test_what_is_no_loss_is_refused_with_what_is_near():
    with pytest.raises(ValueError, match="losses.get: .*'mean_square_error'.*mean_squared_error"):
        losses.get("mean_square_error")
    with pytest.raises(TypeError, match="a float"):
        losses.get(0.5)
    with pytest.raises(ValueError, match=r"MeanSquaredError: argument reduction: got 'average', expected one of .*'sum'"):
        losses.MeanSquaredError(reduction="average")
    with pytest.raises(TypeError, match="smoothing=0.1, expected each once of from_logits, label_smoothing, reduction"):
        losses.BinaryCrossentropy(smoothing=0.1)
    with pytest.raises(TypeError, match="expected each once of delta"):
        losses.huber([1.0], [1.0], 1.0, delta=2.0)
    with pytest.raises(TypeError, match="reduction"):
        losses.mean_squared_error([1.0], [1.0], reduction="sum")


def test_targets_are_prepared_once():
    sparse, square = losses.as_loss("sparse_categorical_crossentropy"), losses.as_loss("mse")
    assert sparse.prepare([[0.0], [2.0]]).tolist() == sparse.prepare([0.0, 2.0]).tolist() == [0, 2]
    assert sparse.prepare([0.0, 2.0]).dtype == np.int64
    assert square.prepare([1, 2]).dtype == np.float32
    with pytest.raises(LabelError, match=r"mean_squared_error: argument y_true: got nan at index \[1\].*Clean the targets"):
        square.prepare([1.0, np.nan])
