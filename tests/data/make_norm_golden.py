"""Writes norm_golden.npz: what PyTorch's layers that normalise, look up and multiply pairs give in float64, over a few batches.

Run by hand, with PyTorch installed: `python tests/data/make_norm_golden.py`. All inputs are float32 numbers, so that the
answers hold for both types.

cases        JSON: [[module, arguments, options, number of inputs], ...]; case number i has the arrays
i/in/B/K     input K of batch B, and i/g/B the cotangent of its output
i/state/NAME the state before the first batch; i/after/NAME after the last
i/out/B      the output in training mode; i/dx/B/K the gradient towards a real input
i/grad/NAME  the parameters' gradients, added up over the batches
i/eval       the output for the first batch in evaluation mode, afterwards; i/evaldx the gradient towards its first input
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

BATCHES = 4
CASES: list[tuple[str, list[Any], dict[str, Any], tuple[tuple[int, ...], ...]]] = [
    ("BatchNorm1d", [5], {}, ((7, 5),)),
    ("BatchNorm1d", [3], {}, ((4, 3, 6),)),
    ("BatchNorm1d", [3], {"momentum": None, "eps": 1e-3}, ((2, 3, 1),)),
    ("BatchNorm1d", [33], {"momentum": 0.7, "affine": False}, ((20, 33),)),
    ("BatchNorm1d", [4], {"track_running_stats": False}, ((6, 4),)),
    ("BatchNorm1d", [4], {"bias": False}, ((6, 4),)),
    ("LayerNorm", [5], {}, ((7, 5),)),
    ("LayerNorm", [[2, 3]], {"eps": 0.1}, ((4, 2, 3),)),
    ("LayerNorm", [33], {"bias": False}, ((2, 3, 33),)),
    ("LayerNorm", [4], {"elementwise_affine": False}, ((6, 4),)),
    ("RMSNorm", [5], {"eps": 1e-3}, ((7, 5),)),
    ("RMSNorm", [[3, 4]], {"eps": 0.1}, ((5, 3, 4),)),
    ("RMSNorm", [4], {"elementwise_affine": False, "eps": 1e-6}, ((6, 4),)),
    ("Embedding", [6, 4], {}, ((5, 7),)),
    ("Embedding", [6, 4], {"padding_idx": 2}, ((30,),)),
    ("Embedding", [6, 1], {"padding_idx": -1}, ((),)),
    ("Bilinear", [3, 4, 2], {}, ((6, 3), (6, 4))),
    ("Bilinear", [3, 2, 5], {"bias": False}, ((2, 3, 3), (2, 3, 2))),
]


def draw(random: np.random.Generator, module: str, args: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Labels for an embedding, with some twice; else numbers away from 0, unlike in each column."""
    if module == "Embedding":
        return np.asarray(random.integers(0, args[0], shape))
    return (random.normal(size=shape) * random.uniform(0.5, 3, shape[-1]) + 1.5).astype(np.float32)


def answers(number: int, case: tuple[str, list[Any], dict[str, Any], Any]) -> dict[str, np.ndarray]:
    """All arrays of one case."""
    name, args, options, shapes = case
    random, found = np.random.default_rng(number), {}
    module = getattr(torch.nn, name)(*args, **options).double()
    for parameter in module.parameters():
        parameter.data = torch.tensor(random.uniform(-2, 2, tuple(parameter.shape)).astype(np.float32)).double()
    found |= {f"state/{k}": v.numpy().copy() for k, v in module.state_dict().items()}
    for b in range(BATCHES):
        inputs = [draw(random, name, args, shape) for shape in shapes]
        twins = [torch.tensor(x.astype(np.float64), requires_grad=True) if x.dtype == np.float32 else torch.tensor(x) for x in inputs]
        out = module(*twins)
        g = random.normal(size=tuple(out.shape)).astype(np.float32)
        (out * torch.tensor(g)).sum().backward()
        found |= {f"in/{b}/{k}": x for k, x in enumerate(inputs)} | {f"g/{b}": g, f"out/{b}": out.detach().numpy()}
        found |= {f"dx/{b}/{k}": x.grad.numpy() for k, x in enumerate(twins) if x.requires_grad}
    found |= {f"grad/{k}": p.grad.numpy().copy() for k, p in module.named_parameters()}
    found |= {f"after/{k}": v.numpy().copy() for k, v in module.state_dict().items()}
    module.eval()
    twins = [torch.tensor(found[f"in/0/{k}"]).double().requires_grad_() if name != "Embedding" else torch.tensor(found[f"in/0/{k}"]) for k in range(len(shapes))]
    out = module(*twins)
    found["eval"] = out.detach().numpy()
    if name != "Embedding":
        (out * torch.tensor(found["g/0"])).sum().backward()
        found["evaldx"] = twins[0].grad.numpy()
    return {f"{number}/{key}": value for key, value in found.items()}


def main() -> None:
    """Writes the file beside this script."""
    cases = json.dumps([[name, args, options, len(shapes)] for name, args, options, shapes in CASES])
    every = [answers(i, case) for i, case in enumerate(CASES)]
    path = Path(__file__).with_name("norm_golden.npz")
    np.savez_compressed(path, cases=cases, batches=BATCHES, **{k: v for one in every for k, v in one.items()})
    print(f"{len(CASES)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
