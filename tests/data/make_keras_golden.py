"""Writes keras_golden.npz: what Keras computes for losses, metrics, schedules and optimizers, in float64.

Run by hand, with Keras and JAX installed: `python tests/data/make_keras_golden.py`. The cases themselves (which function,
which options, which data) are those of tests/keras_cases.py, where the tests read them too; here is what Keras
makes of them, under the number of the case:

loss.I       the losses per sample;  loss.I.REDUCTION  the class's number, .weighted with weights of the samples
metric.I     the result after each of two batches; metric.I.weighted with weights
schedule.I   the rates at STEPS
optimizer.I  the parameters after each step in SNAPSHOTS, laid end to end
function.I   an activation at ACTIVATED
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"
warnings.filterwarnings("ignore")
sys.path.insert(0, str(Path(__file__).parents[1]))

import keras  # noqa: E402 - after the environment that it reads
import keras_cases as cases  # noqa: E402
import numpy as np  # noqa: E402
from keras.src.backend.common import dtypes  # noqa: E402

# Keras computes float64 in float32 unless it is told that there is no narrower type.
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")


def losses() -> dict[str, np.ndarray]:
    found = {}
    for i, (name, data, options) in enumerate(cases.LOSSES):
        t, p = cases.DATA[data]
        found[f"loss.{i}"] = getattr(keras.losses, cases.function_name(name))(t, p, **options)
        for reduction in cases.REDUCTIONS:
            loss = getattr(keras.losses, name)(reduction=reduction, dtype="float64", **options)
            found[f"loss.{i}.{reduction}"] = loss(t, p)
            found[f"loss.{i}.{reduction}.weighted"] = loss(t, p, sample_weight=cases.WEIGHTS[: len(t)])
    return found


def metrics() -> dict[str, np.ndarray]:
    found = {}
    for i, (name, data, options) in enumerate(cases.METRICS):
        t, p = cases.DATA[data]
        half = len(t) // 2
        for weights, key in ((None, ""), (cases.WEIGHTS[: len(t)], ".weighted")):
            metric, results = getattr(keras.metrics, name)(dtype="float64", **options), []
            for rows in (slice(half), slice(half, None)):
                metric.update_state(t[rows], p[rows], sample_weight=None if weights is None else weights[rows])
                results.append(np.array(metric.result()))
            found[f"metric.{i}{key}"] = np.stack(results)
    return found


def schedules() -> dict[str, np.ndarray]:
    of = keras.optimizers.schedules
    return {
        f"schedule.{i}": np.array([float(getattr(of, name)(**options)(step)) for step in cases.STEPS])
        for i, (name, options) in enumerate(cases.SCHEDULES)
    }


def optimizers() -> dict[str, np.ndarray]:
    found = {}
    for i, (name, options) in enumerate(cases.OPTIMIZERS):
        options = dict(options)
        if isinstance(options.get("learning_rate"), tuple):
            schedule, given = options["learning_rate"]
            options["learning_rate"] = getattr(keras.optimizers.schedules, schedule)(**given)
        optimizer = getattr(keras.optimizers, name)(**options)
        parameters = [keras.Variable(part, dtype="float64") for part in cases.split(cases.START)]
        rows = []
        for step in range(cases.GRADIENTS.shape[0]):
            gradients = [keras.ops.convert_to_tensor(g) for g in cases.split(cases.GRADIENTS[step])]
            optimizer.apply_gradients(zip(gradients, parameters, strict=True))
            if step + 1 in cases.SNAPSHOTS:
                rows.append(np.concatenate([np.array(p).ravel() for p in parameters]))
        found[f"optimizer.{i}"] = np.stack(rows)
    return found


def functions() -> dict[str, np.ndarray]:
    return {
        f"function.{i}": getattr(keras.activations, name)(keras.ops.convert_to_tensor(cases.ACTIVATED), **options)
        for i, (name, options) in enumerate(cases.ACTIVATIONS)
    }


def main() -> None:
    found = {**losses(), **metrics(), **schedules(), **optimizers(), **functions()}
    arrays = {key: np.asarray(value) for key, value in found.items()}
    np.savez_compressed(Path(__file__).with_name("keras_golden.npz"), **arrays)


if __name__ == "__main__":
    main()
