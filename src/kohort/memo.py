"""A bounded memory of built values: one build per key, however many threads ask."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


@dataclass
class _Entry(Generic[_Value]):
    """A place for one value; `lock` is held by the thread that builds it."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    values: list[_Value] = field(default_factory=list)


class Memo(Generic[_Value]):
    """Keeps the values that were used last; each is built once, also when many threads ask at once.

    Threads that ask for a value which another thread is building wait for it; builds of different
    keys run side by side. A build that raises leaves nothing behind: the error reaches the thread
    that built, and the next one to ask builds again.

    Parameters
    ----------
    most : int
        Greatest number of values kept. One more drops the value whose last use is longest ago.

    Examples
    --------
    >>> from kohort.memo import Memo
    >>> squares = Memo(2)
    >>> [squares.get_or_build(n, lambda n=n: n * n) for n in (1, 2, 3)]
    [1, 4, 9]
    >>> 1 in squares, 2 in squares, len(squares)
    (False, True, 2)
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError(f"`most` must be at least 1; got {most}")
        self._most = most
        self._entries: OrderedDict[Hashable, _Entry[_Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get_or_build(self, key: Hashable, build: Callable[[], _Value]) -> _Value:
        """Return the value kept under `key`; without one, keep and return what `build` returns."""
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)
        with entry.lock:
            if not entry.values:
                try:
                    entry.values.append(build())
                except BaseException:
                    self._drop(key, entry)
                    raise
            return entry.values[0]

    def get(self, key: Hashable) -> _Value | None:
        """Return the value kept under `key`, or None; a value still being built counts as none."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or not entry.values:
                return None
            self._entries.move_to_end(key)
            return entry.values[0]

    def forget(self, key: Hashable) -> None:
        """Drop the value kept under `key`, if there is one."""
        with self._lock:
            self._entries.pop(key, None)

    def clear(self) -> None:
        """Drop every value."""
        with self._lock:
            self._entries.clear()

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._entries

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def _drop(self, key: Hashable, entry: _Entry[_Value]) -> None:
        """Forget an entry whose build failed, unless another one has taken its key."""
        with self._lock:
            if self._entries.get(key) is entry:
                del self._entries[key]
