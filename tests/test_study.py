"""Backpropagation to look at: explained, walked through, drawn and timed."""

import json
import re
import threading
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import minigrad as mg
from minigrad import _backend, nn, study
from minigrad.errors import DTypeError, GradError, ShapeError


def leaves():
    x = mg.tensor([1.0, 2.0], dtype=mg.float64, requires_grad=True)
    w = mg.tensor([3.0, 4.0], dtype=mg.float64, requires_grad=True)
    return {"x": x, "w": w}


def program(x, w):
    return ((x * w).exp().log() + x * 2.0 + x * x).sum()


def network():
    mg.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Tanh(), nn.Dropout(0.2), nn.Linear(4, 2))
    return net, nn.functional.cross_entropy(net(mg.randn(5, 3)), mg.tensor([0, 1, 1, 0, 1]))


# -- explain -----------------------------------------------------------------------------------------------------------------


def test_an_explanation_names_what_each_formula_reads():
    x, w = leaves().values()
    loss = ((x * w).exp() * 2.0 - x).sum()
    assert str(mg.explain(loss, names={"x": x, "w": w})).splitlines() == [
        "Forward from top to bottom. Backward from bottom to top, where g is the gradient of an op's result:",
        "#0 = mul(x, w), shape (2,)",
        "      d x += mul(g, w)",
        "      d w += mul(g, x)",
        "#1 = exp(#0), shape (2,)",
        "      d #0 += mul(g, #1)",
        "#2 = mul(#1, -), shape (2,)",
        "      d #1 += mul(g, 2)",
        "#3 = sub(#2, x), shape (2,)",
        "      d #2 += g",
        "      d x  += neg(g)",
        "#4 = sum(#3), shape ()",
        "      d #3 += spread(g, dim=(0,), shape=(2,))",
    ]


def test_every_record_has_a_text_for_its_derivative():
    """Found by its source, and not the stand-in for what has none."""
    from minigrad import _op
    from minigrad.study import _formulas

    for op in _op.registry.values():
        if isinstance(op, _op.Op):
            for name, function in op.vjp.items():
                assert "lambda" in _formulas.text(function, name) or "def " in _formulas.text(function, name)


def test_lines_stand_beside_ops_in_debug_mode():
    with mg.debug_mode():
        loss = program(*leaves().values())
    assert re.search(r"#0 = mul\(.*test_study\.py:\d+ `return \(\(x \* w\)", str(mg.explain(loss)))


def test_paths_add_up_to_the_gradient():
    names = leaves()
    loss = program(**names)
    paths = mg.explain(loss, names["x"], names=names)
    loss.backward()
    assert len(paths.ways) == 4
    np.testing.assert_allclose(paths.total.numpy(), names["x"].grad.numpy())
    np.testing.assert_allclose(sum(value.numpy() for _, value in paths.ways), names["x"].grad.numpy())
    ways = dict(paths.ways)
    assert ways["x -> #0 mul -> #1 exp -> #2 log -> #4 add -> #6 add -> #7 sum"].tolist() == [3.0, 4.0]
    assert ways["x -> #5 mul as x -> #6 add -> #7 sum"].tolist() == ways["x -> #5 mul as y -> #6 add -> #7 sum"].tolist() == [1.0, 2.0]
    assert str(paths).splitlines()[0].startswith("4 paths lead from x to the result")
    assert str(paths).splitlines()[-1].split(maxsplit=1) == ["sum", "[ 7., 10.]"]


def test_a_path_that_broadcasts_ends_in_the_leafs_shape():
    net, loss = network()
    paths = mg.explain(loss, net[0].bias, names=net)
    loss.backward()
    assert [way.split(" -> ")[0] for way, _ in paths.ways] == ["0.bias"]
    np.testing.assert_allclose(paths.total.numpy(), net[0].bias.grad.numpy(), rtol=1e-6)
    x = mg.tensor(2.0, requires_grad=True)
    assert mg.explain((x * mg.ones(3)).sum(), x).total.item() == 3.0
    assert mg.explain(x * mg.ones(3), x, gradient=[1.0, 0.0, 5.0]).total.item() == 6.0


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x, y: mg.explain(y, y), GradError, "^explain: argument wrt: got the result of sum, expected a leaf"),
        (lambda x, y: mg.explain(y, 3.0), GradError, "^explain: argument wrt: got a float"),
        (lambda x, y: mg.explain(y, mg.ones(2, requires_grad=True)), GradError, "that the result does not depend on"),
        (lambda x, y: mg.explain(x), GradError, "^tape: .*got a leaf"),
        (lambda x, y: mg.explain(x * 2.0, x), GradError, "^explain: got a tensor of shape"),
    ],
)
def test_what_cannot_be_explained(call, error, text):
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(error, match=text):
        call(x, (x * x).sum())


