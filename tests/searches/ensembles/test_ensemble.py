"""Ensembles of a search: what they are made of, what they predict, what they refuse."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, r2_score
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    RepeatedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import kohort
from kohort.report.description import describe_search
from kohort.report.leaderboard import count_statuses

X, Y = make_regression(90, 4, noise=20.0, random_state=0)
FOLDS = KFold(3, shuffle=True, random_state=0)
SPACE = {"width": [4, 8], "learning_rate": [1e-3, 1e-2]}
OWN = {
    "depth": 1, "epochs": 4, "early_stopping": False, "random_state": 0,
    "output_initializer": "auto", "kernel_initializer": "he_normal",
}  # fmt: skip


def searched(model=None, space=SPACE, X=X, y=Y, cv=FOLDS, fit=None, **more):
    model = kohort.DenseRegressor(**OWN) if model is None else model
    more = {"refit": "ensemble", **more}
    return kohort.GridSearchCV(model, space, cv=cv, **more).fit(X, y, **(fit or {}))


@pytest.fixture(scope="module")
def search():
    return searched()


def refitted(search, X, y, splits):
    """Out-of-fold predictions of each candidate, each fold fitted alone."""
    predictions = np.zeros((len(search.cv_results_["params"]), len(y)))
    for row, parameters in zip(predictions, search.cv_results_["params"], strict=True):
        for train, test in splits:
            model = clone(search.estimator).set_params(**parameters)
            row[test] = model.fit(X[train], y[train]).predict(X[test])
    return predictions


def test_the_out_of_fold_loss_is_that_of_folds_fitted_by_hand(search):
    model = search.best_estimator_
    predictions = refitted(search, X, Y, list(FOLDS.split(X)))
    weights = np.zeros(len(predictions))
    weights[[part.candidate for part in model.parts_]] = model.weights_
    average = weights @ predictions
    assert model.out_of_fold_[:, 0] == pytest.approx(average, rel=1e-5)
    assert 1 - model.loss_ == pytest.approx(r2_score(Y, average), rel=1e-5)
    for part in model.parts_:
        assert 1 - part.loss == pytest.approx(r2_score(Y, predictions[part.candidate]), rel=1e-5)
    assert model.loss_ <= model.best_single_loss_


def test_it_predicts_the_weighted_mean_of_its_parts(search):
    model = search.best_estimator_
    by_hand = sum(
        part.weight * np.mean([member.head.predict(X) for member in part.members], axis=0)
        for part in model.parts_
    )
    assert search.predict(X) == pytest.approx(by_hand)
    assert search.score(X, Y) == r2_score(Y, model.predict(X))
    assert model.weights_.sum() == pytest.approx(1)
    assert (np.diff(model.weights_) <= 0).all()


def test_the_page_says_what_each_part_gives(search):
    model = search.best_estimator_
    shown = describe_search(search)["ensemble"]
    assert shown["loss"] == model.loss_
    assert sum(part["weight"] for part in shown["parts"]) == pytest.approx(1)
    first, *rest = model.parts_
    known = search.fold_models_
    shares = {part.candidate: part.weight for part in rest}
    weights = np.array([shares.get(candidate, 0.0) for candidate in known.candidates])
    average = np.tensordot(weights / weights.sum(), known.predictions, axes=1)[:, 0]
    assert 1 - first.without == pytest.approx(r2_score(Y, average))
    assert first.without >= model.loss_
    assert '"ensemble":{"loss_name":"squared error"' in kohort.search_report(search).html


def test_nothing_is_fitted_again_and_results_stay_those_of_scikit_learn(search):
    plain = searched(refit=True)
    assert len(search.cohort_record_) == len(plain.cohort_record_) - 1 == 12
    assert count_statuses(search) == {"finished": 12}
    for name in ("mean_test_score", "rank_test_score"):
        assert search.cv_results_[name].tolist() == plain.cv_results_[name].tolist()
    assert search.cv_results_.keys() == plain.cv_results_.keys()
    assert search.best_params_ == plain.best_params_
    assert search.n_features_in_ == 4
    assert search.get_params()["refit"] == "ensemble"
    assert not hasattr(plain, "fold_models_")


def test_an_ensemble_is_an_ordinary_estimator(search):
    model = search.best_estimator_
    again = pickle.loads(pickle.dumps(model))
    assert again.predict(X).tolist() == model.predict(X).tolist()
    anew = clone(model)
    with pytest.raises(ValueError, match="not fitted"):
        anew.predict(X)
    assert anew.fit(X, Y).predict(X) == pytest.approx(model.predict(X), rel=1e-6)
    few = kohort.ensemble_of(search, size=2)
    assert len(few.parts_) <= 2
    assert few.loss_ >= model.loss_


def test_kept_models_serve_a_search_with_a_refit():
    kept = searched(refit=True, keep_fold_models=True)
    model = kohort.ensemble_of(kept)
    assert isinstance(model, kohort.EnsembleRegressor)
    assert isinstance(kept.best_estimator_, kohort.DenseRegressor)
    assert model.predict(X) == pytest.approx(searched().predict(X), rel=1e-6)


def test_classes_their_names_and_a_fold_that_lacks_one():
    flowers, codes = load_iris(return_X_y=True, as_frame=True)
    names = np.array(["setosa", "versicolor", "virginica"])[codes]
    found = searched(  # Each fold lacks a class in training.
        LogisticRegression(max_iter=500), {"C": [0.1, 1.0]}, flowers, names, cv=KFold(3)
    )
    model = found.best_estimator_
    assert model.classes_.tolist() == sorted(set(names))
    assert model.feature_names_in_.tolist() == list(flowers.columns)
    assert model.predict_proba(flowers).sum(axis=1) == pytest.approx(1)
    assert set(model.predict(flowers)) <= set(names)


def test_the_log_loss_is_that_of_its_out_of_fold_probabilities():
    flowers, codes = load_iris(return_X_y=True)
    space = {"width": [8, 16], "learning_rate": [3e-3, 3e-2]}
    found = searched(kohort.DenseClassifier(**OWN), space, flowers, codes).best_estimator_
    assert found.loss_name_ == "log loss"
    assert found.loss_ == pytest.approx(log_loss(codes, found.out_of_fold_), rel=1e-5)
    assert found.predict_proba(flowers).shape == (150, 3)


@pytest.mark.filterwarnings("ignore:A column-vector y")
def test_labels_in_a_column_are_labels():
    flowers, codes = load_iris(return_X_y=True)
    network, space = kohort.DenseClassifier(**OWN), {"width": [8, 16]}
    flat, column = (searched(network, space, flowers, y) for y in (codes, codes[:, None]))
    np.testing.assert_array_equal(column.predict_proba(flowers), flat.predict_proba(flowers))


def test_several_targets_and_several_labels():
    two = np.column_stack([Y, 1e6 * Y**2])
    found = searched(y=two).best_estimator_
    assert found.predict(X).shape == (90, 2)
    features, labels = make_multilabel_classification(90, 5, n_classes=3, random_state=0)
    model = searched(kohort.DenseClassifier(**OWN), X=features, y=labels).best_estimator_
    assert model.predict_proba(features).shape == (90, 3)
    assert set(np.unique(model.predict(features))) <= {0, 1}


def test_pipelines_of_a_fold_share_their_transformers():
    model = make_pipeline(StandardScaler(), kohort.DenseRegressor(**OWN))
    found = searched(model, {f"denseregressor__{name}": own for name, own in SPACE.items()})
    members = [m for part in found.best_estimator_.parts_ for m in part.members]
    assert len({id(member.front) for member in members}) == 3
    alone = searched()
    assert found.predict(X) == pytest.approx(alone.predict(X), rel=1e-3)


def test_repeated_folds_are_averaged():
    cv = RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)
    found = searched(Ridge(), {"alpha": [1.0]}, cv=cv).best_estimator_
    by_hand = np.zeros(len(Y))
    for train, test in cv.split(X):
        by_hand[test] += Ridge(1.0).fit(X[train], Y[train]).predict(X[test]) / 2
    assert found.out_of_fold_[:, 0] == pytest.approx(by_hand)


def test_groups_stay_whole_and_a_shuffling_cv_is_asked_once():
    groups = np.repeat(np.arange(9), 10)
    y = np.random.default_rng(0).normal(size=9)[groups]  # The group tells all, the features it.
    one_hot = np.eye(9)[groups]
    found = searched(Ridge(), {"alpha": [1e-3, 1.0]}, one_hot, y, GroupKFold(3), {"groups": groups})
    assert found.best_estimator_.loss_ > 0.9
    drawn = searched(Ridge(), {"alpha": [1.0]}, cv=KFold(3, shuffle=True)).best_estimator_
    assert 1 - drawn.loss_ == pytest.approx(r2_score(Y, drawn.out_of_fold_), rel=1e-9)
    assert drawn.loss_ < 0.5  # Rows that a model was trained on would say so, others be a mix-up.


def test_a_target_of_noise_scores_as_noise():
    """20 candidates on 200 rows: the selection sees the rows, which buys it a few hundredths."""
    rng = np.random.default_rng(0)
    noise, features = rng.normal(size=400), rng.normal(size=(400, 5))
    space = {"width": [4, 8, 16, 32], "learning_rate": [1e-3, 3e-3, 1e-2, 3e-2, 1e-1]}
    train, test = slice(200), slice(200, None)
    found = searched(space=space, X=features[train], y=noise[train])
    model = found.best_estimator_
    assert 1 - model.loss_ < 2 / np.sqrt(200)
    assert found.score(features[test], noise[test]) < 2 / np.sqrt(200)


def test_candidates_whose_fits_failed_take_no_part():
    with pytest.warns(FitFailedWarning, match="3 fits failed"):
        found = searched(Ridge(), {"alpha": [1.0, -1.0]}).best_estimator_
    assert [part.candidate for part in found.parts_] == [0]


@pytest.mark.parametrize(("changes", "said"), [
    ({"cv": ShuffleSplit(2, test_size=0.2, random_state=0)}, "leaves .* of 90 rows out of none"),
    ({"cv": TimeSeriesSplit(3)}, "Use KFold"),
    ({"cv": [(np.arange(45), np.arange(45, 90))]}, "at least two folds"),
    ({"scoring": ["r2", "neg_mean_squared_error"]}, "Search with one metric"),
    ({"keep_fold_models": 3}, "`keep_fold_models` must be True or False"),
    ({"model": LinearSVC(), "y": Y > 0, "space": {"C": [1.0]}}, "predicts probabilities"),
])  # fmt: skip
def test_what_no_ensemble_can_be_made_of_is_refused_before_anything_trains(changes, said):
    with kohort.together() as cohort, pytest.raises(kohort.ParameterError, match=said):
        searched(**changes)
    assert cohort.record == []


def test_a_search_that_kept_nothing_is_refused_with_a_remedy():
    with pytest.raises(kohort.ParameterError, match="keep_fold_models=True"):
        kohort.ensemble_of(searched(refit=True))
    with pytest.raises(kohort.ParameterError, match=r"Use kohort\.GridSearchCV"):
        kohort.EnsembleRegressor(Ridge()).fit(X, Y)
    with pytest.raises(kohort.ParameterError, match="`size` must be"):
        kohort.ensemble_of(searched(), size=0)


def test_several_metrics_rank_by_the_one_that_is_refitted():
    several = searched(scoring=["neg_mean_absolute_error", "r2"], refit="r2", keep_fold_models=True)
    model = kohort.ensemble_of(several)
    assert model.loss_name_ == "squared error"
