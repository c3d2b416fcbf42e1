"""Findings of a diagnosis and what was measured per layer, as a page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

FIELDS = (
    "member", "code", "severity", "layer", "evidence", "explanation", "remedy", "reference",
)  # fmt: skip
"""What a finding says; each is a text, and may be empty."""

_INDEX = ("member", "epoch", "layer")


def diagnosis(
    findings: Sequence[Mapping[str, Any]] | pd.DataFrame | None, layers: pd.DataFrame | None
) -> dict[str, Any] | None:
    """The section about a diagnosis, or None when there was none.

    Parameters
    ----------
    findings : sequence of mappings, DataFrame or None
        One row per finding with the columns `FIELDS`, most severe first; an empty one says that
        nothing was found.
    layers : DataFrame or None
        One row per member, epoch (from 1) and layer (in the network's order), with these three
        columns and one per quantity, such as `gradient_norm`.

    Returns
    -------
    dict or None
        `findings`, a list of dicts of texts, and `layers`, a list with `member`, `layers`,
        `epochs` and, by name, `quantities` of shape (layer, epoch).

    Examples
    --------
    >>> diagnosis([{"member": "3", "code": "dying_units"}], None)["findings"][0]["code"]
    'dying_units'
    """
    if findings is None and layers is None:
        return None
    rows = findings.to_dict("records") if isinstance(findings, pd.DataFrame) else findings or []
    return {
        "findings": [{name: _text(row.get(name)) for name in FIELDS} for row in rows],
        "layers": [] if layers is None else _by_member(layers),
    }


def _text(value: Any) -> str:
    missing = value is None or (isinstance(value, float) and np.isnan(value))
    return "" if missing else str(value)


def _by_member(layers: pd.DataFrame) -> list[dict[str, Any]]:
    names = [name for name in layers.columns if name not in _INDEX]
    members = []
    for member, rows in layers.groupby("member", sort=False):
        order = list(dict.fromkeys(rows["layer"]))
        tables = {name: rows.pivot(index="layer", columns="epoch", values=name) for name in names}
        epochs = sorted(set(rows["epoch"]))
        members.append(
            {
                "member": str(member),
                "layers": [str(layer) for layer in order],
                "epochs": [int(epoch) for epoch in epochs],
                "quantities": {
                    name: table.reindex(index=order, columns=epochs).to_numpy(float)
                    for name, table in tables.items()
                },
            }
        )
    return members
