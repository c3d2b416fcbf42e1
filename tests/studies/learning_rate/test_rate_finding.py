"""The range test's numbers: smoothing against its definition, the edge on curves that are known."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kohort.studies.learning_rate.rate_finding import SHARE, finding, smoothed, sweep

RATES = sweep(1e-6, 10, 400)


def curve(fall_at=1e-3, edge=0.1, noise=0.0, seed=0, lowest=0.2):
    """A loss that falls from 1 to `lowest` around one rate, and explodes from another on."""
    generator = np.random.default_rng(seed)
    loss = lowest + (1 - lowest) / (1 + (RATES / fall_at) ** 2)
    loss = loss + np.where(edge < RATES, 20 * np.log(RATES / edge).clip(0), 0)
    return loss + noise * generator.normal(size=len(RATES))


@given(
    arrays(np.float64, st.integers(1, 30), elements=st.floats(-5, 5)), st.floats(0.5, 50)
)  # fmt: skip
def test_smoothing_is_a_weighted_mean_that_forgets_by_half(losses, half_life):
    weights = 0.5 ** (np.arange(len(losses))[::-1] / half_life)
    expected = np.average(losses, weights=weights)
    assert smoothed(losses, half_life)[-1] == pytest.approx(expected, abs=1e-9)


def test_the_smoothing_is_that_of_pandas():
    losses = np.random.default_rng(0).normal(size=50)
    expected = pd.Series(losses).ewm(halflife=3.0, adjust=True).mean()
    np.testing.assert_allclose(smoothed(losses, 3.0), expected, rtol=1e-12)


@pytest.mark.parametrize("edge", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_the_suggestion_is_a_share_of_where_the_loss_rises(edge, noise):
    found = finding([curve(edge=edge, noise=noise, seed=s) for s in range(8)], RATES, "rate")
    assert edge <= found.edge < 1.5 * edge
    assert found.learning_rate == found.edge / SHARE
    low, high = found.band
    assert low <= found.learning_rate <= high
    assert str(found).startswith(f"Set rate={found.learning_rate:.2g} (")
    assert "8 seeds" in str(found)


def test_without_noise_the_seeds_agree():
    found = finding([curve()] * 3, RATES, "rate")
    assert found.band == (found.learning_rate, found.learning_rate)


def test_a_hard_batch_of_one_seed_changes_nothing():
    losses = [curve(noise=0.01, seed=s) for s in range(8)]
    before = finding(losses, RATES, "rate").learning_rate
    losses[3][250] += 1000
    assert finding(losses, RATES, "rate").learning_rate == pytest.approx(before, rel=0.1)


def test_a_seed_that_ends_early_is_kept_up_to_there():
    losses = [curve() for _ in range(5)]
    stopped = int(np.searchsorted(RATES, 0.1))
    losses[0] = losses[0][:stopped]
    losses[1][stopped:] = np.nan
    found = finding(losses, RATES, "rate")
    assert list(found.curves.groupby("seed").size()) == [stopped, stopped, 400, 400, 400]
    assert list(found.curves.columns) == ["seed", "step", "rate", "loss", "smoothed"]
    assert np.isfinite(found.curves["smoothed"]).all()
    assert found.learning_rate == finding([curve()], RATES, "rate").learning_rate


def test_all_seeds_that_end_at_a_rate_have_their_edge_there():
    stopped = int(np.searchsorted(RATES, 0.1))
    found = finding([curve()[:stopped]] * 4, RATES, "rate")
    assert found.edge == RATES[stopped]


def test_a_loss_that_comes_back_after_it_exploded_does_not_count():
    returning = np.where(RATES > 1, 0.2, curve())
    assert finding([returning] * 3, RATES, "rate").edge < 0.2


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        (np.ones(400), "never falls clearly"),
        (np.random.default_rng(1).normal(1, 0.1, 400), "never falls clearly"),
        (curve(edge=1e9), "has not risen again .* Raise `high`"),
        (np.linspace(1, 2, 400), "Lower `low`"),
        (np.full(400, np.nan), "not finite from a rate of 1e-06 on. Lower `low`"),
        (curve(fall_at=1e-6, edge=1e-5), "below `low`, 1e-06. Lower `low`"),
    ],
    ids=["flat", "noise", "no end", "rises", "nan", "too early"],
)
def test_a_curve_that_supports_no_suggestion_says_why(losses, words):
    found = finding([losses] * 2, RATES, "rate")
    assert found.learning_rate is None
    assert found.band is None
    assert re.match(f"No suggestion: .*{words}", str(found))


def test_a_finding_draws_itself():
    (axes,) = finding([curve(noise=0.02, seed=s) for s in range(4)], RATES, "rate").plot().axes
    labels = [text.get_text().split(":")[0] for text in axes.get_legend().get_texts()]
    assert labels == ["single seeds", "median", "suggestion", "band", "the loss rises for good"]
    (axes,) = finding([np.ones(400)], RATES, "rate").plot().axes
    assert axes.get_title("left").endswith("no suggestion")
