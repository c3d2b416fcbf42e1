"""Fits that fail for one reason are told of once, in every search."""

import warnings
from contextlib import nullcontext

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, cross_validate

import kohort
from kohort.cohort.failures import Failures
from kohort.searches.problems.problem import Problem
from kohort.searches.problems.problem_search import Plan, search_problem
from kohort.searches.problems.table_settings import TableParameters

X, Y = np.arange(12.0).reshape(-1, 1), np.arange(12.0)


class Picky(RegressorMixin, BaseEstimator):
    """Takes sizes up to 2."""

    def __init__(self, size=1):
        self.size = size

    def fit(self, X, y):
        self.fitted_ = True
        if self.size > 2:
            raise ValueError(f"size {self.size} for {len(X)} rows\n  is\n\nlarge")
        return self

    def predict(self, X):
        return X[:, 0]


def told(sizes, own, **options):
    """A fitted search, its warnings, and the text of its error."""
    search = (kohort.GridSearchCV if own else GridSearchCV)(Picky(), {"size": sizes}, cv=3,
                                                            **options)  # fmt: skip
    with warnings.catch_warnings(record=True) as said, nullcontext() if own else kohort.together():
        warnings.simplefilter("always")
        try:
            search.fit(X, Y)
        except ValueError as error:
            return search, said, str(error)
    return search, said, ""


REASON = r"ValueError: size 3 for 8 rows is large (line "


@pytest.mark.parametrize("own", [False, True])
def test_one_reason_of_many_fits_is_one_line(own):
    search, said, _ = told([1, 3, 4, 5], own)
    first = str(said[0].message)
    assert said[0].category is FitFailedWarning
    assert "9 fits failed out of a total of 12" in first
    assert first.count(REASON) == first.count("failed with") == 1
    assert first.endswith("of test_failures.py, in fit)")
    assert len(first.splitlines()) < 10
    assert len(said) == (1 if own else 2)  # scikit-learn names the scores once more.
    if own:
        assert list(search.fit_failures_.values()) == [9]


@pytest.mark.parametrize("own", [False, True])
def test_a_search_whose_fits_all_fail_raises_one_short_error(own):
    _, said, error = told([3, 4], own)
    assert "All the 6 fits failed" in error
    assert error.count("failed with") == error.count(REASON) == 1
    assert len(error.splitlines()) < 10
    assert said == []


def scorer(estimator, X, y):
    if estimator.size > 1:
        raise RuntimeError(f"no score of {estimator.size}")
    return 1.0


@pytest.mark.parametrize("own", [False, True])
def test_a_scorer_that_fails_is_told_of_once(own):
    _, said, _ = told([1, 2, 1.5], own, scoring=scorer)
    texts = [str(one.message) for one in said]
    (failed,) = (text for text in texts if text.startswith("Scoring failed"))
    assert "will be set to nan. Details: \nRuntimeError: no score of 2 (line " in failed
    assert failed.endswith("on 6 partitions in all.")
    assert not any("Traceback" in text for text in texts)


def test_other_warnings_of_tasks_and_whole_errors_pass():
    def shaky(estimator, X, y):
        warnings.warn("shaky", RuntimeWarning, stacklevel=1)
        return 1.0

    _, said, _ = told([1], False, scoring=shaky)
    assert {str(one.message) for one in said} == {"shaky"}
    with kohort.together(), pytest.raises(ValueError, match="size 3 for 8 rows\n"):
        cross_validate(Picky(3), X, Y, cv=3, error_score="raise")


def test_errors_of_different_places_are_different_reasons():
    failures, trace = Failures(), '  File "{}", line {}, in f\n{}: {}\n'
    one = failures.reason(trace.format("a.py", 3, "ValueError", 1))
    assert failures.reason(trace.format("a.py", 3, "ValueError", 2)) == one
    others = [("a.py", 3, "a.b.Other", 1), ("a.py", 4, "ValueError", 1), ("b", 3, "ValueError", 1)]
    found = {failures.reason(trace.format(*other)) for other in others}
    assert len(found - {one}) == 3
    assert "Other: 1 (line 3 of a.py, in f)" in found


def test_the_command_line_s_search_names_count_and_cause():
    problem = Problem(
        X, Y, "regression", lambda settings, *_: Picky(**settings), lambda fit: fit,
        TableParameters("regression"),
    )  # fmt: skip
    with pytest.raises(kohort.KohortError, match=r"all 4 fits failed. size 3 for 4 rows is large"):
        search_problem(problem, Plan({"size": [3, 4]}, method="grid", cv=2))
