"""Whole training steps (zero_grad, forward, cross-entropy, backward, SGD) in every engine that is here, and a race of them:
`minigrad bench train`. All start from the same numbers; NumPy is written by hand, JAX compiles its step."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Step = Callable[[], Any]

NETS = {
    "4-16-3": ([4, 16, 3], 32), "64-32-10": ([64, 32, 10], 32), "784-128-10": ([784, 128, 10], 32),
    "784-512-512-10": ([784, 512, 512, 10], 128),
}  # fmt: skip


def engines() -> list[str]:
    """Ours, eager and captured, NumPy, and the peers that are installed."""
    return ["minigrad", "minigrad jit", "numpy", *[name for name in ("torch", "jax", "autograd") if find_spec(name)]]


def step(engine: str, net: str) -> Step:
    """A function that makes one training step of a network, and returns the loss."""
    sizes, batch = NETS[net]
    if engine == "numpy":
        return numpy_step(sizes, batch)
    if engine.startswith("minigrad"):
        import minigrad as mg

        return layered_step(mg, mg.nn, mg.optim, sizes, batch, mg.jit if engine == "minigrad jit" else lambda function: function)
    if engine == "torch":
        torch: Any = import_module("torch")
        return layered_step(torch, torch.nn, torch.optim, sizes, batch, lambda function: function)
    return functional_step(engine, sizes, batch)


def start(sizes: Sequence[int], batch: int) -> tuple[Any, Any, list[Any], list[Any]]:
    """Data, labels, weights and biases, the same for all."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((batch, sizes[0])).astype("f4"), rng.integers(0, sizes[-1], batch)
    weights = [(rng.uniform(-1, 1, (o, i)) / np.sqrt(i)).astype("f4") for i, o in pairwise(sizes)]
    return x, y, weights, [np.zeros(o, "f4") for o in sizes[1:]]


def numpy_step(sizes: Sequence[int], batch: int) -> Step:
    """Forward and backward by hand."""
    x, y, weights, biases = start(sizes, batch)
    rows, last = np.arange(batch), len(weights) - 1

    def step() -> Any:
        hidden = [x]
        for i, (w, b) in enumerate(zip(weights, biases)):
            h = hidden[-1] @ w.T + b
            hidden.append(np.maximum(h, 0) if i < last else h)
        e = np.exp(hidden[-1] - hidden[-1].max(1, keepdims=True))
        p = e / e.sum(1, keepdims=True)
        loss = -np.log(p[rows, y]).mean()
        p[rows, y] -= 1
        g = p / batch
        for i in range(last, -1, -1):
            gw, gb = g.T @ hidden[i], g.sum(0)
            g = (g @ weights[i]) * (hidden[i] > 0) if i else g
            weights[i] -= 0.01 * gw
            biases[i] -= 0.01 * gb
        return loss

    return step


def layered_step(
    library: Any, layers: Any, optimizers: Any, sizes: Sequence[int], batch: int, compiled: Callable[[Any], Any]
) -> Step:
    """PyTorch's vocabulary, which is ours too."""
    x, y, weights, biases = start(sizes, batch)
    made = [layers.Linear(i, o) for i, o in pairwise(sizes)]
    with library.no_grad():
        for layer, w, b in zip(made, weights, biases):
            layer.weight.copy_(library.tensor(w))
            layer.bias.copy_(library.tensor(b))
    net = layers.Sequential(*[m for layer in made for m in (layer, layers.ReLU())][:-1])
    optimizer, criterion = optimizers.SGD(net.parameters(), lr=0.01), layers.CrossEntropyLoss()
    x, y = library.tensor(x), library.tensor(y)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    run = compiled(step)
    return lambda: run(x, y)


