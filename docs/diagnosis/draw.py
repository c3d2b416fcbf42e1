"""Draw the pictures of docs/diagnosis.md: `python docs/diagnosis/draw.py [NAME ...]`.

Everything is measured here, on tables that come with scikit-learn.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from sklearn.datasets import load_diabetes, load_digits

mpl.use("Agg")
from matplotlib import pyplot

import kohort
from kohort.recipe.recipe import Recipe
from kohort.studies.diagnosis.signals import signals_at_start
from kohort.style import COLORS, FAINT, STYLE

FOLDER = Path(__file__).parent / "pictures"
DEPTH, WIDTH, ROWS, SEEDS = 50, 512, 64, 5
PAIRS = (
    ("tanh", "glorot_uniform"), ("relu", "he_normal"), ("relu", "glorot_uniform"),
    ("tanh", "he_normal"),
)  # fmt: skip


def _through(activation: str, initializer: str, deviation: float) -> Any:
    """Median over seeds, (layer, 2)."""
    recipe = Recipe.of(
        loss="mse", depth=DEPTH, width=WIDTH, activation=activation, batch_size=ROWS,
        kernel_initializer=initializer, optimizer="sgd",
    )  # fmt: skip
    found = []
    for seed in range(SEEDS):
        generator = np.random.default_rng(seed)
        x = (deviation * generator.normal(size=(ROWS, WIDTH))).astype(np.float32)
        y = generator.normal(size=(ROWS, 1)).astype(np.float32)
        found.append(signals_at_start(recipe, x, y, seed).to_numpy())
    return np.median(found, axis=0)


def signals() -> Any:
    """Variance of signals and gradients through 50 untrained layers."""
    figure, axes = pyplot.subplots(1, 3, figsize=(13, 3.9), layout="constrained")
    layers = np.arange(1, DEPTH + 1)
    for number, pair in enumerate(PAIRS):
        small, whole = _through(*pair, 0.1), _through(*pair, 1.0)
        label = f"{pair[0]}, {pair[1]}"
        for place, values in enumerate((small[:, 0], small[:, 1], whole[:, 0])):
            axes[place].plot(layers, values, color=COLORS[number], linewidth=2, label=label)
    for one, title in zip(
        axes,
        (
            "Signal, inputs of deviation 0.1",
            "Gradient, last layer: 1",
            "Signal, inputs of deviation 1",
        ),
        strict=True,
    ):
        one.axhspan(1 / 4, 4, color=FAINT, alpha=0.4, linewidth=0)
        one.set(yscale="log", ylim=(1e-8, 1e5), xlabel="layer (shaded: within a factor of 4)")
        one.set_title(title)
    axes[2].legend(fontsize=8.5, loc="upper right")
    return figure


def _digits() -> Any:
    return load_digits(return_X_y=True)


def vanishing_gradients() -> Any:
    """Ten sigmoid layers on the digits."""
    model = kohort.DenseClassifier(
        depth=10, width=64, activation="sigmoid", epochs=20, random_state=0
    )
    return kohort.diagnose(model, *_digits()).plot()


def rate_too_high() -> Any:
    """Adam at a hundred times its usual rate on the digits."""
    model = kohort.DenseClassifier(depth=3, width=64, learning_rate=0.1, epochs=20, random_state=0)
    return kohort.diagnose(model, *_digits()).plot()


def healthy() -> Any:
    """A network that learns."""
    model = kohort.DenseRegressor(width=32, epochs=30, random_state=0)
    return kohort.diagnose(model, *load_diabetes(return_X_y=True)).plot()


PICTURES: tuple[Callable[[], Any], ...] = (signals, vanishing_gradients, rate_too_high, healthy)


def main(names: list[str]) -> None:
    """Draw the named pictures, or all."""
    FOLDER.mkdir(exist_ok=True)
    mpl.rcParams.update(STYLE)
    for draw in PICTURES:
        if not names or draw.__name__ in names:
            figure = draw()
            figure.savefig(FOLDER / f"{draw.__name__}.png", dpi=100)
            pyplot.close(figure)


if __name__ == "__main__":
    main(sys.argv[1:])
