"""Losses keep their numbers wherever they are copied, pickled and traced."""

import pickle

import keras
import numpy as np
from sklearn.base import clone

import kohort

L = keras.layers


def test_huber_losses_differ_by_their_delta(rows):
    """Keras's configuration of the loss leaves the delta out."""
    X, y, _ = rows

    def build(delta=1.0):
        model = keras.Sequential([keras.Input((5,)), L.Dense(1)])
        model.compile("sgd", keras.losses.Huber(delta))
        return model

    found = {
        kohort.KerasRegressor(build, delta=delta, random_state=0).fit(X, y).history_["loss"][0]
        for delta in (0.1, 1.0)
    }
    assert len(found) == 2
    given = kohort.KerasRegressor(loss=keras.losses.Huber(0.1, name="mine"))
    zero, one = np.zeros((1, 1)), np.ones((1, 1))
    for copy in (clone(given), pickle.loads(pickle.dumps(given))):
        assert copy.loss(zero, one) == given.loss(zero, one)
        assert copy.loss.name == "mine"


def test_an_option_of_a_loss_leaves_its_other_numbers(rows):
    X, y, _ = rows
    model = kohort.KerasRegressor(
        lambda: keras.Sequential([keras.Input((5,)), L.Dense(1)]),
        loss=keras.losses.Huber(0.1), loss__name="mine", random_state=0,
    )  # fmt: skip
    loss = model.initialize(X, y).model_.loss
    assert loss.name == "mine"
    np.testing.assert_allclose(loss(np.zeros((1, 1)), np.ones((1, 1))), 0.095, rtol=1e-6)
