"""Everything of Keras that has no public name and that kohort uses nevertheless.

Checked with Keras 3.15.1. Nothing else in kohort reads these names (a test says so), so that this
file is all there is to check for another version of Keras. Values that kohort writes into a user's
objects, such as a callback's epoch, stand where they are written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Private = Any
"""An object of Keras that has no public type."""


def layers_of(model: Private, itself: bool = True) -> list[Private]:
    """Return all layers within a model, nested ones included, with the model itself or without.

    `Model.layers` has the outermost ones alone.
    """
    return list(model._flatten_layers(include_self=itself))


def compiled_loss(model: Private) -> Private:
    """Return the container of a compiled model's losses."""
    return model._compile_loss


def entries_of(losses: Private) -> Sequence[Private]:
    """Return a container's losses, each with its `name` and `loss`; none before it is built."""
    return losses._flat_losses or ()


def put_entries(replace: Private, losses: Private, entries: Sequence[Private]) -> None:
    """Put other losses in place of a container's, by a function `replace(thing, name, value)`."""
    replace(losses, "_flat_losses", list(entries))


def compiled_metrics(model: Private) -> Private:
    """Return the container of a compiled model's metrics; None if it has none."""
    return model._compile_metrics


def by_output(metrics: Private, values: Private) -> list[Private]:
    """Return targets or outputs in the order in which a container's metrics take them."""
    found: list[Private] = metrics._flatten_y(values)
    return found


def plain_metrics(metrics: Private) -> Sequence[Private]:
    """Return a container's metrics that take no weights, one or None for each output."""
    found: Sequence[Private] = metrics._flat_metrics
    return found


def weighted_metrics(metrics: Private) -> Sequence[Private]:
    """Return a container's weighted metrics, one or None for each output."""
    found: Sequence[Private] = metrics._flat_weighted_metrics
    return found


def function_of(metric: Private) -> Private:
    """Return the function that a metric averages; None if it averages none."""
    return getattr(metric, "_fn", None)


def function_options(loss: Private) -> Mapping[str, Private]:
    """Return the numbers that a loss gives to its function, which `get_config` may leave out."""
    return getattr(loss, "_fn_kwargs", None) or {}


def compile_options(model: Private) -> dict[str, Private]:
    """Return the arguments that a model was compiled with; {} if it was not."""
    config = getattr(model, "_compile_config", None)
    return dict(config.config) if config else {}


def build_compilation(model: Private, y: Private) -> None:
    """Build losses, metrics and optimizer of a built model with one output, for such targets.

    Keras's `fit` does so by running the model on symbols.
    """
    for part in (model._compile_metrics, model._compile_loss):
        if part is not None and not part.built:
            part.build(y, model.outputs[0])
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    model._post_build()


def unbuild_compilation(model: Private) -> None:
    """Let losses and metrics be built once more."""
    for part in (model._compile_metrics, model._compile_loss):
        if part is not None:
            part.built = False


def loss_tracker(model: Private) -> Private:
    """Return the metric that averages a model's loss."""
    return model._loss_tracker


def learning_rate_of(optimizer: Private) -> Private:
    """Return the variable or the schedule that sets an optimizer's learning rate.

    The public `learning_rate` is a value.
    """
    return getattr(optimizer, "_learning_rate", None)


def slots_of(optimizer: Private) -> dict[str, Private]:
    """Return an optimizer's lists of variables that run parallel to the trained ones, by name."""
    return {name: v for name, v in vars(optimizer).items() if isinstance(v, list | tuple)}


def product_of_momenta(optimizer: Private) -> Private:
    """Return the variable in which Nadam keeps its product of momenta."""
    return optimizer._u_product


def kept_from_decay(optimizer: Private) -> Private:
    """Return variables, or patterns of names, that weight decay leaves out; falsy for none."""
    return getattr(optimizer, "_exclude_from_weight_decay", None) or getattr(
        optimizer, "_exclude_from_weight_decay_pattern", None
    )


def mask_of(tensor: Private) -> Private:
    """Return the mask that a layer has left with a tensor; None for none."""
    from keras.src import backend

    return backend.get_keras_mask(tensor)


def put_mask(tensor: Private, mask: Private) -> None:
    """Leave a mask with a tensor."""
    from keras.src import backend

    backend.set_keras_mask(tensor, mask)


def keep_exclusions(old: Private, new: Private) -> None:
    """Let an optimizer's weight decay leave out the same variables as another's."""
    for name in ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"):
        if name in vars(old):
            object.__setattr__(new, name, vars(old)[name])


def outputs_of_call(model: Private) -> Private:
    """Return the symbolic outputs of a functional model in their structure; None for others."""
    return getattr(model, "_outputs_struct", None)


def takes_training(model: Private) -> bool:
    """Whether a model's `call` has an argument `training`."""
    return bool(model._call_has_training_arg)


def put_shape(replace: Private, variable: Private, shape: tuple[int, ...]) -> None:
    """Give a variable another shape, by a function `replace(thing, name, value)`."""
    replace(variable, "_shape", shape)


def accept_any_input(replace: Private, layer: Private) -> None:
    """Let a layer take inputs of another width, by a function `replace(thing, name, value)`."""
    replace(layer, "_assert_input_compatibility", lambda *args, **options: None)
