"""nn.init: fans, bounds, gains, distributions and seeds. Bounds on moments follow from the number of samples."""

import inspect
import math
from statistics import NormalDist

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import DTypeError, ShapeError
from minigrad.nn import init

#: A mean of n numbers is further than this many standard deviations from its expectation once in 1.7 million times.
SIGMAS = 5

RANDOM = {
    "variance_scaling_": lambda x, generator=None: init.variance_scaling_(x, 5, generator=generator),
    "uniform_": init.uniform_,
    "normal_": init.normal_,
    "trunc_normal_": init.trunc_normal_,
    "xavier_uniform_": init.xavier_uniform_,
    "xavier_normal_": init.xavier_normal_,
    "kaiming_uniform_": init.kaiming_uniform_,
    "kaiming_normal_": init.kaiming_normal_,
    "orthogonal_": init.orthogonal_,
    "sparse_": lambda x, generator=None: init.sparse_(x, 0.5, generator=generator),
}


@pytest.fixture(params=[mg.float32, mg.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param


def assert_moments(x, mean, std, kurtosis):
    """Mean and variance of independent numbers; the variance of x^2 is (kurtosis - 1) std^4."""
    n = x.size
    assert abs(x.mean(dtype=np.float64) - mean) < SIGMAS * std / math.sqrt(n)
    spread = np.square(x - mean, dtype=np.float64).mean() / std**2
    assert abs(spread - 1) < SIGMAS * math.sqrt((kurtosis - 1) / n)


def assert_uniform(x, bound):
    """Within +- bound, with the moments of a uniform distribution, and reaching out to both ends."""
    assert -bound <= x.min() < -0.999 * bound  # (1 - 0.0005)^n is below 1e-8 for the n = 40,000 numbers here
    assert 0.999 * bound < x.max() <= bound
    assert_moments(x, 0.0, bound / math.sqrt(3), kurtosis=1.8)


# -- distributions -----------------------------------------------------------------------------------------------------


def test_uniform_and_normal(dtype):
    x = init.uniform_(mg.empty(200, 200, dtype=dtype), -2.0, 6.0).numpy()
    assert -2 <= x.min() < -1.99
    assert 5.99 < x.max() < 6
    assert_moments(x, 2.0, 8 / math.sqrt(12), kurtosis=1.8)
    assert_moments(init.normal_(mg.empty(200, 200, dtype=dtype), -1.0, 3.0).numpy(), -1.0, 3.0, kurtosis=3)
    assert_uniform(init.uniform_(mg.empty(40_000), -1, 1).numpy(), 1.0)
    assert init.uniform_(mg.empty(3), 2.0, 2.0).tolist() == [2.0] * 3
    assert init.normal_(mg.empty(3), 2.0, 0.0).tolist() == [2.0] * 3


@pytest.mark.parametrize(
    ("shape", "fan_in", "fan_out"),
    [((100, 400), 400, 100), ((400, 100), 100, 400), ((40, 10, 10, 10), 1000, 4000), ((50, 100, 8), 800, 400)],
)
def test_fans_decide_the_scale(shape, fan_in, fan_out):
    def drawn(fill, *args, **keywords):
        return fill(mg.empty(shape), *args, **keywords).numpy()

    assert_uniform(drawn(init.xavier_uniform_), math.sqrt(6 / (fan_in + fan_out)))
    assert_uniform(drawn(init.xavier_uniform_, 2.5), 2.5 * math.sqrt(6 / (fan_in + fan_out)))
    assert_moments(drawn(init.xavier_normal_, gain=3), 0, 3 * math.sqrt(2 / (fan_in + fan_out)), kurtosis=3)
    assert_uniform(drawn(init.kaiming_uniform_, nonlinearity="relu"), math.sqrt(6 / fan_in))
    assert_uniform(drawn(init.kaiming_uniform_, mode="fan_out", nonlinearity="tanh"), 5 / 3 * math.sqrt(3 / fan_out))
    assert_uniform(drawn(init.kaiming_uniform_, a=2), math.sqrt(2 / 5) * math.sqrt(3 / fan_in))
    assert_moments(drawn(init.kaiming_normal_), 0, math.sqrt(2 / fan_in), kurtosis=3)
    assert_moments(drawn(init.kaiming_normal_, 1.0, "fan_out"), 0, 1 / math.sqrt(fan_out), kurtosis=3)
    # What PyTorch writes for its linear layers is U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
    assert_uniform(drawn(init.kaiming_uniform_, a=math.sqrt(5)), 1 / math.sqrt(fan_in))


def test_gains():
    assert init.calculate_gain("linear") == init.calculate_gain("sigmoid") == 1
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("selu") == 3 / 4
    assert init.calculate_gain("leaky_relu") == math.sqrt(2 / (1 + 0.01**2))
    assert init.calculate_gain("leaky_relu", 0.5) == math.sqrt(2 / 1.25)


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [
        (0.0, 1.0, -2.0, 2.0),
        (1.0, 2.0, 0.0, 1.5),
        (0.0, 0.02, -0.04, 0.04),
        (0.0, 1.0, 2.5, 4.0),
        (0.0, 1.0, -math.inf, -1.0),
        (0.0, 1.0, -math.inf, math.inf),
        (3.0, 1.0, 3.0, 3.001),
    ],
)
def test_trunc_normal_has_the_distribution_of_a_normal_between_its_bounds(mean, std, a, b, dtype):
    n = 5000
    x = init.trunc_normal_(mg.empty(n, dtype=dtype), mean, std, a, b).numpy()
    low, high = np.array([a, b], dtype)
    assert low <= x.min()
    assert x.max() <= high
    # The largest distance between both distribution functions exceeds e with probability below 2 exp(-2 n e^2)
    # (Dvoretzky, Kiefer and Wolfowitz): here 1e-9. The last case adds the rounding of its narrow range to float32.
    normal = NormalDist(mean, std)
    below, above = (0.0 if a == -math.inf else normal.cdf(a)), (1.0 if b == math.inf else normal.cdf(b))
    exact = np.array([(normal.cdf(v) - below) / (above - below) for v in np.sort(x).tolist()])
    rounding = np.spacing(np.float32(3)) / (b - a) if b - a < 0.01 else 0
    assert np.abs(exact - (np.arange(n) + 0.5) / n).max() < math.sqrt(math.log(2e9) / (2 * n)) + rounding


def test_trunc_normal_far_out():
    x = init.trunc_normal_(mg.empty(1000, dtype=mg.float64), 0.0, 1.0, 6.0, 7.0).numpy()
    assert 6 <= x.min() < 6.01
    assert x.mean() == pytest.approx(6.16, abs=0.05)  # the tail falls by exp(-6) over 1: mean 6 + 0.16


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 2, 3), (1, 4), (3, 1)])
def test_orthogonal_rows_or_columns(shape, dtype):
    w = init.orthogonal_(mg.empty(shape, dtype=dtype), gain=2.0).numpy().reshape(shape[0], -1).astype(np.float64)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    tolerance = 1e-6 if dtype == mg.float32 else 1e-14
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=8 * tolerance)


