"""The same functions, on the same samples, in PyTorch where that is installed: values and gradients."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn  # the losses are declared when they are first asked for
from minigrad import _op, linalg
from minigrad._array import Array
from minigrad.testing import materialize

torch = pytest.importorskip("torch")

SPACES = {"minigrad": torch, "linalg": torch.linalg, "nn.functional": torch.nn.functional}
NAMED = {id(function): (space, name) for space in SPACES for name, function in _op.surface[space].items() if hasattr(SPACES[space], name)}
#: PyTorch's gradient of hardsigmoid has the digits of a float32 1/6 in float64 too.
OTHERS = {"hardsigmoid"}


def cases():
    for record in _op.registry.values():
        if id(record.call) in NAMED and record.name not in OTHERS:
            space, name = NAMED[id(record.call)]
            for sample in record.samples():
                yield pytest.param(record, getattr(SPACES[space], name), sample, id=f"{space}.{name}-{sample!r}")


def in_torch(x):
    return torch.tensor(x.array) if isinstance(x, Array) else torch.tensor(x) if isinstance(x, np.ndarray) else x


def results(value):
    return list(value) if isinstance(value, (tuple, list)) else [value]


@pytest.mark.parametrize(("record", "theirs", "sample"), list(cases()))
def test_values_and_gradients_are_pytorchs(record, theirs, sample):
    inputs, keywords = materialize(sample, mg.float64)
    twins = [in_torch(x) for x in inputs]
    for x, twin in zip(inputs, twins, strict=True):
        if x is not None and x.dtype.kind == "f":
            x.requires_grad_()
            twin.requires_grad_()
    given = {k: in_torch(v) if isinstance(v, np.ndarray) else v for k, v in keywords.items() if not (k == "keepdim" and v is False)}
    try:
        wanted = results(theirs(*twins, **given))
    except (TypeError, NotImplementedError, RuntimeError, IndexError) as error:
        pytest.skip(f"PyTorch does not take these: {str(error).splitlines()[0]}")
    found = results(record.call(*inputs, **{k: mg.tensor(v) if isinstance(v, np.ndarray) else v for k, v in keywords.items()}))
    assert len(found) == len(wanted)
    total, their_total = None, None
    for got, want in zip(found, wanted, strict=True):
        if not isinstance(got, Array):
            assert got == want
            continue
        np.testing.assert_allclose(got.array, want.detach().numpy(), rtol=1e-12, atol=1e-12)
        if got.requires_grad:
            total = (got * got).sum() + got.sum() + (0.0 if total is None else total)
        if want.requires_grad:
            their_total = (want * want).sum() + want.sum() + (0.0 if their_total is None else their_total)
    if total is not None:
        total.backward()
    if their_total is not None:
        try:
            their_total.backward()
        except RuntimeError as error:
            pytest.skip(f"PyTorch has no such derivative: {error}")
    for x, twin in zip(inputs, twins, strict=True):
        if x is not None and x.requires_grad:
            ours = np.zeros(x.shape) if x.grad is None else x.grad.array
            expected = np.zeros(x.shape) if twin.grad is None else twin.grad.numpy(force=True)
            np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-10)


#: Names of PyTorch that programs for learners use, and that need no record of their own here.
WANTED = ["add", "sub", "mul", "div", "floor_divide", "remainder", "fmod", "float_power", "addcdiv", "addcmul", "fmax", "fmin", "copysign", "heaviside", "deg2rad", "rad2deg", "logaddexp", "logaddexp2", "sgn", "frac", "isclose", "allclose", "equal", "signbit", "isposinf", "isneginf", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "abs", "sign", "square", "sqrt", "rsqrt", "reciprocal", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "asinh", "acosh", "atanh", "erf", "erfc", "floor", "ceil", "round", "trunc", "maximum", "minimum", "clip", "clamp", "where", "lerp", "hypot", "xlogy", "isnan", "isinf", "isfinite", "nan_to_num", "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor", "logical_not", "relu", "sigmoid", "softmax", "log_softmax", "sinc", "logit", "prelu", "nansum", "nanmean", "var_mean", "std_mean", "aminmax", "cummax", "cummin", "logcumsumexp", "diff", "sum", "prod", "mean", "var", "std", "max", "min", "amax", "amin", "argmax", "argmin", "all", "any", "logsumexp", "norm", "cumsum", "cumprod", "median", "sort", "argsort", "topk", "kthvalue", "count_nonzero", "matmul", "mm", "bmm", "mv", "addmm", "addmv", "addbmm", "baddbmm", "addr", "vdot", "dot", "inner", "outer", "tensordot", "einsum", "trace", "diagonal", "diag", "tril", "triu", "kron", "cross", "det", "slogdet", "inverse", "matrix_power", "reshape", "flatten", "unflatten", "ravel", "transpose", "permute", "swapaxes", "moveaxis", "movedim", "squeeze", "unsqueeze", "broadcast_to", "tile", "flip", "roll", "rot90", "stack", "cat", "concat", "concatenate", "hstack", "vstack", "split", "chunk", "tensor_split", "unbind", "dstack", "column_stack", "repeat_interleave", "diag_embed", "fliplr", "flipud", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_tensors", "select", "narrow", "meshgrid", "gather", "scatter", "scatter_add", "index_select", "take", "take_along_dim", "index_put", "index_add", "index_copy", "index_fill", "scatter_reduce", "nonzero", "unique", "isin", "bucketize", "masked_fill", "masked_select", "searchsorted", "bincount"]


def test_the_names_are_there():
    assert [name for name in WANTED if not hasattr(mg, name)] == []
    assert [name for name in WANTED if not hasattr(torch, name)] == []


def test_methods_are_there_too():
    alone = "addcdiv where cat concat concatenate stack hstack vstack dstack column_stack einsum meshgrid isin bucketize searchsorted"
    alone += " atleast_1d atleast_2d atleast_3d broadcast_tensors"
    missing = [name for name in WANTED if name not in alone.split() and not hasattr(mg.Tensor, name)]
    assert missing == []


def test_linalg_names_are_there():
    wanted = "norm vector_norm matrix_norm inv solve det slogdet cholesky matrix_power multi_dot vecdot cross matmul"
    assert [name for name in wanted.split() if not hasattr(linalg, name) or not hasattr(torch.linalg, name)] == []
