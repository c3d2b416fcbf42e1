"""The sentence that says, when a search's refit diverges, where the search's results stay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from kohort.cohort.session import current
from kohort.cohort.tasks import current_task

_KEPT: ContextVar[str] = ContextVar("kept", default="")


@contextmanager
def keeping() -> Iterator[None]:
    """Forget at the end of the block what `keep` has noted in it."""
    token = _KEPT.set("")
    try:
        yield
    finally:
        _KEPT.reset(token)


def keep(sentence: str) -> None:
    """Note where results stay that the fits to come, of the calling task, cannot take away."""
    _KEPT.set(sentence)


def kept() -> str:
    """The sentence that `keep` has noted, after a space; empty if there is none."""
    return f" {noted}" if (noted := _KEPT.get()) else ""


def kept_after_error() -> str:
    """The same; where nothing was noted, what the open cohort knows of the fits before this one.

    scikit-learn's own searches keep nothing when their refit raises an error.
    """
    cohort = current()
    if _KEPT.get() or cohort is None or current_task() is not None or len(cohort.record) < 3:
        return kept()
    return (
        f" The learning curves of the {len(cohort.record) - 1} fits before it are kept in the "
        "`record` of the cohort that kohort.together() gives; kohort's own searches keep "
        "`cv_results_` too."
    )
