"""Silence about single fits of a search, whose statuses its results tell."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from sklearn.exceptions import FitFailedWarning

from kohort.errors import DivergedWarning


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings about single fits: the leaderboard reports their statuses."""
    with warnings.catch_warnings():
        for category in (DivergedWarning, FitFailedWarning):
            warnings.simplefilter("ignore", category)
        for message in (
            "One or more of the test scores are non-finite",
            "The least populated class",
            "The total space of parameters",
        ):
            warnings.filterwarnings("ignore", message=message)
        yield
