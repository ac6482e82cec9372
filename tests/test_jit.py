"""Captured steps have the bits of eager ones; and what there is to see of their programs."""

import gc
import resource
import weakref
from itertools import product

import numpy as np
import pytest
from jit_steps import batches, bits, network, same_eager_and_captured

import minigrad as mg
from minigrad import _op, autograd, nn, optim
from minigrad.errors import CaptureError
from minigrad.testing import materialize

PRIMITIVES = [op for op in _op.registry.values() if isinstance(op, _op.Op)]
CASES = [pytest.param(op, s, id=f"{op.name}-{s!r}") for op in PRIMITIVES for s in op.samples()]


# -- the same bits -------------------------------------------------------------------------------------------------------


def by_numpy(op, sample):
    """Whether NumPy moves or computes the numbers: of an op that is no kernel, at an index of arrays, in the derivative of
    nll_loss_bwd, and in those of products, which ask whether a factor is 0."""
    index = sample.keywords.get("index", ())
    arrays = any(isinstance(part, np.ndarray) for part in (index if isinstance(index, tuple) else (index,)))
    kernel = op.forward.__module__.startswith(("minigrad._kernels", "minigrad._array", "minigrad.ops.layout"))
    return arrays or not kernel or op.name in ("nll_loss_bwd", "prod", "cumprod")


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
@pytest.mark.parametrize(("op", "sample"), CASES)
def test_every_record_and_its_gradient(op, sample, dtype):
    _, keywords = materialize(sample, dtype)
    wanted = [i for i, rule in enumerate(op.rules) if rule is not None and sample.inputs[i] is not None]

    def step(cotangent, *inputs):
        for i in wanted:
            inputs[i].requires_grad_()
        out = op.call(*inputs, **keywords)
        if not out.requires_grad:
            return out
        return out, autograd.grad(out, [inputs[i] for i in wanted], cotangent)

    compiled = mg.jit(step)
    for seed in (1, 2, 3):
        inputs = materialize(sample, dtype, seed)[0]
        out = op.call(*inputs, **keywords)
        cotangent = mg.ones(*out.shape, dtype=out.dtype)
        if by_numpy(op, sample):
            with pytest.raises(CaptureError, match="by NumPy|reads numbers"):
                compiled(cotangent, *inputs)
            assert not compiled.programs
        else:
            want = step(cotangent, *[None if x is None else x.detach() for x in inputs])
            assert bits(compiled(cotangent, *inputs)) == bits(want)


def test_what_networks_are_made_of_can_be_captured():
    refused = {op.name for op, sample in (c.values for c in CASES) if by_numpy(op, sample)}
    assert {"add", "matmul", "linear", "relu", "cross_entropy", "dropout", "sum", "expand"} & refused == set()


OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
    "plain": lambda p: optim.SGD(p, lr=0.1),
}
OTHER_OPTIMIZERS = {
    "rmsprop": lambda p: optim.RMSprop(p, momentum=0.9, centered=True),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.1, lr_decay=0.1, initial_accumulator_value=0.5),
    "adadelta": lambda p: optim.Adadelta(p, weight_decay=0.1),
    "adamax": lambda p: optim.Adamax(p, lr=0.01),
    "nadam": lambda p: optim.NAdam(p, lr=0.01, decoupled_weight_decay=True, weight_decay=0.1),
    "radam": lambda p: optim.RAdam(p, lr=0.01),
}
LOSSES = {"cross_entropy": (nn.CrossEntropyLoss, False), "mse": (nn.MSELoss, True), "smooth_l1": (nn.SmoothL1Loss, True)}


def training(compiled, make, loss_name="cross_entropy", steps=100):
    net = network()
    optimizer, (criterion, real) = make(net.parameters()), LOSSES[loss_name]
    loss_of = criterion()

    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    run = mg.jit(step) if compiled else step
    losses = []
    for i, (x, y) in enumerate(batches(steps)):
        optimizer.param_groups[0]["lr"] *= 0.99  # a schedule
        target = np.eye(3, dtype="f4")[y] if real else y
        losses.append(run(mg.tensor(x), mg.tensor(target)))
        if i == steps // 2:
            net.eval()
    assert not compiled or len(run.programs) == 2  # train and eval
    return bits([losses, list(net.parameters()), [p.grad for p in net.parameters()], mg.rand(3)])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("make", list(OPTIMIZERS.values()), ids=list(OPTIMIZERS))
