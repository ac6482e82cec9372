"""Layers, losses and containers: signatures, what they compute and refuse; and a whole training."""

import inspect
import math
from collections import OrderedDict

import numpy as np
import pytest
from signatures import plain_signature

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from minigrad.data import DataLoader, TensorDataset, train_test_split
from minigrad.datasets import load_digits
from minigrad.errors import AxisError, DTypeError, ShapeError

# -- what PyTorch's programs expect ------------------------------------------------------------------------------------

REPRS = {
    "ModuleDict()": nn.ModuleDict(), "ModuleList()": nn.ModuleList(),
    "ParameterDict()": nn.ParameterDict(), "ParameterList()": nn.ParameterList(),
    "BCELoss()": nn.BCELoss(), "BCEWithLogitsLoss()": nn.BCEWithLogitsLoss(),
    "CrossEntropyLoss()": nn.CrossEntropyLoss(), "Dropout(p=0.1, inplace=False)": nn.Dropout(0.1),
    "ELU(alpha=1.0)": nn.ELU(), "Flatten(start_dim=1, end_dim=-1)": nn.Flatten(),
    "Unflatten(dim=1, unflattened_size=(2, 3))": nn.Unflatten(1, (2, 3)),
    "GELU(approximate='none')": nn.GELU(), "GLU(dim=-1)": nn.GLU(), "HuberLoss()": nn.HuberLoss(), "Identity()": nn.Identity(54, unused=True),
    "KLDivLoss()": nn.KLDivLoss(), "L1Loss()": nn.L1Loss(), "LeakyReLU(negative_slope=0.01)": nn.LeakyReLU(),
    "Linear(in_features=2, out_features=3, bias=True)": nn.Linear(2, 3), "LogSoftmax(dim=1)": nn.LogSoftmax(dim=1),
    "MSELoss()": nn.MSELoss(), "NLLLoss()": nn.NLLLoss(), "ReLU()": nn.ReLU(), "Sequential()": nn.Sequential(),
    "SiLU()": nn.SiLU(), "Sigmoid()": nn.Sigmoid(), "SmoothL1Loss()": nn.SmoothL1Loss(),
    "Softmax(dim=-1)": nn.Softmax(-1), "Softmin(dim=0)": nn.Softmin(0), "Softplus(beta=1.0, threshold=20.0)": nn.Softplus(), "Tanh()": nn.Tanh(),
    "AlphaDropout(p=0.2, inplace=False)": nn.AlphaDropout(0.2), "Dropout1d(p=0.5, inplace=False)": nn.Dropout1d(),
    "BatchNorm1d(2, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)": nn.BatchNorm1d(2),
    "Bilinear(in1_features=2, in2_features=3, out_features=4, bias=False)": nn.Bilinear(2, 3, 4, bias=False),
    "Embedding(3, 2, padding_idx=2)": nn.Embedding(3, 2, padding_idx=-1),
    "LayerNorm((2, 3), eps=1e-05, elementwise_affine=True, bias=True)": nn.LayerNorm([2, 3]),
    "RMSNorm((4,), eps=None, elementwise_affine=True)": nn.RMSNorm(4),
    **{f"{module.__name__}()": module() for module in (
        nn.CosineEmbeddingLoss, nn.CosineSimilarity, nn.GaussianNLLLoss, nn.HingeEmbeddingLoss, nn.MarginRankingLoss,
        nn.MultiLabelMarginLoss, nn.MultiLabelSoftMarginLoss, nn.MultiMarginLoss, nn.PairwiseDistance, nn.PoissonNLLLoss,
        nn.SoftMarginLoss, nn.TripletMarginLoss, nn.TripletMarginWithDistanceLoss,
        nn.ReLU6, nn.SELU, nn.Mish, nn.LogSigmoid, nn.Hardsigmoid, nn.Hardswish, nn.Softsign, nn.Tanhshrink,
    )},
    "CELU(alpha=1.0)": nn.CELU(), "Hardtanh(min_val=-1.0, max_val=1.0)": nn.Hardtanh(), "Hardshrink(0.5)": nn.Hardshrink(),
    "PReLU(num_parameters=1)": nn.PReLU(), "RReLU(lower=0.125, upper=0.3333333333333333)": nn.RReLU(),
    "Softshrink(0.5)": nn.Softshrink(), "Threshold(threshold=0.1, value=20)": nn.Threshold(0.1, 20),
}  # fmt: skip


