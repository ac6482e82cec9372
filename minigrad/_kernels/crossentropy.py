"""Classification losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._array import Array, empty, float32
from minigrad._C import lib
from minigrad._kernels.layout import NULL, contiguous, pair

if TYPE_CHECKING:
    from typing import Any

REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}

_cross_entropy, _cross_entropy_bwd = pair("cross_entropy"), pair("cross_entropy_bwd")
_soft_cross_entropy, _soft_cross_entropy_bwd = pair("soft_cross_entropy"), pair("soft_cross_entropy_bwd")
_nll, _nll_bwd = pair("nll"), pair("nll_bwd")


def _ptr(x: Array | None) -> Any:
    return NULL if x is None else contiguous(x).ptr


def cross_entropy(
    x: Array, target: Array, weight: Array | None, *, reduction: str, ignore_index: int, label_smoothing: float
) -> tuple[Array, Array, Array]:
    """Loss, log-sum-exp of each row, and the sum of the weights that a mean divides by."""
    x, target = contiguous(x), contiguous(target)
    rows, cols = x.shape
    out = empty((rows,) if reduction == "none" else (), x.dtype)
    lse, total = empty((rows,), x.dtype), empty((), x.dtype)
    _cross_entropy[x.dtype is not float32](
        out.ptr, lse.ptr, total.ptr, x.ptr, target.ptr, _ptr(weight), ignore_index, label_smoothing,
        REDUCTIONS[reduction], rows, cols,
    )  # fmt: skip
    return out, lse, total


def cross_entropy_bwd(
    dout: Array, x: Array, target: Array, weight: Array | None, lse: Array, total: Array, *,
    reduction: str, ignore_index: int, label_smoothing: float,
) -> Array:  # fmt: skip
    """The gradient of cross_entropy towards the logits."""
    x, target, dout = contiguous(x), contiguous(target), contiguous(dout)
    out = empty(x.shape, x.dtype)
    _cross_entropy_bwd[x.dtype is not float32](
        out.ptr, dout.ptr, x.ptr, target.ptr, _ptr(weight), lse.ptr, total.ptr, ignore_index, label_smoothing,
        REDUCTIONS[reduction], x.shape[1], x.shape[0],
    )  # fmt: skip
    return out  # type: ignore[no-any-return]


def soft_cross_entropy(
    x: Array, target: Array, weight: Array | None, *, reduction: str, label_smoothing: float
) -> tuple[Array, Array]:
    """Cross-entropy against rows of probabilities, and log-sum-exp of each row."""
    x, target = contiguous(x), contiguous(target)
    rows, cols = x.shape
    out, lse = empty((rows,) if reduction == "none" else (), x.dtype), empty((rows,), x.dtype)
    _soft_cross_entropy[x.dtype is not float32](
        out.ptr, lse.ptr, x.ptr, target.ptr, _ptr(weight), label_smoothing, REDUCTIONS[reduction], rows, cols
    )
    return out, lse


def soft_cross_entropy_bwd(
    dout: Array, x: Array, target: Array, weight: Array | None, lse: Array, *, reduction: str, label_smoothing: float
) -> Array:
    """The gradient of soft_cross_entropy towards the logits."""
    x, target, dout = contiguous(x), contiguous(target), contiguous(dout)
    rows, cols = x.shape
    out = empty(x.shape, x.dtype)
    _soft_cross_entropy_bwd[x.dtype is not float32](
        out.ptr,
        dout.ptr,
        x.ptr,
        target.ptr,
        _ptr(weight),
        lse.ptr,
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
    x, target = contiguous(x), contiguous(target)
    rows, cols = x.shape
    out, total = empty((rows,) if reduction == "none" else (), x.dtype), empty((), x.dtype)
    _nll[x.dtype is not float32](
        out.ptr, total.ptr, x.ptr, target.ptr, _ptr(weight), ignore_index, REDUCTIONS[reduction], rows, cols
    )
    return out, total


def nll_loss_bwd(
    dout: Array, target: Array, weight: Array | None, total: Array, *, reduction: str, ignore_index: int, classes: int
) -> Array:
    """The gradient of nll_loss towards the log-probabilities: zero but at each label."""
    target, dout = contiguous(target), contiguous(dout)
    out = empty((target.size, classes), dout.dtype)
    _nll_bwd[dout.dtype is not float32](
        out.ptr,
        dout.ptr,
        target.ptr,
        _ptr(weight),
        total.ptr,
        ignore_index,
        REDUCTIONS[reduction],
        classes,
        target.size,
    )
    return out  # type: ignore[no-any-return]


def first_bad_label(target: Array, ignore_index: int, classes: int) -> int:
    """The position of the first label that is no class, or -1."""
    return int(lib.mg_first_bad_label(contiguous(target).ptr, ignore_index, classes, target.size))
