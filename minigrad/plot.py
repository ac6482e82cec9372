"""Learning curves by matplotlib, which comes with `pip install 'minigrad-c[plot]'`.

    curves = {"loss": [], "val_loss": []}                       # a number of each per epoch
    plot.learning_curves(curves).savefig("curves.png")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.errors import message

if TYPE_CHECKING:
    from typing import Any


def learning_curves(history: Any) -> Any:
    """Draws each value of training with that of validation over the epochs, and returns the matplotlib figure.

    history: a dict of lists by name, those of validation being "val_" and the name; or what has one as its attribute
    `history`, as what Keras's fit returns. A list shorter than its partner's is drawn every so many epochs. Where there is
    a screen the figure is shown, without waiting for it to be closed; elsewhere write figure.savefig("curves.png").
    ValueError where there is no value; ImportError without matplotlib.
    """
    curves = getattr(history, "history", history)
    if not isinstance(curves, dict) or not any(curves.values()):
        got, remedy = f"a {type(history).__name__}", "Pass {'loss': [...], 'val_loss': [...]}, or what fit returned."
        raise ValueError(message("learning_curves", "history", got, "values of at least one epoch", remedy))
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("learning_curves: matplotlib is missing. Write: pip install 'minigrad-c[plot]'") from None
    names = sorted({name.removeprefix("val_") for name, values in curves.items() if values}, key=lambda name: (name != "loss", name))
    figure, axes = plt.subplots(1, len(names), figsize=(5.5 * len(names), 4), squeeze=False)
    for ax, name in zip(axes[0], names):
        epochs = max(len(curves.get(key, ())) for key in (name, f"val_{name}"))
        for key, label, style in ((name, "train", "-"), (f"val_{name}", "validation", "--")):
            if values := curves.get(key):
                every = epochs // len(values)  # validation may run every k-th epoch only
                ax.plot(range(every, every * len(values) + 1, every), values, style, marker=".", label=label)
        ax.set(xlabel="epoch", ylabel=name, title=name)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(alpha=0.3)
        ax.legend()
    figure.tight_layout()
    if plt.get_backend().lower() not in ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template"):  # which have no screen
        plt.show(block=False)
    return figure
