"""compile, fit, evaluate and predict: what a model learns by.

A step is a function of (x, y, weight) that runs under `mg.jit`: zero the gradients, forward, loss, backward, update.
What Python does besides per batch is to cut the batch, to ask the optimizer for its schedule and to add up the loss;
metrics are computed from predictions that were kept, when somebody looks at them.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import int64
from minigrad._jit import jit
from minigrad._mode import no_grad
from minigrad.data import check_split, compute_sample_weight, split_tail
from minigrad.errors import message
from minigrad.keras import activations, losses, metrics, optimizers
from minigrad.keras._feed import Feed, columns, is_array
from minigrad.keras.callbacks import CallbackList, History, ProgbarLogger
from minigrad.keras.layers import Embedding, Layer
from minigrad.nn.utils import in_mode

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Logs = dict[str, float]


class _Meter:
    """The mean of the loss over samples, and the metrics, since the last reset."""

    #: Batches whose predictions are kept until the metrics take them all at once: one call costs as much as another.
    KEPT = 64

    def __init__(self, plain: list[Any], weighted: list[Any]) -> None:
        self.wanted = [(m, False) for m in plain] + [(m, True) for m in weighted]
        self.metrics: list[tuple[Any, bool]] = []
        self.reset()

    def reset(self) -> None:
        """Forgets what has been added."""
        self.total, self.samples = 0.0, 0
        self.kept: list[list[Any]] = []
        for metric, _ in self.metrics:
            metric.reset_state()

    def add(self, loss: Any, batch: list[Any]) -> None:
        """Takes what a step has returned for a batch: the loss, and the predictions if there are metrics."""
        if self.wanted:
            loss, prediction = loss
            self.kept.append([part.array.copy() for part in (prediction, *batch[1:])])  # memory serves the next batch
            if len(self.kept) >= self.KEPT:
                self._measure()
        n = batch[0].shape[0]
        self.total += loss.item() * n
        self.samples += n

    def _measure(self) -> None:
        columns: list[Any] = [*map(np.concatenate, zip(*self.kept)), None]
        prediction, y, weight = columns[:3]
        if not self.metrics:
            self.metrics = [(metrics.as_metric(m, y.shape, prediction.shape), w) for m, w in self.wanted]
        for metric, weighted in self.metrics:
            metric.update_state(y, prediction, weight if weighted else None)
        self.kept.clear()

    def logs(self) -> Logs:
        """The loss and the metrics by name, in alphabetical order, as Keras shows them."""
        if self.kept:
            self._measure()
        found = {metric.name: float(metric.result()) for metric, _ in self.metrics}
        return dict(sorted({"loss": self.total / max(self.samples, 1), **found}.items()))

    def returned(self, logs: Logs, as_dict: bool) -> Any:
        """What evaluate gives: the dict, the loss, or [loss, metrics ...] in the order in which compile was given them."""
        values = [logs["loss"], *[logs[metric.name] for metric, _ in self.metrics]]
        return logs if as_dict else values if len(values) > 1 else values[0]


class Trainer(Layer):
    """What a model can do besides computing: learn, be judged, and predict."""

    # In slots, as a captured step is captured anew when attributes of its modules change.
    __slots__ = ("_eager", "_meter", "_objective", "_steps", "history", "loss", "optimizer", "stop_training")

    layers: list[Layer]
    output_shape: Any

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        absent: Any = None
        self.optimizer = self.loss = self.history = self._meter = self._objective = absent
        self.stop_training = self._eager = False
        self._steps: dict[str, Callable[..., Any]] = {}

    def compile(
        self, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: None = None, metrics: Any = None,
        weighted_metrics: Any = None, run_eagerly: bool = False, steps_per_execution: int = 1,
        jit_compile: bool | str = "auto", auto_scale_loss: bool = True,
    ) -> None:  # fmt: skip
        """Says what training minimises, how, and what it reports.

        optimizer, loss, metrics: names, classes, instances or functions. run_eagerly: without `mg.jit`, for debugging.
        steps_per_execution, jit_compile and auto_scale_loss change nothing here: a captured step costs no more alone.
        Warns where the last layer and the loss do not fit, such as logits without from_logits=True.
        """
        if loss_weights is not None:
            raise ValueError(message("compile", "loss_weights", loss_weights, "None: the model has one output"))
        self.optimizer, self.loss, self._objective = optimizers.get(optimizer), loss, losses.as_loss(loss)
        self._meter, self._eager = _Meter(_listed(metrics), _listed(weighted_metrics)), run_eagerly
        self._steps.clear()
        if self._objective is not None:
            _check_ending(self, self._objective)

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _step(self, kind: str) -> Callable[..., Any]:
        """The step for "train", "test" or "predict", made when it is first needed."""
        if kind not in self._steps:
            step = getattr(self, f"_{kind}_step")
            self._steps[kind] = step if self._eager else jit(step, fallback=True)
        return self._steps[kind]

    def _train_step(self, x: Any, y: Any, weight: Any = None) -> Any:
        self.optimizer.zero_grad()
        prediction = self.forward(x)
        loss = self._total(y, prediction, weight)
        loss.backward()
        self.optimizer.step()
        return (loss.detach(), prediction.detach()) if self._meter.wanted else loss.detach()

    def _test_step(self, x: Any, y: Any, weight: Any = None) -> Any:
        prediction = self.forward(x)
        loss = self._total(y, prediction, weight)
        return (loss, prediction) if self._meter.wanted else loss

    def _predict_step(self, x: Any) -> Any:
        return self.forward(x)

    def _total(self, y: Any, prediction: Any, weight: Any) -> Any:
        loss, penalty = self._objective(y, prediction, weight), self.penalty()
        return loss if penalty is None else loss + penalty

    # -- data ----------------------------------------------------------------------------------------------------------

    def _feed(
        self, op: str, x: Any, y: Any, weight: Any, size: int | None, *, shuffle: bool = False,
        steps: int | None = None, class_weight: dict[Any, float] | None = None, learns: bool = True,
    ) -> Feed:  # fmt: skip
        """The batches in the types that the step takes, for a model that has its weights then."""
        if size is not None and (isinstance(size, bool) or not hasattr(size, "__index__") or size < 1):
            raise ValueError(message(op, "batch_size", repr(size), "an int of at least 1, or None for 32"))
        if learns and self._objective is None:
            remedy = "Write model.compile(optimizer='adam', loss='mse') first."
            raise RuntimeError(message(op, "", "a model without a loss", "a compiled one", remedy))
        takes = int64 if self.layers and isinstance(self.layers[0], Embedding) else self.dtype

        def ready(x: Any, y: Any, weight: Any) -> list[Any]:
            if not learns:
                return [np.asarray(x, takes)]
            if y is None:
                raise ValueError(message(op, "y", None, "targets for x"))
            if class_weight is not None:
                if weight is not None:
                    raise ValueError(message(op, "class_weight", "sample_weight besides", "one of them"))
                weight = compute_sample_weight(class_weight, y)
            batch = [np.asarray(x, takes), self._objective.prepare(y, self.dtype)]
            return batch if weight is None else [*batch, np.asarray(weight, self.dtype)]

        feed = Feed(op, x, y, weight, ready, size or 32, shuffle, steps)
        if not self.built:
            self.build((None, *feed.shape()[1:]))
        if learns:
            self.optimizer.build([p for p in self.parameters() if p.requires_grad])
        return feed

    def _listeners(self, given: Any, verbose: Any, epochs: int, steps: int | None, *more: Any) -> CallbackList:
        verbose, callbacks = 1 if verbose == "auto" else int(verbose), _listed(given)
        if verbose and not any(isinstance(callback, ProgbarLogger) for callback in callbacks):
            callbacks = [*callbacks, ProgbarLogger()]
        return CallbackList([*callbacks, *more], self, epochs=epochs, steps=steps, verbose=verbose)

    # -- training ------------------------------------------------------------------------------------------------------

    def fit(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, verbose: Any = "auto",
        callbacks: Any = None, validation_split: float = 0.0, validation_data: Any = None, shuffle: bool = True,
        class_weight: dict[Any, float] | None = None, sample_weight: Any = None, initial_epoch: int = 0,
        steps_per_epoch: int | None = None, validation_steps: int | None = None,
        validation_batch_size: int | None = None, validation_freq: Any = 1,
    ) -> History:  # fmt: skip
        """Trains, and returns the History of each epoch's loss and metrics, which is model.history, too.

        x, y: arrays, tensors or DataFrames of as many rows; or a Dataset, a DataLoader or any iterable of batches
        (x, y) or (x, y, weight) in x. epochs: the number of the last epoch, initial_epoch being that of the first.
        verbose: 0 silent, 1 or "auto" a progress bar, 2 a line per epoch. validation_split: the LAST fraction of the
        samples, cut off before they are shuffled; validation_data overrides it. Values of training are means while the
        epoch ran, with dropout on; those of validation are taken after it. Ctrl-C ends the training and returns what
        there is.
        """
        tail = validation_data
        if validation_split and tail is None:
            if not is_array(x):
                got, remedy = "an iterable of batches in x", "Pass validation_data."
                raise ValueError(message("fit", "validation_split", got, "arrays", remedy))
            op, given = "fit: validation_split", columns("fit", x, y, sample_weight)
            (x, y, sample_weight), tail = split_tail(*given, fraction=validation_split, operation=op)
            if self._objective is not None and y is not None:
                check_split(y, tail[1], "crossentropy" in self._objective.name, op)
        feed = self._feed(
            "fit", x, y, sample_weight, batch_size, shuffle=shuffle, steps=steps_per_epoch, class_weight=class_weight
        )
        checked = None
        if tail is not None:
            vx, vy, vw = [*_listed(tail), None, None][:3]
            size = validation_batch_size or batch_size
            checked = self._feed("fit: validation_data", vx, vy, vw, size, steps=validation_steps)
        history = self.history = History()
        self.stop_training = False
        listeners = self._listeners(callbacks, verbose, epochs, feed.steps, history)
        modules, logs = list(self.modules()), dict[str, float]()
        listeners.call("on_train_begin")
        try:
            with in_mode(modules, True):
                for epoch in range(initial_epoch, epochs):
                    listeners.call("on_epoch_begin", epoch)
                    logs = self._trained(feed, listeners)
                    often = validation_freq
                    if checked and ((epoch + 1) % often == 0 if isinstance(often, int) else epoch + 1 in often):
                        found = self._judged(checked, listeners, modules)
                        logs |= {f"val_{name}": value for name, value in found.items()}
                    listeners.call("on_epoch_end", epoch, logs=logs)
                    if self.stop_training:
                        break
        except KeyboardInterrupt:
            done = len(history.epoch)
            warnings.warn(f"fit: interrupted after {done} complete epochs, which the History holds.", stacklevel=2)
        listeners.call("on_train_end", logs=logs)
        return history

    def _pass(self, kind: str, feed: Feed, listeners: CallbackList, add: Any, logs: Callable[[], Logs]) -> Logs:
        """One pass over the data by the step of this kind; add gets what each batch gave, logs() are those so far."""
        step, learns = self._step(kind), kind == "train"
        for i, batch in enumerate(feed):
            listeners.batch_begin(kind, i)
            if learns:
                self.optimizer.before_step()
            add(step(*batch), batch)
            listeners.batch_end(kind, i, logs)
            if learns and self.stop_training:
                break
        return logs()

    def _trained(self, feed: Feed, listeners: CallbackList) -> Logs:
        """One epoch."""
        self._meter.reset()
        return self._pass("train", feed, listeners, self._meter.add, self._meter.logs)

    def _judged(self, feed: Feed, listeners: CallbackList, modules: list[Any]) -> Logs:
        """One evaluation."""
        self._meter.reset()
        listeners.call("on_test_begin")
        with in_mode(modules, False), no_grad():
            logs = self._pass("test", feed, listeners, self._meter.add, self._meter.logs)
        listeners.call("on_test_end", logs=dict(logs))
        return logs

    def evaluate(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: Any = "auto",
        sample_weight: Any = None, steps: int | None = None, callbacks: Any = None, return_dict: bool = False,
    ) -> Any:  # fmt: skip
        """The loss, or [loss, metrics ...], or a dict by name, in inference mode: dropout is off."""
        feed = self._feed("evaluate", x, y, sample_weight, batch_size, steps=steps)
        listeners = self._listeners(callbacks, verbose, 1, feed.steps)
        return self._meter.returned(self._judged(feed, listeners, list(self.modules())), return_dict)

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: Any = "auto", steps: int | None = None,
        callbacks: Any = None,
    ) -> np.ndarray[Any, Any]:  # fmt: skip
        """What the model says to x, as a NumPy array, in inference mode."""
        feed = self._feed("predict", x, None, None, batch_size, steps=steps, learns=False)
        listeners, found = self._listeners(callbacks, verbose, 1, feed.steps), []
        listeners.call("on_predict_begin")
        with in_mode(self, False), no_grad():
            self._pass("predict", feed, listeners, lambda result, _: found.append(result.array), dict)
        listeners.call("on_predict_end")
        return np.concatenate(found) if found else np.empty((0, *self.output_shape[1:]), self.dtype)

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: dict[Any, float] | None = None,
        return_dict: bool = False,
    ) -> Any:  # fmt: skip
        """One update with this batch. The values that it returns are those of this batch alone."""
        feed = self._feed("train_on_batch", x, y, sample_weight, len(x), class_weight=class_weight)
        with in_mode(self, True):
            return self._meter.returned(self._trained(feed, CallbackList()), return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The values of evaluate for this batch."""
        return self.evaluate(x, y, len(x), 0, sample_weight, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> np.ndarray[Any, Any]:
        """The values of predict for this batch."""
        return self.predict(x, len(x), 0)


def _check_ending(model: Any, loss: Any) -> None:
    """Warns where a cross-entropy gets from the last layer what it does not expect; the programs run on, and learn badly."""
    name = getattr(getattr(loss, "fn", None), "__name__", "")
    last = [layer for layer in model.modules() if hasattr(layer, "activation")][-1:]
    function, units = (getattr(last[0], what, None) if last else None for what in ("activation", "units"))
    ending = getattr(function, "__name__", "")
    if not name.endswith("_crossentropy") or getattr(activations, ending, None) is not function:
        return
    binary, logits = name.startswith("binary"), bool(getattr(loss, "from_logits", False))
    wanted = "sigmoid" if binary else "softmax"
    if units == 1 and not binary:
        problem = f"{name} needs one unit per class, and the last layer has 1"
        remedy = f"Write Dense(classes, activation={wanted!r}), or for two classes loss='binary_crossentropy'."
    elif units == 1 and ending == "softmax":
        problem, remedy = "softmax of a single unit is always 1", "Write activation='sigmoid'."
    elif logits and ending in ("softmax", "sigmoid"):
        problem = f"the last layer ends in {ending}, which from_logits=True applies once more"
        remedy = f"Remove activation={ending!r}, or write from_logits=False."
    elif not logits and ending != wanted and not (binary and ending in ("softmax", "hard_sigmoid")):
        problem = f"{name} expects probabilities, and the last layer ends in {ending}"
        kind = name.title().replace("_", "")
        remedy = f"Write activation={wanted!r}, or loss=minigrad.keras.losses.{kind}(from_logits=True) without one."
    else:
        return
    warnings.warn(f"compile: {problem}. {remedy}", stacklevel=3)


def _listed(given: Any) -> list[Any]:
    return [] if given is None else list(given) if isinstance(given, (list, tuple)) else [given]
