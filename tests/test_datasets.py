"""The embedded datasets against stored facts, and the MNIST reader against files that are whole or broken."""

from __future__ import annotations

import copy
import gzip
import hashlib
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import DataLoader, Subset
from minigrad.datasets import MNIST, Bunch, load_breast_cancer, load_diabetes, load_digits, load_iris

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOADERS: tuple[Callable[..., Any], ...] = (load_digits, load_iris, load_breast_cancer, load_diabetes)


def digest(array: np.ndarray[Any, Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


# -- embedded ----------------------------------------------------------------------------------------------------------

# Shape, SHA-256 of the float64 values and of the int64 targets, means of the first columns to 6 digits.
FACTS = {
    "load_digits": (
        (1797, 64),
        "20def7f70a702f0a",
        "a3c91c262eddcf7b",
        [0.0, 0.303840, 5.20479, 11.8358, 11.8481, 5.78186, 1.36227, 0.129661],
    ),
    "load_iris": ((150, 4), "012f498fe9c8b3b3", "734737f111629912", [5.84333, 3.05733, 3.75800, 1.19933]),
    "load_breast_cancer": (
        (569, 30),
        "6b202a2072f9a038",
        "1763c0f8cd3f454b",
        [14.1273, 19.2896, 91.9690, 654.889, 0.0963603, 0.104341, 0.0887993, 0.0489191],
    ),
    "load_diabetes": (
        (442, 10),
        "6b93b2556c8942c7",
        "1b36380661d4685c",
        [48.5181, 1.46833, 26.3758, 94.6470, 189.140, 115.439, 49.7885, 4.07025, 4.64141, 91.2602],
    ),
}


@pytest.mark.parametrize("load", LOADERS)
def test_stored_values_are_the_published_ones(load: Callable[..., Any]) -> None:
    shape, data_digest, target_digest, means = FACTS[load.__name__]
    raw = {"scaled": False} if load is load_diabetes else {}
    data, target = load(return_X_y=True, dtype=np.float64, **raw)
    assert data.shape == shape
    np.testing.assert_allclose(data.mean(axis=0)[: len(means)], means, rtol=5e-6)
    assert digest(data.astype("<f8")) == data_digest
    assert digest(target.astype("<i8")) == target_digest


@pytest.mark.parametrize("load", LOADERS)
def test_bunch_and_pair_hold_the_same_arrays(load: Callable[..., Any]) -> None:
    bunch, (data, target) = load(), load(return_X_y=True)
    np.testing.assert_array_equal(bunch.data, data)
    np.testing.assert_array_equal(bunch["target"], target)
    assert data.dtype == np.float32
    assert target.dtype == (np.float32 if load is load_diabetes else np.int64)
    assert len(bunch.feature_names) == data.shape[1]
    assert load(dtype="float64").data.dtype == np.float64
    assert mg.tensor(data).dtype == mg.float32


@pytest.mark.parametrize("load", LOADERS)
def test_each_call_returns_its_own_writable_arrays(load: Callable[..., Any]) -> None:
    first = load()
    before = first.data.copy(), first.target.copy()
    first.data[...] = -1
    first.target[...] = -1
    second = load()
    np.testing.assert_array_equal(second.data, before[0])
    np.testing.assert_array_equal(second.target, before[1])


@pytest.mark.parametrize("load", LOADERS)
def test_description_states_shape_source_and_licence(load: Callable[..., Any]) -> None:
    bunch = load()
    assert str(bunch.data.shape) in bunch.DESCR
    assert "Source: " in bunch.DESCR
    assert "Licence: " in bunch.DESCR
    assert "https://" in bunch.DESCR
    assert not any(line.startswith(" ") for line in bunch.DESCR.splitlines())


@pytest.mark.parametrize("load", LOADERS)
def test_integer_dtype_is_refused(load: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=rf"{load.__name__}: argument dtype: got int64, expected a float dtype"):
        load(dtype=np.int64)


def test_class_counts_and_names() -> None:
    assert np.bincount(load_digits().target).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(load_iris().target).tolist() == [50, 50, 50]
    assert load_iris().target_names.tolist() == ["setosa", "versicolor", "virginica"]
    assert load_iris().feature_names[0] == "sepal length (cm)"
    cancer = load_breast_cancer()
    assert {name: int((cancer.target == i).sum()) for i, name in enumerate(cancer.target_names.tolist())} == {
        "malignant": 212,
        "benign": 357,
    }
    assert cancer.feature_names[-1] == "worst fractal dimension"


def test_digits_images_are_the_rows_of_data() -> None:
    digits = load_digits()
    assert digits.images.shape == (1797, 8, 8)
    assert np.shares_memory(digits.images, digits.data)
    assert (digits.data.min(), digits.data.max()) == (0, 16)
    assert digits.feature_names[8 * 3 + 5] == "pixel_3_5"
    # A zero, as one sees it: ink in a ring, none in the middle.
    assert digits.images[0].astype(int)[3].tolist() == [0, 4, 12, 0, 0, 8, 8, 0]


def test_digits_of_the_first_classes_keep_their_order() -> None:
    everything, few = load_digits(), load_digits(n_class=3)
    chosen = everything.target < 3
    np.testing.assert_array_equal(few.data, everything.data[chosen])
    np.testing.assert_array_equal(few.target, everything.target[chosen])
    assert few.images.shape == (537, 8, 8)
    assert few.target_names.tolist() == [0, 1, 2]
    for wrong in (0, 11, 2.5):
        with pytest.raises(ValueError, match=rf"n_class: got {wrong}, expected an int from 1 to 10"):
            load_digits(n_class=wrong)  # type: ignore[arg-type]


def test_diabetes_columns_are_scaled_to_unit_norm() -> None:
    data, target = load_diabetes(return_X_y=True, dtype=np.float64)
    np.testing.assert_allclose(data.sum(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose((data**2).sum(axis=0), 1, rtol=1e-13)
    np.testing.assert_allclose(data[0, :4], [0.0380759064, 0.0506801187, 0.0616962065, 0.0218723855], rtol=1e-8)
    assert target[:3].tolist() == [151, 75, 141]
    assert (target.min(), target.max()) == (25, 346)


def test_bunch_is_a_dict_with_attributes() -> None:
    bunch = Bunch(a=1)
    bunch.b = np.zeros((2, 3), np.float32)
    assert bunch["b"] is bunch.b
    assert "b" in dir(bunch)
    assert repr(bunch) == "Bunch(a=1, b=<float32 array of shape (2, 3)>)"
    assert pickle.loads(pickle.dumps(Bunch(a=1))).a == 1
    assert copy.copy(bunch).b is bunch.b
    with pytest.raises(AttributeError, match=r"this Bunch has no 'c'; it has a, b"):
        _ = bunch.c


# -- MNIST -------------------------------------------------------------------------------------------------------------

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
LABELS = np.array([7, 0, 9, 3, 3], np.uint8)


def idx(array: np.ndarray[Any, Any], kind: int = 0x08) -> bytes:
    header = bytes((0, 0, kind, array.ndim)) + b"".join(length.to_bytes(4, "big") for length in array.shape)
    return header + array.tobytes()


def write(
    folder: Path,
    images: bytes | None = None,
    labels: bytes | None = None,
    names: tuple[str, str] = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_bytes(idx(PIXELS) if images is None else images)
    (folder / names[1]).write_bytes(idx(LABELS) if labels is None else labels)
    return folder


def check_content(dataset: MNIST) -> None:
    assert len(dataset) == 5
    assert dataset.images.dtype == np.float32
    assert dataset.labels.dtype == np.int64
    np.testing.assert_array_equal(dataset.images, PIXELS.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(dataset.labels, LABELS)


def test_mnist_reads_plain_files(tmp_path: Path) -> None:
    check_content(MNIST(write(tmp_path)))
    check_content(MNIST(str(tmp_path)))


def test_mnist_reads_gzip_files_whatever_their_name(tmp_path: Path) -> None:
    images, labels = gzip.compress(idx(PIXELS)), gzip.compress(idx(LABELS))
    check_content(
        MNIST(write(tmp_path / "named", images, labels, ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")))
    )
    check_content(MNIST(write(tmp_path / "unnamed", images, labels)))
    unpacked = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
    check_content(MNIST(write(tmp_path / "unpacked", names=unpacked)))


def test_mnist_looks_for_dotted_names_and_in_the_raw_folder(tmp_path: Path) -> None:
    check_content(MNIST(write(tmp_path / "a", names=("train-images.idx3-ubyte", "train-labels.idx1-ubyte"))))
    write(tmp_path / "b" / "MNIST" / "raw")
    check_content(MNIST(tmp_path / "b"))


def test_mnist_train_false_reads_the_test_files(tmp_path: Path) -> None:
    write(tmp_path, idx(PIXELS[:2]), idx(LABELS[:2]), ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"))
    assert len(MNIST(tmp_path, train=False)) == 2
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte"):
        MNIST(tmp_path)


def test_mnist_samples_and_batches(tmp_path: Path) -> None:
    dataset, flat = MNIST(write(tmp_path)), MNIST(tmp_path, flatten=True)
    image, label = dataset[2]
    assert (image.shape, label.shape, label.item()) == ((28, 28), (), 9)
    assert flat[2][0].shape == (784,)
    np.testing.assert_array_equal(flat.images, dataset.images.reshape(5, 784))
    for index in (slice(1, 4), [4, 0, 0], np.array([-1, 2])):
        images, labels = dataset[index]
        np.testing.assert_array_equal(images.numpy(), dataset.images[index])
        np.testing.assert_array_equal(labels.numpy(), dataset.labels[index])


def test_mnist_batches_through_loader_and_subset(tmp_path: Path) -> None:
    dataset = MNIST(write(tmp_path), flatten=True)
    batches = list(DataLoader(Subset(dataset, [4, 1, 2]), batch_size=2))
    assert [images.shape for images, _ in batches] == [(2, 784), (1, 784)]
    assert [labels.tolist() for _, labels in batches] == [[3, 0], [9]]


BROKEN_IMAGES = {
    "empty file": (b"", r"begins with the bytes ''"),
    "web page": (b"\n<html>not found</html>", r"a web page, expected an IDX file, which begins with '00 00 08 03'"),
    "text": (b"hello world", r"begins with the bytes '68 65 6c 6c'"),
    "float32 values": (idx(PIXELS.astype(np.float32), 0x0D), r"values of type 0x0d \(float32\), expected 0x08"),
    "unknown type": (idx(PIXELS, 0x42), r"values of type 0x42 \(unknown\)"),
    "labels as images": (idx(LABELS), r"values of 1 dimensions, expected 3.*named as the other kind"),
    "cut header": (idx(PIXELS)[:10], r"ends after 10 bytes, inside of its header of 16"),
    "truncated": (idx(PIXELS)[:-1], r"truncated data, 3919 bytes after the header, expected 5 x 28 x 28 = 3920"),
    "trailing": (idx(PIXELS) + b"xy", r"trailing data, 3922 bytes after the header, expected 5 x 28 x 28 = 3920"),
    "huge size": (bytes((0, 0, 8, 3)) + b"\xff" * 12 + b"1", r"truncated data, 1 bytes after the header"),
    "other size": (idx(PIXELS[:, :20]), r"images of 20 x 28 pixels, expected 28 x 28"),
    "truncated gzip": (gzip.compress(idx(PIXELS))[:-100], r"truncated gzip data, expected a whole file"),
    "damaged gzip": (gzip.compress(idx(PIXELS))[:-8] + b"\0" * 8, r"damaged gzip data"),
    "not really gzip": (b"\x1f\x8bhello world", r"damaged gzip data"),
}


@pytest.mark.parametrize("fault", BROKEN_IMAGES)
def test_mnist_names_the_broken_image_file_and_its_fault(tmp_path: Path, fault: str) -> None:
    content, expected = BROKEN_IMAGES[fault]
    with pytest.raises(ValueError, match=rf"MNIST: .*train-images-idx3-ubyte: got .*{expected}"):
        MNIST(write(tmp_path, images=content))


BROKEN_LABELS = {
    "images as labels": (idx(PIXELS), r"values of 3 dimensions, expected 1"),
    "fewer": (idx(LABELS[:4]), r"4 labels, expected 5 labels, one for each image in .*train-images-idx3-ubyte"),
    "not a digit": (
        idx(np.array([1, 2, 3, 10, 255], np.uint8)),
        r"the value 10 as label 3, expected digits from 0 to 9",
    ),
    "truncated": (idx(LABELS)[:-2], r"truncated data, 3 bytes after the header, expected 5"),
}


@pytest.mark.parametrize("fault", BROKEN_LABELS)
def test_mnist_names_the_broken_label_file_and_its_fault(tmp_path: Path, fault: str) -> None:
    content, expected = BROKEN_LABELS[fault]
    with pytest.raises(ValueError, match=rf"MNIST: .*train-labels-idx1-ubyte: got {expected}"):
        MNIST(write(tmp_path, labels=content))


def test_mnist_says_which_file_is_missing_and_where_to_put_it(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match=r"train-labels-idx1-ubyte\.gz, train-labels\.idx1-ubyte") as missing:
        MNIST(tmp_path)
    assert f"in {tmp_path} or {tmp_path / 'MNIST' / 'raw'}" in str(missing.value)
    with pytest.raises(FileNotFoundError, match="nowhere, which is not a directory"):
        MNIST(tmp_path / "nowhere")
