"""nn.utils: clipping against PyTorch, in programs and by halves; penalties; parameters as a vector."""

import numpy as np
import pytest
from jit_steps import batches, bits, network

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import CaptureError, DTypeError, GradError, ShapeError
from minigrad.nn import utils

SHAPES = ((3, 4), (70_001,), (5,), ())
DTYPES = {"float32": mg.float32, "float64": mg.float64}


def parameters(*grads, dtype=None):
    """A parameter for each gradient; None is none."""
    made = []
    for g in grads:
        p = nn.Parameter(mg.zeros(*np.shape(g), dtype=dtype or mg.float32))
        p.grad = None if g is None else mg.tensor(g, dtype=p.dtype)
        made.append(p)
    return made


def drawn(dtype="float32"):
    rng = np.random.default_rng(0)
    return [np.asarray(rng.normal(size=shape), dtype) for shape in SHAPES]


def grads_of(params):
    return [p.grad.tolist() for p in params]


# -- beside PyTorch ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["float32", "float64"])
def pairs(request):
    """Parameters of PyTorch and of ours with the same gradients."""
    torch = pytest.importorskip("torch")
    theirs = []
    for g in drawn(request.param):
        p = torch.nn.Parameter(torch.zeros(g.shape, dtype=getattr(torch, request.param)))
        p.grad = torch.tensor(g.copy())
        theirs.append(p)
    return torch.nn.utils, theirs, parameters(*drawn(request.param), dtype=DTYPES[request.param])


def assert_alike(ours, theirs, rtol=1e-5):
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=rtol if p.dtype is mg.float32 else 1e-12)


@pytest.mark.parametrize("p", [1, 1.5, 2, 3.0, float("inf")])
@pytest.mark.parametrize("most", [0.5, 1e9, 0.0])
def test_clip_grad_norm(p, most, pairs, backend):
    torch_utils, theirs, ours = pairs
    want = torch_utils.clip_grad_norm_(theirs, most, p)
    got = utils.clip_grad_norm_(ours, most, p)
    assert got.shape == ()
    assert got.dtype is ours[0].dtype
    np.testing.assert_allclose(got.item(), want.item(), rtol=1e-5 if got.dtype is mg.float32 else 1e-12)
    assert_alike(ours, theirs)


def test_clip_grad_value(pairs, backend):
    torch_utils, theirs, ours = pairs
    torch_utils.clip_grad_value_(theirs, 0.75)
    utils.clip_grad_value_(ours, 0.75)
    assert_alike(ours, theirs, rtol=0)


def test_by_halves(pairs, backend):
    torch_utils, theirs, ours = pairs
    want = torch_utils.get_total_norm([p.grad for p in theirs])
    got = utils.get_total_norm([p.grad for p in ours])
    np.testing.assert_allclose(got.item(), want.item(), rtol=1e-6 if got.dtype is mg.float32 else 1e-12)
    torch_utils.clip_grads_with_norm_(theirs, 1.0, want)
    utils.clip_grads_with_norm_(ours, 1.0, got)
    assert_alike(ours, theirs)


def test_vectors_beside_pytorch(pairs):
    torch_utils, theirs, ours = pairs
    rng = np.random.default_rng(1)
    for p, q in zip(ours, theirs, strict=True):
        numbers = np.asarray(rng.normal(size=p.shape), str(p.dtype))
        p.data, q.data = mg.tensor(numbers), q.data.new_tensor(numbers)
    got, want = utils.parameters_to_vector(ours), torch_utils.parameters_to_vector(theirs)
    np.testing.assert_array_equal(got.detach().numpy(), want.detach().numpy())


# -- clipping ------------------------------------------------------------------------------------------------------------


def test_a_gradient_that_is_too_long(backend):
    params = parameters([3.0, 0.0], None, [[4.0]])
    norm = utils.clip_grad_norm_((p for p in params), 1.0)
    assert norm.item() == 5.0
    assert not norm.requires_grad
    assert params[1].grad is None
    np.testing.assert_allclose([*params[0].grad.tolist(), params[2].grad.item()], [0.6, 0.0, 0.8], rtol=1e-6)


def test_one_tensor_alone_and_none_at_all(backend):
    (p,) = parameters([3.0, -4.0])
    assert utils.clip_grad_norm_(p, 10.0).item() == 5.0
    assert p.grad.tolist() == [3.0, -4.0]
    utils.clip_grad_value_(p, 3.5)
    assert p.grad.tolist() == [3.0, -3.5]
    assert utils.clip_grad_norm_(parameters(None, None), 1.0).item() == 0.0
    assert utils.get_total_norm([]).item() == 0.0
    utils.clip_grad_value_(parameters(None), 1.0)


