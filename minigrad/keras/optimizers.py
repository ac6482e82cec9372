"""Optimizers under Keras's names, with Keras's arithmetic, on the fused updates of `minigrad.optim`.

What differs from PyTorch's: the learning rate stands inside the velocity of SGD and RMSprop, Adam adds epsilon before
the bias correction, RMSprop and Adagrad inside the root, and `weight_decay` is decoupled in all, w <- w - lr
weight_decay w.

    optimizer.build(parameters)          # once
    optimizer.before_step()              # before each step: the rate that a schedule gives, and the count of steps
    optimizer.zero_grad(); loss.backward(); optimizer.step()        # may be captured by mg.jit
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import minigrad as mg
from minigrad import optim
from minigrad.errors import message
from minigrad.keras import schedules
from minigrad.keras._get import Configured, lookup
from minigrad.nn import Parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, ClassVar

#: What would need another copy of all weights or gradients.
_ABSENT: dict[str, Any] = {
    "use_ema": False, "ema_momentum": 0.99, "ema_overwrite_frequency": None, "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}  # fmt: skip
_COMMON = {"weight_decay": None, "clipnorm": None, "clipvalue": None, "global_clipnorm": None, **_ABSENT}


class Optimizer(Configured):
    """What all share. learning_rate: a number, a schedule, or a function without arguments. Gradients are clipped to
    +-clipvalue, each parameter's to the norm clipnorm, or all together to the norm global_clipnorm: one of these.
    """

    _kind: ClassVar[type[Any]]  # the update
    _fixed: ClassVar[dict[str, int]] = {}  # which makes it Keras's
    _torch: ClassVar[Callable[[Any], dict[str, Any]]]  # its options

    def _settle(self) -> None:
        op = type(self).__name__
        for option, default in _ABSENT.items():
            if self._given[option] != default:
                remedy = "Train with a larger batch_size." if "accumulation" in option else ""
                raise ValueError(message(op, option, self._given[option], f"{default}: it is not supported", remedy))
        clips = {c: self._given[c] for c in ("clipnorm", "clipvalue", "global_clipnorm") if self._given[c] is not None}
        if len(clips) > 1 or any(not limit > 0 for limit in clips.values()):
            raise ValueError(message(op, "clipnorm, clipvalue, global_clipnorm", clips, "at most one, above 0"))
        self.name: str = self._given["name"] or op.lower()
        self._schedule = vars(self).pop("learning_rate")
        self._clips, self.iterations, self._built = clips, 0, None
        self._parameters: list[Any] = []
        self._made([Parameter(mg.zeros(1))])  # which raises where an option is wrong

    def _made(self, parameters: list[Any]) -> Any:
        kind = type(type(self).__name__, (self._kind,), {"_fixed": self._fixed})
        return kind(parameters, lr=self.learning_rate, weight_decay=self.weight_decay or 0, **self._torch())

    def build(self, parameters: Iterable[Any]) -> None:
        """Makes the updates of these parameters. For other ones, use another optimizer."""
        parameters = list(parameters)
        if self._built is None:
            self._built, self._parameters = self._made(parameters), parameters
        elif [id(p) for p in parameters] != [id(p) for p in self._parameters]:
            got = "other parameters than at first"
            raise ValueError(message(f"{self.name}.build", "parameters", got, "the same", "Make a new optimizer."))

    @property
    def learning_rate(self) -> float:
        """The rate of the next step. It may be set at any time, unless a schedule gives it."""
        if isinstance(self._schedule, schedules.LearningRateSchedule):
            return self._schedule(self.iterations)
        return float(self._schedule() if callable(self._schedule) else self._schedule)

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        if callable(self._schedule) and not callable(rate):
            remedy = "Construct the optimizer with a number, to change it in between."
            raise TypeError(message(self.name, "learning_rate", rate, "nothing, as a schedule gives the rate", remedy))
        self._schedule = rate if callable(rate) else float(rate)
        self._write()

    def _write(self) -> None:
        if self._built is not None:
            self._built.param_groups[0]["lr"] = self.learning_rate

    def before_step(self) -> None:
        """What Python does before each step, outside of what is captured."""
        if callable(self._schedule):
            self._write()
        self.iterations += 1

    def zero_grad(self) -> None:
        """Forgets all gradients."""
        for p in self._parameters:
            p.grad = None

    def step(self) -> None:
        """Clips the gradients and updates the parameters, by kernels alone."""
        if self._built is None:
            raise RuntimeError(message(f"{self.name}.step", "", "no parameters", "build(parameters) before"))
        if self._clips:
            self._clip()
        self._built.step()

    def _clip(self) -> None:
        ((how, limit),), parameters = self._clips.items(), [p for p in self._parameters if p.grad is not None]
        with mg.no_grad():
            norms = [p.grad.square().sum() for p in parameters] if how != "clipvalue" else []
            if how == "global_clipnorm":
                norms = [sum(norms[1:], norm) for norm in norms[:1]] * len(norms)
            for i, p in enumerate(parameters):
                p.grad = p.grad * (limit / norms[i].sqrt().clip(min=limit)) if norms else p.grad.clip(-limit, limit)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> None:
        """One step along given gradients."""
        pairs = list(grads_and_vars)
        self.build([p for _, p in pairs] if self._built is None else self._parameters)
        for gradient, p in pairs:
            p.grad = gradient
        self.before_step()
        self.step()

    @property
    def variables(self) -> list[Any]:
        """What has been accumulated, parameter by parameter."""
        return [] if self._built is None else [x for state in self._built.state.values() for x in state.values()]

    def state_dict(self) -> dict[str, Any]:
        """Copies of all state: what has been accumulated, and the count of steps."""
        return {"iterations": self.iterations, **({} if self._built is None else self._built.state_dict())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from a state_dict. Build the optimizer first."""
        if self._built is None:
            raise RuntimeError(message(f"{self.name}.load_state_dict", "", "no parameters", "build(parameters) before"))
        self._built.load_state_dict({k: v for k, v in state.items() if k != "iterations"})
        self.iterations = int(state["iterations"])

    def get_config(self) -> dict[str, Any]:
        """The options, with the learning rate as it is now, or its schedule."""
        return {**self._given, "learning_rate": self._schedule}


