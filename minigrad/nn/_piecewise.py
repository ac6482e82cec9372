"""Piecewise linear and similar activations as modules; the functions are in `minigrad.nn.ops.activation`. inplace=True has
no effect, as in `_activation`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._array import canonical, empty, float32
from minigrad._device import require_cpu
from minigrad.errors import DTypeError, message
from minigrad.nn import functional as F  # noqa: N812 - the field's name for it
from minigrad.nn import init
from minigrad.nn._activation import _shown
from minigrad.nn._module import Module, Parameter

if TYPE_CHECKING:
    from typing import Any


class Hardtanh(Module):
    """x limited to [min_val, max_val]; inplace has no effect."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if not max_val > min_val:
            raise ValueError(message(type(self).__name__, "max_val", max_val, f"a number above min_val, {min_val}"))
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace

    def forward(self, x: Any) -> Any:
        """x within its bounds."""
        return F.hardtanh(x, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return ", ".join([f"min_val={self.min_val}", f"max_val={self.max_val}", *_shown(self.inplace)])


class ReLU6(Hardtanh):
    """min(max(x, 0), 6); inplace has no effect."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return "".join(_shown(self.inplace))


class Hardsigmoid(Module):
    """x / 6 + 1 / 2 between 0 and 1; inplace has no effect."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, x: Any) -> Any:
        """The straight sigmoid of x."""
        return F.hardsigmoid(x)


class Hardswish(Module):
    """x hardsigmoid(x); inplace has no effect."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, x: Any) -> Any:
        """The product of x and its straight sigmoid."""
        return F.hardswish(x)


class Threshold(Module):
    """x where it is above the threshold, else value; inplace has no effect."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, x: Any) -> Any:
        """x, or the value."""
        return F.threshold(x, self.threshold, self.value)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return ", ".join([f"threshold={self.threshold}", f"value={self.value}", *_shown(self.inplace)])


class Softshrink(Module):
    """x moved towards 0 by lambd, and 0 where |x| <= lambd."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        if not lambd >= 0:
            raise ValueError(message("Softshrink", "lambd", lambd, "a number of at least 0"))
        self.lambd = lambd

    def forward(self, x: Any) -> Any:
        """The shrunken x."""
        return F.softshrink(x, self.lambd)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return str(self.lambd)


class Hardshrink(Module):
    """x where |x| > lambd, else 0."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, x: Any) -> Any:
        """x, or 0."""
        return F.hardshrink(x, self.lambd)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return str(self.lambd)


class PReLU(Module):
    """x where x > 0, else weight x, where the weight is learned: one, or one for each channel (He et al. 2015).

    weight (num_parameters,) starts at init. Exclude it from weight decay, which would pull it towards ReLU.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        if isinstance(num_parameters, bool) or not hasattr(num_parameters, "__index__") or num_parameters < 1:
            raise ValueError(message("PReLU", "num_parameters", repr(num_parameters), "an int of at least 1"))
        require_cpu("PReLU", device)
        real = float32 if dtype is None else canonical(dtype, "PReLU")
        if real.kind != "f":
            raise DTypeError(message("PReLU", "dtype", real, "float32 or float64"))
        self.num_parameters, self.init = int(num_parameters), init
        self.weight = Parameter(empty((self.num_parameters,), real))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Sets all weights to init again."""
        init.constant_(self.weight, self.init)

    def forward(self, x: Any) -> Any:
        """x, or weight x."""
        return F.prelu(x, self.weight)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """x where x > 0, else a slope times x: in training drawn from [lower, upper] for each element, in evaluation the middle
    of that interval (Xu et al. 2015). inplace has no effect."""

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        if not lower <= upper:
            raise ValueError(message("RReLU", "upper", upper, f"at least lower, {lower}"))
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, x: Any) -> Any:
        """x, or a slope times it."""
        return F.rrelu(x, self.lower, self.upper, self.training)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        return ", ".join([f"lower={self.lower}", f"upper={self.upper}", *_shown(self.inplace)])
