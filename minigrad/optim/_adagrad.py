"""Adagrad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._kernels import optim as kernels
from minigrad.optim._optimizer import Group, Optimizer, check_number, check_switch, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, ClassVar


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients so far (Duchi, Hazan and Singer 2011):

        g   = gradient + weight_decay p
        sum = sum + g^2                             (at first initial_accumulator_value)
        p   = p - lr / (1 + (t - 1) lr_decay) g / (sqrt(sum) + eps)

    t counts the steps of each parameter. A group may have its own initial_accumulator_value, which PyTorch would ignore; it
    takes effect when a parameter is first updated. maximize: ascend instead. ValueError for a negative lr, lr_decay,
    weight_decay, initial_accumulator_value or eps, and for an empty list.
    """

    _struct = "mg_adagrad"
    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        name: (name,) for name in ("lr", "lr_decay", "weight_decay", "eps", "maximize")
    }
    _slots = ("sum",)
    _kernel = kernels.adagrad

    def __init__(
        self, params: Iterable[Any], lr: float = 0.01, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        unsupported(type(self).__name__, foreach=foreach, differentiable=differentiable, fused=fused)
        options = {
            "lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "eps": eps, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, options)

    @classmethod
    def _check(cls, values: dict[str, Any]) -> None:
        for option in ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"):
            check_number(cls.__name__, option, values[option], low=0)
        check_switch(cls.__name__, "maximize", values["maximize"])

    def _used(self, group: Group) -> tuple[str, ...]:
        return self._slots

    def _initial(self, group: Group, name: str) -> float:
        return float(group["initial_accumulator_value"])

    def _reference(self, group: Group, p: Any, g: Any, state: dict[str, Any]) -> None:
        g, eps = self._decayed(group, p, g), group["eps"]
        rate = group["lr"] / (1 + int(state["step"].array) * group["lr_decay"])
        state["step"].array += 1
        sum = state["sum"].array
        sum += g * g
        below = np.sqrt(sum + eps) if self._fixed.get("eps_inside") else np.sqrt(sum) + eps
        p -= (rate * g / below).astype(p.dtype)
