"""minigrad.keras.optimizers: the steps that Keras takes, eager and captured."""

import inspect
from pathlib import Path

import keras_cases as cases
import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.keras import losses, optimizers
from minigrad.keras.optimizers import schedules

GOLDEN = np.load(Path(__file__).parent / "data" / "keras_golden.npz")
CASES = [pytest.param(i, *case, id=f"{i}-{case[0]}") for i, case in enumerate(cases.OPTIMIZERS)]
NAMES = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam"]


def made(name, options):
    rate = options.get("learning_rate")
    if isinstance(rate, tuple):
        options = {**options, "learning_rate": getattr(schedules, rate[0])(**rate[1])}
    return getattr(optimizers, name)(**options)


def apply(optimizer, gradients, parameters):
    optimizer.build(parameters)
    for p, gradient in zip(parameters, gradients, strict=True):
        p.grad = gradient
    optimizer.before_step()
    optimizer.step()


def follow(name, options, dtype):
    """The parameters after each step in SNAPSHOTS, along the gradients of the golden file."""
    optimizer = made(name, options)
    parameters = [nn.Parameter(mg.tensor(part.astype(dtype))) for part in cases.split(cases.START)]
    found = []
    for step, row in enumerate(cases.GRADIENTS):
        gradients = [mg.tensor(g.astype(dtype)) for g in cases.split(row)]
        apply(optimizer, gradients, parameters)
        if step + 1 in cases.SNAPSHOTS:
            found.append(np.concatenate([p.detach().numpy().ravel() for p in parameters]))
    assert optimizer.iterations == len(cases.GRADIENTS)
    return np.stack(found)


@pytest.mark.parametrize(("i", "name", "options"), CASES)
def test_steps_agree_with_keras(i, name, options):
    np.testing.assert_allclose(follow(name, options, "f8"), GOLDEN[f"optimizer.{i}"], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("i", "name", "options"), CASES)
def test_steps_agree_with_keras_in_float32(i, name, options):
    np.testing.assert_allclose(follow(name, options, "f4"), GOLDEN[f"optimizer.{i}"], rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "options", [{}, {"clipnorm": 0.1}, {"clipvalue": 0.05}, {"global_clipnorm": 0.2, "weight_decay": 0.1}, {"learning_rate": "schedule"}]
)
def test_captured_training_has_the_bits_of_eager_training(name, options):
    if options.get("learning_rate"):
        options = {"learning_rate": schedules.CosineDecay(0.05, 15, warmup_target=0.1, warmup_steps=5)}
    random = np.random.default_rng(0)
    x, y = mg.tensor(random.normal(size=(20, 4)).astype("f4")), mg.tensor(random.integers(0, 3, 20))
    loss, ends = losses.SparseCategoricalCrossentropy(from_logits=True), []
    for captured in (False, True):
        mg.manual_seed(0)
        net, optimizer = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)), getattr(optimizers, name)(**options)
        optimizer.build(net.parameters())

        def step(x, y, net=net, optimizer=optimizer):
            optimizer.zero_grad()
            value = loss(y, net(x))
            value.backward()
            optimizer.step()
            return value

        run, values = mg.jit(step) if captured else step, []
        for i in range(20):
            if i == 10 and not callable(optimizer.get_config()["learning_rate"]):
                optimizer.learning_rate /= 2
            optimizer.before_step()
            values.append(run(x, y).item())
        assert values[-1] < values[0]
        ends.append((values, [p.detach().numpy().tobytes() for p in net.parameters()]))
    assert ends[0] == ends[1]


