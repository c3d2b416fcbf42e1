"""Keras's training, test and prediction steps of one model, as pure functions of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kohort.arrays import Array, Tree
from kohort.deferred import jax, jnp
from kohort.networks.base import BLOCK
from kohort.networks.lifted.chain import hidden_layers, resolved, templates, widths_of
from kohort.networks.lifted.columns import Columns
from kohort.networks.lifted.keras_private import (
    accept_any_input,
    by_output,
    compiled_loss,
    compiled_metrics,
    entries_of,
    layers_of,
    plain_metrics,
    put_entries,
    put_shape,
    takes_training,
    weighted_metrics,
)
from kohort.networks.lifted.masked_losses import masks_of, may_mask, over_existing, with_masks
from kohort.networks.lifted.names import stable_names
from kohort.networks.lifted.replacing import replacing
from kohort.networks.lifted.variables import Variables, normalizations
from kohort.networks.randomness import mix

if TYPE_CHECKING:
    import keras

_STRIDE = 1024
"""Random draws of one generator in one step, at most."""


class Functions:
    """A model's step, judgement and prediction as pure functions of `state`, a list of arrays.

    Parameters
    ----------
    model : keras.Model
        Compiled and built.
    x, y : Columns
    batch_size : int

    Attributes
    ----------
    masked : bool
        Whether a Keras mask, or an ignored class, reaches a loss.
    judged_rows : int
        Rows that one call of `judge` takes; whole batches where a mask reaches a loss.
    """

    def __init__(self, model: keras.Model, x: Columns, y: Columns, batch_size: int) -> None:
        self.model, self.x, self.y, self.batch_size = model, x, y, batch_size
        outputs = jax.tree.leaves(model.compute_output_spec(x.symbolic()))
        self.outputs = [tuple(tensor.shape[1:]) for tensor in outputs]
        self.hidden = hidden_layers(model)
        self.widths = widths_of(x.width, self.hidden)
        variables = Variables(model)
        self.variables = variables
        known = templates(model, self.hidden) if self.hidden else {}
        self.templates = [known.get(id(v), tuple(v.shape)) for v in variables.carried]
        self.masked = False
        self.masked = may_mask(model) and self._finds_masks()
        self.judged_rows = batch_size * -(-BLOCK // batch_size) if self.masked else BLOCK

    def _finds_masks(self) -> bool:
        """Whether a mask reaches a loss; tried on shapes alone."""
        found: list[Any] = []
        dtype, rows = jnp.dtype(self.dtype), self.batch_size
        shapes = [resolved(template, self.widths) for template in self.templates]
        state = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
        columns = self.x.width, self.y.width
        x, y = (jax.ShapeDtypeStruct((rows, width), dtype) for width in columns)
        weight = jax.ShapeDtypeStruct((rows,), dtype)
        units = jnp.asarray([layer.units for layer in self.hidden], jnp.int32)

        def judged(state: list[jax.Array], x: jax.Array, y: jax.Array, weight: jax.Array) -> Any:
            lists = self._scopes(state, jnp.uint32(0), jnp.int32(0))
            return self._judged(lists, x, y, weight, weight > 0, units, found)[0]

        jax.eval_shape(judged, state, x, y, weight)
        return bool(found)

    def _scopes(
        self, state: Sequence[Any], seed: jax.Array, index: jax.Array
    ) -> tuple[list[Any], ...]:
        """The lists that Keras's stateless functions take."""
        variables = self.variables
        values = {
            id(variable): value.astype(variable.dtype)
            for variable, value in zip(variables.carried, state, strict=True)
        }
        for number, generator in enumerate(variables.seeds):
            mixed = mix(seed + jnp.uint32(0x9E3779B9 * (number + 1) & 0xFFFFFFFF))
            count = jnp.uint32(_STRIDE) * index.astype(jnp.uint32)
            values[id(generator)] = jnp.stack([mixed, count])
        for variable in variables.held:
            values[id(variable)] = jnp.zeros(variable.shape, variable.dtype)
        return tuple([values[id(variable)] for variable in part] for part in self._lists)

    @property
    def _lists(self) -> tuple[list[Any], ...]:
        """The model's variables, list by list as Keras's stateless functions take them."""
        model = self.model
        return (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )

    def _carried(self, lists: Sequence[Sequence[Any]]) -> list[jax.Array]:
        values = {
            id(variable): value
            for part, given in zip(self._lists, lists, strict=True)
            for variable, value in zip(part, given, strict=True)
        }
        dtype = jnp.dtype(self.dtype)
        return [jnp.asarray(values[id(v)]).astype(dtype) for v in self.variables.carried]

    @property
    def dtype(self) -> str:
        import keras

        return str(keras.config.floatx())

    def step(
        self, state: list[Any], x: jax.Array, y: jax.Array, share: jax.Array, rows: jax.Array,
        rate: jax.Array, fresh: jax.Array, seed: jax.Array, index: jax.Array, units: jax.Array,
    ) -> tuple[list[Any], Any]:  # fmt: skip
        """Keras's `train_step`."""
        model = self.model
        trained, other, optimizer, metrics = self._scopes(state, seed, index)
        fed = self.variables.rate
        optimizer = [
            rate.astype(value.dtype) if v is fed else value
            for v, value in zip(model.optimizer.variables, optimizer, strict=True)
        ]
        initial = self.initial_metrics()
        metrics = [jnp.where(fresh > 0, a, b) for a, b in zip(initial, metrics, strict=True)]
        exists = jnp.arange(self.batch_size, dtype=jnp.int32) < rows
        inputs, targets = self.x.split(x), self.y.split(y)
        weight, before = self._for_each_output(share * self.batch_size), metrics
        with self._patched(exists, units):
            gradient = jax.value_and_grad(model.compute_loss_and_updates, has_aux=True)
            (_, (loss, outputs, other, metrics)), grads = gradient(
                trained, other, metrics, inputs, targets, weight,
                training=True, optimizer_variables=optimizer,
            )  # fmt: skip
            trained, optimizer = model.optimizer.stateless_apply(optimizer, grads, trained)
        metrics = self._counted(before, metrics, rows / self.batch_size)
        metrics = self._updated(metrics, targets, outputs, share * rows, exists)
        return self._carried([trained, other, optimizer, metrics]), loss.astype(x.dtype)

    def judge(
        self, state: list[Any], x: jax.Array, y: jax.Array, weight: jax.Array, exists: jax.Array,
        units: jax.Array,
    ) -> tuple[list[Any], Any]:  # fmt: skip
        """Keras's `test_step` over the rows that exist.

        A loss that a mask thins out is a mean over what the mask leaves of each batch, as in
        Keras: such rows are judged batch by batch.
        """
        lists = self._scopes(state, jnp.uint32(0), jnp.int32(0))
        *fixed, before = lists
        size = self.batch_size if self.masked else len(x)

        def judged(
            x: jax.Array, y: jax.Array, weight: jax.Array, exists: jax.Array
        ) -> tuple[Any, ...]:
            loss, outputs, metrics = self._judged(lists, x, y, weight, exists, units)
            return loss, outputs, masks_of(outputs), metrics, jnp.sum(exists.astype(x.dtype))

        rows = (x, y, weight, exists)
        if size == len(x):
            loss, outputs, masks, metrics, real = judged(*rows)
            metrics = self._counted(before, metrics, real / size)
        else:
            parts = [part.reshape(-1, size, *part.shape[1:]) for part in rows]
            losses, *joined, after, counts = jax.vmap(judged)(*parts)
            outputs, masks = jax.tree.map(lambda part: part.reshape(-1, *part.shape[2:]), joined)
            loss = jnp.sum(losses * counts) / jnp.maximum(jnp.sum(counts), 1)
            metrics = [
                (old + jnp.tensordot(counts / size, new - old, 1)).astype(old.dtype)
                for old, new in zip(before, after, strict=True)
            ]
        metrics = self._updated(
            metrics, self.y.split(y), with_masks(outputs, masks), weight, exists
        )
        return self._carried([*fixed, metrics]), loss.astype(x.dtype)

    def _judged(
        self, lists: Sequence[Any], x: jax.Array, y: jax.Array, weight: jax.Array,
        exists: jax.Array, units: jax.Array, found: list[Any] | None = None,
    ) -> tuple[Any, Any, Any]:  # fmt: skip
        """Loss, outputs and metrics of one batch without training; `found` receives masks."""
        trained, other, _, metrics = lists
        existing = exists.astype(x.dtype)
        share = jnp.where(exists, weight, 0) * (len(x) / jnp.maximum(jnp.sum(existing), 1))
        with self._patched(exists, units, training=False, found=found):
            loss, (_, outputs, _, metrics) = self.model.compute_loss_and_updates(
                trained, other, metrics, self.x.split(x), self.y.split(y),
                self._for_each_output(share),
            )  # fmt: skip
        return loss, outputs, metrics

    def predict(self, state: list[Any], x: jax.Array, units: jax.Array) -> Any:
        """All outputs, side by side."""
        nothing = jnp.uint32(0), jnp.int32(0)
        trained, other, *_ = self._scopes(state, *nothing)
        options = {"training": False} if takes_training(self.model) else {}
        with self._patched(None, units, training=False):
            outputs, _ = self.model.stateless_call(trained, other, self.x.split(x), **options)
        flat = [part.reshape(len(x), -1).astype(x.dtype) for part in jax.tree.leaves(outputs)]
        return jnp.concatenate(flat, axis=1)

    def reset(self, state: list[Any]) -> list[Any]:
        """The state with metrics that have seen nothing."""
        lists = self._scopes(state, jnp.uint32(0), jnp.int32(0))
        return self._carried([*lists[:3], self.initial_metrics()])

    def results(self, state: list[Any]) -> Any:
        """The metrics' values."""
        *_, metrics = self._scopes(state, jnp.uint32(0), jnp.int32(0))
        values = self.logs(metrics)
        for name, value in values.items():
            if value.ndim:
                raise UntraceableError(f"the metric {name!r} gives a value for each class")
        return jnp.stack([values[name].astype(state[0].dtype) for name in values])

    def logs(self, metrics: Sequence[Any]) -> dict[str, Any]:
        import keras

        model = self.model
        with keras.StatelessScope(zip(model.metrics_variables, metrics, strict=True)):
            logs = model.get_metrics_result()
        stable = stable_names(model, [name for name in logs if name != "loss"])
        return {name: jnp.asarray(logs[old]) for old, name in stable.items()}

    def initial_metrics(self) -> list[Any]:
        import keras

        model = self.model
        with keras.StatelessScope() as scope:
            model.reset_metrics()
        return [
            jnp.asarray(found if (found := scope.get_current_value(v)) is not None else v.value)
            for v in model.metrics_variables
        ]

    def _counted(self, before: Sequence[Any], after: Sequence[Any], share: jax.Array) -> list[Any]:
        """Trackers of each output's loss, which count every row, made to count those that exist."""
        trackers = {id(v) for metric in compiled_loss(self.model).metrics for v in metric.variables}
        return [
            (old + (new - old) * share).astype(new.dtype) if id(variable) in trackers else new
            for variable, old, new in zip(
                self.model.metrics_variables, before, after, strict=True
            )
        ]  # fmt: skip

    def _updated(
        self, metrics: Sequence[Any], targets: Tree, outputs: Tree, weight: jax.Array,
        exists: jax.Array,
    ) -> list[Any]:  # fmt: skip
        """Metrics after these rows: plain ones see which exist, weighted ones their weights."""
        import keras

        compiled = compiled_metrics(self.model)
        variables = self.model.metrics_variables
        if compiled is None or not compiled.metrics:
            return list(metrics)
        targets, outputs = by_output(compiled, targets), by_output(compiled, outputs)
        exists = exists.astype(weight.dtype)
        with keras.StatelessScope(zip(variables, metrics, strict=True)) as scope:
            for group, share in (
                (plain_metrics(compiled), exists),
                (weighted_metrics(compiled), weight * exists),
            ):
                for metric, target, output in zip(group, targets, outputs, strict=False):
                    if metric:
                        weights = _for_output(share, output)
                        metric.update_state(target, output, sample_weight=weights)
        return [
            found if (found := scope.get_current_value(v)) is not None else old
            for v, old in zip(variables, metrics, strict=True)
        ]

    def _for_each_output(self, weight: jax.Array) -> Any:
        weights = [weight.reshape(-1, *[1] * (len(shape) - 1)) for shape in self.outputs]
        if self.y.names is not None:
            return dict(zip(self.y.names, weights, strict=True))
        return weights[0] if len(weights) == 1 else weights

    @contextmanager
    def _patched(
        self, exists: jax.Array | None, units: jax.Array, training: bool = True,
        found: list[Any] | None = None,
    ) -> Iterator[None]:  # fmt: skip
        """The model with padded widths, with losses and, in training, batch statistics over the
        rows that exist.
        """
        with replacing() as replace:
            for layer in layers_of(self.model):
                replace(layer, "add_loss", _refuse_loss(layer))
            if training and exists is not None:
                for layer in normalizations(self.model):
                    replace(layer, "call", _over_existing(layer, exists))
            if exists is not None and (self.masked or found is not None):
                compiled, met = compiled_loss(self.model), [] if found is None else found
                losses = [
                    entry._replace(loss=over_existing(entry.loss, exists, met))
                    for entry in entries_of(compiled)
                ]
                put_entries(replace, compiled, losses)
            if self.hidden:
                self._pad(replace, units)
            yield

    def _pad(self, replace: Callable[[Any, str, Any], None], units: jax.Array) -> None:
        for variable, template in zip(self.variables.carried, self.templates, strict=True):
            shape = resolved(template, self.widths)
            if shape != tuple(variable.shape):
                put_shape(replace, variable, shape)
        layers = self.model.layers
        start = layers.index(self.hidden[0]) + 1
        position = 0
        for layer in layers[start:]:
            accept_any_input(replace, layer)
            if type(layer).__name__ == "Dense":
                width = self.widths[position]
                exists = jnp.arange(width, dtype=jnp.int32) < units[position]
                replace(layer, "call", _of_existing(layer, exists))
                position += 1
            if position == len(self.hidden):
                break


