"""What all transforms share: one image or many, array or Tensor, flattened or not; and transforms one after the other."""

from __future__ import annotations

from math import isfinite, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad._array import float64, from_array
from minigrad._draw import rand
from minigrad._generator import stream
from minigrad._tensor import Tensor
from minigrad.data.dataset import as_array
from minigrad.errors import DTypeError, ShapeError, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from minigrad._generator import Generator

    Array = npt.NDArray[Any]
    Float64Array = npt.NDArray[np.float64]


class Transform:
    """Base class of transforms: subclass it and write ``__call__(image)``, and ``batch(images)`` where many can be
    computed faster at once; else they are transformed one by one."""

    def __call__(self, image: Any) -> Any:
        """One image transformed."""
        raise NotImplementedError(
            f"{type(self).__name__} has no __call__: write one that returns the transformed image"
        )

    def batch(self, images: Any) -> Any:
        """All images of a batch transformed, the first dimension counts them."""
        return _each(self, images)

    def __repr__(self) -> str:
        fields = [f"{k}={v!r}" for k, v in vars(self).items() if not k.startswith("_") and v is not None]
        return f"{type(self).__name__}({', '.join(fields)})"


def _each(function: Callable[[Any], Any], images: Any) -> Any:
    """A function of one image, applied to each."""
    op = f"{function!r} of a batch"
    if not len(images):
        remedy = "Skip empty batches."
        raise ValueError(message(op, "images", "no images", "at least one, by which the result is known", remedy))
    results = [function(image) for image in images]
    arrays = [result.array if isinstance(result, Tensor) else np.asarray(result) for result in results]
    for i, array in enumerate(arrays):
        if array.shape != arrays[0].shape:
            got = f"shape {arrays[0].shape} of image 0 and {array.shape} of image {i}"
            raise ShapeError(message(op, "images", got, "the same shape for all"))
    stacked = np.stack(arrays)
    return from_array(stacked, op) if isinstance(results[0], Tensor) else stacked


class Lambda(Transform):
    """Any function of one image as a transform; a batch is transformed image by image."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        if not callable(function):
            raise TypeError(message("Lambda", "function", type(function).__name__, "a function of one image"))
        self.function = function

    def __call__(self, image: Any) -> Any:
        """One image transformed."""
        return self.function(image)


class Compose(Transform):
    """Transforms one after the other. Any functions of one image will do; a batch is transformed at once by those that
    can, image by image by the others.

    ``image_shape``: for flattened images their shape (height, width) or (height, width, channels); they are given this
    shape before the first transform, and are flattened again after the last.

    Errors: TypeError for something that cannot be called; those of the transforms.
    """

    def __init__(
        self, transforms: Iterable[Callable[[Any], Any]], *, image_shape: tuple[int, ...] | None = None
    ) -> None:
        self.transforms = list(transforms)
        for i, transform in enumerate(self.transforms):
            if not callable(transform):
                got, expected = type(transform).__name__, "a transform or a function of one image"
                raise TypeError(message("Compose", f"transforms[{i}]", got, expected))
        self.image_shape = checked_image_shape("Compose", image_shape)

    def __call__(self, image: Any) -> Any:
        """One image transformed."""
        return self._run(image, self.transforms, ())

    def batch(self, images: Any) -> Any:
        """All images of a batch transformed, the first dimension counts them."""
        return self._run(images, [getattr(t, "batch", None) or _Each(t) for t in self.transforms], images.shape[:1])

    def _run(self, images: Any, functions: list[Any], lead: tuple[int, ...]) -> Any:
        flat = self.image_shape is not None and images.shape == (*lead, prod(self.image_shape))
        if flat:
            images = images.reshape(*lead, *self.image_shape)  # type: ignore[misc]
        for function in functions:
            images = function(images)
        return images.reshape(*lead, prod(images.shape[len(lead) :])) if flat else images


class _Each:
    """A function of one image as one of many."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, images: Any) -> Any:
        return _each(self.function, images)


