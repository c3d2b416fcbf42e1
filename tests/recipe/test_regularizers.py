"""Penalties and norm limits against Keras's."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kohort.recipe.regularizers import max_norm, penalty


@pytest.fixture
def kernels():
    generator = np.random.default_rng(0)
    return [generator.normal(size=shape).astype(np.float32) for shape in ((5, 7), (7, 2))]


def _numbers(**values):
    return {name: jnp.float32(value) for name, value in values.items()}


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.02), (0.1, 0.02)])
def test_the_penalty_is_kerass(l1, l2, kernels):
    expected = sum(float(keras.regularizers.L1L2(l1, l2)(kernel)) for kernel in kernels)
    ours = penalty(kernels, _numbers(l1=l1, l2=l2), frozenset({"l1", "l2"}))
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_a_program_without_penalties_adds_nothing(kernels):
    assert penalty(kernels, _numbers(l1=1.0, l2=1.0), frozenset()) == 0.0


def test_a_member_without_penalty_does_not_see_its_kernels_overflow():
    huge = [jnp.full((2, 2), 1e30)]
    assert penalty(huge, _numbers(l1=0.0, l2=0.0), frozenset({"l1", "l2"})) == 0.0


@pytest.mark.parametrize("limit", [0.3, 2.0, 100.0])
def test_max_norm_is_kerass(limit, kernels):
    for kernel in kernels:
        expected = np.asarray(keras.constraints.MaxNorm(limit, axis=0)(kernel))
        actual = np.asarray(max_norm(jnp.asarray(kernel), jnp.float32(limit)))
        np.testing.assert_allclose(actual, expected, rtol=1e-6)
        assert (np.linalg.norm(actual, axis=0) <= limit * (1 + 1e-6)).all()


def test_no_limit_leaves_the_kernel_as_it_is(kernels):
    actual = max_norm(jnp.asarray(kernels[0]), jnp.float32(np.inf))
    np.testing.assert_array_equal(actual, kernels[0])
