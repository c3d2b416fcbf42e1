"""Keep the latest results made from arrays, and give them back for equal arrays.

scikit-learn cuts each fold out of the table anew for each candidate, so that every fit of a fold
would learn the same scaling and apply it to the same rows.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kohort.data.interning import same, sample

_MOST_BYTES = 2**25

_Value = TypeVar("_Value")


class Recent:
    """Maps the content of arrays, and settings, to the results made from them.

    It compares with copies of its own, so that an array that its owner changes is another one.

    Parameters
    ----------
    most_bytes : int, default=32 MiB
        Of all copies. Those whose last use is longest ago are dropped; nothing is kept of arrays
        that are larger by themselves.

    Examples
    --------
    >>> import numpy as np
    >>> recent, table = Recent(), np.arange(6.0)
    >>> first = recent.get_or_build("total", [table], lambda: [table.sum()])
    >>> recent.get_or_build("total", [np.arange(6.0)], list) is first
    True
    >>> table[0] = 1.0
    >>> recent.get_or_build("total", [table], list)
    []
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most, self._size = most_bytes, 0
        self._kept: OrderedDict[Hashable, tuple[Sequence[Any], int, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get_or_build(
        self, settings: Hashable, parts: Sequence[object], build: Callable[[], _Value]
    ) -> _Value:
        """Return the result built for equal settings and arrays, else the result of `build`.

        Parameters
        ----------
        settings : hashable
        parts : sequence of array or None
            With anything else among them, such as a table in a file, nothing is kept.
        build : callable
        """
        arrays: list[NDArray[Any] | None] = []
        for part in parts:
            if part is not None and not isinstance(part, np.ndarray):
                return build()
            arrays.append(part)
        size = sum(array.nbytes for array in arrays if array is not None)
        if size > self._most:
            return build()
        key = (settings, *map(sample, arrays))
        with self._lock:
            copies, _, found = self._kept.get(key, ((), 0, None))
            if copies and all(map(same, copies, arrays)):
                self._kept.move_to_end(key)
                value: _Value = found
                return value
        value = build()
        self._keep(key, [None if array is None else array.copy() for array in arrays], size, value)
        return value

    def _keep(self, key: Hashable, copies: Sequence[Any], size: int, value: object) -> None:
        with self._lock:
            _, before, _ = self._kept.pop(key, ((), 0, None))
            self._kept[key] = copies, size, value
            self._size += size - before
            while self._size > self._most:
                _, (_, gone, _) = self._kept.popitem(last=False)
                self._size -= gone
