"""A net that learns 300 digits by heart, and cures side by side: dropout, augmentation, voting, learning rate decay."""

import argparse
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import data, datasets, nn, optim


def load():
    """Pixels from 0 to 1, and labels: only 300 images to learn from, on purpose; 300 to validate, and 899 to test."""
    x, y = datasets.load_digits(return_X_y=True)
    x, x_test, y, y_test = data.train_test_split(x / np.float32(16), y, test_size=0.5, random_state=1, stratify=y)
    x, x_val, y, y_val = data.train_test_split(x, y, test_size=300, random_state=2, stratify=y)
    return [(mg.tensor(a), mg.tensor(b)) for a, b in ((x[:300], y[:300]), (x_val, y_val), (x_test, y_test))]


def build(hidden, activation, dropout):
    """64 pixels -> hidden layers of these widths -> 10 scores; both ends are given by the task."""
    layers, width = [], 64
    for nodes in hidden:
        layers += [nn.Linear(width, nodes), activation(), nn.Dropout(dropout)]
        width = nodes
    return nn.Sequential(*layers, nn.Linear(width, 10))


def scores(net, x):
    """The scores of the net in evaluation mode, in which dropout is off."""
    with mg.no_grad():
        result = net.eval()(x)
    net.train()
    return result


def train(parts, epochs, hidden=(256, 256), activation=nn.ReLU, dropout=0.0, vary=None, schedule=None, seed=0):
    """A net, and (training loss, validation loss, learning rate) of each epoch."""
    mg.manual_seed(seed)
    net, criterion = build(hidden, activation, dropout), nn.CrossEntropyLoss()
    optimizer = optim.Adam(net.parameters(), lr=0.003)
    scheduler = schedule(optimizer) if schedule else None
    # A random transform is drawn whenever an image is read: every epoch sees other variants of the same images.
    seen = data.TransformDataset(data.TensorDataset(*parts[0]), vary)
    loader = data.DataLoader(seen, batch_size=32, shuffle=True)

    @mg.jit
    def step(x, y):
        optimizer.zero_grad()
        criterion(net(x), y).backward()
        optimizer.step()

    history = []
    for _ in range(epochs):
        for x, y in loader:
            step(x, y)
        loss, val_loss = (criterion(scores(net, x), y).item() for x, y in parts[:2])
        history.append((loss, val_loss, optimizer.param_groups[0]["lr"]))
        if isinstance(scheduler, optim.lr_scheduler.ReduceLROnPlateau):
            scheduler.step(val_loss)  # this one follows the validation loss, the other the number of the epoch
        elif scheduler:
            scheduler.step()
    return net, np.array(history)


