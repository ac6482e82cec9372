"""Losses against numbers computed by hand or by PyTorch 2.13 in float64, which stand here as literals."""

import math

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import autograd
from minigrad.errors import DTypeError, LabelError, ShapeError

EXACT = {"rtol": 4e-14, "atol": 4e-15}

LOGITS = [[1.0, -2.0, 0.5], [0.0, 3.0, -1.0], [-0.5, 0.25, 2.0], [1.5, 1.0, -3.0]]
LABELS = [0, 2, 1, 0]
WEIGHT = [0.5, 2.0, 1.25]
ROWS = [[0.7, 0.2, 0.1], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0], [0.25, 0.25, 0.5]]


def wide(numbers, **keywords):
    return mg.tensor(numbers, dtype=mg.float64, **keywords)


def loss_and_gradient(loss, numbers):
    x = wide(numbers, requires_grad=True)
    out = loss(x)
    return out.detach().numpy(), autograd.grad(out.sum(), x)[0].numpy()


# -- cross-entropy -----------------------------------------------------------------------------------------------------

# The loss, the loss of each row, their mean, and what the sum's gradient is in the first row.
CROSS_ENTROPY = {
    "plain": (
        lambda x, r: F.cross_entropy(x, mg.tensor(LABELS), reduction=r),
        [0.5045969023422835, 4.065883903757429, 1.977819754473424, 0.4809680844700167],
        1.7573171612607885,
        [-0.3962511038513742, 0.030058887569574023, 0.3661922162818002],
    ),
    "weight, ignore_index and label_smoothing": (
        lambda x, r: F.cross_entropy(
            x, mg.tensor(LABELS), weight=wide(WEIGHT), ignore_index=2, label_smoothing=0.1, reduction=r
        ),
        [0.5109765521801464, 0.0, 3.7468863606946745, 0.49738998190359296],
        1.5850842982594715,
        [-0.11951105138120686, -0.0493828063141616, 0.16889385769536844],
    ),
    "probabilities, weight and label_smoothing": (
        lambda x, r: F.cross_entropy(x, wide(ROWS), weight=wide(WEIGHT), label_smoothing=0.1, reduction=r),
        [1.817528006720667, 2.5712573638815854, 1.4143296921555522, 3.5782934389208547],
        2.3453521254196645,
        [0.21925420106895438, -0.3992379317594304, 0.17998373069047602],
    ),
    "nll_loss of log_softmax, weight and ignore_index": (
        lambda x, r: F.nll_loss(x.log_softmax(1), mg.tensor(LABELS), weight=wide(WEIGHT), ignore_index=1, reduction=r),
        [0.25229845117114175, 5.082354879696787, 0.0, 0.24048404223500836],
        2.4778388324901943,
        [-0.1981255519256871, 0.015029443784787011, 0.1830961081409001],
    ),
}


def images():
    return np.sin(0.37 * np.arange(24.0)).reshape(2, 3, 2, 2)


