"""Training from JPEG files: does the plan of workers hold, and does one pass feed a whole cohort?

The pictures are the cut-outs of Debian's package tuxpaint-stamps-default, written anew as JPEG in
two sizes. Each combination of images and network is planned for, then trained with every number of
workers for a while: the plan should be within one doubling of the best.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import debian, side

SMALL, LARGE, HUGE = (96, 96), (1024, 768), (2048, 1536)
FILES, FEW = 320, 160
LIGHT = {"architecture": "vgg", "depth": 1, "width": 4, "batch_norm": False}
HEAVY = {"architecture": "resnet", "depth": 1, "width": 16}
COMBINATIONS: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {
    "small images, heavy model": (SMALL, {**HEAVY, "image_size": (48, 48)}),
    "large images, light model": (LARGE, {**LIGHT, "image_size": (48, 48)}),
    "large images, heavy model": (LARGE, {**HEAVY, "image_size": (64, 64)}),
}
WORKERS = (0, 1, 2, 4)
SECONDS = 2.5
MEMBERS = 8


def photographs(folder: Path, size: tuple[int, int], count: int = FILES) -> list[str]:
    """JPEG files of one size, made of the package's pictures over and over."""
    from PIL import Image

    stamps = debian.fetch("tuxpaint-stamps-default", "animals").rglob("*.png")
    sources = sorted(stamps)
    paths = []
    for number in range(count):
        with Image.open(sources[number % len(sources)]) as opened:
            clear = opened.convert("RGBA").resize(size)
        white = Image.new("RGBA", size, "white")
        paths.append(str(folder / f"{number:04}.jpg"))
        Image.alpha_composite(white, clear).convert("RGB").save(paths[-1], quality=90)
    return paths


def _member(paths: list[str], options: dict[str, Any], workers: int) -> Any:
    import kohort

    model = kohort.ConvClassifier(**options, workers=workers, random_state=0, batch_size=32)
    (member,) = model.prepare(paths, np.arange(len(paths)) % 2).members
    return member


def combination(name: str) -> dict[str, Any]:
    """The plan, and the speed with every number of workers."""
    import jax

    import kohort
    from kohort.studies.throughput import training_speed

    size, options = COMBINATIONS[name]
    device = jax.local_devices()[0]
    with tempfile.TemporaryDirectory() as folder:
        paths = photographs(Path(folder), size)
        model = kohort.ConvClassifier(**options, random_state=0)
        start = time.perf_counter()
        plan = kohort.plan_workers(paths, 32, model)
        planned = time.perf_counter() - start
        swept = {
            workers: training_speed(_member(paths, options, workers), 1, [device], SECONDS)
            for workers in WORKERS
        }
    speeds = {workers: speed.rows_per_second for workers, speed in swept.items()}
    best = max(speeds, key=lambda workers: speeds[workers])
    return {
        "seconds": planned,
        "plan": plan.workers,
        "best": best,
        "speed_of_plan_over_best": speeds.get(plan.workers, 0.0) / speeds[best],
        "bottleneck": plan.bottleneck,
        "idle_of_plan": plan.idle,
        "idle_with_2": swept[2].idle,
        "rows_per_second": {str(workers): speed for workers, speed in speeds.items()},
        "idle": {str(workers): speed.idle for workers, speed in swept.items()},
        "table": plan.table.to_dict("records"),
    }


def cohort() -> dict[str, Any]:
    """An epoch of eight members against an epoch of one, where reading is the limit."""
    from dataclasses import replace

    from kohort.engine.executors.local import train

    options = {**LIGHT, "image_size": (16, 16), "epochs": 4}
    with tempfile.TemporaryDirectory() as folder:
        one = _member(photographs(Path(folder), HUGE, FEW), options, 2)

        def seconds(count: int) -> float:
            members = [replace(one) for _ in range(count)]
            start = time.perf_counter()
            train(members)
            return (time.perf_counter() - start) / 4

        seconds(1)
        pairs = [(seconds(1), seconds(MEMBERS)) for _ in range(3)]
    ratios = sorted(eight / alone for alone, eight in pairs)
    return {
        "seconds": min(eight for _, eight in pairs),
        "an_epoch_of_one": min(alone for alone, _ in pairs),
        "ratio": ratios[1],
        "ratios": {str(number): ratio for number, ratio in enumerate(ratios)},
    }


def compare() -> dict[str, Any]:
    """Every combination, each in a fresh process, and the cohort."""
    debian.fetch("tuxpaint-stamps-default", "animals")
    names = [*COMBINATIONS, "cohort"]
    sides = {name: side.run("benchmarks.streaming", name) for name in names}
    more = [
        f"One streamed epoch of {MEMBERS} members costs {sides['cohort']['ratio']:.2f} times one "
        "of a single member (wanted: at most 1.3).",
        "",
        "| images, network | workers | rows per second | idle |",
        "|---|---|---|---|",
    ]
    for name in COMBINATIONS:
        found = sides[name]
        more += [
            f"| {name} | {workers}{' (plan)' if int(workers) == found['plan'] else ''} | "
            f"{speed:.0f} | {found['idle'][workers]:.0%} |"
            for workers, speed in found["rows_per_second"].items()
        ]
    return {"title": "Training from JPEG files", "sides": sides, "more": more}


if __name__ == "__main__":
    chosen = sys.argv[1]
    print(json.dumps(cohort() if chosen == "cohort" else combination(chosen)))
