"""Writes neuron_golden.npz: the losses of one linear neuron that PyTorch trains for 1000 epochs, epoch by epoch.

Run by hand, with PyTorch installed: `python tests/data/make_neuron_golden.py`. Yield of a field against rain,
sunshine and fertiliser, with noise, so that the loss falls to a rest and not to 0.

features (6, 3), yields (6, 1); weight (1, 3) and bias (1,) at the start, all float32
losses.float32, losses.float64   (1000,) the mean squared error before each epoch's step
weight.float32, bias.float32, ... where the neuron ends
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

EPOCHS = 1000
LEARNING_RATE = 0.05


def field() -> dict[str, np.ndarray]:
    random = np.random.default_rng(2)
    features = random.uniform(-1, 1, (6, 3))
    yields = features @ [[0.9], [1.4], [-0.6]] + 0.3 + random.normal(size=(6, 1)) * 2.5
    start = {"weight": random.uniform(-0.5, 0.5, (1, 3)), "bias": random.uniform(-0.5, 0.5, 1)}
    return {k: v.astype(np.float32) for k, v in {"features": features, "yields": yields, **start}.items()}


def train(given: dict[str, np.ndarray], dtype: type) -> dict[str, np.ndarray]:
    tensors = {k: torch.tensor(v.astype(dtype)) for k, v in given.items()}
    neuron = torch.nn.Linear(3, 1, dtype=tensors["weight"].dtype)
    neuron.load_state_dict({"weight": tensors["weight"], "bias": tensors["bias"]})
    optimizer, criterion = torch.optim.SGD(neuron.parameters(), lr=LEARNING_RATE), torch.nn.MSELoss()
    losses = []
    for _ in range(EPOCHS):
        loss = criterion(neuron(tensors["features"]), tensors["yields"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    name = np.dtype(dtype).name
    ends = {f"{k}.{name}": v.detach().numpy() for k, v in neuron.named_parameters()}
    return {f"losses.{name}": np.array(losses, dtype), **ends}


def main() -> None:
    torch.set_num_threads(1)
    given = field()
    path = Path(__file__).with_name("neuron_golden.npz")
    np.savez_compressed(path, **given, **train(given, np.float32), **train(given, np.float64))


if __name__ == "__main__":
    main()
