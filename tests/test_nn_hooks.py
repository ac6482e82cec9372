"""Hooks of modules: their order, what they may replace, and what they see of the gradients."""

import pickle
from collections import namedtuple

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import GradError, ShapeError


def layer():
    made = nn.Linear(2, 1, bias=False).double()
    with mg.no_grad():
        made.weight.copy_(mg.tensor([[2.0, -1.0]]))
    return made


def rows(*numbers, wants=False):
    return mg.tensor(numbers, dtype=mg.float64, requires_grad=wants)


def test_forward_hooks_see_and_replace():
    net, seen = layer(), []
    handles = [
        net.register_forward_pre_hook(lambda m, args: seen.append(("in", args[0].tolist())) or args[0] * 10.0),
        net.register_forward_hook(lambda m, args, out: seen.append(("out", args[0].tolist(), out.tolist())) or out + 0.5),
        net.register_forward_hook(lambda m, args, out: seen.append(("first", m is net)), prepend=True),
    ]
    assert net(rows([1.0, 1.0])).tolist() == [[10.5]]
    assert seen == [("in", [[1.0, 1.0]]), ("first", True), ("out", [[10.0, 10.0]], [[10.0]])]
    for handle in handles:
        handle.remove()
    assert net(rows([1.0, 1.0])).tolist() == [[1.0]]
    assert len(seen) == 3


def test_hooks_with_keywords_and_after_a_failure():
    class Scaled(nn.Module):
        def forward(self, x, scale=1.0):
            if scale == 0:
                raise ZeroDivisionError
            return x * scale

    net, seen = Scaled(), []
    net.register_forward_pre_hook(lambda m, args, kw: (args, {"scale": kw["scale"] + 1}), with_kwargs=True)
    net.register_forward_hook(lambda m, args, kw, out: seen.append((kw["scale"], out is None)), with_kwargs=True, always_call=True)
    assert net(rows(1.0), scale=2.0).tolist() == [3.0]
    with pytest.raises(ZeroDivisionError):
        net(rows(1.0), scale=-1.0)
    assert seen == [(3.0, False), (0.0, True)]


@pytest.mark.parametrize("wants", [False, True])
def test_a_backward_hook_sees_both_gradients(wants):
    net, seen = layer(), []
    net.register_full_backward_hook(lambda m, gi, go: seen.append((None if gi[0] is None else gi[0].tolist(), go[0].tolist())))
    x = rows([1.0, 3.0], wants=wants)
    (net(x) * 5.0).sum().backward()
    assert seen == [([[10.0, -5.0]] if wants else None, [[5.0]])]
    assert net.weight.grad.tolist() == [[5.0, 15.0]]


def test_backward_hooks_replace():
    net = layer()
    net.register_full_backward_pre_hook(lambda m, go: (go[0] * 3.0,))
    net.register_full_backward_hook(lambda m, gi, go: (gi[0] * 0.0 + go[0],))
    x = rows([1.0, 3.0], wants=True)
    net(x).sum().backward()
    assert net.weight.grad.tolist() == [[3.0, 9.0]]
    assert x.grad.tolist() == [[3.0, 3.0]]


def numbers(g):
    return None if g is None else g.tolist()


def test_several_inputs_and_outputs():
    class Cross(nn.Module):
        def forward(self, x, n, y):
            return x * y, x + n

    net, seen = Cross(), []
    net.register_full_backward_hook(lambda m, gi, go: seen.append(([numbers(g) for g in gi], [numbers(g) for g in go])))
    x, y = rows(2.0, wants=True), rows(5.0)
    net(x, 7, y)[0].sum().backward()
    assert seen == [([[5.0], None, [0.0]], [[1.0], None])]
    first, second = net(x, 7, y)
    np.testing.assert_array_equal(mg.autograd.grad((first * second).sum(), x)[0].tolist(), [5 * 9 + 10])


