"""The page of a run while it runs, served to this machine alone."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any

from kohort.errors import DataError, ParameterError, explain
from kohort.recipe.constraints import Interval, check
from kohort.report.page.assembly import check_language, page
from kohort.report.page.facts import facts, facts_of
from kohort.report.page.running import running
from kohort.report.page_server import HOST, PageRequest, PageServer
from kohort.report.progress_file import ProgressReader
from kohort.report.run_folder import PROGRESS
from kohort.scratch import hidden_siblings

_SILENCE = 10.0  # Seconds after which a run that says nothing may have ended.


class Watch:
    """Follows a run: first the progress of a search, then its results.

    Parameters
    ----------
    run : path
        The folder given to `kohort search --out`; it need not exist yet.
    """

    def __init__(self, run: Path) -> None:
        self._run = Path(os.path.realpath(run))
        self._lock = threading.Lock()
        self._reader: ProgressReader | None = None
        self._told: tuple[Any, ...] | None = None
        self._facts: dict[str, Any] = {}

    def check(self) -> None:
        """Raise `DataError` if the run has ended and its results cannot be read."""
        if self._look()[0] == "ended":
            facts_of(self._run)

    def news(self) -> tuple[dict[str, Any], str]:
        """The content of the page, and a version that changes with it.

        If a file cannot be read, `live` has the state `"broken"` and a `reason` in words.
        """
        with self._lock:
            state, version = self._look()
            if version != self._told:
                self._facts, self._told = self._read(state), version
            return self._facts, sha256(repr(version).encode()).hexdigest()[:16]

    def _look(self) -> tuple[str, tuple[Any, ...]]:
        """Whether the search runs, has ended, or is not to be seen; and what would change that."""
        progress, age = self._progress()
        if not (progress and age < _SILENCE):
            with suppress(OSError):
                return "ended", ("ended", (self._run / "run.json").stat().st_mtime_ns)
        if progress and (self._reader is None or self._reader.path != progress):
            self._reader = ProgressReader(progress)
        if self._reader is None:
            return "missing", ("missing",)
        with suppress(OSError):  # It has just been given its name, or been removed.
            self._reader.advance()
        state = "running" if progress and age < _SILENCE else "silent"
        return state, (state, self._reader.path, self._reader.read, self._reader.fault)

    def _progress(self) -> tuple[Path | None, float]:
        """The latest progress file of the run, and the seconds since it was touched.

        A run's folder is a hidden sibling until the search has ended; see `new_folder`.
        """
        found = []
        for path in (folder / PROGRESS for folder in hidden_siblings(self._run)):
            try:
                found.append((path.stat().st_mtime, path))
            except OSError:  # It has just been given its name, or been removed.
                continue
        if not found:
            return None, 0.0
        touched, path = max(found)
        return path, time.time() - touched

    def _read(self, state: str) -> dict[str, Any]:
        reader = self._reader or ProgressReader(self._run)
        known = reader.description, reader.fits, reader.census
        path = self._run if state == "ended" else reader.path
        try:
            if state == "ended":
                return facts_of(self._run)
            if not reader.fault:
                return facts(running(*known, state))
            return _broken(facts(running(*known, "broken")), reader.fault)
        except DataError as error:
            reason = str(error).rstrip(".")
        except Exception:  # A damaged file can fail anywhere; it is the file's fault.
            reason = f"{str(path)!r} holds what no search writes"
        return _broken(facts(running({}, [], {}, "broken")), reason)


def _broken(found: dict[str, Any], reason: str) -> dict[str, Any]:
    """Facts of a run that cannot be read any further, with the reason."""
    return {**found, "live": {**found["live"], "reason": reason}}


def server(run: str | Path, port: int = 0, language: str = "en") -> PageServer:
    """A server of a run's page, bound to 127.0.0.1; it answers reading requests alone.

    Parameters
    ----------
    run : str or path
        The folder given to `kohort search --out`; it need not exist yet.
    port : int, default=0
        In [0, 65535]; 0 takes one that is free.
    language : {"en", "ko"}, default="en"

    Returns
    -------
    PageServer
        `serve_forever()` serves, `server_port` is the port.

    Raises
    ------
    ParameterError
        If the port is out of range or in use, or the language is unknown.
    DataError
        If the run has ended and its results cannot be read.
    """
    check("port", port, Interval(0, 65535, closed="both", whole=True))
    check_language(language)
    _refuse_impossible(Path(run))
    watch = Watch(Path(run))
    watch.check()
    page(watch.news()[0], language, served=True)  # Fails now, not at the first visit.

    class Answers(_Answers):
        pass

    Answers.news, Answers.language = watch.news, language
    try:
        return PageServer(port, Answers)
    except OSError as error:
        raise ParameterError(
            explain("port", "a free port", port, "Use --port 0 for any that is free.")
        ) from error


def _refuse_impossible(run: Path) -> None:
    """Raise `DataError` if nothing can ever be written to a path, such as one that is too long."""
    try:
        run.stat()
    except (FileNotFoundError, NotADirectoryError):
        return  # Not yet.
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        requirement = "a folder that a search may write"
        raise DataError(explain("RUN", requirement, str(run), f"{reason}.")) from error


class _Answers(PageRequest):
    """The page at `/` and what it shows, as JSON, at `/facts.json`."""

    news: Callable[[], tuple[dict[str, Any], str]]
    language: str
    server: PageServer

    def read(self) -> None:
        """Send the page, what it shows, or an error."""
        port = self.server.server_port
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            # A page of another site may have had its own name resolved to this machine.
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
        elif self.path == "/":
            text = page(self.news()[0], self.language, served=True)
            self._send(text, "text/html")
        elif self.path == "/facts.json":
            self._send_news()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _send_news(self) -> None:
        found, version = self.news()
        tag = f'"{version}"'
        if self.headers.get("If-None-Match") == tag:
            self.send_response(HTTPStatus.NOT_MODIFIED)
            self.end_headers()
            return
        text = json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        self._send(text, "application/json", tag)

    def _send(self, text: str, kind: str, tag: str = "") -> None:
        body = text.encode("utf-8")
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Content-Security-Policy", "frame-ancestors 'none'")
        if tag:
            self.send_header("ETag", tag)
        self.end_headers()
        self.wfile.write(body)
