"""Keras's own callbacks whose decisions follow from their configuration and a fit's logs alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kohort.engine.content import NoContentError, digest_of
from kohort.estimators.keras_models.pure_functions import content_of

if TYPE_CHECKING:
    import keras

_MONITOR = "monitor mode min_delta patience monitor_op"
_CONFIGURED = {
    "EarlyStopping": f"{_MONITOR} baseline restore_best_weights start_from_epoch".split(),
    "ReduceLROnPlateau": f"{_MONITOR} factor min_lr cooldown".split(),
    "LearningRateScheduler": ["schedule"],
    "TerminateOnNaN": ["raise_error"],
}
_STATE = frozenset(
    "best wait stopped_epoch best_weights best_epoch cooldown_counter verbose validation_data "
    "_model params".split()
)


def digest_of_callbacks(callbacks: Sequence[Any], model: keras.Model) -> str | None:
    """A digest of the decisions that callbacks make during a fit that has just begun.

    Parameters
    ----------
    callbacks : sequence of Callback
    model : keras.Model
        The compiled model that they hear of.

    Returns
    -------
    str or None
        Equal where they decide the same for equal logs. None if that cannot be told: with
        callbacks of other kinds, of a user's own, and with schedules that may do anything. None
        also of several early stoppings, since an outcome keeps what one has put aside.
    """
    if sum(type(callback).__name__ == "EarlyStopping" for callback in callbacks) > 1:
        return None
    try:
        return digest_of(*(_content(callback, model) for callback in callbacks))
    except NoContentError:
        return None


def _content(callback: keras.callbacks.Callback, model: keras.Model) -> tuple[object, ...]:
    kind = type(callback)
    configured = _CONFIGURED.get(kind.__name__, ()) if _is_kerass(kind) else ()
    own = vars(callback)
    if not configured or own.keys() - _STATE - set(configured):
        raise NoContentError(f"{kind.__name__} may do anything")
    values = [(name, _setting(name, own.get(name))) for name in configured]
    return kind.__name__, values, _directions(own, model)


def _setting(name: str, value: object) -> object:
    if name == "schedule":
        return content_of(value)
    return getattr(value, "__name__", repr(value)) if name == "monitor_op" else value


def _directions(own: dict[str, Any], model: keras.Model) -> list[tuple[str, str]]:
    """Metrics of which Keras knows whether more is better, where the callback leaves it to Keras.

    It asks the metrics' classes; those of others may say what they like.
    """
    if own.get("mode") != "auto" or own["monitor"] in ("loss", "val_loss"):
        return []
    metrics = [each for one in model.metrics for each in getattr(one, "metrics", [one])]
    if not all(_is_kerass(type(metric)) for metric in metrics):
        raise NoContentError("metrics of a user's own")
    return [(metric.name, type(metric).__name__) for metric in metrics]


def _is_kerass(kind: type) -> bool:
    return kind.__module__.startswith("keras.")
