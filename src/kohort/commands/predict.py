"""`kohort predict`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from kohort.commands.options import Encoding, Separator
from kohort.data.csv_files import CsvFormat
from kohort.report.run_folder import refuse_replacing, write_file
from kohort.searches.problems.model_description import read_description, refuse_untrusted
from kohort.searches.problems.opening import refuse_missing


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
    if out is not None:
        refuse_replacing(out, data, model)
    form = CsvFormat(encoding, separator)
    from kohort.report.csv_text import csv_text
    from kohort.searches.problems.sources import load_model

    predictions = load_model(model, trusted).predictions(data, proba, form)
    text = csv_text(predictions)
    if out is None:
        sys.stdout.write(text)
    else:
        write_file(out, text)