def test_every_module_prints_as_in_pytorch():
    assert [repr(module) for module in REPRS.values()] == list(REPRS)
    public = {getattr(nn, name) for name in nn.__all__ if inspect.isclass(getattr(nn, name))}
    assert public - {nn.Module, nn.Parameter} == {type(module) for module in REPRS.values()}


SIGNATURES = {
    nn.Linear: "in_features, out_features, bias=True, device=None, dtype=None",
    nn.Dropout: "p=0.5, inplace=False",
    nn.LayerNorm: "normalized_shape, eps=1e-05, elementwise_affine=True, bias=True, device=None, dtype=None",
    nn.RMSNorm: "normalized_shape, eps=None, elementwise_affine=True, device=None, dtype=None",
    nn.BatchNorm1d: (
        "num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, device=None, dtype=None, *, bias=True"
    ),
    nn.Embedding: (
        "num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, "
        "sparse=False, _weight=None, _freeze=False, device=None, dtype=None"
    ),
    nn.Embedding.from_pretrained: (
        "embeddings, freeze=True, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False"
    ),
    nn.Bilinear: "in1_features, in2_features, out_features, bias=True, device=None, dtype=None",
    nn.AlphaDropout: "p=0.5, inplace=False",
    nn.Dropout1d: "p=0.5, inplace=False",
    F.layer_norm: "input, normalized_shape, weight=None, bias=None, eps=1e-05",
    F.rms_norm: "input, normalized_shape, weight=None, eps=None",
    F.batch_norm: "input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-05",
    F.embedding: (
        "input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False"
    ),
    F.alpha_dropout: "input, p=0.5, training=False, inplace=False, *, generator=None",
    F.dropout1d: "input, p=0.5, training=True, inplace=False, *, generator=None",
    nn.Flatten: "start_dim=1, end_dim=-1",
    nn.Unflatten: "dim, unflattened_size",
    nn.Sequential: "*modules",
    nn.ReLU: "inplace=False",
    nn.LeakyReLU: "negative_slope=0.01, inplace=False",
    nn.ELU: "alpha=1.0, inplace=False",
    nn.GELU: "approximate='none'",
    nn.SiLU: "inplace=False",
    nn.Softplus: "beta=1.0, threshold=20.0",
    nn.Softmax: "dim=None",
    nn.Softmin: "dim=None",
    nn.GLU: "dim=-1",
    nn.LogSoftmax: "dim=None",
    nn.MSELoss: "reduction='mean'",
    nn.L1Loss: "reduction='mean'",
    nn.SmoothL1Loss: "reduction='mean', beta=1.0",
    nn.HuberLoss: "reduction='mean', delta=1.0",
    nn.BCELoss: "weight=None, reduction='mean'",
    nn.BCEWithLogitsLoss: "weight=None, reduction='mean', pos_weight=None",
    nn.CrossEntropyLoss: (
        "weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean', label_smoothing=0.0"
    ),
    nn.NLLLoss: "weight=None, ignore_index=-100, reduction='mean'",
    nn.KLDivLoss: "reduction='mean', log_target=False",
    nn.Module.train: "self, mode=True",
    nn.Module.parameters: "self, recurse=True",
    nn.Module.named_parameters: "self, prefix='', recurse=True, remove_duplicate=True",
    nn.Module.zero_grad: "self, set_to_none=True",
    nn.Module.load_state_dict: "self, state_dict, strict=True, assign=False",
    nn.Module.register_buffer: "self, name, tensor, persistent=True",
    F.cross_entropy: (
        "input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean', "
        "label_smoothing=0.0"
    ),
    F.dropout: "input, p=0.5, training=True, inplace=False, *, generator=None",
    F.linear: "x, weight, bias=None",
    F.relu: "input, inplace=False",
    F.leaky_relu: "input, negative_slope=0.01, inplace=False",
    F.elu: "input, alpha=1.0, inplace=False",
    F.silu: "input, inplace=False",
}


