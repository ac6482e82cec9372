"""The demo: from handwritten digits to a network that reads them, with everything a training run shows."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.data import DataLoader, TensorDataset, train_test_split
from minigrad.datasets import load_digits

if TYPE_CHECKING:
    from typing import Any

BATCH = 32


def load() -> dict[str, tuple[Any, Any]]:
    """Pixels scaled to [0, 1], and labels: a fifth held out for the test, a tenth of the rest for validation."""
    x, y = load_digits(return_X_y=True)
    x = x / np.float32(16)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, random_state=1, stratify=y)
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.1, random_state=2, stratify=y)
    parts = {"train": (x, y), "validation": (x_val, y_val), "test": (x_test, y_test)}
    return {name: (mg.tensor(a), mg.tensor(b)) for name, (a, b) in parts.items()}


def build() -> nn.Sequential:
    """64 pixels -> 10 scores through one wide hidden layer. Dropout on the pixels and, more, on the hidden layer is what
    lets so many units learn from so few images without learning them by heart (Srivastava et al. 2014)."""
    return nn.Sequential(
        nn.Dropout(0.1), nn.Linear(64, 512), nn.ReLU(),
        nn.Dropout(0.5), nn.Linear(512, 10),
    )  # fmt: skip


def evaluate(net: nn.Module, x: Any, y: Any) -> tuple[float, float]:
    """Loss and accuracy in evaluation mode."""
    net.eval()
    with mg.no_grad():
        scores = net(x)
        loss = nn.functional.cross_entropy(scores, y).item()
    net.train()
    return loss, float((scores.numpy().argmax(1) == y.numpy()).mean())


def train(net: nn.Module, parts: dict[str, tuple[Any, Any]], epochs: int, report: Any) -> dict[str, list[float]]:
    """Adam on cross-entropy, batches of 32 in a new order each epoch. Calls report(epoch, row) after each."""
    loader = DataLoader(TensorDataset(*parts["train"]), batch_size=BATCH, shuffle=True)
    optimizer, criterion = optim.Adam(net.parameters(), lr=2e-3, weight_decay=1e-4), nn.CrossEntropyLoss()
    history: dict[str, list[float]] = {name: [] for name in ("loss", "accuracy", "val_loss", "val_accuracy")}

    @mg.jit
    def step(x: Any, y: Any) -> None:
        optimizer.zero_grad()
        criterion(net(x), y).backward()
        optimizer.step()

    for epoch in range(1, epochs + 1):
        for x, y in loader:
            step(x, y)
        row = (*evaluate(net, *parts["train"]), *evaluate(net, *parts["validation"]))
        for name, value in zip(history, row, strict=True):
            history[name].append(value)
        report(epoch, row)
    return history


def draw(history: dict[str, list[float]], images: Any, labels: Any, read: Any, path: Path) -> None:
    """The learning curve, and below it digits that were misread."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context({"axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(9, 5.5), layout="constrained")
        FigureCanvasAgg(figure)
        parts: Any = figure.subfigures(2, 1, height_ratios=(2.4, 1))
        top, bottom = parts
        epochs = range(1, len(history["loss"]) + 1)
        for axis, name in zip(top.subplots(1, 2), ("loss", "accuracy"), strict=True):
            axis.plot(epochs, history[name], label="train")
            axis.plot(epochs, history["val_" + name], label="validation")
            axis.set(xlabel="epoch", ylabel=name)
            axis.legend(frameon=False)
        bottom.suptitle("misread in the test" if len(images) else "none misread in the test")
        for axis, image, label, guess in zip(
            bottom.subplots(1, 8), [*images, *[None] * 8], [*labels, *[0] * 8], [*read, *[0] * 8], strict=False
        ):
            axis.axis("off")
            if image is not None:
                axis.imshow(image.reshape(8, 8), cmap="gray_r")
                axis.set_title(f"{guess}, is {label}", fontsize=9)
        figure.savefig(path, dpi=120)


def as_text(images: Any, labels: Any, read: Any) -> str:
    """Digits side by side in characters."""
    shades = " .:-=+*#%@"
    lines = ["   ".join(f"read {r}, is {n}".ljust(16) for r, n in zip(read, labels, strict=True))]
    for row in range(8):
        lines.append(
            "   ".join("".join(shades[int(v * 9.99)] * 2 for v in image.reshape(8, 8)[row]) for image in images)
        )
    return "\n".join(lines)


def run(epochs: int, seed: int, out: str) -> int:
    """The whole demo; returns the exit status."""
    try:
        import matplotlib.figure  # noqa: F401 - drawing comes last, and must not fail then
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    except ImportError as missing:
        print(
            f"minigrad demo draws with matplotlib and rich, and {missing.name} is missing: pip install 'minigrad-c[plot]'",
            file=sys.stderr,
        )
        return 1
    path = Path(out).resolve()
    if not path.parent.is_dir() or path.suffix.lower() not in (".png", ".pdf", ".svg"):
        print(
            f"minigrad demo: argument --out: got {out}, expected a .png, .pdf or .svg file in a folder that exists.",
            file=sys.stderr,
        )
        return 2
    console = Console(highlight=False)
    mg.manual_seed(seed)
    parts, net = load(), build()
    count = sum(p.numel() for p in net.parameters())
    sizes = ", ".join(f"{len(y)} {name}" for name, (_, y) in parts.items())
    console.print(f"{net!r}\n{count:,} parameters; digits of 8x8 pixels: {sizes}\n", markup=False)
    console.print("epoch     loss  accuracy  val_loss  val_accuracy")
    start = time.perf_counter()
    columns = TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("training", total=epochs)

        def report(epoch: int, row: tuple[float, ...]) -> None:
            console.print("{:>5}  {:>7.4f}  {:>8.4f}  {:>8.4f}  {:>12.4f}".format(epoch, *row))
            bar.advance(task)

        history = train(net, parts, epochs, report)
    seconds = time.perf_counter() - start
    return _summary(console, net, parts, history, epochs, seconds, path)


def _summary(
    console: Any,
    net: nn.Module,
    parts: dict[str, tuple[Any, Any]],
    history: dict[str, list[float]],
    epochs: int,
    seconds: float,
    path: Path,
) -> int:
    x, y = parts["test"]
    loss, accuracy = evaluate(net, x, y)
    net.eval()
    with mg.no_grad():
        read = net(x).numpy().argmax(1)
    wrong = np.flatnonzero(read != y.numpy())
    shown = wrong[:8]
    images, labels, guesses = x.numpy()[shown], y.numpy()[shown], read[shown]
    draw(history, images, labels, guesses, path)
    steps = epochs * -(-len(parts["train"][1]) // BATCH)
    console.print(f"\ntest accuracy {accuracy:.2%} (loss {loss:.4f}): {len(wrong)} of {len(y)} digits misread")
    if len(shown):
        console.print(as_text(images[:4], labels[:4], guesses[:4]) + "\n", markup=False)
    console.print(f"learning curve: {path}", soft_wrap=True)
    console.print(
        f"trained for {epochs} epochs, {steps:,} steps, in {seconds:.2f} s ({seconds / epochs * 1e3:.1f} ms an epoch)"
    )
    return 0
