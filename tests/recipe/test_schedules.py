"""Learning rates against Keras's schedules, PyTorch's OneCycleLR and closed forms."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.errors import ParameterError
from kohort.recipe.recipe import Recipe
from kohort.recipe.schedules import SCHEDULES, momenta, rates, warmup_steps

PER_EPOCH, EPOCHS, RATE = 7, 20, 0.04
STEPS = np.arange(PER_EPOCH * EPOCHS)
TOTAL = len(STEPS)

_keras = keras.optimizers.schedules


def _recipe(**fields):
    return Recipe.of(**{"loss": "mse", "epochs": EPOCHS, "learning_rate": RATE} | fields)


def _rates(**fields):
    return rates(_recipe(**fields), STEPS, PER_EPOCH)


_OF_KERAS = {
    "exponential": (
        {"decay_epochs": 3, "decay_rate": 0.5},
        _keras.ExponentialDecay(RATE, 3 * PER_EPOCH, 0.5),
    ),
    "exponential staircase": (
        {"decay_epochs": 3, "decay_rate": 0.5, "staircase": True},
        _keras.ExponentialDecay(RATE, 3 * PER_EPOCH, 0.5, staircase=True),
    ),
    "power": ({"decay_epochs": 2}, _keras.InverseTimeDecay(RATE, 2 * PER_EPOCH, 1.0)),
    "power staircase": (
        {"decay_epochs": 2, "staircase": True},
        _keras.InverseTimeDecay(RATE, 2 * PER_EPOCH, 1.0, staircase=True),
    ),
    "piecewise": (
        {"boundaries": [3, 10.0], "factors": [1, 0.3, 0.05]},
        _keras.PiecewiseConstantDecay(
            [3 * PER_EPOCH, 10 * PER_EPOCH], [RATE, 0.3 * RATE, 0.05 * RATE]
        ),
    ),
    "piecewise without factors": (
        {"boundaries": [5, 15], "decay_rate": 0.2},
        _keras.PiecewiseConstantDecay(
            [5 * PER_EPOCH, 15 * PER_EPOCH], [RATE, 0.2 * RATE, 0.04 * RATE]
        ),
    ),
    "cosine": ({}, _keras.CosineDecay(RATE, TOTAL)),
    "cosine to a final rate": (
        {"decay_epochs": 8, "final_rate": 0.1},
        _keras.CosineDecay(RATE, 8 * PER_EPOCH, alpha=0.1),
    ),
    "cosine_restarts": (
        {"decay_epochs": 3},
        _keras.CosineDecayRestarts(RATE, 3 * PER_EPOCH),
    ),
    "cosine_restarts, equal periods": (
        {"decay_epochs": 4, "t_mul": 1.0, "m_mul": 0.5, "final_rate": 0.05},
        _keras.CosineDecayRestarts(RATE, 4 * PER_EPOCH, t_mul=1.0, m_mul=0.5, alpha=0.05),
    ),
    "polynomial": (
        {"decay_power": 2.0, "final_rate": 0.02},
        _keras.PolynomialDecay(RATE, TOTAL, 0.02 * RATE, power=2.0),
    ),
    "polynomial, shorter than the training": (
        {"decay_epochs": 6},
        _keras.PolynomialDecay(RATE, 6 * PER_EPOCH, 0.0),
    ),
}


@pytest.mark.parametrize("case", _OF_KERAS)
def test_each_schedule_is_kerass(case):
    fields, schedule = _OF_KERAS[case]
    name = case.split()[0].rstrip(",")
    expected = np.array([float(schedule(step)) for step in STEPS])
    # Keras computes in single precision: a cosine near its end loses digits to cancellation.
    np.testing.assert_allclose(_rates(schedule=name, **fields), expected, rtol=2e-6, atol=4e-8)


@pytest.mark.parametrize("warmup_start", [0.0, 0.2])
def test_the_warm_up_before_a_cosine_is_kerass(warmup_start):
    warmup = 4 * PER_EPOCH
    schedule = _keras.CosineDecay(
        warmup_start * RATE, TOTAL - warmup, warmup_target=RATE, warmup_steps=warmup
    )
    expected = np.array([float(schedule(step)) for step in STEPS])
    actual = _rates(schedule="cosine", warmup=4, warmup_start=warmup_start)
    np.testing.assert_allclose(actual, expected, rtol=2e-6, atol=4e-8)


@pytest.mark.parametrize("anneal", ["cos", "linear"])
@pytest.mark.parametrize("pct_start", [0.3, 0.5])
def test_one_cycle_is_pytorchs_in_rate_and_momentum(anneal, pct_start):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, TOTAL, pct_start=pct_start, anneal_strategy=anneal, div_factor=10.0,
        final_div_factor=200.0, base_momentum=0.8, max_momentum=0.97,
    )  # fmt: skip
    expected = []
    for _ in STEPS:
        group = optimizer.param_groups[0]
        expected.append((group["lr"], group["momentum"]))
        optimizer.step()
        scheduler.step()
    recipe = _recipe(
        schedule="1cycle", anneal=anneal, pct_start=pct_start, div_factor=10.0,
        final_div_factor=200.0, base_momentum=0.8, max_momentum=0.97, optimizer="momentum",
    )  # fmt: skip
    ours = np.stack([rates(recipe, STEPS, PER_EPOCH), momenta(recipe, STEPS, PER_EPOCH)], axis=1)
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("pct_start", [0.25, 0.5])
def test_one_cycle_is_its_closed_form(pct_start):
    """Two half cosines (Smith and Topin 2018), the top at the last step of the rising share."""
    top, last = pct_start * TOTAL - 1, TOTAL - 1
    levels = np.array([RATE / 25, RATE, RATE / 25 / 1e4])
    expected = []
    for step in STEPS:
        start, end = (0, top) if step <= top else (top, last)
        low, high = levels[:2] if step <= top else levels[1:]
        done = (1 - np.cos(np.pi * (step - start) / (end - start))) / 2
        expected.append(low + (high - low) * done)
    actual = _rates(schedule="1cycle", pct_start=pct_start)
    # The last rates are differences of numbers near RATE.
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=RATE * 1e-15)


def test_power_is_its_closed_form():
    t = STEPS / PER_EPOCH
    expected = RATE / (1 + t / 5) ** 1.7
    actual = _rates(schedule="power", decay_epochs=5, decay_power=1.7)
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


@pytest.mark.parametrize("schedule", ["constant", "performance"])
def test_without_a_shape_the_rate_stays(schedule):
    np.testing.assert_array_equal(_rates(schedule=schedule), RATE)


@pytest.mark.parametrize("schedule", ["power", "exponential", "cosine_restarts"])
def test_decay_epochs_of_none_is_a_fifth_of_the_training(schedule):
    np.testing.assert_allclose(_rates(schedule=schedule), _rates(schedule=schedule, decay_epochs=4))


@pytest.mark.parametrize(("warmup", "steps"), [(3, 21), (0.25, 35), (1, 7), (2.5, 18), (0, 0)])
def test_a_warm_up_is_counted_in_epochs_or_as_a_share(warmup, steps):
    assert warmup_steps(_recipe(warmup=warmup), PER_EPOCH) == steps


_warm = st.fixed_dictionaries(
    {
        "warmup": st.sampled_from([0.0, 0.05, 0.3, 1.0, 2.5, 19.0]),
        "warmup_start": st.floats(0, 1),
        "decay_epochs": st.none() | st.floats(0.3, 40),
        "decay_rate": st.floats(0.01, 0.99),
        "decay_power": st.floats(0.1, 4),
        "t_mul": st.sampled_from([1.0, 1.5, 2.0, 3.0]),
        "m_mul": st.floats(0.1, 1.0),
        "final_rate": st.floats(0, 1),
        "pct_start": st.floats(0.01, 0.99),
        "div_factor": st.floats(1, 100),
        "final_div_factor": st.floats(1, 1e4),
        "anneal": st.sampled_from(["cos", "linear"]),
    }
)


@given(fields=_warm, schedule=st.sampled_from([s for s in SCHEDULES if s != "piecewise"]))
def test_every_schedule_stays_between_zero_and_the_rate(fields, schedule):
    values = _rates(schedule=schedule, **fields)
    assert values.shape == STEPS.shape
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    assert (values <= RATE * (1 + 1e-12)).all()


@given(fields=_warm, schedule=st.sampled_from([s for s in SCHEDULES if s != "piecewise"]))
def test_a_step_has_the_same_rate_however_the_steps_are_cut(fields, schedule):
    recipe = _recipe(schedule=schedule, **fields)
    whole = rates(recipe, STEPS, PER_EPOCH)
    parts = [rates(recipe, part, PER_EPOCH) for part in np.array_split(STEPS, 5)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


@given(fields=_warm, schedule=st.sampled_from([s for s in SCHEDULES if s != "piecewise"]))
def test_the_warm_up_is_a_line_that_meets_the_schedule(fields, schedule):
    recipe = _recipe(schedule=schedule, **fields)
    warmup = warmup_steps(recipe, PER_EPOCH)
    values = rates(recipe, STEPS, PER_EPOCH)
    start = fields["warmup_start"]
    expected = RATE * (start + (1 - start) * STEPS[:warmup] / max(warmup, 1))
    np.testing.assert_allclose(values[:warmup], expected, rtol=1e-12)
    if schedule != "1cycle":  # It starts low by itself.
        assert values[warmup] == pytest.approx(RATE)


_WRONG = {
    "staircase with 1cycle": ({"schedule": "1cycle", "staircase": True}, "staircase"),
    "a factor of 1 on a plateau": ({"schedule": "performance", "decay_rate": 1.0}, "decay_rate"),
    "momenta crossed": ({"schedule": "1cycle", "base_momentum": 0.99}, "base_momentum"),
    "warm-up of the whole training": ({"warmup": 20}, "warmup"),
    "boundaries elsewhere": ({"boundaries": [3]}, "boundaries"),
    "an array of boundaries elsewhere": ({"boundaries": np.array([3, 4])}, "boundaries"),
    "factors elsewhere": ({"factors": [1, 2]}, "factors"),
    "no boundaries": ({"schedule": "piecewise"}, "boundaries"),
    "boundaries that fall": ({"schedule": "piecewise", "boundaries": [5, 3]}, "boundaries"),
    "too few factors": (
        {"schedule": "piecewise", "boundaries": [3], "factors": [1]}, "factors",
    ),
    "an unknown schedule": ({"schedule": "sawtooth"}, "schedule"),
}  # fmt: skip


@pytest.mark.parametrize("case", _WRONG)
def test_contradictions_are_named(case):
    fields, name = _WRONG[case]
    with pytest.raises(ParameterError, match=f"`{name}`|{name}"):
        _recipe(**fields)
