"""The table that `model.summary()` prints."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

#: How the first columns share the width; the last has the rest.
_SHARES = {3: (0.458, 0.334), 4: (0.41, 0.324, 0.17)}


def _counted(tensors: list[Any]) -> str:
    """195 numbers of 4 bytes: 195 (780.00 B)."""
    size, units = float(sum(t.size * t.dtype.itemsize for t in tensors)), ["B", "KB", "MB", "GB", "TB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{sum(t.size for t in tensors):,} ({size:.2f} {units[0]})"


def _row(cells: Any, widths: list[int], edge: str) -> str:
    parts = []
    for text, width, align in zip(cells, widths, "<<>^" if edge == "│" else "<<><"):
        fitted = text if len(text) <= width - 2 else text[: width - 3] + "…"
        parts.append(f" {fitted:{align}{width - 2}} ")
    return edge + edge.join(parts) + edge


def _cells(layer: Any, shape: Any, width: int) -> list[list[str]]:
    """The lines of each cell of a layer's row."""
    name, kind = layer.name, f"({type(layer).__name__})"
    first = [f"{name} {kind}"] if len(name) + len(kind) + 1 <= width else [name, kind]
    count = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
    trains = "-" if not layer.weights else "Y" if layer.trainable else "N"
    return [first, ["?" if shape is None else str(shape)], [count], [trains]]


def summary(model: Any, line_length: int, show_trainable: bool) -> str:
    """The whole table, of so many columns of text, as Keras draws it."""
    titles = ["Layer (type)", "Output Shape", "Param #", "Trainable"][: 3 + show_trainable]
    inner = line_length - len(titles) - 1
    widths = [round(inner * share) for share in _SHARES[len(titles)]]
    widths.append(inner - sum(widths))

    def rule(marks: str) -> str:
        return marks[0] + marks[2].join(marks[1] * w for w in widths) + marks[3]

    lines, shape = [], model.batch_shape if model.built else None
    for layer in model.layers:
        shape = None if shape is None else layer.compute_output_shape(shape)
        cells = _cells(layer, shape, widths[0] - 4)[: len(titles)]
        lines += [rule("├─┼┤"), *[_row(row, widths, "│") for row in zip_longest(*cells, fillvalue="")]]
    lines = [f'Model: "{model.name}"', rule("┏━┳┓"), _row(titles, widths, "┃"), rule("┡━╇┩"), *lines[1:], rule("└─┴┘")]
    kept = getattr(model.optimizer, "variables", None)
    totals = {
        "Total": model.weights, "Trainable": model.trainable_weights, "Non-trainable": model.non_trainable_weights,
        **({"Optimizer": kept} if kept else {}),
    }  # fmt: skip
    return "\n".join([*lines, *[f" {what} params: {_counted(tensors)}" for what, tensors in totals.items()]])
