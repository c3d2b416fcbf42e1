"""A store of ended members: what has ended under an equal key is not trained again."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from typing import Protocol

from kohort.engine.member import Outcome


class Store(Protocol):
    """Outcomes by the content of the members that they are of."""

    def get(self, key: str) -> Outcome | None:
        """The outcome kept under a key, or None."""
        ...

    def put(self, key: str, outcome: Outcome) -> None:
        """Keep an outcome under a key; an equal key replaces it."""
        ...


class MemoryStore:
    """A store in memory, for the threads of one process; it keeps the outcomes used last.

    Parameters
    ----------
    most : int, default=1024
        Greatest number of outcomes.

    Examples
    --------
    >>> from kohort.engine.member import Outcome
    >>> from kohort.engine.store import MemoryStore
    >>> store = MemoryStore()
    >>> store.put("key", Outcome(None))
    >>> len(store), store.get("other")
    (1, None)
    """

    def __init__(self, most: int = 1024) -> None:
        self._most = most
        self._kept: OrderedDict[str, Outcome] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> Outcome | None:
        """The outcome kept under a key, or None."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            kept = self._kept[key]
        return copy.deepcopy(kept)

    def put(self, key: str, outcome: Outcome) -> None:
        """Keep a copy of an outcome; the one whose last use is longest ago may go."""
        kept = copy.deepcopy(outcome)
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
