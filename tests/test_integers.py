"""Integers and bools: kernels compute with them what NumPy does, in any layout."""

from itertools import product

import numpy as np
import pytest

import minigrad as mg


def layouts(rng, dtype):
    """Operands that broadcast to (3, 4, 5): contiguous, turned, stepped, and smaller."""

    def draw(*shape):
        return rng.integers(0, 2, shape).astype(bool) if dtype is bool else rng.integers(-9, 10, shape)

    return [draw(3, 4, 5), draw(5, 4, 3).T, draw(3, 4, 15)[..., ::-3], draw(4, 1), draw(5), draw()]


def same(made, expected):
    assert made.dtype == expected.dtype
    np.testing.assert_array_equal(made.numpy(), expected)


TWO = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "maximum": np.maximum, "minimum": np.minimum,
    "floor_divide": np.floor_divide, "remainder": np.remainder, "eq": np.equal, "ne": np.not_equal, "lt": np.less,
    "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "logical_and": np.logical_and,
    "logical_or": np.logical_or, "logical_xor": np.logical_xor,
}  # fmt: skip


@pytest.mark.parametrize("name", TWO)
def test_two_integers(name, backend):
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        for x, y in product(layouts(rng, int), repeat=2):
            same(getattr(mg, name)(mg.tensor(x), mg.tensor(y)), TWO[name](x, y))


@pytest.mark.parametrize("name", [name for name in TWO if name not in ("sub", "floor_divide", "remainder")])
def test_two_bools(name, backend):
    rng = np.random.default_rng(1)
    for x, y in product(layouts(rng, bool), repeat=2):
        same(getattr(mg, name)(mg.tensor(x), mg.tensor(y)), np.asarray(TWO[name](x, y)))


def test_bools_among_integers_and_numbers():
    x, h = np.array([3, 0, -2]), np.array([True, False, True])
    same(mg.tensor(x) + mg.tensor(h), x + h)
    same(1 - mg.tensor(h), 1 - h)
    same(mg.tensor(h) * 3, h * 3)
    same(mg.tensor(x) == True, x == True)  # noqa: E712
    same(mg.tensor(h) & True, h)
    same(~mg.tensor(h) | mg.tensor(x > 0), ~h | (x > 0))
    same(mg.where(mg.tensor(h), mg.tensor(x), -100), np.where(h, x, -100))
    same(mg.where(mg.tensor(h), mg.tensor(h), mg.tensor(x > 0)), np.where(h, h, x > 0))


def test_integers_count_modulo_2_to_the_64():
    least, most = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    x = mg.tensor([least, most, least, 7])
    assert (x + mg.tensor([-1, 1, 1, 1])).tolist() == [most, least, least + 1, 8]
    assert (x * -1).tolist() == [least, -most, least, -7]
    assert (x // -1).tolist() == [least, -most, least, -7]
    assert (x % -1).tolist() == (x // 0).tolist() == (x % 0).tolist() == [0] * 4
    assert abs(x).tolist() == [least, most, least, 7]
    assert x.sum().item() == least + 6
    assert (x.max().item(), x.min().item()) == (most, least)


def test_reductions(backend):
    rng = np.random.default_rng(2)
    for x in (*layouts(rng, int)[:3], *layouts(rng, bool)[:3]):
        for dim, keep in product((None, 0, 1, -1, (0, 2), (1, 2)), (False, True)):
            made = mg.tensor(x)
            same(made.sum(dim, keep), np.asarray(x.sum(axis=dim, keepdims=keep)))
            same(made.amax(dim, keep), np.asarray(x.max(axis=dim, keepdims=keep)))
            same(made.amin(dim, keep), np.asarray(x.min(axis=dim, keepdims=keep)))
            same(made.all(dim, keep), np.asarray(x.all(axis=dim, keepdims=keep)))
            same(made.any(dim, keep), np.asarray(x.any(axis=dim, keepdims=keep)))
            same(made.count_nonzero(dim, keep), np.asarray(np.count_nonzero(x, axis=dim, keepdims=keep), np.int64))


def test_reductions_of_nothing():
    x = mg.zeros(0, 3, dtype=mg.int64)
    assert x.sum(0).tolist() == [0, 0, 0]
    assert (x.all().item(), x.any().item(), (x > 0).sum().item()) == (True, False, 0)
    with pytest.raises(ValueError, match=r"^amax: argument input: got shape \(0, 3\)"):
        x.amax(0)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_floats_to_integers_and_bools(dtype):
    x = np.array([0.0, -0.0, 0.9, -0.9, 2.5, -2.5, 1e10, -3.0], dtype)
    for given in (x, np.stack([x, x]).T, x[::-2]):
        same(mg.tensor(given).long(), given.astype(np.int64))
        same(mg.tensor(given).bool(), given.astype(bool))
    strange = mg.tensor(np.array([np.nan, np.inf, -np.inf, 1e30], dtype))
    assert strange.long().tolist() == [np.iinfo(np.int64).min] * 4
    assert strange.bool().tolist() == [True] * 4


def test_moves_and_picks_and_writes():
    x = np.arange(24).reshape(2, 3, 4)
    for given in (x, x > 7):
        made = mg.tensor(given)
        same(made.permute(2, 0, 1).contiguous(), given.transpose(2, 0, 1).copy())
        same(made[:, ::-1, 1].clone(), given[:, ::-1, 1].copy())
        same(mg.cat([made, made[:, :1]], 1), np.concatenate([given, given[:, :1]], 1))
        same(mg.stack([made[0], made[1]], 2), np.stack([given[0], given[1]], 2))
        same(made[mg.tensor([1, 0, 1])], given[[1, 0, 1]])
        same(made.gather(2, mg.tensor(x % 3)), np.take_along_axis(given, x % 3, 2))
        written, expected = made.clone(), given.copy()
        written[:, 1:, ::2], expected[:, 1:, ::2] = made[:, :2, 1::2], given[:, :2, 1::2]
        written[1, 2] = expected[1, 2] = given.max()
        same(written, expected)
    counts = mg.zeros(3, dtype=mg.int64)
    counts += mg.tensor([True, False, True])
    counts[1] += 5
    assert counts.tolist() == [1, 5, 1]


def test_rounding_of_floats_is_numpys():
    x = np.array([0.5, 1.5, -0.5, -0.0, 2.5, -1.2, 1.2, 1e30, np.inf, -np.inf, np.nan], np.float32)
    for given in (x, np.stack([x, -x]).T):
        for made, function in ((mg.floor, np.floor), (mg.ceil, np.ceil), (mg.trunc, np.trunc), (mg.round, np.rint)):
            same(made(mg.tensor(given)), function(given))
            assert np.signbit(made(mg.tensor(given)).numpy()).tobytes() == np.signbit(function(given)).tobytes()
