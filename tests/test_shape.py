"""Views of rows and pieces, joined tensors, and repeated ones."""

import numpy as np
import pytest

import minigrad as mg


def test_views_of_rows_share_memory_and_follow_writes():
    x = mg.arange(12.0).reshape(4, 3)
    rows, parts = x.unbind(), x.chunk(2)
    x[1] = -1.0
    assert rows[1].tolist() == [-1, -1, -1]
    assert parts[0].tolist() == [[0, 1, 2], [-1, -1, -1]]
    w = mg.tensor(2.0, requires_grad=True)
    rows[0].mul_(w)
    x.sum().backward()
    assert w.grad.item() == 3
    assert [tuple(p.shape) for p in x.split(3)] == [(3, 3), (1, 3)]
    assert [p.tolist() for p in mg.zeros(0, 3).split(2)] == [[]]


def test_joining_remembers_types_and_layouts_apart():
    for _ in range(2):
        for dtype in (mg.float32, mg.float64, mg.int64, mg.bool):
            x, y = mg.ones(2, 3).to(dtype), mg.zeros(1, 3).to(dtype)
            out = mg.cat([x, y])
            assert out.dtype is dtype
            assert out.tolist() == [*x.tolist(), *y.tolist()]
            assert mg.cat([x.T, y.T], 1).tolist() == out.T.tolist()
            assert mg.stack([x, x], 1).shape == (2, 2, 3)
    assert mg.cat([mg.ones(2), mg.zeros(1).double()]).dtype is mg.float64


@pytest.mark.parametrize("repeats", [0, 1, 3, [2, 0, 1]])
def test_repeat_interleave_is_numpys_and_sums_gradients(repeats):
    x = np.arange(6.0).reshape(3, 2)
    a = mg.tensor(x, requires_grad=True)
    out = mg.repeat_interleave(a, mg.tensor(repeats) if isinstance(repeats, list) else repeats, 0)
    np.testing.assert_array_equal(out.detach().numpy(), np.repeat(x, repeats, 0))
    out.sum().backward()
    np.testing.assert_array_equal(a.grad.numpy(), np.broadcast_to(np.reshape(repeats, (-1, 1)), (3, 2)))
