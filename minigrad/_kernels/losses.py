"""Losses of a prediction against a target of the same shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, empty, float32
from minigrad._kernels.layout import contiguous, pair

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Kernel = Callable[..., Any]


def not_finite(x: Array) -> tuple[int, list[int], float] | None:
    """How many numbers are NaN or infinite, where the first of them is, and which it is; None without any. Also while a step
    is captured: it decides on an error alone, and so nothing of it is frozen into the program."""
    bad = np.argwhere(~np.isfinite(x.array))
    return (len(bad), bad[0].tolist(), x.array[tuple(bad[0])]) if len(bad) else None


def _pointwise(name: str, *scalars: str) -> tuple[Kernel, Kernel]:
    """A loss of each pair (x, target), reduced or not, and its gradient towards x."""
    each, total, backward = pair(name), pair(f"{name}_sum"), pair(f"{name}_bwd")

    def forward(x: Array, target: Array, *, reduction: str, **given: float) -> Array:
        x, target, wide = contiguous(x), contiguous(target), x.dtype is not float32
        values = [given[s] for s in scalars]
        if reduction == "none":
            out = empty(x.shape, x.dtype)
            each[wide](out.ptr, x.ptr, target.ptr, *values, x.array.size)
        else:
            out = empty((), x.dtype)
            total[wide](out.ptr, x.ptr, target.ptr, *values, float(x.array.size) if reduction == "mean" else 1.0, x.array.size)
        return out  # type: ignore[no-any-return]

    def gradient(dout: Array, x: Array, target: Array, *, reduction: str, **given: float) -> Array:
        x, target, dout = contiguous(x), contiguous(target), contiguous(dout)
        out = empty(x.shape, x.dtype)
        scale = 1.0 / x.array.size if reduction == "mean" and x.array.size else 1.0
        values = [given[s] for s in scalars]
        step = 1 if reduction == "none" else 0
        backward[x.dtype is not float32](out.ptr, dout.ptr, x.ptr, target.ptr, *values, step, scale, x.array.size)
        return out  # type: ignore[no-any-return]

    return forward, gradient


mse_loss, mse_loss_bwd = _pointwise("mse")
l1_loss, l1_loss_bwd = _pointwise("l1")
smooth_l1_loss, smooth_l1_loss_bwd = _pointwise("smooth_l1", "beta")
huber_loss, huber_loss_bwd = _pointwise("huber", "delta")
binary_cross_entropy, binary_cross_entropy_bwd = _pointwise("bce")
binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_bwd = _pointwise("bce_logits")
kl_div, kl_div_bwd = _pointwise("kl_div")
soft_margin_loss, soft_margin_loss_bwd = _pointwise("soft_margin")
hinge_loss, hinge_loss_bwd = _pointwise("hinge", "margin")
