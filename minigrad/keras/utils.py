"""One-hot rows, and the seed of all random numbers."""

from __future__ import annotations

from minigrad._generator import manual_seed
from minigrad.data import to_categorical

__all__ = ["set_random_seed", "to_categorical"]


def set_random_seed(seed: int) -> None:
    """Seeds Python's, NumPy's and minigrad's random numbers: the same program then gives the same bits."""
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed % (1 << 32))
    manual_seed(seed)
