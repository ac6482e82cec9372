"""A progress bar for any loop, as Keras draws it: `12/47 ━━━━━━━━━━━━━━━━━━━━ 1s 21ms/step - accuracy: 0.9123 - loss: 0.2874`.

    bar = progress.Bar(len(loader))
    for i, (x, y) in enumerate(loader, start=1):
        loss = step(x, y)
        if bar.due():                                   # 20 times a second at the most, so that it costs nothing
            bar.draw(i, {"loss": loss.item()})
    bar.close(i, {"loss": loss.item()})
"""

from __future__ import annotations

import sys
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

#: Seconds between two drawings of a bar.
INTERVAL = 0.05
_CELLS = 20


class Bar:
    """A line that is drawn over on a terminal and in a notebook; in a file, only the last one is written.

    steps: None where nobody knows how many there will be. plain: one line without the bar, at the end. `live`: whether it
    is drawn over. It goes to sys.stdout, and counts the time from now.
    """

    def __init__(self, steps: int | None = None, plain: bool = False) -> None:
        self.steps, self.plain = steps, plain
        self.live = not plain and interactive(sys.stdout)
        self._began, self._drawn, self._width = perf_counter(), -inf, 0

    def due(self) -> bool:
        """Whether it is time to draw again."""
        return self.live and perf_counter() - self._drawn >= INTERVAL

    def draw(self, done: int, values: dict[str, float]) -> None:
        """Shows how many steps are done, and the values by name; nothing where the bar is not live."""
        if self.live:
            self._write(done, self.steps, values, "")

    def close(self, done: int, values: dict[str, float]) -> None:
        """Shows the last line, the time being what has gone by, and goes to the next."""
        self._write(done, done, values, "\n")

    def _write(self, done: int, steps: int | None, values: dict[str, float], end: str) -> None:
        self._drawn = perf_counter()
        text = line(done, steps, self._drawn - self._began, values, bool(end), self.plain)
        gap, self._width = " " * (self._width - len(text)), len(text)
        sys.stdout.write((f"\r{coloured(text, done / (steps or done))}{gap}" if self.live else text) + end)
        sys.stdout.flush()


def interactive(stream: Any) -> bool:
    """Whether a line can be drawn over: on a terminal and in a notebook, not in a file."""
    return "ipykernel" in sys.modules or bool(getattr(stream, "isatty", lambda: False)())


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    if not minutes:
        return f"{rest}s"
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def line(done: int, steps: int | None, seconds: float, values: dict[str, float], last: bool, plain: bool) -> str:
    """The text of a bar after so many seconds. Before the last step the time is what is left to wait, then what has gone
    by; of an unknown number of steps it always is that."""
    each = seconds / max(done, 1)
    time = _duration(seconds if last or steps is None else each * (steps - done))
    unit, scale = ("s", 1.0) if each >= 1 else ("ms", 1e-3) if each >= 1e-3 else ("us", 1e-6)
    count = f"{done}/{'Unknown' if steps is None else steps}".rjust(2 * len(str(steps or "")) + 1)
    head = f"{count} - {time} -" if plain else f"{count} {'━' * _CELLS} {time}"
    shown = "".join(f" - {name}: {v:.4f}" if abs(v) > 1e-3 else f" - {name}: {v:.4e}" for name, v in values.items())
    return f"{head} {each / scale:.0f}{unit}/step{shown}"


def coloured(text: str, share: float) -> str:
    """A line with the count in bold and that share of the bar in green, as terminals show it."""
    count, bar, rest = text.partition("━" * _CELLS)
    full = int(len(bar) * share)
    return f"\x1b[1m{count}\x1b[32m{bar[:full]}\x1b[0m\x1b[37m{bar[full:]}\x1b[0m{rest}"
