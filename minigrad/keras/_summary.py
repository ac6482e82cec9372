"""The table that `model.summary()` prints."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

#: How the columns share the width.
_SHARES = {3: (0.458, 0.334), 4: (0.41, 0.324, 0.17)}


def _fitted(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _size(count: int, numbers: int) -> str:
    """195 numbers of 4 bytes: 195 (780.00 B)."""
    size, units = float(numbers), ["B", "KB", "MB", "GB", "TB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{count:,} ({size:.2f} {units[0]})"


def _cells(layer: Any, shape: Any, width: int, show_trainable: bool) -> list[list[str]]:
    """The lines of each cell of a layer's row."""
    name, kind = layer.name, f"({type(layer).__name__})"
    first = [f"{name} {kind}"] if len(name) + len(kind) + 1 <= width else [name, kind]
    count = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
    cells = [first, ["?" if shape is None else str(shape)], [count]]
    if show_trainable:
        cells.append(["-" if not layer.weights else "Y" if layer.trainable else "N"])
    return cells


def summary(model: Any, line_length: int, show_trainable: bool) -> str:
    """The whole table, of so many columns of text, as Keras draws it."""
    titles = ["Layer (type)", "Output Shape", "Param #", *(["Trainable"] if show_trainable else [])]
    inner = line_length - len(titles) - 1
    widths = [round(inner * share) for share in _SHARES[len(titles)]]
    widths.append(inner - sum(widths))

    def rule(left: str, line: str, cross: str, right: str) -> str:
        return left + cross.join(line * w for w in widths) + right

    def row(cells: list[str], edge: str) -> str:
        parts = []
        for i, (cell, width) in enumerate(zip(cells, widths)):
            text = _fitted(cell, width - 2)
            centred = i == 3 and edge == "│"
            parts.append(f" {text.center(width - 2) if centred else text.rjust(width - 2) if i == 2 else text.ljust(width - 2)} ")
        return edge + edge.join(parts) + edge

    rows, shape = [], model.batch_shape if model.built else None
    for layer in model.layers:
        shape = None if shape is None else layer.compute_output_shape(shape)
        cells = _cells(layer, shape, widths[0] - 2, show_trainable)
        depth = max(map(len, cells))
        rows.append("\n".join(row([c[i] if i < len(c) else "" for c in cells], "│") for i in range(depth)))
    body = ("\n" + rule("├", "─", "┼", "┤") + "\n").join(rows)
    head = [rule("┏", "━", "┳", "┓"), row(titles, "┃"), rule("┡", "━", "╇", "┩")]
    lines = [f'Model: "{model.name}"', *head, *([body] if body else []), rule("└", "─", "┴", "┘")]
    return "\n".join([*lines, *_totals(model)])


def _totals(model: Any) -> list[str]:
    def counted(tensors: list[Any]) -> str:
        return _size(sum(t.size for t in tensors), sum(prod(t.shape) * t.dtype.itemsize for t in tensors))

    lines = [
        f" Total params: {counted(model.weights)}",
        f" Trainable params: {counted(model.trainable_weights)}",
        f" Non-trainable params: {counted(model.non_trainable_weights)}",
    ]
    kept = getattr(model.optimizer, "variables", None) or []
    return [*lines, f" Optimizer params: {counted(kept)}"] if kept else lines
