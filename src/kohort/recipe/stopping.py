"""Early stopping as a value: when a member ends before its epochs are over."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stopping:
    """Keras's `EarlyStopping(patience, min_delta, restore_best_weights=True)`.

    Attributes
    ----------
    patience : int
        Epochs without an improvement after which training ends.
    min_delta : float
        Decrease of the monitored loss that counts as an improvement, >= 0.
    """

    patience: int
    min_delta: float = 0.0
