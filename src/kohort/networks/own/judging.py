"""Losses and hits of kohort's own networks over rows that they do not train on."""

from __future__ import annotations

from kohort.arrays import Variables
from kohort.deferred import jax, jnp
from kohort.networks.base import Rows
from kohort.networks.own.context import Context, named
from kohort.networks.own.dense import DenseNetwork
from kohort.recipe.losses import CLASSIFICATION, LINKS, loss_of
from kohort.recipe.regularizers import penalty


def logs_of(loss: str) -> tuple[str, ...]:
    """Return Keras's names of the values that judging gives."""
    return ("loss", "accuracy") if loss in CLASSIFICATION else ("loss",)


def sums_of(
    shape: DenseNetwork,
    loss: str,
    uses: frozenset[str],
    variables: Variables,
    rows: Rows,
    numbers: jax.Array,
    units: jax.Array,
) -> jax.Array:
    """Return the sum of weighted losses, and the number of hits, of the rows that exist."""
    x, y, weight, exists = rows
    mine = named(numbers)
    output, _ = shape.apply(variables, x, Context(units, mine))
    losses = jnp.where(exists, weight * loss_of(loss, uses)(y, output, mine), 0)
    hits = jnp.where(exists, _hits(loss, y, output), 0)
    return jnp.stack([jnp.sum(losses), jnp.sum(hits)])


def means_of(
    shape: DenseNetwork,
    loss: str,
    uses: frozenset[str],
    sums: jax.Array,
    variables: Variables,
    numbers: jax.Array,
    count: jax.Array,
) -> jax.Array:
    """Return means over `count` rows, the penalty in the loss, in the order of `logs_of`."""
    extra = penalty(shape.kernels(variables), named(numbers), uses)
    means = sums / count + jnp.stack([extra, jnp.zeros_like(extra)])
    return means[: len(logs_of(loss))]


def _hits(loss: str, y: jax.Array, output: jax.Array) -> jax.Array:
    """1 for each row that is classified correctly; zeros for a regression."""
    if loss not in CLASSIFICATION:
        return jnp.zeros(output.shape[:1], output.dtype)
    if LINKS[loss] == "sigmoid":
        right = jnp.all((output > 0) == (y > 0.5), axis=-1)
    else:
        right = jax.lax.argmax(output, 1, jnp.int32) == y[:, 0].astype(jnp.int32)
    return right.astype(output.dtype)
