"""LayerNorm, RMSNorm and BatchNorm1d; Embedding and Bilinear, which are compared with PyTorch in the same way."""

import json
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad._array import float32
from minigrad.errors import DTypeError, LabelError, ShapeError
from minigrad.nn import functional as F

GOLDEN = np.load(Path(__file__).with_name("data") / "norm_golden.npz")
CASES = json.loads(str(GOLDEN["cases"]))
RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 4)).astype("f4")


def stored(number, prefix):
    """{NAME: array} of what a case has under a prefix."""
    start = f"{number}/{prefix}/"
    return {key.removeprefix(start): GOLDEN[key] for key in GOLDEN.files if key.startswith(start)}


def bits(module):
    return {name: t.array.tobytes() for name, t in module.state_dict().items()}


# -- as PyTorch --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{name}{args}{options}" for name, args, options, _ in CASES])
def test_values_gradients_and_statistics_are_pytorchs(number, dtype, backend):
    name, args, options, count = CASES[number]
    module = getattr(nn, name)(*args, **options).to(dtype)
    assert list(module.state_dict()) == list(stored(number, "state"))
    module.load_state_dict(stored(number, "state"))

    def close(got, want):
        assert got.shape == want.shape
        tolerance = 1e-12 if dtype is mg.float64 else 5e-5 if name == "BatchNorm1d" else 5e-6
        np.testing.assert_allclose(got.array, want, rtol=tolerance, atol=tolerance * max(1, np.abs(want).max(initial=0)))

    def inputs(batch):
        found = [GOLDEN[f"{number}/in/{batch}/{k}"] for k in range(count)]
        return [mg.tensor(x) if x.dtype == np.int64 else mg.tensor(x.astype(dtype), requires_grad=True) for x in found]

    for b in range(int(GOLDEN["batches"])):
        xs = inputs(b)
        out = module(*xs)
        close(out, GOLDEN[f"{number}/out/{b}"])
        out.backward(mg.tensor(GOLDEN[f"{number}/g/{b}"].astype(dtype)))
        for k, want in stored(number, f"dx/{b}").items():
            close(xs[int(k)].grad, want)
    for key, p in module.named_parameters():
        close(p.grad, GOLDEN[f"{number}/grad/{key}"])
    for key, t in module.state_dict().items():
        close(t, GOLDEN[f"{number}/after/{key}"])
    xs = inputs(0)
    out = module.eval()(*xs)
    close(out, GOLDEN[f"{number}/eval"])
    if f"{number}/evaldx" in GOLDEN.files:
        out.backward(mg.tensor(GOLDEN[f"{number}/g/0"].astype(dtype)))
        close(xs[0].grad, GOLDEN[f"{number}/evaldx"])


def test_what_is_kept_is_saved_and_loaded():
    trained, fresh = nn.BatchNorm1d(4), nn.BatchNorm1d(4)
    for _ in range(3):
        trained(mg.tensor(X))
    assert list(trained.state_dict()) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    fresh.load_state_dict(trained.state_dict())
    assert bits(fresh) == bits(trained)
    assert fresh.num_batches_tracked.item() == 3
    assert [name for name, _ in trained.named_parameters()] == ["weight", "bias"]
    assert list(nn.BatchNorm1d(4, affine=False, track_running_stats=False).state_dict()) == []
    trained.reset_running_stats()
    assert (trained.running_mean.tolist(), trained.running_var.tolist()) == ([0.0] * 4, [1.0] * 4)
    assert trained.num_batches_tracked.item() == 0


# -- what each says of its numbers ---------------------------------------------------------------------------------------


def test_rows_have_mean_0_and_variance_1_far_from_0():
    """Where x^2 in float32 has no digit left for the variance."""
    x = (RNG.normal(size=(50, 300)) + 4e4).astype("f4")
    wide = x.astype("f8")
    want = (wide - wide.mean(1, keepdims=True)) / wide.std(1, keepdims=True)
    assert np.abs(F.layer_norm(mg.tensor(x), 300).array - want).max() < 5e-3  # half a unit of the mean, 2^-9, and its like
    want = (wide - wide.mean(0)) / wide.std(0)
    assert np.abs(F.batch_norm(mg.tensor(x), None, None, training=True).array - want).max() < 5e-3


def test_sums_over_a_large_batch_keep_their_digits():
    x = (RNG.normal(size=(200_000, 3)) + 10).astype("f4")
    g = RNG.uniform(0.5, 1.5, x.shape).astype("f4")
    norm = nn.BatchNorm1d(3, momentum=1.0)
    norm(mg.tensor(x)).backward(mg.tensor(g))
    wide = x.astype("f8")
    np.testing.assert_allclose(norm.running_mean.array, wide.mean(0), rtol=2e-7)
    np.testing.assert_allclose(norm.running_var.array, wide.var(0, ddof=1), rtol=5e-7)
    np.testing.assert_allclose(norm.bias.grad.array, g.astype("f8").sum(0), rtol=2e-7)


