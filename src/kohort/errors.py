"""Every error and warning that kohort raises, and how their messages are put together."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType


class KohortError(Exception):
    """Base class of kohort's own errors."""


class BackendError(KohortError, ImportError):
    """Keras was imported with a backend other than JAX."""


class ParameterError(KohortError, ValueError):
    """A parameter is outside its range or names something unknown."""


class DataError(KohortError, ValueError):
    """A table, target or file cannot be used as it is."""


class DivergedError(KohortError, RuntimeError):
    """Training ended in NaN or infinity and left no usable weights."""


class CancelledError(KohortError, RuntimeError):
    """The cohort that a fit waited in was interrupted before the fit ended."""


class ClusterError(KohortError, RuntimeError):
    """A cluster cannot be reached, or cannot train a fit."""


class ForkedProcessError(KohortError, RuntimeError):
    """The process was forked from one in which JAX had started, and cannot compute."""


class TrackerError(KohortError, RuntimeError):
    """A tracker could not be reached or did not take a search, which is unharmed."""


class DivergedWarning(UserWarning):
    """Training ended in NaN or infinity; the best weights before it were restored."""


class RefitWarning(UserWarning):
    """The refit of a search's best candidate failed; the next best one was taken."""


class StoreWarning(UserWarning):
    """A store lost a fit, or cannot keep one; the search goes on, and trains it again."""


class ModelError(KohortError, ValueError):
    """A build function failed, or gave a model that does not fit the data."""


class RateWarning(UserWarning):
    """A learning rate that was to be found was not; the default is used."""


class KerasLoopWarning(UserWarning):
    """A fit runs in Keras's own training loop, one by one, because a cohort cannot take it."""


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
        What is known by names, in small letters, that other libraries use.

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
