"""Transforms of images: what they compute, how they draw, and what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import DataLoader, TensorDataset, TransformDataset
from minigrad.data import transforms as tf

if TYPE_CHECKING:
    from collections.abc import Callable

RANDOM = np.random.default_rng(3)
GREY = RANDOM.random((6, 7, 5))
COLOUR = RANDOM.random((6, 7, 5, 3)).astype(np.float32)
SQUARE = RANDOM.random((4, 8, 8))

VARYING: dict[str, Callable[[Any], Any]] = {
    "affine": lambda g: tf.RandomAffine(20, 0.2, 0.2, generator=g),
    "shift": lambda g: tf.RandomShift(2, generator=g),
    "rotation": lambda g: tf.RandomRotation(30, generator=g),
    "zoom": lambda g: tf.RandomZoom(0.3, generator=g),
    "horizontal flip": lambda g: tf.RandomHorizontalFlip(generator=g),
    "vertical flip": lambda g: tf.RandomVerticalFlip(generator=g),
    "crop": lambda g: tf.RandomCrop((3, 2), 1, generator=g),
    "cutout": lambda g: tf.Cutout(3, 2, generator=g),
}


def seeded(seed: int = 1) -> mg.Generator:
    return mg.Generator().manual_seed(seed)


# -- what all share ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "images", [GREY, COLOUR, (COLOUR * 255).astype(np.uint8), GREY > 0.5], ids=lambda a: a.dtype.name
)
@pytest.mark.parametrize("name", VARYING)
def test_a_batch_draws_what_its_images_draw_one_by_one(name: str, images: Any) -> None:
    before = images.copy()
    batch = VARYING[name](seeded()).batch(images)
    one_by_one = VARYING[name](seeded())
    np.testing.assert_array_equal(batch, np.stack([one_by_one(image) for image in images]))
    np.testing.assert_array_equal(images, before)
    assert batch.dtype == images.dtype
    assert not np.shares_memory(batch, images)


@pytest.mark.parametrize("name", VARYING)
def test_one_seed_gives_the_same_bits(name: str) -> None:
    transform = VARYING[name](seeded())
    first, second = transform.batch(GREY), transform.batch(GREY)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(VARYING[name](seeded()).batch(GREY), first)
    mg.manual_seed(1)
    np.testing.assert_array_equal(VARYING[name](None).batch(GREY), first)


@pytest.mark.parametrize("name", VARYING)
def test_tensors_and_flattened_images(name: str) -> None:
    expected = VARYING[name](seeded()).batch(GREY)
    given = VARYING[name](seeded()).batch(mg.tensor(GREY))
    assert isinstance(given, mg.Tensor)
    np.testing.assert_array_equal(given.numpy(), expected)
    flat = VARYING[name](seeded())
    flat.image_shape = (7, 5)
    np.testing.assert_array_equal(flat.batch(GREY.reshape(6, 35)), expected.reshape(6, -1))
    np.testing.assert_array_equal(flat(GREY[0]).shape, expected[0].shape)


@pytest.mark.parametrize("name", VARYING)
def test_an_empty_batch_and_an_image_of_one_pixel(name: str) -> None:
    assert len(VARYING[name](None).batch(GREY[:0])) == 0
    if name != "crop":
        assert VARYING[name](None)(np.ones((1, 1))).shape == (1, 1)


# -- geometry ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("images", [GREY, COLOUR])
def test_no_motion_leaves_every_bit(images: Any) -> None:
    np.testing.assert_array_equal(tf.RandomAffine().batch(images), images)


@pytest.mark.parametrize("quarters", [-1, 1, 2, 3])
def test_quarter_turns_are_counter_clockwise(quarters: int) -> None:
    turned = tf.RandomRotation((90 * quarters, 90 * quarters)).batch(SQUARE)
    np.testing.assert_allclose(turned, np.rot90(SQUARE, quarters, axes=(1, 2)), rtol=0, atol=1e-14)


def test_whole_shifts_move_pixels_and_fill_the_rest() -> None:
    seen = set()
    for image in tf.RandomShift((1, 2), fill=-1.0, generator=seeded()).batch(np.tile(GREY[0], (200, 1, 1))):
        padded = np.pad(GREY[0], ((1, 1), (2, 2)), constant_values=-1.0)
        places = [(y, x) for y in range(3) for x in range(5) if np.array_equal(padded[y : y + 7, x : x + 5], image)]
        seen.update(places)
        assert len(places) == 1
    assert len(seen) == 15


def test_a_float_shift_is_a_fraction_of_the_side() -> None:
    places = np.stack(np.mgrid[:8, :20], axis=-1).astype(np.float64)  # each pixel is its row and its column
    moved = tf.RandomShift((0.25, 0.1), generator=seeded()).batch(np.tile(places, (300, 1, 1, 1)))
    shifts = places[4, 10] - moved[:, 4, 10]
    assert (np.abs(shifts) <= 2).all()
    assert (shifts.min(0) < -1.9).all()
    assert (shifts.max(0) > 1.9).all()


def test_a_shift_by_half_a_pixel_averages_neighbours() -> None:
    moved = tf.geometry.warp(GREY[:1, :, :, None], np.zeros(1), np.ones(1), np.array([[0.0, 0.5]]), 0.0)[0, :, :, 0]
    before = np.pad(GREY[0], ((0, 0), (1, 0)))[:, :-1]
    np.testing.assert_allclose(moved, (GREY[0] + before) / 2, rtol=1e-14)


def test_zoom_by_two_about_the_centre() -> None:
    ramp = np.add.outer(3.0 * np.arange(9), np.arange(9.0))  # bilinear interpolation of a plane is exact
    larger = tf.RandomZoom((2, 2))(ramp)
    np.testing.assert_allclose(larger, 16 + (ramp - 16) / 2, rtol=1e-14)
    smaller = tf.RandomZoom((0.5, 0.5), fill=-5.0)(ramp)
    np.testing.assert_allclose(smaller[2:7, 2:7], ramp[::2, ::2], rtol=1e-14)
    assert (smaller[0] == -5).all()


def test_warp_against_each_pixel_computed_alone() -> None:
    angles, zooms, shifts = np.array([0.4, -1.1]), np.array([1.3, 0.7]), np.array([[0.6, -1.2], [2.0, 0.3]])
    out = tf.geometry.warp(COLOUR[:2].astype(np.float64), angles, zooms, shifts, 0.25)

    def value(image: Any, y: int, x: int) -> Any:
        return image[y, x] if 0 <= y < 7 and 0 <= x < 5 else np.full(3, 0.25)

    for n in range(2):
        cos, sin = np.cos(angles[n]), np.sin(angles[n])
        for row in range(7):
            for column in range(5):
                dy, dx = row - 3 - shifts[n, 0], column - 2 - shifts[n, 1]
                y, x = 3 + (dy * cos + dx * sin) / zooms[n], 2 + (dx * cos - dy * sin) / zooms[n]
                y0, x0 = int(np.floor(y)), int(np.floor(x))
                expected = sum(
                    (1 - abs(y - yi)) * (1 - abs(x - xi)) * value(COLOUR[n], yi, xi)
                    for yi in (y0, y0 + 1)
                    for xi in (x0, x0 + 1)
                )
                np.testing.assert_allclose(out[n, row, column], expected, rtol=0, atol=1e-13)


def test_large_batches_are_sampled_in_blocks_of_the_same_bits() -> None:
    images = RANDOM.random((70, 28, 28))  # more than three blocks
    whole = tf.RandomAffine(20, 0.1, 0.1, generator=seeded()).batch(images)
    one_by_one = tf.RandomAffine(20, 0.1, 0.1, generator=seeded())
    np.testing.assert_array_equal(whole, np.stack([one_by_one(image) for image in images]))


def test_integers_are_rounded() -> None:
    image = np.array([[0, 255, 0]], np.uint8)
    half = tf.geometry.warp(image[None, :, :, None], np.zeros(1), np.ones(1), np.array([[0, 0.4]]), 0.0)
    assert half.ravel().tolist() == [0, 153, 102]


def test_numbers_and_pairs_say_the_limits() -> None:
    assert tf.RandomAffine((10, 20)).degrees == (10.0, 20.0)
    assert tf.RandomRotation(15).degrees == (-15.0, 15.0)
    assert tf.RandomZoom(0.25).zoom == (0.75, 1.25)
    assert tf.RandomShift(0.1).shift == (0.1, 0.1)
    assert repr(tf.RandomHorizontalFlip(0.25)) == "RandomHorizontalFlip(p=0.25)"


@pytest.mark.parametrize(("flip", "axis"), [(tf.RandomHorizontalFlip, 2), (tf.RandomVerticalFlip, 1)])
def test_flips(flip: Any, axis: int) -> None:
    np.testing.assert_array_equal(flip(1.0).batch(COLOUR), np.flip(COLOUR, axis))
    np.testing.assert_array_equal(flip(0.0).batch(COLOUR), COLOUR)
    flipped = flip(0.3, generator=seeded()).batch(np.tile(GREY[:1], (2000, 1, 1))) != GREY[0]
    # 600 are expected, with a standard deviation of 20.
    assert abs(flipped.any((1, 2)).sum() - 600) < 100


def test_crops_come_from_every_place() -> None:
    image = np.arange(12.0).reshape(3, 4)
    pieces = tf.RandomCrop((2, 3), padding=1, fill=-1.0, generator=seeded()).batch(np.tile(image, (300, 1, 1)))
    padded = np.pad(image, 1, constant_values=-1.0)
    every = {padded[y : y + 2, x : x + 3].tobytes() for y in range(4) for x in range(4)}
    assert {piece.tobytes() for piece in pieces} == every
    np.testing.assert_array_equal(tf.RandomCrop((3, 4))(image), image)
    np.testing.assert_array_equal(tf.RandomCrop((5, 6), padding=1)(image), np.pad(image, 1))


# -- pixels ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 3, 20])
def test_cutout_covers_a_square_round_a_pixel(length: int) -> None:
    cut = tf.Cutout(length, fill=-1.0, generator=seeded()).batch(np.zeros((400, 6, 7)))
    every = set()
    for y in range(6):
        for x in range(7):
            hole = np.zeros((6, 7))
            top, left = y - length // 2, x - length // 2
            hole[max(top, 0) : top + length, max(left, 0) : left + length] = -1
            every.add(hole.tobytes())
    assert {image.tobytes() for image in cut} == every


def test_cutout_of_colours_covers_all_channels() -> None:
    cut = tf.Cutout(2, 3, fill=9.0).batch(COLOUR)
    assert (((cut == 9).all(-1)) | (cut == COLOUR).all(-1)).all()
    assert (cut == 9).any((1, 2, 3)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_noise_has_its_deviation(dtype: Any) -> None:
    noisy = tf.GaussianNoise(0.5, generator=seeded()).batch(np.full((100, 100), 2, dtype))
    assert noisy.dtype == dtype
    # 10,000 values: the mean is off by 0.005, the deviation by 0.0035 (one standard deviation each).
    assert abs(noisy.mean(dtype=np.float64) - 2) < 0.025
    assert abs(noisy.std(dtype=np.float64) - 0.5) < 0.018
    clipped = tf.GaussianNoise(0.5, clip=(0.0, 1.0), generator=seeded())(np.full((50, 50), 0.5, dtype))
    assert (clipped.min(), clipped.max()) == (0, 1)


def test_normalize_finds_the_channels() -> None:
    mean, std = [0.1, 0.2, 0.3], [0.5, 1.0, 2.0]
    expected = (COLOUR - np.float32(mean)) / np.float32(std)
    np.testing.assert_array_equal(tf.Normalize(mean, std).batch(COLOUR), expected)
    np.testing.assert_array_equal(tf.Normalize(mean, std)(COLOUR[0]), expected[0])
    first = mg.tensor(np.moveaxis(COLOUR, -1, 1).copy())
    np.testing.assert_array_equal(tf.Normalize(mean, std).batch(first).numpy(), np.moveaxis(expected, -1, 1))
    np.testing.assert_array_equal(tf.Normalize((0.5,), (0.25,))(GREY), (GREY - 0.5) / 0.25)
    cube = RANDOM.random((3, 3, 3))
    np.testing.assert_array_equal(tf.Normalize(mean, std, axis=-1)(cube), (cube - mean) / std)
    np.testing.assert_array_equal(tf.Normalize(mean, std, axis=-1)(cube[0]), (cube[0] - mean) / std)
    with pytest.raises(ValueError, match="Say where they are: axis=-1 or axis=-3"):
        tf.Normalize(mean, std)(cube)
    with pytest.raises(ValueError, match=r"got shape \(7, 5\), expected images with 3 channels.*give one mean"):
        tf.Normalize(mean, std)(GREY[0])


def test_to_tensor_puts_channels_first_and_scales_bytes() -> None:
    bytes_ = (COLOUR * 255).astype(np.uint8)
    tensor = tf.ToTensor().batch(bytes_)
    assert (tensor.dtype, tensor.shape) == (mg.float32, (6, 3, 7, 5))
    np.testing.assert_array_equal(tensor.numpy(), np.moveaxis(bytes_, -1, 1) / np.float32(255))
    assert tf.ToTensor()(GREY[0]).shape == (1, 7, 5)
    np.testing.assert_array_equal(tf.ToTensor()(GREY[0]).numpy()[0], GREY[0])
    assert tf.ToTensor()(np.array([[True]])).tolist() == [[[True]]]


# -- together ----------------------------------------------------------------------------------------------------------


def test_compose_and_lambda() -> None:
    chain = tf.Compose([tf.RandomHorizontalFlip(1.0), lambda image: image * 2, tf.Lambda(np.negative)])
    np.testing.assert_array_equal(chain(GREY[0]), -2 * GREY[0, :, ::-1])
    np.testing.assert_array_equal(chain.batch(GREY), -2 * GREY[:, :, ::-1])
    flat = tf.Compose([tf.RandomVerticalFlip(1.0), tf.RandomCrop((7, 5))], image_shape=(7, 5))
    np.testing.assert_array_equal(flat.batch(GREY.reshape(6, 35)), GREY[:, ::-1].reshape(6, 35))
    np.testing.assert_array_equal(flat(GREY[0].ravel()), GREY[0, ::-1].ravel())
    np.testing.assert_array_equal(tf.Compose([]).batch(GREY), GREY)


def test_a_loader_varies_images_anew_in_every_pass() -> None:
    labels = np.arange(6)
    chain = tf.Compose([tf.RandomShift(1), tf.ToTensor()])
    loader = DataLoader(TransformDataset(TensorDataset(GREY, labels), chain), batch_size=4, shuffle=True)
    passes = []
    for _ in range(2):
        mg.manual_seed(5)
        batches = [*loader, *loader]
        assert [xb.shape for xb, _ in batches] == [(4, 1, 7, 5), (2, 1, 7, 5)] * 2
        assert sorted(y for _, yb in batches[:2] for y in yb.tolist()) == labels.tolist()
        passes.append([xb.numpy() for xb, _ in batches])
    for first, second in zip(*passes, strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(passes[0][0], passes[0][2])


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: tf.RandomShift(1)(GREY[0, 0]), ValueError, r"image: got shape \(5,\), .*pass image_shape=.*\.batch\(\)"),
        (lambda: tf.RandomShift(1).batch(GREY[0]), ValueError, r"RandomShift.batch: argument images: got shape \(7, 5\)"),
        (lambda: tf.RandomShift(1, image_shape=(7, 4))(GREY[0]), ValueError, r"expected an image of shape \(7, 4\) or"),
        (lambda: tf.RandomShift(1)(np.ones((0, 3))), ValueError, r"got shape \(0, 3\)"),
        (lambda: tf.RandomShift(1)([[1.0]]), TypeError, "got list, expected a Tensor or a NumPy array"),
        (lambda: tf.RandomShift(1)(GREY[0] * 1j), TypeError, "got dtype complex128, expected numbers"),
        (lambda: tf.RandomShift(1, image_shape=5), ValueError, "image_shape: got 5"),  # type: ignore[arg-type]
        (lambda: tf.RandomShift(1, generator=5), TypeError, "RandomShift: argument generator"),  # type: ignore[arg-type]
        (lambda: tf.RandomShift(1.5), ValueError, "shift: got 1.5, expected a finite number from 0 to 1.0"),
        (lambda: tf.RandomShift(-1), ValueError, "shift: got -1"),
        (lambda: tf.RandomShift((1, 2, 3)), ValueError, "expected a number or a pair"),  # type: ignore[arg-type]
        (lambda: tf.RandomRotation(-5), ValueError, "degrees: got -5"),
        (lambda: tf.RandomRotation((20, 10)), ValueError, "a pair .low, high. with low <= high"),
        (lambda: tf.RandomRotation((1, 2, 3)), ValueError, "degrees: got .1, 2, 3., expected a number or a pair"),  # type: ignore[arg-type]
        (lambda: tf.RandomRotation("a"), TypeError, "degrees: got 'a', expected a number"),  # type: ignore[arg-type]
        (lambda: tf.RandomZoom(1.0), ValueError, "zoom: got 1.0"),
        (lambda: tf.RandomZoom((0, 1)), ValueError, "zoom: got 0"),
        (lambda: tf.RandomZoom(0.1, fill=np.nan), ValueError, "fill: got nan"),
        (lambda: tf.RandomZoom(0.1, fill=300)(np.ones((2, 2), np.uint8)), ValueError, "fill: got 300.0.*0 to 255"),
        (lambda: tf.RandomHorizontalFlip(1.5), ValueError, "p: got 1.5, expected a finite number from 0.0 to 1.0"),
        (lambda: tf.RandomCrop(0), ValueError, "size: got 0"),
        (lambda: tf.RandomCrop((1, 2, 3)), ValueError, "size: got"),  # type: ignore[arg-type]
        (lambda: tf.RandomCrop(8)(GREY[0]), ValueError, "got 7 x 5 pixels and 0 more.*expected at least 8 x 8"),
        (lambda: tf.Cutout(0), ValueError, "length: got 0"),
        (lambda: tf.GaussianNoise(-1), ValueError, "std: got -1"),
        (lambda: tf.GaussianNoise(clip=(1, 0)), ValueError, "clip: got"),
        (lambda: tf.GaussianNoise()(np.ones((2, 2), int)), TypeError, "dtype int64, expected floats. ToTensor"),
        (lambda: tf.Normalize(0, 0), ValueError, "std above 0"),
        (lambda: tf.Normalize([1, 2], 1), ValueError, r"got shapes \(2,\) and \(1,\)"),
        (lambda: tf.Normalize(0, 1, axis=1), ValueError, "axis: got 1"),
        (lambda: tf.ToTensor()(GREY[0, 0]), ValueError, r"ToTensor: argument image: got shape \(5,\)"),
        (lambda: tf.Lambda(3), TypeError, "function: got int"),  # type: ignore[arg-type]
        (lambda: tf.Compose([3]), TypeError, r"transforms\[0\]: got int"),  # type: ignore[list-item]
        (lambda: tf.Lambda(abs).batch(GREY[:0]), ValueError, "got no images"),
        (lambda: tf.Lambda(lambda x: x[: int(x[0, 0] * 9)]).batch(GREY), ValueError, "of image 0 and .* of image"),
        (lambda: tf.Transform()(GREY), NotImplementedError, "has no __call__"),
        (lambda: tf.ImageTransform()(GREY[0]), NotImplementedError, "has no apply"),
    ],
)  # fmt: skip
def test_transforms_refuse(make: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()
