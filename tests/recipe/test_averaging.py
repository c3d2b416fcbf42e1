"""The momentum of the weights' average that `"auto"` stands for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.recipe.averaging import momentum_for


@pytest.mark.parametrize(("steps", "age"), [(1, 1), (20, 1), (200, 10), (1000, 50), (10**6, 50)])
def test_the_weights_in_the_average_are_a_twentieth_of_the_training_old_at_most(steps, age):
    momentum = momentum_for(steps)
    ages = np.arange(1, 5000)
    shares = (1 - momentum) * momentum ** (ages - 1)
    assert shares @ ages == pytest.approx(age)


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_a_longer_training_has_no_shorter_average(one, other):
    short, long = sorted((one, other))
    assert 0 <= momentum_for(short) <= momentum_for(long) <= 0.98
