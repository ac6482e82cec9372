"""The tape as a drawing: SVG, or a page on which backward can be stepped through. Neither needs another program."""

from __future__ import annotations

import json
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from minigrad._listing import Tape, tape
from minigrad.errors import GradError, message
from minigrad.study._walk import Walk

if TYPE_CHECKING:
    from typing import Any

#: Ops that are drawn at the most; nobody reads more.
MANY = 200
#: Lengths in pixels: of a box, and from one to the next.
_WIDTH, _HEIGHT, _RIGHT, _DOWN, _EDGE = 132, 40, 156, 84, 20
_STYLE = """
.tape text { font: 13px ui-monospace, monospace; text-anchor: middle; fill: #1b1f24 }
.tape .small { font-size: 11px; fill: #57606a }
.tape rect { fill: #eef4fb; stroke: #4a7ab5 }
.tape .leaf rect { fill: #eef7ee; stroke: #4f8f4f; rx: 18px }
.tape path { fill: none; stroke: #8c959f; stroke-width: 1.3 }
.tape .now rect { fill: #ffe9a8; stroke: #b58900; stroke-width: 2.5 }
.tape .given path, .tape path.given { stroke: #b58900; stroke-width: 2.5 }
"""


class Picture:
    """A drawn tape: `svg`, `html`, `save("tape.html")` or `save("tape.svg")`; a notebook shows it. `moves` are the lines
    that backward's steps are told in, none where it cannot be walked."""

    def __init__(self, steps: Tape, moves: list[tuple[int, str]]) -> None:
        self.tape, self.moves = steps, moves
        self.svg = _svg(steps)

    @property
    def html(self) -> str:
        """A part of a page: the drawing, and a slider through backward."""
        if not self.moves:
            return self.svg
        moves = json.dumps(self.moves).replace("</", "<\\/")
        return f"<div>{self.svg}{_SLIDER.replace('MOVES', moves)}</div>"

    def save(self, path: Any) -> None:
        """Writes the page, or the drawing alone where the name ends in .svg."""
        where = Path(path)
        if where.suffix not in (".html", ".svg"):
            raise ValueError(message("save", "path", repr(str(path)), "a name that ends in .html or .svg"))
        page = f'<!doctype html>\n<meta charset="utf-8">\n<title>Tape</title>\n{self.html}\n'
        where.write_text(self.svg if where.suffix == ".svg" else page, encoding="utf-8")

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"<picture of {len(self.tape)} ops: save('tape.html') writes it, a notebook shows it>"


def show(result: Any, *, gradient: Any = None, names: Any = None) -> Picture:
    """A drawing of the ops behind a result, leaves at the top, and of its backward pass, step by step.

    result: a tensor, or a part of a tape, such as minigrad.tape(loss)[-20:]. gradient: of a result that is no scalar, as
    for backward; names: what leaves are called, as a dict {name: tensor} or a module. What backward has freed is drawn
    without the steps. ValueError for more than 200 ops.
    """
    steps = result if isinstance(result, Tape) else tape(result, names=names)
    if not 0 < len(steps) <= MANY:
        remedy = "Draw a part: minigrad.show(minigrad.tape(loss)[-50:])."
        raise ValueError(message("show", "result", f"a tape of {len(steps)} ops", f"1 to {MANY}", remedy))
    whole = not isinstance(result, Tape) and (gradient is not None or result.count == 1)
    if not whole or any(step.kept is None for step in steps):
        return Picture(steps, [])
    try:
        walk = Walk(result, gradient, names)
    except GradError:
        return Picture(steps, [])
    return Picture(steps, [(move.step.number, repr(move)) for move in walk])


def _svg(steps: Tape) -> str:
    """The drawing, in rows: within one, whoever has its inputs further left stands further left. An edge that passes a row
    has a place of its own in it, and so runs beside the boxes (Sugiyama, Tagawa and Toda 1981)."""
    rows = _rows(steps)
    edges = _routed(steps, rows)
    before: dict[str, list[str]] = {}
    for chain in edges:
        for upper, lower in pairwise(chain):
            before.setdefault(lower, []).append(upper)
    place: dict[str, tuple[float, float]] = {}
    for y, row in enumerate(rows):
        above = {label: [place[i][0] for i in before.get(label, ())] for label in row}
        row.sort(key=lambda label: sum(above[label]) / len(above[label]) if above[label] else 0.0)
        for x, label in enumerate(row):
            place[label] = x - len(row) / 2, y
    left = min(x for x, _ in place.values())
    at = {label: (_EDGE + (x - left) * _RIGHT, _EDGE + y * _DOWN) for label, (x, y) in place.items()}
    width = max(x for x, _ in at.values()) + _WIDTH + _EDGE
    height = max(y for _, y in at.values()) + _HEIGHT + _EDGE
    shapes = {label: parent.shape for step in steps for label, parent in zip(step.inputs, step.node.parents) if parent is not None}
    own = {f"#{step.number}" for step in steps}
    boxes = [_box(label, label, str(shape), at[label], "leaf") for label, shape in shapes.items() if label not in own]
    boxes += [_box(f"#{s.number}", f"#{s.number} {s.op}", str(s.shape), at[f"#{s.number}"], "op") for s in steps]
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="tape" {size}>'
    return "\n".join([head, f"<style>{_STYLE}</style>", *[_edge(chain, at) for chain in edges], *boxes, "</svg>"])


