"""minigrad/_array.py's memory: what is in use is never handed out again, what is not is, and there is a limit.

Whether an array was handed out again shows in its address, and whether it was given back in a weak reference to it.
"""

from __future__ import annotations

import ctypes
import gc
import queue
import random
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from minigrad._C import ffi

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import _array
from minigrad.errors import OutOfMemory, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHAPE = (5, 7)
#: More arrays of one shape than are remembered.
MANY = 64


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    mg.free_memory()
    yield
    mg.free_memory()


def address(x: Any) -> int:
    return int(x.array.__array_interface__["data"][0])


def filled(value: float, shape: tuple[int, ...] = SHAPE) -> Any:
    """A tensor from the memory, with one number everywhere."""
    x = mg.empty(*shape)
    x.array[...] = value
    return x


def flood(shape: tuple[int, ...] = SHAPE, many: int = MANY) -> list[Any]:
    """Tensors of a shape, all alive, all overwritten; more than are remembered, unless told."""
    return [filled(-1.0, shape) for _ in range(many)]


# -- handed out again -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64, mg.int64, mg.bool], ids=str)
def test_memory_that_is_dropped_is_handed_out_again(dtype: Any) -> None:
    x = mg.empty(*SHAPE, dtype=dtype)
    first = address(x)
    del x
    assert address(mg.empty(*SHAPE, dtype=dtype)) == first
    assert address(mg.empty(*SHAPE[::-1], dtype=dtype)) != first


def test_a_training_step_takes_no_new_memory() -> None:
    """From the second round on, the results of a step stand where earlier ones stood."""
    w = mg.tensor(np.full((7, 5), 0.5, np.float32), requires_grad=True)
    x = mg.tensor(np.ones((3, 7), np.float32))
    seen: list[set[int]] = []
    for _ in range(6):
        h = (x @ w).relu()
        loss = (h * h).sum()
        loss.backward()
        seen.append({address(h), address(loss), address(w.grad)})
        w.grad = None
        del h, loss
    assert set.union(*seen[3:]) <= set.union(*seen[:3])


# -- in use -----------------------------------------------------------------------------------------------------------------


def node_of(x: Any) -> Any:
    """A result whose formula needs x, and x's history that led to it."""
    x.requires_grad_()
    y = x * 1.0
    return y * y


HOLDERS: dict[str, Callable[[Any], Any]] = {
    "tensor": lambda x: x,
    "numpy": lambda x: x.numpy(),
    "detached": lambda x: x.detach(),
    "row": lambda x: x[1:],
    "transpose": lambda x: x.T,
    "reshaped": lambda x: x.reshape(35),
    "row of a transpose": lambda x: x.T[2:],
    "view of numpy": lambda x: x.numpy()[::2, 1:],
    "view of a view": lambda x: x.numpy().reshape(-1)[3:][::2],
    "np.asarray": lambda x: np.asarray(x),
    "from_numpy": lambda x: mg.from_numpy(x.numpy()),
    "memoryview": lambda x: memoryview(x.numpy()),
    "frombuffer": lambda x: np.frombuffer(x.numpy(), np.float32),
    "iterator": lambda x: x.numpy().flat,
    "ctypes": lambda x: x.numpy().ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
    "cffi": lambda x: ffi.from_buffer("float[]", x.numpy()),
    "dlpack": lambda x: np.from_dlpack(x.numpy()),
    "data of another": lambda x: _with_data(x),
    "gradient": lambda x: _with_gradient(x),
    "generator": lambda x: (row for row in x.numpy()),
}


def _with_data(x: Any) -> Any:
    other = mg.zeros(1)
    other.data = x
    return other


def _with_gradient(x: Any) -> Any:
    leaf = mg.zeros(*x.shape, requires_grad=True)
    leaf.grad = x
    return leaf


