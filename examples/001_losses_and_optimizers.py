"""What is minimised, how, and with what result: losses, valleys, learning rates, optimizers, metrics."""

import argparse
from pathlib import Path

import minigrad as mg
from minigrad import data, datasets, nn, optim


def stepper(optimizer, loss_of):
    """The training step that all parts use: forward, loss, backward, update."""

    @mg.jit
    def step(*batch):
        optimizer.zero_grad()
        loss = loss_of(*batch)
        loss.backward()
        optimizer.step()
        return loss

    return step


def descend(f, start, optimizer_of, steps):
    """The points that an optimizer visits on its way down f."""
    point = mg.tensor(start, requires_grad=True)
    step = stepper(optimizer_of([point]), lambda: f(point))
    path = [point.tolist()]
    for _ in range(steps):
        step()
        path.append(point.tolist())
    return path


def train(optimizer_of, x, y, epochs):
    """Trains a net to tell malignant from benign. Returns it, and its mean loss in each epoch."""
    mg.manual_seed(0)  # the same start, and the same batches, for every optimizer
    net = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0))
    loader = data.DataLoader(data.TensorDataset(x, y), batch_size=32, shuffle=True)
    criterion = nn.BCEWithLogitsLoss()
    step = stepper(optimizer_of(net.parameters()), lambda x, y: criterion(net(x), y))
    return net, [sum(step(xb, yb).item() * len(xb) for xb, yb in loader) / len(x) for _ in range(epochs)]


def main(epochs=20, plot=True, out=None):
    """The six parts of the lesson, top to bottom; epochs are those of the last. out: the folder of the picture."""
    sgd = lambda lr, **more: lambda points: optim.SGD(points, lr=lr, **more)
    adam = lambda lr: lambda points: optim.Adam(points, lr=lr)

    print("1. One outlier. The points lie on y = 2 x + 1, except the last, which was mistyped as 30")
    x = mg.linspace(0, 2, 20)
    y = mg.cat([2 * x[:-1] + 1, mg.tensor([30.0])])
    lines = {
        "MSE": descend(lambda line: nn.functional.mse_loss(line[0] * x + line[1], y), [0.0, 0.0], adam(0.01), 4000)[-1],
        "MAE": descend(lambda line: nn.functional.l1_loss(line[0] * x + line[1], y), [0.0, 0.0], adam(0.01), 4000)[-1],
    }
    for name, (slope, intercept) in lines.items():
        print(f"   {name}   y = {slope:.2f} x {intercept:+.2f}")
    print("   MSE's gradient grows with the error, so one point can pull the line away; MAE's is +1 or -1, whatever the error.")

    print("\n2. Cross-entropy is -log(probability of what is true), in three forms")
    cross_entropy, scores = nn.CrossEntropyLoss(), mg.tensor([[2.0, 0.5, -1.0], [0.1, 0.2, 3.0]])
    print(f"   class numbers:                  {cross_entropy(scores, mg.tensor([0, 2])).item():.6f}")
    rows = mg.tensor(data.to_categorical([0, 2], num_classes=3))  # [[1, 0, 0], [0, 0, 1]]
    print(f"   one-hot rows, or probabilities: {cross_entropy(scores, rows).item():.6f}")
    binary = nn.BCEWithLogitsLoss()(mg.tensor([1.5]), mg.tensor([1.0])).item()
    pair = mg.tensor([[0.0, 1.5]])  # two classes need only one score: that of the other counts as 0
    print(f"   binary: {binary:.6f}, and as two classes {cross_entropy(pair, mg.tensor([1])).item():.6f}")
    print("   where the truth was given 0.99, 0.5 or 0.01:", *(f"{-mg.tensor(p).log():.3f}" for p in (0.99, 0.5, 0.01)))

    print("\n3. Valleys, and where plain gradient descent ends from three starts")
    bowl, valleys = lambda x: x**2, lambda x: x**4 - 3 * x**2 + x
    starts = (-2.0, 0.0, 2.0)
    paths = [descend(valleys, x0, sgd(0.02), 200) for x0 in starts]
    bottoms = [descend(bowl, x0, sgd(0.1), 200)[-1] for x0 in starts]
    for name, ends in ("convex: x^2", bottoms), ("non-convex: x^4 - 3 x^2 + x", [path[-1] for path in paths]):
        print(f"   {name:29}" + "   ".join(f"{x0:+.0f} -> {end:+.3f}" for x0, end in zip(starts, ends)))
    print("   At +1.131 no step leads down, but -1.301 is deeper: the start decides.")

    print("\n4. A saddle: x^2 - y^2 + y^4 / 2 falls from (0, 0) to both sides, and has no slope at (0, 0)")
    saddle = lambda p: p[0] ** 2 - p[1] ** 2 + p[1] ** 4 / 2
    print(f"   second derivatives there: {mg.hessian(saddle)(mg.tensor([0.0, 0.0])).tolist()}: up in x, down in y")
    optimizers = lambda lr: {"SGD": sgd(lr), "momentum": sgd(lr, momentum=0.9), "Adam": adam(lr)}
    for name, way in optimizers(0.05).items():
        ridge = descend(saddle, [1.0, 0.0], way, 200)[-1]
        nudged = [abs(y) > 0.5 for _, y in descend(saddle, [1.0, 1e-6], way, 400)].index(True)
        print(f"   {name:9} from y = 0: after 200 steps y = {ridge[1]:g}; from y = 1e-6: away after {nudged} steps")
    print("   On the ridge, no gradient points away from it. A nudge is enough, such as the noise of batches.")

    print("\n5. Learning rates for x^2, from x = 1, 30 steps")
    rates = {f"lr {lr:5}": [x * x for x in descend(bowl, 1.0, sgd(lr), 30)] for lr in (0.001, 0.1, 0.95, 1.05)}
    for (lr, losses), verdict in zip(rates.items(), ("too small", "good", "leaps from side to side", "diverges")):
        print(f"   {lr}: x^2 = {losses[-1]:9.2e}   {verdict}")

    print(f"\n6. Three optimizers, {epochs} epochs: malignant or benign, from 30 measurements")
    features, target = datasets.load_breast_cancer(return_X_y=True)
    malignant = (target == 0).astype("float32")  # the positive class is what a test looks for
    parts = data.train_test_split(features, malignant, test_size=0.25, random_state=0, stratify=malignant)
    scaler = data.StandardScaler().fit(parts[0])  # on the training part only: the rest must stay unseen
    x_train, x_test = (mg.tensor(scaler.transform(part)) for part in parts[:2])
    trained = {name: train(way, x_train, mg.tensor(parts[2]), epochs) for name, way in optimizers(0.01).items()}
    print("             loss   accuracy  precision  recall   confusion [[TN, FP], [FN, TP]]")
    for name, (net, losses) in trained.items():
        said = net(x_test) > 0  # a score above 0 is a probability above 0.5
        truth = mg.tensor(parts[3])
        (tn, fp), (fn, tp) = [[int(((truth == t) & (said == s)).sum()) for s in (0, 1)] for t in (0, 1)]
        numbers = f"{(tp + tn) / len(truth):8.3f}  {tp / max(tp + fp, 1):9.3f}  {tp / (tp + fn):6.3f}"
        print(f"   {name:9} {losses[-1]:.3f}  {numbers}   [[{tn}, {fp}], [{fn}, {tp}]]")
    print("   precision: how many alarms are right; recall: how many malignant cases are found.")
    if plot:
        draw(lines, x, y, paths, valleys, rates, {name: losses for name, (_, losses) in trained.items()}, out)


