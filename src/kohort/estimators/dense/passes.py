"""Passes of a fitted dense estimator: of each of its networks, and of each with dropout left on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.utils.validation import check_is_fitted

from kohort.arrays import TableLike
from kohort.engine.member import Floats, Outcome
from kohort.engine.predict import Trained, blocks, raw_outputs, sampled_outputs
from kohort.estimators.preparation import checked_table
from kohort.estimators.scaling import Scaling
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
        X, _ = checked_table(self, X, reset=False)
        x = self._scaling.rows(X, self.weights_[0].dtype)
        networks = [
            (outcome.weights, self.recipe_.numbers(), self.recipe_.units, seed)
            for outcome, seed in zip(self.networks_, self._seeds(len(self.networks_)), strict=True)
            if outcome.weights is not None
        ]
        plain, noisy = self._network.predictor, self._network.sampler
        for block in blocks(x):
            if self._samples:
                passes = [
                    sampled_outputs(Trained(noisy, *rest), x[block], self._samples, block.start)
                    for rest in networks
                ]
            else:
                passes = [raw_outputs(Trained(plain, *rest), x[block])[None] for rest in networks]
            yield passes[0] if len(passes) == 1 else np.concatenate(passes)

    @property
    def _samples(self) -> int:
        """Passes with noise of each network; 0 where it would make no difference."""
        return int(self.mc_samples) if self._network.sampler.uses else 0

    @property
    def _n_passes(self) -> int:
        return len(self.networks_) * max(1, self._samples)
