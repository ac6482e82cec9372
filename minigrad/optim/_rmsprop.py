"""RMSprop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._kernels import optim as kernels
from minigrad.optim._optimizer import Group, Optimizer, check_number, check_switch, check_weight, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, ClassVar


class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of squared gradients (Tieleman and Hinton 2012):

        g = gradient + weight_decay p
        v = alpha v + (1 - alpha) g^2
        x = g / (sqrt(v) + eps)
        p = p - lr x,  with momentum: buf = momentum buf + x, p = p - lr buf

    centered: the variance v - a^2 replaces v under the root, with a = alpha a + (1 - alpha) g, the running mean of
    the gradients (Graves 2013, "Generating sequences with recurrent neural networks"). maximize: ascend instead.
    ValueError for a negative lr, eps, weight_decay or momentum, an alpha outside [0, 1], and an empty list.
    """

    _struct = "mg_rmsprop"
    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        name: (name,) for name in ("lr", "alpha", "eps", "weight_decay", "momentum", "centered", "maximize")
    }
    _slots = ("square_avg", "momentum_buffer", "grad_avg")
    _kernel = kernels.rmsprop

    def __init__(
        self, params: Iterable[Any], lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
        momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        unsupported(type(self).__name__, foreach=foreach, capturable=capturable, differentiable=differentiable)
        options = {
            "lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum,
            "centered": centered, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, options)

    @classmethod
    def _check(cls, values: dict[str, Any]) -> None:
        name = cls.__name__
        for option in ("lr", "eps", "weight_decay", "momentum"):
            check_number(name, option, values[option], low=0)
        check_weight(name, "alpha", values["alpha"])
        check_switch(name, "centered", values["centered"])
        check_switch(name, "maximize", values["maximize"])

    def _used(self, group: Group) -> tuple[str, ...]:
        asked = {"square_avg": True, "momentum_buffer": group["momentum"], "grad_avg": group["centered"]}
        return tuple([name for name in self._slots if asked[name]])

    def _reference(self, group: Group, p: Any, g: Any, state: dict[str, Any]) -> None:
        g, lr, alpha, eps = self._decayed(group, p, g), group["lr"], group["alpha"], group["eps"]
        state["step"].array += 1
        v = state["square_avg"].array
        v[...] = alpha * v + (1 - alpha) * g * g
        if group["centered"]:
            mean = state["grad_avg"].array
            mean += (1 - alpha) * (g - mean)
            v = np.maximum(v - mean * mean, 0)
        x = g / (np.sqrt(v + eps) if self._fixed.get("eps_inside") else np.sqrt(v) + eps)
        if group["momentum"]:
            if self._fixed.get("lr_in_velocity"):
                x, lr = lr * x, 1
            buf = state["momentum_buffer"].array
            buf[...] = group["momentum"] * buf + x
            x = buf
        p -= (lr * x).astype(p.dtype)
