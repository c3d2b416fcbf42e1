"""The built-in dense network: hidden layers of masked width, one linear output layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from kohort.arrays import Variables
from kohort.deferred import jax, jnp
from kohort.networks.dense_chain import ChainLayer, DenseChain
from kohort.networks.layout import Layout
from kohort.networks.observing import linear
from kohort.networks.own.context import Context, named
from kohort.networks.own.noise import INPUT_DROPOUT, alpha_dropout, dropout, gaussian_noise
from kohort.networks.own.normalization import batch_norm, layer_norm
from kohort.networks.reading import Layer
from kohort.recipe.activations import ACTIVATIONS
from kohort.recipe.recipe import NUMBERS, Recipe

_LADDER = (16, 32, 64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024)

# Kernels of fewer weights than this together cost the same at any width: XLA's overhead per
# operation outweighs the arithmetic, so the narrowest networks share one program.
_FREE_WEIGHTS = 1280


def padded(units: int) -> int:
    """The compiled width that a layer of `units` runs in.

    Widths share programs by rounding up to a step of a ladder of multiples of 16, then to
    multiples of 256.

    Examples
    --------
    >>> [padded(units) for units in (1, 37, 64, 99, 1500)]
    [16, 64, 64, 128, 1536]
    """
    for step in _LADDER:
        if units <= step:
            return step
    return -(-units // 256) * 256


def free_width(features: int, depth: int) -> int:
    """The widest step of the ladder that costs no more than the narrowest."""
    free = [w for w in _LADDER if features * w + (depth - 1) * w * w <= _FREE_WEIGHTS]
    return max(free, default=_LADDER[0])


@dataclass(frozen=True)
class DenseNetwork:
    """Structure of a dense network.

    A hidden layer is a kernel and a bias, then normalisation and activation in either order, then
    dropout. Variables lie layer by layer in the order of `names`: kernel, bias, gamma and beta of
    the normalisation, trained slopes of PReLU; moving averages come after those of all layers.

    Attributes
    ----------
    features, outputs : int
    widths : tuple of int
        Compiled (padded) width of each hidden layer.
    activation : str
        Name of the hidden activation.
    batch_norm, layer_norm : {"before", "after"} or None
        Normalisation before or after the activation.
    """

    features: int
    outputs: int
    widths: tuple[int, ...]
    activation: str
    batch_norm: str | None = None
    layer_norm: str | None = None

    @classmethod
    def of(cls, features: int, outputs: int, recipe: Recipe) -> DenseNetwork:
        """The structure that a recipe's network runs in."""
        least = free_width(features, len(recipe.units))
        widths = tuple(max(least, padded(width)) for width in recipe.units)
        return cls(
            features, outputs, widths, recipe.activation, recipe.batch_norm, recipe.layer_norm
        )

    @property
    def hidden(self) -> int:
        return len(self.widths)

    @cached_property
    def dense(self) -> DenseChain:
        """Itself as a chain in which every technique is off."""
        return self.chain(frozenset())

    def chain(self, uses: frozenset[str]) -> DenseChain:
        """Return itself as a chain whose members may use some techniques."""
        kinds = {"batch": self.batch_norm, "layer": self.layer_norm}
        norm = next((f"{kind}_{place}" for kind, place in kinds.items() if place), "none")

        def column(name: str) -> int:
            return NUMBERS.index(name) if name in uses else -1

        hidden = [
            ChainLayer(
                width,
                self.activation,
                norm,
                stream=number,
                alpha=NUMBERS.index("activation_alpha"),
                momentum=NUMBERS.index("batch_norm_momentum"),
                epsilon=NUMBERS.index("norm_epsilon"),
                dropout=column("dropout"),
                alpha_dropout=column("alpha_dropout"),
                l1=column("l1"),
                l2=column("l2"),
                max_norm=column("max_norm"),
            )
            for number, width in enumerate(self.widths)
        ]
        output = ChainLayer(self.outputs, "linear", l1=column("l1"), l2=column("l2"))
        sizes = [math.prod(shape) for shape in self.layout.shapes]
        places = tuple(accumulate(sizes[:-1], initial=0))
        return DenseChain(self.features, (*hidden, output), NUMBERS, places, sum(sizes), uses)

    @cached_property
    def layout(self) -> Layout:
        return Layout(self.names, self.shapes(self.widths))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """`layer/variable` for each variable."""
        inner = [
            f"hidden_{layer}/{kind}"
            for layer in range(1, self.hidden + 1)
            for kind in ("kernel", "bias", *self._per_unit)
        ]
        averages = [
            f"hidden_{layer}/{kind}"
            for layer in range(1, self.hidden + 1)
            for kind in self._averages
        ]
        return (*inner, "output/kernel", "output/bias", *averages)

    @property
    def _per_unit(self) -> tuple[str, ...]:
        """Trained vectors of a hidden layer beside its bias."""
        norm = ("gamma", "beta") if self.batch_norm or self.layer_norm else ()
        return (*norm, "alpha") if self.activation == "prelu" else norm

    @property
    def _averages(self) -> tuple[str, ...]:
        return ("moving_mean", "moving_variance") if self.batch_norm else ()

    @property
    def trainable(self) -> int:
        return len(self.names) - self.hidden * len(self._averages)

    @property
    def _stride(self) -> int:
        """Trained variables of one hidden layer."""
        return 2 + len(self._per_unit)

    def shapes(self, units: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """Shape of each variable for the given widths."""
        shapes: list[tuple[int, ...]] = []
        for inputs, width in pairwise([self.features, *units]):
            shapes += [(inputs, width), *[(width,)] * (self._stride - 1)]
        last = units[-1] if len(units) else self.features
        shapes += [(last, self.outputs), (self.outputs,)]
        for width in units:
            shapes += [(width,)] * len(self._averages)
        return tuple(shapes)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that a probe tells of."""
        hidden = [
            Layer(f"hidden_{layer + 1}", self.activation, layer * self._stride)
            for layer in range(self.hidden)
        ]
        return (*hidden, Layer("output", "linear", self.trainable - 2))

    def sizes(self, units: jax.Array) -> list[tuple[jax.Array | int, ...]]:
        widths = [units[layer] for layer in range(self.hidden)]
        return list(self.shapes(widths)[: self.trainable])  # type: ignore[arg-type]

    def apply(
        self, variables: Variables, x: jax.Array, context: Context
    ) -> tuple[jax.Array, list[jax.Array]]:
        if "gaussian_noise" in context.uses:
            x = gaussian_noise(x, context)
        if "input_dropout" in context.uses:
            x = dropout(x, "input_dropout", INPUT_DROPOUT, context)
        averages: list[jax.Array] = []
        for layer, width in enumerate(self.widths):
            x, moved = self._hidden(layer, variables, x, context)
            averages += moved
            if "dropout" in context.uses:
                x = dropout(x, "dropout", layer, context)
            if "alpha_dropout" in context.uses:
                x = alpha_dropout(x, layer, context)
            # Masked units are zero forwards and backwards, so surplus weights never move.
            exists = jnp.arange(width, dtype=jnp.int32) < context.units[layer]
            x = jnp.where(exists, x, 0)
        kernel, bias = variables[self.trainable - 2 : self.trainable]
        return context.observer.activate(self.hidden, linear, x @ kernel + bias), averages

    def predict(
        self, variables: Variables, x: jax.Array, numbers: jax.Array, units: jax.Array
    ) -> jax.Array:
        return self.apply(variables, x, Context(units, named(numbers)))[0]

    def _hidden(
        self, layer: int, variables: Variables, x: jax.Array, context: Context
    ) -> tuple[jax.Array, list[jax.Array]]:
        """One hidden layer up to its activation, and its new moving averages."""
        start = layer * self._stride
        kernel, bias, *vectors = variables[start : start + self._stride]
        if self.batch_norm == "before":
            # Subtracting the batch's mean cancels the bias: its gradient is 0 and not the rounding
            # noise that an adaptive optimizer would turn into steps.
            bias = jax.lax.stop_gradient(bias)
        averages: list[jax.Array] = []

        def normalised(x: jax.Array, place: str) -> jax.Array:
            nonlocal averages
            if self.batch_norm == place:
                first = self.trainable + 2 * layer
                before = (variables[first], variables[first + 1])
                context.observer.normalise(layer, x, before)
                x, averages = batch_norm(x, (vectors[0], vectors[1]), before, context)
            if self.layer_norm == place:
                x = layer_norm(x, (vectors[0], vectors[1]), context.units[layer], context)
            return x

        alpha = vectors[-1] if self.activation == "prelu" else context.numbers["activation_alpha"]
        x = normalised(x @ kernel + bias, "before")
        function = ACTIVATIONS[self.activation].function
        x = context.observer.activate(layer, lambda x: function(x, alpha), x)
        return normalised(x, "after"), averages

    def kernels(self, variables: Variables) -> list[jax.Array]:
        hidden = [variables[layer * self._stride] for layer in range(self.hidden)]
        return [*hidden, variables[self.trainable - 2]]
