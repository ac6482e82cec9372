"""The same functions, on the same samples, in PyTorch: values and gradients. Where torch is installed it is asked; what it
answered once is stored in tests/data, with the script that asked, and compared everywhere."""

import json
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn  # the losses are declared when they are first asked for
from minigrad import _op, linalg
from minigrad._array import Array
from minigrad.testing import materialize

try:
    import torch
except ImportError:
    torch = None

GOLDEN = Path(__file__).with_name("data") / "ops_golden.npz"
needs_torch = pytest.mark.skipif(torch is None, reason="torch is not installed")
#: Where PyTorch has a record's function, by the names that it has here.
SPACES = {"minigrad": "torch", "linalg": "torch.linalg", "nn.functional": "torch.nn.functional"}
#: PyTorch's gradient of hardsigmoid has the digits of a float32 1/6 in float64 too.
OTHERS = {"hardsigmoid"}
#: Records that users reach through functions of the same names.
BEHIND = {"cross", "hardswish", "nan_to_num", "prelu", "prod", "softshrink"}


class RefusedError(Exception):
    """PyTorch does not take this call, or has no such derivative."""


def space_of(name):
    return {"minigrad": torch, "linalg": torch.linalg, "nn.functional": torch.nn.functional}[name]


def cases():
    named = {id(f): (space, name) for space in SPACES for name, f in _op.surface[space].items() if hasattr(space_of(space), name)}
    behind = {name: space for space in SPACES for name in _op.surface[space] if name in BEHIND}
    for record in _op.registry.values():
        if (id(record.call) in named or record.name in behind) and record.name not in OTHERS:
            space, name = named.get(id(record.call)) or (behind[record.name], record.name)
            for i, sample in enumerate(record.samples()):
                yield pytest.param(record, getattr(space_of(space), name), sample, id=f"{record.name}{i}-{sample!r}")


def in_torch(x):
    return torch.tensor(x.array) if isinstance(x, Array) else torch.tensor(x) if isinstance(x, np.ndarray) else x


def results(value):
    return list(value) if isinstance(value, (tuple, list)) else [value]


def scored(outs, wants):
    """One number that depends on all results with a gradient; None without any."""
    score = None
    for out in outs:
        if wants(out):
            score = (out * out).sum() + out.sum() + (0.0 if score is None else score)
    return score


def in_pytorch(theirs, record, sample):
    """PyTorch's results, and the gradients of their score towards each input: zeros where none came, None for integers."""
    inputs, keywords = materialize(sample, mg.float64)
    twins = [in_torch(x) for x in inputs]
    for twin in twins:
        if twin is not None and twin.dtype.is_floating_point:
            twin.requires_grad_()
    given = {k: in_torch(v) if isinstance(v, np.ndarray) else v for k, v in keywords.items() if not (k == "keepdim" and v is False)}
    try:
        found = results(theirs(*twins, **given))
        score = scored(found, lambda out: isinstance(out, torch.Tensor) and out.requires_grad)
        if score is not None:
            score.backward()
    except (TypeError, NotImplementedError, RuntimeError, IndexError) as error:
        raise RefusedError(str(error).splitlines()[0]) from error
    gradients = [
        None if twin is None or not twin.requires_grad else np.zeros(twin.shape) if twin.grad is None else twin.grad.numpy(force=True)
        for twin in twins
    ]
    return [np.asarray(out.detach().numpy() if isinstance(out, torch.Tensor) else out) for out in found], gradients


def here(record, sample):
    """The same of ours."""
    inputs, keywords = materialize(sample, mg.float64)
    for x in inputs:
        if x is not None and x.dtype.kind == "f":
            x.requires_grad_()
    found = results(record.call(*inputs, **{k: mg.tensor(v) if isinstance(v, np.ndarray) else v for k, v in keywords.items()}))
    score = scored(found, lambda out: isinstance(out, Array) and out.requires_grad)
    if score is not None:
        score.backward()
    gradients = [None if x is None or not x.requires_grad else np.zeros(x.shape) if x.grad is None else x.grad.array for x in inputs]
    return [np.asarray(out.array if isinstance(out, Array) else out) for out in found], gradients


def compare(ours, theirs):
    for tolerance, (found, wanted) in zip((1e-12, 1e-10), zip(ours, theirs, strict=True), strict=True):
        assert len(found) == len(wanted)
        for got, want in zip(found, wanted, strict=True):
            assert (got is None) == (want is None)
            if got is not None:
                np.testing.assert_allclose(np.asarray(got, np.float64), np.asarray(want, np.float64), rtol=tolerance, atol=tolerance)


