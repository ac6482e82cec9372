"""optim.rates: learning rates by the step, by hand, and in a scheduler. Keras's own numbers are in test_keras_schedules.py."""

import math

import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.optim import rates


@pytest.mark.parametrize(
    ("rate", "options", "expected"),
    [
        (rates.exponential_decay, (0.5, 2, 0.25), [0.5, 0.25, 0.125, 0.0625]),
        (rates.exponential_decay, (0.5, 2, 0.25, True), [0.5, 0.5, 0.125, 0.125]),
        (rates.inverse_time_decay, (1.0, 1, 1.0), [1, 1 / 2, 1 / 3, 1 / 4]),
        (rates.inverse_time_decay, (1.0, 2, 1.0, True), [1, 1, 1 / 2, 1 / 2]),
        (rates.piecewise_constant_decay, ([0, 2], [3.0, 2.0, 1.0]), [3, 2, 2, 1]),
        (rates.polynomial_decay, (1.0, 2, 0.5), [1, 0.75, 0.5, 0.5]),
        (rates.polynomial_decay, (1.0, 2, 0.0, 2.0, True), [1, 0.25, 0, 0.0625]),
        (rates.cosine_decay, (1.0, 2), [1, 0.5, 0, 0]),
        (rates.cosine_decay, (0.0, 1, 0.5, 4.0, 2), [0, 2, 4, 2]),
        (rates.cosine_decay, (0.0, 2, 0.0, 4.0), [4, 2, 0, 0]),
        (rates.cosine_decay_restarts, (1.0, 1, 1.0, 0.5), [1, 0.5, 0.25, 0.125]),
        (rates.cosine_decay_restarts, (1.0, 1), [1, 1, (1 + math.cos(math.pi / 2)) / 2, 1]),
    ],
)
def test_rates_of_the_first_steps(rate, options, expected):
    assert [rate(step, *options) for step in range(4)] == pytest.approx(expected, rel=1e-14, abs=1e-16)


def test_a_rate_in_a_scheduler():
    optimizer = optim.SGD([nn.Parameter(mg.zeros(1))], lr=0.5)
    scheduler = optim.lr_scheduler.LambdaLR(optimizer, lambda step: rates.inverse_time_decay(step, 1.0, 1, 1.0))
    found = []
    for _ in range(3):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert found == [0.5, 0.25, 0.5 / 3]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: rates.exponential_decay(0, 0.1, 0, 0.5), "exponential_decay: argument decay_steps: got 0, expected a number above 0"),
        (lambda: rates.cosine_decay(0, 0.1, -1, 0.0, 1.0, 5), "cosine_decay: argument decay_steps: got -1"),
        (lambda: rates.cosine_decay_restarts(0, 0.1, 0), "cosine_decay_restarts: argument first_decay_steps: got 0"),
        (lambda: rates.piecewise_constant_decay(0, [2, 1], [1, 2, 3]), "piecewise_constant_decay: .*rising boundaries, and a value more"),
    ],
)
def test_what_does_not_fit_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
