"""Steps with labels, positions, masks and counts: captured, they give the bits that they give eagerly."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from jit_steps import bits

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import CaptureError, LabelError
from minigrad.nn import functional as F

ROWS, CLASSES, WORDS = 12, 4, 9


class Batch:
    """What one call of a step is given: features, labels, bits, weights, and rows of words."""

    def __init__(self, rng):
        self.x, self.z = (mg.tensor(rng.normal(size=(ROWS, 6)).astype("f4")) for _ in range(2))
        self.y, self.b = mg.tensor(rng.integers(0, CLASSES, ROWS)), mg.tensor(rng.integers(0, 2, ROWS))
        self.w = mg.tensor(rng.random(ROWS).astype("f4"))
        self.words, self.seen = mg.tensor(rng.integers(0, WORDS, (5, 7))), mg.tensor(rng.integers(0, 4, (5, 7)))


def batches(count=6):
    rng = np.random.default_rng(0)
    return [Batch(rng) for _ in range(count)]


class Network(nn.Module):
    """Two layers, beside which a step may put layers of its own."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, CLASSES))

    def forward(self, x):
        return self.body(x)


class Steps:
    """Each method makes a step: a function of some of a batch, which returns a loss and what else there is to see."""

    def accuracy(self, net):
        def loss(x, y):
            out = net(x)
            hit = out.argmax(1) == y
            return F.cross_entropy(out, y), hit.float().mean(), hit.sum(), (out.max(1).indices != y).any(), hit.all()

        return loss, "x y"

    def counts_of_a_class(self, net):
        def loss(x, y):
            guess = net(x).argmax(1)
            right = mg.stack([((guess == k) & (y == k)).sum() for k in range(CLASSES)])
            made = mg.stack([(guess == k).sum() for k in range(CLASSES)])
            return F.cross_entropy(net(x), y), right, made, right / made.clamp(min=1), 2 * right // (made + 1), -right % 3

        return loss, "x y"

    def two_classes(self, net):
        def loss(x, b):
            p = net(x)[:, 0].sigmoid()
            chosen = mg.where(b.bool(), p, 1 - p)
            weight = mg.where(b == 1, 0.25, 0.75)
            return -(weight * (1 - chosen) ** 2 * chosen.clamp(min=1e-6).log()).mean(), ((p > 0.5) == (b == 1)).double().mean()

        return loss, "x b"

    def log_probability_of_an_action(self, net):
        def loss(x, y, w):
            logp = F.log_softmax(net(x), dim=1)
            return -(logp[mg.arange(ROWS), y] * w).mean() - (logp.gather(1, y[:, None]).squeeze(1) * w).sum()

        return loss, "x y w"

    def clipped_ratio(self, net):
        def loss(x, y, w):
            ratio = (F.log_softmax(net(x), dim=1).gather(1, y.unsqueeze(1)).squeeze(1) - w).exp()
            return -mg.minimum(ratio * w, ratio.clamp(0.8, 1.2) * w).mean(), ((ratio - 1).abs() > 0.2).float().mean()

        return loss, "x y w"

    def best_of_the_next(self, net):
        def loss(x, y, w, z, b):
            with mg.no_grad():
                best = w + 0.9 * net(z).max(1)[0] * (1 - b.float())
            return F.smooth_l1_loss(net(x).gather(1, y[:, None]).squeeze(1), best)

        return loss, "x y w z b"

    def pairs(self, net):
        def loss(x, z, b):
            d = (net(x) - net(z)).pow(2).sum(1).sqrt()
            return mg.where(b == 1, d**2, F.relu(1 - d) ** 2).mean()

        return loss, "x z b"

    def contrast(self, net):
        def loss(x, z):
            logits = F.normalize(net(x), dim=1) @ F.normalize(net(z), dim=1).T
            own = mg.arange(ROWS)
            return F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own), (logits.argmax(1) == own).float().mean()

        return loss, "x z"

    def hardest_of_a_batch(self, net):
        def loss(x, y):
            out = net(x)
            far, same = ((out[:, None] - out[None]) ** 2).sum(2), y[:, None] == y[None]
            nearest = far.masked_fill(same, float("inf")).min(1)[0]
            return F.relu(mg.where(same, far, 0.0).max(1)[0] - nearest + 0.5).mean()

        return loss, "x y"

    def quantiles(self, net):
        q = mg.tensor([0.1, 0.4, 0.5, 0.9])

        def loss(x, z):
            e = z[:, :4] - net(x)
            return mg.maximum(q * e, (q - 1) * e).mean(), (e > 0).float().mean(0)

        return loss, "x z"

    def extrema(self, net):
        def loss(x):
            out = net(x)
            (top, at), (low, _) = out.max(dim=1), out.min(1, keepdim=True)
            ends = out.amax(0).sum() + out.max() - out.min() + mg.maximum(out, mg.minimum(x[:, :4], 0.0)).sum()
            return top.sum() + low.sum() + ends + out.clip(-0.1, 0.1).sum(), at

        return loss, "x"

    def smoothed_labels(self, net):
        def loss(x, y):
            soft = F.one_hot(y, CLASSES).float() * 0.9 + 0.1 / CLASSES
            hard = (y[:, None] == mg.arange(CLASSES)).float() + mg.eye(CLASSES)[y]
            scattered = mg.zeros(ROWS, CLASSES).scatter(1, y[:, None], 1.0)
            return -((soft + hard + scattered) * F.log_softmax(net(x), dim=1)).sum(1).mean()

        return loss, "x y"

    def mixed(self, net):
        def loss(x, y, b):
            order = (mg.arange(ROWS) * 5 + b[0]) % ROWS
            out = net(0.3 * x + 0.7 * x[order])
            return 0.3 * F.cross_entropy(out, y) + 0.7 * F.cross_entropy(out, y[order]) + F.cross_entropy(out, y.flip(0))

        return loss, "x y b"

    def labels_in_other_shapes(self, net):
        def loss(x, y):
            turned = y.reshape(3, 4).T.reshape(-1)
            return F.cross_entropy(net(x), turned) + F.cross_entropy(net(x), y.view(ROWS, 1).squeeze(1)), y[::2], y.clone(), turned.abs()

        return loss, "x y"

    def next_word(self, net):
        net.table, net.out = nn.Embedding(WORDS, 6), nn.Linear(6, WORDS)

        def loss(words):
            logits = net.out(net.table(words[:, :-1]))
            hit = (logits.argmax(-1) == words[:, 1:]) & (words[:, 1:] != 0)
            return F.cross_entropy(logits.reshape(-1, WORDS), words[:, 1:].flatten(), ignore_index=0), hit.float().sum()

        return loss, "words"

    def hidden_words(self, net):
        net.table, net.out = nn.Embedding(WORDS, 6), nn.Linear(6, WORDS)

        def loss(words, seen):
            hidden = seen < 2
            logits = net.out(net.table(words.masked_fill(hidden, WORDS - 1)))
            labels = mg.where(hidden, words, -100)
            right = ((logits.argmax(-1) == words) & hidden).sum() / hidden.sum()
            return F.cross_entropy(logits.reshape(-1, WORDS), labels.reshape(-1)), right

        return loss, "words seen"

    def padded(self, net):
        net.table = nn.Embedding(WORDS, 6)

        def loss(words):
            there = words != 0
            mean = (net.table(words) * there.unsqueeze(-1)).sum(1) / there.sum(1, keepdim=True).clamp(min=1)
            return (net(mean) ** 2).mean(), ~there, there.sum(1) - 1

        return loss, "words"

    def last_state(self, net):
        net.into, net.on = nn.Linear(6, 10), nn.Linear(10, 10)

        def loss(x, y):
            h, states = mg.zeros(ROWS, 10), []
            for t in range(CLASSES):
                h = mg.where((t <= y)[:, None], mg.tanh(net.into(x * t) + net.on(h)), h)
                states.append(h)
            return (mg.stack(states, 1)[mg.arange(ROWS), y] ** 2).sum()

        return loss, "x y"

    def nearest_vector(self, net):
        net.codes = nn.Embedding(5, CLASSES)

        def loss(x):
            out = net(x)
            near = ((out[:, None] - net.codes.weight[None]) ** 2).sum(-1).argmin(1)
            code = net.codes.weight[near]
            return ((code - out.detach()) ** 2).mean() + ((net.codes(near).detach() - out) ** 2).mean(), near

        return loss, "x"

    def centres(self, net):
        net.centres = nn.Parameter(mg.ones(CLASSES, CLASSES))

        def loss(x, y):
            out = net(x)
            sums = mg.zeros(CLASSES, CLASSES).index_add(0, y, out).square().sum() + mg.zeros(CLASSES, CLASSES).scatter_add(0, y[:, None], out).sum()
            return F.cross_entropy(out, y) + ((out - net.centres[y]) ** 2).sum(1).mean() + sums * 1e-3, mg.index_select(x, 0, y), x[:, y]

        return loss, "x y"

    def straight_through(self, net):
        def loss(x):
            out = net(x)
            soft = F.softmax(out - mg.log(-mg.log(mg.rand_like(out) + 1e-9) + 1e-9).neg(), dim=1)
            hard = F.one_hot(soft.argmax(1), CLASSES).float() - soft.detach() + soft
            whole = out + (out.round() - out).detach() + mg.floor(out) + mg.ceil(out) + mg.trunc(out)
            return (hard * mg.arange(CLASSES).float()).sum(1).mean() + whole.mean()

        return loss, "x"

    def drawn(self, net):
        def loss(x):
            keep = (mg.rand(x.shape) > 0.2).float() / 0.8 * (mg.rand_like(x) < 0.9) * mg.bernoulli(x, p=0.9)
            return F.cross_entropy(net(x * keep), mg.randint(0, CLASSES, (ROWS,))), mg.randint(-5, 5, (3,), dtype=mg.float32)

        return loss, "x"

    def weighed_rows(self, net):
        def loss(x, y):
            kept, out = y > 0, net(x)
            each = F.cross_entropy(out, y, reduction="none")
            finite = mg.isfinite(out).all() & ~mg.isnan(each).any()
            return (each * kept).sum() / kept.sum(), mg.tensor([0.1, 0.2, 0.3, 0.4])[y], mg.isinf(out), finite, kept.long(), x.long(), x.bool()

        return loss, "x y"

    def gradient_of_a_step(self, net):
        weight = nn.Parameter(mg.ones(CLASSES, 6))
        net.weight = weight

        def loss(x, y, z):
            (g,) = mg.autograd.grad(F.cross_entropy(F.linear(x, weight), y, label_smoothing=0.1), [weight], create_graph=True)
            return F.cross_entropy(F.linear(z, weight - 0.1 * g), y)

        return loss, "x y z"

    def counted_outside(self, net):
        self.seen, self.hits = mg.zeros((), dtype=mg.int64), mg.zeros(CLASSES, dtype=mg.int64)

        def loss(x, y):
            self.seen.add_(y.numel())
            for k in range(CLASSES):
                self.hits[k] += (y == k).sum()
            return F.cross_entropy(net(x), y), self.seen + 0, self.hits.clone()

        return loss, "x y"


