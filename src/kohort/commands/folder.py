"""The folder that a command writes, and the line about it when it is interrupted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kohort.report.run_folder import FITS, new_folder
from kohort.scratch import holds_files
from kohort_command import interruption

_GOES_ON = "fits that have ended are kept, and the same command goes on from there"


@contextmanager
def run_folder(out: Path, overwrite: bool, read: list[Path | None]) -> Iterator[Path]:
    """A new folder for a run; an interruption prints a line about its content."""
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
