"""Margin losses and likelihoods against numbers by hand, against PyTorch where that is installed, and by differences."""

import math

import numpy as np
import pytest
from signatures import plain_signature

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.errors import DTypeError, LabelError, ShapeError
from minigrad.testing import gradcheck, gradgradcheck

REDUCTIONS = ["none", "mean", "sum"]
TOLERANCE = {mg.float32: {"rtol": 2e-5, "atol": 2e-6}, mg.float64: {"rtol": 1e-12, "atol": 1e-13}}


def reals(*shape, low=-2.0, high=2.0, seed=0):
    return np.random.default_rng(seed).uniform(low, high, shape)


def signs(*shape):
    return np.where(np.random.default_rng(7).random(shape) < 0.5, -1, 1)


def classes(*shape, low=0, high=4):
    return np.random.default_rng(3).integers(low, high, shape)


def is_real(x):
    return isinstance(x, mg.Tensor) and x.dtype.kind == "f"


def wide(numbers, **keywords):
    return mg.tensor(numbers, dtype=mg.float64, **keywords)


# -- by hand -----------------------------------------------------------------------------------------------------------

# Each loss before its reduction, and the slope of their sum in the first argument.
X, Y = [0.25, 2.0, -1.0], [1.0, -1.0, -1.0]
ROWS = [[0.5, 1.0, -1.0], [0.0, 2.0, 1.5]]
LN2, LOG_2PI, INF = math.log(2), math.log(2 * math.pi), math.inf
BY_HAND = {
    "hinge": (F.hinge_loss, [[0.25, 2.0, -1.5, 0.5], [1.0, -1.0, -1.0, -1.0]], {}, [0.75, 3.0, 0.0, 1.5], [-1, 1, 0, 1]),
    "hinge, 0 and 1": (F.hinge_loss, [[0.25, 2.0, -1.5, 0.5], [1, 0, 0, 0]], {}, [0.75, 3.0, 0.0, 1.5], [-1, 1, 0, 1]),
    "mape": (F.mape_loss, [[1.5, -3.0, 0.25], [2.0, -2.0, 0.0]], {"eps": 0.5}, [25, 50, 50], [-50, -50, 200]),
    "msle": (F.msle_loss, [[math.e - 1, 3.0, -2.0], [0.5, 1.0, 1.0]], {"eps": 0.5}, [(1 - math.log(1.5)) ** 2, LN2**2, math.log(0.75) ** 2], [2 * (1 - math.log(1.5)) / math.e, LN2 / 2, 0]),
    "log_cosh": (F.log_cosh_loss, [[1.0 + math.log(2), 0.0], [1.0, 1e4]], {}, [math.log(1.25), 1e4 - LN2], [0.6, -1]),
    "kl_divergence": (F.kl_divergence, [[[0.5, 0.5], [0.0, 1.0]], [[0.25, 0.75], [1.0, 0.0]]], {"eps": 0.125}, [math.log(0.5) / 4 + 0.75 * math.log(1.5), 3 * LN2 - 3 * LN2 / 8], [[-0.5, -1.5], [0, -0.125]]),
    "hinge_embedding": (F.hinge_embedding_loss, [X, Y], {}, [0.25, 0.0, 2.0], [1, 0, -1]),
    "hinge_embedding, margin": (F.hinge_embedding_loss, [X, Y], {"margin": 3.0}, [0.25, 1.0, 4.0], [1, -1, -1]),
    "soft_margin": (
        F.soft_margin_loss, [[0.0, math.log(3), -math.log(3)], [1, -1, 1]], {},
        [LN2, 2 * LN2, 2 * LN2], [-0.5, 0.75, -0.75],
    ),
    "margin_ranking": (F.margin_ranking_loss, [X, [0.0, 1.5, -2.0], Y], {}, [0.0, 0.5, 1.0], [0, 1, 1]),
    "margin_ranking, margin": (F.margin_ranking_loss, [X, [0.0, 1.5, -2.0], Y], {"margin": 0.5}, [0.25, 1.0, 1.5], [-1, 1, 1]),
    "triplet": (
        F.triplet_margin_loss, [[[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 5.5]]], {"eps": 0.0}, [0.5], [[-0.6, -0.8 + 1]],
    ),
    "triplet, swap": (
        F.triplet_margin_loss, [[[0.0, 0.0]], [[3.0, 4.0]], [[3.0, 5.0]]], {"eps": 0.0, "swap": True}, [5.0], [[-0.6, -0.8]],
    ),
    "multi_margin": (F.multi_margin_loss, [ROWS, [0, 2]], {}, [0.5, 0.5], [[-1 / 3, 1 / 3, 0], [0, 1 / 3, -1 / 3]]),
    "multi_margin, p=2": (
        F.multi_margin_loss, [ROWS, [0, 2]], {"p": 2, "margin": 2.0}, [(2.5**2 + 0.5**2) / 3, (2.5**2 + 0.5**2) / 3],
        [[-2, 5 / 3, 1 / 3], [1 / 3, 5 / 3, -2]],
    ),
    "multilabel_margin": (
        F.multilabel_margin_loss, [[[0.5, 1.0, -1.0, 0.0]] * 3, [[1, 0, -1, 2], [-1, 0, 1, 2], [2, -1, -1, -1]]], {},
        [0.5 / 4, 0.0, (2.5 + 3 + 2) / 4], [[-0.25, 0, 0, 0.25], [0, 0, 0, 0], [0.25, 0.25, -0.75, 0.25]],
    ),
    "multilabel_soft_margin": (
        F.multilabel_soft_margin_loss, [[[0.0, math.log(3)], [-math.log(3), 0.0]], [[1, 0], [1, 1]]], {},
        [1.5 * LN2, 1.5 * LN2], [[-0.25, 0.375], [-0.375, -0.25]],
    ),
    "cosine_embedding": (
        F.cosine_embedding_loss, [[[3.0, 4.0], [3.0, 4.0]], [[4.0, 3.0], [10.0, 0.0]], [1, -1]], {"margin": 0.5},
        [0.04, 0.1], [[-(0.8 - 0.96 * 0.6) / 5, -(0.6 - 0.96 * 0.8) / 5], [(1 - 0.36) / 5, -0.48 / 5]],
    ),
    "poisson_nll": (F.poisson_nll_loss, [[0.0, LN2], [1, 3]], {}, [1.0, 2 - 3 * LN2], [0, -1]),
    "poisson_nll, rates, Stirling": (
        F.poisson_nll_loss, [[1.0, 2.0], [1, 3]], {"log_input": False, "eps": 0.0, "full": True},
        [1.0, 2 - 3 * LN2 + 3 * math.log(3) - 3 + math.log(6 * math.pi) / 2], [0, -0.5],
    ),
    "gaussian_nll": (F.gaussian_nll_loss, [[1.0, 3.0], [0.0, 5.0], [1.0, 4.0]], {}, [0.5, LN2 + 0.5], [1, -0.5]),
    "gaussian_nll, full": (
        F.gaussian_nll_loss, [[1.0, 3.0], [0.0, 5.0], 4.0], {"full": True},
        [LN2 + 0.125 + LOG_2PI / 2, LN2 + 0.5 + LOG_2PI / 2], [0.25, -0.5],
    ),
}  # fmt: skip


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", BY_HAND)
def test_numbers_by_hand(name, reduction, backend):
    loss, inputs, keywords, each, slope = BY_HAND[name]
    given = [mg.tensor(x) if np.array(x).dtype.kind == "i" else x if isinstance(x, float) else wide(x) for x in inputs]
    given[0].requires_grad_()
    out = loss(*given, **keywords, reduction=reduction)
    out.sum().backward()
    wanted = {"none": each, "sum": np.sum(each), "mean": np.mean(each)}[reduction]
    np.testing.assert_allclose(out.detach().numpy(), wanted, rtol=1e-12, atol=1e-13)
    share = len(each) if reduction == "mean" else 1
    np.testing.assert_allclose(given[0].grad.numpy(), np.divide(slope, share), rtol=1e-12, atol=1e-13)


