"""Datasets, batches, splits, scalers, encoders and transforms.

``dataset.py`` says what a dataset is and ``combine.py`` makes datasets of datasets; ``sampler.py`` puts samples in an
order and ``loader.py`` cuts batches from them; ``split.py`` and ``folds.py`` divide data; ``scale.py`` rescales columns,
``encode.py`` makes numbers of classes, and ``transforms`` varies images. Datasets, samplers, ``DataLoader`` and
``random_split`` follow PyTorch's names and rules, ``to_categorical`` follows Keras's; ``train_test_split``, the folds,
scalers and encoders follow scikit-learn's.
"""

from typing import TYPE_CHECKING

from minigrad._absent import missing
from minigrad.data import transforms
from minigrad.data.combine import ChainDataset, ConcatDataset, StackDataset, TransformDataset
from minigrad.data.dataset import Dataset, IterableDataset, Subset, TensorDataset
from minigrad.data.encode import OneHotEncoder, compute_class_weight, compute_sample_weight, to_categorical
from minigrad.data.folds import KFold, StratifiedKFold
from minigrad.data.loader import DataLoader, default_collate
from minigrad.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from minigrad.data.scale import MinMaxScaler, NotFittedError, StandardScaler
from minigrad.data.split import check_split, random_split, split_tail, train_test_split

__all__ = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "KFold",
    "MinMaxScaler",
    "NotFittedError",
    "OneHotEncoder",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StackDataset",
    "StandardScaler",
    "StratifiedKFold",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "TransformDataset",
    "WeightedRandomSampler",
    "check_split",
    "compute_class_weight",
    "compute_sample_weight",
    "default_collate",
    "random_split",
    "split_tail",
    "to_categorical",
    "train_test_split",
    "transforms",
]

if not TYPE_CHECKING:  # a checker knows the names that there are
    __getattr__ = missing(globals())
