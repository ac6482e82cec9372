"""Training under Keras's names and by Keras's rules, as a thin layer over `minigrad.nn`.

    from minigrad.keras import Sequential, Input, Dense, Adam

    model = Sequential([Input(shape=(4,)), Dense(16, activation="relu"), Dense(3, activation="softmax")])
    model.compile(optimizer=Adam(learning_rate=0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=50, validation_split=0.2)

Modules have Keras's names (`minigrad.keras.layers`, `.losses`, `.callbacks`, ...), and what most programs import stands
here as well. Everything is imported when it is first named.
"""

from importlib import import_module
from typing import TYPE_CHECKING

_MODULES = (
    "activations", "callbacks", "initializers", "layers", "losses", "metrics", "models", "optimizers", "regularizers", "schedules",
    "utils",
)  # fmt: skip
_NAMES = {
    "layers": (
        "Activation", "BatchNormalization", "Dense", "Dropout", "Embedding", "Flatten", "Input", "Layer", "LayerNormalization",
        "LeakyReLU", "ReLU", "Reshape", "Softmax", "clear_session",
    ),
    "models": ("Sequential",),
    "optimizers": ("SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Nadam", "RMSprop"),
    "callbacks": (
        "Callback", "CSVLogger", "EarlyStopping", "History", "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint",
        "ProgbarLogger", "ReduceLROnPlateau", "TerminateOnNaN",
    ),
    "utils": ("set_random_seed", "to_categorical"),
    "_plot": ("dl_history_plot",),
}  # fmt: skip
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [*_MODULES, *_HOME]

if TYPE_CHECKING:
    from typing import Any


def __getattr__(name: str) -> "Any":
    if name in _MODULES:
        return import_module(f"minigrad.keras.{name}")
    if name in _HOME:
        return getattr(import_module(f"minigrad.keras.{_HOME[name]}"), name)
    raise AttributeError(f"module 'minigrad.keras' has no attribute {name!r}")
