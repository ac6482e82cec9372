"""minigrad.testing: that gradcheck passes what is right, and says what is wrong with the rest."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import _op
from minigrad.testing import Draw, GradcheckError, Sample, gradcheck, gradgradcheck, materialize


def point(*numbers, dtype=mg.float64):
    return mg.tensor(numbers, dtype=dtype, requires_grad=True)


@pytest.fixture
def wrong_tanh():
    """tanh with a derivative that is 1 % too large. Both are put back."""
    op = _op.registry["tanh"]
    rules = op.rules
    op.rules = (lambda g, saved: rules[0](g, saved) * 1.01,)
    yield
    op.rules = rules


# -- what passes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (lambda x: x.tanh(), [point(0.3, -2.0)]),
        (lambda x, y: (x @ y).exp(), [mg.tensor([[0.3, -0.2]], dtype=mg.float64, requires_grad=True), point(0.5, 1.0)]),
        (lambda x, y: (x * y, x / y), [point(0.3, -0.2), point(0.5, 2.0)]),
        (lambda x, n: x * n, [point(0.3, -0.2), mg.tensor([2, 3])]),
        (lambda x: (x * x).sum(), [mg.zeros(0, dtype=mg.float64, requires_grad=True)]),
        (lambda x: x * x, [mg.tensor(3.0, dtype=mg.float64, requires_grad=True)]),
        (lambda x, y: x * x, [point(1.0), point(2.0)]),  # does not depend on y
        (lambda x: x.T * 2.0, [mg.from_numpy(np.ones((3, 4))[:, ::2]).requires_grad_()]),
    ],
)
def test_what_is_right_passes(function, inputs, fast_mode):
    before = [x.tolist() for x in inputs]
    assert gradcheck(function, inputs, fast_mode=fast_mode)
    assert gradgradcheck(function, inputs, fast_mode=fast_mode)
    assert [x.tolist() for x in inputs] == before
    assert [x.grad for x in inputs] == [None] * len(inputs)


def test_a_single_tensor_and_no_grad_outside():
    with mg.no_grad():
        assert gradcheck(lambda x: x.exp(), point(0.5))
        assert not mg.is_grad_enabled()


# -- verdicts ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("wrong_tanh")
def test_wrong_is_called_wrong_at_its_worst_element():
    slope = 1 - np.tanh(0.1) ** 2
    with pytest.raises(GradcheckError, match=r"^gradcheck: inputs\[0\] at \[1\]: backward gives .*is wrong") as caught:
        gradcheck(lambda x: x.tanh(), point(1.0, 0.1, 2.0))
    given, measured = (float(w.rstrip(",.")) for w in str(caught.value).split() if w.startswith("0."))
    assert given / measured == pytest.approx(1.01, rel=1e-6)
    assert 0.5 * slope < measured < 1.5 * slope  # the cotangent is drawn from [0.5, 1.5]
    with pytest.raises(AssertionError, match=r"random direction.*is wrong"):
        gradcheck(lambda x: x.tanh(), point(1.0, 0.1, 2.0), fast_mode=True)
    assert not gradcheck(lambda x: x.tanh(), point(1.0), raise_exception=False)
    assert gradcheck(lambda x: x.tanh(), point(1.0), rtol=0.05)


def test_a_kink_is_called_a_kink():
    with pytest.raises(GradcheckError, match=r"inputs\[0\] at \[1\].*A kink: the slope is 0 to the left and \d"):
        gradcheck(lambda x: x.relu(), point(1.0, 0.0))
    with pytest.raises(GradcheckError, match="A kink"):
        gradcheck(lambda x: mg.maximum(x * 2.0, x), point(0.0, 1.0) * 1.0 + 1e-9)


def test_a_lack_of_precision_is_called_so():
    with (
        pytest.warns(UserWarning, match=r"inputs\[0\] is float32; finite differences need float64"),
        pytest.raises(GradcheckError, match=r"Precision: .*float64"),
    ):
        gradcheck(lambda x: x.exp(), point(0.3, dtype=mg.float32))
    with pytest.raises(GradcheckError, match="Precision"):  # float64 goes in, float32 is inside
        gradcheck(lambda x: x.float().exp(), point(0.3))


def test_nan_is_no_pass():
    with pytest.raises(GradcheckError, match="nan"):
        gradcheck(lambda x: x.sqrt(), point(-1.0, 1.0))


def test_a_history_that_was_cut_is_found():
    """g = 2x, computed from x's numbers alone: the first derivative is right, the second is lost."""

    def square(x):
        return _op.registry["mul"].call(x, x)

    rules = _op.registry["mul"].rules
    _op.registry["mul"].rules = tuple(lambda g, saved, rule=rule: rule(g, saved).detach() for rule in rules)
    try:
        assert gradcheck(square, point(1.0, 2.0))
        with pytest.raises(GradcheckError, match="backward gives 0, differences give"):
            gradgradcheck(square, point(1.0, 2.0))
    finally:
        _op.registry["mul"].rules = rules


def test_functions_that_cannot_be_checked():
    with pytest.raises(GradcheckError, match="requires no gradient"):
        gradcheck(lambda x: x.detach() * 2.0, point(1.0))
    with pytest.raises(GradcheckError, match=r"two runs.*Seed"):
        gradcheck(lambda x: x * mg.rand(1, dtype=mg.float64), point(1.0))
    assert gradcheck(lambda x: x + mg.rand(1, dtype=mg.float64) * 1e-12, point(1.0), nondet_tol=1e-11)
    for check in (gradcheck, gradgradcheck):
        with pytest.raises(ValueError, match="inputs: got none that requires a gradient"):
            check(lambda x: x, [mg.ones(2), 3.0])
        with pytest.raises(ValueError, match=r"inputs\[0\]: got read-only memory.*clone"):
            check(lambda x: x, [mg.ones(1, dtype=mg.float64).expand(2).requires_grad_()])


def test_inputs_are_put_back_when_the_function_fails():
    x, calls = point(1.0, 2.0), []

    def third_time_unlucky(x):
        calls.append(x.tolist())
        if x.tolist()[0] != 1.0:
            raise ZeroDivisionError
        return x * x

    with pytest.raises(ZeroDivisionError):
        gradcheck(third_time_unlucky, x)
    assert x.tolist() == [1.0, 2.0]
    assert calls[-1][0] == pytest.approx(1.0 + 1e-6, abs=1e-12)


# -- samples -----------------------------------------------------------------------------------------------------------


def test_samples_become_tensors():
    sample = Sample(
        Draw((200,), -1.0, 1.0, away=(0.0,), gap=0.1), Draw((50,), 0, 5, kind="int"), Draw((8, 3), kind="rows"),
        Draw((6,), kind="bool"), Draw((5, 4), distinct=True, gap=0.25), None, dim=1,
    )  # fmt: skip
    (reals, ints, rows, bools, distinct, nothing), keywords = materialize(sample, mg.float32)
    assert (np.abs(reals.numpy()) >= 0.1 - 1e-7).all()
    assert (np.abs(reals.numpy()) <= 1.0).all()
    assert set(ints.tolist()) == {0, 1, 2, 3, 4}
    np.testing.assert_allclose(rows.numpy().sum(1), 1.0, rtol=1e-6)
    assert bools.dtype == mg.bool
    np.testing.assert_allclose(np.diff(np.sort(distinct.numpy().ravel())), 0.25, rtol=1e-6)
    assert (nothing, keywords, reals.dtype) == (None, {"dim": 1}, mg.float32)
    assert repr(sample) == "200, 50, 8x3, 6, 5x4, None, dim=1"
