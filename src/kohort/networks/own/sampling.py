"""Predictions of kohort's own networks with their noise left on (Monte Carlo dropout)."""

from __future__ import annotations

from dataclasses import dataclass

from kohort.arrays import Variables
from kohort.deferred import jax, jnp
from kohort.networks.dense_chain import DenseChain
from kohort.networks.layout import Layout
from kohort.networks.own.context import Context, named
from kohort.networks.own.dense import DenseNetwork
from kohort.networks.randomness import mix

SAMPLED = frozenset(("dropout", "input_dropout", "alpha_dropout"))
"""Techniques that stay active in Monte Carlo dropout."""


@dataclass(frozen=True)
class NoisyDense:
    """A dense network and the techniques that stay active while it predicts.

    Reference: Gal and Ghahramani 2016, Dropout as a Bayesian approximation (arXiv:1506.02142).
    """

    shape: DenseNetwork
    uses: frozenset[str]

    @property
    def outputs(self) -> int:
        return self.shape.outputs

    @property
    def dense(self) -> DenseChain:
        return self.shape.chain(self.uses)

    @property
    def layout(self) -> Layout:
        return self.shape.layout

    def sample(
        self,
        variables: Variables,
        x: jax.Array,
        numbers: jax.Array,
        units: jax.Array,
        seed: jax.Array,
        place: jax.Array,
        index: jax.Array,
    ) -> jax.Array:
        """Return raw outputs with noise, shape (row, output)."""
        noise = mix(seed + place.astype(jnp.uint32))
        context = Context(units, named(numbers), self.uses, noise, index)
        return self.shape.apply(variables, x, context)[0]
