"""A progress bar over a census: fits done, training and waiting, and the time left."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from kohort.engine.executors.base import Census


def describe(census: Census) -> str:
    """The census in words.

    Examples
    --------
    >>> describe(Census(submitted=300, training=12, ended=88, stopped_early=40, diverged=2))
    '88 of 300 fits, 12 training, 200 waiting, 40 stopped early, 2 diverged'
    """
    words = (
        f"{census.ended} of {census.submitted} fits, {census.training} training, "
        f"{census.waiting} waiting, {census.stopped_early} stopped early"
    )
    return words + (f", {census.diverged} diverged" if census.diverged else "")


class ProgressBar:
    """Shows a census on the error stream, a few times a second, while a block runs.

    Parameters
    ----------
    census : callable
        Gives the current numbers.
    shown : bool
        Without it the bar does nothing.
    """

    def __init__(self, census: Callable[[], Census], shown: bool) -> None:
        self._census, self._shown = census, shown
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> ProgressBar:
        if self._shown:
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *details: Any) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as bar:
            task = bar.add_task("", total=None)
            while True:
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
                if last:
                    return
