"""Tensors made in the shape of others, and of random numbers: values, types, statistics, streams, and what is refused.

Seeds are fixed, so a test that passes once passes always. Statistical bounds are five standard deviations."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import DeviceError, DTypeError, GradError, OutOfMemory, ShapeError

FLOATS = pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
SIGMAS = 5.0


def seeded(seed=11):
    return mg.Generator().manual_seed(seed)


def deviations(sample, mean, variance):
    """How many standard deviations of itself the sample's mean is away from `mean`."""
    return abs(float(np.mean(sample, dtype=np.float64)) - mean) / np.sqrt(variance / sample.size)


# -- of a given content ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        ((0, 3, 4), [1, 10, 100, 1000]), ((-1, 1, 3), [0.1, 1, 10]), ((0, 4, 5, 2), [1, 2, 4, 8, 16]),
        ((2.0, 5.0, 1), [100]), ((0, 1, 0), []), ((3, 0, 4, 2.0), [8, 4, 2, 1]),
    ],
)  # fmt: skip
@FLOATS
def test_logspace(arguments, values, dtype):
    x = mg.logspace(*arguments, dtype=dtype, requires_grad=True)
    assert (x.dtype, x.shape, x.requires_grad) == (dtype, (len(values),), True)
    np.testing.assert_allclose(x.detach().numpy(), np.array(values, dtype), rtol=1e-15 if dtype == mg.float64 else 1e-7)
    assert mg.logspace(*arguments).dtype == mg.float32


def test_an_overflow_is_infinite():
    assert mg.logspace(0, 400, 2).tolist() == [1.0, float("inf")]
    assert mg.logspace(0, 100, 2).tolist() == [1.0, float("inf")]
    assert mg.normal(0.0, mg.full((1,), 3e38) * 2.0).isinf().all()


LIKE = {
    "empty_like": mg.empty_like,
    "zeros_like": mg.zeros_like,
    "ones_like": mg.ones_like,
    "full_like": lambda x, **keywords: mg.full_like(x, 7, **keywords),
    "rand_like": mg.rand_like,
    "randn_like": mg.randn_like,
    "randint_like": lambda x, **keywords: mg.randint_like(x, 10, **keywords),
}
NEW = {
    "new_empty": lambda x, *size, **keywords: x.new_empty(*size, **keywords),
    "new_zeros": lambda x, *size, **keywords: x.new_zeros(*size, **keywords),
    "new_ones": lambda x, *size, **keywords: x.new_ones(*size, **keywords),
    "new_full": lambda x, *size, **keywords: x.new_full(size[0] if len(size) == 1 else size, 7, **keywords),
}
CONTENT = {"zeros": 0, "ones": 1, "full": 7}


@pytest.mark.parametrize("name", LIKE)
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
@FLOATS
def test_like_takes_shape_and_type(name, shape, dtype):
    other = mg.float32 if dtype == mg.float64 else mg.float64
    x = mg.zeros(shape, dtype=dtype, requires_grad=True)
    for made, real, wanted in (
        (LIKE[name](x), dtype, False), (LIKE[name](x, dtype=other), other, False),
        (LIKE[name](x, requires_grad=True, device="cpu"), dtype, True),
    ):  # fmt: skip
        assert (made.shape, made.dtype, made.requires_grad, made.is_leaf) == (shape, real, wanted, True)
        if (content := CONTENT.get(name.removesuffix("_like"))) is not None:
            np.testing.assert_array_equal(made.detach().numpy(), np.full(shape, content, real))


@pytest.mark.parametrize("name", LIKE)
def test_like_of_integers(name):
    x = mg.zeros(4, dtype=mg.int64)
    if name in ("rand_like", "randn_like"):
        with pytest.raises(DTypeError, match=rf"^{name}: argument dtype: got int64, expected float32 or float64"):
            LIKE[name](x)
        assert LIKE[name](x, dtype=mg.float32).dtype == mg.float32
    else:
        assert LIKE[name](x).dtype == mg.int64
        with pytest.raises(DTypeError, match=rf"^{name}: argument requires_grad: got True for dtype int64"):
            LIKE[name](x, requires_grad=True)


