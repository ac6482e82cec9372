"""Names that are not there: what the error says to write instead."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import _absent, nn, optim
from minigrad.nn import functional as F


@pytest.mark.parametrize(
    ("look", "text"),
    [
        (lambda: nn.Linaer, "module 'minigrad.nn' has no attribute 'Linaer'. Is Linear meant?"),
        (lambda: nn.relu, "Is ReLU or RReLU meant?"),
        (lambda: F.rellu, "Is relu or rrelu meant?"),
        (lambda: optim.Adamw, "Is AdamW or Adam meant?"),
        (lambda: optim.lr_scheduler.StepLr, "Is StepLR meant?"),
        (lambda: optim.lr_scheduler._LRScheduler, "It is called LRScheduler."),
        (lambda: mg.data.DataLaoder, "Is DataLoader meant?"),
        (lambda: nn.init.xavier_uniform, "Is xavier_uniform_"),
        (lambda: nn.utils.clip_grad_norm, "Is clip_grad_norm_"),
        (lambda: mg.Tensro, "Is Tensor meant?"),
        (lambda: mg.array, "has no attribute 'array'. Write minigrad.tensor(data)"),
        (lambda: mg.detach, "It is a method: x.detach(...)."),
        (lambda: mg.ones(2).squeeze_, "'Tensor' object has no attribute 'squeeze_'. Write x = x.squeeze()."),
        (lambda: nn.BatchNorm, "Is BatchNorm1d meant?"),
    ],
)
def test_the_name_that_was_meant(look, text):
    with pytest.raises(AttributeError) as caught:
        look()
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("look", "text"),
    [
        (lambda: nn.Conv2d, "Layers for images are out of scope: flatten the pixels"),
        (lambda: nn.MaxPool2d, "Layers for images"),
        (lambda: nn.Dropout2d, "Layers for images"),
        (lambda: F.conv2d, "Layers for images"),
        (lambda: nn.LSTM, "with two nn.Linear"),
        (lambda: nn.TransformerEncoder, "Attention is out of scope as a layer"),
        (lambda: nn.LazyLinear, "nn.Linear(in_features, out_features)"),
        (lambda: nn.GroupNorm, "nn.LayerNorm"),
        (lambda: nn.DataParallel, "on the CPU alone"),
        (lambda: mg.cuda.get_device_name, "on the CPU alone"),
        (lambda: mg.float16, "Floats are float32 and float64"),
        (lambda: mg.ones(2).half, "floats are float32 and float64"),
        (lambda: mg.FloatTensor, "Write minigrad.tensor(data)"),
        (lambda: mg.autograd.Variable, "minigrad.tensor(data, requires_grad=True)"),
        (lambda: mg.compile, "minigrad.jit(step)"),
        (lambda: mg.vmap, "let the batch be the first dimension"),
        (lambda: mg.linalg.svd, "call NumPy"),
        (lambda: mg.linalg.nrom, "Is norm"),
    ],
)
def test_what_to_write_instead_of_what_is_out_of_scope(look, text):
    with pytest.raises(AttributeError) as caught:
        look()
    assert text in str(caught.value)


def test_what_the_remedies_say_to_write_works():
    q = k = v = mg.randn(2, 5, 4)
    assert F.scaled_dot_product_attention(q, k, v).shape == (2, 5, 4)
    assert nn.Sequential(nn.Flatten(), nn.Linear(784, 128))(mg.zeros(3, 28, 28)).shape == (3, 128)
    assert np.linalg.svd(mg.eye(3).detach().numpy()).S.tolist() == [1.0, 1.0, 1.0]
    take, keep = nn.Linear(4, 3), nn.Linear(3, 3)
    h = mg.zeros(2, 3)
    for t in range(q.shape[1]):
        h = (take(q[:, t]) + keep(h)).tanh()
    assert h.shape == (2, 3)


def test_functions_that_are_methods_of_autograd():
    assert mg.autograd.gradcheck is mg.testing.gradcheck
    with pytest.raises(AttributeError, match=r"It is a method: loss.backward\(\)"):
        mg.autograd.backward  # noqa: B018


def test_names_of_nothing_known_have_no_remedy():
    with pytest.raises(AttributeError, match="^module 'minigrad' has no attribute 'onnx'$"):
        mg.onnx  # noqa: B018 - the access is what is tested
    with pytest.raises(AttributeError, match="^'Tensor' object has no attribute '__array_interface__'$"):
        mg.ones(1).__array_interface__  # noqa: B018


def test_looking_for_a_name_searches_nothing(monkeypatch):
    searched = []
    monkeypatch.setattr(_absent, "_near", lambda *names: searched.append(names) or [])
    assert not hasattr(mg.ones(1), "nothing")
    assert getattr(nn, "nothing", None) is None
    assert not searched
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        nn.nothing  # noqa: B018
    assert searched
