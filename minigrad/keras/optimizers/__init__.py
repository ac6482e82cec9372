"""Optimizers under Keras's names, with Keras's arithmetic, on the fused updates of `minigrad.optim`: the learning rate
stands inside the velocity of SGD and RMSprop, Adam adds epsilon before the bias correction, RMSprop and Adagrad inside
the root, and `weight_decay` is decoupled in all, w <- w - lr weight_decay w.

    optimizer.build(parameters)          # once
    optimizer.before_step()              # before each step: the rate that a schedule gives, and the count of steps
    optimizer.zero_grad(); loss.backward(); optimizer.step()        # may be captured by mg.jit
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import minigrad as mg
from minigrad import optim
from minigrad.errors import message
from minigrad.keras._get import Configured, by_names, lookup, made
from minigrad.keras.optimizers import schedules as schedules
from minigrad.keras.optimizers.schedules import LearningRateSchedule
from minigrad.nn import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, ClassVar

_CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")


class Optimizer(Configured):
    """What all share. learning_rate: a number, a schedule, or a function without arguments. Gradients are clipped to
    +-clipvalue, each parameter's to the norm clipnorm, or all together to the norm global_clipnorm: one of these."""

    _kind: ClassVar[type[Any]]  # the update
    _ours: ClassVar[dict[str, str]]  # how it names the options
    _more: ClassVar[dict[str, Any]]  # what it is told besides

    def _settle(self) -> None:
        self._clips = {c: self._given[c] for c in _CLIPS if self._given[c] is not None}
        if len(self._clips) > 1 or any(not limit > 0 for limit in self._clips.values()):
            raise ValueError(message(type(self).__name__, ", ".join(_CLIPS), self._clips, "at most one, above 0"))
        self.name: str = self._given["name"] or type(self).__name__.lower()
        self.iterations, self._built = 0, None
        self._made([Parameter(mg.zeros(1))])  # which raises where an option is wrong

    def _made(self, parameters: list[Any]) -> Any:
        options = {ours: self._given[option] for option, ours in self._ours.items()}
        if not options.get("momentum", True):
            options.pop("nesterov", None)  # as in Keras: there is nothing for it to look ahead with
        if "beta_1" in self._given:
            options["betas"] = self.beta_1, self.beta_2
        return self._kind(parameters, self.learning_rate, weight_decay=self.weight_decay or 0, **options, **self._more)

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
        rate = self._given["learning_rate"]
        if isinstance(rate, LearningRateSchedule):
            return rate(self.iterations)
        return float(rate() if callable(rate) else rate)

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        if callable(self._given["learning_rate"]):
            remedy = "Construct the optimizer with a number, to change it in between."
            raise TypeError(message(self.name, "learning_rate", rate, "nothing, as a schedule gives the rate", remedy))
        self._given["learning_rate"] = float(rate)
        self._write()

    def _write(self) -> None:
        if self._built is not None:
            self._built.param_groups[0]["lr"] = self.learning_rate

    def before_step(self) -> None:
        """What Python does before each step, outside of what is captured."""
        if callable(self._given["learning_rate"]):
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
        for how, limit in self._clips.items():
            _clip(how, limit, [p for p in self._parameters if p.grad is not None])
        self._built.step()

    @property
    def variables(self) -> list[Any]:
        """What has been accumulated, parameter by parameter."""
        return [] if self._built is None else [x for state in self._built.state.values() for x in state.values()]


def _clip(how: str, limit: float, parameters: list[Any]) -> None:
    with mg.no_grad():
        norms = [p.grad.square().sum() for p in parameters] if how != "clipvalue" else []
        if how == "global_clipnorm":
            norms = [sum(norms[1:], norm) for norm in norms[:1]] * len(norms)
        for i, p in enumerate(parameters):
            p.grad = p.grad * (limit / norms[i].sqrt().clip(min=limit)) if norms else p.grad.clip(-limit, limit)


_BETAS = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
_DECOUPLED = {"decoupled_weight_decay": True}


def _optimizer(
    name: str, doc: str, kind: type[Any], fixed: dict[str, int], more: dict[str, Any], rate: float = 0.001,
    decay: float | None = None, **own: Any,
) -> Any:  # fmt: skip
    """The class of an update, with Keras's options. fixed: what makes it Keras's arithmetic; more: the same, of options
    that minigrad's own has too."""
    first = {"learning_rate": rate} | ({"weight_decay": decay} if decay else {})
    options = {**first, **own, "weight_decay": decay, **dict.fromkeys(_CLIPS), "name": None}
    names = {"epsilon": "eps", "rho": "alpha" if kind is optim.RMSprop else "rho"}
    ours = {option: names.get(option, option) for option in own if not option.startswith("beta")}
    kind = made(kind, name, doc, _fixed=fixed)
    return made(Optimizer, name, doc, _kind=kind, _ours=ours, _more=more, _options=options)


# fmt: off
SGD = _optimizer(
    "SGD", "w <- w - lr g; with momentum v <- momentum v - lr g, w <- w + v; nesterov: w <- w + momentum v - lr g.",
    optim.SGD, {"decoupled": 1, "lr_in_velocity": 1}, {}, 0.01, momentum=0.0, nesterov=False)
Adam = _optimizer(
    "Adam", "w <- w - lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon) (Kingma and Ba 2015).",
    optim.Adam, {"eps_hat": 1}, _DECOUPLED, **_BETAS, amsgrad=False)
AdamW = _optimizer(
    "AdamW", "Adam, with weight_decay 0.004 (Loshchilov and Hutter 2019).",
    optim.Adam, {"eps_hat": 1}, _DECOUPLED, decay=0.004, **_BETAS, amsgrad=False)
RMSprop = _optimizer(
    "RMSprop", "v <- rho v + (1 - rho) g^2, w <- w - lr g / sqrt(v + epsilon) (Tieleman and Hinton 2012); centered: the "
    "variance in v's place; with momentum the steps add up as in SGD.", optim.RMSprop,
    {"decoupled": 1, "eps_inside": 1, "lr_in_velocity": 1}, {}, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False)
Adagrad = _optimizer(
    "Adagrad", "a <- a + g^2, w <- w - lr g / sqrt(a + epsilon) (Duchi, Hazan and Singer 2011).", optim.Adagrad,
    {"decoupled": 1, "eps_inside": 1}, {}, initial_accumulator_value=0.1, epsilon=1e-7)
Adadelta = _optimizer(
    "Adadelta", "Steps as long as a running mean of earlier steps, over that of the gradients (Zeiler 2012).",
    optim.Adadelta, {"decoupled": 1}, {}, rho=0.95, epsilon=1e-7)
Adamax = _optimizer(
    "Adamax", "u <- max(beta_2 u, |g|), w <- w - lr / (1 - beta_1^t) m / (u + epsilon) (Kingma and Ba 2015).",
    optim.Adamax, {"decoupled": 1, "eps_outside": 1}, {}, **_BETAS)
Nadam = _optimizer(
    "Nadam", "Adam with Nesterov's momentum (Dozat 2016).",
    optim.NAdam, {}, {"momentum_decay": 1.0, **_DECOUPLED}, **_BETAS)
# fmt: on
_TABLE = by_names((SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, Nadam))


def get(identifier: Any) -> Any:
    """An optimizer by its name or class, or itself."""
    return identifier if isinstance(identifier, Optimizer) else lookup("optimizers", identifier, _TABLE)
