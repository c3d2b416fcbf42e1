"""A member may bring the learning rate of each step, and hear the loss of each step."""

from dataclasses import replace

import numpy as np

from kohort.engine.executors.local import train
from kohort.recipe.pacing import SweptPace


def test_a_constant_rate_given_step_by_step_is_the_recipes_own(member):
    plain = member(epochs=2)
    steps = np.full(100, plain.recipe.learning_rate)
    (first,), (second,) = (
        train([plain], 1),
        train([replace(plain, pace=SweptPace(plain.pace, steps))], 1),
    )
    for one, other in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_rate_of_zero_from_some_step_on_freezes_the_weights(member):
    short = train([member(optimizer="sgd", epochs=1)], 1)[0]
    steps = np.where(np.arange(200) < 5, member().recipe.learning_rate, 0.0)  # 5 steps an epoch
    plain = member(optimizer="sgd", epochs=4)
    long = train([replace(plain, pace=SweptPace(plain.pace, steps))], 1)[0]
    for one, other in zip(short.weights, long.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_losses_of_all_steps_are_told_once_and_in_order(member):
    heard = []
    one = member(epochs=3)
    outcome = train([replace(one, on_steps=lambda first, losses: heard.append((first, losses)))], 1)
    starts, losses = zip(*heard, strict=True)
    lengths = [len(part) for part in losses]
    assert list(starts) == np.cumsum([0, *lengths[:-1]]).tolist()
    assert sum(lengths) == 3 * 5
    sizes = np.array([8, 8, 8, 8, 5])  # 37 rows
    means = np.concatenate(losses).reshape(3, 5) @ sizes / 37
    np.testing.assert_allclose(means, outcome[0].history["loss"], rtol=1e-6)
