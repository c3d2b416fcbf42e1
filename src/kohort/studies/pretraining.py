"""Unsupervised pretraining: autoencoders whose encoder starts the network.

References: Bengio et al. 2007, "Greedy layer-wise training of deep networks"; Vincent et al. 2010,
"Stacked denoising autoencoders"; Hinton and Salakhutdinov 2006.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from kohort.arrays import Floats
from kohort.engine.member import Member, Outcome, Rows
from kohort.engine.predict import Trained, raw_outputs
from kohort.errors import DivergedError
from kohort.networks.own.dense import DenseNetwork
from kohort.networks.own.fields import fields_of
from kohort.recipe.recipe import Recipe

Named = dict[str, Floats]
Train = Callable[[list[Member]], list[Outcome]]


def pretrained(
    members: list[Member],
    recipe: Recipe,
    rows: Rows,
    kind: str,
    epochs: int,
    noise: float,
    train: Train,
) -> list[Member]:
    """The same members, each starting from hidden layers that were pretrained from its own seed.

    Parameters
    ----------
    members : list of Member
        Alike but for their seeds.
    recipe : Recipe
        The recipe that they were made from.
    rows : Rows
        Inputs, standardised as the members' own, as both `x` and `y`.
    kind : {"autoencoder", "denoising", "layerwise"}
        Reproduce the inputs, or the inputs from corrupted ones, through the mirror image of the
        hidden layers; or train one hidden layer after another to reproduce what the one before
        gives.
    epochs : int
        Passes over the rows (for each layer with `"layerwise"`).
    noise : float
        Share of inputs that `"denoising"` hides.
    train : callable
        Trains members as one cohort.

    Returns
    -------
    list of Member

    Raises
    ------
    DivergedError
        If pretraining diverged.
    """
    if not recipe.units:
        return members
    network = members[0].network
    names = DenseNetwork.of(network.features, network.outputs, recipe).names
    recipe = _reconstructing(recipe, epochs, noise if kind == "denoising" else 0.0)
    if kind == "layerwise":
        encoders = _layer_by_layer(members, recipe, rows, train)
    else:
        mirrored = replace(recipe, units=(*recipe.units, *recipe.units[-2::-1]))
        encoders = _trained(members, mirrored, [rows] * len(members), train)
    return [
        _started(member, names, encoder) for member, encoder in zip(members, encoders, strict=True)
    ]


def _reconstructing(recipe: Recipe, epochs: int, noise: float) -> Recipe:
    """The recipe of an autoencoder: the member's own, without what is meant for its labels."""
    return replace(
        recipe,
        loss="mse",
        epochs=epochs,
        output_initializer="glorot_uniform",
        early_stopping=False,
        schedule="constant",
        warmup=0.0,
        freeze_epochs=0,
        dropout=0.0,
        alpha_dropout=0.0,
        gaussian_noise=0.0,
        label_smoothing=0.0,
        input_dropout=noise,
    )


def _trained(
    members: list[Member], recipe: Recipe, tables: list[Rows], train: Train
) -> list[Named]:
    """Variables of autoencoders of one recipe, each trained on its own table and from its own
    member's seed.
    """
    features = tables[0].x.shape[1]
    fields = fields_of(recipe, features, features)
    tasks = [
        Member(**fields, rows=rows, seed=member.seed)
        for member, rows in zip(members, tables, strict=True)
    ]
    trained = []
    for outcome in train(tasks):
        if outcome.weights is None:
            raise DivergedError(f"Pretraining failed. {outcome.cause}")
        names = fields["network"].shape.names
        trained.append(dict(zip(names, outcome.weights, strict=True)))
    return trained


def _layer_by_layer(members: list[Member], recipe: Recipe, rows: Rows, train: Train) -> list[Named]:
    """Hidden layers, each trained to reproduce what the one before it gives."""
    tables = [rows] * len(members)
    found: list[Named] = [{} for _ in members]
    for layer, width in enumerate(recipe.units, start=1):
        single = replace(recipe, units=(width,))
        encoders = _trained(members, single, tables, train)
        for variables, encoder in zip(found, encoders, strict=True):
            for name, value in encoder.items():
                if not name.startswith("output"):
                    variables[name.replace("hidden_1", f"hidden_{layer}")] = value
        if layer < len(recipe.units):
            tables = [
                _codes(encoder, single, table)
                for encoder, table in zip(encoders, tables, strict=True)
            ]
    return found


def _codes(encoder: Named, recipe: Recipe, rows: Rows) -> Rows:
    """The outputs of an encoder's hidden layer, through an identity matrix."""
    (width,) = recipe.units
    network = DenseNetwork.of(rows.x.shape[1], width, recipe)
    identity = {
        "output/kernel": np.eye(width, dtype=rows.x.dtype),
        "output/bias": np.zeros(width, rows.x.dtype),
    }
    known = encoder | identity
    weights = [known[name] for name in network.names]
    codes = raw_outputs(Trained(network, weights, recipe.numbers(), recipe.units), rows.x)
    return Rows(codes, codes)


def _started(member: Member, names: tuple[str, ...], known: Named) -> Member:
    """The member, starting from the known hidden layers and its own drawn output layer."""
    initial = [
        known[name] if name.startswith("hidden") else variable
        for name, variable in zip(names, member.initial_variables(), strict=True)
    ]
    return replace(member, initial=initial)
