"""The errors for what a captured step cannot hold: where, why, and what may be written instead."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from minigrad._source import OURS, calling_line
from minigrad.errors import CaptureError

if TYPE_CHECKING:
    from typing import Any

#: What may be written instead of what a program cannot hold, by the function that was called.
_INSTEAD = {
    "getitem": "Where a mask chooses, keep all and weigh: mg.where(mask, x, 0), or x * mask. ",
    "masked_select": "Keep all and weigh: mg.where(mask, x, 0), or x * mask. ",
    "setitem": "Where a mask chooses, make a new tensor: x = mg.where(mask, value, x). ",
    "one_hot": "Give num_classes. ",
    "bincount": "Count rows: one_hot(x, n).sum(0). ",
    "bernoulli": "Compare: (mg.rand_like(p) < p).float(). ",
    **dict.fromkeys(
        ("topk", "sort", "argsort"),
        "Whether a label is among the k likeliest: own = x.gather(1, y[:, None]); (x > own).sum(1) < k. ",
    ),
}


def called() -> str:
    """The function of minigrad that a line outside of it has called, or the attribute."""
    frame: Any = sys._getframe(1)
    name = ""
    while frame is not None and frame.f_code.co_filename.startswith(OURS):
        if frame.f_code.co_name != "call":  # which is what takes other names of arguments, or writes in place
            name = frame.f_code.co_name
        frame = frame.f_back
    return "array" if name == "_numbers" else name.strip("_")


def refusal(what: str, line: Any = None) -> CaptureError:
    """The error for what a program cannot hold, at a line, by default that which runs."""
    line, instead = line or calling_line(), _INSTEAD.get(called(), "")
    return CaptureError(
        f"jit: {what}{f' at {line}' if line else ''}, and a captured step must not: the value of this run would be frozen into "
        f"the program. {instead}Read values from what the step returns, compute such things before the step and pass them as "
        "arguments, or write mg.jit(fn, fallback=True) to run it eagerly."
    )