def test_hooks_are_no_part_of_the_state():
    net = nn.Sequential(layer(), nn.ReLU())
    net[0].register_forward_hook(lambda *_: None)
    assert list(net.state_dict()) == ["0.weight"]
    assert "_hooks" not in repr(net)


def test_misuse():
    net = layer()
    with pytest.raises(TypeError, match="Linear: register a hook: argument hook: got a float"):
        net.register_forward_hook(1.0)
    net.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0]))
    with pytest.raises(GradError, match="Linear: backward hook: got 2 gradients, expected 1, as grad_input has"):
        net(rows([1.0, 2.0], wants=True)).sum().backward()


class Returning(nn.Module):
    """Gives what a function makes of its parameter, 2, and the arguments."""

    def __init__(self, function):
        super().__init__()
        self.function, self.weight = function, nn.Parameter(mg.tensor(2.0))

    def forward(self, *args):
        return self.function(self.weight, *args)


@pytest.mark.parametrize("function", [lambda w, x: {"a": x * w}, lambda w, x: [x * w], lambda w, x: None, lambda w, x: "text"])
def test_a_result_that_hides_tensors_is_watched_by_nobody(function):
    net, seen = Returning(function), []
    net.register_full_backward_hook(lambda *_: seen.append("after"))
    net.register_full_backward_pre_hook(lambda *_: seen.append("before"))
    x = rows(1.0, wants=True)
    with pytest.warns(UserWarning, match=r"^Returning: backward hook: got a \w+, expected a tensor or a tuple.*not called"):
        result = net(x)
    for out in result.values() if isinstance(result, dict) else result or ():
        if not isinstance(out, str):
            out.sum().backward()
            assert (x.grad.tolist(), net.weight.grad.item()) == ([2.0], 1.0)
    assert seen == []


# What PyTorch 2.13 gives its hooks in the same cases.
@pytest.mark.parametrize(
    ("function", "args", "grad_input", "grad_output"),
    [
        (lambda w, x: (x * w, None), (True,), [[2.0]], [[1.0], None]),
        (lambda w, x: (x * w, 3, mg.tensor(1)), (True,), [[2.0]], [[1.0], None, None]),
        (lambda w, x: (x * w, x * 3), (True,), [[2.0]], [[1.0], None]),
        (lambda w, x: (x * w, (x + 1,)), (True,), [[2.0]], [[1.0], None]),
        (lambda w, x, k, y: x * w * k + y, (True, 3, True), [[6.0], None, [1.0]], [[1.0]]),
        (lambda w, k, x, y: x * w + y, (None, True, False), [None, [2.0], [0.0]], [[1.0]]),
        (lambda w, x, y: x * w, (True, True), [[2.0], [0.0]], [[1.0]]),
        (lambda w, k, x: x * w, (None, False), [None, None], [[1.0]]),
        (lambda w, k: w * mg.ones(1), (None,), [None], [[1.0]]),
    ],
)
def test_none_stands_for_what_is_no_tensor_and_for_results_that_nobody_used(function, args, grad_input, grad_output):
    net, seen = Returning(function), []
    net.register_full_backward_hook(lambda m, gi, go: seen.append(([numbers(g) for g in gi], [numbers(g) for g in go])))
    given = [rows(1.0, wants=x) if isinstance(x, bool) else x for x in args]
    result = net(*given)
    (result[0] if isinstance(result, tuple) else result).sum().backward()
    assert seen == [(grad_input, grad_output)]
    wanting = [x for x in given if isinstance(x, mg.Tensor) and x.requires_grad]
    arrived = [g for x, g in zip(given, grad_input, strict=True) if any(x is one for one in wanting)]
    assert [x.grad.tolist() for x in wanting] == arrived


def test_within_a_module_that_is_watched_arguments_want_gradients_as_outside():
    seen = []
    net = Returning(lambda w, x, y: [seen.append((x.requires_grad, y.requires_grad)), x * w + y][1])
    net.register_full_backward_hook(lambda *_: None)
    net(rows(1.0, wants=True), rows(1.0)).sum().backward()
    assert seen == [(True, False)]


