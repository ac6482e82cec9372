"""NumPy's functions on tensors: np.exp(t), np.sum(t, axis=0) and so on give tensors, with NumPy's values and a history."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad import _numpy
from minigrad._op import surface
from minigrad.errors import AxisError, DTypeError, GradError, ShapeError
from minigrad.testing import gradcheck

#: No two are alike, none is at a kink of a function below.
ARRAYS = {
    "a": np.array([[0.31, 0.87, 0.52], [0.14, 0.69, 0.93]]),
    "b": np.array([[0.75, 0.22, 0.44], [0.58, 0.11, 0.36]]),
    "v": np.array([0.83, 0.27, 0.61]),
    "s": np.array([[2.0, 0.3, 0.1], [0.3, 1.5, 0.2], [0.1, 0.2, 1.1]]),
    "c": np.arange(24.0).reshape(2, 3, 4) / 25 + 0.01,
    "k": np.array([3, 1, 0, 2, 1]),
    "p": np.array([[True, False, True], [False, False, True]]),
    "n": np.array([[np.nan, 1.0, -np.inf], [2.0, np.inf, np.nan]]),
}
FLOATS = "abvsc"

UNARY = ["absolute", "arccos", "arcsin", "arcsinh", "arctan", "arctanh", "ceil", "conjugate", "cos", "cosh", "deg2rad", "degrees", "exp", "exp2", "expm1", "fabs", "fix", "floor", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "log", "log10", "log1p", "log2", "logical_not", "negative", "positive", "rad2deg", "radians", "reciprocal", "rint", "sign", "signbit", "sin", "sinc", "sinh", "sqrt", "square", "tan", "tanh", "trunc"]
BINARY = ["add", "arctan2", "copysign", "divide", "equal", "float_power", "floor_divide", "fmax", "fmin", "fmod", "greater", "greater_equal", "heaviside", "hypot", "less", "less_equal", "logaddexp", "logaddexp2", "maximum", "minimum", "multiply", "not_equal", "power", "remainder", "subtract"]



def of_one(function, x):
    return lambda given: function(getattr(given, x))


def of_two(function, x, y):
    """The second is an array of NumPy."""
    return lambda given: function(getattr(given, x), ARRAYS[y])


#: What each function is tried on: x holds the arrays above, or tensors of the same numbers.
CASES = {
    **{f"np.{name}": [of_one(getattr(np, name), "a"), of_one(getattr(np, name), "n")] for name in UNARY},
    **{f"np.{name}": [of_two(getattr(np, name), "a", "b"), of_two(getattr(np, name), "v", "a")] for name in BINARY},
    "np.arccosh": [lambda x: np.arccosh(x.a + 1.5)],
    "np.logical_and": [lambda x: np.logical_and(x.p, x.p[::-1])],
    "np.logical_or": [lambda x: np.logical_or(x.p, x.p[::-1])],
    "np.logical_xor": [lambda x: np.logical_xor(x.p, ARRAYS["p"][::-1])],
    "np.bitwise_and": [lambda x: np.bitwise_and(x.k, 1), lambda x: ARRAYS["k"] & x.k],
    "np.bitwise_or": [lambda x: np.bitwise_or(x.p, x.p[::-1])],
    "np.bitwise_xor": [lambda x: np.bitwise_xor(x.k, 5)],
    "np.invert": [lambda x: np.invert(x.p), lambda x: np.bitwise_not(x.k)],
    "np.matmul": [lambda x: np.matmul(x.a, x.v), lambda x: np.matmul(ARRAYS["s"], x.c), lambda x: [[1.0, 2.0]] @ x.a],
    "np.vecdot": [lambda x: np.vecdot(x.a, x.b)],
    # reductions
    "np.all": [lambda x: np.all(x.p), lambda x: np.all(x.p, axis=1), lambda x: np.all(x.p, 0, None, True)],
    "np.any": [lambda x: np.any(x.p), lambda x: np.any(x.p, axis=1, keepdims=True)],
    "np.amax": [lambda x: np.amax(x.a), lambda x: np.amax(x.a, axis=(0, 1))],
    "np.amin": [lambda x: np.amin(x.a, 1), lambda x: np.amin(x.a, axis=-1, keepdims=True)],
    "np.max": [lambda x: np.max(x.a), lambda x: np.max(x.a, 0), lambda x: np.max(x.c, axis=(0, 2), keepdims=True)],
    "np.min": [lambda x: np.min(x.a), lambda x: np.min(x.a, axis=0), lambda x: np.min(a=x.a, axis=1)],
    "np.argmax": [lambda x: np.argmax(x.a), lambda x: np.argmax(x.a, axis=1), lambda x: np.argmax(x.a, 0, keepdims=True)],
    "np.argmin": [lambda x: np.argmin(x.a), lambda x: np.argmin(x.a, 1, None)],
    "np.count_nonzero": [lambda x: np.count_nonzero(x.k), lambda x: np.count_nonzero(x.p, axis=0)],
    "np.append": [lambda x: np.append(x.a, x.v), lambda x: np.append(x.a, [[1.0, 2.0, 3.0]], axis=0), lambda x: np.append(x.v, 0.5)],
    "np.average": [
        lambda x: np.average(x.a), lambda x: np.average(x.a, weights=ARRAYS["b"]), lambda x: np.average(x.a, 1, x.v),
        lambda x: np.average(x.a, axis=0, weights=[1, 3], keepdims=True), lambda x: np.average(x.k),
    ],
    "np.mean": [
        lambda x: np.mean(x.a), lambda x: np.mean(x.a, axis=0), lambda x: np.mean(x.a, 1, None, None, True),
        lambda x: np.mean(x.k, dtype=np.float32), lambda x: np.mean(x.c, (0, 2)), lambda x: np.mean(x.a, where=True),
        lambda x: np.mean(x.p), lambda x: np.mean(x.k == 1), lambda x: np.mean(x.k, 0), lambda x: np.mean(x.k, dtype=np.float32),
    ],
    "np.pad": [
        lambda x: np.pad(x.a, 1), lambda x: np.pad(x.v, (2, 1), mode="constant", constant_values=0.5),
        lambda x: np.pad(x.a, ((0, 1), (2, 0))), lambda x: np.pad(x.v, 1, "edge"), lambda x: np.pad(x.v, 2, "reflect"), lambda x: np.pad(x.v, 1, "wrap"),
    ],
    "np.percentile": [lambda x: np.percentile(x.a, 30), lambda x: np.percentile(x.n, [0, 25.0], axis=1)],
    "np.polyval": [lambda x: np.polyval(x.v, x.a), lambda x: np.polyval([1.0, -2.0, 0.5], x.a), lambda x: np.polyval(x.v, 1.5)],
    "np.ptp": [lambda x: np.ptp(x.a), lambda x: np.ptp(x.c, axis=1)],
    "np.corrcoef": [lambda x: np.corrcoef(x.a)], "np.cov": [lambda x: np.cov(x.a), lambda x: np.cov(x.v)],
    "np.quantile": [
        lambda x: np.quantile(x.a, 0.4), lambda x: np.quantile(x.c, 0.75, 2, keepdims=True), lambda x: np.quantile(x.v, [0.0, 0.5, 1.0]),
        lambda x: np.quantile(x.a, 0.1, keepdims=True), lambda x: np.quantile(x.k, 0.3),
    ],
    "np.real": [lambda x: np.real(x.a)],
    "np.trapezoid": [lambda x: np.trapezoid(x.a), lambda x: np.trapezoid(x.a, x.v), lambda x: np.trapezoid(x.c, dx=0.5, axis=1), lambda x: np.trapezoid(x.a, x.b, axis=0)],
    "np.median": [
        lambda x: np.median(x.a), lambda x: np.median(x.a, axis=0), lambda x: np.median(x.c, 1, keepdims=True),
        lambda x: np.median(x.n, 1), lambda x: np.median(x.a, keepdims=True), lambda x: np.median(x.v),
        lambda x: np.median(x.k),
    ],
    "np.nanmean": [lambda x: np.nanmean(x.n[:, :2], axis=1)],
    "np.nansum": [lambda x: np.nansum(x.n[:, :2]), lambda x: np.nansum(x.a, axis=1)],
    "np.prod": [lambda x: np.prod(x.a), lambda x: np.prod(x.a, axis=1, keepdims=True)],
    "np.std": [
        lambda x: np.std(x.a), lambda x: np.std(x.a, 0), lambda x: np.std(x.a, axis=1, ddof=1), lambda x: np.std(x.c, (0, 1)),
        lambda x: np.std(x.a, 1, None, None, 1, keepdims=True),
        lambda x: np.std(x.k),
    ],
    "np.sum": [
        lambda x: np.sum(x.a), lambda x: np.sum(x.a, axis=0), lambda x: np.sum(x.a, 1, None, None, True), lambda x: np.sum(x.p),
        lambda x: np.sum(x.a, axis=(0, 1), keepdims=True), lambda x: np.sum(x.a, out=None), lambda x: np.sum(x.k, dtype=np.float64),
    ],
    "np.var": [lambda x: np.var(x.a), lambda x: np.var(x.a, axis=1, ddof=1), lambda x: np.var(x.c, 2, keepdims=True)],
    # along an axis
    "np.cumsum": [lambda x: np.cumsum(x.a), lambda x: np.cumsum(x.a, 1), lambda x: np.cumsum(x.c, axis=-1)],
    "np.cumprod": [lambda x: np.cumprod(x.a), lambda x: np.cumprod(x.a, axis=0)],
    "np.diff": [lambda x: np.diff(x.a), lambda x: np.diff(x.a, 1, 0), lambda x: np.diff(x.v, 2), lambda x: np.diff(x.v, prepend=ARRAYS["v"])],
    "np.sort": [lambda x: np.sort(x.a), lambda x: np.sort(x.a, axis=0, kind="stable"), lambda x: np.sort(x.n, 1)],
    "np.argsort": [lambda x: np.argsort(x.a), lambda x: np.argsort(x.a, 0, "stable")],
    "np.searchsorted": [lambda x: np.searchsorted(x.v[[1, 2, 0]], x.b), lambda x: np.searchsorted(np.arange(3), x.k, side="right")],
    "np.take": [
        lambda x: np.take(x.a, [4, 0]), lambda x: np.take(x.a, ARRAYS["k"][1:3], axis=1), lambda x: np.take(x.a, x.k[1:3], -1),
        lambda x: np.take(x.c, [[0, 1], [2, 0]], 1),
    ],
    "np.take_along_axis": [
        lambda x: np.take_along_axis(x.a, np.argsort(x.a, 1), axis=1), lambda x: np.take_along_axis(x.a, np.array([[1], [0]]), 1),
    ],
    "np.unique": [
        lambda x: np.unique(x.k), lambda x: np.unique(x.k, return_counts=True), lambda x: np.unique(x.k, return_inverse=True),
    ],
    "np.bincount": [lambda x: np.bincount(x.k), lambda x: np.bincount(x.k, x.k * 2.0, 6), lambda x: np.bincount(x.k, minlength=9)],
    "np.nonzero": [lambda x: np.nonzero(x.k), lambda x: np.nonzero(x.p)],
    "np.argwhere": [lambda x: np.argwhere(x.p)],
    "np.where": [
        lambda x: np.where(x.p, x.a, x.b), lambda x: np.where(ARRAYS["p"], x.a, 0.0), lambda x: np.where(x.a > 0.5, 1.0, x.v),
        lambda x: np.where(x.p),
    ],
    "np.isin": [lambda x: np.isin(x.k, [1, 3]), lambda x: np.isin(x.k, x.k[:2], invert=True)],
    # shapes
    "np.array_split": [lambda x: np.array_split(x.c, 3, axis=2), lambda x: np.array_split(x.v, 2)],
    "np.astype": [lambda x: np.astype(x.a, np.int64)],
    "np.atleast_1d": [lambda x: np.atleast_1d(x.v[0])],
    "np.atleast_2d": [lambda x: np.atleast_2d(x.v), lambda x: np.atleast_2d(x.v, ARRAYS["a"], 3.0)],
    "np.atleast_3d": [lambda x: np.atleast_3d(x.a)],
    "np.broadcast_to": [lambda x: np.broadcast_to(x.v, (2, 3)), lambda x: np.broadcast_to(x.v, shape=(4, 3))],
    "np.column_stack": [lambda x: np.column_stack([x.v, ARRAYS["v"]])],
    "np.concatenate": [
        lambda x: np.concatenate([x.a, x.b]), lambda x: np.concatenate((x.a, ARRAYS["b"]), axis=1), lambda x: np.concatenate([x.a, x.b], -1),
    ],
    "np.copy": [lambda x: np.copy(x.a), lambda x: np.copy(x.a, order="K")],
    "np.diag": [lambda x: np.diag(x.v), lambda x: np.diag(x.s, 1), lambda x: np.diag(x.s, k=-1)],
    "np.diagonal": [lambda x: np.diagonal(x.s), lambda x: np.diagonal(x.c, axis1=1, axis2=2), lambda x: np.diagonal(x.c, 1, 0, 2)],
    "np.dstack": [lambda x: np.dstack([x.a, x.b])],
    "np.expand_dims": [lambda x: np.expand_dims(x.a, 1), lambda x: np.expand_dims(x.a, axis=-1)],
    "np.flip": [lambda x: np.flip(x.a), lambda x: np.flip(x.a, 0), lambda x: np.flip(x.c, axis=(0, 2))],
    "np.fliplr": [lambda x: np.fliplr(x.a)],
    "np.flipud": [lambda x: np.flipud(x.a)],
    "np.hstack": [lambda x: np.hstack([x.a, x.b]), lambda x: np.hstack((x.v, x.v))],
    "np.meshgrid": [
        lambda x: np.meshgrid(x.v, ARRAYS["v"][:2]), lambda x: np.meshgrid(x.v, x.k, indexing="ij"), lambda x: np.meshgrid(x.v, x.v, copy=True),
    ],
    "np.moveaxis": [lambda x: np.moveaxis(x.c, 0, -1), lambda x: np.moveaxis(x.c, [0, 1], [-1, -2])],
    "np.ravel": [lambda x: np.ravel(x.a), lambda x: np.ravel(x.a, order="C")],
    "np.repeat": [lambda x: np.repeat(x.a, 2), lambda x: np.repeat(x.a, 2, axis=1), lambda x: np.repeat(x.a, [1, 2], 0)],
    "np.reshape": [lambda x: np.reshape(x.a, (3, 2)), lambda x: np.reshape(x.a, -1), lambda x: np.reshape(x.c, (2, -1), order="C")],
    "np.roll": [lambda x: np.roll(x.a, 2), lambda x: np.roll(x.a, 1, axis=1), lambda x: np.roll(x.a, shift=(1, 2), axis=(0, 1))],
    "np.rot90": [lambda x: np.rot90(x.a), lambda x: np.rot90(x.c, 3, axes=(1, 2))],
    "np.split": [lambda x: np.split(x.v, 3), lambda x: np.split(x.c, 2, axis=2), lambda x: np.split(x.c, [1, 3], 2)],
    "np.squeeze": [lambda x: np.squeeze(x.a[:, None]), lambda x: np.squeeze(x.a[:1], axis=0)],
    "np.stack": [lambda x: np.stack([x.a, x.b]), lambda x: np.stack((x.a, ARRAYS["b"]), axis=-1), lambda x: np.stack([x.a, x.b], 1)],
    "np.swapaxes": [lambda x: np.swapaxes(x.c, 0, 2), lambda x: np.swapaxes(x.c, axis1=1, axis2=-1)],
    "np.tile": [lambda x: np.tile(x.a, 2), lambda x: np.tile(x.a, reps=(2, 1))],
    "np.transpose": [lambda x: np.transpose(x.a), lambda x: np.transpose(x.c, (1, 2, 0)), lambda x: np.transpose(x.c, axes=[2, 0, 1])],
    "np.tril": [lambda x: np.tril(x.s), lambda x: np.tril(x.s, k=-1)],
    "np.triu": [lambda x: np.triu(x.s, 1)],
    "np.unstack": [lambda x: np.unstack(x.a), lambda x: np.unstack(x.a, axis=1)],
    "np.vstack": [lambda x: np.vstack([x.a, x.v])],
    "np.empty_like": [lambda x: np.zeros_like(np.empty_like(x.a)), lambda x: np.zeros_like(np.empty_like(x.a, dtype=bool))],
    "np.full_like": [lambda x: np.full_like(x.a, 7.0), lambda x: np.full_like(x.a, 7, dtype=np.int64)],
    "np.ones_like": [lambda x: np.ones_like(x.a), lambda x: np.ones_like(x.a, dtype=bool)],
    "np.zeros_like": [lambda x: np.zeros_like(x.k), lambda x: np.zeros_like(x.a, np.float32)],
    # numbers
    "np.allclose": [lambda x: np.allclose(x.a, x.a + 1e-9), lambda x: np.allclose(x.a, x.b, atol=1.0), lambda x: np.allclose(x.a, 0.1)],
    "np.array_equal": [lambda x: np.array_equal(x.a, x.b), lambda x: np.array_equal(x.a, ARRAYS["a"]), lambda x: np.array_equal(x.a, x.v)],
    "np.isclose": [lambda x: np.isclose(x.a, x.b, 0.5), lambda x: np.isclose(x.n, x.n, equal_nan=True), lambda x: np.isclose(x.a, 0.31)],
    "np.clip": [
        lambda x: np.clip(x.a, 0.3, 0.6), lambda x: np.clip(x.a, x.b, None), lambda x: np.clip(x.a, a_min=None, a_max=0.6),
        lambda x: np.clip(x.a, 0.4, x.v),
    ],
    "np.nan_to_num": [
        lambda x: np.nan_to_num(x.n), lambda x: np.nan_to_num(x.n, True, 5.0), lambda x: np.nan_to_num(x.n, nan=1.0, posinf=2.0, neginf=3.0),
    ],
    "np.around": [lambda x: np.around(x.a, 1)],
    "np.round": [lambda x: np.round(x.a), lambda x: np.round(x.a, decimals=1)],
    # products
    "np.cross": [lambda x: np.cross(x.a, x.b), lambda x: np.cross(x.a, x.v), lambda x: np.cross(x.s, x.s.T, axis=0)],
    "np.dot": [
        lambda x: np.dot(x.v, x.v), lambda x: np.dot(x.a, x.v), lambda x: np.dot(x.a, x.s), lambda x: np.dot(x.a, 2.0),
        lambda x: np.dot(x.a, x.c), lambda x: np.dot([1.0, 2.0], x.a), lambda x: np.dot([x.v[0], x.v[1]], x.a), lambda x: np.dot(x.c, x.c[0, 0]),
    ],
    "np.einsum": [lambda x: np.einsum("ij,j->i", x.a, x.v), lambda x: np.einsum("ij,kj", x.a, ARRAYS["s"], optimize=True)],
    "np.inner": [lambda x: np.inner(x.v, x.v), lambda x: np.inner(x.a, x.b), lambda x: np.inner(x.a, 3.0)],
    "np.kron": [lambda x: np.kron(x.a, x.v), lambda x: np.kron(ARRAYS["v"], x.a)],
    "np.outer": [lambda x: np.outer(x.v, x.a), lambda x: np.outer([1.0, 2.0], x.v)],
    "np.tensordot": [
        lambda x: np.tensordot(x.a, x.s, 1), lambda x: np.tensordot(x.a, x.b), lambda x: np.tensordot(x.c, x.a, axes=([0, 1], [0, 1])),
    ],
    "np.trace": [lambda x: np.trace(x.s), lambda x: np.trace(x.a, 1), lambda x: np.trace(x.c, axis1=1, axis2=2)],
    "np.vdot": [lambda x: np.vdot(x.a, x.b), lambda x: np.vdot(x.v, ARRAYS["v"])],
    "np.linalg.cholesky": [lambda x: np.linalg.cholesky(x.s)],
    "np.linalg.cross": [lambda x: np.linalg.cross(x.a, x.b)],
    "np.linalg.det": [lambda x: np.linalg.det(x.s)],
    "np.linalg.inv": [lambda x: np.linalg.inv(x.s)],
    "np.linalg.matmul": [lambda x: np.linalg.matmul(x.a, x.s)],
    "np.linalg.matrix_norm": [lambda x: np.linalg.matrix_norm(x.s), lambda x: np.linalg.matrix_norm(x.c, ord=1, keepdims=True)],
    "np.linalg.matrix_power": [lambda x: np.linalg.matrix_power(x.s, 3)],
    "np.linalg.multi_dot": [lambda x: np.linalg.multi_dot([x.a, x.s, x.v])],
    "np.linalg.norm": [
        lambda x: np.linalg.norm(x.a), lambda x: np.linalg.norm(x.a, axis=1), lambda x: np.linalg.norm(x.a, 1, (0, 1)), lambda x: np.linalg.norm(x.v, 3),
    ],
    "np.linalg.slogdet": [lambda x: np.linalg.slogdet(x.s)],
    "np.linalg.solve": [lambda x: np.linalg.solve(x.s, x.v), lambda x: np.linalg.solve(ARRAYS["s"], x.s)],
    "np.linalg.vecdot": [lambda x: np.linalg.vecdot(x.a, x.b, axis=0)],
    "np.linalg.vector_norm": [lambda x: np.linalg.vector_norm(x.a), lambda x: np.linalg.vector_norm(x.a, axis=1, ord=1)],
}  # fmt: skip
if np.lib.NumpyVersion(np.__version__) >= "2.1.0":
    CASES["np.clip"].append(lambda x: np.clip(x.a, min=0.4, max=0.8))
#: Some are younger than the oldest NumPy that minigrad takes.
PRESENT = {name for name in CASES if hasattr(np.linalg if "linalg" in name else np, name.rpartition(".")[2])}


def known():
    """The functions of NumPy that a tensor answers."""
    for space, module in (("minigrad", np), ("linalg", np.linalg)):
        for function in vars(module).values():
            name = getattr(function, "__name__", "")
            if isinstance(function, np.ufunc):
                ours = _numpy._UFUNCS.get(name, name)
                if ours in surface["minigrad"] or ours in surface["linalg"]:
                    yield f"np.{name}"
            elif hasattr(function, "_implementation"):
                full = f"np.{name}" if module is np else f"np.linalg.{name}"
                by_name = full not in _numpy._DIFFERENT and _numpy._NAMES.get(name, name) in surface[space]
                if full in _numpy._ADAPTED or by_name:
                    yield full


def test_every_function_that_is_found_is_compared():
    """A function of the same name may mean something else: none may slip in unseen."""
    found = set(known())
    assert found == PRESENT
    assert len(found) > 150


def arguments(make, names=ARRAYS):
    return SimpleNamespace(**{name: make(ARRAYS[name]) for name in names})


def parts(value):
    return list(value) if isinstance(value, (tuple, list)) else [value]


PAIRS = [pytest.param(case, id=f"{name}-{i}") for name in sorted(PRESENT) for i, case in enumerate(CASES[name])]


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")
@pytest.mark.parametrize("case", PAIRS)
def test_values_are_numpys(case):
    found, wanted = parts(case(arguments(mg.tensor))), parts(case(arguments(np.copy)))
    assert len(found) == len(wanted)
    for got, want in zip(found, wanted, strict=True):
        if isinstance(want, bool):
            assert got is want
            continue
        assert isinstance(got, mg.Tensor)
        assert (got.shape, got.dtype) == (np.shape(want), np.asarray(want).dtype)
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-14, atol=1e-15)


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("case", PAIRS)
def test_gradients_go_through(case):
    """By finite differences, where the result has one."""
    rest = {name: mg.tensor(ARRAYS[name]) for name in ARRAYS if name not in FLOATS}

    def floats(*given):
        out = parts(case(SimpleNamespace(**dict(zip(FLOATS, given, strict=True)), **rest)))
        return [y for y in out if isinstance(y, mg.Tensor) and y.requires_grad]

    leaves = [mg.tensor(ARRAYS[name], requires_grad=True) for name in FLOATS]
    results = floats(*leaves)
    if results:
        sum((y.double().sum() for y in results), start=mg.zeros(())).backward()
        used = [x.grad is not None for x in leaves]
        assert any(used)
        inputs = [x for x, u in zip(leaves, used, strict=True) if u]

        def function(*given):
            source = iter(given)
            return tuple(floats(*[next(source) if u else x for x, u in zip(leaves, used, strict=True)]))

        assert gradcheck(function, inputs, fast_mode=True)


# -- operators, and what is not computed -------------------------------------------------------------------------------


def test_operators_of_arrays_and_tensors_are_tensors():
    a, t = np.array([1.0, 2.0], np.float32), mg.tensor([3.0, 2.0], requires_grad=True)
    out = (a + t) * (a - t) / (a**t) @ np.ones((2,), np.float32)
    assert isinstance(out, mg.Tensor)
    assert out.dtype == mg.float32
    assert gradcheck(lambda t: (a + t) * (a - t) / (a**t), [mg.tensor([3.0, 2.0], dtype=mg.float64, requires_grad=True)])
    for compared, want in ((a == t, [False, True]), (a < t, [True, False]), (a != t, [True, False]), (a >= t, [False, True])):
        assert isinstance(compared, mg.Tensor)
        assert compared.tolist() == want


def test_a_number_of_numpy_does_not_widen():
    t = mg.ones(2, requires_grad=True)
    for out in (np.float64(2.0) * t, t * np.float64(2.0), np.multiply(2.0, t), np.add(t, np.float64(1.0)), np.int64(2) * t):
        assert out.dtype == mg.float32
        assert out.requires_grad
        assert out.tolist() == [2.0, 2.0]


def test_an_array_takes_in_the_numbers_of_a_tensor():
    a = alias = np.ones(2)
    a += mg.tensor([1.0, 2.0])
    assert a is alias
    assert a.tolist() == [2.0, 3.0]
    out = np.zeros(2, np.float32)
    assert np.multiply(mg.ones(2), 3.0, out=out, where=np.array([True, False])) is out
    assert out.tolist() == [3.0, 0.0]
    with pytest.raises(GradError, match=r"^np\.add: argument out: .*a = a \+ t for a \+= t; or take t\.detach\(\)"):
        a += mg.ones(2, requires_grad=True)
    assert a.tolist() == [2.0, 3.0]


def test_named_results_go_back_in():
    """(values, indices) of max is a tuple with names."""
    t = mg.tensor([[1.0, 2.0], [4.0, 3.0]])
    assert np.stack(t.max(1)).tolist() == [[2.0, 4.0], [1.0, 0.0]]


def test_asarray_shares_memory():
    t = mg.zeros(2, 3)
    np.asarray(t)[0, 0] = 5.0
    assert t[0, 0].item() == 5.0
    assert np.shares_memory(t, np.asarray(t))
    assert np.may_share_memory(t, t.numpy())


def test_what_only_looks_takes_tensors_with_gradient_too():
    t = mg.ones(2, 3, requires_grad=True)
    assert (np.shape(t), np.ndim(t), np.size(t), np.size(t, 1), np.isrealobj(t)) == ((2, 3), 2, 6, 3, True)
    assert np.result_type(t, np.float64) == np.float64
    assert np.array_repr(t) == np.array_repr(np.ones((2, 3), np.float32))
    assert np.shares_memory(t, t.detach())
    assert type(np.shape(t)) is tuple


def test_what_takes_the_numbers_away_refuses_a_gradient(tmp_path):
    t, leaf = mg.tensor([1.0, 2.0]), mg.ones(2, requires_grad=True)
    np.save(tmp_path / "t.npy", t)
    np.savez(tmp_path / "t.npz", t=t)
    np.savetxt(tmp_path / "t.txt", t)
    target = np.zeros(2)
    np.copyto(target, t)
    assert np.load(tmp_path / "t.npy").tolist() == np.load(tmp_path / "t.npz")["t"].tolist() == target.tolist() == [1.0, 2.0]
    counts, edges = np.histogram(t, bins=mg.tensor([0.0, 1.5, 3.0]), weights=t)
    assert (counts.tolist(), edges.tolist()) == ([1.0, 2.0], [0.0, 1.5, 3.0])
    assert [type(x) for x in np.broadcast_arrays(t, ["a", None])] == [np.ndarray, np.ndarray]
    for take in (
        lambda: np.save(tmp_path / "x.npy", leaf), lambda: np.copyto(target, leaf), lambda: np.savez(tmp_path / "x", x=leaf),
        lambda: np.histogram(leaf), lambda: np.broadcast_arrays(leaf, target),
    ):  # fmt: skip
        with pytest.raises(GradError, match=r"tensor\.detach\(\)\.numpy\(\)"):
            take()
    assert target.tolist() == [1.0, 2.0]


def test_numpys_own_assertions_take_tensors():
    t = mg.tensor([1.0, 2.0])
    np.testing.assert_array_equal(t, [1.0, 2.0])
    np.testing.assert_allclose(t, t.clone())
    np.testing.assert_array_almost_equal(t, t + 1e-9)
    np.testing.assert_array_less(t, t + 1.0)
    for check in (np.testing.assert_array_equal, np.testing.assert_allclose, np.testing.assert_array_less):
        with pytest.raises(AssertionError):
            check(t, [1.0, 1.0])


def test_functions_of_scipy_that_are_ours_too():
    special = pytest.importorskip("scipy.special")
    x = mg.tensor([0.3, 0.7], dtype=mg.float64, requires_grad=True)
    for ours, theirs in ((mg.erf, special.erf), (mg.erfc, special.erfc), (mg.logit, special.logit), (mg.sigmoid, special.expit)):
        assert theirs(x).tolist() == ours(x).tolist()
        assert theirs(x).requires_grad
    with pytest.raises(TypeError, match=r"^np\.gammaln: got a tensor"):
        special.gammaln(x)


def test_pictures_take_tensors():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    x, y = mg.linspace(0, 1, 20), mg.rand(20)
    figure, axes = pyplot.subplots(3, 3)
    axes[0, 0].plot(x, y)
    axes[0, 1].scatter(x, y, c=y)
    axes[0, 2].hist(y)
    axes[1, 0].imshow(mg.rand(5, 5))
    axes[1, 1].bar(x, y)
    axes[1, 2].fill_between(x, y, y + 1)
    axes[2, 0].stackplot(x, y, y)
    axes[2, 1].stem(x, y)
    axes[2, 2].hist2d(x, y)
    figure.canvas.draw()
    np.testing.assert_array_equal(axes[0, 0].lines[0].get_ydata(), y.numpy())
    pyplot.close(figure)


class Foreign:
    """Arrays of a third library, which knows tensors."""

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return f"foreign {ufunc.__name__}"

    def __array_function__(self, function, types, args, options):
        return f"foreign {function.__name__}"


def test_a_third_library_may_know():
    t = mg.ones(2)
    assert np.add(t, Foreign()) == np.add(Foreign(), t) == "foreign add"
    assert np.stack([t, Foreign()]) == "foreign stack"


def test_it_is_imported_at_the_first_call():
    code = (
        "import sys, numpy as np, minigrad as mg; t = mg.ones(2); t + 1.0; np.asarray(t); assert 'minigrad._numpy' not in sys.modules; "
        "np.exp(t); assert 'minigrad._numpy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


T, LEAF = mg.tensor([[1.0, 2.0], [3.0, 4.0]]), mg.ones(2, requires_grad=True)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: np.interp(T, [0, 1], [0, 1]), TypeError, r"^np\.interp: got a tensor, .*no such function.*of t\.detach\(\)\.numpy\(\)"),
        (lambda: np.percentile(T, 101), ValueError, r"^np\.percentile: argument q: got 101, expected a number from 0 to 100"),
        (lambda: np.quantile(T, 0.5, method="lower"), TypeError, r"^np\.quantile: argument method: got 'lower'"),
        (lambda: np.average(T, weights=[1.0, 2.0, 3.0]), ShapeError, r"^np\.average: argument weights: got shape \(3,\)"),
        (lambda: np.pad(T, (1, 2, 3)), ShapeError, r"^np\.pad: argument pad_width: got \(1, 2, 3\)"),
        (lambda: np.pad(T, 1, mode="mean"), ValueError, r"^np\.pad: argument mode: got 'mean', expected one of constant, edge"),
        (lambda: np.linalg.svd(T), TypeError, r"^np\.linalg\.svd: got a tensor, .*Write np\.linalg\.svd of t\.detach"),
        (lambda: np.fft.fft(T), TypeError, r"^np\.fft\.fft: got a tensor"),
        (lambda: np.select([T > 1], [T]), TypeError, r"^np\.select: got a tensor"),
        (lambda: np.cbrt(T), TypeError, r"^np\.cbrt: got a tensor, .*Write np\.cbrt of t\.detach"),
        (lambda: np.put(T, [0], [1.0]), TypeError, r"^np\.put: got a tensor"),
        (lambda: np.fill_diagonal(T, 0.0), TypeError, r"^np\.fill_diagonal: got a tensor"),
        (lambda: np.add.reduce(T), TypeError, r"^np\.add\.reduce: got a tensor.*Write np\.sum\(x, axis=0\)"),
        (lambda: np.maximum.accumulate(T), TypeError, r"^np\.maximum\.accumulate: .*x\.detach\(\)\.numpy\(\)"),
        (lambda: np.multiply.outer(T, T), TypeError, r"^np\.multiply\.outer: .*np\.outer\(x, y\)"),
        (lambda: np.add.at(T, [0], 1.0), TypeError, r"^np\.add\.at: .*index_add"),
        (lambda: np.add(T, T, out=T), TypeError, r"^np\.add: argument out: got a tensor.*out\.copy_\(np\.add"),
        (lambda: np.exp(LEAF, out=np.zeros(2)), GradError, r"^np\.exp: argument out: .*Write y = np\.exp"),
        (lambda: np.exp(T, where=np.array(True)), TypeError, r"^np\.exp: argument where: got a ndarray.*np\.where\(condition"),
        (lambda: np.add(T, T, dtype=np.float64), TypeError, r"^np\.add: argument dtype: got <class 'numpy.float64'>"),
        (lambda: np.sum(T, out=np.zeros(())), TypeError, r"^np\.sum: argument out: got a ndarray.*Write y = np\.sum\(\.\.\.\)"),
        (lambda: np.sum(T, 0, None, T), TypeError, r"^np\.sum: argument out: got a Tensor"),
        (lambda: np.sum(T, where=T > 1), TypeError, r"^np\.sum: argument where: got a Tensor.*np\.where\(condition, x, other\)"),
        (lambda: np.max(T, initial=0.0), TypeError, r"^np\.max: argument initial: got 0.0.*Combine"),
        (lambda: np.reshape(T, 4, order="F"), TypeError, r"^np\.reshape: argument order: got 'F'"),
        (lambda: np.nan_to_num(T, copy=False), TypeError, r"^np\.nan_to_num: argument copy: got False"),
        (lambda: np.take(T, 5, mode="wrap"), TypeError, r"^np\.take: argument mode: got 'wrap'"),
        (lambda: np.unique(T, True), TypeError, r"^np\.unique: argument return_index: got True"),
        (lambda: np.zeros_like(T, shape=(3,)), TypeError, r"^np\.zeros_like: argument shape: got a tuple"),
        (lambda: np.std(T, where=T > 1), TypeError, r"^np\.std: argument where: got a Tensor"),
        (lambda: np.meshgrid(T[0], T[1], sparse=True), TypeError, r"^np\.meshgrid: argument sparse: got True"),
        (lambda: np.sum(T, nothing=3), TypeError, "unexpected keyword argument 'nothing'"),
        (lambda: np.prod(T, dtype=np.float64), TypeError, r"prod\(\) got an unexpected keyword argument 'dtype'; it takes dim"),
        (lambda: np.copyto(T, np.zeros((2, 2))), TypeError, r"^np\.copyto: argument dst: got a tensor.*dst\.copy_\(src\)"),
        (lambda: np.split(T, 3), ShapeError, r"^np\.split: argument indices_or_sections: got 3 for 2.*np\.array_split"),
        (lambda: np.split(T, 0), ShapeError, r"^np\.split: argument indices_or_sections: got 0 for 2"),
        (lambda: np.split(T, 2, axis=2), AxisError, r"^np\.split: argument dim: got 2, expected a dimension in"),
        (lambda: np.take(T, 0, axis=2), AxisError, r"^np\.take: argument dim: got 2"),
        (lambda: np.median(T, -3), AxisError, r"^np\.median: argument dim: got -3"),
        (lambda: np.searchsorted(T[0], 1.0, side="middle"), ValueError, r"^np\.searchsorted: argument side: got 'middle'"),
        (lambda: np.median(mg.zeros(2, 0), 1), ShapeError, r"^np\.median: argument a: got shape \(2, 0\)"),
        (lambda: np.add(T, "a"), DTypeError, "^add: argument y: got a str"),
        (lambda: np.array([1, "a"], object) + T, DTypeError, "^add: argument data: got dtype object"),
        (lambda: np.stack([T, np.array(["a"])]), DTypeError, "got dtype <U1"),
        (lambda: np.concatenate([T, mg.ones(3)]), ShapeError, "^cat: "),
    ],
)  # fmt: skip
def test_what_cannot_be_honoured(make, error, text):
    before = T.tolist()
    with pytest.raises(error, match=text):
        make()
    assert T.tolist() == before
