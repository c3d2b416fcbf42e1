"""The best constant prediction of an untrained network: the one of the lowest loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Floats
from kohort.recipe.losses import LINKS
from kohort.recipe.recipe import Recipe

Constants = tuple[float, ...]
Doubles = NDArray[np.float64]
_SPREAD = 1e-3


def prior(recipe: Recipe, targets: Floats, weight: Floats | None, outputs: int) -> Constants:
    """Raw outputs of the constant prediction that fits targets best.

    The mean for squared errors, the median for absolute ones (Huber's and log-cosh's too), the
    quantile for the pinball loss, the logarithm of the mean for Poisson's; the log-odds of each
    label, or the logarithms of the classes' shares less their mean. A thousandth of all is spread
    evenly over the classes, so that one that no row has is no impossibility.

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
    >>> found = prior(Recipe.of(loss="binary_crossentropy"), np.array([[1.0], [1.0]]), None, 1)
    >>> round(found[0], 4)
    7.6004
    """
    y: Doubles = np.asarray(targets, np.float64)
    w: Doubles = np.ones(len(y)) if weight is None else np.asarray(weight, np.float64)
    link, smoothing = LINKS[recipe.loss], recipe.label_smoothing
    if link == "softmax":
        counts = np.asarray(np.bincount(y[:, 0].astype(np.intp), w, outputs), np.float64)
        logarithms = np.log(_smoothed(counts / w.sum(), smoothing, outputs))
        return tuple((logarithms - logarithms.mean()).tolist())
    if link == "sigmoid":
        shares = _smoothed(w @ y / w.sum(), smoothing, 2)
        return tuple((np.log(shares) - np.log1p(-shares)).tolist())
    if recipe.loss in ("mae", "huber", "log_cosh", "quantile"):
        share = recipe.quantile if recipe.loss == "quantile" else 0.5
        return tuple(_quantiles(y, w, share).tolist())
    mean = w @ y / w.sum()
    if link == "exponential":
        mean = np.log(np.maximum(mean, np.finfo(np.float32).tiny))
    return tuple(mean.tolist())


def _smoothed(shares: Doubles, smoothing: float, classes: int) -> Doubles:
    """Shares of classes with some spread evenly, as label smoothing spreads more of them."""
    kept = (1 - _SPREAD) * (1 - smoothing)
    return np.asarray(shares * kept + (1 - kept) / classes)


def _quantiles(targets: Doubles, weight: Doubles, share: float) -> Doubles:
    """The least value of each column up to which this share of the weight lies."""
    order = np.argsort(targets, axis=0, kind="stable")
    below = np.cumsum(weight[order], axis=0) >= share * weight.sum()
    first = np.argmax(below, axis=0)
    return np.take_along_axis(np.take_along_axis(targets, order, 0), first[None], 0)[0]
