"""Weights of rows from the weights of their classes."""

from __future__ import annotations

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight

from kohort.arrays import ClassWeightLike, Floats, HostArray
from kohort.errors import ParameterError, explain

_REQUIREMENT = "a dict of non-negative weights by class"


def weights_by_class(class_weight: ClassWeightLike, labels: HostArray) -> Floats:
    """The weight of each row.

    A class that the dict leaves out weighs 1; a class of the dict that no row has, as in a fold
    that lacks it, says nothing.

    Parameters
    ----------
    class_weight : dict of weights by class, or "balanced"
        For labels of several columns whatever scikit-learn's `compute_sample_weight` takes.
    labels : array, shape (row,) or (row, target)
        The class of each row.

    Returns
    -------
    array of float, shape (row,)

    Raises
    ------
    ParameterError
        If it is neither, a weight is negative or not finite, or the dict names classes that do not
        exist in place of those that do.
    """
    if labels.ndim == 2 and labels.shape[1] > 1:
        try:
            return np.asarray(compute_sample_weight(class_weight, labels), float)
        except (ValueError, TypeError) as error:
            wanted = f'"balanced", or a list of {labels.shape[1]} dicts, one for each column of y'
            raise ParameterError(explain("class_weight", wanted, class_weight)) from error
    labels = labels.reshape(-1)
    if isinstance(class_weight, str) and class_weight == "balanced":
        return np.asarray(compute_sample_weight("balanced", labels), float)
    if not isinstance(class_weight, dict):
        raise ParameterError(
            explain("class_weight", f'{_REQUIREMENT}, or "balanced"', class_weight)
        )
    values = np.asarray(list(class_weight.values()), float)
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ParameterError(explain("class_weight", _REQUIREMENT, class_weight))
    classes, places = np.unique(labels, return_inverse=True)
    known = classes.tolist()
    foreign = [key for key in class_weight if key not in known]
    if foreign and any(label not in class_weight for label in known):
        remedy = f"No row has the class {foreign[0]!r}; the classes are {known}."
        raise ParameterError(explain("class_weight", _REQUIREMENT, class_weight, remedy))
    return np.asarray([class_weight.get(label, 1.0) for label in known], float)[places]