NAMES = [name for name in vars(Steps) if not name.startswith("__")]


def trained(name, captured):
    """What some steps return, and what is left behind them."""
    mg.manual_seed(3)
    net, outside = Network(), Steps()
    loss, given = getattr(outside, name)(net)
    optimizer = optim.Adam(net.parameters(), lr=0.01)

    def step(*data):
        optimizer.zero_grad()
        found = loss(*data)
        (found[0] if isinstance(found, tuple) else found).backward()
        optimizer.step()
        return found

    run = mg.jit(step) if captured else step
    returned = [bits(run(*[getattr(batch, one) for one in given.split()])) for batch in batches()]
    left = [bits([p, p.grad]) if p.grad is not None else bits(p) for p in net.parameters()]
    return returned, left, mg.rand(3).tolist(), [bits(x) for x in vars(outside).values()], run


@pytest.mark.parametrize("name", NAMES)
def test_the_same_bits(name):
    *eager, _ = trained(name, captured=False)
    *captured, run = trained(name, captured=True)
    assert captured == eager
    assert len(run.programs) == 1


def test_a_computed_label_that_is_none():
    """The step ends where it looks at the label, before anything has changed, and the error is that of eager."""
    net = Network()
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    @mg.jit
    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y + 1)
        loss.backward()
        optimizer.step()
        return loss

    good, bad = mg.zeros(ROWS, dtype=mg.int64), mg.full((ROWS,), CLASSES - 1)
    for _ in range(2):
        step(mg.ones(ROWS, 6), good)
    before = bits(list(net.parameters()))
    with pytest.raises(LabelError, match=r"cross_entropy: argument target: got label 4 at index \[0\]"):
        step(mg.ones(ROWS, 6), bad)
    assert bits(list(net.parameters())) == before
    assert np.isfinite(step(mg.ones(ROWS, 6), good).item())
    assert len(step.programs) == 1
    assert "check_labels" in str(step.program(mg.ones(ROWS, 6), good))


