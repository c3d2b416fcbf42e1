"""How far a search has come, in a file that grows by lines: a killed process leaves it readable."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kohort.cohort.cohort import Cohort
from kohort.cohort.record import Record
from kohort.searches.problems.problem_search import without_prefix

_PAUSE = 0.5  # Seconds between two lines.


class ProgressWriter:
    """Appends what is new about the fits of a search.

    Each line is a JSON object: the first is the search's description, the others have `census` and
    `fits`, pairs of a fit's number and what is new about it: `parameters`, `history` (values of
    further epochs), `status`, `best_epoch`.

    Parameters
    ----------
    path : path
        Must not exist.
    description : dict
        Plain values; the parameters in its `space` are recorded of each fit.
    """

    def __init__(self, path: Path, description: dict[str, Any]) -> None:
        self._path = path
        self._names = set(description["space"])
        self._told: list[tuple[int, str]] = []
        self._append(description)

    def write(self, records: Sequence[Record], census: dict[str, Any]) -> None:
        """Append a line if anything has happened; otherwise only touch the file.

        Fits without parameters, which pretrain others, are left out.
        """
        news = [
            [number, new]
            for number, record in enumerate(fit for fit in list(records) if fit.parameters)
            if (new := self._news(number, record))
        ]
        if news:
            self._append({"census": census, "fits": news})
        else:
            os.utime(self._path)

    def _news(self, number: int, record: Record) -> dict[str, Any]:
        new: dict[str, Any] = {}
        if number == len(self._told):
            parameters = without_prefix(record.parameters)
            new["parameters"] = {n: v for n, v in parameters.items() if n in self._names}
            self._told.append((0, ""))
        known, status = self._told[number]
        now = record.status  # Before the history, which is complete once this says that it is.
        history = {name: values[:] for name, values in list(record.history.items())}
        epochs = min(map(len, history.values()), default=0)
        if epochs > known:
            new["history"] = {name: values[known:epochs] for name, values in history.items()}
        if now != status:
            new |= {"status": now, "best_epoch": record.best_epoch}
        self._told[number] = (max(known, epochs), now)
        return new

    def _append(self, line: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")


@contextmanager
def recording(
    path: Path, description: dict[str, Any]
) -> Iterator[Callable[[Cohort], AbstractContextManager[object]]]:
    """Write twice a second, while the block runs, how far a search has come.

    The file is removed when the block has ended well. A disk that is full ends the record, not
    the search.

    Parameters
    ----------
    path : path
        Must not exist.
    description : dict
        The facts known when the search starts.

    Yields
    ------
    callable
        The search's cohort is given to it as soon as there is one.
    """
    ended = threading.Event()
    cohorts: list[Cohort] = []

    def follow(cohort: Cohort) -> AbstractContextManager[object]:
        cohorts.append(cohort)
        return nullcontext()

    def keep() -> None:
        with suppress(OSError):
            writer = ProgressWriter(path, description)
            while not ended.wait(_PAUSE):
                for cohort in cohorts[:1]:
                    writer.write(cohort.record, asdict(cohort.census()))

    thread = threading.Thread(target=keep, name="kohort-progress", daemon=True)
    thread.start()
    try:
        yield follow
    finally:
        ended.set()
        thread.join()
    path.unlink(missing_ok=True)


@dataclass
class ProgressReader:
    """Reads such a file as it grows.

    Attributes
    ----------
    path : path
    description : dict
        Empty before the file has a complete line.
    census : dict
    fits : list of Record
        In the order in which the search asked for them; parameters are the searched ones.
    read : int
        Bytes of the file that were taken in.
    fault : str
        Why the file cannot be read any further, if so.
    """

    path: Path
    description: dict[str, Any] = field(default_factory=dict)
    census: dict[str, Any] = field(default_factory=dict)
    fits: list[Record] = field(default_factory=list)
    read: int = 0
    fault: str = ""
    _lines: int = 0

    def advance(self) -> bool:
        """Take in the lines that are complete and new; whether there were any.

        A line that cannot be read is the last: what it is about is missing from then on.

        Raises
        ------
        OSError
            If the file has gone.
        """
        if self.fault:
            return False
        with self.path.open("rb") as file:
            file.seek(self.read)
            text = file.read()
        complete = text[: text.rfind(b"\n") + 1]
        self.read += len(complete)
        for line in complete.split(b"\n")[:-1]:
            self._lines += 1
            try:
                self._take(json.loads(line.decode("utf-8")))
            except Exception:  # A damaged line can fail anywhere; it is the line's fault.
                self.fault = f"line {self._lines} of {str(self.path)!r} is damaged"
                break
        return bool(complete)

    def _take(self, line: dict[str, Any]) -> None:
        if not isinstance(line, dict):
            raise TypeError(f"a line is an object, not {line!r}")
        if not self.description:
            self.description = line
            return
        self.census = line["census"]
        for number, new in line["fits"]:
            if number == len(self.fits):
                self.fits.append(Record(new["parameters"]))
            fit = self.fits[number]
            for name, values in new.get("history", {}).items():
                fit.history.setdefault(name, []).extend(values)
            fit.status = new.get("status", fit.status)
            fit.best_epoch = new.get("best_epoch", fit.best_epoch)
