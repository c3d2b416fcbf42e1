"""What an untrained network says best: the one answer for all rows that has the lowest loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Floats
from kohort.recipe.losses import LINKS
from kohort.recipe.recipe import Recipe

Constants = tuple[float, ...]


def prior(recipe: Recipe, targets: Floats, weight: Floats | None, outputs: int) -> Constants:
    """Raw outputs of the constant prediction that fits targets best.

    The mean for squared errors, the median for absolute ones (Huber's and log-cosh's too), the
    quantile for the pinball loss, the logarithm of the mean for Poisson's; the log-odds of each
    label, or the logarithms of the classes' shares less their mean. Shares are those after one row
    more of each class, so that one that no row has is no impossibility.

    Parameters
    ----------
    recipe : Recipe
        Of which the loss, `quantile` and `label_smoothing` matter.
    targets : array, shape (row, target)
        As the loss takes them: scaled numbers, 0 and 1, or positions of classes.
    weight : array, shape (row,), or None
        Non-negative; None for equal ones.
    outputs : int
        Raw outputs of the network.

    Examples
    --------
    >>> prior(Recipe.of(loss="mse"), np.array([[1.0], [3.0], [8.0]]), None, 1)
    (4.0,)
    >>> prior(Recipe.of(loss="binary_crossentropy"), np.array([[1.0], [1.0]]), None, 1)
    (1.0986122886681096,)
    """
    targets = np.asarray(targets, np.float64)
    weight = np.ones(len(targets)) if weight is None else np.asarray(weight, np.float64)
    link = LINKS[recipe.loss]
    if link == "softmax":
        counts = np.bincount(targets[:, 0].astype(np.intp), weight, outputs)
        found = np.log(_smoothed(counts, weight.sum(), recipe.label_smoothing, outputs))
        found -= found.mean()
    elif link == "sigmoid":
        share = _smoothed(weight @ targets, weight.sum(), recipe.label_smoothing, 2)
        found = np.log(share) - np.log1p(-share)
    elif recipe.loss in ("mae", "huber", "log_cosh", "quantile"):
        share = recipe.quantile if recipe.loss == "quantile" else 0.5
        found = _quantiles(targets, weight, share)
    else:
        found = weight @ targets / weight.sum()
        if link == "exponential":
            found = np.log(np.maximum(found, np.finfo(np.float32).tiny))
    return tuple(found.tolist())


def _smoothed(
    counts: NDArray[np.float64], total: float, smoothing: float, classes: int
) -> NDArray[np.float64]:
    """Shares of classes after one row more of each, as label smoothing spreads them."""
    share = (counts + 1) / (total + classes)
    return np.asarray(share * (1 - smoothing) + smoothing / classes)


def _quantiles(
    targets: NDArray[np.float64], weight: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    """The least value of each column up to which this share of the weight lies."""
    order = np.argsort(targets, axis=0, kind="stable")
    below = np.cumsum(weight[order], axis=0) >= share * weight.sum()
    first = np.argmax(below, axis=0)
    return np.take_along_axis(np.take_along_axis(targets, order, 0), first[None], 0)[0]
