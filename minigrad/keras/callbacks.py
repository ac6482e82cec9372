"""What happens between epochs and batches: stopping early, saving, changing the learning rate, printing.

A callback overrides the hooks that it wants; `self.model` is the model, `self.params` holds "epochs", "steps" and
"verbose". Logs are dicts of numbers by name, "loss" and "val_loss" among them. All decisions are Keras's.
"""

from __future__ import annotations

import csv
import sys
import warnings
from math import inf, isfinite
from time import perf_counter
from typing import TYPE_CHECKING

from minigrad.errors import message
from minigrad.keras import _progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Logs = dict[str, float]

_PHASES = ("train", "test", "predict")
_HOOKS = (
    *(f"on_{phase}_{moment}" for phase in (*_PHASES, "epoch", "batch") for moment in ("begin", "end")),
    *(f"on_{phase}_batch_{moment}" for phase in _PHASES for moment in ("begin", "end")),
)


class Callback:
    """The base: hooks that do nothing.

    on_train_begin(logs), on_train_end(logs), and the same of "test" (an evaluation, within fit, too) and "predict";
    on_epoch_begin(epoch, logs), on_epoch_end(epoch, logs): epochs are numbered from 0, validation comes before the end;
    on_train_batch_begin(batch, logs), on_train_batch_end(batch, logs), and the same of "test" and "predict": logs are
    means since the pass began. on_batch_begin and on_batch_end are the older names of those of training.
    """

    model: Any = None
    params: dict[str, Any]

    def set_model(self, model: Any) -> None:
        """Called before training."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before training."""
        self.params = params


def _nothing(callback: Callback, *args: Any, **keywords: Any) -> None:
    """A hook that nobody has overridden."""


for _hook in _HOOKS:
    setattr(Callback, _hook, _nothing)


class CallbackList:
    """Several callbacks as one. Hooks of batches are called only where a callback has them, and then alone are the logs
    of batches computed."""

    def __init__(self, callbacks: Sequence[Callback] = (), model: Any = None, **params: Any) -> None:
        self.callbacks: list[Callback] = []
        self.model, self.params = model, params
        self._at_batches: dict[str, list[tuple[Callback, Any]]] = {hook: [] for hook in _HOOKS if "_batch_" in hook}
        for callback in callbacks:
            if not isinstance(callback, Callback):
                got = f"a {type(callback).__name__}"
                raise TypeError(message("fit", "callbacks", got, "instances of minigrad.keras.callbacks.Callback"))
            self.add(callback)

    def add(self, callback: Callback) -> None:
        """One more."""
        callback.set_model(self.model)
        callback.set_params(self.params)
        self.callbacks.append(callback)
        for hook, known in self._at_batches.items():
            for name in (hook, hook.replace("on_train_", "on_")):
                method = getattr(callback, name)
                if getattr(method, "__func__", None) is not _nothing:
                    known.append((callback, method))
                    break

    def on_batch_begin(self, phase: str, batch: int) -> None:
        """Before a batch of "train", "test" or "predict"."""
        for _, method in self._at_batches[f"on_{phase}_batch_begin"]:
            method(batch, {})

    def on_batch_end(self, phase: str, batch: int, logs: Callable[[], Logs]) -> None:
        """After a batch; logs() is called where somebody reads them."""
        for callback, method in self._at_batches[f"on_{phase}_batch_end"]:
            if callback.__class__ is not ProgbarLogger or callback.due(phase, batch):
                method(batch, dict(sorted(logs().items())))

    def __getattr__(self, name: str) -> Callable[..., None]:
        """The other hooks: on_train_begin, on_epoch_end and so on. All callbacks get the same dict, and may add to it."""
        if name not in _HOOKS:
            raise AttributeError(f"CallbackList has no attribute {name!r}")

        def call(*epoch: int, logs: Logs | None = None) -> None:
            logs = {} if logs is None else logs
            for callback in self.callbacks:
                getattr(callback, name)(*epoch, logs)

        return call


class LambdaCallback(Callback):
    """Hooks given as functions: LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))."""

    def __init__(self, **hooks: Callable[..., Any] | None) -> None:
        for name, hook in hooks.items():
            if name not in _HOOKS:
                raise TypeError(message("LambdaCallback", name, "an unknown hook", f"one of {', '.join(_HOOKS)}"))
            if hook is not None:
                setattr(self, name, hook)


