"""Keras's initializers on the host: distributions, seeds, other threads left alone."""

import random
import threading

import keras
import numpy as np
import pytest

from kohort.networks.lifted.host_initializers import host_initializers

I = keras.initializers  # noqa: E741
_SHAPE = (200, 300)

DRAWN = [
    I.GlorotUniform(), I.GlorotNormal(), I.HeUniform(), I.HeNormal(), I.LecunUniform(),
    I.LecunNormal(), I.VarianceScaling(3.0, "fan_out", "untruncated_normal"),
    I.RandomNormal(0.5, 0.1), I.RandomUniform(-0.2, 0.7), I.TruncatedNormal(1.0, 0.3),
    I.Orthogonal(2.0),
]  # fmt: skip


@pytest.mark.parametrize("initializer", DRAWN, ids=lambda i: type(i).__name__)
def test_moments_are_those_of_keras_s_own_draws(initializer):
    own = np.asarray(initializer(_SHAPE))
    with host_initializers(0):
        mine = np.asarray(initializer(_SHAPE))
    assert mine.dtype == own.dtype
    own, mine = np.float64(own), np.float64(mine)
    deviation = own.std()
    assert mine.mean() == pytest.approx(own.mean(), abs=0.02 * deviation)
    assert mine.std() == pytest.approx(deviation, rel=0.02)
    assert np.abs(mine).max() == pytest.approx(np.abs(own).max(), rel=0.25)


def test_constants_are_constants():
    with host_initializers(0):
        assert np.all(np.asarray(I.Zeros()((2, 3))) == 0)
        assert np.all(np.asarray(I.Ones()((2, 3))) == 1)
        assert np.all(np.asarray(I.Constant(2.5)((2, 3))) == 2.5)


def weights(seed):
    with host_initializers(seed):
        layer = keras.layers.Dense(4)
        layer.build((None, 3))
    return layer.get_weights()[0]


def test_unseeded_initializers_follow_the_seed_of_the_block():
    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


def test_a_seed_of_the_initializer_s_own_wins():
    def seeded(block):
        with host_initializers(block):
            return np.asarray(I.HeNormal(seed=7)((3, 4)))

    np.testing.assert_array_equal(seeded(1), seeded(2))


def test_python_s_and_numpy_s_global_numbers_go_on_as_if_nothing_had_been():
    random.seed(3)
    np.random.seed(3)
    expected = random.random(), np.random.rand()
    random.seed(3)
    np.random.seed(3)
    with host_initializers(0):
        random.random()
        np.random.rand()
    assert (random.random(), np.random.rand()) == expected


def test_other_threads_draw_as_keras_does():
    own = np.asarray(I.HeNormal(seed=7)((3, 4)))
    drawn = []
    with host_initializers(0):
        thread = threading.Thread(
            target=lambda: drawn.append(np.asarray(I.HeNormal(seed=7)((3, 4))))
        )
        thread.start()
        thread.join()
    np.testing.assert_array_equal(drawn[0], own)