@needs_torch
@pytest.mark.parametrize(("record", "theirs", "sample"), list(cases()) if torch else [])
def test_values_and_gradients_are_pytorchs(record, theirs, sample):
    try:
        wanted = in_pytorch(theirs, record, sample)
    except RefusedError as error:
        pytest.skip(f"PyTorch does not take these: {error}")
    compare(here(record, sample), wanted)


def stored():
    """{id of a case: PyTorch's results and gradients}."""
    file = np.load(GOLDEN)
    numbers, at, found = file["numbers"], 0, {}
    for name, (count, shapes) in json.loads(str(file["cases"])).items():
        arrays = []
        for shape in shapes:
            size = 0 if shape is None else int(np.prod(shape))
            arrays.append(None if shape is None else numbers[at : at + size].reshape(shape))
            at += size
        found[name] = arrays[:count], arrays[count:]
    assert at == numbers.size
    return found


STORED = stored()
SAMPLES = {f"{r.name}{i}-{s!r}": (r, s) for r in _op.registry.values() for i, s in enumerate(r.samples())}


@pytest.mark.parametrize("name", list(STORED))
def test_values_and_gradients_are_those_that_pytorch_gave(name):
    compare(here(*SAMPLES[name]), STORED[name])


@needs_torch
def test_what_is_stored_is_all_there_is():
    """Run tests/data/make_ops_golden.py after adding a record or a sample."""
    new = [case.id for case in cases() if case.id not in STORED]
    for name in new:
        record, sample = SAMPLES[name]
        theirs = next(c.values[1] for c in cases() if c.id == name)
        with pytest.raises(RefusedError):
            in_pytorch(theirs, record, sample)


#: Names of PyTorch that programs for learners use, and that need no record of their own here.
WANTED = ["add", "sub", "mul", "div", "floor_divide", "remainder", "fmod", "float_power", "addcdiv", "addcmul", "fmax", "fmin", "copysign", "heaviside", "deg2rad", "rad2deg", "logaddexp", "logaddexp2", "sgn", "frac", "isclose", "allclose", "equal", "signbit", "isposinf", "isneginf", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "abs", "sign", "square", "sqrt", "rsqrt", "reciprocal", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "asinh", "acosh", "atanh", "erf", "erfc", "floor", "ceil", "round", "trunc", "maximum", "minimum", "clip", "clamp", "where", "lerp", "hypot", "xlogy", "isnan", "isinf", "isfinite", "nan_to_num", "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor", "logical_not", "relu", "sigmoid", "softmax", "log_softmax", "sinc", "logit", "prelu", "nansum", "nanmean", "var_mean", "std_mean", "aminmax", "cummax", "cummin", "logcumsumexp", "diff", "sum", "prod", "mean", "var", "std", "max", "min", "amax", "amin", "argmax", "argmin", "all", "any", "logsumexp", "norm", "cumsum", "cumprod", "median", "sort", "argsort", "topk", "kthvalue", "count_nonzero", "matmul", "mm", "bmm", "mv", "addmm", "addmv", "addbmm", "baddbmm", "addr", "vdot", "dot", "inner", "outer", "tensordot", "einsum", "trace", "diagonal", "diag", "tril", "triu", "kron", "cross", "det", "slogdet", "inverse", "matrix_power", "reshape", "flatten", "unflatten", "ravel", "transpose", "permute", "swapaxes", "moveaxis", "movedim", "squeeze", "unsqueeze", "broadcast_to", "tile", "flip", "roll", "rot90", "stack", "cat", "concat", "concatenate", "hstack", "vstack", "split", "chunk", "tensor_split", "unbind", "dstack", "column_stack", "repeat_interleave", "diag_embed", "fliplr", "flipud", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_tensors", "select", "narrow", "meshgrid", "gather", "scatter", "scatter_add", "index_select", "take", "take_along_dim", "index_put", "index_add", "index_copy", "index_fill", "scatter_reduce", "nonzero", "unique", "isin", "bucketize", "masked_fill", "masked_select", "searchsorted", "bincount"]


@needs_torch
def test_the_names_are_there():
    assert [name for name in WANTED if not hasattr(mg, name)] == []
    assert [name for name in WANTED if not hasattr(torch, name)] == []


def test_methods_are_there_too():
    alone = "addcdiv where cat concat concatenate stack hstack vstack dstack column_stack einsum meshgrid isin bucketize searchsorted"
    alone += " atleast_1d atleast_2d atleast_3d broadcast_tensors"
    missing = [name for name in WANTED if name not in alone.split() and not hasattr(mg.Tensor, name)]
    assert missing == []


@needs_torch
def test_linalg_names_are_there():
    wanted = "norm vector_norm matrix_norm inv solve det slogdet cholesky matrix_power multi_dot vecdot cross matmul"
    assert [name for name in wanted.split() if not hasattr(linalg, name) or not hasattr(torch.linalg, name)] == []
