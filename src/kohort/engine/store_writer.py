"""A thread that puts outcomes into a store, so that training does not wait for a disk."""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Collection

from kohort.engine.member import Outcome
from kohort.engine.store import Store
from kohort.errors import shown

_MOST_BYTES = 256 * 1024**2


class StoreWriter:
    """Puts outcomes into a store, in their order, in a thread of its own.

    A store that fails, or that is slower than the training by more bytes than may wait, loses
    outcomes; that is told once.

    Parameters
    ----------
    store : Store
    most : int, default=256 MiB
        Bytes of arrays that may wait to be written; one outcome may, whatever its size.
    """

    def __init__(self, store: Store, most: int = _MOST_BYTES) -> None:
        self._store, self._most = store, most
        self._waiting: deque[tuple[str, Outcome, list[str]]] = deque()
        self._bytes = 0
        self._lock = threading.Condition()
        self._thread: threading.Thread | None = None
        self._trouble: str | None = None

    def put(self, key: str, outcome: Outcome, instead_of: Collection[str] = ()) -> None:
        """Let an outcome be kept under a key soon, as it is now.

        Parameters
        ----------
        key : str
        outcome : Outcome
        instead_of : collection of str, default=()
            Keys of what is needed no more. If it waits still, it is not written; what the store
            has under another key than `key` is emptied once the outcome is kept, not before.
        """
        size = _size(outcome)
        with self._lock:
            held = self._bytes - (self._bytes_of(instead_of) if instead_of else 0)
            if held and held + size > self._most:
                self._tell("is slower than the training")
                return
            if instead_of:
                self._waiting = deque(each for each in self._waiting if each[0] not in instead_of)
            emptied = [other for other in instead_of if other != key]
            self._waiting.append((key, copy.deepcopy(outcome), emptied))
            self._bytes = held + size
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="kohort-store", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:
                    self._waiting.clear()
                    self._bytes = 0
                    self._tell(f"has no thread that writes ({error})")
                    return
                self._thread = thread
            self._lock.notify_all()

    def _bytes_of(self, keys: Collection[str]) -> int:
        """Bytes of the outcomes that wait under some keys."""
        return sum(_size(outcome) for key, outcome, _ in self._waiting if key in keys)

    def close(self) -> None:
        """Wait until everything is written; the thread ends."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._lock.notify_all()
        if thread is not None:
            thread.join()

    def trouble(self) -> str | None:
        """The warning of a store that lost an outcome; it is given once, then None."""
        with self._lock:
            trouble, self._trouble = self._trouble, None if self._trouble is None else ""
            return trouble or None

    def _tell(self, what: str) -> None:
        if self._trouble is None:
            self._trouble = (
                f"The store {shown(self._store)} {what}; the search goes on, and what could not be "
                "kept is trained again when it is asked for."
            )

    def _run(self) -> None:
        me = threading.current_thread()
        while True:
            with self._lock:
                while not self._waiting:
                    if self._thread is not me:
                        return
                    self._lock.wait()
                key, outcome, emptied = self._waiting.popleft()
            try:
                self._store.put(key, outcome)
                for other in emptied:
                    self._store.put(other, Outcome(None))
            except Exception as error:  # A search goes on when its store fails.
                with self._lock:
                    self._tell(f"could not keep a fit ({error})")
            with self._lock:
                self._bytes -= _size(outcome)


def _size(outcome: Outcome) -> int:
    return sum(array.nbytes for array in [*(outcome.weights or ()), *(outcome.kept or ())])
