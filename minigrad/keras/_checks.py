"""What learners meet in silence elsewhere: a last layer that does not fit the loss."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from minigrad.keras import activations

if TYPE_CHECKING:
    from typing import Any


def check_ending(model: Any, loss: Any) -> None:
    """Warns where a cross-entropy gets what it does not expect; the programs run on, and learn badly."""
    name = getattr(getattr(loss, "fn", None), "__name__", "")
    last = [layer for layer in model.modules() if hasattr(layer, "activation")][-1:]
    function, units = (getattr(last[0], what, None) if last else None for what in ("activation", "units"))
    ending = getattr(function, "__name__", "")
    if not name.endswith("_crossentropy") or getattr(activations, ending, None) is not function:
        return
    binary, logits = name.startswith("binary"), bool(getattr(loss, "from_logits", False))
    wanted = "sigmoid" if binary else "softmax"
    if units == 1 and not binary:
        problem = f"{name} needs one unit per class, and the last layer has 1"
        remedy = f"Write Dense(classes, activation={wanted!r}), or for two classes loss='binary_crossentropy'."
    elif units == 1 and ending == "softmax":
        problem, remedy = "softmax of a single unit is always 1", "Write activation='sigmoid'."
    elif logits and ending in ("softmax", "sigmoid"):
        problem = f"the last layer ends in {ending}, which from_logits=True applies once more"
        remedy = f"Remove activation={ending!r}, or write from_logits=False."
    elif not logits and ending != wanted and not (binary and ending in ("softmax", "hard_sigmoid")):
        problem = f"{name} expects probabilities, and the last layer ends in {ending}"
        kind = name.title().replace("_", "")
        remedy = f"Write activation={wanted!r}, or loss=minigrad.keras.losses.{kind}(from_logits=True) without one."
    else:
        return
    warnings.warn(f"compile: {problem}. {remedy}", stacklevel=3)
