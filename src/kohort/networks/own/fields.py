"""From a recipe to the fields of a member."""

from __future__ import annotations

from typing import TypedDict

from kohort.networks.own.drawing import Drawing
from kohort.networks.own.network import OwnNetwork
from kohort.recipe.pacing import RecipePace
from kohort.recipe.recipe import Recipe
from kohort.recipe.stopping import Stopping


class Fields(TypedDict):
    """Fields of `kohort.engine.member.Member` that follow from a recipe."""

    network: OwnNetwork
    numbers: tuple[float, ...]
    units: tuple[int, ...]
    batch_size: int
    epochs: int
    stopping: Stopping | None
    pace: RecipePace
    remedy: str
    initial: Drawing


def fields_of(recipe: Recipe, features: int, outputs: int) -> Fields:
    """Return the fields of a member that trains the network of a recipe.

    Parameters
    ----------
    recipe : Recipe
    features, outputs : int
        Columns of the table, and raw outputs of the network.

    Returns
    -------
    Fields
        For `Member(**fields, rows=..., train=..., validation=..., seed=...)`.

    Examples
    --------
    >>> fields = fields_of(Recipe.of(loss="mse", depth=2, width=9, epochs=5), 3, 1)
    >>> fields["units"], fields["epochs"]
    ((9, 9), 5)
    """
    network = OwnNetwork.of(features, outputs, recipe)
    stopping = Stopping(recipe.patience, recipe.min_delta) if recipe.early_stopping else None
    return Fields(
        network=network,
        numbers=recipe.numbers(),
        units=recipe.units,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        stopping=stopping,
        pace=RecipePace(recipe),
        remedy=(
            f" with learning_rate={recipe.learning_rate:g}, optimizer={recipe.optimizer!r}. "
            f"Lower learning_rate (try {recipe.learning_rate / 10:.2g}) or keep standardize=True."
        ),
        initial=Drawing.of(network.shape, recipe),
    )