def functional_step(engine: str, sizes: Sequence[int], batch: int) -> Step:
    """JAX and autograd: the gradient of a function of the parameters; JAX compiles the whole step."""
    x, y, weights, biases = start(sizes, batch)
    library: Any = import_module("jax.numpy" if engine == "jax" else "autograd.numpy")
    value_and_grad = import_module("jax" if engine == "jax" else "autograd.differential_operators").value_and_grad
    rows = np.arange(batch)

    def loss_of(params: Any) -> Any:
        h = x
        for i, (w, b) in enumerate(params):
            h = library.dot(h, w.T) + b
            h = library.maximum(h, 0) if i < len(params) - 1 else h
        shifted = h - h.max(1, keepdims=True) if engine == "jax" else h - library.max(h, 1, keepdims=True)
        return -library.mean((shifted - library.log(library.sum(library.exp(shifted), 1, keepdims=True)))[rows, y])

    def update(params: Any) -> Any:
        loss, grads = value_and_grad(loss_of)(params)
        return loss, [(w - 0.01 * gw, b - 0.01 * gb) for (w, b), (gw, gb) in zip(params, grads)]

    run = import_module("jax").jit(update) if engine == "jax" else update
    state: list[Any] = [list(zip(weights, biases))]

    def step() -> Any:
        loss, state[0] = run(state[0])
        return float(loss)

    return step


# -- the race ------------------------------------------------------------------------------------------------------------------


def main(argv: Sequence[str]) -> int:
    """`minigrad bench train`: microseconds of a step, engine beside engine, and how they compare with the captured one."""
    made = argparse.ArgumentParser(prog="minigrad bench train", description="Training steps, engine against engine.")
    made.add_argument("nets", nargs="*", metavar="NET", help=f"of {', '.join(NETS)} (default: all)")
    made.add_argument("--threads", type=int, default=1, metavar="N", help="threads for every engine (default 1)")
    made.add_argument("--rounds", type=int, default=7, metavar="N", help="rounds in which all engines take turns (default 7)")
    made.add_argument("--markdown", action="store_true", help="print a table for a README")
    given = made.parse_args(argv)
    unknown = [net for net in given.nets if net not in NETS]
    if unknown or given.threads < 1 or given.rounds < 1:
        made.error(f"got {unknown or 'a number below 1'}, expected nets of {', '.join(NETS)}, and counts of at least 1")
    budget = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(given.threads))
    if any(os.environ.get(name) != value for name, value in budget.items()):  # read when a BLAS is loaded
        command = [sys.executable, "-m", "minigrad", "bench", "train", *argv]
        return subprocess.run(command, env={**os.environ, **budget}, check=False).returncode
    races = {}
    for net in given.nets or NETS:
        races[net] = race(net, given.rounds, given.threads)
        if not given.markdown:
            print(plain(net, races[net], given.threads))
    if given.markdown:
        print(markdown(races))
    return 0


def race(net: str, rounds: int, threads: int) -> dict[str, tuple[float, float]]:
    """For each engine the median of its seconds, and that of their ratios to the captured step's, round by round."""
    if find_spec("torch"):
        import_module("torch").set_num_threads(threads)
    runners = {engine: step(engine, net) for engine in engines()}
    found: dict[str, list[float]] = {engine: [] for engine in runners}
    for run in runners.values():
        for _ in range(20):
            run()
    for _ in range(rounds):
        for engine, run in runners.items():
            found[engine].append(_seconds(run))
    ours = found["minigrad jit"]
    return {e: (median(seconds), median(a / b for a, b in zip(seconds, ours))) for e, seconds in found.items()}


def plain(net: str, results: dict[str, tuple[float, float]], threads: int) -> str:
    """One network's table for the terminal."""
    lines = [f"{net}, batch {NETS[net][1]}, {threads} thread{'s' if threads > 1 else ''}"]
    return "\n".join([*lines, *(f"  {e:14}{seconds * 1e6:12.1f} us{ratio:9.2f} x" for e, (seconds, ratio) in results.items())])


def markdown(races: dict[str, dict[str, tuple[float, float]]]) -> str:
    """A row for each network: microseconds, and how many captured steps fit into one of that engine."""
    lines = ["| net | batch | " + " | ".join(engines()) + " |", "|---" * (2 + len(engines())) + "|"]
    for net, results in races.items():
        cells = [f"{s * 1e6:.1f}" + ("" if e == "minigrad jit" else f" ({ratio:.1f}x)") for e, (s, ratio) in results.items()]
        lines.append(f"| {net} | {NETS[net][1]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _seconds(run: Step, least: float = 0.02) -> float:
    """Seconds of a step, from as many as take `least`."""
    count, begin = 0, perf_counter()
    while perf_counter() - begin < least:
        run()
        count += 1
    return (perf_counter() - begin) / count
