"""One optimizer step of a network of kohort's own: clip, decay, update, average, constrain.

The order is Keras's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kohort.arrays import Variables
from kohort.deferred import jax, jnp, optax
from kohort.networks.base import Batch, State
from kohort.networks.own.context import Context, named
from kohort.networks.own.dense import DenseNetwork
from kohort.recipe.losses import loss_of
from kohort.recipe.optimizers import transformation
from kohort.recipe.regularizers import max_norm, penalty

Objective: TypeAlias = "Callable[..., tuple[jax.Array, list[jax.Array]]]"


@dataclass(frozen=True)
class Training:
    """The training of a dense network: the loss that a step differentiates, and the update.

    Attributes
    ----------
    shape : DenseNetwork
    loss : str
        Name in `kohort.recipe.losses.LOSSES`.
    family : str
        Optimizer family.
    uses : frozenset of str
        Techniques compiled into the program.
    """

    shape: DenseNetwork
    loss: str
    family: str
    uses: frozenset[str]

    def initial_state(self, trained: Variables) -> State:
        """Return the state of a member that has not trained yet."""
        optimizer = transformation(self.family, self.uses).init(trained)
        average = jax.tree.map(jnp.zeros_like, trained) if "averaging" in self.uses else ()
        return State(optimizer, average)

    def step(
        self,
        variables: Variables,
        state: State,
        batch: Batch,
        context: Context,
    ) -> tuple[list[jax.Array], State, jax.Array]:
        """Return new variables, the new state, and the loss with its penalty."""
        trained, fixed = variables[: self.shape.trainable], variables[self.shape.trainable :]
        gradient = jax.value_and_grad(self.objective(), has_aux=True)
        (value, moving), grads = gradient(trained, fixed, batch, context)
        constrained, state = self.follow(trained, state, grads, context)
        return [*constrained, *moving], state, value

    def objective(self) -> Objective:
        """Return `(trained, fixed, batch, context) -> (loss with penalty, moving averages)`."""
        loss = loss_of(self.loss, self.uses)

        def objective(
            trained: Variables, fixed: Variables, batch: Batch, context: Context
        ) -> tuple[jax.Array, list[jax.Array]]:
            x, y, weight, _ = batch
            output, averages = self.shape.apply([*trained, *fixed], x, context)
            value = jnp.sum(weight * loss(y, output, context.numbers))
            kernels = self.shape.kernels(trained)
            return value + penalty(kernels, context.numbers, self.uses), averages

        return objective

    def follow(
        self, trained: Variables, state: State, grads: Variables, context: Context
    ) -> tuple[list[jax.Array], State]:
        """Apply gradients: return the trained variables and the state after the step."""
        optimizer = transformation(self.family, self.uses)
        numbers = dict(context.numbers)
        grads = self._thawed(grads, numbers)
        updates, inner = optimizer.update(
            grads,
            state.optimizer,
            trained,
            numbers=numbers,
            shapes=self.shape.sizes(context.units),
        )
        moved = optax.apply_updates(trained, self._thawed(updates, numbers))
        constrained = self._constrained(moved, numbers)
        average = state.average
        if "averaging" in self.uses:
            assert context.step is not None
            average = _averaged(average, moved, constrained, numbers, context.step)
        return constrained, State(inner, average)

    def _thawed(self, changes: Variables, numbers: Mapping[str, jax.Array]) -> Variables:
        """Gradients or updates without those of frozen hidden layers."""
        if "freezing" not in self.uses:
            return changes
        free = numbers["thawed"] > 0
        return [*(jnp.where(free, change, 0) for change in changes[:-2]), *changes[-2:]]

    def _constrained(
        self, trained: list[jax.Array], numbers: Mapping[str, jax.Array]
    ) -> list[jax.Array]:
        """Variables with hidden kernels within max-norm."""
        if "max_norm" not in self.uses:
            return trained
        hidden = {id(kernel) for kernel in self.shape.kernels(trained)[:-1]}
        return [max_norm(v, numbers["max_norm"]) if id(v) in hidden else v for v in trained]


def context_of(
    uses: frozenset[str],
    rows: jax.Array,
    pace: Mapping[str, jax.Array],
    numbers: jax.Array,
    units: jax.Array,
    seed: jax.Array,
    index: jax.Array,
) -> Context:
    """Return the context of a training step."""
    return Context(units, {**named(numbers), **pace}, uses, seed, index, rows)


def _averaged(
    average: Sequence[jax.Array],
    moved: Sequence[jax.Array],
    constrained: Sequence[jax.Array],
    numbers: Mapping[str, jax.Array],
    index: jax.Array,
) -> list[jax.Array]:
    """Keras's exponential moving average; a member without one keeps its plain weights."""
    stay = jnp.where(index > 0, numbers["ema_momentum"], 0)
    on = numbers["averaged"] > 0
    return [
        jnp.where(on, stay * old + (1 - stay) * new, plain)
        for old, new, plain in zip(average, moved, constrained, strict=True)
    ]
