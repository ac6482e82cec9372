"""The activations' modules: PyTorch's signatures, texts, values, gradients at the bends, and captured steps."""

import inspect

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim

#: What each is made of when it is called, and its bends.
CASES = {
    "ReLU": [(), (0.0,)], "LeakyReLU": [(0.2,), (0.0,)], "ELU": [(0.7,), (0.0,)], "GELU": [("tanh",), ()], "SiLU": [(), ()],
    "Sigmoid": [(), ()], "Tanh": [(), ()], "Softplus": [(2.0, 5.0), ()], "SELU": [(), (0.0,)], "CELU": [(1.5,), (0.0,)],
    "Mish": [(), ()], "LogSigmoid": [(), ()], "Softsign": [(), (0.0,)], "Tanhshrink": [(), ()], "ReLU6": [(), (0.0, 6.0)],
    "Hardtanh": [(-0.5, 2.0), (-0.5, 2.0)], "Hardsigmoid": [(), (-3.0, 3.0)], "Hardswish": [(), (-3.0, 3.0)],
    "Threshold": [(0.125, 2.0), (0.125,)], "Softshrink": [(0.7,), (-0.7, 0.7)], "Hardshrink": [(0.7,), (-0.7, 0.7)],
    "PReLU": [(), (0.0,)], "RReLU": [(), (0.0,)], "Softmax": [(1,), ()], "LogSoftmax": [(1,), ()], "Softmin": [(1,), ()],
    "GLU": [(), ()],
}  # fmt: skip


def made(library, name):
    return getattr(library, name)(*CASES[name][0])


def inputs(name):
    special = [*CASES[name][1], 0.3, -0.3, 25.0, -25.0, 90.0, -90.0, 1e4, -1e4]
    drawn = np.random.default_rng(0).normal(scale=3.0, size=48 - len(special))
    return np.concatenate([special, drawn]).reshape(6, 8)


def test_every_activation_and_loss_of_pytorch_is_here():
    torch = pytest.importorskip("torch")
    left = set(torch.nn.modules.activation.__all__) - set(CASES)
    assert left == {"MultiheadAttention", "Softmax2d"}
    left = {n for n in torch.nn.modules.loss.__all__ if not hasattr(nn, n)}
    assert left - {"LinearCrossEntropyLoss"} == {"CTCLoss", "NLLLoss2d"}