def test_orthogonal_is_not_biased():
    # A rotation of the plane by a uniform angle, mirrored half the time: its entries have mean 0 and variance 1/2.
    entries = np.stack([init.orthogonal_(mg.empty(2, 2, dtype=mg.float64)).numpy() for _ in range(2000)])
    assert np.abs(entries.mean(0)).max() < SIGMAS * math.sqrt(0.5 / 2000)
    assert abs(np.mean(np.linalg.det(entries) > 0) - 0.5) < SIGMAS * math.sqrt(0.25 / 2000)


def test_constants(dtype):
    x = mg.empty(2, 3, dtype=dtype)
    assert init.constant_(x, 2.5).tolist() == [[2.5] * 3] * 2
    assert init.ones_(x).tolist() == [[1.0] * 3] * 2
    assert init.eye_(x).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert init.zeros_(x).tolist() == [[0.0] * 3] * 2
    assert init.zeros_(mg.tensor([1, 2])).tolist() == [0, 0]


@pytest.mark.parametrize(("shape", "groups"), [((3, 3, 3), 1), ((4, 2, 5), 2), ((6, 4, 3, 3), 2), ((2, 5, 2, 3, 4), 1), ((0, 2, 3), 1)])
def test_dirac_passes_channels_on_as_pytorchs_does(shape, groups, dtype):
    torch = pytest.importorskip("torch")
    x = init.dirac_(mg.full(shape, 7.0, dtype=dtype), groups)
    assert x.tolist() == torch.nn.init.dirac_(torch.full(shape, 7.0), groups).tolist()


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.35, 1.0])
def test_sparse_columns(sparsity, dtype):
    x = init.sparse_(mg.empty(40, 500, dtype=dtype), sparsity, std=0.5).numpy()
    zeros = (x == 0).sum(0)
    assert (zeros == math.ceil(sparsity * 40)).all()
    if sparsity < 1:
        assert_moments(x[x != 0], 0.0, 0.5, kurtosis=3)
    if 0 < sparsity < 1:  # each row has its share of them: binomial, of 500 columns
        share = zeros[0] / 40
        assert np.abs((x == 0).mean(1) - share).max() < SIGMAS * math.sqrt(share * (1 - share) / 500)


