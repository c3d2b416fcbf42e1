"""How good are the answers? kohort's defaults and searches against peers, on the same splits.

`python -m benchmarks quality [--tables NAME ...] [--sides NAME ...] [--seeds N] [--rows N] [--add]`

Each table is split several times (small ones more often); of each split all sides see the same
numbers: text by skrub's `TableVectorizer`, gaps by the median, learnt from the rows to train on.
scikit-learn's MLP has inputs and a target of mean 0 and deviation 1 on top, since it does not scale
by itself; kohort, RealMLP and TabM do. A regression's error is 1 - R2, a classification's the log
loss. Everything runs on one core, in one process per table, sides in turn; each side has fitted
once before the clock runs, which counts processor time (so that neighbours of a shared machine do
not count), and imports are not counted. A side whose fit fails counts as the constant.

RealMLP and TabM take part where pytabkit is installed (`pip install torch pytabkit`). RealMLP
smooths labels and stops by accuracy; `realmlp_log_loss` is the same without, for this log loss.
TabM, 32 networks in one, is slow on a core: it and the searches run only where `--sides` names
them, and searches on the first two splits. Sides are compared on the splits that both have, so that
slow ones may be given fewer `--seeds`. `--add` keeps what an earlier run found for other tables and
sides, so that a new version measures its own sides again.
Tables: `benchmarks/tables.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import quality_figures, side
from benchmarks.quality_sides import (
    CONSTANT,
    FOR_LOG_LOSS,
    OURS,
    SEARCHES,
    SIDES,
    WORDS,
    constant,
)
from benchmarks.tables import NAMES, Split, split

SEEDS, ROWS, HELD_OUT = 5, 3000, 4000
SMALL, REPEATED, SEARCHED = 1000, 4, 2
"""Rows below which a table is small, how many times as many splits it has, splits of a search."""
SLOW = (*SEARCHES, "tabm")
_NONE: dict[str, Any] = {"errors": []}
RESULT = Path(__file__).parent / "results" / "quality.json"


def options(arguments: list[str]) -> dict[str, Any]:
    """Arguments of `compare`, from the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks quality")
    parser.add_argument("--tables", nargs="+", choices=NAMES, default=list(NAMES))
    fast = [name for name in SIDES if name not in SLOW]
    parser.add_argument("--sides", nargs="+", choices=list(SIDES), default=fast)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--add", action="store_true")
    return vars(parser.parse_args(arguments))


def error(estimator: Any, rows: Split) -> float:
    """1 - R2, or the log loss, on the rows that are held out."""
    from sklearn.metrics import log_loss, r2_score

    if rows.task == "regression":
        return 1.0 - float(r2_score(rows.y_test, np.ravel(estimator.predict(rows.X_test))))
    probabilities = np.asarray(estimator.predict_proba(rows.X_test), np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return float(log_loss(rows.y_test, probabilities, labels=np.unique(rows.y)))


def _fitted(name: str, rows: Split, seed: int) -> tuple[float, float, str]:
    """Error, processor seconds and the reason of a failure, of a side on a split."""
    start = time.process_time()
    try:
        estimator = SIDES[name](rows.task == "regression", seed)
        found, reason = error(estimator.fit(rows.X, rows.y), rows), ""
        if not np.isfinite(found):
            reason = "its predictions are not finite"
    except Exception as failure:
        reason = f"{type(failure).__name__}: {failure}"
    seconds = time.process_time() - start
    if reason:
        found = _constant(rows)
    return found, seconds, reason


def _constant(rows: Split) -> float:
    return error(constant(rows.task == "regression", 0).fit(rows.X, rows.y), rows)


def _warm(names: list[str], task: str) -> None:
    """Fit each side once on a few rows, so that imports and first uses are behind it."""
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(80, 3)).astype(np.float32), np.arange(80) % 2
    for name in names:
        _fitted(name, Split(task, X, y.astype(float) if task == "regression" else y, X, y), 0)


def table_side(table: str, names: list[str], seeds: int, rows: int) -> dict[str, Any]:
    """Errors, seconds and failures of each side on the splits of a table."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    warnings.simplefilter("ignore")
    first = split(table, 0, rows, HELD_OUT)
    _warm(names, first.task)
    about = {"task": first.task, "rows": len(first.y), "features": first.X.shape[1]}
    found: dict[str, Any] = {
        name: {"errors": [], "seconds": [], "failures": []} for name in (*names, CONSTANT)
    }
    for seed in range(seeds * REPEATED if len(first.y) < SMALL else seeds):
        one = split(table, seed, rows, HELD_OUT) if seed else first
        found[CONSTANT]["errors"].append(_constant(one))
        for name in names:
            if name == FOR_LOG_LOSS and one.task == "regression" and "realmlp" in names:
                found[name] = found["realmlp"]
                continue
            if name in SEARCHES and seed >= SEARCHED:
                continue
            score, seconds, reason = _fitted(name, one, seed)
            found[name]["errors"].append(score)
            found[name]["seconds"].append(seconds)
            found[name]["failures"] += [reason] if reason else []
    return {"about": about, "sides": found}


def compare(
    tables: list[str] | None = None, sides: list[str] | None = None, seeds: int = SEEDS,
    rows: int = ROWS, add: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Run every table; what is done is in the result file when a table ends."""
    asked = {"rows": rows}
    before = json.loads(RESULT.read_text()) if add and RESULT.exists() else {"asked": asked}
    if before["asked"] != asked:
        sys.exit(f"--add goes on with the result of {before['asked']}; got {asked}.")
    records: dict[str, Any] = before.get("records", {})
    names = sides or [name for name in SIDES if name not in SLOW]
    for table in tables or NAMES:
        asks = json.dumps([table, names, seeds, rows])
        found = side.run("benchmarks.quality", asks)
        for figures in found["sides"].values():
            figures["version"] = version()
        kept = records.get(table, {"sides": {}})["sides"]
        always = max(found["sides"].pop(CONSTANT), kept.get(CONSTANT, _NONE), key=_splits)
        records[table] = {**found, "sides": {**kept, **found["sides"], CONSTANT: always}}
        done = result(records, asked)
        RESULT.write_text(json.dumps(done, indent=1) + "\n")
        print(table_line(table, records[table], list(WORDS)), flush=True)
    return result(records, asked)


