"""Embedding: a trainable table of vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad._array import Array, canonical, empty, float32
from minigrad._device import require_cpu
from minigrad._mode import no_grad
from minigrad.errors import DTypeError, ShapeError, message
from minigrad.nn import init
from minigrad.nn._module import Module, Parameter
from minigrad.nn.ops import embedding as ops

if TYPE_CHECKING:
    from typing import Any


class Embedding(Module):
    """A table of num_embeddings vectors, looked up by index: int64 (...) -> (..., embedding_dim).

    weight (num_embeddings, embedding_dim) starts with standard normal numbers. The row padding_idx starts as 0 and gets no
    gradient. max_norm must be None, and scale_grad_by_freq and sparse False; norm_type belongs to max_norm.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, _weight: Any = None,
        _freeze: bool = False, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        for name, n in (("num_embeddings", num_embeddings), ("embedding_dim", embedding_dim)):
            if isinstance(n, bool) or not hasattr(n, "__index__"):
                raise TypeError(message("Embedding", name, repr(n), "an int of at least 0"))
            if n < 0:
                raise ValueError(message("Embedding", name, n, "an int of at least 0"))
        ops.check_plain("Embedding", max_norm, scale_grad_by_freq, sparse)
        require_cpu("Embedding", device)
        self.num_embeddings, self.embedding_dim = int(num_embeddings), int(embedding_dim)
        row = ops.padding_row("Embedding", padding_idx, self.num_embeddings)
        self.padding_idx = None if row == ops.NO_PADDING else row
        self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse = max_norm, norm_type, scale_grad_by_freq, sparse
        real, shape = float32 if dtype is None else canonical(dtype, "Embedding"), (self.num_embeddings, self.embedding_dim)
        if real.kind != "f":
            raise DTypeError(message("Embedding", "dtype", real, "float32 or float64"))
        if _weight is not None and _weight.shape != shape:
            raise ShapeError(message("Embedding", "_weight", f"shape {_weight.shape}", f"shape {shape}"))
        self.weight = Parameter(empty(shape, real) if _weight is None else _weight, requires_grad=not _freeze)
        if _weight is None:
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0.0

    @classmethod
    def from_pretrained(
        cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
    ) -> Embedding:  # fmt: skip
        """A layer on an existing table, whose memory it shares; with freeze the table is not trained."""
        if not isinstance(embeddings, Array) or len(embeddings.shape) != 2:
            got = f"shape {embeddings.shape}" if isinstance(embeddings, Array) else f"a {type(embeddings).__name__}"
            raise ShapeError(message("Embedding.from_pretrained", "embeddings", got, "a tensor (num_embeddings, embedding_dim)"))
        rows, cols = embeddings.shape
        return cls(
            rows, cols, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight=embeddings, _freeze=freeze,
            dtype=embeddings.dtype,
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        """The rows that x lists."""
        return ops.embedding(x, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        """As PyTorch prints it."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