class Sine(nn.Module):
    def forward(self, x):
        return x.sin()


def test_hooks_that_are_always_called_keep_their_place():
    net = Sine()
    net.register_forward_hook(lambda m, args, out: out * 2.0, always_call=True)
    net.register_forward_hook(lambda m, args, out: out + 1.0)
    assert net(rows(0.0)).tolist() == [1.0]
    seen = []
    net.register_forward_hook(lambda m, args, out: 1 / 0)
    net.register_forward_hook(lambda m, args, out: seen.append("not called"))
    net.register_forward_hook(lambda m, args, out: seen.append(out.tolist()), always_call=True)
    with pytest.raises(ZeroDivisionError):
        net(rows(0.0))
    assert seen == [[1.0]]


def doubled(module, args, output):
    return output * 2.0


def test_a_module_with_hooks_is_pickled():
    net = layer()
    net.register_forward_hook(doubled)
    x = rows([1.0, 3.0])
    assert pickle.loads(pickle.dumps(net))(x).tolist() == net(x).tolist() == [[-2.0]]


def test_what_a_hook_before_forward_returns():
    class Pick(nn.Module):
        def forward(self, pair, options):
            return pair[0] * options["scale"]

    net = Pick()
    net.register_forward_pre_hook(lambda m, args: (args[0], {"scale": 3.0}))  # the arguments, not (args, keywords)
    assert net((rows(1.0),), {"scale": 2.0}).tolist() == [3.0]
    net.register_forward_pre_hook(lambda m, args, kw: args[:1], with_kwargs=True)
    with pytest.raises(TypeError, match=r"Pick: forward pre-hook: got a tuple of 1, expected None, or \(args, keywords\)"):
        net((rows(1.0),), {})


def test_a_second_derivative_passes_no_backward_hook():
    net, seen = Sine(), []
    net.register_full_backward_hook(lambda m, gi, go: seen.append(len(gi)) or (gi[0] * 10.0,))
    x = rows(2.0, wants=True)
    (slope,) = mg.autograd.grad(net(x).sum(), x, create_graph=True)
    (second,) = mg.autograd.grad(slope.sum(), x)
    assert seen == [1]
    np.testing.assert_allclose([slope.item(), second.item()], [10 * np.cos(2.0), -10 * np.sin(2.0)])


def test_a_named_tuple_keeps_its_names():
    pair = namedtuple("pair", "left right")

    class Named(nn.Module):
        def forward(self, x):
            return pair(x * 2.0, x * 3.0)

    net = Named()
    net.register_full_backward_hook(lambda m, gi, go: [gi[0] * 2.0])
    x = rows(1.0, wants=True)
    net(x).right.sum().backward()
    assert x.grad.tolist() == [6.0]


@pytest.mark.parametrize(
    ("returned", "error", "text"),
    [
        (lambda g: (2.0,), TypeError, r"argument grad_input\[0\]: got a float, expected a tensor or None"),
        (lambda g: g.sum(), ShapeError, r"argument grad_input\[0\]: got shape \(\), expected the gradient's shape \(1, 2\)"),
    ],
)
def test_gradients_that_are_none(returned, error, text):
    net = layer()
    net.register_full_backward_hook(lambda m, gi, go: returned(gi[0]))
    with pytest.raises(error, match="Linear: backward hook: " + text):
        net(rows([1.0, 2.0], wants=True)).sum().backward()


def test_a_module_with_backward_hooks_writes_into_no_input():
    class Writing(nn.Module):
        def forward(self, x):
            return x.relu_()

    net = Writing()
    net.register_full_backward_hook(lambda *_: None)
    x = rows(-1.0, wants=True) * 1.0
    with pytest.raises(GradError, match="relu_: got a view, by ModuleGate, expected a tensor with memory of its own"):
        net(x)
    assert x.tolist() == [-1.0]
