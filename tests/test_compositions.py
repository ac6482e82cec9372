"""Every function that is made of other ops, against its reference and by its derivatives; the records are walked."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn  # the losses are declared when they are first asked for
from minigrad import _op
from minigrad._array import Array
from minigrad.testing import gradcheck, gradgradcheck, materialize

RECORDS = [r for r in _op.registry.values() if isinstance(r, _op.Composition)]
CASES = [pytest.param(r, s, id=f"{r.name}-{s!r}") for r in RECORDS for s in r.samples()]

# In units of the values' size, for results that go through several roundings.
TOLERANCE = {np.dtype("f4"): 1e-5, np.dtype("f8"): 2e-14}


def results(value):
    """One result or several, as a list."""
    return [value] if isinstance(value, (Array, np.ndarray, np.generic, bool, int, float)) else list(value)


def flat(record, inputs, keywords):
    return results(record.call(*inputs, **keywords))


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
@pytest.mark.parametrize(("record", "sample"), CASES)
def test_forward_equals_reference(record, sample, dtype, backend):
    inputs, keywords = materialize(sample, dtype)
    wide = [None if x is None else x.array.astype(np.float64) if x.dtype.kind == "f" else x.array for x in inputs]
    wanted = results(record.reference(*wide, **keywords))
    found = flat(record, inputs, keywords)
    assert len(found) == len(wanted)
    for got, want in zip(found, map(np.asarray, wanted), strict=True):
        array = got.array if isinstance(got, Array) else np.asarray(got)
        assert array.shape == want.shape
        assert array.dtype.kind == want.dtype.kind
        if array.dtype.kind == "f":
            if isinstance(got, Array) and any(x is not None and x.dtype.kind == "f" for x in inputs):
                assert got.dtype == keywords.get("dtype", dtype)
            size = np.abs(want[np.isfinite(want)]).max(initial=1.0)
            np.testing.assert_allclose(array, want, rtol=0, atol=TOLERANCE[dtype] * size)
        else:
            np.testing.assert_array_equal(array, want)


def differentiable(record, sample):
    """The sample's inputs, marked; skips what has no gradient to look at."""
    inputs, keywords = materialize(sample, mg.float64)
    for x in inputs:
        if x is not None and x.dtype.kind == "f":
            x.requires_grad_()
    outs = [out for out in flat(record, inputs, keywords) if isinstance(out, Array) and out.requires_grad]
    if not outs:
        pytest.skip("the result is no function of which there is a derivative")

    def function(*values):
        return [out for out in flat(record, values, keywords) if isinstance(out, Array) and out.requires_grad]

    return function, inputs


@pytest.mark.parametrize(("record", "sample"), CASES)
def test_first_derivative(record, sample):
    function, inputs = differentiable(record, sample)
    gradcheck(function, inputs, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize(("record", "sample"), CASES)
def test_second_derivative(record, sample):
    function, inputs = differentiable(record, sample)
    gradgradcheck(function, inputs, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("record", "sample"), CASES)
def test_strided_inputs_give_the_same_numbers(record, sample, spread):
    inputs, keywords = materialize(sample, mg.float64)
    for got, want in zip(flat(record, [spread(x) for x in inputs], keywords), flat(record, inputs, keywords), strict=True):
        got, want = (x.array if isinstance(x, Array) else x for x in (got, want))
        np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-14)


def test_a_record_that_is_incomplete_is_refused():
    with pytest.raises(TypeError, match=r"defop\('silent'\): a record needs samples, a reference and a doc"):

        @_op.composed(np.abs, list)
        def silent(x):
            return x

    assert "silent" not in {*_op.registry, *_op.surface["minigrad"]}
    with pytest.raises(TypeError, match=r"there is an op of this name already"):
        _op.composed(np.abs, list)(mg.square)
