"""Activations under Keras's names, as functions of a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.keras._get import lookup
from minigrad.nn import functional as F  # noqa: N812 - the field's name for it

if TYPE_CHECKING:
    from typing import Any

    def __getattr__(name: str) -> Any: ...


def _relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    found = F.leaky_relu(x, negative_slope) if negative_slope else F.relu(x)
    if threshold:
        found = F.threshold(x, threshold, 0.0) - negative_slope * F.relu(threshold - x)
    return found if max_value is None else found.clip(max=max_value)


_TABLE: dict[str, Any] = {
    "elu": lambda x, alpha=1.0: F.elu(x, alpha),
    "exponential": lambda x: x.exp(),
    "gelu": lambda x, approximate=False: F.gelu(x, approximate="tanh" if approximate else "none"),
    "hard_sigmoid": lambda x: F.hardsigmoid(x),
    "leaky_relu": lambda x, negative_slope=0.2: F.leaky_relu(x, negative_slope),
    "linear": lambda x: x,
    "log_softmax": lambda x, axis=-1: F.log_softmax(x, axis),
    "relu": _relu,
    "selu": lambda x: F.selu(x),
    "sigmoid": lambda x: F.sigmoid(x),
    "silu": lambda x: F.silu(x),
    "softmax": lambda x, axis=-1: F.softmax(x, axis),
    "softplus": lambda x: F.softplus(x, threshold=40.0),
    "softsign": lambda x: F.softsign(x),
    "tanh": lambda x: F.tanh(x),
}
for _name, _function in _TABLE.items():
    _function.__name__ = _name
_TABLE["swish"] = _TABLE["silu"]
globals().update(_TABLE)


def get(identifier: Any) -> Any:
    """An activation by its name, or itself; None is linear."""
    return lookup("activations", "linear" if identifier is None else identifier, _TABLE)
