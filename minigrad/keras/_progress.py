"""The text of a progress bar: `12/47 ━━━━━━━━━━━━━━━━━━━━ 1s 21ms/step - accuracy: 0.9123 - loss: 0.2874`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_CELLS = 20


def interactive(stream: Any) -> bool:
    """Whether a line can be drawn over: on a terminal and in a notebook, not in a file."""
    return "ipykernel" in sys.modules or bool(getattr(stream, "isatty", lambda: False)())


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    if not minutes:
        return f"{rest}s"
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def line(done: int, steps: int | None, seconds: float, logs: dict[str, float], last: bool, plain: bool) -> str:
    """steps: None where nobody knows how many there will be. plain: as verbose=2 writes. Before the last batch the time
    is what is left to wait, after it what has gone by."""
    each = seconds / max(done, 1)
    time = _duration(seconds if last or steps is None else each * (steps - done))
    unit, scale = ("s", 1.0) if each >= 1 else ("ms", 1e-3) if each >= 1e-3 else ("us", 1e-6)
    count = f"{done}/{'Unknown' if steps is None else steps}".rjust(2 * len(str(steps or "")) + 1)
    head = f"{count} - {time} -" if plain else f"{count} {'━' * _CELLS} {time}"
    values = "".join(f" - {name}: {v:.4f}" if abs(v) > 1e-3 else f" - {name}: {v:.4e}" for name, v in logs.items())
    return f"{head} {each / scale:.0f}{unit}/step{values}"


def coloured(text: str, share: float) -> str:
    """A line with the count in bold and that share of the bar in green, as terminals show it."""
    count, bar, rest = text.partition("━" * _CELLS)
    full = int(len(bar) * share)
    return f"\x1b[1m{count}\x1b[32m{bar[:full]}\x1b[0m\x1b[37m{bar[full:]}\x1b[0m{rest}"
