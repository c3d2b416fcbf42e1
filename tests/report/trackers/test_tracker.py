"""Common to all trackers: the trials that they receive, and their errors."""

import numpy as np
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kohort
from kohort.report.trackers import tracker as module
from kohort.report.trackers.tracker import Tracker
from kohort.report.trials import mean_curve, trials_of


class _Kept(Tracker):
    """A tracker that keeps what it is told."""

    package = "kohort"
    place = "memory"

    def _open(self):
        pass

    def _write(self, trials):
        self.trials = trials
        return "kept"


def _told(search, cohort=None):
    tracker = _Kept()
    assert kohort.log_search(search, tracker, cohort) == "kept"
    return tracker.trials


def test_scikit_learn_s_own_search_tells_as_much_as_kohort_s(data, searches):
    search, _ = searches["random"]
    own = GridSearchCV(
        kohort.DenseRegressor(width=8, depth=1, epochs=2, random_state=0),
        {"learning_rate": [1e-3, 1e-2]},
        cv=2,
    )
    with kohort.together() as cohort:
        own.fit(*data)
    ours = kohort.GridSearchCV(own.estimator, own.param_grid, cv=2).fit(*data)
    assert _told(own, cohort) == _told(ours)
    assert _told(own).trials[0].fits[0].history == {}
    assert _told(own).trials[0].scores == _told(ours).trials[0].scores
    assert _told(search).kind == "RandomizedSearchCV"


def test_parameters_of_a_pipeline_find_their_fits(data):
    pipeline = make_pipeline(
        StandardScaler(), kohort.DenseRegressor(depth=1, epochs=2, random_state=0)
    )
    space = {
        "standardscaler__with_std": [True, False],
        "denseregressor__width": [4, [4, 4], 8],  # A depth of 1 refuses the second.
    }
    search = kohort.GridSearchCV(pipeline, space, cv=2)
    with pytest.warns(FitFailedWarning, match="4 fits failed"):
        search.fit(*data)
    for trial in _told(search).trials:
        statuses = {fit.status for fit in trial.fits}
        broken = trial.parameters["denseregressor__width"] == "[4, 4]"
        assert statuses == ({"failed"} if broken else {"finished"})
        assert trial.succeeded != broken


def test_pretraining_is_no_fit_of_a_candidate(data):
    X, y = data
    search = kohort.GridSearchCV(
        kohort.DenseRegressor(
            width=8, depth=1, epochs=2, pretrain="denoising", pretrain_epochs=5, random_state=0
        ),
        {"learning_rate": [1e-3, 1e-2]},
        cv=2,
    ).fit(X, y)
    trials = _told(search).trials
    assert [len(fit.history["loss"]) for t in trials for fit in t.fits] == [2] * 5


def test_fits_of_other_libraries_have_scores_alone(data):
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=3).fit(*data)
    trials = _told(search)
    assert [fit.status for fit in trials.trials[0].fits] == ["finished"] * 3
    assert trials.trials[1].scores["score"] == search.cv_results_["mean_test_score"][1]
    assert mean_curve(trials.trials[0]) == {}


def test_a_fold_that_has_ended_counts_on_with_its_last_value(searches):
    search, _ = searches["random"]
    trial = trials_of(search, search.cohort_record_).trials[0]
    first, second = (fit for fit in trial.fits if fit.fold is not None)
    values = second.history["val_loss"][:]
    del second.history["val_loss"][1:]
    try:
        curve = mean_curve(trial)
    finally:
        second.history["val_loss"][:] = values
    expected = (np.asarray(first.history["val_loss"]) + values[0]) / 2
    np.testing.assert_allclose(list(curve.values()), expected)


def test_a_cohort_of_more_fits_than_the_search_s_is_refused(data):
    search = GridSearchCV(
        kohort.DenseRegressor(width=4, depth=1, epochs=1, random_state=0), {"dropout": [0.0]}, cv=2
    )
    with kohort.together() as cohort:
        search.fit(*data)
        search.fit(*data)
    message = "`cohort` must be that of a block with this search alone, of 3 fits; got 6"
    with pytest.raises(kohort.ParameterError, match=message):
        kohort.log_search(search, _Kept(), cohort)


def test_only_fitted_searches_and_trackers_are_taken(searches):
    with pytest.raises(kohort.ParameterError, match="`search` must be a search that is fitted"):
        kohort.log_search(DummyRegressor(), _Kept())
    with pytest.raises(kohort.ParameterError, match="`tracker` must be a tracker such as"):
        kohort.log_search(searches["random"][0], "optuna")
    with pytest.raises(kohort.ParameterError, match=r"`cohort` must be the cohort of .*; got"):
        kohort.log_search(searches["random"][0], _Kept(), "cohort")


@pytest.mark.parametrize("kind", ["TensorBoardTracker", "MLflowTracker", "OptunaTracker"])
def test_a_package_that_is_missing_is_named(searches, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    tracker = getattr(kohort, kind)(str(tmp_path))
    for act in (tracker.check, lambda: kohort.log_search(searches["random"][0], tracker)):
        with pytest.raises(kohort.TrackerError, match=r'Run: pip install "kohort\['):
            act()


def test_a_failure_is_one_sentence_that_names_the_place(searches, tmp_path):
    (tmp_path / "file").write_text("")
    bad = tmp_path / "file" / "runs"
    trackers = [
        kohort.TensorBoardTracker(bad),
        kohort.OptunaTracker(f"sqlite:///{bad}/optuna.db"),
        kohort.MLflowTracker(f"nonsense://{bad}"),
    ]
    for tracker in trackers:
        for act in (tracker.check, lambda t=tracker: kohort.log_search(searches["random"][0], t)):
            with pytest.raises(kohort.TrackerError, match="cannot write to") as caught:
                act()
            assert str(bad) in str(caught.value)
            assert "\n" not in str(caught.value)


def test_a_password_is_not_shown(searches):
    address = "postgresql://ada:secret@127.0.0.1:9/searches"
    for tracker in (kohort.OptunaTracker(address), kohort.MLflowTracker(address)):
        with pytest.raises(kohort.TrackerError, match=r"ada:\*\*\*@") as caught:
            tracker.check()
        assert "secret" not in str(caught.value)
