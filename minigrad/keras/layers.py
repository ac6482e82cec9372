"""Layers under Keras's names, arguments and defaults, over the functions of `minigrad.nn`.

A layer makes its weights when it first learns the shape of its input. They are stored as PyTorch stores them;
`weights`, `get_weights()` and `set_weights()` speak of them in Keras's layout, a kernel being (in, units).
"""

from __future__ import annotations

from difflib import get_close_matches
from inspect import signature
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from minigrad import _writes
from minigrad._array import Array, canonical, duplicate, float32, from_array, int64
from minigrad._generator import Generator
from minigrad.errors import ShapeError, message
from minigrad.keras import activations, initializers, regularizers
from minigrad.keras._get import snake
from minigrad.nn import functional as F  # noqa: N812 - the field's name for it
from minigrad.nn._module import Module, Parameter
from minigrad.nn.ops import norm
from minigrad.nn.utils import in_mode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Shape = tuple[Any, ...]

_counts: dict[str, int] = {}


def clear_session() -> None:
    """Lets the names of layers and models begin anew: the next Dense is "dense" again. There is no other state to
    clear: models are freed when nobody refers to them."""
    _counts.clear()


def _unique_name(kind: str) -> str:
    """Dense -> dense, dense_1, ...; BatchNormalization -> batch_normalization."""
    stem = snake(kind)
    number = _counts[stem] = _counts.get(stem, -1) + 1
    return f"{stem}_{number}" if number else stem


class Input:
    """The shape of one sample: `Sequential([Input(shape=(4,)), Dense(1)])` has its weights at once."""

    def __init__(
        self, shape: Any = None, batch_size: int | None = None, dtype: Any = None, name: str | None = None
    ) -> None:
        if not isinstance(shape, (tuple, list)):
            remedy = "One feature count is written (4,), with the comma."
            raise ValueError(message("Input", "shape", repr(shape), "a tuple of ints", remedy))
        self.dtype = canonical(float32 if dtype is None else dtype, "Input")
        self.batch_shape, self.name = (batch_size, *shape), name


