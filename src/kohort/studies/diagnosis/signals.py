"""Signals and gradients of an untrained network, layer by layer, without training it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kohort.arrays import Floats
from kohort.deferred import jnp, pd
from kohort.engine.order import generator_of
from kohort.networks.own.fields import fields_of
from kohort.networks.reading import LAYER
from kohort.recipe.pace import PACE, pace
from kohort.recipe.recipe import Recipe


def signals_at_start(recipe: Recipe, x: Floats, y: Floats, seed: int = 0) -> pd.DataFrame:
    """How signals and gradients change through the hidden layers of an untrained network.

    Glorot and Bengio 2010 and He et al. 2015 (arXiv:1502.01852) choose initial weights so that
    neither changes.

    Parameters
    ----------
    recipe : Recipe
    x : array, shape (row, feature)
        One batch, as the network gets it.
    y : array, shape (row, 1)
    seed : int
        Of the initial weights.

    Returns
    -------
    DataFrame
        A row per hidden layer: `forward`, the mean square of its activations over that of the
        inputs; `backward`, the mean square of the gradient in what its activation is given over
        the last hidden layer's.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(64, 128)).astype(np.float32)
    >>> recipe = Recipe.of(loss="mse", depth=3, width=128, activation="relu")
    >>> signals_at_start(recipe, x, x[:, :1]).shape
    (3, 2)
    """
    drawn = replace(
        recipe, output_initializer="glorot_uniform"
    )  # One of zeros passes nothing back.
    fields, dtype = fields_of(drawn, x.shape[1], y.shape[1]), x.dtype
    network = fields["network"]
    params = np.zeros(network.layout.size, dtype)
    network.layout.embed(fields["initial"](generator_of(seed, 0)), params)
    variables = network.layout.unpack(jnp.asarray(params))
    share = np.full(len(x), 1 / len(x), dtype)
    row = pace(recipe, 0, 1, 1)[0].astype(dtype)
    reading = network.probe(
        variables,
        network.initial_state(variables),
        (jnp.asarray(x), jnp.asarray(y), jnp.asarray(share), jnp.int32(len(x))),
        dict(zip(PACE, jnp.asarray(row), strict=True)),
        jnp.asarray(np.asarray(fields["numbers"], dtype)),
        jnp.asarray(recipe.units, jnp.int32),
        jnp.uint32(0),
        jnp.int32(0),
    )
    layers = np.asarray(reading.layers, np.float64)[: network.hidden]
    forward, backward = (layers[:, LAYER.index(name)] for name in ("signal", "backward"))
    size = float(np.mean(np.square(x, dtype=np.float64)))
    return pd.DataFrame({"forward": forward / size, "backward": backward / backward[-1]})