def main(epochs=80, plot=True, out=None):
    """The four parts of the lesson, top to bottom. out: the folder of the picture."""
    parts = (x, _), (x_val, y_val), (x_test, y_test) = load()

    print(f"1. Wider and deeper, {epochs} epochs")
    print("   hidden layers     weights  training loss  validation accuracy")
    shapes = [(8,), (64,), (256,), (64, 64), (64, 64, 64), (64, 64, 64)]
    for hidden, activation in zip(shapes, [nn.ReLU] * 5 + [nn.Sigmoid]):
        net, history = train(parts, epochs, hidden, activation)
        weights, name = sum(p.numel() for p in net.parameters()), f"{'-'.join(map(str, hidden))} {activation.__name__}"
        right = (scores(net, x_val).argmax(1) == y_val).float().mean().item()
        print(f"   {name:16}  {weights:7,}  {history[-1, 0]:13.4f}  {right:19.1%}")

    print(f"\n2. Batch, iteration, epoch: {len(x)} images")
    for size in (1, 32, len(x)):
        count = len(data.DataLoader(x, batch_size=size))
        print(f"   batches of {size:3}: {count:3} iterations make an epoch, {epochs} epochs are {count * epochs:,} updates")

    print("\n3. Overfitting: two layers of 256 nodes")
    _, history = train(parts, epochs)
    for when, row in ("where validation was best", history[:, 1].argmin()), ("at the end", epochs - 1):
        print(f"   epoch {row + 1:3}, {when:25}: training loss {history[row, 0]:.4f}, validation loss {history[row, 1]:.4f}")

    print("\n4. Cures: each the mean of five nets that start from different weights")
    vary = data.transforms.RandomAffine(degrees=10, shift=0.06, zoom=0.1, image_shape=(8, 8))
    step = lambda optimizer: optim.lr_scheduler.StepLR(optimizer, step_size=max(epochs // 3, 1), gamma=0.1)
    plateau = lambda optimizer: optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=5)
    cures = {
        "none": {}, "dropout": {"dropout": 0.5}, "augmentation": {"vary": vary}, "StepLR": {"schedule": step},
        "ReduceLROnPlateau": {"schedule": plateau}, "all, with StepLR": {"dropout": 0.2, "vary": vary, "schedule": step},
    }  # fmt: skip
    print("                     training loss  test loss  accuracy  five vote  unrest of validation loss")
    curves = {}
    for name, cure in cures.items():
        runs = [train(parts, epochs, seed=seed, **cure) for seed in range(5)]
        outputs = [scores(net, x_test) for net, _ in runs]
        loss = np.mean([nn.functional.cross_entropy(output, y_test).item() for output in outputs])
        answers = np.array([output.numpy().argmax(1) for output in outputs])
        votes = np.array([np.bincount(column).argmax() for column in answers.T])  # the majority of the five
        histories = np.array([history for _, history in runs])
        curves[name], unrest = histories.mean(0), histories[:, -20:, 1].std(1).mean()
        single, together = (answers == y_test.numpy()).mean(), (votes == y_test.numpy()).mean()
        print(f"   {name:17}  {curves[name][-1, 0]:13.4f}  {loss:9.3f}  {single:8.2%}  {together:9.2%}  {unrest:25.4f}")
    print("""   Cures raise the training loss and lower the test loss. A vote helps most where nets differ, as with augmentation.
   A falling rate lets the net settle: unrest is the standard deviation over the last 20 epochs.""")
    if plot:
        draw(curves, x[0], vary, out)


def draw(curves, image, vary, out):
    """Shows the picture, or writes it to the folder out."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise SystemExit("The picture needs matplotlib: pip install 'minigrad-c[plot]', or --no-plot") from None
    top, bottom = plt.figure(figsize=(14, 6.5), layout="constrained").subfigures(2, 1, height_ratios=(3, 1))
    fit, cures, rates = top.subplots(1, 3)
    epochs = range(1, len(curves["none"]) + 1)
    fit.plot(epochs, curves["none"][:, :2], label=("training", "validation"))
    fit.set(title="overfitting", xlabel="epoch", ylabel="cross-entropy")
    for name, curve in curves.items():
        cures.plot(epochs, curve[:, 1], label=name)
        rates.semilogy(epochs, curve[:, 2], label=name)
    cures.set(title="cures", xlabel="epoch", ylabel="cross-entropy in validation", ylim=(0.1, 0.45))
    rates.set(title="learning rates", xlabel="epoch", ylabel="mean of five nets")
    for axes in (fit, cures, rates):
        axes.legend()
    bottom.suptitle("one image, and what augmentation makes of it")
    for axes, copy in zip(bottom.subplots(1, 10), [image, *(vary(image) for _ in range(9))]):
        axes.imshow(copy.numpy().reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        axes.axis("off")
    if not out:
        return plt.show()
    Path(out).mkdir(parents=True, exist_ok=True)
    plt.savefig(Path(out) / "002_overfitting.png", dpi=100)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--no-plot", action="store_true")
    parser.add_argument("--save", metavar="FOLDER", help="write the picture there instead of showing it")
    given = parser.parse_args()
    main(given.epochs, not given.no_plot, given.save)