def test_the_rate_may_be_set_at_any_time_unless_a_schedule_gives_it():
    optimizer = optimizers.SGD(0.5)
    p = nn.Parameter(mg.tensor([1.0]))
    optimizer.learning_rate = 0.25
    apply(optimizer, [mg.tensor([1.0])], [p])
    assert p.item() == 0.75
    optimizer.learning_rate = 0.5
    apply(optimizer, [mg.tensor([1.0])], [p])
    assert (p.item(), optimizer.learning_rate, optimizer.get_config()["learning_rate"]) == (0.25, 0.5, 0.5)
    scheduled = optimizers.SGD(schedules.PiecewiseConstantDecay([0], [1.0, 0.5]))
    rates = []
    for _ in range(2):
        rates.append(scheduled.learning_rate)
        apply(scheduled, [mg.tensor([1.0])], [p])
    assert (rates, p.item()) == ([1.0, 0.5], -1.25)
    with pytest.raises(TypeError, match="sgd: argument learning_rate: got 0.1, .* a schedule gives the rate"):
        scheduled.learning_rate = 0.1
    assert optimizers.Adam(lambda: 0.125).learning_rate == 0.125


def test_names_classes_and_instances_are_optimizers():
    for name in NAMES:
        assert type(optimizers.get(name)).__name__ == type(optimizers.get(name.lower())).__name__ == name
    adam = optimizers.Adam(0.01, 0.8)
    assert optimizers.get(adam) is adam
    assert isinstance(optimizers.get(optimizers.Nadam), optimizers.Nadam)
    config = adam.get_config()
    assert (config["learning_rate"], config["beta_1"], config["epsilon"], config["weight_decay"]) == (0.01, 0.8, 1e-7, None)
    assert optimizers.Adam(**config).get_config() == config
    assert optimizers.AdamW().get_config()["weight_decay"] == 0.004


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="optimizers.get: .*'adma'.*adam"):
        optimizers.get("adma")
    with pytest.raises(TypeError, match="optimizers.get: .*a float"):
        optimizers.get(0.1)
    with pytest.raises(TypeError, match="Adam: .*lr=0.1, expected each once of learning_rate, beta_1"):
        optimizers.Adam(lr=0.1)
    with pytest.raises(ValueError, match="SGD: argument lr: got -1"):
        optimizers.SGD(-1)
    with pytest.raises(TypeError, match="RMSprop: .*use_ema=True, expected each once of learning_rate, rho"):
        optimizers.RMSprop(use_ema=True)
    with pytest.raises(ValueError, match="at most one"):
        optimizers.Adam(clipnorm=1.0, clipvalue=0.5)
    with pytest.raises(ValueError, match="at most one, above 0"):
        optimizers.Adam(clipnorm=0)
    with pytest.raises(RuntimeError, match="build"):
        optimizers.Adam().step()
    optimizer = optimizers.Adam()
    optimizer.build([nn.Parameter(mg.zeros(2))])
    with pytest.raises(ValueError, match="Make a new optimizer"):
        optimizer.build([nn.Parameter(mg.zeros(2))])


def test_a_step_without_gradients_moves_nothing():
    p, q = nn.Parameter(mg.tensor([1.0])), nn.Parameter(mg.tensor([2.0]))
    optimizer = optimizers.SGD(1.0, global_clipnorm=0.5)
    optimizer.build([p, q])
    optimizer.step()
    q.grad = mg.tensor([2.0])
    optimizer.step()
    assert (p.item(), q.item()) == (1.0, 1.5)


def test_what_help_and_editors_see():
    options = list(inspect.signature(optimizers.Adam).parameters)
    assert options[:3] == ["learning_rate", "beta_1", "beta_2"]
    assert inspect.signature(optimizers.schedules.ExponentialDecay).parameters["decay_steps"].default is inspect.Parameter.empty
    assert inspect.signature(optimizers.SGD).parameters["nesterov"].default is False


def test_nesterov_without_momentum_is_plain_descent():
    found = []
    for nesterov in (False, True):
        w = nn.Parameter(mg.ones(3))
        optimizer = optimizers.SGD(0.1, nesterov=nesterov)
        optimizer.build([w])
        w.grad = mg.full((3,), 2.0)
        optimizer.before_step()
        optimizer.step()
        found.append(w.tolist())
    assert found[0] == found[1]
