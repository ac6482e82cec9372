"""Distances and unit vectors against numbers by hand, against PyTorch where that is installed, and by differences."""

import math

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import autograd
from minigrad.errors import AxisError, DTypeError, ShapeError
from minigrad.testing import gradcheck, gradgradcheck

INF = math.inf
TOLERANCE = {mg.float32: {"rtol": 2e-5, "atol": 2e-6}, mg.float64: {"rtol": 1e-12, "atol": 1e-13}}


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def points(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-2, 2, shape)


def wide(numbers, **keywords):
    return mg.tensor(numbers, dtype=mg.float64, **keywords)


# -- by hand -----------------------------------------------------------------------------------------------------------

A, B = [[3.0, 4.0], [0.0, 2.0]], [[0.0, 0.0], [3.0, -2.0]]
BY_HAND = {
    "cdist, p=2": (lambda: mg.cdist(wide(A), wide(B)), [[5, 6], [2, 5]]),
    "cdist, p=1": (lambda: mg.cdist(wide(A), wide(B), 1), [[7, 6], [2, 7]]),
    "cdist, p=inf": (lambda: mg.cdist(wide(A), wide(B), INF), [[4, 6], [2, 4]]),
    "cdist, p=0": (lambda: mg.cdist(wide(A), wide(B), 0), [[2, 1], [1, 2]]),
    "cdist, p=0.5": (lambda: mg.cdist(wide(A), wide(B), 0.5), [[7 + 4 * math.sqrt(3), 6], [2, 7 + 4 * math.sqrt(3)]]),
    "pairwise_distance": (lambda: F.pairwise_distance(wide(A), wide(B), eps=0.0), [5, 5]),
    "pairwise_distance, kept": (lambda: F.pairwise_distance(wide(A), wide(B), eps=0.0, keepdim=True), [[5], [5]]),
    "cosine_similarity": (lambda: F.cosine_similarity(wide(A), wide([[4.0, 3.0], [1.0, -1.0]])), [0.96, -math.sqrt(0.5)]),
    "cosine_similarity with 0": (lambda: F.cosine_similarity(wide(A), wide(B)), [0, -4 / (2 * math.sqrt(13))]),
    "normalize": (lambda: F.normalize(wide(A)), [[0.6, 0.8], [0, 1]]),
    "normalize, p=1, dim=0": (lambda: F.normalize(wide(A), 1.0, 0), [[1, 2 / 3], [0, 1 / 3]]),
    "normalize 0": (lambda: F.normalize(wide(B)), [[0, 0], [3 / math.sqrt(13), -2 / math.sqrt(13)]]),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_numbers_by_hand(name, backend):
    call, wanted = BY_HAND[name]
    np.testing.assert_allclose(call().numpy(), np.array(wanted, float), rtol=1e-15, atol=1e-15)


# -- PyTorch ------------------------------------------------------------------------------------------------------------

CALLS = {
    "cdist": [({"p": p}, ((4, 3), (5, 3))) for p in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, INF)]
    + [({"compute_mode": f"{how}use_mm_for_euclid_dist"}, ((2, 1, 4, 3), (3, 30, 3))) for how in ("", "donot_")]
    + [({}, ((0, 3), (5, 3))), ({}, ((4, 0), (5, 0)))],
    "pairwise_distance": [({"p": p, "keepdim": k}, ((4, 3), (4, 3))) for p in (0.5, 1.0, 2.0, 3.0, INF) for k in (False, True)]
    + [({"eps": 0.1}, ((4, 3), (3,))), ({}, ((3,), (3,)))],
    "cosine_similarity": [({}, ((4, 3), (4, 3))), ({"dim": -1}, ((4, 1, 3), (2, 3))), ({"dim": 0, "eps": 3.0}, ((5,), (5,)))],
    "normalize": [({"p": p, "dim": d}, ((4, 3),)) for p in (0.5, 1.0, 2.0, INF) for d in (0, 1)]
    + [({"eps": 3.0}, ((4, 3),)), ({"dim": (0, 2)}, ((2, 3, 4),))],
}  # fmt: skip


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
@pytest.mark.parametrize(("name", "keywords", "shapes"), [(n, *case) for n, cases in CALLS.items() for case in cases])
def test_values_and_gradients_are_pytorchs(torch, name, keywords, shapes, dtype):
    arrays = [points(*s, seed=i).astype(dtype) for i, s in enumerate(shapes)]
    mine = [mg.tensor(x, requires_grad=True) for x in arrays]
    theirs = [torch.tensor(x, requires_grad=True) for x in arrays]
    out = getattr(F, name)(*mine, **keywords)
    wanted = (torch.cdist if name == "cdist" else getattr(torch.nn.functional, name))(*theirs, **keywords)
    assert out.dtype == dtype
    np.testing.assert_allclose(out.detach().numpy(), wanted.detach().numpy(), **TOLERANCE[dtype])
    if keywords.get("p") == 0:
        assert not out.requires_grad  # a count has no slope
        return
    weights = points(*out.shape, seed=9).astype(dtype)
    (out * mg.tensor(weights)).sum().backward()
    (wanted * torch.tensor(weights)).sum().backward()
    for x, twin in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(x.grad.numpy(), twin.grad.numpy(), **TOLERANCE[dtype])


