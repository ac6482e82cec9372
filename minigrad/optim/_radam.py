"""RAdam."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from minigrad._kernels import optim as kernels
from minigrad.optim._optimizer import Group, Optimizer, check_betas, check_number, check_switch, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, ClassVar


class RAdam(Optimizer):
    """Adam that adapts only once there are enough squares to trust their mean (Liu et al. 2020):

        g = gradient + weight_decay p               (decoupled: p <- p - lr weight_decay p instead)
        m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
        p = p - lr m / (1 - beta1^t),  and where rho_t > 5
        p = p - lr m / (1 - beta1^t) r_t sqrt(1 - beta2^t) / (sqrt(v) + eps)

    rho_t = rho - 2 t beta2^t / (1 - beta2^t), with rho = 2 / (1 - beta2) - 1, is about the number of gradients in v, and
    r_t = sqrt((rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t)) corrects for its variance. t counts the steps of
    each parameter. maximize: ascend. ValueError for a negative lr, eps or weight_decay, betas outside [0, 1), and an
    empty list.
    """

    _struct = "mg_radam"
    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "lr": ("lr",), "betas": ("beta1", "beta2"), "eps": ("eps",), "weight_decay": ("weight_decay",),
        "decoupled_weight_decay": ("decoupled",), "maximize": ("maximize",),
    }  # fmt: skip
    _slots = ("exp_avg", "exp_avg_sq")
    _kernel = kernels.radam

    def __init__(
        self, params: Iterable[Any], lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        unsupported(type(self).__name__, foreach=foreach, capturable=capturable, differentiable=differentiable)
        options = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, options)

    @classmethod
    def _check(cls, values: dict[str, Any]) -> None:
        check_betas(cls.__name__, values["betas"])
        for option in ("lr", "eps", "weight_decay"):
            check_number(cls.__name__, option, values[option], low=0)
        for option in ("decoupled_weight_decay", "maximize"):
            check_switch(cls.__name__, option, values[option])

    def _used(self, group: Group) -> tuple[str, ...]:
        return self._slots

    def _reference(self, group: Group, p: Any, g: Any, state: dict[str, Any]) -> None:
        g, (beta1, beta2) = self._decayed(group, p, g), group["betas"]
        state["step"].array += 1
        t = int(state["step"].array)
        m, v = state["exp_avg"].array, state["exp_avg_sq"].array
        m += (1 - beta1) * (g - m)
        v[...] = beta2 * v + (1 - beta2) * g * g
        limit = 2 / (1 - beta2) - 1
        rho, x = limit - 2 * t * beta2**t / (1 - beta2**t), m
        if rho > 5:
            r = sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
            x = r * sqrt(1 - beta2**t) * m / (np.sqrt(v) + group["eps"])
        p -= (group["lr"] / (1 - beta1**t) * x).astype(p.dtype)
