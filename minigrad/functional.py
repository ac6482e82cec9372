"""From functions to their derivatives: grad, value_and_grad, vjp, jvp, jacobian, hessian, hvp, elementwise_grad.

Arguments may be tensors, NumPy arrays, numbers, and lists, tuples and dicts of them; gradients have the same nesting.
Arguments are not changed: derivatives are taken at leaves that share their memory. Results have a history only if something
can ask for their derivative: if an argument, or a tensor that the function uses, requires a gradient, as inside an outer
`grad`. Otherwise they are plain numbers, so that x = x - lr * grad(f)(x) does not grow a tape.
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
from minigrad.ops.reduce import sum as sum_all
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


def _wanting(op: str, argument: str, own: list[Any]) -> Callable[[Any], Any]:
    """A leaf on the same memory that wants a gradient, noted among `own`. A tensor with a history is kept, so that
    derivatives nest."""

    def leaf(x: Any) -> Any:
        if not isinstance(x, Array):
            array = np.asarray(x)
            x = from_array(array.astype(float32) if isinstance(x, float) and not isinstance(x, np.floating) else array, op)
        if x.dtype.kind != "f":
            remedy = "Write 1.0 instead of 1, or leave it out of argnums."
            raise DTypeError(message(op, argument, f"dtype {x.dtype}", "floats", remedy))
        if x.requires_grad:
            return x * 1.0
        made = alias(x)
        made.requires_grad = True
        own.append(made)
        return made

    return leaf


def _followed(outs: Sequence[Any], own: Sequence[Any]) -> bool:
    """Whether results were computed from a leaf that others have too, and not from the call's own alone."""
    known = {id(leaf) for leaf in own}
    pending = [x.node or x for x in outs if isinstance(x, Array) and x.requires_grad]
    while pending:
        at = pending.pop()
        if id(at) not in known:
            known.add(id(at))
            if isinstance(at, Array):
                return True
            pending += [parent for parent in at.parents if parent is not None]
    return False


def _bare(tree: Any) -> Any:
    """The same numbers without history."""
    return _mapped(lambda x: alias(x) if isinstance(x, Array) and x.requires_grad else x, tree)


def _positions(op: str, argnums: int | Sequence[int], count: int) -> list[int]:
    given = [argnums] if isinstance(argnums, int) else list(argnums)
    for i in given:
        if not -count <= i < count:
            raise ValueError(message(op, "argnums", argnums, f"positions of the {count} arguments"))
    return [i % count for i in given]


#: What functions do that return no tensor.
_NUMBERS_ALONE = (
    "float(), item(), numpy() and the functions of `math` take numbers out of their tensor, and no derivative follows: compute "
    "with tensors, by minigrad's functions or NumPy's."
)


def _scalar(op: str, out: Any) -> Any:
    if isinstance(out, Array) and out.size == 1:
        return out
    if isinstance(out, Array):
        got, remedy = f"a tensor of shape {out.shape}", "Reduce it, as by sum() or mean(), or see jacobian and elementwise_grad."
    elif isinstance(out, (tuple, list)):
        got, remedy = f"a {type(out).__name__}", "Pass has_aux=True for a function that returns (value, more)."
    elif out is None:
        got, remedy = "None", "Does it end in `return`?"
    else:
        got, remedy = f"a {type(out).__name__}", _NUMBERS_ALONE
    raise ShapeError(message(op, "result of the function", got, "a scalar tensor", remedy))


def _differentiated(outs: Sequence[Any], ins: Sequence[Any], seeds: Sequence[Any], record: bool, retain: bool = False) -> list[Any]:
    """Gradients, with a history of their own if `record`; zeros for inputs that nothing depends on."""
    recorded = [(o, g) for o, g in zip(outs, seeds) if isinstance(o, Array) and o.requires_grad]
    if not recorded:
        return [from_array(np.zeros(x.shape, x.dtype)) for x in ins]
    some, given = zip(*recorded)
    return list(autograd.grad(some, ins, given, retain_graph=retain or None, create_graph=record, materialize_grads=True))


def _ones(x: Any) -> Any:
    return from_array(np.ones(x.shape, x.dtype))


