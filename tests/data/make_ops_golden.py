"""Makes ops_golden.npz: PyTorch's values and gradients for the samples of every record that PyTorch has, in float64.

    python tests/data/make_ops_golden.py        with torch installed; run it when records or samples are new

The file holds one long row of numbers, and for each case where its arrays lie in it.
"""

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))


def main():
    np.savez_compressed(HERE / "ops_golden.npz", numbers=np.zeros(0), cases="{}")  # which test_torch opens
    import test_torch

    numbers, cases = [], {}
    for case in test_torch.cases():
        record, theirs, sample = case.values
        try:
            values, gradients = test_torch.in_pytorch(theirs, record, sample)
        except test_torch.RefusedError:
            continue
        arrays = [a for a in (*values, *gradients) if a is not None]
        shapes = [None if a is None else list(a.shape) for a in (*values, *gradients)]
        cases[case.id] = [len(values), shapes]
        numbers += [np.asarray(a, np.float64).ravel() for a in arrays]
    np.savez_compressed(HERE / "ops_golden.npz", numbers=np.concatenate(numbers), cases=json.dumps(cases))
    print(f"{len(cases)} cases, {sum(n.size for n in numbers)} numbers")


if __name__ == "__main__":
    main()
