"""How tensors are shown: as PyTorch shows them, so that what a book prints is what appears.

All numbers of a tensor are written in one way, which fits them all: whole numbers as `2.`, others with four digits behind the
point, and numbers of very different size with an exponent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad.errors import message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_DEFAULTS: dict[str, Any] = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}
_PROFILES: dict[str, dict[str, Any]] = {
    "default": _DEFAULTS,
    "short": {**_DEFAULTS, "precision": 2, "edgeitems": 2},
    "full": {**_DEFAULTS, "threshold": float("inf")},
}
_options = dict(_DEFAULTS)


def set_printoptions(
    precision: int | None = None, threshold: float | None = None, edgeitems: int | None = None,
    linewidth: int | None = None, profile: str | None = None, sci_mode: bool | None = None,
) -> None:  # fmt: skip
    """How tensors are shown from now on; what is None stays as it is, but sci_mode, which then follows the numbers.

    precision: digits behind the point. threshold: how many numbers are shown in full; of more, edgeitems at both ends of each
    dimension. linewidth: characters in a line. sci_mode: whether numbers have an exponent. profile: "default", "short" or
    "full", which sets them all first.
    """
    if profile is not None and profile not in _PROFILES:
        raise ValueError(message("set_printoptions", "profile", repr(profile), "'default', 'short' or 'full'"))
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    for name, value in given.items():
        least = 0 if name in ("precision", "threshold") else 1
        if not (value is None or (isinstance(value, (int, float)) and value >= least)):
            raise ValueError(message("set_printoptions", name, repr(value), f"a number of at least {least}"))
    chosen = {} if profile is None else _PROFILES[profile]
    _options.update({**chosen, **{k: v for k, v in given.items() if v is not None}, "sci_mode": sci_mode})


def text(array: np.ndarray[Any, Any], notes: Sequence[str]) -> str:
    """`tensor(numbers, notes)`, each note in the last line where it fits, else in one of its own."""
    if array.size:
        ends = bool(array.size > _options["threshold"])
        found = "tensor(" + _block(array, *_writer(_ends(array) if ends else array), len("tensor("), ends)
    else:
        found = "tensor([]"
        notes = [*([f"size={array.shape}"] if array.ndim != 1 else []), *notes]
    length = len(found) - found.rfind("\n") + 1
    for note in notes:
        fits = length + len(note) + 2 <= _options["linewidth"]
        found += f", {note}" if fits else f",\n       {note}"
        length = length + len(note) + 2 if fits else len("tensor(") + len(note)
    return found + ")"


def _ends(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The corners that are shown of a long array."""
    for axis, n in enumerate(array.shape):
        if n > 2 * _options["edgeitems"]:
            array = array.take([*range(_options["edgeitems"]), *range(-_options["edgeitems"], 0)], axis)
    return array


def _writer(shown: np.ndarray[Any, Any]) -> tuple[Callable[[Any], str], int]:
    """The way to write each number, and the width that the widest needs. What is not finite, and 0, has no say in it."""
    if shown.dtype.kind != "f":
        return str, max(len(str(v)) for v in shown.ravel().tolist())
    size = np.abs(shown[np.isfinite(shown) & (shown != 0)]).astype(np.float64)
    low, high = (float(size.min()), float(size.max())) if size.size else (1.0, 1.0)
    whole = bool((size == np.ceil(size)).all())
    exponent = high / low > 1000.0 or high > 1e8 or (not whole and low < 1e-4)
    if size.size and _options["sci_mode"] is not None:
        exponent = _options["sci_mode"]
    digits = f".{_options['precision']}e" if exponent else ".0f" if whole else f".{_options['precision']}f"

    def one(value: float) -> str:
        point = "." if whole and not exponent and np.isfinite(value) else ""
        return format(value, digits) + point

    return one, max((len(one(v)) for v in shown[np.isfinite(shown) & (shown != 0)].tolist()), default=1)


def _block(array: np.ndarray[Any, Any], write: Callable[[Any], str], width: int, indent: int, ends: bool) -> str:
    """The numbers in brackets; further lines begin behind the bracket. ends: only these of each dimension."""
    if not array.ndim:
        return write(array.item()).rjust(width)
    edge = _options["edgeitems"]
    cut = ends and len(array) > 2 * edge
    places = [*range(edge), None, *range(len(array) - edge, len(array))] if cut else range(len(array))
    if array.ndim == 1:
        parts = [" ..." if i is None else write(array[i].item()).rjust(width) for i in places]
        per_line = max(1, (_options["linewidth"] - indent) // (width + 2))
    else:
        parts = ["..." if i is None else _block(array[i], write, width, indent + 1, ends) for i in places]
        per_line = 1
    lines = [", ".join(parts[i : i + per_line]) for i in range(0, len(parts), per_line)]
    return "[" + f",{chr(10) * max(1, array.ndim - 1)}{' ' * (indent + 1)}".join(lines) + "]"
