"""minigrad: tape-based automatic differentiation over its own C kernels, made to be read.

    >>> import minigrad as mg
    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
"""

from importlib import import_module
from types import ModuleType

from minigrad import autograd as autograd
from minigrad._array import bool_ as bool
from minigrad._array import float32, float64, int64
from minigrad._array import free_memory as free_memory
from minigrad._create import (
    arange,
    as_tensor,
    empty,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from minigrad._device import device
from minigrad._kernels import get_num_threads, set_num_threads
from minigrad._op import backend
from minigrad._tape import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from minigrad._tensor import Tensor
from minigrad._version import __version__ as __version__
from minigrad.ops.activation import relu, sigmoid, tanh
from minigrad.ops.elementwise import (
    abs,
    add,
    clone,
    cos,
    div,
    erf,
    exp,
    expm1,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    mul,
    neg,
    sign,
    sin,
    sqrt,
    square,
    sub,
    where,
)
from minigrad.ops.elementwise import equals as eq
from minigrad.ops.elementwise import greater as gt
from minigrad.ops.elementwise import greater_equal as ge
from minigrad.ops.elementwise import less as lt
from minigrad.ops.elementwise import less_equal as le
from minigrad.ops.elementwise import not_equal as ne
from minigrad.ops.elementwise import power as pow
from minigrad.ops.layout import broadcast_to, expand, flatten, permute, reshape, squeeze, transpose, unsqueeze
from minigrad.ops.linalg import matmul
from minigrad.ops.random import Generator, bernoulli, manual_seed, rand, randint, randn, randperm
from minigrad.ops.reduce import amax, amin, argmax, argmin, logsumexp, max, mean, min, sum
from minigrad.ops.softmax import log_softmax, softmax

_LAZY = ("cuda", "data", "datasets", "nn", "optim", "testing")

__all__ = [
    "Generator",
    "Tensor",
    "abs",
    "add",
    "amax",
    "amin",
    "arange",
    "argmax",
    "argmin",
    "as_tensor",
    "autograd",
    "backend",
    "bernoulli",
    "bool",
    "broadcast_to",
    "clone",
    "cos",
    "cuda",
    "data",
    "datasets",
    "device",
    "div",
    "empty",
    "enable_grad",
    "eq",
    "erf",
    "exp",
    "expand",
    "expm1",
    "eye",
    "flatten",
    "float32",
    "float64",
    "free_memory",
    "from_numpy",
    "full",
    "full_like",
    "ge",
    "get_num_threads",
    "gt",
    "inference_mode",
    "int64",
    "is_grad_enabled",
    "le",
    "linspace",
    "log",
    "log1p",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logsumexp",
    "lt",
    "manual_seed",
    "matmul",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mul",
    "ne",
    "neg",
    "nn",
    "no_grad",
    "ones",
    "ones_like",
    "optim",
    "permute",
    "pow",
    "rand",
    "randint",
    "randn",
    "randperm",
    "relu",
    "reshape",
    "set_grad_enabled",
    "set_num_threads",
    "sigmoid",
    "sign",
    "sin",
    "softmax",
    "sqrt",
    "square",
    "squeeze",
    "sub",
    "sum",
    "tanh",
    "tensor",
    "testing",
    "transpose",
    "unsqueeze",
    "where",
    "zeros",
    "zeros_like",
]


def __getattr__(name: str) -> ModuleType:
    """Submodules are imported when they are first named: `import minigrad` alone stays quick."""
    if name in _LAZY:
        return import_module(f"minigrad.{name}")
    raise AttributeError(f"module 'minigrad' has no attribute {name!r}")
