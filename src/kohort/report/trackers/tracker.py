"""`log_search`: a search that has ended, told to a tracker."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from kohort.arrays import Search
from kohort.cohort.cohort import Cohort
from kohort.errors import ParameterError, TrackerError, explain
from kohort.report.leaderboard import fits_of
from kohort.report.masking import masked, masked_text
from kohort.report.trials import Trials, trials_of

Kind = Callable[[str], "Tracker"]


class Tracker(ABC):
    """Somewhere to keep searches.

    Attributes
    ----------
    package : str
        The package that has to be installed; also the name of kohort's extra.
    """

    package: str
    _address: str = ""  # Shown by `place`, without its secrets.

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it keeps searches, for messages."""

    @abstractmethod
    def _open(self) -> Any:
        """Make ready to write; whatever is wrong shows here."""

    @abstractmethod
    def _write(self, trials: Trials) -> str:
        """Keep a search; by which name it can be found there."""

    def check(self) -> None:
        """Find out, before a search, whether the tracker can be written to.

        Raises
        ------
        TrackerError
            If its package is missing, or its folder, server or database cannot be used.
        """
        with self._explained("Choose another place, or leave the tracker out."):
            self._open()

    def log(self, trials: Trials) -> str:
        """Write a search to the tracker, as `log_search` does.

        Parameters
        ----------
        trials : Trials
            The candidates of the search with their parameters, scores and curves.

        Returns
        -------
        str
            The name under which the tracker keeps the search.
        """
        with self._explained("The search is unharmed; log it again with kohort.log_search."):
            return self._write(trials)

    @contextmanager
    def _explained(self, remedy: str) -> Iterator[None]:
        """Any failure inside as one sentence."""
        name = type(self).__name__
        if find_spec(self.package) is None:
            raise TrackerError(
                f"{name} needs the package {self.package}, which is not installed. "
                f'Run: pip install "kohort[{self.package}]"'
            )
        try:
            yield
        except TrackerError:
            raise
        except Exception as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            reason = masked_text((lines or [""])[0].rstrip("."), self._address)
            failure = TrackerError(
                f"{name} cannot write to {self.place}: {type(error).__name__}: {reason}. {remedy}"
            )
            is_open = masked_text(str(error), self._address) == str(error)
            raise failure from (error if is_open else None)  # A traceback shows the cause.


def log_search(search: Search, tracker: Tracker, cohort: Cohort | None = None) -> str:
    """Log a fitted search: every candidate with its parameters, scores, learning curves and status.

    Parameters
    ----------
    search : GridSearchCV, RandomizedSearchCV or one of the Halving searches
        A fitted search, kohort's or scikit-learn's own.
    tracker : TensorBoardTracker, MLflowTracker or OptunaTracker
        Where to write it.
    cohort : Cohort or None, default=None
        The cohort of the `kohort.together()` block in which a search of scikit-learn's own was
        fitted, and nothing else. Without it the log has the search's scores and parameters, but no
        learning curves and statuses. kohort's own searches do not need it.

    Returns
    -------
    str
        The tracker's name for the search: a folder, an MLflow run's ID, an Optuna study's name.

    Raises
    ------
    ParameterError
        If the search is not fitted, or the cohort is none or trained more than this search.
    TrackerError
        If the tracker cannot be written to. The search itself is unharmed.

    Examples
    --------
    >>> import tempfile, kohort
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import GridSearchCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> network = kohort.DenseRegressor(width=16, epochs=3, random_state=0)
    >>> with kohort.together() as cohort:
    ...     search = GridSearchCV(network, {"learning_rate": [1e-3, 1e-2]}, cv=2).fit(X, y)
    >>> folder = tempfile.mkdtemp()
    >>> kohort.log_search(search, kohort.TensorBoardTracker(folder), cohort) == folder
    True
    """
    if not hasattr(search, "cv_results_"):
        raise ParameterError(explain("search", "a search that is fitted", search, "Call fit."))
    if not isinstance(tracker, Tracker):
        known = "a tracker such as kohort.OptunaTracker()"
        raise ParameterError(explain("tracker", known, tracker))
    if not isinstance(cohort, Cohort | None):
        requirement = "the cohort of a block `with kohort.together() as cohort`, or None"
        raise ParameterError(explain("cohort", requirement, cohort))
    record = getattr(search, "cohort_record_", []) if cohort is None else cohort.record
    trained, wanted = sum(bool(fit.parameters) for fit in record), fits_of(search)
    if trained > wanted:
        raise ParameterError(
            explain(
                "cohort",
                f"that of a block with this search alone, of {wanted} fits",
                trained,
                "Give each search a block of its own.",
            )
        )
    return tracker.log(trials_of(search, record))


def checked_trackers(specifications: Sequence[str], kinds: Mapping[str, Kind]) -> list[Tracker]:
    """The trackers that texts such as `"tensorboard:runs"` name, each found to be usable.

    Parameters
    ----------
    specifications : sequence of str
        Of the form `KIND:PLACE`.
    kinds : mapping
        From kind to a function that makes a tracker of a place.

    Raises
    ------
    ParameterError
        If one has another form.
    TrackerError
        If one cannot be written to.
    """
    trackers = []
    for text in specifications:
        kind, _, place = text.partition(":")
        if kind not in kinds or not place:
            requirement = "of the form " + " or ".join(f"{name}:PLACE" for name in kinds)
            raise ParameterError(explain("track", requirement, masked(text)))
        trackers.append(kinds[kind](place))
    for tracker in trackers:
        tracker.check()
    return trackers


def log_to_all(search: Search, trackers: Sequence[Tracker]) -> list[str]:
    """Log a search to each tracker, also where an earlier one has failed.

    Returns
    -------
    list of str
        A line on each that took it.

    Raises
    ------
    TrackerError
        Says what went wrong with each that failed.
    """
    lines, failures = [], []
    for tracker in trackers:
        try:
            name = log_search(search, tracker)
            found = "" if name == tracker.place else f" ({name})"
            lines.append(f"Logged: {tracker.package}:{tracker.place}{found}")
        except TrackerError as error:
            failures.append(str(error))
    if failures:
        raise TrackerError(" ".join(failures))
    return lines
