"""Keras's way: scale, build, compile, fit, evaluate, predict; for numbers, for two classes and for three."""

import argparse
from pathlib import Path

import numpy as np

from minigrad.data import MinMaxScaler, StandardScaler, train_test_split
from minigrad.datasets import load_breast_cancer, load_diabetes, load_iris
from minigrad.keras import Adam, Dense, EarlyStopping, Input, Sequential, clear_session, dl_history_plot, utils


def split_and_scale(x, y, scaler):
    """(x_train, x_val, y_train, y_val). The scaler learns from the training part and is applied to both."""
    x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.25, random_state=0)
    return scaler.fit_transform(x_train), scaler.transform(x_val), y_train, y_val


def build(features, *layers):
    """A model, named and initialised as if it were the first of the program."""
    clear_session()
    utils.set_random_seed(0)
    return Sequential([Input(shape=(features,)), *layers])


HEADING = "   model               epochs  training loss         validation loss"


def report(name, history, more=""):
    """A line under HEADING: the losses after the first epoch and after the last."""
    loss, val_loss = history["loss"], history["val_loss"]
    print(f"   {name:18}  {len(loss):6}  {loss[0]:9.4g} -> {loss[-1]:7.4g}  {val_loss[0]:9.4g} -> {val_loss[-1]:7.4g}{more}")


def main(epochs=50, plot=True, out=None):
    """The five parts of the lesson, top to bottom. out: the folder of the pictures."""
    histories = {}
    flowers, masses, patients = load_iris(), load_breast_cancer(), load_diabetes(scaled=False)

    print("1. Scaling: columns of different sizes get the same one (columns 0 and 3 of 30)")
    columns = masses.data[:, [0, 3]]
    for name, x in {
        "as measured": columns,
        "MinMaxScaler": MinMaxScaler().fit_transform(columns),
        "StandardScaler": StandardScaler().fit_transform(columns),
    }.items():
        for low, high, mean, std in zip(x.min(0), x.max(0), x.mean(0).round(2) + 0.0, x.std(0)):
            print(f"   {name:14}  from {low:8.2f} to {high:8.2f}, mean {mean:7.2f}, standard deviation {std:7.2f}")

    print("\n2. Regression: one node, no activation, the mean squared error. The target runs from 25 to 346")
    x_train, x_val, y_train, y_val = split_and_scale(patients.data, patients.target, MinMaxScaler())
    nfeatures = x_train.shape[1]
    model = build(nfeatures, Dense(1))
    model.summary()
    print(HEADING)
    for rate in (0.1, 1.0):  # the first ends while the errors are still falling: train longer, or with a larger rate
        model = build(nfeatures, Dense(1))
        model.compile(optimizer=Adam(learning_rate=rate), loss="mse")
        history = model.fit(x_train, y_train, epochs=epochs, validation_split=0.2, verbose=0).history
        report(f"Dense(1), rate {rate}", history)
    histories["regression"] = history
    print(f"   typical error on the rows held out: {model.evaluate(x_val, y_val, verbose=0) ** 0.5:.1f}")

    print("\n3. Hidden layers, with relu. A large net learns the rows by heart unless something stops it")
    x_train, x_val, y_train, y_val = split_and_scale(patients.data, patients.target, StandardScaler())
    models = {"2-1": (2,), "8-4-1": (8, 4), "256-128-1": (256, 128), "256-128-1, stopped": (256, 128)}
    print(f"{HEADING}       on rows held out")
    for name, nodes in models.items():
        model = build(nfeatures, *(Dense(n, activation="relu") for n in nodes), Dense(1))
        model.compile(optimizer=Adam(learning_rate=0.02), loss="mse")
        callbacks = [EarlyStopping(patience=10, restore_best_weights=True)] if name.endswith("stopped") else None
        history = model.fit(x_train, y_train, epochs=2 * epochs, validation_split=0.2, callbacks=callbacks, verbose=0).history
        report(name, history, f"{model.evaluate(x_val, y_val, verbose=0):17.4g}")
        if name == "256-128-1":
            histories["overfitted"] = history

    print("\n4. Two classes: one node with sigmoid gives a probability")
    x_train, x_val, y_train, y_val = split_and_scale(masses.data, masses.target, StandardScaler())
    model = build(x_train.shape[1], Dense(8, activation="relu"), Dense(1, activation="sigmoid"))
    model.compile(optimizer=Adam(learning_rate=0.01), loss="binary_crossentropy", metrics=["accuracy"])
    histories["two classes"] = model.fit(x_train, y_train, epochs=epochs, validation_split=0.2, verbose=0).history
    print(HEADING)
    report("8-1", histories["two classes"])
    lowest = int(np.argmin(histories["two classes"]["val_loss"])) + 1
    print(f"   validation loss was lowest at epoch {lowest} of {epochs}: what comes after is overfitting")
    probability = model.predict(x_val, verbose=0)
    answer = np.where(probability >= 0.5, 1, 0)  # (rows, 1): 1 where it is more likely than not
    for number in (0, 20, 40):
        print(f"   probability {probability[number, 0]:.3f} -> class {answer[number, 0]}; is {y_val[number]}")
    print(f"   right: {(answer[:, 0] == y_val).mean():.1%}, as evaluate says: {model.evaluate(x_val, y_val, verbose=0)[1]:.1%}")

    print("\n5. Three classes, numbered 0 to 2: three nodes with softmax give probabilities that add up to 1")
    x_train, x_val, y_train, y_val = split_and_scale(flowers.data, flowers.target, MinMaxScaler())
    model = build(x_train.shape[1], Dense(3, activation="softmax"))
    model.compile(optimizer=Adam(learning_rate=0.1), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    histories["three classes"] = model.fit(x_train, y_train, epochs=epochs, validation_split=0.2, verbose=0).history
    print(HEADING)
    report("3", histories["three classes"])
    probability = model.predict(x_val, verbose=0)
    answer = probability.argmax(axis=1)
    for number, species in enumerate(flowers.target_names):
        row = y_val.tolist().index(number)
        shares = ", ".join(f"{p:.3f}" for p in probability[row])
        print(f"   {shares}, together {probability[row].sum():.3f} -> {flowers.target_names[answer[row]]}; is {species}")
    print(f"   right: {(answer == y_val).mean():.1%}")
    if plot:
        draw(histories, out)


def draw(histories, out):
    """Shows a picture of each history, or writes it to the folder out."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise SystemExit("The pictures need matplotlib: pip install 'minigrad-c[plot]', or --no-plot") from None
    for name, history in histories.items():
        figure = dl_history_plot(history)
        figure.suptitle(name)
        figure.tight_layout()
        if out:
            Path(out).mkdir(parents=True, exist_ok=True)
            figure.savefig(Path(out) / f"004_keras_{name.replace(' ', '_')}.png", dpi=100)
    if not out:
        plt.show()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--no-plot", action="store_true")
    parser.add_argument("--save", metavar="FOLDER", help="write the pictures there in place of showing them")
    given = parser.parse_args()
    main(given.epochs, not given.no_plot, given.save)
