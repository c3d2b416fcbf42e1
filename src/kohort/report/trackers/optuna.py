"""`OptunaTracker`: a search as a study in Optuna's storage, for optuna-dashboard."""

from __future__ import annotations

import time
from itertools import chain, count
from typing import Any

import numpy as np

from kohort.report.masking import masked
from kohort.report.trackers.tracker import Tracker
from kohort.report.trials import Trial, Trials, different, mean_curve
from kohort.searches.spaces import LogWholeNumbers, describe_space


class OptunaTracker(Tracker):
    """Keep a search as an Optuna study, one trial per candidate.

    A trial's value is the mean score over the folds, its intermediate values are the mean
    validation loss by epoch (from 0; the training loss where nothing was validated; a fold that
    has stopped counts on with its last value). Its user attributes hold the scores and statuses of
    the folds. A candidate with a fold that could not be scored, such as one that diverged, has
    the state FAIL; one that a Halving search dropped before its last round is PRUNED.

    Parameters
    ----------
    url : str, default="sqlite:///optuna.db"
        Of the storage, as in `optuna.create_study(storage=url)`.
    study : str or None, default=None
        Name of the study, which may exist; None for a new one named after the time.

    Examples
    --------
    >>> import pathlib, tempfile, kohort
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> network = kohort.DenseRegressor(width=16, epochs=3, random_state=0)
    >>> search = kohort.GridSearchCV(network, {"dropout": [0.0, 0.2]}, cv=2).fit(X, y)
    >>> url = f"sqlite:///{pathlib.Path(tempfile.mkdtemp(), 'optuna.db')}"
    >>> kohort.log_search(search, kohort.OptunaTracker(url, study="diabetes"))
    'diabetes'
    """

    package = "optuna"

    def __init__(self, url: str = "sqlite:///optuna.db", study: str | None = None) -> None:
        self.url = self._address = url
        self.study = study

    @property
    def place(self) -> str:
        """The URL, and the study's name where it is given."""
        url = masked(self.url)
        return url if self.study is None else f"study {self.study!r} in {url}"

    def _open(self) -> Any:
        from optuna.storages import RDBStorage

        return RDBStorage(self.url)

    def _write(self, trials: Trials) -> str:
        import optuna

        storage = self._open()
        study = optuna.create_study(
            storage=storage,
            study_name=self.study or _new_name(optuna.get_all_study_names(storage)),
            direction="maximize",
            load_if_exists=self.study is not None,
        )
        if study.direction != optuna.study.StudyDirection.MAXIMIZE:
            raise ValueError("the study minimizes, where scores of scikit-learn are maximized")
        for name, value in (("search", trials.kind), ("metric", trials.metric)):
            study.set_user_attr(name, value)
        distributions = {name: _distribution(trials, name) for name in trials.parameters}
        study.add_trials([_frozen(trial, trials.metric, distributions) for trial in trials.trials])
        return str(study.study_name)


def _new_name(taken: list[str]) -> str:
    """A name after the time that no study has."""
    now = time.strftime("kohort-%Y-%m-%d-%H%M%S")
    numbered = (f"{now}-{number}" for number in count(2))
    return next(name for name in chain([now], numbered) if name not in taken)


def _frozen(trial: Trial, metric: str, distributions: dict[str, Any]) -> Any:
    from optuna.trial import TrialState, create_trial

    state, value = TrialState.FAIL, None
    if trial.succeeded:
        state = TrialState.COMPLETE if trial.full else TrialState.PRUNED
        value = trial.scores[metric]
    folds = [fit for fit in trial.fits if fit.fold is not None]
    attributes = {
        "candidate": trial.candidate,
        "rank": trial.rank,
        **trial.resources,
        **{f"{name} by fold": [_json(f.scores[name]) for f in folds] for name in trial.scores},
        **{f"{name} std": _json(value) for name, value in trial.deviations.items()},
        "statuses": [fit.status for fit in folds],
        "epochs": [max(map(len, fit.history.values()), default=0) for fit in folds],
    }
    return create_trial(
        state=state,
        value=value,
        params=trial.parameters,
        distributions={name: distributions[name] for name in trial.parameters},
        user_attrs=attributes,
        intermediate_values=mean_curve(trial),
    )


def _json(number: float) -> float | None:
    """JSON has no NaN."""
    return number if np.isfinite(number) else None


def _distribution(trials: Trials, name: str) -> Any:
    """A parameter's distribution in Optuna's terms; else the span of the values tried."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    tried = trials.values(name)
    given = [part[name] for part in trials.space if name in part]
    if given and all(hasattr(choices, "__len__") for choices in given):
        return CategoricalDistribution(different(choice for each in given for choice in each))
    numbers = [v for v in tried if type(v) is int or (type(v) is float and np.isfinite(v))]
    if len(numbers) < len(tried):
        return CategoricalDistribution(tried)
    limits = _limits(given[0]) if len(given) == 1 else {}
    ends = {"low": min(numbers), "high": max(numbers)} | limits
    kind: Any = IntDistribution if {type(n) for n in numbers} == {int} else FloatDistribution
    return kind(ends["low"], ends["high"], log=ends.get("log", False))


def _limits(distribution: Any) -> dict[str, Any]:
    """Ends of a bounded distribution that kohort can describe."""
    if not isinstance(distribution, LogWholeNumbers) and not hasattr(distribution, "dist"):
        return {}
    described = describe_space({"": distribution})[""]
    return described if np.isfinite([described["low"], described["high"]]).all() else {}
