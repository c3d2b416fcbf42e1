"""Several arrays of rows as one flat matrix, from which the engine gathers batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import DTypeLike


@dataclass(frozen=True)
class Columns:
    """How a flat row holds the arrays that a model takes.

    Attributes
    ----------
    shapes : tuple of tuple of int
        Shape of one row of each array.
    dtypes : tuple of str
        Type that each array is given to the model in.
    names : tuple of str or None
        Keys of a dict of arrays; None for one array or a list of them.
    """

    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]
    names: tuple[str, ...] | None = None

    @property
    def widths(self) -> list[int]:
        """Columns of each array."""
        return [math.prod(shape) for shape in self.shapes]

    @property
    def width(self) -> int:
        """Columns in all."""
        return sum(self.widths)

    def join(self, arrays: Sequence[NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
        """Arrays of shape (row, ...) as one of shape (row, column)."""
        flat = [np.asarray(array, dtype).reshape(len(array), -1) for array in arrays]
        return np.ascontiguousarray(flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1))

    def symbolic(self) -> Any:
        """Symbolic arrays of one row or more, in the structure and the types that a model takes."""
        import keras

        parts = [
            keras.KerasTensor((None, *shape), dtype)
            for shape, dtype in zip(self.shapes, self.dtypes, strict=True)
        ]
        return self._structured(parts)

    def split(self, matrix: Any) -> Any:
        """Inverse of `join`, in the structure and the types that the model takes."""
        parts, start = [], 0
        for shape, dtype, width in zip(self.shapes, self.dtypes, self.widths, strict=True):
            part = matrix[:, start : start + width].reshape(len(matrix), *shape)
            parts.append(part.astype(dtype))
            start += width
        return self._structured(parts)

    def _structured(self, parts: list[Any]) -> Any:
        if self.names is not None:
            return dict(zip(self.names, parts, strict=True))
        return parts[0] if len(parts) == 1 else parts
