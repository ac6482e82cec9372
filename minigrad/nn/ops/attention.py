"""Attention, and choices among classes that gradients pass: softmax among other ops."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import Array, alias, bool_, from_array
from minigrad._draw import rand_like
from minigrad._op import composed, public
from minigrad._samples import Draw, Sample
from minigrad.errors import DTypeError, ShapeError, message
from minigrad.linalg.distance import check_floats
from minigrad.nn.ops.dropout import check_chance
from minigrad.ops.elementwise import add, div, log, mul, neg, sub, where
from minigrad.ops.linalg import matmul, matmul_nt
from minigrad.ops.random import dropout
from minigrad.ops.softmax import softmax

if TYPE_CHECKING:
    from typing import Any


def _check_shapes(query: Any, key: Any, value: Any) -> None:
    q, k, v = query.shape, key.shape, value.shape
    for argument, shape in (("query", q), ("key", k), ("value", v)):
        if len(shape) < 2:
            got = f"shape {shape}"
            raise ShapeError(message("scaled_dot_product_attention", argument, got, "(..., positions, features)"))
    if q[-1] != k[-1]:
        expected = f"as many features as the query's {q}, {q[-1]}"
        raise ShapeError(message("scaled_dot_product_attention", "key", f"shape {k}", expected))
    if k[-2] != v[-2]:
        expected = f"as many positions as the key's {k}, {k[-2]}"
        raise ShapeError(message("scaled_dot_product_attention", "value", f"shape {v}", expected))


def _reference(query: Any, key: Any, value: Any, attn_mask: Any = None, *, is_causal: bool = False, scale: Any = None) -> Any:
    scores = query @ np.swapaxes(key, -1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        attn_mask = np.tril(np.ones(scores.shape[-2:], bool))
    if attn_mask is not None:
        scores = np.where(attn_mask, scores, -np.inf) if attn_mask.dtype == bool else scores + attn_mask
    weights = np.exp(scores - np.maximum(scores.max(-1, keepdims=True), np.finfo(scores.dtype).min))
    return weights / np.maximum(weights.sum(-1, keepdims=True), np.finfo(scores.dtype).tiny) @ value


def _samples() -> list[Sample]:
    heads = [Draw((2, 3, n, 4)) for n in (4, 5, 5)]
    flat = [Draw((3, 2)), Draw((3, 2)), Draw((3, 1))]
    masks = [Draw((4, 5)), Draw((2, 1, 4, 5), kind="bool")]
    return [Sample(*flat), Sample(*flat, is_causal=True), Sample(*heads, scale=0.3), *(Sample(*heads, m) for m in masks)]


@composed(_reference, _samples, spaces="nn.functional")
def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None,
) -> Any:  # fmt: skip
    """softmax(scale query key^T) value (Vaswani et al. 2017): each position of the query gets a mean of the values, by how
    well their keys match it.

    query (..., L, E), key (..., S, E) and value (..., S, V) give (..., L, V). scale: 1 / sqrt(E) by default. attn_mask
    (..., L, S): bools, True where a position may look, or floats, added to the scores; a position that may look nowhere
    gets 0. is_causal: each position looks at itself and what is before it. dropout_p: this share of the weights is set to
    0, always: pass 0 in evaluation.
    """
    check_floats("scaled_dot_product_attention", query=query, key=key, value=value)
    check_chance("scaled_dot_product_attention", dropout_p)
    _check_shapes(query, key, value)
    if attn_mask is not None and not (isinstance(attn_mask, Array) and attn_mask.dtype.kind in "bf"):
        got = f"dtype {attn_mask.dtype}" if isinstance(attn_mask, Array) else f"a {type(attn_mask).__name__}"
        expected, remedy = "a tensor of bools or floats", "Write attn_mask.bool() for one of 0 and 1."
        raise DTypeError(message("scaled_dot_product_attention", "attn_mask", got, expected, remedy))
    if is_causal:
        if attn_mask is not None:
            raise ValueError(message("scaled_dot_product_attention", "attn_mask", "one, and is_causal", "one of the two"))
        attn_mask = from_array(np.tri(query.shape[-2], key.shape[-2], dtype=bool_))
    scores = mul(matmul_nt(query, key), 1 / sqrt(query.shape[-1]) if scale is None else scale)
    if attn_mask is None:
        weights = softmax(scores, -1)
    elif attn_mask.dtype is bool_:  # the second choice is for rows without any True, whose softmax is NaN
        weights = where(attn_mask, softmax(where(attn_mask, scores, -np.inf), -1), 0.0)
    else:
        weights = softmax(add(scores, attn_mask), -1)
    return matmul(dropout(weights, dropout_p, True) if dropout_p else weights, value)


@public("gumbel_softmax", "nn.functional")
def gumbel_softmax(logits: Any, tau: float = 1.0, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """A draw from the classes that gradients pass (Jang et al. 2017; Maddison et al. 2017): softmax((logits + g) / tau) with
    Gumbel noise g = -log(-log u), u uniform in [0, 1). The largest element is a draw from softmax(logits), and the rest
    tends to 0 with tau.

    hard: 1 at the largest element, else 0, with the gradient of the soft values. eps is taken for PyTorch's sake.
    """
    check_floats("gumbel_softmax", logits=logits)
    if not tau > 0:
        raise ValueError(message("gumbel_softmax", "tau", tau, "a temperature above 0"))
    noise = neg(log(neg(log(rand_like(logits)))))
    soft = softmax(div(add(logits, noise), tau), dim)
    if not hard:
        return soft
    chosen = np.zeros_like(soft.array)
    np.put_along_axis(chosen, soft.array.argmax(dim, keepdims=True), 1, dim)
    return add(sub(from_array(chosen), alias(soft)), soft)
