"""L-BFGS: a quasi-Newton method that remembers the last steps instead of a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import _writes
from minigrad._array import Array, from_array
from minigrad._mode import enable_grad
from minigrad.errors import DTypeError, ShapeError, message
from minigrad.optim._line_search import MOST, Point, strong_wolfe
from minigrad.optim._optimizer import Group, Optimizer, check_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, ClassVar

    Evaluate = Callable[[], tuple[float, Any]]

#: The smallest product s . y with which a step is remembered, so that the curvature along it is positive.
CURVED = 1e-10


class LBFGS(Optimizer):
    """Newton steps with the curvature estimated from the last steps and gradients (Liu and Nocedal 1989; Nocedal and Wright,
    Numerical Optimization, algorithm 7.5). For losses without noise: on the whole data set at once, not on batches.

        s = x_(k+1) - x_k,  y = g_(k+1) - g_k,  d = -H g by the last history_size pairs,  x <- x + t d

    One call of step(closure) does up to max_iter such updates, and calls the closure, which clears the gradients, computes
    the loss, calls backward and returns the loss, at most about max_eval times (default 5/4 max_iter):

        def closure():
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            return loss

    t is lr (at the first step at most lr / |g|_1), or, with line_search_fn="strong_wolfe", a length that fulfils the strong
    Wolfe conditions, searched from there. A call ends early if no gradient exceeds tolerance_grad, or if no parameter, or the
    loss, changes by more than tolerance_change. All parameters must have one type and be in one group. It cannot run within
    `mg.jit`, as it reads the loss. A closure that fails leaves parameters and state as they were before the step.
    """

    _struct = ""  # no kernel of its own
    _fields: ClassVar[dict[str, tuple[str, ...]]] = {}
    _slots = ()

    def __init__(
        self, params: Iterable[Any], lr: float = 1, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        _check_count("max_iter", max_iter)
        options = {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn,
        }  # fmt: skip
        self._past = Past()
        super().__init__(params, options)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As in other optimizers, but only once: there is a single group."""
        if self.param_groups:
            raise ValueError(message("LBFGS", "params", "several groups", "one", "The steps of all parameters hang together."))
        super().add_param_group(param_group)
        first, *others = self.param_groups[0]["params"]
        for i, p in enumerate(others, 1):
            if p.dtype is not first.dtype:
                self.param_groups.clear()
                raise DTypeError(message("LBFGS", f"params[{i}]", f"dtype {p.dtype}", f"{first.dtype}, as params[0] has"))

    @classmethod
    def _check(cls, values: dict[str, Any]) -> None:
        for option in ("lr", "tolerance_grad", "tolerance_change"):
            check_number("LBFGS", option, values[option], low=0)
        for option in ("max_iter", "max_eval", "history_size"):
            _check_count(option, values[option])
        if values["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(message("LBFGS", "line_search_fn", repr(values["line_search_fn"]), "None or 'strong_wolfe'"))

    # -- one call --------------------------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates the parameters up to max_iter times, and returns the loss from before the first of them."""
        if not callable(closure):
            got = "none" if closure is None else f"a {type(closure).__name__}"
            remedy = "Write step(closure): it computes the loss anew, calls backward and returns it."
            raise TypeError(message("LBFGS.step", "closure", got, "a function", remedy))
        losses: list[Any] = []

        def evaluate() -> tuple[float, Any]:
            with enable_grad():
                loss = closure()
            value = float(loss)
            losses.append(loss)
            return value, self._gradient()

        x, past = self._numbers(), self._past.copy()
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # where it diverges, as the kernels do: without a warning
                self._minimise(self.param_groups[0], x.copy(), past, evaluate)
        except BaseException:
            self._put(x)
            raise
        self._past = past
        return losses[0]

    def _minimise(self, group: Group, x: Any, past: Past, evaluate: Evaluate) -> None:
        """The updates of one call. x is the vector of all parameters, which change along with it."""
        loss, grad = evaluate()
        evaluations, past.func_evals = 1, past.func_evals + 1
        for iteration in range(1, group["max_iter"] + 1):
            if np.max(np.abs(grad), initial=0) <= group["tolerance_grad"]:
                return
            past.turn(grad, group["history_size"])
            before = past.prev_loss = loss
            first = past.n_iter == 1
            past.t = min(1.0, 1.0 / float(np.sum(np.abs(grad)))) * group["lr"] if first else group["lr"]
            slope = float(grad @ past.d)
            if slope > -group["tolerance_change"]:
                return  # d does not lead down
            if group["line_search_fn"] is None:
                x += past.t * past.d
                self._put(x)
                if iteration == group["max_iter"]:
                    return  # nobody would look at the gradient
                (loss, grad), tried = evaluate(), 1
            else:
                most = min(MOST, group["max_eval"] - evaluations)
                point, tried = self._search(x, past, Point(0.0, loss, grad, slope), most, evaluate)
                past.t, loss, grad = point.t, point.loss, point.grad
                x += past.t * past.d
                self._put(x)
            evaluations, past.func_evals = evaluations + tried, past.func_evals + tried
            if evaluations >= group["max_eval"] or np.max(np.abs(past.t * past.d)) <= group["tolerance_change"]:
                return
            if abs(loss - before) < group["tolerance_change"]:
                return

    def _search(self, x: Any, past: Past, start: Point, most: int, evaluate: Evaluate) -> tuple[Point, int]:
        def at(t: float) -> Point:
            self._put(x + t * past.d)
            loss, grad = evaluate()
            return Point(t, loss, grad, float(grad @ past.d))

        return strong_wolfe(at, start, past.t, float(np.max(np.abs(past.d))), most)

    # -- all parameters as one vector ------------------------------------------------------------------------------------

    def _numbers(self) -> Any:
        return np.concatenate([p.array.ravel() for p in self.param_groups[0]["params"]])

    def _put(self, x: Any) -> None:
        at = 0
        for p in self.param_groups[0]["params"]:
            p.array[...] = x[at : at + p.count].reshape(p.shape)
            at += p.count
            _writes.note(p.array, self._writer())

    def _gradient(self) -> Any:
        """The gradients as one vector, 0 where a parameter has none; checked."""
        group = self.param_groups[0]
        self._ready(group)
        params = group["params"]
        return np.concatenate([np.zeros(p.count, p.dtype) if p.grad is None else p.grad.array.ravel() for p in params])

    # -- state -----------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> Mapping[Any, Mapping[str, Any]]:
        """{first parameter: {name: value}}, under PyTorch's names; copies. Assignment replaces everything: `optimizer.state =
        {}` starts afresh."""
        return {self.param_groups[0]["params"][0]: self._past.saved()} if self._past.n_iter else {}

    @state.setter
    def state(self, new: Mapping[Any, Mapping[str, Any]]) -> None:
        self._past = self._loaded_past("LBFGS.state", next(iter(new.values()), {}))

    def state_dict(self) -> dict[str, Any]:
        """Copies of all state, which belongs to all parameters together and is listed under the first: {"state": {0: {...}},
        "param_groups": [{...}]}."""
        saved = {0: self._past.saved()} if self._past.n_iter else {}
        return {**super().state_dict(), "state": saved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continues from a state_dict of an LBFGS with as many parameters. What does not fit is an error, before anything
        has changed."""
        states = state_dict.get("state", {}) if isinstance(state_dict, dict) else {}
        past = self._loaded_past("LBFGS.load_state_dict: state[0]", states.get(0, {}) if isinstance(states, dict) else {})
        super().load_state_dict({**state_dict, "state": {}} if isinstance(state_dict, dict) else state_dict)
        self._past = past

    def _loaded_past(self, op: str, saved: Mapping[str, Any]) -> Past:
        params = self.param_groups[0]["params"]
        return Past.loaded(op, saved, sum(p.count for p in params), params[0].dtype) if saved else Past()


class Past:
    """What is remembered from step to step, under PyTorch's names.

    func_evals, n_iter         calls of the closure, and updates, so far
    d, t                       the last direction, and the length of the step along it
    old_dirs, old_stps, ro     y, s and 1 / (s . y) of the steps that are remembered, oldest first
    H_diag                     (s . y) / (y . y) of the last: the initial guess of H, a multiple of the identity
    prev_flat_grad, prev_loss  before the last step
    """

    NUMBERS = ("func_evals", "n_iter", "t", "H_diag", "prev_loss")
    VECTORS = ("d", "prev_flat_grad")
    LISTS = ("old_dirs", "old_stps")
    __slots__ = (*NUMBERS, *VECTORS, *LISTS, "ro")

    def __init__(self) -> None:
        self.func_evals = self.n_iter = 0
        self.t, self.H_diag, self.prev_loss = 0.0, 1.0, 0.0
        self.d: Any = None
        self.prev_flat_grad: Any = None
        self.old_dirs: list[Any] = []
        self.old_stps: list[Any] = []
        self.ro: list[float] = []

    def copy(self) -> Past:
        """A copy to continue from. The vectors are shared, as they are never written into."""
        made = Past()
        for name in self.__slots__:
            value = getattr(self, name)
            setattr(made, name, list(value) if isinstance(value, list) else value)
        return made

    def turn(self, grad: Any, history_size: int) -> None:
        """Takes in the step that led to this gradient, and chooses the next direction."""
        self.n_iter += 1
        if self.n_iter == 1:
            self.d = -grad
        else:
            self._remember(self.d * grad.dtype.type(self.t), grad - self.prev_flat_grad, history_size)
            self.d = self._newton(grad)
        self.prev_flat_grad = grad

    def _remember(self, s: Any, y: Any, history_size: int) -> None:
        curvature = float(y @ s)
        if curvature > CURVED:
            for values, new in ((self.old_dirs, y), (self.old_stps, s), (self.ro, 1.0 / curvature)):
                del values[: max(0, len(values) - history_size + 1)]
                values.append(new)
            self.H_diag = curvature / float(y @ y)

    def _newton(self, grad: Any) -> Any:
        """-H grad, by the two-loop recursion (Nocedal and Wright, algorithm 7.4)."""
        pairs = list(zip(self.old_dirs, self.old_stps, self.ro, strict=True))
        d, taken = -grad, []
        for y, s, ro in reversed(pairs):
            taken.append(float(s @ d) * ro)
            d = d - taken[-1] * y
        d = d * self.H_diag
        for y, s, ro in pairs:
            d = d + s * (taken.pop() - float(y @ d) * ro)
        return d

    def saved(self) -> dict[str, Any]:
        """Numbers, tensors and lists of them, as copies."""

        def tensor(x: Any) -> Any:
            return from_array(x.copy())

        return {
            **{name: getattr(self, name) for name in self.NUMBERS},
            **{name: tensor(getattr(self, name)) for name in self.VECTORS},
            **{name: [tensor(x) for x in getattr(self, name)] for name in self.LISTS},
            "ro": list(self.ro),
        }

    @classmethod
    def loaded(cls, op: str, saved: Mapping[str, Any], size: int, dtype: Any) -> Past:
        """Restores what `saved` returned, for parameters with so many numbers; an error for anything that does not fit."""
        names = (*cls.NUMBERS, *cls.VECTORS, *cls.LISTS, "ro")
        if missing := [name for name in names if name not in saved]:
            raise ValueError(message(op, "", f"a state without {', '.join(missing)}", "what state_dict() returns"))

        def vector(name: str, x: Any) -> Any:
            array = np.array(x.array if isinstance(x, Array) else x, dtype)
            if array.shape != (size,):
                raise ShapeError(message(op, name, f"shape {array.shape}", f"({size},), the numbers of all parameters"))
            return array

        made = cls()
        for name in cls.NUMBERS:
            kind = int if name in ("func_evals", "n_iter") else float
            setattr(made, name, kind(saved[name]))
        for name in cls.VECTORS:
            setattr(made, name, vector(name, saved[name]))
        for name in cls.LISTS:
            setattr(made, name, [vector(f"{name}[{i}]", x) for i, x in enumerate(saved[name])])
        made.ro = [float(x) for x in saved["ro"]]
        if not len(made.ro) == len(made.old_dirs) == len(made.old_stps):
            got = f"{len(made.old_dirs)}, {len(made.old_stps)} and {len(made.ro)}"
            raise ValueError(message(op, "old_dirs, old_stps and ro", got, "equally many"))
        return made


def _check_count(option: str, value: Any) -> None:
    """A TypeError unless it is a whole number, a ValueError below 1."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise TypeError(message("LBFGS", option, repr(value), "a whole number of at least 1"))
    if value < 1:
        raise ValueError(message("LBFGS", option, value, "a whole number of at least 1"))