def test_gains_and_signatures_are_pytorchs():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.init
    kinds = ["linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "sigmoid"]
    for kind in [*kinds, "tanh", "relu", "leaky_relu", "selu"]:
        assert init.calculate_gain(kind) == theirs.calculate_gain(kind)
    names = [name for name in vars(theirs) if name.endswith("_") and name[0] != "_"]
    assert len(names) > 10
    for name in names:
        ours, other = (inspect.signature(getattr(library, name)).parameters for library in (init, theirs))
        assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in other.values()]


@pytest.mark.parametrize("fill", RANDOM.values(), ids=RANDOM)
def test_the_generator_stands_still_where_memory_fails(fill, monkeypatch):
    def fails(*args):
        raise MemoryError

    x, before = mg.ones(3, 4), mg.manual_seed(5).get_state()
    monkeypatch.setattr(init, "empty", fails)
    with pytest.raises(MemoryError):
        fill(x)
    assert mg.Generator.get_state(init.stream("", None)) == before
    assert x.tolist() == [[1.0] * 4] * 3


# -- seeds, and where the numbers go -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", RANDOM.values(), ids=RANDOM)
def test_a_seed_decides_all_bits(fill, dtype):
    def drawn(generator=None):
        return fill(mg.empty(5, 7, dtype=dtype), generator=generator).numpy().tobytes()

    mg.manual_seed(7)
    first, second = drawn(), drawn()
    assert first != second
    mg.manual_seed(7)
    own = mg.Generator().manual_seed(7)
    assert drawn(own) == first
    assert (drawn(), drawn()) == (first, second)  # the generator of one's own has left the other alone
    assert drawn(own) == second


@pytest.mark.parametrize("fill", [*RANDOM.values(), init.zeros_, init.ones_, init.eye_])
def test_parameters_are_filled_in_place_without_history(fill):
    p = nn.Parameter(mg.full((4, 6), 9.0))
    memory = p.detach().numpy()
    assert fill(p) is p
    assert p.is_leaf
    assert p.requires_grad
    assert not (memory == 9).any()
    strided = mg.full((6, 4), 9.0)
    fill(strided.T)
    assert not (strided.numpy() == 9).any()