# The same of an image's pixels; the gradient is that of the pixel in the first row and second column.
PIXELS = {
    "labels": (
        lambda x, r: F.cross_entropy(
            x, mg.tensor([[[0, 2], [1, 1]], [[2, -100], [0, 1]]]), weight=wide(WEIGHT), label_smoothing=0.2, reduction=r
        ),
        [
            [[0.8858372129253167, 2.0440782188162876], [1.531011740403902, 1.946458270073202]],
            [[0.6857184278997903, 0.0], [1.2302951128214055, 1.6391839356381082]],
        ],
        1.0486929387976855,
        [0.3344134560861888, 0.5365170641533457, -0.8709305202395343],
    ),
    "probabilities": (
        lambda x, r: F.cross_entropy(
            x, wide(2 * images() + 1).softmax(1), weight=wide(WEIGHT), label_smoothing=0.2, reduction=r
        ),
        [
            [[1.2359034175470685, 1.21597011494342], [1.196487490680998, 1.0696231864929828]],
            [[0.8611237815819078, 0.9393865541877651], [1.1112653595496784, 1.2825932931704405]],
        ],
        1.1140441497692828,
        [0.33637946606928965, -0.44453419728134, 0.10815473121205026],
    ),
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", [*CROSS_ENTROPY, *PIXELS])
def test_cross_entropy_equals_pytorch(name, reduction, backend):
    loss, each, mean, slope = (CROSS_ENTROPY | PIXELS)[name]
    out, gradient = loss_and_gradient(lambda x: loss(x, reduction), LOGITS if name in CROSS_ENTROPY else images())
    np.testing.assert_allclose(out, {"mean": mean, "sum": np.sum(each), "none": each}[reduction], **EXACT)
    first = gradient[0] if name in CROSS_ENTROPY else gradient[0, :, 0, 1]
    np.testing.assert_allclose(first, np.multiply(slope, mean / np.sum(each) if reduction == "mean" else 1), **EXACT)
    if name == "labels":
        np.testing.assert_array_equal(gradient[1, :, 0, 1], 0)  # the pixel whose label is ignored


def test_a_single_row_without_batch():
    """log(1 + e + e^2) - 2 by hand."""
    want = math.log(1 + math.e + math.e**2) - 2
    for target in (mg.tensor(2), wide([0.0, 0.0, 1.0])):
        out = F.cross_entropy(wide([0.0, 1.0, 2.0]), target, reduction="none")
        assert out.shape == ()
        np.testing.assert_allclose(out.item(), want, **EXACT)


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
def test_cross_entropy_is_exact_at_huge_logits(dtype, backend):
    x = mg.tensor([[1e5, -1e5, 0.0], [-1e5, 1e5, 1e5]], dtype=dtype, requires_grad=True)
    right = F.cross_entropy(x, mg.tensor([0, 1]), reduction="none")
    np.testing.assert_array_equal(right.detach().numpy(), np.array([0.0, math.log(2)], dtype))
    wrong = F.cross_entropy(x, mg.tensor([1, 0]), reduction="none")
    np.testing.assert_array_equal(wrong.detach().numpy(), np.array([200000.0, 200000 + math.log(2)], dtype))
    wrong.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[1, -1, 0], [-1, 0.5, 0.5]])


def test_second_derivative_of_cross_entropy_is_the_softmax_covariance():
    x = wide([[0.3, -1.0, 0.5]], requires_grad=True)
    (g,) = autograd.grad(F.cross_entropy(x, mg.tensor([1])), x, create_graph=True)
    hessian = np.stack([autograd.grad(g[0, i], x, retain_graph=True)[0].numpy()[0] for i in range(3)])
    p = x.detach().softmax(1).numpy()[0]
    np.testing.assert_allclose(hessian, np.diag(p) - np.outer(p, p), **EXACT)


def test_nothing_to_average_is_nan_and_nothing_to_add_is_zero():
    empty, none = mg.zeros(0, 3), mg.zeros(0, dtype=mg.int64)
    assert math.isnan(F.cross_entropy(empty, none).item())
    assert F.cross_entropy(empty, none, reduction="sum").item() == 0.0
    assert math.isnan(F.cross_entropy(mg.zeros(2, 3), mg.tensor([-100, -100])).item())


# -- losses of pairs ---------------------------------------------------------------------------------------------------

REAL, GOAL = [-3.0, 0.5, 2.0, 0.25], [-1.0, 0.0, 1.5, 0.25]
P, T, Z = [0.1, 0.4, 0.75, 0.9], [0.0, 1.0, 0.3, 0.5], [-40.0, -1.0, 0.0, 3.0]
W, PW = [1.0, 2.0, 0.5, 3.0], [2.0, 0.5, 1.0, 4.0]

