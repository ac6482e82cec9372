"""`Sequential`: layers one after the other, with all that Keras's model of this name can do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from minigrad import io
from minigrad.errors import message
from minigrad.keras._training import Trainer
from minigrad.keras.layers import Input, Layer
from minigrad.nn._summary import table

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
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Any) -> None:
        """Puts a layer at the end."""
        op = "Sequential.add"
        if isinstance(layer, Input):
            if self.layers or self.batch_shape is not None:
                raise ValueError(message(op, "layer", "an Input", "one at most, before all layers"))
            self.batch_shape = layer.batch_shape
            return
        if not isinstance(layer, Layer):
            got, remedy = f"a {type(layer).__name__}", "Layers of minigrad.nn go into minigrad.nn.Sequential."
            raise ValueError(message(op, "layer", got, "a layer of minigrad.keras", remedy))
        if any(layer.name == other.name for other in self.layers):
            raise ValueError(message(op, "layer", f"a second layer named {layer.name!r}", "other names"))
        if not self.layers:
            self.dtype, self.batch_shape = layer.dtype, self.batch_shape or layer.batch_shape
        self.layers.append(layer)
        self._changed()

    def pop(self) -> Layer:
        """Takes the last layer away, and returns it."""
        if not self.layers:
            raise ValueError(message("Sequential.pop", "", "a model without layers", "one with layers"))
        layer = self.layers.pop()
        self._changed()
        return layer

    def _changed(self) -> None:
        """Programs of other layers are worth nothing; layers that can have their weights, get them."""
        self._steps.clear()
        self.built = False
        if self.batch_shape is not None:
            self.build(self.batch_shape)

    def _make(self, input_shape: Shape) -> None:
        self.batch_shape = shape = input_shape
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

    def get_layer(self, name: str | None = None, index: int = 0) -> Layer:
        """The layer of this name, or at this place."""
        known = {layer.name: layer for layer in self.layers}
        if name is not None and name not in known:
            raise ValueError(message("get_layer", "name", repr(name), f"one of {', '.join(known)}"))
        return self.layers[index] if name is None else known[name]

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

    def _tensor_list(self) -> list[tuple[Any, Any]]:
        return [pair for layer in self.layers for pair in layer._tensor_list()]

    def summary(
        self, line_length: int | None = None, positions: Any = None, print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False, show_trainable: bool = False, layer_range: Any = None,
    ) -> None:  # fmt: skip
        """Prints a table of the layers, their output shapes and numbers of weights. print_fn gets the text instead.
        Total params counts the weights; what the optimizer keeps stands in a line of its own."""
        rows, shape = [], self.batch_shape if self.built else None
        for layer in self.layers:
            shape = None if shape is None else layer.compute_output_shape(shape)
            count = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
            trains = ("-" if not layer.weights else "Y" if layer.trainable else "N",) if show_trainable else ()
            rows.append((layer.name, type(layer).__name__, "?" if shape is None else str(shape), count, *trains))
        totals = {
            "Total": self.weights, "Trainable": self.trainable_weights, "Non-trainable": self.non_trainable_weights,
            **({"Optimizer": kept} if (kept := getattr(self.optimizer, "variables", None)) else {}),
        }  # fmt: skip
        (print_fn or print)(table(self.name, rows, totals, line_length or 76))

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Writes all weights to a file whose name ends in .weights.safetensors, .safetensors or .npz."""
        if not overwrite and os.path.exists(filepath):
            raise FileExistsError(message("save_weights", "filepath", repr(filepath), "a new name, or overwrite=True"))
        io.save(self.state_dict(), filepath)

    def load_weights(self, filepath: Any) -> None:
        """Reads what save_weights has written, into a model of the same layers that has its weights. LoadError, before
        anything has changed, where they do not fit."""
        self.count_params()  # which raises where there are no weights yet
        self.load_state_dict(io.load(filepath))
