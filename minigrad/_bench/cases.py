"""What is measured: every record of the registry, its samples grown to a size, checked against its NumPy reference."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import minigrad as mg
import minigrad.nn
from minigrad._op import Composition, Op, registry
from minigrad._samples import Draw, Sample
from minigrad.testing import materialize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

#: What `minigrad bench` measures where no names are given: the README's rows, in this order.
DEFAULT = (
    "add", "mul", "relu", "exp", "log", "tanh", "sigmoid", "gelu", "sum", "amax", "softmax", "log_softmax", "mse_loss",
    "cross_entropy", "linear", "matmul",
)  # fmt: skip
#: Elements of the largest operand: overhead, in the caches, beyond them.
SIZES = (8, 1024, 65536, 1 << 20, 1 << 24)
#: Products grow as the 3/2-th power of their operands: at most 1024 x 1024.
MOST_OF_A_PRODUCT = 1 << 20
PRODUCTS = ("matmul", "matmul_nt", "matmul_tn", "linear")
#: Differences that rounding explains, relative to the largest number of the result, in float32.
TOLERANCE = 1e-4


class CheckError(Exception):
    """The op and its NumPy reference do not agree: nothing is timed."""


class Case(NamedTuple):
    """One row: `ours` and `numpy` do the same work; flops and traffic (bytes) are what it takes at least."""

    name: str
    size: int
    shapes: str
    flops: float
    traffic: float
    ours: Callable[[], Any]
    numpy: Callable[[], Any]


def case(name: str, size: int) -> Case | None:
    """The record's case of this size, checked; None where its samples cannot grow to it. CheckError where it is wrong."""
    record = registry[name]
    if name in PRODUCTS and size > MOST_OF_A_PRODUCT:
        return None
    sample = grown(record, size)
    if sample is None:
        return None
    tensors, keywords = materialize(sample, mg.float32)
    arrays = [None if x is None else x.array for x in tensors]

    def ours() -> Any:
        return record.call(*tensors, **keywords)

    def numpy() -> Any:
        return record.reference(*arrays, **keywords)

    got, want = check(name, size, ours, numpy)
    traffic = sum(x.nbytes for x in arrays if x is not None) + got.nbytes
    shapes = ", ".join("x".join(map(str, x.shape)) for x in arrays if x is not None)
    return Case(name, max(x.size for x in arrays if x is not None), shapes, flops(name, arrays, want), traffic, ours, numpy)


def flops(name: str, arrays: Sequence[Any], out: Any) -> float:
    """Floating-point operations: 2 m k n of a product (and m n of its bias); else one for each element of the largest
    operand, however many the function takes: a share of the peak is then a lower bound."""
    largest = max(x.size for x in arrays if x is not None)
    if name not in PRODUCTS:
        return float(max(largest, out.size))
    inner = arrays[0].shape[-2] if name == "matmul_tn" else arrays[0].shape[-1]
    return 2.0 * float(out.size * inner) + (out.size if name == "linear" else 0)


def check(name: str, size: int, ours: Callable[[], Any], numpy: Callable[[], Any]) -> tuple[Any, Any]:
    """Both results, the first of each where there are several. CheckError where they differ by more than rounding."""
    with np.errstate(all="ignore"):
        got, want = _first(ours()), _first(numpy())
    got = got.array if hasattr(got, "array") else np.asarray(got)
    want = np.asarray(want)
    if got.shape != want.shape:
        raise CheckError(f"{name} at {size}: the shape is {got.shape}, NumPy's is {want.shape}. Nothing was timed.")
    finite = np.abs(want[np.isfinite(want)]).max(initial=1.0) if want.dtype.kind == "f" else 1.0
    bound = TOLERANCE * float(finite) if want.dtype.kind == "f" else 0
    if not np.allclose(got, want, rtol=0, atol=bound, equal_nan=True):
        raise CheckError(f"{name} at {size}: the result is not NumPy's within {bound:.3g}. Nothing was timed.")
    return got, want


def names(chosen: Sequence[str]) -> Iterator[str]:
    """The names asked for, or the default ones. KeyError, its text a sentence, for one that is not registered."""
    for name in chosen or DEFAULT:
        if name not in registry:
            raise KeyError(f"bench: got {name!r}, expected the name of an op, as 'tanh' or 'matmul'.")
        yield name


def every_name() -> list[str]:
    """All records that users can call: the backward kernels are measured as part of their ops."""
    return [n for n, r in registry.items() if isinstance(r, (Op, Composition)) and not n.endswith("_bwd")]


def _first(result: Any) -> Any:
    return result[0] if isinstance(result, (tuple, list)) else result


def _largest(samples: Sequence[Sample]) -> Sample:
    """The sample with the most elements; the first of those."""
    return max(samples, key=lambda s: sum(prod(d.shape) for d in s.inputs if d is not None))


def grown(record: Op | Composition, size: int) -> Sample | None:
    """The record's largest sample, grown to about `size` elements; None where keywords fix its extents."""
    return _grown(_largest(record.samples()), size)


def _grown(sample: Sample, size: int) -> Sample | None:
    """The sample with every extent but 1 multiplied, equal ones staying equal, so that its largest operand has about `size`
    elements. None where keywords fix the extents: lists, arrays and indices."""
    if any(isinstance(v, (list, np.ndarray)) for v in sample.keywords.values()):
        return None
    largest = max((d.shape for d in sample.inputs if d is not None), key=prod)
    free = sum(e > 1 for e in largest)
    if not free:
        return None
    factor = (size / prod(largest)) ** (1 / free)
    extents = {e: e if e <= 1 else max(1, round(e * factor)) for d in sample.inputs if d is not None for e in d.shape}
    return Sample(*[None if d is None else _drawn(d, extents) for d in sample.inputs], **sample.keywords)


def _drawn(draw: Draw, extents: dict[int, int]) -> Draw:
    shape = tuple(extents[e] for e in draw.shape)
    # Integers below an extent are indices into it, and grow or shrink with it.
    high = extents.get(int(draw.high), draw.high) if draw.kind == "int" else draw.high
    return Draw(shape, draw.low, high, away=draw.away, gap=draw.gap, kind=draw.kind)
