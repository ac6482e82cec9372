"""From functions to their derivatives: grad, value_and_grad, vjp, jvp, jacobian, hessian, hvp, elementwise_grad.

Arguments may be tensors, NumPy arrays, numbers, and lists, tuples and dicts of them; gradients have the same nesting.
Arguments are not changed: derivatives are taken at leaves that share their memory.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

import numpy as np

from minigrad import autograd
from minigrad._array import Array, alias, float32, from_array
from minigrad._mode import enable_grad
from minigrad.errors import DTypeError, GradError, ShapeError, message
from minigrad.ops.layout import reshape_op
from minigrad.ops.shape import stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Function = Callable[..., Any]

# -- nested arguments ------------------------------------------------------------------------------------------------------


def _mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """The same nesting with function(leaf) for every leaf."""
    if isinstance(tree, (list, tuple)):
        made = [_mapped(function, branch) for branch in tree]
        return made if isinstance(tree, list) else type(tree)(*made) if hasattr(tree, "_fields") else tuple(made)
    if isinstance(tree, dict):
        return {key: _mapped(function, branch) for key, branch in tree.items()}
    return function(tree)


def _leaves(tree: Any) -> list[Any]:
    found: list[Any] = []
    _mapped(found.append, tree)
    return found


def _wanting(op: str) -> Callable[[Any], Any]:
    """A leaf on the same memory that wants a gradient. A tensor with a history is kept, so that derivatives nest."""

    def leaf(x: Any) -> Any:
        if not isinstance(x, Array):
            array = np.asarray(x)
            x = from_array(array.astype(float32) if isinstance(x, float) else array)
        if x.dtype.kind != "f":
            remedy = "Write 1.0 instead of 1, or leave it out of argnums."
            raise DTypeError(message(op, "argument", f"dtype {x.dtype}", "floats", remedy))
        if x.requires_grad:
            return x * 1.0
        made = alias(x)
        made.requires_grad = True
        return made

    return leaf


def _positions(op: str, argnums: int | Sequence[int], count: int) -> list[int]:
    given = [argnums] if isinstance(argnums, int) else list(argnums)
    for i in given:
        if not -count <= i < count:
            raise ValueError(message(op, "argnums", argnums, f"positions of the {count} arguments"))
    return [i % count for i in given]


def _scalar(op: str, out: Any) -> Any:
    if not isinstance(out, Array) or out.size != 1:
        got = f"a tensor of shape {out.shape}" if isinstance(out, Array) else f"a {type(out).__name__}"
        remedy = "Reduce it, or see jacobian; has_aux=True for a function that returns (value, more)."
        raise ShapeError(message(op, "result of the function", got, "a scalar tensor", remedy))
    return out


def _differentiated(outs: Sequence[Any], ins: Sequence[Any], seeds: Sequence[Any], retain: bool = False) -> list[Any]:
    """Gradients with a history, so that they can be differentiated again; zeros for inputs that nothing depends on."""
    recorded = [(o, g) for o, g in zip(outs, seeds) if isinstance(o, Array) and o.requires_grad]
    if not recorded:
        return [from_array(np.zeros(x.shape, x.dtype)) for x in ins]
    some, given = zip(*recorded)
    return list(autograd.grad(some, ins, given, retain_graph=retain or None, create_graph=True, materialize_grads=True))


# -- reverse -----------------------------------------------------------------------------------------------------------------


def value_and_grad(function: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """A function that returns (function(...), its gradient with respect to the arguments at argnums), a tuple of gradients if
    argnums is a tuple. has_aux: the function returns (value, more), and the result is ((value, more), gradient)."""

    @wraps(function)
    def call(*args: Any, **keywords: Any) -> tuple[Any, Any]:
        at = _positions("value_and_grad", argnums, len(args))
        given = list(args)
        with enable_grad:
            for i in at:
                given[i] = _mapped(_wanting("value_and_grad"), given[i])
            result = function(*given, **keywords)
            value = _scalar("value_and_grad", result[0] if has_aux else result)
            ins = [leaf for i in at for leaf in _leaves(given[i])]
            found = iter(_differentiated([value], ins, [from_array(np.ones(value.shape, value.dtype))]))
            gradients = tuple(_mapped(lambda _: next(found), given[i]) for i in at)
        return result, gradients[0] if isinstance(argnums, int) else gradients

    return call


def grad(function: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The gradient of a function with a scalar result, as a function: grad(grad(f)) is its second derivative. has_aux: it
    returns (gradient, more)."""
    both = value_and_grad(function, argnums, has_aux)

    @wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        value, gradient = both(*args, **keywords)
        return (gradient, value[1]) if has_aux else gradient

    return call


