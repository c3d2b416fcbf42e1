"""Runs that MLflow's own client finds in an SQLite database."""

import numpy as np
import pytest

import kohort

pytest.importorskip("mlflow")


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    """One database for all tests: making its tables takes a second."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.chdir(folder)  # MLflow notes it as the place of artifacts.
        yield f"sqlite:///{folder / 'mlflow.db'}"


class _Found:
    """The runs of a search."""

    def __init__(self, searches, name, uri):
        from mlflow import MlflowClient

        self.search, cohort = searches[name]
        tracker = kohort.MLflowTracker(uri, experiment=name)
        self.whole = kohort.log_search(self.search, tracker, cohort)
        self.client = MlflowClient(tracking_uri=uri)
        experiment = self.client.get_experiment_by_name(name)
        self.runs = self.client.search_runs([experiment.experiment_id], order_by=["start_time"])

    def inside(self, parent):
        return [r for r in self.runs if r.data.tags.get("mlflow.parentRunId") == parent]

    @property
    def candidates(self):
        return sorted(self.inside(self.whole), key=lambda run: int(run.data.tags["candidate"]))

    def folds(self, candidate):
        inside = self.inside(self.candidates[candidate].info.run_id)
        return {run.data.tags["fold"]: run for run in inside}


@pytest.fixture(scope="module")
def random(searches, uri):
    return _Found(searches, "random", uri)


def test_a_candidate_s_run_has_parameters_and_scores(random):
    results = random.search.cv_results_
    assert len(random.candidates) == 3
    for candidate, run in enumerate(random.candidates):
        wanted = {name: str(value) for name, value in results["params"][candidate].items()}
        assert run.data.params == wanted
        assert run.data.metrics == {
            "score": results["mean_test_score"][candidate],
            "score_std": results["std_test_score"][candidate],
        }
        assert run.info.status == "FINISHED"
    whole = random.client.get_run(random.whole)
    assert whole.info.run_name == "RandomizedSearchCV"
    assert whole.data.metrics["score"] == random.search.best_score_
    assert whole.data.params["best width"] == str(random.search.best_params_["width"])


def test_a_fold_s_run_has_its_learning_curve(random):
    fits = iter(random.search.cohort_record_)
    for candidate in range(3):
        folds = random.folds(candidate)
        for fold in range(2):
            run, record = folds[f"fold {fold + 1}"], next(fits)
            score = random.search.cv_results_[f"split{fold}_test_score"][candidate]
            assert run.data.metrics["score"] == score
            for name, log in record.history.items():
                history = random.client.get_metric_history(run.info.run_id, name)
                assert [(m.step, m.value) for m in history] == [*enumerate(log)]
    assert "refit" in random.folds(random.search.best_index_)


def test_what_exceeds_a_request_is_spread_over_several(uri):
    from mlflow import MlflowClient

    from kohort.report.trials import Fit, Trial, Trials

    curve = {"loss": [1 / epoch for epoch in range(1, 1102)]}
    parameters = {f"parameter_{number}": number for number in range(130)}
    fit = Fit(0, "finished", {"score": 0.5}, curve)
    trial = Trial(0, parameters, {"score": 0.5}, {"score": 0.0}, 1, [fit], {}, True)
    tracker = kohort.MLflowTracker(uri, experiment="large")
    tracker.log(Trials("GridSearchCV", "score", [], [trial]))
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("large")
    (run,) = client.search_runs([experiment.experiment_id], "tags.fold = 'fold 1'")
    assert run.data.params == {name: str(value) for name, value in parameters.items()}
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [metric.value for metric in history] == curve["loss"]


def test_what_diverged_has_failed(searches, uri):
    found = _Found(searches, "diverging", uri)
    assert [run.info.status for run in found.candidates] == ["FINISHED", "FAILED"]
    folds = found.folds(1).values()
    assert [run.data.tags["status"] for run in folds] == ["diverged"] * 2
    assert [run.info.status for run in folds] == ["FAILED"] * 2
    assert np.isnan(found.candidates[1].data.metrics["score"])
    assert found.client.get_run(found.whole).info.status == "FINISHED"


def test_rounds_of_a_halving_search_are_tags(searches, uri):
    found = _Found(searches, "halving", uri)
    rounds = [int(run.data.tags["iter"]) for run in found.candidates]
    assert rounds == found.search.cv_results_["iter"].tolist()


def test_a_server_that_does_not_answer_is_named_at_once(searches):
    tracker = kohort.MLflowTracker("http://127.0.0.1:9")
    with pytest.raises(kohort.TrackerError, match=r"cannot write to http://127.0.0.1:9: .*"):
        tracker.check()
    message = "The search is unharmed"
    with pytest.raises(kohort.TrackerError, match=message):
        kohort.log_search(searches["random"][0], tracker)


def test_a_write_that_fails_ends_the_runs_as_failed(searches, uri, monkeypatch):
    from mlflow import MlflowClient

    def full(*arguments, **options):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", full)
        with pytest.raises(kohort.TrackerError, match="No space left on device"):
            _Found(searches, "random", uri)
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("random")
    runs = client.search_runs([experiment.experiment_id])
    assert "RUNNING" not in {run.info.status for run in runs}
