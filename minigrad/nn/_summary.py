"""The table of a model: what it is made of, what comes out of each part, and how many numbers it has."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from minigrad._create import zeros
from minigrad._mode import no_grad
from minigrad.errors import message
from minigrad.nn._module import Module
from minigrad.nn.utils import in_mode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

#: How the first columns share the width; the last has the rest.
_SHARES = {3: (0.458, 0.334), 4: (0.41, 0.324, 0.17)}


def summary(model: Any, input_size: Sequence[int], dtype: Any = None, line_length: int = 76) -> str:
    """The table of a module's innermost modules, in the order in which they are first called, for print().

    input_size: the shape of one input, the batch included: zeros of this shape go through the model, which infers and
    records nothing. dtype: theirs, float32 by default; int64 for an Embedding in front. What a module shares with an
    earlier one is counted in both rows, but once in the totals. TypeError for what is no module.
    """
    if not isinstance(model, Module):
        remedy = "A model of minigrad.keras has model.summary()."
        raise TypeError(message("summary", "model", f"a {type(model).__name__}", "a module", remedy))
    shapes: dict[Any, Any] = {}

    def note(module: Any, args: Any, out: Any) -> None:
        shapes.setdefault(module, tuple(out.shape) if hasattr(out, "shape") else "?")

    inner = {module: name or "(itself)" for name, module in model.named_modules() if not list(module.children())}
    handles = [m.register_forward_hook(note) for m in inner]
    try:
        with in_mode(model, training=False), no_grad():
            model(zeros(*input_size, dtype=dtype))
    finally:
        for handle in handles:
            handle.remove()
    rows = [
        (inner[m], type(m).__name__, str(shapes.get(m, "?")), f"{sum(p.size for p in m.parameters()):,}")
        for m in [*shapes, *[m for m in inner if m not in shapes]]
    ]
    parameters = list(model.parameters())
    trained = [p for p in parameters if p.requires_grad]
    totals = {"Total": parameters, "Trainable": trained, "Non-trainable": [p for p in parameters if not p.requires_grad]}
    return table(type(model).__name__, rows, totals, line_length)


def table(title: str, rows: Sequence[tuple[str, ...]], totals: dict[str, list[Any]], line_length: int) -> str:
    """A row for each layer, (name, kind, shape, number of weights) and with a fifth "Y", "N" or "-" for trainable, within so
    many columns of text, as Keras draws it; below, the numbers and bytes of lists of tensors."""
    titles = ["Layer (type)", "Output Shape", "Param #", "Trainable"][: max([3, *[len(row) - 1 for row in rows]])]
    inner = line_length - len(titles) - 1
    widths = [round(inner * share) for share in _SHARES[len(titles)]]
    widths.append(inner - sum(widths))

    def rule(marks: str) -> str:
        return marks[0] + marks[2].join(marks[1] * w for w in widths) + marks[3]

    lines = []
    for name, kind, *rest in rows:
        first = [f"{name} ({kind})"] if len(name) + len(kind) + 3 <= widths[0] - 4 else [name, f"({kind})"]
        cells = zip_longest(first, *[[cell] for cell in rest], fillvalue="")
        lines += [rule("├─┼┤"), *[_row(row, widths, "│") for row in cells]]
    head = [f'Model: "{title}"', rule("┏━┳┓"), _row(titles, widths, "┃"), rule("┡━╇┩")]
    counts = [f" {what} params: {_counted(tensors)}" for what, tensors in totals.items()]
    return "\n".join([*head, *lines[1:], rule("└─┴┘"), *counts])


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
