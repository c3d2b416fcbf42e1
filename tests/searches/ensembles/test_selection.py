"""The greedy selection, against a plain version that averages and scores everything anew."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, make_scorer, mean_squared_error, r2_score, roc_auc_score

import kohort
from kohort.searches.ensembles.losses import LogLoss, Scored, SquaredError, loss_of
from kohort.searches.ensembles.selection import select


def plain(predictions, loss, size):
    """Caruana et al. (2004), section 2, by the book and slowly."""

    def of(chosen):
        return loss(np.mean([predictions[c] for c in chosen], axis=0))

    chosen, path = [], []
    while len(chosen) < size:
        chosen = min(
            ([*chosen, c] for c in range(len(predictions))), key=lambda one: (of(one), one[-1])
        )
        path.append(list(chosen))
    best = min(path, key=lambda one: (of(one), len(one)))
    return np.bincount(best, minlength=len(predictions)), of(best)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 8), st.integers(1, 2))
def test_squared_error_selects_as_the_plain_version(seed, candidates, size, targets):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(12, targets))
    predictions = y + rng.normal(size=(candidates, 12, targets))
    loss = SquaredError(y)
    found = select(loss.terms(predictions), loss, size)
    counts, least = plain(predictions, lambda p: np.mean((p - y) ** 2 / y.var(axis=0)), size)
    assert found.loss == pytest.approx(least, rel=1e-9)
    assert found.weights == pytest.approx(counts / counts.sum())
    assert found.weights.sum() == pytest.approx(1)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 8), st.integers(2, 4))
def test_log_loss_selects_as_the_plain_version(seed, candidates, size, classes):
    rng = np.random.default_rng(seed)
    y = np.arange(12) % classes
    predictions = rng.dirichlet(np.ones(classes), size=(candidates, 12))
    loss = LogLoss(y)
    found = select(loss.terms(predictions), loss, size)
    counts, least = plain(predictions, lambda p: log_loss(y, p), size)
    assert found.loss == pytest.approx(least, rel=1e-6)
    assert found.weights == pytest.approx(counts / counts.sum())


def test_labels_of_several_columns_count_alike():
    y = np.array([[1, 0], [1, 1], [0, 0]])
    predictions = np.random.default_rng(0).uniform(0.1, 0.9, size=(4, 3, 2))
    loss = LogLoss(y)
    by_hand = np.mean([[log_loss(y[:, k], p[:, k]) for k in (0, 1)] for p in predictions], axis=1)
    assert loss.of(loss.terms(predictions)) == pytest.approx(by_hand)


def test_squared_error_is_what_r2_leaves_unexplained():
    rng = np.random.default_rng(0)
    y, predictions = rng.normal(size=(30, 2)) * [1, 1e6], rng.normal(size=(3, 30, 2))
    loss = SquaredError(y)
    assert loss.of(loss.terms(predictions)) == pytest.approx(
        [1 - r2_score(y, p) for p in predictions]
    )


def test_a_scorer_is_asked_for_averages():
    rng = np.random.default_rng(0)
    y = np.array(["no", "yes"] * 10)
    predictions = rng.dirichlet(np.ones(2), size=(5, 20))
    scorer = make_scorer(roc_auc_score, response_method="predict_proba")
    loss = loss_of(scorer, scorer, y, np.unique(y))
    assert isinstance(loss, Scored)
    found = select(loss.terms(predictions), loss, 5)
    counts, least = plain(predictions, lambda p: -roc_auc_score(y, p[:, 1]), 5)
    assert found.weights == pytest.approx(counts / counts.sum())
    assert found.loss == pytest.approx(least)


@pytest.mark.parametrize(("scoring", "classes", "kind"), [
    (None, None, SquaredError), ("r2", None, SquaredError), ("neg_log_loss", [0, 1], LogLoss),
    (None, [0, 1], LogLoss), ("accuracy", [0, 1], Scored),
    ("neg_mean_absolute_error", None, Scored), ("neg_mean_squared_error", [0, 1], Scored),
])  # fmt: skip
def test_the_search_s_scoring_decides_what_is_made_small(scoring, classes, kind):
    known = None if classes is None else np.array(classes)
    assert isinstance(loss_of(scoring, print, np.array([0, 1, 1, 0]), known), kind)


def test_a_scorer_that_asks_for_more_than_predictions_is_refused_with_a_remedy():
    def of_coefficients(estimator, X, y):
        return -mean_squared_error(y, estimator.predict(X)) - abs(estimator.coef_).sum()

    loss = Scored(of_coefficients, np.arange(4.0), None)
    with pytest.raises(kohort.KohortError, match=r"asks for more.*coef_.*scoring='r2'"):
        select(np.zeros((2, 4, 1)), loss)