def test_positions_are_looked_at_before_each_replay():
    x = mg.arange(12).reshape(3, 4).float()
    pick = mg.jit(lambda i: (x[i], x.gather(0, i[None].expand(1, 4))) if i.shape == (4,) else x[i])
    assert pick(mg.tensor([2, 0])).tolist() == [[8.0, 9.0, 10.0, 11.0], [0.0, 1.0, 2.0, 3.0]]
    assert pick(mg.tensor([-1, 1])).tolist() == [[8.0, 9.0, 10.0, 11.0], [4.0, 5.0, 6.0, 7.0]]
    for wrong in (3, -4):
        with pytest.raises(IndexError, match=f"getitem: argument index: got .*index {wrong} is out of bounds"):
            pick(mg.tensor([0, wrong]))
    assert pick(mg.tensor([1, 2, 0, 1]))[1].tolist() == [[4.0, 9.0, 2.0, 7.0]]


def test_positions_behind_what_outlives_the_step():
    w, seen = nn.Parameter(mg.ones(4, 2)), mg.zeros(3)

    def step(x, i):
        seen.add_(1.0)
        return w[i + 1] * x

    with pytest.raises(CaptureError, match=r"positions are computed, after .* has written what outlives the step.* at test_jit_labels"):
        mg.jit(step)(mg.ones(3, 2), mg.tensor([0, 1, 2]))
    assert seen.tolist() == [0.0, 0.0, 0.0]