def _routed(steps: Tape, rows: list[list[str]]) -> list[list[str]]:
    """For each edge the places that it passes, which are added to the rows between its ends."""
    row_of = {label: y for y, row in enumerate(rows) for label in row}
    chains = []
    for step in steps:
        end = f"#{step.number}"
        for label in dict.fromkeys(i for i in step.inputs if i in row_of):
            between = [(y, f"{label} to {end} in row {y}") for y in range(row_of[label] + 1, row_of[end])]
            for y, passed in between:
                rows[y].append(passed)
            chains.append([label, *[passed for _, passed in between], end])
    return chains


def _rows(steps: Tape) -> list[list[str]]:
    """Labels by how many ops lie before them on the longest way; leaves stand right above who first uses them."""
    depth: dict[str, int] = {}
    known = {f"#{step.number}" for step in steps}
    for step in steps:
        depth[f"#{step.number}"] = 1 + max([depth[i] for i in step.inputs if i in depth and i in known] or [0])
    for step in steps:
        for label in step.inputs:
            if label not in known and label != "-":
                depth[label] = min(depth.get(label, len(steps)), depth[f"#{step.number}"] - 1)
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for label, row in depth.items():
        rows[row].append(label)
    return [row for row in rows if row]


def _box(label: str, title: str, below: str, at: tuple[float, float], kind: str) -> str:
    x, y = at
    middle = x + _WIDTH / 2
    return (
        f'<g class="{kind}" data-label="{escape(label)}"><title>{escape(title)} {escape(below)}</title>'
        f'<rect x="{x:g}" y="{y:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="5"/>'
        f'<text x="{middle:g}" y="{y + 17:g}">{escape(_short(title))}</text>'
        f'<text class="small" x="{middle:g}" y="{y + 32:g}">{escape(below)}</text></g>'
    )


def _short(title: str) -> str:
    return title if len(title) <= 16 else f"{title[:7]}…{title[-8:]}"


def _edge(chain: list[str], at: dict[str, Any]) -> str:
    """A curve from row to row, straight where it passes one."""
    x, y = at[chain[0]][0] + _WIDTH / 2, at[chain[0]][1] + _HEIGHT
    parts = [f"M{x:g} {y:g}"]
    for label in chain[1:]:
        end, top = at[label][0] + _WIDTH / 2, at[label][1]
        bend = (top - y) / 2
        parts.append(f"C{x:g} {y + bend:g} {end:g} {top - bend:g} {end:g} {top:g}")
        x, y = end, top + _HEIGHT
        if label != chain[-1]:
            parts.append(f"V{y:g}")
    return f'<path d="{" ".join(parts)}" data-from="{escape(chain[0])}" data-to="{escape(chain[-1])}"/>'


#: Works in the element that it stands in, so that a notebook may have many.
_SLIDER = """
<p style="font: 13px ui-monospace, monospace">backward <input type="range" min="0" value="0" style="width: 60%"> <span></span></p>
<pre style="font: 13px ui-monospace, monospace; min-height: 7em"></pre>
<script>
(function (root) {
  const moves = MOVES, slider = root.querySelector("input");
  slider.max = moves.length;
  function turn() {
    const at = Number(slider.value), number = at ? "#" + moves[at - 1][0] : "";
    root.querySelectorAll("g").forEach(g => g.classList.toggle("now", g.dataset.label === number));
    root.querySelectorAll("path").forEach(p => p.classList.toggle("given", p.dataset.to === number));
    root.querySelector("span").textContent = at + " of " + moves.length;
    root.querySelector("pre").textContent = at ? moves[at - 1][1] : "";
  }
  slider.oninput = turn;
  turn();
})(document.currentScript.parentElement);
</script>
"""