def test_a_hundred_steps(make, loss, threads, isa):
    before = mg.get_num_threads()
    mg.set_num_threads(threads)
    try:
        assert training(True, make, loss) == training(False, make, loss)
    finally:
        mg.set_num_threads(before)


@pytest.mark.parametrize("make", list(OTHER_OPTIMIZERS.values()), ids=list(OTHER_OPTIMIZERS))
def test_optimizers_that_count_steps_go_on_counting(make, isa):
    assert training(True, make, steps=30) == training(False, make, steps=30)


@pytest.mark.parametrize("name", [*OPTIMIZERS, *OTHER_OPTIMIZERS])
def test_an_update_that_threads_share(name, isa):
    """200,003 numbers, beside few: several blocks, which begin in the midst of a parameter."""
    make = {**OPTIMIZERS, **OTHER_OPTIMIZERS}[name]
    before, results = mg.get_num_threads(), set()
    starts = [np.random.default_rng(i).normal(size=n).astype("f4") for i, n in enumerate((7, 200_003, 130))]
    try:
        for threads, compiled in product((1, 2, 3), (False, True)):
            mg.set_num_threads(threads)
            params = [nn.Parameter(mg.tensor(x)) for x in starts]
            optimizer = make(params)

            def step():
                optimizer.zero_grad()  # noqa: B023 - called within this turn of the loop
                sum((p * p * p).sum() for p in params).backward()  # noqa: B023
                optimizer.step()  # noqa: B023

            run = mg.jit(step) if compiled else step
            for _ in range(3):
                run()
            results.add(tuple(bits(params)))
    finally:
        mg.set_num_threads(before)
    assert len(results) == 1
    assert all(got != x.tobytes() for got, x in zip(results.pop(), starts, strict=True))


@pytest.mark.filterwarnings("ignore:.*hold those of the step before")
def test_accumulated_gradients_and_two_optimizers():
    def build():
        net, head = network(), nn.Linear(3, 1)
        optimizers = [optim.SGD(net.parameters(), lr=0.1), optim.Adam(head.parameters())]

        def step(x, y):
            for part in (x[:10], x[10:]):
                (head(net(part)) ** 2).mean().backward()
            for optimizer in optimizers:
                optimizer.step()

        return step, lambda: [[p, p.grad] for p in [*net.parameters(), *head.parameters()]]

    same_eager_and_captured(build, batches(6))


def test_gradients_that_were_there_before_are_added_to():
    def build():
        net = network()

        def step(x, y):
            nn.functional.cross_entropy(net(x), y).backward()

        return step, lambda: [p.grad for p in net.parameters()]

    same_eager_and_captured(build, batches(4))


def test_inference_value_and_grad_higher_derivatives_and_checkpoints():
    def inference():
        net = network().eval()
        return net, list

    with mg.no_grad():
        same_eager_and_captured(inference, [(x,) for x, _ in batches(3)])

    def gradient():
        w = mg.randn(5, 3, requires_grad=True)
        run = mg.value_and_grad(lambda w, x: ((x @ w).tanh() ** 2).sum())
        return (lambda x, y: run(w, x)), list

    same_eager_and_captured(gradient, batches(3))

    def penalty():
        net = network(0.0)

        def step(x, y):
            x.requires_grad_()
            (slope,) = autograd.grad(net(x).sum(), x, create_graph=True)
            ((slope * slope).sum()).backward()
            return slope

        return step, lambda: [p.grad for p in net.parameters()]

    same_eager_and_captured(penalty, batches(3))

    def recomputed():
        net = network()

        def step(x, y):
            net.zero_grad()
            loss = nn.functional.cross_entropy(mg.checkpoint(net, x), y)
            loss.backward()
            return loss

        return step, lambda: [p.grad for p in net.parameters()]

    same_eager_and_captured(recomputed, batches(3))


