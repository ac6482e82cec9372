"""Writes lbfgs_golden.npz: where PyTorch's LBFGS goes in the runs of tests/descents.py, in float64.

Run by hand, with PyTorch installed: `python tests/data/make_lbfgs_golden.py`.

runs    JSON: the list of the runs, as a check that they are the ones of the tests
run.I   (steps, 2 + numbers): the loss, how often the closure was called, and the parameters after each step of run I
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
import descents


def main() -> None:
    found = {"runs": np.array(json.dumps(descents.RUNS))}
    for i, run in enumerate(descents.RUNS):
        parameter = lambda a: torch.nn.Parameter(torch.tensor(a))
        found[f"run.{i}"] = descents.descent(torch.optim, torch.tensor, parameter, *run)
    np.savez_compressed(Path(__file__).with_name("lbfgs_golden.npz"), **found)


if __name__ == "__main__":
    main()
