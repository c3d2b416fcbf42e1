"""Predictions of a trained network, through one compiled function per structure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Floats, HostArray, Integers
from kohort.engine.compilers.base import Compiler
from kohort.engine.compilers.current import lent_compiler
from kohort.engine.rows import SlicedRows
from kohort.networks.base import BLOCK, Predictor, Sampler, bucket

_Network = TypeVar("_Network", bound=Predictor | Sampler, covariant=True)

_MOST_ROWS = 8192
_MOST_BYTES = 64 * 1024**2


@dataclass(frozen=True)
class Trained(Generic[_Network]):
    """A network with variables that have been trained.

    Attributes
    ----------
    network : Predictor or Sampler
        The network that computes the outputs.
    weights : sequence of arrays
        Variables at real width, in the order of the layout.
    numbers : tuple of float
        The member's row of numbers.
    units : tuple of int
        Real width of each hidden layer.
    seed : int
        Of its noise.
    """

    network: _Network
    weights: Sequence[Floats]
    numbers: tuple[float, ...]
    units: tuple[int, ...]
    seed: int = 0

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type that the network computes in."""
        return self.weights[0].dtype

    def packed(self) -> Floats:
        """The variables as one vector at compiled width."""
        params = np.zeros(self.network.layout.size, self.dtype)
        self.network.layout.embed(self.weights, params)
        return params


def blocks(*tables: SlicedRows) -> Iterator[slice]:
    """Parts of a table, or of several of equal numbers of rows, that are predicted in one call."""
    row_bytes = max(1, sum(math.prod(x.shape[1:]) * x.dtype.itemsize for x in tables))
    most = min(_MOST_ROWS, max(BLOCK, 1 << (_MOST_BYTES // row_bytes).bit_length() - 1))
    return (slice(start, start + most) for start in range(0, len(tables[0]), most))


def raw_outputs(
    trained: Trained[Predictor], x: SlicedRows, compiler: Compiler | None = None
) -> Floats:
    """Raw outputs for standardised rows.

    Parameters
    ----------
    trained : Trained
    x : array of floats or bytes, or other rows, shape (row, feature)
    compiler : Compiler or None, default=None
        None for the one that the session lends.

    Returns
    -------
    array, shape (row, output)
    """
    return np.concatenate(
        [cohort_outputs([trained], x[block][None], [0], compiler)[0] for block in blocks(x)]
    )


def cohort_outputs(
    members: Sequence[Trained[Predictor]],
    tables: HostArray,
    read: Sequence[int],
    compiler: Compiler | None = None,
) -> Floats:
    """Raw outputs of members of equal structure, in one call of the compiler.

    Parameters
    ----------
    members : sequence of Trained
        Of equal networks and types.
    tables : array of floats or bytes, shape (table, row, feature)
        Standardised; at most as many rows as `blocks` gives.
    read : sequence of int
        Which table each member reads.
    compiler : Compiler or None, default=None
        None for the one that the session lends.

    Returns
    -------
    array, shape (member, row, output)
    """
    first, (padded, real) = members[0], _padded(tables)
    own = [_member_arrays(member, first.dtype) for member in members]
    found = (compiler or lent_compiler()).predict(
        first.network,
        np.stack([member.packed() for member in members]),
        padded,
        np.asarray(read, np.int32),
        real,
        *(np.stack(arrays) for arrays in zip(*own, strict=True)),
    )
    return np.asarray(found)[:, :real]


def sampled_outputs(
    trained: Trained[Sampler],
    x: Floats,
    samples: int,
    first: int = 0,
    compiler: Compiler | None = None,
) -> Floats:
    """Raw outputs of several passes with dropout left on, all in one compiled call.

    Parameters
    ----------
    trained : Trained
    x : array, shape (row, feature)
        At most as many rows as `blocks` gives.
    samples : int
        Number of passes, >= 1.
    first : int
        Position of the first row in its table: the noise of a row depends on the network's seed,
        the pass and the row's position.
    compiler : Compiler or None, default=None
        None for the one that the session lends.

    Returns
    -------
    array, shape (pass, row, output)
    """
    padded, real = _padded(x)
    seed = np.asarray(trained.seed % 2**32, np.uint32)
    position = np.asarray(first // BLOCK, np.int32)
    params = trained.packed()
    arguments = (params, padded, real, *_member_arrays(trained, x.dtype), seed, position)
    compiler = compiler or lent_compiler()
    return np.asarray(compiler.sample(trained.network, samples, *arguments))[:, :real]


def _member_arrays(
    trained: Trained[_Network], dtype: np.dtype[np.floating[Any]]
) -> tuple[Floats, Integers]:
    return np.asarray(trained.numbers, dtype), np.asarray(trained.units, np.int32)


def _padded(x: NDArray[Any]) -> tuple[HostArray, Integers]:
    """Tables (..., row, feature) at a compiled number of rows, and how many are real."""
    *tables, rows, features = x.shape
    padded = np.zeros((*tables, max(BLOCK, bucket(rows)), features), x.dtype)
    padded[..., :rows, :] = x
    return padded, np.asarray(rows, np.int32)
