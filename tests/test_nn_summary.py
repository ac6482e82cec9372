"""nn.summary: the table of a module."""

import pytest

import minigrad as mg
from minigrad import nn


class Two(nn.Module):
    """Calls its parts in another order than it has them."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(3, 2)
        self.first = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))
        self.unused = nn.Linear(1000, 2, bias=False).requires_grad_(False)

    def forward(self, x):
        return self.last(self.first(x))


TABLE = """\
Model: "Two"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┓
┃ Layer (type)             ┃ Output Shape      ┃   Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━┩
│ first.0 (Linear)         │ (7, 3)            │        15 │
├──────────────────────────┼───────────────────┼───────────┤
│ first.1 (Dropout)        │ (7, 3)            │         0 │
├──────────────────────────┼───────────────────┼───────────┤
│ last (Linear)            │ (7, 2)            │         8 │
├──────────────────────────┼───────────────────┼───────────┤
│ unused (Linear)          │ ?                 │     2,000 │
└──────────────────────────┴───────────────────┴───────────┘
 Total params: 2,023 (7.90 KB)
 Trainable params: 23 (92.00 B)
 Non-trainable params: 2,000 (7.81 KB)"""


def test_the_table_of_a_module():
    net = Two()
    assert nn.summary(net, (7, 4), line_length=60) == TABLE
    assert net.training
    assert not [hook for m in net.modules() if "_hooks" in vars(m) for moment in vars(m._hooks).values() for hook in moment]


def test_other_inputs():
    table = nn.summary(nn.Sequential(nn.Embedding(5, 2), nn.Flatten()), (3, 4), dtype=mg.int64)
    assert "│ 0 (Embedding)" in table
    assert "│ (3, 4, 2)" in table
    assert "│ (3, 8)" in table
    assert "(itself) (Linear)" in nn.summary(nn.Linear(2, 1), (1, 2))


def test_what_cannot_be_listed():
    with pytest.raises(TypeError, match="summary: argument model: got a function, expected a module"):
        nn.summary(lambda x: x, (1, 2))
    net = nn.Linear(2, 1)
    with pytest.raises(ValueError, match=r"^linear: argument input: got shape \(1, 3\)"):
        nn.summary(net, (1, 3))
    assert net.training