def test_nested_arguments_and_results():
    def build():
        def step(batch, scale, *, names):
            return {"sum": batch["x"] + batch["y"][0] * scale, "rest": [batch["x"] * 2.0, names, scale]}

        return (lambda x, y: step({"x": x, "y": [x * 3.0]}, 2.0, names=("a", "b"))), list

    same_eager_and_captured(build, batches(2))
    run = mg.jit(lambda batch, scale: batch["x"][0] * scale)
    assert run({"x": [mg.ones(2)]}, 2.0).tolist() == [2.0, 2.0]
    assert run({"x": [np.full(2, 3.0, "f4")]}, 2.0).tolist() == [6.0, 6.0]
    assert run({"x": [mg.ones(2)]}, 5.0).tolist() == [5.0, 5.0]  # a scalar is part of the kind
    assert run({"x": [mg.ones(3)[::2]]}, 5.0).tolist() == [5.0, 5.0]


# -- programs ------------------------------------------------------------------------------------------------------------


def test_programs_by_kind_are_bounded_and_listed():
    run = mg.jit(lambda x: (x * 2.0).relu())
    for n in range(1, 40):
        assert run(mg.ones(n)).tolist() == [2.0] * n
    assert len(run.programs) == 32
    program = run.program(mg.ones(7))
    assert len(program) == 2
    head, first, second, foot = str(program).splitlines()
    assert head.split() == ["#", "op", "kernel", "writes", "reads", "sizes", "bytes", "line"]
    assert first.split()[:3] == ["0", "mul", "mul_f32"]
    assert "`run = mg.jit(lambda x: (x * 2.0).relu())`" in second
    assert foot.startswith("2 calls; 28 bytes of memory, where eager takes 184")
    assert program.profile(3).splitlines()[1].split()[:3] == ["0", "mul", "mul_f32"]
    assert run(mg.ones(2, dtype=mg.float64)).dtype is mg.float64
    with mg.backend("numpy"):
        assert run(mg.ones(2)).tolist() == [2.0, 2.0]


def test_a_method_and_a_step_within_a_step():
    class Model:
        def __init__(self, factor):
            self.factor = factor

        @mg.jit
        def run(self, x):
            return x * self.factor

    first, second = Model(3.0), Model(4.0)
    for _ in range(3):
        assert (first.run(mg.ones(2)).tolist(), second.run(mg.ones(2)).tolist()) == ([3.0, 3.0], [4.0, 4.0])
    assert first.run is first.run
    assert len(first.run.programs) == 1
    alive = weakref.ref(first)
    del first
    gc.collect()
    assert alive() is None
    assert len(Model.run._bound) == 1
    inner = mg.jit(lambda x: x + 1.0)
    outer = mg.jit(lambda x: inner(x) * 2.0)
    assert [outer(mg.full((1,), v)).item() for v in (1.0, 2.0)] == [4.0, 6.0]
    assert not inner.programs


def test_ten_thousand_replays_leave_memory_constant(plain_allocator):
    net = network()
    optimizer = optim.Adam(net.parameters())

    @mg.jit
    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    (x, y), *_ = batches(1)
    x, y = mg.tensor(x), mg.tensor(y)
    for _ in range(200):
        step(x, y)
    gc.collect()
    before, objects = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, len(gc.get_objects())
    for _ in range(10_000):
        step(x, y)
    gc.collect()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1024  # kB
    assert len(gc.get_objects()) - objects < 50


def movements():
    """Of a (20, 5) batch: ops that move numbers, or give them another type."""
    yield "cat", lambda h, y: mg.cat([h, h[:, 1:3], h.T[:2].T * 2.0], 1)
    yield "stack", lambda h, y: mg.stack([h, h.exp()], 1).sum(1)
    yield "split", lambda h, y: sum(part.exp().mean() for part in h.split([2, 3], 1)) + h.chunk(3)[1].sum()
    yield "roll", lambda h, y: h.roll((1, 2), (0, 1)) * h
    yield "slices", lambda h, y: h[1::3, -2:].sum() + h[4, 1] + h[2].exp().sum()
    yield "pad", lambda h, y: nn.functional.pad(h, (1, 2, -1, 0), value=0.5).exp()
    yield "diag", lambda h, y: mg.diag(h[0]) @ h[:5, :3]
    yield "casts", lambda h, y: (h.double() * h).float() * (h > 0)
    yield "labels", lambda h, y: h * y.float().reshape(20, 1) + (y * h[:, 0]).mean()


