"""Learning rates as an array over a member's own steps: a schedule is data, not program.

Each schedule is a function of the time since the warm-up that gives multiples of `learning_rate`.
Time is counted in epochs and moves at each step.

References: `keras.optimizers.schedules`; Smith 2018 (arXiv:1803.09820) and PyTorch's `OneCycleLR`
for 1cycle; Loshchilov and Hutter 2017 (arXiv:1608.03983) for cosine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kohort.errors import ParameterError, explain

if TYPE_CHECKING:
    from kohort.recipe.recipe import Recipe

Steps = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Clock:
    """Time since the warm-up.

    Attributes
    ----------
    steps : array of float64, shape (step,)
    total : int
        Steps from the end of the warm-up to the end of the training.
    per_epoch : int
    """

    steps: Values
    total: int
    per_epoch: int

    def share(self, decay_epochs: float | None, default: float) -> Values:
        """Time as a share of so many epochs, or of so many steps by default."""
        length = default if decay_epochs is None else decay_epochs * self.per_epoch
        return self.steps / max(length, 1e-12)

    @property
    def fifth(self) -> float:
        """A fifth of the training, in steps."""
        return self.total / 5


def rates(recipe: Recipe, steps: Steps, steps_per_epoch: int) -> Values:
    """Learning rate at each of a member's own steps.

    Parameters
    ----------
    recipe : Recipe
    steps : numpy.ndarray of int, shape (step,)
        Step numbers, counted from 0 over the whole training.
    steps_per_epoch : int

    Returns
    -------
    numpy.ndarray of float64, shape (step,)
    """
    rate = float(recipe.learning_rate)
    shape = _SHAPES.get(recipe.schedule)
    if shape is None and not recipe.warmup:
        return np.full(steps.shape, rate)
    warmup = warmup_steps(recipe, steps_per_epoch)
    result = np.full(steps.shape, rate)
    if shape is not None:
        result *= shape(recipe, _clock(recipe, steps, steps_per_epoch))
    if warmup:
        start = float(recipe.warmup_start)
        rising = rate * (start + (1 - start) * steps / warmup)
        result = np.where(steps < warmup, rising, result)
    return result


def momenta(recipe: Recipe, steps: Steps, steps_per_epoch: int) -> Values | None:
    """Momentum at each step where the schedule cycles it against the rate (1cycle); else None.

    Parameters and shapes are those of `rates`.
    """
    if recipe.schedule != "1cycle":
        return None
    high, low = float(recipe.max_momentum), float(recipe.base_momentum)
    return _two_slopes(recipe, _clock(recipe, steps, steps_per_epoch), (high, low, high))


def warmup_steps(recipe: Recipe, steps_per_epoch: int) -> int:
    """Number of steps in which the rate warms up."""
    epochs = recipe.warmup * recipe.epochs if recipe.warmup < 1 else recipe.warmup
    return round(epochs * steps_per_epoch)


def _clock(recipe: Recipe, steps: Steps, steps_per_epoch: int) -> Clock:
    warmup = warmup_steps(recipe, steps_per_epoch)
    since = np.maximum(steps - warmup, 0).astype(np.float64)
    return Clock(since, recipe.epochs * steps_per_epoch - warmup, steps_per_epoch)


def _whole(recipe: Recipe, time: Values) -> Values:
    return np.floor(time) if recipe.staircase else time


def _power(recipe: Recipe, clock: Clock) -> Values:
    """Keras's InverseTimeDecay with decay_rate 1, to any power."""
    time = _whole(recipe, clock.share(recipe.decay_epochs, clock.fifth))
    return np.asarray((1 + time) ** -float(recipe.decay_power))


def _exponential(recipe: Recipe, clock: Clock) -> Values:
    """Keras's ExponentialDecay."""
    time = _whole(recipe, clock.share(recipe.decay_epochs, clock.fifth))
    return np.asarray(float(recipe.decay_rate) ** time)


def _piecewise(recipe: Recipe, clock: Clock) -> Values:
    """Keras's PiecewiseConstantDecay: the step at a boundary has the rate before it."""
    assert recipe.boundaries is not None
    boundaries = np.round(np.asarray(recipe.boundaries) * clock.per_epoch, 6)
    factors = recipe.factors
    if factors is None:
        factors = tuple(float(recipe.decay_rate) ** piece for piece in range(len(boundaries) + 1))
    return np.asarray(factors)[np.searchsorted(boundaries, clock.steps, side="left")]


def _falling_cosine(done: Values) -> Values:
    return np.asarray(0.5 * (1 + np.cos(np.pi * done)))


def _above_final(recipe: Recipe, height: Values) -> Values:
    final = float(recipe.final_rate)
    return (1 - final) * height + final


