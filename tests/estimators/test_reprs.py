"""Estimators in notebooks: scikit-learn's own diagram first, then the fitted attributes."""

import re

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_diabetes
from sklearn.utils import estimator_html_repr

import kohort
from kohort.estimators.reprs import training_html

X, Y = load_diabetes(return_X_y=True)


@pytest.fixture(scope="module")
def model():
    return kohort.DenseRegressor(width=8, depth=1, epochs=4, random_state=0).fit(X, Y)


@pytest.fixture(scope="module")
def search(model):
    grid = {"learning_rate": [1e-3, 1e-2], "width": [8]}
    return kohort.GridSearchCV(clone(model), grid, cv=2).fit(X, Y)


def _diagram(estimator):
    """scikit-learn's diagram; its identities are numbered anew each time."""
    return re.sub(r"sk-[\w-]*\d+", "id", estimator_html_repr(estimator))


def _shown(estimator):
    return re.sub(r"sk-[\w-]*\d+", "id", estimator._repr_html_())


def test_before_fit_there_is_the_diagram_alone(model, search):
    for estimator in (clone(model), clone(search)):
        assert _shown(estimator) == _diagram(estimator)


def test_after_fit_the_diagram_comes_first(model, search):
    for estimator in (model, search):
        assert _shown(estimator).startswith(_diagram(estimator))
        assert len(_shown(estimator)) > len(_diagram(estimator))
        assert estimator._repr_mimebundle_().keys() == {"text/plain", "text/html"}


def test_a_fitted_estimator_tells_its_status_and_draws_its_history(model):
    page = training_html(model)
    assert "4 epochs" in page
    assert f"val_loss {model.history_['val_loss'][model.best_epoch_]:.4g}" in page
    lines = re.findall(r'points="([^"]+)"', page)
    heights = [[float(point.split(",")[1]) for point in line.split()] for line in lines]
    for line, name in zip(heights, ("loss", "val_loss"), strict=True):
        assert np.sign(np.diff(line)).tolist() == (-np.sign(np.diff(model.history_[name]))).tolist()


def test_a_fitted_search_shows_its_best_candidates(search):
    page = search._repr_html_()
    rows = re.findall(r"<tr><td>(\d+)</td><td>([^ ]+) ", page)
    assert rows[0] == ("1", f"{search.best_score_:.4g}")
    assert [rank for rank, _ in rows] == ["1", "2"]
    assert "<th>learning_rate</th></tr>" in page  # The width does not tell candidates apart.


def test_names_are_text_not_markup():
    class Odd(BaseEstimator):
        history_, n_epochs_, status_ = {"loss": [2.0, 1.0]}, 2, "<b>done</b>"

    assert "&lt;b&gt;done&lt;/b&gt;" in training_html(Odd())


def test_without_diagrams_there_is_no_html(model):
    with config_context(display="text"):
        assert not hasattr(model, "_repr_html_")
        assert model._repr_mimebundle_().keys() == {"text/plain"}
