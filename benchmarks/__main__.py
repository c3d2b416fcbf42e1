"""Run benchmarks, print a table, and keep the figures under `benchmarks/results/`."""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

OF_TABLES = (
    "calibration", "defaults", "ensembles", "pretraining", "learning_rate", "faults",
    "fresh_faults", "quality", "adaptive",
)  # fmt: skip
"""Benchmarks on tables that the repository does not hold (`benchmarks/tables.py`)."""
PAIRED = "paired"
"""Needs a checkout of an older version (`benchmarks/paired.py`)."""
NAMES = (
    "kernels", "first_search", "command_search",
    "peers", "chapter10", "store", "overhead", "techniques", "lifting", "own_models", "memory",
    "structures", "cluster", "kills",
    "fashion_mnist", "convolutions", "streaming", "report", "diagnosis_cost", *OF_TABLES, PAIRED,
)  # fmt: skip
WITH_OPTIONS = ("quality", "adaptive", "defaults", "ensembles")
RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """The machine and the versions that the figures were measured with."""
    from kohort.engine.devices import cores

    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "cpu": model,
        "cores": cores(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("jax", "keras", "numpy", "scikit-learn")},
        "commit": commit.stdout.strip(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def table(result: dict[str, Any]) -> str:
    """The result as a Markdown table."""
    lines = [f"### {result['title']}"]
    if result["sides"]:
        lines += ["", "| side | seconds | other figures |", "|---|---|---|"]
    for name, figures in result["sides"].items():
        rest = {
            key: value
            for key, value in figures.items()
            if key != "seconds" and not isinstance(value, dict | list)
        }
        words = ", ".join(f"{key} {_short(value)}" for key, value in rest.items())
        lines.append(f"| {name} | {figures['seconds']:.1f} | {words} |")
    for name, ratio in result.get("ratios", {}).items():
        wanted = result["wanted"][name]
        lines.append(f"\nkohort is **{ratio:.1f} times** as fast as {name} (wanted: {wanted}).")
    lines += ["", *result.get("more", [])]
    return "\n".join(lines).rstrip() + "\n"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main(arguments: list[str]) -> None:
    """Run the named benchmarks, or all; what follows a name with `--` are its options."""
    RESULTS.mkdir(exist_ok=True)
    first = next((i for i, word in enumerate(arguments) if word.startswith("--")), len(arguments))
    names, words = arguments[:first], arguments[first:]
    if words and names not in [[name] for name in WITH_OPTIONS]:
        known = ", ".join(WITH_OPTIONS)
        sys.exit(f"options are those of one of {known}; got {' '.join(arguments)}")
    unknown = set(names) - set(NAMES)
    if unknown:
        sys.exit(f"unknown benchmark {sorted(unknown)}; choose from {', '.join(NAMES)}")
    for name in names or NAMES:
        if not names and name in OF_TABLES and "KOHORT_DATA" not in os.environ:
            print(f"{name} is left out: set KOHORT_DATA (benchmarks/tables.py).")
            continue
        if not names and name == PAIRED and "KOHORT_OLD" not in os.environ:
            print(f"{name} is left out: set KOHORT_OLD (benchmarks/paired.py).")
            continue
        module = importlib.import_module(f"benchmarks.{name}")
        result = module.compare(**(module.options(words) if words else {}))
        result["machine"] = machine()
        file = result.pop("file", name)
        (RESULTS / f"{file}.json").write_text(json.dumps(result, indent=1) + "\n")
        (RESULTS / f"{file}.md").write_text(table(result))
        print(table(result), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
