"""Initial kernels follow Keras's distributions."""

import keras
import numpy as np
import pytest
from scipy import stats

from kohort.recipe import initializers
from kohort.recipe.activations import ACTIVATIONS

_RANDOM = [name for name in initializers.NAMES if name not in ("auto", "zeros")]
_SHAPES = [(400, 100), (30, 900), (3, 3, 40, 60), (5, 1, 64, 16)]

# Scale and fan of each name, from the papers: variance = scale / fan.
_DEFINED = {
    "glorot_uniform": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "glorot_normal": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he_uniform": lambda fan_in, fan_out: 2 / fan_in,
    "he_normal": lambda fan_in, fan_out: 2 / fan_in,
    "lecun_uniform": lambda fan_in, fan_out: 1 / fan_in,
    "lecun_normal": lambda fan_in, fan_out: 1 / fan_in,
}


def _fans(shape):
    area = int(np.prod(shape[:-2]))
    return shape[-2] * area, shape[-1] * area


def _keras_sample(name, shape):
    initializer = {
        "glorot_uniform": keras.initializers.GlorotUniform,
        "glorot_normal": keras.initializers.GlorotNormal,
        "he_uniform": keras.initializers.HeUniform,
        "he_normal": keras.initializers.HeNormal,
        "lecun_uniform": keras.initializers.LecunUniform,
        "lecun_normal": keras.initializers.LecunNormal,
    }[name](seed=1)
    return np.asarray(initializer(shape))


@pytest.fixture(params=_RANDOM)
def name(request):
    return request.param


@pytest.mark.parametrize("shape", _SHAPES, ids=str)
def test_mean_and_variance_are_those_of_the_papers(name, shape):
    kernel = initializers.draw(name, shape, np.random.default_rng(0))
    assert kernel.shape == shape
    variance = _DEFINED[name](*_fans(shape))
    # The variance of a sample variance is at most 2 variance**2 / n for these thin-tailed shapes.
    assert abs(kernel.mean()) < 4 * np.sqrt(variance / kernel.size)
    assert abs(kernel.var() / variance - 1) < 4 * np.sqrt(2 / kernel.size)


@pytest.mark.parametrize("shape", _SHAPES[1:3], ids=str)
def test_samples_are_indistinguishable_from_kerass(name, shape):
    ours = initializers.draw(name, shape, np.random.default_rng(0)).ravel()
    theirs = _keras_sample(name, shape).ravel()
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-3


@pytest.mark.parametrize("shape", _SHAPES, ids=str)
def test_no_weight_leaves_the_bounds_and_some_come_close(name, shape):
    variance = _DEFINED[name](*_fans(shape))
    # A uniform ends at sqrt(3) deviations; a truncated normal at two of the untruncated one.
    truncated = stats.truncnorm(-2, 2).std()
    bound = np.sqrt(3 * variance) if name.endswith("uniform") else 2 * np.sqrt(variance) / truncated
    largest = np.abs(initializers.draw(name, shape, np.random.default_rng(0))).max()
    assert 0.98 * bound < largest <= bound


def test_zeros_are_zeros():
    assert not initializers.draw("zeros", (3, 4), np.random.default_rng(0)).any()


def test_every_name_is_one_that_keras_knows():
    for name in initializers.NAMES:
        if name != "auto":
            assert keras.initializers.get(name) is not None


def test_the_generator_alone_decides_the_kernel(name):
    first, again, other = (
        initializers.draw(name, (5, 6), np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("relu", "he_normal"),
        ("leaky_relu", "he_normal"),
        ("elu", "he_normal"),
        ("gelu", "he_normal"),
        ("swish", "he_normal"),
        ("mish", "he_normal"),
        ("selu", "lecun_normal"),
        ("tanh", "glorot_uniform"),
        ("sigmoid", "glorot_uniform"),
        ("softsign", "glorot_uniform"),
        ("linear", "glorot_uniform"),
    ],
)
def test_auto_follows_the_activation(activation, expected):
    assert initializers.resolve("auto", activation) == expected


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_name_other_than_auto_stays_and_auto_always_resolves(activation):
    assert initializers.resolve("lecun_uniform", activation) == "lecun_uniform"
    assert initializers.resolve("auto", activation) in _RANDOM


@pytest.mark.parametrize("shape", [(8, 50), (3, 3, 4, 7), (5, 2, 3, 4)], ids=str)
def test_fans_are_kerass(shape):
    """Keras keeps its fans to itself, but the limit of its uniform shows them."""
    for mode, fan in zip(("fan_in", "fan_out"), initializers.fans(shape), strict=True):
        initializer = keras.initializers.VarianceScaling(1.0, mode, "uniform", seed=3)
        largest = np.abs(np.asarray(initializer(shape))).max()
        assert 0.95 < largest / np.sqrt(3 / fan) <= 1 + 1e-6
