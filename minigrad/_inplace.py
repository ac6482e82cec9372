"""Writing into a tensor's own memory. Where ops are recorded, a write by `x[i] = v` or by a method with an underscore becomes
part of the history of x and of its views. `x += y` makes a new tensor instead, unless there are views of x. Filling a
recorded tensor with random numbers is an error."""

from __future__ import annotations

from sys import getrefcount
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _hooks, _views, _writes
from minigrad._array import Array, empty, float32, from_array, owns, remembered
from minigrad._draw import check_interval, check_probabilities
from minigrad._generator import blocks_for, stream
from minigrad._indices import assign, taken, walkable
from minigrad._kernels import layout
from minigrad._kernels import random as kernels
from minigrad._mode import no_grad, threads
from minigrad._tape import Node, tools
from minigrad.errors import AxisError, DTypeError, GradError, ShapeError, message
from minigrad.ops.index import setitem_op
from minigrad.ops.layout import INDEX_ERRORS, getitem_op, plain_index, reshape_op

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minigrad._op import Op


def _check_writable(x: Any, op: str, value: Any, array: np.ndarray[Any, Any]) -> None:
    """Raises if the tape would miss the write, the element type cannot hold it, or elements share memory."""
    if threads.mode.on and (x.requires_grad or (isinstance(value, Array) and value.requires_grad)):
        got, remedy = "a tensor that requires a gradient", "Do it inside `with minigrad.no_grad():`."
        raise GradError(message(op, "", got, "one without, as writing into it is not recorded", remedy))
    _check_type(x, op, array)
    if not x.array.flags.writeable:
        remedy = "Write into a clone()."
        raise ShapeError(message(op, "", "a view whose elements share memory", "memory of its own", remedy))


def _check_type(x: Any, op: str, array: np.ndarray[Any, Any]) -> None:
    if not np.can_cast(array.dtype, x.dtype, "same_kind"):
        remedy = f"Convert one of them, as in value.to(minigrad.{x.dtype})."
        raise DTypeError(message(op, "value", f"dtype {array.dtype}", f"what {x.dtype} holds", remedy))


def _numbers(op: str, value: Any) -> np.ndarray[Any, Any]:
    """The numbers to be written, as an array."""
    if isinstance(value, Array):
        return value.array
    try:
        return np.asarray(value)
    except ValueError as error:
        got, remedy = "nested lists of different lengths", "Make every row the same length."
        raise ShapeError(message(op, "value", got, "a rectangular shape", remedy)) from error


