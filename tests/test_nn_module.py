"""Modules: how parameters are found, saved, moved and printed."""

import copy
import pickle

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from minigrad.errors import DTypeError, MinigradError


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
    for call, error, text in (
        (lambda: module.register_buffer("table", [1.0]), TypeError, "argument table: got a list, expected a tensor or None"),
        (lambda: module.register_buffer("a.b", mg.zeros(1)), TypeError, "argument name: got 'a.b', expected a string without dots"),
        (lambda: module.register_buffer("weight", mg.zeros(1)), TypeError, "argument weight: got a plain tensor"),
        (lambda: module.register_buffer("forward", mg.zeros(1)), KeyError, "got 'forward', expected a name that Linear has no other use"),
        (lambda: module.register_parameter("plain", mg.zeros(1)), TypeError, "argument plain: got a Tensor, expected an nn.Parameter"),
        (lambda: module.register_parameter("inner", nn.Parameter(mg.zeros(1))), KeyError, "register_parameter: argument name: got 'inner'"),
        (lambda: module.add_module("forward", nn.ReLU()), KeyError, "add_module: argument name: got 'forward'"),
        (lambda: module.add_module("", nn.ReLU()), TypeError, "add_module: argument name: got '', expected a string"),
        (lambda: module.add_module("function", F.relu), TypeError, "argument function: got a function, expected a Module"),
    ):  # fmt: skip
        with pytest.raises(error, match=text):
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


@pytest.mark.parametrize(
    ("make", "call"),
    [
        (lambda x: nn.ReLU(x), "nn.ReLU()(x)"),
        (lambda x: nn.Softmax(x), "nn.Softmax()(x)"),
        (lambda x: nn.Tanh(x), "nn.Tanh()(x)"),
        (lambda x: nn.Dropout(x), "nn.Dropout()(x)"),
        (lambda x: nn.Linear(x, 3), "nn.Linear()(x)"),
        (lambda x: nn.MSELoss(x, x), "nn.MSELoss()(input, target)"),
        (lambda x: nn.L1Loss(x), "nn.L1Loss()(input, target)"),
        (lambda x: nn.CrossEntropyLoss(x, x), "nn.CrossEntropyLoss()(input, target)"),
        (lambda x: nn.BCELoss(x, x), "nn.BCELoss()(input, target)"),
        (lambda x: nn.BCEWithLogitsLoss(x, x), "nn.BCEWithLogitsLoss()(input, target)"),
        (lambda x: nn.NLLLoss(x, x), "nn.NLLLoss()(input, target)"),
    ],
)
def test_a_layer_is_made_before_it_is_called(make, call):
    with pytest.raises(TypeError) as caught:
        make(mg.ones(2))
    assert f"got a tensor, expected options. Make it first, with its options if it has any, then call it: {call}." in str(caught.value)


def test_layers_that_take_tensors():
    w = mg.tensor([1.0, 3.0])
    assert nn.CrossEntropyLoss(w).weight is w
    assert nn.BCEWithLogitsLoss(w, "sum", w).pos_weight is w
    assert nn.MultiLabelSoftMarginLoss(w).weight is w

    class Scaled(nn.Module):
        def __init__(self, scale):
            super().__init__()
            self.scale = scale

    assert Scaled(w).scale is w


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


def test_what_stands_at_a_dotted_name():
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.BatchNorm1d(3)))
    assert net.get_submodule("") is net
    assert net.get_submodule("1.0") is net[1][0]
    assert net.get_parameter("0.bias") is net[0].bias
    assert net.get_buffer("1.0.running_mean") is net[1][0].running_mean
    tied = nn.Sequential(net[0], net[0])
    assert tied.get_parameter("1.weight") is net[0].weight
    with pytest.raises(AttributeError, match=r"get_submodule.*'2'.*a module of Sequential: '0', '1', '1\.0'"):
        net.get_submodule("2")
    with pytest.raises(AttributeError, match=r"get_parameter.*'0\.gain'.*'0\.weight', '0\.bias'"):
        net.get_parameter("0.gain")
    with pytest.raises(AttributeError, match=r"get_buffer.*a buffer of Linear: none"):
        net[0].get_buffer("mean")
