"""A dense estimator's fit, with its data checked, scaled and split, before it trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Floats, HostArray
from kohort.cohort.session import current
from kohort.data.moments import Streamed
from kohort.data.splitting import split
from kohort.data.streams import Stream
from kohort.engine.member import Member, Outcome, Rows
from kohort.estimators.dense.labels import Labelled
from kohort.estimators.preparation import floating_dtype
from kohort.estimators.row_weights import WEIGHT_SET_ASIDE, as_floats, relative
from kohort.estimators.scaling import Habits, Scaling
from kohort.networks.own.fields import fields_of
from kohort.networks.own.network import OwnNetwork
from kohort.recipe.averaging import momentum_for
from kohort.recipe.optimizers import OPTIMIZERS
from kohort.recipe.priors import prior
from kohort.recipe.recipe import NUMBERS, Recipe
from kohort.studies.prepared import is_auto

if TYPE_CHECKING:
    from kohort.estimators.dense.base import DenseEstimator

CheckedRows: TypeAlias = tuple[Floats | Streamed, Floats, Floats | None]
"""Features (row, feature), targets (row, target) and weights (row,) or None."""

_MILD = (
    "dropout", "input_dropout", "alpha_dropout", "gaussian_noise", "l1", "l2", "weight_decay",
    "label_smoothing", "ema_momentum",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Parts:
    """Rows to train on and rows to validate on.

    Attributes
    ----------
    rows : Rows
        All rows; weights have a mean of 1 over those that are trained on.
    train : array of int or None
        Which of them to train on; None for all.
    validation : Rows or None
    """

    rows: Rows
    train: NDArray[np.intp] | None
    validation: Rows | None

    @property
    def trained(self) -> tuple[Floats, Floats | None]:
        """Targets and weights of the rows that are trained on."""
        y, weight, train = self.rows.y, self.rows.weight, self.train
        if train is None:
            return y, weight
        return y[train], None if weight is None else weight[train]


@dataclass(frozen=True, eq=False)
class ScaledTable:
    """Everything that `fit` was given, checked and scaled, before validation rows are set aside.

    Attributes
    ----------
    rows : Rows
        Standardised features and targets; weights as they were given.
    validation : Rows or None
        Rows that `fit` was given to validate on.
    fraction : float or None
        Share of the rows to set aside where none were given; None for no validation.
    labels : array of int, shape (row,), or None
        Class codes to stratify by.
    unlabelled : array, shape (row, feature), or None
        Standardised rows without a label.
    scaling : Scaling
        Of the features.
    """

    rows: Rows
    validation: Rows | None
    fraction: float | None
    labels: HostArray | None
    unlabelled: Floats | None
    scaling: Scaling

    def parts(self, seed: int) -> Parts:
        """The rows as a seed splits them."""
        x, t, weight = self.rows.x, self.rows.y, self.rows.weight
        if self.fraction is None:
            weight = as_floats(relative(weight, None), t.dtype, "sample_weight")
            return Parts(
                _kept(Rows(x, t, weight)), None, self.validation and _kept(self.validation)
            )
        train, held_out = split(len(x), self.fraction, seed, self.labels)
        weight = relative(weight, train)
        share = None if weight is None else as_floats(weight[held_out], t.dtype, WEIGHT_SET_ASIDE)
        validation = Rows(x[held_out], t[held_out], share)
        weight = as_floats(weight, t.dtype, "sample_weight")
        return Parts(_kept(Rows(x, t, weight)), train, _kept(validation))


def scaled_and_split(
    given: CheckedRows, validation: CheckedRows | None, unlabelled: Floats | None,
    target: Scaling, seed: int, *, habits: Habits, workers: int, fraction: float | None,
    labels: HostArray | None,
) -> tuple[ScaledTable, Parts]:  # fmt: skip
    """Learn the scaling of the features, apply it to all rows, and set rows to validate on aside.

    An open cohort does this once for equal folds.

    Parameters
    ----------
    given, validation : tuple of features, targets and weights
        Checked, in units of their own. The scaling is that of `given` and `unlabelled`.
    target : Scaling
        Of the targets.
    seed : int
        Fixes which rows are set aside.
    habits : Habits
        How features are scaled.
    workers : int
        Processes that read a table that stays in its file.
    fraction, labels, unlabelled
        See `ScaledTable`.
    """

    def build() -> tuple[ScaledTable, Parts]:
        table = _scaled(given, validation, unlabelled, target, habits, workers, fraction, labels)
        return table, table.parts(seed)

    cohort = current()
    if cohort is None:
        return build()
    monitored = validation or (None, None, None)
    arrays = (*given, *monitored, unlabelled, labels, *target.arrays)
    settings = (habits, workers, fraction, seed, floating_dtype())
    return cohort.recent.get_or_build(settings, arrays, build)


def _scaled(
    given: CheckedRows, validation: CheckedRows | None, unlabelled: Floats | None, target: Scaling,
    habits: Habits, workers: int, fraction: float | None, labels: HostArray | None,
) -> ScaledTable:  # fmt: skip
    """The scaling of the features, and all rows by it."""
    x, _, weight = given
    seen, share = x, weight
    if unlabelled is not None:
        seen = np.concatenate([cast(Floats, x), unlabelled])
        if weight is not None:
            share = np.concatenate([weight, np.full(len(unlabelled), weight.mean())])
    scaling, dtype = Scaling.of_features(seen, share, habits), floating_dtype()

    def scaled(rows: CheckedRows, workers: int = 0) -> Rows:
        return Rows(scaling.rows(rows[0], dtype, workers), target.apply(rows[1], dtype), rows[2])

    return ScaledTable(
        scaled(given, workers),
        None if validation is None else scaled(validation),
        fraction,
        labels,
        None if unlabelled is None else scaling.apply(unlabelled, dtype),
        scaling,
    )


def _kept(rows: Rows) -> Rows:
    """The table, or an equal one that another fit of the open cohort holds already."""
    cohort = current()
    return rows if cohort is None else cohort.rows(rows)


@dataclass(frozen=True, eq=False)
class DensePrepared:
    """See `kohort.studies.prepared.Prepared`.

    Attributes
    ----------
    estimator : DenseEstimator
        Which learned the form and the scaling of its data, and takes the outcomes.
    recipe : Recipe
    network : OwnNetwork
    table : ScaledTable
    parts : Parts
    seeds : tuple of int
        Of each network.
    automatic : frozenset of str
    given : Labelled
        X, y and weights as `fit` was given them.
    mild : bool
        Whether the members have what hardly moves their best learning rate, such as dropout.
    """

    estimator: DenseEstimator
    recipe: Recipe
    network: OwnNetwork
    table: ScaledTable
    parts: Parts
    seeds: tuple[int, ...]
    automatic: frozenset[str]
    given: Labelled
    mild: bool = True

    obstacle = ""

    @property
    def members(self) -> list[Member]:
        first = self._member(self.parts, self.seeds[0])
        return [replace(first, seed=seed) for seed in self.seeds]

    def seeded(self, seeds: Sequence[int]) -> list[Member]:
        first = self._member(self.table.parts(seeds[0]), seeds[0])
        return [replace(first, seed=seed) for seed in seeds]

    def _member(self, parts: Parts, seed: int) -> Member:
        recipe = self.recipe
        fields = fields_of(recipe, self.network.features, self.network.outputs)
        if recipe.output_bias == "prior":
            known = prior(recipe, *parts.trained, self.network.outputs)
            fields["initial"] = fields["initial"].biased(known)
        member = Member(
            **fields, rows=parts.rows, seed=seed, train=parts.train, validation=parts.validation
        )
        if self.mild:
            return member
        pairs = zip(NUMBERS, recipe.numbers(), strict=True)
        numbers = tuple(0.0 if name in _MILD else number for name, number in pairs)
        units = self.network.shape.widths
        return replace(member, numbers=numbers, units=units, initial=fields["initial"].at(units))

    @property
    def batch_size(self) -> int:
        return self.recipe.batch_size

    @property
    def rate(self) -> float:
        return self.recipe.learning_rate

    @property
    def schedule(self) -> str:
        return self.recipe.schedule

    @property
    def adaptive(self) -> bool:
        return OPTIMIZERS[self.recipe.optimizer].adaptive

    @property
    def unsupervised(self) -> Rows:
        """The features of every row as inputs and targets of an autoencoder."""
        x = cast(Floats, self.parts.rows.x)
        if self.table.unlabelled is not None:
            x = np.concatenate([x, self.table.unlabelled])
        return _kept(Rows(x, x))

    @property
    def held(self) -> int:
        """Bytes of the table that `fit` was given, and of the one that a pipeline made it from."""
        return 2 * int(self.given.X.nbytes)

    def with_batch_size(self, size: int) -> Self:
        return replace(self, recipe=replace(self.recipe, batch_size=size)).averaging()

    def averaging(self) -> Self:
        """The same fit, the average of its weights over as many steps as `"auto"` stands for."""
        if not is_auto(self.estimator.ema_momentum):
            return self
        plain = self.recipe
        rows = len(self.parts.trained[0])
        steps = -(-rows // min(plain.batch_size, rows)) * plain.epochs
        recipe = replace(plain, ema_momentum=momentum_for(steps))
        network = OwnNetwork.of(self.network.features, self.network.outputs, recipe)
        return replace(self, recipe=recipe, network=network)

    def with_rate(self, rate: float) -> Self:
        return replace(self, recipe=replace(self.recipe, learning_rate=rate))

    def with_warmup(self, epochs: float) -> Self:
        return replace(self, recipe=replace(self.recipe, warmup=self.recipe.warmup or epochs))

    def with_workers(self, workers: int) -> Self:
        rows = self.parts.rows
        rows = replace(rows, x=cast(Stream, rows.x).with_workers(workers))
        return replace(self, parts=replace(self.parts, rows=rows))

    def typical(self) -> Self:
        return replace(self, mild=False)

    def differentiable(self) -> Self:
        return self

    def take(self, outcomes: Sequence[Outcome]) -> DenseEstimator:
        return self.estimator._take(outcomes)
