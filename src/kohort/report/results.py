"""The files that a search writes: tables, picture, model, the winner's schedule, `run.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kohort.report.csv_text import csv_text
from kohort.report.description import describe_result
from kohort.report.leaderboard import leaderboard, learning_curves, search_members
from kohort.report.page.findings import findings_of
from kohort.report.pictures import draw_search
from kohort.searches.problems.problem_search import SearchResult


def write_search(result: SearchResult, folder: Path, started: dict[str, Any]) -> None:
    """Write leaderboard, learning curves, picture, model, the winner's schedule and `run.json`;
    findings and measurements of layers where fits were diagnosed.

    Parameters
    ----------
    result : SearchResult
    folder : path
        Exists, and holds no results.
    started : dict
        From `describe_plan`; part of `run.json`.
    """
    board, curves = leaderboard(result.search), learning_curves(result.search)
    for name, table in (("leaderboard", board), ("learning_curves", curves)):
        (folder / f"{name}.csv").write_text(csv_text(table), encoding="utf-8", newline="\n")
        table.to_parquet(folder / f"{name}.parquet", index=False)
    for name, found in zip(
        ("findings", "layers"), findings_of(search_members(result.search)), strict=True
    ):
        if found is not None:
            found.to_parquet(folder / f"{name}.parquet", index=False)
    draw_search(board, curves, folder / "search.png", result.score_name)
    if result.model is not None:
        result.model.save(folder)
    description = describe_result(result, started)
    if (schedule := description.pop("schedule")) is not None:
        _write_json(folder / "schedule.json", schedule, indent=None)
    _write_json(folder / "run.json", description)


def _write_json(path: Path, document: object, indent: int | None = 2) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=False, default=_plain)
    path.write_text(text + "\n", encoding="utf-8")


def _plain(value: object) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
