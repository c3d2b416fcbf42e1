"""`AdaptiveSearchCV` as an estimator: its parameters, scores, models and reports."""

import pickle

import numpy as np
import optuna
import pytest
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.searches.adaptive.conftest import X, Y, network, search

import kohort
from kohort.report.leaderboard import leaderboard


def test_groups_weights_and_scorers_are_routed():
    groups, weight = np.arange(60) % 5, np.arange(60) / 60
    seen = []

    def score(y, predicted, sample_weight=None):
        seen.append(sample_weight)
        return r2_score(y, predicted, sample_weight=sample_weight)

    options = {"cv": GroupKFold(3), "scoring": make_scorer(score), "n_candidates": 4}
    found = search(**options).fit(X, Y, groups=groups, sample_weight=weight)
    assert not any(each is None for each in seen)
    other = search(**options).fit(X, Y, groups=groups)
    assert not np.array_equal(
        found.cv_results_["mean_test_score"], other.cv_results_["mean_test_score"]
    )


def test_of_several_metrics_refit_names_the_one_that_decides():
    scoring = {"r2": "r2", "error": "neg_mean_absolute_error"}
    found = search(scoring=scoring, refit="error", n_slots=9).fit(X, Y)
    results = found.cv_results_
    threshold = np.sort(results["mean_test_error"][results["rung"] == 0]).max()
    assert (results["mean_test_error"][results["rung"] > 0] >= threshold - 0.5).all()
    assert {"rank_test_r2", "rank_test_error"} < set(results)
    with pytest.raises(kohort.ParameterError, match=r"refit.*one of 'error', 'r2'"):
        search(scoring=scoring, refit=False).fit(X, Y)
    with pytest.raises(kohort.ParameterError, match="refit"):
        search(scoring=lambda *_: {"a": 1.0}, refit=False).fit(X, Y)


@pytest.mark.parametrize("refit", [False, "ensemble"])
def test_models_of_the_folds_can_be_kept(refit):
    found = search(refit=refit, keep_fold_models=True).fit(X, Y)
    assert found.fold_models_.predictions.shape == (9, 60, 1)
    for place, candidate in enumerate(found.fold_models_.candidates):
        scores = [
            r2_score(Y[test], found.fold_models_.predictions[place, test, 0])
            for _, test in KFold(3).split(X)
        ]
        expected = found.cv_results_["mean_test_score"][candidate]
        np.testing.assert_allclose(np.mean(scores), expected)
    model = found.best_estimator_ if refit else kohort.ensemble_of(found)
    assert model.loss_ <= model.best_single_loss_


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_candidates": 0}, "`n_candidates` must be"),
        ({"reduction_factor": 1}, "`reduction_factor` must be"),
        ({"min_epochs": 0}, "`min_epochs` must be"),
        ({"min_epochs": 1000}, "`min_epochs` must be no more than the .* epochs of the estimator"),
        ({"n_slots": 0}, "`n_slots` must be"),
        ({"pruner": "hyperband"}, "`pruner` must be"),
        ({"sampler": "tqe"}, "`sampler` must be"),
        ({"sampler": object()}, "`sampler` must be"),
        ({"storage": "sqlite://"}, "`storage` must be None.*Set sampler='tpe'"),
        ({"space": {"epochs": [3, 9]}}, "without the number of epochs.*pruner=None"),
        ({"estimator": Ridge(), "space": {"alpha": [1]}}, "whose training can pause.*pruner=None"),
        ({"estimator": make_pipeline(StandardScaler(), Ridge())}, "whose training can pause"),
        ({"space": {"width": 4}, "sampler": "tpe"}, "a list of choices or a distribution"),
    ],
)
def test_bad_parameters_get_one_sentence(options, message):
    with pytest.raises(kohort.ParameterError, match=message):
        search(**options).fit(X, Y)


def test_without_pauses_any_estimator_and_any_epochs_are_searched():
    found = search(Ridge(), {"alpha": loguniform(1e-3, 10)}, pruner=None, sampler="tpe").fit(X, Y)
    assert found.n_epochs_ == 0
    found = search(space={"epochs": [3, 5]}, pruner=None, n_candidates=2).fit(X, Y)
    assert sorted(found.cv_results_["epochs"]) == [3, 5]


def test_the_estimator_is_left_as_it_was():
    model = network()
    found = search(model).fit(X, Y)
    assert found.estimator is model
    assert not {"fit", "begin", "__sklearn_clone__"} & set(vars(model))
    assert not {"fit", "set_params"} & set(vars(found.best_estimator_))
    clone(found)


def test_rounds_are_told(capsys):
    search(verbose=1, n_candidates=9, n_slots=9, refit=False).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "9 candidates begin; 9 of 9 so far."
    assert lines[2] == "0 candidates begin, 3 go on to 3 epochs; 9 of 9 so far."


def test_it_is_pickled_reported_and_logged(tmp_path):
    found = search(sampler="tpe", n_candidates=6, cv=2).fit(X, Y)
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.predict(X), found.predict(X))
    assert len(again.study_.trials) == 6
    board = leaderboard(found).sort_values("candidate")
    assert board["epochs"].tolist() == list(found.cv_results_["epochs"])
    assert (board["statuses"] == "2 paused").tolist() == list(~found.cv_results_["completed"])
    url = f"sqlite:///{tmp_path / 'logged.db'}"
    kohort.log_search(found, kohort.OptunaTracker(url, study="logged"))
    trials = optuna.load_study(study_name="logged", storage=url).trials
    completed = [trial.state == optuna.trial.TrialState.COMPLETE for trial in trials]
    assert completed == list(found.cv_results_["completed"])
    assert [trial.user_attrs["rung"] for trial in trials] == list(found.cv_results_["rung"])
