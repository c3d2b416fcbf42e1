"""The uncertainty of rows from several predictions of each, and its calibration."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kohort.engine.member import Floats


class Uncertainty(NamedTuple):
    """Uncertainty of each row's class, in nats, arrays of shape (row,).

    Attributes
    ----------
    predictive_entropy
        Entropy of the averaged probabilities: all uncertainty, in [0, log(classes)].
    mutual_information
        Disagreement of the passes: the part of the uncertainty that more data could remove, >= 0.
    """

    predictive_entropy: Floats
    mutual_information: Floats


def entropy(probabilities: Floats) -> Floats:
    """Shannon entropy over the last axis, in nats; 0 log 0 is 0.

    Examples
    --------
    >>> import numpy as np
    >>> entropy(np.array([[1.0, 0.0], [0.5, 0.5]])).round(4)
    array([0.    , 0.6931])
    """
    safe = np.where(probabilities > 0, probabilities, 1.0)
    return np.asarray(np.sum(-np.log(safe) * np.maximum(probabilities, 0), axis=-1))


def uncertainty(passes: Floats) -> Uncertainty:
    """Entropy and mutual information of probabilities of shape (pass, row, class).

    Reference: Gal, Islam and Ghahramani 2017 (arXiv:1703.02910).

    Examples
    --------
    >>> import numpy as np
    >>> agreed = np.array([[[0.5, 0.5]], [[0.5, 0.5]]])
    >>> split = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    >>> [float(uncertainty(p).mutual_information[0].round(4)) for p in (agreed, split)]
    [0.0, 0.6931]
    """
    total = entropy(passes.mean(axis=0))
    expected = entropy(passes).mean(axis=0)
    return Uncertainty(total, np.maximum(0, total - expected))


def expected_calibration_error(y: NDArray[Any], probabilities: Floats, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over bins of equal width.

    Reference: Guo et al. 2017 (arXiv:1706.04599).

    Parameters
    ----------
    y : array of int, shape (row,)
        Position of the true class.
    probabilities : array, shape (row, class)
    bins : int, default=15

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> import numpy as np
    >>> probabilities = np.array([[0.75, 0.25], [0.25, 0.75]])
    >>> expected_calibration_error(np.array([0, 1]), probabilities)
    0.25
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == y
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, correct - confidence.astype(np.float64), minlength=bins)
    return float(np.abs(gaps).sum() / len(y))
