"""Losses with margins and likelihoods as modules, and distances; the formulas are in `minigrad.nn.ops.margins` and `distance`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.errors import ShapeError, message
from minigrad.nn import functional as F  # noqa: N812 - the field's name for it
from minigrad.nn._loss import _Loss
from minigrad.nn._module import Module
from minigrad.nn.ops.margins import check_loss

if TYPE_CHECKING:
    from typing import Any


class _Margin(_Loss):
    """A loss with PyTorch's arguments in PyTorch's order; the older two must be None."""

    def __init__(self, size_average: None = None, reduce: None = None, reduction: str = "mean") -> None:
        check_loss(type(self).__name__, reduction, size_average, reduce)
        super().__init__(reduction)


class HingeEmbeddingLoss(_Margin):
    """A distance where the label is 1, max(0, margin - distance) where it is -1."""

    def __init__(
        self, margin: float = 1.0, size_average: None = None, reduce: None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of distances and labels -1 and 1."""
        return F.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class SoftMarginLoss(_Margin):
    """log(1 + exp(-target input))."""

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of scores and labels -1 and 1."""
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class MarginRankingLoss(_Margin):
    """max(0, -target (input1 - input2) + margin)."""

    def __init__(
        self, margin: float = 0.0, size_average: None = None, reduce: None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Any:
        """The loss of two scores, and 1 where the first is to be larger, else -1."""
        return F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(_Margin):
    """1 - cos where the label is 1, max(0, cos - margin) where it is -1."""

    def __init__(
        self, margin: float = 0.0, size_average: None = None, reduce: None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Any:
        """The loss of vectors (N, D) and labels -1 and 1."""
        return F.cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)


class TripletMarginLoss(_Margin):
    """max(0, margin + d(anchor, positive) - d(anchor, negative)), with the distances of PairwiseDistance(p, eps)."""

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-06, swap: bool = False, size_average: None = None,
        reduce: None = None, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        if not margin > 0:
            raise ValueError(message("TripletMarginLoss", "margin", margin, "a number above 0"))
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        """The loss of three tensors of vectors."""
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction
        )


class TripletMarginWithDistanceLoss(_Loss):
    """max(0, margin + d(anchor, positive) - d(anchor, negative)) for a function d; PairwiseDistance() by default."""

    def __init__(
        self, *, distance_function: Any = None, margin: float = 1.0, swap: bool = False, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        if not margin > 0:
            raise ValueError(message("TripletMarginWithDistanceLoss", "margin", margin, "a number above 0"))
        self.distance_function, self.margin, self.swap = distance_function, margin, swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        """The loss of three tensors of vectors."""
        return F.triplet_margin_with_distance_loss(
            anchor, positive, negative, distance_function=self.distance_function, margin=self.margin, swap=self.swap,
            reduction=self.reduction,
        )  # fmt: skip


class MultiMarginLoss(_Margin):
    """max(0, margin - x[target] + x[i])^p, summed over the other classes i and divided by C; weight: a factor per class."""

    weight: Any

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Any = None, size_average: None = None, reduce: None = None,
        reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError(message("MultiMarginLoss", "p", p, "1 or 2"))
        if weight is not None and len(weight.shape) != 1:
            raise ShapeError(message("MultiMarginLoss", "weight", f"shape {weight.shape}", "one number per class, (C,)"))
        self.register_buffer("weight", weight)
        self.p, self.margin = p, margin

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of scores (N, C) and classes (N,)."""
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


class MultiLabelMarginLoss(_Margin):
    """max(0, 1 - x[j] + x[i]), summed over the example's classes j and the others i, and divided by C."""

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of scores (N, C) and lists of classes (N, C), each up to a -1."""
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_Margin):
    """The mean over the classes of BCEWithLogitsLoss; weight: a factor per class."""

    _first_option = 1
    weight: Any

    def __init__(
        self, weight: Any = None, size_average: None = None, reduce: None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of logits (N, C) and targets 0 and 1 of their shape."""
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


class PoissonNLLLoss(_Margin):
    """Minus the log-likelihood of counts, given the logarithms of their rates (log_input) or the rates themselves."""

    def __init__(
        self, log_input: bool = True, full: bool = False, size_average: None = None, eps: float = 1e-08,
        reduce: None = None, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, log_input: Any, target: Any) -> Any:
        """The loss of log-rates and counts."""
        return F.poisson_nll_loss(log_input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction)


class GaussianNLLLoss(_Loss):
    """Minus the log-likelihood of targets under normal distributions whose mean and variance are predicted."""

    def __init__(self, *, full: bool = False, eps: float = 1e-06, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full, self.eps = full, eps

    def forward(self, input: Any, target: Any, var: Any) -> Any:
        """The loss of means, targets and variances."""
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along dim."""

    def __init__(self, dim: int = 1, eps: float = 1e-08) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Any, x2: Any) -> Any:
        """The cosines."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The p-norm of x1 - x2 + eps over the last dimension."""

    def __init__(self, p: float = 2.0, eps: float = 1e-06, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Any, x2: Any) -> Any:
        """The distances, row by row."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
