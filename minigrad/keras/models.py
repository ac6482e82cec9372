"""`Sequential`: layers one after the other, with all that Keras's model of this name can do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from minigrad import io
from minigrad.errors import message
from minigrad.keras._training import Trainer
from minigrad.keras.layers import Input, Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Shape = tuple[Any, ...]


class Sequential(Trainer):
    """A stack of layers: `Sequential([Input(shape=(4,)), Dense(16, activation="relu"), Dense(1)])`.

    With an Input (or input_shape on the first layer) the weights are made at once; without, when the first data come.
    """

    def __init__(self, layers: Sequence[Any] | None = None, trainable: bool = True, name: str | None = None) -> None:
        super().__init__(name=name, trainable=trainable)
        self.layers: list[Layer] = []
        self._forget_steps()
        for layer in layers or ():
            self._append(layer)
        self._build_known()

    # -- layers --------------------------------------------------------------------------------------------------------

    def add(self, layer: Any) -> None:
        """Puts a layer at the end."""
        self._append(layer)
        self._build_known()

    def _append(self, layer: Any) -> None:
        if isinstance(layer, Input):
            if self.layers or self.batch_shape is not None:
                raise ValueError(message("Sequential.add", "layer", "an Input", "one at most, before all layers"))
            self.batch_shape = layer.batch_shape
            return
        if not isinstance(layer, Layer):
            remedy = "Layers of minigrad.nn go into minigrad.nn.Sequential."
            raise ValueError(message("Sequential.add", "layer", f"a {type(layer).__name__}", "a layer of minigrad.keras", remedy))
        if any(layer.name == other.name for other in self.layers):
            raise ValueError(message("Sequential.add", "layer", f"a second layer named {layer.name!r}", "other names"))
        if not self.layers:
            self.dtype = layer.dtype
            self.batch_shape = self.batch_shape or layer.batch_shape
        self.layers.append(layer)
        self._forget_steps()

    def pop(self) -> Layer:
        """Takes the last layer away, and returns it."""
        if not self.layers:
            raise ValueError(message("Sequential.pop", "", "a model without layers", "one with layers"))
        self._forget_steps()
        return self.layers.pop()

    def _build_known(self) -> None:
        if self.batch_shape is not None and self.layers:
            self.built = False
            self.build(self.batch_shape)

    def _make(self, input_shape: Shape) -> None:
        self.batch_shape = shape = tuple(input_shape)
        for layer in self.layers:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape that the last layer gives."""
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return tuple(input_shape)

    def forward(self, x: Any) -> Any:
        """One layer after the other."""
        for layer in self.layers:
            x = layer(x)
        return x

    def penalty(self) -> Any:
        """The sum of the regularizers of all layers."""
        parts = [p for p in (layer.penalty() for layer in self.layers) if p is not None]
        return sum(parts[1:], parts[0]) if parts else None

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of this name, or at this place."""
        if name is None:
            return self.layers[index or 0]
        for layer in self.layers:
            if layer.name == name:
                return layer
        known = ", ".join(layer.name for layer in self.layers)
        raise ValueError(message("get_layer", "name", repr(name), f"one of {known}"))

    # -- what it is ----------------------------------------------------------------------------------------------------

    @property
    def input_shape(self) -> Shape:
        """(None, ...): the shape of what goes in, None standing for the batch."""
        if self.batch_shape is None:
            raise AttributeError(f"Sequential model {self.name!r} has no input shape yet. Put an Input first.")
        return self.batch_shape

    @property
    def output_shape(self) -> Shape:
        """(None, ...): the shape of what comes out."""
        return self.compute_output_shape(self.input_shape)

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it sets it for all layers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if bool(value) is not self._trainable:
            self._trainable = bool(value)
            for layer in self.layers:
                layer.trainable = value

    def _tensor_list(self) -> list[tuple[Any, Any]]:
        return [pair for layer in self.layers for pair in layer._tensor_list()]

    def summary(
        self, line_length: int | None = None, positions: Any = None, print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False, show_trainable: bool = False, layer_range: Any = None,
    ) -> None:  # fmt: skip
        """Prints a table of the layers, their output shapes and numbers of weights. print_fn gets the text instead.
        Total params counts the weights; what the optimizer keeps stands in a line of its own."""
        from minigrad.keras._summary import summary

        (print_fn or print)(summary(self, line_length or 76, show_trainable))

    # -- files ---------------------------------------------------------------------------------------------------------

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Writes all weights to a file whose name ends in .weights.safetensors, .safetensors or .npz."""
        if not overwrite and os.path.exists(filepath):
            raise FileExistsError(message("save_weights", "filepath", repr(filepath), "a new name, or overwrite=True"))
        io.save(self.state_dict(), filepath)

    def load_weights(self, filepath: Any) -> None:
        """Reads what save_weights has written, into a model of the same layers that has its weights. LoadError, before
        anything has changed, where they do not fit."""
        if not self.built:
            remedy = "Put an Input first, or call build(input_shape)."
            raise ValueError(message("load_weights", "", f"the model {self.name}, which has no weights yet", "a built one", remedy))
        self.load_state_dict(io.load(filepath))
