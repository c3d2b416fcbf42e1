"""The bench: it trains what an experiment asks for, all sides and seeds as one cohort."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import log_loss
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from kohort.arrays import Estimator
from kohort.cohort.together import together
from kohort.engine.member import DIVERGED, Floats
from kohort.errors import DivergedError, DivergedWarning
from kohort.estimators.dense.dense import DenseClassifier, DenseRegressor
from kohort.lab.outcomes import Outcome, Outcomes
from kohort.lab.tables import Change, Parts, Rows, Table, Task
from kohort.studies.uncertainty import expected_calibration_error

Settings = Mapping[str, Any]
Look = Callable[[Any, Parts], Mapping[str, Any]]
"""A function of a fitted estimator and its rows that gives a claim's own values, by name."""
PLAIN: Settings = {
    "ema_momentum": None,
    "output_initializer": "auto",
    "output_bias": "zeros",
    "input_clip": None,
    "scale_binary": True,
}
"""The textbooks' network, without kohort's own defaults: no averaging of the weights, an output
layer drawn like the others, biases of 0, and features that are standardised and no more."""
OWN: Settings = {name: DenseClassifier().get_params()[name] for name in PLAIN}
"""The same parameters by kohort's defaults."""
_KINDS = {"regression": DenseRegressor, "classification": DenseClassifier}
_BASE: Settings = {**PLAIN, "early_stopping": False, "depth": 2, "width": 64}


@dataclass(frozen=True)
class Arm:
    """One side of a comparison, at one condition.

    Attributes
    ----------
    side
        Its name, as the parts of the claim call it.
    settings
        Parameters of `DenseRegressor` or `DenseClassifier`. Without others: two layers of 64 units
        and no early stopping, and the settings of `PLAIN`.
    at
        The condition.
    change
        Changes the rows of a split as the condition demands.
    rows
        Rows to train on; None for the table's own number.
    """

    side: str
    settings: Settings = field(default_factory=dict)
    at: str | float = ""
    change: Change | None = None
    rows: int | None = None


class Fitted(NamedTuple):
    """A training that has ended.

    Attributes
    ----------
    table, arm, seed
    settings
        Those of the arm, and what was tried on top of them.
    train, valid, test
        Measures on the rows to train on, to choose by and to report on: "loss" (log loss, or
        squared error as a share of that of the mean), "error" (share of wrong classes, or the root
        of the loss) and, of classes, "calibration" (expected calibration error). A training that
        diverged has those of the constant prediction.
    diverged
    history
        Keras's history: a list per epoch for each name.
    seen
        Values that the claim's `look` gave; empty if the training diverged.
    """

    table: Table
    arm: Arm
    seed: int
    settings: Settings
    train: Mapping[str, float]
    valid: Mapping[str, float]
    test: Mapping[str, float]
    diverged: bool
    history: Mapping[str, Floats]
    seen: Mapping[str, Any]


class _Job(NamedTuple):
    table: Table
    arm: Arm
    seed: int
    settings: Settings


@dataclass(frozen=True)
class Bench:
    """Trains for an experiment.

    Attributes
    ----------
    seeds
        Number of repetitions; each draws a split, initial weights and the order of the rows.
    quick
        Whether it is a trial run: few epochs, few rows, few rates.
    progress
        As that of `kohort.together`.
    """

    seeds: int
    quick: bool = False
    progress: bool | None = None

    def epochs(self, full: int) -> int:
        """Epochs to train for."""
        return min(full, 2) if self.quick else full

    def some(self, full: Sequence[Any], quick: int = 2) -> list[Any]:
        """All values of a grid, or in a trial run `quick` of them, spread evenly."""
        if not self.quick or len(full) <= quick:
            return list(full)
        return [full[k] for k in np.linspace(0, len(full) - 1, quick).round().astype(int)]

    def fits(
        self,
        tables: Sequence[Table],
        arms: Sequence[Arm],
        tried: Sequence[Settings] = ({},),
        look: Look | None = None,
    ) -> list[Fitted]:
        """Train every arm on every table with every seed and each of the tried settings."""
        jobs = [
            _Job(table, arm, seed, {**_BASE, **arm.settings, **settings})
            for table in tables
            for seed in range(self.seeds)
            for arm in arms
            for settings in tried
        ]
        # Products in NumPy are small here: on several threads they only wait for each other.
        with warnings.catch_warnings(), together(progress=self.progress), threadpool_limits(1):
            warnings.simplefilter("ignore", DivergedWarning)  # They are counted.
            return list(Parallel()(delayed(_fitted)(job, self.quick, look) for job in jobs))

    def tuned(
        self,
        tables: Sequence[Table],
        arms: Sequence[Arm],
        tried: Sequence[Settings],
        choose_by: str = "loss",
    ) -> list[Fitted]:
        """`fits`, of which each table, arm and seed keeps the one best on the rows to choose by."""
        best: dict[tuple[str, int, int], Fitted] = {}
        places = {id(arm): place for place, arm in enumerate(arms)}
        for fitted in self.fits(tables, arms, tried):
            key = fitted.table.name, places[id(fitted.arm)], fitted.seed
            if key not in best or fitted.valid[choose_by] < best[key].valid[choose_by]:
                best[key] = fitted
        return list(best.values())


