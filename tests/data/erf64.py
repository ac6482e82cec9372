"""Writes erf64.npz and erfc64.npz: float64 arguments x, the float64 numbers `nearest` to erf(x), and how far off they are, in
ULP; and the same of erfc.

erf(x) = nearest + rest * numpy.spacing(abs(nearest)). Run once, with mpmath: `python tests/data/erf64.py`. NumPy has no erf,
and the math module's is itself rounded.
"""

from pathlib import Path

import mpmath
import numpy as np

PER_RANGE = 1024
# Where a sweep of 2 10^7 arguments found the worst results, without and with a fused multiply-add.
HARD = [float.fromhex("-0x1.f94f5a34f3a4p-1"), float.fromhex("-0x1.f08bbd346d2dcp-1")]


def of_erf() -> np.ndarray:
    """Everywhere, near 0 at all scales, and more densely where one polynomial takes over from the other."""
    random = np.random.default_rng(20)
    ranges = [random.uniform(*limits, PER_RANGE) for limits in ((-6.5, 6.5), (-1.5, 1.5), (0.8, 1.2))]
    small = np.exp2(random.uniform(-1074, 0, PER_RANGE)) * random.choice([-1.0, 1.0], PER_RANGE)
    return np.concatenate([*ranges, small, HARD])


def of_erfc() -> np.ndarray:
    """Everywhere, in the tail to where nothing is left of it, among subnormal results, and where one way takes over."""
    random = np.random.default_rng(24)
    ranges = [random.uniform(*limits, PER_RANGE) for limits in ((-6.5, 0.5), (0.5, 6), (6, 26.6), (26.5, 27.3), (0.4, 0.6))]
    return np.concatenate(ranges)


def main() -> None:
    mpmath.mp.prec = 200
    for name, x in (("erf", of_erf()), ("erfc", of_erfc())):
        exact = [getattr(mpmath, name)(float(v)) for v in x]
        nearest = np.array([float(v) for v in exact])
        ulp = np.spacing(np.abs(nearest))
        rest = [float((v - float(n)) / float(u)) for v, n, u in zip(exact, nearest, ulp, strict=True)]
        target = Path(__file__).with_name(f"{name}64.npz")
        np.savez_compressed(target, x=x, nearest=nearest, rest=np.array(rest, np.float32))


if __name__ == "__main__":
    main()
