"""Aids to training: clipping gradients, penalties on weights, parameters as one vector, and training mode for a while.

Clipping goes between backward and the optimizer's step, and may be part of a step of `mg.jit`:

    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    optimizer.step()
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from math import inf, isfinite
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _backend, _writes
from minigrad._absent import missing
from minigrad._array import Array, float32, float64, from_array
from minigrad._kernels import clip as kernels
from minigrad._mode import no_grad
from minigrad._tensor import Tensor
from minigrad.errors import DTypeError, GradError, ShapeError, message
from minigrad.nn import _sequences as rnn  # noqa: F401 - PyTorch's name for it
from minigrad.nn._module import Module
from minigrad.ops.elementwise import to_dtype
from minigrad.ops.shape import cat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any


# -- clipping ----------------------------------------------------------------------------------------------------------


def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Any:
    """Scales all gradients, taken as one vector, down to max_norm if their norm is larger (Pascanu, Mikolov and Bengio 2013):
    g <- g min(1, max_norm / (norm + 1e-6)). Returns the norm before clipping, a scalar tensor.

    parameters  tensors, as from model.parameters(); those without a gradient are skipped
    norm_type   p of (sum |g|^p)^(1/p), above 0, or inf for the largest |g|
    error_if_nonfinite  a GradError for a norm that is NaN or infinite, before anything is scaled; else NaN and infinity
                show in all gradients. It reads the norm, so a captured step refuses it: return the norm and look at it there
    foreach     accepted for PyTorch's sake; there is one way here
    """
    op = "clip_grad_norm_"
    holders = _with_gradients(op, parameters)
    total = _total_norm(op, [p.grad for p in holders], norm_type, error_if_nonfinite)
    _scale(op, holders, max_norm, total)
    return total


def clip_grads_with_norm_(parameters: Any, max_norm: float, total_norm: Any, foreach: bool | None = None) -> None:
    """The second half of clip_grad_norm_: g <- g min(1, max_norm / (total_norm + 1e-6)), for a norm of get_total_norm."""
    op = "clip_grads_with_norm_"
    if not isinstance(total_norm, Array) or total_norm.size != 1 or total_norm.dtype.kind != "f":
        got = f"shape {total_norm.shape} of {total_norm.dtype}" if isinstance(total_norm, Array) else repr(total_norm)
        raise TypeError(message(op, "total_norm", got, "one float in a tensor, as get_total_norm gives it"))
    _scale(op, _with_gradients(op, parameters), max_norm, total_norm)


def get_total_norm(
    tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Any:
    """The norm of all tensors (gradients, say: `[p.grad for p in ...]`) as one vector; 0 of none. See clip_grad_norm_."""
    op = "get_total_norm"
    return _total_norm(op, _tensors(op, "tensors", tensors), norm_type, error_if_nonfinite)


def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Limits every element of the gradients to [-clip_value, clip_value]; NaN stays NaN."""
    op = "clip_grad_value_"
    _check_number(op, "clip_value", clip_value)
    for grads in _by_type(_gradients_of(_with_gradients(op, parameters))):
        if _backend.backend_name == "numpy":
            for g in grads:
                np.clip(g.array, -clip_value, clip_value, out=g.array)
        else:
            kernels.bound(grads, clip_value)
        _writes.note_tensors(op, *grads)


def _total_norm(op: str, tensors: Sequence[Any], norm_type: float, finite: bool) -> Any:
    _check_number(op, "norm_type", norm_type)
    if norm_type == 0:
        raise ValueError(message(op, "norm_type", norm_type, "a number above 0, or inf"))
    kinds = _by_type([x if x.flat else x.clone() for x in tensors])
    norms = [_norm(same, float(norm_type)) for same in kinds]
    if not norms:
        return from_array(np.zeros((), np.float32))
    total = norms[0] if len(norms) == 1 else _norm([to_dtype(x, float64) for x in norms], float(norm_type))
    if finite and not isfinite(total.item()):
        remedy = "Where does it come from? `with minigrad.detect_anomaly():` names the op."
        raise GradError(message(op, "", f"gradients whose norm of order {norm_type} is {total.item()}", "a finite norm", remedy))
    return total


def _norm(arrays: Sequence[Any], p: float) -> Any:
    if _backend.backend_name != "numpy":
        return kernels.norm(arrays, p)
    sizes = np.concatenate([np.abs(x.array, dtype=np.float64).ravel() for x in arrays])
    total = np.max(sizes, initial=0) if p == inf else np.sum(sizes**p) ** (1 / p)
    return from_array(np.asarray(total, arrays[0].dtype))


def _scale(op: str, holders: Sequence[Any], max_norm: float, total: Any) -> None:
    _check_number(op, "max_norm", max_norm)
    for grads in _by_type(_gradients_of(holders)):
        own = total if total.dtype is grads[0].dtype else to_dtype(total, grads[0].dtype)
        if _backend.backend_name == "numpy":
            factor = max_norm / (own.array + own.dtype.type(1e-6))
            for g in grads if not factor >= 1 else ():
                g.array[...] *= factor
        else:
            kernels.scale(grads, own, max_norm)
        _writes.note_tensors(op, *grads)


def _with_gradients(op: str, parameters: Any) -> list[Any]:
    """The parameters that have a gradient; of those that share one, the first."""
    given = _tensors(op, "parameters", parameters)
    if not given:
        warnings.warn(
            f"{op}: no parameters were given, so nothing is clipped. Was the generator model.parameters() used up before?",
            stacklevel=3,
        )
    return list({id(p.grad): p for p in reversed(given) if p.grad is not None}.values())[::-1]