@pytest.mark.parametrize("function", SIGNATURES, ids=lambda f: f.__qualname__)
def test_signatures_and_defaults_are_pytorchs(function):
    assert plain_signature(function) == f"({SIGNATURES[function]})"


INPLACE = {
    "ReLU(inplace=True)": (nn.ReLU(True), F.relu),
    "LeakyReLU(negative_slope=0.2, inplace=True)": (
        nn.LeakyReLU(0.2, inplace=True), lambda x, inplace: F.leaky_relu(x, 0.2, inplace),
    ),
    "ELU(alpha=0.5, inplace=True)": (nn.ELU(0.5, inplace=True), lambda x, inplace: F.elu(x, 0.5, inplace)),
    "SiLU(inplace=True)": (nn.SiLU(inplace=True), F.silu),
    "Dropout(p=0.5, inplace=True)": (nn.Dropout(0.5, inplace=True), lambda x, inplace: F.dropout(x, inplace=inplace)),
}  # fmt: skip


@pytest.mark.parametrize("text", INPLACE)
def test_inplace_is_taken_and_changes_nothing(text):
    module, function = INPLACE[text]
    assert repr(module) == text
    assert module.inplace is True
    found = []
    for call in (module, lambda x: function(x, inplace=True), lambda x: function(x, inplace=False)):
        mg.manual_seed(5)
        x = mg.tensor([-1.0, -0.25, 0.5, 2.0], requires_grad=True)
        hidden = x * 1.0
        out = call(hidden)
        (out * out).sum().backward()
        assert out is not hidden
        assert hidden.tolist() == x.tolist()
        found.append((out.tolist(), x.grad.tolist()))
    assert found[0] == found[1] == found[2]


# -- layers ------------------------------------------------------------------------------------------------------------


def test_linear_is_x_times_w_transposed_plus_b(backend):
    layer = nn.Linear(3, 2)
    layer.load_state_dict({"weight": mg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), "bias": mg.tensor([0.5, -0.5])})
    x = mg.tensor([[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]], requires_grad=True)
    out = layer(x)
    assert out.tolist() == [[-1.5, -2.5], [4.5, 12.5]]
    out.backward(mg.tensor([[1.0, 0.0], [0.0, 2.0]]))
    assert layer.weight.grad.tolist() == [[1.0, 0.0, -1.0], [4.0, 2.0, 0.0]]
    assert layer.bias.grad.tolist() == [1.0, 2.0]
    assert x.grad.tolist() == [[1.0, 2.0, 3.0], [8.0, 10.0, 12.0]]
    assert layer(x[0]).tolist() == [-1.5, -2.5]
    assert layer(x.reshape(2, 1, 3)).tolist() == [[[-1.5, -2.5]], [[4.5, 12.5]]]
    assert layer(mg.zeros(0, 3)).shape == (0, 2)


def test_linear_without_bias_and_in_float64():
    layer = nn.Linear(3, 2, bias=False, dtype=mg.float64)
    assert layer.bias is None
    assert list(layer.state_dict()) == ["weight"]
    assert layer.weight.dtype == mg.float64
    assert layer(mg.ones(4, 3, dtype=mg.float64)).dtype == mg.float64
    assert repr(layer) == "Linear(in_features=3, out_features=2, bias=False)"
    assert nn.Linear(0, 2)(mg.zeros(3, 0)).tolist() == [[0.0, 0.0]] * 3


