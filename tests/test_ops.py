"""Every record against its reference and its derivatives. The records are walked, so a new op is tested by existing."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn  # the losses are declared when they are first asked for
from minigrad import _op, _shapes, autograd
from minigrad.testing import Draw, Sample, gradcheck, gradgradcheck, materialize

PRIMITIVES = [op for op in _op.registry.values() if isinstance(op, _op.Op)]
CASES = [pytest.param(op, s, id=f"{op.name}-{s!r}") for op in PRIMITIVES for s in op.samples()]
FUSED = [c for c in CASES if c.values[0].composition is not None]
DIFFERENTIABLE = [c for c in CASES if any(c.values[0].rules)]

# The one place of tolerances: what rounding explains in sums of some dozens of terms, in units of the values' size.
TOLERANCE = {np.dtype("f4"): 2e-6, np.dtype("f8"): 4e-15}


def close(got, want, dtype, scale=1.0):
    want = np.asarray(want)
    assert got.shape == want.shape
    size = np.abs(want[np.isfinite(want)]).max(initial=1.0) if want.dtype.kind == "f" else 1
    tolerance = TOLERANCE[np.dtype(dtype)] * size * scale
    np.testing.assert_allclose(got.array, want, rtol=0, atol=tolerance)


def prepared(op, sample, dtype):
    inputs, keywords = materialize(sample, dtype)
    if op.name == "cast":
        inputs = [x.to(np.float64 if keywords["dtype"] == np.float32 else np.float32) for x in inputs]
    return inputs, keywords


def differentiable(op, inputs):
    """Marks what has a derivative, and returns it."""
    chosen = [x for x, rule in zip(inputs, op.rules, strict=True) if x is not None and rule is not None]
    for x in chosen:
        x.requires_grad_()
    return chosen


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
@pytest.mark.parametrize(("op", "sample"), CASES)
def test_forward_equals_reference(op, sample, dtype, backend):
    inputs, keywords = prepared(op, sample, dtype)
    result = op.call(*inputs, **keywords)
    wide = [None if x is None else x.array.astype(np.float64) if x.dtype.kind == "f" else x.array for x in inputs]
    want = op.reference(*wide, **keywords)
    want = want[0] if op.aux else np.asarray(want)
    close(result, want, inputs[0].dtype if inputs[0].dtype.kind == "f" else dtype)
    if result.dtype.kind == "f":
        expected = keywords.get("dtype", next(x.dtype for n, x in zip(op.inputs, inputs, strict=True) if x is not None and n not in op.integer))
        assert result.dtype == expected


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
@pytest.mark.parametrize(("op", "sample"), [c for c in CASES if c.values[0].planned])
def test_planned_calls_give_the_same_bits(op, sample, dtype):
    """Memory of our own, twice: the second call finds what the first has planned. Then memory from elsewhere, for which
    nothing is."""
    inputs, keywords = prepared(op, sample, dtype)
    ours = [None if x is None else mg.tensor(x) for x in inputs]
    first, second = op.call(*ours, **keywords), op.call(*ours, **keywords)
    foreign = op.call(*[None if x is None else mg.from_numpy(x.array.copy()) for x in inputs], **keywords)
    for result in (second, foreign):
        np.testing.assert_array_equal(result.array, first.array)


@pytest.mark.parametrize(("op", "sample"), [c for c in CASES if len(c.values[1].inputs) < 3 or c.values[0].name == "where"])
def test_strided_inputs_give_the_same_bits(op, sample, spread):
    inputs, keywords = materialize(sample, mg.float64)
    want = op.call(*inputs, **keywords)
    got = op.call(*map(spread, inputs), **keywords)
    if op.name == "linear" or op.name.startswith("matmul"):  # another order of summation may be chosen for other strides
        close(got, want.array, mg.float64)
    else:
        np.testing.assert_array_equal(got.array, want.array)


@pytest.mark.parametrize(("op", "sample"), FUSED)
def test_fused_equals_composition(op, sample):
    inputs, keywords = materialize(sample, mg.float64)
    if op.aux or any(n in op.inputs for n in ("log_sum", "total")):
        inputs = consistent(op, inputs)
    close(op.call(*inputs, **keywords), op.composition(*inputs, **keywords).array, mg.float64, scale=10)


def consistent(op, inputs):
    """A backward kernel reads what its forward pass saved: log_sum belongs to the logits."""
    if "log_sum" in op.inputs:
        x = inputs[op.inputs.index("input")]
        inputs[op.inputs.index("log_sum")] = mg.logsumexp(x - x.amax(1, keepdim=True), 1)
    return inputs


@pytest.mark.parametrize(("op", "sample"), DIFFERENTIABLE)
def test_first_derivative(op, sample, backend):
    inputs, keywords = materialize(sample, mg.float64)
    inputs = consistent(op, inputs)
    differentiable(op, inputs)
    if op.name == "cast":
        pytest.skip("a cast to float32 leaves no digits to difference; its gradient is tested by hand")
    if "log_sum" in op.inputs:
        pytest.skip("log_sum counts as a constant of this kernel; its derivatives are those of the forward op's second one")
    gradcheck(lambda *x: op.call(*x, **keywords), inputs, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize(("op", "sample"), DIFFERENTIABLE)
def test_second_derivative(op, sample):
    inputs, keywords = materialize(sample, mg.float64)
    differentiable(op, inputs)
    if op.name == "cast" or "log_sum" in op.inputs:
        pytest.skip("see test_first_derivative")
    gradgradcheck(lambda *x: op.call(*x, **keywords), inputs, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("op", "sample"), DIFFERENTIABLE)
def test_float32_gradient_is_the_float64_one(op, sample):
    gradients = {}
    for dtype in (mg.float32, mg.float64):
        inputs, keywords = materialize(sample, mg.float32)
        inputs = [x.to(dtype) if x is not None and x.dtype.kind == "f" else x for x in inputs]
        chosen = differentiable(op, inputs)
        out = op.call(*inputs, **keywords)
        g = np.random.default_rng(2).uniform(0.5, 1.5, out.shape).astype("f4")
        gradients[dtype] = autograd.grad(out, chosen, mg.tensor(g).to(out.dtype), materialize_grads=True)
    for got, want in zip(gradients[mg.float32], gradients[mg.float64], strict=True):
        close(got, want.array, mg.float32, scale=10)


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
@pytest.mark.parametrize(("op", "sample"), [c for c in CASES if c.values[0].joint_kernel])
def test_joint_backward_equals_the_formulas(op, sample, dtype):
    inputs, keywords = materialize(sample, dtype)
    given = [i for i, x in enumerate(inputs) if x is not None and op.rules[i]]
    for wanted in ([i for i in given if bits >> i & 1] for bits in range(1, 1 << len(inputs))):
        chosen = [inputs[i].requires_grad_() for i in wanted]
        if not chosen:
            continue
        out = op.call(*inputs, **keywords)
        g = mg.tensor(np.random.default_rng(3).uniform(0.5, 1.5, out.shape), dtype=dtype)
        want = autograd.grad(out, chosen, g, retain_graph=True, create_graph=True)
        for got, formula in zip(autograd.grad(out, chosen, g), want, strict=True):
            close(got, formula.array, dtype)
        for x in chosen:
            x.requires_grad_(False)


@pytest.mark.parametrize(("op", "sample"), DIFFERENTIABLE)
def test_gradient_is_no_saved_memory(op, sample):
    """A formula computes something new, or passes on g: what the tape has saved must never become a leaf's .grad."""
    inputs, keywords = materialize(sample, mg.float64)
    chosen = differentiable(op, consistent(op, inputs))
    out = op.call(*inputs, **keywords)
    out.backward(mg.ones(out.shape, dtype=out.dtype))
    for x in chosen:
        if x.grad is not None:
            assert not any(np.shares_memory(x.grad.array, y.array) for y in [*inputs, out] if y is not None)