@pytest.mark.parametrize("holder", HOLDERS)
def test_memory_in_use_is_not_handed_out(holder: str) -> None:
    x = filled(3.0)
    at, array = address(x), weakref.ref(x.array)
    held = HOLDERS[holder](x)
    del x
    others = flood(many=_array._MANY - 2)  # what is held, and a gradient's leaf, stay remembered
    assert at not in {address(y) for y in others}
    numbers = array()
    assert numbers is not None
    assert (numbers == 3.0).all()
    del numbers, others, held
    again = flood()
    assert at in {address(y) for y in again}, "the holder was the only reason"


def test_memory_that_the_tape_needs_is_not_handed_out() -> None:
    """Values that only a formula will read: y = x^2 needs x, exp needs its own result."""
    leaf = mg.tensor(np.full(SHAPE, 0.5, np.float32), requires_grad=True)
    z = ((leaf * 3.0) * (leaf + 1.0)).exp().sum()  # all that stands between is kept by nodes alone
    others = flood()
    z.backward()
    expected = np.exp(3 * 0.5 * 1.5) * (6 * 0.5 + 3)
    np.testing.assert_allclose(leaf.grad.numpy(), np.full(SHAPE, expected), rtol=1e-5)
    assert all((y.array == -1.0).all() for y in others)


def test_a_gradient_is_not_handed_out_while_its_leaf_has_it() -> None:
    leaf = mg.tensor(np.ones(SHAPE, np.float32), requires_grad=True)
    (leaf * 2.0).sum().backward()
    kept = leaf.grad.numpy()
    leaf.grad = None
    flood()
    assert (kept == 2.0).all()


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")  # NumPy advises against it, but users can
def test_an_array_comes_back_as_it_was_made() -> None:
    """Whatever its last user did to the NumPy array itself: its shape, its type, its write protection."""
    for spoil in (
        lambda array: setattr(array, "shape", (35,)),
        lambda array: array.setflags(write=False),
        lambda array: setattr(array, "dtype", np.int32),
    ):
        array = mg.empty(*SHAPE).numpy()
        spoil(array)
        del array
        x = mg.zeros(*SHAPE)
        assert x.array.shape == x.shape == SHAPE
        assert x.array.dtype == x.dtype == np.float32
        assert x.array.flags.writeable


COPIED: dict[str, Callable[[Any, Any, Any], Any]] = {
    "cross_entropy": lambda x, labels, weight: F.cross_entropy(x, labels, weight=weight),
    "soft cross_entropy": lambda x, labels, weight: F.cross_entropy(x, x.softmax(1), weight=weight),
    "nll_loss": lambda x, labels, weight: F.nll_loss(x, labels, weight=weight),
    "linear": lambda x, labels, bias: F.linear(x, mg.zeros(x.shape[1], x.shape[1]), bias),
}


@pytest.mark.parametrize("name", COPIED)
def test_copies_for_a_kernel_live_until_it_returns(name: str) -> None:
    """Operands that C wants contiguous are copied. With as many tensors of their shape alive as are remembered, the
    copy belongs to nobody but the call, and must not be freed, or overwritten, before it."""
    n, rng = 300, np.random.default_rng(0)
    alive = [mg.empty(n) for _ in range(MANY)]
    numbers = rng.uniform(1, 2, n).astype(np.float32)
    stepped = mg.from_numpy(np.repeat(numbers, 2)[::2])
    x, labels = mg.tensor(rng.normal(size=(8, n)).astype(np.float32)), mg.tensor(np.arange(8))
    got, expected = (COPIED[name](x, labels, operand).numpy() for operand in (stepped, mg.tensor(numbers)))
    np.testing.assert_array_equal(got, expected)
    assert len(alive) == MANY


@pytest.mark.parametrize("name", ["cross_entropy", "soft cross_entropy", "nll_loss"])
def test_copies_for_a_backward_kernel_live_until_it_returns(name: str) -> None:
    n, rng = 300, np.random.default_rng(0)
    alive = [mg.empty(n) for _ in range(MANY)]
    numbers = rng.uniform(1, 2, n).astype(np.float32)
    labels, gradients = mg.tensor(np.arange(8)), []
    for operand in (mg.from_numpy(np.repeat(numbers, 2)[::2]), mg.tensor(numbers)):
        x = mg.tensor(np.full((8, n), 0.5, np.float32), requires_grad=True)
        COPIED[name](x, labels, operand).backward()
        gradients.append(x.grad.numpy())
    np.testing.assert_array_equal(*gradients)
    assert len(alive) == MANY


