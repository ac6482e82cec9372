"""Predict a number: features, hidden layers, batches, the learning rate, and how to read learning curves."""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import data, datasets, nn, optim


def load(columns=None):
    """The diabetes table, split and scaled: (x, y, x_val, y_val), and the scale of y."""
    table = datasets.load_diabetes(scaled=False)
    x, y = table.data, table.target.reshape(-1, 1)  # (442,) -> (442, 1), the shape that a net with one output node gives
    bmi, pressure = x[:, 2], x[:, 3]  # body mass index and blood pressure: two more features are made of them
    x = np.column_stack([x, bmi**2, bmi * pressure])[:, columns or slice(None)]
    x, x_val, y, y_val = data.train_test_split(x, y, test_size=0.25, random_state=0)
    # Scalers learn from the training part only: the validation part must stay unseen.
    of_x, of_y = data.StandardScaler().fit(x), data.StandardScaler().fit(y)
    parts = of_x.transform(x), of_y.transform(y), of_x.transform(x_val), of_y.transform(y_val)
    return tuple(map(mg.tensor, parts)), float(of_y.scale_[0])


def build(widths, activation=nn.ReLU):
    """Linear layers of these widths, with an activation after each but the last, as a prediction may be any number."""
    layers = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), activation()]
    return nn.Sequential(*layers[:-1])


def train(net, parts, epochs, lr, batch_size=32):
    """[(training error, validation error) after each epoch], as the mean squared error."""
    x, y, x_val, y_val = parts
    loader = data.DataLoader(data.TensorDataset(x, y), batch_size=batch_size, shuffle=True)
    optimizer, criterion = optim.Adam(net.parameters(), lr=lr), nn.MSELoss()

    @mg.jit
    def step(xb, yb):
        optimizer.zero_grad()
        criterion(net(xb), yb).backward()
        optimizer.step()

    history = []
    for _ in range(epochs):
        for xb, yb in loader:
            step(xb, yb)
        with mg.no_grad():
            history.append((criterion(net(x), y).item(), criterion(net(x_val), y_val).item()))
    return np.array(history)


def curve(widths, parts, epochs, lr, **more):
    """Trains a new net, from the same seed each time, so that runs differ only in what is varied."""
    mg.manual_seed(0)
    return train(build(widths), parts, epochs, lr, **more)


def main(epochs=80, plot=True, out=None):
    """The five parts of the lesson, top to bottom. out: the folder of the picture."""
    few, _ = load([2, 3, 8])  # body mass index, blood pressure, and one value of the blood serum
    parts, unit = load()

    print("1. One update of one weight: its new value is the old one minus learning rate times gradient")
    mg.manual_seed(0)
    net = build((3, 1))
    nn.functional.mse_loss(net(few[0]), few[1]).backward()
    weight, gradient = net[0].weight[0, 0].item(), net[0].weight.grad[0, 0].item()
    for lr in (0.1, 0.01):
        print(f"   {weight:+.4f} - {lr:4} * {gradient:+.4f} = {weight - lr * gradient:+.4f}")

    print(f"\n2. Features and hidden layers, {epochs} epochs. An error of 1 would be that of always guessing the mean")
    print("   widths           weights  training  validation  typical error, in units of y")
    shapes = (3, 1), (12, 1), (12, 2, 1), (12, 8, 4, 1), (12, 24, 6, 1)  # one that narrows, and one that widens first
    for widths in shapes:
        error, error_val = curve(widths, few if widths[0] == 3 else parts, epochs, lr=0.003)[-1]
        weights, name = sum(p.numel() for p in build(widths).parameters()), "-".join(map(str, widths))
        print(f"   {name:15}  {weights:7}  {error:8.3f}  {error_val:10.3f}  {unit * error_val**0.5:6.1f}")
    print("   More features help. More nodes always help in training; validation tells whether they really do.")

    print("\n3. Without an activation, layers collapse into one")
    deep = build((12, 8, 4, 1), activation=nn.Identity)
    with mg.no_grad():
        a, b, c = (layer for layer in deep if isinstance(layer, nn.Linear))
        weight, bias = c.weight @ b.weight @ a.weight, c.weight @ (b.weight @ a.bias + b.bias) + c.bias
        apart = (deep(parts[0]) - (parts[0] @ weight.T + bias)).abs().max().item()
    print(f"   12-8-4-1 without ReLU against a single 12-1 layer: predictions differ by {apart:.1e}, which is rounding")

    print("\n4. Batches: smaller ones mean more updates per epoch, each from fewer rows. Training error:")
    print(f"   batch_size  updates per epoch  after 1 epoch  after {epochs:4}")
    for size in (8, 32, len(parts[0])):
        errors = curve((12, 8, 4, 1), parts, epochs, lr=0.003, batch_size=size)[:, 0]
        updates = -(-len(parts[0]) // size)  # rounded up: the last batch may be smaller
        print(f"   {size:10}  {updates:17}  {errors[0]:14.3f}  {errors[-1]:13.3f}")

    print("\n5. Bad learning curves, and their remedies")
    narrow, wide = (12, 8, 4, 1), (12, 128, 64, 1)
    curves = {
        "good": curve(narrow, parts, epochs, lr=0.003),
        "underfitted": curve(narrow, parts, epochs, lr=0.0001),
        "more epochs": curve(narrow, parts, 10 * epochs, lr=0.0001),
        "jagged": curve(narrow, parts, epochs, lr=0.1),
        "smaller rate": curve(narrow, parts, epochs, lr=0.004),
        "overfitted": curve(wide, parts, epochs, lr=0.001),
    }
    best = int(curves["overfitted"][:, 1].argmin()) + 1
    curves["fewer epochs"] = curve(wide, parts, best, lr=0.001)
    print("   curve         epochs  training  validation  lowest validation  rises of training")
    for name, errors in curves.items():
        lowest, rises = int(errors[:, 1].argmin()), int((np.diff(errors[:, 0]) > 0.01).sum())
        print(f"   {name:12}  {len(errors):6}  {errors[-1, 0]:8.3f}  {errors[-1, 1]:10.3f}", end="")
        print(f"  {errors[lowest, 1]:6.3f} at {lowest + 1:3}  {rises:13}")
    print("   Underfitted: training ended while both errors were still falling. Train longer, or with a larger learning rate.")
    print("   Jagged: the steps are too large for the valley. Use a smaller learning rate.")
    print("   Overfitted: the training error keeps falling while the validation error rises. Train for fewer epochs.")
    if plot:
        draw(curves, out)


def draw(curves, out):
    """Shows the picture, or writes it to the folder out."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise SystemExit("The picture needs matplotlib: pip install 'minigrad-c[plot]', or --no-plot") from None
    figure, axes = plt.subplots(2, 4, figsize=(14, 6.5), sharey=True, layout="constrained")
    # Each bad curve is above its remedy.
    order = ("good", "underfitted", "jagged", "overfitted", None, "more epochs", "smaller rate", "fewer epochs")
    for ax, name in zip(axes.flat, order):
        if name:
            ax.plot(range(1, len(curves[name]) + 1), curves[name], label=("training", "validation"))
            ax.set(title=name, xlabel="epoch", ylabel="mean squared error", ylim=(0, 1.6))
            ax.legend()
    axes[1, 0].axis("off")
    if not out:
        return plt.show()
    Path(out).mkdir(parents=True, exist_ok=True)
    figure.savefig(Path(out) / "000_regression.png", dpi=100)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--no-plot", action="store_true")
    parser.add_argument("--save", metavar="FOLDER", help="write the picture there instead of showing it")
    given = parser.parse_args()
    main(given.epochs, not given.no_plot, given.save)