# -- PyTorch ------------------------------------------------------------------------------------------------------------

ONE, TWO, THREE = reals(4, 5), reals(4, 5, seed=1), reals(4, 5, seed=2)
RATES, COUNTS = reals(4, 5, low=0.2, high=3.0), reals(4, 5, low=0.2, high=6.0, seed=1)
CASES = [
    *[("hinge_embedding_loss", (x, signs(*x.shape)), k) for x in (ONE, ONE[0], ONE[0, 0]) for k in ({}, {"margin": 0.3})],
    ("hinge_embedding_loss", (ONE, signs(1, 5)), {}),
    *[("soft_margin_loss", (x, signs(*x.shape)), {}) for x in (ONE, ONE[0], ONE[0, 0])],
    *[("margin_ranking_loss", (x, y, signs(*x.shape)), k) for x, y in ((ONE, TWO), (ONE[0], TWO[0])) for k in ({}, {"margin": 0.7})],
    ("margin_ranking_loss", (ONE[0], TWO[0], signs(1)), {"margin": 0.7}),
    *[("cosine_embedding_loss", (ONE, TWO, y), k) for y in (signs(4), signs(1), -signs(1)) for k in ({}, {"margin": -0.4})],
    ("cosine_embedding_loss", (ONE[0], TWO[0], signs()), {}),
    *[("triplet_margin_loss", (ONE, TWO, THREE), {"p": p, "swap": w}) for p in (0.5, 1.0, 2, 3.0, math.inf) for w in (False, True)],
    ("triplet_margin_loss", (ONE[0], TWO[0], THREE[0]), {"margin": 2.0, "eps": 0.1}),
    *[("multi_margin_loss", (ONE, classes(4)), {"p": p, "margin": m, "weight": w})
      for p in (1, 2) for m in (1.0, 0.2) for w in (None, reals(5, low=0.5))],
    ("multi_margin_loss", (ONE[0], classes()), {}),
    ("multilabel_margin_loss", (ONE, classes(4, 5, low=-1)), {}),
    ("multilabel_margin_loss", (ONE, classes(4, 5, low=0)), {}),
    ("multilabel_margin_loss", (ONE[0], np.array([2, 0, 2, -1, 1])), {}),
    *[("multilabel_soft_margin_loss", (ONE, t), {"weight": w})
      for t in (classes(4, 5, high=2), reals(4, 5, low=0.0, high=1.0)) for w in (None, reals(5, low=0.5), reals(4, 5, low=0.5))],
    ("multilabel_soft_margin_loss", (ONE[0], classes(5, high=2)), {}),
    *[("poisson_nll_loss", (RATES, COUNTS), {"log_input": i, "full": f}) for i in (True, False) for f in (True, False)],
    *[("poisson_nll_loss", (RATES, classes(4, 5, high=6)), {"log_input": i}) for i in (True, False)],
    ("poisson_nll_loss", (RATES[0], COUNTS[0]), {"log_input": False, "eps": 0.5}),
    *[("gaussian_nll_loss", (ONE, TWO, v), {"full": f}) for v in (RATES, RATES[:, 0], RATES[:, :1], RATES[:1]) for f in (True, False)],
    ("gaussian_nll_loss", (ONE, TWO, RATES), {"eps": 1.0}),
    ("gaussian_nll_loss", (ONE[0], TWO[0], 2.0), {}),
]  # fmt: skip


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
@pytest.mark.parametrize(("name", "inputs", "keywords"), [pytest.param(*c, id=f"{c[0]}-{i}") for i, c in enumerate(CASES)])
def test_values_and_gradients_are_pytorchs(name, inputs, keywords, dtype, reduction):
    torch = pytest.importorskip("torch")

    def both(x):
        if not hasattr(x, "dtype"):
            return x, x
        array = np.asarray(x, dtype if x.dtype.kind == "f" else np.int64)
        return mg.tensor(array), torch.tensor(array)

    pairs = [both(x) for x in inputs]
    for mine, twin in pairs:
        if is_real(mine):
            mine.requires_grad_()
            twin.requires_grad_()
    given = {k: both(v) for k, v in keywords.items()}
    out = getattr(F, name)(*[p[0] for p in pairs], **{k: v[0] for k, v in given.items()}, reduction=reduction)
    wanted = getattr(torch.nn.functional, name)(*[p[1] for p in pairs], **{k: v[1] for k, v in given.items()}, reduction=reduction)
    assert out.dtype == dtype
    np.testing.assert_allclose(out.detach().numpy(), wanted.detach().numpy(), **TOLERANCE[dtype])
    cotangent = reals(*out.shape, seed=9).astype(dtype)
    out.backward(mg.tensor(cotangent))
    wanted.backward(torch.tensor(cotangent))
    for mine, twin in pairs:
        if is_real(mine):
            np.testing.assert_allclose(mine.grad.numpy(), twin.grad.numpy(), **TOLERANCE[dtype])


