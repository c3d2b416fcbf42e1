"""A store of ended members: what has ended under an equal key is not trained again."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from kohort.engine.content import content_key
from kohort.engine.member import Member, Outcome


class Store(Protocol):
    """Outcomes by the content of the members that they are of."""

    def get(self, key: str) -> Outcome | None:
        """The outcome kept under a key, or None."""
        ...

    def put(self, key: str, outcome: Outcome) -> None:
        """Keep an outcome under a key; an equal key replaces it."""
        ...


class MemoryStore:
    """A store in memory, for one process; it keeps the outcomes that were used last.

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

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> Outcome | None:
        """The outcome kept under a key, or None."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return copy.deepcopy(self._kept[key])

    def put(self, key: str, outcome: Outcome) -> None:
        """Keep a copy of an outcome; the one whose last use is longest ago may go."""
        self._kept[key] = copy.deepcopy(outcome)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


def remembering(
    store: Store | None, members: list[Member], train: Callable[[list[Member]], list[Outcome]]
) -> list[Outcome]:
    """Train the members that a store does not know, and keep what becomes of them.

    Parameters
    ----------
    store : Store or None
        None remembers nothing.
    members : list of Member
    train : callable
        Trains members and gives their outcomes, in their order.

    Returns
    -------
    list of Outcome, in the order of the members
    """
    if store is None:
        return train(members)
    keys = [content_key(member) for member in members]
    found = [None if key is None else store.get(key) for key in keys]
    new = [place for place, outcome in enumerate(found) if outcome is None]
    trained = train([members[place] for place in new]) if new else []
    for place, outcome in zip(new, trained, strict=True):
        found[place] = outcome
        if (key := keys[place]) is not None:
            store.put(key, outcome)
    return [outcome for outcome in found if outcome is not None]
