"""Performance scheduling makes the decisions of Keras's ReduceLROnPlateau."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.recipe.recipe import Recipe
from kohort.recipe.schedules.performance import Plateau

RATE = 0.5


def _keras_rates(losses, **options):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(RATE), "mse")
    callback = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", mode="min", **options)
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        rates.append(float(model.optimizer.learning_rate.value))
    return rates


# Losses on a coarse lattice, so that ties and differences of exactly min_delta occur.
_losses = st.lists(st.integers(0, 12).map(lambda n: n / 4), min_size=1, max_size=25)


@given(
    losses=_losses,
    patience=st.integers(0, 3),
    min_delta=st.sampled_from([0.0, 0.25, 0.3]),
    cooldown=st.integers(0, 3),
    factor=st.sampled_from([0.1, 0.5, 0.9]),
    least=st.sampled_from([0.0, 0.2, 1.0]),
)
def test_the_rate_falls_when_kerass_does(losses, patience, min_delta, cooldown, factor, least):
    recipe = Recipe.of(
        loss="mse", learning_rate=RATE, schedule="performance", decay_rate=factor,
        plateau_patience=patience, plateau_min_delta=min_delta, plateau_cooldown=cooldown,
        final_rate=least,
    )  # fmt: skip
    expected = _keras_rates(
        losses, factor=factor, patience=patience, min_delta=min_delta, cooldown=cooldown,
        min_lr=least * RATE,
    )  # fmt: skip
    plateau, actual = Plateau(recipe), []
    for loss in losses:
        plateau.end_epoch(loss)
        actual.append(RATE * plateau.factor)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_a_loss_that_keeps_falling_keeps_the_rate():
    plateau = Plateau(Recipe.of(loss="mse", schedule="performance", plateau_patience=0))
    for loss in (3.0, 2.0, 1.0):
        plateau.end_epoch(loss)
    assert plateau.factor == 1.0


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_a_loss_that_is_no_number_is_no_improvement(loss):
    plateau = Plateau(Recipe.of(loss="mse", schedule="performance", plateau_patience=1))
    plateau.end_epoch(loss)
    assert plateau.factor == pytest.approx(0.1)
