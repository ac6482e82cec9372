"""State dicts: PyTorch's names, order, shapes and types for every module that has a state, loaded both ways."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn._module import LoadError

#: Modules with parameters or buffers, and a shape that they take.
MODULES = {
    "linear": (lambda m: m.Linear(4, 3), (2, 4)),
    "linear without bias": (lambda m: m.Linear(4, 3, bias=False), (2, 4)),
    "prelu": (lambda m: m.PReLU(3), (2, 3)),
    "sequential": (lambda m: m.Sequential(m.Linear(4, 5), m.ReLU(), m.Dropout(), m.Linear(5, 3), m.PReLU()), (2, 4)),
    "nested": (lambda m: m.Sequential(m.Sequential(m.Linear(4, 4), m.Tanh()), m.Sequential(m.Linear(4, 2))), (2, 4)),
    "network": (lambda m: network(m), (2, 4)),
}  # fmt: skip
#: What layers are made with, and a shape that they take.
LAYERS = {
    "Linear": ((4, 3), (2, 4)),
    "LayerNorm": ((4,), (2, 4)), "RMSNorm": ((4,), (2, 4)), "BatchNorm1d": ((4,), (3, 4)), "Embedding": ((10, 3), None),
    "Bilinear": ((3, 4, 2), None),
}  # fmt: skip


def network(library):
    """Parameters and buffers of its own, containers, a layer under two names, and a buffer that is not saved."""
    ours = library is nn
    tensor = mg.tensor if ours else pytest.importorskip("torch").tensor

    class Network(library.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("seen", tensor(0))
            self.shift = library.Parameter(tensor([0.5]))
            self.layers = library.ModuleList([library.Linear(4, 4), library.Linear(4, 4)])
            self.heads = library.ModuleDict({"b": library.Linear(4, 2), "a": library.Linear(4, 2, bias=False)})
            self.scales = library.ParameterList([library.Parameter(tensor([1.0, 2.0])), library.Parameter(tensor([3.0, 1.0]))])
            self.named = library.ParameterDict({"z": library.Parameter(tensor([0.1, 0.2]))})
            self.again = self.layers[0]
            self.register_buffer("scratch", tensor([1.0]), persistent=False)
            self.register_buffer("mask", tensor([True, False]))

        def forward(self, x):
            for layer in self.layers:
                x = layer(x).tanh() + self.shift
            return self.heads["a"](self.again(x)) * self.scales[0] + self.heads["b"](x) * self.scales[1] + self.named["z"]

    return Network()


def described(module):
    dtypes = {name: str(t.numpy().dtype) for name, t in module.state_dict().items()}
    return [(name, tuple(t.shape), dtypes[name]) for name, t in module.state_dict().items()]


def arrays(module):
    return {name: t.numpy() for name, t in module.state_dict().items()}


@pytest.fixture(params=MODULES)
def pair(request):
    torch = pytest.importorskip("torch")
    make, shape = MODULES[request.param]
    torch.manual_seed(1)
    return make(nn).eval(), make(torch.nn).eval(), np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_names_order_shapes_and_types_are_pytorchs(pair):
    ours, theirs, _ = pair
    assert described(ours) == described(theirs)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert [n for n, _ in ours.named_buffers()] == [n for n, _ in theirs.named_buffers()]


def test_states_load_both_ways_through_a_file(pair, tmp_path):
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    ours, theirs, x = pair
    path = tmp_path / "net.safetensors"

    def same():
        np.testing.assert_allclose(ours(mg.tensor(x)).tolist(), theirs(torch.tensor(x)).tolist(), rtol=1e-5, atol=1e-6)

    if hasattr(theirs, "again"):
        safetensors.save_model(theirs, path)
    else:
        safetensors.save_file(theirs.state_dict(), path)
    # save_model leaves out one of the two names of what is shared, so that it is missing here.
    shared = hasattr(theirs, "again")
    missing = ours.load_state_dict(mg.load(path), strict=not shared).missing_keys
    assert {name.removeprefix("again.").removeprefix("layers.0.") for name in missing} == ({"weight", "bias"} if shared else set())
    same()
    with mg.no_grad():
        for p in ours.parameters():
            p.mul_(0.5)
    mg.save(ours.state_dict(), path)
    theirs.load_state_dict(safetensors.load_file(path))
    same()
    assert {n: a.tolist() for n, a in arrays(ours).items()} == {n: a.tolist() for n, a in arrays(theirs).items()}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_have_pytorchs_states(name):
    torch = pytest.importorskip("torch")
    arguments, shape = LAYERS[name]
    ours, theirs = getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments)
    assert described(ours) == described(theirs)
    if shape:
        x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        theirs(torch.tensor(x))  # in training: statistics move
    assert repr(ours.load_state_dict(arrays(theirs))) == "<All keys matched successfully>"
    theirs.load_state_dict({n: torch.tensor(a) for n, a in arrays(ours).items()})
    if shape:
        ours, theirs = ours.eval(), theirs.eval()
        np.testing.assert_allclose(ours(mg.tensor(x)).tolist(), theirs(torch.tensor(x)).tolist(), rtol=1e-5, atol=1e-6)


# -- errors ------------------------------------------------------------------------------------------------------------


def test_all_that_does_not_fit_is_in_one_message():
    net = nn.Sequential(nn.Linear(2, 3), nn.PReLU(), nn.Linear(3, 1))
    state = {"0.weight": mg.ones(3, 5), "0.bias": [1.0], "2.weight": mg.ones(1, 3), "extra": mg.ones(1), "1.weight": mg.ones(2)}
    before = {name: a.copy() for name, a in arrays(net).items()}
    with pytest.raises(LoadError) as raised:
        net.load_state_dict(state)
    assert str(raised.value) == (
        "load_state_dict: the dict does not fit Sequential. Missing key(s): 2.bias; Unexpected key(s): extra; "
        "0.weight: got shape (3, 5), expected (3, 2); 0.bias: got a list, expected a tensor; "
        "1.weight: got shape (2,), expected (1,)."
    )
    assert all(np.array_equal(before[name], a) for name, a in arrays(net).items())
    with pytest.raises(LoadError, match=r"Sequential\. 0\.weight: got shape .*; 0\.bias: .*; 1\.weight: got shape \(2,\)"):
        net.load_state_dict(state, strict=False)


@pytest.mark.parametrize(
    ("around", "hint"),
    [
        (lambda s: {"model": s, "epoch": 3}, r"Its entry 'model' does: pass state_dict\['model'\]\.$"),
        (
            lambda s: {f"module.{n}": t for n, t in s.items()},
            r"All its names begin with 'module\.', .* pass \{name\.removeprefix\('module\.'\): t for name, t in",
        ),
        (lambda s: {"w": mg.ones(1)}, r"Unexpected key\(s\): w\.$"),
        (lambda s: {**s, 3: mg.ones(1)}, r"Unexpected key\(s\): 3\.$"),
    ],
)
def test_near_misses_get_a_remedy(around, hint):
    net = nn.Linear(2, 1)
    with pytest.raises(LoadError, match=hint):
        net.load_state_dict(around(net.state_dict()))
