"""`kohort plan`."""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated

import typer

from kohort.commands.options import Data, Encoding, Seed, Separator, Settings, Target, Task
from kohort.data.csv_files import CsvFormat
from kohort.searches.problems.opening import opened


def plan(
    data: Data,
    target: Target = None,
    task: Task = "auto",
    encoding: Encoding = None,
    separator: Separator = None,
    settings: Settings = None,
    seed: Seed = 0,
    memory: Annotated[
        int | None, typer.Option(metavar="BYTES", help="Memory to use. [default: what is free]")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Time to measure for, in all.")] = 60.0,
) -> None:
    """Measure how to train: which batch size, and for images how many workers read them."""
    file = opened(data, target, task, CsvFormat(encoding, separator), settings or [])
    from kohort.recipe.constraints import Interval, check, optional
    from kohort.report.summary import print_about, print_plan
    from kohort.searches.problems.problem_plans import plans_of
    from kohort.searches.problems.sources import read_problem
    from kohort.studies.deadline import Deadline

    problem, values = read_problem(data, file, target, task, settings or [], seed)
    check("seconds", seconds, Interval(0, math.inf, "neither"))
    check("memory", memory, optional(Interval(1, math.inf, whole=True)))
    print_about(problem)
    tell = partial(print, flush=True)
    tell(f"Plan: measuring for {seconds:g} s in all, compiling included")
    for each in plans_of(problem, values, seed, Deadline(seconds), memory=memory, tell=tell):
        print_plan(each)
