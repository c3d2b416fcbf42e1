"""The command line: parse, call, print.

Large packages are imported in the commands, after a look at what is given: mistakes show at once.
"""

from __future__ import annotations

import math
import shlex
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kohort._version import VERSION
from kohort.data.csv_files import CsvFormat
from kohort.errors import DivergedWarning, KohortError, ParameterError, explain, shown
from kohort.report.masking import masked
from kohort.report.run_folder import (
    FITS,
    PROGRESS,
    has_died,
    mark,
    new_folder,
    refuse_occupied,
    write_file,
)
from kohort.report.store_command import store
from kohort.scratch import holds_files
from kohort.searches.problems.model_description import read_description, refuse_untrusted
from kohort.searches.problems.opening import opened, refuse_missing
from kohort.searches.space_files import check_method, space_entries
from kohort_command import interruption

if TYPE_CHECKING:
    from kohort.engine.executors.base import Executor
    from kohort.report.trackers.tracker import Tracker
    from kohort.searches.problems.problem import Problem
    from kohort.searches.problems.problem_search import Plan, SearchResult

app = typer.Typer(
    help="Train every fit of a hyperparameter search as a member of one compiled program.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Markup would take "[default: 50]" for a style.
)

Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA", help="CSV or Parquet file, or folder with a sub-folder of images per class."
    ),
]
Target = Annotated[str | None, typer.Option(help="Column to predict; for tables.")]
Task = Annotated[str, typer.Option(help="auto, classification or regression.")]
Seed = Annotated[int, typer.Option(help="Fixes everything that is random.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Parameter of the network; repeatable."),
]
Encoding = Annotated[
    str | None, typer.Option(help="Of a table of text, such as cp949. [default: found]")
]
Separator = Annotated[
    str | None, typer.Option(help="Of a table of text, such as ; or tab. [default: found]")
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a search.")]
Language = Annotated[str, typer.Option(help="en or ko, to begin with.")]
Track = Annotated[
    list[str] | None,
    typer.Option(metavar="KIND:PLACE", help="tensorboard:DIR, mlflow:URI, optuna:URL; repeatable."),
]
Ray = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Cluster: auto, HOST:PORT, local.")
]
Fraction = Annotated[float, typer.Option(help="Share of rows to test the winner on; 0 for none.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a folder that exists.")]


def main() -> None:
    """Run the command line; an interruption ends with one line and exit code 130 or 143."""
    with interruption:
        run()


def run() -> None:
    """Run the command line; bad input ends with one line and exit code 2."""
    try:
        app()
    except (KohortError, ValueError, ImportError) as error:
        message = " ".join(str(error).split())
        print(f"Error: {message}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # A name that is too long, for one.
        place = "" if error.filename is None else f"{shown(error.filename)}: "
        print(f"Error: {place}{error.strerror or error}. Give another path.", file=sys.stderr)
        sys.exit(2)


_GOES_ON = "fits that have ended are kept, and the same command goes on from there"


@contextmanager
def _run_folder(out: Path, overwrite: bool, read: list[Path | None]) -> Iterator[Path]:
    """A new folder for a run; an interruption tells what became of it."""
    earlier = ", where the earlier run is as it was" if out.is_dir() else ""
    interruption.kept = f"nothing was written to {str(out)!r}{earlier}"
    with new_folder(out, overwrite, read) as folder:
        try:
            yield folder
        except BaseException as error:
            if holds_files(folder / FITS):
                interruption.kept += f"; {_GOES_ON}"
                if isinstance(error, Exception):
                    print(f"{_GOES_ON[0].upper()}{_GOES_ON[1:]}.", file=sys.stderr)
            raise
    interruption.kept = f"{str(out)!r} is written and complete"


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"kohort {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    pass


@app.command()
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
    trials: Annotated[
        int | None,
        typer.Option(help="Candidates, but of a grid. [default: 50, for images 20]"),
    ] = None,
    cv: Annotated[int | None, typer.Option(help="Folds. [default: 5, for images 3]")] = None,
    seed: Seed = 0,
    test_fraction: Fraction = 0.2,
    settings: Settings = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the results.")] = None,
    overwrite: Overwrite = False,
    track: Track = None,
    ray: Ray = None,
) -> None:
    """Search for the best network for a table or for images."""
    started = time.perf_counter()
    file = opened(data, target, task, CsvFormat(encoding, separator))
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
    )
    trackers, executor = _trackers(track or []), None if ray is None else RayExecutor(ray)
    if out is None:
        result = search_problem(problem, plan, True, announced(problem, plan), executor=executor)
    else:
        with _run_folder(out, overwrite, [data, space]) as folder:
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
    """Search, telling `kohort watch` how far it is, and write what was found."""
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


