"""Which candidates of a search share a compiled program, and which parameters cost one."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from kohort.arrays import Estimator, GridLike, TableLike, TargetsLike
from kohort.studies.automatic import settled


def explain_groups(estimator: Estimator, param_grid: GridLike, X: TableLike, y: TargetsLike) -> Any:
    """See `KerasEstimator.explain_groups`."""
    import pandas as pd

    candidates = list(ParameterGrid(param_grid))
    programs: dict[Any, int] = {}
    rows = []
    for candidate in candidates:
        one = clone(estimator).set_params(**candidate)
        prepared = settled(one, one.prepare(X, y))
        ready, obstacle = prepared.ready, prepared.obstacle
        key = (ready.tracing.network, ready.batch_size) if ready.tracing else object()
        program = np.nan if obstacle else programs.setdefault(key, len(programs))
        rows.append({**candidate, "program": program, "why": obstacle})
    table = pd.DataFrame(rows)
    for position, row in enumerate(rows):
        if not row["why"]:
            table.loc[position, "why"] = _why(rows, position, list(candidates[position]))
    return table


def _why(rows: list[dict[str, Any]], position: int, names: list[str]) -> str:
    """Why a candidate gets a program of its own: the parameters that differ; else a reason."""
    row = rows[position]
    earlier = [other for other in rows[:position] if other["program"] == row["program"]]
    if earlier:
        return "shares the program"
    if position == 0:
        return "first candidate"
    other = max(rows[:position], key=lambda o: sum(_same(o.get(n), row[n]) for n in names))
    differing = [name for name in names if not _same(other.get(name), row[name])]
    return f"compiled anew for {', '.join(f'{name}={row[name]!r}' for name in differing)}"


def _same(one: object, other: object) -> bool:
    return bool(one is other or np.array_equal(np.asarray(one), np.asarray(other)))