class UntraceableError(Exception):
    """A model cannot be trained in a cohort; the text names the reason."""


def _for_output(weight: jax.Array, output: jax.Array) -> Any:
    """Weights of rows for an output of any number of axes, of which the loss takes the last."""
    return weight.reshape(-1, *[1] * max(0, output.ndim - 2))


def _refuse_loss(layer: keras.Layer) -> Callable[..., None]:
    def add_loss(loss: keras.Loss) -> None:
        raise UntraceableError(f"the layer {layer.name!r} adds a loss over whole batches")

    return add_loss


def _over_existing(layer: keras.Layer, rows: jax.Array) -> Callable[..., Any]:
    """A batch normalisation's call, with statistics over the rows that exist."""

    def call(inputs: Array, training: bool | None = None, mask: jax.Array | None = None) -> Any:
        shape = inputs.shape[:-1]
        real = jnp.broadcast_to(rows.reshape(-1, *[1] * (len(shape) - 1)), shape)
        mask = real if mask is None else jnp.logical_and(real, mask)
        return type(layer).call(layer, inputs, training=training, mask=mask)

    return call


def _of_existing(layer: keras.Layer, units: jax.Array) -> Callable[..., Any]:
    """A dense layer's call on the units that exist."""

    def call(inputs: Array, *rest: Any, **options: Any) -> Any:
        return type(layer).call(layer, jnp.where(units, inputs, 0), *rest, **options)

    return call