@pytest.mark.parametrize("fill", RANDOM.values(), ids=RANDOM)
@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_empty_weights_stay_empty(fill, shape):
    assert fill(mg.empty(shape)).shape == shape


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: init.uniform_(x, generator=3), TypeError, "uniform_: argument generator: got a int"),
        (lambda x: init.sparse_(x, 1.5), ValueError, "sparse_: argument sparsity: got 1.5, expected a share in"),
        (lambda x: init.sparse_(x, 0.5, -1.0), ValueError, "sparse_: argument std: got -1.0"),
        (lambda x: init.sparse_(x[0], 0.5), ShapeError, "sparse_: argument tensor: got shape"),
        (init.dirac_, ShapeError, "dirac_: argument tensor: got shape .* expected a weight of 3, 4 or 5 dimensions"),
        (lambda x: init.dirac_(mg.empty(3, 1, 1), 2), ValueError, "groups: got 2, expected a divisor of the 3 output"),
        (lambda x: init.calculate_gain("leaky_relu", "a"), ValueError, "calculate_gain: argument param: got 'a'"),
        (lambda x: init.uniform_(x, 1.0, 0.0), ValueError, "uniform_: argument b: got 0.0, expected at least a, 1.0"),
        (lambda x: init.uniform_(x, 0.0, math.nan), ValueError, "argument b: got nan"),
        (lambda x: init.uniform_(x, -3e38, 3e38), ValueError, r"a, b: got -3e\+38, 3e\+38, expected .* 3.403e\+38 from 0 and from each"),
        (lambda x: init.uniform_(x, 0.0, math.inf), ValueError, "a, b: got 0.0, inf, expected finite ones"),
        (lambda x: x.uniform_(-3e38, 3e38), ValueError, r"uniform_: argument from_, to: got -3e\+38, 3e\+38"),
        (lambda x: x.uniform_(1e39, 1e39), ValueError, r"uniform_: argument from_, to: got 1e\+39, 1e\+39"),
        (lambda x: init.normal_(x, 0.0, -1.0), ValueError, "normal_: argument std: got -1.0"),
        (lambda x: init.trunc_normal_(x, a=1.0, b=1.0), ValueError, r"trunc_normal_: argument a, b: got \[1.0, 1.0\]"),
        (lambda x: init.trunc_normal_(x, a=9.0, b=10.0), ValueError, "that a normal distribution of mean 0.0"),
        (lambda x: init.trunc_normal_(x, std=0.0), ValueError, "std 0.0 > 0"),
        (lambda x: init.kaiming_uniform_(x, mode="fan"), ValueError, "kaiming_uniform_: argument mode: got 'fan'"),
        (lambda x: init.kaiming_normal_(x, nonlinearity="swish"), ValueError, "got 'swish', expected one of linear"),
        (lambda x: init.xavier_uniform_(x[0]), ShapeError, r"xavier_uniform_: .*\(3,\).*at least 2 dimensions"),
        (lambda x: init.orthogonal_(x[0]), ValueError, "at least 2 dimensions"),
        (lambda x: init.eye_(x.reshape(1, 2, 3)), ShapeError, r"eye_: argument tensor: got shape \(1, 2, 3\)"),
        (lambda x: init.uniform_([1.0]), DTypeError, "argument tensor: got a list, expected a tensor of floats"),
        (lambda x: init.normal_(mg.tensor([1, 2])), DTypeError, "normal_: argument tensor: got dtype int64"),
        (lambda x: init.trunc_normal_(mg.tensor([1])), DTypeError, "trunc_normal_: argument tensor"),
    ],
)
def test_what_is_refused_changes_nothing(call, error, message):
    x, generator = mg.full((2, 3), 7.0), mg.manual_seed(1)
    state = generator.get_state()
    with pytest.raises(error, match=message):
        call(x)
    assert x.tolist() == [[7.0] * 3] * 2
    assert generator.get_state() == state


SIGNATURES = {
    "calculate_gain": "nonlinearity, param=None",
    "uniform_": "tensor, a=0.0, b=1.0, generator=None",
    "normal_": "tensor, mean=0.0, std=1.0, generator=None",
    "trunc_normal_": "tensor, mean=0.0, std=1.0, a=-2.0, b=2.0, generator=None",
    "constant_": "tensor, val",
    "ones_": "tensor",
    "zeros_": "tensor",
    "eye_": "tensor",
    "xavier_uniform_": "tensor, gain=1.0, generator=None",
    "xavier_normal_": "tensor, gain=1.0, generator=None",
    "kaiming_uniform_": "tensor, a=0, mode='fan_in', nonlinearity='leaky_relu', generator=None",
    "kaiming_normal_": "tensor, a=0, mode='fan_in', nonlinearity='leaky_relu', generator=None",
    "orthogonal_": "tensor, gain=1.0, generator=None",
}


def test_signatures_and_defaults_are_pytorchs():
    for name, expected in SIGNATURES.items():
        parameters = inspect.signature(getattr(init, name)).parameters.values()
        assert ", ".join(str(p.replace(annotation=inspect.Parameter.empty)) for p in parameters) == expected


@pytest.mark.parametrize(("distribution", "bound"), [("truncated_normal", 2 / 0.87962566103423978), ("normal", 5.5), ("uniform", 3**0.5)])
def test_variance_scaling_has_the_variance_and_the_bound(distribution, bound):
    n, variance = 200_000, 2 / 5
    x = init.variance_scaling_(mg.empty(n, dtype=mg.float64), 5, 2.0, distribution).numpy()
    assert abs(x.mean()) < SIGMAS * (variance / n) ** 0.5
    assert abs(x.var() / variance - 1) < SIGMAS * (2 / n) ** 0.5  # of no more kurtosis than a normal variate
    assert 0.7 * bound < np.abs(x).max() / variance**0.5 <= bound


def test_variance_scaling_refuses():
    with pytest.raises(ValueError, match="variance_scaling_: argument fan, scale: got 0, 1.0, expected numbers above 0"):
        init.variance_scaling_(mg.zeros(3), 0)
    with pytest.raises(ValueError, match="distribution: got 'gauss', expected 'truncated_normal', 'normal' or 'uniform'"):
        init.variance_scaling_(mg.zeros(3), 1, distribution="gauss")