@pytest.mark.parametrize("name", CASES)
def test_signatures_and_texts_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    ours, theirs = (inspect.signature(getattr(library, name)).parameters for library in (nn, torch.nn))
    old = {"min_value", "max_value", "args", "kwargs", "keywords"}  # of Hardtanh, deprecated; and of those without any
    assert [(p.name, p.default) for p in ours.values() if p.name not in old] == [
        (p.name, p.default) for p in theirs.values() if p.name not in old
    ]
    assert repr(made(nn, name)) == repr(made(torch.nn, name))
    if "inplace" in ours:
        assert repr(getattr(nn, name)(*CASES[name][0], inplace=True)) == repr(
            getattr(torch.nn, name)(*CASES[name][0], inplace=True)
        )


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
def test_values_and_gradients_are_pytorchs_at_the_bends_too(name, dtype, backend):
    torch = pytest.importorskip("torch")
    array = inputs(name).astype(dtype)
    x = mg.tensor(array, requires_grad=True)
    other = torch.tensor(array, dtype=torch.float64, requires_grad=True)
    module, theirs = made(nn, name).eval().to(dtype), made(torch.nn, name).eval().double()
    out, expected = module(x), theirs(other)
    g = np.random.default_rng(1).normal(size=out.shape).astype(dtype)
    out.backward(mg.tensor(g))
    expected.backward(torch.tensor(g, dtype=torch.float64))
    tolerance = {"rtol": 2e-6, "atol": 1e-6} if dtype == mg.float32 else {"rtol": 1e-13, "atol": 1e-13}
    np.testing.assert_allclose(out.tolist(), expected.tolist(), **tolerance)
    slope = other.grad
    if name == "Hardsigmoid":  # whose slope in PyTorch is 1/6 rounded to float32, for float64 too
        slope = slope * ((1 / 6) / float(np.float32(1 / 6)))
    np.testing.assert_allclose(x.grad.tolist(), slope.tolist(), **tolerance)
    for one, p in zip(module.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(one.grad.tolist(), p.grad.tolist(), rtol=2e-5 if dtype == mg.float32 else 1e-13)


@pytest.mark.parametrize("name", [name for name in CASES if name != "GLU"])  # whose halves NumPy puts together again
def test_a_captured_step_has_the_bits_of_an_eager_one(name):
    def trained(jit):
        mg.manual_seed(0)
        net = nn.Sequential(nn.Linear(5, 6), made(nn, name), nn.Linear(6, 1))
        optimizer = optim.SGD(net.parameters(), lr=0.01)
        x, y = mg.randn(9, 5), mg.randn(9, 1)

        def step(x, y):
            optimizer.zero_grad()
            loss = F.mse_loss(net(x), y)
            loss.backward()
            optimizer.step()
            return loss

        step = mg.jit(step) if jit else step
        return [step(x, y).item() for _ in range(20)], [p.tolist() for p in net.parameters()]

    losses, parameters = trained(False)
    assert np.isfinite(losses).all()
    assert trained(True) == (losses, parameters)


@pytest.mark.parametrize(
    ("call", "values", "slopes"),
    [
        (F.relu6, [np.nan, 6.0, 0.0], [1.0, 0.0, 0.0]),
        (F.hardtanh, [np.nan, 1.0, -1.0], [1.0, 0.0, 0.0]),
        (F.hardswish, [np.nan, np.inf, 0.0], [np.nan, 1.0, 0.0]),
        (F.softshrink, [np.nan, np.inf, -np.inf], [1.0, 1.0, 1.0]),
        (lambda x: F.threshold(x, 0.5, 2.0), [np.nan, np.inf, 2.0], [1.0, 1.0, 0.0]),
    ],
)
def test_what_is_not_finite_passes_or_is_cut_off(call, values, slopes, backend):
    x = mg.tensor([np.nan, np.inf, -np.inf], requires_grad=True)
    y = call(x)
    y.sum().backward()
    np.testing.assert_array_equal(y.detach().numpy(), values)
    np.testing.assert_array_equal(x.grad.numpy(), slopes)


@pytest.mark.parametrize("name", ["elu", "selu", "celu", "relu6", "hardtanh", "hardsigmoid", "hardswish", "softshrink"])
def test_integers_become_floats(name):
    whole = mg.tensor([-4, -1, 0, 2, 8])
    y = getattr(F, name)(whole)
    assert y.dtype == mg.float32
    assert y.tolist() == getattr(F, name)(whole.float()).tolist()


def test_prelu_learns_its_slopes():
    x = mg.randn(4, 3, 2)
    module = nn.PReLU(3, init=0.1)
    assert list(module.state_dict()) == ["weight"]
    assert module.weight.tolist() == pytest.approx([0.1] * 3)
    module(x).sum().backward()
    below = np.minimum(x.numpy(), 0).sum((0, 2))
    np.testing.assert_allclose(module.weight.grad.tolist(), below, rtol=1e-5)
    module.weight.detach().fill_(9.0)
    module.reset_parameters()
    assert module.weight.tolist() == pytest.approx([0.1] * 3)
    assert nn.PReLU(dtype=mg.float64).weight.dtype == mg.float64


def test_rrelu_draws_slopes_in_training(backend):
    x = mg.full((100, 100), -2.0)
    x[:, :50] = 3.0
    module = nn.RReLU(0.1, 0.5)
    out = module(x).numpy()
    assert (out[:, :50] == 3).all()
    slopes = out[:, 50:] / -2
    assert 0.1 <= slopes.min() < 0.101
    assert 0.499 < slopes.max() <= 0.5 + 1e-7
    # The mean of n numbers from [0.1, 0.5] is within 5 of its standard deviations, 0.4 / sqrt(12 n).
    assert abs(slopes.mean() - 0.3) < 5 * 0.4 / np.sqrt(12 * slopes.size)
    assert not np.array_equal(out, module(x).numpy())
    np.testing.assert_allclose(module.eval()(x).numpy()[:, 50:], -0.6, rtol=1e-6)
    assert F.rrelu(x).tolist() == F.leaky_relu(x, (1 / 8 + 1 / 3) / 2).tolist()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Hardtanh(1.0, -1.0), ValueError, "Hardtanh: argument max_val: got -1.0, expected a number above min_val, 1.0"),
        (lambda: nn.Softshrink(-1.0), ValueError, "Softshrink: argument lambd: got -1.0"),
        (lambda: nn.CELU(0.0), ValueError, "CELU: argument alpha: got 0.0"),
        (lambda: nn.PReLU(0), ValueError, "PReLU: argument num_parameters: got 0"),
        (lambda: nn.PReLU(dtype=mg.int64), TypeError, "PReLU: argument dtype: got int64"),
        (lambda: nn.PReLU(device="cuda"), RuntimeError, "PReLU"),
        (lambda: nn.PReLU(3)(mg.ones(2, 4)), ValueError, r"prelu: argument weight: got shape \(3,\) for input \(2, 4\)"),
        (lambda: nn.RReLU(0.5, 0.1), ValueError, "RReLU: argument upper: got 0.1, expected at least lower, 0.5"),
        (lambda: F.rrelu(mg.ones(1), 0.5, 0.1), ValueError, "rrelu: argument upper: got 0.1"),
    ],
)
def test_what_activations_refuse(call, error, message):
    with pytest.raises(error, match=message):
        call()
