"""Draw the pictures of docs/techniques: `python docs/techniques/draw.py [NAME ...]`, from the root.

Formulas are drawn by the functions that training uses; everything else is measured here, on tables
that come with scikit-learn, with several seeds.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import formulas  # noqa: F401  (its pictures register themselves)
import matplotlib as mpl
import numpy as np
from canvas import PICTURES, panels, picture, points
from experiments import (
    CLASSIFIER,
    SEEDS,
    curves,
    diabetes,
    digits,
    error_rates,
    log_losses,
)
from matplotlib import pyplot

import kohort
from kohort.style import COLORS, GRAY, STYLE

FOLDER = Path(__file__).parent / "pictures"


@picture
def noise() -> Any:
    figure, (left, right) = panels(2)
    model = kohort.DenseClassifier(**CLASSIFIER)
    deviations = [0.0, 0.1, 0.2, 0.4, 0.8, 1.6]
    points(left, error_rates(model, {"gaussian_noise": deviations}), "gaussian_noise")
    left.set(xlabel="gaussian_noise", ylabel="test error, %")
    left.set_title("Noise on standardised inputs")
    selu = kohort.DenseClassifier(**CLASSIFIER | {"activation": "selu", "depth": 6})
    rates = [0.0, 0.05, 0.1, 0.2, 0.3, 0.5]
    for name in ("dropout", "alpha_dropout"):
        points(right, error_rates(selu, {name: rates}), name, name)
    right.set(xlabel="share", ylabel="test error, %")
    right.set_title("6 SELU layers")
    right.legend()
    return figure


@picture
def weight_averaging() -> Any:
    figure, (axes,) = panels(1, 7)
    base = CLASSIFIER | {"learning_rate": 0.01, "epochs": 25, "batch_size": 8}
    kinds = {"none": {}, **{f"ema_momentum={m}": {"ema_momentum": m} for m in (0.9, 0.99, 0.999)}}
    found = curves({k: base | v for k, v in kinds.items()}, digits(), kohort.DenseClassifier)
    for label, values in found.items():
        axes.plot(np.arange(1, 26), values, label=label)
    axes.set(yscale="log", xlabel="epoch", ylabel="validation loss")
    axes.set_title(f"Adam, rate 0.01, batches of 8; median of {SEEDS} seeds")
    axes.legend()
    return figure


@picture
def early_stopping() -> Any:
    figure, (axes,) = panels(1, 7)
    X, y = diabetes()
    fields = {"width": 64, "epochs": 60, "random_state": 0, "patience": 10}
    stopped = kohort.DenseRegressor(**fields).fit(
        X[::2], y[::2], validation_data=(X[1::2], y[1::2])
    )
    whole = kohort.DenseRegressor(**fields | {"early_stopping": False})
    whole.fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]))
    for name in ("loss", "val_loss"):
        axes.plot(np.arange(1, 61), whole.history_[name], label=name)
    best, last = stopped.best_epoch_ + 1, stopped.n_epochs_
    axes.axvline(best, color=GRAY)
    axes.axvspan(best, last, color=GRAY, alpha=0.15, linewidth=0)
    axes.annotate("weights kept", (best, 0.95), (4, 0), xycoords=("data", "axes fraction"),
                  textcoords="offset points", color=GRAY)  # fmt: skip
    axes.set(xlabel="epoch", ylabel="loss")
    axes.set_title("Diabetes table; shaded: patience")
    axes.legend(loc="lower left")
    return figure


@picture
def label_smoothing() -> Any:
    figure, (left, right) = panels(2)
    grid = {"label_smoothing": [0.0, 0.02, 0.05, 0.1, 0.2, 0.4]}
    model = kohort.DenseClassifier(**CLASSIFIER)
    for axes, measure, name in (
        (left, log_losses, "negative log-likelihood"), (right, error_rates, "test error, %"),
    ):  # fmt: skip
        points(axes, measure(model, grid), "label_smoothing")
        axes.set(xlabel="label_smoothing", ylabel=name, title="2x64 on 539 digits")
    return figure


def _band(axes: Any, title: str, **fields: Any) -> None:
    """A sine known on two intervals, the mean and two deviations of several passes."""
    generator = np.random.default_rng(0)
    x = np.concatenate([generator.uniform(-3, -1, 60), generator.uniform(1, 3, 60)])
    y = np.sin(2 * x) + 0.1 * generator.normal(size=120)
    model = kohort.DenseRegressor(
        depth=3, width=64, epochs=300, early_stopping=False, learning_rate=3e-3, random_state=0,
        **fields,
    ).fit(x[:, None], y)  # fmt: skip
    at = np.linspace(-5, 5, 401)
    mean, deviation = model.predict(at[:, None], return_std=True)
    axes.fill_between(at, mean - 2 * deviation, mean + 2 * deviation, color=COLORS[1], alpha=0.2)
    axes.plot(at, mean, color=COLORS[1])
    axes.plot(x, y, ".", color=COLORS[0], markersize=4)
    axes.set(ylim=(-4, 4), xlabel="x", title=title)


@picture
def monte_carlo_dropout() -> Any:
    figure, (left, right) = panels(2)
    _band(left, "dropout=0.05", dropout=0.05, mc_samples=200)
    _band(right, "dropout=0.2", dropout=0.2, mc_samples=200)
    return figure


@picture
def deep_ensembles() -> Any:
    figure, (left, right) = panels(2)
    _band(left, "n_networks=10", n_networks=10)
    sizes = [1, 2, 3, 5, 8, 12]
    model = kohort.DenseClassifier(**CLASSIFIER)
    points(right, log_losses(model, {"n_networks": sizes}), "n_networks")
    right.set(xlabel="n_networks", ylabel="negative log-likelihood", title="2x64 on 539 digits")
    return figure


def main(names: list[str]) -> None:
    """Draw the named pictures, or all."""
    unknown = set(names) - set(PICTURES)
    if unknown:
        sys.exit(f"unknown picture {sorted(unknown)}; choose from {', '.join(PICTURES)}")
    FOLDER.mkdir(exist_ok=True)
    for name in names or PICTURES:
        with mpl.rc_context(STYLE):
            figure = PICTURES[name]()
            figure.savefig(FOLDER / f"{name}.png", dpi=100)
        pyplot.close(figure)
        print(FOLDER / f"{name}.png")


if __name__ == "__main__":
    main(sys.argv[1:])
