"""The cost and the gain of a store in a search, and why it is a folder of files.

The search is chapter 10's (`benchmarks/chapter10.py`): without a store, with an empty one, and with
the one that it has just filled. Beside the wall time stand the seconds that hashing and looking up
took from the thread that hands out fits, and the processor's seconds of the thread that writes: it
waits for the disk alone. Then
10,000 members of 3x64 are kept and found, in a folder and, as the alternative, in SQLite (WAL).
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import side

MEMBERS = 10_000
_SHAPES = [(8, 64), (64,), (64, 64), (64,), (64, 64), (64,), (64, 1), (1,)]


class Clock:
    """Adds up the seconds that calls of a function take, on the wall or of their thread's core."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.seconds, self._now = 0.0, now

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        def timed(*arguments: Any) -> Any:
            start = self._now()
            try:
                return function(*arguments)
            finally:
                self.seconds += self._now() - start

        return timed


def search_side() -> dict[str, Any]:
    """Chapter 10's search, with the store that the environment names, if it does."""
    from examples import california_housing as demo

    from kohort.engine.executors import storing
    from kohort.engine.folder_store import FolderStore

    keys, gets, puts = Clock(), Clock(), Clock(time.thread_time)
    storing.content_key = keys.around(storing.content_key)
    FolderStore.get = gets.around(FolderStore.get)  # type: ignore[method-assign]
    FolderStore.put = puts.around(FolderStore.put)  # type: ignore[method-assign]
    parts = side.california()
    search = demo.search()
    start, worked = time.perf_counter(), time.process_time()
    search.fit(*parts["train"], validation_data=parts["valid"])
    return {
        "seconds": time.perf_counter() - start,
        "core_seconds": time.process_time() - worked,
        "fits": len(search.cohort_record_),
        "hashing": keys.seconds,
        "looking up": gets.seconds,
        "writing": puts.seconds,
        "best_score": search.best_score_,
    }


class SqliteStore:
    """The alternative: one database, of which several processes write in turn."""

    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(folder / "store.sqlite", isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute("CREATE TABLE kept (key TEXT PRIMARY KEY, data BLOB, used REAL)")

    def put(self, key: str, outcome: Any) -> None:
        from kohort.engine.outcome_file import packed

        row = (key, packed(key, outcome), time.time())
        self._database.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", row)

    def get(self, key: str) -> Any:
        from kohort.engine.outcome_file import unpacked

        (data,) = self._database.execute("SELECT data FROM kept WHERE key=?", (key,)).fetchone()
        self._database.execute("UPDATE kept SET used=? WHERE key=?", (time.time(), key))
        return unpacked(key, data)


def members_side(kind: str) -> dict[str, Any]:
    """Keep and find many members."""
    from kohort.engine.folder_store import FolderStore
    from kohort.engine.member import Outcome

    generator = np.random.default_rng(0)
    weights = [generator.normal(size=shape).astype(np.float32) for shape in _SHAPES]
    history = {name: generator.normal(size=30).tolist() for name in ("loss", "val_loss")}
    outcome = Outcome(weights, history)
    keys = [sha256(str(number).encode()).hexdigest() for number in range(MEMBERS)]
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        store = FolderStore(folder) if kind == "folder" else SqliteStore(Path(folder))
        start = time.perf_counter()
        for key in keys:
            store.put(key, outcome)
        middle = time.perf_counter()
        for key in keys:
            assert store.get(key) is not None
        end = time.perf_counter()
    return {
        "seconds": end - start,
        "ms to keep one": 1e3 * (middle - start) / MEMBERS,
        "ms to find one": 1e3 * (end - middle) / MEMBERS,
    }


def folder_side() -> dict[str, Any]:
    return members_side("folder")


def sqlite_side() -> dict[str, Any]:
    return members_side("sqlite")


def compare() -> dict[str, Any]:
    """Run all sides."""
    name = "benchmarks.store"
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cache:
        os.environ.pop("KOHORT_STORE", None)
        plain = side.run(name, "search", cache)
        os.environ["KOHORT_STORE"] = folder
        empty, full = (side.run(name, "search", cache) for _ in range(2))
        del os.environ["KOHORT_STORE"]
    found = full["hashing"] + full["looking up"]
    spent = empty["hashing"] + empty["looking up"] + empty["writing"]
    return {
        "title": "A store of ended fits",
        "sides": {
            "chapter 10, no store": plain,
            "chapter 10, empty store": empty,
            "chapter 10, full store": full,
            f"{MEMBERS:,} members of 3x64, folder": side.run(name, "folder"),
            f"{MEMBERS:,} members of 3x64, SQLite": side.run(name, "sqlite"),
        },
        "more": [
            f"Hashing, looking up and writing: {spent / plain['core_seconds']:.2%} of the search's "
            "processor time (wanted: at most 1 %).",
            f"From the full store: {full['seconds'] / plain['seconds']:.1%} (wanted: at most 3 %); "
            f"hashing and looking up alone: {found / plain['seconds']:.2%}, the rest is "
            "scikit-learn's work and the estimators'.",
        ],
    }


if __name__ == "__main__":
    print(json.dumps(globals()[f"{sys.argv[1]}_side"]()))
