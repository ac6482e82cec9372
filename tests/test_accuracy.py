"""The math functions are within the bounds that csrc/kernels/math.inc, trig.inc and lookup.inc state, on every instruction set.

float32 is compared with NumPy in float64, float64 with NumPy in long double, erf and erfc in float64 with stored values.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import minigrad as mg
from minigrad._kernels import available_isas, use_isa
from minigrad._ulp import ulp_distance
from minigrad.errors import DTypeError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable

    Floats = np.ndarray[Any, np.dtype[Any]]

ISAS = available_isas()
LONG_DOUBLE = np.finfo(np.longdouble).nmant > np.finfo(np.float64).nmant
needs_long_double = pytest.mark.skipif(not LONG_DOUBLE, reason="long double has no more digits than float64 here")

# Worst distance in ULP, (float32, float64).
BOUND = {
    "exp": (1.1, 1.1),
    "expm1": (1.1, 1.2),
    "log": (1.2, 0.9),
    "log1p": (1.4, 0.9),
    "tanh": (1.4, 1.1),
    "sigmoid": (1.4, 1.3),
    "erf": (1.3, 1.6),
    "erfc": (1.2, 1.2),
    "sin": (1.0, 1.0),
    "cos": (1.0, 1.0),
    "pow": (0.8, 0.9),
}


def exact_sigmoid(x: Floats) -> Floats:
    t = np.exp(-np.abs(x))
    return np.where(x < 0, t, np.ones_like(t)) / (1 + t)


def exact_erf(x: Floats) -> Floats:
    return np.fromiter(map(math.erf, x.tolist()), np.float64, x.size)


def exact_erfc(x: Floats) -> Floats:
    return np.fromiter(map(math.erfc, x.tolist()), np.float64, x.size)


EXACT: dict[str, Callable[[Floats], Floats]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sigmoid": exact_sigmoid,
    "erf": exact_erf,
    "erfc": exact_erfc,
    "sin": np.sin,
    "cos": np.cos,
}
# What NumPy does not have in long double: tests/data/erf64.py.
STORED = ("erf", "erfc")
# The results, too, must stay inside these limits.
RANGE = {
    "tanh": (-1, 1),
    "sigmoid": (0, 1),
    "erf": (-1, 1),
    "erfc": (0, 2),
    "sin": (-1, 1),
    "cos": (-1, 1),
    "exp": (0, math.inf),
    "expm1": (-1, math.inf),
}


def assert_within(name: str, got: Floats, exact: Floats, *arguments: Floats) -> None:
    """Fails with the worst argument where a result is farther than BOUND, or outside RANGE."""
    distance = ulp_distance(got, exact)
    worst = int(distance.argmax())
    at = ", ".join(float(x[worst]).hex() for x in arguments)
    bound = BOUND[name][got.dtype == np.float64]
    assert distance[worst] <= bound, f"{name}({at}) = {got[worst]!r} is {distance[worst]:.3f} ULP off, stated {bound}"
    low, high = RANGE.get(name, (-math.inf, math.inf))
    assert not ((got < low) | (got > high)).any()


# -- one argument --------------------------------------------------------------------------------------------------------

# Where long sweeps found the worst results: over all 2^32 float32 numbers, and over more than 10^7 float64 ones.
HARD: dict[str, tuple[str, ...]] = {
    "exp": ("0x1.da8bd4p+5", "-0x1.76f0d6p+2", "-0x1.992c7cp+4", "0x1.42ccc6p+4", "0x1.ee6d88e28895fp+1"),
    "expm1": ("0x1.125246p+4", "0x1.28c768236221ap+5", "0x1.952dfc73c4558p-2"),
    "log": ("0x1.69e61p-1", "0x1.f7f906p-1", "0x1.6950b2182d6abp-1", "0x1.6988618da4a3cp-1", "0x1.67d301444c776p+0"),
    "log1p": (
        "0x1.cb5c82p-2",
        "-0x1.0035eap-6",
        "0x1.00ac7ap-5",
        "0x1.b2ce12p-2",
        "0x1.a59fcaf40ab88p-2",
        "0x1.c639eef3cf6ffp-2",
    ),
    "tanh": (
        "0x1.632266p-3",
        "0x1.15a0dap-1",
        "0x1.4ddca2p+1",
        "0x1.0d620ep-1",
        "-0x1.fe4a6fac2a54p-5",
        "0x1.8b94be32acb4cp-1",
        "0x1.bc0bfbacbb18cp-1",
    ),
    "sigmoid": (
        "-0x1.1b9e9p+0",
        "-0x1.8fa75cp+2",
        "-0x1.5e9196p+6",
        "-0x1.6244b5301231ep+9",
        "-0x1.79131ep+2",
        "-0x1.988874b855618p+3",
        "-0x1.1fae1700379aap+0",
    ),
    "erf": ("0x1.fac6a6p-1", "0x1.fffffb821107bp-1", "0x1.0705c8p+1"),
    "erfc": ("0x1.13baa4p-1", "0x1.23cee4p-1", "0x1.26p+3", "0x1.41c9ap+3", "0x1.e8e19c7f5d3e2p-2"),
    "sin": ("0x1.e101e4p+12", "0x1.cc27512af60d4p+7", "0x1.97fe0545c3e33p+26"),
    "cos": ("0x1.5f116ap+8", "0x1.2d8545991695p+1", "0x1.2cf41ad8031b6p+1"),
}


def float32_arguments(name: str) -> Floats:
    """Every 4099th float32 number, NaN, inf and subnormal ones among them, and the hard ones with their neighbours."""
    hard = np.array([float.fromhex(x) for x in HARD[name]], np.float32).view(np.uint32)
    near = (hard[:, None] + np.arange(-500, 500)).ravel()
    return np.concatenate([np.arange(0, 2**32, 4099), near]).astype(np.uint32).view(np.float32)


def float64_arguments(name: str) -> Floats:
    """Random numbers: of every size, of the sizes where the function varies, and close to its delicate points."""
    random = np.random.default_rng(21)
    count = 50_000
    hard = np.array([float.fromhex(x) for x in HARD[name]])
    return np.concatenate(
        [
            random.integers(0, 2**64, count, np.uint64).view(np.float64),
            random.uniform(-750, 715, count),
            random.uniform(-22, 22, count),
            random.uniform(-1.5, 1.5, count),
            1 + np.exp2(random.uniform(-53, 0, count)) * random.choice([-1.0, 1.0], count),
            np.exp2(random.uniform(-1074, 0, count)) * random.choice([-1.0, 1.0], count),
            np.abs(random.uniform(0, 4, count)),
            hard,
        ]
    )


@pytest.fixture(scope="module")
def float32_cases() -> dict[str, tuple[Floats, Floats]]:
    """Arguments and exact results of each function, worked out once for all instruction sets."""
    cases = {}
    with np.errstate(all="ignore"):
        for name, function in EXACT.items():
            x = float32_arguments(name)
            cases[name] = x, function(x.astype(np.float64))
    return cases


@pytest.fixture(scope="module")
def float64_cases() -> dict[str, tuple[Floats, Floats]]:
    cases = {}
    with np.errstate(all="ignore"):
        for name, function in EXACT.items():
            if name not in STORED:
                x = float64_arguments(name)
                cases[name] = x, function(x.astype(np.longdouble))
    return cases


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", EXACT)
def test_float32(name: str, isa: str, float32_cases: dict[str, tuple[Floats, Floats]]) -> None:
    x, exact = float32_cases[name]
    with use_isa(isa):
        got = getattr(mg, name)(mg.tensor(x)).numpy()
    assert_within(name, got, exact, x)


@needs_long_double
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", [name for name in EXACT if name not in STORED])
def test_float64(name: str, isa: str, float64_cases: dict[str, tuple[Floats, Floats]]) -> None:
    x, exact = float64_cases[name]
    with use_isa(isa):
        got = getattr(mg, name)(mg.tensor(x)).numpy()
    assert_within(name, got, exact, x)


@needs_long_double
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", STORED)
def test_stored_float64(name: str, isa: str) -> None:
    with np.load(Path(__file__).parent / "data" / f"{name}64.npz") as stored:
        x, nearest, rest = stored["x"], stored["nearest"], stored["rest"]
    exact = nearest.astype(np.longdouble) + rest * np.spacing(np.abs(nearest)).astype(np.longdouble)
    with use_isa(isa):
        got = getattr(mg, name)(mg.tensor(x)).numpy()
    assert_within(name, got, exact, x)


NAN, INF = math.nan, math.inf
SPECIAL = {
    "exp": [(0, 1), (-0.0, 1), (INF, INF), (-INF, 0), (NAN, NAN)],
    "expm1": [(0, 0), (-0.0, -0.0), (INF, INF), (-INF, -1), (NAN, NAN)],
    "log": [(1, 0), (0, -INF), (-0.0, -INF), (-1, NAN), (-INF, NAN), (INF, INF), (NAN, NAN)],
    "log1p": [(0, 0), (-0.0, -0.0), (-1, -INF), (-2, NAN), (-INF, NAN), (INF, INF), (NAN, NAN)],
    "tanh": [(0, 0), (-0.0, -0.0), (INF, 1), (-INF, -1), (NAN, NAN)],
    "sigmoid": [(0, 0.5), (-0.0, 0.5), (INF, 1), (-INF, 0), (NAN, NAN)],
    "erf": [(0, 0), (-0.0, -0.0), (INF, 1), (-INF, -1), (NAN, NAN)],
    "erfc": [(0, 1), (-0.0, 1), (INF, 0), (-INF, 2), (NAN, NAN)],
    "sin": [(0, 0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (NAN, NAN)],
    "cos": [(0, 1), (-0.0, 1), (INF, NAN), (-INF, NAN), (NAN, NAN)],
}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name: str, dtype: type, isa: str) -> None:
    """Exactly, the sign of zero included; and a result is the same wherever its argument stands."""
    x, expected = np.array(SPECIAL[name], dtype).T
    for shift in range(len(x)):
        for copies in (1, 7):
            arguments = np.tile(np.roll(x, shift), copies)
            with use_isa(isa):
                got = getattr(mg, name)(mg.tensor(arguments)).numpy()
            wanted = np.tile(np.roll(expected, shift), copies)
            np.testing.assert_array_equal(got, wanted)
            number = ~np.isnan(wanted)
            np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(wanted[number]))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SPECIAL)
def test_special_neighbours_leave_the_bits_of_a_result_alone(name: str, dtype: type, isa: str) -> None:
    """Vectors of ordinary arguments take a short way, and others the long one: both give them the same bits."""
    random = np.random.default_rng(23)
    low, high = (0, 80) if name.startswith("log") else (-80, 80)
    x = np.concatenate([random.uniform(low, high, 4096), np.exp2(random.uniform(-30, 6, 4096))]).astype(dtype)
    tiny = np.finfo(dtype).smallest_subnormal
    special = np.resize(np.array([NAN, INF, -INF, 0.0, -0.0, tiny, -2.0, 1e30, -1e30], dtype), x.size)
    with use_isa(isa):
        alone = getattr(mg, name)(mg.tensor(x)).numpy()
        mixed = getattr(mg, name)(mg.tensor(np.column_stack([special, x]).ravel())).numpy()
    np.testing.assert_array_equal(mixed[1::2], alone)


# -- pow -----------------------------------------------------------------------------------------------------------------


HARD_POW = [("0x1.57bebp+79", "-0x1.9797f8p+0"), ("0x1.62cbd643a6f47p+0", "0x1.ed40a4497416cp+10")]


def pow_arguments(dtype: type) -> tuple[Floats, Floats]:
    """Any numbers; bases near 1 with large exponents; whole exponents of negative bases; results of every size."""
    random = np.random.default_rng(22)
    count = 60_000
    bits: Any = {np.float32: np.uint32, np.float64: np.uint64}[dtype]
    info = np.finfo(dtype)
    any_x, any_y = random.integers(0, np.iinfo(bits).max, (2, count), bits, endpoint=True).view(dtype)
    near_1 = 1 + random.uniform(-1, 1, count) * np.exp2(random.uniform(-info.nmant, -1, count))
    large = random.uniform(-1, 1, count) * np.exp2(random.uniform(0, info.nmant + 6, count))
    negative, whole = random.uniform(-20, 0, count), np.floor(random.uniform(-12, 12, count))
    log2_x, log2_result = random.uniform(info.minexp, info.maxexp, (2, count))
    hard = np.array([[float.fromhex(v) for v in pair] for pair in HARD_POW]).T
    pairs = [(any_x, any_y), (near_1, large), (negative, whole), (np.exp2(log2_x), log2_result / log2_x), tuple(hard)]
    x, y = (np.concatenate([part.astype(dtype) for part in parts]) for parts in zip(*pairs, strict=True))
    return x, y


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=needs_long_double)])
def test_pow(dtype: type, isa: str) -> None:
    x, y = pow_arguments(dtype)
    wider = np.float64 if dtype is np.float32 else np.longdouble
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(wider), y.astype(wider))
    with use_isa(isa):
        got = mg.pow(mg.tensor(x), mg.tensor(y)).numpy()
    assert_within("pow", got, exact, x, y)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pow_special_cases(dtype: type, isa: str) -> None:
    """C99, annex F.9.4.4, as C's own pow has it, which NumPy calls; and powers that are numbers of the type."""
    info = np.finfo(dtype)
    odd, even = 2.0 ** (info.nmant + 1) - 1, 2.0 ** (info.nmant + 1)  # the largest odd number, and the next
    bases = [0.0, 1.0, 2.0, 3.0, 0.5, 1.5, 10.0, INF, 1 + info.eps, info.max, info.tiny, info.smallest_subnormal]
    exponents = [0.0, 1.0, 2.0, 3.0, 5.0, 0.5, 1.5, odd, even, odd / 2, info.max, info.smallest_subnormal, INF]
    x, y = (v.ravel() for v in np.meshgrid(*(np.array([*v, *(-np.array(v)), NAN], dtype) for v in (bases, exponents))))
    with np.errstate(all="ignore"):
        expected = np.float_power(x, y, dtype=np.float64).astype(dtype)
    with use_isa(isa):
        got = mg.pow(mg.tensor(x), mg.tensor(y)).numpy()
    exact = ~np.isfinite(expected) | (expected == 0) | np.isin(np.abs(y), [0, 1, 2])
    np.testing.assert_array_equal(got[exact], expected[exact])
    number = ~np.isnan(expected)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(expected[number]))


