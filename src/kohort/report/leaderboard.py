"""The results of a search as tables: the leaderboard and every member's learning curve."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Search
from kohort.cohort.record import Record
from kohort.deferred import pd
from kohort.searches.ensembles.keeping import ENSEMBLE
from kohort.searches.problems.problem_search import without_prefix


@dataclass(frozen=True)
class SearchMember:
    """One fit of a search: which candidate, which fold (None for the refit), what became of it."""

    candidate: int
    fold: int | None
    record: Record


def search_members(search: Search, record: Sequence[Record] | None = None) -> list[SearchMember]:
    """Say of each fit that a search asked for whose it was.

    Fits that failed before they reached the cohort have no record, and no entry here.

    Parameters
    ----------
    search : GridSearchCV, RandomizedSearchCV or one of the Halving searches
        Fitted.
    record : sequence of Record or None, default=None
        The cohort's, of this search alone; None for the one that kohort's own searches keep, and
        scikit-learn's own do not: they have no members.

    Returns
    -------
    list of SearchMember
        In the order in which the search asked for them.
    """
    known = getattr(search, "cohort_record_", ()) if record is None else record
    waiting = [fit for fit in known if fit.parameters]
    candidates = search.cv_results_["params"]
    complete = len(waiting) == fits_of(search)
    members = []
    for candidate, parameters in enumerate(candidates):
        for fold in range(search.n_splits_):
            if waiting and (complete or _agrees(waiting[0].parameters, parameters)):
                members.append(SearchMember(candidate, fold, waiting.pop(0)))
    if not waiting or not search.refit:
        return members
    return [*members, SearchMember(int(search.best_index_), None, waiting[0])]


def fits_of(search: Search) -> int:
    """Number of fits that a search asked for, the refit included; an ensemble is none."""
    refitted = bool(search.refit) and search.refit != ENSEMBLE
    return len(search.cv_results_["params"]) * search.n_splits_ + refitted


def _agrees(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a fit had a candidate's parameters, those of other steps of a pipeline aside."""
    return all(
        _same(found[own], value)
        for name, value in wanted.items()
        if (own := _own_name(name, found)) is not None
    )


def _same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(np.asarray(one), np.asarray(other))
    return bool(one == other)


def _own_name(name: str, known: Mapping[str, Any]) -> str | None:
    """The name that an estimator inside of pipelines knows a parameter by."""
    parts = name.split("__")
    names = ("__".join(parts[start:]) for start in range(len(parts)))
    return next((own for own in names if own in known), None)


def count_statuses(search: Search) -> dict[str, int]:
    """Number of fits of each status, the refit included, most frequent first; scikit-learn's own
    searches do not know it.

    `"failed"` counts fits that ended in an error, those before they reached the cohort included.
    """
    if not hasattr(search, "cohort_record_"):
        return {}
    members = search_members(search)
    counts = Counter(member.record.status for member in members)
    counts["failed"] += fits_of(search) - len(members)
    return {status: count for status, count in counts.most_common() if count}


def leaderboard(search: Search) -> pd.DataFrame:
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
    results, folds = search.cv_results_, range(search.n_splits_)
    return board_of(
        [without_prefix(given) for given in results["params"]],
        np.column_stack([results[f"split{fold}_test_score"] for fold in folds]),
        search_members(search),
        {
            "rank": results["rank_test_score"].astype(np.int64),
            "mean_score": results["mean_test_score"],
            "std_score": results["std_test_score"],
        },
        search.n_splits_ if hasattr(search, "cohort_record_") else 0,
    )


