"""Integers and bools: what is computed with labels, counts and masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, bool_, empty, float32, from_array, int64
from minigrad._kernels import reduce
from minigrad._kernels.layout import NULL, copy, pair, walk_over
from minigrad._shapes import reduced

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Kernel = Callable[..., Any]

# -- two operands: the numbers of the functions are those of csrc/kernels/integers.inc -----------------------------------------

_ADD, _SUB, _MUL, _MAX, _MIN, _FLOOR_DIVIDE, _REMAINDER = range(7)
_EQUAL, _NOT_EQUAL, _LESS, _LESS_EQUAL = range(4)
#: The same of bools, as truth tables: bit 2 x + y.
_TABLES = {_EQUAL: 0b1001, _NOT_EQUAL: 0b0110, _LESS: 0b0010, _LESS_EQUAL: 0b1011}
_AND, _OR, _XOR, _NEITHER = 0b1000, 0b1110, 0b0110, 0b0001
_arithmetic, _compare, _logic = pair("int64_arithmetic"), pair("int64_compare"), pair("bool_logic")


def _of_two(kernel: Any, dtype: Any, x: Array, y: Array, how: int) -> Array:
    shape, walk = (x.shape, NULL) if x.flat and y.flat and x.shape == y.shape else walk_over(x, y)
    out = empty(shape, dtype)
    kernel[0](out.ptr, x.ptr, y.ptr, walk, how, out.array.size)
    return out  # type: ignore[no-any-return]


def _number(op: int, table: int | None) -> Kernel:
    """Arithmetic of integers; of bools, where NumPy has it, the function of a truth table."""

    def run(x: Array, y: Array) -> Array:
        if x.dtype is not bool_:
            return _of_two(_arithmetic, int64, x, y, op)
        return _of_two(_logic, bool_, x, y, table) if table is not None else run(to(x, int64), to(y, int64))

    return run


def _comparison(how: int, swapped: bool = False) -> Kernel:
    def run(x: Array, y: Array) -> Array:
        x, y = (y, x) if swapped else (x, y)
        return _of_two(_logic, bool_, x, y, _TABLES[how]) if x.dtype is bool_ else _of_two(_compare, bool_, x, y, how)

    return run


def _logical(table: int) -> Kernel:
    """A function of truth values, of operands of any type."""
    return lambda x, y: _of_two(_logic, bool_, to(x, bool_), to(y, bool_), table)


_numbers: dict[Any, Array] = {}


def identity(size: int) -> Array:
    """The identity matrix, of which there is one for each size; for small ones."""
    found = _numbers.get((size,))
    if found is None:
        found = _numbers[size,] = from_array(np.eye(size, dtype=np.int64))
    return found


def number(value: int) -> Array:
    """An integer as an array, of which there is one for each of a few."""
    found = _numbers.get(value)
    if found is None:
        if len(_numbers) >= 256:
            _numbers.clear()
        found = _numbers[value] = from_array(np.asarray(value))
    return found


_positions = pair("positions")


def positions(x: Array, y: Array, size: int) -> Array:
    """x size + y: where indices into two neighbouring dimensions, of which the second is `size` long, point in both taken as
    one."""
    shape, walk = (x.shape, NULL) if x.flat and y.flat and x.shape == y.shape else walk_over(x, y)
    out = empty(shape, int64)
    _positions[0](out.ptr, x.ptr, y.ptr, walk, size, out.array.size)
    return out  # type: ignore[no-any-return]


logical_and, logical_or, logical_xor = map(_logical, (_AND, _OR, _XOR))


def logical_not(x: Array) -> Array:
    """Whether x is 0 or False."""
    x = to(x, bool_)
    return _of_two(_logic, bool_, x, x, _NEITHER)


_sub, _max, _min = _number(_SUB, None), _number(_MAX, _OR), _number(_MIN, _AND)


def _neg(x: Array) -> Array:
    if x.dtype is bool_:
        return from_array(np.negative(x.array))  # type: ignore[no-any-return]  # which NumPy refuses, and says what to write
    return _sub(number(0), x)  # type: ignore[no-any-return]


_where = pair("int64_where")


def _chosen(condition: Array, x: Array, y: Array) -> Array:
    if x.dtype is bool_:  # (c and x) or (not c and y)
        return logical_or(logical_and(condition, x), logical_and(logical_not(condition), y))  # type: ignore[no-any-return]
    shape, walk = walk_over(x, y, condition)
    out = empty(shape, int64)
    _where[0](out.ptr, x.ptr, y.ptr, condition.ptr, walk, out.array.size)
    return out  # type: ignore[no-any-return]


# -- to another type ----------------------------------------------------------------------------------------------------------

_to = {int64: pair("to_int64"), bool_: pair("to_bool")}
_from = {int64: pair("int64_to_bool"), bool_: pair("bool_to_int64")}


def to(x: Array, dtype: Any) -> Array:
    """x as integers, what is behind the point cut off, or as bools, whether it is not 0; x itself where it is so."""
    if x.dtype is dtype:
        return x
    out = empty(x.shape, dtype)
    walk = NULL if x.flat else walk_over(x)[1]
    kernel = _to[dtype][x.dtype is not float32] if x.dtype.kind == "f" else _from[x.dtype][0]
    kernel(out.ptr, x.ptr, walk, out.array.size)
    return out  # type: ignore[no-any-return]


# -- reductions ---------------------------------------------------------------------------------------------------------------


def _reduction(kind: str, how: int) -> Kernel:
    """Over the dimensions dim. The sum of bools counts them, and their extrema are bools."""

    def planned(plan: reduce.Plan, x: Array) -> Array:
        return reduce.of_integers(plan, x, how)

    def run(x: Array, *, dim: tuple[int, ...], keepdim: bool) -> Array:
        if x.dtype is bool_ and how != reduce.SUMS:
            return (some if how == reduce.LARGEST else every)(x, dim=dim, keepdim=keepdim)  # type: ignore[no-any-return]
        return reduce.run(x, dim, keepdim, kind, planned)

    return run


_truth = pair("bool_extremum")


def _of_truth(how: int) -> Kernel:
    """Whether some, or all, of numbers of any type are not 0, over the dimensions dim."""

    def run(x: Array, *, dim: tuple[int, ...], keepdim: bool) -> Array:
        source, middle = reduce.grouped(to(x, bool_), dim)
        shape, outer, size, inner = reduce.layout_of(source.shape, middle, keepdim)
        out = empty(shape if middle is dim else reduced(x.shape, dim, keepdim), bool_)
        _truth[0](out.ptr, source.ptr, how, outer, size, inner)
        return out  # type: ignore[no-any-return]

    return run


some, every = _of_truth(reduce.LARGEST), _of_truth(reduce.SMALLEST)


#: What runs an op for integers and bools, by its name; NumPy does the rest.
by_name: dict[str, Kernel] = {
    "add": _number(_ADD, _OR),
    "sub": _number(_SUB, _XOR),
    "mul": _number(_MUL, _AND),
    "maximum": _max,
    "minimum": _min,
    "fmax": _max,
    "fmin": _min,
    "floor_divide": _number(_FLOOR_DIVIDE, None),
    "remainder": _number(_REMAINDER, None),
    "neg": _neg,
    "square": lambda x: by_name["mul"](x, x),
    "abs": lambda x: copy(x) if x.dtype is bool_ else _max(x, _neg(x)),
    "clone": copy,
    "where": _chosen,
    "eq": _comparison(_EQUAL),
    "ne": _comparison(_NOT_EQUAL),
    "lt": _comparison(_LESS),
    "le": _comparison(_LESS_EQUAL),
    "gt": _comparison(_LESS, swapped=True),
    "ge": _comparison(_LESS_EQUAL, swapped=True),
    "logical_and": logical_and,
    "logical_or": logical_or,
    "logical_xor": logical_xor,
    "logical_not": logical_not,
    "sum": _reduction("sum", reduce.SUMS),
    "amax": _reduction("extremum", reduce.LARGEST),
    "amin": _reduction("extremum", reduce.SMALLEST),
    "any_true": some,
    "all_true": every,
}
