"""Adadelta."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._kernels import optim as kernels
from minigrad.optim._optimizer import Group, Optimizer, check_number, check_switch, check_weight, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, ClassVar


class Adadelta(Optimizer):
    """Steps scaled by the size of earlier steps, and so in the parameter's own unit (Zeiler 2012):

        g = gradient + weight_decay p
        v = rho v + (1 - rho) g^2
        x = sqrt(u + eps) / sqrt(v + eps) g
        u = rho u + (1 - rho) x^2
        p = p - lr x

    v is `square_avg` and u `acc_delta` in the state. maximize: ascend instead. ValueError for a negative lr, eps or
    weight_decay, a rho outside [0, 1], and an empty list.
    """

    _struct = "mg_adadelta"
    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        name: (name,) for name in ("lr", "rho", "eps", "weight_decay", "maximize")
    }
    _slots = ("square_avg", "acc_delta")
    _kernel = kernels.adadelta

    def __init__(
        self, params: Iterable[Any], lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
        foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        unsupported(type(self).__name__, foreach=foreach, capturable=capturable, differentiable=differentiable)
        super().__init__(
            params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        )

    @classmethod
    def _check(cls, values: dict[str, Any]) -> None:
        for option in ("lr", "eps", "weight_decay"):
            check_number(cls.__name__, option, values[option], low=0)
        check_weight(cls.__name__, "rho", values["rho"])
        check_switch(cls.__name__, "maximize", values["maximize"])

    def _used(self, group: Group) -> tuple[str, ...]:
        return self._slots

    def _reference(self, group: Group, p: Any, g: Any, state: dict[str, Any]) -> None:
        g, rho, eps = self._decayed(group, p, g), group["rho"], group["eps"]
        state["step"].array += 1
        v, u = state["square_avg"].array, state["acc_delta"].array
        v[...] = rho * v + (1 - rho) * g * g
        x = np.sqrt(u + eps) / np.sqrt(v + eps) * g
        u[...] = rho * u + (1 - rho) * x * x
        p -= (group["lr"] * x).astype(p.dtype)
