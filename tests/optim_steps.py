"""What the tests of optimizers share: one of each, parameters with gradients, and steps along given ones."""

import minigrad as mg
from minigrad import nn, optim

OPTIMIZERS = {
    "SGD": lambda params, **options: optim.SGD(params, **{"lr": 0.1, "momentum": 0.9, **options}),
    "Adam": lambda params, **options: optim.Adam(params, **{"lr": 0.1, "amsgrad": True, **options}),
    "AdamW": lambda params, **options: optim.AdamW(params, **{"lr": 0.1, "weight_decay": 0.1, **options}),
    "RMSprop": lambda params, **options: optim.RMSprop(params, **{"alpha": 0.5, "momentum": 0.5, "centered": True, **options}),
    "Adagrad": lambda params, **options: optim.Adagrad(params, **{"lr": 0.1, "lr_decay": 0.1, **options}),
    "Adadelta": lambda params, **options: optim.Adadelta(params, **options),
    "Adamax": lambda params, **options: optim.Adamax(params, **{"lr": 0.1, **options}),
    "NAdam": lambda params, **options: optim.NAdam(params, **{"lr": 0.1, **options}),
    "RAdam": lambda params, **options: optim.RAdam(params, **{"lr": 0.1, "betas": (0.9, 0.5), **options}),
}


def parameter(*numbers, grad=None, dtype=None):
    p = nn.Parameter(mg.tensor(list(numbers) or [1.0, 2.0], dtype=dtype))
    if grad is not None:
        p.grad = mg.tensor(grad, dtype=p.dtype)
    return p


def step(optimizer, p, *gradients):
    """One step along each gradient."""
    for gradient in gradients:
        p.grad = mg.tensor(gradient, dtype=p.dtype)
        optimizer.step()
    return p.tolist()