MET = {
    "hinge_embedding_loss": ([1.0, 2.0], [-1, -1]),
    "margin_ranking_loss": ([1.0, 2.0], [1.0, 2.0], [-1, 1]),
    "multi_margin_loss": ([[0.0, 1.0], [1.0, 2.0]], [1, 1]),
    "multilabel_margin_loss": ([[0.0, 1.0], [1.0, 2.0]], [[1, -1], [1, -1]]),
    "triplet_margin_loss": ([[0.0, 0.0]], [[0.0, 1.0]], [[0.0, -2.0]]),
}


@pytest.mark.parametrize("name", MET)
def test_the_slope_where_a_margin_is_met_is_pytorchs(name):
    torch = pytest.importorskip("torch")
    slopes = []
    for make, space in ((mg.tensor, F), (torch.tensor, torch.nn.functional)):
        more = {"eps": 0.0} if name == "triplet_margin_loss" else {}
        inputs = [make(x) for x in MET[name]]
        inputs[0].requires_grad_()
        getattr(space, name)(*inputs, **more, reduction="sum").backward()
        slopes.append(inputs[0].grad.tolist())
    assert slopes[0] == slopes[1]


#: Below eps the slope of a variance is not that of the value: the next test has it.
SMOOTH = [c for c in CASES if not (c[0] == "gaussian_nll_loss" and "eps" in c[2])]


