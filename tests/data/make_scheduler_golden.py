"""Writes scheduler_golden.npz: what PyTorch's schedules make of the rates and momenta of two groups.

Run by hand, with PyTorch installed: `python tests/data/make_scheduler_golden.py`. The schedules are those of
tests/schedules.py.

cases       JSON: the list of the cases, as a check that they are the ones of the tests
course.I    (100, 4): rate and momentum of the first group, and of the second, at each epoch of case I
resumed.I   (n, 10, 4): the same for ten epochs after the schedule was made with last_epoch = each of case["resumed"]
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
import schedules


def main() -> None:
    warnings.simplefilter("ignore")  # SequentialLR warns of calls of its own

    def parameter() -> torch.nn.Parameter:
        return torch.nn.Parameter(torch.ones(2))

    cases = schedules.cases()
    found = {"cases": np.array(json.dumps(cases))}
    for i, case in enumerate(cases):
        found[f"course.{i}"] = np.array(schedules.course(case, torch.optim, parameter))
        if case["resumed"]:
            runs = [schedules.resumed(case, torch.optim, parameter, at) for at in case["resumed"]]
            found[f"resumed.{i}"] = np.array(runs)
    np.savez_compressed(Path(__file__).with_name("scheduler_golden.npz"), **found)


if __name__ == "__main__":
    main()