def board_of(
    parameters: Sequence[Mapping[str, Any]],
    scores: NDArray[np.float64],
    members: Sequence[SearchMember],
    summary: Mapping[str, NDArray[Any]],
    expected: int,
) -> pd.DataFrame:
    """A leaderboard put together.

    Parameters
    ----------
    parameters : sequence of mapping
        The searched ones of each candidate.
    scores : array of float, shape (candidate, fold)
    members : sequence of SearchMember
    summary : mapping
        `rank`, `mean_score` and `std_score` of each candidate.
    expected : int
        Fits that each candidate should have; those that are missing have failed.
    """
    chosen = pd.DataFrame(list(parameters), dtype=object).infer_objects().apply(_storable)
    columns: dict[str, Any] = {
        "rank": summary["rank"],
        "candidate": np.arange(len(parameters)),
        "mean_score": summary["mean_score"],
        "std_score": summary["std_score"],
        **{name: chosen[name] for name in chosen.columns},
    }
    fits: dict[int, list[Record]] = {candidate: [] for candidate in range(len(parameters))}
    for member in members:
        if member.fold is not None:
            fits[member.candidate].append(member.record)
    columns["epochs"] = [_mean_epochs(records) for records in fits.values()]
    columns["statuses"] = [_in_words(records, expected) for records in fits.values()]
    if any(record.diagnosis is not None for records in fits.values() for record in records):
        columns["findings"] = [_first_findings(records) for records in fits.values()]
    for fold in range(scores.shape[1]):
        columns[f"score_fold_{fold + 1}"] = scores[:, fold]
    board = pd.DataFrame(columns)
    return board.sort_values(["rank", "candidate"], ignore_index=True)


def _in_words(records: list[Record], expected: int) -> str:
    counts = Counter(record.status for record in records)
    counts["failed"] += max(0, expected - len(records))
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
    """The column as Parquet takes it: one type, lists as JSON; missing where it is None."""
    if column.isna().any():
        column = column.convert_dtypes()
    kinds = {type(value) for value in column}
    if column.dtype == object and (len(kinds) > 1 or list in kinds):
        words = column.map(lambda value: value if isinstance(value, str) else as_json(value))
        return words.where(column.notna(), None)
    return column


def as_json(value: object) -> str:
    """A parameter's value as JSON; in its own words where JSON has none.

    Examples
    --------
    >>> import numpy as np
    >>> as_json([np.int64(32), 16]), as_json(np.array([8, 8])), as_json(print)
    ('[32, 16]', '[8, 8]', '<built-in function print>')
    """
    try:
        return json.dumps(value, default=lambda part: part.tolist())
    except (AttributeError, TypeError):
        return str(value)


def learning_curves(search: Search) -> pd.DataFrame:
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
    return curves_of(search_members(search))


def curves_of(members: Sequence[SearchMember]) -> pd.DataFrame:
    """The learning curves of the given members, as `learning_curves` gives them."""
    frames = []
    for member in members:
        record = member.record
        frame = pd.DataFrame({name: np.asarray(log) for name, log in record.history.items()})
        frame.insert(0, "epoch", np.arange(1, len(frame) + 1))
        frame.insert(0, "best_epoch", record.best_epoch + 1)
        frame.insert(0, "status", record.status)
        frame.insert(0, "fold", 0 if member.fold is None else member.fold + 1)
        frame.insert(0, "candidate", member.candidate)
        frames.append(frame)
    if not frames:
        return pd.DataFrame(columns=["candidate", "fold", "status", "best_epoch", "epoch"])
    return pd.concat(frames, ignore_index=True)


def searched_parameters(board: pd.DataFrame) -> list[str]:
    """Names of the parameters in a leaderboard's columns."""
    names = list(board.columns)
    return names[names.index("std_score") + 1 : names.index("epochs")]


def values_of(board: pd.DataFrame, name: str) -> list[Any]:
    """A parameter's values in a leaderboard's rows; None where it is None, or not searched."""
    pairs = zip(board[name], board[name].isna(), strict=True)
    return [None if missing else value for value, missing in pairs]


def varying_parameters(board: pd.DataFrame) -> list[str]:
    """Names of the parameters that tell a leaderboard's candidates apart."""
    names = searched_parameters(board)
    return [name for name in names if board[name].astype(str).nunique() > 1]
