"""How a fit has ended, in the same words for every estimator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kohort.arrays import Estimator
from kohort.engine.member import FINISHED, STOPPED_BY_CALLBACK


@dataclass(frozen=True)
class Ending:
    """Status, number of epochs trained, logs of the epoch whose weights were kept."""

    status: str
    epochs: int
    logs: dict[str, float]


def end_of(estimator: Estimator) -> Ending:
    """The ending of a fitted estimator.

    Of Keras models, which do not say, it follows from `EarlyStopping(restore_best_weights=True)`:
    the best epoch is the one of the least validation loss, the last where nothing was validated.
    """
    epochs, history = estimator.n_epochs_, estimator.history_
    whole = FINISHED if epochs == estimator.epochs else STOPPED_BY_CALLBACK
    least = int(np.argmin(history["val_loss"])) if "val_loss" in history else epochs - 1
    best = getattr(estimator, "best_epoch_", least)
    logs = {name: log[best] for name, log in history.items()}
    return Ending(getattr(estimator, "status_", whole), epochs, logs)
