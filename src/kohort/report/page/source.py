"""The source of a page: tables and a description, of a search or of its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kohort.arrays import PathLike, Search
from kohort.deferred import pd
from kohort.errors import DataError, ParameterError, explain
from kohort.recipe.constraints import path_like
from kohort.report.description import describe_search
from kohort.report.leaderboard import leaderboard, learning_curves, search_members
from kohort.report.page.findings import findings_of
from kohort.report.run_folder import refuse_missing_run

_REQUIRED = ("run.json", "leaderboard.parquet", "learning_curves.parquet")


@dataclass(frozen=True)
class Source:
    """The facts about a search.

    Attributes
    ----------
    board : DataFrame
        From `leaderboard`.
    curves : DataFrame
        From `learning_curves`.
    description : dict
        The content of `run.json`; any part may be missing.
    findings, layers : DataFrame or None
        Tables of a diagnosis; see `kohort.report.page.findings`.
    live : dict or None
        How far a search has come that is still running.
    """

    board: pd.DataFrame
    curves: pd.DataFrame
    description: dict[str, Any] = field(default_factory=dict)
    findings: pd.DataFrame | None = None
    layers: pd.DataFrame | None = None
    live: dict[str, Any] | None = None


def source_of(search: Search) -> Source:
    """The facts about a fitted search, or about the folder of one.

    Parameters
    ----------
    search : GridSearchCV, RandomizedSearchCV, str or path
        Fitted, or the folder that `kohort search --out` wrote.

    Raises
    ------
    ParameterError
        If it is neither.
    DataError
        If the folder holds no search.
    """
    if is_folder(search):
        return _of_folder(Path(search))
    results = getattr(search, "cv_results_", {})
    if "rank_test_score" not in results:
        requirement = "a fitted search with one score, or the folder of a run"
        remedy = "Search with one of its scores alone." if results else "Call fit first."
        raise ParameterError(explain("search", requirement, search, remedy))
    return Source(
        leaderboard(search),
        learning_curves(search),
        describe_search(search),
        *findings_of(search_members(search)),
    )


def is_folder(search: Search) -> bool:
    """Whether a search is given as the folder of one."""
    return path_like().accepts(search)


def _of_folder(folder: Path) -> Source:
    refuse_missing_run(folder)
    absent = [name for name in _REQUIRED if not (folder / name).is_file()]
    if absent:
        remedy = f"It has no {absent[0]}."
        raise DataError(
            explain("RUN", "a folder that `kohort search --out` wrote", str(folder), remedy)
        )
    try:
        description = _json(folder / "run.json")
        if (folder / "schedule.json").is_file():
            description["schedule"] = _json(folder / "schedule.json")
        tables = [
            pd.read_parquet(path) if (path := folder / f"{name}.parquet").is_file() else None
            for name in ("leaderboard", "learning_curves", "findings", "layers")
        ]
    except (ValueError, OSError) as error:
        raise unreadable(folder, str(error)) from error
    board, curves, findings, layers = tables
    assert board is not None
    assert curves is not None
    return Source(board, curves, description, findings, layers)


def unreadable(folder: PathLike, reason: str) -> DataError:
    """The error for a folder with other content than a search writes."""
    remedy = f"{reason.rstrip('.')}. Search again, or take another copy of the folder."
    return DataError(explain("RUN", "a folder with readable results", str(folder), remedy))


def _json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} is no JSON object")
    return found
