"""Writes keras_optim_golden.npz: where Keras's optimizers take two parameters in 50 steps along given gradients.

Run by hand, with Keras and JAX installed: `KERAS_BACKEND=jax python tests/data/make_keras_optim_golden.py`. Parameters
and gradients are those of make_optim_golden.py.

All is float64, for float32 too: there Keras takes 1 - beta^t from a rounded beta^t, and its own steps differ from those
in float64 by up to 3e-6.

cases      JSON: [{"optimizer", "options", "new_lr": [step, value] or []}, ...]
after.I    where case I is after the steps in SNAPSHOTS, (steps, numbers)
"""

from __future__ import annotations

import json
from pathlib import Path

import jax
import keras
import numpy as np
from make_optim_golden import SNAPSHOTS, STEPS, numbers, split

ADAM = ({}, {"beta_1": 0.8, "beta_2": 0.95}, {"epsilon": 0.1})
OPTIONS = {
    "SGD": ({}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}),
    "Adam": (*ADAM, {"amsgrad": True}),
    "RMSprop": ({}, {"rho": 0.5}, {"momentum": 0.9}, {"centered": True}, {"centered": True, "momentum": 0.5}),
    "Adagrad": ({}, {"initial_accumulator_value": 0.5}, {"epsilon": 0.1}),
    "Adadelta": ({}, {"rho": 0.5}, {"epsilon": 0.1}),
    "Adamax": ADAM,
    "Nadam": ADAM,
}


def cases() -> list[dict]:
    found = []
    for name, variants in OPTIONS.items():
        for options in variants:
            found.append({"optimizer": name, "options": {"learning_rate": 0.02, **options}, "new_lr": []})
        decayed = {"learning_rate": 0.05, "weight_decay": 0.1, **variants[-1]}
        found.append({"optimizer": name, "options": decayed, "new_lr": [25, 0.01]})
    return found


def follow(one: dict, start: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    variables = [keras.Variable(part.astype(float)) for part in split(start)]
    optimizer = getattr(keras.optimizers, one["optimizer"])(**one["options"])
    optimizer.build(variables)
    found = []
    for step in range(STEPS):
        if one["new_lr"] and step == one["new_lr"][0]:
            optimizer.learning_rate = one["new_lr"][1]
        optimizer.apply([keras.ops.convert_to_tensor(g.astype(float)) for g in split(gradients[step])])
        if step + 1 in SNAPSHOTS:
            found.append(np.concatenate([np.asarray(v).ravel() for v in variables]))
    assert found[-1].dtype == np.float64
    return np.stack(found)


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    start, gradients = numbers()
    keras.config.set_floatx("float64")
    found = {f"after.{i}": follow(one, start, gradients) for i, one in enumerate(cases())}
    np.savez_compressed(Path(__file__).with_name("keras_optim_golden.npz"), cases=json.dumps(cases()), **found)


if __name__ == "__main__":
    main()
