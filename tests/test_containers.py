"""Containers: what they hold, under which names, in which order; as PyTorch's, where it is installed."""

import copy
import pickle
from collections import OrderedDict

import pytest

import minigrad as mg
from minigrad import nn, optim


def names(module):
    return list(module.state_dict())


def kinds(modules):
    return [type(m).__name__ for m in modules]


# -- the same programs, here and in PyTorch ----------------------------------------------------------------------------


def edited_sequential(library):
    net = library.Sequential(library.Linear(4, 3), library.ReLU(), library.Linear(3, 3), library.Tanh())
    net.append(library.Linear(3, 2)).insert(1, library.SiLU())
    net.extend([library.ELU(), library.Linear(2, 2)])
    del net[2]
    del net[-3:-1]
    net[0] = library.Linear(4, 3, bias=False)
    net += library.Sequential(library.Linear(2, 1))
    yield net
    yield net[1:4]
    yield net + net[:2]
    yield 2 * net[:2]
    yield net.pop(2)
    net *= 2
    yield net
    yield library.Sequential(library.Sequential(library.Linear(1, 1)), library.Sequential())


def named_sequential(library):
    net = library.Sequential(OrderedDict([("hidden", library.Linear(2, 3)), ("squash", library.Tanh())]))
    yield net
    yield net[:1]
    net[1] = library.ReLU()
    yield net
    net.append(library.Linear(3, 1))
    yield net
    del net[0]
    yield net


def edited_list(library):
    layers = library.ModuleList(library.Linear(2, 2) for _ in range(3))
    layers.append(library.ReLU()).insert(0, library.Linear(2, 2, bias=False))
    layers.extend([library.ReLU(), library.Linear(2, 2), library.Sequential(library.Tanh())])
    yield layers
    yield layers[1:-1]
    yield layers + library.ModuleList([library.Linear(1, 1)])
    yield layers.pop(0)
    del layers[1:3]
    layers[-1] = library.Linear(5, 5)
    layers += [library.Tanh()]
    yield layers
    yield library.ModuleList()
    yield library.Sequential(library.ModuleList([library.ReLU(), library.ReLU()]))


def edited_dict(library):
    heads = library.ModuleDict({"left": library.Linear(2, 1), "right": library.Tanh()})
    heads["more"] = library.Linear(2, 2)
    heads.update([("right", library.Linear(2, 3)), ("last", library.ReLU())])
    heads.update(library.ModuleDict({"nested": library.Sequential(library.Linear(1, 1))}))
    yield heads
    yield heads.pop("more")
    del heads["last"]
    yield heads
    heads.clear()
    yield heads


PROGRAMS = (edited_sequential, named_sequential, edited_list, edited_dict)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_containers_print_and_save_as_in_pytorch(program):
    torch = pytest.importorskip("torch")
    ours, theirs = program(nn), program(torch.nn)
    for one, other in zip(ours, theirs, strict=True):
        assert repr(one) == repr(other)
        assert names(one) == names(other)
        assert [n for n, _ in one.named_modules()] == [n for n, _ in other.named_modules()]


# -- in a row ----------------------------------------------------------------------------------------------------------


def test_a_list_of_modules_is_a_list():
    layers = nn.ModuleList([nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)])
    assert names(layers) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert len(layers) == 3
    assert list(layers) == [layers[0], layers[1], layers[-1]]
    assert layers[1] in layers
    assert nn.ReLU() not in layers
    first = layers[0]
    assert layers.insert(-1, nn.Tanh()) is layers
    assert kinds(layers) == ["Linear", "ReLU", "Tanh", "Linear"]
    assert layers.pop(2).__class__ is nn.Tanh
    assert (kinds(layers), names(layers)[-1]) == (["Linear", "ReLU", "Linear"], "2.bias")
    assert isinstance(layers[1:], nn.ModuleList)
    assert names(layers[2:]) == ["0.weight", "0.bias"]
    assert layers[:1][0] is first
    assert kinds(layers[:1] + layers[1:2]) == ["Linear", "ReLU"]
    assert len(layers) == 3


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 4), nn.Linear(4, 4)])
        self.heads = nn.ModuleDict({"a": nn.Linear(4, 2), "b": nn.Linear(4, 2)})
        self.scales = nn.ParameterList([mg.ones(4), nn.Parameter(mg.ones(1))])
        self.shifts = nn.ParameterDict({"x": mg.zeros(4)})

    def forward(self, x):
        for layer, scale in zip(self.layers, self.scales, strict=True):
            x = layer(x).tanh() * scale + self.shifts["x"]
        return self.heads["a"](x) - self.heads["b"](x)


