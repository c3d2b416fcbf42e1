"""The command line: parse, call, print; each command is a file of its own.

Large packages are imported in the commands, after a look at what is given: mistakes show at once.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kohort._version import VERSION
from kohort.commands.doctor import doctor
from kohort.commands.fit import fit
from kohort.commands.lab import lab
from kohort.commands.plan import plan
from kohort.commands.predict import predict
from kohort.commands.report import report
from kohort.commands.search import search
from kohort.commands.store import store
from kohort.commands.watch import watch
from kohort.errors import KohortError, shown

app = typer.Typer(
    help="Train every candidate and fold of a hyperparameter search together, as one cohort.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Markup would take "[default: 50]" for a style.
)

for _command in (search, fit, predict, plan, report, watch, lab, store, doctor):  # As in the help.
    app.command()(_command)


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
