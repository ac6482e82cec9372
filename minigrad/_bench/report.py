"""The results as a table for the terminal, as Markdown, as JSON and as a picture."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from minigrad._bench.measure import Row
    from minigrad._machine import Machine

HEAD = ("op", "size", "us", "spread", "rate", "share of limit", "x NumPy", "bound by")


def cells(row: Row) -> tuple[str, ...]:
    """One row as text. The rate is in GFLOP/s where arithmetic bounds it, else in GB/s."""
    arithmetic = row.bound == "arithmetic"
    rate = f"{row.flops_per_second / 1e9:.1f} GFLOP/s" if arithmetic else f"{row.bytes_per_second / 1e9:.1f} GB/s"
    return (
        row.name, row.shapes, f"{row.seconds * 1e6:.2f}", f"{row.spread:.0%}", rate, f"{row.share:.0%}", f"{row.times_numpy:.2f}", row.bound,
    )  # fmt: skip


def limits(machine: Machine) -> list[str]:
    """The machine in lines of text."""
    lines = [
        f"{machine.processor}, {machine.isa}, {machine.threads} thread{'s' if machine.threads > 1 else ''}",
        f"FMA peak: {machine.peak[4] / 1e9:.1f} GFLOP/s in float32, {machine.peak[8] / 1e9:.1f} in float64; "
        f"cost of a call: {machine.call * 1e6:.2f} us",
    ]
    for level in machine.levels:
        rates = ", ".join(f"{name} {getattr(level, name) / 1e9:.1f}" for name in ("read", "write", "copy"))
        lines.append(f"{level.name}: {rates} GB/s")
    return lines


def show(machine: Machine, rows: Sequence[Row]) -> None:
    """Prints the table: by rich where it is installed, with the same content without."""
    print("\n".join(limits(machine)))
    body = [cells(row) for row in rows]
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        print(plain(body))
        return
    table = Table()
    for i, name in enumerate(HEAD):
        table.add_column(name, justify="right" if 1 < i < 7 else "left", no_wrap=True)
    for line in body:
        table.add_row(*line)
    Console(width=120).print(table)


def plain(body: Sequence[tuple[str, ...]]) -> str:
    """Columns of plain text."""
    wide = [max(map(len, column)) for column in zip(HEAD, *body)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, wide)).rstrip() for line in (HEAD, *body))


def markdown(machine: Machine, rows: Sequence[Row]) -> str:
    """The README's table, the processor above it."""
    lines = [*(f"- {line}" for line in limits(machine)), ""]
    lines += ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    return "\n".join([*lines, *("| " + " | ".join(cells(row)) + " |" for row in rows)])


def as_json(machine: Machine, rows: Sequence[Row]) -> str:
    """Everything, in seconds, bytes and operations per second."""
    described = {
        **machine._asdict(),
        "levels": [{**level._asdict(), "size": level.size if level.size < float("inf") else None} for level in machine.levels],
    }
    return json.dumps({"machine": described, "rows": [{**r._asdict(), "times_numpy": r.times_numpy} for r in rows]}, indent=1)


def plot(machine: Machine, rows: Sequence[Row], file: Path) -> None:
    """A roofline, and a bar for each row. ImportError where matplotlib is absent."""
    from matplotlib.figure import Figure

    figure = Figure((12, max(4.0, 0.2 * len(rows))), layout="constrained")
    roof, bars = figure.subplots(1, 2)
    for level in machine.levels:
        ends = [1e-2, 1e3]
        between = sorted([*ends, machine.peak[4] / level.best])
        roof.plot(between, [min(machine.peak[4], x * level.best) / 1e9 for x in between], label=level.name)
    drawn = [r for r in rows if r.bytes_per_second]
    intensity = [r.flops_per_second / r.bytes_per_second for r in drawn]
    roof.scatter(intensity, [r.flops_per_second / 1e9 for r in drawn], color="black", s=12)
    roof.set(xscale="log", yscale="log", xlabel="operations per byte", ylabel="GFLOP/s", title=machine.processor)
    roof.legend()
    bars.barh([f"{r.name} {r.shapes}" for r in rows], [r.times_numpy for r in rows])
    bars.axvline(1, color="black", linewidth=1)
    bars.set(xlabel="times as fast as NumPy", xscale="log")
    bars.tick_params(axis="y", labelsize=6)
    bars.invert_yaxis()
    figure.savefig(file, dpi=80)
