"""A Keras model as a network of the engine: its own training step, with the numbers lifted out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax.numpy as jnp

from kohort.networks.base import BLOCK
from kohort.networks.layout import Layout
from kohort.networks.lifted.chain import Template, resolved
from kohort.networks.lifted.lifting import Program
from kohort.networks.reading import Layer, Reading


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
        self, numbers: Any, variables: Sequence[Any], state: Sequence[Any], *rest: Any
    ) -> Any:
        mine = numbers[self.first : self.first + self.program.numbers]
        return self.program(mine, variables[slice(*self.arrays)], list(state), *rest)


@dataclass(frozen=True)
class TracedModel:
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

    @property
    def hidden(self) -> int:
        return len(self.widths)

    @cached_property
    def layout(self) -> Layout:
        names = tuple(str(number) for number in range(len(self.templates)))
        return Layout(names, self.shapes(self.widths))

    @cached_property
    def parameters(self) -> int:
        return Layout((), self.shapes(self.widths)[: self.trainable]).size

    @property
    def scratch(self) -> int:
        return self.parts["step"].program.scratch

    def shapes(self, units: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """Shape of each variable for the given widths."""
        return tuple(resolved(template, units) for template in self.templates)

    def step(
        self,
        variables: Sequence[Any],
        state: Any,
        batch: tuple[Any, Any, Any, Any],
        pace: dict[str, Any],
        numbers: Any,
        units: Any,
        seed: Any,
        index: Any,
    ) -> tuple[list[Any], Any, Any]:
        """Keras's training step: new variables, the (empty) further state, the loss."""
        timing = (pace["learning_rate"], pace["fresh"], seed, index)
        carried, loss = self.parts["step"](
            numbers, variables, variables[: self.carried], *batch, *timing, units
        )
        return [*carried, *variables[self.carried :]], state, loss

    def probe(
        self,
        variables: Sequence[Any],
        state: Any,
        batch: tuple[Any, Any, Any, Any],
        pace: dict[str, Any],
        numbers: Any,
        units: Any,
        seed: Any,
        index: Any,
    ) -> Reading:
        """What a step of the same arguments looks like from within."""
        timing = (pace["learning_rate"], pace["fresh"], seed, index)
        found = self.parts["probe"](
            numbers, variables, variables[: self.carried], *batch, *timing, units
        )
        return Reading(*found)

    def judge(
        self,
        variables: Sequence[Any],
        batch: tuple[Any, Any, Any, Any],
        numbers: Any,
        units: Any,
    ) -> tuple[list[Any], Any]:
        """Variables with metrics that have seen the rows; the loss of the rows."""
        carried, loss = self.parts["judge"](
            numbers, variables, variables[: self.carried], *batch, units
        )
        return [*carried, *variables[self.carried :]], loss

    def fresh(self, variables: Sequence[Any], numbers: Any) -> list[Any]:
        """Variables with metrics that have seen nothing."""
        carried = self.parts["reset"](numbers, variables, variables[: self.carried])
        return [*carried, *variables[self.carried :]]

    def results(self, variables: Sequence[Any], numbers: Any) -> Any:
        """What the metrics have come to, in the order of `metrics`, shape (metric,)."""
        if not self.metrics:
            return jnp.zeros(0, variables[0].dtype)
        return self.parts["results"](numbers, variables, variables[: self.carried])

    def predict(self, variables: Sequence[Any], x: Any, numbers: Any, units: Any) -> Any:
        return self.parts["predict"](numbers, variables, variables[: self.carried], x, units)
