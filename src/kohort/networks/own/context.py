"""The context of the layers of kohort's own networks, beside their variables and their input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kohort.deferred import jax
from kohort.networks.observing import UNOBSERVED, Observer
from kohort.recipe.recipe import NUMBERS


@dataclass(frozen=True)
class Context:
    """The context of a network, beside its variables and its input.

    Attributes
    ----------
    units : array of int32, shape (layer,)
        Real width of each hidden layer of this member.
    numbers : dict of scalars
        The member's hyperparameters.
    uses : frozenset of str
        Random techniques that are active; they draw from `seed` and `step`.
    seed, step : scalars
        Seed (uint32) and own step number (int32).
    rows : int32 scalar or None
        Leading rows of the batch that are real, when batch statistics shall be taken over them;
        None outside training, where moving averages are used.
    observer : Observer
        Sees what passes through the layers.
    """

    units: jax.Array
    numbers: Mapping[str, jax.Array]
    uses: frozenset[str] = frozenset()
    seed: jax.Array | None = None
    step: jax.Array | None = None
    rows: jax.Array | None = None
    observer: Observer = UNOBSERVED


def named(numbers: jax.Array) -> dict[str, jax.Array]:
    """Return a row of numbers, in the order of `NUMBERS`, as a dict of scalars."""
    return {name: numbers[column] for column, name in enumerate(NUMBERS)}
