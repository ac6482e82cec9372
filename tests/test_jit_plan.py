"""What is done to a captured step's calls: neighbours that are fused keep their bits, and memory is planned."""

from itertools import pairwise

import numpy as np
import pytest
from jit_steps import bits

import minigrad as mg
from minigrad import nn, optim
from minigrad._program_listing import operations

LONG = 50_000


def fused(program):
    """What each call of a program was fused with; "" where it was not."""
    return [call.fused for call in program.steps]


def same(step, *calls):
    """The captured step, after it has given what the step gives, for each of several calls."""
    run = mg.jit(step)
    for call in calls:
        inputs = [mg.tensor(x) for x in call]
        want = bits(step(*inputs))
        assert bits(run(*inputs)) == want
        assert bits(run(*inputs)) == want  # the first may have been the capture
    return run


@pytest.fixture(params=[1, 3])
def threads(request):
    before = mg.get_num_threads()
    mg.set_num_threads(request.param)
    yield request.param
    mg.set_num_threads(before)


# -- a product with relu ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("bias", [False, True])
def test_relu_goes_into_the_product(dtype, bias, isa, threads):
    rng = np.random.default_rng(1)
    for rows, inner, cols in [(1, 1, 1), (5, 7, 3), (33, 64, 130), (300, 257, 129)]:
        layer = nn.Linear(inner, cols, bias=bias, dtype=mg.tensor(np.zeros(1, dtype)).dtype)
        x = rng.normal(size=(rows, inner)).astype(dtype)
        x[0, 0] = np.inf
        if rows > 4:
            x[1, 0], x[2] = np.nan, 0.0

        def step(x):
            return layer(x).relu() * 2.0  # noqa: B023

        with mg.no_grad():
            run = same(step, [x], [-x])
        assert fused(run.programs[0])[0] == "with relu"


def test_relu_stays_apart_where_its_operand_is_needed():
    layer = nn.Linear(4, 4)

    def both(x):
        scores = layer(x)
        return scores.relu() + scores

    def returned(x):
        scores = layer(x)
        return scores, scores.relu()

    x = np.random.default_rng(2).normal(size=(6, 4)).astype("f4")
    with mg.no_grad():
        for step in (both, returned):
            assert not any(fused(same(step, [x], [x + 1]).programs[0]))


def test_relu_and_its_gradient():
    layer = nn.Linear(6, 5)

    def step(x):
        layer.zero_grad()
        out = layer(x).relu()
        (out * out).sum().backward()
        return out, layer.weight.grad * 1.0, layer.bias.grad * 1.0

    x = np.random.default_rng(3).normal(size=(7, 6)).astype("f4")
    run = same(step, [x], [x * 2])
    assert "with relu" in fused(run.programs[0])


# -- chains ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_long_neighbours_become_a_chain(dtype, isa, threads):
    rng = np.random.default_rng(4)
    row, column = mg.tensor(rng.normal(size=500).astype(dtype)), mg.tensor(rng.normal(size=(100, 1)).astype(dtype))

    def step(x):
        y = (x * row + column).tanh()
        z = y.exp() - y
        return (z / (y * y + 2.0)).clip(-1.0, 1.0)

    x = rng.normal(size=(100, 500)).astype(dtype)
    run = same(step, [x], [-x], [x[::-1].copy()])
    assert len(run.programs[0]) == len([f for f in fused(run.programs[0]) if f.startswith("in a chain of")]) == 9


def test_a_chain_of_dropout_and_its_gradient(threads):
    def step(x):
        mask = nn.functional.dropout(x, 0.3)
        return nn.functional.gelu(mask) * x

    x = np.random.default_rng(5).normal(size=LONG).astype("f4")
    run, found = mg.jit(step), []
    for one in (run, step, run):
        mg.manual_seed(7)
        found.append(bits([one(mg.tensor(x)), one(mg.tensor(x))]))
    assert found[0] == found[1] == found[2]
    assert set(fused(run.programs[0])) == {"in a chain of 3"}


def test_chains_end_where_items_meet_others():
    """What is read turned round, or a row of it for all, must be whole before."""

    def turned(x):
        y = x * 2.0
        return y.reshape(500, 100).T.contiguous() + 1.0

    def spread(x):
        y = x.exp()
        return y - y[:1]

    def summed(x):
        y = x.exp()
        return y / y.sum()

    x = np.random.default_rng(6).normal(size=(100, 500)).astype("f4")
    for step in (turned, spread, summed):
        same(step, [x], [-x])
    chained = fused(same(turned, [x]).programs[0])
    assert chained[0] == ""
    assert chained[1:] == ["in a chain of 2"] * 2