@pytest.mark.parametrize(("name", "inputs", "keywords"), [pytest.param(*c, id=f"{c[0]}-{i}") for i, c in enumerate(SMOOTH)])
def test_first_and_second_derivatives(name, inputs, keywords):
    given = [mg.tensor(x) if hasattr(x, "dtype") else x for x in inputs]
    for x in given:
        if is_real(x):
            x.requires_grad_()
    options = {k: mg.tensor(v) if hasattr(v, "dtype") else v for k, v in keywords.items()}

    def loss(*values):
        return getattr(F, name)(*values, **options, reduction="sum")

    assert gradcheck(loss, given, rtol=1e-6)
    assert gradgradcheck(loss, given, rtol=1e-5)


def test_a_variance_below_eps_counts_as_eps_and_keeps_the_slope_there():
    var = wide([0.0, 0.25, 2.0], requires_grad=True)
    out = F.gaussian_nll_loss(wide([1.0, 1.0, 1.0]), wide([0.0, 0.0, 0.0]), var, eps=0.5, reduction="none")
    np.testing.assert_allclose(out.detach().numpy(), [0.5 * (2 - LN2), 0.5 * (2 - LN2), 0.5 * (LN2 + 0.5)], rtol=1e-15)
    out.sum().backward()
    np.testing.assert_allclose(var.grad.numpy(), [0.5 * (2 - 4), 0.5 * (2 - 4), 0.5 * (0.5 - 0.25)], rtol=1e-15)


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
def test_soft_margins_do_not_overflow(dtype):
    x = mg.tensor([-1e4, 1e4], dtype=dtype, requires_grad=True)
    out = F.soft_margin_loss(x, mg.tensor([1, 1]), reduction="none")
    assert out.tolist() == [1e4, 0.0]
    out.sum().backward()
    assert x.grad.tolist() == [-1.0, 0.0]


def test_infinite_scores_and_scores_on_the_margin():
    x = mg.tensor([math.inf, -math.inf, 1.0, -1.0], requires_grad=True)
    for name, each, slopes in (("hinge_loss", [0.0, INF, 0.0, 2.0], [0, -1, -1, -1]), ("soft_margin_loss", [0.0, INF], [0, -1])):
        x.grad = None
        out = getattr(F, name)(x, mg.ones(4), reduction="none")
        out.sum().backward()
        assert out.tolist()[: len(each)] == each
        assert x.grad.tolist()[: len(slopes)] == slopes


def test_one_label_counts_for_a_whole_dimension():
    x, y = wide(ONE), wide(TWO)
    for name, inputs in (("soft_margin_loss", (x,)), ("margin_ranking_loss", (x, y))):
        found = getattr(F, name)(*inputs, wide([[-1.0]]))
        assert found.item() == getattr(F, name)(*inputs, -mg.ones_like(x)).item()