def test_float32_and_float64_make_one_norm(backend):
    params = [*parameters([3.0]), *parameters([4.0], dtype=mg.float64)]
    norm = utils.clip_grad_norm_(params, 2.5)
    assert (norm.item(), norm.dtype) == (5.0, mg.float64)
    np.testing.assert_allclose([p.grad.item() for p in params], [1.5, 2.0], rtol=1e-6)


def test_a_gradient_that_is_shared_is_scaled_once():
    a, b = parameters([3.0, 4.0], [0.0, 0.0])
    b.grad = a.grad
    assert utils.clip_grad_norm_([a, b], 2.5).item() == 5.0
    np.testing.assert_allclose(a.grad.tolist(), [1.5, 2.0], rtol=1e-6)


def test_a_gradient_that_is_not_contiguous_gives_way_to_a_copy():
    (p,) = parameters([[1.0, 2.0], [3.0, 4.0]])
    given = mg.tensor([[1.0, 3.0], [2.0, 4.0]])
    p.grad = given.T
    utils.clip_grad_value_(p, 2.5)
    assert p.grad.tolist() == [[1.0, 2.0], [2.5, 2.5]]
    assert given.tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_the_bits_do_not_depend_on_threads():
    found, before = set(), mg.get_num_threads()
    for threads in (1, 2, 3):
        mg.set_num_threads(threads)
        try:
            params = parameters(*drawn(), np.random.default_rng(3).normal(size=300_001))
            norm = utils.clip_grad_norm_(params, 1.0)
            utils.clip_grad_value_(params, 1e-3)
            found.add(repr(bits([norm, [p.grad for p in params]])))
        finally:
            mg.set_num_threads(before)
    assert len(found) == 1


def test_writes_are_noticed():
    """A gradient that a graph keeps must not change under it."""
    for clip in (lambda p: utils.clip_grad_norm_(p, 0.5), lambda p: utils.clip_grad_value_(p, 0.5)):
        p = nn.Parameter(mg.tensor([1.0, 2.0]))
        (p**3).sum().backward(create_graph=True)
        loss = (p.grad * p.grad).sum()
        clip(p)
        with pytest.raises(GradError, match="which clip_grad_(norm|value)_ has overwritten"):
            loss.backward()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_gradients_that_are_not_finite(bad, backend):
    params = parameters([1.0, bad], [2.0])
    with pytest.raises(GradError, match=r"clip_grad_norm_: got gradients whose norm of order 2.0 is (nan|inf).*detect_anomaly"):
        utils.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    np.testing.assert_array_equal(params[0].grad.numpy(), np.array([1.0, bad], "f4"))
    with pytest.raises(RuntimeError, match="get_total_norm: got gradients whose norm"):
        utils.get_total_norm([p.grad for p in params], error_if_nonfinite=True)
    with np.errstate(invalid="ignore"):
        utils.clip_grad_norm_(params, 1.0)
    assert np.isnan(params[0].grad.numpy()[1])
    assert utils.clip_grad_norm_(parameters([3.0]), 1.0, error_if_nonfinite=True).item() == 3.0


def test_an_empty_generator_is_warned_of():
    with pytest.warns(UserWarning, match="clip_grad_norm_: no parameters were given.*used up before"):
        utils.clip_grad_norm_(iter(()), 1.0)


BAD = [
    (lambda p: utils.clip_grad_norm_(nn.Linear(1, 1), 1.0), TypeError, "parameters: got a Linear, .* Write model.parameters"),
    (lambda p: utils.clip_grad_norm_(3, 1.0), TypeError, "parameters: got a int"),
    (lambda p: utils.clip_grad_norm_([p, 3], 1.0), TypeError, r"parameters\[1\]: got a int"),
    (lambda p: utils.clip_grad_norm_(p, "1"), TypeError, "max_norm: got a str"),
    (lambda p: utils.clip_grad_norm_(p, -1.0), ValueError, "max_norm: got -1.0"),
    (lambda p: utils.clip_grad_norm_(p, float("nan")), ValueError, "max_norm: got nan"),
    (lambda p: utils.clip_grad_norm_(p, 1.0, 0), ValueError, "norm_type: got 0"),
    (lambda p: utils.clip_grad_norm_(p, 1.0, "inf"), TypeError, "norm_type: got a str"),
    (lambda p: utils.clip_grad_value_(p, -1), ValueError, "clip_value: got -1"),
    (lambda p: utils.clip_grads_with_norm_(p, 1.0, 3.0), TypeError, "total_norm: got 3.0"),
    (lambda p: utils.clip_grads_with_norm_(p, 1.0, mg.ones(2)), TypeError, r"total_norm: got shape \(2,\) of float32"),
    (lambda p: utils.get_total_norm([mg.tensor([1])]), DTypeError, r"tensors\[0\]: got dtype int64"),
    (lambda p: utils.l1_penalty([], 1.0), ValueError, "l1_penalty: argument parameters: got none"),
    (lambda p: utils.l2_penalty(p, -1.0), ValueError, "l2_penalty: argument weight: got -1.0"),
    (lambda p: utils.parameters_to_vector([]), ValueError, "parameters: got none"),
    (lambda p: utils.vector_to_parameters([1.0], p), TypeError, "vec: got a list"),
    (lambda p: utils.vector_to_parameters(mg.ones(3), p), ShapeError, r"vec: got shape \(3,\), expected \(2,\)"),
    (lambda p: utils.vector_to_parameters(mg.ones(2, dtype=mg.float64), p), DTypeError, "vec: got dtype float64"),
]  # fmt: skip