class ImageTransform(Transform):
    """Base class of transforms of pictures: subclass it and write ``apply(images)``, from an array (images, height,
    width, channels) to another one. One image and a batch of them, with channels or without, in an array or a Tensor,
    are given this shape for it.

    ``image_shape``: of flattened images, (height, width) or (height, width, channels). ``generator``: where ``uniform``
    draws from.

    Errors: ShapeError (a ValueError) for other shapes, TypeError for what is no array, DTypeError (a TypeError) for
    complex numbers and text; ValueError for a Tensor that requires a gradient.
    """

    def __init__(self, image_shape: tuple[int, ...] | None = None, generator: Generator | None = None) -> None:
        self.image_shape = checked_image_shape(type(self).__name__, image_shape)
        if generator is not None:
            stream(type(self).__name__, generator)
        self._generator = generator

    def __call__(self, image: Any) -> Any:
        """One image transformed."""
        return self._run(image, 0)

    def batch(self, images: Any) -> Any:
        """All images of a batch transformed, each with its own draw; the first dimension counts them."""
        return self._run(images, 1)

    def apply(self, images: Array) -> Array:
        """Transformed images, (images, height, width, channels) to the same; `images` itself must not change."""
        raise NotImplementedError(f"{type(self).__name__} has no apply: write one")

    def uniform(self, count: int, numbers: int) -> Float64Array:
        """Random numbers from [0, 1), (count, numbers). With an even number for each image, images draw one by one what
        they draw in a batch, as a block of the generator holds two."""
        drawn: Float64Array = rand(count, numbers, dtype=float64, generator=self._generator).array
        return drawn

    def _run(self, images: Any, lead: int) -> Any:
        op = type(self).__name__ + (".batch" if lead else "")
        array = as_array(images, op, "images" if lead else "image")
        if array.dtype.kind not in "fiub":
            raise DTypeError(message(op, "image", f"dtype {array.dtype}", "numbers"))
        shape = self._shape_of_one(op, array.shape, lead)
        count = len(array) if lead else 1
        pictures = array.reshape(count, *shape, *(1,) * (3 - len(shape)))
        out = self.apply(pictures)
        kept = out.shape[1:] if len(shape) == 3 else out.shape[1:3]
        if array.ndim - lead == 1:  # it came flattened
            kept = (prod(kept),)
        result = out.reshape(*((count,) if lead else ()), *kept)
        return from_array(result, op) if isinstance(images, Tensor) else result

    def _shape_of_one(self, op: str, shape: tuple[int, ...], lead: int) -> tuple[int, ...]:
        one, wanted = shape[lead:], self.image_shape
        if wanted is not None and one in (wanted, (prod(wanted),)):
            return wanted
        if wanted is None and len(one) in (2, 3) and 0 not in one:
            return one
        remedy = "One image goes to the transform itself." if lead else "A batch of images goes to .batch()."
        if wanted is None:
            remedy = f"For flattened images pass image_shape=(height, width). {remedy}"
        sizes = f"{wanted} or ({prod(wanted)},)" if wanted else "(height, width) or (height, width, channels)"
        expected = f"{'images' if lead else 'an image'} of shape {sizes}"
        raise ShapeError(message(op, "images" if lead else "image", f"shape {shape}", expected, remedy))


def checked_image_shape(op: str, image_shape: Any) -> tuple[int, ...] | None:
    """`image_shape` as a tuple of two or three ints, or None."""
    if image_shape is None:
        return None
    shape = tuple(image_shape) if isinstance(image_shape, (tuple, list)) else ()
    if len(shape) not in (2, 3) or not all(hasattr(n, "__index__") and n >= 1 for n in shape):
        expected = "(height, width) or (height, width, channels), of at least 1"
        raise ValueError(message(op, "image_shape", repr(image_shape), expected))
    return tuple(int(n) for n in shape)


def checked_number(op: str, argument: str, value: Any, low: float, high: float = float("inf")) -> float:
    """`value` as a float, within [low, high] and finite."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        raise TypeError(message(op, argument, repr(value), "a number"))
    if not (isfinite(value) and low <= value <= high):
        limits = f"from {low} to {high}" if high < float("inf") else f"of at least {low}" if low > -high else ""
        raise ValueError(message(op, argument, repr(value), f"a finite number {limits}".rstrip()))
    return float(value)


def checked_count(op: str, argument: str, value: Any, least: int) -> int:
    """`value` as an int of at least `least`."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        raise ValueError(message(op, argument, repr(value), f"an int of at least {least}"))
    return int(value)


def fill_value(op: str, fill: float, dtype: np.dtype[Any]) -> float:
    """`fill`, if pixels of this type can have it."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if not (limits.min <= fill <= limits.max and fill == int(fill)):
            expected = f"a whole number from {limits.min} to {limits.max}, as the images are {dtype}"
            raise ValueError(message(op, "fill", fill, expected))
    return fill
