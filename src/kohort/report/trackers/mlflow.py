"""`MLflowTracker`: a search as a run of MLflow with a run per candidate and fold inside."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kohort.report.masking import masked
from kohort.report.trackers.tracker import Tracker
from kohort.report.trials import Fit, Trial, Trials

# Most entries and parameters of one request of MLflow's.
_ENTRIES, _PARAMETERS = 1000, 100
_LONGEST = 6000
# By itself MLflow tries for minutes to reach a server, and prints two lines for each run.
_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
_SILENT = "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"


class MLflowTracker(Tracker):
    """Keep a search in MLflow: a run for it, inside it one per candidate, inside that one per fit.

    The run of a candidate has its parameters and the mean scores, that of a fit its score and a
    metric for each log, with a step per epoch (from 0). A fit that diverged or failed, and a
    candidate with such a fit, ends with the status FAILED.

    Parameters
    ----------
    uri : str, default="sqlite:///mlflow.db"
        A database, or a server such as `"http://localhost:5000"`, which asks for the credentials
        that MLflow's own environment variables hold.
    experiment : str, default="kohort"
        Name of the experiment; made where it does not exist.

    Examples
    --------
    >>> import kohort
    >>> tracker = kohort.MLflowTracker("http://localhost:5000", experiment="wine")
    >>> tracker.place
    'http://localhost:5000'
    """

    package = "mlflow"

    def __init__(self, uri: str = "sqlite:///mlflow.db", experiment: str = "kohort") -> None:
        self.uri = self._address = uri
        self.experiment = experiment

    @property
    def place(self) -> str:
        """The URI."""
        return masked(self.uri)

    def _open(self) -> Any:
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=self.uri)
        with _unless_set(_RETRIES, "1"):
            client.search_experiments(max_results=1)
        return client

    def _write(self, trials: Trials) -> str:
        client = self._open()
        found = client.get_experiment_by_name(self.experiment)
        identity = (
            client.create_experiment(self.experiment) if found is None else found.experiment_id
        )
        runs = _Runs(client, identity)
        with _unless_set(_SILENT, "true"), runs.run(trials.kind, None) as whole:
            best = min(trials.trials, key=lambda trial: trial.rank)
            runs.log(whole, _scores(best), {f"best {k}": v for k, v in best.parameters.items()})
            for trial in trials.trials:
                self._write_trial(runs, whole, trial)
        return str(whole)

    @staticmethod
    def _write_trial(runs: _Runs, whole: str, trial: Trial) -> None:
        tags: dict[str, Any] = {"candidate": trial.candidate, "rank": trial.rank}
        name = f"candidate {trial.candidate}"
        with runs.run(name, whole, tags | trial.resources, trial.succeeded) as candidate:
            runs.log(candidate, _scores(trial), trial.parameters)
            for fit in trial.fits:
                part = "refit" if fit.fold is None else f"fold {fit.fold + 1}"
                tags = {"candidate": trial.candidate, "fold": part, "status": fit.status}
                with runs.run(f"{name}, {part}", candidate, tags, fit.succeeded) as run:
                    runs.log(run, fit.scores, trial.parameters, fit)


class _Runs:
    """Runs of one experiment."""

    def __init__(self, client: Any, experiment: str) -> None:
        self._client, self._experiment = client, experiment

    @contextmanager
    def run(
        self, name: str, parent: str | None, tags: dict[str, Any] | None = None, well: bool = True
    ) -> Iterator[str]:
        """A run that ends with the block, as FAILED if the block raises or it did not go well."""
        marks = {key: str(value) for key, value in (tags or {}).items()}
        if parent is not None:
            marks["mlflow.parentRunId"] = parent
        run = self._client.create_run(self._experiment, run_name=name, tags=marks).info.run_id
        status = "FAILED"
        try:
            yield run
            status = "FINISHED" if well else "FAILED"
        finally:
            self._client.set_terminated(run, status)

    def log(
        self, run: str, scores: dict[str, float], parameters: dict[str, Any], fit: Fit | None = None
    ) -> None:
        """Write scores, parameters and the logs of each epoch."""
        from mlflow.entities import Metric, Param

        now = int(1000 * time.time())
        logs = {} if fit is None else fit.history
        metrics = [Metric(name, score, now, 0) for name, score in scores.items()]
        metrics += [
            Metric(name, value, now, epoch)
            for name, log in logs.items()
            for epoch, value in enumerate(log)
        ]
        texts = [Param(name, str(value)[:_LONGEST]) for name, value in parameters.items()]
        while metrics or texts:
            room = _ENTRIES - len(texts[:_PARAMETERS])
            self._client.log_batch(run, metrics=metrics[:room], params=texts[:_PARAMETERS])
            metrics, texts = metrics[room:], texts[_PARAMETERS:]


def _scores(trial: Trial) -> dict[str, float]:
    return {**trial.scores, **{f"{name}_std": value for name, value in trial.deviations.items()}}


@contextmanager
def _unless_set(name: str, value: str) -> Iterator[None]:
    """An environment variable of MLflow's, where its user has not decided."""
    if name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
