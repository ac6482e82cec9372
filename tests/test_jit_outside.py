"""What lives outside of a captured step: changes there are seen, and what is handed out is the caller's own."""

import threading

import numpy as np
from jit_steps import batches, bits, network, trainer

import minigrad as mg
from minigrad import nn, optim


def test_changes_outside_are_seen():
    w = nn.Parameter(mg.ones(3))
    drop = nn.Dropout(0.5)

    def step(x):
        return drop(x * w)

    run = mg.jit(step)
    x = mg.ones(3)
    drop.eval()
    assert run(x).tolist() == [1.0, 1.0, 1.0]
    with mg.no_grad():
        w.fill_(2.0)
    assert run(x).tolist() == [2.0, 2.0, 2.0]
    w.data = mg.full((3,), 5.0)  # other memory: another capture
    assert run(x).tolist() == [5.0, 5.0, 5.0]
    drop.train()
    mg.manual_seed(3)
    first = [run(x).tolist() for _ in range(4)]
    mg.manual_seed(3)
    assert [run(x).tolist() for _ in range(4)] == first
    assert len({tuple(f) for f in first}) > 1


def test_modules_and_hooks_that_change():
    """What Python went by when the step was captured: a rate, a parameter, a layer, hooks of a module and of a leaf."""

    def exchange(net):
        net[0].weight = nn.Parameter(mg.ones(4, 5))

    def replace(net):
        setattr(net, "1", nn.Dropout(0.0))

    changes = [
        lambda net: setattr(net[1], "p", 0.1),
        exchange,
        replace,
        lambda net: net[0].register_forward_hook(lambda module, args, out: out * 2.0),
        lambda net: net[0].weight.register_hook(lambda g: g * 2.0),
    ]
    for change in changes:
        found = []
        for compiled in (False, True):
            mg.manual_seed(1)
            net = nn.Sequential(nn.Linear(5, 4), nn.Dropout(0.5))

            def step(x):
                net.zero_grad()  # noqa: B023
                out = net(x)  # noqa: B023
                (out * out).sum().backward()
                return out

            run = mg.jit(step) if compiled else step
            (x, _), *_ = batches(1)
            outs = [run(mg.tensor(x)), run(mg.tensor(x))]
            handle = change(net)
            outs += [run(mg.tensor(x)), net[0].weight.grad.clone(), run(mg.tensor(x))]
            if handle is not None:
                handle.remove()
            found.append(bits([*outs, run(mg.tensor(x)), net[0].weight.grad]))
            assert not compiled or len(run.programs) > 1
        assert found[0] == found[1]


def test_freezing_and_moving_state():
    net = network(0.0)
    optimizer = optim.Adam(net.parameters())

    step = trainer(net, optimizer)
    (x, y), *_ = batches(1)
    step(x, y)
    before = net[0].weight.tolist()
    net[0].weight.requires_grad = False
    step(x, y)
    assert net[0].weight.tolist() == before
    state = optimizer.state_dict()
    optimizer.load_state_dict(state)
    step(x, y)
    step(x, y)
    assert int(optimizer.state[net[5].weight]["step"]) == 4


def test_options_and_groups_of_an_optimizer_that_change():
    """Options may ask for state that there was none of; and what a new group holds is trained from then on."""
    changes = [
        lambda o, p: o.param_groups[0].update(momentum=0.9),
        lambda o, p: o.add_param_group({"params": [p], "lr": 0.5}),
        lambda o, p: o.param_groups[0]["params"].append(p),
    ]
    for change in changes:
        found = []
        for compiled in (False, True):
            w, v = nn.Parameter(mg.ones(5)), nn.Parameter(mg.ones(5))
            optimizer = optim.SGD([w], lr=0.01)

            def step(x):
                optimizer.zero_grad()  # noqa: B023
                ((x * w - v) ** 2).sum().backward()  # noqa: B023
                optimizer.step()  # noqa: B023

            run = mg.jit(step) if compiled else step
            for i, (x, _) in enumerate(batches(6)):
                if i == 3:
                    change(optimizer, v)
                run(mg.tensor(x))
            found.append(bits([w, v, w.grad, v.grad]))
        assert found[0] == found[1]


def test_zero_has_two_signs():
    run = mg.jit(lambda x, a: x * a)
    assert [str(run(mg.ones(()), a).item()) for a in (0.0, -0.0, 0.0)] == ["0.0", "-0.0", "0.0"]


def test_results_are_the_callers_own():
    run = mg.jit(lambda x: x + 1.0)
    results = [run(mg.full((3,), float(i))) for i in range(5)]
    assert [r.tolist()[0] for r in results] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert all(type(r) is mg.Tensor and not r.requires_grad for r in results)


