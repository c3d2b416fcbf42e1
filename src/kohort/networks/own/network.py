"""A network of kohort's own that trains: a shape, a loss, an optimizer, and techniques."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

from kohort.arrays import Variables
from kohort.deferred import jax, jnp
from kohort.networks.base import BLOCK, Batch, Layer, Layout, Reading, Rows, State, bucket
from kohort.networks.dense_chain import ChainMetric, DenseChain
from kohort.networks.own.dense import DenseNetwork
from kohort.networks.own.judging import logs_of, means_of, sums_of
from kohort.networks.own.probing import probed
from kohort.networks.own.sampling import SAMPLED, NoisyDense
from kohort.networks.own.steps import Training, context_of
from kohort.recipe.optimizers import OPTIMIZERS
from kohort.recipe.recipe import NUMBERS, Recipe


@dataclass(frozen=True)
class OwnNetwork:
    """`kohort.networks.base.Network` for the networks that a recipe describes.

    Attributes
    ----------
    shape : DenseNetwork
    loss : str
        Name in `kohort.recipe.losses.LOSSES`.
    family : str
        Optimizer family.
    uses : frozenset of str
        Techniques compiled into the program. Members of one group share a program that holds every
        technique that any of them uses.
    """

    shape: DenseNetwork
    loss: str
    family: str
    uses: frozenset[str]

    @classmethod
    def of(cls, features: int, outputs: int, recipe: Recipe) -> OwnNetwork:
        """Return the network that a recipe describes."""
        shape = DenseNetwork.of(features, outputs, recipe)
        return cls(shape, recipe.loss, OPTIMIZERS[recipe.optimizer].family, recipe.uses)

    @property
    def features(self) -> int:
        return self.shape.features

    @property
    def outputs(self) -> int:
        return self.shape.outputs

    @cached_property
    def dense(self) -> DenseChain:
        metrics = (ChainMetric("hits"),) if len(self.logs) > 1 else ()
        chain = self.shape.chain(self.uses)
        return replace(chain, loss=self.loss, family=self.family, metrics=metrics)

    @property
    def layout(self) -> Layout:
        return self.shape.layout

    @property
    def trainable(self) -> int:
        return self.shape.trainable

    @property
    def parameters(self) -> int:
        return self.shape.layout.size

    @property
    def scratch(self) -> int:
        return 0

    @property
    def essential(self) -> int:
        return len(self.shape.names)

    @property
    def columns(self) -> int:
        return len(NUMBERS)

    @property
    def metrics(self) -> tuple[str, ...]:
        return ()

    @property
    def logs(self) -> tuple[str, ...]:
        return logs_of(self.loss)

    @property
    def hidden(self) -> int:
        return self.shape.hidden

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.shape.layers

    @property
    def fixed_batch(self) -> int | None:
        return None

    @property
    def judged_rows(self) -> int:
        return BLOCK

    @property
    def predictor(self) -> DenseNetwork:
        return self.shape

    @property
    def sampler(self) -> NoisyDense:
        """The function that predicts with the network's dropout left on."""
        return NoisyDense(self.shape, self.uses & SAMPLED)

    @property
    def group(self) -> Hashable:
        return self.shape, self.loss, self.family

    @property
    def final(self) -> bool:
        return False

    def joined(self, other: Self) -> Self:
        return replace(self, uses=self.uses | other.uses)

    @property
    def techniques(self) -> frozenset[str]:
        return self.uses

    def holding(self, techniques: frozenset[str]) -> Self:
        return replace(self, uses=techniques)

    def shapes(self, units: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        return self.shape.shapes(units)

    def padded_rows(self, rows: int) -> int:
        return bucket(rows)

    def initial_state(self, variables: Variables) -> State:
        return self._training.initial_state(variables[: self.trainable])

    def step(
        self,
        variables: Variables,
        state: State,
        batch: Batch,
        pace: Mapping[str, jax.Array],
        numbers: jax.Array,
        units: jax.Array,
        seed: jax.Array,
        index: jax.Array,
    ) -> tuple[Variables, State, jax.Array]:
        context = context_of(self.uses, batch[3], pace, numbers, units, seed, index)
        return self._training.step(variables, state, batch, context)

    def probe(
        self,
        variables: Variables,
        state: State,
        batch: Batch,
        pace: Mapping[str, jax.Array],
        numbers: jax.Array,
        units: jax.Array,
        seed: jax.Array,
        index: jax.Array,
    ) -> Reading:
        context = context_of(self.uses, batch[3], pace, numbers, units, seed, index)
        return probed(self._training, variables, state, batch, context)

    def results(self, variables: Variables, numbers: jax.Array) -> jax.Array:
        return jnp.zeros(0, variables[0].dtype)

    def judging(self, variables: Variables, numbers: jax.Array) -> jax.Array:
        return jnp.zeros(2, variables[0].dtype)

    def judge(
        self,
        judged: jax.Array,
        variables: Variables,
        rows: Rows,
        numbers: jax.Array,
        units: jax.Array,
    ) -> jax.Array:
        return judged + sums_of(self.shape, self.loss, self.uses, variables, rows, numbers, units)

    def verdict(
        self, judged: jax.Array, variables: Variables, numbers: jax.Array, count: jax.Array
    ) -> jax.Array:
        return means_of(self.shape, self.loss, self.uses, judged, variables, numbers, count)

    @property
    def _training(self) -> Training:
        return Training(self.shape, self.loss, self.family, self.uses)