def test_random_use_never_overlaps() -> None:
    """Tensors made, viewed, kept and dropped in any order: what lives has memory of its own, and keeps its numbers."""
    rng = random.Random(0)
    shapes = [(4,), (3, 5), (64,), (2, 2, 2), (1000,), ()]
    views: list[Callable[[Any], Any]] = [
        lambda a: a,
        lambda a: memoryview(a),
        lambda a: a[...],
        lambda a: a.reshape(-1),
    ]
    live: list[tuple[Any, float, int, int]] = []
    for mark in range(20_000):
        if live and rng.random() < 0.5:
            held, value, start, size = live.pop(rng.randrange(len(live)))
            assert (np.asarray(held) == value).all()
            del held
        if len(live) < 60:
            x = filled(float(mark), rng.choice(shapes))
            start, size = address(x), x.array.nbytes
            assert not any(start < other + length and other < start + size for _, _, other, length in live)
            live.append((rng.choice(views)(x.numpy()), float(mark), start, size))
            del x
        if mark % 5000 == 0:
            mg.free_memory()


# -- how much --------------------------------------------------------------------------------------------------------------------


def bytes_alive(arrays: list[weakref.ref[Any]]) -> int:
    return sum(array.nbytes for array in (ref() for ref in arrays) if array is not None)


def test_memory_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered of many shapes, none of them in use."""
    monkeypatch.setattr(_array, "MEMORY_LIMIT", 1 << 20)
    arrays = []
    for n in range(1000, 3000):
        arrays.append(weakref.ref(mg.empty(n).array))
        if n % 100 == 0:
            assert 0 < bytes_alive(arrays) <= 1 << 20


def test_live_tensors_outlive_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_array, "MEMORY_LIMIT", 1 << 20)
    live = [filled(float(n), (n,)) for n in range(1000, 3000)]
    for n, x in zip(range(1000, 3000), live, strict=True):
        assert (x.array == n).all()


def test_tensors_of_forgotten_shapes_meet_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was planned for a shape goes with it, and is planned anew."""
    pools = _array._pools[_array.float32]
    monkeypatch.setattr(_array, "_MANY_SHAPES", 8)
    earlier = {n: mg.full((n,), float(n)) for n in range(900, 930)}
    assert len(pools) <= _array._MANY_SHAPES
    for n, old in earlier.items():
        new = mg.full((n,), 2.0, requires_grad=True)
        assert new.pool is not old.pool
        for total in (new + old, old + new, new * old - new * old + new + old):
            assert total.tolist() == [n + 2.0] * n
        (new * old).sum().backward()
        assert new.grad is not None
        assert new.grad.tolist() == [float(n)] * n
    assert len(pools) <= _array._MANY_SHAPES


def test_one_shape_is_remembered_a_few_times() -> None:
    tensors = [mg.empty(*SHAPE) for _ in range(500)]
    arrays = [weakref.ref(x.array) for x in tensors]
    del tensors
    assert 0 < sum(ref() is not None for ref in arrays) <= MANY