@pytest.mark.parametrize("op", PRIMITIVES, ids=lambda op: op.name)
def test_record_is_complete(op):
    assert op.doc
    assert op.samples()
    assert all(s.inputs for s in op.samples())
    assert all(len(s.inputs) == len(op.inputs) and set(s.keywords) == set(op.keywords) for s in op.samples())


ABS = {"reference": np.abs, "vjp": {"x": lambda g, x: g * mg.sign(x)}, "samples": lambda: [Sample(Draw((3,)))], "doc": "|x|."}


@pytest.mark.parametrize(
    ("name", "changes", "text"),
    [
        ("exp", {}, r"defop\('exp'\): there is an op of this name already"),
        ("mine", {"doc": ""}, r"defop\('mine'\): a record needs samples, a reference and a doc"),
        ("mine", {"vjp": {"z": lambda g: g}}, r"defop\('mine'\): 'z' is not one of its inputs \('x',\)"),
        ("mine", {"vjp": {}}, r"defop\('mine'\): input 'x' needs exactly one of a formula in vjp, a composition, or nondiff"),
        ("mine", {"nondiff": "x"}, "input 'x' needs exactly one of"),
        ("mine", {"vjp": {"x": lambda g, w: g * w}}, "the formula of 'x' names 'w', which is none of"),
        ("mine", {"names": "mine exp"}, r"public\('exp'\): there is a function of this name in minigrad already"),
    ],
)
def test_a_record_that_is_refused_is_nowhere(name, changes, text):
    before = dict(_op.registry), {space: dict(names) for space, names in _op.surface.items()}
    with pytest.raises(TypeError, match=text):
        mg.defop(name, "x", **{**ABS, **changes})
    assert (_op.registry, _op.surface) == before


def test_a_record_shows_itself_and_the_function_that_it_became():
    assert repr(mg.mul.op) == "<op mul(x, y)>"
    assert repr(_op.registry["var"]) == "<composition var>"
    assert mg.mul.op.source.startswith("def mul(x, y):\n")


