"""Faults that tests plant: an error, a function that raises it, rows that raise it."""

from kohort.engine.rows import LazyRows


class PlantedError(Exception):
    """An error that a test plants."""


def raising(*_, **__):
    """Raise the planted error, whatever is given."""
    raise PlantedError("planted")


class UnopenableRows(LazyRows):
    """Rows of an array as if they stood in a file that cannot be opened for training."""

    digest = b"unopenable"

    def __init__(self, x):
        self._x, self.shape, self.dtype = x, x.shape, x.dtype

    def __getitem__(self, rows):
        return self._x[rows]

    def reader(self, order, first, last):
        raising()