def _cosine(recipe: Recipe, clock: Clock) -> Values:
    """Keras's CosineDecay."""
    done = np.minimum(clock.share(recipe.decay_epochs, clock.total), 1.0)
    return _above_final(recipe, _falling_cosine(done))


def _cosine_restarts(recipe: Recipe, clock: Clock) -> Values:
    """Keras's CosineDecayRestarts."""
    done = clock.share(recipe.decay_epochs, clock.fifth)
    growth = float(recipe.t_mul)
    if growth == 1:
        period = np.floor(done)
        done = done - period
    else:
        period = np.floor(np.log(1 - done * (1 - growth)) / np.log(growth))
        start = (1 - growth**period) / (1 - growth)
        done = (done - start) / growth**period
    return _above_final(recipe, float(recipe.m_mul) ** period * _falling_cosine(done))


def _polynomial(recipe: Recipe, clock: Clock) -> Values:
    """Keras's PolynomialDecay."""
    done = np.minimum(clock.share(recipe.decay_epochs, clock.total), 1.0)
    return _above_final(recipe, (1 - done) ** float(recipe.decay_power))


def _one_cycle(recipe: Recipe, clock: Clock) -> Values:
    """PyTorch's OneCycleLR with two phases."""
    first = 1 / recipe.div_factor
    return _two_slopes(recipe, clock, (first, 1.0, first / recipe.final_div_factor))


def _two_slopes(recipe: Recipe, clock: Clock, levels: tuple[float, float, float]) -> Values:
    """From the first level to the second in `pct_start` of the steps, then to the third."""
    last = max(clock.total - 1, 1)
    middle = float(recipe.pct_start) * clock.total - 1
    first, second, third = levels
    up = np.clip(clock.steps / middle, 0, 1) if middle > 0 else np.ones_like(clock.steps)
    down = np.clip((clock.steps - middle) / (last - middle), 0, 1)
    rising, falling = (
        (done if recipe.anneal == "linear" else 1 - _falling_cosine(done)) for done in (up, down)
    )
    rises = clock.steps <= middle
    return np.where(rises, first + (second - first) * rising, second + (third - second) * falling)


_SHAPES: dict[str, Callable[[Recipe, Clock], Values]] = {
    "power": _power,
    "exponential": _exponential,
    "piecewise": _piecewise,
    "1cycle": _one_cycle,
    "cosine": _cosine,
    "cosine_restarts": _cosine_restarts,
    "polynomial": _polynomial,
}
SCHEDULES = (
    "constant", "power", "exponential", "piecewise", "performance", "1cycle", "cosine",
    "cosine_restarts", "polynomial",
)  # fmt: skip
"""Names of all schedules; performance is constant here and reduced by `kohort.recipe.plateau`."""


def check_schedule(
    *,
    schedule: str,
    staircase: bool,
    boundaries: Sequence[float] | None,
    factors: Sequence[float] | None,
    decay_rate: float,
    base_momentum: float,
    max_momentum: float,
    warmup: float,
    epochs: int,
) -> None:
    """Refuse parameters of a schedule that contradict each other.

    Raises
    ------
    ParameterError
    """
    if staircase and schedule not in ("power", "exponential"):
        remedy = "Use 'power' or 'exponential'."
        raise ParameterError(
            explain("staircase", f"False with schedule={schedule!r}", staircase, remedy)
        )
    if schedule == "performance" and decay_rate >= 1:
        remedy = "Use 0.5, for example."
        raise ParameterError(
            explain("decay_rate", "below 1 with schedule='performance'", decay_rate, remedy)
        )
    if schedule == "1cycle" and base_momentum > max_momentum:
        raise ParameterError(
            explain("base_momentum", f"at most max_momentum={max_momentum:g}", base_momentum)
        )
    if warmup >= epochs:
        remedy = "Give a share of the training below 1, or fewer epochs."
        raise ParameterError(explain("warmup", f"shorter than epochs={epochs}", warmup, remedy))
    _check_pieces(schedule, boundaries, factors)


def _check_pieces(
    schedule: str, boundaries: Sequence[float] | None, factors: Sequence[float] | None
) -> None:
    if schedule != "piecewise":
        for name, value in (("boundaries", boundaries), ("factors", factors)):
            if value is not None:
                requirement, remedy = f"None with schedule={schedule!r}", "Use 'piecewise'."
                raise ParameterError(explain(name, requirement, value, remedy))
        return
    if boundaries is None or len(boundaries) == 0 or np.any(np.diff(boundaries) <= 0):
        requirement = "a list of increasing epochs with schedule='piecewise'"
        remedy = "Give boundaries=[50, 75], for example."
        raise ParameterError(explain("boundaries", requirement, boundaries, remedy))
    if factors is not None and len(factors) != len(boundaries) + 1:
        requirement = f"one longer than boundaries, {len(boundaries) + 1} numbers"
        raise ParameterError(explain("factors", requirement, factors))