def test_eps_none_is_the_epsilon_of_the_type():
    for dtype in (np.float32, np.float64):
        x = mg.tensor(X.astype(dtype))
        eps = float(np.finfo(dtype).eps)
        assert F.rms_norm(x, 4).array.tobytes() == F.rms_norm(x, 4, eps=eps).array.tobytes()
        assert nn.RMSNorm(4, dtype=dtype)(x).array.tobytes() == F.rms_norm(x, 4, eps=eps).array.tobytes()


def test_a_batch_may_be_empty():
    for module in (nn.LayerNorm(4), nn.RMSNorm(4), nn.BatchNorm1d(4).eval()):
        x = mg.zeros(0, 4, requires_grad=True)
        out = module(x)
        assert out.shape == (0, 4)
        out.backward(mg.zeros(0, 4))
        assert x.grad.shape == (0, 4)
        for p in module.parameters():
            assert p.grad.tolist() == [0.0] * 4


@pytest.mark.parametrize("make", [lambda: nn.LayerNorm(4), lambda: nn.RMSNorm(4), lambda: nn.BatchNorm1d(4)])
def test_memory_that_is_not_contiguous(make, spread):
    found = []
    for view in (lambda x: x, spread):
        module, x = make(), view(mg.tensor(X)).requires_grad_()
        module(x).backward(view(mg.tensor(X * X)))
        found.append([x.grad.array.tobytes(), module.weight.grad.array.tobytes(), bits(module)])
    assert found[0] == found[1]


@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2)], ids=str)
@pytest.mark.parametrize("norm", [F.layer_norm, F.batch_norm, F.rms_norm])
def test_some_gradients_alone_are_those_of_all_together(norm, wanted):
    found = []
    for chosen in (wanted, (0, 1, 2)):
        x, w, b = (mg.tensor(t, requires_grad=i in chosen) for i, t in enumerate((X, X[0], X[1])))
        if norm is F.layer_norm:
            out = norm(x, 4, w, b)
        else:
            out = norm(x, 4, w) + b if norm is F.rms_norm else norm(x, None, None, w, b, training=True)
        out.backward(mg.tensor(X * X))
        found.append([t.grad.array for i, t in enumerate((x, w, b)) if i in wanted])
    for alone, together in zip(*found, strict=True):
        np.testing.assert_allclose(alone, together, rtol=1e-6, atol=1e-7)


def test_evaluation_depends_on_no_neighbour_and_changes_nothing():
    norm = nn.BatchNorm1d(4)
    norm(mg.tensor(X))
    before = bits(norm.eval())
    whole = norm(mg.tensor(X)).array
    for i in range(len(X)):
        assert norm(mg.tensor(X[i : i + 1])).array.tobytes() == whole[i : i + 1].tobytes()
    assert bits(norm) == before


def test_statistics_move_without_gradients_too():
    found = []
    for recording in (True, False):
        norm = nn.BatchNorm1d(4)
        with mg.set_grad_enabled(recording):
            norm(mg.tensor(X))
        found.append(bits(norm))
    assert found[0] == found[1] != bits(nn.BatchNorm1d(4))


def test_backward_after_the_statistics_have_moved_is_an_error():
    norm = nn.BatchNorm1d(4).eval()
    x = mg.tensor(X, requires_grad=True)
    out = norm(x).sum()
    norm.train()(mg.tensor(X))
    with pytest.raises(RuntimeError, match="batch_norm_eval reads its input mean .* which batch_norm has overwritten"):
        out.backward()


@pytest.mark.parametrize("norm", [lambda x: F.layer_norm(x, 700), lambda x: F.rms_norm(x, 700), lambda x: F.batch_norm(x, None, None, training=True)])
def test_any_number_of_threads_gives_the_same_bits(norm):
    data = RNG.normal(size=(1000, 700)).astype("f4")
    found, before = set(), mg.get_num_threads()
    try:
        for threads in (1, 2, 3):
            mg.set_num_threads(threads)
            x = mg.tensor(data, requires_grad=True)
            out = norm(x)
            (out * out * out).sum().backward()
            found.add((out.array.tobytes(), x.grad.array.tobytes()))
    finally:
        mg.set_num_threads(before)
    assert len(found) == 1


# -- errors ------------------------------------------------------------------------------------------------------------

