"""A Keras model's training step seen from within, as a pure function of arrays.

Watched are Keras's own layers that stand in the model itself: what their activations are given and
give, and what batch normalisations normalise. Other layers only tell the norms of their kernels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kohort.arrays import DTypeLike
from kohort.deferred import jax, jnp
from kohort.networks.lifted.chain import is_elementwise
from kohort.networks.lifted.columns import Columns
from kohort.networks.lifted.functions import Functions
from kohort.networks.lifted.names import numbered_names, snake_case
from kohort.networks.lifted.replacing import replacing
from kohort.networks.observing import Recorder, linear
from kohort.networks.reading import Layer, Part, Reading, reading
from kohort.recipe.clipping import CLIPPINGS

if TYPE_CHECKING:
    import keras


class ProbedFunctions(Functions):
    """The functions of a model, and `probe`, which sees a training step from within.

    Attributes
    ----------
    layers : list of keras.Layer
        Those that a probe tells of, in the model's order.
    told : tuple of Layer
        The same in words, which do not depend on how many models the process has built.
    """

    def __init__(self, model: keras.Model, x: Columns, y: Columns, batch_size: int) -> None:
        super().__init__(model, x, y, batch_size)
        self.layers = [
            layer for layer in leaves(model) if _kernel(layer) is not None or _watchable(layer)
        ]
        places = {id(v): place for place, v in enumerate(self.variables.carried)}
        self.told = tuple(
            Layer(name, _activation_name(layer), places.get(id(_kernel(layer))))
            for name, layer in zip(numbered_names(self.layers), self.layers, strict=True)
        )

    def probe(
        self,
        state: list[Any],
        x: jax.Array,
        y: jax.Array,
        share: jax.Array,
        rows: jax.Array,
        rate: jax.Array,
        fresh: jax.Array,
        seed: jax.Array,
        index: jax.Array,
        units: jax.Array,
    ) -> Reading:
        """Quantities within a step of the same arguments, by layer and as a whole."""
        lists = self._scopes(state, seed, index)
        trained, other, optimizer, metrics = lists
        weight = self._for_each_output(share * self.batch_size)
        inputs, targets = self.x.split(x), self.y.split(y)
        exists = jnp.arange(self.batch_size, dtype=jnp.int32) < rows

        def loss(trained: list[Any], offsets: dict[int, Any]) -> tuple[Any, Any]:
            recorder = Recorder(offsets)
            with self._patched(exists, units), self._watched(recorder):
                total, _ = self.model.compute_loss_and_updates(
                    trained, other, metrics, inputs, targets, weight, training=True,
                    optimizer_variables=optimizer,
                )  # fmt: skip
            return total, recorder.seen()

        seen = jax.eval_shape(lambda: loss(trained, {})[1])
        offsets = {
            layer: jnp.zeros(sight[0].shape, sight[0].dtype)
            for layer, sight in seen.items()
            if sight[0] is not None
        }
        gradient = jax.value_and_grad(loss, (0, 1), has_aux=True)
        (value, seen), (grads, backward) = gradient(trained, offsets)
        after, _ = self.step(state, x, y, share, rows, rate, fresh, seed, index, units)
        kernels = self._kernels(trained, grads, after)
        parts = [
            Part(seen.get(number), backward.get(number), self._real(layer, units), kernel)
            for number, (layer, kernel) in enumerate(zip(self.layers, kernels, strict=True))
        ]
        return reading(parts, rows, value.astype(x.dtype), grads, self._limits(x.dtype))

    def _kernels(
        self, trained: Sequence[Any], grads: Sequence[Any], after: Sequence[Any]
    ) -> list[tuple[Any, Any, Any] | None]:
        """Each layer's kernel, its gradient, and its update in the step."""
        places = {id(v): place for place, v in enumerate(self.model.trainable_variables)}
        found: list[tuple[Any, Any, Any] | None] = []
        for layer in self.layers:
            place = places.get(id(_kernel(layer)))
            if place is None:
                found.append(None)
                continue
            old = trained[place]
            found.append((old, grads[place], after[place].astype(old.dtype) - old))
        return found

    def _real(self, layer: keras.Layer, units: jax.Array) -> Any:
        """Which of a layer's units are real; None for all."""
        position = None
        for other in self.model.layers if self.hidden else ():
            if any(other is hidden for hidden in self.hidden):
                position = 0 if position is None else position + 1
            elif type(other).__name__ == "Dense":
                position = None
            if other is layer:
                break
        if position is None:
            return None
        return jnp.arange(self.widths[position], dtype=jnp.int32) < units[position]

    def _limits(self, dtype: DTypeLike) -> dict[str, Any]:
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        limits = {name: getattr(optimizer, name, None) for name in CLIPPINGS}
        return {n: jnp.asarray(limit, dtype) for n, limit in limits.items() if limit is not None}

    @contextmanager
    def _watched(self, recorder: Recorder) -> Iterator[None]:
        with replacing() as replace:
            for number, layer in enumerate(self.layers):
                if not _watchable(layer):
                    continue
                if _has_activation(layer):
                    replace(layer, "activation", _activation(layer, number, recorder))
                else:
                    replace(layer, "call", _call(layer, number, recorder))
            yield