def _gradients_of(holders: Sequence[Any]) -> list[Any]:
    """The gradients, ready to be written in place: one that is not contiguous is replaced by a copy that is."""
    for p in holders:
        if not p.grad.flat:
            p.grad = p.grad.clone()
    return [p.grad for p in holders]


def _by_type(tensors: Sequence[Any]) -> list[list[Any]]:
    """The float32 gradients and the float64 gradients, each if there are any."""
    return [same for dtype in (float32, float64) if (same := [x for x in tensors if x.dtype is dtype])]


# -- penalties ---------------------------------------------------------------------------------------------------------


def l1_penalty(parameters: Any, weight: float, biases: bool = False) -> Any:
    """L1 regularisation (Tibshirani 1996): weight sum |p|, to be added to the loss. Its gradient weight sign(p) pulls
    parameters to 0, and keeps those there that the loss does not need.

    parameters  a module, of which those are taken whose own names do not contain "bias" (or all, with biases=True), as
                biases shift and do not steepen; or tensors, which are all taken
    """
    return _penalty("l1_penalty", parameters, weight, biases, lambda p: p.abs().sum())


def l2_penalty(parameters: Any, weight: float, biases: bool = False) -> Any:
    """L2 regularisation, ridge (Hoerl and Kennard 1970): weight sum p^2, to be added to the loss; parameters as those of
    l1_penalty. Its gradient is 2 weight p: SGD's weight_decay=2 * weight does the same, but also to biases."""
    return _penalty("l2_penalty", parameters, weight, biases, lambda p: p.square().sum())


def _penalty(op: str, parameters: Any, weight: float, biases: bool, each: Any) -> Any:
    _check_number(op, "weight", weight)
    if isinstance(parameters, Module):
        named = parameters.named_parameters()
        chosen = [p for name, p in named if biases or "bias" not in name.rpartition(".")[2]]
    else:
        chosen = _tensors(op, "parameters", parameters)
    if not chosen:
        got, remedy = "none to penalise", "Was the generator model.parameters() used up before? Biases count with biases=True."
        raise ValueError(message(op, "parameters", got, "at least one", remedy))
    total = each(chosen[0])
    for p in chosen[1:]:
        total = total + each(p)
    return total * weight


# -- parameters as a vector --------------------------------------------------------------------------------------------


def parameters_to_vector(parameters: Any) -> Any:
    """All numbers of the parameters, in their order, as one vector; differentiable."""
    given = _tensors("parameters_to_vector", "parameters", parameters)
    if not given:
        raise ValueError(message("parameters_to_vector", "parameters", "none", "at least one tensor"))
    return cat([p.reshape(-1) for p in given])


def vector_to_parameters(vec: Any, parameters: Any) -> None:
    """Writes a vector into the parameters, in their order: the inverse of parameters_to_vector. Nothing is written unless the
    vector has as many numbers as the parameters, of the same type."""
    op = "vector_to_parameters"
    given = _tensors(op, "parameters", parameters)
    size = sum(p.count for p in given)
    if not isinstance(vec, Tensor):
        raise TypeError(message(op, "vec", f"a {type(vec).__name__}", "a tensor of one dimension"))
    if vec.shape != (size,):
        raise ShapeError(message(op, "vec", f"shape {vec.shape}", f"({size},), the numbers of all parameters"))
    for i, p in enumerate(given):
        if p.dtype is not vec.dtype:
            remedy = f"Write vec.to(minigrad.{p.dtype})."
            raise DTypeError(message(op, "vec", f"dtype {vec.dtype}", f"{p.dtype}, as parameters[{i}] has", remedy))
    at = 0
    with no_grad():
        for p in given:
            p.copy_(vec[at : at + p.count].reshape(p.shape))
            at += p.count


# -- what arguments may be ---------------------------------------------------------------------------------------------


def _tensors(op: str, argument: str, given: Any) -> list[Any]:
    """A list of tensors of floats, of one or of several."""
    if isinstance(given, Array):
        return [given]
    if isinstance(given, Module) or not hasattr(given, "__iter__"):
        remedy = "Write model.parameters()." if isinstance(given, Module) else ""
        raise TypeError(message(op, argument, f"a {type(given).__name__}", "tensors", remedy))
    found = list(given)
    for i, x in enumerate(found):
        if not isinstance(x, Array):
            raise TypeError(message(op, f"{argument}[{i}]", f"a {type(x).__name__}", "a tensor"))
        if x.dtype.kind != "f":
            raise DTypeError(message(op, f"{argument}[{i}]", f"dtype {x.dtype}", "floats"))
    return found


def _check_number(op: str, argument: str, value: Any) -> None:
    """An error for what is no number, or is below 0 or NaN."""
    if not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(message(op, argument, f"a {type(value).__name__}", "a number of at least 0"))
    if not value >= 0:
        raise ValueError(message(op, argument, value, "a number of at least 0"))


# -- modes -----------------------------------------------------------------------------------------------------------------


@contextmanager
def in_mode(modules: Any, training: bool) -> Iterator[None]:
    """Training mode or inference for a while, and then each module's own mode again, also after an error:

        with nn.utils.in_mode(net, training=False), mg.no_grad():
            loss = criterion(net(x_val), y_val)

    modules: a module, for it and all within it, or a list of modules, for these alone. (To look for all that is within
    takes longer than a step of a small network: who does this often passes list(net.modules()).)
    """
    chosen = list(modules.modules()) if isinstance(modules, Module) else modules
    before = [module.training for module in chosen]
    try:
        for module in chosen:
            module.training = training
        yield
    finally:
        for module, own in zip(chosen, before):
            module.training = own


if not TYPE_CHECKING:  # a checker knows the names that there are
    __getattr__ = missing(globals())