def test_what_containers_hold_is_trained_copied_and_pickled():
    mg.manual_seed(0)
    net, x = Net(), mg.randn(5, 3)
    assert names(net) == [
        "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "heads.a.weight", "heads.a.bias",
        "heads.b.weight", "heads.b.bias", "scales.0", "scales.1", "shifts.x",
    ]  # fmt: skip
    before = {k: v.tolist() for k, v in net.state_dict().items()}
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    net(x).square().sum().backward()
    optimizer.step()
    assert [k for k, v in net.state_dict().items() if before[k] == v.tolist()] == []
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert names(twin) == names(net)
        assert twin(x).tolist() == net(x).tolist()
        assert twin.layers[0] is not net.layers[0]
    assert {p.dtype for p in net.double().parameters()} == {mg.float64}


@pytest.mark.parametrize("change", [
    lambda net: net.layers.__setitem__(0, nn.Linear(3, 4)),
    lambda net: net.layers.insert(1, nn.Linear(4, 4)),
    lambda net: net.layers.pop(),
    lambda net: net.heads.__setitem__("a", nn.Linear(4, 2)),
    lambda net: net.scales.__setitem__(0, mg.full((4,), 2.0)),
    lambda net: net.shifts.update({"x": mg.ones(4)}),
])  # fmt: skip
def test_a_captured_step_sees_what_changes_in_a_container(change):
    mg.manual_seed(0)
    net, x = Net(), mg.randn(5, 3)
    net.forward = lambda x: net.heads["a"](_through(net, x))
    step = mg.jit(lambda x: net(x).sum())
    for _ in range(3):
        assert step(x).item() == net(x).sum().item()
    change(net)
    assert step(x).item() == net(x).sum().item()


def _through(net, x):
    for layer, scale in zip(net.layers, net.scales, strict=False):
        x = layer(x) * scale
    return x + net.shifts["x"]


def test_sequential_is_repeated_with_the_same_modules():
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    x = mg.randn(3, 2)
    assert (net * 2)(x).tolist() == net(net(x)).tolist()
    assert (net * 2)[2] is net[0]
    assert len(net) == 2
    assert len(list((3 * net).parameters())) == 2


# -- parameters --------------------------------------------------------------------------------------------------------


def test_a_list_of_parameters():
    x = mg.zeros(2)
    weights = nn.ParameterList([x, nn.Parameter(mg.zeros(2, 3))])
    assert names(weights) == ["0", "1"]
    assert all(isinstance(p, nn.Parameter) for p in weights)
    x.fill_(4.0)
    assert weights[0].tolist() == [4.0, 4.0]
    weights.append(mg.ones(())).extend([mg.ones(1)])
    weights[0] = mg.ones(5)
    assert [tuple(p.shape) for p in weights] == [(5,), (2, 3), (), (1,)]
    assert isinstance(weights[:2], nn.ParameterList)
    assert repr(weights[:2]) == (
        "ParameterList(\n    (0): Parameter containing: [float32 of size 5]\n"
        "    (1): Parameter containing: [float32 of size 2x3]\n)"
    )
    assert weights.pop().shape == (1,)
    assert len(weights) == len(list(weights.parameters())) == 3
    weights += [mg.ones(2)]
    assert names(weights) == ["0", "1", "2", "3"]


