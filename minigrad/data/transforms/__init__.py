"""Transforms that vary images, so that a network sees other pictures in every epoch, and ones that prepare them.

A transform is called with one image, and its ``batch`` with many, the first dimension counting them: each then has a
draw of its own, and all are computed at once. An image is an array or a Tensor (height, width) or (height, width,
channels); a flattened one is told by ``image_shape=(height, width)``. The result is new, of the same kind and dtype.

    from minigrad.data import DataLoader, TensorDataset, TransformDataset, transforms

    vary = transforms.Compose([transforms.RandomShift(1), transforms.RandomRotation(10)])
    train = TransformDataset(TensorDataset(images, labels), vary)
    for xb, yb in DataLoader(train, batch_size=32, shuffle=True):
        ...

Random ones draw from ``generator``, or from the global one that ``minigrad.manual_seed`` seeds: the same seed gives the
same bits. ``base.py`` has what all share, ``geometry.py`` moves pixels, ``pixels.py`` changes their values.
"""

from minigrad.data.transforms.base import Compose, ImageTransform, Lambda, Transform
from minigrad.data.transforms.geometry import (
    RandomAffine,
    RandomCrop,
    RandomHorizontalFlip,
    RandomRotation,
    RandomShift,
    RandomVerticalFlip,
    RandomZoom,
)
from minigrad.data.transforms.pixels import Cutout, GaussianNoise, Normalize, ToTensor

__all__ = [
    "Compose",
    "Cutout",
    "GaussianNoise",
    "ImageTransform",
    "Lambda",
    "Normalize",
    "RandomAffine",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomRotation",
    "RandomShift",
    "RandomVerticalFlip",
    "RandomZoom",
    "ToTensor",
    "Transform",
]