# loss, input, target, keywords, the loss of each pair, its derivative towards the input
PAIRS = {
    "mse": (F.mse_loss, REAL, GOAL, {}, [4.0, 0.25, 0.25, 0.0], [-4.0, 1.0, 1.0, 0.0]),
    "l1": (F.l1_loss, REAL, GOAL, {}, [2.0, 0.5, 0.5, 0.0], [-1.0, 1.0, 1.0, 0.0]),
    "smooth_l1": (
        F.smooth_l1_loss, REAL, GOAL, {"beta": 0.7},
        [1.65, 0.17857142857142858, 0.17857142857142858, 0.0], [-1.0, 0.7142857142857143, 0.7142857142857143, 0.0],
    ),
    "smooth_l1, beta 0": (F.smooth_l1_loss, REAL, GOAL, {"beta": 0.0}, [2.0, 0.5, 0.5, 0.0], [-1.0, 1.0, 1.0, 0.0]),
    "huber": (F.huber_loss, REAL, GOAL, {"delta": 0.7}, [1.155, 0.125, 0.125, 0.0], [-0.7, 0.5, 0.5, 0.0]),
    "bce": (
        F.binary_cross_entropy, P, T, {},
        [0.10536051565782631, 0.916290731874155, 1.0567106745194577, 1.2039728043259361],
        [1.111111111111111, -2.5, 2.4, 4.4444444444444455],
    ),
    "bce, weight": (
        F.binary_cross_entropy, P, T, {"weight": wide(W)},
        [0.10536051565782631, 1.83258146374831, 0.5283553372597288, 3.6119184129778086],
        [1.111111111111111, -5.0, 1.2, 13.333333333333336],
    ),
    "bce_logits": (
        F.binary_cross_entropy_with_logits, Z, T, {},
        [4.248354255291589e-18, 1.3132616875182228, 0.6931471805599453, 1.548587351573742],
        [4.248354255291589e-18, -0.7310585786300049, 0.2, 0.45257412682243336],
    ),
    "bce_logits, weight": (
        F.binary_cross_entropy_with_logits, Z, T, {"weight": wide(W)},
        [4.248354255291589e-18, 2.6265233750364456, 0.34657359027997264, 4.645762054721226],
        [4.248354255291589e-18, -1.4621171572600098, 0.1, 1.3577223804673002],
    ),
    "bce_logits, pos_weight": (
        F.binary_cross_entropy_with_logits, Z, T, {"pos_weight": wide(PW)},
        [0.0, 0.6566308437591114, 0.6931471805599453, 1.6214683789343551],
        [4.248354255291589e-18, -0.36552928931500245, 0.2, 0.38143531705608336],
    ),
    "bce_logits, weight and pos_weight": (
        F.binary_cross_entropy_with_logits, Z, T, {"weight": wide(W), "pos_weight": wide(PW)},
        [0.0, 1.3132616875182228, 0.34657359027997264, 4.864405136803065],
        [4.248354255291589e-18, -0.7310585786300049, 0.1, 1.14430595116825],
    ),
    "kl_div": (
        F.kl_div, [math.log(p) for p in P], T, {},
        [0.0, 0.916290731874155, -0.27488721956224654, -0.29389333245105953], [0.0, -1.0, -0.3, -0.5],
    ),
}  # fmt: skip


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name", PAIRS)
def test_losses_of_pairs_equal_pytorch(name, reduction, backend):
    loss, x, target, keywords, each, slope = PAIRS[name]
    out, gradient = loss_and_gradient(lambda x: loss(x, wide(target), reduction=reduction, **keywords), x)
    whole = {"none": np.asarray, "mean": np.mean, "sum": np.sum}[reduction]
    np.testing.assert_allclose(out, whole(each), **EXACT)
    np.testing.assert_allclose(gradient, np.divide(slope, len(slope) if reduction == "mean" else 1), **EXACT)


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
def test_bce_at_the_ends(dtype, backend):
    """log 0 counts as -100, and x (1 - x) in the gradient's denominator as 1e-12 at least."""
    x = mg.tensor([0.0, 1.0, 0.0, 1.0], dtype=dtype, requires_grad=True)
    out = F.binary_cross_entropy(x, mg.tensor([0.0, 1.0, 1.0, 0.0], dtype=dtype), reduction="none")
    np.testing.assert_array_equal(out.detach().numpy(), [0, 0, 100, 100])
    out.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [0, 0, -1e12, 1e12], rtol=1e-7)


@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize(
    ("reduction", "value", "first"),
    [("batchmean", 1.3437711116069826, -0.1326823049502177), ("mean", 0.4479237038689942, -0.0442274349834059),
     ("sum", 5.37508444642793, -0.5307292198008708)],
)  # fmt: skip
def test_kl_div_of_distributions(reduction, value, first, log_target, backend):
    p = wide(LOGITS).log_softmax(1)
    q = wide(np.array(LOGITS)[::-1] / 2).log_softmax(1)
    target = q if log_target else q.exp()
    out, gradient = loss_and_gradient(
        lambda x: F.kl_div(x, target, reduction=reduction, log_target=log_target), p.numpy()
    )
    np.testing.assert_allclose(out, value, **EXACT)
    np.testing.assert_allclose(gradient[0, 0], first, **EXACT)


