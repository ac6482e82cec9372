"""Attention, and the draw among classes that gradients pass. (Values and derivatives: test_compositions.py.)"""

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import DTypeError, ShapeError
from minigrad.nn import functional as F

Q, K, V = mg.ones(2, 3), mg.ones(4, 3), mg.ones(4, 5)


def test_equals_pytorch_where_torch_is_installed():
    torch = pytest.importorskip("torch")
    mg.manual_seed(1)
    q, k, v = (mg.randn(2, 3, n, 4) for n in (4, 6, 6))
    mask = mg.rand(4, 6) > 0.4
    for given in ({}, {"is_causal": True}, {"scale": 0.1}, {"attn_mask": mask}, {"attn_mask": mg.randn(2, 1, 4, 6)}):
        inputs = [x.clone().detach().requires_grad_() for x in (q, k, v)]
        theirs = [torch.tensor(x.numpy(), requires_grad=True) for x in (q, k, v)]
        as_theirs = {name: torch.tensor(x.numpy()) if isinstance(x, mg.Tensor) else x for name, x in given.items()}
        out = F.scaled_dot_product_attention(*inputs, **given)
        wanted = torch.nn.functional.scaled_dot_product_attention(*theirs, **as_theirs)
        np.testing.assert_allclose(out.detach().numpy(), wanted.detach().numpy(), rtol=2e-5, atol=2e-6)
        out.square().sum().backward()
        wanted.square().sum().backward()
        for mine, other in zip(inputs, theirs, strict=True):
            np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol=2e-4, atol=2e-5)


def test_a_position_that_may_look_nowhere_gets_nothing():
    q = mg.randn(2, 3).requires_grad_()
    out = F.scaled_dot_product_attention(q, K, V, mg.tensor([[True] * 4, [False] * 4]))
    assert out.tolist() == [[1.0] * 5, [0.0] * 5]
    out.sum().backward()
    assert q.grad[1].tolist() == [0.0] * 3
    assert np.isfinite(q.grad.numpy()).all()


def test_a_causal_position_sees_nothing_after_it():
    x = mg.randn(1, 4, 2)
    later = x.clone()
    later[:, 2:] = 9.0
    before, after = (F.scaled_dot_product_attention(a, a, a, is_causal=True) for a in (x, later))
    assert mg.equal(before[:, :2], after[:, :2])
    assert not mg.equal(before[:, 2:], after[:, 2:])


def test_dropout_of_the_weights():
    mg.manual_seed(0)
    many = mg.eye(400)
    out = F.scaled_dot_product_attention(many, many, many, scale=1e3, dropout_p=0.25)
    kept = out.diagonal()
    assert set(kept.round(decimals=4).tolist()) == {0.0, np.float32(4 / 3).round(4).item()}
    assert 0.65 < (kept > 0).float().mean().item() < 0.85


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: F.scaled_dot_product_attention(mg.ones(3), K, V), ShapeError, r"argument query: got shape \(3,\), expected \(\.\.\."),
        (lambda: F.scaled_dot_product_attention(Q, mg.ones(4, 2), V), ShapeError, r"argument key: got shape \(4, 2\), expected as many features"),
        (lambda: F.scaled_dot_product_attention(Q, K, mg.ones(3, 5)), ShapeError, r"argument value: .* as many positions as the key's \(4, 3\), 4"),
        (lambda: F.scaled_dot_product_attention(Q, K, V.long()), DTypeError, r"argument value: got dtype int64"),
        (lambda: F.scaled_dot_product_attention(Q, K, V, mg.ones(2, 4).long()), DTypeError, r"Write attn_mask.bool\(\)"),
        (lambda: F.scaled_dot_product_attention(Q, K, V, [[True]]), DTypeError, "got a list, expected a tensor of bools"),
        (lambda: F.scaled_dot_product_attention(Q, K, V, mg.ones(2, 4), 0.0, True), ValueError, "is_causal, expected one of the two"),
        (lambda: F.scaled_dot_product_attention(Q, K, V, dropout_p=1.5), ValueError, r"argument p: got 1.5"),
        (lambda: F.gumbel_softmax(Q, tau=0.0), ValueError, "argument tau: got 0.0, expected a temperature above 0"),
        (lambda: F.gumbel_softmax(mg.tensor([1, 2])), DTypeError, "argument logits: got dtype int64"),
    ],
)
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_gumbel_softmax_draws_by_the_probabilities():
    mg.manual_seed(2)
    logits = mg.tensor([0.2, 0.5, 0.3]).log().expand(4000, 3)
    drawn = F.gumbel_softmax(logits, hard=True)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    np.testing.assert_allclose(drawn.mean(0).numpy(), [0.2, 0.5, 0.3], atol=0.03)  # 4 standard errors


def test_gumbel_softmax_is_soft_and_passes_gradients():
    logits = mg.randn(5, 3, 2).requires_grad_()
    mg.manual_seed(3)
    soft = F.gumbel_softmax(logits, tau=0.5, dim=1)
    np.testing.assert_allclose(soft.detach().sum(1).numpy(), np.ones((5, 2)), rtol=1e-6)
    (soft * mg.arange(30.0).reshape(5, 3, 2)).sum().backward()
    wanted, logits.grad = logits.grad, None
    mg.manual_seed(3)
    hard = F.gumbel_softmax(logits, tau=0.5, hard=True, dim=1)
    np.testing.assert_array_equal(hard.detach().argmax(1).numpy(), soft.detach().argmax(1).numpy())
    (hard * mg.arange(30.0).reshape(5, 3, 2)).sum().backward()
    np.testing.assert_array_equal(logits.grad.numpy(), wanted.numpy())
