"""What the benchmarks of layers, losses, optimizers and steps share: the engines that race, and how they are timed."""

from importlib import import_module
from importlib.util import find_spec

import numpy as np

import minigrad as mg

TORCH = import_module("torch") if find_spec("torch") else None
if TORCH is not None:
    TORCH.set_num_threads(mg.get_num_threads())
ENGINES = ["minigrad", "numpy", *(["torch"] if TORCH is not None else [])]


def timed(benchmark, group, run, engine):
    benchmark.group = group
    benchmark.name = engine
    benchmark.pedantic(run, rounds=15, iterations=5, warmup_rounds=2)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("f4")


def tensor_of(engine):
    """The function that copies an array into a tensor."""
    return mg.tensor if engine == "minigrad" else TORCH.tensor
