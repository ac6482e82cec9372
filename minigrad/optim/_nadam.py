"""NAdam."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from minigrad._kernels import optim as kernels
from minigrad.optim._optimizer import Group, Optimizer, check_betas, check_number, check_switch, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, ClassVar


class NAdam(Optimizer):
    """Adam with Nesterov's look-ahead (Dozat 2016, "Incorporating Nesterov momentum into Adam"):

        g = gradient + weight_decay p               (decoupled: p <- p - lr weight_decay p instead)
        m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
        x = (1 - mu_t) g / (1 - mu_1 ... mu_t) + mu_(t+1) m / (1 - mu_1 ... mu_(t+1))
        p = p - lr x / (sqrt(v / (1 - beta2^t)) + eps)

    with a momentum that warms up, mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2). t counts the steps of each parameter.
    In the state, m is `exp_avg`, v `exp_avg_sq`, and mu_1 ... mu_t `mu_product`, a float64. maximize: ascend. ValueError for a
    negative lr, eps, weight_decay or momentum_decay, betas outside [0, 1), and an empty list.
    """

    _struct = "mg_nadam"
    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "lr": ("lr",), "betas": ("beta1", "beta2"), "eps": ("eps",), "weight_decay": ("weight_decay",),
        "momentum_decay": ("momentum_decay",), "decoupled_weight_decay": ("decoupled",), "maximize": ("maximize",),
    }  # fmt: skip
    _slots = ("exp_avg", "exp_avg_sq", "mu_product")
    _scalars = ("mu_product",)
    _kernel = kernels.nadam

    def __init__(
        self, params: Iterable[Any], lr: float = 0.002, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, momentum_decay: float = 0.004, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        unsupported(type(self).__name__, foreach=foreach, capturable=capturable, differentiable=differentiable)
        options = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, options)

    @classmethod
    def _check(cls, values: dict[str, Any]) -> None:
        check_betas(cls.__name__, values["betas"])
        for option in ("lr", "eps", "weight_decay", "momentum_decay"):
            check_number(cls.__name__, option, values[option], low=0)
        for option in ("decoupled_weight_decay", "maximize"):
            check_switch(cls.__name__, option, values[option])

    def _used(self, group: Group) -> tuple[str, ...]:
        return self._slots

    def _initial(self, group: Group, name: str) -> float:
        return 1 if name == "mu_product" else 0

    def _reference(self, group: Group, p: Any, g: Any, state: dict[str, Any]) -> None:
        g, lr, (beta1, beta2) = self._decayed(group, p, g), group["lr"], group["betas"]
        state["step"].array += 1
        t = int(state["step"].array)
        mu, ahead = [beta1 * (1 - 0.5 * 0.96 ** (s * group["momentum_decay"])) for s in (t, t + 1)]
        state["mu_product"].array *= mu
        product = float(state["mu_product"].array)
        m, v = state["exp_avg"].array, state["exp_avg_sq"].array
        m += (1 - beta1) * (g - m)
        v[...] = beta2 * v + (1 - beta2) * g * g
        x = (1 - mu) / (1 - product) * g + ahead / (1 - product * ahead) * m
        p -= (lr * x / (np.sqrt(v) / sqrt(1 - beta2**t) + group["eps"])).astype(p.dtype)
