"""`TensorBoardTracker`: scalars and HParams, written by TensorBoard without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.errors import TrackerError, explain
from kohort.estimators.keras_models.tensorboard_callback import Summaries, Writer
from kohort.report.trackers.tracker import Tracker
from kohort.report.trials import Fit, Scalar, Trial, Trials

if TYPE_CHECKING:
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

_Parameters = dict[str, bool | float | str]


class TensorBoardTracker(Tracker):
    """Keep a search in a folder that TensorBoard shows: learning curves and the HParams page.

    Each fit is a run `candidate_3/fold_1` with a scalar for each log and epoch (epochs count from
    0, as in Keras's own callback) and its score. In HParams the folds of a candidate are one
    session group, whose scores TensorBoard averages; a fit that diverged or failed has the status
    "failure".

    Parameters
    ----------
    folder : str or path
        Made where it does not exist; must not hold event files of another search.

    Examples
    --------
    >>> import tempfile, kohort
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> network = kohort.DenseRegressor(width=16, epochs=3, random_state=0)
    >>> search = kohort.GridSearchCV(network, {"dropout": [0.0, 0.2]}, cv=2).fit(X, y)
    >>> folder = tempfile.mkdtemp()
    >>> kohort.log_search(search, kohort.TensorBoardTracker(folder)) == folder
    True
    """

    package = "tensorboard"

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.folder)

    def _open(self) -> None:
        if self.folder.is_dir() and next(self.folder.rglob("*.tfevents.*"), None):
            raise TrackerError(
                explain(
                    "folder",
                    "without event files of another search",
                    self.place,
                    "Choose a new folder for each search.",
                )
            )
        self.folder.mkdir(parents=True, exist_ok=True)

    def _write(self, trials: Trials) -> str:
        self._open()
        summaries = Summaries()
        kinds = {name: _kind(trials.values(name)) for name in trials.parameters}
        root = summaries.create_file_writer(self.place)
        root.add(_experiment(trials, kinds), 0)
        root.close()
        digits = len(str(len(trials.trials) - 1))
        for trial in trials.trials:
            name = f"candidate_{trial.candidate:0{digits}}"
            given = {key: kinds[key](value) for key, value in trial.parameters.items()}
            for fit in trial.fits:
                run = "refit" if fit.fold is None else f"fold_{fit.fold + 1}"
                writer = summaries.create_file_writer(str(self.folder / name / run))
                with writer.as_default():
                    _write_scalars(summaries, fit)
                if fit.fold is not None:
                    _write_session(writer, name, given, trial, fit)
                writer.close()
        return self.place


def _kind(values: Iterable[Scalar]) -> type:
    """One type for all values of a parameter, as HParams asks for."""
    found = {type(value) for value in values}
    if found == {bool}:
        return bool
    return float if found <= {int, float} else str


def _write_scalars(summaries: Summaries, fit: Fit) -> None:
    for name, log in fit.history.items():
        for epoch, value in enumerate(log):
            summaries.scalar(name, value, epoch)
    for name, score in fit.scores.items():
        if np.isfinite(score):
            summaries.scalar(name, score, 0)


def _write_session(
    writer: Writer, group: str, parameters: _Parameters, trial: Trial, fit: Fit
) -> None:
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.api_pb2 import Status
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    writer.add(hparams_pb(parameters | dict(trial.resources), trial_id=group), 0)
    status = Status.STATUS_SUCCESS if fit.succeeded else Status.STATUS_FAILURE
    end = HParamsPluginData(session_end_info=SessionEndInfo(status=status))
    writer.add(_hidden(metadata.SESSION_END_INFO_TAG, end), 0)


def _hidden(tag: str, content: HParamsPluginData) -> Any:
    """A summary that only the HParams page reads."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata

    described = metadata.create_summary_metadata(content)
    value = Summary.Value(tag=tag, metadata=described, tensor=metadata.NULL_TENSOR)
    return Summary(value=[value])


def _experiment(trials: Trials, kinds: dict[str, type]) -> Any:
    """The columns of the HParams page: each parameter, each score and each log."""
    from tensorboard.plugins.hparams import summary_v2

    domains: dict[str, Any] = {}
    for name, kind in kinds.items():
        values = {kind(value) for value in trials.values(name)}
        finite = kind is not float or all(np.isfinite(value) for value in values)
        domains[name] = summary_v2.Discrete(values, dtype=kind) if finite else None
    for name in trials.trials[0].resources:
        levels = {trial.resources[name] for trial in trials.trials}
        domains[name] = summary_v2.Discrete(levels, dtype=int)
    logs = {name: None for t in trials.trials for fit in t.fits for name in fit.history}
    tags = [*trials.trials[0].scores, *logs]
    return summary_v2.hparams_config_pb(
        hparams=[summary_v2.HParam(name, domain) for name, domain in domains.items()],
        metrics=[summary_v2.Metric(tag) for tag in tags],
    )