M = mg.tensor(X)
ERRORS = {
    "rows of another length": (lambda: nn.LayerNorm(3)(M), ShapeError, r"layer_norm: argument input: got shape \(6, 4\), expected \(..., 3\), .* normalized_shape=4"),
    "too few dimensions": (lambda: nn.RMSNorm((6, 6, 4))(M), ShapeError, r"rms_norm: argument input: got shape \(6, 4\), expected \(..., 6, 6, 4\)"),
    "a weight of another shape": (lambda: F.layer_norm(M, 4, mg.ones(3)), ShapeError, r"layer_norm: argument weight: got shape \(3,\), expected the normalised shape \(4,\)"),
    "a bias of another shape": (lambda: F.layer_norm(M, 4, None, mg.ones(6, 4)), ShapeError, r"layer_norm: argument bias: got shape \(6, 4\)"),
    "another type": (lambda: nn.LayerNorm(4)(M.double()), DTypeError, "layer_norm: argument weight: got dtype float32, expected a tensor of the input's dtype float64"),
    "integers": (lambda: nn.RMSNorm(4)(M.long()), DTypeError, "rms_norm: argument input: got dtype int64, expected floats"),
    "no length": (lambda: nn.LayerNorm(0), ValueError, "LayerNorm: argument normalized_shape: got 0"),
    "no shape": (lambda: nn.RMSNorm(()), ValueError, r"RMSNorm: argument normalized_shape: got \(\)"),
    "a fraction": (lambda: nn.LayerNorm(2.5), TypeError, "LayerNorm: argument normalized_shape"),
    "an integer type": (lambda: nn.LayerNorm(4, dtype=mg.int64), DTypeError, "LayerNorm: argument dtype: got int64"),
    "channels": (lambda: nn.BatchNorm1d(3)(M), ShapeError, r"BatchNorm1d: argument input: got shape \(6, 4\), expected \(N, 3\) or \(N, 3, L\)"),
    "images": (lambda: nn.BatchNorm1d(4)(mg.ones(2, 4, 3, 3)), ShapeError, "BatchNorm1d: argument input"),
    "one example": (lambda: nn.BatchNorm1d(4)(M[:1]), ValueError, r"more than 1 value per channel when training.* drop_last=True"),
    "no example": (lambda: nn.BatchNorm1d(4)(M[:0]), ValueError, "more than 1 value per channel when training"),
    "no channel": (lambda: nn.BatchNorm1d(0), ValueError, "BatchNorm1d: argument num_features: got 0"),
    "half a channel": (lambda: nn.BatchNorm1d(2.0), TypeError, "BatchNorm1d: argument num_features: got 2.0"),
    "no statistics": (lambda: F.batch_norm(M, None, None), ValueError, "batch_norm: got running_mean or running_var of None"),
    "statistics of another length": (lambda: F.batch_norm(M, mg.zeros(3), mg.ones(4), training=True), ShapeError, r"batch_norm: argument mean: got shape \(3,\), expected \(4,\)"),
    "statistics with gaps": (lambda: F.batch_norm(M, mg.zeros(8)[::2], mg.ones(4), training=True), ShapeError, "not contiguous"),
    "a vector": (lambda: F.batch_norm(M[0], None, None, training=True), ShapeError, "batch_norm: argument input"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_to_do(name):
    call, kind, text = ERRORS[name]
    with pytest.raises(kind, match=text):
        call()


def test_a_failed_call_changes_nothing():
    norm = nn.BatchNorm1d(4)
    for x, kind, text in ((M[:1], ShapeError, "more than 1 value"), (M.double(), DTypeError, "float64"), (mg.ones(6, 3), ShapeError, r"\(6, 3\)")):
        with pytest.raises(kind, match=text):
            norm(x)
    mean = mg.zeros(4)
    with pytest.raises(ShapeError, match=r"batch_norm: argument weight: got shape \(3,\)"):
        F.batch_norm(M, mean, mg.ones(4), mg.ones(3), training=True)
    assert mean.tolist() == [0.0] * 4
    assert bits(norm) == bits(nn.BatchNorm1d(4))


# -- embedding and bilinear ----------------------------------------------------------------------------------------------


def test_embedding_begins_with_normal_numbers_and_an_empty_padding_row():
    weight = nn.Embedding(2000, 20, padding_idx=-3).weight.array
    assert not weight[1997].any()
    rest = np.delete(weight, 1997, 0)
    assert abs(rest.mean()) < 0.02
    assert abs(rest.std() - 1) < 0.02
    assert nn.Embedding(4, 3, dtype=mg.float64).weight.dtype == mg.float64


def test_from_pretrained():
    table = mg.tensor(X)
    frozen = nn.Embedding.from_pretrained(table)
    assert (frozen.num_embeddings, frozen.embedding_dim, frozen.weight.requires_grad) == (6, 4, False)
    assert frozen(mg.tensor([5, 0])).tolist() == [X[5].tolist(), X[0].tolist()]
    tuned = nn.Embedding.from_pretrained(table, freeze=False, padding_idx=1)
    assert tuned.weight.array[1].tolist() == X[1].tolist()  # as it came: a pretrained row is not cleared
    tuned(mg.tensor([1, 2, 2])).sum().backward()
    assert tuned.weight.grad.tolist() == [[0.0] * 4, [0.0] * 4, [2.0] * 4, *[[0.0] * 4] * 3]
    with pytest.raises(ShapeError, match="from_pretrained: argument embeddings"):
        nn.Embedding.from_pretrained(X[0])


@pytest.mark.parametrize("index", [[0, 2], np.array([[1], [2]]), np.array([3], np.int32), np.array([], np.int64), 2], ids=repr)
def test_indices_may_be_lists_and_arrays(index):
    out = F.embedding(index, M)
    want = X[np.asarray(index, np.int64)]
    assert out.shape == want.shape
    assert (out.array == want).all()


def test_a_second_derivative_leaves_the_padding_row_out():
    weight, index = mg.tensor(X.astype("f8"), requires_grad=True), mg.tensor([0, 2, 2, 5])
    out = F.embedding(index, weight, padding_idx=2)
    g = mg.ones(4, 4, dtype=mg.float64).requires_grad_()
    [once] = mg.autograd.grad(out, weight, g, create_graph=True)
    [twice] = mg.autograd.grad((once * mg.tensor(X.astype("f8"))).sum(), g)
    assert twice.tolist() == [X[0].tolist(), [0.0] * 4, [0.0] * 4, X[5].tolist()]


EMBEDDING_ERRORS = {
    "an index too large": (lambda: F.embedding(mg.tensor([[0, 6]]), M), IndexError, r"embedding: argument input: got index 6 at position \[0, 1\], expected 0 to 5 \(weight has 6 rows\)"),
    "a negative index": (lambda: F.embedding(-1, M), LabelError, r"got index -1 at position \[\]"),
    "an empty table": (lambda: F.embedding([0], mg.zeros(0, 4)), LabelError, "got index 0 at position .0., expected no index, as weight has no rows"),
    "floats": (lambda: F.embedding(M, M), DTypeError, "embedding: argument input: got dtype float32, expected int64 indices. Write input.long"),
    "bools": (lambda: F.embedding([True], M), DTypeError, "got dtype bool"),
    "a vector": (lambda: F.embedding([0], M[0]), ShapeError, "embedding: argument weight"),
    "an integer table": (lambda: F.embedding([0], M.long()), DTypeError, "embedding: argument weight"),
    "a padding row that is none": (lambda: nn.Embedding(3, 2, padding_idx=3), ValueError, r"Embedding: argument padding_idx: got 3, expected a row in \[-3, 2\]"),
    "max_norm": (lambda: nn.Embedding(3, 2, max_norm=1.0), ValueError, "Embedding: argument max_norm: got 1.0, expected None"),
    "sparse": (lambda: F.embedding([0], M, sparse=True), ValueError, "embedding: argument sparse: got True"),
    "scale_grad_by_freq": (lambda: nn.Embedding(3, 2, scale_grad_by_freq=True), ValueError, "scale_grad_by_freq"),
    "a size that is none": (lambda: nn.Embedding(-1, 2), ValueError, "Embedding: argument num_embeddings: got -1"),
    "half a row": (lambda: nn.Embedding(2.5, 3), TypeError, "Embedding: argument num_embeddings: got 2.5, expected an int"),
    "a module's integer table": (lambda: nn.Embedding(2, 3, dtype=mg.int64), DTypeError, "Embedding: argument dtype: got int64"),
    "a weight of another size": (lambda: nn.Embedding(2, 3, _weight=mg.ones(3, 3)), ShapeError, r"Embedding: argument _weight: got shape \(3, 3\), expected shape \(2, 3\)"),
    "bilinear's features": (lambda: nn.Bilinear(3, 4, 2)(M, M), ShapeError, r"Bilinear: argument x1: got shape \(6, 4\), expected \(6, 3\)"),
    "bilinear's batches": (lambda: nn.Bilinear(4, 4, 2)(M, M[:2]), ShapeError, r"Bilinear: argument x2: got shape \(2, 4\), expected \(6, 4\)"),
    "bilinear's sizes": (lambda: nn.Bilinear(4, -1, 2), ValueError, "Bilinear: argument in2_features: got -1"),
}  # fmt: skip


@pytest.mark.parametrize("name", EMBEDDING_ERRORS)
def test_errors_of_embedding_and_bilinear_say_what_to_do(name):
    call, kind, text = EMBEDDING_ERRORS[name]
    with pytest.raises(kind, match=text):
        call()


def test_bilinear_begins_within_its_bounds():
    layer = nn.Bilinear(16, 3, 40)
    for p in (layer.weight, layer.bias):
        assert 0.2 < np.abs(p.array).max() <= 0.25
    assert layer.weight.shape == (40, 16, 3)
    assert layer.weight.dtype is float32