def _check_fits(x: Any, op: str, argument: str, array: np.ndarray[Any, Any]) -> None:
    try:
        fits = np.broadcast_shapes(array.shape, x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(message(op, argument, f"shape {array.shape}", f"a shape that broadcasts to {x.shape}"))


def overwrite(x: Any, op: str, new: Any) -> Any:
    """Writes numbers, broadcast, over all of x; returns x."""
    if not _write_alike(x, new):
        array = _numbers(op, new)
        _check_writable(x, op, new, array)
        _check_fits(x, op, "value", array)
        _move(x, op, Ellipsis, new, array)
    _writes.note(x.array, op)
    return x


#: Plain numbers, and those below which float32 takes them all.
_PLAIN, _MODERATE = (float, int, bool), 2**53


def _write_alike(x: Any, new: Any) -> bool:
    """Writes what needs no checks, as in p -= 0.1 * p.grad and p.grad.zero_(): over floats in x's own memory from a pool, those
    of an array from the same one, or a number. Returns whether it did."""
    pool = x.pool
    if pool is None or pool.dtype.kind != "f" or not owns(x) or (threads.mode.on and x.wants_grad):
        return False
    if type(new) in _PLAIN:
        if not abs(new) < _MODERATE:
            return False
        layout.rewrites(x)
        layout.fill(x, new)
        return True
    if not isinstance(new, Array) or new.pool is not pool or (threads.mode.on and new.wants_grad):
        return False
    layout.overwrite(x, Ellipsis, new)
    return True


def _move(x: Any, op: str, index: Any, value: Any, array: np.ndarray[Any, Any]) -> None:
    """x[index] = value, which is known to fit, by a kernel or, if there is none, by NumPy."""
    if walkable(index):
        with no_grad:
            value = tools.cast(value, x.dtype) if isinstance(value, Array) else from_array(array.astype(x.dtype))
        layout.overwrite(x, index, value)
    else:
        layout.by_host(op)
        assign(x.array, index, array)


def assign_all(x: Any, name: str, value: Any) -> Any:
    """Writes numbers, broadcast, over all of x, and returns it. Recorded if x or value has a history; what x was computed
    from then receives a gradient of 0."""
    if threads.mode.on and (x.requires_grad or (isinstance(value, Array) and value.requires_grad)):
        value, whole = _recordable(x, name, value)
        _check_fits(x, name, "value", value.array)
        with no_grad:
            overwrite(x, name, value)
        _record(x, whole, Ellipsis, value)
        return x
    return overwrite(x, name, value)


def update(x: Any, name: str, op: Any, other: Any) -> Any:
    """What x += y does: it writes in place if nothing is recorded, and makes a new tensor otherwise. If there are views of x,
    which must see the change, it also writes into x when recording."""
    if threads.mode.on and (x.requires_grad or (isinstance(other, Array) and other.requires_grad)):
        if x.node is None and x.requires_grad:
            got, expected = "a leaf that requires a gradient", "one without, while ops are recorded"
            remedy = "Do it inside `with minigrad.no_grad():`."
            raise GradError(message(name, "", got, expected, remedy))
        if _views.relatives(x):
            return _written(x, name, op, (other,), {})
        return _of_its_kind(x, name, op(x, other))
    return overwrite(x, name, op(x, other))


def _of_its_kind(x: Any, name: str, new: Any) -> Any:
    """The tensor that replaces x: of its shape, and converted to its type, as if it were written into x's memory."""
    if new.shape != x.shape:
        raise ShapeError(message(name, "", f"a result of shape {new.shape}", f"the tensor's own shape {x.shape}"))
    if new.dtype is x.dtype:
        return new
    _check_type(x, name, new.array)
    return tools.cast(new, x.dtype)


def updating(name: str, op: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The operator of this name, as a method."""
    return lambda x, other: update(x, name, op, other)


#: The ops that can also write into their first operand, under their name followed by an underscore.
METHODS = """
    abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr arccos arccosh arcsin arcsinh arctan arctan2
    arctanh asin asinh atan atan2 atanh baddbmm bitwise_and bitwise_not bitwise_or bitwise_xor ceil clamp clip copysign
    cos cosh cumprod cumsum deg2rad div divide eq erf erfc exp exp2 expm1 fix float_power floor floor_divide fmod frac ge
    greater greater_equal gt heaviside hypot index_add index_copy index_fill index_put le lerp less less_equal log log10
    log1p log2 logical_and logical_not logical_or logical_xor logit lt masked_fill mul multiply nan_to_num ne neg negative
    not_equal pow rad2deg reciprocal relu remainder round rsqrt scatter scatter_add scatter_reduce sgn sigmoid sign sin
    sinc sinh sqrt square sub subtract tan tanh tril triu true_divide trunc xlogy
"""


def method(name: str, op: Callable[..., Any]) -> Callable[..., Any]:
    """The method by which an op writes over its first operand, which gets the result's history: x.add_(y) returns x."""

    def call(x: Any, *args: Any, **keywords: Any) -> Any:
        return _written(x, name, op, args, keywords)

    call.__name__, call.__doc__ = name, f"{name[:-1]}, written into the tensor itself, which is returned."
    return call


def _written(x: Any, name: str, op: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    if not threads.mode.on:
        return overwrite(x, name, op(x, *args, **keywords))
    _check_no_leaf(x, name, "without the underscore: that gives a new tensor.")
    if not any(isinstance(y, Array) and y.requires_grad for y in (x, *args, *keywords.values())):
        new = op(x, *args, **keywords)
    else:  # what the op keeps of x, it keeps of a copy
        before = tools.clone(x)
        new = op(before, *[before if y is x else y for y in args], **keywords)
    if not new.requires_grad:
        return overwrite(x, name, new)
    whole = _whole(x, name)
    new = _of_its_kind(x, name, new)
    with no_grad:
        overwrite(x, name, new)
    if whole is x:
        _rewritten(x, new.node)
    else:
        _record(x, whole, Ellipsis, new)
    return x


def put(x: Any, index: Any, value: Any) -> None:
    """x[index] = value, by NumPy's rules; recorded if x or value has a history."""
    plain = tuple(map(plain_index, index)) if isinstance(index, tuple) else plain_index(index)
    recorded = threads.mode.on and (x.requires_grad or (isinstance(value, Array) and value.requires_grad))
    if recorded and isinstance(value, Array) and _is_there(x, plain, value):
        return
    if recorded:
        value, whole = _recordable(x, "setitem", value)
        with no_grad:
            _write(x, index, plain, value)
        _record(x, whole, plain, value)
    else:
        _write(x, index, plain, value)


def _is_there(x: Any, plain: Any, value: Any) -> bool:
    """Whether a value already is the part of x that it is to be written into, as in x[0] += y, where += has written it."""
    family = getattr(x, "family", None)
    if family is None or getattr(value, "family", None) is not family:
        return False
    try:
        part = taken(x.array, plain)
    except INDEX_ERRORS:
        return False
    return all(part.__array_interface__[what] == value.array.__array_interface__[what] for what in ("data", "shape", "strides"))


def _write(x: Any, index: Any, plain: Any, value: Any) -> None:
    array = _numbers("setitem", value)
    _check_writable(x, "setitem", value, array)
    try:
        if walkable(plain):
            part = taken(x.array, plain).shape
            np.broadcast_to(np.empty(_without_ones(array.shape, len(part))), part)
        _move(x, "setitem", plain, value, array)
    except INDEX_ERRORS as error:
        raise _refused(x, index, plain, array, error) from error
    _writes.note(x.array, "x[...] = y")


def _without_ones(shape: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """A value's shape without surplus leading ones, beyond the ndim of what it is written into."""
    extra = len(shape) - ndim
    return shape[extra:] if extra > 0 and all(n == 1 for n in shape[:extra]) else shape


def _refused(x: Any, index: Any, plain: Any, array: np.ndarray[Any, Any], error: Exception) -> Exception:
    """The error for numbers that could not be written: it blames the index, if reading fails there, too, or the numbers."""
    try:
        wanted = x.array[plain].shape
    except INDEX_ERRORS:
        return AxisError(message("setitem", "index", f"{index!r} ({error})", f"an index into shape {x.shape}"))
    fitting = f"what broadcasts to the elements at {index!r}, of shape {wanted}"
    return ShapeError(message("setitem", "value", f"shape {array.shape}", fitting))


def _recordable(x: Any, name: str, value: Any) -> tuple[Any, Any]:
    """The value as a tensor of x's type, and whose memory x is; an error for an x whose history cannot take the write in."""
    _check_no_leaf(x, name, "write into x.clone().")
    whole, array = _whole(x, name), _numbers(name, value)
    _check_type(x, name, array)
    if not isinstance(value, Array):
        return from_array(array.astype(x.dtype)), whole
    if value.count == 1 and value.shape:
        value = reshape_op(value, shape=())  # one number goes everywhere
    return tools.cast(value, x.dtype) if value.dtype.kind == "f" and value.dtype is not x.dtype else value, whole


def _check_no_leaf(x: Any, name: str, otherwise: str) -> None:
    """Raises for a leaf that requires a gradient: after the write, it would not be a leaf."""
    if x.node is None and x.requires_grad:
        remedy = f"Do it inside `with minigrad.no_grad():`, or {otherwise}"
        got, expected = "a leaf that requires a gradient", "a computed tensor, or one without a gradient"
        raise GradError(message(name, "", got, expected, remedy))


def _whole(x: Any, name: str) -> Any:
    """The tensor that owns x's memory: x itself, or what it is a view of. Raises if tensors share the memory whose histories
    could not follow the write."""
    family = _views.relatives(x)
    for y in family:
        if y.node is None and y.wants_grad:
            got, expected = "a tensor that shares memory with a leaf that requires a gradient", "one with memory of its own"
            raise GradError(message(name, "", got, expected, "Do it inside `with minigrad.no_grad():`, or write into a clone()."))
    for whole in (x, *family):
        if not is_view(whole) and (whole is x or whole.shape) and _views.covers(whole):
            return whole
    remedy = "Write into the tensor that it is a view of, as in x[0, 1] = v, or into a clone()."
    got = "a view" if x.node is None else f"a view, by {x.node.op.name}"
    raise GradError(message(name, "", got, "a tensor with memory of its own, as the write has a history", remedy))


def is_view(x: Any) -> bool:
    """Whether anything outside its family refers to the memory that x is a view of; for zeros(6).reshape(2, 3), nothing
    does."""
    array = x.array
    if owns(x):
        return False
    others = _views.others(x)
    while isinstance(array.base, np.ndarray):
        known = sum(y.array.base is array.base for y in others)
        if getrefcount(array.base) > _ALONE + remembered(array.base) + known:
            return True
        array = array.base
    return False


def _alone() -> int:
    """What getrefcount returns for an array that one view refers to; measured, since it depends on the interpreter."""
    array = np.empty(2)[:1]
    return getrefcount(array.base)


_ALONE = _alone()


def _record(x: Any, whole: Any, index: Any, value: Any) -> None:
    """Records the write as a node of the tape, whose inputs are the tensor before the write and the value."""
    if index is Ellipsis and _is_part(x, whole.node or whole):
        index = x.node.saved[x.node.op.values.index("index")]
    elif whole is not x:
        index = tuple(np.unravel_index(_views.places(x, whole)[index], whole.shape))
    op: Op = setitem_op.op  # type: ignore[attr-defined]
    saved = tuple({"index": index, "value_shape": value.shape}.get(name) for name in op.values)
    parents = tuple((y.node or y) if y.requires_grad else None for y in (whole, value))
    _rewritten(whole, Node().record(op, parents, saved, whole))


def _is_part(view: Any, of: Any) -> bool:
    """Whether the view was taken as x[index] from the tensor with this node, and still has what backward needs."""
    return view.node is not None and view.node.op.name == "getitem" and view.node.parents[0] is of and view.node.saved.__class__ is tuple


def _rewritten(whole: Any, node: Node) -> None:
    """Makes a node the history of a tensor that was written into, and views of its new value those of its views."""
    old = whole.node or whole
    _hooks.rewrite(whole, node)
    for view in _views.relatives(whole):
        if _is_part(view, old):  # by slices, which kernels walk
            _hooks.rewrite(view, Node().record(view.node.op, (node,), view.node.saved, view))
            continue
        at = _views.places(view, whole)
        now = getitem_op(reshape_op(whole, shape=(whole.count,)), index=at)
        _hooks.rewrite(view, now.node)


# -- random numbers ----------------------------------------------------------------------------------------------------


def uniform(x: Any, low: float, high: float, generator: Any) -> Any:
    """Fills x with numbers from [low, high); returns x."""
    _check_reals(x, "uniform_", {"from_": low, "to": high})
    check_interval("uniform_", ("from_", "to"), low, high, x.dtype)
    return _draw(x, "uniform_", kernels.uniform, generator, low=float(low), high=float(high))


def normal(x: Any, mean: float, std: float, generator: Any) -> Any:
    """Fills x with normally distributed numbers; returns x."""
    _check_reals(x, "normal_", {"mean": mean, "std": std})
    if not std >= 0:
        raise ValueError(message("normal_", "std", std, "at least 0"))
    return _draw(x, "normal_", kernels.normal, generator, mean=float(mean), std=float(std))


def bernoulli(x: Any, p: Any, generator: Any) -> Any:
    """Fills x, of any type, with 1 with probability p (a number, or a tensor that broadcasts), else 0; returns x."""
    check_probabilities("bernoulli_", p)
    real = x.dtype if x.dtype.kind == "f" else float32
    chances = p.array if isinstance(p, Array) else np.asarray(p, real)
    _check_writable(x, "bernoulli_", p, np.empty(0, np.bool_))
    _check_fits(x, "bernoulli_", "p", chances)
    source, u = stream("bernoulli_", generator), empty(x.shape, real, "bernoulli_")
    seed, offset = source.take(blocks_for(u.count, real))
    kernels.uniform(u, seed=seed, offset=offset, low=0.0, high=1.0)
    layout.by_host("bernoulli_")
    np.less(u.array, chances, out=x.array, casting="unsafe")
    _writes.note(x.array, "bernoulli_")
    return x


def _check_reals(x: Any, op: str, parameters: dict[str, Any]) -> None:
    """Refuses tensors that cannot hold real numbers, and bounds that are not finite."""
    if x.dtype.kind != "f":
        remedy = "Convert it first: x.float()."
        raise DTypeError(message(op, "", f"a tensor of dtype {x.dtype}", "one of floats", remedy))
    for name, value in parameters.items():
        if not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
            raise ValueError(message(op, name, f"{value!r}", "a finite number"))


def _draw(x: Any, op: str, kernel: Callable[..., Any], generator: Any, **parameters: float) -> Any:
    """Fills x with what a kernel draws; the generator advances only when nothing can fail any more."""
    _check_writable(x, op, None, x.array)
    source, out = stream(op, generator), x if x.flat else empty(x.shape, x.dtype, op)
    seed, offset = source.take(blocks_for(x.count, x.dtype))
    layout.rewrites(x)
    kernel(out, seed=seed, offset=offset, **parameters)
    if out is not x:
        layout.put(x, Ellipsis, out)
    _writes.note(x.array, op)
    return x
