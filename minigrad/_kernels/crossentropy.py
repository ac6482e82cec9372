"""Classification losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._array import Array, Pool, empty, float32, pool_of, take
from minigrad._C import lib
from minigrad._kernels.layout import NULL, contiguous, doorway, pair

if TYPE_CHECKING:
    from typing import Any

REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}

_cross_entropy, _cross_entropy_bwd = pair("cross_entropy"), pair("cross_entropy_bwd")
_soft_cross_entropy, _soft_cross_entropy_bwd = pair("soft_cross_entropy"), pair("soft_cross_entropy_bwd")
_first_bad_label = doorway["first_bad_label"] = [lib.mg_first_bad_label]
_nll, _nll_bwd = pair("nll"), pair("nll_bwd")


def _optional(x: Array | None) -> tuple[Array | None, Any]:
    """x, contiguous, and its address or NULL. The caller keeps the array: C reads a copy only while someone holds it."""
    if x is None:
        return None, NULL
    x = contiguous(x)
    return x, x.ptr


def cross_entropy(
    x: Array, target: Array, weight: Array | None, *, reduction: str, ignore_index: int, label_smoothing: float
) -> tuple[Array, Array, Array]:
    """Loss, log sum exp(x - max x) of each row, and the sum of the weights that a mean divides by."""
    if not (x.flat and target.flat):
        x, target = contiguous(x), contiguous(target)
    rows, cols = x.shape
    plan = pool_of((rows,), x.dtype), pool_of((), x.dtype), rows, cols
    if x.pool is not None and target.pool is not None:
        x.pool.plans["labels", target.pool] = plan
    return cross_entropy_planned(plan, x, target, weight, reduction, ignore_index, label_smoothing)


def cross_entropy_planned(
    plan: tuple[Pool, Pool, int, int], x: Array, target: Array, weight: Array | None,
    reduction: str, ignore_index: int, label_smoothing: float,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """The loss of logits and labels that were planned: the pools of log_sum and total, rows and columns."""
    each, scalar, rows, cols = plan
    out, log_sum, total = take(each if reduction == "none" else scalar), take(each), take(scalar)
    weight_ptr = NULL if weight is None else (weight := contiguous(weight)).ptr
    _cross_entropy[x.dtype is not float32](
        out.ptr, log_sum.ptr, total.ptr, x.ptr, target.ptr, weight_ptr, ignore_index, label_smoothing,
        REDUCTIONS[reduction], rows, cols,
    )  # fmt: skip
    return out, log_sum, total


def cross_entropy_bwd(
    dout: Array, x: Array, target: Array, weight: Array | None, log_sum: Array, total: Array,
    reduction: str, ignore_index: int, label_smoothing: float,
) -> Array:  # fmt: skip
    """The gradient of cross_entropy towards the logits."""
    if not (x.flat and target.flat and dout.flat and log_sum.flat):
        x, target, dout, log_sum = contiguous(x), contiguous(target), contiguous(dout), contiguous(log_sum)
    weight_ptr = NULL if weight is None else (weight := contiguous(weight)).ptr
    out = empty(x.shape, x.dtype) if x.pool is None else take(x.pool)
    _cross_entropy_bwd[x.dtype is not float32](
        out.ptr, dout.ptr, x.ptr, target.ptr, weight_ptr, log_sum.ptr, total.ptr, ignore_index, label_smoothing,
        REDUCTIONS[reduction], x.shape[1], x.shape[0],
    )  # fmt: skip
    return out  # type: ignore[no-any-return]


def soft_cross_entropy(
    x: Array, target: Array, weight: Array | None, *, reduction: str, label_smoothing: float
) -> tuple[Array, Array]:
    """Cross-entropy against rows of probabilities, and log sum exp(x - max x) of each row."""
    weight, weight_ptr = _optional(weight)
    x, target = contiguous(x), contiguous(target)
    rows, cols = x.shape
    out, log_sum = empty((rows,) if reduction == "none" else (), x.dtype), empty((rows,), x.dtype)
    _soft_cross_entropy[x.dtype is not float32](
        out.ptr, log_sum.ptr, x.ptr, target.ptr, weight_ptr, label_smoothing, REDUCTIONS[reduction], rows, cols
    )
    return out, log_sum


def soft_cross_entropy_bwd(
    dout: Array, x: Array, target: Array, weight: Array | None, log_sum: Array, *, reduction: str, label_smoothing: float
) -> Array:
    """The gradient of soft_cross_entropy towards the logits."""
    weight, weight_ptr = _optional(weight)
    x, target, dout, log_sum = contiguous(x), contiguous(target), contiguous(dout), contiguous(log_sum)
    rows, cols = x.shape
    out = empty(x.shape, x.dtype)
    _soft_cross_entropy_bwd[x.dtype is not float32](
        out.ptr,
        dout.ptr,
        x.ptr,
        target.ptr,
        weight_ptr,
        log_sum.ptr,
        label_smoothing,
        REDUCTIONS[reduction],
        rows,
        cols,
        rows,
    )
    return out  # type: ignore[no-any-return]


def nll_loss(
    x: Array, target: Array, weight: Array | None, *, reduction: str, ignore_index: int
) -> tuple[Array, Array]:
    """Minus the log-probability of each label, and the sum of the weights that a mean divides by."""
    weight, weight_ptr = _optional(weight)
    x, target = contiguous(x), contiguous(target)
    rows, cols = x.shape
    out, total = empty((rows,) if reduction == "none" else (), x.dtype), empty((), x.dtype)
    _nll[x.dtype is not float32](
        out.ptr, total.ptr, x.ptr, target.ptr, weight_ptr, ignore_index, REDUCTIONS[reduction], rows, cols
    )
    return out, total


def nll_loss_bwd(
    dout: Array, target: Array, weight: Array | None, total: Array, *, reduction: str, ignore_index: int, classes: int
) -> Array:
    """The gradient of nll_loss towards the log-probabilities: zero but at each label."""
    weight, weight_ptr = _optional(weight)
    target, dout = contiguous(target), contiguous(dout)
    out = empty((target.array.size, classes), dout.dtype)
    _nll_bwd[dout.dtype is not float32](
        out.ptr,
        dout.ptr,
        target.ptr,
        weight_ptr,
        total.ptr,
        ignore_index,
        REDUCTIONS[reduction],
        classes,
        target.array.size,
    )
    return out  # type: ignore[no-any-return]


def first_bad_label(target: Array, ignore_index: int, classes: int, *, lowest: int = 0) -> int:
    """The position of the first label that is no class, counted from `lowest`, or -1. A captured step looks again at each
    replay."""
    target = target if target.flat else contiguous(target)
    return _first_bad_label[0](target.ptr, ignore_index, lowest, classes, target.array.size)  # type: ignore[no-any-return]
