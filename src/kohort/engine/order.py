"""In which order the epochs of a member visit its rows.

NumPy alone, so that a loader's worker can tell the order again without importing kohort.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Order:
    """Row numbers epoch by epoch: the same wherever and whenever they are asked for.

    Attributes
    ----------
    seed : int
    rows : int
        Rows of the table.
    train : array of int or None
        Which of them are visited; None for all.
    shuffled : bool
        Whether each epoch has an order of its own.
    blocks : array of int, shape (row,), or None
        Which block of a file, to be read as a whole, holds each row. The sequence of blocks is
        shuffled, and then the rows of some blocks at a time. None shuffles all rows at once.
    window : int
        Blocks whose rows are shuffled together.
    """

    seed: int
    rows: int
    train: NDArray[np.intp] | None = None
    shuffled: bool = True
    blocks: NDArray[np.intp] | None = None
    window: int = 1

    @property
    def size(self) -> int:
        """Number of rows that an epoch visits."""
        return self.rows if self.train is None else len(self.train)

    @property
    def key(self) -> tuple[Any, ...]:
        """Orders of equal keys are equal."""
        parts = [None if part is None else _digest(part) for part in (self.train, self.blocks)]
        return self.seed if self.shuffled else None, self.rows, self.window, *parts

    def epoch(self, number: int) -> NDArray[np.intp]:
        """Row numbers in the order in which an epoch visits them.

        Parameters
        ----------
        number : int
            Counted from 0.
        """
        if not self.shuffled:
            return np.arange(self.rows) if self.train is None else self.train
        generator = generator_of(self.seed, 1, number)
        if self.blocks is not None:
            return self._by_blocks(generator)
        order = generator.permutation(self.size)
        return order if self.train is None else self.train[order]

    def _by_blocks(self, generator: np.random.Generator) -> NDArray[np.intp]:
        assert self.blocks is not None
        visited = np.arange(self.rows) if self.train is None else self.train
        visited = visited[np.argsort(self.blocks[visited], kind="stable")]
        parts = np.split(visited, np.flatnonzero(np.diff(self.blocks[visited])) + 1)
        shuffled = [parts[number] for number in generator.permutation(len(parts))]
        windows = [
            generator.permutation(np.concatenate(shuffled[start : start + self.window]))
            for start in range(0, len(shuffled), self.window)
        ]
        return np.concatenate(windows)


def generator_of(seed: int, *stream: int) -> np.random.Generator:
    """The random numbers of a seed for one purpose, the same on every machine."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=stream)))


def _digest(rows: NDArray[np.intp]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(rows, np.int64).tobytes(), digest_size=16).digest()