def _alike(op: str, argument: str, given: Any, model: Any) -> list[Any]:
    """The leaves of what was given, as tensors: nested as the model, and each of the shape of its counterpart there."""
    if isinstance(model, (list, tuple)):
        if not isinstance(given, (list, tuple)) or len(given) != len(model):
            got = f"{len(given)} entries" if isinstance(given, (list, tuple)) else f"a {type(given).__name__}"
            raise ValueError(message(op, argument, got, f"a {type(model).__name__} of {len(model)}"))
        return [leaf for i, m in enumerate(model) for leaf in _alike(op, f"{argument}[{i}]", given[i], m)]
    if isinstance(model, dict):
        if not isinstance(given, dict) or given.keys() != model.keys():
            got = f"the keys {list(given)}" if isinstance(given, dict) else f"a {type(given).__name__}"
            raise ValueError(message(op, argument, got, f"a dict with the keys {list(model)}"))
        return [leaf for key, m in model.items() for leaf in _alike(op, f"{argument}[{key!r}]", given[key], m)]
    made = given if isinstance(given, Array) else from_array(np.asarray(given, model.dtype), op)
    if made.shape != model.shape:
        raise ShapeError(message(op, argument, f"shape {made.shape}", f"shape {model.shape}, as what it belongs to"))
    return [made]


def _tensors(op: str, out: Any) -> list[Any]:
    """The leaves of a function's result, which must all be tensors."""
    for leaf in (found := _leaves(out)):
        if not isinstance(leaf, Array):
            raise GradError(message(op, "result of the function", f"a {type(leaf).__name__}", "a tensor", _NUMBERS_ALONE))
    return found


# -- reverse -----------------------------------------------------------------------------------------------------------------