def rates(low: float, high: float, count: int) -> list[Settings]:
    """Learning rates with equal ratios, as settings to try.

    Examples
    --------
    >>> rates(0.001, 0.1, 3)
    [{'learning_rate': 0.001}, {'learning_rate': 0.01}, {'learning_rate': 0.1}]
    """
    return [{"learning_rate": float(f"{rate:.3g}")} for rate in np.geomspace(low, high, count)]


def outcomes(fits: Iterable[Fitted], measures: Sequence[str] = ("loss", "error")) -> Outcomes:
    """The test measures of trainings, and "diverged" (0 or 1), as outcomes."""
    found = []
    for one in fits:
        values = {**{name: one.test[name] for name in measures}, "diverged": float(one.diverged)}
        found += [
            Outcome(name, one.table.name, one.arm.at, one.arm.side, one.seed, value)
            for name, value in values.items()
        ]
    return Outcomes(found)


def estimator(task: Task, settings: Settings, seed: int) -> DenseRegressor | DenseClassifier:
    """The estimator that the bench trains; what `settings` leave out is as for an `Arm`."""
    return _KINDS[task](**{**_BASE, **settings, "random_state": seed})


def _fitted(job: _Job, quick: bool, look: Look | None) -> Fitted:
    rows = min(job.arm.rows or job.table.rows, 200) if quick else job.arm.rows
    parts = job.table.parts(job.seed, rows, job.arm.change)
    model = estimator(job.table.task, job.settings, job.seed)
    try:
        model.fit(*parts.train, validation_data=tuple(parts.valid), X_unlabeled=parts.unlabelled)
    except DivergedError:
        diverged, history = True, {}
    else:
        diverged, history = model.status_ == DIVERGED, model.history_
    train, valid, test = (
        _constant(job.table.task, parts.train, part)
        if diverged
        else measured(model, job.table.task, part)
        for part in (parts.train, parts.valid, parts.test)
    )
    seen = {} if look is None or diverged else look(model, parts)
    return Fitted(
        job.table, job.arm, job.seed, job.settings, train, valid, test, diverged, history, seen
    )


def measured(model: Estimator, task: Task, rows: Rows) -> dict[str, float]:
    """The measures of a fitted estimator on some rows."""
    if task == "classification":
        return of_probabilities(model.predict_proba(rows.X), model.classes_, rows)
    return _of_numbers(np.asarray(model.predict(rows.X), np.float64), rows)


def of_probabilities(probabilities: Floats, classes: NDArray[Any], rows: Rows) -> dict[str, float]:
    """Log loss in nats, share of wrong classes and expected calibration error."""
    wrong = classes[probabilities.argmax(axis=1)] != rows.y
    sure = np.clip(probabilities.astype(np.float64), 1e-7, 1)
    sure /= sure.sum(axis=1, keepdims=True)
    return {
        "loss": float(log_loss(rows.y, sure, labels=classes)),
        "error": float(wrong.mean()),
        "calibration": expected_calibration_error(np.searchsorted(classes, rows.y), probabilities),
    }


def _of_numbers(predicted: Floats, rows: Rows) -> dict[str, float]:
    share = float(np.mean((predicted - rows.y) ** 2) / np.var(rows.y))
    return {"loss": share, "error": float(np.sqrt(share))}


def _constant(task: Task, train: Rows, rows: Rows) -> dict[str, float]:
    """The measures of the best constant prediction: the classes' shares, or the mean."""
    if task == "regression":
        return _of_numbers(np.full(len(rows.y), train.y.mean()), rows)
    classes, counts = np.unique(train.y, return_counts=True)
    shares = np.tile(counts / counts.sum(), (len(rows.y), 1))
    return of_probabilities(shares, classes, rows)