# -- the measure itself --------------------------------------------------------------------------------------------------


def test_ulp_distance_counts_units_of_the_result() -> None:
    got = np.array([1, 1, 1, 2, 0, 2**-149, -3], np.float32)
    exact = np.array([1, 1 + 2**-23, 1 - 2**-24, 2 - 2**-23, 2**-150, 2**-148, -3 - 2**-22])
    np.testing.assert_array_equal(ulp_distance(got, exact), [0, 1, 1, 1, 0.5, 1, 1])


def test_ulp_distance_of_special_values() -> None:
    got = np.array([NAN, NAN, 1, INF, INF, INF, -INF, 3.4028235e38, 0.0], np.float32)
    exact = np.array([NAN, 1, NAN, INF, 1e39, 1e38, INF, 1e39, -0.0])
    np.testing.assert_array_equal(ulp_distance(got, exact), [0, INF, INF, 0, 0, INF, INF, INF, 0])


def test_ulp_distance_refuses_what_it_cannot_measure() -> None:
    with pytest.raises(
        DTypeError, match="argument exact: got float64, expected a float type with more digits than float64"
    ):
        ulp_distance(np.zeros(2), np.zeros(2))
    with pytest.raises(DTypeError, match="argument got: got int64, expected float32 or float64"):
        ulp_distance(np.zeros(2, np.int64), np.zeros(2))
    with pytest.raises(ShapeError, match=r"got shape \(3,\), expected shape \(2,\)"):
        ulp_distance(np.zeros(2, np.float32), np.zeros(3))
