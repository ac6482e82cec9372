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
    "add", "mul", "relu", "exp", "log", "tanh", "sigmoid", "gelu_tanh", "sum", "amax", "softmax", "log_softmax", "mse_loss",
    "cross_entropy", "linear", "matmul",
)  # fmt: skip
#: Elements of the largest operand: overhead, in the caches, beyond them.
SIZES = (8, 1024, 65536, 1 << 20, 1 << 24)
#: (m, k, n) of the products for each of SIZES: x is m x k. None at the last, which would take a minute.
EXTENTS = ((8, 8, 8), (32, 32, 32), (256, 256, 256), (1024, 1024, 1024), None)
PRODUCTS = ("matmul", "matmul_nt", "matmul_tn", "linear")
#: Differences that rounding explains, relative to the largest number of the result, in float32.
TOLERANCE = 1e-4


def _softmax(x: Any, *, dim: int) -> Any:
    e = np.exp(x - x.max(dim, keepdims=True))
    return e / e.sum(dim, keepdims=True)


def _log_softmax(x: Any, *, dim: int) -> Any:
    shifted = x - x.max(dim, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(dim, keepdims=True))


#: What a user of NumPy writes where the record's reference is written to be exact rather than fast. The arguments are those
#: of the record. Ops that are missing here are compared with their references.
AS_WRITTEN: dict[str, Callable[..., Any]] = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "gelu_tanh": lambda x: 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x * x * x))),
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "mse_loss": lambda x, t, *, reduction: ((x - t) ** 2).mean() if reduction == "mean" else (x - t) ** 2,
    "cross_entropy": lambda x, t, weight, **_: -_log_softmax(x, dim=1)[np.arange(len(x)), t].mean(),
}


#: Keywords that fit operands of any extents.
FREE = frozenset(
    ["dim", "keepdim", "reduction", "label_smoothing", "ignore_index", "correction", "ord", "negative_slope", "alpha", "beta", "threshold", "approximate", "value", "min", "max", "nan", "posinf", "neginf", "delta", "lambd", "eps", "min_val", "max_val", "p", "seed", "offset", "rtol", "atol", "equal_nan", "dtype", "descending", "log_target", "diagonal", "margin", "swap", "log_input", "full"]
)


#: Ops whose operands have a length of their own, or an even one.
UNGROWN = ("cross", "glu")


class CheckError(Exception):
    """The op and its NumPy reference do not agree: nothing is timed."""


class Case(NamedTuple):
    """One row: `ours` and `numpy` do the same work; flops and traffic (bytes) are what it takes at least: of a
    view neither."""

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
    sample = _product(name, size) if name in PRODUCTS else grown(record, size)
    if sample is None:
        return None
    drawn, keywords = materialize(sample, mg.float32)
    tensors = [None if x is None else mg.tensor(x) for x in drawn]  # memory as users have it
    arrays = [None if x is None else x.array for x in tensors]
    written = AS_WRITTEN.get(name, record.reference)

    def ours() -> Any:
        return record.call(*tensors, **keywords)

    def numpy() -> Any:
        return written(*arrays, **keywords)

    got, want = check(name, size, ours, numpy)
    given = [x for x in arrays if x is not None]
    moved = 0.0 if any(np.may_share_memory(x, got) for x in given) else float(sum(x.nbytes for x in given) + got.nbytes)
    shapes = ", ".join("x".join(map(str, x.shape)) for x in arrays if x is not None)
    return Case(name, max(x.size for x in arrays if x is not None), shapes, flops(name, arrays, want) if moved else 0.0, moved, ours, numpy)


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
    """The plain sample with the most elements: the mean where there is a choice, without weights."""
    plain = [s for s in samples if s.keywords.get("reduction", "mean") == "mean" and s.keywords.get("label_smoothing", 0) == 0]
    plain = [s for s in plain or samples if None in s.inputs] or plain or list(samples)
    return max(plain, key=lambda s: sum(prod(d.shape) for d in s.inputs if d is not None))


def grown(record: Op | Composition, size: int) -> Sample | None:
    """The record's largest sample, grown to about `size` elements; None where keywords fix its extents, or where the result
    grows faster than its operands, as an outer product, and would not fit into memory."""
    sample = None if record.name in UNGROWN else _grown(_largest(record.samples()), min(size, 256))
    if sample is None or size <= 256:
        return sample
    tensors, keywords = materialize(sample, mg.float32)
    out = _first(record.call(*tensors, **keywords))
    if getattr(out, "size", 1) > 8 * sum(x.size for x in tensors if x is not None):
        return None
    return _grown(_largest(record.samples()), size)


def _product(name: str, size: int) -> Sample | None:
    """Operands of the product that belongs to a size."""
    extents = EXTENTS[SIZES.index(size)] if size in SIZES else None
    if extents is None:
        return None
    m, k, n = extents
    if name == "linear":
        return Sample(Draw((m, k)), Draw((n, k)), Draw((n,)))
    return Sample(Draw((k, m) if name == "matmul_tn" else (m, k)), Draw((n, k) if name == "matmul_nt" else (k, n)))


def _grown(sample: Sample, size: int) -> Sample | None:
    """The sample with every extent but 1 multiplied, equal ones staying equal, so that its largest operand has about `size`
    elements. None where keywords may fix the extents, as shapes and indices do."""
    if any(k not in FREE for k in sample.keywords):
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