def test_short_neighbours_are_left_alone():
    run = same(lambda x: (x * 2.0 + 1.0).exp(), [np.ones(100, "f4")])
    assert not any(fused(run.programs[0]))


def test_the_time_of_a_chain_stands_with_its_first_call():
    run = same(lambda x: (x * 2.0 + 1.0).exp().sum(), [np.ones(LONG, "f4")])
    head, *rows, foot = run.programs[0].profile(2).splitlines()
    assert head.split() == ["#", "op", "kernel", "sizes", "us", "of", "limit", "limit", "fused", "line"]
    assert [("%" in row) for row in rows] == [True, False, False, True]
    assert foot.endswith(" us")


def test_the_work_of_products_is_counted():
    layer = nn.Linear(4, 3)

    @mg.jit
    def step(x, y):
        layer.zero_grad()
        (layer(x).sum() + (x @ y).sum()).backward()

    step(mg.ones(5, 2, 4), mg.ones(5, 4, 6))
    found = {(call.kernel.name, operations(call)) for call in step.programs[0].steps}
    forward, batched, backward = 2 * 10 * 4 * 3, 2 * 5 * 2 * 4 * 6, 2 * 10 * 4 * 3  # of the weight alone: x wants no gradient
    assert {("matmul", forward), ("matmul", batched), ("linear_bwd", backward), ("sum", 0)} <= found


# -- memory ----------------------------------------------------------------------------------------------------------------


def test_what_is_not_needed_any_more_makes_room():
    """Of ten sums over ever fewer numbers, eager keeps memory for each; the program for the two that meet."""

    def step(x):
        while x.shape[0] > 2:
            x = x[1:] + x[:-1]
        return x

    run = same(step, [np.random.default_rng(8).normal(size=(12, 5000)).astype("f4")])
    program = run.programs[0]
    assert program.arena.size <= 2 * 4 * 5000 * 12
    assert program.bytes_eager > 3 * program.arena.size
    assert f"eager takes {program.bytes_eager:,}" in str(program)


def test_a_program_takes_no_more_than_eager():
    for sizes, rows in (((4, 16, 3), 32), ((20, 300, 200, 10), 64)):
        layers = [f(a, b) for a, b in pairwise(sizes) for f in (nn.Linear, lambda a, b: nn.Tanh())]
        net = nn.Sequential(*layers[:-1])
        optimizer = optim.Adam(net.parameters())

        @mg.jit
        def step(x, y):
            optimizer.zero_grad()  # noqa: B023
            loss = nn.functional.cross_entropy(net(x), y)  # noqa: B023
            loss.backward()
            optimizer.step()  # noqa: B023
            return loss

        step(mg.zeros(rows, sizes[0]), mg.zeros(rows, dtype=mg.int64))
        program = step.programs[0]
        assert program.bytes <= program.bytes_eager


# -- arguments and results -------------------------------------------------------------------------------------------------


def test_arguments_are_read_where_they_lie():
    run = mg.jit(lambda x, y: (x * y, x))
    for x in (np.arange(6.0), np.arange(12.0)[::2], np.arange(6, dtype="f4"), np.arange(6.0)[::-1]):
        for given in (x, mg.tensor(x), mg.from_numpy(x) if x.strides[0] > 0 else x):
            product, same_x = run(given, 2.0 * x)
            assert product.tolist() == (2.0 * x * x).tolist()
            assert same_x.tolist() == x.tolist()
            same_x.zero_()  # the caller's own
            assert x[-1] in (0, 5, 10)
    assert [len(kind) for kind in run._programs.values()] == [1] * len(run._programs)


def test_results_that_are_parts_of_others_or_twice_there():
    def step(x):
        y = x + 1.0
        turned = y.reshape(3, 4).T
        return y, y[2:5], y, turned, y[:0], x[1:3], (y * y).sum()

    x = np.arange(12.0, dtype="f4")
    run = same(step, [x], [x * 3.0])
    first = run(mg.tensor(x))
    kept = bits(first)
    run(mg.tensor(-x))
    assert bits(first) == kept
    assert len({id(one.array) for one in first}) == 7


def test_the_same_tensor_for_two_arguments():
    run = mg.jit(lambda x, y: (x * y).sum() + y[:1])
    for a in (mg.ones(4), mg.full((4,), 3.0)):
        assert run(a, a).item() == (a * a).sum().item() + a[0].item()


def test_a_gradient_that_is_an_argument():
    w = nn.Parameter(mg.zeros(3))

    @mg.jit
    def step(x):
        w.grad = None
        (x * w).sum().backward()

    for value in (1.0, 2.0, 3.0):
        step(mg.full((3,), value))
        assert w.grad.tolist() == [value] * 3
