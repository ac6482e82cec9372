"""compile, fit, evaluate and predict: what a model learns by.

A step is a function of (x, y, weight) that runs under `mg.jit`: zero the gradients, forward, loss, backward, update.
What Python does besides per batch is to cut the batch, to ask the optimizer for its schedule and to add up the loss;
metrics are computed from predictions that were kept, when somebody looks at them.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import int64
from minigrad._jit import jit
from minigrad._mode import no_grad
from minigrad.errors import message
from minigrad.keras import activations, losses, metrics, optimizers
from minigrad.keras._feed import Feed, is_array, split_tail, warn_of_tail
from minigrad.keras.callbacks import CallbackList, History, ProgbarLogger
from minigrad.keras.layers import Dropout, Embedding, Flatten, Layer, Reshape, Softmax

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    Logs = dict[str, float]


@contextmanager
def _mode(modules: list[Any], training: bool) -> Iterator[None]:
    """Training or inference, and afterwards each module's own mode again. (To find all modules costs more than an epoch
    of a small network: callers do it once.)"""
    before = [module.training for module in modules]
    try:
        for module in modules:
            module.training = training
        yield
    finally:
        for module, mode in zip(modules, before):
            module.training = mode


class _Meter:
    """The mean of the loss over samples, and the metrics, since the last reset."""

    #: Batches whose predictions are kept until the metrics take them all at once: one call costs as much as another.
    KEPT = 64

    def __init__(self, plain: Sequence[Any], weighted: Sequence[Any]) -> None:
        self.wanted = [(m, False) for m in plain] + [(m, True) for m in weighted]
        self.metrics: list[tuple[Any, bool]] = []
        self.reset()

    def reset(self) -> None:
        """Forgets what has been added."""
        self.total, self.samples = 0.0, 0
        self.kept: list[tuple[Any, Any, Any]] = []
        for metric, _ in self.metrics:
            metric.reset_state()

    def add(self, result: Any, x: Any, y: Any, weight: Any) -> None:
        """Takes what a step has returned for a batch: the loss, and the predictions if there are metrics."""
        loss, n = result, x.shape[0]
        if self.wanted:
            loss, prediction = result
            self.kept.append((y, prediction, weight))
            if len(self.kept) >= self.KEPT:
                self._measure()
        self.total += loss.item() * n
        self.samples += n

    def _measure(self) -> None:
        columns: list[Any] = [None if c[0] is None else np.concatenate([t.array for t in c]) for c in zip(*self.kept)]
        y, prediction, weight = columns
        if not self.metrics:
            self.metrics = [(metrics.as_metric(m, y.shape, prediction.shape), w) for m, w in self.wanted]
        for metric, weighted in self.metrics:
            metric.update_state(y, prediction, weight if weighted else None)
        self.kept.clear()

    def logs(self) -> Logs:
        """The loss and the metrics by name, in the order in which compile was given them."""
        if self.kept:
            self._measure()
        mean = self.total / self.samples if self.samples else 0.0
        return {"loss": mean, **{metric.name: float(metric.result()) for metric, _ in self.metrics}}


def _sorted(logs: Logs) -> Logs:
    return dict(sorted(logs.items()))


class Trainer(Layer):
    """What a model can do besides computing: learn, be judged, and predict."""

    layers: list[Layer]
    output_shape: Any
    optimizer: Any = None
    loss: Any = None
    history: History | None = None
    stop_training = False
    _meter: Any = None

    # -- compile -------------------------------------------------------------------------------------------------------

    def compile(
        self, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: float | None = None, metrics: Any = None,
        weighted_metrics: Any = None, run_eagerly: bool = False, steps_per_execution: int = 1, jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:  # fmt: skip
        """Says what training minimises, how, and what it reports.

        optimizer, loss, metrics: names, classes, instances or functions. run_eagerly: without `mg.jit`, for debugging.
        steps_per_execution, jit_compile and auto_scale_loss change nothing here: a captured step costs no more alone.
        Warns where the last layer and the loss do not fit, such as logits without from_logits=True.
        """
        if loss_weights is not None:
            raise ValueError(message("compile", "loss_weights", loss_weights, "None: a Sequential model has one output"))
        self.optimizer, self.loss, self._objective = optimizers.get(optimizer), loss, losses.as_loss(loss)
        self._meter = _Meter(_listed(metrics), _listed(weighted_metrics))
        self._run_eagerly = run_eagerly
        self._forget_steps()
        if self._objective is not None:
            _check_ending(self, self._objective)

    def _forget_steps(self) -> None:
        """Programs of other layers are worth nothing."""
        self._steps: dict[str, Callable[..., Any]] = {}

    def _step(self, kind: str) -> Callable[..., Any]:
        """The step for "train", "test" or "predict", made when it is first needed."""
        if kind not in self._steps:
            function = getattr(self, f"_{kind}_step")
            self._steps[kind] = function if getattr(self, "_run_eagerly", False) else jit(function, fallback=True)
        return self._steps[kind]

    def _train_step(self, x: Any, y: Any, weight: Any) -> Any:
        self.optimizer.zero_grad()
        prediction = self.forward(x)
        loss = self._total(y, prediction, weight)
        loss.backward()
        self.optimizer.step()
        return (loss.detach(), prediction.detach()) if self._meter.wanted else loss.detach()

    def _test_step(self, x: Any, y: Any, weight: Any) -> Any:
        prediction = self.forward(x)
        loss = self._total(y, prediction, weight)
        return (loss, prediction) if self._meter.wanted else loss

    def _predict_step(self, x: Any) -> Any:
        return self.forward(x)

    def _total(self, y: Any, prediction: Any, weight: Any) -> Any:
        loss, penalty = self._objective(y, prediction, weight), self.penalty()
        return loss if penalty is None else loss + penalty

    # -- data ----------------------------------------------------------------------------------------------------------

    def _ready(self, x: Any, y: Any, weight: Any) -> list[Any]:
        """Arrays in the types that the step takes."""
        first = self.layers[0] if self.layers else self
        x = np.asarray(x, int64 if isinstance(first, Embedding) else self.dtype)
        y = y if y is None or self._meter is None or self._objective is None else self._objective.prepare(y, self.dtype)
        return [x, y, None if weight is None else np.asarray(weight, self.dtype)]

    def _feed(self, op: str, x: Any, y: Any, weight: Any, size: int | None, *rest: Any, learns: bool = True) -> Feed:
        """The batches, for a model that has its weights then."""
        if size is not None and (isinstance(size, bool) or not hasattr(size, "__index__") or size < 1):
            raise ValueError(message(op, "batch_size", repr(size), "an int of at least 1, or None for 32"))
        if learns and (self._meter is None or self._objective is None):
            remedy = "Write model.compile(optimizer='adam', loss='mse') first."
            raise RuntimeError(message(op, "", "a model without a loss", "a compiled one", remedy))
        if learns and y is None and is_array(x):
            raise ValueError(message(op, "y", None, "targets for x"))
        feed = Feed(op, x, y, weight, self._ready, size, *(rest or (False, None)))
        if not self.built:
            self.build((None, *feed.first()[1:]))
        if learns:
            self.optimizer.build([p for p in self.parameters() if p.requires_grad])
        return feed

    def _listeners(self, callbacks: Any, verbose: Any, **params: Any) -> CallbackList:
        verbose = 1 if verbose == "auto" else int(verbose)
        if isinstance(callbacks, CallbackList):
            return callbacks
        bar = [ProgbarLogger()] if verbose and not any(isinstance(c, ProgbarLogger) for c in _listed(callbacks)) else []
        return CallbackList([*_listed(callbacks), *bar], model=self, verbose=verbose, **params)

    # -- training ------------------------------------------------------------------------------------------------------

    def fit(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, verbose: Any = "auto",
        callbacks: Any = None, validation_split: float = 0.0, validation_data: Any = None, shuffle: bool = True,
        class_weight: dict[Any, float] | None = None, sample_weight: Any = None, initial_epoch: int = 0,
        steps_per_epoch: int | None = None, validation_steps: int | None = None, validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> History:  # fmt: skip
        """Trains, and returns the History of each epoch's loss and metrics, which is model.history, too.

        x, y: arrays, tensors or DataFrames of as many rows; or a Dataset, a DataLoader or any iterable of batches (x, y)
        or (x, y, weight) in x. epochs: the number of the last epoch, initial_epoch being that of the first. verbose: 0
        silent, 1 or "auto" a progress bar, 2 a line per epoch. validation_split: the LAST fraction of the samples, cut
        off before they are shuffled; validation_data overrides it. Values of training are means while the epoch ran,
        with dropout on; those of validation are taken after it. Ctrl-C ends the training and returns what there is.
        """
        tail = validation_data
        if validation_split and tail is None:
            (x, y, sample_weight), tail = split_tail(x, y, sample_weight, validation_split)
            if self._objective is not None and y is not None:
                warn_of_tail(y, tail[1], "crossentropy" in self._objective.name)
        feed = self._feed("fit", x, y, sample_weight, batch_size, shuffle, steps_per_epoch, class_weight)
        checked = None
        if tail is not None:
            parts = [*tail, None, None][:3] if isinstance(tail, (tuple, list)) else [tail, None, None]
            size = validation_batch_size or batch_size
            checked = self._feed("fit: validation_data", *parts, size, False, validation_steps)
        listeners = self._listeners(callbacks, verbose, epochs=epochs, steps=feed.steps)
        self.history = History()
        listeners.add(self.history)
        self.stop_training = False
        modules = list(self.modules())
        listeners.on_train_begin()
        logs: Logs = {}
        try:
            with _mode(modules, True):
                for epoch in range(initial_epoch, epochs):
                    listeners.on_epoch_begin(epoch)
                    logs = self._trained(feed, listeners)
                    if checked is not None and _due(epoch + 1, validation_freq):
                        found = self._judged(checked, listeners, modules)
                        logs |= {f"val_{name}": value for name, value in _sorted(found).items()}
                    listeners.on_epoch_end(epoch, logs=logs)
                    if self.stop_training:
                        break
        except KeyboardInterrupt:
            done = len(self.history.epoch)
            warnings.warn(f"fit: interrupted after {done} complete epochs, which the History holds.", stacklevel=2)
        listeners.on_train_end(logs=logs)
        return self.history

    def _trained(self, feed: Feed, listeners: CallbackList) -> Logs:
        """One epoch."""
        meter, step, before_step = self._meter, self._step("train"), self.optimizer.before_step
        meter.reset()
        for i, (x, y, weight) in enumerate(feed):
            listeners.on_batch_begin("train", i)
            before_step()
            meter.add(step(x, y, weight), x, y, weight)
            listeners.on_batch_end("train", i, meter.logs)
            if self.stop_training:
                break
        return _sorted(meter.logs())

    def _judged(self, feed: Feed, listeners: CallbackList, modules: list[Any]) -> Logs:
        """One pass of evaluation."""
        meter, step = self._meter, self._step("test")
        meter.reset()
        listeners.on_test_begin()
        with _mode(modules, False), no_grad():
            for i, (x, y, weight) in enumerate(feed):
                listeners.on_batch_begin("test", i)
                meter.add(step(x, y, weight), x, y, weight)
                listeners.on_batch_end("test", i, meter.logs)
        logs: Logs = meter.logs()
        listeners.on_test_end(logs=_sorted(logs))
        return logs

    def evaluate(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: Any = "auto", sample_weight: Any = None,
        steps: int | None = None, callbacks: Any = None, return_dict: bool = False,
    ) -> Any:  # fmt: skip
        """The loss, or [loss, metrics ...], or a dict by name, in inference mode: dropout is off."""
        feed = self._feed("evaluate", x, y, sample_weight, batch_size, False, steps)
        listeners = self._listeners(callbacks, verbose, epochs=1, steps=feed.steps)
        return _returned(self._judged(feed, listeners, list(self.modules())), return_dict)

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: Any = "auto", steps: int | None = None, callbacks: Any = None
    ) -> np.ndarray[Any, Any]:
        """What the model says to x, as a NumPy array, in inference mode."""
        feed = self._feed("predict", x, None, None, batch_size, False, steps, learns=False)
        listeners, step = self._listeners(callbacks, verbose, epochs=1, steps=feed.steps), self._step("predict")
        found = []
        listeners.on_predict_begin()
        with _mode(list(self.modules()), False), no_grad():
            for i, (batch, _, _) in enumerate(feed):
                listeners.on_batch_begin("predict", i)
                found.append(step(batch).array)
                listeners.on_batch_end("predict", i, dict)
        listeners.on_predict_end()
        return np.concatenate(found) if found else np.empty((0, *self.output_shape[1:]), self.dtype)

    # -- single batches ------------------------------------------------------------------------------------------------

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: dict[Any, float] | None = None, return_dict: bool = False
    ) -> Any:
        """One update with this batch. The values that it returns are those of this batch alone."""
        feed = self._feed("train_on_batch", x, y, sample_weight, len(x), False, None, class_weight)
        with _mode(list(self.modules()), True):
            logs = self._trained(feed, CallbackList([], model=self))
        return _returned(logs, return_dict, self._meter)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The values of evaluate for this batch."""
        return self.evaluate(x, y, len(x), 0, sample_weight, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> np.ndarray[Any, Any]:
        """The values of predict for this batch."""
        return self.predict(x, len(x), 0)


def _due(epoch: int, often: Any) -> bool:
    return epoch % often == 0 if isinstance(often, int) else epoch in often


def _listed(given: Any) -> list[Any]:
    return [] if given is None else list(given) if isinstance(given, (list, tuple)) else [given]


def _returned(logs: Logs, as_dict: bool, meter: _Meter | None = None) -> Any:
    if as_dict:
        return _sorted(logs)
    values = list((meter.logs() if meter else logs).values())
    return values if len(values) > 1 else values[0]


# -- does the last layer fit the loss? ---------------------------------------------------------------------------------


def _ending(model: Any) -> tuple[str, Any]:
    """The name of the last activation and the number of units; "" where it is none of ours."""
    for layer in reversed(model.layers):
        if isinstance(layer, Trainer):
            return _ending(layer)
        if isinstance(layer, Softmax):
            return "softmax", None
        if not isinstance(layer, (Dropout, Flatten, Reshape)):
            function = getattr(layer, "activation", activations.linear)
            name = getattr(function, "__name__", "")
            return name if getattr(activations, name, None) is function else "", getattr(layer, "units", None)
    return "", None


def _check_ending(model: Any, loss: Any) -> None:
    """Warns where a cross-entropy gets what it does not expect; the programs run on, and learn badly."""
    fn = getattr(getattr(loss, "fn", None), "__name__", "")
    ending, units = _ending(model)
    if not fn.endswith("_crossentropy") or not ending:
        return
    binary, logits = fn.startswith("binary"), bool(getattr(loss, "from_logits", False))
    wanted = "sigmoid" if binary else "softmax"
    if units == 1 and not binary:
        problem = f"{fn} needs one unit per class, and the last layer has 1"
        remedy = f"Write Dense(classes, activation={wanted!r}), or for two classes loss='binary_crossentropy'."
    elif units == 1 and ending == "softmax":
        problem, remedy = "softmax of a single unit is always 1", "Write activation='sigmoid'."
    elif logits and ending in ("softmax", "sigmoid"):
        problem = f"the last layer ends in {ending}, which from_logits=True applies once more"
        remedy = f"Remove activation={ending!r}, or write from_logits=False."
    elif not logits and ending != wanted and not (binary and ending in ("softmax", "hard_sigmoid")):
        problem = f"{fn} expects probabilities, and the last layer ends in {ending}"
        kind = "".join(part.title() for part in fn.split("_"))
        remedy = f"Write activation={wanted!r} there, or loss=minigrad.keras.losses.{kind}(from_logits=True) without one."
    else:
        return
    warnings.warn(f"compile: {problem}. {remedy}", stacklevel=4)
