"""Fits, and scorings, that failed for one reason are told of once, in a line.

scikit-learn tells of a failed fit by its traceback, as text: that of its searches and of
`cross_validate` comes back in a task's result under the private name `fit_error` (scikit-learn 1.7
to 1.9) and is counted if the text is the same, or listed; a scoring that failed is a warning each.
"""

from __future__ import annotations

import re
import sysconfig
import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import dropwhile
from pathlib import Path
from typing import Any, TextIO

_FIT_ERROR = "fit_error"
_SCORING = "Scoring failed."
_SET_TO = re.compile(r"will be set to (.+)\. Details:")
_FRAME = re.compile(r'^  File "(.+)", line (\d+), in (.+)$', re.MULTILINE)
_HEAD = "Traceback (most recent call last):\n"
_CHAINED = "\n\n"  # Between an error and one that it led to.
_MOST = 500
_LIBRARIES = ("site-packages", "dist-packages")
_OWN = str(Path(__file__).parents[1])
_STANDARD = sysconfig.get_paths()["stdlib"]


class Failures:
    """The failures in the tasks of one call, by reason.

    Errors of one type that were raised at one place, by the same lines, have one reason, whatever
    numbers stand in their messages; the first message stands for all.
    """

    def __init__(self) -> None:
        self._first: dict[tuple[str, ...], str] = {}
        self._scorings: Counter[tuple[str, str]] = Counter()

    def reason(self, traceback: str) -> str:
        r"""A line that says why something failed: type, message and place of the first such error.

        Examples
        --------
        >>> Failures().reason('  File "a.py", line 3, in f\nValueError: no\n')
        'ValueError: no (line 3 of a.py, in f)'
        """
        message = _message(traceback)
        frames = (":".join(frame) for frame in _FRAME.findall(traceback))
        key = message.partition(":")[0], *frames
        return self._first.setdefault(key, message + _place(traceback))

    def watched(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """The same function; warnings of it that a scoring failed are counted instead of shown."""
        return partial(self._run, function)

    def _run(self, function: Callable[[], Any]) -> Any:
        with warnings.catch_warnings():
            show = warnings.showwarning

            def count(
                message: Warning | str,
                category: type[Warning],
                filename: str,
                lineno: int,
                file: TextIO | None = None,
                line: str | None = None,
            ) -> None:
                text = str(message)
                if text.startswith(_SCORING) and (score := _SET_TO.search(text)):
                    self._scorings[score[1], self.reason(text)] += 1
                else:
                    show(message, category, filename, lineno, file, line)

            warnings.showwarning = count
            return function()

    def told_once(self, results: Any) -> Any:
        """The results of a task, with a line in the place of each traceback."""
        for result in results if isinstance(results, list) else ():
            if isinstance(result, dict) and isinstance(result.get(_FIT_ERROR), str):
                result[_FIT_ERROR] = self.reason(result[_FIT_ERROR])
        return results

    def warn(self) -> None:
        """Warn of the scorings that have failed since, one warning for each reason."""
        scorings, self._scorings = self._scorings, Counter()
        for (score, reason), count in scorings.items():
            others = f"\nSo it was on {count} partitions in all." if count > 1 else ""
            warnings.warn(
                f"{_SCORING} The score on this train-test partition for these parameters will be "
                f"set to {score}. Details: \n{reason}{others}",
                UserWarning,
                stacklevel=2,
            )


def _message(traceback: str) -> str:
    """Type and message of the last error of a traceback, in a line."""
    lines = traceback.rpartition(_HEAD)[2].strip("\n").splitlines()
    behind = list(dropwhile(lambda line: line.startswith("  "), lines)) or lines[-1:]
    name, colon, rest = " ".join(" ".join(behind).split()).partition(":")
    text = name.rpartition(".")[2] + colon + rest
    return text if len(text) <= _MOST else f"{text[:_MOST]}..."


def _place(traceback: str) -> str:
    """The innermost line of the user's own that the first error of a traceback passed through."""
    for path, number, function in reversed(_FRAME.findall(traceback.split(_CHAINED)[0])):
        own = path.startswith((_OWN, _STANDARD)) or any(part in path for part in _LIBRARIES)
        if not own:
            return f" (line {number} of {Path(path).name}, in {function})"
    return ""
