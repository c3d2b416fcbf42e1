"""The folder that a run leaves behind: complete, or not there at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from kohort.errors import DataError, explain
from kohort.report.description import describe_result
from kohort.report.leaderboard import leaderboard, learning_curves, search_members
from kohort.report.page.findings import findings_of
from kohort.report.pictures import draw_search
from kohort.searches.problems.problem_search import SearchResult


@contextmanager
def new_folder(path: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """A folder to write into, which takes its name only when the block ends without an error.

    Until then it is a hidden sibling of `path`, so a run that fails or is interrupted leaves
    nothing under `path`, and an older folder there stays as it was.

    Parameters
    ----------
    path : str or path
        Must not exist, or be empty, unless `overwrite`.
    overwrite : bool, default=False
        Whether to replace a folder that holds something.

    Yields
    ------
    path
        The folder to write into.

    Raises
    ------
    DataError
        If the folder cannot be made, or holds something already.
    """
    path = Path(path)
    _check_free(path, overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield partial
        partial.chmod(0o777 & ~_umask())
        _move(partial, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_file(path: str | Path, text: str) -> None:
    """Write a text file that is complete or not there at all.

    Raises
    ------
    DataError
        If it cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(
            explain("out", "a file that can be written", str(path), f"{reason}. Choose another.")
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _check_free(path: Path, overwrite: bool) -> None:
    if path.exists() and not path.is_dir():
        raise DataError(explain("out", "a folder", str(path), "A file has that name."))
    try:
        occupied = path.is_dir() and any(path.iterdir())
    except OSError as error:
        raise _unwritable(path, error) from error
    if occupied and not overwrite:
        raise DataError(
            explain(
                "out",
                "a new or an empty folder",
                str(path),
                "Choose another, or add --overwrite to replace it.",
            )
        )


def _move(partial: Path, path: Path) -> None:
    """Give the folder its name, and keep what had it until that has worked."""
    if not path.exists():
        partial.rename(path)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent)) / "old"
    try:
        path.rename(old)
        try:
            partial.rename(path)
        except OSError:
            old.rename(path)
            raise
    finally:
        shutil.rmtree(old.parent, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unwritable(path: Path, error: OSError) -> DataError:
    reason = error.strerror or str(error)
    return DataError(
        explain("out", "a folder that can be written", str(path), f"{reason}. Choose another.")
    )


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
        table.to_csv(folder / f"{name}.csv", index=False)
        table.to_parquet(folder / f"{name}.parquet", index=False)
    for name, found in zip(
        ("findings", "layers"), findings_of(search_members(result.search)), strict=True
    ):
        if found is not None:
            found.to_parquet(folder / f"{name}.parquet", index=False)
    draw_search(board, curves, folder / "search.png", result.score_name)
    result.model.save(folder)
    description = describe_result(result, started)
    if (schedule := description.pop("schedule")) is not None:
        _write_json(folder / "schedule.json", schedule, indent=None)
    _write_json(folder / "run.json", description)


def _write_json(path: Path, document: Any, indent: int | None = 2) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=False, default=_plain)
    path.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
