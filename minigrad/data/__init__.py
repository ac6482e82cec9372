"""Datasets, batches, splits and scalers.

``dataset.py`` says what a dataset is, ``loader.py`` cuts batches from it, ``split.py`` divides it, ``scale.py``
rescales its columns. ``Dataset``, ``TensorDataset``, ``Subset``, ``DataLoader`` and ``random_split`` follow PyTorch's
names and rules; ``train_test_split`` and the scalers follow scikit-learn's.
"""

from minigrad.data.dataset import Dataset, Subset, TensorDataset
from minigrad.data.loader import DataLoader, default_collate
from minigrad.data.scale import MinMaxScaler, NotFittedError, StandardScaler
from minigrad.data.split import random_split, train_test_split

__all__ = [
    "DataLoader",
    "Dataset",
    "MinMaxScaler",
    "NotFittedError",
    "StandardScaler",
    "Subset",
    "TensorDataset",
    "default_collate",
    "random_split",
    "train_test_split",
]