@pytest.mark.parametrize("name", LIKE)
def test_like_of_what_has_no_shape(name):
    with pytest.raises(TypeError, match=rf"^{name}: argument (x|input): got a list, expected a tensor\. Where there is none"):
        LIKE[name]([1.0, 2.0])


@pytest.mark.parametrize("name", NEW)
def test_new_takes_the_type(name):
    for x in (mg.ones(1, dtype=mg.float64), mg.ones(1, dtype=mg.int64), mg.ones(1, dtype=mg.bool)):
        for made in (NEW[name](x, 2, 3), NEW[name](x, (2, 3))):
            assert (made.shape, made.dtype, made.requires_grad) == ((2, 3), x.dtype, False)
            if (content := CONTENT.get(name.removeprefix("new_"))) is not None:
                np.testing.assert_array_equal(made.numpy(), np.full((2, 3), content, x.dtype))
    made = NEW[name](x, 2, dtype=mg.float32, requires_grad=True, device="cpu")
    assert (made.shape, made.dtype, made.requires_grad) == ((2,), mg.float32, True)
    with pytest.raises(ShapeError, match=rf"^{name}: argument size: got \(-1,\)"):
        NEW[name](x, -1)
    with pytest.raises(DTypeError, match=rf"^{name}: argument requires_grad: got True for dtype bool"):
        NEW[name](x, 2, requires_grad=True)
    with pytest.raises(DeviceError, match=rf"^{name}: argument device: got 'cuda'"):
        NEW[name](x, 2, device="cuda")


# -- random numbers ----------------------------------------------------------------------------------------------------