@pytest.mark.parametrize(("do", "kind", "text"), BAD)
def test_bad_arguments(do, kind, text):
    (p,) = parameters([3.0, 4.0])
    with pytest.raises(kind, match=text):
        do(p)
    assert (p.tolist(), p.grad.tolist()) == ([0.0, 0.0], [3.0, 4.0])


# -- programs ------------------------------------------------------------------------------------------------------------


def train(compiled, clip, accumulate=False):
    net = network()
    optimizer, criterion = optim.SGD(net.parameters(), lr=0.5, momentum=0.9), nn.CrossEntropyLoss()

    def step(x, y):
        optimizer.zero_grad(set_to_none=not accumulate)
        loss = criterion(net(x), y)
        loss.backward()
        norm = clip(net)
        optimizer.step()
        return loss if norm is None else (loss, norm)

    run = mg.jit(step) if compiled else step
    found = [run(mg.tensor(x), mg.tensor(y)) for x, y in batches(20)]
    return bits([found, list(net.parameters()), [p.grad for p in net.parameters()]]), run


CLIPS = {
    "norm": lambda net: utils.clip_grad_norm_(net.parameters(), 0.3),
    "norm of order 3": lambda net: utils.clip_grad_norm_(net.parameters(), 0.3, 3.0),
    "largest": lambda net: utils.clip_grad_norm_(net.parameters(), 0.05, float("inf")),
    "value": lambda net: utils.clip_grad_value_(net.parameters(), 0.02),
    "layers apart": lambda net: [utils.clip_grad_norm_(layer.parameters(), 0.1) for layer in (net[0], net[3], net[5])],
}


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
def test_a_captured_step_has_the_same_bits(clip, isa):
    eager, _ = train(False, clip)
    captured, step = train(True, clip)
    assert captured == eager
    assert len(step.programs) == 1
    assert any(call.kernel.name.startswith("grads_") for call in step.programs[0].steps)
    assert train(False, lambda net: None)[0][1] != eager[1]


def test_gradients_of_before_the_step_are_clipped_too():
    def course(compiled):
        p = nn.Parameter(mg.tensor([1.0, -2.0, 3.0]))
        p.grad = mg.tensor([0.5, 0.5, 0.5])

        def step(x):
            (p * x).sum().backward()
            return utils.clip_grad_norm_([p], 1.0)

        run = mg.jit(step) if compiled else step
        return bits([[run(mg.tensor([1.0, 2.0, float(i)])) for i in range(5)], p.grad])

    assert course(True) == course(False)


def test_what_reads_the_norm_is_refused_in_a_program():
    (p,) = parameters([0.0, 0.0])

    @mg.jit
    def step(x):
        (p * x).sum().backward()
        return utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)

    with pytest.raises(CaptureError, match="item reads a value at .*Read values from what the step returns"):
        step(mg.ones(2))


# -- penalties -----------------------------------------------------------------------------------------------------------


def test_penalties_of_weights_alone(backend):
    net = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 1))
    with mg.no_grad():
        for p, numbers in zip(net.parameters(), ([[1.0, -2.0]], [10.0], [[-3.0]], [20.0]), strict=True):
            p.copy_(mg.tensor(numbers))
    assert utils.l1_penalty(net, 0.5).item() == 0.5 * 6
    assert utils.l2_penalty(net, 0.5).item() == 0.5 * 14
    assert utils.l1_penalty(net, 0.5, biases=True).item() == 0.5 * 36
    assert utils.l2_penalty(net.parameters(), 0.5).item() == 0.5 * 514
    assert utils.l2_penalty(net[1].bias, 2).item() == 800
    (utils.l1_penalty(net, 0.5) + utils.l2_penalty(net, 0.25)).backward()
    assert net[0].weight.grad.tolist() == [[0.5 + 0.5, -0.5 - 1.0]]
    assert net[1].weight.grad.tolist() == [[-0.5 - 1.5]]
    assert net[0].bias.grad is None


