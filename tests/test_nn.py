"""Modules: how parameters are found, saved, moved and printed; layers; containers; and a whole training."""

import copy
import inspect
import math
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from minigrad.data import DataLoader, TensorDataset, train_test_split
from minigrad.datasets import load_digits
from minigrad.errors import AxisError, DTypeError, MinigradError, ShapeError


class Net(nn.Module):
    """Parameters and modules in every place where they are found."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.layers = [nn.Linear(4, 4), nn.Linear(4, 4, bias=False)]
        self.heads = {"left": nn.Linear(4, 1), "right": (nn.Linear(4, 1), nn.Tanh())}
        self.scale = nn.Parameter(mg.ones(4))
        self.shifts = [nn.Parameter(mg.zeros(4)), {"deep": nn.Parameter(mg.zeros(1))}]
        self.register_buffer("seen", mg.zeros(2))
        self.register_buffer("scratch", mg.zeros(1), persistent=False)
        self.register_buffer("absent", None)
        self.notes = [1.5, "text", None, {"key": 2}]
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        x = self.first(x)
        for layer, shift in zip(self.layers, (self.shifts[0], self.shifts[1]["deep"]), strict=True):
            x = self.drop(layer(x)).tanh() * self.scale + shift
        left, (right, squash) = self.heads["left"], self.heads["right"]
        return left(x) + squash(right(x))


NAMES = [
    "scale", "shifts.0", "shifts.1.deep", "first.weight", "first.bias", "layers.0.weight", "layers.0.bias",
    "layers.1.weight", "heads.left.weight", "heads.left.bias", "heads.right.0.weight", "heads.right.0.bias",
]  # fmt: skip


def numbers(module):
    """All parameters and buffers as arrays, to see whether anything has changed."""
    return {name: t.numpy().copy() for name, t in module.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


# -- finding parameters ------------------------------------------------------------------------------------------------


def test_parameters_are_found_in_attributes_lists_tuples_and_dicts():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [name for name, _ in net.named_parameters("net")] == [f"net.{name}" for name in NAMES]
    assert [name for name, _ in net.named_parameters(recurse=False)] == NAMES[:3]
    assert all(a is b for a, b in zip(net.parameters(), dict(net.named_parameters()).values(), strict=True))
    assert all(isinstance(p, nn.Parameter) and p.requires_grad and p.is_leaf for p in net.parameters())
    assert [name for name, _ in net.named_buffers()] == ["seen", "scratch"]
    assert len(list(net.buffers())) == 2


def test_all_of_them_are_trained():
    mg.manual_seed(1)
    net, x = Net().eval(), mg.randn(5, 3)
    before = numbers(net)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    net(x).sum().backward()
    optimizer.step()
    after = numbers(net)
    assert [name for name in NAMES if np.array_equal(before[name], after[name])] == []
    assert np.array_equal(before["seen"], after["seen"])


def test_what_is_assigned_later_is_found_and_what_is_taken_away_is_not():
    net = nn.Module()
    net.layers = []
    assert list(net.parameters()) == []
    net.layers.append(nn.Linear(2, 1))
    assert [name for name, _ in net.named_parameters()] == ["layers.0.weight", "layers.0.bias"]
    net.layers[0].bias = None
    assert [name for name, _ in net.named_parameters()] == ["layers.0.weight"]
    del net.layers
    assert list(net.parameters()) == []


def test_a_shared_module_is_one_module_under_all_its_names():
    shared = nn.Linear(2, 2)
    net = nn.Sequential(shared, nn.ReLU(), shared)
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias"]
    assert [name for name, _ in net.named_parameters(remove_duplicate=False)] == [
        "0.weight", "0.bias", "2.weight", "2.bias",
    ]  # fmt: skip
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert [name for name, _ in net.named_modules()] == ["", "0", "1"]
    assert [name for name, _ in net.named_modules(remove_duplicate=False)] == ["", "0", "1", "2"]
    assert list(net.children()) == [shared, net[1]]
    twice = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    assert repr(twice.load_state_dict(net.state_dict())) == "<All keys matched successfully>"
    assert same(numbers(twice), numbers(net))


def test_modules_that_know_their_parents_do_not_go_round_in_circles():
    outer, inner = nn.Module(), nn.Linear(1, 1)
    outer.inner, inner.outer = inner, outer
    assert [name for name, _ in outer.named_modules()] == ["", "inner"]
    assert [name for name, _ in inner.named_parameters(remove_duplicate=False)] == ["weight", "bias"]
    called = []
    outer.apply(called.append)
    assert called == [inner, outer]
    assert outer.eval().training is False is inner.training


def test_modules_and_children_are_walked_outermost_first():
    net = Net()
    names = ["first", "layers.0", "layers.1", "heads.left", "heads.right.0", "heads.right.1", "drop"]
    assert [name for name, _ in net.named_modules()] == ["", *names]
    assert [name for name, _ in net.named_children()] == names
    assert next(net.modules()) is net
    assert list(net.children()) == list(net.modules())[1:]


def test_apply_goes_from_the_inside_to_the_outside():
    net = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU(), nn.Tanh()))
    order = []
    assert net.apply(lambda m: order.append(type(m).__name__)) is net
    assert order == ["Linear", "ReLU", "Tanh", "Sequential", "Sequential"]


def test_a_plain_tensor_does_not_silently_replace_a_parameter():
    layer = nn.Linear(2, 1)
    weight = layer.weight
    with pytest.raises(TypeError, match=r"Linear: argument weight: got a plain tensor.*nn.Parameter"):
        layer.weight = mg.zeros(1, 2)
    assert layer.weight is weight
    layer.weight = nn.Parameter(mg.zeros(1, 2))
    layer.bias = None
    assert layer(mg.ones(3, 2)).tolist() == [[0.0]] * 3


def test_what_is_registered_must_fit():
    module = nn.Linear(2, 1)
    module.register_parameter("extra", nn.Parameter(mg.zeros(1)))
    module.add_module("inner", nn.ReLU())
    module.register_buffer("count", mg.zeros(1))
    module.register_buffer("count", mg.ones(1))
    assert [name for name, _ in module.named_parameters()] == ["weight", "bias", "extra"]
    for call, error in (
        (lambda: module.register_buffer("table", [1.0]), TypeError),
        (lambda: module.register_buffer("a.b", mg.zeros(1)), TypeError),
        (lambda: module.register_buffer("weight", mg.zeros(1)), None),
        (lambda: module.register_buffer("forward", mg.zeros(1)), KeyError),
        (lambda: module.register_parameter("plain", mg.zeros(1)), TypeError),
        (lambda: module.register_parameter("inner", nn.Parameter(mg.zeros(1))), KeyError),
        (lambda: module.add_module("forward", nn.ReLU()), KeyError),
        (lambda: module.add_module("", nn.ReLU()), TypeError),
        (lambda: module.add_module("function", F.relu), TypeError),
    ):
        with pytest.raises(error or TypeError):
            call()
    assert sorted(module.state_dict()) == ["bias", "count", "extra", "weight"]


# -- modes and gradients -----------------------------------------------------------------------------------------------


def test_train_and_eval_reach_every_module():
    net = Net()
    assert all(m.training for m in net.modules())
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert net.train() is net
    assert all(m.training for m in net.modules())
    net.train(False)
    assert not net.drop.training
    with pytest.raises(ValueError, match="train: argument mode: got 1, expected True or False"):
        net.train(1)


def test_zero_grad_forgets_gradients_or_makes_them_zero():
    net = nn.Linear(2, 1)
    net.zero_grad()
    net(mg.ones(3, 2)).sum().backward()
    assert net.weight.grad.tolist() == [[3.0, 3.0]]
    net.zero_grad(set_to_none=False)
    assert net.weight.grad.tolist() == [[0.0, 0.0]]
    net.zero_grad()
    assert net.weight.grad is None
    net.zero_grad(set_to_none=False)
    assert net.weight.grad is None


def test_requires_grad_freezes_all_parameters():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    assert net[0].requires_grad_(False) is net[0]
    net(mg.ones(1, 2)).sum().backward()
    assert [p.grad is None for p in net.parameters()] == [True, True, False, False]


def test_to_changes_the_type_and_keeps_the_objects():
    net = Net()
    before, values = list(net.parameters()), numbers(net)
    net.first.weight.grad = mg.ones(4, 3)
    assert net.double() is net
    assert all(a is b for a, b in zip(before, net.parameters(), strict=True))
    assert {t.dtype for t in net.state_dict().values()} == {mg.float64}
    assert net.first.weight.grad.dtype == mg.float64
    assert net.eval()(mg.zeros(2, 3, dtype=mg.float64)).dtype == mg.float64
    assert same(numbers(net.float()), values)
    memory = net.scale.detach().numpy()
    assert np.shares_memory(net.to("cpu").to(mg.float32).to(mg.zeros(1)).scale.detach().numpy(), memory)
    with pytest.raises(DTypeError, match="expected float32 or float64"):
        net.to(mg.int64)


def test_deepcopy_and_pickle_keep_what_a_module_is():
    mg.manual_seed(2)
    net = Net().eval()
    net.tied = net.first
    x = mg.randn(4, 3)
    net(x).sum().backward()
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert same(numbers(twin), numbers(net))
        assert [name for name, _ in twin.named_parameters()] == NAMES
        assert twin.tied is twin.first
        assert twin.training is False
        assert isinstance(twin.scale, nn.Parameter)
        assert twin(x).tolist() == net(x).tolist()
        with mg.no_grad():
            twin.scale.fill_(7.0)
        assert net.scale.tolist() == [1.0] * 4
    grads = [p.grad.tolist() for p in copy.deepcopy(net).parameters()]
    assert grads == [p.grad.tolist() for p in net.parameters()]
    frozen = pickle.loads(pickle.dumps(nn.Linear(1, 1).requires_grad_(False)))
    assert [p.requires_grad for p in frozen.parameters()] == [False, False]


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match=r"Module has no forward\(\)"):
        nn.Module()(mg.zeros(1))
    with pytest.raises(TypeError, match=r"Module.__init__ takes no arguments"):
        nn.Module(3)


def test_a_parameter_is_a_leaf_around_the_same_numbers():
    x = mg.ones(2, requires_grad=True)
    p = nn.Parameter(x * 2)
    assert p.is_leaf
    assert p.requires_grad
    assert isinstance(p, mg.Tensor)
    assert repr(p) == "Parameter containing:\ntensor([2., 2.], requires_grad=True)"
    data = mg.zeros(3)
    frozen = nn.Parameter(data, requires_grad=False)
    assert not frozen.requires_grad
    data[0] = 5.0
    assert frozen.tolist() == [5.0, 0.0, 0.0]
    with pytest.raises(DTypeError, match="Parameter: argument data: got a list"):
        nn.Parameter([1.0])
    with pytest.raises(DTypeError, match="dtype int64"):
        nn.Parameter(mg.tensor([1, 2]))


# -- saving ------------------------------------------------------------------------------------------------------------


def test_state_dict_holds_parameters_and_persistent_buffers():
    net = Net()
    state = net.state_dict()
    assert sorted(state) == sorted([*NAMES, "seen"])
    assert not any(t.requires_grad for t in state.values())
    state["scale"].fill_(3.0)
    assert net.scale.tolist() == [3.0] * 4


def test_load_state_dict_copies_numbers():
    source, target = Net(), Net()
    target.first.weight.grad = mg.ones(4, 3)
    memory = target.scale.detach().numpy()
    state = {k: v.double() for k, v in source.state_dict().items()}
    keys = target.load_state_dict(state)
    assert repr(keys) == "<All keys matched successfully>"
    assert (keys.missing_keys, keys.unexpected_keys) == ([], [])
    assert same(numbers(target), numbers(source))
    assert {t.dtype for t in target.state_dict().values()} == {mg.float32}
    assert np.shares_memory(target.scale.detach().numpy(), memory)
    assert target.first.weight.requires_grad
    state["scale"].fill_(9.0)
    assert target.scale.tolist() == [1.0] * 4
    target.load_state_dict(numbers(source))
    assert target.load_state_dict({"seen": mg.tensor([1, 2])}, strict=False).unexpected_keys == []
    assert target.seen.tolist() == [1.0, 2.0]


def test_load_state_dict_reports_names_that_do_not_match():
    net = nn.Linear(2, 1)
    keys = net.load_state_dict({"weight": mg.ones(1, 2), "scale": mg.ones(1)}, strict=False)
    assert (keys.missing_keys, keys.unexpected_keys) == (["bias"], ["scale"])
    assert tuple(keys) == (["bias"], ["scale"])
    assert repr(keys) == "_IncompatibleKeys(missing_keys=['bias'], unexpected_keys=['scale'])"
    assert net.weight.tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bias": None}, r"Missing key\(s\): bias"),
        ({"extra": mg.ones(1), "more": mg.ones(1)}, r"Unexpected key\(s\): extra, more"),
        ({"bias": mg.ones(2)}, r"bias: got shape \(2,\), expected \(1,\)"),
        ({"bias": mg.ones(1, 1), "extra": mg.ones(1)}, r"Unexpected key\(s\): extra; bias: got shape \(1, 1\)"),
        ({"bias": [1.0]}, "bias: got a list, expected a tensor"),
        ({"bias": np.array(["a"])}, "bias: got dtype <U1, expected float32"),
        ({"bias": np.array([1j])}, "bias: got dtype complex128, expected float32"),
    ],
)
@pytest.mark.parametrize("assign", [False, True])
def test_a_state_dict_that_does_not_fit_changes_nothing(change, message, assign):
    net = nn.Linear(2, 1)
    before = numbers(net)
    state = {"weight": mg.ones(1, 2), "bias": mg.ones(1), **change}
    state = {k: v for k, v in state.items() if v is not None}
    with pytest.raises(RuntimeError, match=message) as raised:
        net.load_state_dict(state, assign=assign)
    assert isinstance(raised.value, MinigradError)
    assert same(numbers(net), before)


def test_other_shapes_are_an_error_even_where_names_may_differ():
    net = nn.Linear(2, 1)
    before = numbers(net)
    with pytest.raises(RuntimeError, match=r"weight: got shape \(2, 1\), expected \(1, 2\)"):
        net.load_state_dict({"weight": mg.ones(2, 1), "other": mg.ones(1)}, strict=False)
    assert same(numbers(net), before)
    with pytest.raises(TypeError, match="load_state_dict: argument state_dict: got a list"):
        net.load_state_dict([mg.ones(1, 2)])


def test_assigning_takes_the_arrays_with_their_type():
    net = nn.Linear(2, 1)
    weight, state = net.weight, {"weight": mg.ones(1, 2, dtype=mg.float64), "bias": mg.zeros(1, dtype=mg.float64)}
    net.load_state_dict(state, assign=True)
    assert net.weight is weight
    assert weight.dtype == mg.float64
    state["weight"].fill_(4.0)
    assert weight.tolist() == [[4.0, 4.0]]
    with pytest.raises(RuntimeError, match="weight: got dtype int64, expected float64"):
        net.load_state_dict({"weight": mg.tensor([[1, 2]])}, strict=False, assign=True)


# -- printing ----------------------------------------------------------------------------------------------------------


def test_repr_shows_the_structure():
    assert repr(Net()) == (
        "Net(\n"
        "  (first): Linear(in_features=3, out_features=4, bias=True)\n"
        "  (layers.0): Linear(in_features=4, out_features=4, bias=True)\n"
        "  (layers.1): Linear(in_features=4, out_features=4, bias=False)\n"
        "  (heads.left): Linear(in_features=4, out_features=1, bias=True)\n"
        "  (heads.right.0): Linear(in_features=4, out_features=1, bias=True)\n"
        "  (heads.right.1): Tanh()\n"
        "  (drop): Dropout(p=0.5, inplace=False)\n"
        ")"
    )
    assert repr(nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh()))) == (
        "Sequential(\n  (0): ReLU()\n  (1): Sequential(\n    (0): Tanh()\n  )\n)"
    )

    class Noted(nn.Sequential):
        def extra_repr(self):
            return "two\nlines"

    assert repr(Noted(nn.ReLU())) == "Noted(\n  two\n  lines\n  (0): ReLU()\n)"
    assert repr(Noted()) == "Noted(\n  two\n  lines\n)"
    relu = nn.ReLU()
    assert repr(nn.Sequential(relu, relu)) == "Sequential(\n  (0): ReLU()\n  (1): ReLU()\n)"


REPRS = {
    "BCELoss()": nn.BCELoss(), "BCEWithLogitsLoss()": nn.BCEWithLogitsLoss(),
    "CrossEntropyLoss()": nn.CrossEntropyLoss(), "Dropout(p=0.1, inplace=False)": nn.Dropout(0.1),
    "ELU(alpha=1.0)": nn.ELU(), "Flatten(start_dim=1, end_dim=-1)": nn.Flatten(),
    "GELU(approximate='none')": nn.GELU(), "HuberLoss()": nn.HuberLoss(), "Identity()": nn.Identity(54, unused=True),
    "KLDivLoss()": nn.KLDivLoss(), "L1Loss()": nn.L1Loss(), "LeakyReLU(negative_slope=0.01)": nn.LeakyReLU(),
    "Linear(in_features=2, out_features=3, bias=True)": nn.Linear(2, 3), "LogSoftmax(dim=1)": nn.LogSoftmax(dim=1),
    "MSELoss()": nn.MSELoss(), "NLLLoss()": nn.NLLLoss(), "ReLU()": nn.ReLU(), "Sequential()": nn.Sequential(),
    "SiLU()": nn.SiLU(), "Sigmoid()": nn.Sigmoid(), "SmoothL1Loss()": nn.SmoothL1Loss(),
    "Softmax(dim=-1)": nn.Softmax(-1), "Softplus(beta=1.0, threshold=20.0)": nn.Softplus(), "Tanh()": nn.Tanh(),
}  # fmt: skip


def test_every_module_prints_as_in_pytorch():
    assert [repr(module) for module in REPRS.values()] == list(REPRS)
    public = {getattr(nn, name) for name in nn.__all__ if inspect.isclass(getattr(nn, name))}
    assert public - {nn.Module, nn.Parameter} == {type(module) for module in REPRS.values()}


SIGNATURES = {
    nn.Linear: "in_features, out_features, bias=True, device=None, dtype=None",
    nn.Dropout: "p=0.5, inplace=False",
    nn.Flatten: "start_dim=1, end_dim=-1",
    nn.Sequential: "*modules",
    nn.ReLU: "inplace=False",
    nn.LeakyReLU: "negative_slope=0.01, inplace=False",
    nn.ELU: "alpha=1.0, inplace=False",
    nn.GELU: "approximate='none'",
    nn.SiLU: "inplace=False",
    nn.Softplus: "beta=1.0, threshold=20.0",
    nn.Softmax: "dim=None",
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
    signature = inspect.signature(function)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    assert str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty)) == (
        f"({SIGNATURES[function]})"
    )


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
    assert same(numbers(again), numbers(layer))
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
        (nn.LogSoftmax(0), F.log_softmax(x, 0)),
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