@pytest.mark.parametrize("labels", [[1.0, 0.0, 1.0], [1.0, -1.0, 1.0], [1.0, 0.0, -1.0]])
def test_hinge_loss_takes_both_kinds_of_labels(labels):
    """0 counts as -1 only where no label is -1."""
    x, y = np.array([0.5, 0.25, -2.0]), np.array(labels)
    signed = 2 * y - 1 if (y >= 0).all() else y
    assert F.hinge_loss(wide(x), wide(y), "sum").item() == np.maximum(0, 1 - signed * x).sum()
    assert F.hinge_loss(mg.zeros(0), mg.zeros(0), "sum").item() == 0.0


@pytest.mark.parametrize("kind", [mg.float32, mg.float64, mg.int64], ids=str)
def test_labels_may_be_of_any_type(kind):
    y = signs(4)
    x, z = mg.tensor(ONE), mg.tensor(TWO)
    for name, inputs in (("cosine_embedding_loss", (x, z)), ("margin_ranking_loss", (x[:, 0], z[:, 0])), ("soft_margin_loss", (x[:, 0],)), ("hinge_embedding_loss", (x[:, 0],))):
        out = getattr(F, name)(*inputs, mg.tensor(y, dtype=kind))
        assert out.dtype == mg.float64
        assert out.item() == getattr(F, name)(*inputs, mg.tensor(y)).item()


def test_counts_may_be_integers():
    """With all digits of Stirling's formula too, which PyTorch has in float32 then."""
    counts = classes(4, 5, high=6)
    found = F.poisson_nll_loss(mg.tensor(RATES), mg.tensor(counts), full=True)
    assert found.item() == F.poisson_nll_loss(mg.tensor(RATES), wide(counts), full=True).item()


def test_nothing_to_average_is_nan_and_nothing_to_add_is_zero():
    for name, inputs in (
        ("soft_margin_loss", (mg.zeros(0), mg.zeros(0))),
        ("multi_margin_loss", (mg.zeros(0, 3), mg.zeros(0, dtype=mg.int64))),
        ("multilabel_margin_loss", (mg.zeros(0, 3), mg.zeros(0, 3, dtype=mg.int64))),
        ("triplet_margin_loss", (mg.zeros(0, 3),) * 3),
        ("poisson_nll_loss", (mg.zeros(0), mg.zeros(0))),
    ):
        assert math.isnan(getattr(F, name)(*inputs).item())
        assert getattr(F, name)(*inputs, reduction="sum").item() == 0.0


# -- modules ------------------------------------------------------------------------------------------------------------------

OLD = "size_average=None, reduce=None, reduction='mean'"
SIGNATURES = {
    F.hinge_embedding_loss: f"input, target, margin=1.0, {OLD}",
    F.soft_margin_loss: f"input, target, {OLD}",
    F.margin_ranking_loss: f"input1, input2, target, margin=0, {OLD}",
    F.cosine_embedding_loss: f"input1, input2, target, margin=0, {OLD}",
    F.triplet_margin_loss: f"anchor, positive, negative, margin=1.0, p=2, eps=1e-06, swap=False, {OLD}",
    F.multi_margin_loss: f"input, target, p=1, margin=1.0, weight=None, {OLD}",
    F.multilabel_margin_loss: f"input, target, {OLD}",
    F.multilabel_soft_margin_loss: f"input, target, weight=None, {OLD}",
    F.poisson_nll_loss: "input, target, log_input=True, full=False, size_average=None, eps=1e-08, reduce=None, reduction='mean'",
    F.gaussian_nll_loss: "input, target, var, full=False, eps=1e-06, reduction='mean'",
    F.cosine_similarity: "x1, x2, dim=1, eps=1e-08",
    F.pairwise_distance: "x1, x2, p=2.0, eps=1e-06, keepdim=False",
    nn.HingeEmbeddingLoss: f"margin=1.0, {OLD}",
    nn.SoftMarginLoss: OLD,
    nn.MarginRankingLoss: f"margin=0.0, {OLD}",
    nn.CosineEmbeddingLoss: f"margin=0.0, {OLD}",
    nn.TripletMarginLoss: f"margin=1.0, p=2.0, eps=1e-06, swap=False, {OLD}",
    nn.MultiMarginLoss: f"p=1, margin=1.0, weight=None, {OLD}",
    nn.MultiLabelMarginLoss: OLD,
    nn.MultiLabelSoftMarginLoss: f"weight=None, {OLD}",
    nn.PoissonNLLLoss: "log_input=True, full=False, size_average=None, eps=1e-08, reduce=None, reduction='mean'",
    nn.GaussianNLLLoss: "*, full=False, eps=1e-06, reduction='mean'",
    nn.CosineSimilarity: "dim=1, eps=1e-08",
    nn.PairwiseDistance: "p=2.0, eps=1e-06, keepdim=False",
}