def draw(lines, x, y, paths, valleys, rates, curves, out):
    """Shows the picture, or writes it to the folder out."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise SystemExit("The picture needs matplotlib: pip install 'minigrad-c[plot]', or --no-plot") from None
    figure, ((ax, valley), (rate, curve)) = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    ax.scatter(x.tolist(), y.tolist(), color="black", s=12)
    for name, (slope, intercept) in lines.items():
        ax.plot([0, 2], [intercept, intercept + 2 * slope], label=name)
    ax.set(title="a line, by two losses", xlabel="x", ylabel="y")
    ground = mg.linspace(-2.05, 2.05, 200)
    valley.plot(ground.tolist(), valleys(ground).tolist(), color="lightgray", linewidth=4)
    for path in paths:
        valley.plot(path, [valleys(x) for x in path], ".-", label=f"from {path[0]:+.0f}")
    valley.set(title="two valleys", xlabel="x", ylabel="$x^4 - 3x^2 + x$")
    rate.set(title="learning rates", xlabel="step", ylabel="$x^2$")
    curve.set(title="malignant or benign", xlabel="epoch, from 0", ylabel="cross-entropy in training")
    for axis, histories in (rate, rates), (curve, curves):
        for name, losses in histories.items():
            axis.semilogy(losses, label=name)
    for axis in figure.axes:
        axis.legend()
    if not out:
        return plt.show()
    Path(out).mkdir(parents=True, exist_ok=True)
    figure.savefig(Path(out) / "001_losses_and_optimizers.png", dpi=100)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20, help="of the last part")
    parser.add_argument("--no-plot", action="store_true")
    parser.add_argument("--save", metavar="FOLDER", help="write the picture there instead of showing it")
    given = parser.parse_args()
    main(given.epochs, not given.no_plot, given.save)