def test_kl_div_of_an_impossible_event_is_zero():
    x = mg.tensor([-math.inf, -1.0], requires_grad=True)
    F.kl_div(x, mg.tensor([0.0, 1.0]), reduction="sum").backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0, -1])


def test_target_gradients():
    """The target may be computed too: |input - target| falls where |target - input| rises, and a cross-entropy against
    q is linear in q."""
    x, t = wide(REAL), wide(GOAL, requires_grad=True)
    F.mse_loss(x, t, reduction="sum").backward()
    np.testing.assert_allclose(t.grad.numpy(), [4.0, -1.0, -1.0, 0.0], **EXACT)
    q = wide(ROWS, requires_grad=True)
    F.cross_entropy(wide(LOGITS), q, reduction="sum").backward()
    np.testing.assert_allclose(q.grad.numpy(), -wide(LOGITS).log_softmax(1).numpy(), **EXACT)


# -- what is refused ---------------------------------------------------------------------------------------------------

REFUSING = {
    "mse_loss": F.mse_loss,
    "l1_loss": F.l1_loss,
    "smooth_l1_loss": F.smooth_l1_loss,
    "huber_loss": F.huber_loss,
    "binary_cross_entropy": lambda x, t, **k: F.binary_cross_entropy(x.sigmoid(), t, **k),
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
    "kl_div": F.kl_div,
    "cross_entropy": F.cross_entropy,
}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", REFUSING)
def test_labels_that_are_no_numbers(name, reduction, bad):
    x = mg.zeros(3, 2, requires_grad=True)
    target = mg.full((3, 2), 0.5)
    target[1, 0] = bad
    with pytest.raises(LabelError, match=rf"^{name}: argument target: got {bad} at index \[1, 0\], expected finite"):
        REFUSING[name](x, target, reduction=reduction)
    assert x.grad is None
    REFUSING[name](x, mg.full((3, 2), 0.5), reduction=reduction).sum().backward()  # nothing is left behind
    assert x.grad is not None


@pytest.mark.parametrize("name", [n for n in REFUSING if n != "cross_entropy"])
def test_operands_of_different_shape_are_not_broadcast(name):
    with pytest.raises(ShapeError, match=rf"^{name}: argument target: got shape \(3,\).*\(3, 1\).*squeeze"):
        REFUSING[name](mg.zeros(3, 1), mg.zeros(3))
    with pytest.raises(ShapeError, match="not broadcast"):
        REFUSING[name](mg.zeros(3, 2), mg.zeros(2))


@pytest.mark.parametrize("name", REFUSING)
def test_bad_options_and_types(name):
    loss, x = REFUSING[name], mg.zeros(3, 2)
    with pytest.raises(ValueError, match=rf"^{name}: argument reduction: got 'avg', expected 'none', 'mean', 'sum'"):
        loss(x, x, reduction="avg")
    with pytest.raises(DTypeError, match=rf"^{name}: argument target: got dtype float64.*float32"):
        loss(x, x.double())
    with pytest.raises(TypeError, match=rf"^{name}: argument target: got a list, expected a tensor"):
        loss(x, [[0.0, 0.0]] * 3)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("ignored", [False, True])
def test_a_mean_over_no_weight_is_nan(smoothing, ignored, backend):
    x = mg.rand(3, 4, requires_grad=True)
    weight = mg.tensor([0.0, 1.0, 1.0, 1.0])
    loss = F.cross_entropy(
        x, mg.tensor([0, 0, 0]), weight, label_smoothing=smoothing, ignore_index=0 if ignored else -100
    )
    loss.backward()
    assert np.isnan(loss.item())
    assert np.isnan(x.grad.numpy()).all() != ignored


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss", "kl_div", "log_cosh_loss", "mape_loss"])
def test_losses_one_by_one_can_be_captured(name):
    x, y = mg.tensor([[0.5, 0.25], [0.5, 0.75]]), mg.tensor([[0.2, 0.8], [0.6, 0.4]])
    step = mg.jit(lambda x, y: getattr(F, name)(x, y, reduction="none"))
    for _ in range(2):
        assert step(x, y).tolist() == getattr(F, name)(x, y, reduction="none").tolist()
    with pytest.raises(LabelError, match=rf"^{name}: argument target: got nan at index \[1, 0\]"):
        mg.jit(lambda x, y: getattr(F, name)(x, y, reduction="none"))(x, mg.tensor([[0.2, 0.8], [math.nan, 0.4]]))
