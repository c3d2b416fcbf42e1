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
from canvas import PICTURES, bars, panels, picture, points
from experiments import (
    CLASSIFIER,
    SEEDS,
    at_best_rate,
    curves,
    diabetes,
    digits,
    error_rates,
    log_losses,
    sweep,
)
from matplotlib import pyplot

import kohort
from kohort.recipe.optimizers import OPTIMIZERS
from kohort.recipe.schedules import SCHEDULES
from kohort.style import COLORS, GRAY, STYLE

FOLDER = Path(__file__).parent / "pictures"


@picture
def normalisation() -> Any:
    figure, (left, right) = panels(2)
    deep = CLASSIFIER | {"depth": 10, "optimizer": "sgd", "epochs": 30}
    kinds = {"none": {}, "batch_norm before": {"batch_norm": "before"},
             "batch_norm after": {"batch_norm": "after"},
             "layer_norm before": {"layer_norm": "before"}}  # fmt: skip
    rates = [1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0]
    for label, fields in kinds.items():
        model = kohort.DenseClassifier(**deep | fields)
        points(left, error_rates(model, {"learning_rate": rates}), "learning_rate", label)
        small = kohort.DenseClassifier(**deep | {"learning_rate": 0.03, "epochs": 10} | fields)
        sizes = [2, 4, 8, 16, 32, 64]
        points(right, error_rates(small, {"batch_size": sizes}), "batch_size", label)
    left.set(xscale="log", xlabel="learning_rate (sgd)", ylabel="test error, %")
    left.set_title("10 layers on the digits")
    left.legend()
    right.set(xscale="log", xlabel="batch_size (rate 0.03, 10 epochs)", xticks=sizes)
    right.set_xticklabels(sizes)
    right.minorticks_off()
    right.set_title("Small batches")
    return figure


@picture
def gradient_clipping() -> Any:
    figure, (axes,) = panels(1, 7)
    model = {"depth": 4, "width": 64, "optimizer": "momentum", "epochs": 20,
             "early_stopping": False}  # fmt: skip
    rates = np.geomspace(1e-3, 3.0, 11).tolist()
    kinds = {"none": {}, "global_clipnorm=1": {"global_clipnorm": 1.0},
             "clipnorm=0.5": {"clipnorm": 0.5}, "clipvalue=0.1": {"clipvalue": 0.1}}  # fmt: skip
    for label, fields in kinds.items():
        found = error_rates(kohort.DenseClassifier(**model | fields), {"learning_rate": rates})
        points(axes, found, "learning_rate", label)
    axes.set(xscale="log", xlabel="learning_rate (momentum 0.9)", ylabel="test error, %")
    axes.set_title("4 layers on the digits; no point: diverged")
    axes.legend()
    return figure


def _best_rates(models: dict[str, Any], rates: Any, epochs: int, title: str) -> Any:
    """A bar for each model, at its best learning rate on the digits."""
    figure, (axes,) = panels(1, 7, 0.3 * len(models) + 0.6)
    bars(axes, at_best_rate(models, rates.tolist()))
    axes.set_xlabel(f"test error after {epochs} epochs, %, at the best of {len(rates)} rates")
    axes.set_title(title)
    return figure


@picture
def optimizers() -> Any:
    base = CLASSIFIER | {"epochs": 15}
    models = {name: kohort.DenseClassifier(**base, optimizer=name) for name in OPTIMIZERS}
    return _best_rates(models, np.geomspace(1e-4, 3.0, 10), 15, "Optimizers on the digits")


@picture
def schedule_results() -> Any:
    base = CLASSIFIER | {"epochs": 30, "plateau_patience": 3}
    models = {
        name: kohort.DenseClassifier(
            **base, schedule=name, boundaries=[15, 25] if name == "piecewise" else None
        )
        for name in SCHEDULES
    }
    rates = np.geomspace(3e-4, 3e-2, 6)
    return _best_rates(models, rates, 30, "Schedules with Adam on the digits")


@picture
def penalties() -> Any:
    figure, axes = panels(1, 7)
    strengths = np.geomspace(1e-5, 1.0, 9).tolist()
    model = {"width": 64, "epochs": 100, "early_stopping": False}
    for name, optimizer in (("l2", "adam"), ("l1", "adam"), ("weight_decay", "adamw")):
        regressor = kohort.DenseRegressor(**model, optimizer=optimizer)
        found = sweep(regressor, {name: strengths}, diabetes(), "r2", train_size=0.5)
        points(axes[0], [({"strength": p[name]}, s) for p, s in found], "strength", name)
    axes[0].set(xscale="log", xlabel="strength", ylabel="test R2", ylim=(-0.6, 0.6))
    axes[0].set_title("2x64 on 221 rows of the diabetes table, 100 epochs")
    axes[0].legend()
    return figure


@picture
def dropout() -> Any:
    figure, (axes,) = panels(1, 7)
    rates = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    for width in (32, 128):
        for name in ("dropout", "input_dropout"):
            model = kohort.DenseClassifier(**CLASSIFIER | {"width": width, "epochs": 60})
            found = error_rates(model, {name: rates})
            points(axes, found, name, f"{name}, width={width}")
    axes.set(xlabel="share dropped", ylabel="test error, %", ylim=(0, 20))
    axes.set_title("2 layers on 539 digits, 60 epochs")
    axes.legend()
    return figure


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
def max_norm() -> Any:
    figure, (axes,) = panels(1, 7)
    limits = [0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0]
    for rate in (0.0, 0.5):
        model = kohort.DenseClassifier(**CLASSIFIER | {"dropout": rate, "learning_rate": 3e-3})
        points(axes, error_rates(model, {"max_norm": limits}), "max_norm", f"dropout={rate}")
    axes.set(xlabel="max_norm", ylabel="test error, %")
    axes.set_title("2x64 on the digits")
    axes.legend()
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


@picture
def pretraining() -> Any:
    figure, (axes,) = panels(1, 7)
    X, y = digits()
    counts = [20, 40, 80, 160, 320]
    for kind in (None, "autoencoder", "denoising", "layerwise"):
        found = []
        for count in counts:
            errors = []
            for seed in range(SEEDS):
                order = np.random.default_rng(seed).permutation(len(y))
                labels = y.copy()
                labels[order[count:]] = -1
                known = order[:count]
                model = kohort.DenseClassifier(
                    depth=2, width=64, epochs=60, early_stopping=False, random_state=seed,
                    pretrain=kind, pretrain_epochs=30,
                )  # fmt: skip
                rows = order[:1200] if kind else known
                model.fit(X[rows], labels[rows])
                errors.append(100 * (1 - model.score(X[order[1200:]], y[order[1200:]])))
            found.append(({"labels": count}, np.array(errors)))
        points(axes, found, "labels", str(kind))
    axes.set(xscale="log", xlabel="rows with a label, of 1,200", ylabel="test error, %")
    axes.set_xticks(counts, counts)
    axes.minorticks_off()
    axes.set_title("Digits")
    axes.legend(title="pretrain")
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
