"""Layout: a network's variables as one flat vector, so that a slot is one row of a matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kohort.deferred import jax, jnp


@dataclass(frozen=True)
class Layout:
    """Names and shapes of variables, in the order in which they lie in the vector."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @property
    def size(self) -> int:
        """Number of scalars in the vector."""
        return sum(math.prod(shape) for shape in self.shapes)

    def unpack(self, vector: jax.Array) -> list[jax.Array]:
        """Split `(..., size)` into variables `(..., *shape)`."""
        ends = np.cumsum([math.prod(shape) for shape in self.shapes]).tolist()
        parts = jnp.split(vector, ends[:-1], axis=-1) if self.shapes else []
        lead = vector.shape[:-1]
        return [part.reshape(*lead, *shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def pack(self, variables: Sequence[jax.Array], lead: int = 0) -> jax.Array:
        """Join variables that share `lead` leading axes into `(..., size)`."""
        flat = [v.reshape(*v.shape[:lead], -1) for v in variables]
        return jnp.concatenate(flat, axis=-1)

    def embed(self, variables: Sequence[NDArray[np.floating]], out: NDArray[np.floating]) -> None:
        """Write host variables, each at most as large as its shape, into the vector `out`."""
        start = 0
        out[:] = 0
        for variable, shape in zip(variables, self.shapes, strict=True):
            stop = start + math.prod(shape)
            corner = tuple(slice(0, length) for length in variable.shape)
            out[start:stop].reshape(shape)[corner] = variable
            start = stop

    def extract(
        self, vector: NDArray[np.floating], shapes: Sequence[tuple[int, ...]]
    ) -> list[NDArray[np.floating]]:
        """Copy host variables of the given smaller shapes out of the vector: inverse of `embed`."""
        variables = []
        start = 0
        for small, shape in zip(shapes, self.shapes, strict=True):
            stop = start + math.prod(shape)
            corner = tuple(slice(0, length) for length in small)
            variables.append(vector[start:stop].reshape(shape)[corner].copy())
            start = stop
        return variables
