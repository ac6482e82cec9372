"""Captured steps of layers that keep statistics or look rows up: the same bits as without capture, and what is undone."""

import gc

import numpy as np
import pytest
from jit_steps import bits

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import CaptureError
from minigrad.nn import functional as F

RNG = np.random.default_rng(0)
STEPS = [(RNG.normal(size=(20, 5)).astype("f4"), RNG.integers(0, 7, (20, 2)), RNG.integers(0, 3, 20)) for _ in range(20)]
X = STEPS[0][0]


class Network(nn.Module):
    """One of each."""

    def __init__(self, momentum):
        super().__init__()
        self.rows, self.channels, self.drop = nn.Embedding(7, 5, padding_idx=2), nn.BatchNorm1d(2), nn.Dropout1d(0.3)
        self.pairs, self.batch, self.layer = nn.Bilinear(5, 5, 8), nn.BatchNorm1d(8, momentum=momentum), nn.LayerNorm(8)
        self.root, self.alpha, self.out = nn.RMSNorm(8), nn.AlphaDropout(0.2), nn.Linear(8, 3)

    def forward(self, x, index):
        words = self.drop(self.channels(self.rows(index))).sum(1)
        hidden = self.layer(self.batch(self.pairs(x, words)).relu())
        return self.out(self.alpha(self.root(hidden)))


@pytest.mark.parametrize("momentum", [0.1, None])
def test_training_has_the_bits_of_eager_steps(momentum):
    found = []
    for compiled in (False, True):
        mg.manual_seed(3)
        net = Network(momentum)
        optimizer = optim.Adam(net.parameters(), lr=1e-2)

        def step(x, index, y):
            optimizer.zero_grad()  # noqa: B023
            loss = F.cross_entropy(net(x, index), y)  # noqa: B023
            loss.backward()
            optimizer.step()  # noqa: B023
            return loss

        run = mg.jit(step) if compiled else step
        losses = []
        for i, tensors in enumerate(STEPS):
            losses.append(run(*map(mg.tensor, tensors)))
            if i == 9:
                gc.collect()
        assert not compiled or len(run.programs) == 1
        assert net.batch.num_batches_tracked.item() == len(STEPS)
        found.append(bits([losses, net.state_dict()]))
    assert found[0] == found[1]


def test_a_capture_that_fails_leaves_statistics_as_they_were():
    norm = nn.BatchNorm1d(5)
    norm(mg.tensor(X))
    before = bits(norm.state_dict())

    @mg.jit
    def step(x):
        y = norm(norm(x))
        return y * y.sum().item()

    with pytest.raises(CaptureError, match="item reads a value"):
        step(mg.tensor(X))
    assert bits(norm.state_dict()) == before


def test_a_step_that_runs_eagerly_instead_moves_statistics_once():
    norm, twin = nn.BatchNorm1d(5), nn.BatchNorm1d(5)

    @mg.jit(fallback=True)
    def step(x):
        y = norm(x)
        return y * y.sum().item()

    with pytest.warns(UserWarning, match="runs eagerly"):
        step(mg.tensor(X))
    twin(mg.tensor(X))
    assert bits(norm.state_dict()) == bits(twin.state_dict())


def test_statistics_that_are_exchanged_are_seen():
    """Reset in place, loaded, of another type, in evaluation: each time what an eager module gives."""
    changes = [
        lambda norm: norm.reset_running_stats(),
        lambda norm: norm.load_state_dict(nn.BatchNorm1d(5).state_dict(), assign=True),
        lambda norm: setattr(norm, "running_mean", mg.ones(5)),
        lambda norm: norm.eval(),
        lambda norm: norm.double(),
    ]
    for change in changes:
        found = []
        for compiled in (False, True):
            norm = nn.BatchNorm1d(5)
            run = mg.jit(norm) if compiled else norm
            outs = [run(mg.tensor(X)) for _ in range(3)]
            change(norm)
            x = mg.tensor(X).to(norm.weight.dtype)
            outs += [run(x) for _ in range(3)]
            found.append(bits([outs, norm.state_dict()]))
        assert found[0] == found[1]


def test_a_replay_is_a_write_that_backward_sees():
    norm = nn.BatchNorm1d(5).train()
    step = mg.jit(norm)
    step(mg.tensor(X))
    norm.eval()
    x = mg.tensor(X, requires_grad=True)
    loss = norm(x).sum()
    norm.train()
    step(mg.tensor(X))
    with pytest.raises(RuntimeError, match="which a captured step has overwritten"):
        loss.backward()
    assert len(step.programs) == 1


def test_an_index_is_looked_at_before_each_replay():
    table = nn.Embedding(7, 4)
    optimizer = optim.SGD(table.parameters(), lr=0.1)

    @mg.jit
    def step(index):
        optimizer.zero_grad()
        table(index).sum().backward()
        optimizer.step()

    for _ in range(3):
        step(mg.tensor([0, 6, 6]))
    before = bits(table.state_dict())
    with pytest.raises(IndexError, match=r"embedding: argument input: got index 7 at position \[1\]"):
        step(mg.tensor([0, 7, 6]))
    assert bits(table.state_dict()) == before