def _splits(figures: dict[str, Any]) -> int:
    return len(figures["errors"])


def version() -> str:
    """The commit that is measured."""
    asked = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def result(records: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """The content of the result file: records, figures of each side, tables in Markdown."""
    errors = {
        table: {name: figures["errors"] for name, figures in record["sides"].items()}
        for table, record in records.items()
    }
    every = {name for found in errors.values() for name in found}
    sides = [name for name in WORDS if name in every and name != CONSTANT]
    untouched = [name for name in sides if name not in SEARCHES]
    searches = [name for name in sides if name in SEARCHES]
    lines = [
        *_side_lines(records, errors, untouched),
        *_pair_lines(errors, [(OURS, name) for name in untouched if name != OURS]),
        *_table_lines(records, untouched),
    ]
    if searches:
        beside = [name for name in (OURS, "boosting") if name in sides]
        pairs = [(name, other) for name in searches for other in beside]
        pairs += [(f"{name}_ensembled", name) for name in searches]
        lines += ["", "**Searched**", ""]
        lines += _side_lines(records, errors, [*beside, *searches])
        lines += _pair_lines(errors, [pair for pair in pairs if every.issuperset(pair)])
        lines += _table_lines(records, [*beside, *searches])
    return {
        "title": f"Quality of answers, up to {asked['rows']} rows to train on",
        "asked": asked,
        "sides": {WORDS[name]: {"seconds": _seconds(records, name)} for name in sides},
        "records": records,
        "more": lines,
    }


def _seconds(records: dict[str, Any], name: str) -> float:
    """Processor seconds that all fits of a side took."""
    found = [record["sides"].get(name, {"seconds": []}) for record in records.values()]
    return sum(sum(figures["seconds"]) for figures in found)


def shown(value: tuple[float, float, float]) -> str:
    """A figure with its interval."""
    return f"{value[0]:.2f} [{value[1]:.2f}, {value[2]:.2f}]"


def _side_lines(
    records: dict[str, Any], errors: quality_figures.Errors, sides: list[str]
) -> list[str]:
    """Rank, error and time of each side."""
    tables = quality_figures.common(errors, sides)
    lines = [
        f"On the tables where all of these were measured ({len(tables)} of {len(records)}): mean "
        "rank, and error between the best side's (0) and a constant's (1), both with 95 % "
        "bootstrap intervals over tables and splits; fits that failed; and the median over tables "
        "of processor seconds for a fit and its predictions.",
        "",
        "| side | mean rank | normalised error | failed fits | seconds |",
        "|---|---|---|---|---|",
    ]
    each = quality_figures.of_each(errors, sides, CONSTANT) if tables else {}
    for name, figures in each.items():
        found = [records[table]["sides"][name] for table in tables]
        failed = sum(len(one["failures"]) for one in found)
        seconds = np.median([np.median(one["seconds"]) for one in found])
        cells = [shown(figures["mean rank"]), shown(figures["normalised error"]), str(failed)]
        lines.append(f"| {WORDS[name]} | {' | '.join(cells)} | {seconds:.2f} |")
    return [*lines, ""]


def _pair_lines(errors: quality_figures.Errors, pairs: list[tuple[str, str]]) -> list[str]:
    """One side against another."""
    lines = [
        "Tables on which the mean error of the first is smaller, their share, and the geometric "
        "mean of the ratio of errors (below 1: the first's is smaller).",
        "",
        "| first | against | tables won | share | ratio of errors |",
        "|---|---|---|---|---|",
    ]
    for ours, theirs in pairs:
        if not quality_figures.common(errors, [ours, theirs]):
            continue
        pair = quality_figures.of_pair(errors, ours, theirs)
        cells = [f"{pair['won']} of {pair['tables']}", shown(pair["share"]), shown(pair["ratio"])]
        lines.append(f"| {WORDS[ours]} | {WORDS[theirs]} | {' | '.join(cells)} |")
    return [*lines, ""]


def _table_lines(records: dict[str, Any], sides: list[str]) -> list[str]:
    """Mean error of each side on each table."""
    every = [*sides, CONSTANT]
    lines = [
        "Mean error on each table (1 - R2 or log loss; the least is bold), over the splits that "
        "all sides of its row have.",
        "",
        f"| table | task | rows | splits | {' | '.join(WORDS[name] for name in every)} |",
        f"|---|---|---|---|{'---|' * len(every)}",
    ]
    return lines + [table_line(table, record, every) for table, record in records.items()]


def table_line(table: str, record: dict[str, Any], sides: list[str]) -> str:
    """A row: a table's name, task and sizes, then each side's mean error."""
    known = record["sides"]
    errors = {name: known[name]["errors"] for name in sides if name in known}
    found = quality_figures.shared(errors, list(errors))
    means = dict(zip(errors, found.mean(axis=1).tolist(), strict=True))
    least, about = min(means.values()), record["about"]
    cells = [table, about["task"], str(about["rows"]), str(found.shape[1])]
    for name in sides:
        mark = "**" if means.get(name) == least else ""
        cells.append(f"{mark}{means[name]:.4f}{mark}" if name in means else "")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(json.dumps(table_side(*json.loads(sys.argv[1]))))
