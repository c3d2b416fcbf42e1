"""Predictions of a fitted network, through one compiled function per structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kohort.engine.evaluate import BLOCK, bucket, prediction_function
from kohort.engine.member import Floats
from kohort.engine.programs import program
from kohort.networks.dense import DenseNetwork

_MOST_ROWS = 8192


def raw_outputs(
    network: DenseNetwork, units: Sequence[int], weights: Sequence[Floats], x: Floats
) -> Floats:
    """Raw outputs for standardised rows.

    Parameters
    ----------
    network : DenseNetwork
        The structure, at compiled width.
    units : sequence of int
        Real width of each hidden layer.
    weights : sequence of arrays
        Variables at real width.
    x : array, shape (row, feature)

    Returns
    -------
    array, shape (row, output)
    """
    params = np.zeros(network.layout.size, x.dtype)
    network.layout.embed(weights, params)
    widths = np.asarray(units, np.int32)
    outputs = [
        _block(network, params, widths, x[start : start + _MOST_ROWS])
        for start in range(0, len(x), _MOST_ROWS)
    ]
    return np.concatenate(outputs)


def _block(network: DenseNetwork, params: Floats, units: Any, x: Floats) -> Floats:
    rows = max(BLOCK, bucket(len(x)))
    padded = np.zeros((rows, x.shape[1]), x.dtype)
    padded[: len(x)] = x
    arguments = (params, padded, np.asarray(len(x), np.int32), units)
    predict = program(
        (network, rows, str(x.dtype)),
        "predict",
        lambda: prediction_function(network, rows),
        arguments,
    )
    return np.asarray(predict(*arguments))[: len(x)]