def _arguments(learning_rate: float, **own: Any) -> dict[str, Any]:
    return {"learning_rate": learning_rate, **own, **{k: v for k, v in _COMMON.items() if k not in own}, "name": None}


_BETAS: dict[str, Any] = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}


def _moments(o: Any) -> dict[str, Any]:
    return {"betas": (o.beta_1, o.beta_2), "eps": o.epsilon}


class SGD(Optimizer):
    """w <- w - lr g; with momentum v <- momentum v - lr g, w <- w + v; nesterov: w <- w + momentum v - lr g."""

    _kind, _fixed = optim.SGD, {"decoupled": 1, "lr_in_velocity": 1}
    _options = _arguments(0.01, momentum=0.0, nesterov=False)
    _torch = lambda o: {"momentum": o.momentum, "nesterov": bool(o.nesterov and o.momentum)}


class Adam(Optimizer):
    """w <- w - lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon) (Kingma and Ba 2015)."""

    _kind, _fixed, _options = optim.Adam, {"eps_hat": 1}, _arguments(0.001, **_BETAS, amsgrad=False)
    _torch = lambda o: {**_moments(o), "amsgrad": o.amsgrad, "decoupled_weight_decay": True}


class AdamW(Adam):
    """Adam, with weight_decay 0.004 (Loshchilov and Hutter 2019)."""

    _options = _arguments(0.001, weight_decay=0.004, **_BETAS, amsgrad=False)


class RMSprop(Optimizer):
    """v <- rho v + (1 - rho) g^2, w <- w - lr g / sqrt(v + epsilon) (Tieleman and Hinton 2012); centered: the variance
    in v's place; with momentum the steps add up as in SGD."""

    _kind, _fixed = optim.RMSprop, {"decoupled": 1, "eps_inside": 1, "lr_in_velocity": 1}
    _options = _arguments(0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False)
    _torch = lambda o: {"alpha": o.rho, "eps": o.epsilon, "momentum": o.momentum, "centered": o.centered}


class Adagrad(Optimizer):
    """a <- a + g^2, w <- w - lr g / sqrt(a + epsilon) (Duchi, Hazan and Singer 2011)."""

    _kind, _fixed = optim.Adagrad, {"decoupled": 1, "eps_inside": 1}
    _options = _arguments(0.001, initial_accumulator_value=0.1, epsilon=1e-7)
    _torch = lambda o: {"initial_accumulator_value": o.initial_accumulator_value, "eps": o.epsilon}


class Adadelta(Optimizer):
    """Steps as long as a running mean of earlier steps, over that of the gradients (Zeiler 2012)."""

    _kind, _fixed, _options = optim.Adadelta, {"decoupled": 1}, _arguments(0.001, rho=0.95, epsilon=1e-7)
    _torch = lambda o: {"rho": o.rho, "eps": o.epsilon}


class Adamax(Optimizer):
    """u <- max(beta_2 u, |g|), w <- w - lr / (1 - beta_1^t) m / (u + epsilon) (Kingma and Ba 2015)."""

    _kind, _fixed = optim.Adamax, {"decoupled": 1, "eps_outside": 1}
    _options, _torch = _arguments(0.001, **_BETAS), _moments


class Nadam(Optimizer):
    """Adam with Nesterov's momentum (Dozat 2016)."""

    _kind, _options = optim.NAdam, _arguments(0.001, **_BETAS)
    _torch = lambda o: {**_moments(o), "momentum_decay": 1.0, "decoupled_weight_decay": True}


_found = (SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, Nadam)
_TABLE: dict[str, Any] = {name: c for c in _found for name in (c.__name__, c.__name__.lower())}


def get(identifier: Any) -> Any:
    """An optimizer by its name or class, or itself."""
    return identifier if isinstance(identifier, Optimizer) else lookup("optimizers", identifier, _TABLE)