def test_a_very_large_array_is_given_back_at_once() -> None:
    x = mg.empty(_array.MEMORY_LIMIT // 16 + 1)
    array = weakref.ref(x.array)
    del x
    assert array() is None


def test_free_memory_gives_back_what_is_not_in_use() -> None:
    kept = filled(2.0)
    dropped = [mg.empty(*SHAPE) for _ in range(5)]
    arrays = [weakref.ref(x.array) for x in dropped]
    del dropped
    assert bytes_alive(arrays) > 0
    mg.free_memory()
    assert bytes_alive(arrays) == 0
    others = flood()
    assert (kept.array == 2.0).all()
    assert address(kept) not in {address(y) for y in others}


def test_more_than_there_is_fails_and_changes_nothing() -> None:
    x = filled(1.0)
    with pytest.raises(
        OutOfMemory, match=r"^empty: argument \w+: got \(1152921504606846976,\) of float32.*fits into memory"
    ):
        mg.empty(2**60)
    assert (x.array == 1.0).all()
    assert mg.empty(*SHAPE).shape == SHAPE


# -- threads ---------------------------------------------------------------------------------------------------------------------


def test_an_array_is_taken_before_it_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other code may run between the look at an array's references and its taking: a finalizer, a signal's handler,
    another thread. Here it does, and takes all that it can get."""
    taken: list[Any] = []
    frame, intrusion = 0, False

    def count(array: Any) -> int:
        nonlocal intrusion
        found = sys.getrefcount(array) - frame
        del array  # which counts, too
        if intrusion:
            intrusion = False
            taken.extend(flood())
        return found

    for array, _, _ in [(np.empty(1), None, 1)]:
        frame = count(array) - _array._FREE
    flood()
    monkeypatch.setattr(_array, "getrefcount", count)
    for _ in range(5):
        intrusion = True
        x = mg.empty(*SHAPE)
        assert taken, "the references were not counted"
        assert address(x) not in {address(y) for y in taken}
        del x
        taken.clear()


def test_threads_never_share_memory() -> None:
    """Eight threads allocate one shape at once, switched as often as the interpreter can, and pass some of it on: each
    finds its mark in all that it holds, and the sender's in what it receives. One of them gives memory back."""
    wrong: list[str] = []
    passed: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
    until = time.monotonic() + 1.5
    rounds = [0] * 8

    def check(mark: int, arrays: list[Any]) -> None:
        found = [n for array in arrays for n in np.asarray(array).tolist()]
        if found != [mark] * len(found):
            wrong.append(f"{mark} was overwritten: {found}")

    def work(mark: int) -> None:
        while time.monotonic() < until and not wrong:
            held = [filled(mark, (2,)) for _ in range(3)]
            views = [memoryview(filled(mark, (2,)).numpy()) for _ in range(2)]
            passed.put((mark, filled(mark, (2,))))
            check(mark, [x.array for x in held] + views)
            if passed.qsize() > 16:
                sender, x = passed.get()
                check(sender, [x.array])
            rounds[mark] += 1
            if mark == 0 and rounds[0] % 50 == 0:
                mg.free_memory()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    workers = [threading.Thread(target=work, args=(mark,)) for mark in range(8)]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
    finally:
        sys.setswitchinterval(before)
    assert wrong == []
    assert min(rounds) > 20


def test_a_thread_that_ends_leaves_no_memory_behind() -> None:
    arrays: list[weakref.ref[Any]] = []
    kept: list[Any] = []

    def work() -> None:
        arrays.extend(weakref.ref(mg.empty(n).array) for n in range(100, 200))
        kept.append(filled(5.0))

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    gc.collect()
    mg.free_memory()
    assert bytes_alive(arrays) == 0
    flood()
    assert (kept[0].array == 5.0).all()


def test_threads_that_compute_never_share_results() -> None:
    """Kernels run without the interpreter's lock: another thread may allocate while one writes its result."""
    wrong: list[int] = []

    def work(mark: int) -> None:
        x = mg.tensor(np.full(20_000, mark, np.float32))
        for _ in range(150):
            y = (x * 2.0 + x).sqrt()
            if not (y.array == np.sqrt(np.float32(3 * mark))).all():
                wrong.append(mark)

    workers = [threading.Thread(target=work, args=(mark,)) for mark in range(1, 7)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert not any(worker.is_alive() for worker in workers)
    assert wrong == []


def test_what_a_sum_has_planned_does_not_let_an_extremum_of_nothing_pass() -> None:
    empty = mg.zeros(0, 3)
    assert empty.sum(0).tolist() == [0.0, 0.0, 0.0]
    for extremum in (mg.amax, mg.amin, mg.argmax):
        with pytest.raises(ShapeError, match="at least one element"):
            extremum(empty, 0)
