"""The tape as it is seen: its listing, debug mode's lines, and the search for what makes a NaN."""

import re
import threading

import numpy as np
import pytest

import minigrad as mg
from minigrad import _tape, nn
from minigrad.errors import AnomalyError, GradError


def leaf(*numbers, dtype=mg.float64):
    return mg.tensor(numbers, dtype=dtype, requires_grad=True)


# -- the tape ----------------------------------------------------------------------------------------------------------


def test_a_tape_is_the_program():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    loss = ((x * w).exp() + x).sum()
    tape = mg.tape(loss, names={"x": x})
    assert [s.op for s in tape] == ["mul", "exp", "add", "sum"]
    assert [s.inputs for s in tape] == [("x", "leaf0"), ("#0",), ("#1", "x"), ("#2",)]
    assert [s.kept for s in tape] == [0, 16, 0, 0]  # exp keeps its result; the leaves' memory is their own
    assert (len(tape), tape.kept, tape[1].shape, tape[-1].shape, tape[0].dtype) == (4, 16, (2,), (), mg.float64)
    assert [s.op for s in tape[1:3]] == ["exp", "add"]
    assert str(tape).splitlines() == [
        "#  op   inputs    shape  dtype    kept",
        "0  mul  x, leaf0  (2,)   float64   0 B",
        "1  exp  #0        (2,)   float64  16 B",
        "2  add  #1, x     (2,)   float64   0 B",
        "3  sum  #2        ()     float64   0 B",
        "4 ops, 16 B kept for backward",
    ]
    loss.backward()
    assert [s.kept for s in mg.tape(loss)] == [None] * 4
    assert "freed" in str(mg.tape(loss))
    assert repr(tape[1]) == "<step #1 exp(#0) (2,)>"
    assert re.fullmatch(r"<#\d+ sum \(\)>", repr(loss.node))
    with pytest.raises(IndexError):
        tape[4]


def test_shared_memory_is_counted_once_and_several_results_are_one_tape():
    x = leaf(*range(100))
    y = x * 2.0
    a, b = y * y, (y * y).expand(3, 100)
    tape = mg.tape(a, b)
    assert [s.op for s in tape] == ["mul", "mul", "mul", "expand"]
    assert [s.kept for s in tape] == [8, 800, 0, 0]
    net = nn.Linear(2, 3)
    assert mg.tape(net(mg.ones(1, 2)), names=net)[0].inputs == ("-", "weight", "bias")


@pytest.mark.parametrize(("result", "got"), [(3.0, "a float"), (mg.ones(2), "a tensor without history"), (leaf(1.0), "a leaf")])
def test_what_has_no_tape(result, got):
    with pytest.raises(GradError, match=rf"^tape: argument results\[0\]: got {got}, expected a tensor that was computed"):
        mg.tape(result)


# -- lines -------------------------------------------------------------------------------------------------------------


def test_debug_mode_names_both_lines():
    x = leaf(1.0, 2.0)
    assert not mg.is_debug_mode()
    with mg.debug_mode():
        assert mg.is_debug_mode()
        loss = x.exp().mul(x).sum()  # the recording line
        with mg.no_grad():
            x += 1.0  # the writing line
        line = mg.tape(loss)[0].line
    assert not mg.is_debug_mode()
    assert (line.file, "the recording line" in str(line)) == (__file__, True)
    text = r"mul, recorded at test_listing.py:\d+ `.*the recording line`, reads its input y of shape \(2,\), which \+= has overwritten "
    with pytest.raises(GradError, match=text + r"since at test_listing.py:\d+ `.*the writing line`: one of"):
        loss.backward()
    assert mg.tape(x * 2.0)[0].line is None


def test_without_it_the_error_says_how_to_get_the_lines():
    x = leaf(1.0, 2.0)
    loss = (x * x).sum()
    with mg.no_grad():
        x += 1.0
    with pytest.raises(GradError, match=r"Inside `with minigrad.debug_mode\(\):` this error names both lines"):
        loss.backward()


def test_the_line_of_a_freed_graph_and_the_switch():
    mg.debug_mode(True)
    try:
        y = leaf(1.0).exp()  # freed
        y.backward()
        with pytest.raises(GradError, match=r"the graph behind exp, recorded at test_listing.py:\d+ `.*# freed`, has been freed"):
            y.backward()
        with mg.debug_mode(False):
            assert not mg.is_debug_mode()
        assert mg.is_debug_mode()
    finally:
        mg.debug_mode(False)


def test_blocks_of_debug_mode_that_overlap_end_as_before():
    first, second = mg.debug_mode(), mg.debug_mode()
    with second:
        with first:
            mg.debug_mode(False)
            assert not mg.is_debug_mode()
        assert mg.is_debug_mode()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert mg.is_debug_mode()
    second.__exit__(None, None, None)
    assert not mg.is_debug_mode()


# -- anomalies ---------------------------------------------------------------------------------------------------------


def message_of(run, **options):
    with pytest.raises(AnomalyError) as caught, mg.detect_anomaly(**options):
        run()
    return str(caught.value)


