"""csrc/kernels/random.inc and csrc/philox.c: the streams are what their definition says, and random by their statistics.

Every seed is fixed, so a test that passes once passes always. Statistical bounds are quantiles: a sound generator with
other seeds would exceed each with a probability below 1e-5.
"""

from __future__ import annotations

import math
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
from kernel_cases import calls, draws, problems

from minigrad._kernels import available_isas, ffi, get_num_threads, lib, set_num_threads, use_isa

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Numbers = np.ndarray[Any, np.dtype[Any]]

SEED, OFFSET = 0x9E3779B97F4A7C15, 0x0123456789ABCDEF
OFFSETS, OFFSET_NAMES = (0, OFFSET, 2**32 - 3, 2**64 - 3), ("0", "large", "carry", "wrap")
SIGMAS = 5.0  # P(|Z| > 5) = 5.7e-7 for a normal Z
SIZES = (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 67, 255, 256, 257, 511, 512, 513, 1031)
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
ISAS = pytest.mark.parametrize("isa", available_isas())


def pointer(x: Numbers) -> Any:
    ctype = {"f": "float *", "d": "double *", "q": "int64_t *", "l": "int64_t *"}[x.dtype.char]
    return ffi.cast(ctype, ffi.from_buffer(x, require_writable=True))


def draw(name: str, dtype: Any, n: int, *args: Any) -> Numbers:
    """The result of a kernel in the middle of a buffer of NaN, whose rest must stay as it was."""
    buffer = np.full(n + 16, np.nan, dtype)
    out = buffer[8 : n + 8]
    suffix = "f32" if dtype is np.float32 else "f64"
    inputs = [pointer(a) if isinstance(a, np.ndarray) else a for a in args]
    getattr(lib, f"mg_{name}_{suffix}")(pointer(out), *inputs, n)
    assert np.isnan(buffer[:8]).all()
    assert np.isnan(buffer[n + 8 :]).all()
    return out


def block(seed: int, number: int, high: int = 0) -> list[int]:
    """The four words of the block whose counter has these halves."""
    out = ffi.new("uint32_t[4]")
    low = number % 2**64
    lib.mg_philox(out, [low % 2**32, low >> 32, high % 2**32, high >> 32], [seed % 2**32, seed >> 32])
    return [int(word) for word in out]


def words(seed: int, offset: int, blocks: int) -> Numbers:
    return np.array([block(seed, offset + b) for b in range(blocks)], np.uint64).reshape(-1)


