"""The text of a progress bar: `12/47 ━━━━━━━━━━━━━━━━━━━━ 1s 21ms/step - accuracy: 0.9123 - loss: 0.2874`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_CELLS = 20
_BOLD, _GREEN, _WHITE, _PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


def interactive(stream: Any) -> bool:
    """Whether a line can be drawn over: on a terminal and in a notebook, not in a file."""
    return "ipykernel" in sys.modules or bool(getattr(stream, "isatty", lambda: False)())


def _duration(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _per_step(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.0f}{unit}/step"
    return f"{seconds / 1e-6:.0f}us/step"


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"


def line(
    done: int, steps: int | None, seconds: float, logs: dict[str, float], last: bool, coloured: bool, plain: bool
) -> tuple[str, int]:
    """(text, columns that it takes). steps: None where nobody knows how many there will be. plain: as verbose=2 writes.
    Before the last batch the time is what is left to wait, after it what has gone by."""
    each = seconds / max(done, 1)
    shown = seconds if last or steps is None else each * (steps - done)
    count = f"{done}/{'Unknown' if steps is None else steps}".rjust(2 * len(str(steps or "")) + 1)
    time, speed = _duration(shown), _per_step(each)
    values = "".join(f" - {name}: {_number(value)}" for name, value in logs.items())
    if plain:
        text = f"{count} - {time} - {speed}{values}"
        return text, len(text)
    full = _CELLS if steps is None else int(_CELLS * done / max(steps, 1))
    bar, rest = "━" * full, "━" * (_CELLS - full)
    width = len(f"{count} {bar}{rest} {time} {speed}{values}")
    if not coloured:
        return f"{count} {bar}{rest} {time} {speed}{values}", width
    count, time = f"{_BOLD}{count}{_PLAIN}", f"{_BOLD}{time}{_PLAIN}"
    return f"{count} {_GREEN}{bar}{_PLAIN}{_WHITE}{rest}{_PLAIN} {time} {speed}{values}", width