def value_and_grad(function: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """A function that returns (function(...), its gradient with respect to the arguments at argnums), a tuple of gradients if
    argnums is a tuple. has_aux: the function returns (value, more), and the result is ((value, more), gradient)."""
    return _value_and_grad("value_and_grad", function, argnums, has_aux)


def _value_and_grad(op: str, function: Function, argnums: int | Sequence[int], has_aux: bool) -> Function:
    @wraps(function)
    def call(*args: Any, **keywords: Any) -> tuple[Any, Any]:
        given, own = list(args), []  # type: ignore[var-annotated]
        at = _positions(op, argnums, len(args))
        with enable_grad:
            for i in at:
                given[i] = _mapped(_wanting(op, f"args[{i}]", own), given[i])
            result = function(*given, **keywords)
            value = _scalar(op, result[0] if has_aux else result)
            ins = [leaf for i in at for leaf in _leaves(given[i])]
            followed = _followed(_leaves(result), own)
            found = iter(_differentiated([value], ins, [_ones(value)], followed))
            gradients = tuple(_mapped(lambda _: next(found), given[i]) for i in at)
        return result if followed else _bare(result), gradients[0] if isinstance(argnums, int) else gradients

    return call


def grad(function: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The gradient of a function with a scalar result, as a function: grad(grad(f)) is its second derivative. has_aux: it
    returns (gradient, more)."""
    return _grad("grad", function, argnums, has_aux)


def _grad(op: str, function: Function, argnums: int | Sequence[int], has_aux: bool = False) -> Function:
    both = _value_and_grad(op, function, argnums, has_aux)

    @wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        value, gradient = both(*args, **keywords)
        return (gradient, value[1]) if has_aux else gradient

    return call


def elementwise_grad(function: Function, argnum: int = 0) -> Function:
    """The derivative of a function that acts on each element separately: the gradient of the sum of its results."""

    @wraps(function)
    def total(*args: Any, **keywords: Any) -> Any:
        result = function(*args, **keywords)
        return sum_all(result) if isinstance(result, Array) else result

    return _grad("elementwise_grad", total, argnum)


def vjp(function: Function, *primals: Any) -> tuple[Any, Function]:
    """(function(*primals), pullback), where pullback(v) is the tuple of v^T J for each argument; it can be called again."""
    own: list[Any] = []
    with enable_grad:
        given = [_mapped(_wanting("vjp", f"primals[{i}]", own), p) for i, p in enumerate(primals)]
        out = function(*given)
    ins, outs = _leaves(given), _tensors("vjp", out)
    followed = _followed(outs, own)

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        seeds = _alike("vjp", "cotangent", cotangent, out)
        with enable_grad:
            record = followed or any(g.requires_grad for g in seeds)
            found = iter(_differentiated(outs, ins, seeds, record, retain=True))
        return tuple(_mapped(lambda _: next(found), p) for p in given)

    return out if followed else _bare(out), pullback


# -- forward, by reverse twice ------------------------------------------------------------------------------------------------------


def jvp(function: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """(function(*primals), J tangents): the derivative along the tangents. v^T J is linear in v, and its gradient with respect
    to v, contracted with the tangents, is J tangents: two backward passes replace a forward one (Townsend 2017)."""
    for name, several in (("primals", primals), ("tangents", tangents)):
        if not isinstance(several, (list, tuple)):
            remedy = "Write jvp(function, (x,), (v,))."
            raise TypeError(message("jvp", name, f"a {type(several).__name__}", "a tuple with one entry per argument", remedy))
    own: list[Any] = []
    with enable_grad:
        given = [_mapped(_wanting("jvp", f"primals[{i}]", own), p) for i, p in enumerate(primals)]
        out = function(*given)
        outs, ins = _tensors("jvp", out), _leaves(given)
        along = _alike("jvp", "tangents", tangents, given)
        followed = _followed([*outs, *along], own)
        dummies = [_wanting("jvp", "result", own)(np.zeros(o.shape, o.dtype)) for o in outs]
        pulled = _differentiated(outs, ins, dummies, record=True)
        found = iter(_differentiated(pulled, dummies, along, followed))
    return out if followed else _bare(out), _mapped(lambda _: next(found), out)


def jacobian(function: Function, argnum: int = 0) -> Function:
    """A function that returns all derivatives, in the shape of the result followed by that of the argument. For nested results
    or arguments there is such an array for each pair: in the nesting of the result, and inside it that of the argument."""
    return _jacobian("jacobian", function, argnum)


def _jacobian(op: str, function: Function, argnum: int) -> Function:
    @wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        given, own = list(args), []  # type: ignore[var-annotated]
        (at,) = _positions(op, argnum, len(args))
        with enable_grad:
            given[at] = _mapped(_wanting(op, f"args[{at}]", own), given[at])
            out, ins = function(*given, **keywords), _leaves(given[at])
            followed = _followed(_tensors(op, out), own)

            def of_one(o: Any) -> Any:
                blocks = iter(_rows(o, ins, followed))
                return _mapped(lambda _: next(blocks), given[at])

            return _mapped(of_one, out)

    return call


def _rows(out: Any, ins: Sequence[Any], record: bool) -> list[Any]:
    """The derivatives of one result towards each argument, one walk back for each of its elements."""
    rows: list[list[Any]] = []
    for i in range(out.size):
        seed = np.zeros(out.shape, out.dtype)
        seed.reshape(-1)[i] = 1
        rows.append(_differentiated([out], ins, [from_array(seed)], record, retain=True))
    if not rows:
        return [from_array(np.zeros((*out.shape, *x.shape), x.dtype)) for x in ins]
    return [reshape_op(stack(column), shape=(*out.shape, *x.shape)) for x, column in zip(ins, zip(*rows))]


def hessian(function: Function, argnum: int = 0) -> Function:
    """A function that returns all second derivatives of a function with a scalar result: the argument's shape twice."""
    return _jacobian("hessian", _grad("hessian", function, argnum), argnum)


def hvp(function: Function, primal: Any, vector: Any) -> Any:
    """The Hessian at primal times a vector of its shape and nesting, without the Hessian (Pearlmutter 1994)."""
    own: list[Any] = []
    with enable_grad:
        given = _mapped(_wanting("hvp", "primal", own), primal)
        ins, value = _leaves(given), _scalar("hvp", function(given))
        along = _alike("hvp", "vector", vector, given)
        followed = _followed([value, *along], own)
        slopes = _differentiated([value], ins, [_ones(value)], record=True)
        found = iter(_differentiated(slopes, ins, along, followed))
        return _mapped(lambda _: next(found), given)