@pytest.mark.parametrize("p", [0.5, 1.0, 1.5, 2.0, 3.0])
def test_the_slope_where_points_share_coordinates_is_pytorchs(torch, p):
    x, y = np.array([[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]), np.array([[0.0, 1.0, 2.0], [0.0, 2.0, 2.0]])
    mine, theirs = wide(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    mg.cdist(mine, wide(y), p).sum().backward()
    torch.cdist(theirs, torch.tensor(y), p).sum().backward()
    np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), rtol=1e-14)


# -- derivatives ----------------------------------------------------------------------------------------------------------

MODES = ["use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"]


@pytest.mark.parametrize(("p", "mode"), [(1.0, MODES[1]), (1.5, MODES[1]), (2.0, MODES[0]), (2.0, MODES[1])])
def test_points_that_coincide_are_at_distance_0_with_slope_0(p, mode):
    x = wide(points(6, 3) + 1000.0, requires_grad=True)
    d = mg.cdist(x, x, p, mode)
    assert d.detach().numpy().diagonal().tolist() == [0.0] * 6
    (g,) = autograd.grad(d.sum(), x, create_graph=True)
    plain = x.detach().numpy()
    between = plain[:, None] - plain
    size = np.sum(np.abs(between) ** p, -1) ** (1 / p) + np.eye(6)
    slopes = np.sign(between) * (np.abs(between) / size[..., None]) ** (p - 1)
    np.testing.assert_allclose(g.detach().numpy(), 2 * slopes.sum(1), rtol=1e-9)
    (g * g).sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize("shapes", [((4, 3), (5, 3)), ((2, 1, 3, 2), (2, 4, 2))])
def test_derivatives_of_distances(shapes):
    given = [wide(points(*s, seed=i), requires_grad=True) for i, s in enumerate(shapes)]
    assert gradcheck(mg.cdist, given, rtol=1e-6)
    assert gradgradcheck(mg.cdist, given, rtol=1e-5)


@pytest.mark.parametrize("name", ["cosine_similarity", "pairwise_distance"])
def test_derivatives_of_pairs(name):
    given = [wide(points(3, 4, seed=i), requires_grad=True) for i in (0, 1)]
    assert gradcheck(getattr(F, name), given, rtol=1e-6)
    assert gradgradcheck(getattr(F, name), given, rtol=1e-5)


def test_short_vectors_have_the_slopes_of_the_bound():
    """Below eps a length counts as eps, but its slope as its own: for (0, eps/2) against (1, 0) that is 1 / eps."""
    x = wide([0.0, 0.5], requires_grad=True)
    F.cosine_similarity(x, wide([1.0, 0.0]), 0, 1.0).backward()
    assert x.grad.tolist() == [1.0, 0.0]


# -- exactness and memory ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
def test_near_points_far_from_the_origin_keep_their_digits(dtype):
    """Clusters 1e-3 wide and 10 apart, far from the origin: a^2 + b^2 - 2ab would have no digits left for the near."""
    rng = np.random.default_rng(0)
    x = (rng.integers(0, 2, (60, 1)) * 10.0 + rng.uniform(0, 1e-3, (60, 8)) + 500.0).astype(dtype)
    wanted = np.linalg.norm(x[:, None].astype(np.float64) - x.astype(np.float64), axis=-1)
    found = mg.cdist(mg.tensor(x), mg.tensor(x)).numpy()
    np.testing.assert_allclose(found, wanted, rtol=4 * np.finfo(dtype).eps)


