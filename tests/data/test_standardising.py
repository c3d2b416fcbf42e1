"""Standardised columns: smooth clipping is what its formula says, for any size of values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.data.moments import in_blocks, moments
from kohort.data.standardising import Standardisation, squashed

NUMBERS = st.floats(-1e300, 1e300)
LIMITS = st.floats(0.01, 1e6)


@given(z=NUMBERS, limit=LIMITS)
def test_clipping_keeps_the_sign_bounds_the_size_and_never_overflows(z, limit):
    found = float(squashed(np.array(z), np.array(limit)))
    assert np.sign(found) == np.sign(z) or abs(z) < 1e-300
    assert abs(found) <= min(abs(z), limit) * (1 + 1e-12)
    angle = limit * np.sin(np.arctan(z / limit))
    np.testing.assert_allclose(found, angle, rtol=1e-9, atol=1e-300)


@given(z=st.floats(-1e3, 1e3), more=st.floats(1e-3, 10), limit=LIMITS)
def test_clipping_keeps_the_order(z, more, limit):
    low, high = squashed(np.array([z, z + more]), np.array(limit))
    assert low <= high


def test_an_infinite_limit_changes_no_bit():
    z = np.random.default_rng(0).normal(size=(50, 3)) * 1e5
    np.testing.assert_array_equal(squashed(z, np.full(3, np.inf)), z)
    scaling = Standardisation(np.zeros(3), np.ones(3), np.array([np.inf, 2.0, np.inf]))
    np.testing.assert_array_equal(scaling.of(z)[:, [0, 2]], z[:, [0, 2]])


def test_values_one_by_one_are_those_of_the_table():
    generator = np.random.default_rng(1)
    table = generator.normal(size=(7, 4))
    mean, scale = generator.normal(size=(2, 4))
    scaling = Standardisation(mean, np.exp(scale), np.array([1.0, np.inf, 3.0, 0.5]))
    columns = np.tile(np.arange(4), 7)
    np.testing.assert_array_equal(scaling.of(table.ravel(), columns), scaling.of(table).ravel())


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.uint8, bool])
@pytest.mark.parametrize("parts", [1, 3])
def test_columns_of_0_and_1_are_told_from_others(kind, parts):
    table = np.array([[0, 1, 0], [1, 1, 1], [1, 0, 0], [0, 0, 1]] * 5, kind)
    wanted = [True, True, True]
    if kind is not bool:
        table[13, 2] = 2
        wanted[2] = False
    pieces = np.array_split(table, parts)
    assert moments((piece, None) for piece in pieces).truths.tolist() == wanted
    weight = np.ones(20)
    weight[13] = 0  # Rows of weight 0 count for nothing.
    assert moments(in_blocks(table, weight)).truths.all()