def test_l2_is_weight_decay():
    courses = []
    for decay in (0.0, 0.1):
        p = nn.Parameter(mg.tensor([1.0, -2.0], dtype=mg.float64))
        optimizer = optim.SGD([p], lr=0.1, momentum=0.9, weight_decay=decay)
        for _ in range(5):
            optimizer.zero_grad()
            loss = (p**4).sum() if decay else (p**4).sum() + utils.l2_penalty(p, 0.05)
            loss.backward()
            optimizer.step()
        courses.append(p.tolist())
    np.testing.assert_allclose(*courses, rtol=1e-12)


def test_a_penalty_within_a_program():
    def course(compiled):
        net = network()
        optimizer = optim.SGD(net.parameters(), lr=0.1)

        def step(x, y):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x), y) + utils.l1_penalty(net, 1e-3) + utils.l2_penalty(net, 1e-2)
            loss.backward()
            optimizer.step()
            return loss

        run = mg.jit(step) if compiled else step
        return bits([[run(mg.tensor(x), mg.tensor(y)) for x, y in batches(20)], list(net.parameters())])

    assert course(True) == course(False)


# -- vectors -------------------------------------------------------------------------------------------------------------


def test_there_and_back(backend):
    net = nn.Linear(3, 2)
    vector = utils.parameters_to_vector(net.parameters())
    assert vector.tolist() == [*net.weight.detach().numpy().ravel(), *net.bias.tolist()]
    new = mg.arange(8, dtype=mg.float32)
    memory = net.weight.array
    utils.vector_to_parameters(new, net.parameters())
    assert net.weight.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert net.bias.tolist() == [6.0, 7.0]
    assert net.weight.array is memory  # so optimizers and programs that know it need not be made anew
    assert net.weight.requires_grad
    assert net.weight.is_leaf
    new.zero_()
    assert net.bias.tolist() == [6.0, 7.0]


def test_a_vector_is_differentiable():
    net = nn.Linear(2, 1)
    (utils.parameters_to_vector(net.parameters()) * mg.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert grads_of(net.parameters()) == [[[1.0, 2.0]], [3.0]]


# -- modes ---------------------------------------------------------------------------------------------------------------


def test_modes_are_switched_for_a_while_and_put_back():
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    net[1].eval()
    for modules, inner in ((net, [True] * 3), ([net, net[1]], [True, True, True])):
        with utils.in_mode(modules, True):
            assert [m.training for m in net.modules()] == inner
        assert [m.training for m in net.modules()] == [True, True, False]
    with pytest.raises(ShapeError, match="^linear"), utils.in_mode([net[1]], training=True):
        net(mg.ones(3))
    assert [m.training for m in net.modules()] == [True, True, False]


# -- sequences -----------------------------------------------------------------------------------------------------------


def test_sequences_of_different_lengths_in_one_tensor():
    given = [mg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True), mg.tensor([[5.0, 6.0]])]
    out = nn.utils.rnn.pad_sequence(given, batch_first=True, padding_value=-1.0)
    assert out.tolist() == [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [-1.0, -1.0]]]
    (out * mg.arange(8.0).reshape(2, 2, 2)).sum().backward()
    assert given[0].grad.tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert nn.utils.rnn.pad_sequence([mg.tensor([1, 2, 3]), mg.tensor([4])]).tolist() == [[1, 4], [2, 0], [3, 0]]
    assert nn.utils.rnn.pad_sequence([mg.ones(0, 2), mg.ones(3, 2)]).shape == (3, 2, 2)


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ([], ShapeError, "pad_sequence: argument sequences: got none"),
        ([mg.ones(2), [1.0]], TypeError, r"sequences\[1\]: got a list, expected a tensor"),
        ([mg.ones(2, 3), mg.ones(2, 4)], ShapeError, r"sequences\[1\]: got shape \(2, 4\), expected \(length, 3\), as the first has"),
        ([mg.tensor(1.0)], ShapeError, r"sequences\[0\]: got shape \(\), expected \(length\)"),
    ],
)
def test_what_is_no_list_of_sequences(given, error, text):
    with pytest.raises(error, match=text):
        nn.utils.rnn.pad_sequence(given)


def test_packing_is_out_of_scope():
    with pytest.raises(AttributeError, match="tell the padding by a mask"):
        nn.utils.rnn.pack_padded_sequence  # noqa: B018
