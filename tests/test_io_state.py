"""Whole training states: what continues from a file has the bits of what never stopped."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import io, nn, optim
from minigrad.data import DataLoader, TensorDataset


@pytest.fixture(params=[".safetensors", ".npz"])
def path(request, tmp_path):
    return tmp_path / f"run{request.param}"


class Halving:
    """A scheduler of the least kind: the learning rate halves every third epoch."""

    def __init__(self, optimizer):
        self.optimizer, self.epoch = optimizer, 0

    def step(self):
        self.epoch += 1
        if self.epoch % 3 == 0:
            for group in self.optimizer.param_groups:
                group["lr"] /= 2

    def state_dict(self):
        return {"epoch": self.epoch}

    def load_state_dict(self, state):
        self.epoch = state["epoch"]


class Run:
    """A training with everything that draws or counts: initial weights, dropout, Adam, a scheduler, shuffling."""

    def __init__(self, seed, jit=False):
        mg.manual_seed(seed)
        self.net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
        self.optimizer = optim.Adam(self.net.parameters(), lr=0.05, weight_decay=0.01, amsgrad=True)
        self.scheduler = Halving(self.optimizer)
        self.shuffling = mg.Generator().manual_seed(seed + 1)
        random = np.random.default_rng(3)
        data = TensorDataset(random.normal(size=(40, 6)).astype(np.float32), random.integers(0, 3, 40))
        self.loader = DataLoader(data, batch_size=8, shuffle=True, generator=self.shuffling)
        self.step = mg.jit(self.one) if jit else self.one

    def one(self, x, y):
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.net(x), y)
        loss.backward()
        self.optimizer.step()
        return loss

    def epochs(self, n):
        losses = []
        for _ in range(n):
            losses += [self.step(x, y).item() for x, y in self.loader]
            self.scheduler.step()
        return losses

    def parts(self):
        parts = ("net", "optimizer", "scheduler", "shuffling")
        return {name: getattr(self, name) for name in parts}

    def bits(self):
        """All numbers that a run depends on, to see whether any has changed."""
        tensors = [t for s in self.optimizer.state_dict()["state"].values() for t in s.values()]
        tensors += self.net.state_dict().values()
        lr = self.optimizer.param_groups[0]["lr"]
        counters = (lr, self.scheduler.epoch, self.shuffling.get_state(), mg.Generator.get_state(default()))
        return [t.numpy().tobytes() for t in tensors], counters


def default():
    return io.default_generator


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
def test_resumed_training_has_the_same_bits(path, jit):
    straight = Run(0, jit)
    expected = straight.epochs(4)  # 20 steps, 5 batches an epoch
    ended = straight.bits()

    first = Run(0, jit)
    losses = first.epochs(2)
    io.save_state(path, **first.parts(), epoch=2, best=min(losses))
    first.epochs(1)  # so that nothing is left over in memory that could help

    fresh = Run(99, jit)
    mg.manual_seed(1234)
    rest = io.load_state(path, **fresh.parts())
    assert rest == {"epoch": 2, "best": min(losses)}
    losses += fresh.epochs(2)
    assert losses == expected
    assert fresh.bits() == ended


def test_a_run_that_is_under_way_can_go_back(path):
    run = Run(0)
    run.epochs(1)
    io.save_state(path, **run.parts())
    saved = run.bits()
    first = run.epochs(2)
    assert run.bits() != saved
    assert io.load_state(path, **run.parts()) == {}
    assert run.bits() == saved
    assert run.epochs(2) == first


def test_the_file_is_one_that_load_reads(path):
    run = Run(0)
    run.epochs(1)
    io.save_state(path, **run.parts(), epoch=1)
    found = mg.load(path)
    assert list(found) == ["net", "optimizer", "scheduler", "shuffling", "epoch", "rng"]
    assert found["rng"] == default().get_state()
    assert found["shuffling"] == run.shuffling.get_state()
    other = Run(5)
    other.net.load_state_dict(found["net"])
    assert other.net.state_dict()["0.weight"].tolist() == run.net.state_dict()["0.weight"].tolist()


def test_parts_that_are_not_asked_for_are_returned(path):
    run = Run(0)
    run.epochs(1)
    io.save_state(path, **run.parts())
    rest = io.load_state(path, net=Run(1).net)
    assert sorted(rest) == ["optimizer", "scheduler", "shuffling"]
    assert rest["scheduler"] == {"epoch": 1}


class Refusing(Halving):
    """A scheduler whose loading fails half-way."""

    def load_state_dict(self, state):
        self.epoch = state["epoch"]
        if state["epoch"] != 0:
            raise ValueError("not this one")


def test_a_part_that_does_not_fit_leaves_all_parts_as_they_were(path):
    run = Run(0)
    run.epochs(2)
    io.save_state(path, **run.parts())
    other = Run(1)
    other.epochs(1)
    other.scheduler = Refusing(other.optimizer)
    before = other.bits()
    with pytest.raises(ValueError, match="not this one"):
        io.load_state(path, **other.parts())
    assert other.bits() == before
    other.net.append(nn.Linear(3, 3))
    before = other.bits()
    with pytest.raises(RuntimeError, match=r"Missing key\(s\): 4.weight, 4.bias"):
        io.load_state(path, optimizer=other.optimizer, net=other.net, shuffling=other.shuffling)
    assert other.bits() == before
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(io.FileError, match=f"{path.name}: .* Nothing was loaded"):
        io.load_state(path, **other.parts())
    assert other.bits() == before


def test_what_load_state_refuses(path):
    run = Run(0)
    io.save_state(path, net=run.net, epoch=3)
    with pytest.raises(io.FileError, match=r"run\..*: it has no state for optimizer, but for net, epoch, rng"):
        io.load_state(path, net=run.net, optimizer=run.optimizer)
    with pytest.raises(io.FileError, match="no state for epoch"):
        io.load_state(path, epoch=run.shuffling)
    with pytest.raises(TypeError, match="load_state: argument epoch: got a int, expected an object with load_state_dict"):
        io.load_state(path, epoch=3)
    with pytest.raises(ValueError, match="save_state: argument rng: got a value, expected none"):
        io.save_state(path, rng=3)
    mg.save(run.net.state_dict(), path)
    with pytest.raises(io.FileError, match="was not written by save_state. Read it with load"):
        io.load_state(path, net=run.net)
