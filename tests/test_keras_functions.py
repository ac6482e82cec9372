"""minigrad.keras.activations, initializers, regularizers."""

from pathlib import Path

import keras_cases as cases
import numpy as np
import pytest

import minigrad as mg
from minigrad.keras import activations, initializers, regularizers

GOLDEN = np.load(Path(__file__).parent / "data" / "keras_golden.npz")
CASES = [pytest.param(i, *case, id=f"{i}-{case[0]}") for i, case in enumerate(cases.ACTIVATIONS)]


@pytest.mark.parametrize(("i", "name", "options"), CASES)
def test_activations_agree_with_keras(i, name, options):
    function = activations.get(name)
    assert function.__name__ == name
    found = function(mg.tensor(cases.ACTIVATED), **options)
    np.testing.assert_allclose(found.numpy(), GOLDEN[f"function.{i}"], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("i", "name", "options"), CASES)
def test_captured_activations_have_the_same_bits(i, name, options):
    def step(x):
        x = x * 1.0
        return activations.get(name)(x, **options)

    x, captured = mg.tensor(cases.ACTIVATED.astype("f4")), mg.jit(step)
    expected = step(x).numpy().tobytes()
    assert captured(x).numpy().tobytes() == expected
    assert captured(x).numpy().tobytes() == expected


def test_activations_have_names_and_other_names():
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu
    assert activations.get(activations.relu) is activations.relu
    with pytest.raises(ValueError, match="activations.get: .*'rellu'.*relu"):
        activations.get("rellu")


@pytest.mark.parametrize(
    ("name", "variance", "bound"),
    [
        ("glorot_uniform", 2 / 500, (6 / 500) ** 0.5), ("glorot_normal", 2 / 500, 2 * (2 / 500) ** 0.5 / 0.8796),
        ("he_uniform", 2 / 200, (6 / 200) ** 0.5), ("he_normal", 2 / 200, 2 * (2 / 200) ** 0.5 / 0.8796),
        ("lecun_uniform", 1 / 200, (3 / 200) ** 0.5), ("lecun_normal", 1 / 200, 2 * (1 / 200) ** 0.5 / 0.8796),
        ("random_uniform", 0.1**2 / 12, 0.05), ("random_normal", 0.05**2, 0.4), ("truncated_normal", (0.05 * 0.8796) ** 2, 0.1),
    ],
)  # fmt: skip
def test_initial_weights_have_the_variance_and_bounds(name, variance, bound):
    mg.manual_seed(0)
    x = initializers.get(name)((200, 300)).numpy()
    assert x.dtype == np.float32
    assert abs(x.mean()) < 4 * (variance / x.size) ** 0.5
    np.testing.assert_allclose(x.var(), variance, rtol=0.02)
    assert 0.9 * min(bound, 4 * variance**0.5) < np.abs(x).max() <= bound * 1.0001


@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), [((3, 3, 2, 40), 18, 360), ((1000,), 1000, 1000)])
def test_fans_of_other_shapes(shape, fan_in, fan_out):
    for name, variance in (("he_uniform", 2 / fan_in), ("glorot_uniform", 2 / (fan_in + fan_out))):
        largest = np.abs(initializers.get(name)(shape).numpy()).max()
        assert 0.98 * (3 * variance) ** 0.5 < largest <= (3 * variance) ** 0.5


def test_constant_weights():
    assert initializers.get("zeros")((2,)).tolist() == [0, 0]
    assert initializers.Ones()((2,), "float64").dtype is mg.float64
    assert initializers.Constant(3)((2,)).tolist() == [3, 3]


def test_a_seed_gives_the_same_numbers_at_each_call():
    seeded, free = initializers.HeNormal(seed=7), initializers.HeNormal()
    assert seeded((3, 4)).tolist() == seeded((3, 4)).tolist() == initializers.HeNormal(**seeded.get_config())((3, 4)).tolist()
    assert free((3, 4)).tolist() != free((3, 4)).tolist()


def test_what_is_no_initializer_is_refused():
    with pytest.raises(ValueError, match="initializers.get: .*'glorot'.*glorot_"):
        initializers.get("glorot")
    with pytest.raises(TypeError, match="HeNormal: .*seeds=1, expected each once of seed"):
        initializers.HeNormal(seeds=1)
    with pytest.raises(NotImplementedError, match="Initializer has no method __call__"):
        initializers.Initializer()((2,))


def test_penalties_and_their_gradients():
    w = mg.tensor([[1.0, -2.0], [0.0, 4.0]], requires_grad=True)
    regularizers.L1L2(0.5, 0.25)(w).backward()
    assert w.grad.tolist() == [[1.0, -1.5], [0.0, 2.5]]
    assert regularizers.L1(0.5)(w).item() == 3.5
    assert regularizers.get("l2")(w).item() == pytest.approx(0.21)
    assert regularizers.L1L2()(w).item() == 0
    assert regularizers.get(None) is None
    assert regularizers.L2(0.1).get_config() == {"l2": 0.1}
    with pytest.raises(ValueError, match="L2: argument l2: got -1"):
        regularizers.L2(-1)


def test_captured_penalties_have_the_same_bits():
    w = mg.tensor(np.random.default_rng(0).normal(size=(5, 7)).astype("f4"))
    for penalty in (regularizers.L1(0.1), regularizers.L2(0.1), regularizers.L1L2(0.1, 0.2)):
        step = mg.jit(lambda x, penalty=penalty: penalty(x))
        expected = penalty(w).numpy().tobytes()
        assert step(w).numpy().tobytes() == step(w).numpy().tobytes() == expected
