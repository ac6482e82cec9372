"""One thread budget for all: that of OMP_NUM_THREADS, 1 by default."""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import minigrad as mg  # noqa: E402 - the libraries read the budget when they are loaded

mg.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
