"""Methods with an underscore: what is written, what is recorded, and what is refused."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import _inplace
from minigrad._op import surface
from minigrad.errors import DTypeError, GradError, ShapeError


def leaf(*numbers, dtype=mg.float64):
    return mg.tensor(numbers, dtype=dtype, requires_grad=True)


UNARY = (
    "abs", "acosh", "ceil", "cos", "deg2rad", "erf", "exp", "exp2", "expm1", "floor", "frac", "log", "log1p", "neg", "reciprocal",
    "relu", "round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh", "trunc",
)  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_the_numbers_and_gradients_are_those_of_the_op(name, backend):
    start = np.array([1.25, 2.5, 3.75])
    plain = mg.tensor(start)
    assert getattr(plain, f"{name}_")() is plain
    np.testing.assert_array_equal(plain.numpy(), getattr(mg.tensor(start), name)().numpy())
    gradients = []
    for run in (lambda y: getattr(y, f"{name}_")(), lambda y: getattr(y, name)()):
        x = leaf(*start)
        (run(x * 2.0 if name != "acosh" else x + 1.0) ** 2).sum().backward()
        gradients.append(x.grad.tolist())
    assert gradients[0] == gradients[1]


def test_every_method_is_there_and_says_what_it_is():
    for name in _inplace.METHODS.split():
        assert getattr(mg.Tensor, f"{name}_").__doc__.startswith(name)
        assert name in surface["Tensor"]


def test_operands_receive_gradients_too():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    z = x * 1.0
    z.add_(y).add_(y)
    z.sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([1.0, 1.0], [2.0, 2.0])
    fresh = mg.zeros(2, dtype=mg.float64)
    fresh.add_(y * 3.0)  # a tensor without history takes one over
    fresh.sum().backward()
    assert y.grad.tolist() == [5.0, 5.0]


def test_arguments_are_the_ops():
    x = mg.tensor([[1.0, 2.0], [3.0, 4.0]])
    x.clamp_(min=1.5).mul_(2).div_(3.0, rounding_mode="floor").masked_fill_(mg.tensor([True, False]), 9.0)
    assert x.tolist() == [[9.0, 1.0], [9.0, 2.0]]
    n = mg.tensor([1, 2])
    assert n.add_(5).dtype is mg.int64
    flags = mg.tensor([True, False])
    assert flags.logical_not_().tolist() == [False, True]
    view = x[0]
    view.add_(1.0)
    assert x.tolist()[0] == [10.0, 2.0]


def test_what_is_refused_changes_nothing():
    x = leaf(1.0, 2.0)
    with pytest.raises(GradError, match=r"^add_: got a leaf that requires a gradient.*without the underscore"):
        x.add_(1.0)
    with mg.no_grad():
        x.add_(1.0)
    assert x.tolist() == [2.0, 3.0]
    y = x * 2.0
    with pytest.raises(ShapeError, match=r"^add_: got a result of shape \(3, 2\), expected the tensor's own shape \(2,\)"):
        y.add_(mg.ones(3, 2, dtype=mg.float64))
    with pytest.raises(DTypeError, match="^add_: argument value: got dtype float32, expected what int64 holds"):
        mg.tensor([1, 2]).add_(1.5)
    with pytest.raises(ShapeError, match="^add_"):
        mg.zeros(2).add_(mg.ones(3, 2))
    assert y.tolist() == [4.0, 6.0]


def test_the_numbers_before_are_kept_for_backward():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = x * 1.0
    y.mul_(w).mul_(y).sum().backward()  # (x w)^2
    assert (x.grad.tolist(), w.grad.tolist()) == ([18.0, 64.0], [6.0, 32.0])


def test_writing_over_what_another_op_needs():
    x = leaf(1.0, 2.0)
    for write in (lambda z: z.add_(1.0), lambda z: z.exp_()):
        z = x.exp()  # exp needs its result
        write(z)
        with pytest.raises(GradError, match="exp reads its result.*which (add_|exp_) has overwritten"):
            z.sum().backward()


@pytest.mark.parametrize(
    ("write", "before"),
    [(lambda y, x: y.mul_(7.0), [21.0, 21.0]), (lambda y, x: y.__setitem__(0, x[1]), [0.0, 3.0])],
)
def test_retain_grad_is_that_of_what_was_written(write, before):
    seen, x = [], leaf(5.0, 6.0)
    y = x * 1.0
    y.retain_grad()
    y.register_hook(lambda g: seen.append(g.tolist()))
    write(y, x)
    (y * 3.0).sum().backward()
    assert y.grad.tolist() == [3.0, 3.0]
    assert seen == [before]  # a hook's is that of y as it was then


def test_retain_grad_keeps_what_hooks_have_made():
    y = leaf(5.0) * 1.0
    y.retain_grad()
    y.register_hook(lambda g: g * 2.0)
    (y * 3.0).sum().backward()
    assert y.grad.tolist() == [6.0]


@pytest.mark.parametrize("write", [lambda x, y: x.mul_(y), lambda x, y: x.__imul__(y)])
def test_shape_and_type_stay_where_ops_are_recorded(write):
    y = leaf(1.0, 2.0)
    x = write(mg.tensor([3.0, 4.0]), y)
    x.register_hook(lambda g: seen.append(g.dtype))
    seen = []
    (x * x).sum().backward()
    assert (x.dtype, seen, y.grad.dtype, y.grad.tolist()) == (mg.float32, [mg.float32], mg.float64, [18.0, 64.0])
    with pytest.raises(ShapeError, match=r"got a result of shape \(3, 2\), expected the tensor's own shape \(2,\)"):
        write(leaf(1.0, 2.0) * 1.0, mg.ones(3, 2, dtype=mg.float64))
    with pytest.raises(DTypeError, match="argument value: got dtype float64, expected what int64 holds"):
        write(mg.tensor([1, 2]), y)


@pytest.mark.parametrize("write", [lambda h, w: h.mul_(w), lambda h, w: h.mul_(y=w)])
def test_a_tensor_without_a_gradient_takes_in_one_with(write):
    w, h = leaf(1.0, 2.0), mg.tensor([3.0, 4.0], dtype=mg.float64)
    for _ in range(2):
        write(h, w).add_(w)
    h.sum().backward()  # of (h w + w) w + w
    assert w.grad.tolist() == [2 * 3.0 + 2 * 1.0 + 1, 2 * 4.0 * 2.0 + 2 * 2.0 + 1]


@pytest.mark.parametrize(
    ("write", "same"),
    [
        (lambda b, w: b[0].__setitem__(1, w), lambda b, w: [[b[0, 0], w, b[0, 2]], b[1]]),
        (lambda b, w: b[0].add_(w), lambda b, w: [b[0] + w, b[1]]),
        (lambda b, w: b.reshape(6).__setitem__(0, w), lambda b, w: [[w, b[0, 1], b[0, 2]], b[1]]),
        (lambda b, w: b.T.mul_(w), lambda b, w: [b[0] * w, b[1] * w]),
        (lambda b, w: b[1:].copy_(w), lambda b, w: [b[0], [w, w, w]]),
        (lambda b, w: b[0].fill_(w), lambda b, w: [[w, w, w], b[1]]),
        (lambda b, w: b[:, ::2].T[1].sub_(w), lambda b, w: [[b[0, 0], b[0, 1], b[0, 2] - w], [b[1, 0], b[1, 1], b[1, 2] - w]]),
        (lambda b, w: b[1].__setitem__(mg.tensor([True, False, True]), w), lambda b, w: [b[0], [w, b[1, 1], w]]),
        (lambda b, w: b[0].__iadd__(w), lambda b, w: [b[0] + w, b[1]]),
    ],
)
@pytest.mark.parametrize("computed", [False, True])
def test_a_write_through_a_view_belongs_to_the_whole(write, same, computed):
    s, w = leaf(2.0), leaf(3.0)
    weights = mg.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]], dtype=mg.float64)

    def made():
        s.grad = w.grad = None
        b = mg.arange(6.0, dtype=mg.float64).reshape(2, 3).clone()
        return b * s[0] if computed else b

    b = made()
    rows = [mg.stack([x if isinstance(x, mg.Tensor) else mg.tensor(x) for x in row]) if isinstance(row, list) else row for row in same(b, w[0])]
    expected = mg.stack(rows)
    (expected * weights).sum().backward()
    gradients = (s.grad.tolist() if computed else None, w.grad.tolist())
    b = made()
    row, corner = b[1], b[:, 2:]
    write(b, w[0])
    assert b.tolist() == expected.tolist()
    (b * weights).sum().backward(retain_graph=True)
    assert (s.grad and s.grad.tolist(), w.grad.tolist()) == gradients
    for view, again in ((row, lambda: b[1]), (corner, lambda: b[:, 2:])):
        assert view.tolist() == again().tolist()
        wanted, found = [], []
        for x, to in ((view, found), (again(), wanted)):
            s.grad = w.grad = None
            (x * x).sum().backward(retain_graph=True)
            to.append((s.grad and s.grad.tolist(), w.grad and w.grad.tolist()))
        assert found == wanted


def test_views_learn_of_a_write_into_the_whole():
    x, w = leaf(1.0, 2.0, 3.0), leaf(2.0, 3.0, 4.0)
    h = x * 2.0
    before, first = h[0] * 1.0, h[0]
    first.retain_grad()
    h.mul_(w)
    (first + before).backward()
    assert (first.item(), x.grad.tolist(), w.grad.tolist()) == (4.0, [2.0 * 2.0 + 2.0, 0.0, 0.0], [2.0, 0.0, 0.0])
    assert first.grad.item() == 1.0
    constant = mg.ones(3, dtype=mg.float64)
    row, apart = constant[1:], constant.detach()[1:]
    constant.mul_(w)
    assert (row.requires_grad, apart.requires_grad, row.tolist(), apart.tolist()) == (True, False, [3.0, 4.0], [3.0, 4.0])
    w.grad = None
    row.sum().backward()
    assert w.grad.tolist() == [0.0, 1.0, 1.0]


def test_views_of_what_is_not_contiguous():
    x, w = leaf(1.0, 2.0, 3.0), leaf(5.0)
    h = mg.from_numpy(np.ones((3, 2)).T)
    column, last = h[:, 1], h[1, 2]
    h[0] = x
    h[:, 1] += w
    (column * mg.tensor([1.0, 10.0], dtype=mg.float64)).sum().backward(retain_graph=True)
    (last + h[0, 2]).backward()
    assert h.tolist() == [[1.0, 7.0, 3.0], [1.0, 6.0, 1.0]]
    assert (x.grad.tolist(), w.grad.tolist()) == ([0.0, 1.0, 1.0], [11.0])


def test_memory_that_others_see_takes_no_write_with_a_history():
    w, data = leaf(2.0)[0], np.ones((2, 3))
    outside = mg.from_numpy(data)[0]
    held = mg.ones(2, 3, dtype=mg.float64)
    parts = held[0], held[:, 0]
    apart = held.detach()
    del held
    for view in (outside, *parts):
        with pytest.raises(GradError, match=r"^add_: got a view.*Write into the tensor that it is a view of, as in x\[0, 1\] = v"):
            view.add_(w)
    wanting = mg.ones(3, dtype=mg.float64)
    part = wanting[1:].requires_grad_()
    with pytest.raises(GradError, match="^mul_: got a tensor that shares memory with a leaf that requires a gradient"):
        wanting.mul_(w)
    assert (data.sum(), apart.sum().item(), wanting.tolist(), part.is_leaf) == (6.0, 6.0, [1.0, 1.0, 1.0], True)


def test_views_that_are_gone_are_forgotten():
    x = mg.zeros(4)
    for i in range(1000):
        x[i % 4]
    assert len(x.family) < 40


def test_a_view_of_what_nobody_else_sees_is_written_into():
    w = leaf(2.0)
    for make in (lambda: mg.arange(6.0, dtype=mg.float64).reshape(2, 3), lambda: (w * mg.ones(6, dtype=mg.float64)).reshape(2, 3)):
        w.grad = None
        b = make()
        b[0] = w * 3.0
        b[1, 1:] = w
        b.sum().backward()
        assert w.grad.tolist() == [9.0 + 2.0 + (1.0 if make()[1, 0].requires_grad else 0.0)]


@pytest.mark.parametrize(
    ("write", "numbers", "of_source"),
    [
        (lambda y, t: y.zero_(), [0.0, 0.0], None),
        (lambda y, t: y.fill_(7.0), [7.0, 7.0], None),
        (lambda y, t: y.fill_(t), [5.0, 5.0], 14.0),
        (lambda y, t: y.copy_(mg.tensor([1.0, 2.0])), [1.0, 2.0], None),
        (lambda y, t: y.copy_(t * mg.tensor([1.0, 2.0], dtype=mg.float64)), [5.0, 10.0], 24.0),
    ],
)
def test_what_is_written_over_a_computed_tensor_is_its_history(write, numbers, of_source):
    x, t = leaf(3.0, 4.0), mg.tensor(5.0, dtype=mg.float64, requires_grad=True)
    y = x * 2.0
    assert write(y, t) is y
    assert y.tolist() == numbers
    (y * mg.tensor([4.0, 10.0])).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]
    assert (None if t.grad is None else t.grad.item()) == of_source


def test_a_tensor_without_a_gradient_copies_one_with():
    w, h = leaf(1.0, 2.0), mg.zeros(3, 2)
    h.copy_(w).mul_(mg.tensor([[1.0], [2.0], [3.0]]))
    h.sum().backward()
    assert (h.dtype, w.grad.dtype, w.grad.tolist()) == (mg.float32, mg.float64, [6.0, 6.0])


def test_what_cannot_be_written_over_all_changes_nothing():
    x, y = leaf(1.0, 2.0), leaf(1.0, 2.0) * 3.0
    with pytest.raises(GradError, match="^zero_: got a leaf that requires a gradient"):
        x.zero_()
    with pytest.raises(ShapeError, match=r"^copy_: argument value: got shape \(1, 2\), expected a shape that broadcasts to \(2,\)"):
        y.copy_(mg.ones(1, 2))
    counts = mg.tensor([1, 2])
    for write in (lambda: counts.copy_(x), lambda: counts.__setitem__(0, x[0])):
        with pytest.raises(DTypeError, match="argument value: got dtype float64, expected what int64 holds"):
            write()
    assert (x.tolist(), y.tolist(), counts.tolist()) == ([1.0, 2.0], [3.0, 6.0], [1, 2])
    z = x.exp()
    z.zero_()
    with pytest.raises(GradError, match="exp reads its result.*which zero_ has overwritten"):
        z.sum().backward()


def test_add_and_sub_take_a_factor():
    x, y = leaf(1.0, 2.0), mg.tensor([10.0, 20.0], dtype=mg.float64)
    with mg.no_grad():
        assert x.add_(y, alpha=-0.5) is x
    assert x.tolist() == [-4.0, -8.0]
    assert y.clone().sub_(y, alpha=0.5).tolist() == [5.0, 10.0]
    assert mg.tensor([1, 2]).add_(3, alpha=2).tolist() == [7, 8]
    moved = mg.zeros(2, dtype=mg.float64).add_(x, alpha=3.0)
    moved.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    with pytest.raises(GradError, match="add_"):
        x.add_(y, alpha=2.0)


@pytest.mark.parametrize("value", [0, 2.5, True, 2**53, -1e300, math.nan, math.inf])
@pytest.mark.parametrize("make", [lambda: mg.randn(3, 5), lambda: mg.randn(5, 3).T, lambda: mg.randn(6, 10)[::2, ::2]], ids=["whole", "turned", "steps"])
def test_a_number_fills_memory_of_any_layout(make, value):
    x = make()
    want = np.full(x.shape, value, np.float64)
    with np.errstate(over="ignore"):
        assert x.fill_(value) is x
        np.testing.assert_array_equal(x.numpy(), want.astype(np.float32))


def test_what_overlaps_is_read_before_it_is_written():
    x = mg.arange(6.0)
    x[1:].copy_(x[:-1])
    assert x.tolist() == [0.0, 0.0, 1.0, 2.0, 3.0, 4.0]
    with mg.no_grad():
        x -= x
    assert x.tolist() == [0.0] * 6