def test_more_paths_than_anybody_reads():
    x = y = mg.tensor(1.0, requires_grad=True)
    for _ in range(7):
        y = y + y
    with pytest.raises(ValueError, match=r"got 128 paths, expected 1 to 64"):
        mg.explain(y, x)


# -- debug -------------------------------------------------------------------------------------------------------------------


def test_a_walk_goes_forth_and_back():
    names = leaves()
    loss = program(**names)
    walk = mg.debug(loss, names=names)
    assert (walk.next.op, walk.gradients) == ("sum", {})
    move = walk.step()
    assert (move.step.op, move.g.item(), [share.to for share in move.shares]) == ("sum", 1.0, ["#6"])
    move = walk.until("x")
    assert (move.step.number, walk.gradients["x"].tolist()) == (5, [2.0, 4.0])
    assert walk.until("w").step.number == 0
    assert walk.gradients["x"].tolist() == [7.0, 10.0]
    assert walk.back().step.number == 0
    assert (walk.gradients["x"].tolist(), "w" in walk.gradients) == ([4.0, 6.0], False)
    assert walk.step().shares[0].total.tolist() == [7.0, 10.0]
    with pytest.raises(LookupError, match=r"^debug: the walk has reached all leaves; back\(\)"):
        walk.step()
    while walk.moves:
        walk.back()
    with pytest.raises(LookupError, match=r"^debug: the walk is at its beginning"):
        walk.back()
    assert names["x"].grad is None
    whole = walk.run().gradients["x"].tolist()
    loss.backward()  # nothing was freed
    assert names["x"].grad.tolist() == whole


def test_a_move_is_told_in_lines():
    names = leaves()
    walk = mg.debug((names["x"] * names["w"] + names["x"]).sum(), names=names)
    walk.until("x")
    assert str(walk.step()).splitlines() == [
        "#0 mul(x, w)",
        "    g = [1., 1.]",
        "    d x += mul(g, w) = [3., 4.]",
        "        = [4., 5.] with what was there",
        "    d w += mul(g, x) = [1., 2.]",
    ]
    assert str(walk).splitlines() == ["3 of 3 ops walked back; all leaves are reached", "    d x = [4., 5.]", "    d w = [1., 2.]"]
    assert repr(mg.debug(names["x"] * 2.0, [1.0, 1.0])) == "0 of 1 ops walked back; next is #0 mul"


def test_a_walk_over_a_network_ends_where_backward_does():
    net, loss = network()
    walk = mg.debug(loss, names=net)
    assert [move.step.op for move in walk] == ["cross_entropy", "linear", "dropout", "tanh", "layer_norm", "linear"]
    loss.backward()
    assert set(walk.gradients) == {name for name, _ in net.named_parameters()}
    for name, p in net.named_parameters():
        np.testing.assert_array_equal(walk.gradients[name].numpy(), p.grad.numpy())


def test_where_the_walk_does_not_come():
    net, loss = network()
    walk = mg.debug(loss, names=net)
    walk.step()
    with pytest.raises(LookupError, match=r"nothing more is added to 'fc1'\. Gradients go to #0, .*0\.bias, 0\.weight"):
        walk.until("fc1")
    assert len(walk.moves) == 1
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(GradError, match=r"^debug: got a tensor of shape \(2,\), expected a scalar"):
        mg.debug(x * 2.0)
    with pytest.raises(ShapeError, match=r"^debug: argument gradient"):
        mg.debug(x * 2.0, [1.0])
    y = (x * x).sum()
    y.backward()
    with pytest.raises(GradError, match="freed by an earlier backward"):
        mg.debug(y).run()


