"""Few digits: L1, L2, dropout and more data against overfitting in a feed-forward net; then an autoencoder."""

import argparse
from pathlib import Path

import minigrad as mg
from minigrad import data, datasets, nn, optim


def stepper(model, optimizer, loss_of):
    """A training step, which from its second run on is a single call to C."""

    @mg.jit
    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def classify(train, test, epochs, penalty=None, dropout=0.0):
    """Trains a feed-forward net. Returns its training and test loss, its test accuracy, the share of weights near 0, and
    the sum of squared weights."""
    mg.manual_seed(0)  # the same start and the same batches, whatever is tried
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(dropout), nn.Linear(128, 10))
    criterion = nn.CrossEntropyLoss()
    loss_of = lambda scores, y: criterion(scores, y) if penalty is None else criterion(scores, y) + penalty(net)
    step = stepper(net, optim.Adam(net.parameters(), lr=0.003), loss_of)
    loader = data.DataLoader(data.TensorDataset(*train), batch_size=50, shuffle=True)
    for _ in range(epochs):
        for x, y in loader:
            step(x, y)
    net.eval()  # dropout is only for training
    with mg.no_grad():
        losses = [criterion(net(x), y).item() for x, y in (train, test)]
        accuracy = (net(test[0]).argmax(1) == test[1]).float().mean().item()
    weights = mg.cat([net[0].weight.detach().reshape(-1), net[3].weight.detach().reshape(-1)])
    return *losses, accuracy, (weights.abs() < 0.001).float().mean().item(), weights.square().sum().item()


def autoencode(x, code, epochs):
    """A net that reproduces its input through a code of `code` numbers, and its loss in each epoch."""
    mg.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, code))
    decoder = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid())  # pixels lie in 0 to 1
    model = nn.Sequential(encoder, decoder)
    step = stepper(model, optim.Adam(model.parameters(), lr=0.003), nn.MSELoss())
    loader = data.DataLoader(data.TensorDataset(x), batch_size=50, shuffle=True)
    return model, [sum(step(x, x).item() for (x,) in loader) / len(loader) for _ in range(epochs)]


def main(epochs=60, plot=True, out=None):
    """Both lessons, each with so many epochs. out: the folder of the picture."""
    pixels, digits = datasets.load_digits(return_X_y=True)
    parts = data.train_test_split(pixels / 16, digits, test_size=0.25, random_state=0, stratify=digits)
    x_train, x_test, y_train, y_test = map(mg.tensor, parts)

    print("1. Against overfitting: a net of 9,610 parameters, 200 digits to learn from, 450 to be tested on; six times")
    few = [(x_train[i : i + 200], y_train[i : i + 200]) for i in range(0, 1200, 200)]  # a single run might be luck
    ways = {
        "nothing": {},
        "L1": {"penalty": lambda net: nn.utils.l1_penalty(net, 3e-4)},
        "L2": {"penalty": lambda net: nn.utils.l2_penalty(net, 1e-3)},
        "dropout": {"dropout": 0.5},
    }
    print("                 loss in training  in test  accuracy  weights at 0  sum of squares")
    everything = [(x_train[:1200], y_train[:1200])]
    for name, way, sets in [*((name, way, few) for name, way in ways.items()), ("1,200 digits", {}, everything)]:
        runs = mg.tensor([classify(train, (x_test, y_test), 2 * epochs, **way) for train in sets])
        seen, unseen, accuracy, zeros, squares = runs.mean(0).tolist()
        print(f"   {name:13} {seen:16.4f}  {unseen:7.3f}  {accuracy:8.3f}  {zeros:12.1%}  {squares:14.1f}")
    print("   The plain net has learnt by heart. L1 removes weights, L2 makes all of them smaller, dropout")
    print("   lets no unit rely on another: each gains a little. More digits to learn from gain far more.")

    print(f"\n2. An autoencoder: 64 pixels through few numbers and back, {epochs} epochs")
    mean = ((x_test - x_train.mean(0)) ** 2).mean().item()
    print(f"   error of the mean digit, with no code at all: {mean:.4f}")
    one_of_each = x_test[[y_test.tolist().index(digit) for digit in range(10)]]
    pictures, curves = [one_of_each], {}
    for code in (2, 8, 32):
        model, curves[code] = autoencode(x_train, code, epochs)
        with mg.no_grad():
            pictures.append(model(one_of_each))
            error = nn.MSELoss()(model(x_test), x_test).item()
        print(f"   {code:2} numbers: error {curves[code][-1]:.4f} in training, {error:.4f} for digits not seen before")
    print("   It reproduces what the code has room for. No label was used.")
    if plot:
        draw(pictures, curves, out)


def draw(pictures, curves, out):
    """Shows the picture, or writes it to the folder out."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise SystemExit("The picture needs matplotlib: pip install 'minigrad-c[plot]', or --no-plot") from None
    figure = plt.figure(figsize=(9, 7.5), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.2, 1))
    rows = top.subplots(len(pictures), 10)
    for row, images, name in zip(rows, pictures, ["digit", *(f"{code} numbers" for code in curves)]):
        for axis, image in zip(row, images.tolist()):
            axis.imshow([image[i : i + 8] for i in range(0, 64, 8)], cmap="gray_r", vmin=0, vmax=1)
            axis.set(xticks=[], yticks=[])
        row[0].set_ylabel(name, rotation=0, horizontalalignment="right", verticalalignment="center")
    axis = bottom.subplots()
    for code, losses in curves.items():
        axis.semilogy(range(1, len(losses) + 1), losses, label=f"{code} numbers")
    axis.set(xlabel="epoch", ylabel="mean squared error, training")
    axis.legend()
    if not out:
        return plt.show()
    Path(out).mkdir(parents=True, exist_ok=True)
    figure.savefig(Path(out) / "003_autoencoder.png", dpi=100)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--no-plot", action="store_true")
    parser.add_argument("--save", metavar="FOLDER", help="write the picture there instead of showing it")
    given = parser.parse_args()
    main(given.epochs, not given.no_plot, given.save)