@pytest.mark.parametrize("move", [pytest.param(m, id=name) for name, m in movements()])
def test_what_moves_numbers_is_captured(move):
    weights = []
    for wrap in (lambda step: step, mg.jit):
        mg.manual_seed(3)
        layer = nn.Linear(5, 5)
        optimizer = optim.Adam(layer.parameters(), lr=0.01)

        @wrap
        def step(x, y):
            optimizer.zero_grad()  # noqa: B023
            moved = move(layer(x), y)  # noqa: B023
            loss = (moved * moved).mean()
            loss.backward()
            optimizer.step()  # noqa: B023
            return loss

        losses = [step(mg.tensor(x), mg.tensor(y)) for x, y in batches(20)]
        weights.append(bits([*layer.parameters(), *losses]))
    assert weights[0] == weights[1]


def test_numbers_of_other_types_that_live_outside_are_read_at_each_replay():
    counts, chosen = mg.tensor([1, 2, 3]), mg.tensor([True, False, True])
    run = mg.jit(lambda x: (x * counts, chosen.float() + x))
    for _ in range(2):
        times, plus = run(mg.ones(3))
        assert (times.tolist(), plus.tolist()) == (counts.tolist(), [1.0 + flag for flag in chosen.tolist()])
        counts.add_(5)
        chosen.logical_not_()


def test_what_moves_numbers_keeps_its_bits_among_long_chains():
    """Where calls of as many items are interleaved: a conversion reads items of another size, and a part of a result that is
    put into its place is not item by item where the others are."""
    mask = mg.arange(1 << 16).reshape(256, 256) % 3

    def step(x):
        joined = mg.cat([(x * 2.0).exp(), x.T.neg()], 1)
        wide = (x.double() * x.double()).float() + x
        padded = nn.functional.pad(x[1:-1, 1:-1] * 0.5, (1, 1, 1, 1)) * wide
        return joined[:, 128:384] * wide + padded, (padded * mask).neg(), (x > 0).float().double() + 1.0

    x = mg.linspace(-1.0, 1.0, 1 << 16).reshape(256, 256).clone()
    run, expected = mg.jit(step), bits(list(step(x)))
    for _ in range(3):
        assert bits(list(run(x))) == expected


def test_integers_and_bools_are_moved():
    step = mg.jit(lambda x, i, b: (x.argmax(1).reshape(1, 2), i.reshape(2, 1), b.unsqueeze(0), (x > 2.0).T.float(), i[1:].float()))
    for shift in (0, 1):
        x, i, b = mg.tensor([[1.0, 2.0 + shift], [3.0, 4.0]]), mg.tensor([shift, 5 - shift]), mg.tensor([shift == 0, True])
        expected = [[[1, 1]], [[shift], [5 - shift]], [[shift == 0, True]], [[0.0, 1.0], [float(shift), 1.0]], [5.0 - shift]]
        assert [y.tolist() for y in step(x, i, b)] == expected


def test_writes_that_views_see():
    def put(x, w):
        h = x * w
        v = h[0:2]
        h[0] = w[1] * 2.0
        return (v * v).sum() + h.sum()

    def through(x, w):
        h = x * w
        v = h[0:2]
        v += w[:2]
        h[1:].mul_(w[0])
        return (h * h).sum()

    for loss in (put, through):
        found = []
        for prepare in (lambda f: f, mg.jit):
            w = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
            step = prepare(lambda x, w=w, loss=loss: [y := loss(x, w), y.backward()][0])
            for n in range(3):
                w.grad = None
                found.append((step(mg.tensor([3.0, 4.0, n])).item(), w.grad.tolist()))
        assert found[:3] == found[3:]


def test_memory_that_was_given_back_leads_to_no_new_capture():
    double = mg.jit(lambda x: (x * 2.0).sum())
    x = mg.randn(3, 5)
    want = [double(x).item(), double(x).item()]
    mg.free_memory()  # the pool of x is empty now, and still the same
    assert [double(x).item(), double(x).item()] == want
    assert len(double.programs) == 1