class Layer(Module):
    """The base: a name, weights that are made by build(input_shape), and forward(x).

    trainable: False freezes the weights. input_shape, input_dim: the shape of one sample, on a first layer, as older
    programs write it instead of an Input. Outside of fit a layer infers: `layer(x)` drops nothing, `layer(x,
    training=True)` does.
    """

    #: Names of the weights, in Keras's order; the one that Keras holds the other way round.
    _order: tuple[str, ...] = ("weight", "bias")
    _turned = ""
    weight: Any

    def __init__(
        self, name: str | None = None, trainable: bool = True, dtype: Any = None, input_shape: Any = None,
        input_dim: int | None = None, **unknown: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        if unknown:
            known = [p for base in type(self).__mro__[:-1] for p in signature(base).parameters]
            near = get_close_matches(next(iter(unknown)), known, 3, 0.5)
            remedy = f"Did you mean {' or '.join(near)}?" if near else f"See help({type(self).__name__})."
            raise TypeError(message(type(self).__name__, "options", ", ".join(unknown), "options of the layer", remedy))
        self.name = name or _unique_name(type(self).__name__)
        self.dtype = canonical(float32 if dtype is None else dtype, type(self).__name__)
        given = (input_dim,) if input_shape is None and input_dim is not None else input_shape
        self.batch_shape: Shape | None = None if given is None else (None, *given)
        self.built, self._trainable, self.training = False, bool(trainable), False
        self.penalties: list[tuple[Any, str]] = []

    def build(self, input_shape: Shape) -> None:
        """Makes the weights for inputs of this shape, (None, features) or longer; a second call changes nothing."""
        if not self.built:
            self._make(tuple(input_shape))
            self.built = True
            if not self._trainable:
                self.trainable = False

    def _make(self, input_shape: Shape) -> None:
        """Weights of a subclass; a layer that has none needs no _make."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of what comes out, None standing for the batch."""
        return tuple(input_shape)

    def _add(self, name: str, shape: Shape, initializer: Any, regularizer: Any = None) -> None:
        """A parameter from an initializer, which is asked for Keras's layout."""
        array = initializers.get(initializer)(shape, dtype=self.dtype).array
        setattr(self, name, Parameter(duplicate(array.T if name == self._turned else array)))
        if regularizer is not None:
            self.penalties.append((regularizers.get(regularizer), name))

    def penalty(self) -> Any:
        """The sum of what the regularizers of all layers within ask for, a tensor; None without any."""
        known = [(layer, p) for layer in self.modules() for p in getattr(layer, "penalties", ())]
        parts = [penalty(getattr(layer, name)) for layer, (penalty, name) in known]
        return sum(parts[1:], parts[0]) if parts else None

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        x = x if isinstance(x, Array) else from_array(np.asarray(x, self.dtype))
        self.build((None, *x.shape[1:]))
        if training is None or training is self.training:
            return super().__call__(x)
        with in_mode(self, training):
            return super().__call__(x)

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights. Set it before compile."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.modules():
            layer._trainable = bool(value)
        self.requires_grad_(bool(value))

    def _tensor_list(self) -> list[tuple[Any, Any]]:
        """(as stored, in Keras's layout) of each weight, in Keras's order; the two share memory."""
        found = [(name, getattr(self, name, None)) for name in self._order]
        return [(t, t.detach().T if name == self._turned else t) for name, t in found if t is not None]

    @property
    def weights(self) -> list[Any]:
        """All weights, as tensors in Keras's layout that share the layer's memory."""
        return [shown for _, shown in self._tensor_list()]

    @property
    def trainable_weights(self) -> list[Any]:
        """Those that training changes. An optimizer of minigrad takes `parameters()` instead."""
        return [shown for stored, shown in self._tensor_list() if stored.requires_grad]

    @property
    def non_trainable_weights(self) -> list[Any]:
        """Frozen ones, and running statistics."""
        return [shown for stored, shown in self._tensor_list() if not stored.requires_grad]

    def count_params(self) -> int:
        """How many numbers all weights hold. ValueError before the layer is built."""
        if not self.built:
            got = f"the layer {self.name}, which has no weights yet"
            remedy = "Put an Input first, or call build(input_shape)."
            raise ValueError(message("count_params", "", got, "a built one", remedy))
        return sum(w.size for w in self.weights)

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Copies of all weights, as NumPy arrays in Keras's layout."""
        return [w.array.copy() for w in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Takes over arrays in the order and layout of get_weights. ValueError, before anything has changed, for
        another number of arrays or another shape."""
        op, mine, given = f"{self.name}.set_weights", self._tensor_list(), [np.asarray(w) for w in weights]
        if len(given) != len(mine):
            raise ValueError(message(op, "weights", f"{len(given)} arrays", f"{len(mine)}"))
        for i, ((_, w), array) in enumerate(zip(mine, given)):
            if w.shape != array.shape:
                raise ShapeError(message(op, f"weights[{i}]", f"shape {array.shape}", f"{w.shape}"))
        for (stored, shown), array in zip(mine, given):
            np.copyto(shown.array, array, casting="same_kind")
            _writes.note(stored.array, "set_weights")

    def extra_repr(self) -> str:
        """As Keras prints it."""
        return f"name={self.name}, built={self.built}"


class Dense(Layer):
    """activation(x kernel + bias): x (..., in) -> (..., units). The kernel is (in, units), Glorot-uniform at first."""

    _turned = "weight"
    bias: Any = None

    def __init__(
        self, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None, **common: Any,
    ) -> None:  # fmt: skip
        if isinstance(units, bool) or not hasattr(units, "__index__") or units < 1:
            raise ValueError(message("Dense", "units", repr(units), "an int of at least 1"))
        super().__init__(**common)
        self.units, self.use_bias, self.activation = int(units), use_bias, activations.get(activation)
        self._kernel_from = kernel_initializer, kernel_regularizer
        self._bias_from = bias_initializer, bias_regularizer

    def _make(self, input_shape: Shape) -> None:
        self._add("weight", (input_shape[-1], self.units), *self._kernel_from)
        if self.use_bias:
            self._add("bias", (self.units,), *self._bias_from)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def forward(self, x: Any) -> Any:
        return self.activation(F.linear(x, self.weight, self.bias))


class Activation(Layer):
    """A function of a tensor, by name or itself: Activation("relu")."""

    def __init__(self, activation: Any, **common: Any) -> None:
        super().__init__(**common)
        self.activation = activations.get(activation)

    def forward(self, x: Any) -> Any:
        return self.activation(x)


class Dropout(Layer):
    """In training each number becomes 0 with probability rate, the rest is scaled by 1 / (1 - rate). seed: a stream of
    random numbers of the layer's own."""

    def __init__(self, rate: float, noise_shape: None = None, seed: int | None = None, **common: Any) -> None:
        if not 0 <= rate <= 1:
            raise ValueError(message("Dropout", "rate", rate, "a number in [0, 1]"))
        if noise_shape is not None:
            raise ValueError(message("Dropout", "noise_shape", noise_shape, "None: each number is dropped by itself"))
        super().__init__(**common)
        self.rate, self.generator = rate, None if seed is None else Generator().manual_seed(seed)

    def forward(self, x: Any) -> Any:
        return F.dropout(x, self.rate, True, generator=self.generator) if self.training and self.rate else x


class Flatten(Layer):
    """All dimensions but the batch as one: (N, 8, 8) -> (N, 64)."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape[0], prod(input_shape[1:])

    def forward(self, x: Any) -> Any:
        return x.reshape(self.compute_output_shape(x.shape))


class Embedding(Layer):
    """A row of `output_dim` numbers for each integer below `input_dim`: (N, length) -> (N, length, output_dim)."""

    def __init__(
        self, input_dim: int, output_dim: int, embeddings_initializer: Any = "random_uniform",
        embeddings_regularizer: Any = None, **common: Any,
    ) -> None:  # fmt: skip
        super().__init__(**common)
        self.input_dim, self.output_dim = input_dim, output_dim
        self._from = embeddings_initializer, embeddings_regularizer

    def _make(self, input_shape: Shape) -> None:
        self._add("weight", (self.input_dim, self.output_dim), *self._from)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.output_dim)

    def forward(self, x: Any) -> Any:
        return F.embedding(x if x.dtype is int64 else x.to(int64), self.weight)


class LayerNormalization(Layer):
    """Each sample to mean 0 and variance 1 along its last axis, then scaled by gamma and shifted by beta."""

    _axes: tuple[int, ...] = (-1,)
    bias: Any = None

    def __init__(
        self, axis: int = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True, **common: Any
    ) -> None:
        if axis not in self._axes:
            raise ValueError(message(type(self).__name__, "axis", axis, "-1, the last"))
        super().__init__(**common)
        self.epsilon, self.center, self.scale, self.weight = epsilon, center, scale, None

    def _make(self, input_shape: Shape) -> None:
        if self.scale:
            self._add("weight", input_shape[-1:], "ones")
        if self.center:
            self._add("bias", input_shape[-1:], "zeros")

    def forward(self, x: Any) -> Any:
        return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.epsilon)


#: PyTorch corrects the running variance of n numbers by n / (n - 1). Keras does not: of so many the factor is 1.
_UNCORRECTED = 1 << 60


class BatchNormalization(LayerNormalization):
    """Each feature to mean 0 and variance 1: over the batch in training, by running statistics in inference. These move
    as moving = momentum moving + (1 - momentum) batch: PyTorch's momentum is 1 minus this one. A frozen layer infers."""

    _order = ("weight", "bias", "running_mean", "running_var")
    _axes = (-1, 1)
    running_mean: Any
    running_var: Any

    def __init__(self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3, **more: Any) -> None:
        super().__init__(axis, epsilon, **more)
        self.momentum = momentum

    def _make(self, input_shape: Shape) -> None:
        super()._make(input_shape)
        for name, start in (("running_mean", np.zeros), ("running_var", np.ones)):
            self.register_buffer(name, from_array(start(input_shape[-1:], self.dtype)))

    def forward(self, x: Any) -> Any:
        rows = x if len(x.shape) == 2 else x.reshape(-1, x.shape[-1])  # the features are the second of two dimensions
        mean, var, affine = self.running_mean, self.running_var, (self.weight, self.bias)
        if self.training and self._trainable:
            found = norm.move_statistics(rows, mean, var, None, 1 - self.momentum, _UNCORRECTED)
            y = norm.batch_norm_op(rows, *affine, eps=self.epsilon, statistics=found)
        else:
            y = norm.batch_norm_eval_op(rows, mean, var, *affine, eps=self.epsilon)
        return y if rows is x else y.reshape(x.shape)
