"""`kohort report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kohort.commands.options import Language, Run
from kohort.report.run_folder import has_died, mark, refuse_replacing


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
    if out is not None:
        refuse_replacing(out, [], run)
    from kohort.report.search_report import search_report

    path = out or (run.with_name(f"{run.name}.html") if died else run / "report.html")
    search_report(run, path, language)
    if out is None and not died:
        mark(run, [path.name])
    print(f"Written: {path}")
