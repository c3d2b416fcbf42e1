"""Gradient clipping: Keras's results, and what holds for any gradient and limit."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kohort.recipe import clipping

_NAMES = tuple(clipping.CLIPPINGS)
_SHAPES = ((3, 4), (4,))
_CLIP = {name: jax.jit(clip) for name, clip in clipping.CLIPPINGS.items()}
_LEAST = np.finfo(np.float32).tiny

_ordinary = st.floats(-1e6, 1e6, width=32).map(lambda value: value if abs(value) > 1e-6 else 0.0)
# XLA flushes subnormal numbers to zero in any product.
_any_float = st.floats(width=32, allow_subnormal=False) | st.sampled_from([np.nan, np.inf, -np.inf])
_limits = st.floats(2.0**-10, 2.0**10, width=32)
_names = st.sampled_from(_NAMES)


def _gradients(elements):
    return st.tuples(*(arrays.arrays(np.float32, shape, elements=elements) for shape in _SHAPES))


def _clip(name, grads, limit):
    return [np.asarray(grad) for grad in _CLIP[name](list(grads), np.float32(limit))]


def _norm(*grads):
    return np.sqrt(sum(np.sum(np.square(grad.astype(np.float64))) for grad in grads))


def _measures(name, grads):
    """The norms or values that the limit of that name bounds."""
    if name == "clipvalue":
        return [float(np.abs(grad).max()) for grad in grads]
    return [_norm(*grads)] if name == "global_clipnorm" else [_norm(grad) for grad in grads]


@given(_names, _gradients(_ordinary), _limits)
def test_nothing_exceeds_the_limit(name, grads, limit):
    for measure in _measures(name, _clip(name, grads, limit)):
        assert measure <= limit * (1 + 1e-6)


@given(_names, _gradients(_ordinary), _limits)
def test_what_the_limit_bounds_is_shortened_to_the_limit_and_no_further(name, grads, limit):
    before, after = _measures(name, grads), _measures(name, _clip(name, grads, limit))
    np.testing.assert_allclose(after, np.minimum(before, limit), rtol=2e-6)


@given(st.sampled_from(["clipnorm", "global_clipnorm"]), _gradients(_ordinary), _limits)
def test_clipping_by_norm_keeps_the_direction(name, grads, limit):
    before, after = _measures(name, grads), _measures(name, _clip(name, grads, limit))
    factors = np.broadcast_to(np.divide(after, np.maximum(before, _LEAST)), len(grads))
    for grad, clipped, factor in zip(grads, _clip(name, grads, limit), factors, strict=True):
        np.testing.assert_allclose(clipped, grad * factor, rtol=2e-6, atol=_LEAST)


@given(_names, _gradients(_ordinary), _limits)
def test_a_gradient_within_the_limit_is_unchanged_bit_for_bit(name, grads, limit):
    limit = max([limit, *(2 * measure for measure in _measures(name, grads))])
    for grad, clipped in zip(grads, _clip(name, grads, limit), strict=True):
        np.testing.assert_array_equal(clipped, grad)


@given(_names, _gradients(_any_float))
def test_an_infinite_limit_is_neutral_for_any_gradient(name, grads):
    for grad, clipped in zip(grads, _clip(name, grads, np.inf), strict=True):
        np.testing.assert_array_equal(clipped, grad)


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("limit", [1e-30, 1.0, np.inf])
def test_a_zero_gradient_stays_zero(name, limit):
    for clipped in _clip(name, [np.zeros(shape, np.float32) for shape in _SHAPES], limit):
        np.testing.assert_array_equal(clipped, 0)


_ENTRIES = {
    "ordinary": (3.0, -4.0),
    "zero": (0.0, 0.0),
    "NaN": (np.nan, 1.0),
    "infinite": (np.inf, 1.0),
    "minus infinite": (-np.inf, np.nan),
    "squares overflow": (1e25, -2e25),
    "squares underflow": (1e-30, 0.0),
}


@pytest.mark.parametrize("entries", _ENTRIES)
@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("limit", [0.25, 100.0])
def test_clipping_is_kerass_also_where_gradients_are_not_finite(name, entries, limit):
    kernel = np.float32([[0.5, 0.0], _ENTRIES[entries]])
    grads = [jnp.asarray(kernel), jnp.float32([0.3, -0.1])]
    expected = keras.optimizers.SGD(1.0, **{name: limit})._clip_gradients(grads)
    for clipped, oracle in zip(_clip(name, grads, limit), expected, strict=True):
        np.testing.assert_allclose(clipped, oracle, rtol=1e-6)


def test_only_what_a_program_uses_is_clipped():
    grads = [np.full(shape, 2.0, np.float32) for shape in _SHAPES]
    numbers = {name: jnp.float32(1.0) for name in _NAMES}
    untouched = clipping.clipped(grads, numbers, frozenset({"weight_decay"}))
    for grad, clipped in zip(grads, untouched, strict=True):
        np.testing.assert_array_equal(clipped, grad)
    for name in _NAMES:
        actual = clipping.clipped(grads, numbers, frozenset({name}))
        for clipped, expected in zip(actual, _clip(name, grads, 1.0), strict=True):
            np.testing.assert_allclose(clipped, expected, rtol=1e-6)