class History(Callback):
    """What fit returns: `history`, a dict of lists with a value per epoch for "loss", each metric and each "val_" of them;
    `epoch`, their numbers; `params`."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def plot(self) -> Any:
        """The curves of training and validation, as a matplotlib figure: see dl_history_plot."""
        from minigrad.keras._plot import dl_history_plot

        return dl_history_plot(self)

    def __repr__(self) -> str:
        last = ", ".join(f"{name}: {values[-1]:.4f}" for name, values in self.history.items())
        return f"History of {len(self.epoch)} epochs" + (f", at last {last}" if last else "")


class _Monitor(Callback):
    """The base of those that watch one value: which is better, and whether it is there."""

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(message(type(self).__name__, "mode", repr(mode), "'auto', 'min' or 'max'"))
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(min_delta)

    def _value(self, logs: Logs | None) -> float | None:
        """The monitored value; a warning where it is not among the logs."""
        logs = logs or {}
        if self.monitor not in logs:
            have = ", ".join(logs)
            warnings.warn(f"{type(self).__name__}: no {self.monitor!r} to monitor; there are {have}.", stacklevel=3)
        return logs.get(self.monitor)

    def _rises(self) -> bool:
        """Whether larger is better: as mode says, or as is known of the metric."""
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        if name in ("acc", "auc", "precision", "recall", "r2_score") or "accuracy" in name:
            return True
        if name == "loss" or any(word in name for word in ("error", "loss", "mse", "mae", "mape", "msle", "entropy", "divergence")):
            return False
        remedy = "Write mode='min' or mode='max'."
        raise ValueError(message(type(self).__name__, "mode", "'auto'", f"the direction in which {self.monitor!r} improves", remedy))

    def _better(self, value: float, than: float | None) -> bool:
        """Whether value is better by more than min_delta; anything is better than None."""
        if than is None:
            return True
        return value - self.min_delta > than if self._rises() else value + self.min_delta < than


class EarlyStopping(_Monitor):
    """Stops when `monitor` has not become better by more than min_delta for `patience` epochs. baseline: better than this
    is asked for, too. restore_best_weights: those of the best epoch, at the end. Epochs before start_from_epoch do not
    count."""

    def __init__(
        self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0, mode: str = "auto",
        baseline: float | None = None, restore_best_weights: bool = False, start_from_epoch: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: Any = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self._value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._better(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose > 0:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(_Monitor):
    """Multiplies the learning rate by factor when `monitor` has not become better for `patience` epochs, then waits for
    `cooldown` epochs before it counts again. (PyTorch's scheduler of this name waits one epoch longer, and its
    threshold is relative.)"""

    def __init__(
        self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: int = 0, mode: str = "auto",
        min_delta: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(monitor, mode, min_delta)
        if factor >= 1.0:
            raise ValueError(message("ReduceLROnPlateau", "factor", factor, "a number below 1"))
        self.factor, self.patience, self.verbose, self.cooldown, self.min_lr = factor, patience, verbose, cooldown, min_lr

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.wait = self.cooldown_counter = 0
        self.best: float | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        if logs is not None:
            logs["learning_rate"] = float(optimizer.learning_rate)
        value = self._value(logs)
        if value is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self._better(value, self.best):
            self.best, self.wait = value, 0
        elif self.cooldown_counter <= 0:
            self.wait += 1
            before = float(optimizer.learning_rate)
            if self.wait >= self.patience and before > self.min_lr:
                optimizer.learning_rate = max(before * self.factor, self.min_lr)
                if self.verbose > 0:
                    print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {optimizer.learning_rate}.")
                self.cooldown_counter, self.wait = self.cooldown, 0


class LearningRateScheduler(Callback):
    """Sets the learning rate to schedule(epoch, rate) before each epoch; schedule(epoch) does, too."""

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        before = float(self.model.optimizer.learning_rate)
        code = getattr(self.schedule, "__code__", None)
        rate = self.schedule(epoch) if code is not None and code.co_argcount == 1 else self.schedule(epoch, before)
        if isinstance(rate, bool) or not hasattr(rate, "__float__"):
            raise ValueError(message("LearningRateScheduler", "schedule", f"a {type(rate).__name__} from it", "a float"))
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(rate)}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class ModelCheckpoint(_Monitor):
    """Saves the weights after each epoch (save_freq="epoch"), or after so many batches. filepath ends in
    .weights.safetensors or .npz, and may name the epoch and logs: "{epoch:02d}-{val_loss:.2f}.weights.safetensors".
    save_best_only: only where `monitor` is better than ever, or than initial_value_threshold at first. Weights alone are
    saved, whatever save_weights_only says: the program that made the model is what makes it again."""

    def __init__(
        self, filepath: Any, monitor: str = "val_loss", verbose: int = 0, save_best_only: bool = False,
        save_weights_only: bool = False, mode: str = "auto", save_freq: Any = "epoch", initial_value_threshold: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__(monitor, mode)
        self.filepath, self.verbose, self.save_freq = str(filepath), verbose, save_freq
        if not self.filepath.endswith((".safetensors", ".npz")):
            remedy = "Whole models (.keras, .h5) are not saved, but their weights."
            raise ValueError(message("ModelCheckpoint", "filepath", repr(self.filepath), "a name in .weights.safetensors or .npz", remedy))
        if save_freq != "epoch" and (isinstance(save_freq, bool) or not isinstance(save_freq, int) or save_freq < 1):
            raise ValueError(message("ModelCheckpoint", "save_freq", repr(save_freq), "'epoch' or a number of batches"))
        self.save_best_only, self.best, self._epoch, self._batches = save_best_only, initial_value_threshold, 0, 0
        if save_freq != "epoch":
            self.on_train_batch_end = self._after_batch

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def _after_batch(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        if self._batches % self.save_freq == 0:
            self._save(self._epoch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs or {})

    def _save(self, epoch: int, logs: Logs) -> None:
        path = self.filepath.format(epoch=epoch + 1, **logs)
        if self.save_best_only:
            value = self._value(logs)
            if value is None or not self._better(value, self.best):
                return
            if self.verbose > 0:
                was = "inf" if self.best is None else f"{self.best:.5f}"
                print(f"\nEpoch {epoch + 1}: {self.monitor} improved from {was} to {value:.5f}, saving model to {path}")
            self.best = value
        elif self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: saving model to {path}")
        self.model.save_weights(path)


class CSVLogger(Callback):
    """A row for each epoch: its number and the logs, in alphabetical order, NA where one is missing."""

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        self.filename, self.separator, self.append = filename, separator, append
        self.keys: list[str] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.keys = None
        with open(self.filename, "a+" if self.append else "w+", newline="") as file:
            file.seek(0)
            head = next(csv.reader(file, delimiter=self.separator), None)
        self.keys = head[1:] if head else None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        with open(self.filename, "a", newline="") as file:
            writer = csv.writer(file, delimiter=self.separator)
            if self.keys is None:
                self.keys = sorted(logs)
                writer.writerow(["epoch", *self.keys])
            writer.writerow([epoch, *(logs.get(key, "NA") for key in self.keys)])


class TerminateOnNaN(Callback):
    """Ends training, or raises, when the loss is NaN or infinite."""

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not isfinite(loss):
            if self.raise_error:
                raise RuntimeError(message("TerminateOnNaN", "loss", f"{loss} in batch {batch}", "a finite one", "Lower the learning rate."))
            print(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True


class ProgbarLogger(Callback):
    """The progress bar of verbose=1 and the lines of verbose=2; fit adds one by itself."""

    #: Seconds between two drawings of the bar.
    INTERVAL = 0.05

    def __init__(self) -> None:
        self._fits = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._fits = True

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        print(f"Epoch {epoch + 1}/{self.params['epochs']}")
        self._start()

    def _start(self) -> None:
        self._began, self._drawn, self._seen, self._width = perf_counter(), -inf, 0, 0
        self._draws = self.params["verbose"] == 1 and _progress.interactive(sys.stdout)

    def due(self, phase: str, batch: int) -> bool:
        """Counts a batch: whether the bar is to be drawn after it."""
        if self._fits and phase != "train":
            return False
        self._seen = batch + 1
        return self._draws and perf_counter() - self._drawn >= self.INTERVAL

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._draw(logs or {}, False)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if not self._fits:
            self._start()

    on_predict_begin = on_test_begin

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if not self._fits:
            self._draw(logs or {}, False)

    on_predict_batch_end = on_test_batch_end

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._fits:
            self._draw(logs or {}, True)

    on_predict_end = on_test_end

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._draw(logs or {}, True)

    def _draw(self, logs: Logs, last: bool) -> None:
        self._drawn = perf_counter()
        steps, lines = self.params["steps"], self.params["verbose"] == 2
        target = self._seen if last else steps
        text, width = _progress.line(self._seen, target, self._drawn - self._began, logs, last, self._draws, lines)
        if self._draws:
            sys.stdout.write("\r" + text + " " * (self._width - width))
        elif last:
            sys.stdout.write(text)
        self._width = width
        if last:
            sys.stdout.write("\n")
        sys.stdout.flush()
