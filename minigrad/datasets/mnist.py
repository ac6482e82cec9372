"""``MNIST(root)``: the handwritten digits, read from their IDX files on disk.

An IDX file is a header and then the values, row by row. The header: two zero bytes, one byte for the type of the values
(8 = unsigned byte), one byte for the number of dimensions, then each dimension as a big-endian 32-bit integer.
Source: Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST Database of Handwritten Digits.
"""

from __future__ import annotations

import os
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from minigrad.data.dataset import TensorDataset
from minigrad.errors import message

if TYPE_CHECKING:
    import numpy.typing as npt

    ByteArray = npt.NDArray[np.uint8]

_UNSIGNED_BYTE = 0x08
_TYPE_NAMES = {0x09: "signed bytes", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}
_GZIP_MAGIC = b"\x1f\x8b"
_SIDE = 28
_DOWNLOAD_AGAIN = "Download it again."


class MNIST(TensorDataset):
    """The MNIST digits: 60,000 training or 10,000 test images of 28x28 pixels with their labels.

    ``root``: the directory of the files, or the one above ``MNIST/raw``, where PyTorch's tools put them. The names are
    ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte`` (``t10k-...`` with ``train=False``), also spelled
    ``train-images.idx3-ubyte``, plain or with ``.gz``. Nothing is downloaded. Files of the same form, such as
    Fashion-MNIST, are read as well.

    Sample i is ``(image, label)``: float32 in [0, 1] (the byte / 255), shape (28, 28), or (784,) with ``flatten=True``;
    and an int64 scalar. A slice or an array of indices gives whole batches, and ``DataLoader`` cuts them at once. The
    attributes ``images`` (N, 28, 28) or (N, 784) and ``labels`` (N,) are the NumPy arrays of all samples.

    Errors: FileNotFoundError says which names were looked for and where; ValueError names the file and what is wrong in
    it: not an IDX file, other values than bytes, the wrong number or size of dimensions, truncated, trailing or damaged
    data, labels other than 0 to 9, or unequal numbers of images and labels.

    Source: Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST Database of Handwritten Digits, made from NIST's Special
    Databases 1 and 3. The files are not part of minigrad.
    """

    def __init__(self, root: str | os.PathLike[str], train: bool = True, *, flatten: bool = False) -> None:
        part = "train" if train else "t10k"
        image_file = _find(os.fspath(root), f"{part}-images", "idx3-ubyte")
        label_file = _find(os.fspath(root), f"{part}-labels", "idx1-ubyte")
        pixels, labels = _read_idx(image_file, dims=3), _read_idx(label_file, dims=1)
        if pixels.shape[1:] != (_SIDE, _SIDE):
            got = f"images of {pixels.shape[1]} x {pixels.shape[2]} pixels"
            raise ValueError(message(f"MNIST: {image_file}", "", got, f"{_SIDE} x {_SIDE}"))
        if len(pixels) != len(labels):
            expected = f"{len(pixels)} labels, one for each image in {image_file}"
            raise ValueError(message(f"MNIST: {label_file}", "", f"{len(labels)} labels", expected))
        wrong = np.flatnonzero(labels > 9)
        if wrong.size:
            got = f"the value {labels[wrong[0]]} as label {wrong[0]}"
            raise ValueError(message(f"MNIST: {label_file}", "", got, "digits from 0 to 9"))
        images = np.divide(pixels, np.float32(255), dtype=np.float32)
        super().__init__(images.reshape(-1, _SIDE * _SIDE) if flatten else images, labels.astype(np.int64))

    @property
    def images(self) -> npt.NDArray[np.float32]:
        """All images, float32 in [0, 1], shape (N, 28, 28) or (N, 784)."""
        images: npt.NDArray[np.float32] = self.tensors[0].array
        return images

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """All labels, int64, shape (N,)."""
        labels: npt.NDArray[np.int64] = self.tensors[1].array
        return labels


def _find(root: str, stem: str, suffix: str) -> str:
    """The path of the first file that exists among the usual places and spellings of one MNIST file."""
    folders = (root, os.path.join(root, "MNIST", "raw"))
    names = [f"{stem}{dot}{suffix}{end}" for dot in ("-", ".") for end in ("", ".gz")]
    for folder in folders:
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                return path
    where = f"{folders[0]} or {folders[1]}" if os.path.isdir(root) else f"{root}, which is not a directory"
    remedy = f"minigrad downloads nothing: put one of {', '.join(names)} there."
    raise FileNotFoundError(message("MNIST", "root", f"no {names[0]} in {where}", "the directory of the files", remedy))


def _read_idx(path: str, dims: int) -> ByteArray:
    """The values of an IDX file of bytes with `dims` dimensions; every field of the header is checked."""
    content = _read_bytes(path)
    start = 4 + 4 * dims
    _check_magic(content[:4], path, dims, is_page=content[:64].lstrip().startswith(b"<"))
    if len(content) < start:
        got = f"a file that ends after {len(content)} bytes, inside of its header of {start}"
        raise ValueError(message(f"MNIST: {path}", "", got, "a whole file", _DOWNLOAD_AGAIN))
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4))
    announced, size = prod(shape), len(content) - start
    if size != announced:
        got = f"{'truncated data,' if size < announced else 'trailing data,'} {size} bytes after the header"
        expected = f"{' x '.join(map(str, shape))} = {announced}, as the header announces"
        raise ValueError(message(f"MNIST: {path}", "", got, expected, _DOWNLOAD_AGAIN))
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _check_magic(magic: bytes, path: str, dims: int, is_page: bool) -> None:
    """The first four bytes: two zeros, the type of the values, the number of dimensions."""
    where = f"MNIST: {path}"
    if len(magic) < 4 or magic[:2] != b"\0\0":
        got = "a web page" if is_page else f"a file that begins with the bytes '{magic.hex(' ')}'"
        expected = f"an IDX file, which begins with '{bytes((0, 0, _UNSIGNED_BYTE, dims)).hex(' ')}'"
        raise ValueError(message(where, "", got, expected, _DOWNLOAD_AGAIN))
    if magic[2] != _UNSIGNED_BYTE:
        got = f"values of type 0x{magic[2]:02x} ({_TYPE_NAMES.get(magic[2], 'unknown')})"
        raise ValueError(message(where, "", got, f"0x{_UNSIGNED_BYTE:02x} (unsigned bytes)"))
    if magic[3] != dims:
        remedy = "Images have 3 dimensions, labels 1: is the file named as the other kind?"
        raise ValueError(message(where, "", f"values of {magic[3]} dimensions", dims, remedy))


def _read_bytes(path: str) -> bytes:
    """The content of a file, decompressed if it begins as gzip files do (whatever its name: browsers rename them)."""
    with open(path, "rb") as stream:
        content = stream.read()
    if not content.startswith(_GZIP_MAGIC):
        return content
    import gzip  # here, because importing minigrad should not pay for it
    import zlib

    try:
        return gzip.decompress(content)
    except EOFError:
        got, expected = "truncated gzip data", "a whole file"
    except (gzip.BadGzipFile, zlib.error) as error:
        got, expected = f"damaged gzip data ({error})", "a sound file"
    raise ValueError(message(f"MNIST: {path}", "", got, expected, _DOWNLOAD_AGAIN))
