"""Candidates that go on, against Optuna's own pruner, a plain version and all that may come."""

import math

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sampling import depth

from kohort.searches.adaptive.halving import Halving

scores = st.floats(-1, 1).map(lambda x: round(x, 1)) | st.just(math.nan)
curves = st.lists(
    st.lists(st.floats(-1, 1) | st.just(math.nan), min_size=3, max_size=3),
    min_size=1,
    max_size=12,
    unique_by=(lambda c: c[0], lambda c: c[1], lambda c: c[2]),
)


@settings(max_examples=depth(60))
@given(curves=curves, factor=st.integers(2, 4), least=st.integers(1, 3))
def test_who_goes_on_at_once_is_who_optuna_s_pruner_lets_go_on(curves, factor, least):
    """Optuna promotes the best one also of fewer than `factor`, and nobody later."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.SuccessiveHalvingPruner(
        min_resource=least, reduction_factor=factor, min_early_stopping_rate=0
    )
    study = optuna.create_study(direction="maximize", pruner=pruner)
    halving, arrived = Halving(least, factor), [0, 0, 0]
    for curve in curves:
        trial = study.ask()
        for rung, score in enumerate(curve):
            halving.enter(rung, trial.number, score, ended=False)
            arrived[rung] += not math.isnan(score)
            trial.report(score, halving.epochs(rung))
            theirs = not trial.should_prune()
            if arrived[rung] >= factor:
                assert ((rung, trial.number) in halving.due(more=1)) == theirs
            halving.leave(trial.number)
            if not theirs:
                break
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)


@settings(max_examples=depth(60))
@given(known=st.lists(scores, min_size=1, max_size=20), factor=st.integers(2, 4))
def test_as_many_as_the_factor_says_go_on(known, factor):
    halving = Halving(1, factor)
    for number, score in enumerate(known):
        halving.enter(0, number, score, ended=False)
    usable = {number: score for number, score in enumerate(known) if not math.isnan(score)}
    best = sorted(usable, key=lambda number: -usable[number])  # It keeps the order of equal ones.
    places = len(usable) // factor
    assert halving.due(more=1) == [(0, number) for number in best[:places]]
    assert halving.due(more=0) == [(0, number) for number in best[: max(1, places)]]


@settings(max_examples=depth(60))
@given(
    curves=st.lists(st.lists(scores, min_size=3, max_size=3), min_size=1, max_size=20),
    factor=st.integers(2, 4),
    slots=st.integers(1, 4),
)
def test_who_is_lost_would_never_have_gone_on(curves, factor, slots):
    halving, waiting, begun, lost = Halving(1, factor), {}, 0, set()
    while True:
        more = len(curves) - begun
        jobs = [(number, rung + 1) for rung, number in halving.due(more)][:slots]
        for number, _ in jobs:
            halving.leave(number)
            del waiting[number]
        while len(jobs) < slots and begun < len(curves):
            jobs.append((begun, 0))
            begun += 1
        if not jobs:
            break
        assert not lost & {number for number, _ in jobs}
        for number, rung in jobs:
            ended = rung == 2
            halving.enter(rung, number, curves[number][rung], ended)
            if not ended:
                waiting[number] = rung
        lost |= set(halving.lost(len(curves) - begun))
        kept = [rung for number, rung in waiting.items() if number not in lost]
        assert all(kept.count(rung) <= max(1, len(curves) // factor) for rung in kept)
    assert set(waiting) == lost


def test_who_has_ended_counts_at_the_rungs_to_come():
    halving = Halving(1, 2)
    halving.enter(0, 0, 0.9, ended=True)
    for number, score, due in ((1, 0.5, []), (2, 0.95, [(1, 2)])):
        halving.enter(0, number, score, ended=False)
        halving.leave(number)
        halving.enter(1, number, score, ended=False)
        assert halving.due(more=1) == due


def test_the_best_may_go_on_late():
    halving = Halving(1, 3)
    for number, score in enumerate((0.7, 0.5)):
        halving.enter(0, number, score, ended=False)
    assert halving.due(more=4) == []
    halving.enter(0, 2, 0.1, ended=False)
    assert halving.due(more=3) == [(0, 0)]


@pytest.mark.parametrize("rung", range(4))
def test_rungs(rung):
    assert Halving(3, 4).epochs(rung) == 3 * 4**rung
