"""Adam and AdamW."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from minigrad._kernels import optim as kernels
from minigrad.optim._optimizer import Group, Optimizer, check_betas, check_number, check_switch, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, ClassVar


class Adam(Optimizer):
    """Steps whose size adapts to the gradients of each number (Kingma and Ba 2015):

        g = gradient + weight_decay p               (decoupled: p <- p - lr weight_decay p instead)
        m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
        p = p - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)

    amsgrad: the largest v so far replaces v under the root (Reddi, Kale and Kumar 2018). t counts the steps of
    each parameter. eps is added after the bias correction, as in PyTorch (Keras adds it before). maximize: ascend.
    ValueError for a negative lr, eps or weight_decay, betas outside [0, 1), and an empty list.
    """

    _struct = "mg_adam"
    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "lr": ("lr",), "betas": ("beta1", "beta2"), "eps": ("eps",), "weight_decay": ("weight_decay",),
        "amsgrad": ("amsgrad",), "maximize": ("maximize",), "decoupled_weight_decay": ("decoupled",),
    }  # fmt: skip
    _slots = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    _kernel = kernels.adam

    def __init__(
        self, params: Iterable[Any], lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        unsupported(name, foreach=foreach, capturable=capturable, differentiable=differentiable, fused=fused)
        options = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        super().__init__(params, options)

    @classmethod
    def _check(cls, values: dict[str, Any]) -> None:
        name = cls.__name__
        check_betas(name, values["betas"])
        for option in ("lr", "eps", "weight_decay"):
            check_number(name, option, values[option], low=0)
        for option in ("amsgrad", "maximize", "decoupled_weight_decay"):
            check_switch(name, option, values[option])

    def _used(self, group: Group) -> tuple[str, ...]:
        return self._slots if group["amsgrad"] else self._slots[:2]

    def _reference(self, group: Group, p: Any, g: Any, state: dict[str, Any]) -> None:
        g, lr, (beta1, beta2) = self._decayed(group, p, g), group["lr"], group["betas"]
        m, v = state["exp_avg"].array, state["exp_avg_sq"].array
        state["step"].array += 1
        t = int(state["step"].array)
        m += (1 - beta1) * (g - m)
        v[...] = beta2 * v + (1 - beta2) * g * g
        if group["amsgrad"]:
            top = state["max_exp_avg_sq"].array
            v = np.maximum(top, v, out=top)
        root, eps = sqrt(1 - beta2**t), group["eps"]
        eps = eps / root if self._fixed.get("eps_hat") else eps
        p -= (lr / (1 - beta1**t) * m / (np.sqrt(v) / root + eps)).astype(p.dtype)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019): p <- p - lr weight_decay p, then Adam's step."""

    def __init__(
        self, params: Iterable[Any], lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.01, amsgrad: bool = False, *, maximize: bool = False, foreach: bool | None = None,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip
