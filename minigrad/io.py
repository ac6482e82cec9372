"""Saving and loading: state dicts and whole training states, as safetensors or .npz, by the path's suffix.

    mg.save(net.state_dict(), "net.safetensors")
    net.load_state_dict(mg.load("net.safetensors"))

A file holds tensors by name, and everything else as JSON: numbers, text, None, and the nesting of dicts, lists and tuples.
A tensor's name is its path in there: {"model": {"0.weight": t}} contains the tensor "model.0.weight". So the state dict of a
module becomes a file with exactly PyTorch's names, which safetensors.torch.load_file reads. In turn, files written by
save_file and by numpy.savez are read here. Files are never pickles: reading one of those means running the code inside.

A file is written next to the old one and then replaces it, so that a crash leaves one of the two, whole. Everything in a
file is checked before anything is returned; FileError names the file and what is wrong with it.
"""

from __future__ import annotations

import json
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, duplicate, from_array
from minigrad._device import require_cpu
from minigrad._generator import Generator, default_generator
from minigrad.errors import MinigradError, message

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Arrays = dict[str, np.ndarray[Any, Any]]

#: The structure's key in the metadata of a safetensors file, and the name of its entry in an .npz.
_STRUCTURE, _ENTRY = "minigrad", "__minigrad__"
_VERSION = 1
#: Deeper nesting is assumed to be a structure that contains itself.
_DEEPEST = 64
#: What a compressed .npz may grow to: so many bytes, and so many times its own length more.
_ROOM, _GROWTH = 64 << 20, 100
#: What readers of broken bytes raise, here and in the libraries.
_BROKEN = (
    ValueError, TypeError, KeyError, IndexError, SyntaxError, EOFError, OSError, MemoryError, RuntimeError, struct.error,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt")


class FileError(MinigradError, RuntimeError, ValueError):
    """A file that is truncated, foreign or inconsistent; nothing of it was loaded."""


def save(obj: Any, path: str | os.PathLike[str]) -> None:
    """Writes a state dict, or any nesting of dicts, lists and tuples of tensors, NumPy arrays, numbers, text and None.

    The suffix of the path selects the format: .safetensors (pip install 'minigrad-c[io]') or .npz. Tensors and arrays must be
    float32, float64, int64 or bool, and keys of dicts text or ints. TypeError for anything else in obj, ValueError for
    another suffix or for two tensors of the same name; after an error, a file that was there before is unchanged.
    """
    suffix = _suffix("save", path)
    arrays: Arrays = {}
    content = {"version": _VERSION, "content": _packed(obj, (), arrays)}
    structure = json.dumps(content, allow_nan=False, separators=(",", ":"))
    write = _write_safetensors if suffix == ".safetensors" else _write_npz
    _put(os.path.realpath(path), write(arrays, structure))


def load(path: str | os.PathLike[str], map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Reads what save has written; from a file of another program, {name: tensor}.

    Programs for PyTorch pass map_location, which may be the CPU, and weights_only, which has no effect: these files hold
    numbers and text, never code. DeviceError for a device other than the CPU.

    Other element types become the next wider one of ours: float16 and bfloat16 become float32, int32 int64. FileError for a
    file that is truncated, foreign or inconsistent, ValueError for another suffix.
    """
    require_cpu("load", map_location, "map_location")
    read = _read_safetensors if _suffix("load", path) == ".safetensors" else _read_npz
    with open(path, "rb") as file:
        data = file.read()
    try:
        arrays, structure = read(data)
        if structure is None:
            return {name: _named("tensor", name, _tensor, array) for name, array in arrays.items()}
        return _content(structure, arrays)
    except _BROKEN as error:
        why = str(error).rstrip(".") or type(error).__name__
        raise FileError(f"load: {os.fspath(path)}: {why}. Nothing was loaded.") from error


def _suffix(op: str, path: Any) -> str:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(message(op, "path", f"a {type(path).__name__}", "a path that ends in .safetensors or .npz"))
    stem, suffix = os.path.splitext(os.fsdecode(path))
    suffix = suffix.lower()
    if suffix in (".safetensors", ".npz"):
        return suffix
    remedy = f"A {suffix} file is a pickle, which may run any code when it is read. " if suffix in _PICKLES else ""
    if op == "save":
        remedy += f"Write {stem + '.safetensors'!r}."
    elif remedy:
        remedy += (
            "Convert it where it is trusted, in PyTorch: "
            "safetensors.torch.save_file(torch.load(path, weights_only=True), 'net.safetensors')."
        )
    raise ValueError(message(op, "path", repr(os.fspath(path)), "one that ends in .safetensors or .npz", remedy))


# -- structure ---------------------------------------------------------------------------------------------------------
#
# JSON has no tuples, no keys but text, no infinities and no tensors: these are objects with one key that begins with $.


def _packed(value: Any, at: tuple[str, ...], arrays: Arrays) -> Any:
    """A value as JSON; the arrays in it are added to `arrays`, each under its path."""
    if len(at) > _DEEPEST:
        raise ValueError(f"save: obj is nested more than {_DEEPEST} deep; does it contain itself?")
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, (Array, np.ndarray)):
        return {"$tensor" if isinstance(value, Array) else "$array": _add(value, at, arrays)}
    if isinstance(value, Mapping):
        return _packed_dict(value, at, arrays)
    if not isinstance(value, (list, tuple)) or hasattr(value, "_fields"):
        expected = "tensors, arrays, numbers, text, None, and dicts, lists and tuples of these"
        remedy = "Write its .state_dict(), and load that into another one." if hasattr(value, "state_dict") else ""
        raise TypeError(message("save", _place(at), f"a {type(value).__name__}", expected, remedy))
    items = [_packed(v, (*at, str(i)), arrays) for i, v in enumerate(value)]
    return items if isinstance(value, list) else {"$tuple": items}


def _packed_dict(value: Mapping[Any, Any], at: tuple[str, ...], arrays: Arrays) -> Any:
    for key in value:
        if not isinstance(key, (str, int)):
            raise TypeError(message("save", _place(at), f"a dict with the key {key!r}", "keys that are text or ints"))
    items = [(key, _packed(v, (*at, str(key)), arrays)) for key, v in value.items()]
    plain = all(isinstance(key, str) and not key.startswith("$") for key, _ in items)
    return dict(items) if plain else {"$dict": items}


def _add(value: Any, at: tuple[str, ...], arrays: Arrays) -> str:
    """Adds an array to the others, contiguous and little-endian, and returns its name there."""
    array = value.array if isinstance(value, Array) else value
    if array.dtype.newbyteorder("=") not in (np.float32, np.float64, np.int64, np.bool_):
        raise TypeError(message("save", _place(at), f"dtype {array.dtype}", "float32, float64, int64 or bool"))
    name = ".".join(at) or "tensor"
    if name in arrays or name in (_ENTRY, "__metadata__") or _is_path(name):
        got = "a name that is taken" if name in arrays else "a name with another meaning"
        raise ValueError(message("save", _place(at), got, "another name for each tensor", f"Rename {name!r}."))
    arrays[name] = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
    return name


def _place(at: tuple[str, ...]) -> str:
    return "obj" + "".join(f"[{key}]" for key in at)


def _is_path(name: str) -> bool:
    """Whether a careless program that unpacks the file would write outside its folder."""
    return name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/")


def _content(structure: str, arrays: Arrays) -> Any:
    """What was saved: the structure with its tensors, each of which must occur exactly once."""
    try:
        head = json.loads(structure)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its structure is no JSON that can be read ({error})") from error
    if not isinstance(head, dict) or set(head) != {"version", "content"} or head["version"] != _VERSION:
        raise ValueError(f"its structure is not of version {_VERSION}: a newer minigrad may read it")
    left = dict(arrays)
    content = _unpacked(head["content"], left)
    if left:
        raise ValueError(f"its structure has no place for the tensors {', '.join(sorted(left))}")
    return content


def _unpacked(node: Any, left: Arrays) -> Any:
    """Reverses _packed; each array that is used is taken out of `left`."""
    if isinstance(node, list):
        return [_unpacked(inner, left) for inner in node]
    if not isinstance(node, dict):
        return node
    tag = next(iter(node), "")
    if not tag.startswith("$"):
        return {key: _unpacked(inner, left) for key, inner in node.items()}
    inner = node[tag]
    if tag in ("$tensor", "$array"):
        if not isinstance(inner, str) or inner not in left:
            raise ValueError(f"its structure names the tensor {inner!r}, which is not there, or is named twice")
        array = left.pop(inner)
        return _named("tensor", inner, _tensor, array) if tag == "$tensor" else array.copy()
    if tag == "$float":
        return float(inner)
    if tag == "$tuple":
        return tuple(_unpacked(one, left) for one in inner)
    if tag == "$dict":
        return {_key(key): _unpacked(one, left) for key, one in inner}
    raise ValueError(f"its structure has the unknown part {tag!r}")


def _key(key: Any) -> str | int:
    if not isinstance(key, (str, int)):
        raise ValueError(f"its structure has the key {key!r}, which is neither text nor an int")
    return key


def _tensor(array: np.ndarray[Any, Any]) -> Any:
    """A tensor of one of our types, in memory of its own."""
    return duplicate(from_array(array, "load").array)


def _real_bools(array: np.ndarray[Any, Any]) -> None:
    """Refuses bools with bytes other than 0 and 1, which C and NumPy rely on."""
    if array.dtype == np.bool_ and array.size and array.view(np.uint8).max() > 1:
        raise ValueError("not all of its bools are 0 or 1")


def _named(kind: str, name: str, read: Callable[..., Any], *arguments: Any) -> Any:
    """Returns what a reader of one array does, and adds the array's name to its errors."""
    try:
        return read(*arguments)
    except _BROKEN as error:
        raise ValueError(f"its {kind} {name!r} cannot be read: {str(error) or type(error).__name__}") from error


# -- safetensors -------------------------------------------------------------------------------------------------------

#: Element types by their names in the format; bfloat16, which NumPy lacks, is the upper half of a float32.
_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "<i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "<u1", "BOOL": "|b1",
}  # fmt: skip


def _library(op: str) -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        remedy = "pip install 'minigrad-c[io]', or use a path that ends in .npz"
        raise ImportError(f"{op}: .safetensors files need the safetensors library: {remedy}.") from None
    return safetensors


def _write_safetensors(arrays: Arrays, structure: str) -> bytes:
    # "format" says whose layout the weights have: PyTorch's.
    data: bytes = _library("save").numpy.save(arrays, {"format": "pt", _STRUCTURE: structure})
    return data


def _read_safetensors(data: bytes) -> tuple[Arrays, str | None]:
    library = _library("load")
    try:  # this holds lengths, offsets and shapes against each other and the file
        found = dict(library.deserialize(data))
    except library.SafetensorError as error:
        raise ValueError(f"this is no whole safetensors file ({error})") from error
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    metadata = header.pop("__metadata__", None) or {}
    arrays = {name: _named("tensor", name, _decoded, found[name]) for name in header}  # in the order of the file
    return arrays, metadata.get(_STRUCTURE)


def _decoded(entry: dict[str, Any]) -> np.ndarray[Any, Any]:
    if entry["dtype"] not in _TYPES:
        raise ValueError(f"it is of type {entry['dtype']}, which minigrad does not have")
    array = np.frombuffer(entry["data"], _TYPES[entry["dtype"]])
    if entry["dtype"] == "BF16":
        array = (array.astype("<u4") << 16).view("<f4")
    _real_bools(array)
    return array.reshape(entry["shape"])


# -- npz ---------------------------------------------------------------------------------------------------------------
#
# A zip archive of .npy files. Entries are stored as they are and bear no time: the same state gives the same bytes.


def _write_npz(arrays: Arrays, structure: str) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {_ENTRY: np.frombuffer(structure.encode(), np.uint8), **arrays}.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return buffer.getvalue()


def _read_npz(data: bytes) -> tuple[Arrays, str | None]:
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except _BROKEN as error:
        raise ValueError(f"this is no whole .npz file ({error})") from error
    with archive:
        entries = archive.infolist()
        _check_entries(entries, len(data))
        stems = [(entry.filename.removesuffix(".npy"), entry) for entry in entries]
        arrays = {name: _named("entry", name, _read_entry, archive, entry) for name, entry in stems}
    structure = arrays.pop(_ENTRY, None)
    return arrays, None if structure is None else structure.tobytes().decode()


def _check_entries(entries: list[zipfile.ZipInfo], length: int) -> None:
    """Refuses a bad archive by its list of contents, before any of it is unpacked."""
    names = set()
    for entry in entries:
        name = entry.filename
        if not name.endswith(".npy") or _is_path(name):
            raise ValueError(f"its entry {name!r} is no array: an .npz holds NAME.npy files alone")
        if name in names:
            raise ValueError(f"it has two entries {name!r}")
        names.add(name)
        if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"its entry {name!r} is encrypted, or compressed in a way that NumPy does not write")
    if sum(entry.compress_size for entry in entries) > length:
        raise ValueError("its entries overlap, or reach beyond its end")
    total = sum(entry.file_size for entry in entries)
    if total > _ROOM + _GROWTH * length:
        raise ValueError(f"its {length} bytes claim to unpack to {total}, as a zip bomb does")


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray[Any, Any]:
    """One array, whose header must agree with the length of the entry before its numbers are read."""
    with archive.open(entry) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"it is of .npy version {version}, not (1, 0) or (2, 0)")
        later = version == (2, 0)
        header = np.lib.format.read_array_header_2_0 if later else np.lib.format.read_array_header_1_0
        shape, fortran, dtype = header(stream)
        if dtype.kind not in "fiub" or dtype.itemsize > 8:
            raise ValueError(f"it holds {dtype}, and not numbers or bools of up to 8 bytes")
        if any(n < 0 for n in shape) or stream.tell() + math.prod(shape) * dtype.itemsize != entry.file_size:
            raise ValueError(f"its shape {shape} does not fit its length")
        array = np.frombuffer(stream.read(), dtype)
    _real_bools(array)
    return array.reshape(shape, order="F" if fortran else "C")


