"""Findings about batch normalisation."""

from __future__ import annotations

import numpy as np

from kohort.studies.diagnosis.findings.evidence import largest, late, parameters
from kohort.studies.diagnosis.findings.finding import Finding
from kohort.studies.diagnosis.measurements import Measurements
from kohort.studies.diagnosis.thresholds import limit


def small_batch_norm_batches(m: Measurements) -> Finding | None:
    """Statistics of a batch that are hardly more than noise."""
    rows = min(m.setting.batch_size, m.setting.rows)
    if not m.setting.batch_norm or rows >= limit("norm_batch"):
        return None
    drift = float(np.nan_to_num(largest(late(m, m.of_layers("mean_drift")))))
    return Finding(
        "small_batch_norm_batches",
        0.6 + 0.3 * (1 - rows / limit("norm_batch")),
        None,
        {"rows": rows, "threshold": limit("norm_batch"), "mean_drift": drift},
        f"Batch normalisation takes its statistics of {rows} rows: the moving averages that "
        f"predictions use are {drift:.2g} deviations away from those of a batch.",
        "Use batches of 32 rows, or layer normalisation, which does not ask for other rows.",
        parameters(m, batch_size=32),
        "Wu and He 2018 (arXiv:1803.08494)",
    )


RULES = (small_batch_norm_batches,)
