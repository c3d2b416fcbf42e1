"""The base of all networks of users' Keras models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Self

from kohort.arrays import Variables
from kohort.networks.base import Layout, State
from kohort.networks.lifted.chain import Template, resolved


class KerasNetwork:
    """A model whose variables hold all that changes in training; equal ones share a program.

    Attributes
    ----------
    widths : tuple of int
        Width of each hidden layer as its variables lie, where it may be narrower.
    templates : tuple of tuples
        Shape of each variable.
    trainable : int
        How many of the leading variables are trained.
    metrics : tuple of str
        Names that the metrics are logged under.
    """

    widths: tuple[int, ...]
    templates: tuple[Template, ...]
    trainable: int
    metrics: tuple[str, ...]

    @property
    def hidden(self) -> int:
        return len(self.widths)

    @cached_property
    def layout(self) -> Layout:
        names = tuple(str(number) for number in range(len(self.templates)))
        return Layout(names, self.shapes(self.widths))

    @cached_property
    def parameters(self) -> int:
        return Layout((), self.layout.shapes[: self.trainable]).size

    @property
    def logs(self) -> tuple[str, ...]:
        return ("loss", *self.metrics)

    @property
    def predictor(self) -> Self:
        return self

    @property
    def final(self) -> bool:
        return True

    def joined(self, other: Self) -> Self:
        """Models of one group are equal."""
        return self

    @property
    def techniques(self) -> frozenset[str]:
        """None: models of one group are equal."""
        return frozenset()

    def holding(self, techniques: frozenset[str]) -> Self:
        """Return itself."""
        return self

    def shapes(self, units: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """Shape of each variable for the given widths."""
        return tuple(resolved(template, units) for template in self.templates)

    def initial_state(self, variables: Variables) -> State:
        """Nothing: the optimizer's variables are among the model's."""
        return State()
