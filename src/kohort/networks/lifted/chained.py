"""A user's chain of dense layers as a network that the kernels train, without tracing it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from kohort.arrays import Variables
from kohort.deferred import jax
from kohort.networks.base import BLOCK, Batch, Judged, Layer, Reading, Rows, State
from kohort.networks.dense_chain import DenseChain
from kohort.networks.lifted.chain import Template
from kohort.networks.lifted.keras_network import KerasNetwork
from kohort.networks.lifted.traced import TracedModel


@dataclass(frozen=True)
class ChainedModel(KerasNetwork):
    """`kohort.networks.base.Network` for a Keras model that a `DenseChain` says completely.

    The variables are those of a `TracedModel`: trained, others, the optimizer's, the metrics', then
    the arrays that standardise the features, then the arrays of its trace. Its only functions for
    XLA are those of the trace that look within a step: code that needs a gradient takes the trace.

    Attributes
    ----------
    dense : DenseChain
    widths : tuple of int
        Width of each hidden layer as its variables lie.
    templates : tuple of tuples
        Shape of each variable.
    trainable, essential, carried : int
        How many of the leading variables are trained, make the model, change in training.
    metrics : tuple of str
        Names that the metrics are logged under.
    traced : TracedModel or None
        Its trace, where it can be probed; its numbers are the last of a row of numbers.
    """

    dense: DenseChain
    widths: tuple[int, ...] = field(compare=False)
    templates: tuple[Template, ...] = field(compare=False)
    trainable: int = field(compare=False)
    essential: int = field(compare=False)
    carried: int = field(compare=False)
    metrics: tuple[str, ...]
    traced: TracedModel | None = None

    @property
    def features(self) -> int:
        return self.dense.features

    @property
    def outputs(self) -> int:
        return self.dense.outputs

    @property
    def scratch(self) -> int:
        return 0

    @property
    def columns(self) -> int:
        return len(self.dense.numbers)

    @property
    def layers(self) -> tuple[Layer, ...]:
        return () if self.traced is None else self.traced.layers

    @property
    def fixed_batch(self) -> int | None:
        return None if self.traced is None else self.traced.fixed_batch

    @property
    def judged_rows(self) -> int:
        return BLOCK

    @property
    def group(self) -> Hashable:
        return self

    def padded_rows(self, rows: int) -> int:
        return rows

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
        self._refuse()

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
        """Quantities within a step of the same arguments, computed by the trace."""
        traced = self.traced
        if traced is None:
            self._refuse()
        arrays = len(traced.templates) - traced.carried
        mine = [*variables[: self.carried], *variables[len(variables) - arrays :]]
        own = numbers[len(numbers) - traced.columns :]
        widths = units[: len(traced.widths)]
        return traced.probe(mine, state, batch, pace, own, widths, seed, index)

    def results(self, variables: Variables, numbers: jax.Array) -> jax.Array:
        self._refuse()

    def judging(self, variables: Variables, numbers: jax.Array) -> Judged:
        self._refuse()

    def judge(
        self, judged: Judged, variables: Variables, rows: Rows, numbers: jax.Array, units: jax.Array
    ) -> Judged:
        self._refuse()

    def verdict(
        self, judged: Judged, variables: Variables, numbers: jax.Array, count: jax.Array
    ) -> jax.Array:
        self._refuse()

    def predict(
        self, variables: Variables, x: jax.Array, numbers: jax.Array, units: jax.Array
    ) -> jax.Array:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise NotImplementedError(
            "This model was made ready for kohort's kernels, which are not there any more. Set "
            "KOHORT_NATIVE before the estimator is fitted."
        )