@pytest.mark.parametrize("function", SIGNATURES, ids=lambda f: f.__qualname__)
def test_signatures_and_defaults_are_pytorchs(function):
    assert plain_signature(function) == f"({SIGNATURES[function]})"


def test_modules_pass_every_argument_on():
    x, y, z = mg.tensor(ONE), mg.tensor(TWO), mg.tensor(THREE)
    s, c, w, v = mg.tensor(signs(4, 5)), mg.tensor(classes(4)), mg.tensor(reals(5, low=0.5)), mg.tensor(RATES)
    t = mg.tensor(classes(4, 5, low=-1))
    pairs = [
        (nn.HingeEmbeddingLoss(0.3, reduction="sum"), F.hinge_embedding_loss, (x, s), {"margin": 0.3}),
        (nn.SoftMarginLoss(reduction="sum"), F.soft_margin_loss, (x, s), {}),
        (nn.MarginRankingLoss(0.3, reduction="sum"), F.margin_ranking_loss, (x, y, s), {"margin": 0.3}),
        (nn.CosineEmbeddingLoss(0.3, reduction="sum"), F.cosine_embedding_loss, (x, y, s[:, 0]), {"margin": 0.3}),
        (nn.TripletMarginLoss(2.0, 3.0, 0.1, True, reduction="sum"), F.triplet_margin_loss, (x, y, z), {"margin": 2.0, "p": 3.0, "eps": 0.1, "swap": True}),
        (nn.MultiMarginLoss(2, 0.5, w, reduction="sum"), F.multi_margin_loss, (x, c), {"p": 2, "margin": 0.5, "weight": w}),
        (nn.MultiLabelMarginLoss(reduction="sum"), F.multilabel_margin_loss, (x, t), {}),
        (nn.MultiLabelSoftMarginLoss(w, reduction="sum"), F.multilabel_soft_margin_loss, (x, s > 0), {"weight": w}),
        (nn.PoissonNLLLoss(False, True, eps=0.1, reduction="sum"), F.poisson_nll_loss, (v, v), {"log_input": False, "full": True, "eps": 0.1}),
        (nn.GaussianNLLLoss(full=True, eps=0.5, reduction="sum"), F.gaussian_nll_loss, (x, y, v), {"full": True, "eps": 0.5}),
    ]  # fmt: skip
    for module, function, inputs, keywords in pairs:
        assert module(*inputs).item() == function(*inputs, **keywords, reduction="sum").item() != function(*inputs).item()
    assert nn.CosineSimilarity(0, 3.0)(x, y).tolist() == F.cosine_similarity(x, y, 0, 3.0).tolist()
    assert nn.PairwiseDistance(1.0, 0.1, True)(x, y).tolist() == F.pairwise_distance(x, y, 1.0, 0.1, True).tolist()
    for module in (nn.MultiMarginLoss(weight=w), nn.MultiLabelSoftMarginLoss(w)):
        assert list(module.state_dict()) == ["weight"]
        assert list(module.parameters()) == []


def test_triplets_with_a_distance_of_ones_own():
    torch = pytest.importorskip("torch")
    a, p, n = (np.random.default_rng(i).normal(size=(5, 3)) for i in range(3))
    for options in ({}, {"margin": 0.5, "swap": True}, {"reduction": "none"}, {"reduction": "sum", "swap": True}):
        for ours, theirs in (
            (None, None),
            (lambda u, v: (u - v).abs().max(1).values, lambda u, v: (u - v).abs().max(1).values),
            (lambda u, v: 1 - F.cosine_similarity(u, v), lambda u, v: 1 - torch.nn.functional.cosine_similarity(u, v)),
        ):
            one = nn.TripletMarginWithDistanceLoss(distance_function=ours, **options)(*map(mg.tensor, (a, p, n)))
            other = torch.nn.TripletMarginWithDistanceLoss(distance_function=theirs, **options)
            np.testing.assert_allclose(one.tolist(), other(*map(torch.tensor, (a, p, n))).tolist(), rtol=1e-9)
    same = nn.TripletMarginLoss()(*map(mg.tensor, (a, p, n)))
    assert nn.TripletMarginWithDistanceLoss()(*map(mg.tensor, (a, p, n))).item() == same.item()


