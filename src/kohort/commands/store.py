"""`kohort store`: the content of a store of fits."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from kohort.engine.folder_store import MARK, FolderStore
from kohort.errors import DataError, explain
from kohort.report.run_folder import FITS

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="A store, or the folder of a search.")
]
Prune = Annotated[
    int | None,
    typer.Option(metavar="BYTES", help="Remove the fits used longest ago, down to this size."),
]
Verify = Annotated[bool, typer.Option("--verify", help="Read every fit; remove what is damaged.")]


def store(folder: Folder, prune: Prune = None, verify: Verify = False) -> None:
    """Show what a store of fits holds; prune it, or look for damage."""
    found = _opened(folder)
    if prune is not None:
        removed = found.prune(prune)
        print(f"Removed: {len(removed)} fits, {sum(entry.size for entry in removed):,} bytes")
    if verify:
        print(f"Damaged, removed: {len(found.verify())} fits")
    entries = list(found.entries())
    size = sum(entry.size for entry in entries)
    print(f"Store: {found.folder}")
    print(f"Fits: {len(entries)}, {size:,} bytes of at most {found.limit:,}")
    if entries:
        times = [datetime.fromtimestamp(entry.used).astimezone() for entry in entries]
        first, last = (f"{when(times):%Y-%m-%d %H:%M}" for when in (min, max))
        print(f"Last used: from {first} to {last}")


def _opened(folder: Path) -> FolderStore:
    """The store that a folder is, or that the folder of a search holds; none is made."""
    for path in (folder, folder / FITS):
        if (path / MARK).is_file():
            return FolderStore(path)
    requirement = "a store of fits, or a folder that `kohort search --out` wrote"
    raise DataError(explain("FOLDER", requirement, str(folder), "It has no store."))