def test_gradients_that_somebody_keeps():
    """They stay what they were, as eagerly: the gradient itself, a view, an array of NumPy."""
    keeping = [lambda g: g, lambda g: g[1:], lambda g: g.detach(), lambda g: g.numpy(), lambda g: g.reshape(3, 1)]
    for keep in keeping:
        found = []
        for compiled in (False, True):
            w = nn.Parameter(mg.ones(3))

            def step(x):
                w.grad = None  # noqa: B023
                (x * w * w).sum().backward()  # noqa: B023

            run, kept = mg.jit(step) if compiled else step, []
            for i in range(6):
                run(mg.full((3,), float(i)))
                kept.append(keep(w.grad))
            found.append([np.asarray(g).tolist() for g in kept])
            assert not compiled or len(run.programs) == 2
        assert found[0] == found[1]


def test_gradients_that_are_numbers_of_the_text():
    w, v = nn.Parameter(mg.ones(3)), nn.Parameter(mg.ones(3))
    optimizer = optim.SGD([w, v], lr=0.1)
    v.grad = mg.ones(3)

    @mg.jit
    def step(x):
        optimizer.zero_grad(set_to_none=False)
        (x * w).sum().backward()
        optimizer.step()

    for _ in range(3):
        step(mg.ones(3))
        assert v.grad.tolist() == [0.0, 0.0, 0.0]
        v.grad.fill_(3.0)
    assert v.tolist() == [1.0, 1.0, 1.0]


def test_a_leaf_among_the_arguments_receives_its_gradient():
    @mg.jit
    def step(x):
        (x * x).sum().backward()

    for number in (2.0, 5.0):
        x = mg.tensor([number], requires_grad=True)
        step(x)
        step(x)
        assert x.grad.tolist() == [4 * number]


def test_memory_of_a_program_is_handed_out_to_nobody_else():
    weight = mg.randn(5, 13)

    def step(x):
        y = x @ weight + 1.0  # (31, 13): memory of a shape that nobody has asked for before
        return (y * y).sum()

    run, x = mg.jit(step), mg.ones(31, 5)
    run(x)
    others = [mg.full((31, 13), 3.0) for _ in range(4)]
    run(x)
    assert all((other.array == 3).all() for other in others)


def test_another_thread_that_computes_during_a_capture_keeps_its_memory():
    meanwhile, done, kept = threading.Event(), threading.Event(), []

    def other():
        meanwhile.wait()
        kept.extend(mg.full((37, 3), 3.0) for _ in range(4))
        done.set()

    def step(x):
        y = (x * 2.0).exp()  # x * 2.0 is not needed any more
        if not kept:
            meanwhile.set()
            done.wait()
        return y + 1.0

    thread = threading.Thread(target=other)
    thread.start()
    run, x = mg.jit(step), mg.ones(37, 3)
    first = run(x)
    assert bits(run(x)) == bits(first)
    thread.join()
    assert all((one.array == 3).all() for one in kept)


# -- variables of Python -------------------------------------------------------------------------------------------------

RATE = 2.0


def scaled(x):
    return x * RATE


def test_variables_that_are_bound_anew(monkeypatch):
    factor, layers = 3.0, nn.Linear(2, 2)

    def step(x):
        return scaled(x) * factor, layers(x)

    run = mg.jit(step)
    x = mg.ones(1, 2)
    with mg.no_grad():
        assert run(x)[0].tolist() == [[6.0, 6.0]]
        factor = 5.0
        assert run(x)[0].tolist() == [[10.0, 10.0]]
        monkeypatch.setitem(globals(), "RATE", 7.0)
        assert run(x)[0].tolist() == [[35.0, 35.0]]
        layers = nn.Linear(2, 2)
        assert run(x)[1].tolist() == layers(x).tolist()
        assert len(run.programs) == 4
        run(x)
        assert len(run.programs) == 4


def test_variables_that_the_step_binds_itself():
    calls = 0

    @mg.jit
    def step(x):
        nonlocal calls
        calls += 1
        return x + 1.0

    for _ in range(3):
        step(mg.ones(2))
    assert (calls, len(step.programs)) == (1, 1)


def test_names_of_attributes_are_no_variables():
    class Settings:
        RATE = 4.0

    settings = Settings()
    run = mg.jit(lambda x: x * settings.RATE)
    assert run(mg.ones(1)).item() == 4.0
    assert [keys for _, keys, _ in run.programs[0].reads] == [list(run.function.__closure__)]


def test_a_module_whose_forward_is_called_directly_is_seen():
    class Halving(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop, self.factor = nn.Dropout(0.5), 0.5

        def forward(self, x):
            return self.drop.forward(x) * self.factor

    net, x = Halving(), mg.ones(64)
    run = mg.jit(lambda x: net.forward(x))
    assert set(run(x).tolist()) == {0.0, 1.0}
    net.eval()
    assert set(run(x).tolist()) == {0.5}
    net.factor = 3.0
    assert set(run(x).tolist()) == {3.0}
    net.train()
    assert set(run(x).tolist()) == {0.0, 6.0}