def test_distances_are_captured_with_the_bits_of_eager_ones():
    x, y = (mg.tensor(points(*s), dtype=mg.float32) for s in ((130, 65), (70, 65)))
    square = mg.functional.grad(lambda a, b: (mg.cdist(a, b) ** 2).sum(), argnums=(0, 1))
    for eager, captured in zip(square(x, y), mg.jit(square)(x, y), strict=True):
        assert eager.tolist() == captured.tolist()
    np.testing.assert_allclose(square(x, y)[1].numpy(), 2 * (130 * y - x.sum(0)).numpy(), rtol=1e-3, atol=1e-3)


def test_types_are_promoted_and_layouts_followed():
    x, y = points(3, 4), points(5, 4, seed=1)
    d = mg.cdist(mg.tensor(x.T.astype(np.float32)).T, wide(y))
    assert d.dtype == mg.float64
    np.testing.assert_allclose(d.numpy(), np.linalg.norm(x[:, None].astype(np.float32) - y, axis=-1), rtol=1e-14)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_not_finite_stays_in_its_row(mode):
    x = wide([[0.0, 0.0], [math.nan, 1.0], [3.0, 4.0], [INF, 0.0]])
    d = mg.cdist(x, x, 2.0, mode).numpy()
    assert d[0, 2] == d[2, 0] == 5.0
    assert np.isnan(d[1]).all()
    assert not np.isfinite(d[3]).any()


# -- errors --------------------------------------------------------------------------------------------------------------------

REFUSED = {
    "no rows": (lambda: mg.cdist(mg.zeros(3), mg.zeros(2, 3)), ShapeError, r"cdist: argument x1: got shape \(3,\), expected points as rows.*x1.unsqueeze\(0\)"),
    "coordinates": (lambda: mg.cdist(mg.zeros(4, 3), mg.zeros(4, 2)), ShapeError, r"cdist: argument x2: got shape \(4, 2\), expected points with 3 coordinates, as those of x1 \(4, 3\)"),
    "batches": (lambda: mg.cdist(mg.zeros(2, 4, 3), mg.zeros(3, 4, 3)), ShapeError, r"cdist: got shapes \(2,\) and \(3,\)"),
    "p": (lambda: mg.cdist(mg.zeros(4, 3), mg.zeros(4, 3), -1), ValueError, r"cdist: argument p: got -1, expected a number of at least 0"),
    "mode": (lambda: mg.cdist(mg.zeros(4, 3), mg.zeros(4, 3), compute_mode="fast"), ValueError, r"compute_mode: got 'fast', expected 'use_mm"),
    "ints": (lambda: mg.cdist(mg.tensor([[1]]), mg.zeros(4, 1)), DTypeError, r"cdist: argument x1: got dtype int64, expected floats. Write x1.float\(\)"),
    "an array": (lambda: F.normalize(np.zeros((2, 2))), DTypeError, r"normalize: argument input: got a ndarray, expected a tensor. Wrap it"),
    "dim": (lambda: F.normalize(mg.zeros(3)), AxisError, r"normalize: argument dim: got 1"),
    "sizes": (lambda: F.cosine_similarity(mg.zeros(2, 3), mg.zeros(2, 4)), ShapeError, r"cosine_similarity: got shapes \(2, 3\) and \(2, 4\), expected shapes that broadcast. They clash in dimension -1: 3 and 4"),
    "cosine's dim": (lambda: F.cosine_similarity(mg.zeros(3), mg.zeros(3)), AxisError, r"cosine_similarity: argument dim: got 1"),
    "pairs": (lambda: F.pairwise_distance(mg.zeros(2, 3), mg.zeros(3, 3)), ShapeError, r"pairwise_distance: got shapes \(2, 3\) and \(3, 3\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_errors_name_the_argument_and_the_remedy(name):
    call, kind, text = REFUSED[name]
    with pytest.raises(kind, match=text):
        call()
