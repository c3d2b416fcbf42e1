"""Results made from equal arrays are given back, those of other arrays never."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV

import kohort
from kohort.data.recent import Recent
from kohort.estimators.scaling import Scaling


def test_another_type_value_or_setting_is_something_else():
    recent, table = Recent(), np.arange(6.0)
    first = recent.get_or_build("a", [table, None], object)
    assert recent.get_or_build("a", [table.copy(), None], object) is first
    others = [
        ("b", [table, None]),
        ("a", [table.astype(np.float32), None]),
        ("a", [table.reshape(2, 3), None]),
        ("a", [None, table]),
        ("a", [table + 1e-9, None]),
    ]
    found = [recent.get_or_build(settings, parts, object) for settings, parts in others]
    assert len({first, *found}) == 1 + len(others)


def test_an_array_with_a_neighbours_digest_is_something_else():
    recent, table = Recent(), np.zeros(10_000)
    first = recent.get_or_build("", [table], object)
    other = table.copy()
    other[1] = 1.0  # Between the values that the digest is made of.
    assert recent.get_or_build("", [other], object) is not first


def test_the_oldest_go_when_there_is_no_room():
    recent = Recent(most_bytes=2 * 80)
    tables = [np.full(10, float(number)) for number in range(3)]
    found = [recent.get_or_build("", [table], object) for table in tables]
    assert recent.get_or_build("", [tables[2]], object) is found[2]
    assert recent.get_or_build("", [tables[1]], object) is found[1]
    assert recent.get_or_build("", [tables[0]], object) is not found[0]
    assert recent.get_or_build("", [np.zeros(21)], list) is not recent.get_or_build(
        "", [np.zeros(21)], list
    )


def test_what_cannot_be_built_leaves_nothing():
    recent = Recent()

    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        recent.get_or_build("", [np.zeros(3)], fail)
    assert recent.get_or_build("", [np.zeros(3)], lambda: 1) == 1


def test_a_cohort_learns_the_scaling_of_a_fold_once(monkeypatch):
    X, y = load_diabetes(return_X_y=True)
    learnt = []
    of_features = Scaling.of_features

    def counted(*arguments):
        learnt.append(arguments)
        return of_features(*arguments)

    monkeypatch.setattr(Scaling, "of_features", counted)
    model = kohort.DenseRegressor(width=4, depth=1, epochs=1, random_state=0)
    rates = {"learning_rate": [1e-3, 2e-3, 4e-3, 8e-3]}
    with kohort.together():
        GridSearchCV(model, rates, cv=3, refit=False).fit(X, y)
    assert len(learnt) == 3


def test_a_table_that_changes_between_two_fits_is_read_again():
    X, y = load_diabetes(return_X_y=True)
    model = kohort.DenseRegressor(width=4, depth=1, epochs=1, random_state=0)
    with kohort.together():
        before = model.fit(X, y).predict(X)
        X[:, 2] = X[::-1, 2]
        after = model.fit(X, y).predict(X)
    np.testing.assert_array_equal(after, model.fit(X, y).predict(X))
    assert not np.array_equal(before, after)
