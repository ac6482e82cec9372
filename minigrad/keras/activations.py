"""Activations under Keras's names, as functions of a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.keras._get import lookup
from minigrad.nn import functional as F  # noqa: N812 - the field's name for it

if TYPE_CHECKING:
    from typing import Any

    def __getattr__(name: str) -> Any: ...


def _relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    if not threshold:
        found = F.leaky_relu(x, negative_slope) if negative_slope else F.relu(x)
    else:
        found = F.threshold(x, threshold, 0.0) - negative_slope * F.relu(threshold - x)
    return found if max_value is None else found.clip(max=max_value)


#: name: the function, its formula
_DEFINED = {
    "celu": (lambda x, alpha=1.0: F.celu(x, alpha), "x, below 0 alpha (exp(x / alpha) - 1)"),
    "elu": (lambda x, alpha=1.0: F.elu(x, alpha), "x, below 0 alpha (exp(x) - 1)"),
    "exponential": (lambda x: x.exp(), "exp(x)"),
    "gelu": (
        lambda x, approximate=False: F.gelu(x, approximate="tanh" if approximate else "none"),
        "x times the probability that a standard normal number is below it; approximate: by tanh",
    ),
    "glu": (lambda x, axis=-1: F.glu(x, axis), "the first half along the axis, times the sigmoid of the second"),
    "hard_shrink": (lambda x, threshold=0.5: F.hardshrink(x, threshold), "x where |x| > threshold, else 0"),
    "hard_sigmoid": (lambda x: F.hardsigmoid(x), "x / 6 + 1 / 2, within [0, 1]"),
    "hard_silu": (lambda x: F.hardswish(x), "x hard_sigmoid(x)"),
    "hard_tanh": (lambda x: F.hardtanh(x), "x, within [-1, 1]"),
    "leaky_relu": (lambda x, negative_slope=0.2: F.leaky_relu(x, negative_slope), "x, below 0 negative_slope x"),
    "linear": (lambda x: x, "x"),
    "log_sigmoid": (lambda x: F.logsigmoid(x), "log(sigmoid(x))"),
    "log_softmax": (lambda x, axis=-1: F.log_softmax(x, axis), "log(softmax(x))"),
    "mish": (lambda x: F.mish(x), "x tanh(softplus(x))"),
    "relu": (_relu, "x where x >= threshold, at most max_value; below it negative_slope (x - threshold)"),
    "relu6": (lambda x: F.relu6(x), "x, within [0, 6]"),
    "selu": (lambda x: F.selu(x), "scale elu(x, alpha), of the scale and alpha that keep the variance"),
    "sigmoid": (lambda x: F.sigmoid(x), "1 / (1 + exp(-x))"),
    "silu": (lambda x: F.silu(x), "x sigmoid(x)"),
    "soft_shrink": (lambda x, threshold=0.5: F.softshrink(x, threshold), "x nearer to 0 by threshold, 0 in between"),
    "softmax": (lambda x, axis=-1: F.softmax(x, axis), "exp(x) over its sum along the axis"),
    "softplus": (lambda x: F.softplus(x, threshold=40.0), "log(1 + exp(x))"),
    "softsign": (lambda x: F.softsign(x), "x / (1 + |x|)"),
    "sparse_plus": (
        lambda x: (x + 1).clip(0.0, 2.0).square() / 4 + F.relu(x - 1), "0 up to -1, (x + 1)^2 / 4 up to 1, then x"
    ),
    "sparse_sigmoid": (lambda x: ((x + 1) / 2).clip(0.0, 1.0), "(x + 1) / 2, within [0, 1]"),
    "squareplus": (lambda x, b=4: (x + (x.square() + b).sqrt()) / 2, "(x + sqrt(x^2 + b)) / 2"),
    "tanh": (lambda x: F.tanh(x), "tanh(x)"),
    "tanh_shrink": (lambda x: F.tanhshrink(x), "x - tanh(x)"),
    "threshold": (
        lambda x, threshold, default_value: F.threshold(x, threshold, default_value), "x > threshold, else default_value"
    ),
}  # fmt: skip

_TABLE: dict[str, Any] = {}
for _name, (_function, _formula) in _DEFINED.items():
    _function.__name__ = _function.__qualname__ = _name
    _function.__doc__ = f"{_formula[0].upper()}{_formula[1:]}."
    _TABLE[_name] = globals()[_name] = _function
for _other, _name in (("swish", "silu"), ("hard_swish", "hard_silu")):
    _TABLE[_other] = globals()[_other] = _TABLE[_name]
__all__ = ["get", *[_name for _name in globals() if _name in _TABLE]]


def get(identifier: Any) -> Any:
    """An activation by its name, or itself; None is linear."""
    return lookup("activations", "linear" if identifier is None else identifier, _TABLE)
