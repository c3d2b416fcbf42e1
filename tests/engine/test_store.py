"""A store of ended members: what has ended is given back, and only to its equal."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV

import kohort
from kohort.engine.member import Outcome
from kohort.engine.store import MemoryStore

SMALL = kohort.DenseRegressor(width=4, depth=1, epochs=2, random_state=0)


@pytest.fixture(scope="module")
def rows():
    X, y = load_diabetes(return_X_y=True)
    return X[:60], y[:60]


def trained(estimator, rows, store):
    """The fitted copy, how many members were trained for it, and what the cohort says of it."""
    with kohort.together(store=store) as cohort:
        fitted = clone(estimator).fit(*rows)
    census = cohort.census()
    return fitted, census.submitted - census.found, cohort.record[0]


def test_what_has_ended_is_given_back_in_every_respect(rows):
    store = MemoryStore()
    first, new, told = trained(SMALL, rows, store)
    again, none, told_again = trained(SMALL, tuple(np.array(part) for part in rows), store)
    assert (new, none, len(store)) == (1, 0, 1)
    for one, other in zip(first.weights_, again.weights_, strict=True):
        np.testing.assert_array_equal(one, other)
    told.seconds = told_again.seconds = 0.0
    assert told == told_again


@pytest.mark.parametrize("change", [{"random_state": 1}, {"learning_rate": 0.01}, {"epochs": 3}])
def test_another_member_is_trained(rows, change):
    store = MemoryStore()
    trained(SMALL, rows, store)
    assert trained(clone(SMALL).set_params(**change), rows, store)[1] == 1
    other = rows[0] + np.eye(*rows[0].shape), rows[1]
    assert trained(SMALL, other, store)[1] == 1
    assert len(store) == 3


def test_a_search_that_shares_candidates_trains_the_new_ones(rows):
    store = MemoryStore()
    for rates, wanted in (([0.001, 0.01], 4), ([0.01, 0.1], 2)):
        search = GridSearchCV(SMALL, {"learning_rate": rates}, cv=2, refit=False)
        with kohort.together(store=store) as cohort:
            search.fit(*rows)
        census = cohort.census()
        assert (census.submitted - census.found, census.submitted) == (wanted, 4)


def test_what_was_used_longest_ago_goes_first(rows):
    store = MemoryStore(most=1)
    trained(SMALL, rows, store)
    trained(clone(SMALL).set_params(epochs=3), rows, store)
    assert trained(SMALL, rows, store)[1] == 1


def test_what_is_kept_anew_was_used_last():
    store = MemoryStore(most=2)
    for key in ("a", "b", "a", "c"):
        store.put(key, Outcome(None))
    assert [store.get(key) is None for key in "abc"] == [False, True, False]


class Slow(str):
    """A key whose hashing lets other threads go on."""

    def __hash__(self):
        time.sleep(0)
        return super().__hash__()


def test_threads_may_share_a_store():
    """Without a lock, what one thread looks up is dropped by another before it is taken."""
    store = MemoryStore(most=1)

    def work(key):
        for _ in range(100):
            store.put(Slow(key), Outcome(None))
            store.get(Slow(key))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, "abcd"))
    assert len(store) == 1


@pytest.mark.parametrize("wrong", [{"store": 3}, {"executor": 3}])
def test_what_is_no_store_or_executor_is_refused(wrong):
    (name,) = wrong
    with (
        pytest.raises(kohort.ParameterError, match=rf"`{name}` must be .* methods .*; got"),
        kohort.together(**wrong),
    ):
        raise AssertionError