def test_linear_starts_uniformly_within_one_over_the_root_of_its_inputs():
    mg.manual_seed(3)
    layer = nn.Linear(400, 50)
    bound = 1 / math.sqrt(400)
    for p in layer.parameters():
        # 20,000 and 50 numbers: with probability below 1e-8 none would come this near to the bound.
        assert bound * (0.999 if p.numel() > 100 else 0.6) < p.detach().numpy().max() < bound
        assert -bound <= p.detach().numpy().min() < bound * (-0.999 if p.numel() > 100 else -0.6)
    mg.manual_seed(3)
    again = nn.Linear(400, 50)
    for one, other in zip(again.parameters(), layer.parameters(), strict=True):
        assert one.tolist() == other.tolist()
    again.reset_parameters()
    assert not np.array_equal(again.weight.detach().numpy(), layer.weight.detach().numpy())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Linear(-1, 2), ValueError, "Linear: argument in_features: got -1"),
        (lambda: nn.Linear(2, 1.5), TypeError, "Linear: argument out_features: got 1.5"),
        (lambda: nn.Linear(2, True), TypeError, "argument out_features: got True"),
        (lambda: nn.Linear(2, 2, device="cuda"), ValueError, "argument device: got 'cuda', expected 'cpu'"),
        (lambda: nn.Linear(2, 2, dtype=mg.int64), DTypeError, "argument dtype: got int64"),
        (lambda: nn.Linear(2, 2)(mg.zeros(3, 4)), ShapeError, "linear"),
        (lambda: nn.Linear(2, 2)(mg.zeros(3, 2, dtype=mg.float64)), DTypeError, "input: got dtype float64"),
        (lambda: nn.Linear(2, 2)([[1.0, 2.0]]), DTypeError, "linear: argument input: got a list"),
        (lambda: nn.Dropout(1.5), ValueError, "dropout probability has to be between 0 and 1, but got 1.5"),
        (lambda: nn.Dropout(float("nan")), ValueError, "got nan"),
        (lambda: nn.GELU("fast"), ValueError, "GELU: argument approximate: got 'fast'"),
        (lambda: nn.Softmax()(mg.zeros(2, 2)), TypeError, r"softmax: argument dim.*softmax\(x, -1\)"),
        (lambda: nn.LogSoftmax(2)(mg.zeros(2, 2)), IndexError, "log_softmax"),
        (lambda: nn.Softmin()(mg.zeros(2, 2)), TypeError, r"softmin: argument dim.*softmin\(x, -1\)"),
        (lambda: nn.GLU()(mg.zeros(2, 3)), ShapeError, r"glu: argument input: got shape \(2, 3\), expected an even length in dimension -1"),
        (lambda: nn.GLU()(mg.tensor(1.0)), ShapeError, r"glu: argument input: got shape \(\), expected an even length"),
        (lambda: nn.Flatten(2, 1)(mg.zeros(2, 2, 2)), AxisError, "flatten"),
        (lambda: nn.MSELoss("average"), ValueError, "MSELoss: argument reduction: got 'average'"),
        (lambda: nn.MSELoss("batchmean"), ValueError, "'none', 'mean', 'sum'"),
        (lambda: nn.CrossEntropyLoss(size_average=True), ValueError, "CrossEntropyLoss: argument size_average"),
        (lambda: nn.CrossEntropyLoss([1.0, 2.0]), TypeError, "weight: got a list, expected a tensor or None"),
    ],
)
def test_what_layers_refuse(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_dropout_drops_in_training_only(backend):
    mg.manual_seed(4)
    drop, x = nn.Dropout(0.25), mg.ones(100_000, requires_grad=True)
    out = drop(x)
    out.sum().backward()
    kept = out.detach().numpy() != 0
    assert set(np.unique(out.detach().numpy())) == {np.float32(0), np.float32(1 / 0.75)}
    # The standard deviation of the fraction kept is sqrt(p (1 - p) / n); five of them are exceeded in 1 of 2e6 runs.
    assert abs(kept.mean() - 0.75) < 5 * math.sqrt(0.25 * 0.75 / 100_000)
    assert np.array_equal(x.grad.numpy(), out.detach().numpy())
    assert not np.array_equal(drop(x).detach().numpy() != 0, kept)
    mg.manual_seed(4)
    assert np.array_equal(drop(x).detach().numpy() != 0, kept)
    drop.eval()
    assert drop(x) is x


def test_dropout_of_nothing_and_of_everything(backend):
    x = mg.tensor([1.0, -2.0], requires_grad=True)
    assert nn.Dropout(0.0)(x).tolist() == [1.0, -2.0]
    out = nn.Dropout(1.0)(x)
    out.sum().backward()
    assert out.tolist() == [0.0, 0.0] == x.grad.tolist()


def test_flatten_and_identity():
    x = mg.arange(24.0).reshape(2, 3, 4)
    assert nn.Flatten()(x).shape == (2, 12)
    assert nn.Flatten(0)(x).shape == (24,)
    assert nn.Flatten(0, 1)(x).tolist() == x.reshape(6, 4).tolist()
    assert nn.Identity(3, any="thing")(x) is x


def test_unflatten():
    x = mg.arange(24.0).reshape(2, 12)
    assert nn.Unflatten(1, (3, 4))(x).tolist() == x.reshape(2, 3, 4).tolist()
    assert nn.Unflatten(-1, (-1, 6))(x).shape == (2, 2, 6)
    assert nn.Sequential(nn.Unflatten(1, (3, 4)), nn.Flatten())(x).tolist() == x.tolist()
    assert repr(nn.Unflatten(1, [3, 4])) == "Unflatten(dim=1, unflattened_size=(3, 4))"
    with pytest.raises(ShapeError, match="unflatten"):
        nn.Unflatten(1, (5, 2))(x)
    with pytest.raises(TypeError, match="Unflatten: argument unflattened_size"):
        nn.Unflatten(1, (3.5, 4))


def test_weights_of_losses_are_buffers():
    weight = mg.tensor([1.0, 2.0])
    for loss in (nn.CrossEntropyLoss(weight), nn.NLLLoss(weight), nn.BCELoss(weight)):
        assert list(loss.state_dict()) == ["weight"]
        assert list(loss.parameters()) == []
    assert list(nn.BCEWithLogitsLoss(pos_weight=weight).state_dict()) == ["pos_weight"]
    double = nn.CrossEntropyLoss(weight).double()
    assert double(mg.zeros(1, 2, dtype=mg.float64), mg.tensor([1])).item() == pytest.approx(math.log(2))
    assert weight.dtype == mg.float32


def test_functions_and_modules_are_the_same(backend):
    x, t = mg.randn(4, 3), mg.rand(4, 3)
    labels = mg.tensor([0, 2, 1, 1])
    pairs = [
        (nn.ReLU(), F.relu(x)), (nn.LeakyReLU(0.2), F.leaky_relu(x, 0.2)), (nn.ELU(2.0), F.elu(x, 2.0)),
        (nn.GELU("tanh"), F.gelu(x, "tanh")), (nn.SiLU(), F.silu(x)), (nn.Sigmoid(), F.sigmoid(x)),
        (nn.Tanh(), F.tanh(x)), (nn.Softplus(2.0, 1.0), F.softplus(x, 2.0, 1.0)), (nn.Softmax(1), F.softmax(x, 1)),
        (nn.LogSoftmax(0), F.log_softmax(x, 0)), (nn.Softmin(1), F.softmax(-x, 1)), (nn.GLU(0), x[:2] * F.sigmoid(x[2:])),
    ]  # fmt: skip
    assert [type(m).__name__ for m, out in pairs if m(x).tolist() != out.tolist()] == []
    losses = [
        (nn.MSELoss("sum"), F.mse_loss(x, t, "sum"), t), (nn.L1Loss(), F.l1_loss(x, t), t),
        (nn.SmoothL1Loss(beta=0.5), F.smooth_l1_loss(x, t, beta=0.5), t),
        (nn.HuberLoss(delta=0.5), F.huber_loss(x, t, delta=0.5), t),
        (nn.KLDivLoss("batchmean"), F.kl_div(x, t, "batchmean"), t),
        (nn.BCEWithLogitsLoss(), F.binary_cross_entropy_with_logits(x, t), t),
        (nn.CrossEntropyLoss(label_smoothing=0.1), F.cross_entropy(x, labels, label_smoothing=0.1), labels),
        (nn.NLLLoss(ignore_index=1), F.nll_loss(x, labels, ignore_index=1), labels),
    ]  # fmt: skip
    assert [type(m).__name__ for m, out, target in losses if m(x, target).tolist() != out.tolist()] == []
    assert all(callable(getattr(F, name)) for name in F.__all__)


# -- containers --------------------------------------------------------------------------------------------------------


def test_sequential_numbers_its_modules():
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    x = mg.randn(5, 4)
    assert net(x).tolist() == net[2](net[1](net[0](x))).tolist()
    assert (len(net), list(net)) == (3, [net[0], net[1], net[2]])
    assert net[-1] is net[2]
    assert net.append(nn.Tanh()) is net
    assert isinstance(net[3], nn.Tanh)
    tail = net[2:]
    assert isinstance(tail, nn.Sequential)
    assert list(tail.state_dict()) == ["2.weight", "2.bias"]
    assert tail[0] is net[2]
    assert len(net[4:]) == 0
    assert nn.Sequential()(x) is x


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_sequential_takes_names(kind):
    net = nn.Sequential(kind([("hidden", nn.Linear(2, 2)), ("squash", nn.Tanh())]))
    assert list(net.state_dict()) == ["hidden.weight", "hidden.bias"]
    assert net.hidden is net[0]
    net.append(nn.ReLU())
    assert [name for name, _ in net.named_children()] == ["hidden", "squash", "2"]
    one = nn.Sequential({"1": nn.ReLU()}).append(nn.Tanh())
    assert [type(m) for m in one] == [nn.ReLU, nn.Tanh]


def test_a_sequential_may_use_one_module_twice():
    layer = nn.Linear(2, 2)
    x = mg.randn(3, 2)
    assert nn.Sequential(layer, layer)(x).tolist() == layer(layer(x)).tolist()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Sequential([nn.ReLU()]), TypeError, r"got a list.*Sequential\(\*list\)"),
        (lambda: nn.Sequential(F.relu), TypeError, r"expected a Module.*nn.ReLU\(\)"),
        (lambda: nn.Sequential({"a.b": nn.ReLU()}), TypeError, "a string without dots"),
        (lambda: nn.Sequential({"forward": nn.ReLU()}), KeyError, "Sequential has no other use for"),
        (lambda: nn.Sequential({0: nn.ReLU()}), TypeError, "name: got 0"),
        (lambda: nn.Sequential(nn.ReLU())[1], IndexError, "argument index: got 1, expected an int from -1 to 0"),
        (lambda: nn.Sequential(nn.ReLU()).append(F.relu), TypeError, "expected a Module"),
    ],
)
def test_what_sequential_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


