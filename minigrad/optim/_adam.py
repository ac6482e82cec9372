"""Adam and AdamW."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _kernels as kernels
from minigrad.optim._optimizer import Group, Optimizer, check_options, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class Adam(Optimizer):
    """Steps of a size that adapts to each number's gradients (Kingma and Ba 2015):

        g = gradient + weight_decay p               (decoupled: p <- p - lr weight_decay p instead)
        m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
        p = p - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)

    amsgrad: v's largest value so far takes its place under the root (Reddi, Kale and Kumar 2018). t counts the steps of
    each parameter. eps is added after the bias correction, as in PyTorch (Keras adds it before). maximize: ascend.
    ValueError for a negative lr, eps or weight_decay, betas outside [0, 1), and an empty list.
    """

    _struct = "mg_adam"
    _fields = {
        "lr": ("lr",), "betas": ("beta1", "beta2"), "eps": ("eps",), "weight_decay": ("weight_decay",), "amsgrad": ("amsgrad",),
        "maximize": ("maximize",), "decoupled_weight_decay": ("decoupled",),
    }  # fmt: skip
    _slots = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    _kernel = kernels.adam

    def __init__(
        self, params: Iterable[Any], lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None, decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        unsupported(type(self).__name__, foreach=foreach, capturable=capturable, differentiable=differentiable, fused=fused)
        options = {
            "lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad, "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        super().__init__(params, options)

    @staticmethod
    def _check(values: dict[str, Any]) -> None:
        lr, betas, eps, decay = values["lr"], values["betas"], values["eps"], values["weight_decay"]
        check_options(
            "Adam",
            lr=(lr, lr >= 0, "a number of at least 0"),
            betas=(betas, len(betas) == 2 and all(0 <= b < 1 for b in betas), "two numbers in [0, 1)"),
            eps=(eps, eps >= 0, "a number of at least 0"),
            weight_decay=(decay, decay >= 0, "a number of at least 0"),
        )

    def _used(self, group: Group) -> tuple[str, ...]:
        return self._slots if group["amsgrad"] else self._slots[:2]

    def _reference(self, group: Group, p: Any, g: Any, state: dict[str, Any]) -> None:
        lr, (beta1, beta2) = group["lr"], group["betas"]
        g = -g if group["maximize"] else g
        if group["decoupled_weight_decay"]:
            p *= p.dtype.type(1 - lr * group["weight_decay"])
        else:
            g = g + p.dtype.type(group["weight_decay"]) * p
        m, v = state["exp_avg"].array, state["exp_avg_sq"].array
        state["step"].array += 1
        t = int(state["step"].array)
        m += (1 - beta1) * (g - m)
        v[...] = beta2 * v + (1 - beta2) * g * g
        if group["amsgrad"]:
            top = state["max_exp_avg_sq"].array
            v = np.maximum(top, v, out=top)
        p -= (lr / (1 - beta1**t) * m / (np.sqrt(v) / sqrt(1 - beta2**t) + group["eps"])).astype(p.dtype)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019): p <- p - lr weight_decay p, then Adam's step."""

    def __init__(
        self, params: Iterable[Any], lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.01, amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip
