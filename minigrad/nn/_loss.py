"""Losses as modules: criterion(input, target). The formulas are in `minigrad.nn.ops.losses` and `crossentropy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.errors import message
from minigrad.nn import functional as F  # noqa: N812 - the field's name for it
from minigrad.nn._module import Module
from minigrad.nn.ops.losses import check_reduction

if TYPE_CHECKING:
    from typing import Any


class _Loss(Module):
    """Keeps the reduction: "mean", "sum" or "none"."""

    _more_reductions: tuple[str, ...] = ()

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        check_reduction(type(self).__name__, reduction, *self._more_reductions)
        self.reduction = reduction


class MSELoss(_Loss):
    """The mean of (input - target)^2 over all elements."""

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of a prediction."""
        return F.mse_loss(input, target, self.reduction)


class L1Loss(_Loss):
    """The mean of |input - target| over all elements."""

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of a prediction."""
        return F.l1_loss(input, target, self.reduction)


class SmoothL1Loss(_Loss):
    """d^2 / (2 beta) where |d| < beta, else |d| - beta / 2."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of a prediction."""
        return F.smooth_l1_loss(input, target, self.reduction, self.beta)


class HuberLoss(_Loss):
    """d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2)."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of a prediction."""
        return F.huber_loss(input, target, self.reduction, self.delta)


class BCELoss(_Loss):
    """-(t log p + (1 - t) log(1 - p)) of probabilities p; BCEWithLogitsLoss takes logits and is more exact."""

    _first_option = 1
    weight: Any

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of probabilities."""
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_Loss):
    """BCELoss of sigmoid(input), computed from the logits; pos_weight scales the terms of positive examples."""

    _first_option = 1
    weight: Any
    pos_weight: Any

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of logits."""
        return F.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


class CrossEntropyLoss(_Loss):
    """Cross-entropy of softmax(input): input holds LOGITS (N, C), target labels (N,) or probabilities (N, C)."""

    _first_option = 1
    weight: Any

    def __init__(
        self, weight: Any = None, size_average: None = None, ignore_index: int = -100, reduce: None = None,
        reduction: str = "mean", label_smoothing: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(reduction)
        if size_average is not None or reduce is not None:
            remedy = "Write reduction='mean', 'sum' or 'none'."
            raise ValueError(message("CrossEntropyLoss", "size_average, reduce", "a value", "None", remedy))
        self.register_buffer("weight", weight)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of logits."""
        return F.cross_entropy(
            input, target, self.weight, None, self.ignore_index, None, self.reduction, self.label_smoothing
        )


class NLLLoss(_Loss):
    """Minus the log-probability of each label; its input is the output of LogSoftmax."""

    _first_option = 1
    weight: Any

    def __init__(self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of log-probabilities."""
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class KLDivLoss(_Loss):
    """t (log t - x) of log-probabilities x and probabilities t; "batchmean" is the mean of the divergences."""

    _more_reductions = ("batchmean",)

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of log-probabilities."""
        return F.kl_div(input, target, self.reduction, self.log_target)
