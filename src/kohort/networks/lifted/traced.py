"""A Keras model as a network of the engine: its own training step, with the numbers lifted out."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kohort.arrays import Variables
from kohort.deferred import jax, jnp
from kohort.networks.base import BLOCK, Batch, Layer, Reading, Rows, State
from kohort.networks.lifted.chain import Template
from kohort.networks.lifted.keras_network import KerasNetwork
from kohort.networks.lifted.lifting import Program


@dataclass(frozen=True)
class Part:
    """One lifted function of a model, and where its numbers and arrays lie.

    Attributes
    ----------
    program : Program
    first : int
        Column of its first number.
    arrays : tuple of int, int
        Its arrays among the variables.
    """

    program: Program
    first: int
    arrays: tuple[int, int]

    def __call__(
        self, numbers: jax.Array, variables: Variables, state: Variables, *rest: jax.Array
    ) -> Any:
        mine = numbers[self.first : self.first + self.program.numbers]
        return self.program(mine, variables[slice(*self.arrays)], list(state), *rest)


@dataclass(frozen=True)
class TracedModel(KerasNetwork):
    """Structure of a Keras model; models that differ only in numbers are equal.

    The variables are those that are trained, the others, the optimizer's, the metrics', then the
    arrays that the functions closed over.

    Attributes
    ----------
    digest : str
        Names the structure.
    features, outputs : int
        Columns of a flat row of the inputs, and of the outputs.
    widths : tuple of int
        Compiled width of each hidden layer that may be narrower.
    templates : tuple of tuples
        Shape of each variable.
    trainable : int
        Number of trained variables.
    essential : int
        How many of the leading variables make the model; they must be finite.
    carried : int
        How many of the leading variables change in training.
    columns : int
        Length of a member's row of numbers.
    metrics : tuple of str
        Names that the metrics are logged under.
    layers : tuple of Layer
        Those that a probe tells of; empty where none was asked for.
    judged_rows : int
        Rows that one call of `judge` takes.
    fixed_batch : int
        Rows of a batch that the step was traced for.
    """

    digest: str
    features: int
    outputs: int
    widths: tuple[int, ...]
    templates: tuple[Template, ...] = field(compare=False)
    trainable: int = field(compare=False)
    essential: int = field(compare=False)
    carried: int = field(compare=False)
    columns: int = field(compare=False)
    metrics: tuple[str, ...] = field(compare=False)
    parts: dict[str, Part] = field(compare=False, repr=False)
    layers: tuple[Layer, ...] = field(compare=False, default=())
    judged_rows: int = field(compare=False, default=BLOCK)
    fixed_batch: int = field(compare=False, default=0)

    @property
    def opaque(self) -> bool:
        """Whether it calls code that its digest does not cover, such as a function of Python's."""
        return any(part.program.opaque for part in self.parts.values())

    @property
    def dense(self) -> None:
        return None

    @property
    def scratch(self) -> int:
        return self.parts["step"].program.scratch

    @property
    def group(self) -> Hashable:
        return self.digest

    def padded_rows(self, rows: int) -> int:
        return self.judged_rows << (-(-rows // self.judged_rows) - 1).bit_length()

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
        """Keras's training step: new variables, the (empty) further state, the loss."""
        timing = (pace["learning_rate"], pace["fresh"], seed, index)
        carried, loss = self.parts["step"](
            numbers, variables, variables[: self.carried], *batch, *timing, units
        )
        return [*carried, *variables[self.carried :]], state, loss

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
        """Quantities within a step of the same arguments, by layer and as a whole."""
        timing = (pace["learning_rate"], pace["fresh"], seed, index)
        found = self.parts["probe"](
            numbers, variables, variables[: self.carried], *batch, *timing, units
        )
        return Reading(*found)

    def judging(self, variables: Variables, numbers: jax.Array) -> tuple[Variables, jax.Array]:
        """Variables with metrics that have seen nothing; the sum of no losses."""
        carried = self.parts["reset"](numbers, variables, variables[: self.carried])
        fresh = [*carried, *variables[self.carried :]]
        return fresh, jnp.zeros((), variables[0].dtype)

    def judge(
        self,
        judged: tuple[Variables, jax.Array],
        variables: Variables,
        rows: Rows,
        numbers: jax.Array,
        units: jax.Array,
    ) -> tuple[Variables, jax.Array]:
        """Variables with metrics that have seen the rows too; the sum of losses."""
        seen, total = judged
        carried, loss = self.parts["judge"](numbers, seen, seen[: self.carried], *rows, units)
        total = total + loss * jnp.sum(rows[3].astype(total.dtype))
        return [*carried, *seen[self.carried :]], total

    def verdict(
        self,
        judged: tuple[Variables, jax.Array],
        variables: Variables,
        numbers: jax.Array,
        count: jax.Array,
    ) -> jax.Array:
        seen, total = judged
        return jnp.concatenate([(total / count)[None], self.results(seen, numbers)])

    def results(self, variables: Variables, numbers: jax.Array) -> jax.Array:
        """The values of the metrics, in the order of `metrics`, shape (metric,)."""
        if not self.metrics:
            return jnp.zeros(0, variables[0].dtype)
        return self.parts["results"](numbers, variables, variables[: self.carried])

    def predict(
        self, variables: Variables, x: jax.Array, numbers: jax.Array, units: jax.Array
    ) -> jax.Array:
        return self.parts["predict"](numbers, variables, variables[: self.carried], x, units)