def leaves(model: keras.Model) -> Iterator[Any]:
    """The layers that stand in a model, or in models within it."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            yield layer


def _kernel(layer: keras.Layer) -> Any:
    """The first trained matrix of a layer; None if it has none."""
    return next((v for v in layer.trainable_weights if len(v.shape) >= 2), None)


def _has_activation(layer: keras.Layer) -> bool:
    return callable(getattr(layer, "activation", None))


def _activation_name(layer: keras.Layer) -> str:
    if _has_activation(layer):
        return str(getattr(layer.activation, "__name__", "custom"))
    if type(layer).__module__.startswith("keras.src.layers.activations."):
        return {"ReLU": "relu", "LeakyReLU": "leaky_relu", "PReLU": "prelu", "ELU": "elu"}.get(
            type(layer).__name__, snake_case(type(layer).__name__)
        )
    return "linear"


def _watchable(layer: keras.Layer) -> bool:
    """Whether a layer is one of Keras's that calls its activation once, outside any loop."""
    module, kind = type(layer).__module__, type(layer).__name__
    if _has_activation(layer):
        places = ("core.dense", "core.einsum_dense", "convolutional", "activations.activation")
        return any(module.startswith(f"keras.src.layers.{place}") for place in places)
    return kind == "BatchNormalization" or module.startswith("keras.src.layers.activations.")


def _activation(layer: keras.Layer, number: int, recorder: Recorder) -> Any:
    """A layer's activation, watched."""
    import keras

    function = layer.activation
    elementwise = is_elementwise(function)
    if function is keras.activations.linear:
        function = linear

    def watched(x: jax.Array) -> Any:
        return recorder.activate(number, function, x, elementwise)

    return watched


def _call(layer: keras.Layer, number: int, recorder: Recorder) -> Any:
    """The call of an activation's layer or of a batch normalisation, watched."""
    call = layer.call
    if type(layer).__name__ != "BatchNormalization":
        elementwise = type(layer).__name__ != "Softmax"

        def activated(inputs: jax.Array, *rest: Any, **options: Any) -> Any:
            return recorder.activate(
                number, lambda x: call(x, *rest, **options), inputs, elementwise
            )

        return activated

    def normalised(inputs: jax.Array, *rest: Any, **options: Any) -> Any:
        if layer.axis in (-1, inputs.ndim - 1):
            averages = layer.moving_mean.value, layer.moving_variance.value
            recorder.normalise(number, inputs, averages)
        return recorder.activate(number, linear, call(inputs, *rest, **options))

    return normalised
