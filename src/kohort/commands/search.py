"""`kohort search`."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kohort.commands.folder import run_folder
from kohort.commands.options import (
    Data,
    Encoding,
    Ensemble,
    Fraction,
    Overwrite,
    Ray,
    Seed,
    Separator,
    Settings,
    Target,
    Task,
    Track,
    Trials,
)
from kohort.data.csv_files import CsvFormat
from kohort.errors import ParameterError, explain
from kohort.report.masking import masked
from kohort.report.run_folder import FITS, PROGRESS, refuse_occupied
from kohort.searches.problems.opening import opened
from kohort.searches.space_files import check_method, space_entries

if TYPE_CHECKING:
    from kohort.engine.executors.base import Executor
    from kohort.report.trackers.tracker import Tracker
    from kohort.searches.problems.problem import Problem
    from kohort.searches.problems.problem_search import Plan, SearchResult


def search(
    data: Data,
    target: Target = None,
    task: Task = "auto",
    encoding: Encoding = None,
    separator: Separator = None,
    space: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Parameters to search.")
    ] = None,
    method: Annotated[str, typer.Option(help="random, grid or adaptive.")] = "random",
    trials: Trials = None,
    cv: Annotated[int | None, typer.Option(help="Folds. [default: 5, for images 3]")] = None,
    seed: Seed = 0,
    test_fraction: Fraction = 0.2,
    settings: Settings = None,
    ensemble: Ensemble = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the results.")] = None,
    overwrite: Overwrite = False,
    track: Track = None,
    ray: Ray = None,
) -> None:
    """Search for the best network for a table or for images."""
    started = time.perf_counter()
    file = opened(data, target, task, CsvFormat(encoding, separator), settings or [])
    _refuse_mistakes(data, space, method, trials, out, overwrite)
    from kohort.engine.executors.ray import RayExecutor
    from kohort.report.summary import announced, print_search
    from kohort.report.trackers.tracker import log_to_all
    from kohort.searches.problems.problem_search import Plan, search_problem
    from kohort.searches.problems.sources import read_problem
    from kohort.searches.spaces import default_space, read_space

    problem, values = read_problem(data, file, target, task, settings or [], seed)
    plan = Plan(
        space=default_space(method, problem.parameters, values)
        if space is None
        else read_space(space, problem.parameters, method),
        method=method,
        trials=problem.trials if trials is None else trials,
        cv=problem.folds if cv is None else cv,
        seed=seed,
        test_fraction=test_fraction,
        settings=values,
        ensemble=ensemble,
    )
    trackers, executor = _trackers(track or []), None if ray is None else RayExecutor(ray)
    if out is None:
        result = search_problem(problem, plan, True, announced(problem, plan), executor=executor)
    else:
        with run_folder(out, overwrite, [data, space]) as folder:
            source = {"path": str(data), **problem.about, "target": target}
            result = _recorded_search(problem, plan, folder, source, executor)
    print_search(result, time.perf_counter() - started, out)
    for line in log_to_all(result.search, trackers):
        print(line)
    if result.model is None:
        raise typer.Exit(1)


def _recorded_search(
    problem: Problem, plan: Plan, folder: Path, source: dict[str, Any], executor: Executor | None
) -> SearchResult:
    """Search, telling `kohort watch` how far it is, and write the results."""
    from kohort.report.description import describe_plan
    from kohort.report.progress_file import recording
    from kohort.report.results import write_search
    from kohort.report.summary import announced
    from kohort.searches.problems.problem_search import search_problem

    command = shlex.join(["kohort", *map(masked, sys.argv[1:])])
    known = describe_plan(plan, problem.task, source, command)
    with recording(folder / PROGRESS, known) as follow:
        begun = announced(problem, plan, follow)
        result = search_problem(problem, plan, True, begun, folder / FITS, executor)
        write_search(result, folder, known)
    return result


def _refuse_mistakes(
    data: Path,
    space: Path | None,
    method: str,
    trials: int | None,
    out: Path | None,
    overwrite: bool,
) -> None:
    check_method(method)
    if space is not None:
        space_entries(space)
    if out is not None:
        refuse_occupied(out, overwrite, [data, space])
    if trials is not None and method == "grid":
        raise ParameterError(
            explain("trials", "left out when method is 'grid'", trials, "A grid tries every point.")
        )


def _trackers(given: list[str]) -> list[Tracker]:
    """Trackers that can be written to, of texts such as `"optuna:sqlite:///trials.db"`."""
    from kohort.report.trackers.mlflow import MLflowTracker
    from kohort.report.trackers.optuna import OptunaTracker
    from kohort.report.trackers.tensorboard import TensorBoardTracker
    from kohort.report.trackers.tracker import checked_trackers

    kinds = {"tensorboard": TensorBoardTracker, "mlflow": MLflowTracker, "optuna": OptunaTracker}
    return checked_trackers(given, kinds)
