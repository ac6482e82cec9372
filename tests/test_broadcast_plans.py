"""What operands of two shapes broadcast to is worked out once: the second time gives what the first gave."""

from itertools import product

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.testing import gradcheck

SHAPES = [(), (1,), (4,), (3, 4), (3, 1), (1, 4), (2, 3, 4), (2, 1, 1), (0, 4), (1, 0, 4)]
OPS = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "maximum": np.maximum}


def fitting(*shapes):
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return None


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("name", OPS)
def test_a_planned_op_gives_numpys_numbers_each_time(name, dtype):
    rng = np.random.default_rng(0)
    for s, t in product(SHAPES, repeat=2):
        for _ in range(3):
            x, y = rng.uniform(1, 2, s).astype(dtype), rng.uniform(1, 2, t).astype(dtype)
            if fitting(s, t) is None:
                with pytest.raises(ShapeError, match=rf"^{name}: got shapes .* and .*, expected shapes that broadcast"):
                    getattr(mg, name)(mg.tensor(x), mg.tensor(y))
                continue
            made = getattr(mg, name)(mg.tensor(x), mg.tensor(y))
            assert made.dtype == x.dtype
            np.testing.assert_array_equal(made.numpy(), OPS[name](x, y))


def test_numbers_are_planned_for_their_type():
    for dtype in ("f4", "f8", "i8"):
        x = np.arange(6).reshape(2, 3).astype(dtype)
        for _ in range(3):
            y = mg.tensor(x)
            for made, expected in ((y * 3, x * 3), (3 - y, 3 - x), (y.T + 1, x.T + 1), (y[1] + 2, x[1] + 2)):
                assert made.dtype == x.dtype
                np.testing.assert_array_equal(made.numpy(), expected)


def test_a_view_of_another_layout_goes_by_its_own():
    x, y = np.arange(12.0).reshape(3, 4), np.arange(3.0)
    for _ in range(2):
        np.testing.assert_array_equal((mg.tensor(x) + mg.tensor(y)[:, None]).numpy(), x + y[:, None])
        np.testing.assert_array_equal((mg.tensor(x).T + mg.tensor(y)).numpy(), x.T + y)
        np.testing.assert_array_equal((mg.tensor(x)[:, ::2] + mg.tensor(y[:2])).numpy(), x[:, ::2] + y[:2])


def test_gradients_of_planned_ops():
    for _ in range(2):
        for s, t in (((3, 4), (4,)), ((3, 1), (1, 4)), ((), (2, 3)), ((2, 3), ())):
            leaves = [mg.rand(shape, dtype=mg.float64, requires_grad=True) for shape in (s, t)]
            gradcheck(lambda x, y: (x * y - x) / (y + 2.0), leaves)


def test_planned_ops_are_captured_with_the_same_bits():
    x, b = mg.randn(3, 4), mg.randn(4)
    eager = ((x + b) * 2.0 - x.mean()).tolist()
    step = mg.jit(lambda x, b: (x + b) * 2.0 - x.mean())
    for _ in range(3):
        assert step(x, b).tolist() == eager


def test_more_plans_than_are_remembered():
    """At some point all are forgotten, and what comes again is planned again."""
    for rows, cols in [*product(range(1, 66), range(1, 66)), (1, 1), (1, 2)]:
        array = np.arange(rows * cols).reshape(cols, rows).T
        x = mg.from_numpy(array.astype("f4"))
        assert (x + x[0])[-1, -1].item() == array[-1, -1] + array[0, -1]
        assert x.sum(0)[0].item() == rows * (rows - 1) / 2
        assert mg.cat([x, x])[rows, -1].item() == x[mg.tensor([0])][0, -1].item() == array[0, -1]


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64, mg.int64], ids=str)
def test_more_numbers_than_are_remembered(dtype):
    x = mg.ones(2, dtype=dtype)
    for n in [*range(300), 0, 1]:
        assert (x + n).tolist() == [1 + n] * 2


def test_what_a_pool_plans_with_itself_serves_unary_kernels_too():
    x = mg.ones(2, 3)
    for _ in range(2):
        with mg.backend("numpy"):
            assert (x + x).sum().item() == 12.0
        mg.add.op.forward(x, x)  # not planned
        assert (-(x + x)).tolist() == [[-2.0] * 3] * 2
