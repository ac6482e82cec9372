"""Transforms that change the values of pixels and leave them in their places: noise, cutout, normalising, conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad._array import float64, from_array
from minigrad._draw import randn
from minigrad._generator import stream
from minigrad._tensor import Tensor
from minigrad.data.dataset import as_array
from minigrad.data.transforms.base import ImageTransform, Transform, checked_count, checked_number, fill_value
from minigrad.errors import DTypeError, ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from minigrad._generator import Generator

    Array = npt.NDArray[Any]

_TO_FLOATS = "ToTensor() or images.astype(numpy.float32) / 255 makes floats."


class GaussianNoise(Transform):
    """Adds to each value a normally distributed number of mean 0 and standard deviation `std`.

    ``clip``: a pair (low, high) that limits the result, such as (0.0, 1.0) for images in that range. Images of any shape,
    of floats.

    Errors: DTypeError (a TypeError) for integers; ValueError for a negative ``std`` and for low above high.
    """

    def __init__(
        self, std: float = 0.1, *, clip: tuple[float, float] | None = None, generator: Generator | None = None
    ) -> None:
        self.std = checked_number("GaussianNoise", "std", std, 0.0)
        if clip is not None and not (isinstance(clip, (tuple, list)) and len(clip) == 2 and clip[0] <= clip[1]):
            raise ValueError(
                message("GaussianNoise", "clip", repr(clip), "a pair (low, high) with low <= high, or None")
            )
        if generator is not None:
            stream("GaussianNoise", generator)
        self.clip = clip
        self._generator = generator

    def __call__(self, image: Any) -> Any:
        """One image with noise."""
        array = _floats(image, "GaussianNoise")
        drawn = float64 if array.dtype == float64 else None
        noise = randn(array.shape, generator=self._generator, dtype=drawn).array.astype(array.dtype, copy=False)
        noise *= array.dtype.type(self.std)
        noise += array
        result = noise if self.clip is None else np.clip(noise, *self.clip, out=noise)
        return from_array(result, "GaussianNoise") if isinstance(image, Tensor) else result

    def batch(self, images: Any) -> Any:
        """All images of a batch with noise."""
        return self(images)


class Cutout(ImageTransform):
    """Covers ``n_holes`` squares of side `length` with ``fill``, their centres drawn from all pixels, so that parts of
    them may lie outside of the image. A network then learns not to rely on one part of a picture.

    Source: T. DeVries and G. W. Taylor, Improved Regularization of Convolutional Neural Networks with Cutout, 2017; fill 0
    there is the mean of normalised images.
    """

    def __init__(
        self,
        length: int,
        n_holes: int = 1,
        *,
        fill: float = 0.0,
        image_shape: tuple[int, ...] | None = None,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(image_shape, generator)
        self.length = checked_count("Cutout", "length", length, 1)
        self.n_holes = checked_count("Cutout", "n_holes", n_holes, 1)
        self.fill = checked_number("Cutout", "fill", fill, -np.inf)

    def apply(self, images: Array) -> Array:
        """Transformed images, (images, height, width, channels)."""
        count, height, width, _ = images.shape
        fill = fill_value("Cutout", self.fill, images.dtype)
        centres = self.uniform(count, 2 * self.n_holes).reshape(count, self.n_holes, 2)
        # in_rows[i, k, r]: row r of image i crosses hole k.
        in_rows = self._covered(np.floor(centres[..., 0] * height), height)
        in_columns = self._covered(np.floor(centres[..., 1] * width), width)
        holes: Array = np.any(in_rows[..., :, None] & in_columns[..., None, :], axis=1)
        return np.where(holes[..., None], np.asarray(fill, images.dtype), images)

    def _covered(self, centres: Array, side: int) -> Array:
        start = centres[..., None] - self.length // 2
        places = np.arange(side)
        covered: Array = (places >= start) & (places < start + self.length)
        return covered


class Normalize(Transform):
    """(x - mean) / std, channel by channel.

    ``mean``, ``std``: one number for all, or one for each channel. ``axis``: where the channels are, counted from the
    end: -1 in (height, width, channels), -3 in (channels, height, width), which ``ToTensor`` makes. Without it, the one of
    the two is taken that has as many entries as there are means. Images are of floats.

    Errors: ValueError for a ``std`` of 0 or below, for different numbers of means and of deviations, and where no axis, or
    both, fit them; DTypeError (a TypeError) for integers.
    """

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float], *, axis: int | None = None) -> None:
        means, stds = (np.atleast_1d(np.asarray(values, np.float64)) for values in (mean, std))
        if means.ndim != 1 or means.shape != stds.shape or not means.size:
            got = f"shapes {means.shape} and {stds.shape}"
            raise ShapeError(
                message("Normalize", "mean and std", got, "one number each, or one each for every channel")
            )
        if not (np.isfinite(means).all() and np.isfinite(stds).all() and (stds > 0).all()):
            got, expected = f"mean={mean!r}, std={std!r}", "finite numbers, and std above 0"
            raise ValueError(message("Normalize", "mean and std", got, expected))
        if axis is not None and (isinstance(axis, bool) or not hasattr(axis, "__index__") or not -3 <= axis <= -1):
            raise ValueError(message("Normalize", "axis", repr(axis), "-1, -2, -3 or None"))
        self.mean = means.tolist()
        self.std = stds.tolist()
        self.axis = axis

    def __call__(self, image: Any) -> Any:
        """One image normalised."""
        return self._run(image, 0)

    def batch(self, images: Any) -> Any:
        """All images of a batch normalised, the first dimension counts them."""
        return self._run(images, 1)

    def _run(self, images: Any, lead: int) -> Any:
        array = _floats(images, "Normalize")
        shape: tuple[int, ...] = (len(self.mean),)
        if shape != (1,):
            shape += (1,) * (-1 - self._axis_of(array.shape, array.shape[lead:]))
        mean, std = (np.asarray(values, array.dtype).reshape(shape) for values in (self.mean, self.std))
        result = (array - mean) / std
        return from_array(result, "Normalize") if isinstance(images, Tensor) else result

    def _axis_of(self, shape: tuple[int, ...], one: tuple[int, ...]) -> int:
        """Where the channels are, as a negative number."""
        channels = len(self.mean)
        places = [-1, -3] if self.axis is None else [self.axis]
        fitting = [axis for axis in places if -axis <= len(one) and one[axis] == channels]
        if len(fitting) == 1 and (len(one) != 2 or self.axis is not None):
            return fitting[0]
        expected = (
            f"images with {channels} channels, as there are {channels} means, at axis {' or '.join(map(str, places))}"
        )
        remedy = "Say where they are: axis=-1 or axis=-3." if len(fitting) > 1 else "For grey images give one mean."
        raise ShapeError(message("Normalize", "image", f"shape {shape}", expected, remedy))


class ToTensor(Transform):
    """An image as a Tensor with the channels first, as PyTorch's layers expect it: (height, width, channels) becomes
    (channels, height, width) and (height, width) becomes (1, height, width).

    Bytes (uint8), which run from 0 to 255, become float32 from 0 to 1; other values stay as they are. It comes after the
    transforms that move pixels, which take the channels last.

    Errors: ShapeError for other shapes, TypeError for what is no array.
    """

    def __call__(self, image: Any) -> Any:
        """One image as a Tensor (channels, height, width)."""
        return self._run(image, 0)

    def batch(self, images: Any) -> Any:
        """All images of a batch as one Tensor (images, channels, height, width)."""
        return self._run(images, 1)

    def _run(self, images: Any, lead: int) -> Any:
        array = as_array(images, "ToTensor", "image")
        if array.ndim - lead not in (2, 3):
            expected = "(images, height, width) or with channels" if lead else "(height, width) or with channels"
            remedy = "One image goes to the transform itself." if lead else "A batch of images goes to .batch()."
            raise ShapeError(message("ToTensor", "image", f"shape {array.shape}", expected, remedy))
        channels_last = array if array.ndim - lead == 3 else array[..., None]
        channels_first = np.moveaxis(channels_last, -1, lead)
        if array.dtype == np.uint8:
            return from_array(np.divide(channels_first, np.float32(255), dtype=np.float32, order="C"), "ToTensor")
        return from_array(channels_first.copy(order="C"), "ToTensor")


def _floats(images: Any, op: str) -> Array:
    array = as_array(images, op, "image")
    if array.dtype.kind != "f":
        raise DTypeError(message(op, "image", f"dtype {array.dtype}", "floats", _TO_FLOATS))
    return array