def lanes(dtype: Any, seed: int, offset: int, n: int) -> Numbers:
    """The integer that each element takes: one word for float32, two for float64, the low one first."""
    drawn = words(seed, offset, n // 2 + 1)
    return (drawn if dtype is np.float32 else drawn[0::2] | drawn[1::2] << np.uint64(32))[:n]


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = get_num_threads()
    set_num_threads(count)
    try:
        yield
    finally:
        set_num_threads(before)


# -- Philox and the definition of the stream -------------------------------------------------------------------------


def philox(counter: list[int], key: list[int], rounds: int) -> list[int]:
    c0, c1, c2, c3 = counter
    for turn in range(rounds):
        k0, k1 = ((k + turn * step) % 2**32 for k, step in zip(key, (0x9E3779B9, 0xBB67AE85), strict=True))
        p0, p1 = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 % 2**32, (p0 >> 32) ^ c3 ^ k1, p0 % 2**32
    return [c0, c1, c2, c3]


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_philox_known_answers(counter: list[int], key: list[int], expected: list[int]) -> None:
    """Whole numbers in Python give the vectors that the authors of Philox publish with their code for ten rounds of
    philox4x32, and the library gives what they give after seven."""
    assert philox(counter, key, 10) == expected
    out = ffi.new("uint32_t[4]")
    lib.mg_philox(out, counter, key)
    assert list(out) == philox(counter, key, 7)


@ISAS
@DTYPES
@pytest.mark.parametrize("offset", OFFSETS, ids=OFFSET_NAMES)
def test_uniform_is_the_stream(isa: str, dtype: Any, offset: int) -> None:
    """u is the top 24 (53) bits of the element's word (words): exact, in every instruction set, for every length."""
    top, unit = (8, 2.0**-24) if dtype is np.float32 else (11, 2.0**-53)
    expected = ((lanes(dtype, SEED, offset, max(SIZES)) >> np.uint64(top)).astype(np.float64) * unit).astype(dtype)
    with use_isa(isa):
        for n in SIZES:
            np.testing.assert_array_equal(draw("uniform", dtype, n, SEED, offset, 0.0, 1.0), expected[:n])


@ISAS
@DTYPES
@pytest.mark.parametrize("offset", OFFSETS, ids=OFFSET_NAMES)
def test_normal_is_box_muller_of_the_stream(isa: str, dtype: Any, offset: int) -> None:
    """z = r times the cosine and the sine of an angle, from the pair's words; within 4 epsilon of that. The first word
    gives the sign of r and u, r^2 = -2 log u; the second an angle within a right one, which bit 0 reflects."""
    bits, angle_bits = (32, 32) if dtype is np.float32 else (64, 52)
    n = 1030
    lane = [int(x) for x in lanes(dtype, SEED, offset, n)]
    exact, top = np.longdouble, 2 ** (bits - 1)
    u = np.array([exact(top - x % top) for x in lane[0::2]]).astype(dtype).astype(exact) / top
    r = np.where([x < top for x in lane[0::2]], 1, -1) * np.sqrt(-2 * np.log(u))
    signed = [x if x < top else x - 2 * top for x in lane[1::2]]
    angle = np.array([x >> (bits - angle_bits) for x in signed], exact) / exact(2**angle_bits) * np.arccos(exact(0))
    reflected = np.array([x % 2 == 1 for x in lane[1::2]])
    expected = np.empty(n, exact)
    expected[0::2] = r * np.where(reflected, np.sin(angle), np.cos(angle))
    expected[1::2] = r * np.where(reflected, np.cos(angle), np.sin(angle))
    with use_isa(isa):
        z = draw("normal", dtype, n, SEED, offset, 0.0, 1.0)
    assert np.max(np.abs(z - expected) / np.abs(expected)) <= 4 * np.finfo(dtype).eps


@ISAS
@DTYPES
def test_normal_has_the_same_bits_in_every_instruction_set_and_length(isa: str, dtype: Any) -> None:
    with use_isa("portable"):
        expected = draw("normal", dtype, max(SIZES), SEED, OFFSET, 0.25, 3.0)
    with use_isa(isa):
        for n in SIZES:
            np.testing.assert_array_equal(draw("normal", dtype, n, SEED, OFFSET, 0.25, 3.0), expected[:n])


@DTYPES
def test_normal_is_mean_plus_std_z(dtype: Any) -> None:
    z = draw("normal", dtype, 1000, SEED, OFFSET, 0.0, 1.0)
    np.testing.assert_array_equal(draw("normal", dtype, 1000, SEED, OFFSET, 0.3, 1.7), dtype(0.3) + z * dtype(1.7))
    np.testing.assert_array_equal(draw("normal", dtype, 1000, SEED, OFFSET, 0.3, 0.0), np.full(1000, 0.3, dtype))


@DTYPES
@pytest.mark.parametrize("name", ["uniform", "normal"])
def test_consumption(name: str, dtype: Any) -> None:
    """A block holds 4 (2) elements: drawing on at the offset advanced by ceil(n / 4) (ceil(n / 2)) goes on unbroken."""
    per_block = 4 if dtype is np.float32 else 2
    whole = draw(name, dtype, 2000, SEED, OFFSET, -1.0, 1.0)
    for blocks in (1, 2, 5, 64, 131):
        rest = draw(name, dtype, 2000 - blocks * per_block, SEED, OFFSET + blocks, -1.0, 1.0)
        np.testing.assert_array_equal(rest, whole[blocks * per_block :])


@DTYPES
@pytest.mark.parametrize("name", ["uniform", "normal", "bernoulli", "dropout"])
def test_same_bits_for_any_number_of_threads(name: str, dtype: Any) -> None:
    n = 200_003
    x = np.linspace(0, 1, n, dtype=dtype)
    scalars = (SEED, OFFSET, -1.0, 2.0)
    args = {"bernoulli": (x, SEED, OFFSET), "dropout": (x, 0.3, SEED, OFFSET)}.get(name, scalars)
    with threads(1):
        expected = draw(name, dtype, n, *args)
    for count in (2, 3):
        with threads(count):
            np.testing.assert_array_equal(draw(name, dtype, n, *args), expected)


@DTYPES
def test_seeds_and_offsets_give_other_numbers(dtype: Any) -> None:
    n = 1000
    first = draw("uniform", dtype, n, SEED, OFFSET, 0.0, 1.0)
    for seed, offset in ((SEED + 1, OFFSET), (SEED + 2**32, OFFSET), (SEED, OFFSET + n), (SEED, OFFSET + 2**32)):
        # A pair of 24-bit numbers agrees by chance once in 2^24: among these, hardly one does.
        assert np.count_nonzero(draw("uniform", dtype, n, seed, offset, 0.0, 1.0) == first) <= 2


# -- distributions -----------------------------------------------------------------------------------------------------


def standard_score(sample: Numbers, mean: float, variance: float) -> float:
    """How many standard deviations of itself the sample's mean is away from `mean`."""
    return abs(float(np.mean(sample, dtype=np.float64)) - mean) / math.sqrt(variance / sample.size)


def kolmogorov_smirnov(cdf: Numbers) -> float:
    """sqrt(n) times the largest gap between the empirical distribution and the true one, from the sorted F(x)."""
    n = cdf.size
    rank = np.arange(n, dtype=np.float64)
    return math.sqrt(n) * float(max(np.max((rank + 1) / n - cdf), np.max(cdf - rank / n)))


# The probability that a sound sample exceeds k is below 2 exp(-2 k^2) (Massart 1990).
KS_BOUND = math.sqrt(math.log(2 / 1e-6) / 2)


@DTYPES
def test_uniform_distribution(dtype: Any) -> None:
    u = draw("uniform", dtype, 400_000, SEED, 0, 0.0, 1.0).astype(np.float64)
    for power in (1, 2, 3, 4):  # E u^k = 1 / (k + 1)
        variance = 1 / (2 * power + 1) - 1 / (power + 1) ** 2
        assert standard_score(u**power, 1 / (power + 1), variance) < SIGMAS
    for lag in (1, 2, 4, 256):  # neighbours in a block, and in a strip, are independent: E u v = 1/4
        assert standard_score((u[:-lag] - 0.5) * (u[lag:] - 0.5), 0.0, 1 / 144) < SIGMAS
    assert kolmogorov_smirnov(np.sort(u)) < KS_BOUND


@DTYPES
def test_normal_distribution(dtype: Any) -> None:
    z = draw("normal", dtype, 400_000, SEED, 0, 0.0, 1.0).astype(np.float64)
    moments = {0: 1, 2: 1, 4: 3, 6: 15, 8: 105}  # E z^k, and 0 for odd k
    for power in (1, 2, 3, 4):
        mean = moments.get(power, 0)
        assert standard_score(z**power, mean, moments[2 * power] - mean**2) < SIGMAS
    even, odd = z[0::2], z[1::2]  # a pair shares radius and angle, and is independent all the same
    assert standard_score(even * odd, 0.0, 1.0) < SIGMAS
    assert standard_score((even**2 - 1) * (odd**2 - 1), 0.0, 4.0) < SIGMAS
    cdf = np.array([math.erf(x) for x in np.sort(z) / math.sqrt(2)]) / 2 + 0.5
    assert kolmogorov_smirnov(cdf) < KS_BOUND


@DTYPES
def test_normal_tails(dtype: Any) -> None:
    """Beyond 3 and 4 deviations lie as many as should, on either side; none is inf or NaN."""
    n = 2_000_000
    z = draw("normal", dtype, n, SEED, 1 << 40, 0.0, 1.0)
    assert np.isfinite(z).all()
    for bound in (3.0, 4.0):
        expected = n * math.erfc(bound / math.sqrt(2)) / 2
        for count in (np.count_nonzero(z > bound), np.count_nonzero(z < -bound)):
            assert abs(count - expected) < SIGMAS * math.sqrt(expected)


@DTYPES
def test_uniform_never_returns_high(dtype: Any) -> None:
    """Between 1 and the next number, low + u (high - low) rounds to high for every second u."""
    one = dtype(1)
    narrow = draw("uniform", dtype, 1000, SEED, OFFSET, one, np.nextafter(one, dtype(2)))
    np.testing.assert_array_equal(narrow, np.ones(1000, dtype))
    np.testing.assert_array_equal(draw("uniform", dtype, 10, SEED, OFFSET, 2.5, 2.5), np.full(10, 2.5, dtype))
    wide = draw("uniform", dtype, 100_000, SEED, OFFSET, -3.0, 5.0)
    assert wide.min() >= -3
    assert wide.max() < 5
    assert standard_score(wide, 1.0, 64 / 12) < SIGMAS


# -- bernoulli and dropout ---------------------------------------------------------------------------------------------


@ISAS
@DTYPES
def test_bernoulli_is_u_below_p(isa: str, dtype: Any) -> None:
    p = np.linspace(0, 1, max(SIZES)).astype(dtype)
    u = draw("uniform", dtype, p.size, SEED, OFFSET, 0.0, 1.0)
    with use_isa(isa):
        for n in SIZES:
            np.testing.assert_array_equal(draw("bernoulli", dtype, n, p, SEED, OFFSET), (u < p)[:n].astype(dtype))


@DTYPES
@pytest.mark.parametrize("p", [0.0, 0.01, 0.5, 0.9, 1.0])
def test_bernoulli_rate(dtype: Any, p: float) -> None:
    n = 200_000
    ones = float(draw("bernoulli", dtype, n, np.full(n, p, dtype), SEED, 7).sum(dtype=np.float64))
    assert abs(ones - n * p) <= SIGMAS * math.sqrt(n * p * (1 - p))  # 0 deviations for p = 0 and p = 1


@ISAS
@DTYPES
@pytest.mark.parametrize("p", [0.0, 2.0**-31, 0.1, 0.5, 0.999, 1.0])
def test_dropout_is_the_stream(isa: str, dtype: Any, p: float) -> None:
    """Kept where the low 31 bits of the element's word reach p 2^31: one word an element, for both types."""
    n = max(SIZES)
    x = np.linspace(-2, 3, n).astype(dtype)
    x[::5], x[1::5] = np.inf, np.nan
    p = float(dtype(p))
    keep = (words(SEED, OFFSET, n // 4 + 1)[:n] & np.uint64(2**31 - 1)) >= math.floor(p * 2**31 + 0.5)
    scale = dtype(1 / (1 - p)) if p < 1 else dtype(0)
    expected = np.zeros(n, dtype)
    expected[keep] = x[keep] * scale
    with use_isa(isa):
        for size in SIZES:
            np.testing.assert_array_equal(draw("dropout", dtype, size, x, p, SEED, OFFSET), expected[:size])


@DTYPES
@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_rate(dtype: Any, p: float) -> None:
    n = 400_000
    y = draw("dropout", dtype, n, np.ones(n, dtype), p, SEED, 3)
    assert abs(np.count_nonzero(y) - n * (1 - p)) < SIGMAS * math.sqrt(n * p * (1 - p))
    assert standard_score(y, 1.0, p / (1 - p)) < SIGMAS


@DTYPES
def test_dropout_backward_is_the_same_mask(dtype: Any) -> None:
    n = 5000
    y = draw("dropout", dtype, n, np.ones(n, dtype), 0.4, SEED, OFFSET)
    dout = np.linspace(1, 2, n).astype(dtype)
    np.testing.assert_array_equal(draw("dropout", dtype, n, dout, 0.4, SEED, OFFSET), dout * y)


# -- as the kernels of the list ---------------------------------------------------------------------------------------

EVERY_DTYPE = pytest.mark.parametrize("dtype", calls.DTYPES, ids=str)


@EVERY_DTYPE
@pytest.mark.parametrize("name", ["uniform", "normal", "bernoulli", "dropout"])
def test_one_seed_gives_the_same_bits_on_every_processor(name: str, dtype: np.dtype[Any]) -> None:
    for problem in problems(name, dtype, 1031):
        found = {}
        for isa in available_isas():
            with use_isa(isa):
                found[isa] = calls.run(name, dtype, problem)
        for isa, got in found.items():
            calls.assert_same_bits(got, found["portable"], f"{name} on {isa}")


@EVERY_DTYPE
def test_dropout_replaces_what_it_drops(dtype: np.dtype[Any], isa: str) -> None:
    """By 0, even where the number was NaN or infinite."""
    x = np.tile(np.array([np.nan, np.inf, -np.inf, 1.0], dtype), 50)
    keep = (draws.words(1, 2, x.size) & np.uint64(2**31 - 1)) >= 2**30
    problem = calls.Problem({"x": x, "p": 0.5, "seed": 1, "offset": 2, "n": x.size}, {"out": calls.Want(np.where(keep, 2 * x, 0))})
    got = calls.run("dropout", dtype, problem)
    calls.assert_right(got, problem, dtype, "dropout")
    assert not np.signbit(got["out"][~keep]).any()


# -- permutations --------------------------------------------------------------------------------------------------------


def permutation(n: int, seed: int, offset: int) -> list[int]:
    buffer = np.full(n + 2, -7, np.int64)
    lib.mg_permutation(pointer(buffer[1:]), seed, offset, n)
    assert buffer[0] == -7
    assert buffer[n + 1] == -7
    return [int(i) for i in buffer[1 : n + 1]]


def permutation_by_definition(n: int, seed: int, offset: int) -> list[int]:
    """Fisher and Yates inside out, with Lemire's bounded integers from blocks (offset, 1), (offset, 2), ..."""

    def stream() -> Iterator[int]:
        high = 0
        while True:
            high += 1
            w = block(seed, offset, high)
            yield w[0] | w[1] << 32
            yield w[2] | w[3] << 32

    source = stream()
    out: list[int] = []
    for i in range(n):
        while True:
            product = next(source) * (i + 1)
            if product % 2**64 >= 2**64 % (i + 1):
                break
        j = product >> 64
        out.append(i)
        out[i], out[j] = out[j], i
    return out


@pytest.mark.parametrize("n", [0, 1, 2, 3, 17, 600])
def test_permutation_is_its_definition(n: int) -> None:
    assert permutation(n, SEED, OFFSET) == permutation_by_definition(n, SEED, OFFSET)


def test_permutation_holds_each_number_once() -> None:
    assert sorted(permutation(100_003, SEED, 1)) == list(range(100_003))


def test_all_permutations_are_equally_likely() -> None:
    """Chi-square over the 24 orders of 4. P(chi^2_k > k + 2 sqrt(k t) + 2 t) <= exp(-t) (Laurent and Massart 2000)."""
    draws, orders, t = 24_000, 24, 14.0
    counts = Counter(tuple(permutation(4, SEED, offset)) for offset in range(draws))
    expected = draws / orders
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    k = orders - 1
    assert len(counts) == orders
    assert chi_square < k + 2 * math.sqrt(k * t) + 2 * t


def test_permutation_moves_every_number_anywhere() -> None:
    """Chi-square of which number stands at which of 8 places, over consecutive offsets: 7 x 7 degrees of freedom."""
    n, draws, t = 8, 8_000, 14.0
    counts = np.zeros((n, n))
    for offset in range(draws):
        counts[np.arange(n), permutation(n, SEED + 1, offset)] += 1
    expected = draws / n
    # Rows and columns add up to `draws`, so the statistic's mean is (n - 1)^2 n / (n - 1): rescaled to that of chi^2.
    chi_square = float(((counts - expected) ** 2 / expected).sum()) * (n - 1) / n
    k = (n - 1) ** 2
    assert chi_square < k + 2 * math.sqrt(k * t) + 2 * t
