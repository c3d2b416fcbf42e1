"""Candidates that go on, against Optuna's own pruner and a plain version."""

import math

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sampling import depth

from kohort.searches.adaptive.halving import Halving

scores = st.floats(-1, 1).map(lambda x: round(x, 1)) | st.just(math.nan)


@settings(max_examples=depth(60))
@given(
    curves=st.lists(
        st.lists(st.floats(-1, 1) | st.just(math.nan), min_size=3, max_size=3),
        min_size=1,
        max_size=12,
        unique_by=(lambda c: c[0], lambda c: c[1], lambda c: c[2]),
    ),
    factor=st.integers(2, 4),
    least=st.integers(1, 3),
)
def test_one_at_a_time_it_decides_as_optuna_s_pruner(curves, factor, least):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.SuccessiveHalvingPruner(
        min_resource=least, reduction_factor=factor, min_early_stopping_rate=0
    )
    study = optuna.create_study(direction="maximize", pruner=pruner)
    halving = Halving(least, factor)
    for curve in curves:
        trial = study.ask()
        for rung, score in enumerate(curve):
            halving.enter(rung, trial.number, score, ended=False)
            trial.report(score, halving.epochs(rung))
            goes_on = halving.promotes(rung, trial.number)
            assert goes_on == (not trial.should_prune())
            if not goes_on:
                break
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)


@settings(max_examples=depth(60))
@given(known=st.lists(scores, min_size=1, max_size=20), factor=st.integers(2, 4))
def test_as_many_as_the_factor_says_go_on(known, factor):
    halving = Halving(1, factor)
    for number, score in enumerate(known):
        halving.enter(0, number, score, ended=False)
    usable = {number: score for number, score in enumerate(known) if not math.isnan(score)}
    going = [number for number in range(len(known)) if halving.promotes(0, number)]
    places = max(1, len(usable) // factor) if usable else 0
    best = sorted(usable, key=lambda number: -usable[number])  # It keeps the order of equal ones.
    assert going == sorted(best[:places])


def test_who_has_ended_counts_at_the_rungs_to_come():
    halving = Halving(1, 2)
    halving.enter(0, 0, 0.9, ended=True)
    halving.enter(1, 1, 0.5, ended=False)
    assert not halving.promotes(1, 1)
    halving.enter(1, 2, 0.95, ended=False)
    assert halving.promotes(1, 2)


@pytest.mark.parametrize("rung", range(4))
def test_rungs(rung):
    assert Halving(3, 4).epochs(rung) == 3 * 4**rung
