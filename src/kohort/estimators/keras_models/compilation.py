"""An estimator's optimizer, loss and metrics as the objects that a Keras model is compiled with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from kohort.arrays import Estimator, LossLike, MetricsLike, OptimizerLike
from kohort.errors import ParameterError, explain, hint
from kohort.estimators.keras_models.assembly import assembled, configured
from kohort.estimators.keras_models.routing import routed
from kohort.networks.lifted.keras_private import compile_options, keep_exclusions
from kohort.networks.lifted.names import snake_case
from kohort.studies.prepared import is_auto

if TYPE_CHECKING:
    import keras


_COMPILED_METRICS = ("accuracy", "acc", "crossentropy", "ce")
"""Names that `keras.Model.compile` gives the metric of the loss for."""

_SHORT = ("mse", "mae", "mape", "msle", "bce")
"""Names that Keras knows and its modules do not have."""


def optimizer_like(optimizer: keras.Optimizer) -> Any:
    """A new optimizer of the same settings, those that its configuration leaves out included."""
    copy = type(optimizer).from_config(optimizer.get_config())
    keep_exclusions(optimizer, copy)
    if hasattr(optimizer, "inner_optimizer"):
        keep_exclusions(optimizer.inner_optimizer, copy.inner_optimizer)
    return copy


def _optimizer(estimator: Estimator, compiled: OptimizerLike, rate: float | None = None) -> Any:
    """The optimizer that the parameters ask for; None for the one that the model has."""
    import keras

    options = routed(estimator, "optimizer")
    options = {**getattr(estimator, "_optimizer_options", {}), **options}
    if is_auto(options.get("learning_rate")):
        del options["learning_rate"]
    if rate is not None:
        options["learning_rate"] = rate
    if isinstance(options.get("learning_rate"), Real):
        options["learning_rate"] = float(options["learning_rate"])  # Keras takes 1 for a mistake.
    chosen = estimator.optimizer if estimator.optimizer is not None else compiled
    if estimator.optimizer is None and not options:
        return None
    if chosen is None:
        chosen = "rmsprop"
    if isinstance(chosen, str):
        _refuse_unknown_name("optimizer", chosen)
        chosen = type(keras.optimizers.get(chosen))
    try:
        made = configured(chosen, options)
        if not inspect.isclass(chosen):
            keep_exclusions(chosen, made)
        return optimizer_like(made)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            explain("optimizer__*", "parameters of the optimizer", options, str(error))
        ) from error


def loss_of(estimator: Estimator, known: LossLike = None) -> Any:
    """The loss that the parameters ask for, or `known` with their options; None for neither."""
    import keras

    def named(name: str) -> Any:
        found = keras.losses.get(name)
        return getattr(keras.losses, _camel(name), None) or type(found)

    return _of_parameters(estimator, "loss", known, named)


def _metrics(estimator: Estimator, known: MetricsLike = None) -> Any:
    """The metrics that the parameters ask for, or `known` with their options; None for neither."""
    import keras

    metrics = _of_parameters(
        estimator, "metrics", known, lambda name: type(keras.metrics.get(name))
    )  # fmt: skip
    return metrics if metrics is None or isinstance(metrics, list | tuple | dict) else [metrics]


def _of_parameters(
    estimator: Estimator, route: str, known: LossLike | MetricsLike, named: Callable[[str], Any]
) -> Any:  # fmt: skip
    options, given = routed(estimator, route), getattr(estimator, route)
    if given is None:
        given = known if options else None

    def one(chosen: Any, own: dict[str, Any]) -> Any:
        if isinstance(chosen, str):
            _refuse_unknown_name(route, chosen)
        return None if chosen is None else configured(chosen, own, named)

    try:
        return assembled(given, options, one)
    except ParameterError:
        raise
    except (TypeError, ValueError) as error:
        raise ParameterError(
            explain(f"{route}__*", f"parameters of the {route}", options, str(error))
        ) from error


def _refuse_unknown_name(route: str, name: str) -> None:
    """Raise `ParameterError` if Keras knows no optimizer, loss or metric of this name."""
    import keras

    rooms = {"optimizer": "optimizers", "loss": "losses", "metrics": "metrics"}
    room = getattr(keras, rooms[route])
    if route == "metrics" and name.lower() in _COMPILED_METRICS:
        return
    try:
        known = room.get(name) is not None
    except ValueError:
        known = False
    if not known:
        names = [snake_case(other) for other in dir(room) if not other.startswith("_")]
        remedy = hint(name, [*names, *_SHORT]) or f"See dir(keras.{rooms[route]})."
        wanted = f"a name that keras.{rooms[route]} knows"
        raise ParameterError(explain(route, wanted, name, remedy))


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def compile_arguments(estimator: Estimator) -> dict[str, Any]:
    """Arguments of `keras.Model.compile`, for build functions that ask for them.

    Returns
    -------
    dict
        `optimizer`, an object, RMSprop if none was given; `loss`, `metrics`, `run_eagerly`, and the
        parameters with the prefix `compile__`, without it.
    """
    import keras

    return {
        "optimizer": _optimizer(estimator, None) or keras.optimizers.RMSprop(),
        "loss": loss_of(estimator),
        "metrics": _metrics(estimator),
        "run_eagerly": bool(estimator.run_eagerly),
        **routed(estimator, "compile"),
    }


def compile_model(
    estimator: Estimator,
    model: keras.Model,
    meta: Mapping[str, Any],
    outputs: Sequence[tuple[int, ...]],
    rate: float | None = None,
) -> None:
    """Compile a model that is not, and one whose compilation the parameters change.

    Parameters
    ----------
    outputs : sequence of tuples
        Shape of a row of each output.
    rate : float or None, default=None
        Learning rate in place of what the parameters and the optimizer say.

    Raises
    ------
    ParameterError
        If options are given for a loss or metrics that no one gave.
    """
    old = compile_options(model) if model.compiled else {}
    default = None if model.compiled else _default_loss(meta, outputs)
    asked = {
        "optimizer": _optimizer(estimator, model.optimizer if model.compiled else None, rate),
        "loss": loss_of(estimator, old.get("loss") or default),
        "metrics": _metrics(estimator, old.get("metrics")),
        "run_eagerly": estimator.run_eagerly or None,
    }
    options = {**{n: v for n, v in asked.items() if v is not None}, **routed(estimator, "compile")}
    _refuse_options_of_nothing(estimator, options)
    if options or not model.compiled:
        options = {"optimizer": "rmsprop", "loss": default, **old, **options}
        model.compile(**options)


def _refuse_options_of_nothing(estimator: Estimator, options: Mapping[str, Any]) -> None:
    for route in ("loss", "metrics"):
        given = routed(estimator, route)
        if given and options.get(route) is None:
            remedy = f"Give `{route}` too, or leave the options out."
            raise ParameterError(
                explain(f"{route}__*", f"options of a given `{route}`", given, remedy)
            )


def _default_loss(meta: Mapping[str, Any], outputs: Sequence[tuple[int, ...]]) -> str:
    """The loss of a model that comes without one."""
    if "classes_" not in meta:
        return "mse"
    single = outputs[0][-1:] == (1,)
    binary = single or meta["target_type_"] == "multilabel-indicator"
    return "binary_crossentropy" if binary else "sparse_categorical_crossentropy"
