"""What happens between epochs and batches: stopping early, saving, changing the learning rate, printing.

A callback overrides the hooks that it wants; `self.model` is the model, `self.params` holds "epochs", "steps" and
"verbose". Logs are dicts of numbers by name, "loss" and "val_loss" among them. All decisions are Keras's.
"""

from __future__ import annotations

import csv
import warnings
from math import isfinite
from typing import TYPE_CHECKING

from minigrad.errors import message
from minigrad.progress import Bar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Logs = dict[str, float]

_HOOKS = tuple(
    f"on_{phase}_{moment}"
    for phase in ("train", "test", "predict", "epoch", "batch", "train_batch", "test_batch", "predict_batch")
    for moment in ("begin", "end")
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
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def _reads(self, phase: str, batch: int) -> bool:
        """Whether it wants the logs of this batch, which cost something to compute."""
        return True


def _nothing(callback: Callback, *args: Any, **keywords: Any) -> None:
    """A hook that nobody has overridden."""


for _hook in _HOOKS:
    setattr(Callback, _hook, _nothing)


class CallbackList:
    """Several callbacks as one. Hooks of batches are called, and logs for them computed, only where there are any."""

    def __init__(self, callbacks: Sequence[Callback] = (), model: Any = None, **params: Any) -> None:
        self.callbacks = list(callbacks)
        self._at: dict[str, list[tuple[Callback, Any]]] = {hook: [] for hook in _HOOKS if "_batch_" in hook}
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                got = f"a {type(callback).__name__}"
                raise TypeError(message("fit", "callbacks", got, "instances of minigrad.keras.callbacks.Callback"))
            callback.set_model(model)
            callback.set_params(params)
            for hook, known in self._at.items():
                methods = (getattr(callback, name) for name in (hook, hook.replace("on_train_", "on_")))
                known += [(callback, m) for m in methods if getattr(m, "__func__", None) is not _nothing][:1]

    def call(self, hook: str, *epoch: int, logs: Logs | None = None) -> None:
        """A hook but those of batches. All callbacks get the same dict, and may add to it."""
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            getattr(callback, hook)(*epoch, logs)

    def batch_begin(self, phase: str, batch: int) -> None:
        """Before a batch of "train", "test" or "predict"."""
        for _, method in self._at[f"on_{phase}_batch_begin"]:
            method(batch, {})

    def batch_end(self, phase: str, batch: int, logs: Callable[[], Logs]) -> None:
        """After a batch; logs() is called where somebody reads them."""
        for callback, method in self._at[f"on_{phase}_batch_end"]:
            if callback._reads(phase, batch):
                method(batch, logs())


class LambdaCallback(Callback):
    """Hooks given as functions: LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))."""

    def __init__(self, **hooks: Callable[..., Any] | None) -> None:
        for name, hook in hooks.items():
            if name not in _HOOKS:
                raise TypeError(message("LambdaCallback", name, "an unknown hook", f"one of {', '.join(_HOOKS)}"))
            if hook is not None:
                setattr(self, name, hook)


class History(Callback):
    """What fit returns: `history`, a dict of lists with a value per epoch for "loss", each metric and each "val_" of
    them; `epoch`, their numbers; `params`."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def plot(self) -> Any:
        """The curves of training and validation, as a matplotlib figure: see dl_history_plot."""
        return dl_history_plot(self)

    def __repr__(self) -> str:
        last = ", ".join(f"{name}: {values[-1]:.4f}" for name, values in self.history.items())
        return f"History of {len(self.epoch)} epochs" + (f", at last {last}" if last else "")


def dl_history_plot(history: Any) -> Any:
    """Draws the curves of training and validation, of what fit returned or of its dict `.history`, and returns the
    matplotlib figure: `minigrad.plot.learning_curves`."""
    from minigrad.plot import learning_curves

    return learning_curves(history)


#: Parts of names of what is better the larger, or the smaller, it is.
_RISING = ("accuracy", "acc", "auc", "precision", "recall", "r2_score")
_FALLING = ("loss", "error", "mse", "mae", "mape", "msle", "entropy", "divergence")


class _Monitor(Callback):
    """The base of those that watch one value: the best so far, and for how many epochs there was no better one."""

    best: float | None = None
    wait = 0

    def __init__(self, monitor: str, mode: str, min_delta: float, patience: int, verbose: int) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(message(type(self).__name__, "mode", repr(mode), "'auto', 'min' or 'max'"))
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(min_delta)
        self.patience, self.verbose = patience, verbose

    def _value(self, logs: Logs) -> float | None:
        """The monitored value; a warning where it is not among the logs."""
        if self.monitor not in logs:
            have = ", ".join(logs)
            warnings.warn(f"{type(self).__name__}: no {self.monitor!r} to monitor; there are {have}.", stacklevel=3)
        return logs.get(self.monitor)

    def _better(self, value: float, than: float | None) -> bool:
        """Whether value is better by more than min_delta; anything is better than None."""
        if than is None:
            return True
        name, auto = self.monitor.removeprefix("val_"), self.mode == "auto"
        rises = any(part in name for part in _RISING) if auto else self.mode == "max"
        if auto and not rises and not any(part in name for part in _FALLING):
            expected, remedy = f"the direction in which {self.monitor!r} improves", "Write mode='min' or mode='max'."
            raise ValueError(message(type(self).__name__, "mode", "'auto'", expected, remedy))
        return value - self.min_delta > than if rises else value + self.min_delta < than


class EarlyStopping(_Monitor):
    """Stops when `monitor` has not become better by more than min_delta for `patience` epochs. baseline: better than
    this is asked for, too. restore_best_weights: those of the best epoch, at the end. Epochs before start_from_epoch
    do not count."""

    def __init__(
        self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0, mode: str = "auto",
        baseline: float | None = None, restore_best_weights: bool = False, start_from_epoch: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(monitor, mode, min_delta, patience, verbose)
        self.baseline, self.start_from_epoch = baseline, start_from_epoch
        self.restore_best_weights = restore_best_weights

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.best, self.best_weights = None, None
        self.wait = self.stopped_epoch = self.best_epoch = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self._value(logs or {})
        if value is None or epoch < self.start_from_epoch:
            return
        better = self._better(value, self.best)
        if self.restore_best_weights and (better or self.best_weights is None):
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if better:
            self.best, self.best_epoch = value, epoch
            if self.baseline is None or self._better(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch, self.model.stop_training = epoch, True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
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
        super().__init__(monitor, mode, min_delta, patience, verbose)
        if factor >= 1.0:
            raise ValueError(message("ReduceLROnPlateau", "factor", factor, "a number below 1"))
        self.factor, self.cooldown, self.min_lr = factor, cooldown, min_lr

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.best, self.wait, self.cooldown_counter = None, 0, 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer, logs = self.model.optimizer, {} if logs is None else logs
        rate = logs["learning_rate"] = optimizer.learning_rate
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
            if self.wait >= self.patience and rate > self.min_lr:
                optimizer.learning_rate = max(rate * self.factor, self.min_lr)
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {optimizer.learning_rate}.")


class LearningRateScheduler(Callback):
    """Sets the learning rate to schedule(epoch, rate) before each epoch; schedule(epoch) does, too."""

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        alone = getattr(getattr(self.schedule, "__code__", None), "co_argcount", 2) == 1
        rate = self.schedule(epoch, *(() if alone else (float(self.model.optimizer.learning_rate),)))
        if isinstance(rate, bool) or not hasattr(rate, "__float__"):
            got = f"a {type(rate).__name__} from it"
            raise ValueError(message("LearningRateScheduler", "schedule", got, "a float"))
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(rate)}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class ModelCheckpoint(_Monitor):
    """Saves the weights after each epoch (save_freq="epoch"), or after so many batches. filepath ends in
    .weights.safetensors or .npz, and may name the epoch and logs: "{epoch:02d}-{val_loss:.2f}.weights.safetensors".
    save_best_only: only where `monitor` is better than ever, or than initial_value_threshold at first. Weights alone
    are saved, whatever save_weights_only says: the program that made the model is what makes it again."""

    def __init__(
        self, filepath: Any, monitor: str = "val_loss", verbose: int = 0, save_best_only: bool = False,
        save_weights_only: bool = False, mode: str = "auto", save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__(monitor, mode, 0.0, 0, verbose)
        self.filepath, self.save_best_only, self.save_freq = str(filepath), save_best_only, save_freq
        if not self.filepath.endswith((".safetensors", ".npz")):
            expected, remedy = "a name in .weights.safetensors or .npz", "Whole models (.keras, .h5) are not saved."
            raise ValueError(message("ModelCheckpoint", "filepath", repr(self.filepath), expected, remedy))
        if save_freq != "epoch" and (isinstance(save_freq, bool) or not isinstance(save_freq, int) or save_freq < 1):
            raise ValueError(message("ModelCheckpoint", "save_freq", repr(save_freq), "'epoch' or a number of batches"))
        self.best, self._epoch, self._batches = initial_value_threshold, 0, 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def _reads(self, phase: str, batch: int) -> bool:
        self._batches += self.save_freq != "epoch"
        return self.save_freq != "epoch" and not self._batches % int(self.save_freq)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._save(logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(logs or {})

    def _save(self, logs: Logs) -> None:
        path, did = self.filepath.format(epoch=self._epoch + 1, **logs), ""
        if self.save_best_only:
            value = self._value(logs)
            if value is None or not self._better(value, self.best):
                return
            did = f"{self.monitor} improved from {'inf' if self.best is None else f'{self.best:.5f}'} to {value:.5f}, "
            self.best = value
        if self.verbose:
            print(f"\nEpoch {self._epoch + 1}: {did}saving model to {path}")
        self.model.save_weights(path)


class CSVLogger(Callback):
    """A row for each epoch: its number and the logs, in alphabetical order, NA where one is missing."""

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        self.filename, self.separator, self.append = filename, separator, append

    def on_train_begin(self, logs: Logs | None = None) -> None:
        with open(self.filename, "a+" if self.append else "w+", newline="") as file:
            file.seek(0)
            self.keys = next(csv.reader(file, delimiter=self.separator), [])[1:]

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        with open(self.filename, "a", newline="") as file:
            writer = csv.writer(file, delimiter=self.separator)
            if not self.keys:
                self.keys = sorted(logs)
                writer.writerow(["epoch", *self.keys])
            writer.writerow([epoch, *(logs.get(key, "NA") for key in self.keys)])


class TerminateOnNaN(Callback):
    """Ends training, or raises, when the loss is NaN or infinite."""

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if isfinite(loss):
            return
        if self.raise_error:
            got, remedy = f"{loss} in batch {batch}", "Lower the learning rate."
            raise RuntimeError(message("TerminateOnNaN", "loss", got, "a finite one", remedy))
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True


class ProgbarLogger(Callback):
    """The progress bar of verbose=1 and the lines of verbose=2; fit adds one by itself."""

    _phase = "none"  # whose batches it shows: fit's, not those of its validation

    def _start(self, phase: str) -> None:
        self._phase, self._seen = phase, 0
        self._bar = Bar(self.params["steps"], self.params["verbose"] == 2)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        print(f"Epoch {epoch + 1}/{self.params['epochs']}")
        self._start("train")

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if self._phase == "none":
            self._start("test")

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._start("predict")

    def _reads(self, phase: str, batch: int) -> bool:
        if phase != self._phase:
            return False
        self._seen = batch + 1
        return self._bar.due()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._bar.draw(self._seen, logs or {})

    on_test_batch_end = on_predict_batch_end = on_train_batch_end

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._bar.close(self._seen, logs or {})

    def on_test_end(self, logs: Logs | None = None) -> None:
        if self._phase != "train":
            self._bar.close(self._seen, logs or {})

    on_predict_end = on_test_end
