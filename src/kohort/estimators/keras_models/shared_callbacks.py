"""Callbacks that a search hands to each of its fits: copies where fits train at the same time."""

from __future__ import annotations

import copy
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from kohort.cohort.tasks import current_task

if TYPE_CHECKING:
    import keras

_owners: WeakKeyDictionary[Any, tuple[threading.Thread, Any]] = WeakKeyDictionary()
"""Thread of a pool whose fits have a callback itself, and a copy from before its first fit."""

_lock = threading.Lock()


def kept_apart(callbacks: list[Any]) -> list[Any]:
    """Copies where fits that train at the same time are given the same objects.

    So are fits of a search in a cohort, and those of a pool of threads, of which the first has the
    objects themselves. Other fits train one after another, and each makes a callback begin anew.

    Parameters
    ----------
    callbacks : list of keras.callbacks.Callback
    """
    if current_task() is not None:
        return [_copied(callback) for callback in callbacks]
    if threading.current_thread() is threading.main_thread():
        return callbacks
    return [_of_this_thread(callback) for callback in callbacks]


def _of_this_thread(callback: keras.callbacks.Callback) -> keras.callbacks.Callback:
    """The callback itself for the first thread that asks, as long as it lives; else a copy."""
    thread = threading.current_thread()
    with _lock:
        owner, unused = _owners.get(callback, (None, None))
        if owner is thread:
            return callback
        if owner is not None and owner.is_alive():
            return _copied(unused)
        _owners[callback] = thread, _copied(callback)
        return callback


def _copied(callback: keras.callbacks.Callback) -> keras.callbacks.Callback:
    """A callback with the state of another, but for its model, which the next fit sets."""
    copied = copy.copy(callback)
    for name, value in vars(callback).items():
        try:
            vars(copied)[name] = None if name == "_model" else copy.deepcopy(value)
        except Exception:
            vars(copied)[name] = value  # Shared if it cannot be copied, such as a file.
    return copied
