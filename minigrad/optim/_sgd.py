"""Stochastic gradient descent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._kernels import optim as kernels
from minigrad.errors import message
from minigrad.optim._optimizer import Group, Optimizer, check_number, check_switch, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, ClassVar


class SGD(Optimizer):
    """p <- p - lr g, optionally with momentum (Sutskever et al. 2013) in PyTorch's form:

        g   = gradient + weight_decay p
        buf = momentum buf + (1 - dampening) g      (at the first step buf = g)
        p   = p - lr buf,  nesterov: p - lr (g + momentum buf)

    params: tensors, or dicts with options of their own. maximize: ascend instead. ValueError for a negative lr,
    momentum or weight_decay, for nesterov without momentum or with dampening, and for an empty list.
    """

    _struct = "mg_sgd"
    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        name: (name,) for name in ("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize")
    }
    _slots = ("momentum_buffer",)
    _kernel = kernels.sgd

    def __init__(
        self, params: Iterable[Any], lr: float = 0.001, momentum: float = 0, dampening: float = 0,
        weight_decay: float = 0, nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None,
        differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        unsupported(type(self).__name__, foreach=foreach, differentiable=differentiable, fused=fused)
        options = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, options)

    @classmethod
    def _check(cls, values: dict[str, Any]) -> None:
        name = cls.__name__
        for option in ("lr", "momentum", "weight_decay"):
            check_number(name, option, values[option], low=0)
        check_number(name, "dampening", values["dampening"])
        check_switch(name, "nesterov", values["nesterov"])
        check_switch(name, "maximize", values["maximize"])
        if values["nesterov"] and not (values["momentum"] > 0 and values["dampening"] == 0):
            raise ValueError(message(name, "nesterov", True, "False, unless momentum > 0 and dampening = 0"))

    def _used(self, group: Group) -> tuple[str, ...]:
        return self._slots if group["momentum"] else ()

    def _reference(self, group: Group, p: Any, g: Any, state: dict[str, Any]) -> None:
        g, lr = self._decayed(group, p, g), group["lr"]
        if group["momentum"]:
            if self._fixed.get("lr_in_velocity"):
                g, lr = lr * g, 1
            buf = state["momentum_buffer"].array
            buf[...] = g if state["step"].array == 0 else group["momentum"] * buf + (1 - group["dampening"]) * g
            g = g + group["momentum"] * buf if group["nesterov"] else buf
            state["step"].array += 1
        p -= (lr * g).astype(p.dtype)
