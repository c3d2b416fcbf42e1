"""Initial kernels follow Keras's distributions."""

import keras
import numpy as np
import pytest
from scipy import stats

from kohort.recipe import initializers
from kohort.recipe.activations import ACTIVATIONS

_SCALE = 0.3
_RANDOM = [name for name in initializers.NAMES if name not in ("auto", "zeros")]
_INDEPENDENT = [name for name in _RANDOM if name != "orthogonal"]
_SHAPES = [(400, 100), (30, 900), (3, 3, 40, 60), (5, 1, 64, 16)]
_TRUNCATED_VARIANCE = stats.truncnorm(-2, 2).var()

# The variance by each name's definition, from the papers and, for the last two, Keras's reference.
_DEFINED = {
    "glorot_uniform": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "glorot_normal": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he_uniform": lambda fan_in, fan_out: 2 / fan_in,
    "he_normal": lambda fan_in, fan_out: 2 / fan_in,
    "lecun_uniform": lambda fan_in, fan_out: 1 / fan_in,
    "lecun_normal": lambda fan_in, fan_out: 1 / fan_in,
    "truncated_normal": lambda fan_in, fan_out: _SCALE**2 * _TRUNCATED_VARIANCE,
    "random_normal": lambda fan_in, fan_out: _SCALE**2,
}


def _fans(shape):
    area = int(np.prod(shape[:-2]))
    return shape[-2] * area, shape[-1] * area


def _keras_sample(name, shape):
    deviation = {"stddev": _SCALE} if name in ("truncated_normal", "random_normal") else {}
    identifier = {"class_name": name, "config": {"seed": 1, **deviation}}
    return np.asarray(keras.initializers.get(identifier)(shape))


def _drawn(name, shape, seed=0):
    return initializers.draw(name, shape, np.random.default_rng(seed), _SCALE)


@pytest.mark.parametrize("shape", _SHAPES, ids=str)
@pytest.mark.parametrize("name", _INDEPENDENT)
def test_mean_and_variance_are_those_of_the_papers(name, shape):
    kernel = _drawn(name, shape)
    assert kernel.shape == shape
    variance = _DEFINED[name](*_fans(shape))
    # The variance of a sample variance is at most 2 variance**2 / n for these thin-tailed shapes.
    assert abs(kernel.mean()) < 4 * np.sqrt(variance / kernel.size)
    assert abs(kernel.var() / variance - 1) < 4 * np.sqrt(2 / kernel.size)


@pytest.mark.parametrize("shape", _SHAPES[1:3], ids=str)
@pytest.mark.parametrize("name", _RANDOM)
def test_samples_are_indistinguishable_from_kerass(name, shape):
    ours, theirs = _drawn(name, shape).ravel(), _keras_sample(name, shape).ravel()
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-3


@pytest.mark.parametrize("shape", _SHAPES, ids=str)
@pytest.mark.parametrize("name", [name for name in _INDEPENDENT if name != "random_normal"])
def test_no_weight_leaves_the_bounds_and_some_come_close(name, shape):
    variance = _DEFINED[name](*_fans(shape))
    # A uniform ends at sqrt(3) deviations; a truncated normal at two of the untruncated one.
    limit = 3 if name.endswith("uniform") else 4 / _TRUNCATED_VARIANCE
    bound = np.sqrt(limit * variance)
    assert 0.98 * bound < np.abs(_drawn(name, shape)).max() <= bound * (1 + 1e-12)


@pytest.mark.parametrize("shape", _SHAPES, ids=str)
def test_orthogonal_kernels_have_orthonormal_rows_or_columns(shape):
    matrix = _drawn("orthogonal", shape).reshape(-1, shape[-1])
    shorter = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    np.testing.assert_allclose(shorter @ shorter.T, np.eye(len(shorter)), atol=1e-12)


def test_orthogonal_kernels_favour_no_direction():
    """Without the correction of signs, QR's diagonal would always be of one sign."""
    corners = np.array([_drawn("orthogonal", (3, 3), seed)[0, 0] for seed in range(400)])
    # One entry of a uniform rotation in three dimensions is uniform on [-1, 1] (Archimedes).
    assert stats.kstest(corners, stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_zeros_are_zeros():
    assert not initializers.draw("zeros", (3, 4), np.random.default_rng(0)).any()


def test_every_name_is_one_that_keras_knows():
    for name in initializers.NAMES:
        if name != "auto":
            assert keras.initializers.get(name) is not None


@pytest.mark.parametrize("name", _RANDOM)
def test_the_generator_alone_decides_the_kernel(name):
    first, again, other = (_drawn(name, (5, 6), seed) for seed in (1, 1, 2))
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
def test_auto_follows_the_activation_and_the_depth(activation, expected):
    assert initializers.resolve("auto", activation, 5) == expected
    shallow = "glorot_uniform" if expected == "he_normal" else expected
    assert initializers.resolve("auto", activation, 4) == shallow


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_name_other_than_auto_stays_and_auto_always_resolves(activation):
    assert initializers.resolve("lecun_uniform", activation, 2) == "lecun_uniform"
    assert initializers.resolve("auto", activation, 9) in _RANDOM


@pytest.mark.parametrize("shape", [(8, 50), (3, 3, 4, 7), (5, 2, 3, 4)], ids=str)
def test_fans_are_kerass(shape):
    """Keras keeps its fans to itself, but the limit of its uniform shows them."""
    for mode, fan in zip(("fan_in", "fan_out"), initializers.fans(shape), strict=True):
        initializer = keras.initializers.VarianceScaling(1.0, mode, "uniform", seed=3)
        largest = np.abs(np.asarray(initializer(shape))).max()
        assert 0.95 < largest / np.sqrt(3 / fan) <= 1 + 1e-6
