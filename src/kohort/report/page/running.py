"""A search that still runs, in the form of one that has ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.cohort.record import Record
from kohort.engine.member import TRAINING, WAITING
from kohort.report.leaderboard import SearchMember, board_of, curves_of
from kohort.report.page.source import Source

MONITORED = ("val_loss", "loss")


def running(
    description: dict[str, Any], fits: Sequence[Record], census: dict[str, Any], state: str
) -> Source:
    """Leaderboard and curves of a search, from the fits that it has asked for so far.

    Candidates are ranked by the mean over their folds of the lowest validation loss so far (the
    training loss where there is none), as their scores are known only at the end.

    Parameters
    ----------
    description : dict
        The facts known when a search starts.
    fits : sequence of Record
        In the order in which they were asked for.
    census : dict
        Numbers of fits `submitted`, `training` and `ended`, and their `progress`.
    state : {"running", "silent", "missing", "broken"}
    """
    folds, candidates = int(description.get("cv", 1)), int(description.get("candidates", 0))
    members = _members(fits, folds, candidates)
    lowest = np.full((max((m.candidate for m in members), default=-1) + 1, folds), np.nan)
    parameters: list[dict[str, Any]] = [{} for _ in lowest]
    for member in members:
        parameters[member.candidate] = member.record.parameters
        if member.fold is not None:
            lowest[member.candidate, member.fold] = _lowest(member.record)
    log = next((name for fit in fits for name in MONITORED if name in fit.history), MONITORED[0])
    expected = candidates * folds + 1  # And the best candidate's on all searched rows.
    return Source(
        board_of(parameters, lowest, members, _summary(lowest), expected=0),
        curves_of(members),
        {**description, "score": log, "smaller_is_better": True},
        live={"state": state, "census": census, "fits": expected},
    )


def _summary(lowest: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    """Rank, mean and deviation of each candidate over the folds that have a value."""
    known = np.isfinite(lowest)
    count = np.maximum(known.sum(axis=1), 1)
    mean = np.where(known, lowest, 0).sum(axis=1) / count
    squares = np.where(known, (lowest - mean[:, None]) ** 2, 0).sum(axis=1) / count
    some = known.any(axis=1)
    mean, deviation = np.where(some, mean, np.nan), np.where(some, np.sqrt(squares), np.nan)
    rank = 1 + np.argsort(np.argsort(mean, kind="stable"), kind="stable")
    return {"rank": rank, "mean_score": mean, "std_score": deviation}


def _members(fits: Sequence[Record], folds: int, candidates: int) -> list[SearchMember]:
    """Candidate and fold of each fit: scikit-learn asks for all folds of one candidate after
    another, and at the end for the best candidate's fit on all rows.
    """
    seen: Counter[str] = Counter()
    known: dict[tuple[str, int], int] = {}
    members = []
    for record in fits:
        parameters = repr(sorted(record.parameters.items()))
        round_, fold = divmod(seen[parameters], folds)
        is_last = round_ > 0 and len(known) >= candidates and (parameters, round_) not in known
        if is_last:
            members.append(SearchMember(known[parameters, 0], None, _shown(record)))
            continue
        seen[parameters] += 1
        candidate = known.setdefault((parameters, round_), len(known))
        members.append(SearchMember(candidate, fold, _shown(record)))
    return members


def _shown(record: Record) -> Record:
    """The record, with a status that tells fits that train from those that wait."""
    if record.status == WAITING and record.history:
        return Record(record.parameters, record.history, TRAINING, 0.0, record.best_epoch)
    return record


def _lowest(record: Record) -> float:
    log = next((record.history[name] for name in MONITORED if name in record.history), [])
    finite = np.asarray(log, float)[np.isfinite(np.asarray(log, float))]
    return float(finite.min()) if len(finite) else np.nan
