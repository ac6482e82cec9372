"""Sequences of different lengths in one tensor: `minigrad.nn.utils.rnn`, where programs written for PyTorch look for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._absent import missing
from minigrad._array import Array
from minigrad.errors import ShapeError, message
from minigrad.ops.shape import pad, stack

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


def pad_sequence(sequences: Iterable[Any], batch_first: bool = False, padding_value: float = 0.0) -> Any:
    """Tensors of shapes (L_i, ...) in one of shape (L, N, ...), or (N, L, ...) with batch_first: L is the longest length, and
    shorter ones end in padding_value. Their lengths, which a mask is made of, are [len(x) for x in sequences].

    Errors: ShapeError where there is none, or where shapes differ behind the first dimension; TypeError for no tensors.
    """
    given = list(sequences)
    if not given:
        raise ShapeError(message("pad_sequence", "sequences", "none", "at least one tensor"))
    for i, x in enumerate(given):
        if not isinstance(x, Array):
            raise TypeError(message("pad_sequence", f"sequences[{i}]", f"a {type(x).__name__}", "a tensor", "Wrap it: minigrad.tensor(...)."))
        if not x.shape or x.shape[1:] != given[0].shape[1:]:
            expected = f"({', '.join(['length', *map(str, given[0].shape[1:])])}), as the first has"
            raise ShapeError(message("pad_sequence", f"sequences[{i}]", f"shape {x.shape}", expected))
    longest, others = max(len(x) for x in given), (0, 0) * (len(given[0].shape) - 1)
    padded = [pad(x, (*others, 0, longest - len(x)), value=padding_value) for x in given]
    return stack(padded, 0 if batch_first else 1)


if not TYPE_CHECKING:  # a checker knows the names that there are
    __getattr__ = missing(globals())
