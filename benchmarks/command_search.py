"""`kohort search` on California housing as a whole process: with the kernels, and with XLA alone.

20,640 rows x 8, the default space and folds, 60 trials, results written; caches cold on both sides.
`KOHORT_TRIALS` names another number of trials.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import side

TRIALS = int(os.environ.get("KOHORT_TRIALS", "60"))
KERNELS, XLA = "kernels", "XLA alone"


def search(native: dict[str, str]) -> dict[str, Any]:
    """Seconds of the process, and what it found."""
    with tempfile.TemporaryDirectory() as cold:
        out = Path(cold, "run")
        known = {name: value for name, value in os.environ.items() if name != "KOHORT_NATIVE"}
        environment = {**known, "KERAS_BACKEND": "jax", "KOHORT_CACHE": cold, **native}
        command = [str(Path(sys.executable).with_name("kohort")), "search", str(side.CALIFORNIA)]
        command += ["--target", "MedHouseVal", "--trials", str(TRIALS), "--out", str(out)]
        start = time.perf_counter()
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        seconds = time.perf_counter() - start
        found = json.loads((out / "run.json").read_text("utf-8"))
    return {"seconds": seconds, "trials": TRIALS, "cv_score": found["cv_score"]}


def compare() -> dict[str, Any]:
    """Run both sides and relate them."""
    sides = {KERNELS: search({}), XLA: search({"KOHORT_NATIVE": "off"})}
    return {
        "title": f"`kohort search` on California housing, default space, {TRIALS} trials",
        "sides": sides,
        "ratios": {XLA: sides[XLA]["seconds"] / sides[KERNELS]["seconds"]},
        "wanted": {XLA: "no figure given"},
    }
