"""Saving and loading: what comes back, what files look like to others, and that an error leaves everything as it was."""

import builtins
import os
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict, namedtuple
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import io, nn, optim
from minigrad.errors import DeviceError

SUFFIXES = (".safetensors", ".npz")


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    return tmp_path / f"state{request.param}"


def identical(one, other):
    """The same structure, types and bits."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(identical(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(identical(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, (mg.Tensor, np.ndarray)):
        one, other = np.asarray(one), np.asarray(other)
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    return repr(one) == repr(other)


def everything():
    return {
        "model": {"0.weight": mg.randn(3, 4), "0.bias": mg.randn(3, dtype=mg.float64), "count": mg.tensor(7)},
        "optimizer": {"state": {0: {"step": mg.tensor(3), "m": mg.zeros(0, 5)}, 1: {}}, "lr": [1e-3, 0.1 + 0.2]},
        "mask": mg.tensor([[True, False], [False, True]]),
        "array": np.arange(6.0).reshape(2, 3),
        "scalars": (None, True, False, -(1 << 70), "", "żółw \"$\" \\ \n", float("inf"), -0.0, float("nan")),
        "$tensor": {"$odd": [[], (), {}, ((mg.ones(2),),)]},
        "epoch": 3,
    }


# -- there and back ----------------------------------------------------------------------------------------------------


def test_everything_comes_back_as_it_was(path):
    saved = everything()
    io.save(saved, path)
    assert identical(io.load(path), saved)
    io.save(saved, str(path))
    assert identical(mg.load(str(path)), saved)


@pytest.mark.parametrize("value", [{}, [], 5, None, "text", mg.ones(2, 3), {"a": {}}, {"": mg.ones(1)}])
def test_small_things_come_back(path, value):
    mg.save(value, path)
    assert identical(mg.load(path), value)


def test_what_has_a_nearer_kind_becomes_that(path):
    mg.save({"dict": OrderedDict(a=1), "parameter": nn.Parameter(mg.ones(2)), "numpy": np.float32(0.5)}, path)
    assert identical(mg.load(path), {"dict": {"a": 1}, "parameter": mg.ones(2), "numpy": 0.5})


def test_views_are_saved_as_they_look(path, spread):
    x = mg.randn(4, 6)
    views = {"transposed": x.T, "rows": x[1:3], "spread": spread(x), "big": np.arange(3.0).astype(">f8")}
    mg.save(views, path)
    found = mg.load(path)
    assert found["transposed"].tolist() == x.T.tolist()
    assert found["rows"].tolist() == x[1:3].tolist()
    assert found["spread"].tolist() == x.tolist()
    assert identical(found["big"], np.arange(3.0))


def test_what_is_loaded_has_memory_of_its_own(path):
    mg.save({"x": mg.ones(3), "y": np.ones(3)}, path)
    one, other = mg.load(path), mg.load(path)
    one["x"].fill_(5.0)
    one["y"][:] = 5.0
    assert other["x"].tolist() == other["y"].tolist() == [1.0] * 3
    assert not one["x"].requires_grad
    x = one["x"].requires_grad_()
    (x * x).sum().backward()
    assert x.grad.tolist() == [10.0] * 3


def test_the_same_state_gives_the_same_bytes(tmp_path):
    state = everything()
    files = [tmp_path / "one.npz", tmp_path / "two.npz"]
    for file in files:
        mg.save(state, file)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_load_takes_what_programs_for_pytorch_pass(path):
    mg.save({"x": mg.ones(2)}, path)
    for keywords in ({"weights_only": True}, {"weights_only": False}, {"map_location": "cpu"}):
        assert mg.load(path, **keywords)["x"].tolist() == [1.0, 1.0]
    assert mg.load(path, mg.device("cpu"))["x"].tolist() == [1.0, 1.0]
    with pytest.raises(DeviceError, match=r"load: argument map_location: got 'cuda'"):
        mg.load(path, map_location="cuda")


def test_save_and_load_are_found_where_pytorch_has_them():
    assert mg.save is io.save
    assert mg.load is io.load
    assert {"save", "load", "io"} <= set(mg.__all__)


# -- files of others ---------------------------------------------------------------------------------------------------


def mlp(library):
    return library.Sequential(library.Linear(4, 5), library.ReLU(), library.Linear(5, 3, bias=False))


def test_pytorch_reads_what_minigrad_writes_and_the_other_way_round(tmp_path):
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    ours, theirs = mlp(nn), mlp(torch.nn)
    mg.save(ours.state_dict(), tmp_path / "ours.safetensors")
    found = safetensors.load_file(tmp_path / "ours.safetensors")
    assert sorted(found) == sorted(theirs.state_dict())
    theirs.load_state_dict(found)
    x = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    np.testing.assert_allclose(ours(mg.tensor(x)).tolist(), theirs(torch.tensor(x)).tolist(), rtol=1e-5, atol=1e-6)
    other = mlp(torch.nn)
    safetensors.save_file(other.state_dict(), tmp_path / "theirs.safetensors")
    ours.load_state_dict(mg.load(tmp_path / "theirs.safetensors"))
    np.testing.assert_allclose(ours(mg.tensor(x)).tolist(), other(torch.tensor(x)).tolist(), rtol=1e-5, atol=1e-6)


def test_narrow_types_become_the_next_wider(tmp_path):
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    values = [1.5, -0.0, 3e38, float("inf")]
    tensors = {
        "half": torch.tensor([1.5, -2.0], dtype=torch.float16), "brain": torch.tensor(values, dtype=torch.bfloat16),
        "int": torch.tensor([[1], [-2]], dtype=torch.int32), "byte": torch.tensor([255], dtype=torch.uint8),
    }  # fmt: skip
    safetensors.save_file(tensors, tmp_path / "narrow.safetensors")
    found = mg.load(tmp_path / "narrow.safetensors")
    assert {k: v.dtype for k, v in found.items()} == {
        "half": mg.float32, "brain": mg.float32, "int": mg.int64, "byte": mg.int64
    }  # fmt: skip
    assert found["brain"].tolist() == tensors["brain"].float().tolist()
    assert [found[k].tolist() for k in ("half", "int", "byte")] == [[1.5, -2.0], [[1], [-2]], [255]]


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_arrays_that_numpy_has_saved(tmp_path, write):
    given = {"w": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "n": np.int16(4), "zeros": np.zeros((1000, 1000))}
    write(tmp_path / "numpy.npz", **given)
    found = mg.load(tmp_path / "numpy.npz")
    assert list(found) == list(given)
    assert found["w"].tolist() == given["w"].tolist()
    assert (found["n"].item(), found["n"].dtype, found["zeros"].shape) == (4, mg.int64, (1000, 1000))


def test_numpy_reads_what_minigrad_writes(tmp_path):
    mg.save({"model": {"0.weight": mg.ones(2, 3)}, "epoch": 3}, tmp_path / "state.npz")
    with np.load(tmp_path / "state.npz", allow_pickle=False) as found:
        assert sorted(found) == ["__minigrad__", "model.0.weight"]
        assert found["model.0.weight"].tolist() == [[1.0] * 3] * 2
        assert b'"epoch":3' in found["__minigrad__"].tobytes()


# -- what is refused ---------------------------------------------------------------------------------------------------

Point = namedtuple("Point", "x y")
LOOP: list = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ({"a": nn.ReLU()}, TypeError, r"argument obj\[a\]: got a ReLU, expected tensors, .* Write its .state_dict\(\)"),
        ({"a": [1, {"b": {1, 2}}]}, TypeError, r"save: argument obj\[a\]\[1\]\[b\]: got a set, expected tensors, arrays"),
        ({"f": len}, TypeError, r"obj\[f\]: got a builtin_function_or_method"),
        ({"p": Point(1, 2)}, TypeError, r"obj\[p\]: got a Point"),
        ({"z": 1j}, TypeError, r"obj\[z\]: got a complex"),
        ({(1, 2): 3}, TypeError, r"argument obj: got a dict with the key \(1, 2\), expected keys that are text or ints"),
        ({"h": np.zeros(2, np.float16)}, TypeError, r"obj\[h\]: got dtype float16, expected float32, float64, int64 or bool"),
        ({"o": np.array([None])}, TypeError, r"obj\[o\]: got dtype object"),
        ({"a": {"b": mg.ones(1)}, "a.b": mg.ones(1)}, ValueError, r"obj\[a.b\]: got a name that is taken.*Rename 'a.b'"),
        ({1: mg.ones(1), "1": mg.ones(1)}, ValueError, r"obj\[1\]: got a name that is taken"),
        ({"__metadata__": mg.ones(1)}, ValueError, "a name with another meaning"),
        ({"../../up": mg.ones(1)}, ValueError, "a name with another meaning"),
        (LOOP, ValueError, "nested more than 64 deep; does it contain itself"),
    ],
)
def test_what_cannot_be_saved_leaves_the_old_file(path, value, error, message):
    path.write_bytes(b"old")
    with pytest.raises(error, match=message):
        mg.save(value, path)
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == [path.name]


def test_a_file_to_be_written_has_another_name():
    with pytest.raises(ValueError, match=r"Write 'runs/best.v2.safetensors'\.$"):
        mg.save({}, "runs/best.v2.pth")


@pytest.mark.parametrize("call", [lambda p: mg.save({}, p), mg.load])
def test_pickles_and_other_suffixes(tmp_path, call):
    for suffix in (".pt", ".PTH", ".pkl"):
        with pytest.raises(ValueError, match=r"is a pickle, which may run any code.*(safetensors.torch.save_file|model.safetensors')"):
            call(tmp_path / f"model{suffix}")
    with pytest.raises(ValueError, match=r"got '.*model.h5', expected one that ends in .safetensors or .npz\."):
        call(tmp_path / "model.h5")
    with pytest.raises(TypeError, match="argument path: got a BytesIO"):
        call(BytesIO())
    assert not os.listdir(tmp_path)


def test_a_folder_that_does_not_exist(path):
    with pytest.raises(FileNotFoundError, match="save: argument path: .* expected a folder that exists"):
        mg.save({}, path.parent / "nowhere" / path.name)
    with pytest.raises(FileNotFoundError, match=path.name):
        mg.load(path)


def test_without_the_library_one_line_names_the_extra(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **keywords):
        if name.startswith("safetensors"):
            raise ModuleNotFoundError("No module named 'safetensors'")
        return real(name, *args, **keywords)

    (tmp_path / "x.safetensors").write_bytes(b"old")
    monkeypatch.setattr(builtins, "__import__", without)
    for call in (lambda p: mg.save({"x": mg.ones(1)}, p), mg.load):
        with pytest.raises(ImportError, match=r"pip install 'minigrad-c\[io\]'") as raised:
            call(tmp_path / "x.safetensors")
        assert "\n" not in str(raised.value)
    assert (tmp_path / "x.safetensors").read_bytes() == b"old"
    mg.save({"x": mg.ones(1)}, tmp_path / "x.npz")
    assert mg.load(tmp_path / "x.npz")["x"].tolist() == [1.0]


# -- broken and hostile files ------------------------------------------------------------------------------------------


def shapes(state):
    """Of the tensors, wherever they stand."""
    return [s for x in state.values() for s in shapes(x)] if isinstance(state, dict) else [state.shape] if isinstance(state, mg.Tensor) else []


def test_every_truncation_and_every_changed_byte_is_noticed_or_harmless(path):
    """A file cut anywhere is refused. With a byte changed it is refused, or nothing of the state is changed; but for
    safetensors, which has no checksum, names and numbers may be, and then the tensors have their shapes."""
    state = {"model": {"w": mg.ones(2, 3), "b": mg.zeros(2)}, "epoch": 3}
    mg.save(state, path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(io.FileError, match=f"load: .*{path.name}: .* Nothing was loaded"):
            mg.load(path)
    random = np.random.default_rng(0)
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= int(random.integers(1, 256))
        path.write_bytes(changed)
        try:
            found = mg.load(path)
        except io.FileError as error:
            assert f"{path.name}: " in str(error)  # noqa: PT017 - it may also be read
        else:
            assert sorted(shapes(found)) == [(2,), (2, 3)]
            assert path.suffix == ".safetensors" or identical(found, state)


def packed(header, data=b""):
    head = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(head)) + head + data


def entry(dtype, shape, start, stop):
    return f'{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{start},{stop}]}}'


def structured(content):
    text = content.replace("\\", "\\\\").replace('"', '\\"')
    return packed(f'{{"__metadata__":{{"minigrad":"{text}"}},"x":{entry("F32", [2], 0, 8)}}}', bytes(8))


HOSTILE_SAFETENSORS = {
    "empty": b"",
    "text": b"this is not a file of tensors at all",
    "giant header": struct.pack("<Q", 1 << 60) + b"{}",
    "no JSON": packed("hello"),
    "a list": packed("[]"),
    "deep": packed("[" * 100_000),
    "beyond the end": packed(f'{{"x":{entry("F32", [2], 0, 8000)}}}', bytes(8)),
    "overlap": packed(f'{{"x":{entry("F32", [2], 0, 8)},"y":{entry("F32", [2], 4, 12)}}}', bytes(12)),
    "hole": packed(f'{{"x":{entry("F32", [2], 4, 12)}}}', bytes(12)),
    "more behind": packed(f'{{"x":{entry("F32", [2], 0, 8)}}}', bytes(12)),
    "negative": packed(f'{{"x":{entry("F32", [-2], 0, 8)}}}', bytes(8)),
    "NaN": packed(f'{{"x":{entry("F32", "[NaN]", 0, 8)}}}', bytes(8)),
    "overflow": packed(f'{{"x":{entry("F32", [1 << 40, 1 << 40], 0, 8)}}}', bytes(8)),
    "too many dimensions": packed(f'{{"x":{entry("F32", [1] * 100, 0, 4)}}}', bytes(4)),
    "huge and empty": packed(f'{{"x":{entry("F32", [0, 1 << 62, 2], 0, 0)}}}'),
    "unknown type": packed(f'{{"x":{entry("F99", [2], 0, 8)}}}', bytes(8)),
    "foreign type": packed(f'{{"x":{entry("F8_E4M3", [8], 0, 8)}}}', bytes(8)),
    "bools": packed(f'{{"x":{entry("BOOL", [2], 0, 2)}}}', b"\1\2"),
    "beyond int64": packed(f'{{"x":{entry("U64", [1], 0, 8)}}}', b"\xff" * 8),
    "no structure": structured("junk"),
    "newer": structured('{"version":2,"content":{}}'),
    "unplaced": structured('{"version":1,"content":{}}'),
    "absent": structured('{"version":1,"content":[{"$tensor":"x"},{"$tensor":"y"}]}'),
    "twice": structured('{"version":1,"content":[{"$tensor":"x"},{"$tensor":"x"}]}'),
    "unhashable": structured('{"version":1,"content":{"$tensor":["x"]}}'),
    "unknown part": structured('{"version":1,"content":[{"$tensor":"x"},{"$import":"os"}]}'),
    "keys": structured('{"version":1,"content":{"$dict":[[[],{"$tensor":"x"}]]}}'),
    "deep structure": structured('{"version":1,"content":' + "[" * 50_000 + "]" * 50_000 + "}"),
}


@pytest.mark.parametrize("data", HOSTILE_SAFETENSORS.values(), ids=HOSTILE_SAFETENSORS)
def test_hostile_safetensors(tmp_path, data):
    pytest.importorskip("safetensors")
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(data)
    with pytest.raises(io.FileError, match=r"(?s)load: .*hostile\.safetensors: .*\. Nothing was loaded"):
        mg.load(path)


def npy(array, **keywords):
    buffer = BytesIO()
    np.lib.format.write_array(buffer, array, **keywords)
    return buffer.getvalue()


def header(text, data=b""):
    """A .npy file, whatever its header says."""
    text = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + data


def archive(*entries, compression=zipfile.ZIP_STORED):
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, data in entries:
            file.writestr(zipfile.ZipInfo(name), data, compression)
    return buffer.getvalue()


def described(descr="'<f4'", shape="(2,)", data=bytes(8), extra=""):
    return archive(("x.npy", header(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}{extra}}}", data)))


def overlapping():
    """Two entries of the directory that are one in the file, as bombs are made of."""
    data = archive(("a.npy", npy(np.zeros(1000))), ("b.npy", npy(np.zeros(1000))))
    at = data.rindex(b"PK\1\2")
    return data[: at + 42] + struct.pack("<I", 0) + data[at + 46 :]


def encrypted():
    data = bytearray(archive(("x.npy", npy(np.zeros(2)))))
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(mark) + flags] |= 1
    return bytes(data)


def flipped():
    data = bytearray(archive(("x.npy", npy(np.zeros(100)))))
    data[400] ^= 1
    return bytes(data)


HOSTILE_NPZ = {
    "empty": (b"", "no whole .npz file"),
    "text": (b"this is not an archive", "no whole .npz file"),
    "pickled": (archive(("x.npy", npy(np.array([{}], object), allow_pickle=True))), "holds object"),
    "pytorch": (archive(("archive/data.pkl", b"\x80\2}q\0."), ("archive/version", b"3")), r"data.pkl' is no array"),
    "way out": (archive(("../../x.npy", npy(np.zeros(2)))), "is no array"),
    "absolute": (archive(("/etc/x.npy", npy(np.zeros(2)))), "is no array"),
    "bomb": (archive(("x.npy", npy(np.zeros(30_000_000))), compression=zipfile.ZIP_DEFLATED), "as a zip bomb does"),
    "overlap": (overlapping(), "."),
    "encrypted": (encrypted(), "is encrypted"),
    "lzma": (archive(("x.npy", npy(np.zeros(2))), compression=zipfile.ZIP_LZMA), "compressed in a way"),
    "checksum": (flipped(), "Bad CRC-32"),
    "no npy": (archive(("x.npy", b"text")), "magic"),
    "empty npy": (archive(("x.npy", b"")), "."),
    "version": (archive(("x.npy", npy(np.zeros(2), version=(3, 0)))), r"version \(3, 0\)"),
    "shape": (described(shape="(2000000000, 2000000000)"), r"its shape \(2000000000, 2000000000\) does not fit"),
    "negative": (described(shape="(-1, -2)"), "does not fit its length"),
    "NaN": (described(shape="(nan,)"), "."),
    "text as shape": (described(shape="'abc'"), "entry 'x' cannot be read: shape is not valid"),
    "call": (described(descr="__import__('os').system('true')"), "."),
    "structured": (described(descr="[('a', '<f4'), ('b', '<f4')]"), "holds"),
    "text type": (described(descr="'<U2'"), "holds <U2"),
    "complex": (described(descr="'<c8'", shape="(1,)"), "holds complex64"),
    "more keys": (described(extra=", 'more': 1"), "Header does not contain the correct keys"),
    "more data": (described(data=bytes(12)), "does not fit its length"),
    "less data": (described(data=bytes(4)), "does not fit its length"),
    "bools": (described(descr="'|b1'", data=b"\1\7"), "not all of its bools are 0 or 1"),
    "structure": (archive(("__minigrad__.npy", npy(np.zeros(3)))), "."),
}


@pytest.mark.parametrize(("data", "why"), HOSTILE_NPZ.values(), ids=HOSTILE_NPZ)
def test_hostile_npz(tmp_path, data, why):
    path = tmp_path / "hostile.npz"
    path.write_bytes(data)
    with pytest.raises(io.FileError, match=rf"(?s)load: .*hostile\.npz: .*{why}.*Nothing was loaded"):
        mg.load(path)


def test_two_entries_of_one_name(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = archive(("x.npy", npy(np.zeros(2))), ("x.npy", npy(np.ones(2))))
    (tmp_path / "twice.npz").write_bytes(data)
    with pytest.raises(io.FileError, match=r"two entries 'x.npy'"):
        mg.load(tmp_path / "twice.npz")


# -- writing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_error_while_writing_leaves_the_old_file(path, monkeypatch, step):
    mg.save({"x": mg.zeros(2)}, path)

    def fails(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fails)
    with pytest.raises(OSError, match="No space left"):
        mg.save({"x": mg.ones(2)}, path)
    monkeypatch.undo()
    assert mg.load(path)["x"].tolist() == [0.0, 0.0]
    assert os.listdir(path.parent) == [path.name]


def test_a_link_stays_a_link(path):
    target = path.with_name(f"target{path.suffix}")
    mg.save({"x": mg.zeros(2)}, target)
    path.symlink_to(target)
    mg.save({"x": mg.ones(2)}, path)
    assert path.is_symlink()
    assert mg.load(target)["x"].tolist() == [1.0, 1.0]


KILLED = """
import os, sys
import minigrad as mg
os.replace = lambda *args: os._exit(9)
mg.save({"x": mg.ones(100)}, sys.argv[1])
"""


def test_a_process_that_dies_leaves_the_old_file(path):
    mg.save({"x": mg.zeros(2)}, path)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, cwd=Path(mg.__file__).parents[1])
    assert done.returncode == 9
    assert mg.load(path)["x"].tolist() == [0.0, 0.0]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_others_may_read_what_the_umask_lets_them(path):
    before = os.umask(0o022)
    try:
        mg.save({}, path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644


def test_an_optimizer_of_pytorchs_shape_goes_through_a_file(path):
    net = mlp(nn)
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net(mg.randn(5, 4)).sum().backward()
    optimizer.step()
    mg.save({"optimizer": optimizer.state_dict()}, path)
    found = mg.load(path)["optimizer"]
    assert identical(found, optimizer.state_dict())
