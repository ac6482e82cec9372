"""A single neuron: forward, loss, backward and update, number by number, and then what it has learned."""

import argparse
from pathlib import Path

import minigrad as mg
from minigrad import nn, optim

X = mg.tensor([[1.0, 3.0], [2.0, 1.0], [0.0, 2.0], [3.0, 2.0], [1.0, 0.0]])
Y = mg.tensor([[-0.5], [3.5], [-1.5], [4.5], [2.5]])  # 2 x1 - 1 x2 + 0.5


class Neuron(nn.Module):
    """y = w1 x1 + w2 x2 + b."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 1)

    def forward(self, x):
        """x: (N, 2). Returns (N, 1)."""
        return self.linear(x)


def show_step(neuron, criterion, optimizer):
    """Prints one training step with all its numbers."""
    w, b = neuron.linear.weight, neuron.linear.bias
    print(f"   parameters  w = {rounded(w)}, b = {rounded(b)}")
    said = neuron(X)
    print(f"   forward     says {rounded(said)}, should say {rounded(Y)}")
    loss = criterion(said, Y)
    print(f"   loss        mean of (said - should)^2 = {loss.item():.4f}")
    print("   the tape    what was recorded; backward visits it from the last line up:")
    print("".join(f"      {line}\n" for line in str(mg.tape(loss, names=neuron)).splitlines()), end="")
    optimizer.zero_grad()
    loss.backward()
    print(f"   backward    d loss / d w = {rounded(w.grad)}, d loss / d b = {rounded(b.grad)}")
    error = (said - Y).detach()
    by_hand = (2 * error * X).mean(0), 2 * error.mean()
    print(f"   by hand     mean of 2 error x = {rounded(by_hand[0])}, mean of 2 error = {rounded(by_hand[1])}")
    optimizer.step()
    print(f"   update      - lr gradient: w = {rounded(w)}, b = {rounded(b)}")
    print(f"   and so      the loss falls from {loss.item():.4f} to {criterion(neuron(X), Y).item():.4f}")


def rounded(x):
    """The numbers of a tensor, to 3 places."""
    return [round(number, 3) for number in x.detach().reshape(-1).tolist()]


def main(epochs=1000, plot=True, out=None):
    """One step in slow motion, then whole epochs. out: the folder of the picture."""
    mg.manual_seed(0)
    neuron = Neuron()
    criterion, optimizer = nn.MSELoss(), optim.SGD(neuron.parameters(), lr=0.05)

    print("1. One step, by hand")
    show_step(neuron, criterion, optimizer)

    print(f"\n2. {epochs} more, captured by mg.jit")

    @mg.jit
    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(neuron(x), y)
        loss.backward()
        optimizer.step()
        return loss

    losses, path = [], []
    for epoch in range(1, epochs + 1):
        losses.append(step(X, Y).item())
        path.append([*rounded(neuron.linear.weight), *rounded(neuron.linear.bias)])
        if epoch in (1, 10, 100, epochs):
            print(f"   epoch {epoch:4}   loss {losses[-1]:.2e}")

    print("\n3. What it learned. The numbers were made by 2 x1 - 1 x2 + 0.5")
    for name, parameter in neuron.named_parameters():
        print(f"   {name:13} {rounded(parameter)}")
    said = neuron(mg.tensor([[1.0, 1.0]])).item()
    print(f"   One more of x1 adds w1, one more of x2 adds w2, and b is said of [0, 0]. Of [1, 1] it says {said:.3f}.")
    if plot:
        draw(losses, path, out)


def draw(losses, path, out):
    """Shows the picture, or writes it to the folder out."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise SystemExit("The picture needs matplotlib: pip install 'minigrad-c[plot]', or --no-plot") from None
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    epochs = range(1, len(losses) + 1)
    left.loglog(epochs, losses)
    left.set(title="loss", xlabel="epoch", ylabel="mean squared error")
    for name, values, made_by in zip(("w1", "w2", "b"), zip(*path), (2.0, -1.0, 0.5)):
        (line,) = right.semilogx(epochs, values, label=name)
        right.axhline(made_by, color=line.get_color(), linestyle=":")
    right.set(title="parameters, and what made the numbers (dotted)", xlabel="epoch")
    right.legend()
    if not out:
        return plt.show()
    Path(out).mkdir(parents=True, exist_ok=True)
    figure.savefig(Path(out) / "003_neuron.png", dpi=100)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--no-plot", action="store_true")
    parser.add_argument("--save", metavar="FOLDER", help="write the picture there instead of showing it")
    given = parser.parse_args()
    main(given.epochs, not given.no_plot, given.save)