# -- a whole training --------------------------------------------------------------------------------------------------


def train_on_digits(threads, epochs):
    """The loss of every step, and of the whole training set after each epoch; the share of test digits read rightly."""
    before = mg.get_num_threads()
    mg.set_num_threads(threads)
    try:
        mg.manual_seed(5)
        x, y = load_digits(return_X_y=True)
        x, x_test, y, y_test = (
            mg.tensor(a) for a in train_test_split(x / np.float32(16), y, test_size=0.25, random_state=2)
        )
        net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 10))
        criterion, optimizer = nn.CrossEntropyLoss(), optim.Adam(net.parameters(), lr=5e-3)
        losses = []
        for _ in range(epochs):
            for xb, yb in DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True):
                optimizer.zero_grad()
                loss = criterion(net(xb), yb)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            with mg.no_grad():
                losses.append(criterion(net.eval()(x), y).item())
            net.train()
        with mg.no_grad():
            right = net.eval()(x_test).argmax(1).numpy() == y_test.numpy()
        return losses, right.mean()
    finally:
        mg.set_num_threads(before)


def test_a_small_net_learns_to_read_digits_with_the_same_bits_each_time():
    losses, accuracy = train_on_digits(threads=1, epochs=10)
    assert accuracy > 0.95
    assert np.mean(losses[-20:]) < np.mean(losses[:20]) / 10
    assert train_on_digits(threads=1, epochs=10) == (losses, accuracy)
    first_epochs, _ = train_on_digits(threads=2, epochs=2)
    assert first_epochs == losses[: len(first_epochs)]
