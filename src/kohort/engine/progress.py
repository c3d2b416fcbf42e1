"""Progress over a census: fits done, training and waiting, and the time left."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from kohort.engine.executors.base import Census


def describe(census: Census) -> str:
    """The census in words.

    Examples
    --------
    >>> describe(Census(submitted=300, training=12, ended=88, stopped_early=40, diverged=2))
    '88 of 300 fits, 12 training, 200 waiting, 40 stopped early, 2 diverged'
    >>> describe(Census(submitted=30, ended=30, paused=20))
    '30 of 30 fits, 0 training, 0 waiting, 0 stopped early, 20 paused'
    """
    words = (
        f"{census.ended} of {census.submitted} fits, {census.training} training, "
        f"{census.waiting} waiting, {census.stopped_early} stopped early"
    )
    more = {
        "diverged": census.diverged,
        "paused": census.paused,
        "found in the store": census.found,
    }
    return words + "".join(f", {count} {name}" for name, count in more.items() if count)


class Lines:
    """Tells when a line is due where there is no terminal, and what it says.

    One at the start, one at the end, and between them one each 30 seconds and each tenth of the
    fits, but never two within a second.

    Examples
    --------
    >>> lines = Lines()
    >>> lines.due(Census(submitted=20, training=2), 0.0)
    '[0:00] 0 of 20 fits, 2 training, 18 waiting, 0 stopped early'
    >>> lines.due(Census(submitted=20, training=2, ended=1, progress=1.5), 25.0)
    >>> lines.due(Census(submitted=20, training=2, ended=1, progress=1.5), 30.0)
    '[0:30] 1 of 20 fits, 2 training, 17 waiting, 0 stopped early; about 6:10 left'
    """

    _EACH, _PAUSE = 30.0, 1.0  # Seconds.

    def __init__(self) -> None:
        self._told: float | None = None
        self._tenths = 0

    def due(self, census: Census, seconds: float, last: bool = False) -> str | None:
        """The line that is due this number of seconds after the start; None if none is."""
        if not census.submitted:
            return None
        share = census.progress / census.submitted
        since = self._EACH if self._told is None else seconds - self._told
        further = int(10 * share) > self._tenths and since >= self._PAUSE
        if not (last or further or since >= self._EACH):
            return None
        self._told, self._tenths = seconds, int(10 * share)
        left = f"; about {_clock(seconds * (1 - share) / share)} left" if 0 < share < 1 else ""
        return f"[{_clock(seconds)}] {describe(census)}{'' if last else left}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Progress:
    """Shows a census on the error stream while a block runs: a bar, a few times a second, on a
    terminal; a line now and then elsewhere.

    Parameters
    ----------
    census : callable
        Gives the current numbers.
    shown : bool
        Without it nothing is shown.
    """

    def __init__(self, census: Callable[[], Census], shown: bool) -> None:
        self._census, self._shown = census, shown
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Progress:
        if self._shown:
            watch = self._draw if sys.stderr.isatty() else self._tell
            self._thread = threading.Thread(target=watch, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _tell(self) -> None:
        lines, begin, last = Lines(), time.monotonic(), False
        while not last:
            last = self._ended.wait(0.2)
            line = lines.due(self._census(), time.monotonic() - begin, last)
            if line is not None:
                print(line, file=sys.stderr, flush=True)

    def _draw(self) -> None:
        from rich import progress
        from rich.console import Console

        columns = (
            progress.BarColumn(),
            progress.TextColumn("{task.description}"),
            progress.TimeRemainingColumn(),
        )
        with progress.Progress(*columns, console=Console(stderr=True), auto_refresh=False) as bar:
            task = bar.add_task("", total=None)
            last = False
            while not last:
                last = self._ended.wait(0.2)
                census = self._census()
                if census.submitted:
                    bar.update(
                        task,
                        description=describe(census),
                        completed=census.progress,
                        total=census.submitted,
                    )
                    bar.refresh()