def test_a_dict_of_parameters():
    weights = nn.ParameterDict({"a": mg.zeros(2), "b": nn.Parameter(mg.ones(1))})
    assert names(weights) == list(weights) == list(weights.keys()) == ["a", "b"]
    assert list(reversed(weights)) == ["b", "a"]
    assert ("a" in weights, "c" in weights, len(weights)) == (True, False, 2)
    assert weights.get("c") is None
    assert weights.get("c", 5) == 5
    assert weights.setdefault("a", mg.ones(9)) is weights["a"]
    assert weights.setdefault("c", mg.ones(3)).shape == (3,)
    assert dict(weights.items())["c"] is weights["c"] is list(weights.values())[-1]
    merged = weights | {"d": mg.ones(4)}
    assert list(merged) == ["a", "b", "c", "d"]
    assert merged["a"] is weights["a"]
    assert list({"z": mg.ones(1)} | weights) == ["z", "a", "b", "c"]
    weights |= nn.ParameterDict({"e": mg.ones(5)})
    assert weights.popitem()[0] == "e"
    assert weights.pop("a").shape == (2,)
    assert list(weights.copy()) == list(weights) == ["b", "c"]
    assert [p.tolist() for p in weights.fromkeys(["x", "y"], mg.ones(1)).values()] == [[1.0], [1.0]]
    assert repr(weights).startswith("ParameterDict(\n    (b): Parameter containing: [float32 of size 1]\n")
    weights.clear()
    assert (len(weights), list(weights.parameters())) == (0, [])


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.ModuleList(nn.ReLU()), TypeError, r"ModuleList.extend: argument values: got a ReLU, expected a list"),
        (lambda: nn.ModuleList([[nn.ReLU()]]), TypeError, "got a list, expected a Module. Lists of lists are ModuleLists"),
        (lambda: nn.ModuleList([mg.relu]), TypeError, r"expected a Module. Functions have module forms: nn.ReLU\(\)"),
        (lambda: nn.ModuleList([nn.ReLU()])[1], IndexError, "argument index: got 1, expected an int from -1 to 0"),
        (lambda: nn.ModuleList()[0], IndexError, "got 0, expected none, as it is empty"),
        (lambda: nn.ModuleList()["a"], TypeError, "argument index: got a str, expected an int or a slice"),
        (lambda: nn.ModuleList().pop(), IndexError, "argument index: got -1"),
        (lambda: nn.ModuleList()(mg.ones(1)), NotImplementedError, r"ModuleList has no forward\(\): it holds items"),
        (lambda: nn.ModuleDict({"a.b": nn.ReLU()}), TypeError, "a string without dots"),
        (lambda: nn.ModuleDict({1: nn.ReLU()}), TypeError, "argument name: got 1"),
        (lambda: nn.ModuleDict({"keys": nn.ReLU()}), KeyError, "ModuleDict has no other use for"),
        (lambda: nn.ModuleDict({"a": 3}), TypeError, "ModuleDict: argument a: got a int, expected a Module"),
        (lambda: nn.ModuleDict({"a": nn.ReLU()})["b"], KeyError, "got 'b', expected one of a"),
        (lambda: nn.ModuleDict().pop("b"), KeyError, "got 'b', expected one of none"),
        (lambda: nn.ModuleDict().update(3), TypeError, "ModuleDict.update: argument items: got a int"),
        (lambda: nn.ParameterList([1.0]), TypeError, "ParameterList: argument 0: got a float, expected a Parameter"),
        (lambda: nn.ParameterList(mg.ones(3)), TypeError, "argument values: got a Tensor, expected a list"),
        (lambda: nn.ParameterList([mg.tensor([1])]), TypeError, "got True for dtype int64, expected floats"),
        (lambda: nn.ParameterDict({"a": None}), TypeError, "ParameterDict: argument a: got a NoneType"),
        (lambda: nn.ParameterDict().popitem(), KeyError, "an empty ParameterDict"),
        (lambda: nn.Sequential(nn.ReLU()) * 0, ValueError, r"Sequential \* n: argument n: got 0"),
        (lambda: nn.Sequential().extend(nn.ReLU()), TypeError, "Sequential.extend: argument values: got a ReLU"),
    ],
)
def test_what_containers_refuse(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("change", [
    lambda c: c.extend([nn.Tanh(), 3]), lambda c: c.insert(0, 3), lambda c: c.append(3), lambda c: c.__setitem__(0, 3),
])  # fmt: skip
@pytest.mark.parametrize("kind", [nn.ModuleList, lambda layers: nn.Sequential(*layers)])
def test_a_refused_change_changes_nothing(kind, change):
    container = kind([nn.ReLU(), nn.Linear(1, 1)])
    before = list(container.named_modules())
    with pytest.raises(TypeError, match="expected a Module"):
        change(container)
    assert list(container.named_modules()) == before


def test_a_refused_update_changes_nothing():
    heads = nn.ModuleDict({"a": nn.ReLU()})
    with pytest.raises(TypeError, match="argument c: got a int"):
        heads.update({"b": nn.ReLU(), "c": 3})
    assert list(heads) == ["a"]
