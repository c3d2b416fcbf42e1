"""Every error and warning that kohort raises, and how their messages are put together."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType


class KohortError(Exception):
    """Base class of kohort's own errors.

    Examples
    --------
    >>> import kohort
    >>> try:
    ...     kohort.DenseRegressor(depth=-1).fit([[0.0], [1.0]], [0.0, 1.0])
    ... except kohort.KohortError as error:
    ...     print(error)
    `depth` must be a whole number in [0, 1000]; got -1.
    """


class BackendError(KohortError, ImportError):
    """Keras was imported with a backend other than JAX.

    Examples
    --------
    It is an `ImportError` too; import kohort before Keras, or set `KERAS_BACKEND=jax`.

    >>> import kohort
    >>> issubclass(kohort.BackendError, ImportError)
    True
    """


class ParameterError(KohortError, ValueError):
    """A parameter is outside its range or names something unknown.

    Examples
    --------
    >>> import kohort
    >>> kohort.DenseRegressor(dropout=1.5).fit([[0.0], [1.0]], [0.0, 1.0])
    Traceback (most recent call last):
        ...
    kohort.errors.ParameterError: `dropout` must be a number in [0, 1); got 1.5.
    """


class DataError(KohortError, ValueError):
    """A table, target or file cannot be used as it is.

    Examples
    --------
    >>> import kohort
    >>> kohort.load("no_such_file.kohort")  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
        ...
    kohort.errors.DataError: ...
    """


class DivergedError(KohortError, RuntimeError):
    """Training ended in NaN or infinity and left no usable weights.

    Examples
    --------
    The message has the epoch and a remedy. In a search the candidate gets `error_score`.

    >>> import kohort
    >>> X, y = [[float(i % 4)] for i in range(20)], [float(i % 4) for i in range(20)]
    >>> model = kohort.DenseRegressor(
    ...     optimizer="sgd", learning_rate=1e9, early_stopping=False, epochs=3, random_state=0
    ... )
    >>> try:
    ...     model.fit(X, y)
    ... except kohort.DivergedError as error:
    ...     "Lower learning_rate" in str(error)
    True
    """


class CancelledError(KohortError, RuntimeError):
    """The cohort that a fit waited in was interrupted before the fit ended.

    Examples
    --------
    With a store, the same script goes on where it stopped.

    >>> import kohort
    >>> issubclass(kohort.CancelledError, kohort.KohortError)
    True
    """


class ClusterError(KohortError, RuntimeError):
    """A cluster cannot be reached, or cannot train a fit.

    Examples
    --------
    >>> import kohort
    >>> issubclass(kohort.ClusterError, kohort.KohortError)
    True
    """


class ForkedProcessError(KohortError, RuntimeError):
    """The process was forked from one in which JAX had started, and cannot compute.

    Examples
    --------
    Start processes with `multiprocessing.get_context("spawn")`.

    >>> import kohort
    >>> issubclass(kohort.ForkedProcessError, kohort.KohortError)
    True
    """


class TrackerError(KohortError, RuntimeError):
    """A tracker could not be reached or did not take a search, which is unharmed.

    Examples
    --------
    >>> import kohort
    >>> issubclass(kohort.TrackerError, kohort.KohortError)
    True
    """


class DivergedWarning(UserWarning):
    """Training ended in NaN or infinity; the best weights before it were restored.

    Examples
    --------
    >>> import warnings
    >>> import kohort
    >>> X, y = [[float(i % 4)] for i in range(20)], [float(i % 4) for i in range(20)]
    >>> model = kohort.DenseRegressor(optimizer="sgd", learning_rate=1e9, epochs=3, random_state=0)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", kohort.DivergedWarning)
    ...     model.fit(X, y).status_
    'diverged'
    """


class RefitWarning(UserWarning):
    """The refit of a search's best candidate failed; the next best one was taken.

    Examples
    --------
    `refit_failures_` of the search has the errors; as an error the warning ends the search.

    >>> import warnings
    >>> import kohort
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", kohort.RefitWarning)  # a search inside ends
    """


class StoreWarning(UserWarning):
    """A store lost a fit, or cannot keep one; the search goes on, and trains it again.

    Examples
    --------
    Where a fit that cannot be kept should end the search:

    >>> import warnings
    >>> import kohort
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", kohort.StoreWarning)  # a search inside ends
    """


class ModelError(KohortError, ValueError):
    """A build function failed, or gave a model that does not fit the data.

    Examples
    --------
    >>> import kohort
    >>> try:
    ...     kohort.KerasRegressor(lambda: 3).fit([[0.0], [1.0]], [0.0, 1.0])
    ... except kohort.ModelError as error:
    ...     "must return a keras.Model" in str(error)
    True
    """


class RateWarning(UserWarning):
    """A learning rate that was to be found was not; the default is used.

    Examples
    --------
    Where a fit should not train at the default instead:

    >>> import warnings
    >>> import kohort
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", kohort.RateWarning)  # a search inside ends
    """


class KerasLoopWarning(UserWarning):
    """A fit runs in Keras's own training loop, one by one, because a cohort cannot take it.

    Examples
    --------
    The message says why. Where a slow fit should be an error:

    >>> import warnings
    >>> import kohort
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", kohort.KerasLoopWarning)  # a search inside ends
    """


def explain(name: str, requirement: str, value: object, remedy: str = "") -> str:
    """Put an error message together: parameter, requirement, value received, remedy.

    Examples
    --------
    >>> explain("momentum", "in [0, 1)", 1.2, "Use 0.9.")
    '`momentum` must be in [0, 1); got 1.2. Use 0.9.'
    """
    return f"`{name}` must be {requirement}; got {shown(value)}. {remedy}".rstrip()


def shown(value: object) -> str:
    """A value as a message shows it: in one line, and no longer than one."""
    text = " ".join(line.strip() for line in repr(value).splitlines())
    return text if len(text) <= 120 else f"{text[:117]}..."


def hint(
    name: str, known: Iterable[str], elsewhere: Mapping[str, tuple[str, ...]] = MappingProxyType({})
) -> str:
    """A remedy for an unknown name: the nearest known ones; "" if none is near.

    Parameters
    ----------
    name : str
    known : iterable of str
    elsewhere : mapping from str to tuple of str, default={}
        Known names by the names, in small letters, that other libraries have for them.

    Examples
    --------
    >>> hint("Adam", ["sgd", "adam"]), hint("lr", ["learning_rate"], {"lr": ("learning_rate",)})
    ("Did you mean 'adam'?", "Did you mean 'learning_rate'?")
    >>> hint("x", ["sgd", "adam"])
    ''
    """
    small = {other.lower(): other for other in known}
    near = [other for other in elsewhere.get(name.lower(), ()) if other in small.values()]
    if not near and name.lower() in small:
        near = [small[name.lower()]]
    near = near or [small[n] for n in difflib.get_close_matches(name.lower(), small, cutoff=0.6)]
    return f"Did you mean {' or '.join(map(repr, near))}?" if near else ""


def suggest(
    name: str, known: Iterable[str], elsewhere: Mapping[str, tuple[str, ...]] = MappingProxyType({})
) -> str:
    """The same, or all known names if none is near.

    Examples
    --------
    >>> suggest("prise", ["price", "area"])
    "Did you mean 'price'?"
    """
    known = list(known)
    if near := hint(name, known, elsewhere):
        return near
    first = ", ".join(repr(match) for match in known[:20])
    return f"Known: {first}{', ...' if len(known) > 20 else ''}."
