"""Attributes of a user's objects that are replaced for the length of a block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def replacing() -> Iterator[Callable[[Any, str, Any], None]]:
    """Gives a function that replaces an attribute of a thing until the block ends."""
    undo: list[Callable[[], None]] = []

    def replace(thing: object, name: str, value: object) -> None:
        own = name in vars(thing)
        old = vars(thing).get(name)

        def back() -> None:
            if own:
                object.__setattr__(thing, name, old)
            else:
                object.__delattr__(thing, name)

        object.__setattr__(thing, name, value)
        undo.append(back)

    try:
        yield replace
    finally:
        for back in reversed(undo):
            back()
