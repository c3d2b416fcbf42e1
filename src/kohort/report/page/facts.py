"""All that a page shows, as plain values that fit into JSON; a pure function of a source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Search
from kohort.deferred import pd
from kohort.report.page.findings import diagnosis
from kohort.report.page.importance import importance, interactions, without_outliers
from kohort.report.page.packing import packed, thinned
from kohort.report.page.searched import Parameter, parameters_of
from kohort.report.page.source import Source, is_folder, source_of, unreadable
from kohort.report.score_scale import score_scale

_MOST_NUMBERS = 800_000
"""Numbers of all learning curves together; beyond that each curve is thinned out."""
_FEWEST_EPOCHS = 16

_NOT_LOGS = ("candidate", "fold", "status", "best_epoch", "epoch")


def facts(source: Source) -> dict[str, Any]:
    """The facts that a page about a search shows.

    Parameters
    ----------
    source : Source

    Returns
    -------
    dict
        Of plain values without NaN: `run` (the description), `board`, `parameters`, `curves`,
        `importance`, `interactions`, `diagnosis`, `live`, `smaller_is_better`, and `scale`, on
        which scores are drawn (`low`, `high`, and how many are `outside`). An unknown
        value is None.
    """
    run = source.description
    parameters = parameters_of(source.board, run.get("space", {}))
    scores = source.board["mean_score"].to_numpy(float)
    smaller = bool(run.get("smaller_is_better", False))
    scale = score_scale(scores, source.board.filter(like="score_fold_").to_numpy(float), smaller)
    found: dict[str, Any] = {
        "run": run,
        "board": _board(source.board),
        "parameters": [_shown(parameter) for parameter in parameters],
        "curves": _curves(source.curves),
        "diagnosis": diagnosis(source.findings, source.layers),
        "live": source.live,
        "smaller_is_better": smaller,
        "scale": None if scale is None else scale._asdict(),
        "importance": None,
        "interactions": None,
    }
    if source.live is None:
        found |= _effects(parameters, scores)
    plain: dict[str, Any] = _plain(found)
    return plain


def facts_of(search: Search) -> dict[str, Any]:
    """The facts of a fitted search, or of the folder of one, for a page.

    Raises
    ------
    ParameterError
        If it is neither.
    DataError
        If the folder holds no search that can be read.
    """
    source = source_of(search)
    try:
        return facts(source)
    except Exception as error:  # A damaged folder can fail anywhere; it is the folder's fault.
        if not is_folder(search):
            raise
        raise unreadable(search, "It holds what no search writes") from error


def _effects(parameters: Sequence[Parameter], scores: NDArray[np.float64]) -> dict[str, Any]:
    """Effects of the parameters, which take a while to compute."""
    held = without_outliers(scores)
    alone = importance(parameters, held) | {"held": int((held > scores).sum())}
    paired = None
    if alone["status"] == "shown":
        paired = interactions(parameters, held, alone["names"])
    return {"importance": alone, "interactions": paired}


def _shown(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "numeric": parameter.numeric,
        "log": parameter.log,
        "varies": parameter.varies,
        "values": parameter.values,
    }


def _board(board: pd.DataFrame) -> dict[str, Any]:
    columns = ("rank", "candidate", "mean_score", "std_score", "epochs", "statuses")
    folds = [name for name in board.columns if name.startswith("score_fold_")]
    return {
        **{name: board[name].tolist() for name in columns},
        "findings": board["findings"].tolist() if "findings" in board.columns else None,
        "folds": [board[name].tolist() for name in folds],
    }


def _curves(curves: pd.DataFrame) -> dict[str, Any]:
    """Learning curves, member after member in one packed array per log."""
    logs = [name for name in curves.columns if name not in _NOT_LOGS]
    members = curves.groupby(["candidate", "fold"], sort=False)
    most = max(_FEWEST_EPOCHS, _MOST_NUMBERS // max(1, members.ngroups * len(logs)))
    table = {name: curves[name].to_numpy() for name in curves.columns}
    identities: dict[str, list[Any]] = {name: [] for name in _NOT_LOGS[:4]}
    counts, epochs, shown = [], [], []
    for positions in members.indices.values():
        rows = np.asarray(positions)
        for name, known in identities.items():
            known.append(table[name][rows[0]])
        chosen = rows[thinned(len(rows), most, int(table["best_epoch"][rows[0]]) - 1)]
        counts.append(len(chosen))
        epochs.append(len(rows))
        shown.append(chosen)
    every = np.concatenate(shown) if shown else np.empty(0, np.intp)
    with np.errstate(over="ignore"):  # A value too large for float32 has diverged anyway.
        values = {name: packed(table[name][every].astype(float)) for name in logs}
    return {
        **identities,
        "epochs": epochs,
        "counts": counts,
        "thinned": counts != epochs,
        "epoch": packed(table["epoch"][every].astype(float)),
        "logs": values,
    }


def _plain(value: object) -> Any:
    """The value as JSON has it: no NumPy, no NaN."""
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
