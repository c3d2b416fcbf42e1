"""Which models are chains whose widths are numbers, and that padding them changes nothing."""

import keras
import numpy as np
import pytest

from kohort.engine.executors.local import train
from kohort.engine.member import Member, Rows
from kohort.networks.lifted.chain import hidden_layers, widths_of
from kohort.networks.lifted.columns import Columns
from kohort.networks.lifted.host_initializers import host_initializers
from kohort.networks.lifted.tracing import trace
from kohort.networks.lifted.variables import Variables
from kohort.recipe.pacing import SteadyPace

L = keras.layers
_X, _Y = Columns(((5,),), ("float32",)), Columns(((1,),), ("float32",))


def built(*hidden, optimizer="adam", functional=False):
    if functional:
        inputs = x = keras.Input((5,))
        for layer in (*hidden, L.Dense(1)):
            x = layer(x)
        model = keras.Model(inputs, x)
    else:
        model = keras.Sequential([keras.Input((5,)), *hidden, L.Dense(1)])
    model.compile(optimizer, "mse")
    model._symbolic_build(data_batch=(np.zeros((8, 5), "f"), np.zeros((8, 1), "f")))
    return model


CHAINS = {
    "dense": lambda: [L.Dense(7, "tanh"), L.Dense(9, "relu")],
    "norm": lambda: [L.Dense(7, use_bias=False), L.BatchNormalization(), L.Activation("gelu")],
    "slopes": lambda: [L.Dense(7), L.PReLU(), L.Dense(20), L.LeakyReLU(0.1), L.ELU(0.5)],
    "noise": lambda: [L.Dense(7, "softplus"), L.Dropout(0.2), L.GaussianNoise(0.1)],
    "sigmoid": lambda: [
        L.Dense(7, "sigmoid", kernel_regularizer="l1l2", kernel_constraint="unit_norm"),
        L.Dense(6, "exponential", bias_constraint="non_neg"),
    ],
}
NO_CHAINS = {
    "softmax mixes units": lambda: [L.Dense(7, "softmax")],
    "layer norm mixes units": lambda: [L.Dense(7), L.LayerNormalization()],
    "a function of one's own": lambda: [L.Dense(7, activation=lambda x: x + 1)],
    "an orthogonal penalty": lambda: [
        L.Dense(7, kernel_regularizer=keras.regularizers.OrthogonalRegularizer())
    ],
    "no hidden layer": list,
    "a sequence": lambda: [L.Reshape((5, 1)), L.Dense(3), L.Flatten()],
}


@pytest.mark.parametrize("name", CHAINS)
def test_chains_are_found(name):
    layers = CHAINS[name]()
    dense = [layer for layer in layers if isinstance(layer, L.Dense)]
    assert hidden_layers(built(*layers)) == dense


@pytest.mark.parametrize("name", NO_CHAINS)
def test_others_are_not(name):
    assert hidden_layers(built(*NO_CHAINS[name]())) == []


@pytest.mark.parametrize("optimizer", ["muon", "adafactor", "ftrl"])
def test_optimizers_that_look_at_shapes_are_not_padded(optimizer):
    assert hidden_layers(built(L.Dense(7), optimizer=optimizer)) == []


@pytest.mark.parametrize("name", CHAINS)
def test_a_padded_chain_trains_as_the_same_model_unpadded(name):
    """The functional form of the same layers is not padded: an independent path."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(50, 5)).astype("f")
    rows = Rows(x, np.tanh(x[:, :1]))
    ends = []
    for functional in (False, True):
        with host_initializers(1):
            model = built(*CHAINS[name](), functional=functional)
        tracing = trace(model, _X, _Y, 8)
        assert bool(tracing.units) != functional
        initial = [np.asarray(v.value) for v in Variables(model).carried]
        member = Member(
            network=tracing.network, numbers=tracing.numbers, units=tracing.units, batch_size=8,
            epochs=4, pace=SteadyPace(0.001), initial=[*initial, *tracing.arrays], rows=rows,
            seed=3,
        )  # fmt: skip
        (outcome,) = train([member])
        ends.append(outcome.weights[: len(model.weights)])
    for padded, plain in zip(*ends, strict=True):
        np.testing.assert_allclose(padded, plain, rtol=2e-5, atol=2e-6)


def test_widths_round_up_to_shared_programs():
    layers = [L.Dense(17), L.Dense(20)]
    assert widths_of(100, layers) == (32, 32)
