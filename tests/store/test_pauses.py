"""Paused fits are kept: a search in rungs that is run again trains nothing twice."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import loguniform
from tests.sampling import depth
from tests.store.conftest import equal, member, table
from tests.store.test_snapshots import RECIPES, Dies

import kohort
from kohort.engine.executors.base import train_with
from kohort.engine.executors.local import LocalExecutor, train
from kohort.engine.executors.storing import StoringExecutor
from kohort.engine.folder_store import FolderStore
from kohort.engine.member import PAUSED

pytestmark = pytest.mark.timeout(120)
RUNGS = (2, 4, None)


def in_rungs(store, members):
    """The outcomes of members at each rung, and how many epochs were trained for them."""
    executor = StoringExecutor(LocalExecutor(1), store)
    going, found = members, []
    for until in RUNGS:
        going = [replace(each, until=until) for each in going]
        outcomes = train_with(executor, going)
        found.append(outcomes)
        going = [
            replace(each, resumed=outcome.snapshot)
            for each, outcome in zip(going, outcomes, strict=True)
            if outcome.status == PAUSED
        ]
    epochs = executor.executor.census().epochs
    executor.join()
    return found, epochs


@given(recipes=st.lists(RECIPES, min_size=1, max_size=2), puts=st.integers(1, 6))
@settings(max_examples=depth(20), deadline=None)
def test_what_paused_is_given_back_to_the_bit(tmp_path_factory, recipes, puts):
    folder = tmp_path_factory.mktemp("store")
    members = [
        member(table(), seed, epochs=6, validation=table(9), **recipe)
        for seed, recipe in enumerate(recipes)
    ]
    whole, before = in_rungs(FolderStore(tmp_path_factory.mktemp("other")), members)
    in_rungs(Dies(folder, puts), members)
    again, left = in_rungs(FolderStore(folder), members)
    once_more, none = in_rungs(FolderStore(folder), members)
    for found in (again, once_more):
        for one, other in zip(found, whole, strict=True):
            assert all(map(equal, one, other))
    assert left < before
    assert none == 0
    last = [outcome for outcomes in whole for outcome in outcomes if outcome.status != PAUSED]
    alone = train(members)
    assert all(any(equal(one, other) for other in alone) for one in last)


def test_an_adaptive_search_that_is_run_again_trains_nothing_twice(tmp_path):
    X = np.random.default_rng(0).normal(size=(80, 3))
    y = X[:, 0] * X[:, 1]

    def searched():
        model = kohort.DenseRegressor(width=4, depth=1, epochs=9, patience=3, random_state=0)
        search = kohort.AdaptiveSearchCV(
            model, {"learning_rate": loguniform(1e-3, 1e-1)}, n_candidates=9, cv=2, min_epochs=1,
            sampler="random", random_state=0,
        )  # fmt: skip
        with kohort.together(store=tmp_path) as cohort:
            search.fit(X, y)
        return search, cohort.census().epochs

    first, trained = searched()
    again, none = searched()
    assert trained >= first.n_epochs_ > 0
    assert none == 0
    assert again.n_epochs_ == first.n_epochs_
    names = [name for name in first.cv_results_ if not name.endswith("_time")]
    for name in names:
        np.testing.assert_array_equal(again.cv_results_[name], first.cv_results_[name])
    np.testing.assert_array_equal(again.predict(X), first.predict(X))
