"""How far the average of the weights reaches back where nobody says it."""

from __future__ import annotations

LONGEST = 50.0
"""Steps that the average reaches over in a long training; a momentum of 0.98."""
SHARE = 0.05
"""Most of a training, in all its epochs, that the average reaches over."""


def momentum_for(steps: int) -> float:
    """Momentum of the weights' average for a training with a given most number of steps.

    With Keras's exponential average the weights count by their age, on average `1 / (1 - momentum)`
    steps. That is 50 steps, and no more than a twentieth of the training: an average that is as
    old as its training is still near the untrained weights.

    Parameters
    ----------
    steps : int
        Steps of an epoch times the most epochs, >= 1.

    Returns
    -------
    float
        In [0, 0.98]; 0, the weights themselves, for up to 20 steps.

    Examples
    --------
    >>> momentum_for(5000), momentum_for(200), momentum_for(8)
    (0.98, 0.9, 0.0)
    """
    return 1 - 1 / min(LONGEST, max(1.0, SHARE * steps))
