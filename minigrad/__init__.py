"""minigrad: tape-based automatic differentiation over its own C kernels, made to be read.

    >>> import minigrad as mg
    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from minigrad import autograd as autograd
from minigrad import linalg as linalg
from minigrad._absent import Absent as _Absent
from minigrad._anomaly import detect_anomaly
from minigrad._array import bool_ as bool
from minigrad._array import float32, float64, int64
from minigrad._array import float32 as float
from minigrad._array import float64 as double
from minigrad._array import free_memory as free_memory
from minigrad._array import int64 as long
from minigrad._backend import backend
from minigrad._checkpoint import checkpoint, checkpoint_sequential
from minigrad._create import (
    arange,
    as_tensor,
    empty,
    empty_like,
    eye,
    from_dlpack,
    from_numpy,
    full,
    full_like,
    linspace,
    logspace,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from minigrad._device import device
from minigrad._draw import normal, rand, rand_like, randint, randint_like, randn, randn_like, randperm
from minigrad._function import Function
from minigrad._functions import *
from minigrad._functions import __all__ as _OPS
from minigrad._generator import Generator, manual_seed
from minigrad._kernels import get_num_threads, set_num_threads
from minigrad._listing import tape
from minigrad._mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from minigrad._op import defop
from minigrad._printing import set_printoptions
from minigrad._settings import *
from minigrad._settings import __all__ as _SETTINGS
from minigrad._source import debug_mode, is_debug_mode
from minigrad._tensor import Tensor, is_tensor
from minigrad._version import __version__ as __version__
from minigrad.functional import elementwise_grad, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

_LAZY = (
    "accelerator", "backends", "cuda", "data", "datasets", "io", "keras", "metrics", "nn", "optim", "plot", "progress", "study", "testing", "utils",
)  # fmt: skip
#: Functions that come with a submodule.
_FROM = {"load": "io", "save": "io", "debug": "study", "explain": "study", "profile": "study", "show": "study"}

__all__ = [
    "Function", "Generator", "Tensor", "accelerator", "arange", "as_tensor", "autograd", "backend", "backends", "bool", "checkpoint", "checkpoint_sequential", "cuda", "data", "datasets", "debug", "debug_mode", "defop", "detect_anomaly", "device", "double", "elementwise_grad", "empty", "empty_like", "enable_grad", "explain", "eye", "float", "float32", "float64", "free_memory", "from_dlpack", "from_numpy", "full", "full_like", "get_num_threads", "grad", "hessian", "hvp", "inference_mode", "int64", "io", "is_debug_mode", "is_grad_enabled", "is_tensor", "jacobian", "jit", "jvp", "keras", "linalg", "linspace", "load", "logspace", "long", "manual_seed", "metrics", "nn", "no_grad", "normal", "ones", "ones_like", "optim", "plot", "profile", "progress", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "save", "set_grad_enabled", "set_num_threads", "set_printoptions", "show", "study", "tape", "tensor", "testing", "utils", "value_and_grad", "vjp", "zeros", "zeros_like", *_OPS, *_SETTINGS,
]  # fmt: skip


if TYPE_CHECKING:
    from minigrad import (
        accelerator,
        backends,
        cuda,
        data,
        datasets,
        io,
        keras,
        metrics,
        nn,
        optim,
        plot,
        progress,
        study,
        testing,
        utils,
    )
    from minigrad._jit import jit
    from minigrad.io import load, save
    from minigrad.study import debug, explain, profile, show
else:

    def __getattr__(name: str) -> ModuleType:
        """Submodules are imported when they are first named: `import minigrad` alone stays quick."""
        if name in _LAZY:
            return import_module(f"minigrad.{name}")
        if name == "jit":  # which brings in nn and optim
            from minigrad._jit import jit

            globals()["jit"] = jit
            return jit
        if name in _FROM:
            return getattr(import_module(f"minigrad.{_FROM[name]}"), name)
        beside = f"It is a method: x.{name}(...)." if callable(getattr(Tensor, name, None)) else ""
        raise _Absent("minigrad", name, {**globals(), **dict.fromkeys(__all__)}, beside)

    def __dir__() -> list[str]:
        """For completion: what is imported later, too."""
        return sorted({*globals(), *__all__})