NAN = float("nan")
EXTREMES = [0.0, -0.0, 0.5, 1.0, -1.0, -3.5, 100.0, 1e30, -1e30, 1e-40, np.inf, -np.inf, NAN]
ELEMENTWISE = [op for op in PRIMITIVES if op.shape in (_shapes.same, _shapes.broadcast) and not op.keywords and not op.integer]


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_no_number_gives_a_warning(op, dtype, backend):
    """On the way back neither: pytest makes an error of each."""
    every = np.meshgrid(*[EXTREMES] * len(op.inputs), indexing="ij")
    inputs = [mg.tensor(x.ravel(), dtype=dtype) for x in every]
    chosen = differentiable(op, inputs)
    out = op.call(*inputs)
    assert out.shape == inputs[0].shape
    if chosen:
        autograd.grad(out, chosen, mg.ones(out.shape, dtype=dtype))


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_a_nan_lets_the_gradient_pass(dtype):
    """As in PyTorch: what is compared with a NaN is not below it, and only what is below loses its gradient."""
    x = mg.tensor([NAN, 1.0, -1.0, 0.0], dtype=dtype, requires_grad=True)
    (dx,) = autograd.grad(mg.relu(x), x, mg.full((4,), 3.0, dtype=dtype))
    np.testing.assert_array_equal(dx.array, [3.0, 3.0, 0.0, 0.0])
    (dx,) = autograd.grad(mg.nn.functional.leaky_relu(x, 0.5), x, mg.full((4,), 3.0, dtype=dtype))
    np.testing.assert_array_equal(dx.array, [1.5, 3.0, 1.5, 1.5])

    x = mg.tensor([NAN, 1.0, NAN, 2.0, 1.0], dtype=dtype, requires_grad=True)
    y = mg.tensor([1.0, NAN, NAN, 1.0, 1.0], dtype=dtype, requires_grad=True)
    for function, below, above in ((mg.maximum, 0.0, 1.0), (mg.minimum, 1.0, 0.0)):
        dx, dy = autograd.grad(function(x, y), (x, y), mg.ones(5, dtype=dtype))
        np.testing.assert_array_equal(dx.array, [1.0, 1.0, 1.0, above, 0.5])
        np.testing.assert_array_equal(dy.array, [1.0, 1.0, 1.0, below, 0.5])


def test_the_slope_of_a_product_with_zeros():
    """Of one factor it is the product of the others, which is not 0 where that factor alone is."""
    x = mg.tensor([[2.0, 0.0, 3.0], [0.0, 0.0, 5.0], [1.0, 2.0, 4.0]], dtype=mg.float64, requires_grad=True)
    (slope,) = mg.autograd.grad(x.prod(1).sum(), x, create_graph=True)
    assert slope.tolist() == [[0.0, 6.0, 0.0], [0.0, 0.0, 0.0], [8.0, 4.0, 2.0]]
    (bend,) = mg.autograd.grad(slope[:, 2].sum(), x)
    assert bend.tolist() == [[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [2.0, 1.0, 0.0]]


@pytest.mark.parametrize(("power", "value", "slope"), [(2, 16.0, 8.0), (3, 64.0, 48.0), (0.5, 2.0, 0.25), (-1, 0.25, -1 / 16), (1.5, 8.0, 3.0)])
def test_powers_that_other_ops_compute(power, value, slope):
    x = mg.tensor(4.0, dtype=mg.float64, requires_grad=True)
    y = x**power
    y.backward()
    assert y.item() == pytest.approx(value, rel=1e-15)
    assert x.grad.item() == pytest.approx(slope, rel=1e-15)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_gelu_of_large_arguments(dtype, approximate):
    """x and 0, with the derivatives 1 and 0, although the powers of x in the formulas overflow."""
    large = [*10.0 ** np.arange(2, 38, 5), np.finfo(dtype).max]
    x = mg.tensor(np.concatenate([large, np.negative(large)]), dtype=dtype, requires_grad=True)
    out = mg.nn.functional.gelu(x, approximate=approximate)
    (dx,) = autograd.grad(out, x, mg.ones(out.shape, dtype=dtype))
    positive = x.array > 0
    np.testing.assert_array_equal(out.array, np.where(positive, x.array, 0))
    np.testing.assert_array_equal(dx.array, positive)


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
def test_scattered_extrema_are_elements(dtype):
    """The very numbers, however many share the place, and infinities beside them."""
    x, places = mg.tensor([0.1, -np.inf], dtype=dtype, requires_grad=True), mg.tensor([0, 0, 1, 1])
    src = mg.tensor([0.1, 0.1, -np.inf, 7.0], dtype=dtype, requires_grad=True)
    out = x.scatter_reduce(0, places, src, "amax")
    np.testing.assert_array_equal(out.array, np.array([0.1, 7.0], dtype))
    dx, dsrc = autograd.grad(out, (x, src), mg.tensor([3.0, 5.0], dtype=dtype))
    np.testing.assert_allclose(dx.array, [1.0, 0.0])
    np.testing.assert_allclose(dsrc.array, [1.0, 1.0, 0.0, 5.0])


def test_scattered_extrema_of_integers_are_integers():
    out = mg.tensor([9, 2]).scatter_reduce(0, mg.tensor([0]), mg.tensor([1]), "amax", include_self=False)
    assert (out.tolist(), out.dtype) == ([1, 2], mg.int64)
