"""What a search found, as tables: the leaderboard and every member's learning curve."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kohort.estimators.tabular_search import without_prefix
from kohort.estimators.together import Record


@dataclass(frozen=True)
class SearchMember:
    """One fit of a search: which candidate, which fold (None for the refit), what became of it."""

    candidate: int
    fold: int | None
    record: Record


def search_members(search: Any) -> list[SearchMember]:
    """Say of each fit that a search asked for whose it was.

    Fits that failed before they reached the cohort have no record, and no entry here.

    Parameters
    ----------
    search : GridSearchCV or RandomizedSearchCV
        kohort's, fitted.

    Returns
    -------
    list of SearchMember
        In the order in which the search asked for them.
    """
    waiting = list(search.cohort_record_)
    candidates = search.cv_results_["params"]
    complete = len(waiting) == len(candidates) * search.n_splits_ + 1
    members = []
    for candidate, parameters in enumerate(candidates):
        wanted = without_prefix(parameters)
        for fold in range(search.n_splits_):
            if waiting and (complete or _agrees(waiting[0].parameters, wanted)):
                members.append(SearchMember(candidate, fold, waiting.pop(0)))
    best = int(search.best_index_)
    return members + [SearchMember(best, None, record) for record in waiting[:1]]


def _agrees(parameters: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(name in parameters and parameters[name] == v for name, v in wanted.items())


def count_statuses(search: Any) -> dict[str, int]:
    """Number of fits of each status, the refit included, most frequent first.

    `"failed"` counts fits that ended in an error, those before they reached the cohort included.
    """
    members = search_members(search)
    counts = Counter(member.record.status for member in members)
    counts["failed"] += len(search.cv_results_["params"]) * search.n_splits_ + 1 - len(members)
    return {status: count for status, count in counts.most_common() if count}


def leaderboard(search: Any) -> pd.DataFrame:
    """The candidates, best first.

    Parameters
    ----------
    search : GridSearchCV or RandomizedSearchCV
        kohort's, fitted.

    Returns
    -------
    DataFrame, shape (candidate, column)
        Columns: rank (from 1), candidate (from 0, in the order tried), mean_score, std_score,
        one column per searched parameter, epochs (mean over the folds), statuses (such as
        `"5 stopped_early"`), findings (such as `"3 rate_too_high"`, the first of each fit; only
        where fits were diagnosed) and one score per fold. Scores of fits without usable weights are
        missing, and so is the mean over them.
    """
    results = search.cv_results_
    parameters = pd.DataFrame([without_prefix(given) for given in results["params"]])
    parameters = parameters.apply(_storable)
    columns: dict[str, Any] = {
        "rank": results["rank_test_score"].astype(np.int64),
        "candidate": np.arange(len(parameters)),
        "mean_score": results["mean_test_score"],
        "std_score": results["std_test_score"],
        **{name: parameters[name] for name in parameters.columns},
    }
    fits: dict[int, list[Record]] = {candidate: [] for candidate in range(len(parameters))}
    for member in search_members(search):
        if member.fold is not None:
            fits[member.candidate].append(member.record)
    columns["epochs"] = [_mean_epochs(records) for records in fits.values()]
    columns["statuses"] = [_in_words(records, search.n_splits_) for records in fits.values()]
    if any(record.diagnosis is not None for records in fits.values() for record in records):
        columns["findings"] = [_first_findings(records) for records in fits.values()]
    for fold in range(search.n_splits_):
        columns[f"score_fold_{fold + 1}"] = results[f"split{fold}_test_score"]
    board = pd.DataFrame(columns)
    return board.sort_values(["rank", "candidate"], ignore_index=True)


def _in_words(records: list[Record], folds: int) -> str:
    counts = Counter(record.status for record in records)
    counts["failed"] += folds - len(records)
    return ", ".join(f"{count} {status}" for status, count in counts.most_common() if count)


def _first_findings(records: list[Record]) -> str:
    """The first finding of each diagnosed fit, counted."""
    findings = [r.diagnosis.findings for r in records if r.diagnosis is not None]
    counts = Counter(found[0].code for found in findings if found)
    return ", ".join(f"{count} {code}" for code, count in counts.most_common())


def _mean_epochs(records: list[Record]) -> float:
    epochs = [len(record.history.get("loss", ())) for record in records]
    return float(np.mean(epochs)) if epochs else 0.0


def _storable(column: pd.Series[Any]) -> pd.Series[Any]:
    """The column as Parquet takes it: one type, lists as JSON."""
    if column.dtype == object and len({type(value) for value in column}) > 1:
        return column.map(lambda value: value if isinstance(value, str) else json.dumps(value))
    return column


def learning_curves(search: Any) -> pd.DataFrame:
    """Every member's learning curve, one row per member and epoch.

    Parameters
    ----------
    search : GridSearchCV or RandomizedSearchCV
        kohort's, fitted.

    Returns
    -------
    DataFrame
        Columns: candidate, fold (from 1; 0 for the best candidate's fit on all searched rows),
        status, best_epoch and epoch (both from 1), then the logs as Keras names them.
    """
    frames = []
    for member in search_members(search):
        record = member.record
        frame = pd.DataFrame({name: np.asarray(log) for name, log in record.history.items()})
        frame.insert(0, "epoch", np.arange(1, len(frame) + 1))
        frame.insert(0, "best_epoch", record.best_epoch + 1)
        frame.insert(0, "status", record.status)
        frame.insert(0, "fold", 0 if member.fold is None else member.fold + 1)
        frame.insert(0, "candidate", member.candidate)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)
