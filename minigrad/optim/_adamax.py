"""Adamax."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._kernels import optim as kernels
from minigrad.optim._optimizer import Group, Optimizer, check_betas, check_number, check_switch, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, ClassVar


class Adamax(Optimizer):
    """Adam with a decaying maximum instead of the running mean of squares (Kingma and Ba 2015, section 7.1):

        g = gradient + weight_decay p
        m = beta1 m + (1 - beta1) g
        u = max(beta2 u, |g| + eps)
        p = p - lr / (1 - beta1^t) m / u

    m is `exp_avg` and u `exp_inf` in the state; t counts the steps of each parameter. maximize: ascend instead. ValueError
    for a negative lr, eps or weight_decay, betas outside [0, 1), and an empty list.
    """

    _struct = "mg_adamax"
    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "lr": ("lr",), "betas": ("beta1", "beta2"), "eps": ("eps",), "weight_decay": ("weight_decay",),
        "maximize": ("maximize",),
    }  # fmt: skip
    _slots = ("exp_avg", "exp_inf")
    _kernel = kernels.adamax

    def __init__(
        self, params: Iterable[Any], lr: float = 0.002, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        unsupported(type(self).__name__, foreach=foreach, differentiable=differentiable, capturable=capturable)
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        )

    @classmethod
    def _check(cls, values: dict[str, Any]) -> None:
        check_betas(cls.__name__, values["betas"])
        for option in ("lr", "eps", "weight_decay"):
            check_number(cls.__name__, option, values[option], low=0)
        check_switch(cls.__name__, "maximize", values["maximize"])

    def _used(self, group: Group) -> tuple[str, ...]:
        return self._slots

    def _reference(self, group: Group, p: Any, g: Any, state: dict[str, Any]) -> None:
        g, (beta1, beta2), eps = self._decayed(group, p, g), group["betas"], group["eps"]
        within, outside = (0, eps) if self._fixed.get("eps_outside") else (eps, 0)
        state["step"].array += 1
        m, u = state["exp_avg"].array, state["exp_inf"].array
        m += (1 - beta1) * (g - m)
        u[...] = np.maximum(beta2 * u, np.abs(g) + within)
        rate = group["lr"] / (1 - beta1 ** int(state["step"].array))
        p -= (rate * m / (u + outside)).astype(p.dtype)
