"""The picture of what a recipe will do with its learning rate and momentum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.arrays import Estimator, HostArray
from kohort.errors import ParameterError, explain
from kohort.estimators.dense.parameters import recipe_fields
from kohort.recipe.constraints import Interval, check
from kohort.recipe.hyperparameters import PARAMETERS
from kohort.recipe.recipe import Recipe
from kohort.recipe.schedules import warmup_steps
from kohort.report.schedule import columns, cycled
from kohort.style import COLORS, GRAY, STYLE, matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RELATED = (
    "learning_rate", "epochs", "optimizer",
    *(p.name for p in PARAMETERS if p.technique in ("warm-up", "learning-rate schedule")),
)  # fmt: skip


def plot_schedule(*estimators: Estimator, steps_per_epoch: int = 100) -> Any:
    """Draw the learning rate of each step of a training, and the momentum if it is cycled.

    Parameters
    ----------
    *estimators : DenseRegressor or DenseClassifier
        Fitted or not. The picture has a line for each, named by the parameters in which the
        estimators differ.
    steps_per_epoch : int, default=100
        Training rows divided by `batch_size`, rounded up.

    Returns
    -------
    matplotlib.figure.Figure
        Learning rate against step; below it the momentum, if the schedule changes it.

    Raises
    ------
    ParameterError
        If there is nothing to draw, or a parameter is out of range or contradicts another.
    KohortError
        If matplotlib is not installed.

    Examples
    --------
    >>> import kohort
    >>> model = kohort.DenseRegressor(schedule="1cycle", learning_rate=0.01, epochs=20)
    >>> figure = kohort.plot_schedule(model)
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['learning rate', 'beta_1']
    """
    if not estimators:
        requirement = "at least one DenseRegressor or DenseClassifier"
        raise ParameterError(explain("estimators", requirement, estimators))
    check("steps_per_epoch", steps_per_epoch, Interval(1, np.inf, whole=True))
    recipes = [_recipe_of(estimator) for estimator in estimators]
    mpl = matplotlib()
    from matplotlib import pyplot

    steps = [columns(recipe, steps_per_epoch) for recipe in recipes]
    moving = [cycled(numbers) for numbers in steps]
    with mpl.rc_context(STYLE):
        rows = 2 if any(moving) else 1
        figure, axes = pyplot.subplots(
            rows, 1, figsize=(8, 2.2 + 1.8 * rows), dpi=120, sharex=True, squeeze=False,
            layout="constrained", height_ratios=(2, 1)[:rows],
        )  # fmt: skip
        labels = _labels(estimators)
        for number, recipe in enumerate(recipes):
            style = {"color": COLORS[number % len(COLORS)], "label": labels[number]}
            _draw_rate(axes[0, 0], recipe, steps[number], steps_per_epoch, style)
            moved = moving[number]
            if moved:
                epochs = _epochs(steps[number], steps_per_epoch)
                axes[1, 0].plot(epochs, steps[number][moved], linewidth=2, **style)
        _name_axes(axes[:, 0], sorted(set(filter(None, moving))), labels)
    return figure


def _recipe_of(estimator: Estimator) -> Recipe:
    try:
        fields = recipe_fields(estimator)
    except AttributeError as error:
        requirement = "a DenseRegressor or DenseClassifier"
        raise ParameterError(explain("estimators", requirement, estimator)) from error
    return Recipe.of(**fields, loss="mse")


def _labels(estimators: tuple[Any, ...]) -> list[str]:
    """Each estimator's parameters that tell it from the others."""
    varying = [
        name
        for name in _RELATED
        if len({repr(getattr(estimator, name)) for estimator in estimators}) > 1
    ]
    return [
        ", ".join(
            str(getattr(estimator, name))
            if name == "schedule"
            else f"{name}={getattr(estimator, name)}"
            for name in varying
            if getattr(estimator, name) is not None
        )
        for estimator in estimators
    ]


def _epochs(numbers: dict[str, Any], steps_per_epoch: int) -> Any:
    return np.arange(len(numbers["learning_rate"])) / steps_per_epoch


def _draw_rate(
    axes: Axes, recipe: Recipe, numbers: dict[str, Any], steps_per_epoch: int, style: dict[str, Any]
) -> None:
    epochs, color = _epochs(numbers, steps_per_epoch), style["color"]
    axes.plot(epochs, numbers["learning_rate"], linewidth=2, **style)
    warmup = warmup_steps(recipe, steps_per_epoch) / steps_per_epoch
    if warmup:
        axes.axvspan(0, warmup, color=color, alpha=0.08, linewidth=0)
    if recipe.schedule == "performance":
        low = recipe.learning_rate * max(recipe.decay_rate, recipe.final_rate)
        axes.plot(epochs[[0, -1]], [low, low], color=color, linestyle="--", linewidth=1)
        axes.annotate(
            f"after {recipe.plateau_patience} epochs without a better validation loss",
            (epochs[-1], low),
            (0, 4),
            textcoords="offset points",
            ha="right",
            fontsize=8.5,
            color=GRAY,
        )


def _name_axes(axes: HostArray, cycled: list[str], labels: list[str]) -> None:
    axes[0].set_ylabel("learning rate")
    axes[0].set_ylim(bottom=0)
    axes[0].margins(x=0)
    axes[-1].set_xlabel("epoch")
    shaded = " (shaded: warm-up)" if axes[0].patches else ""
    axes[0].set_title(f"Learning rate by step{shaded}")
    if cycled:
        axes[1].set_ylabel(" / ".join(cycled))
    if any(labels):
        axes[0].legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8.5)