# -- errors --------------------------------------------------------------------------------------------------------------------

V, M, L = mg.zeros(3), mg.zeros(2, 3), mg.ones(3)
FIRST = mg.tensor([1, -1, 0, 1, 0])
REFUSED = {
    "reduction": (lambda: F.soft_margin_loss(V, L, reduction="avg"), ValueError, r"soft_margin_loss: argument reduction: got 'avg', expected 'none', 'mean', 'sum'"),
    "size_average": (lambda: F.soft_margin_loss(V, L, False), ValueError, r"soft_margin_loss: argument size_average or reduce: .* Write reduction="),
    "module's reduction": (lambda: nn.MultiMarginLoss(reduction="avg"), ValueError, r"MultiMarginLoss: argument reduction: got 'avg'"),
    "module's reduce": (lambda: nn.PoissonNLLLoss(reduce=True), ValueError, r"PoissonNLLLoss: argument size_average or reduce"),
    "hinge's labels": (lambda: F.hinge_embedding_loss(mg.zeros(5), FIRST), LabelError, r"hinge_embedding_loss: argument target: got 0 at index \[2\], expected -1 or 1.$"),
    "labels 0 and 1": (lambda: F.hinge_embedding_loss(M, mg.tensor([[1, 1, 1], [1, 0, 1]])), LabelError, r"got 0 at index \[1, 1\], expected -1 or 1. .*2 \* y - 1"),
    "bools": (lambda: F.soft_margin_loss(V, mg.tensor([True, False, True])), LabelError, r"soft_margin_loss: argument target: got False at index \[1\].*2 \* y - 1"),
    "ranking's labels": (lambda: F.margin_ranking_loss(V, V, mg.tensor([1.0, 0.0, 0.0])), LabelError, r"margin_ranking_loss: argument target: got 0.0 at index \[1\].*2 \* y - 1"),
    "cosine's labels": (lambda: F.cosine_embedding_loss(M, M, mg.tensor([1, 2])), LabelError, r"cosine_embedding_loss: argument target: got 2 at index \[1\]"),
    "one label": (lambda: F.cosine_embedding_loss(V, V, mg.tensor(0)), LabelError, r"cosine_embedding_loss: argument target: got 0 at index \[\]"),
    "NaN": (lambda: F.soft_margin_loss(V, mg.tensor([1.0, math.nan, 1.0])), LabelError, r"got nan at index \[1\]"),
    "labels' shape": (lambda: F.soft_margin_loss(V, mg.ones(3, 1)), ShapeError, r"argument target: got shape \(3, 1\), expected labels of shape \(3,\). Write target.reshape\(3,\)"),
    "cosine's labels' shape": (lambda: F.cosine_embedding_loss(M, M, L), ShapeError, r"argument target: got shape \(3,\), expected labels of shape \(2,\)"),
    "cosine's sizes": (lambda: F.cosine_embedding_loss(M, mg.zeros(2, 4), L[:2]), ShapeError, r"argument input2: got shape \(2, 4\), expected input1's shape \(2, 3\)"),
    "ranking's shapes": (lambda: F.margin_ranking_loss(V, M, L), ShapeError, r"argument input2: got shape \(2, 3\)"),
    "triplet's shapes": (lambda: F.triplet_margin_loss(M, M, V), ShapeError, r"argument negative: got shape \(3,\), expected anchor's shape"),
    "triplet's margin": (lambda: F.triplet_margin_loss(M, M, M, 0.0), ValueError, r"triplet_margin_loss: argument margin: got 0.0, expected a number above 0"),
    "module's margin": (lambda: nn.TripletMarginLoss(-1.0), ValueError, r"TripletMarginLoss: argument margin: got -1.0"),
    "margin beside a distance": (lambda: nn.TripletMarginWithDistanceLoss(margin=0), ValueError, r"TripletMarginWithDistanceLoss: argument margin: got 0"),
    "function's margin beside a distance": (lambda: F.triplet_margin_with_distance_loss(M, M, M, margin=-1), ValueError, r"triplet_margin_with_distance_loss: argument margin: got -1"),
    "p": (lambda: F.multi_margin_loss(M, mg.tensor([0, 1]), p=3), ValueError, r"multi_margin_loss: argument p: got 3, expected 1 or 2"),
    "module's p": (lambda: nn.MultiMarginLoss(p=0), ValueError, r"MultiMarginLoss: argument p: got 0"),
    "module's weight": (lambda: nn.MultiMarginLoss(weight=M), ShapeError, r"MultiMarginLoss: argument weight: got shape \(2, 3\)"),
    "weight": (lambda: F.multi_margin_loss(M, mg.tensor([0, 1]), weight=mg.ones(2)), ShapeError, r"multi_margin_loss: argument weight: got shape \(2,\), expected one number per class, \(3,\)"),
    "class": (lambda: F.multi_margin_loss(M, mg.tensor([0, 3])), LabelError, r"argument target: got class 3 at index \[1\], expected 0 to 2 \(the input has 3 classes\).$"),
    "class below 0": (lambda: F.multi_margin_loss(V, mg.tensor(-1)), LabelError, r"got class -1 at index \[\], expected 0 to 2"),
    "classes": (lambda: F.multilabel_margin_loss(V, mg.tensor([0, -2, 1])), LabelError, r"got class -2 at index \[1\], expected 0 to 2 .*, or -1 behind the last"),
    "classes' type": (lambda: F.multi_margin_loss(M, mg.ones(2)), DTypeError, r"argument target: got dtype float32, expected int64 classes. Write target.long\(\)"),
    "classes' shape": (lambda: F.multilabel_margin_loss(M, mg.tensor([0, 1])), ShapeError, r"argument target: got shape \(2,\) for input \(2, 3\), expected shape \(2, 3\)"),
    "scores": (lambda: F.multi_margin_loss(mg.zeros(2, 3, 4), mg.zeros(2, 3, dtype=mg.int64)), ShapeError, r"expected shape \(2, 3\) for scores \(N, C\) or \(C,\)"),
    "a scalar": (lambda: F.multilabel_soft_margin_loss(mg.tensor(1.0), mg.tensor(1)), ShapeError, r"argument input: got a scalar, expected logits"),
    "targets' shape": (lambda: F.multilabel_soft_margin_loss(M, V), ShapeError, r"multilabel_soft_margin_loss: argument target: got shape \(3,\)"),
    "targets' type": (lambda: F.poisson_nll_loss(V, V.double()), DTypeError, r"poisson_nll_loss: argument target: got dtype float64, expected the input's dtype float32"),
    "targets' NaN": (lambda: F.poisson_nll_loss(V, mg.tensor([1.0, math.nan, 2.0])), LabelError, r"poisson_nll_loss: argument target: got nan at index \[1\]"),
    "no floats": (lambda: F.hinge_embedding_loss(mg.tensor([1]), mg.tensor([1])), DTypeError, r"hinge_embedding_loss: argument input: got dtype int64, expected floats. Write input.float\(\)"),
    "no tensor": (lambda: F.margin_ranking_loss(V, V, [1, 1, 1]), DTypeError, r"margin_ranking_loss: argument target: got a list, expected a tensor. Wrap it"),
    "a distribution": (lambda: F.kl_divergence(mg.tensor(0.5), mg.tensor(0.5)), ShapeError, r"kl_divergence: argument input: got a scalar, expected probabilities"),
    "rates": (lambda: F.poisson_nll_loss(mg.tensor([1.0, -2.0]), V[:2], log_input=False), ValueError, r"argument input: got -2.0 at index \[1\], expected rates of at least 0. .*log_input=True"),
    "variances": (lambda: F.gaussian_nll_loss(V, V, mg.tensor([1.0, -1.0, 1.0])), ValueError, r"argument var: got -1.0 at index \[1\], expected variances of at least 0. .*exp\(\)"),
    "variances' shape": (lambda: F.gaussian_nll_loss(M, M, mg.ones(4)), ShapeError, r"argument var: got shape \(4,\), expected a shape that broadcasts to the input's \(2, 3\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_errors_name_the_argument_and_the_remedy(name):
    call, kind, text = REFUSED[name]
    with pytest.raises(kind, match=text):
        call()
