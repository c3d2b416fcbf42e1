"""Write the tables of docs/diagnosis.md: `python docs/diagnosis/table.py`.

Thresholds are those of this version; figures are those that benchmarks left in benchmarks/results.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kohort.studies.diagnosis.thresholds import THRESHOLDS

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "diagnosis.md"
RESULTS = ROOT / "benchmarks" / "results"


def _result(name: str) -> dict[str, Any]:
    return dict(json.loads((RESULTS / f"{name}.json").read_text()))


def thresholds() -> str:
    """One row per threshold."""
    lines = ["| limit | of | reason |", "|---|---|---|"]
    lines += [f"| {t.value:g} | {t.meaning} | {t.reason} |" for t in THRESHOLDS.values()]
    return "\n".join(lines)


def cost() -> str:
    """One row per kind of network."""
    figures = _result("diagnosis_cost")["sides"]["diagnose"]
    lines = ["| network | time with instruments over without |", "|---|---|"]
    for name, value in figures.items():
        kind, _, what = name.partition(": time")
        if what:
            lines.append(f"| {kind} | {value:.2f} |")
    return "\n".join(lines)


def suites() -> str:
    """Both suites: a row of figures, and both tables of the first."""
    lines = [
        "| suite | planted | named first | healthy | false alarms | remedies confirmed |",
        "|---|---|---|---|---|---|",
    ]
    for name, result in (("faults", _result("faults")), ("fresh_faults", _result("fresh_faults"))):
        (figures,) = result["sides"].values()
        cells = [str(figures[key]) for key in ("planted", "named first", "healthy", "false alarms")]
        confirmed = figures.get("remedies confirmed", "not tried")
        lines.append(f"| `{name}` | {' | '.join(cells)} | {confirmed} |")
    lines += ["", "The networks of `faults`; the interval is that of the score's difference:", ""]
    lines += _result("faults")["more"]
    lines += ["", "Those of `fresh_faults`:", "", *_result("fresh_faults")["more"]]
    return "\n".join(lines)


def written(page: str) -> str:
    """The page with the tables of this version between their marks."""
    for name, make in (("cost", cost), ("thresholds", thresholds), ("suites", suites)):
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        head, _, rest = page.partition(begin)
        page = f"{head}{begin}\n\n{make()}\n\n{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
