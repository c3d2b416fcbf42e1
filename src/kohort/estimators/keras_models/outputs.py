"""Kinds of outputs of a Keras classifier: probabilities, logits, or scores around zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from kohort.arrays import Floats, HostArray, LossLike
from kohort.errors import ModelError
from kohort.estimators.keras_models.inputs import is_own_loss, loss_name, takes_logits

_PROBABILITY, _LOGIT, _SCORE = "probability", "logit", "score"
_HINGES = ("hinge", "squared_hinge", "categorical_hinge")
_ROUNDING = 1e-4


@dataclass(frozen=True)
class ClassOutput:
    """How one output of a classifier is read.

    Attributes
    ----------
    loss : str
        Name of its loss.
    kind : {"probability", "logit", "score"}
        A probability; what a sigmoid or softmax turns into one (`from_logits=True`); or a score
        whose sign is the class, as hinge losses train it.
    """

    loss: str
    kind: str

    def positive(self, values: Floats) -> HostArray:
        """Whether each value speaks for the second class, or for its label."""
        return values > (0.5 if self.kind == _PROBABILITY else 0.0)

    def classes(self, values: Floats) -> HostArray:
        """Code of the likeliest class, shape (row,), for values of shape (row, unit)."""
        if values.shape[1] == 1:
            return self.positive(values[:, 0]).astype(np.intp)
        return np.argmax(values, axis=1)

    def decisions(self, values: Floats, each: bool = False) -> Floats:
        """How much speaks for each class; of two, for the second, or of each label if `each`.

        Shape (row, class) or (row,), zero where two classes are equally likely.
        """
        if each or values.shape[1] == 1:
            around = 2 * values - 1 if self.kind == _PROBABILITY else values
            return around if each else around[:, 0]
        return values[:, 1] - values[:, 0] if values.shape[1] == 2 else values

    def probabilities(self, values: Floats, each: bool = False) -> Floats:
        """Probability of each class, shape (row, class); of each label if `each`.

        Raises
        ------
        AttributeError
            If the output is a score.
        ModelError
            If the output is said to be a probability and is none.
        """
        self.require_probabilities()
        if self.kind == _LOGIT and (each or self.loss.startswith("binary_")):
            values = expit(values)
        elif self.kind == _LOGIT:
            values = expit(values) if values.shape[1] == 1 else softmax(values, axis=1)
        elif values.size and not (values.min() >= -_ROUNDING and values.max() <= 1 + _ROUNDING):
            raise ModelError(
                f"predict_proba needs outputs in [0, 1]; the model gave values from "
                f"{values.min():.3g} to {values.max():.3g} (loss {self.loss!r}). End the model "
                "with a sigmoid or softmax, or give the loss from_logits=True. `predict` works as "
                "it is."
            )
        if each or values.shape[1] > 1:
            return values
        return np.concatenate([1 - values, values], axis=1)

    def require_probabilities(self) -> bool:
        """True, unless the output is a score.

        Raises
        ------
        AttributeError
        """
        if self.kind == _SCORE:
            raise AttributeError(
                f"The loss {self.loss!r} trains scores around zero, which are no probabilities. "
                "Use `predict`, or a sigmoid or softmax output with a cross-entropy."
            )
        return True


def class_output(loss: LossLike) -> ClassOutput:
    """How the output of a classifier that trains with a loss is read."""
    name = loss_name(loss)
    if takes_logits(loss):
        return ClassOutput(name, _LOGIT)
    scores = name in _HINGES or (is_own_loss(loss) and _wants_scores(loss))
    return ClassOutput(name, _SCORE if scores else _PROBABILITY)


def takes_signs(loss: LossLike, classes: HostArray) -> bool:
    """Whether the labels -1 and 1 stay what they are, for a user's own loss that trains scores.

    Keras's own hinge losses make these of 0 and 1.
    """
    signs = classes.dtype.kind in "if" and classes.tolist() == [-1, 1]
    return signs and is_own_loss(loss) and class_output(loss).kind == _SCORE


def _wants_scores(loss: Any) -> bool:
    """Whether a loss takes any number, and finds a positive row the better the larger it is.

    A cross-entropy of probabilities is flat or undefined beside [0, 1]; a distance from the label
    grows beyond 1.
    """
    function = getattr(loss, "call", loss)
    outputs = np.array([[-3.0], [-1.0], [0.0], [1.0], [4.0]], np.float32)
    try:
        with np.errstate(all="ignore"):
            values = (
                np.asarray(function(np.ones_like(outputs), outputs)).reshape(5, -1).mean(axis=1)
            )
    except Exception:
        return False  # It compares something else than one unit with one label.
    return bool(np.isfinite(values).all() and (np.diff(values[:4]) < 0).all()) and bool(
        values[4] <= values[3]
    )