@app.command()
def fit(
    data: Data,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the model.")],
    target: Target = None,
    task: Task = "auto",
    encoding: Encoding = None,
    separator: Separator = None,
    settings: Settings = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Train one network on a table or on images."""
    file = opened(data, target, task, CsvFormat(encoding, separator))
    refuse_occupied(out, overwrite, [data])
    from kohort.report.summary import print_about
    from kohort.searches.ending import end_of
    from kohort.searches.problems.sources import read_problem

    problem, values = read_problem(data, file, target, task, settings or [], seed)
    with _run_folder(out, overwrite, [data]) as folder:
        network = problem.network(values, seed)
        print_about(problem)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DivergedWarning)  # The status below says it.
            network.fit(problem.X, problem.labels)
        model = problem.kept(network)
        model.save(folder)
    end = end_of(model.estimator)
    logs = ", ".join(f"{name} {value:.4g}" for name, value in end.logs.items())
    print(f"{end.status} after {end.epochs} epochs; best epoch: {logs}")
    print(f"Written: {out}")


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a search or a fit.")],
    data: Annotated[
        list[Path],
        typer.Argument(metavar="DATA...", help="A table; or image files, or folders with some."),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Instead of the standard output.")
    ] = None,
    encoding: Encoding = None,
    separator: Separator = None,
    proba: Annotated[bool, typer.Option("--proba", help="Probability of each class.")] = False,
    trusted: Annotated[
        bool, typer.Option("--trusted", help="You know who wrote MODEL: it holds a pickle.")
    ] = False,
) -> None:
    """Predict the target of a table's rows or the class of images, as CSV."""
    read_description(model, ("task",))
    refuse_untrusted(model, trusted)
    refuse_missing(data)
    form = CsvFormat(encoding, separator)
    from kohort.report.csv_text import csv_text
    from kohort.searches.problems.sources import load_model

    predictions = load_model(model, trusted).predictions(data, proba, form)
    text = csv_text(predictions)
    if out is None:
        sys.stdout.write(text)
    else:
        write_file(out, text)


@app.command()
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
    file = opened(data, target, task, CsvFormat(encoding, separator))
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


@app.command()
def report(
    run: Run,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="The page to write. [default: RUN/report.html]"),
    ] = None,
    language: Language = "en",
) -> None:
    """Make one page about a search: an HTML file that needs no server."""
    died = has_died(run)
    from kohort.report.search_report import search_report

    path = out or (run.with_name(f"{run.name}.html") if died else run / "report.html")
    search_report(run, path, language)
    if out is None and not died:
        mark(run, [path.name])
    print(f"Written: {path}")


@app.command()
def watch(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The --out of a search.")],
    port: Annotated[int, typer.Option(help="0 takes any that is free.")] = 0,
    language: Language = "en",
) -> None:
    """Show a search in the browser while it runs; only this machine can see it."""
    from kohort.report.page_server import HOST
    from kohort.report.watching import server

    with server(run, port, language) as answering, suppress(KeyboardInterrupt):
        print(f"Open http://{HOST}:{answering.server_port}/ (Ctrl-C ends)", flush=True)
        answering.serve_forever()


app.command()(store)


@app.command()
def doctor() -> None:
    """Say what trains here, and what to do about what is missing."""
    from kohort.report.installation import show_versions

    show_versions()


if __name__ == "__main__":
    main()
