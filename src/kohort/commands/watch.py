"""`kohort watch`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from kohort.commands.options import Language


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
