"""Writes folds_golden.npz: the folds that scikit-learn makes where nothing is shuffled.

Run by hand, with scikit-learn installed: `python tests/data/make_folds_golden.py`.

cases       JSON: [{"class", "n_splits", "labels": [the label of each sample]}, ...]
case.I      the number of the fold in which case I tests each sample
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
from sklearn import model_selection


def labels() -> list[list[int]]:
    random = np.random.default_rng(5)
    return [
        [0, 0, 0, 1, 1, 1],
        [2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 2, 2, 2],
        [7, 7, 3, 7, 3, 7, 7, 7, 7, 7, 3],
        random.integers(0, 4, 61).tolist(),
        np.sort(random.integers(-3, 3, 50)).tolist(),
        (random.random(100) < 0.1).astype(int).tolist(),
    ]


def main() -> None:
    cases, arrays = [], {}
    for name in ("KFold", "StratifiedKFold"):
        for y in labels():
            for n_splits in (2, 3, 5):
                folds = np.empty(len(y), np.int64)
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        pairs = list(getattr(model_selection, name)(n_splits).split(np.zeros(len(y)), y))
                except ValueError:  # more folds than the largest class has samples
                    continue
                for fold, (_, test) in enumerate(pairs):
                    folds[test] = fold
                arrays[f"case.{len(cases)}"] = folds
                cases.append({"class": name, "n_splits": n_splits, "labels": y})
    path = Path(__file__).with_name("folds_golden.npz")
    np.savez_compressed(path, cases=np.array(json.dumps(cases)), **arrays)
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
