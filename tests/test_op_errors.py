"""What ops refuse: each error names the op and the argument, what came, what was expected, and the remedy."""

import math

import pytest

import minigrad as mg
from minigrad import linalg
from minigrad.errors import AxisError, DTypeError, GradError, LabelError, ShapeError
from minigrad.nn import functional as F

V, M = mg.tensor([1.0, 2.0, 3.0]), mg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
INDEX = mg.tensor([0, 1])

REFUSED = {
    # numbers, and more dimensions than C can walk
    "a batch of batches": (lambda: M.reshape(*[1] * 17, 2, 3) @ M.T, ShapeError, r"matmul: got 17 batch dimensions, expected at most 16\. Reshape"),
    "an int too large": (lambda: INDEX + 2**70, DTypeError, r"arithmetic: argument number: got 1180591620717411303424, expected one that int64 holds"),
    "a number no float holds": (lambda: V * 10**400, DTypeError, r"arithmetic: argument number: got 1000.*expected one that float32 holds"),
    # joining and cutting
    "cat of scalars": (lambda: mg.cat([V[0]]), ShapeError, r"cat: argument tensors\[0\]: got a scalar.*Write stack\(tensors\)"),
    "cat of a tensor": (lambda: mg.cat(V), TypeError, r"cat: argument tensors: got Tensor, expected a list"),
    "cat of two ranks": (lambda: mg.cat([M, V]), ShapeError, r"cat: argument tensors\[1\]: got shape \(3,\), expected \(2, 3\) except in dimension 0"),
    "cat of two lengths": (lambda: mg.cat([M, M.T]), ShapeError, r"cat: argument tensors\[1\]: got shape \(3, 2\)"),
    "stack": (lambda: mg.stack([V, M]), ShapeError, r"stack: argument tensors\[1\]: got shape \(2, 3\), expected that of the first, \(3,\)"),
    "narrow": (lambda: V.narrow(0, 2, 2), AxisError, r"narrow: argument start and length: got 2 and 2, .*<= 3"),
    "select": (lambda: V.select(0, 3), AxisError, r"select: argument index: got 3, expected an index into dimension 0"),
    "split": (lambda: V.split(0), ValueError, r"split: argument split_size: got 0"),
    "chunk": (lambda: V.chunk(0), ValueError, r"chunk: argument chunks: got 0"),
    "meshgrid": (lambda: mg.meshgrid(V, V, indexing="yx"), ValueError, r"meshgrid: argument indexing: got 'yx', expected 'ij' or 'xy'"),
    # order, repeating, diagonals
    "moveaxis": (lambda: M.moveaxis((0, 1), (0, 0)), AxisError, r"moveaxis: argument source and destination: got \(0, 1\) and \(0, 0\)"),
    "roll": (lambda: M.roll((1, 2), 0), ShapeError, r"roll: argument shifts: got 2 of them, expected as many as dims, 1"),
    "repeat": (lambda: M.repeat(2), ShapeError, r"repeat: argument repeats: got \(2,\), .*Or write tile"),
    "diagonal": (lambda: M.diagonal(0, 1, 1), AxisError, r"diagonal: argument dim1 and dim2: got 1 and 1"),
    "diag": (lambda: mg.zeros(2, 2, 2).diag(), ShapeError, r"diag: argument input: got shape \(2, 2, 2\).*diag_embed"),
    "tril": (lambda: V.tril(), ShapeError, r"tril: argument input: got shape \(3,\)"),
    "triu": (lambda: V.triu(), ShapeError, r"triu: argument input: got shape \(3,\)"),
    # padding and windows
    "pad's mode": (lambda: F.pad(V, (1, 1), mode="mirror"), ValueError, r"pad: argument mode: got 'mirror', expected one of constant, reflect"),
    "half a pair": (lambda: F.pad(V, (1, 1, 1)), ShapeError, r"pad: argument pad: got 3 numbers"),
    "pairs without a dimension": (lambda: F.pad(V, (1, 1, 1, 1)), ShapeError, r"pad: argument pad: got 4 numbers.*at most 1"),
    "a mirror too short": (lambda: F.pad(V, (3, 0), mode="reflect"), ShapeError, r"pad: argument pad: got \(3, 0\) .*at most 2 for mode 'reflect'"),
    "a circle too short": (lambda: F.pad(V, (0, 4), mode="circular"), ShapeError, r"pad: argument pad: got \(0, 4\) .*at most 3 for mode 'circular'"),
    "no edge": (lambda: F.pad(mg.zeros(0), (1, 0), mode="replicate"), ShapeError, r"pad: argument pad: got \(1, 0\) .*at most 0 for mode 'replicate'"),
    "a window too long": (lambda: V.unfold(0, 4, 1), ShapeError, r"unfold: argument size and step: got 4 and 1"),
    "windows that stand": (lambda: V.unfold(0, 2, 0), ShapeError, r"unfold: argument size and step: got 2 and 0"),
    # indices
    "a float index": (lambda: V.gather(0, V), AxisError, r"gather: argument index: got a float32 tensor.*index\.long\(\)"),
    "a bool index": (lambda: V.gather(0, V > 1), DTypeError, r"gather: argument index: got dtype bool, expected int64"),
    "an index too large": (lambda: V.gather(0, mg.tensor([0, 3])), LabelError, r"gather: argument index: got 3, expected numbers in \[-3, 2\]"),
    "an index of another rank": (lambda: M.gather(0, INDEX), ShapeError, r"gather: argument index: got shape \(2,\), .*except in dimension 0"),
    "scatter's source": (lambda: V.scatter(0, mg.tensor([0, 1, 2]), V[:1]), ShapeError, r"scatter: argument src: got shape \(1,\)"),
    "scatter's reduction": (lambda: V.scatter(0, INDEX, V, reduce="multiply"), ValueError, r"scatter: argument reduce: got 'multiply'.*scatter_reduce"),
    "scatter_reduce's": (lambda: V.scatter_reduce(0, INDEX, V, "prod"), ValueError, r"scatter_reduce: argument reduce: got 'prod', expected 'sum', 'mean'"),
    "index_add's source": (lambda: V.index_add(0, INDEX, V), ShapeError, r"index_add: got shapes \(3,\) and \(2,\)"),
    "a source that is wider": (lambda: V.index_add(0, INDEX, mg.ones(2, 2)), ShapeError, r"index_add: argument source: got shape \(2, 2\), .*broadcasts to \(2,\)"),
    "index_put's index": (lambda: V.index_put((V,), 1.0), AxisError, r"index_put: argument index: got a float32 tensor"),
    "index_put's values": (lambda: V.index_put((INDEX,), mg.ones(2, 2), True), ShapeError, r"index_put: argument values: got shape \(2, 2\)"),
    "a float mask": (lambda: V.masked_fill(V, 0.0), DTypeError, r"masked_fill: argument mask: got dtype float32, .*x > 0"),
    # order statistics
    "topk": (lambda: V.topk(4), AxisError, r"topk: argument k: got 4, expected at most the 3 elements"),
    "kthvalue": (lambda: V.kthvalue(0), AxisError, r"kthvalue: argument k: got 0, expected a number from 1"),
    "diff": (lambda: V.diff(-1), ValueError, r"diff: argument n: got -1"),
    # products
    "dot": (lambda: mg.dot(M, V), ShapeError, r"dot: argument input: got shape \(2, 3\), expected a vector.*matmul"),
    "mv": (lambda: mg.mv(M, M), ShapeError, r"mv: argument other: got shape \(2, 3\), expected a vector"),
    "cross": (lambda: mg.cross(V[:2], V[:2]), ShapeError, r"cross: got shapes \(2,\) and \(2,\), expected length 3 in dimension"),
    "multi_dot": (lambda: linalg.multi_dot([M]), ValueError, r"multi_dot: argument tensors: got 1"),
    "tensordot": (lambda: mg.tensordot(M, M, 1), ShapeError, r"tensordot: argument dims: got \[1\] of \(2, 3\) and \[0\] of \(2, 3\)"),
    "einsum's operands": (lambda: mg.einsum("ij,jk", M), ValueError, r"einsum: argument equation: got 2 operands in 'ij,jk', expected the 1"),
    "einsum's letters": (lambda: mg.einsum("ijk->i", M), ShapeError, r"einsum: argument operand 0: got shape \(2, 3\), expected 3 dimensions"),
    "einsum's result": (lambda: mg.einsum("ij->k", M), ValueError, r"einsum: argument equation: got 'k' as the result"),
    "a letter of two lengths": (lambda: mg.einsum("ii->i", M), ShapeError, r"einsum: argument operand: got lengths 2 and 3 for 'i'"),
    "two operands of two lengths": (lambda: mg.einsum("ij,jk->ik", M, M), ShapeError, r"einsum: argument operands: got lengths 3 and 2 for 'j'"),
    "solve": (lambda: linalg.solve(mg.eye(3), mg.zeros(2, 1)), ShapeError, r"solve: argument B: got shape \(2, 1\), expected 3 rows"),
    "matrix_norm": (lambda: linalg.matrix_norm(M, "max"), ValueError, r"matrix_norm: argument ord: got 'max'"),
    "a weight that is no matrix": (lambda: F.linear(V, V), ShapeError, r"linear: argument weight: got shape \(3,\), expected \(out_features, in_features\)"),
    # options
    "where": (lambda: mg.where(V > 1, V), TypeError, r"where: got one of x and y, expected both"),
    "div": (lambda: V.div(V, rounding_mode="up"), ValueError, r"div: argument rounding_mode: got 'up', expected None, 'floor' or 'trunc'"),
    "clip": (lambda: V.clip(), ValueError, r"clip: argument min and max: got None for both"),
    "norm": (lambda: V.norm("nuc"), ValueError, r"norm: argument p: got 'nuc'.*linalg\.matrix_norm"),
    "gelu": (lambda: F.gelu(V, approximate="erf"), ValueError, r"gelu: argument approximate: got 'erf', expected 'none' or 'tanh'"),
    "dropout": (lambda: F.dropout(INDEX), DTypeError, r"dropout: argument input: got int64, expected a tensor of floats"),
    "one_hot": (lambda: F.one_hot(mg.tensor([-1, 0]), 3), LabelError, r"one_hot: argument tensor: got -1, expected numbers in \[0, 2\]"),
    "embedding": (lambda: F.embedding(INDEX, M, padding_idx=0.5), TypeError, r"embedding: argument padding_idx: got 0.5, expected None or an int"),
    # filling
    "uniform_ upside down": (lambda: mg.zeros(3).uniform_(1.0, 0.0), ValueError, r"uniform_: argument to: got 0.0, expected at least from_, 1.0"),
    "uniform_ without end": (lambda: mg.zeros(3).uniform_(0.0, math.inf), ValueError, r"uniform_: argument to: got inf, expected a finite number"),
    "normal_": (lambda: mg.zeros(3).normal_(0.0, -1.0), ValueError, r"normal_: argument std: got -1.0, expected at least 0"),
    "normal_ of ints": (lambda: INDEX.clone().normal_(), DTypeError, r"normal_: got a tensor of dtype int64, expected one of floats.*x\.float\(\)"),
    "filling a leaf": (lambda: mg.zeros(3, requires_grad=True).uniform_(), GradError, r"uniform_: got a tensor that requires a gradient.*no_grad\(\)"),
    # limits
    "too many dimensions": (
        lambda: mg.zeros(*[2] * 18).permute(*range(0, 18, 2), *range(1, 18, 2)) + mg.zeros(*[2] * 18),
        ShapeError, r"broadcast: got 18 dimensions that do not merge, expected at most 16.*x\.clone\(\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_errors_name_the_argument_and_the_remedy(name):
    call, kind, text = REFUSED[name]
    with pytest.raises(kind, match=f"^{text}"):
        call()


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_no_border_around_nothing(mode):
    assert F.pad(mg.zeros(0), (0, 0), mode=mode).shape == (0,)


def test_what_is_refused_leaves_the_tensor_as_it_was():
    x = mg.tensor([1.0, 2.0, 3.0])
    for refused in (lambda: x.uniform_(1.0, 0.0), lambda: x.normal_(0.0, -1.0), lambda: x.bernoulli_(2.0)):
        with pytest.raises(ValueError, match="expected"):
            refused()
    assert x.tolist() == [1.0, 2.0, 3.0]
