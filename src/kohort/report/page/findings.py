"""Findings of a diagnosis and what was measured per layer, as a page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kohort.deferred import pd
from kohort.report.leaderboard import SearchMember
from kohort.style import short

FIELDS = (
    "member", "candidate", "fold", "code", "severity", "layer", "evidence", "explanation",
    "remedy", "reference",
)  # fmt: skip
"""The fields of a finding's row; all but the code may be missing."""

_MOST_MEMBERS = 12
_SEVERE, _WARNING = 0.7, 0.3


def findings_of(
    members: Sequence[SearchMember],
) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """The findings of the fits that were diagnosed, and what was measured of their layers.

    Parameters
    ----------
    members : sequence of SearchMember
        A record's `diagnosis`, where it has one, has `findings` (with the attributes `code`,
        `severity` from 0 to 1, `layer`, `evidence`, `explanation`, `remedy`, `reference`) and a
        `table` (see `diagnosis`).

    Returns
    -------
    findings : DataFrame or None
        The most severe first. None if no fit was diagnosed.
    layers : DataFrame or None
        Those of up to 12 fits, the ones with the most severe findings first.
    """
    known = [(m, d) for m in members if (d := getattr(m.record, "diagnosis", None)) is not None]
    if not known:
        return None, None
    worst = [max((f.severity for f in d.findings), default=0.0) for _, d in known]
    rows: list[dict[str, Any]] = []
    tables: list[pd.DataFrame] = []
    for place in np.argsort(worst, kind="stable")[::-1]:
        member, found = known[place]
        identity = {
            "member": f"{member.candidate}.{member.fold}",
            "candidate": member.candidate,
            "fold": 0 if member.fold is None else member.fold + 1,
        }
        for finding in found.findings:
            rows.append({**{n: _plain(getattr(finding, n, None)) for n in FIELDS[3:]}, **identity})
        if len(tables) < _MOST_MEMBERS:
            tables.append(found.table.assign(**identity))
    findings = pd.DataFrame(rows, columns=list(FIELDS))
    order = findings["severity"].astype(float).argsort(kind="stable")[::-1]
    return findings.iloc[order].reset_index(drop=True), pd.concat(tables, ignore_index=True)


def _plain(value: object) -> Any:
    """A value as Parquet takes it: evidence, a mapping, as text."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {short(part)}" for name, part in value.items())
    return value


def diagnosis(findings: pd.DataFrame | None, layers: pd.DataFrame | None) -> dict[str, Any] | None:
    """The section about a diagnosis, or None when there was none.

    Parameters
    ----------
    findings : DataFrame or None
        One row per finding with the columns `FIELDS`, most severe first; an empty one says that
        nothing was found.
    layers : DataFrame or None
        One row per member, `step` (or `epoch`) and layer in the network's order, with a column
        per quantity, such as `gradient`.

    Returns
    -------
    dict or None
        `findings`, one dict per code with the texts of its most severe finding and the `count` of
        fits that have it, and `layers`, a list with `member`, `candidate`, `fold`, `layers`,
        `axis`, `times` and, by name, `quantities` of shape (layer, time).

    Examples
    --------
    >>> found = diagnosis(pd.DataFrame({"code": ["dying_units"], "severity": [0.9]}), None)
    >>> found["findings"][0]["severity"]
    'severe'
    """
    if findings is None and layers is None:
        return None
    return {
        "findings": [] if findings is None else _by_code(findings),
        "layers": [] if layers is None else _by_member(layers),
    }


def _by_code(findings: pd.DataFrame) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    owners: dict[str, set[str]] = {}
    for row in findings.to_dict("records"):
        texts = {name: _text(row.get(name)) for name in FIELDS}
        rows.setdefault(texts["code"], texts | {"severity": _severity(row.get("severity"))})
        owners.setdefault(texts["code"], set()).add(texts["member"])
    return [row | {"count": len(owners[code])} for code, row in rows.items()]


def _severity(value: Any) -> str:
    """A number from 0 to 1 as a word; words are left as they are."""
    if isinstance(value, str):
        return value
    if not value >= _WARNING:
        return "hint"
    return "severe" if value >= _SEVERE else "warning"


def _text(value: object) -> str:
    missing = value is None or (isinstance(value, float) and np.isnan(value))
    return "" if missing else str(value)


def _by_member(layers: pd.DataFrame) -> list[dict[str, Any]]:
    axis = "step" if "step" in layers.columns else "epoch"
    index = ("member", "candidate", "fold", "layer", "step", "epoch")
    names = [name for name in layers.columns if name not in index]
    members = []
    for member, rows in layers.groupby("member", sort=False):
        order = list(dict.fromkeys(rows["layer"]))
        tables = {name: rows.pivot(index="layer", columns=axis, values=name) for name in names}
        times = sorted(set(rows[axis]))
        members.append(
            {
                "member": str(member),
                **{n: _text(rows[n].iloc[0]) for n in ("candidate", "fold") if n in rows},
                "layers": [str(layer) for layer in order],
                "axis": axis,
                "times": [int(time) for time in times],
                "quantities": {
                    name: table.reindex(index=order, columns=times).to_numpy(float)
                    for name, table in tables.items()
                },
            }
        )
    return members
