"""The instruments of one member in training: the steps to probe, and the readings so far."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kohort.engine.member import Floats
from kohort.networks.reading import Reading

# A probe costs as much as 10 to 20 steps, so the early ones are close and the later ones rare: half
# as late again as the one before, but never further apart than this.
_CLOSEST, _FURTHEST = 8, 512
# Steps after which the engine pauses anyway, counted from the start of an epoch: a probe elsewhere
# would cost a pause of its own, which only the first steps are worth.
_PAUSE = 64


def moments(steps_per_epoch: int, first: int = 0) -> Iterator[int]:
    """Numbers of the steps that are probed, without end.

    Parameters
    ----------
    steps_per_epoch : int
    first : int
        Number of the first step of the training, at the start of an epoch.

    Examples
    --------
    >>> from itertools import islice
    >>> list(islice(moments(250), 12))
    [0, 8, 16, 24, 36, 54, 128, 192, 314, 500, 750, 1128]
    """
    step = 0
    while True:
        yield first + step
        step = _following(step, steps_per_epoch)


def _following(step: int, steps_per_epoch: int) -> int:
    """The step that is probed after another one, counted from the start of the training."""
    step += min(max(step // 2, _CLOSEST), _FURTHEST)
    if step > _PAUSE:
        epoch, inside = divmod(step, steps_per_epoch)
        inside = min(-(-inside // _PAUSE) * _PAUSE, steps_per_epoch)
        step = epoch * steps_per_epoch + inside
    return step


class Instruments:
    """Keeps the readings of chosen steps, and the loss of every step.

    Parameters
    ----------
    steps_per_epoch : int
    first : int
        Number of the first step of the training.

    Attributes
    ----------
    steps : list of int
        The steps that have been probed.
    """

    def __init__(self, steps_per_epoch: int, first: int = 0) -> None:
        self._steps_per_epoch, self._first = steps_per_epoch, first
        self._moments = [first]
        self._readings: list[Reading] = []
        self._losses: list[Floats] = []
        self.steps: list[int] = []

    def next(self, step: int) -> int:
        """Number of the first step from `step` on that shall be probed."""
        while self._moments[-1] < step:
            last = self._moments[-1] - self._first
            self._moments.append(self._first + _following(last, self._steps_per_epoch))
        return self._moments[bisect_left(self._moments, step)]

    def take(self, step: int, reading: Reading) -> None:
        """Keep the reading of a step."""
        self.steps.append(step)
        self._readings.append(Reading(*(np.array(part) for part in reading)))

    def on_steps(self, first: int, losses: Floats) -> None:
        """Keep the losses of consecutive steps."""
        self._losses.append(np.array(losses))

    @property
    def layers(self) -> NDArray[np.float64]:
        """Readings of the layers, shape (probe, layer, number), as `kohort.networks.reading.LAYER`
        has them.
        """
        return np.array([reading.layers for reading in self._readings], np.float64)

    @property
    def whole(self) -> NDArray[np.float64]:
        """Readings of the whole step, shape (probe, number), in the order of `WHOLE`."""
        return np.array([reading.whole for reading in self._readings], np.float64)

    @property
    def losses(self) -> NDArray[np.float64]:
        """Loss of every step, shape (step,)."""
        return np.concatenate([np.zeros(0), *self._losses])
