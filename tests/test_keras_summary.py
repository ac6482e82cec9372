"""What is printed and drawn: summary(), the progress bar, learning curves."""

import io
import re
import sys

import numpy as np
import pytest

from minigrad.keras import layers as L
from minigrad.keras.callbacks import History
from minigrad.keras.models import Sequential

X = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
Y = X[:, 0]

# As Keras 3.15 prints this model.
KERAS = """\
Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ dense (Dense)                   │ (None, 16)             │            80 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ batch_normalization             │ (None, 16)             │            64 │
│ (BatchNormalization)            │                        │               │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dropout (Dropout)               │ (None, 16)             │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense_1 (Dense)                 │ (None, 3)              │            51 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 195 (780.00 B)
 Trainable params: 163 (652.00 B)
 Non-trainable params: 32 (128.00 B)
"""
NARROW = """\
┏━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┓
┃ Layer (type)             ┃ Output Shape      ┃   Param # ┃
"""
UNBUILT = """\
Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ dense (Dense)                   │ ?                      │   0 (unbuilt) │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ head (Dense)                    │ ?                      │   0 (unbuilt) │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 0 (0.00 B)
 Trainable params: 0 (0.00 B)
 Non-trainable params: 0 (0.00 B)
"""
FROZEN = """\
Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━┓
┃ Layer (type)                ┃ Output Shape          ┃    Param # ┃ Trai… ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━┩
│ a_very_long_name_for_a_lay… │ (None, 2)             │         10 │   N   │
│ (Dense)                     │                       │            │       │
├─────────────────────────────┼───────────────────────┼────────────┼───────┤
│ dense (Dense)               │ (None, 1000)          │      3,000 │   Y   │
└─────────────────────────────┴───────────────────────┴────────────┴───────┘
 Total params: 3,010 (11.76 KB)
 Trainable params: 3,000 (11.72 KB)
 Non-trainable params: 10 (40.00 B)
"""


@pytest.fixture(autouse=True)
def _names_begin_anew():
    L.clear_session()


def network():
    hidden = L.Dense(16, activation="relu")
    return Sequential([L.Input((4,)), hidden, L.BatchNormalization(), L.Dropout(0.2), L.Dense(3, activation="softmax")])


def test_summary_is_that_of_keras(capsys):
    network().summary()
    assert capsys.readouterr().out == KERAS


def test_summary_of_other_widths_and_columns(capsys):
    net = network()
    lines = []
    net.summary(line_length=60, print_fn=lines.append)
    assert NARROW in lines[0]
    assert not capsys.readouterr().out
    L.clear_session()
    Sequential([L.Dense(16), L.Dense(3, name="head")]).summary()
    assert capsys.readouterr().out == UNBUILT
    L.clear_session()
    named = L.Dense(2, name="a_very_long_name_for_a_layer_that_wraps_in_the_table")
    net = Sequential([L.Input((4,)), named, L.Dense(1000)])
    net.layers[0].trainable = False
    net.summary(show_trainable=True)
    assert capsys.readouterr().out == FROZEN


def test_summary_counts_what_the_optimizer_keeps(capsys):
    net = Sequential([L.Input((4,)), L.Dense(1)])
    net.compile("adam", "mse")
    net.fit(X, Y, verbose=0)
    net.summary()
    out = capsys.readouterr().out
    assert " Total params: 5 (20.00 B)\n" in out
    assert re.search(r" Optimizer params: 1[0-9] \(", out)  # two moments of each weight


# -- progress ----------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


def small():
    net = Sequential([L.Input((4,)), L.Dense(1)])
    net.compile("adam", "mse", metrics=["mae"])
    return net


def test_a_terminal_is_drawn_over(monkeypatch):
    net = small()
    monkeypatch.setattr(sys, "stdout", Terminal())
    net.fit(X, Y, epochs=2, validation_split=0.2)
    out = sys.stdout.getvalue()
    assert out.count("\n") == 4
    assert out.startswith("Epoch 1/2\n\r")
    last = re.sub("\x1b\\[[0-9]+m", "", out.splitlines()[-1]).split("\r")[-1]
    number = r"\d+\.\d{4}"
    assert re.fullmatch(
        rf"3/3 ━{{20}} 0s \d+[mu]s/step - loss: {number} - mae: {number} - val_loss: {number} - val_mae: {number} *", last
    )


def test_a_file_gets_plain_lines(capsys):
    net = small()
    net.fit(X, Y, epochs=1)
    net.fit(X, Y, epochs=2, initial_epoch=1, verbose=2)
    net.evaluate(X, Y)
    net.predict(X)
    out = capsys.readouterr().out
    assert "\r" not in out
    assert "\x1b" not in out
    lines = out.splitlines()
    assert [one.split(" ")[0] for one in lines] == ["Epoch", "4/4", "Epoch", "4/4", "4/4", "4/4"]
    assert lines[3].startswith("4/4 - 0s - ")
    net.fit(X, Y, verbose=0)
    assert not capsys.readouterr().out


# -- curves ------------------------------------------------------------------------------------------------------------


def test_curves():
    pytest.importorskip("matplotlib").use("agg")
    import matplotlib.pyplot as plt

    from minigrad.keras import dl_history_plot

    history = small().fit(X, Y, epochs=4, validation_split=0.2, validation_freq=2, verbose=0)
    figure = history.plot()
    assert [ax.get_title() for ax in figure.axes] == ["loss", "mae"]
    train, validation = figure.axes[0].lines
    np.testing.assert_array_equal(train.get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(validation.get_xdata(), [2, 4])
    np.testing.assert_array_equal(validation.get_ydata(), history.history["val_loss"])
    other = dl_history_plot(history.history)
    assert len(other.axes) == 2
    with pytest.raises(ValueError, match="values of at least one epoch"):
        dl_history_plot(History())
    plt.close("all")


def test_curves_without_matplotlib(monkeypatch):
    from minigrad.keras import dl_history_plot

    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=re.escape("pip install 'minigrad-c[plot]'")):
        dl_history_plot({"loss": [1.0]})