def test_hooks_functions_and_checkpoints_are_walked_over():
    class Double(mg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2.0

        @staticmethod
        def backward(ctx, g):
            return g * 2.0

    x = mg.tensor([1.0, 2.0], requires_grad=True)
    y = Double.apply(x)
    y.register_hook(lambda g: g * 10.0)
    loss = mg.checkpoint(lambda t: (t * t).sum(), y)
    assert "d leaf0 += Double.backward(g)" in str(mg.explain(loss))
    assert mg.explain(Double.apply(x).sum(), x).total.tolist() == [2.0, 2.0]
    walk = mg.debug(loss).run()
    loss.backward()
    assert walk.gradients["leaf0"].tolist() == x.grad.tolist() == [80.0, 160.0]


def test_numbers_that_were_overwritten_are_noticed():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    with mg.no_grad():
        x += 1.0
    with pytest.raises(GradError, match="has overwritten"):
        mg.debug(y).run()


# -- show --------------------------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


def boxes(picture):
    """{label: (x, y)} of a drawing, read as XML."""
    groups = ET.fromstring(picture.svg).iter(f"{SVG}g")
    return {g.get("data-label"): tuple(float(g.find(f"{SVG}rect").get(c)) for c in "xy") for g in groups}


def test_a_picture_has_every_op_and_leaf_below_what_it_was_made_of():
    names = leaves()
    picture = mg.show(program(**names), names=names)
    at = boxes(picture)
    assert set(at) == {"x", "w", *[f"#{i}" for i in range(8)]}
    assert len(set(at.values())) == len(at)
    for step in picture.tape:
        for label in step.inputs:
            if label != "-":
                assert at[label][1] < at[f"#{step.number}"][1]
    edges = [(e.get("data-from"), e.get("data-to")) for e in ET.fromstring(picture.svg).iter(f"{SVG}path")]
    assert len(edges) == len(set(edges)) == 11
    assert ("x", "#5") in edges


def test_a_page_has_the_moves_of_backward(tmp_path):
    net, loss = network()
    picture = mg.show(loss, names=net)
    found = re.search(r"const moves = (\[.*\]), slider", picture._repr_html_())
    assert json.loads(found[1]) == [[move.step.number, repr(move)] for move in mg.debug(loss, names=net)]
    picture.save(tmp_path / "tape.html")
    picture.save(tmp_path / "tape.svg")
    page = (tmp_path / "tape.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert not re.search(r'(src|href)=|url\(', page)  # it needs nothing from elsewhere
    assert (tmp_path / "tape.svg").read_text(encoding="utf-8") == picture.svg
    with pytest.raises(ValueError, match=r"^save: argument path: got 'tape\.png', expected a name that ends in \.html or \.svg"):
        picture.save("tape.png")
    assert repr(picture) == "<picture of 6 ops: save('tape.html') writes it, a notebook shows it>"


def test_what_cannot_be_walked_is_drawn_alone():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).exp()
    assert (mg.show(y).moves, len(mg.show(y, gradient=[1.0, 1.0]).moves)) == ([], 2)
    loss = y.sum()
    part = mg.show(mg.tape(loss)[1:])
    assert (part.moves, set(boxes(part))) == ([], {"#0", "#1", "#2"})
    loss.backward()
    assert (mg.show(loss).moves, len(boxes(mg.show(loss)))) == ([], 4)


def test_names_are_escaped_and_shortened():
    x = mg.tensor(1.0, requires_grad=True)
    picture = mg.show(x * 2.0, names={"</script><b>&'\"": x})
    assert "</script><b>&'\"" in boxes(picture)
    assert picture.html.count("</script>") == 1
    assert "encoder…0.weight" in mg.show(x * 2.0, names={"encoder.layers.0.weight": x}).svg


def test_a_tape_that_nobody_reads():
    y = mg.tensor(1.0, requires_grad=True)
    for _ in range(201):
        y = y + 1.0
    with pytest.raises(ValueError, match=r"^show: argument result: got a tape of 201 ops, expected 1 to 200.*\[-50:\]"):
        mg.show(y)
    assert len(boxes(mg.show(mg.tape(y)[-5:]))) == 6


# -- check -------------------------------------------------------------------------------------------------------------------

RIGHT = np.array([[1.0, -2.0, 0.0], [0.5, 4.0, -3.0]])


@pytest.mark.parametrize(
    ("mine", "text"),
    [
        (-RIGHT, r"^Not yet\. The sign is turned"),
        (6.0 * RIGHT, r"It is 6 times the right one: was the 1/N of a mean left out\?"),
        (RIGHT / 6.0, r"It is 0\.166667 times the right one: was it divided by N once too often\?"),
        (RIGHT / 2.0, r"It is 0\.5 times .*the 2 in d\(x\^2\)"),
        (1.7 * RIGHT, r"It is 1\.7 times the right one: a constant is missing"),
        (0.0 * RIGHT, r"It is 0 everywhere"),
        (RIGHT + (RIGHT == 0.0), r"It should be 0 at 1 of 6 elements, as behind a relu.*difference is 1, at index \[0, 2\]"),
        (RIGHT * (RIGHT > 0.0), r"It is 0 at 2 of 6 elements that should not be: is \+= needed"),
        (RIGHT + np.eye(2, 3), r"^Not yet\. 2 of 6 elements are wrong\."),
        (np.where(RIGHT == 0.5, np.nan, RIGHT), r"1 of 6 elements"),
        (RIGHT.T, r"^Not yet\. Its shape is \(3, 2\), that of the right one \(2, 3\): it is the transpose\. A gradient has the shape of what"),
        (RIGHT.ravel(), r"the numbers are right, reshape them"),
        (np.stack([RIGHT / 4.0] * 4), r"sum over axis 0\. What was broadcast forward"),
        (np.stack([RIGHT] * 4, axis=1), r"take the mean over axis 1"),
        (RIGHT.sum(0), r"something was summed or dropped"),
        (np.ones((4, 4)), r"\(2, 3\): a gradient has the shape"),
    ],
)
def test_a_slip_is_named(mine, text):
    verdict = mg.study.check(mine, RIGHT)
    assert not verdict
    assert re.search(text, str(verdict)), str(verdict)


def test_a_square_matrix_may_be_transposed():
    right = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert "It is the transpose" in str(mg.study.check(right.T, right))


def test_what_is_right():
    w = mg.tensor(RIGHT, dtype=mg.float32, requires_grad=True)
    (w * w).sum().backward()
    exact = mg.study.check(2.0 * RIGHT, w.grad)
    assert exact
    assert str(exact) == "Right, to the last bit."
    close = mg.study.check((2.0 * RIGHT * (1 + 1e-6)).tolist(), w.grad)
    assert close
    assert re.match(r"Right: the largest difference is 8e-06, by rounding", str(close))
    assert not mg.study.check(RIGHT * (1 + 1e-6), RIGHT)  # float64 has more digits
    assert mg.study.check([], mg.zeros(0))
    assert json.loads(json.dumps(exact._asdict())) == {"correct": True, "exact": True, "worst": 0.0, "at": [0, 0], "hint": ""}


@pytest.mark.parametrize(("mine", "text"), [(None, "argument mine: got None, .*backward"), (["a"], "argument mine: got dtype <U1")])
def test_what_cannot_be_checked(mine, text):
    with pytest.raises(DTypeError, match=text):
        mg.study.check(mine, RIGHT)


# -- profile -----------------------------------------------------------------------------------------------------------------


def test_a_profile_counts_both_directions():
    net, _ = network()
    with mg.profile() as p:
        for _ in range(3):
            nn.functional.cross_entropy(net(mg.ones(5, 3)), mg.tensor([0, 1, 1, 0, 1])).backward()
    counts = {row.op: (row.forward_calls, row.backward_calls) for row in p.rows}
    assert counts["linear"] == (6, 6)
    assert counts["cross_entropy"] == counts["tanh"] == (3, 3)
    row = next(row for row in p.rows if row.op == "tanh")
    assert row.written == 3 * 5 * 4 * 4
    assert 0 < row.forward_each <= row.forward < p.wall
    assert sum(r.forward + r.backward for r in p.rows) < p.wall
    assert [r.forward + r.backward for r in p.rows] == sorted((r.forward + r.backward for r in p.rows), reverse=True)
    lines = str(p).splitlines()
    assert lines[0].split() == ["op", "forward", "us", "each", "backward", "us", "each", "share", "MB"]
    assert lines[-2].startswith("Python, tape, optimizer")
    assert len(lines) == len(p.rows) + 4


def test_a_profile_leaves_results_and_records_alone():
    op = mg.tanh.op
    before = op.run, op.run_planned, op.rules, op.joint, mg.mul.op.rules
    net, loss = network()
    loss.backward()
    wanted = [p.grad.tolist() for p in net.parameters()]
    with mg.profile(), mg.profile() as inner, mg.backend("c"):
        net, loss = network()
        loss.backward()
        assert op.rules != before[2]
    assert inner.rows
    assert [p.grad.tolist() for p in net.parameters()] == wanted
    assert (op.run, op.run_planned, op.rules, op.joint, mg.mul.op.rules) == before
    assert not _backend._timers


def test_a_profile_goes_with_anomalies_the_references_and_threads():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    with mg.profile() as p, mg.detect_anomaly(), mg.backend("numpy"):
        (x * x).exp().sum().backward()
    assert {row.op for row in p.rows} == {"mul", "exp", "sum", "add"}
    with mg.profile() as p:
        threads = [threading.Thread(target=lambda: (mg.ones(3) * 2.0).exp()) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {row.op: row.forward_calls for row in p.rows} == {"mul": 2, "exp": 2}


def test_an_error_inside_is_passed_on():
    with pytest.raises(ShapeError), mg.profile() as p:
        mg.ones(2) + mg.ones(3)
    assert p.wall > 0
    assert not _backend._timers


def test_the_names_are_those_of_the_module():
    for name in ("debug", "explain", "profile", "show"):
        assert getattr(mg, name) is getattr(study, name)
