"""The checkout at hand against an older one: kohort's own sides of the benchmarks, in turns.

`KOHORT_OLD=../old python -m benchmarks paired`, where the folder holds a checkout of the older
version; `make setup` in it builds the kernels that it has. Each side starts in a fresh process with
a cold cache; of each checkout the minimum of the turns counts, since machines are shared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TURNS = 2
SIDES = (
    ("peers", "kohort"), ("chapter10", "kohort"), ("own_models", "book"),
    ("own_models", "own:skip"), ("own_models", "own:norm"), ("overhead", "search"),
    ("overhead", "initialization"),
)  # fmt: skip


def interpreter(checkout: Path) -> tuple[list[str], list[str]]:
    """The interpreter of a checkout, and folders of its packages: its `.venv`'s if it has one.

    Without `site`, since the import hook of the kohort that is installed here would serve both.
    """
    own = checkout / ".venv" / "bin" / "python"
    folders = [str(checkout / "src"), str(checkout)]
    if own.exists():
        return [str(own)], folders
    return [sys.executable, "-S"], [*folders, *filter(None, sys.path)]


def run(checkout: Path, module: str, side: str) -> dict[str, Any]:
    """The last line that `python -m benchmarks.MODULE SIDE` of a checkout prints, read as JSON."""
    with tempfile.TemporaryDirectory() as cold:
        command, paths = interpreter(checkout)
        environment = {**os.environ, "KERAS_BACKEND": "jax", "KOHORT_CACHE": cold}
        done = subprocess.run(
            [*command, "-m", f"benchmarks.{module}", side],
            env=environment | {"PYTHONPATH": os.pathsep.join(paths)}, cwd=checkout,
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def compare() -> dict[str, Any]:
    """Every side of both checkouts, in turns."""
    if "KOHORT_OLD" not in os.environ:
        sys.exit("Set KOHORT_OLD to the folder of a checkout of the older version.")
    checkouts = {"old": Path(os.environ["KOHORT_OLD"]).resolve(), "new": Path.cwd()}
    sides: dict[str, dict[str, Any]] = {}
    ratios: dict[str, float] = {}
    for module, side in SIDES:
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in checkouts}
        for _ in range(TURNS):
            for name, checkout in checkouts.items():
                found[name].append(run(checkout, module, side))
        best = {name: min(runs, key=lambda one: one["seconds"]) for name, runs in found.items()}
        sides |= {f"{module} {side}, {name}": figures for name, figures in best.items()}
        label = f"the older version, {module} {side}"
        ratios[label] = best["old"]["seconds"] / best["new"]["seconds"]
    return {
        "title": f"This version against an older one, the better of {TURNS} turns each",
        "sides": sides,
        "ratios": ratios,
        "wanted": dict.fromkeys(ratios, "at least 1, beyond noise"),
    }
