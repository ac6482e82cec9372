"""One-hot rows, and the seed of all random numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array
from minigrad._generator import manual_seed
from minigrad.errors import LabelError, message

if TYPE_CHECKING:
    from typing import Any


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray[Any, Any]:
    """Class numbers (N,) or (N, 1) as one-hot rows (N, num_classes) of float32; as many classes as the largest number
    asks for, by default. LabelError for what is no class."""
    labels = np.asarray(x.array if isinstance(x, Array) else x)
    whole = labels.astype(np.int64)
    if labels.dtype.kind not in "iub" and not np.array_equal(whole, labels):
        raise LabelError(message("to_categorical", "x", f"dtype {labels.dtype}", "whole numbers"))
    whole = whole.reshape(whole.shape[:-1]) if whole.ndim > 1 and whole.shape[-1] == 1 else whole
    classes = int(whole.max(initial=-1)) + 1 if num_classes is None else num_classes
    outside = whole[(whole < 0) | (whole >= classes)]
    if outside.size:
        raise LabelError(message("to_categorical", "x", outside[0], f"classes 0 to {classes - 1}"))
    return np.eye(classes, dtype=np.float32)[whole]


def set_random_seed(seed: int) -> None:
    """Seeds Python's, NumPy's and minigrad's random numbers: the same program then gives the same bits."""
    import random

    random.seed(seed)
    np.random.seed(seed % (1 << 32))
    manual_seed(seed)