def elementwise_grad(function: Function, argnum: int = 0) -> Function:
    """The derivative of a function that acts on each element separately: the gradient of the sum of its results."""

    @wraps(function)
    def total(*args: Any, **keywords: Any) -> Any:
        return function(*args, **keywords).sum()

    return grad(total, argnum)


def vjp(function: Function, *primals: Any) -> tuple[Any, Function]:
    """(function(*primals), pullback), where pullback(v) is the tuple of v^T J for each argument; it can be called again."""
    with enable_grad:
        given = [_mapped(_wanting("vjp"), p) for p in primals]
        out = function(*given)
    ins, outs = [leaf for p in given for leaf in _leaves(p)], _leaves(out)

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        seeds = [g if isinstance(g, Array) else from_array(np.asarray(g, o.dtype)) for g, o in zip(_leaves(cotangent), outs)]
        with enable_grad:
            found = iter(_differentiated(outs, ins, seeds, retain=True))
        return tuple(_mapped(lambda _: next(found), p) for p in given)

    return out, pullback


# -- forward, by reverse twice ------------------------------------------------------------------------------------------------------


def jvp(function: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """(function(*primals), J tangents): the derivative along the tangents. v^T J is linear in v, and its gradient with respect
    to v, contracted with the tangents, is J tangents: two backward passes replace a forward one (Townsend 2017)."""
    if len(primals) != len(tangents):
        raise ValueError(message("jvp", "tangents", f"{len(tangents)}", f"one for each of the {len(primals)} primals"))
    with enable_grad:
        given = [_mapped(_wanting("jvp"), p) for p in primals]
        out = function(*given)
        outs, ins = _leaves(out), [leaf for p in given for leaf in _leaves(p)]
        along = [t if isinstance(t, Array) else from_array(np.asarray(t, x.dtype)) for t, x in zip(_leaves(list(tangents)), ins)]
        for i, (t, x) in enumerate(zip(along, ins)):
            if t.shape != x.shape:
                raise ShapeError(message("jvp", f"tangents[{i}]", f"shape {t.shape}", f"the primal's shape {x.shape}"))
        dummies = [_wanting("jvp")(np.zeros(o.shape, o.dtype)) for o in outs]
        pulled = _differentiated(outs, ins, dummies)
        found = iter(_differentiated(pulled, dummies, along))
    return out, _mapped(lambda _: next(found), out)


def jacobian(function: Function, argnum: int = 0) -> Function:
    """A function that returns all derivatives, in the shape of the result followed by that of the argument."""

    @wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        given = list(args)
        (at,) = _positions("jacobian", argnum, len(args))
        with enable_grad:
            x = given[at] = _wanting("jacobian")(given[at])
            out = function(*given, **keywords)
            if not isinstance(out, Array):
                raise GradError(message("jacobian", "result of the function", f"a {type(out).__name__}", "a tensor"))
            rows = []
            for i in range(out.size):
                seed = np.zeros(out.shape, out.dtype)
                seed.reshape(-1)[i] = 1
                rows += _differentiated([out], [x], [from_array(seed)], retain=True)
            if not rows:
                return from_array(np.zeros((*out.shape, *x.shape), x.dtype))
            return reshape_op(stack(rows), shape=(*out.shape, *x.shape))

    return call


def hessian(function: Function, argnum: int = 0) -> Function:
    """A function that returns all second derivatives of a function with a scalar result: the argument's shape twice."""
    return jacobian(grad(function, argnum), argnum)


def hvp(function: Function, primal: Any, vector: Any) -> Any:
    """The Hessian at primal times a vector of its shape, without the Hessian (Pearlmutter 1994)."""
    with enable_grad:
        x = _wanting("hvp")(primal)
        (slope,) = _differentiated([_scalar("hvp", function(x))], [x], [_one(x)])
        v = vector if isinstance(vector, Array) else from_array(np.asarray(vector, x.dtype))
        if v.shape != x.shape:
            raise ShapeError(message("hvp", "vector", f"shape {v.shape}", f"the primal's shape {x.shape}"))
        return _differentiated([slope], [x], [v])[0]


def _one(x: Any) -> Any:
    return from_array(np.ones((), x.dtype))
