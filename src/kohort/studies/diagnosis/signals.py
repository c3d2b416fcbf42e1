"""Signals and gradients of an untrained network, layer by layer, without training it."""

from __future__ import annotations

import jax
import numpy as np
import pandas as pd

from kohort.engine.member import Floats, Member, Rows
from kohort.engine.plan import structure_of
from kohort.engine.probe import member_probe
from kohort.engine.train import packing_of
from kohort.networks.own.dense import DenseNetwork
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
    network = DenseNetwork.of(x.shape[1], y.shape[1], recipe)
    member = Member(recipe, network, Rows(x, y), None, None, seed)
    structure, dtype = structure_of(member), x.dtype
    packing = packing_of(structure)
    params = np.zeros((1, network.layout.size), dtype)
    network.layout.embed(member.initial_variables(), params[0])
    share, rows = np.full(len(x), 1 / len(x), dtype), np.int32(len(x))
    row = dict(zip(PACE, pace(recipe, 0, 1, 1)[0].astype(dtype), strict=True))
    reading = member_probe(structure)(
        network.layout.unpack(jax.numpy.asarray(params[0])),
        jax.tree.map(
            lambda leaf: leaf[0], packing.unpack(jax.numpy.asarray(packing.initial[None]))
        ),
        (x, y, share, rows),
        row,
        np.asarray(member.numbers(), dtype),
        np.asarray(recipe.units, np.int32),
        np.uint32(0),
        np.int32(0),
    )
    layers = np.asarray(reading.layers, np.float64)[: network.hidden]
    forward, backward = (layers[:, LAYER.index(name)] for name in ("signal", "backward"))
    size = float(np.mean(np.square(x, dtype=np.float64)))
    return pd.DataFrame({"forward": forward / size, "backward": backward / backward[-1]})