N = 100_000
#: A draw of about n numbers, with a generator.
DRAWS = {
    "rand": lambda n, **g: mg.rand(n, **g),
    "randn": lambda n, **g: mg.randn(n, **g),
    "rand_like": lambda n, **g: mg.rand_like(mg.zeros(n), **g),
    "randn_like": lambda n, **g: mg.randn_like(mg.zeros(n), **g),
    "randint": lambda n, **g: mg.randint(-5, 1000, (n,), **g),
    "randint float": lambda n, **g: mg.randint(-5, 1000, (n,), dtype=mg.float32, **g),
    "randint_like": lambda n, **g: mg.randint_like(mg.zeros(n), 1000, **g),
    "randperm": lambda n, **g: mg.randperm(n, **g),
    "normal of numbers": lambda n, **g: mg.normal(1.0, 2.0, (n,), **g),
    "normal of tensors": lambda n, **g: mg.normal(mg.ones(n), mg.full((n,), 2.0), **g),
    "bernoulli": lambda n, **g: mg.bernoulli(mg.full((n,), 0.3), **g),
    "bernoulli of p": lambda n, **g: mg.bernoulli(mg.zeros(n), 0.3, **g),
    "multinomial": lambda n, **g: mg.multinomial(mg.linspace(0, 1, n), n // 2, **g),
    "multinomial with replacement": lambda n, **g: mg.multinomial(mg.linspace(0, 1, 50), n, True, **g),
    "uniform_": lambda n, **g: mg.zeros(n).uniform_(**g),
    "normal_": lambda n, **g: mg.zeros(n).normal_(**g),
    "bernoulli_": lambda n, **g: mg.zeros(n, dtype=mg.int64).bernoulli_(**g),
    "uniform_ strided": lambda n, **g: mg.zeros(n, 2)[:, 1].uniform_(**g),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_generator_decides_all(name):
    """The same seed gives the same numbers, the next call others, and the default generator does not move."""
    draw, source, default = DRAWS[name], seeded(), mg.manual_seed(3)
    before = default.get_state()
    first, second = draw(200, generator=source).tolist(), draw(200, generator=source).tolist()
    assert first != second
    assert draw(200, generator=seeded()).tolist() == first
    assert draw(200, generator=seeded(12)).tolist() != first
    assert default.get_state() == before
    seeds = [mg.manual_seed(11) and draw(200).tolist() for _ in range(2)]
    assert seeds == [first, first]


@pytest.mark.parametrize("name", DRAWS)
def test_same_bits_for_any_number_of_threads(name, one_thread):
    expected = DRAWS[name](N, generator=seeded()).numpy()
    for threads in (2, 3):
        mg.set_num_threads(threads)
        np.testing.assert_array_equal(DRAWS[name](N, generator=seeded()).numpy(), expected)


@pytest.mark.parametrize("name", DRAWS)
def test_a_generator_is_one_of_ours(name):
    for wrong in (5, np.random.default_rng(0)):
        with pytest.raises(TypeError, match=r"argument generator: got a .*expected a minigrad\.Generator\. Write"):
            DRAWS[name](10, generator=wrong)


HUGE = mg.ones(1).expand(2**50)
#: Memory is asked for more than there is, or the arguments are wrong.
FAILING = {
    "rand_like": lambda g: mg.rand_like(HUGE, generator=g),
    "randn_like": lambda g: mg.randn_like(HUGE, generator=g),
    "randint": lambda g: mg.randint(5, (2**60,), generator=g),
    "randint float": lambda g: mg.randint(5, (2**60,), dtype=mg.float32, generator=g),
    "randint_like": lambda g: mg.randint_like(HUGE, 5, generator=g),
    "randperm": lambda g: mg.randperm(2**60, generator=g),
    "normal": lambda g: mg.normal(0.0, 1.0, (2**60,), generator=g),
    "normal of tensors": lambda g: mg.normal(mg.zeros(1).expand(2**30, 1), mg.ones(2**30), generator=g),
    "bernoulli": lambda g: mg.bernoulli(HUGE, 0.5, generator=g),
    "multinomial": lambda g: mg.multinomial(mg.ones(3), 2**60, True, generator=g),
    "bernoulli_": lambda g: mg.zeros(2).bernoulli_(mg.ones(3), generator=g),
    "uniform_": lambda g: HUGE.uniform_(generator=g),
    "normal_": lambda g: mg.zeros(2, requires_grad=True).normal_(generator=g),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_failed_call_has_not_moved_the_generator(name):
    source = seeded()
    before = source.get_state()
    with pytest.raises((OutOfMemory, ShapeError, GradError)):
        FAILING[name](source)
    assert source.get_state() == before


@FLOATS
def test_like_gives_the_numbers_of_the_plain_function(dtype):
    x = mg.zeros(3, 5, dtype=dtype)
    for like, plain in (
        (mg.rand_like(x, generator=seeded()), mg.rand(3, 5, dtype=dtype, generator=seeded())),
        (mg.randn_like(x, generator=seeded()), mg.randn(3, 5, dtype=dtype, generator=seeded())),
        (mg.randint_like(x, 3, 9, generator=seeded()), mg.randint(3, 9, (3, 5), dtype=dtype, generator=seeded())),
        (x.clone().uniform_(generator=seeded()), mg.rand(3, 5, dtype=dtype, generator=seeded())),
        (x.clone().normal_(generator=seeded()), mg.randn(3, 5, dtype=dtype, generator=seeded())),
        (x.clone().bernoulli_(0.3, generator=seeded()), mg.bernoulli(x, 0.3, generator=seeded())),
        (mg.bernoulli(x, 0.3, generator=seeded()), mg.bernoulli(mg.full_like(x, 0.3), generator=seeded())),
        (mg.normal(2.0, 3.0, x.shape, dtype=dtype, generator=seeded()),
         mg.normal(mg.full_like(x, 2.0), mg.full_like(x, 3.0), generator=seeded())),
    ):  # fmt: skip
        assert (like.dtype, plain.dtype) == (dtype, dtype)
        np.testing.assert_array_equal(like.numpy(), plain.numpy())


@pytest.mark.parametrize("dtype", [mg.int64, mg.float32, mg.float64], ids=str)
def test_randint_has_each_integer_as_often(dtype):
    x = mg.randint(-3, 7, (N,), dtype=dtype, generator=seeded())
    assert x.dtype == dtype
    values, counts = np.unique(x.numpy(), return_counts=True)
    assert values.tolist() == list(range(-3, 7))
    assert (np.abs(counts - N / 10) < SIGMAS * np.sqrt(N * 0.1 * 0.9)).all()


def test_the_ways_to_write_randint():
    for make in (
        lambda g: mg.randint(10, (4,), generator=g), lambda g: mg.randint(0, 10, (4,), generator=g),
        lambda g: mg.randint(high=10, size=(4,), generator=g), lambda g: mg.randint(10, size=4, generator=g),
        lambda g: mg.randint(low=0, high=10, size=[4], generator=g), lambda g: mg.randint_like(mg.arange(4), 10, generator=g),
    ):  # fmt: skip
        assert make(seeded()).tolist() == mg.randint(0, 10, (4,), generator=seeded()).tolist()
    assert mg.randint(3, (2,), dtype=mg.float64, requires_grad=True).requires_grad


@pytest.mark.parametrize("low", [2**62, -(2**63), 2**63 - 4])
def test_randint_of_large_integers_is_exact(low):
    assert set(mg.randint(low, low + 4, (200,), generator=seeded()).tolist()) == {low, low + 1, low + 2, low + 3}


@FLOATS
def test_normal_of_tensors(dtype):
    """Each number has the mean and the deviation at its place; a type that is wider wins."""
    mean, std = mg.tensor([[-1.0], [4.0]], dtype=dtype), mg.linspace(0.0, 2.0, 3)
    many = [mg.normal(mean, std, generator=g).numpy() for g in [seeded()] for _ in range(4000)]
    assert many[0].shape == (2, 3)
    assert many[0].dtype == dtype
    sample = np.stack(many, -1)
    np.testing.assert_array_equal(sample[:, 0], np.broadcast_to(mean.numpy(), (2, 4000)))  # a deviation of 0
    for row, m in enumerate((-1.0, 4.0)):
        for column, s in ((1, 1.0), (2, 2.0)):
            assert deviations(sample[row, column], m, s * s) < SIGMAS
            assert deviations((sample[row, column] - m) ** 2, s * s, 2 * s**4) < SIGMAS


def test_the_ways_to_write_normal():
    ones = mg.ones(3)
    want = mg.normal(1.0, 2.0, (3,), generator=seeded()).tolist()
    for make in (
        lambda g: mg.normal(ones, 2.0, generator=g), lambda g: mg.normal(1.0, ones * 2.0, generator=g),
        lambda g: mg.normal(mean=1, std=2, size=3, generator=g), lambda g: mg.normal(ones, ones + ones, generator=g),
    ):  # fmt: skip
        assert make(seeded()).tolist() == want
    made = mg.normal(0.0, 1.0, (2,), dtype=mg.float64, requires_grad=True)
    assert (made.dtype, made.requires_grad) == (mg.float64, True)
    assert mg.normal(ones, 1.0, dtype=mg.float64).dtype == mg.float64
    assert not mg.normal(mg.ones(2, requires_grad=True)).requires_grad


@FLOATS
def test_bernoulli_rates(dtype):
    for p in (0.0, 0.01, 0.5, 0.9, 1.0):
        given = mg.full((N,), p, dtype=dtype)
        for x in (
            mg.bernoulli(given, generator=seeded()), mg.bernoulli(given, p, generator=seeded()),
            given.bernoulli(generator=seeded()), given.clone().bernoulli_(p, generator=seeded()),
        ):  # fmt: skip
            assert x.dtype == dtype
            assert abs(x.numpy().sum(dtype=np.float64) - N * p) <= SIGMAS * np.sqrt(N * p * (1 - p))
            assert set(x.tolist()) <= {0.0, 1.0}


def test_bernoulli_in_place_of_any_type_and_by_tensors():
    for dtype in (mg.bool, mg.int64, mg.float32, mg.float64):
        x = mg.zeros(2, N // 2, dtype=dtype).bernoulli_(mg.tensor([[0.2], [1.0]]), generator=seeded())
        assert x.dtype == dtype
        assert x[1].numpy().all()
        assert deviations(x[0].numpy(), 0.2, 0.2 * 0.8) < SIGMAS
    strided = mg.bernoulli(mg.tensor([[0.0, 1.0], [0.0, 1.0]]).T, generator=seeded())
    assert strided.tolist() == [[0.0, 0.0], [1.0, 1.0]]


# -- multinomial -------------------------------------------------------------------------------------------------------

WEIGHTS = np.array([0.0, 3.0, 1.0, 0.0, 4.0])


@FLOATS
def test_multinomial_with_replacement_follows_the_weights(dtype):
    x = mg.tensor(np.stack([WEIGHTS, WEIGHTS[::-1] * 1e30]), dtype=dtype)
    drawn = mg.multinomial(x, N, replacement=True, generator=seeded())
    assert (drawn.shape, drawn.dtype) == ((2, N), mg.int64)
    for row, weights in zip(drawn.numpy(), (WEIGHTS, WEIGHTS[::-1]), strict=True):
        p = weights / 8.0
        counts = np.bincount(row, minlength=5)
        assert (np.abs(counts - N * p) <= SIGMAS * np.sqrt(N * p * (1 - p))).all()


def test_multinomial_without_replacement_is_drawing_one_by_one():
    """All orders of three weights: the first with p1, the second with p2 / (1 - p1)."""
    p = np.array([0.5, 0.3, 0.2])
    draws = 20_000
    rows = mg.multinomial(mg.tensor(p).expand(draws, 3), 2, generator=seeded())
    counts = Counter(map(tuple, rows.tolist()))
    for i, j in permutations(range(3), 2):
        expected = p[i] * p[j] / (1 - p[i])
        assert abs(counts[i, j] - draws * expected) < SIGMAS * np.sqrt(draws * expected * (1 - expected))
    assert sum(counts.values()) == draws


def test_multinomial_takes_only_what_has_weight_and_each_once():
    rows = mg.tensor(WEIGHTS).expand(500, 5).multinomial(3, generator=seeded())
    assert (np.sort(rows.numpy(), 1) == [1, 2, 4]).all()
    one = mg.multinomial(mg.tensor(WEIGHTS), 3, generator=seeded())
    assert one.shape == (3,)
    assert mg.multinomial(mg.ones(0, 4), 2).shape == (0, 2)
    tiny = mg.multinomial(mg.tensor([1e-320, 1e-320, 0.0], dtype=mg.float64), 2, generator=seeded())
    assert sorted(tiny.tolist()) == [0, 1]
    vast = mg.multinomial(mg.full((4,), 1e308, dtype=mg.float64), 100, True, generator=seeded())
    assert set(vast.tolist()) == {0, 1, 2, 3}


# -- in place ----------------------------------------------------------------------------------------------------------


@FLOATS
def test_in_place_draws(dtype):
    x = mg.zeros(4, N // 4, dtype=dtype)
    address = x.numpy().ctypes.data
    assert x.uniform_(-1.0, 3.0, generator=seeded()) is x
    assert (x.numpy() >= -1).all()
    assert (x.numpy() < 3).all()
    assert deviations(x.numpy(), 1.0, 16 / 12) < SIGMAS
    assert x.normal_(2.0, 0.5, generator=seeded()) is x
    assert deviations(x.numpy(), 2.0, 0.25) < SIGMAS
    assert deviations((x.numpy() - 2.0) ** 2, 0.25, 2 * 0.25**2) < SIGMAS
    assert x.numpy().ctypes.data == address


def test_in_place_draws_through_a_view_leave_the_rest():
    x = mg.full((3, 4), 9.0)
    x[:, ::2].uniform_(generator=seeded())
    x.T[3].normal_(generator=seeded())
    assert (x.numpy()[:, [0, 2]] < 1).all()
    assert (x.numpy()[:, 1] == 9).all()
    assert (x.numpy()[:, 3] != 9).all()


IN_PLACE = {
    "uniform_": lambda x: x.uniform_(),
    "normal_": lambda x: x.normal_(),
    "bernoulli_": lambda x: x.bernoulli_(0.0),
    "fill_": lambda x: x.fill_(2.0),
    "zero_": lambda x: x.zero_(),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_of_what_requires_a_gradient(name):
    leaf = mg.ones(3, requires_grad=True)
    for x in (leaf,) if name in ("fill_", "zero_") else (leaf, leaf * 2.0):
        with pytest.raises(GradError, match=rf"^{name}: got a (tensor|leaf) that requires a gradient.*minigrad\.no_grad"):
            IN_PLACE[name](x)
    assert leaf.tolist() == [1.0, 1.0, 1.0]
    with mg.no_grad():
        assert IN_PLACE[name](leaf) is leaf
    assert leaf.requires_grad
    assert leaf.tolist() != [1.0, 1.0, 1.0]


@pytest.mark.parametrize("name", IN_PLACE)
def test_backward_sees_what_was_written_over(name):
    w, x = mg.ones(3, requires_grad=True), mg.full((3,), 5.0)
    y = (w * x).sum()
    IN_PLACE[name](x)
    with pytest.raises(GradError, match=rf"^backward: mul reads .* which {name} has overwritten since"):
        y.backward()


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: mg.logspace(0, 1, -1), ShapeError, r"^logspace: argument size: got \(-1,\)"),
        (lambda: mg.logspace(0, 1, 2**60), OutOfMemory, "^logspace: argument steps"),
        (lambda: mg.logspace(0, float("inf"), 3), TypeError, "^logspace: argument end: got inf, expected a finite"),
        (lambda: mg.logspace("0", 1, 3), TypeError, "^logspace: argument start: got '0'"),
        (lambda: mg.logspace(0, 1, 3, -2.0), ValueError, "^logspace: argument base: got -2.0, expected a number above 0"),
        (lambda: mg.randint(5), TypeError, "^randint: argument size"),
        (lambda: mg.randint_like(mg.ones(2), 3, 3), ValueError, "^randint_like: argument high: got 3, expected an int above"),
        (lambda: mg.randint(1.5, (2,)), ValueError, "^randint: argument high: got 1.5, expected an int"),
        (lambda: mg.randint(5, (2,), dtype=mg.bool), DTypeError, r"^randint: argument dtype: got bool.*\.bool\(\)"),
        (lambda: mg.randint(5, (2,), requires_grad=True), DTypeError, "^randint: .*requires_grad.*dtype=minigrad.float32"),
        (lambda: mg.randint(0, 2**24 + 2, (2,), dtype=mg.float32), ValueError, "^randint: .*all of which float32 holds"),
        (lambda: mg.randint(-(2**62), 2**62, (2,)), ValueError, r"^randint: argument high: .*at most 2\^53 integers"),
        (lambda: mg.normal(), TypeError, "^normal: argument size: got None, expected a shape"),
        (lambda: mg.normal(mg.ones(2), 1.0, (2,)), TypeError, r"^normal: argument size: .*beside a tensor for mean.*randn"),
        (lambda: mg.normal(0.0, -1.0, (2,)), ValueError, "^normal: argument std: got -1.0, expected at least 0"),
        (lambda: mg.normal(0.0, float("nan"), (2,)), ValueError, "^normal: argument std: got nan"),
        (lambda: mg.normal(0.0, mg.tensor([1.0, -2.0])), ValueError, "^normal: argument std: got a tensor with -2.0"),
        (lambda: mg.normal(mg.arange(2), 1.0), DTypeError, "^normal: argument mean: got dtype int64"),
        (lambda: mg.normal("a", 1.0, (2,)), DTypeError, "^normal: argument mean: got 'a'"),
        (lambda: mg.normal(mg.ones(2), mg.ones(3)), ShapeError, r"^normal: got shapes \(2,\) and \(3,\)"),
        (lambda: mg.bernoulli(0.5), DTypeError, "^bernoulli: argument input: got a float, expected a tensor of floats"),
        (lambda: mg.bernoulli(mg.ones(2, dtype=mg.int64)), DTypeError, "^bernoulli: argument input: got dtype int64"),
        (lambda: mg.bernoulli(mg.tensor([0.5, 1.5])), ValueError, r"^bernoulli: argument p: got numbers from 0.5 to 1.5"),
        (lambda: mg.bernoulli(mg.tensor([float("nan")])), ValueError, "^bernoulli: argument p: got numbers from nan"),
        (lambda: mg.bernoulli(mg.ones(2), -0.1), ValueError, r"^bernoulli: argument p: got -0.1, expected a number in \[0, 1\]"),
        (lambda: mg.bernoulli(mg.ones(2), mg.ones(2)), TypeError, r"^bernoulli: argument p: got a tensor.*bernoulli\(p\)"),
        (lambda: mg.ones(2).bernoulli_("a"), DTypeError, "^bernoulli_: argument p: got a str"),
        (lambda: mg.ones(2).bernoulli_(2), ValueError, "^bernoulli_: argument p: got 2"),
        (lambda: mg.ones(2).bernoulli_(mg.ones(3)), ShapeError, r"^bernoulli_: argument p: got shape \(3,\)"),
        (lambda: mg.ones(2).bernoulli_(mg.tensor([1, 0])), DTypeError, r"^bernoulli_: argument p: got dtype int64.*p\.float\(\)"),
        (lambda: mg.randperm(-1), ValueError, "^randperm: argument n: got -1, expected an int of at least 0"),
        (lambda: mg.randperm(2.0), ValueError, "^randperm: argument n: got 2.0"),
        (lambda: mg.randperm(3, dtype=mg.float32), DTypeError, "^randperm: argument dtype: got float32, expected int64"),
        (lambda: mg.multinomial([1.0], 1), DTypeError, "^multinomial: argument input: got a list"),
        (lambda: mg.multinomial(mg.arange(3), 1), DTypeError, "^multinomial: argument input: got dtype int64"),
        (lambda: mg.multinomial(mg.ones(2, 2, 2), 1), ShapeError, r"^multinomial: argument input: got shape \(2, 2, 2\)"),
        (lambda: mg.multinomial(mg.ones(2, 0), 1), ShapeError, r"^multinomial: argument input: got shape \(2, 0\)"),
        (lambda: mg.multinomial(mg.tensor([1.0, -1.0]), 1), ValueError, "^multinomial: .*at least 0.*softmax"),
        (lambda: mg.multinomial(mg.tensor([1.0, float("inf")]), 1), ValueError, "^multinomial: .*finite"),
        (lambda: mg.multinomial(mg.zeros(3), 1), ValueError, "^multinomial: .*not all 0 in a row"),
        (lambda: mg.multinomial(mg.ones(3), 0), ValueError, "^multinomial: argument num_samples: got 0"),
        (lambda: mg.multinomial(mg.ones(3), 1.5), ValueError, "^multinomial: argument num_samples: got 1.5"),
        (lambda: mg.multinomial(mg.tensor([1.0, 0.0, 2.0]), 3), ValueError, "at most the 2 weights above 0.*replacement=True"),
        (lambda: mg.ones(2).uniform_(1.0, 0.0), ValueError, "^uniform_: argument to: got 0.0, expected at least from_, 1.0"),
        (lambda: mg.ones(2).uniform_(0.0, float("inf")), ValueError, "^uniform_: argument to: got inf, expected a finite"),
        (lambda: mg.ones(2).normal_(0.0, -1.0), ValueError, "^normal_: argument std: got -1.0"),
        (lambda: mg.ones(2).normal_("a"), ValueError, "^normal_: argument mean: got 'a'"),
        (lambda: mg.arange(2).uniform_(), DTypeError, r"^uniform_: got a tensor of dtype int64.*x\.float\(\)"),
        (lambda: mg.ones(1).expand(3).normal_(), ShapeError, r"^normal_: got a view whose elements share memory.*clone"),
        (lambda: mg.normal(0.0, 1.0, (2,), device="cuda"), DeviceError, "^normal: argument device"),
        (lambda: mg.ones(1).new_full((2,), None), TypeError, "^new_full: argument fill_value: got None, expected one number"),
        (lambda: mg.logspace(0, 1, 2, device="cuda"), DeviceError, "^logspace: argument device"),
        (lambda: mg.randint_like(mg.ones(1), 2, device="cuda"), DeviceError, "^randint_like: argument device"),
    ],
)  # fmt: skip
def test_arguments_that_make_no_tensor(make, error, text):
    with pytest.raises(error, match=text):
        make()
