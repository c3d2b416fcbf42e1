"""Studies that Optuna loads from its storage."""

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from scipy.stats import norm

import kohort


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'optuna.db'}"


def _logged(searches, name, url):
    search, cohort = searches[name]
    study = kohort.log_search(search, kohort.OptunaTracker(url), cohort)
    return search, optuna.load_study(study_name=study, storage=url)


def test_a_study_has_a_trial_for_each_candidate(searches, url):
    search, study = _logged(searches, "random", url)
    results = search.cv_results_
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert study.user_attrs == {"search": "RandomizedSearchCV", "metric": "score"}
    assert [trial.params for trial in study.trials] == results["params"]
    np.testing.assert_array_equal([t.value for t in study.trials], results["mean_test_score"])
    assert study.best_trial.number == search.best_index_
    for candidate, trial in enumerate(study.trials):
        by_fold = [results[f"split{fold}_test_score"][candidate] for fold in range(2)]
        assert trial.user_attrs["score by fold"] == by_fold
        assert trial.user_attrs["rank"] == results["rank_test_score"][candidate]
        assert trial.user_attrs["statuses"] == ["finished"] * 2


def test_intermediate_values_are_the_mean_curve_of_the_folds(searches, url):
    search, study = _logged(searches, "random", url)
    curves = [record.history["val_loss"] for record in search.cohort_record_[:-1]]
    for number, trial in enumerate(study.trials):
        mean = np.mean(curves[2 * number : 2 * number + 2], axis=0)
        assert list(trial.intermediate_values) == [0, 1, 2]
        np.testing.assert_allclose(list(trial.intermediate_values.values()), mean, rtol=1e-12)


def test_distributions_are_those_that_the_search_drew_from(searches, url):
    _, study = _logged(searches, "random", url)
    assert study.trials[0].distributions == {
        "learning_rate": FloatDistribution(1e-3, 1e-1, log=True),
        "width": IntDistribution(4, 8),
        "layer_norm": CategoricalDistribution([None]),
    }


def test_a_diverged_candidate_has_failed(searches, url):
    search, study = _logged(searches, "diverging", url)
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.COMPLETE, TrialState.FAIL]
    assert study.trials[1].user_attrs["statuses"] == ["diverged", "diverged"]
    assert study.trials[1].user_attrs["score by fold"] == [None, None]
    assert np.isnan(search.cv_results_["mean_test_score"][1])


def test_what_halving_dropped_is_pruned(searches, url):
    search, study = _logged(searches, "halving", url)
    last = search.cv_results_["iter"] == search.n_iterations_ - 1
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.COMPLETE if full else TrialState.PRUNED for full in last]
    assert study.best_trial.number == search.best_index_
    epochs = [trial.user_attrs["epochs"][0] for trial in study.trials]
    assert epochs == search.cv_results_["n_resources"].tolist()


def test_the_metric_that_refits_is_the_objective(searches, url):
    search, study = _logged(searches, "several metrics", url)
    assert study.user_attrs["metric"] == "neg_mean_absolute_error"
    assert study.best_value == search.best_score_
    assert len(study.best_trial.user_attrs["r2 by fold"]) == 2


def test_searches_add_to_a_study_of_a_name(searches, url):
    search, _ = searches["random"]
    for _ in range(2):
        assert kohort.log_search(search, kohort.OptunaTracker(url, study="all")) == "all"
    assert len(optuna.load_study(study_name="all", storage=url).trials) == 6


def test_each_search_without_a_name_is_a_study_of_its_own(searches, url, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda form: "now")
    search, _ = searches["random"]
    names = [kohort.log_search(search, kohort.OptunaTracker(url)) for _ in range(3)]
    assert names == ["now", "now-2", "now-3"]


def test_a_study_that_minimizes_is_refused(searches, url):
    optuna.create_study(storage=url, study_name="loss", direction="minimize")
    with pytest.raises(kohort.TrackerError, match=r"study 'loss' in sqlite.* the study minimizes"):
        kohort.log_search(searches["random"][0], kohort.OptunaTracker(url, study="loss"))


def test_the_study_can_be_continued(searches, url):
    _, study = _logged(searches, "random", url)
    study.sampler = optuna.samplers.TPESampler(n_startup_trials=2, seed=0)
    study.optimize(lambda trial: trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True), 2)
    assert len(study.trials) == 5


def test_other_distributions_span_what_was_tried(data, url):
    space = {"momentum": norm(0.5, 0.01), "activation": ["relu", "tanh"]}
    search = kohort.RandomizedSearchCV(
        kohort.DenseRegressor(width=4, depth=1, epochs=1, optimizer="sgd", random_state=0),
        [space, {"activation": ["silu"], "width": [8, [4]]}],
        n_iter=6,
        cv=2,
        random_state=0,
    ).fit(*data)
    study = optuna.load_study(
        study_name=kohort.log_search(search, kohort.OptunaTracker(url)), storage=url
    )
    tried = [p["momentum"] for p in search.cv_results_["params"] if "momentum" in p]
    found = {name: d for trial in study.trials for name, d in trial.distributions.items()}
    assert found["momentum"] == FloatDistribution(min(tried), max(tried))
    assert found["activation"] == CategoricalDistribution(["relu", "tanh", "silu"])
    assert found["width"] == CategoricalDistribution([8, "[4]"])
