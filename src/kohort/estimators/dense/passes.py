"""Passes of a fitted dense estimator: of each of its networks, and of each with dropout left on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, softmax
from sklearn.utils.validation import check_is_fitted

from kohort.arrays import TableLike
from kohort.cohort.session import current
from kohort.engine.member import Floats, Outcome
from kohort.engine.predict import Trained, blocks, cohort_outputs, sampled_outputs
from kohort.engine.rows import SlicedRows
from kohort.estimators.preparation import checked_table
from kohort.estimators.scaling import Scaling
from kohort.networks.base import Predictor
from kohort.networks.own.network import OwnNetwork
from kohort.recipe.recipe import Recipe


class DensePasses:
    """Raw outputs of the networks that an estimator has trained."""

    weights_: list[Floats]
    networks_: list[Outcome]
    recipe_: Recipe
    mc_samples: int
    _scaling: Scaling
    _network: OwnNetwork
    _seed: int

    def _seeds(self, count: int) -> list[int]:
        """Seed of each network; the first is that of a network alone."""
        more = np.random.SeedSequence(self._seed).generate_state(count - 1)
        return [self._seed, *(int(seed) for seed in more)]

    def _passes(self, X: TableLike) -> Iterator[Floats]:
        """Raw outputs of every pass, block by block of rows, shape (pass, row, output)."""
        check_is_fitted(self, "weights_")
        if not self._samples:
            yield from (found for _, (found,) in passes_together([self], [X]))
            return
        checked, _ = checked_table(self, X, reset=False)
        x, noisy = self._rows(checked), self._network.sampler
        for block in blocks(x):
            passes = [
                sampled_outputs(Trained(noisy, *rest), x[block], self._samples, block.start)
                for rest in self._trained
            ]
            yield passes[0] if len(passes) == 1 else np.concatenate(passes)

    def _rows(self, X: TableLike) -> SlicedRows:
        """Rows of a checked table as the networks read them; a cohort keeps those of its folds."""
        scaling, dtype, cohort = self._scaling, self._dtype, current()
        if cohort is None:
            return scaling.when_read(X, dtype)
        arrays = (X, *scaling.arrays)
        return cohort.recent.get_or_build(dtype, arrays, lambda: scaling.rows(X, dtype))

    @property
    def _dtype(self) -> np.dtype[np.floating[Any]]:
        """Type that the networks compute in."""
        return self.weights_[0].dtype

    @property
    def _trained(self) -> list[tuple[list[Floats], tuple[float, ...], tuple[int, ...], int]]:
        """Weights, numbers, units and seed of each network, for a `Trained` of its structure."""
        return [
            (outcome.weights, self.recipe_.numbers(), self.recipe_.units, seed)
            for outcome, seed in zip(self.networks_, self._seeds(len(self.networks_)), strict=True)
            if outcome.weights is not None
        ]

    @property
    def joins(self) -> bool:
        """Whether `passes_together` and `answered` give the predictions of the estimator.

        They do if it makes plain passes and no class derived from kohort's predicts otherwise.
        """
        own = (getattr(type(self), name, None) for name in ("predict", "predict_proba"))
        kept = all(method is None or method.__module__.startswith("kohort.") for method in own)
        return kept and hasattr(self, "weights_") and not self._samples

    @abstractmethod
    def answered(self, passes: Floats) -> Floats:
        """Turn the raw outputs of several passes into predictions.

        Parameters
        ----------
        passes : array, shape (pass, row, output)
            The network's raw outputs.

        Returns
        -------
        array, shape (row, output)
            Targets in their own units, or probabilities of classes.
        """

    @property
    def _samples(self) -> int:
        """Passes with noise of each network; 0 where it would make no difference."""
        return int(self.mc_samples) if self._network.sampler.uses else 0

    @property
    def _n_passes(self) -> int:
        return len(self.networks_) * max(1, self._samples)


def passes_together(
    estimators: Sequence[DensePasses], tables: Sequence[TableLike]
) -> Iterator[tuple[slice, list[Floats]]]:
    """Raw outputs of the plain passes of fitted estimators, block by block of rows.

    Networks of equal structure predict a block as one cohort, in one call. A block is standardised
    once for all estimators that do it alike; the more of these differ, the fewer rows it has, so
    that memory does not grow with them.

    Parameters
    ----------
    estimators : sequence of DensePasses
    tables : sequence of array, DataFrame, ...
        One for each estimator; all have the same number of rows.

    Yields
    ------
    slice, list of array, shape (pass, row, output)
        Rows, and their outputs by each estimator.
    """
    rows: list[SlicedRows] = []
    known: dict[tuple[object, ...], int] = {}
    checked: dict[int, Any] = {}
    cohorts: dict[tuple[object, ...], list[_Place]] = {}
    for number, (estimator, X) in enumerate(zip(estimators, tables, strict=True)):
        check_is_fitted(estimator, "weights_")
        dtype, scaling = estimator._dtype, estimator._scaling
        content = (array.tobytes() for array in scaling.arrays)
        read = known.setdefault((id(X), str(dtype), *content), len(rows))
        if read == len(rows):
            values, _ = checked_table(estimator, X, reset=False)
            values = checked.setdefault(id(X), values)
            alone = len(estimators) == 1
            rows.append(estimator._rows(values) if alone else scaling.when_read(values, dtype))
        network = estimator._network.predictor
        key = (network, str(dtype), str(rows[read].dtype))
        cohorts.setdefault(key, []).extend(
            _Place(number, read, Trained(network, *rest)) for rest in estimator._trained
        )
    for block in blocks(*rows):
        parts = [own[block] for own in rows]
        passes: list[list[Floats]] = [[] for _ in estimators]
        for places in cohorts.values():
            reads = list(dict.fromkeys(place.read for place in places))
            found = cohort_outputs(
                [place.network for place in places],
                np.stack([parts[read] for read in reads]),
                [reads.index(place.read) for place in places],
            )
            for place, outputs in zip(places, found, strict=True):
                passes[place.estimator].append(outputs)
        yield block, [np.stack(own) for own in passes]


class _Place(NamedTuple):
    """A network among those that predict together: whose it is, and which rows it reads."""

    estimator: int
    read: int
    network: Trained[Predictor]


def probabilities(raw: Floats, link: str) -> Floats:
    """Raw outputs (..., output) as probabilities (..., class), in double precision."""
    raw = raw.astype(np.float64)
    if link == "softmax":
        return np.asarray(softmax(raw, axis=-1))
    if raw.shape[-1] > 1:
        return np.asarray(expit(raw))
    return expit(np.concatenate([-raw, raw], axis=-1))
