"""A search as trackers take it: plain values for each candidate and each of its fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kohort.arrays import HostArray, Search
from kohort.cohort.record import Record
from kohort.engine.member import FINISHED
from kohort.report.leaderboard import SearchMember, as_json, search_members

Scalar = bool | int | float | str | None

FAILED = "failed"
_MEAN, _DEVIATION = "mean_test_", "std_test_"


@dataclass(frozen=True)
class Fit:
    """One fit: its fold (from 0; None for the refit), what became of it, scores, logs by epoch."""

    fold: int | None
    status: str
    scores: dict[str, float]
    history: dict[str, list[float]]

    @property
    def succeeded(self) -> bool:
        """Whether it ended with weights that could be scored."""
        return all(np.isfinite(score) for score in self.scores.values())


@dataclass(frozen=True)
class Trial:
    """One candidate.

    Attributes
    ----------
    candidate : int
        From 0, in the order tried.
    parameters : dict
    scores, deviations : dict
        Mean and standard deviation over the folds, by metric.
    rank : int
        From 1, by the main metric.
    fits : list of Fit
        One for each fold, and the refit behind them where this candidate won.
    resources : dict
        Iteration and number of resources in a Halving search, the rung in an adaptive one; else
        empty.
    full : bool
        Whether it had all resources that the search gives, or trained to its end.
    """

    candidate: int
    parameters: dict[str, Scalar]
    scores: dict[str, float]
    deviations: dict[str, float]
    rank: int
    fits: list[Fit]
    resources: dict[str, int]
    full: bool

    @property
    def succeeded(self) -> bool:
        """Whether every fold could be scored."""
        return all(np.isfinite(score) for score in self.scores.values())


@dataclass(frozen=True)
class Trials:
    """A whole search: its class, its main metric, its space (as given) and its trials."""

    kind: str
    metric: str
    space: list[dict[str, Any]]
    trials: list[Trial]

    @property
    def parameters(self) -> list[str]:
        """Names of all searched parameters."""
        return list(dict.fromkeys(name for trial in self.trials for name in trial.parameters))

    def values(self, parameter: str) -> list[Scalar]:
        """The different values that were tried of a parameter."""
        given = (trial.parameters for trial in self.trials)
        return different(values[parameter] for values in given if parameter in values)


def trials_of(search: Search, record: Sequence[Record]) -> Trials:
    """Read a fitted search.

    Parameters
    ----------
    search : GridSearchCV, RandomizedSearchCV or one of the Halving searches
    record : sequence of Record
        Of this search's fits; may be empty, for fits without learning curves.
    """
    results = search.cv_results_
    metrics = [name.removeprefix(_MEAN) for name in results if name.startswith(_MEAN)]
    metric = search.refit if search.refit in metrics else metrics[0]
    fits: dict[int, list[Fit]] = {candidate: [] for candidate in range(len(results["params"]))}
    found = {(m.candidate, m.fold): m for m in search_members(search, record)}
    for candidate, own in fits.items():
        folds = [*range(search.n_splits_), None]
        members = {fold: found.get((candidate, fold)) for fold in folds}
        own += [
            _fit(fold, members[fold], _scores(results, metrics, f"split{fold}_test_", candidate))
            for fold in range(search.n_splits_)
        ]
        if members[None] is not None:
            own.append(_fit(None, members[None], {}))
    full = results.get("completed", np.ones(len(fits), bool))
    if "iter" in results:
        full = results["iter"] == max(results["iter"])
    trials = [
        Trial(
            candidate=candidate,
            parameters={name: plain(value) for name, value in parameters.items()},
            scores=_scores(results, metrics, _MEAN, candidate),
            deviations=_scores(results, metrics, _DEVIATION, candidate),
            rank=int(results[f"rank_test_{metric}"][candidate]),
            fits=fits[candidate],
            resources={
                name: int(results[name][candidate])
                for name in ("iter", "n_resources", "rung")
                if name in results
            },
            full=bool(full[candidate]),
        )
        for candidate, parameters in enumerate(results["params"])
    ]
    return Trials(type(search).__name__, metric, _space(search), trials)


def _scores(
    results: Mapping[str, HostArray], metrics: list[str], prefix: str, candidate: int
) -> dict[str, float]:
    return {metric: float(results[f"{prefix}{metric}"][candidate]) for metric in metrics}


def _fit(fold: int | None, member: SearchMember | None, scores: dict[str, float]) -> Fit:
    if member is not None:
        return Fit(fold, member.record.status, scores, member.record.history)
    scored = all(np.isfinite(score) for score in scores.values())
    return Fit(fold, FINISHED if scored else FAILED, scores, {})


def _space(search: Search) -> list[dict[str, Any]]:
    """The space of the search; empty if it has none to tell."""
    given = getattr(search, "param_grid", getattr(search, "param_distributions", []))
    return [given] if isinstance(given, dict) else list(given)


def plain(value: object) -> Scalar:
    """A parameter's value as all trackers take it: a number, a word, or JSON.

    Examples
    --------
    >>> import numpy as np
    >>> plain(np.float64(0.5)), plain([32, 16]), plain(None), plain(print)
    (0.5, '[32, 16]', None, '<built-in function print>')
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return as_json(value)


def different(values: Iterable[Any]) -> list[Scalar]:
    """The different ones of some values, as trackers take them.

    Examples
    --------
    >>> different([1, 1.0, [8, 8], [8, 8]])
    [1, 1.0, '[8, 8]']
    """
    found = map(plain, values)
    return list({(type(value), value): value for value in found}.values())


def mean_curve(trial: Trial) -> dict[int, float]:
    """Validation loss by epoch (training loss where none was validated), as the mean of the folds.

    A fold that has ended counts on with its last value.
    """
    histories = [fit.history for fit in trial.fits if fit.fold is not None and fit.history]
    name = "val_loss" if any("val_loss" in history for history in histories) else "loss"
    curves = [history[name] for history in histories if history.get(name)]
    if not curves:
        return {}
    epochs = range(max(len(curve) for curve in curves))
    return {
        epoch: float(np.mean([curve[min(epoch, len(curve) - 1)] for curve in curves]))
        for epoch in epochs
    }
