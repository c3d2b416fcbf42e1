"""Does a diagnosis name planted faults first, leave healthy networks alone, and do remedies help?

These are the networks that thresholds were chosen with; `fresh_faults` judges them on others.
`benchmarks/planted.py` lists all.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

from benchmarks.planted import HEALTHY, TUNED, Case, data, estimator

SEEDS = 10


def _judged(case: Case, seed: int, verify: bool) -> dict[str, Any]:
    """The findings of one case's diagnosis, and whether its remedy helps."""
    import kohort

    X, y, task = data(case, seed)
    model = estimator(case, task, seed)
    options: dict[str, Any] = {}
    rows = len(X)
    if case.parameters.get("early_stopping") is False:  # Else no row would be left to validate on.
        rows = rows * 4 // 5
        options["validation_data"] = X[rows:], y[rows:]
    start = time.perf_counter()
    diagnosis = kohort.diagnose(model, X[:rows], y[:rows], **options)
    found = [finding.code for finding in diagnosis.findings]
    result = {
        "table": case.table,
        "network": case.words,
        "planted": case.code,
        "found": found,
        "right": found[:1] == [case.code] if case.code else not found,
        "seconds": time.perf_counter() - start,
    }
    if verify and case.code and result["right"]:
        result["verified"] = _verified(case, diagnosis)
    return result


def _verified(case: Case, diagnosis: Any) -> str:
    """Whether the remedy of the first finding helped over several seeds, in words."""
    if case.verify:
        return f"not asked: {case.verify}"
    if not diagnosis.findings[0].changes:
        return "no parameter to change"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        comparison = diagnosis.verify(k=SEEDS)
    low, high = comparison.interval
    verdict = "helped" if comparison.helped else "harmed" if comparison.harmed else "not shown"
    return f"{verdict} ({low:+.3g} to {high:+.3g})"


def suite(name: str, cases: list[Case], seed: int, verify: bool) -> dict[str, Any]:
    """The result of a benchmark over planted faults and healthy networks."""
    rows: list[dict[str, Any]] = []
    start = time.perf_counter()
    for case in cases:
        rows.append(_judged(case, seed, verify))
        row = rows[-1]
        mark, kind = "ok" if row["right"] else "NOT", row["planted"] or "healthy"
        print(
            len(rows), mark, kind, row["table"], row["found"], row.get("verified", ""), flush=True
        )
    planted = [row for row in rows if row["planted"]]
    others = [row for row in rows if not row["planted"]]
    figures = {
        "seconds": time.perf_counter() - start,
        "planted": len(planted),
        "named first": sum(row["right"] for row in planted),
        "healthy": len(others),
        "false alarms": sum(not row["right"] for row in others),
        "cases": {str(number): row for number, row in enumerate(rows)},
    }
    if verify:
        helped = [row.get("verified", "").startswith("helped") for row in planted]
        figures["remedies confirmed"] = sum(helped)
    return {
        "title": "Planted faults named first, false alarms, remedies confirmed",
        "sides": {name: figures},
        "more": _lines(rows),
    }


def _lines(rows: list[dict[str, Any]]) -> list[str]:
    """Planted faults and healthy networks as two tables in Markdown."""
    lines = ["| planted | table | network | found | remedy |", "|---|---|---|---|---|"]
    for row in rows:
        if row["planted"]:
            found = ", ".join(row["found"]) or "nothing"
            mark = "" if row["right"] else "**not first:** "
            cells = (row["planted"], row["table"], row["network"], mark + found)
            lines.append(f"| {' | '.join(cells)} | {row.get('verified', '')} |")
    lines += ["", "| healthy | network | found |", "|---|---|---|"]
    for row in rows:
        if not row["planted"]:
            lines.append(f"| {row['table']} | {row['network']} | {', '.join(row['found'])} |")
    return lines


def compare() -> dict[str, Any]:
    """Judge the networks that thresholds were chosen with, and try the remedies."""
    return suite("tuned", [*TUNED, *HEALTHY], seed=0, verify=True)