def _put(path: str, data: bytes) -> None:
    """Writes a file atomically: next to the old one, flushed to disk, then renamed into its place."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(message("save", "path", repr(path), "a folder that exists"))
    beside = os.path.join(folder, f".minigrad-{os.urandom(8).hex()}.part")
    file = open(beside, "xb")  # noqa: SIM115 - closed below, before it is renamed
    try:
        with file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(beside)
        raise
    if os.name == "posix":  # the new name is in the folder's own data
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# -- training states ---------------------------------------------------------------------------------------------------


def save_state(path: str | os.PathLike[str], /, **parts: Any) -> None:
    """Writes everything that a training run needs to continue with the same bits:

        save_state("run.safetensors", model=net, optimizer=opt, scheduler=sched, shuffling=generator, epoch=3)

    For objects with a state_dict that is saved, for a Generator its seed and counter, and anything else as by save. The
    seed and counter of the default generator, which manual_seed seeds, are always added as "rng".
    """
    if "rng" in parts:
        remedy = "Give generators of your own other names."
        raise ValueError(message("save_state", "rng", "a value", "none: it is filled in", remedy))
    state = {name: _state(part) if _stateful(part) else part for name, part in parts.items()}
    save({**state, "rng": default_generator.get_state()}, path)


def load_state(path: str | os.PathLike[str], /, **parts: Any) -> dict[str, Any]:
    """Restores what save_state has written into the objects given under the same names, and returns the rest:

        epoch = load_state("run.safetensors", model=net, optimizer=opt, shuffling=generator)["epoch"]

    Random numbers continue, too. To load only the weights, write net.load_state_dict(load(path)["model"]). If any part does
    not fit, its error is raised, and all objects are as they were.
    """
    state = load(path)
    if not isinstance(state, dict) or not _is_counter(state.get("rng")):
        raise FileError(f"load_state: {os.fspath(path)}: this was not written by save_state. Read it with load.")
    for name, part in parts.items():
        if not _stateful(part):
            expected = "an object with load_state_dict, or a Generator"
            raise TypeError(message("load_state", name, f"a {type(part).__name__}", expected, "The rest is returned."))
        if name not in state or (isinstance(part, Generator) and not _is_counter(state[name])):
            raise FileError(f"load_state: {os.fspath(path)}: it has no state for {name}, but for {', '.join(state)}.")
    before = [(part, deepcopy(_state(part))) for part in parts.values()]
    try:
        for name, part in parts.items():
            _restore(part)(state[name])
    except BaseException:
        for part, old in before:
            _restore(part)(old)
        raise
    default_generator.set_state(state.pop("rng"))
    return {name: value for name, value in state.items() if name not in parts}


def _stateful(part: Any) -> bool:
    return isinstance(part, Generator) or (hasattr(part, "state_dict") and hasattr(part, "load_state_dict"))


def _state(part: Any) -> Any:
    return part.get_state() if isinstance(part, Generator) else part.state_dict()


def _restore(part: Any) -> Callable[[Any], Any]:
    load: Callable[[Any], Any] = part.set_state if isinstance(part, Generator) else part.load_state_dict
    return load


def _is_counter(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(type(n) is int for n in value)
