"""Transforms that move pixels: shift, rotate, zoom, flip, crop.

Shift, rotation and zoom are one affine map. Each pixel of the result asks where it came from, and takes the value there
by bilinear interpolation between the four pixels around; what lies outside of the image is filled. All of an image's
maps are multiplied before it is sampled, since every sampling blurs: RandomAffine does in one what the three do in three.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.data.transforms.base import ImageTransform, checked_count, checked_number, fill_value
from minigrad.errors import ShapeError, message

if TYPE_CHECKING:
    import numpy.typing as npt

    from minigrad._generator import Generator

    Array = npt.NDArray[Any]
    Float64Array = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.intp]
    Range = float | tuple[float, float]

#: Pixels that are sampled at a time, so that what they need stays in the second cache. Measured on 128 grey images of
#: 28 x 28, for 2^12 to 2^16: 3.1, 2.3, 2.2, 2.6 and 8.3 ms.
_BLOCK = 1 << 14


class RandomAffine(ImageTransform):
    """Turns, enlarges and shifts an image at random, in this order and about its centre, with one sampling.

    - ``degrees``: the angle, drawn from (-degrees, degrees), or from a pair (low, high); counter-clockwise is positive.
    - ``shift``: for both directions, or a pair (vertical, horizontal). A float is a fraction of the image's side, and the
      shift is drawn from (-shift, shift) times the side; an int counts pixels, and whole ones are drawn, so that a shift
      alone does not blur. Down and right are positive.
    - ``zoom``: the factor, drawn from (1 - zoom, 1 + zoom), or from a pair (low, high); above 1 is larger.
    - ``fill``: the value outside of the image.

    Values between pixels are interpolated bilinearly; those of integer images are rounded.

    Errors: ValueError for numbers out of range and for pairs whose low is above high; those of ``ImageTransform``.
    """

    def __init__(
        self,
        degrees: Range = 0,
        shift: float | tuple[float, float] = 0,
        zoom: Range = 0,
        *,
        fill: float = 0.0,
        image_shape: tuple[int, ...] | None = None,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(image_shape, generator)
        op = type(self).__name__
        self.degrees = _interval(op, "degrees", degrees, 0.0, 360.0, -360.0)
        self.shift = _shifts(op, shift)
        self.zoom = _interval(op, "zoom", zoom, 1.0, 1.0 - 1e-6, 1e-6)
        self.fill = checked_number(op, "fill", fill, -np.inf)

    def apply(self, images: Array) -> Array:
        """Transformed images, (images, height, width, channels)."""
        count, height, width, _ = images.shape
        u = self.uniform(count, 4)
        angles = np.deg2rad(_between(u[:, 0], *self.degrees))
        zooms = _between(u[:, 1], *self.zoom)
        sides = zip(self.shift, (height, width), (u[:, 2], u[:, 3]), strict=True)
        shifts = np.stack([_displacement(v, most, side) for most, side, v in sides], axis=1)
        return warp(images, angles, zooms, shifts, fill_value(type(self).__name__, self.fill, images.dtype))


class RandomShift(RandomAffine):
    """Shifts an image at random, as ``RandomAffine(shift=shift)``: RandomShift(0.1) by up to a tenth of its side,
    RandomShift(2) by up to two whole pixels, RandomShift((0, 2)) only to the left and right."""

    def __init__(
        self,
        shift: float | tuple[float, float],
        *,
        fill: float = 0.0,
        image_shape: tuple[int, ...] | None = None,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(shift=shift, fill=fill, image_shape=image_shape, generator=generator)


class RandomRotation(RandomAffine):
    """Turns an image at random about its centre, as ``RandomAffine(degrees=degrees)``: RandomRotation(10) by up to ten
    degrees either way, RandomRotation((0, 90)) to the left alone."""

    def __init__(
        self,
        degrees: Range,
        *,
        fill: float = 0.0,
        image_shape: tuple[int, ...] | None = None,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(degrees=degrees, fill=fill, image_shape=image_shape, generator=generator)


class RandomZoom(RandomAffine):
    """Enlarges or shrinks an image at random about its centre, as ``RandomAffine(zoom=zoom)``: RandomZoom(0.1) to between
    0.9 and 1.1 of its size, RandomZoom((1, 1.2)) only larger."""

    def __init__(
        self,
        zoom: Range,
        *,
        fill: float = 0.0,
        image_shape: tuple[int, ...] | None = None,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(zoom=zoom, fill=fill, image_shape=image_shape, generator=generator)


def warp(images: Array, angles: Float64Array, zooms: Float64Array, shifts: Float64Array, fill: float) -> Array:
    """Each image turned by an angle (radians), enlarged by a factor and shifted by (down, right) pixels.

    images (n, height, width, channels), angles (n,), zooms (n,), shifts (n, 2); the result is like the images. With
    coordinates from the centre, y down and x to the right, a point goes to

        (y, x) -> zoom (y cos a - x sin a, x cos a + y sin a) + shift,

    and each pixel (Y, X) of the result therefore comes from

        y = ((Y - shift_y) cos a + (X - shift_x) sin a) / zoom,   x = ((X - shift_x) cos a - (Y - shift_y) sin a) / zoom.
    """
    out = np.empty(images.shape, images.dtype)
    step = max(1, _BLOCK // (images.shape[1] * images.shape[2]))
    for start in range(0, len(images), step):
        part = slice(start, start + step)
        cos, sin = np.cos(angles[part]) / zooms[part], np.sin(angles[part]) / zooms[part]
        rows, columns = _sources(images.shape[1:3], cos[:, None, None], sin[:, None, None], shifts[part])
        values = _sampled(images[part], rows, columns, fill)
        out[part] = values if images.dtype.kind == "f" else np.rint(values)
    return out


def _sources(
    size: tuple[int, ...], cos: Float64Array, sin: Float64Array, shifts: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """The row and the column that each pixel comes from, (n, height, width) each."""
    middle_y, middle_x = (size[0] - 1) / 2, (size[1] - 1) / 2
    y = np.arange(size[0])[None, :, None] - middle_y - shifts[:, 0, None, None]
    x = np.arange(size[1])[None, None, :] - middle_x - shifts[:, 1, None, None]
    return y * cos + x * sin + middle_y, x * cos - y * sin + middle_x


def _sampled(images: Array, rows: Float64Array, columns: Float64Array, fill: float) -> Array:
    """The images' values at places between pixels, by bilinear interpolation.

    A frame of one pixel of the fill makes the four neighbours of every place exist: places beyond it are moved to it.
    """
    count, height, width, channels = images.shape
    framed = np.full((count, height + 2, width + 2, channels), fill, np.result_type(images.dtype, np.float32))
    framed[:, 1:-1, 1:-1] = images
    top, down = _whole_and_rest(rows, height, framed.dtype)
    left, right = _whole_and_rest(columns, width, framed.dtype)
    first = np.arange(0, count * (height + 2), height + 2)[:, None, None]
    corner = (first + top) * (width + 2) + left
    values = framed.reshape(-1) if channels == 1 else framed.reshape(-1, channels)
    if channels > 1:
        down, right = down[..., None], right[..., None]
    above, below = (
        # A view that begins later spares the sum of all indices and an offset.
        values[row:].take(corner, axis=0) * (1 - right) + values[row + 1 :].take(corner, axis=0) * right
        for row in (0, width + 2)
    )
    sampled: Array = (above * (1 - down) + below * down).reshape(images.shape)
    return sampled


def _whole_and_rest(places: Float64Array, length: int, dtype: np.dtype[Any]) -> tuple[IntArray, Array]:
    """Places along a framed side, as the pixel before each and the way from there to the next, in [0, 1]."""
    inside = np.clip(places + 1, 0, length + 1)
    whole = np.minimum(inside.astype(np.intp), length)
    return whole, (inside - whole).astype(dtype)


def _between(u: Float64Array, low: float, high: float) -> Float64Array:
    return low + u * (high - low)


def _displacement(u: Float64Array, most: float, side: int) -> Float64Array:
    """Shifts in pixels: whole ones where the most is an int."""
    if isinstance(most, int):
        return np.floor(u * (2 * most + 1)) - most
    return _between(u, -most * side, most * side)


def _interval(op: str, argument: str, value: Any, middle: float, most: float, least: float) -> tuple[float, float]:
    """A number as the interval of this half-width round the middle; a pair as it is, if not below `least`."""
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(message(op, argument, repr(value), "a number or a pair (low, high)"))
        low, high = (checked_number(op, argument, number, least) for number in value)
        if low > high:
            raise ValueError(message(op, argument, repr(value), "a pair (low, high) with low <= high"))
        return low, high
    half = checked_number(op, argument, value, 0.0, most)
    return middle - half, middle + half


def _shifts(op: str, shift: Any) -> tuple[float, float]:
    """The most vertical and the most horizontal shift; ints stay ints."""
    pair = tuple(shift) if isinstance(shift, (tuple, list)) else (shift, shift)
    if len(pair) != 2:
        raise ValueError(message(op, "shift", repr(shift), "a number or a pair (vertical, horizontal)"))
    for most in pair:
        whole = isinstance(most, (int, np.integer))
        checked_number(op, "shift", most, 0, float("inf") if whole else 1.0)
    return tuple(int(m) if isinstance(m, (int, np.integer)) else float(m) for m in pair)  # type: ignore[return-value]


class _RandomFlip(ImageTransform):
    """Mirrors an image with probability p."""

    _axis: int

    def __init__(
        self, p: float = 0.5, *, image_shape: tuple[int, ...] | None = None, generator: Generator | None = None
    ) -> None:
        super().__init__(image_shape, generator)
        self.p = checked_number(type(self).__name__, "p", p, 0.0, 1.0)

    def apply(self, images: Array) -> Array:
        """Transformed images, (images, height, width, channels)."""
        chosen = self.uniform(len(images), 2)[:, 0] < self.p
        return np.where(chosen[:, None, None, None], np.flip(images, self._axis), images)


class RandomHorizontalFlip(_RandomFlip):
    """Swaps left and right with probability `p`. Not for pictures whose meaning it changes, such as digits."""

    _axis = 2


class RandomVerticalFlip(_RandomFlip):
    """Swaps top and bottom with probability `p`. Not for pictures whose meaning it changes, such as digits."""

    _axis = 1


class RandomCrop(ImageTransform):
    """A piece of `size` (a side, or (height, width)) from a random place of the image, which is padded before by
    ``padding`` pixels of ``fill`` on every side.

    ``RandomCrop(28, padding=2)`` of images of 28 x 28 shifts them by up to two pixels.

    Errors: ShapeError for an image that is smaller, with its padding, than the piece; those of ``ImageTransform``.
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        padding: int = 0,
        *,
        fill: float = 0.0,
        image_shape: tuple[int, ...] | None = None,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(image_shape, generator)
        sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
        if len(sides) != 2:
            raise ValueError(message("RandomCrop", "size", repr(size), "a side, or a pair (height, width)"))
        self.size = tuple(checked_count("RandomCrop", "size", side, 1) for side in sides)
        self.padding = checked_count("RandomCrop", "padding", padding, 0)
        self.fill = checked_number("RandomCrop", "fill", fill, -np.inf)

    def apply(self, images: Array) -> Array:
        """Transformed images, (images, height, width, channels)."""
        count, height, width, channels = images.shape
        pad = self.padding
        room = (height + 2 * pad - self.size[0], width + 2 * pad - self.size[1])
        if min(room) < 0:
            got = f"{height} x {width} pixels and {pad} more on every side"
            raise ShapeError(message("RandomCrop", "image", got, f"at least {self.size[0]} x {self.size[1]}"))
        fill = fill_value("RandomCrop", self.fill, images.dtype)
        padded = np.full((count, height + 2 * pad, width + 2 * pad, channels), fill, images.dtype)
        padded[:, pad : pad + height, pad : pad + width] = images
        starts = np.floor(self.uniform(count, 2) * (np.array(room) + 1)).astype(np.intp)
        rows = starts[:, 0, None] + np.arange(self.size[0])
        columns = starts[:, 1, None] + np.arange(self.size[1])
        piece: Array = padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
        return piece
