"""Training under Keras's names and by Keras's rules, as a thin layer over `minigrad.nn`.

    from minigrad.keras import Sequential, Input, Dense, Adam

    model = Sequential([Input(shape=(4,)), Dense(16, activation="relu"), Dense(3, activation="softmax")])
    model.compile(optimizer=Adam(learning_rate=0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=50, validation_split=0.2)

Modules have Keras's names (`minigrad.keras.layers`, `.losses`, `.callbacks`, ...), and what most programs import stands
here as well. Everything is imported when it is first named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_NAMES = {
    "layers": "Activation BatchNormalization Dense Dropout Embedding Flatten Input Layer LayerNormalization "
    "clear_session",
    "models": "Sequential",
    "optimizers": "SGD Adadelta Adagrad Adam AdamW Adamax Nadam RMSprop",
    "callbacks": "Callback CSVLogger EarlyStopping History LambdaCallback LearningRateScheduler ModelCheckpoint "
    "ProgbarLogger ReduceLROnPlateau TerminateOnNaN dl_history_plot",
    "utils": "set_random_seed to_categorical",
}
_MODULES = ("activations", "initializers", "losses", "metrics", "regularizers", *_NAMES)
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = [*_MODULES, *_HOME]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module 'minigrad.keras' has no attribute {name!r}")
    module = import_module(f"minigrad.keras.{_HOME.get(name, name)}")
    return getattr(module, name) if name in _HOME else module
