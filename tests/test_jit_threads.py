"""Steps captured and replayed while other threads compute."""

import sys
import threading

import numpy as np
import pytest

import minigrad as mg
from minigrad import _array, nn, optim


def test_threads_with_programs_of_their_own():
    failures = []

    def work(seed):
        try:
            w, goal = mg.zeros(8).requires_grad_(), mg.full((8,), float(seed))
            optimizer = optim.SGD([w], lr=0.1)

            def step(x):
                optimizer.zero_grad()
                ((w - x) ** 2).sum().backward()
                optimizer.step()

            run = mg.jit(step)
            for _ in range(300):
                run(goal)
            np.testing.assert_allclose(w.detach().numpy(), goal.numpy(), rtol=1e-6)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(1, 5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


def test_captures_and_eager_steps_of_other_threads_do_not_meet():
    def trained(seed, captured):
        with mg.no_grad():
            net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3))
            for i, p in enumerate(net.parameters()):
                p.copy_(mg.linspace(-0.5, 0.1 * seed + i, p.numel()).reshape(p.shape))
        optimizer, x, y = optim.Adam(net.parameters(), lr=0.01), mg.linspace(-1, 1, 60).reshape(10, 6), mg.arange(10) % 3

        def step(x, y):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()

        step = mg.jit(step) if captured else step
        for _ in range(4):
            step(x, y)
        return b"".join(p.detach().numpy().tobytes() for p in net.parameters())

    expected, failures, interval = [trained(seed, False) for seed in range(4)], [], sys.getswitchinterval()

    def work(seed):
        try:
            assert all(trained(seed, seed % 2 == 0) == expected[seed] for _ in range(25))
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    sys.setswitchinterval(1e-5)
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(interval)
    assert not failures


def test_the_search_for_tensors_lists_nothing_else(monkeypatch):
    monkeypatch.setattr("gc.get_objects", lambda *_: pytest.fail("tuples that other threads are filling are held on to"))
    outside, kept = mg.ones(5), []

    @mg.jit
    def step(x):
        kept.append(x * outside)
        return kept[-1] + 1.0

    assert step(mg.ones(5)).tolist() == [2.0] * 5
    outside.mul_(3.0)
    assert step(mg.ones(5)).tolist() == [4.0] * 5
    assert [x.tolist() for x in kept] == [[1.0] * 5]


def test_memory_that_another_thread_is_making_is_not_taken_by_the_step(monkeypatch):
    mg.free_memory()
    begun, go_on, plain = threading.Event(), threading.Event(), _array._aligned

    def slow(shape, dtype):
        if threading.current_thread() is worker:
            begun.set()
            assert go_on.wait(10)
        return plain(shape, dtype)

    monkeypatch.setattr(_array, "_aligned", slow)
    worker = threading.Thread(target=lambda: mg.empty(7))
    worker.start()
    assert begun.wait(10)

    @mg.jit
    def step(x):
        go_on.set()
        worker.join()
        return x * 2.0

    assert [step(mg.full((7,), v))[0].item() for v in (1.0, 2.0)] == [2.0, 4.0]
