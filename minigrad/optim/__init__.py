"""Optimizers, under PyTorch's names and with its arithmetic: one C call updates all parameters of a group."""

from importlib import import_module
from typing import TYPE_CHECKING

from minigrad._absent import Absent
from minigrad.optim._adadelta import Adadelta
from minigrad.optim._adagrad import Adagrad
from minigrad.optim._adam import Adam, AdamW
from minigrad.optim._adamax import Adamax
from minigrad.optim._nadam import NAdam
from minigrad.optim._optimizer import Optimizer
from minigrad.optim._radam import RAdam
from minigrad.optim._rmsprop import RMSprop
from minigrad.optim._sgd import SGD

__all__ = [
    "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "Optimizer", "RAdam", "RMSprop", "lr_scheduler",
    "rates",
]  # fmt: skip

if TYPE_CHECKING:
    from minigrad.optim import lr_scheduler, rates
    from minigrad.optim._lbfgs import LBFGS
else:

    def __getattr__(name: str) -> object:
        """Imports what few programs need when it is first named."""
        if name in ("lr_scheduler", "rates"):
            return import_module(f"minigrad.optim.{name}")
        if name == "LBFGS":
            return import_module("minigrad.optim._lbfgs").LBFGS
        raise Absent(__name__, name, {**globals(), **dict.fromkeys(__all__)})

    def __dir__() -> list[str]:
        """All names, for completion, including those that are imported later."""
        return sorted({*globals(), *__all__})
