"""Functions of one's own, and checkpoints."""

import gc
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import GradError, ShapeError
from minigrad.testing import gradcheck, gradgradcheck


def leaf(*numbers, dtype=mg.float64):
    return mg.tensor(numbers, dtype=dtype, requires_grad=True)


class Cube(mg.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


class Exp(mg.Function):
    """Keeps its result."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y


class SinCos(mg.Function):
    """Two results, and an argument that is no tensor."""

    @staticmethod
    def forward(x, scale):
        return (x * scale).sin(), (x * scale).cos()

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.scale = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, g_sin, g_cos):
        (x,) = ctx.saved_tensors
        return ctx.scale * (g_sin * (x * ctx.scale).cos() - g_cos * (x * ctx.scale).sin()), None


@pytest.mark.parametrize("function", [Cube, Exp])
def test_derivatives_of_every_order(function, backend):
    x = leaf(0.5, -1.0, 2.0)
    assert gradcheck(function.apply, [x])
    assert gradgradcheck(function.apply, [x])
    third = mg.elementwise_grad(mg.elementwise_grad(mg.elementwise_grad(function.apply)))(x)
    np.testing.assert_allclose(third.tolist(), np.full(3, 6.0) if function is Cube else np.exp(x.tolist()))


def test_several_results():
    x = leaf(0.5, -1.0)
    sin, cos = SinCos.apply(x, 2.0)
    np.testing.assert_allclose(cos.tolist(), np.cos([1.0, -2.0]))
    (gradient,) = mg.autograd.grad(cos.sum(), x, retain_graph=True)  # one result alone
    np.testing.assert_allclose(gradient.tolist(), -2 * np.sin([1.0, -2.0]))
    (sin * cos).sum().backward()
    np.testing.assert_allclose(x.grad.tolist(), 2 * np.cos([2.0, -4.0]))

    def product(x):
        sin, cos = SinCos.apply(x, 2.0)
        return sin * cos

    assert gradgradcheck(product, [x])


class Both(mg.Function):
    """Largest and where: a result of integers, one that is an input, and one that is marked."""

    @staticmethod
    def forward(ctx, x):
        ctx.extra, order = "kept", x.argsort()
        ceiling = x.ceil()
        ctx.mark_non_differentiable(ceiling)
        return x, order, ceiling

    @staticmethod
    def backward(ctx, g, g_order, g_ceiling):
        assert (ctx.extra, g_order.dtype, g_ceiling.tolist()) == ("kept", mg.int64, [0.0, 0.0])
        assert ctx.needs_input_grad == (True,)
        return g * 5


def test_results_without_gradients():
    x = leaf(2.5, 1.5)
    y, order, ceiling = Both.apply(x)
    assert (order.tolist(), ceiling.tolist()) == ([1, 0], [3.0, 2.0])
    assert (y.requires_grad, order.requires_grad, ceiling.requires_grad) == (True, False, False)
    assert x.is_leaf
    y.sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]


def test_a_function_of_which_no_result_is_a_float():
    class Count(mg.Function):
        @staticmethod
        def forward(ctx, x):
            return x.long(), x > 1

        @staticmethod
        def backward(ctx, *gradients):
            raise AssertionError("there is nothing to go back from")

    whole, large = Count.apply(leaf(1.5, 2.5))
    assert (whole.tolist(), large.tolist()) == ([1, 2], [True, True])
    assert (whole.requires_grad, large.requires_grad) == (False, False)


def test_nothing_is_recorded_where_nothing_is_wanted():
    assert Cube.apply(mg.tensor([2.0])).node is None
    with mg.no_grad():
        assert Cube.apply(leaf(2.0)).node is None
    assert Cube.apply(leaf(2.0)).grad_fn.op.name == "Cube"


def test_freeing_and_retaining():
    x = leaf(2.0)
    y = Exp.apply(x)
    loss = (y * y).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    with pytest.raises(GradError, match="freed by an earlier backward"):
        loss.backward()


def test_a_node_is_no_part_of_what_it_keeps():
    """The collector is off: a circle through the result would keep the node alive."""
    gc.collect()
    gc.disable()
    try:
        node = weakref.ref(Exp.apply(leaf(2.0)).node)
        assert node() is None
    finally:
        gc.enable()


def test_writing_into_what_a_function_keeps():
    x = leaf(2.0)
    loss = Cube.apply(x).sum()
    with mg.no_grad():
        x += 1.0
    with pytest.raises(GradError, match=r"backward: Cube reads its saved_tensors, which \+= has overwritten"):
        loss.backward()


def backward_of(result):
    class Wrong(mg.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return result(g)

    return Wrong.apply(leaf(1.0, 2.0), leaf(3.0, 4.0))


@pytest.mark.parametrize(
    ("result", "error", "text"),
    [
        (lambda g: g, GradError, "got 1 gradients, expected one for each of the 2 arguments of apply"),
        (lambda g: (g, g, g), GradError, "got 3 gradients, expected one for each of the 2"),
        (lambda g: (g, [1.0, 2.0]), TypeError, "got a list for argument 1, expected a tensor or None"),
        (lambda g: (g[:1], g), ShapeError, r"got shape \(1,\) for argument 0, expected the argument's shape \(2,\)"),
    ],
)
def test_a_backward_that_returns_no_gradients(result, error, text):
    with pytest.raises(error, match=r"^Wrong.backward: " + text):
        backward_of(result).sum().backward()
    backward_of(lambda g: (g, None, None)).sum().backward()  # None, and more of them, is well


def test_a_gradient_of_a_broadcast_argument_is_summed():
    class Spread(mg.Function):
        @staticmethod
        def forward(ctx, x):
            return x.expand(3, 2)

        @staticmethod
        def backward(ctx, g):
            return g

    x = leaf(1.0, 2.0)
    Spread.apply(x).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_kept_result_that_nobody_else_keeps():
    class Pair(mg.Function):
        @staticmethod
        def forward(ctx, x):
            sin, cos = x.sin(), x.cos()
            ctx.save_for_backward(sin, cos)
            return sin, cos

        @staticmethod
        def backward(ctx, g_sin, g_cos):
            sin, cos = ctx.saved_tensors
            return g_sin * cos - g_cos * sin

    x = leaf(0.5, -1.0)
    assert gradgradcheck(lambda x: Pair.apply(x)[0], [x])


def test_an_input_that_is_kept_and_returned_is_kept_as_the_input():
    class Same(mg.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2.0 * x

    x = leaf(3.0)
    (first,) = mg.autograd.grad(Same.apply(x).sum(), x, create_graph=True)
    assert mg.autograd.grad(first.sum(), x)[0].tolist() == [2.0]
    with pytest.raises(GradError, match="mul_: got a view, by Same, expected a tensor with memory of its own"):
        Same.apply(x).mul_(5.0)
    assert x.tolist() == [3.0]


def test_results_of_two_types_have_gradients_of_those():
    class Types(mg.Function):
        @staticmethod
        def forward(ctx, x):
            return x.float(), x * 3.0

        @staticmethod
        def backward(ctx, *gradients):
            assert [g.dtype for g in gradients] == [mg.float32, mg.float64]
            return gradients[1]

    x = leaf(1.0)
    (Types.apply(x)[1] * 0.1).sum().backward()
    assert x.grad.tolist() == [0.1]


def test_misuse():
    with pytest.raises(TypeError, match=r"^Cube: call it by Cube.apply"):
        Cube(leaf(1.0))
    with pytest.raises(NotImplementedError, match="forward"):
        type("Empty", (mg.Function,), {}).apply(leaf(1.0))

    class Forward(mg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1.0

    y = Forward.apply(leaf(1.0)).sum()
    with pytest.raises(NotImplementedError, match="^Function: define `@staticmethod def backward"):
        y.backward()

    class Dirty(Cube):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)

    class Kept(Cube):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(2.0)

    with pytest.raises(GradError, match="Dirty: mark_dirty is not offered"):
        Dirty.apply(leaf(1.0))
    with pytest.raises(TypeError, match=r"Kept.save_for_backward: argument 0: got a float, expected a tensor"):
        Kept.apply(leaf(1.0))


# -- checkpoints -------------------------------------------------------------------------------------------------------


def network():
    mg.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1)).double()


def gradients(net, run, x):
    mg.manual_seed(5)
    for p in net.parameters():
        p.grad = None
    x.grad = None
    loss = (run(x) ** 2).sum()
    loss.backward()
    return [loss.tolist(), x.grad.tolist(), *[p.grad.tolist() for p in net.parameters()]], mg.rand(3).tolist()


@pytest.mark.parametrize("nested", [False, True])
def test_a_checkpoint_has_the_bits_of_the_whole(nested, backend):
    net, x = network(), mg.tensor(np.random.default_rng(0).normal(size=(5, 4)), requires_grad=True)
    inner = (lambda h: mg.checkpoint(net[1:5], h)) if nested else net[1:5]
    assert gradients(net, net, x) == gradients(net, lambda x: net[5](mg.checkpoint(lambda x: inner(net[0](x)), x)), x)
    assert gradients(net, net, x) == gradients(net, lambda x: mg.checkpoint_sequential(net, 3, x), x)


def test_a_checkpoint_in_higher_derivatives_and_with_nested_arguments():
    def f(x, pair):
        return x.sin() * pair["y"].exp() * x

    x, y = leaf(0.5, 2.0), leaf(-1.0, 0.3)
    assert gradgradcheck(lambda x, y: mg.checkpoint(f, x, {"y": y}), [x, y])
    third = mg.elementwise_grad(mg.elementwise_grad(mg.elementwise_grad(lambda x: mg.checkpoint(lambda x: x**4, x))))
    np.testing.assert_allclose(third(x).tolist(), 24 * np.array([0.5, 2.0]))


def test_a_checkpoint_keeps_its_arguments_alone():
    x = leaf(*np.linspace(0, 1, 50))
    y = mg.checkpoint(lambda x: x.exp().sin().exp().sin(), x)
    node, kept = y.node, set()
    while node is not x:
        kept.add(type(node.saved).__name__)
        node = node.parents[0]
    assert kept == {"_Segment"}
    y.sum().backward()
    assert y.node.saved is None


def test_a_checkpoint_without_recording_just_calls():
    calls = []
    with mg.no_grad():
        assert mg.checkpoint(lambda x: calls.append(1) or x * 2, leaf(1.0)).tolist() == [2.0]
    assert mg.checkpoint(lambda: 7) == 7
    assert calls == [1]


def test_what_a_checkpoint_refuses():
    x = leaf(1.0, 2.0)
    y = mg.checkpoint(lambda x: (x + 1.0).exp(), x)
    with mg.no_grad():
        x += 1.0
    with pytest.raises(GradError, match=r"checkpoint: argument args\[0\]: got a tensor that \+= has overwritten"):
        y.sum().backward()
    steps = iter([1, 2])

    def changing(x):
        for _ in range(next(steps)):
            x = x.exp()
        return x

    with pytest.raises(GradError, match="checkpoint: the function recorded 1 ops in the forward pass, and 2 or others"):
        mg.checkpoint(changing, x).sum().backward()
    w = leaf(1.0, 2.0)
    y = mg.checkpoint(lambda x: x * w, x)
    with mg.no_grad():
        w *= 2.0
    with pytest.raises(GradError, match=r"function: what mul reads, of shape \(2,\): got a tensor that \*= has overwritten"):
        y.sum().backward()
    with pytest.raises(TypeError, match="checkpoint: argument function: got a float"):
        mg.checkpoint(1.0, x)
    with pytest.raises(ValueError, match="checkpoint_sequential: argument segments: got 4, expected 1 to 3"):
        mg.checkpoint_sequential([mg.exp] * 3, 4, x)
    z = mg.checkpoint(mg.exp, x).sum()
    z.backward()
    with pytest.raises(GradError, match="freed by an earlier backward"):
        z.backward()


def test_a_checkpoint_of_writes_in_place(backend):
    def f(x):
        y = (x * 2.0).mul_(3.0)
        z = y.sin()
        w = x * 1.0
        w[0] = x[1] * x[0]
        return z.mul_(x.exp()) * w

    x = leaf(0.5, 0.7)
    assert gradgradcheck(lambda x: mg.checkpoint(f, x), [x])
    assert gradgradcheck(lambda x: mg.checkpoint(lambda x: mg.checkpoint(f, x.sin()) * x, x), [x])

    def wrong(x):
        y = x.exp()
        y.mul_(2.0)
        return y

    with pytest.raises(GradError, match="exp reads its result of shape .* which mul_ has overwritten"):
        mg.checkpoint(wrong, x).sum().backward()


@pytest.mark.parametrize("function", [Exp.apply, lambda x: SinCos.apply(x, 2.0)[1], lambda x: Exp.apply(x).sin()])
def test_a_checkpoint_of_a_function(function):
    x = leaf(0.5, 0.7)
    assert gradgradcheck(lambda x: mg.checkpoint(lambda x: function(x * x), x), [x])
    third = mg.elementwise_grad(mg.elementwise_grad(mg.elementwise_grad(function)))
    again = mg.elementwise_grad(mg.elementwise_grad(mg.elementwise_grad(lambda x: mg.checkpoint(function, x))))
    assert again(x).tolist() == third(x).tolist()


@pytest.mark.parametrize("given", [lambda w: {"w": w}, lambda w: {"w": [{"deep": w}]}])
def test_a_checkpoint_whose_keywords_were_overwritten(given):
    def f(x, w):
        w = w[0]["deep"] if isinstance(w, list) else w
        return (w + 1.0).exp() * x

    x, w = leaf(1.0), leaf(2.0)
    y = mg.checkpoint(f, x, **given(w))
    with mg.no_grad():
        w *= 3.0
    with pytest.raises(GradError, match=r"checkpoint: argument w: got a tensor that \*= has overwritten since"):
        y.sum().backward()


def test_a_checkpoint_in_memory_that_others_have_written_into():
    x = leaf(0.5, 0.7)
    y = mg.checkpoint(lambda x: x.exp().sin().exp(), x)
    for _ in range(12):
        others = [mg.ones(2, dtype=mg.float64) for _ in range(12)]
        for one in others:
            one += 1.0
    del others, one
    y.sum().backward()
    z = mg.exp(mg.sin(mg.exp(x)))
    assert x.grad.tolist() == mg.autograd.grad(z.sum(), x)[0].tolist()


def test_a_checkpoint_whose_function_reads_a_leaf_that_was_overwritten():
    x, w = leaf(1.0), leaf(2.0)
    y = mg.checkpoint(lambda x: (w + 1.0).exp() * x, x)  # which keeps exp(w + 1), not w
    with mg.no_grad():
        w *= 3.0
    with pytest.raises(GradError, match=r"checkpoint: argument function: a leaf that add reads: got a tensor that \*= has"):
        y.sum().backward()


@pytest.mark.parametrize("materialize", [True, False, None])
def test_results_to_which_no_gradient_comes(materialize):
    seen = []

    class Three(mg.Function):
        @staticmethod
        def forward(ctx, x):
            if materialize is not None:
                ctx.set_materialize_grads(materialize)
            return x * 2.0, x * 3.0, (x > 0).long()

        @staticmethod
        def backward(ctx, *gradients):
            seen.append([None if g is None else g.tolist() for g in gradients])
            return sum(g * k for g, k in zip(gradients, (2.0, 3.0), strict=False) if g is not None)

    absent = None if materialize is False else [0.0, 0.0]
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    for used, gradients in (((0,), [[1.0, 1.0], absent]), ((1,), [absent, [1.0, 1.0]]), ((0, 1), [[1.0, 1.0]] * 2)):
        results = Three.apply(x)
        sum(results[i].sum() for i in used).backward(retain_graph=True)
        assert seen.pop()[:2] == gradients
        results[0].sum().backward()  # what came before is forgotten
        assert seen.pop() == [[1.0, 1.0], absent, absent and [0, 0]]


def test_arguments_are_given_by_position():
    class Same(mg.Function):
        @staticmethod
        def forward(ctx, x):
            return x

    with pytest.raises(TypeError, match=r"^Same.apply: got the keywords x, expected its arguments by position alone"):
        Same.apply(x=mg.ones(2))


def test_a_backward_that_writes_into_its_gradient_changes_no_one_elses():
    class Doubled(mg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2.0

        @staticmethod
        def backward(ctx, g):
            return g.mul_(2.0)

    for _ in range(2):
        x = mg.tensor(3.0, requires_grad=True)
        Doubled.apply(x).backward()
        assert x.grad.item() == 2.0
    assert (mg.tensor(5.0) * 1.0).item() == 5.0
