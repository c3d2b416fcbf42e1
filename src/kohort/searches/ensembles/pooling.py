"""The predictions of a candidate's fold models as one prediction."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit, softmax

from kohort.arrays import Floats, HostArray
from kohort.deferred import keras
from kohort.searches.ensembles.losses import LEAST

if TYPE_CHECKING:
    from keras import KerasTensor


class Pooling(Enum):
    """How the predictions of several fold models become one.

    Targets are averaged. Of probabilities the logarithms are averaged (a logarithmic opinion pool,
    whose sum is 1 again): the pool is as sure as one of its models, by whose predictions of rows
    left out the ensemble was selected. The arithmetic mean would be more cautious.

    Members
    -------
    TARGETS
        Numbers, shape (row, target).
    CLASSES
        Probabilities that sum to 1, shape (row, class).
    LABELS
        Probabilities of labels that do not exclude each other, shape (row, label).

    References
    ----------
    Genest and Zidek, "Combining Probability Distributions: A Critique and an Annotated
    Bibliography", Statistical Science 1986.

    Examples
    --------
    >>> import numpy as np
    >>> outputs = np.array([[[0.9, 0.1]], [[0.5, 0.5]]])
    >>> Pooling.CLASSES.of(outputs)
    array([[0.75, 0.25]])
    """

    TARGETS = "targets"
    CLASSES = "classes"
    LABELS = "labels"

    def of(self, outputs: Sequence[Floats] | Floats, knows: HostArray | None = None) -> Floats:
        """Pool predictions.

        Parameters
        ----------
        outputs : sequence of array, shape (model, row, output)
        knows : array of bool, shape (model, class), optional
            Whether a model has seen a class, which is pooled from those that have; one that none
            has seen gets the probability 0. Unless told otherwise, every model has seen all.

        Returns
        -------
        array of float64, shape (row, output)
        """
        found = np.asarray(outputs, np.float64)
        if self is Pooling.TARGETS:
            return np.asarray(found.mean(axis=0))
        if self is Pooling.LABELS:
            return np.asarray(expit(logit(np.clip(found, LEAST, 1 - LEAST)).mean(axis=0)))
        logs = np.log(np.maximum(found, LEAST))
        seen = np.ones((len(found), found.shape[2])) if knows is None else knows
        times = seen.sum(axis=0)
        mean = np.einsum("mrc,mc->rc", logs, seen / np.maximum(times, 1))
        return np.asarray(softmax(np.where(times > 0, mean, -np.inf), axis=1))

    def in_keras(self, outputs: Sequence[KerasTensor], name: str) -> KerasTensor:
        """Pool symbolic outputs of Keras models, each of which knows every class.

        Two classes have one output, the probability of the second.
        """
        if len(outputs) == 1:
            return outputs[0]
        if self is Pooling.TARGETS:
            return keras.layers.Average(name=name)(outputs)
        single = self is Pooling.LABELS or outputs[0].shape[-1] == 1
        logs = [(_log_odds if single else _logs)(output) for output in outputs]
        end = "sigmoid" if single else "softmax"
        average = keras.layers.Average(name=f"{name}_logs")(logs)
        return keras.layers.Activation(end, name=name)(average)


def _logs(probabilities: KerasTensor) -> KerasTensor:
    return keras.ops.log(keras.ops.maximum(probabilities, LEAST))


def _log_odds(probabilities: KerasTensor) -> KerasTensor:
    return _logs(probabilities) - _logs(1 - probabilities)
