"""Devices, as programs written for PyTorch name them: the CPU is taken everywhere, anything else is one error."""

import copy

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import DeviceError, DTypeError

CPU = mg.device("cpu")


def test_the_line_that_chooses_a_device():
    device = mg.device("cuda" if mg.cuda.is_available() else "cpu")
    assert (device, str(device), device.type, device.index) == (mg.device("cpu"), "cpu", "cpu", None)
    assert repr(device) == "device(type='cpu')"
    assert mg.device(device) == device
    assert device != "cpu"
    assert {device: 1}[mg.device("cpu:0")] == 1
    assert copy.deepcopy(device) == device
    assert mg.cuda.device_count() == 0


def test_the_lines_that_prepare_a_gpu_change_nothing():
    mg.manual_seed(3)
    mg.cuda.manual_seed(4)
    mg.cuda.manual_seed_all(5)
    mg.cuda.empty_cache()
    drawn = mg.rand(2)
    mg.manual_seed(3)
    assert mg.equal(mg.rand(2), drawn)


@pytest.mark.parametrize("cpu", ["cpu", "cpu:0", CPU, None])
def test_whatever_names_the_cpu_is_taken(cpu):
    made = [
        mg.tensor([1.0], device=cpu), mg.as_tensor([1.0], device=cpu), mg.empty(1, device=cpu), mg.zeros(1, device=cpu),
        mg.ones(1, device=cpu), mg.full((1,), 1.0, device=cpu), mg.arange(1.0, device=cpu), mg.eye(1, device=cpu),
        mg.linspace(0, 1, 1, device=cpu), mg.rand(1, device=cpu), mg.randn(1, device=cpu), mg.randperm(1, device=cpu),
        mg.randint(1, (1,), device=cpu),
    ]  # fmt: skip
    made += [f(made[0], device=cpu) for f in (mg.zeros_like, mg.ones_like)] + [mg.full_like(made[0], 1.0, device=cpu)]
    assert {x.device for x in made} == {CPU}
    x, layer = made[0], nn.Linear(1, 1, device=cpu)
    assert mg.Generator(device=cpu).offset == 0
    for thing in (x, layer):
        assert thing.to(device=cpu) is thing
        assert thing.to(cpu, non_blocking=True) is thing
        assert thing.cpu() is thing
    assert x.to(cpu, mg.float64).dtype == mg.float64
    assert x.to(device=cpu, dtype=mg.float64).dtype == mg.float64
    assert layer.to(cpu, mg.float64).weight.dtype == mg.float64


def test_to_takes_types_in_any_spelling():
    x = mg.ones(1)
    for dtype in (mg.float64, "float64", float, x.double().array.dtype.type, x.double()):
        assert x.to(dtype).dtype == mg.float64
    with pytest.raises(DTypeError, match=r"argument dtype: got 'flaot32', expected minigrad.float32"):
        x.to("flaot32")


@pytest.mark.parametrize("other", ["cuda", "cuda:1", "mps"])
@pytest.mark.parametrize(
    ("op", "use"),
    [
        ("device", lambda d: mg.device(d)),
        ("to", lambda d: mg.ones(1).to(d)),
        ("to", lambda d: mg.ones(1).to(device=d)),
        ("to", lambda d: mg.ones(1).to(d, mg.float64)),
        ("cuda", lambda d: mg.ones(1).cuda(d)),
        ("Module.to", lambda d: nn.Linear(1, 1).to(d)),
        ("Module.to", lambda d: nn.Linear(1, 1).to(device=d)),
        ("Module.cuda", lambda d: nn.Linear(1, 1).cuda(d)),
        ("Linear", lambda d: nn.Linear(1, 1, device=d)),
        ("tensor", lambda d: mg.tensor(1.0, device=d)),
        ("as_tensor", lambda d: mg.as_tensor(1.0, device=d)),
        ("empty", lambda d: mg.empty(1, device=d)),
        ("zeros_like", lambda d: mg.zeros_like(mg.ones(1), device=d)),
        ("ones", lambda d: mg.ones(1, device=d)),
        ("full", lambda d: mg.full((1,), 1.0, device=d)),
        ("arange", lambda d: mg.arange(1, device=d)),
        ("linspace", lambda d: mg.linspace(0, 1, 1, device=d)),
        ("eye", lambda d: mg.eye(1, device=d)),
        ("rand", lambda d: mg.rand(1, device=d)),
        ("randn", lambda d: mg.randn(1, device=d)),
        ("randint", lambda d: mg.randint(1, (1,), device=d)),
        ("randperm", lambda d: mg.randperm(1, device=d)),
        ("Generator", lambda d: mg.Generator(device=d)),
    ],
)
def test_any_other_device_is_one_error(op, use, other):
    with pytest.raises(DeviceError, match=rf"^{op}: argument (device|type): got '{other}', expected 'cpu'\. .*Delete"):
        use(other)


@pytest.mark.parametrize("make", [lambda: mg.ones(1), lambda: nn.Linear(1, 1)])
def test_cuda_without_a_number(make):
    thing = make()
    assert thing.cuda("cpu") is thing
    with pytest.raises(DeviceError, match=r"cuda: argument device: got 'cuda', expected 'cpu'.*is_available"):
        make().cuda()
    with pytest.raises(DeviceError, match="got 0, expected 'cpu'"):
        make().to(0)


def test_other_hardware_is_asked_for_in_the_other_ways():
    assert not mg.accelerator.is_available()
    assert mg.accelerator.current_accelerator() is None
    assert mg.accelerator.device_count() == 0
    assert not mg.backends.mps.is_available()
    assert not mg.backends.cuda.is_built()


def test_settings_that_have_one_choice():
    mg.backends.cudnn.deterministic, mg.backends.cudnn.benchmark = True, False
    mg.use_deterministic_algorithms(True)
    mg.set_default_device("cpu")
    mg.set_default_dtype(mg.float32)
    assert mg.get_default_dtype() is mg.float32
    with pytest.raises(DTypeError, match=r"set_default_dtype: argument d: got float64, expected float32.*model.double\(\)"):
        mg.set_default_dtype(mg.float64)
    with pytest.raises(DeviceError, match="set_default_device: argument device: got 'cuda'"):
        mg.set_default_device("cuda")
