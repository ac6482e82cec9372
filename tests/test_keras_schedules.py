"""minigrad.keras.optimizers.schedules: the rates that Keras computes."""

from pathlib import Path

import keras_cases as cases
import numpy as np
import pytest

from minigrad.keras.optimizers import schedules

GOLDEN = np.load(Path(__file__).parent / "data" / "keras_golden.npz")


@pytest.mark.parametrize(("i", "name", "options"), [pytest.param(i, *case, id=f"{i}-{case[0]}") for i, case in enumerate(cases.SCHEDULES)])
def test_rates_agree_with_keras(i, name, options):
    schedule = getattr(schedules, name)(**options)
    found = [schedule(step) for step in cases.STEPS]
    np.testing.assert_allclose(found, GOLDEN[f"schedule.{i}"], rtol=1e-12, atol=1e-15)
    again = type(schedule)(**schedule.get_config())
    assert [again(step) for step in cases.STEPS] == found


def test_arguments_may_be_given_by_position():
    assert schedules.ExponentialDecay(0.1, 10, 0.5)(10) == 0.05
    assert schedules.PiecewiseConstantDecay([2], [1.0, 0.5])(2) == 1.0


def test_what_is_missing_or_does_not_fit_is_refused():
    with pytest.raises(TypeError, match="ExponentialDecay: argument decay_rate: got nothing, expected all of decay_rate"):
        schedules.ExponentialDecay(0.1, 10)
    with pytest.raises(TypeError, match="CosineDecay: .*gamma=2, expected each once of initial_learning_rate"):
        schedules.CosineDecay(0.1, 10, gamma=2)
    with pytest.raises(ValueError, match="polynomial_decay: argument decay_steps: got 0"):
        schedules.PolynomialDecay(0.1, 0)
    with pytest.raises(ValueError, match="rising boundaries, and a value more"):
        schedules.PiecewiseConstantDecay([2, 1], [1.0, 0.5, 0.1])
    with pytest.raises(NotImplementedError, match="LearningRateSchedule has no method __call__"):
        schedules.LearningRateSchedule()(0)
