"""minigrad.plot: the curves of a loop of one's own."""

import pytest

import minigrad as mg

pytest.importorskip("matplotlib").use("agg")


def test_curves_of_a_dict_of_lists():
    import matplotlib.pyplot as plt

    curves = {"loss": [3.0, 2.0, 1.0, 0.5], "val_loss": [3.5, 2.5], "accuracy": [0.1, 0.2, 0.3, 0.4], "unused": []}
    figure = mg.plot.learning_curves(curves)
    assert [ax.get_title() for ax in figure.axes] == ["loss", "accuracy"]
    train, validation = figure.axes[0].lines
    assert (train.get_label(), validation.get_label()) == ("train", "validation")
    assert validation.get_xdata().tolist() == [2, 4]
    assert validation.get_ydata().tolist() == [3.5, 2.5]
    plt.close("all")


@pytest.mark.parametrize("history", [{}, {"loss": []}, [1.0, 2.0]])
def test_nothing_to_draw(history):
    with pytest.raises(ValueError, match="learning_curves: argument history: got a .*expected values of at least one epoch"):
        mg.plot.learning_curves(history)