def test_the_producer_in_forward(backend):
    x = leaf(1.0, 0.0, 2.0, 0.0)
    text = message_of(lambda: (x.reshape(2, 2).log() * 2.0).sum())
    assert re.match(r"detect_anomaly, forward at test_listing.py:\d+ `.*`: log made -inf at index \[0, 1\] \(2 of 4 elements\) ", text)
    assert "from x = 0.0. log is -inf at 0" in text
    assert "sub made nan at index [1] (1 of 2 elements) from x = inf, y = inf." in message_of(
        lambda: mg.tensor([1.0, np.inf]) - mg.tensor([0.0, np.inf])
    )
    assert "exp made inf at index [0]" in message_of(lambda: mg.tensor([1000.0]).exp())


def test_the_producer_in_backward(backend):
    x = leaf(0.0, 4.0)

    def masked():
        loss = mg.where(x > 0, x.sqrt(), 0.0 * x).sum()  # the masked line
        loss.backward()

    text = message_of(masked)
    assert re.match(r"detect_anomaly, backward of sqrt recorded at test_listing.py:\d+ `.*the masked line`: div made ", text)
    assert "0 / 0 is nan: where a branch is masked out" in text
    assert x.grad is None


def test_what_comes_from_outside():
    data = mg.tensor([[1.0, 2.0], [np.nan, 1.0]])
    text = message_of(lambda: (data * 2.0).exp())
    assert "mul met a nan in x at index [1, 0] (1 of 4 elements), which no op has made" in text
    text = message_of(lambda: leaf(1.0).exp().backward(mg.tensor([np.nan], dtype=mg.float64)))
    assert text.startswith("detect_anomaly, backward of exp")
    assert "the gradient that backward was given" in text


def test_infinities_on_purpose_and_options():
    x = leaf(1.0, 2.0, 3.0)
    with mg.detect_anomaly():
        masked = x.masked_fill(mg.tensor([True, False, False]), -np.inf)
        masked.softmax(0)[1].backward()
    assert x.grad.tolist()[0] == 0.0
    zero = leaf(0.0)
    with mg.detect_anomaly(inf=False):
        zero.log()
    with mg.detect_anomaly(forward=False):
        zero.log()
    with mg.detect_anomaly(backward=False):
        zero.sqrt().backward()
    with mg.detect_anomaly(False):
        assert mg.is_debug_mode()
        zero.log()
    zero.log()
    assert "div made" in message_of(lambda: zero.sqrt().backward(), forward=False)


def test_nothing_stays_after_it():
    before = (mg.exp.op.run, mg.mul.op.run_planned, mg.mul.op.joint)
    message_of(lambda: leaf(0.0).log())
    assert (mg.exp.op.run, mg.mul.op.run_planned, mg.mul.op.joint) == before
    leaf(0.0).log()

    @mg.autograd.detect_anomaly()
    def run():
        return leaf(0.0).log()

    with pytest.raises(AnomalyError):
        run()


def test_blocks_of_two_threads_overlap_and_end_as_before():
    """As those of two threads would: each is entered within the other, and left after it."""
    plain = _tape.gradients
    first, second = mg.detect_anomaly(), mg.detect_anomaly()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    with pytest.raises(AnomalyError, match="^detect_anomaly, backward of sqrt"):
        leaf(0.0).sqrt().backward()
    second.__exit__(None, None, None)
    assert (_tape.gradients is plain, mg.is_debug_mode()) == (True, False)


def test_the_forward_pass_of_one_thread_is_not_the_backward_of_another():
    inside, leave = threading.Event(), threading.Event()

    def backward():
        Waiting.apply(leaf(1.0)).sum().backward()

    class Waiting(mg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1.0

        @staticmethod
        def backward(ctx, g):
            inside.set()
            leave.wait(10)
            return g

    thread = threading.Thread(target=backward)
    with mg.detect_anomaly():
        thread.start()
        assert inside.wait(10)
        with pytest.raises(AnomalyError) as caught:
            leaf(0.0).log()
        leave.set()
        thread.join()
    assert str(caught.value).startswith("detect_anomaly, forward at test_listing.py")


def test_leaves_without_a_name_get_one_that_nobody_has():
    x, y, z = leaf(1.0), leaf(2.0), leaf(3.0)
    steps = mg.tape(x * y * z, names={"leaf1": y})
    assert [step.inputs for step in steps] == [("leaf0", "leaf1"), ("#0", "leaf2")]
    with pytest.raises(TypeError, match=r"tape: argument names: got a list, expected a dict \{name: tensor\}, or a module"):
        mg.tape(x * y, names=["x"])


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_a_nan_that_the_backward_of_a_function_returns(dtype):
    class Wrong(mg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2.0

        @staticmethod
        def backward(ctx, g):
            return mg.tensor([1.0, np.nan])

    x = leaf(1.0, 2.0, dtype=dtype)  # of float64 the walk converts the gradient
    with mg.detect_anomaly(), pytest.raises(AnomalyError) as caught:
        Wrong.apply(x * 1.0).sum().backward()  # the line
    text = str(caught.value)
    assert re.match(r"detect_anomaly, backward of Wrong recorded at test_listing.py:\d+ `.*# the line`: the gradient that ", text)
    assert text.endswith("it returned is nan at index [1] (1 of 2 elements).")
    with mg.detect_anomaly(backward=False):
        Wrong.apply(x := leaf(1.0, 2.0, dtype=mg.float32)).sum().backward()
    assert np.isnan(x.grad.tolist()).tolist() == [False, True]


def test_a_tape_is_that_of_a_result():
    with pytest.raises(TypeError, match=r"^tape: argument results: got nothing.*minigrad.tape\(loss\)"):
        mg.tape()
