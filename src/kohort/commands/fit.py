"""`kohort fit`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from kohort.commands.folder import run_folder
from kohort.commands.options import (
    Data,
    Encoding,
    Overwrite,
    Seed,
    Separator,
    Settings,
    Target,
    Task,
)
from kohort.data.csv_files import CsvFormat
from kohort.errors import DivergedWarning
from kohort.report.run_folder import refuse_occupied
from kohort.searches.problems.opening import opened


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
    file = opened(data, target, task, CsvFormat(encoding, separator), settings or [])
    refuse_occupied(out, overwrite, [data])
    from kohort.report.summary import print_about
    from kohort.searches.ending import end_of
    from kohort.searches.problems.sources import read_problem

    problem, values = read_problem(data, file, target, task, settings or [], seed)
    with run_folder(out, overwrite, [data]) as folder:
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
