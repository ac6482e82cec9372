"""Hooks of modules: their order, what they may replace, and what they see of the gradients."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import GradError


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


def test_several_inputs_and_outputs():
    class Cross(nn.Module):
        def forward(self, x, n, y):
            return x * y, x + n

    net, seen = Cross(), []
    net.register_full_backward_hook(lambda m, gi, go: seen.append(([g and g.tolist() for g in gi], [g.tolist() for g in go])))
    x, y = rows(2.0, wants=True), rows(5.0)
    net(x, 7, y)[0].sum().backward()
    assert seen == [([[5.0], None], [[1.0], [0.0]])]
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

    class Text(nn.Module):
        def forward(self, x):
            return "text"

    net = Text()
    net.register_full_backward_hook(lambda *_: None)
    with pytest.raises(GradError, match="Text: backward hook: got a str as output"):
        net(rows(1.0, wants=True))