def test_results_keep_their_type():
    Found = namedtuple("Found", "loss hits")
    run = mg.jit(lambda x: [Found(x.sum(), x > 0), OrderedDict(b=x + 1, a=x.mean()), x.max(0)])
    for _ in range(2):
        found, named, extrema = run(mg.ones(2, 3))
        assert (type(found), found.loss.item()) == (Found, 6.0)
        assert (type(named), list(named)) == (OrderedDict, ["b", "a"])
        assert (extrema.values.tolist(), extrema.indices.tolist()) == ([1.0] * 3, [0] * 3)


@pytest.mark.parametrize(
    ("step", "remedy"),
    [
        (lambda x, y: x[x > 0], r"getitem is computed by NumPy .*mg\.where\(mask, x, 0\)"),
        (lambda x, y: x.topk(2), r"topk reads numbers .*\(x > own\)\.sum\(1\) < k"),
        (lambda x, y: F.one_hot(y), r"one_hot reads numbers .*Give num_classes"),
        (lambda x, y: mg.bincount(y), r"bincount reads numbers .*one_hot\(x, n\)\.sum\(0\)"),
        (lambda x, y: mg.bernoulli(x.sigmoid()), r"bernoulli .* by NumPy .*mg\.rand_like\(p\) < p"),
    ],
)
def test_what_is_refused_says_what_to_write(step, remedy):
    with pytest.raises(CaptureError, match=remedy):
        mg.jit(step)(mg.ones(2, 3), mg.tensor([0, 1]))
